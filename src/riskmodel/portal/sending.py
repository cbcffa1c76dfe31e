"""Files that are taken along from any page: sent as ones to be kept, under a safe name; tables as CSV or as a spreadsheet."""

from __future__ import annotations

from collections.abc import Callable

from riskmodel.messages import Message
from riskmodel.portal.handlers import PageHandler
from riskmodel.views import exports
from riskmodel.views.exports import ExportTable
from riskmodel.views.school_exports import long_table

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


class FileHandler(PageHandler):
    """Sends a file as one to be kept; that it was taken is in the audit before."""

    def send(self, content: bytes, kind: str, stem: Message) -> None:
        """Answer with a file; ``stem`` is its name without ending, of plain letters in every language."""
        self.set_header("Content-Type", CONTENT_TYPES[kind])
        name = f"{stem.in_language(self.language)}.{kind}"
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.finish(content)

    async def send_tables(
        self, tables: Callable[[], list[ExportTable]], kind: str, stem: Message, *, is_long: bool = False
    ) -> None:
        """Answer with tables, made beside the others' requests, as the sheets of a spreadsheet.

        A CSV file holds the first of them; with ``is_long`` all of them, in a row for each value.
        """

        def made() -> bytes:
            sheets = tables()
            if kind == "xlsx":
                return exports.xlsx_bytes(sheets, self.language)
            return exports.csv_bytes(long_table(sheets, self.language) if is_long else sheets[0], self.language)

        self.send(await self.desk.in_thread(made), kind, stem)

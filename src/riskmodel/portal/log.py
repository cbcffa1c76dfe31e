"""The server's log: one JSON object a line, with fields of a fixed list, none of which can hold a person or an address.

A request is told by the name of its handler, never by its path; an error by its class, never by its text. What a library
says is reduced to which library said it and how bad it is.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from tornado.web import RequestHandler

LOG = logging.getLogger("riskmodel.portal")
FIELDS = frozenset(
    {"event", "handler", "method", "status", "milliseconds", "language", "reference", "error", "run_id", "count"}
)


def note(event: str, **fields: str | int) -> None:
    """Write one line.

    Raises
    ------
    ValueError
        For a field that is not on the list.
    """
    if unknown := sorted(set(fields) - FIELDS):
        raise ValueError(f"the log has no field {', '.join(unknown)}")
    LOG.info(_line({"event": event, **fields}))


def note_request(handler: RequestHandler) -> None:
    """Write the line of a finished request; tornado calls this."""
    note(
        "request",
        handler=type(handler).__name__,
        method=handler.request.method if handler.request.method in {"GET", "HEAD", "POST"} else "other",
        status=handler.get_status(),
        milliseconds=round(1000 * handler.request.request_time()),
        language=str(getattr(handler, "language", "")),
    )


def write_to_standard_error() -> None:
    """Send our lines to standard error, and of every library's only who spoke, how bad it is and the class of the error."""
    own, others = logging.StreamHandler(), logging.StreamHandler()
    own.setFormatter(logging.Formatter("%(message)s"))
    others.setFormatter(WithoutText())
    LOG.handlers, LOG.propagate = [own], False
    LOG.setLevel(logging.INFO)
    root = logging.getLogger()
    root.handlers = [others]
    root.setLevel(logging.WARNING)
    # Voila's own logger has handlers of its own and would write the texts of errors.
    for name in ("tornado.access", "tornado.application", "tornado.general", "asyncio", "voila", "traitlets"):
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True


class WithoutText(logging.Formatter):
    """Says who spoke and how bad it is; what was said may hold data."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a library's record."""
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        return _line({"event": f"library {record.levelname.lower()}", "handler": record.name, "error": error})


def _line(fields: dict[str, str | int]) -> str:
    return json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}, ensure_ascii=True)

"""From the bytes of a delivered file to clean text in UTF-8, or to a reason why the file is refused whole.

Nothing is guessed per cell. The encoding is declared in the mapping, or the file is UTF-8, or it is UTF-16
with its mark, or it is Windows-1257 and its letters prove that. A file that is not clean is copied
into a private working folder in UTF-8; a clean one is read where it lies.
"""

from __future__ import annotations

import gzip
import re
import stat
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from riskmodel.errors import DeliveryError
from riskmodel.messages import Message, message, plural

ENCODINGS = {"utf-8": "utf-8", "windows-1257": "cp1257", "iso-8859-13": "iso8859_13", "utf-16": "utf-16"}
"""Encodings that a mapping may declare, and Python's names for them."""

BLOCK_BYTES = 4 << 20
SAMPLED_BLOCKS, SAMPLED_CHARACTERS = 8, 1_000_000
"""How much of the text with letters beyond ASCII is counted; the rest of a file of gigabytes tells nothing new."""

LATVIAN_LETTERS = frozenset("āčēģīķļņōŗšūžĀČĒĢĪĶĻŅŌŖŠŪŽ")
MISREAD_LETTERS = frozenset("âèçìîíïòðûþÂÈÇÌÎÍÏÒÐÛÞÄÅÃ")
"""What Latvian letters turn into when Windows-1257 or UTF-8 is read as Latin-1 or Windows-1252 (Šķēle: Ðíçle)."""
LEAST_LATVIAN_SHARE = 0.6
MOST_MISREAD_SHARE = 0.5
FEWEST_MISREAD_LETTERS = 3


@dataclass(frozen=True)
class Limits:
    """How much a file may hold before it is refused. Policy numbers of the border."""

    max_file_bytes: int = 12 * 10**9
    """A national year of lesson rows is 8 to 9 GB as CSV. Counts for the unpacked size too."""
    max_undecodable_share: float = 0.01
    """Share of rows with invalid bytes up to which only those rows are put aside."""
    max_columns: int = 1000
    max_cell_characters: int = 100_000


@dataclass
class Survey:
    """What one pass over the bytes of a file found."""

    lines: int = 0
    line_feeds: int = 0
    carriage_returns: int = 0
    pairs: int = 0
    undecodable_lines: int = 0
    first_undecodable_line: int = 0
    has_other_letters: bool = False
    has_blank_lines: bool = False
    has_spaced_quotes: bool = False
    """A quotation mark beside a space, of which readers think differently."""
    letters: Counter[str] = field(default_factory=Counter)
    sampled_blocks: int = 0

    @property
    def has_plain_line_ends(self) -> bool:
        """Every line ends in LF, or every line ends in CR LF."""
        return self.carriage_returns == self.pairs and self.pairs in (0, self.line_feeds)

    def share_of(self, letters: frozenset[str]) -> float:
        """Return the share of ``letters`` in the letters beyond ASCII; 0 where there are none."""
        every = sum(self.letters.values())
        return sum(self.letters[letter] for letter in letters) / every if every else 0.0


@dataclass(frozen=True)
class Decoded:
    """A delivered text file that can be read.

    ``path`` holds it in UTF-8 with plain line ends, unless ``survey.undecodable_lines``: then it holds the
    delivered bytes, to be decoded line by line as ``codec``.
    """

    name: str
    path: Path
    encoding: str
    codec: str
    survey: Survey


def require_plain_file(path: Path, limits: Limits) -> None:
    """Refuse what is not an ordinary file of allowed size: a link, a pipe, a folder, a giant, an empty file."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise DeliveryError(
            message("A delivery must hold the files themselves."),
            found=message("Under this name there is a link, a folder or a device, which is not followed."),
            remedy=message("Copy the file itself into the folder of the delivery."),
            where=path.name,
        )
    if status.st_size > limits.max_file_bytes:
        raise _too_large(path.name, limits)
    if status.st_size == 0:
        raise _empty(path.name)


def decode(path: Path, declared: str | None, scratch: Path, limits: Limits, *, latvian: bool = True) -> Decoded:
    """Return the text of a delivered ``.csv`` or ``.csv.gz`` file, ready to be read.

    Parameters
    ----------
    declared
        The encoding that the mapping names (a key of ``ENCODINGS``), or None.
    scratch
        A private folder for copies.
    latvian
        The file holds Latvian words, so letters that Latvian does not use betray a wrong decoding.

    Raises
    ------
    DeliveryError
        When the file as a whole cannot be text of that kind. The message names rows, never content.
    """
    name, source = path.name, path
    if name.endswith(".gz"):
        source = _unpacked(path, scratch / f"{name}.unpacked", limits)
    with source.open("rb") as file:
        start = file.read(4096)
    _require_text(name, start)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        source = _from_utf_16(name, source, scratch / f"{name}.decoded")
        encoding, survey = "utf-16", survey_of(source, "utf-8")
    elif declared == "utf-16" or start.count(0) > len(start) // 5:
        raise DeliveryError(
            message("A text in UTF-16 must begin with its byte order mark."),
            found=message("The mark is missing."),
            remedy=_SAVE_AS_UTF_8,
            where=name,
        )
    else:
        encoding, survey = _encoding(name, source, declared, limits)
    if not survey.lines:
        raise _empty(name)
    if latvian:
        _require_latvian_letters(name, survey)
    codec = "utf-8-sig" if encoding in ("utf-8", "utf-16") else ENCODINGS[encoding]
    if not survey.undecodable_lines and (codec != "utf-8-sig" or not survey.has_plain_line_ends):
        source = _transcribed(source, codec, scratch / f"{name}.text")
        codec = "utf-8-sig"
    return Decoded(name, source, encoding, codec, survey)


def survey_of(path: Path, encoding: str) -> Survey:
    """Return what one pass over the bytes finds, decoding strictly as ``encoding`` (one that extends ASCII)."""
    survey = Survey()
    codec = ENCODINGS[encoding]
    last = b""
    with path.open("rb") as file:
        for block in blocks(file):
            _survey_block(survey, block, codec)
            last = block
    if last and not last.endswith((b"\n", b"\r")):
        survey.lines += 1
    return survey


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces that end with a line (or, in an endless line, with a character)."""
    kept = b""
    while piece := file.read(BLOCK_BYTES):
        block = kept + piece
        end = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1
        if not end:
            end = len(block)
            while end > len(block) - 4 and block[end - 1] & 0xC0 == 0x80:
                end -= 1
            end -= 1 if block[end - 1] >= 0xC0 or block[end - 1] == 0x0D else 0
        kept = block[end:]
        if end:
            yield block[:end]
    if kept:
        yield kept


def _survey_block(survey: Survey, block: bytes, codec: str) -> None:
    ends = np.frombuffer(block, np.uint8) == ord("\n")
    line_feeds, returns = int(np.count_nonzero(ends)), block.count(b"\r") if b"\r" in block else 0
    pairs = block.count(b"\r\n") if returns else 0
    first_line = survey.lines + 1
    survey.line_feeds += line_feeds
    survey.carriage_returns += returns
    survey.pairs += pairs
    survey.lines += line_feeds + returns - pairs
    survey.has_blank_lines |= block.startswith((b"\n", b"\r\n")) or bool((ends[1:] & ends[:-1]).any())
    survey.has_blank_lines |= returns > 0 and (b"\n\r\n" in block or b"\r\r" in block)
    survey.has_spaced_quotes |= b'"' in block and (b' "' in block or b'" ' in block)
    if block.isascii():
        return
    if codec == "utf-8" and survey.sampled_blocks >= SAMPLED_BLOCKS and _is_utf_8(block):
        return  # it can be decoded, and its letters would not be counted
    try:
        text = block.decode(codec)
    except UnicodeDecodeError:
        text = _decoded_lines(survey, block, codec, first_line)
    if not text.isascii():
        survey.has_other_letters = True
        _count_letters(survey, text)


def _is_utf_8(block: bytes) -> bool:
    """Return whether bytes are UTF-8 throughout, without making a text of them."""
    ends = pa.py_buffer(np.array([0, len(block)], np.int64))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(block)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _decoded_lines(survey: Survey, block: bytes, codec: str, first_line: int) -> str:
    """Return the lines that can be decoded, and count the others."""
    good = []
    for number, line in enumerate(re.split(rb"\r\n|\n|\r", block), first_line):
        try:
            good.append(line.decode(codec))
        except UnicodeDecodeError:
            survey.undecodable_lines += 1
            survey.first_undecodable_line = survey.first_undecodable_line or number
    return "\n".join(good)


def _count_letters(survey: Survey, text: str) -> None:
    if survey.sampled_blocks < SAMPLED_BLOCKS:
        survey.sampled_blocks += 1
        sample = text[:SAMPLED_CHARACTERS]
        for letter in set(sample):
            if not letter.isascii() and letter.isalpha():
                survey.letters[letter] += sample.count(letter)


def _encoding(name: str, path: Path, declared: str | None, limits: Limits) -> tuple[str, Survey]:
    """Return the encoding of a file and its survey; refuse a file in which too many rows cannot be decoded."""
    encoding = declared or "utf-8"
    survey = survey_of(path, encoding)
    if survey.undecodable_lines and declared is None and not survey.has_other_letters:
        baltic = survey_of(path, "windows-1257")
        if not baltic.undecodable_lines and baltic.share_of(LATVIAN_LETTERS) >= LEAST_LATVIAN_SHARE:
            return "windows-1257", baltic
    if survey.undecodable_lines > limits.max_undecodable_share * survey.lines:
        raise DeliveryError(
            message("Every row must be text in one encoding: {encoding}.", encoding=encoding.upper()),
            found=plural(
                "{count} row cannot be read in it: row {row}.",
                "{count} rows cannot be read in it; the first is row {row}.",
                survey.undecodable_lines,
                row=survey.first_undecodable_line,
            ),
            remedy=message(
                "Save the file again as CSV UTF-8, or name its encoding in mapping.yaml (encoding: windows-1257)."
            ),
            where=name,
        )
    return encoding, survey


def _require_latvian_letters(name: str, survey: Survey) -> None:
    misread = sum(survey.letters[letter] for letter in MISREAD_LETTERS)
    if misread >= FEWEST_MISREAD_LETTERS and survey.share_of(MISREAD_LETTERS) > MOST_MISREAD_SHARE:
        raise DeliveryError(
            message("Latvian letters must be readable."),
            found=message(
                "Most letters with marks are ones that Latvian does not use: the file was read and saved in a wrong encoding."
            ),
            remedy=message(
                "Export the file again from the school's system and save it as CSV UTF-8; do not open and save it in between."
            ),
            where=name,
        )


_SIGNATURES: tuple[tuple[bytes, Message], ...] = (
    (b"PK\x03\x04", message("an Excel workbook (xlsx) or a ZIP archive")),
    (b"\xd0\xcf\x11\xe0", message("an old Excel workbook (xls)")),
    (b"%PDF", message("a PDF document")),
    (b"\x1f\x8b", message("a gzip archive")),
    (b"PAR1", message("a Parquet file")),
    (b"{\\rtf", message("a Word document")),
)
_PAGE = re.compile(rb"\s*<(!doctype|html|\?xml|table|head|meta)", re.IGNORECASE)
_SAVE_AS_UTF_8 = message("Open the table in its program and save it as CSV UTF-8.")


def _require_text(name: str, start: bytes) -> None:
    kinds = [kind for signature, kind in _SIGNATURES if start.startswith(signature)]
    if _PAGE.match(start.removeprefix(b"\xef\xbb\xbf")):
        kinds.append(message("a web page (HTML or XML)"))
    if kinds:
        raise DeliveryError(
            message("A file named .csv must be a text with separated columns."),
            found=message("It is really {kind}.", kind=kinds[0]),
            remedy=_SAVE_AS_UTF_8,
            where=name,
        )
    if not start.removeprefix(b"\xef\xbb\xbf").strip():
        raise _empty(name)


def _unpacked(path: Path, to: Path, limits: Limits) -> Path:
    written = 0
    try:
        with gzip.open(path, "rb") as packed, to.open("wb") as file:
            while block := packed.read(BLOCK_BYTES):
                written += len(block)
                if written > limits.max_file_bytes:
                    raise _too_large(path.name, limits)
                file.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DeliveryError(
            message("A file named .gz must be a whole gzip archive."),
            found=message("It is cut off or damaged; no row of it was used."),
            remedy=message("Copy or pack the file again and compare the sizes."),
            where=path.name,
        ) from error
    if not written:
        raise _empty(path.name)
    return to


def _from_utf_16(name: str, path: Path, to: Path) -> Path:
    try:
        with path.open(encoding="utf-16", newline="") as source, to.open("w", encoding="utf-8", newline="") as copy:
            while text := source.read(BLOCK_BYTES):
                copy.write(text)
    except UnicodeError as error:
        raise DeliveryError(
            message("Every row must be text in one encoding: {encoding}.", encoding="UTF-16"),
            found=message("The bytes of the file are not UTF-16 throughout."),
            remedy=_SAVE_AS_UTF_8,
            where=name,
        ) from error
    return to


def _transcribed(path: Path, codec: str, to: Path) -> Path:
    with path.open("rb") as source, to.open("wb") as copy:
        for block in blocks(source):
            text = block.decode("utf-8" if codec == "utf-8-sig" else codec)
            copy.write(text.replace("\r\n", "\n").replace("\r", "\n").encode())
    return to


def _empty(name: str) -> DeliveryError:
    return DeliveryError(
        message("A delivered file must hold a header and rows."),
        found=message("The file is empty."),
        remedy=message("Export it again; if there are no such data, leave the file out."),
        where=name,
    )


def _too_large(name: str, limits: Limits) -> DeliveryError:
    return DeliveryError(
        message("A file may hold at most {gigabytes} GB when unpacked.", gigabytes=limits.max_file_bytes / 10**9),
        found=message("It is larger, and was not read."),
        remedy=message("Deliver fewer years at a time, or raise the setting max_file_bytes."),
        where=name,
    )

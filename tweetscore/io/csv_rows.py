"""Read CSV: the head of a file enters, its names and whether it quotes leave; rows become columns.

The Trump Twitter Archive's own export deleted the commas from texts and never quoted. Read as
quoted CSV, 80 tweets of that file become two.
"""

import csv
import re
from io import BytesIO, StringIO
from typing import BinaryIO, Literal

import numpy as np
import polars as pl

from tweetscore.io.loose_quotes import doubled, loose_rows

_ESCAPED_QUOTE = re.compile(rb'(?<!\\)\\"(?![,;\t|\r\n"]|\Z)')
_DOUBLED_QUOTE = re.compile(rb'[^\\,;\t|\r\n"]""[^,;\t|\r\n"]')
_OPENING = re.compile(rb'(?:^|[,;\t|])"', re.MULTILINE)
_FEWEST_ESCAPED = 2


def column_names(head: bytes, separator: str = ",") -> list[str]:
    """Return the names in the first line."""
    first = re.split(rb"[\r\n]", head, maxsplit=1)[0].decode("utf-8", "replace")
    return next(csv.reader(StringIO(first), delimiter=separator), [])


def is_quoted(head: bytes, separator: str = ",") -> bool:
    """Return whether quotes enclose fields, or are text.

    They enclose fields where all rows are then as wide as the header; elsewhere the reading with
    more such rows is right, also where quotes within a field are not doubled. Counting alone would
    not do: within a quoted text of several lines, each line may look like a row.
    """
    if head.startswith(b'"'):
        return True  # the header's own fields are quoted
    quoted = _readings(head, separator, csv.QUOTE_MINIMAL)
    unquoted = _readings(head, separator, csv.QUOTE_NONE)
    *whole, (last_is_whole, last_lines) = quoted or [(True, 1)]
    # The head cuts its last row off. One far longer than all others has swallowed its neighbours.
    cut = last_is_whole or last_lines <= max((lines for _, lines in whole), default=1)
    if cut and all(is_whole for is_whole, _ in whole):
        return True
    as_text = sum(is_whole for is_whole, _ in unquoted)
    width = len(column_names(head, separator))
    loose = sum(row.width == width for row in loose_rows(head, separator))
    return loose > as_text or sum(is_whole for is_whole, _ in quoted) >= as_text


def has_escapes(head: bytes) -> bool:
    r"""Return whether quotes within fields are written as \", as by MySQL and R, not as ""."""
    several = len(_ESCAPED_QUOTE.findall(head)) >= _FEWEST_ESCAPED
    return several and bool(_OPENING.search(head)) and not _DOUBLED_QUOTE.search(head)


class DoubledQuotes:
    """A stream whose escaped quotes become doubled ones; every byte keeps its place."""

    def __init__(self, stream: BinaryIO) -> None:
        """Take the stream."""
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes, and the byte behind a backslash; less only at the end."""
        data = self._stream.read(size)
        while data.endswith(b"\\") and (more := self._stream.read(1)):
            data += more
        return doubled(data)


def numbered_columns(
    data: bytes, width: int, separator: str = ",", *, quote: bool, whole: bool = True
) -> pl.DataFrame:
    """Parse the rows of a table into string columns that are named by their place, from 0.

    Args:
        data: the rows, without a header.
        width: how many columns there are.
        separator: between fields.
        quote: whether quotes enclose fields, or are text.
        whole: whether a row must be as wide as the table; else a short one ends with nulls.

    Raises:
        PolarsError: a row is wider than the table, or not as wide, as where a file was cut off.
    """
    # Numbered columns: nothing in the file's own header can disturb the parser.
    header = separator.join(map(str, range(width))).encode() + b"\n"
    frame = pl.read_csv(
        BytesIO(header + data),
        infer_schema=False,
        separator=separator,
        quote_char='"' if quote else None,
    )
    # Polars refuses a row with too many fields, and fills up one with too few.
    if whole and _separators(data, separator, quote=quote) < (width - 1) * frame.height:
        raise pl.exceptions.ComputeError("fewer fields than in the header")
    return frame


def _separators(data: bytes, separator: str, *, quote: bool) -> int:
    if not quote or b'"' not in data:
        return data.count(separator.encode())
    octets = np.frombuffer(data, np.uint8)
    outside = np.cumsum(octets == ord('"'), dtype=np.uint8) & 1 == 0
    return int(np.count_nonzero(outside & (octets == ord(separator))))


def _readings(head: bytes, separator: str, quoting: Literal[0, 3]) -> list[tuple[bool, int]]:
    """Return of each row whether it is as wide as the header, and how many lines it has.

    Where quotes enclose, a row with one that nobody closes, as in 5" of snow, is not whole: it
    would swallow the next.
    """
    lines = list(StringIO(head.decode("utf-8", "replace")))
    rows = csv.reader(lines, delimiter=separator, quoting=quoting, strict=True)
    width, line = len(column_names(head, separator)), 0
    readings: list[tuple[bool, int]] = []
    while True:
        try:
            row = next(rows)
        except csv.Error:
            row = [""] * (width + 1)
        except StopIteration:
            return readings
        if row:
            quotes = sum(text.count('"') for text in lines[line : rows.line_num])
            closed = quoting == csv.QUOTE_NONE or quotes % 2 == 0
            readings.append((len(row) == width and closed, rows.line_num - line))
        line = rows.line_num

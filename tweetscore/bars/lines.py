"""Tables of bars in lines of text: what stands before the rows is understood, and a table leaves.

Vendors write a line above the header, two or three header rows, a header with one name too few, or
none at all. Whatever is plain CSV with one header is left to ``io.tables``.
"""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tweetscore.bars.content import kinds, recognise
from tweetscore.bars.names import PRICES, meaning
from tweetscore.io.data_file import HEAD_BYTES
from tweetscore.io.source import Source
from tweetscore.io.tables.csv_table import lines_table
from tweetscore.io.tables.table import Table

# In the order in which they are tried: a comma may be one of decimals between the others.
_SEPARATORS = "\t;|,"
_FEWEST_COLUMNS = 5  # a time and four prices
_MOST_HEADER_ROWS = 4
_MOST_ROWS = 400  # of the head, to look at
_STEADY = 0.8  # the share of rows that must be of one width
_NUMBER = re.compile(
    r"[+-]?(?:\d[\d., '\u00a0\u202f\u2019]*|\.\d+)(?:[eE][+-]?\d+)?|nan|null|", re.I
)
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class LinesTable:
    """A table of lines, what its header was, in words, and what columns without names hold."""

    table: Table
    header: str
    known: Mapping[str, str]  # our name to the column
    kinds: Mapping[str, str]  # the column to what it seems to hold; of columns without names


def open_lines(source: Source) -> LinesTable | None:
    """Return the table of lines whose header is no plain one; None where it is, or none of bars."""
    lines = _lines(source)
    for separator in _SEPARATORS:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
        if width := _width(rows):
            return _open(source, rows, width, separator)
    return None


def _lines(source: Source) -> list[str]:
    """Return the first lines with something in them, without one that was cut off."""
    text = source.head.decode("utf-8", "replace")
    lines = text.splitlines(keepends=True)
    if len(source.head) >= HEAD_BYTES and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()][:_MOST_ROWS]


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Return how wide rows of numbers are; 0 where no such rows have one width."""
    widths = Counter(len(row) for row in rows if _is_data(row))
    if not widths:
        return 0
    width, often = widths.most_common(1)[0]
    return width if often >= _STEADY * widths.total() else 0


def _is_data(row: Sequence[str]) -> bool:
    """Return whether a row can be one of a bar: a time and four prices at least."""
    filled = sum(bool(_DIGIT.search(text)) for text in row)
    return filled >= _FEWEST_COLUMNS and _numbers(row) >= _FEWEST_COLUMNS - 1


def _numbers(row: Sequence[str]) -> int:
    return sum(bool(_DIGIT.search(text) and _NUMBER.fullmatch(text.strip())) for text in row)


def _open(source: Source, rows: list[list[str]], width: int, separator: str) -> LinesTable | None:
    # A row with numbers is one of data, even where its time is none.
    first = next(at for at, row in enumerate(rows) if len(row) == width and _numbers(row) > 1)
    above = [row for row in rows[:first] if len(row) >= min(width - 1, _FEWEST_COLUMNS)]
    above = above[-_MOST_HEADER_ROWS:]
    lines_above = first - len(above)
    frame = pl.DataFrame(
        [row for row in rows[first:] if len(row) == width],
        schema={str(place): pl.String for place in range(1, width + 1)},
        orient="row",
    )
    known: Mapping[str, str] = {}
    seen: Mapping[str, str] = {}
    if not above:
        names, words = frame.columns, f"no header, {width} columns"
        known, seen = recognise(frame), kinds(frame)
    elif len(above) > 1:
        names, words = _joined(above, width), f"{len(above)} header rows"
    elif len(above[0]) == width - 1:
        names = _with_one_more(above[0], frame)
        words = f"a header of {width - 1} names for {width} columns"
    elif lines_above:
        names, words = above[0], "one header row"
    else:
        return None
    words += f" below {lines_above} other" * bool(lines_above)
    table = lines_table(source, names, separator, skip=first, quote=True)
    return LinesTable(table, words, known, seen)


def _joined(above: Sequence[Sequence[str]], width: int) -> list[str]:
    """Make one name of those in several header rows: of a price and a symbol, or of times."""
    padded = [[*map(str.strip, row), *[""] * (width - len(row))] for row in above]
    columns = [[row[place] for row in padded] for place in range(width)]
    # pandas numbers equal names, as in AAPL.1.
    first_row = {row[0] for row in columns[1:]}
    bare = [re.sub(r"\.\d+$", "", row[0]) for row in columns]
    for row, name in zip(columns, bare, strict=True):
        row[0] = name if name in first_row else row[0]
    index, *others = columns
    time = next((name for name in index if meaning(name) == "time" and name), "")
    return [
        time or next(filter(None, index[::-1]), ""),
        *(" ".join(filter(None, row)) for row in others),
    ]


def _with_one_more(names: Sequence[str], frame: pl.DataFrame) -> list[str]:
    """Name the column that the header forgot: a time of day behind a date, or what stands last."""
    found = recognise(frame)
    place = len(names)
    if set(PRICES) <= found.keys():
        opens = next((at for at, name in enumerate(names) if meaning(name) == "open"), 0)
        if frame.columns.index(found["open"]) > opens:
            place = frame.columns.index(found["time"]) if "date" in found else 0
    return [*names[:place], "time" if "date" in found else f"column {place + 1}", *names[place:]]

"""Tables in workbooks of Excel: a file enters, the tables of its sheets leave, their cells as text.

Sheets with the same columns are one table. What is in a workbook decides how much memory it takes
to read one, and a small file may claim billions of cells: that is refused before.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import BytesIO
from itertools import chain, islice

import numpy as np
import polars as pl
from python_calamine import CalamineError, CalamineSheet, load_workbook

from tweetscore.errors import InputError
from tweetscore.io.archives import WORKBOOK_ENTRY
from tweetscore.io.packing import UNREADABLE
from tweetscore.io.records import REJECTS_SCHEMA
from tweetscore.io.source import Source
from tweetscore.io.tables.table import Rows, Table

_MOST_PACKED_BYTES = 256 << 20
_MOST_BYTES = 1 << 30
_MOST_CELLS = 64_000_000
_MOST_STRING_BYTES = 1 << 30  # of all cells: a string that many share is copied for each
_BATCH_ROWS = 1 << 15
_MOST_ROWS_ABOVE = 20  # of the header
_LOOKED_AT = 1_000  # rows, for what dates mean
_FIRST_ROUNDED = 1e15  # a larger whole number may have lost digits
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']([A-Z]{1,3})(\d{1,7})["']""")
_SHARED = re.compile(rb"""\bt\s*=\s*["']s["'][^>]*>\s*<(?:\w+:)?v[^>]*>\s*(\d{1,9})\s*<""")
_STRING = re.compile(rb"<(?:\w+:)?si\b.*?</(?:\w+:)?si\s*>", re.DOTALL)

Cell = int | float | str | bool | time | date | datetime | timedelta


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet with cells: where its header is, and what it names."""

    content: CalamineSheet
    header_row: int  # from 1
    columns: tuple[str, ...]  # of all places; empty without a name


def workbook_tables(source: Source) -> list[tuple[str, Table]]:
    """Return the tables of a workbook, each with the words for its sheets.

    Raises:
        InputError: the workbook is damaged, protected, or larger than memory should be.
    """
    data = source.whole(_MOST_PACKED_BYTES, "a workbook", "save its sheets as CSV")
    with _refused(source.name):
        _check(source.name, data)
        workbook = load_workbook(BytesIO(data))
        found = [_sheet(workbook.get_sheet_by_name(name)) for name in workbook.sheet_names]
    groups: dict[tuple[str, ...], list[_Sheet]] = {}
    for sheet in filter(None, found):
        groups.setdefault(sheet.columns, []).append(sheet)
    return [(_called(sheets), _table(source, sheets)) for sheets in groups.values()]


@contextmanager
def _refused(name: str) -> Iterator[None]:
    """Turn what damage raises into a refusal of the file of this name."""
    try:
        yield
    except (CalamineError, ValueError, OverflowError, *UNREADABLE) as error:
        raise _unreadable(name, error) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of Rust, which is no Exception
            raise
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: BaseException) -> InputError:
    fact = str(error).partition("\n")[0]
    return InputError(f"{name}: unreadable workbook ({fact}); save it again, or as CSV")


def _check(name: str, data: bytes) -> None:
    """Refuse a workbook that takes more memory than an honest one.

    Raises:
        InputError: it does.
    """
    cells = strings = 0
    with zipfile.ZipFile(BytesIO(data)) as packed:
        if WORKBOOK_ENTRY not in packed.namelist():
            raise zipfile.BadZipFile("it is no workbook")
        infos = [info for info in packed.infolist() if info.filename.endswith((".xml", ".rels"))]
        if sum(info.file_size for info in infos) > _MOST_BYTES:
            raise _too_large(name)
        lengths = np.zeros(0, np.int64)
        if "xl/sharedStrings.xml" in packed.namelist():
            shared = packed.read("xl/sharedStrings.xml")
            lengths = np.array([len(each[0]) for each in _STRING.finditer(shared)], np.int64)
        for info in infos:
            content = packed.read(info)  # a declared size that lies is found by its checksum
            if _SHEET.fullmatch(info.filename):
                cells += _cells(content)
                numbers = (int(each[1]) for each in _SHARED.finditer(content))
                used = np.fromiter(numbers, np.int64)
                strings += int(lengths[used[used < len(lengths)]].sum())
    if cells > _MOST_CELLS or strings > _MOST_STRING_BYTES:
        raise _too_large(name)


def _cells(sheet: bytes) -> int:
    """Return how many cells the rectangle of a sheet has."""
    letters, digits = set[bytes](), set[bytes]()
    for cell in _CELL.finditer(sheet):
        letters.add(cell[1])
        digits.add(cell[2])
    if not letters:
        return 0
    rows, columns = list(map(int, digits)), list(map(_number, letters))
    return (max(rows) - min(rows) + 1) * (max(columns) - min(columns) + 1)


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _too_large(name: str) -> InputError:
    return InputError(f"{name}: is too large for a workbook; save its sheets as CSV")


def _sheet(content: CalamineSheet) -> _Sheet | None:
    """Find the header: the first row with two cells; None where a sheet has no row below one."""
    above = list(islice(content.iter_rows(), _MOST_ROWS_ABOVE + 1))
    for place, row in enumerate(above, 1):
        if sum(cell != "" for cell in row) > 1:
            names = tuple(_text(cell) or "" for cell in row)
            filled = content.end is not None and content.end[0] >= place  # counted from 0
            return _Sheet(content, place, tuple(map(str.strip, names))) if filled else None
    return None


def _called(sheets: Sequence[_Sheet]) -> str:
    names = ", ".join(repr(sheet.content.name) for sheet in sheets)
    return f"sheet {names}" if len(sheets) == 1 else f"sheets {names}"


def _table(source: Source, sheets: Sequence[_Sheet]) -> Table:
    """Return the table of sheets with the same columns."""
    names = sheets[0].columns

    def rows(columns: Mapping[str, str], most: int | None, _whole: bool) -> Iterator[Rows]:
        places = {ours: names.index(theirs) for ours, theirs in columns.items()}
        for sheet in sheets:
            with _refused(source.name):
                yield from _rows(sheet, places, most or _BATCH_ROWS)

    return Table(source, "xlsx", tuple(dict.fromkeys(filter(None, names))), rows)


def _rows(sheet: _Sheet, places: Mapping[str, int], most: int) -> Iterator[Rows]:
    """Yield columns of a sheet as strings, with the number of the row as ``line``."""
    numbered = enumerate(sheet.content.iter_rows(), 1)
    filled = (
        (number, row)
        for number, row in numbered
        if number > sheet.header_row and any(cell != "" for cell in row)
    )
    first = list(islice(filled, _LOOKED_AT))
    times = {
        place
        for place in places.values()
        if any(isinstance(row[place], datetime) for _, row in first)
    }
    left = chain(first, filled)
    while block := list(islice(left, most)):
        texts = {
            ours: pl.Series(
                [_text(row[place], place in times) for _, row in block], dtype=pl.String
            )
            for ours, place in places.items()
        }
        if "text" in texts:  # an empty cell is an empty text, as in CSV
            texts["text"] = texts["text"].fill_null("")
        lines = pl.Series([number for number, _ in block], dtype=pl.Int64)
        frame = pl.DataFrame({**texts, "line": lines})
        yield frame.with_columns(byte_offset=pl.lit(None, pl.Int64)), REJECTS_SCHEMA.to_frame()


def _text(cell: Cell, among_times: bool = False) -> str | None:
    """Write a cell as text; a time is ISO 8601 without a zone.

    Args:
        cell: its value.
        among_times: whether a date without a time of day is a midnight.
    """
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int | float):
        return _number_text(cell)
    if isinstance(cell, datetime):
        return _to_the_millisecond(cell).isoformat(sep=" ")
    if isinstance(cell, date):
        return f"{cell.isoformat()} 00:00:00" if among_times else cell.isoformat()
    return str(cell)


def _number_text(number: float) -> str:
    """Write a number; one with more digits than a spreadsheet keeps, as a float that lost some."""
    if abs(number) >= _FIRST_ROUNDED:
        return f"{number:.14E}"
    return str(int(number)) if float(number).is_integer() else repr(number)


def _to_the_millisecond(moment: datetime) -> datetime:
    """Round away what the fraction of a day adds."""
    rounded = moment + timedelta(microseconds=500)
    return rounded.replace(microsecond=rounded.microsecond // 1000 * 1000)

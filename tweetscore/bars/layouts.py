"""Recognise the layout of a file of bars: a file enters, its table leaves.

HistData and LEAN are recognised by their first line and name; any other CSV, JSON or Parquet file
is a table, whatever its columns are.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from tweetscore.errors import InputError
from tweetscore.io.source import Source
from tweetscore.io.tables.csv_table import lines_table
from tweetscore.io.tables.find import find_table
from tweetscore.io.tables.table import Table
from tweetscore.io.times import TimeForm, milliseconds_form

_PRICES = ("open", "high", "low", "close", "volume")
# The format, its columns before the prices, its separator, and its lines.
_HISTDATA = (
    (
        "histdata-ascii-m1",
        ("timestamp",),
        ";",
        re.compile(rb"\d{8} \d{6}(;-?\d+(\.\d+)?){4};\d+\r?\n"),
    ),
    (
        "histdata-mt-m1",
        ("date", "time"),
        ",",
        re.compile(rb"\d{4}\.\d\d\.\d\d,\d\d:\d\d(,-?\d+(\.\d+)?){4},\d+\r?\n"),
    ),
)
_HISTDATA_NAME = re.compile(r"DAT_(?:ASCII|NT|MT)_([A-Z0-9]+)_M1_")
_LEAN_NAME = re.compile(r"(\d{8})_([\w.]+?)_(minute|second|tick)_(trade|quote|openinterest)\.csv")
_LEAN_PATH = re.compile(r"(\w+)/\w+/(minute)/([\w.]+)/(\d{8})_(trade|quote)\.[\w.]+$")
_DECIMAL_PRICE = re.compile(rb"^\d+(,\d+){0,3},\d*\.\d", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Layout:
    """The table of a file, with what its format and name define."""

    table: Table
    format: str
    symbol: str | None = None
    form: TimeForm | None = None
    clock: str | None = None
    price_exponent: int = 0  # -4 where 15000 means 1.5


def find_layout(source: Source) -> Layout | None:
    """Recognise the layout of a file by content, and a LEAN day by its name as well.

    Raises:
        InputError: damaged Parquet, or data of LEAN other than minutes of equities.
    """
    if source.kind == "lines" and (known := _histdata(source) or _lean(source)):
        return known
    table = find_table(source)
    return Layout(table, f"{table.kind}-bars") if table else None


def _histdata(source: Source) -> Layout | None:
    for form, times, separator, line in _HISTDATA:
        if line.match(source.head):
            named = _HISTDATA_NAME.search(source.file.entry or source.file.path.name)
            names = [*times, *_PRICES]
            table = lines_table(source, names, separator, skip=0, quote=True)
            return Layout(table, form, symbol=named[1] if named else None)
    return None


def _lean(source: Source) -> Layout | None:
    """Recognise a day of LEAN: its lines begin with a number, and its name has the day."""
    path = _LEAN_PATH.search(source.file.path.as_posix())
    kept, *by_path = path.groups() if path else ["equity"]
    if name := _LEAN_NAME.match(source.file.file_name):
        written, symbol, resolution, kind = name.groups()
    elif by_path:
        resolution, symbol, written, kind = by_path
    else:
        return None
    try:
        day = datetime.strptime(written, "%Y%m%d").date()
    except ValueError:
        return None
    if not re.match(rb"\d+,", source.head):
        return None
    if (resolution, kind) != ("minute", "trade"):
        raise InputError(
            f"{source.name}: holds LEAN's {resolution} {kind} data; "
            "only minute trades are bars, so use the file that ends in _trade"
        )
    if kept != "equity" or _DECIMAL_PRICE.search(source.head):
        raise InputError(
            f"{source.name}: holds LEAN minutes of something other than an equity; "
            "only equities are read, so export it as CSV with a header"
        )
    return Layout(
        lines_table(source, ["time", *_PRICES], ",", skip=0, quote=True),
        "lean-equity-minute",
        symbol=symbol.upper(),
        form=milliseconds_form(day),
        clock="America/New_York",
        price_exponent=-4,  # of equities; LEAN writes other prices as they are
    )

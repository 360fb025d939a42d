"""Recognise the layout of a file of bars: a file enters, its table leaves.

HistData and LEAN are recognised by their first line and name; any other CSV, JSON or Parquet file
is a table, whatever its columns are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tweetscore.bars.documents import open_document
from tweetscore.bars.lines import open_lines
from tweetscore.bars.names import PRICES, meaning
from tweetscore.bars.symbols import Named, symbol_of_file
from tweetscore.bars.vendors import Vendor, vendor_of
from tweetscore.bars.wide import find_wide, long_table
from tweetscore.errors import InputError
from tweetscore.io.source import Source
from tweetscore.io.tables.csv_table import lines_table
from tweetscore.io.tables.find import find_table
from tweetscore.io.tables.table import Table
from tweetscore.io.times import TimeForm, milliseconds_form
from tweetscore.market.symbols import canonical_symbol

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
_LEAN_NAME = re.compile(r"(\d{8})_([\w.]+?)_(minute|second|tick)_(trade|quote|openinterest)\.csv")
_LEAN_PATH = re.compile(r"(\w+)/\w+/(minute)/([\w.]+)/(\d{8})_(trade|quote)\.[\w.]+$")
_DECIMAL_PRICE = re.compile(rb"^\d+(,\d+){0,3},\d*\.\d", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Layout:
    """The table of a file, with what its format, its name and what stands around it define."""

    table: Table
    format: str
    named: Named | None = None  # the symbol in its name
    form: TimeForm | None = None
    clock: str | None = None
    price_exponent: int = 0  # -4 where 15000 means 1.5
    header: str = ""  # what stands above the rows, in words; empty for one plain header row
    known: Mapping[str, str] = field(default_factory=dict)  # our name to a column without a name
    kinds: Mapping[str, str] = field(default_factory=dict)  # what such columns seem to hold
    zone: str | None = None  # the clock that the file names

    @property
    def vendor(self) -> Vendor | None:
        """Who writes such files."""
        return vendor_of(self.table.columns, self.kinds)


def find_layout(source: Source) -> Layout | None:
    """Recognise the layout of a file by content, and a LEAN day by its name as well.

    Raises:
        InputError: damaged Parquet, data of LEAN other than minutes of equities, or one JSON
            document that is too large.
    """
    if source.kind == "lines" and (own := _histdata(source) or _lean(source)):
        return own
    named = symbol_of_file(source.file)
    if source.kind == "lines" and (lines := open_lines(source)):
        table, header = _long(lines.table, lines.header)
        return Layout(table, "csv-bars", named, header=header, known=lines.known, kinds=lines.kinds)
    plain = find_table(source)
    if source.kind == "json" and not (plain and _has_bars(plain)):
        document = open_document(source)
        if not document:
            return None
        return Layout(
            document.table,
            "json-bars",
            named,
            header="nested JSON",
            known=document.known,
            zone=document.zone,
        )
    if not plain:
        return None
    table, header = _long(plain, "")
    return Layout(table, f"{table.kind}-bars", named, header=header)


def _has_bars(table: Table) -> bool:
    return {"time", *PRICES} <= set(map(meaning, table.columns))


def _long(table: Table, header: str) -> tuple[Table, str]:
    """Return the table with one row a symbol, where it has several side by side."""
    wide = find_wide(table.columns)
    if not wide:
        return table, header
    words = [header] if header else []
    return long_table(table, wide), ", ".join([*words, "a column for each price and symbol"])


def _histdata(source: Source) -> Layout | None:
    for form, times, separator, line in _HISTDATA:
        if line.match(source.head):
            names = [*times, *PRICES, "volume"]
            table = lines_table(source, names, separator, skip=0, quote=True)
            return Layout(table, form, symbol_of_file(source.file), header="no header")
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
        lines_table(source, ["time", *PRICES, "volume"], ",", skip=0, quote=True),
        "lean-equity-minute",
        Named(canonical_symbol(symbol), f"the name {source.file.file_name}"),
        header="no header",
        form=milliseconds_form(day),
        clock="America/New_York",
        price_exponent=-4,  # of equities; LEAN writes other prices as they are
    )

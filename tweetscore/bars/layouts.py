"""Find the table in a file of bars: a file enters, its columns leave as strings, block by block.

HistData and LEAN are known by their first line and name; any other CSV, JSON or Parquet by its
columns, which are not judged here.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import BinaryIO

import polars as pl
import pyarrow as pa

from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.parquet import MAGIC, open_parquet, parquet_rows
from tweetscore.io.records import Records, json_records, line_records, parse
from tweetscore.io.times import TimeForm, milliseconds_form

Rows = tuple[pl.DataFrame, pl.DataFrame]  # string columns with their places; rejects

_PRICES = ("open", "high", "low", "close", "volume")
# The format, its columns before the prices, its separator, and the start and rest of a line.
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
class Table:
    """The columns of a file, how to read them, and what its format and name say of them."""

    file: DataFile
    format: str
    columns: dict[str, str]  # name in the header: name in the rows
    rows: Callable[[Sequence[str], int | None], Iterator[Rows]]  # (names, most rows a block)
    symbol: str | None = None
    form: TimeForm | None = None
    clock: str | None = None
    price_exponent: int = 0  # -4 where 15000 means 1.5


def open_table(file: DataFile) -> Table | None:
    """Recognise the layout of a file by content, and a LEAN day by its name as well.

    Raises:
        InputError: damaged Parquet, or what LEAN keeps beside the minutes of equities.
    """
    head = file.head()
    if head.startswith(MAGIC):
        return _parquet_table(file)
    if head.lstrip().startswith((b"{", b"[")):
        return _json_table(file, head)
    return _histdata_table(file, head) or _lean_table(file, head) or _plain_table(file, head)


# --- lines ----------------------------------------------------------------------------------------


def _histdata_table(file: DataFile, head: bytes) -> Table | None:
    for name, times, separator, line in _HISTDATA:
        if line.match(head):
            named = _HISTDATA_NAME.search(file.entry or file.path.name)
            table = _csv_table(file, name, [*times, *_PRICES], separator)
            return replace(table, symbol=named[1] if named else None)
    return None


def _lean_table(file: DataFile, head: bytes) -> Table | None:
    """Recognise a day of LEAN: its lines begin with a number, and its name says which day."""
    path = _LEAN_PATH.search(file.path.as_posix())
    kept, *by_path = path.groups() if path else ["equity"]
    name = _LEAN_NAME.match((file.entry or file.path.name).rpartition("/")[2])
    if name:
        written, symbol, resolution, kind = name.groups()
    elif by_path:
        resolution, symbol, written, kind = by_path
    else:
        return None
    try:
        day = datetime.strptime(written, "%Y%m%d").date()
    except ValueError:
        return None
    if not re.match(rb"\d+,", head):
        return None
    if (resolution, kind) != ("minute", "trade"):
        raise InputError(
            f"{file.name}: holds LEAN's {resolution} {kind} data; "
            "only minute trades are bars, so bring the file that ends in _trade"
        )
    if kept != "equity" or _DECIMAL_PRICE.search(head):
        raise InputError(
            f"{file.name}: holds LEAN minutes of something other than an equity; "
            "only equities are read, so export it as CSV with a header"
        )
    return replace(
        _csv_table(file, "lean-equity-minute", ["time", *_PRICES], ","),
        symbol=symbol.upper(),
        form=milliseconds_form(day),
        clock="America/New_York",
        price_exponent=-4,  # of equities; LEAN writes other prices as they are
    )


def _plain_table(file: DataFile, head: bytes) -> Table | None:
    lines = [line for line in head.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return None
    separator = max(",;\t", key=lines[0].count)
    header = next(csv.reader(lines[:1], delimiter=separator))
    return _csv_table(file, "csv-bars", header, separator, skip=1)


def _csv_table(
    file: DataFile, name: str, header: Sequence[str], separator: str, skip: int = 0
) -> Table:
    # Numbered columns: whatever else stands in the header cannot disturb the parser.
    columns = {written: str(at) for at, written in enumerate(header)}
    numbers = separator.join(columns.values()).encode() + b"\n"

    def rows(wanted: Sequence[str], most: int | None) -> Iterator[Rows]:
        def parser(data: bytes) -> pl.DataFrame:
            frame = pl.read_csv(BytesIO(numbers + data), infer_schema=False, separator=separator)
            return frame.select(wanted)

        return _parsed(file, partial(line_records, quote=True), parser, most, skip)

    return Table(file, name, columns, rows)


def _json_table(file: DataFile, head: bytes) -> Table | None:
    """Recognise an array of objects, or one object a line, by the first object."""
    text = head.decode("utf-8", "replace").lstrip()
    array = text.startswith("[")
    try:
        first, _ = json.JSONDecoder().raw_decode(text[array:].lstrip())
    except (ValueError, RecursionError):
        return None
    if not isinstance(first, dict):
        return None

    def rows(wanted: Sequence[str], most: int | None) -> Iterator[Rows]:
        def parser(data: bytes) -> pl.DataFrame:
            return pl.read_ndjson(BytesIO(data), schema=dict.fromkeys(wanted, pl.String()))

        return _parsed(file, partial(json_records, head=head), parser, most)

    return Table(file, "json-bars", {name: name for name in first}, rows)


def _parsed(
    file: DataFile,
    cut: Callable[[BinaryIO], Iterator[Records]],
    parser: Callable[[bytes], pl.DataFrame],
    most: int | None,
    skip: int = 0,
) -> Iterator[Rows]:
    """Parse what follows the first ``skip`` records; with ``most``, so many of each block."""
    with file.open() as stream:
        for block in cut(stream):
            stop = len(block) if most is None else min(len(block), skip + most)
            yield parse(block.part(skip, stop), parser)
            skip = 0


# --- Parquet --------------------------------------------------------------------------------------


def _parquet_table(file: DataFile) -> Table:
    with open_parquet(file) as parquet:
        columns = {name: name for name in parquet.schema_arrow.names}

    def rows(wanted: Sequence[str], most: int | None) -> Iterator[Rows]:
        # Bars in Parquet then meet the very checks of CSV bars.
        return parquet_rows(file, {name: name for name in wanted}, most or 65_536, _texts)

    return Table(file, "parquet-bars", columns, rows)


def _texts(column: pa.Array) -> pl.Series:
    """Write values as text: times by Arrow, as polars panics at a date out of all range."""
    if pa.types.is_temporal(column.type):
        return pl.Series(column.cast(pa.string()))
    return pl.Series(column).cast(pl.String)

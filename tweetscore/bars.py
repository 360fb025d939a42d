"""Read minute bars: HistData ASCII, or any CSV or Parquet with open, high, low and close columns.

Stamps leave as the file says them: which clock they are on is for the audit to prove. Stamps with a
zone of their own leave as UTC.
"""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tweetscore.errors import InputError
from tweetscore.files import RAW_CHARACTERS, REJECTS_SCHEMA, DataFile, line_records, parse

PRICES = ("open", "high", "low", "close")
BARS_SCHEMA = pl.Schema(
    {
        "line": pl.Int64(),
        "byte_offset": pl.Int64(),
        "symbol": pl.String(),
        "stamp": pl.Datetime("us"),
        **dict.fromkeys(PRICES, pl.Float64()),
        "volume": pl.Float64(),
    }
)
NAMES = {
    "stamp": (
        "time",
        "timestamp",
        "datetime",
        "date_time",
        "date",
        "minute",
        "gmt time",
        "open time",
    ),
    "symbol": ("symbol", "ticker", "instrument"),
    "volume": ("volume", "vol", "tick volume"),
    **{price: (price, price[0]) for price in PRICES},
}
TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y%m%d %H%M%S",
    "%Y.%m.%d %H:%M",
    "%Y.%m.%d %H:%M:%S",
)
ZONED_FORMATS = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")
OFF_MINUTE = "time is not a whole minute"
EPOCH = re.compile(r"\d{10}(\d{3})?")
_HISTDATA = re.compile(rb"\d{8} \d{6}(;-?\d+(\.\d+)?){4};\d+\r?\n")
_HISTDATA_NAME = re.compile(r"DAT_ASCII_([A-Z0-9]+)_M1_")
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


@dataclass(frozen=True, slots=True)
class BarBatch:
    """Canonical bars (``BARS_SCHEMA``) and rejects; ``rows_read`` counts records before parsing."""

    rows_read: int
    bars: pl.DataFrame
    rejects: pl.DataFrame


@dataclass(frozen=True, slots=True)
class BarFile:
    """A file of bars whose layout is known."""

    file: DataFile
    format: str
    symbol: str | None  # None: the file has a column of symbols
    naive: bool  # True: stamps carry no zone
    _batches: Callable[[], Iterator[BarBatch]]

    def read(self) -> Iterator[BarBatch]:
        """Yield the bars and rejects of the file, in its order; it can be read again."""
        return self._batches()


def open_bars(file: DataFile, symbol: str | None = None) -> BarFile | None:
    """Recognise a file of bars by content; None when it is something else.

    Args:
        file: the file.
        symbol: what the bars are of, where no column says it; it goes before HistData's file name.

    Raises:
        InputError: it has some but not all columns of bars, times in no known form, or no symbol.
    """
    head = file.head()
    if _HISTDATA.match(head):
        named = _HISTDATA_NAME.search(file.entry or file.path.name)
        symbol = _known(file, symbol or (named and named[1]))
        layout = _Layout(
            header=b"stamp;open;high;low;close;volume\n",
            columns={name: name for name in ("stamp", *PRICES, "volume")},
            separator=";",
            time_format="%Y%m%d %H%M%S",
            symbol=symbol,
        )
        return BarFile(file, "histdata-ascii-m1", symbol, True, partial(_read_csv, file, layout))
    if head.startswith(b"PAR1"):
        return _open_parquet(file, symbol)
    return _open_csv(file, head, symbol)


@dataclass(frozen=True, slots=True)
class _Layout:
    header: bytes
    columns: dict[str, str]
    separator: str
    time_format: str
    symbol: str | None


def _known(file: DataFile, symbol: str | None) -> str:
    if not symbol:
        raise InputError(
            f"{file.name}: does not say what its bars are of; name it, as in --symbol SPY"
        )
    return symbol


def _columns(file: DataFile, header: list[str]) -> dict[str, str] | None:
    """Map our names to the header's; None when the header is not one of bars."""
    lower = {name.strip().strip("<>").lower(): name for name in header}
    found = {
        ours: next(lower[name] for name in names if name in lower)
        for ours, names in NAMES.items()
        if any(name in lower for name in names)
    }
    prices = [name for name in PRICES if name in found]
    if len(prices) < 2:
        return None
    missing = [name for name in (*PRICES, "stamp") if name not in found]
    if missing:
        words = ", ".join("time" if name == "stamp" else name for name in missing)
        raise InputError(
            f"{file.name}: looks like bars but has no column {words} "
            f"(it has {', '.join(header)}); rename or add it"
        )
    return found


def _open_csv(file: DataFile, head: bytes, symbol: str | None) -> BarFile | None:
    lines = [line for line in head.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return None
    separator = max(",;\t", key=lines[0].count)
    names, *rows = (next(csv.reader([line], delimiter=separator)) for line in lines[:2])
    columns = _columns(file, names)
    if columns is None:
        return None
    if not rows:
        raise InputError(f"{file.name}: holds no bar but its header; export it again")
    symbol = None if "symbol" in columns else _known(file, symbol)
    sample = dict(zip(names, rows[0], strict=False)).get(columns["stamp"], "").strip()
    layout = _Layout(
        # Numbered columns: whatever else stands in the header cannot disturb the parser.
        header=separator.join(map(str, range(len(names)))).encode() + b"\n",
        columns={ours: str(names.index(theirs)) for ours, theirs in columns.items()},
        separator=separator,
        time_format=_time_format(file, sample),
        symbol=symbol,
    )
    naive = layout.time_format in TIME_FORMATS
    return BarFile(file, "csv-bars", symbol, naive, partial(_read_csv, file, layout, skip=1))


def _time_format(file: DataFile, sample: str) -> str:
    if EPOCH.fullmatch(sample):
        return "epoch"
    formats = ZONED_FORMATS if _ZONE.search(sample) and ":" in sample else TIME_FORMATS
    for time_format in formats:
        if pl.Series([sample]).str.to_datetime(time_format, strict=False).null_count() == 0:
            return time_format
    raise InputError(
        f"{file.name}: the time {sample!r} has no known form; "
        "write times as 2018-01-31 09:30:00, or as seconds or milliseconds since 1970"
    )


def _read_csv(file: DataFile, layout: _Layout, skip: int = 0) -> Iterator[BarBatch]:
    def parser(data: bytes) -> pl.DataFrame:
        frame = pl.read_csv(
            BytesIO(layout.header + data), infer_schema=False, separator=layout.separator
        )
        return frame.select(**layout.columns)

    with file.open() as stream:
        for block in line_records(stream, quote=True):
            records, skip = block.part(skip, len(block)), 0
            raw, refused = parse(records, parser)
            yield _typed(raw, refused, len(records), layout)


def _typed(raw: pl.DataFrame, refused: pl.DataFrame, rows_read: int, layout: _Layout) -> BarBatch:
    """Type string columns; a bar with a value that has no meaning becomes a reject."""
    typed = raw.with_columns(
        _stamp(layout.time_format),
        *(_number(price).alias(f"_{price}") for price in PRICES),
        symbol=pl.lit(layout.symbol) if layout.symbol else pl.col("symbol").str.strip_chars(),
        # No window needs a volume: one that is no number is unknown, not wrong.
        _volume=_number("volume" if "volume" in raw.columns else None),
    ).with_columns(reason=_reason())
    places = ("line", "byte_offset")
    good = typed.filter(pl.col("reason").is_null()).select(
        *places,
        "symbol",
        stamp="_stamp",
        **{name: f"_{name}" for name in (*PRICES, "volume")},
    )
    text = pl.struct(*layout.columns).struct.json_encode().str.head(RAW_CHARACTERS)
    bad = typed.filter(pl.col("reason").is_not_null()).select(*places, "reason", raw=text)
    return BarBatch(rows_read, good, pl.concat([refused, bad]).sort("line"))


def _number(column: str | None) -> pl.Expr:
    text = pl.col(column).str.strip_chars() if column else pl.lit(None, pl.String)
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _stamp(time_format: str) -> pl.Expr:
    text = pl.col("stamp").str.strip_chars()
    if time_format == "epoch":
        number = text.str.extract(f"^({EPOCH.pattern})$").str.to_integer(dtype=pl.Int64)
        # Ten digits are seconds until the year 2286, thirteen are milliseconds.
        scale = pl.when(number < 10**11).then(1_000_000).otherwise(1_000)
        return (number * scale).cast(pl.Datetime("us")).alias("_stamp")
    stamp = text.str.to_datetime(time_format, strict=False, time_unit="us")
    if time_format in ZONED_FORMATS:
        stamp = stamp.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return stamp.alias("_stamp")


def _reason() -> pl.Expr:
    """Name the first thing wrong with a bar; null where nothing is."""
    price = {name: pl.col(f"_{name}") for name in PRICES}
    highest, lowest = pl.max_horizontal(*price.values()), pl.min_horizontal(*price.values())
    reason = pl.lit(None, pl.String)
    checks = [
        (
            pl.col("_stamp").is_null(),
            pl.format("time is not a date: '{}'", pl.col("stamp").fill_null("")),
        ),
        (pl.col("symbol").fill_null("") == "", pl.lit("has no symbol")),
        *(
            (
                value.is_null(),
                pl.format(f"{name} is not a number: '{{}}'", pl.col(name).fill_null("")),
            )
            for name, value in price.items()
        ),
        (lowest <= 0, pl.lit("a price is not above 0")),
        (
            (price["high"] < highest) | (price["low"] > lowest),
            pl.lit("high and low contradict open and close"),
        ),
        (
            pl.col("_stamp") != pl.col("_stamp").dt.truncate("1m"),
            pl.lit(OFF_MINUTE),
        ),
    ]
    for failed, words in reversed(checks):
        reason = pl.when(failed).then(words).otherwise(reason)
    return reason


def _open_parquet(file: DataFile, symbol: str | None) -> BarFile | None:
    if file.entry is not None:
        raise InputError(f"{file.name}: Parquet inside a zip is not read; unzip it first")
    with _parquet(file) as parquet:
        columns = _columns(file, parquet.schema_arrow.names)
    if columns is None:
        return None
    symbol = None if "symbol" in columns else _known(file, symbol)
    sample = next(_parquet_blocks(file, columns), None)
    if sample is None:
        raise InputError(f"{file.name}: holds no rows; export it again")
    time_format = _time_format(file, str(sample.get_column("stamp")[0]))
    layout = _Layout(b"", columns, ",", time_format, symbol)
    naive = time_format in TIME_FORMATS
    return BarFile(file, "parquet-bars", symbol, naive, partial(_read_parquet, file, layout))


@contextmanager
def _parquet(file: DataFile) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(file.path) as parquet:
            yield parquet
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        fact = str(error).splitlines()[0]
        raise InputError(f"{file.name}: unreadable Parquet ({fact}); export it again") from error


def _parquet_blocks(file: DataFile, columns: dict[str, str]) -> Iterator[pl.DataFrame]:
    """Yield the columns as strings: Parquet bars then meet the very checks of CSV bars."""
    with _parquet(file) as parquet:
        for batch in parquet.iter_batches(columns=list(columns.values())):
            frame = pl.DataFrame(batch).select(**columns)
            if isinstance(stamp := frame.schema["stamp"], pl.Datetime):
                written = "%Y-%m-%dT%H:%M:%S%.f" + ("%z" if stamp.time_zone else "")
                frame = frame.with_columns(pl.col("stamp").dt.strftime(written))
            yield frame.cast(pl.String)


def _read_parquet(file: DataFile, layout: _Layout) -> Iterator[BarBatch]:
    row = 1
    for frame in _parquet_blocks(file, layout.columns):
        placed = frame.with_columns(
            line=pl.int_range(row, row + pl.len()), byte_offset=pl.lit(None, pl.Int64)
        )
        yield _typed(placed, REJECTS_SCHEMA.to_frame(), frame.height, layout)
        row += frame.height

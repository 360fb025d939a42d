"""Read minute bars: HistData, LEAN, or any table (CSV, JSON, Parquet) of open, high, low and close.

Stamps leave as the file says them: which clock they are on is for the audit to prove, unless the
format defines it. Stamps with a zone of their own leave as UTC.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain

import polars as pl

from tweetscore.bars.layouts import Table, open_table
from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.records import RAW_CHARACTERS
from tweetscore.io.times import TimeForm, date_and_time, time_form

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
# Headers are compared in small letters, without angle brackets, and with blanks for underscores.
NAMES = {
    "symbol": ("symbol", "ticker", "instrument"),
    "volume": ("volume", "vol", "v", "tick volume", "tickvol"),
    **{price: (price, price[0]) for price in PRICES},
}
# The first of these with whole times in it counts; pandas may leave its index without a name.
TIME_NAMES = (
    "time", "timestamp", "datetime", "date time", "date", "dtyyyymmdd", "minute", "gmt time",
    "local time", "open time", "window start", "unix", "t", "", "index", "index level 0",
)  # fmt: skip
DATE_NAMES = ("date", "dtyyyymmdd")  # beside a column "time"
OFF_MINUTE = "time is not a whole minute"
_PLACES = ("line", "byte_offset")
_SAMPLE_ROWS = 1_000
_DECIMAL_COMMA = re.compile(r"-?\d+,(\d+)", re.ASCII)
# Nobody kept minutes then: such a date is a slip, as 0018 for 2018, or a zero counted from 1970.
_EARLIEST = datetime(1971, 1, 1)
_AHEAD = timedelta(days=1)  # stamps without a zone may be ahead of UTC, by 14 hours at most


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
    clock: str | None  # the clock that the format defines, with stamps at the start of the minute
    _batches: Callable[[], Iterator[BarBatch]]

    def read(self) -> Iterator[BarBatch]:
        """Yield the bars and rejects of the file, in its order; it can be read again."""
        return self._batches()


def open_bars(file: DataFile, symbol: str | None = None) -> BarFile | None:
    """Recognise a file of bars by content; None when it is something else.

    Args:
        file: the file.
        symbol: what the bars are of, where no column says it; it goes before the file's name.

    Raises:
        InputError: it has some but not all columns of bars, times or prices in no clear form, no
            symbol, or holds what LEAN keeps beside the minutes of equities.
    """
    table = open_table(file)
    columns = _columns(table) if table else None
    if table is None or columns is None:
        return None
    symbol = None if "symbol" in columns else _known(file, symbol or table.symbol)
    times = _time_columns(table)
    sample = _sample(table, [*columns.values(), *chain(*times)])
    form, stamp, made_of = _stamps(table, times, sample)
    layout = _Layout(
        wanted=list(dict.fromkeys([*columns.values(), *made_of])),
        columns={"stamp": stamp, **{ours: pl.col(name) for ours, name in columns.items()}},
        form=form,
        symbol=symbol,
        price_exponent=table.price_exponent,
        decimal_comma=_decimal_comma(file, sample.select(columns[price] for price in PRICES)),
    )
    batches = partial(_read, table, layout)
    return BarFile(file, table.format, symbol, form.naive, table.clock, batches)


# --- columns --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns of the table to read, and how to make a bar's values of them."""

    wanted: list[str]
    columns: dict[str, pl.Expr]  # by our names; all are strings
    form: TimeForm
    symbol: str | None
    price_exponent: int
    decimal_comma: bool


def _known(file: DataFile, symbol: str | None) -> str:
    if not symbol:
        raise InputError(
            f"{file.name}: does not say what its bars are of; name it, as in --symbol SPY"
        )
    return symbol


def _columns(table: Table) -> dict[str, str] | None:
    """Map our names to the table's columns; None when they are not those of bars."""
    plain = _plain_names(table)
    found = {
        ours: next(plain[name] for name in names if name in plain)
        for ours, names in NAMES.items()
        if any(name in plain for name in names)
    }
    if sum(price in found for price in PRICES) < 2:
        return None
    missing = [price for price in PRICES if price not in found]
    missing += [] if _time_columns(table) else ["time"]
    if missing:
        raise InputError(
            f"{table.file.name}: looks like bars but has no column {', '.join(missing)} "
            f"(it has {', '.join(table.columns)}); rename or add it"
        )
    return found


def _time_columns(table: Table) -> list[list[str]]:
    """List the columns, and pairs of date and time, that may hold the times; best first."""
    plain = _plain_names(table)
    pairs = [[plain[name], plain["time"]] for name in DATE_NAMES if {name, "time"} <= plain.keys()]
    return [[plain[name]] for name in TIME_NAMES if name in plain] + pairs


def _plain_names(table: Table) -> dict[str, str]:
    return {
        name.strip().strip("<>").replace("_", " ").strip().lower(): column
        for name, column in table.columns.items()
    }


def _sample(table: Table, wanted: Sequence[str]) -> pl.DataFrame:
    """Return the first rows of the table."""
    fact = "no bar but its header; export it again"
    for rows, rejects in table.rows(list(dict.fromkeys(wanted)), _SAMPLE_ROWS):
        if rows.height:
            return rows
        if rejects.height:
            reason = " ".join(rejects["reason"][0].split())
            fact = f"no readable bar ({reason}); check its columns"
    raise InputError(f"{table.file.name}: holds {fact}")


def _stamps(
    table: Table, times: list[list[str]], sample: pl.DataFrame
) -> tuple[TimeForm, pl.Expr, list[str]]:
    """Return the form of the times, their text, and the columns that it is made of."""
    name = table.file.name
    for made_of in times:
        column, *beside = made_of
        text = date_and_time(sample, column, *beside) if beside else pl.col(column)
        later = (rows for rows, _ in table.rows(made_of, None))
        parts = (rows.select(text).to_series() for rows in chain([sample], later))
        if form := table.form or time_form(name, parts):
            return form, text, made_of
    shown = sample.select(text.fill_null("")).item(0, 0)
    raise InputError(
        f"{name}: the time {shown!r} has no known form; "
        "write times as 2018-01-31 09:30:00, or as seconds or milliseconds since 1970"
    )


def _decimal_comma(file: DataFile, prices: pl.DataFrame) -> bool:
    """Say whether prices are written like 2683,73; three digits could as well be thousands."""
    texts = [text.strip() for text in prices.unpivot()["value"].drop_nulls()]
    commas = [text for text in texts if "," in text]
    written = [_DECIMAL_COMMA.fullmatch(text) for text in commas]
    if not commas or not all(written) or any("." in text for text in texts):
        return False
    if all(len(match[1]) == 3 for match in written if match):
        raise InputError(
            f"{file.name}: the comma of prices like {commas[0]!r} may be one of thousands; "
            "write prices with a decimal point"
        )
    return True


# --- bars -----------------------------------------------------------------------------------------


def _read(table: Table, layout: _Layout) -> Iterator[BarBatch]:
    for rows, refused in table.rows(layout.wanted, None):
        yield _typed(rows.select(*_PLACES, **layout.columns), refused, layout)


def _typed(raw: pl.DataFrame, refused: pl.DataFrame, layout: _Layout) -> BarBatch:
    """Type string columns; a bar with a value that has no meaning becomes a reject."""
    typed = raw.with_columns(
        layout.form.stamp.alias("_stamp"),
        *(_number(price, layout, layout.price_exponent).alias(f"_{price}") for price in PRICES),
        symbol=pl.lit(layout.symbol) if layout.symbol else pl.col("symbol").str.strip_chars(),
        # No window needs a volume: one that is no number is unknown, not wrong.
        _volume=_number("volume" if "volume" in layout.columns else None, layout),
    ).with_columns(reason=_reason())
    good = typed.filter(pl.col("reason").is_null()).select(
        *_PLACES,
        "symbol",
        stamp="_stamp",
        **{name: f"_{name}" for name in (*PRICES, "volume")},
    )
    text = pl.struct(*layout.columns).struct.json_encode().str.head(RAW_CHARACTERS)
    bad = typed.filter(pl.col("reason").is_not_null()).select(*_PLACES, "reason", raw=text)
    return BarBatch(raw.height + refused.height, good, pl.concat([refused, bad]).sort("line"))


def _number(column: str | None, layout: _Layout, exponent: int = 0) -> pl.Expr:
    text = pl.col(column).str.strip_chars() if column else pl.lit(None, pl.String)
    if layout.decimal_comma:
        # A point in such a file is one of thousands.
        pointless = ~text.str.contains(".", literal=True)
        text = pl.when(pointless).then(text.str.replace(",", ".", literal=True))
    if exponent:
        # Polars divides by multiplying with the reciprocal, which misses the nearest float.
        text = pl.concat_str(text, pl.lit(f"e{exponent}"))
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


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
        (
            pl.col("_stamp") < _EARLIEST,
            pl.format(f"time lies before {_EARLIEST.year}: '{{}}'", pl.col("stamp")),
        ),
        (
            pl.col("_stamp") > datetime.now(UTC).replace(tzinfo=None) + _AHEAD,
            pl.format("time lies in the future: '{}'", pl.col("stamp")),
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

"""Read minute bars: HistData, LEAN, or any table (CSV, JSON, Parquet) of open, high, low and close.

Stamps leave as written in the file: the audit finds out which clock they are on, unless the format
defines it. Stamps with a time zone leave as UTC.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import polars as pl

from tweetscore.bars.layouts import Layout, find_layout
from tweetscore.errors import InputError
from tweetscore.io.columns import Match
from tweetscore.io.records import RAW_CHARACTERS
from tweetscore.io.source import Source
from tweetscore.io.tables.table import Table
from tweetscore.io.time_columns import TimeColumns, find_times, shown_time, time_candidates
from tweetscore.io.times import TimeForm

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
    "symbol": ("symbol", "ticker", "instrument"),
    # The first of these with whole times in it counts; pandas may leave its index without a name.
    "stamp": (
        "time", "timestamp", "datetime", "date", "dtyyyymmdd", "minute", "gmttime", "localtime",
        "opentime", "windowstart", "unix", "t", "", "index", "indexlevel0",
    ),
    "volume": ("volume", "vol", "v", "tickvolume", "tickvol"),
    **{price: (price, price[0]) for price in PRICES},
}  # fmt: skip
OFF_MINUTE = "time is not a whole minute"
_PLACES = ("line", "byte_offset")
_DECIMAL_COMMA = re.compile(r"-?\d+,(\d+)", re.ASCII)
# There were no minute bars then: such a date is a mistake, as 0018 for 2018, or a zero epoch.
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
    """A file of bars in a known layout."""

    source: Source
    format: str
    symbol: str | None  # None: the file has a column of symbols
    naive: bool  # True: stamps have no time zone
    clock: str | None  # the clock that the format defines, with stamps at the start of the minute
    _batches: Callable[[], Iterator[BarBatch]]

    def read(self) -> Iterator[BarBatch]:
        """Yield the bars and rejects of the file, in its order; it can be read again."""
        return self._batches()


def open_bars(source: Source, symbol: str | None = None) -> BarFile | None:
    """Recognise a file of bars by content; None when it is something else.

    Args:
        source: the file.
        symbol: of the bars, if no column has it; it comes before the one in the file's name.

    Raises:
        InputError: it has some but not all columns of bars, times or prices in no clear form, no
            symbol, or data of LEAN other than minutes of equities.
    """
    layout = find_layout(source)
    match = _match(layout.table) if layout else None
    if layout is None or match is None:
        return None
    symbol = None if "symbol" in match.taken else symbol or layout.symbol
    if "symbol" not in match.taken and not symbol:
        raise InputError(
            f"{source.name}: the symbol of its bars is not known; name it, as in --symbol SPY"
        )
    sample = _sample(layout.table, [*match.taken.values(), *match.candidates["stamp"]])
    times, form = _times(layout, match, sample)
    reading = _Reading(
        columns={ours: theirs for ours, theirs in match.taken.items() if ours != "stamp"},
        times=times,
        form=form,
        symbol=symbol,
        price_exponent=layout.price_exponent,
        decimal_comma=_decimal_comma(source, sample.select(match.taken[it] for it in PRICES)),
    )
    batches = partial(_read, layout.table, reading)
    return BarFile(source, layout.format, symbol, form.naive, layout.clock, batches)


# --- columns --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reading:
    """Which columns of the table to read, and how to make a bar's values of them."""

    columns: dict[str, str]  # ours: theirs, without those of the times
    times: TimeColumns
    form: TimeForm
    symbol: str | None
    price_exponent: int
    decimal_comma: bool


def _match(table: Table) -> Match | None:
    """Match the columns; None when they are not those of bars."""
    match = table.match(NAMES)
    if sum(price in match.taken for price in PRICES) < 2:
        return None
    missing = [price for price in PRICES if price not in match.taken]
    missing += [] if "stamp" in match.taken else ["time"]
    if missing:
        raise InputError(
            f"{table.name}: looks like bars but has no column {', '.join(missing)} "
            f"({match.has}); rename or add it"
        )
    return match


def _sample(table: Table, columns: Sequence[str]) -> pl.DataFrame:
    """Return the first rows of the table."""
    rows, rejects = table.sample(columns)
    if rows.height:
        return rows
    fact = "a header but no bars; export it again"
    if rejects.height:
        reason = " ".join(rejects["reason"][0].split())
        fact = f"no readable bar ({reason}); check its columns"
    raise InputError(f"{table.name}: holds {fact}")


def _times(layout: Layout, match: Match, sample: pl.DataFrame) -> tuple[TimeColumns, TimeForm]:
    """Return the columns of the times and their form."""
    candidates = time_candidates(match.candidates["stamp"])
    if layout.form:
        return TimeColumns(candidates[0]), layout.form
    if found := find_times(layout.table, sample, candidates):
        return found
    shown = shown_time(sample, candidates[::-1]) or ""  # the whole time, where it is in two columns
    raise InputError(
        f"{layout.table.name}: the time {shown!r} has no known form; "
        "write times as 2018-01-31 09:30:00, or as seconds or milliseconds since 1970"
    )


def _decimal_comma(source: Source, prices: pl.DataFrame) -> bool:
    """Return whether prices are written like 2683,73; three digits could also be thousands."""
    texts = [text.strip() for text in prices.unpivot()["value"].drop_nulls()]
    commas = [text for text in texts if "," in text]
    written = [_DECIMAL_COMMA.fullmatch(text) for text in commas]
    if not commas or not all(written) or any("." in text for text in texts):
        return False
    if all(len(match[1]) == 3 for match in written if match):
        raise InputError(
            f"{source.name}: the comma of prices like {commas[0]!r} may separate thousands; "
            "write prices with a decimal point"
        )
    return True


# --- bars -----------------------------------------------------------------------------------------


def _read(table: Table, reading: _Reading) -> Iterator[BarBatch]:
    columns = {**reading.times.wanted("stamp"), **reading.columns}
    for rows, refused in table.rows(columns, whole=False):
        raw = reading.times.joined(rows, "stamp").select(*_PLACES, "stamp", *reading.columns)
        yield _typed(raw, refused, reading)


def _typed(raw: pl.DataFrame, refused: pl.DataFrame, reading: _Reading) -> BarBatch:
    """Type string columns; a bar with a value that has no meaning becomes a reject."""
    typed = raw.with_columns(
        reading.form.stamp.alias("_stamp"),
        *(_number(price, reading, reading.price_exponent).alias(f"_{price}") for price in PRICES),
        symbol=pl.lit(reading.symbol) if reading.symbol else pl.col("symbol").str.strip_chars(),
        # No window needs a volume: one that is not a number is unknown, not wrong.
        _volume=_number("volume" if "volume" in reading.columns else None, reading),
    ).with_columns(reason=_reason())
    good = typed.filter(pl.col("reason").is_null()).select(
        *_PLACES,
        "symbol",
        stamp="_stamp",
        **{name: f"_{name}" for name in (*PRICES, "volume")},
    )
    text = pl.struct("stamp", *reading.columns).struct.json_encode().str.head(RAW_CHARACTERS)
    bad = typed.filter(pl.col("reason").is_not_null()).select(*_PLACES, "reason", raw=text)
    return BarBatch(raw.height + refused.height, good, pl.concat([refused, bad]).sort("line"))


def _number(column: str | None, reading: _Reading, exponent: int = 0) -> pl.Expr:
    text = pl.col(column).str.strip_chars() if column else pl.lit(None, pl.String)
    if reading.decimal_comma:
        # A point in such a file separates thousands.
        pointless = ~text.str.contains(".", literal=True)
        text = pl.when(pointless).then(text.str.replace(",", ".", literal=True))
    if exponent:
        # Polars divides by multiplying with the reciprocal, which misses the nearest float.
        text = pl.concat_str(text, pl.lit(f"e{exponent}"))
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _reason() -> pl.Expr:
    """Describe the first thing that is wrong with a bar; null if nothing is."""
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
            pl.format(f"time is before {_EARLIEST.year}: '{{}}'", pl.col("stamp")),
        ),
        (
            pl.col("_stamp") > datetime.now(UTC).replace(tzinfo=None) + _AHEAD,
            pl.format("time is in the future: '{}'", pl.col("stamp")),
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

"""Read minute bars: HistData, LEAN, or any table of open, high, low and close.

Stamps leave as written in the file: the audit finds out which clock they are on, unless the format
defines it. Stamps with a time zone leave as UTC.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import polars as pl

from tweetscore.bars.columns import Columns, match_columns
from tweetscore.bars.layouts import Layout, find_layout
from tweetscore.bars.names import PRICES
from tweetscore.bars.numbers import NumberForm, in_billionths, number_form
from tweetscore.bars.symbols import canonical_symbols
from tweetscore.errors import InputError
from tweetscore.io.records import RAW_CHARACTERS
from tweetscore.io.source import Source
from tweetscore.io.tables.table import Table
from tweetscore.io.time_columns import TimeColumns
from tweetscore.io.times import TimeForm
from tweetscore.market.symbols import canonical_symbol

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
NO_PRICES = pl.DataFrame(
    schema={"symbol": pl.String, "stamp": pl.Datetime("us"), "close": pl.Float64}
)
NOT_POSITIVE = "a price is not above 0"
OFF_MINUTE = "time is not a whole minute"
_PLACES = ("line", "byte_offset")
# There were no minute bars then: such a date is a mistake, as 0018 for 2018, or a zero epoch.
_EARLIEST = datetime(1971, 1, 1)
_AHEAD = timedelta(days=1)  # stamps without a zone may be ahead of UTC, by 14 hours at most


class OtherSymbolError(InputError):
    """A file has bars of another symbol than the one that the user gives."""


@dataclass(frozen=True, slots=True)
class BarBatch:
    """Canonical bars (``BARS_SCHEMA``) and rejects; ``rows_read`` counts records before parsing."""

    rows_read: int
    bars: pl.DataFrame
    rejects: pl.DataFrame
    not_positive: pl.DataFrame = field(default_factory=lambda: NO_PRICES)  # of the rejects


@dataclass(frozen=True, slots=True)
class BarFile:
    """A file of bars in a known layout."""

    source: Source
    format: str
    symbol: str | None  # None: the file has a column of symbols
    naive: bool  # True: stamps have no time zone
    of_days: bool  # True: stamps are days, without a time of day
    clock: str | None  # the clock that the format defines, with stamps at the start of the minute
    claim: str | None  # the clock that the file itself names, for stamps without a time zone
    taken: str  # what was taken for what, in words
    guessed: bool  # True: more than names of columns was needed to find that out
    named: tuple[str, ...]  # the symbols that its name or its first rows show, whatever is set
    _batches: Callable[[], Iterator[BarBatch]]
    _as_shown: Callable[[], Iterator[BarBatch]] | None = None

    def as_shown(self) -> "BarFile":
        """Return the file with stamps as they are shown, where they carry an offset from UTC."""
        return replace(self, _batches=self._as_shown) if self._as_shown else self

    def read(self) -> Iterator[BarBatch]:
        """Yield the bars and rejects of the file, in its order; it can be read again."""
        return self._batches()


def open_bars(
    source: Source, symbol: str | None = None, columns: Mapping[str, str] | None = None
) -> BarFile | None:
    """Recognise a file of bars by content; None when it is something else.

    Args:
        source: the file.
        symbol: of the bars, if no column has it; it comes before the one in the file's name.
        columns: our name to the file's, before all recognised ones.

    Raises:
        InputError: it has some but not all columns of bars, times or prices in no clear form, no
            symbol, another symbol than the one given, or data of LEAN other than minutes of
            equities. Also while it is read, when a later row has another symbol.
    """
    layout = find_layout(source)
    found = match_columns(layout, columns or {}) if layout else None
    if layout is None or found is None:
        return None
    wanted = canonical_symbol(symbol) if symbol else None
    reading = _Reading(
        columns=found.values,
        times=found.times,
        form=found.form,
        numbers=_numbers(layout, found),
        symbol=_one_symbol(source, layout, found, wanted),
        agreed=wanted if "symbol" in found.values else None,
    )
    in_column = found.symbols
    _check_agreed(source, in_column, reading.agreed)
    batches = partial(_read, source, layout.table, reading)
    as_shown = None
    if found.form.shown is not None:
        shown = replace(found.form, stamp=found.form.shown)
        as_shown = partial(_read, source, layout.table, replace(reading, form=shown))
    clock = found.clock
    return BarFile(
        source,
        layout.format,
        reading.symbol,
        found.form.naive and clock != "UTC",
        found.times.of_days,
        layout.clock,
        clock if found.form.naive and clock != "UTC" else None,
        _taken(layout, found, reading, wanted),
        bool(layout.header) and layout.format.endswith("-bars"),
        tuple(in_column) or ((layout.named.symbol,) if layout.named else ()),
        batches,
        as_shown,
    )


# --- what was found -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reading:
    """Which columns of the table to read, and how to make a bar's values of them."""

    columns: Mapping[str, str]  # ours: theirs, without those of the times
    times: TimeColumns
    form: TimeForm
    numbers: NumberForm
    symbol: str | None  # None: the column has it
    agreed: str | None  # the only one that the column may have


def _one_symbol(source: Source, layout: Layout, found: Columns, wanted: str | None) -> str | None:
    if "symbol" in found.values:
        return None
    symbol = wanted or (layout.named.symbol if layout.named else None)
    if not symbol:
        raise InputError(
            f"{source.name}: the symbol of its bars is not known; name it, as in --symbol SPY"
        )
    return symbol


def _check_agreed(source: Source, symbols: Sequence[str], agreed: str | None) -> None:
    """Refuse a column with other symbols than the one given."""
    others = [symbol for symbol in symbols if symbol != agreed] if agreed else []
    if others:
        shown = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        raise OtherSymbolError(
            f"{source.name}: --symbol is {agreed}, but its column of symbols has {shown}; "
            "leave --symbol out, or say with --column symbol= that the column is none"
        )


def _numbers(layout: Layout, found: Columns) -> NumberForm:
    """Find how prices are written; in billionths where the vendor or the times make that sure."""
    texts = found.sample.select(found.values[price] for price in PRICES).unpivot()["value"]
    if layout.price_exponent:
        return NumberForm(exponent=layout.price_exponent)
    vendor = layout.vendor
    exact = (vendor and vendor.billionths) or found.in_nanoseconds
    if exact and in_billionths(texts):
        return NumberForm(exponent=-9)
    return number_form(layout.table.name, texts)


def _taken(layout: Layout, found: Columns, reading: _Reading, wanted: str | None) -> str:
    """Describe in one line what was taken for what."""
    parts = [found.words]
    if reading.symbol:
        by = "--symbol" if wanted else layout.named.by if layout.named else ""
        over = layout.named if wanted and layout.named else None
        instead = f", not {over.symbol} from {over.by}" if over and over.symbol != wanted else ""
        parts.append(f"symbol {reading.symbol} from {by}{instead}")
    if reading.numbers != NumberForm():
        parts.append(f"numbers like {reading.numbers}")
    if found.clock and found.form.naive:
        parts.append(f"clock {found.clock} {found.clock_by}")
    vendor = layout.vendor
    layout_words = [layout.header] if layout.header else []
    layout_words += [f"as {vendor.name} writes it"] if vendor else []
    parts += [f"layout: {', '.join(layout_words)}"] if layout_words else []
    return "; ".join(parts)


# --- bars -----------------------------------------------------------------------------------------


def _read(source: Source, table: Table, reading: _Reading) -> Iterator[BarBatch]:
    columns = {**reading.times.wanted("stamp"), **reading.columns}
    for rows, refused in table.rows(columns, whole=False):
        raw = reading.times.joined(rows, "stamp").select(*_PLACES, "stamp", *reading.columns)
        batch = _typed(raw, refused, reading)
        if reading.agreed:
            _check_agreed(source, batch.bars["symbol"].unique().to_list(), reading.agreed)
        yield batch


def _typed(raw: pl.DataFrame, refused: pl.DataFrame, reading: _Reading) -> BarBatch:
    """Type string columns; a bar with a value that has no meaning becomes a reject."""
    typed = raw.with_columns(
        reading.form.stamp.alias("_stamp"),
        *(reading.numbers.read(raw[price]).alias(f"_{price}") for price in PRICES),
        pl.lit(reading.symbol).alias("symbol")
        if reading.symbol
        else canonical_symbols(raw["symbol"]).alias("symbol"),
        # No window needs a volume: one that is not a number is unknown, not wrong.
        reading.numbers.counts().read(raw["volume"]).alias("_volume")
        if "volume" in reading.columns
        else pl.lit(None, pl.Float64).alias("_volume"),
    ).with_columns(reason=_reason())
    good = typed.filter(pl.col("reason").is_null()).select(
        *_PLACES,
        "symbol",
        stamp="_stamp",
        **{name: f"_{name}" for name in (*PRICES, "volume")},
    )
    bad = typed.filter(pl.col("reason").is_not_null())
    text = pl.struct("stamp", *reading.columns).struct.json_encode().str.head(RAW_CHARACTERS)
    rejects = pl.concat([refused, bad.select(*_PLACES, "reason", raw=text)]).sort("line")
    below = bad.filter(pl.col("reason") == NOT_POSITIVE)
    not_positive = below.select("symbol", stamp="_stamp", close="_close")
    return BarBatch(raw.height + refused.height, good, rejects, not_positive)


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
        (lowest <= 0, pl.lit(NOT_POSITIVE)),
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

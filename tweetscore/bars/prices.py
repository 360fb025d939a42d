"""Prices that cannot be: the bars of a file enter, reasons to reject some and warnings leave.

A price about a hundred or a thousand times its neighbours has lost its decimal point. A split is
no such price: what follows it stays at the new level. Prices at or below zero have no returns, so
they are rejected one by one; what is missing without them is said here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.bars.names import PRICES
from tweetscore.bars.reader import NO_PRICES, BarBatch

_SUSPICIOUS = 50.0  # the highest price over the lowest, below which no price can be a power off
_NEIGHBOURS = 10  # bars on either side
_FEWEST_BARS = 5
_POWER = 2  # of ten: the least that is more than any market moves within minutes
_NEAR = 0.2  # how far from a power, in powers, a price may be on account of the market
_STEP = _POWER - _NEAR
_SHOWN_DAYS = 3
_AROUND = ("symbol", "stamp", *PRICES)


@dataclass(slots=True)
class PriceWatch:
    """What the prices of a file span, and those at or below zero; filled while it is read."""

    _span: dict[str, tuple[float, float]] = field(default_factory=dict)  # lowest, highest
    _not_positive: list[pl.DataFrame] = field(default_factory=list)

    def watching(self, batches: Iterable[BarBatch]) -> Iterator[BarBatch]:
        """Pass batches on, and look at each."""
        for batch in batches:
            self._look(batch)
            yield batch

    def _look(self, batch: BarBatch) -> None:
        if batch.not_positive.height:
            self._not_positive.append(batch.not_positive)
        spans = batch.bars.group_by("symbol").agg(pl.col("low").min(), pl.col("high").max())
        for symbol, low, high in spans.rows():
            lowest, highest = self._span.get(symbol, (low, high))
            self._span[symbol] = min(lowest, low), max(highest, high)

    def odd_prices(self, batches: Iterable[BarBatch]) -> "OddPrices":
        """Find prices that are a power of ten off; bars are gone through only where some may be."""
        wide = [name for name, (low, high) in self._span.items() if high >= _SUSPICIOUS * low]
        if not wide:
            return OddPrices({})
        parts, rows = [], 0
        for batch in batches:
            part = batch.bars.select(*_AROUND).with_row_index("row", rows)
            parts.append(part.filter(pl.col("symbol").is_in(wide)))
            rows += batch.bars.height
        return _odd_prices(pl.concat(parts).sort("symbol", "stamp", maintain_order=True))

    def missing(self, batches: Iterable[BarBatch]) -> str | None:
        """Describe what is missing without the prices at or below zero; None where there are none.

        The share is that of a day's movement from close to close which such a price begins or ends.
        """
        if not self._not_positive:
            return None
        rejected = pl.concat(self._not_positive)
        days = rejected.select("symbol", day=pl.col("stamp").dt.date()).unique()
        kept = [NO_PRICES]
        for batch in batches:
            of_days = batch.bars.select("symbol", "stamp", "close")
            day = of_days.with_columns(day=pl.col("stamp").dt.date())
            kept.append(day.join(days, on=["symbol", "day"], how="semi").drop("day"))
        return _missing(pl.concat(kept), rejected)


@dataclass(frozen=True, slots=True)
class OddPrices:
    """Why which rows are rejected, counted over all bars of a file; and what else is odd."""

    reasons: dict[int, str]
    steps: str | None = None

    @property
    def warnings(self) -> list[str]:
        """What a user must know of them."""
        found = [self.steps] if self.steps else []
        if self.reasons:
            bars = "1 bar was" if len(self.reasons) == 1 else f"{len(self.reasons):,} bars were"
            first = next(iter(self.reasons.values()))
            found.append(f"{bars} rejected for a price that is a power of ten off ({first})")
        return found

    def of_rows(self, start: int, height: int) -> pl.Series | None:
        """Return the reasons of so many rows; None where there are none."""
        found = {row - start: why for row, why in self.reasons.items() if 0 <= row - start < height}
        if not found:
            return None
        reasons = pl.Series([None], dtype=pl.String).new_from_index(0, height)
        return reasons.scatter(list(found), list(found.values()))


def _odd_prices(bars: pl.DataFrame) -> OddPrices:
    """Hold each price against the median close around it; bars are in the order of time."""
    around = pl.col("close").rolling_median(2 * _NEIGHBOURS + 1, center=True, min_samples=1)
    bars = bars.with_columns(around=around.over("symbol"))
    powers = bars.select((pl.col(PRICES) / pl.col("around")).log10()).to_numpy()
    nearest = np.rint(powers)
    off = (np.abs(nearest) >= _POWER) & (np.abs(powers - nearest) <= _NEAR)
    odd = off.any(axis=1)
    for start, stop in _groups(bars["symbol"]):
        odd[start:stop] = _without_edges(odd[start:stop])
    reasons = {}
    for place in np.flatnonzero(odd):
        price = int(np.flatnonzero(off[place])[0])
        row = bars.row(int(place), named=True)
        reasons[row["row"]] = (
            f"{PRICES[price]} {row[PRICES[price]]:g} is about {_times(int(nearest[place, price]))} "
            f"the prices around it ({row['around']:g})"
        )
    return OddPrices(reasons, _steps(bars.filter(pl.Series(~odd))))


def _groups(symbols: pl.Series) -> Iterator[tuple[int, int]]:
    ends = np.cumsum(symbols.rle().struct.field("len").to_numpy())
    yield from zip([0, *ends[:-1]], ends, strict=True)


def _without_edges(odd: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Keep several odd bars at the edge of a file: they may be what is left of before a split."""
    if len(odd) < _FEWEST_BARS:
        return np.zeros_like(odd)
    usual = np.flatnonzero(~odd)
    kept = odd.copy()
    if len(usual):
        first, last = int(usual[0]), int(usual[-1])
        kept[:first] &= first <= 1
        kept[last + 1 :] &= len(odd) - 1 - last <= 1
    return kept


def _times(power: int) -> str:
    return f"{10**power:,} times" if power > 0 else f"1/{10**-power:,} of"


def _steps(bars: pl.DataFrame) -> str | None:
    """Describe where prices change their level for good."""
    change = (pl.col("close") / pl.col("close").shift().over("symbol")).log10()
    steps = bars.with_columns(change=change).filter(pl.col("change").abs() >= _STEP)
    if not steps.height:
        return None
    first = steps.row(0, named=True)
    return (
        f"its prices change their level {_often(steps.height)}, first at "
        f"{first['stamp']:%Y-%m-%d %H:%M} to {10 ** first['change']:,.3g} times those before: "
        "a split, or other units"
    )


def _often(times: int) -> str:
    return "once" if times == 1 else f"{times:,} times"


def _missing(kept: pl.DataFrame, rejected: pl.DataFrame) -> str:
    marked = pl.concat(
        [kept.with_columns(out=pl.lit(False)), rejected.with_columns(out=pl.lit(True))]
    ).with_columns(day=pl.col("stamp").dt.date())
    by_day = ["symbol", "day"]
    # Beside prices above zero alone, a zero stands for a minute without trades.
    empty = (pl.col("close") == 0) & (pl.col("close").min().over(by_day) == 0)
    step = pl.col("close").diff().abs().over(by_day)
    lost = (pl.col("out") | pl.col("out").shift().over(by_day)).fill_null(False)
    days = (
        marked.with_columns(empty=empty)
        .sort("symbol", "stamp")
        .with_columns(close=pl.when(~pl.col("empty")).then("close"))
        .with_columns(step=step, lost=lost)
        .group_by(by_day, maintain_order=True)
        .agg(
            rejected=pl.col("out").sum(),
            bars=pl.len(),
            zeros=pl.col("empty").sum(),
            share=pl.col("step").filter("lost").sum() / pl.col("step").sum(),
        )
        .sort(pl.col("share").fill_nan(0), "rejected", descending=True, maintain_order=True)
    )
    return _words(days, rejected.height)


def _words(days: pl.DataFrame, rejected: int) -> str:
    zeros = int(days["zeros"].sum())
    facts = []
    for row in days.head(_SHOWN_DAYS).rows(named=True):
        fact = f"{row['symbol']} on {row['day']}: {row['rejected']:,} of {row['bars']:,} bars"
        if row["rejected"] > row["zeros"] and row["share"] == row["share"]:
            fact += f" and {row['share']:.0%} of that day's movement are missing"
        facts.append(fact)
    more = f"; and {days.height - _SHOWN_DAYS:,} more days" if days.height > _SHOWN_DAYS else ""
    kind = "with a price of 0" if zeros == rejected else "with a price at or below 0"
    why = "" if zeros == rejected else ", because returns over such prices have no meaning"
    return f"{rejected:,} bars {kind} were rejected{why} ({'; '.join(facts)}{more})"

"""Measure what trading by predictions of direction would earn: a database enters, means leave.

Each prediction is an entry: long where it says up, short where it says down, and out again after
the interval. What it earns is in basis points of its price at entry. Nothing is corrected for the
number of models and intervals that are looked at: the verdict is that of ``figures``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from tweetscore.evaluation.intervals import Floats, Wholes, mean_interval, observations
from tweetscore.market.news import News
from tweetscore.market.symbols import in_volatility
from tweetscore.store.database import Store, statement

COSTS_BPS = (1.0, 2.0, 5.0)  # of both trades together
LATE_MINUTES = (1, 2)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval over days (``mean_interval``); fewer than six have none."""

    value: float
    low: float | None
    high: float | None

    def less(self, cost_bps: float) -> "Estimate":
        """Return what is left after a cost that is the same for each entry."""
        bounds = (None if each is None else each - cost_bps for each in (self.low, self.high))
        return Estimate(self.value - cost_bps, *bounds)


@dataclass(frozen=True, slots=True)
class Net:
    """What an entry earns after a cost."""

    cost_bps: float  # of a round trip: entry and exit together
    bps: Estimate


@dataclass(frozen=True, slots=True)
class Late:
    """What an entry earns before costs, some minutes late and out at the same time."""

    minutes: int
    entries: int  # those that have a price then, before their exit
    bps: Estimate | None  # None without any


@dataclass(frozen=True, slots=True)
class Earnings:
    """What one model's predictions at one interval earn on rows it has not seen, per entry.

    ``break_even_bps`` is the mean before costs: at this round-trip cost nothing is left. ``long``
    is the mean of always being long at the same entries, ``beyond_long`` what the model earns more
    than that. ``entries_a_day`` counts days with an entry; ``at_once`` is the number of positions
    that are open as one is entered, itself included, and ``most_at_once`` the largest: so many
    times the stake of one entry are needed.
    """

    model: str
    symbol: str
    interval_minutes: int
    entries: int
    days: int
    break_even_bps: Estimate
    net: tuple[Net, ...]
    late: tuple[Late, ...]
    long: Estimate
    beyond_long: Estimate
    entries_a_day: Estimate
    at_once: Estimate
    most_at_once: int


def earnings(
    store: Store,
    *,
    model: str | None = None,
    session: str = "regular",
    from_utc: datetime | None = None,
    until_utc: datetime | None = None,
    costs_bps: Sequence[float] = COSTS_BPS,
    news: News | None = None,
) -> list[Earnings]:
    """Return what the stored predictions of direction would earn; none where there are none.

    Posts from before each model's test part are left out, whatever the span, and windows near
    ``news``; and symbols in units of volatility, which nobody can trade.
    """
    rows = store.frame(
        statement("evaluation/entries"),
        model=model,
        session=session,
        from_utc=from_utc,
        until_utc=until_utc,
    )
    if news:
        rows = news.without(rows)
    parts = rows.partition_by("model_id", "symbol", "interval_minutes", maintain_order=True)
    return [
        earnings_of(part, costs_bps) for part in parts if not in_volatility(str(part["symbol"][0]))
    ]


def earnings_of(rows: pl.DataFrame, costs_bps: Sequence[float] = COSTS_BPS) -> Earnings:
    """Return what the entries of one model, symbol and interval earn.

    Args:
        rows: with model, symbol, interval_minutes, session_date, minute_utc, exit_utc, up,
            return_bps, late_1_bps and late_2_bps; one row is an entry.
        costs_bps: of a round trip.
    """
    first = rows.row(0, named=True)
    day = observations(rows["session_date"], first["interval_minutes"])
    side = rows["up"].to_numpy() * 2.0 - 1
    gross_bps = side * rows["return_bps"].to_numpy()
    break_even = _estimate(gross_bps, day)
    counts = rows.group_by("session_date").len().sort("session_date")["len"].to_numpy()
    open_at_once = _open_at_once(rows["minute_utc"], rows["exit_utc"])
    return Earnings(
        model=first["model"],
        symbol=first["symbol"],
        interval_minutes=first["interval_minutes"],
        entries=rows.height,
        days=len(counts),
        break_even_bps=break_even,
        net=tuple(Net(cost, break_even.less(cost)) for cost in costs_bps),
        late=tuple(_late(rows, minutes, side, day) for minutes in LATE_MINUTES),
        long=_estimate(rows["return_bps"].to_numpy(), day),
        beyond_long=_estimate((side - 1) * rows["return_bps"].to_numpy(), day),
        entries_a_day=_estimate(counts.astype(np.float64), np.arange(len(counts))),
        at_once=_estimate(open_at_once.astype(np.float64), day),
        most_at_once=int(open_at_once.max()),
    )


def _late(rows: pl.DataFrame, minutes: int, side: Floats, day: Wholes) -> Late:
    values = rows[f"late_{minutes}_bps"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = ~np.isnan(values)
    bps = _estimate((side * values)[known], day[known]) if known.any() else None
    return Late(minutes, int(known.sum()), bps)


def _estimate(values: Floats, day: Wholes) -> Estimate:
    low, high = mean_interval(values, day)
    bounded = bool(np.isfinite(low))
    return Estimate(float(values.mean()), low if bounded else None, high if bounded else None)


def _open_at_once(minute_utc: pl.Series, exit_utc: pl.Series) -> Wholes:
    """Return how many positions are open as each is entered; one that just ends is not."""
    entry, leave = (times.dt.epoch("s").to_numpy() for times in (minute_utc, exit_utc))
    entered = np.searchsorted(np.sort(entry), entry, side="right")
    left = np.searchsorted(np.sort(leave), entry, side="right")
    return np.asarray(entered - left, np.int64)

"""Make bars of ten markets as vendors write them: on any clock, with holes, strays and few bars.

Hours come from exchange_calendars or are written down here, never from the code that is tested.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
import polars as pl

TIMES = pl.Datetime("us")
EPOCH = datetime(1970, 1, 1)
YEARS = (2015, 2023)

# Market: its calendar and its zone.
MARKETS = {
    "New York": ("XNYS", "America/New_York"),
    "London": ("XLON", "Europe/London"),
    "Frankfurt": ("XETR", "Europe/Berlin"),
    "Tokyo": ("XTKS", "Asia/Tokyo"),
    "Hong Kong": ("XHKG", "Asia/Hong_Kong"),
    "Mumbai": ("XBOM", "Asia/Kolkata"),
    "Sydney": ("XASX", "Australia/Sydney"),
    "CME futures": ("CMES", "America/New_York"),
    "currencies": ("24/5", "America/New_York"),
    "coins": ("24/7", "UTC"),
}
# A clock: a zone, or None for the market's own, and hours added to it.
CLOCKS: dict[str, tuple[str | None, int]] = {
    "right": (None, 0),
    "UTC": ("UTC", 0),
    "EST": ("Etc/GMT+5", 0),
    "broker, Athens": ("Europe/Athens", 0),
    "broker, New York +7": ("America/New_York", 7),
    "New York": ("America/New_York", 0),
    "Tokyo": ("Asia/Tokyo", 0),
    "shifted by 1 hour": (None, 1),
    "shifted by 12 hours": (None, 12),
    "shifted by -1 hour": (None, -1),
}


@dataclass(frozen=True)
class Recipe:
    """How a file is made; shares are of days, or of bars for ``density``."""

    market: str
    clock: str
    stamp: str
    days: int
    first: date
    density: float = 1.0
    missing_days: float = 0.0
    holes: float = 0.0  # of an hour or so
    stray_closes: float = 0.0  # a bar of one price on the closing minute
    stray_nights: float = 0.0  # a bar of one price at any time
    only_edges: bool = False  # four bars at each open and three before each close
    sized: bool = True
    seed: int = 0

    @property
    def calendar(self) -> str:
        return MARKETS[self.market][0]


@dataclass(frozen=True)
class Bars:
    """A file: its stamps and what is known of each bar, and the truth."""

    stamps: pl.Series
    sizes: pl.Series | None
    flat: pl.Series | None
    starts_utc: pl.Series


def make(recipe: Recipe) -> Bars:
    """Make the bars of a recipe."""
    rng = np.random.default_rng(recipe.seed)
    spans = _sessions(recipe)
    kept = [span for span in spans if rng.random() >= recipe.missing_days]
    minutes = [_session_bars(begin, end, recipe, rng) for begin, end in kept]
    bars = np.concatenate(minutes)
    for begin, end in kept:
        if rng.random() < recipe.holes and end - begin > 120:
            hole = begin + rng.integers(0, end - begin - 30)
            bars = bars[(bars < hole) | (bars >= hole + rng.integers(20, 120))]
    strays = [end for _, end in kept if rng.random() < recipe.stray_closes]
    strays += [
        int(end + rng.integers(60, 2_000)) for _, end in kept if rng.random() < recipe.stray_nights
    ]
    strays = sorted(set(strays) - set(bars.tolist()))
    sizes = rng.lognormal(0, 0.5, len(bars))
    opens = np.array([begin for begin, _ in kept])
    nearest = opens[np.maximum(np.searchsorted(opens, bars, side="right") - 1, 0)]
    sizes[rng.random(len(bars)) < 0.3 * (1 - recipe.density)] = 0  # thin bars may have one price
    sizes *= 1 + 4 * np.exp(-(bars - nearest) / 10)
    rows = pl.DataFrame(
        {
            "start": np.concatenate([bars, np.array(strays, dtype=np.int64)]),
            "size": np.concatenate([sizes, np.zeros(len(strays))]),
        }
    ).sort("start")
    starts = (rows["start"] * 60_000_000).cast(TIMES)
    stamps = shown(starts, recipe) + timedelta(minutes=int(recipe.stamp == "end"))
    return Bars(
        stamps,
        rows["size"] if recipe.sized else None,
        rows["size"].eq(0) if recipe.sized else None,
        starts,
    )


def shown(times_utc: pl.Series, recipe: Recipe) -> pl.Series:
    """Return what the recipe's clock shows."""
    zone, hours = CLOCKS[recipe.clock]
    zone = zone or MARKETS[recipe.market][1]
    local = times_utc.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    return local.dt.replace_time_zone(None) + timedelta(hours=hours)


def any_recipe(seed: int) -> Recipe:
    """Draw a recipe: every market, clock and stamp, 10 to 250 days, and every kind of dirt."""
    rng = np.random.default_rng(seed)
    thin = rng.random() < 0.3
    return Recipe(
        market=list(MARKETS)[seed % len(MARKETS)],
        clock=list(CLOCKS)[seed // len(MARKETS) % len(CLOCKS)],
        stamp=("start", "end")[seed // 100 % 2],
        days=int(rng.integers(10, 251)),
        first=date(YEARS[0], 1, 5) + timedelta(days=int(rng.integers(0, 365 * 8))),
        density=float(rng.choice([0.1, 0.3, 0.6])) if thin else float(rng.choice([0.9, 1.0])),
        missing_days=float(rng.choice([0, 0.01, 0.04])),
        holes=float(rng.choice([0, 0.03, 0.1])),
        stray_closes=float(rng.choice([0, 0.2, 0.5])),
        stray_nights=float(rng.choice([0, 0.05, 0.3])),
        seed=seed,
    )


def _session_bars(begin: int, end: int, recipe: Recipe, rng: np.random.Generator) -> np.ndarray:
    if recipe.only_edges:
        return np.concatenate([np.arange(begin, begin + 4), np.arange(end - 3, end)])
    minutes = np.arange(begin, end)
    return np.asarray(minutes[rng.random(len(minutes)) < recipe.density])


def _sessions(recipe: Recipe) -> list[tuple[int, int]]:
    """Return the begins and ends of the market's hours, in minutes since 1970 UTC."""
    last = recipe.first + timedelta(days=2 * recipe.days + 30)
    if recipe.market == "coins":
        day = (recipe.first - EPOCH.date()).days * 1_440
        return [(day + 1_440 * n, day + 1_440 * (n + 1)) for n in range(recipe.days)]
    if recipe.market in ("currencies", "CME futures"):
        evening = 17 if recipe.market == "currencies" else 18
        days = _american_days(recipe.first, last, recipe.market)[: recipe.days]
        return [
            (_new_york(day - timedelta(days=1), evening), _new_york(day, hour))
            for day, hour in days
        ]
    schedule = _schedule(recipe.calendar)
    dates = schedule.index.date
    rows = schedule[(dates >= recipe.first) & (dates <= last)].iloc[: recipe.days]
    spans = []
    for row in rows.itertuples():
        opened, lunch, back, closed = (_minute(row[place]) for place in (1, 2, 3, 4))
        assert opened
        assert closed
        spans += [(opened, lunch), (back, closed)] if lunch and back else [(opened, closed)]
    return spans


@cache
def _schedule(calendar: str) -> Any:
    return exchange_calendars.get_calendar(
        calendar, start=f"{YEARS[0]}-01-01", end=f"{YEARS[1] + 1}-12-31"
    ).schedule


def _american_days(first: date, last: date, market: str) -> list[tuple[date, int]]:
    """Return the weekdays on which futures or currencies trade, and the hour of their close."""
    trading = set(_schedule("XNYS").index.date)
    days = []
    for place in range((last - first).days):
        day = first + timedelta(days=place)
        holiday = day.weekday() < 5 and day not in trading
        shut = (day.month, day.day) in ((12, 25), (1, 1))
        if market == "CME futures":
            shut = shut or (holiday and day.weekday() == 4)  # Good Friday, and holidays in lieu
        if day.weekday() < 5 and not shut:
            days.append((day, 13 if holiday and market == "CME futures" else 17))
    return days


def _new_york(day: date, hour: int) -> int:
    local = datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo("America/New_York"))
    return int(local.timestamp()) // 60


def _minute(time: Any) -> int | None:
    return None if time is None or time != time else int(time.timestamp()) // 60

"""Windows of one market by a plain loop over bars and hours, for tests to hold ours against."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
from tiny import MINUTE

from tweetscore.market.horizons import Horizon


@dataclass(frozen=True)
class Day:
    """A trading day: its pieces, two where lunch cuts it."""

    day: date
    pieces: list[tuple[datetime, datetime]]


@dataclass(frozen=True)
class Window:
    """What a post meets."""

    entry: datetime | None
    status: str
    entry_price: float | None = None
    exit_price: float | None = None


def days_of(calendar: str, first: date, last: date) -> list[Day]:
    """Read the hours from exchange_calendars, not from our code."""
    if calendar == "24/7":  # it goes on after the last bar
        days = [first + timedelta(days=n) for n in range((last - first).days + 2)]
        midnights = [datetime(each.year, each.month, each.day) for each in days]
        return [
            Day(day, [(at, at + timedelta(days=1))])
            for day, at in zip(days, midnights, strict=True)
        ]
    if calendar == "24/5":  # from Sunday 17:00 to Friday 17:00 in New York, a day from 17:00 on
        evenings = [
            datetime(day.year, day.month, day.day, 17, tzinfo=ZoneInfo("America/New_York"))
            .astimezone(ZoneInfo("UTC"))
            .replace(tzinfo=None)
            for n in range((last - first).days + 2)
            for day in [first + timedelta(days=n - 1)]
        ]
        return [
            Day(first + timedelta(days=n), [(opened, closed)])
            for n, (opened, closed) in enumerate(pairwise(evenings))
            if (first + timedelta(days=n)).weekday() < 5
        ]
    known = exchange_calendars.get_calendar(calendar, start=f"{first}", end=f"{last}")
    found = []
    for _, row in known.schedule.iterrows():
        opened, begins, ends, closed = (
            None if each != each else each.tz_localize(None).to_pydatetime()
            for each in (row["open"], row["break_start"], row["break_end"], row["close"])
        )
        pieces: list[Any] = [(opened, begins), (ends, closed)] if begins else [(opened, closed)]
        found.append(Day(row.name.date(), pieces))
    return found


def made_bars(days: Sequence[Day], spacing: int, seed: int) -> dict[datetime, tuple[float, float]]:
    """Draw open and close of bars that begin at each open and every ``spacing`` minutes."""
    rng, price, bars = np.random.default_rng(seed), 100.0, {}
    for day in days:
        for opened, closed in day.pieces:
            at = opened
            while at < closed:
                first, price = price * (1 + rng.normal() / 1e3), price * (1 + rng.normal() / 1e3)
                if rng.random() > 0.05 or at == opened:  # a hole now and then
                    bars[at] = (round(first, 3), round(price, 3))
                at += spacing * MINUTE
    return bars


class Oracle:
    """Windows one by one, from bars and hours."""

    def __init__(
        self, days: Sequence[Day], bars: dict[datetime, tuple[float, float]], spacing: int
    ) -> None:
        self.days, self.bars, self.spacing, self.max_gap = days, bars, spacing, 5
        self.stretches: list[tuple[datetime, datetime]] = []
        for opened, closed in (piece for day in days for piece in self._hours(day)):
            if self.stretches and self.stretches[-1][1] == opened:
                self.stretches[-1] = (self.stretches[-1][0], closed)
            else:
                self.stretches.append((opened, closed))
        self.closes = sorted((self._ends(begin), close) for begin, (_, close) in bars.items())
        self.boundaries = sorted(
            {
                at
                for opened, closed in self.stretches
                for at in [*self._steps(opened, closed), closed]
            }
        )

    def _steps(self, opened: datetime, closed: datetime) -> Iterable[datetime]:
        if self.spacing == 1_440:
            yield from (
                each
                for day in self.days
                for each in (day.pieces[0][0], day.pieces[-1][1])
                if opened <= each <= closed
            )
            return
        at = opened
        while at < closed:
            yield at
            at += self.spacing * MINUTE

    def price(self, at: datetime) -> float | None:
        """The last price known then, of a bar of the same stretch, five minutes old at most."""
        opened = max(begin for begin, end in self.stretches if begin <= at <= end)
        place = bisect_right(self.closes, (at, math.inf)) - 1
        known, price = self.closes[place] if place >= 0 else (datetime.min, None)
        if known <= opened:
            known, price = opened, self.bars.get(opened, (None,))[0]
        return price if at - known <= self.max_gap * MINUTE else None

    def _ends(self, begin: datetime) -> datetime:
        """When a bar that begins then is over: a short one with its session."""
        closes = [end for day in self.days for start, end in self._hours(day) if start <= begin]
        return min(begin + self.spacing * MINUTE, next(end for end in closes[::-1] if end > begin))

    def _hours(self, day: Day) -> list[tuple[datetime, datetime]]:
        whole = [(day.pieces[0][0], day.pieces[-1][1])]
        return whole if self.spacing == 1_440 else day.pieces

    def window(self, posted: datetime, horizon: Horizon) -> Window:
        place = bisect_left(self.boundaries, posted)
        if place == len(self.boundaries):
            return Window(None, "market_closed")
        entry = self.boundaries[place]
        if not horizon.sessions and entry - posted >= self.spacing * MINUTE:
            return Window(None, "market_closed")
        entry_price = self.price(entry)
        if horizon.sessions:
            closes = [day.pieces[-1][1] for day in self.days]
            at = bisect_left(closes, entry) + horizon.sessions
            leave = closes[at] if at < len(closes) else None
            exit_price = self.price(leave) if leave else None
            late = "no_exit"
        else:
            leave = entry + int(horizon) * MINUTE
            inside = any(begin <= entry <= leave <= end for begin, end in self.stretches)
            exit_price = self.price(leave) if inside else None
            late = "no_exit" if inside else "crosses_close"
        if entry_price is None:
            return Window(entry, "no_entry", None, exit_price)
        status = late if exit_price is None else "ok"
        return Window(entry, status, entry_price, exit_price)


def moments(oracle: Oracle, seed: int) -> list[datetime]:
    """Draw times of posting: at boundaries, seconds around them, and anywhere."""
    rng = np.random.default_rng(seed)
    near = rng.choice(len(oracle.boundaries), 40)
    shifts = rng.choice([-61, -60, -1, 0, 1, 59, 60, 61], 40)
    first, last = oracle.boundaries[0], max(oracle.bars)
    span = int((last - first).total_seconds())
    return [
        *(
            oracle.boundaries[place] + timedelta(seconds=int(shift))
            for place, shift in zip(near, shifts, strict=True)
        ),
        *(first + timedelta(seconds=int(n)) for n in rng.integers(0, span, 60)),
    ]

"""Bars of a day: their dates enter; whose sessions these are, and when each begins, leaves.

A date has no clock. What can be told by it is the calendar: no bar stands on a day on which the
market is closed, and few of its sessions lack one.
"""

from dataclasses import dataclass
from datetime import time

import polars as pl

from tweetscore.bars.breaks import AUTO_CALENDARS
from tweetscore.bars.calendars import usual_calendar
from tweetscore.bars.words import listed
from tweetscore.errors import InputError
from tweetscore.market.sessions import exchange_dates, exchange_sessions

_MOST_OFF = 0.02  # of the dates without a session, and of the sessions without a date
_DAYS_APART = 3  # that another calendar must fit worse
_MIDNIGHT = time(0, 0)


@dataclass(frozen=True, slots=True)
class DailyClock:
    """The calendar of daily bars.

    Attributes:
        calendar: whose sessions they have.
        zoned: their stamps are moments, not dates at the exchange.
        evidence: how the calendar was found, in one line.
    """

    calendar: str
    zoned: bool
    evidence: str

    def opens_utc(self, stamps: pl.Series) -> pl.Series:
        """Return when the session of each bar opens, in UTC; null where there is none that day."""
        return session_opens(stamps, self.calendar, zoned=self.zoned)


@dataclass(frozen=True, slots=True)
class _Held:
    calendar: str
    outside: int  # dates without a session
    missing: int  # sessions without a date

    @property
    def off(self) -> int:
        return self.outside + self.missing


def session_opens(stamps: pl.Series, calendar: str, *, zoned: bool) -> pl.Series:
    """Return when the session of each stamp's day opens, in UTC; null where there is none."""
    return _sessions_of(_dates(stamps, calendar, zoned), calendar)["open_utc"]


def daily_clock(
    name: str, stamps: pl.Series, *, calendar: str, zoned: bool, symbol: str | None
) -> DailyClock:
    """Find the calendar of daily bars, or judge the one that is said.

    Args:
        name: the file's, for messages.
        stamps: its whole column of times, in any order.
        calendar: the one that is said or kept, or ``auto``.
        zoned: the stamps carry a zone or count from 1970, and were read as UTC.
        symbol: what the bars are of, whose name may tell the calendar.

    Raises:
        InputError: the calendar is unknown, refuted, or cannot be told.
    """
    # Some vendors stamp a day's bar with midnight in UTC, others with that of the exchange.
    zoned = zoned and bool((stamps.dt.time() != _MIDNIGHT).any())
    tried = [found for each in AUTO_CALENDARS if (found := _try(each, stamps, zoned))]
    best, *others = sorted(tried, key=lambda each: each.off)
    if calendar != "auto":
        held = _hold(calendar, stamps, zoned)
        if held.off >= best.off + _DAYS_APART and held.outside:
            raise InputError(
                f"{name}: --calendar {calendar} is refuted: {held.outside:,} of "
                f"{stamps.n_unique():,} days have no session there, and {held.missing:,} of its "
                f"sessions no bar; say --calendar {best.calendar}, or leave --calendar out"
            )
        return DailyClock(calendar, zoned, _fact(held, stamps, "said"))
    usual = usual_calendar(symbol)
    most = _MOST_OFF * stamps.n_unique()
    near = [each for each in others if each.off < best.off + _DAYS_APART]
    named = next((each for each in [best, *near] if each.calendar == usual), None)
    found = named or best
    if found.outside > most or found.missing > most or (near and not named):
        fits = listed([each.calendar for each in [best, *near]], "and")
        reason = f"{fits} fit alike" if near and best.outside <= most else "none fits its days"
        raise InputError(
            f"{name}: the calendar of its daily bars cannot be told: {reason}; say it with "
            f"--calendar {found.calendar}"
        )
    return DailyClock(found.calendar, zoned, _fact(found, stamps, "found by its days"))


def _try(calendar: str, stamps: pl.Series, zoned: bool) -> _Held | None:
    try:
        return _hold(calendar, stamps, zoned)
    except InputError:  # a calendar that nobody asked for may not reach back to these years
        return None


def _hold(calendar: str, stamps: pl.Series, zoned: bool) -> _Held:
    """Count the dates without a session, and the sessions between them without a date."""
    dates = _dates(stamps, calendar, zoned).drop_nulls().unique().sort()
    sessions = _sessions_of(dates, calendar)
    outside = int(sessions["open_utc"].is_null().sum())
    known = exchange_sessions(calendar, dates[0], dates[-1]).height
    return _Held(calendar, outside, known - (dates.len() - outside))


def _dates(stamps: pl.Series, calendar: str, zoned: bool) -> pl.Series:
    return exchange_dates(stamps, calendar) if zoned else stamps.dt.date()


def _sessions_of(dates: pl.Series, calendar: str) -> pl.DataFrame:
    """Return the session of each date, in their order; nulls where there is none."""
    days = pl.DataFrame({"session_date": dates})
    first, last = dates.min(), dates.max()
    sessions = exchange_sessions(calendar, first, last)  # type: ignore[arg-type]  # they are dates
    return days.join(sessions, on="session_date", how="left", maintain_order="left")


def _fact(held: _Held, stamps: pl.Series, how: str) -> str:
    days = stamps.n_unique()
    return (
        f"daily bars, calendar {held.calendar} {how}: {days - held.outside:,} of {days:,} days are "
        f"its sessions, {held.missing:,} of its sessions have no bar"
    )

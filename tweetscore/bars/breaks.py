"""How markets stop: calendars and two dates enter, the times at which each one is closed leave.

Times are whole minutes since 1970 UTC, as numpy integers, because the audit compares them by the
hundred thousand. What is found by itself (``--calendar auto``) is one of ``AUTO_CALENDARS``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import polars as pl

from tweetscore.bars.zones import Zone
from tweetscore.errors import InputError
from tweetscore.market.sessions import (
    CURRENCY_WEEK,
    NEVER_CLOSED,
    exchange_hours,
    exchange_sessions,
    exchange_zone,
)

# Exchanges that are looked for, with the lengths of their sessions in minutes.
AUTO_EXCHANGES = {
    "XNYS": (390,),
    "XLON": (510,),
    "XETR": (510,),
    "XTKS": (360, 390),  # half an hour longer since November 2024
    "XHKG": (390,),
    "XSHG": (330,),
    "XBOM": (375,),
    "XASX": (360,),
}
FUTURES = "CMES"
AUTO_CALENDARS = (*AUTO_EXCHANGES, FUTURES, CURRENCY_WEEK, NEVER_CLOSED)

# Daily breaks of American products other than the regular session, in New York: the first quiet
# minute of the session's day, and the first trading minute, counted from the midnight at which the
# next session's day begins: -360 is 18:00 on its eve, which for a Monday is Sunday.
_DAILY_BREAKS = (
    (16 * 60 + 15, -6 * 60),  # index CFDs without the half hour before five (HistData 2019)
    (17 * 60, -6 * 60),  # index CFDs, metals and futures
    (17 * 60 + 15, -6 * 60),  # index futures until 2015
)
_EXTENDED_HOURS = (20 * 60, 4 * 60)
_NEW_YORK = "America/New_York"
_AROUND = timedelta(days=4)  # a closure may begin before the first bar and end after the last
# Exchanges print the closing auction minutes after the close (London: 16:35).
_AUCTION_MINUTES = 15
_MINUTE_US = 60_000_000
_DAY = 1_440
_EPOCH = date(1970, 1, 1)
_NONE = np.empty(0, dtype=np.int64)

Spans = tuple[np.ndarray, np.ndarray]  # begins and ends


@dataclass(frozen=True, slots=True, eq=False)
class Stops:
    """When one market is closed.

    Attributes:
        calendar: whose sessions such bars get.
        kind: sessions, extended hours, daily break, weekend or never.
        zone: the wall time that its hours follow.
        closures: how it may stop, in one or several ways that alternate.
        complete: the closures are all there are; else only those of ordinary nights.
        shut: spans in which no bar can be.
        lunches: spans within a session in which no bar can be.
        open_minutes: first and last open minute of the day in its zone; None: not always the same.
        prints_after: minutes after the close in which a bar may still be.
        weekly: it closes at weekends and on holidays only.
    """

    calendar: str
    kind: str
    zone: str
    closures: tuple[Spans, ...]
    complete: bool
    shut: Spans
    lunches: Spans = (_NONE, _NONE)
    open_minutes: tuple[int, int] | None = None
    prints_after: int = 1
    weekly: bool = False


def find_stops(
    first: date, last: date, calendar: str, lengths: np.ndarray | None = None
) -> list[Stops]:
    """Return how the markets stop that a file may be of.

    Args:
        first: the date of the first bar, on any clock.
        last: the date of the last one.
        calendar: the one that is claimed or kept, or ``auto``.
        lengths: of the file's sessions in minutes; exchanges of other lengths are left out, for
            building a calendar takes longer than the audit. None leaves none out.

    Raises:
        InputError: the claimed calendar is unknown, or not known for these years.
    """
    since, until = first - _AROUND, last + _AROUND
    named = [calendar] if calendar not in ("auto", CURRENCY_WEEK, NEVER_CLOSED) else []
    likely = (name for name, usual in AUTO_EXCHANGES.items() if _may_be(usual, lengths))
    stops = [_exchange_stops(name, since, until) for name in named]
    for name in likely:
        if name not in named:
            stops += _if_known(name, since, until)
    # Its calendar has no daily break, though what trades there has one.
    stops += _if_known(FUTURES, since, until) if FUTURES not in named else []
    return [*stops, *_american_stops(since, until), _weekends(since, until), _never()]


def hours_of(calendar: str, first: date, last: date) -> Spans:
    """Return when a calendar opens and closes between two dates, lunch cut out."""
    hours = _hours(calendar, first - _AROUND, last + _AROUND)
    return hours.opens, hours.closes


@dataclass(frozen=True, slots=True, eq=False)
class _Hours:
    """When a calendar is open; one element a session, or two where lunch cuts it.

    Attributes:
        days: of the sessions, since 1970.
        opens: in minutes of UTC.
        closes: likewise.
        early: whether the session closes early.
    """

    days: np.ndarray
    opens: np.ndarray
    closes: np.ndarray
    early: np.ndarray


def _hours(calendar: str, since: date, until: date) -> _Hours:
    """Return when a calendar is open from one date to another, both included."""
    years = _hours_of_years(calendar, since.year, until.year)
    first, last = ((day - _EPOCH).days for day in (since, until))
    part = slice(*np.searchsorted(years.days, [first, last + 1]))
    return _Hours(years.days[part], years.opens[part], years.closes[part], years.early[part])


@lru_cache(maxsize=64)
def _hours_of_years(calendar: str, first_year: int, last_year: int) -> _Hours:
    dates = date(first_year, 1, 1), date(last_year, 12, 31)
    sessions = exchange_sessions(calendar, *dates).select("session_date", "early_close")
    hours = exchange_hours(calendar, *dates).join(
        sessions, on="session_date", how="left", maintain_order="left"
    )
    return _Hours(
        hours["session_date"].to_physical().cast(pl.Int64).to_numpy(),
        _minutes(hours["open_utc"]),
        _minutes(hours["close_utc"]),
        hours["early_close"].to_numpy(),
    )


def _may_be(usual: Iterable[int], lengths: np.ndarray | None) -> bool:
    """Tell whether the file has sessions as long as usual, or up to an hour shorter where thin."""
    if lengths is None:
        return True
    fits = [(length - 62 <= lengths) & (lengths <= length + 3) for length in usual]
    count = int(np.logical_or.reduce(fits).sum())
    return count >= max(1, len(lengths) // 5)


def _if_known(name: str, since: date, until: date) -> Iterator[Stops]:
    try:
        yield _exchange_stops(name, since, until)
    except InputError:  # a calendar that nobody asked for may not reach back to these years
        return


def _exchange_stops(name: str, since: date, until: date) -> Stops:
    zone = exchange_zone(name)
    hours = _hours(name, since, until)
    nights, lunches = _pauses(hours)
    day = None
    if len(hours.days) and name != FUTURES:
        new = np.diff(hours.days) > 0
        opens, closes = hours.opens[np.r_[True, new]], hours.closes[np.r_[new, True]]
        local = Zone.around(zone, int(opens[0]), int(closes[-1])).local
        day = (_usual(local(opens)), _usual(local(closes)) - 1)
    return Stops(
        name, "sessions", zone, (nights,), True, nights, lunches, day,
        1 if name == FUTURES else _AUCTION_MINUTES, weekly=name == FUTURES,
    )  # fmt: skip


def _pauses(hours: _Hours) -> tuple[Spans, Spans]:
    """Return the closures between sessions, and those within one.

    Where sessions follow each other without a pause, only the weekend is a closure.
    """
    begins, ends = hours.closes[:-1], hours.opens[1:]
    nights = (np.diff(hours.days) > 0) & (ends > begins)
    lunches = np.diff(hours.days) == 0
    return (begins[nights], ends[nights]), (begins[lunches], ends[lunches])


def _usual(minutes: np.ndarray) -> int:
    """Return the minute of the day that is most frequent, of several the first."""
    return int(np.bincount(minutes % _DAY).argmax())


def _american_stops(since: date, until: date) -> list[Stops]:
    try:
        sessions = _hours("XNYS", since, until)
    except InputError:
        return []
    # Ordinary nights follow a full session, and lead to the next day or past a plain weekend.
    ordinary = ~sessions.early[:-1] & np.isin(np.diff(sessions.days), [1, 3])
    nights = sessions.days[:-1][ordinary] * _DAY, sessions.days[1:][ordinary] * _DAY
    daily = [_nightly(*nights, *minutes) for minutes in _DAILY_BREAKS]
    extended = _nightly(*nights, *_EXTENDED_HOURS)
    return [
        # Of the breaks only what they share is shut for all of these products.
        Stops(FUTURES, "daily break", _NEW_YORK, tuple(daily), False, daily[-1], (_NONE, _NONE),
              (18 * 60, 16 * 60 + 14)),
        Stops("XNYS", "extended hours", _NEW_YORK, (extended,), False, extended),
    ]  # fmt: skip


def _nightly(days: np.ndarray, next_days: np.ndarray, begin: int, end: int) -> Spans:
    """Return the spans from a minute after one midnight in New York to one after the next."""
    if not len(days):
        return _NONE, _NONE
    utc = Zone.around(_NEW_YORK, int(days[0]), int(next_days[-1])).utc
    return utc(days + begin), utc(next_days + end)


def _weekends(since: date, until: date) -> Stops:
    closures, _ = _pauses(_hours(CURRENCY_WEEK, since - _AROUND, until + _AROUND))
    return Stops(CURRENCY_WEEK, "weekend", _NEW_YORK, (closures,), True, closures, weekly=True)


def _never() -> Stops:
    return Stops(NEVER_CLOSED, "never", "UTC", (), True, (_NONE, _NONE))


def _minutes(times: pl.Series) -> np.ndarray:
    return np.asarray((times.to_physical() // _MINUTE_US).to_numpy(), dtype=np.int64)

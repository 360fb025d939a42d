"""How markets stop: calendars and two dates enter, the times at which each one is closed leave.

Times are whole minutes since 1970 UTC, as numpy integers, because the audit compares them by the
hundred thousand. What is found by itself (``--calendar auto``) is one of ``AUTO_CALENDARS``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.clocks import TIMES, Clock
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

# Daily breaks of American products other than the regular session, in New York time: first quiet
# minute of the session's day; first trading minute, and whether that is on the next session's day
# (else on its eve, which for a Monday is Sunday).
_DAILY_BREAKS = (
    ("16:15", "18:00", False),  # index CFDs without the half hour before five (HistData 2019)
    ("17:00", "18:00", False),  # index CFDs, metals and futures
    ("17:15", "18:00", False),  # index futures until 2015
)
_EXTENDED_HOURS = (("20:00", "04:00", True),)
_NEW_YORK = Clock.of("America/New_York", 0)
_AROUND = timedelta(days=4)  # a closure may begin before the first bar and end after the last
# Exchanges print the closing auction minutes after the close (London: 16:35).
_AUCTION_MINUTES = 15
_MINUTE_US = 60_000_000
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
    hours = exchange_hours(calendar, first - _AROUND, last + _AROUND)
    return _minutes(hours["open_utc"]), _minutes(hours["close_utc"])


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
    sessions = exchange_sessions(name, since, until)
    opens, closes = _minutes(sessions["open_utc"]), _minutes(sessions["close_utc"])
    hours = exchange_hours(name, since, until)
    lunch = hours.with_columns(
        next_open_utc=pl.col("open_utc").shift(-1), next_date=pl.col("session_date").shift(-1)
    ).filter(pl.col("session_date") == pl.col("next_date"))
    nights = (closes[:-1], opens[1:])
    # Where sessions follow each other without a pause, only the weekend is a closure.
    real = nights[1] > nights[0]
    closures = (nights[0][real], nights[1][real])
    day = None
    if len(sessions) and name != FUTURES:
        local = [
            Clock.of(zone, 0).from_utc(sessions[name]).dt for name in ("open_utc", "close_utc")
        ]
        of_day = [(part.hour().cast(pl.Int64) * 60 + part.minute()).mode() for part in local]
        day = (int(of_day[0].sort()[0]), int(of_day[1].sort()[0]) - 1)
    return Stops(
        name, "sessions", zone, (closures,), True, closures,
        (_minutes(lunch["close_utc"]), _minutes(lunch["next_open_utc"])), day,
        1 if name == FUTURES else _AUCTION_MINUTES, weekly=name == FUTURES,
    )  # fmt: skip


def _american_stops(since: date, until: date) -> list[Stops]:
    try:
        nights = _ordinary_nights(exchange_sessions("XNYS", since, until))
    except InputError:
        return []
    daily = [_nightly(nights, *hours) for hours in _DAILY_BREAKS]
    extended = [_nightly(nights, *hours) for hours in _EXTENDED_HOURS]
    zone = _NEW_YORK.zone
    return [
        # Of the breaks only what they share is shut for all of these products.
        Stops(FUTURES, "daily break", zone, tuple(daily), False, daily[-1], (_NONE, _NONE),
              (18 * 60, 16 * 60 + 14)),
        Stops("XNYS", "extended hours", zone, tuple(extended), False, extended[0]),
    ]  # fmt: skip


def _ordinary_nights(sessions: pl.DataFrame) -> pl.DataFrame:
    """Return the full sessions whose next one is on the next day, or past a plain weekend."""
    following = sessions.sort("session_date").with_columns(
        next_date=pl.col("session_date").shift(-1)
    )
    days = (pl.col("next_date") - pl.col("session_date")).dt.total_days()
    return following.filter(~pl.col("early_close") & days.is_in([1, 3]))


def _nightly(nights: pl.DataFrame, begin: str, end: str, next_day: bool) -> Spans:
    eves = nights["next_date"] - timedelta(days=1)
    begins = nights["session_date"].cast(TIMES) + _since_midnight(begin)
    ends = (nights["next_date"] if next_day else eves).cast(TIMES) + _since_midnight(end)
    return _minutes(_NEW_YORK.to_utc(begins)), _minutes(_NEW_YORK.to_utc(ends))


def _weekends(since: date, until: date) -> Stops:
    week = hours_of(CURRENCY_WEEK, since, until)
    pauses = week[1][:-1] < week[0][1:]
    closures = (week[1][:-1][pauses], week[0][1:][pauses])
    zone = _NEW_YORK.zone
    return Stops(CURRENCY_WEEK, "weekend", zone, (closures,), True, closures, weekly=True)


def _never() -> Stops:
    return Stops(NEVER_CLOSED, "never", "UTC", (), True, (_NONE, _NONE))


def _since_midnight(clock_time: str) -> timedelta:
    hours, minutes = clock_time.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _minutes(times: pl.Series) -> np.ndarray:
    return np.asarray((times.to_physical() // _MINUTE_US).to_numpy(), dtype=np.int64)

"""Turn a calendar's name and two dates into its trading sessions, in naive UTC.

Calendars are those of exchange_calendars, and two of our own: ``24/7`` never closes, and ``24/5``
is the week of currencies, from Sunday 17:00 to Friday 17:00 in New York.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import polars as pl

from tweetscore.errors import InputError, did_you_mean
from tweetscore.io.clocks import TIMES, Clock

NEVER_CLOSED = "24/7"
CURRENCY_WEEK = "24/5"
UNKNOWN = "unknown"  # the calendar of bars that may be of several: they have no regular sessions
# Of these the zone is known without building the calendar, which takes a second.
_ZONES = {
    NEVER_CLOSED: "UTC",
    UNKNOWN: "UTC",
    CURRENCY_WEEK: "America/New_York",
    "XNYS": "America/New_York",
    "CMES": "America/Chicago",
    "XLON": "Europe/London",
    "XETR": "Europe/Berlin",
    "XTKS": "Asia/Tokyo",
    "XHKG": "Asia/Hong_Kong",
    "XSHG": "Asia/Shanghai",
    "XBOM": "Asia/Kolkata",
    "XASX": "Australia/Sydney",
}
_NEW_YORK = Clock.of("America/New_York", 0)
_SEVENTEEN = timedelta(hours=17)
_ONE_DAY = timedelta(days=1)
_EARLIEST = datetime(1700, 1, 1)
_COMMON_YEARS = (2005, 2026)  # of most data, and known for nearly every calendar


def exchange_sessions(calendar: str, first: date, last: date) -> pl.DataFrame:
    """Return one row per session of the exchange from ``first`` to ``last``, both included.

    Columns: ``session_date`` Date, ``open_utc`` and ``close_utc`` Datetime("us") naive UTC,
    ``early_close`` Boolean. A half-day has its real close. No session, no row. Markets without a
    break at night have a session a day, which opens as the one before closes.

    Raises:
        InputError: the calendar is unknown, or not known for these years.
    """
    return _between(calendar, first, last).drop("lunch_begins_utc", "lunch_ends_utc")


def exchange_hours(calendar: str, first: date, last: date) -> pl.DataFrame:
    """Return the sessions of the exchange as ``exchange_sessions`` does, cut in two by lunch.

    Columns: ``session_date``, ``open_utc`` and ``close_utc``.

    Raises:
        InputError: the calendar is unknown, or not known for these years.
    """
    sessions = _between(calendar, first, last)
    lunch = pl.col("lunch_begins_utc").is_not_null()
    whole = sessions.filter(~lunch).select("session_date", "open_utc", "close_utc")
    mornings = sessions.filter(lunch).select(
        "session_date", "open_utc", close_utc="lunch_begins_utc"
    )
    afternoons = sessions.filter(lunch).select(
        "session_date", open_utc="lunch_ends_utc", close_utc="close_utc"
    )
    return pl.concat([whole, mornings, afternoons]).sort("open_utc")


def exchange_zone(calendar: str) -> str:
    """Return the exchange's IANA zone, such as ``America/New_York`` for XNYS.

    Raises:
        InputError: the calendar is unknown.
    """
    return _ZONES.get(calendar) or _zone(calendar)


def exchange_dates(times_utc: pl.Series, calendar: str) -> pl.Series:
    """Return the exchange's local date of each naive UTC time; null stays null.

    Raises:
        InputError: the calendar is unknown.
    """
    local = times_utc.dt.replace_time_zone("UTC").dt.convert_time_zone(exchange_zone(calendar))
    return local.dt.date()


def _between(calendar: str, first: date, last: date) -> pl.DataFrame:
    if calendar == CURRENCY_WEEK:
        return _currency_week(first, last)
    if calendar == UNKNOWN:
        return _currency_week(first, last).clear()
    years = _sessions_of_years(calendar, first.year, last.year)
    return years.filter(pl.col("session_date").is_between(first, last))


def _currency_week(first: date, last: date) -> pl.DataFrame:
    """Return a session for each weekday, from 17:00 of the evening before to 17:00 in New York."""
    days = pl.date_range(first, last, eager=True).alias("session_date")
    days = days.filter(days.dt.weekday() <= 5)
    evenings = {"open_utc": days - _ONE_DAY, "close_utc": days}
    times = {
        name: _NEW_YORK.to_utc(dates.cast(TIMES) + _SEVENTEEN) for name, dates in evenings.items()
    }
    return pl.DataFrame({"session_date": days, **times}).with_columns(
        early_close=False,
        lunch_begins_utc=pl.lit(None, TIMES),
        lunch_ends_utc=pl.lit(None, TIMES),
    )


# Whole years, so that the files of one archive share one calendar, and no range is without sessions
# (exchange_calendars raises on those).
@lru_cache(maxsize=64)
def _sessions_of_years(calendar: str, first_year: int, last_year: int) -> pl.DataFrame:
    known = _calendar_of_years(calendar, first_year, last_year)
    sessions = pl.DataFrame(
        {
            "session_date": _from_nanoseconds(known.sessions_nanos).dt.date(),
            "open_utc": _from_nanoseconds(known.opens_nanos),
            "close_utc": _from_nanoseconds(known.closes_nanos),
            "early_close": known.sessions.isin(known.early_closes),
            # Where a session has no lunch break, its times are the lowest number of nanoseconds.
            "lunch_begins_utc": _from_nanoseconds(known.break_starts_nanos),
            "lunch_ends_utc": _from_nanoseconds(known.break_ends_nanos),
        }
    )
    return sessions.filter(
        pl.col("session_date").dt.year().is_between(first_year, last_year)
    ).with_columns(
        pl.when(pl.col(name) > _EARLIEST).then(pl.col(name))
        for name in ("lunch_begins_utc", "lunch_ends_utc")
    )


@lru_cache(maxsize=64)
def _zone(calendar: str) -> str:
    return str(_calendar_of_years(calendar, 2024, 2024).tz)  # a year that every calendar knows


def _calendar_of_years(calendar: str, first_year: int, last_year: int) -> Any:
    # To build one takes a tenth of a second, for one year as for twenty: most data share it.
    if _COMMON_YEARS[0] <= first_year and last_year <= _COMMON_YEARS[1]:
        with suppress(InputError):
            return _build(calendar, *_COMMON_YEARS)
    return _build(calendar, first_year, last_year)


@lru_cache(maxsize=64)
def _build(calendar: str, first_year: int, last_year: int) -> Any:
    import exchange_calendars  # brings pandas: a second that only bars should pay for

    try:
        # Start and end are always given: the defaults move with today's date.
        with _holidays_between(first_year, last_year):
            return exchange_calendars.get_calendar(
                calendar, start=f"{first_year:04}-01-01", end=f"{last_year:04}-12-31"
            )
    except exchange_calendars.errors.InvalidCalendarName:
        near = did_you_mean(calendar, exchange_calendars.get_calendar_names())
        raise InputError(
            f"unknown calendar {calendar!r}; say it with --calendar XNYS (New York), "
            f"XLON (London), XETR (Frankfurt), XTKS (Tokyo), CMES (Chicago futures), …{near}"
        ) from None
    except (ValueError, NotImplementedError) as error:
        reason = str(error).split("\n")[0][:200]
        raise InputError(
            f"calendar {calendar} cannot be built for {first_year} to {last_year}: {reason}; "
            "check the dates of the file, or choose another --calendar"
        ) from error


@contextmanager
def _holidays_between(first_year: int, last_year: int) -> Iterator[None]:
    """Let pandas list the holidays of these years: it lists those of 1970 to 2200 by default."""
    from pandas import Timestamp
    from pandas.tseries.holiday import AbstractHolidayCalendar as Holidays

    kept = Holidays.start_date, Holidays.end_date
    # A holiday may be kept in the year before or after. Pandas knows 1678 to 2262.
    Holidays.start_date = Timestamp(max(first_year - 1, 1678), 10, 1)
    Holidays.end_date = Timestamp(min(last_year + 1, 2262), 3, 31)
    try:
        yield
    finally:
        Holidays.start_date, Holidays.end_date = kept


def _from_nanoseconds(times: Any) -> pl.Series:
    return pl.Series(times // 1000).cast(pl.Datetime("us"))

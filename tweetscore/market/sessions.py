"""Turn an exchange's name and two dates into its trading sessions, in naive UTC."""

from datetime import date
from functools import lru_cache
from typing import Any

import polars as pl

from tweetscore.errors import InputError, did_you_mean


def exchange_sessions(calendar: str, first: date, last: date) -> pl.DataFrame:
    """Return one row per session of the exchange from ``first`` to ``last``, both included.

    Columns: ``session_date`` Date, ``open_utc`` and ``close_utc`` Datetime("us") naive UTC,
    ``early_close`` Boolean. A half-day has its real close. No session, no row.

    Raises:
        InputError: the calendar is unknown, or not known for these years.
    """
    years = _sessions_of_years(calendar, first.year, last.year)
    return years.filter(pl.col("session_date").is_between(first, last))


def exchange_zone(calendar: str) -> str:
    """Return the exchange's IANA zone, such as ``America/New_York`` for XNYS.

    Raises:
        InputError: the calendar is unknown.
    """
    return _zone(calendar)


def exchange_dates(times_utc: pl.Series, calendar: str) -> pl.Series:
    """Return the exchange's local date of each naive UTC time; null stays null.

    Raises:
        InputError: the calendar is unknown.
    """
    local = times_utc.dt.replace_time_zone("UTC").dt.convert_time_zone(exchange_zone(calendar))
    return local.dt.date()


# Whole years, so that the files of one archive share one calendar, and no range is without sessions
# (exchange_calendars raises on those).
@lru_cache(maxsize=16)
def _sessions_of_years(calendar: str, first_year: int, last_year: int) -> pl.DataFrame:
    known = _build(calendar, first_year, last_year)
    return pl.DataFrame(
        {
            "session_date": _from_nanoseconds(known.sessions_nanos).dt.date(),
            "open_utc": _from_nanoseconds(known.opens_nanos),
            "close_utc": _from_nanoseconds(known.closes_nanos),
            "early_close": known.sessions.isin(known.early_closes),
        }
    )


@lru_cache(maxsize=16)
def _zone(calendar: str) -> str:
    return str(_build(calendar, 2024, 2024).tz)  # a year that every calendar knows


def _build(calendar: str, first_year: int, last_year: int) -> Any:
    import exchange_calendars  # brings pandas: a second that only bars should pay for

    try:
        # Start and end are always given: the defaults move with today's date.
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


def _from_nanoseconds(times: Any) -> pl.Series:
    return pl.Series(times // 1000).cast(pl.Datetime("us"))

"""Sessions are held against dates and hours that the exchanges have published."""

import subprocess
import sys
from datetime import date, datetime

import polars as pl
import pytest
from pandas.tseries.holiday import AbstractHolidayCalendar as Holidays

from tweetscore.errors import InputError
from tweetscore.market.sessions import exchange_dates, exchange_sessions, exchange_zone


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_week_with_a_half_day_and_a_holiday_has_its_real_hours() -> None:
    sessions = exchange_sessions("XNYS", date(2018, 7, 2), date(2018, 7, 6))
    assert sessions.schema == {
        "session_date": pl.Date,
        "open_utc": pl.Datetime("us"),
        "close_utc": pl.Datetime("us"),
        "early_close": pl.Boolean,
    }
    assert sessions.rows() == [
        (date(2018, 7, 2), utc("2018-07-02T13:30"), utc("2018-07-02T20:00"), False),
        (date(2018, 7, 3), utc("2018-07-03T13:30"), utc("2018-07-03T17:00"), True),
        (date(2018, 7, 5), utc("2018-07-05T13:30"), utc("2018-07-05T20:00"), False),
        (date(2018, 7, 6), utc("2018-07-06T13:30"), utc("2018-07-06T20:00"), False),
    ]


def test_sessions_move_by_an_hour_in_utc_when_daylight_saving_begins() -> None:
    sessions = exchange_sessions("XNYS", date(2019, 3, 8), date(2019, 3, 11))
    assert sessions["open_utc"].to_list() == [utc("2019-03-08T14:30"), utc("2019-03-11T13:30")]


@pytest.mark.parametrize(
    ("first", "last", "dates"),
    [
        (date(2001, 9, 10), date(2001, 9, 17), [date(2001, 9, 10), date(2001, 9, 17)]),
        (date(2018, 12, 31), date(2019, 1, 2), [date(2018, 12, 31), date(2019, 1, 2)]),
        (date(2018, 7, 4), date(2018, 7, 4), []),
        (date(2018, 7, 5), date(2018, 7, 5), [date(2018, 7, 5)]),
        (date(2018, 7, 7), date(2018, 7, 8), []),
        (date(2035, 7, 3), date(2035, 7, 5), [date(2035, 7, 3), date(2035, 7, 5)]),
    ],
)
def test_any_range_of_dates_has_the_sessions_in_it(
    first: date, last: date, dates: list[date]
) -> None:
    assert exchange_sessions("XNYS", first, last)["session_date"].to_list() == dates


@pytest.mark.parametrize(
    ("calendar", "zone"),
    [("XNYS", "America/New_York"), ("XLON", "Europe/London"), ("XTKS", "Asia/Tokyo")],
)
def test_an_exchange_has_its_zone(calendar: str, zone: str) -> None:
    assert exchange_zone(calendar) == zone


def test_an_evening_belongs_to_the_exchange_date_not_to_the_utc_date() -> None:
    evenings = [utc("2018-07-06T03:59"), utc("2018-07-06T04:00"), None]
    times = pl.Series(evenings, dtype=pl.Datetime("us"))
    assert exchange_dates(times, "XNYS").to_list() == [date(2018, 7, 5), date(2018, 7, 6), None]


def test_an_unknown_calendar_is_refused_with_the_names_of_known_ones() -> None:
    with pytest.raises(InputError) as refusal:
        exchange_zone("NYSEX")
    assert str(refusal.value) == (
        "unknown calendar 'NYSEX'; say it with --calendar XNYS (New York), XLON (London), "
        "XETR (Frankfurt), XTKS (Tokyo), CMES (Chicago futures), …; did you mean NYSE?"
    )


@pytest.mark.parametrize(("calendar", "year"), [("XHKG", 1950), ("XNYS", 1600), ("XNYS", 9999)])
def test_years_outside_a_calendar_are_refused_in_one_line(calendar: str, year: int) -> None:
    with pytest.raises(InputError, match=f"calendar {calendar} cannot be built for {year}") as no:
        exchange_sessions(calendar, date(year, 1, 1), date(year, 2, 1))
    assert "\n" not in str(no.value)


@pytest.mark.slow
def test_importing_sessions_does_not_import_pandas() -> None:
    code = "import sys, tweetscore.market.sessions; assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_building_a_calendar_leaves_the_holidays_of_pandas_as_they_were() -> None:
    before = Holidays.start_date, Holidays.end_date
    exchange_sessions("XSTO", date(2031, 3, 1), date(2031, 3, 5))
    with pytest.raises(InputError):
        exchange_sessions("XSTO", date(1, 1, 1), date(1, 1, 5))
    assert (Holidays.start_date, Holidays.end_date) == before

"""A time has one meaning however it is written; what could mean two moments is not guessed."""

from datetime import datetime

import polars as pl
import pytest

from tweetscore.errors import InputError
from tweetscore.io.times import TimeForm, time_form

NOON = datetime(2021, 5, 20, 12, 5, 7)


def form_of(*texts: str, dense: bool = False) -> TimeForm:
    form = time_form("posts.csv", [pl.Series(texts)], dense=dense)
    assert form
    return form


UTC = {
    "RFC 2822": "Thu, 20 May 2021 12:05:07 +0000",
    "RFC 2822 with a comment": "Thu, 20 May 2021 12:05:07 +0000 (UTC)",
    "RFC 1123": "Thu, 20 May 2021 12:05:07 GMT",
    "RFC 850": "Thursday, 20-May-21 12:05:07 UTC",
    "Unix's date": "Thu May 20 12:05:07 UTC 2021",
    "Unix's date, in summer": "Thu May 20 05:05:07 PDT 2021",
    "the API's": "Thu May 20 12:05:07 +0000 2021",
    "JavaScript's": "Thu May 20 2021 14:05:07 GMT+0200 (Central European Summer Time)",
    "Java's": "2021-05-20T14:05:07+02:00[Europe/Berlin]",
    "Go's": "2021-05-20 08:05:07 -0400 EDT",
    "Go's, with its second clock": "2021-05-20 12:05:07 +0000 UTC m=+0.000012",
    "Go's, of a zone without letters": "2021-05-20 12:05:07 +0000 +0000",
    "CrowdTangle's": "2021-05-20 08:05:07 EDT",
    "letters behind words": "May 20, 2021 at 7:05:07 AM EST",
    "basic ISO": "20210520T120507Z",
    "ISO": "2021-05-20T12:05:07Z",
    "ISO in nanoseconds": "2021-05-20T12:05:07.000000000Z",
    "Discord's seven digits": "2021-05-20T12:05:07.0000000+00:00",
    "seconds since 1970": "1621512307",
    "with a fraction": "1621512307.000",
    "milliseconds": "1621512307000",
    "milliseconds with a fraction": "1621512307000.0",
    "microseconds": "1621512307000000",
    "nanoseconds": "1621512307000000000",
}


@pytest.mark.parametrize("written", UTC.values(), ids=UTC)
def test_a_time_with_a_zone_is_one_moment(written: str) -> None:
    form = form_of(written)
    assert (form.naive, form.read(pl.Series([written])).to_list()) == (False, [NOON])


SHOWN = {
    "ISO": "2021-05-20 12:05:07",
    "logs'": "2021-05-20 12:05:07,000",
    "basic": "20210520120507",
    "a spreadsheet's number": "44336.5035532407",
    "words": "May 20, 2021, 12:05:07 PM",
    "words in full": "Thursday, 20th May 2021 12:05:07",
    "dashes": "20-May-2021 12:05:07",
    "year first": "2021-May-20 12:05:07",
    "C's": "Thu May 20 12:05:07 2021",
    "month first": "05/20/2021 12:05:07 PM",
    "month first, as a browser writes": "5/20/2021, 12:05:07\u202fPM",
    "day first": "20.05.2021 12:05:07",
    "in German": "20.05.2021, 12:05:07 Uhr",
    "Chinese and Japanese": "2021年5月20日 12:05:07",
}


@pytest.mark.parametrize("written", SHOWN.values(), ids=SHOWN)
def test_a_time_without_a_zone_is_what_a_clock_shows(written: str) -> None:
    form = form_of(written)
    assert (form.naive, form.read(pl.Series([written])).to_list()) == (True, [NOON])


@pytest.mark.parametrize(
    "written",
    [
        "May 20, 2021 at 12:05PM",
        "May 20th, 2021 12:05 p.m.",
        "12:05 PM · May 20, 2021",
        "12:05 PM - 20 May 2021",
        "05/20/21 12:05",
        "20/05/2021 12h05",
        "20 May 2021 | 12:05",
    ],
)
def test_a_time_may_be_of_a_minute(written: str) -> None:
    read = form_of(written).read(pl.Series([written]))
    assert read.to_list() == [datetime(2021, 5, 20, 12, 5)]


def test_fractions_are_kept_to_the_microsecond() -> None:
    texts = ["1621512307.5", "1621512307.0000019", "1621512307123.25", "1621512307"]
    read = form_of(*texts).read(pl.Series(texts)).to_list()
    assert [time.microsecond for time in read] == [500_000, 1, 123_250, 0]


def test_two_digits_of_a_year_are_told_by_days_that_cannot_be_years() -> None:
    texts = pl.Series(["05/06/21 10:00", "05/20/21 10:00"])
    assert form_of(*texts).read(texts).to_list()[0] == datetime(2021, 5, 6, 10)
    texts = pl.Series(["05/06/21 10:00", "31/05/21 10:00"])
    assert form_of(*texts).read(texts).to_list()[0] == datetime(2021, 6, 5, 10)
    texts = pl.Series(["21/05/06 10:00", "21/05/30 10:00"])
    assert form_of(*texts).read(texts).to_list()[0] == datetime(2021, 5, 6, 10)
    with pytest.raises(InputError, match="no date like '20/05/21 10:00' shows which number is the"):
        form_of("20/05/21 10:00", "21/05/21 10:00")


def test_most_times_decide_and_others_are_read_where_they_are_clear() -> None:
    usual = [f"2021-05-20 12:0{minute}:07" for minute in range(6)]
    texts = pl.Series(
        [
            *usual,
            "May 20, 2021 12:05:07 PM",
            "20.05.2021 12:05:07.5",
            "10/05/2021 14:30:00",
            "2021-05-20 12:05",
            "2021-05-20T12:05:07Z",
            "soon",
            "",
            None,
        ]
    )
    assert form_of(*usual).read(texts).to_list()[5:] == [
        NOON,
        NOON,
        None,  # what has the day first is only known with an order
        None,
        None,  # less exact, and with a zone where the others have none
        None,
        None,
        None,
        None,
    ]
    texts = pl.Series(["05/20/2021 12:05:07", "05/06/2021 1:05:07 PM", "20/05/2021 1:05:07 PM"])
    assert form_of(*texts[:1]).read(texts).to_list() == [NOON, datetime(2021, 5, 6, 13, 5, 7), None]


def test_prices_are_no_days_of_a_spreadsheet() -> None:
    assert time_form("bars.csv", [pl.Series(["44336.5035"])], dense=True) is None


@pytest.mark.parametrize("written", ["20 mai 2021 12:05", "yesterday", "2021-05", "12:05", "44336"])
def test_what_is_no_time_has_no_form(written: str) -> None:
    assert time_form("posts.csv", [pl.Series([written])]) is None

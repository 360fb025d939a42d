"""Windows: each rule with a test of its own, then all of them by brute force, tweet by tweet."""

import math
import random
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tiny import OF_DIRECTION, UP, put_symbol

from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.market.sessions import exchange_sessions
from tweetscore.market.windows import ensure_windows, forget_windows, set_rules
from tweetscore.query.info import describe
from tweetscore.store.database import STANDARD_INTERVALS, Store, open_store

MINUTE = timedelta(minutes=1)
DAY = "2018-07-05"  # a Thursday in summer: the session is 13:30 to 20:00 UTC

Bars = dict[datetime, tuple[float, float]]  # the minute a bar opens, and its open and close


def at(text: str) -> datetime:
    """A time of ``DAY``, or one with a date of its own."""
    return datetime.fromisoformat(text if "-" in text else f"{DAY}T{text}")


def run(start: str, *closes: float | None) -> Bars:
    """Bars minute by minute, each opening half a point above its close; None is a quiet minute."""
    return {
        at(start) + place * MINUTE: (close + 0.5, close)
        for place, close in enumerate(closes)
        if close is not None
    }


def steady(start: str, minutes: int, close: float = 100.0) -> Bars:
    return run(start, *[close] * minutes)


def add_bars(store: Store, bars: Bars, symbol: str = "SPX", calendar: str = "XNYS") -> None:
    if (symbol, calendar, 1) not in store.rows("FROM symbols"):
        put_symbol(store, symbol, calendar)
    rows = [
        {
            "symbol": symbol,
            "minute_utc": minute,
            "open": first,
            "high": max(first, last),
            "low": min(first, last),
            "close": last,
            "source_id": 1,
        }
        for minute, (first, last) in bars.items()
    ]
    store.append("bars", pl.DataFrame(rows))


def add_model(store: Store, dates: Mapping[str, datetime] | None = None) -> None:
    row = {"model_id": "hand", "name": "hand", "uses_counts": False, "card": "{}", **OF_DIRECTION}
    row |= dates or {}
    store.append("models", pl.DataFrame([row]))


def add_tweets(store: Store, times: Iterable[datetime]) -> None:
    rows = [
        {
            "platform": "twitter",
            "tweet_id": place,
            "author": "somebody",
            "posted_utc": posted,
            "text": "words",
            "source_id": 1,
        }
        for place, posted in enumerate(times)
    ]
    store.append("tweets", pl.DataFrame(rows))


def add_predictions(
    store: Store, intervals: Sequence[int], probability_up: Mapping[int, float] | float = 0.75
) -> None:
    """One prediction by the model ``hand`` for every tweet and interval."""
    rows = [
        {
            "model_id": "hand",
            "platform": "twitter",
            "tweet_id": tweet,
            "interval_minutes": minutes,
            "class_number": UP,
            "probability": (
                probability_up if isinstance(probability_up, float) else probability_up[tweet]
            ),
        }
        for (tweet,) in store.rows("SELECT tweet_id FROM tweets")
        for minutes in intervals
    ]
    store.append("predictions", pl.DataFrame(rows))


def held(
    store: Store,
    bars: Bars,
    posted: Sequence[str],
    columns: str,
    *,
    interval: int = 5,
    view: str = "scored",
    calendar: str = "XNYS",
) -> list[tuple[Any, ...]]:
    """Hold posts of these times against these bars: the whole view, in the order of the posts."""
    add_bars(store, bars, calendar=calendar)
    add_model(store)
    add_tweets(store, map(at, posted))
    add_predictions(store, [interval])
    ensure_windows(store, [interval])
    return store.rows(f"SELECT {columns} FROM {view} ORDER BY tweet_id")


# ---- Entry and exit -----------------------------------------------------------------------------


def test_a_tweet_enters_at_the_first_whole_minute_at_or_after_it_was_posted(store: Store) -> None:
    posted = ["14:00:00", "14:00:00.000001", "14:00:01", "14:00:59.999999", "14:01:00"]
    bars = run("13:58", 10, 11, 12, 13, 14)
    assert held(store, bars, posted, "minute_utc, entry_price, exit_price", interval=1) == [
        (at("14:00"), 11, 12),
        (at("14:01"), 12, 13),
        (at("14:01"), 12, 13),
        (at("14:01"), 12, 13),
        (at("14:01"), 12, 13),
    ]


def test_a_post_in_the_last_second_of_a_day_enters_at_midnight(store: Store) -> None:
    bars = steady("2018-07-05T23:00", 120)
    posted = ["2018-07-05T23:59:59"]
    expected = [(at("2018-07-06T00:00"), "ok")]
    assert held(store, bars, posted, "minute_utc, status", view="scored_extended") == expected


def test_a_bar_is_known_only_once_it_has_closed(store: Store) -> None:
    # The bar of 14:01 moves to 500: known at 14:02, and unknown at 14:01 when it begins.
    bars = run("14:00", 100, 500, 101)
    columns = "entry_price, exit_price"
    assert held(store, bars, ["14:01", "14:02"], columns, interval=1) == [(100, 500), (500, 101)]


def test_a_sessions_first_minute_has_the_open_of_the_bar_that_begins_there(store: Store) -> None:
    bars = run("13:28", 90, 91) | run("13:30", 100, 101)
    assert held(store, bars, ["13:30", "13:31"], "entry_price, exit_price", interval=1) == [
        (100.5, 100),
        (100, 101),
    ]


def test_without_a_bar_at_its_open_a_session_begins_without_a_price(store: Store) -> None:
    bars = run("13:28", 90, 91) | run("13:31", 100, 101)
    assert held(store, bars, ["13:30", "13:31", "13:32"], "entry_price, status", interval=1) == [
        (None, "no_entry"),  # the bar before the open lies outside the session
        (None, "no_entry"),  # and the first bar inside has not closed
        (100, "ok"),
    ]


def test_the_open_of_a_bar_is_a_price_in_a_sessions_first_minute_only(store: Store) -> None:
    bars = run("13:30", 100, None, 102)
    assert held(store, bars, ["13:31", "13:32", "13:33"], "entry_price") == [(100,), (100,), (102,)]


def test_an_exit_exactly_at_the_close_counts_and_a_minute_later_crosses_it(store: Store) -> None:
    bars = run("19:50", *range(100, 115))  # on past the close at 20:00
    posted = ["19:54", "19:55", "19:56", "20:00"]
    assert held(store, bars, posted, "entry_price, exit_price, return_bps, status") == [
        (103, 108, pytest.approx((108 / 103 - 1) * 10_000), "ok"),
        (104, 109, pytest.approx((109 / 104 - 1) * 10_000), "ok"),
        (105, None, None, "crosses_close"),
        (109, None, None, "crosses_close"),
    ]


def test_an_exit_never_lies_in_the_next_session(store: Store) -> None:
    bars = steady("19:30", 40) | steady("2018-07-06T13:30", 60)
    assert held(store, bars, ["19:59"], "exit_price, status", interval=1080) == [
        (None, "crosses_close")
    ]


# ---- Age ----------------------------------------------------------------------------------------


def test_a_price_of_five_minutes_is_one_and_of_six_is_none(store: Store) -> None:
    # The bar of 14:00 closed at 14:01; the next one closes at 14:21.
    bars = run("14:00", 100) | run("14:20", 101, 102, 103, 104, 105, 106)
    posted = ["14:06", "14:07", "14:20", "14:21"]
    assert held(store, bars, posted, "entry_price, status", interval=1) == [
        (100, "no_exit"),
        (None, "no_entry"),
        (None, "no_entry"),
        (101, "ok"),
    ]


def test_the_age_of_an_exit_price_has_the_same_limit(store: Store) -> None:
    bars = run("14:00", *range(100, 106)) | steady("15:00", 5)  # the last close before is at 14:06
    assert held(store, bars, ["14:06", "14:05", "14:01"], "exit_price, status", interval=5) == [
        (105, "ok"),  # 14:11, five minutes old
        (105, "ok"),
        (105, "ok"),
    ]
    ensure_windows(store, [6])
    assert store.rows(
        "SELECT entry_price, exit_price, status FROM windows WHERE session = 'regular' "
        "AND interval_minutes = 6 AND minute_utc = $minute",
        minute=at("14:06"),
    ) == [(105, None, "no_exit")]


@pytest.mark.parametrize("gap", [0, 1, 12])
def test_the_largest_age_is_a_setting_of_the_database(store: Store, gap: int) -> None:
    set_rules(store, max_gap_minutes=gap, flat_bps=None)
    bars = run("14:00", 100) | steady("15:00", 5)
    last, first = at("14:01") + gap * MINUTE, at("14:02") + gap * MINUTE
    posted = [last.isoformat(), first.isoformat()]
    assert held(store, bars, posted, "entry_price, status") == [
        (100, "no_exit"),
        (None, "no_entry"),
    ]


# ---- Sessions -----------------------------------------------------------------------------------


def test_on_a_half_day_the_session_ends_early(store: Store) -> None:
    bars = steady("2018-07-03T16:30", 120)
    posted = [f"2018-07-03T{time}" for time in ("16:55", "16:56", "17:00", "17:01")]
    assert held(store, bars, posted, "status") == [
        ("ok",),
        ("crosses_close",),
        ("crosses_close",),
        ("market_closed",),
    ]
    assert store.rows("SELECT status FROM scored_extended ORDER BY tweet_id") == [("ok",)] * 4


def test_on_a_holiday_with_bars_the_market_is_closed(store: Store) -> None:
    bars = steady("2018-07-03T16:00", 60) | steady("2018-07-04T14:00", 60) | steady("13:30", 30)
    posted = ["2018-07-04T14:30"]
    assert held(store, bars, posted, "status, entry_price") == [("market_closed", None)]
    assert store.rows("SELECT status, entry_price FROM scored_extended") == [("ok", 100)]


def test_extended_sessions_split_at_a_gap_of_thirty_minutes_and_not_of_twenty_nine(
    store: Store,
) -> None:
    # Quiet from 21:00 to 21:29 (29 minutes) and from 21:30 to 22:00 (30 minutes).
    bars = steady("20:59", 1) | steady("21:29", 1) | steady("22:00", 1)
    add_bars(store, bars)
    ensure_windows(store)
    assert store.rows("SELECT session, session_date, open_utc, close_utc FROM sessions") == [
        ("extended", date(2018, 7, 5), at("20:59"), at("21:30")),
        ("extended", date(2018, 7, 5), at("22:00"), at("22:01")),
    ]


def test_an_extended_session_has_the_exchange_date_of_its_close(store: Store) -> None:
    # From 18:00 in New York on Sunday, 8 July, to 21:00 there (Monday in UTC), and to midnight.
    add_bars(store, steady("2018-07-08T22:00", 180), "ENDS SUNDAY")
    add_bars(store, steady("2018-07-08T22:00", 360), "ENDS MONDAY")
    ensure_windows(store)
    assert store.rows("SELECT symbol, session, session_date FROM sessions ORDER BY symbol") == [
        ("ENDS MONDAY", "extended", date(2018, 7, 9)),
        ("ENDS SUNDAY", "extended", date(2018, 7, 8)),
    ]


def test_regular_sessions_move_with_daylight_saving(store: Store) -> None:
    bars = steady("2019-03-08T14:00", 120) | steady("2019-03-11T13:00", 120)
    posted = [f"2019-03-{time}" for time in ("08T14:29", "08T14:30", "11T13:29", "11T13:30")]
    assert held(store, bars, posted, "status") == [
        ("market_closed",),
        ("ok",),
        ("market_closed",),
        ("ok",),
    ]


@pytest.mark.parametrize("calendar", ["24/7", "24/5", "CMES"])
def test_windows_run_through_midnight_where_the_market_does(store: Store, calendar: str) -> None:
    bars = run("2018-07-05T23:55", 90, 91, 92, 93, 94) | run("2018-07-06T00:00", 100, 101, 102)
    posted = ["2018-07-05T23:58", "2018-07-05T23:59", "2018-07-06T00:00"]
    columns = "entry_price, exit_price, status"
    assert held(store, bars, posted, columns, interval=2, calendar=calendar) == [
        (92, 94, "ok"),
        (93, 100, "ok"),
        (94, 101, "ok"),  # nothing opens at midnight: the last close is the price
    ]


def test_at_lunch_the_market_is_closed_and_the_first_minute_after_it_has_its_opening_price(
    store: Store,
) -> None:
    # Tokyo rests from 11:30 to 12:30, which is 02:30 to 03:30 UTC; bars of the break are ignored.
    bars = run("2018-07-05T02:25", 90, 91, 92, 93, 94, 70, 71) | run("03:29", 80, 100, 101, 102)
    posted = ["02:28", "02:30", "02:31", "03:29", "03:29:01", "03:31"]
    columns = "entry_price, exit_price, status"
    assert held(store, bars, posted, columns, interval=1, calendar="XTKS") == [
        (92, 93, "ok"),
        (94, None, "crosses_close"),
        (None, None, "market_closed"),
        (None, None, "market_closed"),
        (100.5, 100, "ok"),
        (100, 101, "ok"),
    ]
    assert store.rows(
        "SELECT session_date, open_utc, close_utc FROM sessions WHERE session = 'regular'"
    ) == [
        (date(2018, 7, 5), at("00:00"), at("02:30")),
        (date(2018, 7, 5), at("03:30"), at("06:00")),
    ]


def test_no_window_of_any_length_crosses_lunch(store: Store) -> None:
    add_bars(store, steady("00:00", 360), calendar="XHKG")
    ensure_windows(store, [60, 90, 300])
    across = "minute_utc < $lunch AND minute_utc + to_minutes(interval_minutes) > $lunch"
    assert store.rows(
        f"SELECT DISTINCT status FROM windows WHERE session = 'regular' AND {across}",
        lunch=at("04:30"),
    ) == [("crosses_close",)]


def test_without_a_known_calendar_the_regular_session_says_so(store: Store) -> None:
    posted = ["13:59", "14:03", "14:30"]
    bars = run("14:00", *range(100, 110))
    assert held(store, bars, posted, "status", calendar="unknown") == [
        ("no_data",),
        ("no_calendar",),
        ("no_data",),
    ]
    assert store.rows("SELECT status, entry_price FROM scored_extended ORDER BY tweet_id") == [
        ("no_data", None),
        ("ok", 102),
        ("no_data", None),
    ]


@pytest.mark.parametrize(
    ("calendar", "cuts"),
    [
        ("24/7", ["2018-07-05T00:00", "2018-07-06T00:00"]),
        ("24/5", ["2018-07-04T21:00", "2018-07-05T21:00"]),
        ("unknown", ["2018-07-05T00:00", "2018-07-06T00:00"]),
        ("XNYS", ["2018-07-05T04:00", "2018-07-06T04:00"]),
    ],
)
@pytest.mark.slow
def test_extended_sessions_of_more_than_a_day_are_cut_by_day_and_their_windows_are_not(
    store: Store, calendar: str, cuts: list[str]
) -> None:
    opened, closed = at("2018-07-04T12:00"), at("2018-07-06T12:00")
    add_bars(store, steady("2018-07-04T12:00", 48 * 60), calendar=calendar)
    ensure_windows(store, [30])
    pieces = pairwise([opened, *map(at, cuts), closed])
    assert store.rows(
        "SELECT session_date, open_utc, close_utc FROM sessions WHERE session = 'extended'"
    ) == [(date(2018, 7, 4 + place), *piece) for place, piece in enumerate(pieces)]
    assert store.rows(
        "SELECT status, count(*) FROM windows WHERE session = 'extended' "
        "AND interval_minutes = 30 GROUP BY ALL ORDER BY ALL"
    ) == [("crosses_close", 30), ("ok", 48 * 60 - 29)]


def test_the_evening_before_belongs_to_the_session_it_opens(store: Store) -> None:
    # Chicago's futures open on Sunday evening what is Monday's session.
    bars = steady("2018-07-08T22:30", 30)
    assert held(store, bars, ["2018-07-08T22:40"], "status", calendar="CMES") == [("ok",)]
    assert store.rows(
        "SELECT session_date, open_utc, close_utc FROM sessions WHERE session = 'regular'"
    ) == [(date(2018, 7, 9), at("2018-07-08T22:00"), at("2018-07-09T22:00"))]


# ---- Status -------------------------------------------------------------------------------------


def test_every_window_says_why_it_has_no_return(store: Store) -> None:
    bars = (
        steady("13:00", 60)  # until 14:00
        | steady("19:30", 25)  # until 19:55
        | steady("2018-07-06T13:35", 10)
    )
    posted = [
        *("12:59", "13:00", "13:40", "14:03", "14:06", "19:55"),
        *("19:59", "20:00", "20:01", "2018-07-06T13:30", "2018-07-06T13:46"),
    ]
    columns = "entry_price, exit_price, return_bps, status, direction, correct"
    assert held(store, bars, posted, columns) == [
        (None, None, None, "no_data", None, None),
        (None, None, None, "market_closed", None, None),
        (100, 100, 0, "ok", "flat", None),
        (100, None, None, "no_exit", None, None),
        (None, None, None, "no_entry", None, None),
        (100, 100, 0, "ok", "flat", None),
        (100, None, None, "crosses_close", None, None),
        (100, None, None, "crosses_close", None, None),
        (None, None, None, "market_closed", None, None),
        (None, None, None, "no_entry", None, None),
        (None, None, None, "no_data", None, None),
    ]


def test_inside_a_session_but_outside_the_bars_there_is_no_data(store: Store) -> None:
    # The session is 13:30 to 20:00; the first bar begins at 15:00, the last ends at 16:00.
    posted = ["13:30", "14:59", "14:59:01", "15:00", "16:00", "16:00:01", "19:00"]
    assert held(store, steady("15:00", 60), posted, "status") == [
        ("no_data",),
        ("no_data",),
        ("no_entry",),
        ("no_entry",),
        ("ok",),
        ("no_data",),
        ("no_data",),
    ]


def test_a_session_that_opens_as_the_last_bar_ends_is_open(store: Store) -> None:
    bars = steady("13:00", 30)
    assert held(store, bars, ["13:29", "13:30"], "status") == [("market_closed",), ("no_entry",)]


def test_the_grid_holds_each_minute_of_a_session_once_an_interval(store: Store) -> None:
    add_bars(store, steady("2018-07-02T13:00", 8 * 60) | steady("13:00", 8 * 60))
    ensure_windows(store)
    # Two full sessions of 391 minutes with both edges, and 3 July's half-day of 211.
    assert store.rows(
        "SELECT interval_minutes, count(*), count(DISTINCT minute_utc) FROM windows "
        "WHERE session = 'regular' GROUP BY ALL ORDER BY ALL"
    ) == [(minutes, 2 * 391 + 211, 2 * 391 + 211) for minutes in STANDARD_INTERVALS]


# ---- The view -----------------------------------------------------------------------------------


def test_without_bars_a_prediction_keeps_one_row_without_a_symbol(store: Store) -> None:
    add_model(store)
    add_tweets(store, [at("14:00"), at("15:00")])
    add_predictions(store, [5, 10])
    ensure_windows(store)
    columns = "tweet_id, interval_minutes, symbol, status, entry_price, direction, predicted"
    for view in ("scored", "scored_extended"):
        assert store.rows(f"SELECT {columns} FROM {view} ORDER BY ALL") == [
            (tweet, minutes, None, "no_data", None, None, "up")
            for tweet in (0, 1)
            for minutes in (5, 10)
        ]


def test_two_symbols_give_each_prediction_two_rows(store: Store) -> None:
    add_bars(store, run("13:59", 100, 101), "AAA")
    add_bars(store, steady("2018-07-06T14:00", 10), "BBB")
    add_model(store)
    add_tweets(store, [at("14:00")])
    add_predictions(store, [1])
    ensure_windows(store, [1])
    assert store.rows(
        "SELECT symbol, status, entry_price, exit_price FROM scored ORDER BY ALL"
    ) == [
        ("AAA", "ok", 100, 101),
        ("BBB", "no_data", None, None),
    ]


def test_the_prediction_is_up_from_one_half(store: Store) -> None:
    add_model(store)
    add_tweets(store, [at("14:00")] * 3)
    add_predictions(store, [1], {0: 0.499, 1: 0.5, 2: 0.501})
    predicted = store.rows("SELECT predicted FROM scored ORDER BY tweet_id")
    assert predicted == [("down",), ("up",), ("up",)]


def test_a_move_within_the_band_is_flat_and_never_down(store: Store) -> None:
    # From 4,096 one point is 2.44140625 basis points, to the last bit.
    point = 10_000 / 4_096
    add_bars(store, run("14:00", 4_096, 4_096, 4_095, 4_098))
    add_model(store)
    add_tweets(store, [at("14:01")] * 2)
    add_predictions(store, [1, 2, 3], {0: 0.25, 1: 0.75})
    ensure_windows(store, [1, 2, 3])

    def directions(flat_bps: float) -> list[tuple[Any, ...]]:
        set_rules(store, max_gap_minutes=None, flat_bps=flat_bps)
        columns = "interval_minutes, tweet_id, direction, correct"
        return store.rows(f"SELECT {columns} FROM scored ORDER BY ALL")

    none = [(1, 0, "flat", None), (1, 1, "flat", None)]
    down = [(2, 0, "down", True), (2, 1, "down", False)]
    up = [(3, 0, "up", False), (3, 1, "up", True)]
    down_in_band = [(2, 0, "flat", None), (2, 1, "flat", None)]
    up_in_band = [(3, 0, "flat", None), (3, 1, "flat", None)]
    assert directions(0) == none + down + up
    assert directions(0.99 * point) == none + down + up
    assert directions(point) == none + down_in_band + up
    assert directions(1.99 * point) == none + down_in_band + up
    assert directions(2 * point) == none + down_in_band + up_in_band


def test_the_split_follows_the_dates_of_the_model(store: Store) -> None:
    dates = {
        "train_from_utc": at("2018-01-01T15:00"),
        "validation_from_utc": at("2018-02-01T21:00"),
        "test_from_utc": at("2018-03-01T21:00"),
        "test_until_utc": at("2018-04-02T20:00"),
    }
    add_model(store, dates)
    times = [time for edge in dates.values() for time in (edge - MINUTE, edge)]
    add_tweets(store, times)
    add_predictions(store, [5])
    assert store.rows("SELECT split FROM scored ORDER BY tweet_id") == [
        ("before",),
        *[("train",)] * 2,
        *[("validation",)] * 2,
        *[("test",)] * 2,
        ("after",),
    ]


def test_a_model_without_dates_has_an_unknown_split(store: Store) -> None:
    add_model(store)
    add_tweets(store, [at("14:00")])
    add_predictions(store, [5])
    assert store.rows("SELECT split FROM scored") == [("unknown",)]


# ---- Keeping windows in step with the bars ------------------------------------------------------


def whole(store: Store) -> list[list[tuple[Any, ...]]]:
    return [
        store.rows(f"FROM {table} ORDER BY ALL") for table in ("sessions", "windows", "intervals")
    ]


def second_store(tmp_path: Path) -> Any:
    return open_store(tmp_path / "other.duckdb")


@pytest.mark.slow
def test_an_interval_added_later_is_as_if_it_had_always_been_there(
    store: Store, tmp_path: Path
) -> None:
    bars = random_bars(random.Random(1))
    add_bars(store, bars)
    assert ensure_windows(store) == 1
    assert ensure_windows(store, [25]) == 1
    with second_store(tmp_path) as other:
        add_bars(other, bars)
        ensure_windows(other, [25])
        assert whole(store) == whole(other)


def test_with_nothing_missing_nothing_is_built(store: Store) -> None:
    add_bars(store, steady("14:00", 60))
    assert ensure_windows(store) == 1
    before = whole(store)
    assert ensure_windows(store) == 0
    assert ensure_windows(store, [30, 5]) == 0
    assert whole(store) == before


@pytest.mark.slow
def test_a_new_symbol_leaves_the_windows_of_the_others_alone(store: Store) -> None:
    add_bars(store, run("14:00", *range(100, 130)), "AAA")
    ensure_windows(store)
    query = "FROM windows WHERE symbol = 'AAA' ORDER BY ALL"
    before = store.rows(query)
    add_bars(store, steady("14:10", 30), "BBB")
    assert ensure_windows(store) == 1
    assert store.rows(query) == before
    assert ensure_windows(store, [7]) == 2


@pytest.mark.slow
def test_a_largest_age_that_changes_rebuilds_the_windows(store: Store, tmp_path: Path) -> None:
    bars = random_bars(random.Random(2))
    add_bars(store, bars)
    ensure_windows(store)
    set_rules(store, max_gap_minutes=2, flat_bps=None)
    assert store.rows("FROM windows") == []
    assert ensure_windows(store) == 1
    with second_store(tmp_path) as other:
        set_rules(other, max_gap_minutes=2, flat_bps=None)
        add_bars(other, bars)
        ensure_windows(other)
        assert whole(store) == whole(other)


def csv_of_bars(path: Path, bars: Bars) -> Path:
    lines = [
        f"{minute.isoformat()}Z,{first},{max(first, last)},{min(first, last)},{last},1"
        for minute, (first, last) in bars.items()
    ]
    path.write_text("\n".join(["time,open,high,low,close,volume", *lines]) + "\n")
    return path


def take_in(store: Store, *paths: Path) -> None:
    options = IngestOptions(symbol="SPX", calendar="XNYS")
    errors = [account.error for account in ingest(store, paths, options, lambda *_: None)]
    assert errors == [None] * len(errors)


@pytest.mark.slow
def test_a_second_file_of_bars_rebuilds_the_windows(store: Store, tmp_path: Path) -> None:
    bars = sorted(random_bars(random.Random(3)).items())
    early = csv_of_bars(tmp_path / "early.csv", dict(bars[: len(bars) // 2]))
    late = csv_of_bars(tmp_path / "late.csv", dict(bars[len(bars) // 2 :]))
    take_in(store, early)
    ensure_windows(store, [25])
    before = whole(store)
    take_in(store, early)  # the same file again changes nothing
    assert whole(store) == before
    take_in(store, late)
    ensure_windows(store)
    with second_store(tmp_path) as other:
        take_in(other, csv_of_bars(tmp_path / "both.csv", dict(bars)))
        ensure_windows(other, [25])
        assert whole(store) == whole(other)
        assert whole(store) != before


@pytest.mark.slow
def test_a_run_that_ended_before_the_windows_is_completed_by_the_next(
    store: Store, tmp_path: Path
) -> None:
    bars = csv_of_bars(tmp_path / "bars.csv", run("14:00", *range(100, 130)))
    take_in(store, bars)
    forget_windows(store, "SPX")  # as if the process was killed before it made them
    add_model(store)
    add_tweets(store, [at("14:10")])
    add_predictions(store, [5])
    status = "SELECT symbol, status, entry_price FROM scored"
    assert store.rows(status) == [(None, "no_data", None)]
    take_in(store, bars)
    assert store.rows(status) == [("SPX", "ok", 109)]
    assert ensure_windows(store) == 0


def test_info_shows_three_posts_on_the_clock_of_the_exchange_between_their_bars(
    store: Store,
) -> None:
    add_bars(store, run("13:58", 10, None, 12, 13, 14, 15))
    times = ["12:00", "14:00:00", "14:00:30", "14:01:30", "14:03", "14:03:30"]
    add_tweets(store, map(at, times))
    columns = [
        "posted_utc", "exchange_time", "post", "symbol",
        "before_utc", "closes_at", "after_utc", "opens_at",
    ]  # fmt: skip
    shown = describe(store)["alignments"]
    assert shown.columns == columns
    # The first, the middle and the last of those that enter as a bar begins.
    assert shown.drop("post", "symbol").rows() == [
        (at("14:00"), "2018-07-05 10:00:00 America/New_York", at("13:58"), 10, at("14:00"), 12.5),
        (
            at("14:00:30"),
            "2018-07-05 10:00:30 America/New_York",
            at("14:00"),
            12,
            at("14:01"),
            13.5,
        ),
        (at("14:03"), "2018-07-05 10:03:00 America/New_York", at("14:02"), 14, at("14:03"), 15.5),
    ]


# ---- The oracle: the words of the design, tweet by tweet, in plain Python. -----------------------

# Published hours of the New York Stock Exchange, in UTC: around the end of daylight saving, and
# around Thanksgiving with its half-day.
NEW_YORK = [
    (at(f"2018-11-{day}T{opens}"), at(f"2018-11-{day}T{closes}"))
    for day, opens, closes in (
        ("02", "13:30", "20:00"),
        ("05", "14:30", "21:00"),
        ("21", "14:30", "21:00"),
        ("23", "14:30", "18:00"),
    )
]
BAR_DAYS = ("2018-11-02", "2018-11-05", "2018-11-21", "2018-11-22", "2018-11-23")

Hours = list[tuple[datetime, datetime]]


class Market:
    """One symbol's bars, and the sessions to hold tweets against."""

    def __init__(self, bars: Bars, hours: Hours, max_gap_minutes: int) -> None:
        self.bars, self.hours, self.max_gap_minutes = bars, hours, max_gap_minutes
        self.first, self.last = min(bars), max(bars) + MINUTE

    def session_of(self, minute: datetime) -> tuple[datetime, datetime] | None:
        """The last session that has opened, if it has not closed before."""
        place = bisect_right(self.hours, (minute, datetime.max))
        if place == 0 or self.hours[place - 1][1] < minute:
            return None
        return self.hours[place - 1]

    def price(self, minute: datetime, session: tuple[datetime, datetime]) -> float | None:
        opens, _ = session
        if minute == opens:
            return self.bars[minute][0] if minute in self.bars else None
        for age in range(self.max_gap_minutes + 1):
            begins = minute - age * MINUTE - MINUTE
            if begins >= opens and begins in self.bars:
                return self.bars[begins][1]
        return None

    def window(self, posted: datetime, interval: int) -> tuple[Any, ...]:
        """Entry minute, entry price, exit price, return and status of a tweet."""
        minute = posted.replace(second=0, microsecond=0)
        if minute != posted:
            minute += MINUTE
        if minute < self.first or minute > self.last:
            return minute, None, None, None, "no_data"
        session = self.session_of(minute)
        if session is None:
            return minute, None, None, None, "market_closed"
        later = minute + interval * MINUTE
        entry_price = self.price(minute, session)
        exit_price = self.price(later, session) if later <= session[1] else None
        if entry_price is None:
            return minute, None, exit_price, None, "no_entry"
        if later > session[1]:
            return minute, entry_price, None, None, "crosses_close"
        if exit_price is None:
            return minute, entry_price, None, None, "no_exit"
        return minute, entry_price, exit_price, (exit_price / entry_price - 1) * 10_000, "ok"


def runs_of(bars: Bars) -> Hours:
    """Bars' own sessions: a gap of thirty minutes or more ends one."""
    hours: Hours = []
    for minute in sorted(bars):
        if hours and minute - hours[-1][1] < timedelta(minutes=30):
            hours[-1] = (hours[-1][0], minute + MINUTE)
        else:
            hours.append((minute, minute + MINUTE))
    return hours


def direction_of(entry: float, exit_: float, flat_bps: float) -> str:
    if exit_ == entry or math.fabs((exit_ / entry - 1) * 10_000) <= flat_bps:
        return "flat"
    return "up" if exit_ > entry else "down"


def random_bars(rng: random.Random, days: Sequence[str] = BAR_DAYS) -> Bars:
    """Bars of a quarter point, over parts of several days, with holes of every size."""
    bars: Bars = {}
    price = 2_500.0
    for day in days:
        minute = at(f"{day}T12:00") + rng.randrange(0, 150) * MINUTE
        until = at(f"{day}T16:30") + rng.randrange(0, 420) * MINUTE
        while minute < until:
            first = price + rng.choice((0, 0, 0.25, -0.25))
            price = first + rng.choice((0, 0, 0.25, -0.25, 1, -1))
            bars[minute] = (first, price)
            quiet = rng.choice((0,) * 30 + (1, 2, 3, 4, 5, 6, 7, 8, 28, 29, 30, 31, 45))
            minute += (1 + quiet) * MINUTE
    return bars


def random_posts(rng: random.Random, count: int, edges: Sequence[datetime]) -> list[datetime]:
    """Seconds all over the days, half of them within ten minutes of an edge."""
    near = [rng.choice(edges) + timedelta(seconds=rng.randrange(-600, 601)) for _ in range(count)]
    days = [
        at(f"{rng.choice(BAR_DAYS)}T11:30") + timedelta(seconds=rng.randrange(12 * 3600))
        for _ in range(count)
    ]
    return [*edges, *near, *days]


def row_of(
    market: Market, tweet: int, posted: datetime, interval: int, probability: float, flat: float
) -> tuple[Any, ...]:
    minute, entry_price, exit_price, return_bps, status = market.window(posted, interval)
    predicted = "up" if probability >= 0.5 else "down"
    direction = correct = None
    if status == "ok":
        direction = direction_of(entry_price, exit_price, flat)
        correct = None if direction == "flat" else direction == predicted
    if return_bps is not None:
        return_bps = round(return_bps, 6)
    return (
        tweet,
        interval,
        minute,
        entry_price,
        exit_price,
        return_bps,
        status,
        predicted,
        direction,
        correct,
    )


COLUMNS = (
    "tweet_id, interval_minutes, minute_utc, entry_price, exit_price, "
    "round(return_bps, 6), status, predicted, direction, correct"
)


def check_views(
    store: Store,
    bars_of: Mapping[str, Bars],
    regular: Hours,
    posts: Sequence[datetime],
    intervals: Sequence[int],
    rng: random.Random,
) -> None:
    """Hold both views, row by row, against the oracle."""
    max_gap, flat_bps = store.row("SELECT max_gap_minutes, flat_bps FROM settings")
    probabilities = {tweet: rng.choice((0.25, 0.5, 0.75)) for tweet in range(len(posts))}
    add_model(store)
    add_tweets(store, posts)
    add_predictions(store, intervals, probabilities)
    ensure_windows(store, intervals)
    statuses = set()
    for symbol, bars in bars_of.items():
        for view, hours in (("scored", regular), ("scored_extended", runs_of(bars))):
            market = Market(bars, hours, max_gap)
            expected = [
                row_of(market, tweet, posted, minutes, probabilities[tweet], flat_bps)
                for tweet, posted in enumerate(posts)
                for minutes in sorted(intervals)
            ]
            rows = store.rows(
                f"SELECT {COLUMNS} FROM {view} WHERE symbol = $symbol "
                "ORDER BY tweet_id, interval_minutes",
                symbol=symbol,
            )
            assert rows == expected
            statuses |= {row[6] for row in rows}
    # An oracle that saw only some of the cases would prove little.
    assert statuses == {
        "ok",
        "no_entry",
        "no_exit",
        "crosses_close",
        "market_closed",
        "no_data",
    }


@pytest.mark.parametrize(
    ("seed", "max_gap", "flat_bps"),
    [(0, 5, 0.0), (1, 5, 2.0), (2, 0, 0.0), (3, 1, 4.0), (4, 17, 0.0), (5, 40, 1.0)],
)
@pytest.mark.slow
def test_every_row_of_both_views_is_what_the_words_of_the_design_say(
    store: Store, seed: int, max_gap: int, flat_bps: float
) -> None:
    rng = random.Random(seed)
    bars_of = {"AAA": random_bars(rng), "BBB": random_bars(rng)}
    set_rules(store, max_gap_minutes=max_gap, flat_bps=flat_bps)
    for symbol, bars in bars_of.items():
        add_bars(store, bars, symbol)
    hours = NEW_YORK + runs_of(bars_of["AAA"])
    posts = random_posts(rng, 200, [edge for pair in hours for edge in pair])
    intervals = [1, 5, 7, 25, 30, rng.randrange(50, 400)]
    check_views(store, bars_of, NEW_YORK, posts, intervals, rng)


def test_sessions_that_follow_one_another_without_a_pause_are_what_the_words_say(
    store: Store,
) -> None:
    # Trading around the clock: each session opens at midnight in UTC, as the last one closes.
    rng = random.Random(6)
    midnights = [at("2018-11-01T00:00") + timedelta(days=day) for day in range(6)]
    bars = random_bars(rng, BAR_DAYS[:2])
    for midnight in midnights[2:5]:
        for minute in rng.sample(range(-40, 40), 60):
            bars[midnight + minute * MINUTE] = (2_500.0 + rng.randrange(4), 2_500.0)
    add_bars(store, bars, calendar="24/7")
    posts = random_posts(rng, 200, midnights[2:5])
    check_views(store, {"SPX": bars}, [(midnights[0], midnights[-1])], posts, [1, 7, 25], rng)


# Published hours in UTC: days around a change of the clocks, a half-day or a holiday; with lunch.
HOURS = {
    # New York begins daylight saving on 10 March; London on the 31st.
    "XNYS": "2019-03-08 14:30-21:00, 2019-03-11 13:30-20:00",
    "XLON": "2019-03-29 08:00-16:30, 2019-04-01 07:00-15:30",
    # Christmas Eve is a half-day in London and a holiday in Frankfurt.
    "XLON half-day": "2018-12-21 08:00-16:30, 2018-12-24 08:00-12:30, 2018-12-27 08:00-16:30",
    "XETR": "2018-12-21 08:00-16:30, 2018-12-27 08:00-16:30",
    "XTKS": "2018-11-01 00:00-02:30, 2018-11-01 03:30-06:00, 2018-11-02 00:00-02:30, "
    "2018-11-02 03:30-06:00",
    # The morning of Christmas Eve alone.
    "XHKG": "2018-12-21 01:30-04:00, 2018-12-21 05:00-08:00, 2018-12-24 01:30-04:00, "
    "2018-12-27 01:30-04:00, 2018-12-27 05:00-08:00",
    "XBOM": "2018-11-05 03:45-10:00, 2018-11-06 03:45-10:00",
    # Sydney begins daylight saving on 7 October.
    "XASX": "2018-10-05 00:00-06:00, 2018-10-07 23:00-05:00",
    # Chicago's sessions join, but for Thanksgiving, when they end early, and for the weekend.
    "CMES": "2018-11-18 23:00-18:00 +3, 2018-11-22 23:00-18:00",
    # The week of currencies ends and begins at 17:00 in New York, on either side of 4 November.
    "24/5": "2018-10-28 21:00-21:00 +4, 2018-11-04 22:00-22:00 +4",
}


def hours_of(text: str) -> Hours:
    """Read spans; those that close on a later day say how many days after the next midnight."""
    hours = []
    for span in text.split(", "):
        day, times, *more = span.split(" ")
        opens, closes = (at(f"{day}T{time}") for time in times.split("-"))
        later = timedelta(days=int(more[0]) if more else 0)
        hours.append((opens, closes + later + timedelta(days=closes <= opens)))
    return hours


def bars_around(rng: random.Random, hours: Hours) -> Bars:
    """Bars from an hour before each open to an hour after each close, with holes of every size."""
    bars: Bars = {}
    price = 2_500.0
    for opens, closes in hours:
        minute = opens - rng.randrange(-20, 60) * MINUTE
        until = closes + rng.randrange(-20, 60) * MINUTE
        while minute < until:
            price += rng.choice((0, 0, 0.25, -0.25, 1, -1))
            bars[minute] = (price + rng.choice((0, 0.25)), price)
            minute += (1 + rng.choice((0,) * 30 + (1, 2, 4, 5, 6, 8, 29, 30, 31))) * MINUTE
    return bars


@pytest.mark.parametrize("name", HOURS)
@pytest.mark.slow
def test_windows_of_each_market_are_what_the_words_of_the_design_say(
    store: Store, name: str
) -> None:
    rng = random.Random(name)
    hours = hours_of(HOURS[name])
    bars = bars_around(rng, hours)
    add_bars(store, bars, calendar=name.split(" ")[0])
    edges = [edge for pair in hours for edge in pair]
    posts = [
        edge + timedelta(seconds=rng.randrange(-5_400, 5_400)) for edge in edges for _ in range(60)
    ]
    first, last = min(bars), max(bars)
    posts += [*edges, first - 5 * MINUTE, last + 5 * MINUTE]
    span = int((last - first).total_seconds())
    posts += [first + timedelta(seconds=rng.randrange(span)) for _ in range(100)]
    check_views(store, {"SPX": bars}, hours, posts, [1, 5, 30, 60, 400], rng)


# ---- Real bars ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("real") / "tweetscore.duckdb") as opened:
        files = sorted((data / "market").glob("HISTDATA*.zip"))
        for account in ingest(opened, files, IngestOptions(), lambda *_: None):
            assert account.error is None
        ensure_windows(opened)
        yield opened


@pytest.mark.slow
def test_the_two_files_hold_every_bar(real: Store) -> None:
    assert real.rows(
        "SELECT symbol, count(*), count(DISTINCT minute_utc) FROM bars GROUP BY ALL"
    ) == [("SPXUSD", 464_053, 464_053)]


@pytest.mark.parametrize(
    ("minute", "entry_price", "exit_price"),
    [
        ("2018-12-19T19:00", 2585.6, 2545.3),  # the Federal Reserve raises its rate
        ("2019-03-20T18:00", 2820.2, 2832.7),  # and here announces patience
    ],
)
@pytest.mark.slow
def test_known_announcements_move_the_market_in_their_minute(
    real: Store, minute: str, entry_price: float, exit_price: float
) -> None:
    assert real.rows(
        "SELECT session, round(entry_price, 1), round(exit_price, 1), status FROM windows "
        "WHERE minute_utc = $minute AND interval_minutes = 5 ORDER BY session",
        minute=at(minute),
    ) == [(name, entry_price, exit_price, "ok") for name in ("extended", "regular")]


@pytest.mark.slow
def test_random_minutes_of_real_bars_are_what_the_words_of_the_design_say(real: Store) -> None:
    bars: Bars = {
        minute: (first, last)
        for minute, first, last in real.rows("SELECT minute_utc, open, close FROM bars")
    }
    dates = exchange_sessions("XNYS", date(2018, 1, 1), date(2019, 12, 31))
    regular = dates.select("open_utc", "close_utc").rows()
    rng = random.Random(0)
    first, last = min(bars), max(bars)
    span = int((last - first).total_seconds())
    posts = [first + timedelta(seconds=rng.randrange(-600, span + 600)) for _ in range(1_000)]
    posts += [
        edge + timedelta(seconds=rng.randrange(-3_600, 600))
        for hours in (regular, runs_of(bars))
        for pair in rng.choices(hours, k=150)
        for edge in pair
    ]
    posts += [first - MINUTE, last + 2 * MINUTE]
    check_views(real, {"SPXUSD": bars}, regular, posts, STANDARD_INTERVALS, rng)

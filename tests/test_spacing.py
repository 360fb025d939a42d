"""Bars of several minutes and of a day, and horizons in sessions: held against plain Python."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import exchange_calendars
import numpy as np
import polars as pl
import pytest
from market_bars import Recipe, make, shown
from tiny import MINUTE, put_symbol, put_tweets
from window_oracle import Oracle, days_of, made_bars, moments

from tweetscore.bars.daily import daily_clock
from tweetscore.bars.spaced import audit_spaced
from tweetscore.bars.spacing import spacing_of
from tweetscore.errors import InputError
from tweetscore.evaluation.intervals import observations, unit_of
from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.market.horizons import SESSIONS, Horizon
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.score import score
from tweetscore.store.database import Store
from tweetscore.training.dataset import market_rows

# Calendar: two weeks with what is odd there.
WEEKS = {
    "XTKS": (date(2019, 1, 2), date(2019, 1, 11)),  # a lunch break, and a holiday
    "XNYS": (date(2018, 11, 19), date(2018, 11, 30)),  # Thanksgiving, and the half-day after it
    "XLON": (date(2019, 3, 25), date(2019, 4, 5)),  # summer time begins
    "24/7": (date(2019, 3, 8), date(2019, 3, 12)),  # a coin, through five midnights
}
SPACINGS = (1, 5, 15, 30, 60)


def put_spaced(
    store: Store,
    bars: dict[datetime, tuple[float, float]],
    calendar: str,
    spacing: int,
    symbol: str = "SPX",
) -> None:
    put_symbol(store, symbol, calendar, spacing)
    rows = [
        {
            "symbol": symbol, "minute_utc": minute, "open": opened, "high": max(opened, closed),
            "low": min(opened, closed), "close": closed, "source_id": 1,
        }
        for minute, (opened, closed) in bars.items()
    ]  # fmt: skip
    store.append("bars", pl.DataFrame(rows))


def found_windows(store: Store, horizons: Sequence[Horizon]) -> dict[tuple[int, int], Any]:
    """Score by hand, and return what the view shows of each post and horizon."""
    row = {"model_id": "m", "name": "m", "target": "direction", "classes": ["down", "up"]}
    store.append("models", pl.DataFrame([{**row, "uses_counts": False, "card": "{}"}]))
    for horizon in horizons:
        store.con.execute(
            "INSERT INTO predictions SELECT 'm', platform, tweet_id, $n, 2, 0.7 FROM tweets",
            {"n": int(horizon)},
        )
    ensure_windows(store, horizons)
    rows = store.rows(
        "SELECT tweet_id, interval_minutes, minute_utc, status, entry_price, exit_price "
        "FROM scored ORDER BY ALL"
    )
    return {(tweet, minutes): rest for tweet, minutes, *rest in rows}


def held_against_the_oracle(store: Store, calendar: str, spacing: int) -> set[str]:
    days = days_of(calendar, *WEEKS[calendar])
    traded = [day for day in days if day.day <= WEEKS[calendar][1]]
    bars = made_bars(traded, spacing, seed=spacing)
    if spacing == 1_440:
        bars = {day.pieces[0][0]: (100.0 + n, 101.0 + 3 * n % 7) for n, day in enumerate(traded)}
    oracle = Oracle(days, bars, spacing)
    posts = moments(oracle, seed=spacing)
    put_spaced(store, bars, calendar, spacing)
    put_tweets(store, [(n, f"{at}", "a word") for n, at in enumerate(posts, 1)])
    minutes = [] if spacing == 1_440 else [spacing, 2 * spacing, 60]
    horizons = [Horizon(each) for each in (*minutes, SESSIONS + 1, SESSIONS + 2)]
    found = found_windows(store, list(dict.fromkeys(horizons)))
    first, last = min(bars), max(bars) + spacing * MINUTE
    if spacing == 1_440:
        last = traded[-1].pieces[-1][1]
    seen = set()
    for n, posted in enumerate(posts, 1):
        minute = posted if posted.second == 0 else posted.replace(second=0) + MINUTE
        for horizon in horizons:
            wanted = oracle.window(posted, horizon)
            got_minute, status, *prices = found[n, int(horizon)]
            if not first <= minute <= last:
                assert (status, *prices) == ("no_data", None, None)
                continue
            assert (status, *prices) == (wanted.status, wanted.entry_price, wanted.exit_price), (
                posted, horizon, wanted,
            )  # fmt: skip
            assert wanted.entry in (None, got_minute)
            seen.add(status)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("spacing", [5, 60, 1_440])
def test_windows_of_new_york_are_those_of_plain_python(store: Store, spacing: int) -> None:
    seen = held_against_the_oracle(store, "XNYS", spacing)
    assert {"ok", "no_exit"} <= seen
    assert ("market_closed" in seen) == (spacing < 1_440)


@pytest.mark.slow
@pytest.mark.parametrize("spacing", [*SPACINGS, 1_440])
@pytest.mark.parametrize("calendar", WEEKS)
def test_windows_of_any_spacing_are_those_of_plain_python(
    store: Store, calendar: str, spacing: int
) -> None:
    assert "ok" in held_against_the_oracle(store, calendar, spacing)


def test_a_post_enters_at_the_next_bar_never_at_a_price_from_before_it(store: Store) -> None:
    opened = datetime(2018, 12, 3, 14, 30)
    bars = {opened + n * 5 * MINUTE: (100.0 + n, 100.5 + n) for n in range(78)}
    put_spaced(store, bars, "XNYS", 5)
    put_tweets(store, [(1, "2018-12-03 15:02:00", "a"), (2, "2018-12-03 15:05:00", "b")])
    found = found_windows(store, [Horizon(10), Horizon(7)])
    entered = datetime(2018, 12, 3, 15, 5)
    # The bar of 15:00 closes at 15:05 with 106.5, that of 15:10 at 15:15.
    assert found[1, 10] == [entered, "ok", 106.5, 108.5]
    assert found[2, 10] == [entered, "ok", 106.5, 108.5]
    assert found[1, 7][1] == "no_horizon"


def test_a_post_from_before_the_bars_begin_does_not_wait_for_them(store: Store) -> None:
    opened = datetime(2018, 12, 3, 14, 30)
    put_spaced(
        store, {opened + n * 5 * MINUTE: (100.0 + n, 101.0 + n) for n in range(78)}, "XNYS", 5
    )
    put_spaced(
        store, {opened + timedelta(days=n): (50, 51 + n) for n in range(3)}, "XNYS", 1_440, "GE"
    )
    times = ["2018-12-02 20:00:00", "2018-12-03 14:28:00", "2018-12-03 14:30:00"]
    put_tweets(store, [(n, at, "a word") for n, at in enumerate(times, 1)])
    found_windows(store, [Horizon(10), Horizon(SESSIONS + 1)])
    shown = (
        "SELECT tweet_id, return_bps FROM scored WHERE symbol = $symbol AND interval_minutes = $n"
    )
    learned = {
        (symbol, minutes): market_rows(
            store, [symbol], "regular", [minutes], with_counts=False, keep_flat=True
        )["tweet_id"].to_list()
        for symbol, minutes in (("SPX", 10), ("GE", SESSIONS + 1))
    }
    for (symbol, minutes), tweets in learned.items():
        rows = dict(store.rows(shown, symbol=symbol, n=minutes))
        assert [tweet for tweet, bps in rows.items() if bps is not None] == tweets == [3]


@pytest.mark.slow
def test_scores_that_meet_no_price_for_want_of_closer_bars_are_told(
    store: Store, bundle: Bundle
) -> None:
    opened = datetime(2018, 12, 3, 14, 30)
    for symbol, spacing in (("AA", 15), ("BB", 1_440), ("CC", 1_440), ("DD", 5)):
        put_spaced(store, {opened: (50, 51)}, "XNYS", spacing, symbol)
    put_tweets(store, [(1, f"{opened}", "stocks up")])
    assert list(bundle.horizons) == [5, 30]
    assert score(store, bundle, [30], lambda *_: None).warnings == (
        "BB, CC: daily bars make no windows for --interval 30: such predictions meet no price "
        "(status no_horizon); train a model that meets them with: tweetscore train --interval 1d",
    )
    assert score(store, bundle, (), lambda *_: None).warnings == (
        "AA: bars of 15 minutes make no windows for --interval 5: such predictions meet no price "
        "(status no_horizon); train a model that meets them with: tweetscore train --interval 15",
        "BB, CC: daily bars make no windows for --interval 5, 30: such predictions meet no price "
        "(status no_horizon); train a model that meets them with: tweetscore train --interval 1d",
    )
    told = dict(store.rows("SELECT symbol, status FROM scored WHERE interval_minutes = 5"))
    assert {symbol for symbol, status in told.items() if status == "no_horizon"} == {
        "AA",
        "BB",
        "CC",
    }


def every(symbol: str, minutes: int, count: int, begin: str = "2018-12-03 14:30") -> pl.DataFrame:
    stamps = [datetime.fromisoformat(begin) + n * minutes * MINUTE for n in range(count)]
    return pl.DataFrame({"symbol": symbol, "stamp": stamps})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (every("A", 2, 30), "its bars are 2 minutes apart; bars of 1, 5, 15, 30 or 60 minutes or"),
        (every("A", 7 * 1_440, 9), "its bars are 7 days apart; bars of 1, 5,"),
        (
            pl.concat([every("A", 1, 200), every("B", 5, 40)]),
            "has bars of 1 minute and bars of 5 minutes (of B); cut it by their spacing",
        ),
        (
            pl.concat([every("A", 1, 90), every("A", 5, 40, "2018-12-05 14:30")]),
            "has bars of 1 minute and bars of 5 minutes (of A); cut it by their spacing",
        ),
        (
            pl.concat([every("A", 5, 40), every("A", 7, 25, "2018-12-05 14:31")]),
            "its bars are mostly 5 minutes apart, but 38% stand between;",
        ),
    ],
)
def test_spacings_that_make_no_windows_are_refused(rows: pl.DataFrame, message: str) -> None:
    with pytest.raises(InputError) as refusal:
        spacing_of("x.csv", rows)
    assert str(refusal.value).startswith(f"x.csv: {message}")


def test_days_without_a_time_of_day_are_daily_bars_unless_there_are_several() -> None:
    days = every("A", 1_440, 5, "2018-12-03")
    assert spacing_of("x.csv", days, of_days=True) == 1_440
    assert spacing_of("x.csv", days[:1], of_days=True) == 1_440
    with pytest.raises(InputError, match="several bars a day and no time of day"):
        spacing_of("x.csv", pl.concat([days, days]), of_days=True)


@pytest.mark.slow
@pytest.mark.parametrize("market", ["New York", "London", "Tokyo", "Mumbai", "currencies"])
@pytest.mark.parametrize("spacing", [5, 15, 30])
def test_the_clock_and_the_stamps_of_spaced_bars_are_found_by_themselves(
    market: str, spacing: int
) -> None:
    recipe = Recipe(market, "UTC", "start", 60, date(2019, 3, 1))
    starts = make(recipe).starts_utc
    minutes = (starts.to_physical() // 60_000_000).to_numpy()
    begins = np.r_[0, np.flatnonzero(np.diff(minutes) >= 30) + 1]  # of sessions, lunch cut out
    opens = minutes[begins][np.searchsorted(begins, np.arange(len(minutes)), side="right") - 1]
    each = np.unique(opens + (minutes - opens) // spacing * spacing)
    utc_starts = pl.Series(each * 60_000_000).cast(pl.Datetime("us"))
    for late in (0, spacing):
        stamps = shown(utc_starts, recipe) + timedelta(minutes=late)
        found = audit_spaced("x.csv", stamps, spacing)
        # Bars of half an hour may be the start on a clock that shows half an hour more.
        assert spacing == 30 or found.stamp == ("end" if late else "start")
        assert found.minutes_utc(stamps).equals(utc_starts)


@pytest.mark.slow
def test_daily_bars_get_the_calendar_whose_sessions_they_have() -> None:
    known = exchange_calendars.get_calendar("XLON", start="2019-01-01", end="2019-06-30")
    days = pl.Series([each.to_pydatetime() for each in known.sessions]).cast(pl.Datetime("us"))
    found = daily_clock("x.csv", days, calendar="auto", zoned=False, symbol=None)
    assert found.calendar == "XLON"
    opens = pl.Series([each.tz_localize(None).to_pydatetime() for each in known.opens])
    assert found.opens_utc(days).to_list() == opens.to_list()
    with pytest.raises(InputError, match="--calendar XNYS is refuted: 2 of 124 days have no"):
        daily_clock("x.csv", days, calendar="XNYS", zoned=False, symbol=None)
    with pytest.raises(InputError, match="the calendar of its daily bars cannot be told"):
        daily_clock("x.csv", days[:4], calendar="auto", zoned=False, symbol=None)


def test_sessions_are_counted_by_spans_longer_than_their_windows() -> None:
    days = pl.Series([date(2019, 3, 1), date(2019, 3, 4), date(2019, 3, 8), date(2019, 4, 1)])
    epoch = date(1970, 1, 1)
    begins = {
        30: days.to_list(),
        SESSIONS + 1: [date(2019, 2, 25), date(2019, 3, 4), date(2019, 3, 4), date(2019, 4, 1)],
        SESSIONS + 4: [date(2019, 3, 1)] * 3 + [date(2019, 4, 1)],
        SESSIONS + 5: [date(2019, 1, 1)] * 3 + [date(2019, 4, 1)],
        SESSIONS + 13: [date(2019, 1, 1)] * 4,
    }
    for minutes, wanted in begins.items():
        found = observations(days, minutes)
        assert [epoch + timedelta(days=int(n)) for n in found] == wanted
    assert [unit_of(n) for n in (None, *begins)] == [
        "day",
        "day",
        "week",
        "month",
        "quarter",
        "year",
    ]


@pytest.mark.slow
def test_daily_bars_are_ingested_with_their_calendar_and_two_spacings_of_a_symbol_are_not(
    store: Store, tmp_path: Path
) -> None:
    known = exchange_calendars.get_calendar("XNYS", start="2018-01-01", end="2018-12-31")
    header, path = "Date,Open,High,Low,Close,Adj Close,Volume", tmp_path / "KO.csv"
    rows = [f"{day:%Y-%m-%d},10,12,9,{10 + n % 3},8,100" for n, day in enumerate(known.sessions)]
    path.write_text("\n".join([header, *rows, "2018-02-19,10,12,9,11,8,100"]))  # a holiday
    (account,) = ingest(store, [path], IngestOptions(), lambda *_: None)
    assert (account.error, account.stored, account.rejected) == (None, len(rows), 1)
    assert store.rows("SELECT reason FROM rejects") == [
        ("no session of XNYS is on 2018-02-19 00:00",)
    ]
    assert store.rows("FROM symbols") == [("KO", "XNYS", 1_440)]
    opens = [each.tz_localize(None).to_pydatetime() for each in known.opens]
    assert [at for (at,) in store.rows("SELECT minute_utc FROM bars ORDER BY ALL")] == opens
    minutes = tmp_path / "KO_minutes.csv"
    lines = [f"2018-01-02T14:{minute}:00Z,10,12,9,11" for minute in range(30, 59)]
    minutes.write_text("\n".join(["time,open,high,low,close", *lines]))
    (account,) = ingest(store, [minutes], IngestOptions(symbol="KO"), lambda *_: None)
    assert account.error == (
        f"{minutes}: has bars of 1 minute, but KO is stored with daily bars; keep them apart, as "
        "in --symbol KO-1"
    )

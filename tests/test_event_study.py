"""The price path is what loops over bars and tweets find, and its band is as wide as it says."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from results import DAYS, FAR_AHEAD, Spans, put_model, put_predictions
from scipy import stats
from tiny import MINUTE, put_bars, put_tweets

from tweetscore.evaluation.event_study import LAST_MINUTE, PATHS, mean_paths, price_paths
from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.market.windows import ensure_windows
from tweetscore.sample.write import write_sample
from tweetscore.store.database import Store

CLOSE = timedelta(minutes=390)
OFFSETS = range(-30, 61)
LONG_AGO = datetime(2000, 1, 1)
Bars = dict[datetime, tuple[float, float]]  # open and close, by the minute at which they open
UNSEEN: Spans = (LONG_AGO, LONG_AGO, FAR_AHEAD)


def put_scored(
    store: Store, posts: Sequence[tuple[datetime, float]], spans: Spans = UNSEEN
) -> None:
    """Add a model, and tweets with its probabilities of up."""
    put_tweets(store, [(n, time.isoformat(), f"text {n}") for n, (time, _) in enumerate(posts, 1)])
    put_model(store, spans)
    put_predictions(store, [(n, probability) for n, (_, probability) in enumerate(posts, 1)])
    ensure_windows(store, [30])


def put_bar_runs(store: Store, bars: Bars) -> None:
    """Add bars with gaps between them."""
    symbols = pl.DataFrame({"symbol": ["SPX"], "calendar": ["XNYS"]})
    store.append("symbols", symbols)
    frame = pl.DataFrame(
        {
            "symbol": ["SPX"] * len(bars),
            "minute_utc": list(bars),
            "open": [first for first, _ in bars.values()],
            "high": [max(pair) for pair in bars.values()],
            "low": [min(pair) for pair in bars.values()],
            "close": [last for _, last in bars.values()],
            "source_id": [1] * len(bars),
        }
    )
    store.append("bars", frame)


def paths(store: Store, **changes: Any) -> pl.DataFrame:
    asked: dict[str, Any] = {
        "model_id": "m",
        "symbol": "SPX",
        "session": "regular",
        "interval": 30,
        **changes,
    }
    return price_paths(store, **asked)


# --- the oracle -----------------------------------------------------------------------------------


def known_prices(bars: Bars, gap: int = 5) -> dict[datetime, float]:
    """Return the price known at each minute of the sessions that has one."""
    first, last = min(bars), max(bars) + MINUTE
    prices = {}
    for opened in DAYS:
        for minute in (opened + n * MINUTE for n in range(391)):
            for then in (minute - age * MINUTE for age in range(gap + 1)):
                beginning, done = bars.get(then), bars.get(then - MINUTE)
                fresh = beginning and beginning[0] if then == opened else done and done[1]
                if then >= opened and first <= minute <= last and fresh:
                    prices[minute] = fresh
                    break
    return prices


def split_of(minute: datetime, spans: Spans) -> str:
    train, test, until = spans
    if not train <= minute < until:
        return "before" if minute < train else "after"
    return "test" if minute >= test else "train"


def oracle(
    bars: Bars, posts: Sequence[tuple[datetime, float]], spans: Spans
) -> dict[tuple[str, int], tuple[int, int, float]]:
    """Return events, days and mean of each series and offset, by loops."""
    prices = known_prices(bars)

    def inside(minute: datetime) -> datetime | None:
        return next((day for day in DAYS if day <= minute < day + CLOSE), None)

    entries = []
    for posted, probability in posts:
        whole = posted.replace(second=0, microsecond=0)
        minute = whole if posted == whole else whole + MINUTE
        split = split_of(minute, spans)
        opened = inside(minute)
        if opened and split in ("test", "after") and minute in prices:
            entries.append(("up" if probability >= 0.5 else "down", minute, opened, split))
    pools: dict[str, list[datetime]] = {}
    for split in ("test", "after"):
        minutes = {
            day: [day + n * MINUTE for n in range(390) if day + n * MINUTE in prices]
            for day in DAYS
        }
        sessions = [
            day
            for day, each in minutes.items()
            if any(split_of(minute, spans) == split for minute in each)
        ]
        pools[split] = sorted(sessions, key=lambda day: hashlib.md5(f"0{day}".encode()).hexdigest())
    for _, minute, opened, split in list(entries):
        pool = pools[split]
        other = pool[(pool.index(opened) + 1) % len(pool)]
        there = other + (minute - opened)
        if other != opened and split_of(there, spans) == split and there in prices:
            entries.append(("placebo", there, other, split))
    found: dict[tuple[str, int], list[tuple[date, float]]] = defaultdict(list)
    for series, minute, opened, _ in entries:
        for offset in OFFSETS:
            then = minute + offset * MINUTE
            if opened <= then <= opened + CLOSE and then in prices:
                moved = (prices[then] / prices[minute] - 1) * 10_000
                found[series, offset].append((opened.date(), moved))
    return {
        key: (len(each), len({day for day, _ in each}), sum(bps for _, bps in each) / len(each))
        for key, each in found.items()
    }


def as_found(frame: pl.DataFrame) -> dict[tuple[str, int], tuple[int, int, float]]:
    return {
        (row["series"], row["offset_minutes"]): (row["events"], row["days"], row["mean_bps"])
        for row in frame.to_dicts()
    }


def check(found: pl.DataFrame, wanted: Mapping[tuple[str, int], tuple[int, int, float]]) -> None:
    """Compare all that is found with the oracle, which knows of no least number of days."""
    kept = {key: each for key, each in wanted.items() if each[1] > 1}
    of_found = as_found(found)
    assert of_found.keys() == kept.keys()
    for key, (events, days, mean) in kept.items():
        assert of_found[key][:2] == (events, days), key
        assert of_found[key][2] == pytest.approx(mean, abs=2e-6), key


# --- paths ----------------------------------------------------------------------------------------


def gapped_bars(seed: int) -> Bars:
    """Bars of six days: some minutes are absent, some hours, one opening, and one day is flat."""
    rng = np.random.default_rng(seed)
    bars: Bars = {}
    price = 4_000.0
    for place, day in enumerate(DAYS):
        for n in range(-20, 400):
            following = price if place == 4 else price * math.exp(rng.normal(0, 3e-4))
            absent = rng.random() < 0.15 or (place == 1 and 100 <= n < 140)
            absent |= (place == 2 and n < 9) or (place == 3 and n >= 380)
            if not absent:
                bars[day + n * MINUTE] = (price, following)
            price = following
    return bars


def posts_of(seed: int, count: int) -> list[tuple[datetime, float]]:
    """Tweets all around the sessions, several in one minute, on the edges too."""
    rng = np.random.default_rng(seed)
    times = [
        DAYS[rng.integers(len(DAYS))] + timedelta(seconds=int(rng.integers(-900, 24_300)))
        for _ in range(count)
    ]
    for day in DAYS:
        edges = [0, -1, 1, 389 * 60, 389 * 60 + 1, 390 * 60, 388 * 60 + 1]
        times += [day + timedelta(seconds=second) for second in edges]
        times += [day + timedelta(minutes=200, seconds=second) for second in (0, 1, 2, 60)]
    return [(time, float(rng.random())) for time in times]


@pytest.mark.parametrize(
    "spans",
    [
        UNSEEN,
        (DAYS[1], DAYS[2] + CLOSE, DAYS[4] + CLOSE),  # before, train, test twice, after
        (DAYS[0] + 7 * MINUTE, DAYS[2] + 100 * MINUTE, DAYS[4] + 30 * MINUTE),  # amid sessions
    ],
)
@pytest.mark.slow
def test_paths_are_those_of_loops_over_bars_and_tweets(store: Store, spans: Spans) -> None:
    bars, posts = gapped_bars(1), posts_of(2, 150)
    put_bar_runs(store, bars)
    put_scored(store, posts, spans)
    wanted = oracle(bars, posts, spans)
    assert {series for series, _ in wanted} == {"up", "down", "placebo"}
    assert len({each[0] for each in wanted.values()}) > 20  # offsets differ in what is there
    check(paths(store), wanted)


def test_the_path_of_a_rise_after_the_tweets_is_that_rise(store: Store) -> None:
    posts = []
    for place, day in enumerate(DAYS):
        flat, rise = [100.0] * 120, [100.0 + 0.01 * n for n in range(1, 271)]
        put_bars(store, str(day), flat + (rise if place % 2 else [100.0] * 270))
        posts.append((day + 120 * MINUTE, 0.9 if place % 2 else 0.1))
    put_scored(store, posts)
    found = paths(store)
    up = found.filter(pl.col("series") == "up").sort("offset_minutes")
    expected = [max(0, offset) for offset in OFFSETS]  # of 100, 0.01 is one basis point
    assert up["mean_bps"].to_list() == pytest.approx(expected, abs=1e-6)
    assert up["low_bps"].to_list() == up["high_bps"].to_list() == up["mean_bps"].to_list()
    assert up.select(pl.col("events", "days").unique()).rows() == [(3, 3)]
    down = found.filter(pl.col("series") == "down")
    assert down.select(pl.col("mean_bps", "low_bps", "high_bps").unique()).rows() == [(0, 0, 0)]
    assert found.schema == pl.Schema(PATHS)


def test_what_the_model_has_learned_from_changes_nothing(store: Store) -> None:
    bars, posts = gapped_bars(3), posts_of(4, 60)
    put_bar_runs(store, bars)
    put_scored(store, posts, (DAYS[0], DAYS[3], FAR_AHEAD))
    before = paths(store)
    store.con.execute(
        "UPDATE predictions SET probability = 1 - probability FROM tweets t "
        "WHERE t.tweet_id = predictions.tweet_id AND t.posted_utc < $day",
        {"day": DAYS[3] - timedelta(hours=1)},
    )
    assert before.height > 100
    assert paths(store).equals(before)


def test_a_minute_with_one_day_has_no_band_and_no_row(store: Store) -> None:
    put_bars(store, str(DAYS[0]), [100.0 + n for n in range(390)])
    put_scored(store, [(DAYS[0] + 60 * MINUTE, 0.9), (DAYS[0] + 61 * MINUTE, 0.9)])
    assert paths(store).rows() == []
    assert paths(store).schema == pl.Schema(PATHS)


def test_without_a_model_or_a_symbol_there_is_no_path(store: Store) -> None:
    put_bars(store, str(DAYS[0]), [100.0 + n for n in range(390)])
    put_scored(store, [(DAYS[0] + 60 * MINUTE, 0.9)])
    for absent in ({"model_id": None}, {"symbol": None}, {"interval": 5}, {"model_id": "n"}):
        assert paths(store, **absent).schema == pl.Schema(PATHS)
        assert paths(store, **absent).is_empty()


def test_a_model_whose_card_has_no_dates_has_no_path(store: Store) -> None:
    for day in DAYS[:3]:
        put_bars(store, str(day), [100.0 + n for n in range(390)])
    put_scored(store, [(day + 60 * MINUTE, 0.9) for day in DAYS[:3]])
    assert paths(store).height == 182
    store.con.execute("UPDATE models SET train_from_utc = NULL, test_until_utc = NULL")
    assert paths(store).is_empty()


def test_in_the_extended_session_a_path_ends_at_a_gap_of_half_an_hour(store: Store) -> None:
    for day in DAYS[:3]:
        put_bars(store, str(day - timedelta(hours=4)), [100.0] * 100)
        put_bars(store, str(day - timedelta(hours=4) + 131 * MINUTE), [101.0] * 100)
    put_scored(store, [(day - timedelta(hours=4) + 90 * MINUTE, 0.9) for day in DAYS[:3]])
    up = paths(store, session="extended").filter(pl.col("series") == "up")
    assert up["offset_minutes"].to_list() == list(range(-30, 11))  # to the end of the last bar
    assert up["mean_bps"].unique().to_list() == [0]
    assert paths(store).is_empty()


# --- bands ----------------------------------------------------------------------------------------


def sums_of(
    rng: np.random.Generator, days: int, offsets: Sequence[int] = (30,), least: int = 1
) -> pl.DataFrame:
    """Days that each lean some way, with so many events or more, but not at each offset."""
    rows = []
    for n in range(days):
        events = int(rng.integers(least, 9))
        path = np.cumsum(rng.normal(0, 5, len(offsets)))
        rows += [
            {
                "series": "up",
                "session_date": date(2023, 1, 1) + timedelta(days=n),
                "offset_minutes": offset,
                "events": count,
                "sum_bps": float(count * path[place] + rng.normal(0, 3)),
            }
            for place, offset in enumerate(offsets)
            if (count := max(0, events - place))
        ]
    return pl.DataFrame(rows)


def test_the_band_is_scipys_bootstrap_over_days() -> None:
    sums = sums_of(np.random.default_rng(5), 60, (0, 10, 20, 30))
    found = mean_paths(sums)
    assert found["offset_minutes"].to_list() == [0, 10, 20, 30]
    assert found["days"][3] < found["days"][0] == 60
    days = sums["session_date"].unique().sort()
    for row in found.to_dicts():
        at = sums.filter(pl.col("offset_minutes") == row["offset_minutes"])
        whole = days.to_frame().join(at, on="session_date", how="left").fill_null(0)
        mean = float(at["sum_bps"].sum()) / int(at["events"].sum())
        assert row["mean_bps"] == pytest.approx(mean, abs=1e-6)
        reference = stats.bootstrap(
            (whole["sum_bps"].to_numpy(), whole["events"].to_numpy()),
            lambda totals, events, axis: totals.sum(axis) / events.sum(axis),
            paired=True,
            n_resamples=20_000,
            method="percentile",
            rng=np.random.default_rng(1),
            vectorized=True,
        ).confidence_interval
        width = reference.high - reference.low
        assert (row["low_bps"], row["high_bps"]) == pytest.approx(tuple(reference), abs=width / 12)


@pytest.mark.slow
def test_the_band_covers_zero_about_as_often_as_it_says() -> None:
    rng, runs = np.random.default_rng(6), 120
    bands = [mean_paths(sums_of(rng, 80)).row(0, named=True) for _ in range(runs)]
    covered = sum(band["low_bps"] <= 0 <= band["high_bps"] for band in bands)
    assert 0.89 <= covered / runs <= 0.99  # 95 %, give or take chance


def test_days_in_any_order_give_the_same_band_and_each_series_its_own() -> None:
    sums = sums_of(np.random.default_rng(7), 30, (0, 30))
    shuffled = sums.sample(fraction=1, shuffle=True, seed=1)
    other = sums_of(np.random.default_rng(8), 40, (0, 30)).with_columns(series=pl.lit("down"))
    alone = mean_paths(sums)
    assert mean_paths(pl.concat([shuffled, other])).filter(pl.col("series") == "up").equals(alone)


@pytest.mark.slow
def test_on_a_sample_without_a_signal_the_placebo_moves_nowhere(
    store: Store, tmp_path: Path
) -> None:
    made = write_sample(tmp_path, posts=700, days=100, signal=False, seed=1)
    ingest(store, [made.archive, made.bars], IngestOptions(), lambda *_: None)
    put_model(store, UNSEEN)
    ids = store.frame("SELECT tweet_id FROM tweets ORDER BY tweet_id")["tweet_id"].to_list()
    guesses = np.random.default_rng(0).random(len(ids))
    put_predictions(store, list(zip(ids, guesses.tolist(), strict=True)))
    ensure_windows(store, [30])
    found = paths(store, symbol="MADEUP")
    assert found["series"].unique().sort().to_list() == ["down", "placebo", "up"]
    assert found.filter(pl.col("series") == "placebo", pl.col("days") > 80).height == 91
    zero = (pl.col("low_bps") <= 0) & (pl.col("high_bps") >= 0)
    covered = found.group_by("series").agg(zero.mean())
    assert dict(covered.iter_rows())["placebo"] == 1
    assert found["offset_minutes"].max() == LAST_MINUTE

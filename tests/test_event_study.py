"""The price path is what loops over bars and tweets find; bands and placebos are as they say."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from results import DAYS, FAR_AHEAD, Spans, put_model, put_predictions
from scipy import stats
from simulated_paths import found_rise, held_and_far
from tiny import MINUTE, put_bars, put_symbol, put_tweets

from tweetscore.evaluation.bands import placebo_test, simultaneous_band
from tweetscore.evaluation.event_study import LAST_MINUTE, PATHS, EventStudy, price_paths
from tweetscore.evaluation.placebo import Events, Sessions, moved_paths
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
    put_symbol(store)
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
    return studied(store, **changes).paths


def studied(store: Store, **changes: Any) -> EventStudy:
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
            entries.append(("up" if probability >= 0.5 else "down", minute, opened))
    found: dict[tuple[str, int], list[tuple[date, float]]] = defaultdict(list)
    for series, minute, opened in entries:
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
    assert {series for series, _ in wanted} == {"up", "down"}
    assert len({each[0] for each in wanted.values()}) > 9  # offsets differ in what is there
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
    assert up["low_bps"].null_count() == up.height  # three days are too few for a band
    assert up.select(pl.col("events", "days").unique()).rows() == [(3, 3)]
    down = found.filter(pl.col("series") == "down")
    assert down["mean_bps"].unique().to_list() == [0]
    assert found.schema == pl.Schema(PATHS)


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_model_whose_card_has_no_dates_has_no_path(store: Store) -> None:
    for day in DAYS[:3]:
        put_bars(store, str(day), [100.0 + n for n in range(390)])
    put_scored(store, [(day + 60 * MINUTE, 0.9) for day in DAYS[:3]])
    assert paths(store).height == 91
    store.con.execute("UPDATE models SET train_from_utc = NULL, knows_until_utc = NULL")
    assert paths(store).is_empty()


@pytest.mark.slow
def test_in_the_extended_session_a_path_ends_at_a_gap_of_half_an_hour(store: Store) -> None:
    for day in DAYS[:3]:
        put_bars(store, str(day - timedelta(hours=4)), [100.0] * 100)
        put_bars(store, str(day - timedelta(hours=4) + 131 * MINUTE), [101.0] * 100)
    put_scored(store, [(day - timedelta(hours=4) + 90 * MINUTE, 0.9) for day in DAYS[:3]])
    up = paths(store, session="extended").filter(pl.col("series") == "up")
    assert up["offset_minutes"].to_list() == list(range(-30, 11))  # to the end of the last bar
    assert up["mean_bps"].unique().to_list() == [0]
    assert paths(store).is_empty()


# --- placebos -------------------------------------------------------------------------------------


def small_market(seed: int) -> tuple[Sessions, Events]:
    """Three days that stand in for each other, one of them short, and a fourth one alone."""
    rng = np.random.default_rng(seed)
    minutes = np.array([20, 12, 20, 20])
    starts = np.concatenate([[0], (minutes + 1).cumsum()[:-1]])
    prices = np.exp(rng.normal(0, 1e-3, int((minutes + 1).sum())).cumsum())
    prices[rng.random(len(prices)) < 0.1] = np.nan
    sessions = Sessions(prices, starts, minutes, np.arange(4), np.array([1, 1, 1, 0]))
    events = Events(np.array([0, 0, 1, 2, 3, 3]), np.array([3, 15, 3, 18, 3, 0]),
                    np.array([1, 2, 3, 1, 2, 1]))  # fmt: skip
    return sessions, events


def met(sessions: Sessions, events: Events, order: Sequence[int], offset: int) -> list[list[float]]:
    """Return what the posts of each session meet in the session that stands in for it."""
    found: list[list[float]] = [[] for _ in order]
    for session, minute, count in zip(events.session, events.minute, events.count, strict=True):
        there = order[session]
        prices = sessions.prices[sessions.starts[there] :][: sessions.minutes[there] + 1]
        if minute < len(prices) - 1 and 0 <= minute + offset < len(prices):
            moved = float(prices[minute + offset] / prices[minute] - 1) * 10_000
            found[session] += [moved] * int(count) if moved == moved else []
    return found


def test_placebos_are_the_posts_of_whole_days_on_days_of_their_stratum() -> None:
    sessions, events = small_market(1)
    offsets = range(-2, 4)
    (found,) = moved_paths(sessions, [events], offsets, 200, seed=0)
    orders = [(*order, 3) for order in permutations(range(3))]
    expected = []
    for order in orders:
        rows = []
        for offset in offsets:
            by_day = met(sessions, events, order, offset)
            n, units = sum(map(len, by_day)), sum(map(bool, by_day))
            mean = sum(map(sum, by_day)) / n
            squares = sum((sum(each) - mean * len(each)) ** 2 for each in by_day)
            rows += [mean, math.sqrt(units / (units - 1) * squares) / n]
        expected.append(rows)
    seen = np.stack([found.means_bps, found.errors_bps], axis=2).reshape(201, -1)
    assert seen[0].tolist() == pytest.approx(expected[0])
    places = [int(np.abs(np.array(expected) - row).sum(axis=1).argmin()) for row in seen]
    assert np.abs(seen - np.array(expected)[places]).max() < 1e-7
    times = np.bincount(places, minlength=6)
    assert (times > 15).all()  # of 33 on average
    own = met(sessions, events, range(4), 2)
    assert found.counts[:, 4].tolist() == [len(each) for each in own]
    assert found.totals_bps[:, 4].tolist() == pytest.approx([sum(each) for each in own])


def test_the_same_posts_are_the_same_series_whoever_is_beside_them() -> None:
    sessions, events = small_market(2)
    other = Events(events.session, events.minute, events.count[::-1].copy())
    (alone,) = moved_paths(sessions, [events], range(3), 20, seed=0)
    beside = moved_paths(sessions, [other, events], range(3), 20, seed=0)[1]
    assert np.array_equal(alone.means_bps, beside.means_bps)


def test_a_path_is_outside_its_envelope_where_its_p_value_is_five_percent_or_less() -> None:
    rng = np.random.default_rng(3)
    for shift in np.linspace(0, 4, 30):
        means, errors = rng.normal(size=(200, 8)), rng.uniform(0.5, 1.5, (200, 8))
        means[0, 3] += shift
        found = placebo_test(means, errors)
        inside = (found.low <= means[0]) & (means[0] <= found.high)
        assert inside.all() == (found.p_value > 0.05)
        furthest = (np.abs(means - means.mean(axis=0)) / errors).max(axis=1)
        assert found.p_value == (furthest >= furthest[0]).mean()
        assert found.centre == pytest.approx(means.mean(axis=0))


def test_of_a_market_that_stands_still_no_path_is_far() -> None:
    sessions, events = small_market(4)
    still = Sessions(
        np.full_like(sessions.prices, 7.0), sessions.starts, sessions.minutes, sessions.day,
        sessions.stratum,
    )  # fmt: skip
    (found,) = moved_paths(still, [events], range(-2, 3), 30, seed=0)
    assert placebo_test(found.means_bps, found.errors_bps).p_value == 1


# --- bands ----------------------------------------------------------------------------------------


def test_of_one_point_the_band_is_about_students_t_over_days() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(1, 4, (25, 1))
    half = simultaneous_band(np.ones((25, 1)), values)
    assert half[0] == pytest.approx(stats.t.ppf(0.975, 24) * stats.sem(values)[0], rel=0.08)


def test_more_points_take_a_wider_band_and_the_same_one_again_none() -> None:
    values = np.random.default_rng(6).normal(0, 4, (40, 30))
    one, all_of_them = (
        simultaneous_band(np.ones_like(each), each) for each in (values[:, :1], values)
    )
    assert 1.2 < all_of_them[0] / one[0] < 1.9
    again = np.repeat(values[:, :1], 9, axis=1)
    assert simultaneous_band(np.ones_like(again), again) == pytest.approx(np.repeat(one, 9))


def test_a_minute_with_fewer_than_ten_days_has_no_band_and_widens_no_other() -> None:
    values, counts = np.random.default_rng(7).normal(0, 4, (12, 3)), np.ones((12, 3))
    counts[:3, 2] = values[:3, 2] = 0
    half = simultaneous_band(counts, values)
    assert np.isnan(half).tolist() == [False, False, True]
    assert half[:2].tolist() == simultaneous_band(counts[:, :2], values[:, :2]).tolist()


@pytest.mark.slow
def test_the_band_holds_the_whole_path_and_the_placebo_is_far_as_often_as_they_say() -> None:
    """Restless days have more posts: 93 to 97 % and 3 to 7 %, by the simulated runs."""
    runs = 120
    whole, points, far = held_and_far(20, 5, runs, placebos=99)
    low, high = stats.binom.interval(0.998, runs, 0.05)
    assert low <= runs * (1 - whole) <= high
    assert low <= runs * far <= high
    assert points > 0.985


@pytest.mark.slow
def test_a_planted_rise_is_told_from_its_placebos() -> None:
    assert found_rise(40, 5, 10.0, 20) >= 0.8


@pytest.mark.slow
def test_on_a_sample_without_a_signal_nothing_leaves_its_envelope(
    store: Store, tmp_path: Path
) -> None:
    made = write_sample(tmp_path, posts=700, days=100, signal=False, seed=1)
    ingest(store, [made.archive, made.bars], IngestOptions(), lambda *_: None)
    put_model(store, UNSEEN)
    ids = store.frame("SELECT tweet_id FROM tweets ORDER BY tweet_id")["tweet_id"].to_list()
    guesses = np.random.default_rng(0).random(len(ids))
    put_predictions(store, list(zip(ids, guesses.tolist(), strict=True)))
    ensure_windows(store, [30])
    found = studied(store, symbol="MADEUP")
    assert list(found.p_values) == ["down", "up"]
    assert min(found.p_values.values()) > 0.05
    assert found.by_weekday == 1
    assert "another day of the same part of the data, of the same weekday" in found.sentences()[1]
    shown = found.paths
    assert shown["series"].unique().sort().to_list() == ["down", "up"]
    inside = shown.filter(pl.col("offset_minutes") != 0).select(
        (pl.col("mean_bps").is_between("placebo_low_bps", "placebo_high_bps")).all()
    )
    assert inside.item()
    assert shown["offset_minutes"].max() == LAST_MINUTE

"""Figures are what a hand or another library computes; a verdict is right as often as it says."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from scipy import stats  # type: ignore[import-untyped]  # it has no types
from sklearn import metrics
from tiny import MINUTE, put_bars, put_tweets

from tweetscore import evaluate as evaluating
from tweetscore.errors import InputError
from tweetscore.evaluate import (
    Figures,
    bag_of_words_accuracy,
    evaluate,
    figures,
    overall_verdict,
    with_verdicts,
)
from tweetscore.store import Store
from tweetscore.windows import ensure_windows

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


def measured(probability_up: Any, up: Any, day: Any) -> Figures:
    return figures(np.array(probability_up, float), np.array(up, bool), np.array(day, np.int64))


# --- one set of figures ---------------------------------------------------------------------------


def test_figures_are_those_computed_by_hand() -> None:
    found = measured([0.9, 0.5, 0.4, 0.2, 0.7], [1, 0, 1, 0, 1], [7, 7, 8, 8, 9])
    assert (found.rows, found.days) == (5, 3)
    assert found.accuracy == pytest.approx(3 / 5)  # exactly even is said to be up: wrong here
    assert found.baseline == pytest.approx(3 / 5)
    assert found.auc == pytest.approx(5 / 6)  # of the six pairs, only (0.4, 0.5) is turned round
    assert found.brier == pytest.approx((0.01 + 0.25 + 0.36 + 0.04 + 0.09) / 5)
    assert found.mcc == pytest.approx((2 * 1 - 1 * 1) / np.sqrt(3 * 3 * 2 * 2))


def test_the_p_value_of_three_days_is_that_of_their_eight_signs() -> None:
    p, up, day = [0.9, 0.5, 0.4, 0.2, 0.7], [1, 0, 1, 0, 1], [7, 7, 8, 8, 9]
    products = (np.array(p) - np.mean(p)) * (np.array(up) - np.mean(up))
    by_day = np.array([products[:2].sum(), products[2:4].sum(), products[4:].sum()])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, 8)
    exact = (signs.T @ by_day >= by_day.sum() - 1e-12).mean()
    assert measured(p, up, day).p_value == pytest.approx(exact, abs=0.015)
    assert exact in (1 / 8, 2 / 8)


def drawn(seed: int, days: int = 60, rows: int = 6, effect: float = 0.0) -> tuple[Any, ...]:
    """Days whose windows overlap: all rows of a day lean the way of that day, guesses too."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), rows)
    market = rng.normal(size=days)[day] + 0.3 * rng.normal(size=len(day))
    guess = rng.normal(size=days)[day] + 0.3 * rng.normal(size=len(day)) + effect * market
    return 1 / (1 + np.exp(-guess)), market > 0, day


def test_accuracy_auc_mcc_and_brier_are_scikit_learns() -> None:
    p, up, day = drawn(1)
    found = figures(p, up, day)
    assert found.accuracy == metrics.accuracy_score(up, p >= 0.5)
    assert found.auc == metrics.roc_auc_score(up, p)
    assert found.mcc == metrics.matthews_corrcoef(up, p >= 0.5)
    assert found.brier == pytest.approx(float(np.mean((p - up) ** 2)))
    assert found.baseline == pytest.approx(max(np.mean(up), np.mean(~up)))


def test_the_order_of_rows_and_the_names_of_days_do_not_matter() -> None:
    p, up, day = drawn(2)
    order = np.random.default_rng(0).permutation(len(p))
    here = figures(p, up, day)
    there = figures(p[order], up[order], day[order] + 17_000)
    assert there.p_value == here.p_value
    assert (there.excess_low, there.excess_high) == (here.excess_low, here.excess_high)


def test_the_interval_is_scipys_bootstrap_over_days() -> None:
    p, up, day = drawn(3, effect=0.5)
    by_day = [(np.sum(day == d), np.sum(((p >= 0.5) == up)[day == d]), np.sum(up[day == d]))
              for d in range(60)]  # fmt: skip
    rows, right, ups = np.array(by_day).T

    def excess(rows: Floats, right: Floats, ups: Floats, axis: int) -> Any:
        n, k = rows.sum(axis), ups.sum(axis)
        return right.sum(axis) / n - np.maximum(k, n - k) / n

    reference = stats.bootstrap(
        (rows, right, ups), excess, paired=True, n_resamples=10_000, method="percentile",
        rng=np.random.default_rng(5), vectorized=True,
    ).confidence_interval  # fmt: skip
    found = figures(p, up, day)
    assert (found.excess_low, found.excess_high) == pytest.approx(tuple(reference), abs=0.01)


@pytest.mark.parametrize(("up", "brier"), [(True, 0.225), (False, 0.425)])
def test_rows_of_one_outcome_have_no_auc_and_no_signal(
    up: bool, brier: float, recwarn: pytest.WarningsRecorder
) -> None:
    found = with_verdicts([measured([0.9, 0.2, 0.6, 0.7], [up] * 4, [1, 2, 3, 4])])[0]
    assert (found.auc, found.mcc, found.baseline, found.p_value) == (None, 0.0, 1.0, 1.0)
    assert found.brier == pytest.approx(brier)
    assert found.excess_high <= 0
    assert found.verdict == "no signal"
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("days", [1, 2])
def test_perfect_guesses_on_one_or_two_days_are_no_signal(days: int) -> None:
    rows = 40
    up = np.arange(rows) % 2 == 0
    found = with_verdicts([measured(np.where(up, 0.9, 0.1), up, np.arange(rows) % days)])[0]
    assert (found.accuracy, found.auc) == (1.0, 1.0)
    assert found.p_value > 0.2
    assert found.verdict == "no signal"


def test_one_row_does_not_crash() -> None:
    found = measured([0.7], [1], [1])
    assert (found.rows, found.accuracy, found.baseline, found.auc) == (1, 1.0, 1.0, None)


def test_a_constant_guess_has_no_skill_whatever_rounding_says() -> None:
    up = np.random.default_rng(0).random(500) < 0.6
    found = measured(np.full(500, 0.1) + 0.2, up, np.arange(500) // 5)
    assert found.p_value == 1.0


# --- how often it is right ------------------------------------------------------------------------


@pytest.mark.slow
def test_under_the_null_the_p_value_is_about_uniform_though_windows_are_shared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluating, "DRAWS", 1_000)
    runs = 250
    p = np.array([figures(*drawn(1_000 + seed, 40)).p_value for seed in range(runs)])
    low, high = stats.binom.interval(0.999, runs, 0.05)
    assert low <= (p < 0.05).sum() <= high
    assert stats.kstest(p, "uniform").pvalue > 0.001
    # A test that took rows for independent would see skill in a third of these runs.
    naive = [
        stats.mannwhitneyu(q[up], q[~up], alternative="greater").pvalue
        for q, up, _ in (drawn(1_000 + seed, 40) for seed in range(runs))
    ]
    assert np.mean(np.array(naive) < 0.05) > 0.15


def test_a_planted_effect_has_a_small_p_value_and_is_called_a_signal() -> None:
    found = with_verdicts([figures(*drawn(4, effect=1.0))])[0]
    assert found.p_value < 0.001
    assert found.excess_low > 0
    assert found.verdict == "signal"


def test_guesses_turned_round_are_no_signal() -> None:
    p, up, day = drawn(4, effect=1.0)
    assert figures(1 - p, up, day).p_value > 0.999


@pytest.mark.slow
def test_the_interval_covers_the_true_excess_about_as_often_as_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluating, "DRAWS", 1_000)

    def draw(rng: np.random.Generator, days: int) -> tuple[Floats, Truth, Whole]:
        day = np.repeat(np.arange(days), 5)
        lean = rng.normal(0.5, 1, days)[day]
        up = lean + rng.normal(size=len(day)) > 0
        p = np.clip(0.5 + 0.2 * lean + 0.2 * rng.normal(size=len(day)), 0, 1)
        return p, up, day

    p, up, _ = draw(np.random.default_rng(99), 200_000)
    true_excess = np.mean((p >= 0.5) == up) - max(np.mean(up), np.mean(~up))
    rng, runs = np.random.default_rng(7), 120
    covered = 0
    for _ in range(runs):
        found = figures(*draw(rng, 80))
        covered += found.excess_low <= true_excess <= found.excess_high
    assert 0.87 <= covered / runs <= 0.99


# --- several intervals ----------------------------------------------------------------------------


def plain(p_value: float, **changes: Any) -> Figures:
    base = measured([0.9, 0.1], [1, 0], [1, 2])
    return replace(base, p_value=p_value, excess_low=0.1, **changes)


@pytest.mark.parametrize(
    ("p_values", "corrected"),
    [
        # The example of Wikipedia's article on Holm's method: 0.005 and 0.01 are kept.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([0.5, 0.9, 0.4], [1.0, 1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([0.2], [0.2]),
    ],
)
def test_p_values_are_corrected_as_holm_did(p_values: list[float], corrected: list[float]) -> None:
    found = with_verdicts([plain(p) for p in p_values])
    assert [each.p_holm for each in found] == pytest.approx(corrected)
    assert [each.p_value for each in found] == p_values
    assert [each.verdict for each in found] == [
        "signal" if p < 0.05 else "no signal" for p in corrected
    ]


def test_a_small_p_value_is_no_signal_where_the_interval_holds_zero() -> None:
    assert with_verdicts([replace(plain(0.001), excess_low=0.0)])[0].verdict == "no signal"


def test_no_figures_have_no_verdicts() -> None:
    assert with_verdicts([]) == []
    assert overall_verdict([]) == "No signal beyond the baseline at any interval."


def test_the_verdict_names_the_intervals_with_a_signal() -> None:
    found = with_verdicts(
        [plain(p, interval_minutes=n) for p, n in ((0.001, 5), (0.9, 10), (0.002, 30))]
    )
    assert overall_verdict(found) == "Signal beyond the baseline at 5, 30 minutes."
    assert overall_verdict(found[1:2]) == "No signal beyond the baseline at any interval."


def test_the_bag_of_words_learns_which_word_means_up() -> None:
    def rows(n: int) -> tuple[pl.Series, Truth]:
        up = np.arange(n) % 3 == 0
        return pl.Series([["boom" if each else "bust", "the"] for each in up]), up

    train, train_up = rows(60)
    test, test_up = rows(30)
    assert bag_of_words_accuracy(train, train_up, test, test_up) == 1.0
    assert bag_of_words_accuracy(train, train_up, test, ~test_up) == 0.0
    assert bag_of_words_accuracy(train, np.ones(60, bool), test, test_up) is None


# --- from the database ----------------------------------------------------------------------------

OPEN = datetime(2018, 12, 17, 14, 30)
SPLIT = {
    "train_from_utc": datetime(2018, 12, 17, 21),
    "validation_from_utc": datetime(2018, 12, 18, 21),
    "test_from_utc": datetime(2018, 12, 19, 21),
    "test_until_utc": datetime(2018, 12, 20, 21),
}
RISING, FALLING = 0, 1


@pytest.fixture
def week(store: Store) -> Store:
    """Five days whose price rises in the first hour and falls in the second, a tweet in each.

    The Monday is outside, the others are train, validation, test and outside.
    """
    tweets: list[tuple[int, str, str]] = []
    for place in range(5):
        start = OPEN + timedelta(days=place)
        put_bars(store, start.isoformat(), [100 + min(n, 120 - n) / 8 for n in range(121)])
        tweets += [
            (10 * place + half, str(start + (10 + 60 * half) * MINUTE), "a word")
            for half in (RISING, FALLING)
        ]
    put_tweets(store, tweets)
    ensure_windows(store)
    add_model(store, "known", SPLIT)
    return store


def add_model(
    store: Store, name: str, split: Mapping[str, datetime], *, right: float = 0.8
) -> None:
    """A model that has scored every tweet: rising ones ``right``, falling ones the rest."""
    row = {"model_id": f"{name}-id", "name": name, "uses_counts": False, "card": "{}", **split}
    store.append("models", pl.DataFrame([row]))
    store.con.execute(
        "INSERT INTO predictions SELECT $id, platform, tweet_id, minutes, "
        "CASE WHEN tweet_id % 10 = 0 THEN $right ELSE 1 - $right END "
        "FROM tweets, (VALUES (5), (30)) AS heads(minutes)",
        {"id": f"{name}-id", "right": right},
    )


def kept(found: list[Figures]) -> list[tuple[Any, ...]]:
    return [(f.model, f.symbol, f.interval_minutes, f.rows, f.days, f.accuracy) for f in found]


def test_only_rows_that_the_model_has_not_learned_from_count(week: Store) -> None:
    found = evaluate(week)
    assert kept(found) == [("known", "SPX", 5, 6, 3, 1.0), ("known", "SPX", 30, 6, 3, 1.0)]
    splits = week.rows(
        "SELECT split, count(DISTINCT tweet_id) FROM scored GROUP BY ALL ORDER BY ALL"
    )
    assert splits == [("outside", 4), ("test", 2), ("train", 2), ("validation", 2)]


def test_what_happened_to_rows_it_learned_from_changes_no_figure(week: Store) -> None:
    before = evaluate(week)
    week.con.execute("UPDATE predictions SET probability_up = 1 WHERE tweet_id // 10 IN (1, 2)")
    assert evaluate(week) == before
    week.con.execute("UPDATE predictions SET probability_up = 1 WHERE tweet_id // 10 IN (3)")
    assert evaluate(week) != before


def test_flat_windows_and_rows_without_a_window_do_not_count(week: Store) -> None:
    put_bars(week, "2018-12-24T14:30:00", [100.0] * 60)  # a half-day on which nothing moves
    week.con.execute("DELETE FROM sessions; DELETE FROM windows")
    ensure_windows(week)
    put_tweets(week, [(90, "2018-12-24 14:45:00", "a word"), (91, "2018-12-24 03:00:00", "night")])
    week.con.execute(
        "INSERT INTO predictions SELECT 'known-id', 'twitter', unnest([90, 91]), 30, 0.9"
    )
    assert week.rows("SELECT status, direction FROM scored WHERE tweet_id >= 90 ORDER BY ALL") == [
        ("market_closed", None),
        ("ok", "flat"),
    ]
    assert [f.rows for f in evaluate(week)] == [6, 6]


def test_each_model_is_measured_and_corrected_on_its_own(week: Store) -> None:
    alone = evaluate(week)
    add_model(week, "wrong", SPLIT, right=0.3)
    found = evaluate(week)
    assert found[:2] == alone
    assert [f.accuracy for f in found] == [1.0, 1.0, 0.0, 0.0]
    assert evaluate(week, model="wrong") == found[2:]
    assert evaluate(week, model="wrong-id") == found[2:]


def test_each_symbol_is_measured_on_its_own(week: Store) -> None:
    for place in range(5):
        start = OPEN + timedelta(days=place)
        put_bars(week, start.isoformat(), [100 - min(n, 120 - n) / 8 for n in range(121)], "NDX")
    ensure_windows(week)
    assert [(f.symbol, f.accuracy) for f in evaluate(week, model="known")] == [
        ("NDX", 0.0), ("NDX", 0.0), ("SPX", 1.0), ("SPX", 1.0)
    ]  # fmt: skip


def test_the_extended_session_has_days_of_its_own(week: Store) -> None:
    assert kept(evaluate(week, session="extended")) == kept(evaluate(week))


def test_a_model_without_dates_has_no_honest_figures(week: Store) -> None:
    add_model(week, "dateless", {})
    assert {f.model for f in evaluate(week)} == {"known"}
    with pytest.raises(InputError, match="no prediction outside a training part has an outcome"):
        evaluate(week, model="dateless")


def test_an_unknown_model_is_told_with_those_that_scored(week: Store) -> None:
    with pytest.raises(InputError) as refusal:
        evaluate(week, model="nobody")
    assert str(refusal.value) == (f"{week.path}: no model nobody has scored here; it has: known")


def test_without_predictions_the_next_step_is_told(store: Store) -> None:
    with pytest.raises(InputError, match="run tweetscore score, or ingest bars of later days"):
        evaluate(store)

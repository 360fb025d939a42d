"""Figures are what a hand or another library computes; a verdict is right as often as it says."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from itertools import permutations, product
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.preprocessing import label_binarize
from tiny import MINUTE, OF_DIRECTION, put_bars, put_tweets

from tweetscore.errors import InputError
from tweetscore.evaluation.caveats import caveat_of
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.evaluation.figures import (
    Bin,
    Figures,
    bag_of_words_right,
    figures,
    with_verdicts,
)
from tweetscore.evaluation.intervals import mean_interval
from tweetscore.evaluation.skill import Resampling
from tweetscore.evaluation.verdicts import figure_table, overall_verdict, sentence
from tweetscore.market.windows import ensure_windows
from tweetscore.store.database import Store

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


def measured(probability_up: Any, up: Any, day: Any, **more: Any) -> Figures:
    p = np.array(probability_up, float)
    return figures(
        np.stack([1 - p, p], axis=1), np.array(up, np.int64), np.array(day, np.int64), **more
    )


# --- one set of figures ---------------------------------------------------------------------------


def test_figures_are_those_computed_by_hand() -> None:
    found = measured([0.9, 0.5, 0.4, 0.2, 0.7], [1, 0, 1, 0, 1], [7, 7, 8, 8, 9])
    assert (found.rows, found.days) == (5, 3)
    assert found.accuracy == pytest.approx(3 / 5)  # exactly even counts as up: wrong here
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
    found = measured(p, up, day)
    assert found.accuracy == metrics.accuracy_score(up, p >= 0.5)
    assert found.auc == pytest.approx(metrics.roc_auc_score(up, p), abs=1e-12)
    assert found.mcc == metrics.matthews_corrcoef(up, p >= 0.5)
    assert found.brier == pytest.approx(metrics.brier_score_loss(up, p))
    assert found.brier == pytest.approx(float(np.mean((p - up) ** 2)))
    assert found.baseline == pytest.approx(max(np.mean(up), np.mean(~up)))
    assert found.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(up, p >= 0.5))
    assert found.log_loss == pytest.approx(metrics.log_loss(up, p))


def test_the_order_of_rows_and_the_names_of_days_do_not_matter() -> None:
    p, up, day = drawn(2)
    order = np.random.default_rng(0).permutation(len(p))
    here = measured(p, up, day)
    there = measured(p[order], up[order], day[order] + 17_000)
    assert there.p_value == here.p_value
    assert (there.excess_low, there.excess_high) == (here.excess_low, here.excess_high)


@pytest.mark.slow
def test_the_intervals_are_scipys_bootstrap_over_days() -> None:
    p, up, day = drawn(3, effect=0.5)
    majority = np.ones(len(p), np.int64)  # what went up more often in some training part
    right = ((p >= 0.5) == up).astype(float) - up

    def resampled(days: Whole) -> tuple[float, float]:
        rows = np.concatenate([np.flatnonzero(day == each) for each in days])
        return right[rows].mean(), metrics.roc_auc_score(up[rows], p[rows])

    rng = np.random.default_rng(5)
    draws = np.array([resampled(rng.integers(0, 60, 60)) for _ in range(2_000)])
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    found = measured(p, up, day, majority=majority)
    assert found.baseline == np.mean(up)
    assert found.baseline_of == "training"
    assert (found.excess_low, found.excess_high) == pytest.approx((low[0], high[0]), abs=0.015)
    assert (found.auc_low, found.auc_high) == pytest.approx((low[1], high[1]), abs=0.015)


def sign_test(values: list[float], day: list[int], mean: float) -> tuple[float, float]:
    """Return how many of all signs of days leave their deviations from a mean as high, or low."""
    sums = [
        sum(v - mean for v, d in zip(values, day, strict=True) if d == each) for each in set(day)
    ]
    under_all = [np.dot(signs, sums) for signs in product((-1, 1), repeat=len(sums))]
    high = np.mean([each >= sum(sums) - 1e-9 for each in under_all])
    return float(high), float(np.mean([each <= sum(sums) + 1e-9 for each in under_all]))


def test_the_interval_of_a_mean_holds_what_the_signs_of_days_do_not_refuse() -> None:
    rng = np.random.default_rng(8)
    day = np.repeat(np.arange(8), [1, 2, 3, 3, 4, 5, 6, 40]).tolist()  # one day has most rows
    values = rng.normal(1, 2, len(day)).tolist()
    low, high = mean_interval(np.array(values), np.array(day))
    for end, outwards in ((low, -1e-6), (high, 1e-6)):
        assert min(sign_test(values, day, end - outwards)) > 0.025
        assert min(sign_test(values, day, end + outwards)) <= 0.025
    assert low < 1 < high


def test_of_many_days_of_one_row_the_interval_is_nearly_that_of_a_t_test() -> None:
    values = np.random.default_rng(8).normal(1, 2, 400)
    low, high = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert mean_interval(values, np.arange(400)) == pytest.approx((low, high), abs=0.03)
    many = np.tile(values, 50)  # more days than are looked at one by one
    found = mean_interval(many, np.arange(len(many)))
    assert found == pytest.approx((many.mean() - 0.028, many.mean() + 0.028), abs=0.004)


def test_fewer_than_six_days_bound_nothing() -> None:
    for days in ([7] * 6, [1, 2, 3, 4, 5, 5]):
        found = measured([0.9, 0.8, 0.3, 0.4, 0.2, 0.1], [1, 0, 0, 1, 0, 0], days)
        assert (found.excess_low, found.excess_high) == (-1.0, 1.0)
        assert (found.accuracy_low, found.accuracy_high) == (0.0, 1.0)
        assert (found.auc_low, found.auc_high) == (0.0, 1.0)
    six = measured([0.9, 0.8, 0.3, 0.4, 0.2, 0.1], [1, 0, 0, 1, 0, 0], range(6))
    # Of all subsets of six days the lowest and the highest value, so 62 of 64 in between.
    assert (six.accuracy_low, six.accuracy_high) == (0.0, 1.0)
    assert (six.excess_low, six.excess_high) == (-1.0, 1.0)
    assert 0 < (six.auc_low or 0) < (six.auc_high or 0) < 1


@pytest.mark.parametrize(("up", "brier"), [(True, 0.225), (False, 0.425)])
def test_rows_of_one_outcome_have_no_auc_and_no_signal(
    up: bool, brier: float, recwarn: pytest.WarningsRecorder
) -> None:
    found = with_verdicts([measured([0.9, 0.2, 0.6, 0.7], [up] * 4, [1, 2, 3, 4])])[0]
    assert (found.auc, found.mcc, found.baseline, found.p_value) == (None, 0.0, 1.0, 1.0)
    assert found.brier == pytest.approx(brier)
    assert found.excess_low <= 0
    assert found.verdict == "inconclusive"  # nothing could have shown
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("days", [1, 2])
def test_perfect_guesses_on_one_or_two_days_are_inconclusive(days: int) -> None:
    rows = 40
    up = np.arange(rows) % 2 == 0
    found = with_verdicts([measured(np.where(up, 0.9, 0.1), up, np.arange(rows) % days)])[0]
    assert (found.accuracy, found.auc) == (1.0, 1.0)
    assert found.p_value > 0.2
    assert found.smallest_auc is None
    assert found.verdict == "inconclusive"


def test_one_row_does_not_crash() -> None:
    found = measured([0.7], [1], [1])
    assert (found.rows, found.accuracy, found.baseline, found.auc) == (1, 1.0, 1.0, None)


def test_a_constant_guess_has_no_skill_whatever_rounding_says() -> None:
    up = np.random.default_rng(0).random(500) < 0.6
    found = measured(np.full(500, 0.1) + 0.2, up, np.arange(500) // 5)
    assert found.p_value == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3])
def test_a_constant_guess_has_no_skill_over_many_rows_either(classes: int) -> None:
    truth = np.random.default_rng(0).integers(0, classes, 200_000)
    p = np.tile([0.1 + 0.2, 0.3, 0.4][:classes], (len(truth), 1))
    assert figures(p, truth, np.arange(len(truth)) // 1_000).p_value == 1.0


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]))
def test_the_p_value_of_two_classes_is_that_of_the_positive_one_alone(seed: int, kind: Any) -> None:
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(1, 80))
    p = rng.random(rows).astype(kind).astype(float)
    up, day = rng.random(rows) < p, rng.integers(0, 12, rows)
    # The formula for one probability, as it was before there were more classes.
    products = (p - p.mean()) * (up - up.mean())
    place = np.unique(day, return_inverse=True)[1]
    by_day = np.bincount(place, products)
    signs = np.random.default_rng(3).integers(0, 2, (300, len(by_day))) * 2 - 1
    reached = int((signs @ by_day >= by_day.sum() - 1e-12).sum())
    found = measured(p, up, day, seed=3, resampling=Resampling(draws=300))
    assert found.p_value == (1 + reached) / 301


def test_the_size_of_a_block_of_draws_changes_no_value() -> None:
    small = Resampling(block_cells=7 * 60 + 1)
    assert measured(*drawn(5), resampling=small) == measured(*drawn(5))


# --- more than two classes ------------------------------------------------------------------------

THREE = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.5, 0.3, 0.2]])
TRUTH = np.array([0, 1, 2, 1])


def many(seed: int, rows: int = 240, classes: int = 4) -> tuple[Floats, Whole, Whole]:
    """Rows of several classes, six a group, whose probabilities are those of what comes true."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), rows)
    truth = (rng.random(rows)[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(0, classes - 1)
    return p, truth, np.arange(rows) // 6


def test_figures_of_three_classes_are_those_computed_by_hand() -> None:
    found = figures(THREE, TRUTH, np.arange(4))
    assert (found.accuracy, found.baseline) == (3 / 4, 2 / 4)
    assert found.balanced_accuracy == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert found.brier == pytest.approx((0.14 + 0.26 + 0.54 + 0.78) / 4)
    assert found.log_loss == pytest.approx(-np.log([0.7, 0.6, 0.4, 0.3]).mean())
    # Class 0 before each other: 3 of 3; class 1: (0.6, 0.3) against (0.2, 0.3): 3.5 of 4; class 2.
    assert found.auc == pytest.approx((1 + 3.5 / 4 + 1) / 3)
    assert [(b.low, b.rows, b.observed) for b in found.calibration] == [
        (0.4, 1, 1.0),
        (0.5, 1, 0.0),
        (0.6, 1, 1.0),
        (0.7, 1, 1.0),
    ]
    assert found.calibration_error == pytest.approx((0.3 + 0.4 + 0.6 + 0.5) / 4)


@pytest.mark.parametrize("classes", [3, 5])
def test_figures_of_more_classes_are_scikit_learns(classes: int) -> None:
    p, truth, group = many(1, classes=classes)
    found, predicted = figures(p, truth, group), p.argmax(axis=1)
    one_hot = label_binarize(truth, classes=range(classes))
    assert found.accuracy == metrics.accuracy_score(truth, predicted)
    assert found.balanced_accuracy == pytest.approx(
        metrics.balanced_accuracy_score(truth, predicted)
    )
    assert found.mcc == metrics.matthews_corrcoef(truth, predicted)
    assert found.auc == pytest.approx(
        np.mean([metrics.roc_auc_score(one_hot[:, k], p[:, k]) for k in range(classes)])
    )
    assert found.log_loss == pytest.approx(metrics.log_loss(truth, p))
    assert found.brier == pytest.approx(
        sum(metrics.brier_score_loss(one_hot[:, k], p[:, k]) for k in range(classes))
    )
    assert found.baseline == pytest.approx(np.bincount(truth).max() / len(truth))


def test_the_p_value_of_more_classes_is_that_of_all_signs_of_the_groups() -> None:
    p, truth, group = many(2, rows=48)
    hit = np.eye(4)[truth]
    by_group = [
        sum(
            (p[row, k] - p[:, k].mean()) * (hit[row, k] - hit[:, k].mean())
            for row in np.flatnonzero(group == day)
            for k in range(4)
        )
        for day in range(8)
    ]
    signs = np.array(np.meshgrid(*[[-1, 1]] * 8)).reshape(8, 256)
    exact = (signs.T @ by_group >= np.sum(by_group) - 1e-12).mean()
    assert figures(p, truth, group).p_value == pytest.approx(exact, abs=0.015)


@pytest.mark.slow
def test_the_intervals_of_more_classes_are_those_of_a_bootstrap() -> None:
    p, truth, group = many(3)
    constant = np.bincount(truth).argmax()
    right = (p.argmax(axis=1) == truth).astype(float) - (truth == constant)
    rng = np.random.default_rng(11)
    draws = []
    for _ in range(2_000):
        rows = (rng.integers(0, 40, 40)[:, None] * 6 + np.arange(6)).ravel()
        auc = metrics.roc_auc_score(truth[rows], p[rows], multi_class="ovr")
        draws.append((right[rows].mean(), auc))
    low, high = np.quantile(np.array(draws), [0.025, 0.975], axis=0)
    found = figures(p, truth, group)
    assert (found.excess_low, found.excess_high) == pytest.approx((low[0], high[0]), abs=0.015)
    assert (found.auc_low, found.auc_high) == pytest.approx((low[1], high[1]), abs=0.015)


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(permutations(range(3)))))
def test_the_order_of_the_classes_does_not_matter(seed: int, order: tuple[int, ...]) -> None:
    p, truth, group = many(seed, rows=60, classes=3)
    few = Resampling(draws=200)
    here = asdict(figures(p, truth, group, resampling=few))
    there = asdict(figures(p[:, order], np.argsort(order)[truth], group, resampling=few))
    for each in (here, there):
        each["calibration"] = [tuple(one.values()) for one in each["calibration"]]
    bins = zip(here.pop("calibration"), there.pop("calibration"), strict=True)
    assert all(one == pytest.approx(other) for one, other in bins)
    assert there == pytest.approx(here)


def test_single_precision_rows_are_made_to_sum_to_one(recwarn: pytest.WarningsRecorder) -> None:
    p, truth, group = many(4)
    single = figures(p.astype(np.float32) * np.float32(1.001), truth, group)
    double = figures(p, truth, group)
    assert single.log_loss == pytest.approx(double.log_loss, rel=1e-5)
    assert (single.accuracy, single.p_value) == (double.accuracy, double.p_value)
    assert [str(warning.message) for warning in recwarn] == []


def test_a_class_that_did_not_occur_leaves_no_auc_and_no_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    found = figures(THREE, np.array([0, 1, 1, 1]), np.arange(4))
    assert found.auc is None
    assert found.balanced_accuracy == pytest.approx((1 + 1 / 3) / 2)  # over the classes there were
    alone = figures(THREE, np.array([1, 1, 1, 1]), np.arange(4))
    assert (alone.auc, alone.mcc, alone.baseline) == (None, 0.0, 1.0)
    assert alone.log_loss == pytest.approx(-np.log([0.2, 0.6, 0.3, 0.3]).mean())
    assert [str(warning.message) for warning in recwarn] == []


def test_a_certainty_that_is_wrong_costs_much_but_not_everything() -> None:
    found = measured([1.0, 0.0], [0, 1], [1, 2])
    assert found.log_loss == pytest.approx(-np.log(np.finfo(float).eps))  # as scikit-learn clips
    assert (found.accuracy, found.brier) == (0.0, 1.0)


# --- calibration and momentum ---------------------------------------------------------------------


def test_the_reliability_curve_is_scikit_learns() -> None:
    p, up, day = drawn(7)
    found = measured(p, up, day)
    observed, predicted = calibration_curve(up, p, n_bins=10)
    assert [b.predicted for b in found.calibration] == pytest.approx(predicted.tolist())
    assert [b.observed for b in found.calibration] == pytest.approx(observed.tolist())
    assert sum(b.rows for b in found.calibration) == len(p)
    assert all(b.low <= b.predicted <= b.high for b in found.calibration)


def test_an_edge_belongs_to_the_bin_above_and_one_to_the_last() -> None:
    found = measured([0.0, 0.1, 0.5, 1.0], [0, 1, 1, 1], [1, 2, 3, 4])
    assert found.calibration == (
        Bin(0.0, 0.1, 1, 0.0, 0.0),
        Bin(0.1, 0.2, 1, 0.1, 1.0),
        Bin(0.5, 0.6, 1, 0.5, 1.0),
        Bin(0.9, 1.0, 1, 1.0, 1.0),
    )
    assert found.calibration_error == pytest.approx((0.9 + 0.5) / 4)


@pytest.mark.slow
@settings(deadline=None)  # it draws, and machines are busy
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 5)), min_size=1, max_size=6))
def test_what_comes_true_as_often_as_predicted_has_no_calibration_error(
    parts: list[tuple[int, int]],
) -> None:
    """Of ``8 * times`` rows predicted with ``eighths / 8``, ``eighths * times`` come true."""
    p = np.concatenate([np.full(8 * times, eighths / 8) for eighths, times in parts])
    up = np.concatenate([np.arange(8 * times) < eighths * times for eighths, times in parts])
    found = measured(p, up, np.arange(len(p)), resampling=Resampling(draws=10))
    assert found.calibration_error == pytest.approx(0)


def test_sure_classes_that_come_true_as_often_as_predicted_have_no_calibration_error() -> None:
    p = np.array([[0.5, 0.25, 0.25]] * 4 + [[0.1, 0.15, 0.75]] * 4)
    found = figures(p, np.array([0, 0, 1, 2, 2, 2, 2, 1]), np.arange(8))
    assert found.calibration_error == 0
    assert [(b.predicted, b.observed) for b in found.calibration] == [(0.5, 0.5), (0.75, 0.75)]


def test_momentum_is_right_where_the_market_went_on_and_else_takes_the_more_frequent() -> None:
    up, past = np.array([1, 1, 0, 1, 0]), np.array([1, 0, 0, -1, -1])
    # Right: went on up, turned (wrong), went on down; unknown means up: right, wrong.
    assert measured([0.5] * 5, up, np.arange(5), momentum=past).momentum == 3 / 5
    falling = np.array([1, 1, 0, 0, 0])  # unknown means down: twice right
    assert measured([0.5] * 5, falling, np.arange(5), momentum=past).momentum == 4 / 5
    unknown = measured([0.5] * 5, up, np.arange(5), momentum=np.full(5, -1))
    assert unknown.momentum == unknown.baseline
    assert measured([0.5] * 5, up, np.arange(5)).momentum is None


# --- how often it is right ------------------------------------------------------------------------


@pytest.mark.slow
def test_under_the_null_the_p_value_is_about_uniform_though_windows_are_shared() -> None:
    runs, few = 250, Resampling(draws=1_000)
    p = np.array(
        [measured(*drawn(1_000 + seed, 40), resampling=few).p_value for seed in range(runs)]
    )
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
    found = with_verdicts([measured(*drawn(4, effect=1.0))])[0]
    assert found.p_value < 0.001
    assert found.excess_low > 0
    assert found.verdict == "signal"


def test_guesses_turned_round_are_no_signal() -> None:
    p, up, day = drawn(4, effect=1.0)
    assert measured(1 - p, up, day).p_value > 0.999


# --- several intervals ----------------------------------------------------------------------------


def plain(p_value: float, **changes: Any) -> Figures:
    base = measured([0.9, 0.1], [1, 0], [1, 2])
    return replace(base, **{"p_value": p_value, "smallest_auc": 0.54, **changes})


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
    assert [each.p_corrected for each in found] == pytest.approx(corrected)
    assert [each.p_value for each in found] == p_values
    assert [each.verdict for each in found] == [
        "signal" if p < 0.05 else "no signal" for p in corrected
    ]


def test_figures_that_were_not_made_count_as_if_they_were_the_largest() -> None:
    """The best of seven heads, scored alone, is corrected as it would be among the seven."""
    all_seven = with_verdicts([plain(p) for p in (0.5, 0.004, 0.3, 0.9, 0.02, 0.7, 0.6)])
    assert (
        with_verdicts([plain(0.004)], tried=7)[0].p_corrected == all_seven[1].p_corrected == 0.028
    )
    two = with_verdicts([plain(0.02), plain(0.004)], tried=7)
    assert [each.p_corrected for each in two] == pytest.approx([0.12, 0.028])


@pytest.mark.parametrize(
    ("p_value", "smallest_auc", "effect_auc", "verdict"),
    [
        (0.049, 0.70, 0.55, "signal"),  # what is there needs no power
        (0.05, 0.55, 0.55, "no signal"),
        (0.05, 0.56, 0.55, "inconclusive"),
        (0.9, 0.56, 0.60, "no signal"),
        (0.9, None, 0.99, "inconclusive"),
    ],
)
def test_a_verdict_of_no_signal_needs_days_that_could_have_shown_one(
    p_value: float, smallest_auc: float | None, effect_auc: float, verdict: str
) -> None:
    found = with_verdicts([plain(p_value, smallest_auc=smallest_auc)], effect_auc)
    assert [each.verdict for each in found] == [verdict]


NOTHING = (
    "No signal beyond the baseline at any interval: an AUC of 0.54 would have shown four times in "
    "five."
)


def test_no_figures_have_no_verdicts() -> None:
    assert with_verdicts([]) == []
    assert overall_verdict([]) == "No signal beyond the baseline at any interval."


def test_the_verdict_names_the_intervals_with_a_signal() -> None:
    found = with_verdicts(
        [plain(p, interval_minutes=n) for p, n in ((0.001, 5), (0.9, 10), (0.002, 30))]
    )
    assert overall_verdict(found) == "Signal beyond the baseline at 5, 30 minutes."
    assert overall_verdict(found[1:2]) == NOTHING
    without = replace(found[1], smallest_auc=None)
    assert overall_verdict([without]) == "No signal beyond the baseline at any interval."


def test_the_verdict_over_several_models_names_who_has_a_signal_and_counts_the_tries() -> None:
    three = [
        plain(p, model="m", model_id=name, interval_minutes=30, models_tried=3)
        for name, p in (("a1", 0.9), ("b2", 0.9), ("c3", 0.0001))
    ]
    tries = " 3 models were tried on these days; every p is corrected for all of them."
    assert overall_verdict(with_verdicts(three)) == (
        f"Signal beyond the baseline at 30 minutes by m (c3).{tries}"
    )
    assert overall_verdict(with_verdicts(three[2:])) == (
        f"Signal beyond the baseline at 30 minutes.{tries}"
    )
    assert overall_verdict(with_verdicts(three[:2])) == f"{NOTHING}{tries}"


def test_a_network_that_has_learned_nothing_is_said_to_be_one() -> None:
    training = {"validation_loss": 0.6938, "best_epoch": 1, "epochs_run": 100}
    card = {"name": "m", "classes": ["down", "up"], "training": training}
    caveat = caveat_of(card)
    assert caveat == (
        "m has learned nothing: of 100 epochs the best is number 1, with a loss on validation of "
        "0.6938; a coin's is 0.6931."
    )
    found = [replace(each, caveat=caveat) for each in with_verdicts([plain(0.9)])]
    assert overall_verdict(found) == f"{NOTHING.replace(' at any interval', '')} {caveat}"
    assert caveat_of(card | {"training": training | {"validation_loss": 0.69}}) is None
    # A coin that knows the shares of the training part may have a lower loss.
    loaded = training | {"validation_loss": 0.6, "coin_loss": 0.59}
    assert "a coin's is 0.5900" in str(caveat_of(card | {"training": loaded}))
    assert caveat_of({}) is None  # it does not say how it was trained


def test_inconclusive_intervals_are_named_with_what_would_have_shown() -> None:
    found = with_verdicts(
        [plain(0.9, interval_minutes=n, smallest_auc=auc) for n, auc in ((5, 0.612), (10, 0.58))]
    )
    words = "Inconclusive at 5, 10 minutes: no signal, but so few days would show "
    assert overall_verdict(found) == f"{words}only an AUC of 0.58 or more."
    none = [replace(found[0], smallest_auc=None)]
    assert overall_verdict(none) == (
        "Inconclusive at 5 minutes: no signal, but so few days would show no AUC at all."
    )


def test_the_verdict_over_own_labels_names_no_interval() -> None:
    found = with_verdicts([plain(0.001, target="label")])
    assert overall_verdict(found) == "Signal beyond the baseline."
    nothing = replace(found[0], verdict="no signal")
    assert overall_verdict([nothing]) == NOTHING.replace(" at any interval", "")
    unsure = replace(nothing, verdict="inconclusive")
    few = "Inconclusive: no signal, but so few {} would show only an AUC of 0.54 or more."
    assert overall_verdict([replace(unsure, rows=9)]) == few.format("days")
    assert overall_verdict([unsure]) == few.format("rows")  # without times
    tried = overall_verdict([replace(unsure, models_tried=2)])
    assert " 2 models were tried on these rows;" in tried


def test_an_interval_at_which_two_models_have_a_signal_is_named_once() -> None:
    found = [plain(0.001, interval_minutes=n, verdict="signal") for n in (5, 30, 5)]
    assert overall_verdict(found) == "Signal beyond the baseline at 5, 30 minutes."


def test_a_verdict_is_put_into_words() -> None:
    found = replace(
        plain(0.3, interval_minutes=30), p_corrected=0.6, tests=2, verdict="no signal", auc=0.512,
        auc_low=0.471, auc_high=0.553, p_within=0.2, smallest_auc=0.548, smallest_points=3.4,
        smallest_bps=1.23, accuracy=0.5, baseline=0.531, baseline_of="training",
        excess_low=-0.132, excess_high=0.03,
    )  # fmt: skip
    words = (
        "no signal. AUC 0.512, at 95 % 0.471 to 0.553; p, corrected for 2 figures, is 0.6000. Four "
        "times in five an AUC of 0.548 (+3.4 points of accuracy, 1.2 basis points a trade before "
        "costs) would have shown. Accuracy 50.0 %, majority of the training part 53.1 %, the "
        "difference -13.2 to +3.0 points at 95 %."
    )
    assert sentence(found) == f"30 minutes: {words}"
    assert sentence(replace(found, target="move")) == f"30 minutes, move: {words}"
    assert sentence(replace(found, interval_minutes=None, rows=9)) == f"your labels: {words}"
    assert sentence(replace(found, interval_minutes=None)) == (
        f"your labels: {words} Rows have no times, so each counts by itself, as if none had to do "
        "with another."
    )
    assert sentence(replace(found, bag_of_words=0.612)) == (
        f"30 minutes: {words[:-1]}; a bag of words has 61.2 %."
    )
    apart = replace(found, p_value=0.01, p_corrected=0.02, p_within=0.4)
    assert "is 0.0200, uncorrected 0.0100, but within days alone 0.4000." in sentence(apart)
    assert "; p is 0.6000. " in sentence(replace(found, tests=1))
    assert "; p, corrected for 6 figures of 3 models, is 0.6000. " in sentence(
        replace(found, tests=6, models_tried=3)
    )


def test_figures_come_back_from_the_json_of_a_card() -> None:
    p, up, day = drawn(8)
    found = replace(measured(p, up, day), interval_minutes=30, bag_of_words=0.5)
    assert len(found.calibration) > 1
    assert Figures.from_card(json.loads(json.dumps(asdict(found)))) == found
    assert Figures.from_card(asdict(found)) == found
    # Cards of older models have other names for the bins.
    older = json.loads(json.dumps(asdict(found)))
    for each in older["calibration"]:
        each |= {"said": each.pop("predicted"), "happened": each.pop("observed")}
    assert Figures.from_card(older) == found
    # Older ones still lack intervals of AUC and what could have shown.
    for name in ("auc_low", "auc_high", "p_within", "smallest_auc", "smallest_points"):
        del older[name]
    assert Figures.from_card(older).smallest_auc is None


# --- bag of words ---------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3])
def test_the_bag_of_words_learns_which_word_means_which_class(classes: int) -> None:
    words = np.array(["bust", "boom", "calm"])

    def rows(n: int) -> tuple[pl.Series, Whole]:
        truth = np.arange(n) % classes
        return pl.Series([[word, "the"] for word in words[truth].tolist()]), truth

    train, train_truth = rows(60)
    test, test_truth = rows(30)
    some_wrong = np.where(np.arange(30) < 7, (test_truth + 1) % classes, test_truth)
    for truth, right in ((test_truth, [True] * 30), (some_wrong, [False] * 7 + [True] * 23)):
        found = bag_of_words_right(train, train_truth, test, truth)
        assert found is not None
        assert found.tolist() == right
    assert bag_of_words_right(train, np.ones(60, np.int64), test, test_truth) is None


def test_the_bag_of_words_can_learn_nothing_where_no_word_is_in_two_texts() -> None:
    alone = pl.Series([["boom", "boom"], ["bust"], []], dtype=pl.List(pl.String))
    truth = np.array([1, 0, 0])
    assert bag_of_words_right(alone, truth, alone, truth) is None


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

    They are before the model's parts, train, validation, test and after.
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
    row = {
        "model_id": f"{name}-id",
        "name": name,
        "uses_counts": False,
        "card": "{}",
        **OF_DIRECTION,
    }
    row |= {**split, "knows_until_utc": split.get("test_from_utc")}
    store.append("models", pl.DataFrame([row]))
    store.con.execute(
        "INSERT INTO predictions SELECT $id, platform, tweet_id, minutes, 2, "
        "CASE WHEN tweet_id % 10 = 0 THEN $right ELSE 1 - $right END "
        "FROM tweets, (VALUES (5), (30)) AS heads(minutes)",
        {"id": f"{name}-id", "right": right},
    )


def kept(found: list[Figures]) -> list[tuple[Any, ...]]:
    return [(f.model, f.symbol, f.interval_minutes, f.rows, f.days, f.accuracy) for f in found]


def test_only_rows_that_the_model_has_not_learned_from_count(week: Store) -> None:
    found = evaluate(week)
    assert kept(found) == [("known", "SPX", 5, 4, 2, 1.0), ("known", "SPX", 30, 4, 2, 1.0)]
    splits = week.rows(
        "SELECT split, count(DISTINCT tweet_id) FROM scored GROUP BY ALL ORDER BY ALL"
    )
    assert splits == [(name, 2) for name in ("after", "before", "test", "train", "validation")]


@pytest.mark.slow
def test_what_happened_to_rows_it_learned_from_changes_no_figure(week: Store) -> None:
    before = evaluate(week)
    week.con.execute("UPDATE predictions SET probability = 1 WHERE tweet_id // 10 IN (0, 1, 2)")
    assert evaluate(week) == before
    week.con.execute("UPDATE predictions SET probability = 1 WHERE tweet_id // 10 IN (3)")
    assert evaluate(week) != before


@pytest.mark.slow
def test_flat_windows_and_rows_without_a_window_do_not_count(week: Store) -> None:
    put_bars(week, "2018-12-24T14:30:00", [100.0] * 60)  # a half-day on which nothing moves
    week.con.execute("DELETE FROM sessions; DELETE FROM windows")
    ensure_windows(week)
    put_tweets(week, [(90, "2018-12-24 14:45:00", "a word"), (91, "2018-12-24 03:00:00", "night")])
    week.con.execute(
        "INSERT INTO predictions SELECT 'known-id', 'twitter', unnest([90, 91]), 30, 2, 0.9"
    )
    assert week.rows("SELECT status, direction FROM scored WHERE tweet_id >= 90 ORDER BY ALL") == [
        ("market_closed", None),
        ("ok", "flat"),
    ]
    assert [f.rows for f in evaluate(week)] == [4, 4]


def test_the_baseline_is_the_majority_of_the_training_part_where_the_card_names_it(
    week: Store,
) -> None:
    names = {"classes": ["down", "up"], "majorities": {"5": "down"}}
    before = {each.interval_minutes: each for each in evaluate(week)}
    week.con.execute("UPDATE models SET card = $card", {"card": json.dumps(names)})
    after = {each.interval_minutes: each for each in evaluate(week)}
    assert {n: each.baseline_of for n, each in after.items()} == {
        n: "training" if n == 5 else "rows" for n in before
    }
    assert after[5].baseline in (before[5].baseline, pytest.approx(1 - before[5].baseline))


@pytest.mark.slow
def test_each_model_is_measured_on_its_own_and_corrected_for_all(week: Store) -> None:
    alone = evaluate(week)
    add_model(week, "wrong", SPLIT, right=0.3)
    found = evaluate(week)
    assert [(f.accuracy, f.auc, f.p_value) for f in found[:2]] == [
        (f.accuracy, f.auc, f.p_value) for f in alone
    ]
    assert [f.accuracy for f in found] == [1.0, 1.0, 0.0, 0.0]
    assert [(f.tests, f.models_tried) for f in alone] == [(2, 1)] * 2
    assert [(f.model_id, f.tests, f.models_tried) for f in found] == [
        (f"{name}-id", 4, 2) for name in ("known", "known", "wrong", "wrong")
    ]
    assert evaluate(week, model="wrong") == found[2:]
    assert evaluate(week, model="wrong-id") == found[2:]


def test_each_symbol_is_measured_on_its_own(week: Store) -> None:
    for place in range(5):
        start = OPEN + timedelta(days=place)
        put_bars(week, start.isoformat(), [100 - min(n, 120 - n) / 8 for n in range(121)], "NDX")
    ensure_windows(week)
    assert [(f.symbol, f.accuracy) for f in evaluate(week, model="known")] == [
        ("NDX", 0.0),
        ("NDX", 0.0),
        ("SPX", 1.0),
        ("SPX", 1.0),
    ]


@pytest.mark.slow
def test_heads_of_the_card_that_did_not_score_and_symbols_are_corrected_for(week: Store) -> None:
    assert [f.tests for f in evaluate(week)] == [2, 2]
    seven = json.dumps({"intervals": [5, 10, 15, 20, 30, 40, 50]})
    week.con.execute("UPDATE models SET card = $card", {"card": seven})
    assert [f.tests for f in evaluate(week)] == [7, 7]
    for place in range(5):
        start = OPEN + timedelta(days=place)
        put_bars(week, start.isoformat(), [100 + n / 8 for n in range(121)], "NDX")
    ensure_windows(week)
    assert [(f.symbol, f.tests) for f in evaluate(week)] == [("NDX", 14)] * 2 + [("SPX", 14)] * 2


@pytest.mark.slow
def test_the_extended_session_has_days_of_its_own(week: Store) -> None:
    assert kept(evaluate(week, session="extended")) == kept(evaluate(week))


def test_a_model_without_dates_has_no_honest_figures(week: Store) -> None:
    alone = evaluate(week)
    add_model(week, "dateless", {}, right=0.9)
    five, thirty = evaluate(week, model="dateless")
    assert evaluate(week) == [*alone, five, thirty]
    shown = (five.rows, five.accuracy, five.verdict, five.p_value, five.p_corrected, five.p_within)
    assert shown == (10, 1.0, "cannot be tested", 1.0, 1.0, None)
    assert sentence(five) == (
        "5 minutes: cannot be tested. AUC 1.000, at 95 % 0.000 to 1.000; accuracy 100.0 %, "
        "majority 50.0 %, on posts whose outcome it may have seen."
    )
    cannot = "Cannot be tested: nobody says what dateless has seen; say until when with "
    assert overall_verdict([five, thirty]) == f"{cannot}--trained-until."
    both = overall_verdict([*alone, five, thirty])
    assert both == f"{overall_verdict(alone)} {cannot}--trained-until."
    headings, (cells, _) = figure_table([five, thirty])
    assert dict(zip(headings, cells, strict=True)) == {
        "min": "5", "rows": "10", "days": "5", "accuracy": "100.0%", "majority": "50.0%",
        "momentum": "100.0%", "verdict": "cannot be tested",
    }  # fmt: skip


def test_a_model_with_a_date_is_judged_on_what_was_posted_later_as_one_with_a_test_part(
    week: Store,
) -> None:
    add_model(week, "dated", {})
    week.con.execute(
        "UPDATE models SET knows_until_utc = $until WHERE name = 'dated'",
        {"until": SPLIT["test_from_utc"]},
    )
    known = evaluate(week, model="known")
    for one, other in zip(evaluate(week, model="dated"), known, strict=True):
        assert replace(one, model="known", model_id="known-id") == other
    with pytest.raises(InputError) as refusal:
        evaluate(week, model="dated", from_utc=OPEN)
    assert str(refusal.value) == (
        f"{week.path}: 12 of the 20 predictions of that span lie before 2018-12-19T21:00:00 UTC, "
        "until when dated may have seen posts; evaluate from 2018-12-19T21:00:00 on, or leave out "
        "--from and --until"
    )


def test_an_unknown_model_is_told_with_those_that_scored(week: Store) -> None:
    with pytest.raises(InputError) as refusal:
        evaluate(week, model="nobody")
    assert str(refusal.value) == (f"{week.path}: no model nobody has scored here; it has: known")


def test_without_predictions_the_next_step_is_told(store: Store) -> None:
    with pytest.raises(InputError, match="run tweetscore score, or ingest posts and bars of later"):
        evaluate(store)


# --- a span of the user's own ---------------------------------------------------------------------


@pytest.mark.slow
def test_a_span_inside_the_test_part_is_measured_alone(week: Store) -> None:
    test_from = SPLIT["test_from_utc"]
    within = evaluate(week, from_utc=test_from, until_utc=SPLIT["test_until_utc"])
    assert kept(within) == [("known", "SPX", 5, 2, 1, 1.0), ("known", "SPX", 30, 2, 1, 1.0)]
    assert kept(evaluate(week, from_utc=test_from)) == [
        ("known", "SPX", 5, 4, 2, 1.0),
        ("known", "SPX", 30, 4, 2, 1.0),
    ]


@pytest.mark.slow
def test_a_span_before_the_test_part_is_refused(week: Store) -> None:
    with pytest.raises(InputError) as refusal:
        evaluate(week, from_utc=SPLIT["validation_from_utc"])
    assert str(refusal.value) == (
        f"{week.path}: 4 of the 12 predictions of that span lie before the test part of "
        "known, which runs from 2018-12-19T21:00:00 UTC; evaluate from "
        "2018-12-19T21:00:00 on, or leave out --from and --until"
    )
    with pytest.raises(InputError, match="12 of the 20 predictions of that span"):
        evaluate(week, model="known", from_utc=OPEN)
    with pytest.raises(InputError, match="4 of the 4 predictions of that span"):
        evaluate(week, until_utc=SPLIT["train_from_utc"])


def test_a_span_without_outcomes_is_told(week: Store) -> None:
    with pytest.raises(InputError, match="in the regular session of that span; run tweetscore"):
        evaluate(week, from_utc=datetime(2019, 6, 1))


def test_momentum_of_stored_predictions_is_what_the_minutes_before_went(week: Store) -> None:
    # Each tweet lies ten minutes into an hour's rise or fall: the five minutes before went the same
    # way. The thirty before the rising one began before the open: unknown, and so up, which is
    # right; those before the falling one had gone up.
    five, thirty = evaluate(week)
    assert five.momentum == 1.0
    assert thirty.momentum == 0.5

"""The curve is scikit-learn's, and calibrated models stray as far as is told."""

import numpy as np
import pytest
from scipy import stats
from simulated_calibration import calibrated, errors, strays
from sklearn.isotonic import IsotonicRegression

from tweetscore.evaluation.calibration import MOST_POINTS, expected_error, reliability
from tweetscore.evaluation.figures import figures


@pytest.mark.parametrize("digits", [1, 2, 9])
def test_the_curve_is_scikit_learns_isotonic_regression(digits: int) -> None:
    p, truth, day = calibrated(np.random.default_rng(1), 40, 10, 0.2)
    p = p.round(digits)
    found = reliability(p, truth, day)
    assert len(found.predicted) <= MOST_POINTS
    wanted = IsotonicRegression().fit(p, truth).predict(found.predicted)
    assert found.observed.tolist() == pytest.approx(wanted.tolist())
    assert found.low is not None
    assert found.high is not None
    assert ((found.low < found.predicted) & (found.predicted < found.high)).all()


def test_a_model_that_is_too_sure_leaves_its_band_and_one_of_few_days_has_none() -> None:
    p, truth, day = calibrated(np.random.default_rng(2), 60, 20, 0.1)
    sure = stats.norm.cdf(4 * stats.norm.ppf(p))
    found = reliability(sure, truth, day)
    assert found.p_value == 1 / 500
    assert found.high is not None
    assert (found.observed > found.high).any()
    few = reliability(p, truth, day % 9)
    assert (few.low, few.high, few.p_value) == (None, None, None)


def test_rows_of_one_day_widen_the_band_and_the_expected_error() -> None:
    p, _, day = calibrated(np.random.default_rng(3), 50, 20, 0.0)
    luck = np.random.default_rng(4).random(50)
    together, apart = (luck[day] < p).astype(float), (np.random.default_rng(5).random(len(p)) < p)
    bands = [reliability(p, truth, day) for truth in (together, apart.astype(float))]
    widths = [(each.high - each.low).mean() for each in bands]  # type: ignore[operator]  # both are there
    assert widths[0] > 1.5 * widths[1]
    of_bin = np.minimum((p * 10).astype(int), 9)
    alone = expected_error(p, apart.astype(float), of_bin, day)
    assert alone == pytest.approx(expected_error(p, together, of_bin, np.arange(len(p))), rel=0.1)
    assert expected_error(p, together, of_bin, day) > 2 * alone


@pytest.mark.slow
@pytest.mark.parametrize(("days", "posts", "shared"), [(40, 5, 0.0), (40, 5, 0.3), (60, 20, 0.3)])
def test_a_calibrated_model_shows_the_error_that_is_expected(
    days: int, posts: int, shared: float
) -> None:
    error, expected = errors(days, posts, shared, 200)
    assert expected == pytest.approx(error, rel=0.1)
    assert (days, posts) != (40, 5) or error > 0.055  # some 200 rows: far from 0


@pytest.mark.slow
def test_the_curve_of_a_calibrated_model_stays_inside_as_often_as_they_say() -> None:
    """By 1,200 runs 6 to 7 % leave their band."""
    runs = 150
    low, high = stats.binom.interval(0.998, runs, 0.06)
    assert low <= runs * strays(60, 20, 0.3, runs) <= high


def test_accuracy_has_an_interval_of_its_own() -> None:
    p, truth, day = calibrated(np.random.default_rng(6), 40, 8, 0.2)
    found = figures(np.stack([1 - p, p], 1), truth.astype(np.int64), day)
    right = (p >= 0.5) == truth
    by_day = np.bincount(day, right - right.mean())
    half = stats.t.ppf(0.975, 39) * np.sqrt(40 / 39 * (by_day**2).sum()) / len(day)
    # Of many days of like size, random subsets of them say nearly what Student's t says.
    assert found.accuracy_low == pytest.approx(right.mean() - half, abs=half / 10)
    assert found.accuracy_high == pytest.approx(right.mean() + half, abs=half / 10)
    of_bin = np.minimum((p * 10).astype(int), 9)
    assert found.calibration_expected == pytest.approx(expected_error(p, truth, of_bin, day))

"""Hold probabilities against what came true: rows and their days enter, a curve with a band leaves.

The curve is the isotonic regression of outcomes on probabilities, without bins that somebody chose
(CORP: Dimitriadis, Gneiting and Jordan 2021, Stable reliability diagrams for probabilistic
classifiers). Its consistency band shows how far the curve of a calibrated model strays. Rows of a
day are no independent draws, so theirs are not used: the signs of days are drawn anew.
"""

from dataclasses import dataclass

import numpy as np

from tweetscore.evaluation.bands import placebo_test
from tweetscore.evaluation.intervals import Floats, Wholes

DRAWS = 499
MOST_POINTS = 200
TAIL = 0.025  # of the rows at each end, where a few rows alone make the curve; they are not drawn
LEAST_DAYS = 10  # with fewer there is no band


@dataclass(frozen=True, slots=True)
class Reliability:
    """The share that came true by predicted probability.

    A calibrated model's curve lies between ``low`` and ``high`` at every point in 92 to 95 % of
    cases; ``p_value`` is the share of such curves that stray as far as this one. None with rows on
    fewer than ten days.
    """

    predicted: Floats  # (points,), rising
    observed: Floats  # (points,), never falling
    low: Floats | None
    high: Floats | None
    p_value: float | None


def reliability(
    probability: Floats, truth: Floats, day: Wholes, seed: int = 0, counted: Floats | None = None
) -> Reliability:
    """Return the curve of one class.

    Args:
        probability: row by row.
        truth: 1 where it came true; of rows that stand for several, how many of them did.
        day: the group of rows with dependent outcomes.
        seed: of the signs of days.
        counted: how many rows each row stands for; None: one.
    """
    from scipy import sparse

    values, place = np.unique(probability, return_inverse=True)
    counted = np.ones(len(probability)) if counted is None else counted
    rows = np.bincount(place, counted).astype(np.float64)
    shown = _even_places(rows)
    fitted = _isotonic(np.bincount(place, truth) / rows, rows)
    days, of_day = np.unique(day, return_inverse=True)
    if len(days) < LEAST_DAYS:
        return Reliability(values[shown], fitted[shown], None, None, None)
    misses = sparse.csr_array(
        (truth - probability * counted, (of_day, place)), shape=(len(days), len(values))
    )
    rng = np.random.default_rng(seed)
    signs = rng.integers(0, 2, (DRAWS, len(days))) * 2.0 - 1
    strayed = np.empty((DRAWS + 1, len(shown)))
    strayed[0] = (fitted - values)[shown]
    for draw, sums in enumerate(signs @ misses, 1):  # of each, by probability
        strayed[draw] = (_isotonic(values + sums / rows, rows) - values)[shown]
    tested = placebo_test(strayed, np.tile(strayed.std(axis=0), (len(strayed), 1)))
    low, high = (np.clip(values[shown] + side, 0, 1) for side in (tested.low, tested.high))
    return Reliability(values[shown], fitted[shown], low, high, tested.p_value)


def expected_error(probability: Floats, right: Floats, of_bin: Wholes, day: Wholes) -> float:
    """Return the calibration error that a calibrated model would show on such rows.

    That of independent rows is the mean of a normal variable's absolute value, bin by bin; it grows
    by the square root of how much more the sums of days vary than their rows alone would (the
    design effect: Kish 1965).

    Args:
        probability: of what is judged, row by row.
        right: 1 where it came true.
        of_bin: the bin, from 0 on.
        day: the group of rows with dependent outcomes, from 0 on.
    """
    misses = right - probability
    rows = np.bincount(of_bin)
    filled = np.maximum(rows, 1)
    misses = misses - (np.bincount(of_bin, misses) / filled)[of_bin]
    cells, cell = np.unique(of_bin * (int(day.max()) + 1) + day, return_inverse=True)
    bin_of_cell = cells // (int(day.max()) + 1)
    by_cell = np.bincount(bin_of_cell, np.bincount(cell, misses) ** 2, len(rows))
    days = np.bincount(bin_of_cell, minlength=len(rows))
    several = days > 1
    alone = np.bincount(of_bin, misses**2)[several] * (rows / np.maximum(rows - 1, 1))[several]
    together = by_cell[several] * (days / np.maximum(days - 1, 1))[several]
    growth = together.sum() / alone.sum() if alone.sum() > 0 else 1.0
    spread = np.sqrt(np.bincount(of_bin, probability * (1 - probability)))
    return float(np.sqrt(2 / np.pi * max(growth, 1.0)) * spread.sum() / len(probability))


def _isotonic(shares: Floats, rows: Floats) -> Floats:
    from scipy.optimize import isotonic_regression  # that of scikit-learn takes 30 times as long

    return np.asarray(isotonic_regression(shares, weights=rows).x, np.float64)


def _even_places(rows: Floats) -> Wholes:
    """Return places of at most so many points, as many rows apart as each other."""
    reached = rows.cumsum() / rows.sum()
    places = np.searchsorted(reached, np.linspace(TAIL, 1 - TAIL, MOST_POINTS))
    return np.unique(np.clip(places, 0, len(rows) - 1)).astype(np.int64)

"""Bound whole paths at once: what days contribute enters, bands and a p-value leave.

A path has many points. Bands that hold each of them in 95 % of cases hold all of them in far fewer;
those here are drawn so wide that the whole path lies inside (sup-t: Montiel Olea and
Plagborg-Moller 2019, Simultaneous confidence bands).
"""

from dataclasses import dataclass

import numpy as np

from tweetscore.evaluation.intervals import CONFIDENCE, Floats

DRAWS = 1_000
LEAST_DAYS = 10  # fewer bound no path: their signs have too few values
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class PlaceboTest:
    """A path among those that chance alone makes of it.

    ``centre`` is the mean of all. The path lies between ``low`` and ``high`` at every point unless
    ``p_value`` is 5 % or less.
    """

    centre: Floats  # (points,)
    low: Floats
    high: Floats
    p_value: float


def simultaneous_band(
    events: Floats,  # (days, points), how many rows a day has there
    totals: Floats,  # (days, points), their sums
    seed: int = 0,
) -> Floats:
    """Return half the width of the band around the mean of all rows: (points,).

    The signs of what days contribute are drawn anew, each draw in its own standard error
    (Cameron, Gelbach and Miller 2008, Bootstrap-based improvements for inference with clustered
    errors). NaN at points with rows on fewer than ten days, which take no part.
    """
    half = np.full(events.shape[1], np.nan)
    enough = (events > 0).sum(axis=0) >= LEAST_DAYS
    if not enough.any():
        return half
    events, totals = events[:, enough], totals[:, enough]
    days, rows = (events > 0).sum(axis=0), events.sum(axis=0)
    weights = events / rows
    parts = totals / rows - totals.sum(axis=0) / rows * weights  # of each day, in the mean's error
    squares = (parts**2).sum(axis=0)
    rng = np.random.default_rng(seed)
    signs = rng.integers(0, 2, (DRAWS, len(events))) * 2.0 - 1
    drawn = signs @ parts  # (draws, points)
    variances = squares - 2 * drawn * (signs @ (parts * weights))
    variances += drawn**2 * (weights**2).sum(axis=0)
    scale = np.sqrt(days / (days - 1))
    errors = scale * np.sqrt(np.maximum(variances, 0))
    furthest = _distances(drawn, errors).max(axis=1)
    half[enough] = np.quantile(furthest, CONFIDENCE) * scale * np.sqrt(squares)
    return half


def placebo_test(means: Floats, errors: Floats) -> PlaceboTest:
    """Hold a path against its placebos.

    The largest distance from the mean of all, in standard errors, is compared: under no effect the
    path is one of them, so p is as exact as a permutation test. Standard errors of each one's own
    keep it so where posts are more on restless days (Chung and Romano 2013, Exact and
    asymptotically robust permutation tests; the band is a global envelope, Myllymaki et al. 2017).

    Args:
        means: (paths, points), the first one the path itself, the others its placebos.
        errors: (paths, points), their standard errors; NaN where there is none.
    """
    known = (~np.isnan(means)).sum(axis=0)
    centre = np.nansum(means, axis=0) / np.where(known > 0, known, np.nan)
    furthest = _distances(means - centre, errors).max(axis=1)
    reached = furthest >= furthest[0] - _ROUNDING
    ranked = np.sort(furthest)
    half = ranked[int(np.ceil(CONFIDENCE * len(ranked))) - 1] * errors[0]
    return PlaceboTest(centre, centre - half, centre + half, float(reached.mean()))


def _distances(differences: Floats, errors: Floats) -> Floats:
    """Return differences in standard errors; 0 where neither is more than rounding."""
    differences = np.abs(differences)
    ratios = differences / np.maximum(errors, _ROUNDING)
    return np.where(np.isnan(ratios) | (differences < _ROUNDING), 0.0, ratios)

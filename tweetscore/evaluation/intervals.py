"""Bound accuracy and AUC: rows and their days enter, 95 % intervals leave.

Windows of one day share prices, so a day is one observation. Of independent days whose deviations
are as likely up as down, the true value is as likely to lie between any two neighbours among the
values of all subsets of the days, however much larger one day is than the others: their quantiles
bound it (Hartigan 1969, Using subsample values as typical values). Student's t would take the days
for equally large.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from tweetscore.market.horizons import NO_HORIZON, Horizon

CONFIDENCE = 0.95
LEAST_DAYS = 6  # the subsets of fewer bound nothing at 95 %
_MOST_ENUMERATED = 11  # days whose subsets are all taken
_SUBSETS = 1_999
_MOST_DAYS = 2_000
_ROUNDING = 1e-9
Floats = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bounded:
    """A value with its 95 % interval; None where there are too few days."""

    value: float
    low: float | None
    high: float | None


# Windows of sessions reach into the next days: the unit is a span five times as long or longer.
_SPANS = ((1, "week", "1w"), (4, "month", "1mo"), (12, "quarter", "1q"))


def unit_of(interval_minutes: int | None) -> str:
    """Return what one observation is at a horizon: a day, or a longer span for sessions."""
    return _span_of(interval_minutes)[0]


def observations(session_date: pl.Series, interval_minutes: int | None) -> Wholes:
    """Return the number of the observation that each row belongs to, from its trading day: (N,)."""
    unit, every = _span_of(interval_minutes)
    begins = session_date if unit == "day" else session_date.dt.truncate(every)
    found: Wholes = begins.to_physical().cast(pl.Int64).to_numpy()
    return found


def _span_of(interval_minutes: int | None) -> tuple[str, str]:
    sessions = Horizon(interval_minutes or NO_HORIZON).sessions
    if not sessions:
        return "day", "1d"
    return next(((unit, every) for most, unit, every in _SPANS if sessions <= most), ("year", "1y"))


def mean_interval(values: npt.NDArray[Any], day: Wholes) -> tuple[float, float]:
    """Bound the mean of the rows' values; rows on fewer than six days bound nothing: infinite."""
    _, place = np.unique(day, return_inverse=True)
    values = np.asarray(values, np.float64)
    return _bounds(_sums(place, values), _sums(place, np.ones(len(values))))


def mean_bounds(values: npt.NDArray[Any], day: Wholes) -> Bounded:
    """Return the mean of the rows' values and its bounds, as ``mean_interval`` does."""
    return _bounded(float(np.mean(values)), *mean_interval(values, day))


def auc_shares(scores: Floats, truth: Wholes) -> Floats:
    """Return what each row adds to the AUC: its deviation, and its weight of the AUC: (rows,).

    The deviations alone would add up to nothing. What the rows of a day add varies as the AUC does
    with that day, so the signs of days can be drawn (see ``correction``).
    """
    auc, parts, weights = _placements(scores, truth == 1)
    return np.asarray(parts + weights * auc, np.float64)


def auc_difference(first: Floats, second: Floats, truth: Wholes, day: Wholes) -> Bounded:
    """Return the AUC of one score less that of another on the same rows, and its bounds.

    A day adds what its rows add to the deviations of both (DeLong, DeLong and Clarke-Pearson 1988,
    Comparing the areas under two or more correlated curves; by clusters as ``auc_interval``).
    """
    _, place = np.unique(day, return_inverse=True)
    auc, parts, weights = _placements(first, truth == 1)
    other, others, _ = _placements(second, truth == 1)
    low, high = _bounds(_sums(place, parts - others), _sums(place, weights))
    return _bounded(auc - other, auc - other + low, auc - other + high)


def _bounded(value: float, low: float, high: float) -> Bounded:
    return Bounded(value, *(each if np.isfinite(each) else None for each in (low, high)))


def auc_of(scores: Floats, truth: Wholes) -> float:
    """Return the AUC as ``auc_interval`` does."""
    return float(np.mean([_placements(*column)[0] for column in _columns(scores, truth)]))


def auc_interval(
    scores: Floats,  # (rows, classes), at least two of the classes occurring
    truth: Wholes,  # (rows,), columns of scores
    day: Wholes,  # (rows,)
) -> tuple[float, float, float]:
    """Return the AUC and its bounds: of two classes that of the second, else each against the rest.

    A day adds what its rows add to the deviation (Obuchowski 1997, Nonparametric analysis of
    clustered ROC curve data), and has the weight of its rows of either class. The bounds are those
    of the logit, so they lie within 0 and 1.
    """
    _, place = np.unique(day, return_inverse=True)
    found = [_placements(*column) for column in _columns(scores, truth)]
    auc, parts, weights = (np.mean(each, axis=0) for each in zip(*found, strict=True))
    low, high = _bounds(_sums(place, parts), _sums(place, weights))
    if auc in (0.0, 1.0) or not np.isfinite(low):
        return float(auc), 0.0, 1.0
    logit, scale = np.log(auc / (1 - auc)), auc * (1 - auc)
    low, high = (1 / (1 + np.exp(-(logit + each / scale))) for each in (low, high))
    return float(auc), float(low), float(high)


def _columns(scores: Floats, truth: Wholes) -> list[tuple[Floats, npt.NDArray[np.bool_]]]:
    columns = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    return [(scores[:, column], truth == column) for column in columns]


def _placements(scores: Floats, positive: npt.NDArray[np.bool_]) -> tuple[float, Floats, Floats]:
    """Return the AUC, what each row adds to its deviation (DeLong 1988), and the row's weight."""
    count = int(positive.sum())
    ranks = stats.rankdata(scores)
    among = np.empty(len(scores))
    among[positive] = stats.rankdata(scores[positive])
    among[~positive] = stats.rankdata(scores[~positive])
    others = np.where(positive, len(scores) - count, count)
    share = (ranks - among) / others  # of the other class that lie below, ties as half
    share[~positive] = 1 - share[~positive]
    auc = float(share[positive].mean())
    own = np.where(positive, count, len(scores) - count)
    return auc, (share - auc) / own, 0.5 / own


def _sums(place: Wholes, values: Floats) -> Floats:
    return np.bincount(place, values).astype(np.float64)


def _bounds(sums: Floats, weights: Floats) -> tuple[float, float]:
    """Bound the ratio of the sums of days by those of their subsets."""
    if len(sums) > _MOST_DAYS:  # neighbours go together
        block = np.arange(len(sums)) * _MOST_DAYS // len(sums)
        sums, weights = _sums(block, sums), _sums(block, weights)
    chosen = _subsets(len(sums)).astype(np.float64)
    values = np.sort(chosen @ sums / (chosen @ weights))
    outside = int((1 - CONFIDENCE) / 2 * (len(values) + 1) + _ROUNDING)
    if not outside:
        return -np.inf, np.inf
    return float(values[outside - 1]), float(values[-outside])


@lru_cache(maxsize=4)  # the figures of one model share their days
def _subsets(days: int) -> npt.NDArray[np.int8]:
    """Return all subsets of few days but the empty one, or random ones of many: (subsets, days)."""
    if days <= _MOST_ENUMERATED:
        return (np.arange(1, 2**days)[:, None] >> np.arange(days) & 1).astype(np.int8)
    drawn = np.random.default_rng(0).integers(0, 2, (_SUBSETS, days), np.int8)
    return drawn[drawn.any(axis=1)]

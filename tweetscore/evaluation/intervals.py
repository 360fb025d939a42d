"""Bound accuracy and AUC: rows and their days enter, 95 % intervals leave.

Windows of one day share prices, so a day is one observation: intervals are those of Student's t
over what days contribute (Obuchowski 1997, Nonparametric analysis of clustered ROC curve data).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

CONFIDENCE = 0.95
Floats = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]


def mean_interval(values: npt.NDArray[Any], day: Wholes) -> tuple[float, float]:
    """Bound the mean of the rows' values; of one day alone nothing is known.

    The standard error is that of ordinary least squares on a constant, clustered by day.
    """
    values = np.asarray(values, np.float64)
    mean = float(values.mean())
    error = _error((values - mean) / len(values), day)
    return mean - error, mean + error


def auc_interval(
    scores: Floats,  # (rows, classes), at least two of the classes occurring
    truth: Wholes,  # (rows,), columns of scores
    day: Wholes,  # (rows,)
) -> tuple[float, float, float]:
    """Return the AUC and its bounds: of two classes that of the second, else each against the rest.

    The bounds are those of its logit, so they lie within 0 and 1.
    """
    columns = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    found = [_placements(scores[:, column], truth == column) for column in columns]
    auc = float(np.mean([one for one, _ in found]))
    error = _error(np.mean([parts for _, parts in found], axis=0), day)
    if auc in (0.0, 1.0) or not np.isfinite(error):
        return auc, 0.0, 1.0
    logit, spread = np.log(auc / (1 - auc)), error / (auc * (1 - auc))
    low, high = (1 / (1 + np.exp(-(logit + side * spread))) for side in (-1, 1))
    return auc, float(low), float(high)


def _placements(scores: Floats, positive: npt.NDArray[np.bool_]) -> tuple[float, Floats]:
    """Return the AUC, and what each row adds to its deviation (DeLong 1988)."""
    count = int(positive.sum())
    ranks = stats.rankdata(scores)
    among = np.empty(len(scores))
    among[positive] = stats.rankdata(scores[positive])
    among[~positive] = stats.rankdata(scores[~positive])
    others = np.where(positive, len(scores) - count, count)
    share = (ranks - among) / others  # of the other class that lie below, ties as half
    share[~positive] = 1 - share[~positive]
    auc = float(share[positive].mean())
    return auc, (share - auc) / np.where(positive, count, len(scores) - count)


def _error(parts: Floats, day: Wholes) -> float:
    """Return half the width of the interval of a sum, by its rows' deviations."""
    days, place = np.unique(day, return_inverse=True)
    if len(days) < 2:
        return float("inf")
    sums = np.bincount(place, parts)
    error = np.sqrt(len(days) / (len(days) - 1) * (sums**2).sum())
    return float(error * stats.t.ppf((1 + CONFIDENCE) / 2, len(days) - 1))

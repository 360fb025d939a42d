"""Curves of stored predictions: probabilities and outcomes enter, points to draw leave."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import NormalDist

import numpy as np
import polars as pl

from tweetscore.evaluation.figures import Figures
from tweetscore.evaluation.intervals import CONFIDENCE

MOST_POINTS = 200  # of a curve
CALIBRATION = {
    "interval_minutes": pl.Int64, "low": pl.Float64, "high": pl.Float64, "rows": pl.Int64,
    "predicted": pl.Float64, "observed": pl.Float64,
    "observed_low": pl.Float64, "observed_high": pl.Float64,
}  # fmt: skip
ROC = {
    "interval_minutes": pl.Int64,
    "false_positive_rate": pl.Float64,
    "true_positive_rate": pl.Float64,
}


def calibration_table(figures: Sequence[Figures]) -> pl.DataFrame:
    """Return the bins of all figures, each share with its 95 % interval."""
    rows = []
    for each in figures:
        for one in each.calibration:
            low, high = wilson(one.observed, one.rows)
            bounds = {"observed_low": low, "observed_high": high}
            rows.append({"interval_minutes": each.interval_minutes, **asdict(one), **bounds})
    return pl.DataFrame(rows, schema=CALIBRATION)


def wilson(share: float, rows: int) -> tuple[float, float]:
    """Bound a share of so many independent rows at 95 % (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = share + z**2 / (2 * rows)
    half = z * (share * (1 - share) / rows + z**2 / (4 * rows**2)) ** 0.5
    scale = 1 + z**2 / rows
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def roc_curve(probability: pl.Series, truth: pl.Series) -> pl.DataFrame:
    """Return at most 200 points of the curve, from (0, 0) to (1, 1), evenly along its way.

    Both classes must be among the truth.
    """
    from sklearn import metrics

    false, true, _ = metrics.roc_curve(truth.to_numpy(), probability.to_numpy())
    places = np.searchsorted(false + true, np.linspace(0, 2, MOST_POINTS))  # it never turns back
    kept = np.unique(places)
    return pl.DataFrame({"false_positive_rate": false[kept], "true_positive_rate": true[kept]})

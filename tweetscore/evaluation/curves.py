"""Curves of stored predictions: probabilities and outcomes enter, points to draw leave."""

import numpy as np
import polars as pl

from tweetscore.evaluation.calibration import reliability

MOST_POINTS = 200  # of a curve
CALIBRATION = dict.fromkeys(("predicted", "observed", "low", "high"), pl.Float64)
ROC = {
    "interval_minutes": pl.Int64,
    "false_positive_rate": pl.Float64,
    "true_positive_rate": pl.Float64,
}


def calibration_curve(rows: pl.DataFrame) -> tuple[pl.DataFrame, float | None]:
    """Return the curve of rows with probability, truth and session_date, and its p-value.

    A column ``rows`` says how many each stands for; truth is then how many of them came true.
    """
    if rows.is_empty():
        return pl.DataFrame(schema=CALIBRATION), None
    days = rows["session_date"].to_physical().cast(pl.Int64).to_numpy()
    floats = rows.select(
        pl.col("probability", "truth").cast(pl.Float64),
        (pl.col("rows") if "rows" in rows.columns else pl.lit(1)).cast(pl.Float64).alias("rows"),
    )
    found = reliability(
        floats["probability"].to_numpy(),
        floats["truth"].to_numpy(),
        days,
        counted=floats["rows"].to_numpy(),
    )
    columns = {name: getattr(found, name) for name in CALIBRATION}
    nothing = [None] * len(found.predicted)
    filled = {name: nothing if each is None else each for name, each in columns.items()}
    return pl.DataFrame(filled, schema=CALIBRATION), found.p_value


def roc_curve(probability: pl.Series, truth: pl.Series) -> pl.DataFrame:
    """Return at most 200 points of the curve, from (0, 0) to (1, 1), evenly along its way.

    Both classes must be among the truth.
    """
    from sklearn import metrics

    false, true, _ = metrics.roc_curve(truth.to_numpy(), probability.to_numpy())
    places = np.searchsorted(false + true, np.linspace(0, 2, MOST_POINTS))  # it never turns back
    kept = np.unique(places)
    return pl.DataFrame({"false_positive_rate": false[kept], "true_positive_rate": true[kept]})

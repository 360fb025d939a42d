"""Two models with known truth on the same rows: equally good, or one of them better.

Outcomes of a day lean the same way, and a model errs alike on all posts of a day. ``python -m
tests.simulated_comparisons`` writes the table of tests/README.md.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from scipy import stats

from tweetscore.evaluation.correction import Evidence, romano_wolf
from tweetscore.evaluation.intervals import auc_difference, auc_shares, mean_bounds
from tweetscore.evaluation.skill import Resampling

Floats = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]
SIZES = ((40, 5), (60, 20), (250, 5))  # days, posts a day
MOODS = (0.0, 0.5, 1.0)  # standard deviations of a day, those of a post being 1
GOOD, BETTER = 0.6, 1.1  # an AUC of 0.66 and of 0.78 without a mood
RUNS, FEW = 400, Resampling(draws=999)


def world(
    rng: np.random.Generator,
    lifts: Sequence[float],
    days: int = 60,
    posts: int = 6,
    mood: float = 1.0,
) -> tuple[Floats, Wholes, Wholes]:
    """Return scores of models, the outcomes of which each knows something, and the days."""
    day = np.repeat(np.arange(days), posts)
    leaning = mood * rng.normal(size=days)[day]
    truth = (leaning + rng.normal(size=len(day)) > 0).astype(np.int64)
    errors = mood * rng.normal(size=(len(lifts), days))[:, day]
    noise = rng.normal(size=(len(lifts), len(day))) + errors
    scores = stats.norm.cdf(noise + np.array(lifts)[:, None] * (truth - 0.5))
    return np.asarray(scores, np.float64), truth, day


def p_of(
    scores: Sequence[Floats], truth: Wholes, day: Wholes, resampling: Resampling = FEW
) -> float:
    """Return the p-value of two models, as a comparison of them alone does."""
    first, second = (auc_shares(each, truth) for each in scores)
    days, sums = np.unique(day), np.bincount(day, first - second).astype(np.float64)
    found = [Evidence(days, sums), Evidence(days, -sums)]
    return float(romano_wolf(found, 2, resampling=resampling).min())


def measured(days: int, posts: int, mood: float, runs: int = RUNS) -> tuple[float, ...]:
    """Return how often both intervals hold, equal models are told apart, and a better one is."""
    rng = np.random.default_rng(1)
    found = np.zeros(4)
    for _ in range(runs):
        (first, second), truth, day = world(rng, (GOOD, GOOD), days, posts, mood)
        right = [((each >= 0.5) == truth).astype(np.float64) for each in (first, second)]
        for place, bounds in enumerate(
            (
                auc_difference(first, second, truth, day),
                mean_bounds(right[0] - right[1], day),
            )
        ):
            found[place] += (bounds.low or 0) <= 0 <= (bounds.high or 0)
        found[2] += p_of((first, second), truth, day) < 0.05
        better, truth, day = world(rng, (BETTER, GOOD), days, posts, mood)
        found[3] += p_of(tuple(better), truth, day) < 0.05
    return tuple((found / runs).tolist())


def main() -> None:
    """Write the table."""
    table = Table()
    for name in (
        "days",
        "posts a day",
        "mood",
        "AUC's holds",
        "accuracy's holds",
        "type I",
        "power",
    ):
        table.add_column(name, justify="right")
    for days, posts in SIZES:
        for mood in MOODS:
            shares = measured(days, posts, mood)
            table.add_row(str(days), str(posts), f"{mood}", *(f"{each:.1%}" for each in shares))
    Console().print(table)


if __name__ == "__main__":
    main()

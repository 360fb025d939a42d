"""Calibrated models whose outcomes hang together by day: how often bands and errors are as told.

``python -m tests.simulated_calibration`` prints the figures of tests/README.md.
"""

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats

from tweetscore.evaluation.calibration import expected_error, reliability
from tweetscore.evaluation.figures import BINS
from tweetscore.evaluation.intervals import Floats, Wholes

RUNS = 1_000
CELLS = ((40, 5, 0.0), (40, 5, 0.3), (60, 20, 0.0), (60, 20, 0.3), (250, 5, 0.3))


def calibrated(
    rng: np.random.Generator, days: int, posts: int, shared: float, spread: float = 0.3
) -> tuple[Floats, Floats, Wholes]:
    """Draw probabilities, outcomes and days; ``shared`` is the part of luck that a day shares."""
    day = np.repeat(np.arange(days), rng.poisson(posts, days))
    probability = stats.norm.cdf(spread * rng.standard_normal(len(day)))
    luck = np.sqrt(shared) * rng.standard_normal(days)[day]
    luck += np.sqrt(1 - shared) * rng.standard_normal(len(day))
    return probability, (stats.norm.cdf(luck) < probability).astype(np.float64), day


def strays(days: int, posts: int, shared: float, runs: int) -> float:
    """Return how often the curve of a calibrated model leaves its band."""
    rng = np.random.default_rng(1)
    left = []
    for run in range(runs):
        found = reliability(*calibrated(rng, days, posts, shared), run)
        assert found.low is not None
        assert found.high is not None
        inside = (found.low <= found.observed) & (found.observed <= found.high)
        left.append(not inside.all())
    return float(np.mean(left))


def errors(days: int, posts: int, shared: float, runs: int) -> tuple[float, float]:
    """Return the mean calibration error of calibrated models, and the mean of what is expected."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(runs):
        probability, truth, day = calibrated(rng, days, posts, shared)
        of_bin = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
        misses = np.bincount(of_bin, truth - probability)
        expected = expected_error(probability, truth, of_bin, day)
        found.append((np.abs(misses).sum() / len(day), expected))
    error, expected = np.mean(found, axis=0)
    return float(error), float(expected)


def main() -> None:
    """Write the table."""
    table = Table(title=f"{RUNS} worlds a cell")
    for heading in ("days", "posts a day", "shared luck", "curve inside", "error", "expected"):
        table.add_column(heading)
    for days, posts, shared in CELLS:
        inside = 1 - strays(days, posts, shared, RUNS)
        error, expected = errors(days, posts, shared, RUNS)
        cells = f"{inside:.1%}", f"{error:.3f}", f"{expected:.3f}"
        table.add_row(str(days), str(posts), str(shared), *cells)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()

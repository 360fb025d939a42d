"""Worlds with known truth, by the intervals of the shipped queries: how often these hold it.

``PYTHONPATH=tests python -m simulated_queries`` writes the table of tests/README.md.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from simulated_calibration import calibrated
from simulated_earnings import entries
from simulated_scores import CONFOUNDERS, SIZES, Floats, Wholes, World, world

from tweetscore.store.database import Store, open_store

RUNS = 400
AUC = 0.55
_SHARE = """
    SELECT share_low_95(total, counted), share_high_95(total, counted)
    FROM (SELECT unnest($totals) AS total, unnest($counts) AS counted)
"""
_SUM = "SELECT sum(x), stddev_samp(x) * sqrt(count(*)) FROM (SELECT unnest($values) AS x)"


@contextmanager
def macros() -> Iterator[Store]:
    """Open a database that is thrown away, for the macros of its views."""
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "x.duckdb") as store:
        yield store


def _holds(store: Store, truth: float, right: Floats, day: Wholes) -> bool | None:
    """Return whether the interval of a share holds its truth; None where there is none."""
    _, place = np.unique(day, return_inverse=True)
    totals, counts = np.bincount(place, right), np.bincount(place)
    low, high = store.row(_SHARE, totals=totals.tolist(), counts=counts.tolist())
    return None if low is None else bool(low <= truth <= high)


def accuracy_held(store: Store, days: int, posts: int, confounder: str, runs: int) -> float:
    """Return how often the interval of a hit rate holds that of a very long world."""
    lasting = "none" if confounder == "dominating day" else confounder
    truth = _right(world(np.random.default_rng(2), 20_000, 20, lasting, AUC)).mean()
    rng = np.random.default_rng(3)
    drawn = (world(rng, days, posts, confounder, AUC) for _ in range(runs))
    return float(np.mean([_holds(store, truth, _right(each), each.day) for each in drawn]))


def _right(drawn: World) -> Floats:
    return np.asarray((drawn.probabilities[:, 1] >= 0.5) == drawn.truth, np.float64)


def bins_held(store: Store, days: int, posts: int, runs: int) -> float:
    """Return how often a tenth of a calibrated model's probabilities lies in its interval."""
    rng = np.random.default_rng(1)
    held: list[bool | None] = []
    for _ in range(runs):
        probability, truth, day = calibrated(rng, days, posts, 0.3)
        tenth = np.minimum((probability * 10).astype(np.int64), 9)
        held += [
            _holds(store, probability[rows].mean(), truth[rows], day[rows])
            for rows in (tenth == n for n in np.unique(tenth))
        ]
    return float(np.mean([each for each in held if each is not None]))


def sums_held(store: Store, days: int, posts: int, runs: int) -> float:
    """Return how often the running sum without skill ends within two of its errors of 0."""
    rng = np.random.default_rng(5)
    held = []
    for _ in range(runs):
        side = pl.when("up").then(1).otherwise(-1)
        means = entries(rng, days, posts, 0.0).group_by("session_date", maintain_order=True)
        values = means.agg((side * pl.col("return_bps")).mean().alias("bps"))["bps"]
        total, error = store.row(_SUM, values=values.to_list())
        held.append(abs(total) <= 2 * error)
    return float(np.mean(held))


def main() -> None:
    """Write the tables."""
    table = Table(title=f"intervals of the shipped queries, {RUNS} worlds a cell")
    for heading in ("days", "posts a day", *CONFOUNDERS, "tenths, calibrated", "running sum"):
        table.add_column(heading)
    with macros() as store:
        held = {
            (size, each): accuracy_held(store, *size, each, RUNS)
            for size, each in product(SIZES, CONFOUNDERS)
        }
        for size in SIZES:
            cells = [held[size, each] for each in CONFOUNDERS]
            cells += [bins_held(store, *size, RUNS), sums_held(store, *size, RUNS)]
            table.add_row(*map(str, size), *(f"{each:.1%}" for each in cells))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()

"""Entries with a known return: what trading would earn is found, as often as intervals say.

Prices move by half-hours that all entries in them share, more on some days than on others; a model
is right a little more often than not. ``python -m tests.simulated_earnings`` writes the table of
tests/README.md.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from tweetscore.evaluation.earnings import Estimate, earnings_of

SIZES = ((40, 5), (60, 20), (250, 5))  # days, entries a day
EDGES_BPS = (0.0, 2.0)
DRIFT_BPS = 0.5  # of always being long
RUNS = 1_000
OPENS = np.datetime64("2023-01-02T14:30")


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often intervals hold the truth, and the mean of the estimates."""

    break_even: float
    late: float
    long: float
    beyond_long: float
    mean_bps: float


def entries(rng: np.random.Generator, days: int, posts: int, edge_bps: float) -> pl.DataFrame:
    """Draw one test part; one minute late half of the edge is left."""
    counts = np.maximum(rng.poisson(posts, days), 1)
    day = np.repeat(np.arange(days), counts)
    minute = rng.integers(0, 360, len(day))
    volatility = np.exp(0.5 * rng.standard_normal(days))[day]
    shared = rng.standard_normal((days, 13))[day, minute // 30]
    mood = rng.standard_normal(days)[day]  # a day's posts lean the same way
    up = mood + rng.standard_normal(len(day)) > 0
    side = np.where(up, 1.0, -1.0)
    moved = 12 * volatility * (0.8 * shared + 0.6 * rng.standard_t(5, len(day)))
    first = 3 * volatility * rng.standard_normal(len(day))  # the minute that a late entry misses
    return pl.DataFrame(
        {
            "model": "m",
            "symbol": "S",
            "interval_minutes": 30,
            "session_date": OPENS.astype("datetime64[D]") + day,
            "minute_utc": (OPENS + day * 1_440 + minute).astype("datetime64[us]"),
            "exit_utc": (OPENS + day * 1_440 + minute + 30).astype("datetime64[us]"),
            "up": up,
            "return_bps": DRIFT_BPS + side * edge_bps + first + moved,
            "late_1_bps": DRIFT_BPS + side * edge_bps / 2 + moved,
            "late_2_bps": DRIFT_BPS + moved,
        }
    )


def coverage(days: int, posts: int, edge_bps: float, runs: int, seed: int = 1) -> Coverage:
    """Draw so many test parts, and count the intervals that hold what was planted."""
    rng = np.random.default_rng(seed)
    found = [earnings_of(entries(rng, days, posts, edge_bps)) for _ in range(runs)]
    # Up and down are as likely as each other: the drift of the market cancels out.
    late = [each.late[0].bps for each in found]
    return Coverage(
        _share([each.break_even_bps for each in found], edge_bps),
        _share([each for each in late if each], edge_bps / 2),
        _share([each.long for each in found], DRIFT_BPS),
        _share([each.beyond_long for each in found], edge_bps - DRIFT_BPS),
        float(np.mean([each.break_even_bps.value for each in found])),
    )


def _share(found: list[Estimate], truth: float) -> float:
    return float(np.mean([(each.low or 0) <= truth <= (each.high or 0) for each in found]))


def main() -> None:
    """Write the table."""
    table = Table(title=f"{RUNS} worlds a cell")
    for heading in (
        "days", "entries a day", "planted bps", "found", "break-even", "late", "long",
        "beyond long",
    ):  # fmt: skip
        table.add_column(heading)
    for (days, posts), edge_bps in product(SIZES, EDGES_BPS):
        held = coverage(days, posts, edge_bps, RUNS)
        table.add_row(
            str(days), str(posts), f"{edge_bps:g}", f"{held.mean_bps:.2f}",
            *(f"{each:.1%}" for each in (held.break_even, held.late, held.long, held.beyond_long)),
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()

"""Worlds whose price paths are known: how often bands hold, and how often a placebo is far.

Days are restless in turn and posts are more on restless days; the market has a habit of its own by
the clock. ``python -m tests.simulated_paths`` prints the figures of tests/README.md.
"""

from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from tweetscore.evaluation.event_study import OFFSETS, EventStudy, study_of
from tweetscore.evaluation.intervals import Floats
from tweetscore.evaluation.placebo import Events, Sessions, moved_paths

MINUTES = 390
SIZES = ((20, 5), (40, 5), (60, 20), (250, 5))  # days, posts a day
RUNS, WEEKDAYS = 400, 5
HABIT = 2e-5 * np.sin(np.arange(MINUTES) / 60)  # log return of each minute of any day


@dataclass(frozen=True, slots=True)
class PathWorld:
    """Sessions and the posts in them."""

    sessions: Sessions
    events: Events

    def study(self, seed: int = 0, placebos: int = 199) -> EventStudy:
        """Judge it as the market's paths are."""
        found = moved_paths(self.sessions, [self.events], OFFSETS, placebos, seed)
        return study_of({"up": found[0]}, 1.0)


def path_world(rng: np.random.Generator, days: int, posts: int, rise_bps: float = 0.0) -> PathWorld:
    """Draw one; ``rise_bps`` is what the price gains in the ten minutes after each post."""
    mood = np.zeros(days)
    for day in range(1, days):
        mood[day] = 0.9 * mood[day - 1] + 0.3 * rng.standard_normal()
    restless = np.exp(mood)
    scale = 3e-4 * restless[:, None]
    steps = scale * rng.standard_t(4, (days, MINUTES)) / np.sqrt(2)  # (days, minutes)
    steps += HABIT + 0.05 * scale * rng.standard_normal((days, 1))
    session = np.repeat(np.arange(days), rng.poisson(posts * restless / restless.mean()))
    minute = rng.integers(0, MINUTES, len(session))
    for later in range(10):
        kept = minute + later < MINUTES
        np.add.at(steps, (session[kept], minute[kept] + later), rise_bps / 1e5)
    logs = np.pad(steps.cumsum(axis=1), ((0, 0), (1, 0)))
    numbers = np.arange(days)
    sessions = Sessions(
        np.exp(logs).ravel(), numbers * (MINUTES + 1), np.full(days, MINUTES), numbers,
        numbers % WEEKDAYS,
    )  # fmt: skip
    return PathWorld(sessions, Events(session, minute, np.ones(len(session), np.int64)))


def true_path() -> Floats:
    """Return the mean path of posts at any minute of a market with nothing but its habit."""
    logs = np.concatenate([[0.0], HABIT.cumsum()])
    entry = np.arange(MINUTES)
    means = []
    for offset in OFFSETS:
        inside = entry[(entry + offset >= 0) & (entry + offset <= MINUTES)]
        means.append((np.exp(logs[inside + offset] - logs[inside]) - 1).mean() * 10_000)
    return np.array(means)


def held_and_far(
    days: int, posts: int, runs: int, placebos: int = 199
) -> tuple[float, float, float]:
    """Return how often the band holds the whole path and each point of it, and p is under 5 %."""
    rng, truth = np.random.default_rng(1), true_path()
    whole, points, far = [], [], []
    for run in range(runs):
        study = path_world(rng, days, posts).study(run, placebos)
        low, high = study.paths["low_bps"].to_numpy(), study.paths["high_bps"].to_numpy()
        held = (low <= truth) & (truth <= high) | np.isnan(low) | (truth == 0)
        whole.append(held.all())
        points.append(held.mean())
        far.append(study.p_values["up"] <= 0.05)
    return float(np.mean(whole)), float(np.mean(points)), float(np.mean(far))


def found_rise(days: int, posts: int, rise_bps: float, runs: int) -> float:
    """Return how often a planted rise is told from its placebos."""
    rng = np.random.default_rng(2)
    studies = [path_world(rng, days, posts, rise_bps).study(run) for run in range(runs)]
    return float(np.mean([each.p_values["up"] <= 0.05 for each in studies]))


def main() -> None:
    """Write the table."""
    table = Table(title=f"{RUNS} worlds a cell")
    for heading in (
        "days",
        "posts a day",
        "band holds the path",
        "placebo p",
        "finds 8 bps",
    ):
        table.add_column(heading)
    for days, posts in SIZES:
        whole, _, far = held_and_far(days, posts, RUNS)
        rise = found_rise(days, posts, 8.0, RUNS // 4)
        table.add_row(str(days), str(posts), f"{whole:.1%}", f"{far:.1%}", f"{rise:.1%}")
    Console(width=160).print(table)


if __name__ == "__main__":
    main()

"""Scores and outcomes with known truth: planted confounders, and no skill or a real one.

Posts of a day share prices: outcomes within half an hour lean the same way. ``python -m
tests.simulated_scores`` writes the table of tests/README.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from scipy import stats

from tweetscore.evaluation.correction import Evidence, romano_wolf
from tweetscore.evaluation.figures import Figures, figures, with_verdicts
from tweetscore.evaluation.forward import e_values, known_at_entry
from tweetscore.evaluation.intervals import auc_interval, auc_of, mean_interval
from tweetscore.evaluation.skill import Resampling, clock_and_past, contributions

Floats = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CONFOUNDERS = ("none", "dominating day", "slow drift", "clock", "momentum", "days of one mood")
SIZES = ((40, 5), (60, 20), (250, 5))  # days, posts a day
SESSION_MINUTES = 390
RUNS, FEW = 400, Resampling(draws=999)


@dataclass(frozen=True, slots=True)
class World:
    """Rows of one test part."""

    probabilities: Floats  # (rows, 2)
    truth: Wholes
    day: Wholes
    minute: Floats
    past_bps: Floats
    volatility_bps: Floats

    @property
    def excess(self) -> Floats:
        """Whether each guess is right, less whether that of the majority of training, up, is."""
        right = (self.probabilities[:, 1] >= 0.5) == self.truth
        return np.asarray(right - self.truth.astype(np.float64), np.float64)

    def figures(self, seed: int = 0) -> Figures:
        """Measure and judge it as the market's rows are."""
        controls = clock_and_past(self.minute, self.day, self.past_bps, self.volatility_bps)
        majority = np.ones(len(self.truth), np.int64)
        found = figures(
            self.probabilities, self.truth, self.day,
            controls=controls, majority=majority, seed=seed, resampling=FEW,
        )  # fmt: skip
        return with_verdicts([found])[0]


def world(
    rng: np.random.Generator, days: int, posts: int, confounder: str = "none", auc: float = 0.5
) -> World:
    """Draw one; ``auc`` is the skill that is not the confounder's."""
    rows = rng.poisson(posts, days)
    if confounder == "dominating day":
        rows[days // 2] = posts * days // 4
    day = np.unique(np.repeat(np.arange(days), rows), return_inverse=True)[1].astype(np.int64)
    count = len(day)
    minute = rng.uniform(0, SESSION_MINUTES, count)
    half_hour = (minute // 30).astype(int)
    shared, past = rng.standard_normal((2, days, SESSION_MINUTES // 30 + 1))[:, day, half_hour]
    volatility = np.exp(0.5 * rng.standard_normal(days))[day]
    lean = {
        "slow drift": 0.6 * np.sin(2 * np.pi * day / days),
        "clock": 0.5 * np.sin(2 * np.pi * minute / SESSION_MINUTES),
        "momentum": 0.3 * np.sign(past),
    }.get(confounder, np.zeros(count))
    truth = (0.8 * shared + 0.6 * rng.standard_normal(count) + lean > 0).astype(np.int64)
    noise = rng.standard_normal(count)
    if confounder == "days of one mood":
        noise = (noise + rng.standard_normal(days)[day]) / np.sqrt(2)
    score = np.sqrt(2) * stats.norm.ppf(auc) * (truth - 0.5) + noise + 2 * lean
    positive = stats.norm.cdf(score)
    return World(
        np.stack([1 - positive, positive], axis=1), truth, day, minute, 20 * past, 5 * volatility
    )


def verdicts(
    days: int, posts: int, confounder: str, auc: float, runs: int, seed: int = 1
) -> Iterator[Figures]:
    """Judge so many worlds."""
    rng = np.random.default_rng(seed)
    return (world(rng, days, posts, confounder, auc).figures(run) for run in range(runs))


def tries(
    days: int, posts: int, count: int, runs: int, *, alike: float = 0.0, seed: int = 4
) -> Iterator[list[Evidence]]:
    """Yield what days say for so many scores without skill, as heads or networks are, by world.

    ``alike`` is the correlation of any two of them.
    """
    rng = np.random.default_rng(seed)
    for _ in range(runs):
        drawn = world(rng, days, posts)
        controls = clock_and_past(drawn.minute, drawn.day, drawn.past_bps, drawn.volatility_bps)
        observed = np.eye(2)[drawn.truth]
        common = rng.standard_normal(len(drawn.truth))
        found = []
        for _ in range(count):
            own = rng.standard_normal(len(drawn.truth))
            score = np.sqrt(alike) * common + np.sqrt(1 - alike) * own
            scores = np.stack([-score, score], axis=1)
            found.append(
                Evidence(np.unique(drawn.day), contributions(scores, observed, drawn.day, controls))
            )
        yield found


def chosen(found: Sequence[Evidence]) -> Evidence:
    """Return the one that shows the most."""
    alone = [romano_wolf([each], 1, resampling=FEW)[0] for each in found]
    return found[int(np.argmin(alone))]


def false_signals(count: int, alike: float, runs: int) -> tuple[float, float, float]:
    """Return how often the best of so many tries is below 5 %, without skill.

    It is judged alone, as among tries whose scores are known, and as among so many others.
    """
    worlds = [(each, chosen(each)) for each in tries(60, 8, count, runs, alike=alike)]
    alone = [romano_wolf([best], 1, resampling=FEW)[0] for _, best in worlds]
    known = [romano_wolf(each, count, resampling=FEW).min() for each, _ in worlds]
    counted = [romano_wolf([best], count, resampling=FEW)[0] for _, best in worlds]
    first, second, third = (float((np.array(p) < 0.05).mean()) for p in (alone, known, counted))
    return first, second, third


def parts_of(drawn: World) -> list[Bools]:
    """Return ten parts of the posts that somebody may look at: of the span, the clock, the news."""
    share = drawn.day / drawn.day.max()
    return [
        share < 0.5, share >= 0.5, share < 1 / 3, share >= 2 / 3, share >= 0.8,
        drawn.minute < 60, drawn.minute >= 60, drawn.minute >= 300,
        drawn.day % 5 > 0, drawn.volatility_bps < np.median(drawn.volatility_bps),
    ]  # fmt: skip


def part_evidence(drawn: World, kept: Bools) -> Evidence:
    """Return what the days say for some of the rows, which are judged by themselves."""
    days, place = np.unique(drawn.day[kept], return_inverse=True)
    controls = clock_and_past(
        drawn.minute[kept], place, drawn.past_bps[kept], drawn.volatility_bps[kept]
    )
    observed = np.eye(2)[drawn.truth[kept]]
    return Evidence(days, contributions(drawn.probabilities[kept], observed, place, controls))


def false_parts(runs: int, seed: int = 12) -> tuple[float, float, float]:
    """Return how often the best of ten parts is below 5 %, without skill.

    It is judged as if nothing else had been looked at, as each was judged when it was looked at,
    after the whole and those before it, and once more at the end.
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(runs):
        drawn = world(rng, 60, 8)
        p_values = np.array(
            [
                romano_wolf([part_evidence(drawn, kept)], 1, resampling=FEW)[0]
                for kept in rng.permutation(parts_of(drawn))
            ]
        )
        tests = 3 + 2 * np.arange(len(p_values))  # the whole, and each part twice
        found.append([p_values.min(), (p_values * tests).min(), p_values.min() * tests[-1]])
    alone, then, at_the_end = (np.array(found) < 0.05).mean(axis=0)
    return float(alone), float(then), float(at_the_end)


def coverage(days: int, posts: int, confounder: str, runs: int) -> tuple[float, float]:
    """Return how often the intervals hold the true AUC and excess, which a very long world shows.

    Up is the majority of the training part, and as frequent as down in truth.
    """
    # What happened on one dominating day is chance, and no part of the truth.
    lasting = "none" if confounder == "dominating day" else confounder
    many = world(np.random.default_rng(2), 20_000, 20, lasting, 0.55)
    truths = auc_of(many.probabilities, many.truth), many.excess.mean() + many.truth.mean() - 0.5
    rng = np.random.default_rng(3)
    held = []
    for _ in range(runs):
        drawn = world(rng, days, posts, confounder, 0.55)
        _, *of_auc = auc_interval(drawn.probabilities, drawn.truth, drawn.day)
        of_excess = mean_interval(drawn.excess, drawn.day)
        both = zip((of_auc, of_excess), truths, strict=True)
        held.append([low <= truth <= high for (low, high), truth in both])
    auc, excess = np.mean(held, axis=0)
    return float(auc), float(excess)


def forward_e_values(
    days: int, posts: int, confounder: str, auc: float, runs: int, seed: int = 9
) -> Iterator[Floats]:
    """Yield the e-value after each forward day, world by world; 60 days lie before the freeze."""
    rng = np.random.default_rng(seed)
    for _ in range(runs):
        drawn = world(rng, 60 + days, posts, confounder, auc)
        session = np.full(len(drawn.truth), float(SESSION_MINUTES))
        known = known_at_entry(drawn.minute, session, drawn.past_bps, drawn.volatility_bps)
        yield e_values(
            drawn.probabilities[:, 1], drawn.truth.astype(float), drawn.day, known,
            (drawn.day >= 60).astype(float),
        )  # fmt: skip


def peeking(days: int, posts: int, confounder: str, auc: float, runs: int) -> float:
    """Return how often an e-value of 20 is seen by somebody who looks every day."""
    return float(
        np.mean([each.max() >= 20 for each in forward_e_values(days, posts, confounder, auc, runs)])
    )


def _table_of_peeking() -> Table:
    """Return how often daily looks at a frozen model end in a signal."""
    runs = RUNS // 2
    table = Table(title=f"forward, looked at on each of 250 days, {runs} worlds a cell")
    for heading in ("posts a day", "confounder", "type I", "AUC 0.55", "AUC 0.60"):
        table.add_column(heading)
    for posts, confounder in product((3, 8), CONFOUNDERS):
        shares = [peeking(250, posts, confounder, auc, runs) for auc in (0.5, 0.55, 0.6)]
        table.add_row(str(posts), confounder, *(f"{share:.1%}" for share in shares))
    return table


def main() -> None:
    """Write the table."""
    table = Table(title=f"{RUNS} worlds a cell")
    for heading in (
        "days", "posts a day", "confounder", "type I, p", "type I, within days",
        "power at 0.55", "within days", "signal at 0.60", "covers AUC", "covers excess",
    ):  # fmt: skip
        table.add_column(heading)
    for (days, posts), confounder in product(SIZES, CONFOUNDERS):
        null, real, large = (
            list(verdicts(days, posts, confounder, auc, RUNS)) for auc in (0.5, 0.55, 0.6)
        )
        covers = [f"{share:.1%}" for share in coverage(days, posts, confounder, RUNS)]
        table.add_row(
            str(days), str(posts), confounder,
            *(f"{share:.1%}" for found in (null, real) for share in (
                np.mean([each.p_value < 0.05 for each in found]),
                np.mean([(each.p_within or 1) < 0.05 for each in found]),
            )),
            f"{np.mean([each.verdict == 'signal' for each in large]):.1%}",
            *covers,
        )  # fmt: skip
    Console(width=160).print(table)
    Console(width=160).print(_table_of_tries())
    alone, then, at_the_end = (f"{share:.1%}" for share in false_parts(RUNS))
    Console(width=160).print(
        f"the best of ten parts of the posts: judged alone {alone}, when looked at {then}, "
        f"at the end {at_the_end}"
    )
    Console(width=160).print(_table_of_peeking())


def _table_of_tries() -> Table:
    """Return how often the best of several tries is a false signal."""
    table = Table(title=f"the best of several without skill, {RUNS} worlds a cell")
    for heading in ("tries", "correlation", "judged alone", "the others known", "only counted"):
        table.add_column(heading)
    for count, alike in product((3, 7, 20), (0.0, 0.8)):
        shares = false_signals(count, alike, RUNS)
        table.add_row(str(count), str(alike), *(f"{share:.1%}" for share in shares))
    return table


if __name__ == "__main__":
    main()

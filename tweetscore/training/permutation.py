"""Test a whole pipeline by shuffled labels: a learned network enters, a p-value leaves.

Everything after the texts is done again with the outcomes of other days, as often as is wanted, and
each network is measured on its own test part (test 1 of Ojala and Garriga 2010, Permutation Tests
for Studying Classifier Performance). Texts of a day share its market, so days are shuffled as
wholes: the posts of one get what the market did on another of the same part, at the same time.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.evaluation.intervals import auc_of
from tweetscore.training.features import NO_LABEL, Part, Prepared
from tweetscore.training.learn import learn
from tweetscore.training.measurable import Measurable
from tweetscore.training.options import TrainingOptions

Again = Callable[[Prepared, Path], Measurable]


@dataclass(frozen=True, slots=True)
class Permuted:
    """The mean AUC of all heads on the test part, and those of networks of shuffled days.

    ``p_value`` is the share of networks, this one among them, that do as well; with so few
    shuffles it cannot be below one of them and this one.
    """

    auc: float
    shuffled_aucs: tuple[float, ...]
    p_value: float

    @property
    def sentence(self) -> str:
        """Say what was found."""
        among = len(self.shuffled_aucs)
        best = max(self.shuffled_aucs)
        return (
            f"shuffled days: AUC {self.auc:.3f}; with the labels of other days "
            f"{np.mean(self.shuffled_aucs):.3f} on average and {best:.3f} at most in {among} "
            f"trainings; p {self.p_value:.4f}"
        )


def permutation_test(
    learned: Measurable,
    options: TrainingOptions,
    log_folder: Path,
    on_message: Callable[[str], None],
    again: Again | None = None,
) -> Permuted | None:
    """Train ``options.shuffle_labels`` networks more, each on labels of other days.

    Interrupted, it ends with those that are done; None without one, or without a test part in which
    all classes occur. ``again`` learns from other labels; None: as ``learn`` does.
    """
    auc = _test_auc(learned)
    if auc is None:
        return None
    aucs: list[float] = []
    for number in range(options.shuffle_labels):
        rng = np.random.default_rng([options.seed, number])
        prepared = days_shuffled(learned.prepared, rng)
        folder = log_folder / f"shuffled-{number + 1}"
        other = again(prepared, folder) if again else learn(prepared, options, folder, _silent)
        if other.fitted.interrupted:
            on_message(f"interrupted: {len(aucs)} of {options.shuffle_labels} shuffles count")
            break
        found = _test_auc(other)
        # A test part that got one class alone ranks nothing.
        aucs.append(0.5 if found is None else found)
        on_message(f"shuffled days, {number + 1} of {options.shuffle_labels}: AUC {aucs[-1]:.3f}")
    if not aucs:
        return None
    reached = sum(each >= auc for each in aucs)
    return Permuted(auc, tuple(aucs), (1 + reached) / (1 + len(aucs)))


def _silent(_: object) -> None:
    pass


def days_shuffled(prepared: Prepared, rng: np.random.Generator) -> Prepared:
    """Return what learning starts from, with the labels of each part's days shuffled."""
    parts = {name: _shuffled(part, rng) for name, part in prepared.parts.items()}
    return replace(prepared, parts=parts)


def _shuffled(part: Part, rng: np.random.Generator) -> Part:
    """Give the rows of each day the labels of another day of the part, at the nearest time."""
    days, day = np.unique(part.rows["session_date"].to_numpy(), return_inverse=True)
    at = _times(part.rows)
    labels = np.empty_like(part.labels)
    rows = [np.flatnonzero(day == place) for place in range(len(days))]
    for own, other in zip(rows, rng.permutation(len(days)), strict=True):
        theirs = rows[other]
        nearest = np.abs(at[own][:, None] - at[theirs][None, :]).argmin(axis=1)
        labels[own] = part.labels[theirs[nearest]]
    return replace(part, labels=labels)


def _times(rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Return when in its day each row is; rows without times are days of their own."""
    if "minute_of_session" in rows.columns:
        return rows["minute_of_session"].cast(pl.Float64).to_numpy()
    if "posted_utc" in rows.columns and not rows["posted_utc"].null_count():
        return rows["posted_utc"].dt.time().cast(pl.Int64).cast(pl.Float64).to_numpy()
    return np.zeros(rows.height)


def _test_auc(learned: Measurable) -> float | None:
    """Return the mean AUC over the heads of the test part in which all classes occur."""
    test = learned.prepared.parts["test"]
    probabilities = learned.tested()
    found = []
    for head in range(test.labels.shape[1]):
        known = test.labels[:, head] != NO_LABEL
        truth, scores = test.labels[known, head], probabilities[known, head]
        if len(np.unique(truth)) == scores.shape[1]:
            found.append(auc_of(scores, truth))
    return float(np.mean(found)) if found else None

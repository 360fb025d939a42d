"""Measure networks on their test parts, once: learned networks enter, figures leave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.evaluation.correction import Evidence
from tweetscore.evaluation.figures import Figures, bag_of_words_accuracy, evidence, figures
from tweetscore.evaluation.intervals import observations
from tweetscore.evaluation.skill import market_controls
from tweetscore.market.targets import Target
from tweetscore.training.features import NO_LABEL, Prepared
from tweetscore.training.learn import Learned
from tweetscore.training.loop import predict
from tweetscore.training.options import TrainingOptions


def held_out_figures(
    learned: Sequence[Learned], options: TrainingOptions, name: str, *, tried: int | None = None
) -> list[Figures]:
    """Return the figures of ``held_out`` alone."""
    return [each for each, _ in held_out(learned, options, name, tried=tried)]


def held_out(
    learned: Sequence[Learned], options: TrainingOptions, name: str, *, tried: int | None = None
) -> list[tuple[Figures, Evidence]]:
    """Measure the test parts, once, beside their baselines, and return what each day says.

    ``tried`` figures are corrected together, which is left to the caller; by default those of the
    intervals.

    Several networks are those of walk-forward folds, whose test parts are measured together.
    """
    found = []
    for head, minutes in enumerate(options.intervals):
        folds = [each for each in (_tested(one, head, minutes) for one in learned) if each]
        if not folds:
            continue
        truth = np.concatenate([fold.truth for fold in folds])
        momentum = None
        if all(fold.momentum is not None for fold in folds):
            momentum = np.concatenate([fold.momentum for fold in folds])
        inputs = (
            np.concatenate([fold.probabilities for fold in folds]),
            truth,
            np.concatenate([fold.days for fold in folds]),
        )
        controls = _controls([fold.rows for fold in folds], minutes)
        measured = figures(
            *inputs,
            tried=tried or len(options.intervals),
            controls=controls,
            majority=np.concatenate([fold.majority for fold in folds]),
            momentum=momentum,
            return_bps=_returns([fold.rows for fold in folds], minutes, options.target),
        )
        words = [fold.words_right for fold in folds]
        bag_of_words = None if None in words else sum(filter(None, words)) / len(truth)
        named = replace(
            measured,
            model=name,
            symbol=learned[0].prepared.symbol,
            target=options.target.name,
            interval_minutes=minutes or None,
            bag_of_words=bag_of_words,
        )
        found.append((named, evidence(*inputs, controls)))
    return found


@dataclass(frozen=True, slots=True)
class _Tested:
    """What one network predicts for the test rows of one head, and the true classes."""

    probabilities: npt.NDArray[np.float64]  # (rows, classes)
    truth: npt.NDArray[np.int64]  # (rows,)
    days: npt.NDArray[np.int64]  # (rows,)
    majority: npt.NDArray[np.int64]  # (rows,), the most frequent class of the training part
    rows: pl.DataFrame
    momentum: npt.NDArray[np.int64] | None  # (rows,) places of classes, -1 unknown
    words_right: float | None  # rows that the bag of words predicts correctly


def _tested(learned: Learned, head: int, minutes: int) -> _Tested | None:
    train, test = learned.prepared.parts["train"], learned.prepared.parts["test"]
    known = test.labels[:, head] != NO_LABEL
    if not known.any():
        return None
    truth = test.labels[:, head][known]
    rows = test.rows.filter(pl.Series(known))
    fitted = train.labels[:, head] != NO_LABEL
    words = bag_of_words_accuracy(
        train.rows["tokens"].filter(pl.Series(fitted)),
        train.labels[:, head][fitted],
        rows["tokens"],
        truth,
    )
    past, momentum = f"momentum_{minutes}", None
    if past in rows.columns:
        momentum = rows[past].fill_null(-1).to_numpy()
    return _Tested(
        predict(learned.model, test).softmax(2)[:, head].double().numpy()[known],
        truth,
        observations(rows["session_date"], minutes),
        np.full(len(truth), _most_frequent(train.labels[:, head][fitted])),
        rows,
        momentum,
        None if words is None else words * len(truth),
    )


def majorities(prepared: Prepared, options: TrainingOptions) -> dict[str, str]:
    """Return the most frequent class of the training part, by minutes."""
    labels = prepared.parts["train"].labels
    known = [each[each != NO_LABEL] for each in labels.T]
    return {
        str(int(minutes)): options.target.classes[_most_frequent(classes)]
        for minutes, classes in zip(options.intervals, known, strict=True)
        if len(classes)
    }


def coin_loss(prepared: Prepared, options: TrainingOptions) -> float:
    """Return the loss on validation of a coin that has never read a text, averaged over the heads.

    It falls on each class as often as the training part did, or on all alike if that is better.
    """
    classes = len(options.target.classes)
    train, validation = (prepared.parts[name].labels.T for name in ("train", "validation"))
    losses = []
    for seen, held in zip(train, validation, strict=True):
        held = held[held != NO_LABEL]
        if len(held):
            shares = np.bincount(seen[seen != NO_LABEL], minlength=classes) + 0.0
            with np.errstate(divide="ignore"):
                losses.append(-np.log(shares / max(shares.sum(), 1.0))[held].mean())
    return float(min(np.mean(losses), np.log(classes)))


def _most_frequent(classes: npt.NDArray[np.int64]) -> int:
    """Return the most frequent class; of several the last, as up is."""
    counts = np.bincount(classes)
    return int(np.flatnonzero(counts == counts.max())[-1])


def _controls(rows: Sequence[pl.DataFrame], minutes: int) -> npt.NDArray[np.float64] | None:
    """Return what everybody knew at the entries; None where the rows are none of the market."""
    names = ("minute_of_session", "session_date", "volatility_bps", f"past_{minutes}")
    if not all(set(names) <= set(each.columns) for each in rows):
        return None
    return market_controls(pl.concat([each.select(names) for each in rows]), names[-1])


def _returns(
    rows: Sequence[pl.DataFrame], minutes: int, target: Target
) -> npt.NDArray[np.float64] | None:
    """Return what a trade by direction would have moved, in basis points."""
    name = f"outcome_{minutes}"
    if target.name != "direction" or not all(name in each.columns for each in rows):
        return None
    return pl.concat([each[name] for each in rows]).cast(pl.Float64).to_numpy()

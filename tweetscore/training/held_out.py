"""Measure networks on their test parts, once: learned networks enter, figures leave."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.evaluation.correction import Evidence
from tweetscore.evaluation.figures import (
    POOLED,
    Figures,
    bag_of_words_right,
    evidence,
    figures,
)
from tweetscore.evaluation.intervals import observations
from tweetscore.evaluation.skill import market_controls
from tweetscore.market.symbols import in_volatility
from tweetscore.market.targets import Target
from tweetscore.training.features import NO_LABEL, Prepared
from tweetscore.training.measurable import Measurable
from tweetscore.training.options import TrainingOptions


def held_out_figures(
    learned: Sequence[Measurable], options: TrainingOptions, name: str, *, tried: int | None = None
) -> list[Figures]:
    """Return the figures of ``held_out`` alone."""
    return [each for each, _ in held_out(learned, options, name, tried=tried)]


def held_out(
    learned: Sequence[Measurable], options: TrainingOptions, name: str, *, tried: int | None = None
) -> list[tuple[Figures, Evidence]]:
    """Measure the test parts, once, beside their baselines, and return what each day says.

    Of several symbols each is measured, and before them all that were learned from together.

    ``tried`` figures are corrected together, which is left to the caller; by default those of the
    intervals.

    Several networks are those of walk-forward folds, whose test parts are measured together.
    """
    found = []
    for head, minutes in enumerate(options.intervals):
        folds = [each for each in (_tested(one, head, minutes) for one in learned) if each]
        if not folds:
            continue
        tested = _Tested.of_folds(folds)
        for symbol, part in _by_symbol(tested, learned[0].prepared.symbols):
            measured, days = part.measured(minutes, options, tried or len(options.intervals))
            named = replace(
                measured,
                model=name,
                symbol=symbol,
                target=options.target.name,
                interval_minutes=minutes or None,
            )
            found.append((named, days))
    return found


@dataclass(frozen=True, slots=True)
class _Tested:
    """What networks predict for the test rows of one head, and the true classes."""

    probabilities: npt.NDArray[np.float64]  # (rows, classes)
    truth: npt.NDArray[np.int64]  # (rows,)
    days: npt.NDArray[np.int64]  # (rows,)
    majority: npt.NDArray[np.int64]  # (rows,), most frequent in training; -1 of an unlearned symbol
    momentum: npt.NDArray[np.int64]  # (rows,) places of classes, -1 unknown
    words_right: npt.NDArray[np.float64]  # (rows,) by the bag of words; NaN where there is none
    rows: pl.DataFrame

    @classmethod
    def of_folds(cls, folds: Sequence["_Tested"]) -> "_Tested":
        """Put the rows of all folds one after the other."""
        arrays = ("probabilities", "truth", "days", "majority", "momentum", "words_right")
        joined = {name: np.concatenate([getattr(one, name) for one in folds]) for name in arrays}
        return cls(**joined, rows=pl.concat([one.rows for one in folds]))

    def where(self, kept: npt.NDArray[np.bool_]) -> "_Tested":
        """Return some of the rows."""
        return _Tested(
            self.probabilities[kept], self.truth[kept], self.days[kept], self.majority[kept],
            self.momentum[kept], self.words_right[kept], self.rows.filter(pl.Series(kept)),
        )  # fmt: skip

    def measured(
        self, minutes: int, options: TrainingOptions, tried: int
    ) -> tuple[Figures, Evidence]:
        """Measure the rows beside their baselines."""
        inputs = self.probabilities, self.truth, self.days
        controls = _controls(self.rows, minutes)
        learned = bool((self.majority >= 0).all())
        found = figures(
            *inputs,
            tried=tried,
            controls=controls,
            majority=self.majority if learned else None,
            momentum=self.momentum if f"momentum_{minutes}" in self.rows.columns else None,
            return_bps=_returns(self.rows, minutes, options.target),
        )
        words = float(self.words_right.mean())
        found = replace(found, bag_of_words=None if np.isnan(words) else words, learned=learned)
        return found, evidence(*inputs, controls)


def _by_symbol(tested: _Tested, symbols: Sequence[str]) -> Iterator[tuple[str, _Tested]]:
    """Yield what was tested as a whole, and of several symbols each with a row."""
    if len(symbols) < 2:
        yield "".join(symbols), tested
        return
    learned = tested.where(tested.majority >= 0)
    if learned.rows["symbol"].n_unique() > 1:
        yield POOLED, learned
    for each in symbols:
        own = (tested.rows["symbol"] == each).to_numpy()
        if own.any():
            yield each, tested.where(own)


def _tested(learned: Measurable, head: int, minutes: int) -> _Tested | None:
    train, test = learned.prepared.parts["train"], learned.prepared.parts["test"]
    known = test.labels[:, head] != NO_LABEL
    if not known.any():
        return None
    truth = test.labels[:, head][known]
    rows = test.rows.filter(pl.Series(known))
    fitted = train.labels[:, head] != NO_LABEL
    seen, classes = train.rows.filter(pl.Series(fitted)), train.labels[:, head][fitted]
    words = bag_of_words_right(seen["tokens"], classes, rows["tokens"], truth)
    momentum = np.full(len(truth), -1)
    if f"momentum_{minutes}" in rows.columns:
        momentum = rows[f"momentum_{minutes}"].fill_null(-1).to_numpy()
    return _Tested(
        learned.tested()[:, head][known],
        truth,
        observations(rows["session_date"], minutes),
        _majority(seen, classes, rows, learned.prepared.symbols),
        momentum,
        np.full(len(truth), np.nan) if words is None else words.astype(np.float64),
        rows,
    )


def _majority(
    seen: pl.DataFrame,
    classes: npt.NDArray[np.int64],
    rows: pl.DataFrame,
    symbols: Sequence[str],
) -> npt.NDArray[np.int64]:
    """Return the most frequent class of the training part for each row; of several, its symbol's.

    It is -1 where the training part has none of the symbol.
    """
    if len(symbols) < 2:
        return np.full(rows.height, _most_frequent(classes))
    places = _by_symbols(seen, classes)
    return rows["symbol"].replace_strict(places, default=-1, return_dtype=pl.Int64).to_numpy()


def _by_symbols(seen: pl.DataFrame, classes: npt.NDArray[np.int64]) -> dict[str, int]:
    """Return the most frequent class of each symbol."""
    truth = pl.DataFrame({"symbol": seen["symbol"], "truth": classes})
    return {
        str(symbol): _most_frequent(own["truth"].to_numpy())
        for (symbol,), own in truth.partition_by("symbol", as_dict=True).items()
    }


def of_symbols(prepared: Prepared, options: TrainingOptions) -> dict[str, dict[str, Any]]:
    """Return, for a card, what was learned of each of several symbols; nothing of a single one."""
    if len(prepared.symbols) < 2:
        return {}
    train, found = prepared.parts["train"], {}
    for symbol in prepared.symbols:
        own = (train.rows["symbol"] == symbol).to_numpy()
        found[symbol] = {
            "texts": {
                name: part.rows.filter(pl.col("symbol") == symbol).height
                for name, part in prepared.parts.items()
            },
            "majorities": _majorities(train.labels[own], options),
        }
    return found


def majorities(prepared: Prepared, options: TrainingOptions) -> dict[str, str]:
    """Return the most frequent class of the training part, by minutes."""
    return _majorities(prepared.parts["train"].labels, options)


def _majorities(labels: npt.NDArray[np.int64], options: TrainingOptions) -> dict[str, str]:
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


def _controls(rows: pl.DataFrame, minutes: int) -> npt.NDArray[np.float64] | None:
    """Return what everybody knew at the entries; None where the rows are none of the market."""
    names = ("symbol", "minute_of_session", "session_date", "volatility_bps", f"past_{minutes}")
    if not set(names) <= set(rows.columns):
        return None
    return market_controls(rows.select(names), names[-1])


def _returns(rows: pl.DataFrame, minutes: int, target: Target) -> npt.NDArray[np.float64] | None:
    """Return what a trade by direction would have moved, in basis points."""
    name = f"outcome_{minutes}"
    if target.name != "direction" or name not in rows.columns:
        return None
    if any(map(in_volatility, rows["symbol"].unique())):
        return None
    return rows[name].cast(pl.Float64).to_numpy()

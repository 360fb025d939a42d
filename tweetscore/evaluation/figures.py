"""Turn predictions and outcomes into honest figures.

Probabilities, outcomes and groups of rows enter; figures beside their baselines leave, with an
interval and a p-value that respect shared windows, and a verdict.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
BINS = 10
Floats = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Resampling:
    """How the interval and the p-value are drawn; the sizes of blocks change no value."""

    draws: int = 10_000
    block_draws: int = 1_000
    block_cells: int = 5_000_000  # draws times groups at once: memory does not grow with the groups
    many_groups: int = 10_000  # more than the trading days of a lifetime's archive

    def blocks(self, groups: int) -> Iterator[int]:
        """Split the draws into blocks."""
        size = max(1, min(self.block_draws, self.block_cells // groups))
        for start in range(0, self.draws, size):
            yield min(size, self.draws - start)


USUAL = Resampling()


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of the reliability curve: the mean predicted probability, and the observed share."""

    low: float
    high: float
    rows: int
    predicted: float
    observed: float

    @classmethod
    def from_card(cls, record: dict[str, Any]) -> "Bin":
        """Make a bin again from its ``asdict``, also one of an older card."""
        older = {"said": "predicted", "happened": "observed"}
        return cls(**{older.get(name, name): value for name, value in record.items()})


@dataclass(frozen=True, slots=True)
class Figures:
    """What one model's predictions of one target are worth on rows it has not seen.

    ``interval_minutes`` is None and ``target`` is label where the labels are the user's own, else
    the target is one of the market's. ``days`` counts the groups of rows with dependent outcomes.
    ``baseline`` is the accuracy of always predicting the most frequent class of these rows.
    ``excess_low`` and ``excess_high`` bound accuracy minus baseline at 95 %, by bootstrap over the
    groups. ``calibration_error`` is the mean distance between predicted and observed over the rows
    of ``calibration`` (Naeini 2015). ``p_value`` is the chance of as much skill among coin flips,
    ``p_holm`` the same corrected for the number of figures. ``bag_of_words`` is the accuracy of a
    logistic regression on word counts, where one was trained on the model's own rows; ``momentum``
    that of predicting the class of the minutes before, where it is known.
    """

    model: str
    symbol: str
    interval_minutes: int | None
    target: str
    rows: int
    days: int
    accuracy: float
    baseline: float
    excess_low: float
    excess_high: float
    balanced_accuracy: float
    auc: float | None
    mcc: float
    brier: float
    log_loss: float
    calibration_error: float
    calibration: tuple[Bin, ...]
    p_value: float
    p_holm: float
    verdict: str
    bag_of_words: float | None = None
    momentum: float | None = None

    @classmethod
    def from_card(cls, record: dict[str, Any]) -> "Figures":
        """Make figures again from their ``asdict``, also after it has been JSON."""
        bins = tuple(map(Bin.from_card, record["calibration"]))
        return cls(**{**record, "calibration": bins})


def figures(
    probabilities: npt.NDArray[np.floating[Any]],  # (rows, classes), at least one row
    truth: Wholes,  # (rows,), columns of probabilities
    group: Wholes,  # (rows,), the trading day; for rows without times each its own
    *,
    seed: int = 0,
    momentum: Wholes | None = None,  # (rows,)
    resampling: Resampling = USUAL,
) -> Figures:
    """Measure one set of predictions.

    Of two classes the second is the positive one, predicted from 0.5 on; of more the likeliest is
    predicted. AUC is None unless every class occurred. ``momentum`` is the class of the minutes
    before, or -1 where it is unknown, which counts as the most frequent class of the rows.
    Model, symbol, interval, target and verdict are left to the caller, who knows how many
    intervals were tried.
    """
    from sklearn import metrics

    p = _summing_to_one(probabilities)
    classes = p.shape[1]
    predicted = (p[:, 1] >= 0.5).astype(np.int64) if classes == 2 else p.argmax(axis=1)
    observed = np.eye(classes)[truth]  # (rows, classes)
    present = np.unique(truth)  # scikit-learn warns or fails where a class did not occur
    groups, place = np.unique(group, return_inverse=True)
    low, high = _excess_interval(predicted == truth, observed, place, seed, resampling)
    p_value = _p_value(p, observed, place, seed, resampling)
    bins = _calibration(p, predicted, truth)
    return Figures(
        model="",
        symbol="",
        interval_minutes=None,
        target="",
        rows=len(truth),
        days=len(groups),
        accuracy=float((predicted == truth).mean()),
        baseline=float(observed.mean(axis=0).max()),
        excess_low=low,
        excess_high=high,
        balanced_accuracy=float(
            metrics.recall_score(truth, predicted, labels=present, average="macro", zero_division=0)
        ),
        auc=_auc(p, truth) if len(present) == classes else None,
        mcc=float(metrics.matthews_corrcoef(truth, predicted)) if len(present) > 1 else 0.0,
        # Brier 1950; of two classes, as is the custom, that of the positive one alone: half.
        brier=float(((p - observed) ** 2).sum(axis=1).mean()) / (2 if classes == 2 else 1),
        log_loss=float(metrics.log_loss(truth, p, labels=np.arange(classes))),
        calibration_error=sum(b.rows * abs(b.observed - b.predicted) for b in bins) / len(truth),
        calibration=bins,
        p_value=p_value,
        p_holm=p_value,
        verdict="",
        momentum=None if momentum is None else _momentum_accuracy(momentum, truth),
    )


def with_verdicts(found: Sequence[Figures]) -> list[Figures]:
    """Correct one model's p-values for the number of figures (Holm 1979), and judge each."""
    order = np.argsort([each.p_value for each in found], kind="stable")
    corrected, running = np.ones(len(found)), 0.0
    for rank, place in enumerate(order):
        running = max(running, min(1.0, (len(found) - rank) * found[place].p_value))
        corrected[place] = running
    return [
        replace(each, p_holm=float(p), verdict=_verdict(each, float(p)))
        for each, p in zip(found, corrected, strict=True)
    ]


def bag_of_words_accuracy(
    train_tokens: pl.Series, train_truth: Wholes, test_tokens: pl.Series, test_truth: Wholes
) -> float | None:
    """Return the test accuracy of a logistic regression on word counts.

    ``train_tokens`` and ``test_tokens`` are lists of words, one a row. None where it could learn
    nothing: one class alone occurs, or no word in two texts.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    texts_with = train_tokens.list.unique().explode().drop_nulls().unique_counts()
    if len(np.unique(train_truth)) < 2 or not (texts_with > 1).any():
        return None
    counter = CountVectorizer(analyzer=_as_it_is, min_df=2)
    regression = LogisticRegression(max_iter=1_000)
    regression.fit(counter.fit_transform(train_tokens.to_list()), train_truth)
    return float(regression.score(counter.transform(test_tokens.to_list()), test_truth))


def _as_it_is(tokens: list[str]) -> list[str]:
    return tokens


def _summing_to_one(probabilities: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return rows that sum to 1 in float64; of two classes the positive one stays as it is."""
    p = np.asarray(probabilities, np.float64)
    p = np.stack([1 - p[:, 1], p[:, 1]]).T if p.shape[1] == 2 else p / p.sum(axis=1, keepdims=True)
    return np.asfortranarray(p)  # numpy's mean of a column is exact to rounding only in this order


def _auc(p: Floats, truth: Wholes) -> float:
    """Return the AUC of the positive class; of more classes the mean of each against the rest."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovr"))


def _calibration(p: Floats, predicted: Wholes, truth: Wholes) -> tuple[Bin, ...]:
    """Bin the probability of the positive class; of more than two classes, of the predicted one."""
    two = p.shape[1] == 2
    sure = p[:, 1] if two else p.max(axis=1)
    right = truth == 1 if two else predicted == truth
    of_bin = np.minimum((sure * BINS).astype(np.int64), BINS - 1)  # exactly 1 is in the last
    rows, predicted_sum, observed_sum = (
        np.bincount(of_bin, weights, BINS) for weights in (np.ones(len(sure)), sure, right)
    )
    filled = np.maximum(rows, 1)
    predicted_mean, share = predicted_sum / filled, observed_sum / filled
    return tuple(
        Bin(n / BINS, (n + 1) / BINS, int(rows[n]), float(predicted_mean[n]), float(share[n]))
        for n in np.flatnonzero(rows).tolist()
    )


def _momentum_accuracy(momentum: Wholes, truth: Wholes) -> float:
    more_frequent = int(2 * truth.sum() >= len(truth))  # of as many ups as downs: up
    return float((np.where(momentum < 0, more_frequent, momentum) == truth).mean())


def _excess_interval(
    right: npt.NDArray[np.bool_],
    observed: Floats,
    place: Wholes,
    seed: int,
    resampling: Resampling,
) -> tuple[float, float]:
    """Bound accuracy minus baseline: whole groups drawn with replacement (Efron 1979)."""
    groups = int(place.max()) + 1
    weights = (np.ones(len(right)), right, *observed.T)
    sums = np.stack([np.bincount(place, each, groups) for each in weights])  # (2 + classes, groups)
    shares = np.full(groups, 1 / groups)
    if groups > resampling.many_groups:
        # Groups of the same sums are drawn as one: the same distribution, far sooner.
        sums, alike = np.unique(sums, axis=1, return_counts=True)
        shares = alike / groups
    rng = np.random.default_rng(seed)
    blocks = [
        rng.multinomial(groups, shares, draws) @ sums.T for draws in resampling.blocks(len(shares))
    ]
    rows, rights, *of_class = np.concatenate(blocks).T
    excess = rights / rows - np.max(of_class, axis=0) / rows  # the majority of each draw
    tail = (1 - CONFIDENCE) / 2
    return float(np.quantile(excess, tail)), float(np.quantile(excess, 1 - tail))


def _p_value(
    p: Floats, observed: Floats, place: Wholes, seed: int, resampling: Resampling
) -> float:
    """Return the share of random signs of the groups that reach the covariance of guess and truth.

    One-sided. Windows of one day overlap, so a day is the unit whose sign is drawn.
    """
    products = ((p - p.mean(axis=0)) * (observed - observed.mean(axis=0))).sum(axis=1)
    by_group = np.bincount(place, products)
    rng = np.random.default_rng(seed)
    sums = np.concatenate(
        [
            (rng.integers(0, 2, (draws, len(by_group))) * 2 - 1) @ by_group
            for draws in resampling.blocks(len(by_group))
        ]
    )
    # The sum itself is one of the draws, so the p-value is never 0.
    return float((1 + (sums >= by_group.sum() - 1e-12).sum()) / (1 + resampling.draws))


def _verdict(found: Figures, p_holm: float) -> str:
    return "signal" if p_holm < SIGNIFICANCE and found.excess_low > 0 else "no signal"

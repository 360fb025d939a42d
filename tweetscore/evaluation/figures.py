"""Turn predictions and what then came true into honest figures.

Probabilities, outcomes and groups of rows enter; figures beside their baselines leave, with an
interval and a p-value that respect shared windows, and a verdict in words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

DRAWS = 10_000
BLOCK_DRAWS = 1_000
BLOCK_CELLS = 5_000_000  # draws times groups at once, so that memory does not grow with the groups
MANY_GROUPS = 10_000  # more than the trading days of a lifetime's archive
CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
BINS = 10
LEARNED = ("train", "validation")
Floats = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of the reliability curve: what was said on average, and how often it came true."""

    low: float
    high: float
    rows: int
    said: float
    happened: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What one model's predictions of one target are worth on rows it has not seen.

    ``interval_minutes`` is None and ``target`` is label where the labels are the user's own, else
    the target is direction or move. ``days`` counts the groups of rows whose outcomes may hang
    together. ``baseline`` is the accuracy of always saying the most frequent class of these very
    rows. ``excess_low`` and ``excess_high`` bound accuracy less baseline at 95 %, by bootstrap
    over the groups. ``calibration_error`` is the mean distance between said and happened over the
    rows of ``calibration`` (Naeini 2015). ``p_value`` is the chance of as much skill among coin
    flips, ``p_holm`` the same corrected for the number of figures. ``bag_of_words`` is the
    accuracy of a logistic regression on word counts, where one was trained on the model's own
    rows; ``momentum`` that of expecting the same as in the minutes before, where these are known.
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
        bins = tuple(Bin(**each) for each in record["calibration"])
        return cls(**{**record, "calibration": bins})


def figures(
    probabilities: npt.NDArray[np.floating[Any]],  # (rows, classes), at least one row
    truth: Wholes,  # (rows,), columns of probabilities
    group: Wholes,  # (rows,), the trading day; for rows without times each its own
    *,
    seed: int = 0,
    momentum: Wholes | None = None,  # (rows,)
) -> Figures:
    """Measure one set of predictions.

    Of two classes the second is the positive one, said from 0.5 on; of more the likeliest is said.
    AUC is None unless every class occurred. ``momentum`` is what "the same as in the minutes
    before" said, a class or -1 where unknown, which counts as the most frequent one of the rows.
    Model, symbol, interval, target and verdict are left to the caller, who knows how many
    intervals were tried.
    """
    from sklearn import metrics

    p = _summing_to_one(probabilities)
    classes = p.shape[1]
    said = (p[:, 1] >= 0.5).astype(np.int64) if classes == 2 else p.argmax(axis=1)
    happened = np.eye(classes)[truth]  # (rows, classes)
    present = np.unique(truth)  # scikit-learn warns or fails where a class did not occur
    groups, place = np.unique(group, return_inverse=True)
    low, high = _excess_interval(said == truth, happened, place, seed)
    p_value = _p_value(p, happened, place, seed)
    bins = _calibration(p, said, truth)
    return Figures(
        model="",
        symbol="",
        interval_minutes=None,
        target="",
        rows=len(truth),
        days=len(groups),
        accuracy=float((said == truth).mean()),
        baseline=float(happened.mean(axis=0).max()),
        excess_low=low,
        excess_high=high,
        balanced_accuracy=float(
            metrics.recall_score(truth, said, labels=present, average="macro", zero_division=0)
        ),
        auc=_auc(p, truth) if len(present) == classes else None,
        mcc=float(metrics.matthews_corrcoef(truth, said)) if len(present) > 1 else 0.0,
        # Brier 1950; of two classes, as is the custom, that of the positive one alone: half.
        brier=float(((p - happened) ** 2).sum(axis=1).mean()) / (2 if classes == 2 else 1),
        log_loss=float(metrics.log_loss(truth, p, labels=np.arange(classes))),
        calibration_error=sum(b.rows * abs(b.happened - b.said) for b in bins) / len(truth),
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


def _calibration(p: Floats, said: Wholes, truth: Wholes) -> tuple[Bin, ...]:
    """Bin the probability of the positive class, or of the class said where there are more."""
    two = p.shape[1] == 2
    sure = p[:, 1] if two else p.max(axis=1)
    came_true = truth == 1 if two else said == truth
    of_bin = np.minimum((sure * BINS).astype(np.int64), BINS - 1)  # exactly 1 is in the last
    rows, said_sum, true_sum = (
        np.bincount(of_bin, weights, BINS) for weights in (np.ones(len(sure)), sure, came_true)
    )
    filled = np.maximum(rows, 1)
    said_mean, share = said_sum / filled, true_sum / filled
    return tuple(
        Bin(n / BINS, (n + 1) / BINS, int(rows[n]), float(said_mean[n]), float(share[n]))
        for n in np.flatnonzero(rows).tolist()
    )


def _momentum_accuracy(momentum: Wholes, truth: Wholes) -> float:
    more_frequent = int(2 * truth.sum() >= len(truth))  # of as many ups as downs: up
    return float((np.where(momentum < 0, more_frequent, momentum) == truth).mean())


def _excess_interval(
    right: npt.NDArray[np.bool_], happened: Floats, place: Wholes, seed: int
) -> tuple[float, float]:
    """Bound accuracy less baseline: whole groups drawn with replacement (Efron 1979)."""
    groups = int(place.max()) + 1
    weights = (np.ones(len(right)), right, *happened.T)
    sums = np.stack([np.bincount(place, each, groups) for each in weights])  # (2 + classes, groups)
    shares = np.full(groups, 1 / groups)
    if groups > MANY_GROUPS:  # groups of the same sums are drawn as one: the same law, far sooner
        sums, alike = np.unique(sums, axis=1, return_counts=True)
        shares = alike / groups
    rng = np.random.default_rng(seed)
    blocks = [
        rng.multinomial(groups, shares, draws) @ sums.T for draws in _block_draws(len(shares))
    ]
    rows, rights, *of_class = np.concatenate(blocks).T
    excess = rights / rows - np.max(of_class, axis=0) / rows  # the majority of each draw
    tail = (1 - CONFIDENCE) / 2
    return float(np.quantile(excess, tail)), float(np.quantile(excess, 1 - tail))


def _p_value(p: Floats, happened: Floats, place: Wholes, seed: int) -> float:
    """Return the share of random signs of the groups that reach the covariance of guess and truth.

    One-sided. Windows of one day overlap, so a day is the unit whose sign is drawn.
    """
    products = ((p - p.mean(axis=0)) * (happened - happened.mean(axis=0))).sum(axis=1)
    by_group = np.bincount(place, products)
    rng = np.random.default_rng(seed)
    sums = np.concatenate(
        [
            (rng.integers(0, 2, (draws, len(by_group))) * 2 - 1) @ by_group
            for draws in _block_draws(len(by_group))
        ]
    )
    # The sum itself is one of the draws, so the p-value is never 0.
    return float((1 + (sums >= by_group.sum() - 1e-12).sum()) / (1 + DRAWS))


def _block_draws(groups: int) -> Iterator[int]:
    """Split the draws into blocks; their size changes no value, as the generator goes on."""
    size = max(1, min(BLOCK_DRAWS, BLOCK_CELLS // groups))
    for start in range(0, DRAWS, size):
        yield min(size, DRAWS - start)


def _verdict(found: Figures, p_holm: float) -> str:
    return "signal" if p_holm < SIGNIFICANCE and found.excess_low > 0 else "no signal"

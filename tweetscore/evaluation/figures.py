"""Turn predictions and outcomes into honest figures.

Probabilities, outcomes and groups of rows enter; figures beside their baselines leave, with an
interval and a p-value that respect shared windows, and a verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from tweetscore.evaluation import EFFECT_AUC
from tweetscore.evaluation.calibration import expected_error
from tweetscore.evaluation.correction import Evidence, holm
from tweetscore.evaluation.intervals import Floats, Wholes, auc_interval, mean_interval
from tweetscore.evaluation.skill import USUAL, Resampling, contributions, skill

SIGNIFICANCE = 0.05
BINS = 10
UNTESTED = "cannot be tested"  # a verdict: nobody says what the model has seen
POOLED = "all"  # in place of a symbol: all that the model has learned from, together


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
    ``baseline`` is the accuracy of always predicting one class: the most frequent one of the
    training part, or of these rows where that part is not known (``baseline_of``). ``excess_low``
    and ``excess_high`` bound accuracy minus baseline, ``auc_low`` and ``auc_high`` the AUC, at 95 %
    over the groups, ``accuracy_low`` and ``accuracy_high`` accuracy itself. ``calibration_error``
    is the mean distance between predicted and observed over the rows of ``calibration`` (Naeini
    2015), ``calibration_expected`` what a calibrated model would show on such rows.

    ``p_value`` is the chance of as much skill, beyond the clock and the market's past where these
    are known, among scores without any; ``p_within`` the same within days alone; ``p_corrected``
    is ``p_value`` corrected for ``tests``, the figures judged together: those of ``models_tried``,
    the models that have looked at these days, with ``parts_tried`` looks at another selection of
    the posts (a span, another session, far from news, other settings or links). All are 1 or None
    where the verdict is that nothing can be tested. ``caveat`` is what
    the model's own card holds against it, in a sentence. ``smallest_auc`` is the least AUC that
    these rows would have shown four times in five, also as points of accuracy above a half
    (``smallest_points``) and as what a trade would earn by it before costs (``smallest_bps``).

    ``bag_of_words`` is the accuracy of a logistic regression on word counts, where one was trained
    on the model's own rows; ``momentum`` that of predicting the class of the minutes before, where
    it is known. A card of an older version lacks some of these.
    """

    model: str
    symbol: str  # POOLED of several together, empty of labels
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
    p_corrected: float
    verdict: str
    bag_of_words: float | None = None
    momentum: float | None = None
    baseline_of: Literal["training", "rows"] = "rows"
    auc_low: float | None = None
    auc_high: float | None = None
    p_within: float | None = None
    smallest_auc: float | None = None
    smallest_points: float | None = None
    smallest_bps: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    calibration_expected: float | None = None
    tests: int = 1
    models_tried: int = 1
    parts_tried: int = 0
    model_id: str = ""
    caveat: str | None = None
    learned: bool = True  # from rows of the symbol

    @classmethod
    def from_card(cls, record: dict[str, Any]) -> "Figures":
        """Make figures again from their ``asdict``, also after it has been JSON."""
        older = {"p_holm": "p_corrected"}
        named = {older.get(name, name): value for name, value in record.items()}
        return cls(**{**named, "calibration": tuple(map(Bin.from_card, record["calibration"]))})


def figures(
    probabilities: npt.NDArray[np.floating[Any]],  # (rows, classes), at least one row
    truth: Wholes,  # (rows,), columns of probabilities
    group: Wholes,  # (rows,), the trading day; for rows without times each its own
    *,
    tried: int = 1,
    controls: Floats | None = None,  # (rows, controls), a constant among them
    majority: Wholes | None = None,  # (rows,), the most frequent class of the training part
    momentum: Wholes | None = None,  # (rows,)
    return_bps: Floats | None = None,  # (rows,), of the windows
    seed: int = 0,
    resampling: Resampling = USUAL,
) -> Figures:
    """Measure one set of predictions, one of ``tried`` that are judged together.

    Of two classes the second is the positive one, predicted from 0.5 on; of more the likeliest is
    predicted. AUC is None unless every class occurred. ``controls`` are what everybody knows at the
    entry (``skill.clock_and_past``). ``momentum`` is the class of the minutes before, or -1 where
    it is unknown, which counts as the most frequent class of the rows. Model, symbol, interval,
    target and verdict are left to the caller.
    """
    p = _summing_to_one(probabilities)
    classes = p.shape[1]
    predicted = (p[:, 1] >= 0.5).astype(np.int64) if classes == 2 else p.argmax(axis=1)
    observed = np.eye(classes)[truth]  # (rows, classes)
    groups, place = np.unique(group, return_inverse=True)
    constant = _majority_right(observed, truth, majority)
    auc = auc_interval(p, truth, place) if len(np.unique(truth)) == classes else (None, None, None)
    shown = skill(
        p, observed, place, _or_constant(controls, truth),
        significance=SIGNIFICANCE / tried, seed=seed, resampling=resampling,
    )  # fmt: skip
    bins, expected = _calibration(p, predicted, truth, place)
    return Figures(
        model="",
        symbol="",
        interval_minutes=None,
        target="",
        rows=len(truth),
        days=len(groups),
        **_accuracy(predicted == truth, constant, place),
        baseline_of="rows" if majority is None else "training",
        auc=auc[0],
        auc_low=auc[1],
        auc_high=auc[2],
        **_quality(p, observed, truth, predicted),
        calibration_error=sum(b.rows * abs(b.observed - b.predicted) for b in bins) / len(truth),
        calibration=bins,
        calibration_expected=expected,
        p_value=shown.p_value,
        p_within=shown.p_within,
        p_corrected=shown.p_value,
        **_smallest(shown.smallest_auc, classes, return_bps),
        verdict="",
        momentum=None if momentum is None else _momentum_accuracy(momentum, truth),
    )


def evidence(
    probabilities: npt.NDArray[np.floating[Any]],  # as of ``figures``
    truth: Wholes,
    group: Wholes,
    controls: Floats | None = None,
) -> Evidence:
    """Return what each day says for predictions, to correct their p-value among others."""
    p = _summing_to_one(probabilities)
    groups, place = np.unique(group, return_inverse=True)
    observed = np.eye(p.shape[1])[truth]
    return Evidence(groups, contributions(p, observed, place, _or_constant(controls, truth)))


def _or_constant(controls: Floats | None, truth: Wholes) -> Floats:
    return np.ones((len(truth), 1)) if controls is None else controls


def _accuracy(right: npt.NDArray[np.bool_], constant: Floats, place: Wholes) -> dict[str, Any]:
    """Return the accuracy, that of the most frequent class, and intervals over days."""
    low, high = mean_interval(right, place)
    excess_low, excess_high = mean_interval(right - constant, place)
    return {
        "accuracy": float(right.mean()),
        "accuracy_low": max(low, 0.0),
        "accuracy_high": min(high, 1.0),
        "baseline": float(constant.mean()),
        "excess_low": max(excess_low, -1.0),
        "excess_high": min(excess_high, 1.0),
    }


def _majority_right(observed: Floats, truth: Wholes, majority: Wholes | None) -> Floats:
    """Return where the most frequent class is right: of several, each counts for its share."""
    if majority is not None:
        return np.asarray(truth == majority, np.float64)
    rows = observed.sum(axis=0)
    return np.asarray(observed[:, rows == rows.max()].mean(axis=1), np.float64)


def _quality(p: Floats, observed: Floats, truth: Wholes, predicted: Wholes) -> dict[str, Any]:
    """Return how good probabilities and predictions are, whatever the baseline."""
    from sklearn import metrics

    classes = p.shape[1]
    present = np.unique(truth)  # it warns or fails where a class did not occur
    return {
        "balanced_accuracy": float(
            metrics.recall_score(truth, predicted, labels=present, average="macro", zero_division=0)
        ),
        "mcc": float(metrics.matthews_corrcoef(truth, predicted)) if len(present) > 1 else 0.0,
        # Brier 1950; of two classes, as is the custom, that of the positive one alone: half.
        "brier": float(((p - observed) ** 2).sum(axis=1).mean()) / (2 if classes == 2 else 1),
        "log_loss": float(metrics.log_loss(truth, p, labels=np.arange(classes))),
    }


def _smallest(auc: float | None, classes: int, return_bps: Floats | None) -> dict[str, Any]:
    """Return an effect as AUC and, of two classes, as points of accuracy and basis points a trade.

    The latter hold for normal scores of classes that are as frequent as each other.
    """
    if auc is None or classes != 2:
        return {"smallest_auc": auc}
    share = float(stats.norm.cdf(stats.norm.ppf(auc) / np.sqrt(2)))  # of right guesses
    bps = None if return_bps is None else (2 * share - 1) * float(np.abs(return_bps).mean())
    return {"smallest_auc": auc, "smallest_points": 100 * (share - 0.5), "smallest_bps": bps}


def with_verdicts(
    found: Sequence[Figures], effect_auc: float = EFFECT_AUC, *, tried: int = 0
) -> list[Figures]:
    """Correct one model's p-values for the number of figures (Holm 1979), and judge each.

    Of ``tried`` figures, if that is more, those that are not here count as the largest, so that the
    best of a model's heads, alone, is corrected as among the others. Without a signal, rows that
    would not have shown ``effect_auc`` are inconclusive.
    """
    tests = max(tried, len(found))
    return judged(found, holm([each.p_value for each in found], tests), tests, effect_auc)


def judged(
    found: Sequence[Figures], corrected: Floats, tests: int, effect_auc: float = EFFECT_AUC
) -> list[Figures]:
    """Give figures their p-values as corrected for so many tests, and their verdicts."""
    p_values = [max(each.p_value, p) for each, p in zip(found, corrected.tolist(), strict=True)]
    return [
        replace(each, p_corrected=p, tests=tests, verdict=_verdict(each, p, effect_auc))
        for each, p in zip(found, p_values, strict=True)
    ]


def untested(found: Figures) -> Figures:
    """Return figures of posts that the model may know by heart: they are no evidence."""
    return replace(
        found, p_value=1.0, p_within=None, p_corrected=1.0, smallest_auc=None, smallest_points=None,
        smallest_bps=None, verdict=UNTESTED,
    )  # fmt: skip


def majority_places(card: Mapping[str, Any], symbol: str = "") -> dict[int, int]:
    """Return the class that was most frequent in a model's training part, by minutes.

    Classes are places on its card; cards of older versions name none. Where the model has learned
    from several symbols it is that of ``symbol``.
    """
    found = card.get("majorities", {})
    if card.get("symbols"):
        found = card["symbols"].get(symbol, {}).get("majorities", {})
    return {int(minutes): card["classes"].index(name) for minutes, name in found.items()}


def bag_of_words_right(
    train_tokens: pl.Series, train_truth: Wholes, test_tokens: pl.Series, test_truth: Wholes
) -> npt.NDArray[np.bool_] | None:
    """Return which test rows a logistic regression on word counts predicts correctly.

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
    predicted = regression.predict(counter.transform(test_tokens.to_list()))
    return np.asarray(predicted == test_truth)


def _as_it_is(tokens: list[str]) -> list[str]:
    return tokens


def _summing_to_one(probabilities: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return rows that sum to 1 in float64; of two classes the positive one stays as it is."""
    p = np.asarray(probabilities, np.float64)
    p = np.stack([1 - p[:, 1], p[:, 1]]).T if p.shape[1] == 2 else p / p.sum(axis=1, keepdims=True)
    return np.asfortranarray(p)  # numpy's mean of a column is exact to rounding only in this order


def _calibration(
    p: Floats, predicted: Wholes, truth: Wholes, day: Wholes
) -> tuple[tuple[Bin, ...], float]:
    """Bin the probability of the positive class; of more than two classes, of the predicted one.

    Returns:
        The bins with rows, and the calibration error to expect of a calibrated model.
    """
    two = p.shape[1] == 2
    sure = p[:, 1] if two else p.max(axis=1)
    right = truth == 1 if two else predicted == truth
    of_bin = np.minimum((sure * BINS).astype(np.int64), BINS - 1)  # exactly 1 is in the last
    rows, predicted_sum, observed_sum = (
        np.bincount(of_bin, weights, BINS) for weights in (np.ones(len(sure)), sure, right)
    )
    filled = np.maximum(rows, 1)
    predicted_mean, share = predicted_sum / filled, observed_sum / filled
    found = tuple(
        Bin(n / BINS, (n + 1) / BINS, int(rows[n]), float(predicted_mean[n]), float(share[n]))
        for n in np.flatnonzero(rows).tolist()
    )
    return found, expected_error(sure, right.astype(np.float64), of_bin, day)


def _momentum_accuracy(momentum: Wholes, truth: Wholes) -> float:
    more_frequent = int(2 * truth.sum() >= len(truth))  # of as many ups as downs: up
    return float((np.where(momentum < 0, more_frequent, momentum) == truth).mean())


def _verdict(found: Figures, p_corrected: float, effect_auc: float) -> str:
    if p_corrected < SIGNIFICANCE:
        return "signal"
    if found.smallest_auc is None or found.smallest_auc > effect_auc:
        return "inconclusive"
    return "no signal"

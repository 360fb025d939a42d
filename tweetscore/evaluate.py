"""Turn predictions and what the market then did into honest figures.

Probabilities, outcomes and trading days enter; figures beside their baselines leave, with an
interval and a p-value that respect shared windows, and a verdict in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.errors import InputError
from tweetscore.store import Store, statement

DRAWS = 10_000
BLOCK_DRAWS = 1_000  # so that memory does not grow with the number of days
CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one model's predictions at one interval are worth on rows it has not seen.

    ``baseline`` is the accuracy of always saying the more frequent outcome of these very rows.
    ``excess_low`` and ``excess_high`` bound accuracy less baseline at 95 %, by bootstrap over
    trading days. ``p_value`` is the chance of as much skill among coin flips, ``p_holm`` the same
    corrected for the number of intervals. ``bag_of_words`` is the accuracy of a logistic
    regression on word counts, where one was trained on the model's own rows.
    """

    model: str
    symbol: str
    interval_minutes: int
    rows: int
    days: int
    accuracy: float
    baseline: float
    excess_low: float
    excess_high: float
    auc: float | None
    mcc: float
    brier: float
    p_value: float
    p_holm: float
    verdict: str
    bag_of_words: float | None = None


def figures(
    probability_up: Floats, up: npt.NDArray[np.bool_], day: npt.NDArray[np.int64], *, seed: int = 0
) -> Figures:
    """Measure one set of predictions; ``(rows,)`` arrays, at least one row.

    AUC is null where only one outcome occurred. Model, symbol, interval and verdict are left to
    the caller, who knows how many intervals were tried.
    """
    from sklearn.metrics import brier_score_loss, matthews_corrcoef, roc_auc_score

    said_up = probability_up >= 0.5
    both = bool(up.any() and not up.all())  # scikit-learn warns or fails where one outcome occurred
    days, place = np.unique(day, return_inverse=True)
    low, high = _excess_interval(said_up == up, up, place, len(days), seed)
    p_value = _p_value(probability_up, up, place, len(days), seed)
    return Figures(
        model="",
        symbol="",
        interval_minutes=0,
        rows=len(up),
        days=len(days),
        accuracy=float((said_up == up).mean()),
        baseline=max(float(up.mean()), 1 - float(up.mean())),
        excess_low=low,
        excess_high=high,
        auc=float(roc_auc_score(up, probability_up)) if both else None,
        mcc=float(matthews_corrcoef(up, said_up)) if both else 0.0,
        brier=float(brier_score_loss(up, probability_up)),
        p_value=p_value,
        p_holm=p_value,
        verdict="",
    )


def with_verdicts(found: Sequence[Figures]) -> list[Figures]:
    """Correct one model's p-values for the number of intervals (Holm 1979), and judge each."""
    order = np.argsort([each.p_value for each in found], kind="stable")
    corrected, running = np.ones(len(found)), 0.0
    for rank, place in enumerate(order):
        running = max(running, min(1.0, (len(found) - rank) * found[place].p_value))
        corrected[place] = running
    return [
        replace(each, p_holm=float(p), verdict=_verdict(each, float(p)))
        for each, p in zip(found, corrected, strict=True)
    ]


def overall_verdict(found: Sequence[Figures]) -> str:
    """Say in one sentence what all intervals together show."""
    signals = [str(each.interval_minutes) for each in found if each.verdict == "signal"]
    if signals:
        return f"Signal beyond the baseline at {', '.join(signals)} minutes."
    return "No signal beyond the baseline at any interval."


def evaluate(store: Store, *, model: str | None = None, session: str = "regular") -> list[Figures]:
    """Measure the stored predictions of tweets outside each model's training and validation parts.

    Raises:
        InputError: the model is unknown, or there is no such prediction with an outcome.
    """
    scored = store.rows("SELECT name, model_id FROM models ORDER BY name, model_id")
    if model is not None and not any(model in names for names in scored):
        known = ", ".join(dict.fromkeys(name for name, _ in scored)) or "none"
        raise InputError(f"{store.path}: no model {model} has scored here; it has: {known}")
    rows = store.frame(statement("outcomes"), model=model, session=session)
    if rows.is_empty():
        raise InputError(
            f"{store.path}: no prediction outside a training part has an outcome in the {session} "
            "session; run tweetscore score, or ingest bars of later days"
        )
    result = []
    for _, of_model in rows.group_by("model_id", "symbol", maintain_order=True):
        found = []
        for (interval,), part in of_model.group_by("interval_minutes", maintain_order=True):
            measured = figures(
                part["probability_up"].cast(pl.Float64).to_numpy(),
                part["up"].to_numpy(),
                part["session_date"].to_physical().cast(pl.Int64).to_numpy(),
            )
            found.append(
                replace(
                    measured,
                    model=part["model"][0],
                    symbol=part["symbol"][0],
                    interval_minutes=int(str(interval)),
                )
            )
        result += with_verdicts(found)
    return result


def bag_of_words_accuracy(
    train_tokens: pl.Series,
    train_up: npt.NDArray[np.bool_],
    test_tokens: pl.Series,
    test_up: npt.NDArray[np.bool_],
) -> float | None:
    """Return the test accuracy of a logistic regression on word counts; None for one outcome.

    ``train_tokens`` and ``test_tokens`` are lists of words, one a row.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if train_up.all() or not train_up.any():
        return None
    counter = CountVectorizer(analyzer=_as_it_is, min_df=2)
    pipeline = make_pipeline(counter, LogisticRegression(max_iter=1_000))
    pipeline.fit(train_tokens.to_list(), train_up)
    return float(pipeline.score(test_tokens.to_list(), test_up))


def _as_it_is(tokens: list[str]) -> list[str]:
    return tokens


def _excess_interval(
    right: npt.NDArray[np.bool_],
    up: npt.NDArray[np.bool_],
    place: npt.NDArray[np.int64],
    days: int,
    seed: int,
) -> tuple[float, float]:
    """Bound accuracy less baseline: whole trading days drawn with replacement (Efron 1979)."""
    sums = np.stack(
        [np.bincount(place, weights, days) for weights in (np.ones(len(up)), right, up)]
    )
    rng, even = np.random.default_rng(seed), np.full(days, 1 / days)
    blocks = [
        rng.multinomial(days, even, BLOCK_DRAWS) @ sums.T for _ in range(DRAWS // BLOCK_DRAWS)
    ]
    rows, rights, ups = np.concatenate(blocks).T
    excess = rights / rows - np.maximum(ups, rows - ups) / rows  # the majority of each draw
    tail = (1 - CONFIDENCE) / 2
    return float(np.quantile(excess, tail)), float(np.quantile(excess, 1 - tail))


def _p_value(
    probability_up: Floats,
    up: npt.NDArray[np.bool_],
    place: npt.NDArray[np.int64],
    days: int,
    seed: int,
) -> float:
    """Return the share of random signs of the days that reach the covariance of guess and outcome.

    One-sided. Windows of one day overlap, so a day is the unit whose sign is drawn.
    """
    products = (probability_up - probability_up.mean()) * (up - up.mean())
    by_day = np.bincount(place, products, days)
    rng = np.random.default_rng(seed)
    sums = np.concatenate(
        [
            (rng.integers(0, 2, (BLOCK_DRAWS, days)) * 2 - 1) @ by_day
            for _ in range(DRAWS // BLOCK_DRAWS)
        ]
    )
    # The sum itself is one of the draws, so the p-value is never 0.
    return float((1 + (sums >= by_day.sum() - 1e-12).sum()) / (1 + DRAWS))


def _verdict(found: Figures, p_holm: float) -> str:
    return "signal" if p_holm < SIGNIFICANCE and found.excess_low > 0 else "no signal"

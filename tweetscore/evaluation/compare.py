"""Hold all models against each other: a database enters, their order and its certainty leave.

They are measured on the same rows: those of posts that all of them have predicted and none of them
may have seen. A day is one observation of the difference of two models, as it is of each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.evaluation.correction import Evidence, romano_wolf
from tweetscore.evaluation.evaluate import UNKNOWN, check_model, outcomes, unseen
from tweetscore.evaluation.figures import POOLED, SIGNIFICANCE
from tweetscore.evaluation.intervals import (
    Bounded,
    Floats,
    Wholes,
    auc_difference,
    auc_interval,
    auc_shares,
    mean_bounds,
    observations,
)
from tweetscore.evaluation.tried import families, scored_models
from tweetscore.market.horizons import Horizon
from tweetscore.market.news import News, far_from_news
from tweetscore.store.database import Store
from tweetscore.store.trials import known_trials

TARGET = "direction"
_LEAST_PROBABILITY = float(np.finfo(np.float64).eps)  # of the class that came, as in sklearn
_POST = ("symbol", "platform", "tweet_id")


@dataclass(frozen=True, slots=True)
class Standing:
    """One model on the rows that it shares with the others, at one interval of one symbol."""

    place: int  # from 1, by AUC
    model: str
    model_id: str
    symbol: str  # POOLED of several together
    interval_minutes: int
    rows: int
    days: int  # or longer spans, see ``intervals.unit_of``
    auc: float
    auc_low: float | None
    auc_high: float | None
    accuracy: float
    brier: float
    log_loss: float
    behind: Bounded | None  # by how much its AUC is below the best one; None of the best
    p_corrected: float | None  # of that difference


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models on the same rows; the first one has the higher AUC.

    Differences are those of the first less the second, with 95 % intervals of this pair alone.
    ``p_corrected`` is two-sided, and corrected for all pairs of all models known to have been tried
    on these days.
    """

    better_id: str
    other_id: str
    symbol: str
    interval_minutes: int
    auc: Bounded
    accuracy: Bounded
    log_loss: Bounded
    p_corrected: float

    @property
    def is_told_apart(self) -> bool:
        """Whether the order of the two is no chance."""
        return self.p_corrected < SIGNIFICANCE


@dataclass(frozen=True, slots=True)
class Comparison:
    """All models on the rows that they share."""

    standings: tuple[Standing, ...]  # by interval and symbol, the best first
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]  # which models or intervals are not compared, and why; a line each
    models_tried: int  # on these days, whether they are here or not
    tests: int  # pairs that the p-values are corrected for


@dataclass(frozen=True, slots=True)
class _Part:
    """The shared rows of one interval and symbol: a column of probabilities for each model."""

    symbol: str
    interval_minutes: int
    models: tuple[str, ...]  # ids
    scores: Floats  # (rows, models)
    truth: Wholes  # (rows,)
    day: Wholes  # (rows,)

    @property
    def has_both_classes(self) -> bool:
        """Whether an AUC can be measured."""
        return len(np.unique(self.truth)) == 2


def compare(
    store: Store,
    models: Sequence[str] = (),
    *,
    session: str = "regular",
    news: News | None = None,
) -> Comparison:
    """Compare the models of a database that predict the direction.

    Args:
        store: the open database.
        models: names or ids; none means all.
        session: the trading hours whose prices count.
        news: times near which no window counts.

    Raises:
        InputError: a model is unknown, there are not two that can be judged, or they share no row.
    """
    for each in models:
        check_model(store, each)
    whole = outcomes(store, session).filter(pl.col("target") == TARGET)
    whole = rows = far_from_news(whole, news, lambda _: None)
    if models:
        rows = whole.filter(pl.any_horizontal(pl.col("model", "model_id").is_in(list(models))))
    names = dict(rows.select("model_id", "model").unique(maintain_order=True).iter_rows())
    judged = unseen(rows)
    left_out = [
        f"{name} ({model_id}) is left out: nobody says what it has seen; say until when with "
        "--trained-until"
        for model_id, name in names.items()
        if (rows.filter(model_id=model_id)["split"] == UNKNOWN).all()
    ]
    if judged["model_id"].n_unique() < 2:
        raise InputError(_too_few(store, judged, left_out, session))
    parts, lines = _shared(judged, names)
    left_out += lines
    if not parts:
        raise InputError(f"{store.path}: no rows to compare models on; {'; '.join(left_out)}")
    compared = {each for part in parts for each in part.models}
    of_all = families(scored_models(store, unseen(whole), session), known_trials(store))
    tried = max(family.models for each, family in of_all if each.model_id in compared)
    tried = max(tried, len(compared))
    tests = len(parts) * tried * (tried - 1) // 2
    pairs = _pairs(parts, tests)
    standings = [one for part in parts for one in _standings(part, pairs, names)]
    return Comparison(tuple(standings), tuple(pairs), tuple(left_out), tried, tests)


def _too_few(store: Store, judged: pl.DataFrame, left_out: Sequence[str], session: str) -> str:
    there = ", ".join(judged["model"].unique(maintain_order=True)) or "none"
    why = "".join(f"; {each}" for each in left_out)
    return (
        f"{store.path}: two models are needed that predict the direction after posts which they "
        f"have not seen, with an outcome in the {session} session; here: {there}{why}; score with "
        "another model, or import predictions"
    )


# --- the rows that models share -------------------------------------------------------------------


def _shared(judged: pl.DataFrame, names: dict[str, str]) -> tuple[list[_Part], list[str]]:
    """Return the shared rows of each interval, and a line for each interval without any."""
    parts: list[_Part] = []
    lines = []
    for of_interval in judged.partition_by("interval_minutes", maintain_order=True):
        minutes = int(of_interval["interval_minutes"][0])
        own = tuple(of_interval["model_id"].unique(maintain_order=True))
        if len(own) < 2:
            lines.append(f"{Horizon(minutes).words}: only {names[own[0]]} predicts it")
            continue
        rows = _common(of_interval, len(own))
        if rows.is_empty():
            lines.append(f"{Horizon(minutes).words}: {_why_none(of_interval, own, names)}")
            continue
        by_symbol = rows.partition_by("symbol", maintain_order=True)
        together = [rows] if len(by_symbol) > 1 else []
        found = [_part(each, minutes, own) for each in (*together, *by_symbol)]
        parts += [each for each in found if each.has_both_classes]
        lines += [
            f"{Horizon(minutes).words}, {each.symbol}: all {len(each.truth):,} shared outcomes are "
            "of one class"
            for each in found
            if not each.has_both_classes
        ]
    return parts, lines


def _common(rows: pl.DataFrame, models: int) -> pl.DataFrame:
    shared = rows.group_by(_POST).len().filter(pl.col("len") == models)
    return rows.join(shared, on=_POST, how="semi").sort(_POST)


def _why_none(rows: pl.DataFrame, own: Sequence[str], names: dict[str, str]) -> str:
    """Say which models leave no row that all share."""
    fact = f"no post that all of {', '.join(names[each] for each in own)} may not have seen"
    for each in own:
        left = _common(rows.filter(pl.col("model_id") != each), len(own) - 1)
        if len(own) > 2 and left.height:
            others = " ".join(f"--model {other}" for other in own if other != each)
            return (
                f"{fact}: {names[each]} ({each}) leaves none, and the others share {left.height:,} "
                f"rows; compare them with {others}"
            )
    dates = rows.group_by("model_id").agg(
        first=pl.col("posted_utc").min().dt.date(), last=pl.col("posted_utc").max().dt.date()
    )
    known = {model_id: f"{first} to {last}" for model_id, first, last in dates.iter_rows()}
    spans = [f"{names[each]} {known[each]}" for each in own]
    return f"{fact}: their posts are {', '.join(spans)}"


def _part(rows: pl.DataFrame, minutes: int, models: tuple[str, ...]) -> _Part:
    keys = [*_POST, "truth", "session_date"]
    wide = rows.pivot(on="model_id", index=keys, values="probability", sort_columns=False)
    symbols = wide["symbol"].unique()
    return _Part(
        POOLED if len(symbols) > 1 else str(symbols[0]),
        minutes,
        models,
        wide.select(pl.col(models).cast(pl.Float64)).to_numpy(),
        wide["truth"].cast(pl.Int64).to_numpy(),
        observations(wide["session_date"], minutes),
    )


# --- differences ----------------------------------------------------------------------------------


def _pairs(parts: Sequence[_Part], tests: int) -> list[Pair]:
    """Return all pairs; each one is two tests, as either may be the better one."""
    evidence, found = [], []
    for part in parts:
        shares = [auc_shares(scores, part.truth) for scores in part.scores.T]
        auc = [float(each.sum()) for each in shares]
        days, place = np.unique(part.day, return_inverse=True)
        for a, b in combinations(np.argsort([-each for each in auc], kind="stable").tolist(), 2):
            sums = np.bincount(place, shares[a] - shares[b]).astype(np.float64)
            evidence += [Evidence(days, sums), Evidence(days, -sums)]
            found.append((part, a, b))
    p_values = romano_wolf(evidence, 2 * tests)[::2]
    return [_pair(*each, float(p)) for each, p in zip(found, p_values, strict=True)]


def _pair(part: _Part, a: int, b: int, p_corrected: float) -> Pair:
    first, second = part.scores[:, a], part.scores[:, b]
    right = [(each >= 0.5) == part.truth for each in (first, second)]
    loss = [_log_losses(each, part.truth) for each in (first, second)]
    return Pair(
        part.models[a],
        part.models[b],
        part.symbol,
        part.interval_minutes,
        auc_difference(first, second, part.truth, part.day),
        mean_bounds(right[0].astype(np.float64) - right[1], part.day),
        mean_bounds(loss[0] - loss[1], part.day),
        p_corrected,
    )


def _standings(part: _Part, pairs: Sequence[Pair], names: dict[str, str]) -> Iterator[Standing]:
    """Yield the models of a part, the best first, each beside the best one."""
    own = [
        each
        for each in pairs
        if (each.symbol, each.interval_minutes) == (part.symbol, part.interval_minutes)
    ]
    best = own[0].better_id
    order = [best, *(each.other_id for each in own if each.better_id == best)]
    to_best = {each.other_id: each for each in own if each.better_id == best}
    for place, model_id in enumerate(order, 1):
        p = part.scores[:, part.models.index(model_id)]
        auc, low, high = auc_interval(np.stack([1 - p, p], axis=1), part.truth, part.day)
        pair = to_best.get(model_id)
        yield Standing(
            place,
            names[model_id],
            model_id,
            part.symbol,
            part.interval_minutes,
            len(p),
            len(np.unique(part.day)),
            auc,
            low,
            high,
            float(((p >= 0.5) == part.truth).mean()),
            float(((p - part.truth) ** 2).mean()),
            float(_log_losses(p, part.truth).mean()),
            pair.auc if pair else None,
            pair.p_corrected if pair else None,
        )


def _log_losses(p: Floats, truth: Wholes) -> Floats:
    of_class = np.where(truth == 1, p, 1 - p)
    return np.asarray(-np.log(np.maximum(of_class, _LEAST_PROBABILITY)), np.float64)

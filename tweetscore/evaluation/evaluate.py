"""Measure stored predictions: a database enters, honest figures of each model leave."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from tweetscore.errors import InputError, did_you_mean
from tweetscore.evaluation import EFFECT_AUC
from tweetscore.evaluation.figures import Figures, figures, majority_places, with_verdicts
from tweetscore.evaluation.skill import market_controls
from tweetscore.store.database import Store, statement

_CARD = "SELECT card FROM models WHERE model_id = $model_id"
UNSEEN = ("test", "after")  # as the macro unseen


def evaluate(
    store: Store,
    *,
    model: str | None = None,
    session: str = "regular",
    from_utc: datetime | None = None,
    until_utc: datetime | None = None,
    effect_auc: float = EFFECT_AUC,
) -> list[Figures]:
    """Measure the stored predictions of tweets from each model's test part on.

    Figures of one model are corrected together: of every head on its card, and of every symbol.
    Where there is no signal, days that could not have shown ``effect_auc`` are inconclusive.
    ``from_utc`` and ``until_utc`` (not included) name a span of times of posting.

    Raises:
        InputError: the model is unknown, or there is no such prediction with an outcome, or the
            span holds some from before the model's test part.
    """
    rows = _outcomes(store, model, session, from_utc, until_utc)
    _refuse_learned(store, rows)
    result = []
    for _, of_model in rows.group_by("model_id", maintain_order=True):
        parts = of_model.partition_by("symbol", "interval_minutes", maintain_order=True)
        (card,) = store.row(_CARD, model_id=of_model["model_id"][0])
        tried = _trained(json.loads(card), of_model)
        majorities = majority_places(json.loads(card))
        found = [_figures_of(part, tried, majorities) for part in parts]
        result += with_verdicts(found, effect_auc, tried=tried)
    return result


def _trained(card: Mapping[str, Any], rows: pl.DataFrame) -> int:
    """Return how many figures a model could have: of each head, scored or not, and each symbol."""
    heads = {*card.get("intervals", ()), *rows["interval_minutes"]}
    return len(heads) * rows["symbol"].n_unique()


def _outcomes(
    store: Store,
    model: str | None,
    session: str,
    from_utc: datetime | None,
    until_utc: datetime | None,
) -> pl.DataFrame:
    scored = store.rows("SELECT name, model_id FROM models ORDER BY name, model_id")
    if model is not None and not any(model in names for names in scored):
        names = list(dict.fromkeys(name for name, _ in scored))
        raise InputError(
            f"{store.path}: no model {model} has scored here; it has: {', '.join(names) or 'none'}"
            f"{did_you_mean(model, names)}"
        )
    rows = store.frame(
        statement("evaluation/outcomes"),
        model=model,
        session=session,
        from_utc=from_utc,
        until_utc=until_utc,
    )
    if rows.is_empty():
        span = "" if from_utc is None and until_utc is None else " of that span"
        raise InputError(
            f"{store.path}: no prediction from a test part on has an outcome in the {session} "
            f"session{span}; run tweetscore score, or ingest bars of later days"
        )
    return rows


def _refuse_learned(store: Store, rows: pl.DataFrame) -> None:
    """Refuse a span that includes rows from before a model's test part.

    Raises:
        InputError: it does.
    """
    learned = rows.filter(~pl.col("split").is_in(UNSEEN))
    if learned.is_empty():
        return
    model_id, name = learned.row(0, named=True)["model_id"], learned["model"][0]
    of_model = rows.filter(pl.col("model_id") == model_id)
    count = (~of_model["split"].is_in(UNSEEN)).sum()
    (test_from_utc,) = store.row(
        "SELECT test_from_utc FROM models WHERE model_id = $model_id", model_id=model_id
    )
    since = test_from_utc.isoformat()
    raise InputError(
        f"{store.path}: {count:,} of the {len(of_model):,} predictions of that span lie before the "
        f"test part of {name}, which runs from {since} UTC; "
        f"evaluate from {since} on, or leave out --from and --until"
    )


def _figures_of(part: pl.DataFrame, tried: int, majorities: Mapping[int, int]) -> Figures:
    """Measure one model's predictions of one target at one interval, of so many."""
    first = part.row(0, named=True)
    positive = part["probability"].cast(pl.Float64).to_numpy()
    past = part["past"].cast(pl.Int64).fill_null(-1).to_numpy()
    majority = majorities.get(first["interval_minutes"])
    measured = figures(
        np.stack([1 - positive, positive], axis=1),
        part["truth"].cast(pl.Int64).to_numpy(),
        part["session_date"].to_physical().cast(pl.Int64).to_numpy(),
        tried=tried,
        controls=market_controls(part, "past_bps"),
        majority=None if majority is None else np.full(part.height, majority),
        momentum=past,
        return_bps=part["return_bps"].to_numpy() if first["target"] == "direction" else None,
    )
    named = {name: first[name] for name in ("model", "symbol", "interval_minutes", "target")}
    return replace(measured, **named)

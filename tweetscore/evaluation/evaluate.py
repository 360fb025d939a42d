"""Measure stored predictions: a database enters, honest figures of each model leave."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from tweetscore.errors import InputError, did_you_mean
from tweetscore.evaluation import EFFECT_AUC
from tweetscore.evaluation.caveats import caveat_of
from tweetscore.evaluation.correction import Evidence, romano_wolf
from tweetscore.evaluation.figures import (
    POOLED,
    Figures,
    evidence,
    figures,
    judged,
    majority_places,
    untested,
)
from tweetscore.evaluation.intervals import Floats, Wholes, observations
from tweetscore.evaluation.skill import market_controls
from tweetscore.evaluation.tried import (
    Family,
    Scored,
    families,
    learned_symbols,
    scored_models,
    symbol_of,
)
from tweetscore.market.news import News, far_from_news
from tweetscore.market.symbols import in_volatility
from tweetscore.store.database import Store, statement
from tweetscore.store.trials import Trial, known_trials, record_trials

UNSEEN = ("test", "after", "outside")  # as the macro unseen
UNKNOWN = "unknown"
_NAMES = ("model", "model_id")


def evaluate(
    store: Store,
    *,
    model: str | None = None,
    session: str = "regular",
    from_utc: datetime | None = None,
    until_utc: datetime | None = None,
    effect_auc: float = EFFECT_AUC,
    news: News | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> list[Figures]:
    """Measure the stored predictions of tweets from each model's test part on.

    p-values are corrected for everything that has looked at some of the same days, whichever model
    is asked for: every head, scored or not, of every model, on every symbol, and on all together
    that it has learned from where these are several; and for every look at a part of the posts, by
    span, session or news, which the ledger of trials keeps. Where there is
    no signal, days that could not have shown ``effect_auc`` are inconclusive. Models of which
    nobody says what they have seen come last: their figures are of all posts, and no evidence.
    ``from_utc`` and ``until_utc`` (not included) name a span of times of posting. Windows near
    ``news`` are left out, and ``on_message`` is told how many.

    Raises:
        InputError: the model is unknown, or there is no such prediction with an outcome, or the
            span holds some from before the model's test part.
    """
    rows = outcomes(store, session, from_utc, until_utc)
    whole = rows if from_utc is None is until_utc else outcomes(store, session)
    rows = far_from_news(rows, news, on_message)
    named = pl.lit(True) if model is None else pl.any_horizontal(pl.col(*_NAMES) == model)
    asked = rows.filter(named)
    _check(store, asked, model, session, spanned=bool(from_utc or until_utc))
    found = scored_models(store, unseen(rows), session, unseen(whole))
    wanted, corrected = set(asked["model_id"]), _Corrected()
    result: list[Figures] = []
    looks: list[Trial] = []
    for each, family in families(found, known_trials(store)):
        if each.model_id in wanted:
            measured = [_figures_of(part, family, each.card) for part in each.parts]
            result += judged(measured, corrected.of(each, family), family.tests, effect_auc)
            looks += each.trials()
    _keep(store, looks, on_message)
    return result + _untested(store, asked, session)


def outcomes(
    store: Store, session: str, from_utc: datetime | None = None, until_utc: datetime | None = None
) -> pl.DataFrame:
    """Return the predictions whose outcome is known, as the statement says."""
    asked = {"session": session, "from_utc": from_utc, "until_utc": until_utc}
    return store.frame(statement("evaluation/outcomes"), **asked)


def unseen(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of posts that their model has not seen."""
    return rows.filter(pl.col("split").is_in(UNSEEN))


def _untested(store: Store, rows: pl.DataFrame, session: str) -> list[Figures]:
    """Measure the models of which nobody says what they have seen."""
    found = scored_models(store, rows.filter(pl.col("split") == UNKNOWN), session)
    alone = Family((), tests=1, models=1, parts=0)
    return [untested(_figures_of(one, alone, each.card)) for each in found for one in each.parts]


def _keep(store: Store, looks: Sequence[Trial], on_message: Callable[[str], None]) -> None:
    """Note looks at a part of the posts, so that the next one is corrected for them."""
    if not looks:
        return
    if store.is_read_only:
        on_message(
            f"{store.path}: open for reading only, so later figures are not corrected for this "
            "look at a part of the posts"
        )
        return
    with store.transaction():
        record_trials(store, looks)


def check_model(store: Store, model: str) -> None:
    """Refuse the name or id of a model that is not there.

    Raises:
        InputError: it is not.
    """
    scored = store.rows("SELECT name, model_id FROM models ORDER BY name, model_id")
    if not any(model in names for names in scored):
        names = list(dict.fromkeys(name for name, _ in scored))
        raise InputError(
            f"{store.path}: no model {model} has scored here; it has: {', '.join(names) or 'none'}"
            f"{did_you_mean(model, names)}"
        )


class _Corrected:
    """The corrected p-values of families; models of one family share the work."""

    def __init__(self) -> None:
        self._evidence: dict[str, list[Evidence]] = {}
        self._p_values: dict[tuple[str, ...], Floats] = {}

    def of(self, model: Scored, family: Family) -> Floats:
        """Return those of the parts of one model."""
        members = tuple(each.model_id for each in family.members)
        for each in family.members:
            if each.model_id not in self._evidence:
                self._evidence[each.model_id] = [evidence(*_inputs(part)) for part in each.parts]
        if members not in self._p_values:
            of_all = [one for each in members for one in self._evidence[each]]
            self._p_values[members] = romano_wolf(of_all, family.tests)
        own = np.repeat(members, [len(self._evidence[each]) for each in members])
        p_values: Floats = self._p_values[members][own == model.model_id]
        return p_values


def _check(
    store: Store, asked: pl.DataFrame, model: str | None, session: str, *, spanned: bool
) -> None:
    """Refuse what cannot be measured.

    Raises:
        InputError: as ``evaluate``.
    """
    if model is not None:
        check_model(store, model)
    if asked.is_empty():
        span = " of that span" if spanned else ""
        raise InputError(
            f"{store.path}: no prediction of a post that its model has not seen has an outcome in "
            f"the {session} session{span}; run tweetscore score, or ingest posts and bars of later "
            "days"
        )
    seen = ~pl.col("split").is_in([*UNSEEN, UNKNOWN])
    if asked.filter(seen).is_empty():
        return
    model_id, name = asked.filter(seen).select("model_id", "model").row(0)
    of_model = asked.filter(pl.col("model_id") == model_id)
    since_utc, has_split = store.row(
        "SELECT knows_until_utc, test_from_utc IS NOT NULL FROM models WHERE model_id = $model_id",
        model_id=model_id,
    )
    since = since_utc.isoformat()
    before = f"before the test part of {name}, which runs from {since} UTC"
    if not has_split:
        before = f"before {since} UTC, until when {name} may have seen posts"
    raise InputError(
        f"{store.path}: {of_model.filter(seen).height:,} of the {len(of_model):,} predictions of "
        f"that span lie {before}; evaluate from {since} on, or leave out --from and --until"
    )


def _inputs(part: pl.DataFrame) -> tuple[Floats, Wholes, Wholes, Floats]:
    """Return probabilities (rows, 2), truth, days and controls of one target at one interval."""
    positive = part["probability"].cast(pl.Float64).to_numpy()
    return (
        np.stack([1 - positive, positive], axis=1),
        part["truth"].cast(pl.Int64).to_numpy(),
        observations(part["session_date"], part["interval_minutes"][0]),
        market_controls(part, "past_bps"),
    )


def _figures_of(part: pl.DataFrame, family: Family, card: Mapping[str, Any]) -> Figures:
    """Measure one model's predictions of one target at one interval."""
    first = part.row(0, named=True)
    past = part["past"].cast(pl.Int64).fill_null(-1).to_numpy()
    probabilities, truth, days, controls = _inputs(part)
    symbol, known = symbol_of(part), learned_symbols(card)
    in_bps = first["target"] == "direction" and not any(map(in_volatility, part["symbol"].unique()))
    measured = figures(
        probabilities,
        truth,
        days,
        tried=family.tests,
        controls=controls,
        majority=_majority(part, card),
        momentum=past,
        return_bps=part["return_bps"].to_numpy() if in_bps else None,
    )
    named = {name: first[name] for name in (*_NAMES, "interval_minutes", "target")}
    return replace(
        measured,
        models_tried=family.models,
        parts_tried=family.parts,
        caveat=caveat_of(card),
        symbol=symbol,
        learned=not known or symbol in {POOLED, *known},
        **named,
    )


def _majority(part: pl.DataFrame, card: Mapping[str, Any]) -> Wholes | None:
    """Return the most frequent class of the training part for each row; None where unknown."""
    minutes = part["interval_minutes"][0]
    places = {each: majority_places(card, each).get(minutes) for each in part["symbol"].unique()}
    if None in places.values():
        return None
    return part["symbol"].replace_strict(places, return_dtype=pl.Int64).to_numpy()

"""The record of frozen models: a database enters, evidence by posts after the freeze leaves."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from tweetscore.evaluation.figures import SIGNIFICANCE
from tweetscore.evaluation.forward import e_values, known_at_entry
from tweetscore.evaluation.intervals import Floats, Wholes, auc_of, observations
from tweetscore.evaluation.tried import Scored, scored_models
from tweetscore.market.horizons import Horizon
from tweetscore.store.database import Store, statement


@dataclass(frozen=True, slots=True)
class ForwardRecord:
    """What a frozen model has shown since, at one interval.

    ``e_value`` is that of the last day, ``highest`` the largest so far. It is a signal once it
    reaches ``needed``, on whatever day: so much that all figures of all frozen models together pass
    it in one of twenty cases at most without any skill (Ville's inequality, and Bonferroni's).
    """

    model: str
    model_id: str
    symbol: str
    interval_minutes: int
    target: str
    frozen_utc: datetime
    rows: int
    days: int
    auc: float | None
    e_value: float
    highest: float
    needed: float
    verdict: str  # signal, or open

    @property
    def sentence(self) -> str:
        """Say it in words."""
        moment = f"{self.frozen_utc:%Y-%m-%d %H:%M} UTC"
        since = f"forward since {moment}, {Horizon(self.interval_minutes).words}"
        if not self.rows:
            return f"forward since {moment}: no post with an outcome yet."
        auc = "" if self.auc is None else f"AUC {self.auc:.3f} (no interval holds at every look), "
        return (
            f"{since}: {self.verdict}. {self.rows:,} posts on {self.days:,} days, {auc}"
            f"e {self.e_value:.2f}, at most {self.highest:.2f} so far; it is a signal from "
            f"{self.needed:.0f} on, whenever one looks."
        )


def forward_records(
    store: Store, *, model: str | None = None, session: str = "regular"
) -> list[ForwardRecord]:
    """Return the record of each frozen model, or of one by its name or id, at each interval.

    Models that nobody has frozen have none.
    """
    frozen = dict(store.rows("SELECT model_id, min(frozen_utc) FROM frozen GROUP BY ALL"))
    if not frozen:
        return []
    rows = store.frame(
        statement("evaluation/outcomes"), session=session, from_utc=None, until_utc=None
    )
    there = scored_models(store, rows.filter(pl.col("model_id").is_in(list(frozen))))
    needed = sum(each.tests for each in there) / SIGNIFICANCE
    return [
        _record(each, part, frozen[each.model_id], needed)
        for each in there
        if model in (None, each.name, each.model_id)
        for part in each.parts
    ]


def _record(
    model: Scored, part: pl.DataFrame, frozen_utc: datetime, needed: float
) -> ForwardRecord:
    part = part.sort("session_date", "posted_utc", maintain_order=True)
    is_forward = part["posted_utc"] >= frozen_utc
    scores, observed, day, known = _inputs(part)
    found = e_values(scores, observed, day, known, is_forward.to_numpy().astype(float))
    later = part.filter(is_forward)
    first = part.row(0, named=True)
    highest = float(found.max()) if len(found) else 1.0
    return ForwardRecord(
        model.name,
        model.model_id,
        first["symbol"],
        first["interval_minutes"],
        first["target"],
        frozen_utc,
        rows=later.height,
        days=later["session_date"].n_unique(),
        auc=_auc(later),
        e_value=float(found[-1]) if len(found) else 1.0,
        highest=highest,
        needed=needed,
        verdict="signal" if highest >= needed else "open",
    )


def _inputs(part: pl.DataFrame) -> tuple[Floats, Floats, Wholes, Floats]:
    """Return scores, outcomes, days and what is known at the entry."""
    floats = part.select(
        pl.col(
            "minute_of_session", "session_minutes", "past_bps", "volatility_bps", "probability",
            "truth",
        ).cast(pl.Float64).fill_null(np.nan)
    )  # fmt: skip
    *known, scores, observed = (column.to_numpy() for column in floats)
    day = observations(part["session_date"], part["interval_minutes"][0])
    return scores, observed, day, known_at_entry(*known)


def _auc(part: pl.DataFrame) -> float | None:
    truth = part["truth"].cast(pl.Int64).to_numpy()
    if len(np.unique(truth)) < 2:
        return None
    positive = part["probability"].cast(pl.Float64).to_numpy()
    scores = np.stack([1 - positive, positive], axis=1)
    return auc_of(scores, truth)

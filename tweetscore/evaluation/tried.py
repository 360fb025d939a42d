"""Find what must be corrected together: scored models and a ledger enter, families leave.

A family is a model with every other one that has looked at some of its days on a symbol: those with
scores in the database, and those of which only the ledger knows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from tweetscore.store.database import Store
from tweetscore.store.trials import Trial, distinct, trial_of

_CARD = "SELECT card FROM models WHERE model_id = $model_id"


@dataclass(frozen=True, slots=True)
class Scored:
    """One model with scores of posts that it has not seen, and what became of them."""

    model_id: str
    name: str
    card: dict[str, Any]
    parts: tuple[pl.DataFrame, ...]  # one of each symbol and interval
    days: Mapping[str, frozenset[date]]  # by symbol

    @property
    def trial_id(self) -> str:
        """What predicts: an int8 graph is the network of its bundle."""
        own = trial_of(self.card, self.model_id, self.name)
        return own.trial_id if own else self.model_id

    @property
    def tests(self) -> int:
        """The figures it could have: of each head, scored or not, and each symbol."""
        heads = {*self.card.get("intervals", ()), *(_minutes(each) for each in self.parts)}
        return len(heads) * len(self.days)

    def shares_days(self, other: "Scored") -> bool:
        """Return whether both have scores on a day of one symbol."""
        return any(
            not days.isdisjoint(other.days.get(each, ())) for each, days in self.days.items()
        )

    def was_looked_at_by(self, trial: Trial) -> bool:
        """Return whether a trial has looked at some of its days."""
        minute = timedelta(minutes=1)
        return any(
            _symbol(each) == trial.symbol
            and trial.overlaps(each["posted_utc"].min(), each["posted_utc"].max() + minute)  # type: ignore[arg-type, operator]  # a column of times
            for each in self.parts
        )


@dataclass(frozen=True, slots=True)
class Family:
    """What is corrected together."""

    members: tuple[Scored, ...]
    tests: int  # figures of the members, and of trials that the ledger alone knows
    models: int  # of both


def scored_models(store: Store, rows: pl.DataFrame) -> list[Scored]:
    """Return the models of outcomes, in their order."""
    found = []
    for (model_id,), of_model in rows.group_by("model_id", maintain_order=True):
        (card,) = store.row(_CARD, model_id=model_id)
        parts = of_model.partition_by("symbol", "interval_minutes", maintain_order=True)
        name = str(of_model["model"][0])
        by_symbol = of_model.partition_by("symbol", as_dict=True)
        days = {
            str(symbol): frozenset(rows["session_date"].unique().to_list())
            for (symbol,), rows in by_symbol.items()
        }
        found.append(Scored(str(model_id), name, json.loads(card), tuple(parts), days))
    return found


def families(found: Sequence[Scored], ledger: Sequence[Trial]) -> Iterator[tuple[Scored, Family]]:
    """Yield each model with its family."""
    for each in found:
        members = tuple(other for other in found if other is each or each.shares_days(other))
        here = {member.trial_id for member in members}
        others = distinct(
            trial for trial in ledger if trial.trial_id not in here and each.was_looked_at_by(trial)
        )
        tests = sum(one.tests for one in members) + sum(trial.tests for trial in others)
        yield each, Family(members, tests, len(here) + len(others))


def _symbol(part: pl.DataFrame) -> str:
    return str(part["symbol"][0])


def _minutes(part: pl.DataFrame) -> int:
    return int(part["interval_minutes"][0])

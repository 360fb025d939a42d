"""Find what must be corrected together: scored models and a ledger enter, families leave.

A family is a model with every other one that has looked at some of its days on a symbol: those with
scores in the database, and those of which only the ledger knows. A part of the posts, of a span or
another session or far from news, is a look of its own beside that at the whole, and so are the
posts as settings or links selected them before.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from tweetscore.store.database import Store
from tweetscore.store.trials import PART_COUNTS, Trial, distinct, look_id, trial_of

_CARD = "SELECT card FROM models WHERE model_id = $model_id"


@dataclass(frozen=True, slots=True)
class Scored:
    """One model with scores of posts that it has not seen, and what became of them."""

    model_id: str
    name: str
    card: dict[str, Any]
    parts: tuple[pl.DataFrame, ...]  # one of each symbol and interval
    days: Mapping[str, frozenset[date]]  # by symbol
    posts: Mapping[str, str]  # by symbol: hash of those looked at, where there are others

    @property
    def network(self) -> str:
        """What predicts: an int8 graph is the network of its bundle."""
        own = trial_of(self.card, self.model_id, self.name)
        return own.trial_id if own else self.model_id

    @property
    def looks(self) -> frozenset[str]:
        """The ids of the trials that it is."""
        whole = {self.network} if self.days.keys() - self.posts.keys() else set()
        return frozenset(whole | {look_id(self.network, each) for each in self.posts.values()})

    @property
    def heads(self) -> int:
        """Its intervals, scored or not."""
        return len({*self.card.get("intervals", ()), *(_minutes(each) for each in self.parts)})

    @property
    def tests(self) -> int:
        """The figures it could have: of each head and each symbol, twice those of a part."""
        return self.heads * (len(self.days) + len(self.posts) * (PART_COUNTS - 1))

    def trials(self) -> Iterator[Trial]:
        """Yield the trials that its looks at a part of the posts are."""
        for symbol, posts in self.posts.items():
            times = pl.concat([p["posted_utc"] for p in self.parts if _symbol(p) == symbol])
            yield Trial(
                posts, symbol, *_span(times), look_id(self.network, posts), self.model_id,
                self.name, self.heads * PART_COUNTS,
            )  # fmt: skip

    def shares_days(self, other: "Scored") -> bool:
        """Return whether both have scores on a day of one symbol."""
        return any(
            not days.isdisjoint(other.days.get(each, ())) for each, days in self.days.items()
        )

    def was_looked_at_by(self, trial: Trial) -> bool:
        """Return whether a trial has looked at some of its days."""
        return any(
            _symbol(each) == trial.symbol and trial.overlaps(*_span(each["posted_utc"]))
            for each in self.parts
        )


@dataclass(frozen=True, slots=True)
class Family:
    """What is corrected together."""

    members: tuple[Scored, ...]
    tests: int  # figures of the members, and of trials that the ledger alone knows
    models: int  # of both
    parts: int  # looks of both at another selection of the posts


def scored_models(
    store: Store, rows: pl.DataFrame, session: str = "", whole: pl.DataFrame | None = None
) -> list[Scored]:
    """Return the models of outcomes, in their order.

    Args:
        store: has their cards.
        rows: the outcomes.
        session: of these; another one than that of a model's training is a part of its own.
        whole: those that there are, of which ``rows`` may be a part.
    """
    there = _heights(rows if whole is None else whole)
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
        own = json.loads(card)
        other_session = bool(session) and session != (own.get("session") or "regular")
        posts = {
            str(symbol): _posts_hash(rows, session)
            for (symbol,), rows in by_symbol.items()
            if other_session or rows.height < there[str(model_id), str(symbol)]
        }
        found.append(Scored(str(model_id), name, own, tuple(parts), days, posts))
    return found


def families(found: Sequence[Scored], ledger: Sequence[Trial]) -> Iterator[tuple[Scored, Family]]:
    """Yield each model with its family."""
    for each in found:
        members = tuple(other for other in found if other is each or each.shares_days(other))
        here = frozenset[str]().union(*(member.looks for member in members))
        others = distinct(
            trial for trial in ledger if trial.trial_id not in here and each.was_looked_at_by(trial)
        )
        # Who looks at a part can have looked at the whole, though the ledger does not know it.
        known = here | {trial.trial_id for trial in others}
        wholes = {
            one.network: one.heads * len(one.days) for one in members if one.network not in known
        }
        tests = sum(one.tests for one in members) + sum(trial.tests for trial in others)
        networks = {one.network for one in members} | {trial.network for trial in others}
        of_parts = here - networks | {trial.trial_id for trial in others if trial.of_a_part}
        yield each, Family(members, tests + sum(wholes.values()), len(networks), len(of_parts))


def _heights(rows: pl.DataFrame) -> dict[tuple[str, str], int]:
    counted = rows.group_by("model_id", "symbol").len()
    return {(str(model_id), str(symbol)): count for model_id, symbol, count in counted.iter_rows()}


def _posts_hash(rows: pl.DataFrame, session: str) -> str:
    columns = ("symbol", "posted_utc", "minute_utc", "interval_minutes")
    ordered = rows.select(columns).sort(columns).write_csv()
    return hashlib.sha256(f"{session}\n{ordered}".encode()).hexdigest()[:16]


def _span(times: pl.Series) -> tuple[datetime, datetime]:
    first, last = times.min(), times.max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    return first, last + timedelta(minutes=1)


def _symbol(part: pl.DataFrame) -> str:
    return str(part["symbol"][0])


def _minutes(part: pl.DataFrame) -> int:
    return int(part["interval_minutes"][0])

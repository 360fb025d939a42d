"""Find what must be corrected together: scored models and a ledger enter, families leave.

A family is a model with every other one that has looked at some of its days on a symbol: those with
scores in the database, and those of which only the ledger knows. A part of the posts, of a span or
another session or far from news, is a look of its own beside that at the whole, and so are the
posts as settings or links selected them before.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from tweetscore.evaluation.figures import POOLED
from tweetscore.store.database import Store
from tweetscore.store.trials import (
    PART_COUNTS,
    Trial,
    distinct,
    in_one,
    look_id,
    symbols_of,
    trial_of,
)

_CARD = "SELECT card FROM models WHERE model_id = $model_id"


@dataclass(frozen=True, slots=True)
class Scored:
    """One model with scores of posts that it has not seen, and what became of them."""

    model_id: str
    name: str
    card: dict[str, Any]
    parts: tuple[pl.DataFrame, ...]  # one of each symbol and interval; see ``symbol_of``
    days: Mapping[str, frozenset[date]]  # by symbol, and of several together
    posts: Mapping[str, str]  # the same: hash of those looked at, where there are others

    @property
    def network(self) -> str:
        """What predicts: by the hash of its graph, whatever its card says."""
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
        """The figures it could have: of each head, and symbol or all; twice those of a part."""
        return self.heads * (len(self.days) + len(self.posts) * (PART_COUNTS - 1))

    def trials(self) -> Iterator[Trial]:
        """Yield the trials that its looks at a part of the posts are."""
        for symbol, posts in self.posts.items():
            own = pl.concat([part for part in self.parts if symbol_of(part) == symbol])
            yield Trial(
                posts, in_one(own["symbol"].unique()), *_span(own["posted_utc"]),
                look_id(self.network, posts), self.model_id, self.name, self.heads * PART_COUNTS,
            )  # fmt: skip

    def shares_days(self, other: "Scored") -> bool:
        """Return whether both have scores on a day of one symbol."""
        return any(
            not days.isdisjoint(other.days.get(each, ()))
            for each, days in self.days.items()
            if each != POOLED
        )

    def was_looked_at_by(self, trial: Trial) -> bool:
        """Return whether a trial has looked at some of its days."""
        return any(
            symbol_of(each) in trial.symbols and trial.overlaps(*_span(each["posted_utc"]))
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
        own = json.loads(card)
        together = _together(of_model, own)
        parts = [
            *together.partition_by("interval_minutes", maintain_order=True),
            *of_model.partition_by("symbol", "interval_minutes", maintain_order=True),
        ]
        apart = [together] * (together.height > 0) + of_model.partition_by("symbol")
        by_symbol = {symbol_of(each): each for each in apart}
        days = {
            symbol: frozenset(rows["session_date"].unique().to_list())
            for symbol, rows in by_symbol.items()
        }
        other_session = bool(session) and session != (own.get("session") or "regular")
        posts = {
            symbol: _posts_hash(rows, session)
            for symbol, rows in by_symbol.items()
            if other_session
            or rows.height < sum(there[str(model_id), each] for each in rows["symbol"].unique())
        }
        name = str(of_model["model"][0])
        found.append(Scored(str(model_id), name, own, tuple(parts), days, posts))
    return found


def symbol_of(part: pl.DataFrame) -> str:
    """Return the symbol of rows, or that they are of several together."""
    first, *others = part["symbol"].unique()
    return POOLED if others else str(first)


def learned_symbols(card: Mapping[str, Any]) -> frozenset[str]:
    """Return the symbols of which a model's training part had rows."""
    of_several = card.get("symbols") or {}
    return frozenset(
        each
        for each in symbols_of(card)
        if not of_several or of_several[each]["texts"].get("train", 0)
    )


def own_symbols(card: Mapping[str, Any], there: Collection[str]) -> list[str]:
    """Return which of some symbols a model is about: those it learned from, or all if it says none.

    A model without a split of its own, on whose card stands until when it may have seen posts, says
    none.
    """
    return sorted(there if "knows_until_utc" in card else learned_symbols(card).intersection(there))


def _together(rows: pl.DataFrame, card: Mapping[str, Any]) -> pl.DataFrame:
    """Return the rows of all symbols that a model is about; none where that is one."""
    own = rows.filter(pl.col("symbol").is_in(own_symbols(card, rows["symbol"].unique().to_list())))
    return own if own["symbol"].n_unique() > 1 else own.clear()


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


def _minutes(part: pl.DataFrame) -> int:
    return int(part["interval_minutes"][0])

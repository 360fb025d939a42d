"""The model and market that a report is about: a database and a user's choice enter, they leave."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tweetscore.errors import InputError
from tweetscore.evaluation.figures import POOLED
from tweetscore.evaluation.tried import own_symbols
from tweetscore.market.horizons import Horizon
from tweetscore.market.symbols import choose_symbol
from tweetscore.market.targets import kind_of
from tweetscore.store.database import Store, statement

USUAL_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Subject:
    """The model that a report is about, the market it is held against, and the interval shown."""

    model: str
    model_id: str
    target: str  # direction or move
    classes: tuple[str, str]  # the negative and the positive one: (down, up) or (still, move)
    symbols: tuple[str, ...]  # none without bars
    session: str
    intervals: tuple[int, ...]  # minutes that the model has scored
    interval_minutes: int  # the one whose details are shown
    learned: bool  # whether it is known until when it may have seen posts
    uses_counts: bool

    @property
    def horizon(self) -> str:
        """The interval shown, in words."""
        return Horizon(self.interval_minutes).words

    @property
    def symbol(self) -> str | None:
        """The only symbol, or that they are several; None without bars."""
        return POOLED if len(self.symbols) > 1 else next(iter(self.symbols), None)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a report is about, and what is known of its model."""

    subject: Subject | None  # None where nothing of direction or move is scored
    card: dict[str, Any]  # of the subject's model
    scored: tuple[dict[str, Any], ...]  # every model that has scored


def choose(
    store: Store,
    *,
    model: str | None,
    symbol: str | None,
    session: str,
    interval_minutes: int | None,
) -> Choice:
    """Choose the only model, the symbols it has learned from, and the usual interval, if not named.

    Raises:
        InputError: model, symbol or interval is not there, or must be named.
    """
    scored = store.frame(statement("report/models")).to_dicts()
    chosen = _chosen(store, scored, model)
    card = json.loads(chosen["card"]) if chosen else {}
    symbols = _symbols(store, symbol, card)
    subject = _subject(store, chosen, symbols, session, interval_minutes) if chosen else None
    return Choice(subject, card, tuple(scored))


def _symbols(store: Store, wanted: str | None, card: Mapping[str, Any]) -> tuple[str, ...]:
    known = {symbol for (symbol,) in store.rows("SELECT symbol FROM symbols")}
    if wanted is None and not known:
        return ()
    own = own_symbols(card, known) if wanted is None else []
    return tuple(own) or (choose_symbol(store, wanted),)


def _chosen(
    store: Store, scored: Sequence[dict[str, Any]], wanted: str | None
) -> dict[str, Any] | None:
    """Return the model wanted, or the only one of direction or moves, if there is one.

    Raises:
        InputError: it is not there, or there are several.
    """
    of_market = [each for each in scored if kind_of(each["target"]).is_market]
    fitting = [each for each in of_market if wanted in (None, each["name"], each["model_id"])]
    known = ", ".join(f"{each['name']} ({each['model_id']})" for each in of_market) or "none"
    if wanted is not None and not fitting:
        raise InputError(
            f"{store.path}: no model {wanted} has scored direction or moves here; it has: {known}"
        )
    if len(fitting) > 1:
        raise InputError(
            f"{store.path}: several models have scored here; choose one with --model, by its name "
            f"or id: {known}"
        )
    return fitting[0] if fitting else None


def usual(intervals: Sequence[int]) -> int:
    """Return 30 minutes, or the middle one of others."""
    return USUAL_MINUTES if USUAL_MINUTES in intervals else intervals[len(intervals) // 2]


def _subject(
    store: Store,
    chosen: dict[str, Any],
    symbols: tuple[str, ...],
    session: str,
    interval_minutes: int | None,
) -> Subject:
    intervals = tuple(chosen["intervals"])
    shown = interval_minutes
    if shown is None:
        shown = usual(intervals)
    if shown not in intervals:
        raise InputError(
            f"{store.path}: {chosen['name']} has not scored {Horizon(shown).words}; choose one of "
            f"{', '.join(map(str, intervals))} with --interval"
        )
    negative, positive = kind_of(chosen["target"]).classes
    return Subject(
        model=chosen["name"],
        model_id=chosen["model_id"],
        target=chosen["target"],
        classes=(negative, positive),
        symbols=symbols,
        session=session,
        intervals=intervals,
        interval_minutes=shown,
        learned=chosen["learned"],
        uses_counts=chosen["uses_counts"],
    )

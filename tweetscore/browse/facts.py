"""What the pages need to know of a database again and again: a store enters, a record leaves."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from tweetscore.browse.asked import PREDICTED, Asked
from tweetscore.errors import InputError
from tweetscore.market.horizons import Horizon
from tweetscore.store.database import Store, statement

USUAL_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Model:
    """A model that has predicted."""

    model_id: str
    name: str
    target: str
    intervals: tuple[int, ...]  # none of labels
    classes: tuple[str, ...]
    least: float  # no likeliest class of labels is less likely

    @property
    def title(self) -> str:
        """What a list to choose from calls it."""
        return f"{self.name}: {self.target if self.is_of_market else ', '.join(self.classes)}"

    @property
    def is_of_market(self) -> bool:
        """Whether prices say what came true."""
        return bool(self.intervals)


@dataclass(frozen=True, slots=True)
class Facts:
    """What holds for all pages until somebody writes to the database."""

    hours: pl.DataFrame  # hour_utc and posts, the latest first
    models: tuple[Model, ...]  # those of the market first
    intervals: tuple[int, ...]  # of the windows
    platforms: tuple[str, ...]
    symbols: tuple[tuple[str, int], ...]  # and the minutes from bar to bar
    has_rules: bool

    @property
    def posts(self) -> int:
        """How many there are."""
        return int(self.hours["posts"].sum())


@dataclass(frozen=True, slots=True)
class Market:
    """What the posts of a page are held against."""

    model: Model | None
    interval: int | None
    session: str
    symbol: str | None  # None: those that each post meets
    waits: bool  # not every minute of a session can be entered

    @property
    def has_labels(self) -> bool:
        """Whether the model's classes are labels, which have no outcome."""
        return self.model is not None and not self.model.is_of_market

    def values(self, *, predictions: bool) -> dict[str, Any]:
        """Return the values of the statements about rows, which may read no predictions."""
        model_id = self.model.model_id if self.model else None
        return {
            "model_id": model_id,
            "predictions_of": model_id if predictions else None,
            "interval": self.interval,
            "session": self.session,
            "symbol": self.symbol,
        }


def read_facts(store: Store) -> Facts:
    """Read them."""
    models = store.rows(statement("browse/models"))
    (has_rules,) = store.row("SELECT EXISTS (FROM link_rules)")
    ordered = "FROM symbols ORDER BY symbol"
    return Facts(
        hours=store.frame(statement("browse/hours")),
        models=tuple(
            Model(model_id, name, target, tuple(intervals), tuple(classes), least)
            for model_id, name, target, intervals, classes, least in models
        ),
        intervals=tuple(
            each for (each,) in store.rows("SELECT interval_minutes FROM intervals ORDER BY ALL")
        ),
        platforms=tuple(
            each for (each,) in store.rows("SELECT DISTINCT platform FROM tweets ORDER BY ALL")
        ),
        symbols=tuple(store.rows(f"SELECT symbol, spacing_minutes {ordered}")),
        has_rules=has_rules,
    )


def choose_model(facts: Facts, asked: Asked) -> Model | None:
    """Return the model that is asked for, by id or name, or the first one.

    Raises:
        InputError: it is not there, or has no such class.
    """
    chosen = (each for each in facts.models if asked.model in ("", each.model_id, each.name))
    model = next(chosen, None)
    if asked.model and model is None:
        raise InputError(f"model: {asked.model} has not scored any post here")
    if asked.predicted and asked.predicted not in classes_of(model):
        known = ", ".join(classes_of(model))
        raise InputError(f"predicted: {asked.predicted} is not one of {known}")
    return model


def classes_of(model: Model | None) -> tuple[str, ...]:
    """Return what a model can predict."""
    return model.classes if model else PREDICTED


def choose_market(facts: Facts, asked: Asked) -> Market:
    """Return the model, interval and symbol that are asked for, or the usual ones.

    Raises:
        InputError: they are not there.
    """
    model = choose_model(facts, asked)
    interval = _interval(facts, model, asked.interval)
    names = [name for name, _ in facts.symbols]
    if asked.symbol and asked.symbol not in names:
        raise InputError(f"symbol: {asked.symbol} has no bars here")
    symbol = asked.symbol or None
    spacings = [minutes for name, minutes in facts.symbols if symbol in (None, name)]
    waits = bool(Horizon(interval or 0).sessions) or any(each > 1 for each in spacings)
    return Market(model, interval, asked.session, symbol, waits)


def intervals_of(facts: Facts, model: Model | None) -> tuple[int, ...]:
    """Return the intervals that a model predicts; all of them where it predicts no market."""
    return model.intervals if model and model.is_of_market else facts.intervals


def _interval(facts: Facts, model: Model | None, asked: str) -> int | None:
    known = intervals_of(facts, model)
    if asked:
        try:
            wanted = int(Horizon.parse(asked))
        except ValueError as error:
            raise InputError(f"interval: {error}") from error
        if wanted not in known:
            names = ", ".join(str(Horizon(each)) for each in known)
            raise InputError(f"interval: {asked} is not one of {names}")
        return wanted
    if USUAL_MINUTES in known:
        return USUAL_MINUTES
    return known[len(known) // 2] if known else None

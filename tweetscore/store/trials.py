"""The ledger of trials: which models have looked at the days of a test part.

Whoever trains ten models and shows the best has looked ten times, and so has who evaluates one
model on ten parts of the posts, or by ten rules of what counts. The table ``trials`` keeps every
look in a database, and the card of a bundle carries those that came before its own.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from tweetscore.store.database import Store, statement

PART_COUNTS = 2  # a part is judged at once, and who stops at the first signal has chosen
_SCHEMA = {"test_from_utc": pl.Datetime("us"), "test_until_utc": pl.Datetime("us")}
_PART = "/"


@dataclass(frozen=True, slots=True)
class Trial:
    """One model, and the test part that it was measured on."""

    test_part: str  # hash of its texts
    symbol: str | None  # see ``in_one``; None of labels of the user's own
    test_from_utc: datetime | None  # None where the rows have no times
    test_until_utc: datetime | None
    trial_id: str  # hash of what predicts, so that the same network twice is one trial; ``look_id``
    model_id: str
    name: str
    tests: int  # figures that were measured

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that were predicted."""
        return frozenset((self.symbol or "").split())

    @property
    def network(self) -> str:
        """What predicts."""
        return self.trial_id.partition(_PART)[0]

    @property
    def of_a_part(self) -> bool:
        """Whether it has looked at another selection of the posts than its test part."""
        return _PART in self.trial_id

    def by_symbol(self) -> Iterator["Trial"]:
        """Yield what it is on each of its symbols alone."""
        heads = self.tests // _looks(self.symbols)
        for symbol in sorted(self.symbols):
            yield replace(self, symbol=symbol, tests=heads)

    @property
    def is_of_model(self) -> bool:
        """Whether it is the training of a model that scores: a run of a study is its own model."""
        return not self.of_a_part and self.trial_id != self.model_id

    def meets(self, other: "Trial") -> bool:
        """Return whether both have looked at the same texts, or at some days of the same market."""
        if self.symbol != other.symbol and self.symbols.isdisjoint(other.symbols):
            return False
        if self.test_part == other.test_part:
            return True
        return bool(self.symbol) and other.overlaps(self.test_from_utc, self.test_until_utc)

    def overlaps(self, from_utc: datetime | None, until_utc: datetime | None) -> bool:
        """Return whether it has looked at some of this span."""
        if not (from_utc and until_utc and self.test_from_utc and self.test_until_utc):
            return False
        return self.test_from_utc < until_utc and from_utc < self.test_until_utc

    def record(self) -> dict[str, Any]:
        """Return it as JSON values, for a card."""
        times = {name: getattr(self, name) for name in _SCHEMA}
        return {**asdict(self), **{name: each and each.isoformat() for name, each in times.items()}}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Trial":
        """Make it again from a card."""
        times = {name: record[name] for name in _SCHEMA}
        known = {name: each and datetime.fromisoformat(each) for name, each in times.items()}
        return cls(**{**record, **known})


def in_one(symbols: Iterable[str]) -> str:
    """Return symbols as a trial has them: sorted, with a space between; empty of none."""
    return " ".join(sorted(symbols))


def symbols_of(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the symbols that a model was trained for; none of labels of the user's own."""
    return tuple(card["symbols"] if card.get("symbols") else filter(None, [card.get("symbol")]))


def trial_of(card: Mapping[str, Any], model_id: str, name: str) -> Trial | None:
    """Return the trial that a model is; None where its card does not say on what it was tested."""
    split = card.get("split") or {}
    test_part = card.get("rows", {}).get("test", {}).get("sha256")
    if card.get("data") and not split:  # drawn at random: each seed tests other rows of one file
        test_part = card["data"][0]["sha256"]
    graph = card.get("sha256", {}).get("model.onnx")
    if not (test_part and graph):
        return None
    bounds = {name: split.get(name) for name in _SCHEMA}
    symbols = symbols_of(card)
    return Trial.from_record(
        {
            "test_part": test_part[:16],
            "symbol": in_one(symbols) or None,
            **bounds,
            "trial_id": graph[:16],
            "model_id": model_id,
            "name": name,
            "tests": len(card["intervals"]) * _looks(symbols),
        }
    )


def _looks(symbols: Collection[str]) -> int:
    """Return how many figures a head has: of each symbol, and of several together."""
    return len(symbols) + 1 if len(symbols) > 1 else 1


def look_id(network: str, part: str) -> str:
    """Return the id of the trial that a look at a part of the posts is; ``part`` is its hash."""
    return f"{network}{_PART}{part}"


def carried(card: Mapping[str, Any]) -> list[Trial]:
    """Return the trials before its own that a card carries."""
    return [Trial.from_record(each) for each in card.get("trials", ())]


def distinct(trials: Iterable[Trial]) -> list[Trial]:
    """Return each trial once."""
    return list({each.trial_id: each for each in trials}.values())


def known_trials(store: Store) -> list[Trial]:
    """Return every trial that a database knows of, sorted."""
    rows = store.frame("SELECT * FROM trials ORDER BY ALL")
    return [Trial(**row) for row in rows.iter_rows(named=True)]


def record_trials(store: Store, trials: Iterable[Trial]) -> None:
    """Add the trials of the market that are not there; the caller holds the transaction."""
    known = {each.trial_id for each in known_trials(store)}
    new = [
        asdict(each)
        for each in distinct(trials)
        if each.trial_id not in known and each.symbol and each.test_until_utc
    ]
    if new:
        store.append("trials", pl.DataFrame(new, schema_overrides=_SCHEMA))


def record_model(store: Store, card: Mapping[str, Any], model_id: str, name: str) -> None:
    """Add the trial that a model is, and those that its card carries."""
    own = trial_of(card, model_id, name)
    record_trials(store, [*([own] if own else []), *carried(card)])


def record_outside(store: Store) -> None:
    """Note what each model without a split of its own is measured on: posts it has not seen.

    Of one of which nobody says what it has seen that is all of its posts: they show no evidence,
    and somebody has looked. Posts may have become more; the caller holds the transaction.
    """
    found = list(_without_split(store))
    ids = [each.trial_id for each in found]
    store.rows("DELETE FROM trials WHERE list_contains($ids::VARCHAR[], trial_id)", ids=ids)
    record_trials(store, found)


def record_replaced(store: Store, model_id: str) -> None:
    """Note that some predictions of a model are about to be replaced: until now it was another.

    Whoever amends predictions until he likes the figures has looked each time. The caller holds the
    transaction.
    """
    query = (
        "SELECT bit_xor(hash(platform, tweet_id, interval_minutes, probability)) FROM predictions "
        "WHERE model_id = $model_id"
    )
    (found,) = store.row(query, model_id=model_id)
    before = f"{found or 0:016x}"
    record_trials(
        store,
        (
            replace(each, trial_id=before, model_id=before, name=f"{each.name}, as it was")
            for each in _without_split(store, whole=True)
            if each.model_id == model_id
        ),
    )


def _without_split(store: Store, *, whole: bool = False) -> Iterator[Trial]:
    """Yield what models without a split of their own are measured on, or all of their posts."""
    models = "FROM models WHERE train_from_utc IS NULL AND target <> 'label' LIMIT 1"
    symbols = [symbol for (symbol,) in store.rows("SELECT symbol FROM symbols")]
    if not (symbols and store.rows(models)):
        return
    rows = store.rows(statement("store/outside"), all=whole)
    for model_id, name, first_utc, last_utc, heads in rows:
        until_utc, tests = last_utc + timedelta(minutes=1), heads * _looks(symbols)
        yield Trial(
            model_id, in_one(symbols), first_utc, until_utc, model_id, model_id, name, tests
        )


def record_selection(store: Store, symbols: Collection[str] | None = None) -> None:
    """Note that each model may have been judged by the rules that are about to change.

    Settings, links and derived bars decide which posts count, and as what: whoever changes them
    until he likes what he sees has looked each time. The caller holds the transaction.

    Args:
        store: the database, as it was until now.
        symbols: those whose posts or outcomes will be others; None: all.
    """
    ends = dict(store.rows("SELECT symbol, max(minute_utc) FROM bars GROUP BY symbol"))
    trained = [one for each in known_trials(store) if each.is_of_model for one in each.by_symbol()]
    judged = [*trained, *_scored(store, ends)]
    wanted = {each.symbol for each in judged}.intersection(ends if symbols is None else symbols)
    parts = {symbol: _selection(store, symbol) for symbol in wanted if symbol}
    record_trials(
        store,
        (
            replace(
                each,
                test_part=parts[each.symbol],
                trial_id=look_id(each.network, parts[each.symbol]),
                tests=each.tests * PART_COUNTS,
            )
            for each in judged
            if each.symbol in parts
        ),
    )


def _scored(store: Store, ends: Mapping[str, datetime]) -> Iterator[Trial]:
    """Yield what can be judged by scores: each model on each symbol, up to its last bar."""
    query = (
        "SELECT model_id, name, knows_until_utc, card FROM models WHERE knows_until_utc IS NOT NULL"
    )
    for model_id, name, from_utc, text in store.rows(query):
        card = json.loads(text)
        own = trial_of(card, model_id, name)
        network, heads = own.trial_id if own else model_id, len(card.get("intervals", ())) or 1
        for symbol, until_utc in ends.items():
            if from_utc <= until_utc:
                yield Trial("", symbol, from_utc, until_utc, network, model_id, name, heads)


def _selection(store: Store, symbol: str) -> str:
    """Return the hash of what decides which posts count for a symbol, and as what."""
    settings = store.rows("SELECT max_gap_minutes, flat_bps FROM settings")
    rules = store.rows(
        "SELECT * EXCLUDE (rule) FROM link_rules WHERE symbol = $symbol ORDER BY ALL", symbol=symbol
    )
    bars = store.rows(
        "SELECT bit_xor(hash(minute_utc, close)) FROM bars WHERE symbol = $symbol", symbol=symbol
    )
    found = repr((symbol, settings, rules, bars))
    return hashlib.sha256(found.encode()).hexdigest()[:16]

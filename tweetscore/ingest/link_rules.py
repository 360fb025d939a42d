"""The rules that link posts to symbols: a table, or the symbols with bars, enters; rules leave."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import polars as pl

from tweetscore.errors import InputError, did_you_mean
from tweetscore.io.tables.find import only_table
from tweetscore.io.tables.table import Table
from tweetscore.market.links import RULES
from tweetscore.market.symbols import canonical_symbol, symbols_words
from tweetscore.store.database import Store
from tweetscore.text.terms import Kind, folded_term, is_tag

KINDS: tuple[Kind, ...] = get_args(Kind)
NEEDED = ("symbol", "kind", "term")
_NAMES = {
    **{name: (name,) for name in NEEDED},
    "valid_from": ("validfrom", "validfromutc"),
    "valid_until": ("validuntil", "validuntilutc"),
}
_SIGNS = {"cashtag": "$", "hashtag": "#＃", "author": "@"}
_MOST_TOLD = 10


def cashtag_rules(store: Store) -> tuple[pl.DataFrame, list[str]]:
    """Return a rule for each symbol with bars that can be a cashtag, and the others' names.

    Raises:
        InputError: no symbol can be one.
    """
    symbols = _symbols(store)
    fit = [each for each in symbols if is_tag("cashtag", each)]
    others = [each for each in symbols if each not in fit]
    if not fit:
        raise InputError(
            f"{store.path}: none of its symbols ({', '.join(others)}) can be a cashtag, which has "
            "up to six letters; write rules in a table: tweetscore link RULES"
        )
    rows = [{"symbol": each, "kind": "cashtag", "term": each} for each in fit]
    return _numbered(rows), others


def read_rules(store: Store, path: Path) -> tuple[pl.DataFrame, list[str]]:
    """Read rules from a table in any form in which tables are read.

    Returns:
        The rules, in the columns of ``RULES``, and the columns of the table that are not used.

    Raises:
        InputError: there is no table, or a column or a rule of it cannot be used; each rule that
            cannot has a line.
    """
    table = only_table(path, "; name the one with the rules", f"CSV with {', '.join(NEEDED)}")
    match = table.match(_NAMES)
    for name in NEEDED:
        if name not in match.taken:
            raise InputError(
                f"{table.name}: has no column {name} ({match.has}); a table of rules has "
                f"{', '.join(NEEDED)} and, if they do not always hold, valid_from and valid_until"
            )
    rows, faults = _read(table, match.taken)
    symbols, checked = _symbols(store) if rows else [], []
    for place, row in rows:
        faults += [(place, each) for each in _checked(row, symbols)]
        checked.append((place, row))
    faults += _overlaps(checked) if not faults else []
    if not checked and not faults:
        raise InputError(f"{table.name}: holds no rule; write one in each row")
    if faults:
        raise _refusal(table.name, faults)
    return _numbered([row for _, row in checked]), match.left


def _symbols(store: Store) -> list[str]:
    found = [symbol for (symbol,) in store.rows("SELECT symbol FROM symbols ORDER BY symbol")]
    if not found:
        raise InputError(f"{store.path}: holds no bars; ingest bars of the symbols first")
    return found


def _numbered(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    numbered = [{"rule": number, **row} for number, row in enumerate(rows, 1)]
    return pl.DataFrame(numbered, RULES)


def _read(
    table: Table, columns: Mapping[str, str]
) -> tuple[list[tuple[str, dict[str, Any]]], list[tuple[str, str]]]:
    """Return the rows with their places, and the faults of those that cannot be read."""
    rows, faults = list[tuple[str, dict[str, Any]]](), list[tuple[str, str]]()
    for block, refused in table.rows(columns):
        for each in block.iter_rows(named=True):
            place = f"line {each['line']}" if each["line"] else f"row {len(rows) + 1}"
            values = {name: (each.get(name) or "").strip() for name in _NAMES}
            if any(values.values()):
                rows.append((place, values))
        faults += [(f"line {line}", reason) for line, reason in refused["line", "reason"].rows()]
    return rows, faults


def _checked(row: dict[str, Any], symbols: Sequence[str]) -> Iterator[str]:
    """Write a row as a rule is written, and yield what is wrong with it."""
    ours = {canonical_symbol(symbol): symbol for symbol in symbols}
    named, kind = row["symbol"], row["kind"].lower()
    row["kind"], row["symbol"] = kind, ours.get(canonical_symbol(named), named)
    if row["symbol"] not in symbols:
        step = f"name one of {symbols_words(symbols)}{did_you_mean(named, symbols)}"
        yield (
            f"there are no bars of {named}; ingest them first, or {step}"
            if named
            else f"the symbol is empty; {step}"
        )
    term = row["term"].lstrip(_SIGNS.get(kind, ""))
    row["term"] = " ".join(term.split()) if kind == "phrase" else term
    if kind not in KINDS:
        yield f"{row['kind']!r} is no kind of rule; use {', '.join(KINDS)}" + did_you_mean(
            kind, KINDS
        )
    elif fault := _fault_of(kind, row["term"]):
        yield fault
    for name, ours_utc in (("valid_from", "valid_from_utc"), ("valid_until", "valid_until_utc")):
        written = row.pop(name)
        try:
            row[ours_utc] = _time(written) if written else None
        except ValueError:
            yield f"{name} {written!r} is no time; write 2014-04-03 or 2014-04-03T13:30:00Z"
    begin, end = row.get("valid_from_utc"), row.get("valid_until_utc")
    if begin and end and begin >= end:
        yield f"valid_from {begin} is not before valid_until {end}; no post could be linked"


def _fault_of(kind: str, term: str) -> str | None:
    if not term:
        return f"the term is empty; write the {kind} that is looked for"
    if kind == "cashtag" and not is_tag(kind, term):
        return (
            f"{term!r} is no cashtag, which has up to six letters and perhaps . or _ with one or "
            "two more; make it a word"
        )
    if kind == "hashtag" and not is_tag(kind, term):
        return f"{term!r} is no hashtag, which has letters, digits and _; make it a phrase"
    if kind in ("word", "author") and len(term.split()) > 1:
        return f"{term!r} is several words; make it a phrase"
    return None


def _time(written: str) -> datetime:
    """Read a day, which begins at midnight, or a time; one without a zone is UTC."""
    time = datetime.fromisoformat(written)
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def _overlaps(rows: Sequence[tuple[str, dict[str, Any]]]) -> list[tuple[str, str]]:
    """Return the faults of rules that are there already for some of the same time."""
    same: dict[tuple[str, str, str], list[tuple[datetime, datetime, str, str]]] = {}
    for place, row in rows:
        key = row["symbol"], row["kind"], folded_term(row["kind"], row["term"])
        span = row["valid_from_utc"] or datetime.min, row["valid_until_utc"] or datetime.max
        same.setdefault(key, []).append((*span, place, row["term"]))
    faults = []
    for (symbol, kind, _), spans in same.items():
        for (*first, other, _), (begin, end, place, term) in pairwise(sorted(spans)):
            if begin < first[1]:
                again = [begin, end] == first
                fact = "is there twice, as in" if again else "overlaps"
                step = "delete one" if again else "end one before the other begins"
                faults.append((place, f"{kind} {term!r} of {symbol} {fact} {other}; {step}"))
    return faults


def _refusal(name: str, faults: Sequence[tuple[str, str]]) -> InputError:
    told = [f"{name}: {place}: {fact}" for place, fact in faults[:_MOST_TOLD]]
    if len(faults) > _MOST_TOLD:
        told.append(f"{name}: {len(faults) - _MOST_TOLD:,} more faults; mend these first")
    return InputError("\nError: ".join(told))

"""Tables with the prices of several symbols side by side: they enter, one row a symbol leaves.

yfinance writes such tables, with two or three header rows; saved again, their names become
``('Close', 'SPY')``, ``Close_SPY`` or ``SPY_Close``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from tweetscore.bars.symbols import is_no_symbol
from tweetscore.io.columns import normalised
from tweetscore.io.tables.table import Rows, Table
from tweetscore.market.symbols import canonical_symbol

SYMBOL = "symbol"  # the column that the long table has and the wide one does not
_FIELDS = {name: name for name in ("open", "high", "low", "close", "volume")}
_PRICES = ("open", "high", "low", "close")
_PAIR = re.compile(r"^\(?['\"]?(.+?)['\"]?(?:, ?|[ _.|:/])['\"]?([^'\",]+?)['\"]?\)?$")


@dataclass(frozen=True, slots=True)
class Wide:
    """The columns of each symbol: our name to theirs."""

    symbols: Mapping[str, Mapping[str, str]]


def find_wide(columns: Sequence[str]) -> Wide | None:
    """Recognise columns that are named by a price and a symbol; None where some price has none."""
    if set(_PRICES) <= {normalised(name) for name in columns}:
        return None
    symbols: dict[str, dict[str, str]] = {}
    for name in columns:
        for field, symbol in _readings(name):
            symbols.setdefault(symbol, {}).setdefault(field, name)
    whole = {symbol: fields for symbol, fields in symbols.items() if set(_PRICES) <= fields.keys()}
    return Wide(whole) if whole else None


def _readings(name: str) -> Iterator[tuple[str, str]]:
    """Yield the field and the symbol that a name can be made of."""
    if pair := _PAIR.match(name):
        for field, symbol in (pair.groups(), pair.groups()[::-1]):
            known = _FIELDS.get(normalised(field))
            if known and not is_no_symbol(symbol):
                yield known, canonical_symbol(symbol)


def long_table(table: Table, wide: Wide) -> Table:
    """Return the table with one row for each symbol that has a price in a row of the wide one."""
    own = {name for fields in wide.symbols.values() for name in fields.values()}
    others = [name for name in table.columns if name not in own]

    def rows(columns: Mapping[str, str], most: int | None, whole: bool) -> Iterator[Rows]:
        fields = {ours: theirs for ours, theirs in columns.items() if theirs in _FIELDS}
        plain = {
            ours: theirs
            for ours, theirs in columns.items()
            if theirs not in _FIELDS and theirs != SYMBOL
        }
        named = [ours for ours, theirs in columns.items() if theirs == SYMBOL]
        wanted = dict(plain)
        for symbol, theirs in wide.symbols.items():
            wanted |= {
                f"{ours} {symbol}": theirs[each] for ours, each in fields.items() if each in theirs
            }
        for frame, refused in table.rows(wanted, most=most, whole=whole):
            parts = [_of_symbol(frame, symbol, plain, fields, named) for symbol in wide.symbols]
            yield pl.concat(parts).sort("line", maintain_order=True), refused

    fields = [name for name in _FIELDS if any(name in each for each in wide.symbols.values())]
    return replace(table, columns=(*others, SYMBOL, *fields), _rows=rows)


def _of_symbol(
    frame: pl.DataFrame,
    symbol: str,
    plain: Mapping[str, str],
    fields: Mapping[str, str],
    named: Sequence[str],
) -> pl.DataFrame:
    absent = pl.lit(None, pl.String)
    values = {
        ours: pl.col(f"{ours} {symbol}") if f"{ours} {symbol}" in frame.columns else absent
        for ours in fields
    }
    part = frame.select(
        *plain,
        "line",
        "byte_offset",
        **values,
        **{ours: pl.lit(symbol) for ours in named},
    )
    prices = [ours for ours, theirs in fields.items() if theirs in _PRICES]
    if not prices:
        return part
    # A symbol without any price in a row was not traded then: that is no bar.
    blank = (
        pl.col(each).str.strip_chars().fill_null("").is_in(["", "NaN", "nan", "null"])
        for each in prices
    )
    return part.filter(~pl.all_horizontal(*blank))

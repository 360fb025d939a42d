"""How a symbol is written, and which one is meant where a database has bars of several."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tweetscore.errors import InputError, did_you_mean
from tweetscore.market.horizons import DAY_MINUTES, NO_HORIZON, Horizon
from tweetscore.store.database import Store

if TYPE_CHECKING:
    import polars as pl

_MOST_NAMED = 6
_PREFIX = re.compile(r"^[A-Z_]+:(?=[A-Z0-9.]+$)")
SHARE_CLASS = re.compile(r"^([A-Z]{2,5})[-/_ .]([A-Z])$")
_MARKS = re.compile(r"[-/_\s]")
_YAHOO_PAIR = re.compile(r"^([A-Z]{6})=X$")
_SETTLED_IN = re.compile(r"(?<=[/-])([A-Z0-9]+):[A-Z0-9]+(?:-\d+)?$")  # ccxt: BTC/USDT:USDT


VOLATILITY = "VOL"
DERIVED = "~"  # between the parts of a derived symbol, as in TSLA~SPY~VOL


def in_volatility(symbol: str) -> bool:
    """Return whether its moves are in units of volatility, which are no basis points of a price."""
    return symbol.endswith(f"{DERIVED}{VOLATILITY}")


def canonical_symbol(written: str) -> str:
    """Return the one way in which we write a symbol."""
    text = _SETTLED_IN.sub(r"\1", written.strip().upper())
    text = _YAHOO_PAIR.sub(r"\1", _PREFIX.sub("", text))
    return SHARE_CLASS.sub(r"\1.\2", text) if SHARE_CLASS.match(text) else _MARKS.sub("", text)


def symbols_words(symbols: Iterable[str]) -> str:
    """Name symbols, of many the first."""
    names = list(dict.fromkeys(symbols))
    if len(names) <= _MOST_NAMED:
        return ", ".join(names)
    first = names[: _MOST_NAMED - 1]
    return f"{', '.join(first)} and {len(names) - len(first):,} more"


def choose_symbol(store: Store, wanted: str | None) -> str:
    """Return the symbol that is meant: the one wanted, or the only one there is.

    Letter case and the marks between the parts of a pair do not matter: ``btc/usdt`` is BTCUSDT.

    Raises:
        InputError: there are no bars, none of the symbol wanted, or several to choose from.
    """
    known = _known(store)
    if not wanted and len(known) > 1:
        raise InputError(
            f"{store.path}: has bars of {symbols_words(known)}; choose one with --symbol {known[0]}"
        )
    return _named(store, known, wanted) if wanted else known[0]


def choose_symbols(store: Store, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the symbols to learn from, sorted: those wanted, or the only one there is.

    Where posts are linked to several, these are all of those.

    Raises:
        InputError: there are no bars, none of a symbol wanted, or several that no rule tells apart.
    """
    known = _known(store)
    if wanted:
        return tuple(sorted({_named(store, known, each) for each in wanted}))
    if len(known) == 1:
        return tuple(known)
    query = "SELECT DISTINCT symbol FROM link_rules JOIN symbols USING (symbol) ORDER BY symbol"
    linked = tuple(symbol for (symbol,) in store.rows(query))
    if not linked:
        raise InputError(
            f"{store.path}: has bars of {symbols_words(known)}; choose some with "
            f"--symbol {known[0]}, or link each post to those it names: tweetscore link --cashtags"
        )
    return linked


def _known(store: Store) -> list[str]:
    known = [symbol for (symbol,) in store.rows("SELECT symbol FROM symbols ORDER BY symbol")]
    if not known:
        raise InputError(f"{store.path}: holds no bars; ingest minute bars first")
    return known


def _named(store: Store, known: Sequence[str], wanted: str) -> str:
    """Return the symbol that is meant."""
    if wanted in known:
        return wanted
    ours = {canonical_symbol(symbol): symbol for symbol in known}
    found = ours.get(canonical_symbol(wanted))
    if found is None:
        near = did_you_mean(wanted, known)
        raise InputError(f"{store.path}: no bars of {wanted}; it has {symbols_words(known)}{near}")
    return found


def check_spacing(store: Store, symbol: str, horizons: Sequence[int]) -> None:
    """Refuse a horizon for which the bars of a symbol are too far apart, or no multiple of them.

    Raises:
        InputError: there is one.
    """
    (spacing,) = store.row("SELECT spacing_minutes FROM symbols WHERE symbol = $it", it=symbol)
    for each in map(Horizon, horizons):
        if not each.fits(spacing):
            raise InputError(
                f"{symbol}: has {_bars_of(spacing)}, which make no windows of {each.words}; say "
                f"{_intervals_of(spacing)}"
            )


def without_windows(symbols: "pl.DataFrame", horizons: Sequence[int]) -> list[str]:
    """Say of which symbols predictions at some of these horizons meet no price, and why.

    Args:
        symbols: ``symbol`` and ``spacing_minutes``.
        horizons: those of the predictions.
    """
    told = []
    for (spacing,), alike in symbols.sort("spacing_minutes", "symbol").group_by(
        "spacing_minutes", maintain_order=True
    ):
        unfit = [
            str(each)
            for each in map(Horizon, horizons)
            if each != NO_HORIZON and not each.fits(int(spacing))
        ]
        if unfit:
            told.append(
                f"{symbols_words(alike['symbol'])}: {_bars_of(spacing)} make no windows for "
                f"--interval {', '.join(unfit)}: such predictions meet no price (status "
                "no_horizon); train a model that meets them with: tweetscore train "
                f"{_intervals_of(spacing, most=1)}"
            )
    return told


def _bars_of(spacing: int) -> str:
    return "daily bars" if spacing == DAY_MINUTES else f"bars of {spacing} minutes"


def _intervals_of(spacing: int, most: int = 2) -> str:
    """Write the options of horizons for which bars of a spacing make windows."""
    if spacing == DAY_MINUTES:
        return "--interval 1d"
    if most == 1:
        return f"--interval {spacing}"
    return f"--interval {spacing}, {2 * spacing}, … or --interval 1d"

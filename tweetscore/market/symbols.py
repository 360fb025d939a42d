"""How a symbol is written, and which one is meant where a database has bars of several."""

import re
from collections.abc import Sequence

from tweetscore.errors import InputError, did_you_mean
from tweetscore.market.horizons import DAY_MINUTES, Horizon
from tweetscore.store.database import Store

_PREFIX = re.compile(r"^[A-Z_]+:(?=[A-Z0-9.]+$)")
SHARE_CLASS = re.compile(r"^([A-Z]{2,5})[-/_ .]([A-Z])$")
_MARKS = re.compile(r"[-/_\s]")
_YAHOO_PAIR = re.compile(r"^([A-Z]{6})=X$")
_SETTLED_IN = re.compile(r"(?<=[/-])([A-Z0-9]+):[A-Z0-9]+(?:-\d+)?$")  # ccxt: BTC/USDT:USDT


def canonical_symbol(written: str) -> str:
    """Return the one way in which we write a symbol."""
    text = _SETTLED_IN.sub(r"\1", written.strip().upper())
    text = _YAHOO_PAIR.sub(r"\1", _PREFIX.sub("", text))
    return SHARE_CLASS.sub(r"\1.\2", text) if SHARE_CLASS.match(text) else _MARKS.sub("", text)


def choose_symbol(store: Store, wanted: str | None) -> str:
    """Return the symbol to learn from: the one wanted, or the only one there is.

    Letter case and the marks between the parts of a pair do not matter: ``btc/usdt`` is BTCUSDT.

    Raises:
        InputError: there are no bars, none of the symbol wanted, or several to choose from.
    """
    rows = store.rows("SELECT symbol FROM symbols ORDER BY symbol")
    known: list[str] = [symbol for (symbol,) in rows]
    if not known:
        raise InputError(f"{store.path}: holds no bars; ingest minute bars first")
    if wanted and wanted not in known:
        ours = {canonical_symbol(symbol): symbol for symbol in known}
        wanted = ours.get(canonical_symbol(wanted), wanted)
    if wanted and wanted not in known:
        near = did_you_mean(wanted, known)
        raise InputError(f"{store.path}: no bars of {wanted}; it has {', '.join(known)}{near}")
    if not wanted and len(known) > 1:
        raise InputError(
            f"{store.path}: has bars of {', '.join(known)}; choose one with --symbol {known[0]}"
        )
    return wanted or known[0]


def check_spacing(store: Store, symbol: str, horizons: Sequence[int]) -> None:
    """Refuse a horizon for which the bars of a symbol are too far apart, or no multiple of them.

    Raises:
        InputError: there is one.
    """
    (spacing,) = store.row("SELECT spacing_minutes FROM symbols WHERE symbol = $it", it=symbol)
    for each in map(Horizon, horizons):
        if not each.fits(spacing):
            bars = f"bars of {spacing} minutes"
            minutes = f"--interval {spacing}, {2 * spacing}, … or "
            if spacing == DAY_MINUTES:
                bars, minutes = "daily bars", ""
            raise InputError(
                f"{symbol}: has {bars}, which make no windows of {each.words}; say {minutes}"
                "--interval 1d"
            )

"""Which symbol is meant, where a database has bars of several."""

import re

from tweetscore.errors import InputError, did_you_mean
from tweetscore.store.database import Store


def choose_symbol(store: Store, wanted: str | None) -> str:
    """Return the symbol to learn from: the one wanted, or the only one there is.

    Letter case and the marks between the parts of a pair do not matter: ``btc/usdt`` is BTCUSDT.

    Raises:
        InputError: there are no bars, none of the symbol wanted, or several to choose from.
    """
    known: list[str] = [
        symbol for (symbol,) in store.rows("SELECT symbol FROM symbols ORDER BY symbol")
    ]
    if not known:
        raise InputError(f"{store.path}: holds no bars; ingest minute bars first")
    by_plain_name: dict[str, str] = {_plain(symbol): symbol for symbol in known}
    wanted = by_plain_name.get(_plain(wanted), wanted) if wanted else None
    if wanted and wanted not in known:
        near = did_you_mean(wanted, known)
        raise InputError(f"{store.path}: no bars of {wanted}; it has {', '.join(known)}{near}")
    if not wanted and len(known) > 1:
        raise InputError(
            f"{store.path}: has bars of {', '.join(known)}; choose one with --symbol {known[0]}"
        )
    return wanted or known[0]


def _plain(symbol: str) -> str:
    return re.sub(r"[\s/_-]", "", symbol).upper()

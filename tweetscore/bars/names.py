"""What the columns of bars are called: a column's name enters, its meaning leaves."""

import re
from collections.abc import Sequence
from functools import lru_cache

from tweetscore.io.columns import normalised

PRICES = ("open", "high", "low", "close")
# Our name: names of such a column, normalised; best first. Those of a bid stand for the price where
# a file has bid and ask.
NAMES = {
    "symbol": (
        "symbol", "ticker", "instrument", "pair", "contract", "ric", "sym", "secid",
    ),
    # The first of these with whole times in it counts; pandas may leave its index without a name.
    "time": (
        "time", "timestamp", "datetime", "date", "dtyyyymmdd", "minute", "gmttime", "localtime",
        "opentime", "windowstart", "tsevent", "unix", "unixtimestamp", "timestampms", "epoch",
        "barstart", "begin", "begins", "beginsat", "start", "starttime", "startsat", "periodstart",
        "dateandtime", "datetimelocal", "tradetime", "bartime", "minutestart", "ts", "dt", "t",
        "utc", "gmt", "", "index", "indexlevel0",
    ),
    "volume": (
        # MetaTrader's other volume is zero for most that it trades.
        "volume", "tickvolume", "tickvol", "vol", "v", "totalvolume", "totalvol", "totalticks",
        "basevolume",
    ),
    **{
        price: (
            price, price[0], f"{price}price", f"price{price}", f"{price}px", f"px{price}",
            f"first{price}", f"bid{price}", f"{price}bid", f"mid{price}", f"{price}mid",
        )
        for price in PRICES
    },
}  # fmt: skip
NAMES["close"] += ("last", "lastprice")
NAMES["open"] += ("first",)
_CLOCKS = {
    "utc": "UTC", "gmt": "UTC", "z": "UTC", "et": "America/New_York", "ny": "America/New_York",
    "eet": "EET", "cet": "CET",
}  # fmt: skip
_NUMBERED = re.compile(r"^\d+[a-z]?\.\s*")  # Alpha Vantage: "1. open", "1a. open (USD)"
_IN_BRACKETS = re.compile(r"\s*[(\[]([^)\]]*)[)\]]\s*$")
_UNIT = re.compile(r"[\s_-](utc|gmt|z|et|ny|eet|cet)$|^(utc|gmt)[\s_-]", re.IGNORECASE)


@lru_cache(maxsize=4096)
def aliases(column: str) -> tuple[str, ...]:
    """Return what a column may be called, normalised, without numbers, brackets and zones."""
    bare = _NUMBERED.sub("", column.strip().lstrip("#"))
    forms = [column, bare, _IN_BRACKETS.sub("", bare), _UNIT.sub("", _IN_BRACKETS.sub("", bare))]
    names = [normalised(form) for form in forms]
    if names[1].startswith("volume"):  # "Volume BTC"
        names.append("volume")
    return tuple(dict.fromkeys(names))


def clock_in_name(column: str) -> str | None:
    """Return the clock that the name of a column of times tells, as ``timestamp_utc`` does."""
    if normalised(column) in ("utc", "gmt"):
        return "UTC"
    bare = column.strip()
    inside = _IN_BRACKETS.search(bare)
    found = _UNIT.search(_IN_BRACKETS.sub("", bare))
    unit = inside[1] if inside else (found[1] or found[2]) if found else ""
    return _CLOCKS.get(unit.strip().lower())


@lru_cache(maxsize=4096)
def meaning(column: str) -> str | None:
    """Return our name for a column, by its own name alone."""
    for alias in aliases(column):
        for ours, known in NAMES.items():
            if alias in known and alias:
                return ours
    return None


def names_for(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the known names with those that the columns of a table add by their decoration."""
    names = {ours: list(known) for ours, known in NAMES.items()}
    for column in reversed(columns):
        own, *others = aliases(column)
        for ours, known in NAMES.items():
            ranks = [known.index(alias) for alias in others if alias in known and alias]
            if ranks and own not in known:
                # Right behind the plain name, so that the best name goes on counting most.
                names[ours].insert(names[ours].index(known[min(ranks)]) + 1, own)
    return {ours: tuple(known) for ours, known in names.items()}

"""Who writes bars like these: one line a layout, known by the names or the kinds of its columns.

A vendor's name is told in the account; where its files leave something open, it also decides it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tweetscore.io.columns import normalised


@dataclass(frozen=True, slots=True)
class Vendor:
    """A layout that people have: all of ``columns`` are there, or the columns are of ``kinds``."""

    name: str
    columns: frozenset[str] = frozenset()  # normalised
    kinds: tuple[str, ...] = ()  # of columns without names: see ``content.kinds``
    usual_order: Literal["day", "month"] | None = None  # where no day is above 12
    billionths: bool = False  # prices that are whole numbers


def _named(
    name: str,
    columns: str,
    usual_order: Literal["day", "month"] | None = None,
    *,
    billionths: bool = False,
) -> Vendor:
    return Vendor(name, frozenset(columns.split()), (), usual_order, billionths)


def _unnamed(name: str, kinds: str, usual_order: Literal["day", "month"] | None = None) -> Vendor:
    return Vendor(name, kinds=tuple(kinds.split()), usual_order=usual_order)


_NUMBERS = " numbers" * 4
VENDORS = (
    _named("Databento", "rtype publisherid", billionths=True),
    _named("Databento", "tsevent publisherid", billionths=True),
    _named("Databento", "tsevent instrumentid", billionths=True),
    _named("Binance klines", "opentime closetime open high low close"),
    _named("CryptoDataDownload", "unix date symbol open high low close"),
    _named("Dukascopy", "gmttime open high low close", "day"),
    _named("Dukascopy", "localtime open high low close", "day"),
    _named("Dukascopy", "time(eet) open high low close", "day"),
    _named("MetaTrader 5", "date time open high low close tickvol spread"),
    _named("MetaTrader 5", "time open high low close tickvolume spread realvolume"),
    _named("Polygon flat file", "ticker windowstart open high low close transactions"),
    _named("Interactive Brokers", "date open high low close volume average barcount"),
    _named("Alpha Vantage", "1.open 2.high 3.low 4.close"),
    _named("MetaStock", "dtyyyymmdd time open high low close", "month"),
    _named("Sierra Chart", "date time open high low last", "month"),
    _named("TradeStation", "date time open high low close up down", "month"),
    _named("FXCM", "datetime bidopen bidhigh bidlow bidclose", "month"),
    _unnamed("Binance klines", f"time{_NUMBERS}{_NUMBERS} numbers numbers numbers"),
    _unnamed("Kibot", f"date time{_NUMBERS} numbers", "month"),
    _unnamed("Kibot", f"date time{_NUMBERS}", "month"),
    _unnamed("FirstRate", f"time{_NUMBERS} numbers"),
    _unnamed("FirstRate", f"time{_NUMBERS}"),
)


def vendor_of(columns: Sequence[str], kinds: Mapping[str, str]) -> Vendor | None:
    """Return the first vendor that writes such columns."""
    names = frozenset(map(normalised, columns))
    of_columns = tuple(kinds.get(name, "") for name in columns)
    for vendor in VENDORS:
        if (vendor.columns and vendor.columns <= names) or (
            vendor.kinds and vendor.kinds == of_columns
        ):
            return vendor
    return None

"""Choose the calendar of a file whose clock is known: found, or not determined; never assumed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tweetscore.bars.breaks import AUTO_CALENDARS, FUTURES, hours_of
from tweetscore.bars.evidence import Fit
from tweetscore.bars.shape import Shape
from tweetscore.bars.words import Word, listed
from tweetscore.errors import InputError
from tweetscore.market.sessions import CURRENCY_WEEK, NEVER_CLOSED

_INSIDE_SHARE = 0.98  # of the bars that must lie in the sessions of a calendar
_SHARP_SHARE = 0.6  # of the file's begins and ends that must be a session's
_DAYS_NEEDED = 20
_MISSING_SHARE = 0.1
_DAYS_WITHOUT_END = 14  # of a market that never closes: two weekends

_CURRENCIES = "AUD CAD CHF CNH CZK DKK EUR GBP HKD HUF JPY MXN NOK NZD PLN SEK SGD TRY USD ZAR"
_COINS = "ADA AVAX BCH BNB BTC DOGE DOT ETC ETH LINK LTC MATIC SHIB SOL TRX UNI XBT XLM XMR XRP"
_COIN_MONEY = ("", "USD", "USDT", "USDC", "BUSD", "EUR", "GBP", "JPY", "BTC", "ETH", "PERP")
# Index CFDs, as HistData and brokers name them.
_INDICES = {
    "XNYS": "SPXUSD NSXUSD UDXUSD SPX500 SPX500USD US500 US30 US100 NAS100 USTEC",
    "XETR": "GRXEUR GER30 GER40 DE30 DE40",
    "XLON": "UKXGBP UK100",
    "XTKS": "JPXJPY JP225 JPN225",
    "XHKG": "HKXHKD HK50",
    "XASX": "AUXAUD AUS200",
}
_SUFFIXES = {
    "HK": "XHKG", "T": "XTKS", "L": "XLON", "DE": "XETR", "AX": "XASX",
    "NS": "XBOM", "BO": "XBOM", "SS": "XSHG", "SZ": "XSHG",
}  # fmt: skip
_FUTURE = re.compile(r"[A-Z0-9]{1,3}[FGHJKMNQUVXZ]\d{1,2}")


@dataclass(frozen=True, slots=True)
class CalendarVerdict:
    """Whose sessions a file has; ``calendar`` is None where several are as likely."""

    calendar: str | None
    word: Word
    fact: str
    warnings: tuple[str, ...] = ()


def usual_calendar(symbol: str | None) -> str | None:
    """Return the calendar that the name of a symbol tells; None for most."""
    name = (symbol or "").upper()
    stem, dot, suffix = name.rpartition(".")
    if dot and stem and suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    plain = re.sub(r"[/_:. -]", "", name)
    for calendar, names in _INDICES.items():
        if plain in names.split():
            return calendar
    base, money = plain[:3], plain[3:]
    if money in _CURRENCIES.split() and base in ("XAU", "XAG", "XPT", "XPD"):
        return FUTURES
    if money in _CURRENCIES.split() and base in _CURRENCIES.split():
        return CURRENCY_WEEK
    if any(plain.startswith(coin) and plain[len(coin) :] in _COIN_MONEY for coin in _COINS.split()):
        return NEVER_CLOSED
    return FUTURES if _FUTURE.fullmatch(plain) else None


def choose_calendar(
    shape: Shape,
    fits: Sequence[Fit],
    found: Fit | None,
    claimed: str,
    symbol: str | None,
    utc: np.ndarray,
) -> CalendarVerdict:
    """Choose the calendar.

    Args:
        shape: of the file.
        fits: every candidate.
        found: the one whose clock was taken.
        claimed: the calendar that is said, or ``auto``.
        symbol: what the bars are of.
        utc: the minutes of UTC of ``shape.minutes``.
    """
    if not found:
        return _by_hours(shape, fits, claimed, symbol, utc)
    peers = [found, *(fit for fit in fits if _is_peer(fit, found))]
    names = list(dict.fromkeys(fit.stops.calendar for fit in peers))
    # Where many days lack, a holiday more or less is no evidence.
    whole = found.skipped <= _MISSING_SHARE * found.days
    certain = found.days >= _DAYS_NEEDED and whole and not found.impossible_sessions
    if claimed != "auto":
        sure = names == [claimed] and certain
        return CalendarVerdict(claimed, "proven" if sure else "consistent", f"calendar {claimed}")
    hint = usual_calendar(symbol)
    if found.stops.kind == "daily break" and hint in (None, FUTURES):
        certain = certain and found.days >= _DAYS_NEEDED
    elif found.stops.kind == "daily break" or (len(names) > 1 and hint in names):
        return CalendarVerdict(hint, "consistent", f"calendar {hint} by the symbol {symbol}")
    if len(names) > 1:
        return _undetermined(names)
    weekly = found.stops.weekly
    word: Word = "proven" if certain or (weekly and shape.days >= _DAYS_NEEDED) else "consistent"
    return CalendarVerdict(names[0], word, f"calendar {names[0]}")


def _is_peer(fit: Fit, found: Fit) -> bool:
    """Tell whether another market with the same times explains the file as well."""
    if fit is found or not fit.same_times(found) or fit.stops.calendar == found.stops.calendar:
        return False
    if found.stops.kind != "sessions" or fit.stops.kind != "sessions":
        return False
    # A day without data is no proof of a holiday; two that are all there are, are.
    fewer = fit.skipped - found.skipped
    beaten = found.clearly_beats(fit) or (fewer >= 2 and not found.skipped)
    return bool(fit.days) and not beaten and fit.sharp() and not fit.objection_of_bars


def _by_hours(
    shape: Shape, fits: Sequence[Fit], claimed: str, symbol: str | None, utc: np.ndarray
) -> CalendarVerdict:
    """Choose by the sessions in which the bars lie, where no closure could be tested."""
    if claimed != "auto":
        return CalendarVerdict(claimed, "not testable", f"calendar {claimed} as claimed")
    if not len(utc):
        return _undetermined([])
    edges = _edges(shape, utc)
    holding = {}
    for name in AUTO_CALENDARS:
        try:
            opens, closes = hours_of(name, *shape.dates)
        except InputError:  # not known for these years
            continue
        at = np.searchsorted(opens, utc, side="right") - 1
        inside = (at >= 0) & (utc < closes[np.maximum(at, 0)])
        if inside.mean() >= _INSIDE_SHARE:
            holding[name] = _sharp_edges(edges, opens, closes)
    hint = usual_calendar(symbol)
    needed = max(2, int(np.ceil(_SHARP_SHARE * 2 * len(edges[0]))))
    sharp = [name for name, count in holding.items() if count >= needed]
    if len(sharp) == 1:
        return CalendarVerdict(sharp[0], "consistent", f"calendar {sharp[0]}")
    if hint in holding:
        return CalendarVerdict(hint, "consistent", f"calendar {hint} by the symbol {symbol}")
    if list(holding) == [NEVER_CLOSED]:
        never = next((fit for fit in fits if fit.stops.kind == "never"), None)
        long = shape.days >= _DAYS_WITHOUT_END and never is not None and not never.objection
        return CalendarVerdict(
            NEVER_CLOSED, "proven" if long else "consistent", f"calendar {NEVER_CLOSED}"
        )
    return _undetermined(sharp or list(holding))


def _undetermined(names: Sequence[str]) -> CalendarVerdict:
    fits = f"it may be {listed(names, 'or')}" if names else "no known one fits"
    example = names[0] if names else "XNYS"
    warning = (
        f"its calendar is not determined: {fits}; say it, as in --calendar {example}; "
        "until then it has windows of the extended session only"
    )
    return CalendarVerdict(None, "not testable", "calendar not determined", (warning,))


def _edges(shape: Shape, utc: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the minutes of UTC at which the file's days begin, and those at which they end."""
    begins = np.r_[0, np.searchsorted(shape.minutes, shape.first)]
    ends = np.r_[np.searchsorted(shape.minutes, shape.last), len(utc) - 1]
    return utc[begins], utc[ends]


def _sharp_edges(
    edges: tuple[np.ndarray, np.ndarray], opens: np.ndarray, closes: np.ndarray
) -> int:
    """Count the begins at an open and the ends at a close; where sessions join, there is none."""
    real_opens, real_closes = np.setdiff1d(opens, closes), np.setdiff1d(closes, opens)
    begin = np.isin(edges[0], real_opens) | np.isin(edges[0] - 1, real_opens)
    end = np.isin(edges[1] + 1, real_closes) | np.isin(edges[1], real_closes)
    return int(begin.sum() + end.sum())

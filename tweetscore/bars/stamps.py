"""Tell whether stamps are the start or the end of the minute: a fitting candidate enters.

The edges of sessions speak: no bar can start as the market closes, nor end as it opens. Stray bars
of one price stand there all the same and count for nothing. Where bars have sizes, the burst at the
opening and at the times of scheduled news speaks too.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tweetscore.bars.evidence import Fit
from tweetscore.bars.shape import Shape
from tweetscore.bars.words import Word
from tweetscore.bars.zones import Clocks
from tweetscore.io.clocks import Clock

Side = Literal["start", "end"]

_MARGIN = 0.25  # of the days, by which one edge must be stamped more often than the other
_NEARLY_ALL, _NEARLY_NONE, _HARDLY_ANY = 0.9, 0.1, 0.01
_DAYS_TO_NAME, _DAYS_TO_TELL, _DAYS_TO_PROVE = 3, 5, 10
_NEWS = (8 * 60 + 30, 10 * 60, 14 * 60)  # minutes of the day in New York: data, data, Fed
_BURST = 2.0  # times the usual size nearby
_CALM = 1.3
_SELDOM = 0.2  # of the days with a bar in the next minute
_DAY = 1_440


@dataclass(frozen=True, slots=True)
class StampVerdict:
    """What the stamps mean, how far that is known, and what speaks against a claim."""

    side: Side
    word: Word
    fact: str
    warnings: tuple[str, ...] = ()


def judge_stamps(
    shape: Shape, clocks: Clocks, found: Fit | None, clock: Clock, claimed: str
) -> StampVerdict:
    """Judge the stamps of a file; a claim is taken, and told what speaks against it.

    Args:
        shape: of the file.
        clocks: the arithmetic of its clocks.
        found: the candidate that fits; None where no break could be tested.
        clock: that was taken.
        claimed: start, end or auto.
    """
    side, word, fact = _by_edges(shape, found)
    burst = _by_burst(shape, clocks, found, clock)
    if burst and side and burst != side:
        side, word, fact = None, "consistent", f"its edges say {side}, its bursts {burst}"
    elif burst and not side:
        side, word = burst, "proven"
        fact = f"stamps are the {side} of the minute (trading bursts on it, at the open or at news)"
    if claimed in ("start", "end"):
        taken: Side = "end" if claimed == "end" else "start"
        if side and side != taken:
            told = f"--stamp {taken} is taken, but refuted: {fact}"
            return StampVerdict(taken, "refuted", told, (told,))
        return StampVerdict(taken, word if side else "not testable", fact)
    return StampVerdict(side or "start", word, fact)


def _by_edges(shape: Shape, found: Fit | None) -> tuple[Side | None, Word, str]:
    days = found.days if found else 0
    unknown = "start or end of the minute not proven"
    if not found or days < _DAYS_TO_NAME:
        return None, "not testable", unknown
    opens, closes = found.opens_sharp, _closing_bars(shape, found)
    side: Side | None = None
    # Without prices a stray bar cannot be told from another.
    mostly = closes >= _NEARLY_ALL * days and opens <= _HARDLY_ANY * days
    if opens - closes > _MARGIN * days or _nearly_only(opens, closes):
        side = "start"
    elif mostly or (shape.flat is not None and _nearly_only(closes, opens)):
        side = "end"
    if not side:
        return None, "consistent", unknown
    fact = (
        f"stamps are the {side} of the minute (a bar is stamped on the opening minute on "
        f"{opens} days, on the closing on {closes})"
    )
    return side, "proven" if days >= _DAYS_TO_PROVE else "consistent", fact


def _nearly_only(often: int, seldom: int) -> bool:
    return often >= _DAYS_TO_TELL and seldom <= _NEARLY_NONE * often


def _closing_bars(shape: Shape, found: Fit) -> int:
    """Count the days with a bar of more than one price stamped on the closing minute or later."""
    at = found.explains & (found.early <= -1) & (found.early >= -2)
    if shape.flat is None:
        return int(at.sum())
    places = np.searchsorted(shape.minutes, shape.last[at])
    return int((~shape.flat[places]).sum())


def _by_burst(shape: Shape, clocks: Clocks, found: Fit | None, clock: Clock) -> Side | None:
    """Find on which stamp trading bursts: on that of the open or of news, or one minute later."""
    if shape.sizes is None or not len(shape.minutes):
        return None
    if found and found.stops.kind == "sessions":
        moments = [clocks.stamps(clock, found.stops.shut[1])]
    else:
        moments = _news(shape, clocks, clock)
    sides = {side for side in (_burst_at(shape, moment) for moment in moments) if side}
    return sides.pop() if len(sides) == 1 else None


def _news(shape: Shape, clocks: Clocks, clock: Clock) -> list[np.ndarray]:
    """Return the stamps at which news fall on every day with bars: of each time of day an array."""
    new_york = clocks.zone("America/New_York")
    days = np.unique(new_york.local(clocks.utc(clock, shape.minutes)) // _DAY)
    return [clocks.stamps(clock, new_york.utc(days * _DAY + minute)) for minute in _NEWS]


def _burst_at(shape: Shape, moments: np.ndarray) -> Side | None:
    at, after, later = (_sizes(shape, moments + shift) for shift in (0, 1, 2))
    around = np.concatenate([moments + shift for shift in range(-30, 31) if shift not in (0, 1, 2)])
    usual = _sizes(shape, around)
    enough = _DAYS_TO_PROVE
    if len(usual) < enough:
        return None
    burst = _BURST * usual.mean()
    if len(at) >= enough and at.mean() >= burst and at.mean() >= _mean(after):
        return "start"
    seldom = len(at) <= _SELDOM * len(after)
    calm = seldom or (len(at) >= enough and at.mean() <= _CALM * usual.mean())
    if len(after) >= enough and after.mean() >= burst and after.mean() >= _mean(later) and calm:
        return "end"
    return None


def _sizes(shape: Shape, minutes: np.ndarray) -> np.ndarray:
    """Return the sizes of the bars stamped then."""
    assert shape.sizes is not None
    places = shape.has(minutes)
    return np.asarray(shape.sizes[places[places >= 0]])


def _mean(sizes: np.ndarray) -> float:
    return float(sizes.mean()) if len(sizes) else 0.0

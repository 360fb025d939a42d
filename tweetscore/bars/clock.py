"""Find or judge the clock, the calendar and the stamps of a file of bars: a verdict leaves.

A verdict says how far each is known, in four words: *proven* (every other candidate that would give
other times is clearly worse on the same days), *consistent* (the evidence agrees, but not with this
alone, or on few days), *refuted* and *not testable*.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import polars as pl

from tweetscore.bars.breaks import FUTURES, find_stops
from tweetscore.bars.calendars import choose_calendar, usual_calendar
from tweetscore.bars.evidence import Fit, fit_all
from tweetscore.bars.shape import Shape, shape_of
from tweetscore.bars.stamps import Side, judge_stamps
from tweetscore.bars.words import Candidate, Word, listed, tally
from tweetscore.bars.zones import Clocks
from tweetscore.errors import InputError
from tweetscore.io.clocks import EXAMPLES, Clock
from tweetscore.market.sessions import CURRENCY_WEEK

SHARE_NEEDED = 0.95
DAYS_NEEDED = 20
_WEEKS_NEEDED = 4  # of a market that closes at weekends only
_BREAKS_TO_REFUTE = 3
_CONTENDER_SHARE = 0.3  # of the best candidate's days
_SHOWN_CANDIDATES = 8
_DAY = 1_440


@dataclass(frozen=True, slots=True)
class BarClock:
    """The verdict on a file of bars.

    Attributes:
        clock: of its stamps.
        stamp: whether they are the start or the end of the minute.
        calendar: whose sessions it has; None where several are as likely.
        clock_word: how far the clock is known; likewise ``stamp_word`` and ``calendar_word``.
        clock_fact: the clock, and what speaks for it.
        stamp_fact: what the stamps mean, and how that was found.
        calendar_fact: the calendar, and how it was found.
        warnings: what speaks against what the user says, and what could not be told.
        candidates: the evidence for each, best first.
        exact_days: the days that begin and end with the market's minutes.
        spacing_minutes: from one bar to the next.
    """

    clock: Clock
    stamp: Side
    calendar: str | None
    clock_word: Word
    stamp_word: Word
    calendar_word: Word
    clock_fact: str
    stamp_fact: str
    calendar_fact: str
    warnings: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    exact_days: int = 0
    spacing_minutes: int = 1

    @classmethod
    def declared(cls, clock: Clock, stamp: Side, calendar: str, evidence: str) -> "BarClock":
        """Return the verdict on a file whose format says it all."""
        fact = f"calendar {calendar}"
        return cls(clock, stamp, calendar, "proven", "proven", "proven", evidence, "", fact)

    @property
    def evidence(self) -> str:
        """Return why, in one line, less the calendar."""
        return "; ".join(filter(None, [self.clock_fact, self.stamp_fact]))

    @property
    def proven(self) -> bool:
        """Tell whether the clock is proven."""
        return self.clock_word == "proven"

    def minutes_utc(self, stamps: pl.Series) -> pl.Series:
        """Return the UTC minute at which each bar opens; null as in Clock.to_utc."""
        times = self.clock.to_utc(stamps)
        return times if self.stamp == "start" else times - timedelta(minutes=self.spacing_minutes)


@dataclass(frozen=True, slots=True)
class Claims:
    """What is said of a file; ``auto`` leaves it to the evidence.

    Attributes:
        zoned: the stamps carry a zone or count from 1970, and were read as UTC.
        symbol: what the bars are of, whose name may tell the calendar.
    """

    calendar: str = "auto"
    clock: str = "auto"
    stamp: str = "auto"
    zoned: bool = False
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class _Audit:
    """A file, and every candidate held against it."""

    name: str
    claims: Claims
    claim: Clock | None  # the clock that is said, by the user or by the stamps
    shape: Shape
    fits: list[Fit]
    clocks: Clocks
    best: Fit | None  # the one that explains most, with nothing against it

    def allowed(self) -> list[Fit]:
        """Return the candidates that agree with what is said."""
        calendar = self.claims.calendar
        own = ("daily break", "extended hours", "weekend")
        place = self.clocks.place(self.claim) if self.claim else None
        return [
            fit
            for fit in self.fits
            if place in (None, fit.place)
            and (calendar in ("auto", fit.stops.calendar) or fit.stops.kind in own)
        ]


def audit_bars(
    name: str,
    stamps: pl.Series,
    claims: Claims | None = None,
    *,
    sizes: pl.Series | None = None,
    flat: pl.Series | None = None,
) -> BarClock:
    """Find the clock, calendar and stamps of a file of bars, or judge those that are said.

    Args:
        name: the file's, for messages.
        stamps: its whole column of times, in any order.
        claims: what is said of it.
        sizes: how much was traded in each bar, or how far its price moved; None where unknown.
        flat: whether each bar has one price; None where unknown.

    Raises:
        InputError: a claim is refuted, or ``auto`` has too little evidence.
    """
    claims = claims or Claims()
    if claims.stamp not in ("auto", "start", "end"):
        raise InputError(f"{claims.stamp!r} is no stamp; say --stamp start or --stamp end")
    audit = _audit(name, shape_of(stamps, sizes, flat), claims)
    found = _found(audit)
    _refuse_refuted(audit, found)
    if not found:
        _refuse_mixed(audit)
    clock_word, days, alike = _judge(audit, found)
    clock = _chosen_clock(audit, found, clock_word, days, alike)
    utc = audit.clocks.utc(clock, audit.shape.minutes)
    calendar = choose_calendar(audit.shape, audit.fits, found, claims.calendar, claims.symbol, utc)
    meaning = judge_stamps(audit.shape, audit.clocks, found, clock, claims.stamp)
    return BarClock(
        clock=clock,
        stamp=meaning.side,
        calendar=calendar.calendar,
        clock_word=clock_word,
        stamp_word=meaning.word,
        calendar_word=clock_word if calendar.word == "proven" and found else calendar.word,
        clock_fact=_evidence(audit, found, clock, clock_word, days, alike),
        stamp_fact=meaning.fact,
        calendar_fact=calendar.fact,
        warnings=(*calendar.warnings, *meaning.warnings),
        candidates=tuple(_candidates(audit, found, clock_word)),
        exact_days=found.exact if found else 0,
    )


def _audit(name: str, shape: Shape, claims: Claims) -> _Audit:
    claim = Clock.parse(claims.clock) if claims.clock != "auto" else None
    if claims.zoned and not claim:
        claim = Clock.parse("UTC")
    if not len(shape.minutes):
        return _Audit(name, claims, claim, shape, [], Clocks(shape.minutes, claim, []), None)
    stops = find_stops(*shape.dates, claims.calendar, shape.lengths)
    if usual_calendar(claims.symbol) == CURRENCY_WEEK:
        # A pair of currencies is no future, whose week looks the same an hour later.
        stops = [stop for stop in stops if stop.calendar != FUTURES or not stop.weekly]
    noons = np.unique(shape.minutes // _DAY) * _DAY + _DAY // 2
    sample = np.concatenate([noons, shape.last, shape.first])
    clocks = Clocks(sample, claim, [stop.zone for stop in stops])
    fits = [fit for stop in stops for fit in fit_all(shape, stop, clocks)]
    return _Audit(name, claims, claim, shape, fits, clocks, _best(fits, sharply=True))


def _best(fits: Sequence[Fit], *, sharply: bool) -> Fit | None:
    """Return the candidate that explains most breaks, among those with nothing against them."""
    ranked = sorted((fit for fit in fits if fit.days), key=lambda fit: (-fit.days, fit.skipped))
    # What others explain twice as much of is explained by accident.
    ranked = [fit for fit in ranked if 2 * fit.days >= ranked[0].days]
    good = (fit for fit in ranked if (not sharply or fit.sharp()) and not fit.objection)
    return next(good, None)


def _found(audit: _Audit) -> Fit | None:
    """Return the best candidate that agrees with what is said."""
    allowed = audit.allowed()
    found = _best(allowed, sharply=True)
    if not found and audit.claims.calendar != "auto":
        found = _best(allowed, sharply=False)  # thin, or with hours of its own
    return found


def _refuse_refuted(audit: _Audit, found: Fit | None) -> None:
    """Refuse what is said where another candidate is clearly better.

    Raises:
        InputError: it is refuted.
    """
    best = audit.best
    if not best or best is found:
        return
    allowed = audit.allowed()
    said = found or max(allowed, key=lambda fit: fit.days, default=None)
    if (
        said
        and not best.clearly_beats(said, _BREAKS_TO_REFUTE)
        and not (not found and said.days and said.objection and best.days >= _BREAKS_TO_REFUTE)
    ):
        return
    if not said and best.days < _BREAKS_TO_REFUTE:
        return
    days = _tested_days(audit, best)
    claims = audit.claims
    others = [fit for fit in _other_candidates(audit, best) if not fit.same_times(best)]
    if audit.claim and (not said or not said.same_times(best)):
        what = f"--clock {audit.claim.name}"
        if claims.zoned and claims.clock == "auto":
            what = "the zone that its stamps carry"
        ways = [f"--clock {fit.clock.name} ({fit.stops.calendar})" for fit in [best, *others]]
        step = f"say {listed(ways, 'or')}"
        if claims.clock != "auto" and not claims.zoned and not others:
            step = f"say --clock {best.clock.name}, or leave --clock out"
    else:
        what = f"--calendar {claims.calendar}"
        step = f"say --calendar {best.stops.calendar}, or leave --calendar out"
    reason = f" ({said.objection})" if said and said.days == best.days else ""
    shown = tally([*([said] if said else []), best, *_contenders(audit, best)], days)
    raise InputError(f"{audit.name}: {what} is refuted{reason}: {shown}; {step}")


def _refuse_mixed(audit: _Audit) -> None:
    """Refuse a file that no clock explains but two of them together do.

    Raises:
        InputError: it is such a file.
    """
    most = max(audit.allowed(), key=lambda fit: fit.days, default=None)
    if not most or not most.sharp():
        return
    days = _tested_days(audit, most)
    if days >= DAYS_NEEDED and days >= SHARE_NEEDED * most.tested_closures:
        raise InputError(_no_single_clock(audit, most, days))


def _no_single_clock(audit: _Audit, fit: Fit, days: int) -> str:
    shown = tally([fit, *_contenders(audit, fit)], days)
    step = "cut the file where its clock changes, or bring denser bars"
    return f"{audit.name}: no single clock fits: {shown}; {step}"


def _judge(audit: _Audit, found: Fit | None) -> tuple[Word, int, list[Fit]]:
    """Return how far the clock is known, of how many testable days, and who else fits."""
    if not found:
        return "not testable", 0, []
    days = _tested_days(audit, found)
    alike = [fit for fit in _other_candidates(audit, found) if not fit.same_times(found)]
    needed = _WEEKS_NEEDED if found.stops.weekly else DAYS_NEEDED
    enough = days >= needed and audit.shape.days >= DAYS_NEEDED
    if enough and found.days < SHARE_NEEDED * days:
        raise InputError(_no_single_clock(audit, found, days))
    certain = enough and not alike and not found.contradicted
    return "proven" if certain else "consistent", days, alike


def _chosen_clock(
    audit: _Audit, found: Fit | None, word: Word, days: int, alike: list[Fit]
) -> Clock:
    """Return the clock that is said or found.

    Raises:
        InputError: it can be neither.
    """
    if audit.claim:
        return audit.claim
    if found and word == "proven":
        return found.clock
    if found and days >= DAYS_NEEDED and audit.claims.calendar != "auto":
        allowed = audit.allowed()
        alike = [fit for fit in alike if fit in allowed]
        if not alike:
            return found.clock
    if found and alike and days >= DAYS_NEEDED:
        both = [found, *alike]
        facts = [f"{fit.stops.calendar} in {fit.clock.name}" for fit in both]
        calendars = list(dict.fromkeys(fit.stops.calendar for fit in both))
        ways = [f"--calendar {name}" for name in calendars]
        if len(calendars) < len(both):
            ways = [f"--clock {fit.clock.name}" for fit in both]
        raise InputError(
            f"{audit.name}: its clock cannot be told: {listed(facts, 'and')} fit alike "
            f"({found.days} of {days} testable days); say {listed(ways, 'or')}"
        )
    fact = "nothing in its bars tests it"
    if found:
        shown = tally([found, *_contenders(audit, found)], days)
        fact = f"{shown}, and {DAYS_NEEDED} are needed that fit one clock best"
    raise InputError(
        f"{audit.name}: its clock cannot be told: {fact}; say it with --clock ({EXAMPLES}, …)"
    )


def _other_candidates(audit: _Audit, found: Fit) -> list[Fit]:
    """Return the other candidates that the evidence does not refute, one for each clock."""
    fits = [
        fit
        for fit in audit.fits
        if fit.days and not fit.same_times(found) and not found.clearly_beats(fit)
    ]
    ranked = sorted(fits, key=lambda fit: (-fit.days, fit.skipped))
    good = [fit for fit in ranked if fit.sharp() and not fit.objection]
    return list({fit.place: fit for fit in reversed(good)}.values())[::-1]


def _contenders(audit: _Audit, found: Fit) -> list[Fit]:
    """Return the candidates that explain a good part of what the found one does, best first."""
    same = [fit for fit in audit.fits if fit.stops is found.stops and fit is not found]
    return sorted((fit for fit in same if fit.days), key=lambda fit: -fit.days)


def _tested_days(audit: _Audit, found: Fit) -> int:
    """Count the breaks that the found candidate explains, or another clock of the same market."""
    near = [
        fit.explains
        for fit in _contenders(audit, found)
        if fit.days >= _CONTENDER_SHARE * found.days
    ]
    return int(np.logical_or.reduce([found.explains, *near]).sum())


def _evidence(
    audit: _Audit, found: Fit | None, clock: Clock, word: Word, days: int, alike: list[Fit]
) -> str:
    if not found:
        return f"{word}: nothing in these bars tests the clock {clock.name}"
    fact = f"{word}: {clock.name} fits {found.days} of {days} testable days"
    other = next(iter(_contenders(audit, found)), None)
    fact += f"; next {other.clock.name} {other.days}" if other else ""
    others = [f"{fit.stops.calendar} in {fit.clock.name}" for fit in alike[:3]]
    return fact + (
        f"; {listed(others, 'and')} {'fit' if len(others) > 1 else 'fits'} alike" if others else ""
    )


def _candidates(audit: _Audit, found: Fit | None, word: Word) -> list[Candidate]:
    """Word the evidence for the found candidate and the best others."""
    ranked = sorted(
        (fit for fit in audit.fits if fit.days), key=lambda fit: (-fit.days, fit.skipped)
    )
    ranked = [*([found] if found else []), *(fit for fit in ranked if fit is not found)]
    rows = []
    for fit in ranked[:_SHOWN_CANDIDATES]:
        row = Candidate(
            fit.stops.calendar, fit.stops.kind, fit.clock.name, fit.days, "consistent", ""
        )
        if fit is found:
            row = replace(row, word=word)
        elif fit.objection:
            row = replace(row, word="refuted", against=fit.objection)
        elif found and found.clearly_beats(fit):
            row = replace(row, word="refuted", against="explains fewer days")
        rows.append(row)
    return rows

"""Decide on the clock and the calendars of a file of bars: its bars enter, a verdict leaves.

A format may define the clock. Stamps that carry a zone or count from 1970 are audited like any
other, because such labels are often wrong.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tweetscore.bars.breaks import hours_of
from tweetscore.bars.clock import BarClock, Claims
from tweetscore.bars.daily import daily_clock
from tweetscore.bars.reader import OFF_MINUTE, BarBatch, BarFile
from tweetscore.bars.spaced import audit_spaced
from tweetscore.bars.spacing import spacing_of, spacing_words
from tweetscore.bars.words import Candidate
from tweetscore.errors import InputError
from tweetscore.ingest.account import IngestOptions
from tweetscore.io.clocks import Clock
from tweetscore.market.horizons import DAY_MINUTES
from tweetscore.market.sessions import UNKNOWN

_MINUTE_US = 60_000_000
_FEW_DAYS = 5
_SCHEMA = pl.Schema({"symbol": pl.String(), "stamp": pl.Datetime("us"), "size": pl.Float32()})


@dataclass(frozen=True, slots=True)
class KnownSymbol:
    """What is stored of a symbol."""

    calendar: str
    spacing_minutes: int


@dataclass(frozen=True, slots=True)
class BarVerdict:
    """The clock of a file, what is to be stored of each symbol, and what the user must know.

    Attributes:
        opens_utc: the UTC minute at which the bar of each stamp opens; null where it has none.
        no_open: why a bar has none, with {} for its stamp.
        symbols: those in the file.
        evidence: of all this, in one line.
        warnings: what the user must know.
        candidates: the clocks that were held against the file.
    """

    opens_utc: Callable[[pl.Series], pl.Series]
    no_open: str
    symbols: Mapping[str, KnownSymbol]
    evidence: str
    warnings: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()


def bar_clock(
    bars: BarFile,
    batches: Iterable[BarBatch],
    options: IngestOptions,
    known: Mapping[str, KnownSymbol],
) -> BarVerdict:
    """Find out the clock of the stamps, and the calendars and the spacing of the symbols.

    Args:
        bars: the file.
        batches: all its bars.
        options: what the user sets for it.
        known: the symbols that are stored already.

    Raises:
        InputError: the file holds no bars of a known spacing, or of two, its clock is refuted or
            not clear, or its calendar is unknown, refuted, or another than the stored one.
    """
    name = bars.source.name
    rows = _rows(bars, batches)
    symbols = rows["symbol"].unique().sort().to_list()
    spacing = _spacing(bars, rows, symbols, known)
    only = symbols[0] if len(symbols) == 1 else None
    calendar = _claimed_calendar(name, symbols, options.calendar, known)
    if spacing == DAY_MINUTES:
        return _daily(bars, rows, symbols, options, calendar)
    claims = Claims(calendar, options.clock, options.stamp, not bars.naive, only)
    if bars.clock:
        verdict = _declared_clock(bars, bars.clock, options, calendar)
    else:
        verdict = _of_file(name, rows, symbols, claims, spacing)
    if only:
        calendars, warnings = {only: verdict.calendar or UNKNOWN}, list(verdict.warnings)
        fact = verdict.calendar_fact
    else:
        each = {
            symbol: _of_symbol(name, rows, symbol, verdict, claims, known, spacing)
            for symbol in symbols
        }
        calendars = {symbol: found.calendar or UNKNOWN for symbol, found in each.items()}
        warnings = [f"{symbol}: {told}" for symbol in each for told in each[symbol].warnings]
        fact = f"calendars {', '.join(sorted(set(calendars.values())))}"
    outside = _outside(name, rows, verdict, calendars, claimed=options.calendar != "auto")
    kind = "" if spacing == 1 else spacing_words(spacing)
    return BarVerdict(
        verdict.minutes_utc,
        f"the time {{}} does not exist or is ambiguous in {verdict.clock.name}",
        {symbol: KnownSymbol(calendars[symbol], spacing) for symbol in symbols},
        "; ".join(filter(None, [verdict.evidence, fact, outside, kind])),
        tuple(warnings),
        verdict.candidates,
    )


def _daily(
    bars: BarFile, rows: pl.DataFrame, symbols: list[str], options: IngestOptions, calendar: str
) -> BarVerdict:
    """Find the calendar of daily bars; no clock is needed, as each is of its session.

    Raises:
        InputError: the calendar cannot be told, or a clock is said.
    """
    if options.clock != "auto" or options.stamp != "auto":
        raise InputError(
            f"{bars.source.name}: daily bars have dates and no clock; leave --clock and --stamp out"
        )
    only = symbols[0] if len(symbols) == 1 else None
    found = daily_clock(
        bars.source.name, rows["stamp"], calendar=calendar, zoned=not bars.naive, symbol=only
    )
    return BarVerdict(
        found.opens_utc,
        f"no session of {found.calendar} is on {{}}",
        {symbol: KnownSymbol(found.calendar, DAY_MINUTES) for symbol in symbols},
        found.evidence,
    )


def _of_file(
    name: str, rows: pl.DataFrame, symbols: list[str], claims: Claims, spacing: int
) -> BarClock:
    """Find the clock that all symbols of a file share.

    Bars of several markets hide each other's opens and closes: where all together prove nothing,
    one symbol may.

    Raises:
        InputError: a claim is refuted, or there is too little evidence.
    """
    refusal: InputError | None = None
    try:
        whole = _audit(name, rows, claims, spacing)
        if len(symbols) == 1 or (whole.proven and whole.stamp_word == "proven"):
            return whole
    except InputError as error:
        refusal = error
    for symbol in symbols if len(symbols) > 1 else ():
        own = rows.filter(pl.col("symbol") == symbol)
        try:
            found = _audit(name, own, replace(claims, symbol=symbol), spacing)
        except InputError:
            continue
        if found.proven and found.stamp_word == "proven":
            return replace(found, stamp_fact=f"{found.stamp_fact}, by the bars of {symbol}")
    if refusal:
        raise refusal
    return whole


def _audit(name: str, rows: pl.DataFrame, claims: Claims, spacing: int) -> BarClock:
    sizes = rows["size"]
    return audit_spaced(name, rows["stamp"], spacing, claims, sizes=sizes, flat=sizes == 0)


def _of_symbol(
    name: str,
    rows: pl.DataFrame,
    symbol: str,
    file: BarClock,
    claims: Claims,
    known: Mapping[str, KnownSymbol],
    spacing: int,
) -> BarClock:
    """Find the calendar of one of several symbols, on the clock of the file."""
    calendar = claims.calendar
    if calendar == "auto" and symbol in known and known[symbol].calendar != UNKNOWN:
        calendar = known[symbol].calendar
    own = replace(claims, calendar=calendar, clock=file.clock.name, stamp=file.stamp, symbol=symbol)
    return _audit(f"{name} ({symbol})", rows.filter(pl.col("symbol") == symbol), own, spacing)


def _claimed_calendar(
    name: str, symbols: Iterable[str], calendar: str, known: Mapping[str, KnownSymbol]
) -> str:
    """Return the calendar that is said, or that all symbols have already.

    Raises:
        InputError: a symbol is stored with another one.
    """
    kept = {symbol: known[symbol].calendar if symbol in known else UNKNOWN for symbol in symbols}
    stored = set(kept.values())
    if calendar == "auto":
        return stored.pop() if len(stored) == 1 and UNKNOWN not in stored else calendar
    for symbol, other in kept.items():
        if other not in (UNKNOWN, calendar):
            raise InputError(
                f"{name}: {symbol} is stored with the calendar {other}, not {calendar}; "
                f"use --calendar {other}"
            )
    return calendar


def _rows(bars: BarFile, batches: Iterable[BarBatch]) -> pl.DataFrame:
    """Return symbol, stamp and size of all bars, where they are stamped on whole minutes."""
    name, seen, off_minute, fact = bars.source.name, [pl.DataFrame(schema=_SCHEMA)], 0, "no rows"
    size = (pl.col("high") - pl.col("low")).cast(pl.Float32)
    for batch in batches:
        seen.append(batch.bars.select("symbol", "stamp", size=size))
        off_minute += int(batch.rejects["reason"].eq(OFF_MINUTE).sum())
        fact = batch.rejects["reason"][0] if batch.rejects.height else fact
    rows = pl.concat(seen)
    if rows.is_empty():
        reason = " ".join(fact.split())
        raise InputError(f"{name}: holds no readable bar ({reason}); check its columns")
    if off_minute > rows["stamp"].n_unique() and not bars.clock:
        raise InputError(
            f"{name}: its bars are mostly stamped between minutes; export it again with bars of "
            "one minute or more"
        )
    return rows


def _spacing(
    bars: BarFile, rows: pl.DataFrame, symbols: list[str], known: Mapping[str, KnownSymbol]
) -> int:
    """Return the minutes from bar to bar, which must be those of the bars that are stored.

    Raises:
        InputError: the file has none that makes windows, or two, or another than is stored.
    """
    if bars.clock:  # of one minute; the quiet ones of a format that defines its clock are absent
        return 1
    name, spacing = bars.source.name, spacing_of(bars.source.name, rows, of_days=bars.of_days)
    for symbol in symbols:
        if symbol in known and known[symbol].spacing_minutes != spacing:
            stored = spacing_words(known[symbol].spacing_minutes)
            raise InputError(
                f"{name}: has {spacing_words(spacing)}, but {symbol} is stored with {stored}; "
                f"keep them apart, as in --symbol {symbol}-{spacing}"
            )
    return spacing


def _declared_clock(bars: BarFile, zone: str, options: IngestOptions, calendar: str) -> BarClock:
    if options.clock not in ("auto", zone) or options.stamp == "end":
        raise InputError(
            f"{bars.source.name}: its format puts the start of its minutes on the clock of {zone}; "
            "leave --clock and --stamp out"
        )
    calendar = "XNYS" if calendar == "auto" else calendar  # what LEAN calls equity/usa
    evidence = f"proven: {zone}, as {bars.format} defines it"
    return BarClock.declared(Clock.parse(zone), "start", calendar, evidence)


def _outside(
    name: str,
    rows: pl.DataFrame,
    verdict: BarClock,
    calendars: Mapping[str, str],
    *,
    claimed: bool,
) -> str:
    """Say how many bars lie outside the sessions of their calendar; empty where none does.

    Raises:
        InputError: a calendar is unknown, or not known for these years, or ``claimed`` for bars of
            several days of which none is inside.
    """
    outside = tested = 0
    for symbol, calendar in calendars.items():
        if calendar == UNKNOWN:
            continue
        own = rows.filter(pl.col("symbol") == symbol) if len(calendars) > 1 else rows
        utc = verdict.minutes_utc(own["stamp"]).drop_nulls().sort()
        minutes = (utc.to_physical() // _MINUTE_US).to_numpy()
        opens, closes = hours_of(calendar, utc[0].date(), utc[-1].date())
        at = np.searchsorted(opens, minutes, side="right") - 1
        inside = (at >= 0) & (minutes < closes[np.maximum(at, 0)]) if len(opens) else at >= 0
        if claimed and not inside.any() and len(np.unique(minutes // DAY_MINUTES)) >= _FEW_DAYS:
            raise InputError(
                f"{name}: --calendar {calendar} is refuted: none of the {len(minutes):,} bars of "
                f"{symbol} is inside its sessions; say another, or leave --calendar out"
            )
        outside += int((~inside).sum())
        tested += len(minutes)
    return f"{outside:,} of {tested:,} bars are outside its sessions" if outside else ""

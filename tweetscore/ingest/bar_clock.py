"""Decide on the clock and the calendars of a file of bars: its bars enter, a verdict leaves.

A format may define the clock. Stamps that carry a zone or count from 1970 are audited like any
other, because such labels are often wrong.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import polars as pl

from tweetscore.bars.breaks import hours_of
from tweetscore.bars.clock import BarClock, Claims, audit_bars
from tweetscore.bars.reader import OFF_MINUTE, BarBatch, BarFile
from tweetscore.errors import InputError
from tweetscore.ingest.account import IngestOptions
from tweetscore.io.clocks import Clock
from tweetscore.market.sessions import UNKNOWN

_MINUTE = timedelta(minutes=1)
_MINUTE_US = 60_000_000
_SCHEMA = pl.Schema({"symbol": pl.String(), "stamp": pl.Datetime("us"), "size": pl.Float32()})


@dataclass(frozen=True, slots=True)
class BarVerdict:
    """The clock of a file, the calendar of each of its symbols, and what the user must know."""

    clock: BarClock
    calendars: Mapping[str, str]
    evidence: str
    warnings: tuple[str, ...]


def bar_clock(
    bars: BarFile, batches: Iterable[BarBatch], options: IngestOptions, known: Mapping[str, str]
) -> BarVerdict:
    """Find out the clock of the stamps and the calendars of the symbols.

    Args:
        bars: the file.
        batches: all its bars.
        options: what the user sets for it.
        known: the calendars of the symbols that are stored already.

    Raises:
        InputError: the file holds no bars of one minute, its clock is refuted or not clear, or its
            calendar is unknown, refuted, or another than the stored one.
    """
    name = bars.source.name
    rows = _one_minute_rows(bars, batches)
    symbols = rows["symbol"].unique().sort().to_list()
    only = symbols[0] if len(symbols) == 1 else None
    calendar = _claimed_calendar(name, symbols, options.calendar, known)
    claims = Claims(calendar, options.clock, options.stamp, not bars.naive, only)
    if bars.clock:
        verdict = _declared_clock(bars, bars.clock, options, calendar)
    else:
        verdict = _audit(name, rows, claims)
    if only:
        calendars, warnings = {only: verdict.calendar or UNKNOWN}, list(verdict.warnings)
        fact = verdict.calendar_fact
    else:
        each = {
            symbol: _of_symbol(name, rows, symbol, verdict, claims, known) for symbol in symbols
        }
        calendars = {symbol: found.calendar or UNKNOWN for symbol, found in each.items()}
        warnings = [f"{symbol}: {told}" for symbol in each for told in each[symbol].warnings]
        fact = f"calendars {', '.join(sorted(set(calendars.values())))}"
    outside = _outside(rows, verdict, calendars)
    evidence = "; ".join(filter(None, [verdict.evidence, fact, outside]))
    return BarVerdict(verdict, calendars, evidence, tuple(warnings))


def _audit(name: str, rows: pl.DataFrame, claims: Claims) -> BarClock:
    return audit_bars(name, rows["stamp"], claims, sizes=rows["size"], flat=rows["size"] == 0)


def _of_symbol(
    name: str,
    rows: pl.DataFrame,
    symbol: str,
    file: BarClock,
    claims: Claims,
    known: Mapping[str, str],
) -> BarClock:
    """Find the calendar of one of several symbols, on the clock of the file."""
    calendar = claims.calendar
    if calendar == "auto" and known.get(symbol, UNKNOWN) != UNKNOWN:
        calendar = known[symbol]
    own = replace(claims, calendar=calendar, clock=file.clock.name, stamp=file.stamp, symbol=symbol)
    return _audit(f"{name} ({symbol})", rows.filter(pl.col("symbol") == symbol), own)


def _claimed_calendar(
    name: str, symbols: Iterable[str], calendar: str, known: Mapping[str, str]
) -> str:
    """Return the calendar that is said, or that all symbols have already.

    Raises:
        InputError: a symbol is stored with another one.
    """
    stored = {known.get(symbol, UNKNOWN) for symbol in symbols}
    if calendar == "auto":
        return stored.pop() if len(stored) == 1 and UNKNOWN not in stored else calendar
    for symbol in symbols:
        if known.get(symbol, UNKNOWN) not in (UNKNOWN, calendar):
            raise InputError(
                f"{name}: {symbol} is stored with the calendar {known[symbol]}, not {calendar}; "
                f"use --calendar {known[symbol]}"
            )
    return calendar


def _one_minute_rows(bars: BarFile, batches: Iterable[BarBatch]) -> pl.DataFrame:
    """Return symbol, stamp and size of all bars, where the stamps are one minute apart."""
    name, seen, off_minute, fact = bars.source.name, [pl.DataFrame(schema=_SCHEMA)], 0, "no rows"
    size = (pl.col("high") - pl.col("low")).cast(pl.Float32)
    for batch in batches:
        seen.append(batch.bars.select("symbol", "stamp", size=size))
        off_minute += int(batch.rejects["reason"].eq(OFF_MINUTE).sum())
        fact = batch.rejects["reason"][0] if batch.rejects.height else fact
    rows = pl.concat(seen)
    stamps = rows["stamp"].unique().sort()
    if stamps.is_empty():
        reason = " ".join(fact.split())
        raise InputError(f"{name}: holds no readable bar ({reason}); check its columns")
    spacing = stamps.diff().drop_nulls().mode().sort()
    apart = f"{spacing[0]} apart" if len(spacing) and spacing[0] != _MINUTE else None
    apart = "mostly stamped between minutes" if off_minute > len(stamps) else apart
    if apart and not bars.clock:  # the quiet minutes of a format that defines its clock are absent
        raise InputError(
            f"{name}: its bars are {apart}; only one-minute bars make windows, "
            "so export it again with one-minute bars"
        )
    return rows


def _declared_clock(bars: BarFile, zone: str, options: IngestOptions, calendar: str) -> BarClock:
    if options.clock not in ("auto", zone) or options.stamp == "end":
        raise InputError(
            f"{bars.source.name}: its format puts the start of its minutes on the clock of {zone}; "
            "leave --clock and --stamp out"
        )
    calendar = "XNYS" if calendar == "auto" else calendar  # what LEAN calls equity/usa
    evidence = f"proven: {zone}, as {bars.format} defines it"
    return BarClock.declared(Clock.parse(zone), "start", calendar, evidence)


def _outside(rows: pl.DataFrame, verdict: BarClock, calendars: Mapping[str, str]) -> str:
    """Say how many bars lie outside the sessions of their calendar; empty where none does.

    Raises:
        InputError: a calendar is unknown, or not known for these years.
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
        outside += int((~inside).sum())
        tested += len(minutes)
    return f"{outside:,} of {tested:,} bars are outside its sessions" if outside else ""

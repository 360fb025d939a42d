"""Decide on the clock of a file of bars: its stamps enter, a verdict leaves.

A format may define the clock, and stamps may have a time zone; all others are audited against the
exchange calendar.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

import polars as pl

from tweetscore.bars.clock import BarClock, Claims, audit_bars
from tweetscore.bars.reader import OFF_MINUTE, BarBatch, BarFile
from tweetscore.errors import InputError
from tweetscore.ingest.account import IngestOptions
from tweetscore.io.clocks import Clock

_MINUTE = timedelta(minutes=1)
_NO_STAMPS = pl.Series("stamp", [], pl.Datetime("us"))


def bar_clock(bars: BarFile, batches: Iterable[BarBatch], options: IngestOptions) -> BarClock:
    """Find out the clock of the stamps; those with a time zone need no proof.

    Args:
        bars: the file.
        batches: all its bars.
        options: what the user sets for it.

    Raises:
        InputError: the file holds no bars of one minute, or its clock is refuted or not clear.
    """
    stamps = _one_minute_stamps(bars, batches)
    if bars.clock:
        return _declared_clock(bars, bars.clock, options)
    if not bars.naive:
        if options.clock not in ("auto", "UTC"):
            raise InputError(f"{bars.source.name}: its times have a time zone; leave --clock out")
        stamp: Literal["start", "end"] = "end" if options.stamp == "end" else "start"
        evidence = f"times have a time zone; stamp {stamp}"
        return BarClock.declared(Clock.parse("UTC"), stamp, options.calendar, evidence)
    claims = Claims(options.calendar, options.clock, options.stamp)
    return audit_bars(bars.source.name, stamps, claims)


def _one_minute_stamps(bars: BarFile, batches: Iterable[BarBatch]) -> pl.Series:
    """Return the stamps, each once, in order, where they are one minute apart."""
    name, seen, off_minute, fact = bars.source.name, [_NO_STAMPS], 0, "no rows"
    for batch in batches:
        seen.append(batch.bars["stamp"])
        off_minute += int(batch.rejects["reason"].eq(OFF_MINUTE).sum())
        fact = batch.rejects["reason"][0] if batch.rejects.height else fact
    stamps = pl.concat(seen).unique().sort()
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
    return stamps


def _declared_clock(bars: BarFile, zone: str, options: IngestOptions) -> BarClock:
    if options.clock not in ("auto", zone) or options.stamp == "end":
        raise InputError(
            f"{bars.source.name}: its format puts the start of its minutes on the clock of {zone}; "
            "leave --clock and --stamp out"
        )
    evidence = f"{zone}, as {bars.format} defines it"
    return BarClock.declared(Clock.parse(zone), "start", options.calendar, evidence)

"""Audit bars of several minutes: their stamps enter, the verdict on their clock leaves.

Each meaning that the stamps may have is audited like bars of one minute; the one with which most
days begin and end with the market is taken.
"""

from dataclasses import replace

import polars as pl

from tweetscore.bars.clock import BarClock, Claims, audit_bars
from tweetscore.bars.spacing import covered
from tweetscore.bars.stamps import Side
from tweetscore.errors import InputError

_CLEARLY = 0.9  # of the days of the better meaning, that the other must stay below


def audit_spaced(
    name: str,
    stamps: pl.Series,
    spacing_minutes: int,
    claims: Claims | None = None,
    *,
    sizes: pl.Series | None = None,
    flat: pl.Series | None = None,
) -> BarClock:
    """Find the clock, calendar and stamps of bars of any minutes, or judge those that are said.

    Args:
        name: the file's, for messages.
        stamps: its whole column of times, in any order.
        spacing_minutes: from one bar to the next.
        claims: what is said of it.
        sizes: how much was traded in each bar of one minute; see ``audit_bars``.
        flat: whether each bar of one minute has one price.

    Raises:
        InputError: a claim is refuted, or ``auto`` has too little evidence.
    """
    claims = claims or Claims()
    if spacing_minutes == 1:
        return audit_bars(name, stamps, claims, sizes=sizes, flat=flat)
    found: dict[Side, BarClock] = {}
    refused: list[InputError] = []
    for side, minutes in covered(stamps, spacing_minutes):
        if claims.stamp not in ("auto", side):
            continue
        try:
            verdict = audit_bars(name, minutes, replace(claims, stamp="auto"))
        except InputError as error:
            refused.append(error)
            continue
        verdict = replace(verdict, stamp=side, spacing_minutes=spacing_minutes)
        if side not in found or _rank(verdict) > _rank(found[side]):
            found[side] = verdict
    if not found:
        raise refused[0]
    ranked = sorted(found.values(), key=_rank, reverse=True)  # stable: start comes first
    best, other = ranked[0], ranked[1] if len(ranked) > 1 else None
    others = other.exact_days if other else 0
    if best.exact_days and others < _CLEARLY * best.exact_days:
        fact = (
            f"stamps are the {best.stamp} of the bar (so the first begins at the open and the last "
            f"ends at the close on {best.exact_days} days, or else on {others})"
        )
        word = best.clock_word
    elif other and best.clock != other.clock:
        raise InputError(
            f"{name}: stamps may be the {best.stamp} of the bar in {best.clock.name} or the "
            f"{other.stamp} in {other.clock.name}; say --stamp {best.stamp} or "
            f"--stamp {other.stamp}"
        )
    else:
        fact, word = f"taken for the {best.stamp} of the bar, which nothing proves", "not testable"
    return replace(best, stamp_word=word, stamp_fact=fact)


def _rank(verdict: BarClock) -> tuple[bool, int]:
    return verdict.proven, verdict.exact_days

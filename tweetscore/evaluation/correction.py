"""Correct p-values for everything that was tried: what the days say enters, p-values leave.

Several models and intervals that are held against the same days are dependent. The signs of days
are drawn once for all of them, and the largest of those not yet rejected is the one to beat: the
step-down of Romano and Wolf (2005, Stepwise multiple testing as formalized data snooping), with the
resampling of ``skill``. Trials of which only their number is known are added as Bonferroni would.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tweetscore.evaluation.intervals import Floats, Wholes
from tweetscore.evaluation.skill import USUAL, Resampling

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Evidence:
    """What each day says for one set of scores."""

    day: Wholes  # (days,), sorted
    sums: Floats  # (days,), whose signs are random where the scores have no skill


def holm(p_values: Sequence[float], tests: int) -> Floats:
    """Correct p-values by Holm (1979), as among ``tests`` of which the others are the largest."""
    order = np.argsort(p_values, kind="stable")
    factors = max(tests, len(order)) - np.arange(len(order))
    return _step_down(np.minimum(1, factors * np.asarray(p_values, np.float64)[order]), order)


def romano_wolf(
    found: Sequence[Evidence], tests: int, *, seed: int = 0, resampling: Resampling = USUAL
) -> Floats:
    """Correct for all that is found, and for the others of ``tests``, of which nothing is known.

    Returns:
        A p-value for each, one-sided. That of one alone is its own ``skill.p_value``.
    """
    if not found:
        return np.empty(0)
    days = np.unique(np.concatenate([each.day for each in found]))
    sums = np.zeros((len(days), len(found)))
    for test, each in enumerate(found):
        sums[np.searchsorted(days, each.day), test] = each.sums
    size = np.sqrt((sums**2).sum(axis=0))  # no sign changes it: all tests have one scale
    scaled = sums / np.where(size > 0, size, 1)  # (days, tests)
    order = np.argsort(-scaled.sum(axis=0), kind="stable")
    scaled, size = scaled[:, order], size[order]
    reached = scaled.sum(axis=0) - _ROUNDING
    alone, among = np.zeros((2, len(found)))
    rng = np.random.default_rng(seed)
    for draws in resampling.blocks(len(days)):
        drawn = (rng.integers(0, 2, (draws, len(days))) * 2 - 1) @ scaled  # (draws, tests)
        alone += (drawn >= reached).sum(axis=0)
        # Of each step, the largest of the tests that are left.
        among += (np.maximum.accumulate(drawn[:, ::-1], axis=1)[:, ::-1] >= reached).sum(axis=0)
    own, joint = ((1 + count) / (1 + resampling.draws) for count in (alone, among))
    corrected = np.minimum(1, joint + max(0, tests - len(found)) * own)
    return _step_down(np.where(size > 0, corrected, 1.0), order)


def _step_down(corrected: Floats, order: Wholes) -> Floats:
    """Return p-values in their own order; none is below that of a step before."""
    found = np.empty(len(order))
    found[order] = np.maximum.accumulate(corrected) if len(order) else corrected
    return found

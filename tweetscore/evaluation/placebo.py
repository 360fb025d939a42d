"""Move posts to other days: prices by session and posts by minute enter, the paths there leave.

A placebo holds the posts of each session at the same minutes of another one: the sessions of a
stratum are shuffled among themselves, so that posts of one session stay together and no two
sessions meet in one. Of each pair of sessions the sum of the path is a product of matrices, so that
several hundred placebos cost little more than one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tweetscore.evaluation.intervals import Floats, Wholes

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sessions:
    """Prices of sessions, one after the other: minute m of session n stands at ``starts[n] + m``.

    ``minutes`` counts those from open to close, ``day`` numbers the trading days, and sessions of
    the same ``stratum`` stand in for each other.
    """

    prices: Floats  # (minutes of all sessions,), NaN where there is none
    starts: Wholes  # (sessions,)
    minutes: Wholes  # (sessions,)
    day: Wholes  # (sessions,)
    stratum: Wholes  # (sessions,)

    def moved_bps(self, entries: Wholes, sessions: Wholes, offset: int) -> Floats:
        """Return the distances from entry to so many minutes later: (entries, sessions).

        NaN where one of the two prices is missing or lies outside the session.
        """
        length = self.minutes[sessions]
        entry = entries[:, None]
        inside = (entry < length) & (entry + offset >= 0) & (entry + offset <= length)
        place = np.where(inside, self.starts[sessions] + entry, 0)
        later = np.where(inside, place + offset, 0)
        moved = (self.prices[later] / self.prices[place] - 1) * 10_000
        return np.where(inside, moved, np.nan)


@dataclass(frozen=True, slots=True)
class Events:
    """Posts of one series by session and minute."""

    session: Wholes  # (entries,)
    minute: Wholes  # (entries,), since the session opened
    count: Wholes  # (entries,)


@dataclass(frozen=True, slots=True)
class Paths:
    """What the posts of one series and its placebos have met.

    ``counts`` and ``totals_bps`` are those of the series itself, by trading day; ``means_bps`` and
    ``errors_bps`` have the series in the first row and a placebo in each other one.
    """

    counts: Floats  # (days, offsets), posts with a price there
    totals_bps: Floats  # (days, offsets)
    means_bps: Floats  # (1 + placebos, offsets), NaN without a post
    errors_bps: Floats  # (1 + placebos, offsets), standard errors over sessions


def moved_paths(
    sessions: Sessions, series: Sequence[Events], offsets: range, placebos: int, seed: int
) -> list[Paths]:
    """Return the paths of each series."""
    rng = np.random.default_rng(seed)
    sums = [_Sums(sessions, each, len(offsets), placebos) for each in series]
    for stratum in np.unique(sessions.stratum):
        members = np.flatnonzero(sessions.stratum == stratum)
        orders = np.tile(np.arange(len(members)), (placebos + 1, 1))
        orders[1:] = rng.permuted(orders[1:], axis=1)
        for each in sums:
            each.add(members, orders, offsets)
    return [each.paths() for each in sums]


class _Sums:
    """Sums over sessions, of a series and its placebos."""

    def __init__(self, sessions: Sessions, events: Events, offsets: int, placebos: int) -> None:
        self.sessions, self.events = sessions, events
        days = int(sessions.day.max()) + 1
        self.counts, self.totals = np.zeros((2, days, offsets))
        # Of counts and totals, squares and products, and how many sessions there are.
        self.n, self.bps, self.nn, self.nb, self.bb, self.units = np.zeros(
            (6, placebos + 1, offsets)
        )

    def add(self, members: Wholes, orders: Wholes, offsets: range) -> None:
        """Add the sessions of one stratum, in each order."""
        from scipy import sparse

        own = np.isin(self.events.session, members)
        if not own.any():
            return
        filled, row = np.unique(self.events.session[own], return_inverse=True)
        entries, column = np.unique(self.events.minute[own], return_inverse=True)
        posts = sparse.csr_array((self.events.count[own].astype(float), (row, column)))
        home = np.searchsorted(members, filled)
        place = orders[:, home] + len(members) * np.arange(len(filled))  # (1 + placebos, filled)
        for at, offset in enumerate(offsets):
            moved = self.sessions.moved_bps(entries, members, offset)
            there = ~np.isnan(moved)
            bps = (posts @ np.where(there, moved, 0.0)).ravel()[place]
            n = (posts @ there.astype(float)).ravel()[place]  # of posts; row 0 is where they were
            day = self.sessions.day[filled]
            np.add.at(self.counts[:, at], day, n[0])
            np.add.at(self.totals[:, at], day, bps[0])
            self.n[:, at] += n.sum(axis=1)
            self.bps[:, at] += bps.sum(axis=1)
            self.nn[:, at] += np.einsum("ij,ij->i", n, n)
            self.nb[:, at] += np.einsum("ij,ij->i", n, bps)
            self.bb[:, at] += np.einsum("ij,ij->i", bps, bps)
            self.units[:, at] += (n > 0).sum(axis=1)

    def paths(self) -> Paths:
        """Return means and standard errors: those of a ratio of sums over sessions."""
        n = np.where(self.n > 0, self.n, np.nan)
        units = np.where(self.units > 1, self.units, np.nan)
        means = self.bps / n
        squares = np.maximum(self.bb - 2 * means * self.nb + means**2 * self.nn, 0.0)
        errors = np.sqrt(units / (units - 1) * squares) / n
        return Paths(self.counts, self.totals, means, errors)

"""Evidence that may be looked at every day: scores of days to come enter, an e-value leaves.

Each day bets on the skill of the scores, and what the bets have made of 1 is the e-value. Without
any skill it is a test martingale, so that it reaches 20 once, at whatever moment somebody looks, in
one of twenty cases at most (Ville 1939; Waudby-Smith and Ramdas 2024, Estimating means of bounded
random variables by betting). Whoever waits for more posts, or stops when he likes what he sees,
changes nothing.

A day's win is the sum, over its posts, of what the score lies above the day's mean times what the
outcome does, both without what clock and past explain, as fitted on the days before. The sizes of
the bets are those that would grow fastest at several effects, side by side.
"""

from collections.abc import Iterator

import numpy as np

from tweetscore.evaluation.intervals import Floats, Wholes

EFFECTS = (0.02, 0.05, 0.1, 0.2, 0.4)  # correlations of score and outcome that are bet on
MOST_LOST = 0.5  # of the stake, on any day and whatever happens
_RIDGE = 1.0  # rows' worth of doubt about what clock and past explain
_HARMONICS = 4


def e_values(
    scores: Floats,  # (rows,), in the order of days
    observed: Floats,  # (rows,), 0 or 1
    day: Wholes,  # (rows,), in order
    controls: Floats,  # (rows, controls), of ``known_at_entry``
    forward: Floats,  # (rows,), whether the row came after the model was frozen
) -> Floats:
    """Return the e-value after each forward day: (days,).

    Rows from before only teach what clock and past explain, and how far scores spread.
    """
    wealth = np.ones(len(EFFECTS))
    found = []
    learned = _Learned(controls.shape[1])
    for rows, is_forward in _days(day, forward):
        score, outcome, known = scores[rows], observed[rows], controls[rows]
        if is_forward:
            wealth = wealth * (1 + learned.wins(score, outcome, known))
            found.append(wealth.mean())
        learned.add(score, outcome, known)
    return np.array(found)


def _days(day: Wholes, forward: Floats) -> Iterator[tuple[slice, bool]]:
    """Yield the rows of each day; of the day of the freeze first those from before."""
    starts = np.flatnonzero(np.r_[True, (np.diff(day) != 0) | (np.diff(forward) != 0)])
    for start, end in zip(starts, np.r_[starts[1:], len(day)], strict=True):
        yield slice(int(start), int(end)), bool(forward[start])


class _Learned:
    """What the rows so far teach: least squares on the controls, and the spread of scores."""

    def __init__(self, controls: int) -> None:
        self._products = _RIDGE * np.eye(controls)
        self._with_scores, self._with_outcomes = np.zeros((2, controls))
        self._squares, self._rows = 0.0, 0

    def wins(self, score: Floats, outcome: Floats, known: Floats) -> Floats:
        """Return what each bet wins, as a share of its stake, before this day is learned from."""
        of_score, of_outcome = self._fitted()
        deviation = _centred(score - known @ of_score)
        expected = _centred(known @ of_outcome)
        size = float(np.sqrt((deviation**2).sum()))
        if size == 0:
            return np.zeros(len(EFFECTS))
        spread = (
            np.sqrt(self._squares / self._rows) if self._squares else size / np.sqrt(len(score))
        )
        # No outcome of 0 or 1 is further from the day's mean than half the root of the rows.
        most = size * (np.sqrt(len(score)) / 2 + np.sqrt((expected**2).sum()))
        stakes = np.minimum(2 * np.array(EFFECTS) / spread, MOST_LOST / most)
        return np.asarray(stakes * (deviation @ (_centred(outcome) - expected)), np.float64)

    def add(self, score: Floats, outcome: Floats, known: Floats) -> None:
        """Learn from one day."""
        of_score, _ = self._fitted()
        self._squares += float((_centred(score - known @ of_score) ** 2).sum())
        self._rows += len(score)
        self._products += known.T @ known
        self._with_scores += known.T @ score
        self._with_outcomes += known.T @ outcome

    def _fitted(self) -> tuple[Floats, Floats]:
        both = np.stack([self._with_scores, self._with_outcomes], axis=1)
        of_score, of_outcome = np.linalg.solve(self._products, both).T
        return of_score, of_outcome


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean(), np.float64)


def known_at_entry(
    minute: Floats,  # (rows,), since the session opened
    session_minutes: Floats,  # (rows,), from open to close
    past_bps: Floats,  # (rows,), NaN where unknown
    volatility_bps: Floats,  # (rows,), NaN where unknown
) -> Floats:
    """Return clock and past as controls that no later row changes: (rows, controls)."""
    turns = np.pi * minute / np.maximum(session_minutes, 1)
    past, volatility = np.nan_to_num(past_bps), np.nan_to_num(volatility_bps)
    return np.column_stack(
        [
            np.ones(len(minute)),
            *(np.cos(k * turns) for k in range(1, _HARMONICS + 1)),
            np.sign(past),
            np.clip(past / np.where(volatility > 0, volatility, 1) / 5, -5, 5),
            np.log1p(volatility),
            np.isnan(past_bps),
        ]
    )

"""How far ahead a model predicts: from entry to exit. Text enters, a horizon leaves.

A horizon is the whole number that tables and cards hold in ``interval_minutes`` and ``intervals``:
minutes, or so many sessions past ``SESSIONS``.
"""

import re
from typing import Self

MOST_MINUTES = 10_000  # a week: the longest session of any market is shorter
MOST_SESSIONS = 260  # a year
DAY_MINUTES = 1_440  # the spacing of daily bars
SESSIONS = 1_000_000  # more than any minutes, so that sessions come after them in every order


class Horizon(int):
    """From entry to exit: whole minutes, or the close so many sessions after that of the entry.

    It is 0 for labels, which have no exit. As a string it is what is typed: ``30`` or ``1d``.
    """

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a horizon as it is typed.

        Raises:
            ValueError: it is not a whole number of minutes or sessions, or too small or too large.
        """
        match = re.fullmatch(r"([0-9]{1,7})(d?)", text)
        number, most = 0, 0
        if match:
            number, most = int(match[1]), MOST_SESSIONS if match[2] else MOST_MINUTES
        if not (match and 1 <= number <= most):
            raise ValueError(
                f"{text} is not a whole number of minutes from 1 to {MOST_MINUTES:,}, or of "
                f"sessions from 1d to {MOST_SESSIONS}d"
            )
        return cls(number + SESSIONS if match[2] else number)

    @staticmethod
    def is_valid(number: int) -> bool:
        """Tell whether a number is one of a horizon, or of labels."""
        return 0 <= number <= MOST_MINUTES or 1 <= number - SESSIONS <= MOST_SESSIONS

    @property
    def sessions(self) -> int:
        """The sessions from entry to exit; 0 where it is in minutes."""
        return max(0, int(self) - SESSIONS)

    @property
    def words(self) -> str:
        """The horizon as a reader sees it."""
        if self.sessions:
            return "1 session" if self.sessions == 1 else f"{self.sessions} sessions"
        return "no interval" if self == NO_HORIZON else f"{int(self)} minutes"

    def fits(self, spacing_minutes: int) -> bool:
        """Tell whether windows of it can be made of bars of a spacing; see ``has_windows``."""
        if self.sessions:
            return True
        return spacing_minutes < DAY_MINUTES and int(self) % spacing_minutes == 0

    def __str__(self) -> str:
        return f"{self.sessions}d" if self.sessions else int.__repr__(self)


NO_HORIZON = Horizon(0)

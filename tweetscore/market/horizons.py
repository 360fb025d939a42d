"""How far ahead a model predicts: from entry to exit. Text enters, a horizon leaves.

A horizon is the whole number that tables and cards hold in ``interval_minutes`` and ``intervals``.
"""

from typing import Self

MOST_MINUTES = 10_000  # a week: the longest session of any market is shorter


class Horizon(int):
    """The whole minutes from entry to exit; 0 for labels, which have no exit."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a horizon as it is typed.

        Raises:
            ValueError: it is not a whole number of minutes, or too small or too large.
        """
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_MINUTES):
            raise ValueError(f"{text} is not a whole number of minutes from 1 to {MOST_MINUTES:,}")
        return cls(text)

    @property
    def words(self) -> str:
        """The horizon as a reader sees it."""
        return "no interval" if self == NO_HORIZON else f"{int(self)} minutes"


NO_HORIZON = Horizon(0)

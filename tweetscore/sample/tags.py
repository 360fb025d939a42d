"""The cashtags of made-up posts: subjects enter, what the texts begin with leaves."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from tweetscore.sample.plan import Whole

_SECOND_SHARE = 0.2


class Tags:
    """Cashtags for posts on several symbols; posts on the only symbol there is have none.

    Some posts name another symbol beside their own, but never the planted one: each post that
    names it moves its price.
    """

    def __init__(self, symbols: Sequence[str], planted: str, draws: np.random.Generator) -> None:
        """Prepare the cashtags.

        Args:
            symbols: all of them.
            planted: the one whose price is moved.
            draws: of all that is random.
        """
        self._tags = pl.Series([f"${symbol} " for symbol in symbols] + [""])
        self._others = np.array([at for at, each in enumerate(symbols) if each != planted])
        self._draws = draws

    @property
    def subjects(self) -> int:
        """The number of what a post can be on: each of several symbols, or none of them."""
        return len(self._tags) if len(self._others) else 1

    def any(self, count: int) -> pl.Series:
        """Draw cashtags for so many posts on any subject."""
        return self.of(self._draws.integers(0, self.subjects, count))

    def of(self, subjects: Whole) -> pl.Series:
        """Draw cashtags for posts on these subjects; the last subject is none."""
        nothing = len(self._tags) - 1
        if self.subjects == 1:
            return self._tags.gather(np.full(len(subjects), nothing))
        second = self._others[self._draws.integers(0, len(self._others), len(subjects))]
        alone = self._draws.random(len(subjects)) >= _SECOND_SHARE
        alone |= (subjects == nothing) | (second == subjects)
        second[alone] = nothing
        return self._tags.gather(subjects) + self._tags.gather(second)

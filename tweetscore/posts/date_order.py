"""Watch whether day and month change places in a file: its posts enter, a refusal leaves, if any.

Where no day is above 12, both orders can be read. But posts of days in a row lie months apart in
the wrong order, and next to each other in the right one.
"""

import polars as pl

from tweetscore.posts.canonical import OrderChangesError

_NEAR_DAYS, _FAR_DAYS = 4, 20  # between neighbours; and where misread
_FEWEST = 3  # neighbours that speak for the other order, without one against it between them
_MONTHS = 12
_CHANCE = 0.01  # how many such runs may be expected from neighbours in no order


class OrderWatch:
    """Looks at all days of a file, block by block, in its order."""

    def __init__(self, order: str | None) -> None:
        """Take what stands first in its dates, ``day`` or ``month``; else nothing is looked at."""
        self._order = order
        self._last = pl.DataFrame(schema={"day": pl.Date, "line": pl.Int64})
        # Of neighbours, of those near each other, and of those that speak for the other order.
        self._pairs = self._near = self._against = 0
        self._run = self._longest = (0, 0)  # how many in a row do, and the line of the first

    def add(self, posts: pl.DataFrame) -> None:
        """Look at a block: ``posted``, as read, and ``line``."""
        if self._order not in ("day", "month") or posts.is_empty():
            return
        days = pl.concat([self._last, posts.select(day=pl.col("posted").dt.date(), line="line")])
        day = pl.col("day")
        days = days.filter(day.ne_missing(day.shift()))
        self._last = days.tail(1)
        swapped = pl.when(day.dt.day() <= _MONTHS).then(
            pl.date(day.dt.year(), day.dt.day(), day.dt.month())
        )
        apart, swapped_apart = (each.diff().dt.total_days().abs() for each in (day, swapped))
        near = (swapped_apart <= _NEAR_DAYS).fill_null(False)
        pairs = days.select("line", apart=apart, near=near, against=near & (apart >= _FAR_DAYS))[1:]
        self._pairs += pairs.height
        self._near += int((pairs["apart"] <= _NEAR_DAYS).sum())
        self._against += int(pairs["against"].sum())
        runs = pairs.group_by((~pl.col("near")).cum_sum(), maintain_order=True).agg(
            pl.col("against").sum(), line=pl.col("line").filter("against").first()
        )
        if runs.is_empty():
            return
        if pairs["near"][0]:  # the last run goes on
            runs[0, "against"] += self._run[0]
            runs[0, "line"] = self._run[1] or runs[0, "line"]
        self._run = runs.select("against", pl.col("line").fill_null(0)).row(-1)
        longest = runs.filter(pl.col("against") == pl.col("against").max()).fill_null(0)
        self._longest = max(self._longest, longest.select("against", "line").row(0))

    def check(self) -> None:
        """Refuse the file if some of its days follow each other in the other order only.

        Raises:
            OrderChangesError: they do.
        """
        count, line = self._longest
        if count < _FEWEST or count > self._near:  # posts of a day in each month are no evidence
            return
        share = (self._against - count + 1) / (self._pairs - count + 2)
        if self._pairs * share**count > _CHANCE:
            return
        other = "month" if self._order == "day" else "day"
        raise OrderChangesError(
            f"the order of its dates changes: most have the {self._order} first, but from line "
            f"{line:,} on {count + 1} days in a row follow each other only with the {other} first; "
            "part the file where it changes, or write dates as 2018-01-31"
        )

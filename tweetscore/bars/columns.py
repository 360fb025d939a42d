"""Which columns of a table are those of bars: a layout enters, times, prices and words leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tweetscore.bars.layouts import Layout
from tweetscore.bars.names import PRICES, clock_in_name, names_for
from tweetscore.errors import InputError
from tweetscore.io.columns import Match, normalised
from tweetscore.io.tables.table import Table
from tweetscore.io.time_columns import (
    TimeColumns,
    days_among,
    find_times,
    shown_time,
    time_candidates,
)
from tweetscore.io.times import TimeForm
from tweetscore.market.symbols import canonical_symbol

# What --column names; a date may stand beside times of day.
COLUMNS = ("symbol", "time", "date", *PRICES, "volume")
_SHOWN = ("symbol", "date", "time", *PRICES, "volume")
_FEWEST_NUMBERS = 4
_MOST_SHOWN = 30
_NANOSECONDS = r"^\d{19}$"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of bars in a table, and its first rows."""

    match: Match
    values: Mapping[str, str]  # our name to theirs: prices, volume and symbol
    times: TimeColumns
    form: TimeForm
    sample: pl.DataFrame
    zone: str | None  # the clock that stands around the bars

    @property
    def clock(self) -> str | None:
        """The clock that the file names: behind the times, in their column's name, or elsewhere."""
        by_name = next(filter(None, map(clock_in_name, self.times.columns)), None)
        return self.form.zone or by_name or self.zone

    @property
    def clock_by(self) -> str:
        """What names the clock, in words."""
        if self.form.zone:
            return "as named behind its times"
        named = any(map(clock_in_name, self.times.columns))
        return "by the name of its times" if named else "as the file names it"

    @property
    def symbols(self) -> list[str]:
        """The symbols in the first rows, where a column has them."""
        if "symbol" not in self.values:
            return []
        written = self.sample[self.values["symbol"]].drop_nulls().unique(maintain_order=True)
        return list(filter(None, dict.fromkeys(map(canonical_symbol, written))))

    @property
    def in_nanoseconds(self) -> bool:
        """Whether times count billionths of seconds, as where prices may count those of units."""
        times = self.sample[self.times.columns[0]].drop_nulls()
        return bool(len(times)) and bool(times.str.contains(_NANOSECONDS).all())

    @property
    def words(self) -> str:
        """Describe which column was taken for what."""
        time = dict(
            zip(("date", "time")[-len(self.times.columns) :], self.times.columns, strict=True)
        )
        taken = {**time, **self.values}
        pairs = [
            ours if normalised(theirs) == ours else f"{ours} = {theirs!r}"
            for ours, theirs in sorted(taken.items(), key=lambda pair: _SHOWN.index(pair[0]))
        ]
        left = [repr(name) for name in self.match.columns if name not in taken.values()]
        unused = f"; not used: {', '.join(left)}" if left else ""
        return f"columns: {', '.join(pairs)}{unused}"


def match_columns(layout: Layout, given: Mapping[str, str]) -> Columns | None:
    """Find the columns of bars; None when the table is something else.

    Args:
        layout: of the file.
        given: our name to theirs, as the user sets it.

    Raises:
        InputError: some but not all columns of bars are there, none can be told from the others, or
            times are in no clear form.
    """
    table = layout.table
    names = {**names_for(table.columns), "date": ()}
    match = table.match(names, {**layout.known, **given})
    if sum(price in match.taken for price in PRICES) < 2 and not given:
        _refuse_unclear(layout)
        return None
    missing = [price for price in PRICES if price not in match.taken]
    missing += [] if "time" in match.taken else ["time"]
    if missing:
        raise InputError(_missing(layout, match, missing))
    candidates = _time_candidates(match)
    wanted = [*match.taken.values(), *(name for names in candidates for name in names)]
    sample = _sample(table, wanted)
    times, form = _times(layout, candidates, sample)
    values = {ours: it for ours, it in match.taken.items() if ours not in ("time", "date")}
    return Columns(match, values, times, form, sample, layout.zone)


def _time_candidates(match: Match) -> list[tuple[str, ...]]:
    taken = match.taken
    if "date" in taken:
        return [(taken["date"], taken["time"])]
    candidates = time_candidates(match.candidates["time"])
    if len(match.candidates["time"]) == 1:  # perhaps given, with days beside it
        days = [day for day in days_among(match.columns) if day != taken["time"]]
        candidates += [(day, taken["time"]) for day in days]
    return candidates


def _refuse_unclear(layout: Layout) -> None:
    """Refuse columns without names that hold times and enough numbers, but no certain prices."""
    kinds = list(layout.kinds.values())
    if "time" in kinds and kinds.count("numbers") >= _FEWEST_NUMBERS and "text" not in kinds:
        raise InputError(
            f"{layout.table.name}: has no header, and its prices cannot be told apart "
            f"({_seen(layout, {})}); name them, as in --column open=2 --column high=3 "
            "--column low=4 --column close=5"
        )


def _missing(layout: Layout, match: Match, missing: Sequence[str]) -> str:
    options = " ".join(f"--column {ours}=NAME" for ours in missing)
    return (
        f"{layout.table.name}: looks like bars, but no column is known for {', '.join(missing)} "
        f"({_seen(layout, match.taken)}); name it with {options}"
    )


def _seen(layout: Layout, taken: Mapping[str, str]) -> str:
    """Describe each column, and what it was taken for."""
    ours = {theirs: name for name, theirs in taken.items()}
    words = (
        f"{name!r} is {ours.get(name) or layout.kinds.get(name) or 'not known'}"
        for name in layout.table.columns[:_MOST_SHOWN]
    )
    return "columns: " + ", ".join(words) + ", …" * (len(layout.table.columns) > _MOST_SHOWN)


def _sample(table: Table, columns: Sequence[str]) -> pl.DataFrame:
    """Return the first rows of the table."""
    rows, rejects = table.sample(columns)
    if rows.height:
        return rows
    fact = "a header but no bars; export it again"
    if rejects.height:
        reason = " ".join(rejects["reason"][0].split())
        fact = f"no readable bar ({reason}); check its columns"
    raise InputError(f"{table.name}: holds {fact}")


def _times(
    layout: Layout, candidates: Sequence[tuple[str, ...]], sample: pl.DataFrame
) -> tuple[TimeColumns, TimeForm]:
    """Return the columns of the times and their form."""
    if layout.form:
        return TimeColumns(candidates[0]), layout.form
    order = layout.vendor.usual_order if layout.vendor else None
    if found := find_times(layout.table, sample, candidates, dense=True, usual_order=order):
        return found
    # Beside a time of day that cannot be read a day is not the whole time.
    if all(len(columns) == 1 for columns in candidates) and (
        found := find_times(
            layout.table, sample, candidates, dense=True, usual_order=order, of_days=True
        )
    ):
        return found
    shown = shown_time(sample, candidates[::-1]) or ""  # the whole time, where it is in two columns
    raise InputError(
        f"{layout.table.name}: the time {shown!r} has no known form; write times as "
        "2018-01-31 09:30:00, or as seconds or milliseconds since 1970, or name their column with "
        "--column time=NAME"
    )

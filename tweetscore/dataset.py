"""Tweets with outcomes, cut by time into parts that cannot see one another.

The database enters; rows with their labels and the part they belong to leave.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tweetscore.errors import InputError
from tweetscore.store import Store, statement

PARTS = ("train", "validation", "test")
TRAIN_PERCENT, VALIDATION_PERCENT = 70, 15
COUNTS = ("retweet_count", "favorite_count")


@dataclass(frozen=True, slots=True)
class Split:
    """Where the parts begin, by minute of entry. An embargoed day belongs to the part before it."""

    train_from_utc: datetime
    train_until_utc: datetime  # the end of what vocabulary, vectors and normalisation may see
    validation_from_utc: datetime
    test_from_utc: datetime
    test_until_utc: datetime


def choose_symbol(store: Store, wanted: str | None) -> str:
    """Return the symbol to learn from: the one wanted, or the only one there is.

    Raises:
        InputError: there are no bars, none of the symbol wanted, or several to choose from.
    """
    known = [symbol for (symbol,) in store.rows("SELECT symbol FROM symbols ORDER BY symbol")]
    if not known:
        raise InputError(f"{store.path}: holds no bars; ingest minute bars first")
    if wanted and wanted not in known:
        raise InputError(f"{store.path}: no bars of {wanted}; it has {', '.join(known)}")
    if not wanted and len(known) > 1:
        raise InputError(
            f"{store.path}: has bars of {', '.join(known)}; choose one with --symbol {known[0]}"
        )
    return wanted or known[0]


def labelled_rows(
    store: Store, symbol: str, session: str, intervals: Sequence[int], *, with_counts: bool
) -> pl.DataFrame:
    """Return one row a tweet with an outcome, in order of posting.

    Columns ``label_<minutes>`` (true is up, null without an outcome) and ``exit_<minutes>`` stand
    for each interval. Flat windows have no outcome; ``with_counts`` leaves out tweets that have
    no counts.
    """
    long = store.frame(
        statement("labels"),
        symbol=symbol, session=session, intervals=list(intervals),
    )  # fmt: skip
    if with_counts:
        long = long.drop_nulls(list(COUNTS))
    key = [name for name in long.columns if name not in ("interval_minutes", "up", "exit_utc")]
    heads = [
        pl.col(value)
        .filter(pl.col("interval_minutes") == minutes)
        .first()
        .alias(f"{name}_{minutes}")
        for minutes in intervals
        for name, value in (("label", "up"), ("exit", "exit_utc"))
    ]
    return long.group_by(key, maintain_order=True).agg(heads)


def split_rows(rows: pl.DataFrame, intervals: Sequence[int]) -> tuple[Split, pl.DataFrame]:
    """Cut rows by trading day into a column ``part``, with embargo, purge and no text in two parts.

    Args:
        rows: what ``labelled_rows`` returns, with a column ``tokens``.
        intervals: the intervals of its labels.

    Raises:
        InputError: there are too few trading days, or a part has no text of its own.
    """
    days = (
        rows.group_by("session_date").agg(pl.len(), pl.col("close_utc").max()).sort("session_date")
    )
    until = days["len"].cast(pl.Int64).cum_sum() * 100  # whole numbers: 70 of 100 is 70 %
    train_days = int((until <= rows.height * TRAIN_PERCENT).sum())
    seen_days = int((until <= rows.height * (TRAIN_PERCENT + VALIDATION_PERCENT)).sum())
    validation_days = seen_days - train_days
    # Each part needs its days and one more for the embargo before the next.
    if train_days < 3 or validation_days < 3 or days.height - train_days - validation_days < 1:
        raise InputError(
            f"only {rows.height} labelled tweets on {days.height} trading days; training needs "
            "tweets on at least 20 trading days inside the bars, so ingest more of either"
        )
    # The last trading day before each boundary is embargoed.
    day, close = days["session_date"].to_list(), days["close_utc"].to_list()
    first_validation, first_test = train_days, train_days + validation_days
    split = Split(
        train_from_utc=rows["posted_utc"].min(),  # type: ignore[arg-type]  # a column of times
        train_until_utc=close[first_validation - 2],
        validation_from_utc=close[first_validation - 1],
        test_from_utc=close[first_test - 1],
        test_until_utc=close[-1],
    )
    date = pl.col("session_date")
    part = (
        pl.when(date < day[first_validation - 1]).then(pl.lit("train"))
        .when(date.is_between(day[first_validation], day[first_test - 1], closed="left"))
        .then(pl.lit("validation"))
        .when(date >= day[first_test]).then(pl.lit("test"))
    )  # fmt: skip
    rows = rows.with_columns(part=part).drop_nulls("part")
    # Purge: a label whose window reaches past the end of its part is none.
    ends = {"train": split.validation_from_utc, "validation": split.test_from_utc}
    end = pl.col("part").replace_strict(ends, default=None, return_dtype=pl.Datetime("us"))
    rows = rows.with_columns(
        pl.when((pl.col(f"exit_{n}") <= end).fill_null(True)).then(f"label_{n}").alias(f"label_{n}")
        for n in intervals
    ).filter(pl.any_horizontal(pl.col(f"label_{n}").is_not_null() for n in intervals))
    # Of a text on both sides the earlier part's copy goes.
    order = {name: place for place, name in enumerate(PARTS)}
    rank = pl.col("part").replace_strict(order, return_dtype=pl.Int8)
    text = pl.col("tokens").list.join("\n")
    rows = rows.filter(rank == rank.max().over(text))
    if empty := [name for name in PARTS if name not in rows["part"]]:
        raise InputError(
            f"no tweet is left in the {empty[0]} part: its texts all come again later, or its "
            "windows all reach past it; ingest more of either"
        )
    return split, rows

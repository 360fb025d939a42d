"""Cut rows into training, validation and test parts that cannot see one another.

Rows with tokens and outcomes enter; the same rows with a column ``part`` leave, without those that
would let one part see another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl

from tweetscore.errors import InputError

PARTS = ("train", "validation", "test")
TRAIN_PERCENT, VALIDATION_PERCENT = 70, 15
TEST_PERCENT = 100 - TRAIN_PERCENT - VALIDATION_PERCENT
SAME_TOKENS = 10  # texts with the same beginning are one text: a cut retweet and its original


@dataclass(frozen=True, slots=True)
class Split:
    """Where the parts begin, by minute of entry. An embargoed day belongs to the part before it."""

    train_from_utc: datetime
    train_until_utc: datetime  # the end of what vocabulary, vectors and normalisation may see
    validation_from_utc: datetime
    test_from_utc: datetime
    test_until_utc: datetime


def split_rows(
    rows: pl.DataFrame, intervals: Sequence[int], until_percent: int = 100
) -> tuple[Split, pl.DataFrame]:
    """Cut rows by trading day into a column ``part``, with embargo, purge and no text in two parts.

    Args:
        rows: what ``dataset.market_rows`` returns, with a column ``tokens``.
        intervals: the intervals of its outcomes.
        until_percent: the share of the rows, from the first, that may be used; see walk_forward.

    Raises:
        InputError: there are too few trading days, or a part has no text of its own.
    """
    days = (
        rows.group_by("session_date").agg(pl.len(), pl.col("close_utc").max()).sort("session_date")
    )
    first_validation, first_test, all_days = _boundaries(days, rows.height, until_percent)
    day, close = days["session_date"].to_list(), days["close_utc"].to_list()
    # The last trading day before each boundary is embargoed.
    split = Split(
        train_from_utc=rows["posted_utc"].min(),  # type: ignore[arg-type]  # a column of times
        train_until_utc=close[first_validation - 2],
        validation_from_utc=close[first_validation - 1],
        test_from_utc=close[first_test - 1],
        test_until_utc=close[all_days - 1],
    )
    part = _part_of_day(day, first_validation, first_test, all_days)
    rows = _purged(rows.with_columns(part=part).drop_nulls("part"), split, intervals)
    rows = rows.filter(pl.any_horizontal(pl.col(f"outcome_{n}").is_not_null() for n in intervals))
    return split, _without_copies(rows)


def _boundaries(days: pl.DataFrame, rows: int, until_percent: int) -> tuple[int, int, int]:
    """Return the places of the first day of validation, of the first of test, and after the last.

    Raises:
        InputError: there are too few trading days.
    """
    until = days["len"].cast(pl.Int64).cum_sum() * 100  # whole numbers: 70 of 100 is 70 %
    all_days = int((until <= rows * until_percent).sum())
    seen_days = int((until <= rows * (until_percent - TEST_PERCENT)).sum())
    train_percent = until_percent - TEST_PERCENT - VALIDATION_PERCENT
    train_days = int((until <= rows * train_percent).sum())
    validation_days = seen_days - train_days
    # Each part needs its days and one more for the embargo before the next.
    if train_days < 3 or validation_days < 3 or all_days - train_days - validation_days < 1:
        raise InputError(
            f"only {rows} labelled tweets on {days.height} trading days; training needs "
            "tweets on at least 20 trading days with bars, so ingest more tweets or bars"
        )
    return train_days, train_days + validation_days, all_days


def _part_of_day(day: list[date], first_validation: int, first_test: int, all_days: int) -> pl.Expr:
    """Return the part of a row by its trading day; null on an embargoed day and after the last."""
    session = pl.col("session_date")
    return (
        pl.when(session < day[first_validation - 1])
        .then(pl.lit("train"))
        .when(session.is_between(day[first_validation], day[first_test - 1], closed="left"))
        .then(pl.lit("validation"))
        .when(session.is_between(day[first_test], day[all_days - 1]))
        .then(pl.lit("test"))
    )


def _purged(rows: pl.DataFrame, split: Split, intervals: Sequence[int]) -> pl.DataFrame:
    """Take away each outcome whose window reaches past the end of its part."""
    ends = {"train": split.validation_from_utc, "validation": split.test_from_utc}
    end = pl.col("part").replace_strict(ends, default=None, return_dtype=pl.Datetime("us"))
    return rows.with_columns(
        pl.when((pl.col(f"exit_{n}") <= end).fill_null(True))
        .then(f"outcome_{n}")
        .alias(f"outcome_{n}")
        for n in intervals
    )


def _without_copies(rows: pl.DataFrame) -> pl.DataFrame:
    """Drop a text from all parts but the last that has it; a retweet counts as its original.

    Raises:
        InputError: a part has no text of its own.
    """
    order = {name: place for place, name in enumerate(PARTS)}
    rank = pl.col("part").replace_strict(order, return_dtype=pl.Int8)
    rows = rows.filter(rank == rank.max().over(same_text()))
    if empty := [name for name in PARTS if name not in rows["part"]]:
        raise InputError(
            f"no text is left in the {empty[0]} part: all its texts appear again in a later part, "
            "or all its windows reach past its end; give more rows"
        )
    return rows


def same_text() -> pl.Expr:
    """Return what two rows have in common that count as one text, by their column ``tokens``."""
    retweet = pl.col("tokens").list.first() == "rt"
    own = pl.when(retweet).then(pl.col("tokens").list.slice(1)).otherwise("tokens")
    return own.list.head(SAME_TOKENS).list.join("\n")


def walk_forward(
    rows: pl.DataFrame, intervals: Sequence[int], folds: int
) -> Iterator[tuple[Split, pl.DataFrame]]:
    """Yield this many splits, each cut by ``split_rows``, whose test parts follow one another.

    The last is the split of all rows; each one before it ends one test part earlier. More than five
    folds leave the first nothing to train on: of five, it has 10 % of the rows.

    Raises:
        InputError: as ``split_rows``.
    """
    for before in reversed(range(folds)):
        yield split_rows(rows, intervals, 100 - before * TEST_PERCENT)


def random_split(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Cut rows without times at random into a column ``part``; copies of a text stay together.

    Raises:
        InputError: there are too few texts for three parts.
    """
    texts = rows.select(same_text().alias("same")).unique(maintain_order=True)
    shares = np.array([TRAIN_PERCENT, VALIDATION_PERCENT, TEST_PERCENT]) * texts.height // 100
    if not shares.all():
        raise InputError(
            f"only {texts.height} different texts; training needs at least 7, so give more rows"
        )
    shares[0] += texts.height - shares.sum()
    order = np.random.default_rng(seed).permutation(np.repeat(PARTS, shares))
    parts = texts.with_columns(part=pl.Series(order, dtype=pl.String))
    return (
        rows.with_columns(same=same_text())
        .join(parts, on="same", how="left", maintain_order="left")
        .drop("same")
    )

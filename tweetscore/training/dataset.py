"""Texts with outcomes, cut into parts that cannot see one another.

The database, or rows with labels of their own, enters; rows with the part they belong to leave.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.market.targets import Target, TargetName
from tweetscore.posts.canonical import COUNTS
from tweetscore.store.database import Store, statement
from tweetscore.text.tokens import TextRules, tokenize

PARTS = ("train", "validation", "test")
TRAIN_PERCENT, VALIDATION_PERCENT = 70, 15
TEST_PERCENT = 100 - TRAIN_PERCENT - VALIDATION_PERCENT
MAX_FOLDS = 5  # the first of them then learns from 10 % of the rows
SAME_TOKENS = 10  # texts that begin alike are one text: a cut retweet and what it passes on


@dataclass(frozen=True, slots=True)
class Split:
    """Where the parts begin, by minute of entry. An embargoed day belongs to the part before it."""

    train_from_utc: datetime
    train_until_utc: datetime  # the end of what vocabulary, vectors and normalisation may see
    validation_from_utc: datetime
    test_from_utc: datetime
    test_until_utc: datetime


def market_rows(
    store: Store,
    symbol: str,
    session: str,
    intervals: Sequence[int],
    *,
    with_counts: bool,
    target: TargetName = "direction",
) -> pl.DataFrame:
    """Return one row a tweet with an outcome, in order of posting.

    For each interval stand ``outcome_<minutes>`` (the return in basis points, null without one),
    ``exit_<minutes>`` and ``past_<minutes>`` (the return of as many minutes before). Flat
    windows are no outcome of direction; ``with_counts`` leaves out tweets that have no counts.
    """
    long = store.frame(
        statement("training/labels"),
        symbol=symbol, session=session, intervals=list(intervals), keep_flat=target == "move",
    )  # fmt: skip
    if with_counts:
        long = long.drop_nulls(list(COUNTS))
    values = {"outcome": "return_bps", "exit": "exit_utc", "past": "past_bps"}
    key = [name for name in long.columns if name not in ("interval_minutes", *values.values())]
    heads = [
        pl.col(value)
        .filter(pl.col("interval_minutes") == minutes)
        .first()
        .alias(f"{name}_{minutes}")
        for minutes in intervals
        for name, value in values.items()
    ]
    return long.group_by(key, maintain_order=True).agg(heads)


def texts_until(store: Store, until_utc: datetime) -> pl.Series:
    """Return all texts posted before a moment, in their order."""
    query = "SELECT text FROM tweets WHERE posted_utc < $until ORDER BY posted_utc, tweet_id"
    return store.frame(query, until=until_utc)["text"]


def clean_rows(rows: pl.DataFrame, rules: TextRules) -> pl.DataFrame:
    """Add the column ``tokens``, and leave out the texts without any."""
    rows = rows.with_columns(tokenize(rows["text"], rules).alias("tokens"))
    return rows.filter(pl.col("tokens").list.len() > 0)


def texts_hash(texts: pl.Series) -> str:
    """Return the sha256 of the texts of a part, whatever their order."""
    return hashlib.sha256("\0".join(sorted(texts)).encode()).hexdigest()


def split_rows(
    rows: pl.DataFrame, intervals: Sequence[int], until_percent: int = 100
) -> tuple[Split, pl.DataFrame]:
    """Cut rows by trading day into a column ``part``, with embargo, purge and no text in two parts.

    Args:
        rows: what ``market_rows`` returns, with a column ``tokens``.
        intervals: the intervals of its outcomes.
        until_percent: the share of the rows, from the first, that may be used; see walk_forward.

    Raises:
        InputError: there are too few trading days, or a part has no text of its own.
    """
    days = (
        rows.group_by("session_date").agg(pl.len(), pl.col("close_utc").max()).sort("session_date")
    )
    until = days["len"].cast(pl.Int64).cum_sum() * 100  # whole numbers: 70 of 100 is 70 %
    all_days = int((until <= rows.height * until_percent).sum())
    seen_days = int((until <= rows.height * (until_percent - TEST_PERCENT)).sum())
    train_percent = until_percent - TEST_PERCENT - VALIDATION_PERCENT
    train_days = int((until <= rows.height * train_percent).sum())
    validation_days = seen_days - train_days
    # Each part needs its days and one more for the embargo before the next.
    if train_days < 3 or validation_days < 3 or all_days - train_days - validation_days < 1:
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
        test_until_utc=close[all_days - 1],
    )
    date = pl.col("session_date")
    part = (
        pl.when(date < day[first_validation - 1]).then(pl.lit("train"))
        .when(date.is_between(day[first_validation], day[first_test - 1], closed="left"))
        .then(pl.lit("validation"))
        .when(date.is_between(day[first_test], day[all_days - 1])).then(pl.lit("test"))
    )  # fmt: skip
    rows = _purged(rows.with_columns(part=part).drop_nulls("part"), split, intervals)
    rows = rows.filter(pl.any_horizontal(pl.col(f"outcome_{n}").is_not_null() for n in intervals))
    return split, _without_copies(rows)


def _purged(rows: pl.DataFrame, split: Split, intervals: Sequence[int]) -> pl.DataFrame:
    """Take away each outcome whose window reaches past the end of its part."""
    ends = {"train": split.validation_from_utc, "validation": split.test_from_utc}
    end = pl.col("part").replace_strict(ends, default=None, return_dtype=pl.Datetime("us"))
    return rows.with_columns(
        pl.when((pl.col(f"exit_{n}") <= end).fill_null(True)).then(f"outcome_{n}")
        .alias(f"outcome_{n}")
        for n in intervals
    )  # fmt: skip


def _without_copies(rows: pl.DataFrame) -> pl.DataFrame:
    """Of a text on both sides the earlier part's copy goes, a retweet's like any other.

    Raises:
        InputError: a part has no text of its own.
    """
    order = {name: place for place, name in enumerate(PARTS)}
    rank = pl.col("part").replace_strict(order, return_dtype=pl.Int8)
    rows = rows.filter(rank == rank.max().over(same_text()))
    if empty := [name for name in PARTS if name not in rows["part"]]:
        raise InputError(
            f"no text is left in the {empty[0]} part: its texts all come again later, or its "
            "windows all reach past it; give more rows"
        )
    return rows


def same_text() -> pl.Expr:
    """Return what two rows share that are one text, by their column ``tokens``."""
    retweet = pl.col("tokens").list.first() == "rt"
    own = pl.when(retweet).then(pl.col("tokens").list.slice(1)).otherwise("tokens")
    return own.list.head(SAME_TOKENS).list.join("\n")


def walk_forward(
    rows: pl.DataFrame, intervals: Sequence[int], folds: int
) -> Iterator[tuple[Split, pl.DataFrame]]:
    """Yield so many splits, each as ``split_rows`` cuts, with test parts that follow one another.

    The last is the split of all rows; each one before ends a test part earlier.

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
    return rows.with_columns(same=same_text()).join(
        parts, on="same", how="left", maintain_order="left"
    ).drop("same")  # fmt: skip


def with_labels(
    rows: pl.DataFrame, intervals: Sequence[int], target: Target
) -> tuple[pl.DataFrame, dict[int, float]]:
    """Add ``label_<minutes>``, the place of the class that the outcome is, by target.

    Of a market also ``momentum_<minutes>``, the class that as many minutes before were; null where
    they have none.

    Returns:
        The rows; for the target move also each interval's threshold in basis points, a quantile of
        the absolute returns of the training part.
    """
    outcomes = {n: pl.col(f"outcome_{n}") for n in intervals}
    thresholds: dict[int, float] = {}
    if target.name == "move":
        sizes = rows.filter(pl.col("part") == "train").select(
            outcome.abs().quantile(target.move_quantile).alias(str(n))
            for n, outcome in outcomes.items()
        )
        thresholds = {n: float(sizes[str(n)][0] or 0.0) for n in intervals}
    if target.name == "label":
        return rows.with_columns(
            outcome.cast(pl.Int64).alias(f"label_{n}") for n, outcome in outcomes.items()
        ), thresholds
    classed = {
        name: (value.abs() > thresholds[n]) if target.name == "move"
        else pl.when(value != 0).then(value > 0)
        for n in intervals
        for name, value in (
            (f"label_{n}", outcomes[n]), (f"momentum_{n}", pl.col(f"past_{n}"))
        )
    }  # fmt: skip
    return rows.with_columns(
        each.cast(pl.Int64).alias(name) for name, each in classed.items()
    ), thresholds

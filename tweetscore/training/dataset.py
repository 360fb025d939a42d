"""Read texts with their outcomes from the market: the database enters, one row per text leaves."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

import polars as pl

from tweetscore.market.news import News, far_from_news
from tweetscore.market.targets import Target
from tweetscore.posts.canonical import COUNTS
from tweetscore.store.database import Store, statement
from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import tokenize


def market_rows(
    store: Store,
    symbols: Sequence[str],
    session: str,
    intervals: Sequence[int],
    *,
    with_counts: bool,
    keep_flat: bool = False,
    news: News | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> pl.DataFrame:
    """Return one row per tweet and symbol with an outcome, in order of posting.

    For each interval there are ``outcome_<minutes>`` (the return in basis points, or null),
    ``entry_<minutes>``, ``exit_<minutes>`` and ``past_<minutes>`` (the return of as long a time
    before). Flat windows are no outcome of direction; ``with_counts`` leaves out tweets without
    counts. Windows near ``news`` are no outcome either, and ``on_message`` is told how many.

    Raises:
        InputError: all windows are near news.
    """
    key = ["platform", "tweet_id", "symbol"]
    asked = {"session": session, "intervals": list(intervals), "keep_flat": keep_flat}
    labels = statement("training/labels")
    long = pl.concat(store.frame(labels, symbol=each, **asked) for each in symbols)
    long = long.sort("posted_utc", *key, "interval_minutes")
    if with_counts:
        long = long.drop_nulls(list(COUNTS))
    long = far_from_news(long, news, on_message, "windows")
    values = {
        "outcome": "return_bps", "entry": "minute_utc", "exit": "exit_utc", "past": "past_bps",
    }  # fmt: skip
    apart = (*key, "interval_minutes", *values.values())
    shared = [pl.col(name).first() for name in long.columns if name not in apart]
    heads = [
        pl.col(value)
        .filter(pl.col("interval_minutes") == minutes)
        .first()
        .alias(f"{name}_{minutes}")
        for minutes in intervals
        for name, value in values.items()
    ]
    return long.group_by(key, maintain_order=True).agg(*shared, *heads)


def texts_until(store: Store, until_utc: datetime) -> pl.Series:
    """Return all texts posted before a moment, in their order."""
    query = "SELECT text FROM tweets WHERE posted_utc < $until ORDER BY posted_utc, tweet_id"
    return store.frame(query, until=until_utc)["text"]


def clean_rows(rows: pl.DataFrame, rules: TextRules) -> pl.DataFrame:
    """Add the column ``tokens``, and drop the texts without any."""
    rows = rows.with_columns(tokenize(rows["text"], rules).alias("tokens"))
    return rows.filter(pl.col("tokens").list.len() > 0)


def texts_hash(texts: pl.Series) -> str:
    """Return the sha256 of the texts of a part, independent of their order."""
    return hashlib.sha256("\0".join(sorted(texts)).encode()).hexdigest()


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
    thresholds = {}
    if target.kind.size:
        thresholds = target.thresholds(rows.filter(pl.col("part") == "train"), intervals)
    return rows.with_columns(target.labels(intervals, thresholds)), thresholds

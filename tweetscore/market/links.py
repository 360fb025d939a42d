"""The rules that link posts to symbols, and when they hold: what posts name enters, links leave."""

from collections.abc import Sequence

import polars as pl

from tweetscore.store.database import Store

RULES = pl.Schema(
    {
        "rule": pl.Int32(), "symbol": pl.String(), "kind": pl.String(), "term": pl.String(),
        "valid_from_utc": pl.Datetime("us"), "valid_until_utc": pl.Datetime("us"),
    }
)  # fmt: skip


def rules_of(store: Store, symbols: Sequence[str]) -> list[dict[str, str | None]]:
    """Return the rules that link posts to symbols, as a table of rules has them."""
    names = ("symbol", "kind", "term", "valid_from", "valid_until")
    found = store.rows(
        "SELECT symbol, kind, term, valid_from_utc::VARCHAR, valid_until_utc::VARCHAR "
        "FROM link_rules WHERE symbol IN (SELECT unnest($symbols)) ORDER BY ALL",
        symbols=list(symbols),
    )
    return [dict(zip(names, row, strict=True)) for row in found]


def links_of(posts: pl.DataFrame, found: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Return the links of posts, by the rules that hold at the time of each.

    Args:
        posts: with ``platform``, ``tweet_id`` and ``posted_utc``.
        found: ``row``, the place of a post, and ``rule``, one whose term it holds; each pair once.
        rules: in the columns of ``RULES``.

    Returns:
        The columns of the table ``links``: one row a post and symbol, in the order of the posts.
    """
    keys = posts.select("platform", "tweet_id", "posted_utc").with_row_index("row")
    posted = pl.col("posted_utc")
    begun = (posted >= pl.col("valid_from_utc")).fill_null(value=True)
    over = (posted >= pl.col("valid_until_utc")).fill_null(value=False)
    return (
        found.join(rules.select("rule", "symbol", "valid_from_utc", "valid_until_utc"), on="rule")
        .join(keys, on="row")
        .filter(begun & ~over)
        .group_by("row", "platform", "tweet_id", "symbol")
        .agg(rules=pl.col("rule").sort())
        .sort("row", "symbol")
        .drop("row")
    )

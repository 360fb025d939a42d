"""Ids of Reddit, which are in base 36: those of a table or of JSON enter, numbers leave.

Comments are numbered apart from submissions, and so have a platform of their own.
"""

from collections.abc import Sequence

import polars as pl

from tweetscore.io.columns import by_normalised_name
from tweetscore.posts.fields import nearly_all
from tweetscore.posts.writings import Writing

SUBMISSIONS, COMMENTS = "reddit", "reddit_comments"
# Columns that only tables of Reddit have.
NAMES = {
    "numcomments", "commsnum", "subreddit", "subredditid", "upvoteratio", "selftext", "ups",
    "linkid", "parentid", "linkflairtext",
}  # fmt: skip
_FULL_NAME = r"^t[13]_[0-9a-z]{1,12}$"  # t1 is a comment, t3 a submission
_BARE = r"^[0-9a-z]{4,8}$"
# As a text, or as the body below a title.
_GONE = r"(?:^|\n\n)\s*(\[(?:deleted|removed|deleted by user)\])\s*$"
# Of bare ids with a letter, as without any they are numbers; and of different ones, unlike words.
_LETTERS_SHARE, _DISTINCT_SHARE = 0.3, 0.5


def number(ids: pl.Expr) -> pl.Expr:
    """Return ids as whole numbers, as strings; what is no id stays as it is."""
    bare = ids.str.strip_chars().str.replace(r"^t\d_", "")
    read = bare.str.to_integer(base=36, strict=False, dtype=pl.Int64).cast(pl.String)
    return pl.coalesce(read, ids)


def gone(text: str) -> pl.Expr:
    """Say of a column of texts which were deleted, in Reddit's own words; null for the others."""
    word = pl.col(text).str.extract(_GONE)
    return pl.when(word.is_not_null()).then(pl.format("its text is {}", word))


def is_table(columns: Sequence[str]) -> bool:
    """Return whether a table has columns that only those of Reddit have."""
    return not NAMES.isdisjoint(by_normalised_name(columns))


def platform_of(ids: pl.Series, columns: Sequence[str]) -> str | None:
    """Return the platform if ids are those of Reddit; None if they are not.

    Args:
        ids: the first of a table, as strings.
        columns: the names of its columns.
    """
    filled = ids.str.strip_chars().filter(ids.str.strip_chars() != "")
    if nearly_all(filled.str.contains(_FULL_NAME)):
        return COMMENTS if nearly_all(filled.str.starts_with("t1_")) else SUBMISSIONS
    letters, each = filled.str.contains("[a-z]"), len(filled)
    told = letters.sum() >= _LETTERS_SHARE * each and filled.n_unique() >= _DISTINCT_SHARE * each
    if not (is_table(columns) and told and nearly_all(filled.str.contains(_BARE))):
        return None
    return SUBMISSIONS if "title" in by_normalised_name(columns) else COMMENTS


def _numbers(ids: pl.Series) -> pl.Series:
    return ids.to_frame("id").select(number(pl.col("id"))).to_series().alias(ids.name)


BASE_36 = Writing("in base 36", _numbers)

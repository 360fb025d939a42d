"""Read a user's labelled texts: a table of texts and labels enters, typed rows leave."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.records import RAW_CHARACTERS
from tweetscore.io.tables.find import only_table
from tweetscore.io.tables.table import Table
from tweetscore.io.text import UTF8
from tweetscore.io.times import time_form
from tweetscore.market.horizons import NO_HORIZON
from tweetscore.posts.canonical import COUNTS
from tweetscore.posts.fields import counts
from tweetscore.posts.names import NAMES as TWEET_NAMES
from tweetscore.scoring.card import is_name
from tweetscore.text.rules import TextRules
from tweetscore.training.dataset import clean_rows
from tweetscore.training.split import Split, random_split, split_rows

MOST_CLASSES = 1_000
_TIMES = TWEET_NAMES["posted"]
NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("fulltext", "text", "texts", "body", "content", "message", "tweet"),
    "label": ("label", "labels", "class", "category", "target", "sentiment", "y"),
    **{name: TWEET_NAMES[name] for name in COUNTS},
    "posted_utc": (*(f"{name}utc" for name in _TIMES), *_TIMES),
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SAMPLE_ROWS = 1_000

Check = tuple[pl.Expr, pl.Expr]  # true where a row is wrong, and its reason


@dataclass(frozen=True, slots=True)
class Labelled:
    """The rows of a file that can be used, and those that cannot: together every row read."""

    rows: pl.DataFrame  # text, label (place in classes), the counts, posted_utc, line
    classes: tuple[str, ...]  # sorted, as numbers where all are numbers
    rejects: pl.DataFrame  # line, reason, raw
    sha256: str  # of the bytes, whatever encoding they are read in
    has_counts: bool  # every row has both
    has_times: bool  # every row has one
    warnings: tuple[str, ...] = ()  # what may be wrong with it


def read_labelled(path: Path, columns: Mapping[str, str], encoding: str | None = None) -> Labelled:
    """Read texts and their labels from CSV, TSV, JSON or Parquet.

    Args:
        path: the file, also packed; Parquet only as it is.
        columns: our names to the file's, which take precedence over recognised ones; an empty name
            means that the file has no such column.
        encoding: of the text, by any name that Python knows; None: told by its bytes.

    Raises:
        InputError: there is no such encoding, table, column or usable row; times have no zone and
            are not declared as UTC; there is only one class, or far too many.
    """
    table = one_table(path, encoding)
    match = table.match(NAMES, columns)
    for needed in ("text", "label"):
        if needed not in match.taken:
            raise match.missing(needed)
    found = match.taken
    raw, refused = read_rows(table, found)
    absent = [pl.lit(None, pl.String).alias(name) for name in NAMES if name not in found]
    filled = raw.with_columns(absent)
    # 1.0 is the class 1: a program may have written the labels as floats.
    label = pl.col("label").str.strip_chars().str.replace(r"^([+-]?\d+)\.0+$", "$1")
    typed = filled.select(
        "text",
        label.alias("label"),
        *whole_counts(filled),
        _stamps(table, filled["posted_utc"], found.get("posted_utc", ""), columns),
        "line",
        raw_values=pl.struct(*NAMES),
    )
    untimely = _unread("posted_utc", "is not a time like the others")
    rows, rejects = judged(typed, [_empty("text"), _empty("label"), untimely, *wrong_counts()])
    rejects = pl.concat([refused, rejects]).sort("line")
    if rows.height + rejects.height != raw.height + refused.height:
        raise IntegrityError(
            f"{table.name}: of {raw.height + refused.height} rows read, {rows.height} are "
            f"used and {rejects.height} rejected; please report this file's format"
        )
    if rows.is_empty():
        line, reason = rejects.select("line", "reason").row(0) if rejects.height else (2, "no row")
        raise InputError(
            f"{table.name}: none of its {rejects.height} rows can be used "
            f"(line {line}: {' '.join(reason.split())}); check its columns of text and label"
        )
    classes = _classes(table.name, found["label"], rows["label"])
    places = pl.col("label").replace_strict(classes, range(len(classes)), return_dtype=pl.Int64)
    return Labelled(
        rows.with_columns(places),
        classes,
        rejects,
        replace(table.source.file, encoding=UTF8).digest()[0],
        has_counts=not any(rows[name].null_count() for name in COUNTS),
        has_times=not rows["posted_utc"].null_count(),
        warnings=table.source.warnings,
    )


def split_labelled(
    table: Labelled, rules: TextRules, seed: int
) -> tuple[Split | None, pl.DataFrame]:
    """Cut rows into parts: by time where every row has one, else at random, with copies together.

    Returns:
        Where the parts begin, if by time; and the rows with ``tokens``, ``part`` and their label as
        the outcome of the one head. A row without a time is a day of its own.

    Raises:
        InputError: there are too few rows, or days.
    """
    rows = clean_rows(table.rows, rules)
    rows = rows.with_columns(pl.col("label").alias(f"outcome_{NO_HORIZON}"))
    if not table.has_times:
        return None, random_split(rows.with_columns(session_date=pl.int_range(pl.len())), seed)
    day = pl.col("posted_utc").dt.truncate("1d")
    rows = rows.sort("posted_utc", maintain_order=True).with_columns(
        pl.col("posted_utc").alias(f"exit_{NO_HORIZON}"),  # a label is known with its text
        session_date=day.dt.date(),
        close_utc=day.dt.offset_by("1d"),
    )
    return split_rows(rows, [NO_HORIZON])


# --- the table and its columns --------------------------------------------------------------------


def one_table(path: Path, encoding: str | None = None) -> Table:
    """Return the only table of a file, whose encoding is told by its bytes if it is None.

    Raises:
        InputError: there is none, or the path holds several files, or no encoding has this name.
    """
    return only_table(
        path,
        ", and labelled texts are read from one; name it",
        "CSV, JSON or Parquet with columns text and label",
        encoding,
    )


def read_rows(table: Table, columns: Mapping[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return all rows, as strings with their lines, and the rejects."""
    rows = pl.DataFrame(schema={**dict.fromkeys(columns, pl.String), "line": pl.Int64})
    rejects = pl.DataFrame(schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String})
    blocks = list(table.rows(columns))
    return (
        pl.concat([rows, *(block.select(rows.columns) for block, _ in blocks)]),
        pl.concat([rejects, *(refused.select(rejects.columns) for _, refused in blocks)]),
    )


# --- values ---------------------------------------------------------------------------------------


def whole_counts(rows: pl.DataFrame) -> list[pl.Series]:
    """Read counts as those of posts are read; null is what is none, or is no whole number."""
    return [counts(rows[name]).alias(name) for name in COUNTS]


def _stamps(table: Table, texts: pl.Series, column: str, given: Mapping[str, str]) -> pl.Series:
    """Read times, which are UTC, carry their zone or count from 1970."""
    filled = texts.drop_nulls().filter(texts.drop_nulls().str.strip_chars() != "")
    if filled.is_empty():
        return texts.clear(len(texts)).cast(pl.Datetime("us"))
    name, leave_out = table.name, "leave the column out with --column posted_utc="
    form = time_form(name, [filled.head(_SAMPLE_ROWS), filled])
    if not form:
        raise InputError(
            f"{name}: {filled[0].strip()[:60]!r} in {column!r} is no time in a known form; "
            f"write times as 2018-01-31T09:30:00Z, or {leave_out}"
        )
    if form.naive and not given.get("posted_utc") and not column.lower().endswith("utc"):
        raise InputError(
            f"{name}: the times in {column!r} carry no zone; "
            f"if they are UTC say --column posted_utc={column}, else {leave_out}"
        )
    return form.read(texts).alias(texts.name)


def _empty(name: str) -> Check:
    text = pl.col(name)
    return text.is_null() | (text.str.strip_chars() == ""), pl.lit(f"has no {name}")


def _unread(name: str, fact: str) -> Check:
    raw = pl.col("raw_values").struct.field(name)
    words = pl.format(f"\"{name}\" {fact}: '{{}}'", raw.str.head(60))
    return (raw.str.strip_chars() != "") & pl.col(name).is_null(), words


def wrong_counts() -> list[Check]:
    """Return the checks of both counts, as ``whole_counts`` has read them."""
    return [_unread(name, "is not a whole number from 0 on") for name in COUNTS]


def judged(typed: pl.DataFrame, checks: list[Check]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Separate good rows from rejects, which name the first fault and, in ``raw``, the values."""
    reason = pl.coalesce(pl.when(failed).then(words) for failed, words in checks)
    judged = typed.with_columns(reason=reason)
    raw = pl.col("raw_values").struct.json_encode().str.head(RAW_CHARACTERS)
    return (
        judged.filter(pl.col("reason").is_null()).drop("raw_values", "reason"),
        judged.filter(pl.col("reason").is_not_null()).select("line", "reason", raw=raw),
    )


def _classes(name: str, column: str, labels: pl.Series) -> tuple[str, ...]:
    names = labels.unique().to_list()
    if len(names) > MOST_CLASSES:
        raise InputError(
            f"{name}: {column!r} holds {len(names):,} different labels, more than "
            f"{MOST_CLASSES:,}; say which column holds the labels with --column label=NAME"
        )
    if len(names) == 1:
        raise InputError(
            f"{name}: all labels in {column!r} are {names[0][:60]!r}, so there is nothing to "
            "learn; add rows of another class, or name another column with --column label=NAME"
        )
    if odd := [each for each in names if not is_name(each)]:
        raise InputError(
            f"{name}: the label {odd[0][:60]!r} in {column!r} is too long for a class, or cannot "
            "be shown on a line; shorten such labels, or name another column with "
            "--column label=NAME"
        )
    if all(map(_NUMBER.fullmatch, names)):
        return tuple(sorted(names, key=lambda number: (float(number), number)))
    return tuple(sorted(names))

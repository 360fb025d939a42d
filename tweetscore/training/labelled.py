"""Texts with labels enter as files; a frame of typed columns leaves.

A file of the user's own: any table with a text and a label a row. And the tables of the 2019 study,
in order of time.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.open import data_files
from tweetscore.io.records import RAW_CHARACTERS
from tweetscore.io.source import sniff
from tweetscore.io.tables.find import find_table
from tweetscore.io.tables.table import Table
from tweetscore.io.times import time_form
from tweetscore.market.targets import OWN_LABEL
from tweetscore.posts.canonical import COUNTS
from tweetscore.posts.tables import NAMES as TWEET_NAMES
from tweetscore.text.tokens import TextRules
from tweetscore.training.dataset import Split, clean_rows, random_split, split_rows

MOST_CLASSES = 1_000
_TIMES = TWEET_NAMES["posted"]
NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("fulltext", "text", "texts", "body", "content", "message", "tweet"),
    "label": ("label", "labels", "class", "category", "target", "sentiment", "y"),
    **{name: TWEET_NAMES[name] for name in COUNTS},
    "posted_utc": (*(f"{name}utc" for name in _TIMES), *_TIMES),
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_STUDY_COLUMNS = {"text": "texts", **{name: name for name in COUNTS}}
_SAMPLE_ROWS = 1_000

Check = tuple[pl.Expr, pl.Expr]  # true where a row is wrong, and the words for it


@dataclass(frozen=True, slots=True)
class Labelled:
    """The rows of a file that can be used, and those that cannot: together all that were read."""

    rows: pl.DataFrame  # text, label (place in classes), the counts, posted_utc, line
    classes: tuple[str, ...]  # sorted, as numbers where all are numbers
    rejects: pl.DataFrame  # line, reason, raw
    sha256: str  # of the content
    has_counts: bool  # every row has both
    has_times: bool  # every row has one


def read_labelled(path: Path, columns: Mapping[str, str]) -> Labelled:
    """Read texts and their labels from CSV, TSV, JSON or Parquet.

    Args:
        path: the file, also packed; Parquet only as it is.
        columns: our name to the file's, before all recognised ones; an empty name says that the
            file has no such column.

    Raises:
        InputError: there is no such table, column or usable row; times without a zone that nobody
            says are UTC; one class alone, or more than anybody's labels have.
    """
    table = _table(path)
    match = table.match(NAMES, columns)
    for needed in ("text", "label"):
        if needed not in match.taken:
            raise match.missing(needed)
    found = match.taken
    raw, refused = _read(table, found)
    absent = [pl.lit(None, pl.String).alias(name) for name in NAMES if name not in found]
    filled = raw.with_columns(absent)
    # 1.0 is the class 1: a program may have kept the labels as floats.
    label = pl.col("label").str.strip_chars().str.replace(r"^([+-]?\d+)\.0+$", "$1")
    typed = filled.select(
        "text",
        label.alias("label"),
        *_whole(),
        _stamps(table, filled["posted_utc"], found.get("posted_utc", ""), columns),
        "line",
        said=pl.struct(*NAMES),
    )
    untimely = _unread("posted_utc", "is no time like the others")
    rows, rejects = _judged(typed, [_empty("text"), _empty("label"), untimely, *_wrong_counts()])
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
        table.source.digest()[0],
        has_counts=not any(rows[name].null_count() for name in COUNTS),
        has_times=not rows["posted_utc"].null_count(),
    )


def split_labelled(
    table: Labelled, rules: TextRules, seed: int
) -> tuple[Split | None, pl.DataFrame]:
    """Cut rows into parts: by time where every row has one, else at random, copies together.

    Returns:
        Where the parts begin, if by time; and the rows with ``tokens``, ``part`` and their label as
        the outcome of the one head. A row without a time is a day of its own.

    Raises:
        InputError: there are too few rows, or days.
    """
    rows = clean_rows(table.rows, rules)
    rows = rows.with_columns(pl.col("label").alias(f"outcome_{OWN_LABEL}"))
    if not table.has_times:
        return None, random_split(rows.with_columns(session_date=pl.int_range(pl.len())), seed)
    day = pl.col("posted_utc").dt.truncate("1d")
    rows = rows.sort("posted_utc", maintain_order=True).with_columns(
        pl.col("posted_utc").alias(f"exit_{OWN_LABEL}"),  # a label is known with its text
        session_date=day.dt.date(),
        close_utc=day.dt.offset_by("1d"),
    )
    return split_rows(rows, [OWN_LABEL])


def study_minutes(folder: Path) -> list[int]:
    """List the intervals that a folder of the 2019 study has a table of."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name[:-4]) for name in names if re.fullmatch(r"[1-9]\d{0,5}\.csv", name))


def read_study_table(folder: Path, minutes: int) -> pl.DataFrame:
    """Read a table of the 2019 study, oldest row first, with the times that its lstm.csv knows.

    Columns: text (maybe empty), retweet_count, favorite_count, label (1 is up), posted_utc, and
    time_known. The order of the table is the truth: a time that it refutes is not taken, and a row
    without one gets a time between those of its neighbours. Without an lstm.csv all are null.

    Raises:
        InputError: there is no such table, or it is not as the study wrote it.
    """
    path = folder / f"{minutes}.csv"
    if not path.is_file():
        has = ", ".join(f"{known}.csv" for known in study_minutes(folder)) or "no table of minutes"
        raise InputError(
            f"{folder}: the study's table {path.name} is wanted, but the folder has {has}; "
            "name the folder that holds it"
        )
    label = pl.col("label").replace_strict({"0": 0, "1": 1}, default=None, return_dtype=pl.Int64)
    rows = _study_rows(path, "label", label).reverse().select("text", *COUNTS, "label")
    known = pl.lit(None, pl.Int64)
    if (times := folder / "lstm.csv").is_file():
        known = pl.lit(_study_times(rows, times))
    # Between two known times, those unknown are spread evenly.
    spread = known.cast(pl.Float64).interpolate().forward_fill().backward_fill().round()
    return rows.with_columns(
        posted_utc=spread.cast(pl.Int64).cast(pl.Datetime("us")), time_known=known.is_not_null()
    )


# --- the table and its columns --------------------------------------------------------------------


def _table(path: Path) -> Table:
    file, *more = data_files(path)
    if more:
        raise InputError(
            f"{path}: holds {len(more) + 1} files, and labelled texts are read from one; name it"
        )
    if not (table := find_table(sniff(file))):
        raise InputError(
            f"{file.name}: holds no table; write CSV, JSON or Parquet with columns text and label"
        )
    return table


def _read(table: Table, columns: Mapping[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return all rows, as strings with their lines, and the rejects."""
    rows = pl.DataFrame(schema={**dict.fromkeys(columns, pl.String), "line": pl.Int64})
    rejects = pl.DataFrame(schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String})
    blocks = list(table.rows(columns))
    return (
        pl.concat([rows, *(block.select(rows.columns) for block, _ in blocks)]),
        pl.concat([rejects, *(refused.select(rejects.columns) for _, refused in blocks)]),
    )


# --- values ---------------------------------------------------------------------------------------


def _whole() -> list[pl.Expr]:
    """Read counts; 12.0 is a whole number, too."""
    return [
        pl.col(name).str.strip_chars().str.replace(r"\.0+$", "")
        .str.to_integer(strict=False, dtype=pl.Int64)
        for name in COUNTS
    ]  # fmt: skip


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
    said = pl.col("said").struct.field(name)
    words = pl.format(f"\"{name}\" {fact}: '{{}}'", said.str.head(60))
    return (said.str.strip_chars() != "") & pl.col(name).is_null(), words


def _wrong_counts() -> list[Check]:
    unread = [_unread(name, "is not a whole number") for name in COUNTS]
    return unread + [(pl.col(name) < 0, pl.lit(f'"{name}" is negative')) for name in COUNTS]


def _judged(typed: pl.DataFrame, checks: list[Check]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part good rows from rejects, which say the first thing wrong and, in ``raw``, what was."""
    reason = pl.coalesce(pl.when(failed).then(words) for failed, words in checks)
    judged = typed.with_columns(reason=reason)
    raw = pl.col("said").struct.json_encode().str.head(RAW_CHARACTERS)
    return (
        judged.filter(pl.col("reason").is_null()).drop("said", "reason"),
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
            f"{name}: all labels in {column!r} are {names[0][:60]!r}, and there is nothing to tell "
            "apart; add rows of another class, or name another column with --column label=NAME"
        )
    if all(map(_NUMBER.fullmatch, names)):
        return tuple(sorted(names, key=lambda number: (float(number), number)))
    return tuple(sorted(names))


# --- the tables of the study ----------------------------------------------------------------------


def _study_rows(path: Path, last: str, typed: pl.Expr) -> pl.DataFrame:
    """Read text, counts and the column ``last``, which must have a value in each row."""
    table, columns = _table(path), {**_STUDY_COLUMNS, last: last}
    step = "take the file as the study published it"
    if missing := [theirs for theirs in columns.values() if theirs not in table.columns]:
        raise InputError(f"{path}: has no column {missing[0]!r} ({table.has}); {step}")
    raw, refused = _read(table, columns)
    values = raw.with_columns(*_whole(), typed, said=pl.struct(*columns))
    absent = (pl.col(last).is_null(), pl.lit(f"has no {last} of the study's form"))
    rows, rejects = _judged(values, [absent, *_wrong_counts()])
    for line, reason, _ in pl.concat([refused, rejects]).sort("line").iter_rows():
        raise InputError(f"{path}, line {line}: {' '.join(reason.split())}; {step}")
    return rows


def _study_times(rows: pl.DataFrame, path: Path) -> pl.Series:
    """Give the microseconds since 1970 of each row that is one post here and one in lstm.csv."""
    key = ["text", *COUNTS]
    time = pl.col("time").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    timed = _study_rows(path, "time", time.dt.epoch("us")).group_by(key)
    single = timed.agg(pl.col("time").unique()).filter(pl.col("time").list.len() == 1)
    # The study has many posts twice or more, one right after the other: such copies are one post.
    numbered = rows.with_columns(post=pl.struct(key).rle_id())
    found = numbered.join(single, on=key, how="left", maintain_order="left")
    once = pl.col("post").n_unique().over(key) == 1
    stamps = found.select(pl.when(once).then(pl.col("time").list.first())).to_series()
    matched = stamps.is_not_null().arg_true()
    trusted = matched.gather(_rising(stamps.drop_nulls().to_list()))
    return stamps.clear(len(stamps)).scatter(trusted, stamps[trusted])


def _rising(times: list[int]) -> list[int]:
    """Return the places of as many times as can be had without one before its predecessor."""
    last_times: list[int] = []  # of the best series of each length, the place of its end beside it
    last_places: list[int] = []
    before: list[int] = []
    for place, time in enumerate(times):
        length = bisect_right(last_times, time)
        before.append(last_places[length - 1] if length else -1)
        last_times[length : length + 1] = [time]
        last_places[length : length + 1] = [place]
    kept = last_places[-1:]
    while kept and before[kept[-1]] >= 0:
        kept.append(before[kept[-1]])
    return kept[::-1]

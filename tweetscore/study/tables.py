"""The tables of the 2019 study: a folder of CSV files enters, typed rows in order of time leave."""

import re
from bisect import bisect_right
from pathlib import Path

import polars as pl

from tweetscore.errors import InputError
from tweetscore.posts.canonical import COUNTS
from tweetscore.training.labelled import judged, one_table, read_rows, whole_counts, wrong_counts

_COLUMNS = {"text": "texts", **{name: name for name in COUNTS}}


def study_minutes(folder: Path) -> list[int]:
    """List the intervals for which a folder of the 2019 study has a table."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name[:-4]) for name in names if re.fullmatch(r"[1-9]\d{0,5}\.csv", name))


def read_study_table(folder: Path, minutes: int) -> pl.DataFrame:
    """Read a table of the 2019 study, oldest row first, with the times from its lstm.csv.

    Columns: text (may be empty), retweet_count, favorite_count, label (1 is up), posted_utc, and
    time_known. The order of the table is taken as true: a time that contradicts it is not used, and
    a row without one gets a time between those of its neighbours. Without an lstm.csv all are null.

    Raises:
        InputError: there is no such table, or it has not the form that the study wrote.
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
    # Unknown times are spread evenly between two known ones.
    spread = known.cast(pl.Float64).interpolate().forward_fill().backward_fill().round()
    return rows.with_columns(
        posted_utc=spread.cast(pl.Int64).cast(pl.Datetime("us")), time_known=known.is_not_null()
    )


def _study_rows(path: Path, last: str, typed: pl.Expr) -> pl.DataFrame:
    """Read text, counts and the column ``last``, which must have a value in each row."""
    table, columns = one_table(path), {**_COLUMNS, last: last}
    step = "use the file as the study published it"
    if missing := [theirs for theirs in columns.values() if theirs not in table.columns]:
        raise InputError(f"{path}: has no column {missing[0]!r} ({table.has}); {step}")
    raw, refused = read_rows(table, columns)
    values = raw.with_columns(*whole_counts(raw), typed, raw_values=pl.struct(*columns))
    absent = (pl.col(last).is_null(), pl.lit(f"has no {last} in the form of the study"))
    rows, rejects = judged(values, [absent, *wrong_counts()])
    for line, reason, _ in pl.concat([refused, rejects]).sort("line").iter_rows():
        raise InputError(f"{path}, line {line}: {' '.join(reason.split())}; {step}")
    return rows


def _study_times(rows: pl.DataFrame, path: Path) -> pl.Series:
    """Return the microseconds since 1970 of each row that is one post here and one in lstm.csv."""
    key = ["text", *COUNTS]
    time = pl.col("time").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    timed = _study_rows(path, "time", time.dt.epoch("us")).group_by(key)
    single = timed.agg(pl.col("time").unique()).filter(pl.col("time").list.len() == 1)
    # The study has many posts twice or more, one after the other: such copies are one post.
    numbered = rows.with_columns(post=pl.struct(key).rle_id())
    found = numbered.join(single, on=key, how="left", maintain_order="left")
    once = pl.col("post").n_unique().over(key) == 1
    stamps = found.select(pl.when(once).then(pl.col("time").list.first())).to_series()
    matched = stamps.is_not_null().arg_true()
    trusted = matched.gather(_rising(stamps.drop_nulls().to_list()))
    return stamps.clear(len(stamps)).scatter(trusted, stamps[trusted])


def _rising(times: list[int]) -> list[int]:
    """Return the places of a longest series of times in which none is before its predecessor."""
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

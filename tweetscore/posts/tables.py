"""Read posts from any table: CSV, TSV, JSON or Parquet whose columns have telling or given names.

A table needs a text and a time for each post, and nothing else. Only plain columns count: what is
nested in JSON or Parquet is left alone. Without ids, a post is known by a hash of what it says.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import polars as pl

from tweetscore.errors import InputError, did_you_mean
from tweetscore.io.data_file import DataFile
from tweetscore.io.tables import Rows, Table, find_table
from tweetscore.io.times import TimeForm, date_and_time, time_form
from tweetscore.posts.canonical import TweetBatch, TweetFile
from tweetscore.posts.clock import ID_TIMES, id_times
from tweetscore.posts.tweet_json import API_TIME
from tweetscore.posts.validation import validate_posts

# Names are compared in small letters, without blanks, underscores and dashes; the first counts.
NAMES = {
    "tweet_id": ("idstr", "tweetid", "statusid", "postid", "id"),
    "posted": (
        "createdat", "postedat", "publishedat", "posted", "published", "datetime", "timestamp",
        "date", "time",
    ),
    "text": ("fulltext", "text", "tweet", "content", "body", "message", "post"),
    "author": ("author", "username", "authorusername", "screenname", "handle", "user"),
    "retweet_count": (
        "retweetcount", "retweets", "reposts", "repostscount", "reblogs", "sharecount", "shares",
    ),
    "favorite_count": (
        "favoritecount", "favorites", "likes", "likecount", "favourites", "favouritescount",
    ),
    "is_retweet": ("isretweet",),
    "counts_as_of": ("countsasof",),
}  # fmt: skip
OTHER = "other"  # the platform of ids that carry no time
_PRICES = {"open", "high", "low", "close"}
_TWITTER_NAMES = {"idstr", "tweetid", "fulltext", "favoritecount", "screenname"}
_CLOCK_TIME = "time of day"  # beside a column of dates
_SAMPLE_ROWS = 1_000
_DAY = re.compile(r"\d{4}[-./]?\d\d?[-./]?\d\d?|\d\d?[-./]\d\d?[-./]\d{4}", re.ASCII)
_LAST_UNDATED = datetime(2010, 11, 6)
_ZONES = timedelta(hours=25)  # times without a zone, and with daylight saving, differ by less


def open_table(
    file: DataFile, columns: Mapping[str, str], platform: str | None = None
) -> TweetFile | None:
    """Recognise a table of posts by its columns; None when it is none, or one of bars.

    Args:
        file: the file.
        columns: our name to the file's, before all recognised ones; an empty name says that the
            file has no such column.
        platform: whose ids they are. Without it, ids that look like Twitter's are, and no others.

    Raises:
        InputError: a given column is not there; times in no clear form; a platform whose ids carry
            a time, without ids; unreadable Parquet.
    """
    table = find_table(file)
    if not table or _holds_bars(table, columns):
        return None
    found = _columns(table, columns)
    if "text" not in found or not (times := _time_columns(table, columns)):
        if columns:
            missing = "posted" if "text" in found else "text"
            raise InputError(
                f"{file.name}: has no known column of {missing} ({table.has}); "
                f"say which it is with --column {missing}=NAME"
            )
        return None
    if platform in ID_TIMES and "tweet_id" not in found:
        raise InputError(
            f"{file.name}: has no known column of ids ({table.has}), and ids of {platform} carry "
            "a time; say which it is with --column tweet_id=NAME, or leave --platform out"
        )
    table, found["posted"], form = _timed(table, times)
    if platform is None:
        platform = "twitter" if _is_twitter(table, found, form) else OTHER
    batches = partial(_read, table, found, form, platform)
    return TweetFile(file, table.format, platform, form.naive, batches)


def _read(
    table: Table, columns: Mapping[str, str], form: TimeForm, platform: str
) -> Iterator[TweetBatch]:
    for raw, refused in table.rows(columns):
        absent = [name for name in NAMES if name not in columns and name != "counts_as_of"]
        filled = raw.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
        yield validate_posts(
            filled.with_columns(pl.col("author").replace("", None)),
            refused,
            raw.height + refused.height,
            platform=platform,
            time_formats=(),
            read_times=partial(_stamps, form),
            may_lack_ids="tweet_id" not in columns,
        )


# --- columns --------------------------------------------------------------------------------------


def _holds_bars(table: Table, columns: Mapping[str, str]) -> bool:
    given = columns and set(columns.values()) <= set(table.columns)
    return not given and len(_PRICES & table.plain.keys()) >= 2


def _columns(table: Table, given: Mapping[str, str]) -> dict[str, str]:
    """Map our names to the file's; ``posted`` is only there where it is given."""
    plain = table.plain
    found = {
        ours: next(plain[name] for name in names if name in plain)
        for ours, names in NAMES.items()
        if ours != "posted" and any(name in plain for name in names)
    }
    for ours, theirs in given.items():
        if ours not in NAMES:
            near = did_you_mean(ours, NAMES)
            raise InputError(
                f"no column is called {ours!r} here; say one of {', '.join(NAMES)}{near}"
            )
        if theirs and theirs not in table.columns:
            near = did_you_mean(theirs, table.columns)
            raise InputError(f"{table.file.name}: has no column {theirs!r} ({table.has}){near}")
    # What is given for one thing is not recognised as another.
    taken = set(given.values())
    found = {ours: theirs for ours, theirs in found.items() if theirs not in taken}
    return {ours: theirs for ours, theirs in {**found, **given}.items() if theirs}


def _time_columns(table: Table, given: Mapping[str, str]) -> list[str]:
    """List the columns that may hold the times, best first."""
    if "posted" in given:
        return [given["posted"]] if given["posted"] else []
    plain, taken = table.plain, set(given.values())
    return [plain[name] for name in NAMES["posted"] if name in plain and plain[name] not in taken]


def _is_twitter(table: Table, columns: Mapping[str, str], form: TimeForm) -> bool:
    """Say whether ids are Twitter's: by the times inside them, or by columns that only it has.

    In the second case the audit of the clock says how they disagree with the times.
    """
    if "tweet_id" not in columns:
        return False
    sample = _sample(table, {name: columns[name] for name in ("tweet_id", "posted")})
    texts = sample["tweet_id"].str.strip_chars()
    ids = texts.str.to_integer(strict=False, dtype=pl.Int64)
    rows = pl.DataFrame(
        {
            "given": texts.is_not_null() & (texts != ""),
            "id": ids,
            "claimed": _stamps(form, sample["posted"]),
            "inside": id_times("twitter", ids),
        }
    ).filter("given")
    dated = pl.col("inside").is_not_null()
    fits = pl.when(dated).then((pl.col("claimed") - pl.col("inside")).abs() <= _ZONES)
    old = (pl.col("id") > 0) & (pl.col("claimed") < _LAST_UNDATED)
    long = texts.drop_nulls().str.contains("^[0-9]{15,19}$")
    by_time = rows.select(dated.any() & fits.otherwise(old).fill_null(False).all()).item()
    return bool(by_time or (len(long) and long.all() and _TWITTER_NAMES & table.plain.keys()))


def _sample(table: Table, columns: Mapping[str, str]) -> pl.DataFrame:
    """Return the first rows that can be read."""
    sample = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    for rows, _ in table.rows(columns):
        sample = pl.concat([sample, rows.select(*columns)]).head(_SAMPLE_ROWS)
        if sample.height == _SAMPLE_ROWS:
            break
    return sample


# --- times ----------------------------------------------------------------------------------------

_API_FORM = TimeForm(
    naive=False,
    stamp=pl.col("stamp")
    .str.strip_chars()
    .str.to_datetime(API_TIME, strict=False, time_unit="us")
    .dt.convert_time_zone("UTC")
    .dt.replace_time_zone(None),
)


def _stamps(form: TimeForm, texts: pl.Series) -> pl.Series:
    return texts.to_frame("stamp").select(form.stamp).to_series()


def _timed(table: Table, columns: Sequence[str]) -> tuple[Table, str, TimeForm]:
    """Return the first column with times of a known form, how to read it, and that form."""
    shown: list[str] = []
    for timed, column in _candidates(table, columns):
        sample = _sample(timed, {"posted": column})["posted"].drop_nulls()
        sample = sample.filter(sample.str.strip_chars() != "")
        if not len(sample):
            continue
        if 2 * _stamps(_API_FORM, sample).count() > len(sample):
            return timed, column, _API_FORM
        if form := _form(timed, column, sample):
            return timed, column, form
        shown.append(sample[0])
    if not shown:
        return table, columns[0], _API_FORM  # no record has a time: each becomes a reject
    fact = f"the time {shown[0]!r} has no known form"
    step = "write times as 2018-01-31T09:30:00Z, or as seconds since 1970"
    if _DAY.fullmatch(shown[0].strip()):
        fact = f"the time {shown[0]!r} is a whole day, and posts are matched with minutes"
        step = "say which column holds the time of day with --column posted=NAME, or export it too"
    raise InputError(f"{table.file.name}: {fact}; {step}")


def _candidates(table: Table, columns: Sequence[str]) -> Iterator[tuple[Table, str]]:
    """Yield each column; then, of a date beside a time, the two as one."""
    yield from ((table, column) for column in columns)
    day, time = (table.plain.get(name) for name in ("date", "time"))
    if day and time and {day, time} <= {*columns}:
        yield _joined(table, day, time), day


def _joined(table: Table, day: str, time: str) -> Table:
    """Return the table with the time of day behind each day, where that is read as posted."""
    both = {"posted": day, _CLOCK_TIME: time}
    posted = date_and_time(_sample(table, both), *both)

    def rows(columns: Mapping[str, str]) -> Iterator[Rows]:
        for raw, refused in table.rows({**columns, **both}):
            yield raw.with_columns(posted=posted).drop(_CLOCK_TIME), refused

    return replace(table, rows=rows)


def _form(table: Table, column: str, sample: pl.Series) -> TimeForm | None:
    def parts() -> Iterator[pl.Series]:
        yield sample
        for rows, _ in table.rows({"posted": column}):
            yield rows["posted"]

    return time_form(table.file.name, parts())

"""Read a shard: a Parquet file enters, rows in our columns and rejected rows leave."""

from collections.abc import Callable, Iterator, Mapping

import polars as pl
import pyarrow as pa

from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.fetched import Part
from tweetscore.io.parquet import bounded, damage_told, opened, read_batches
from tweetscore.posts.canonical import COUNTS
from tweetscore.scoring.job import Shard

Schema = dict[str, pl.DataType | type[pl.DataType]]
OF_TWEETS: Schema = {
    "platform": pl.String,
    "tweet_id": pl.Int64,
    "author": pl.String,
    "posted_utc": pl.Datetime("us"),
    "text": pl.String,
    "retweet_count": pl.Int64,
    "favorite_count": pl.Int64,
}
NEEDED = ("platform", "tweet_id", "posted_utc", "text")  # of a row; others may be null or missing
REJECTS: Schema = {"row": pl.Int64, "reason": pl.String}
_STEP = "write it again"


def parts_of(shard: Shard, *, counts: bool, ended: Callable[[], bool]) -> Iterator[Part]:
    """Yield the parts of a shard, each of which is fetched when it is asked for.

    Args:
        shard: a Parquet file in the columns of the table tweets; more columns do not matter.
        counts: whether the engagement counts are read.
        ended: whether nobody waits for more.

    Raises:
        InputError: it cannot be read, or lacks a column, or one has another type.
    """
    name = str(shard.place)
    return shard.place.parquet(
        lambda parquet: columns_of(name, parquet.schema_arrow, counts=counts), ended
    )


def read_shard(
    shard: Shard, parts: Iterator[Part], *, counts: bool, chunk_rows: int
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield rows in the columns of ``OF_TWEETS``, with the numbers and reasons of rejected ones.

    Args:
        shard: as above.
        parts: its parts.
        counts: whether the engagement counts are read.
        chunk_rows: rows yielded at once; the last chunk of a part may have fewer.

    Raises:
        InputError: it is unreadable, or lacks a column, or one has another type.
        IntegrityError: it has other than the rows that it says it has.
    """
    first, name = 1, str(shard.place)
    with damage_told(name, _STEP):
        batches = _batches(name, parts, counts=counts, chunk_rows=chunk_rows)
        for batch in bounded(batches, name, shard.bytes):
            frame = pl.DataFrame(batch)
            frame = frame.with_columns(
                pl.lit(None, kind).alias(column)
                for column, kind in OF_TWEETS.items()
                if column not in frame.columns
            )
            yield _sorted_out(frame.select(_as_ours(frame.schema)), first)
            first += batch.num_rows


def _batches(
    name: str, parts: Iterator[Part], *, counts: bool, chunk_rows: int
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all parts.

    Raises:
        IntegrityError: the file has other than the rows that it says it has.
    """
    read = said = 0
    for part in parts:
        with part.opened() as path, opened(path, name, _STEP) as parquet:
            columns = columns_of(name, parquet.schema_arrow, counts=counts)
            for batch in read_batches(path, name, parquet, columns, chunk_rows, part.groups):
                yield batch
                read += batch.num_rows
            said = parquet.metadata.num_rows
    if read != said:
        raise IntegrityError(
            f"{name}: says it has {said} rows, but {read} were read; it may have changed "
            "meanwhile: run the command again"
        )


def columns_of(file: str, schema: pa.Schema, *, counts: bool) -> list[str]:
    """Return the columns that are read.

    Args:
        file: its name in messages.
        schema: its columns.
        counts: whether the engagement counts are read.

    Raises:
        InputError: one is lacking, or has another type.
    """
    wanted = [name for name in OF_TWEETS if counts or name not in COUNTS]
    columns = [name for name in wanted if name in schema.names]
    if lacking := [name for name in NEEDED if name not in columns]:
        raise InputError(
            f"{file}: has no column {lacking[0]}; shards have the columns of the table tweets, as "
            "tweetscore export writes them"
        )
    for name in columns:
        kind = schema.field(name).type
        if not _FITS[name](kind):
            raise InputError(f"{file}: its column {name} is {kind}; write it as {_KINDS[name]}")
    return columns


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string(), pa.string_view())


_FITS: Mapping[str, Callable[[pa.DataType], bool]] = {
    "platform": lambda kind: _is_text(kind) or pa.types.is_dictionary(kind),
    "tweet_id": pa.types.is_signed_integer,
    "author": lambda kind: _is_text(kind) or pa.types.is_dictionary(kind),
    "posted_utc": pa.types.is_timestamp,
    "text": _is_text,
    "retweet_count": pa.types.is_integer,
    "favorite_count": pa.types.is_integer,
}
_KINDS = {
    "platform": "text",
    "tweet_id": "a signed whole number",
    "author": "text",
    "posted_utc": "a timestamp",
    "text": "text",
    "retweet_count": "a whole number",
    "favorite_count": "a whole number",
}


def _as_ours(schema: pl.Schema) -> Iterator[pl.Expr]:
    for name, kind in OF_TWEETS.items():
        column = pl.col(name)
        if getattr(schema[name], "time_zone", None):
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        yield column.cast(kind)


def _sorted_out(frame: pl.DataFrame, first: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Separate the rows that can be scored from those that cannot."""
    reasons = [pl.when(pl.col(name).is_null()).then(pl.lit(f"no {name}")) for name in NEEDED]
    placed = frame.with_columns(
        row=pl.int_range(first, first + pl.len(), dtype=pl.Int64), reason=pl.coalesce(reasons)
    )
    refused = placed.filter(pl.col("reason").is_not_null()).select("row", "reason")
    good = placed.filter(pl.col("reason").is_null()).drop("row", "reason")
    return good, refused

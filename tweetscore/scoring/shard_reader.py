"""Read a shard: a Parquet file enters, rows in our columns and rejected rows leave."""

from collections.abc import Callable, Iterator, Mapping

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.parquet import bounded, opened, read_batches
from tweetscore.io.places import Place
from tweetscore.posts.canonical import COUNTS

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


def read_shard(
    place: Place, *, counts: bool, chunk_rows: int
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield rows in the columns of ``OF_TWEETS``, with the numbers and reasons of rejected ones.

    Args:
        place: a Parquet file in the columns of the table tweets; more columns do not matter.
        counts: whether the engagement counts are read.
        chunk_rows: rows yielded at once.

    Raises:
        InputError: it is unreadable, or lacks a column, or one has another type.
        IntegrityError: it has other than the rows that it says it has.
    """
    first, name = 1, str(place)

    def chosen(parquet: pq.ParquetFile) -> list[str]:
        return columns_of(name, parquet.schema_arrow, counts=counts)

    with place.parquet(chosen) as path, opened(path, name, "write it again") as parquet:
        columns = chosen(parquet)
        batches = read_batches(path, name, parquet, columns, chunk_rows)
        for batch in bounded(batches, name, path.stat().st_size):
            frame = pl.DataFrame(batch).with_columns(
                pl.lit(None, kind).alias(column)
                for column, kind in OF_TWEETS.items()
                if column not in columns
            )
            yield _sorted_out(frame.select(_as_ours(frame.schema)), first)
            first += batch.num_rows
        if first - 1 != parquet.metadata.num_rows:
            raise IntegrityError(
                f"{name}: says it has {parquet.metadata.num_rows} rows, but {first - 1} were read; "
                "it may have changed meanwhile: run the command again"
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

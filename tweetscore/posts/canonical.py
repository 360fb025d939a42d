"""The common shape of posts in all formats: its columns, a batch of posts, a file of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.source import Source
from tweetscore.posts.clock import ID_TIMES
from tweetscore.posts.identity import Ids

TWEETS_SCHEMA = pl.Schema(
    {
        "line": pl.Int64(),
        "byte_offset": pl.Int64(),
        "platform": pl.String(),
        "tweet_id": pl.Int64(),
        "author": pl.String(),
        "posted": pl.Datetime("us"),
        "text": pl.String(),
        "retweet_count": pl.Int64(),
        "favorite_count": pl.Int64(),
        "is_retweet": pl.Boolean(),
        "counts_as_of_utc": pl.Datetime("us"),
    }
)
COUNTS = ("retweet_count", "favorite_count")


class RoundedIdsError(InputError):
    """Ids have been floats: the file cannot be used, because not every rounding shows.

    It does not name the file: ``TweetFile`` does.
    """


@dataclass(frozen=True, slots=True)
class Late:
    """What is known of JSON whose first bytes do not show all columns, from reading it once."""

    records: Sequence[dict[str, Any]]  # with further columns
    taken: Mapping[str, str]  # what columns were taken for, ours to theirs; they still are
    nests: bool = False  # some hold other posts, as replies


class LateColumnsError(Exception):
    """Columns that matter begin behind the first bytes of a file: it has to be opened again."""

    def __init__(self, late: Late) -> None:
        """Take what is known now."""
        super().__init__()
        self.late = late


class OrderChangesError(InputError):
    """Day and month change places within a file; it does not name the file: ``TweetFile`` does."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Values of one column that could not be read, in posts that are kept without them."""

    column: str
    values: int
    first: str
    line: int  # of the first
    byte_offsets: pl.Series = field(  # of the posts
        default_factory=lambda: pl.Series(dtype=pl.Int64), compare=False, repr=False
    )


@dataclass(frozen=True, slots=True)
class TweetBatch:
    """Canonical tweets (``TWEETS_SCHEMA``; ``posted`` as written in the file) and rejects.

    A ``tweet_id`` is null where the file has no ids: ``with_hashed_ids`` gives it one.
    ``rows_read`` counts the records of the block before any of them was judged; ``moved`` are the
    byte offsets of rows whose time had a zone, unlike the others, or had none.
    """

    rows_read: int
    tweets: pl.DataFrame
    rejects: pl.DataFrame
    unread: tuple[Unread, ...] = ()
    moved: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Int64), compare=False)


# Yields the places of all rows of a table, and ``alike``: whether a file with a few such rows would
# be read in the same way. Only of tables the rows decide how they are read.
ReadAlike = Callable[[], Iterator[pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class TweetFile:
    """A file of tweets in a known format."""

    source: Source
    format: str
    platform: str
    naive: bool  # True: times have no zone
    _batches: Callable[[], Iterator[TweetBatch]]
    step_seconds: int = 1  # how exactly times are written: 60 without seconds
    ids: Ids = "own"  # what the numbers of posts are worth
    taken: str = ""  # which column was taken for what, in words
    alike: ReadAlike | None = None
    times_of_ids: bool = False  # its times are those inside the ids, which so test nothing
    by_row: bool = False  # rows name their platforms; ``platform`` is one that tells the clock

    @property
    def dated(self) -> bool:
        """Whether ids of the platform carry a time that the claimed ones can be checked against.

        A file that is naive and not dated proves no clock: the user has to name it.
        """
        return self.platform in ID_TIMES

    def read(self) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of the file, in its order; it can be read again.

        Raises:
            InputError: its ids have been rounded, the order of its dates changes, or it turns out
                to be damaged.
        """
        try:
            yield from self._batches()
        except (RoundedIdsError, OrderChangesError) as error:
            raise InputError(f"{self.source.name}: {error}") from error

"""Tweet archives: one small module per format, found by content.

A format is a module with ``NAME``, ``PLATFORM`` (whose ids it holds), ``NAIVE`` (true where its
times carry no zone), ``detect(head)`` and ``read(file)``. ``read`` yields batches of canonical
tweets with the records it had to reject.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

from tweetscore.archives import trump_csv, tweet_json
from tweetscore.archives.canonical import TWEETS_SCHEMA, TweetBatch
from tweetscore.files import DataFile

__all__ = ["FORMATS", "TWEETS_SCHEMA", "Format", "TweetBatch", "TweetFile", "open_tweets"]


class Format(Protocol):
    """What each module of this package offers."""

    NAME: str
    PLATFORM: str
    NAIVE: bool

    def detect(self, head: bytes) -> bool:
        """Say whether a file that begins with these bytes has this format."""
        ...

    def read(self, file: DataFile) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of a file, in the file's order."""
        ...


@dataclass(frozen=True, slots=True)
class TweetFile:
    """A file of tweets whose format is known."""

    file: DataFile
    format: str
    platform: str
    naive: bool  # True: times carry no zone
    _batches: Callable[[], Iterator[TweetBatch]]

    def read(self) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of the file, in its order; it can be read again."""
        return self._batches()


FORMATS = (cast(Format, tweet_json), cast(Format, trump_csv.TTA), cast(Format, trump_csv.V2))


def open_tweets(file: DataFile) -> TweetFile | None:
    """Recognise a file of tweets by content; None when it is something else."""
    head = file.head()
    for form in FORMATS:
        if form.detect(head):
            return TweetFile(file, form.NAME, form.PLATFORM, form.NAIVE, partial(form.read, file))
    return None

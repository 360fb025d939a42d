"""Tweet archives: one small module per format, found by content.

A format is a module with ``NAME``, ``NAIVE`` (true where its times carry no zone), ``detect(head)``
and ``read(file)``. ``read`` yields batches of canonical tweets with the records it had to reject.
"""

from collections.abc import Iterator
from typing import Protocol, cast

from tweetscore.archives import trump_csv, tweet_json
from tweetscore.archives.canonical import TWEETS_SCHEMA, TweetBatch
from tweetscore.files import DataFile

__all__ = ["FORMATS", "TWEETS_SCHEMA", "Format", "TweetBatch", "find_format"]


class Format(Protocol):
    """What each module of this package offers."""

    NAME: str
    NAIVE: bool

    def detect(self, head: bytes) -> bool:
        """Say whether a file that begins with these bytes has this format."""
        ...

    def read(self, file: DataFile) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of a file, in the file's order."""
        ...


FORMATS = (cast(Format, tweet_json), cast(Format, trump_csv.TTA), cast(Format, trump_csv.V2))


def find_format(head: bytes) -> Format | None:
    """Return the format of a file that begins with these bytes, or None."""
    return next((form for form in FORMATS if form.detect(head)), None)

"""Tweet archives: one small module per format, found by content.

A format is a module with ``NAME``, ``PLATFORM`` (whose ids it has), ``NAIVE`` (true where its
times have no zone), ``detect(head)`` and ``read(source)``. ``read`` yields batches of canonical
tweets with the records it had to reject.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Protocol, cast

from tweetscore.errors import InputError
from tweetscore.io.source import Source
from tweetscore.posts import (
    bluesky,
    csv_layouts,
    mastodon,
    truth_social,
    twarc2,
    tweet_json,
    x_export,
)
from tweetscore.posts.canonical import TweetBatch, TweetFile
from tweetscore.posts.tables import open_table


class Format(Protocol):
    """What the module of a format has."""

    NAME: str
    PLATFORM: str
    NAIVE: bool

    def detect(self, head: bytes) -> bool:
        """Return whether a file that begins with these bytes has this format."""
        ...

    def read(self, source: Source) -> Iterator[TweetBatch]:
        """Yield the tweets and rejects of a file, in the file's order."""
        ...


FORMATS = (
    cast(Format, tweet_json),
    cast(Format, csv_layouts.TTA),
    cast(Format, csv_layouts.V2),
    cast(Format, x_export.ACCOUNT),
    cast(Format, x_export.MONTHS),
    cast(Format, x_export.TWEETS_CSV),
    cast(Format, twarc2),
    cast(Format, truth_social),
    cast(Format, truth_social.CSV),
    cast(Format, mastodon),
    cast(Format, bluesky),
)


def open_tweets(
    source: Source, columns: Mapping[str, str] | None = None, platform: str | None = None
) -> TweetFile | None:
    """Recognise a file of tweets by content; None when it is something else.

    Args:
        source: the file.
        columns: our name to the file's, for a table with columns of its own names; any
            file is then read as a table, even one in a known format.
        platform: whose ids they are, if the format does not decide it.

    Raises:
        InputError: the platform is not that of the format, or one of the reasons of ``open_table``.
    """
    form = next((form for form in FORMATS if form.detect(source.head)), None)
    if columns or not form:
        return open_table(source, columns or {}, platform)
    if platform not in (None, form.PLATFORM):
        raise InputError(
            f"{source.name}: is {form.NAME}, whose ids are those of {form.PLATFORM}; "
            "leave --platform out"
        )
    return TweetFile(source, form.NAME, form.PLATFORM, form.NAIVE, partial(form.read, source))

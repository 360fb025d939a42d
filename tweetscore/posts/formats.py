"""Tweet archives: one small module per format, found by content.

A format is a module with ``NAME``, ``PLATFORM`` (whose ids it holds), ``NAIVE`` (true where its
times carry no zone), ``detect(head)`` and ``read(source)``. ``read`` yields batches of canonical
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
    """What each module of this package offers."""

    NAME: str
    PLATFORM: str
    NAIVE: bool

    def detect(self, head: bytes) -> bool:
        """Say whether a file that begins with these bytes has this format."""
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
        columns: our name to the file's, for a table with columns of its own names; a file is then
            taken for a table, whatever format it may have.
        platform: whose ids they are, where the format does not say it.

    Raises:
        InputError: the platform is not that of the format, or as ``open_table`` has it.
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

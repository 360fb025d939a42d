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
from tweetscore.posts.json_layouts import layout_of
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


# Pages that their formats cut themselves.
_PAGES = (tweet_json.PAGE, bluesky.PAGE, mastodon.OUTBOX)
# The keys of which an object of each format in JSON has one.
_KEYS = {
    tweet_json.NAME: {"text", "full_text", "extended_tweet", "delete"},
    twarc2.NAME: {"text", "data"},
    truth_social.NAME: {"content"},
    mastodon.NAME: {"content"},
    bluesky.NAME: {"uri", "post", "value"},
}


def _format(source: Source) -> tuple[Format, Source] | None:
    """Return the format of a file in one shape."""
    head, names = source.head, set[str]()
    if source.kind == "json":
        found = source.candidates
        objects = found[0].objects if found else []
        if layout := layout_of(objects):
            return cast(Format, layout), source
        names = set[str]().union(*objects)
        if any(page.match(head) for page in _PAGES):
            names |= {"text", "uri", "content"}
    if names and names <= twarc2.BESIDE_TWEETS:  # a page without a tweet
        names.add("data")
    for form in FORMATS:
        known = source.kind != "json" or not _KEYS.get(form.NAME, names).isdisjoint(names)
        if known and form.detect(head):
            return form, source
    return None


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
    is_page = any(page.match(source.head) for page in _PAGES)
    shaped = source.shapes() if source.kind == "json" and not is_page else [source]
    found = next(filter(None, map(_format, shaped)), None) if not columns else None
    if not found:
        tables = (open_table(each, columns or {}, platform) for each in shaped or [source])
        table = next(filter(None, tables), None)
        if not table and source.kind == "json":
            _refuse_tokens(source)
        return table
    form, source = found
    if platform not in (None, form.PLATFORM):
        raise InputError(
            f"{source.name}: is {form.NAME}, whose ids are those of {form.PLATFORM}; "
            "leave --platform out"
        )
    return TweetFile(source, form.NAME, form.PLATFORM, form.NAIVE, partial(form.read, source))


def _refuse_tokens(source: Source) -> None:
    """Refuse posts whose text has been cut into words, as in StockNet's preprocessed tweets.

    Raises:
        InputError: they are.
    """
    found = source.candidates
    text = found[0].objects[0].get("text") if found else None
    if isinstance(text, list) and text and all(isinstance(word, str) for word in text):
        raise InputError(
            f"{source.name}: the text of its posts is a list of tokens ({text[0]!r}, …), and case, "
            "links and spaces are lost; ingest the raw posts that it was made from, or write each "
            "text as one string"
        )

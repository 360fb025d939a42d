"""Tweet archives: one small module per format, found by content.

A format is a module with ``NAME``, ``PLATFORM`` (whose ids it has), ``NAIVE`` (true where its
times have no zone), ``detect(head)`` and ``read(source)``. ``read`` yields batches of canonical
tweets with the records it had to reject.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

from tweetscore.errors import InputError
from tweetscore.io.columns import worded
from tweetscore.io.json_shapes import Candidate, Shape
from tweetscore.io.source import ShapedSource, Source
from tweetscore.io.tables.csv_table import csv_reading
from tweetscore.io.tables.find import find_table
from tweetscore.posts import (
    bluesky,
    csv_layouts,
    mastodon,
    truth_social,
    twarc2,
    tweet_json,
    x_export,
)
from tweetscore.posts.canonical import Late, TweetBatch, TweetFile
from tweetscore.posts.json_layouts import JsonLayout, Paths, layout_of, present
from tweetscore.posts.names import NAMES, with_joined
from tweetscore.posts.tables import is_of_posts, named_late, open_table, shaped_with, table_of


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


# Where formats with modules of their own find what; the first that is there.
_V1: Paths = {"posted": "created_at", "tweet_id": ("id_str", "id"), "author": "user.screen_name"}
_V1_COUNTS: Paths = {"retweet_count": "retweet_count", "favorite_count": "favorite_count"}
_STATUS: Paths = {
    "text": "content",
    "posted": "created_at",
    "tweet_id": "id",
    "author": "account.acct",
    "retweet_count": "reblogs_count",
    "favorite_count": "favourites_count",
}
_PATHS: Mapping[str, Paths] = {
    tweet_json.NAME: {"text": ("full_text", "text"), **_V1, **_V1_COUNTS},
    twarc2.NAME: {
        "text": "text", "posted": "created_at", "tweet_id": "id", "author": "author.username",
        "retweet_count": "public_metrics.retweet_count",
        "favorite_count": "public_metrics.like_count",
    },
    truth_social.NAME: _STATUS,
    mastodon.NAME: _STATUS,
    bluesky.NAME: {
        "text": ("record.text", "post.record.text"), "tweet_id": ("uri", "post.uri"),
        "posted": ("record.createdAt", "post.record.createdAt"),
        "author": "author.handle", "retweet_count": "repostCount", "favorite_count": "likeCount",
    },
}  # fmt: skip


def _format(source: Source) -> tuple[Format, Source] | None:
    """Return the format of a file in one shape."""
    head, names = source.head, set[str]()
    if source.kind == "json":
        found = source.candidates
        objects = found[0].objects if found else []
        if layout := layout_of(objects):
            return cast(Format, layout), source
        names = set[str]().union(*objects)
        if _is_page(head):
            names |= {"text", "uri", "content"}
    if names and names <= twarc2.BESIDE_TWEETS:  # a page without a tweet
        names.add("data")
    for form in FORMATS:
        known = source.kind != "json" or not _KEYS.get(form.NAME, names).isdisjoint(names)
        if known and form.detect(head):
            return form, source
    return None


def _shaped(source: Source) -> list[Source]:
    return source.shapes() if source.kind == "json" and not _is_page(source.head) else [source]


def _is_page(head: bytes) -> bool:
    """Return whether a format cuts a file itself; others have lists called posts, too."""
    others = any(page.match(head) for page in _PAGES if page is not bluesky.PAGE)
    return others or bool(bluesky.PAGE.match(head) and bluesky.detect(head))


@dataclass(frozen=True, slots=True)
class Family:
    """What small files have in common that can be read as one."""

    form: Hashable  # the format, or the columns of a table
    reading: Hashable  # where records begin and end
    skip: int = 0  # lines before the rows of each


def family_of(source: Source, columns: Mapping[str, str]) -> Family | None:
    """Return the family of a small file of posts; None where it has to be opened alone.

    Args:
        source: the file.
        columns: as for ``open_tweets``.

    Raises:
        InputError: a given column is not there.
    """
    if source.kind not in ("json", "lines"):
        return None
    shaped = _shaped(source)
    form: Hashable = None
    if not columns and (found := next(filter(None, map(_format, shaped)), None)):
        own = found[1]
        if _scattered(source, own, found[0]):
            return None
        form = id(found[0]), _taken(*found)
        if found[0].NAME == x_export.ACCOUNT.NAME:  # other files say more of its posts
            return None
    else:
        named = any(columns.values()) and source.kind == "json"
        for own in shaped_with(shaped, columns) if named else shaped:
            table = find_table(own)
            if table and is_of_posts(table, columns):
                if _scattered_rows(source, own, columns):
                    return None
                form = table.kind, table.columns
                break
    if form is None:
        return None
    head = own.head
    if source.kind == "lines":
        reading = csv_reading(source)
        return Family(form, reading, reading.skip) if reading else None
    shape = own.shape if isinstance(own, ShapedSource) else head.lstrip()[:1]
    is_whole = (isinstance(shape, Shape) and shape.cut == "columns") or bluesky.PAGE.match(head)
    opening = tuple(bool(each.match(head)) for each in (*_PAGES, twarc2.ONE_TWEET))
    return None if is_whole else Family(form, (shape, opening))


def open_tweets(
    source: Source,
    columns: Mapping[str, str] | None = None,
    platform: str | None = None,
    clock: str | None = None,
    late: Late | None = None,
) -> TweetFile | None:
    """Recognise a file of tweets by content; None when it is something else.

    Args:
        source: the file.
        columns: our name to the file's, for a table with columns of its own names; any
            file is then read as a table, even one in a known format.
        platform: whose ids they are, if the format does not decide it.
        clock: as for ``open_table``.
        late: likewise.

    Raises:
        InputError: the platform is not that of the format, or one of the reasons of ``open_table``.
    """
    shaped = _shaped(source)
    if any((columns or {}).values()) and source.kind == "json":
        shaped = shaped_with(shaped, columns or {})
        late = late or next(
            filter(None, (named_late(each, columns or {}) for each in shaped)), None
        )
    found = next(filter(None, map(_format, shaped)), None) if not columns else None
    if not found:
        tables = (
            open_table(
                _scattered_rows(source, each, columns or {}, late) or each,
                columns or {},
                platform,
                clock,
                late,
            )
            for each in shaped or [source]
        )
        table = next(filter(None, tables), None)
        if not table and source.kind == "json":
            _refuse_tokens(source)
        return table
    form, own = found
    source = _scattered(source, own, form) or own
    if platform not in (None, form.PLATFORM):
        raise InputError(
            f"{source.name}: is {form.NAME}, whose ids are those of {form.PLATFORM}; "
            "leave --platform out"
        )
    return TweetFile(
        source,
        form.NAME,
        form.PLATFORM,
        form.NAIVE,
        partial(form.read, source),
        taken=_taken(form, source),
        times_of_ids=isinstance(form, JsonLayout) and form.of_ids,
    )


def _scattered(source: Source, own: Source, form: Format) -> Source | None:
    """Return a file of a known format with the posts within others, as replies, if it has any."""
    if source.kind != "json" or _is_page(source.head):
        return None
    if isinstance(form, JsonLayout):  # those of layouts with keys for them are read anyway
        return None if form.nested else source.scattered(own, form.keys, always=form.nests)
    if form.NAME == twarc2.NAME:  # its pages name the authors
        return None
    paths = present(_PATHS.get(form.NAME, {}), own.candidates[0].objects)
    names = [paths[ours][0] for ours in ("text", "posted") if ours in paths]
    return source.scattered(own, names) if len(names) > 1 else None


def _scattered_rows(
    source: Source, own: Source, columns: Mapping[str, str], late: Late | None = None
) -> Source | None:
    """Return a table in JSON with the rows within others, if it has any.

    Raises:
        InputError: a given column is not there.
    """
    table = table_of(own, late) if source.kind == "json" else None
    if not table or not is_of_posts(table, columns):
        return None
    table, given = with_joined(table, columns)
    taken = table.match(NAMES, given).taken
    names = [name for ours in ("text", "posted") for name in taken[ours].split("+")]
    return source.scattered(own, names, always=late is not None and late.nests)


def _taken(form: Format, source: Source) -> str:
    """Describe which column is taken for what."""
    if isinstance(form, JsonLayout | csv_layouts.CsvLayout):
        return form.taken(source)
    found = [present(_PATHS[form.NAME], each.objects) for each in _candidates(form, source)]
    taken = next((each for each in found if each.get("text")), {})
    return worded(taken, (), {}) if taken else ""


def _candidates(form: Format, source: Source) -> list[Candidate]:
    """Return the shapes that show the keys of a format in JSON."""
    return source.candidates if source.kind == "json" and form.NAME in _PATHS else []


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

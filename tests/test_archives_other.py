"""The archive of twelve posts in the forms of other platforms, and of Twitter's API v2."""

import csv
import io
import json
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from posts import POSTS, Post, assert_same_tweets, at, read_all, stored_as

from tweetscore.errors import InputError
from tweetscore.io import records as files
from tweetscore.io.clocks import Clock
from tweetscore.io.open import data_files
from tweetscore.io.records import BLOCK_BYTES, BOM
from tweetscore.io.source import sniff
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.clock import TweetAudit, TweetClock, id_times
from tweetscore.posts.formats import FORMATS, open_tweets
from tweetscore.posts.markup import plain_text

Object = dict[str, Any]


# --- the forms ------------------------------------------------------------------------------------


def lines(objects: Iterable[Object]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)


def iso(posted: datetime) -> str:
    return f"{posted.isoformat(timespec='milliseconds')}Z"


def v2(post: Post, *, flat: bool = False, author: str = "Some_1") -> Object:
    """A tweet of the API v2; flat, with its author and the retweeted tweet inside."""
    tweet: Object = {
        "id": str(post.id),
        "created_at": iso(post.posted),
        "text": post.text,
        "author_id": "25073877",
        "public_metrics": {
            "retweet_count": post.retweets,
            "reply_count": 3,
            "like_count": post.favorites,
        },
        "edit_history_tweet_ids": [str(post.id)],
    }
    replied: Object = {"type": "replied_to", "id": "8"}
    retweeted: Object = {"type": "retweeted", "id": "7"}
    if flat:
        tweet["author"] = {"id": "25073877", "username": author, "created_at": iso(at(0))}
        replied |= {"text": "A question", "author": {"username": "asker"}}
        retweeted |= {"text": "Passed on", "author": {"username": "someone"}}
    if post.is_retweet:
        tweet["text"] = "RT @someone: Pass…"
        tweet["referenced_tweets"] = [replied, retweeted]
    elif post.id == 1:
        tweet["referenced_tweets"] = [replied]
    return tweet


def included(author: str = "Some_1") -> Object:
    users = [{"id": "9", "username": "asker"}, {"id": "25073877", "username": author}]
    question = {"id": "8", "text": "A question", "author_id": "9", "created_at": iso(at(0))}
    original = {"id": "7", "text": "Passed on", "author_id": "9", "created_at": iso(at(0))}
    return {"users": users, "tweets": [question, original], "media": [{"media_key": "3_1"}]}


def page_of(posts: list[Post]) -> Object:
    return {"data": [v2(post) for post in posts], "includes": included(), "meta": {}}


def v2_pages(*sizes: int) -> list[Object]:
    """Pages of so many tweets each; between them what twarc2 writes when there is nothing."""
    rest, pages = list(POSTS), []
    for size in sizes:
        page, rest = rest[:size], rest[size:]
        pages += [
            page_of(page),
            {"meta": {"result_count": 0}},
            {"errors": [{"title": "Not Found Error", "resource_id": "5"}]},
        ]
    assert not rest
    return pages


def streamed(post: Post) -> Object:
    return {"data": v2(post), "includes": included(), "matching_rules": [{"id": "1", "tag": "a"}]}


V2_FORMS: dict[str, Callable[[], bytes]] = {
    "pages": lambda: lines(v2_pages(5, 7)),
    "one page": lambda: lines(v2_pages(12)),
    "pages after an empty one and a byte order mark": lambda: (
        BOM + b'{"meta": {"result_count": 0}}\n' + lines(v2_pages(1, 11))
    ),
    "pages with sorted keys": lambda: b"".join(
        json.dumps(page, sort_keys=True).encode() + b"\r\n" for page in v2_pages(3, 9)
    ),
    "pages in an array": lambda: json.dumps(v2_pages(4, 4, 4), indent=1).encode(),
    "streamed": lambda: lines(streamed(post) for post in POSTS),
    "streamed and a page": lambda: lines([streamed(POSTS[0]), page_of(POSTS[1:])]),
    "a page and streamed": lambda: lines([page_of(POSTS[:-1]), streamed(POSTS[-1])]),
    "flat": lambda: lines(v2(post, flat=True) for post in POSTS),
    "flat in an array": lambda: json.dumps([v2(p, flat=True) for p in POSTS]).encode(),
    "flat and a page": lambda: lines([v2(POSTS[0], flat=True), page_of(POSTS[1:])]),
}


def rendered(text: str) -> str:
    """The HTML that Mastodon makes of a text: links are shortened but whole."""

    def piece(word: str) -> str:
        if link := re.fullmatch(r"(https?://)(.{1,5})(.*)", word):
            first, middle, last = map(escape, link.groups())
            hidden = f'<span class="ellipsis">{middle}</span><span class="invisible">{last}</span>'
            shown = f'<span class="invisible">{first}</span>{hidden}'
            return f'<a href="{escape(word)}" rel="nofollow noopener" target="_blank">{shown}</a>'
        if tag := re.fullmatch(r"#(\w+)", word):
            return f'<a href="https://a.example/tags/{tag[1]}" rel="tag">#<span>{tag[1]}</span></a>'
        if name := re.fullmatch(r"@(\w+)(:?)", word):
            link_ = f'<a href="https://a.example/@{name[1]}" class="u-url mention">'
            return f'<span class="h-card">{link_}@<span>{name[1]}</span></a></span>{name[2]}'
        return "<br>" if word == "\n" else escape(word)

    return "<p>" + "".join(map(piece, re.split("([ \n])", text))) + "</p>"


def truth(post: Post) -> Object:
    """A post in a public archive of Truth Social."""
    return {
        "id": str(post.id),
        "created_at": iso(post.posted),
        "content": rendered(post.text),
        "url": f"https://truthsocial.com/@Some_1/{post.id}",
        "media": ["https://static.example/1.jpg"],
        "replies_count": 3,
        "reblogs_count": post.retweets,
        "favourites_count": post.favorites,
    }


def truth_csv(quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(truth(POSTS[0])), quoting=quoting, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**truth(post), "media": "a.jpg,b.jpg"} for post in POSTS)
    return out.getvalue().encode()


def status(post: Post, host: str, acct: str = "Some_1", number: Any = str) -> Object:
    """A status of the API of Mastodon, which Truth Social's is, too."""
    found: Object = {
        "id": number(post.id),
        "created_at": iso(post.posted),
        "uri": f"https://{host}/users/Some_1/statuses/{post.id}",
        "url": f"https://{host}/@Some_1/{post.id}",
        "replies_count": 3,
        "reblogs_count": post.retweets,
        "favourites_count": post.favorites,
        "content": rendered(post.text),
        "reblog": None,
        "account": {"id": "1", "acct": acct, "url": f"https://{host}/@Some_1", "emojis": []},
        "card": {"url": "https://truthsocial.com/@other/1", "title": "A linked page"},
    }
    if post.is_retweet:
        original = status(Post(7, post.posted, "Passed on", 9, 9), host, "someone")
        found |= {"content": "", "url": None, "uri": found["uri"] + "/activity"}
        found |= {"url": f"https://{host}/@Some_1/{post.id}", "reblog": original}
    return found


def statuses(host: str, **other: Any) -> list[Object]:
    return [status(post, host, **other) for post in POSTS]


def activity(post: Post, actor: str = "https://a.example/users/Some_1") -> Object:
    """A post as in an account's export."""
    address = f"https://a.example/users/Some_1/statuses/{post.id}"
    return {
        "id": f"{address}/activity",
        "type": "Create",
        "actor": actor,
        "published": f"{post.posted.isoformat()}Z",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "cc": [f"{actor}/followers"],
        "object": {
            "id": address,
            "type": "Note",
            "published": f"{post.posted.isoformat()}Z",
            "url": f"https://a.example/@Some_1/{post.id}",
            "content": rendered(post.text),
            "contentMap": {"en": rendered(post.text)},
            "attachment": [],
            "likes": {"id": f"{address}/likes", "type": "Collection", "totalItems": post.favorites},
            "shares": {"type": "Collection", "totalItems": post.retweets},
        },
    }


def boost(number: int) -> Object:
    address = f"https://a.example/users/Some_1/statuses/{number}/activity"
    return {
        "id": address,
        "type": "Announce",
        "actor": "https://a.example/users/Some_1",
        "published": "2018-12-02T21:40:51Z",
        "object": "https://b.example/users/other/statuses/5",
    }


def outbox(items: list[Object], **besides: Any) -> Object:
    context = ["https://www.w3.org/ns/activitystreams", {"ostatus": "http://ostatus.org#"}]
    head = {"@context": context, "id": "outbox.json", "type": "OrderedCollection"}
    return {**head, "totalItems": len(items), "orderedItems": items, **besides}


OUTBOX = outbox([activity(post) for post in POSTS])

TID_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"


def tid(number: int) -> str:
    return "".join(TID_DIGITS[number >> 5 * place & 31] for place in range(12, -1, -1))


def view(post: Post) -> Object:
    """A post of Bluesky as the API shows it."""
    return {
        "uri": f"at://did:plc:abc/app.bsky.feed.post/{tid(post.id)}",
        "cid": "bafyrei",
        "author": {"did": "did:plc:abc", "handle": "some-1.bsky.social", "labels": []},
        "record": {
            "$type": "app.bsky.feed.post",
            "createdAt": iso(post.posted),
            "text": post.text,
            "facets": [{"index": {"byteStart": 0, "byteEnd": 1}}],
        },
        "replyCount": 1,
        "repostCount": post.retweets,
        "likeCount": post.favorites,
        "indexedAt": iso(at(99)),
    }


def feed_item(post: Post) -> Object:
    by = {"by": {"handle": "some-1.bsky.social"}, "indexedAt": iso(at(99))}
    pin, repost = ({"$type": f"app.bsky.feed.defs#reason{kind}"} for kind in ("Pin", "Repost"))
    if post.id == 1:
        return {"post": view(post), "reason": pin}
    return {"post": view(post), **({"reason": {**repost, **by}} if post.is_retweet else {})}


def raw_record(post: Post) -> Object:
    shown = view(post)
    return {"uri": shown["uri"], "cid": shown["cid"], "value": shown["record"]}


VIEWS = [view(post) for post in POSTS]
FEED = [feed_item(post) for post in POSTS]
RECORDS = [raw_record(post) for post in POSTS]


def json_forms(objects: list[Object]) -> dict[str, Callable[[], bytes]]:
    """The layouts that a list of objects comes in."""
    return {
        "lines": lambda: lines(objects),
        "array": lambda: json.dumps(objects, ensure_ascii=False, separators=(",", ":")).encode(),
        "pretty after a byte order mark": lambda: BOM + json.dumps(objects, indent=2).encode(),
        "pretty with CRLF": lambda: json.dumps(objects, indent="\t").replace("\n", "\r\n").encode(),
        "slashes escaped": lambda: lines(objects).replace(b"/", b"\\/"),
    }


def page_forms(name: str, objects: list[Object]) -> dict[str, Callable[[], bytes]]:
    """The layouts of the pages that a list of objects comes in."""
    whole = {name: objects, "cursor": "2018-12-02T21:40:51Z::bafy"}
    first: Object = {name: objects[:5], "cursor": "a"}
    pages: list[Object] = [first, {"cursor": "b", name: []}, {name: objects[5:]}]
    return {
        "a page": lambda: json.dumps(whole).encode(),
        "a page, pretty": lambda: BOM + json.dumps({"cursor": "a", **whole}, indent=2).encode(),
        "a page that counts": lambda: json.dumps({**whole, "hitsTotal": 12}).encode() + b"\n",
        "a page a line": lambda: lines(pages),
        "pages and posts": lambda: lines([first, *objects[5:]]),
    }


def named(prefix: str, forms: dict[str, Callable[[], bytes]]) -> dict[str, Callable[[], bytes]]:
    return {f"{prefix}, {name}": form for name, form in forms.items()}


TRUTH_FORMS: dict[str, Callable[[], bytes]] = {
    **named("truths", json_forms([truth(post) for post in POSTS])),
    **named("api", json_forms(statuses("truthsocial.com"))),
    "api, ids as numbers": lambda: lines(statuses("truthsocial.com", number=int)),
    "api, sorted keys": lambda: json.dumps(statuses("truthsocial.com"), sort_keys=True).encode(),
    "csv": truth_csv,
    "csv, all quoted, CRLF": lambda: truth_csv(csv.QUOTE_ALL).replace(b"\n", b"\r\n"),
    "csv after a byte order mark": lambda: BOM + truth_csv(),
}
MASTODON_FORMS: dict[str, Callable[[], bytes]] = {
    **named("api", json_forms(statuses("a.example"))),
    "api of another server": lambda: lines(
        {**found, "id": "5"} for found in statuses("a.example", acct="Some_1@a.example")
    ),
    "api without uri": lambda: lines({**found, "uri": None} for found in statuses("a.example")),
}
OUTBOX_FORMS: dict[str, Callable[[], bytes]] = {
    "compact": lambda: json.dumps(OUTBOX, separators=(",", ":")).encode(),
    "pretty after a byte order mark": lambda: BOM + json.dumps(OUTBOX, indent=2).encode(),
    "sorted keys": lambda: json.dumps(OUTBOX, sort_keys=True).encode() + b"\n",
    "more behind": lambda: json.dumps({**OUTBOX, "first": "x", "n": 5}, indent=1).encode(),
    "an account without its name": lambda: json.dumps(
        outbox([activity(post, "https://a.example/ap/users/115") for post in POSTS])
    ).encode(),
    "slashes escaped": lambda: json.dumps(OUTBOX).replace("/", "\\/").encode(),
}
FORMS: dict[str, dict[str, Callable[[], bytes]]] = {
    "twarc2": V2_FORMS,
    "truth": TRUTH_FORMS,
    "mastodon": MASTODON_FORMS,
    "outbox": OUTBOX_FORMS,
    "feed": json_forms(FEED) | page_forms("feed", FEED),
    "posts": json_forms(VIEWS) | page_forms("posts", VIEWS),
    "records": json_forms(RECORDS) | page_forms("records", RECORDS),
}
EVERY_FORM = [(kind, name) for kind, forms in FORMS.items() for name in forms]
JSON_FORMS = [(kind, name) for kind, name in EVERY_FORM if "csv" not in name]
COUNTS = {
    "retweet_count": [post.retweets for post in POSTS],
    "favorite_count": [post.favorites for post in POSTS],
}
FLAGS = {"is_retweet": [bool(post.is_retweet) for post in POSTS]}
# Kind: platform, author, and the columns it cannot express: the value it has, and the right ones.
EXPECTED: dict[str, tuple[str, str, list[tuple[Any, dict[str, list[Any]]]]]] = {
    "twarc2": ("twitter", "Some_1", []),
    "truth": ("truthsocial", "Some_1", []),
    "mastodon": ("mastodon", "Some_1@a.example", []),
    "outbox": ("mastodon", "Some_1@a.example", [(False, FLAGS)]),
    "feed": ("bluesky", "some-1.bsky.social", []),
    "posts": ("bluesky", "some-1.bsky.social", [(False, FLAGS)]),
    "records": ("bluesky", "did:plc:abc", [(False, FLAGS), (None, COUNTS)]),
}


def read_form(tmp_path: Path, form: bytes, block_bytes: int = BLOCK_BYTES) -> TweetBatch:
    return read_all(stored_as(tmp_path / "archive", form), block_bytes)


@pytest.mark.parametrize(("kind", "name"), EVERY_FORM)
def test_every_form_gives_the_same_posts_and_their_places_in_many_blocks(
    tmp_path: Path, kind: str, name: str
) -> None:
    hold_form(kind, name, read_form(tmp_path, FORMS[kind][name](), 4_000))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), EVERY_FORM)
def test_every_form_gives_the_same_in_one_block_as_in_many(
    tmp_path: Path, kind: str, name: str
) -> None:
    content = FORMS[kind][name]()
    read = read_form(tmp_path, content)
    assert read_form(tmp_path, content, 4_000).tweets.equals(read.tweets)
    hold_form(kind, name, read)


def hold_form(kind: str, name: str, read: TweetBatch) -> None:
    content = FORMS[kind][name]()
    platform, author, inexpressible = EXPECTED[kind]
    for line, offset, tweet_id in read.tweets.select("line", "byte_offset", "tweet_id").rows():
        assert chr(content[offset]) in ('19"' if "csv" in name else "{")
        assert line == 1 + content[:offset].count(b"\n")
        written = tid(tweet_id) if platform == "bluesky" else str(tweet_id)
        assert written.encode() in content[offset : offset + 30_000]
    for other_value, right in inexpressible:
        for column, values in right.items():
            assert read.tweets[column].to_list() == [other_value] * 12
            read = replace(read, tweets=read.tweets.with_columns(pl.Series(column, values)))
    assert_same_tweets(read, platform=platform, author=author, unknown_flag=False)


def test_each_form_is_recognised_by_one_format_only() -> None:
    names = {
        "twitter": "twarc2-json",
        "truthsocial": "truth-social-json",
        "mastodon": "mastodon-json",
        "bluesky": "bluesky-json",
    }
    for kind, name in EVERY_FORM:
        head = FORMS[kind][name]().removeprefix(BOM)
        expected = "truth-social-csv" if "csv" in name else names[EXPECTED[kind][0]]
        assert [form.NAME for form in FORMATS if form.detect(head)] == [expected]


@pytest.mark.parametrize(
    "head",
    [
        json.dumps({"orderedItems": ["https://a.example/users/b/statuses/1"]}).encode(),
        json.dumps({"data": [{"id": "1", "username": "a", "created_at": iso(at(0))}]}).encode(),
        lines([{"uri": "at://did:plc:a/app.bsky.feed.like/3k", "value": {"createdAt": "2024"}}]),
        b'{"meta": {"result_count": 0}}\n',
        b"id,created_at,content,url\n",
        b'[{"id": "1", "created_at": "2025-10-31T18:09:12.335Z", "content": "<p>a</p>"}]',
    ],
)
def test_what_only_looks_like_one_of_them_is_left_alone(head: bytes) -> None:
    assert not any(form.detect(head) for form in FORMATS)


# --- what single forms carry ----------------------------------------------------------------------


def texts_of(tmp_path: Path, *objects: Object) -> list[str]:
    read = read_form(tmp_path, lines(objects))
    assert read.rejects.rows() == []
    return read.tweets["text"].to_list()


LONG = "A text of more than 280 characters, " * 9


def retweet(words: str, **original: Any) -> Object:
    refers = {"type": "retweeted", "id": "7", **original}
    return {**v2(POSTS[0]), "text": words, "referenced_tweets": [refers]}


@pytest.mark.parametrize(
    ("tweet", "includes", "text"),
    [
        (retweet("RT @a_1: Cu…"), [{"id": "7", "text": "Cut\nhere"}], "RT @a_1: Cut\nhere"),
        (retweet("RT @a_1: C\nu…"), [{"id": "7", "text": "C\nut"}], "RT @a_1: C\nut"),
        (retweet("RT @a: A te…"), [{"id": "7", "text": "A te…", "note_tweet": {"text": LONG}}],
         f"RT @a: {LONG}"),
        (retweet("RT @a: Cu…"), [{"id": "8", "text": "Cut"}], "RT @a: Cu…"),
        (retweet("RT @a: Cu…"), None, "RT @a: Cu…"),
        (retweet("RT @a: Whole"), [{"id": "7", "text": "Another"}], "RT @a: Whole"),
        (retweet("Cut…"), [{"id": "7", "text": "Another"}], "Cut…"),
        (retweet("RT @a: Cu…", text="Cut"), None, "RT @a: Cut"),
        (retweet("RT @a: Cu…", text="Cu…", note_tweet={"text": LONG}), None, f"RT @a: {LONG}"),
        ({**v2(POSTS[0]), "text": "A te…", "note_tweet": {"text": LONG}}, None, LONG),
        ({**retweet("Ah. RT @a: Cu…"),
          "referenced_tweets": [{"type": "quoted", "id": "7", "text": "Cut"}]}, None,
         "Ah. RT @a: Cu…"),
    ],
)  # fmt: skip
def test_cut_texts_are_completed_where_the_whole_is_at_hand(
    tmp_path: Path, tweet: Object, includes: list[Object] | None, text: str
) -> None:
    page = {"data": [tweet], **({"includes": {"tweets": includes}} if includes else {})}
    forms = [page, {**page, "data": tweet}, *([] if includes else [tweet])]
    for form in forms:
        assert texts_of(tmp_path, form) == [text]


def test_each_page_has_its_own_authors_and_context(tmp_path: Path) -> None:
    tweets = [retweet("RT @a: C…"), v2(POSTS[1])]
    called = {**included("a"), "tweets": [{"id": "7", "text": "Called"}]}
    twice = {**included("b"), "users": included("b")["users"] * 2}
    pages: list[Object] = [
        {"data": tweets, "includes": called},
        {"data": tweets, "includes": twice},
        {"data": [v2(POSTS[2])]},
    ]
    read = read_form(tmp_path, lines(pages)).tweets
    assert read["author"].to_list() == ["a", "a", "b", "b", None]
    assert read["text"].to_list()[:3:2] == ["RT @a: Called", "RT @a: Passed on"]
    assert read["line"].to_list() == [1, 1, 2, 2, 3]


def test_twarc2_wrote_down_when_it_read_the_counts(tmp_path: Path) -> None:
    read_at = {"__twarc": {"version": "2.0", "retrieved_at": "2021-04-08T19:34:32+00:00"}}
    content = lines([{**page_of(POSTS[:2]), **read_at}, page_of(POSTS[2:3])])
    moment = datetime(2021, 4, 8, 19, 34, 32)
    read = read_form(tmp_path, content)
    assert read.tweets["counts_as_of_utc"].to_list() == [moment, moment, None]
    content = lines([{**v2(POSTS[0], flat=True), **read_at}, v2(POSTS[1], flat=True)])
    read = read_form(tmp_path, content)
    assert read.tweets["counts_as_of_utc"].to_list() == [moment, None]


@pytest.mark.parametrize(
    ("html", "flag"),
    [
        ('<p>RT <span class="h-card"><a href="https://t.example/@a">@<span>a</span></a></span>b',
         True),
        ('<p><span class="quote-inline"><br/>RT: https://truthsocial.com/users/a/statuses/1</span>',
         True),
        ('<p>Look<span class="quote-inline"><br/>RT: https://truthsocial.com/users/a/1</span></p>',
         False),
        ("<p>RTs of mine</p>", False),
        ("<p>Not RT @a</p>", False),
    ],
)  # fmt: skip
def test_an_archive_of_truth_social_shows_a_retruth_by_its_text(
    tmp_path: Path, html: str, flag: bool
) -> None:
    read = read_form(tmp_path, lines([{**truth(POSTS[0]), "content": html}]))
    assert read.tweets["is_retweet"].to_list() == [flag]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([truth(POSTS[0]), {**truth(POSTS[0]), "content": html}.values()])
    assert read_form(tmp_path, out.getvalue().encode()).tweets["is_retweet"].to_list() == [flag]


def test_a_post_of_media_alone_has_an_empty_text(tmp_path: Path) -> None:
    for content in ("", "<p></p>", "<p> </p>".replace(" ", "")):
        assert texts_of(tmp_path, {**truth(POSTS[0]), "content": content}) == [""]
        assert texts_of(tmp_path, {**status(POSTS[0], "a.example"), "content": content}) == [""]


def test_what_else_stands_in_an_outbox_is_a_reject_with_its_reason(tmp_path: Path) -> None:
    odd = [
        {**activity(POSTS[1]), "type": "Update"},
        {**activity(POSTS[1]), "type": None},
        {**activity(POSTS[1]), "object": [1]},
        {**activity(POSTS[1]), "object": {"id": "https://p.example/objects/5", "content": "a"}},
    ]
    items = [boost(1), activity(POSTS[0]), boost(2), *odd, activity(POSTS[2]), boost(3)]
    content = json.dumps(outbox(items), indent=1).encode()
    read = read_form(tmp_path, content)
    assert read.rows_read == 9
    assert read.tweets["tweet_id"].to_list() == [POSTS[0].id, POSTS[2].id]
    reasons = read.rejects["reason"].to_list()
    assert reasons.count("a boost has no text") == 3
    not_a_post = "an activity of type '{}' is not a post"
    assert reasons[2:4] == [not_a_post.format("Update"), not_a_post.format("")]
    assert reasons[4].startswith("cannot be parsed: ")
    assert reasons[5] == (
        "\"tweet_id\" is not a 64-bit whole number: 'https://p.example/objects/5'"
    )
    places = [content.index(b'"object": "https://b.example'), content.rindex(b'"Announce"')]
    assert read.rejects["byte_offset"].is_between(0, places[1]).all()
    for line, offset in read.rejects.select("line", "byte_offset").rows():
        assert content[offset : offset + 1] == b"{"
        assert line == 1 + content[:offset].count(b"\n")


def test_a_status_of_a_server_with_other_ids_keeps_the_number_of_the_server_that_showed_it(
    tmp_path: Path,
) -> None:
    for uri in ("https://g.example/users/a/statuses/01HE7", "https://p.example/objects/5f-1"):
        shown = {**status(POSTS[0], "a.example"), "uri": uri}
        read = read_form(tmp_path, lines([shown]))
        assert read.tweets["tweet_id"].to_list() == [POSTS[0].id]


@pytest.mark.parametrize(
    "key", ["self", "3jzfcijpj2z2", "3jzfcijpj2z2aa", "zzzzzzzzzzzzz", "1069432000000", "c" * 13,
            "3JZFCIJPJ2Z2A", "12345"],
)  # fmt: skip
def test_a_bluesky_key_that_is_no_tid_is_a_reject(tmp_path: Path, key: str) -> None:
    uri = f"at://did:plc:abc/app.bsky.feed.post/{key}"
    read = read_form(tmp_path, lines([{**VIEWS[0], "uri": uri}, VIEWS[1]]))
    assert read.tweets["tweet_id"].to_list() == [POSTS[1].id]
    assert read.rejects["reason"].to_list() == [
        f"\"tweet_id\" is not a 64-bit whole number: '{uri[:60]}'"
    ]


@examples(30)
@given(st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=9))
def test_every_tid_is_decoded_exactly(numbers: list[int]) -> None:
    read = read_temporary(lines(view(POSTS[0]._replace(id=number)) for number in numbers))
    assert read.tweets["tweet_id"].to_list() == numbers


@pytest.mark.parametrize(
    ("written", "microsecond"),
    [
        ("2018-12-02T21:40:51Z", 0),
        ("2018-12-02T21:40:51z", 0),
        ("2018-12-02T16:40:51-05:00", 0),
        ("2018-12-03T03:10:51.5+05:30", 500_000),
        ("2018-12-02T21:40:51.123Z", 123_000),
        ("2018-12-02T21:40:51.123456Z", 123_456),
        ("2018-12-02T21:40:51.123456789Z", 123_456),
        ("2018-12-02T21:40:51.123456+00:00", 123_456),
        ("2018-12-02T21:40:51.1-0000", 100_000),
    ],
)
def test_a_time_has_any_fraction_and_any_offset(
    tmp_path: Path, written: str, microsecond: int
) -> None:
    post = POSTS[0]
    shown = {**view(post), "record": {**view(post)["record"], "createdAt": written}}
    of_activity = {**activity(post)["object"], "published": written}
    for content in (
        lines([shown]),
        lines([{**v2(post), "created_at": written}]),
        lines([{**truth(post), "created_at": written}]),
        lines([{**status(post, "a.example"), "created_at": written}]),
        json.dumps(outbox([{**activity(post), "object": of_activity}])).encode(),
    ):
        moment = datetime(2018, 12, 2, 21, 40, 51, microsecond)
        assert read_form(tmp_path, content).tweets["posted"].to_list() == [moment]


# --- bad records ----------------------------------------------------------------------------------

BAD_VALUES: list[tuple[str, Any, str]] = [
    ("id", None, "has no id"),
    ("id", "12a", "\"tweet_id\" is not a 64-bit whole number: '12a'"),
    ("id", 2**63, "\"tweet_id\" is not a 64-bit whole number: '9223372036854775808'"),
    ("time", None, "has no time of posting"),
    ("time", "2018-12-02T21:40:51", "\"posted\" is not a date: '2018-12-02T21:40:51'"),
    ("text", None, "has no text"),
]


def bad_tweet(field: str, value: Any) -> Object:
    tweet = v2(POSTS[1]) | {"text": "Bad"}
    if field == "likes":
        return tweet | {"public_metrics": {"like_count": value}}
    return tweet | {{"time": "created_at"}.get(field, field): value}


def bad_status(field: str, value: Any) -> Object:
    keys = {"time": "created_at", "text": "content", "likes": "favourites_count"}
    return truth(POSTS[1]) | {keys.get(field, field): value}


def bad_view(field: str, value: Any) -> Object:
    shown = view(POSTS[1])
    if field == "id":
        return shown | {"uri": value and f"{value}"}
    if field == "likes":
        return shown | {"likeCount": value}
    return shown | {"record": shown["record"] | {{"time": "createdAt"}.get(field, field): value}}


BAD_OBJECTS: dict[str, tuple[Callable[[Post], Object], Callable[[str, Any], Object]]] = {
    "twarc2": (v2, bad_tweet),
    "truth": (truth, bad_status),
    "bluesky": (view, bad_view),
}


@pytest.mark.parametrize(("field", "value", "reason"), BAD_VALUES)
@pytest.mark.parametrize("kind", BAD_OBJECTS)
def test_a_bad_value_is_a_reject_with_its_place_and_its_neighbours_survive(
    tmp_path: Path, kind: str, field: str, value: Any, reason: str
) -> None:
    good, bad = BAD_OBJECTS[kind]
    objects = [good(POSTS[0]), bad(field, value), good(POSTS[2])]
    for content in (lines(objects), json.dumps(objects, indent=1).encode()):
        read = read_form(tmp_path, content)
        assert read.rows_read == 3
        assert read.tweets["tweet_id"].to_list() == [POSTS[0].id, POSTS[2].id]
        assert read.rejects["reason"].to_list() == [reason]
        (offset,) = read.rejects["byte_offset"]
        assert content.startswith(b"{", offset)
        assert read.rejects["line"].to_list() == [1 + content[:offset].count(b"\n")]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        *((bad_tweet(field, value), reason) for field, value, reason in BAD_VALUES),
        (5, "cannot be parsed: "),
        ("text", "cannot be parsed: "),
        ([1], "cannot be parsed: "),
        (None, "has no id"),
        ({}, "has no id"),
        (v2(POSTS[1]) | {"public_metrics": 5}, "cannot be parsed: "),
        (v2(POSTS[1]) | {"author": "Some_1"}, "cannot be parsed: "),
        (v2(POSTS[1]) | {"referenced_tweets": [5]}, "cannot be parsed: "),
    ],
)
def test_a_bad_tweet_inside_a_page_has_the_place_of_the_page_and_costs_no_other(
    tmp_path: Path, bad: Any, reason: str
) -> None:
    page = {"data": [v2(POSTS[0]), bad, v2(POSTS[2])], "includes": included()}
    content = b"\n" + lines([page_of(POSTS[3:5]), page])
    read = read_form(tmp_path, content)
    assert read.rows_read == 5
    assert read.tweets["tweet_id"].to_list() == [POSTS[n].id for n in (3, 4, 0, 2)]
    assert set(read.tweets["author"]) == {"Some_1"}
    ((line, offset, found, raw),) = read.rejects.rows()
    assert (line, offset) == (3, content.rindex(b'{"data"'))
    assert found.startswith(reason)
    assert raw


def test_a_page_that_is_no_json_is_one_reject(tmp_path: Path) -> None:
    cut = lines([page_of(POSTS)])[:-400]
    read = read_form(tmp_path, lines([page_of(POSTS[:2])]) + cut + b"\n" + lines([v2(POSTS[2])]))
    assert (read.rows_read, read.tweets.height) == (4, 3)
    ((line, offset, reason, raw),) = read.rejects.rows()
    assert (line, offset) == (2, len(lines([page_of(POSTS[:2])])))
    assert reason.startswith("cannot be parsed: ")
    assert raw == cut.decode()[: files.RAW_CHARACTERS]


def test_a_page_with_damaged_context_or_foreign_data_is_one_reject(tmp_path: Path) -> None:
    bad: list[Object] = [{**page_of(POSTS), "includes": 5}, {"data": 5}, {"other": 1}]
    read = read_form(tmp_path, lines([page_of(POSTS[:1]), *bad]))
    assert (read.rows_read, read.tweets.height) == (4, 1)
    assert read.rejects["line"].to_list() == [2, 3, 4]


@pytest.mark.parametrize("written", ["1.0694320000000001e18", "1069432000000000001.0"])
def test_ids_that_were_floats_are_refused_never_rounded(tmp_path: Path, written: str) -> None:
    rounded = json.dumps(POSTS[0].id)
    for one in (v2(POSTS[0]), truth(POSTS[0]), {"data": [v2(POSTS[0])]}, {"data": v2(POSTS[0])}):
        content = lines([one]).replace(f'"id": "{rounded}"'.encode(), f'"id": {written}'.encode())
        with pytest.raises(InputError, match=re.escape(written)):
            read_form(tmp_path, content)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), EVERY_FORM)
def test_damage_never_breaks_a_reader_and_every_row_is_accounted_for(
    tmp_path: Path, kind: str, name: str
) -> None:
    damaged = bytearray(FORMS[kind][name]())
    chance = random.Random(kind + name)
    for _ in range(chance.randint(1, 3)):
        place, width = chance.randrange(len(damaged)), chance.choice([0, 1, 1, 30])
        damaged[place : place + width] = chance.choice([b"", b'"', b"{", b"]", b"\xff", b"\n"])
    (file,) = data_files(stored_as(tmp_path / "archive", bytes(damaged)))
    opened = open_tweets(sniff(file))
    for batch in opened.read() if opened else ():
        assert batch.rows_read == batch.tweets.height + batch.rejects.height
        assert batch.rejects["byte_offset"].is_between(0, len(damaged)).all()
        assert batch.rejects["line"].is_between(1, 1 + damaged.count(b"\n")).all()


@pytest.mark.parametrize(("kind", "name"), JSON_FORMS)
def test_a_cut_off_file_loses_its_last_record_only(tmp_path: Path, kind: str, name: str) -> None:
    content = FORMS[kind][name]()
    inside = content.rindex(b":", 0, len(content) * 2 // 3)
    read = read_form(tmp_path, content[:inside])
    assert read.rows_read == read.tweets.height + read.rejects.height
    assert read.rejects.height == 1


@pytest.mark.parametrize("name", [name for name in TRUTH_FORMS if name.startswith("csv")])
def test_a_row_of_too_few_fields_is_a_reject(tmp_path: Path, name: str) -> None:
    content = TRUTH_FORMS[name]().rstrip()
    place = read_form(tmp_path, content).tweets["byte_offset"][-1]
    for end in (place + 9, content.rindex(b",") - 1, content.rindex(b",")):
        read = read_form(tmp_path, content[:end])
        assert (read.rows_read, read.tweets.height) == (12, 11)
        assert read.rejects["byte_offset"].to_list() == [place]
        assert read.rejects["reason"][0].startswith("cannot be parsed: ")


# --- HTML -----------------------------------------------------------------------------------------


def shown(*html: str | None) -> list[str | None]:
    column = pl.DataFrame({"html": html}, schema={"html": pl.String})
    return column.select(plain_text(pl.col("html"))).to_series().to_list()


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain, no HTML at all", "plain, no HTML at all"),
        ("<p>One</p><p>two</p>", "One\n\ntwo"),
        ("<p>One<br>two<br/>three<br />four</p>", "One\ntwo\nthree\nfour"),
        ("<P CLASS='x'>One</P >\n <p>two</p>", "One\n\ntwo"),
        ("<div><p>One</p></div><div><p>two</p></div>", "One\n\ntwo"),
        ("<p>List:</p><ul><li>a</li><li>b</li></ul><p>end</p>", "List:\n\na\nb\n\nend"),
        ("<blockquote><p>a</p></blockquote><p>b</p>", "a\n\nb"),
        ("<p> blanks  around </p>", " blanks  around "),
        (
            rendered("See https://a.example/a/long/way?b=1&c=2 #Tag @name: 1 < 2"),
            "See https://a.example/a/long/way?b=1&c=2 #Tag @name: 1 < 2",
        ),
        (
            'RT <span class="h-card"><a href="u" class="mention">@<span>a</span></a></span>'
            "President",
            "RT @a President",
        ),
        ('<a href="u">link</a>, <a href="u">link</a>s', "link, link s"),
        ('<p>a</p><script>if (a < b) alert("x")</script><style>p {}</style>b', "a\n\nb"),
        ("<SCRIPT src=x>bad</SCRIPT>good<script>never closed", "good"),
        ("a<!-- <p>hidden --> b<!-- never closed", "a b"),
        ("<!DOCTYPE html><?xml version='1.0'?>text", "text"),
        ("&amp;lt; &lt;b&gt; &quot;&#39;&#x27;&nbsp;&hellip;&#128512;", "&lt; <b> \"''\xa0…😀"),
        ("AT&T &unknown; & &#xD800; &#99999999999;", "AT&T &unknown; & � �"),
        (f"&#{'9' * 5_000}; end", "� end"),
        ("I <3 you, 1 < 2 > 0, a<=b", "I <3 you, 1 < 2 > 0, a<=b"),
        ("unclosed <b", "unclosed "),
        ('cut in <a href="https://a.exam', "cut in "),
        ('<a href="never closed>text</a> of a "quotation"', 'text of a "quotation"'),
        ('<a title="a > b" alt=\'">\'>text</a>', "text"),
        ("<a title='<b>'>text</a>", "text"),
        ("<<b>>bold</b>", ">bold"),
        ("<<<b", ""),
        ("</p></p>text<p><p>", "text"),
        ("<p></p>", ""),
        ("\n<p>a\nb</p>\n", "a\nb"),
    ],
)
def test_html_becomes_the_text_that_is_seen(html: str, text: str) -> None:
    assert shown(html) == [text]


def test_no_html_is_no_text() -> None:
    assert shown(None, "<p>a &lt; b</p>", None) == [None, "a < b", None]


words = st.text("ab<>&;\"'# @é😀.", max_size=6).filter(lambda word: not word.isspace())


@examples(60)
@given(st.lists(st.sampled_from(["\n", " ", "https://a.example/b?c=1&d", "#Tag", "@name"]) | words))
def test_rendered_texts_come_back(pieces: list[str]) -> None:
    text = " ".join(pieces).strip("\n")
    assert shown(rendered(text)) == [text]


@examples(150)
@given(
    st.lists(
        st.sampled_from(
            ["<", ">", "/", "p", "a", "br", "<p>", "</p>", "<a ", '"', "'", "=", " ", "!--", "-->",
             "<script", "</script>", "<style>", "x", "\n", "<br>", "</a>", "</span>", "<li>"]
        ),
        max_size=40,
    )
)  # fmt: skip
def test_no_tag_survives_however_broken_the_html(pieces: list[str]) -> None:
    (text,) = shown("".join(pieces))
    assert text is not None
    assert not re.search(r"</?[a-zA-Z][^>]*>", text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "hostile",
    [
        "<", "<a ", '<a "', "<a '\"", "<p>", "</p>", "</p> ", "<p ", '<p "', "<br", "<br>",
        "<script>", "<script>a</script", "<!--", "<!", "<style><script>", "&", "&#", "&lt", "&#1",
        "</a>", "</a></span>", "a<b>", "<a b='c'", "<li></li>",
    ],
)  # fmt: skip
def test_a_megabyte_of_hostile_html_takes_no_longer_than_any_other(hostile: str) -> None:
    many = hostile * (500_000 // len(hostile))
    started = time.process_time()
    shown(many + "<b>" * 170_000, hostile + "<b>" * 170_000)
    assert time.process_time() - started < 10  # what grows with the square takes minutes


# --- any posts, any form --------------------------------------------------------------------------


def read_temporary(content: bytes) -> TweetBatch:
    with tempfile.TemporaryDirectory() as folder:
        return read_all(stored_as(Path(folder) / "archive", content))


any_posts = st.lists(
    st.builds(
        Post,
        id=st.integers(1, 2**63 - 1),
        posted=st.datetimes(datetime(2007, 1, 1), datetime(2026, 1, 1)).map(
            lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        ),
        text=st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]))
        .map(lambda text: text.strip("\n"))
        .filter(lambda text: not text.startswith("RT")),
        retweets=st.integers(0, 2**63 - 1),
        favorites=st.integers(0, 2**63 - 1),
        is_retweet=st.just(False),
    ),
    min_size=1,
    max_size=6,
)
ROUND_TRIPS: dict[str, Callable[[list[Post]], bytes]] = {
    "twarc2 pages": lambda posts: lines([page_of(posts[:2]), page_of(posts[2:])]),
    "twarc2 flat": lambda posts: lines(v2(post, flat=True) for post in posts),
    "truths": lambda posts: json.dumps(
        [{**truth(post), "content": plain_html(post.text)} for post in posts]
    ).encode(),
    "statuses": lambda posts: lines(
        {**status(post, "a.example"), "content": plain_html(post.text)} for post in posts
    ),
    "outbox": lambda posts: json.dumps(
        outbox(
            [
                {
                    **found,
                    "published": iso(post.posted),
                    "object": {
                        **found["object"],
                        "published": iso(post.posted),
                        "content": plain_html(post.text),
                    },
                }
                for post in posts
                for found in [activity(post)]
            ]
        )
    ).encode(),
    "feed": lambda posts: json.dumps({"feed": [feed_item(post) for post in posts]}).encode(),
}


def plain_html(text: str) -> str:
    return "<p>" + escape(text).replace("\n", "<br>") + "</p>"


@pytest.mark.parametrize("form", ROUND_TRIPS)
@examples(10)
@given(posts=any_posts)
def test_any_posts_come_back_from_any_form(form: str, posts: list[Post]) -> None:
    read = read_temporary(ROUND_TRIPS[form](posts))
    assert read.rejects.rows() == []
    columns = ("tweet_id", "posted", "text", "retweet_count", "favorite_count", "is_retweet")
    assert read.tweets.select(columns).rows() == [tuple(post) for post in posts]


# --- clocks ---------------------------------------------------------------------------------------


def verdict_on(read: TweetBatch, platform: str) -> TweetClock:
    audit = TweetAudit("archive", platform, Clock.parse("UTC"))
    audit.add(id_times(platform, read.tweets["tweet_id"]), read.tweets["posted"])
    return audit.finish()


def test_times_are_held_against_the_ids_of_their_platform(tmp_path: Path) -> None:
    times = [datetime(2024, 1, 1) + timedelta(hours=7) * n for n in range(40)]
    since_1970 = [(moment - datetime(1970, 1, 1)) // timedelta(microseconds=1) for moment in times]
    forms: dict[str, tuple[Callable[[int], int], Callable[[list[Post]], bytes]]] = {
        "bluesky": (lambda us: us << 10 | 7, lambda posts: lines(map(view, posts))),
        "truthsocial": (lambda us: us // 1000 << 16, lambda posts: lines(map(truth, posts))),
        "mastodon": (
            lambda us: us // 1000 << 16 | 9,
            lambda posts: json.dumps(outbox([activity(post) for post in posts])).encode(),
        ),
    }
    for platform, (number, form) in forms.items():
        pairs = zip(since_1970, times, strict=True)
        read = read_form(tmp_path, form([Post(number(us), t, "a", 1, 2) for us, t in pairs]))
        found = verdict_on(read, platform)
        assert (found.proven, found.evidence) == (True, "UTC fits the ids of 40 of 40 tweets")


# --- real files -----------------------------------------------------------------------------------


def moment_of(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=None)


class VisibleText(HTMLParser):
    """Another reader of HTML: it keeps the letters, and knows nothing of line breaks."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.letters = ""
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.letters += "".join(data.split())


@pytest.mark.parametrize("name", ["truth_archive.csv", "truth_archive.json"])
def test_the_real_archives_of_truth_social_are_read_whole(data: Path, name: str) -> None:
    path = data / "formats" / name
    with path.open(encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream)) if name.endswith("csv") else json.load(stream)
    read = read_all(path)
    assert (read.rows_read, read.rejects.height) == (140, 0)
    tweets = read.tweets
    assert set(tweets["author"]) == {"realDonaldTrump"}
    assert tweets.select("tweet_id", "posted", "retweet_count", "favorite_count").rows() == [
        (
            int(row["id"]),
            moment_of(row["created_at"]),
            int(row["reblogs_count"]),
            int(row["favourites_count"]),
        )
        for row in found
    ]
    letters = ["".join(text.split()) for text in tweets["text"]]
    assert letters == [VisibleText(row["content"]).letters for row in found]
    begins = [text.startswith(("RT@", "RT:https://")) for text in letters]
    assert tweets["is_retweet"].to_list() == begins
    assert sum(begins) > 5
    assert verdict_on(read, "truthsocial").proven


@pytest.mark.parametrize(
    ("name", "tweets"),
    [("twarc2_noflat.jsonl", 100), ("twarc2_flat.jsonl", 100), ("twarc2_2sets.jsonl", 200)],
)
def test_the_real_archives_of_twarc2_are_read_whole(data: Path, name: str, tweets: int) -> None:
    expected, as_of = [], []
    for line in (data / "formats" / name).read_bytes().splitlines():
        page = json.loads(line)
        users = {user["id"]: user for user in page.get("includes", {}).get("users", ())}
        for tweet in page.get("data", [page]):
            kinds = {other["type"] for other in tweet.get("referenced_tweets", ())}
            author = tweet.get("author") or users[tweet["author_id"]]
            metrics = tweet["public_metrics"]
            expected.append(
                (
                    int(tweet["id"]),
                    author["username"],
                    moment_of(tweet["created_at"]),
                    metrics["retweet_count"],
                    metrics["like_count"],
                    "retweeted" in kinds,
                )
            )
            as_of.append(moment_of(page["__twarc"]["retrieved_at"]))
    read = read_all(data / "formats" / name)
    assert (read.rows_read, read.rejects.height) == (tweets, 0)
    columns = ("tweet_id", "author", "posted", "retweet_count", "favorite_count", "is_retweet")
    assert read.tweets.select(columns).rows() == expected
    assert read.tweets["counts_as_of_utc"].to_list() == as_of
    retweets = read.tweets.filter("is_retweet")["text"]
    assert retweets.str.contains(r"^RT @\w+: ").all()
    assert max(map(len, retweets)) > 280  # the API cuts them to 140
    assert verdict_on(read, "twitter").proven


def test_the_real_pages_and_their_flat_copy_are_the_same_tweets(data: Path) -> None:
    pages, flat = (
        read_all(data / "formats" / f"twarc2_{kind}.jsonl").tweets.drop("line", "byte_offset")
        for kind in ("noflat", "flat")
    )
    assert pages.equals(flat)

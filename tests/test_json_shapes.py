"""Posts in JSON come out the same in every shape that a file may have, and from every tool."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posts import read_all, stored_as

import tweetscore
from tweetscore.errors import InputError
from tweetscore.io.open import data_files
from tweetscore.io.records import MOST_RECORD_BYTES
from tweetscore.io.source import sniff
from tweetscore.posts.formats import open_tweets

Object = dict[str, Any]
AT = datetime(2021, 5, 10, 14, 30, 5)
ID = 1391762470602801159


def tweets(texts: list[str]) -> list[Object]:
    return [
        {
            "created_at": "Mon May 10 14:30:05 +0000 2021",
            "id": ID + number,
            "id_str": str(ID + number),
            "text": text,
            "user": {"id": 12, "screen_name": "made_up"},
            "retweet_count": number,
        }
        for number, text in enumerate(texts)
    ]


def glued(objects: list[Object], between: str = "", **style: Any) -> str:
    return between.join(json.dumps(each, **style) for each in objects)


def by_columns(objects: list[Object]) -> Object:
    names = [name for name in objects[0] if name != "user"]
    return {name: {str(place): each[name] for place, each in enumerate(objects)} for name in names}


def split(objects: list[Object]) -> Object:
    return {
        "columns": list(objects[0]),
        "index": list(range(len(objects))),
        "data": [list(each.values()) for each in objects],
    }


SHAPES: dict[str, Callable[[list[Object]], str]] = {
    "lines": lambda them: glued(them, "\n"),
    "array": json.dumps,
    "pretty array": lambda them: json.dumps(them, indent=2),
    "pretty, one after the other": lambda them: glued(them, "\n", indent=4),
    "glued": glued,
    "pretty and glued": lambda them: glued(them, indent=1),
    "under a key": lambda them: json.dumps({"count": 3, "tweets": them, "next": None}),
    "under a key, pretty": lambda them: json.dumps({"tweets": them}, indent=1),
    "under two keys": lambda them: json.dumps({"response": {"n": 1, "docs": them}, "status": 0}),
    "pages on lines": lambda them: glued([{"items": them[:2]}, {"items": them[2:] or them}], "\n"),
    "arrays in an array": lambda them: json.dumps([them[:2], them[2:]]),
    "each under a key": lambda them: glued([{"tweet": each} for each in them], "\n"),
    "each under a key, in an array": lambda them: json.dumps([{"_source": each} for each in them]),
    "children of a listing": lambda them: json.dumps(
        {"kind": "Listing", "data": {"children": [{"data": each} for each in them]}}
    ),
    "keyed by id": lambda them: json.dumps({each["id_str"]: each for each in them}, indent=1),
    "column by column": lambda them: json.dumps(by_columns(them)),
    "split": lambda them: json.dumps(split(them)),
    "strings that hold JSON": lambda them: glued([json.dumps(each) for each in them], "\n"),  # type: ignore[misc]
    "an array of strings": lambda them: json.dumps([json.dumps(each) for each in them]),
    "mongoexport": lambda them: glued(
        [{**each, "id": {"$numberLong": each["id_str"]}} for each in them], "\n"
    ),
    "repr of Python": lambda them: "\n".join(map(repr, them)),
    "repr of a list": repr,
}


def result(path: Path, content: str, block_bytes: int) -> list[tuple[Any, ...]]:
    read = read_all(stored_as(path / "a", content.encode()), block_bytes)
    assert read.rejects.rows() == []
    assert read.rows_read == read.tweets.height
    return (
        read.tweets.select("tweet_id", "posted", "text", "retweet_count")
        .unique()
        .sort("tweet_id")
        .rows()
    )


def expected(texts: list[str]) -> list[tuple[Any, ...]]:
    return [(ID + number, AT, text, number) for number, text in enumerate(texts)]


HARD = ["plain", 'quotes " and }{ and \\', "é 😀 ]", "it's, {'id': 5}", '{"a": [1]} "}{"b":']


@pytest.mark.parametrize("block_bytes", [1 << 22, pytest.param(61, marks=pytest.mark.slow)])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_posts(tmp_path: Path, shape: str, block_bytes: int) -> None:
    assert result(tmp_path, SHAPES[shape](tweets(HARD)), block_bytes) == expected(HARD)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_any_texts_come_back_from_any_shape(
    tmp_path_factory: pytest.TempPathFactory, shape: str
) -> None:
    path = tmp_path_factory.mktemp("shapes")
    texts = st.lists(st.text(st.characters(codec="utf-8"), max_size=30), min_size=3, max_size=6)

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(texts, st.sampled_from([1 << 22, 61]))
    def hold(texts: list[str], block_bytes: int) -> None:
        assert result(path, SHAPES[shape](tweets(texts)), block_bytes) == expected(texts)

    hold()


@pytest.mark.parametrize(
    "shape", ["pretty, one after the other", "glued", "under a key", "each under a key"]
)
def test_a_damaged_record_costs_itself_only_and_has_its_place(tmp_path: Path, shape: str) -> None:
    texts = ["first", "plain", *HARD[1:]]
    content = SHAPES[shape](tweets(texts)).replace('"plain"', "plain").encode()
    read = read_all(stored_as(tmp_path / "a", content))
    assert read.tweets["text"].to_list() == ["first", *HARD[1:]]
    ((line, offset),) = read.rejects.select("line", "byte_offset").rows()
    raw = (tmp_path / "a").read_bytes()
    assert raw[offset : offset + 1] == b"{"
    assert line == 1 + raw[:offset].count(b"\n")


@pytest.mark.parametrize("bracket", ["}", "]", "}}}"])
@pytest.mark.parametrize("behind", ["}", '}, "retweet', "4}"])
@pytest.mark.parametrize("block_bytes", [1 << 22, pytest.param(61, marks=pytest.mark.slow)])
def test_a_bracket_too_many_costs_no_record_behind_it(
    tmp_path: Path, behind: str, bracket: str, block_bytes: int
) -> None:
    texts = [f"words {number}" for number in range(9)]
    content = SHAPES["under a key"](tweets(texts))
    place = content.index(behind, content.index("words 4")) + len(behind)
    damaged = f"{content[:place]}{bracket}{content[place:]}".encode()
    read = read_all(stored_as(tmp_path / "a", damaged), block_bytes)
    stored = set(read.tweets["text"])
    assert stored >= set(texts[:4] + texts[6:])
    assert read.rows_read == read.tweets.height + read.rejects.height
    assert read.tweets.height + read.rejects.height >= len(texts)


@pytest.mark.parametrize("shape", ["lines", "pretty, one after the other", "glued"])
def test_a_damaged_first_record_hides_no_other(tmp_path: Path, shape: str) -> None:
    content = SHAPES[shape](tweets(HARD)).replace('"plain"', "plain").encode()
    read = read_all(stored_as(tmp_path / "a", content))
    assert read.tweets["text"].to_list() == HARD[1:]
    assert read.rejects["byte_offset"].to_list() == [0]


def one(tmp_path: Path, value: Any) -> list[tuple[Any, ...]]:
    read = read_all(stored_as(tmp_path / "a", json.dumps(value).encode() + b"\n"))
    return read.tweets.select(
        "platform", "tweet_id", "author", "posted", "text", "retweet_count", "favorite_count"
    ).rows()


USER = {"username": "made_up", "id": 12}
LAYOUTS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "snscrape": (
        {"url": "u", "date": "2021-05-10T14:30:05+00:00", "rawContent": "a", "id": ID,
         "user": USER, "retweetCount": 2, "likeCount": 3, "retweetedTweet": None},
        ("twitter", ID, "made_up", AT, "a", 2, 3),
    ),
    "snscrape, older": (
        {"date": "2021-05-10T14:30:05+00:00", "content": "a", "id": ID, "user": USER},
        ("twitter", ID, "made_up", AT, "a", None, None),
    ),
    "twint": (
        {"id": ID, "date": "2021-05-10", "time": "16:30:05", "timezone": "+0200", "tweet": "a",
         "username": "made_up", "retweets_count": 2, "likes_count": 3, "retweet": False},
        ("twitter", ID, "made_up", AT, "a", 2, 3),
    ),
    "apify": (
        {"id": str(ID), "text": "cut", "fullText": "a", "author": {"userName": "made_up"},
         "createdAt": "Mon May 10 14:30:05 +0000 2021", "retweetCount": 2, "likeCount": 3},
        ("twitter", ID, "made_up", AT, "a", 2, 3),
    ),
    "gnip": (
        {"id": f"tag:search.twitter.com,2005:{ID}", "body": "cut", "long_object": {"body": "a"},
         "postedTime": "2021-05-10T14:30:05.000Z", "verb": "post",
         "actor": {"preferredUsername": "made_up"}, "retweetCount": 2, "favoritesCount": 3},
        ("twitter", ID, "made_up", AT, "a", 2, 3),
    ),
    "API v2 without fields": (
        {"data": [{"edit_history_tweet_ids": [str(ID)], "id": str(ID), "text": "a"}]},
        ("twitter", ID, None, AT.replace(microsecond=345000), "a", None, None),
    ),
    "Reddit submission": (
        {"author": "made_up", "title": "a", "selftext": "b", "created_utc": 1620657005,
         "id": "n90000", "subreddit": "s", "score": 5},
        ("reddit", int("n90000", 36), "made_up", AT, "a\n\nb", None, 5),
    ),
    "Reddit comment of the API": (
        {"kind": "Listing", "data": {"after": None, "children": [{"kind": "t1", "data": {
            "author": "made_up", "body": "a", "created_utc": 1620657005.0, "id": "gx0000",
            "score": 5}}]}},
        ("reddit_comments", int("gx0000", 36), "made_up", AT, "a", None, 5),
    ),
    "Hacker News, a hit of the search": (
        {"hits": [{"objectID": "27000100", "created_at_i": 1620657005, "author": "made_up",
                   "comment_text": "a &amp; <i>b</i>", "story_title": "s", "points": 5}]},
        ("hackernews", 27000100, "made_up", AT, "a & b", None, 5),
    ),
    "Hacker News, a story": (
        {"by": "made_up", "time": 1620657005, "type": "story", "id": 27000100, "title": "a",
         "score": 5, "text": "b", "kids": [27000101]},
        ("hackernews", 27000100, "made_up", AT, "a\n\nb", None, 5),
    ),
    "Weibo": (
        {"mid": "4630000000000000", "id": 4630000000000000, "text": "涨<br />了",
         "created_at": "Mon May 10 22:30:05 +0800 2021", "user": {"screen_name": "made_up"},
         "reposts_count": 2, "attitudes_count": 3},
        ("weibo", 4630000000000000, "made_up", AT, "涨\n了", 2, 3),
    ),
    "TikTok's research API": (
        {"data": {"videos": [{"id": 7000000000000000000, "create_time": 1620657005,
                              "username": "made_up", "video_description": "a", "share_count": 2,
                              "like_count": 3}], "cursor": 100}},
        ("other", 7 * 10**18, "made_up", AT, "a", 2, 3),
    ),
    "posts of another tool, in a list called posts": (
        {"posts": [{"no": 1, "username": "made_up", "date": "2021-05-10T14:30:05Z", "body": "a"}]},
        ("other", None, "made_up", AT, "a", None, None),
    ),
    "StockTwits page": (
        {"response": {"status": 200}, "cursor": {"more": True}, "messages": [
            {"id": 480, "body": "a", "created_at": "2021-05-10T14:30:05Z", "user": USER,
             "likes": {"total": 3}}]},
        ("stocktwits", 480, "made_up", AT, "a", None, 3),
    ),
    "Jetstream": (
        {"did": "did:plc:made", "time_us": 1, "kind": "commit", "commit": {
            "operation": "create", "collection": "app.bsky.feed.post", "rkey": "3lot5pntpe227",
            "record": {"createdAt": "2021-05-10T14:30:05Z", "text": "a"}}},
        ("bluesky", 1788812702720000005, "did:plc:made", AT, "a", None, None),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_gives_its_post(tmp_path: Path, name: str) -> None:
    value, row = LAYOUTS[name]
    assert one(tmp_path, value) == [row]


def test_values_of_nested_objects_are_columns_of_a_table(tmp_path: Path) -> None:
    rows = [
        {"id": "7", "created_at": "2021-05-10T14:30:05Z", "text": "a", "author": None},
        {
            "id": "8",
            "created_at": "2021-05-10T14:30:05Z",
            "text": "b",
            "author": {"username": "made_up", "name": "Made Up"},
            "likes": 3,
        },
    ]
    read = read_all(stored_as(tmp_path / "a", json.dumps({"results": rows}).encode()))
    assert read.tweets.select("author", "text", "favorite_count").rows() == [
        (None, "a", None),
        ("made_up", "b", 3),
    ]


def test_messages_of_two_channels_with_one_number_are_two_posts(tmp_path: Path) -> None:
    def channel(number: int) -> Object:
        message = {
            "id": 2,
            "type": "message",
            "date": "2021-05-10T16:30:05",
            "from": "Made up",
            "date_unixtime": "1620657005",
            "text": ["a ", {"type": "link", "text": "b"}],
        }
        service = {**message, "id": 1, "type": "service", "text": ""}
        return {"name": "Made up", "id": number, "messages": [service, message]}

    posts = [one(tmp_path, channel(number)) for number in (100, 101)]
    assert [post[0][2:5] for post in posts] == [("Made up", AT, "a b")] * 2
    assert posts[0][0][1] != posts[1][0][1]
    read = read_all(stored_as(tmp_path / "a", json.dumps(channel(100)).encode()))
    assert read.rejects["reason"].to_list() == ["a service message"]


def thread(comments: int, **style: Any) -> str:
    """Write a submission and its comments as Reddit's pages have them: replies within comments."""

    def listing(things: list[Object]) -> Object:
        return {"kind": "Listing", "data": {"after": None, "children": things}}

    def comment(number: int, replies: list[Object]) -> Object:
        data = {
            "author": "made_up", "body": f"{number} " + "x" * 900, "created_utc": 1620657005.0,
            "id": f"c{number}", "score": number, "replies": listing(replies) if replies else "",
        }  # fmt: skip
        return {"kind": "t1", "data": data}

    data = {"count": 7, "id": "zz", "name": "t1_zz", "children": ["c8", "c9"]}
    more = {"kind": "more", "data": data}
    trees = [
        comment(n, [comment(n + 1, [comment(n + 2, []), more]), comment(n + 3, [])])
        for n in range(0, comments, 4)
    ]
    first = {"author": "op", "title": "a", "selftext": "b", "created_utc": 1620657005.0, "id": "c0"}
    pages = [listing([{"kind": "t3", "data": first}]), listing([*trees, more])]
    return json.dumps(pages, **style)


@pytest.mark.parametrize("style", [{}, {"indent": 2}], ids=["a line", "pretty"])
@pytest.mark.parametrize("comments", [8, 400])  # fewer and more than the first bytes show
def test_replies_within_comments_are_posts_of_their_own(
    tmp_path: Path, style: dict[str, Any], comments: int
) -> None:
    content = thread(comments, **style).encode()
    read = read_all(stored_as(tmp_path / "a", content), 1 << 16)
    columns = ["platform", "tweet_id", "author", "posted", "text", "favorite_count"]
    assert read.tweets.select(columns).sort("platform", "tweet_id").rows() == [
        ("reddit", int("c0", 36), "op", AT, "a\n\nb", None),
        *sorted(
            ("reddit_comments", int(f"c{n}", 36), "made_up", AT, f"{n} " + "x" * 900, n)
            for n in range(comments)
        ),
    ]
    not_here = "stands for 7 comments that are not in the file"
    assert read.rejects["reason"].to_list() == [not_here] * (comments // 4 + 1)
    assert read.rows_read == read.tweets.height + read.rejects.height


def _plain(number: int, **others: Any) -> Object:
    return {"id": 90 + number, "date": "2021-05-10T14:30:05Z", "text": f"n{number}", **others}


def _of_facebook(number: int, **others: Any) -> Object:
    return {
        "id": f"7_{number}", "message": f"n{number}", "created_time": "2021-05-10T14:30:05+0000",
        **others,
    }  # fmt: skip


def _of_youtube(number: int) -> Object:
    snippet = {"textDisplay": f"n{number}", "publishedAt": "2021-05-10T14:30:05Z"}
    return {"id": f"U{number}", "kind": "youtube#comment", "snippet": snippet}


def _of_mastodon(number: int) -> Object:
    return {
        "id": str(108_209_000_000_000_000 + number), "created_at": "2022-04-28T10:00:00.000Z",
        "content": f"<p>n{number}</p>", "account": {"acct": "a"}, "reblogs_count": 0,
        "url": f"https://made.up/@a/{number}",
    }  # fmt: skip


def _of_bluesky(number: int, *replies: Object) -> Object:
    record = {"text": f"n{number}", "createdAt": "2023-10-20T14:30:05.000Z"}
    uri = f"at://did:plc:a/app.bsky.feed.post/3kc7x2ssi{'234567abc'[number]}22z"
    return {"post": {"uri": uri, "author": {"handle": "a"}, "record": record}, "replies": replies}


def _of_hacker_news(number: int, *children: Object) -> Object:
    return {
        "id": 27_000_000 + number, "created_at_i": 1620657005, "author": "a", "type": "comment",
        "text": f"n{number}", "title": None, "children": children,
    }  # fmt: skip


NESTED: dict[str, Any] = {
    "a tree of items of Hacker News": _of_hacker_news(
        0, _of_hacker_news(1, _of_hacker_news(2)), _of_hacker_news(3)
    ),
    "comments on posts of a page of Facebook": {
        "data": [
            *map(_of_facebook, range(2)),
            _of_facebook(2, comments={"data": [_of_facebook(3)], "paging": {}}),
        ]
    },
    "threads of YouTube": {
        "items": [
            {"id": "T0", "snippet": {"topLevelComment": _of_youtube(0), "totalReplyCount": 0}},
            {
                "id": "T1",
                "snippet": {"topLevelComment": _of_youtube(1)},
                "replies": {"comments": [_of_youtube(2), _of_youtube(3)]},
            },
        ]
    },
    "what stands around a status of Mastodon": {
        "ancestors": [_of_mastodon(0)],
        "descendants": [*map(_of_mastodon, range(1, 4))],
    },
    "a thread of Bluesky": {
        "thread": _of_bluesky(0, _of_bluesky(1, _of_bluesky(2)), _of_bluesky(3)),
    },
    "answers in a forum that nobody knows": [
        _plain(0), _plain(1, answers=[_plain(2, answers=[_plain(3)])]),
    ],
    "lists beside each other": {
        "posts": [_plain(0), _plain(1)], "archive": {"older": [_plain(2), _plain(3)]},
    },
    "what a post passes on or quotes": [
        _plain(0, quoted=_plain(8)), _plain(1, copy_history=[_plain(8)]),
        _plain(2, reply_to_message=_plain(8)), _plain(3, embed={"record": _plain(8)}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("style", [{}, {"indent": 2}], ids=["a line", "pretty"])
@pytest.mark.parametrize("name", NESTED)
def test_posts_within_others_are_read_and_what_they_quote_is_not(
    tmp_path: Path, name: str, style: dict[str, Any]
) -> None:
    content = json.dumps(NESTED[name], **style).encode() + b"\n"
    read = read_all(stored_as(tmp_path / "a", content), 1 << 16)
    assert sorted(read.tweets["text"]) == ["n0", "n1", "n2", "n3"]
    assert read.tweets["tweet_id"].n_unique() == 4
    assert read.rejects.is_empty()


def test_replies_that_come_late_in_a_file_of_threads_are_read(tmp_path: Path) -> None:
    lines = [_of_facebook(number, padding="x" * 900) for number in range(300)]
    lines[250] = _of_facebook(250, comments={"data": [_of_facebook(1_000)]})
    content = "".join(json.dumps(line) + "\n" for line in lines)
    read = read_all(stored_as(tmp_path / "a", content.encode()))
    assert sorted(read.tweets["text"]) == sorted(f"n{n}" for n in (*range(300), 1_000))


@pytest.mark.slow  # so much JSON
@pytest.mark.parametrize("style", [{}, {"indent": 1}], ids=["a line", "pretty"])
def test_a_page_may_be_larger_than_any_block(tmp_path: Path, style: Object) -> None:
    posts = [
        {"id": str(ID + n), "text": f"{n} " + "x" * 2_000, "author_id": "1",
         "created_at": "2021-05-10T14:30:05.000Z", "edit_history_tweet_ids": []}
        for n in range(9_000)
    ]  # fmt: skip
    page = {"data": posts, "includes": {"users": [{"id": "1", "username": "made_up"}]}, "meta": {}}
    content = json.dumps(page, **style).encode()
    assert len(content) > MOST_RECORD_BYTES
    read = read_all(stored_as(tmp_path / "a", content))
    assert read.rejects.is_empty()
    assert read.tweets.select("tweet_id", "text", "author").rows() == [
        (ID + n, f"{n} " + "x" * 2_000, "made_up") for n in range(9_000)
    ]


@pytest.mark.parametrize("body", ["[deleted]", "[removed]"])
def test_a_deleted_comment_is_a_reject_that_says_so(tmp_path: Path, body: str) -> None:
    comment = {"author": "a", "body": "a", "created_utc": 1620657005, "id": "gx0000"}
    content = glued([comment, {**comment, "id": "gx0001", "body": body}], "\n")
    read = read_all(stored_as(tmp_path / "a", content.encode()))
    assert read.tweets["text"].to_list() == ["a"]
    assert read.rejects["reason"].to_list() == [f"its text is {body}"]


def test_a_text_cut_into_tokens_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = stored_as(tmp_path / "a", json.dumps({"text": ["a", "b"], "created_at": "c"}).encode())
    (file,) = data_files(path)
    with pytest.raises(InputError, match=r"list of tokens .* ingest the raw posts"):
        open_tweets(sniff(file))


@pytest.mark.parametrize(
    "value",
    [
        {"users": [{"id": "1", "username": "a"}], "tweets": tweets(["a"])},
        {"id": 1, "screen_name": "a", "status": tweets(["a"])[0]},
    ],
)
def test_what_stands_beside_posts_is_none(tmp_path: Path, value: Object) -> None:
    (file,) = data_files(stored_as(tmp_path / "a", json.dumps(value).encode()))
    assert open_tweets(sniff(file)) is None


@pytest.mark.parametrize(
    "content", ['{"@context": ["https://www.w3.org/ns/activitystreams"]', '{"a": [1, 2', "[]"]
)
def test_a_document_cut_off_before_its_first_record_is_refused(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "cut.json"
    path.write_text(content)
    with tweetscore.open(tmp_path / "new.duckdb") as database:
        (account,) = database.ingest(path)
    assert account.error is not None
    assert account.error.startswith(f"{path}: neither a tweet archive nor minute bars")

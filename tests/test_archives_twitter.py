"""The archives that Twitter itself writes: each form of them carries the twelve posts unchanged."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from posts import POSTS, Post, assert_same_tweets, read_all, stored_as

from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.open import data_files
from tweetscore.io.records import BOM
from tweetscore.io.source import sniff
from tweetscore.posts import tweet_json, x_export
from tweetscore.posts.canonical import TweetBatch
from tweetscore.posts.formats import open_tweets
from tweetscore.posts.x_notes import read_notes

API_TIME = "%a %b %d %H:%M:%S +0000 %Y"
ISO_TIME = "%Y-%m-%d %H:%M:%S +0000"
AUTHOR = "Some_1"
ACCOUNT_JS = b"""window.YTD.account.part0 = [ {
  "account" : {
    "email" : "a@b.c", "createdVia" : "web", "username" : "Some_1", "accountId" : "1",
    "createdAt" : "2009-03-18T13:46:38.000Z", "accountDisplayName" : "Some One"
  }
} ]"""
Tweet = dict[str, Any]
Write = Callable[[Sequence[Post]], bytes]


# --- objects --------------------------------------------------------------------------------------


def exported(post: Post) -> Tweet:
    """A tweet as the export of an account has it: counts and ids are strings, nobody has it."""
    return {
        "edit_info": {"initial": {"editTweetIds": ["7"], "editableUntil": "2023-02-18T13:03:11Z"}},
        "retweeted": False,
        "source": '<a href="https://mobile.twitter.com" rel="nofollow">Twitter Web App</a>',
        "entities": {"hashtags": [{"text": "a", "indices": ["0", "1"]}], "urls": []},
        "display_text_range": ["0", "140"],
        "favorite_count": str(post.favorites),
        "id_str": str(post.id),
        "truncated": False,
        "retweet_count": str(post.retweets),
        "id": str(post.id),
        "created_at": post.posted.strftime(API_TIME),
        "favorited": False,
        "full_text": post.text,
        "lang": "en",
        "extended_entities": {"media": [{"id": "9", "id_str": "9", "sizes": {"w": "1.5"}}]},
    }


def full(post: Post) -> Tweet:
    """An object of the API v1.1, as ``tweet_mode=extended`` gives it."""
    user = {"id": 1, "id_str": "1", "screen_name": AUTHOR, "created_at": "Wed Mar 18 2009"}
    tweet = {
        "created_at": post.posted.strftime(API_TIME),
        "id": post.id,
        "id_str": str(post.id),
        "full_text": post.text,
        "truncated": False,
        "display_text_range": [0, 140],
        "entities": {"urls": [{"url": "u", "indices": [1, 2]}], "user_mentions": []},
        "source": '<a href="http://twitter.com" rel="nofollow">Twitter Web Client</a>',
        "user": user,
        "geo": None,
        "coordinates": {"type": "Point", "coordinates": [-74.0, 40.7]},
        "is_quote_status": True,
        "quoted_status": {"id": 5, "id_str": "5", "full_text": "Quoted", "user": {}},
        "retweet_count": post.retweets,
        "favorite_count": post.favorites,
        "retweeted": False,
        "lang": "en",
    }
    if post.is_retweet:
        name, text = post.text.removeprefix("RT @").split(": ", 1)
        other = {"id": 7, "id_str": "7", "full_text": text, "user": {"screen_name": name}}
        tweet["retweeted_status"] = {**tweet, **other}
    return tweet


def renamed(tweet: Tweet) -> Tweet:
    """The same with ``text``, where nothing is cut."""
    tweet["text"] = tweet.pop("full_text")
    if "retweeted_status" in tweet:
        renamed(tweet["retweeted_status"])
    return tweet


def streamed(tweet: Tweet) -> Tweet:
    """The same as a stream has it: with the cut text first, and the full one deeper."""
    text = tweet.pop("full_text")
    if "retweeted_status" in tweet:
        streamed(tweet["retweeted_status"])
        return {"text": text[:-3] + "…", **tweet}
    tweet |= {"text": text[:3] + "… https://t.co/a", "truncated": True}
    tweet["extended_tweet"] = {"full_text": text, "display_text_range": [0, 9], "entities": {}}
    return tweet


def with_cut_retweets(tweet: Tweet) -> Tweet:
    if "retweeted_status" in tweet:
        tweet["full_text"] = tweet["full_text"][:-3] + "…"
    return tweet


def monthly(post: Post, time: str = ISO_TIME) -> Tweet:
    """A tweet of an export before 2018: without counts."""
    tweet = renamed(full(post))
    for absent in ("retweet_count", "favorite_count", "retweeted", "truncated", "lang"):
        del tweet[absent]
    tweet["created_at"] = post.posted.strftime(time)
    return tweet


# --- files ----------------------------------------------------------------------------------------


def js(variable: str, objects: Sequence[Tweet], colon: str = ": ") -> bytes:
    return f"{variable} = {json.dumps(objects, indent=2, separators=(',', colon))}".encode()


def tweets_js(posts: Sequence[Post], name: str = "tweets.part0", colon: str = ": ") -> bytes:
    return js(f"window.YTD.{name}", [{"tweet": exported(post)} for post in posts], colon)


def tweet_js(posts: Sequence[Post]) -> bytes:
    return js("window.YTD.tweet.part0", [exported(post) for post in posts])


def month_js(posts: Sequence[Post], time: str = ISO_TIME) -> bytes:
    return js("Grailbird.data.tweets_2018_12", [monthly(post, time) for post in posts])


TWEETS_CSV = (
    "tweet_id", "in_reply_to_status_id", "in_reply_to_user_id", "timestamp", "source", "text",
    "retweeted_status_id", "retweeted_status_user_id", "retweeted_status_timestamp",
    "expanded_urls",
)  # fmt: skip


def tweets_csv(
    posts: Sequence[Post], names: Sequence[str] = TWEETS_CSV, line_break: str = "\n"
) -> bytes:
    out = io.StringIO(newline="")
    rows = csv.DictWriter(
        out, names, "", "ignore", quoting=csv.QUOTE_ALL, lineterminator=line_break
    )
    rows.writeheader()
    for post in posts:
        row = {
            "tweet_id": post.id,
            "timestamp": post.posted.strftime(ISO_TIME),
            "source": '<a href="http://x.y" rel="nofollow">Web, Client</a>',
            "text": post.text,
            "expanded_urls": "http://a.b/c,http://a.b/d",
        }
        retweet = {"retweeted_status_id": "7", "retweeted_status_user_id": "2"}
        rows.writerow(row | (retweet if post.is_retweet else {}))
    return out.getvalue().encode()


def lines(objects: Sequence[Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)


def page(posts: Sequence[Post], **layout: Any) -> bytes:
    """A page of the search API."""
    metadata = {"completed_in": 0.05, "max_id": 5, "query": "%23a", "next_results": "?q=%23a&c=1"}
    statuses = [full(post) for post in posts]
    return json.dumps({"statuses": statuses, "search_metadata": metadata}, **layout).encode()


def reordered(tweet: Tweet) -> Tweet:
    return dict(sorted(tweet.items(), reverse=True))


ACCOUNT_FORMS: dict[str, Write] = {
    "tweets.js": tweets_js,
    "tweets.js, all on one line": lambda posts: tweets_js(posts).replace(b"\n", b""),
    "tweets.js, CRLF after a byte order mark": lambda posts: (
        BOM + tweets_js(posts).replace(b"\n", b"\r\n")
    ),
    "tweets.js, spaced as the export does": lambda posts: tweets_js(posts, colon=" : ").replace(
        b"[", b"[ ", 1
    ),
    "tweets.js with a semicolon": lambda posts: tweets_js(posts) + b";\n",
    "tweets-part12.js": lambda posts: tweets_js(posts, "tweets.part12"),
    "tweet.js": tweet_js,
    "tweet.js with lines between": lambda posts: tweet_js(posts).replace(b" = ", b"\n=\n\n", 1),
    "tweet.js with wrapped tweets": lambda posts: tweets_js(posts, "tweet.part0"),
    "community-tweet.js": lambda posts: tweets_js(posts, "community_tweet.part0"),
}
MONTH_FORMS: dict[str, Write] = {
    "a month": month_js,
    "a month with times as the API has them": lambda posts: month_js(posts, API_TIME),
    "a month, spaced as the export does": lambda posts: month_js(posts).replace(
        b" = [", b" = \n [ ", 1
    ),
    "a month with a semicolon": lambda posts: month_js(posts) + b";",
}
CSV_FORMS: dict[str, Write] = {
    "tweets.csv": tweets_csv,
    "tweets.csv, CRLF after a byte order mark": lambda posts: (
        BOM + tweets_csv(posts, line_break="\r\n")
    ),
    "tweets.csv of 2012": lambda posts: tweets_csv(
        posts, (*TWEETS_CSV[:3], *TWEETS_CSV[6:8], *TWEETS_CSV[3:6], TWEETS_CSV[-1])
    ),
}
API_FORMS: dict[str, Write] = {
    "full texts": lambda posts: lines([full(post) for post in posts]),
    "full texts, retweets cut": lambda posts: lines(
        [with_cut_retweets(full(post)) for post in posts]
    ),
    "short texts": lambda posts: lines([renamed(full(post)) for post in posts]),
    "a stream": lambda posts: lines([streamed(full(post)) for post in posts]),
    "a stream in an array": lambda posts: json.dumps(
        [streamed(full(post)) for post in posts], indent=1
    ).encode(),
    "keys from z to a": lambda posts: lines([reordered(full(post)) for post in posts]),
    "keys of a stream from z to a": lambda posts: lines(
        [reordered(streamed(full(post))) for post in posts]
    ),
    "all three modes": lambda posts: lines(
        [(renamed, streamed, with_cut_retweets)[n % 3](full(post)) for n, post in enumerate(posts)]
    ),
    "a page of a search": page,
    "a page of a search, pretty": lambda posts: page(posts, indent=2) + b"\n",
    "a page of a search, keys sorted": lambda posts: page(posts, sort_keys=True),
    "a page of a search without metadata": lambda posts: json.dumps(
        {"statuses": [full(post) for post in posts]}
    ).encode(),
}
FORMS = ACCOUNT_FORMS | MONTH_FORMS | CSV_FORMS | API_FORMS
NAMES = (
    dict.fromkeys(ACCOUNT_FORMS, "x-export")
    | dict.fromkeys(MONTH_FORMS, "grailbird-js")
    | dict.fromkeys(CSV_FORMS, "grailbird-csv")
    | dict.fromkeys(API_FORMS, "tweet-json")
)


def with_counts(read: TweetBatch, posts: Sequence[Post]) -> TweetBatch:
    """Put in the counts that a form cannot carry, once it is certain that it has none."""
    for name in ("retweet_count", "favorite_count"):
        assert read.tweets[name].null_count() == len(posts)
    counts = [
        pl.Series("retweet_count", [post.retweets for post in posts]),
        pl.Series("favorite_count", [post.favorites for post in posts]),
    ]
    return replace(read, tweets=read.tweets.with_columns(counts))


def stored(folder: Path, content: Mapping[str, bytes], form: str) -> Path:
    """Store the files of an export as a folder or as a zip."""
    if form == "zip":
        with zipfile.ZipFile(folder / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        return folder / "export.zip"
    for name, data in content.items():
        (folder / "export" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "export" / name).write_bytes(data)
    return folder / "export"


def read_export(path: Path) -> tuple[list[str], TweetBatch]:
    """Read what is recognised; return the names of those files, and their tweets as in POSTS."""
    opened = [found for file in data_files(path) if (found := open_tweets(sniff(file)))]
    names = [PurePosixPath(each.source.file.entry or each.source.file.path).name for each in opened]
    batches = [batch for each in opened for batch in each.read()]
    places = {post.id: place for place, post in enumerate(POSTS)}
    tweets = pl.concat([batch.tweets for batch in batches])
    return sorted(names), TweetBatch(
        sum(batch.rows_read for batch in batches),
        tweets.sort(pl.col("tweet_id").replace_strict(places)),
        pl.concat([batch.rejects for batch in batches]),
    )


# --- tweets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_bytes", [4 << 20, pytest.param(700, marks=pytest.mark.slow)])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_tweets(tmp_path: Path, form: str, block_bytes: int) -> None:
    path = stored_as(tmp_path / "archive", FORMS[form](POSTS))
    (file,) = data_files(path)
    opened = open_tweets(sniff(file, block_bytes))
    assert opened
    assert (opened.format, opened.platform, opened.naive) == (NAMES[form], "twitter", False)
    read = read_all(path, block_bytes)
    if form in MONTH_FORMS | CSV_FORMS:
        read = with_counts(read, POSTS)
    author = AUTHOR if form in MONTH_FORMS | API_FORMS else None
    assert_same_tweets(read, author=author, unknown_flag=False)


@pytest.mark.parametrize("form", FORMS)
def test_every_tweet_has_the_line_and_the_offset_of_its_first_byte(
    tmp_path: Path, form: str
) -> None:
    content = FORMS[form](POSTS)
    tweets = read_all(stored_as(tmp_path / "archive", content)).tweets
    for line, offset, tweet_id in tweets.select("line", "byte_offset", "tweet_id").rows():
        assert chr(content[offset]) in ('"' if form in CSV_FORMS else "{")
        assert line == 1 + content[:offset].count(b"\n")
        assert content[offset:].find(str(tweet_id).encode()) < 2_000


SIBLINGS = {
    "Your archive.html": b"<!DOCTYPE html><html></html>",
    "data/manifest.js": b'window.__THAR_CONFIG = {\n  "userInfo" : {"userName" : "Some_1"}\n}',
    "data/follower.js": js("window.YTD.follower.part0", [{"follower": {"accountId": "1"}}]),
    "data/like.js": js("window.YTD.like.part0", [{"like": {"tweetId": "1", "fullText": "a"}}]),
    "data/direct-messages.js": js(
        "window.YTD.direct_messages.part0",
        [{"dmConversation": {"messages": [{"messageCreate": {"id": "1", "text": "a"}}]}}],
    ),
    "data/tweet-headers.js": js(
        "window.YTD.tweet_headers.part0", [{"tweet": {"tweet_id": "1", "created_at": "Wed Oct"}}]
    ),
    "data/deleted-tweets.js": tweets_js(POSTS, "deleted_tweets.part0"),
    "data/deleted-tweet-headers.js": js(
        "window.YTD.deleted_tweet_headers.part0", [{"tweet": {"tweet_id": "1"}}]
    ),
    "data/note-tweet.js": js(
        "window.YTD.note_tweet.part0",
        [{"noteTweet": {"noteTweetId": "1", "createdAt": "2023-02-18", "core": {"text": "a"}}}],
    ),
    "data/community-tweet.js": b"window.YTD.community_tweet.part0 = [ ]",
    "data/tweets_media/1-a.jpg": b"\xff\xd8\xff",
}


@pytest.mark.parametrize("form", ["zip", "folder"])
@pytest.mark.parametrize("top", ["", "twitter-2023-05-04-0123456789abcdef/"])
def test_an_export_gives_the_tweets_of_its_account_and_nothing_else(
    tmp_path: Path, form: str, top: str
) -> None:
    parts = {
        "data/tweets.js": tweets_js(POSTS[:5]),
        "data/tweets-part1.js": tweets_js(POSTS[5:], "tweets.part1"),
    }
    content = {**SIBLINGS, "data/account.js": ACCOUNT_JS, **parts}
    path = stored(tmp_path, {top + name: data for name, data in content.items()}, form)
    names, read = read_export(path)
    assert names == ["tweets-part1.js", "tweets.js"]
    assert_same_tweets(read, author=AUTHOR, unknown_flag=False)


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_an_export_of_2018_has_its_account_beside_it(tmp_path: Path, form: str) -> None:
    content = {"tweet.js": tweet_js(POSTS), "account.js": ACCOUNT_JS}
    names, read = read_export(stored(tmp_path, content, form))
    assert names == ["tweet.js"]
    assert_same_tweets(read, author=AUTHOR, unknown_flag=False)


@pytest.mark.parametrize("account", [None, b"window.YTD.account.part0 = [ ]", b"\xff"])
@pytest.mark.parametrize("form", ["zip", "folder"])
def test_without_a_name_in_the_same_folder_the_author_is_unknown(
    tmp_path: Path, form: str, account: bytes | None
) -> None:
    content = {"data/tweets.js": tweets_js(POSTS), "other/account.js": ACCOUNT_JS}
    if account:
        content["data/account.js"] = account
    _, read = read_export(stored(tmp_path, content, form))
    assert_same_tweets(read, author=None, unknown_flag=False)


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_an_export_before_2018_gives_its_months_and_the_same_again_in_one_table(
    tmp_path: Path, form: str
) -> None:
    months = {
        "data/js/tweets/2009_05.js": month_js(POSTS[-1:]).replace(b"2018_12", b"2009_05"),
        "data/js/tweets/2018_12.js": month_js(POSTS[:-1]),
    }
    others = {
        "data/js/payload_details.js": b'var payload_details =  {\n  "tweets" : 12\n}',
        "data/js/tweet_index.js": b'var tweet_index =  [ {\n  "file_name" : "data/js"\n} ]',
        "data/js/user_details.js": b'var user_details =  {\n  "screen_name" : "Some_1"\n}',
        "js/application.js": b"/* a */ var Grailbird = {};",
    }
    names, read = read_export(stored(tmp_path, months | others, form))
    assert names == ["2009_05.js", "2018_12.js"]
    assert_same_tweets(with_counts(read, POSTS), author=AUTHOR, unknown_flag=False)
    (tmp_path / "csv").mkdir()
    whole = months | others | {"tweets.csv": tweets_csv(POSTS)}
    names, read = read_export(stored(tmp_path / "csv", whole, form))
    assert names == ["2009_05.js", "2018_12.js", "tweets.csv"]
    assert read.tweets.height == read.rows_read == 2 * len(POSTS)


@pytest.mark.parametrize("write", [month_js, tweets_csv])
def test_a_post_that_lost_its_time_of_day_is_rejected(tmp_path: Path, write: Write) -> None:
    def post(*posted: int) -> Post:
        return Post(posted[0], datetime(*posted), "a", 0, 0)  # type: ignore[arg-type]  # three numbers or six

    posts = [post(2010, 9, 8), post(2009, 9, 8, 0, 0, 1), post(2011, 9, 8)]
    read = read_all(stored_as(tmp_path / "a", write(posts)))
    assert read.tweets["posted"].to_list() == [datetime(2009, 9, 8, 0, 0, 1), datetime(2011, 9, 8)]
    assert read.rows_read == 3
    assert read.rejects["reason"].to_list() == [
        "\"posted\" is not a date: '2010-09-08, without its time of day'"
    ]


# --- long posts -----------------------------------------------------------------------------------

WHOLE = "Words & <signs>…\nand a second line, " + "on and on, " * 40 + "to the end 😀"
CUT = escape(WHOLE[:275], quote=False).rstrip() + "…"
CALLED = f"{CUT} https://t.co/aB1 https://t.co/cD2"  # the post itself, and its picture


def note(text: str = WHOLE, seconds: float = 0.5) -> Tweet:
    posted = (POSTS[0].posted + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    core = {"text": text, "urls": [], "mentions": [], "hashtags": []}
    return {"noteTweet": {"noteTweetId": "5", "createdAt": f"{posted}Z", "core": core}}


def notes_js(*notes: Tweet, part: int = 0) -> bytes:
    return js(f"window.YTD.note_tweet.part{part}", notes)


OTHERS = [note("Another…", n / 10) for n in range(30)]


@pytest.mark.parametrize("form", ["zip", "folder"])
@pytest.mark.parametrize("top", ["", "twitter-2023-05-04-0123456789abcdef/"])
@pytest.mark.parametrize(
    "tweets",
    [
        {"tweets.js": tweets_js},
        {
            "tweets.js": lambda _: tweets_js(POSTS[2:4]),
            "tweets-part1.js": lambda posts: tweets_js(posts, "tweets.part1"),
        },
        {"community-tweet.js": lambda posts: tweets_js(posts, "community_tweet.part0")},
    ],
)
@pytest.mark.parametrize(
    "notes",
    [
        {"note-tweet.js": notes_js(*OTHERS, note())},
        {"note-tweet.js": BOM + notes_js(note(), *OTHERS).replace(b"\n", b"\r\n") + b";\r\n"},
        {"note-tweet.js": notes_js(*OTHERS), "note-tweet-part1.js": notes_js(note(), part=1)},
        {"note-tweet.js": notes_js(note("bad"), note()).replace(b'"bad"', b"nonsense")},
    ],
)
@pytest.mark.slow
def test_a_long_post_of_an_export_is_whole_however_it_is_packed(
    tmp_path: Path, form: str, top: str, tweets: dict[str, Write], notes: dict[str, bytes]
) -> None:
    posts = [POSTS[1], POSTS[0]._replace(text=CALLED)]
    parts = {name: write(posts) for name, write in tweets.items()}
    content = {**SIBLINGS, "data/account.js": ACCOUNT_JS} | {
        f"data/{name}": data for name, data in {**parts, **notes}.items()
    }
    path = stored(tmp_path, {top + name: data for name, data in content.items()}, form)
    names, read = read_export(path)
    assert names == sorted(parts)
    found = dict(read.tweets.select("tweet_id", "text").rows())
    assert (found[POSTS[0].id], found[POSTS[1].id]) == (WHOLE, POSTS[1].text)
    assert read.tweets["author"].unique().to_list() == [AUTHOR]
    assert read.rejects.rows() == []


@pytest.mark.parametrize(
    ("text", "notes", "found"),
    [
        (CUT, [note()], WHOLE),
        (CUT, [note(seconds=5)], WHOLE),
        (CUT, [note(seconds=-5)], WHOLE),
        (CUT, [note(seconds=5.001)], CUT),
        (CUT, [note(seconds=-5.001)], CUT),
        (f"{CUT}\nhttps://t.co/aB1 ", [note()], WHOLE),
        (CUT, [note(escape(WHOLE))], escape(WHOLE)),  # as the file has it, as of all texts
        (CUT, [note(), note("Words &"), note(WHOLE.upper()), note(f"a{WHOLE}")], WHOLE),
        (CUT, [note(), note(f"{WHOLE}!")], CUT),
        (CUT, [note(), note(f"{WHOLE}!", 6)], WHOLE),
        (CUT, [note(), note()], CUT),
        (CUT, [note("Words &")], CUT),
        (WHOLE[:275], [note()], WHOLE[:275]),
        (f"{CUT} and more", [note()], f"{CUT} and more"),
        (f"{CUT} http://a.b/c", [note()], f"{CUT} http://a.b/c"),
        ("… https://t.co/aB1", [note()], "… https://t.co/aB1"),
        (" https://t.co/aB1", [note()], " https://t.co/aB1"),
        (CUT, [{"noteTweet": {"createdAt": None, "core": {"text": WHOLE}}}, {}], CUT),
        (CUT, [], CUT),
    ],
)
def test_a_cut_text_is_completed_by_the_one_note_of_its_time_that_begins_so(
    tmp_path: Path, text: str, notes: list[Tweet], found: str
) -> None:
    content = {"tweets.js": tweets_js([POSTS[0]._replace(text=text)])}
    path = stored(tmp_path, {**content, "note-tweet.js": notes_js(*notes)}, "folder")
    assert read_all(path / "tweets.js").tweets["text"].to_list() == [found]


def test_cut_posts_of_an_unknown_time_stay_cut_and_are_rejected_for_that(tmp_path: Path) -> None:
    tweets = tweets_js([POSTS[0]._replace(text=CUT)]).replace(b"Sun Dec 02", b"Someday")
    path = stored(tmp_path, {"tweets.js": tweets, "note-tweet.js": notes_js(note())}, "folder")
    ((reason, raw),) = read_all(path / "tweets.js").rejects.select("reason", "raw").rows()
    assert reason == "\"posted\" is not a date: 'Someday 21:40:51 +0000 2018'"
    assert json.loads(raw)["text"] == CUT


def test_notes_behind_the_most_that_are_kept_complete_nothing(tmp_path: Path) -> None:
    notes = notes_js(note(), *OTHERS)
    content = {"tweets.js": tweets_js([POSTS[0]._replace(text=CUT)]), "note-tweet.js": notes}
    path = stored(tmp_path, content, "folder") / "tweets.js"
    (tweet,) = read_all(path).tweets.select("text", "posted").rows()
    assert tweet[0] == WHOLE
    for most, found in ((3_000, WHOLE), (1_000, CUT)):
        kept = read_notes(DataFile(path), block_bytes=2_000, most_bytes=most)
        posted = pl.Series([f"{tweet[1]:%a %b %d %H:%M:%S +0000 %Y}"])
        assert kept.completed(pl.Series([CUT]), posted).to_list() == [found]


# --- texts ----------------------------------------------------------------------------------------

NAME = {"screen_name": "Other"}
LONG = "words " * 30 + "to the end"


@pytest.mark.parametrize(
    ("tweet", "text"),
    [
        ({"text": "Cut…", "full_text": LONG}, LONG),
        ({"text": "Cut…", "extended_tweet": {"full_text": LONG}}, LONG),
        ({"text": "Cut…", "extended_tweet": None, "truncated": True}, "Cut…"),
        ({"full_text": "RT @Other: wor…", "retweeted_status": {"full_text": LONG, "user": NAME}},
         f"RT @Other: {LONG}"),
        ({"text": "RT @Other: wor…", "retweeted_status": {"text": LONG, "user": NAME}},
         f"RT @Other: {LONG}"),
        ({"text": "RT @Other: wor ...", "retweeted_status": {"text": LONG, "user": NAME}},
         f"RT @Other: {LONG}"),
        ({"text": "RT @Other: wor…",
          "retweeted_status": {"text": "words w… https://t.co/a", "truncated": True, "user": NAME,
                               "extended_tweet": {"full_text": LONG}}},
         f"RT @Other: {LONG}"),
        # Of two texts that are both cut, the retweet's own is kept.
        ({"text": "RT @Other: words wor…",
          "retweeted_status": {"text": "words w… https://t.co/a", "truncated": True, "user": NAME}},
         "RT @Other: words wor…"),
        ({"text": "RT @Other: wor…", "retweeted_status": {"text": LONG}}, "RT @Other: wor…"),
        ({"text": "RT @Other: wor…", "retweeted_status": {}}, "RT @Other: wor…"),
        ({"text": "RT @Before: all", "retweeted_status": {"text": "all", "user": NAME}},
         "RT @Before: all"),
        ({"text": "Said…", "quoted_status": {"text": LONG, "user": NAME}}, "Said…"),
    ],
)  # fmt: skip
def test_the_longest_text_that_an_object_holds_is_read(
    tmp_path: Path, tweet: Tweet, text: str
) -> None:
    bare = {key: value for key, value in full(POSTS[0]).items() if key != "full_text"}
    content = lines([full(POSTS[2]), {**bare, **tweet}, full(POSTS[3])])
    read = read_all(stored_as(tmp_path / "a", content))
    assert read.tweets["text"].to_list() == [POSTS[2].text, text, POSTS[3].text]
    assert read.tweets["is_retweet"].to_list() == [
        False,
        bool(tweet.get("retweeted_status")),
        False,
    ]


@pytest.mark.parametrize(
    ("text", "retweet"),
    [
        ("RT @Some_1: a", True), ("RT @a: \n", True), ("RT @a", False), ("RT a: b", False),
        ("Look: RT @a: b", False), ("RT @a b: c", False), ("rt @a: b", False), ("", False),
    ],
)  # fmt: skip
def test_in_an_export_the_words_tell_a_retweet(tmp_path: Path, text: str, retweet: bool) -> None:
    path = stored_as(tmp_path / "a", tweets_js([POSTS[0]._replace(text=text)]))
    assert read_all(path).tweets["is_retweet"].to_list() == [retweet]


# Line breaks are the trap of records, and quotes of tables.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40) | st.text(
    '\r\n"\\,;u0d89…RT @:é😀', max_size=20
)


@st.composite
def drawn_posts(draw: st.DrawFn) -> Post:
    retweet, text = draw(st.booleans()), draw(TEXTS)
    return Post(
        draw(st.integers(1, 2**63 - 1)),
        draw(st.datetimes(datetime(2011, 1, 1), datetime(2024, 1, 1))).replace(microsecond=0),
        f"RT @Other_2: {text}" if retweet else text,
        draw(st.integers(0, 2**63 - 1)),
        draw(st.integers(0, 2**40)),
        retweet,
    )


@examples(100)
@given(st.sampled_from(sorted(FORMS)), st.lists(drawn_posts(), min_size=1, max_size=4))
@pytest.mark.slow
def test_what_is_written_in_any_form_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, form: str, posts: list[Post]
) -> None:
    path = stored_as(tmp_path_factory.getbasetemp() / "drawn", FORMS[form](posts))
    read = read_all(path)
    assert read.rejects.rows() == []
    if form in MONTH_FORMS | CSV_FORMS:
        read = with_counts(read, posts)
    names = ["tweet_id", "posted", "text", "retweet_count", "favorite_count", "is_retweet"]
    assert read.tweets.select(names).rows() == [tuple(post) for post in posts]


# --- bad records ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["tweets.js", "tweet.js", "a month", "a page of a search, pretty"])
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ((b'"created_at"', b'"created"'), "has no time of posting"),
        ((b'text": "An id', b'text": nonsense "An id'), "cannot be parsed: "),
        ((b"9007199254740993", b"90071992547409930000"), '"tweet_id" is not a 64-bit whole number'),
        ((b"{", b"[", 1), "cannot be parsed: "),
        ((b'"id', b'"no'), "has no id"),
        ((b'text"', b'words"'), "has no text"),
    ],
)
def test_a_damaged_tweet_is_a_reject_with_its_place_and_its_neighbours_survive(
    tmp_path: Path, form: str, damage: tuple[Any, ...], reason: str
) -> None:
    whole = FORMS[form](POSTS[:5])
    places = read_all(stored_as(tmp_path / "a", whole)).tweets["byte_offset"].to_list()
    before, bad, after = whole[: places[2]], whole[places[2] : places[3]], whole[places[3] :]
    if damage[0] == b"{":
        bad = b"[" + bad.rstrip()[1:-2] + b"],\n"
    read = read_all(stored_as(tmp_path / "a", before + bad.replace(*damage) + after))
    assert read.rows_read == 5
    assert read.tweets["tweet_id"].to_list() == [POSTS[place].id for place in (0, 1, 3, 4)]
    ((line, offset, found, raw),) = read.rejects.rows()
    assert (line, offset) == (1 + before.count(b"\n"), len(before))
    assert found.startswith(reason)
    assert raw


@pytest.mark.parametrize("form", [*ACCOUNT_FORMS, *MONTH_FORMS, "a page of a search"])
def test_a_cut_off_file_loses_its_last_record_only(tmp_path: Path, form: str) -> None:
    content = FORMS[form](POSTS)
    place = read_all(stored_as(tmp_path / "a", content)).tweets["byte_offset"][-1]
    read = read_all(stored_as(tmp_path / "a", content[: place + 90]))
    assert (read.rows_read, read.tweets.height, read.rejects.height) == (12, 11, 1)
    assert read.rejects["byte_offset"].to_list() == [place]


@pytest.mark.parametrize("form", CSV_FORMS)
@pytest.mark.parametrize("lost", [b',""', b',"",""'])
def test_a_row_of_too_few_fields_is_a_reject(tmp_path: Path, form: str, lost: bytes) -> None:
    content = FORMS[form](POSTS)
    place = read_all(stored_as(tmp_path / "a", content)).tweets["byte_offset"][1]
    short = content[:place] + content[place:].replace(lost, b"", 1)
    read = read_all(stored_as(tmp_path / "a", short))
    assert (read.rows_read, read.tweets.height) == (12, 11)
    assert read.rejects.select("byte_offset", "reason").rows() == [
        (place, "cannot be parsed: fewer fields than in the header")
    ]


@pytest.mark.parametrize("form", ["tweets.js", "a month", "a page of a search"])
def test_what_follows_an_array_is_not_passed_over(tmp_path: Path, form: str) -> None:
    content = FORMS[form](POSTS) + b'\n{"more": 1}\n'
    read = read_all(stored_as(tmp_path / "a", content))
    assert (read.rows_read, read.tweets.height, read.rejects.height) == (13, 12, 1)
    assert read.rejects["byte_offset"][0] > read.tweets["byte_offset"][-1]


def test_notices_of_a_stream_are_rejects_and_hide_no_tweet(tmp_path: Path) -> None:
    deleted = {"delete": {"status": {"id": 5, "id_str": "5", "user_id": 6}, "timestamp_ms": "7"}}
    limit = {"limit": {"track": 5, "timestamp_ms": "7"}}
    notices = lines([deleted] * 800)
    assert len(notices) > 1 << 16  # no tweet is in sight
    content = notices + lines([full(post) for post in POSTS]) + lines([limit])
    read = read_all(stored_as(tmp_path / "a", content))
    assert read.rows_read == 813
    assert read.rejects["reason"].to_list() == ["has no id"] * 801
    assert_same_tweets(
        replace(read, rows_read=12, rejects=read.rejects.clear()), author=AUTHOR, unknown_flag=False
    )


@pytest.mark.parametrize(
    "written", ["1.069432251658240000E+18", "1069432251658240000.0", "1.07e18"]
)
@pytest.mark.parametrize("form", ["tweets.js", "tweet.js", "a month", "tweets.csv", "full texts"])
def test_a_file_of_rounded_ids_is_refused_as_a_whole(
    tmp_path: Path, form: str, written: str
) -> None:
    content = FORMS[form](POSTS).decode()
    rounded = re.sub(rf'(_str"|"id"): "?{POSTS[1].id}"?', rf"\1: {written}", content)
    rounded = rounded.replace(f'"{POSTS[1].id}"', f'"{written}"')
    with pytest.raises(InputError, match="rounded") as refusal:
        read_all(stored_as(tmp_path / "a", rounded.encode()))
    assert written in str(refusal.value)


@pytest.mark.parametrize(
    "head",
    [
        b"window.YTD.tweets.part0 = [ ]",
        b"window.YTD.tweets.part0 = ",
        b"Grailbird.data = [ {",
        b"var tweet_index =  [ {",
        b"window.YTD.tweetdeck.part0 = [ {",
        *SIBLINGS.values(),
        b'{"data": [{"id": "1", "text": "a", "created_at": "2021-01-06T18:38:06.000Z"}]}',
        b'{"id": "1", "text": "a", "created_at": "2021-01-06T18:38:06.000Z"}',
    ],
)
def test_what_is_no_archive_of_twitter_is_not_taken_for_one(head: bytes) -> None:
    exports = [x_export.ACCOUNT.detect, x_export.MONTHS.detect, x_export.TWEETS_CSV.detect]
    assert not any(detect(head) for detect in [tweet_json.detect, *exports])


# --- real files -----------------------------------------------------------------------------------


def test_a_real_file_of_the_api_is_read_whole(data: Path) -> None:
    read = read_all(data / "formats" / "dogsheep_v1_tweets.json")
    assert read.rejects.rows() == []
    assert read.rows_read == 3
    assert read.tweets.select("tweet_id", "author", "posted", "is_retweet").rows() == [
        (1169246717864136705, "simonw", datetime(2019, 9, 4, 13, 51, 55), True),
        (1169196446043664385, "simonw", datetime(2019, 9, 4, 10, 32, 10), False),
        (1168529001599533057, "simonw", datetime(2019, 9, 2, 14, 19, 58), False),
    ]
    assert read.tweets["text"].str.len_chars().to_list() == [246, 262, 263]


@pytest.mark.slow
def test_retweets_of_a_real_archive_are_whole_where_it_holds_their_texts(data: Path) -> None:
    read = read_all(data / "tweets" / "master_2017.json.zip")
    assert (read.rows_read, read.rejects.height) == (2_605, 0)
    retweets = read.tweets.filter("is_retweet")["text"]
    assert (len(retweets), retweets.str.starts_with("RT @").sum()) == (310, 310)
    assert retweets.str.ends_with("…").sum() == 22  # of 175: of these the originals are cut, too

"""One hand-written archive goes through every accepted form; damage is named with its place."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from posts import POSTS, Post, assert_same_tweets, at, read_all, stored_as

from tweetscore.errors import InputError
from tweetscore.io import records as files
from tweetscore.io.records import BOM
from tweetscore.posts import tweet_json
from tweetscore.posts.formats import FORMATS

API_TIME = "%a %b %d %H:%M:%S +0000 %Y"


# --- the forms ------------------------------------------------------------------------------------


def condensed(post: Post, **other: Any) -> dict[str, Any]:
    """An object of the Trump Twitter Archive, with all or some of its eight keys."""
    return {
        "source": "Twitter for iPhone",
        "id_str": str(post.id),
        "text": post.text,
        "created_at": post.posted.strftime(API_TIME),
        "retweet_count": post.retweets,
        "in_reply_to_user_id_str": None,
        "favorite_count": post.favorites,
        "is_retweet": post.is_retweet,
        **other,
    }


def whole(post: Post, text: str = "full_text", author: str = "Some_1") -> dict[str, Any]:
    """An object of the API v1.1: a retweet holds the status that it passes on."""
    user = {"id": 25073877, "id_str": "25073877", "screen_name": author, "entities": {"urls": []}}
    tweet: dict[str, Any] = {
        "created_at": post.posted.strftime(API_TIME),
        "id": post.id,
        "id_str": str(post.id),
        text: post.text,
        "entities": {"hashtags": [{"text": "a", "indices": [0, 1]}], "media": [{"id": 1.5}]},
        "coordinates": {"coordinates": [-1.5e2, 0.25]},
        "user": user,
        "retweet_count": post.retweets,
        "favorite_count": post.favorites,
    }
    if post.is_retweet:
        tweet["retweeted_status"] = {**tweet, "id": 7, "id_str": "7", text: "Passed on"}
    return tweet


TTA_HEADER = b"source,text,created_at,retweet_count,favorite_count,is_retweet,id_str\n"
V2_HEADER = b"id,text,isRetweet,isDeleted,device,favorites,retweets,date,isFlagged\n"


def tta_csv(quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    """Rows of the Trump Twitter Archive; without ``quoting`` as it writes them itself."""
    rows = [
        (
            "Twitter for iPhone",
            post.text,
            f"{post.posted:%m-%d-%Y %H:%M:%S}",
            post.retweets,
            post.favorites,
            flag(post, "true", "false"),
            post.id,
        )
        for post in POSTS
    ]
    if quoting is None:
        return TTA_HEADER + "".join(",".join(map(str, row)) + "\n\n" for row in rows).encode()
    return by_csv_module(TTA_HEADER, rows, quoting)


def v2_csv(quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    """Rows of TheTrumpArchive."""
    rows = [
        (
            post.id,
            post.text,
            flag(post, "t", "f"),
            "f",
            "TweetDeck",
            post.favorites,
            post.retweets,
            post.posted,
            "f",
        )
        for post in POSTS
    ]
    return by_csv_module(V2_HEADER, rows, quoting)


def flag(post: Post, yes: str, no: str) -> str:
    return {True: yes, False: no, None: ""}[post.is_retweet]


def by_csv_module(header: bytes, rows: list[Any], quoting: Any) -> bytes:
    out = io.StringIO(newline="")
    names = header.decode().strip().split(",")
    csv.writer(out, quoting=quoting, lineterminator="\n").writerows([names, *rows])
    return out.getvalue().encode()


def lines(objects: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)


CONDENSED = [condensed(post) for post in POSTS]
JSON_FORMS: dict[str, Callable[[], bytes]] = {
    "condensed": lambda: json.dumps(CONDENSED).encode(),
    "compact": lambda: json.dumps(CONDENSED, separators=(",", ":"), ensure_ascii=False).encode(),
    "pretty with a byte order mark": lambda: BOM + json.dumps(CONDENSED, indent=2).encode(),
    "pretty, CRLF": lambda: json.dumps(CONDENSED, indent=1).replace("\n", "\r\n").encode(),
    "lines": lambda: lines(CONDENSED),
    "lines after a byte order mark and a blank one": lambda: BOM + b"\n" + lines(CONDENSED),
    "one a line in an array": lambda: (
        b"[\n" + lines(CONDENSED).replace(b"}\n", b"},\n").removesuffix(b",\n") + b"\n]"
    ),
    "ids as numbers": lambda: lines([condensed(post, id_str=None, id=post.id) for post in POSTS]),
    "ids as strings in id": lambda: lines(
        [condensed(post, id_str=None, id=str(post.id)) for post in POSTS]
    ),
}
API_FORMS: dict[str, Callable[[], bytes]] = {
    "api with full_text": lambda: json.dumps([whole(post) for post in POSTS]).encode(),
    "api with text": lambda: json.dumps([whole(post, "text") for post in POSTS]).encode(),
    "api in lines": lambda: lines([whole(post) for post in POSTS]),
    "api, pretty": lambda: json.dumps([whole(post) for post in POSTS], indent="\t").encode(),
    "api without id_str": lambda: json.dumps(
        [{k: v for k, v in whole(post).items() if k != "id_str"} for post in POSTS]
    ).encode(),
}
CSV_FORMS: dict[str, Callable[[], bytes]] = {
    "csv without quotes, blank lines between": lambda: tta_csv(None),
    "csv without quotes, CRLF": lambda: tta_csv(None).replace(b"\n", b"\r\n"),
    "csv, quoted where needed": tta_csv,
    "csv, all quoted": lambda: tta_csv(csv.QUOTE_ALL),
    "csv, all quoted, CRLF after a byte order mark": lambda: (
        BOM + tta_csv(csv.QUOTE_ALL).replace(b"\n", b"\r\n")
    ),
    "V2 csv": v2_csv,
    "V2 csv, all quoted": lambda: v2_csv(csv.QUOTE_ALL),
    "V2 csv after a byte order mark": lambda: BOM + v2_csv(),
}
FORMS = JSON_FORMS | API_FORMS | CSV_FORMS


@pytest.mark.parametrize("block_bytes", [4 << 20, pytest.param(700, marks=pytest.mark.slow)])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_tweets(
    tmp_path: Path, form: str, zipped: bool, block_bytes: int
) -> None:
    read = read_all(stored_as(tmp_path / "archive", FORMS[form](), zipped=zipped), block_bytes)
    if form in API_FORMS:  # the API marks every post as a retweet or not
        assert_same_tweets(read, author="Some_1", unknown_flag=False)
    else:
        assert_same_tweets(read)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("condensed", "compact")])
def test_every_tweet_has_the_line_and_the_offset_of_its_first_byte(
    tmp_path: Path, form: str
) -> None:
    content = FORMS[form]()
    tweets = read_all(stored_as(tmp_path / "archive", content)).tweets
    opening = {"{"} if form in JSON_FORMS | API_FORMS else {"T", '"', *"19"}
    for line, offset, tweet_id in tweets.select("line", "byte_offset", "tweet_id").rows():
        assert chr(content[offset]) in opening
        assert line == 1 + content[:offset].count(b"\n")
        after = content[offset:].split(b"\r\n" if b"\r\n" in content else b"\n")
        assert str(tweet_id).encode() in b"".join(after[:12])


def test_texts_with_commas_and_line_breaks_survive_in_quoted_csv_and_json(tmp_path: Path) -> None:
    text = 'One, "two",\nthree\r\n, four\n\n'
    post = Post(1069432000000000001, at(0), text, 1, 2)
    row = (post.id, text, "f", "f", "TweetDeck", 2, 1, post.posted, "f")
    quoted = by_csv_module(V2_HEADER, [row], csv.QUOTE_MINIMAL)
    for content in (quoted, lines([condensed(post)]), lines([whole(post)])):
        assert read_all(stored_as(tmp_path / "a", content)).tweets["text"].to_list() == [text]


def test_an_offset_in_a_time_of_the_api_is_turned_into_utc(tmp_path: Path) -> None:
    given = condensed(POSTS[0], created_at="Sun Dec 02 16:40:51 -0500 2018")
    tweets = read_all(stored_as(tmp_path / "a", lines([given]))).tweets
    assert tweets["posted"].to_list() == [datetime(2018, 12, 2, 21, 40, 51)]


def test_a_lone_half_of_a_surrogate_pair_becomes_the_replacement_character(tmp_path: Path) -> None:
    texts = [
        r"cut \ud83d", r"\uDE00 begins", r"\ud83d\ud83d\ude00\ude00", r"\ud83d\u0041",
        r"whole \ud83d\ude00", r"spelt \\ud83d out", r"both \\\ud83d", r"\\\\ud83d",
    ]  # fmt: skip
    content = "".join(
        json.dumps(condensed(POSTS[0], text="HERE")).replace("HERE", text) + "\n" for text in texts
    )
    read = read_all(stored_as(tmp_path / "a", content.encode()))
    assert read.rejects.rows() == []
    assert read.tweets["text"].to_list() == [
        "cut �",
        "� begins",
        "�😀�",
        "�A",
        "whole 😀",
        r"spelt \ud83d out",
        "both \\�",
        r"\\ud83d",
    ]


@examples(30)
@given(st.lists(st.text(alphabet='ud83\\"/n0😀\ud83d\ude00\n', max_size=9), min_size=1, max_size=5))
def test_texts_agree_with_the_json_module_whatever_is_escaped(texts: list[str]) -> None:
    content = lines([condensed(POSTS[0], text=text) for text in texts])
    (records,) = files.line_records(io.BytesIO(content), quote=False)
    rows, rejects = files.parse(records, tweet_json.parse_tweets)
    # Two halves side by side are one character; what stays alone is replaced.
    wanted = [t.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") for t in texts]
    assert rejects.height == 0
    assert rows["text"].to_list() == wanted


# --- bad records ----------------------------------------------------------------------------------

GOOD = condensed(POSTS[0])
UNPARSED = "cannot be parsed: "


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (condensed(POSTS[1], id_str=None), "has no id"),
        (condensed(POSTS[1], id_str=""), "has no id"),
        (condensed(POSTS[1], id_str="12a"), "\"tweet_id\" is not a 64-bit whole number: '12a'"),
        (condensed(POSTS[1], id_str=2**63),
         "\"tweet_id\" is not a 64-bit whole number: '9223372036854775808'"),
        (condensed(POSTS[1], id_str=10**30),
         f"\"tweet_id\" is not a 64-bit whole number: '{10**30}'"),
        (condensed(POSTS[1], id_str=None, id=123.0),
         "\"tweet_id\" is not a 64-bit whole number: '123.0'"),
        (condensed(POSTS[1], id_str=True), "\"tweet_id\" is not a 64-bit whole number: 'true'"),
        (condensed(POSTS[1], id_str=[1]), "\"tweet_id\" is not a 64-bit whole number: '[1]'"),
        (condensed(POSTS[1], id_str=-5), "\"tweet_id\" is not positive: '-5'"),
        (condensed(POSTS[1], id_str="0"), "\"tweet_id\" is not positive: '0'"),
        (condensed(POSTS[1], created_at=None), "has no time of posting"),
        (condensed(POSTS[1], created_at="yesterday"), "\"posted\" is not a date: 'yesterday'"),
        (condensed(POSTS[1], created_at="Sun Feb 30 21:40:51 +0000 2018"),
         "\"posted\" is not a date: 'Sun Feb 30 21:40:51 +0000 2018'"),
        (condensed(POSTS[1], created_at=1543787000), "\"posted\" is not a date: '1543787000'"),
        (condensed(POSTS[1], text=None), "has no text"),
        (condensed(POSTS[1], retweet_count=float("nan")), UNPARSED),
        (condensed(POSTS[1], favorite_count=float("inf")), UNPARSED),
        ("1e999", UNPARSED),
        ({**GOOD, "user": "Some_1"}, UNPARSED),
        ({**GOOD, "user": [1]}, UNPARSED),
        ({**GOOD, "retweeted_status": 5}, UNPARSED),
        ({}, "has no id"),
        ("5", UNPARSED),
        ("null", UNPARSED),
        ('"a text"', UNPARSED),
        ("[1, [2]]", UNPARSED),
        ("[" * 2_000 + "]" * 2_000, UNPARSED),
        ('{"a": nonsense}', UNPARSED),
        ('{"a": "\\x"}', UNPARSED),
        ("{'a': 1}", UNPARSED),
    ],
)  # fmt: skip
@pytest.mark.parametrize("layout", ["lines", "array"])
def test_a_bad_object_is_a_reject_with_its_place_and_its_neighbours_survive(
    tmp_path: Path, layout: str, bad: dict[str, Any] | str, reason: str
) -> None:
    middle = bad if isinstance(bad, str) else json.dumps(bad)
    first, last = json.dumps(GOOD), json.dumps(condensed(POSTS[2]))
    between, opening, closing = ("\n", "", "\n") if layout == "lines" else (",\n", "[", "]")
    content = opening + between.join([first, middle, last]) + closing
    read = read_all(stored_as(tmp_path / "a", content.encode()))
    assert read.rows_read == 3
    assert read.tweets["tweet_id"].to_list() == [POSTS[0].id, POSTS[2].id]
    assert read.tweets["line"].to_list() == [1, 3]
    ((line, offset, found, raw),) = read.rejects.rows()
    assert (line, offset) == (2, len(opening + first + between))
    assert found == reason if reason != UNPARSED else found.startswith(reason)
    assert raw == (middle[: files.RAW_CHARACTERS] if reason == UNPARSED else raw)
    assert json.loads(raw)["tweet_id"] if 'tweet_id" is' in reason else True


@pytest.mark.parametrize("bad", [b'{"text": "\xff\xfe"}', b'{"text": "a\x01b"}', b"\x00\xff" * 9])
def test_bytes_that_are_no_text_are_a_reject(tmp_path: Path, bad: bytes) -> None:
    content = lines([GOOD]) + bad + b"\n" + lines([condensed(POSTS[2])])
    read = read_all(stored_as(tmp_path / "a", content))
    assert read.tweets["line"].to_list() == [1, 3]
    assert read.rejects.select("line", "byte_offset").rows() == [
        (2, content.index(bad.lstrip(b"\x00")))
    ]


@pytest.mark.parametrize(
    ("bad", "shown"),
    [
        (lines([condensed(POSTS[1], id_str=1.0691e18)]), "1.0691e+18"),
        (lines([condensed(POSTS[1], id_str="1.0691e18")]), "1.0691e18"),
        (lines([condensed(POSTS[1], id_str=None, id=1069432000000001.0)]), "1069432000000001.0"),
        (TTA_HEADER + b"x,hi,06-30-2019 10:21:17,1,2,false,1.14528E+18\n", "1.14528E+18"),
    ],
)
def test_a_rounded_id_refuses_the_whole_file(tmp_path: Path, bad: bytes, shown: str) -> None:
    path = stored_as(tmp_path / "a", bad if bad.startswith(TTA_HEADER) else lines([GOOD]) + bad)
    with pytest.raises(InputError) as refusal:
        read_all(path)
    assert str(refusal.value).startswith(f"{path}: its ids are rounded beyond repair")
    assert f"pandas: {shown};" in str(refusal.value)


def test_a_cut_off_file_loses_its_last_record_only(tmp_path: Path) -> None:
    for form in ("lines", "condensed", "pretty with a byte order mark"):
        content = FORMS[form]().rstrip(b"\n]")[:-20]
        read = read_all(stored_as(tmp_path / "a", content))
        assert (read.rows_read, read.tweets.height, read.rejects.height) == (12, 11, 1)


@pytest.mark.parametrize("step", [45, pytest.param(11, marks=pytest.mark.slow)])
@pytest.mark.parametrize("form", CSV_FORMS)
def test_a_row_that_was_cut_off_is_a_reject_wherever_the_cut_is(
    tmp_path: Path, form: str, step: int
) -> None:
    content = CSV_FORMS[form]().rstrip()
    place = read_all(stored_as(tmp_path / "a", content)).tweets["byte_offset"][-1]
    last = content.rindex(b",")
    for end in (*range(place + 1, last, step), last - 1, last):
        read = read_all(stored_as(tmp_path / "a", content[:end]))
        assert (read.rows_read, read.tweets.height) == (12, 11)
        assert read.rejects.select("line", "byte_offset").rows() == [
            (1 + content.count(b"\n", 0, place), place)
        ]
        assert read.rejects["reason"][0].startswith(UNPARSED)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"x,hi", UNPARSED + "fewer fields than in the header"),
        (b"x,hi,06-30-2019 10:21:17,1,2,false", UNPARSED + "fewer fields than in the header"),
        (b"x,hi,06-30-2019 10:21:17,1,2,false,", "has no id"),
        (b"x,hi,06-30-2019 10:21:17,1,2,false,123.0",
         "\"tweet_id\" is not a 64-bit whole number: '123.0'"),
        (b"x,hi,,1,2,false,5", "has no time of posting"),
        (b"x,hi,30-06-2019 10:21:17,1,2,false,5",
         "\"posted\" is not a date: '30-06-2019 10:21:17'"),
        (b"x,hi,06-30-2019 10:21:17,1,2,false,5,6",
         UNPARSED + "found more fields than defined in 'Schema'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("quoted", [False, True])
def test_a_bad_row_of_csv_is_a_reject_with_its_place_and_its_neighbours_survive(
    tmp_path: Path, quoted: bool, bad: bytes, reason: str
) -> None:
    first = b'x,"a, b",06-30-2019 10:21:17,1,2,false,1\n' if quoted else b""
    first = first or b'x,"a,06-30-2019 10:21:17,1,2,false,1\n' * 2
    content = TTA_HEADER + first + bad + b"\n\nx,last,06-30-2019 10:21:18,,,,2\n"
    read = read_all(stored_as(tmp_path / "a", content))
    assert read.tweets["text"].to_list() == (["a, b", "last"] if quoted else ['"a', '"a', "last"])
    assert read.tweets.row(-1)[-4:] == (None, None, None, None)
    ((line, offset, found, _),) = read.rejects.rows()
    assert (line, offset, found) == (3 if quoted else 4, content.index(bad), reason)


@pytest.mark.parametrize("form", ["lines", "unquoted csv"])
def test_bytes_that_are_no_utf_8_cost_no_post(tmp_path: Path, form: str) -> None:
    bad = lines([condensed(POSTS[0], text="h~")]) if form == "lines" else TTA_HEADER
    bad += b"" if form == "lines" else b"x,h~,12-02-2018 21:40:51,1,2,false,1069432000000000001\n"
    read = read_all(stored_as(tmp_path / "a", bad.replace(b"h~", b"h\xff")))
    assert read.rejects.rows() == []
    assert read.tweets["text"].to_list() == ["h�"]


@pytest.mark.parametrize(
    "head",
    [
        b"", b"[]", b"{}", b"null", b"<!DOCTYPE html><html>", b"\x00\xff" * 50, b"PAR1\x15\x04",
        b'{"id": 1, "text": "a"}', b"id,text\n1,a\n", b"a\rb,c\rd", b'"unclosed', b"\x1f\x8b\x08",
        b"time,open,high,low,close\n", b"20180102 093000;1;1;1;1;0\n",
        b'[{"id": "1", "created_at": "2025-10-31T18:09:12.335Z", "content": "<p>a</p>"}]',
        TTA_HEADER.replace(b"id_str", b"id"),
    ],
)  # fmt: skip
def test_what_is_no_known_archive_is_recognised_as_none(head: bytes) -> None:
    assert not any(form.detect(head) for form in FORMATS)


@examples(30)
@given(st.binary(max_size=60) | st.text('a"\r\n,;{[:\x00', max_size=30).map(str.encode))
def test_no_bytes_break_the_recognition(head: bytes) -> None:
    assert not any(form.detect(head) for form in FORMATS)


# --- real files -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rows", "unknown", "authors"),
    [
        ("tta_2009-2018.json.zip", 36_022, 0, [None]),
        ("tta_2016-12_2019-06.csv", 8_940, 58, [None]),
        ("tta_v2_sample.csv", 68, 0, [None]),
        ("condensed_2018.json", 649, 0, [None]),
        ("master_2013.json.zip", 8_144, 0, ["realDonaldTrump"]),
        ("master_2017.json.zip", 2_605, 0, ["realDonaldTrump"]),
    ],
)
def test_real_archives_are_read_whole(
    data: Path, name: str, rows: int, unknown: int, authors: list[str | None]
) -> None:
    read = read_all(data / "tweets" / name)
    assert read.rejects.rows() == []
    assert read.rows_read == read.tweets.height == rows
    assert read.tweets["is_retweet"].null_count() == unknown
    assert read.tweets["author"].unique().to_list() == authors
    assert read.tweets["text"].str.contains("\x00", literal=True).sum() == 0

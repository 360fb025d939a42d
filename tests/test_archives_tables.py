"""The twelve posts go through every kind of table; what is not a table of posts is refused."""

import contextlib
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from posts import POSTS, assert_same_tweets, at

from tweetscore.errors import InputError
from tweetscore.ingest.account import Account, IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.io.csv_rows import is_quoted
from tweetscore.io.data_file import HEAD_BYTES
from tweetscore.io.open import data_files
from tweetscore.io.records import BLOCK_BYTES, BOM
from tweetscore.io.source import sniff
from tweetscore.posts.canonical import TweetBatch, TweetFile, Unread
from tweetscore.posts.clock import ID_TIMES
from tweetscore.posts.formats import open_tweets
from tweetscore.posts.identity import with_hashed_ids
from tweetscore.posts.names import NAMES
from tweetscore.posts.tables import open_table
from tweetscore.store.database import Store

HEADER = ("id", "posted_at", "author", "text", "shares", "likes", "is_retweet")
PLAIN = [(*post[:2], "Some_1", *post[2:]) for post in POSTS]
Rows = Sequence[Sequence[Any]]
Write = Callable[[datetime], Any]


# --- the forms ------------------------------------------------------------------------------------


def timed(write: Write, rows: Rows = PLAIN) -> Rows:
    """The rows with their times, which stand second, written in some way."""
    return [(row[0], write(row[1]), *row[2:]) for row in rows]


def csv_table(
    rows: Rows = PLAIN,
    header: Sequence[str] = HEADER,
    separator: str = ",",
    quoting: Any = csv.QUOTE_MINIMAL,
    end: str = "\r\n",
) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerows([header, *rows])
    return out.getvalue().encode()


def unquoted(rows: Rows = PLAIN, separator: str = ",") -> bytes:
    lines = [HEADER, *rows]
    return "".join(
        separator.join("" if value is None else str(value) for value in line) + "\n"
        for line in lines
    ).encode()


def objects(rows: Rows = PLAIN, header: Sequence[str] = HEADER) -> list[dict[str, Any]]:
    return [
        {
            name: str(value) if isinstance(value, datetime) else value
            for name, value in zip(header, row, strict=True)
        }
        for row in rows
    ]


def json_array(rows: Rows = PLAIN, header: Sequence[str] = HEADER, **style: Any) -> bytes:
    return json.dumps(objects(rows, header), **style).encode()


def json_lines(rows: Rows = PLAIN, header: Sequence[str] = HEADER) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in objects(rows, header)).encode()


def parquet(
    rows: Rows = PLAIN,
    header: Sequence[str] = HEADER,
    types: Mapping[str, pa.DataType] | None = None,
    **options: Any,
) -> bytes:
    columns = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))
    arrays = {name: pa.array(values, (types or {}).get(name)) for name, values in columns.items()}
    out = io.BytesIO()
    pq.write_table(pa.table(arrays), out, **options)
    return out.getvalue()


def epoch(unit: int) -> Write:
    return lambda time: int(time.replace(tzinfo=UTC).timestamp()) * unit


def zoned(zone: str) -> Write:
    return lambda time: time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))


def new_york(time: datetime) -> str:
    return time.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=-5))).isoformat()


LAYOUTS: dict[str, Callable[[], bytes]] = {
    "csv": csv_table,
    "csv, all quoted": lambda: csv_table(quoting=csv.QUOTE_ALL),
    "csv after a byte order mark": lambda: BOM + csv_table(),
    "csv without carriage returns": lambda: csv_table(end="\n"),
    "csv without a last line break": lambda: csv_table().rstrip(b"\r\n"),
    "csv after and between blank lines": lambda: b"\n" + csv_table(end="\n\n"),
    "csv, never quoted": unquoted,
    "tsv": lambda: csv_table(separator="\t"),
    "semicolons": lambda: csv_table(timed(str), separator=";"),
    "semicolons, all quoted": lambda: csv_table(separator=";", quoting=csv.QUOTE_ALL),
    "json array": json_array,
    "json, pretty": lambda: BOM + json_array(indent=2),
    "json, compact": lambda: json_array(separators=(",", ":"), ensure_ascii=False),
    "json lines": json_lines,
    "ids as strings": lambda: json_lines([(str(row[0]), *row[1:]) for row in PLAIN]),
    "parquet": parquet,
    "parquet, ids as strings": lambda: parquet([(str(row[0]), *row[1:]) for row in PLAIN]),
    "parquet, ids unsigned": lambda: parquet(types={"id": pa.uint64()}),
    "parquet, ids as decimals": lambda: parquet(types={"id": pa.decimal128(20)}),
    "parquet, nanoseconds": lambda: parquet(types={"posted_at": pa.timestamp("ns")}),
    "parquet, seconds": lambda: parquet(types={"posted_at": pa.timestamp("s")}),
    "parquet in row groups, zstd": lambda: parquet(row_group_size=5, compression="zstd"),
    "parquet, counts as floats": lambda: parquet(types={"likes": pa.float64()}),
    "parquet, words numbered": lambda: parquet(
        types={"author": pa.dictionary(pa.int32(), pa.string()), "text": pa.large_string()}
    ),
}
TIMES: dict[str, Write] = {
    "T and Z": lambda time: time.isoformat() + "Z",
    "T, a fraction and Z": lambda time: time.isoformat() + ".000Z",
    "offset with a colon": new_york,
    "offset without one": lambda time: str(time) + "+0000",
    "blank before the offset": lambda time: str(time) + " +00:00",
    "UTC behind it": lambda time: f"{time} UTC",
    "a fraction and UTC": lambda time: f"{time}.000 UTC",
    "offset and UTC": lambda time: f"{time} +0000 UTC",
    "utc without a blank": lambda time: f"{time:%Y.%m.%d %H:%M:%S}utc",
    "the API's": lambda time: time.strftime("%a %b %d %H:%M:%S +0000 %Y"),
    "seconds": epoch(1),
    "seconds as floats": lambda time: float(epoch(1)(time)),
    "milliseconds": epoch(1_000),
    "microseconds": epoch(1_000_000),
}
ZONED: dict[str, Callable[[], bytes]] = {
    **{f"csv, {name}": partial(csv_table, timed(write)) for name, write in TIMES.items()},
    **{f"json, {name}": partial(json_lines, timed(write)) for name, write in TIMES.items()},
    **{f"parquet, {name}": partial(parquet, timed(write)) for name, write in TIMES.items()},
    "parquet, in UTC": lambda: parquet(timed(zoned("UTC"))),
    "parquet, in New York": lambda: parquet(timed(zoned("America/New_York"))),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "posts"


def opened(
    path: Path,
    content: bytes,
    columns: Mapping[str, str] | None = None,
    platform: Any = None,
    block_bytes: int = BLOCK_BYTES,
) -> TweetFile:
    path.write_bytes(content)
    (file,) = data_files(path)
    tweets = open_tweets(sniff(file, block_bytes), columns, platform)
    assert tweets
    return tweets


def read(tweets: TweetFile) -> TweetBatch:
    batches = list(tweets.read())
    return TweetBatch(
        sum(batch.rows_read for batch in batches),
        pl.concat([batch.tweets for batch in batches]),
        pl.concat([batch.rejects for batch in batches]),
    )


@pytest.mark.parametrize("block_bytes", [4 << 20, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("form", LAYOUTS)
def test_every_layout_gives_the_same_tweets(path: Path, form: str, block_bytes: int) -> None:
    tweets = opened(path, LAYOUTS[form](), block_bytes=block_bytes)
    kind = form.replace("tsv", "csv").replace("semicolons", "csv").replace("ids", "json")
    assert tweets.format == f"{kind.split(',')[0].split()[0]}-tweets"
    assert (tweets.naive, tweets.dated) == (True, False)
    assert_same_tweets(read(tweets), platform="other", author="Some_1")
    assert_same_tweets(read(tweets), platform="other", author="Some_1")  # it can be read again


@pytest.mark.parametrize("form", ZONED)
def test_times_with_a_zone_become_utc_however_they_are_written(path: Path, form: str) -> None:
    tweets = opened(path, ZONED[form]())
    assert (tweets.naive, tweets.dated) == (False, False)
    assert_same_tweets(read(tweets), platform="other", author="Some_1")


@pytest.mark.parametrize("form", ["csv", "json array", "tsv"])
def test_a_packed_table_is_read_too(path: Path, form: str) -> None:
    content = LAYOUTS[form]()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("posts.txt", content)
    for packed in (zipped.getvalue(), gzip.compress(content)):
        assert_same_tweets(read(opened(path, packed)), platform="other", author="Some_1")


def test_every_post_has_its_line_and_the_offset_of_its_first_byte(path: Path) -> None:
    rows = [(1, at(0), "a", 'One,\n"two"'), (2, at(1), "a", "three"), (3, at(2), "a", "\n\n")]
    content = csv_table(rows, HEADER[:4], end="\n")
    tweets = read(opened(path, content)).tweets
    assert tweets["line"].to_list() == [2, 4, 5]
    assert [content[offset : offset + 2] for offset in tweets["byte_offset"]] == [
        b"1,",
        b"2,",
        b"3,",
    ]
    tweets = read(opened(path, parquet(rows, HEADER[:4], row_group_size=2))).tweets
    assert tweets["line"].to_list() == [1, 2, 3]
    assert tweets["byte_offset"].to_list() == [None] * 3


@examples(12)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 2**63 - 1),
            st.datetimes(datetime(2006, 3, 21), datetime(2026, 1, 1)),
            st.text(st.characters(codec="utf-8", exclude_characters="\0"))
            | st.text('",;\t\n\r a😀', max_size=12),
            st.integers(0, 2**63 - 1),
        ),
        min_size=1,
        max_size=6,
    )
)
@pytest.mark.slow
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, datetime, str, int]]
) -> None:
    header, path = ("id", "time", "text", "likes"), tmp_path_factory.getbasetemp() / "identity"
    forms = [
        *(csv_table(rows, header, separator) for separator in ",;\t"),
        csv_table(rows, header, quoting=csv.QUOTE_ALL, end="\n"),
        json_array(rows, header),
        json_array(rows, header, ensure_ascii=False, indent=1),
        json_lines(rows, header),
        parquet(rows, header),
    ]
    for content in forms:
        found = read(opened(path, content))
        assert found.rejects.rows() == []
        kept = found.tweets.select("tweet_id", "posted", "text", "favorite_count")
        assert kept.rows() == rows


# --- columns --------------------------------------------------------------------------------------

SPELLINGS = {
    "text": "text,full_text,Tweet,Content,body,message,post,Full Text,FULL-TEXT",
    "posted": "created_at,createdAt,date,DateTime,timestamp,time,posted,Posted At,published,"
    "published_at",
    "tweet_id": "id,id_str,tweet_id,tweetId,status_id,post-id",
    "author": "author,username,user,screen_name,handle,user_name,author_username",
    "retweet_count": "retweet_count,retweets,reposts,reposts_count,reblogs,shareCount,shares",
    "favorite_count": "favorite_count,favorites,likes,like_count,likeCount,favourites,"
    "favourites_count",
    "is_retweet": "is_retweet,isRetweet",
}


@pytest.mark.parametrize(
    "ours",
    [
        pytest.param(ours, marks=[pytest.mark.slow] if names.count(",") > 4 else [])
        for ours, names in SPELLINGS.items()
    ],
)
def test_columns_are_recognised_however_they_are_spelt(path: Path, ours: str) -> None:
    place = (
        "tweet_id",
        "posted",
        "author",
        "text",
        "retweet_count",
        "favorite_count",
        "is_retweet",
    ).index(ours)
    for name in SPELLINGS[ours].split(","):
        header = [*HEADER[:place], name, *HEADER[place + 1 :]]
        found = read(opened(path, csv_table(header=header)))
        assert_same_tweets(found, platform="other", author="Some_1")


@pytest.mark.parametrize("write", [csv_table, json_array, parquet])
def test_given_columns_go_before_recognised_ones(path: Path, write: Callable[..., bytes]) -> None:
    header = ("key", "when", "Who?", "My words", "passed on", "♥", "again", "id", "text", "date")
    rows = [(*row, 5, "another text", "2001-01-01 00:00") for row in PLAIN]
    ours = ("tweet_id", "posted", "author", "text", "retweet_count", "favorite_count", "is_retweet")
    given = dict(zip(ours, header, strict=False))
    assert_same_tweets(
        read(opened(path, write(rows, header), given)), platform="other", author="Some_1"
    )


def test_of_several_columns_the_fuller_text_and_the_safer_id_count(path: Path) -> None:
    header = ("id", "id_str", "created_at", "text", "full_text")
    content = csv_table([(10, 11, at(0), "Cut…", "Cut off")], header)
    assert read(opened(path, content)).tweets.select("tweet_id", "text").rows() == [(11, "Cut off")]


def test_the_first_column_with_times_of_day_counts(path: Path) -> None:
    header = ("date", "timestamp", "text")
    content = csv_table([("2018-12-02", 1543786851, "a"), ("2018-12-03", "", "b")], header)
    found = read(opened(path, content))
    assert found.tweets["posted"].to_list() == [at(0)]
    assert found.rejects["reason"].to_list() == ["has no time of posting"]


APART = ("id", "date", "author", "text", "shares", "likes", "is_retweet", "Time")


@pytest.mark.parametrize(
    ("day", "time", "naive"),
    [
        ("%Y-%m-%d", "%H:%M:%S", True),
        ("%Y%m%d", "%H%M%S", True),
        ("%Y/%m/%d", "%I:%M:%S %p", True),
        ("%Y.%m.%d", "%H:%M:%S.000", True),
        ("%Y-%m-%d", "%H:%M:%SZ", False),
        ("%Y-%m-%d", "%H:%M:%S UTC", False),
    ],
)
@pytest.mark.parametrize(
    "write",
    [csv_table, parquet]
    + [pytest.param(write, marks=pytest.mark.slow) for write in (json_array, json_lines)],
)
def test_a_date_beside_a_time_is_one_time(
    path: Path, write: Callable[..., bytes], day: str, time: str, naive: bool
) -> None:
    rows = [(*row, row[1].strftime(time)) for row in timed(lambda time: time, PLAIN)]
    content = write(timed(lambda time: time.strftime(day), rows), APART)
    tweets = opened(path, content, block_bytes=300)
    assert tweets.naive == naive
    assert_same_tweets(read(tweets), platform="other", author="Some_1")


def test_dates_and_times_of_parquet_are_one_time(path: Path) -> None:
    rows = [(*row, row[1].time()) for row in PLAIN]
    content = parquet(timed(lambda time: time.date(), rows), APART)
    assert_same_tweets(read(opened(path, content)), platform="other", author="Some_1")


def test_ids_tell_twitter_where_a_date_stands_beside_a_time(path: Path) -> None:
    rows = [(snowflake(at(n)), at(n).date(), at(n).time(), "a") for n in range(3)]
    tweets = opened(path, csv_table(rows, ("id", "date", "time", "text")))
    assert tweets.platform == "twitter"
    assert read(tweets).tweets["posted"].to_list() == [at(n) for n in range(3)]


def test_a_date_without_its_time_is_a_reject_and_names_both(path: Path) -> None:
    rows = [
        ("2018-12-02", "21:40:51", "a"),
        ("2018-12-02", "", "b"),
        ("", "21:40:51", "c"),
        ("2018-12-02", "soon", "d"),
    ]
    for header in (("date", "time", "text"), ("Date", "TIME", "tweet")):
        found = read(opened(path, json_lines(rows, header)))
        assert found.tweets["posted"].to_list() == [at(0)]
        assert found.rejects["reason"].to_list() == [
            "\"posted\" is not a date: '2018-12-02 '",
            "\"posted\" is not a date: ' 21:40:51'",
            "\"posted\" is not a date: '2018-12-02 soon'",
        ]


@pytest.mark.parametrize(
    ("header", "row", "posted"),
    [
        ("date,time,text", "2018-12-02 21:40:51,5 o'clock,a", at(0)),
        ("date,time,text", "2018-12-02,2018-12-02 21:40:51,a", at(0)),
        ("date,time,text", "2018-12-02,1543786851,a", at(0)),
        ("timestamp,date,time,text", "2018-12-02 21:40:51,2001-01-01,10:00,a", at(0)),
    ],
)
def test_a_column_with_whole_times_goes_before_a_date_beside_a_time(
    path: Path, header: str, row: str, posted: datetime
) -> None:
    found = read(opened(path, f"{header}\n{row}\n".encode()))
    assert found.tweets["posted"].to_list() == [posted]


def test_a_time_that_is_another_column_is_not_joined(path: Path) -> None:
    content = csv_table([("2018-12-02", "21:40:51", "a")], ("date", "time", "text"))
    for columns in ({"posted": "date"}, {"author": "time"}):
        with pytest.raises(InputError, match="the time '2018-12-02' is a whole day"):
            opened(path, content, columns)


def test_a_table_needs_no_more_than_texts_and_times(path: Path) -> None:
    content = csv_table([(at(0), "a"), (at(1), "")], ("date", "text"), end="\n")
    found = read(opened(path, content)).tweets.drop("line", "byte_offset", "tweet_id")
    assert found.rows() == [
        ("other", None, at(0), "a", None, None, None, None),
        ("other", None, at(1), "", None, None, None, None),
    ]


def test_what_is_nested_is_left_alone(path: Path) -> None:
    rows = [(at(0), "Words", {"id": 5, "text": "no"}, ["x"], "Some_1")]
    header = ("date", "text", "user", "retweets", "username")
    for content in (json_lines(rows, header), parquet(rows, header)):
        tweets = read(opened(path, content)).tweets
        assert tweets.select("text", "author", "retweet_count").rows() == [
            ("Words", "Some_1", None)
        ]


def test_an_empty_name_leaves_a_column_out(path: Path) -> None:
    content = csv_table([("abc", at(0), "Words", "1.2K")], ("id", "time", "text", "likes"))
    assert read(opened(path, content)).tweets.is_empty()
    tweets = read(opened(path, content, {"favorite_count": "", "tweet_id": ""})).tweets
    assert tweets.select("text", "favorite_count").rows() == [("Words", None)]


def test_json_may_leave_out_what_it_does_not_know(path: Path) -> None:
    whole, *others = objects()
    found = read(opened(path, json.dumps([{"time": "x", "text": "y"}, whole, *others]).encode()))
    assert found.rejects["reason"].to_list() == ["has no id"]
    assert found.tweets["tweet_id"].to_list() == [post.id for post in POSTS]


# --- ids ------------------------------------------------------------------------------------------


def hashed_ids(path: Path, content: bytes, platform: str | None = None) -> list[int]:
    """Return the ids that posts without one get, where their times are UTC."""
    tweets = read(opened(path, content, platform=platform)).tweets
    assert tweets["tweet_id"].null_count() == tweets.height
    return with_hashed_ids(tweets.with_columns(posted_utc="posted"))["tweet_id"].to_list()


def test_a_post_without_an_id_is_known_by_a_hash_that_never_changes(path: Path) -> None:
    header = ("time", "author", "text")
    rows = [("2018-12-02T21:40:51Z", "Some_1", "Plain words é"), (1543786851, "", "Plain words é")]
    assert hashed_ids(path, csv_table(rows[:1], header)) == [7373739095460859434]
    same = [("2018-12-02T16:40:51-05:00", "Some_1", "Plain words é")]
    assert hashed_ids(path, json_lines(same, header)) == [7373739095460859434]
    assert hashed_ids(path, csv_table(rows[1:], header)) == [3032190917812342014]


def test_posts_without_ids_are_the_same_on_whatever_right_clock_they_are_written(
    tmp_path: Path, store: Store
) -> None:
    times = [datetime(2018, 7, 2, 14) + timedelta(hours=n) for n in range(3)]
    twice = datetime(2018, 11, 4, 1, 30)  # in New York
    accounts: list[Account] = []
    for clock, hours in (("UTC", 0), ("America/New_York", -4), ("Europe/Berlin", 2)):
        rows = [(time + timedelta(hours=hours), "Some_1", f"{time:%H}") for time in times]
        path = tmp_path / clock.replace("/", "-")
        path.write_bytes(csv_table([*rows, (twice, "", "a")], ("time", "author", "text")))
        accounts += ingest(store, [path], IngestOptions(clock=clock), lambda *_: None)
    counts = [(each.stored, each.updated, each.duplicates, each.rejected) for each in accounts]
    assert counts == [(4, 0, 0, 0), (0, 0, 3, 1), (1, 0, 3, 0)]
    found = "SELECT posted_utc, text FROM tweets WHERE author IS NOT NULL ORDER BY ALL"
    assert store.rows(found) == [(time, f"{time:%H}") for time in times]
    assert store.rows("SELECT line, reason, raw->>'tweet_id' FROM rejects") == [
        (5, '"created_at" does not exist or is ambiguous in America/New_York', None)
    ]


def test_only_posts_without_an_id_and_with_a_time_get_a_hash() -> None:
    tweets = pl.DataFrame(
        {
            "platform": "other",
            "tweet_id": [5, None, None],
            "author": None,
            "posted_utc": [at(0), None, at(0)],
            "text": "a",
        },
        schema_overrides={"tweet_id": pl.Int64, "posted_utc": pl.Datetime("us")},
    )
    number = with_hashed_ids(tweets)["tweet_id"].to_list()
    assert number[:2] == [5, None]
    assert number[2] > 0
    assert tweets["tweet_id"].to_list() == [5, None, None]


def test_hashed_ids_tell_posts_apart(path: Path) -> None:
    rows = [
        (at(minute), author, text)
        for minute in (0, 1)
        for author in ("", "a", "ab")
        for text in ("", "b", "bc", "c")
    ]
    content = csv_table([*rows, *rows], ("time", "author", "text"))
    ids = [hashed_ids(path, content, platform) for platform in ("other", "reddit")]
    assert [len({*found}) for found in (*ids, ids[0] + ids[1])] == [24, 24, 48]
    assert min(ids[0] + ids[1]) > 0


def test_a_post_without_an_id_is_rejected_for_what_else_it_lacks(path: Path) -> None:
    rows = [{"time": "never", "text": "a"}, {"text": "a"}, {"time": None, "text": None}]
    good = {"time": "2018-12-02T21:40:51Z", "text": "a"}
    content = json.dumps([good, {**good, "text": None}, *rows]).encode()
    found = read(opened(path, content))
    assert found.tweets["text"].to_list() == ["a"]
    assert found.rejects["reason"].to_list() == [
        "has no text",
        "\"posted\" is not a date: 'never'",
        "has no time of posting",
        "has no time of posting",
    ]


def snowflake(time: datetime) -> int:
    return (int(epoch(1_000)(time)) - 1_288_834_974_657) << 22 | 5


def mastodon(time: datetime) -> int:
    return int(epoch(1_000)(time)) << 16 | 5


def old(minute: int) -> datetime:
    return datetime(2009, 5, 4, 18, 54) + timedelta(minutes=minute)


@pytest.mark.parametrize(
    ("platform", "header", "rows"),
    [
        ("twitter", "id,time,text", [(snowflake(at(n)), at(n), "a") for n in range(9)]),
        ("twitter", "id,time,text", [(snowflake(at(n)), new_york(at(n))[:19], "a") for n in [1]]),
        ("twitter", "id,time,text", [(17_000_000, old(0), "a"), (snowflake(at(1)), at(1), "a")]),
        ("other", "id,time,text", [(17_000_000 + n, old(n), "a") for n in range(3)]),
        ("other", "id,time,text", [(17_000_000, at(0), "a"), (snowflake(at(1)), at(1), "a")]),
        ("other", "id,time,text", [("a", at(0), "a"), (snowflake(at(1)), at(1), "a")]),
        ("other", "id,time,text", [(snowflake(at(0)), at(2_000), "a")]),
        ("twitter", "tweet_id,time,text", [(snowflake(at(0)), at(2_000), "a")]),
        ("other", "tweet_id,time,text", [(n, at(n), "a") for n in range(1, 9)]),
        ("mastodon", "id,time,text", [(mastodon(at(n)), at(n), "a") for n in range(9)]),
        ("other", "id,time,text", [("", at(0), "a")]),
    ],
)
def test_ids_are_those_of_a_platform_where_their_own_times_or_the_names_say_so(
    path: Path, platform: str, header: str, rows: Rows
) -> None:
    content = csv_table(rows, header.split(","))
    tweets = opened(path, content)
    assert (tweets.platform, tweets.dated) == (platform, platform != "other")
    given = opened(path, content, platform="mastodon")
    assert (given.platform, given.dated) == ("mastodon", True)


def test_ids_of_four_platforms_carry_a_time() -> None:
    assert ID_TIMES.keys() == {"twitter", "mastodon", "truthsocial", "bluesky"}


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("likes", "count"),
    [("", None), ("0", 0), ("12.0", 12), ("12.00", 12), (" 7 ", 7), (str(2**63 - 1), 2**63 - 1)],
)
def test_counts_may_have_been_floats(path: Path, likes: str, count: int | None) -> None:
    content = csv_table([(at(0), "a", likes)], ("time", "text", "likes"))
    assert read(opened(path, content)).tweets["favorite_count"].to_list() == [count]


@pytest.mark.parametrize("likes", ["Infinity", "1.5", "many", "-1", str(2**63), ".0", "12,5"])
def test_a_count_that_is_none_costs_the_count_and_is_told(path: Path, likes: str) -> None:
    content = csv_table([(at(0), "a", likes), (at(1), "b", 1)], ("time", "text", "likes"), ";")
    (found,) = opened(path, content).read()
    assert found.tweets.select("text", "favorite_count").rows() == [("a", None), ("b", 1)]
    assert (found.unread, found.rejects.height) == ((Unread("favorite_count", 1, likes, 2),), 0)


@pytest.mark.parametrize("flag", ["maybe", "2"])
def test_a_flag_that_is_none_costs_the_flag_and_is_told(path: Path, flag: str) -> None:
    content = csv_table([(at(0), "a", flag), (at(1), "b", "No")], ("time", "text", "is_retweet"))
    (found,) = opened(path, content).read()
    assert found.tweets["is_retweet"].to_list() == [None, False]
    assert found.unread == (Unread("is_retweet", 1, flag, 2),)


def test_a_time_in_the_future_is_a_reject_but_not_one_of_another_zone(path: Path) -> None:
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    ahead, later = now + timedelta(hours=14), now + timedelta(hours=25)
    content = csv_table([(ahead, "a"), (later, "b")], ("time", "text"))
    found = read(opened(path, content))
    assert found.tweets["posted"].to_list() == [ahead]
    assert found.rejects["reason"].to_list() == [f"\"posted\" is in the future: '{later}'"]


@pytest.mark.parametrize(
    ("seen", "utc"),
    [
        ("", None),
        ("2018-12-03T00:00:00Z", datetime(2018, 12, 3)),
        ("2018-12-03 00:00:00.5-05:00", datetime(2018, 12, 3, 5, 0, 0, 500_000)),
        ("2018-12-03T00:00:00", datetime(2018, 12, 3)),
        ("2018-12-03 00:00:00", datetime(2018, 12, 3)),
        ("Mon Dec 03 00:00:00 +0000 2018", datetime(2018, 12, 3)),
    ],
)
def test_counts_may_say_when_they_were_read(path: Path, seen: str, utc: datetime | None) -> None:
    rows = [
        (TIMES["the API's"](at(0)), "a", seen),
        (TIMES["the API's"](at(0)), "b", "later"),
        (TIMES["the API's"](at(0)), "c", "2999-01-01T00:00:00Z"),
    ]
    (found,) = opened(path, csv_table(rows, ("time", "text", "counts_as_of"))).read()
    assert found.tweets["counts_as_of_utc"].to_list() == [utc, None, None]
    assert found.unread == (Unread("counts_as_of", 2, "later", 3),)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_rows_of_another_width_are_rejects_with_their_place(path: Path, quoting: int) -> None:
    content = csv_table(
        [(at(0), "a, b", 1), (at(1),), (at(2), "c"), (at(3), "d", 2, 3), (at(4), '"\n', 3)],
        ("time", "text", "likes"),
        quoting=quoting,
    )
    found = read(opened(path, content))
    assert found.tweets.select("line", "text").rows() == [(2, "a, b"), (6, '"\n')]
    few = "cannot be parsed: fewer fields than in the header"
    assert found.rejects.select("line", "reason").rows() == [
        (3, few),
        (4, few),
        (5, "cannot be parsed: found more fields than defined in 'Schema'"),
    ]
    assert found.rows_read == 5


def test_a_day_above_12_shows_the_order_of_day_and_month(path: Path) -> None:
    rows = [
        ("01/02/2018 09:30", "a"),
        ("01/13/2018 9:31:05 PM", "b"),
        ("01/13/2018 21:31", "c"),
        ("2018-01-14", "d"),
    ]
    found = read(opened(path, csv_table(rows, ("time", "text"))))
    assert found.tweets["posted"].to_list() == [
        datetime(2018, 1, 2, 9, 30),
        datetime(2018, 1, 13, 21, 31, 5),
        datetime(2018, 1, 13, 21, 31),
    ]
    assert found.rejects["reason"].to_list() == ["\"posted\" is not a date: '2018-01-14'"]


# --- refusals -------------------------------------------------------------------------------------

TIME = "2018-12-02T21:40:51Z"


@pytest.mark.parametrize(
    "ids",
    [
        ["1.06943E+18"],
        ["1,06943E+18"],
        ["1.069432e18"],
        ["1E18"],
        ["1069432251658240000.0"],
        ["1", " 9007199254740993.0 ", "5", "2E+18", "3E+18", "4E+18"],
    ],
)
@pytest.mark.parametrize("separator", [";", "\t"])
def test_one_rounded_id_refuses_the_file(path: Path, separator: str, ids: list[str]) -> None:
    content = csv_table([(each, TIME, "a") for each in ids], ("id", "time", "text"), separator)
    shown = ", ".join([each.strip() for each in ids if len(each) > 1][:3])
    with pytest.raises(InputError) as refusal:
        read(opened(path, content))
    assert str(refusal.value) == (
        f"{path}: its ids are rounded beyond repair, as by a spreadsheet, JavaScript or pandas: "
        f"{shown}; download it again and open it in no spreadsheet, or name the column with the "
        "exact ids, as in --column tweet_id=id_str"
    )


@pytest.mark.parametrize("write", [json_lines, parquet])
def test_ids_that_are_floats_refuse_the_file(path: Path, write: Callable[..., bytes]) -> None:
    header = ("key", "time", "text")
    content = write([(float(post.id), TIME, post.text) for post in POSTS], header)
    with pytest.raises(InputError, match=r"ids are rounded beyond repair.*: 1\.0694\d+e\+?18, "):
        read(opened(path, content, {"tweet_id": "key"}))
    small = write([(123.0, TIME, "a"), (124.5, TIME, "b")], header)
    found = read(opened(path, small, {"tweet_id": "key"}))
    assert found.rejects["reason"].to_list() == [
        "\"tweet_id\" is not a 64-bit whole number: '123.0'",
        "\"tweet_id\" is not a 64-bit whole number: '124.5'",
    ]


@pytest.mark.parametrize(
    ("content", "columns", "platform", "message"),
    [
        (b"date,text\n2018-12-02,a\n", {}, None,
         "the time '2018-12-02' is a whole day, and posts are matched with minutes; name the "
         "column with the time of day with --column posted=NAME, or export it too"),
        (b"date,text\n12/02/2018,a\n", {}, None, "the time '12/02/2018' is a whole day"),
        (b"date,time,text\n2018-12-02,noon,a\n", {}, None,
         "the time '2018-12-02' is a whole day"),
        (b"date,text\nyesterday,a\n", {}, None,
         "the time 'yesterday' has no known form; write times as 2018-01-31T09:30:00Z, or as "
         "seconds since 1970"),
        ("date,text\n10 märz 2018 09:30,a\n".encode(), {}, None,
         "the time '10 märz 2018 09:30' has the word 'märz', and only English names of months are "
         "read; write times as 2018-01-31T09:30:00Z"),
        (b"date,text\n01/02/2018 09:30,a\n", {}, None,
         "no date like '01/02/2018 09:30' shows which number is the day (none is above 12); write "
         "dates as 2018-01-31"),
        (b"date,text\n", {"text": "body"}, None, "has no column 'body' (it has 'date', 'text')"),
        (b"date;words\n", {"posted": "date"}, None,
         "has no column recognised as text (it has 'date', 'words'); name it with "
         "--column text=NAME"),
        (b'{"when": 1, "body": "a"}\n', {"text": "body"}, None,
         "has no column recognised as posted (it has 'when', 'body'); name it with "
         "--column posted=NAME"),
        (b"date,text\n", {}, "mastodon",
         "has no column recognised as ids (it has 'date', 'text'), and ids of mastodon carry a "
         "time; name it with --column tweet_id=NAME, or leave --platform out"),
        (b"id,text,isRetweet,favorites,retweets,date\n", {}, "mastodon",
         "is thetrumparchive-v2-csv, whose ids are those of twitter; leave --platform out"),
        (gzip.compress(parquet()), {}, None, "packed Parquet is not read; unpack it first"),
        (parquet()[:-9], {}, None, "unreadable Parquet ("),
    ],
)  # fmt: skip
def test_what_is_unclear_is_refused_with_the_next_step(
    path: Path, content: bytes, columns: dict[str, str], platform: str | None, message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        opened(path, content, columns, platform)
    assert str(refusal.value).startswith(f"{path}: {message}")


def test_a_column_has_one_of_our_names(path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        opened(path, csv_table(), {"id": "id"})
    assert str(refusal.value) == f"there is no column called 'id'; use one of {', '.join(NAMES)}"


def test_a_header_without_rows_is_refused_by_ingest(path: Path, store: Store) -> None:
    path.write_bytes(csv_table([]))
    (account,) = ingest(store, [path], IngestOptions(), lambda *_: None)
    assert account.error is not None
    assert "none of its 0 records can be used" in account.error


@pytest.mark.slow
def test_damage_in_parquet_is_refused_wherever_it_is(path: Path) -> None:
    content = parquet(compression="none")
    for place in range(4, len(content), 61):
        damaged = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        path.write_bytes(damaged)
        (file,) = data_files(path)
        with contextlib.suppress(InputError):
            if tweets := open_tweets(sniff(file)):
                list(tweets.read())


@pytest.mark.parametrize(
    "content",
    [
        b"time,open,high,low,close,message\n2018-12-02T21:40Z,1,1,1,1,a\n",
        b'{"date": "2018-12-02T21:40Z", "Open": 1, "High": 1, "Low": 1, "Close": 1, "text": ""}\n',
        b"20180102 093000;1;1;1;1;0\n", b"id,text\n1,a\n", b"text\na\n", b"time,level\n1,a\n",
        b"# Read me\n\nThe text, the date and the time, posted here.\n", b"<!DOCTYPE html><html>",
        b"[]", b"{}", b"null", b'["text", "date"]', b'[{"text": "a"}, {"text": "b"}]', b"[[[[[",
        b'{"data": [{"text": "a", "other": "b"}]}', b"\x00\xff" * 50, b'"unclosed', b"\n\n",
        b"PK", b'{"text": ' + b"[" * 100_000, b'{"a": ' + b"9" * 5_000 + b"}",
    ],
)  # fmt: skip
def test_what_is_no_table_of_posts_is_none(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    (file,) = data_files(path)
    assert open_tweets(sniff(file)) is None


def test_bars_beside_posts_with_given_columns_stay_bars(path: Path) -> None:
    path.write_bytes(b"time,open,high,low,close\n2018-12-02T21:40Z,1,1,1,1\n")
    (file,) = data_files(path)
    assert open_tweets(sniff(file), {"text": "body", "posted": "when"}) is None


@examples(60)
@given(
    st.binary(min_size=1, max_size=60)
    | st.text('a"\r\n,;{[:}]\x00\t', min_size=1, max_size=30).map(str.encode)
)
def test_no_bytes_break_the_recognition(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(content)
    try:
        (file,) = data_files(path)
        source = sniff(file)
    except InputError:
        return  # another room's business: a pickle, a zip, a damaged gzip
    # Damaged Parquet and Arrow are refused by name.
    assert source.kind in ("parquet", "arrow") or open_table(source, {}) is None


# --- quotes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quoted", "head"),
    [
        (True, 'a,b\n1,"One,\nTwo,\nThree"\n'),  # each line of the text looks like a row
        (True, 'a,b\n1,"One,\nTwo,\nThree"\n2,"Four,\nFive,\nSi'),  # the head ends within a text
        (False, 'a,b\n1,"One" and more\n2,"never closed\n' + "3,Two\n" * 9),
        (False, "a,b\n" + "1,One\n" * 40 + '2,"never\n' + "3,Two\n" * 9),  # one swallows nine
        (True, "a,b\n1,One\n"),
        (True, "a,b\n"),
        (True, ""),
    ],
)
def test_quotes_enclose_where_all_rows_are_then_whole(quoted: bool, head: str) -> None:
    assert is_quoted(head.encode()) is quoted


def test_a_long_quoted_table_is_known_by_its_head(path: Path) -> None:
    text = "One,\nTwo,\n" * 40
    rows = [(at(minute), text) for minute in range(300)]
    content = csv_table(rows, ("time", "text"))
    assert len(content) > HEAD_BYTES
    assert read(opened(path, content)).tweets["text"].unique().to_list() == [text]


# --- real files -----------------------------------------------------------------------------------


def test_a_real_archive_is_read_whole_by_its_columns(data: Path) -> None:
    (file,) = data_files(data / "formats" / "truth_archive.csv")
    tweets = open_table(sniff(file), {})
    assert tweets
    assert (tweets.platform, tweets.naive) == ("truthsocial", False)
    found = read(tweets)
    assert (found.rows_read, found.tweets.height, found.rejects.height) == (140, 140, 0)
    (file,) = data_files(data / "tweets" / "tta_v2_sample.csv")
    tweets = open_tweets(sniff(file), {"text": "text"})
    assert tweets
    assert (tweets.format, tweets.platform, tweets.naive) == ("csv-tweets", "twitter", True)
    found = read(tweets)
    assert (found.rows_read, found.tweets.height, found.rejects.height) == (68, 68, 0)


def test_a_quote_that_comes_late_swallows_no_rows(path: Path) -> None:
    rows = [f"{at(n)},{'plain ' * 5}no {n}" for n in range(3_000)]
    rows[2_000] = f'{at(2_000)},a 5" pipe no 2000'
    content = "\n".join(["time,text", *rows, ""]).encode()
    found = read(opened(path, content))
    assert found.tweets["text"].to_list() == [row.partition(",")[2] for row in rows]
    assert (found.rows_read, found.rejects.height) == (3_000, 0)

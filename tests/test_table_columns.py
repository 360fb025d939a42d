"""Which column of a table of posts is taken for what, and what is said of it."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tweetscore
from tweetscore.cli.accounts import show_accounts
from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.source import sniff
from tweetscore.posts.canonical import TweetFile
from tweetscore.posts.formats import open_tweets

FIRST = datetime(2021, 5, 10, 14, 30, 5)
TWITTER_EPOCH_MS = 1_288_834_974_657
ROWS = 30


def moment(row: int) -> datetime:
    return FIRST + timedelta(hours=7 * row, seconds=row)


def milliseconds(time: datetime) -> int:
    return int((time - datetime(1970, 1, 1)).total_seconds() * 1_000)


def twitter_id(time: datetime) -> int:
    return (milliseconds(time) - TWITTER_EPOCH_MS) << 22 | 7


def mastodon_id(time: datetime) -> int:
    return milliseconds(time) << 16 | 7


def bluesky_id(time: datetime) -> int:
    return milliseconds(time) * 1_000 << 10 | 7


def tid(number: int) -> str:
    """Write a number in the base 32 of the keys of Bluesky's records."""
    digits = "234567abcdefghijklmnopqrstuvwxyz"
    return "".join(digits[number >> 5 * place & 31] for place in range(12, -1, -1))


def table(header: str, *columns: Any) -> bytes:
    """A CSV file of 30 rows: a column is a function of the row, or the same value in each."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header.split(","))
    for row in range(ROWS):
        writer.writerow([it(row) if callable(it) else it for it in columns])
    return out.getvalue().encode()


def opened(path: Path, content: bytes, **options: Any) -> TweetFile:
    path.write_bytes(content)
    tweets = open_tweets(sniff(DataFile(path)), **options)
    assert tweets
    return tweets


def posts(tweets: TweetFile) -> pl.DataFrame:
    batches = list(tweets.read())
    assert not any(batch.rejects.height for batch in batches)
    return pl.concat([batch.tweets for batch in batches])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "posts"


# --- times ----------------------------------------------------------------------------------------


def local(row: int) -> str:
    return str(moment(row) - timedelta(hours=8))


@pytest.mark.parametrize(
    ("name", "write", "note"),
    [
        ("created", lambda row: f"{milliseconds(moment(row)) // 1_000}.0", "counted from 1970"),
        ("created_utc", lambda row: milliseconds(moment(row)) // 1_000, "counted from 1970"),
        ("time_ms", lambda row: milliseconds(moment(row)), "counted from 1970"),
        ("seen", lambda row: moment(row).isoformat() + "Z", "with its zone"),
        ("at", lambda row: f"{moment(row) + timedelta(hours=2)} +0200", "with its zone"),
    ],
)
def test_a_time_with_a_zone_goes_before_a_local_one_of_the_same_moment(
    path: Path, name: str, write: Any, note: str
) -> None:
    tweets = opened(path, table(f"timestamp,text,{name}", local, "rain", write))
    assert not tweets.naive
    assert posts(tweets)["posted"].to_list() == [moment(row) for row in range(ROWS)]
    local_words = "" if name == "created_utc" else ", before the local 'timestamp'"
    assert f"posted = {name!r} ({note}{local_words})" in tweets.taken


@pytest.mark.parametrize(
    "write",
    [
        lambda row: milliseconds(moment(row)) // 1_000 + 37 * (row % 5),  # of the download
        lambda row: milliseconds(moment(row)) // 1_000 + 3 * 86_400,
        lambda row: milliseconds(moment(row)) // 1_000 if row < 5 else "",
        lambda _: 1_620_657_005,
    ],
)
def test_a_time_of_another_event_does_not(path: Path, write: Any) -> None:
    tweets = opened(path, table("timestamp,text,seen", local, "rain", write))
    assert tweets.naive
    assert posts(tweets)["posted"][0] == FIRST - timedelta(hours=8)


def test_a_column_that_the_user_names_goes_before_all_others(path: Path) -> None:
    content = table(
        "timestamp,text,created", local, "rain", lambda row: milliseconds(moment(row)) // 1_000
    )
    tweets = opened(path, content, columns={"posted": "timestamp"})
    assert tweets.naive
    assert posts(tweets)["posted"][0] == FIRST - timedelta(hours=8)


def test_a_time_is_utc_where_its_name_says_so(path: Path) -> None:
    tweets = opened(path, table("created_at,text,created_at_utc", local, "rain", moment))
    assert not tweets.naive
    assert posts(tweets)["posted"][0] == FIRST
    assert "posted = 'created_at_utc' (UTC by its name)" in tweets.taken


@pytest.mark.parametrize(
    ("header", "day"),
    [("id,text,lang", "en"), ("id,text,date", "%Y-%m-%d"), ("id,text,day", "%d.%m.%Y")],
)
def test_ids_tell_the_time_where_no_column_does(path: Path, header: str, day: str) -> None:
    content = table(
        header, lambda row: twitter_id(moment(row)), "rain", lambda row: f"{moment(row):{day}}"
    )
    tweets = opened(path, content)
    assert (tweets.platform, tweets.naive, tweets.step_seconds) == ("twitter", False, 1)
    assert posts(tweets)["posted"].to_list() == [moment(row) for row in range(ROWS)]
    assert "posted = 'id' (the times inside the ids)" in tweets.taken


def test_days_that_are_not_those_of_the_ids_refuse_the_file(path: Path) -> None:
    content = table("id,text,date", lambda row: twitter_id(moment(row)), "rain", "2019-01-31")
    with pytest.raises(InputError, match="the time '2019-01-31' is a whole day"):
        opened(path, content)


def test_ids_that_may_be_of_two_platforms_are_asked_for(path: Path) -> None:
    content = table("id,text", lambda row: mastodon_id(moment(row)), "rain")
    with pytest.raises(InputError) as refusal:
        opened(path, content)
    assert str(refusal.value) == (
        f"{path}: has no times of day, and the times inside its ids may be those of twitter or "
        "mastodon or truthsocial; say which with --platform twitter"
    )
    tweets = opened(path, content, platform="mastodon")
    assert posts(tweets)["posted"].to_list() == [moment(row) for row in range(ROWS)]


def test_no_time_is_read_out_of_ids_that_have_none(path: Path) -> None:
    content = table("id,text", lambda row: 472_206_234 + row, "rain")
    path.write_bytes(content)
    assert open_tweets(sniff(DataFile(path))) is None


# --- ids and authors ------------------------------------------------------------------------------


NUMBERS = {"twitter": twitter_id, "bluesky": bluesky_id, "other": milliseconds}


@pytest.mark.parametrize(
    ("address", "author", "platform"),
    [
        ("https://twitter.com/someone/status/{}", "someone", "twitter"),
        ("https://x.com/someone/status/{}?s=20", "someone", "twitter"),
        ("https://mobile.twitter.com/someone/statuses/{}", "someone", "twitter"),
        ("https://x.com/i/web/status/{}", None, "twitter"),
        ("/someone/status/{}", "someone", "twitter"),
        ("https://nitter.example/someone/status/{}#m", "someone", "twitter"),
        ("https://stocktwits.com/someone/message/{}", "someone", "other"),
        ("at://did:plc:someone/app.bsky.feed.post/{}", "did:plc:someone", "bluesky"),
        ("https://bsky.app/profile/someone.example/post/{}", "someone.example", "bluesky"),
    ],
)
def test_ids_and_authors_come_out_of_addresses(
    path: Path, address: str, author: str | None, platform: str
) -> None:
    number: Callable[[datetime], int] = NUMBERS[platform]
    write: Callable[[int], str] = tid if platform == "bluesky" else str
    content = table(
        "Tweet URL,date,text",
        lambda row: address.format(write(number(moment(row)))),
        moment,
        "see https://x.com/a/status/1",
    )
    tweets = opened(path, content)
    assert tweets.platform == platform
    found = posts(tweets)
    assert found["tweet_id"].to_list() == [number(moment(row)) for row in range(ROWS)]
    assert set(found["author"]) == {author}
    assert "tweet_id = 'Tweet URL' (the number in its addresses)" in tweets.taken


def test_an_address_of_another_post_identifies_nothing(path: Path) -> None:
    content = table(
        "quoted_url,date,text", lambda row: f"https://x.com/a/status/{row + 7}", moment, "rain"
    )
    assert posts(opened(path, content))["tweet_id"].null_count() == ROWS
    content = table(
        "id,link,date,text",
        lambda row: twitter_id(moment(row)),
        "https://x.com/a/status/7",
        moment,
        "rain",
    )
    found = posts(opened(path, content))
    assert found.select("tweet_id", "author").row(0) == (twitter_id(FIRST), None)


ROUNDED = "{near}"  # as JavaScript and pandas leave an id: a whole number, but another one


@pytest.mark.parametrize("written", ["{row}", "1.3917{row:02}E+18", "t3_{row}", ROUNDED])
def test_an_address_goes_before_a_column_that_holds_no_ids(path: Path, written: str) -> None:
    content = table(
        "id,url,date,text",
        lambda row: written.format(row=row, near=round(twitter_id(moment(row)), -2)),
        lambda row: f"https://twitter.com/someone/status/{twitter_id(moment(row))}",
        moment,
        "rain",
    )
    found = posts(opened(path, content))
    assert found["tweet_id"].to_list() == [twitter_id(moment(row)) for row in range(ROWS)]


def test_words_are_no_ids(path: Path) -> None:
    tweets = opened(path, table("id,date,text", lambda row: f"s{row:05}", moment, "rain"))
    assert posts(tweets)["tweet_id"].null_count() == ROWS
    assert "no ids: 'id' holds no whole numbers" in tweets.taken


@pytest.mark.parametrize(
    ("number", "platform", "url"),
    [
        (twitter_id, "twitter", ""),
        (mastodon_id, "mastodon", ""),
        (mastodon_id, "truthsocial", "https://truthsocial.com/@someone/{}"),
        (mastodon_id, "mastodon", "https://mastodon.example/@someone/{}"),
    ],
)
def test_ids_tell_their_platform_by_their_times_and_addresses(
    path: Path, number: Any, platform: str, url: str
) -> None:
    content = table(
        "id,created_at,content,url",
        lambda row: number(moment(row)),
        lambda row: moment(row).isoformat() + "Z",
        "rain",
        lambda row: url.format(number(moment(row))),
    )
    tweets = opened(path, content)
    assert (tweets.platform, tweets.dated, tweets.ids) == (platform, True, "own")
    told = platform != "mastodon" or "{}" in url
    assert tweets.taken.endswith(
        f"; ids of {platform}" + "; those of truthsocial look the same: see --platform" * (not told)
    )


SNSCRAPE = "{{'_type': 'snscrape.User', 'id': 12, 'verified': False, 'username': '{}'}}"


@pytest.mark.parametrize(
    "written",
    [
        SNSCRAPE,
        '{{"id": 12, "name": "Some One", "screen_name": "{}"}}',
        "{{'created': datetime.datetime(2009, 5, 1, 1, 2, tzinfo=datetime.timezone.utc), "
        "'userName': '{}', 'name': \"Some 'One'\"}}",
        '{{"entities": {{"mentions": [{{"username": "other"}}]}}, "username": "{}"}}',
        "User(id=12, displayname=\"Some 'One'\", username='{}', created=datetime.date(2009, 5, 1))",
        "https://twitter.com/{}",
        "@{}",
        "b'{}'",
    ],
)
def test_an_author_is_a_name(path: Path, written: str) -> None:
    who = ("some_one", "other_1")
    content = table("date,text,user", moment, "rain", lambda row: written.format(who[row % 2]))
    assert posts(opened(path, content))["author"].to_list() == [*who] * (ROWS // 2)


@pytest.mark.parametrize("packed", [False, True])
def test_structures_of_parquet_and_arrow_are_columns(path: Path, packed: bool) -> None:
    users = [{"id": 4, "name": {"screen_name": "some_one"}}, None] * (ROWS // 2)
    frame = pl.DataFrame(
        {
            "date": [moment(row) for row in range(ROWS)],
            "text": "rain",
            "a.b": "x",
            "user": users,
            "public_metrics": [{"retweet_count": 2, "like_count": 3}] * ROWS,
            "urls": [["a"]] * ROWS,
        }
    )
    out = io.BytesIO()
    (frame.write_parquet if packed else frame.write_ipc)(out)
    tweets = opened(path, out.getvalue(), columns={"author": "user.name.screen_name"})
    found = posts(tweets).select("author", "retweet_count", "favorite_count")
    assert found.rows() == [("some_one", 2, 3), (None, 2, 3)] * (ROWS // 2)
    assert tweets.taken == (
        "columns: text, posted = 'date', author = 'user.name.screen_name', retweet_count = "
        "'public_metrics.retweet_count', favorite_count = 'public_metrics.like_count'; not used: "
        "'a.b', 'user.id'"
    )


def test_counts_come_out_of_objects(path: Path) -> None:
    metrics = "{'retweet_count': 2, 'reply_count': 9, 'like_count': 3, 'quote_count': 0}"
    tweets = opened(path, table("date,text,public_metrics", moment, "rain", metrics))
    found = posts(tweets).select("retweet_count", "favorite_count")
    assert set(found.rows()) == {(2, 3)}
    assert "retweet_count = 'public_metrics' (the number in its objects)" in tweets.taken


# --- texts ----------------------------------------------------------------------------------------


def texts(path: Path, written: Sequence[str]) -> tuple[list[str], str]:
    """Return the texts of 30 posts that repeat some, and what was taken for what."""
    content = table("date,text", moment, lambda row: written[row % len(written)])
    tweets = opened(path, content)
    return posts(tweets)["text"].to_list()[: len(written)], tweets.taken


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (
            '<a href="https://n.example/a" title="A">@a</a> rain &amp; more<br>next',
            "@a rain & more\nnext",
        ),
        ('<p>rain <span class="h-card">@a</span></p><p>sun &lt;3</p>', "rain @a\n\nsun <3"),
        ("<b>rain</b> and <i>sun</i>", "rain and sun"),
        ("first<br/>second &quot;x&quot;", 'first\nsecond "x"'),
        ('<div dir="auto">rain</div>', "rain"),
    ],
)
def test_html_becomes_its_visible_text(path: Path, written: str, text: str) -> None:
    found, taken = texts(path, [written])
    assert found == [text]
    assert taken == "columns: text (HTML, of which the visible text), posted = 'date'"


def test_links_in_few_posts_show_html_too(path: Path) -> None:
    plain = [f"rain {n} a &lt; b" for n in range(13)]
    found, _ = texts(path, [*plain, 'see <a href="https://a.example" rel="nofollow">a.example</a>'])
    assert found == [*(f"rain {n} a < b" for n in range(13)), "see a.example"]


@pytest.mark.parametrize(
    "written",
    [
        "I <3 you", "a < b and c > d", "a<b>c", "<sarcasm>sure</sarcasm>", "Tom &amp; Jerry",
        "x <- y", "if (a<b && c>d)", "<rain>", "b'", "bob's 'rain'", '"rain" and "sun"',
    ],
)  # fmt: skip
def test_plain_texts_stay_as_they_are(path: Path, written: str) -> None:
    others = [f"rain {n}" for n in range(14)]
    found, taken = texts(path, [*others, written])
    assert found == [*others, written]
    assert taken == "columns: text, posted = 'date'"


def test_comments_of_youtube_are_shown_as_text(path: Path) -> None:
    snippet = {"textDisplay": 'a &amp; b<br><a href="https://a.example">a.example</a>'}
    snippet |= {"publishedAt": "2021-05-10T14:30:05Z", "authorDisplayName": "Some One"}
    path.write_text(json.dumps({"id": "UgxA", "snippet": snippet}) + "\n")
    tweets = open_tweets(sniff(DataFile(path)))
    assert tweets
    assert posts(tweets)["text"].to_list() == ["a & b\na.example"]


def test_comparisons_in_every_text_are_no_html(path: Path) -> None:
    written = [f"a<b>c & x < {n} <3" for n in range(9)]
    assert texts(path, written) == (written, "columns: text, posted = 'date'")


def test_bytes_of_python_are_decoded(path: Path) -> None:
    written = [
        r"b'Caf\xc3\xa9 \xe2\x80\x99s'",
        r'''b"don't \xf0\x9f\x98\x80\nnext"''',
        r"b'it\'s \\n'",
        "b''",
        r"u'caf\xe9 \u2019'",
    ]
    found, taken = texts(path, written)
    assert found == ["Café ’s", "don't 😀\nnext", r"it's \n", "", "café ’"]
    assert taken == "columns: text (written by Python as b'…'), posted = 'date'"


def test_quotations_in_json_stay(path: Path) -> None:
    lines = [json.dumps({"date": str(moment(row)), "text": f'"rain {row}"'}) for row in range(ROWS)]
    found = posts(opened(path, "\n".join(lines).encode()))
    assert found["text"].to_list() == [f'"rain {row}"' for row in range(ROWS)]


def test_quotes_around_unquoted_fields_are_taken_off(path: Path) -> None:
    lines = [
        f'{moment(row)};"rain {row} he said "buy" loudly";"{twitter_id(moment(row))}"'
        for row in range(ROWS - 1)
    ]
    content = "\n".join(["date;text;id", *lines, f'{moment(ROWS)};"say ""no""";"9"', ""]).encode()
    tweets = opened(path, content)
    found = posts(tweets)
    assert found["text"][0] == 'rain 0 he said "buy" loudly'
    assert found["text"][-1] == 'say "no"'
    assert tweets.taken == (
        "columns: text (without the quotes around it), posted = 'date', tweet_id = 'id'; ids of "
        "twitter"
    )
    assert found["tweet_id"][0] == twitter_id(FIRST)


def misread(text: str) -> str:
    """Read the UTF-8 of a text as cp1252, as spreadsheets do; what it lacks is as in latin-1."""
    letters = []
    for octet in text.encode():
        try:
            letters.append(bytes([octet]).decode("cp1252"))
        except UnicodeDecodeError:
            letters.append(chr(octet))
    return "".join(letters)


@pytest.mark.parametrize("text", ["café “naïve” 😂 今日", "it’s"])
def test_utf8_that_was_read_as_cp1252_is_read_again(path: Path, text: str) -> None:
    content = table("date,text,author", zoned, misread(text), misread("Jörg"))
    tweets = opened(path, content)
    assert posts(tweets).select("text", "author").unique().rows() == [(text, "Jörg")]
    assert tweets.taken == (
        "columns: text (UTF-8 that was read as cp1252), posted = 'date', author (UTF-8 that was "
        "read as cp1252)"
    )


@pytest.mark.parametrize("text", ["café “naïve”", "CAFÉ™ Ã", "Â£ or £", "É”", "今日 é"])
def test_letters_of_latin_scripts_stay_as_they_are(path: Path, text: str) -> None:
    others = ["Zürich", "naïve", "rain"]
    content = table("date,text", zoned, lambda row: text if row < 2 else others[row % 3])
    assert posts(opened(path, content))["text"].to_list()[:3] == [text, text, "rain"]


def zoned(row: int) -> str:
    return f"{moment(row)}Z"


def with_backslashes(text: str) -> str:
    return text.replace('"', r"\"")


QUOTATIONS = ['a "buy", he said', '"buy", he said "now"', "line\nbreak", '"snow"', '5" of "snow"']


# Within the first bytes, or far behind them, where an odd one costs some rows.
@pytest.mark.parametrize(("rows", "different"), [(ROWS, 5), (9_000, 4)])
def test_quotes_may_have_backslashes_before_them(path: Path, rows: int, different: int) -> None:
    texts = [QUOTATIONS[row % different] if row > rows - 20 else "rain" for row in range(rows)]
    lines = (
        f'"{moment(row % ROWS)}Z","{with_backslashes(text)}","made up"'
        for row, text in enumerate(texts)
    )
    found = posts(opened(path, ('"date","text","author"\n' + "\n".join(lines)).encode()))
    assert found["text"].to_list() == texts
    assert found["author"].unique().to_list() == ["made up"]


def test_backslashes_and_quotes_of_other_files_stay(path: Path) -> None:
    texts = ["C:\\", 'he typed \\"hi\\" there', 'so "it" is', "a\\nb"]
    content = table("date,text", zoned, lambda row: texts[row % 4])
    assert posts(opened(path, content))["text"].to_list()[:4] == texts


def test_the_escapes_of_a_database_are_read_where_it_writes_what_is_missing(path: Path) -> None:
    rows = (rf"{zoned(row)}	line one\nline \"two\" C:\\dir	\N	\N" for row in range(ROWS))
    content = "date\ttext\tauthor\tlikes\n" + "\n".join(rows) + "\n"
    found = posts(opened(path, content.encode()))
    columns = ["text", "author", "favorite_count"]
    wanted = [('line one\nline "two" C:\\dir', None, None)]
    assert found.select(columns).unique().rows() == wanted


# --- the order of day and month -------------------------------------------------------------------


def early(row: int) -> datetime:
    """Return a time on one of the first days of May, which show no order."""
    return datetime(2021, 5, 1 + row % 9, 9, 3, row)


@pytest.mark.parametrize(
    "written", ["%d/%m/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m-%d-%y %H:%M:%S"]
)
def test_ids_show_the_order_of_day_and_month(path: Path, written: str) -> None:
    content = table(
        "id,date,text",
        lambda row: twitter_id(early(row)),
        lambda row: f"{early(row):{written}}",
        "a",
    )
    found = posts(opened(path, content))
    assert found["posted"].to_list() == [early(row) for row in range(ROWS)]


@pytest.mark.parametrize("written", ["%d.%m.%Y %H:%M:%S", "%d.%m.%y %H:%M:%S"])
def test_dates_with_dots_have_the_day_first(path: Path, written: str) -> None:
    content = table("date,text", lambda row: f"{early(row):{written}}", "a")
    assert posts(opened(path, content))["posted"].to_list() == [early(row) for row in range(ROWS)]


@pytest.mark.parametrize("written", ["%d/%m/%Y %H:%M:%S", "%m-%d-%y %H:%M:%S"])
def test_dates_that_show_no_order_are_refused(path: Path, written: str) -> None:
    with pytest.raises(InputError, match=r"shows which number is the day"):
        opened(path, table("date,text", lambda row: f"{early(row):{written}}", "a"))


@pytest.mark.parametrize("rows", [20, 2_000])  # the first ones, in the other order
def test_a_file_in_which_the_order_of_dates_changes_is_refused(path: Path, rows: int) -> None:
    def dates(written: str, first: int, last: int) -> list[str]:
        times = (datetime(2021, 1 + n % 12, 1 + n % 28, 9, 3, 1) for n in range(first, last))
        return [f"{time:{written}},rain" for time in times]

    lines = [*dates("%d/%m/%Y %T", 0, rows), *dates("%m/%d/%Y %T", rows, rows + 2_000)]
    with pytest.raises(InputError, match=r"posts: the order of its dates changes: "):
        list(opened(path, "\n".join(["date,text", *lines]).encode()).read())


def test_one_date_in_another_order_is_a_reject(path: Path) -> None:
    lines = [f"{datetime(2021, 1 + n % 12, 1 + n % 28):%d/%m/%Y %T},rain" for n in range(2_000)]
    lines[1_500] = "12/31/2021 00:00:00,rain"
    (batch,) = opened(path, "\n".join(["date,text", *lines]).encode()).read()
    assert batch.rejects["line"].to_list() == [1_502]


# --- values that mean something else --------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_ids_that_javascript_rounded_are_refused_with_a_way_out(
    tmp_path: Path, ending: str
) -> None:
    ids = [twitter_id(moment(row)) + 4_242 * row for row in range(ROWS)]
    rounded = [int(f"{float(number):.16e}"[:-4].replace(".", "")) * 100 for number in ids]
    rows = [(number, f"{moment(row)}Z") for row, number in enumerate(rounded)]
    path = tmp_path / f"a.{ending}"
    if ending == "csv":
        path.write_text("id,created_at,text\n" + "".join(f"{n},{at},a\n" for n, at in rows))
    else:
        posted = ({"id": number, "created_at": at, "text": "a"} for number, at in rows)
        path.write_text("".join(json.dumps(post) + "\n" for post in posted))
    with tweetscore.open(tmp_path / "t.duckdb") as database:
        (refused,) = database.ingest(path)
        (without,) = database.ingest(path, columns={"tweet_id": ""})
    assert refused.error is not None
    assert "its ids all end in 00 (" in refused.error
    assert refused.error.endswith("or do without them: --column tweet_id=")
    assert (without.error, without.stored) == (None, ROWS)


@pytest.mark.parametrize("nothing", ["1900-01-01 00:00:00", "1970-01-01 00:00:00"])
def test_what_programs_write_for_no_time_is_a_reject(path: Path, nothing: str) -> None:
    content = table("date,text", lambda row: moment(row) if row % 10 else nothing, "a")
    (batch,) = opened(path, content).read()
    reason = f"\"posted\" is older than any post: '{nothing}'"
    assert batch.rejects["reason"].to_list() == [reason] * (ROWS // 10)


def test_ids_with_commas_are_ids(path: Path) -> None:
    content = table(
        "id,date,text",
        lambda row: f"{twitter_id(moment(row)):,}",
        zoned,
        "a",
    )
    tweets = opened(path, content)
    assert tweets.platform == "twitter"
    assert posts(tweets)["tweet_id"].to_list() == [twitter_id(moment(row)) for row in range(ROWS)]


def test_letters_that_name_several_zones_are_refused_by_name(path: Path) -> None:
    with pytest.raises(InputError, match=r"05 IST' ends in 'IST', which names no zone or several"):
        opened(path, table("date,text", lambda row: f"{moment(row):%F %H:%M}:05 IST", "a"))


# --- several columns that are one text ------------------------------------------------------------


def reddit(row: int) -> list[Any]:
    return [f"t3_{row + 36**5:x}", moment(row), f"title {row}", ("", "body", " ")[row % 3], row]


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ("selftext", {}),
        ("selftext", {"text": "title+selftext"}),
        ("below", {"text": "title+below"}),
        ("below", {"text": "3+4"}),
        ("text", {"text": "title + text"}),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_several_columns_are_one_text(
    path: Path, body: str, columns: dict[str, str], ending: str
) -> None:
    header = ["id", "date", "title", body, "score"]
    frame = pl.DataFrame([reddit(row) for row in range(ROWS)], header, orient="row")
    frame = frame.with_columns(pl.col(body).replace(" ", None))
    out = io.BytesIO()
    if ending == "csv":
        frame.write_csv(out)
    elif ending == "jsonl":
        frame.with_columns(pl.col("date").cast(pl.String)).write_ndjson(out)
    else:
        frame.write_parquet(out)
    tweets = opened(path, out.getvalue(), columns=columns)
    assert posts(tweets)["text"].to_list() == [
        f"title {row}" + ("\n\nbody" if row % 3 == 1 else "") for row in range(ROWS)
    ]
    assert tweets.taken == (
        f"columns: text = 'title+{body}', posted = 'date', tweet_id = 'id' (in base 36), "
        "favorite_count = 'score'; ids of reddit"
    )


SUBMISSION = "id,created_utc,title,selftext,subreddit,author,score"
COMMENT = "id,created_utc,body,link_id,author,ups"


def of_reddit(row: int) -> dict[str, Any]:
    return {
        "id": f"l9{row:02}x{'yz0'[row % 3]}", "created_utc": 1_620_657_005 + 61 * row,
        "title": f"title {row}", "selftext": ("", "body", "[removed]")[row % 3],
        "body": (f"comment {row}", "[deleted]")[row % 5 == 4], "subreddit": "s",
        "author": "made_up", "score": row, "ups": row, "link_id": "t3_l9u000",
    }  # fmt: skip


@pytest.mark.parametrize("header", [SUBMISSION, COMMENT])
@pytest.mark.parametrize("prefix", ["full name", pytest.param("", marks=pytest.mark.slow)])
def test_a_table_of_reddit_has_the_posts_of_its_json(
    tmp_path: Path, header: str, prefix: str
) -> None:
    kind = {SUBMISSION: "t3_", COMMENT: "t1_"}[header] if prefix else ""
    names = header.split(",")
    rows = [{name: of_reddit(row)[name] for name in names} for row in range(ROWS)]
    lines = [",".join(map(str, [kind + row["id"], *[*row.values()][1:]])) for row in rows]
    (tmp_path / "a.csv").write_text("\n".join([header, *lines]))
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = []
    for name in ("a.csv", "b.jsonl"):
        with tweetscore.open(tmp_path / f"{name}.duckdb") as database:
            database.ingest(tmp_path / name)
            found.append(
                (
                    database.store.rows("SELECT * EXCLUDE source_id FROM tweets ORDER BY tweet_id"),
                    database.store.rows("SELECT reason FROM rejects ORDER BY line"),
                )
            )
    of_csv, of_json = found
    assert [(*row[:7], None, row[8]) for row in of_csv[0]] == [
        (*row[:7], None, row[8]) for row in of_json[0]
    ]  # is_retweet is known of JSON only
    assert of_csv[1] == of_json[1]
    gone = "[removed]" if header == SUBMISSION else "[deleted]"
    assert of_csv[1] == [(f"its text is {gone}",)] * sum(gone in line for line in lines)
    assert {row[:2] for row in of_csv[0]} == {
        ("reddit" if header == SUBMISSION else "reddit_comments", int(row["id"], 36))
        for row in rows
        if gone not in row.values()
    }


def test_words_and_numbers_are_no_ids_of_reddit(path: Path) -> None:
    numbers = [lambda row: f"{row}1234", lambda _: "sunny"]
    for ids in numbers:
        content = table(
            "id,created_utc,body,subreddit",
            ids,
            lambda row: 1_620_657_005 + 61 * row,
            "rain",
            "s",
        )
        assert "in base 36" not in opened(path, content).taken


def test_two_columns_are_one_time(path: Path) -> None:
    content = table(
        "day of post,at,text",
        lambda row: moment(row).date(),
        lambda row: moment(row).time(),
        "rain",
    )
    tweets = opened(path, content, columns={"posted": "day of post+at"})
    assert posts(tweets)["posted"].to_list() == [moment(row) for row in range(ROWS)]


def test_a_post_without_any_part_of_its_text_is_a_reject(path: Path) -> None:
    path.write_text(
        '{"date": "2021-05-10T14:30Z", "a": null, "b": null}\n'
        '{"date": "2021-05-10T14:31Z", "a": "", "b": null}\n'
        '{"date": "2021-05-10T14:32Z", "a": "rain", "b": "sun"}\n'
    )
    tweets = open_tweets(sniff(DataFile(path)), {"text": "a+b"})
    assert tweets
    (batch,) = tweets.read()
    assert batch.tweets["text"].to_list() == ["", "rain\n\nsun"]
    assert batch.rejects["reason"].to_list() == ["has no text"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": "a+text"}, "has no column 'a+text' (it has 'date', 'text')"),
        (
            {"author": "date+text"},
            "only the text and the time may be several columns, and --column author=date+text "
            "joins some; name one of them",
        ),
    ],
)
def test_what_cannot_be_joined_is_refused(
    path: Path, columns: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        opened(path, table("date,text", moment, "rain"), columns=columns)
    assert str(refusal.value).startswith(f"{path}: {message}")


def test_the_columns_of_records_inside_a_document_are_shown_and_may_be_named(
    tmp_path: Path,
) -> None:
    rows = [{"words": f"n{n}", "when": f"2021-05-10T14:3{n}:05Z", "by": "a"} for n in range(3)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"status": "ok", "found": 3, "results": rows}))
    with tweetscore.open(tmp_path / "t.duckdb") as database:
        (unknown,) = database.ingest(path)
        (mistyped,) = database.ingest(path, columns={"text": "word", "posted": "when"})
        (named,) = database.ingest(path, columns={"text": "words", "posted": "when"})
        found = database.store.rows("SELECT text, author FROM tweets ORDER BY text")
    assert unknown.error is not None
    assert unknown.error.endswith(
        "it has 'words', 'when', 'by'; if it holds posts, name their columns with "
        "--column text=NAME --column posted=NAME"
    )
    assert mistyped.error is not None
    assert mistyped.error.endswith(
        "has no column 'word' (it has 'words', 'when', 'by'); did you mean words?"
    )
    assert named.error is None
    assert found == [("n0", "a"), ("n1", "a"), ("n2", "a")]


# --- what is said ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        ('{"title": "a", "selftext": "b", "created_utc": 1620657005, "id": "n1", "author": "c", '
         '"score": 5, "subreddit": "d"}',
         "columns: tweet_id = 'id', author, posted = 'created_utc', text = 'title' and 'selftext', "
         "favorite_count = 'score'; not used: 'subreddit'"),
        ('{"id": 5, "date": "2021-05-10T14:30:05Z", "content": "a", "user": {"username": "b"}, '
         '"likeCount": 2, "lang": "en"}',
         "columns: tweet_id = 'id', author = 'user.username', posted = 'date', text = 'content', "
         "favorite_count = 'likeCount'; not used: 'lang'"),
        ('{"data": [{"id": "5", "text": "a", "created_at": "2021-05-10T14:30:05.000Z", '
         '"author_id": "7", "public_metrics": {"like_count": 3}}]}',
         "columns: text, posted = 'created_at', tweet_id = 'id', favorite_count = "
         "'public_metrics.like_count'"),
        ("id,text,isRetweet,isDeleted,device,favorites,retweets,date,isFlagged\n"
         "5,a,f,f,web,1,2,2021-05-10 14:30:05,f",
         "columns: tweet_id = 'id', posted = 'date', text, retweet_count = 'retweets', "
         "favorite_count = 'favorites', is_retweet; not used: 'isDeleted', 'device', 'isFlagged'"),
    ],
)  # fmt: skip
def test_known_layouts_say_what_they_take_too(path: Path, content: str, taken: str) -> None:
    assert opened(path, content.encode() + b"\n").taken == taken


def test_the_console_shows_one_short_line_and_the_database_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [f"column_{place}" for place in range(60)]
    (tmp_path / "posts.csv").write_bytes(
        table(",".join(["date", "text", *others]), moment, "rain", *others)
    )
    with tweetscore.open(tmp_path / "t.duckdb") as database:
        accounts = database.ingest(tmp_path / "posts.csv", clock="UTC")
        ((stored,),) = database.store.rows("SELECT taken FROM sources")
    left = ", ".join(map(repr, others))
    assert stored == accounts[0].taken == f"columns: text, posted = 'date'; not used: {left}"
    show_accounts(accounts, as_json=False)
    shown = [line for line in capsys.readouterr().err.splitlines() if "columns:" in line]
    assert len(shown) == 1
    assert shown[0].startswith("posts.csv: columns: text, posted = 'date'; not used: 'column_0', ")
    assert shown[0].endswith(", …")
    assert len(shown[0]) < 260


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_a_small_table_may_be_read_without_a_column(tmp_path: Path, ending: str) -> None:
    frame = pl.DataFrame({"id": [7, 9], "date": ["2021-05-10T14:30Z"] * 2, "text": ["a", "b"]})
    path = tmp_path / f"a.{ending}"
    frame.write_csv(path) if ending == "csv" else frame.write_json(path)
    with tweetscore.open(tmp_path / "t.duckdb") as database:
        (account,) = database.ingest(path, columns={"tweet_id": ""})
        (refused,) = database.ingest(path, columns={"text": "words"})
    assert (account.error, account.stored) == (None, 2)
    assert refused.error is not None
    assert "has no column 'words' (it has 'id', 'date', 'text')" in refused.error


# --- headers amid rows ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "where"),
    [
        ("created_at,author,text", "created_at,text,author", "'author' in the place of 'text'"),
        ("date,text,likes,retweets", "date,text,retweets,likes", "of '(likes|retweets)'"),
        ("id,created_at,text", "\ufefftext,created_at,id", "in the place of '(id|text)'"),
    ],
)
def test_a_header_with_columns_in_other_places_is_refused(
    path: Path, first: str, second: str, where: str
) -> None:
    writes = {"created_at": posted, "date": posted, "id": lambda row: 500 + 3 * row}
    columns = [writes.get(name, text_of) for name in first.split(",")]
    content = table(first, *columns) + table(second, *columns)
    with pytest.raises(InputError, match=rf"line 32 is a header with .*{where}; part the file"):
        list(opened(path, content).read())


def test_a_repeated_header_is_a_reject(path: Path) -> None:
    columns = (lambda row: f"{moment(row)}Z", text_of, "a")
    content = table("created_at,text,author", *columns) + table("Created at,Text,User", *columns)
    (batch,) = opened(path, content).read()
    assert (batch.tweets.height, batch.rejects["line"].to_list()) == (2 * ROWS, [32])


def posted(row: int) -> str:
    return f"{moment(row)}Z"


def text_of(row: int) -> str:
    return f"rain {row}"

"""Archives of made-up posts with the faults of real ones, and what must become of every row.

Each maker writes files and returns, beside them, every post that must be stored and the line of
every row that must be rejected. Texts have a serial number: no post can stand for another.
"""

import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

TWITTER_EPOCH_MS = 1_288_834_974_657
FIRST = datetime(2021, 5, 10, 14, 30, 5)
WORDS = [
    "markets",
    "rates",
    "café",
    "naïve",
    "bonds",
    "gold",
    "oil",
    "tariff",
    "貿易",
    "関税",
    "株価",
    "今日",
    "สวัสดี",
    "ตลาด",
    "市场",
    "增长",
    "سوق",
    "рынок",
    "цены",
    "αγορά",
    "시장",
    "“quoted”",
    "it’s",
    "100%",
    "up",
    "&",
    "<down>",
    "😀",
    "👩\u200d👩\u200d👧",
    "$TSLA",
    "#markets",
    "@someone",
]
LATIN_WORDS = [
    "markets",
    "rates",
    "café",
    "naïve",
    "über",
    "señor",
    "bonds",
    "gold",
    "oil",
    "tariff",
    "façade",
    "Zürich",
]


@dataclass(frozen=True, slots=True)
class Post:
    """One post as it must be stored; the author is None where the archive names none."""

    enters: datetime  # the minute of entry
    text: str
    author: str | None = None
    retweets: int | None = None
    favorites: int | None = None


@dataclass(slots=True)
class Made:
    """The files of one archive, and what must become of their rows."""

    options: dict[str, Any] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    rows: int = 0
    posts: list[Post] = field(default_factory=list)
    rejected: list[tuple[str, int]] = field(default_factory=list)  # name of the file, line


def minute_after(time: datetime) -> datetime:
    """Return the first whole minute at or after a time."""
    return (time + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0)


def snowflake(time: datetime, number: int) -> int:
    """Return an id of Twitter's with this time in it."""
    since_1970 = (time.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(
        milliseconds=1
    )
    return (int(since_1970) - TWITTER_EPOCH_MS << 22) | number % (1 << 22)


def times(rng: random.Random, number: int) -> Iterator[datetime]:
    """Yield times of posting: whole seconds, some of them equal."""
    time = FIRST
    for _ in range(number):
        yield time
        time += timedelta(seconds=rng.choice((0, 1, 7, 59, 60, 61, 353)))


def words(rng: random.Random, serial: int, of: list[str] = WORDS, join: str = " ") -> str:
    """Return a text that no other post has."""
    return f"{join.join(rng.choices(of, k=8))} no {serial}"


def lines_with_damage(folder: Path, number: int) -> Made:
    """Write API objects one a line; some lines are cut, some repeat a post with newer counts."""
    rng, made = random.Random(1), Made()
    lines: list[str] = []
    path = folder / "stream.jsonl"
    for serial, time in enumerate(times(rng, number)):
        tweet: dict[str, Any] = {
            "created_at": time.strftime("%a %b %d %H:%M:%S +0000 %Y"),
            "id_str": str(snowflake(time, serial)),
            "full_text": words(rng, serial, join=rng.choice((" ", "\n"))),
            "user": {"screen_name": f"author{serial % 7}"},
            "retweet_count": serial % 100,
            "favorite_count": serial % 1_000,
        }
        lines.append(json.dumps(tweet, ensure_ascii=serial % 2 == 0))
        chance = rng.random()
        if chance < 0.01:
            lines.append(lines[-1])
        elif chance < 0.02:
            tweet["favorite_count"] += 5
            tweet["retweet_count"] += 1
            lines.append(json.dumps(tweet))
        elif chance < 0.03:
            lines.append(lines[-1][: rng.randrange(1, len(lines[-1]) - 1)])
            made.rejected.append((path.name, len(lines)))
        made.posts.append(
            Post(
                minute_after(time),
                tweet["full_text"],
                tweet["user"]["screen_name"],
                tweet["retweet_count"],
                tweet["favorite_count"],
            )
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made.files, made.rows = [path], len(lines)
    return made


def _written(path: Path, rows: list[list[object]], made: Made, **form: Any) -> None:
    """Write rows as CSV; note those that end with REJECT by the line on which they begin."""
    out, line = io.StringIO(newline=""), 1
    writer = csv.writer(out, **{"lineterminator": "\n", **form})
    for number, row in enumerate(rows):
        bad = row and row[-1] is REJECT
        before = out.tell()
        writer.writerow(row[:-1] if bad else row)
        if bad:
            made.rejected.append((path.name, line))
        out.seek(before)
        line += out.read().count("\n")
        made.rows += bool(number)
    path.write_bytes(out.getvalue().encode())
    made.files.append(path)


REJECT = object()


def csv_with_repeated_headers(folder: Path, number: int) -> Made:
    """Write files that were put one after the other, with a few bad ids and times."""
    rng, made = random.Random(2), Made()
    header: list[object] = ["id", "created_at", "text", "username", "retweet_count", "like_count"]
    rows = [header]
    for serial, time in enumerate(times(rng, number)):
        text = words(rng, serial, join=rng.choice((" ", ", ", '"', "\n")))
        shown = time.strftime("%Y-%m-%d %H:%M:%S")
        row: list[object] = [snowflake(time, serial), shown, text, f"a{serial % 3}", 2, 3]
        rows.append(row)
        made.posts.append(Post(minute_after(time), text, f"a{serial % 3}", 2, 3))
        chance = rng.random()
        if chance < 0.004:
            rows.append([*header, REJECT])
        elif chance < 0.008:
            rows.append([row[0], "yesterday", *row[2:], REJECT])
        elif chance < 0.012:
            rows.append(["seven", *row[1:], REJECT])
        elif chance < 0.016:
            rows.append([*row[:3], REJECT])
    _written(folder / "joined.csv", rows, made)
    return made


def minutes_with_ids(folder: Path, number: int) -> Made:
    """Write times to the minute, whose seconds are in the ids."""
    rng, made = random.Random(3), Made()
    rows: list[list[object]] = [["tweet_id", "date", "tweet", "username"]]
    for serial, time in enumerate(times(rng, number)):
        text = words(rng, serial)
        rows.append([snowflake(time, serial), time.strftime("%Y-%m-%d %H:%M"), text, "one"])
        made.posts.append(Post(minute_after(time), text, "one"))
    _written(folder / "minutes.csv", rows, made)
    return made


def minutes_without_ids(folder: Path, number: int) -> Made:
    """Write times to the minute and no ids: a post enters when its minute is over."""
    rng, made = random.Random(4), Made(options={"clock": "America/New_York"})
    rows: list[list[object]] = [["date", "text", "author"]]
    for serial, time in enumerate(times(rng, number)):
        text, minute = words(rng, serial), time.replace(second=0)
        local = minute - timedelta(hours=4)
        rows.append([local.strftime("%Y-%m-%d %I:%M %p"), text, f"a{serial % 5}"])
        made.posts.append(Post(minute + timedelta(minutes=1), text, f"a{serial % 5}"))
        if rng.random() < 0.01:
            rows.append(rows[-1])
    _written(folder / "minutes.csv", rows, made)
    return made


def channels_in_one_csv(folder: Path, number: int) -> Made:
    """Write the messages of several channels, each numbered from 1."""
    rng, made = random.Random(5), Made(options={"clock": "UTC"})
    rows: list[list[object]] = [["channel", "message_id", "date", "text", "views"]]
    for serial, time in enumerate(times(rng, number)):
        text = words(rng, serial)
        rows.append([f"channel{serial % 4}", serial // 4 + 1, str(time), text, 10])
        made.posts.append(Post(minute_after(time), text))
    _written(folder / "telegram.csv", rows, made)
    return made


def row_numbers_in_two_files(folder: Path, number: int) -> Made:
    """Write two files of a data frame, each with its own row numbers."""
    rng, made = random.Random(6), Made()
    files: dict[str, list[list[object]]] = {
        name: [["id", "created_at", "content", "user"]] for name in ("first.csv", "second.csv")
    }
    for serial, time in enumerate(times(rng, number)):
        rows = files[("first.csv", "second.csv")[2 * serial >= number]]
        text = words(rng, serial)
        rows.append([len(rows) - 1, time.isoformat() + "Z", text, f"a{serial % 2}"])
        made.posts.append(Post(minute_after(time), text, f"a{serial % 2}"))
    for name, rows in files.items():
        _written(folder / name, rows, made)
    return made


def wrapped_array(folder: Path, number: int) -> Made:
    """Write one pretty-printed JSON document with the posts under a key, and nested authors."""
    rng, made = random.Random(7), Made()
    posts = []
    for serial, time in enumerate(times(rng, number)):
        text = words(rng, serial, join=rng.choice((" ", "\n", '"', "\\")))
        posts.append(
            {
                "id": str(snowflake(time, serial)),
                "created_at": time.isoformat() + ".000Z",
                "text": text,
                "author": {"username": f"a{serial % 9}"},
                "public_metrics": {"retweet_count": 4, "like_count": 5},
            }
        )
        made.posts.append(Post(minute_after(time), text, f"a{serial % 9}", 4, 5))
    path = folder / "wrapped.json"
    whole = {"meta": {"result_count": number}, "tweets": posts}
    path.write_text(json.dumps(whole, indent=2, ensure_ascii=False), encoding="utf-8")
    made.files, made.rows = [path], number
    return made


def chats_of_telegram(folder: Path, number: int) -> Made:
    """Write the exports of two channels, whose message numbers coincide."""
    rng, made = random.Random(8), Made()
    chats: list[list[dict[str, Any]]] = [[], []]
    for serial, time in enumerate(times(rng, number)):
        chat = chats[serial % 2]
        text = words(rng, serial)
        since_1970 = int((time - datetime(1970, 1, 1)).total_seconds())
        cut = rng.randrange(len(text))
        message = {
            "id": len(chat) + 1,
            "type": "message",
            "date": (time + timedelta(hours=2)).isoformat(),
            "date_unixtime": str(since_1970),
            "from": f"Channel {serial % 2}",
            "from_id": f"channel{100 + serial % 2}",
            "text": [text[:cut], {"type": "bold", "text": text[cut:]}] if serial % 3 else text,
        }
        chat.append(message)
        made.posts.append(Post(minute_after(time), text))
    for number_of_chat, messages in enumerate(chats):
        path = folder / str(number_of_chat) / "result.json"
        path.parent.mkdir()
        export = {
            "name": f"Channel {number_of_chat}",
            "type": "public_channel",
            "id": 100 + number_of_chat,
            "messages": messages,
        }
        path.write_text(json.dumps(export, indent=1, ensure_ascii=False), encoding="utf-8")
        made.files.append(path)
        made.rows += len(messages)
    return made


DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _base36(number: int) -> str:
    number, digit = divmod(number, 36)
    return (_base36(number) if number else "") + DIGITS[digit]


def submissions_and_comments(folder: Path, number: int) -> Made:
    """Write submissions and comments of Reddit, whose ids coincide; some were deleted."""
    rng, made = random.Random(9), Made()
    lines: dict[str, list[str]] = {"RS_2021-05.jsonl": [], "RC_2021-05.jsonl": []}
    for serial, time in enumerate(times(rng, number)):
        name = ("RS_2021-05.jsonl", "RC_2021-05.jsonl")[serial % 2]
        text, author = words(rng, serial), f"a{serial % 6}"
        since_1970 = int((time - datetime(1970, 1, 1)).total_seconds())
        post: dict[str, Any] = {
            "id": _base36(10**9 + serial // 2),
            "author": author,
            "created_utc": since_1970,
            "score": 12,
            "subreddit": "markets",
        }
        deleted = rng.random() < 0.02
        if name.startswith("RS"):
            stored = f"{text}\n\nbody" if serial % 4 else text
            post |= {"title": text, "selftext": "body" if serial % 4 else "", "num_comments": 3}
            deleted = False
        else:
            stored = text
            post |= {"body": "[deleted]" if deleted else text, "link_id": "t3_abc"}
            post |= {"parent_id": "t3_abc"}
        lines[name].append(json.dumps(post))
        if deleted:
            made.rejected.append((name, len(lines[name])))
        else:
            made.posts.append(Post(minute_after(time), stored, author, None, 12))
    for name, of_file in lines.items():
        path = folder / name
        path.write_text("\n".join(of_file) + "\n")
        made.files.append(path)
        made.rows += len(of_file)
    return made


def semicolons_and_written_counts(folder: Path, number: int) -> Made:
    """Write semicolons, counts as people read them, and a line that names the separator."""
    rng, made = random.Random(10), Made()
    counts = {"12": 12, "1,041": 1_041, "1.2K": 1_200, "3M": 3_000_000, "1.0": 1, "": None}
    rows: list[list[object]] = [["id", "date", "text", "username", "retweets", "likes"]]
    for serial, time in enumerate(times(rng, number)):
        text = f"“{words(rng, serial, LATIN_WORDS)}” – it’s"
        shown = rng.choice(list(counts))
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT")
        rows.append([snowflake(time, serial), date, text, "one", shown, 7])
        made.posts.append(Post(minute_after(time), text, "one", counts[shown], 7))
    path = folder / "excel.csv"
    _written(path, rows, made, delimiter=";", lineterminator="\r\n")
    path.write_bytes(b"sep=;\r\n" + path.read_bytes())
    return made


def exports_in_two_encodings(folder: Path, number: int) -> Made:
    """Write an export in cp1252, and two in UTF-8 and in cp1252 put together."""
    rng, made = random.Random(11), Made()
    rows: dict[str, list[list[object]]] = {name: [] for name in ("a", "b", "c")}
    for serial, time in enumerate(times(rng, number)):
        export = "abc"[3 * serial // number]
        of = WORDS if export == "b" else LATIN_WORDS
        text = f"“{words(rng, serial, of, join=rng.choice((' ', ', ', '; ')))}” – it’s"
        rows[export].append([snowflake(time, serial), time.isoformat() + "Z", text, "Zoë"])
        made.posts.append(Post(minute_after(time), text, "Zoë"))
    header: list[object] = ["id", "created_at", "text", "username"]
    contents = []
    for export, of_export in rows.items():
        _written(folder / export, [header, *of_export], made)
        contents.append((folder / export).read_bytes().decode())
        (folder / export).unlink()
    made.files = [folder / "cp1252.csv", folder / "joined.csv"]
    made.files[0].write_bytes(contents[0].encode("cp1252"))
    joined = contents[1].encode() + contents[2].encode("cp1252")
    made.files[1].write_bytes(joined)
    made.rows += 1
    made.rejected.append(("joined.csv", len(rows["b"]) + 2))  # the second header
    return made


MAKERS: tuple[Callable[[Path, int], Made], ...] = (
    lines_with_damage,
    csv_with_repeated_headers,
    minutes_with_ids,
    minutes_without_ids,
    channels_in_one_csv,
    row_numbers_in_two_files,
    wrapped_array,
    chats_of_telegram,
    submissions_and_comments,
    semicolons_and_written_counts,
    exports_in_two_encodings,
)

"""Times with zones beside them, and times with and without zones in one column."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import tweetscore
from tweetscore.io.clocks import Clock
from tweetscore.io.data_file import DataFile
from tweetscore.io.source import sniff
from tweetscore.posts.canonical import TweetFile
from tweetscore.posts.formats import open_tweets
from tweetscore.posts.zones import zone_clock

FIRST = datetime(2021, 5, 10, 14, 30, 5)
ROWS = 30
CITIES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata")
Write = Callable[[int], object]


def moment(row: int) -> datetime:
    return FIRST + timedelta(hours=7 * row, seconds=row)


def city(row: int) -> str:
    return CITIES[row % 3]


def local(row: int) -> datetime:
    return moment(row).replace(tzinfo=UTC).astimezone(ZoneInfo(city(row)))


def shown(row: int) -> str:
    return f"{local(row):%Y-%m-%d %H:%M:%S}"


def twitter_id(row: int) -> int:
    return (round(moment(row).replace(tzinfo=UTC).timestamp() * 1_000) - 1_288_834_974_657) << 22


def offset(row: int) -> str:
    return f"{local(row):%z}"[:3] + ":" + f"{local(row):%z}"[3:]


def seconds(row: int) -> int:
    return round((local(row).utcoffset() or timedelta()).total_seconds())


class Read(NamedTuple):
    """What became of a file; times are in UTC."""

    file: TweetFile
    times: list[datetime]
    rejects: list[str]
    moved: int


def read(path: Path, content: str, clock: str | None = None, **options: Any) -> Read:
    path.write_text(content)
    file = open_tweets(sniff(DataFile(path)), clock=clock, **options)
    assert file
    batches = list(file.read())
    times = pl.concat([batch.tweets for batch in batches])["posted"]
    if file.naive and clock:
        times = Clock.parse(clock).to_utc(times)
    rejects = [reason for batch in batches for reason in batch.rejects["reason"]]
    return Read(file, times.to_list(), rejects, sum(len(batch.moved) for batch in batches))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "posts"


def table(header: str, *columns: Write) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header.split(","))
    writer.writerows([write(row) for write in columns] for row in range(ROWS))
    return out.getvalue()


def text(row: int) -> str:
    return f"rain {row}"


MOMENTS = [moment(row) for row in range(ROWS)]


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("timezone", city),
        ("tz", lambda row: f"{local(row):%z}"),
        ("utc_offset", lambda row: f"UTC{offset(row)}".replace("+0", "+")),
        ("UTC offset", seconds),
        ("tz", lambda row: {"Asia/Kolkata": "+05:30"}.get(city(row), f"{local(row):%Z}")),
    ],
)
@pytest.mark.parametrize("clock", [None, "UTC"])
def test_local_times_are_read_in_the_zone_beside_them(
    path: Path, name: str, write: Write, clock: str | None
) -> None:
    found = read(path, table(f"created_at,{name},text", shown, write, text), clock)
    assert (found.file.naive, found.times, found.rejects) == (False, MOMENTS, [])
    assert "posted = 'created_at' (in the zone beside it), zone" in found.file.taken


def test_the_user_may_name_another_column_of_zones_or_none(path: Path) -> None:
    content = table("created_at,tz,text,own", shown, lambda _: "Z", text, city)
    assert read(path, content, columns={"zone": "own"}).times == MOMENTS
    found = read(path, content, "Asia/Tokyo", columns={"zone": ""})
    assert found.times[0] == local(0).replace(tzinfo=None) - timedelta(hours=9)
    assert "not used: 'tz', 'own'" in found.file.taken


@pytest.mark.parametrize("zone", ["east", "+25:00", "", "123", "Eastern/Nowhere"])
def test_a_column_without_zones_is_left_alone(path: Path, zone: str) -> None:
    content = table("created_at,tz,text", moment, lambda _: zone, text)
    found = read(path, content, "UTC")
    assert (found.file.naive, found.times) == (True, MOMENTS)
    assert "not used: 'tz'" in found.file.taken


@pytest.mark.parametrize(
    ("name", "write"), [("created_at_utc", moment), ("created_at", lambda row: f"{moment(row)}Z")]
)
def test_times_in_utc_need_no_zone_beside_them(path: Path, name: str, write: Write) -> None:
    assert read(path, table(f"{name},tz,text", write, city, text)).times == MOMENTS


def test_the_zones_of_profiles_do_not_move_times_that_agree_with_their_ids(path: Path) -> None:
    found = read(path, table("id,created_at,utc_offset,text", twitter_id, moment, seconds, text))
    assert (found.file.platform, found.file.naive, found.times) == ("twitter", True, MOMENTS)
    assert "not used: 'utc_offset'" in found.file.taken
    found = read(path, table("id,created_at,utc_offset,text", twitter_id, shown, seconds, text))
    assert (found.file.platform, found.file.naive, found.times) == ("twitter", False, MOMENTS)


def test_a_post_without_its_zone_is_a_reject(path: Path) -> None:
    zones = table("created_at,tz,text", shown, lambda row: city(row) if row != 7 else "", text)
    found = read(path, zones)
    assert found.times == MOMENTS[:7] + MOMENTS[8:]
    assert found.rejects == [f"\"posted\" is not a date: '{shown(7)} (without a zone)'"]


# --- with and without zones in one column ---------------------------------------------------------


def mixed(every: int, clock: str) -> Write:
    """Times on a clock; each so many has an offset instead."""

    def write(row: int) -> str:
        wall = moment(row).replace(tzinfo=UTC).astimezone(ZoneInfo(clock))
        return f"{wall:%F %T}" if row % every else f"{local(row):%F %T}{offset(row)}"

    return write


@pytest.mark.parametrize("every", [2, 5, 30])
@pytest.mark.parametrize("clock", ["UTC", "America/New_York"])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_times_without_a_zone_among_others_are_read_by_the_clock_that_is_given(
    path: Path, every: int, clock: str, ending: str
) -> None:
    write = mixed(every, clock)
    content = table("created_at,text", write, text)
    if ending == "jsonl":
        rows = [{"created_at": write(row), "text": text(row)} for row in range(ROWS)]
        content = "".join(f"{json.dumps(row)}\n" for row in rows)
    found = read(path, content, clock)
    assert (found.times, found.rejects) == (MOMENTS, [])
    assert found.moved == {2: 15, 5: 6, 30: 1}[every]


def test_the_mixture_is_told(path: Path) -> None:
    path.write_text(table("created_at,text", mixed(2, "America/New_York"), text))
    with tweetscore.open(path.with_name("t.duckdb")) as database:
        (account,) = database.ingest(path, clock="America/New_York")
        times = database.store.rows("SELECT posted_utc FROM tweets ORDER BY posted_utc")
    assert [time for (time,) in times] == MOMENTS
    assert account.warnings == (
        "15 times have a zone or none, unlike the others; those without one are read by --clock "
        "America/New_York",
    )


def test_without_a_clock_they_are_rejects_that_say_so(path: Path) -> None:
    found = read(path, table("created_at,text", mixed(2, "UTC"), text))
    assert found.times == MOMENTS[::2]
    assert found.rejects == [
        f"\"posted\" is not a date: '{time} (without a zone: name it by --clock)'"
        for time in MOMENTS[1::2]
    ]


def test_a_less_exact_time_among_others_stays_a_reject(path: Path) -> None:
    content = table("created_at,text", lambda row: f"{moment(row):%F %T}Z", text)
    found = read(path, content + "2021-06-01 14:30,rain\n", "UTC")
    assert (found.times, len(found.rejects)) == (MOMENTS, 1)


@pytest.mark.parametrize(
    ("written", "minutes"),
    [
        ("Z", 0), (" utc ", None), ("UTC", 0), ("0", 0), ("+2", 120), ("-05", -300),
        ("GMT+5:30", 330), ("+0530", 330), ("-0330", -210), ("19800", 330), ("-18000", -300),
        ("-3600", -60), ("7000", None), ("+15:00", None), ("5", None), ("120", None),
        ("EST", -300), ("JST", 540), ("IST", None), ("Berlin", None), ("", None),
    ],
)  # fmt: skip
def test_zones_as_they_are_written(written: str, minutes: int | None) -> None:
    clock = zone_clock(written)
    assert (clock and clock.offset_minutes) == minutes
    assert clock is None or clock.zone == "UTC"

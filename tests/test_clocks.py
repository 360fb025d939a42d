"""Clocks are compared with zoneinfo, those of posts with made-up ids and real archives."""

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweetscore.errors import InputError
from tweetscore.io.clocks import Clock
from tweetscore.posts.clock import TweetAudit, TweetClock, id_times

TIMES = pl.Datetime("us")
EPOCH = datetime(1970, 1, 1)


def times(*texts: str | None) -> pl.Series:
    return pl.Series([text and datetime.fromisoformat(text) for text in texts], dtype=TIMES)


# --- one clock ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("UTC", Clock("UTC", "UTC", 0)),
        (" America/New_York ", Clock("America/New_York", "America/New_York", 0)),
        ("EST", Clock("EST", "Etc/GMT+5", 0)),
        ("Europe/Berlin-06:00", Clock("Europe/Berlin-06:00", "Europe/Berlin", -360)),
        ("UTC+05:30", Clock("UTC+05:30", "UTC", 330)),
        ("UTC+00:00", Clock("UTC", "UTC", 0)),
    ],
)
def test_a_clock_is_read_from_its_name(text: str, clock: Clock) -> None:
    assert Clock.parse(text) == clock


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("", ""),
        ("auto", ""),
        ("Berlin", "; did you mean Europe/Berlin?"),
        ("-05:00", ""),
        ("Europe/Berlin-25:00", "; did you mean Europe/Berlin?"),
        ("UTC-5", "; did you mean UTC?"),
    ],
)
def test_what_is_no_clock_is_refused_with_examples(text: str, near: str) -> None:
    with pytest.raises(InputError) as refusal:
        Clock.parse(text)
    assert str(refusal.value) == (
        f"{text!r} is not a clock; "
        f"use one like UTC, America/New_York, EST, Europe/Berlin-06:00{near}"
    )


def by_zoneinfo(stamp: datetime, zone: str, offset_minutes: int) -> datetime | None:
    wall = stamp - timedelta(minutes=offset_minutes)
    readings = {wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)}
    if len(readings) == 2:  # a gap or a fold
        return None
    return readings.pop().replace(tzinfo=None)


@pytest.mark.parametrize(
    ("zone", "offset_minutes", "changes"),
    [
        ("America/New_York", 0, ["2018-03-11T02:00", "2018-11-04T01:00"]),
        ("Europe/Berlin", -360, ["2019-03-30T20:00", "2019-10-26T20:00"]),
        ("Australia/Lord_Howe", 0, ["2018-10-07T02:00", "2018-04-01T01:30"]),
        ("Etc/GMT+5", 0, ["2018-03-11T02:00", "2018-11-04T01:00"]),
    ],
)
def test_every_minute_around_a_change_is_converted_as_zoneinfo_does_or_null(
    zone: str, offset_minutes: int, changes: list[str]
) -> None:
    for change in changes:
        start = datetime.fromisoformat(change) - timedelta(hours=2)
        stamps = [start + timedelta(minutes=n) for n in range(300)]
        converted = Clock.of(zone, offset_minutes).to_utc(pl.Series(stamps, dtype=TIMES)).to_list()
        assert converted == [by_zoneinfo(stamp, zone, offset_minutes) for stamp in stamps]
        unclear = {"Australia/Lord_Howe": 30, "Etc/GMT+5": 0}.get(zone, 60)
        assert converted.count(None) == unclear


ZONES = st.sampled_from(
    ["UTC", "America/New_York", "Europe/London", "Asia/Kolkata", "America/Sao_Paulo", "Asia/Tokyo"]
)


@given(
    stamp=st.datetimes(datetime(1995, 1, 1), datetime(2035, 1, 1)),
    zone=ZONES,
    offset_minutes=st.integers(-1439, 1439),
)
def test_any_time_in_any_zone_is_converted_as_zoneinfo_does(
    stamp: datetime, zone: str, offset_minutes: int
) -> None:
    clock = Clock.of(zone, offset_minutes)
    assert Clock.parse(clock.name) == clock
    in_utc = clock.to_utc(pl.Series([stamp], dtype=TIMES))
    assert in_utc.item() == by_zoneinfo(stamp, zone, offset_minutes)
    if in_utc.item() is not None:
        assert clock.from_utc(in_utc).item() == stamp


# --- tweets ---------------------------------------------------------------------------------------


def twitter_ids(posted_utc: pl.Series) -> pl.Series:
    return (posted_utc.to_physical() // 1000 - 1_288_834_974_657) * 2**22


# Every eleven hours and seven minutes through 2018, two of them in New York's doubled hour.
POSTED = [datetime(2018, 1, 1) + timedelta(hours=11, minutes=7) * n for n in range(700)]
POSTED_UTC = pl.Series([*POSTED, *(datetime(2018, 11, 4, h, 30) for h in (5, 6))], dtype=TIMES)
IDS = twitter_ids(POSTED_UTC + timedelta(milliseconds=700))  # files cut the fraction


def applied(
    found: TweetClock, ids: pl.Series, claimed: pl.Series, field: str = "created_at"
) -> tuple[pl.Series, pl.Series]:
    return found.apply(id_times(found.platform, ids), claimed, field)


def verdict(
    ids: pl.Series,
    claimed: pl.Series,
    clock: str = "UTC",
    batch: int = 100,
    platform: str = "twitter",
) -> TweetClock:
    audit = TweetAudit("tweets.json", platform, Clock.parse(clock))
    for start in range(0, len(ids), batch):
        part = slice(start, start + batch)
        audit.add(id_times(platform, ids[part]), claimed[part])
    return audit.finish()


def replaced(values: pl.Series, at: list[int], by: timedelta) -> pl.Series:
    return values.clone().scatter(at, values.gather(at) + by)


def test_ids_carry_the_time_their_platform_put_there() -> None:
    moment = datetime(2025, 10, 31, 18, 9, 12, 335_000)
    ms = (moment - EPOCH) // timedelta(milliseconds=1)
    small = [1, 30_000_000_000, None]
    for platform, number in (
        ("twitter", (ms - 1_288_834_974_657) << 22 | 4095),
        ("mastodon", ms << 16 | 65535),
        ("truthsocial", ms << 16),
        ("bluesky", (ms * 1000) << 10 | 1023),
    ):
        ids = pl.Series([number, *small], dtype=pl.Int64)
        assert id_times(platform, ids).to_list() == [moment, None, None, None]
        assert id_times(platform, ids).dtype == TIMES
    assert id_times("forum", pl.Series([ms << 16], dtype=pl.Int64)).to_list() == [None]


def test_times_that_agree_with_their_ids_are_proven_and_stay_as_they_are() -> None:
    found = verdict(IDS, POSTED_UTC)
    evidence = "UTC fits the ids of 702 of 702 tweets"
    assert found == TweetClock("twitter", Clock.parse("UTC"), True, evidence)
    posted, reasons = applied(found, IDS, POSTED_UTC)
    assert posted.equals(POSTED_UTC)
    assert reasons.null_count() == 702


@pytest.mark.parametrize(
    ("clock", "name"),
    [
        ("UTC-05:00", "UTC-05:00"),
        ("Asia/Kolkata", "UTC+05:30"),
        ("UTC+00:07", "UTC+00:07"),
        ("America/New_York", "America/New_York"),
        ("America/Los_Angeles", "America/Los_Angeles"),
        ("Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_times_off_by_a_constant_or_a_zone_are_named_and_corrected_to_the_second(
    clock: str, name: str
) -> None:
    claimed = Clock.parse(clock).from_utc(POSTED_UTC)
    found = verdict(IDS, claimed)
    assert (found.clock.name, found.proven) == (name, True)
    assert found.evidence.startswith(f"corrected: {name} fits the ids of 702 of 702 tweets; ")
    posted, reasons = applied(found, IDS, claimed)
    assert posted.equals(POSTED_UTC)  # the doubled hour too: the id tells which
    assert reasons.null_count() == 702


def test_a_wrong_claim_for_naive_times_is_corrected_by_the_ids() -> None:
    found = verdict(IDS, POSTED_UTC, clock="America/New_York")
    assert found.evidence == (
        "corrected: UTC fits the ids of 702 of 702 tweets; America/New_York as claimed 0"
    )
    assert applied(found, IDS, POSTED_UTC)[0].equals(POSTED_UTC)


def test_a_row_that_disagrees_with_its_id_is_rejected_with_the_reason() -> None:
    claimed = replaced(POSTED_UTC, [3], timedelta(hours=3))
    claimed = replaced(claimed, [7], timedelta(seconds=-3))
    claimed = replaced(claimed, [9, 11], timedelta(seconds=2))
    found = verdict(IDS, claimed)
    assert found.evidence == "UTC fits the ids of 700 of 702 tweets"
    posted, reasons = applied(found, IDS, claimed, field="date")
    assert posted.is_null().arg_true().to_list() == [3, 7]
    assert reasons.drop_nulls().to_list() == [
        '"date" is 3:00:00 off the time inside the id',
        '"date" is 0:00:03 off the time inside the id',
    ]


def test_rows_without_a_time_in_their_id_follow_the_clock_of_the_others() -> None:
    found = verdict(IDS, Clock.parse("America/New_York").from_utc(POSTED_UTC))
    claimed = times("2009-07-01T12:00", "2009-11-01T01:30", "2009-03-08T02:30", None)
    posted, reasons = applied(found, pl.Series([20, None, 21, 22], dtype=pl.Int64), claimed)
    unclear = '"created_at" does not exist or is ambiguous in America/New_York'
    assert posted.to_list() == [datetime(2009, 7, 1, 16), None, None, None]
    assert reasons.to_list() == [None, unclear, unclear, None]


def test_a_mess_is_refused_with_the_best_clock_found() -> None:
    claimed = replaced(POSTED_UTC, list(range(0, 702, 3)), timedelta(hours=-5))
    with pytest.raises(InputError) as refusal:
        verdict(IDS, claimed)
    assert str(refusal.value) == (
        "tweets.json: its times disagree with its ids: UTC fits the ids of 468 of 702 tweets "
        "(67%), the best clock found, UTC, 468 (67%); check its dates, or export it again"
    )


def test_in_a_small_file_single_rows_are_judged_but_one_common_error_is_corrected() -> None:
    ids, right = IDS[:4], POSTED_UTC[:4]
    one_bad = replaced(right, [0], timedelta(hours=-5))
    found = verdict(ids, one_bad)
    evidence = "unproven claim: UTC fits the ids of 3 of 4 tweets"
    assert found == TweetClock("twitter", Clock.parse("UTC"), False, evidence)
    assert applied(found, ids, one_bad)[0].is_null().to_list() == [True, False, False, False]

    all_late = right + timedelta(hours=-5)
    found = verdict(ids, all_late)
    evidence = "corrected: UTC-05:00 fits the ids of 4 of 4 tweets; UTC as claimed 0"
    assert found == TweetClock("twitter", Clock.parse("UTC-05:00"), False, evidence)
    assert applied(found, ids, all_late)[0].equals(right)


def test_a_file_whose_ids_carry_no_time_is_taken_as_claimed() -> None:
    nothing = pl.Series([None, None], dtype=pl.Int64)
    found = verdict(nothing, times("2018-07-01T12:00", None), clock="EST")
    assert not found.proven
    assert applied(found, nothing, times("2018-07-01T12:00", None))[0].to_list() == [
        datetime(2018, 7, 1, 17),
        None,
    ]


@pytest.mark.parametrize("batch", [5, 701, 10_000])
def test_the_verdict_does_not_depend_on_the_batches(batch: int) -> None:
    claimed = Clock.parse("America/New_York").from_utc(POSTED_UTC)
    assert verdict(IDS, claimed, batch=batch) == verdict(IDS, claimed)


def test_an_empty_batch_counts_nothing() -> None:
    audit = TweetAudit("tweets.json", "twitter", Clock.parse("UTC"))
    audit.add(id_times("twitter", IDS[:0]), POSTED_UTC[:0])
    assert audit.finish().evidence == "unproven claim: UTC fits the ids of 0 of 0 tweets"


# --- times that devices claim ---------------------------------------------------------------------

RECENT = POSTED_UTC + timedelta(days=2_191)  # 2024: older ids of these platforms carry no time
TIDS = RECENT.to_physical() * 1024


def off_by(values: pl.Series, seconds: dict[int, int]) -> pl.Series:
    """The times with some of them, by their place, so many seconds off."""
    for place, off in seconds.items():
        values = replaced(values, [place], timedelta(seconds=off))
    return values


def test_the_clock_of_a_device_may_be_a_minute_off_and_further_is_a_row_of_its_own() -> None:
    claimed = off_by(RECENT, {0: -61, 1: -60, 2: -3, 3: 30, 4: 60, 5: 61, 6: 4 * 365 * 86_400})
    found = verdict(TIDS, claimed, platform="bluesky")
    evidence = "UTC fits the ids of 699 of 702 tweets"
    assert found == TweetClock("bluesky", Clock.parse("UTC"), True, evidence)
    posted, reasons = applied(found, TIDS, claimed)
    wrong = [0, 5, 6]
    assert posted.is_null().arg_true().to_list() == wrong
    assert posted.drop_nulls().equals(claimed.filter(~posted.is_null()))
    assert reasons.is_not_null().arg_true().to_list() == wrong
    assert reasons.drop_nulls().to_list() == [
        '"created_at" is 2023-12-31 23:58:59, but the time inside the id is 2024-01-01 00:00:00 '
        "(UTC)",
        '"created_at" is 2024-01-03 07:36:01, but the time inside the id is 2024-01-03 07:35:00 '
        "(UTC)",
        '"created_at" is 2028-01-02 18:42:00, but the time inside the id is 2024-01-03 18:42:00 '
        "(UTC)",
    ]
    # What is stored stays right when it is compared with its ids again.
    assert applied(found, TIDS, posted, "posted_utc")[0].equals(posted)


@pytest.mark.parametrize("platform", ["twitter", "mastodon", "truthsocial"])
def test_what_devices_may_claim_servers_may_not(platform: str) -> None:
    ids = twitter_ids(RECENT) if platform == "twitter" else (RECENT.to_physical() // 1000) * 65_536
    late = RECENT + timedelta(seconds=3)
    with pytest.raises(InputError, match="UTC fits the ids of 0 of 702 tweets"):
        verdict(ids, late, platform=platform)
    found = verdict(ids, RECENT, platform=platform)
    assert applied(found, ids, late)[1].unique().to_list() == [
        '"created_at" is 0:00:03 off the time inside the id'
    ]


@pytest.mark.parametrize("share", [2, 10, 1])
def test_posts_brought_over_from_elsewhere_are_judged_one_by_one_however_many(share: int) -> None:
    old = list(range(0, 702, share))
    claimed = off_by(RECENT, {place: -86_400 * (100 + place) for place in old})
    found = verdict(TIDS, claimed, platform="bluesky")
    evidence = f"unproven claim: UTC fits the ids of {702 - len(old)} of 702 tweets"
    assert found == TweetClock("bluesky", Clock.parse("UTC"), False, evidence)
    assert applied(found, TIDS, claimed)[0].is_null().arg_true().to_list() == old


@pytest.mark.parametrize("clock", ["America/New_York", "UTC+05:30", "UTC-08:00", "UTC+05:45"])
def test_devices_on_a_zone_are_corrected_each_within_its_minute(clock: str) -> None:
    claimed = Clock.parse(clock).from_utc(RECENT)
    claimed = off_by(claimed, {3: 59, 4: -60, 5: 300})
    found = verdict(TIDS, claimed, platform="bluesky")
    assert (found.clock.name, found.proven) == (clock, True)
    assert found.evidence == (
        f"corrected: {clock} fits the ids of 701 of 702 tweets; UTC as claimed 0"
    )
    posted, reasons = applied(found, TIDS, claimed)
    assert posted.equals(off_by(RECENT, {3: 59, 4: -60}).clone().scatter([5], [None]))
    assert reasons[5].endswith(f" ({clock})")


@pytest.mark.parametrize("minutes", [7, -62, 24 * 60, 24 * 60 * 365])
def test_devices_off_by_what_is_no_zone_are_not_corrected(minutes: int) -> None:
    claimed = RECENT + timedelta(minutes=minutes)
    found = verdict(TIDS, claimed, platform="bluesky")
    assert found.evidence == "unproven claim: UTC fits the ids of 0 of 702 tweets"
    assert applied(found, TIDS, claimed)[0].null_count() == 702


# --- real archives --------------------------------------------------------------------------------


def json_archive(data: Path) -> tuple[pl.Series, pl.Series]:
    with zipfile.ZipFile(data / "tweets/tta_2009-2018.json.zip") as archive:
        records = json.loads(archive.read(archive.namelist()[0]).decode("utf-8-sig"))
    claimed = pl.Series([record["created_at"] for record in records])
    zoned = claimed.str.to_datetime("%a %b %d %H:%M:%S %z %Y", time_unit="us")
    ids = pl.Series([int(record["id_str"]) for record in records], dtype=pl.Int64)
    return ids, zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def csv_archive(data: Path) -> tuple[pl.Series, pl.Series]:
    rows = pl.read_csv(
        data / "tweets/tta_2016-12_2019-06.csv",
        infer_schema=False,
        truncate_ragged_lines=True,
        quote_char=None,
    ).drop_nulls("id_str")
    claimed = rows["created_at"].str.to_datetime("%m-%d-%Y %H:%M:%S", time_unit="us")
    return rows["id_str"].cast(pl.Int64), claimed


@pytest.mark.slow
@pytest.mark.parametrize(("read", "tested"), [(json_archive, 35_843), (csv_archive, 8_940)])
def test_real_archives_agree_with_their_ids_and_local_copies_are_led_back(
    data: Path, read: object, tested: int
) -> None:
    assert callable(read)
    ids, right = read(data)
    found = verdict(ids, right, batch=5_000)
    assert found.evidence == f"UTC fits the ids of {tested} of {tested} tweets"
    for clock in ("UTC", "UTC-05:00", "America/New_York"):
        claimed = Clock.parse(clock).from_utc(right)
        found = verdict(ids, claimed, batch=5_000)
        assert (found.clock.name, found.proven) == (clock, True)
        assert applied(found, ids, claimed)[0].equals(right)

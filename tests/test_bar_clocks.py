"""The clock, calendar and stamps of bars are held against made-up trading days and real files."""

import io
import zipfile
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from tweetscore.bars.clock import BarClock, Claims, audit_bars
from tweetscore.errors import InputError
from tweetscore.io.clocks import Clock
from tweetscore.market.sessions import exchange_hours, exchange_sessions, exchange_zone

TIMES = pl.Datetime("us")


def times(*texts: str | None) -> pl.Series:
    return pl.Series([text and datetime.fromisoformat(text) for text in texts], dtype=TIMES)


# --- one calendar ---------------------------------------------------------------------------------

FIRST, LAST = date(2019, 1, 2), date(2019, 6, 28)
NIGHTS = 123
ORDINARY_NIGHTS = 119  # neither Good Friday nor a holiday is beside them

# Product: its hours on a session's date in New York; "eve" is the calendar day before.
HOURS = {
    "regular": [("day", "09:30", "day", "16:00")],
    "extended": [("day", "04:00", "day", "20:00")],
    "index": [("eve", "18:00", "day", "16:15"), ("day", "16:30", "day", "17:00")],
    "index without its last half hour": [("eve", "18:00", "day", "16:15")],
}


@cache
def bars_utc(product: str, first: date = FIRST, last: date = LAST) -> pl.Series:
    """Make the start of every fifth minute bar of a product, and of the last in each session."""
    dates = exchange_sessions("XNYS", first, last)["session_date"].to_list()
    wall = []
    for day in dates:
        days = {"day": day, "eve": day - timedelta(days=1)}
        for from_day, begin, to_day, end in HOURS[product]:
            start = datetime.fromisoformat(f"{days[from_day]}T{begin}")
            stop = datetime.fromisoformat(f"{days[to_day]}T{end}")
            minutes = int((stop - start).total_seconds()) // 60
            wall += [start + timedelta(minutes=n) for n in (*range(0, minutes, 5), minutes - 1)]
    new_york = pl.Series(wall, dtype=TIMES).dt.replace_time_zone("America/New_York")
    return new_york.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def shown(times_utc: pl.Series, zone: str, hours: int = 0) -> pl.Series:
    local = times_utc.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    return local.dt.replace_time_zone(None) + timedelta(hours=hours)


def audit(stamps: pl.Series, clock: str = "auto", stamp: str = "auto") -> BarClock:
    return audit_bars("bars.csv", stamps, Claims(calendar="XNYS", clock=clock, stamp=stamp))


def refusal(stamps: pl.Series, clock: str = "auto", stamp: str = "auto") -> str:
    with pytest.raises(InputError) as refused:
        audit(stamps, clock, stamp)
    return str(refused.value)


@pytest.mark.parametrize("product", HOURS)
@pytest.mark.parametrize(
    ("name", "zone", "hours"),
    [
        ("UTC", "UTC", 0),
        ("America/New_York", "America/New_York", 0),
        ("EST", "Etc/GMT+5", 0),
        ("Europe/Berlin-06:00", "Europe/Berlin", -6),
        ("Europe/Berlin+01:00", "Europe/Athens", 0),
        ("America/New_York+07:00", "America/New_York", 7),
        ("Asia/Tokyo", "Asia/Tokyo", 0),
    ],
)
def test_the_audit_finds_clock_and_stamp_by_itself(
    product: str, name: str, zone: str, hours: int
) -> None:
    opens = bars_utc(product)
    starts = shown(opens, zone, hours)
    for stamp, stamps in (("start", starts), ("end", starts + timedelta(minutes=1))):
        found = audit(stamps)
        assert (found.clock.name, found.stamp, found.proven) == (name, stamp, True)
        days = NIGHTS if product == "regular" else ORDINARY_NIGHTS
        assert found.evidence.startswith(
            f"proven: {name} fits {days} of {days} testable days; next "
        )
        assert found.minutes_utc(stamps).equals(opens)


@pytest.mark.parametrize("calendar", ["XLON", "XTKS", "XHKG"])
def test_an_exchange_elsewhere_is_audited_by_its_own_hours(calendar: str) -> None:
    hours = pl.datetime_ranges("open_utc", "close_utc", "5m", closed="left", eager=False)
    opens = exchange_hours(calendar, FIRST, LAST).select(hours.explode())["open_utc"]
    zone = exchange_zone(calendar)
    found = audit_bars("bars.csv", shown(opens, zone), Claims(calendar=calendar))
    assert (found.clock.name, found.stamp, found.proven) == (zone, "start", True)


def test_a_wrong_claim_is_refused_with_the_share_of_each_candidate() -> None:
    stamps = shown(bars_utc("index"), "America/New_York")
    assert refusal(stamps, clock="EST") == (
        "bars.csv: --clock EST is refuted: of 119 testable "
        "days fit EST 43 (36%), "
        "America/New_York 119 (100%), Europe/Berlin-06:00 103 (87%), UTC-04:00 76 (64%), "
        "Australia/Sydney-14:00 56 (47%); say --clock America/New_York, or leave --clock out"
    )
    assert refusal(stamps, clock="Asia/Tokyo").startswith(
        "bars.csv: --clock Asia/Tokyo is refuted: of 119 testable days fit Asia/Tokyo 0 (0%), "
    )


def test_a_stamp_that_the_evidence_refutes_is_taken_and_told() -> None:
    stamps = shown(bars_utc("regular"), "America/New_York")
    found = audit(stamps, stamp="end")
    assert (found.stamp, found.stamp_word) == ("end", "refuted")
    assert found.warnings == (
        "--stamp end is taken, but refuted: stamps are the start of the minute (a bar is stamped "
        "on the opening minute on 123 days, on the closing on 0)",
    )
    agreed = audit(stamps + timedelta(minutes=1), stamp="end")
    assert (agreed.stamp, agreed.stamp_word, agreed.warnings) == ("end", "proven", ())


def test_a_word_that_is_no_stamp_is_refused() -> None:
    assert refusal(times(), stamp="middle") == (
        "'middle' is no stamp; say --stamp start or --stamp end"
    )


def test_in_winter_clocks_that_agree_count_as_one_and_the_exchange_names_it() -> None:
    stamps = shown(bars_utc("regular", last=date(2019, 3, 8)), "America/New_York")
    told = "stamps are the start of the minute (a bar is stamped on the opening minute on 45 days"
    assert audit(stamps).evidence == (
        f"proven: America/New_York fits 45 of 45 testable days; {told}, on the closing on 0)"
    )
    for claim in ("EST", "Europe/Berlin-06:00"):
        found = audit(stamps, clock=claim)
        assert (found.clock.name, found.proven) == (claim, True)
        assert found.minutes_utc(stamps).equals(audit(stamps).minutes_utc(stamps))


def test_ten_days_are_too_few_to_tell_a_clock_by_so_a_claim_is_taken_unproven() -> None:
    stamps = shown(bars_utc("regular", last=date(2019, 1, 15)), "America/New_York")
    assert refusal(stamps) == (
        "bars.csv: its clock cannot be told: of 9 testable days fit America/New_York 9 (100%), "
        "and 20 are needed that fit one clock best; "
        "say it with --clock (UTC, America/New_York, EST, Europe/Berlin-06:00, …)"
    )
    found = audit(stamps, clock="America/New_York")
    assert (found.clock.name, found.stamp) == ("America/New_York", "start")
    assert (found.clock_word, found.stamp_word) == ("consistent", "consistent")
    assert found.evidence == (
        "consistent: America/New_York fits 9 of 9 testable days; stamps are the start of the "
        "minute (a bar is stamped on the opening minute on 9 days, on the closing on 0)"
    )


def test_a_product_that_never_rests_proves_nothing() -> None:
    every_ten_minutes = (datetime(2019, 1, 2) + timedelta(minutes=10 * n) for n in range(20_000))
    stamps = pl.Series(list(every_ten_minutes), dtype=TIMES)
    assert "its clock cannot be told: nothing in its bars tests it; " in refusal(stamps)
    found = audit(stamps, clock="UTC", stamp="end")
    assert (found.clock.name, found.stamp) == ("UTC", "end")
    assert (found.clock_word, found.stamp_word) == ("not testable", "not testable")
    assert found.evidence == (
        "not testable: nothing in these bars tests the clock UTC; "
        "start or end of the minute not proven"
    )
    assert found.calendar_fact == "calendar XNYS as claimed"


def test_an_empty_file_proves_nothing() -> None:
    assert "its clock cannot be told" in refusal(times())
    assert not audit(times(), clock="UTC").proven


def test_a_file_glued_from_two_clocks_fits_none() -> None:
    opens = bars_utc("regular")
    half = len(opens) // 2
    stamps = pl.concat([opens[:half], shown(opens[half:], "America/New_York")])
    for clock in ("auto", "UTC"):
        assert refusal(stamps, clock).startswith(
            "bars.csv: no single clock fits: of 122 testable days fit "
        )
        assert refusal(stamps, clock).endswith(
            "; cut the file where its clock changes, or bring denser bars"
        )


def test_order_and_copies_of_bars_change_nothing() -> None:
    stamps = shown(bars_utc("extended"), "America/New_York")
    assert audit(pl.concat([stamps, stamps]).shuffle(seed=1)) == audit(stamps)


def test_a_thin_product_has_its_clock_proven_and_start_assumed() -> None:
    opens = bars_utc("regular")
    of_day = shown(opens, "America/New_York").dt.time()
    thin = opens.filter(
        of_day.is_between(datetime(1, 1, 1, 9, 50).time(), datetime(1, 1, 1, 15, 35).time())
    )
    found = audit(shown(thin, "Etc/GMT+5"))
    assert (found.clock.name, found.stamp, found.proven) == ("EST", "start", True)
    assert found.evidence.endswith("; start or end of the minute not proven")


def test_the_holes_of_a_thin_product_are_not_taken_for_its_daily_break() -> None:
    opens = bars_utc("index")
    thin = shown(opens.sample(fraction=0.6, seed=1), "America/New_York")
    assert audit(thin).proven
    assert audit(thin).clock.name == "America/New_York"


def test_stray_bars_on_the_closing_minute_do_not_turn_start_into_end() -> None:
    opens = bars_utc("regular")
    closes = opens.filter(shown(opens, "America/New_York").dt.strftime("%H:%M") == "15:59")
    strays = (closes + timedelta(minutes=1))[::2]
    stamps = shown(pl.concat([opens, strays]), "America/New_York")
    assert audit(stamps).stamp == "start"
    assert audit(stamps + timedelta(minutes=1)).stamp == "end"


def histdata(data: Path, part: str) -> tuple[pl.Series, pl.Series]:
    """Read the stamps of a year, and whether each bar has one price."""
    with zipfile.ZipFile(data / f"market/HISTDATA_COM_ASCII_SPXUSD_M1{part}.zip") as archive:
        member = next(name for name in archive.namelist() if name.endswith(".csv"))
        raw = archive.read(member)
    rows = pl.read_csv(io.BytesIO(raw), separator=";", has_header=False, infer_schema=False)
    first, high, low = (rows.columns[place] for place in (0, 2, 3))
    return rows[first].str.to_datetime("%Y%m%d %H%M%S", time_unit="us"), rows[high] == rows[low]


@pytest.mark.parametrize(
    ("part", "name", "evidence", "refused"),
    [
        (
            "2018",
            "America/New_York",
            "proven: America/New_York fits 240 of 240 testable days; next Europe/Berlin-06:00 223; "
            "stamps are the start of the minute (a bar is stamped on the opening minute on "
            "198 days, on the closing on 5)",
            {"EST": "EST 77 (32%), America/New_York 240 (100%), Europe/Berlin-06:00 223 (93%)"},
        ),
        (
            "201901-06",
            "Europe/Berlin-06:00",
            "proven: Europe/Berlin-06:00 fits 119 of 119 testable days; next America/New_York 103; "
            "stamps are the start of the minute (a bar is stamped on the opening minute on "
            "119 days, on the closing on 0)",
            {
                "EST": "EST 57 (48%), Europe/Berlin-06:00 119 (100%), America/New_York 103 (87%)",
                "America/New_York": "America/New_York 103 (87%), Europe/Berlin-06:00 119 (100%)",
            },
        ),
    ],
)
def test_histdata_runs_on_the_clock_that_was_measured_not_on_the_one_it_says(
    data: Path, part: str, name: str, evidence: str, refused: dict[str, str]
) -> None:
    stamps, flat = histdata(data, part)
    claims = Claims(symbol="SPXUSD")
    found = audit_bars(part, stamps, claims, flat=flat)
    assert (found.clock, found.stamp, found.evidence) == (Clock.parse(name), "start", evidence)
    assert (found.calendar, found.calendar_word) == ("XNYS", "consistent")
    assert found.calendar_fact == "calendar XNYS by the symbol SPXUSD"
    ends = audit_bars(part, stamps + timedelta(minutes=1), claims, flat=flat)
    assert (ends.clock.name, ends.stamp, ends.clock_word, ends.stamp_word) == (
        name, "end", "proven", "proven",
    )  # fmt: skip
    in_utc = audit_bars(part, found.minutes_utc(stamps), claims, flat=flat)
    assert (in_utc.clock.name, in_utc.stamp, in_utc.proven) == ("UTC", "start", True)
    for claim, shares in refused.items():
        for calendar in ("auto", "XNYS"):
            with pytest.raises(InputError) as refusal:
                audit_bars(part, stamps, Claims(calendar=calendar, clock=claim), flat=flat)
            assert f"days fit {shares}" in str(refusal.value)

"""The clock, calendar and stamps of bars are held against made-up trading days and real files."""

import io
import time
import zipfile
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from clock_simulation import outcome
from market_bars import CLOCKS, MARKETS, Recipe, make

from tweetscore.bars.calendars import usual_calendar
from tweetscore.bars.clock import BarClock, Claims, audit_bars
from tweetscore.bars.words import Candidate
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
@pytest.mark.slow
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


@pytest.mark.parametrize(
    "calendar", ["XLON", *(pytest.param(each, marks=pytest.mark.slow) for each in ("XTKS", "XHKG"))]
)
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


# --- markets --------------------------------------------------------------------------------------

SPRING = date(2022, 2, 1)  # New York, London and Sydney change their clocks on different days


def judged(recipe: Recipe, **said: Any) -> BarClock:
    bars = make(recipe)
    return audit_bars("bars.csv", bars.stamps, Claims(**said), sizes=bars.sizes, flat=bars.flat)


def refused(recipe: Recipe, **said: Any) -> str:
    with pytest.raises(InputError) as refusal:
        judged(recipe, **said)
    return str(refusal.value)


def words(found: BarClock) -> tuple[str, str, str]:
    return found.clock_word, found.stamp_word, found.calendar_word


@pytest.mark.parametrize("market", [name for name in MARKETS if name != "coins"])
@pytest.mark.parametrize("stamp", ["start", "end"])
@pytest.mark.slow
def test_each_market_is_found_with_its_clock_calendar_and_stamps(market: str, stamp: str) -> None:
    recipe = Recipe(market, "right", stamp, 90, SPRING, density=0.7, stray_closes=0.3, holes=0.05)
    found = judged(recipe)
    calendar, zone = MARKETS[market]
    assert (found.clock.name, found.stamp, found.calendar) == (zone, stamp, calendar)
    assert words(found) == ("proven", "proven", "proven")
    assert found.warnings == ()


@pytest.mark.parametrize("clock", [name for name in CLOCKS if name != "right"])
@pytest.mark.parametrize("market", ["New York", "Hong Kong", "Mumbai", "CME futures"])
@pytest.mark.slow
def test_each_clock_is_found(market: str, clock: str) -> None:
    recipe = Recipe(market, clock, "start", 90, SPRING, density=0.4, stray_nights=0.2)
    bars = make(recipe)
    found = audit_bars("bars.csv", bars.stamps, sizes=bars.sizes, flat=bars.flat)
    assert (found.clock_word, found.calendar) == ("proven", recipe.calendar)
    assert found.clock.to_utc(bars.stamps).equals(bars.starts_utc)


@pytest.mark.slow
def test_a_candidate_is_a_market_and_a_clock_and_the_table_has_the_evidence_for_each() -> None:
    found = judged(Recipe("New York", "right", "start", 60, SPRING, density=0.4))
    first, *others = found.candidates
    assert first == Candidate("XNYS", "sessions", "America/New_York", 59, "proven", "")
    assert {row.word for row in others} == {"refuted"}
    assert all(row.against for row in others)
    assert {row.calendar for row in others} > {"XNYS"}


EDGES = Recipe("currencies", "right", "start", 250, date(2018, 1, 2), only_edges=True)


@pytest.mark.slow
def test_the_week_of_currencies_proves_its_clock_by_its_close_and_opening() -> None:
    found = judged(EDGES)
    assert (found.calendar, found.clock.name, found.stamp) == ("24/5", "America/New_York", "start")
    assert words(found) == ("proven", "proven", "proven")
    assert found.evidence.startswith(
        "proven: America/New_York fits 50 of 50 testable days; next Europe/Berlin-06:00 45; "
    )
    for claim in ("EST", "UTC", "UTC-07:00"):
        fact = f"bars.csv: --clock {claim} is refuted: of 50 testable days fit {claim} "
        assert refused(EDGES, clock=claim).startswith(fact)
        assert refused(EDGES, clock=claim, calendar="24/5").startswith(fact)


def gold(*, burst: bool) -> tuple[pl.Series, pl.Series]:
    """Thin bars of gold from 18:01 to 16:59 in New York, a stray at 17:00 on every other day."""
    rows: list[tuple[datetime, float]] = []
    for place in range(40):
        day = datetime(2018, 1, 22) + timedelta(days=place // 5 * 7 + place % 5)
        evening = day - timedelta(days=1)
        rows += [(evening.replace(hour=18, minute=minute), 2.0) for minute in (1, 2, 29, 59)]
        rows += [
            (evening.replace(hour=h, minute=m), 2.0) for h in range(19, 24) for m in (0, 29, 59)
        ]
        rows += [(day.replace(hour=h, minute=m), 2.0) for h in range(17) for m in (0, 29, 58, 59)]
        for minute, size in ((30, 10.0 if burst else 2.0), (31, 1.0)):
            rows.append((day.replace(hour=8, minute=minute), size))
        rows += [(day.replace(hour=17), 0.0)] if place % 2 else []
    frame = pl.DataFrame(rows, {"stamp": TIMES, "size": pl.Float64()}, orient="row").sort("stamp")
    return frame["stamp"], frame["size"]


def test_a_stray_bar_at_the_close_outvotes_nothing_and_the_burst_at_news_tells_the_stamp() -> None:
    stamps, sizes = gold(burst=True)
    found = audit_bars("XAUUSD.csv", stamps, sizes=sizes, flat=sizes == 0)
    assert (found.calendar, found.clock.name, found.stamp) == ("CMES", "America/New_York", "start")
    assert words(found) == ("proven", "proven", "proven")
    assert found.evidence.endswith(
        "stamps are the start of the minute (trading bursts on it, at the open or at news)"
    )
    ends = audit_bars("XAUUSD.csv", stamps + timedelta(minutes=1), sizes=sizes, flat=sizes == 0)
    assert (ends.stamp, ends.stamp_word) == ("end", "proven")
    said = audit_bars("XAUUSD.csv", stamps, Claims(stamp="start"), sizes=sizes, flat=sizes == 0)
    assert (said.stamp, said.warnings) == ("start", ())


def test_without_a_burst_the_same_bars_leave_the_stamp_open_and_start_is_taken() -> None:
    stamps, sizes = gold(burst=False)
    found = audit_bars("XAUUSD.csv", stamps, sizes=sizes, flat=sizes == 0)
    assert (found.stamp, found.stamp_word) == ("start", "consistent")
    # Nor do they prove the end where prices are not known.
    assert audit_bars("XAUUSD.csv", stamps).stamp == "start"


def sparse(market: str, days: int, first: date, clock: str = "right") -> Recipe:
    """Few bars, so that a lunch break does not show."""
    return Recipe(market, clock, "start", days, first, only_edges=True)


# In these weeks neither New York nor Hong Kong has a holiday that the other has not.
QUIET = date(2022, 7, 5)


def new_york_in_hours_of_hong_kong(days: int = 30) -> pl.Series:
    """Four bars at 09:30 and three before 16:00, on weekdays without a holiday in either place."""
    return make(sparse("New York", days, QUIET)).stamps


def test_half_past_nine_in_new_york_and_in_hong_kong_is_asked_for() -> None:
    stamps = new_york_in_hours_of_hong_kong()
    with pytest.raises(InputError) as asked:
        audit_bars("0700.csv", stamps)
    assert str(asked.value) == (
        "0700.csv: its clock cannot be told: XNYS in America/New_York and XHKG in Asia/Hong_Kong "
        "fit alike (29 of 29 testable days); say --calendar XNYS or --calendar XHKG"
    )
    for said, calendar, clock in (
        (Claims(calendar="XHKG"), "XHKG", "Asia/Hong_Kong"),
        (Claims(clock="Asia/Hong_Kong"), "XHKG", "Asia/Hong_Kong"),
        (Claims(calendar="XNYS"), "XNYS", "America/New_York"),
    ):
        found = audit_bars("0700.csv", stamps, said)
        assert (found.calendar, found.clock.name) == (calendar, clock)
        assert (found.clock_word, found.calendar_word) == ("consistent", "consistent")
        assert " fits alike; " in found.evidence


@pytest.mark.slow
def test_lunch_tells_hong_kong_from_new_york() -> None:
    dense = Recipe("Hong Kong", "right", "start", 40, QUIET)
    assert judged(dense).calendar == "XHKG"
    assert refused(dense, calendar="XNYS").startswith(
        "bars.csv: --calendar XNYS is refuted (has no bars at 12:00, when it is open): "
    )
    assert refused(dense, clock="America/New_York").startswith(
        "bars.csv: --clock America/New_York is refuted"
    )
    new_york = Recipe("New York", "right", "start", 40, QUIET)
    assert refused(new_york, calendar="XHKG").startswith(
        "bars.csv: --calendar XHKG is refuted (has bars in 40 of 40 lunch breaks): "
    )


@pytest.mark.parametrize("days", [4, 6, 16])
def test_a_claim_is_judged_at_any_length(days: int) -> None:
    recipe = Recipe("New York", "right", "end", days, date(2024, 1, 2), only_edges=True)
    fact = f"is refuted: of {days - 1} testable days fit UTC 0 (0%), America/New_York {days - 1} "
    assert fact in refused(recipe, clock="UTC")
    assert fact in refused(recipe, clock="UTC", calendar="XNYS")
    assert "20 are needed that fit one clock best" in refused(recipe)
    found = judged(recipe, clock="America/New_York")
    assert (found.clock_word, found.calendar) == ("consistent", "XNYS")
    assert found.stamp == "end"


def test_stamps_that_carry_a_wrong_zone_are_refuted_and_the_clock_may_be_said() -> None:
    bars = make(Recipe("New York", "right", "start", 40, SPRING, density=0.5))
    with pytest.raises(InputError) as refusal:
        audit_bars("SPY.csv", bars.stamps, Claims(zoned=True))
    assert str(refusal.value).startswith(
        "SPY.csv: the zone that its stamps carry is refuted: of 39 testable days fit UTC 0 (0%), "
    )
    assert str(refusal.value).endswith("; say --clock America/New_York (XNYS)")
    found = audit_bars("SPY.csv", bars.stamps, Claims(clock="America/New_York", zoned=True))
    assert (found.clock.name, found.clock_word) == ("America/New_York", "proven")
    right = audit_bars("SPY.csv", bars.starts_utc, Claims(zoned=True))
    assert (right.clock.name, right.clock_word) == ("UTC", "proven")


def test_a_market_that_never_closes_is_known_by_its_weekends_and_tests_no_clock() -> None:
    coins = Recipe("coins", "UTC", "start", 30, SPRING, density=0.9)
    assert "its clock cannot be told: nothing in its bars tests it; " in refused(coins)
    bars = make(coins)
    found = audit_bars("BTC.csv", bars.stamps, Claims(zoned=True))
    assert (found.calendar, found.clock.name) == ("24/7", "UTC")
    assert words(found) == ("not testable", "not testable", "proven")


def test_a_few_bars_on_a_saturday_are_of_a_market_that_never_closes() -> None:
    hour = pl.Series([datetime(2024, 1, 6, 12) + n * timedelta(minutes=1) for n in range(60)])
    found = audit_bars("a.csv", hour, Claims(zoned=True))
    assert (found.calendar, found.calendar_word) == ("24/7", "consistent")


@pytest.mark.parametrize(
    ("symbol", "calendar"),
    [("EURUSD", "24/5"), ("BTC/USDT", "24/7"), ("ESH4", "CMES"), (None, None), ("SPY", None)],
)
def test_of_an_hour_of_bars_the_symbol_tells_the_calendar_or_it_is_not_determined(
    symbol: str | None, calendar: str | None
) -> None:
    hour = pl.Series([datetime(2024, 1, 9, 15) + n * timedelta(minutes=1) for n in range(60)])
    found = audit_bars("a.csv", hour, Claims(zoned=True, symbol=symbol))
    assert found.calendar == calendar
    assert found.calendar_word == ("consistent" if calendar else "not testable")
    assert found.warnings == (
        ()
        if calendar
        else (
            "its calendar is not determined: it may be XNYS, XLON, XETR, CMES, 24/5 or 24/7; say "
            "it, as in --calendar XNYS; until then it has windows of the extended session only",
        )
    )


@pytest.mark.parametrize(
    ("symbol", "calendar"),
    [
        ("SPXUSD", "XNYS"), ("grxeur", "XETR"), ("JPXJPY", "XTKS"), ("XAUUSD", "CMES"),
        ("EUR/USD", "24/5"), ("usdjpy", "24/5"), ("BTCUSDT", "24/7"), ("ETH-USD", "24/7"),
        ("BTC", "24/7"), ("0700.HK", "XHKG"), ("7203.T", "XTKS"), ("VOD.L", "XLON"),
        ("ESZ23", "CMES"), ("AAPL", None), ("BRK.B", None), ("EURONAV", None), ("", None),
    ],
)  # fmt: skip
def test_some_symbols_name_their_market(symbol: str, calendar: str | None) -> None:
    assert usual_calendar(symbol) == calendar


@pytest.mark.slow
def test_london_and_frankfurt_are_told_apart_by_their_holidays_or_not_at_all() -> None:
    autumn = Recipe("London", "UTC", "start", 60, date(2022, 9, 26), density=0.5)
    found = judged(autumn)
    assert (found.clock.name, found.clock_word) == ("UTC", "proven")
    assert (found.calendar, found.calendar_word) == (None, "not testable")
    assert found.warnings == (
        "its calendar is not determined: it may be XLON or XETR; say it, as in --calendar XLON; "
        "until then it has windows of the extended session only",
    )
    claimed = judged(autumn, calendar="XETR")
    assert (claimed.calendar, claimed.clock_word, claimed.calendar_word) == (
        "XETR",
        "proven",
        "consistent",
    )
    spring = judged(Recipe("London", "UTC", "start", 60, date(2022, 4, 1), density=0.5))
    assert (spring.calendar, spring.calendar_word) == ("XLON", "proven")


@pytest.mark.slow
def test_weekends_that_a_vendor_fills_with_one_price_are_no_trading() -> None:
    week = make(Recipe("currencies", "UTC", "start", 60, SPRING))
    minutes = (week.stamps[-1] - week.stamps[0]) // timedelta(minutes=1)
    every = pl.Series([week.stamps[0] + n * timedelta(minutes=1) for n in range(minutes + 1)])
    flat = ~every.is_in(week.stamps.implode())
    found = audit_bars("EURUSD.csv", every, flat=flat)
    assert (found.calendar, found.clock.name, found.clock_word) == ("24/5", "UTC", "proven")


def test_a_closing_auction_minutes_after_the_close_changes_nothing() -> None:
    bars = make(Recipe("London", "right", "start", 60, date(2022, 4, 1)))
    closes = bars.stamps.filter(bars.stamps.dt.strftime("%H:%M") == "16:29")
    stamps = pl.concat([bars.stamps, closes + timedelta(minutes=6)])
    found = audit_bars("VOD.csv", stamps)
    assert (found.calendar, found.clock.name, found.stamp) == ("XLON", "Europe/London", "start")
    assert words(found) == ("proven", "proven", "proven")


@pytest.mark.slow
def test_a_year_of_minutes_is_audited_in_a_second_and_a_half() -> None:
    bars = make(Recipe("currencies", "right", "start", 250, date(2018, 1, 2)))
    judged(sparse("New York", 5, date(2018, 1, 2)), clock="America/New_York")  # builds calendars
    began = time.process_time()
    audit_bars("EURUSD.csv", bars.stamps, sizes=bars.sizes, flat=bars.flat)
    assert time.process_time() - began < 1.5


@pytest.mark.slow
def test_no_false_proof_in_a_sample_of_made_up_files() -> None:
    # Each market, clock and stamp once; the whole is run by `just clocks`.
    outcomes = [outcome(10_000 + seed) for seed in range(200)]
    assert [each for each in outcomes if each.false] == []
    many = [each for each in outcomes if each.recipe.days >= 60 and each.recipe.market != "coins"]
    for share in ([each.clock for each in many], [each.stamp for each in many]):
        assert sum(share) >= 0.9 * len(many)


def histdata(data: Path, part: str) -> tuple[pl.Series, pl.Series]:
    """Read the stamps of a year, and whether each bar has one price."""
    with zipfile.ZipFile(data / f"market/HISTDATA_COM_ASCII_SPXUSD_M1{part}.zip") as archive:
        member = next(name for name in archive.namelist() if name.endswith(".csv"))
        raw = archive.read(member)
    rows = pl.read_csv(io.BytesIO(raw), separator=";", has_header=False, infer_schema=False)
    first, high, low = (rows.columns[place] for place in (0, 2, 3))
    return rows[first].str.to_datetime("%Y%m%d %H%M%S", time_unit="us"), rows[high] == rows[low]


@pytest.mark.slow
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
        name,
        "end",
        "proven",
        "proven",
    )
    in_utc = audit_bars(part, found.minutes_utc(stamps), claims, flat=flat)
    assert (in_utc.clock.name, in_utc.stamp, in_utc.proven) == ("UTC", "start", True)
    for claim, shares in refused.items():
        for calendar in ("auto", "XNYS"):
            with pytest.raises(InputError) as refusal:
                audit_bars(part, stamps, Claims(calendar=calendar, clock=claim), flat=flat)
            assert f"days fit {shares}" in str(refusal.value)

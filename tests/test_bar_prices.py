"""Numbers are read as they are written; prices that cannot be are rejected, and that is told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tweetscore.bars.numbers import NumberForm, in_billionths, number_form
from tweetscore.checks.doctor import Check, diagnose
from tweetscore.errors import InputError
from tweetscore.ingest.account import Account, IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.query.info import describe
from tweetscore.store.database import Store, open_store

# --- how numbers are written ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "form", "numbers"),
    [
        (["470.1", "1e3", " 5 ", "-.5"], "1234.5", [470.1, 1000.0, 5.0, -0.5]),
        (["60,000.00", "999.5"], "1,234.5", [60000.0, 999.5]),
        (["60,000", "60,100.5"], "1,234.5", [60000.0, 60100.5]),
        (["1,234,567", "999"], "1,234.5", [1234567.0, 999.0]),
        (["60.000,00", "1,5"], "1.234,5", [60000.0, 1.5]),
        (["1.234.567", "8"], "1.234,5", [1234567.0, 8.0]),
        (["60 000,25", "60\u00a0000,5", "60\u202f000"], "1 234,5", [60000.25, 60000.5, 60000.0]),
        (["10 000", "9 999.5"], "1 234.5", [10000.0, 9999.5]),
        (["60'000.25", "60\u2019000.5"], "1'234.5", [60000.25, 60000.5]),
        (["2683,73", "2684"], "1234,5", [2683.73, 2684.0]),
        (["0,123", "0,456"], "1234,5", [0.123, 0.456]),
        (["12,345", "12,3"], "1234,5", [12.345, 12.3]),
        (["1.5", "x", "", "nan", "inf"], "1234.5", [1.5, None, None, None, None]),
    ],
)
def test_the_form_of_all_numbers_tells_points_from_commas(
    texts: list[str], form: str, numbers: list[float | None]
) -> None:
    found = number_form("a.csv", texts)
    assert str(found) == form
    assert found.read(pl.Series(texts)).to_list() == numbers


@pytest.mark.parametrize("texts", [["1,234"], ["1,234", "999"], ["12,345", "67,890"]])
def test_a_comma_that_may_be_either_is_refused(texts: list[str]) -> None:
    with pytest.raises(InputError) as refusal:
        number_form("a.csv", texts)
    assert str(refusal.value) == (
        f"a.csv: the comma of prices like {texts[0]!r} may separate thousands; "
        "write prices with a decimal point"
    )


def test_beyond_the_first_rows_only_what_leaves_no_doubt_is_read() -> None:
    later = pl.Series(["1,000.50", "1,000", "10.000,50"])
    assert number_form("a.csv", ["999.5"]).read(later).to_list() == [1000.5, None, None]
    later = pl.Series(["1.000,50", "1.000", "10,000.50"])
    assert number_form("a.csv", ["999,5"]).read(later).to_list() == [1000.5, None, None]


def test_billionths_are_whole_and_large() -> None:
    assert in_billionths(["470000000000", "470110000000", " "])
    assert in_billionths(["470000000000.0", "4.7e11"])
    assert not in_billionths(["470.0", "470000000000"])
    assert not in_billionths(["38000", "38010"])
    assert not in_billionths(["", "x"])
    texts = pl.Series(["470110000000", "4.7e11", "x"])
    assert NumberForm(exponent=-9).read(texts).to_list() == [470.11, pytest.approx(470), None]


# --- prices that cannot be ------------------------------------------------------------------------

START = datetime(2024, 1, 30, 14, 30)
Bar = tuple[float, float, float, float]


def flat(*prices: float) -> list[Bar]:
    return [(price,) * 4 for price in prices]


def written(path: Path, bars: Sequence[Bar], start: datetime = START, volume: int = 1) -> Path:
    rows = [
        f"{start + timedelta(minutes=at)}Z,{','.join(map(str, bar))},{volume}\n"
        for at, bar in enumerate(bars)
    ]
    path.write_text("time,open,high,low,close,volume\n" + "".join(rows))
    return path


def run(store: Store, *paths: Path, **options: Any) -> list[Account]:
    options = {"calendar": "XNYS", "clock": "UTC", "symbol": "SPY"} | options
    return ingest(store, list(paths), IngestOptions(**options), lambda *_: None)


def told(account: Account) -> list[str]:
    """Return the warnings of prices."""
    return [each for each in account.warnings if "calendar" not in each and "clock" not in each]


def rejects(store: Store) -> list[tuple[int, str]]:
    return store.rows("SELECT line, reason FROM rejects ORDER BY line")


USUAL = flat(*(1.05 + at % 3 / 1_000 for at in range(30)))


@pytest.mark.parametrize(
    ("place", "bar", "reason"),
    [
        (12, (1053.0,) * 4, "open 1053 is about 1,000 times the prices around it (1.051)"),
        (
            12,
            (1.051, 105.1, 1.05, 1.052),
            "high 105.1 is about 100 times the prices around it (1.051)",
        ),
        (
            12,
            (1.051, 1.052, 0.0105, 1.05),
            "low 0.0105 is about 1/100 of the prices around it (1.051)",
        ),
        (0, (1053.0,) * 4, "open 1053 is about 1,000 times the prices around it (1.051)"),
        (29, (1053.0,) * 4, "open 1053 is about 1,000 times the prices around it (1.051)"),
    ],
)
def test_a_price_that_lost_its_decimal_point_is_a_reject_with_its_reason(
    store: Store, tmp_path: Path, place: int, bar: Bar, reason: str
) -> None:
    bars = [*USUAL[:place], bar, *USUAL[place + 1 :]]
    (account,) = run(store, written(tmp_path / "a.csv", bars))
    assert rejects(store) == [(place + 2, reason)]
    assert (account.rows_read, account.stored, account.rejected) == (30, 29, 1)
    assert told(account) == [
        f"1 bar was rejected for a price that is a power of ten off ({reason})"
    ]


def test_several_bars_in_a_row_without_their_point_are_rejects(
    store: Store, tmp_path: Path
) -> None:
    bars = [*USUAL[:10], *flat(1050, 1051, 1052), *USUAL[13:]]
    (account,) = run(store, written(tmp_path / "a.csv", bars))
    assert [line for line, _ in rejects(store)] == [12, 13, 14]
    assert store.row("SELECT max(close) < 2 FROM bars") == (True,)
    assert told(account)[0].startswith(
        "3 bars were rejected for a price that is a power of ten off"
    )


@pytest.mark.slow
def test_rows_in_any_order_and_blocks_have_the_same_neighbours(
    store: Store, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.csv", [*USUAL[:12], (1053.0,) * 4, *USUAL[13:]])
    header, *rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join([header, *rows[::-1]]))
    options = IngestOptions(symbol="SPY", clock="UTC", calendar="XNYS")
    (account,) = ingest(store, [path], options, lambda *_: None, block_bytes=60)
    assert account.rejected == 1
    assert rejects(store) == [(19, "open 1053 is about 1,000 times the prices around it (1.051)")]


@pytest.mark.parametrize(
    ("bars", "warning"),
    [
        (  # a split of 1 to 100, in the middle and next to both ends
            flat(*[500.0] * 15, *[5.0] * 15),
            "its prices change their level once, first at 2024-01-30 14:45 to 0.01 times those "
            "before: a split, or other units",
        ),
        (
            flat(*[500.0] * 3, *[5.0] * 27),
            "its prices change their level once, first at 2024-01-30 14:33 to 0.01 times those "
            "before: a split, or other units",
        ),
        (
            flat(*[5.0] * 27, *[500.0] * 3),
            "its prices change their level once, first at 2024-01-30 14:57 to 100 times those "
            "before: a split, or other units",
        ),
        (flat(*[1_000_000.0] * 30), None),  # other units throughout
        (  # a flash crash is not a power of ten
            [*USUAL[:12], (1.05, 1.05, 0.0003, 1.05), *USUAL[13:]],
            None,
        ),
        (flat(*[1.0] * 10, *[30.0] * 10, *[1.0] * 10), None),
        (
            flat(1.0, 100.0, 1.0),
            "its prices change their level 2 times, first at 2024-01-30 14:31 "
            "to 100 times those before: a split, or other units",
        ),  # too few to tell
    ],
)
@pytest.mark.slow
def test_splits_other_units_and_real_moves_are_no_rejects(
    store: Store, tmp_path: Path, bars: list[Bar], warning: str | None
) -> None:
    (account,) = run(store, written(tmp_path / "a.csv", bars))
    assert rejects(store) == []
    assert account.stored == len(bars)
    assert told(account) == ([warning] if warning else [])


@pytest.mark.slow
def test_symbols_in_one_file_are_not_neighbours(store: Store, tmp_path: Path) -> None:
    rows = [
        f"{START + timedelta(minutes=at)}Z,{symbol},{price},{price},{price},{price}\n"
        for at in range(20)
        for symbol, price in (("BRK.A", 600_000 if at != 9 else 600), ("F", 12))
    ]
    path = tmp_path / "a.csv"
    path.write_text("time,symbol,open,high,low,close\n" + "".join(rows))
    (account,) = run(store, path, symbol=None)
    assert rejects(store) == [(20, "open 600 is about 1/1,000 of the prices around it (600000)")]
    assert (account.stored, account.rejected) == (39, 1)


# --- two prices for one minute --------------------------------------------------------------------


def test_two_prices_for_one_minute_are_told_and_duplicates_are_not(
    store: Store, tmp_path: Path
) -> None:
    one = written(tmp_path / "1.csv", flat(100, 101, 102), volume=5)
    two = written(tmp_path / "2.csv", flat(100, 103.02, 102, 103), volume=7)
    first, second = run(store, one, two)
    assert told(first) == []
    assert told(second) == [
        "1 minute has bars with different prices, up to 200.0 bps apart; "
        "the bar with the larger volume was kept"
    ]
    assert store.row("SELECT max(close) FROM bars WHERE volume = 7") == (103.02,)


def test_two_prices_for_one_minute_within_a_file_are_told(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "1.csv", flat(100, 101, 102, 103))
    again = written(tmp_path / "2.csv", flat(101, 101, 102)).read_text().partition("\n")[2]
    path.write_text(path.read_text() + again)
    (account,) = run(store, path)
    assert (account.rows_read, account.stored, account.duplicates) == (7, 4, 3)
    assert told(account) == [
        "1 minute has bars with different prices, up to 100.0 bps apart; "
        "the bar with the larger volume was kept"
    ]


# --- at and below zero ----------------------------------------------------------------------------

OIL = [
    (1.5, 1.5, 1.0, 1.0),
    (1.0, 1.0, 0.5, 0.5),
    (0.5, 0.5, -0.5, -0.5),
    (-0.5, -0.5, -3.5, -3.5),
    (-3.5, -1.0, -3.5, -1.0),
    (-1.0, 1.0, -1.0, 1.0),
    (1.0, 2.0, 1.0, 2.0),
]
MISSING = (
    "4 bars with a price at or below 0 were rejected, because returns over such prices have no "
    "meaning (SPY on 2024-01-30: 4 of 7 bars and 95% of that day's movement are missing)"
)


@pytest.mark.slow
def test_what_is_missing_without_negative_prices_is_told_everywhere(tmp_path: Path) -> None:
    db = tmp_path / "a.duckdb"
    with open_store(db) as store:
        (account,) = run(store, written(tmp_path / "oil.csv", OIL))
        assert [reason for _, reason in rejects(store)] == ["a price is not above 0"] * 4
        assert told(account) == [MISSING]
        (warnings,) = store.row("SELECT warnings FROM sources")
        assert MISSING in warnings.split("; ")
        assert describe(store)["taken"].select("source", "file", "taken").rows() == [
            (1, "oil.csv", account.taken)
        ]
        assert describe(store)["taken"]["warnings"].to_list() == [warnings]
    (check,) = [each for each in diagnose(db) if each.name == "warnings"]
    assert check == Check("warnings", True, f"1 file has some: oil.csv: {warnings}")


def test_a_zero_among_other_prices_stands_for_a_minute_without_trades(
    store: Store, tmp_path: Path
) -> None:
    (account,) = run(store, written(tmp_path / "a.csv", flat(100, 101, 0, 0, 102, 103)))
    assert told(account) == [
        "2 bars with a price of 0 were rejected (SPY on 2024-01-30: 2 of 6 bars)"
    ]


def test_the_days_that_miss_most_come_first(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", flat(10, 20, -1, 30))
    for day, prices in enumerate(((10, -1), (5, 6, 7, -8), (3, 2, -1), (1, -1, 1)), 1):
        more = written(tmp_path / "b.csv", flat(*prices), START + timedelta(days=day))
        path.write_text(path.read_text() + more.read_text().partition("\n")[2])
    (account,) = run(store, path)
    (warning,) = told(account)
    assert warning == (
        "5 bars with a price at or below 0 were rejected, because returns over such prices have no "
        "meaning (SPY on 2024-01-31: 1 of 2 bars and 100% of that day's movement are missing; "
        "SPY on 2024-02-03: 1 of 3 bars and 100% of that day's movement are missing; "
        "SPY on 2024-02-01: 1 of 4 bars and 88% of that day's movement are missing; "
        "and 2 more days)"
    )

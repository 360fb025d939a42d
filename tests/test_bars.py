"""The same bars go through every layout; what is no bar is named with its place."""

import contextlib
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from tweetscore.bars.reader import BARS_SCHEMA, BarFile, open_bars
from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.open import data_files
from tweetscore.io.records import BLOCK_BYTES, BOM
from tweetscore.io.source import sniff

Bar = tuple[datetime, float, float, float, float, float]
OPEN = datetime(2018, 1, 31, 14, 30)
BARS: list[Bar] = [
    (OPEN, 2683.73, 2684.5, 2683.0, 2684.25, 7.0),
    (OPEN + timedelta(minutes=1), 2684.25, 2684.25, 2684.25, 2684.25, 0.0),
    (OPEN + timedelta(minutes=3), 0.00012, 3_000_000.0, 0.0001, 5.0, 12345.5),
]


def csv_bars(
    bars: list[Bar] = BARS,
    *,
    time: str | Callable[[datetime], str] = "%Y-%m-%d %H:%M:%S",
    header: str = "time,open,high,low,close,volume",
    separator: str = ",",
    around: str = "",
) -> bytes:
    write = time if callable(time) else lambda minute: minute.strftime(time)
    rows = [[*write(minute).split("|"), *map(str, numbers)] for minute, *numbers in bars]
    lines = [
        header.replace(",", separator),
        *(separator.join(around + value + around for value in row) for row in rows),
    ]
    return "".join(line + "\n" for line in lines).encode()


def json_bars(
    bars: list[Bar] = BARS, *, names: str = "tohlcv", kind: type = float, lines: bool = True
) -> bytes:
    rows = [
        dict(zip(names, [minute.isoformat(), *map(kind, numbers)], strict=True))
        for minute, *numbers in bars
    ]
    if lines:
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    return json.dumps(rows, indent=1).encode()


def epoch(minute: datetime) -> int:
    return int(minute.replace(tzinfo=UTC).timestamp())


def new_york(minute: datetime) -> str:
    return str(minute - timedelta(hours=5)) + "-05:00"


def unpadded(minute: datetime) -> str:
    return f"{minute:%Y%m%d}|{int(f'{minute:%H%M%S}')}"


Write = Callable[[list[Bar]], bytes]
DATE_TIME = "date,time,open,high,low,close,volume"
NAIVE_CSV: dict[str, Write] = {
    "plain": csv_bars,
    "after a byte order mark": lambda bars: BOM + csv_bars(bars),
    "CRLF": lambda bars: csv_bars(bars).replace(b"\n", b"\r\n"),
    "blank lines": lambda bars: b"\n" + csv_bars(bars).replace(b"\n", b"\n\n"),
    "no last line break": lambda bars: csv_bars(bars).removesuffix(b"\n"),
    "all quoted": partial(csv_bars, around='"'),
    "blanks around values": partial(csv_bars, around=" "),
    "semicolons": partial(csv_bars, separator=";"),
    "tabs": partial(csv_bars, separator="\t"),
    "decimal commas": lambda bars: csv_bars(bars, separator=";").replace(b".", b","),
    "capitals": partial(csv_bars, header="Date,Open,High,Low,Close,Volume"),
    "angle brackets": partial(csv_bars, header="<DATETIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"),
    "letters": partial(csv_bars, header="timestamp,o,h,l,c,v"),
    "blanks in the header": partial(csv_bars, header="Local time, Open, High, Low, Close, Volume"),
    "bars between values": partial(csv_bars, separator="|"),
    "underscores": partial(csv_bars, header="open_time,open,high,low,close,tick_volume"),
    "an index without a name": partial(csv_bars, header=",open,high,low,close,volume"),
    "with T": partial(csv_bars, time="%Y-%m-%dT%H:%M:%S"),
    "with fractions": partial(csv_bars, time="%Y-%m-%d %H:%M:%S.000000"),
    "without seconds": partial(csv_bars, time="%Y-%m-%d %H:%M"),
    "with T, without seconds": partial(csv_bars, time="%Y-%m-%dT%H:%M"),
    "digits only": partial(csv_bars, time="%Y%m%d %H%M%S"),
    "digits without a blank": partial(csv_bars, time="%Y%m%d%H%M%S"),
    "digits without seconds": partial(csv_bars, time="%Y%m%d%H%M"),
    "two blanks": partial(csv_bars, time="%Y%m%d  %H:%M:%S"),
    "dots": partial(csv_bars, time="%Y.%m.%d %H:%M"),
    "slashes": partial(csv_bars, time="%Y/%m/%d %H:%M"),
    "day first": partial(csv_bars, time="%d/%m/%Y %H:%M"),
    "day first, dots": partial(csv_bars, time="%d.%m.%Y %H:%M:%S.000"),
    "month first": partial(csv_bars, time="%m/%d/%Y %H:%M"),
    "month first, dashes": partial(csv_bars, time="%m-%d-%Y %H:%M:%S"),
    "no leading zeros": partial(csv_bars, time=lambda m: f"{m.month}/{m.day}/{m:%Y} {m:%H:%M}"),
    "twelve hours": partial(csv_bars, time="%m/%d/%Y %I:%M:%S %p"),
    "twelve hours, day first": partial(csv_bars, time=lambda m: f"{m:%d/%m/%Y %I:%M%p}".lower()),
    "date and time": partial(csv_bars, header=DATE_TIME, time="%Y-%m-%d|%H:%M:%S"),
    "date and time in digits": partial(csv_bars, header=DATE_TIME, time="%Y%m%d|%H%M%S"),
    "date and time in numbers": partial(csv_bars, header=DATE_TIME, time=unpadded),
    "date and time of 12 hours": partial(csv_bars, header=DATE_TIME, time="%m/%d/%Y|%I:%M %p"),
    "MetaTrader 5": partial(
        csv_bars,
        header="<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>",
        time="%Y.%m.%d|%H:%M:%S",
        separator="\t",
    ),
    "MetaStock": partial(
        csv_bars,
        header="<DTYYYYMMDD>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
        time="%Y%m%d|%H%M",
    ),
}
ZONED_CSV: dict[str, Write] = {
    "Z": partial(csv_bars, time="%Y-%m-%dT%H:%M:%SZ"),
    "Z and fractions": partial(csv_bars, time="%Y-%m-%dT%H:%M:%S.000Z"),
    "Z without seconds": partial(csv_bars, time="%Y-%m-%dT%H:%MZ"),
    "Z after digits": partial(csv_bars, time="%Y%m%dT%H%M%SZ"),
    "hours of offset": partial(csv_bars, time="%Y-%m-%d %H:%M:%S+00"),
    "offset with a colon": partial(csv_bars, time=new_york),
    "offset without one": partial(csv_bars, time=lambda m: new_york(m).replace("-05:00", "-0500")),
    "offset after a blank": partial(csv_bars, time=lambda m: new_york(m).replace("-05:", " -05:")),
    "UTC": partial(csv_bars, time="%Y-%m-%d %H:%M:%S UTC"),
    "UTC, month first, twelve hours": partial(csv_bars, time="%m/%d/%Y %I:%M %p UTC"),
    "UTC in the time beside a date": partial(csv_bars, header=DATE_TIME, time="%Y%m%d|%H:%M UTC"),
    "offset after T": partial(csv_bars, time=lambda m: new_york(m).replace(" ", "T")),
    "epoch seconds": partial(csv_bars, time=lambda m: f"{epoch(m)}"),
    "epoch seconds in floats": partial(csv_bars, time=lambda m: f"{epoch(m)}.0"),
    "epoch milliseconds": partial(csv_bars, time=lambda m: f"{epoch(m)}000"),
    "epoch microseconds": partial(csv_bars, time=lambda m: f"{epoch(m)}000000"),
    "epoch nanoseconds": partial(csv_bars, time=lambda m: f"{epoch(m)}000000000"),
}
JSON: dict[str, Write] = {
    "JSON lines": json_bars,
    "JSON lines of strings": partial(json_bars, kind=str),
    "JSON array": partial(json_bars, lines=False),
    "JSON array after a byte order mark": lambda bars: BOM + json_bars(bars, lines=False),
    "JSON array after blanks": lambda bars: b" \n" + json_bars(bars, lines=False),
}
LAYOUTS = NAIVE_CSV | ZONED_CSV | JSON


def opened(
    path: Path, content: bytes, symbol: str | None = "SPX", block_bytes: int = BLOCK_BYTES
) -> BarFile:
    path.write_bytes(content)
    (file,) = data_files(path)
    bars = open_bars(sniff(file, block_bytes), symbol)
    assert bars
    return bars


def zipped(path: Path, entry: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, content)
    return path


def rows_of(bars: BarFile) -> list[tuple[Any, ...]]:
    """Read a file without rejects; its rows without their places."""
    batches = list(bars.read())
    assert [batch.rejects.rows() for batch in batches if batch.rejects.height] == []
    found = pl.concat([batch.bars for batch in batches])
    assert found.schema == BARS_SCHEMA
    assert sum(batch.rows_read for batch in batches) == found.height
    return found.drop("line", "byte_offset").rows()


def rejected(bars: BarFile) -> list[tuple[int, int, str]]:
    batches = list(bars.read())
    rejects = pl.concat([batch.rejects for batch in batches])
    assert sum(b.rows_read for b in batches) == sum(
        b.bars.height + b.rejects.height for b in batches
    )
    return rejects.select("line", "byte_offset", "reason").rows()


# Some bars a block; or a header, or a bar or two.
@pytest.mark.parametrize("block_bytes", [400, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("form", LAYOUTS)
def test_every_layout_gives_the_same_bars(tmp_path: Path, form: str, block_bytes: int) -> None:
    bars = opened(tmp_path / "bars", LAYOUTS[form](BARS), block_bytes=block_bytes)
    assert (bars.format, bars.symbol) == ("json-bars" if form in JSON else "csv-bars", "SPX")
    assert (bars.naive, bars.clock) == (form not in ZONED_CSV, None)
    assert rows_of(bars) == [("SPX", *bar) for bar in BARS]
    assert rows_of(bars) == [("SPX", *bar) for bar in BARS]  # it can be read again


PRICE = st.integers(1, 10**6).map(lambda cents: cents / 100)
# A day above the twelfth shows which number is the day, an afternoon whether times are HHMMSS.
MINUTE = st.integers(0, 80_000).map(lambda minutes: OPEN - timedelta(minutes=minutes))
ANY_BAR = st.builds(
    lambda minute, prices, volume: (
        (minute, prices[1], prices[3], prices[0], prices[2], float(volume))
    ),
    MINUTE,
    st.lists(PRICE, min_size=4, max_size=4).map(sorted),
    st.integers(0, 10**9),
)


@examples(100)
@given(form=st.sampled_from(sorted(LAYOUTS)), bars=st.lists(ANY_BAR), data=st.data())
@pytest.mark.slow
def test_bars_written_in_any_layout_and_order_are_read_back_in_that_order(
    tmp_path_factory: pytest.TempPathFactory, form: str, bars: list[Bar], data: st.DataObject
) -> None:
    whole = sorted([*bars, BARS[0]], reverse=True)
    written = data.draw(st.sampled_from([whole, whole[::-1]]) | st.permutations(whole))
    read = opened(tmp_path_factory.getbasetemp() / "layout", LAYOUTS[form](written))
    assert rows_of(read) == [("SPX", *bar) for bar in written]


def test_equal_rows_are_all_kept(tmp_path: Path) -> None:
    bars = opened(tmp_path / "bars.csv", csv_bars([*BARS, BARS[0]]))
    assert rows_of(bars) == [("SPX", *bar) for bar in (*BARS, BARS[0])]


@pytest.mark.parametrize(
    "content",
    [
        b"date,time,open,high,low,close\n2018-01-31 14:30,x,1,1,1,1\n",
        b"date,time,timestamp,open,high,low,close\n2018-01-31,14:30,2018-01-31 14:30,1,1,1,1\n",
        b"unix,date,open,high,low,close\n1517409000,2018-01-31,1,1,1,1\n",
        b"date,time,minute,open,high,low,close\n2018-01-31,14:30,30,1,1,1,1\n",
        b"date,time,open,high,low,close\nx,x,1,1,1,1\n2018-01-31,14:30,1,1,1,1\n",
    ],
)
def test_the_columns_with_whole_times_in_them_are_the_times(tmp_path: Path, content: bytes) -> None:
    batches = list(opened(tmp_path / "bars.csv", content).read())
    assert [batch.bars["stamp"].to_list() for batch in batches] == [[OPEN]]


# --- formats of their own -------------------------------------------------------------------------

HISTDATA = b"20180102 093000;1.5;2;1;1.25;0\n20180102 093100;1;1.000000;1;1;0\n"
METATRADER = b"2018.01.02,09:30,1.5,2,1,1.25,0\n2018.01.02,09:31,1,1.000000,1,1,0\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    ("format_name", "content", "entry"),
    [
        ("histdata-ascii-m1", HISTDATA, "DAT_ASCII_SPXUSD_M1_2018.csv"),
        ("histdata-ascii-m1", HISTDATA, "DAT_NT_SPXUSD_M1_2018.csv"),
        ("histdata-mt-m1", METATRADER, "DAT_MT_SPXUSD_M1_2018.csv"),
    ],
)
def test_histdata_is_known_by_its_first_line_and_its_symbol_by_its_name(
    tmp_path: Path, format_name: str, content: bytes, entry: str, end: bytes
) -> None:
    (file,) = data_files(zipped(tmp_path / "HISTDATA.zip", entry, content.replace(b"\n", end)))
    for given_symbol, symbol in ((None, "SPXUSD"), ("SPX", "SPX")):
        bars = open_bars(sniff(file), given_symbol)
        assert bars
        assert (bars.format, bars.symbol) == (format_name, symbol)
        assert (bars.naive, bars.clock) == (True, None)
        assert rows_of(bars) == [
            (symbol, datetime(2018, 1, 2, 9, 30), 1.5, 2.0, 1.0, 1.25, 0.0),
            (symbol, datetime(2018, 1, 2, 9, 31), 1.0, 1.0, 1.0, 1.0, 0.0),
        ]


LEAN = b"14400000,1676500,1676600,1676400,1676501,20000\n34200000,1,1,1,1,300"


@pytest.mark.parametrize(
    ("path", "entry", "symbol"),
    [
        ("any.zip", "20131004_spy_minute_trade.csv", "SPY"),
        ("20131004_spy_minute_trade.csv", None, "SPY"),
        ("equity/usa/minute/brk.b/20131004_trade.zip", "20131004_brk.b_minute_trade.csv", "BRK.B"),
        ("equity/usa/minute/spy/20131004_trade.zip", "renamed.csv", "SPY"),
        ("20131004_spy_minute_trade.csv.gz", None, "SPY"),
        ("equity/usa/minute/spy/20131004_trade.csv", None, "SPY"),
    ],
)
def test_a_day_of_lean_is_known_by_its_name_and_defines_its_clock(
    tmp_path: Path, path: str, entry: str | None, symbol: str
) -> None:
    place = tmp_path / path
    place.parent.mkdir(parents=True, exist_ok=True)
    if entry:
        zipped(place, entry, LEAN)
    else:
        place.write_bytes(gzip.compress(LEAN) if place.suffix == ".gz" else LEAN)
    (file,) = data_files(place)
    for given_symbol, named in ((None, symbol), ("SPX", "SPX")):
        bars = open_bars(sniff(file), given_symbol)
        assert bars
        assert (bars.format, bars.symbol) == ("lean-equity-minute", named)
        assert (bars.naive, bars.clock) == (True, "America/New_York")
        assert rows_of(bars) == [
            (named, datetime(2013, 10, 4, 4), 167.65, 167.66, 167.64, 167.6501, 20000.0),
            (named, datetime(2013, 10, 4, 9, 30), 0.0001, 0.0001, 0.0001, 0.0001, 300.0),
        ]


def test_a_bar_of_lean_past_midnight_or_without_a_number_is_a_reject(tmp_path: Path) -> None:
    content = (
        LEAN + b"\n86400000,1,1,1,1,1\n34260000,1,1,,1,1\n34320001,1,1,1,1,1\n-60000,1,1,1,1,1"
    )
    bars = opened(tmp_path / "20131004_spy_minute_trade.csv", content, None)
    assert [reason for _, _, reason in rejected(bars)] == [
        "time is not a date: '86400000'",
        "low is not a number: ''",
        "time is not a whole minute",
        "time is not a date: '-60000'",
    ]


LEAN_REST = "only minute trades are bars, so use the file that ends in _trade"
LEAN_OTHER = (
    "holds LEAN minutes of something other than an equity; "
    "only equities are read, so export it as CSV with a header"
)


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        (
            "20131004_spy_minute_quote.csv",
            b"14400000,,,,,0,1676500,1676500,1676500,1676500,2\n",
            f"holds LEAN's minute quote data; {LEAN_REST}",
        ),
        (
            "forex/oanda/minute/eurusd/20140501_quote.csv",
            b"14400000,1.3,1.3,1.3,1.3,0,1.4,1.4,1.4,1.4,2\n",
            f"holds LEAN's minute quote data; {LEAN_REST}",
        ),
        (
            "20131004_spy_second_trade.csv",
            LEAN,
            f"holds LEAN's second trade data; {LEAN_REST}",
        ),
        ("20180101_btcusd_minute_trade.csv", LEAN + b"\n60000,1,1,1,4261.48,0.5\n", LEAN_OTHER),
        ("crypto/gdax/minute/btcusd/20180101_trade.csv", LEAN, LEAN_OTHER),
    ],
)
def test_what_lean_keeps_beside_the_minutes_of_equities_is_refused(
    tmp_path: Path, path: str, content: bytes, message: str
) -> None:
    place = tmp_path / path
    place.parent.mkdir(parents=True, exist_ok=True)
    with pytest.raises(InputError) as refusal:
        opened(place, content, "SPY")
    assert str(refusal.value) == f"{place}: {message}"


# --- columns --------------------------------------------------------------------------------------


def test_a_column_of_symbols_gives_each_bar_its_own(tmp_path: Path) -> None:
    rows = b"SPY,2018-01-02 09:30,1,1,1,1\n QQQ ,2018-01-02 09:30,2,2,2,2\n"
    content = b"Ticker,time,open,high,low,close\n" + rows
    bars = opened(tmp_path / "a.csv", content, None)
    assert bars.symbol is None
    assert [(row[0], row[2], row[-1]) for row in rows_of(bars)] == [
        ("SPY", 1.0, None),
        ("QQQ", 2.0, None),
    ]
    with pytest.raises(InputError) as refusal:
        opened(tmp_path / "a.csv", content, "IGNORED")
    assert str(refusal.value) == (
        f"{tmp_path}/a.csv: --symbol is IGNORED, but its column of symbols has SPY, QQQ; "
        "leave --symbol out, or say with --column symbol= that the column is none"
    )


def test_a_volume_that_is_no_number_is_unknown_and_no_reason_to_reject(tmp_path: Path) -> None:
    volumes = ["5", "", "nan", "inf", "-", "1.2K"]
    lines = [f"2018-01-02 09:{30 + at},1,1,1,1,{text}\n" for at, text in enumerate(volumes)]
    bars = opened(tmp_path / "a.csv", ("date,open,high,low,close,vol\n" + "".join(lines)).encode())
    assert [row[-1] for row in rows_of(bars)] == [5.0, None, None, None, None, None]


# --- Parquet --------------------------------------------------------------------------------------


def frame(stamp: pl.Series, **columns: Any) -> pl.DataFrame:
    numbers = zip(*(bar[1:] for bar in BARS), strict=True)
    prices = dict(zip(("open", "high", "low", "close", "volume"), map(list, numbers), strict=True))
    return pl.DataFrame({"timestamp": stamp, **prices, **columns})


MINUTES = pl.Series([bar[0] for bar in BARS])


@pytest.mark.parametrize(
    ("stamp", "naive"),
    [
        (MINUTES.cast(pl.Datetime("us")), True),
        (MINUTES.cast(pl.Datetime("ns")), True),
        (MINUTES.cast(pl.Datetime("ms")), True),
        (MINUTES.dt.to_string("%Y-%m-%d %H:%M:%S"), True),
        (MINUTES.dt.replace_time_zone("UTC"), False),
        (MINUTES.dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York"), False),
        (MINUTES.cast(pl.Datetime("ns", "America/New_York")), False),
        (MINUTES.dt.epoch("s"), False),
        (MINUTES.dt.epoch("s").cast(pl.Float64), False),
        (MINUTES.dt.epoch("us"), False),
        (MINUTES.dt.epoch("us") * 1_000, False),
        (MINUTES.dt.epoch("ms"), False),
        (MINUTES.dt.epoch("s").cast(pl.UInt32), False),
    ],
)
def test_every_kind_of_parquet_gives_the_same_bars(
    tmp_path: Path, stamp: pl.Series, naive: bool
) -> None:
    frame(stamp).write_parquet(tmp_path / "bars.parquet", row_group_size=2)
    bars = open_bars(sniff(DataFile(tmp_path / "bars.parquet")), "SPX")
    assert bars
    assert (bars.format, bars.symbol, bars.naive) == ("parquet-bars", "SPX", naive)
    assert rows_of(bars) == [("SPX", *bar) for bar in BARS]


@pytest.mark.parametrize(
    ("dates", "times"),
    [
        (MINUTES.dt.date(), MINUTES.dt.time()),
        (MINUTES.dt.to_string("%Y%m%d").cast(pl.Int32), MINUTES.dt.to_string("%H%M%S")),
        (MINUTES.dt.date(), MINUTES.dt.to_string("%H%M").cast(pl.Int16)),
    ],
)
def test_parquet_with_dates_beside_times_gives_the_same_bars(
    tmp_path: Path, dates: pl.Series, times: pl.Series
) -> None:
    both = frame(MINUTES).drop("timestamp").with_columns(date=dates, time=times)
    both.write_parquet(tmp_path / "bars.parquet")
    bars = open_bars(sniff(DataFile(tmp_path / "bars.parquet")), "SPX")
    assert bars
    assert (bars.format, bars.naive) == ("parquet-bars", True)
    assert rows_of(bars) == [("SPX", *bar) for bar in BARS]


def test_parquet_of_other_types_gives_bars_too(tmp_path: Path) -> None:
    whole = pl.DataFrame(
        {
            "Time": MINUTES,
            "Symbol": pl.Series(["A", "B", "A"]).cast(pl.Categorical),
            "Open": [1, 2, 3],
            "High": pl.Series([1.1, 2.1, 3.1], dtype=pl.Float32),
            "Low": pl.Series([Decimal("0.5"), Decimal("1.5"), Decimal("2.5")]),
            "Close": ["1", "2", "3"],
        }
    )
    whole.write_parquet(tmp_path / "bars.parquet")
    bars = open_bars(sniff(DataFile(tmp_path / "bars.parquet")))
    assert bars
    assert rows_of(bars) == [
        ("A", BARS[0][0], 1.0, 1.1, 0.5, 1.0, None),
        ("B", BARS[1][0], 2.0, 2.1, 1.5, 2.0, None),
        ("A", BARS[2][0], 3.0, 3.1, 2.5, 3.0, None),
    ]


def test_a_bad_bar_of_parquet_is_a_reject_with_its_row(tmp_path: Path) -> None:
    bad = frame(MINUTES).with_columns(open=pl.Series([2683.73, float("nan"), None]))
    bad.write_parquet(tmp_path / "bars.parquet")
    bars = open_bars(sniff(DataFile(tmp_path / "bars.parquet")), "SPX")
    assert bars
    assert [row[0::2] for row in rejected(bars)] == [
        (2, "open is not a number: 'NaN'"),
        (3, "open is not a number: ''"),
    ]


@pytest.mark.parametrize("dtype", [pl.Datetime("us"), pl.Datetime("us", "UTC"), pl.Datetime("ms")])
def test_a_time_out_of_all_range_is_a_reject(tmp_path: Path, dtype: pl.Datetime) -> None:
    far = pl.Series([MINUTES.dt.epoch(dtype.time_unit)[0], 2**63 - 1, -(2**63)]).cast(dtype)
    frame(far).write_parquet(tmp_path / "bars.parquet")
    bars = open_bars(sniff(DataFile(tmp_path / "bars.parquet")), "SPX")
    assert bars
    reasons = [(line, reason.split(":")[0]) for line, _, reason in rejected(bars)]
    words = {"time is not a date", "time is before 1971", "time is in the future"}
    assert [line for line, _ in reasons] == [2, 3]
    assert {reason for _, reason in reasons} <= words


def test_damaged_and_empty_parquet_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    frame(MINUTES).head(0).write_parquet(path)
    with pytest.raises(InputError) as empty:
        open_bars(sniff(DataFile(path)), "SPX")
    assert str(empty.value) == f"{path}: holds a header but no bars; export it again"
    out = io.BytesIO()
    frame(MINUTES).write_parquet(out)
    for damaged in (out.getvalue()[:-9], out.getvalue()[:40], b"PAR1" + bytes(99) + b"PAR1"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="unreadable Parquet") as refusal:
            open_bars(sniff(DataFile(path)), "SPX")
        assert "\n" not in str(refusal.value)


def test_packed_parquet_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    frame(MINUTES).write_parquet(out)
    zipped(tmp_path / "a.zip", "bars.parquet", out.getvalue())
    (tmp_path / "a.gz").write_bytes(gzip.compress(out.getvalue()))
    for path in (tmp_path / "a.zip", tmp_path / "a.gz"):
        (file,) = data_files(path)
        with pytest.raises(InputError) as packed:
            open_bars(sniff(file), "SPX")
        assert str(packed.value) == f"{path}: packed Parquet is not read; unpack it first"


PARQUET = io.BytesIO()
frame(MINUTES, symbol="SPX").write_parquet(PARQUET, compression="uncompressed")


@examples(100)
@given(
    st.lists(
        st.tuples(st.integers(4, len(PARQUET.getvalue()) - 1), st.integers(0, 255)), min_size=1
    )
)
@pytest.mark.slow
def test_no_damage_to_parquet_ends_in_anything_but_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    content = bytearray(PARQUET.getvalue())
    for place, octet in damage:
        content[place] = octet
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        if bars := open_bars(sniff(DataFile(path)), "SPX"):
            rejected(bars)


def test_parquet_with_two_columns_of_a_name_is_refused(tmp_path: Path) -> None:
    table = frame(MINUTES).to_arrow()
    pq.write_table(table.append_column("open", table["close"]), tmp_path / "bars.parquet")
    with pytest.raises(InputError, match=r"unreadable Parquet .*open.*; export it again"):
        open_bars(sniff(DataFile(tmp_path / "bars.parquet")), "SPX")


# --- refusals and rejects -------------------------------------------------------------------------

UNKNOWN_TIME = (
    "the time {!r} has no known form; write times as 2018-01-31 09:30:00, or as seconds or "
    "milliseconds since 1970, or name their column with --column time=NAME"
)
UNCLEAR_DAY = (
    "no date like {!r} shows which number is the day (none is above 12); write dates as 2018-01-31"
)
TIMED = "time,open,high,low,close\n{},1,1,1,1\n{},1,1,1,1\n".format


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            csv_bars(header="time,open,high,low,end,volume"),
            "looks like bars, but no column is known for close (columns: 'time' is time, 'open' is "
            "open, 'high' is high, 'low' is low, 'end' is not known, 'volume' is volume); "
            "name it with --column close=NAME",
        ),
        (
            csv_bars(header="when,open,high,low,close,volume"),
            "looks like bars, but no column is known for time (columns: 'when' is not known, "
            "'open' is open, 'high' is high, 'low' is low, 'close' is close, 'volume' is volume); "
            "name it with --column time=NAME",
        ),
        (
            json_bars(names="wohlcv"),
            "looks like bars, but no column is known for time (columns: 'w' is not known, 'o' is "
            "open, 'h' is high, 'l' is low, 'c' is close, 'v' is volume); "
            "name it with --column time=NAME",
        ),
        (csv_bars(time="%d %b %H:%M"), UNKNOWN_TIME.format("31 Jan 14:30")),
        (csv_bars(time="%H:%M"), UNKNOWN_TIME.format("14:30")),
        (
            csv_bars(header=DATE_TIME, time="%Y-%m-%d|%H~%M"),
            UNKNOWN_TIME.format("2018-01-31 14~30"),
        ),
        (csv_bars(time=lambda _: ""), UNKNOWN_TIME.format("")),
        (
            TIMED("01/02/2018 09:30", "01/02/2018 09:31").encode(),
            UNCLEAR_DAY.format("01/02/2018 09:30"),
        ),
        (
            TIMED("1.2.2018 9:30:00 AM", "1.2.2018 9:31:00 AM").encode(),
            UNCLEAR_DAY.format("1.2.2018 9:30:00 AM"),
        ),
        (
            TIMED("31/01/2018 09:30", "01/31/2018 09:31").encode(),
            "the order of its dates changes: '31/01/2018 09:30' has the day first, "
            "'01/31/2018 09:31' the month; write dates as 2018-01-31",
        ),
        (
            b"time;open;high;low;close\n2018-01-31 09:30;1,234;1,234;1,234;1,234\n",
            "the comma of prices like '1,234' may separate thousands; "
            "write prices with a decimal point",
        ),
        (b"time,open,high,low,close\n", "holds a header but no bars; export it again"),
        (
            TIMED("2018-01-31 09:30,1,1", "2018-01-31 09:31,1,1").encode(),
            "holds no readable bar (cannot be parsed: found more fields than defined in 'Schema'); "
            "check its columns",
        ),
    ],
)
def test_bars_that_cannot_be_read_are_refused_in_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        opened(tmp_path / "bars.csv", content)
    assert str(refusal.value) == f"{tmp_path}/bars.csv: {message}"


@pytest.mark.parametrize(("written", "month"), [("31/01/2018", 2), ("01/31/2018", 1)])
def test_a_later_day_above_the_twelfth_shows_which_number_is_the_day(
    tmp_path: Path, written: str, month: int
) -> None:
    content = f"{TIMED('01/02/2018 09:30', '01/02/2018 09:31')}{written} 09:30,1,1,1,1\n"
    bars = opened(tmp_path / "bars.csv", content.encode(), block_bytes=50)
    first = datetime(2018, month, 3 - month, 9, 30)
    assert [row[1] for row in rows_of(bars)] == [
        first,
        first + timedelta(minutes=1),
        datetime(2018, 1, 31, 9, 30),
    ]


def test_a_date_in_the_other_order_after_the_sample_is_a_reject(tmp_path: Path) -> None:
    rows = "01/31/2018 09:30,1,1,1,1\n" * 1_000 + "31/01/2018 09:30,1,1,1,1\n"
    bars = opened(tmp_path / "bars.csv", f"time,open,high,low,close\n{rows}".encode())
    assert [row[0::2] for row in rejected(bars)] == [
        (1_002, "time is not a date: '31/01/2018 09:30'")
    ]


def test_a_point_among_decimal_commas_is_one_of_thousands(tmp_path: Path) -> None:
    rows = b"2018-01-31 09:30;1,5;2;1;1;0,5\n" * 1_000 + b"2018-01-31 09:30;2.683;2684;1;1;0\n"
    bars = opened(tmp_path / "bars.csv", b"time;open;high;low;close;volume\n" + rows)
    assert rejected(bars)[0][2] == "open is not a number: '2.683'"
    first = next(bars.read()).bars
    assert first.row(0)[3:] == (datetime(2018, 1, 31, 9, 30), 1.5, 2.0, 1.0, 1.0, 0.5)


@pytest.mark.parametrize("content", [csv_bars(), HISTDATA])
def test_bars_of_nobody_knows_what_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError) as refusal:
        opened(tmp_path / "bars.csv", content, None)
    assert str(refusal.value) == (
        f"{tmp_path}/bars.csv: the symbol of its bars is not known; name it, as in --symbol SPY"
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("2018-13-02 09:31,1,1,1,1", "time is not a date: '2018-13-02 09:31'"),
        (",1,1,1,1", "time is not a date: ''"),
        ("0018-01-02 09:31,1,1,1,1", "time is before 1971: '0018-01-02 09:31'"),
        ("1970-01-01 00:00,1,1,1,1", "time is before 1971: '1970-01-01 00:00'"),
        ("2999-01-02 09:31,1,1,1,1", "time is in the future: '2999-01-02 09:31'"),
        ("2018-01-02 09:31,,1,1,1", "open is not a number: ''"),
        ("2018-01-02 09:31,1,1,1", "close is not a number: ''"),
        ("2018-01-02 09:31,NaN,1,1,1", "open is not a number: 'NaN'"),
        ("2018-01-02 09:31,1,inf,1,1", "high is not a number: 'inf'"),
        ("2018-01-02 09:31,1,1,1,-Infinity", "close is not a number: '-Infinity'"),
        ("2018-01-02 09:31,1,1,one,1", "low is not a number: 'one'"),
        ("2018-01-02 09:31,1,2,0,1", "a price is not above 0"),
        ("2018-01-02 09:31,-1,-1,-1,-1", "a price is not above 0"),
        ("2018-01-02 09:31,1,1,2,1", "high and low contradict open and close"),
        ("2018-01-02 09:31,1,2,1,2.5", "high and low contradict open and close"),
        ("2018-01-02 09:31,1,2,1,0.5", "high and low contradict open and close"),
        (
            "2018-01-02 09:31,1,2,1,1,9",
            "cannot be parsed: found more fields than defined in 'Schema'",
        ),
    ],
)
def test_a_bad_bar_is_a_reject_with_its_place_and_its_neighbours_survive(
    tmp_path: Path, bad: str, reason: str
) -> None:
    good = "2018-01-02 09:{},1,1,1,1\n".format
    before = "time,open,high,low,close\n" + good(30)
    content = before + bad + "\n" + good(32)
    bars = opened(tmp_path / "bars.csv", content.encode())
    assert rejected(bars) == [(3, len(before), reason)]
    ((first, second),) = [batch.bars["line"].to_list() for batch in bars.read()]
    assert (first, second) == (2, 4)


def test_a_bar_between_minutes_or_without_a_symbol_is_a_reject(tmp_path: Path) -> None:
    rows = b"1514903400,A,1,1,1,1\n1514903461,A,1,1,1,1\n1514903520, ,1,1,1,1\n9"
    content = b"time,symbol,open,high,low,close\n" + rows
    bars = opened(tmp_path / "bars.csv", content, None)
    assert [reason for _, _, reason in rejected(bars)] == [
        "time is not a whole minute",
        "has no symbol",
        "time is not a date: '9'",
    ]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n\n",
        b"a,b,c\n1,2,3\n",
        b"id,text,date\n1,low and high,x\n",
        b"\x00" * 99,
        b"[{}]",
        b"[1, 2]",
        b"[" * 9_999,
        b'{"a":' * 9_999,
        b'{"o": 1',
        b'{"bars": {"SPY": []}}',
        b"14400000,1676500,1676600,1676400,1676501,20000\n",
    ],
)
def test_what_is_no_file_of_bars_is_none(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a").write_bytes(head)
    assert open_bars(sniff(DataFile(tmp_path / "a"))) is None


@examples(30)
@given(st.binary(max_size=60) | st.text('a"\r\n,;\x00\x1c\t{}[]:', max_size=30).map(str.encode))
def test_no_bytes_break_the_recognition(
    tmp_path_factory: pytest.TempPathFactory, head: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(head)
    with contextlib.suppress(InputError):
        assert open_bars(sniff(DataFile(path))) is None


NOISE = st.binary(max_size=60) | st.text('18:"\r\n,.;-/{}[]oO\\ ', max_size=60).map(str.encode)


@examples(100)
@given(
    start=st.sampled_from([csv_bars(), json_bars(), json_bars(lines=False)[:-2] + b",", HISTDATA]),
    noise=NOISE,
)
@pytest.mark.slow
def test_noise_after_good_bars_harms_none_and_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, start: bytes, noise: bytes
) -> None:
    bars = opened(tmp_path_factory.getbasetemp() / "noise", start + noise)
    rejected(bars)
    assert sum(batch.bars.height for batch in bars.read()) >= (2 if start == HISTDATA else 3)


# --- real files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "rows"), [("2018", 310_381), ("201901-06", 153_672)])
@pytest.mark.slow
def test_real_bars_are_read_whole(data: Path, name: str, rows: int) -> None:
    (file,) = data_files(data / "market" / f"HISTDATA_COM_ASCII_SPXUSD_M1{name}.zip")
    bars = open_bars(sniff(file))
    assert bars
    assert bars.symbol == "SPXUSD"
    assert len(rows_of(bars)) == rows


@pytest.mark.parametrize(
    ("day", "rows", "first", "last"),
    [
        ("20131004", 711, "04:06", "19:59"),
        ("20131007", 828, "04:00", "19:59"),
        ("20131008", 828, "04:00", "19:59"),
    ],
)
def test_real_days_of_lean_are_read_as_plain_python_reads_them(
    data: Path, day: str, rows: int, first: str, last: str
) -> None:
    path = data / "market" / f"spy_minute_{day}_trade.zip"
    with zipfile.ZipFile(path) as archive:
        text = archive.read(f"{day}_spy_minute_trade.csv").decode()
    expected = []
    for milliseconds, *prices, volume in csv.reader(text.splitlines()):
        stamp = datetime.strptime(day, "%Y%m%d") + timedelta(milliseconds=int(milliseconds))
        numbers = [float(Decimal(price) / 10_000) for price in prices]
        expected.append(("SPY", stamp, *numbers, float(volume)))
    (file,) = data_files(path)
    bars = open_bars(sniff(file))
    assert bars
    assert (bars.format, bars.clock) == ("lean-equity-minute", "America/New_York")
    assert rows_of(bars) == expected
    assert len(expected) == rows
    assert [f"{expected[at][1]:%H:%M}" for at in (0, -1)] == [first, last]

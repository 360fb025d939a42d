"""The same three bars go through every layout; what is no bar is named with its place."""

import contextlib
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tweetscore import files
from tweetscore.bars import BARS_SCHEMA, BarFile, open_bars
from tweetscore.errors import InputError
from tweetscore.files import BOM, DataFile, data_files

OPEN = datetime(2018, 1, 2, 14, 30)
BARS = [
    (OPEN, 2683.73, 2684.5, 2683.0, 2684.25, 7.0),
    (OPEN + timedelta(minutes=1), 2684.25, 2684.25, 2684.25, 2684.25, 0.0),
    (OPEN + timedelta(minutes=3), 0.00012, 3_000_000.0, 0.0001, 5.0, 12345.5),
]


def csv_bars(
    time: str | Callable[[datetime], str] = "%Y-%m-%d %H:%M:%S",
    header: str = "time,open,high,low,close,volume",
    separator: str = ",",
    around: str = "",
) -> bytes:
    write = time if callable(time) else lambda minute: minute.strftime(time)
    rows = [[write(minute), *map(str, numbers)] for minute, *numbers in BARS]
    lines = [
        header.replace(",", separator),
        *(separator.join(around + value + around for value in row) for row in rows),
    ]
    return "".join(line + "\n" for line in lines).encode()


def epoch(minute: datetime) -> int:
    return int(minute.replace(tzinfo=UTC).timestamp())


def new_york(minute: datetime) -> str:
    return str(minute - timedelta(hours=5)) + "-05:00"


NAIVE_CSV: dict[str, bytes] = {
    "plain": csv_bars(),
    "after a byte order mark": BOM + csv_bars(),
    "CRLF": csv_bars().replace(b"\n", b"\r\n"),
    "blank lines": b"\n" + csv_bars().replace(b"\n", b"\n\n"),
    "no last line break": csv_bars().removesuffix(b"\n"),
    "all quoted": csv_bars(around='"'),
    "blanks around values": csv_bars(around=" "),
    "semicolons": csv_bars(separator=";"),
    "tabs": csv_bars(separator="\t"),
    "capitals": csv_bars(header="Date,Open,High,Low,Close,Volume"),
    "angle brackets": csv_bars(header="<DATETIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"),
    "letters": csv_bars(header="timestamp,o,h,l,c,volume"),
    "blanks in the header": csv_bars(header="Gmt time, Open, High, Low, Close, Volume"),
    "with T": csv_bars("%Y-%m-%dT%H:%M:%S"),
    "with fractions": csv_bars("%Y-%m-%d %H:%M:%S.000000"),
    "without seconds": csv_bars("%Y-%m-%d %H:%M"),
    "with T, without seconds": csv_bars("%Y-%m-%dT%H:%M"),
    "digits only": csv_bars("%Y%m%d %H%M%S"),
    "dots": csv_bars("%Y.%m.%d %H:%M"),
}
ZONED_CSV: dict[str, bytes] = {
    "Z": csv_bars("%Y-%m-%dT%H:%M:%SZ"),
    "Z and fractions": csv_bars("%Y-%m-%dT%H:%M:%S.000Z"),
    "Z without seconds": csv_bars("%Y-%m-%dT%H:%MZ"),
    "offset with a colon": csv_bars(new_york),
    "offset without one": csv_bars(lambda minute: new_york(minute).replace("-05:00", "-0500")),
    "offset after T": csv_bars(lambda minute: new_york(minute).replace(" ", "T")),
    "epoch seconds": csv_bars(lambda minute: str(epoch(minute))),
    "epoch milliseconds": csv_bars(lambda minute: f"{epoch(minute)}000"),
}


def opened(path: Path, content: bytes, symbol: str | None = "SPX") -> BarFile:
    path.write_bytes(content)
    (file,) = data_files(path)
    bars = open_bars(file, symbol)
    assert bars
    return bars


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


@pytest.mark.parametrize("block_bytes", [4 << 20, 50])
@pytest.mark.parametrize("form", NAIVE_CSV | ZONED_CSV)
def test_every_layout_of_csv_gives_the_same_bars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, block_bytes: int
) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", block_bytes)
    bars = opened(tmp_path / "bars.csv", (NAIVE_CSV | ZONED_CSV)[form])
    assert (bars.format, bars.symbol, bars.naive) == ("csv-bars", "SPX", form in NAIVE_CSV)
    assert rows_of(bars) == [("SPX", *bar) for bar in BARS]
    assert rows_of(bars) == [("SPX", *bar) for bar in BARS]  # it can be read again


HISTDATA = b"20180102 093000;1.5;2;1;1.25;0\n20180102 093100;1;1.000000;1;1;0\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_histdata_is_known_by_its_first_line_and_its_symbol_by_its_name(
    tmp_path: Path, end: bytes
) -> None:
    path = tmp_path / "HISTDATA.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("DAT_ASCII_SPXUSD_M1_2018.csv", HISTDATA.replace(b"\n", end))
    (file,) = data_files(path)
    for said, symbol in ((None, "SPXUSD"), ("SPX", "SPX")):
        bars = open_bars(file, said)
        assert bars
        assert (bars.format, bars.symbol, bars.naive) == ("histdata-ascii-m1", symbol, True)
        assert rows_of(bars) == [
            (symbol, datetime(2018, 1, 2, 9, 30), 1.5, 2.0, 1.0, 1.25, 0.0),
            (symbol, datetime(2018, 1, 2, 9, 31), 1.0, 1.0, 1.0, 1.0, 0.0),
        ]


def test_a_column_of_symbols_says_what_each_bar_is_of(tmp_path: Path) -> None:
    rows = b"SPY,2018-01-02 09:30,1,1,1,1\n QQQ ,2018-01-02 09:30,2,2,2,2\n"
    content = b"Ticker,time,open,high,low,close\n" + rows
    for said in (None, "IGNORED"):
        bars = opened(tmp_path / "a.csv", content, said)
        assert bars.symbol is None
        assert [(row[0], row[2], row[-1]) for row in rows_of(bars)] == [
            ("SPY", 1.0, None),
            ("QQQ", 2.0, None),
        ]


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
        (MINUTES.dt.epoch("s"), False),
        (MINUTES.dt.epoch("ms"), False),
        (MINUTES.dt.epoch("s").cast(pl.UInt32), False),
    ],
)
def test_every_kind_of_parquet_gives_the_same_bars(
    tmp_path: Path, stamp: pl.Series, naive: bool
) -> None:
    frame(stamp).write_parquet(tmp_path / "bars.parquet", row_group_size=2)
    bars = open_bars(DataFile(tmp_path / "bars.parquet"), "SPX")
    assert bars
    assert (bars.format, bars.symbol, bars.naive) == ("parquet-bars", "SPX", naive)
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
    bars = open_bars(DataFile(tmp_path / "bars.parquet"))
    assert bars
    assert rows_of(bars) == [
        ("A", BARS[0][0], 1.0, 1.1, 0.5, 1.0, None),
        ("B", BARS[1][0], 2.0, 2.1, 1.5, 2.0, None),
        ("A", BARS[2][0], 3.0, 3.1, 2.5, 3.0, None),
    ]


def test_a_bad_bar_of_parquet_is_a_reject_with_its_row(tmp_path: Path) -> None:
    bad = frame(MINUTES).with_columns(open=pl.Series([2683.73, float("nan"), None]))
    bad.write_parquet(tmp_path / "bars.parquet")
    bars = open_bars(DataFile(tmp_path / "bars.parquet"), "SPX")
    assert bars
    assert [row[0::2] for row in rejected(bars)] == [
        (2, "open is not a number: 'NaN'"),
        (3, "open is not a number: ''"),
    ]


def test_damaged_empty_and_zipped_parquet_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    frame(MINUTES).head(0).write_parquet(path)
    with pytest.raises(InputError) as empty:
        open_bars(DataFile(path), "SPX")
    assert str(empty.value) == f"{path}: holds no rows; export it again"
    out = io.BytesIO()
    frame(MINUTES).write_parquet(out)
    for damaged in (out.getvalue()[:-9], out.getvalue()[:40], b"PAR1" + bytes(99) + b"PAR1"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="unreadable Parquet") as refusal:
            open_bars(DataFile(path), "SPX")
        assert "\n" not in str(refusal.value)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("bars.parquet", out.getvalue())
    (file,) = data_files(tmp_path / "a.zip")
    with pytest.raises(InputError) as zipped:
        open_bars(file, "SPX")
    assert str(zipped.value) == (
        f"{tmp_path}/a.zip: Parquet inside a zip is not read; unzip it first"
    )


# --- refusals and rejects -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            csv_bars(header="time,open,high,low,last,volume"),
            "looks like bars but has no column close "
            "(it has time, open, high, low, last, volume); rename or add it",
        ),
        (
            csv_bars(header="when,open,high,low,close,volume"),
            "looks like bars but has no column time "
            "(it has when, open, high, low, close, volume); rename or add it",
        ),
        (
            csv_bars("%d/%m/%Y %H:%M"),
            "the time '02/01/2018 14:30' has no known form; write times as 2018-01-31 09:30:00, "
            "or as seconds or milliseconds since 1970",
        ),
        (
            b"time,open,high,low,close\n",
            "holds no bar but its header; export it again",
        ),
    ],
)
def test_bars_that_cannot_be_read_are_refused_in_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        opened(tmp_path / "bars.csv", content)
    assert str(refusal.value) == f"{tmp_path}/bars.csv: {message}"


@pytest.mark.parametrize("content", [csv_bars(), HISTDATA])
def test_bars_of_nobody_knows_what_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError) as refusal:
        opened(tmp_path / "bars.csv", content, None)
    assert str(refusal.value) == (
        f"{tmp_path}/bars.csv: does not say what its bars are of; name it, as in --symbol SPY"
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("2018-13-02 09:31,1,1,1,1", "time is not a date: '2018-13-02 09:31'"),
        (",1,1,1,1", "time is not a date: ''"),
        ("2018-01-02 09:31,,1,1,1", "open is not a number: ''"),
        ("2018-01-02 09:31,1,1,1", "close is not a number: ''"),
        ("2018-01-02 09:31,NaN,1,1,1", "open is not a number: 'NaN'"),
        ("2018-01-02 09:31,1,inf,1,1", "high is not a number: 'inf'"),
        ("2018-01-02 09:31,1,1,one,1", "low is not a number: 'one'"),
        ("2018-01-02 09:31,1,2,0,1", "a price is not above 0"),
        ("2018-01-02 09:31,-1,-1,-1,-1", "a price is not above 0"),
        ("2018-01-02 09:31,1,1,2,1", "high and low contradict open and close"),
        ("2018-01-02 09:31,1,2,1,2.5", "high and low contradict open and close"),
        ("2018-01-02 09:31,1,2,1,0.5", "high and low contradict open and close"),
        ("2018-01-02 09:31,1,2,1,1,9",
         "cannot be parsed: found more fields than defined in 'Schema'"),
    ],
)  # fmt: skip
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
    bars = opened(tmp_path / "bars.csv", content)
    assert [reason for _, _, reason in rejected(bars)] == [
        "time is not a whole minute",
        "has no symbol",
        "time is not a date: '9'",
    ]


@pytest.mark.parametrize(
    "head",
    [b"", b"\n\n", b"a,b,c\n1,2,3\n", b"id,text,date\n1,low and high,x\n", b"\x00" * 99, b"[{}]"],
)
def test_what_is_no_file_of_bars_is_none(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a").write_bytes(head)
    assert open_bars(DataFile(tmp_path / "a")) is None


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=60) | st.text('a"\r\n,;\x00\x1c\t', max_size=30).map(str.encode))
def test_no_bytes_break_the_recognition(
    tmp_path_factory: pytest.TempPathFactory, head: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(head)
    with contextlib.suppress(InputError):
        assert open_bars(DataFile(path)) is None


# --- real files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "rows"), [("2018", 310_381), ("201901-06", 153_672)])
def test_real_bars_are_read_whole(data: Path, name: str, rows: int) -> None:
    (file,) = data_files(data / "market" / f"HISTDATA_COM_ASCII_SPXUSD_M1{name}.zip")
    bars = open_bars(file)
    assert bars
    assert bars.symbol == "SPXUSD"
    assert len(rows_of(bars)) == rows

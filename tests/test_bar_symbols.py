"""Symbols come from columns, names and folders; what disagrees is refused before it is stored."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tweetscore.bars.symbols import canonical_symbols, symbol_in_name, symbol_of_file
from tweetscore.errors import InputError
from tweetscore.ingest.account import Account, IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.io.open import data_files
from tweetscore.market.symbols import canonical_symbol
from tweetscore.store.database import Store


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("AAPL.csv", "AAPL"),
        ("spy.csv", "SPY"),
        ("A.csv", "A"),
        ("ALL.csv", "ALL"),
        ("BRK.B.csv", "BRK.B"),
        ("brk-b.csv", "BRK.B"),
        ("0700.HK.csv", "0700.HK"),
        ("7203.csv", "7203"),
        ("^GSPC.csv", "^GSPC"),
        ("ES=F_1m.csv", "ES=F"),
        ("EURUSD=X.csv", "EURUSD"),
        ("us500.csv", "US500"),
        ("TSLA_1m.csv", "TSLA"),
        ("SPX_1min.txt", "SPX"),
        ("AAPL_full_1min_adjsplit.txt", "AAPL"),
        ("intraday_1min_IBM.csv", "IBM"),
        ("spy_20240102.csv.gz", "SPY"),
        ("SPY_2024-01-02.parquet", "SPY"),
        ("AAPL (1).csv", "AAPL"),
        ("BTCUSDT-1m-2025-03-01.csv", "BTCUSDT"),
        ("BTCUSDT-1m-2025-03.zip", "BTCUSDT"),
        ("BTC_USDT-1m.json", "BTCUSDT"),
        ("eth-usdt.csv", "ETHUSDT"),
        ("Coinbase_ETH-USD_1min.parquet", "ETHUSD"),
        ("Binance_BTCUSDT_2025_minute.csv", "BTCUSDT"),
        ("BATS_SPY, 1.csv", "SPY"),
        ("CME_MINI_ES1!, 1.csv", "ES1!"),
        ("BINANCE_BTCUSDT, 1_a5f.csv", "BTCUSDT"),
        ("DAT_ASCII_EURUSD_M1_2018.csv", "EURUSD"),
        ("spy_minute_20131004_trade.zip", "SPY"),
        ("20131004_brk.b_minute_trade.csv", "BRK.B"),
        ("EURUSD1.csv", "EURUSD"),
        ("EURUSD_M1_202401020000_202401022359.csv", "EURUSD"),
        ("EURUSD_Candlestick_1_M_BID_30.01.2024-31.01.2024.csv", "EURUSD"),
        ("xnas-itch-20240102.ohlcv-1m.csv", None),
        *((name, None) for name in (
            "bars.csv", "data.csv", "prices.csv", "minute_bars.csv", "2024.csv", "2024-01.csv",
            "2024-01-02.csv", "20240102.csv", "1m.csv", "ohlcv_1m.csv", "part1.csv", "mydata.csv",
            "test.csv", "a.csv", "market.csv", "history 2018.csv", "DATA.csv", "AAPL_MSFT.csv",
        )),
    ],
)  # fmt: skip
def test_the_name_of_a_file_shows_its_symbol_or_nothing(name: str, symbol: str | None) -> None:
    assert symbol_in_name(name) == symbol


@pytest.mark.parametrize(
    ("written", "symbol"),
    [
        ("spy", "SPY"),
        (" SPY ", "SPY"),
        ("BTC/USDT", "BTCUSDT"),
        ("btc-usdt", "BTCUSDT"),
        ("BTC_USDT", "BTCUSDT"),
        ("BTC/USDT:USDT", "BTCUSDT"),
        ("EUR/USD", "EURUSD"),
        ("X:BTCUSD", "BTCUSD"),
        ("NASDAQ:AAPL", "AAPL"),
        ("BRK/B", "BRK.B"),
        ("BRK B", "BRK.B"),
        ("brk.b", "BRK.B"),
        ("0700.hk", "0700.HK"),
        ("ES=F", "ES=F"),
    ],
)
def test_letter_case_and_marks_within_a_symbol_are_one_thing(written: str, symbol: str) -> None:
    assert canonical_symbol(written) == symbol
    assert canonical_symbol(symbol) == symbol
    column = pl.Series([written, None, symbol])
    assert canonical_symbols(column).to_list() == [symbol, None, symbol]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("AAPL/2024.csv", ("AAPL", "the folder AAPL")),
        ("AAPL/1m/2024-01.csv", ("AAPL", "the folder AAPL")),
        ("BTC-USD/data.csv", ("BTCUSD", "the folder BTC-USD")),
        ("AAPL/MSFT.csv", ("MSFT", "the name MSFT.csv")),
        ("prices/D.csv", ("D", "the name D.csv")),
        ("SPY/D.csv", ("SPY", "the folder SPY")),
        ("prices/d.csv", None),
        ("downloads/2024.csv", None),
        ("DATA/2024.csv", None),
        ("AAPL/my notes/2024.csv", None),
    ],
)
def test_a_folder_shows_the_symbol_where_the_name_says_nothing(
    tmp_path: Path, path: str, found: tuple[str, str] | None
) -> None:
    place = tmp_path / path
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x")
    (file,) = data_files(place)
    named = symbol_of_file(file)
    assert (named and (named.symbol, named.by)) == found


# --- into the database ----------------------------------------------------------------------------

HEADER = "time,open,high,low,close,volume{}\n"


def bars(path: Path, price: int = 100, *symbols: str) -> Path:
    """Write three minutes of bars, with a column of symbols if there are any."""
    rows = [
        f"2024-01-30T14:{30 + at}:00Z,{price},{price},{price},{price},{at}{symbol}\n"
        for at in range(3)
        for symbol in ([f",{each}" for each in symbols] or [""])
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER.format(",ticker" if symbols else "") + "".join(rows))
    return path


def run(store: Store, *paths: Path, **options: Any) -> list[Account]:
    return ingest(store, list(paths), IngestOptions(**options), lambda *_: None)


def stored(store: Store) -> list[tuple[str, float, int]]:
    return store.rows("SELECT symbol, max(close), count(*) FROM bars GROUP BY symbol ORDER BY 1")


NOTHING = ("bars", "rejects", "sources", "symbols")


def assert_empty(store: Store) -> None:
    assert [store.rows(f"FROM {name}") for name in NOTHING] == [[]] * len(NOTHING)


@pytest.mark.slow
def test_a_folder_of_symbols_is_one_call(store: Store, tmp_path: Path) -> None:
    bars(tmp_path / "all" / "NVDA_1m.csv", 177)
    bars(tmp_path / "all" / "tsla.csv", 380)
    bars(tmp_path / "all" / "AAPL" / "2024.csv", 190)
    accounts = run(store, tmp_path / "all", calendar="XNYS")
    assert [account.error for account in accounts] == [None] * 3
    assert stored(store) == [("AAPL", 190.0, 3), ("NVDA", 177.0, 3), ("TSLA", 380.0, 3)]
    assert [account.taken.rpartition("; ")[2] for account in accounts] == [
        "symbol AAPL from the folder AAPL",
        "symbol NVDA from the name NVDA_1m.csv",
        "symbol TSLA from the name tsla.csv",
    ]
    assert store.rows("SELECT taken FROM sources ORDER BY source_id") == [
        (account.taken,) for account in accounts
    ]


def test_one_symbol_for_files_of_several_is_refused_and_stores_nothing(
    store: Store, tmp_path: Path
) -> None:
    paths = [bars(tmp_path / "NVDA_1m.csv"), bars(tmp_path / "TSLA_1m.csv")]
    with pytest.raises(InputError) as refusal:
        run(store, *paths, symbol="TSLA")
    assert str(refusal.value) == (
        f"--symbol is TSLA, but the files do not agree: {paths[0]} is of NVDA, {paths[1]} is of "
        "TSLA; leave --symbol out, or ingest them one by one"
    )
    assert_empty(store)


def test_one_symbol_for_columns_of_several_is_refused_and_stores_nothing(
    store: Store, tmp_path: Path
) -> None:
    paths = [bars(tmp_path / "1.csv", 100, "spy"), bars(tmp_path / "2.csv", 100, "QQQ")]
    with pytest.raises(InputError) as refusal:
        run(store, *paths, symbol="SPY")
    assert str(refusal.value) == (
        f"{paths[1]}: --symbol is SPY, but its column of symbols has QQQ; leave --symbol out, or "
        "say with --column symbol= that the column is none"
    )
    assert_empty(store)


def test_another_symbol_far_down_a_column_is_refused_and_stores_nothing(
    store: Store, tmp_path: Path
) -> None:
    path = bars(tmp_path / "1.csv", 100, *["SPY"] * 400)
    path.write_text(path.read_text() + "2024-01-30T14:40:00Z,1,1,1,1,1,QQQ\n")
    (account,) = run(store, path, symbol="SPY")
    assert account.error == (
        f"{path}: --symbol is SPY, but its column of symbols has QQQ; leave --symbol out, or "
        "say with --column symbol= that the column is none"
    )
    assert_empty(store)


def test_files_that_agree_with_each_other_may_get_another_symbol(
    store: Store, tmp_path: Path
) -> None:
    paths = [bars(tmp_path / "SPXUSD_2018.csv"), bars(tmp_path / "spxusd_2019.csv", 101)]
    accounts = run(store, *paths, symbol="spx", calendar="XNYS")
    assert [(account.symbol, account.error) for account in accounts] == [("SPX", None)] * 2
    assert accounts[0].taken == (
        "columns: time, open, high, low, close, volume; "
        "symbol SPX from --symbol, not SPXUSD from the name SPXUSD_2018.csv"
    )


@pytest.mark.slow
def test_a_symbol_agrees_with_its_column_in_other_letters(store: Store, tmp_path: Path) -> None:
    run(store, bars(tmp_path / "x.csv", 100, "btc/usdt"), symbol="BTCUSDT")
    run(store, bars(tmp_path / "y.csv", 200, "spy", "QQQ"), calendar="XNYS")
    assert stored(store) == [("BTCUSDT", 100.0, 3), ("QQQ", 200.0, 3), ("SPY", 200.0, 3)]


def test_a_column_that_is_none_is_left_alone(store: Store, tmp_path: Path) -> None:
    path = bars(tmp_path / "x.csv", 100, "ESH4")
    run(store, path, symbol="ES", columns={"symbol": ""}, calendar="CMES")
    assert stored(store) == [("ES", 100.0, 3)]


def test_a_name_that_says_nothing_asks_for_the_symbol(store: Store, tmp_path: Path) -> None:
    path = bars(tmp_path / "prices.csv")
    (account,) = run(store, path)
    assert account.error == (
        f"{path}: the symbol of its bars is not known; name it, as in --symbol SPY"
    )
    assert_empty(store)


@pytest.mark.slow
def test_columns_of_bars_can_be_named_and_no_other_names_are_known(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "spy.csv"
    path.write_text("Datum,a,b,c,Last2\n2024-01-30T14:30:00Z,1,3,1,2\n")
    named = {"time": "Datum", "open": "a", "high": "b", "low": "c"}
    (account,) = run(store, path, columns=named)
    assert account.error == (
        f"{path}: looks like bars, but no column is known for close (columns: 'Datum' is time, 'a' "
        "is open, 'b' is high, 'c' is low, 'Last2' is not known); name it with --column close=NAME"
    )
    (account,) = run(store, path, columns={**named, "close": "Last2"})
    assert account.taken == (
        "columns: time = 'Datum', open = 'a', high = 'b', low = 'c', close = 'Last2'; "
        "symbol SPY from the name spy.csv"
    )
    assert stored(store) == [("SPY", 2.0, 1)]
    with pytest.raises(InputError) as refusal:
        run(store, path, columns={"closed": "Last2"})
    assert str(refusal.value) == (
        "no column is called 'closed' here; say one of tweet_id, posted, text, author, "
        "retweet_count, favorite_count, is_retweet, counts_as_of, zone, platform for posts, or "
        "symbol, time, date, open, high, low, close, volume for bars; did you mean close?"
    )

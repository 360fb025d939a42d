"""Each layout that vendors write gives the same bars, and says what was taken for what."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import polars as pl
import pytest

from tweetscore.bars.documents import open_document
from tweetscore.bars.reader import BarFile, open_bars
from tweetscore.errors import InputError
from tweetscore.io.open import data_files
from tweetscore.io.source import sniff

Row = tuple[str, datetime, float, float, float, float, float | None]
OPENING = datetime(2024, 1, 30, 14, 30)
PRICES = [
    (470.00, 470.25, 469.75, 470.10, 783.0),
    (470.10, 470.50, 470.05, 470.45, 65.0),
    (470.45, 470.60, 470.30, 470.35, 461.0),
    (470.35, 470.40, 469.90, 469.95, 484.0),
    (469.95, 470.20, 469.80, 470.15, 97.0),
    (470.15, 470.30, 470.00, 470.05, 500.0),
]
UTC_MINUTES = [OPENING + timedelta(minutes=at) for at in range(len(PRICES))]
IN_NEW_YORK = [minute - timedelta(hours=5) for minute in UTC_MINUTES]


def bars(symbol: str = "SPY", minutes: list[datetime] = UTC_MINUTES, *, volume: bool = True) -> Any:
    return [
        (symbol, minute, *prices[:4], prices[4] if volume else None)
        for minute, prices in zip(minutes, PRICES, strict=True)
    ]


def lines(
    head: str,
    row: Callable[..., Iterable[Any]],
    minutes: list[datetime] = UTC_MINUTES,
    separator: str = ",",
    *,
    newest_first: bool = False,
) -> bytes:
    """Write a header, as it is, and a row for each bar."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    rows = [row(*each) for each in zip(minutes, *zip(*PRICES, strict=True), strict=True)]
    writer.writerows(rows[::-1] if newest_first else rows)
    return (head + ("\n" if head else "") + out.getvalue()).encode()


def seconds(minute: datetime) -> int:
    return int(minute.replace(tzinfo=UTC).timestamp())


def plain(form: str) -> Callable[..., Iterable[Any]]:
    return lambda t, *values: [*t.strftime(form).split("|"), *values]


def objects(time: Callable[[datetime], Any], names: str = "tohlcv") -> list[dict[str, Any]]:
    return [
        dict(zip(names, (time(minute), *prices), strict=True))
        for minute, prices in zip(UTC_MINUTES, PRICES, strict=True)
    ]


def dump(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def iso(minute: datetime) -> str:
    return f"{minute:%Y-%m-%dT%H:%M:%SZ}"


def german(number: float) -> str:
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def frame(**columns: Any) -> pl.DataFrame:
    o, h, low, c, v = (list(each) for each in zip(*PRICES, strict=True))
    return pl.DataFrame({**columns, "Open": o, "High": h, "Low": low, "Close": c, "Volume": v})


def saved(table: pl.DataFrame, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    getattr(table, f"write_{kind}")(out, **options)
    return out.getvalue()


class Case(NamedTuple):
    """A file as a vendor names and writes it, and all that is found in it."""

    name: str
    content: bytes
    rows: list[Row]
    taken: str
    zone: str | None = "UTC"  # None: times without a zone; else the clock that the file tells
    symbol: str | None = None  # what the user says
    columns: Mapping[str, str] = MappingProxyType({})


NUMBERED = "time = '1', open = '2', high = '3', low = '4', close = '5'"
OHLCV = "open, high, low, close, volume"
KLINES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore"
)
CASES = {
    "Binance, headerless, milliseconds": Case(
        "BTCUSDT-1m-2024-01-30.csv",
        lines(
            "",
            lambda t, o, h, low, c, v: [
                f"{seconds(t)}000",
                o,
                h,
                low,
                c,
                v,
                f"{seconds(t)}999",
                v * c,
                7,
                1.0,
                o,
                0,
            ],
        ),
        bars("BTCUSDT"),
        f"columns: {NUMBERED}, volume = '6'; not used: '7', '8', '9', '10', '11', '12'; symbol "
        "BTCUSDT from the name BTCUSDT-1m-2024-01-30.csv; layout: no header, 12 columns, as "
        "Binance "
        "klines writes it",
    ),
    "Binance, headerless, microseconds": Case(
        "ETHUSDT-1m-2025-03.csv",
        lines(
            "",
            lambda t, o, h, low, c, v: [
                f"{seconds(t)}000000",
                o,
                h,
                low,
                c,
                v,
                f"{seconds(t)}999999",
                v * c,
                7,
                1.0,
                o,
                0,
            ],
        ),
        bars("ETHUSDT"),
        f"columns: {NUMBERED}, volume = '6'; not used: '7', '8', '9', '10', '11', '12'; symbol "
        "ETHUSDT from the name ETHUSDT-1m-2025-03.csv; layout: no header, 12 columns, as Binance "
        "klines writes it",
    ),
    "Binance, with a header": Case(
        "BTCUSDT-1m-2024-01-30.csv",
        lines(
            KLINES,
            lambda t, o, h, low, c, v: [
                f"{seconds(t)}000",
                o,
                h,
                low,
                c,
                v,
                f"{seconds(t)}999",
                v * c,
                7,
                1.0,
                o,
                0,
            ],
        ),
        bars("BTCUSDT"),
        f"columns: time = 'open_time', {OHLCV}; not used: 'close_time', 'quote_volume', 'count', "
        "'taker_buy_volume', 'taker_buy_quote_volume', 'ignore'; symbol BTCUSDT from the name "
        "BTCUSDT-1m-2024-01-30.csv; layout: as Binance klines writes it",
    ),
    "Binance by its interface, arrays of texts and numbers": Case(
        "btcusdt.json",
        dump(
            [
                [
                    seconds(t) * 1000,
                    *map(str, p),
                    seconds(t) * 1000 + 59_999,
                    "1.5",
                    7,
                    "1",
                    "2",
                    "0",
                ]
                for t, p in zip(UTC_MINUTES, PRICES, strict=True)
            ]
        ),
        bars("BTCUSDT"),
        f"columns: {NUMBERED}, volume = '6'; not used: '7', '8', '9', '10', '11', '12'; symbol "
        "BTCUSDT from the name btcusdt.json; layout: nested JSON",
    ),
    "ccxt": Case(
        "BTC_USDT-1m.json",
        json.dumps(
            [[seconds(t) * 1000, *p] for t, p in zip(UTC_MINUTES, PRICES, strict=True)]
        ).encode(),
        bars("BTCUSDT"),
        f"columns: {NUMBERED}, volume = '6'; symbol BTCUSDT from the name BTC_USDT-1m.json; "
        "layout: nested JSON",
    ),
    "Coinbase, low before high before open": Case(
        "BTC-USD.json",
        dump(
            [
                [seconds(t), p[2], p[1], p[0], p[3], p[4]]
                for t, p in zip(UTC_MINUTES, PRICES, strict=True)
            ][::-1]
        ),
        bars("BTCUSD")[::-1],
        "columns: time = '1', open = '4', high = '3', low = '2', close = '5', volume = '6'; symbol "
        "BTCUSD from the name BTC-USD.json; layout: nested JSON",
    ),
    "Kibot": Case(
        "IBM.txt",
        lines("", plain("%m/%d/%Y|%H:%M"), IN_NEW_YORK),
        bars("IBM", IN_NEW_YORK),
        "columns: date = '1', time = '2', open = '3', high = '4', low = '5', close = '6', volume = "
        "'7'; symbol IBM from the name IBM.txt; layout: no header, 7 columns, as Kibot writes it",
        zone=None,
    ),
    "Kibot, days that could be months": Case(
        "IBM.txt",
        lines("", plain("%m/%d/%Y|%H:%M"), [t.replace(day=2) for t in IN_NEW_YORK]),
        bars("IBM", [t.replace(day=2) for t in IN_NEW_YORK]),
        "columns: date = '1', time = '2', open = '3', high = '4', low = '5', close = '6', volume = "
        "'7'; symbol IBM from the name IBM.txt; layout: no header, 7 columns, as Kibot writes it",
        zone=None,
    ),
    "FirstRate": Case(
        "AAPL_full_1min_adjsplit.txt",
        lines("", plain("%Y-%m-%d %H:%M:%S"), IN_NEW_YORK),
        bars("AAPL", IN_NEW_YORK),
        f"columns: {NUMBERED}, volume = '6'; symbol AAPL from the name "
        "AAPL_full_1min_adjsplit.txt; layout: no header, 6 columns, as FirstRate writes it",
        zone=None,
    ),
    "FirstRate, an index without volume": Case(
        "SPX_1min.txt",
        lines("", lambda t, *p: [t, *p[:4]], IN_NEW_YORK),
        bars("SPX", IN_NEW_YORK, volume=False),
        f"columns: {NUMBERED}; symbol SPX from the name SPX_1min.txt; "
        "layout: no header, 5 columns, as FirstRate writes it",
        zone=None,
    ),
    "CryptoDataDownload, with the line above the header": Case(
        "Binance_BTCUSDT_2024_minute.csv",
        lines(
            "https://www.CryptoDataDownload.com\n"
            "Unix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount",
            lambda t, o, h, low, c, v: [
                f"{seconds(t)}000",
                t,
                "BTCUSDT",
                o,
                h,
                low,
                c,
                v,
                v * c,
                9,
            ],
            newest_first=True,
        ),
        bars("BTCUSDT")[::-1],
        "columns: symbol, time = 'Unix', open, high, low, close, volume = 'Volume BTC'; not used: "
        "'Date', 'Volume USDT', 'tradecount'; layout: one header row below 1 other, as "
        "CryptoDataDownload writes it",
    ),
    "CryptoDataDownload, seconds, symbols with a slash": Case(
        "Bitstamp_BTCUSD_minute.csv",
        lines(
            "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
            lambda t, o, h, low, c, v: [seconds(t), t, "BTC/USD", o, h, low, c, v, v * c],
            newest_first=True,
        ),
        bars("BTCUSD")[::-1],
        "columns: symbol, time = 'unix', open, high, low, close, volume = 'Volume BTC'; not used: "
        "'date', 'Volume USD'; layout: as CryptoDataDownload writes it",
    ),
    "CryptoArchive, bars between values": Case(
        "BTCUSDT.csv",
        lines("", lambda t, *p: [seconds(t) * 1000, *p], separator="|"),
        bars("BTCUSDT"),
        f"columns: {NUMBERED}, volume = '6'; symbol BTCUSDT from the name BTCUSDT.csv; layout: no "
        "header, 6 columns, as FirstRate writes it",
    ),
    "yfinance, one header row": Case(
        "TSLA_1m.csv",
        lines(
            "Datetime,Close,High,Low,Open,Volume",
            lambda t, o, h, low, c, v: [f"{t}+00:00", c, h, low, o, int(v)],
        ),
        bars("TSLA"),
        f"columns: time = 'Datetime', {OHLCV}; symbol TSLA from the name TSLA_1m.csv",
    ),
    "yfinance, two header rows": Case(
        "prices.csv",
        lines(
            ",Open,High,Low,Close,Volume\nDatetime,SPY,SPY,SPY,SPY,SPY",
            lambda t, o, h, low, c, v: [f"{t}+00:00", o, h, low, c, int(v)],
        ),
        bars("SPY"),
        f"columns: symbol, time = 'Datetime', {OHLCV}; layout: 2 header rows, a column for each "
        "price and symbol",
    ),
    "yfinance, three header rows, two symbols": Case(
        "prices.csv",
        lines(
            "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\n"
            "Ticker,BRK-B,SPY,BRK-B,SPY,BRK-B,SPY,BRK-B,SPY,BRK-B,SPY\n"
            "Datetime,,,,,,,,,,",
            # Only the first minute has a trade in both.
            lambda t, o, h, low, c, v: [
                f"{t}+00:00",
                *(
                    text
                    for value in (c, h, low, o, int(v))
                    for text in (value if t == OPENING else "", value)
                ),
            ],
        ),
        [bars("BRK.B")[0], *bars("SPY")],
        f"columns: symbol, time = 'Datetime', {OHLCV}; layout: 3 header rows, a column for each "
        "price and symbol",
    ),
    "yfinance, grouped by symbol": Case(
        "prices.csv",
        lines(
            "Ticker,SPY,SPY,SPY,SPY,SPY\nPrice,Open,High,Low,Close,Volume\nDatetime,,,,,",
            lambda t, o, h, low, c, v: [f"{t}+00:00", o, h, low, c, int(v)],
        ),
        bars("SPY"),
        f"columns: symbol, time = 'Datetime', {OHLCV}; layout: 3 header rows, a column for each "
        "price and symbol",
    ),
    "yfinance, saved again under joined names": Case(
        "prices.csv",
        lines(
            "Datetime,\"('Open', 'SPY')\",\"('High', 'SPY')\",\"('Low', 'SPY')\",\"('Close', "
            "'SPY')\"",
            lambda t, *p: [f"{t}+00:00", *p[:4]],
        ),
        bars("SPY", volume=False),
        "columns: symbol, time = 'Datetime', open, high, low, close; layout: a column for each "
        "price and symbol",
    ),
    "names like Close_SPY": Case(
        "prices.csv",
        lines("time,Open_SPY,High_SPY,Low_SPY,Close_SPY,Volume_SPY", lambda t, *p: [iso(t), *p]),
        bars("SPY"),
        f"columns: symbol, time, {OHLCV}; layout: a column for each price and symbol",
    ),
    "Alpha Vantage, JSON": Case(
        "query.json",
        dump(
            {
                "Meta Data": {
                    "1. Information": "Intraday (1min) prices",
                    "2. Symbol": "SPY",
                    "4. Interval": "1min",
                    "6. Time Zone": "US/Eastern",
                },
                "Time Series (1min)": {
                    f"{t}": dict(
                        zip(
                            ("1. open", "2. high", "3. low", "4. close", "5. volume"),
                            map(str, p),
                            strict=True,
                        )
                    )
                    for t, p in zip(IN_NEW_YORK, PRICES, strict=True)
                },
            }
        ),
        bars("SPY", IN_NEW_YORK),
        "columns: symbol, time, open = '1. open', high = '2. high', low = '3. low', close = "
        "'4. close', volume = '5. volume'; clock US/Eastern as the file names it; layout: nested "
        "JSON, as Alpha Vantage writes it",
        zone="US/Eastern",
    ),
    "Alpha Vantage, CSV": Case(
        "intraday_1min_IBM.csv",
        lines("timestamp,open,high,low,close,volume", lambda t, *p: [t, *p], IN_NEW_YORK),
        bars("IBM", IN_NEW_YORK),
        f"columns: time = 'timestamp', {OHLCV}; symbol IBM from the name intraday_1min_IBM.csv",
        zone=None,
    ),
    "Alpaca, several symbols": Case(
        "bars.json",
        dump({"bars": {"AAPL": objects(iso)[:1], "SPY": objects(iso)}, "next_page_token": None}),
        [*bars("AAPL")[:1], *bars("SPY")],
        "columns: symbol, time = 't', open = 'o', high = 'h', low = 'l', close = 'c', volume = "
        "'v'; "
        "layout: nested JSON",
    ),
    "Alpaca, one symbol behind its bars, pages on lines": Case(
        "pages.jsonl",
        b"".join(
            json.dumps({"bars": page, "symbol": "SPY", "next_page_token": "x"}).encode() + b"\n"
            for page in (objects(iso)[:4], objects(iso)[4:])
        ),
        bars("SPY"),
        "columns: symbol, time = 't', open = 'o', high = 'h', low = 'l', close = 'c', volume = "
        "'v'; "
        "layout: nested JSON",
    ),
    "Polygon, pages in an array": Case(
        "all.json",
        dump(
            [
                {
                    "ticker": "X:BTCUSD",
                    "queryCount": 3,
                    "results": [
                        {**row, "vw": 470.1, "n": 3}
                        for row in objects(lambda t: seconds(t) * 1000, "tohlcv")[part]
                    ],
                    "status": "OK",
                }
                for part in (slice(3), slice(3, None))
            ]
        ),
        bars("BTCUSD"),
        "columns: symbol, time = 't', open = 'o', high = 'h', low = 'l', close = 'c', volume = "
        "'v'; "
        "not used: 'vw', 'n'; layout: nested JSON",
    ),
    "Polygon, flat file": Case(
        "2024-01-30.csv",
        lines(
            "ticker,volume,open,close,high,low,window_start,transactions",
            lambda t, o, h, low, c, v: ["SPY", int(v), o, c, h, low, f"{seconds(t)}000000000", 7],
        ),
        bars("SPY"),
        f"columns: symbol = 'ticker', time = 'window_start', {OHLCV}; not used: 'transactions'; "
        "layout: as Polygon flat file writes it",
    ),
    "Twelve Data": Case(
        "series.json",
        dump(
            {
                "meta": {
                    "symbol": "SPY",
                    "interval": "1min",
                    "exchange_timezone": "America/New_York",
                },
                "values": [
                    {
                        "datetime": str(t),
                        "open": str(p[0]),
                        "high": str(p[1]),
                        "low": str(p[2]),
                        "close": str(p[3]),
                        "volume": str(p[4]),
                    }
                    for t, p in zip(IN_NEW_YORK, PRICES, strict=True)
                ],
                "status": "ok",
            }
        ),
        bars("SPY", IN_NEW_YORK),
        f"columns: symbol, time = 'datetime', {OHLCV}; clock America/New_York as the file names "
        "it; "
        "layout: nested JSON",
        zone="America/New_York",
    ),
    "Yahoo's chart, column by column": Case(
        "chart.json",
        dump(
            {
                "chart": {
                    "result": [
                        {
                            "meta": {"symbol": "SPY", "exchangeTimezoneName": "America/New_York"},
                            "timestamp": list(map(seconds, UTC_MINUTES)),
                            "indicators": {
                                "quote": [
                                    {
                                        name: [p[at] for p in PRICES]
                                        for at, name in enumerate(
                                            ("open", "high", "low", "close", "volume")
                                        )
                                    }
                                ]
                            },
                        }
                    ],
                    "error": None,
                }
            }
        ),
        bars("SPY"),
        f"columns: symbol, time = 'timestamp', {OHLCV}; layout: nested JSON",
    ),
    "OANDA": Case(
        "candles.json",
        dump(
            {
                "instrument": "EUR_USD",
                "granularity": "M1",
                "candles": [
                    {
                        "complete": True,
                        "volume": int(p[4]),
                        "time": f"{t:%Y-%m-%dT%H:%M:%S}.000000000Z",
                        "mid": dict(zip("ohlc", map(str, p[:4]), strict=True)),
                    }
                    for t, p in zip(UTC_MINUTES, PRICES, strict=True)
                ],
            }
        ),
        bars("EURUSD"),
        "columns: symbol, time, open = 'o', high = 'h', low = 'l', close = 'c', "
        "volume; not used: 'complete'; layout: nested JSON",
    ),
    "Kraken": Case(
        "ohlc.json",
        dump(
            {
                "error": [],
                "result": {
                    "XBTUSD": [
                        [seconds(t), *map(str, p[:4]), str(p[3]), str(p[4]), 7]
                        for t, p in zip(UTC_MINUTES, PRICES, strict=True)
                    ],
                    "last": 1,
                },
            }
        ),
        bars("XBTUSD"),
        f"columns: symbol, {NUMBERED}, volume = '7'; not used: '6', '8'; layout: nested JSON",
    ),
    "pandas, keyed by time": Case(
        "SPY.json",
        dump(
            {
                f"{seconds(t)}000": dict(zip(("Open", "High", "Low", "Close"), p, strict=False))
                for t, p in zip(UTC_MINUTES, PRICES, strict=True)
            }
        ),
        bars("SPY", volume=False),
        "columns: time, open, high, low, close; symbol SPY from the name SPY.json; layout: nested "
        "JSON",
    ),
    "pandas, columns keyed by time": Case(
        "SPY.json",
        dump(
            {
                name: {f"{seconds(t)}000": p[at] for t, p in zip(UTC_MINUTES, PRICES, strict=True)}
                for at, name in enumerate(("Open", "High", "Low", "Close", "Volume"))
            }
        ),
        bars("SPY"),
        f"columns: time, {OHLCV}; symbol SPY from the name SPY.json; layout: nested JSON",
    ),
    "pandas, names, index and data apart": Case(
        "SPY.json",
        dump(
            {
                "columns": ["open", "high", "low", "close", "volume"],
                "index": [seconds(t) * 1000 for t in UTC_MINUTES],
                "data": PRICES,
            }
        ),
        bars("SPY"),
        f"columns: time = 'index', {OHLCV}; symbol SPY from the name SPY.json; layout: nested JSON",
    ),
    "Alpaca, one bar a symbol": Case(
        "latest.json",
        dump({"bars": {"SPY": objects(iso)[0], "QQQ": objects(iso)[1]}}),
        [bars("SPY")[0], bars("QQQ")[1]],
        "columns: symbol, time = 't', open = 'o', high = 'h', low = 'l', close = 'c', volume = "
        "'v'; "
        "layout: nested JSON",
    ),
    "Databento, nanoprices": Case(
        "ohlcv-1m.csv",
        lines(
            "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol",
            lambda t, o, h, low, c, v: [
                f"{seconds(t)}000000000",
                33,
                1,
                5602,
                *(f"{round(p * 100)}0000000" for p in (o, h, low, c)),
                int(v),
                "ESH4",
            ],
        ),
        bars("ESH4"),
        f"columns: symbol, time = 'ts_event', {OHLCV}; not used: 'rtype', 'publisher_id', "
        "'instrument_id'; numbers like 1234.5, in units of 1e-9; layout: as Databento writes it",
    ),
    "Databento, renamed": Case(
        "es.csv",
        lines(
            "time,open,high,low,close,volume,symbol",
            lambda t, o, h, low, c, v: [
                f"{seconds(t)}000000000",
                *(f"{round(p * 100)}0000000" for p in (o, h, low, c)),
                int(v),
                "ESH4",
            ],
        ),
        bars("ESH4"),
        f"columns: symbol, time, {OHLCV}; numbers like 1234.5, in units of 1e-9",
    ),
    "Databento, pretty": Case(
        "es.csv",
        lines(
            "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol",
            lambda t, o, h, low, c, v: [
                f"{t:%Y-%m-%dT%H:%M:%S}.000000000Z",
                33,
                1,
                5602,
                *(f"{p:.9f}" for p in (o, h, low, c)),
                int(v),
                "ESH4",
            ],
        ),
        bars("ESH4"),
        f"columns: symbol, time = 'ts_event', {OHLCV}; not used: 'rtype', 'publisher_id', "
        "'instrument_id'; layout: as Databento writes it",
    ),
    "Databento, JSON lines": Case(
        "es.jsonl",
        b"".join(
            json.dumps(
                {
                    "hd": {"ts_event": f"{seconds(t)}000000000", "rtype": 33, "publisher_id": 1},
                    **dict(
                        zip(
                            ("open", "high", "low", "close"),
                            (f"{round(each * 100)}0000000" for each in p[:4]),
                            strict=True,
                        )
                    ),
                    "volume": str(int(p[4])),
                    "symbol": "ESH4",
                }
            ).encode()
            + b"\n"
            for t, p in zip(UTC_MINUTES, PRICES, strict=True)
        ),
        bars("ESH4"),
        f"columns: symbol, time = 'ts_event', {OHLCV}; not used: 'rtype', 'publisher_id'; numbers "
        "like 1234.5, in units of 1e-9; layout: nested JSON, as Databento writes it",
    ),
    "Dukascopy, GMT": Case(
        "EURUSD_Candlestick_1_M_BID_30.01.2024-31.01.2024.csv",
        lines("Gmt time,Open,High,Low,Close,Volume", plain("%d.%m.%Y %H:%M:%S.000")),
        bars("EURUSD"),
        f"columns: time = 'Gmt time', {OHLCV}; symbol EURUSD from the name "
        "EURUSD_Candlestick_1_M_BID_30.01.2024-31.01.2024.csv; clock UTC by the name of its times; "
        "layout: as Dukascopy writes it",
    ),
    "Dukascopy, GMT, days that could be months": Case(
        "EURUSD_Candlestick_1_M_BID_02.01.2024-02.01.2024.csv",
        lines(
            "Gmt time,Open,High,Low,Close,Volume",
            plain("%d.%m.%Y %H:%M:%S.000"),
            [t.replace(day=2) for t in UTC_MINUTES],
        ),
        bars("EURUSD", [t.replace(day=2) for t in UTC_MINUTES]),
        f"columns: time = 'Gmt time', {OHLCV}; symbol EURUSD from the name "
        "EURUSD_Candlestick_1_M_BID_02.01.2024-02.01.2024.csv; clock UTC by the name of its times; "
        "layout: as Dukascopy writes it",
    ),
    "Dukascopy, local time with its zone": Case(
        "EURUSD_Candlestick_1_M_BID_30.01.2024-31.01.2024.csv",
        lines(
            "Local time,Open,High,Low,Close,Volume",
            plain("%d.%m.%Y %H:%M:%S.000 GMT+0100"),
            [t + timedelta(hours=1) for t in UTC_MINUTES],
        ),
        bars("EURUSD"),
        f"columns: time = 'Local time', {OHLCV}; symbol EURUSD from the name "
        "EURUSD_Candlestick_1_M_BID_30.01.2024-31.01.2024.csv; layout: as Dukascopy writes it",
    ),
    "Dukascopy, eastern European time": Case(
        "EURUSD_1 Min_Bid_2024.01.30_2024.01.31.csv",
        lines(
            "Time (EET),Open,High,Low,Close,Volume ",
            plain("%Y.%m.%d %H:%M:%S"),
            [t + timedelta(hours=2) for t in UTC_MINUTES],
        ),
        bars("EURUSD", [t + timedelta(hours=2) for t in UTC_MINUTES]),
        f"columns: time = 'Time (EET)', {OHLCV}; symbol EURUSD from the name "
        "EURUSD_1 Min_Bid_2024.01.30_2024.01.31.csv; clock EET by the name of its times; layout: "
        "as Dukascopy writes it",
        zone="EET",
    ),
    "Interactive Brokers": Case(
        "SPY.csv",
        lines(
            ",date,open,high,low,close,volume,average,barCount",
            lambda t, o, h, low, c, v: [
                0,
                f"{t:%Y%m%d %H:%M:%S} US/Eastern",
                o,
                h,
                low,
                c,
                v,
                c,
                7,
            ],
            IN_NEW_YORK,
        ),
        bars("SPY", IN_NEW_YORK),
        f"columns: time = 'date', {OHLCV}; not used: '', 'average', 'barCount'; symbol SPY from "
        "the "
        "name SPY.csv; clock US/Eastern as named behind its times; layout: as Interactive Brokers "
        "writes it",
        zone="US/Eastern",
    ),
    "letters of a zone": Case(
        "SPY.csv",
        lines(f"time,{OHLCV.replace(' ', '')}", plain("%Y-%m-%d %H:%M:%S EST"), IN_NEW_YORK),
        bars("SPY"),
        f"columns: time, {OHLCV}; symbol SPY from the name SPY.csv",
    ),
    "MetaTrader 4": Case(
        "EURUSD1.csv",
        lines("", lambda t, *p: [f"{t:%Y.%m.%d}", f"{t:%H:%M}", *p[:4], int(p[4])]),
        bars("EURUSD"),
        f"columns: date, time, {OHLCV}; symbol EURUSD from the name EURUSD1.csv; layout: no header",
        zone=None,
    ),
    "MetaTrader 5": Case(
        "EURUSD_M1_202401301430_202401301435.csv",
        lines(
            "\t".join(
                (
                    "<DATE>",
                    "<TIME>",
                    "<OPEN>",
                    "<HIGH>",
                    "<LOW>",
                    "<CLOSE>",
                    "<TICKVOL>",
                    "<VOL>",
                    "<SPREAD>",
                )
            ),
            lambda t, *p: [f"{t:%Y.%m.%d}", f"{t:%H:%M:%S}", *p[:4], int(p[4]), 0, 3],
            separator="\t",
        ),
        bars("EURUSD"),
        "columns: date, time, open, high, low, close, volume = '<TICKVOL>'; not used: '<VOL>', "
        "'<SPREAD>'; symbol EURUSD from the name EURUSD_M1_202401301430_202401301435.csv; layout: "
        "as MetaTrader 5 writes it",
        zone=None,
    ),
    "TradingView": Case(
        "BATS_SPY, 1.csv",
        lines("time,open,high,low,close,Volume,Volume MA", lambda t, *p: [seconds(t), *p, "NaN"]),
        bars("SPY"),
        f"columns: time, {OHLCV}; not used: 'Volume MA'; symbol SPY from the name BATS_SPY, 1.csv",
    ),
    "TradingView, ISO times": Case(
        "CME_MINI_ES1!, 1.csv",
        lines("time,open,high,low,close", lambda t, *p: [iso(t), *p[:4]]),
        bars("ES1!", volume=False),
        "columns: time, open, high, low, close; symbol ES1! from the name CME_MINI_ES1!, 1.csv",
    ),
    "Sierra Chart": Case(
        "ES.txt",
        lines(
            "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume",
            lambda t, *p: [f"{t.year}/{t.month}/{t.day}", f" {t:%H:%M:%S}", *p, 7, 1, 2],
        ),
        bars("ES"),
        "columns: date, time, open, high, low, close = 'Last', volume; not used: 'NumberOfTrades', "
        "'BidVolume', 'AskVolume'; symbol ES from the name ES.txt; layout: as Sierra Chart "
        "writes it",
        zone=None,
    ),
    "Stooq": Case(
        "spy.us.txt",
        lines(
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            lambda t, *p: ["SPY.US", 1, f"{t:%Y%m%d}", f"{t:%H%M%S}", *p, 0],
        ),
        bars("SPY.US"),
        "columns: symbol = '<TICKER>', date, time, open, high, low, close, volume = '<VOL>'; not "
        "used: '<PER>', '<OPENINT>'",
        zone=None,
    ),
    "symbol in a headerless column": Case(
        "bars.csv",
        lines("", lambda t, *p: ["spy", iso(t), *p]),
        bars("SPY"),
        "columns: symbol = '1', time = '2', open = '3', high = '4', low = '5', close = '6', volume "
        "= '7'; layout: no header, 7 columns",
    ),
    "a header without a name for the time": Case(
        "FESX.txt",
        lines(
            "Date,Open,High,Low,Close,Volume,OpenInterest",
            lambda t, *p: [f"{t:%Y-%m-%d}", f"{t:%H:%M:%S}", *p, 0],
        ),
        bars("FESX"),
        "columns: date, time, open, high, low, close, volume; not used: 'OpenInterest'; symbol "
        "FESX "
        "from the name FESX.txt; layout: a header of 7 names for 8 columns",
        zone=None,
    ),
    "a name too few for row numbers": Case(
        "SPY.csv",
        lines("Date,Open,High,Low,Close", lambda t, *p: ["x1", iso(t), *p[:4]]),
        bars("SPY", volume=False),
        "columns: time = 'Date', open, high, low, close; not used: 'column 1'; symbol SPY from the "
        "name SPY.csv; layout: a header of 5 names for 6 columns",
    ),
    "a date beside a timestamp": Case(
        "EURUSD_1min.csv",
        lines("Date,Timestamp,Open,High,Low,Close,Volume", plain("%Y%m%d|%H:%M:%S")),
        bars("EURUSD"),
        f"columns: date, time = 'Timestamp', {OHLCV}; symbol EURUSD from the name EURUSD_1min.csv",
        zone=None,
    ),
    "a name that tells UTC": Case(
        "6E.csv",
        lines(
            "timestamp_utc;open;high;low;close;volume", plain("%Y-%m-%d %H:%M:%S"), separator=";"
        ),
        bars("6E"),
        f"columns: time = 'timestamp_utc', {OHLCV}; symbol 6E from the name 6E.csv; clock UTC by "
        "the name of its times",
    ),
    "an epoch beside a local time": Case(
        "SPY.csv",
        lines("time,unix,open,high,low,close", lambda t, *p: [t, seconds(t), *p[:4]]),
        bars("SPY", volume=False),
        "columns: time = 'unix', open, high, low, close; not used: 'time'; symbol SPY from the "
        "name "
        "SPY.csv",
    ),
    "German numbers": Case(
        "DAX.csv",
        lines(
            "time;open;high;low;close;volume",
            lambda t, *p: [iso(t), *(german(each + 18_000) for each in p[:4]), german(p[4])],
            separator=";",
        ),
        [
            (symbol, minute, *(round(price + 18_000, 2) for price in prices), volume)
            for symbol, minute, *prices, volume in bars("DAX")
        ],
        f"columns: time, {OHLCV}; symbol DAX from the name DAX.csv; numbers like 1.234,5",
    ),
    "thousands": Case(
        "btc.csv",
        lines(
            "time,open,high,low,close,volume",
            lambda t, *p: [iso(t), *(f"{each + 60_000:,.2f}" for each in p[:4]), p[4]],
        ),
        [
            (symbol, minute, *(round(price + 60_000, 2) for price in prices), volume)
            for symbol, minute, *prices, volume in bars("BTC")
        ],
        f"columns: time, {OHLCV}; symbol BTC from the name btc.csv; numbers like 1,234.5",
    ),
    "Feather": Case(
        "SPY.feather",
        saved(frame(Datetime=pl.Series(UTC_MINUTES).dt.replace_time_zone("UTC")), "ipc"),
        bars("SPY"),
        f"columns: time = 'Datetime', {OHLCV}; symbol SPY from the name SPY.feather",
    ),
    "Feather, compressed": Case(
        "SPY.feather",
        saved(frame(Datetime=UTC_MINUTES), "ipc", compression="zstd"),
        bars("SPY"),
        f"columns: time = 'Datetime', {OHLCV}; symbol SPY from the name SPY.feather",
        zone=None,
    ),
    "an Arrow stream": Case(
        "SPY.arrows",
        saved(
            frame(Datetime=UTC_MINUTES, Symbol=pl.Series(["spy"] * 6).cast(pl.Categorical)),
            "ipc_stream",
        ),
        bars("SPY"),
        f"columns: symbol, time = 'Datetime', {OHLCV}",
        zone=None,
    ),
    "Parquet with an index of pandas": Case(
        "SPY.parquet",
        saved(frame(__index_level_0__=UTC_MINUTES), "parquet"),
        bars("SPY"),
        f"columns: time = '__index_level_0__', {OHLCV}; symbol SPY from the name SPY.parquet",
        zone=None,
    ),
    "columns that the user names": Case(
        "kursdaten.csv",
        lines(
            "Tag;Uhrzeit;Erster;Hoch;Tief;Schluss",
            lambda t, *p: [*f"{t}".split(), *p[:4]],
            separator=";",
        ),
        bars("SPY", volume=False),
        "columns: date = 'Tag', time = 'Uhrzeit', open = 'Erster', high = 'Hoch', low = 'Tief', "
        "close = 'Schluss'; symbol SPY from --symbol",
        zone=None,
        symbol="spy",
        columns={
            "date": "Tag",
            "time": "Uhrzeit",
            "open": "Erster",
            "high": "Hoch",
            "low": "Tief",
            "close": "Schluss",
        },
    ),
    "places that the user names": Case(
        "SPY.csv",
        lines("", lambda t, o, h, low, c, _v: [h, c, o, low, iso(t)]),
        bars("SPY", volume=False),
        "columns: time = '5', open = '3', high = '1', low = '4', close = '2'; symbol SPY from the "
        "name SPY.csv; layout: no header, 5 columns",
        columns={"open": "3", "high": "1", "low": "4", "close": "2"},
    ),
}


def opened(path: Path, case: Case, block_bytes: int = 200) -> BarFile:
    path.write_bytes(case.content)
    (file,) = data_files(path)
    found = open_bars(sniff(file, block_bytes), case.symbol, case.columns)
    assert found
    return found


@pytest.mark.parametrize("block_bytes", [800, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("layout", CASES)
def test_every_layout_gives_the_same_bars_and_says_what_was_taken_for_what(
    tmp_path: Path, layout: str, block_bytes: int
) -> None:
    case = CASES[layout]
    found = opened(tmp_path / case.name, case, block_bytes)
    for _ in range(2):  # it can be read again
        batches = list(found.read())
        assert [batch.rejects.rows() for batch in batches if batch.rejects.height] == []
        rows = pl.concat([batch.bars for batch in batches]).drop("line", "byte_offset").rows()
        assert rows == case.rows
    assert found.taken == case.taken
    assert (found.naive, found.claim) == (
        case.zone != "UTC",
        None if case.zone == "UTC" else case.zone,
    )


# --- what is refused or rejected ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            lines("", lambda t, *_: [iso(t), 3, 900, 4, 70_000, 5]),
            "has no header, and its prices cannot be told apart (columns: '1' is time, '2' is "
            "numbers, '3' is numbers, '4' is numbers, '5' is numbers, '6' is numbers); name them, "
            "as in --column open=2 --column high=3 --column low=4 --column close=5",
        ),
        (
            lines("when;Anfang;High;Low;Ende", lambda t, *p: [iso(t), *p[:4]], separator=";"),
            "looks like bars, but no column is known for open, close, time (columns: 'when' is not "
            "known, 'Anfang' is not known, 'High' is high, 'Low' is low, 'Ende' is not known); "
            "name it with --column open=NAME --column close=NAME --column time=NAME",
        ),
        (
            lines("", lambda t, *p: [t.strftime("%H:%M"), *p[:4]]).replace(
                b"14:", b"2024-01-30 14~"
            ),
            None,
        ),
        (dump({"bars": {"SPY": []}}), None),
        (dump({"results": [[1, 2, 3, 4, 5, 6]]}), None),
        (
            dump({"o": "x", "h": "x", "c": "x"}),
            "looks like bars, but no column is known for low, time (columns: 'o' is open, 'h' is "
            "high, 'c' is close); name it with --column low=NAME --column time=NAME",
        ),
        (b'{"bars": {"o": 1, "h": 2, "l": 3, "c"', None),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_way_out_or_is_no_file_of_bars(
    tmp_path: Path, content: bytes, message: str | None
) -> None:
    (tmp_path / "spy.csv").write_bytes(content)
    (file,) = data_files(tmp_path / "spy.csv")
    if message is None:
        assert open_bars(sniff(file)) is None
        return
    with pytest.raises(InputError) as refusal:
        open_bars(sniff(file))
    assert str(refusal.value) == f"{tmp_path}/spy.csv: {message}"


def test_a_document_that_is_cut_off_keeps_the_bars_before(tmp_path: Path) -> None:
    whole = json.dumps({"bars": {"SPY": objects(iso)}}, indent=1)
    place = whole.rindex("{")
    case = Case("bars.json", whole[: place + 30].encode(), [], "")
    (batch,) = opened(tmp_path / case.name, case).read()
    assert batch.bars.drop("line", "byte_offset").rows() == bars("SPY")[:5]
    assert batch.bars["line"].to_list() == [4 + 8 * at for at in range(5)]
    (reject,) = batch.rejects.rows()
    assert (reject[0], reject[1]) == (whole[:place].count("\n") + 1, place)
    assert reject[2].startswith("cannot be parsed: ")
    assert batch.rows_read == 6


def test_what_is_no_bar_in_a_list_of_bars_is_a_reject_with_its_place(tmp_path: Path) -> None:
    rows = objects(iso)
    content = json.dumps({"bars": {"SPY": [rows[0], "none", rows[1], {**rows[2], "c": "x"}]}})
    case = Case("bars.json", content.encode(), [], "")
    (batch,) = opened(tmp_path / case.name, case).read()
    assert batch.bars.drop("line", "byte_offset").rows() == bars("SPY")[:2]
    assert batch.rejects.select("line", "byte_offset", "reason").rows() == [
        (1, content.index('"none"'), "is no bar"),
        (1, content.rindex("{"), "close is not a number: 'x'"),
    ]
    assert batch.rows_read == 4


def test_a_document_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(dump({"bars": {"SPY": objects(iso)}}))
    (file,) = data_files(path)
    size = path.stat().st_size
    assert open_document(sniff(file), size)
    with pytest.raises(InputError) as refusal:
        open_document(sniff(file), size - 1)
    assert str(refusal.value) == (
        f"{path}: is one JSON document of more than {size - 1:,} bytes; "
        "write one bar a line, or CSV"
    )


def test_packed_and_old_arrow_files_are_refused(tmp_path: Path) -> None:
    content = saved(frame(Datetime=UTC_MINUTES), "ipc")
    (tmp_path / "a.gz").write_bytes(gzip.compress(content))
    (tmp_path / "b").write_bytes(b"FEA1" + bytes(99))
    (tmp_path / "c").write_bytes(content[:-40])
    for name, message in {
        "a.gz": "packed Arrow is not read; unpack it first",
        "b": "is of Feather version 1; write it again as Parquet",
        "c": "unreadable Arrow file",
    }.items():
        (file,) = data_files(tmp_path / name)
        with pytest.raises(InputError) as refusal:
            open_bars(sniff(file), "SPY")
        assert str(refusal.value).startswith(f"{tmp_path}/{name}: {message}")
        assert "\n" not in str(refusal.value)

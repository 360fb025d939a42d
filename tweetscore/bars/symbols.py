"""What bars are of: the names of files and folders enter, a symbol leaves if they show one.

Letter case and the marks within a pair are one thing: spy is SPY, and BTC/USDT is BTCUSDT.
"""

import re
from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

from tweetscore.io.data_file import DataFile
from tweetscore.market.symbols import SHARE_CLASS, canonical_symbol

# Names with a place for the symbol, tried on the whole name without its endings; the first counts.
_KNOWN_NAMES = (
    re.compile(r"DAT_(?:ASCII|NT|MT|XLSX)_(?P<symbol>[A-Za-z0-9]+)_[MT]"),  # HistData
    re.compile(r"\d{8}_(?P<symbol>[\w.]+?)_(?:minute|second|tick)_(?:trade|quote)"),  # LEAN
    re.compile(r"(?P<symbol>[\w.]+?)_(?:minute|second|tick)_\d{8}_(?:trade|quote)"),
    re.compile(r"[A-Z_]+_(?P<symbol>[A-Z0-9.!]+), ?\d*[A-Z]?(?:_\w+)?(?: \(\d+\))?"),  # TradingView
    re.compile(r"(?P<symbol>[A-Z0-9.#]{6,10})_[MHD]\d+_\d{8,12}_\d{8,12}"),  # MetaTrader 5
    re.compile(r"(?P<symbol>[A-Z]{6})(?:1|5|15|30|60|240|1440)"),  # MetaTrader 4: EURUSD1
)
_ENDINGS = re.compile(
    r"(?:\.(?:csv|tsv|txt|prn|json|jsonl|ndjson|parquet|pq|feather|arrow|ipc|gz|zip|zst|bz2|xz|lzma"
    r"|tar|tgz|tbz2?|txz|tzst))+$",
    re.IGNORECASE,
)
_COPY = re.compile(r" ?\(\d+\)$")
_INTERVAL = re.compile(
    r"(?:\d*[-_ ]?(?:s|secs?|seconds?|m|mins?|minutes?|h|hour|hourly|d|day|daily|bars?)"
    r"|[msh]\d+|\d{1,3})",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:19|20)\d\d(?:[-._]?(?:0[1-9]|1[0-2])(?:[-._]?(?:[0-2]\d|3[01])(?:\d{4}|\d{6})?)?)?"
    r"|[0-3]?\d[-._][01]?\d[-._](?:19|20)\d\d|\d{10,}",
)
_WORDS = re.compile(r"[_,\s]+|-+(?=\d)|(?<=\d)-+|-+")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_NO_SYMBOLS = frozenset(
    """
    a adj adjsplit adjsplitdiv adjusted and api archive ask asks asset assets backtest backup bar
    bars base batch bid bids book bulk candle candles candlestick candlesticks cash chart charts
    chunk class clean cleaned close combined concat cont continuous copy crypto csv current daily
    data dataset date day db default demo df download downloads dump end eod equities equity est et
    etf etfs example export exported exports extended extra feed feeds fetch file files filled
    final first folder forex frame full future futures fx gmt history historical hist hour hourly
    import in index info input inputs intra intraday json kline klines large last latest level list
    local log long m1 main market markets merged mid min mins minute minutely minutes misc model
    month monthly my new news next ohlc ohlcv old one option options order orders original out
    output outputs page pages part parts perp perpetual plot post posts prep price prices prod
    public quote quotes raw real record records res result results rows rth run sample samples
    sec second seconds segment series session set short small source split spot stock stocks stream
    table tables tape temp test tests text tick ticker tickers ticks time timeseries tmp today
    total trade trades train tweet tweets two um unadj unadjusted update us usa user utc val value
    values version volume week weekly wide work x y year years yearly z
    jan feb mar apr may jun jul aug sep oct nov dec
    mon tue wed thu fri sat sun
    """.split()  # noqa: SIM905
)
_VENUES = frozenset(
    """
    alpaca alphavantage amex arca bats binance binanceus bitfinex bitget bitmex bitstamp bybit cboe
    cbot cme coinbase comex cryptodatadownload databento deribit dukascopy eurex exness finam
    firstrate firstratedata forexcom ftx fxcm gateio gemini globex hitbtc histdata huobi ice
    idealpro
    iex interactivebrokers kibot kraken kucoin lse metatrader mexc mt4 mt5 nasdaq ninjatrader nse
    nymex nyse nysearca oanda okex okx pepperstone poloniex polygon stooq tiingo tradingview
    twelvedata upbit xetra yahoo yfinance
    """.split()  # noqa: SIM905
)
_QUOTED_IN = frozenset(
    """
    USD USDT USDC BUSD TUSD FDUSD DAI EUR GBP JPY CHF CAD AUD NZD CNH CNY HKD SGD SEK NOK DKK PLN
    CZK HUF TRY ZAR MXN BRL RUB INR KRW IDR UST BTC XBT ETH BNB
    """.split()  # noqa: SIM905
)
_BESIDE_PRICES = frozenset(
    {"px", "value", "usd", "eur", "last", "settle", "trade", "adj", "number"}
)
_LETTER = re.compile(r"[A-Z]")
_TICKER = re.compile(r"\^?[A-Z0-9]+(?:[.=!&:][A-Z0-9]*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """A symbol, and what named it, in words."""

    symbol: str
    by: str


def canonical_symbols(written: pl.Series) -> pl.Series:
    """Return the one way in which we write each symbol of a column."""
    known = written.unique().drop_nulls()
    ours = [canonical_symbol(text) for text in known]
    return written.replace_strict(known, ours, default=None, return_dtype=pl.String)


def is_no_symbol(word: str) -> bool:
    """Return whether a word means something else beside prices, as in ``Bid Open``."""
    if _is_noise(word) or word.lower() in _BESIDE_PRICES:
        return True
    return not _looks_like_ticker(canonical_symbol(word))


def looks_like_symbols(texts: pl.Series) -> bool:
    """Return whether a column holds symbols: short, and mostly the same ones again."""
    known = texts.unique()
    few = len(known) == 1 or len(known) <= max(2, len(texts) // 4)
    return few and all(_looks_like_ticker(canonical_symbol(text)) for text in known)


def symbol_of_file(file: DataFile) -> Named | None:
    """Find a symbol in the name of a file, then in that of its folder."""
    if file.label and not file.entry:  # a copy of what had no name
        return None
    entry = PurePath(file.entry or "")
    packed = [_COPY.sub("", _ENDINGS.sub("", file.path.name))] if file.entry else []
    folders = [*reversed(entry.parts[:-1]), *reversed(file.path.absolute().parts[:-1])][:2]
    letter = _ENDINGS.sub("", file.file_name)
    # D and M are shares as well as days and minutes; beside a folder named SPY they are the latter.
    if _LETTER.fullmatch(letter) and not any(map(_symbol_of_folder, folders)):
        return Named(letter, f"the name {file.file_name}")
    for name in (file.file_name, *packed):
        if symbol := symbol_in_name(name):
            return Named(symbol, f"the name {name}")
    for folder in folders if not file.label else ():
        if symbol := _symbol_of_folder(folder):
            return Named(symbol, f"the folder {folder}")
        if not _says_nothing(folder):
            break
    return None


def symbol_in_name(name: str) -> str | None:
    """Find the symbol in the name of a file; None where it says nothing, or is not clear."""
    stem = _COPY.sub("", _ENDINGS.sub("", name))
    for known in _KNOWN_NAMES:
        if found := known.fullmatch(stem) or (known.match(stem) if "DAT_" in stem else None):
            return canonical_symbol(found["symbol"])
    words = [word for word in _WORDS.split(_DATE.sub(" ", stem)) if word]
    kept = [word for word in words if not _is_noise(word)]
    if len(kept) == 2 and kept[1].upper() in _QUOTED_IN and _looks_like_ticker(kept[0].upper()):
        return canonical_symbol("/".join(kept))
    if len(kept) == 2 and re.search(rf"{re.escape(kept[0])}[-_.]{kept[1]}\b", stem):
        share = SHARE_CLASS.match(f"{kept[0]}.{kept[1]}".upper())
        return canonical_symbol(share[0]) if share else None
    return canonical_symbol(kept[0]) if len(kept) == 1 and _looks_like_ticker(kept[0]) else None


def _symbol_of_folder(folder: str) -> str | None:
    """A folder names a symbol only where it can hardly be anything else."""
    symbol = symbol_in_name(folder)
    written = re.fullmatch(r"\^?[A-Z0-9][A-Z0-9.=_-]*", folder)
    return symbol if written and len(folder) > 1 and folder.isupper() else None


_NEVER_TRADED = {
    "adj", "ask", "bar", "bars", "bid", "csv", "data", "file", "json", "min", "ohlc", "ohlcv",
    "out", "price", "raw", "rth", "temp", "test", "tmp", "utc", "est", "gmt", "part", "page",
    "hist", "ascii",
}  # fmt: skip


def _says_nothing(name: str) -> bool:
    words = [word for word in _WORDS.split(_DATE.sub(" ", name)) if word]
    return all(map(_is_noise, words))


def _is_noise(word: str) -> bool:
    bare = word.lower().strip(".")
    if word.isupper() and len(word) <= 5 and bare not in _VENUES and not _INTERVAL.fullmatch(word):
        # In capitals only what nobody trades is noise: ALL and A are shares.
        return bare in _NEVER_TRADED
    numberless = bare.rstrip("0123456789") or bare
    return bool(
        _INTERVAL.fullmatch(word)
        or bare in _NO_SYMBOLS
        or bare in _VENUES
        or (numberless in _NO_SYMBOLS - {"us"} and bare != numberless)
    )


def _looks_like_ticker(word: str) -> bool:
    """Capitals as tickers have, or a short word in small letters; a longer one is some name."""
    if word.isupper() or word.isdigit():
        return len(word) <= 12 and bool(_TICKER.fullmatch(word))
    if not _TICKER.fullmatch(word.upper()):
        return False
    pair = len(word) in (6, 7) and word[3:].upper() in _QUOTED_IN
    numbered = bool(re.fullmatch(r"[a-z]{2,4}\d{2,4}", word))  # indices of brokers: us500
    short = 2 <= len(word) <= 5 and set(word) <= _LETTERS
    with_place = bool(re.fullmatch(r"[a-z0-9]{1,6}\.[a-z]{1,3}", word))
    return pair or numbered or short or with_place or word[-4:].upper() in ("USDT", "USDC")

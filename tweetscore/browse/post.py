"""One post as it met the market: its id enters, a record for the page leaves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from tweetscore.browse.asked import Asked
from tweetscore.browse.charts import price_chart
from tweetscore.browse.facts import Facts, Market, choose_market
from tweetscore.errors import InputError
from tweetscore.io.html.charts import Picture, picture
from tweetscore.io.html.parts import frame_table
from tweetscore.market.horizons import DAY_MINUTES, Horizon
from tweetscore.store.database import Store, statement

BARS_BEFORE, BARS_AFTER = 60, 30
NEIGHBOURS_WITHIN = timedelta(days=7)
FAR = timedelta(days=15)  # of daily bars
MOST_DRAWN = 5  # symbols


@dataclass(frozen=True, slots=True)
class Met:
    """What the price of one symbol did around a post."""

    symbol: str
    facts: tuple[tuple[str, str], ...]
    picture: Picture | None
    words: str  # what the picture shows, or why there is none


@dataclass(frozen=True, slots=True)
class PostView:
    """All that the page of a post shows."""

    post: dict[str, Any]
    market: Market
    met: tuple[Met, ...]
    more_symbols: int  # that it meets and that are not drawn
    scores: pl.DataFrame
    labels: pl.DataFrame
    links: pl.DataFrame
    neighbours: tuple[dict[str, Any], ...]


def read_post(store: Store, facts: Facts, asked: Asked, platform: str, tweet_id: int) -> PostView:
    """Read a post, its predictions, links, neighbours, and the price around it.

    Raises:
        InputError: there is no such post, or it cannot be held against what is asked.
    """
    key = {"platform": platform, "tweet_id": tweet_id}
    found = store.frame(statement("browse/post"), **key)
    if found.is_empty():
        raise InputError(f"{platform} {tweet_id}: no such post in the database")
    post = found.row(0, named=True)
    market = choose_market(facts, asked)
    links = store.frame(statement("browse/post_links"), **key)
    spacings = dict(facts.symbols)
    linked = set(links["symbol"]) if facts.has_rules else spacings.keys()
    symbols = sorted(each for each in linked & spacings.keys() if market.symbol in (None, each))
    posted = post["posted_utc"]
    neighbours = store.frame(
        statement("browse/neighbours"),
        moment=posted, **{"from": posted - NEIGHBOURS_WITHIN, "to": posted + NEIGHBOURS_WITHIN},
    )  # fmt: skip
    drawn = symbols[:MOST_DRAWN]
    return PostView(
        post=post,
        market=market,
        met=tuple(_met(store, each, spacings[each], market, posted) for each in drawn),
        more_symbols=len(symbols) - len(drawn),
        scores=store.frame(
            statement("browse/post_scores"), symbols=drawn, session=market.session, **key
        ),
        labels=store.frame(statement("browse/post_labels"), **key),
        links=links,
        neighbours=tuple(neighbours.to_dicts()),
    )


def _met(store: Store, symbol: str, spacing: int, market: Market, posted: datetime) -> Met:
    window = _window(store, symbol, spacing, market, posted)
    entry = window["minute_utc"] if window else posted
    step = timedelta(minutes=spacing)
    begin, end = posted - BARS_BEFORE * step, entry + BARS_AFTER * step
    if window and window["exit_utc"]:
        end = max(end, window["exit_utc"] + 10 * step)
    if spacing == DAY_MINUTES:
        begin, end = posted - FAR, max(end, posted + FAR)
    of_symbol = {"symbol": symbol, "from": begin}
    bars = store.rows(statement("browse/path"), to=end, **of_symbol)
    trading = store.rows(statement("browse/trading"), session=market.session, **of_symbol)
    sessions = [(opens, closes) for _, opens, closes in trading if opens <= end]
    marks = [("posted", posted)]
    if window:
        marks += [("entry", window["minute_utc"])]
        marks += [("exit", window["exit_utc"])] if window["exit_utc"] else []
    drawn = None
    if len(bars) > 1:
        table = frame_table(pl.DataFrame(bars, schema=["minute_utc", "close"], orient="row"))
        drawn = picture(price_chart(bars, marks, sessions, spacing), table=table)
    words = (
        f"{symbol} from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, close of each bar; "
        f"lines: {', '.join(name for name, _ in marks)}; shaded: the {market.session} session."
        if drawn
        else f"No bars of {symbol} from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC."
    )
    return Met(symbol, tuple(_facts(market, posted, window, trading)), drawn, words)


def _window(
    store: Store, symbol: str, spacing: int, market: Market, posted: datetime
) -> dict[str, Any] | None:
    """Return the window that a post meets; None where it meets none."""
    if market.interval is None:
        return None
    span = "SELECT min(open_utc) FROM sessions WHERE symbol = $symbol AND session = 'extended'"
    (first,) = store.row(span, symbol=symbol)
    found = store.frame(
        statement("browse/window"),
        symbol=symbol, session=market.session, interval=market.interval, posted=posted,
        spacing=spacing, first=first,
    )  # fmt: skip
    return found.row(0, named=True) if found.height else None


def _facts(
    market: Market,
    posted: datetime,
    window: dict[str, Any] | None,
    trading: list[tuple[Any, ...]],
) -> list[tuple[str, str]]:
    """Return what a reader wants to know of a window, or of the lack of one."""
    if window is None:
        later = [each for each in trading if each[1] > posted]
        facts = [("window", "none: the market was closed, or no bar is near")]
        if later:
            facts += [(f"next {market.session} session opens", f"{later[0][1]} UTC")]
        return facts
    shown = [
        ("interval", Horizon(market.interval or 0).words),
        ("status", window["status"]),
        ("session", f"{market.session}, {window['session_date']}"),
        ("entry", f"{window['minute_utc']} UTC"),
        ("entry price", window["entry_price"]),
        ("exit", f"{window['exit_utc']} UTC"),
        ("exit price", window["exit_price"]),
        ("return", window["return_bps"]),
    ]
    worded = {"return": "{:+.1f} bps", "entry price": "{:,.4f}", "exit price": "{:,.4f}"}
    return [
        (name, worded.get(name, "{}").format(value)) for name, value in shown if value is not None
    ]

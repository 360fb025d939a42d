"""Find a page of posts: filters, an order and a place enter; rows and the next place leave."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tweetscore.browse.asked import SORTS, Asked
from tweetscore.browse.conditions import PREDICTED, behind, cursor_values, named_in, of_row
from tweetscore.browse.facts import Facts, Market, choose_market
from tweetscore.browse.pieces import (
    BUDGET_SECONDS,
    BY_SIZE,
    FIRST_POSTS,
    OF_POST,
    POST_KEY,
    POST_ORDER,
    SYMBOL,
    Cutter,
    Piece,
    rows_statement,
)
from tweetscore.io.html.parts import cell
from tweetscore.store.database import Store, statement

PAGE_ROWS = 100
KEYS = {"platform": pl.String, "tweet_id": pl.Int64, "symbol": pl.String}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of posts."""

    rows: pl.DataFrame  # tweet_id and the columns of SORTS
    market: Market
    after: str | None  # the place where the next page begins; None at the end
    looked_to: str | None  # how far, where time was over before the page was full
    seconds: float


def find_page(
    store: Store,
    facts: Facts,
    asked: Asked,
    *,
    first_posts: int = FIRST_POSTS,
    budget_seconds: float = BUDGET_SECONDS,
    most_rows: int = PAGE_ROWS,
) -> Page:
    """Return the rows behind a place, in an order.

    Args:
        store: the open database.
        facts: what is known of it.
        asked: filters, order and place.
        first_posts: how many posts to look at first; then more and more.
        budget_seconds: after this time the page ends, full or not.
        most_rows: of the page.

    Raises:
        InputError: a filter has a value that it cannot have, or names what is not there.
    """
    market = choose_market(facts, asked)
    met = 1 if facts.has_rules or market.symbol else max(1, len(facts.symbols))
    few = max(1, first_posts // met)  # each has as many rows
    cutter = Cutter(store, facts, asked, market, few, budget_seconds)
    found: list[dict[str, Any]] = []
    stopped: Piece | None = None
    for piece in cutter.pieces():
        found += _keys(cutter, piece, most_rows + 1 - len(found))
        if len(found) > most_rows:
            break
        if cutter.left_seconds < 0:
            stopped = piece
            break
    after = looked_to = None
    if len(found) > most_rows:
        found = found[:most_rows]
        after = _place(found[-1])
    elif stopped and stopped.edge:
        key, moment, *rest = stopped.edge
        by_key = asked.sort in OF_POST or asked.sort in BY_SIZE
        looked_to = cell(key) if by_key else f"{moment:%Y-%m-%d %H:%M}"
        after = json.dumps([key, moment.isoformat(), *rest])
    rows = _rows(cutter, found)
    return Page(rows, market, after, looked_to, time.monotonic() - cutter.began)


def _place(row: Mapping[str, Any]) -> str:
    """Return the place of a row, for an address."""
    posted = row["posted_utc"].isoformat()
    return json.dumps([row["key"], posted, row["platform"], row["tweet_id"], row["symbol"] or ""])


def _keys(cutter: Cutter, piece: Piece, most: int) -> list[dict[str, Any]]:
    """Return the first rows of a piece that fulfil everything, by what tells them apart."""
    asked, sort = cutter.asked, cutter.asked.sort
    order = (*POST_ORDER, SYMBOL)
    key, down, after = "$category", cutter.newest_first, "true"
    conditions, values = of_row(asked)
    if sort in OF_POST or sort in BY_SIZE:
        key, down = "key" if sort in OF_POST else sort, asked.down
        order = (key, *POST_KEY, SYMBOL)
        if cursor := asked.cursor:
            after = behind(order, down=down)
            values |= cursor_values((cursor[0], *cursor[2:]))
    ordered = ", ".join(f"{each} {'DESC' if down else 'ASC'}" for each in order)
    text = (
        f"WITH posts AS ({piece.posts}), rows AS ({rows_statement(cutter.market)}) "
        f"SELECT platform, tweet_id, posted_utc, symbol, {key} AS key FROM rows "
        f"{'JOIN posts USING (platform, tweet_id, posted_utc)' if key == 'key' else ''} "
        f"WHERE {piece.rows} AND {conditions} AND {after} ORDER BY {ordered} LIMIT {most}"
    )
    reads = {sort, *(name for name in PREDICTED if getattr(asked, name))}
    predictions = bool(reads & {"probability", *PREDICTED})
    of_market = cutter.market.values(predictions=predictions)
    given = {"category": piece.category} | values | dict(piece.values) | of_market
    return cutter.store.frame(text, **named_in(text, given)).to_dicts()


def _rows(cutter: Cutter, found: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return what a reader sees of the rows found, in their order."""
    named = [{name: each[name] for name in KEYS} for each in found]
    frame = pl.DataFrame(named, schema=KEYS)
    cutter.store.con.register("found", frame.to_arrow())
    texts = cutter.store.frame(statement("browse/texts"))
    cutter.store.con.register("texts", texts.to_arrow())
    text = (
        "WITH posts AS (SELECT platform, tweet_id, posted_utc FROM texts) "
        f"SELECT * EXCLUDE (posted_utc) FROM ({rows_statement(cutter.market)})"
    )
    rows = cutter.store.frame(text, **named_in(text, cutter.market.values(predictions=True)))
    whole = frame.join(texts, on=["platform", "tweet_id"], how="left", maintain_order="left").join(
        rows, on=list(KEYS), how="left", maintain_order="left", nulls_equal=True
    )
    return whole.select(*SORTS, "tweet_id")

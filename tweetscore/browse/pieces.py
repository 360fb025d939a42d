"""Cut an archive into pieces that lie one behind the other in the order that is asked for.

Ten million posts are not joined to their windows and predictions to show a hundred of them: a page
reads pieces, small ones first, until it is full or its time is over.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from tweetscore.browse.asked import CHOICES, Asked, Cursor, moment, share
from tweetscore.browse.conditions import behind, cursor_values, named_in, of_post, of_row
from tweetscore.browse.facts import Facts, Market
from tweetscore.store.database import Store, statement

BUDGET_SECONDS = 1.3  # no piece begins later
FIRST_POSTS, GROWTH, MOST_POSTS = 2_000, 8, 10_000_000  # of a piece
BEGIN, END = datetime(1, 1, 1), datetime(9999, 12, 31)
ONE_HOUR = timedelta(hours=1)
LAST = "\U0010ffff"  # behind every text
SYMBOL = "coalesce(symbol, '')"
BY_SIZE = ("probability", "return_bps")  # rows without one are in no such order
OF_POST = {"author": "coalesce(author, '')", "text": "text"}
YES_OR_NO = "CASE WHEN correct THEN 'yes' WHEN NOT correct THEN 'no' END"
POST_ORDER = ("posted_utc", "platform", "tweet_id")
KEY_ORDER = ("platform", "tweet_id", SYMBOL)  # behind the key of a row that has one


@dataclass(frozen=True, slots=True)
class Piece:
    """Posts that lie together in the order that is asked for."""

    posts: str  # a statement that gives platform, tweet_id, posted_utc, and the key if there is one
    values: Mapping[str, Any] = field(default_factory=dict)
    rows: str = "true"  # what their rows must fulfil besides
    category: str | None = None  # value of the sorted column, where it has few
    edge: Cursor | None = None  # where the next piece begins, if there is one


@dataclass
class Cutter:
    """Cuts for one page."""

    store: Store
    facts: Facts
    asked: Asked
    market: Market
    first_posts: int = FIRST_POSTS  # of the first piece
    budget_seconds: float = BUDGET_SECONDS
    began: float = field(default_factory=time.monotonic)

    @property
    def left_seconds(self) -> float:
        """The time in which another piece may begin."""
        return self.budget_seconds - (time.monotonic() - self.began)

    @property
    def newest_first(self) -> bool:
        """Whether time runs backwards: also within a category, whichever comes first."""
        return self.asked.down or self.asked.sort != "posted_utc"

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces behind the last page."""
        sort = self.asked.sort
        if sort == "posted_utc":
            yield from self._by_time("true", None, goes_on=True)
        elif sort in OF_POST or sort in BY_SIZE:
            yield from self._by_key()
        else:
            yield from self._by_category()

    def _by_category(self) -> Iterator[Piece]:
        """Yield the posts of each category, each from the latest back, and then those without."""
        sort, cursor = self.asked.sort, self.asked.cursor
        own = {"platform": self.facts.platforms, "symbol": [name for name, _ in self.facts.symbols]}
        known: Sequence[str] = own[sort] if sort in own else CHOICES[sort]
        if chosen := getattr(self.asked, sort):
            known = [chosen]
        ordered: list[str | None] = [*sorted(known, reverse=self.asked.down)]
        ordered += [] if chosen or sort == "platform" else [None]
        if cursor:
            ordered = ordered[ordered.index(cursor[0]) :] if cursor[0] in ordered else []
        column = YES_OR_NO if sort == "correct" else sort
        for place, category in enumerate(ordered):
            same = f"{column} = $category"
            yield from self._by_time(
                same if category is not None else f"{sort} IS NULL",
                category,
                goes_on=place == 0,
                then=(ordered[place + 1], END, LAST, 0, "") if place + 1 < len(ordered) else None,
            )

    def _by_time(
        self, rows: str, category: str | None, *, goes_on: bool, then: Cursor | None = None
    ) -> Iterator[Piece]:
        """Yield pieces from the latest hour back, or from the first one on.

        Args:
            rows: what rows must fulfil.
            category: the value of the sorted column, where it has few.
            goes_on: whether the page before ended here.
            then: where it goes on behind the last piece.
        """
        down, cursor = self.newest_first, self.asked.cursor if goes_on else None
        begin = moment("since", self.asked.since) or BEGIN
        end = moment("until", self.asked.until) or END
        if cursor:
            begin, end = (begin, min(end, cursor[1])) if down else (max(begin, cursor[1]), end)
            rows = f"{rows} AND {behind((*POST_ORDER, SYMBOL), down=down)}"
        of_posts, values = of_post(self.asked)
        values |= {"category": category} | (cursor_values(cursor[1:]) if cursor else {})
        of_edge = bool(cursor and not cursor[2])  # nothing is left of the hour that begins there
        for low, high, is_last in self._spans(begin, end, past=of_edge):
            posts = (
                "SELECT platform, tweet_id, posted_utc FROM tweets WHERE posted_utc >= $from "
                f"AND posted_utc <{'=' if high == end else ''} $to AND {of_posts}"
            )
            span = {"from": low, "to": high}
            edge = then if is_last else (category, low if down else high, "", 0, "")
            yield Piece(posts, values | span, rows, category, edge)

    def _spans(
        self, begin: datetime, end: datetime, *, past: bool
    ) -> Iterator[tuple[datetime, datetime, bool]]:
        """Yield spans of time with posts, each with as many as there is time to read.

        Args:
            begin: of all of them.
            end: of all of them.
            past: whether no post of the end itself is wanted.

        Yields:
            Where each begins and ends, and whether it is the last one.
        """
        down = self.newest_first
        hours = self.facts.hours.filter(
            pl.col("hour_utc") > begin - ONE_HOUR if begin > BEGIN else pl.lit(True),
            pl.col("hour_utc") < end if past else pl.col("hour_utc") <= end,
        )
        if not down:
            hours = hours.reverse()
        moments, running = hours["hour_utc"].to_list(), hours["posts"].cum_sum()
        place, size = 0, float(self.first_posts)
        bound = end if down else begin
        while place < len(moments):
            before = running[place - 1] if place else 0
            stop = min(int(running.search_sorted(before + size)) + 1, len(moments))
            hour = moments[stop - 1]
            edge = max(hour, begin) if down else min(hour + ONE_HOUR, end)
            asked_at = time.monotonic()
            is_last = stop == len(moments)
            yield (edge, bound, is_last) if down else (bound, edge, is_last)
            took = max(time.monotonic() - asked_at, 0.01)
            affordable = (running[stop - 1] - before) / took * max(self.left_seconds, 0.1)
            size = max(self.first_posts, min(size * GROWTH, MOST_POSTS, affordable))
            place, bound = stop, edge

    def _by_key(self) -> Iterator[Piece]:
        """Yield the posts whose key comes first, then more of those whose key comes next."""
        source, values = self._keyed(few=False)
        order = ("key", *KEY_ORDER)
        way = "DESC" if self.asked.down else "ASC"
        ordered = ", ".join(f"{each} {way}" for each in order)
        cursor = begins = self.asked.cursor
        size = self.first_posts
        while True:
            # The post that a page ended with may have rows of other symbols left.
            of_page = cursor is begins
            columns = order[:-1] if of_page and self.asked.sort != "return_bps" else order
            again = behind(columns, down=self.asked.down, inclusive=of_page)
            behind_it = again if cursor else "true"
            values |= cursor_values((cursor[0], *cursor[2:])) if cursor else {}
            text = f"FROM ({source}) WHERE {behind_it} ORDER BY {ordered} LIMIT {size}"
            found = self.store.frame(text, **named_in(text, values))
            if found.is_empty():
                return
            self.store.con.register("candidates", found.to_arrow())
            last = found.row(-1, named=True)
            done = "" if self.asked.down else LAST  # all rows of the post
            symbol = done if last["symbol"] is None else last["symbol"]
            cursor = last["key"], BEGIN, last["platform"], last["tweet_id"], symbol
            whole = found.height < size
            yield Piece(edge=None if whole else cursor, **self._of_candidates())
            if whole:
                return
            source, more = self._keyed(few=of_post(self.asked)[0] != "true")
            values |= more
            size *= GROWTH

    def _keyed(self, *, few: bool) -> tuple[str, dict[str, Any]]:
        """Return the statement that gives posts with their key, and its values.

        Args:
            few: whether few posts fulfil what is asked of them: then they are found first.
        """
        sort = self.asked.sort
        of_posts, values = of_post(self.asked)
        values |= self.market.values(predictions=False)
        if sort == "probability":
            text = (
                "SELECT platform, tweet_id, NULL::VARCHAR AS symbol, probability AS key "
                "FROM predictions WHERE model_id = $model_id AND interval_minutes = $interval"
            )
            low, high = (share(name, getattr(self.asked, name)) for name in ("low", "high"))
            values |= {"low": 0.0 if low is None else low, "high": 1.0 if high is None else high}
            text = f"{text} AND probability BETWEEN $low AND $high"
            if few:
                fitting = f"SELECT (platform, tweet_id) FROM tweets WHERE {of_posts}"
                text = f"{text} AND (platform, tweet_id) IN ({fitting})"
            return text, values
        if sort == "return_bps":
            conditions, of_rows = of_row(self.asked, predictions=False)
            posts = f"SELECT platform, tweet_id, posted_utc FROM tweets WHERE {of_posts}"
            text = (
                f"WITH posts AS ({posts}), rows AS ({rows_statement(self.market)}) "
                "SELECT platform, tweet_id, symbol, return_bps AS key FROM rows "
                f"WHERE return_bps IS NOT NULL AND {conditions}"
            )
            return text, values | of_rows
        text = f"SELECT platform, tweet_id, NULL::VARCHAR AS symbol, {OF_POST[sort]} AS key"
        return f"{text} FROM tweets WHERE {of_posts}", values

    def _of_candidates(self) -> dict[str, Any]:
        """Return the posts of the frame candidates, as a piece has them."""
        of_posts, values = of_post(self.asked)
        posts = (
            "SELECT t.platform, t.tweet_id, t.posted_utc, any_value(c.key) AS key "
            "FROM candidates c JOIN tweets t USING (platform, tweet_id) "
            f"WHERE {of_posts} GROUP BY ALL"
        )
        rows = "true"
        if self.asked.sort == "return_bps":
            key = f"(platform, tweet_id, {SYMBOL})"
            rows = f"{key} IN (SELECT (platform, tweet_id, {SYMBOL}) FROM candidates)"
        return {"posts": posts, "values": values, "rows": rows}


def rows_statement(market: Market) -> str:
    """Return the statement that gives the rows of the table posts."""
    return statement("browse/waiting_posts" if market.waits else "browse/scored_posts")

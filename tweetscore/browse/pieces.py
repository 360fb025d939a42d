"""Cut an archive into pieces that lie one behind the other in the order that is asked for.

Ten million posts are not joined to their windows and predictions to show a hundred of them: a page
reads pieces, small ones first, until it is full or its time is over.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Any

import polars as pl

from tweetscore.browse.asked import CHOICES, Asked, Cursor, moment, share
from tweetscore.browse.conditions import behind, cursor_values, named_in, of_post
from tweetscore.browse.facts import Facts, Market, classes_of
from tweetscore.store.database import Store, statement

BUDGET_SECONDS = 1.3  # no piece begins later
FIRST_POSTS, GROWTH, MOST_POSTS = 2_000, 8, 10_000_000  # of a piece
FEW_POSTS = 500_000  # of which all rows can be read at once
BEGIN, END = datetime(1, 1, 1), datetime(9999, 12, 31)
ONE_HOUR = timedelta(hours=1)
LAST = "\U0010ffff"  # behind every text
SYMBOL = "coalesce(symbol, '')"
BY_SIZE = ("probability", "return_bps")  # rows without one are in no such order
OF_POST = {"author": "coalesce(author, '')", "text": "text"}
YES_OR_NO = "CASE WHEN correct THEN 'yes' WHEN NOT correct THEN 'no' END"
POST_ORDER = ("posted_utc", "platform", "tweet_id")
POST_KEY = ("platform", "tweet_id")  # behind the key of a post that has one


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
        elif sort in BY_SIZE and (few := self._few_posts()):
            yield few
        elif sort == "return_bps":
            yield from self._by_return()
        elif sort in OF_POST or sort == "probability":
            yield from self._by_key()
        else:
            yield from self._by_category()

    def _by_category(self) -> Iterator[Piece]:
        """Yield the posts of each category, each from the latest back, and then those without."""
        sort, cursor = self.asked.sort, self.asked.cursor
        own = {
            "platform": self.facts.platforms,
            "symbol": [name for name, _ in self.facts.symbols],
            "predicted": classes_of(self.market.model),
        }
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
        for place, (low, high, is_last) in enumerate(self._spans(begin, end, past=of_edge)):
            # The moment of a page's last post may have others left; then each has its piece.
            same_moment = "=" if down and place == 0 else ""
            posts = (
                "SELECT platform, tweet_id, posted_utc FROM tweets WHERE posted_utc >= $from "
                f"AND posted_utc <{same_moment} $to AND {of_posts}"
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
        place, size = 0, self.first_posts
        bound = end if down else begin
        while place < len(moments):
            before = running[place - 1] if place else 0
            stop = min(int(running.search_sorted(before + size)) + 1, len(moments))
            hour = moments[stop - 1]
            edge = max(hour, begin) if down else min(hour + ONE_HOUR, end)
            asked_at = time.monotonic()
            is_last = stop == len(moments)
            yield (edge, bound, is_last) if down else (bound, edge, is_last)
            size = self._grown(size, running[stop - 1] - before, asked_at)
            place, bound = stop, edge

    def _by_key(self) -> Iterator[Piece]:
        """Yield the posts whose key comes first, then more of those whose key comes next."""
        source, values = self._keyed()
        order = ("key", *POST_KEY)
        ordered = ", ".join(f"{each} {'DESC' if self.asked.down else 'ASC'}" for each in order)
        cursor = begins = self.asked.cursor
        size = self.first_posts
        while True:
            # The post that a page ended with may have rows of other symbols left.
            again = behind(order, down=self.asked.down, inclusive=cursor is begins)
            values |= cursor_values((cursor[0], *cursor[2:4])) if cursor else {}
            text = (
                f"SELECT * FROM ({source}) WHERE {again if cursor else 'true'} "
                f"ORDER BY {ordered} LIMIT {size}"
            )
            asked_at = time.monotonic()
            found = self.store.frame(text, **named_in(text, values))
            if found.is_empty():
                return
            self.store.con.register("candidates", found.to_arrow())
            last = found.row(-1, named=True)
            cursor = last["key"], BEGIN, last["platform"], last["tweet_id"], self._behind_all
            whole = found.height < size
            yield Piece(edge=None if whole else cursor, **self._of_candidates())
            if whole:
                return
            size = self._grown(size, found.height, asked_at)

    def _keyed(self) -> tuple[str, dict[str, Any]]:
        """Return the statement that gives posts with their key, and its values."""
        sort = self.asked.sort
        of_posts, values = of_post(self.asked)
        if sort in OF_POST:
            text = f"SELECT platform, tweet_id, {OF_POST[sort]} AS key FROM tweets WHERE {of_posts}"
            return text, values
        model = self.market.model
        low, high = (share(name, getattr(self.asked, name)) for name in ("low", "high"))
        values = self.market.values(predictions=True)
        values |= {"low": low or 0.0, "high": 1.0 if high is None else high}
        head = "interval_minutes = $interval"
        if model and self.market.has_labels:  # a class that is unlikelier is never the likeliest
            head, values["low"] = "interval_minutes IS NULL", max(values["low"], model.least)
        return (
            "SELECT platform, tweet_id, probability AS key FROM predictions "
            f"WHERE model_id = $model_id AND {head} "
            "AND probability BETWEEN $low::FLOAT AND $high::FLOAT"
        ), values

    def _of_candidates(self) -> dict[str, Any]:
        """Return the posts of the frame candidates, as a piece has them."""
        if self.asked.sort in OF_POST:
            joined = "tweets JOIN candidates USING (platform, tweet_id)"
            return {"posts": f"SELECT platform, tweet_id, posted_utc, key FROM {joined}"}
        of_posts, values = of_post(self.asked)
        among = "(platform, tweet_id) IN (SELECT (platform, tweet_id) FROM candidates)"
        # Of labels those of unlikelier classes are among them, too.
        key = "(platform, tweet_id, probability)"
        rows = f"{key} IN (SELECT (platform, tweet_id, key) FROM candidates)"
        return {"posts": _near(among, of_posts), "values": values, "rows": rows}

    def _by_return(self) -> Iterator[Piece]:
        """Yield the posts that enter at the minutes whose returns come first, then at the next."""
        of_posts, values = of_post(self.asked)
        sign = -1 if self.asked.down else 1  # by it the first return is the smallest
        values |= self.market.values(predictions=False) | {"sign": sign}
        (per_minute,) = self._row("browse/windows_per_minute", values)
        cursor = self.asked.cursor
        begins = sign * cursor[0] if cursor else -inf
        # All rows of its return have been shown, where a page ended with a piece.
        beyond = bool(cursor and cursor[2] == self._behind_all)
        size = self.first_posts
        while True:
            values |= {"begins": begins, "beyond": beyond}
            asked_at = time.monotonic()
            skipped = {"skipped": int(size * (per_minute or 0))}
            (reached,) = self._row("browse/next_return", values | skipped)
            ends = inf if reached is None else reached
            minutes = entry_minutes(self.market)
            posts = _near(f"entry_minute(posted_utc) IN ({minutes})", of_posts)
            edge = (sign * ends, BEGIN, self._behind_all, 0, "")
            yield Piece(
                posts,
                values | {"ends": ends},
                f"$sign * return_bps {'>' if beyond else '>='} $begins "
                "AND $sign * return_bps <= $ends",
                edge=edge if ends < inf else None,
            )
            if ends == inf:
                return
            begins, beyond, size = ends, True, self._grown(size, size, asked_at)

    def _row(self, name: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
        text = statement(name)
        return self.store.row(text, **named_in(text, values))

    def _few_posts(self) -> Piece | None:
        """Return all posts that fulfil what is asked of posts, if something is and they are few."""
        of_posts, values = of_post(self.asked)
        if of_posts == "true":
            return None
        most = FEW_POSTS * self.first_posts // FIRST_POSTS
        text = (
            f"SELECT platform, tweet_id, posted_utc FROM tweets WHERE {of_posts} LIMIT {most + 1}"
        )
        found = self.store.frame(text, **named_in(text, values))
        if found.height > most:
            return None
        self.store.con.register("few", found.to_arrow())
        return Piece("FROM few", rows=f"{self.asked.sort} IS NOT NULL")

    def _grown(self, size: float, read: int, asked_at: float) -> int:
        """Return a size for the next piece: larger, and what there is time to read."""
        took = max(time.monotonic() - asked_at, 0.01)
        affordable = read / took * max(self.left_seconds, 0.1)
        return int(max(self.first_posts, min(size * GROWTH, MOST_POSTS, affordable)))

    @property
    def _behind_all(self) -> str:
        """The symbol of a place behind all rows of a post, or its platform behind all posts."""
        return "" if self.asked.down else LAST


def _near(among: str, of_posts: str) -> str:
    """Return the statement that gives posts; texts, which take long, are read of few alone."""
    columns = "platform, tweet_id, posted_utc"
    if of_posts == "true":
        return f"SELECT {columns} FROM tweets WHERE {among}"
    return (
        f"WITH numbered AS MATERIALIZED (SELECT rowid AS number FROM tweets WHERE {among}), "
        "near AS MATERIALIZED (FROM tweets WHERE rowid IN (SELECT number FROM numbered)) "
        f"SELECT {columns} FROM near WHERE {of_posts}"
    )


def entry_minutes(market: Market) -> str:
    """Return the statement that gives the minutes at which posts enter some windows."""
    return statement("browse/minutes_waited" if market.waits else "browse/minutes")


def rows_statement(market: Market) -> str:
    """Return the statement that gives the rows of the table posts."""
    scores = statement("browse/labelled" if market.has_labels else "browse/predicted")
    entries = statement("browse/entered_later" if market.waits else "browse/entered_at_once")
    text = statement("browse/scored_posts").replace("($scores)", f"({scores})")
    return text.replace("($entries)", f"({entries})")

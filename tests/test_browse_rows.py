"""Pages of posts lose no row and repeat none: against rows that are filtered and sorted by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from results import DAYS, fill, link_by_words, put_model
from tiny import put_bars, put_symbol

from tweetscore.browse.asked import CHOICES, SORTS, Asked
from tweetscore.browse.calibrated import read_calibration, read_outcomes
from tweetscore.browse.facts import Facts, read_facts
from tweetscore.browse.posts import PAGE_ROWS, find_page
from tweetscore.evaluation.curves import calibration_curve
from tweetscore.market.horizons import Horizon
from tweetscore.market.windows import ensure_windows
from tweetscore.store.database import Store, open_store, statement

KEY = ("posted_utc", "platform", "tweet_id", "symbol")
MARKET = ("split", "status", "return_bps", "outcome")


@dataclass(frozen=True)
class Archive:
    """A database, and the rows of each model, interval and session as they are by hand."""

    store: Store
    facts: Facts

    def whole(self, asked: Asked) -> pl.DataFrame:
        """The rows that posts have, by the views that users query."""
        store, model = self.store, asked.model
        interval = {"1d": 1_000_001}.get(asked.interval) or int(asked.interval)
        posts = store.frame("SELECT posted_utc, author, platform, text, tweet_id FROM tweets")
        given = {"interval": interval, "session": asked.session}
        query = (
            "FROM scored_any WHERE model_id = $model AND interval_minutes = $interval "
            "AND session = $session"
        )
        rows = store.frame(query, model="all", **given).select(
            "platform", "tweet_id", "symbol", *MARKET
        )
        classes = next(each.classes for each in self.facts.models if each.model_id == model)
        if model.startswith("labels"):
            stored = store.frame("FROM probabilities WHERE model_id = $model", model=model)
            stored = stored.with_columns(
                place=pl.col("class").map_elements(classes.index, return_dtype=pl.Int64)
            )
            scores = stored.sort("probability", "place", descending=[True, False]).unique(
                ["platform", "tweet_id"], keep="first", maintain_order=True
            )
            scores = scores.select("platform", "tweet_id", "probability", predicted="class")
            rows = rows.with_columns(split=pl.lit("unknown"), outcome=pl.lit(None, pl.String))
        else:
            scores = (
                store.frame(query, model=model, **given)
                .select("platform", "tweet_id", "probability", "predicted")
                .unique()
            )
        joined = posts.join(rows, on=["platform", "tweet_id"]).join(
            scores, on=["platform", "tweet_id"], how="left"
        )
        right = pl.col("outcome") == pl.col("predicted")
        return joined.with_columns(correct=pl.when(pl.col("outcome") != "flat").then(right)).select(
            *SORTS, "tweet_id"
        )

    def pages(self, asked: Asked, **how: Any) -> pl.DataFrame:
        """All pages, one behind the other."""
        found = []
        while True:
            page = find_page(self.store, self.facts, asked, **how)
            found.append(page.rows)
            assert page.rows.height <= how.get("most_rows", PAGE_ROWS)
            if page.after is None:
                return pl.concat(found)
            assert page.after != asked.after  # it goes on
            asked = replace(asked, after=page.after)


def by_hand(rows: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Filter and sort rows as an address asks."""
    same = ("platform", "symbol", "status", "split", "predicted", "outcome")
    wanted = [pl.col(name) == getattr(asked, name) for name in same if getattr(asked, name)]
    if asked.text:
        wanted.append(
            pl.col("text").str.to_lowercase().str.contains(asked.text.lower(), literal=True)
        )
    if asked.author:
        wanted.append(pl.col("author").str.to_lowercase() == asked.author.lower().removeprefix("@"))
    if asked.correct:
        wanted.append(pl.col("correct") == (asked.correct == "yes"))
    if asked.since:
        wanted.append(pl.col("posted_utc") >= pl.lit(asked.since).str.to_datetime())
    if asked.until:
        wanted.append(pl.col("posted_utc") < pl.lit(asked.until).str.to_datetime())
    wanted += [pl.col("probability") >= float(asked.low)] if asked.low else []
    wanted += [pl.col("probability") <= float(asked.high)] if asked.high else []
    if asked.sort in ("probability", "return_bps"):
        wanted.append(pl.col(asked.sort).is_not_null())
    rows = rows.filter(*wanted).with_columns(
        pl.col("symbol").fill_null(""),
        pl.col("correct").cast(pl.String).replace({"true": "yes", "false": "no"}),
        pl.col("author").fill_null(""),
    )
    down, later = (
        asked.order == "down",
        asked.sort not in ("author", "text", "probability", "return_bps"),
    )
    behind = (
        ["posted_utc", "platform", "tweet_id", "symbol"]
        if later
        else ["platform", "tweet_id", "symbol"]
    )
    order = list(dict.fromkeys([asked.sort, *behind]))
    ways = [down] + [True if later and asked.sort != "posted_utc" else down] * (len(order) - 1)
    if (
        asked.sort in behind and asked.sort != "posted_utc"
    ):  # its place behind is that of a constant
        order, ways = [asked.sort, *behind], [down] + [True] * len(behind)
        rows = rows.with_columns(pl.col(asked.sort).alias("key"))
        order[0] = "key"
    if asked.sort == "symbol":
        rows = rows.with_columns(key=pl.col("symbol").replace({"": None}))
    return rows.sort(order, descending=ways, nulls_last=True).select(*KEY)


def fill_several(store: Store, *, rules: bool) -> None:
    """Fill a database with equals and gaps: times, ids, authors, scores, and two symbols."""
    put_symbol(store, "TSLA", spacing_minutes=5)
    for day in DAYS[1:4]:
        put_bars(store, str(day), [100 + (n // 7) % 3 for n in range(390)], "TSLA")
    store.con.execute("DELETE FROM bars WHERE symbol = 'TSLA' AND minute(minute_utc) % 5 <> 0")
    fill(store)
    store.con.execute(
        "INSERT INTO tweets SELECT * REPLACE ('truthsocial' AS platform, NULL AS author) "
        "FROM tweets WHERE tweet_id % 5 = 0"
    )
    store.con.execute("UPDATE tweets SET author = 'Else%' WHERE tweet_id % 7 = 0")
    store.con.execute(
        "UPDATE tweets SET posted_utc = date_trunc('hour', posted_utc) WHERE tweet_id % 3 = 0"
    )
    store.con.execute("UPDATE predictions SET probability = round(probability, 1)")
    store.con.execute("DELETE FROM predictions WHERE tweet_id % 11 = 0")
    bounds = store.frame("SELECT * REPLACE ('all' AS model_id, 'all' AS name) FROM models")
    store.append("models", bounds)
    ensure_windows(store, [5, 30, 1_000_001])
    store.con.execute(
        "INSERT INTO predictions SELECT 'all', platform, tweet_id, i, 2, 0.5 "
        "FROM tweets, (VALUES (5), (30), (1000001)) v(i)"
    )
    for name, function, sum_to_one in (
        ("labels soft", "softmax", True),
        ("labels free", "sigmoid", False),
    ):
        put_model(
            store,
            None,
            name,
            target="label",
            classes=["c", "a", "b"],
            knows_until_utc=None,
            card=f'{{"text_model": {{"function": "{function}"}}}}',
        )
        store.con.execute(
            "INSERT INTO predictions SELECT $name, platform, tweet_id, NULL, c, "
            "CASE WHEN $sums THEN n[c] / list_sum(n) ELSE n[c] / 5 END FROM (SELECT *, "
            "[1 + hash(tweet_id, c, $name, platform) % 3 for c in range(3)] AS n FROM tweets "
            "WHERE tweet_id % 4 > 0), (VALUES (1), (2), (3)) v(c)",
            {"name": name, "sums": sum_to_one},
        )
    if rules:
        link_by_words(store)


@pytest.fixture(scope="module", params=["each", "linked"])
def archive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archive]:
    """Posts that meet both of two symbols, or those that rules link them to."""
    path = tmp_path_factory.mktemp("rows") / "rows.duckdb"
    with open_store(path) as store:
        fill_several(store, rules=request.param == "linked")
    with open_store(path, read_only=True) as store:
        yield Archive(store, read_facts(store))


def maybe(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Mostly nothing: filters that come together seldom leave a row."""
    return st.one_of(st.just(""), st.just(""), st.just(""), values)


MOMENTS = st.integers(0, 8 * 24).map(lambda hours: str(DAYS[0] + timedelta(hours=hours)))
ASKED = st.fixed_dictionaries(
    {
        "sort": st.sampled_from(SORTS),
        "order": st.sampled_from(["up", "down"]),
        "model": st.sampled_from(["m", "all", "labels soft", "labels free"]),
        "interval": st.sampled_from(["5", "30", "1d"]),
        "session": st.sampled_from(["regular", "extended"]),
        "text": maybe(st.sampled_from(["GREAT", "a", "wall 1", "%", "x_"])),
        "author": maybe(st.sampled_from(["@SomeBody", "else%", "nobody"])),
        "platform": maybe(st.sampled_from(["twitter", "truthsocial"])),
        "symbol": maybe(st.sampled_from(["SPX", "TSLA"])),
        "since": maybe(MOMENTS),
        "until": maybe(MOMENTS),
        "low": maybe(st.sampled_from(["0.25", "0.5"])),
        "high": maybe(st.sampled_from(["0.4", "0.5", "0.75"])),
        **{
            name: maybe(st.sampled_from(CHOICES[name]))
            for name in ("status", "split", "outcome", "correct")
        },
    }
)


@pytest.mark.slow
@examples(40)
@given(
    given_asked=ASKED,
    predicted=st.integers(-6, 2),
    most_rows=st.integers(40, 200),
    pieces=st.sampled_from([(9, 60.0), (60, 60.0), (60, -1.0), (200, -1.0), (2_000, 60.0)]),
)
def test_pages_are_the_rows_by_hand(
    archive: Archive,
    given_asked: dict[str, str],
    predicted: int,
    most_rows: int,
    pieces: tuple[int, float],
) -> None:
    """Whatever is asked for, and wherever pages and pieces end."""
    asked = Asked(**given_asked)
    classes = next(each.classes for each in archive.facts.models if each.model_id == asked.model)
    if 0 <= predicted < len(classes):
        asked = replace(asked, predicted=classes[predicted])
    if asked.model == "m" and asked.interval == "1d":  # it predicts no session
        asked = replace(asked, interval="5")
    first_posts, seconds = pieces
    rows = archive.pages(
        asked, most_rows=most_rows, first_posts=first_posts, budget_seconds=seconds
    )
    expected = by_hand(archive.whole(asked), asked)
    shown = rows.with_columns(pl.col("symbol").fill_null("")).select(*KEY)
    assert shown.rows() == expected.rows()


def test_calibration_is_that_of_the_report(archive: Archive) -> None:
    """Read another way, as the report's takes long over millions of posts."""
    for interval in ("5", "30", "1d"):
        minutes = int(Horizon.parse(interval))
        given = {"model_id": "all", "interval": minutes, "symbols": ["SPX", "TSLA"]}
        rows = archive.store.frame(statement("report/outcomes"), session="regular", **given)
        by_hand = rows.group_by(pl.col("probability").round(3), "session_date").agg(
            pl.len().alias("rows"), pl.col("truth").sum()
        )
        found = read_outcomes(archive.store, archive.facts, "all", interval)
        columns = ["probability", "session_date", "rows", "truth"]
        assert found.height >= 3
        assert set(found.select(columns).rows()) == set(by_hand.select(columns).rows())
    curve, p_value = read_calibration(archive.store, archive.facts, "m", "30")
    rows = archive.store.frame(
        statement("report/outcomes"), session="regular", **given | {"model_id": "m", "interval": 30}
    )
    expected, expected_p = calibration_curve(rows)
    assert_frame_equal(curve, expected, abs_tol=1e-6)
    assert p_value == expected_p

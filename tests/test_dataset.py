"""Labelled rows are the view's own directions, and no part of a split can see another."""

import random
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tweetscore.dataset import PARTS, Split, choose_symbol, labelled_rows, split_rows
from tweetscore.errors import InputError
from tweetscore.sessions import exchange_sessions
from tweetscore.store import Store
from tweetscore.windows import ensure_windows, set_rules

MINUTE = timedelta(minutes=1)
INTERVALS = (5, 30)


def add_market(store: Store, calendar: str, days: int, rng: random.Random) -> list[datetime]:
    """Bars of whole points with quiet minutes, over so many days; returns their minutes."""
    sessions = exchange_sessions(calendar, date(2018, 6, 1), date(2018, 12, 31)).head(days)
    price = 4_096.0
    rows: list[tuple[Any, ...]] = []
    for opens, closes in sessions.select("open_utc", "close_utc").iter_rows():
        minute = opens - 20 * MINUTE  # bars begin before the session, for those that have a pause
        while minute < closes:
            first, price = price, 4_096.0 + rng.randrange(4)
            if rng.random() < 0.8 and (not rows or minute > rows[-1][0]):
                rows.append((minute, first, max(first, price), min(first, price), price))
            minute += MINUTE
    names = ["minute_utc", "open", "high", "low", "close"]
    bars = pl.DataFrame(rows, schema=names, orient="row")
    store.append("symbols", pl.DataFrame({"symbol": ["SPX"], "calendar": [calendar]}))
    store.append("bars", bars.with_columns(symbol=pl.lit("SPX"), source_id=1))
    return [row[0] for row in rows]


def add_tweets(store: Store, times: Sequence[datetime], rng: random.Random) -> None:
    rows = [
        {
            "platform": "twitter", "tweet_id": place, "author": "somebody", "posted_utc": posted,
            "text": f"word{rng.randrange(len(times))}", "source_id": 1,
            "retweet_count": rng.choice((None, 1, 2)), "favorite_count": rng.choice((None, 3)),
        }
        for place, posted in enumerate(times)
    ]  # fmt: skip
    store.append("tweets", pl.DataFrame(rows))


def add_predictions(store: Store, split: Split | None = None) -> None:
    dates = asdict(split) if split else {}
    dates.pop("train_until_utc", None)  # what a card holds and the database does not
    row = {"model_id": "hand", "name": "hand", "uses_counts": False, "card": "{}", **dates}
    store.append("models", pl.DataFrame([row]))
    store.con.execute(
        "INSERT INTO predictions SELECT 'hand', platform, tweet_id, unnest($intervals), 0.75 "
        "FROM tweets",
        {"intervals": list(INTERVALS)},
    )


def random_posts(rng: random.Random, minutes: Sequence[datetime], count: int) -> list[datetime]:
    return [
        minute + timedelta(seconds=rng.randrange(-90, 90)) for minute in rng.sample(minutes, count)
    ]


# ---- Labelled rows ------------------------------------------------------------------------------


@pytest.mark.parametrize("session", ["regular", "extended"])
@pytest.mark.parametrize("flat_bps", [0.0, 10_000 / 4_096])  # a move of one point, to the last bit
def test_labels_are_the_directions_of_the_view_and_flat_ones_are_left_out(
    store: Store, session: str, flat_bps: float
) -> None:
    rng = random.Random(0)
    minutes = add_market(store, "XNYS", 6, rng)
    add_tweets(store, random_posts(rng, minutes, 400), rng)
    set_rules(store, max_gap_minutes=None, flat_bps=flat_bps)
    ensure_windows(store, INTERVALS)
    add_predictions(store)
    rows = labelled_rows(store, "SPX", session, INTERVALS, with_counts=False)
    labels = {
        (row["tweet_id"], minutes): (row[f"label_{minutes}"], row[f"exit_{minutes}"])
        for row in rows.iter_rows(named=True)
        for minutes in INTERVALS
        if row[f"label_{minutes}"] is not None
    }
    assert labels == {
        (tweet, minutes): (direction == "up", minute + minutes * MINUTE)
        for tweet, minutes, direction, minute in store.rows(
            "SELECT tweet_id, interval_minutes, direction, minute_utc FROM scored_all "
            "WHERE session = $session AND direction IN ('up', 'down')",
            session=session,
        )
    }
    # One row a tweet with any label, none without, in order of posting.
    assert rows["tweet_id"].n_unique() == rows.height == len({tweet for tweet, _ in labels})
    assert rows["posted_utc"].is_sorted()
    assert store.rows("SELECT 1 FROM scored_all WHERE direction = 'flat' LIMIT 1") == [(1,)]


def test_a_labelled_row_names_its_session(store: Store) -> None:
    rng = random.Random(1)
    minutes = add_market(store, "XNYS", 3, rng)
    add_tweets(store, random_posts(rng, minutes, 100), rng)
    ensure_windows(store)
    rows = labelled_rows(store, "SPX", "regular", [5], with_counts=False)
    assert set(rows.select("session_date", "close_utc").rows()) == {
        (date(2018, 6, day), datetime(2018, 6, day, 20)) for day in (1, 4, 5)
    }
    assert (rows["posted_utc"].dt.date() == rows["session_date"]).all()


def test_a_model_with_counts_learns_from_tweets_that_have_both(store: Store) -> None:
    rng = random.Random(2)
    minutes = add_market(store, "XNYS", 3, rng)
    add_tweets(store, random_posts(rng, minutes, 200), rng)
    ensure_windows(store)
    every = labelled_rows(store, "SPX", "regular", [5], with_counts=False)
    counted = labelled_rows(store, "SPX", "regular", [5], with_counts=True)
    assert counted.rows() == every.drop_nulls(["retweet_count", "favorite_count"]).rows()
    assert 0 < counted.height < every.height


def test_a_symbol_must_be_named_only_where_there_are_several(store: Store) -> None:
    with pytest.raises(InputError, match="holds no bars; ingest minute bars first"):
        choose_symbol(store, None)
    store.append("symbols", pl.DataFrame({"symbol": ["SPX"], "calendar": ["XNYS"]}))
    assert choose_symbol(store, None) == choose_symbol(store, "SPX") == "SPX"
    with pytest.raises(InputError, match="no bars of DAX; it has SPX"):
        choose_symbol(store, "DAX")
    store.append("symbols", pl.DataFrame({"symbol": ["DAX"], "calendar": ["XETR"]}))
    with pytest.raises(InputError, match="has bars of DAX, SPX; choose one with --symbol DAX"):
        choose_symbol(store, None)
    assert choose_symbol(store, "SPX") == "SPX"


# ---- The split ----------------------------------------------------------------------------------

FIRST_DAY = date(2018, 6, 1)


def row_of(day: int, tweet: int, tokens: Sequence[str], reach: Sequence[int | None]) -> Any:
    """A tweet of a day whose windows reach so many minutes on; None is a window without a label."""
    opens = datetime(2018, 6, 1, 14, 30) + timedelta(days=day)
    posted = opens + timedelta(seconds=tweet % 20_000)
    row = {
        "platform": "twitter", "tweet_id": tweet, "posted_utc": posted,
        "session_date": FIRST_DAY + timedelta(days=day),
        "close_utc": opens + timedelta(hours=6.5), "tokens": list(tokens),
    }  # fmt: skip
    for minutes, reached in zip(INTERVALS, reach, strict=True):
        row[f"label_{minutes}"] = None if reached is None else tweet % 2 == 0
        row[f"exit_{minutes}"] = None if reached is None else posted + reached * MINUTE
    return row


SCHEMA = {
    "platform": pl.String(), "tweet_id": pl.Int64(), "posted_utc": pl.Datetime("us"),
    "session_date": pl.Date(), "close_utc": pl.Datetime("us"), "tokens": pl.List(pl.String()),
    "label_5": pl.Boolean(), "exit_5": pl.Datetime("us"),
    "label_30": pl.Boolean(), "exit_30": pl.Datetime("us"),
}  # fmt: skip


def frame_of(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def distinct(days: int, each: int = 5) -> pl.DataFrame:
    """So many tweets on each day, no two alike."""
    tweets = [(day, day * each + place) for day in range(days) for place in range(each)]
    return frame_of([row_of(day, tweet, [f"t{tweet}"], INTERVALS) for day, tweet in tweets])


def days_of(rows: pl.DataFrame, part: str) -> list[int]:
    found = rows.filter(pl.col("part") == part)["session_date"].unique().sort()
    return [(day - FIRST_DAY).days for day in found]


def test_parts_follow_one_another_with_one_embargoed_day_before_each_boundary() -> None:
    rows = distinct(100)
    split, parts = split_rows(rows, INTERVALS)
    assert {part: days_of(parts, part) for part in PARTS} == {
        "train": list(range(69)),  # 70 days, the last of them embargoed
        "validation": list(range(70, 84)),
        "test": list(range(85, 100)),
    }
    close = rows["close_utc"].unique().sort()
    assert split == Split(
        train_from_utc=rows["posted_utc"][0],
        train_until_utc=close[68],
        validation_from_utc=close[69],
        test_from_utc=close[84],
        test_until_utc=close[99],
    )


def test_shares_are_of_rows_and_not_of_days() -> None:
    busy = [
        row_of(day, day * 100 + k, [f"{day} {k}"], INTERVALS)
        for day in range(10)
        for k in range(70)
    ]
    quiet = [row_of(day, day * 100, [f"{day}"], INTERVALS) for day in range(10, 310)]
    _, parts = split_rows(frame_of(busy + quiet), INTERVALS)
    assert days_of(parts, "train") == list(range(9))
    assert days_of(parts, "validation") == list(range(10, 159))
    assert days_of(parts, "test") == list(range(160, 310))


def test_a_label_that_reaches_past_its_part_is_none_and_a_row_without_labels_goes() -> None:
    to_boundary = 24 * 60 + 390  # from the open of a part's last day to the close of the next
    odd = [
        row_of(68, 0, ["a"], [5, to_boundary]),
        row_of(68, 0, ["b"], [5, to_boundary + 1]),
        row_of(68, 0, ["c"], [to_boundary + 1, to_boundary + 1]),
        row_of(68, 0, ["d"], [to_boundary + 1, None]),
        row_of(83, 0, ["e"], [to_boundary, to_boundary + 1]),
        row_of(99, 0, ["f"], [to_boundary, to_boundary + 1]),
    ]
    _, parts = split_rows(pl.concat([distinct(100), frame_of(odd)]), INTERVALS)
    kept = parts.filter(pl.col("tokens").list.first().is_in(list("abcdef")))
    assert kept.select(pl.col("tokens").list.first(), "part", "label_5", "label_30").rows() == [
        ("a", "train", True, True),
        ("b", "train", True, None),
        ("e", "validation", True, None),
        ("f", "test", True, True),
    ]


def test_of_a_text_in_two_parts_the_earlier_copies_go() -> None:
    copies = {"a": (1, 2, 75), "b": (3, 90), "c": (4, 5), "d": (6, 68)}
    places = [(day, word) for word, days in copies.items() for day in days]
    odd = [row_of(day, 0, ["same", word], INTERVALS) for day, word in places]
    _, parts = split_rows(pl.concat([distinct(100), frame_of(odd)]), INTERVALS)
    kept = parts.filter(pl.col("tokens").list.first() == "same")
    assert kept.select(pl.col("tokens").list.last(), "part").rows() == [
        ("a", "validation"),
        ("b", "test"),
        ("c", "train"),
        ("c", "train"),
        ("d", "train"),  # its other copy was embargoed: nobody sees that one
    ]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=24, max_size=60),
    st.randoms(use_true_random=False),
)
def test_no_part_can_see_another(tweets_a_day: list[int], rng: random.Random) -> None:
    reaches = [None, 5, 300, 400, 1500, 3000, 10_000]
    rows = frame_of(
        [
            row_of(day, day * 10 + place, tokens, [rng.choice(reaches), rng.choice(reaches)])
            for day, count in enumerate(tweets_a_day)
            for place in range(count)
            for tokens in [[f"w{rng.randrange(40)}" for _ in range(rng.choice((1, 2)))]]
        ]
    )
    try:
        split, parts = split_rows(rows.sample(fraction=1, shuffle=True, seed=1), INTERVALS)
    except InputError:
        return
    days = rows["session_date"].unique().sort().to_list()
    place = {
        part: [days.index(day) for day in found["session_date"]]
        for (part,), found in parts.group_by("part")
    }
    assert set(place) == set(PARTS)
    assert max(place["train"]) + 2 <= min(place["validation"])
    assert max(place["validation"]) + 2 <= min(place["test"])
    texts = parts.group_by(pl.col("tokens").list.join(" ")).agg(pl.col("part").n_unique())
    assert texts["part"].max() == 1
    ends = {
        "train": split.validation_from_utc,
        "validation": split.test_from_utc,
        "test": datetime.max,
    }
    before = {row["tweet_id"]: row for row in rows.iter_rows(named=True)}
    for row in parts.iter_rows(named=True):
        whole = before[row["tweet_id"]]
        for minutes in INTERVALS:
            exit_utc = whole[f"exit_{minutes}"]
            reached = exit_utc is not None and exit_utc <= ends[row["part"]]
            assert row[f"label_{minutes}"] == (whole[f"label_{minutes}"] if reached else None)
        assert row["label_5"] is not None or row["label_30"] is not None
    train = parts.filter(pl.col("part") == "train")
    assert train["posted_utc"].min() >= split.train_from_utc  # type: ignore[operator]  # a column of times
    assert train["posted_utc"].max() < split.train_until_utc  # type: ignore[operator]  # a column of times


@pytest.mark.parametrize(
    ("calendar", "session"), [("XNYS", "regular"), ("XNYS", "extended"), ("24/7", "regular")]
)
def test_the_moments_of_the_card_give_back_the_parts_in_the_view(
    store: Store, calendar: str, session: str
) -> None:
    rng = random.Random(3)
    minutes = add_market(store, calendar, 24, rng)
    edges = [minute for minute in minutes if minute.hour == 0 and minute.minute < 2]
    posts = random_posts(rng, minutes, 500)
    # Around the clock, a tweet of a day's last seconds enters the next day's session.
    posts += [edge - timedelta(seconds=second) for edge in edges for second in (90, 30, 1, 0)]
    add_tweets(store, posts, rng)
    ensure_windows(store)
    rows = labelled_rows(store, "SPX", session, INTERVALS, with_counts=False)
    rows = rows.with_columns(tokens=pl.col("text").str.split(" "))
    split, parts = split_rows(rows, INTERVALS)
    add_predictions(store, split)
    view = dict(store.rows("SELECT DISTINCT tweet_id, split FROM scored_all"))
    assert len(view) == len(posts)
    part = dict(parts.select("tweet_id", "part").iter_rows())
    assert {tweet: view[tweet] for tweet in part} == part
    assert set(part.values()) == set(PARTS)
    # What was embargoed, purged or a copy was not learned from, but lies before what was not seen.
    days = parts.group_by("part").agg(pl.col("session_date").min())
    first = dict(days.iter_rows())
    for tweet, day in rows.select("tweet_id", "session_date").iter_rows():
        if day < first["validation"]:
            assert view[tweet] == "train"
        elif day < first["test"]:
            assert view[tweet] == "validation"


@pytest.mark.parametrize("days", [0, 1, 6, 10, 15])
def test_too_few_trading_days_are_refused(days: int) -> None:
    with pytest.raises(InputError) as refusal:
        split_rows(distinct(days), INTERVALS)
    assert str(refusal.value) == (
        f"only {days * 5} labelled tweets on {days} trading days; training needs tweets on at "
        "least 20 trading days inside the bars, so ingest more of either"
    )


def test_twenty_trading_days_are_enough() -> None:
    _, parts = split_rows(distinct(20, each=1), INTERVALS)
    assert [len(days_of(parts, part)) for part in PARTS] == [13, 2, 3]


def test_a_part_that_holds_only_texts_of_later_parts_is_refused() -> None:
    rows = distinct(100)
    copies = rows.with_columns(
        tokens=pl.when(pl.col("session_date") < date(2018, 8, 11))
        .then(pl.lit(["same"]))
        .when(pl.col("session_date") > date(2018, 9, 1))
        .then(pl.lit(["same"]))
        .otherwise("tokens")
    )
    with pytest.raises(InputError, match="no tweet is left in the train part"):
        split_rows(copies, INTERVALS)

"""Labelled rows are the view's own directions, and no part of a split can see another."""

import random
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from tiny import OF_DIRECTION, put_symbol

from tweetscore.errors import InputError
from tweetscore.market.sessions import exchange_sessions
from tweetscore.market.symbols import choose_symbol
from tweetscore.market.targets import Target, kind_of
from tweetscore.market.windows import ensure_windows, set_rules
from tweetscore.store.database import Store
from tweetscore.training.dataset import market_rows, with_labels
from tweetscore.training.split import (
    PARTS,
    Split,
    random_split,
    same_text,
    split_rows,
    walk_forward,
)

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
    put_symbol(store, "SPX", calendar)
    store.append("bars", bars.with_columns(symbol=pl.lit("SPX"), source_id=1))
    return [row[0] for row in rows]


def add_tweets(store: Store, times: Sequence[datetime], rng: random.Random) -> None:
    rows = [
        {
            "platform": "twitter",
            "tweet_id": place,
            "author": "somebody",
            "posted_utc": posted,
            "text": f"word{rng.randrange(len(times))}",
            "source_id": 1,
            "retweet_count": rng.choice((None, 1, 2)),
            "favorite_count": rng.choice((None, 3)),
        }
        for place, posted in enumerate(times)
    ]
    store.append("tweets", pl.DataFrame(rows))


def add_predictions(store: Store, split: Split | None = None) -> None:
    dates = asdict(split) if split else {}
    dates.pop("train_until_utc", None)  # what a card holds and the database does not
    row = {"model_id": "hand", "name": "hand", "uses_counts": False, "card": "{}", **OF_DIRECTION}
    row |= dates
    store.append("models", pl.DataFrame([row]))
    store.con.execute(
        "INSERT INTO predictions SELECT 'hand', platform, tweet_id, unnest($intervals), 2, 0.75 "
        "FROM tweets",
        {"intervals": list(INTERVALS)},
    )


def random_posts(rng: random.Random, minutes: Sequence[datetime], count: int) -> list[datetime]:
    return [
        minute + timedelta(seconds=rng.randrange(-90, 90)) for minute in rng.sample(minutes, count)
    ]


# ---- Labelled rows ------------------------------------------------------------------------------


@pytest.mark.parametrize("session", ["regular", pytest.param("extended", marks=pytest.mark.slow)])
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
    rows = market_rows(store, ["SPX"], session, INTERVALS, with_counts=False)
    labels = {
        (row["tweet_id"], minutes): (row[f"outcome_{minutes}"] > 0, row[f"exit_{minutes}"])
        for row in rows.iter_rows(named=True)
        for minutes in INTERVALS
        if row[f"outcome_{minutes}"] is not None
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
    rows = market_rows(store, ["SPX"], "regular", [5], with_counts=False)
    assert set(rows.select("session_date", "close_utc").rows()) == {
        (date(2018, 6, day), datetime(2018, 6, day, 20)) for day in (1, 4, 5)
    }
    assert (rows["posted_utc"].dt.date() == rows["session_date"]).all()


def test_a_model_with_counts_learns_from_tweets_that_have_both(store: Store) -> None:
    rng = random.Random(2)
    minutes = add_market(store, "XNYS", 3, rng)
    add_tweets(store, random_posts(rng, minutes, 200), rng)
    ensure_windows(store)
    every = market_rows(store, ["SPX"], "regular", [5], with_counts=False)
    counted = market_rows(store, ["SPX"], "regular", [5], with_counts=True)
    assert counted.rows() == every.drop_nulls(["retweet_count", "favorite_count"]).rows()
    assert 0 < counted.height < every.height


def test_a_symbol_must_be_named_only_where_there_are_several(store: Store) -> None:
    with pytest.raises(InputError, match="holds no bars; ingest minute bars first"):
        choose_symbol(store, None)
    put_symbol(store, "SPX", "XNYS")
    assert choose_symbol(store, None) == choose_symbol(store, "SPX") == "SPX"
    assert choose_symbol(store, "spx") == choose_symbol(store, "s-px") == "SPX"
    with pytest.raises(InputError, match="no bars of DAX; it has SPX"):
        choose_symbol(store, "DAX")
    put_symbol(store, "DAX", "XETR")
    with pytest.raises(InputError, match="has bars of DAX, SPX; choose one with --symbol DAX"):
        choose_symbol(store, None)
    assert choose_symbol(store, "SPX") == "SPX"
    put_symbol(store, "BRK.B", "XNYS")
    assert choose_symbol(store, "brk-b") == "BRK.B"


# ---- The split ----------------------------------------------------------------------------------

FIRST_DAY = date(2018, 6, 1)


def row_of(day: int, tweet: int, tokens: Sequence[str], reach: Sequence[int | None]) -> Any:
    """A tweet of a day whose windows reach so many minutes on; None is a window without a label."""
    opens = datetime(2018, 6, 1, 14, 30) + timedelta(days=day)
    posted = opens + timedelta(seconds=tweet % 20_000)
    row = {
        "platform": "twitter",
        "tweet_id": tweet,
        "posted_utc": posted,
        "session_date": FIRST_DAY + timedelta(days=day),
        "close_utc": opens + timedelta(hours=6.5),
        "tokens": list(tokens),
    }
    for minutes, reached in zip(INTERVALS, reach, strict=True):
        row[f"outcome_{minutes}"] = None if reached is None else (-1.0) ** tweet
        row[f"exit_{minutes}"] = None if reached is None else posted + reached * MINUTE
    return row


SCHEMA = {
    "platform": pl.String(),
    "tweet_id": pl.Int64(),
    "posted_utc": pl.Datetime("us"),
    "session_date": pl.Date(),
    "close_utc": pl.Datetime("us"),
    "tokens": pl.List(pl.String()),
    "outcome_5": pl.Float64(),
    "exit_5": pl.Datetime("us"),
    "outcome_30": pl.Float64(),
    "exit_30": pl.Datetime("us"),
}


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
    assert kept.select(pl.col("tokens").list.first(), "part", "outcome_5", "outcome_30").rows() == [
        ("a", "train", 1.0, 1.0),
        ("b", "train", 1.0, None),
        ("e", "validation", 1.0, None),
        ("f", "test", 1.0, 1.0),
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


@examples(30)
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
            assert row[f"outcome_{minutes}"] == (whole[f"outcome_{minutes}"] if reached else None)
        assert row["outcome_5"] is not None or row["outcome_30"] is not None
    train = parts.filter(pl.col("part") == "train")
    assert train["posted_utc"].min() >= split.train_from_utc  # type: ignore[operator]  # a column of times
    assert train["posted_utc"].max() < split.train_until_utc  # type: ignore[operator]  # a column of times


@pytest.mark.parametrize(
    ("calendar", "session"), [("XNYS", "regular"), ("XNYS", "extended"), ("24/7", "regular")]
)
@pytest.mark.slow
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
    rows = market_rows(store, ["SPX"], session, INTERVALS, with_counts=False)
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
        "least 20 trading days with bars, so ingest more tweets or bars"
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
    with pytest.raises(InputError, match="no text is left in the train part"):
        split_rows(copies, INTERVALS)


# ---- Moves and what was before ------------------------------------------------------------------


@pytest.mark.parametrize("flat_bps", [0.0, 10_000 / 4_096])
def test_a_flat_window_is_no_direction_but_it_is_no_move(store: Store, flat_bps: float) -> None:
    rng = random.Random(4)
    minutes = add_market(store, "XNYS", 4, rng)
    add_tweets(store, random_posts(rng, minutes, 300), rng)
    set_rules(store, max_gap_minutes=None, flat_bps=flat_bps)
    ensure_windows(store, INTERVALS)
    found = {
        target: {
            (row["tweet_id"], n): row[f"outcome_{n}"]
            for row in market_rows(
                store,
                ["SPX"],
                "regular",
                INTERVALS,
                with_counts=False,
                keep_flat=kind_of(target).keeps_flat,
            ).iter_rows(named=True)
            for n in INTERVALS
            if row[f"outcome_{n}"] is not None
        }
        for target in ("direction", "move")
    }
    add_predictions(store)
    query = "SELECT tweet_id, interval_minutes, return_bps FROM scored WHERE status = 'ok'"
    every = {(tweet, n): bps for tweet, n, bps in store.rows(query)}
    assert found["move"] == every
    assert found["direction"] == {at: bps for at, bps in every.items() if abs(bps) > flat_bps}
    assert 0.0 in every.values()


def price_at(bars: dict[datetime, Any], opens: datetime, minute: datetime) -> float | None:
    """The last price known at a minute of a session: the open at its start, else a bar's close."""
    for age in range(6):  # a price older than five minutes is none
        known = minute - age * MINUTE
        if known == opens and known in bars:
            return float(bars[known]["open"])
        if known > opens and known - MINUTE in bars:
            return float(bars[known - MINUTE]["close"])
    return None


def test_past_is_the_return_of_as_many_minutes_before_the_entry(store: Store) -> None:
    rng = random.Random(5)
    minutes = add_market(store, "XNYS", 5, rng)
    add_tweets(store, random_posts(rng, minutes, 500), rng)
    ensure_windows(store, INTERVALS)
    rows = market_rows(store, ["SPX"], "regular", INTERVALS, with_counts=False)
    stored = store.frame("SELECT minute_utc, open, close FROM bars")
    bars = {bar["minute_utc"]: bar for bar in stored.iter_rows(named=True)}
    sessions = exchange_sessions("XNYS", date(2018, 6, 1), date(2018, 6, 30))
    opens_of = dict(sessions.select("session_date", "open_utc").iter_rows())
    found = {"known": 0, "before the open": 0, "without a price": 0}
    for row in rows.iter_rows(named=True):
        opens, posted = opens_of[row["session_date"]], row["posted_utc"]
        entry = posted.replace(second=0) + (MINUTE if posted.second else 0 * MINUTE)
        for n in INTERVALS:
            if row[f"outcome_{n}"] is None:
                assert row[f"past_{n}"] is None
                continue
            first = price_at(bars, opens, entry - n * MINUTE)
            last = price_at(bars, opens, entry)
            if entry - n * MINUTE < opens:
                assert row[f"past_{n}"] is None
                found["before the open"] += 1
            elif first is None or last is None:
                assert row[f"past_{n}"] is None
                found["without a price"] += 1
            else:
                assert row[f"past_{n}"] == pytest.approx((last / first - 1) * 10_000, abs=1e-9)
                found["known"] += 1
    assert found["known"] > 200
    assert found["before the open"] > 10


# ---- Walking forward ----------------------------------------------------------------------------


def test_folds_of_100_days_are_these() -> None:
    found = [
        [days_of(parts, part) for part in PARTS]
        for _, parts in walk_forward(distinct(100), INTERVALS, 5)
    ]
    assert found == [
        [
            list(range(until - 31)),
            list(range(until - 30, until - 16)),
            list(range(until - 15, until)),
        ]
        for until in (40, 55, 70, 85, 100)
    ]


@pytest.mark.parametrize("folds", [1, 2, 5])
def test_the_last_fold_is_the_split_of_all_rows(folds: int) -> None:
    rows = distinct(100)
    *before, (split, parts) = walk_forward(rows, INTERVALS, folds)
    expected_split, expected = split_rows(rows, INTERVALS)
    assert len(before) == folds - 1
    assert split == expected_split
    assert parts.rows() == expected.rows()


def test_the_moments_of_a_fold_are_those_of_its_own_days() -> None:
    rows = distinct(100)
    close = rows["close_utc"].unique().sort()
    assert [split for split, _ in walk_forward(rows, INTERVALS, 2)] == [
        Split(
            rows["posted_utc"][0],
            close[until - 32],
            close[until - 31],
            close[until - 16],
            close[until - 1],
        )
        for until in (85, 100)
    ]


@examples(25)
@given(
    st.lists(st.integers(0, 5), min_size=40, max_size=80),
    st.integers(2, 5),
    st.randoms(use_true_random=False),
)
def test_test_parts_follow_one_another_and_a_fold_knows_nothing_of_what_comes_after_it(
    tweets_a_day: list[int], folds: int, rng: random.Random
) -> None:
    tweets = [(day, place) for day, count in enumerate(tweets_a_day) for place in range(count)]
    rows = frame_of(
        [row_of(day, day * 10 + k, [f"t{day * 10 + k}"], INTERVALS) for day, k in tweets]
    )
    try:
        found = list(walk_forward(rows, INTERVALS, folds))
    except InputError:
        return
    tested = [parts.filter(pl.col("part") == "test")["tweet_id"].to_list() for _, parts in found]
    first = days_of(found[0][1], "test")[0]
    # Each row from the first fold's test part on is tested once, in their order.
    assert [tweet for fold in tested for tweet in fold] == [
        day * 10 + k for day, k in tweets if day >= first
    ]
    for split, parts in found:
        last_train, first_validation = days_of(parts, "train")[-1], days_of(parts, "validation")[0]
        last_validation, first_test = days_of(parts, "validation")[-1], days_of(parts, "test")[0]
        posted = sorted({day for day, _ in tweets})
        assert posted.index(first_validation) == posted.index(last_train) + 2
        assert posted.index(first_test) == posted.index(last_validation) + 2
        late = pl.col("posted_utc") >= split.test_until_utc
        token = pl.lit([f"t{rng.choice(tweets)[0] * 10}"])
        changed = rows.with_columns(
            tokens=pl.when(late).then(token).otherwise("tokens"),
            outcome_5=pl.when(late).then(None).otherwise("outcome_5"),
        )
        place = folds - 1 - [each for each, _ in found].index(split)
        assert split_rows(changed, INTERVALS, 100 - 15 * place)[1].rows() == parts.rows()


def test_a_fold_with_too_few_days_before_it_is_refused() -> None:
    assert len(list(walk_forward(distinct(30), INTERVALS, 5))) == 5
    with pytest.raises(InputError, match="only 100 labelled tweets on 20 trading days"):
        list(walk_forward(distinct(20), INTERVALS, 5))


# ---- One text -----------------------------------------------------------------------------------


def one_text(tokens: Sequence[str]) -> tuple[str, ...]:
    """What two texts share that are one, in plain Python."""
    own = tokens[1:] if tokens[:1] == ["rt"] else tokens
    return tuple(own[:10])


LONG = [f"w{n}" for n in range(14)]


def test_a_retweet_and_what_it_passes_on_are_one_text() -> None:
    texts = [
        LONG,
        ["rt", *LONG],
        ["rt", *LONG[:10], "cut"],  # Twitter cut its end off
        [*LONG[:9], "other", *LONG[10:]],
        LONG[:9],
        ["rt", "rt", *LONG],
        ["rt"],
        ["a", "b"],
        ["rt", "a", "b"],
        ["ab"],
        ["a", "rt", "b"],
    ]
    rows = frame_of([row_of(0, n, tokens, INTERVALS) for n, tokens in enumerate(texts)])
    same = rows.select(same_text())["tokens"].to_list()
    assert [same.index(each) for each in same] == [0, 0, 0, 3, 4, 5, 6, 7, 7, 9, 10]


def test_the_earlier_of_a_text_and_its_retweet_goes() -> None:
    odd = [
        row_of(3, 0, ["rt", "a", "b"], INTERVALS),
        row_of(90, 0, ["a", "b"], INTERVALS),
        row_of(4, 0, LONG, INTERVALS),
        row_of(75, 0, ["rt", *LONG[:10], "cut"], INTERVALS),
    ]
    _, parts = split_rows(pl.concat([distinct(100), frame_of(odd)]), INTERVALS)
    kept = parts.filter(pl.col("tokens").list.len() > 1)
    assert kept.select("part", pl.col("tokens").list.first()).rows() == [
        ("test", "a"),
        ("validation", "rt"),
    ]


# ---- Rows without times -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "shares"),
    [(7, (5, 1, 1)), (13, (11, 1, 1)), (14, (10, 2, 2)), (100, (70, 15, 15)), (119, (85, 17, 17))],
)
def test_rows_without_times_are_cut_70_to_15_to_15(texts: int, shares: tuple[int, ...]) -> None:
    rows = pl.DataFrame({"tokens": [[f"t{n}"] for n in range(texts)], "label": range(texts)})
    parts = random_split(rows, seed=1)
    assert tuple((parts["part"] == part).sum() for part in PARTS) == shares
    assert parts.drop("part").rows() == rows.rows()


@given(
    st.lists(
        st.lists(st.sampled_from(["rt", "a", "b", "c"]), min_size=1, max_size=12),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 5),
)
def test_copies_of_a_text_fall_into_one_part_and_no_row_is_lost(
    texts: list[list[str]], seed: int
) -> None:
    rows = pl.DataFrame({"tokens": texts, "row": range(len(texts))})
    distinct_texts = {one_text(tokens) for tokens in texts}
    if len(distinct_texts) < 7:
        with pytest.raises(InputError) as refusal:
            random_split(rows, seed)
        assert str(refusal.value) == (
            f"only {len(distinct_texts)} different texts; training needs at least 7, "
            "so give more rows"
        )
        return
    parts = random_split(rows, seed)
    assert parts.drop("part").rows() == rows.rows()
    part_of = {one_text(tokens): part for tokens, part in zip(texts, parts["part"], strict=True)}
    assert [part_of[one_text(tokens)] for tokens in texts] == parts["part"].to_list()
    few = len(distinct_texts) * 15 // 100
    assert [list(part_of.values()).count(part) for part in PARTS[1:]] == [few, few]


def test_the_same_seed_gives_the_same_cut() -> None:
    rows = pl.DataFrame({"tokens": [[f"t{n}"] for n in range(60)]})
    first, again, other = (random_split(rows, seed)["part"].to_list() for seed in (3, 3, 4))
    assert first == again != other


# ---- Classes ------------------------------------------------------------------------------------


def outcomes_of(part: str, values: Sequence[float | None]) -> pl.DataFrame:
    """Rows of one interval, the minutes before having been twice as wild the other way."""
    past = [None if value is None else -2 * value for value in values]
    schema = {"part": pl.String, "outcome_5": pl.Float64, "past_5": pl.Float64}
    columns = {"part": [part] * len(values), "outcome_5": values, "past_5": past}
    return pl.DataFrame(columns, schema)


def test_directions_are_the_signs_of_outcomes() -> None:
    rows = pl.DataFrame(
        {
            "outcome_5": [-1.5, 0.25, None, 3.0],
            "past_5": [0.0, -0.5, 1.0, None],
            "outcome_30": [1.0, None, -1.0, -0.5],
            "past_30": [None, 4.0, 0.0, 2.0],
        }
    )
    labelled, thresholds = with_labels(rows, INTERVALS, Target())
    assert labelled.drop(rows.columns).to_dict(as_series=False) == {
        "label_5": [0, 1, None, 1],
        "momentum_5": [None, 0, 1, None],
        "label_30": [1, None, 0, 0],
        "momentum_30": [None, 1, None, 1],
    }
    assert thresholds == {}


@pytest.mark.parametrize(
    ("quantile", "threshold", "labels", "momentum"),
    [
        (0.5, 3.0, [0, 0, 0, 1, 1, None], [0, 1, 1, 1, 1, None]),
        (0.25, 2.0, [0, 0, 1, 1, 1, None], [0, 1, 1, 1, 1, None]),
        (0.75, 4.0, [0, 0, 0, 0, 1, None], [0, 0, 1, 1, 1, None]),
        (1.0, 5.0, [0, 0, 0, 0, 0, None], [0, 0, 1, 1, 1, None]),
    ],
)
def test_a_move_lies_above_the_quantile_of_the_training_part(
    quantile: float, threshold: float, labels: list[int | None], momentum: list[int | None]
) -> None:
    train = outcomes_of("train", [1.0, -2.0, 3.0, -4.0, 5.0, None])
    target = Target.of_market("move", quantile)
    assert target.classes == ("still", "move")
    for others in ([0.0, 0.0], [1_000.0, -1_000.0, 7.0], [None]):
        rows = pl.concat([train, outcomes_of("validation", others), outcomes_of("test", others)])
        labelled, thresholds = with_labels(rows, [5], target)
        assert thresholds == {5: threshold}
        assert labelled["label_5"].to_list()[:6] == labels
        assert labelled["momentum_5"].to_list()[:6] == momentum
        assert labelled["label_5"].to_list()[6:] == [
            None if value is None else int(abs(value) > threshold) for value in [*others, *others]
        ]


def test_each_interval_has_a_threshold_of_its_own() -> None:
    rows = outcomes_of("train", [1.0, -2.0, 3.0]).with_columns(
        outcome_30=pl.col("outcome_5") * 10, past_30=pl.lit(15.0)
    )
    labelled, thresholds = with_labels(rows, INTERVALS, Target.of_market("move"))
    assert thresholds == {5: 2.0, 30: 20.0}
    assert labelled["label_30"].to_list() == [0, 0, 1]
    assert labelled["momentum_30"].to_list() == [0, 0, 0]


def test_own_labels_stay_as_they_are() -> None:
    rows = pl.DataFrame({"part": ["train"] * 4, "outcome_0": [2, 0, None, 1]})
    labelled, thresholds = with_labels(rows, [0], Target("label", ("a", "b", "c")))
    assert labelled["label_0"].to_list() == [2, 0, None, 1]
    assert labelled.columns == ["part", "outcome_0", "label_0"]
    assert thresholds == {}

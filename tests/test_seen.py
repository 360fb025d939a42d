"""What a model may have seen: the date that is said, and which posts are then outside."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from results import put_model, put_predictions
from tiny import put_tweets

from tweetscore.errors import InputError
from tweetscore.scoring.predictions import register_card
from tweetscore.scoring.seen import seen_until
from tweetscore.store.database import memory_store, open_store

KNOWN = datetime(2021, 7, 1, 12)
DATES = [datetime(2021, 6, 1), datetime(2021, 6, 10), datetime(2021, 6, 20), datetime(2021, 6, 30)]


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ("2021", datetime(2022, 1, 1)),
        ("2021-02", datetime(2021, 3, 1)),
        ("2021-12", datetime(2022, 1, 1)),
        (" 2021-06-30 ", datetime(2021, 7, 1)),
        ("2021-06-30T12:00", datetime(2021, 6, 30, 12)),
        ("2021-06-30 12:00+02:00", datetime(2021, 6, 30, 10)),
        ("2021-06-30T12:00Z", datetime(2021, 6, 30, 12)),
        (date(2021, 6, 30), datetime(2021, 7, 1)),
        (datetime(2021, 6, 30), datetime(2021, 6, 30)),
        (datetime(2021, 6, 30, tzinfo=UTC), datetime(2021, 6, 30)),
        (datetime(2021, 6, 30, tzinfo=timezone(timedelta(hours=-4))), datetime(2021, 6, 30, 4)),
    ],
)
def test_a_day_month_or_year_counts_to_its_end(said: str | date, until: datetime) -> None:
    assert seen_until(said) == until


@pytest.mark.parametrize("said", ["", "soon", "21", "2021-13", "2021-02-30", "30.06.2021", "9999"])
def test_what_is_no_date_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="is no date; write it as in 2021-06-30") as refused:
        seen_until(said)
    assert str(refused.value).startswith(repr(said))


@pytest.mark.parametrize(
    ("posted", "entered", "dates", "known", "split", "unseen"),
    [
        # Without a split of its own a model has seen what was posted before the date.
        ("2021-07-01 11:59:59.999999", "2021-07-01 12:00", None, KNOWN, "train", False),
        ("2021-07-01 12:00", "2021-07-01 12:00", None, KNOWN, "outside", True),
        ("2021-07-01 12:00:01", "2021-07-01 12:01", None, KNOWN, "outside", True),
        ("2021-07-01 12:00", "2021-07-01 12:00", None, None, "unknown", False),
        # One with a split goes by its own dates alone.
        ("2021-05-31 12:00", "2021-05-31 12:00", DATES, KNOWN, "before", False),
        ("2021-06-09 23:59:59", "2021-06-10 00:00", DATES, KNOWN, "validation", False),
        ("2021-06-20 00:00", "2021-06-20 00:00", DATES, KNOWN, "test", True),
        ("2021-06-30 00:00", "2021-06-30 00:00", DATES, KNOWN, "after", True),
        ("2021-06-30 00:00", "2021-06-30 00:00", DATES, None, "after", True),
    ],
)
def test_a_post_is_unseen_from_the_moment_on_that_is_said(
    posted: str,
    entered: str,
    dates: list[datetime] | None,
    known: datetime | None,
    split: str,
    unseen: bool,
) -> None:
    query = (
        "SELECT split_of($posted::TIMESTAMP, $entered::TIMESTAMP, $a, $b, $c, $d, $known) AS split,"
        " unseen(split)"
    )
    four: list[Any] = dates or [None] * 4
    bounds: dict[str, Any] = dict(zip("abcd", four, strict=True))
    found = memory_store().rows(query, posted=posted, entered=entered, known=known, **bounds)
    assert found == [(split, unseen)]


def test_a_card_without_a_split_says_what_its_model_may_have_seen() -> None:
    store = memory_store()
    put_tweets(store, [(1, "2021-06-30 23:59:59", "a"), (2, "2021-07-01 00:00", "b")])
    cards: dict[str, dict[str, Any]] = {
        "dated": {"knows_until_utc": "2021-07-01T00:00:00"},
        "undated": {},
        "split": {
            "split": {
                "train_from_utc": "2021-06-01T00:00:00",
                "validation_from_utc": "2021-06-02T00:00:00",
                "test_from_utc": "2021-06-30T00:00:00",
                "test_until_utc": "2021-07-01T00:00:00",
            }
        },
    }
    for name, card in cards.items():
        register_card(store, name, f"{name}-id", "direction", {"classes": ["down", "up"], **card})
        put_predictions(store, [(1, 0.5), (2, 0.5)], model=f"{name}-id")
    put_model(store, None, "bare")
    put_predictions(store, [(1, 0.5), (2, 0.5)], model="bare")
    assert store.rows("SELECT name, knows_until_utc FROM models ORDER BY name") == [
        ("bare", None),
        ("dated", datetime(2021, 7, 1)),
        ("split", datetime(2021, 6, 30)),
        ("undated", None),
    ]
    assert store.rows(
        "SELECT model, list(split ORDER BY tweet_id) FROM scored GROUP BY 1 ORDER BY 1"
    ) == [
        ("bare", ["unknown", "unknown"]),
        ("dated", ["train", "outside"]),
        ("split", ["after", "after"]),  # by the minute of entry,
        ("undated", ["unknown", "unknown"]),
    ]


def test_what_a_model_has_seen_may_be_said_later_and_not_otherwise(tmp_path: Path) -> None:
    with open_store(tmp_path / "db") as store:
        card: dict[str, Any] = {"classes": ["down", "up"], "knows_until_utc": None}
        said = {**card, "knows_until_utc": "2021-07-01T00:00:00"}
        for each in (card, said, card):  # to say nothing takes nothing back
            register_card(store, "hub", "id", "direction", each)
        stored = store.rows("SELECT knows_until_utc, card FROM models")
        assert [(until, json.loads(text)) for until, text in stored] == [
            (datetime(2021, 7, 1), said)
        ]
        other = {**card, "knows_until_utc": "2020-07-01T00:00:00"}
        with pytest.raises(InputError) as refused:
            register_card(store, "hub", "id", "direction", other)
        assert str(refused.value) == (
            f"{store.path}: hub may have seen posts until 2021-07-01T00:00:00 UTC, as was said "
            "before, not until 2020-07-01T00:00:00; leave the date out, or give the model another "
            "name"
        )
        assert store.rows("SELECT knows_until_utc, card FROM models") == stored

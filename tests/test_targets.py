"""A target means the same in Python and in SQL, and a horizon is what was typed."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from tweetscore.errors import InputError
from tweetscore.market.horizons import NO_HORIZON, Horizon
from tweetscore.market.targets import MARKET_TARGETS, Target, kind_of
from tweetscore.store.database import Store, open_store

RETURNS = [-7.5, -2.0, -0.25, 0.0, 0.25, 2.0, 2.0000001, 7.5, None]
MACROS = ("entry_minute", "split_of", "outcome_class", "predicted_class", "is_positive")


@pytest.mark.parametrize("name", MARKET_TARGETS)
def test_training_and_the_views_give_a_window_the_same_class(store: Store, name: str) -> None:
    target = Target.of_market(name)
    threshold = 2.0 if target.kind.size else None
    frame = pl.DataFrame({"outcome_5": RETURNS, "past_5": RETURNS})
    labels = frame.select(target.labels([5], {5: 2.0} if threshold else {}))
    by_sql = store.rows(
        "SELECT is_positive($target, outcome_class($target, r, $threshold, 0))::INTEGER "
        "FROM (SELECT unnest($returns::DOUBLE[]) AS r)",
        target=name,
        threshold=threshold,
        returns=RETURNS,
    )
    assert labels["label_5"].to_list() == labels["momentum_5"].to_list() == [n for (n,) in by_sql]
    assert {0, 1, None} == set(labels["label_5"])


@pytest.mark.parametrize("name", MARKET_TARGETS)
def test_a_target_has_the_same_two_classes_in_python_and_sql(store: Store, name: str) -> None:
    found = store.row(
        "SELECT negative_class($n), positive_class($n), predicted_class($n, 0.5), "
        "predicted_class($n, 0.4999)",
        n=name,
    )
    negative, positive = kind_of(name).classes
    assert found == (negative, positive, positive, negative)
    assert kind_of(name).stored(kind_of(name).classes) == [positive]


def test_labels_of_the_users_own_have_no_class_of_the_market(store: Store) -> None:
    target = Target.of_labels(["calm", "glad"])
    assert not target.kind.is_market
    assert target.kind.stored(target.classes) == ["calm", "glad"]
    assert store.row("SELECT positive_class($n), outcome_class($n, 9, 1, 0)", n=target.name) == (
        None,
        None,
    )
    places = pl.DataFrame({"outcome_0": [1, 0, None]}).select(target.labels([0], {}))
    assert places.to_dict(as_series=False) == {"label_0": [1, 0, None]}


def test_a_target_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match=r"moves: is no target of this version.*did you mean move"):
        kind_of("moves")


@pytest.mark.parametrize("text", ["", "0", "-5", "5.5", "d", "0d", "261d", "10001", "٣٠", "thirty"])
def test_a_horizon_is_a_whole_number_of_minutes(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number of minutes from 1 to 10,000"):
        Horizon.parse(text)


def test_a_horizon_words_itself() -> None:
    assert (Horizon.parse("30"), f"{Horizon(30)}", Horizon(30).words) == (30, "30", "30 minutes")
    assert (NO_HORIZON, NO_HORIZON.words) == (0, "no interval")


@pytest.mark.parametrize(
    ("posted", "entry"),
    [
        ("19:00:00", "19:00:00"),
        ("19:00:00.000001", "19:01:00"),
        ("19:00:59.999999", "19:01:00"),
        ("18:59:00", "18:59:00"),
    ],
)
def test_a_post_enters_at_the_first_whole_minute_at_or_after_it(
    store: Store, posted: str, entry: str
) -> None:
    query = "SELECT entry_minute(('2018-12-19 ' || $posted)::TIMESTAMP)::VARCHAR"
    assert store.row(query, posted=posted) == (f"2018-12-19 {entry}",)


def test_the_rules_are_in_the_database_itself(tmp_path: Path) -> None:
    with open_store(tmp_path / "new.duckdb"):
        pass
    with duckdb.connect(str(tmp_path / "new.duckdb"), read_only=True) as con:
        found = con.execute("SELECT function_name FROM duckdb_functions() WHERE NOT internal")
        assert {name for (name,) in found.fetchall()} >= set(MACROS)

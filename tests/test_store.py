"""A database of an older schema becomes one of today's, and keeps every row."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from tiny import put_bars, put_tweets, tiny_bundle

from tweetscore.checks.doctor import diagnose
from tweetscore.errors import InputError
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.score import score
from tweetscore.store.database import (
    SCHEMA_VERSION,
    STANDARD_INTERVALS,
    Store,
    open_store,
    statement,
)

# What users queried under schema 1, in short; it had no view of moves and labels.
OLD_VIEWS = """
CREATE VIEW scored_all AS
SELECT
    t.platform, t.tweet_id, t.posted_utc, m.name AS model, w.symbol, w.session,
    p.interval_minutes, p.probability_up, w.entry_price, w.exit_price, w.status
FROM predictions p
JOIN models m USING (model_id)
JOIN tweets t USING (platform, tweet_id)
LEFT JOIN windows w
    ON w.minute_utc = date_trunc('minute', t.posted_utc + INTERVAL 59999999 MICROSECONDS)
    AND w.interval_minutes = p.interval_minutes;

CREATE VIEW scored AS SELECT * EXCLUDE (session) FROM scored_all WHERE session = 'regular';

CREATE VIEW scored_extended AS
SELECT * EXCLUDE (session) FROM scored_all WHERE session = 'extended';
"""
NEW_TABLES = ("move_thresholds", "study_runs")


def first_schema() -> str:
    """Return the tables of schema 1: those of today without what the migration adds."""
    ddl = statement("store/schema")
    for name in NEW_TABLES:
        ddl, found = re.subn(rf"CREATE TABLE {name} \(.*?\n\);\n", "", ddl, flags=re.DOTALL)
        assert found == 1
    return ddl


def fill(store: Store) -> None:
    """Put a row into every table that schema 1 had."""
    put_tweets(
        store,
        [(1, "2018-12-19 19:00", "stocks up"), (2, "2018-12-19 19:07", "stocks down", None, 3)],
    )
    put_bars(store, "2018-12-19 18:00", [100 + n / 8 for n in range(120)])
    ensure_windows(store)
    store.con.execute(
        "INSERT INTO sources SELECT 1, 'bars.csv', 'ab', 9, 'bars', 'csv', 'SPX', 'UTC', "
        "120, 120, 0, 0, 0, 0, TIMESTAMP '2019-01-01', TIMESTAMP '2019-01-02'"
    )
    store.append("rejects", pl.DataFrame({"source_id": [1], "line": [7], "reason": ["bad"]}))
    row = {"model_id": "hand", "name": "hand", "uses_counts": False, "card": "{}"}
    store.append("models", pl.DataFrame([row]))
    store.con.execute(
        "INSERT INTO predictions SELECT 'hand', platform, tweet_id, 5, 0.75 FROM tweets"
    )
    store.con.execute(
        "INSERT INTO class_predictions "
        "SELECT 'hand', platform, tweet_id, 'label', NULL, 'glad', 0.5 FROM tweets"
    )


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of schema 1 with rows in it."""
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(first_schema())
        con.execute(OLD_VIEWS)
        con.execute("INSERT INTO settings VALUES (1, 7, 0.5)")
        con.execute("INSERT INTO intervals SELECT unnest($n)", {"n": [5, 25]})
        fill(Store(con, path))
    return path


def tables(path: Path) -> dict[str, Any]:
    """All rows of all tables, in any order, less the version."""
    with duckdb.connect(str(path), read_only=True) as con:
        names = [
            name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        ]
        rows = {name: sorted(con.execute(f"FROM {name}").fetchall(), key=repr) for name in names}
    rows["settings"] = [row[1:] for row in rows["settings"]]
    return rows


def schema(path: Path) -> Mapping[str, str]:
    """Each column of a table, and each view, and what it is."""
    with duckdb.connect(str(path), read_only=True) as con:
        return dict(con.execute(statement("checks/doctor/schema")).fetchall())


def version(path: Path) -> Any:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute("SELECT schema_version FROM settings").fetchall()


def test_opening_a_database_of_schema_1_migrates_it_and_keeps_its_rows(old: Path) -> None:
    before = tables(old)
    assert min(map(len, before.values())) > 0
    with open_store(old):
        pass
    assert tables(old) == {**before, **{name: [] for name in NEW_TABLES}}
    assert version(old) == [(2,)] == [(SCHEMA_VERSION,)]
    with open_store(old):  # once more changes nothing
        pass
    assert tables(old) == {**before, **{name: [] for name in NEW_TABLES}}


def test_a_migrated_database_has_the_schema_of_a_fresh_one(old: Path, tmp_path: Path) -> None:
    for path in (old, tmp_path / "fresh.duckdb"):
        with open_store(path):
            pass
    fresh = schema(tmp_path / "fresh.duckdb")
    assert schema(old) == fresh
    assert {name.split(".")[0] for name in fresh} >= {
        *NEW_TABLES, "view scored", "view scored_extended", "view scored_moves",
        "view scored_labels",
    }  # fmt: skip
    (check,) = (each for each in diagnose(old) if each.name == "schema")
    assert (check.ok, check.fact) == (True, "none found")


def test_the_views_of_a_migrated_database_show_its_rows(old: Path, tmp_path: Path) -> None:
    views = ("scored", "scored_extended", "scored_moves", "scored_labels", "scored_any")
    found = []
    for path in (old, tmp_path / "fresh.duckdb"):
        with open_store(path) as store:
            if path != old:
                store.con.execute("UPDATE settings SET max_gap_minutes = 7, flat_bps = 0.5")
                store.con.execute("DELETE FROM intervals")
                store.con.execute("INSERT INTO intervals SELECT unnest($n)", {"n": [5, 25]})
                fill(store)
            found.append({name: store.rows(f"FROM {name} ORDER BY ALL") for name in views})
    assert found[0] == found[1]
    assert [len(found[0][name]) for name in views] == [2, 2, 0, 2, 4]
    with open_store(old, read_only=True) as store:
        assert store.rows(
            "SELECT tweet_id, entry_price, exit_price, direction, correct FROM scored ORDER BY ALL"
        ) == [(1, 107.375, 108.0, "up", True), (2, 108.25, 108.875, "up", True)]
        assert store.rows("SELECT tweet_id, class FROM scored_labels ORDER BY ALL") == [
            (1, "glad"), (2, "glad")
        ]  # fmt: skip


def test_a_migrated_database_is_scored(old: Path, tmp_path: Path) -> None:
    bundle, _ = tiny_bundle(tmp_path / "tiny")
    with open_store(old) as store:
        assert score(store, bundle, (), lambda *_: None).scored == 2
        assert store.row("SELECT count(*) FROM scored WHERE model = 'tiny'") == (4,)


def test_a_database_that_may_only_be_read_is_not_migrated_and_the_next_step_is_told(
    old: Path,
) -> None:
    before = old.read_bytes()
    with pytest.raises(InputError) as refusal, open_store(old, read_only=True):
        pass
    assert str(refusal.value) == (
        f"{old}: has schema 1, and reading cannot bring it to our {SCHEMA_VERSION}; "
        "run tweetscore score on it first"
    )
    assert old.read_bytes() == before
    with open_store(old):
        pass
    with open_store(old, read_only=True) as store:
        assert store.row("SELECT count(*) FROM tweets") == (2,)


def test_a_migration_that_fails_leaves_the_database_as_it_was(old: Path) -> None:
    with duckdb.connect(str(old)) as con:
        con.execute("CREATE TABLE study_runs (mine INTEGER)")  # the second table it makes
    before = tables(old)
    with pytest.raises(duckdb.Error), open_store(old):
        pass
    assert tables(old) == before
    assert version(old) == [(1,)]
    assert "view scored_moves" not in schema(old)


def test_a_fresh_database_is_of_todays_schema(tmp_path: Path) -> None:
    path = tmp_path / "fresh.duckdb"
    with open_store(path):
        pass
    rows = tables(path)
    assert rows.pop("settings") == [(5, 0.0)]
    assert rows.pop("intervals") == sorted(((n,) for n in STANDARD_INTERVALS), key=repr)
    assert set(map(len, rows.values())) == {0}
    assert version(path) == [(SCHEMA_VERSION,)]

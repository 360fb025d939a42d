"""A database of an older schema becomes one of today's, and keeps every row."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
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
LINK_TABLES = ("link_rules", "links", "linked_sources")
NEW_TABLES = ("thresholds", "study_runs", "known_words", "trials", "frozen", *LINK_TABLES)
DATABASES = Path(__file__).parent / "databases"
# What no table held before schema 3.
MODELS = {"hand": ("direction", ["down", "up"]), "moods": ("label", ["glad"])}


def first_schema() -> str:
    """Return the tables of schema 1: those of schema 2 without what the migration added."""
    ddl = (DATABASES / "schema_2.sql").read_text("utf-8").partition("INSERT INTO")[0]
    for name in ("move_thresholds", "study_runs"):
        ddl, found = re.subn(rf"CREATE TABLE {name}\(.*\n", "", ddl)
        assert found == 1
    return ddl


def put_market(store: Store) -> None:
    """Put posts, bars and what is made of them into a database of today."""
    put_tweets(
        store,
        [(1, "2018-12-19 19:00", "stocks up"), (2, "2018-12-19 19:07", "stocks down", None, 3)],
    )
    put_bars(store, "2018-12-19 18:00", [100 + n / 8 for n in range(120)])
    ensure_windows(store)


def copy_market(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Copy what a database of today has of posts and bars, in the columns of an older one."""
    con.execute(f"ATTACH '{path}' AS today (READ_ONLY)")
    for table in ("tweets", "symbols", "bars", "sessions", "windows"):
        query = "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND NOT internal"
        columns = con.execute(f"{query} AND database_name <> 'today'", [table]).fetchall()
        names = ", ".join(name for (name,) in columns)
        con.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM today.{table}")
    con.execute("DETACH today")


def fill(store: Store, *, schema: int) -> None:
    """Put a row into every other table that schema 1 had, in the columns of this schema."""
    later = ", NULL, NULL" if schema == SCHEMA_VERSION else ""
    store.con.execute(
        "INSERT INTO sources SELECT 1, 'bars.csv', 'ab', 9, 'bars', 'csv', 'SPX', 'UTC', "
        "120, 120, 0, 0, 0, 0, TIMESTAMP '2019-01-01', TIMESTAMP '2019-01-02'" + later
    )
    store.append("rejects", pl.DataFrame({"source_id": [1], "line": [7], "reason": ["bad"]}))
    for name, (target, classes) in MODELS.items():
        row = {"model_id": name, "name": name, "uses_counts": False, "card": "{}"}
        if schema == SCHEMA_VERSION:
            row |= {"target": target, "classes": classes}
        store.append("models", pl.DataFrame([row]))
    rows = {"hand": "5, 0.75", "moods": "'label', NULL, 'glad', 0.5"}
    tables = {"hand": "predictions", "moods": "class_predictions"}
    if schema == SCHEMA_VERSION:
        rows = {"hand": "5, 2, 0.75", "moods": "NULL, 1, 0.5"}
        tables = dict.fromkeys(MODELS, "predictions")
    for name in MODELS:
        store.con.execute(
            f"INSERT INTO {tables[name]} SELECT '{name}', platform, tweet_id, {rows[name]} "
            "FROM tweets"
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
        with open_store(tmp_path / "today.duckdb") as store:
            store.con.execute("DELETE FROM intervals; INSERT INTO intervals VALUES (5), (25)")
            store.con.execute("UPDATE settings SET max_gap_minutes = 7, flat_bps = 0.5")
            put_market(store)
        copy_market(con, tmp_path / "today.duckdb")
        fill(Store(con, path), schema=1)
    return path


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A database of schema 2, which the code of that schema has filled."""
    return kept("schema_2", tmp_path)


def kept(name: str, folder: Path) -> Path:
    """Make the database of an older schema again from its statements."""
    path = folder / f"{name}.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute((DATABASES / f"{name}.sql").read_text("utf-8"))
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


def knowing(models: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What the rows of models of schema 5 are today: each has seen nothing of its test part."""
    return [(*row, row[8]) for row in models]


def with_days(before: dict[str, Any]) -> dict[str, Any]:
    """What the rows of schema 4 are today: those of New York's minutes, with exit and day."""
    windows = [
        (*row, row[2] + timedelta(minutes=row[3]), row[2].date()) for row in before["windows"]
    ]
    symbols = [(*row, 1) for row in before["symbols"]]
    return before | {"windows": windows, "symbols": symbols}


def today(before: dict[str, Any]) -> dict[str, Any]:
    """What the rows of schema 1 are today: the same, but for models and their predictions."""
    models = [(model, name, *MODELS[model], *rest, None) for model, name, *rest in before["models"]]
    predictions = [(*row[:-1], 2, row[-1]) for row in before["predictions"]]
    predictions += [(*row[:3], row[4], 1, row[-1]) for row in before["class_predictions"]]
    sources = [(*row, None, None) for row in before["sources"]]
    before = with_days(before)
    rows = {name: each for name, each in before.items() if name != "class_predictions"}
    rows |= {name: [] for name in NEW_TABLES}
    return rows | {
        "models": models,
        "predictions": sorted(predictions, key=repr),
        "sources": sources,
    }


@pytest.mark.slow
def test_opening_a_database_of_schema_1_migrates_it_and_keeps_its_rows(old: Path) -> None:
    before = tables(old)
    assert min(map(len, before.values())) > 0
    with open_store(old):
        pass
    assert tables(old) == today(before)
    assert version(old) == [(6,)] == [(SCHEMA_VERSION,)]
    with open_store(old):  # once more changes nothing
        pass
    assert tables(old) == today(before)


@pytest.mark.slow
def test_a_database_of_schema_2_shows_what_it_showed(second: Path) -> None:
    before = tables(second)
    # What lies outside all parts is now before or after them: here it is after.
    expected = json.loads(
        (DATABASES / "schema_2.json").read_text("utf-8").replace('"outside"', '"after"')
    )
    with open_store(second) as store:
        shown: dict[str, dict[str, list[Any]]] = {
            name: {
                "columns": each["columns"],
                "rows": [
                    list(row)
                    for row in store.rows(
                        f"SELECT * FROM (SELECT COLUMNS($names)::VARCHAR FROM {name}) ORDER BY ALL",
                        names=each["columns"],
                    )
                ],
            }
            for name, each in expected.items()
        }
        (of_moves,) = store.row("SELECT count(*) FROM probabilities WHERE target = 'move'")
    assert shown == expected
    assert min(len(each["rows"]) for each in shown.values()) >= 5
    after = tables(second)
    assert version(second) == [(SCHEMA_VERSION,)]
    before = with_days(before)
    unchanged = (before.keys() & after.keys()) - {"models", "predictions", "study_runs"}
    before["sources"] = [(*row, None, None) for row in before["sources"]]
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert after["thresholds"] == before["move_thresholds"]
    assert of_moves == len([row for row in before["class_predictions"] if row[5] == "move"])
    assert sorted(row[1:4] for row in after["models"]) == [
        ("moods", "label", ["calm", "glad", "sad"]),
        ("moves", "move", ["still", "move"]),
        ("up", "direction", ["down", "up"]),
    ]
    assert [row[2] for row in before["study_runs"]] == ["honest", "seed"]
    assert [row[2] for row in after["study_runs"]] == ["honest", "original"]


@pytest.mark.slow
def test_a_database_of_schema_3_keeps_its_rows_and_tells_before_from_after(tmp_path: Path) -> None:
    path = kept("schema_3", tmp_path)
    before = tables(path)
    with duckdb.connect(str(path), read_only=True) as con:
        names = [
            name for name in con.sql("FROM scored").columns if name not in ("split", "tweet_id")
        ]
        query = f"SELECT split, tweet_id, {', '.join(names)} FROM scored"
        shown = con.execute(f"{query} ORDER BY ALL").fetchall()
    with open_store(path) as store:
        later = store.rows(f"{query} ORDER BY ALL")
        known = store.rows("SELECT * EXCLUDE (trial_id) FROM trials")
    empty: dict[str, list[Any]] = {name: [] for name in ("frozen", *LINK_TABLES)}
    models = {"models": knowing(before["models"])}
    assert tables(path) == with_days(before) | models | {"trials": tables(path)["trials"], **empty}
    # The post of the Monday is from before the training part, the one of the Thursday from after.
    parts = {1: "before", 2: "train", 3: "validation", 4: "test", 5: "after"}
    assert {row[1]: row[0] for row in later} == parts
    assert sorted(map(repr, (row[1:] for row in later))) == sorted(
        map(repr, (row[1:] for row in shown))
    )
    # A model whose card names its symbol and its test part has looked at it.
    bounds = datetime(2018, 12, 19, 19, 1), datetime(2018, 12, 19, 23)
    (model_id,) = (row[0] for row in before["models"] if row[1] == "up")
    assert known == [("ab" * 8, "SPX", *bounds, model_id, "up", 2)]


@pytest.mark.slow
def test_a_database_of_schema_4_has_no_rule_so_each_post_still_meets_each_symbol(
    tmp_path: Path,
) -> None:
    path = kept("schema_4", tmp_path)
    before = tables(path)
    views = ("scored", "scored_extended", "scored_any", "scored_days", "probabilities")
    with duckdb.connect(str(path), read_only=True) as con:
        columns = {name: ", ".join(con.sql(f"FROM {name}").columns) for name in views}
        queries = {name: f"SELECT {columns[name]} FROM {name} ORDER BY ALL" for name in views}
        shown = {name: con.execute(query).fetchall() for name, query in queries.items()}
    with open_store(path) as store:
        assert {name: store.rows(query) for name, query in queries.items()} == shown
    models = {"models": knowing(before["models"])}
    assert tables(path) == with_days(before) | models | {name: [] for name in LINK_TABLES}
    assert {row[8] for row in shown["scored"]} == {"SPX", "TSLA"}
    assert len(shown["scored"]) == 2 * len(before["predictions"]) == 20


@pytest.mark.slow
def test_a_database_of_schema_5_shows_what_it_showed_and_says_what_each_model_has_seen(
    tmp_path: Path,
) -> None:
    path = kept("schema_5", tmp_path)
    before = tables(path)
    views = ("scored", "scored_extended", "scored_any", "scored_days", "probabilities")
    queries = {name: f"FROM {name} ORDER BY ALL" for name in views}
    with duckdb.connect(str(path), read_only=True) as con:
        shown = {name: con.execute(query).fetchall() for name, query in queries.items()}
    with open_store(path) as store:
        assert {name: store.rows(query) for name, query in queries.items()} == shown
    assert tables(path) == before | {"models": knowing(before["models"])}
    assert {row[7] for row in shown["scored"]} == {"before", "train", "validation", "test", "after"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["schema_2", "schema_3", "schema_4", "schema_5"])
def test_a_migrated_database_is_healthy_and_has_todays_schema(name: str, tmp_path: Path) -> None:
    old = kept(name, tmp_path)
    for path in (old, tmp_path / "fresh.duckdb"):
        with open_store(path):
            pass
    assert schema(old) == schema(tmp_path / "fresh.duckdb")
    assert [each for each in diagnose(old) if each.ok is False] == []


def test_a_plain_client_reads_the_views_and_the_macros_behind_them(second: Path) -> None:
    with open_store(second):
        pass
    with duckdb.connect(str(second), read_only=True) as con:
        assert con.execute("SELECT count(*), count(minute_utc) FROM scored").fetchone() == (10, 10)
        query = "SELECT entry_minute(TIMESTAMP '2018-12-19 19:00:00.000001')::VARCHAR"
        assert con.execute(query).fetchone() == ("2018-12-19 19:01:00",)
    with duckdb.connect() as con:  # under another name, too
        con.execute(f"ATTACH '{second}' AS theirs (READ_ONLY)")
        assert con.execute("SELECT count(minute_utc) FROM theirs.scored").fetchone() == (10,)


@pytest.mark.slow
def test_a_migrated_database_has_the_schema_of_a_fresh_one(old: Path, tmp_path: Path) -> None:
    for path in (old, tmp_path / "fresh.duckdb"):
        with open_store(path):
            pass
    fresh = schema(tmp_path / "fresh.duckdb")
    assert schema(old) == fresh
    assert {name.split(".")[0] for name in fresh} >= {
        *NEW_TABLES,
        "view scored",
        "view scored_extended",
        "view scored_moves",
        "view scored_labels",
        "view probabilities",
        "macro entry_minute",
        "macro split_of",
    }
    (check,) = (each for each in diagnose(old) if each.name == "schema")
    assert (check.ok, check.fact) == (True, "none found")


@pytest.mark.slow
def test_the_views_of_a_migrated_database_show_its_rows(old: Path, tmp_path: Path) -> None:
    views = ("scored", "scored_extended", "scored_moves", "scored_labels", "scored_any")
    found = []
    for path in (old, tmp_path / "fresh.duckdb"):
        with open_store(path) as store:
            if path != old:
                store.con.execute("UPDATE settings SET max_gap_minutes = 7, flat_bps = 0.5")
                store.con.execute("DELETE FROM intervals")
                store.con.execute("INSERT INTO intervals SELECT unnest($n)", {"n": [5, 25]})
                put_market(store)
                fill(store, schema=SCHEMA_VERSION)
            found.append({name: store.rows(f"FROM {name} ORDER BY ALL") for name in views})
    assert found[0] == found[1]
    assert [len(found[0][name]) for name in views] == [2, 2, 0, 2, 4]
    with open_store(old, read_only=True) as store:
        assert store.rows(
            "SELECT tweet_id, entry_price, exit_price, direction, correct FROM scored ORDER BY ALL"
        ) == [(1, 107.375, 108.0, "up", True), (2, 108.25, 108.875, "up", True)]
        assert store.rows("SELECT tweet_id, class FROM scored_labels ORDER BY ALL") == [
            (1, "glad"),
            (2, "glad"),
        ]


@pytest.mark.slow
def test_a_migrated_database_is_scored(old: Path, tmp_path: Path) -> None:
    bundle, _ = tiny_bundle(tmp_path / "tiny")
    with open_store(old) as store:
        assert score(store, bundle, (), lambda *_: None).scored == 2
        assert store.row("SELECT count(*) FROM scored WHERE model = 'tiny'") == (4,)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("variable", "value", "example"),
    [
        ("TWEETSCORE_THREADS", "0", "2"),
        ("TWEETSCORE_THREADS", "many", "2"),
        ("TWEETSCORE_MEMORY", "1", "350MB"),
        ("TWEETSCORE_MEMORY", "1.5.2GB", "350MB"),
    ],
)
def test_a_limit_that_is_none_is_refused_with_one_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, example: str
) -> None:
    path = tmp_path / "new.duckdb"
    monkeypatch.setenv("TWEETSCORE_THREADS", "1")
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError) as refused, open_store(path):
        pass
    assert str(refused.value) == (
        f"{variable} is '{value}'; set it as in {variable}={example}, or unset it"
    )
    assert not path.exists()
    monkeypatch.setenv(variable, example)
    with open_store(path) as store:
        limits = store.row("SELECT current_setting('threads'), current_setting('memory_limit')")
        assert limits == (2 if "THREADS" in variable else 1, "333.7 MiB")

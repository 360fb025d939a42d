"""A database leaves as Parquet and comes back as it was; scores of a cluster come in."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from jobs import SCORED, in_a_database, job_of, posts, run, write
from tiny import class_bundle

from tweetscore import api
from tweetscore.errors import InputError, IntegrityError, TweetscoreError
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.io.formats import Answer, write_file
from tweetscore.io.new_file import sha256_of
from tweetscore.report.gather import gather
from tweetscore.sample.write import ARCHIVE_NAME, BARS_NAME, write_sample
from tweetscore.scoring.attach import ADDED, import_from
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.score import score
from tweetscore.store.database import Store, check_derived, open_store
from tweetscore.store.transfer import EXPORT, export

pytestmark = pytest.mark.slow  # whole databases go out and come in

TABLES = (
    "bars", "frozen", "intervals", "known_words", "link_rules", "linked_sources", "links", "models",
    "predictions", "rejects", "sessions", "settings", "sources", "study_runs", "symbols",
    "thresholds", "trials", "tweets", "windows",
)  # fmt: skip


@pytest.fixture
def whole(filled: Path) -> Iterator[Store]:
    with open_store(filled, read_only=True) as store:
        yield store


def silent(*_: object) -> None:
    """Nobody looks."""


def everything(store: Store) -> dict[str, pl.DataFrame]:
    return {name: store.frame(f"FROM {name} ORDER BY ALL") for name in TABLES}


def test_a_database_comes_back_as_it_was(whole: Store, tmp_path: Path) -> None:
    rows = export(whole, tmp_path / "out", (), silent, rows_per_file=100)
    known = everything(whole)
    assert rows == {name: frame.height for name, frame in known.items()}
    assert rows["tweets"] == 240
    with open_store(tmp_path / "again.duckdb") as store:
        assert import_from(store, tmp_path / "out") == rows
        found = everything(store)
        assert all(found[name].equals(known[name]) for name in TABLES)
        assert evaluate(store) == evaluate(whole)


POSTS_OF_REDDIT = """
INSERT INTO tweets BY NAME SELECT 'reddit' AS platform, i AS tweet_id, 'a' AS author,
TIMESTAMP '2023-03-01 10:00:00' AS posted_utc, E'a "quoted", text\nof two lines é ' || i AS text,
CASE WHEN i % 2 = 0 THEN i END AS retweet_count, 3 * i AS favorite_count, false AS is_retweet,
1 AS source_id FROM range(1, 41) r(i)
"""


@pytest.mark.parametrize("form", ["export", "csv", "json", "jsonl", "parquet"])
def test_posts_and_bars_that_were_written_out_are_ingested_as_they_were(
    tmp_path: Path, form: str
) -> None:
    names = ("tweets", "bars")
    made = tmp_path / "made"
    write_sample(made, posts=200, days=30)
    db, out = tmp_path / "one.duckdb", tmp_path / "out"
    with api.open(db) as first, api.open(tmp_path / "two.duckdb") as second:
        first.ingest(made / ARCHIVE_NAME, made / BARS_NAME)
        first.store.con.execute(POSTS_OF_REDDIT)
        if form == "export":
            first.export(out, tables=names)
        else:
            out.mkdir()
            for name in names:
                table = first.store.frame(f"FROM {name}")
                answer = Answer(table.schema, iter([table]))
                write_file(answer, form, out / f"{name}.{form}")
        second.ingest(out)
        for name in names:
            query = f"SELECT * EXCLUDE (source_id) FROM {name} ORDER BY ALL"
            assert second.store.frame(query).equals(first.store.frame(query))


def test_files_hold_so_many_rows_and_are_the_same_each_time(whole: Store, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(whole, tmp_path / name, ("tweets", "rejects"), silent, rows_per_file=100)
    files = sorted((tmp_path / "one" / "tweets").iterdir())
    assert [pl.read_parquet(each).height for each in files] == [100, 100, 40]
    assert pl.concat(map(pl.read_parquet, files)).equals(whole.frame("FROM tweets"))
    other = sorted((tmp_path / "two" / "tweets").iterdir())
    assert [each.read_bytes() for each in files] == [each.read_bytes() for each in other]
    (nothing,) = (tmp_path / "one" / "rejects").iterdir()
    assert pl.read_parquet(nothing).schema == whole.frame("FROM rejects").schema


def test_views_are_exported_by_name(whole: Store, tmp_path: Path) -> None:
    rows = export(whole, tmp_path / "out", ("scored",), silent)
    found = pl.read_parquet(tmp_path / "out" / "scored" / "*.parquet")
    assert rows == {"scored": found.height}
    order = ["tweet_id", "interval_minutes"]
    assert found.sort(order).equals(whole.frame("FROM scored").sort(order))


def test_an_unknown_table_and_a_place_that_is_taken_are_refused(
    whole: Store, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"no table or view tweet; did you mean tweets\?"):
        export(whole, tmp_path / "out", ("tweet",), silent)
    with pytest.raises(InputError, match="already exists; choose another folder"):
        export(whole, tmp_path, (), silent)
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_fails_leaves_nothing(whole: Store, tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(whole, tmp_path / "out", (), stop)
    assert list(tmp_path.iterdir()) == []


def test_only_a_whole_export_makes_a_database_and_only_an_empty_one(
    whole: Store, tmp_path: Path
) -> None:
    export(whole, tmp_path / "part", ("tweets",), silent)
    export(whole, tmp_path / "all", (), silent)
    with open_store(tmp_path / "new.duckdb") as store:
        with pytest.raises(
            InputError,
            match="holds no bars, and a database is restored from all of its tables",
        ):
            import_from(store, tmp_path / "part")
        export(whole, tmp_path / "scores", ("predictions",), silent)
        with pytest.raises(InputError, match="export all of them with: tweetscore export FOLDER"):
            import_from(store, tmp_path / "scores")
        import_from(store, tmp_path / "all")
        with pytest.raises(InputError, match="is not empty; import into a new database"):
            import_from(store, tmp_path / "all")
        with pytest.raises(InputError, match="is neither an export nor a folder of results"):
            import_from(store, tmp_path)


def test_an_export_that_was_changed_is_refused_and_leaves_the_database_empty(
    whole: Store, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(whole, out, (), silent, rows_per_file=100)
    second, about = out / "tweets" / "part-00001.parquet", json.loads((out / EXPORT).read_text())
    content = second.read_bytes()
    name = "tweets/part-00001.parquet"
    lacking = {key: value for key, value in about["sha256"].items() if key != name}

    def listed(**changes: object) -> None:
        (out / EXPORT).write_text(json.dumps(about | changes))

    with open_store(tmp_path / "new.duckdb") as store:

        def refused(says: str) -> None:
            with pytest.raises(IntegrityError, match=says):
                import_from(store, out)
            assert store.rows("FROM tweets") == []
            assert len(store.rows("FROM settings")) == 1

        second.unlink()
        refused("part-00001.parquet: is not the file that was written")
        listed(sha256=lacking)
        refused("tweets: has 140 rows, not 240")
        second.write_bytes(content)
        refused("part-00001.parquet: is not the file that was written")
        pl.read_parquet(second).rename({"posted_utc": "posted"}).write_parquet(second)
        listed(sha256=lacking | {name: sha256_of(second)})
        refused("tweets: holds no rows of its table")


def test_another_version_is_refused(whole: Store, tmp_path: Path) -> None:
    export(whole, tmp_path / "out", (), silent)
    about = json.loads((tmp_path / "out" / "export.json").read_text())
    for other, refusal in (
        ({"schema_version": 2}, "has the tables of schema 2, not 6; open the database that it"),
        ({"schema_version": 99}, "has the tables of schema 99, not 6"),
        ({"format": 1}, "is not an export of format 2; use the tweetscore that wrote it"),
        ({"rows": 5}, "lists no rows or no files"),
    ):
        (tmp_path / "out" / "export.json").write_text(json.dumps(about | other))
        with (
            open_store(tmp_path / "new.duckdb") as store,
            pytest.raises(TweetscoreError, match=refusal),
        ):
            import_from(store, tmp_path / "out")


def test_views_of_somebody_else_are_not_run_and_their_tables_come_out(
    whole: Store, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("open sesame")
    theirs = f"CREATE OR REPLACE VIEW scored AS SELECT content FROM read_text('{secret}')"
    own = "CREATE VIEW mine AS SELECT count(*) AS n FROM tweets"
    path = tmp_path / "theirs.duckdb"
    path.write_bytes(whole.path.read_bytes())
    with open_store(path) as store:
        check_derived(store)
        store.con.execute(own)
        check_derived(store)  # which nothing of ours runs
        export(store, tmp_path / "before", ("scored",), silent)
        store.con.execute(theirs)
        with pytest.raises(IntegrityError, match="scored is not the view or macro that tweetscore"):
            export(store, tmp_path / "out", ("tweets", "scored"), silent)
        with pytest.raises(IntegrityError, match="mine is not the view or macro that tweetscore"):
            export(store, tmp_path / "out", ("mine",), silent)
        with pytest.raises(IntegrityError, match="scored is not"):
            check_derived(store)
        assert not (tmp_path / "out").exists()
        export(store, tmp_path / "tables", (), silent)
    with open_store(tmp_path / "new.duckdb") as store:
        import_from(store, tmp_path / "tables")
        check_derived(store)
        assert store.frame("FROM scored ORDER BY ALL").equals(
            whole.frame("FROM scored ORDER BY ALL")
        )


# --- results of scoring without a database --------------------------------------------------------


def test_scores_made_without_a_database_are_those_made_with_one(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    frames = [posts(200), posts(150, seed=1)]
    run(write(tmp_path / "in", *frames), job_of(market, bundle, tmp_path / "out"))
    known = in_a_database(market, bundle, pl.concat(frames), tmp_path / "whole.duckdb")
    (tmp_path / "new.duckdb").write_bytes(market.read_bytes())
    with open_store(tmp_path / "new.duckdb") as store:
        added = import_from(store, tmp_path / "out")
        assert store.frame(SCORED).equals(known)
        assert added == {"tweets": known.height // 2, "predictions": known.height, "models": 1}
        (source,) = store.frame("FROM sources").to_dicts()
        assert (source["rows_read"], source["stored"], source["duplicates"]) == (
            known.height // 2,
            known.height // 2,
            0,
        )
        assert import_from(store, tmp_path / "out") == {"tweets": 0, "predictions": 0, "models": 0}
        assert store.frame(SCORED).equals(known)
        with open_store(tmp_path / "whole.duckdb", read_only=True) as scored:
            assert evaluate(store) == evaluate(scored)
        assert gather(store).subject is not None


def test_results_of_moves_and_of_labels_come_in(market: Path, tmp_path: Path) -> None:
    tweets = posts(60)
    of_moves = class_bundle(
        tmp_path / "moves",
        "move",
        ("still", "move"),
        (5, 30),
        session="regular",
        thresholds_bps={"5": 2.5, "30": 8.0},
    )[0]
    of_labels = class_bundle(tmp_path / "moods", "label", ("glad", "sad"), (0,))[0]
    inputs = write(tmp_path / "in", tweets)
    run(inputs, job_of(market, of_moves, tmp_path / "moved"))
    run(inputs, job_of(market, of_labels, tmp_path / "felt", (0,)))
    query = "FROM scored_moves ORDER BY tweet_id, interval_minutes"
    of_classes = "FROM probabilities WHERE target = 'label' ORDER BY tweet_id, class"
    (tmp_path / "whole.duckdb").write_bytes(market.read_bytes())
    with open_store(tmp_path / "whole.duckdb") as store:
        store.append("tweets", tweets.with_columns(source_id=1))
        score(store, of_moves, (), silent)
        score(store, of_labels, (), silent)
        known, felt = store.frame(query), store.frame(of_classes)
        likeliest = store.frame("FROM scored_labels ORDER BY tweet_id")
    (tmp_path / "new.duckdb").write_bytes(market.read_bytes())
    with open_store(tmp_path / "new.duckdb") as store:
        assert import_from(store, tmp_path / "moved")["predictions"] == known.height > 50
        assert store.frame(query).equals(known)
        assert set(known["outcome"].drop_nulls()) == {"still", "move"}
        assert import_from(store, tmp_path / "felt")["predictions"] == felt.height > 100
        assert store.frame(of_classes).equals(felt)
        assert set(likeliest["class"]) == {"glad", "sad"}
        assert store.frame("FROM scored_labels ORDER BY tweet_id").equals(likeliest)
        assert import_from(store, tmp_path / "felt") == dict.fromkeys(ADDED, 0)


def test_what_is_there_already_stays(bundle: Bundle, market: Path, tmp_path: Path) -> None:
    first, second = posts(100), posts(60, seed=1)
    run(write(tmp_path / "in", first, second), job_of(market, bundle, tmp_path / "out"))
    path = tmp_path / "some.duckdb"
    in_a_database(market, bundle, first.with_columns(author=pl.lit("already there")), path)
    known = in_a_database(market, bundle, pl.concat([first, second]), tmp_path / "all.duckdb")
    with open_store(path) as store:
        added = import_from(store, tmp_path / "out")
        found = store.frame(SCORED)
    of_second = known.filter(pl.col("tweet_id") > 1_000_000)
    assert added == {"tweets": of_second.height // 2, "predictions": of_second.height, "models": 0}
    assert found.drop("author").equals(known.drop("author"))
    kept = found.filter(pl.col("tweet_id") <= 1_000_000)["author"].unique().to_list()
    assert kept == ["already there"]


def test_results_without_a_finished_shard_or_of_a_broken_manifest_are_refused(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    run(write(tmp_path / "in", posts(5)), job_of(market, bundle, tmp_path / "out"))
    manifest = tmp_path / "out" / "_manifest"
    (manifest / "shards.jsonl").write_text("")
    with open_store(tmp_path / "new.duckdb") as store:
        with pytest.raises(InputError, match="no shard of it is finished"):
            import_from(store, tmp_path / "out")
        (manifest / "run.json").write_text("{")
        with pytest.raises(InputError, match="is not a folder of results"):
            import_from(store, tmp_path / "out")


@pytest.fixture
def out(bundle: Bundle, market: Path, tmp_path: Path) -> Path:
    """A folder of results of one shard."""
    run(write(tmp_path / "in", posts(30)), job_of(market, bundle, tmp_path / "out"))
    return tmp_path / "out"


def altered(out: Path, **values: object) -> None:
    """Change the line of the one shard in the manifest."""
    lines = out / "_manifest" / "shards.jsonl"
    lines.write_text(json.dumps(json.loads(lines.read_text()) | values) + "\n")


def refused(out: Path, says: str) -> None:
    """Expect that nothing of these results comes in, and why."""
    with open_store(out.parent / "new.duckdb") as store:
        with pytest.raises(TweetscoreError) as refusal:
            import_from(store, out)
        assert says in str(refusal.value)
        assert len(str(refusal.value).splitlines()) == 1
        for table in ("tweets", "predictions", "models", "sources"):
            assert store.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_file_of_results_that_lost_rows_is_refused(out: Path) -> None:
    path = out / "0.parquet"
    pl.read_parquet(path).head(10).write_parquet(path)
    refused(out, "0.parquet: is not the file that was written")
    path.unlink()
    refused(out, "0.parquet: is not the file that was written")


def test_results_outside_their_folder_are_out_of_reach(out: Path) -> None:
    outside = out.parent / "outside.parquet"
    outside.write_bytes((out / "0.parquet").read_bytes())
    (out / "linked.parquet").symlink_to(outside)
    for name in ("../outside.parquet", str(outside), "linked.parquet"):
        altered(out, name=name)
        refused(out, "which lies outside")


@pytest.mark.parametrize("value", [7.5, -0.1, float("nan"), None])
def test_what_is_no_probability_is_refused_though_the_manifest_fits(
    out: Path, value: float | None
) -> None:
    path = out / "0.parquet"
    scores = pl.read_parquet(path)
    first = pl.int_range(pl.len()) == 0
    wrong = pl.lit(value, pl.Float32)
    scores.with_columns(
        pl.when(first).then(wrong).otherwise("probability_up").alias("probability_up")
    ).write_parquet(path)
    altered(out, result=sha256_of(path))
    refused(out, "1 rows hold no probability, or no interval of its run")


@pytest.mark.parametrize(
    "value", [[0.5], [0.5, 0.4, 0.1], [7.5, 0.1], [float("nan"), 0.5], [None, 1.0]]
)
def test_what_are_no_probabilities_of_labels_is_refused(
    market: Path, tmp_path: Path, value: list[float | None]
) -> None:
    of_labels = class_bundle(tmp_path / "moods", "label", ("glad", "sad"), (0,))[0]
    run(write(tmp_path / "in", posts(9)), job_of(market, of_labels, tmp_path / "out", (0,)))
    path = tmp_path / "out" / "0.parquet"
    scores = pl.read_parquet(path)
    listed = scores["probabilities"].to_list()
    wrong = pl.Series("probabilities", [value, *listed[1:]], pl.List(pl.Float32))
    scores.with_columns(wrong).write_parquet(path)
    altered(tmp_path / "out", result=sha256_of(path))
    refused(tmp_path / "out", "1 rows hold no probability")


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("probability_up", "rows hold no probability"),
        ("tweet_id", "cannot be read as results"),
        ("interval_minutes", "cannot be read as results"),
        ("platform", "cannot be read as results"),
    ],
)
def test_results_without_a_column_are_refused_though_the_manifest_fits(
    out: Path, column: str, says: str
) -> None:
    path = out / "0.parquet"
    pl.read_parquet(path).drop(column).write_parquet(path)
    altered(out, result=sha256_of(path))
    refused(out, says)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"[]", "Input should be an object"),
        (b"\xff", "Invalid JSON"),
        (b'{"name": 5}', "name: Input should be a valid string"),
        (b"{", "Invalid JSON"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(out: Path, line: bytes, says: str) -> None:
    (out / "_manifest" / "shards.jsonl").write_bytes(line + b"\n")
    refused(out, says)

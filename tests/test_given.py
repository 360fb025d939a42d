"""Somebody's predictions: every row of a file is stored, updated, a duplicate or rejected."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from tiny import put_bars, put_tweets
from typer.testing import CliRunner

from tweetscore.api.database import Database
from tweetscore.checks.doctor import diagnose
from tweetscore.checks.leakage import audit
from tweetscore.cli.app import app
from tweetscore.errors import InputError
from tweetscore.evaluation.evaluate import evaluate
from tweetscore.market.horizons import Horizon
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.given import GivenAccount, import_predictions
from tweetscore.scoring.given_rows import open_given
from tweetscore.store.database import Store, memory_store, open_store
from tweetscore.store.trials import known_trials

BIG = 2**53 + 1  # the first whole number that no float holds
POSTED = datetime(2018, 12, 19, 19, 0, 30)  # it enters at 19:01
KNOWN = datetime(2018, 12, 19, 19, 5)


@pytest.fixture
def posts(store: Store) -> Store:
    """Nine posts of one platform a minute apart, the first with a large id, and one of another."""
    ids = [BIG, *range(2, 10)]
    put_tweets(store, [(n, str(POSTED + k * timedelta(minutes=1)), "x") for k, n in enumerate(ids)])
    put_tweets(store, [(9, str(POSTED), "x")])
    store.con.execute(
        "UPDATE tweets SET platform = 'mastodon' WHERE tweet_id = 9 AND posted_utc = $first",
        {"first": POSTED},
    )
    return store


def imported(store: Store, path: Path, model: str = "llm", **said: Any) -> GivenAccount:
    until = said.pop("until", None)
    said["horizon"] = Horizon(said["horizon"]) if said.get("horizon") else None
    columns = said.pop("columns", {})
    return import_predictions(store, open_given(path, columns, **said), model, until, ignore)


def ignore(*_: Any) -> None:
    pass


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def stored(store: Store) -> list[tuple[Any, ...]]:
    return store.rows(
        "SELECT platform, tweet_id, interval_minutes, probability::VARCHAR FROM predictions "
        "ORDER BY ALL"
    )


def counts(account: GivenAccount) -> tuple[int, ...]:
    parts = (account.stored, account.updated, account.duplicates, account.rejected)
    assert account.rows_read == sum(parts)
    return account.rows_read, *parts


def test_every_row_is_stored_a_duplicate_or_rejected_with_its_reason(
    posts: Store, tmp_path: Path
) -> None:
    path = written(
        tmp_path / "llm.csv",
        "id,prob,horizon,predicted_at,why",
        f"{BIG},0.75,30,2018-12-19T19:01:00Z,a",  # at its entry
        f"{BIG},0.75,30,2018-12-19T19:00:00Z,the same again",
        f'{BIG},"0,25",1d,2018-12-19 14:00:00-05:00,another horizon',
        "2,1,30.0,2018-12-19T18:00:00Z,a",
        "3,0.5,30,2018-12-19T19:03:00.000001Z,after its entry",
        "4,0.4,30,2018-12-19T18:00:00Z,one",
        "4,0.6,30,2018-12-19T18:00:00Z,other",
        "7,1.2,30,2018-12-19T18:00:00Z,a",
        "7,nan,30,2018-12-19T18:00:00Z,a",
        "7,high,30,2018-12-19T18:00:00Z,a",
        "7,,30,2018-12-19T18:00:00Z,a",
        "7,0.5,0,2018-12-19T18:00:00Z,a",
        "7,0.5,soon,2018-12-19T18:00:00Z,a",
        "7,0.5,,2018-12-19T18:00:00Z,a",
        "7,0.5,30,yesterday,a",
        "7,0.5,30,,a",
        "9,0.5,30,2018-12-19T18:00:00Z,on two platforms",
        "99,0.5,30,2018-12-19T18:00:00Z,nowhere",
        "9.007199254740992e15,0.5,30,2018-12-19T18:00:00Z,a float",
        "9007199254740992.0,0.5,30,2018-12-19T18:00:00Z,a float",
        "seven,0.5,30,2018-12-19T18:00:00Z,a",
        "-7,0.5,30,2018-12-19T18:00:00Z,a",
        ",0.5,30,2018-12-19T18:00:00Z,a",
        "7,0.5",
    )
    account = imported(posts, path, until=KNOWN)
    assert counts(account) == (24, 3, 0, 1, 20)
    assert stored(posts) == [
        ("twitter", 2, 30, "1.0"),
        ("twitter", BIG, 30, "0.75"),
        ("twitter", BIG, 1_000_001, "0.25"),
    ]
    reasons = posts.rows("SELECT line, reason FROM rejects ORDER BY line")
    horizon = "is no number of minutes from 1 to 10,000 or of sessions, as 1d"
    assert [reason for _, reason in reasons][:-1] == [
        "was made after its entry: '2018-12-19 19:03:00.000001, entry 2018-12-19 19:03:00'",
        "is there with several values: '0.4 to 0.6'",
        "is there with several values: '0.4 to 0.6'",
        "\"probability\" is not from 0 to 1: '1.2'",
        "\"probability\" is not from 0 to 1: 'nan'",
        "\"probability\" is not from 0 to 1: 'high'",
        "has no probability",
        f"\"horizon\" {horizon}: '0'",
        f"\"horizon\" {horizon}: 'soon'",
        "has no horizon",
        "\"made\" is not a time: 'yesterday'",
        "has no time of prediction",
        "its id is one of several platforms: 'mastodon, twitter'",
        "meets no post here",
        "\"tweet_id\" is rounded, as a float is: '9.007199254740992e15'",
        "\"tweet_id\" is rounded, as a float is: '9007199254740992.0'",
        "\"tweet_id\" is not a 64-bit whole number: 'seven'",
        "\"tweet_id\" is not positive: '-7'",
        "has no id",
    ]
    assert [line for line, _ in reasons] == [6, 7, 8, *range(9, 26)]
    assert sum(account.reasons.values()) == 20
    assert account.reasons["meets no post here"] == 1
    assert account.taken == (
        "columns: tweet_id = 'id', probability = 'prob' (that the price rises), horizon, "
        "made = 'predicted_at'; not used: 'why'"
    )
    assert account.clock == "as its times say"
    (source,) = posts.rows("SELECT kind, format, rows_read, stored, rejected, taken FROM sources")
    assert source == ("predictions", "csv", 24, 3, 20, f"model: llm; {account.taken}")
    (model,) = posts.rows("SELECT name, target, classes, knows_until_utc FROM models")
    assert model == ("llm", "direction", ["down", "up"], KNOWN)


def test_the_same_predictions_are_stored_from_every_form(posts: Store, tmp_path: Path) -> None:
    rows = [{"tweet_id": BIG, "up": 0.75}, {"tweet_id": 2, "up": 0.125}]
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "a.csv")
    frame.write_csv(tmp_path / "a.tsv", separator="\t")
    frame.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "a.json").write_text(json.dumps(rows), "utf-8")
    for n, path in enumerate(sorted(tmp_path.glob("a.*"))):
        columns = {"probability": "up"}
        account = imported(posts, path, f"m{n}", horizon=5, columns=columns)
        assert counts(account) == (2, 2, 0, 0, 0), path
    query = "SELECT tweet_id, probability, count(*) FROM predictions GROUP BY ALL ORDER BY ALL"
    assert posts.rows(query) == [(2, 0.125, 5), (BIG, 0.75, 5)]


def test_ids_that_a_float_has_rounded_are_never_taken_for_others(
    posts: Store, tmp_path: Path
) -> None:
    put_tweets(posts, [(2**53, str(POSTED), "the one that the float names")])
    floats = pl.DataFrame({"id": [float(BIG), 2.0], "probability": [0.5, 0.5]})
    floats.write_parquet(tmp_path / "f.parquet")
    with pytest.raises(
        InputError, match=r"none of its 2 predictions can be used \(line 1: \"tweet"
    ):
        imported(posts, tmp_path / "f.parquet", horizon=5)
    ids = [10**18 + 100 * n for n in range(1, 7)]
    path = written(tmp_path / "js.csv", "id,probability", *(f"{n},0.5" for n in ids))
    with pytest.raises(
        InputError, match=r"its ids all end in 00 \(10{15}100, …\): they are rounded"
    ):
        imported(posts, path, horizon=5)
    assert stored(posts) == []


def test_a_class_is_certain_unless_a_column_says_how_sure_it_is(
    posts: Store, tmp_path: Path
) -> None:
    lines = ("id,Class,confidence,platform", "2, UP,0.75,X", "3,down,0.75,x", "4,flat,0.5,x",
             "9,up,0.5,Mastodon", "5,,0.5,x")  # fmt: skip
    path = written(tmp_path / "a.csv", *lines)
    account = imported(posts, path, horizon=5)
    assert counts(account) == (5, 3, 0, 0, 2)
    assert stored(posts) == [
        ("mastodon", 9, 5, "0.5"), ("twitter", 2, 5, "0.75"), ("twitter", 3, 5, "0.25"),
    ]  # fmt: skip
    assert posts.rows("SELECT reason FROM rejects ORDER BY line") == [
        ("\"class\" is neither up nor down (see --as): 'flat'",), ("has no class",),
    ]  # fmt: skip
    account = imported(posts, path, horizon=5, columns={"confidence": ""}, platform="twitter")
    assert counts(account) == (5, 1, 2, 0, 2)  # the post 9 of Twitter is another one
    assert "class (taken for certain)" in account.taken
    assert stored(posts)[1:] == [
        ("twitter", 2, 5, "1.0"), ("twitter", 3, 5, "0.0"), ("twitter", 9, 5, "1.0"),
    ]  # fmt: skip


def test_classes_of_other_names_are_read_as_a_direction(posts: Store, tmp_path: Path) -> None:
    lines = ("id,label,confidence", "2,Bullish,0.5", "3,bearish,1", "4,neutral,0.9", "5,,0.5",
             "6,good,0.2")  # fmt: skip
    path = written(tmp_path / "a.csv", *lines)
    account = imported(posts, path, horizon=5, reads_as="up=bullish,up=good,down=Bearish")
    assert counts(account) == (5, 4, 0, 0, 1)
    assert [row[1:] for row in stored(posts)] == [
        (2, 5, "0.75"), (3, 5, "0.0"), (4, 5, "0.5"), (6, 5, "0.6"),
    ]  # fmt: skip
    certain = imported(
        posts, path, "sure", horizon=5, reads_as="up=bullish,down=bearish",
        columns={"confidence": ""},
    )  # fmt: skip
    assert (
        "class = 'label' (up is bullish, down is bearish, half of any other counts as up, taken "
        "for certain); not used: 'confidence'" in certain.taken
    )
    of_sure = posts.rows(
        "SELECT probability FROM predictions WHERE model_id = $id ORDER BY tweet_id",
        id=certain.model_id,
    )
    assert of_sure == [(1.0,), (0.0,), (0.5,), (0.5,)]


def test_again_all_are_duplicates_and_another_value_is_an_update(
    posts: Store, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.csv", "id,p_up", "2,0.1", "3,0.2", "77,0.3")
    assert counts(imported(posts, path, horizon=5)) == (3, 2, 0, 0, 1)
    before = posts.rows("FROM sources"), posts.rows("FROM rejects"), stored(posts)
    assert counts(imported(posts, path, horizon=5)) == (3, 0, 0, 2, 1)
    assert (posts.rows("FROM sources"), posts.rows("FROM rejects"), stored(posts)) == before
    amended = written(tmp_path / "b.csv", "id,p_up", "2,0.1", "3,0.9", "4,0.4")
    account = imported(posts, amended, horizon=5)
    assert counts(account) == (3, 1, 1, 1, 0)
    assert account.warnings == ("1 predictions replace others of the same model, post and horizon",)
    assert stored(posts) == [
        ("twitter", 2, 5, "0.1"), ("twitter", 3, 5, "0.9"), ("twitter", 4, 5, "0.4"),
    ]  # fmt: skip
    # At another horizon, or of another model, they are others.
    assert counts(imported(posts, path, horizon=30)) == (3, 2, 0, 0, 1)
    assert counts(imported(posts, path, "other", horizon=5)) == (3, 2, 0, 0, 1)
    put_tweets(posts, [(77, str(POSTED), "read later")])
    assert counts(imported(posts, path, horizon=5)) == (3, 1, 1, 1, 0)
    assert posts.row("SELECT count(*), sum(rejected) FROM sources") == (5, 3)


@pytest.mark.parametrize(
    ("lines", "said", "told"),
    [
        (["text,p", "a,0.5"], {"horizon": 5}, "has no column recognised as tweet_id"),
        (["id,likes", "2,5"], {"horizon": 5}, "has no column recognised as probability or class"),
        (["id,p", "2,0.5"], {}, "does not say how far ahead it predicts (it has 'id', 'p'); say"),
        (["id,p,horizon", "2,0.5,5"], {"horizon": 5}, "leave out --interval, or say --column hor"),
        (["id,p,class", "2,0.5,up"], {"horizon": 5}, "say --column confidence=p if it is, or --co"),
        (["id,p,made", "2,0.5,2018-12-19 18:00:00"], {"horizon": 5}, "carry no zone; say it with "),
        (["id,p,made", "2,0.5,now"], {"horizon": 5}, "'made' holds no times of day in a known"),
        (["id,p", "99,0.5"], {"horizon": 5}, "none of its 1 predictions can be used (line 2: m"),
        (["id,p"], {"horizon": 5}, "none of its 0 predictions can be used (line 1: no record)"),
        (["id,p", "2,0.5"], {"horizon": 5, "columns": {"x": "p"}}, "there is no column called 'x'"),
        (["id,p", "2,0.5"], {"horizon": 5, "model": "hand"}, "hand is another model here (0123)"),
        (["id,p", "2,0.5"], {"horizon": 5, "model": "a\x1bb"}, "is no name; write one of a few l"),
        (["id,p", "2,0.5"], {"horizon": 5, "model": "dated", "until": KNOWN}, "may have seen"),
        (["id,p", "2,0.5"], {"horizon": 5, "encoding": "klingon"}, "klingon"),
        (["id,class", "2,x"], {"horizon": 5, "reads_as": "up=x"}, "names no label that means down"),
        (["id,class", "2,x"], {"horizon": 5}, "is neither up nor down (see --as): 'x'"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_line_and_leaves_the_database_as_it_was(
    posts: Store, tmp_path: Path, lines: list[str], said: dict[str, Any], told: str
) -> None:
    posts.con.execute(
        "INSERT INTO models (model_id, name, target, classes, uses_counts, card) "
        "VALUES ('0123', 'hand', 'direction', ['down', 'up'], false, '{}')"
    )
    first = written(tmp_path / "first.csv", "id,p", "3,0.5")
    imported(posts, first, "dated", horizon=5, until=datetime(2018, 1, 1))
    posts.con.execute("CHECKPOINT")
    before = posts.path.read_bytes()
    path = written(tmp_path / "a.csv", *lines)
    with pytest.raises(InputError) as refused:
        imported(posts, path, **said)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    posts.con.execute("CHECKPOINT")
    assert posts.path.read_bytes() == before


def test_times_of_prediction_are_read_by_their_clock_and_to_the_end_of_their_minute(
    posts: Store, tmp_path: Path
) -> None:
    new_york = written(
        tmp_path / "a.csv", "id,p,made", "2,0.5,2018-12-19 14:02:00", "3,0.5,2018-12-19 14:03:01"
    )
    account = imported(posts, new_york, horizon=5, clock="America/New_York")
    assert (counts(account), account.clock) == ((2, 1, 0, 0, 1), "America/New_York")
    minutes = written(
        tmp_path / "b.csv", "id,p,made_utc", "4,0.5,2018-12-19 19:03", "5,0.5,2018-12-19 19:05"
    )
    account = imported(posts, minutes, horizon=5)
    assert (counts(account), account.clock) == (
        (2, 1, 0, 0, 1), "UTC by the name of the column",
    )  # fmt: skip
    assert [row[1] for row in stored(posts)] == [2, 4]


values = st.sampled_from([0.0, 0.25, 0.5, 1.0])
row = st.tuples(st.sampled_from([2, 3, 9, 99]), st.sampled_from([5, 30]), values)
files = st.lists(st.lists(row, min_size=1, max_size=6), min_size=1, max_size=3)


@examples(40)
@given(files)
def test_files_one_after_another_are_what_a_dictionary_makes_of_them(
    tmp_path_factory: pytest.TempPathFactory, given_files: list[list[tuple[int, int, float]]]
) -> None:
    store, folder = memory_store(), tmp_path_factory.mktemp("given")
    put_tweets(store, [(n, str(POSTED), "x") for n in (2, 3, 9)])
    put_tweets(store, [(9, str(POSTED), "x")])
    store.con.execute("UPDATE tweets SET platform = 'm' WHERE rowid = 3")
    known: dict[tuple[int, int], float] = {}
    for n, rows in enumerate(given_files):
        seen: dict[tuple[int, int], set[float]] = {}
        for tweet_id, minutes, value in rows:
            seen.setdefault((tweet_id, minutes), set()).add(value)
        good = {key: one for key, (one, *more) in seen.items() if key[0] in (2, 3) and not more}
        used = sum(row[:2] in good for row in rows)
        new = sum(key not in known for key in good)
        changed = sum(key in known and known[key] != one for key, one in good.items())
        lines = [f"{a},{b},{c}" for a, b, c in rows]
        path = written(folder / f"{n}.csv", "id,minutes,p", *lines)
        if not used:
            with pytest.raises(InputError, match="can be used"):
                imported(store, path)
            continue
        expected = (len(rows), new, changed, used - new - changed, len(rows) - used)
        assert counts(imported(store, path)) == expected
        known |= good
    assert {(a, b): float(c) for _, a, b, c in stored(store)} == known


# --- beside the rest ------------------------------------------------------------------------------


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """A database with bars, posts and predictions of which some are outside."""
    path = tmp_path / "judged.duckdb"
    with open_store(path) as store:
        put_tweets(store, [(n, f"2018-12-19 19:{n:02}:30", f"text {n}") for n in range(1, 20)])
        put_bars(store, "2018-12-19 18:00", [100 + n % 7 for n in range(180)])
        ensure_windows(store)
        lines = [f"{n},{n / 20},30" for n in range(1, 20)]
        imported(store, written(tmp_path / "p.csv", "id,p,minutes", *lines), until=KNOWN)
    return path


@pytest.mark.slow
def test_a_database_with_them_is_healthy_and_they_stay_when_a_text_changes(
    judged: Path, tmp_path: Path
) -> None:
    with open_store(judged) as store:
        (trial,) = known_trials(store)
        assert (trial.name, trial.symbol, trial.tests) == ("llm", "SPX", 1)
        assert trial.test_from_utc == datetime(2018, 12, 19, 19, 5, 30)
        counted = store.rows("SELECT split, count(*) FROM scored GROUP BY 1 ORDER BY 1")
        assert counted == [("outside", 15), ("train", 4)]
    with Database(judged, read_only=False, create=False) as database:
        longer = written(
            tmp_path / "later.csv",
            "id,created_at,text",
            "7,2018-12-19T19:07:30Z,longer than it was",
        )
        (account,) = database.ingest(longer, platform="twitter")
        assert (account.updated, account.error) == (1, None)
        assert database.query("SELECT count(*) FROM predictions").item() == 19
        # The file that was imported is no archive of posts that is known already.
        (again,) = database.ingest(tmp_path / "p.csv")
        assert not again.unchanged
    failed = {each.name for each in diagnose(judged) if each.ok is False}
    assert failed <= {"accounting", "orphans"}  # the posts by hand have no source


@pytest.mark.slow
def test_the_leak_audit_says_that_they_cannot_be_made_again(judged: Path) -> None:
    (found,) = (each for each in audit(judged, [], 0) if each.name == "predictions llm")
    assert (found.ok, found.fact) == (
        None, "imported from a file: nothing here could make them again",
    )  # fmt: skip


@pytest.mark.slow
def test_amending_predictions_is_another_look(judged: Path, tmp_path: Path) -> None:
    with open_store(judged) as store:
        for n, kept in enumerate((1, 1, 2, 3)):  # the second time nothing is another
            lines = [f"{n},{n / 20 if n > kept else 0.99},30" for n in range(1, 20)]
            imported(store, written(tmp_path / f"{n}.csv", "id,p,minutes", *lines))
        found = known_trials(store)
        assert [each.name for each in found].count("llm, as it was") == 3
        assert [each.name for each in found].count("llm") == 1
        assert {f.models_tried for f in evaluate(store)} == {4}


def test_the_command_says_what_became_of_the_rows(judged: Path, tmp_path: Path) -> None:
    run = CliRunner()
    path = written(tmp_path / "q.csv", "id,prediction", "1,up", "2,down", "3,sideways")
    asked = ["import", "--predictions", str(path), "--model", "hub", "--db", str(judged)]
    told = run.invoke(app, [*asked, "--interval", "1d", "--trained-until", "2018-12", "--json"])
    assert told.exit_code == 0, told.stderr
    found = json.loads(told.stdout)
    assert (found["stored"], found["rejected"], found["intervals"]) == (2, 1, [1_000_001])
    assert found["reasons"] == {'"class" is neither up nor down (see --as)': 1}
    assert found["knows_until_utc"] == "2019-01-01T00:00:00"
    for wrong, line in {
        ("import",): "nothing to import; name a folder, or a file with --predictions",
        ("import", str(tmp_path), "--model", "x"): "--model is of predictions; name their file",
        ("import", "--predictions", str(path)): "--predictions needs a name for its model; give",
        ("import", str(tmp_path), "--predictions", str(path)): "a folder and --predictions exclude",
        (*asked, "--trained-until", "soon"): "'soon' is no date; write it as in 2021-06-30",
    }.items():
        refused = run.invoke(app, list(wrong))
        assert refused.exit_code in (1, 2)
        assert line in refused.stderr
        assert refused.stderr.count("\n") == 1

"""The command line: results on stdout, messages on stderr, one line and a code for each error."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
import torch
import typer
from docs import COMMANDS, help_of
from onnxruntime import get_available_providers
from tiny import contents, put_bars, put_tweets, tiny_bundle
from typer.main import get_command
from typer.testing import CliRunner

from tweetscore import __version__
from tweetscore.cli import training_options
from tweetscore.cli.app import PROGRAM, app
from tweetscore.cli.command import OneLineErrors, command
from tweetscore.cli.console import stdout
from tweetscore.cli.models import options_of_study, options_of_train
from tweetscore.sample.write import ARCHIVE_NAME, BARS_NAME, write_sample
from tweetscore.scoring.bundle import load_bundle
from tweetscore.store.database import SCHEMA_VERSION, open_store
from tweetscore.study.options import StudyOptions
from tweetscore.training.options import TrainingOptions

SMALL_NETWORK = [
    *("--interval", "30", "--vectors", "random", "--embedding-dim", "8", "--hidden", "4"),
    *("--epochs", "2"),
]
SLOW = ((), (pytest.mark.slow,))
EARLIER = {
    "train_from_utc": "2014-01-01T00:00:00",
    "validation_from_utc": "2014-02-01T00:00:00",
    "test_from_utc": "2014-03-01T00:00:00",
    "test_until_utc": "2014-04-01T00:00:00",
}


def invoke(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def refusal(code: int, *arguments: object) -> str:
    """Run a command that must fail with this code; return its one line on stderr."""
    result = invoke(*arguments, code=code)
    assert result.stdout == ""
    assert result.stderr.endswith("\n")
    assert result.stderr.count("\n") == 1
    assert isinstance(result.stderr, str)
    return result.stderr.removesuffix("\n")


def command_line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tweetscore", *map(str, arguments)]


def process(*arguments: object, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command_line(*arguments), capture_output=True, text=True, env={**os.environ, **env}
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small sample and a bundle that has not seen its days."""
    folder = tmp_path_factory.mktemp("made")
    write_sample(folder, posts=700, days=30)
    tiny_bundle(folder / "tiny", split=EARLIER)
    return folder


@pytest.fixture(scope="module")
def scored(made: Path) -> Path:
    """The sample, ingested and scored at 30 minutes; nothing here may change it."""
    db = made / "scored.duckdb"
    invoke("ingest", made / ARCHIVE_NAME, made / BARS_NAME, "--db", db)
    invoke("score", "--model", made / "tiny", "--interval", 30, "--db", db)
    return db


@pytest.fixture(scope="module")
def stored(scored: Path) -> dict[str, tuple[Any, ...]]:
    """What the scored database holds."""
    return contents(scored)


@pytest.fixture
def db(scored: Path, tmp_path: Path) -> Path:
    """A copy of the scored database."""
    return Path(shutil.copy(scored, tmp_path / "copy.duckdb"))


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).fetchall()


# --- help -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_an_example(name: str) -> None:
    assert f"Example: tweetscore {name} " in " ".join(help_of(name).replace("│", " ").split())


def test_no_command_is_missing_here() -> None:
    assert set(get_command(app).commands) == set(COMMANDS)  # type: ignore[attr-defined]  # a group


def in_a_shell(line: str) -> list[str]:
    """Return the words that a shell makes of a line: patterns become names of files."""
    shell = ["bash", "-c", rf"printf '%s\0' {line}"]
    words = subprocess.run(shell, capture_output=True, text=True, check=True)
    return words.stdout.split("\0")[:-1]


@pytest.mark.slow
def test_the_examples_work_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TRAIN", "STUDY"):  # a small network, and briefly
        monkeypatch.setenv(f"TWEETSCORE_{name}_EPOCHS", "1")
        monkeypatch.setenv(f"TWEETSCORE_{name}_VECTORS", "random")
        monkeypatch.setenv(f"TWEETSCORE_{name}_EMBEDDING_DIM", "8")
        monkeypatch.setenv(f"TWEETSCORE_{name}_HIDDEN", "4")
    from text_folders import text_folder

    text_folder(tmp_path / "my-sentiment-model")
    order = "sample ingest train freeze score evaluate query report study export info doctor import"
    order += " compare model abnormal link"
    assert set(order.split()) == set(COMMANDS) - {"browse", "demo"}  # they have tests of their own
    shown = {name: " ".join(get_command(app).commands[name].help.split()) for name in COMMANDS}  # type: ignore[attr-defined]  # a group
    for name in order.split():
        for example in re.findall("`(tweetscore [^`]+)`", shown[name].partition("Example: ")[2]):
            if "--input" in example:  # it reads what the example of export writes
                invoke("export", "posts", "--table", "tweets")
            if "--predictions" in example:  # of somebody
                guesses = "SELECT tweet_id, tweet_id % 7 / 7 AS probability FROM tweets"
                invoke("query", guesses, "--output", "llm.csv")
            if name == "export":
                shutil.rmtree("posts")
            for each in example.split(" && "):
                program, *arguments = in_a_shell(each)
                assert program == "tweetscore"
                invoke(*arguments)


def test_the_version_is_shown() -> None:
    assert invoke("--version").stdout == f"tweetscore {__version__}\n"


def test_the_help_names_every_command() -> None:
    assert all(name in invoke("--help").output for name in COMMANDS)


def said(db: Path) -> tuple[str, list[str]]:
    """What the program says where no command is given: the fact, and the next commands."""
    result = CliRunner().invoke(app, [], env={"TWEETSCORE_DB": str(db)})
    fact, *steps, last = result.stdout.splitlines()
    assert last == "All commands: tweetscore --help"
    assert all(each.startswith("  tweetscore ") for each in steps)
    return fact, [each.split()[1] for each in steps]


def test_no_command_at_all_says_what_comes_next(tmp_path: Path, filled: Path) -> None:
    db = tmp_path / "new.duckdb"
    assert said(db) == (f"{db} does not exist yet.", ["demo", "ingest"])
    assert not db.exists()
    with open_store(db):
        pass
    assert said(db) == (f"{db} has no posts, no bars, no scores.", ["ingest", "demo"])
    with open_store(db) as store:
        put_bars(store, "2023-01-03T14:30:00", [1.0, 2.0])
    assert said(db) == (f"{db} has no posts, bars of SPX, no scores.", ["ingest", "info"])
    with open_store(db) as store:
        put_tweets(store, [(1, "2023-01-03T14:30:00", "up")])
    assert said(db) == (f"{db} has one post, bars of SPX, no scores.", ["score", "train", "browse"])
    with open_store(db) as store:
        store.con.execute("DELETE FROM symbols")
    assert said(db) == (f"{db} has one post, no bars, no scores.", ["ingest", "score", "info"])
    assert said(filled) == (
        f"{filled} has 240 posts, bars of SPX, scores of m.",
        ["report", "browse", "evaluate"],
    )
    db.write_text("no database")
    fact, steps = said(db)
    assert "cannot be opened as a database" in fact
    assert steps == []


@pytest.mark.slow
def test_the_demo_finds_the_planted_signal(tmp_path: Path) -> None:
    began = time.monotonic()
    result = invoke("demo", tmp_path / "demo")
    assert time.monotonic() - began < 120  # half of it on a machine that does nothing else
    verdict, report = result.stdout.splitlines()
    assert verdict == "Signal beyond the baseline at 30 minutes."
    assert verdict in Path(report.removeprefix("report: ")).read_text("utf-8")
    db = tmp_path / "demo" / "tweetscore.duckdb"
    assert f"tweetscore browse --db {db}" in result.stderr
    assert said(db)[1] == ["report", "browse", "evaluate"]
    again = invoke("demo", tmp_path / "demo", code=1)
    assert "already exists" in again.stderr


# --- stdout is data -------------------------------------------------------------------------------


def one_json(result: Any) -> Any:
    """Return the one JSON value that is all of stdout."""
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


def test_sample_as_json(tmp_path: Path) -> None:
    found = one_json(invoke("sample", tmp_path / "new", "--posts", 100, "--json"))
    assert found == {
        "json_version": 1,
        "archive": str(tmp_path / "new" / ARCHIVE_NAME),
        "bars": str(tmp_path / "new" / BARS_NAME),
        "posts": 100,
        "bar_rows": 95_252,
        "planted": found["planted"],
    }


@pytest.mark.slow
def test_a_sample_of_two_symbols_names_the_planted_one_and_what_comes_next(tmp_path: Path) -> None:
    made = ("sample", tmp_path / "new", "--posts", 100, "--symbols", 2, "--planted", "SO")
    result = invoke(*made)
    assert "symbols         MADEUP, SO\nplanted_symbol  SO\n" in result.stdout
    read, then = result.stderr.splitlines()
    bars = tmp_path / "new" / "bars"
    assert read == f"read it with: tweetscore ingest {tmp_path / 'new' / ARCHIVE_NAME} {bars}"
    assert then.startswith("link, train, score and judge with: tweetscore link --cashtags; ")
    as_json = one_json(invoke("sample", tmp_path / "other", *made[2:], "--json"))
    assert (as_json["symbols"], as_json["planted_symbol"]) == (["MADEUP", "SO"], "SO")
    assert as_json["bars"] == str(tmp_path / "other" / "bars")


def test_ingest_as_json_accounts_for_every_row(made: Path, tmp_path: Path) -> None:
    db = tmp_path / "new.duckdb"
    found = one_json(invoke("ingest", made / ARCHIVE_NAME, made / BARS_NAME, "--db", db, "--json"))
    counts = ("rows_read", "stored", "updated", "duplicates", "rejected")
    bars = rows(db, "SELECT count(*) FROM bars")[0][0]
    assert [[each[name] for name in counts] for each in found["files"]] == [
        [700, 700, 0, 0, 0],
        [bars, bars, 0, 0, 0],
    ]
    assert found["total"] == dict(zip(counts, (700 + bars, 700 + bars, 0, 0, 0), strict=True))
    again = one_json(invoke("ingest", made / ARCHIVE_NAME, "--db", db, "--json"))
    assert again["files"][0]["unchanged"] is True
    assert again["total"] == dict.fromkeys(counts, 0)


@pytest.mark.slow
def test_train_as_json(db: Path, tmp_path: Path) -> None:
    found = one_json(
        invoke(
            "train",
            *SMALL_NETWORK,
            "--db",
            db,
            "--output",
            tmp_path / "new",
            "--log-dir",
            tmp_path / "runs",
            "--json",
        )
    )
    bundle = load_bundle(tmp_path / "new")
    assert (found["model"], found["model_id"]) == ("new", bundle.model_id)
    assert (found["epochs"], found["interrupted"]) == (2, False)
    assert [each["interval_minutes"] for each in found["figures"]] == [30]
    assert list((tmp_path / "runs" / "new").glob("events.*"))


def test_score_as_json_has_integers_and_reasons(made: Path, db: Path) -> None:
    found = one_json(invoke("score", "--model", made / "tiny", "--db", db, "--json"))
    assert (found["model"], found["intervals"], found["tweets"]) == ("tiny", [5, 30], 700)
    assert found["tweets"] == found["scored"] + found["skipped"]
    assert found["skipped_reasons"] == {"empty_text": found["skipped"]}
    again = one_json(
        invoke("score", "--model", made / "tiny", "--interval", 30, "--db", db, "--json")
    )
    assert again["scored"] == 0
    assert again["skipped_reasons"]["already_scored"] == found["scored"]


def test_evaluate_as_json(db: Path) -> None:
    found = one_json(invoke("evaluate", "--db", db, "--json"))
    words = "Inconclusive at 30 minutes: no signal, but so few days would show only an AUC of"
    assert found["verdict"].startswith(words)
    (figures,) = found["figures"]
    expected = rows(db, "SELECT count(*) FROM scored WHERE correct IS NOT NULL")[0][0]
    assert (figures["model"], figures["symbol"], figures["rows"]) == ("tiny", "MADEUP", expected)


@pytest.mark.slow
def test_query_and_info_as_json(db: Path) -> None:
    sql = "SELECT count(*) AS n FROM tweets"
    assert one_json(invoke("query", sql, "--db", db, "--json")) == [{"n": 700}]
    found = one_json(invoke("info", "--db", db, "--json"))
    assert found["tweets"][0]["tweets"] == 700
    assert found["rejects"] == []


def test_tables_are_on_stdout_and_messages_on_stderr(made: Path, db: Path) -> None:
    again = invoke("ingest", made / ARCHIVE_NAME, "--db", db)
    assert [line.split()[0] for line in again.stdout.splitlines()] == ["file", ARCHIVE_NAME]
    assert "nothing changed" in again.stderr
    result = invoke("score", "--model", made / "tiny", "--interval", 30, "--db", db)
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        "tiny",
        "tweets",
        "scored",
        "skipped:",
        "skipped:",
    ]
    assert result.stderr.count("\n") == 1
    assert invoke("info", "--db", db).stderr == ""


# --- which database -------------------------------------------------------------------------------


def test_the_database_is_named_by_an_option_or_by_the_environment(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(db.parent)
    expected = "Error: tweetscore.duckdb: no such database; make it with: "
    assert refusal(1, "info").startswith(expected)
    monkeypatch.setenv("TWEETSCORE_DB", str(db))
    assert "MADEUP" in invoke("info").stdout
    assert refusal(1, "info", "--db", "other.duckdb").startswith("Error: other.duckdb: ")
    db.rename(db.with_name("tweetscore.duckdb"))
    monkeypatch.delenv("TWEETSCORE_DB")
    assert "MADEUP" in invoke("info").stdout


# --- how much is printed, and in which colours ---------------------------------------------------


@pytest.mark.slow
def test_quiet_prints_errors_only(made: Path, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["score", "--model", made / "tiny", "--db", db]
    invoke(*arguments)
    loud, silent = invoke(*arguments), invoke(*arguments, "--quiet")
    assert loud.stderr
    assert (silent.stdout, silent.stderr) == (loud.stdout, "")
    assert refusal(1, "info", "--quiet", "--db", "none.duckdb").startswith("Error: none.duckdb: ")
    monkeypatch.setenv("TWEETSCORE_QUIET", "1")
    assert invoke(*arguments).stderr == ""
    assert invoke("info", "--db", db).stderr == ""


def test_verbose_prints_the_time_taken_and_where_an_error_arose(db: Path) -> None:
    printed = invoke("info", "--verbose", "--db", db).stderr
    assert re.fullmatch(r"took \d+\.\d s\n", printed)
    wrong = invoke("info", "-v", "--db", "none.duckdb", code=1).stderr
    assert wrong.startswith("Error: none.duckdb: no such database")
    assert "open_store" in wrong
    assert wrong.splitlines()[-1].startswith("tweetscore.errors.InputError: none.duckdb: ")


def test_quiet_and_verbose_exclude_each_other(db: Path) -> None:
    expected = "Error: --quiet and --verbose exclude each other; leave one out"
    assert refusal(1, "info", "-q", "-v", "--db", db) == expected


def test_an_option_may_stand_in_the_environment(
    made: Path, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWEETSCORE_DB", str(db))
    monkeypatch.setenv("TWEETSCORE_SCORE_MODEL", str(made / "tiny"))
    monkeypatch.setenv("TWEETSCORE_SCORE_INTERVAL", "5 30")
    monkeypatch.setenv("TWEETSCORE_JSON", "1")
    assert one_json(invoke("score"))["intervals"] == [5, 30]
    assert one_json(invoke("score", "--interval", 5))["intervals"] == [5]
    monkeypatch.setenv("TWEETSCORE_SCORE_INTERVAL", "half")
    assert refusal(2, "score").endswith("; see: tweetscore score --help")


@pytest.mark.slow
def test_every_option_follows_the_rule_of_its_variable(
    made: Path, db: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TWEETSCORE_DB", str(db))
    monkeypatch.setenv("TWEETSCORE_EVALUATE_FROM", "2030-01-01")
    by_variable = refusal(1, "evaluate")
    monkeypatch.delenv("TWEETSCORE_EVALUATE_FROM")
    assert by_variable == refusal(1, "evaluate", "--from", "2030-01-01")
    invoke("export", tmp_path / "posts", "--table", "tweets")
    monkeypatch.setenv("TWEETSCORE_SCORE_INPUT", str(tmp_path / "posts"))
    monkeypatch.setenv("TWEETSCORE_SCORE_OUTPUT", str(tmp_path / "scored"))
    assert one_json(invoke("score", "--model", made / "tiny", "--json"))["shards"] == 1


def test_the_options_of_train_and_study_have_the_defaults_of_the_functions() -> None:
    labels = training_options.LabelOptions()
    running = training_options.RunOptions()
    learn = options_of_train(
        labels, training_options.NetworkOptions(), training_options.FitOptions(), running
    )
    assert learn == TrainingOptions()
    design = training_options.DesignOptions()
    assert options_of_study(labels, design, "archive", 100, running) == StudyOptions()


JSON_OF = {
    "info": ["info"],
    "doctor": ["doctor"],
    "evaluate": ["evaluate"],
    "query --list": ["query", "--list"],
    "score": ["score", "--model", "{made}/tiny"],
    "ingest": ["ingest", "{made}/" + ARCHIVE_NAME],
}


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=SLOW[each == "doctor"]) for each in JSON_OF]
)
def test_every_command_prints_one_json_object_with_the_version_of_its_shape(
    made: Path, db: Path, name: str
) -> None:
    arguments = [each.format(made=made) for each in JSON_OF[name]]
    assert one_json(invoke(*arguments, "--json", "--db", db))["json_version"] == 1


@pytest.mark.parametrize(
    "columns", [80, *(pytest.param(each, marks=pytest.mark.slow) for each in (60, 140))]
)
def test_on_a_terminal_no_word_of_a_table_is_cut(
    db: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = invoke("evaluate", "--db", db).stdout.split()
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # so that rich takes any stream for a terminal
    monkeypatch.setattr(stdout, "width", columns)
    shown = invoke("evaluate", "--db", db).stdout
    assert sorted(set(wide)) == sorted(set(shown.split()))
    table = shown.split("\n\n")[0].splitlines()[1:]
    assert [line for line in table if len(line) > columns] == []
    assert (len(table) == 2) == (columns >= 80)  # else a block a row


@pytest.mark.slow
def test_no_color_is_respected(db: Path) -> None:
    terminal = {"TTY_COMPATIBLE": "1", "TERM": "xterm"}
    shown = [
        process("info", "--db", db, env=terminal | {"NO_COLOR": value}).stdout
        for value in ("", "1")
    ]
    coloured = [re.findall(r"\x1b\[[\d;]*3\dm", each) for each in shown]
    assert coloured[1] == []
    assert "MADEUP" in shown[1]


def test_completion_knows_commands_models_and_queries() -> None:
    def completed(words: str, at: int) -> list[str]:
        asked = {
            "_TWEETSCORE_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(at),
        }
        result = CliRunner().invoke(app, [], prog_name=PROGRAM, env=asked)
        assert isinstance(result.stdout, str)
        return result.stdout.split()

    assert completed("tweetscore sc", 1) == ["score"]
    assert completed("tweetscore score --model ", 3) == ["reference"]
    assert "hit_rate" in completed("tweetscore query --file h", 3)


# --- failures -------------------------------------------------------------------------------------

USERS = {
    "query": ["query", "SELECT 1"],
    "info": ["info"],
    "evaluate": ["evaluate"],
    "score": ["score", "--model", "{made}/tiny"],
    "train": ["train", "--output", "{tmp}/new", "--log-dir", "{tmp}/runs"],
}


def users(name: str, made: Path, tmp: Path) -> list[str]:
    return [each.format(made=made, tmp=tmp) for each in USERS[name]]


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=SLOW[each == "query"]) for each in USERS]
)
def test_a_missing_database_is_reported_and_not_made(made: Path, tmp_path: Path, name: str) -> None:
    db = tmp_path / "none.duckdb"
    assert refusal(1, *users(name, made, tmp_path), "--db", db) == (
        f"Error: {db}: no such database; make it with: tweetscore ingest PATH --db {db}"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [*USERS, "ingest"])
@pytest.mark.parametrize("kind", ["text", "folder", "foreign", "newer"])
@pytest.mark.slow
def test_what_is_no_database_of_ours_is_refused_and_left_alone(
    made: Path, db: Path, tmp_path: Path, name: str, kind: str
) -> None:
    bad = tmp_path / "bad.duckdb"
    if kind == "text":
        bad.write_text("not a database\n" * 1_000)
    elif kind == "folder":
        bad.mkdir()
    elif kind == "foreign":
        with duckdb.connect(str(bad)) as con:
            con.execute("CREATE TABLE cats (name VARCHAR)")
    else:
        db.rename(bad)
        with duckdb.connect(str(bad)) as con:
            con.execute("UPDATE settings SET schema_version = 99")
    before = bad.read_bytes() if bad.is_file() else b""
    arguments = users(name, made, tmp_path) if name in USERS else ["ingest", made / ARCHIVE_NAME]
    line = refusal(5 if kind == "foreign" else 1, *arguments, "--db", bad)
    expected = {
        "text": "cannot be opened as a database",
        "folder": "cannot be opened as a database",
        "foreign": "is a database but not tweetscore's; name another with --db",
        "newer": f"has schema 99, newer than our {SCHEMA_VERSION}; upgrade tweetscore",
    }[kind]
    assert line.startswith(f"Error: {bad}: {expected}")
    assert (bad.read_bytes() if bad.is_file() else b"") == before
    assert [path for path in tmp_path.iterdir() if path != bad and path != db] == []


@pytest.fixture
def holder(db: Path) -> Iterator[int]:
    """The PID of another process that holds the database open."""
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(db)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield other.pid
        other.kill()


@pytest.mark.slow
def test_a_database_that_another_process_holds_is_named_with_its_pid(
    made: Path, db: Path, tmp_path: Path, holder: int
) -> None:
    every = [users(name, made, tmp_path) for name in USERS] + [["ingest", str(made / BARS_NAME)]]
    for arguments in every:
        line = refusal(4, *arguments, "--db", db)
        assert line.startswith(f"Error: {db}: locked by ")
        assert f"(PID {holder})" in line
        assert line.endswith("wait until it ends, or end it")


def test_a_changed_byte_in_a_bundle_is_refused(made: Path, db: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "damaged"
    shutil.copytree(made / "tiny", bundle)
    content = bytearray((bundle / "model.onnx").read_bytes())
    content[-5] ^= 1
    (bundle / "model.onnx").write_bytes(content)
    line = refusal(5, "score", "--model", bundle, "--db", db)
    assert line.startswith(f"Error: {bundle}/model.onnx: its sha256 is not the one in SHA256SUMS")
    assert rows(db, "SELECT count(*) FROM models") == [(1,)]


@pytest.mark.slow
def test_rejects_are_exit_3_only_when_strict(made: Path, tmp_path: Path) -> None:
    archive = tmp_path / "one_bad.json"
    posts = json.loads((made / ARCHIVE_NAME).read_text("utf-8"))[:5]
    posts[2]["created_at"] = "yesterday"
    archive.write_text(json.dumps(posts), "utf-8")
    found = invoke("ingest", archive, "--db", tmp_path / "a.duckdb", "--json")
    assert json.loads(found.stdout)["total"]["rejected"] == 1
    strict = invoke("ingest", archive, "--strict", "--db", tmp_path / "b.duckdb", code=3)
    last = strict.stderr.splitlines()[-1]
    assert last == "Error: 1 records were rejected; see them with: tweetscore info"
    kept = "SELECT count(*) FROM tweets"
    assert rows(tmp_path / "b.duckdb", kept) == rows(tmp_path / "a.duckdb", kept) == [(4,)]


MISTAKES: dict[str, tuple[list[str], str]] = {
    "no such archive": (["ingest", "{tmp}/none.json"], "{tmp}/none.json: "),
    "a folder to ingest": (["ingest", "{tmp}/folder"], "{tmp}/folder: "),
    "an empty file": (["ingest", "{tmp}/empty.json"], "{tmp}/empty.json: "),
    "a wrong file": (["ingest", "{tmp}/picture.png"], "{tmp}/picture.png: neither a tweet archive"),
    "a broken zip": (["ingest", "{tmp}/broken.zip"], "{tmp}/broken.zip: "),
    "an unknown clock": (["ingest", "{made}/" + BARS_NAME, "--symbol", "X", "--clock", "Mars"],
                         "'Mars' is not a clock; use one like UTC, "),
    "an unknown calendar": (["ingest", "{made}/" + BARS_NAME, "--symbol", "X",
                             "--calendar", "MARS"], ""),
    "no such model": (["score", "--model", "none"],
                      "none: no such model folder; name one that 'tweetscore train' has written"),
    "a folder without a model": (["score", "--model", "{tmp}/folder"],
                                 "{tmp}/folder: model.onnx is missing; "),
    "an unknown interval": (["score", "--model", "{made}/tiny", "--interval", "7"],
                            "{made}/tiny: does not predict 7 minutes, only 5, 30; "),
    "a model that never scored": (["evaluate", "--model", "none"],
                                  "{tmp}/copy.duckdb: no model none has scored here; it has: tiny"),
    "a session without outcomes": (["evaluate", "--model", "tiny", "--db", "{tmp}/bare.duckdb"],
                                   "{tmp}/bare.duckdb: no model tiny has scored here; "
                                   "it has: none"),
    "an unknown symbol": (["train", "--symbol", "DAX", "--output", "{tmp}/new"],
                          "{tmp}/copy.duckdb: no bars of DAX; it has MADEUP"),
    "nothing to train on": (["train", "--db", "{tmp}/bare.duckdb", "--output", "{tmp}/new"],
                            "{tmp}/bare.duckdb: holds no bars; ingest minute bars first"),
    "no such vectors": (["train", "--vectors", "{tmp}/none.bin", "--output", "{tmp}/new"],
                        "{tmp}/none.bin: "),
    "a clock with a slip": (["ingest", "{made}/" + BARS_NAME, "--symbol", "X",
                             "--clock", "America/New_Yrok"],
                            "'America/New_Yrok' is not a clock; use one like UTC, "
                            "America/New_York, EST, Europe/Berlin-06:00; "
                            "did you mean America/New_York?"),
    "a model with a slip": (["score", "--model", "referense"],
                            "referense: no such model folder; name one that 'tweetscore train' has "
                            "written, or a shipped one; did you mean reference?"),
    "a scored model with a slip": (["evaluate", "--model", "tinny"],
                                   "{tmp}/copy.duckdb: no model tinny has scored here; "
                                   "it has: tiny; did you mean tiny?"),
    "a symbol with a slip": (["train", "--symbol", "MADUP", "--output", "{tmp}/new"],
                             "{tmp}/copy.duckdb: no bars of MADUP; it has MADEUP; "
                             "did you mean MADEUP?"),
    "files without an output": (["score", "--input", "{tmp}"], "--input needs a folder for the "),
    "no files": (["score", "--input", "{tmp}/no", "--output", "{tmp}/new"],
                 "{tmp}/no: no Parquet file found; "),
    "an export over something": (["export", "{tmp}/folder"], "{tmp}/folder: already exists; "),
    "an export of no table": (["export", "{tmp}/new", "--table", "tweet"],
                              "{tmp}/copy.duckdb: has no table or view tweet; did you mean "),
    "an import of nothing": (["import", "{tmp}/folder"], "{tmp}/folder: is neither an export nor "),
    "a report of no model": (["report", "--output", "{tmp}/r.html", "--model", "none"],
                             "{tmp}/copy.duckdb: no model none has scored"),
    "a report in no folder": (["report", "--output", "{tmp}/no/r.html"],
                              "{tmp}/no/r.html: its folder does not exist; make {tmp}/no first"),
    "no query": (["query"], "no query: give SQL, or --file with a file "),
    "an unknown query": (["query", "--file", "none"], "none: no such file or shipped query; list "),
    "a query that writes": (["query", "DROP TABLE tweets"], "a query is one SELECT; "),
    "a sample that is there": (["sample", "{made}"], "{made}/"),
    "a sample inside a file": (["sample", "{tmp}/empty.json"], "{tmp}/empty.json: "),
    "a database in no folder": (["ingest", "{made}/" + ARCHIVE_NAME, "--db", "{tmp}/no/a.duckdb"],
                                "{tmp}/no/a.duckdb: its folder does not exist; "),
}  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "SELECT 1", "--timeout", "inf"],
        ["query", "SELECT 1", "--timeout", "1e308"],
        ["query", "SELECT 1", "--timeout", "nan"],
        ["evaluate", "--effect", "nan"],
        ["export", "out", "--rows-per-file", "99999999999999999999"],
        ["ingest", "none.json", "--max-gap", "99999999999"],
        ["ingest", "none.json", "--flat-bps", "inf"],
    ],
    ids=" ".join,
)
def test_a_number_beyond_all_bounds_is_refused_in_one_line(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = db.read_bytes()
    result = CliRunner().invoke(app, [*arguments, "--db", str(db)])
    assert result.exit_code in (1, 2)
    assert result.stderr.startswith("Error: ")
    assert arguments[-2] in result.stderr
    assert result.stderr.count("\n") == 1
    assert db.read_bytes() == before


@pytest.mark.slow
def test_a_parameter_of_five_thousand_digits_is_text(db: Path) -> None:
    digits = "9" * 5_000
    shown = invoke("query", "SELECT $a AS a", "--param", f"a={digits}", "--json", "--db", db)
    assert json.loads(shown.stdout) == [{"a": digits}]


def test_what_nobody_foresaw_is_one_line_too() -> None:
    broken = typer.Typer(cls=OneLineErrors)

    @command(broken, "Panel")
    def first() -> None:
        raise ZeroDivisionError("division by zero\nin two lines")

    @command(broken, "Panel")
    def second() -> None: ...

    result = CliRunner().invoke(broken, ["first"])
    assert result.exit_code == 70
    assert result.stderr == (
        "Error: ZeroDivisionError: division by zero; this is a fault of tweetscore: please report "
        "it with what --verbose prints\n"
    )
    told = CliRunner().invoke(broken, ["first", "--verbose"]).stderr
    assert "Traceback (most recent call last):" in told


@pytest.mark.slow
@pytest.mark.parametrize("form", ["table", "csv", "json", "md"])
@pytest.mark.parametrize(
    "locale", [{"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}]
)
def test_a_locale_without_a_character_loses_no_row(
    db: Path, form: str, locale: dict[str, str]
) -> None:
    sql = "SELECT 'caf\u00e9 \u2026 \U0001f600' AS text UNION ALL SELECT 'plain'"
    program = [sys.executable, "-m", "tweetscore", "query", sql, "--format", form, "--db", str(db)]
    done = subprocess.run(program, env={**os.environ, **locale}, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"plain" in done.stdout
    assert b"caf" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ["info", "query --list", "query 'SELECT 1'", "doctor"])
def test_a_closed_standard_output_is_told(db: Path, arguments: str) -> None:
    program = f"'{sys.executable}' -m tweetscore {arguments} --db '{db}' >&-"
    done = subprocess.run(program, shell=True, capture_output=True, check=False, text=True)
    assert done.returncode == 1
    assert done.stderr == ("Error: standard output is closed; open it, or send it to a file\n")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.slow
def test_a_name_that_is_no_utf8_is_read_and_shown(made: Path, tmp_path: Path) -> None:
    folder, db = tmp_path / "names", tmp_path / "new.duckdb"
    folder.mkdir()
    shutil.copy(made / ARCHIVE_NAME, folder / os.fsdecode(b"b\xe4d.json"))
    (account,) = one_json(invoke("ingest", folder, "--db", db, "--json"))["files"]
    assert Path(account["name"]).name == "b\ufffdd.json"
    assert account["rows_read"] == account["stored"] > 0
    assert "b\ufffdd.json" in invoke("info", "--db", db).stdout


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.slow
def test_a_mistake_is_one_line_and_nothing_is_written(
    made: Path, db: Path, stored: Any, empty_db: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.json").touch()
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with open_store(Path(shutil.copy(empty_db, tmp_path / "bare.duckdb"))) as store:
        put_tweets(store, [(1, "2018-12-19 19:00:00", "a word")])
    before = {path: size(path) for path in tmp_path.rglob("*") if path != db}
    arguments, expected = MISTAKES[name]
    filled = [each.format(made=made, tmp=tmp_path) for each in arguments]
    with_db = filled if "--db" in filled or filled[0] == "sample" else [*filled, "--db", str(db)]
    logs = ["--log-dir", str(tmp_path / "runs")] if filled[0] == "train" else []
    line = refusal(1, *with_db, *logs)
    assert line.startswith("Error: " + expected.format(made=made, tmp=tmp_path))
    assert {path: size(path) for path in tmp_path.rglob("*") if path != db} == before
    assert contents(db) == stored


@pytest.mark.parametrize(
    "arguments",
    [
        ["ingest", "{tmp}/bad.csv", "--max-gap", "7"],
        ["ingest", "{made}/{bars}", "--calendar", "XXXX", "--max-gap", "9"],
        ["ingest", "{made}/{bars}", "--symbol", "NEW", "--calendar", "XTKS"],
        ["ingest", "{made}/{bars}", "--symbol", "NEW", "--clock", "Asia/Tokyo"],
        ["ingest", "{made}/{archive}", "--encoding", "klingon"],
        ["ingest", "{made}/{archive}", "--column", "text=none"],
        ["import", "{made}"],
        ["score", "--model", "{made}/tiny", "--interval", "7"],
        ["train", "--symbol", "NONE", "--log-dir", "{tmp}/runs"],
        ["study", "--tables", "{tmp}/none", "--log-dir", "{tmp}/runs"],
    ],
    ids=" ".join,
)
@pytest.mark.slow
def test_a_refusal_leaves_the_database_as_it_was_to_the_byte_and_makes_none(
    made: Path, db: Path, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    names = {"made": made, "tmp": tmp_path, "bars": BARS_NAME, "archive": ARCHIVE_NAME}
    filled = [each.format(**names) for each in arguments]
    kept, new = Path(shutil.copy(db, tmp_path / "kept.duckdb")), tmp_path / "new.duckdb"
    before = kept.read_bytes()
    refusal(1, *filled, "--db", kept)
    assert kept.read_bytes() == before
    if filled[0] != "ingest":  # which tells of each file, and ends well
        refusal(1, *filled, "--db", new)
        assert not new.exists()


NO_GPU = {
    "train": (
        ["train", "--output", "{tmp}/new", "--log-dir", "{tmp}/runs"],
        r"--device cuda: torch \S+ finds no GPU that it can use; install torch's CUDA build "
        r"\(pytorch\.org/get-started\), or leave --device out",
    ),
    "score": (
        ["score", "--model", "{made}/tiny"],
        r"--device cuda: onnxruntime \S+ is built without CUDA; pip uninstall onnxruntime and "
        r"pip install onnxruntime-gpu, or leave --device out",
    ),
}


@pytest.mark.parametrize("name", NO_GPU)
def test_a_gpu_that_is_not_there_is_refused_before_anything_is_written(
    made: Path, db: Path, stored: Any, tmp_path: Path, name: str
) -> None:
    if torch.cuda.is_available() or "CUDAExecutionProvider" in get_available_providers():
        pytest.skip("there is CUDA here")
    arguments, expected = NO_GPU[name]
    filled = [each.format(made=made, tmp=tmp_path) for each in arguments]
    line = refusal(1, *filled, "--device", "cuda", "--db", db)
    assert re.fullmatch("Error: " + expected, line)
    assert contents(db) == stored
    assert list(tmp_path.iterdir()) == [db]


def size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "--interval", "0"],
        ["score", "--interval", "half"],
        ["ingest"],
        ["sample"],
        ["query", "SELECT 1", "--format", "xml"],
        ["evaluate", "--session", "night"],
        ["train", "--epochs", "0"],
        ["fly"],
    ],
)
def test_wrong_usage_is_exit_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = refusal(2, *arguments)
    assert line.startswith("Error: ")
    assert line.endswith(" --help")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["scor"], "No such command 'scor'. Did you mean 'score', 'doctor'?; see: tweetscore"),
        (["--jsn"], "No such option: --jsn; see: tweetscore"),
        (
            ["score", "--intervall", "3"],
            "No such option: --intervall (Possible options: --interval); see: tweetscore score",
        ),
        (["ingest"], "Missing argument 'paths'; see: tweetscore ingest"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest_right_one(
    arguments: list[str], expected: str
) -> None:
    assert refusal(2, *arguments) == f"Error: {expected} --help"


def test_several_refused_files_are_a_line_each_and_the_others_are_stored(
    made: Path, tmp_path: Path
) -> None:
    db = tmp_path / "new.duckdb"
    names = [tmp_path / "a.json", made / ARCHIVE_NAME, tmp_path / "b.json"]
    result = invoke("ingest", *names, "--db", db, code=1)
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert [line.split(": ")[1] for line in errors] == [str(names[0]), str(names[2])]
    assert rows(db, "SELECT count(*) FROM tweets") == [(700,)]


@pytest.mark.slow
def test_a_reader_who_goes_away_ends_the_command_quietly(db: Path) -> None:
    sql = "SELECT a.tweet_id FROM tweets a, tweets b"  # half a million rows
    with subprocess.Popen(
        command_line("query", sql, "--format", "csv", "--db", db),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == "tweet_id\n"
        running.stdout.close()
        assert "Traceback" not in running.stderr.read()


# --- Ctrl-C ---------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.slow
def test_ctrl_c_in_training_keeps_the_best_epoch_and_prints_that(db: Path, tmp_path: Path) -> None:
    arguments = [
        "train",
        *SMALL_NETWORK[:-2],
        "--epochs",
        "100000",
        "--db",
        db,
        "--output",
        tmp_path / "kept",
        "--log-dir",
        tmp_path / "runs",
    ]
    messages = ""
    with subprocess.Popen(
        command_line(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        assert running.stdout is not None
        while not messages.endswith("\n") or "epoch 1 of 100000" not in messages:
            letters = running.stderr.readline()
            assert letters, messages
            messages += letters
        running.send_signal(signal.SIGINT)
        messages += running.stderr.read()
        output = running.stdout.read()
    assert running.returncode == 0, messages
    (epochs,) = re.findall(
        r"interrupted after epoch (\d+): the best epoch so far is kept\n", messages
    )
    bundle = load_bundle(tmp_path / "kept")
    best = bundle.card["training"]["best_epoch"]
    assert f"saved {bundle.path} (epoch {best} of {epochs})" in messages
    assert bundle.card["training"]["interrupted"] is True
    assert best <= int(epochs) < 100_000
    assert "30" in output
    assert "Traceback" not in messages


def interrupted(db: Path, files: Sequence[Path], wait: float) -> tuple[int, str, str]:
    """Interrupt a run so many seconds after it made its database; sooner if it had ended then."""
    for sooner in range(10):
        db.unlink(missing_ok=True)
        with subprocess.Popen(
            command_line("ingest", *files, "--db", db),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            while not db.exists() and running.poll() is None:
                time.sleep(0.005)
            time.sleep(wait / 2**sooner)
            running.send_signal(signal.SIGINT)
            output, messages = running.communicate()
        if running.returncode:
            break
    return running.returncode, output, messages


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.slow
def test_ctrl_c_while_ingesting_leaves_a_clean_database(tmp_path: Path) -> None:
    write_sample(tmp_path, posts=20_000, days=120)
    files = [tmp_path / ARCHIVE_NAME, tmp_path / BARS_NAME]
    invoke("ingest", *files, "--db", tmp_path / "whole.duckdb")
    for wait in (0.05, 0.5):
        db = tmp_path / f"cut_after_{wait}.duckdb"
        code, output, messages = interrupted(db, files, wait)
        assert (code, output) == (130, "")
        assert (
            messages == "Interrupted: finished work is saved; run the command again to continue\n"
        )
        with open_store(db) as store:
            assert store.row("SELECT count(*) FROM tweets")[0] in (0, 20_000)
            stored, accounted = store.row(
                "SELECT (SELECT count(*) FROM tweets) + (SELECT count(*) FROM bars), "
                "(SELECT coalesce(sum(stored), 0) FROM sources)"
            )
            assert stored == accounted
        invoke("ingest", *files, "--db", db)
        assert contents(db) == contents(tmp_path / "whole.duckdb")


def failing(error: BaseException, cause: BaseException | None = None) -> Any:
    """Run a command of our kind whose body raises an error."""
    own = typer.Typer(cls=OneLineErrors, pretty_exceptions_enable=False)
    own.callback()(lambda: None)

    @command(own, "Panel")
    def fail() -> None:
        raise error from cause

    return CliRunner().invoke(own, ["fail"])


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (KeyboardInterrupt(), None),
        (RuntimeError("Query interrupted"), None),
        (ImportError("half"), KeyboardInterrupt()),
    ],
)
def test_ctrl_c_is_one_line_however_a_library_passes_it_on(
    error: BaseException, cause: BaseException | None
) -> None:
    result = failing(error, cause)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines() == [
        "Interrupted: finished work is saved; run the command again to continue"
    ]


# --- what is imported -----------------------------------------------------------------------------


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )


@pytest.mark.slow
def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from typer.main import get_command
from typer.testing import CliRunner
from tweetscore.cli import training_options
from tweetscore.cli.app import PROGRAM, app
from tweetscore.cli.command import OneLineErrors, command
from tweetscore.cli.console import stdout
from tweetscore.cli.models import options_of_train, options_of_study
for name in sys.argv[1:]:
    assert CliRunner().invoke(app, [name, "--help"] if name else ["--help"]).exit_code == 0
heavy = "polars duckdb numpy pyarrow sklearn scipy onnxruntime pandas torch gensim"
print([name for name in heavy.split() if name in sys.modules])
"""
    result = python(code, "", *COMMANDS)
    assert (result.stdout, result.stderr) == ("[]\n", "")


@pytest.mark.slow
def test_all_but_training_works_without_the_extra(made: Path, tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from typer.main import get_command
from typer.testing import CliRunner
from tweetscore.cli import training_options
from tweetscore.cli.app import PROGRAM, app
from tweetscore.cli.command import OneLineErrors, command
from tweetscore.cli.console import stdout
from tweetscore.cli.models import options_of_train, options_of_study
extra = ("torch", "gensim", "onnx", "tensorboard")

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in extra:
            raise ModuleNotFoundError(f"no {name} here", name=name)

sys.meta_path.insert(0, Absent())
archive, bars, model, db, folder = sys.argv[1:]
for arguments in (
    ["sample", folder, "--posts", "100"],
    ["ingest", archive, bars], ["score", "--model", model], ["evaluate"],
    ["query", "FROM scored"], ["query", "--file", "hit_rate"], ["info"],
):
    wanted = arguments if arguments[0] == "sample" else [*arguments, "--db", db]
    result = CliRunner().invoke(app, wanted)
    assert result.exit_code == 0, (arguments, result.output, result.exception)
print(sorted({name.split(".")[0] for name, each in sys.modules.items() if each} & set(extra)))
"""
    db, folder = tmp_path / "new.duckdb", tmp_path / "sample"
    result = python(code, made / ARCHIVE_NAME, made / BARS_NAME, made / "tiny", db, folder)
    assert (result.stdout, result.stderr) == ("[]\n", "")


@pytest.mark.parametrize("name", ["torch", "gensim", "onnx", "tensorboard"])
def test_training_without_its_extra_says_how_to_get_it(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    line = refusal(1, "train", "--output", tmp_path / "new", "--db", tmp_path / "none.duckdb")
    assert line == f"Error: training needs {name}: pip install 'tweetscore[train]'"


# --- whole pages and files ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["same", "symbolic", "hard"])
@pytest.mark.parametrize("arguments", [["report"], ["query", "SELECT 1"]], ids=["report", "query"])
def test_no_output_replaces_the_database_under_whatever_name(
    db: Path, tmp_path: Path, arguments: list[str], name: str
) -> None:
    # A copy with an ending that query can write.
    database, link = tmp_path / "v.csv", tmp_path / "link.csv"
    shutil.copy(db, database)
    if name == "symbolic":
        link.symlink_to(database)
    elif name == "hard":
        link.hardlink_to(database)
    output = database if name == "same" else link
    before = database.read_bytes()
    said = refusal(1, *arguments, "--db", database, "--output", output)
    assert said == f"Error: {output}: is also read from; choose another --output"
    assert database.read_bytes() == before


def test_no_output_replaces_the_query_it_is_of(db: Path, tmp_path: Path) -> None:
    query = tmp_path / "mine.md"
    query.write_text("SELECT 1")
    said = refusal(1, "query", "--file", query, "--output", query, "--db", db)
    assert said == f"Error: {query}: is also read from; choose another --output"
    assert query.read_text() == "SELECT 1"


@pytest.mark.slow
def test_report_writes_one_page_and_prints_its_verdict(db: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    printed = one_json(invoke("report", "--db", db, "--output", out, "--interval", 30, "--json"))
    assert printed["bytes"] == out.stat().st_size
    assert (printed["json_version"], printed["subject"]["interval_minutes"]) == (1, 30)
    text = out.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert printed["verdict"] in text
    shown = invoke("report", "--db", db, "--output", out, "-q").stdout.splitlines()
    assert shown == [printed["verdict"], *printed["sentences"]]


@pytest.mark.slow
def test_files_are_scored_without_a_database_and_brought_into_one(
    made: Path, db: Path, tmp_path: Path
) -> None:
    rows = one_json(invoke("export", tmp_path / "posts", "--table", "tweets", "--db", db, "--json"))
    score = (
        "score",
        "--input",
        tmp_path / "posts",
        "--output",
        tmp_path / "scored",
        "--model",
        made / "tiny",
        "--db",
        db,
        "--json",
    )
    account = one_json(invoke(*score))
    assert account["rows"] == rows["rows"]["tweets"] == account["scored"] + account["skipped"]
    assert one_json(invoke(*score))["already_finished"] == account["shards"] == 1
    new = tmp_path / "new.duckdb"
    added = one_json(invoke("import", tmp_path / "scored", "--db", new, "--json"))["rows"]
    assert added["tweets"] == account["scored"]
    broken = tmp_path / "posts" / "tweets" / "part-00000.parquet"
    broken.write_bytes(broken.read_bytes()[:-9])
    assert (
        "1 of 1 shards failed, the first is tweets/part-00000.parquet"
        in invoke(*score, code=1).stderr
    )

"""The functions for notebooks do what the commands do."""

import gzip
import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from tiny import contents, tiny_bundle
from typer.testing import CliRunner

import tweetscore
from tweetscore.cli.app import app
from tweetscore.errors import InputError
from tweetscore.sample.write import ARCHIVE_NAME, BARS_NAME, write_sample

EARLIER = {
    "train_from_utc": "2014-01-01T00:00:00",
    "validation_from_utc": "2014-02-01T00:00:00",
    "test_from_utc": "2014-03-01T00:00:00",
    "test_until_utc": "2014-04-01T00:00:00",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small sample and a bundle; nothing here may change it."""
    folder = tmp_path_factory.mktemp("api")
    write_sample(folder, posts=300, days=30)
    tiny_bundle(folder / "tiny", split=EARLIER)
    return folder


@pytest.fixture(scope="module")
def db(made: Path) -> Path:
    """The same sample, ingested and scored by the functions."""
    path = made / "by_functions.duckdb"
    with tweetscore.open(path) as database:
        archive, bars = database.ingest(made / ARCHIVE_NAME, str(made / BARS_NAME))
        assert (archive.stored, archive.rejected, bars.kind) == (300, 0, "bars")
        account = database.score(made / "tiny", intervals=[30])
        assert account.tweets == account.scored + account.skipped == 300
    return path


@pytest.mark.slow
def test_functions_and_commands_make_the_same_database(made: Path, db: Path) -> None:
    other = made / "by_commands.duckdb"
    for arguments in (
        ["ingest", str(made / ARCHIVE_NAME), str(made / BARS_NAME)],
        ["score", "--model", str(made / "tiny"), "--interval", "30"],
    ):
        assert CliRunner().invoke(app, [*arguments, "--db", str(other)]).exit_code == 0
    assert contents(other) == contents(db)


def test_reading_tells_bytes_of_bytes(made: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.json.gz"
    packed.write_bytes(gzip.compress((made / ARCHIVE_NAME).read_bytes()))
    told: list[tuple[str, int, int, int | None]] = []
    with tweetscore.open(tmp_path / "new.duckdb") as database:
        database.ingest(packed, made / BARS_NAME, on_bytes=lambda *each: told.append(each))
    for name, path in ((str(packed), made / ARCHIVE_NAME), (str(made / BARS_NAME), None)):
        size = (path or Path(name)).stat().st_size
        *_, (_, rows, reached, of_bytes) = (each for each in told if each[0] == name)
        assert (reached, of_bytes) == (size, size)
        assert rows >= 300


def test_a_database_shows_itself_in_a_notebook(db: Path, tmp_path: Path) -> None:
    with tweetscore.open(db, read_only=True) as database:
        shown = database._repr_html_()
        columns = database.scored(30).columns
    assert re.findall("<b>(.*?)</b>", shown) == ["files", "posts", "bars", "scores"]
    assert f"<td>{ARCHIVE_NAME}</td><td>300</td><td>300</td>" in shown
    assert "<td>tiny</td><td>30</td>" in shown
    assert database._repr_html_() == f"<h4>{db} (closed)</h4>"
    units = {"posted_utc", "interval_minutes", "minute_utc", "return_bps", "probability_up"}
    assert units <= set(columns)
    hostile = tmp_path / "<b>&.duckdb"
    with tweetscore.open(hostile) as database:
        assert database._repr_html_().endswith("&lt;b&gt;&amp;.duckdb: nothing was read yet</h4>")


def test_scored_is_the_view_of_one_interval(db: Path) -> None:
    with tweetscore.open(db, read_only=True) as database:
        frame = database.scored(30)
        order = "posted_utc, platform, tweet_id, model_id, symbol, interval_minutes"
        assert frame.equals(database.query(f"FROM scored ORDER BY {order}"))
        assert frame.height > 250
        assert database.scored(5).is_empty()
        assert database.scored(30, model="other").is_empty()
        assert database.scored(model="tiny").equals(frame)
        extended = database.query(f"FROM scored_extended ORDER BY {order}")
        assert database.scored(30, session="extended").equals(extended)
        reader = database.scored_batches(30)
        assert isinstance(reader, pa.RecordBatchReader)
        assert frame.equals(pl.DataFrame(reader.read_all()))


def test_a_query_takes_its_parameters_by_name(db: Path) -> None:
    with tweetscore.open(db, read_only=True) as database:
        sql = "SELECT count(*) AS n FROM scored WHERE interval_minutes = $interval"
        assert database.query(sql, interval=30).rows() == [(database.scored(30).height,)]
        assert database.query(sql, interval=5).rows() == [(0,)]


def test_figures_are_those_of_the_command(db: Path) -> None:
    with tweetscore.open(db, read_only=True) as database:
        (figures,) = database.evaluate("tiny")
    result = CliRunner().invoke(app, ["evaluate", "--db", str(db)])
    assert f"{figures.accuracy:.1%}" in result.stdout
    assert (figures.model, figures.interval_minutes) == ("tiny", 30)


@pytest.mark.slow
def test_info_and_checks_are_those_of_the_commands(made: Path, db: Path) -> None:
    with tweetscore.open(db, read_only=True) as database:
        sections = database.info()
    checks = tweetscore.doctor(db, [made / "tiny"])
    printed = CliRunner().invoke(app, ["info", "--db", str(db), "--json"])
    assert {"json_version", *sections} == set(json.loads(printed.stdout))
    assert sections["tweets"]["tweets"].to_list() == [300]
    printed = CliRunner().invoke(
        app, ["doctor", "--model", str(made / "tiny"), "--db", str(db), "--json"]
    )
    assert json.loads(printed.stdout)["checks"] == [asdict(check) for check in checks]
    assert "bundle reference" in [check.name for check in tweetscore.doctor(None)]
    with pytest.raises(InputError, match="needs a database"):
        tweetscore.doctor(None, leaks=True)


@pytest.mark.slow
def test_a_shipped_query_runs_with_parameters(db: Path) -> None:
    names = [query.name for query in tweetscore.shipped_queries()]
    assert "hit_rate_by_month" in names
    text = tweetscore.query_text(file="hit_rate_by_month")
    with tweetscore.run_query(db, text, {"interval": 30}) as answer:
        rows = pl.concat(answer.batches)
    assert rows["interval_minutes"].unique().to_list() == [30]
    with tweetscore.run_query(db, text, {"interval": 5}) as answer:
        assert list(answer.batches) == []


@pytest.mark.slow
def test_a_sample_is_that_of_the_command(tmp_path: Path) -> None:
    written = tweetscore.write_sample(tmp_path / "a", posts=100, seed=1)
    arguments = ["sample", str(tmp_path / "b"), "--posts", "100", "--seed", "1"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    for name in (ARCHIVE_NAME, BARS_NAME):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert Path(written.archive) == tmp_path / "a" / ARCHIVE_NAME


def test_a_model_is_loaded_by_its_folder_or_name(made: Path) -> None:
    tiny = tweetscore.load_model(made / "tiny")
    assert (tiny.name, tiny.horizons) == ("tiny", (5, 30))
    assert tweetscore.load_model(tiny) is tiny
    for name in tweetscore.shipped_models():
        assert tweetscore.load_model(name).name == name


def test_a_closed_database_lets_the_file_go(db: Path) -> None:
    database = tweetscore.open(db)
    database.close()
    with tweetscore.open(db) as again:
        assert again.scored(30).height > 0


def test_mistakes_are_errors_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such database"):
        tweetscore.open(tmp_path / "none.duckdb", read_only=True)
    with pytest.raises(InputError, match="no such database"):
        tweetscore.open(tmp_path / "none.duckdb", create=False)
    assert list(tmp_path.iterdir()) == []
    with (
        tweetscore.open(tmp_path / "new.duckdb") as database,
        pytest.raises(InputError, match="no such model"),
    ):
        database.score("none")


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, tweetscore; heavy = 'polars duckdb numpy pyarrow torch onnxruntime'.split(); "
        "print(tweetscore.__all__, [name for name in heavy if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == f"{sorted(tweetscore.__all__)} []\n"
    assert {"Database", "doctor", "open", "run_query", "score_files"} < set(tweetscore.__all__)


@pytest.mark.slow
def test_labels_of_a_file_are_learned_and_evaluated(tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    moods = {"good": ("great", "fine", "nice"), "bad": ("poor", "awful", "sad")}
    lines = [
        f"{moods[stars][n % 3]} word{n},{stars}" for n in range(200) for stars in ("good", "bad")
    ]
    file.write_bytes("\n".join(["words,stars", *lines]).encode("cp500"))  # as no bytes tell
    small = tweetscore.TrainingOptions(
        vectors="random", embedding_dim=8, hidden=4, fit=tweetscore.FitOptions(epochs=2)
    )
    columns, messages = {"text": "words", "label": "stars"}, list[str]()
    trained = tweetscore.train_labelled(
        file,
        tmp_path / "reviews",
        small,
        columns=columns,
        encoding="EBCDIC-CP-BE",
        log_folder=tmp_path / "runs",
        on_message=messages.append,
    )
    assert trained.bundle.classes == ("bad", "good")
    assert any("at random" in message for message in messages)
    measured = tweetscore.evaluate_labelled(
        file, tmp_path / "reviews", columns=columns, encoding="cp500"
    )
    assert measured.figures[0].accuracy == trained.figures[0].accuracy
    assert "test part" in measured.fact


@pytest.mark.slow
def test_a_study_by_function_is_that_of_the_command(made: Path, tmp_path: Path) -> None:
    learn = tweetscore.TrainingOptions(vectors="random", fit=tweetscore.FitOptions(epochs=1))
    options = tweetscore.StudyOptions(intervals=(30,), ablation_minutes=30, training=learn)
    epochs, runs, messages = list[int](), list[float](), list[str]()
    with tweetscore.open(tmp_path / "new.duckdb") as database:
        database.ingest(made / ARCHIVE_NAME, made / BARS_NAME)
        found = database.study(
            options,
            charts=tmp_path / "charts",
            log_folder=tmp_path / "runs",
            on_epoch=lambda _cell, _seed, epoch: epochs.append(epoch.number),
            on_run=lambda run: runs.append(run.best_accuracy),
            on_message=messages.append,
        )
        assert database.query("SELECT count(*) FROM study_runs").item() == len(runs) == 4
    assert epochs == [1] * 4
    assert {path.name for path in (tmp_path / "charts").iterdir()} == {
        "intervals.svg",
        "ablation.svg",
        "accuracy.svg",
        "loss.svg",
    }
    assert len(messages) == 4
    arguments = ["study", "--interval", "30", "--ablation", "30", "--vectors", "random"]
    arguments += ["--epochs", "1", "--resume", "--json", "--db", str(tmp_path / "new.duckdb")]
    printed = CliRunner().invoke(app, [*arguments, "--log-dir", str(tmp_path / "logs")])
    again = json.loads(printed.stdout)
    assert again["verdict"] == found.verdict
    assert [each["best_accuracy"] for each in again["ablation"]] == [
        each.best_accuracy for each in found.ablation
    ]


@pytest.mark.slow
def test_a_model_trained_by_function_scores(made: Path, tmp_path: Path) -> None:
    small = tweetscore.TrainingOptions(
        intervals=(30,),
        vectors="random",
        embedding_dim=8,
        hidden=4,
        fit=tweetscore.FitOptions(epochs=2),
    )
    with tweetscore.open(tmp_path / "new.duckdb") as database:
        database.ingest(made / ARCHIVE_NAME, made / BARS_NAME)
        trained = database.train(tmp_path / "model", small, log_folder=tmp_path / "runs")
        account = database.score(trained.bundle)
    assert account.intervals == (30,)
    assert account.scored > 250

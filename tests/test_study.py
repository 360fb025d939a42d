"""A study stores what it did, is resumed where it ended, and sums up what statistics does."""

import json
import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tiny import put_bars

from tweetscore.errors import InputError
from tweetscore.evaluation.figures import Figures
from tweetscore.ingest.account import IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.market.news import News
from tweetscore.market.symbols import choose_symbol
from tweetscore.market.targets import Target
from tweetscore.sample.write import write_sample
from tweetscore.store.database import Store, open_store
from tweetscore.store.trials import Trial
from tweetscore.study.options import StudyCell, StudyOptions
from tweetscore.study.reported import LABEL_FAULTS, ORIGINAL_FAULTS, ORIGINAL_VERDICT
from tweetscore.study.run import study
from tweetscore.study.runs import StudyRun
from tweetscore.study.source import StudySource, database_source, table_source
from tweetscore.study.summary import summaries, summarise
from tweetscore.study.tables import read_study_table
from tweetscore.study.words import (
    ablation_table,
    interval_table,
    sentences,
    study_quality_table,
)
from tweetscore.text.rules import TextRules
from tweetscore.training.dataset import clean_rows
from tweetscore.training.epoch import Epoch
from tweetscore.training.features import prepare
from tweetscore.training.held_out import held_out_figures
from tweetscore.training.learn import learn
from tweetscore.training.options import ORIGINAL, FitOptions, TrainingOptions
from tweetscore.training.split import split_rows, walk_forward

pytestmark = pytest.mark.slow  # studies train networks

LEARN = TrainingOptions(
    vectors="random",
    max_tokens=8,
    embedding_dim=8,
    hidden=4,
    device="cpu",
    fit=FitOptions(epochs=3, batch_rows=64, learning_rate=0.01),
)
WORDS = ("up", "down", "tariff", "wall", "great", "sad", "china", "deal", "trade", "jobs")
DAYS, EACH = 40, 8


def write_tables(folder: Path, minutes: Sequence[int], seed: int = 0) -> Path:
    """Write tables as the study published them, newest row first, and the times of their rows."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    texts = [
        " ".join([f"own{place}", *rng.choice(WORDS, 3)]) if place % 50 else "1234"  # no token
        for place in range(DAYS * EACH)
    ]
    counts = rng.integers(0, 9_999, (DAYS * EACH, 2))
    start = datetime(2018, 1, 31, 12)
    times = [
        start + timedelta(days=place // EACH, minutes=30 * (place % EACH))
        for place in range(DAYS * EACH)
    ]
    lines = [
        f"{time},{text},{retweets},{favourites}"
        for time, text, (retweets, favourites) in zip(times, texts, counts, strict=True)
    ]
    header = "time,texts,retweet_count,favorite_count"
    (folder / "lstm.csv").write_text("\n".join([header, *lines]) + "\n")
    for each in minutes:
        labels = rng.integers(0, 2, DAYS * EACH)
        lines = [
            f"{favourites},{retweets},{text},0,0,{label}"
            for text, (retweets, favourites), label in zip(texts, counts, labels, strict=True)
        ]
        header = "favorite_count,retweet_count,texts,china,positive_count,label"
        (folder / f"{each}.csv").write_text("\r\n".join([header, *lines[::-1]]))
    return folder


@dataclass(frozen=True)
class Studied:
    """A study that was run, and what it told on the way."""

    store: Store
    folder: Path
    options: StudyOptions
    runs: list[StudyRun]
    told: list[tuple[StudyCell, int, Epoch]]

    def again(
        self, *, resume: bool = True, first: int | None = None, **changes: Any
    ) -> tuple[list[StudyRun], list[tuple[StudyCell, int]]]:
        """Run it again with some options changed; return the runs, and which were trained."""
        told: list[tuple[StudyCell, int]] = []
        options = replace(self.options, **changes)
        runs = run(
            self.store,
            self.folder,
            options,
            lambda cell, seed, _: told.append((cell, seed)),
            resume=resume,
            first=first,
        )
        return runs, list(dict.fromkeys(told))


def run(
    store: Store,
    folder: Path,
    options: StudyOptions,
    progress: Callable[[StudyCell, int, Epoch], None] = lambda *_: None,
    *,
    resume: bool = False,
    first: int | None = None,
) -> list[StudyRun]:
    """Run a study over tables, or only so many of its networks."""
    source = table_source(folder, options)
    logs = store.path.parent / "log"
    found = study(store, source, options, log_folder=logs, resume=resume, progress=progress)
    return list(islice(found, first))


@dataclass(frozen=True)
class Made:
    """A folder with tables and a database in which they were studied."""

    folder: Path
    options: StudyOptions
    runs: list[StudyRun]
    told: list[tuple[StudyCell, int, Epoch]]

    def copied(self, folder: Path) -> Iterator[Studied]:
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        with open_store(folder / "study.duckdb") as store:
            yield Studied(store, folder / "tables", self.options, self.runs, self.told)


def made(folder: Path, options: StudyOptions) -> Made:
    told: list[tuple[StudyCell, int, Epoch]] = []
    tables = write_tables(folder / "tables", [5, 10])
    with open_store(folder / "study.duckdb") as store:
        runs = run(store, tables, options, lambda *each: told.append(each))
    return Made(folder, options, runs, told)


@pytest.fixture(scope="module")
def made_by_seed(tmp_path_factory: pytest.TempPathFactory) -> Made:
    options = StudyOptions("original", (5, 10), seeds=(0, 1), training=LEARN)
    return made(tmp_path_factory.mktemp("seed"), options)


@pytest.fixture(scope="module")
def made_honest(tmp_path_factory: pytest.TempPathFactory) -> Made:
    options = StudyOptions("honest", (5, 10), training=LEARN)
    return made(tmp_path_factory.mktemp("honest"), options)


@pytest.fixture
def by_seed(made_by_seed: Made, tmp_path: Path) -> Iterator[Studied]:
    """A study of two tables with two seeds under the seed's protocol."""
    yield from made_by_seed.copied(tmp_path)


@pytest.fixture
def honest(made_honest: Made, tmp_path: Path) -> Iterator[Studied]:
    """One of two tables under the honest protocol."""
    yield from made_honest.copied(tmp_path)


# --- what is compared -----------------------------------------------------------------------------


def test_the_cells_of_both_comparisons_share_one() -> None:
    seed, honest = StudyOptions("original", (5, 10)), StudyOptions("honest", (5, 10))
    ablation = [
        StudyCell(5, *each) for each in ((True, True), (True, False), (False, True), (False, False))
    ]
    assert seed.compared == [StudyCell(5, True, True), StudyCell(10, True, True)]
    assert honest.compared == [StudyCell(5, True, False), StudyCell(10, True, False)]
    assert seed.ablation == honest.ablation == ablation
    assert seed.cells == [StudyCell(5, True, True), StudyCell(10, True, True), *ablation[1:]]
    assert honest.cells == [
        StudyCell(5, True, False),
        StudyCell(10, True, False),
        ablation[0],
        *ablation[2:],
    ]
    assert len(StudyOptions("original", (10, 15)).cells) == 6


# --- one network a cell and seed ------------------------------------------------------------------


def test_a_study_trains_every_cell_with_every_seed_and_tells_every_epoch(by_seed: Studied) -> None:
    wanted = [(cell, seed) for seed in (0, 1) for cell in by_seed.options.cells]
    assert [(run.cell, run.seed) for run in by_seed.runs] == wanted
    assert by_seed.told == [
        (run.cell, run.seed, epoch) for run in by_seed.runs for epoch in run.history
    ]
    assert [len(run.history) for run in by_seed.runs] == [3] * 10
    logs = by_seed.store.path.parent / "log"
    assert {path.parent.name for path in logs.rglob("events.*")} == {
        f"{name}-seed-{seed}"
        for name in (
            "05-minutes-vectors-counts",
            "10-minutes-vectors-counts",
            "05-minutes-vectors",
            "05-minutes-random-counts",
            "05-minutes-random",
        )
        for seed in (0, 1)
    }


def test_under_the_seeds_protocol_the_luckiest_epoch_on_the_test_part_counts(
    by_seed: Studied,
) -> None:
    table = clean_rows(read_study_table(by_seed.folder, 5), TextRules(max_tokens=8))
    assert table.height == DAYS * EACH - 7  # as many have no token
    for run in by_seed.runs:
        accuracies = [epoch.held_out_accuracy[0] for epoch in run.history]
        assert run.best_accuracy == max(accuracies)
        assert run.best_epoch == accuracies.index(max(accuracies)) + 1
        assert run.last_accuracy == accuracies[-1]
        assert run.train_loss == run.history[-1].train_loss
        assert (run.protocol, run.target, run.folds) == ("original", "label", 1)
        assert (run.train_rows, run.test_rows) == (251, 62)  # 80 % of 313, rounded up
        assert run.figures is None
        assert run.seconds > 0
        assert Path(run.source).name == "tables"
    of_first = {run.cell: run.majority for run in by_seed.runs if run.seed == 0}
    place = np.random.default_rng(0).permutation(table.height)
    tested = table.filter(pl.Series(place >= 251))["label"]
    assert of_first[StudyCell(5, True, True)] == max((tested == 0).mean(), (tested == 1).mean())  # type: ignore[type-var]  # means of booleans are numbers


def test_the_seeds_protocol_trains_with_its_faults(by_seed: Studied, tmp_path: Path) -> None:
    rules = TextRules(max_tokens=8)
    table = clean_rows(read_study_table(by_seed.folder, 10), rules)
    place = np.random.default_rng(1).permutation(table.height)
    parts = table.with_columns(
        pl.col("label").alias("outcome_10"),
        session_date=pl.lit(0),
        part=pl.Series(np.where(place < 251, "train", "test")),
    )
    options = replace(
        LEARN,
        intervals=(10,),
        counts=True,
        target=Target("label"),
        seed=1,
        fit=replace(LEARN.fit, fresh_optimiser=True),
    )
    prepared = prepare(parts, None, options, rules, protocol=ORIGINAL)
    learned = learn(prepared, options, tmp_path / "here", lambda _: None, protocol=ORIGINAL)
    (run,) = (each for each in by_seed.runs if (each.interval_minutes, each.seed) == (10, 1))
    assert run.history == learned.fitted.history


def test_only_cells_with_vectors_start_from_those_given(honest: Studied, tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"{word} {'1.5 ' * 7}{n}\n" for n, word in enumerate(WORDS)))
    runs, _ = honest.again(training=replace(LEARN, vectors=str(path)))
    same = {
        run.cell: run.history == before.history
        for run, before in zip(runs, honest.runs, strict=True)
    }
    assert same == {cell: not cell.vectors for cell in honest.options.cells}


def test_an_honest_run_is_what_learning_and_measuring_give(honest: Studied, tmp_path: Path) -> None:
    rules = TextRules(max_tokens=8)
    for run in honest.runs:
        minutes = run.interval_minutes
        day = pl.col("posted_utc").dt.truncate("1d")
        table = clean_rows(read_study_table(honest.folder, minutes), rules).with_columns(
            pl.col("label").alias(f"outcome_{minutes}"),
            (pl.col("posted_utc") + timedelta(minutes=minutes)).alias(f"exit_{minutes}"),
            session_date=day.dt.date(),
            close_utc=day + timedelta(days=1),
        )
        split, parts = split_rows(table, [minutes])
        options = replace(
            LEARN, intervals=(minutes,), counts=run.counts, target=Target("label"), seed=0
        )
        learned = learn(
            prepare(parts, split, options, rules), options, tmp_path / "here", lambda _: None
        )
        networks = len(honest.options.cells) * len(honest.options.seeds)
        (figures,) = held_out_figures([learned], options, "honest", tried=networks)
        assert run == StudyRun(
            run.fingerprint,
            run.source,
            "honest",
            "label",
            minutes,
            run.vectors,
            run.counts,
            seed=0,
            folds=1,
            train_rows=parts["part"].to_list().count("train"),
            test_rows=parts["part"].to_list().count("test"),
            best_epoch=learned.fitted.best.number,
            best_accuracy=figures.accuracy,
            last_accuracy=None,
            majority=figures.baseline,
            train_loss=learned.fitted.history[-1].train_loss,
            seconds=run.seconds,
            figures=figures,
            history=learned.fitted.history,
        )


@pytest.mark.parametrize("name", ["by_seed", "honest"])
def test_the_table_of_runs_holds_the_runs(request: pytest.FixtureRequest, name: str) -> None:
    found: Studied = request.getfixturevalue(name)
    frame = found.store.frame("FROM study_runs")
    ages = datetime.now() - frame["finished_utc"].cast(pl.Datetime("us"))
    assert frame.columns[-1] == "finished_utc"
    assert ages.dt.total_hours().abs().max() < 25  # type: ignore[operator]  # a column of hours
    stored = {
        row["fingerprint"]: {
            **row,
            "figures": row["figures"] and json.loads(row["figures"]),
            "history": json.loads(row["history"]),
        }
        for row in frame.drop("finished_utc").iter_rows(named=True)
    }
    assert len(stored) == frame.height == len(found.runs)
    for each in found.runs:
        assert stored[each.fingerprint] == json.loads(json.dumps(asdict(each)))


# --- once more ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["by_seed", "honest"])
def test_a_study_that_is_resumed_takes_what_is_stored_as_it_is(
    request: pytest.FixtureRequest, name: str
) -> None:
    found: Studied = request.getfixturevalue(name)
    assert found.again() == (found.runs, [])


def test_a_new_seed_is_trained_alone(by_seed: Studied) -> None:
    runs, trained = by_seed.again(seeds=(1, 2))
    assert runs[:5] == by_seed.runs[5:]
    assert trained == [(cell, 2) for cell in by_seed.options.cells]


@pytest.mark.parametrize(
    "changes",
    [
        {"training": replace(LEARN, dropout=0.4)},
        {"training": replace(LEARN, fit=replace(LEARN.fit, epochs=2))},
        {"training": replace(LEARN, vocabulary_size=20)},
        {"protocol": "original"},
        {"folds": 2},
    ],
)
def test_another_option_is_another_run(honest: Studied, changes: dict[str, Any]) -> None:
    (run,), trained = honest.again(first=1, **changes)
    assert trained == [(run.cell, 0)]
    assert run.fingerprint not in {each.fingerprint for each in honest.runs}
    assert honest.store.row("SELECT count(*) FROM study_runs") == (6,)
    assert honest.again() == (honest.runs, [])


@pytest.mark.parametrize(
    ("before", "after"),
    [("own7 ", "own7 other "), (",0,0,1", ",0,0,0"), ("\r\n", "\r\n1")],
)
def test_a_table_that_changed_is_trained_on_again_and_no_other(
    honest: Studied, before: str, after: str
) -> None:
    path = honest.folder / "10.csv"
    with path.open(newline="") as file:
        content = file.read()
    with path.open("w", newline="") as file:  # a word, a label, or the favourites of the first row
        file.write(content.replace(before, after, 1))
    runs, trained = honest.again()
    assert trained == [(StudyCell(10, True, False), 0)]
    assert [run for run in runs if run.interval_minutes == 5] == [
        run for run in honest.runs if run.interval_minutes == 5
    ]


def test_times_that_changed_are_trained_on_again(honest: Studied) -> None:
    path = honest.folder / "lstm.csv"
    path.write_text(path.read_text().replace("2018-02-03 12:00:00", "2018-02-03 11:59:00"))
    assert honest.again(first=1)[1] == [(StudyCell(5, True, False), 0)]


def test_a_study_that_is_not_resumed_trains_again_and_stores_each_run_once(
    honest: Studied,
) -> None:
    runs, trained = honest.again(resume=False)
    assert len(trained) == 5
    assert [replace(run, seconds=0, source="") for run in runs] == [
        replace(run, seconds=0, source="") for run in honest.runs
    ]
    stored = honest.store.rows("SELECT fingerprint, seconds FROM study_runs")
    assert sorted(stored) == sorted((run.fingerprint, run.seconds) for run in runs)


def test_an_interrupted_study_keeps_whole_runs_and_goes_on_behind_them(store: Store) -> None:
    folder = write_tables(store.path.parent / "tables", [5, 10])
    options = StudyOptions("honest", (5, 10), training=LEARN)

    def interrupt(cell: StudyCell, _seed: int, epoch: Epoch) -> None:
        if cell.interval_minutes == 10 and epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(store, folder, options, interrupt)
    assert store.rows("SELECT interval_minutes FROM study_runs") == [(5,)]
    told: list[StudyCell] = []
    runs = run(store, folder, options, lambda cell, *_: told.append(cell), resume=True)
    assert list(dict.fromkeys(told)) == options.cells[1:]
    assert [len(run.history) for run in runs] == [3] * 5


# --- refusals -------------------------------------------------------------------------------------


def test_an_interval_without_a_table_is_refused_before_anything_is_trained(
    store: Store, tmp_path: Path
) -> None:
    folder = write_tables(tmp_path / "tables", [5, 10])
    for options, lacking in (
        (StudyOptions("original", (5, 10, 15), training=LEARN), 15),
        (StudyOptions("honest", (10,), ablation_minutes=30, training=LEARN), 30),
    ):
        with pytest.raises(InputError) as refusal:
            run(store, folder, options)
        assert str(refusal.value) == (
            f"{folder}: has no table {lacking}.csv, only for 5, 10 minutes; "
            "name these with --interval"
        )
    assert store.row("SELECT count(*) FROM study_runs") == (0,)


def test_a_folder_without_tables_is_refused(store: Store, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError) as refusal:
            run(store, folder, StudyOptions(training=LEARN))
        assert str(refusal.value) == (
            f"{folder}: holds no table such as 5.csv; name the folder that does"
        )


def test_tables_without_times_are_refused_by_the_honest_protocol_alone(
    store: Store, tmp_path: Path
) -> None:
    folder = write_tables(tmp_path / "tables", [5])
    (folder / "lstm.csv").unlink()
    with pytest.raises(InputError):
        run(store, folder, StudyOptions("honest", (5,), training=LEARN))
    assert len(run(store, folder, StudyOptions("original", (5,), training=LEARN))) == 4


# --- over a database ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of a small sample; nothing here may change it."""
    folder = tmp_path_factory.mktemp("sample")
    made = write_sample(folder, posts=700, days=60)
    with open_store(folder / "sample.duckdb") as store:
        ingest(store, [made.archive, made.bars], IngestOptions(), lambda *_: None)
    return folder / "sample.duckdb"


def over(
    store: Store, options: StudyOptions, first: int, *, resume: bool = False
) -> list[StudyRun]:
    """Run so many networks of a study over a database."""
    logs = store.path.parent / "log"
    source = database_source(store, options)
    found = study(store, source, options, log_folder=logs, resume=resume, progress=lambda *_: None)
    return list(islice(found, first))


@pytest.fixture
def database(sample: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(sample.read_bytes())
    return copy


def test_folds_over_a_database_are_measured_together(database: Path) -> None:
    options = StudyOptions("honest", (30,), folds=2, training=LEARN)
    with open_store(database) as store:
        runs = over(store, options, 2)
        assert [run.cell for run in runs] == [StudyCell(30, True, False), StudyCell(5, True, True)]
        for run in runs:
            rows = database_source(store, options).rows(run.interval_minutes, run.counts)
            first, second = (
                dict(parts["part"].value_counts().iter_rows())
                for _, parts in walk_forward(rows, [run.interval_minutes], 2)
            )
            assert run.figures is not None
            assert run.test_rows == run.figures.rows == first["test"] + second["test"]
            assert run.train_rows == second["train"] > first["train"]
            assert (run.best_accuracy, run.majority) == (run.figures.accuracy, run.figures.baseline)
            assert (run.figures.symbol, run.target, run.folds) == ("MADEUP", "direction", 2)
            assert run.figures.interval_minutes == run.interval_minutes
            assert run.figures.momentum is not None
        assert over(store, options, 2, resume=True) == runs
        logs = {
            str(path.parent.relative_to(store.path.parent / "log"))
            for path in (store.path.parent / "log").rglob("events.*")
        }
    assert logs == {
        f"{name}-seed-0/fold-{fold}"
        for name in ("30-minutes-vectors", "05-minutes-vectors-counts")
        for fold in (1, 2)
    }


def test_a_study_leaves_out_what_is_near_news(database: Path) -> None:
    options, told = StudyOptions(intervals=(30,), training=LEARN), list[str]()
    with open_store(database) as store:
        all_rows = database_source(store, options).rows(30, False)
        entry, leave = all_rows.row(0, named=True)["entry_30"], all_rows["exit_30"][0]
        news = News("fed.csv", pl.Series([entry + (leave - entry) / 2]), 0, 1)
        rows = database_source(store, options, news, told.append).rows(30, False)
    near = (pl.col("entry_30") <= news.times_utc[0]) & (pl.col("exit_30") >= news.times_utc[0])
    left = all_rows.filter(near).height
    assert left > 0
    assert rows.height == all_rows.height - left
    assert [each[:8] for each in told] == ["fed.csv:"]


def test_moves_are_studied_by_their_own_target(database: Path) -> None:
    learn_moves = replace(LEARN, target=Target.of_market("move", 0.75))
    options = StudyOptions("honest", (30,), ablation_minutes=30, training=learn_moves)
    with open_store(database) as store:
        (run,) = over(store, options, 1)
    assert run.figures is not None
    assert {run.target, run.figures.target} == {"move"}
    assert run.majority > 0.6  # a quarter of the training part's windows are moves


def test_posts_that_change_the_vectors_are_another_run(database: Path) -> None:
    learned = replace(LEARN, vectors="archive", fit=replace(LEARN.fit, epochs=1))
    options = StudyOptions("honest", (30,), ablation_minutes=30, training=learned)
    with open_store(database) as store:
        (before,) = over(store, options, 1)
        store.con.execute(
            "INSERT INTO tweets BY NAME SELECT * REPLACE (tweet_id + 1 AS tweet_id, "
            "TIMESTAMP '2023-01-01 12:00' AS posted_utc) FROM tweets"  # a Sunday: no window
        )
        (after,) = over(store, options, 1)
    if before.history == after.history:
        pytest.fail("the vectors are the same: this test tests nothing", pytrace=False)
    assert before.fingerprint != after.fingerprint


def test_a_database_of_several_symbols_must_be_told_which(database: Path) -> None:
    with open_store(database) as store:
        put_bars(store, "2023-01-03 15:00", [1.0, 2.0], symbol="DAX")
        with pytest.raises(InputError, match="has bars of DAX, MADEUP; choose one with --symbol"):
            database_source(store, StudyOptions(training=LEARN))
        both = replace(LEARN, symbols=("DAX", "MADEUP"))
        with pytest.raises(InputError, match="a study compares networks on one symbol; name one"):
            database_source(store, StudyOptions(training=both))
        named = replace(LEARN, symbols=("MADEUP",))
        assert choose_symbol(store, "MADEUP") == "MADEUP"
        source = database_source(store, StudyOptions(intervals=(30,), training=named))
        assert (source.symbol, source.intervals) == ("MADEUP", (30, 5))


# --- what the runs say together -------------------------------------------------------------------

FIGURES = Figures(
    model="honest", symbol="", interval_minutes=5, target="label", rows=1_234, days=9,
    accuracy=0.6, baseline=0.5, excess_low=0.01, excess_high=0.2, balanced_accuracy=0.59,
    auc=0.61, mcc=0.2, brier=0.24, log_loss=0.68, calibration_error=0.05, calibration=(),
    p_value=0.01, p_corrected=0.01, verdict="", bag_of_words=0.55, momentum=None, smallest_auc=0.54,
)  # fmt: skip


def run_of(cell: StudyCell, seed: int, accuracy: float, **more: Any) -> StudyRun:
    """A run made by hand; with a p-value it is an honest one."""
    p_value = more.pop("p_value", None)
    figures = None
    if p_value is not None:
        figures = replace(
            FIGURES, interval_minutes=cell.interval_minutes, accuracy=accuracy, p_value=p_value,
            p_corrected=p_value, smallest_auc=more.pop("smallest_auc", 0.54),
        )  # fmt: skip
    values: dict[str, Any] = {
        "fingerprint": f"{cell} {seed}", "source": "tables", "target": "label", **asdict(cell),
        "protocol": "honest" if figures else "original", "seed": seed, "folds": 1,
        "train_rows": 5_000,
        "test_rows": 1_234, "best_epoch": 1, "best_accuracy": accuracy,
        "last_accuracy": None if figures else accuracy - 0.03125, "majority": 0.5 + seed / 64,
        "train_loss": 0.5 + seed / 10, "seconds": 1.0, "figures": figures, "history": (), **more,
    }  # fmt: skip
    return StudyRun(**values)


FIVE, TEN, OTHER = StudyCell(5, True, True), StudyCell(10, True, True), StudyCell(5, False, False)


def test_a_summary_is_mean_and_sample_deviation_over_the_seeds() -> None:
    accuracies = {FIVE: [0.53, 0.55, 0.52], TEN: [0.5, 0.61, 0.58], OTHER: [0.9, 0.9, 0.9]}
    runs = [
        run_of(cell, seed, values[seed]) for seed in range(3) for cell, values in accuracies.items()
    ]
    found = summaries(runs, [TEN, FIVE])
    assert [each.cell for each in found] == [TEN, FIVE]
    for each in found:
        values = accuracies[each.cell]
        assert each.best_accuracy == pytest.approx(statistics.mean(values))
        assert each.spread == pytest.approx(statistics.stdev(values))
        assert each.spread == pytest.approx(np.std(values, ddof=1))
        assert each.last_accuracy == pytest.approx(statistics.mean(values) - 0.03125)
        assert each.majority == pytest.approx(0.5 + 1 / 64)
        assert each.train_loss == pytest.approx(0.6)
        assert (each.seeds, each.rows, each.figures) == (3, 1_234, ())
    (alone,) = summaries(runs[:1], [FIVE])
    assert (alone.best_accuracy, alone.spread, alone.seeds) == (0.53, None, 1)


def test_p_values_are_corrected_for_all_networks_of_the_study() -> None:
    cells = [StudyCell(minutes, True, False) for minutes in (5, 10, 15)]
    p_values = {0: [0.01, 0.02, 0.04], 1: [0.9, 0.001, 0.03]}
    runs = [
        run_of(cell, seed, 0.6, p_value=p)
        for seed, ps in p_values.items()
        for cell, p in zip(cells, ps, strict=True)
    ]
    runs.append(run_of(OTHER, 0, 0.6, p_value=0.5))  # of the other comparison
    found = summaries(runs, cells)
    # Holm's factors, from the smallest on: 7, 6, 5, 4, 3, 2, 1.
    assert [[one.p_corrected for one in each.figures] for each in found] == [
        [pytest.approx(0.06), 1.0],
        [pytest.approx(0.10), pytest.approx(0.007)],
        [pytest.approx(0.12), pytest.approx(0.12)],
    ]
    assert {one.tests for each in found for one in each.figures} == {7}
    assert [[one.verdict for one in each.figures] for each in found] == [
        ["no signal", "no signal"],
        ["no signal", "signal"],
        ["no signal", "no signal"],
    ]
    (of_the_other,) = summaries(runs, [OTHER])
    assert [one.p_corrected for one in of_the_other.figures] == [1.0]
    told = sentences(found, [of_the_other])
    assert [line.split(".")[0] for line in told] == [
        "first of 2 seeds, 5 minutes: no signal",
        "first of 2 seeds, 10 minutes: no signal",
        "first of 2 seeds, 15 minutes: no signal",
        "random vectors, no counts, 5 minutes: no signal",
        "Every p is corrected for 7 figures of 7 models (Holm): those of each interval, ablation "
        "and seed of the study, and of every other model known to have looked at these days",
    ]
    assert told[-1].endswith("standard deviation of accuracy, which is no interval of the truth.")


def test_p_values_of_a_study_are_corrected_for_all_that_looked_at_its_days() -> None:
    run = run_of(FIVE, 0, 0.6, p_value=0.004)
    own = Trial(
        "a", "SPX", datetime(2023, 1, 5), datetime(2023, 1, 9), run.fingerprint, "s", "s", 1
    )
    earlier = replace(own, trial_id="with other options", test_part="b")
    part = replace(own, trial_id="graph/part", tests=4)
    elsewhere = replace(own, trial_id="c", symbol="NDX", test_part="c")
    ledger = [own, earlier, replace(earlier, name="again"), part, elsewhere]
    (alone,), (found,) = (summaries([run], [FIVE], each)[0].figures for each in ([], ledger))
    assert (alone.tests, alone.p_corrected, alone.verdict) == (1, 0.004, "signal")
    assert (found.tests, found.models_tried, found.parts_tried) == (6, 3, 1)
    assert found.p_corrected == pytest.approx(0.024)


SOURCE = StudySource("tables", (5, 10), lambda *_: pl.DataFrame(), faults=LABEL_FAULTS)


NOTHING = (
    "No signal beyond the baseline at any interval: an AUC of 0.54 would have shown four times in "
    "five."
)


@pytest.mark.parametrize(
    ("p_values", "smallest_auc", "verdict"),
    [
        ([[0.001, 0.9], [0.002, 0.9]], 0.54, "Signal beyond the baseline at 5 minutes."),
        ([[0.001, 0.001], [0.02, 0.02]], 0.54, "Signal beyond the baseline at 5, 10 minutes."),
        ([[0.001, 0.9], [0.9, 0.9]], 0.54, NOTHING),
        ([[0.9, 0.9], [0.001, 0.9]], 0.54, NOTHING),
        ([[0.001, 0.9], [0.9, 0.001]], 0.54, NOTHING),
        ([[0.04, 0.9], [0.04, 0.9]], 0.54, NOTHING),
        ([[0.001, 0.9], [0.002, 0.9]], 0.70, "Signal beyond the baseline at 5 minutes."),
        (
            [[0.001, 0.9], [0.9, 0.9]], 0.70, "Inconclusive at 5, 10 minutes: no signal, but so "
            "few days would show only an AUC of 0.70 or more.",
        ),
    ],
)  # fmt: skip
def test_a_signal_is_one_that_every_seed_finds(
    p_values: list[list[float]], smallest_auc: float, verdict: str
) -> None:
    options = StudyOptions("honest", (5, 10), seeds=(0, 1))
    runs = [
        run_of(cell, seed, 0.6, p_value=p, smallest_auc=smallest_auc)
        for seed, ps in enumerate(p_values)
        for cell, p in zip(options.compared, ps, strict=True)
    ]
    runs += [
        run_of(cell, seed, 0.6, p_value=1e-4)  # what the ablation finds is no finding of intervals
        for seed in (0, 1)
        for cell in options.ablation[:1] + options.ablation[2:]
    ]
    found = summarise(runs, SOURCE, options)
    assert (found.protocol, found.source) == ("honest", "tables")
    tries = " 10 models were tried on these days; every p is corrected for all of them."
    assert found.verdict == verdict + tries
    assert found.faults == LABEL_FAULTS
    assert [each.cell for each in found.compared] == options.compared
    assert [each.cell for each in found.ablation] == options.ablation


def test_the_seeds_protocol_has_no_verdict_but_a_warning_and_its_faults() -> None:
    options = StudyOptions("original", (5, 10))
    found = summarise([run_of(cell, 0, 0.99) for cell in options.cells], SOURCE, options)
    assert found.verdict == ORIGINAL_VERDICT
    assert found.faults == (*ORIGINAL_FAULTS, *LABEL_FAULTS)
    # The labels of a database are its own.
    runs = [run_of(cell, 0, 0.99) for cell in options.cells]
    assert summarise(runs, replace(SOURCE, faults=()), options).faults == ORIGINAL_FAULTS


def test_the_tables_word_the_seeds_accuracies_beside_those_reported() -> None:
    options = StudyOptions("original", (5, 30), seeds=(0, 1))
    values = {cell: 0.5 + place / 64 for place, cell in enumerate(options.cells)}
    runs = [
        run_of(cell, seed, value + seed / 32) for cell, value in values.items() for seed in (0, 1)
    ]
    found = summarise(runs, SOURCE, options)
    common = ["rows", "seeds", "best epoch", "last epoch", "majority", "training loss"]
    assert interval_table(found.compared) == (
        ["min", *common, "first report", "final report"],
        [
            ["5", "1,234", "2", "51.6% ± 2.2", "48.4%", "50.8%", "0.550", "53.0%", "53.0%"],
            ["30", "1,234", "2", "53.1% ± 2.2", "50.0%", "50.8%", "0.550", "56.2%", "50.9%"],
        ],
    )
    assert ablation_table(found.ablation) == (
        ["vectors", "counts", *common, "final report"],
        [
            ["trained", "yes", "1,234", "2", "51.6% ± 2.2", "48.4%", "50.8%", "0.550", "53.0%"],
            ["trained", "no", "1,234", "2", "54.7% ± 2.2", "51.6%", "50.8%", "0.550", "52.6%"],
            ["random", "yes", "1,234", "2", "56.2% ± 2.2", "53.1%", "50.8%", "0.550", "52.7%"],
            ["random", "no", "1,234", "2", "57.8% ± 2.2", "54.7%", "50.8%", "0.550", "51.4%"],
        ],
    )


def test_the_table_words_honest_figures_and_how_many_seeds_agree() -> None:
    options = StudyOptions("honest", (5, 50), seeds=(0, 1))
    five, fifty = options.compared
    runs = [
        run_of(five, 0, 0.6, p_value=0.001), run_of(five, 1, 0.6, p_value=0.01),
        run_of(fifty, 0, 0.55, p_value=0.02), run_of(fifty, 1, 0.57, p_value=0.3),
    ]  # fmt: skip
    found = summaries(runs, options.compared)
    assert interval_table(found) == (
        ["min", "rows", "accuracy", "majority", "bag of words", "visible", "p",
         "verdict"],
        [
            ["5", "1,234", "60.0% ± 0.0", "50.8%", "55.0%", "0.540", "0.004-0.030",
             "signal, 2 of 2 seeds"],
            ["50", "1,234", "56.0% ± 1.4", "50.8%", "55.0%", "0.540", "0.040-0.300",
             "no signal, 1 of 2 seeds"],
        ],
    )  # fmt: skip
    quality = ["0.610", "59.0%", "+0.200", "0.240", "0.680", "0.050"]
    assert study_quality_table(found) == (
        ["min", "AUC", "balanced accuracy", "MCC", "Brier", "log loss", "calibration"],
        [["5", *quality], ["50", *quality]],
    )
    without = summaries([run_of(five, 0, 0.6)], [five])
    assert study_quality_table(without) == ([], [])
    assert sentences(without, []) == []
    (_, ((*_, verdict),)) = interval_table(summaries(runs[:1], [five]))
    assert verdict == "signal"

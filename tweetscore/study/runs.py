"""One trained network of a study: a row of ``study_runs`` enters or leaves."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tweetscore.evaluation.figures import Figures
from tweetscore.store.database import Store, statement
from tweetscore.study.options import StudyCell
from tweetscore.training.epoch import Epoch


@dataclass(frozen=True, slots=True)
class StudyRun:
    """One network: one row of ``study_runs``.

    Under the original protocol ``best_accuracy`` is the highest of all epochs on the test part, and
    there are no figures; under the honest one it is that of the epoch chosen on validation.
    """

    fingerprint: str  # of data, options and seed: equal ones are one run
    source: str
    protocol: str
    target: str
    interval_minutes: int
    vectors: bool
    counts: bool
    seed: int
    folds: int
    train_rows: int
    test_rows: int
    best_epoch: int  # of the last fold
    best_accuracy: float
    last_accuracy: float | None  # on the test part; None under the honest protocol
    majority: float
    train_loss: float  # of the last epoch
    seconds: float
    figures: Figures | None
    history: tuple[Epoch, ...]  # of the last fold

    @property
    def cell(self) -> StudyCell:
        """The cell that this run trained with one seed."""
        return StudyCell(self.interval_minutes, self.vectors, self.counts)


def keep_run(store: Store, run: StudyRun) -> None:
    """Store a run; it replaces an equal one."""
    row = {name: getattr(run, name) for name in run.__dataclass_fields__}
    row["figures"] = json.dumps(asdict(run.figures)) if run.figures else None
    row["history"] = json.dumps([asdict(epoch) for epoch in run.history])
    row["finished_utc"] = datetime.now(UTC).replace(tzinfo=None)
    nullable = {"figures": pl.String, "last_accuracy": pl.Float64}
    frame = pl.DataFrame([row], schema_overrides=nullable)
    with store.transaction():
        store.con.execute("DELETE FROM study_runs WHERE fingerprint = $it", {"it": run.fingerprint})
        store.append("study_runs", frame)


def stored_run(store: Store, fingerprint: str) -> StudyRun | None:
    """Return a run that is stored already."""
    frame = store.frame(
        "SELECT * EXCLUDE (finished_utc) FROM study_runs WHERE fingerprint = $it", it=fingerprint
    )
    return _run_of(frame.row(0, named=True)) if frame.height else None


def runs_by_study(store: Store) -> list[list[StudyRun]]:
    """Return the stored runs of each study, the latest of each cell and seed.

    Runs of one study have source, protocol, target, folds and symbol in common.
    """
    frame = store.frame(statement("study/runs"))
    studies: dict[tuple[object, ...], dict[tuple[int, StudyCell], StudyRun]] = {}
    for run in map(_run_of, frame.iter_rows(named=True)):
        symbol = run.figures.symbol if run.figures else ""
        key = (run.source, run.protocol, run.target, run.folds, symbol)
        # Of one cell and seed the last stays, in the first's place.
        studies.setdefault(key, {})[run.seed, run.cell] = run
    return [list(each.values()) for each in studies.values()]


def _run_of(row: dict[str, Any]) -> StudyRun:
    found = json.loads(row["figures"]) if row["figures"] else None
    epochs = tuple(map(Epoch.from_record, json.loads(row["history"])))
    return StudyRun(**{**row, "figures": found and Figures.from_card(found), "history": epochs})

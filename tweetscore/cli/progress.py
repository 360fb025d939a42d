"""Progress on stderr: bars on a terminal, a line now and then elsewhere."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from tweetscore.cli.console import note, stderr, verbosity
from tweetscore.io.formats import VISIBLE

if TYPE_CHECKING:  # studies need torch, which would slow down --help
    from tweetscore.scoring.files import Progress as JobProgress
    from tweetscore.study.options import StudyCell, StudyOptions
    from tweetscore.study.runs import StudyRun
    from tweetscore.training.epoch import Epoch


_PATIENCE_SECONDS = 2
_MOST_BARS = 10  # of many files, the bars of the last ones


class _SpeedColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s")


@contextmanager
def row_progress(verb: str) -> Iterator[Callable[[str, int, int | None], None]]:
    """Show rows done, rows per second and time left, where stderr is a terminal.

    The function that it yields takes a label, the rows done and, where known, the rows to do.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _SpeedColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, Any] = {}
    with Progress(*columns, console=stderr, disable=not verbosity.shows_progress) as progress:

        def advance(label: str, done: int, total: int | None = None) -> None:
            if label not in tasks:
                if len(tasks) >= _MOST_BARS:
                    progress.update(list(tasks.values())[-_MOST_BARS], visible=False)
                tasks[label] = progress.add_task(f"{verb} {label}".translate(VISIBLE), total=total)
            progress.update(tasks[label], completed=done, total=total)

        yield advance


class _RowsColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        rows, seconds = task.fields["rows"], task.finished_time or task.elapsed or 0
        return Text(f"{rows:,} rows, {rows / max(seconds, 0.1):,.0f}/s")


@contextmanager
def reading_progress() -> Iterator[Callable[[str, int, int, int | None], None]]:
    """Show of each file its bytes of bytes, rows, rows per second and time left, on a terminal.

    The function that it yields takes the file, its rows and bytes read, and its bytes, if known.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        _RowsColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, Any] = {}
    with Progress(*columns, console=stderr, disable=not verbosity.shows_progress) as progress:

        def advance(label: str, rows: int, done: int, total: int | None) -> None:
            if label not in tasks:
                if len(tasks) >= _MOST_BARS:
                    progress.update(list(tasks.values())[-_MOST_BARS], visible=False)
                named = f"reading {label}".translate(VISIBLE)
                tasks[label] = progress.add_task(named, total=total, rows=0)
            progress.update(tasks[label], completed=done, total=total, rows=rows)

        yield advance


@contextmanager
def working(patience_seconds: float = _PATIENCE_SECONDS) -> Iterator[Callable[[str], None]]:
    """Show what is being done, and for how long, once it takes a while on a terminal.

    The function that it yields takes what is done from now on.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    progress = Progress(*columns, console=stderr, transient=True)
    task = progress.add_task("", total=None)
    timer = threading.Timer(patience_seconds, progress.start)
    timer.daemon = True
    if verbosity.shows_progress:
        timer.start()
    try:
        yield lambda step: progress.update(task, description=step.translate(VISIBLE))
    finally:
        timer.cancel()
        if timer.is_alive():
            timer.join()
        if progress.live.is_started:  # to stop another one writes an empty line
            progress.stop()


@contextmanager
def file_progress(*, as_json: bool) -> Iterator[Callable[["JobProgress"], None]]:
    """Show shards, rows, bytes and time left on a terminal; as JSON, a line for each shard."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    hidden = as_json or not verbosity.shows_progress
    with Progress(*columns, console=stderr, disable=hidden) as progress:
        task = progress.add_task("scoring", total=None)

        def advance(job: "JobProgress") -> None:
            if as_json:
                note(json.dumps(asdict(job) | {"seconds_left": job.seconds_left}))
            words = f"scoring: {job.shards:,} of {job.shards_to_do:,} shards, {job.rows:,} rows"
            progress.update(task, completed=job.bytes, total=job.bytes_to_do, description=words)

        yield advance


@contextmanager
def epoch_progress(epochs: int, *, heads: bool = False) -> Iterator[Callable[["Epoch"], None]]:
    """Show epoch, losses and time left on a terminal; elsewhere a line every tenth epoch.

    Of heads on an encoder each regularisation stands in the place of an epoch.
    """
    if heads:
        from tweetscore.training.options import REGULARISATIONS

        epochs = len(REGULARISATIONS)
    what = "regularisation" if heads else "epoch"
    columns = (
        TextColumn(what),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, disable=not verbosity.shows_progress) as progress:
        task = progress.add_task("", total=epochs)

        def advance(epoch: "Epoch") -> None:
            losses = f"loss {epoch.train_loss:.4f}, validation {epoch.held_out_loss:.4f}"
            progress.update(task, completed=epoch.number, description=losses)
            if not verbosity.shows_progress and epoch.number % 10 in (0, 1):
                note(f"{what} {epoch.number} of {epochs}: {losses}")

        yield advance


class StudyProgress:
    """Fill a table as the networks of a study finish; without a terminal, print a line for each."""

    def __init__(self, options: "StudyOptions", live: Live) -> None:
        self.options, self.live = options, live
        self.states: dict[tuple[StudyCell, int], str] = {}  # by network and seed

    def epoch(self, cell: "StudyCell", seed: int, epoch: "Epoch") -> None:
        """Show how far the training of a network has come."""
        epochs = self.options.training.fit.epochs
        self.states[cell, seed] = f"epoch {epoch.number} of {epochs}"
        self.live.update(self._table())

    def finished(self, run: "StudyRun") -> None:
        """Show the accuracy of a trained network."""
        self.states[run.cell, run.seed] = f"{run.best_accuracy:.1%}"
        if verbosity.shows_progress:
            self.live.update(self._table())
        else:
            note(
                f"{_name(run.cell)}, seed {run.seed}: {run.best_accuracy:.1%} "
                f"(majority {run.majority:.1%}) in {run.seconds:.0f} s"
            )

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("network", *(f"seed {seed}" for seed in self.options.seeds)):
            table.add_column(heading)
        for cell in self.options.cells:
            states = (self.states.get((cell, seed), "-") for seed in self.options.seeds)
            table.add_row(_name(cell), *states)
        return table


def _name(cell: "StudyCell") -> str:
    vectors = "trained vectors" if cell.vectors else "random vectors"
    return f"{cell.interval_minutes} minutes, {vectors}{', counts' if cell.counts else ''}"


@contextmanager
def study_progress(options: "StudyOptions") -> Iterator[StudyProgress]:
    """Show the table of a study on stderr while it fills."""
    console = Console(quiet=True) if verbosity.quiet else stderr
    with Live(console=console, auto_refresh=verbosity.shows_progress, transient=True) as live:
        yield StudyProgress(options, live)

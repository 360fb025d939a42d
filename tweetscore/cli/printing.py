"""Show results: records enter; tables and JSON leave on stdout, talk and progress on stderr."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
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

from tweetscore.errors import InputError
from tweetscore.io.formats import VISIBLE, cell_text, json_text, short_floats, write, write_file

if TYPE_CHECKING:  # polars and scikit-learn would slow down --help
    import polars as pl

    from tweetscore.checks.doctor import Check
    from tweetscore.evaluation.figures import Figures
    from tweetscore.ingest.account import Account
    from tweetscore.io.formats import Answer
    from tweetscore.query import ShippedQuery
    from tweetscore.report.gather import Report
    from tweetscore.sample.write import Sample
    from tweetscore.scoring.score import ScoreAccount
    from tweetscore.scoring.shards import FilesAccount
    from tweetscore.study.run import StudyOptions
    from tweetscore.study.summary import Cell, Found, StudyRun
    from tweetscore.training.epoch import Epoch
    from tweetscore.training.run import Trained

TERMINAL_ROWS = 100
FOLDABLE = 20  # a column wider than this may be folded to it
JSON_VERSION = 1  # of the objects that --json prints; README says what changes it
stdout = Console(highlight=False, emoji=False, soft_wrap=False)
stderr = Console(stderr=True, highlight=False, emoji=False)


@dataclass
class _Talk:
    """How much is said on stderr."""

    quiet: bool = False
    verbose: bool = False

    def set(self, *, quiet: bool, verbose: bool) -> None:
        """Choose for the command that runs.

        Raises:
            InputError: both are chosen.
        """
        self.quiet, self.verbose = quiet, verbose and not quiet
        if quiet and verbose:
            raise InputError("--quiet and --verbose exclude each other; leave one out")

    @property
    def shows_progress(self) -> bool:
        """Only to a person, and only to one who has not asked for silence."""
        return stderr.is_terminal and not self.quiet


talk = _Talk()


def say(words: str) -> None:
    """Tell the user something that is not data, though it may quote some."""
    if not talk.quiet:
        complain(words)


def detail(words: str) -> None:
    """Tell what only those want to know who asked for more."""
    if talk.verbose:
        complain(words)


def complain(words: str) -> None:
    """Tell what went wrong, to whoever wants silence, too."""
    stderr.print(words.translate(VISIBLE), markup=False, soft_wrap=True)


def show_record(record: dict[str, Any]) -> None:
    """Print one JSON object of a command, with the version of its shape."""
    show_json({"json_version": JSON_VERSION, **record})


def show_json(value: object) -> None:
    """Print one JSON value; what JSON has no number for is null."""
    sys.stdout.write(json_text(value) + "\n")


def show_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    cell: "Callable[[object], str] | None" = None,
) -> None:
    """Print rows under headings; numbers to the right.

    On a terminal that is too narrow for them, each row becomes a block of lines instead.
    """
    numeric = [
        bool(rows)
        and all(isinstance(row[place], int | float | Decimal | None) for row in rows)
        and not any(isinstance(row[place], bool) for row in rows)
        for place in range(len(headings))
    ]
    headings = [heading.translate(VISIBLE) for heading in headings]
    cells = [[(cell or _cell)(value).translate(VISIBLE) for value in row] for row in rows]
    if not stdout.is_terminal:
        sys.stdout.writelines(_lines([headings, *cells], numeric))
        return
    widths = [
        max(cell_len(line) for line in column) for column in zip(headings, *cells, strict=True)
    ]
    stiff = [right or width <= FOLDABLE for right, width in zip(numeric, widths, strict=True)]
    least = [width if keeps else FOLDABLE for width, keeps in zip(widths, stiff, strict=True)]
    if sum(least) + 2 * (len(least) - 1) > stdout.width:
        _show_blocks(headings, cells)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, right, keeps in zip(headings, numeric, stiff, strict=True):
        # Numbers and short words keep their line; what room is left goes to the texts.
        justify: Literal["right", "left"] = "right" if right else "left"
        table.add_column(Text(heading), justify=justify, overflow="fold", no_wrap=keeps)
    for row in cells:
        table.add_row(*map(Text, row))
    stdout.print(table)


def _show_blocks(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print each row as lines of heading and value."""
    for row in cells:
        block = Table(box=None, pad_edge=False, show_header=False)
        block.add_column(style="bold", no_wrap=True)
        block.add_column(overflow="fold")
        for heading, value in zip(headings, row, strict=True):
            block.add_row(Text(heading), Text(value))
        stdout.print(block)
        stdout.print()


def _lines(rows: list[list[str]], right: list[bool]) -> Iterator[str]:
    """Lay out a table for a pipe: as wide as it is, nothing folded or cut."""
    split = [[cell.split("\n") for cell in row] for row in rows]
    widths = [
        max(cell_len(line) for row in split for line in row[place]) for place in range(len(right))
    ]
    for row in split:
        for line in zip_longest(*row, fillvalue=""):
            padded = [
                " " * (width - cell_len(text)) + text if to_the_right
                else text + " " * (width - cell_len(text))
                for text, width, to_the_right in zip(line, widths, right, strict=True)
            ]  # fmt: skip
            yield "  ".join(padded).rstrip() + "\n"


def show_answer(answer: "Answer", form: str, out: Path | None) -> None:
    """Print a query's answer as a table, or write it to stdout or a file in another form.

    Raises:
        InputError: a table is to go to a file, or Parquet to a terminal, or the query fails.
    """
    if form != "table" and out:
        rows = write_file(answer, form, out)
        say(f"wrote {rows:,} rows to {out}")
    elif form != "table":
        sys.stdout.flush()
        write(answer, form, sys.stdout.buffer)
    elif out:
        raise InputError(f"{out}: tables are for the screen; leave out --format, or choose md")
    else:
        _show_rows(answer)


def _show_rows(answer: "Answer") -> None:
    rows: list[tuple[object, ...]] = []
    for batch in answer.batches:
        rows += short_floats(batch).rows()
        if stdout.is_terminal and len(rows) > TERMINAL_ROWS:
            break
    more = stdout.is_terminal and len(rows) > TERMINAL_ROWS
    show_table(answer.names, rows[:TERMINAL_ROWS] if more else rows, cell_text)
    if more:
        say(
            f"{TERMINAL_ROWS} rows shown, there are more; --format csv, or --out result.csv, "
            "gives all"
        )


class _SpeedColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s")


@contextmanager
def row_progress(what: str) -> Iterator[Callable[[str, int, int | None], None]]:
    """Show rows done, rows a second and time left, where stderr is a terminal.

    The function given takes a label, the rows done and, where it is known, the rows to do.
    """
    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(),
        MofNCompleteColumn(), _SpeedColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    tasks: dict[str, Any] = {}
    with Progress(*columns, console=stderr, disable=not talk.shows_progress) as progress:

        def advance(label: str, done: int, total: int | None = None) -> None:
            if label not in tasks:
                tasks[label] = progress.add_task(f"{what} {label}".translate(VISIBLE), total=total)
            progress.update(tasks[label], completed=done, total=total)

        yield advance


def _cell(value: object) -> str:
    if type(value) is int:  # a bool is an int, too
        return f"{value:,}" if abs(value) < 10**15 else str(value)  # ids are no quantities
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.2f}"
    return cell_text(value)


@contextmanager
def epoch_progress(epochs: int) -> Iterator[Callable[[Any], None]]:
    """Show epoch, losses and time left on a terminal; elsewhere a line every tenth epoch."""
    columns = (
        TextColumn("epoch"), MofNCompleteColumn(), BarColumn(),
        TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=stderr, disable=not talk.shows_progress) as progress:
        task = progress.add_task("", total=epochs)

        def advance(epoch: Any) -> None:
            losses = f"loss {epoch.train_loss:.4f}, validation {epoch.held_out_loss:.4f}"
            progress.update(task, completed=epoch.number, description=losses)
            if not talk.shows_progress and epoch.number % 10 in (0, 1):
                say(f"epoch {epoch.number} of {epochs}: {losses}")

        yield advance


COUNTED = ("rows_read", "stored", "updated", "duplicates", "rejected")


def show_accounts(accounts: "Sequence[Account]", *, as_json: bool) -> None:
    """Print what became of each file, and in total."""
    if as_json:
        total = {name: sum(getattr(each, name) for each in accounts) for name in COUNTED}
        show_record({"files": [asdict(each) for each in accounts], "total": total})
        return
    ignored = [Path(each.name).name for each in accounts if each.kind == "ignored"]
    read = [each for each in accounts if not each.error and each.kind != "ignored"]
    if read:
        headings = ["file", "kind", *(name.replace("_", " ") for name in COUNTED)]
        counts = [[getattr(each, name) for name in COUNTED] for each in read]
        names = [[Path(each.name).name, each.kind] for each in read]
        show_table(headings, [left + right for left, right in zip(names, counts, strict=True)])
    for each in read:
        again = "the same content is here already, nothing changed; " if each.unchanged else ""
        say(f"{Path(each.name).name}: {again}clock: {each.clock}")
    for each in read:
        if each.mended:
            say(f"{Path(each.name).name}: {each.mended} texts hold U+FFFD for unreadable bytes")
    if ignored:
        shown = ", ".join(ignored[:5]) + (", …" if len(ignored) > 5 else "")
        say(f"ignored {len(ignored)} files that are neither tweets nor bars: {shown}")


ASK_FOR = {
    "direction": "tweetscore query --file hit_rate, or tweetscore report",
    "move": "tweetscore query --file moves, or tweetscore report",
    "label": "tweetscore query --file labels",
}


def show_sample(written: "Sample", *, as_json: bool) -> None:
    """Print what a made-up archive holds, and where it is."""
    if as_json:
        show_record(asdict(written))
        return
    show_table(["what", "value"], list(asdict(written).items()))
    say(f"bring it in with: tweetscore ingest {written.archive} {written.bars}")


def show_scores(account: "ScoreAccount", target: str, *, as_json: bool) -> None:
    """Print what became of every tweet."""
    if as_json:
        show_record(asdict(account))
        return
    rows: list[tuple[str, int]] = [("tweets", account.tweets), ("scored", account.scored)]
    rows += [(f"skipped: {name}", count) for name, count in account.skipped_reasons.items()]
    show_table([account.model, "tweets"], rows)
    say(f"ask for the result: {ASK_FOR[target]}")


def show_files(account: "FilesAccount", output: Path, *, as_json: bool) -> None:
    """Print what became of every shard and row."""
    if as_json:
        show_record(asdict(account))
        return
    rows: list[tuple[str, int]] = [
        ("shards", account.shards),
        ("finished before", account.already_finished),
        ("failed", len(account.failed)),
        ("rows", account.rows),
        ("scored", account.scored),
    ]
    rows += [(f"not scored: {name}", count) for name, count in account.reasons.items()]
    show_table([account.model, "count"], rows)
    for each in account.failed:
        complain(f"failed: {each.name}: {each.reason}")
    say(f"the scores are in {output}; bring them into a database with: tweetscore import {output}")


def show_tables(rows: Mapping[str, int], *, as_json: bool) -> None:
    """Print how many rows of each table were written or added."""
    if as_json:
        show_record({"rows": dict(rows)})
        return
    show_table(["table", "rows"], list(rows.items()))


def show_report(made: "Report", out: Path, *, as_json: bool) -> None:
    """Say where a page is and what it comes to."""
    size = out.stat().st_size
    if as_json:
        subject = asdict(made.subject) if made.subject else None
        show_record({"out": str(out), "bytes": size, "subject": subject, "verdict": made.verdict})
        return
    stdout.print(made.verdict.translate(VISIBLE), markup=False, soft_wrap=True)
    say(f"wrote {out} ({size / 1e6:.1f} MB); open it in a browser, it needs no network")


def show_queries(queries: "Sequence[ShippedQuery]", *, as_json: bool) -> None:
    """Print what each shipped query answers, and its parameters."""
    if as_json:
        show_record({"queries": [asdict(each) for each in queries]})
        return
    rows = [
        (each.name, each.says, ", ".join(one.name for one in each.parameters)) for each in queries
    ]
    show_table(["query", "one row is", "parameters"], rows)
    say("run one with: tweetscore query --file NAME --param interval=30")


def show_figures(found: "Sequence[Figures]", *, as_json: bool) -> None:
    """Print figures beside their baselines, and what they mean."""
    from tweetscore.evaluation.verdicts import (
        figure_table,
        overall_verdict,
        quality_table,
        sentence,
    )

    if as_json:
        verdict = overall_verdict(found)
        show_record({"figures": [asdict(each) for each in found], "verdict": verdict})
        return
    for model, symbol, target in dict.fromkeys(map(_subject, found)):
        of_model = [each for each in found if _subject(each) == (model, symbol, target)]
        on = f" on {symbol}" if symbol else ""
        of = ", moves" if target == "move" else ""
        verdict = f"{model}{on}{of}: {overall_verdict(of_model)}"
        stdout.print(verdict.translate(VISIBLE), markup=False, soft_wrap=True)
        show_table(*figure_table(of_model))
        stdout.print()
        show_table(*quality_table(of_model))
        stdout.print()
        for each in of_model:
            stdout.print(sentence(each), markup=False, soft_wrap=True)


def _subject(each: "Figures") -> tuple[str, str, str]:
    return each.model, each.symbol, each.target


def show_trained(trained: "Trained", *, as_json: bool) -> None:
    """Print a saved model's figures on the test part."""
    from tweetscore.evaluation.verdicts import overall_verdict

    bundle, fitted = trained.bundle, trained.fitted
    if as_json:
        show_record(
            {
                "model": bundle.name,
                "model_id": bundle.model_id,
                "folder": str(bundle.path),
                "best_epoch": fitted.best.number,
                "epochs": len(fitted.history),
                "interrupted": fitted.interrupted,
                "device": bundle.card["training"]["device"],
                "parity": asdict(trained.parity),
                "int8_drift": bundle.card["int8_drift"],
                "vectors": bundle.card["vectors"],
                "rows": bundle.card["rows"],
                "figures": [asdict(each) for each in trained.figures],
                "verdict": overall_verdict(trained.figures),
            }
        )
        return
    if fitted.interrupted:
        say(f"interrupted after epoch {len(fitted.history)}: the best epoch so far is kept")
    show_figures(trained.figures, as_json=False)
    say(
        f"saved {bundle.path} (epoch {fitted.best.number} of {len(fitted.history)}); "
        f"score with: tweetscore score --model {bundle.path}"
    )


class StudyProgress:
    """Fill a table as the networks of a study finish; without a terminal, say a line for each."""

    def __init__(self, options: "StudyOptions", live: Live) -> None:
        self.options, self.live = options, live
        self.cells: dict[tuple[Any, int], str] = {}

    def epoch(self, cell: "Cell", seed: int, epoch: "Epoch") -> None:
        """Show how far a network is."""
        of = self.options.learn.fit.epochs
        self.cells[cell, seed] = f"epoch {epoch.number} of {of}"
        self.live.update(self._table())

    def finished(self, run: "StudyRun") -> "StudyRun":
        """Show a network's accuracy; returns the run."""
        self.cells[run.cell, run.seed] = f"{run.best_accuracy:.1%}"
        if talk.shows_progress:
            self.live.update(self._table())
        else:
            say(
                f"{_cell_name(run.cell)}, seed {run.seed}: {run.best_accuracy:.1%} "
                f"(majority {run.majority:.1%}) in {run.seconds:.0f} s"
            )
        return run

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("network", *(f"seed {seed}" for seed in self.options.seeds)):
            table.add_column(heading)
        for cell in self.options.cells:
            done = (self.cells.get((cell, seed), "-") for seed in self.options.seeds)
            table.add_row(_cell_name(cell), *done)
        return table


def _cell_name(cell: "Cell") -> str:
    vectors = "trained vectors" if cell.vectors else "random vectors"
    return f"{cell.interval_minutes} minutes, {vectors}{', counts' if cell.counts else ''}"


@contextmanager
def study_progress(options: "StudyOptions") -> Iterator[StudyProgress]:
    """Show a study's table on stderr while it fills."""
    console = Console(quiet=True) if talk.quiet else stderr
    with Live(console=console, auto_refresh=talk.shows_progress, transient=True) as live:
        yield StudyProgress(options, live)


def show_study(found: "Found", *, as_json: bool) -> None:
    """Print both comparisons, what the protocol does wrong, and what they show."""
    from tweetscore.study.summary import (
        ablation_table,
        interval_table,
        sentences,
        study_quality_table,
    )

    if as_json:
        show_record(asdict(found))
        return
    minutes = found.ablation[0].cell.interval_minutes
    for title, (headings, rows) in {
        "intervals": interval_table(found.compared),
        "probabilities": study_quality_table(found.compared),
        f"ablation at {minutes} minutes": ablation_table(found.ablation),
    }.items():
        if rows:
            stdout.print(title, style="bold")
            show_table(headings, rows)
            stdout.print()
    for sentence in sentences(found.compared):
        stdout.print(sentence, markup=False, soft_wrap=True)
    stdout.print(found.verdict, style="bold", markup=False, soft_wrap=True)
    if found.faults:
        stdout.print("\nFaults that these figures carry:")
    for fault in found.faults:
        stdout.print(f"- {fault}", markup=False, soft_wrap=True)


def show_info(sections: "dict[str, pl.DataFrame]", *, as_json: bool) -> None:
    """Print each part of what a database holds under its name."""
    if as_json:
        show_record({name: frame.to_dicts() for name, frame in sections.items()})
        return
    for name, frame in sections.items():
        if frame.height:
            stdout.print(f"\n{name}", style="bold")
            show_table(frame.columns, frame.rows())


RESULTS = {True: "ok", False: "broken", None: "skipped"}


def show_checks(checks: "Sequence[Check]", *, as_json: bool) -> None:
    """Print each check's verdict, and what to do about a broken one."""
    if as_json:
        healthy = all(check.ok is not False for check in checks)
        show_record({"checks": [asdict(check) for check in checks], "ok": healthy})
        return
    rows = [(each.name, RESULTS[each.ok], each.fact, each.next_step or "") for each in checks]
    show_table(["check", "result", "fact", "what to do"], rows)

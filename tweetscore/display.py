"""Show results: records enter; tables and JSON leave on stdout, talk and progress on stderr."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime, time
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

if TYPE_CHECKING:  # polars and scikit-learn would slow down --help
    import polars as pl

    from tweetscore.doctor import Check
    from tweetscore.evaluate import Figures
    from tweetscore.fit import Epoch
    from tweetscore.ingest import Account
    from tweetscore.score import ScoreAccount
    from tweetscore.study import Cell, Found, StudyOptions, StudyRun
    from tweetscore.train import Trained

TERMINAL_ROWS = 100
# A tweet may hold what would move a terminal's cursor, or turn the direction of what stands around
# it: shown, never obeyed. Line breaks stay.
_CONTROLS = (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
VISIBLE = dict.fromkeys(_CONTROLS, "\N{REPLACEMENT CHARACTER}")
VISIBLE |= {ord("\t"): " ", ord("\n"): "\n", ord("\r"): ""}

stdout = Console(highlight=False, emoji=False, soft_wrap=False)
stderr = Console(stderr=True, highlight=False, emoji=False)


def say(words: str) -> None:
    """Tell the user something that is not data, though it may quote some."""
    stderr.print(words.translate(VISIBLE), markup=False, soft_wrap=True)


def show_json(value: object) -> None:
    """Print one JSON value; what JSON has no number for is null."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=_plain, allow_nan=False)
    except ValueError:  # NaN or infinity, which no other reader of JSON takes
        text = json.dumps(_finite(value), ensure_ascii=False, default=_plain)
    sys.stdout.write(text + "\n")


def show_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    cell: "Callable[[object], str] | None" = None,
) -> None:
    """Print rows under headings; numbers to the right."""
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
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, right in zip(headings, numeric, strict=True):
        # Numbers keep their line; what room is left goes to the words.
        justify: Literal["right", "left"] = "right" if right else "left"
        table.add_column(Text(heading), justify=justify, overflow="fold", no_wrap=right)
    for row in cells:
        table.add_row(*map(Text, row))
    stdout.print(table)


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


def show_frame(frame: "pl.DataFrame", output: str) -> None:
    """Print a query's result as table, csv, json, jsonl, parquet or md.

    Raises:
        InputError: Parquet is asked for on a terminal.
    """
    if output == "parquet":
        if sys.stdout.isatty():
            raise InputError("parquet is not for a terminal; write it with: > result.parquet")
        frame.write_parquet(sys.stdout.buffer)
        return
    frame = _with_short_floats(frame)
    if output == "csv":
        sys.stdout.write(_flat(frame).write_csv())
    elif output == "json":
        show_json(frame.to_dicts())
    elif output == "jsonl":
        for row in frame.iter_rows(named=True):
            show_json(row)
    elif output == "md":
        print_markdown(frame)
    else:
        shown = frame.head(TERMINAL_ROWS) if stdout.is_terminal else frame
        show_table(frame.columns, shown.rows(), _exact_cell)
        if shown.height < frame.height:
            say(f"{shown.height} of {frame.height:,} rows shown; --format csv gives all")


def _with_short_floats(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Widen 32-bit floats by their shortest decimals: 0.1, not 0.10000000149011612."""
    import polars as pl

    return frame.with_columns(pl.col(pl.Float32).cast(pl.String).cast(pl.Float64))


def _flat(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Write lists, structs and bytes as text, which is all that CSV can hold."""
    import polars as pl

    def text(value: object) -> str | None:
        if value is None:
            return None
        if isinstance(value, bytes):
            return value.hex()
        return json.dumps(_finite(value), ensure_ascii=False, default=_plain)

    return frame.with_columns(
        pl.Series(each.name, [text(value) for value in each.to_list()], pl.String)
        for each in frame
        if each.dtype.is_nested() or each.dtype == pl.Binary
    )


def print_markdown(frame: "pl.DataFrame") -> None:
    """Print a frame as a Markdown table; bars and line breaks inside cells are kept readable."""
    lines = [frame.columns, ["---"] * frame.width]
    lines += [[_exact_cell(value) for value in row] for row in frame.iter_rows()]
    for cells in lines:
        safe = (
            cell.translate(VISIBLE).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
            for cell in cells
        )
        sys.stdout.write(f"| {' | '.join(safe)} |\n")


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
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as progress:

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
    return _exact_cell(value)


def _exact_cell(value: object) -> str:
    """Show a value of the user's own query: a year, an id or a price is not rounded."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | dict):
        return json.dumps(_finite(value), ensure_ascii=False, default=_plain)
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):  # DuckDB's sums of whole numbers
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return value


@contextmanager
def epoch_progress(epochs: int) -> Iterator[Callable[[Any], None]]:
    """Show epoch, losses and time left on a terminal; elsewhere a line every tenth epoch."""
    columns = (
        TextColumn("epoch"), MofNCompleteColumn(), BarColumn(),
        TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as progress:
        task = progress.add_task("", total=epochs)

        def advance(epoch: Any) -> None:
            losses = f"loss {epoch.train_loss:.4f}, validation {epoch.held_out_loss:.4f}"
            progress.update(task, completed=epoch.number, description=losses)
            if not stderr.is_terminal and epoch.number % 10 in (0, 1):
                say(f"epoch {epoch.number} of {epochs}: {losses}")

        yield advance


COUNTED = ("rows_read", "stored", "updated", "duplicates", "rejected")


def show_accounts(accounts: "Sequence[Account]", *, as_json: bool) -> None:
    """Print what became of each file, and in total."""
    if as_json:
        total = {name: sum(getattr(each, name) for each in accounts) for name in COUNTED}
        show_json({"files": [asdict(each) for each in accounts], "total": total})
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


def show_scores(account: "ScoreAccount", *, as_json: bool) -> None:
    """Print what became of every tweet."""
    if as_json:
        show_json(asdict(account))
        return
    rows: list[tuple[str, int]] = [("tweets", account.tweets), ("scored", account.scored)]
    rows += [(f"skipped: {name}", count) for name, count in account.skipped_reasons.items()]
    show_table([account.model, "tweets"], rows)
    say("ask for the result: tweetscore query --file hit_rate")


def show_figures(found: "Sequence[Figures]", *, as_json: bool) -> None:
    """Print figures beside their baselines, and what they mean."""
    from tweetscore.card import figure_table, quality_table
    from tweetscore.evaluate import overall_verdict, sentence

    if as_json:
        verdict = overall_verdict(found)
        show_json({"figures": [asdict(each) for each in found], "verdict": verdict})
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
    from tweetscore.evaluate import overall_verdict

    bundle, fitted = trained.bundle, trained.fitted
    if as_json:
        show_json(
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
        if stderr.is_terminal:
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
    with Live(console=stderr, auto_refresh=stderr.is_terminal, transient=True) as live:
        yield StudyProgress(options, live)


def show_study(found: "Found", *, as_json: bool) -> None:
    """Print both comparisons, what the protocol does wrong, and what they show."""
    from tweetscore.study import ablation_table, interval_table, sentences, study_quality_table

    if as_json:
        show_json(asdict(found))
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
        show_json({name: frame.to_dicts() for name, frame in sections.items()})
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
        show_json({"checks": [asdict(check) for check in checks], "ok": healthy})
        return
    rows = [(each.name, RESULTS[each.ok], each.fact, each.next_step or "") for each in checks]
    show_table(["check", "result", "fact", "what to do"], rows)

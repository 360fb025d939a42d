"""Show results: records enter; tables and JSON leave on stdout, talk and progress on stderr."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
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

if TYPE_CHECKING:  # polars and scikit-learn would slow down --help
    import polars as pl

    from tweetscore.evaluate import Figures
    from tweetscore.ingest import Account
    from tweetscore.score import ScoreAccount
    from tweetscore.train import Trained

TERMINAL_ROWS = 100

stdout = Console(highlight=False, soft_wrap=False)
stderr = Console(stderr=True, highlight=False)


def say(words: str) -> None:
    """Tell the user something that is not data."""
    stderr.print(words, markup=False, soft_wrap=True)


def show_json(value: object) -> None:
    """Print one JSON value."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def show_records(records: Sequence[Any], columns: dict[str, str], *, as_json: bool = False) -> None:
    """Print dataclasses as a table with these columns (field to heading), or as a JSON list."""
    rows = [asdict(record) for record in records]
    if as_json:
        show_json(rows)
        return
    show_table(list(columns.values()), [[row[name] for name in columns] for row in rows])


def show_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings; numbers to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, heading in enumerate(headings):
        numeric = all(isinstance(row[place], int | float | None) for row in rows) and bool(rows)
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    if stdout.is_terminal:
        stdout.print(table)
        return
    # Piped tables are as wide as they are: nothing is folded or cut.
    wide = Console(file=sys.stdout, width=10_000, no_color=True, highlight=False)
    wide.print(table)


def show_frame(frame: "pl.DataFrame", output: str) -> None:
    """Print a query's result as table, csv, json, jsonl, parquet or md."""
    if output == "csv":
        sys.stdout.write(frame.write_csv())
    elif output == "json":
        show_json(frame.to_dicts())
    elif output == "jsonl":
        for row in frame.iter_rows(named=True):
            show_json(row)
    elif output == "parquet":
        frame.write_parquet(sys.stdout.buffer)
    elif output == "md":
        print_markdown(frame)
    else:
        shown = frame.head(TERMINAL_ROWS) if stdout.is_terminal else frame
        show_table(frame.columns, shown.rows())
        if shown.height < frame.height:
            say(f"{shown.height} of {frame.height:,} rows shown; --format csv gives all")


def print_markdown(frame: "pl.DataFrame") -> None:
    """Print a frame as a Markdown table; bars and line breaks inside cells are kept readable."""
    lines = [frame.columns, ["---"] * frame.width]
    lines += [[_cell(value) for value in row] for row in frame.iter_rows()]
    for cells in lines:
        safe = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
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
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        _SpeedColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    tasks: dict[str, Any] = {}
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as progress:

        def advance(label: str, done: int, total: int | None = None) -> None:
            if label not in tasks:
                tasks[label] = progress.add_task(f"{what} {label}", total=total)
            progress.update(tasks[label], completed=done, total=total)

        yield advance


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**15 else str(value)  # ids are no quantities
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.2f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


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
            losses = f"loss {epoch.train_loss:.4f}, validation {epoch.validation_loss:.4f}"
            progress.update(task, completed=epoch.number, description=losses)
            if not stderr.is_terminal and epoch.number % 10 in (0, 1):
                say(f"epoch {epoch.number} of {epochs}: {losses}")

        yield advance


ACCOUNT_COLUMNS = {
    "name": "file", "kind": "kind", "format": "format", "rows_read": "rows read",
    "stored": "stored", "updated": "updated", "duplicates": "duplicates", "rejected": "rejected",
}  # fmt: skip
FIGURE_COLUMNS = {
    "model": "model", "symbol": "symbol", "interval_minutes": "minutes", "rows": "rows",
    "days": "days", "accuracy": "accuracy", "baseline": "majority", "excess_low": "excess from",
    "excess_high": "to (95 %)", "auc": "AUC", "mcc": "MCC", "brier": "Brier", "p_holm": "p (Holm)",
    "verdict": "verdict",
}  # fmt: skip
COUNTED = ("rows_read", "stored", "updated", "duplicates", "rejected")


def show_accounts(accounts: "Sequence[Account]", *, as_json: bool) -> None:
    """Print what became of each file, and in total."""
    if as_json:
        total = {name: sum(getattr(each, name) for each in accounts) for name in COUNTED}
        show_json({"files": [asdict(each) for each in accounts], "total": total})
        return
    read = [each for each in accounts if not each.error]
    if read:
        show_records(read, ACCOUNT_COLUMNS)
    for each in read:
        again = "the same content is here already, nothing changed; " if each.unchanged else ""
        say(f"{each.name}: {again}clock: {each.clock}")


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
    from tweetscore.evaluate import overall_verdict

    if as_json:
        verdict = overall_verdict(found)
        show_json({"figures": [asdict(each) for each in found], "verdict": verdict})
        return
    show_records(found, FIGURE_COLUMNS)
    for model in dict.fromkeys((each.model, each.symbol) for each in found):
        of_model = [each for each in found if (each.model, each.symbol) == model]
        say(f"{model[0]} on {model[1]}: {overall_verdict(of_model)}")


def show_trained(trained: "Trained", *, as_json: bool) -> None:
    """Print a saved model's figures on the test part."""
    from tweetscore.evaluate import overall_verdict

    if as_json:
        bundle = trained.bundle
        show_json(
            {
                "model": bundle.name,
                "model_id": bundle.model_id,
                "folder": str(bundle.path),
                "best_epoch": trained.best_epoch,
                "epochs": trained.epochs,
                "interrupted": trained.interrupted,
                "parity": trained.parity,
                "vectors": trained.vectors,
                "rows": trained.rows,
                "figures": [asdict(each) for each in trained.figures],
                "verdict": overall_verdict(trained.figures),
            }
        )
        return
    if trained.interrupted:
        say(f"interrupted after epoch {trained.epochs}: the best epoch so far is kept")
    show_figures(trained.figures, as_json=False)
    say(
        f"saved {trained.bundle.path} (epoch {trained.best_epoch} of {trained.epochs}); "
        f"score with: tweetscore score --model {trained.bundle.path}"
    )


def show_info(sections: "dict[str, pl.DataFrame]", *, as_json: bool) -> None:
    """Print each part of what a database holds under its name."""
    if as_json:
        show_json({name: frame.to_dicts() for name, frame in sections.items()})
        return
    for name, frame in sections.items():
        if frame.height:
            stdout.print(f"\n{name}", style="bold")
            show_table(frame.columns, frame.rows())

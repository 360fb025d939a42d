"""Print what ``query`` found: the rows of an answer, and the queries that are shipped."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tweetscore.cli.console import note, stdout
from tweetscore.cli.tables import show_record, show_table
from tweetscore.errors import InputError
from tweetscore.io.formats import cell_text, form_of, short_floats, write, write_file

if TYPE_CHECKING:  # polars would slow down --help
    from tweetscore.io.formats import Answer
    from tweetscore.query.shipped import ShippedQuery

TERMINAL_ROWS = 100


def show_queries(queries: "Sequence[ShippedQuery]", *, as_json: bool) -> None:
    """Print what each shipped query answers, and its parameters."""
    if as_json:
        show_record({"queries": [asdict(each) for each in queries]})
        return
    rows = [
        (each.name, each.description, ", ".join(one.name for one in each.parameters))
        for each in queries
    ]
    show_table(["query", "one row is", "parameters"], rows)
    note("run one with: tweetscore query --file NAME --param interval=30")


def answer_form(wanted: str | None, output: Path | None) -> str:
    """Return the format of an answer: the one that is wanted, that of the file, or a table.

    Raises:
        InputError: the name of the file does not end with a format.
    """
    return wanted or (form_of(output) if output else "table")


def show_answer(answer: "Answer", form: str, output: Path | None) -> None:
    """Print a query's answer as a table, or write it to stdout or a file in another format.

    Raises:
        InputError: a table is to go to a file, or Parquet to a terminal, or the query fails.
    """
    if form != "table" and output:
        rows = write_file(answer, form, output)
        note(f"wrote {rows:,} rows to {output}")
    elif form != "table":
        sys.stdout.flush()
        write(answer, form, sys.stdout.buffer)
    elif output:
        raise InputError(f"{output}: tables are for the screen; leave out --format, or choose md")
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
        note(
            f"{TERMINAL_ROWS} rows are shown, there are more; get all with --format csv or "
            "--output result.csv"
        )

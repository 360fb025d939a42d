"""Print tables and JSON: headings and rows, or records, go in; text goes out on stdout."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any, Literal

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from tweetscore.cli.console import stdout
from tweetscore.io.formats import VISIBLE, cell_text, json_text

FOLDABLE = 20  # a column wider than this may be folded to it
JSON_VERSION = 1  # of the objects that --json prints; within a version, keys are only added


def show_record(record: Mapping[str, Any]) -> None:
    """Print the result of a command as one JSON object, with the version of its shape."""
    sys.stdout.write(json_text({"json_version": JSON_VERSION, **record}) + "\n")


def show_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    cell: Callable[[object], str] | None = None,
) -> None:
    """Print rows under headings, numbers to the right.

    On a terminal that is too narrow for the table, each row becomes a block of lines instead.

    Args:
        headings: one for each column.
        rows: the values, in the order of the headings.
        cell: turns a value into text; by default numbers are grouped and shortened.
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
        # Numbers and short words stay on one line; the remaining width goes to the texts.
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
                " " * (width - cell_len(text)) + text
                if to_the_right
                else text + " " * (width - cell_len(text))
                for text, width, to_the_right in zip(line, widths, right, strict=True)
            ]
            yield "  ".join(padded).rstrip() + "\n"


def _cell(value: object) -> str:
    if type(value) is int:  # a bool is an int, too
        return f"{value:,}" if abs(value) < 10**15 else str(value)  # ids are no quantities
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.2f}"
    return cell_text(value)

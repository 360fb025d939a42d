"""Parts of web pages: frames enter, tables leave whose cells are text and nothing else."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.resources import files

import jinja2
import polars as pl
from polars import selectors as cs

from tweetscore.io.formats import VISIBLE, cell_text

MOST_ROWS = 500  # of a table
MOST_CHARACTERS = 1_000  # of a cell


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page; the columns of numbers stand right and sort as numbers."""

    columns: tuple[tuple[str, bool], ...]  # heading, and whether it is of numbers
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0
    searchable: bool = False


def environment(package: str) -> jinja2.Environment:
    """Return what renders the templates of a package; they can import ``parts.html``.

    What comes from files, such as the texts of tweets, is escaped, and characters that would turn
    the direction of text or move a cursor are shown as marks.
    """
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.FunctionLoader(lambda name: _asset_if_any(package, name)),
                jinja2.FunctionLoader(lambda name: _asset_if_any(__package__ or "", name)),
            ]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def asset(package: str, name: str) -> str:
    """Return the text of a file that lies beside the modules of a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def base_style() -> str:
    """Return the style that all pages begin with."""
    return asset(__package__ or "", "base.css")


def table_script() -> str:
    """Return the script that sorts and searches the tables of a page."""
    return asset(__package__ or "", "tables.js")


def frame_table(
    frame: pl.DataFrame,
    *,
    most: int = MOST_ROWS,
    searchable: bool = False,
    all_columns: bool = False,
) -> Table:
    """Return a frame as a table; columns that hold nothing are left out, unless all are wanted."""
    if not all_columns:
        frame = frame.select(each for each in frame if each.null_count() < frame.height)
    columns = tuple(
        (name.replace("_", " "), kind.is_numeric()) for name, kind in frame.schema.items()
    )
    # Numbers that are names are copied, and have no thousands.
    shown = frame.head(most).with_columns(cs.ends_with("_id").cast(pl.String))
    rows = tuple(tuple(map(cell, row)) for row in shown.iter_rows())
    return Table(columns, rows, max(0, frame.height - most), searchable)


def worded_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[str]
) -> Table:
    """Return a table of cells that are text already.

    Args:
        headings: of its columns.
        rows: their cells.
        words: the columns that are not of numbers.
    """
    columns = tuple((heading, heading not in words) for heading in headings)
    return Table(columns, tuple(map(tuple, rows)))


def cell(value: object) -> str:
    """Return what a reader sees of a value: rounded, with thousands apart, and not too long."""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = cell_text(value)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _asset_if_any(package: str, name: str) -> str | None:
    return asset(package, name) if files(package).joinpath(name).is_file() else None


def _shown(value: object) -> object:
    """Replace characters that move the cursor or turn the direction of text by visible marks."""
    return value.translate(VISIBLE) if type(value) is str else value

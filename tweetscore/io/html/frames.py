"""Show frames in a notebook: names and frames enter, HTML leaves whose texts stay text."""

from collections.abc import Mapping
from html import escape

import polars as pl

from tweetscore.io.formats import VISIBLE, cell_text

MOST_ROWS = 20


def frames_html(heading: str, frames: Mapping[str, pl.DataFrame]) -> str:
    """Return a heading and a table for each frame that has rows."""
    tables = (_table(name, frame) for name, frame in frames.items() if frame.height)
    return f"<h4>{_shown(heading)}</h4>{''.join(tables)}"


def _table(name: str, frame: pl.DataFrame) -> str:
    headings = "".join(f"<th>{_shown(each)}</th>" for each in frame.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_shown(cell_text(each))}</td>' for each in row)}</tr>"
        for row in frame.head(MOST_ROWS).iter_rows()
    )
    more = frame.height - MOST_ROWS
    left_out = f"<p>{more:,} more rows</p>" if more > 0 else ""
    return (
        f"<p><b>{_shown(name)}</b></p><table><thead><tr>{headings}</tr></thead>"
        f"<tbody>{rows}</tbody></table>{left_out}"
    )


def _shown(text: str) -> str:
    return escape(text.translate(VISIBLE))

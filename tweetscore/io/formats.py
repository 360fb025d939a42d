"""Write a query's answer batch by batch: csv, tsv, json, jsonl, parquet or md."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tweetscore.errors import InputError
from tweetscore.io.new_file import new_file

if TYPE_CHECKING:  # polars would slow down --help
    import polars as pl

# A tweet may contain what moves a terminal's cursor, or turns the direction of the text around it:
# such characters are shown, never obeyed. Line breaks stay.
_CONTROLS = (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
VISIBLE = dict.fromkeys(_CONTROLS, "\N{REPLACEMENT CHARACTER}")
VISIBLE |= {ord("\t"): " ", ord("\n"): "\n", ord("\r"): ""}


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a query, of which only a batch at a time lies in memory."""

    schema: "pl.Schema"
    batches: "Iterator[pl.DataFrame]"  # each of this schema; none if there are no rows

    @property
    def names(self) -> list[str]:
        """The columns."""
        return self.schema.names()


def form_of(path: Path) -> str:
    """Return the format that the ending of a file's name stands for.

    Raises:
        InputError: it is not one of ours.
    """
    form = path.suffix.removeprefix(".").lower()
    if form not in WRITERS:
        endings = ", ".join(f".{each}" for each in WRITERS)
        raise InputError(
            f"{path}: the ending of its name is not a known format; use one of: {endings}"
        )
    return form


def write_file(answer: Answer, form: str, path: Path) -> int:
    """Write an answer to a file that has its name only once it is whole; return the rows.

    Raises:
        InputError: the query fails while it is read; a file of that name is then as before.
    """
    with new_file(path) as out:
        return write(answer, form, out)


def write(answer: Answer, form: str, out: BinaryIO) -> int:
    r"""Write an answer as csv, tsv, json, jsonl, parquet or md in UTF-8; return the rows.

    Times are ISO 8601. Lists, structs and bytes are JSON and hexadecimal text where a format has no
    other form for them; what JSON has no number for (NaN) is null there.

    - csv: null is empty, and an empty text is quoted.
    - tsv: one line a row, as in PostgreSQL's text format: a tab, line break, carriage return or
      backslash inside a value is written ``\t``, ``\n``, ``\r`` or ``\\``. Null is empty, as is an
      empty text.
    - json: one list of objects on one line; jsonl: one object a line.
    - parquet: the columns as they are.
    - md: a Markdown table, for reading: cells are as in the table, line breaks are spaces.

    Raises:
        InputError: Parquet is asked for on a terminal, or the query fails while it is read.
    """
    if form == "parquet" and out.isatty():
        raise InputError(
            "parquet is not for a terminal; write it with --output result.parquet, "
            "or: --format parquet > result.parquet"
        )
    return WRITERS[form](answer, out)


def _write_csv(answer: Answer, out: BinaryIO) -> int:
    rows = 0
    out.write(_flat(_empty(answer)).write_csv().encode())
    for batch in answer.batches:
        out.write(_flat(short_floats(batch)).write_csv(include_header=False).encode())
        rows += batch.height
    return rows


def _write_tsv(answer: Answer, out: BinaryIO) -> int:
    import polars as pl

    rows = 0
    out.write(("\t".join(map(_escaped, answer.names)) + "\n").encode())
    for batch in answer.batches:
        flat = _flat(short_floats(batch)).with_columns(
            pl.col(pl.Categorical, pl.Enum).cast(pl.String)
        )
        text = pl.col(pl.String)
        for plain, escaped in ESCAPES.items():
            text = text.str.replace_all(plain, escaped, literal=True)
        lines = flat.with_columns(text).write_csv(
            include_header=False, separator="\t", quote_style="never"
        )
        out.write(lines.encode())
        rows += batch.height
    return rows


# In this order: what escapes is escaped first.
ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def _escaped(text: str) -> str:
    for plain, escaped in ESCAPES.items():
        text = text.replace(plain, escaped)
    return text


def _write_json(answer: Answer, out: BinaryIO) -> int:
    rows = 0
    out.write(b"[")
    for batch in answer.batches:
        for row in short_floats(batch).iter_rows(named=True):
            out.write((", " if rows else "").encode() + json_text(row).encode())
            rows += 1
    out.write(b"]\n")
    return rows


def _write_jsonl(answer: Answer, out: BinaryIO) -> int:
    rows = 0
    for batch in answer.batches:
        for row in short_floats(batch).iter_rows(named=True):
            out.write(json_text(row).encode() + b"\n")
        rows += batch.height
    return rows


def _write_markdown(answer: Answer, out: BinaryIO) -> int:
    rows = 0
    for cells in (answer.names, ["---"] * len(answer.names)):
        out.write(_markdown_line(cells))
    for batch in answer.batches:
        for row in short_floats(batch).iter_rows():
            out.write(_markdown_line(list(map(cell_text, row))))
        rows += batch.height
    return rows


def _markdown_line(cells: list[str]) -> bytes:
    safe = (
        cell.translate(VISIBLE).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
        for cell in cells
    )
    return f"| {' | '.join(safe)} |\n".encode()


def _write_parquet(answer: Answer, out: BinaryIO) -> int:
    import polars as pl
    from pyarrow import parquet

    rows, oldest = 0, pl.CompatLevel.oldest()  # the types that every reader of Parquet knows
    schema = _empty(answer).to_arrow(compat_level=oldest).schema
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in answer.batches:
            writer.write_table(batch.to_arrow(compat_level=oldest))
            rows += batch.height
    return rows


WRITERS: dict[str, Callable[[Answer, BinaryIO], int]] = {
    "csv": _write_csv,
    "tsv": _write_tsv,
    "json": _write_json,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "md": _write_markdown,
}


def short_floats(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Widen 32-bit floats by their shortest decimals: 0.1, not 0.10000000149011612."""
    import polars as pl

    return frame.with_columns(pl.col(pl.Float32).cast(pl.String).cast(pl.Float64))


def cell_text(value: object) -> str:
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
        return json_text(value)
    return str(value)


def json_text(value: object) -> str:
    """Write one JSON value on one line; what JSON has no number for is null."""
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain, allow_nan=False)
    except ValueError:  # NaN or infinity, which no other reader of JSON takes
        return json.dumps(_finite(value), ensure_ascii=False, default=_plain)


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


def _empty(answer: Answer) -> "pl.DataFrame":
    import polars as pl

    return pl.DataFrame(schema=answer.schema)


def _flat(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Write lists, structs and bytes as text: CSV has nothing else."""
    import polars as pl

    def text(value: object) -> str | None:
        if value is None:
            return None
        return value.hex() if isinstance(value, bytes) else json_text(value)

    return frame.with_columns(
        pl.Series(each.name, [text(value) for value in each.to_list()], pl.String)
        for each in frame
        if each.dtype.is_nested() or each.dtype == pl.Binary
    )

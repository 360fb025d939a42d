"""Query the database: SQL and parameters go in, frames come out; nothing else can be reached."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pyarrow as pa

from tweetscore.errors import InputError, did_you_mean
from tweetscore.io.formats import Answer
from tweetscore.market.sessions import exchange_zone
from tweetscore.store.database import Store, open_store, shipped, statement

# The statement alone; the database is read-only, so that nothing inside it can write either.
ALLOWED = ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN])
INFO = (
    "sources", "taken", "clocks", "rejects", "tweets", "bars", "alignments", "windows", "models",
    "words",
)  # fmt: skip
STANDARD_INPUT = "-"
BATCH_ROWS = 65_536  # of tweets some 20 MB; also the rows of a Parquet group
ONE_ROW = "One row: "
LIST = "tweetscore query --list"
# In a header "-- $interval = 30: minutes", or "-- $tweet_id: the post" for what must be given.
PARAMETER = re.compile(r"-- \$(\w+)(?: = ([^:]*))?: (.+)")
Value = str | int | float | None
Run = Callable[[Callable[[], Any]], Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One ``-- $interval = 30: minutes`` of a query's header."""

    name: str
    default: str | None  # as it would be given; None: it must be given
    description: str


@dataclass(frozen=True, slots=True)
class ShippedQuery:
    """One file of ``sql/queries/``."""

    name: str
    description: str  # what one row of its result is
    parameters: tuple[Parameter, ...]


@contextmanager
def run_query(
    db: Path, text: str, parameters: Mapping[str, Value], *, limit_seconds: float | None
) -> Iterator[Answer]:
    """Run one statement read-only, without access to files or network.

    Args:
        db: the database.
        text: the statement; lines ``-- $name = value: meaning`` before it give defaults.
        parameters: their values by name; DuckDB ignores the case of the names.
        limit_seconds: how long the database may work on it, all batches together; None for ever.
            The time that the caller takes between batches does not count.

    Raises:
        InputError: it is not one statement that reads, or it is wrong, or a parameter is, or it
            takes too long. Batches may raise it, too.
    """
    with (
        open_store(db, read_only=True) as store,
        ThreadPoolExecutor(1) as worker,
        ExitStack() as opened,
    ):
        store.con.execute("SET enable_progress_bar = false")  # it would stand in the output
        store.con.execute("SET enable_external_access = false")
        store.con.execute("SET lock_configuration = true")
        with _one_line():
            statements = duckdb.extract_statements(text)
        if [each.type for each in statements] not in ALLOWED:
            raise InputError("a query is one SELECT; write others with another DuckDB client")
        wanted = statements[0].named_parameters
        values = _defaults(text, wanted, parameters) | dict(parameters)
        _check_parameters(wanted, values)
        # In a thread of its own, so that this one can stop it: on Ctrl-C and when time is up.
        run = _limited(store.con, worker, limit_seconds)

        def start() -> pa.RecordBatchReader:
            reader = store.con.sql(text, params=values or None).to_arrow_reader(BATCH_ROWS)
            opened.callback(reader.close)  # an open one would keep the database open
            return reader

        with _one_line():
            reader = run(start)
            schema = _schema(reader.schema)
        yield Answer(schema, _batches(reader, run))


def query_text(sql: str | None, file: str | None, stdin: TextIO) -> str:
    """Return the statement: SQL itself, or the text of a file or a shipped query; - is ``stdin``.

    Raises:
        InputError: not exactly one of SQL and file is given, or there is no such file, or it is not
            text.
    """
    if sql is not None and file is not None:
        raise InputError("SQL and --file are both given; give one of them")
    if STANDARD_INPUT in (sql, file):
        try:
            return stdin.read()
        except UnicodeDecodeError as error:
            raise InputError(
                f"standard input: is not UTF-8 text ({error}); save it as UTF-8"
            ) from error
    if sql is not None:
        return _from_shell(sql)
    if file is None:
        raise InputError(f"no query: give SQL, or --file with a file or a name from: {LIST}")
    return _text_of(file)


def shipped_queries() -> list[ShippedQuery]:
    """Describe the queries that come with the tool, by their headers."""
    return [_described(path) for path in sorted((shipped("sql") / "queries").glob("*.sql"))]


def parse_parameters(pairs: Sequence[str]) -> dict[str, Value]:
    """Read parameters written as ``name=value``; numbers become numbers, null becomes None.

    Raises:
        InputError: one is written otherwise, or given twice.
    """
    parameters: dict[str, Value] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"--param {pair}: is not NAME=VALUE; write it as --param interval=30")
        if name in parameters:
            raise InputError(f"--param {name}: is given twice; give each parameter once")
        parameters[name] = _value(_from_shell(value))
    return parameters


def describe(store: Store) -> dict[str, pl.DataFrame]:
    """Return what the database holds, a frame for each section of ``INFO``."""
    sections = {name: store.frame(statement(f"query/info/{name}")) for name in INFO}
    sections["alignments"] = _with_local_times(sections["alignments"])
    return sections


def _with_local_times(alignments: pl.DataFrame) -> pl.DataFrame:
    """Show each post's time on the exchange's clock in the place of the calendar."""
    local = []
    for posted_utc, calendar in alignments.select("posted_utc", "calendar").iter_rows():
        zone = exchange_zone(calendar)
        shown = posted_utc.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        local.append(f"{shown:%Y-%m-%d %H:%M:%S} {zone}")
    shown_times = pl.Series("exchange_time", local, pl.String)
    place = alignments.columns.index("calendar")
    return alignments.insert_column(place, shown_times).drop("calendar")


def _limited(
    con: duckdb.DuckDBPyConnection, worker: ThreadPoolExecutor, limit_seconds: float | None
) -> Run:
    """Make what runs a step of a query; all steps together may take so long."""
    left = limit_seconds

    def run(step: Callable[[], Any]) -> Any:
        nonlocal left
        began = time.monotonic()
        running = worker.submit(step)
        try:
            done, _ = wait([running], timeout=left)
        except BaseException:  # Ctrl-C
            _stop(con, running)
            raise
        if not done:
            _stop(con, running)
            raise InputError(
                f"the query took longer than {limit_seconds:g} s and was stopped; "
                "allow more with --timeout, or ask for less"
            )
        if left is not None:
            left = max(0.0, left - (time.monotonic() - began))
        return running.result()

    return run


def _stop(con: duckdb.DuckDBPyConnection, running: Future[Any]) -> None:
    """Interrupt until it has ended: DuckDB forgets an interrupt that comes before the statement."""
    while not running.done():
        con.interrupt()
        wait([running], timeout=0.05)


def _batches(reader: pa.RecordBatchReader, run: Run) -> Iterator[pl.DataFrame]:
    while True:
        with _one_line():
            batch = run(lambda: next(reader, None))
            if batch is None:
                return
            frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        yield frame


def _schema(schema: pa.Schema) -> pl.Schema:
    if any(map(_has_interval, schema.types)):  # polars does not fail on them: it panics
        raise pl.exceptions.SchemaError("interval")
    return pl.Schema(schema)


def _has_interval(kind: pa.DataType) -> bool:
    return pa.types.is_interval(kind) or any(
        _has_interval(kind.field(place).type) for place in range(kind.num_fields)
    )


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn an error of DuckDB or polars into one line."""
    try:
        yield
    except (duckdb.Error, OSError) as error:  # Arrow's reader passes errors of DuckDB on as OSError
        raise InputError(f"the query fails: {_first_line(error)}") from error
    except pl.exceptions.DuplicateError as error:
        raise InputError(
            "two columns of the query have the same name; rename one with AS"
        ) from error
    except pl.exceptions.PolarsError as error:
        raise InputError(
            "a column of the query has a type that cannot be shown; cast it to VARCHAR"
        ) from error


def _first_line(error: Exception) -> str:
    return " ".join(str(error).strip().split("\n\n")[0].split())


def _text_of(file: str) -> str:
    path, name = Path(file), file.removesuffix(".sql")
    if not path.is_file():
        path = shipped("sql") / "queries" / f"{name}.sql"
    if not path.is_file():
        near = did_you_mean(name, [each.name for each in shipped_queries()])
        raise InputError(f"{file}: no such file or shipped query; list these with: {LIST}{near}")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read as UTF-8 text ({error}); save it as UTF-8"
        ) from error


def _described(path: Path) -> ShippedQuery:
    header = _header(path.read_text(encoding="utf-8"))
    words = " ".join(line.removeprefix("--").strip() for line in header)
    description = words.removeprefix(ONE_ROW).partition(". ")[0].removesuffix(".")
    return ShippedQuery(path.stem, description, tuple(_parameters_of(header)))


def _header(text: str) -> list[str]:
    """Return the lines of comment before the statement."""
    lines = text.splitlines()
    ends = next((place for place, line in enumerate(lines) if not line.startswith("--")), None)
    return lines[:ends]


def _parameters_of(header: Sequence[str]) -> list[Parameter]:
    """Return the parameters that a header names."""
    return [Parameter(*each.groups()) for each in map(PARAMETER.fullmatch, header) if each]


def _defaults(text: str, wanted: set[str], chosen: Mapping[str, Value]) -> dict[str, Value]:
    """Take the defaults of parameters that the statement has and nobody gave."""
    lacking = {name.lower() for name in wanted} - {name.lower() for name in chosen}
    return {
        each.name: _value(each.default)
        for each in _parameters_of(_header(text))
        if each.default is not None and each.name.lower() in lacking
    }


def _check_parameters(wanted: set[str], given: Mapping[str, Value]) -> None:
    """Refuse missing and unknown parameters; DuckDB ignores the case of their names."""
    have = {name.lower() for name in given}
    if missing := sorted(name for name in wanted if name.lower() not in have):
        raise InputError(f"the query needs a value for ${missing[0]}: --param {missing[0]}=VALUE")
    if extra := sorted(have - {name.lower() for name in wanted}):
        known = ", ".join(sorted(wanted)) or "none"
        raise InputError(f"the query has no parameter ${extra[0]}; it has: {known}")


def _from_shell(text: str) -> str:
    """Read as UTF-8 what a shell whose locale is another one has given.

    Raises:
        InputError: it is none.
    """
    try:
        return text.encode(errors="surrogateescape").decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{text!r}: is not UTF-8 text; write it as UTF-8") from error


def _value(text: str) -> Value:
    """Turn a number into one, but not 0123, which is a name or an id, nor one of 39 digits."""
    if text == "null":
        return None
    if re.fullmatch(r"-?(0|[1-9]\d{0,37})", text):
        return int(text)
    if re.fullmatch(r"-?\d+\.\d+", text):
        return float(text)
    return text

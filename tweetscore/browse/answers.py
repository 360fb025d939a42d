"""The pages of queries and tables: requests enter, answers of the sandbox leave."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from threading import Semaphore
from typing import IO

import polars as pl
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tweetscore.browse.explorer import Explorer
from tweetscore.errors import InputError, LockedError
from tweetscore.io.formats import Answer, write
from tweetscore.io.html.parts import frame_table
from tweetscore.query.run import run_query
from tweetscore.query.shipped import (
    ShippedQuery,
    Value,
    parse_parameters,
    query_text,
    shipped_queries,
)

MOST_ROWS = 500  # that a page shows; a file has all
QUERY_SECONDS, FILE_SECONDS = 30.0, 600.0
MOST_CHARACTERS = 50_000  # of a statement
FORMS = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
CHUNK = 1 << 16
_EMPTY: dict[str, object] = {"table": None, "error": None, "cut": False}
AT_ONCE = Semaphore(2)  # sandboxes; whoever finds no turn soon is told, so that pages stay free
TURN_SECONDS = 1.0
EXAMPLE = "SELECT status, count(*) AS rows FROM scored GROUP BY ALL ORDER BY rows DESC"
TABLES = """
    SELECT table_name, 'table' AS kind, estimated_size AS rows
    FROM duckdb_tables() WHERE NOT internal
    UNION ALL
    SELECT view_name, 'view', NULL FROM duckdb_views() WHERE NOT internal
    ORDER BY kind, table_name
"""


def sql(explorer: Explorer, request: Request) -> Response:
    """A statement of the reader's own, and its answer."""
    text = request.query_params.get("sql", "")
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"sql: is longer than {MOST_CHARACTERS:,} characters")
    form = request.query_params.get("form")
    if form:
        return _file(explorer, text, {}, form, "query")
    shown = _shown(explorer, text, {}) if text.strip() else {}
    return explorer.page(
        "sql.html",
        request,
        sql=text,
        example=EXAMPLE,
        address=str(request.query_params),
        **_EMPTY | shown,
    )


def queries(explorer: Explorer, request: Request) -> Response:
    """The shipped queries."""
    return explorer.page("queries.html", request, queries=shipped_queries())


def query(explorer: Explorer, request: Request) -> Response:
    """One shipped query with its parameters, and its answer once they are given."""
    found = _shipped(request.path_params["name"])
    text = query_text(None, found.name, StringIO())
    given = {each.name: request.query_params.get(each.name, "") for each in found.parameters}
    wanted = [f"{name}={value}" for name, value in given.items() if value.strip()]
    parameters = parse_parameters(wanted)
    form = request.query_params.get("form")
    if form:
        return _file(explorer, text, parameters, form, found.name)
    complete = all(each.default is not None or given[each.name] for each in found.parameters)
    asked = complete and ("run" in request.query_params or not found.parameters)
    shown = _shown(explorer, text, parameters) if asked else {}
    return explorer.page(
        "query.html", request, query=found, given=given, text=text,
        address=str(request.query_params), asked=asked, **_EMPTY | shown,
    )  # fmt: skip


def tables(explorer: Explorer, request: Request) -> Response:
    """Every table and view."""
    return explorer.page("tables.html", request, tables=_names(explorer))


def table(explorer: Explorer, request: Request) -> Response:
    """The first rows of a table, or all of it as a file."""
    name = request.path_params["name"]
    if name not in [each for each, *_ in _names(explorer)]:
        raise InputError(f"{name}: no such table or view")
    form = request.query_params.get("form")
    if form:
        return _file(explorer, f'FROM "{name}"', {}, form, name)
    shown = _shown(explorer, f'FROM "{name}" LIMIT {MOST_ROWS}', {})
    return explorer.page("table.html", request, name=name, **_EMPTY | shown)


def _names(explorer: Explorer) -> list[tuple[str, str, int | None]]:
    with explorer.look() as (store, _):
        return [(name, kind, rows) for name, kind, rows in store.rows(TABLES)]


def _shipped(name: str) -> ShippedQuery:
    for each in shipped_queries():
        if each.name == name:
            return each
    raise InputError(f"{name}: no such query; choose one of the list")


def _shown(explorer: Explorer, text: str, parameters: Mapping[str, Value]) -> dict[str, object]:
    """Return the first rows of an answer as a table, or what is wrong with the query."""
    try:
        with _answer(explorer, text, parameters, QUERY_SECONDS) as answer:
            rows = pl.DataFrame(schema=answer.schema)
            for batch in answer.batches:
                rows = rows.vstack(batch.head(MOST_ROWS + 1 - rows.height))
                if rows.height > MOST_ROWS:
                    break
    except LockedError:
        raise
    except InputError as error:
        return {"error": str(error)}
    shown = frame_table(rows.head(MOST_ROWS), all_columns=True, searchable=True)
    return {"table": shown, "cut": rows.height > MOST_ROWS}


@contextmanager
def _answer(
    explorer: Explorer, text: str, parameters: Mapping[str, Value], seconds: float
) -> Iterator[Answer]:
    if not AT_ONCE.acquire(timeout=TURN_SECONDS):
        raise InputError("two queries are running already; ask again when one of them has ended")
    try:
        with run_query(explorer.db, text, parameters, limit_seconds=seconds) as answer:
            yield answer
    finally:
        AT_ONCE.release()


def _file(
    explorer: Explorer, text: str, parameters: Mapping[str, Value], form: str, name: str
) -> Response:
    """Return a whole answer as a file: it lies on the disk before the first byte of it is sent."""
    if form not in FORMS:
        raise InputError(f"form: {form[:20]} is not one of {', '.join(FORMS)}")
    out = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been sent
    try:
        with _answer(explorer, text, parameters, FILE_SECONDS) as answer:
            write(answer, form, out)
        size = out.tell()
        out.seek(0)
    except BaseException:
        out.close()
        raise
    headers = {
        "content-disposition": f'attachment; filename="{name}.{form}"',
        "content-length": str(size),
    }
    return StreamingResponse(_chunks(out), media_type=FORMS[form], headers=headers)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk

"""Ask the database: SQL and parameters enter, a frame leaves; nothing else can be reached."""

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

from tweetscore.errors import InputError
from tweetscore.store import Store, open_store, shipped, statement

INFO = ("sources", "rejects", "tweets", "bars", "windows", "models")


def run_query(db: Path, sql: str | None, file: str | None, given: Sequence[str]) -> pl.DataFrame:
    """Run one statement read-only, without access to files or network.

    Args:
        db: the database.
        sql: the statement, or None to take it from a file.
        file: a path, or the name of one of ``sql/queries/``.
        given: parameters as ``name=value``; numbers are taken as numbers.

    Raises:
        InputError: there is not exactly one statement, or it is wrong, or a parameter is.
    """
    if (sql is None) == (file is None):
        raise InputError(
            f"give SQL, or --file with a path or one of: {', '.join(shipped_queries())}"
        )
    text = _text_of(file) if file else str(sql)
    parameters = dict(_parameter(each) for each in given)
    with open_store(db, read_only=True) as store:
        store.con.execute("SET enable_external_access = false")
        store.con.execute("SET lock_configuration = true")
        try:
            kinds = [each.type for each in duckdb.extract_statements(text)]
            if kinds not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
                raise InputError("a query is one SELECT; write others with another DuckDB client")
            return store.frame(text, **parameters)
        except duckdb.Error as error:
            raise InputError(f"the query fails: {_first_line(error)}") from error


def shipped_queries() -> list[str]:
    """Name the queries that come with the tool."""
    return sorted(path.stem for path in (shipped("sql") / "queries").glob("*.sql"))


def describe(db: Path) -> dict[str, pl.DataFrame]:
    """Return what the database holds, a frame for each section of ``INFO``."""
    with open_store(db, read_only=True) as store:
        return {name: _section(store, name) for name in INFO}


def _section(store: Store, name: str) -> pl.DataFrame:
    return store.frame(statement(f"info/{name}"))


def _text_of(file: str) -> str:
    path = Path(file)
    if not path.is_file():
        path = shipped("sql") / "queries" / f"{file.removesuffix('.sql')}.sql"
    if not path.is_file():
        raise InputError(f"{file}: no such query; shipped are: {', '.join(shipped_queries())}")
    return path.read_text(encoding="utf-8")


def _parameter(text: str) -> tuple[str, str | int | float]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise InputError(f"--param {text}: is not NAME=VALUE; write it as --param interval=30")
    if re.fullmatch(r"-?\d+", value):
        return name, int(value)
    if re.fullmatch(r"-?\d+\.\d+", value):
        return name, float(value)
    return name, value


def _first_line(error: Exception) -> str:
    return " ".join(str(error).strip().split("\n\n")[0].split())

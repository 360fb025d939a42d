"""Ask the database: SQL and parameters enter, a frame leaves; nothing else can be reached."""

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

from tweetscore.errors import InputError
from tweetscore.store import Store, open_store, shipped, statement

# The statement alone; the database is read-only, so that nothing inside it can write either.
ALLOWED = ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN])
INFO = ("sources", "clocks", "rejects", "tweets", "bars", "windows", "models")


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
    text = str(sql) if file is None else _text_of(file)
    parameters: dict[str, str | int | float] = {}
    for name, value in map(_parameter, given):
        if name in parameters:
            raise InputError(f"--param {name}: is given twice; give each parameter once")
        parameters[name] = value
    with open_store(db, read_only=True) as store:
        store.con.execute("SET enable_external_access = false")
        store.con.execute("SET lock_configuration = true")
        try:
            statements = duckdb.extract_statements(text)
            if [each.type for each in statements] not in ALLOWED:
                raise InputError("a query is one SELECT; write others with another DuckDB client")
            _check_parameters(statements[0].named_parameters, parameters)
            return store.frame(text, **parameters)
        except duckdb.Error as error:
            raise InputError(f"the query fails: {_first_line(error)}") from error
        except pl.exceptions.DuplicateError as error:
            raise InputError(
                "two columns of the query have one name; give each its own with AS"
            ) from error
        except pl.exceptions.PolarsError as error:
            raise InputError(
                "a column of the query has a type that cannot be shown; cast it to VARCHAR"
            ) from error


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
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error}); save it so") from error


def _check_parameters(wanted: set[str], given: dict[str, str | int | float]) -> None:
    """Say which parameters are missing or too many; DuckDB takes their names in any case."""
    have = {name.lower() for name in given}
    if missing := sorted(name for name in wanted if name.lower() not in have):
        raise InputError(f"the query needs a value for ${missing[0]}: --param {missing[0]}=VALUE")
    if extra := sorted(have - {name.lower() for name in wanted}):
        known = ", ".join(sorted(wanted)) or "none"
        raise InputError(f"the query has no parameter ${extra[0]}; it has: {known}")


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

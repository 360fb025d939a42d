"""Open the database and run the statements of ``sql/``: parameters enter, frames leave."""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from tweetscore.errors import (
    InputError,
    IntegrityError,
    LockedError,
    StorageError,
    TweetscoreError,
)

SCHEMA_VERSION = 6
MEMORY_LIMIT = "350MB"  # DuckDB's own default is 80 % of the machine; 500 MB were no faster
IN_MEMORY = Path(":memory:")
# A commit that finds no room on the disk fails as a transaction.
_SHORTAGES = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException)
# A block is read when a query needs it, and only then found to be no block.
_DAMAGES = (duckdb.SerializationException, duckdb.FatalException, duckdb.InternalException)
_DAMAGE = re.compile(r"[Cc]orrupt|checksum|database has been invalidated")
STANDARD_INTERVALS = (5, 10, 15, 20, 30, 40, 50)


def shipped(folder: str) -> Path:
    """Find ``sql`` or ``models``: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder


@lru_cache
def statement(name: str) -> str:
    """Return the text of ``sql/<name>.sql``."""
    return (shipped("sql") / f"{name}.sql").read_text(encoding="utf-8")


def subquery(name: str) -> str:
    """Return ``sql/<name>.sql`` as it stands within another statement, in brackets."""
    return f"({statement(name).rstrip().rstrip(';')})"


class Store:
    """One open database."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.con = con
        self.path = path
        # It would go to stdout, among the data. A notebook without ipywidgets has none to stop.
        with suppress(duckdb.InvalidInputException):
            con.execute("SET enable_progress_bar = false")

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be changed."""
        (found,) = self.row(
            "SELECT readonly FROM duckdb_databases() WHERE database_name = current_database()"
        )
        return bool(found)

    # DuckDB finds a frame by the name of the variable. One that is registered instead it would
    # hold until the transaction ends, and with it all of a file.
    def run(self, name: str, /, given: pl.DataFrame | None = None, **parameters: object) -> None:  # noqa: ARG002
        """Run ``sql/<name>.sql`` with the parameters it names; it reads a frame as ``given``."""
        self.con.execute(statement(name), parameters or None)

    def rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        return self.con.execute(query, parameters or None).fetchall()

    def row(self, query: str, **parameters: object) -> tuple[Any, ...]:
        """Run a query that gives one row."""
        (found,) = self.rows(query, **parameters)  # an unfinished result would block the connection
        return found

    def frame(self, query: str, **parameters: object) -> pl.DataFrame:
        """Run a query and return its result as a polars frame."""
        result = self.con.sql(query, params=parameters or None)
        frame = pl.from_arrow(result.to_arrow_table())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def append(self, table: str, given: pl.DataFrame) -> None:  # noqa: ARG002 - as above
        """Add a frame's rows to a table, by column name."""
        self.con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM given")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: commit at the end, roll back on any exception."""
        self.con.begin()
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):  # an interrupt may have closed the transaction already
                self.con.rollback()
            raise
        self.con.commit()


@contextmanager
def open_store(path: Path, *, read_only: bool = False, create: bool = True) -> Iterator[Store]:
    """Open a database and close it at the end; made where there is none, if allowed to.

    Raises:
        InputError: there is none to read, it is no DuckDB file, or its schema is newer than ours.
        LockedError: another process holds it.
        IntegrityError: it is a DuckDB file without our tables, or, later, a block is damaged.
        StorageError: later, when the disk is full, or a statement needs more memory than it has.
    """
    if (read_only or not create) and not path.exists():
        raise InputError(
            f"{path}: no such database; make it with: tweetscore ingest PATH --db {path}"
        )
    if not path.parent.is_dir():
        raise InputError(f"{path}: its folder does not exist; make {path.parent} first")
    is_new = not path.exists()
    options = _options()
    try:
        con = duckdb.connect(str(path), read_only=read_only, config=options)
    except duckdb.Error as error:
        refusal = _refusal(path, error)
        if is_new and not isinstance(refusal, LockedError):  # begun, on a full disk
            with suppress(OSError):  # or not even begun, where nothing can be written
                path.unlink()
        raise refusal from error
    with closing(con):
        try:
            with _told(path, options["memory_limit"]):
                _check_schema(con, path, read_only=read_only)
                yield Store(con, path)
        except TweetscoreError:
            if is_new:
                _remove_if_in_vain(con, path)
            raise


@contextmanager
def _told(path: Path, memory_limit: object) -> Iterator[None]:
    """Tell what a disk or a memory that is full, or a damaged block, means for the user."""
    try:
        yield
    except duckdb.Error as error:
        fact = str(error).splitlines()[0]
        if isinstance(error, _DAMAGES) or _DAMAGE.search(fact):
            raise IntegrityError(
                f"{path}: is damaged ({fact}); restore it from a copy, or ingest the files again "
                "into a new database"
            ) from error
        if not isinstance(error, _SHORTAGES):
            raise
        raise StorageError(
            f"{path}: {fact}; what was finished is kept: make room on the disk, or allow more "
            f"memory with TWEETSCORE_MEMORY (now {memory_limit}), and run the command again"
        ) from error


def _remove_if_in_vain(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Remove a database that was made for a command that was refused.

    It goes while it is open and so locked: once closed, another process may have it.
    """
    with suppress(duckdb.Error):  # where nothing can be read, nothing is removed
        if not con.execute("FROM sources LIMIT 1").fetchall():
            path.unlink()


def memory_store(threads: int | None = None) -> Store:
    """Make an empty database that lives in memory, as long as the store does.

    Args:
        threads: so many at most; None: one for every core.
    """
    con = duckdb.connect(config=_options() | ({"threads": threads} if threads else {}))
    _check_schema(con, IN_MEMORY, read_only=False)
    return Store(con, IN_MEMORY)


def check_derived(store: Store, names: Collection[str] | None = None) -> None:
    """Refuse to run views and macros that somebody else has put into a database.

    Args:
        store: the open database.
        names: the views to be run; None means all of ours.

    Raises:
        IntegrityError: one of them, or a macro behind it, is not that of this version.
    """
    ours = dict(memory_store().rows(_DERIVED))
    for name, text in store.rows(_DERIVED):
        if name in (ours if names is None else {*names, *ours}) and ours.get(name) != text:
            raise IntegrityError(
                f"{store.path}: {name} is not the view or macro that tweetscore makes; export its "
                "tables, and import them into a new database"
            )


# Of macros with several forms, all of them.
_DERIVED = """
    SELECT view_name AS name, sql AS text FROM duckdb_views() WHERE NOT internal
    UNION ALL
    SELECT function_name, string_agg(form, ';' ORDER BY form) FROM (
        SELECT function_name, parameters::VARCHAR || macro_definition AS form
        FROM duckdb_functions() WHERE NOT internal
    ) GROUP BY function_name
"""


def _options() -> dict[str, str | bool | int | float | list[str]]:
    """Return how DuckDB is set up.

    Raises:
        InputError: an environment variable has no value that DuckDB could take.
    """
    memory = _said("TWEETSCORE_MEMORY", r"\d+(\.\d+)? ?[kmgt]i?b", MEMORY_LIMIT)
    threads = _said("TWEETSCORE_THREADS", r"[1-9]\d{0,3}", "2")
    return {
        "memory_limit": memory or MEMORY_LIMIT,
        "preserve_insertion_order": "false",
        **({"threads": threads} if threads else {}),
    }


def _said(variable: str, form: str, example: str) -> str:
    """Return the value of an environment variable; empty where it has none."""
    value = os.environ.get(variable, "").strip()
    if value and not re.fullmatch(form, value, re.IGNORECASE):
        raise InputError(
            f"{variable} is {value[:60]!r}; set it as in {variable}={example}, or unset it"
        )
    return value


def _refusal(path: Path, error: duckdb.Error) -> Exception:
    text = str(error)
    if "Could not set lock" in text:
        holder = re.search(r"held in (.*?\(PID \d+\))", text)
        who = holder[1] if holder else "another process"
        return LockedError(f"{path}: locked by {who}; wait until it ends, or end it")
    fact = text.splitlines()[0]
    return InputError(f"{path}: cannot be opened as a database ({fact}); name another with --db")


def create_schema(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables, macros and views of today's schema in an empty database."""
    con.execute(statement("store/schema"))
    _create_derived(con)


def _create_derived(con: duckdb.DuckDBPyConnection) -> None:
    """Make, or make again, what follows from the tables: macros, then the views that use them."""
    for name in ("store/macros", "store/views"):
        con.execute(statement(name))


def _make_empty(con: duckdb.DuckDBPyConnection) -> None:
    con.begin()
    create_schema(con)
    con.execute("INSERT INTO settings VALUES (?, 5, 0)", [SCHEMA_VERSION])
    con.execute("INSERT INTO intervals SELECT unnest(?)", [list(STANDARD_INTERVALS)])
    con.commit()


def _check_schema(con: duckdb.DuckDBPyConnection, path: Path, *, read_only: bool) -> None:
    try:  # the quick way: a list of all tables takes as long as the rest of opening
        versions = con.execute("SELECT schema_version FROM settings").fetchall()
    except duckdb.CatalogException as error:
        if read_only or con.execute("FROM duckdb_tables()").fetchall():
            raise IntegrityError(
                f"{path}: is a database but not tweetscore's; name another with --db"
            ) from error
        _make_empty(con)
        return
    if len(versions) != 1:
        raise IntegrityError(
            f"{path}: its settings have {len(versions)} rows instead of one; "
            "restore it from a copy, or ingest the files again"
        )
    ((version,),) = versions
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path}: has schema {version}, newer than our {SCHEMA_VERSION}; upgrade tweetscore"
        )
    if version < SCHEMA_VERSION and read_only:
        raise InputError(
            f"{path}: has schema {version}, and reading cannot bring it to our {SCHEMA_VERSION}; "
            "run tweetscore score on it first"
        )
    if version < SCHEMA_VERSION:
        con.begin()
        for number in range(version + 1, SCHEMA_VERSION + 1):
            con.execute(statement(f"store/migrations/{number}"))
        _create_derived(con)
        con.execute("UPDATE settings SET schema_version = ?", [SCHEMA_VERSION])
        con.commit()

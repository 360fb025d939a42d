"""Query a database read-only: SQL and parameters go in, an answer comes out batch by batch."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tweetscore.api.common import need

if TYPE_CHECKING:  # what a command does not need, it does not wait for
    from tweetscore.io.formats import Answer
    from tweetscore.query.shipped import ShippedQuery, Value


def shipped_queries() -> "list[ShippedQuery]":
    """Return the queries that come with the program: what a row of each is, and its parameters."""
    from tweetscore.query.shipped import shipped_queries

    return shipped_queries()


def query_text(sql: str | None = None, file: str | None = None, stdin: TextIO | None = None) -> str:
    """Return the text of a query.

    Args:
        sql: SQL itself, or - for standard input.
        file: a file, the name of a shipped query, or - for standard input.
        stdin: where - reads; ``sys.stdin`` without it.

    Raises:
        InputError: not exactly one of SQL and file is given, or there is no such file.
    """
    import sys

    from tweetscore.query.shipped import query_text

    return query_text(sql, file, stdin or sys.stdin)


def parse_parameters(pairs: Sequence[str]) -> "dict[str, Value]":
    """Read parameters written as ``name=value``; numbers become numbers, null becomes None.

    Raises:
        InputError: one is written otherwise, or given twice.
    """
    from tweetscore.query.shipped import parse_parameters

    return parse_parameters(pairs)


def run_query(
    db: str | Path,
    text: str,
    parameters: "Mapping[str, Value] | None" = None,
    *,
    limit_seconds: float | None = None,
) -> "AbstractContextManager[Answer]":
    """Run one SELECT in a sandbox: read-only, without access to other files or the network.

    >>> with run_query("tweets.duckdb", query_text(file="hit_rate")) as answer:
    ...     for frame in answer.batches:
    ...         print(frame)

    Args:
        db: the database.
        text: the statement; lines ``-- $name = value: meaning`` before it give defaults.
        parameters: the values of its parameters, by name.
        limit_seconds: how long the database may work on it; None means for ever.

    Returns:
        A context whose value is the answer: ``schema``, and ``batches`` as polars frames.

    Raises:
        InputError: it is not one statement that reads, or it fails, or it takes too long; also
            while batches are read.
    """
    from tweetscore.query.run import run_query

    return run_query(Path(db), text, parameters or {}, limit_seconds=limit_seconds)


def browse(
    db: str | Path,
    *,
    port: int = 0,
    token: str | None = None,
    on_address: Callable[[str], None] = print,
) -> None:
    """Show a database as pages on loopback, read-only, until somebody ends it.

    Args:
        db: the database; it is open only while somebody looks, so that others can write to it.
        port: at which to listen; 0: a free one.
        token: the secret part of the address; None: another one each time.
        on_address: called with the address, once it answers.

    Raises:
        InputError: there is no such database, a package is missing, or the port cannot be used.
    """
    need("browse", "browse")
    from tweetscore.browse.server import serve

    serve(Path(db), port=port, token=token, on_address=on_address)

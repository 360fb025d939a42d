"""Run a query in a sandbox: SQL and parameters enter, an answer leaves batch by batch."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from tweetscore import errors
from tweetscore.errors import InputError
from tweetscore.io.formats import Answer
from tweetscore.query.sandbox import READY, TOO_MUCH
from tweetscore.query.shipped import Value

Run = Callable[[Callable[[], Any]], Any]


@contextmanager
def run_query(
    db: Path, text: str, parameters: Mapping[str, Value], *, limit_seconds: float | None
) -> Iterator[Answer]:
    """Run one statement read-only, without access to files or network, in bounded memory.

    Args:
        db: the database.
        text: the statement; lines ``-- $name = value: meaning`` before it give defaults.
        parameters: their values by name; DuckDB ignores the case of the names.
        limit_seconds: how long the database may work on it, all batches together; None for ever.
            The time that the caller takes between batches does not count.

    Raises:
        InputError: it is not one statement that reads, or it is wrong, or a parameter is, or it
            takes too long or too much memory. Batches may raise it, too.
        LockedError, IntegrityError: the database cannot be opened.
    """
    request = {"db": str(db.absolute()), "text": text, "parameters": dict(parameters)}
    with ThreadPoolExecutor(1) as worker, _sandbox() as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()  # it stays open: the process ends when this one does
        if process.stdout.read(len(READY)) != READY:
            raise _failure(process)
        run = _limited(process, worker, limit_seconds)
        reader = run(lambda: pa.ipc.open_stream(process.stdout))
        with _shown():
            schema = _schema(reader.schema)
        yield Answer(schema, _batches(process, reader, run))


@contextmanager
def _sandbox() -> Iterator[subprocess.Popen[bytes]]:
    """Start the process that answers, away from the keys of the terminal, and end it."""
    with subprocess.Popen(
        [sys.executable, "-m", "tweetscore.query.sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _limited(
    process: subprocess.Popen[bytes], worker: ThreadPoolExecutor, limit_seconds: float | None
) -> Run:
    """Make what runs a step of a query in a thread; all steps together may take so long."""
    left = limit_seconds

    def run(step: Callable[[], Any]) -> Any:
        nonlocal left
        began = time.monotonic()
        running = worker.submit(step)
        try:
            done, _ = wait([running], timeout=left)
        except BaseException:  # Ctrl-C
            process.kill()
            raise
        if not done:
            process.kill()
            raise InputError(
                f"the query took longer than {limit_seconds:g} s and was stopped; "
                "allow more with --timeout, or ask for less"
            )
        if left is not None:
            left = max(0.0, left - (time.monotonic() - began))
        try:
            return running.result()
        except (pa.ArrowException, OSError) as error:  # the stream breaks off
            raise _failure(process) from error

    return run


def _failure(process: subprocess.Popen[bytes]) -> Exception:
    """Return what the process that has ended says, or what its end says."""
    assert process.stderr
    said = process.stderr.read().decode(errors="replace").strip()
    process.wait()
    try:
        failure = json.loads(said)
        kind: type[Exception] = getattr(errors, failure["kind"])
        return kind(failure["message"])
    except (ValueError, TypeError, KeyError):
        if not said or "bad_alloc" in said or "MemoryError" in said:
            return InputError(TOO_MUCH)
        return RuntimeError(said.splitlines()[-1])


def _batches(
    process: subprocess.Popen[bytes], reader: pa.RecordBatchReader, run: Run
) -> Iterator[pl.DataFrame]:
    while True:
        batch = run(lambda: next(reader, None))
        if batch is None:
            if run(process.wait):  # a stream that breaks off between two batches looks whole
                raise _failure(process)
            return
        with _shown():
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
def _shown() -> Iterator[None]:
    """Turn an error of polars into one line."""
    try:
        yield
    except pl.exceptions.DuplicateError as error:
        raise InputError(
            "two columns of the query have the same name; rename one with AS"
        ) from error
    except pl.exceptions.PolarsError as error:
        raise InputError(
            "a column of the query has a type that cannot be shown; cast it to VARCHAR"
        ) from error

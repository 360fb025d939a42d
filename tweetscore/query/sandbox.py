"""Answer one query in a process of its own: a request enters, Arrow leaves.

DuckDB's own limits do not hold every function, and some do not hear an interrupt. A process does:
the system gives it only so much memory, and it can be ended at any moment.
"""

import json
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import duckdb
import pyarrow as pa

from tweetscore.errors import InputError, TweetscoreError
from tweetscore.query.shipped import Value, check_parameters, defaults
from tweetscore.store.database import Store, open_store

# The statement alone; the database is read-only, so that nothing inside it can write either.
ALLOWED = ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN])
BATCH_ROWS = 65_536  # of tweets some 20 MB; also the rows of a Parquet group
READY = b"\n"  # the database is open; Arrow, or an error on stderr, follows
BESIDE_BYTES = 1 << 30  # beyond what DuckDB itself may take
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def main() -> None:
    """Answer the request on stdin, a line, on stdout; an error of ours is JSON on stderr."""
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_caller, daemon=True).start()
    try:
        with open_store(Path(request["db"]), read_only=True) as store:
            _confine(store)
            sys.stdout.buffer.write(READY)
            sys.stdout.buffer.flush()
            with _one_line():
                _answer(store, request["text"], request["parameters"], sys.stdout.buffer)
    except TweetscoreError as error:
        json.dump({"kind": type(error).__name__, "message": str(error)}, sys.stderr)
        sys.exit(1)


def _end_with_caller() -> None:
    """End once the caller has, however that was: until then it holds the other end of stdin."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _answer(store: Store, text: str, parameters: Mapping[str, Value], out: BinaryIO) -> None:
    statements = duckdb.extract_statements(text)
    if [each.type for each in statements] not in ALLOWED:
        raise InputError("a query is one SELECT; write others with another DuckDB client")
    wanted = statements[0].named_parameters
    values = defaults(text, wanted, parameters) | dict(parameters)
    check_parameters(wanted, values)
    reader = store.con.sql(text, params=values or None).to_arrow_reader(BATCH_ROWS)
    with pa.ipc.new_stream(out, reader.schema) as stream:
        out.flush()  # the columns are known before the first row is
        for batch in reader:
            stream.write_batch(batch)
            out.flush()


def _confine(store: Store) -> None:
    """Take away files, the network and the rest of the memory."""
    (limit,) = store.row("SELECT current_setting('memory_limit')")
    store.con.execute("SET enable_progress_bar = false")
    store.con.execute("SET enable_external_access = false")
    store.con.execute("SET lock_configuration = true")
    if sys.platform != "linux":  # others do not count what a process has written to
        return
    import resource

    number, unit = limit.split()
    used_kib = re.search(
        r"^VmData:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE
    )
    used = int(used_kib[1]) * 1024 if used_kib else 0
    most = used + int(float(number) * UNITS[unit]) + BESIDE_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn an error of DuckDB into one line."""
    try:
        yield
    except (duckdb.OutOfMemoryException, MemoryError) as error:
        raise InputError(TOO_MUCH) from error
    except (duckdb.Error, OSError) as error:  # Arrow's reader passes errors of DuckDB on as OSError
        if "bad_alloc" in str(error) or "Out of Memory" in str(error):
            raise InputError(TOO_MUCH) from error
        raise InputError(f"the query fails: {_first_line(error)}") from error


TOO_MUCH = (
    "the query needs more memory than it may have; ask for less, or allow more with "
    "TWEETSCORE_MEMORY, as in TWEETSCORE_MEMORY=4GB"
)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).strip().split("\n\n")[0].split())


if __name__ == "__main__":
    main()

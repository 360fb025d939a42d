"""Tables in SQLite databases: a file enters, its tables leave, their values as text.

A database that twitter-to-sqlite has made is one table: that of the tweets, with the names of their
users. Nothing is ever written, not even a file beside the database.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.kinds import SQLITE_MAGIC
from tweetscore.io.packing import LIMITS, MOST_DECODED_BYTES
from tweetscore.io.records import REJECTS_SCHEMA
from tweetscore.io.source import Source
from tweetscore.io.tables.table import Rows, Table

_MOST_PACKED_BYTES = 256 << 20  # in memory
_MOST_VALUE_BYTES = 16 << 20
_BATCH_ROWS = 1 << 15
_ROW_BYTES = 64  # what a row takes at least
# Indexes of the full-text search keep their words in tables of such names.
_OF_INDEXES = ("_content", "_segments", "_segdir", "_stat", "_data", "_idx", "_docsize", "_config")
_TABLES = """
    SELECT name, sql FROM sqlite_schema
    WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid
"""


Values = tuple[str | bytes | float | None, ...]


def sqlite_tables(source: Source) -> list[tuple[str, Table]]:
    """Return the tables of a database, each with its name in words.

    Raises:
        InputError: the database is damaged, or has a log beside it with more rows.
    """
    with _opened(source) as con:
        schema = con.execute(_TABLES).fetchall()
        indexes = [name for name, sql in schema if "VIRTUAL" in (sql or "").upper()[:20]]
        inner = {index + ending for index in indexes for ending in _OF_INDEXES}
        names = [name for name, _ in schema if name not in inner and name not in indexes]
        columns = {name: _columns(con, name) for name in names}
        users = columns.get("users", {})
        known_users = users.get("id", False) and "screen_name" in users
    return [
        (f"table {name!r}", _table(source, name, list(columns[name]), known_users))
        for name in names
        if columns[name]
    ]


@contextmanager
def _opened(source: Source) -> Iterator[sqlite3.Connection]:
    """Open a database to read; what is packed is opened in memory."""
    file = source.file
    with file.at.open("rb") as stream:
        plain = stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC and file.entry is None
    if plain and (log := file.sibling(f"{file.path.name}-wal")) and log.packed_bytes:
        raise InputError(
            f"{source.name}: the newest rows are in {log.path.name} beside it; close the program "
            "that writes them, or bring them in with: "
            f"sqlite3 {source.name} 'PRAGMA wal_checkpoint(TRUNCATE)'"
        )
    try:
        address = f"{file.local.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address if plain else ":memory:", uri=True)) as con:
            if not plain:
                step = "unpack it first"
                con.deserialize(source.whole(_MOST_PACKED_BYTES, "a packed database", step))
            con.execute("PRAGMA trusted_schema = OFF")
            con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_VALUE_BYTES)
            con.text_factory = partial(str, encoding="utf-8", errors="replace")
            yield con
    except sqlite3.Error as error:
        raise InputError(
            f"{source.name}: unreadable SQLite database ({error}); copy it again"
        ) from error


def _columns(con: sqlite3.Connection, name: str) -> dict[str, bool]:
    """Return the columns, and whether each alone is the primary key, so that no row has another's.

    Columns that are computed are not among them: they may never end.
    """
    rows = con.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
    keys = [row[1] for row in rows if row[5]]
    return {row[1]: keys == [row[1]] for row in rows}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(source: Source, name: str, columns: Sequence[str], known_users: bool) -> Table:
    own = {column: f"own.{_quoted(column)}" for column in columns}
    selected, joined = own, ""
    if "user" in own and known_users:
        # As twitter-to-sqlite has tweets: the user is the number of a row.
        joined = ' LEFT JOIN users ON users.id = own."user"'
        selected = {**own, "screen_name": "users.screen_name"}
        selected.pop("user")
    if "retweeted_status" in own and "is_retweet" not in own:
        selected = {**selected, "is_retweet": 'own."retweeted_status" IS NOT NULL'}

    def rows(wanted: Mapping[str, str], most: int | None, _whole: bool) -> Iterator[Rows]:
        values = ", ".join(selected[theirs] for theirs in wanted.values())
        with _opened(source) as con:
            found = con.execute(f"SELECT {values} FROM {_quoted(name)} AS own{joined}")
            line = 1
            for block in _blocks(found, source, most or _BATCH_ROWS):
                texts = {
                    ours: pl.Series([_text(row[place]) for row in block], dtype=pl.String)
                    for place, ours in enumerate(wanted)
                }
                frame = pl.DataFrame(texts).with_columns(
                    line=pl.int_range(line, line + len(block), dtype=pl.Int64),
                    byte_offset=pl.lit(None, pl.Int64),
                )
                yield frame, REJECTS_SCHEMA.to_frame()
                line += len(block)

    return Table(source, "sqlite", tuple(selected), rows)


def _blocks(found: sqlite3.Cursor, source: Source, most_rows: int) -> Iterator[list[Values]]:
    """Yield rows in blocks of bounded memory.

    Raises:
        InputError: they are more than the file can hold, as where branches of a table share pages.
    """
    file_bytes, size, total, block = source.file.packed_bytes, 0, 0, list[Values]()
    for row in found:
        block.append(row)
        size += _ROW_BYTES + sum(len(each) for each in row if isinstance(each, str | bytes))
        if len(block) == most_rows or size > MOST_DECODED_BYTES:
            total += size
            if LIMITS.is_bomb(total, file_bytes):
                raise LIMITS.bomb(source.name)
            yield block
            block, size = [], 0
    if block:
        yield block


def _text(value: str | bytes | float | None) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(value)

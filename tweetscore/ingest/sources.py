"""The rows of files in the database: batches enter, rows are added or deleted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import polars as pl

from tweetscore.ingest.account import Account, Kind
from tweetscore.io.source import Source
from tweetscore.store.database import Store

_CLAIMED = {"tweets": "posted", "bars": "stamp"}  # times as written in the file


def next_source(store: Store) -> int:
    """Return the number of the next file."""
    (source_id,) = store.row("SELECT coalesce(max(source_id), 0) + 1 FROM sources")
    return int(source_id)


class StoredAlreadyError(Exception):
    """The content of a file is stored already: what was done with it is rolled back."""

    def __init__(self, account: Account) -> None:
        """Take the account of the file."""
        super().__init__(account.name)
        self.account = account


def may_be_stored(store: Store, source: Source) -> bool:
    """Return whether a file of this size is stored already, or the size is not known.

    Such a file is hashed before anything else is done with it. The digest of any other is compared
    when it has been read, so that it is read once.
    """
    query = "SELECT count(*) FROM sources WHERE bytes = coalesce($size, bytes)"
    (equal,) = store.row(query, size=source.file.expected_bytes())
    return bool(equal)


def with_digest(
    store: Store, source: Source, account: Account, *, same_name: bool = False
) -> Account:
    """Add the sha256 and the size of the content to an account.

    Args:
        store: the database.
        source: the file; it is read unless that has been done.
        account: its account.
        same_name: equal content counts as stored only under the same name.

    Raises:
        StoredAlreadyError: the content is stored already.
    """
    sha256, size = source.digest()
    account = replace(account, sha256=sha256, bytes=size)
    known = store.rows(
        "SELECT clock FROM sources WHERE sha256 = $sha256 AND kind <> 'predictions' "
        "AND symbol IS NOT DISTINCT FROM $symbol AND $name IN (name, '')",
        sha256=account.sha256,
        symbol=account.symbol,
        name=account.name if same_name else "",
    )
    if known:
        raise StoredAlreadyError(unchanged(account, known[0][0]))
    return account


def known_clocks(store: Store, digests: Sequence[str]) -> dict[str, str]:
    """Return the clocks of the stored files of posts that have one of these contents."""
    query = (
        "SELECT sha256, clock FROM sources WHERE symbol IS NULL AND kind <> 'predictions' "
        "AND list_contains($all, sha256)"
    )
    return dict(store.rows(query, all=list(digests)))


def unchanged(account: Account, clock: str) -> Account:
    """Return the account of a file whose content was stored before, by this clock."""
    return replace(account, clock=clock, rows_read=0, warnings=(), unchanged=True)


def good_rows(kind: Kind, judged: pl.DataFrame) -> pl.DataFrame:
    """Return the rows without a reason, with the columns of their table."""
    reason = judged["reason"]
    good = (
        judged.filter(pl.col("reason").is_null()) if reason.null_count() < len(reason) else judged
    )
    return good.drop("line", "byte_offset", "reason", _CLAIMED[kind])


def parted(
    kind: Kind, judged: pl.DataFrame, rejects: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part a batch into good rows and rejects: a row with a reason is one of them.

    Args:
        kind: what the rows are.
        judged: the rows, with a ``reason``.
        rejects: what was rejected before.
    """
    good = good_rows(kind, judged)
    if good.height == judged.height:
        return good, rejects
    raw = pl.struct(pl.exclude("line", "byte_offset", "reason")).struct.json_encode()
    bad = judged.filter(pl.col("reason").is_not_null())
    refused = bad.select("line", "byte_offset", "reason", raw=raw)
    return good, pl.concat([rejects, refused])


class RowSink(Protocol):
    """Where the rows of one file go while it is read."""

    def add(self, judged: pl.DataFrame, rejects: pl.DataFrame) -> None:
        """Take a batch: rows with a ``reason``, and what was rejected before."""

    def forget(self) -> None:
        """Take back all rows of the file, to store them by another clock."""


class StoredRows:
    """Rows that are stored at once, as those of a file that memory may not hold."""

    def __init__(self, store: Store, kind: Kind, source_id: int) -> None:
        """Take the database, in a transaction, and what rows of which file they are."""
        self._store, self._kind, self._source_id = store, kind, source_id

    def add(self, judged: pl.DataFrame, rejects: pl.DataFrame) -> None:
        """Store a batch."""
        mark = pl.lit(self._source_id, pl.Int32).alias("source_id")
        rows, refused = parted(self._kind, judged, rejects)
        self._store.append(self._kind, rows.with_columns(mark))
        if refused.height:
            self._store.append("rejects", refused.with_columns(mark))

    def forget(self) -> None:
        """Delete the rows of the file."""
        for table in (self._kind, "rejects"):
            query = f"DELETE FROM {table} WHERE source_id = $source_id"
            self._store.con.execute(query, {"source_id": self._source_id})

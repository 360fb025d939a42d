"""The rows of one file in the database: batches enter, rows are added or deleted."""

from dataclasses import replace

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
        "SELECT clock FROM sources WHERE sha256 = $sha256 "
        "AND symbol IS NOT DISTINCT FROM $symbol AND $name IN (name, '')",
        sha256=account.sha256,
        symbol=account.symbol,
        name=account.name if same_name else "",
    )
    if known:
        unchanged = replace(account, clock=known[0][0], rows_read=0, unchanged=True)
        raise StoredAlreadyError(unchanged)
    return account


def append_batch(
    store: Store, kind: Kind, source_id: int, judged: pl.DataFrame, rejects: pl.DataFrame
) -> None:
    """Store a batch: rows without a reason among the rows, those with one among the rejects."""
    good = pl.col("reason").is_null()
    mark = pl.lit(source_id, pl.Int32).alias("source_id")
    rows = judged.filter(good).drop("line", "byte_offset", "reason", _CLAIMED[kind])
    store.append(kind, rows.with_columns(mark))
    raw = pl.struct(pl.exclude("line", "byte_offset", "reason")).struct.json_encode()
    bad = judged.filter(~good).select("line", "byte_offset", "reason", raw=raw)
    if bad.height + rejects.height:
        store.append("rejects", pl.concat([rejects, bad]).with_columns(mark))


def delete_rows(store: Store, table: str, source_id: int) -> None:
    """Delete the rows of a file from a table."""
    store.con.execute(f"DELETE FROM {table} WHERE source_id = $source_id", {"source_id": source_id})

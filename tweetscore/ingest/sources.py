"""The rows of one file in the database: batches enter, the rows of the file appear or go."""

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


def with_digest(source: Source, account: Account) -> Account:
    """Add the sha256 and the size of the content to an account."""
    sha256, size = source.digest()
    return replace(account, sha256=sha256, bytes=size)


def known_source(store: Store, account: Account, *, same_name: bool = False) -> Account | None:
    """Return the account of a file whose content is here already, or None.

    With ``same_name``, it counts as here only under the same name.
    """
    known = store.rows(
        "SELECT clock FROM sources WHERE sha256 = $sha256 "
        "AND symbol IS NOT DISTINCT FROM $symbol AND $name IN (name, '')",
        sha256=account.sha256,
        symbol=account.symbol,
        name=account.name if same_name else "",
    )
    return replace(account, clock=known[0][0], unchanged=True) if known else None


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

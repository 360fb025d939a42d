"""Finish one file: each tweet or bar keeps one row, and the account of the file is checked."""

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from tweetscore.errors import InputError, IntegrityError
from tweetscore.ingest.account import Account, Kind
from tweetscore.store.database import Store, statement

_OF_FILE = "WHERE source_id = $source_id"
_STORED_FIELDS = (
    "name", "sha256", "bytes", "kind", "format", "symbol", "clock",
    "rows_read", "stored", "updated", "duplicates", "rejected", "repaired",
)  # fmt: skip


def deduplicate(
    store: Store, account: Account, kind: Kind, source_id: int, started_utc: datetime
) -> Account:
    """Keep one row of each tweet or bar, and store the file's account.

    Raises:
        InputError: no row could be used.
        IntegrityError: the rows read are not those accounted for; the transaction is rolled back.
    """
    (rejected,) = store.row(f"SELECT count(*) FROM rejects {_OF_FILE}", source_id=source_id)
    mark = "contains(text, chr(65533))" if kind == "tweets" else "false"
    fresh, repaired = store.row(
        f"SELECT count(*), count(*) FILTER ({mark}) FROM {kind} {_OF_FILE}", source_id=source_id
    )
    if not fresh:
        raise _unusable(store, account, source_id)
    store.run(f"ingest/candidates_{kind}", source_id=source_id)
    duplicates, updated, replaced = store.row(
        "SELECT count(*) FILTER (fresh AND place > 1), "
        "count(*) FILTER (fresh AND place = 1 AND known), "
        "count(*) FILTER (NOT fresh AND place > 1) FROM candidates"
    )
    if kind == "bars" and duplicates + updated:
        account = _with_conflicts(store, account)
    if kind == "tweets" and updated:
        store.run("ingest/forget_predictions")
    store.con.execute(
        f"DELETE FROM {kind} WHERE rowid IN (SELECT row FROM candidates WHERE place > 1)"
    )
    account = replace(
        account,
        stored=fresh - duplicates - updated,
        updated=updated,
        duplicates=duplicates,
        rejected=rejected,
        repaired=repaired,
    )
    (kept,) = store.row(f"SELECT count(*) FROM {kind} {_OF_FILE}", source_id=source_id)
    parts = account.stored + account.updated + account.duplicates + account.rejected
    if account.rows_read != parts or kept != account.stored + updated or replaced != updated:
        raise IntegrityError(
            f"{account.name}: {account.rows_read} rows read but {parts} accounted for; "
            "nothing was stored, please report this file's format"
        )
    _store_account(store, account, source_id, started_utc)
    return account


def _with_conflicts(store: Store, account: Account) -> Account:
    """Warn of minutes with several bars that are no duplicates: their prices differ."""
    minutes, largest = store.row(statement("ingest/conflicting_bars"))
    if not minutes:
        return account
    several = "1 minute has" if minutes == 1 else f"{minutes:,} minutes have"
    warning = (
        f"{several} bars with different prices, up to {largest:,.1f} bps apart; "
        "the bar with the larger volume was kept"
    )
    return replace(account, warnings=(*account.warnings, warning))


def _unusable(store: Store, account: Account, source_id: int) -> InputError:
    first = f"SELECT line, reason FROM rejects {_OF_FILE} ORDER BY line LIMIT 1"
    line, reason = next(iter(store.rows(first, source_id=source_id)), (1, "no record"))
    return InputError(
        f"{account.name}: none of its {account.rows_read} records can be used "
        f"(line {line}: {' '.join(reason.split())}); check its format"
    )


def _store_account(store: Store, account: Account, source_id: int, started_utc: datetime) -> None:
    fields = {name: [getattr(account, name)] for name in _STORED_FIELDS}
    fields["taken"] = [account.taken or None]
    fields["warnings"] = ["; ".join(account.warnings) or None]
    times = {"started_utc": [started_utc], "finished_utc": [now_utc()]}
    store.append("sources", pl.DataFrame({"source_id": [source_id], **fields, **times}))


def now_utc() -> datetime:
    """Return the time, as the database has its times."""
    return datetime.now(UTC).replace(tzinfo=None)

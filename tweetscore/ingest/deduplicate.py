"""Finish files: each tweet or bar keeps one row, and the accounts of the files are checked."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from tweetscore.errors import InputError, IntegrityError
from tweetscore.ingest.account import Account, Kind
from tweetscore.store.database import Store, statement

_STORED_FIELDS = (
    "name", "sha256", "bytes", "kind", "format", "symbol", "clock",
    "rows_read", "stored", "updated", "duplicates", "rejected", "repaired",
)  # fmt: skip


def deduplicate(
    store: Store,
    accounts: Sequence[Account],
    kind: Kind,
    first_source: int,
    started_utc: datetime,
) -> list[Account]:
    """Keep one row of each tweet or bar, and store the accounts of files whose rows are here.

    The accounts are those that the files would have one by one: an observation that a later file
    replaces was stored all the same.

    Args:
        store: the database.
        accounts: of the files, in the order of their numbers.
        kind: what the files hold.
        first_source: the number of the first file.
        started_utc: when their ingest began.

    Raises:
        InputError: no row of a file could be used.
        IntegrityError: the rows read are not those accounted for; the transaction is rolled back.
    """
    counted = _with_counts(store, accounts, kind, first_source)
    store.run(f"ingest/candidates_{kind}", first_source=first_source)
    observed = {
        number: counts
        for number, *counts in store.rows(
            "SELECT source_id, count(*) FILTER (NOT leads), count(*) FILTER (leads AND known) "
            "FROM candidates WHERE fresh GROUP BY ALL"
        )
    }
    if kind == "bars" and observed:
        counted = [_with_conflicts(store, account) for account in counted]
    if kind == "tweets" and any(updated for _, updated in observed.values()):
        store.run("ingest/forget_predictions")
        store.run("ingest/forget_links")
    (removed,) = store.row(
        f"DELETE FROM {kind} WHERE rowid IN (SELECT row FROM candidates WHERE place > 1)"
    )
    finished = []
    for number, account in enumerate(counted, first_source):
        duplicates, updated = observed.get(number, (0, 0))
        stored = account.stored - duplicates - updated
        finished.append(replace(account, stored=stored, duplicates=duplicates, updated=updated))
    _check(finished, removed)
    _store_accounts(store, finished, first_source, started_utc)
    return finished


def _with_counts(
    store: Store, accounts: Sequence[Account], kind: Kind, first_source: int
) -> list[Account]:
    """Count the rows of each file: those that are good as stored, the rejects and the repaired."""
    of_files = "WHERE source_id >= $first_source GROUP BY ALL"
    mark = "contains(text, chr(65533))" if kind == "tweets" else "false"
    query = f"SELECT source_id, count(*), count(*) FILTER ({mark}) FROM {kind} {of_files}"
    good = {number: counts for number, *counts in store.rows(query, first_source=first_source)}
    query = f"SELECT source_id, count(*) FROM rejects {of_files}"
    rejected = dict(store.rows(query, first_source=first_source))
    counted = []
    for number, account in enumerate(accounts, first_source):
        if number not in good:
            first = "SELECT line, reason FROM rejects WHERE source_id = $n ORDER BY line LIMIT 1"
            raise unusable(account, store.rows(first, n=number))
        stored, repaired = good[number]
        counts = {"stored": stored, "repaired": repaired, "rejected": rejected.get(number, 0)}
        counted.append(replace(account, **counts))
    return counted


def _check(accounts: Sequence[Account], removed: int) -> None:
    for account in accounts:
        parts = account.stored + account.updated + account.duplicates + account.rejected
        if account.rows_read != parts:
            raise _lost(account.name, account.rows_read, parts)
    replaced = sum(account.updated + account.duplicates for account in accounts)
    if removed != replaced:
        raise _lost(accounts[0].name, removed, replaced)


def _lost(name: str, rows: int, parts: int) -> IntegrityError:
    return IntegrityError(
        f"{name}: {rows} rows read but {parts} accounted for; "
        "nothing was stored, please report this file's format"
    )


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


def unusable(account: Account, rejects: Iterable[tuple[int, str]]) -> InputError:
    """Return the refusal of a file without a good row, by the lines and reasons of its rejects."""
    line, reason = next(iter(rejects), (1, "no record"))
    return InputError(
        f"{account.name}: none of its {account.rows_read} records can be used "
        f"(line {line}: {' '.join(reason.split())}); check its format"
    )


def _store_accounts(
    store: Store, accounts: Sequence[Account], first_source: int, started_utc: datetime
) -> None:
    fields = {name: [getattr(each, name) for each in accounts] for name in _STORED_FIELDS}
    fields["taken"] = [each.taken or None for each in accounts]
    fields["warnings"] = ["; ".join(each.warnings) or None for each in accounts]
    numbers = range(first_source, first_source + len(accounts))
    rows = pl.DataFrame({"source_id": numbers, **fields})
    store.append("sources", rows.with_columns(started_utc=started_utc, finished_utc=now_utc()))


def now_utc() -> datetime:
    """Return the time, as the database has its times."""
    return datetime.now(UTC).replace(tzinfo=None)

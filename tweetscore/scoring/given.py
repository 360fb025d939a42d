"""Import somebody's predictions: a table enters, predictions of a model that has no files leave.

A row that meets no post, or more than one, is a reject with its reason, and so is a prediction made
after the moment of its entry: rows read = stored + updated + duplicates + rejected.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tweetscore.errors import InputError
from tweetscore.market.horizons import Horizon
from tweetscore.market.symbols import without_windows
from tweetscore.market.targets import kind_of
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.card import is_name
from tweetscore.scoring.given_rows import GivenTable
from tweetscore.scoring.predictions import register_card
from tweetscore.store.database import Store, statement
from tweetscore.store.trials import record_outside, record_replaced

KIND = "predictions"  # of the card, and of the source
TARGET = "direction"


@dataclass(frozen=True, slots=True)
class GivenAccount:
    """What became of one file of predictions: rows_read = stored + updated + duplicates + rejected.

    A prediction is a duplicate where the same value is there for this model, post and horizon, and
    an update where another one was.
    """

    name: str
    model: str
    model_id: str
    knows_until_utc: datetime | None  # the model has seen nothing posted from then on
    intervals: tuple[int, ...]
    rows_read: int
    stored: int
    updated: int
    duplicates: int
    rejected: int
    reasons: dict[str, int]  # of the rejects, without their values
    taken: str  # what was taken for what
    clock: str  # of the times of prediction
    warnings: tuple[str, ...]


def import_predictions(
    store: Store,
    given: GivenTable,
    model: str,
    knows_until_utc: datetime | None,
    progress: Callable[[str, int], None],
) -> GivenAccount:
    """Add the predictions of a table to those of a model, which is made if there is none.

    Args:
        store: the open database.
        given: the table.
        model: the name of the model.
        knows_until_utc: what was posted before it the model may have seen; None: nobody says.
        progress: called with the file's name and its rows read so far.

    Raises:
        InputError: the name is that of another model, something else was said of what it has seen,
            or no row can be used; nothing is changed.
    """
    started_utc = _now()
    model_id = _model_id(store, model)
    card = _card(model, knows_until_utc)
    with store.transaction():
        register_card(store, model, model_id, TARGET, card)
        (source_id,) = store.row("SELECT coalesce(max(source_id), 0) + 1 FROM sources")
        rows_read = _read(store, given, source_id, progress)
        account = _stored(store, given, model_id, source_id, rows_read)
        _keep_source(store, given, account, source_id, started_utc)
        for table in ("given_rows", "given_judged", "given_compared"):
            store.rows(f"DROP TABLE {table}")
        record_outside(store)
    ensure_windows(store, account.intervals)
    return account


def _model_id(store: Store, model: str) -> str:
    """Return the id that predictions of this name have.

    Raises:
        InputError: the name cannot be shown, or is that of a model with files.
    """
    if not is_name(model) or not model.strip():
        raise InputError(f"--model {model[:60]!r}: is no name; write one of a few letters")
    classes = kind_of(TARGET).classes
    digest = hashlib.sha256(json.dumps([KIND, model, TARGET, classes]).encode()).hexdigest()[:16]
    query = "SELECT model_id FROM models WHERE $model IN (name, model_id) AND model_id <> $own"
    if others := store.rows(query, model=model, own=digest):
        raise InputError(
            f"{store.path}: {model} is another model here ({others[0][0]}), which has scored by "
            "itself; choose another name with --model"
        )
    return digest


def _card(model: str, knows_until_utc: datetime | None) -> dict[str, Any]:
    return {
        "kind": KIND,
        "name": model,
        "target": TARGET,
        "classes": list(kind_of(TARGET).classes),
        "knows_until_utc": knows_until_utc.isoformat() if knows_until_utc else None,
    }


def _read(
    store: Store, given: GivenTable, source_id: int, progress: Callable[[str, int], None]
) -> int:
    """Put rows into the table given_rows, and rejects where they belong; return their number."""
    store.con.execute(statement("scoring/given_begin"))
    rows_read = 0
    for rows, rejects in given.blocks():
        store.append("given_rows", rows)
        store.append("rejects", _marked(rejects, source_id))
        rows_read += rows.height + rejects.height
        progress(given.table.name, rows_read)
    return rows_read


def _marked(rejects: pl.DataFrame, source_id: int) -> pl.DataFrame:
    return rejects.with_columns(pl.lit(source_id, pl.Int32).alias("source_id"))


def _stored(
    store: Store, given: GivenTable, model_id: str, source_id: int, rows_read: int
) -> GivenAccount:
    """Store what meets one post, and return what became of every row.

    Raises:
        InputError: no row does.
    """
    store.run("scoring/given_judge")
    store.run("scoring/given_reject", source_id=source_id)
    (class_number,) = store.row(
        "SELECT list_position(classes, $up) FROM models WHERE model_id = $model_id",
        up=kind_of(TARGET).classes[1], model_id=model_id,
    )  # fmt: skip
    store.run("scoring/given_compare", model_id=model_id)
    counted = dict(store.rows("SELECT became, count(*) FROM given_compared GROUP BY ALL"))
    of_file = "FROM rejects WHERE source_id = $source_id"
    (rejected,) = store.row(f"SELECT count(*) {of_file}", source_id=source_id)
    if rejected == rows_read:
        first = f"SELECT line, reason {of_file} ORDER BY line LIMIT 1"
        line, reason = next(iter(store.rows(first, source_id=source_id)), (1, "no record"))
        raise InputError(
            f"{given.table.name}: none of its {rows_read:,} predictions can be used (line {line}: "
            f"{' '.join(reason.split())}); check its columns, or ingest its posts first"
        )
    if counted.get("updated"):
        record_replaced(store, model_id)
    store.run("scoring/given_delete", model_id=model_id)
    store.run("scoring/given_insert", model_id=model_id, class_number=class_number)
    name, knows_until_utc = store.row(
        "SELECT name, knows_until_utc FROM models WHERE model_id = $model_id", model_id=model_id
    )
    intervals = store.rows("SELECT DISTINCT interval_minutes FROM given_compared ORDER BY ALL")
    horizons = tuple(Horizon(minutes) for (minutes,) in intervals)
    reasons = store.rows(statement("scoring/given_reasons"), source_id=source_id)
    return GivenAccount(
        given.table.name, name, model_id, knows_until_utc, horizons, rows_read,
        counted.get("stored", 0), counted.get("updated", 0), counted.get("duplicate", 0), rejected,
        dict(reasons), given.taken, given.clock_words,
        tuple(_warnings(store, given, horizons, counted.get("updated", 0))),
    )  # fmt: skip


def _warnings(
    store: Store, given: GivenTable, horizons: tuple[Horizon, ...], updated: int
) -> Iterator[str]:
    """Yield what the user should know of predictions that are stored."""
    yield from given.table.source.warnings
    yield from without_windows(store.frame("FROM symbols"), horizons)
    if updated:
        yield f"{updated:,} predictions replace others of the same model, post and horizon"


def _keep_source(
    store: Store, given: GivenTable, account: GivenAccount, source_id: int, started_utc: datetime
) -> None:
    """Store the account, unless the same file was read before and has brought nothing new."""
    sha256, size = given.table.source.digest()
    taken = f"model: {account.model}; {account.taken}"
    query = (
        "FROM sources WHERE kind = $kind AND sha256 = $sha256 AND taken = $taken "
        "AND rejected = $rejected"
    )
    same = {"kind": KIND, "sha256": sha256, "taken": taken, "rejected": account.rejected}
    if not (account.stored or account.updated) and store.rows(query, **same):
        store.rows("DELETE FROM rejects WHERE source_id = $source_id", source_id=source_id)
        return
    row = {
        "source_id": source_id, "name": account.name, **same, "bytes": size,
        "format": given.table.kind, "clock": account.clock, "rows_read": account.rows_read,
        "stored": account.stored, "updated": account.updated, "duplicates": account.duplicates,
        "repaired": 0, "started_utc": started_utc, "finished_utc": _now(),
        "warnings": "; ".join(account.warnings) or None,
    }  # fmt: skip
    store.append("sources", pl.DataFrame([row], schema_overrides={"warnings": pl.String}))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)

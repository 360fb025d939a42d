"""Import what was scored without a database: a folder of results enters, rows are added."""

import glob
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.lock import LOCK
from tweetscore.io.new_file import sha256_of
from tweetscore.io.packing import BUFFER_BYTES
from tweetscore.io.parquet import UNREADABLE, bounded, read_batches
from tweetscore.io.places import LocalPlace, Place, fetched
from tweetscore.market.targets import kind_of
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.card import read_card
from tweetscore.scoring.job import Finished
from tweetscore.scoring.manifest import (
    FINISHED,
    MANIFEST,
    REJECTS,
    RUN,
    Run,
    read_finished,
    read_run,
)
from tweetscore.scoring.predictions import register_card
from tweetscore.store.database import Store
from tweetscore.store.transfer import EXPORT, is_export, restore

BATCH_ROWS = 65_536
COPY_RESULTS = "copy the folder of results again, or run tweetscore score again"
_NEITHER = (
    "is neither an export nor a folder of results; name one that tweetscore export or tweetscore "
    "score --output has written"
)
ADDED = ("tweets", "predictions", "models")  # to what results are added


def import_from(store: Store, folder: Path) -> dict[str, int]:
    """Import an export of every table, or results of ``score_files``; return the rows by table.

    Raises:
        InputError: it is neither, or ``restore`` or ``attach`` cannot use it.
        IntegrityError: an export does not hold the rows that it says it holds.
    """
    if is_export(folder):
        return restore(store, folder)
    if (folder / MANIFEST).is_dir():
        return attach(store, folder)
    raise InputError(f"{folder}: {_NEITHER}")


def import_place(store: Store, place: Place) -> dict[str, int]:
    """Import what lies in a bucket, by way of this machine.

    Raises:
        InputError: see ``import_from``.
        IntegrityError: see ``import_from``.
    """
    entries = place.entries()
    names = {each.name for each in entries}
    if not names & {EXPORT, f"{MANIFEST}/{RUN}"}:
        raise InputError(f"{place}: {_NEITHER}")
    unused = (f"{MANIFEST}/{LOCK}/", f"{MANIFEST}/{REJECTS}/")
    needed = [each for each in entries if not each.name.startswith(unused)]
    with fetched(place, needed) as folder:
        if EXPORT in names:
            return restore(store, folder)
        return attach(store, folder, str(place))


def attach(store: Store, folder: Path, name: str | None = None) -> dict[str, int]:
    """Add results of ``score_files`` to a database; return the rows added to each table.

    Tweets and predictions that are there already stay as they are, and the same results again add
    nothing.

    Args:
        store: the database.
        folder: of results.
        name: what the database calls it; None: its path.

    Raises:
        InputError: no shard is finished.
        IntegrityError: a file is not the one that was written, or holds what no score is.
    """
    started = datetime.now(UTC).replace(tzinfo=None)
    place = LocalPlace(folder)
    run, finished = read_run(place), read_finished(place, place.entries())
    read_card(folder / MANIFEST / RUN, json.dumps(run.card).encode(), COPY_RESULTS)
    kind = kind_of(run.target)
    if not finished:
        raise InputError(f"{folder}: no shard of it is finished; run tweetscore score again")
    files = [glob.escape(str(folder / each.name)) for each in finished]
    _check_files(folder, finished, run)
    digest = _digest(finished)
    if store.rows("FROM sources WHERE sha256 = $sha256", sha256=digest):
        return dict.fromkeys(ADDED, 0)
    model_id, classes = run.model_id, run.card["classes"]
    with store.transaction():
        before = _counts(store)
        (source_id,) = store.row("SELECT coalesce(max(source_id), 0) + 1 FROM sources")
        store.run("scoring/attach_tweets", files=files, source_id=source_id)
        if kind.is_market:
            (positive,) = kind.stored(classes)
            number = classes.index(positive) + 1
            store.run(
                "scoring/attach_predictions", files=files, model_id=model_id, class_number=number
            )
        else:
            store.run("scoring/attach_labels", files=files, model_id=model_id)
        register_card(store, run.model, model_id, run.target, run.card)
        after = _counts(store)
        added = {name: after[name] - before[name] for name in after}
        rows = sum(each.scored for each in finished)
        store.run(
            "scoring/attach_source",
            source_id=source_id,
            folder=name or str(folder),
            sha256=digest,
            rows=rows,
            bytes=sum((folder / each.name).stat().st_size for each in finished),
            stored=added["tweets"],
            started_utc=started,
            finished_utc=datetime.now(UTC).replace(tzinfo=None),
        )
    if kind.is_market:
        ensure_windows(store, run.intervals)
    return added


def _check_files(folder: Path, finished: Sequence[Finished], run: Run) -> None:
    """Hold the files of results against the manifest, and their values against what scores are.

    Raises:
        IntegrityError: one differs.
    """
    for each in finished:
        path = folder / each.name
        if not path.is_file() or sha256_of(path) != each.result:
            raise IntegrityError(
                f"{path}: is not the file that was written (its sha256 is not the one in "
                f"{FINISHED}); copy the folder again, or run tweetscore score again"
            )
        try:
            wrong_rows = sum(_wrong_rows(pl.DataFrame(b), run) for b in _batches(path))
        except UNREADABLE as error:
            fact = str(error).splitlines()[0]
            raise IntegrityError(
                f"{path}: cannot be read as results ({fact}); run tweetscore score again"
            ) from error
        if wrong_rows:
            raise IntegrityError(
                f"{path}: {wrong_rows:,} rows hold no probability, or no interval of its run; "
                "run tweetscore score again"
            )


# Not by DuckDB: it believes the bounds in a Parquet file, which leave NaN out.
def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES) as file:
        names = file.schema_arrow.names
        batches = read_batches(path, str(path), file, names, BATCH_ROWS)
        yield from bounded(batches, str(path), path.stat().st_size)


def _wrong_rows(results: pl.DataFrame, run: Run) -> int:
    """Count the rows that no scoring writes."""
    if not kind_of(run.target).is_market:
        each = pl.col("probabilities")
        if not isinstance(results.schema.get("probabilities"), pl.List):
            return results.height
        within = each.list.eval(pl.element().is_between(0, 1).fill_null(value=False)).list.all()
        scored = within & (each.list.len() == len(run.card["classes"]))
    else:
        probability = pl.col("^probability.*$")
        if results.select(probability).width != 1:
            return results.height
        scored = probability.is_between(0, 1) & pl.col("interval_minutes").is_in(run.intervals)
    right = results.select(
        scored
        & pl.all_horizontal(pl.col("platform", "tweet_id", "posted_utc", "text").is_not_null())
    ).to_series()
    return int((~right.fill_null(value=False)).sum())


def _digest(finished: Sequence[Finished]) -> str:
    """Know results again, wherever their list lies."""
    lines = sorted(json.dumps(asdict(each), sort_keys=True) for each in finished)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _counts(store: Store) -> dict[str, int]:
    found = {}
    for name in ADDED:
        (found[name],) = store.row(f"SELECT count(*) FROM {name}")
    return found

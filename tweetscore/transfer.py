"""Move a database to Parquet and back, and attach what was scored without it."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tweetscore.errors import InputError, IntegrityError, did_you_mean
from tweetscore.score import register_model
from tweetscore.shards import FINISHED, MANIFEST, read_finished, read_run
from tweetscore.store import SCHEMA_VERSION, Store
from tweetscore.windows import ensure_windows

FORMAT = 1
EXPORT = "export.json"
BATCH_ROWS = 65_536
ADDED = ("tweets", "predictions", "models")  # to what results are added
ROWS_PER_FILE = 500_000
Progress = Callable[[str, int, int | None], None]


def export(
    store: Store,
    folder: Path,
    names: Sequence[str],
    progress: Progress,
    rows_per_file: int = ROWS_PER_FILE,
) -> dict[str, int]:
    """Write tables and views as Parquet, each in a folder of its own; return the rows of each.

    Args:
        store: the open database.
        folder: where they will stand; it appears only once it is whole.
        names: tables or views; none means every table, which is what ``bring_in`` needs.
        progress: is told the table, and the rows done and to do.
        rows_per_file: the most rows of one file.

    Raises:
        InputError: something stands there, or there is no such table.
    """
    every = _names(store, "TABLE")
    known = every + _names(store, "VIEW")
    for name in names:
        if name not in known:
            raise InputError(
                f"{store.path}: has no table or view {name}{did_you_mean(name, known)}"
            )
    if folder.exists():
        raise InputError(f"{folder}: stands there; name another folder")
    folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
    try:
        rows = {name: _write(store, part, name, rows_per_file, progress) for name in names or every}
        about = {
            "format": FORMAT,
            "tweetscore": version("tweetscore"),
            "schema_version": SCHEMA_VERSION,
            "rows": rows,
        }
        (part / EXPORT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return rows


def _names(store: Store, kind: str) -> list[str]:
    rows = store.rows(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'main' AND table_type = $kind ORDER BY table_name",
        kind="BASE TABLE" if kind == "TABLE" else kind,
    )
    return [name for (name,) in rows]


def _write(store: Store, folder: Path, name: str, rows_per_file: int, progress: Progress) -> int:
    (to_do,) = store.row(f"SELECT count(*) FROM {name}")
    (folder / name).mkdir()
    reader = store.con.cursor()
    reader.execute("SET preserve_insertion_order = true")  # the same database, the same files
    batches = reader.sql(f"FROM {name}").to_arrow_reader(BATCH_ROWS)
    done = 0
    for number, group in enumerate(_files(batches, rows_per_file)):
        path = folder / name / f"part-{number:05}.parquet"
        with pq.ParquetWriter(path, batches.schema, compression="zstd") as parquet:
            for batch in group:
                parquet.write_batch(batch)
                done += batch.num_rows
                progress(name, done, to_do)
    reader.close()
    return done


def _files(batches: pa.RecordBatchReader, rows_per_file: int) -> Iterator[Iterator[pa.RecordBatch]]:
    """Yield the batches of one file after another, at least one file; each must be used up."""
    rest: pa.RecordBatch | None = next(batches, None)
    first = True

    def of_file() -> Iterator[pa.RecordBatch]:
        nonlocal rest
        room = rows_per_file
        while rest is not None and room:
            piece = rest.slice(0, room)
            room -= piece.num_rows
            left = rest.slice(piece.num_rows)
            rest = left if left.num_rows else next(batches, None)
            yield piece

    while first or rest is not None:
        first = False
        yield of_file()


def bring_in(store: Store, folder: Path) -> dict[str, int]:
    """Bring in an export of every table, or the results of ``score_files``; return rows by table.

    An export makes an empty database what the exported one was. Results are added to what is there:
    tweets and predictions that are there already stay as they are, and the same results again add
    nothing.

    Raises:
        InputError: it is neither, or the database is not empty, or the target is not direction.
        IntegrityError: the export does not hold the rows that it says.
    """
    if (folder / EXPORT).is_file():
        return _restore(store, folder)
    if (folder / MANIFEST).is_dir():
        return _attach(store, folder)
    raise InputError(
        f"{folder}: is neither an export nor a folder of results; name one that tweetscore export "
        "or tweetscore score --output has written"
    )


def _restore(store: Store, folder: Path) -> dict[str, int]:
    about = _about(folder / EXPORT)
    names = _names(store, "TABLE")
    if lacking := sorted(set(names) - set(about["rows"])):
        raise InputError(
            f"{folder}: holds no {lacking[0]}; a database is made from an export of every table, "
            "without --table"
        )
    for name in ("sources", "models", "study_runs"):
        if store.rows(f"FROM {name} LIMIT 1"):
            raise InputError(
                f"{store.path}: is not empty; import into a database of its own with --db"
            )
    with store.transaction():
        for name in names:
            store.con.execute(f"DELETE FROM {name}")
            store.con.execute(
                f"INSERT INTO {name} BY NAME FROM read_parquet($files)",
                {"files": str(folder / name / "*.parquet")},
            )
            (rows,) = store.row(f"SELECT count(*) FROM {name}")
            if rows != about["rows"][name]:
                raise IntegrityError(
                    f"{folder}: {name} has {rows} rows instead of {about['rows'][name]}; "
                    "copy the folder again"
                )
    return {name: about["rows"][name] for name in names}


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise IntegrityError(f"{path}: not readable as JSON ({error}); copy it again") from error
    ours = {"format": FORMAT, "schema_version": SCHEMA_VERSION}
    if not isinstance(about, dict) or any(about.get(key) != ours[key] for key in ours):
        raise InputError(f"{path}: is of another version; use the tweetscore that wrote it")
    return about


def _attach(store: Store, folder: Path) -> dict[str, int]:
    started = datetime.now(UTC).replace(tzinfo=None)
    run, finished = read_run(folder), read_finished(folder)
    if run["target"] != "direction":
        raise InputError(
            f"{folder}: holds scores of {run['target']}, of which results keep one class; "
            "score them in the database"
        )
    if not finished:
        raise InputError(f"{folder}: no shard of it is finished; run tweetscore score again")
    files = [str(folder / each.name) for each in finished]
    digest = hashlib.sha256((folder / MANIFEST / FINISHED).read_bytes()).hexdigest()
    if store.rows("FROM sources WHERE sha256 = $sha256", sha256=digest):
        return dict.fromkeys(ADDED, 0)
    with store.transaction():
        before = _counts(store)
        (source_id,) = store.row("SELECT coalesce(max(source_id), 0) + 1 FROM sources")
        store.run("shards/attach_tweets", files=files, source_id=source_id)
        store.run("shards/attach_predictions", files=files, model_id=run["model_id"])
        register_model(store, run["model"], run["model_id"], run["card"])
        after = _counts(store)
        added = {name: after[name] - before[name] for name in after}
        rows = sum(each.scored for each in finished)
        store.run(
            "shards/attach_source",
            source_id=source_id, folder=str(folder), sha256=digest, rows=rows,
            bytes=sum(Path(each).stat().st_size for each in files),
            stored=added["tweets"], started_utc=started,
            finished_utc=datetime.now(UTC).replace(tzinfo=None),
        )  # fmt: skip
    ensure_windows(store, run["intervals"])
    return added


def _counts(store: Store) -> dict[str, int]:
    found = {}
    for name in ADDED:
        (found[name],) = store.row(f"SELECT count(*) FROM {name}")
    return found

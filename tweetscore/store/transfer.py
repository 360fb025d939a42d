"""Move a database to Parquet and back: tables and views leave, every table enters."""

import glob
import json
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tweetscore.errors import InputError, IntegrityError, did_you_mean
from tweetscore.io.new_file import new_folder, sha256_of
from tweetscore.io.parquet import check_size
from tweetscore.io.places import Place
from tweetscore.io.scratch import scratch
from tweetscore.store.database import SCHEMA_VERSION, Store, check_derived

FORMAT = 2
EXPORT = "export.json"
AGAIN = "copy the folder again, or export it again"
BATCH_ROWS = 65_536
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
        folder: where they go; it appears only once it is complete.
        names: tables or views; none means every table, which is what ``restore`` needs.
        progress: called with the table, the rows done and the rows to do.
        rows_per_file: the most rows of one file.

    Raises:
        InputError: the folder exists already, or there is no such table.
        IntegrityError: a view is not that of this version.
    """
    every, views = _names(store, "TABLE"), _names(store, "VIEW")
    known = every + views
    for name in names:
        if name not in known:
            raise InputError(
                f"{store.path}: has no table or view {name}{did_you_mean(name, known)}"
            )
    if wanted := set(names) & set(views):
        check_derived(store, wanted)
    if folder.exists():
        raise InputError(f"{folder}: already exists; choose another folder")
    with new_folder(folder) as part:
        rows = {name: _write(store, part, name, rows_per_file, progress) for name in names or every}
        about = {
            "format": FORMAT,
            "tweetscore": version("tweetscore"),
            "schema_version": SCHEMA_VERSION,
            "rows": rows,
            "sha256": {each.relative_to(part).as_posix(): sha256_of(each) for each in _parts(part)},
        }
        (part / EXPORT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return rows


def export_to(
    store: Store,
    place: Place,
    names: Sequence[str],
    progress: Progress,
    rows_per_file: int = ROWS_PER_FILE,
) -> dict[str, int]:
    """Export into a bucket, by way of this machine; the list of the files comes last.

    Args:
        store: the open database.
        place: the folder.
        names: see ``export``.
        progress: see ``export``.
        rows_per_file: see ``export``.

    Raises:
        InputError: there are objects already, or there is no such table.
        IntegrityError: a view is not that of this version.
    """
    if place.entries():
        raise InputError(f"{place}: already exists; choose another folder")
    with scratch() as folder:
        written = folder / "export"
        rows = export(store, written, names, progress, rows_per_file)
        for path in [*_parts(written), written / EXPORT]:
            (place / path.relative_to(written).as_posix()).put(path)
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
    """Yield the batches of each file, at least one file; each must be consumed before the next."""
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


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.parquet"))


def is_export(folder: Path) -> bool:
    """Return whether ``export`` wrote this folder."""
    return (folder / EXPORT).is_file()


def restore(store: Store, folder: Path) -> dict[str, int]:
    """Restore an exported database into an empty one; return the rows of each table.

    Raises:
        InputError: it is not an export of every table, or the database is not empty.
        IntegrityError: a file of it is missing, or not the one that was written.
    """
    about = _about(folder / EXPORT)
    found = {each.relative_to(folder).as_posix(): sha256_of(each) for each in _parts(folder)}
    for name in about["sha256"] | found:
        if found.get(name) != about["sha256"].get(name):
            raise IntegrityError(
                f"{folder / name}: is not the file that was written (its sha256 is not the one in "
                f"{EXPORT}); {AGAIN}"
            )
    for path in _parts(folder):
        check_size(path, BATCH_ROWS, AGAIN)
    names = _names(store, "TABLE")
    if lacking := sorted(set(names) - set(about["rows"])):
        step = "export all of them with: tweetscore export FOLDER"
        if {"tweets", "bars"} & set(about["rows"]):
            step = f"take its posts and bars with: tweetscore ingest {folder}"
        raise InputError(
            f"{folder}: holds no {lacking[0]}, and a database is restored from all of its tables; "
            f"{step}"
        )
    for name in ("sources", "models", "study_runs"):
        if store.rows(f"FROM {name} LIMIT 1"):
            raise InputError(f"{store.path}: is not empty; import into a new database with --db")
    with store.transaction():
        for name in names:
            _restore_table(store, folder, name, about["rows"][name])
    return {name: about["rows"][name] for name in names}


def _restore_table(store: Store, folder: Path, name: str, expected_rows: int) -> None:
    """Fill a table with the rows of its files.

    Raises:
        IntegrityError: they are not rows of this table, or other than so many.
    """
    store.con.execute(f"DELETE FROM {name}")
    try:
        store.con.execute(
            f"INSERT INTO {name} BY NAME FROM read_parquet($files)",
            {"files": f"{glob.escape(str(folder / name))}/*.parquet"},
        )
    except duckdb.Error as error:
        fact = str(error).splitlines()[0]
        raise IntegrityError(
            f"{folder / name}: holds no rows of its table ({fact}); {AGAIN}"
        ) from error
    (rows,) = store.row(f"SELECT count(*) FROM {name}")
    if rows != expected_rows:
        raise IntegrityError(f"{folder / name}: has {rows} rows, not {expected_rows}; {AGAIN}")


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise IntegrityError(f"{path}: not readable as JSON ({error}); copy it again") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise InputError(
            f"{path}: is not an export of format {FORMAT}; use the tweetscore that wrote it"
        )
    if not all(isinstance(about.get(key), dict) for key in ("rows", "sha256")):
        raise IntegrityError(f"{path}: lists no rows or no files; copy it again")
    if (schema := about.get("schema_version")) != SCHEMA_VERSION:
        raise InputError(
            f"{path}: has the tables of schema {schema}, not {SCHEMA_VERSION}; open the database "
            "that it came from with this tweetscore, which migrates it, and export it again"
        )
    return about

"""Find shards, and keep a list of those that are finished: ``run.json`` and ``shards.jsonl``.

Both files are in a folder beside the results. The first describes model and market, the second
lists the finished shards; their files are complete, because a file gets its name only when it is.
"""

import glob
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tweetscore.errors import InputError
from tweetscore.io.new_file import new_file
from tweetscore.io.parquet import UNREADABLE
from tweetscore.scoring.job import Finished, Job, Shard

FORMAT = 1
MANIFEST = "_manifest"  # readers of Parquet folders skip names with this beginning
RUN, FINISHED, REJECTS = "run.json", "shards.jsonl", "rejects"
FOOTER_BYTES = 8  # the length of a Parquet footer, and the mark behind it


def find_shards(inputs: Sequence[str]) -> list[Shard]:
    """Find the Parquet files behind files, folders and patterns, in the order of their names.

    A shard's name is its place below the folder named, or below the last folder of a pattern that
    holds no wildcard, so that partitions stay what they are.

    Raises:
        InputError: there are none, or two would have one name, or one is no Parquet file.
    """
    found: dict[str, Path] = {}
    for given in inputs:
        root, paths = _behind(given)
        if not paths:
            raise InputError(f"{given}: no Parquet file found; give a file, folder or pattern")
        for path in paths:
            name = path.relative_to(root).as_posix()
            if found.setdefault(name, path) != path:
                raise InputError(
                    f"{path}: has the same name as {found[name]}; score them into different outputs"
                )
    return [
        Shard(found[name], name, _fingerprint(found[name]), _rows(found[name]))
        for name in sorted(found)
    ]


def _behind(given: str) -> tuple[Path, list[Path]]:
    """Return the folder that names are relative to, and the files."""
    path = Path(given)
    if path.is_file():
        return path.parent, [path]
    if path.is_dir():
        return path, sorted(each for each in path.rglob("*.parquet") if _is_shown(each, path))
    fixed = Path(*path.parts[: next(
        (place for place, part in enumerate(path.parts) if glob.has_magic(part)), len(path.parts)
    )])  # fmt: skip
    matches = map(Path, glob.iglob(given, recursive=True))
    return fixed, sorted(each for each in matches if each.is_file() and _is_shown(each, fixed))


def _is_shown(path: Path, root: Path) -> bool:
    """Skip names that begin with _ or a dot, as readers of Parquet folders do."""
    return not any(part.startswith(("_", ".")) for part in path.relative_to(root).parts)


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - FOOTER_BYTES))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size - FOOTER_BYTES - min(length, size)))
        footer = file.read()
    return hashlib.sha256(size.to_bytes(8, "little") + footer).hexdigest()


def _rows(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except UNREADABLE:  # its worker will say why
        return 0


def begin(job: Job) -> list[Finished]:
    """Write the description of the job, or compare it; return the shards finished already.

    Raises:
        InputError: the output is of another run, or holds something else.
    """
    path = job.output / MANIFEST / RUN
    run = {
        "format": FORMAT,
        "model": job.model.name,
        "model_id": job.model.model_id,
        "intervals": list(map(int, job.horizons)),
        "target": job.model.target.name,
        "market": job.market.fingerprint,
        "card": job.model.card,
    }
    if not path.exists():
        if job.output.exists() and (not job.output.is_dir() or any(job.output.iterdir())):
            raise InputError(
                f"{job.output}: is not empty and holds no results; choose another --output"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as file:
            file.write(json.dumps(run).encode())
        return []
    there = read_run(job.output)
    for key, meaning in (
        ("model_id", "model"),
        ("intervals", "intervals"),
        ("market", "bars or rules"),
    ):
        if there[key] != run[key]:
            shown = "" if key == "market" else f" ({there[key]}, now {run[key]})"
            raise InputError(
                f"{job.output}: holds results of another run: its {meaning} differ{shown}; "
                "choose another --output"
            )
    return [each for each in read_finished(job.output) if (job.output / each.name).exists()]


@contextmanager
def finishing(job: Job) -> Iterator[Callable[[Finished], None]]:
    """Open the list of finished shards for additions; each is on the disk at once."""
    with (job.output / MANIFEST / FINISHED).open("a", encoding="utf-8") as lines:

        def add(each: Finished) -> None:
            lines.write(json.dumps(asdict(each)) + "\n")
            lines.flush()
            os.fsync(lines.fileno())

        yield add


def read_run(folder: Path) -> dict[str, Any]:
    """Read the description of the job that made a folder of results.

    Raises:
        InputError: it is no such folder, or of another version of the tool.
    """
    path = folder / MANIFEST / RUN
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: is not a folder of results ({error}); give one written by score --output"
        ) from error
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise InputError(f"{path}: is not of format {FORMAT}; use the tweetscore that wrote it")
    return run


def read_finished(folder: Path) -> list[Finished]:
    """Read the finished shards, the latest line of each; a line that was cut off is ignored."""
    path = folder / MANIFEST / FINISHED
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:  # a kill between the bytes of a line: the next must begin on its own
        path.write_text(whole, encoding="utf-8")
    lines = [Finished(**json.loads(line)) for line in whole.splitlines()]
    return list({each.name: each for each in lines}.values())

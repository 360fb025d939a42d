"""Find shards, and keep a list of those that are finished: ``run.json`` and ``shards.jsonl``.

Both files are in a folder beside the results. The first describes model and market, the second
lists the finished shards; their files are complete, because a file gets its name only when it is.
"""

import glob
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.lock import only_writer
from tweetscore.io.new_file import new_file, sha256_of
from tweetscore.io.parquet import UNREADABLE
from tweetscore.scoring.job import Finished, Job, Shard

FORMAT = 2
MANIFEST = "_manifest"  # readers of Parquet folders skip names with this beginning
RUN, FINISHED, REJECTS = "run.json", "shards.jsonl", "rejects"
Kind = TypeVar("Kind")
_AGAIN = "copy the folder of results again, or score into another --output"


@dataclass(frozen=True, slots=True)
class Run:
    """The job that made a folder of results."""

    format: int
    model: str
    model_id: str
    intervals: list[int]
    target: str
    market: str  # its fingerprint
    card: dict[str, Any]


def find_shards(inputs: Sequence[str], output: Path) -> list[Shard]:
    """Find the Parquet files behind files, folders and patterns, in the order of their names.

    A shard's name is its place below the folder named, or below the last folder of a pattern that
    holds no wildcard, so that partitions stay what they are.

    Raises:
        InputError: there are none, or two would have one name, or results would be scored, too:
            some lie in the output, or it lies in a folder of inputs.
    """
    found: dict[str, Path] = {}
    results = output.resolve()
    for given in inputs:
        root, paths = _behind(given)
        among = Path(given).is_dir() and results.is_relative_to(Path(given).resolve())
        if among or any(each.resolve().is_relative_to(results) for each in paths):
            raise InputError(
                f"{output}: lies among the files to score ({given}), so that results would be "
                "scored again; choose another --output"
            )
        if not paths:
            raise InputError(f"{given}: no Parquet file found; give a file, folder or pattern")
        for path in paths:
            name = path.relative_to(root).as_posix()
            if found.setdefault(name, path) != path:
                raise InputError(
                    f"{path}: has the same name as {found[name]}; score them into different outputs"
                )
    return [
        Shard(found[name], name, sha256_of(found[name]), _rows(found[name]))
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


def _rows(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except UNREADABLE:  # its worker will say why
        return 0


@contextmanager
def only_run(job: Job) -> Iterator[list[Finished]]:
    """Hold the output while its shards are scored; the value is the shards finished already.

    Raises:
        InputError: the output is of another run, or holds something else.
        LockedError: another run writes to it now.
    """
    _check_free(job.output)
    with only_writer(job.output / MANIFEST):
        yield _begin(job)


def _check_free(output: Path) -> None:
    if (output / MANIFEST).is_dir():
        return
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output}: is not empty and holds no results; choose another --output")


def _begin(job: Job) -> list[Finished]:
    """Write the description of the job, or compare it; return the shards finished already."""
    path = job.output / MANIFEST / RUN
    run = Run(
        format=FORMAT,
        model=job.model.name,
        model_id=job.model.model_id,
        intervals=list(map(int, job.horizons)),
        target=job.model.target.name,
        market=job.market.fingerprint,
        card=job.model.card,
    )
    if not path.exists():
        with new_file(path) as file:
            file.write(json.dumps(asdict(run)).encode())
        return []
    there = read_run(job.output)
    for key, meaning in (
        ("model_id", "model"),
        ("intervals", "intervals"),
        ("market", "bars or rules"),
    ):
        before, now = getattr(there, key), getattr(run, key)
        if before != now:
            shown = "" if key == "market" else f" ({before}, now {now})"
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


def read_run(folder: Path) -> Run:
    """Read the description of the job that made a folder of results.

    Raises:
        InputError: it is no such folder, or of another version of the tool.
        IntegrityError: it is damaged.
    """
    path = folder / MANIFEST / RUN
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: is not a folder of results ({error}); give one written by score --output"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: is not of format {FORMAT}; use the tweetscore that wrote it")
    return _checked(path, TypeAdapter(Run), content)


def read_finished(folder: Path) -> list[Finished]:
    """Read the finished shards, the latest line of each; a line that was cut off is ignored.

    Raises:
        IntegrityError: a line is none of ours, or names a file outside the folder.
    """
    path = folder / MANIFEST / FINISHED
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:  # a kill between the bytes of a line: the next must begin on its own
        path.write_bytes(whole)
    adapter, inside = TypeAdapter(Finished), folder.resolve()
    lines = [_checked(path, adapter, line) for line in whole.splitlines()]
    for each in lines:
        if not (folder / each.name).resolve().is_relative_to(inside):
            raise IntegrityError(f"{path}: names {each.name!r}, which lies outside; {_AGAIN}")
    return list({each.name: each for each in lines}.values())


def _checked(path: Path, adapter: TypeAdapter[Kind], content: dict[str, Any] | bytes) -> Kind:
    """Turn JSON into one of our records.

    Raises:
        IntegrityError: it is not.
    """
    try:
        if isinstance(content, bytes):
            return adapter.validate_json(content, strict=True)
        return adapter.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "a line"
        raise IntegrityError(f"{path}: {place}: {first['msg']}; {_AGAIN}") from error

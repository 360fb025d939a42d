"""Keep a list of the shards that are finished: ``run.json`` and ``shards.jsonl``.

Both files are in a folder beside the results. The first describes model and market, the second
lists the finished shards; their files are complete, because a file gets its name only when it is.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.lock import only_writer
from tweetscore.io.new_file import new_file
from tweetscore.io.places import Entry, LocalPlace, Place
from tweetscore.scoring.job import Finished, Job

FORMAT = 3
MANIFEST = "_manifest"  # readers of Parquet folders skip names with this beginning
RUN, FINISHED, REJECTS = "run.json", "shards.jsonl", "rejects"
SINGLE = "shards"  # in a bucket: objects of one line each, that are not in the list yet
GATHERED = 256  # of them at most
_AT_ONCE = 16
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


@dataclass(frozen=True, slots=True)
class Held:
    """The output of a job, held for one run."""

    output: Place
    finished: tuple[Finished, ...]  # those whose results are there
    check: Callable[[], None]  # raises an error once another run has taken over


@contextmanager
def only_run(job: Job, *, take_over: bool = False) -> Iterator[Held]:
    """Hold the output while its shards are scored.

    Args:
        job: whose output.
        take_over: whether a run that holds a bucket loses it.

    Raises:
        InputError: the output is of another run, or holds something else.
        LockedError: another run writes to it now.
    """
    if isinstance(job.output, LocalPlace):
        _check_free(job.output, job.output.entries())
    seen: list[Entry] = []

    def listed() -> list[Entry]:
        seen[:] = job.output.entries()
        within = f"{MANIFEST}/"
        ours = (it for it in seen if it.name.startswith(within))
        return [replace(it, name=it.name.removeprefix(within)) for it in ours]

    with only_writer(job.output / MANIFEST, listed, take_over=take_over) as check:
        entries = seen or job.output.entries()
        _check_free(job.output, entries)
        yield Held(job.output, tuple(_begin(job, entries)), check)


def _check_free(output: Place, entries: Sequence[Entry]) -> None:
    others = [each for each in entries if not each.name.startswith(f"{MANIFEST}/")]
    is_ours = any(each.name == f"{MANIFEST}/{RUN}" for each in entries)
    if isinstance(output, LocalPlace) and output.path.exists() and not output.path.is_dir():
        others = [Entry(output.path.name, 0, "")]
    if others and not is_ours:
        raise InputError(f"{output}: is not empty and holds no results; choose another --output")


def _describe(job: Job) -> Run:
    """Return the description of a job."""
    return Run(
        format=FORMAT,
        model=job.model.name,
        model_id=job.model.model_id,
        intervals=list(map(int, job.horizons)),
        target=job.model.target.name,
        market=job.market.fingerprint,
        card=job.model.card,
    )


def _begin(job: Job, entries: Sequence[Entry]) -> list[Finished]:
    """Write the description of the job, or compare it; return the shards finished already."""
    run = _describe(job)
    if not any(each.name == f"{MANIFEST}/{RUN}" for each in entries):
        with (job.output / MANIFEST / RUN).new_file() as file:
            file.write(json.dumps(asdict(run)).encode())
        return []
    return _finished(job, run, entries)


def finished_in(job: Job) -> list[Finished]:
    """Return the shards whose results are in the output, without touching it.

    Raises:
        InputError: the output holds results of another job, or something else.
    """
    entries = job.output.entries()
    _check_free(job.output, entries)
    return _finished(job, _describe(job), entries) if entries else []


def _finished(job: Job, run: Run, entries: Sequence[Entry]) -> list[Finished]:
    """Compare the description of the job; return the shards finished already.

    Raises:
        InputError: the output holds results of another job.
    """
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
    sizes = {each.name: each.bytes for each in entries}
    found = read_finished(job.output, entries)
    return [each for each in found if sizes.get(each.name) == each.result_bytes]


def finishing(held: Held) -> AbstractContextManager[Callable[[Finished], None]]:
    """Open the list of finished shards for additions; each is kept at once."""
    if isinstance(held.output, LocalPlace):
        return _in_folder(held.output.path / MANIFEST / FINISHED)
    return _in_bucket(held)


@contextmanager
def _in_folder(path: Path) -> Iterator[Callable[[Finished], None]]:
    content = path.read_bytes() if path.exists() else b""
    if not content.endswith(b"\n"):  # a kill between the bytes of a line: ours begin on their own
        with new_file(path) as file:
            file.write(content[: content.rfind(b"\n") + 1])
    with path.open("a", encoding="utf-8") as lines:

        def add(each: Finished) -> None:
            lines.write(json.dumps(asdict(each)) + "\n")
            lines.flush()
            os.fsync(lines.fileno())

        yield add


@contextmanager
def _in_bucket(held: Held) -> Iterator[Callable[[Finished], None]]:
    """Add objects, to which nothing can be appended: one for each shard, and now and then for all.

    Whenever the process is killed, each shard is in the list, in an object of its own, or in both.
    """
    known = {each.name: each for each in held.finished}
    single: list[Place] = []

    def gather() -> None:
        if not single:
            return
        with (held.output / MANIFEST / FINISHED).new_file() as file:
            file.writelines(json.dumps(asdict(it)).encode() + b"\n" for it in known.values())
        for each in single:
            with suppress(InputError):  # it says the same as the list
                each.remove()
        single.clear()

    def add(each: Finished) -> None:
        held.check()
        place = held.output / MANIFEST / SINGLE / f"{each.name}.json"
        with place.new_file() as file:
            file.write(json.dumps(asdict(each)).encode())
        known[each.name] = each
        single.append(place)
        if len(single) >= GATHERED:
            gather()

    yield add
    gather()


def read_run(folder: Place) -> Run:
    """Read the description of the job that made a folder of results.

    Raises:
        InputError: it is no such folder, or of another version of the tool.
        IntegrityError: it is damaged.
    """
    place = folder / MANIFEST / RUN
    try:
        content = json.loads(place.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: is not a folder of results ({error}); give one written by score --output"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{place}: is not of format {FORMAT}; use the tweetscore that wrote it")
    return _checked(place, TypeAdapter(Run), content)


def read_finished(folder: Place, entries: Sequence[Entry]) -> list[Finished]:
    """Read the finished shards, the latest line of each; a line that was cut off is ignored.

    Args:
        folder: of results.
        entries: its files.

    Raises:
        IntegrityError: a line is none of ours, or names a file outside the folder.
    """
    place, single = folder / MANIFEST / FINISHED, f"{MANIFEST}/{SINGLE}/"
    content = b""
    if any(each.name == f"{MANIFEST}/{FINISHED}" for each in entries):
        content = place.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    lines = whole.splitlines()
    names = [each.name for each in entries if each.name.startswith(single)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        lines += pool.map(lambda name: (folder / name).read_bytes(), names)
    adapter = TypeAdapter(Finished)
    found = [_checked(place, adapter, line) for line in lines]
    for each in found:
        if not (folder / each.name).is_within(folder):
            raise IntegrityError(f"{place}: names {each.name!r}, which lies outside; {_AGAIN}")
    return list({each.name: each for each in found}.values())


def _checked(place: Place, adapter: TypeAdapter[Kind], content: dict[str, Any] | bytes) -> Kind:
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
        part = ".".join(map(str, first["loc"])) or "a line"
        raise IntegrityError(f"{place}: {part}: {first['msg']}; {_AGAIN}") from error

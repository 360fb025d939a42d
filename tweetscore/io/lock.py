"""Let one run at a time write to a folder, and tell the second who holds it.

On this machine the system keeps the lock, and lets go of it when the process ends. A bucket has no
locks: each run puts an object with its name there, then lists what is there, and gives way to every
other. Of two runs the later to list sees the other, so two never go on; what nobody can see is
whether the holder still runs, unless it is a process of this machine.
"""

import json
import os
import random
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from tweetscore.errors import InputError, LockedError
from tweetscore.io.new_file import runs
from tweetscore.io.places import Entry, LocalPlace, Place

LOCK, OWNER = "lock", "owner.json"
_TRIES, _PAUSE_SECONDS = 5, 0.5
Check = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that writes to a folder."""

    host: str
    machine: str  # a process number means something on this one only
    pid: int
    since_utc: str

    @property
    def words(self) -> str:
        """Who it is, and since when."""
        return f"process {self.pid} of {self.host!r}, since {self.since_utc} UTC"

    @property
    def is_gone(self) -> bool:
        """Whether it has ended for certain."""
        return self.machine == _machine() and not runs(self.pid)


def _owner() -> Owner:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return Owner(socket.gethostname(), _machine(), os.getpid(), now)


def _machine() -> str:
    """Name the start of this machine, and the container within it."""
    parts = [socket.gethostname()]
    if sys.platform == "linux":
        with suppress(OSError):
            parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
            parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return "/".join(parts)


@contextmanager
def only_writer(
    folder: Place, listed: Callable[[], Sequence[Entry]], *, take_over: bool = False
) -> Iterator[Check]:
    """Hold a folder while a run writes to it.

    Args:
        folder: where the lock lies.
        listed: lists the folder; called once, or again after two runs have met in a bucket.
        take_over: whether a run that holds a bucket loses it; one that has died never lets go.

    Yields:
        What raises an error once another run has taken over.

    Raises:
        LockedError: another run holds it.
    """
    held = _here(folder) if isinstance(folder, LocalPlace) else _there(folder, listed, take_over)
    with held as check:
        yield check


@contextmanager
def _here(folder: LocalPlace) -> Iterator[Check]:
    folder.path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.path / LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        holder = _read(folder / OWNER)
        raise LockedError(
            f"{folder}: another run writes there now; wait until it ends"
            f"{f' ({holder.words})' if holder else ''}, or choose another folder"
        ) from error
    try:
        with (folder / OWNER).new_file() as file:
            file.write(json.dumps(asdict(_owner())).encode())
        yield lambda: None
    finally:
        (folder / OWNER).remove()
        lock.release()


@contextmanager
def _there(
    folder: Place, listed: Callable[[], Sequence[Entry]], take_over: bool
) -> Iterator[Check]:
    own = f"{uuid.uuid4().hex}.json"
    _take(folder, own, listed, take_over)

    def check() -> None:
        if (folder / LOCK / own).entry() is None:
            raise LockedError(
                f"{folder}: another run has taken over; what was finished is kept there"
            )

    try:
        yield check
    finally:
        with suppress(InputError):  # as if this run had been killed: the next one says what to do
            (folder / LOCK / own).remove()


def _take(folder: Place, own: str, listed: Callable[[], Sequence[Entry]], take_over: bool) -> None:
    """Put our name there, and give way to every other one that may still be at work.

    Raises:
        InputError: it cannot be put there.
        LockedError: there is one.
    """
    for attempt in range(_TRIES):
        with (folder / LOCK / own).new_file() as file:
            file.write(json.dumps(asdict(_owner())).encode())
        others = [it.name for it in listed() if it.name.startswith(f"{LOCK}/")]
        if f"{LOCK}/{own}" not in others:
            raise InputError(
                f"{folder}: does not list what was just written there; choose another place"
            )
        others.remove(f"{LOCK}/{own}")
        holders = {name: _read(folder / name) for name in others}
        if take_over and not attempt:
            gone = others
        else:
            gone = [name for name, holder in holders.items() if holder and holder.is_gone]
        for name in gone:
            (folder / name).remove()
        if not set(others) - set(gone):
            return
        (folder / LOCK / own).remove()
        time.sleep(_PAUSE_SECONDS * random.random())  # another that came at once gave way, too
    named = next((holder for holder in holders.values() if holder and not holder.is_gone), None)
    raise LockedError(
        f"{folder}: another run writes there now; wait until it ends"
        f"{f' ({named.words})' if named else ''}, choose another folder, or, if you know that it "
        "has died, add --take-over"
    )


def _read(place: Place) -> Owner | None:
    """Read who holds a folder; None if nobody does any more."""
    try:
        return TypeAdapter(Owner).validate_json(place.read_bytes())
    except (OSError, ValidationError):
        return None

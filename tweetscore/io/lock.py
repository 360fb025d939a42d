"""Let one run at a time write to a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tweetscore.errors import LockedError

LOCK = "lock"


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold a folder while a run writes to it; the system lets go of it when the process ends.

    Raises:
        LockedError: another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise LockedError(
            f"{folder}: another run writes there now; wait until it ends, or choose another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()

"""Write a file or folder whole or not at all: a path enters, a place to write to leaves."""

import glob
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tweetscore.errors import InputError


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that has its name only once it is whole, and that is gone if it fails.

    Raises:
        InputError: its folder does not exist.
    """
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: its folder does not exist; make {path.parent} first")
    # A pipe or device keeps its place; a folder is refused.
    if path.exists() and not path.is_file():
        with path.open("wb") as out:
            yield out
        return
    whole = path.resolve()  # a link stays one
    heal(whole)
    part = _part(whole)
    try:
        with part.open("wb") as out:
            yield out
        part.replace(whole)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder that has its name only once it is whole, and is gone if it fails.

    One that is there already is replaced by two renames; ``heal`` puts it back if the process ends
    between them.
    """
    whole = path.absolute()
    whole.parent.mkdir(parents=True, exist_ok=True)
    heal(whole)
    part = _part(whole)
    try:
        part.mkdir()
        yield part
        if whole.exists():
            whole.rename(_previous(whole))
        part.rename(whole)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        heal(whole)


def heal(path: Path) -> None:
    """Put back what a killed run was about to replace, and remove what it had begun."""
    previous = _previous(path)
    if previous.exists() and not path.exists():
        previous.rename(path)
    shutil.rmtree(previous, ignore_errors=True)
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        pid = part.name.removesuffix(".part").rpartition(".")[2]
        if pid.isdecimal() and not runs(int(pid)):
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _previous(path: Path) -> Path:
    return path.with_name(f".{path.name}.previous")


def runs(pid: int) -> bool:
    """Return whether there is such a process; Windows keeps what one has open by itself."""
    if sys.platform == "win32":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def check_apart(output: Path, *inputs: Path) -> None:
    """Refuse an output that is one of the inputs, under whatever name, before anything is opened.

    Raises:
        InputError: it is.
    """
    for each in inputs:
        with suppress(OSError):  # one that is not there is told by who reads it
            if output.samefile(each):
                raise InputError(f"{output}: is also read from; choose another --output")


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

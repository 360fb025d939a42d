"""Write a file whole or not at all: a path enters, a stream to write to leaves."""

import hashlib
import os
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
    part = whole.with_name(f".{whole.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            yield out
        part.replace(whole)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


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

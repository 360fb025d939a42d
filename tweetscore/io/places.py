"""Where files lie, on this machine or in a bucket: what a user has typed enters, a place leaves.

``places_at`` knows both kinds; what scores, exports and imports knows only ``Place``. A place in a
bucket is in ``buckets``.
"""

import glob
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from tweetscore.errors import IntegrityError, TweetscoreError
from tweetscore.io.fetched import Chosen, Part, parts_of
from tweetscore.io.new_file import new_file
from tweetscore.io.remote import Read
from tweetscore.io.scratch import scratch

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a listing."""

    name: str  # below the place that was listed, with slashes
    bytes: int
    stamp: str  # another one if the file is


class Place(ABC):
    """A file or folder; its text is what is shown to users."""

    @abstractmethod
    def __truediv__(self, name: str) -> "Place":
        """Return a place below."""

    @abstractmethod
    def with_name(self, name: str) -> "Place":
        """Return a place beside this one."""

    @abstractmethod
    def entries(self) -> list[Entry]:
        """List every file below, by one listing, sorted by name; none if there is no such folder.

        Raises:
            InputError: it cannot be listed.
        """

    @abstractmethod
    def entry(self) -> Entry | None:
        """Return the file that is here, without a name; None if there is none.

        Raises:
            InputError: it cannot be told.
        """

    @abstractmethod
    def behind(self) -> "tuple[Place, list[Entry]]":
        """Find the files behind a file, folder or pattern.

        Returns:
            The folder that the names are relative to, and the files, sorted by name.

        Raises:
            InputError: it cannot be listed.
        """

    @abstractmethod
    def is_within(self, other: "Place") -> bool:
        """Return whether this is the other place, or lies below it."""

    @abstractmethod
    def read_bytes(self) -> bytes:
        """Return what is in a file.

        Raises:
            OSError: it is not there, or cannot be read.
        """

    @abstractmethod
    def reader(self, size: int) -> Read:
        """Return what reads ranges of a file of that many bytes, from any thread.

        Raises:
            InputError: the file cannot be read; also later.
        """

    @abstractmethod
    def new_file(self) -> AbstractContextManager[BinaryIO]:
        """Open a file that appears only once it is whole, and not at all if that fails."""

    @abstractmethod
    def put(self, path: Path) -> None:
        """Copy a file of this machine here, as ``new_file`` writes one.

        Raises:
            InputError: it cannot be written.
        """

    @abstractmethod
    def fetch(self, path: Path) -> None:
        """Copy the file that is here to a path of this machine.

        Raises:
            InputError: it cannot be read.
        """

    @abstractmethod
    def remove(self) -> None:
        """Remove a file, if there is one."""

    @abstractmethod
    def parquet(self, chosen: Chosen, ended: Callable[[], bool] = lambda: False) -> Iterator[Part]:
        """Yield the parts of a Parquet file, cut by its row groups alone; see ``fetched``.

        Args:
            chosen: returns the columns that are read, given a file with its footer.
            ended: whether nobody waits for more; asked while a part is fetched.

        Raises:
            InputError: it cannot be read.
        """


@dataclass(frozen=True, slots=True)
class LocalPlace(Place):
    """A path on this machine."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str) -> "LocalPlace":
        return LocalPlace(self.path / name)

    def with_name(self, name: str) -> "LocalPlace":
        """Return a path in the same folder."""
        return LocalPlace(self.path.with_name(name))

    def entries(self) -> list[Entry]:
        """List the files of a folder."""
        files = (each for each in self.path.rglob("*") if each.is_file())
        found = [_entry(each, each.relative_to(self.path).as_posix()) for each in files]
        return sorted(found, key=lambda each: each.name)

    def entry(self) -> Entry | None:
        """Return the file."""
        return _entry(self.path, "") if self.path.is_file() else None

    def behind(self) -> tuple[Place, list[Entry]]:
        """Find them; links are followed as by ``glob``."""
        if (alone := self.entry()) is not None:
            return LocalPlace(self.path.parent), [replace(alone, name=self.path.name)]
        if self.path.is_dir():
            return self, self.entries()
        root = Path(*self.path.parts[: fixed_parts(self.path.parts)])
        matches = map(Path, glob.iglob(str(self.path), recursive=True))
        found = [_entry(it, it.relative_to(root).as_posix()) for it in matches if it.is_file()]
        return LocalPlace(root), sorted(found, key=lambda each: each.name)

    def is_within(self, other: Place) -> bool:
        """Compare what links lead to."""
        return isinstance(other, LocalPlace) and self.path.resolve().is_relative_to(
            other.path.resolve()
        )

    def read_bytes(self) -> bytes:
        """Read it."""
        return self.path.read_bytes()

    def reader(self, size: int) -> Read:  # noqa: ARG002  # the end of the file tells it
        """Open it for each range."""

        def read(start: int, length: int) -> bytes:
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(length)

        return read

    @contextmanager
    def new_file(self) -> Iterator[BinaryIO]:
        """Make its folder, too."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(self.path) as file:
            yield file

    def put(self, path: Path) -> None:
        """Copy it."""
        with self.new_file() as file, path.open("rb") as content:
            shutil.copyfileobj(content, file)

    def fetch(self, path: Path) -> None:
        """Copy it."""
        shutil.copyfile(self.path, path)

    def remove(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)

    def parquet(self, chosen: Chosen, ended: Callable[[], bool] = lambda: False) -> Iterator[Part]:  # noqa: ARG002  # nothing is fetched
        """Yield parts of the file itself."""
        return parts_of(self.path, chosen)


def _entry(path: Path, name: str) -> Entry:
    about = path.stat()
    # An edit that sets the time back changes that of the inode.
    stamp = f"{about.st_size}-{about.st_mtime_ns}-{about.st_ctime_ns}"
    return Entry(name, about.st_size, stamp)


def is_bucket(given: str) -> bool:
    """Return whether it names a place in a bucket, or one that begins like it."""
    return SCHEME.match(given) is not None


def path_or_place(given: "str | Path", options: Mapping[str, str] | None) -> "Path | Place":
    """Return a place in a bucket, or else the path, for what reads paths in ways of its own."""
    return place_of(given, options) if is_bucket(str(given)) else Path(given)


@contextmanager
def fetched(place: Place, entries: Sequence[Entry]) -> Iterator[Path]:
    """Copy files of a folder to this machine; what is wrong with a copy is told of the place.

    Args:
        place: the folder.
        entries: files of its listing.

    Raises:
        IntegrityError: the name of one leads out of the folder.
    """
    with scratch() as folder:
        copies = LocalPlace(folder)
        try:
            for each in entries:
                copy = copies / each.name
                if not copy.is_within(copies):
                    raise IntegrityError(f"{place}: names {each.name!r}, which lies outside")
                copy.path.parent.mkdir(parents=True, exist_ok=True)
                (place / each.name).fetch(copy.path)
            yield folder
        except TweetscoreError as error:
            raise type(error)(str(error).replace(str(folder), str(place))) from error


def place_of(given: "str | Path | Place", options: Mapping[str, str] | None = None) -> Place:
    """Return the place that a user names.

    Args:
        given: a path, or an address such as ``s3://bucket/folder``.
        options: how buckets are reached; see ``buckets``.

    Raises:
        InputError: it is no such address, or an option is none.
    """
    if isinstance(given, Place):
        return given
    if is_bucket(str(given)):
        from tweetscore.io.buckets import bucket_place  # it takes a while to load

        return bucket_place(str(given), options or {})
    return LocalPlace(Path(given))


def fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Match the parts of a name as ``glob`` does, where ``**`` is any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return fits(parts, pattern[1:]) or (bool(parts) and fits(parts[1:], pattern))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and fits(parts[1:], pattern[1:])


def fixed_parts(parts: Sequence[str]) -> int:
    """Return how many parts of a pattern come before the first that holds a wildcard."""
    return next((place for place, part in enumerate(parts) if glob.has_magic(part)), len(parts))

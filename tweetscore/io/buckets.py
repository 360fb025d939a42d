"""Places in buckets: an address such as ``s3://bucket/folder`` enters, its files leave.

pyarrow reaches the buckets, with the credentials that the environment holds; they are never kept
here. An object appears when its last byte is there: it is written on this machine first, since a
stream of pyarrow that is closed by an error would leave half of it as if it were whole.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

import pyarrow as pa
from pyarrow import fs

from tweetscore.errors import InputError
from tweetscore.io.fetched import PIECE_BYTES, Chosen, Part, fetch_parts
from tweetscore.io.places import SCHEME, Entry, Place, fits, fixed_parts
from tweetscore.io.reach import OPTIONS, check_options, connected, fact_of
from tweetscore.io.remote import CHANGED, Read
from tweetscore.io.scratch import scratch

Found = TypeVar("Found")
PAUSES_SECONDS = (0.2, 1.0)  # between our attempts; within each, pyarrow has made its own
_MILLISECONDS_NS = 1_000_000


_SAME = {"abfss": "abfs", "gcs": "gs", "s3a": "s3"}


def bucket_place(given: str, options: Mapping[str, str]) -> "BucketPlace":
    """Return the place of an address.

    Raises:
        InputError: it is none that can be read here, or an option is none.
    """
    match = SCHEME.match(given)
    named = match.group(1).lower() if match else ""
    scheme = _SAME.get(named, named)
    if scheme not in OPTIONS:
        raise InputError(
            f"{_without_user(given)}: places of {named}:// are not read; give a path, s3://, gs:// "
            "or abfs://"
        )
    path = given.partition("://")[2]
    container, _, key = path.partition("/")
    account = ""
    if scheme == "abfs" and "@" in container:
        container, _, account = container.partition("@")
    elif "@" in container or ":" in container:
        raise InputError(
            f"{_without_user(given)}: names more than a bucket; set credentials in the "
            "environment, and an address with --storage-option endpoint=URL"
        )
    if not container:
        raise InputError(f"{given}: names no bucket; write it as {named}://BUCKET/FOLDER")
    check_options(options)
    chosen = {name: value for name, value in options.items() if name in OPTIONS[scheme]}
    if account:
        chosen.setdefault("account_name", account.partition(".")[0])
    key = "/".join(part for part in key.split("/") if part)
    return BucketPlace(scheme, container, key, tuple(sorted(chosen.items())))


def _without_user(given: str) -> str:
    scheme, _, rest = given.partition("://")
    container, slash, key = rest.partition("/")
    return f"{scheme}://{container.rpartition('@')[2]}{slash}{key}"


@dataclass(frozen=True, slots=True)
class BucketPlace(Place):
    """An object or a folder of them; it may be sent to other machines, and holds no secret."""

    scheme: str
    container: str
    key: str  # without a slash at either end
    options: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        of_account = f"@{self._account}.dfs.core.windows.net" if self._account else ""
        return f"{self.scheme}://{self.container}{of_account}/{self.key}".removesuffix("/")

    def __truediv__(self, name: str) -> "BucketPlace":
        return replace(self, key=f"{self.key}/{name}" if self.key else name)

    def with_name(self, name: str) -> "BucketPlace":
        """Return an object of the same folder."""
        return replace(self, key="/".join([*self.key.split("/")[:-1], name]))

    @property
    def _account(self) -> str | None:
        """Whose container it is, where accounts have containers of their own."""
        return dict(self.options).get("account_name")

    @property
    def _path(self) -> str:
        return f"{self.container}/{self.key}" if self.key else self.container

    @property
    def _system(self) -> fs.FileSystem:
        return connected(self.scheme, self.container, self.options)

    def entries(self) -> list[Entry]:
        """List the objects whose names begin with this one and a slash."""
        selector = fs.FileSelector(self._path, allow_not_found=True, recursive=True)
        with self._told("listed"):
            found = _again(lambda: self._system.get_file_info(selector))
        before = len(self._path) + 1
        files = (each for each in found if each.type == fs.FileType.File)
        return sorted((_entry(each, each.path[before:]) for each in files), key=lambda it: it.name)

    def entry(self) -> Entry | None:
        """Ask for the object."""
        with self._told("read"):
            found = _again(lambda: self._system.get_file_info(self._path))
        return _entry(found, "") if found.type == fs.FileType.File else None

    def behind(self) -> tuple[Place, list[Entry]]:
        """Find them by one listing."""
        parts = self.key.split("/")
        fixed = fixed_parts(parts)
        if fixed == len(parts):
            listed = self.entries()
            alone = None if listed or not self.key else self.entry()
            if alone is None:
                return self, listed
            return replace(self, key="/".join(parts[:-1])), [replace(alone, name=parts[-1])]
        root = replace(self, key="/".join(parts[:fixed]))
        return root, [it for it in root.entries() if fits(it.name.split("/"), parts[fixed:])]

    def is_within(self, other: Place) -> bool:
        """Compare the names, of which a part that a folder cannot have leads anywhere."""
        if not isinstance(other, BucketPlace) or {"", ".", ".."} & {*self.key.split("/")}:
            return False
        same = (self.scheme, self._account, self.container) == (
            other.scheme, other._account, other.container
        )  # fmt: skip
        return same and f"{self.key}/".startswith(f"{other.key}/" if other.key else "")

    def read_bytes(self) -> bytes:
        """Fetch it."""

        def fetched() -> bytes:
            with self._system.open_input_stream(self._path) as stream:
                return bytes(stream.readall())

        return _again(fetched)

    def reader(self, size: int) -> Read:
        """Open it."""
        with self._told("read"):
            file = _again(lambda: self._system.open_input_file(self._path))
            if file.size() != size:
                raise InputError(f"{self}: {CHANGED}")

        def read(start: int, length: int) -> bytes:
            def arrived() -> bytes:
                data = bytes(file.read_at(length, start))
                if len(data) != length:
                    raise OSError(f"{len(data):,} of {length:,} bytes arrived")
                return data

            with self._told("read"):
                return _again(arrived)

        return read

    @contextmanager
    def new_file(self) -> Iterator[BinaryIO]:
        """Write it on this machine, and then put it into the bucket as a whole."""
        with scratch() as folder:
            path = folder / "whole"
            with path.open("wb") as file:
                yield file
            self.put(path)

    def put(self, path: Path) -> None:
        """Put a file into the bucket: the object appears, or replaces another, with its last byte.

        Raises:
            InputError: it cannot be written.
        """

        def put() -> None:
            with pa.memory_map(str(path)) as file:
                content = file.read_buffer()
                stream = self._system.open_output_stream(self._path)
                # At once: a stream that is forgotten between two pieces closes itself, and with it
                # half an object. Nor does copy_files do, which passes over what close raises.
                stream.write(content)
                stream.close()

        with self._told("written"):
            _again(put)

    def fetch(self, path: Path) -> None:
        """Copy the object to a file of this machine, piece by piece.

        Raises:
            InputError: it cannot be read.
        """

        def fetched() -> None:
            # Not by copy_files, which passes over what close raises, as where a disk is full.
            with self._system.open_input_file(self._path) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file, PIECE_BYTES)
                if file.tell() != source.size():
                    raise OSError(f"{file.tell():,} of {source.size():,} bytes arrived")

        with self._told("read"):
            _again(fetched)

    def remove(self) -> None:
        """Remove it."""

        def removed() -> None:
            try:
                self._system.delete_file(self._path)
            except FileNotFoundError:  # by an attempt whose answer was lost
                return

        with self._told("removed"):
            _again(removed)

    def parquet(self, chosen: Chosen, ended: Callable[[], bool] = lambda: False) -> Iterator[Part]:
        """Fetch footer and columns, part by part."""
        with self._told("read"):
            file = _again(lambda: self._system.open_input_file(self._path))

            def read(start: int, length: int) -> bytes:
                if ended():
                    raise InputError(f"{self}: was not fetched, since the run has ended")
                return _again(lambda: bytes(file.read_at(length, start)))

            with file:
                yield from fetch_parts(read, file.size(), chosen)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn what pyarrow raises into one line.

        Raises:
            InputError: something was raised.
        """
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            fact = fact_of(error)
            raise InputError(f"{self}: cannot be {what} ({fact}); {_step(error)}") from error


def _entry(about: fs.FileInfo, name: str) -> Entry:
    return Entry(name, about.size, f"{about.size}-{about.mtime_ns // _MILLISECONDS_NS}")


def _step(error: Exception) -> str:
    if "ACCESS_DENIED" in str(error) or "403" in str(error):
        return "check the credentials in the environment, and what they may do there"
    return "check the name and the connection, and run the command again"


def _again(do: Callable[[], Found]) -> Found:
    """Try a few times: a network fails now and then, and even a refusal may pass.

    Raises:
        OSError: it failed each time.
    """
    for pause in PAUSES_SECONDS:
        try:
            return do()
        except FileNotFoundError:
            raise
        except OSError:
            time.sleep(pause)
    return do()

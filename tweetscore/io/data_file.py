"""One file to read, or one entry of an archive: its name enters, a stream of its text leaves."""

import codecs
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from tweetscore.errors import InputError
from tweetscore.io.archives import Archive, open_archive
from tweetscore.io.packing import (
    BUFFER_BYTES,
    LIMITS,
    Buffered,
    Limits,
    damage_refused,
    packed_size,
    unpacked,
)
from tweetscore.io.remote import Readable, Remote
from tweetscore.io.text import UTF8, marked_encoding, plain_text

HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file to read: a path or an object of a bucket, or one entry of a zip or a tar."""

    path: Path  # of an object only its names
    entry: str | None = None
    alone: bool = True
    label: str | None = None  # what messages call the path, where it is only a copy
    copy: Path | None = None  # where the bytes of the path lie, unpacked or from a bucket
    encoding: str | None = None  # of a text, as Python calls it; None: not known yet
    guessed: bool = False  # the encoding was told by the bytes
    refusal: str | None = None  # raised when the file is opened, so that its neighbours survive
    limits: Limits = LIMITS
    remote: Remote | None = None  # the object

    @property
    def at(self) -> Readable:
        """Where its bytes are."""
        return self.remote if self.remote and not self.copy else self.local

    @property
    def local(self) -> Path:
        """The path of its bytes on this machine; an object must have been copied."""
        return self.copy or self.path

    @property
    def name(self) -> str:
        """The path, with the entry if the archive has several."""
        path = self.label or str(self.remote.place if self.remote else self.path)
        return _printable(path if self.alone else f"{path}!{self.entry}")

    @property
    def file_name(self) -> str:
        """The name of the file or the entry itself, without its folder."""
        return _printable((self.entry or self.path.name).rpartition("/")[2])

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the content from its first byte: unpacked, in UTF-8, with lines that end in LF.

        Raises:
            InputError: also later, when what is read turns out to be damaged or a bomb.
        """
        with self.unpacked() as stream:
            yield plain_text(stream, self.encoding, self.limits)

    @contextmanager
    def unpacked(self) -> Iterator[Buffered]:
        """Open the bytes of the content, as ``open`` does."""
        if self.refusal:
            raise InputError(self.refusal)
        with damage_refused(self.name), self._packed() as stream:
            yield unpacked(stream, self.name, self.limits)

    def expected_bytes(self) -> int | None:
        """Return the size of the content if it shows without reading it, else None.

        A packed file may declare a wrong size.

        Raises:
            InputError: the file cannot be read.
        """
        with damage_refused(self.name), self._packed() as stream:
            if self.entry is not None:
                size = self.archive().entries[self.entry].bytes
            else:
                size = self.packed_bytes
            encoding = marked_encoding(stream.peek()) or self.encoding or UTF8
            return packed_size(stream, size) if encoding == UTF8 else None

    @property
    def packed_bytes(self) -> int:
        """The size of the file as it lies there.

        Raises:
            OSError: it is there no more.
        """
        at = self.at
        return at.bytes if isinstance(at, Remote) else at.stat().st_size

    def bytes_if_shown(self) -> int | None:
        """Return ``expected_bytes``, and None of a file that cannot be read: reading says why."""
        try:
            return self.expected_bytes()
        except InputError:
            return None

    @contextmanager
    def _packed(self) -> Iterator[Buffered]:
        if self.entry is None:
            at = self.at
            with at.open("rb") if isinstance(at, Remote) else _buffered(at) as file:
                yield file
            return
        archive = self.archive()
        if self.entry not in archive.entries:
            raise InputError(f"{self.name}: the {archive.kind} has no {self.entry}; check its name")
        with archive.open(self.entry, self.name) as stream:
            yield stream

    def archive(self) -> Archive:
        """Return the archive that the path is.

        Raises:
            BadZipFile, TarError, OSError: it is damaged.
        """
        at = self.at
        changed_ns = 0 if isinstance(at, Remote) else at.stat().st_mtime_ns
        return open_archive(at, changed_ns, self.limits.entries)

    def sibling(self, name: str) -> "DataFile | None":
        """Return the file of this name in the same folder or archive, if there is one.

        Raises:
            InputError: the archive or the bucket cannot be read.
        """
        if self.entry is None:
            path = self.path.with_name(name)
            if self.remote:
                place = self.remote.place.with_name(name)
                listed = place.entry()
                remote = Remote(place, listed.bytes, listed.stamp) if listed else None
                return replace(self, path=path, remote=remote, copy=None) if remote else None
            # The copy of a stream has no siblings.
            found = not self.label and path.is_file()
            return replace(self, path=path) if found else None
        entry = self.entry[: self.entry.rfind("/") + 1] + name
        with damage_refused(self.name):
            known = entry in self.archive().entries
        return replace(self, entry=entry, alone=False) if known else None

    def copied(self, folder: Path) -> "DataFile":
        """Copy an object into a folder, for what reads paths only.

        Raises:
            InputError: the object cannot be read, or the disk is full.
        """
        assert self.remote
        path = folder / "copy"
        self.remote.place.fetch(path)
        return replace(self, copy=path)

    def head(self) -> bytes:
        """Return the first bytes of the content, without a byte order mark."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES).removeprefix(codecs.BOM_UTF8)

    def digest(self) -> tuple[str, int]:
        """Return the sha256 and the size in bytes of the content."""
        digest, size = hashlib.sha256(), 0
        with self.open() as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
        return digest.hexdigest(), size


def _buffered(path: Path) -> Buffered:
    return io.BufferedReader(io.FileIO(path), BUFFER_BYTES)


def _printable(name: str) -> str:
    """Show the bytes of a name that are not UTF-8 as U+FFFD."""
    return name.encode(errors="surrogateescape").decode(errors="replace")

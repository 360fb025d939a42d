"""One file to read, or one entry of a zip: its name enters, a stream of its plain text leaves."""

import codecs
import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from tweetscore.errors import InputError
from tweetscore.io.packing import (
    LIMITS,
    Limits,
    damage_as_bad_zip,
    damage_refused,
    open_zip,
    packed_size,
    unpacked_text,
)

HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file to read: a path, or one entry of a zip."""

    path: Path
    entry: str | None = None
    alone: bool = True
    label: str | None = None  # what messages call the path, where it is only a copy
    refusal: str | None = None  # raised when the file is opened, so that its neighbours survive
    limits: Limits = LIMITS

    @property
    def name(self) -> str:
        """The path, with the entry if the zip has several."""
        path = self.label or str(self.path)
        return path if self.alone else f"{path}!{self.entry}"

    @property
    def file_name(self) -> str:
        """The name of the file or the entry itself, without its folder."""
        return (self.entry or self.path.name).rpartition("/")[2]

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the content from its first byte: unpacked, and as UTF-8 where it was UTF-16.

        Raises:
            InputError: also later, when what is read turns out to be damaged or a bomb.
        """
        if self.refusal:
            raise InputError(self.refusal)
        with damage_refused(self.name):
            if self.entry is None:
                with self.path.open("rb") as file:
                    yield unpacked_text(file, file, self.name, self.limits)
            else:
                with self._open_entry(self.entry) as entry, io.BufferedReader(entry) as stream:
                    yield unpacked_text(stream, cast(BinaryIO, entry), self.name, self.limits)

    def expected_bytes(self) -> int | None:
        """Return the size of the content if it shows without reading it, else None.

        A packed file may declare a wrong size.

        Raises:
            InputError: the file cannot be read.
        """
        with damage_refused(self.name):
            if self.entry is not None:
                with self._open_entry(self.entry) as entry:
                    return packed_size(cast(BinaryIO, entry), self._info(self.entry).file_size)
            with self.path.open("rb") as file:
                return packed_size(file, self.path.stat().st_size)

    def _info(self, entry: str) -> zipfile.ZipInfo:
        try:
            return open_zip(self.path, self.path.stat().st_mtime_ns).getinfo(entry)
        except KeyError:
            raise InputError(f"{self.name}: the zip has no {entry}; check its name") from None

    def _open_entry(self, entry: str) -> io.RawIOBase:
        info = self._info(entry)
        if info.flag_bits & 1:
            raise InputError(f"{self.name}: is encrypted; unzip it with its password first")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # zipfile unpacks a piece of bzip2 or LZMA whole, which in a bomb is gigabytes.
            raise NotImplementedError(f"compression method {info.compress_type}")
        with damage_as_bad_zip():
            archive = open_zip(self.path, self.path.stat().st_mtime_ns)
            return cast(io.RawIOBase, archive.open(info))

    def sibling(self, name: str) -> "DataFile | None":
        """Return the file of this name in the same folder, or in that of the zip, if there is one.

        Raises:
            InputError: the zip cannot be read.
        """
        if self.entry is None:
            path = self.path.with_name(name)
            # The copy of a stream has no siblings.
            found = not self.label and path.is_file()
            return DataFile(path, limits=self.limits) if found else None
        entry = self.entry[: self.entry.rfind("/") + 1] + name
        with damage_refused(self.name):
            known = entry in open_zip(self.path, self.path.stat().st_mtime_ns).NameToInfo
        return replace(self, entry=entry, alone=False) if known else None

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

"""Zips and tars: a path enters, what is in the archive leaves, and the content of each entry."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any, Literal, Protocol, Self, cast

from tweetscore.errors import InputError
from tweetscore.io.packing import BUFFER_BYTES, Buffered
from tweetscore.io.remote import Readable, Remote

ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
WORKBOOK_ENTRY = "xl/workbook.xml"  # of Excel
# What other programs write, by an entry of the zip that it is.
OTHER_WORKBOOKS = {"xl/workbook.bin": "a binary workbook", "content.xml": "an OpenDocument file"}
TAR_HEADER_BYTES = tarfile.BLOCKSIZE
_TAR_MARK = slice(257, 262)
_SCANNED_BYTES = 1 << 20
_LABELS = (b"V",)  # entries that name the archive itself
# Headers that hold the name of the entry behind them, and are read as a whole.
_NAMING = (b"x", b"g", b"X", b"L", b"K")
_MOST_NAMING_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an archive, as its directory describes it."""

    name: str
    written: str  # the name in the archive, before the reader of zips changed it
    bytes: int  # unpacked
    packed_bytes: int
    kind: Literal["file", "folder", "link", "device"] = "file"


class Archive(Protocol):
    """What a zip and a tar have in common."""

    kind: Literal["zip", "tar"]
    entries: dict[str, Entry]  # by name; of two with one name the later counts

    def open(self, entry: str, label: str) -> AbstractContextManager[Buffered]:
        """Open an entry; a refusal of it calls it by the label.

        Raises:
            InputError: it cannot be opened.
        """


def is_tar(first: bytes) -> bool:
    """Return whether a file begins as a tar: with a header whose checksum is right, or its mark."""
    if first[_TAR_MARK] == b"ustar":
        return True
    try:
        tarfile.TarInfo.frombuf(first[:TAR_HEADER_BYTES], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def is_workbook(data: bytes) -> bool:
    """Return whether a zip is a workbook of Excel."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return WORKBOOK_ENTRY in packed.namelist()
    except (zipfile.BadZipFile, ValueError, struct.error, OSError):
        return False


@lru_cache(maxsize=2)
def open_archive(at: Readable, _changed_ns: int, most_entries: int) -> Archive:
    """Read the directory of a zip or a tar, once for all its entries.

    Raises:
        BadZipFile, TarError, OSError: it is damaged, or has too many entries.
    """
    with at.open("rb") as file:
        zipped = file.read(4).startswith(ZIP_MARKS)
    return _Zip(at, most_entries) if zipped else _Tar(at, most_entries)


class _Zip:
    kind: Literal["zip", "tar"] = "zip"

    def __init__(self, at: Readable, most_entries: int) -> None:
        with _damage_as_bad_zip():
            self._zip = zipfile.ZipFile(at.stream() if isinstance(at, Remote) else at)
        listed = self._zip.infolist()
        if len(listed) > most_entries:
            raise zipfile.BadZipFile(_too_many(most_entries))
        self.entries = {info.filename: _zip_entry(info) for info in listed}

    @contextmanager
    def open(self, entry: str, label: str) -> Iterator[Buffered]:
        info = self._zip.getinfo(entry)
        if info.flag_bits & 1:
            raise InputError(f"{label}: is encrypted; unzip it with its password first")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # zipfile unpacks a piece of bzip2 or LZMA whole, which in a bomb is gigabytes.
            raise NotImplementedError(f"compression method {info.compress_type}")
        with _damage_as_bad_zip():
            stream = self._zip.open(info)
        with stream, io.BufferedReader(cast(io.RawIOBase, stream), BUFFER_BYTES) as buffered:
            yield buffered


def _zip_entry(info: zipfile.ZipInfo) -> Entry:
    kind: Literal["file", "folder"] = "folder" if info.filename.endswith("/") else "file"
    return Entry(info.filename, info.orig_filename, info.file_size, info.compress_size, kind)


@contextmanager
def _damage_as_bad_zip() -> Iterator[None]:
    """Turn what ``zipfile`` raises on a damaged directory into ``BadZipFile``."""
    try:
        yield
    # A name that is not UTF-8, or a position before the file.
    except (ValueError, struct.error) as error:
        raise zipfile.BadZipFile(str(error)) from error


class _Header(tarfile.TarInfo):
    """A header of bounded length."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _NAMING and header.size > _MOST_NAMING_BYTES:
            raise tarfile.ReadError(f"a name of {header.size:,} bytes")
        return header


class _Tar:
    kind: Literal["zip", "tar"] = "tar"

    def __init__(self, at: Readable, most_entries: int) -> None:
        self._at, self._infos = at, dict[str, tarfile.TarInfo]()
        with at.open("rb") as file, _damage_as_tar_error():
            for number, info in enumerate(_tar_infos(file)):
                if number == most_entries:
                    raise tarfile.ReadError(_too_many(most_entries))
                if info.type not in _LABELS:
                    self._infos[_tar_name(info)] = info
            size = file.seek(0, io.SEEK_END)  # an entry may have holes, which take no room
        self.entries = {
            name: Entry(name, name, info.size, size, _tar_kind(info))
            for name, info in self._infos.items()
        }

    @contextmanager
    def open(self, entry: str, label: str) -> Iterator[Buffered]:  # noqa: ARG002
        with (
            self._at.open("rb") as file,
            tarfile.open(fileobj=file, mode="r:", tarinfo=_Header) as tar,
            cast(Buffered, tar.extractfile(self._infos[entry])) as stream,
        ):
            yield stream


@contextmanager
def _damage_as_tar_error() -> Iterator[None]:
    """Turn what ``tarfile`` raises on damaged numbers into ``TarError``."""
    try:
        yield
    except (ValueError, LookupError, ArithmeticError, RecursionError) as error:
        raise tarfile.ReadError(str(error)) from error


def _tar_infos(file: IO[bytes]) -> Iterator[tarfile.TarInfo]:
    """Yield what is in a tar, or in several that follow each other.

    ``tarfile`` would end in silence at a damaged header, and at the end of the first tar.
    """
    start: int | None = 0
    while start is not None:
        file.seek(start)
        found = False
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", tarinfo=_Header) as tar:
            for info in tar:
                found = True
                yield info
            end = cast(Any, tar).offset
        if not found:
            raise tarfile.ReadError(f"no header at byte {start:,}")
        start = _next_header(file, end)


def _next_header(file: IO[bytes], end: int) -> int | None:
    """Return where a header follows the zeros that end a tar."""
    file.seek(end)
    while data := file.read(_SCANNED_BYTES):
        if rest := data.lstrip(b"\0"):
            place = end + len(data) - len(rest)
            return place - (place - end) % TAR_HEADER_BYTES
        end += len(data)
    return None


def _tar_name(info: tarfile.TarInfo) -> str:
    """Return the name of an entry; one that is not UTF-8 as zips have it."""
    written = info.name.encode("utf-8", "surrogateescape")
    try:
        return written.decode()
    except UnicodeDecodeError:
        return written.decode("cp437")


def _tar_kind(info: tarfile.TarInfo) -> Literal["file", "folder", "link", "device"]:
    if info.isdir():
        return "folder"
    if info.issym() or info.islnk():
        return "link"
    return "file" if info.isreg() else "device"


def _too_many(most_entries: int) -> str:
    return f"it holds more than {most_entries:,} entries"

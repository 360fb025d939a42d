"""Open what people have: a path enters, the files behind it leave, each as a stream of its text.

A path is a file, a zip, a folder, a pattern, or ``-`` for standard input. What packs a file (zip,
gzip, zstd, UTF-16) is told by its first bytes, never by its name, and is taken off while reading:
nothing is ever unpacked as a whole, so memory does not grow with the file.
"""

import atexit
import codecs
import glob
import gzip
import hashlib
import io
import os
import re
import shutil
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pyarrow as pa

from tweetscore.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEAD_BYTES = 1 << 16
PIECE_BYTES = 1 << 16  # unpacked at once
MOST_LAYERS = 3
MOST_ENTRIES = 1_000_000
BOMB_BYTES = 100 << 20  # up to here no ratio is held against a file
BOMB_RATIO = 1_000
# What reading raises on damage.
UNREADABLE = (
    OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
STANDARD_INPUT = Path("-")
ZIPPED = (b"PK\x03\x04", b"PK\x05\x06")
GZIPPED = b"\x1f\x8b\x08"
ZSTD = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPED = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")  # frames for other programs
UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
PICKLE = re.compile(rb"\x80[\x02-\x05]")
PICKLE_NAME = re.compile(r"\.(pkl|pickle|joblib)(\.(gz|zst|bz2|xz|lzma|z))?$", re.IGNORECASE)
UNSAFE_NAME = re.compile(r"/|[A-Za-z]:|(.*/)?\.\.(/|$)|.*[\\\x00-\x1f\x7f-\x9f]", re.DOTALL)
MEDIA = (
    ".aac", ".avi", ".bmp", ".eot", ".flac", ".gif", ".heic", ".heif", ".ico", ".jpeg", ".jpg",
    ".m4a", ".m4v", ".mkv", ".mov", ".mp3", ".mp4", ".mpeg", ".mpg", ".ogg", ".otf", ".pdf", ".png",
    ".svg", ".tif", ".tiff", ".ttf", ".wav", ".webm", ".webp", ".wmv", ".woff", ".woff2",
)  # fmt: skip


class NothingToReadError(InputError):
    """What a folder or a zip may hold beside other files: it is refused only where it is alone."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file to read: a path, or one entry of a zip."""

    path: Path
    entry: str | None = None
    alone: bool = True
    label: str | None = None  # what messages call the path, where it is only a copy
    refusal: str | None = None  # raised when the file is opened, so that its neighbours survive

    @property
    def name(self) -> str:
        """The path, with the entry where the zip holds several."""
        path = self.label or str(self.path)
        return path if self.alone else f"{path}!{self.entry}"

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the content from its first byte: unpacked, and as UTF-8 where it was UTF-16.

        Raises:
            InputError: also later, when what is read turns out to be damaged or a bomb.
        """
        if self.refusal:
            raise InputError(self.refusal)
        with _readable(self.name):
            if self.entry is None:
                with self.path.open("rb") as file:
                    yield _decoded(file, file, self.name)
            else:
                with self._open_entry(self.entry) as entry, io.BufferedReader(entry) as stream:
                    yield _decoded(stream, cast(BinaryIO, entry), self.name)

    def _open_entry(self, entry: str) -> io.RawIOBase:
        archive = _archive(self.path, self.path.stat().st_mtime_ns)
        try:
            info = archive.getinfo(entry)
        except KeyError:
            raise InputError(f"{self.name}: the zip holds no {entry}; check its name") from None
        if info.flag_bits & 1:
            raise InputError(f"{self.name}: is encrypted; unzip it with its password first")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # zipfile unpacks a piece of bzip2 or LZMA whole, which in a bomb is gigabytes.
            raise NotImplementedError(f"compression method {info.compress_type}")
        with _damage_as_bad_zip():
            return cast(io.RawIOBase, archive.open(info))

    def beside(self, name: str) -> "DataFile | None":
        """Return the file of this name in the same folder, or in that of the zip, if there is one.

        Raises:
            InputError: the zip cannot be read.
        """
        if self.entry is None:
            path = self.path.with_name(name)
            # Beside the copy of a stream lies nothing that came with it.
            return DataFile(path) if not self.label and path.is_file() else None
        entry = self.entry[: self.entry.rfind("/") + 1] + name
        with _readable(self.name):
            known = entry in _archive(self.path, self.path.stat().st_mtime_ns).NameToInfo
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


# --- from a path to its files ---------------------------------------------------------------------


def data_files(path: Path) -> list[DataFile]:
    """List the files behind a path: a file, a zip, a folder, a pattern or ``-``.

    A folder, a pattern and a zip leave out what holds no records: hidden and empty files, media,
    pickles, and zips within a zip. What cannot be read there is listed, and refused when opened.

    Raises:
        InputError: there is no such file, nothing to read in it, or danger in it: a pickle, or a
            zip that is a bomb or writes outside its folder.
    """
    with _readable(str(path)):
        if path == STANDARD_INPUT:
            return _copied(sys.stdin.buffer, "standard input")
        if path.is_dir():
            nothing = "the folder holds no file; name one with an archive or bars in it"
            return _gathered(_walked(path), f"{path}: {nothing}")
        if path.is_fifo():
            with path.open("rb") as stream:
                return _copied(stream, str(path))
        if path.exists():
            return _listed(path)
        if glob.escape(str(path)) == str(path):
            raise InputError(f"{path}: no such file; check the path")
        return _gathered(_matched(path), f"{path}: no file has such a name; check the pattern")


def _copied(stream: BinaryIO, label: str) -> list[DataFile]:
    """List a copy of what can be read only once; the copy is deleted when the program ends."""
    with _readable(label):
        descriptor, name = tempfile.mkstemp(prefix="tweetscore-")
        atexit.register(Path(name).unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as copy:
            shutil.copyfileobj(stream, copy)
    return _listed(Path(name), label)


def _walked(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        yield from (Path(root, name) for name in names if not _is_hidden(name))


def _matched(pattern: Path) -> Iterator[Path]:
    for match in map(Path, glob.iglob(str(pattern), recursive=True)):
        if "__MACOSX" not in match.parts:
            yield from _walked(match) if match.is_dir() else [match]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_media(name: str) -> bool:
    return name.lower().endswith(MEDIA)


def _gathered(paths: Iterable[Path], nothing: str) -> list[DataFile]:
    """List the files behind several paths."""
    found: list[DataFile] = []
    left_out: list[InputError] = []
    for path in sorted({path for path in paths if path.is_file() and not _is_media(path.name)}):
        try:
            found += _listed(path)
        except NothingToReadError as error:
            left_out.append(error)
        except InputError as error:
            found.append(DataFile(path, refusal=str(error)))
    if not found:
        raise left_out[0] if left_out else NothingToReadError(nothing)
    return found


def _listed(path: Path, label: str | None = None) -> list[DataFile]:
    """List one file, or the entries of a zip."""
    with _readable(label or str(path)), path.open("rb") as stream:
        zipped = stream.read(4).startswith(ZIPPED)
    return _zipped(path, label) if zipped else [_judged(DataFile(path, label=label))]


def _judged(file: DataFile) -> DataFile:
    """Return the file, unless a glance at it shows that it holds no records."""
    if fact := _useless(file):
        raise NothingToReadError(f"{file.name}: {fact}")
    return file


def _useless(file: DataFile) -> str | None:
    pickle = "is a pickle, which can run code when it is loaded; export it as CSV or JSON"
    if PICKLE_NAME.search(file.entry or file.path.name):
        return pickle
    try:
        with file.open() as stream:
            magic = stream.read(4)
    except InputError:
        return None  # whoever reads it is told
    if PICKLE.match(magic):
        return pickle
    if not magic:
        return "is empty (0 bytes); download the file again"
    if magic.startswith(ZIPPED):
        return "is a zip within a zip or another packed file; unpack the outer one first"
    return None


def _zipped(path: Path, label: str | None) -> list[DataFile]:
    """List the entries of a zip that may hold records.

    Raises:
        InputError: the zip is damaged or dangerous, or holds no such entry.
    """
    name = label or str(path)
    with _readable(name):
        stat = path.stat()
        # Of two entries with one name the later counts, as for unzip.
        entries = {info.filename: info for info in _archive(path, stat.st_mtime_ns).infolist()}
    for info in entries.values():
        # ``filename`` is what zipfile made of the name that the zip holds.
        unsafe = UNSAFE_NAME.match(info.orig_filename) or UNSAFE_NAME.match(info.filename)
        if unsafe:
            raise InputError(
                f"{name}: the zip holds a file of the dangerous name {unsafe.string!r}; "
                "zip the files again with plain names"
            )
    declared = [(info.file_size, info.compress_size) for info in entries.values()]
    total = (sum(unpacked for unpacked, _ in declared), stat.st_size)
    if any(_is_bomb(unpacked, packed) for unpacked, packed in [total, *declared]):
        raise _bomb(name)
    found: list[DataFile] = []
    left_out: list[InputError] = []
    for entry, info in entries.items():
        hidden = any(map(_is_hidden, PurePosixPath(entry).parts))
        if hidden or info.is_dir() or _is_media(entry):
            continue
        try:
            found.append(_judged(DataFile(path, entry, alone=False, label=label)))
        except NothingToReadError as error:
            left_out.append(error)
    if not found:
        nothing = f"{name}: the zip holds no file; name one with an archive or bars in it"
        raise left_out[0] if left_out else NothingToReadError(nothing)
    return [replace(file, alone=len(found) == 1) for file in found]


@lru_cache(maxsize=2)
def _archive(path: Path, _changed_ns: int) -> zipfile.ZipFile:
    """Open a zip, once for all its entries: each opening reads the whole directory."""
    with _damage_as_bad_zip():
        archive = zipfile.ZipFile(path)
    if len(archive.infolist()) > MOST_ENTRIES:
        raise zipfile.BadZipFile(f"it holds more than {MOST_ENTRIES:,} entries")
    return archive


@contextmanager
def _damage_as_bad_zip() -> Iterator[None]:
    try:
        yield
    except (ValueError, struct.error) as error:  # a name that is no UTF-8, a place before the file
        raise zipfile.BadZipFile(str(error)) from error


# --- from a file to its text ----------------------------------------------------------------------


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise InputError(
            f"{name}: cannot be read ({error}); unzip it yourself, or download it again"
        ) from error


def _is_bomb(unpacked: int, packed: int) -> bool:
    return unpacked > BOMB_BYTES and unpacked > BOMB_RATIO * packed


def _bomb(name: str) -> InputError:
    return InputError(
        f"{name}: unpacks to more than {BOMB_RATIO:,} times its size, as only a bomb does; "
        "unpack it yourself if you trust it"
    )


class _Pieces(io.RawIOBase):
    """Make a file of the pieces that an iterator yields."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer: only the end of the file leaves room in it."""
        view, filled = memoryview(buffer), 0
        while filled < len(view):
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
            taken = self._rest[: len(view) - filled]
            view[filled : filled + len(taken)] = taken
            self._rest = self._rest[len(taken) :]
            filled += len(taken)
        return filled


def _stream(pieces: Iterator[bytes]) -> "io.BufferedReader[Any]":
    return io.BufferedReader(_Pieces(pieces))


def _watched(pieces: Iterator[bytes], file: BinaryIO, name: str) -> Iterator[bytes]:
    """Pass pieces on until they are far more than was read from the file: sizes in a file lie."""
    unpacked = 0
    for piece in pieces:
        unpacked += len(piece)
        if _is_bomb(unpacked, file.tell()):
            raise _bomb(name)
        yield piece


def _decoded(
    stream: "io.BufferedReader[Any]", file: BinaryIO, name: str
) -> "io.BufferedReader[Any]":
    """Take off what packs a text, layer by layer."""
    for _ in range(MOST_LAYERS):
        magic = stream.peek(4)
        if magic.startswith(GZIPPED):
            pieces = _gunzipped(stream)
        elif magic.startswith(ZSTD) or ZSTD_SKIPPED.match(magic):
            pieces = _unzstd(stream)
        else:
            break
        stream = _stream(_watched(pieces, file, name))
    codec = UTF16.get(stream.peek(2)[:2])
    return _stream(_utf8(stream, codec)) if codec else stream


def _gunzipped(stream: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
        while piece := unpacked.read(PIECE_BYTES):
            yield piece


def _unzstd(stream: BinaryIO) -> Iterator[bytes]:
    kept_open = _stream(iter(lambda: stream.read(PIECE_BYTES), b""))  # Arrow closes what it reads
    unpacked = pa.CompressedInputStream(pa.PythonFile(kept_open, mode="r"), "zstd")
    while piece := unpacked.read(PIECE_BYTES):
        yield piece


def _utf8(stream: BinaryIO, codec: str) -> Iterator[bytes]:
    """Turn UTF-16 into UTF-8; what is no character becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    stream.read(len(codecs.BOM_UTF16))
    while piece := stream.read(PIECE_BYTES):
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()

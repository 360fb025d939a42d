"""Unpack a file: packed bytes enter, a stream of the plain ones leaves.

Gzip, bzip2, xz and zstd are recognised by their first bytes, never by a name, and are unpacked
while reading: nothing is ever unpacked as a whole, so memory does not grow with the file.
"""

import bz2
import gzip
import io
import lzma
import re
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from tweetscore.errors import InputError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    Buffered = io.BufferedReader[Any]
else:
    Buffered = io.BufferedReader

MOST_LAYERS = 3
# What reading raises on damage.
UNREADABLE = (
    OSError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    zstd.ZstdError,
)
GZIPPED = re.compile(rb"\x1f\x8b\x08")
Decompressor = bz2.BZ2Decompressor | lzma.LZMADecompressor | zstd.ZstdDecompressor
MOST_MEMORY_BYTES = 1 << 31  # to unpack with, as the archives of Reddit need it
_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
# Besides gzip: the first bytes of a part, and what unpacks it.
UNPACKERS: dict[re.Pattern[bytes], Callable[[], Decompressor]] = {
    re.compile(rb"BZh[1-9]"): bz2.BZ2Decompressor,
    # Files called .xz, and .lzma.
    re.compile(rb"\xfd7zX|\x5d\0\0"): partial(lzma.LZMADecompressor, memlimit=MOST_MEMORY_BYTES),
    # The second is a part for other programs.
    re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"): partial(
        zstd.ZstdDecompressor, options=_WINDOW
    ),
}
MOST_UNPACKED_BYTES = 768 << 20  # of columns, a page of each or a batch: DuckDB's pages have 100 MB
MOST_DECODED_BYTES = 64 << 20  # of values as text, at once, besides what they were unpacked from
_MARK_BYTES = 4
BUFFER_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may come out of a packed file."""

    piece_bytes: int = 1 << 16  # unpacked at once
    entries: int = 1_000_000  # of a zip or a tar
    bomb_bytes: int = 100 << 20  # up to this size every ratio is allowed
    bomb_ratio: int = 1_000

    def is_bomb(self, unpacked: int, packed: int) -> bool:
        """Return whether so many bytes out of so many are more than any honest file has."""
        return unpacked > self.bomb_bytes and unpacked > self.bomb_ratio * packed

    def bomb(self, name: str) -> InputError:
        """Return the refusal of a bomb of this name."""
        return InputError(
            f"{name}: unpacks to more than {self.bomb_ratio:,} times its size, as only a bomb "
            "does; unpack it yourself if you trust it"
        )


LIMITS = Limits()


@contextmanager
def damage_refused(name: str) -> Iterator[None]:
    """Turn what reading raises on damage into a refusal of the file of this name."""
    try:
        yield
    except UNREADABLE as error:
        raise InputError(
            f"{name}: cannot be read ({error}); unpack it yourself, or download it again"
        ) from error


def unpacked(stream: Buffered, name: str, limits: Limits) -> Buffered:
    """Unpack a stream, layer by layer.

    Args:
        stream: the bytes as they lie in the file or the archive.
        name: the file's, for messages.
        limits: what a bomb is.
    """
    file = stream
    for _ in range(MOST_LAYERS):
        magic = stream.peek(_MARK_BYTES)
        if GZIPPED.match(magic):
            pieces = _gunzipped(stream, limits)
        elif make := _unpacker(magic):
            pieces = _parts(stream, make, limits)
        else:
            break
        stream = stream_of(_watched(pieces, file, name, limits))
    return stream


def packed_size(stream: BinaryIO, size: int) -> int | None:
    """Return the size of a file as its packing declares it; None if it does not.

    Args:
        stream: the bytes as they lie in the file or the archive.
        size: how many they are.
    """
    magic = stream.read(_MARK_BYTES)
    if GZIPPED.match(magic) and stream.seekable():
        stream.seek(max(0, size - 4))
        # The size of the last of several parts, modulo 4 GiB.
        return int.from_bytes(stream.read(4), "little")
    packed = GZIPPED.match(magic) or _unpacker(magic)
    return None if packed else size


def _unpacker(magic: bytes) -> Callable[[], Decompressor] | None:
    return next((make for mark, make in UNPACKERS.items() if mark.match(magic)), None)


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


def stream_of(pieces: Iterator[bytes]) -> Buffered:
    """Return a stream of the pieces."""
    return io.BufferedReader(_Pieces(pieces), BUFFER_BYTES)


def _watched(pieces: Iterator[bytes], file: BinaryIO, name: str, limits: Limits) -> Iterator[bytes]:
    """Pass pieces on until they are far more than was read from the file: sizes in a file lie."""
    unpacked = 0
    for piece in pieces:
        unpacked += len(piece)
        if limits.is_bomb(unpacked, file.tell()):
            raise limits.bomb(name)
        yield piece


def _gunzipped(stream: BinaryIO, limits: Limits) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
        while piece := unpacked.read(limits.piece_bytes):
            yield piece


def _parts(stream: BinaryIO, make: Callable[[], Decompressor], limits: Limits) -> Iterator[bytes]:
    """Unpack parts that follow each other, as programs with several threads write them.

    Zeros after a part are padding; anything else is damage: the files of the standard library would
    end there in silence.
    """
    packed = stream.read(limits.piece_bytes)
    while packed:
        part = make()
        yield part.decompress(packed, limits.piece_bytes)
        while not part.eof:
            fresh = stream.read(limits.piece_bytes) if part.needs_input else b""
            if part.needs_input and not fresh:
                raise EOFError("the packed file ended before its end was marked")
            yield part.decompress(fresh, limits.piece_bytes)
        packed = part.unused_data.lstrip(b"\0")
        while not packed and (fresh := stream.read(limits.piece_bytes)):
            packed = fresh.lstrip(b"\0")

"""Read an object of a bucket as a file is read: a place enters, a stream that can seek leaves.

Pieces arrive ahead of the reader. Those that were read lately are kept, for an archive is read from
both ends, and the first bytes of a file more than once. Nothing is written to a disk.
"""

import io
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

from tweetscore.errors import InputError
from tweetscore.io.packing import BUFFER_BYTES, Buffered

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from tweetscore.io.places import Place

Read = Callable[[int, int], bytes]  # from a byte, so many
CHANGED = "has changed since it was listed; run the command again"
PIECE_BYTES = 1 << 20
_KEPT_BYTES = 64 << 20  # of all objects together
_AT_ONCE = 8  # pieces on their way


@dataclass(frozen=True, slots=True)
class Remote:
    """An object as it was listed."""

    place: "Place"
    bytes: int
    stamp: str

    def stream(self) -> Buffered:
        """Return its bytes as a stream; reading raises an InputError where they do not arrive."""
        return io.BufferedReader(_Ahead(self), BUFFER_BYTES)

    @contextmanager
    def open(self, _mode: Literal["rb"]) -> Iterator[Buffered]:
        """Open it, as a path is opened.

        Raises:
            InputError: bytes do not arrive, or at the end: it has changed meanwhile.
        """
        ahead = _Ahead(self)
        with io.BufferedReader(ahead, BUFFER_BYTES) as stream:
            yield stream
        if ahead.has_fetched and self.bytes > PIECE_BYTES:  # a piece is of one object for certain
            self._check()

    def _check(self) -> None:
        now = self.place.entry()
        if now is None or now.stamp != self.stamp:
            raise InputError(f"{self.place}: {CHANGED}")


Readable = Path | Remote


class _Pieces:
    """The pieces that are on their way, or were read lately."""

    def __init__(self) -> None:
        self._futures = OrderedDict[tuple[Remote, int], Future[bytes]]()
        self._bytes, self._lock = 0, Lock()
        self._pool = ThreadPoolExecutor(_AT_ONCE)

    def get(self, remote: Remote, number: int) -> tuple[Future[bytes], bool]:
        """Return a piece to wait for, and whether it must be fetched."""
        key = remote, number
        with self._lock:
            future = self._futures.get(key)
            if fetched := future is None or (future.done() and future.exception() is not None):
                self._forget(key)
                future = self._pool.submit(_fetched, remote, number)
                self._futures[key] = future
                self._bytes += _length(*key)
            self._futures.move_to_end(key)
            while self._bytes > _KEPT_BYTES:
                self._forget(next(iter(self._futures)))
        assert future is not None
        return future, fetched

    def _forget(self, key: tuple[Remote, int]) -> None:
        if self._futures.pop(key, None):
            self._bytes -= _length(*key)


def _length(remote: Remote, number: int) -> int:
    return min(PIECE_BYTES, remote.bytes - number * PIECE_BYTES)


def _fetched(remote: Remote, number: int) -> bytes:
    return _reader(remote)(number * PIECE_BYTES, _length(remote, number))


@lru_cache(maxsize=4)
def _reader(remote: Remote) -> Read:
    return remote.place.reader(remote.bytes)


@lru_cache(maxsize=1)
def _pieces() -> _Pieces:
    return _Pieces()


class _Ahead(io.RawIOBase):
    """A stream over an object."""

    def __init__(self, remote: Remote) -> None:
        self._remote, self._place = remote, 0
        self._last, self._in_a_row = -1, -1  # piece, and how many were read after the one before
        self.has_fetched = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._remote.bytes}[whence]
        if start + offset < 0:
            raise ValueError(f"a position before the file: {start + offset:,}")
        self._place = start + offset
        return self._place

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read as far as one piece goes."""
        view = memoryview(buffer)
        if self._place >= self._remote.bytes:
            return 0
        number, start = divmod(self._place, PIECE_BYTES)
        data = self._piece(number)[start : start + len(view)]
        view[: len(data)] = data
        self._place += len(data)
        return len(data)

    def _piece(self, number: int) -> bytes:
        """Wait for a piece; the more were read in a row, the more are fetched ahead."""
        future = self._get(number)
        if number != self._last:
            self._in_a_row = self._in_a_row + 1 if number == self._last + 1 else 0
            self._last = number
            pieces = -(-self._remote.bytes // PIECE_BYTES)
            end = min(pieces, number + 1 + min(_AT_ONCE, 2 * self._in_a_row))
            for ahead in range(number + 1, end):
                self._get(ahead)
        return future.result()

    def _get(self, number: int) -> Future[bytes]:
        future, fetched = _pieces().get(self._remote, number)
        self.has_fetched |= fetched
        return future

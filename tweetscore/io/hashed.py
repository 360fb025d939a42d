"""Hash a stream while it is read: bytes enter, the same bytes and their digest leave."""

import hashlib
from collections.abc import Callable
from typing import BinaryIO

from tweetscore.io.encodings import is_utf8


class NotUtf8Error(Exception):
    """Bytes of a file far behind the first are not UTF-8."""


class CountedStream:
    """A stream that knows how much of it was read."""

    def __init__(self, stream: BinaryIO) -> None:
        """Take the stream."""
        self._stream, self.bytes = stream, 0

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes; less only at the end."""
        data = self._stream.read(size)
        self.bytes += len(data)
        return data


class HashedStream(CountedStream):
    """A stream whose digest is handed on once all of it has been read.

    With ``ascii_so_far``, the first bytes that are not ASCII must be UTF-8.
    """

    def __init__(
        self, stream: BinaryIO, keep: Callable[[tuple[str, int]], None], *, ascii_so_far: bool
    ) -> None:
        """Take the stream, what takes the sha256 and the size, and whether to look for UTF-8."""
        super().__init__(stream)
        self._keep, self._ascii_so_far, self._sha256 = keep, ascii_so_far, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes; less only at the end."""
        data = super().read(size)
        if self._ascii_so_far and not data.isascii():
            if not is_utf8(data):
                raise NotUtf8Error
            self._ascii_so_far = False
        self._sha256.update(data)
        if size < 0 or len(data) < size:
            self._keep((self._sha256.hexdigest(), self.bytes))
        return data

"""Look at a file once: it enters, its first bytes leave, with the ways to read all of it.

All formats are recognised by the same first bytes, and the first reading of a file to its end also
computes the digest of its content.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal, cast

from tweetscore.io.data_file import DataFile
from tweetscore.io.enclosed import enclosed_records, listed_records
from tweetscore.io.pipeline import prefetch
from tweetscore.io.records import BLOCK_BYTES, Records, json_array_records, line_records

PARQUET_MAGIC = b"PAR1"
FEATHER_1_MAGIC = b"FEA1"
ARROW_MAGIC = b"ARROW1\0\0"  # of files, as Feather 2 is
# A stream begins with a mark, the length of its schema, and where that schema begins.
ARROW_STREAM = re.compile(rb"\xff{4}...\x00[\x04-\x40]\x00{3}", re.DOTALL)


class Source:
    """One file to read, and its first bytes."""

    def __init__(self, file: DataFile, head: bytes, block_bytes: int = BLOCK_BYTES) -> None:
        """Take the file, its first bytes, and how many bytes are read at once."""
        self.file, self.head, self.block_bytes = file, head, block_bytes
        self._digest: tuple[str, int] | None = None

    @property
    def name(self) -> str:
        """The file's, for messages."""
        return self.file.name

    @property
    def kind(self) -> Literal["parquet", "arrow", "json", "lines"]:
        """What the first bytes show."""
        if self.head.startswith((ARROW_MAGIC, FEATHER_1_MAGIC)) or ARROW_STREAM.match(self.head):
            return "arrow"
        if self.head.startswith(PARQUET_MAGIC):
            return "parquet"
        return "json" if self.head.lstrip().startswith((b"{", b"[")) else "lines"

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the content; once it has been read to its end, the digest is known.

        Raises:
            InputError: also later, when what is read turns out to be damaged or a bomb.
        """
        with self.file.open() as stream:
            yield stream if self._digest else cast(BinaryIO, _Hashed(stream, self._keep))

    def _keep(self, digest: tuple[str, int]) -> None:
        self._digest = digest

    def digest(self) -> tuple[str, int]:
        """Return the sha256 and the size in bytes of the content; it is read only if necessary.

        Raises:
            InputError: the file is damaged.
        """
        if not self._digest:
            self._digest = self.file.digest()
        return self._digest

    def lines(self, *, quote: bool, whole: bool = True) -> Iterator[Records]:
        """Cut the content into lines; with ``quote``, a line break in quotes does not end one.

        Args:
            quote: whether quotes enclose fields.
            whole: whether all will be read, so that the next block may be made while one is used.
        """

        def cut(stream: BinaryIO) -> Iterator[Records]:
            return line_records(stream, quote=quote, block_bytes=self.block_bytes)

        return self._records(cut, whole)

    def json(self, *, whole: bool = True) -> Iterator[Records]:
        """Cut JSON into its values: those of an array, or one a line; ``whole`` as for lines."""

        def cut(stream: BinaryIO) -> Iterator[Records]:
            return json_array_records(stream, block_bytes=self.block_bytes)

        if self.head.lstrip().startswith(b"["):
            return self._records(cut, whole)
        return self.lines(quote=False, whole=whole)

    def enclosed(self, before: re.Pattern[bytes], after: re.Pattern[bytes]) -> Iterator[Records]:
        """Cut a JSON array that is enclosed in something else, as in ``enclosed_records``."""

        def cut(stream: BinaryIO) -> Iterator[Records]:
            return enclosed_records(stream, before, after, block_bytes=self.block_bytes)

        return self._records(cut)

    def listed(self, before: re.Pattern[bytes], after: re.Pattern[bytes]) -> Iterator[Records]:
        """Cut the array in a JSON object, as in ``listed_records``."""

        def cut(stream: BinaryIO) -> Iterator[Records]:
            return listed_records(stream, before, after, block_bytes=self.block_bytes)

        return self._records(cut)

    def _records(
        self, cut: Callable[[BinaryIO], Iterator[Records]], whole: bool = True
    ) -> Iterator[Records]:
        with self.open() as stream:
            yield from prefetch(cut(stream)) if whole else cut(stream)


def sniff(file: DataFile, block_bytes: int = BLOCK_BYTES) -> Source:
    """Read the first bytes of a file.

    Args:
        file: the file.
        block_bytes: how many bytes are read at once.

    Raises:
        InputError: it cannot be read.
    """
    return Source(file, file.head(), block_bytes)


class _Hashed:
    """A stream whose digest is handed on once all of it has been read."""

    def __init__(self, stream: BinaryIO, keep: Callable[[tuple[str, int]], None]) -> None:
        self._stream, self._keep = stream, keep
        self._sha256, self._bytes = hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes; less only at the end."""
        data = self._stream.read(size)
        self._sha256.update(data)
        self._bytes += len(data)
        if size < 0 or len(data) < size:
            self._keep((self._sha256.hexdigest(), self._bytes))
        return data

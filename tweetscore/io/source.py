"""Look at a file once: it enters, its first bytes leave, with the ways to read all of it.

All formats are recognised by the same first bytes, and the first reading of a file to its end also
computes the digest of its content.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from io import BytesIO
from typing import BinaryIO, TypeVar, cast
from weakref import finalize

import numpy as np

from tweetscore.errors import InputError
from tweetscore.io.csv_rows import DoubledQuotes
from tweetscore.io.data_file import HEAD_BYTES, DataFile
from tweetscore.io.enclosed import enclosed_records, listed_records
from tweetscore.io.encodings import is_utf8, told_encoding, wide_encoding, worded
from tweetscore.io.hashed import CountedStream, HashedStream, NotUtf8Error
from tweetscore.io.json_array import MOST_JSON_BYTES, json_array_records
from tweetscore.io.json_shapes import CONTEXT, Candidate, Shape, candidates, column_rows, scattered
from tweetscore.io.json_values import (
    MOST_DOCUMENT_BYTES,
    check_document,
    load,
    plain,
    without_types,
)
from tweetscore.io.json_walk import stream_records, walked_records
from tweetscore.io.kinds import Kind, kind_of
from tweetscore.io.pipeline import prefetch
from tweetscore.io.records import (
    BLOCK_BYTES,
    BOM,
    Records,
    line_records,
)
from tweetscore.io.scratch import scratch
from tweetscore.io.text import MIXED, UTF8, marked_encoding

Result = TypeVar("Result")
_HASHED_BYTES = 1 << 20
# Of a bucket: databases are read by their names, and the others at many places, several times.
_COPIED = ("parquet", "arrow", "sqlite")


class Source:
    """One file to read, and its first bytes."""

    def __init__(
        self,
        file: DataFile,
        head: bytes,
        block_bytes: int = BLOCK_BYTES,
        content: bytes | None = None,
    ) -> None:
        """Take the file, its first bytes, how many bytes are read at once, and all if it is small.

        ``head`` is without a byte order mark.
        """
        self.file, self.head, self.block_bytes, self.content = file, head, block_bytes, content
        self._digest: tuple[str, int] | None = None
        self._reading: CountedStream | None = None

    @property
    def name(self) -> str:
        """The file's, for messages."""
        return self.file.name

    @property
    def is_small(self) -> bool:
        """Whether the first bytes are all: to read such a file ahead costs more than it saves."""
        return self.content is not None

    @property
    def kind(self) -> Kind:
        """What the first bytes show."""
        return kind_of(self.head)

    @property
    def guess(self) -> str | None:
        """Which encoding was told by the bytes, in words; None for UTF-8, or one that was said."""
        if not (self.file.guessed and self.file.encoding):
            return None
        fact = "not all" if self.file.encoding.startswith(MIXED) else "not"
        return f"its bytes are {fact} UTF-8: read as {worded(self.file.encoding)}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be wrong, and what the user can do about it where it is ingested."""
        return (f"{self.guess}; --encoding NAME overrules",) if self.guess else ()

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the content; once it has been read to its end, the digest is known.

        Raises:
            InputError: also later, when what is read turns out to be damaged or a bomb.
            NotUtf8Error: likewise, when it turns out to be in another encoding.
        """
        if self.content is not None:
            yield BytesIO(self.content)
            return
        ascii_so_far = self.file.encoding is None
        with self.file.open() as stream:
            first = HashedStream(stream, self._keep, ascii_so_far=ascii_so_far)
            self._reading = CountedStream(stream) if self._digest else first
            yield cast(BinaryIO, self._reading)

    def reached(self) -> tuple[int, int | None]:
        """Return how many bytes of the content have been read, and of how many, if that shows."""
        return self._reading.bytes if self._reading else 0, self._bytes_if_shown

    @cached_property
    def _bytes_if_shown(self) -> int | None:
        return self.file.bytes_if_shown()

    def _keep(self, digest: tuple[str, int]) -> None:
        self._digest = digest

    def digest(self) -> tuple[str, int]:
        """Return the sha256 and the size in bytes of the content; it is read only if necessary.

        Raises:
            InputError: the file is damaged.
            NotUtf8Error: it turns out to be in another encoding.
        """
        if not self._digest and self.content is not None:
            self._digest = hashlib.sha256(self.content).hexdigest(), len(self.content)
        if not self._digest:
            with self.open() as stream:
                while stream.read(_HASHED_BYTES):
                    pass
        return cast(tuple[str, int], self._digest)

    def check_encoding(self) -> None:
        """Look at all words of a text that was read as UTF-8, and is not UTF-8 everywhere.

        Raises:
            NotUtf8Error: they tell another encoding.
        """
        is_text = self.kind in ("json", "lines") and self.file.encoding in (None, UTF8)
        if is_text and with_encoding(self.file).guessed:
            raise NotUtf8Error

    def whole(self, most_bytes: int, fact: str, step: str) -> bytes:
        """Return all of the content, which is in memory at once.

        Args:
            most_bytes: more are refused.
            fact: what makes it necessary, for the refusal: ``one JSON document``.
            step: what to do about it.

        Raises:
            InputError: it is longer, or damaged.
        """
        with self.open() as stream:
            data = stream.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise InputError(f"{self.name}: is {fact} of more than {most_bytes:,} bytes; {step}")
        return data

    def lines(self, *, quote: bool, escaped: bool = False, whole: bool = True) -> Iterator[Records]:
        """Cut the content into lines; with ``quote``, a line break in quotes does not end one.

        Args:
            quote: whether quotes enclose fields.
            escaped: whether those within have backslashes before them; they become doubled ones.
            whole: whether all will be read, so that the next block may be made while one is used.
        """

        def cut(stream: BinaryIO) -> Iterator[Records]:
            stream = cast(BinaryIO, DoubledQuotes(stream)) if escaped else stream
            return line_records(stream, quote=quote, block_bytes=self.block_bytes)

        return self._records(cut, whole)

    def json(self, *, whole: bool = True) -> Iterator[Records]:
        """Cut JSON into its values: those of an array, or one a line; ``whole`` as for lines."""
        shape = Shape("array" if self.head.lstrip().startswith(b"[") else "lines")
        return self._records(lambda stream: _cut(stream, shape, self.block_bytes), whole)

    def shapes(self) -> list["Source"]:
        """Return the file in the shapes that its JSON may have, the outermost records first."""
        return [
            self if each.shape.is_plain else ShapedSource(self, self._with_columns(each))
            for each in self.candidates
        ]

    def scattered(
        self, reached: "Source", names: Sequence[str], *, always: bool = False
    ) -> "Source | None":
        """Return the file with records from several places, as in ``json_shapes.scattered``."""
        shape = reached.shape if isinstance(reached, ShapedSource) else self.candidates[0].shape
        found = scattered(self.head, shape, names, always=always)
        return ShapedSource(self, found) if found else None

    @cached_property
    def candidates(self) -> list[Candidate]:
        """The shapes that its JSON may have by the first bytes, with the first records of each."""
        return candidates(self.head)

    def _with_columns(self, candidate: Candidate) -> Candidate:
        if candidate.shape.cut != "columns":
            return candidate
        fact, step = "one table column by column", "write it with one record a line, as JSON lines"
        data = self.whole(MOST_DOCUMENT_BYTES, fact, step)
        check_document(data, self.name, fact, step)
        try:
            rows = column_rows(load(without_types(data).decode("utf-8-sig", "replace")))
        except (ValueError, RecursionError):
            rows = []
        return Candidate(candidate.shape, rows)

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
            yield from prefetch(cut(stream)) if whole and not self.is_small else cut(stream)


class ShapedSource(Source):
    """A file of JSON whose records are neither on lines nor in an array; here they are."""

    def __init__(self, source: Source, candidate: Candidate) -> None:
        """Take the file, and where its records are."""
        lines = b"".join(
            json.dumps(each, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
            for each in candidate.objects
        )
        super().__init__(source.file, lines[:HEAD_BYTES], source.block_bytes, source.content)
        self.shape, self._lines, self._source = candidate.shape, lines, source

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the content of the file."""
        with self._source.open() as stream:
            self._reading = self._source._reading
            yield stream

    def digest(self) -> tuple[str, int]:
        """Return the sha256 and the size of the file."""
        return self._source.digest()

    def json(self, *, whole: bool = True) -> Iterator[Records]:
        """Cut the content into its records, one a line."""
        shape, size = self.shape, self.block_bytes
        if shape.cut == "columns":
            yield from self._columns()
            return

        def cut(stream: BinaryIO) -> Iterator[Records]:
            for records in _cut(stream, shape, size):
                yield plain(records, shape.writing, shape.inside, shape.names)

        yield from self._records(cut, whole)

    def lines(
        self,
        *,
        quote: bool,  # noqa: ARG002
        escaped: bool = False,  # noqa: ARG002
        whole: bool = True,
    ) -> Iterator[Records]:
        """Cut the content into its records: a line is one of them."""
        return self.json(whole=whole)

    def _records(
        self, cut: Callable[[BinaryIO], Iterator[Records]], whole: bool = True
    ) -> Iterator[Records]:
        return self._source._records(cut, whole)

    def _columns(self) -> Iterator[Records]:
        """Yield the rows; a row has no one place, so that each has the file's first."""
        bounds = np.cumsum([0, *map(len, self._lines.splitlines(keepends=True))])
        zeros = np.zeros(len(bounds) - 1, np.int64)
        yield Records(self._lines, bounds, zeros, zeros + 1)


def _cut(stream: BinaryIO, shape: Shape, block_bytes: int) -> Iterator[Records]:
    most = MOST_JSON_BYTES
    if shape.cut == "lines":
        return line_records(stream, quote=False, block_bytes=block_bytes, most_bytes=most)
    if shape.cut == "array":
        return json_array_records(stream, block_bytes=block_bytes, most_bytes=most)
    if shape.cut == "stream":
        return stream_records(stream, block_bytes=block_bytes, most_bytes=most)
    return walked_records(
        stream,
        shape.steps,
        python=shape.writing == "python",
        context=CONTEXT,
        key=shape.key,
        block_bytes=block_bytes,
        most_bytes=most,
    )


def sniff(file: DataFile, block_bytes: int = BLOCK_BYTES) -> Source:
    """Read the first bytes of a file.

    Args:
        file: the file.
        block_bytes: how many bytes are read at once.

    Raises:
        InputError: it cannot be read.
    """
    raw = replace(file, encoding=None)
    first = _first(raw)
    if kind_of(first.removeprefix(BOM)) not in ("json", "lines"):
        file = replace(raw, encoding=UTF8)  # nothing is decoded
    elif file.encoding is None:
        if wide_encoding(first) or not is_utf8(first):
            file = with_encoding(file)
        elif not first.isascii() or len(first) < HEAD_BYTES:
            file = replace(file, encoding=UTF8)
    first = first if file.encoding in (None, UTF8) else _first(file)
    content = first if len(first) < HEAD_BYTES else None
    copied = ExitStack()
    if file.remote and file.entry is None and kind_of(first) in _COPIED:
        file = file.copied(copied.enter_context(scratch()))
    source = Source(file, first.removeprefix(BOM), block_bytes, content)
    finalize(source, copied.close)
    return source


def _first(file: DataFile) -> bytes:
    with file.open() as stream:
        return stream.read(HEAD_BYTES)


def with_encoding(file: DataFile) -> DataFile:
    """Return a file with its encoding, told by its bytes; they are read as far as necessary.

    Raises:
        InputError: it cannot be read.
    """
    with file.unpacked() as stream:
        first = stream.peek()
        # What has a byte order mark is decoded by it anyway.
        marked = UTF8 if marked_encoding(first) else None
        encoding = marked or wide_encoding(first) or told_encoding(stream)
    return replace(file, encoding=encoding, guessed=encoding != UTF8)


def use_source(
    file: DataFile, use: Callable[[Source], Result], block_bytes: int = BLOCK_BYTES
) -> Result:
    """Use a file; once more, decoded, if its bytes turn out to be in another encoding than UTF-8.

    Args:
        file: the file.
        use: what is done with it, which leaves nothing behind where it raises.
        block_bytes: how many bytes are read at once.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return use(sniff(file, block_bytes))
    except NotUtf8Error:
        return use(sniff(with_encoding(file), block_bytes))

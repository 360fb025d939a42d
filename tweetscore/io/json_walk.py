"""Cut JSON in unusual layouts: a stream enters, blocks of one value a line leave.

Values may follow each other over several lines or without a break, or stand in a container that is
nested in one large document. Memory is bounded by the longest value.
"""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from tweetscore.io import json_damage
from tweetscore.io.json_array import DEPTH, json_tokens
from tweetscore.io.json_damage import MOST_MARK_BYTES
from tweetscore.io.records import (
    BLOCK_BYTES,
    BOM,
    MOST_RECORD_BYTES,
    Octets,
    Positions,
    Records,
    cut_off,
)

EACH, EACH_KEYED = "[]", "{}"  # steps: into every element of an array, every value of an object
Bracket = tuple[int, bool]  # that is open, and whether it is on the way
Span = tuple[int, int, bytes]  # where a value begins and ends, and what is put into it first
# Between two values, never inside one: a quote in a string is escaped, a line break, too.
_BETWEEN = re.compile(rb'[}\]][ \t\r]*(?:\n\s*|(?=\{\s*"[^"\\\n]{0,200}"\s*:))(?=[{\[])')
_PRETTY_END = re.compile(rb"^[}\]]", re.MULTILINE)
_KEY = re.compile(rb'[\s,{]*"((?:[^"\\]|\\.)*)"\s*:\s*', re.DOTALL)
_PYTHON = re.compile(rb"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|[{}\[\],]|['"]""")
_MOST_CONTEXT_BYTES = 1_000


def stream_records(
    stream: BinaryIO, *, block_bytes: int = BLOCK_BYTES, most_bytes: int = MOST_RECORD_BYTES
) -> Iterator[Records]:
    """Cut values that follow each other in any layout; a damaged one costs no other."""
    cutter = _Cutter(stream, block_bytes, most_bytes)
    while cutter.more():
        ends = [m.start() + 1 for m in _BETWEEN.finditer(cutter.data)]
        if cutter.at_end:
            ends.append(len(cutter.data))
        elif not ends and len(cutter.data) > most_bytes:
            yield from cutter.give_up()
        starts = [0, *ends]
        spans = [(low, high, b"") for low, high in zip(starts, ends, strict=False)]
        yield from cutter.take(spans, ends[-1] if ends else 0)


def walked_records(
    stream: BinaryIO,
    steps: Sequence[str],
    *,
    python: bool = False,
    context: Sequence[str] = (),
    key: str = "",
    block_bytes: int = BLOCK_BYTES,
    most_bytes: int = MOST_RECORD_BYTES,
) -> Iterator[Records]:
    """Cut the values of a container that is nested in a document.

    Args:
        stream: the file.
        steps: from the document to its values: keys, ``[]`` for each element of an array, ``{}``
            for each value of an object. The last one is no key.
        python: strings are quoted as Python's ``repr`` does.
        context: keys of plain values around the container that go into each value as ``@key``.
        key: each value's own key goes into it under this one.
        block_bytes: how many bytes are read at once.
        most_bytes: a value that is longer is cut off.
    """
    cutter = _Cutter(stream, block_bytes, most_bytes)
    walker = _Walker(steps, python, context, key)
    while cutter.more():
        spans, stop = walker.walk(cutter.data, at_end=cutter.at_end)
        if cutter.at_end:
            spans.append((stop, len(cutter.data), b""))
            stop = len(cutter.data)
        yield from cutter.take(spans, stop)
        if len(cutter.data) > most_bytes:
            yield from cutter.give_up()


class _Cutter:
    """The part of a stream that is not cut yet, and where it lies."""

    def __init__(self, stream: BinaryIO, block_bytes: int, most_bytes: int) -> None:
        self._stream, self._block_bytes, self._most_bytes = stream, block_bytes, most_bytes
        self.data, self.at_end = stream.read(len(BOM)), False
        self._offset, self._line = 0, 1
        if self.data == BOM:
            self.data, self._offset = b"", len(BOM)

    def more(self) -> bool:
        """Read a block; False once everything has been read."""
        if self.at_end:
            return False
        fresh = self._stream.read(self._block_bytes)
        self.data, self.at_end = self.data + fresh, len(fresh) < self._block_bytes
        return True

    def give_up(self) -> Iterator[Records]:
        """Yield what is left for a reject: it is too long for a value."""
        yield cut_off(self.data, self._offset, self._line, self._most_bytes)
        yield from self.take([], len(self.data))

    def take(self, spans: list[Span], stop: int) -> Iterator[Records]:
        """Yield the values in these places, and forget everything before ``stop``."""
        pieces, opening = [], []
        for low, high, first in spans:
            value = self.data[low:high]
            start = low + len(value) - len(value := value.lstrip(b" \t\r\n,"))
            if value := value.rstrip():
                value = value.replace(b"\n", b" ") + b"\n"
                if first and value.startswith(b"{"):
                    empty = value[1:].lstrip().startswith(b"}")
                    value = b"{" + (first.rstrip(b",") if empty else first) + value[1:]
                pieces.append(value)
                opening.append(start)
        if pieces:
            breaks = np.flatnonzero(np.frombuffer(self.data, np.uint8) == 10)
            places: Positions = np.array(opening, np.int64)
            yield Records(
                b"".join(pieces),
                np.cumsum([0, *map(len, pieces)]),
                self._offset + places,
                self._line + np.searchsorted(breaks, places),
            )
        self._line += self.data.count(b"\n", 0, stop)
        self._offset += stop
        self.data = self.data[stop:]


class _Walker:
    """Follows the brackets down to the container, from block to block."""

    def __init__(
        self, steps: Sequence[str], python: bool, context: Sequence[str], key: str
    ) -> None:
        self._steps, self._python = [step.encode() for step in steps], python
        self._context = {name.encode() for name in context}
        self._key = key.encode()
        self._around: dict[bytes, bytes] = {}
        self._stack: list[Bracket] = []
        self._marks: json_damage.Marks | None = None

    def walk(self, data: bytes, *, at_end: bool) -> tuple[list[Span], int]:
        """Return the whole values in a block, and where the first one that is not whole begins."""
        spans: list[Span] = []
        place = 0
        while True:
            begin, is_damaged = self._walk(data, place, spans, at_end=at_end)
            if not is_damaged:
                return spans, begin
            # The values behind it would be passed over in silence.
            self._stack = [(_container(step), True) for step in self._steps]
            if self._marks is None:
                return [*spans, (begin, len(data), b"")], len(data)
            ends, place = json_damage.values(data, begin, self._marks, at_end=at_end)
            for end in ends:
                self._span(data, begin, end, spans)
                begin = end
            if place == len(data) or data[place] != self._marks.closer:
                return spans, place

    def _walk(
        self, data: bytes, start: int, spans: list[Span], *, at_end: bool
    ) -> tuple[int, bool]:
        """Walk on to the end or to damage; return where the value begins, and whether it is that.

        Spans of whole values are appended to ``spans``.
        """
        rest = data[start:] if start else data
        places, kinds = _python_tokens(rest) if self._python else json_tokens(rest)
        deltas = DEPTH[kinds]
        depths = len(self._stack) + np.cumsum(deltas, dtype=np.int64)
        begun = self._begun(data, start)
        begin = start  # of the member of the innermost container
        for token in np.flatnonzero(depths + (deltas < 0) <= len(self._steps)).tolist():
            place, kind = start + int(places[token]), int(kinds[token])
            if self._is_too_many(kind):
                return begin, True
            if kind in b"{[":
                if not self._opened(kind, data, begin, place):
                    continue
            elif self._stack:
                if self._at_values:
                    if kind != 44 and not at_end and len(data) - place < MOST_MARK_BYTES:
                        return begin, False  # what follows will show whether it is one too many
                    if self._is_torn(data, begin, place, begun):
                        return begin, True
                self._ended(data, begin, place, spans)
                if kind != 44:
                    self._stack.pop()
            begin = place + 1
            if self._at_values and self._marks is None:
                begun = self._begun(data, begin)
        if self._at_values:
            return begin, bool(len(begun) and begun[-1] > begin)
        left = data[begin:]
        if at_end or b'"' not in left:
            begin = len(data) if not left.strip(b" \t\r\n}],") else begin
        return begin, False

    @property
    def _at_values(self) -> bool:
        return len(self._stack) == len(self._steps) and self._stack[-1][1]

    def _begun(self, data: bytes, start: int) -> Positions:
        """Return where records seem to begin, as soon as the first ones have shown how they do."""
        if self._at_values and self._marks is None and not self._python:
            keyed = self._steps[-1] == EACH_KEYED.encode()
            self._marks = json_damage.learned(data, start, keyed=keyed)
        return np.fromiter(self._marks.places(data) if self._marks else (), np.int64)

    def _is_torn(self, data: bytes, begin: int, end: int, begun: Positions) -> bool:
        """Return whether a record begins inside a value that is not whole, or behind the last."""
        if self._marks is None:
            return False
        if data[end] != ord(b",") and self._marks.follow(data, end + 1):
            return True
        inside = np.searchsorted(begun, [begin, end])
        if inside[0] == inside[1]:
            return False
        key = _KEY.match(data, begin, end)
        return not json_damage.is_whole(data[key.end() if key else begin : end])

    def _is_too_many(self, kind: int) -> bool:
        """Return whether a closing brace closes nothing: the innermost container is an array."""
        return kind == ord(b"}") and bool(self._stack) and self._stack[-1] == (ord(b"["), True)

    def _opened(self, kind: int, data: bytes, begin: int, place: int) -> bool:
        """Enter a container, unless it is a value itself; return whether it was entered."""
        depth = len(self._stack)
        if depth >= len(self._steps):
            return False
        leads = depth == 0 or self._leads_on(data, begin, place)
        self._stack.append((kind, leads and kind == _container(self._steps[depth])))
        return True

    def _leads_on(self, data: bytes, begin: int, place: int) -> bool:
        step = self._steps[len(self._stack) - 1]
        if not self._stack[-1][1]:
            return False
        if step in (b"[]", b"{}"):
            return True
        key = _KEY.match(data, begin, place)
        return bool(key and key[1] == step)

    def _ended(self, data: bytes, begin: int, place: int, spans: list[Span]) -> None:
        depth, on_way = len(self._stack), self._stack[-1][1]
        if not on_way:
            return
        if depth == len(self._steps):
            self._span(data, begin, place, spans)
        elif self._context and (key := _KEY.match(data, begin, place)):
            value = data[key.end() : place].strip()
            if key[1] in self._context and len(value) < _MOST_CONTEXT_BYTES:
                self._around[key[1]] = value

    def _span(self, data: bytes, begin: int, end: int, spans: list[Span]) -> None:
        first = b"".join(b'"@%b":%b,' % pair for pair in self._around.items())
        if self._steps[-1] == EACH_KEYED.encode() and (key := _KEY.match(data, begin, end)):
            begin = key.end()
            first += b'"%b":"%b",' % (self._key, key[1]) if self._key else b""
        spans.append((begin, end, first))


def _container(step: bytes) -> int:
    return ord(b"[" if step == EACH.encode() else b"{")


def _python_tokens(data: bytes) -> tuple[Positions, Octets]:
    places, kinds = [], []
    for token in _PYTHON.finditer(data):
        if (kind := data[token.start()]) not in b"'\"":
            places.append(token.start())
            kinds.append(kind)
        elif len(token[0]) == 1:  # a string that is not whole
            break
    return np.array(places, np.int64), np.array(kinds, np.uint8)

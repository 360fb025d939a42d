"""Cut a JSON array into its values: a stream enters, blocks of one value a line leave."""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from tweetscore.io import json_damage
from tweetscore.io.records import BLOCK_BYTES, Octets, Positions, Records, blocks

MOST_JSON_BYTES = 32 << 20  # of a value, which may be a page of posts; it takes 20 times as much
_STRUCTURE = bytes(octet in b'"{}[],' for octet in range(256))  # what ``json_tokens`` looks for
DEPTH = np.zeros(256, np.int8)  # by how much an octet changes it
DEPTH[list(b"{[")] = 1
DEPTH[list(b"}]")] = -1


def json_array_records(
    stream: BinaryIO, *, block_bytes: int = BLOCK_BYTES, most_bytes: int = MOST_JSON_BYTES
) -> Iterator[Records]:
    """Cut a JSON array into blocks of one value a line, in any layout.

    Line breaks outside strings become blanks, and the end of a value becomes one: every byte
    keeps its place, and a parser for JSON lines reads the result.

    Args:
        stream: the file.
        block_bytes: how many bytes are read at once.
        most_bytes: a value that is longer is cut off, and the rest of it passed over.
    """
    cutter = _ArrayCutter()
    yield from blocks(stream, cutter.cut, cutter.resume, block_bytes, most_bytes)


class _ArrayCutter:
    """Cuts an array, and knows how its records begin once it has seen the first block."""

    def __init__(self) -> None:
        self._marks: json_damage.Marks | None = None

    def cut(
        self, data: bytes, breaks: Positions, first: bool, at_end: bool
    ) -> tuple[Octets, Positions, json_damage.Marks | None]:
        """Return the bytes with a line break behind each value, and the end of each whole value.

        The marks are returned, too, where they alone showed the ends.
        """
        if first:
            data = data.replace(b"[", b" ", 1)
        self._marks = marks = self._marks or json_damage.learned(data)
        cuts = None
        if marks and marks.line and not at_end:
            cuts = json_damage.next_lines(data, breaks, marks.line)
        by_marks = marks if cuts is not None else None
        if cuts is None:
            cuts, torn = _commas(data)
            if marks and _is_damaged(data, cuts, torn, marks):
                ends, rest = json_damage.values(data, 0, marks, at_end=at_end)
                cuts = np.array(ends, np.int64)
                if data[rest : rest + 1] == b"]":
                    cuts = np.concatenate((cuts, _commas(data[rest:])[0] + rest))
        lines = np.frombuffer(data, np.uint8).copy()
        lines[breaks] = 32
        lines[cuts] = 10
        return lines, cuts + 1, by_marks

    def resume(self, data: bytes) -> int | None:
        """Return where the first record behind the rest of one begins; the end if none can show."""
        if self._marks is None:
            return len(data)
        return next((place + 1 for place in self._marks.places(data)), None)


def _is_damaged(data: bytes, cuts: Positions, torn: int, marks: json_damage.Marks) -> bool:
    """Return whether a record begins inside a value that is not whole, or behind a brace too many.

    Args:
        data: the block.
        cuts: where its values end.
        torn: where the first brace is that closes nothing.
        marks: how records begin.
    """
    begun = np.fromiter(marks.places(data), np.int64)
    if len(begun) and begun[-1] > torn:
        return True
    inside = begun[~np.isin(begun, cuts)]
    bounds = np.concatenate(([0], cuts + 1, [len(data) + 1]))
    for number in np.unique(np.searchsorted(bounds, inside, "right")).tolist():
        low, high = bounds[number - 1 : number + 1].tolist()
        if high > len(data) or not json_damage.is_whole(data[low : high - 1]):
            return True
    return False


def _commas(data: bytes) -> tuple[Positions, int]:
    """Return where the values of an array end, and where a brace closes nothing for the first time.

    The latter is behind the end if none does.
    """
    places, kinds = json_tokens(data)
    depths = np.cumsum(DEPTH[kinds], dtype=np.int32)
    # A bracket too many lowers the level of all values after it, so that only its own is lost.
    level = np.minimum.accumulate(np.minimum(depths, 0))
    lowered = level < np.concatenate(([0], level[:-1])) if len(level) else level < 0
    cuts = places[((kinds == 93) & lowered) | ((kinds == 44) & (depths == level))]
    torn = places[lowered & (kinds == 125)]
    return cuts, int(torn[0]) if len(torn) else len(data)


def json_tokens(data: bytes) -> tuple[Positions, Octets]:
    """Return where brackets and commas stand outside strings, and which they are."""
    # Without escaped backslashes, a backslash before a quote escapes it.
    bare = data.replace(rb"\\", b"  ") if rb"\\" in data else data
    octets = np.frombuffer(bare, np.uint8)
    places = np.flatnonzero(np.frombuffer(bare.translate(_STRUCTURE), np.bool_))
    kinds = octets[places]
    quotes = (kinds == 34) & ~((places > 0) & (octets[places - 1] == 92))
    outside = (np.cumsum(quotes, dtype=np.uint8) & 1 == 0) & (kinds != 34)
    return places[outside], kinds[outside]

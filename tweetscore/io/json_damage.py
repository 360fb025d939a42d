r"""Find the values of damaged JSON again: text and marks enter, the places of values leave.

A quote or a bracket that is lost would move the brackets of all that follows. What comes before
the first key of a record, as ``,\n{"id":``, is learned from the first records of a file, and shows
afterwards where a damaged one ends.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]
_NEXT_LINE = re.compile(rb",[ \t\r]*\n[ \t]*\{")
_FIRST_KEY = rb'\{\s*"[^"\\\n]{1,100}"\s*:'
_OPENING = re.compile(rb"\s*,\s*" + _FIRST_KEY)
_OWN_KEY = rb'\s*,\s*"[^"\\\n]{0,100}"\s*:\s*'
_FIRST = re.compile(rb'[\s,]*(?:"[^"\\\n]{0,100}"\s*:\s*)?(' + _FIRST_KEY + rb")")
_KEYED_OPENING = re.compile(_OWN_KEY + _FIRST_KEY)
_LEARNED_BYTES = 1 << 18
_RARE = 20  # an opening is not one of records if the usual one is so many times as frequent
MOST_MARK_BYTES = 1_000
_SEPARATORS = b" \t\r\n,"
_GAP = re.compile(r"[\s,]*")
_BLANKS = re.compile(r"\s*")
_KEY = re.compile(r'"(?:[^"\\]|\\.)*"\s*:\s*', re.DOTALL)
_LONGEST_WORD = len("\\\\u0000") + 1  # that a block may cut off, as ``false``
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Marks:
    """How the records of a file begin, from the comma before them to their first key."""

    pattern: re.Pattern[bytes]
    keyed: bool  # each record stands behind a key
    line: bytes = b""  # of a comma to the brace on the next line, where that alone parts records

    @property
    def closer(self) -> int:
        """The bracket that closes the container of the records."""
        return ord(b"}" if self.keyed else b"]")

    def follow(self, data: bytes, place: int) -> re.Match[bytes] | None:
        """Return the mark behind a place, if there is one next to it."""
        mark = self.pattern.search(data, place, place + MOST_MARK_BYTES)
        return mark if mark and not data[place : mark.start()].strip(_SEPARATORS) else None

    def places(self, data: bytes) -> Iterator[int]:
        """Yield the place of the comma of each mark; some may be inside strings or records.

        The first record of a block has no comma.
        """
        for mark in self.pattern.finditer(data):
            place = _separator(data, mark)
            if place or data[0] == ord(","):
                yield place


def learned(data: bytes, start: int = 0, *, keyed: bool = False) -> Marks | None:
    """Learn the marks of a file from its first block; None if its values are no records.

    Args:
        data: the block.
        start: where its first value begins.
        keyed: each value stands behind a key.
    """
    sample = data[start : start + _LEARNED_BYTES]
    first = _FIRST.match(sample)
    if first is None:
        return None
    alike = Marks(re.compile((_OWN_KEY if keyed else rb"\s*,\s*") + re.escape(first[1])), keyed)
    ends, _ = values(sample, 0, alike, at_end=False)
    opening = _KEYED_OPENING if keyed else _OPENING
    counts = Counter(match[0] for end in ends if (match := opening.match(sample, end)))
    most = max(counts.values(), default=0)
    usual = [each for each, count in counts.items() if count * _RARE >= most]
    if not usual:
        return None
    patterns = dict.fromkeys(map(_pattern, usual))
    return Marks(re.compile(b"|".join(patterns)), keyed, _line(sample, ends, usual))


def _line(sample: bytes, ends: list[int], openings: list[bytes]) -> bytes:
    """Return what parts records if it is a break of lines, and does so nowhere else."""
    gaps = {opening.partition(b"{")[0] + b"{" for opening in openings}
    line = gaps.pop()
    if gaps or not _NEXT_LINE.fullmatch(line) or sample.count(line) != len(ends):
        return b""
    return line if all(sample.startswith(line, end) for end in ends) else b""


def next_lines(data: bytes, breaks: Positions, line: bytes) -> Positions | None:
    """Return the places of what parts records, which is a comma and a break of lines.

    None where nothing parts them, or where one begins a line without a comma before it.

    Args:
        data: a block of the file.
        breaks: where its lines break.
        line: what parts records.
    """
    octets = np.frombuffer(data, np.uint8)
    to_break = line.index(b"\n")
    behind = line[to_break + 1 :]
    breaks = breaks[breaks < len(data) - len(behind)]
    for offset, octet in enumerate(behind, 1):
        breaks = breaks[octets[breaks + offset] == octet]
    if len(breaks) and not data[: int(breaks[0])].strip():
        breaks = breaks[1:]  # the first record of the block
    places = breaks - to_break
    if not len(places) or places[0] < 0:
        return None
    before = [octets[places + offset] == octet for offset, octet in enumerate(line[:to_break])]
    return places if np.all(before) else None


def _pattern(opening: bytes) -> bytes:
    """Return a pattern of a record's beginning that holds for the others, too.

    Nothing but a record begins on a line of its own, as deep as this; elsewhere it needs the comma.
    """
    gap, _, first_key = opening[max(opening.find(b"\n"), 0) :].partition(b"{")
    before = re.escape(gap)
    if b'"' in gap:
        blanks, key, colon = gap.split(b'"')
        key = rb'"\d{1,30}"' if key.isdigit() else rb'"[^"\\\n]{0,100}"'
        before = re.escape(blanks) + key + re.escape(colon)
    return before + re.escape(b"{" + first_key)


def values(data: bytes, start: int, marks: Marks, *, at_end: bool) -> tuple[list[int], int]:
    """Cut the values of a container one by one; a damaged one ends before the next mark.

    Args:
        data: a block of the file.
        start: where a value begins, or the comma before it.
        marks: of the file.
        at_end: nothing follows the block.

    Returns:
        The place of the comma or bracket behind each value, or of the blank where a comma is
        missing; and where the next value begins that is not whole, or the container's bracket is.
    """
    text = data.decode("latin-1")  # every byte keeps its place
    ends: list[int] = []
    begin = _after(_GAP, text, start)
    while begin < len(text):
        end: int | None
        if text[begin] in "]}":  # one too many if a record follows, or if it closes nothing
            mark = marks.follow(data, begin + 1)
            if mark is None and data[begin] == marks.closer:
                break
            end = _separator(data, mark) if mark else begin + 1
        else:
            end, cut_off = _value_end(text, begin, marks)
            if end is None:
                mark = marks.pattern.search(data, begin + 1)
                if mark is None or (cut_off and not at_end):
                    break
                end = _separator(data, mark)
        if end == len(text):
            break
        ends.append(end)
        begin = end if text[end] in "]}" else _after(_GAP, text, end)
    return ends, begin


def _separator(data: bytes, mark: re.Match[bytes]) -> int:
    """Return the place of the comma before a mark; of a blank where it is missing."""
    place = before = mark.start()
    if (comma := mark[0].partition(b"{")[0].find(b",")) >= 0:
        return place + comma
    while before >= 0 and data[before] in _SEPARATORS:
        if data[before] == ord(","):
            return before
        before -= 1
    return place


def _after(gap: re.Pattern[str], text: str, place: int) -> int:
    found = gap.match(text, place)
    return found.end() if found else place


def _value_end(text: str, begin: int, marks: Marks) -> tuple[int | None, bool]:
    """Return the separator behind a record; None where it is damaged, or perhaps only cut off."""
    if marks.keyed and (key := _KEY.match(text, begin)):
        begin = key.end()
    if not text.startswith(("{", "[", "null"), begin):
        return None, len(text) - begin < _LONGEST_WORD
    try:
        _, end = _DECODER.raw_decode(text, begin)
    except RecursionError:
        return None, False
    except json.JSONDecodeError as error:
        unfinished = error.msg.startswith("Unterminated string")
        return None, unfinished or len(text) - error.pos < _LONGEST_WORD
    end = _after(_BLANKS, text, end)
    if end < len(text) and ord(text[end]) in (ord(","), marks.closer):
        return end, False
    return None, end == len(text)


def end_of_value(text: str, begin: int) -> int:
    """Return where the blanks end behind the value that begins at a place of a text.

    Raises:
        ValueError: it is damaged.
    """
    return _after(_BLANKS, text, _DECODER.raw_decode(text, begin)[1])


def is_whole(data: bytes) -> bool:
    """Return whether this is one value of JSON."""
    try:
        json.loads(data.decode("latin-1"))
    except (ValueError, RecursionError):
        return False
    return True

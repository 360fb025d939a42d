"""Bars nested in JSON: a whole document enters, a table of its bars leaves.

Bars stand as objects or arrays in lists, keyed by their time, or column by column; around them
stand symbols and time zones. Pages may follow each other, in an array or on lines.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

import polars as pl

from tweetscore.bars.content import recognise
from tweetscore.bars.names import PRICES, meaning
from tweetscore.bars.symbols import symbol_in_name
from tweetscore.errors import InputError
from tweetscore.io.clocks import Clock
from tweetscore.io.json_values import MOST_DOCUMENT_BYTES, check_document
from tweetscore.io.records import RAW_CHARACTERS, REASON_CHARACTERS, REJECTS_SCHEMA
from tweetscore.io.source import Source
from tweetscore.io.tables.table import Rows, Table

_MOST_DEPTH = 20
_BATCH_ROWS = 1 << 16
_GAP = re.compile(r"[\s,]*")
_BLANK = re.compile(r"\s*")
_TIME_KEY = re.compile(r"\d{4}-\d\d?-\d\d?|\d{10,19}$")
_ZONE_NAMES = re.compile(r"time ?_?zone|timezonename|^tz$", re.IGNORECASE)
_TOKENS = re.compile(r'"(?P<name>[^"\\]{0,60})"\s*:\s*(?=["\d-])|"(?:[^"\\]|\\.)*"?|[{}\[\]]')
_MOST_NAMES = 2_000  # characters, in which a bar has named its prices
_DEPTH_OF_BAR = 2
_PARTS_OF_BAR = ("mid", "bid", "ask", "hd", "header", "ohlc", "price", "prices", "candle", "bar")
_FEWEST_PRICES = 3
_FEWEST_VALUES = 5  # of a bar in an array
_MAY_HOLD_BARS = (
    re.compile(rb'"(?:\w+\. )?o(?:pen)?\b', re.IGNORECASE),
    re.compile(rb'"(?:\w+\. )?c(?:lose)?\b', re.IGNORECASE),
    re.compile(rb'"(?:\w+\. )?h(?:igh)?\b', re.IGNORECASE),
)
_ARRAYS = re.compile(rb'\[\s*\[\s*"?-?\d')
_BYTES = "surrogateescape"  # bytes that are no UTF-8 keep their places
_SURROGATES = re.compile("[\ud800-\udfff]")
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, strict=False)


@dataclass(frozen=True, slots=True)
class Document:
    """The table of a document, what its arrays hold, and the time zone that it names."""

    table: Table
    known: Mapping[str, str]  # our name to the column, where columns are places
    zone: str | None


@dataclass(slots=True)
class _Around:
    """What stands around bars: plain values, lists of plain values, and the key that led here."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(slots=True)
class _Bars:
    """Bars found in one place, and all that stands around them."""

    around: tuple[_Around, ...]
    rows: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # with their places


def open_document(source: Source, most_bytes: int = MOST_DOCUMENT_BYTES) -> Document | None:
    """Read a document of JSON; None where it holds no bars.

    Args:
        source: the file.
        most_bytes: of a document, which is kept in memory.

    Raises:
        InputError: it is too large to be read at once.
    """
    head = source.head
    if not (all(each.search(head) for each in _MAY_HOLD_BARS) or _ARRAYS.search(head)):
        return None
    fact, step = "one JSON document", "write one bar a line, or CSV"
    data = source.whole(most_bytes, fact, step)
    check_document(data, source.name, fact, step)
    text = data.decode("utf-8", _BYTES)
    reader = _Reader(text)
    reader.read()
    found = [bars for bars in reader.found if bars.rows]
    if not found:
        return None
    frame, zone = _frame(text, found)
    rejects = pl.DataFrame(reader.rejects, schema=REJECTS_SCHEMA)
    columns = [name for name in frame.columns if name not in ("line", "byte_offset")]
    places = all(name.isdigit() or name == "symbol" for name in columns)
    known: dict[str, str] = {}
    if places:
        known = recognise(frame.select(name for name in columns if name != "symbol").head(1_000))
        known |= {"symbol": "symbol"} if "symbol" in columns else {}

    def rows(columns: Mapping[str, str], most: int | None, _whole: bool) -> Iterator[Rows]:
        refused = rejects
        for start in range(0, frame.height, most or _BATCH_ROWS):
            part = frame.slice(start, most or _BATCH_ROWS)
            yield part.select(**columns, line="line", byte_offset="byte_offset"), refused
            refused = rejects.clear()

    return Document(Table(source, "json", tuple(columns), rows), known, zone)


class _Reader:
    """Goes through a document, and keeps the bars that it meets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._last = 0  # where the last element begins
        self.found: list[_Bars] = []
        self.rejects: list[dict[str, object]] = []

    def read(self) -> None:
        """Read one value after the other; what cannot be parsed is a reject up to the end."""
        top = _Around("")
        bars = _Bars((top,))
        self.found.append(bars)
        place = int(self.text.startswith("\ufeff"))
        while (place := self._skip(_GAP, place)) < len(self.text):
            try:
                place = self._element(place, bars, (top,))
            except (ValueError, IndexError, RecursionError) as error:
                self._reject(self._last, f"cannot be parsed: {str(error)[:REASON_CHARACTERS]}")
                return

    def _reject(self, place: int, reason: str) -> None:
        line = 1 + self.text.count("\n", 0, place)
        offset = len(self.text[:place].encode("utf-8", _BYTES))
        raw = _readable(self.text[place : place + RAW_CHARACTERS].strip())
        self.rejects.append({"line": line, "byte_offset": offset, "reason": reason, "raw": raw})

    def _skip(self, gap: re.Pattern[str], place: int) -> int:
        match = gap.match(self.text, place)
        return match.end() if match else place

    def _element(self, place: int, bars: _Bars, around: tuple[_Around, ...]) -> int:
        """Read an element of an array, or of the document: a bar, or what holds others."""
        self._last = place
        if len(around) > _MOST_DEPTH:
            raise ValueError("nested too deep")
        mark = self.text[place]
        if mark == "{":
            if bars.rows or self._begins_bar(place):
                value, end = _DECODER.raw_decode(self.text, place)
                if (row := _flat(value)) is not None:
                    bars.rows.append((place, row))
                    return int(end)
            return self._object(place, "", around)
        if mark == "[":
            return self._array(place, bars, around)
        value, end = _DECODER.raw_decode(self.text, place)
        if bars.rows:
            self._reject(place, "is no bar")
        return int(end)

    def _begins_bar(self, place: int) -> bool:
        """Return whether an object may be a bar, without reading one that holds thousands."""
        return _has_prices(self.text[place : place + _MOST_NAMES])

    def _array(self, place: int, bars: _Bars, around: tuple[_Around, ...]) -> int:
        """Read an array: a bar, a list of bars, or a list of what holds others."""
        first = self._skip(_BLANK, place + 1)
        if self.text[first] not in "[{]":
            value, end = _DECODER.raw_decode(self.text, place)
            if _is_bar(value):
                bars.rows.append((place, {str(at): each for at, each in enumerate(value, 1)}))
            return int(end)
        own = _Bars(around)
        self.found.append(own)
        place = first
        while self.text[place] != "]":
            place = self._skip(_GAP, self._element(place, own, around))
        return place + 1

    def _object(self, place: int, key: str, around: tuple[_Around, ...]) -> int:
        """Read an object that holds others."""
        own = _Around(key)
        inside = (*around, own)
        timed = _Bars(inside)
        before = len(self.found)
        start = place
        place = self._skip(_GAP, place + 1)
        while self.text[place] != "}":
            if self.text[place] != '"':
                raise ValueError("a name is missing")
            name, place = scanstring(self.text, place + 1, False)
            place = self._skip(_BLANK, place)
            if self.text[place] != ":":
                raise ValueError("a colon is missing")
            place = self._member(name, self._skip(_BLANK, place + 1), own, timed, inside)
            place = self._skip(_GAP, place)
        if timed.rows:
            self.found.append(timed)
        if rows := _by_column(own.lists):
            self.found.append(_Bars(inside, [(start, row) for row in rows]))
        if len(self.found) == before and len(around) > 1:
            # No bars within: it speaks of those beside it.
            around[-1].values |= {**own.values, **around[-1].values}
            around[-1].lists |= {**own.lists, **around[-1].lists}
        return place + 1

    def _member(
        self, name: str, place: int, own: _Around, timed: _Bars, inside: tuple[_Around, ...]
    ) -> int:
        mark = self.text[place]
        if mark == "{" and self._begins_bar(place):
            value, end = _DECODER.raw_decode(self.text, place)
            if (row := _flat(value)) is not None:
                if _TIME_KEY.match(name):
                    timed.rows.append((place, {"time": name, **row}))
                else:
                    self.found.append(_Bars((*inside, _Around(name)), [(place, row)]))
                return int(end)
        if mark == "{" and meaning(name) in (*PRICES, "volume"):  # pandas: values by their time
            value, end = _DECODER.raw_decode(self.text, place)
            if not any(isinstance(each, dict | list) for each in value.values()):
                own.lists |= {"time": list(value), name: list(value.values())}
                return int(end)
        if mark == "{":
            return self._object(place, name, inside)
        if mark == "[":
            first = self._skip(_BLANK, place + 1)
            if self.text[first] in "[{":
                return self._array(place, _Bars(inside), (*inside, _Around(name)))
            own.lists[name], end = _DECODER.raw_decode(self.text, place)
            return int(end)
        own.values[name], end = _DECODER.raw_decode(self.text, place)
        return int(end)


def _has_prices(text: str) -> bool:
    """Return whether the object at the beginning of a text has the names of prices.

    They stand in itself or in an object within it, never in an array.
    """
    names: list[str] = []
    depth = 0
    for token in _TOKENS.finditer(text):
        if token["name"] is not None:
            names += [token["name"]] if depth <= _DEPTH_OF_BAR else []
        elif token[0][0] != '"':
            depth += {"{": 1, "}": -1, "[": _MOST_DEPTH, "]": -_MOST_DEPTH}[token[0]]
            if depth == 0:
                break
    return len({ours for name in names if (ours := meaning(name)) in PRICES}) >= _FEWEST_PRICES


def _flat(value: Any) -> dict[str, Any] | None:
    """Return the plain values of a bar, those of objects within it too; None for what is none."""
    row: dict[str, Any] = {}
    for name, content in value.items():
        if isinstance(content, dict) and name.lower() in _PARTS_OF_BAR:
            inner = {key: it for key, it in content.items() if not isinstance(it, dict | list)}
            row = {**inner, **row}
        elif not isinstance(content, dict | list):
            row[name] = content
    prices = {ours for name in row if (ours := meaning(name)) in PRICES}
    return row if len(prices) >= _FEWEST_PRICES else None


def _is_bar(values: list[Any]) -> bool:
    return len(values) >= _FEWEST_VALUES and not any(
        isinstance(each, dict | list | bool) for each in values
    )


def _by_column(lists: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """Return the rows of prices that stand column by column."""
    prices = [name for name in lists if meaning(name) in PRICES]
    if len({meaning(name) for name in prices}) < _FEWEST_PRICES:
        return []
    length = len(lists[prices[0]])
    whole = {name: values for name, values in lists.items() if len(values) == length}
    return [dict(zip(whole, row, strict=True)) for row in zip(*whole.values(), strict=True)]


def _frame(text: str, found: list[_Bars]) -> tuple[pl.DataFrame, str | None]:
    """Make one table of all bars, with their places, symbols, and the zone around them."""
    zone: str | None = None
    places: list[int] = []
    columns: dict[str, list[str | None]] = {}
    for bars in found:
        zone = zone or _zone(bars.around)
        rows = _renamed(bars)
        names = dict.fromkeys(name for row in rows for name in row)
        extra = {} if any(meaning(name) == "symbol" for name in names) else _symbol(bars.around)
        beside = _times_beside(bars, names)
        for at, ((place, _), row) in enumerate(zip(bars.rows, rows, strict=True)):
            filled = {**extra, **{name: values[at] for name, values in beside.items()}, **row}
            for name, value in filled.items():
                values = columns.setdefault(_readable(name), [])
                values += [None] * (len(places) - len(values))
                values.append(_written(value))
            places.append(place)
    for values in columns.values():
        values += [None] * (len(places) - len(values))
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    lines, offsets = _lines_and_offsets(text, places)
    placed = frame.with_columns(
        pl.Series("line", lines, pl.Int64), pl.Series("byte_offset", offsets, pl.Int64)
    )
    return placed, zone


def _renamed(bars: _Bars) -> list[dict[str, Any]]:
    """Return the rows, those of arrays with names where a list of names stands beside them."""
    rows = [row for _, row in bars.rows]
    for each in reversed(bars.around):
        names = each.lists.get("columns")
        if names and rows and all(len(row) == len(names) and "1" in row for row in rows):
            return [dict(zip(names, row.values(), strict=True)) for row in rows]
    return rows


def _written(value: Any) -> str | None:
    if value is None:
        return None
    return _readable(value) if isinstance(value, str) else json.dumps(value)


def _readable(text: str) -> str:
    """Replace bytes that are no UTF-8, and halves of surrogate pairs."""
    return _SURROGATES.sub("\ufffd", text)


def _symbol(around: tuple[_Around, ...]) -> dict[str, str]:
    """Find the symbol in what stands around bars, from near to far; then in the keys to them."""
    for each in reversed(around):
        for name, value in each.values.items():
            if meaning(name) == "symbol" and isinstance(value, str) and value:
                return {"symbol": value}
    for each in reversed(around):
        if symbol := symbol_in_name(each.key):
            return {"symbol": symbol}
    return {}


def _zone(around: tuple[_Around, ...]) -> str | None:
    for each in reversed(around):
        for name, value in each.values.items():
            if _ZONE_NAMES.search(name) and isinstance(value, str) and _is_zone(value):
                return value
    return None


def _is_zone(name: str) -> bool:
    try:
        Clock.parse(name)
    except InputError:
        return False
    return True


def _times_beside(bars: _Bars, names: Mapping[str, object]) -> dict[str, list[Any]]:
    """Return the times that stand in a list of their own, further out."""
    if any(meaning(name) == "time" or name.isdigit() for name in names):
        return {}
    for each in reversed(bars.around):
        for name, values in each.lists.items():
            if meaning(name) == "time" and len(values) == len(bars.rows):
                return {name: values}
    return {}


def _lines_and_offsets(text: str, places: list[int]) -> tuple[list[int], list[int]]:
    lines: list[int] = []
    offsets: list[int] = []
    line, offset, last = 1, 0, 0
    for place in places:
        if place < last:
            line, offset, last = 1, 0, 0
        between = text[last:place]
        line, offset, last = (
            line + between.count("\n"),
            offset + len(between.encode("utf-8", _BYTES)),
            place,
        )
        lines.append(line)
        offsets.append(offset)
    return lines, offsets

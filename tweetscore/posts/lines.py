"""Tables of posts in lines whose first one is no header: a file enters, its table leaves.

A header may stand below other lines, or be missing. Columns without names are called by their
places, from 1, and are told by what is in them: an id, a time, and the longest text.
"""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io import csv_rows
from tweetscore.io.columns import by_normalised_name
from tweetscore.io.data_file import HEAD_BYTES
from tweetscore.io.loose_quotes import loose_rows
from tweetscore.io.source import Source
from tweetscore.io.tables.csv_table import lines_table
from tweetscore.io.tables.table import Table
from tweetscore.io.time_words import EPOCH, SERIAL
from tweetscore.io.times import time_form
from tweetscore.posts import addresses
from tweetscore.posts.fields import NEARLY_ALL, nearly_all
from tweetscore.posts.fields import ids as ids_of
from tweetscore.posts.names import NAMES
from tweetscore.posts.platform import OTHER, platform_of, platforms_by_ids

_SEPARATORS = "\t;|,"  # a comma may be part of a text between the others
_MOST_ROWS = 400
_MOST_LINES_ABOVE = 20
_STEADY = 0.8  # the share of rows that must be of one width
_LONGER = 2.0  # how much longer than any other the texts of posts must be
_NUMBER = r"^\d{6,19}$"
_HANDLE = r"^@\w+$"


@dataclass(frozen=True, slots=True)
class LinesTable:
    """A table of lines, and what its columns without names hold."""

    table: Table
    known: Mapping[str, str]  # our name to the column, by its content
    kinds: Mapping[str, str]  # the column to what it seems to hold; empty where it has a header

    @property
    def is_certain(self) -> bool:
        """Whether these are posts: with a header, or with texts and ids of some kind."""
        return not self.kinds or {"text", "tweet_id"} <= self.known.keys()

    @property
    def how_to_name(self) -> str:
        """Describe the columns without names, and how to say which are those of posts."""
        seen = ", ".join(f"{name} holds {kind}" for name, kind in self.kinds.items())
        text = next((name for name, kind in self.kinds.items() if kind == "text"), "N")
        times = next((name for name, kind in self.kinds.items() if kind == "times"), "N")
        return (
            f"it has no header, and of its columns {seen}; if it holds posts, name their columns "
            f"by number, as in --column text={text} "
            f"--column posted={self.known.get('posted', times)}"
        )


def open_lines(source: Source) -> LinesTable | None:
    """Return the table of lines whose first one is no plain header; None where it is one."""
    if has_header(source):
        return _with_row_names(source)
    lines = _first_lines(source)
    for separator in _SEPARATORS:
        if below := _below(source, lines, separator):
            return below
    rows = {separator: _rows(lines, separator) for separator in _SEPARATORS}
    # A quote after a wrong separator would swallow all other rows.
    steady = [it for it in rows if _width(rows[it])]
    separator = max(steady or _SEPARATORS, key=lambda it: (len(rows[it]), _width(rows[it])))
    width = _width(rows[separator])
    return _without(source, rows[separator], width, separator) if width else None


def has_header(source: Source) -> bool:
    """Return whether the first line names the columns of posts."""
    return _is_header(csv_rows.column_names(source.head, _first_separator(source.head)))


def is_table(source: Source) -> bool:
    """Return whether lines have fields: some separator gives nearly all of them one width."""
    lines = _first_lines(source)
    return len(lines) > 1 and any(_width(_rows(lines, separator)) for separator in _SEPARATORS)


def _first_separator(head: bytes) -> str:
    return max(_SEPARATORS, key=lambda it: len(csv_rows.column_names(head, it)))


def _is_header(row: Sequence[str]) -> bool:
    """Return whether a row names a text, and a time or an id."""
    names = by_normalised_name(row).keys()
    return bool(names & set(NAMES["text"])) and bool(names & {*NAMES["posted"], *NAMES["tweet_id"]})


def _first_lines(source: Source) -> list[str]:
    """Return the first lines with something in them, without one that was cut off."""
    lines = list(StringIO(source.head.decode("utf-8", "replace"), newline=""))
    if len(source.head) >= HEAD_BYTES and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()][:_MOST_ROWS]


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    """Return the rows of lines, read loosely where quotes would leave them of no one width."""
    rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    if _width(rows):
        return rows
    mended = b"".join(row.data for row in loose_rows("".join(lines).encode(), separator)).decode()
    loose = list(csv.reader(StringIO(mended, newline=""), delimiter=separator))
    return loose if _width(loose) else rows


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Return how wide nearly all rows are; 0 where they are not, or have one column."""
    if not rows:
        return 0
    width, often = Counter(map(len, rows)).most_common(1)[0]
    return width if width > 1 and often >= _STEADY * len(rows) else 0


def _with_row_names(source: Source) -> LinesTable | None:
    """Return the table in which rows have one field more than the header, as R writes it."""
    separator = _first_separator(source.head)
    lines = _first_lines(source)
    names, *first = _rows(lines[:2], separator)
    wider = len(names) + 1
    if not first or len(first[0]) != wider or _width(_rows(lines[1:], separator)) != wider:
        return None
    added = [*names, ""] if not first[0][-1] else ["", *names]
    return LinesTable(lines_table(source, added, separator, skip=1), {}, {})


def _below(source: Source, lines: Sequence[str], separator: str) -> LinesTable | None:
    """Return the table whose header stands below other lines."""
    for place, line in enumerate(lines[:_MOST_LINES_ABOVE]):
        names = next(csv.reader([line], delimiter=separator), [])
        if place and _is_header(names) and _width(_rows(lines[place:], separator)) == len(names):
            quote = csv_rows.is_quoted("".join(lines[place:]).encode(), separator)
            table = lines_table(source, names, separator, skip=place + 1, quote=quote)
            return LinesTable(table, {}, {})
    return None


def _without(
    source: Source, rows: Sequence[Sequence[str]], width: int, separator: str
) -> LinesTable | None:
    """Return the table that has no header; None where the first row may be one."""
    names = [str(place) for place in range(1, width + 1)]
    whole = [row for row in rows if len(row) == width]
    frame = pl.DataFrame(whole, dict.fromkeys(names, pl.String), orient="row")
    kinds = {name: _kind(_filled(frame[name])) for name in names}
    own = frame.head(1).transpose().to_series()
    if rows[0] != whole[0] or not any(_kind(own[at : at + 1]) in _TOLD for at in range(width)):
        return None
    header = separator.join(names).encode() + b"\n"
    quote = csv_rows.is_quoted(header + source.head, separator)
    table = lines_table(source, names, separator, skip=0, quote=quote)
    known = _recognise(frame, kinds)
    apart = [name for kind in _APART for name, own in kinds.items() if own == kind]
    if "posted" not in known and len(apart) == len(_APART):
        table, known["posted"] = table.joined(apart, " "), "+".join(apart)
    return LinesTable(table, known, kinds)


# --- columns by their content ---------------------------------------------------------------------

_APART = ("days", "times of day")
_TOLD = ("times", "counted times", *_APART, "long numbers", "addresses")  # what is in no header
_DAY = r"^(?:\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./]\d{4})$"
_TIME_OF_DAY = r"^\d\d?:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp][Mm])?$"


def _filled(values: pl.Series) -> pl.Series:
    values = values.str.strip_chars().drop_nulls()
    return values.filter(values != "")


def _kind(values: pl.Series) -> str:
    """Say in words what a column seems to hold."""
    if not len(values):
        return "nothing"
    if nearly_all(ids_of(values).str.contains(_NUMBER)):
        return "long numbers"
    if addresses.are_posts(values):
        return "addresses"
    for kind, pattern in zip(_APART, (_DAY, _TIME_OF_DAY), strict=True):
        if nearly_all(values.str.contains(pattern)):
            return kind
    try:
        form = time_form("", [values])
    except InputError:  # day or month first: times they are
        return "times"
    if form and nearly_all(form.read(values).is_not_null()):
        return "counted times" if form.written in (EPOCH, SERIAL) else "times"
    if nearly_all(values.str.contains(r"^[\d.,+-]+$")):
        return "numbers"
    return "words" if nearly_all(~values.str.contains(r"\s")) else "text"


def _recognise(frame: pl.DataFrame, kinds: Mapping[str, str]) -> dict[str, str]:
    """Return our name to the column, for what is certain."""
    found = {}
    if text := _longest(frame, [name for name, kind in kinds.items() if kind == "text"]):
        found["text"] = text
    times = [name for name, kind in kinds.items() if kind == "times"]
    numbers = [name for name, kind in kinds.items() if kind == "long numbers"]
    counted = [name for name in numbers if _is_epoch(frame[name])]
    if posted := next(iter([*times, *counted[: len(numbers) > 1]]), None):
        found["posted"] = posted
    if number := _ids(frame, [name for name in numbers if name != posted], posted):
        found["tweet_id"] = number
    elif address := next((name for name, kind in kinds.items() if kind == "addresses"), None):
        found["tweet_id"] = address
    handles = [name for name in kinds if nearly_all(frame[name].str.contains(_HANDLE))]
    if len(handles) == 1:
        found["author"] = handles[0]
    return found


def _longest(frame: pl.DataFrame, texts: Sequence[str]) -> str | None:
    """Return the column with by far the longest texts."""
    lengths = {name: int(frame[name].str.len_chars().sum()) for name in texts}
    ordered = sorted(texts, key=lambda name: -lengths[name])
    if not ordered or (len(ordered) > 1 and lengths[ordered[0]] < _LONGER * lengths[ordered[1]]):
        return None
    return ordered[0]


def _is_epoch(values: pl.Series) -> bool:
    """Return whether numbers count from 1970, in seconds or thousandths."""
    filled = _filled(values)
    form = time_form("", [filled])
    lengths = filled.str.len_chars().unique().to_list()
    return form is not None and form.written == EPOCH and set(lengths) <= {10, 13}


def _ids(frame: pl.DataFrame, numbers: Sequence[str], posted: str | None) -> str | None:
    """Return the column of ids: one whose times agree, or the only one where each is another."""
    distinct = [name for name in numbers if frame[name].n_unique() >= NEARLY_ALL * frame.height]
    for name in distinct:
        if posted is None:
            if platforms_by_ids(frame[name], ()):
                return name
        elif platform_of(frame[name], _times(frame[posted]), ()) != OTHER:
            return name
    return distinct[0] if posted and len(distinct) == 1 else None


def _times(values: pl.Series) -> pl.Series:
    try:
        form = time_form("", [_filled(values)])
    except InputError:
        form = None
    return form.read(values) if form else pl.Series([None] * len(values), dtype=pl.Datetime("us"))

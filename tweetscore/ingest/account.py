"""The options of an ingest, and the account of what became of one file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tweetscore.bars.words import Candidate

IGNORED = "ignored"  # the kind of a file that is neither tweets nor bars, among others that are
TimePrecision = Literal["auto", "second", "minute"]
Reached = tuple[int, int | None]  # bytes of the content read, and of how many, if that shows
Progress = Callable[[str, int, Reached], None]  # the file's name, its rows read so far


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What the user sets for the files; ``auto`` leaves the decision to the evidence."""

    symbol: str | None = None
    clock: str = "auto"
    stamp: str = "auto"
    calendar: str = "auto"
    platform: str | None = None
    encoding: str | None = None  # of texts without a byte order mark, as Python calls it
    precision: TimePrecision = "auto"  # of the times of posts
    columns: Mapping[str, str] = field(default_factory=dict)  # our name to the file's, for tables
    max_gap_minutes: int | None = None  # a rule of the database; None leaves it as it is
    flat_bps: float | None = None  # likewise


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one file: rows_read = stored + updated + duplicates + rejected."""

    name: str
    kind: str = ""
    format: str = ""
    symbol: str | None = None
    clock: str = ""
    sha256: str = ""
    bytes: int = 0
    rows_read: int = 0
    stored: int = 0
    updated: int = 0
    duplicates: int = 0
    rejected: int = 0
    repaired: int = 0  # texts with U+FFFD instead of bytes that are not a character
    taken: str = ""  # what was taken for what: columns, symbol, numbers and layout
    candidates: tuple[Candidate, ...] = ()  # markets and clocks that bars may be of, best first
    warnings: tuple[str, ...] = ()  # what the user should know of the file, a line each
    unchanged: bool = False  # the same content is here already: nothing was done
    error: str | None = None  # why the file was refused: nothing of it was stored


Kind = Literal["tweets", "bars"]

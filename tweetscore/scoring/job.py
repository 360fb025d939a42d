"""Records of scoring files into files: shards, jobs, the market, and the result of each shard.

A shard is one Parquet file in the columns of the table tweets. A job is everything else that makes
its result, so that any number of workers may share the shards.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.places import Place
from tweetscore.market.horizons import NO_HORIZON, Horizon
from tweetscore.scoring.predictions import CHUNK_ROWS
from tweetscore.scoring.predictors import Model
from tweetscore.store.database import Store, statement


@dataclass(frozen=True, slots=True)
class Shard:
    """One file to score."""

    place: Place
    name: str  # below the folder that was named, and so below the output
    bytes: int
    stamp: str  # another one if the file is


@dataclass(frozen=True, slots=True)
class Market:
    """What predictions are joined to; without bars only the settings have a row."""

    settings: pl.DataFrame
    symbols: pl.DataFrame
    sessions: pl.DataFrame
    windows: pl.DataFrame
    link_rules: pl.DataFrame

    @property
    def fingerprint(self) -> str:
        """A hash of the windows and rules."""
        # The schema may change without changing a result: its number stays that of the first jobs.
        rules = self.settings.with_columns(schema_version=pl.lit(2, pl.Int32))
        digest = hashlib.sha256()
        # Symbols add nothing: their calendars show in their sessions.
        # Without a rule the hash stays what it was before there were any.
        links = [self.link_rules] if self.link_rules.height else []
        for frame in (rules, self.sessions, self.windows, *links):
            stream = io.BytesIO()
            frame.write_ipc(stream)
            digest.update(stream.getbuffer())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that a shard's result depends on except the shard; each worker gets it once."""

    model: Model
    horizons: tuple[Horizon, ...]  # sorted
    market: Market
    output: Place
    chunk_rows: int = CHUNK_ROWS  # of a shard, read and scored at once


@dataclass(frozen=True, slots=True)
class Finished:
    """One line of the manifest: rows = scored + skipped + rejected."""

    name: str
    stamp: str  # of the shard that was scored
    rows: int
    scored: int
    skipped: int
    rejected: int
    reasons: dict[str, int]  # of what was skipped or rejected
    words: dict[str, int]  # by script
    known: dict[str, int]  # those of them that the model knows
    result: str  # sha256 of the file of results
    result_bytes: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A shard that could not be scored, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A worker that would give other results; its shards are scored by others."""

    reason: str


Engine = Callable[[Job, Sequence[Shard]], Iterator[Finished | Failed | Refused]]


def read_market(store: Store, horizons: Sequence[int]) -> Market:
    """Read what predictions at these horizons are joined to.

    Raises:
        InputError: the database has no windows for an interval.
    """
    kept = {minutes for (minutes,) in store.rows("SELECT interval_minutes FROM intervals")}
    lacking = sorted({*horizons} - kept - {NO_HORIZON})
    if lacking and store.rows("FROM symbols LIMIT 1"):
        raise InputError(
            f"{store.path}: has no windows for {Horizon(lacking[0]).words}; make them with: "
            f"tweetscore score --interval {lacking[0]} --db {store.path}"
        )
    return Market(
        store.frame("FROM settings"),
        store.frame("FROM symbols ORDER BY ALL"),
        store.frame("FROM sessions ORDER BY ALL"),
        store.frame(statement("scoring/windows"), intervals=list(map(int, horizons))),
        store.frame("FROM link_rules ORDER BY rule"),
    )

"""Score one shard: a Parquet file of tweets enters, one of scored tweets leaves.

The result is a pure function of the file and the job, so a shard that was lost is made again as it
was. The views of a database join scores to the market here, too.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow.parquet as pq

from tweetscore.errors import IntegrityError
from tweetscore.io.fetched import Part
from tweetscore.io.new_file import sha256_of
from tweetscore.io.pipeline import Item, prefetch
from tweetscore.market.links import links_of
from tweetscore.scoring.job import Finished, Job, Shard
from tweetscore.scoring.manifest import MANIFEST, REJECTS
from tweetscore.scoring.predictions import Predictions, register_model
from tweetscore.scoring.predictors import Scored
from tweetscore.scoring.shard_reader import OF_TWEETS, parts_of, read_shard
from tweetscore.scoring.shard_reader import REJECTS as REJECTS_SCHEMA
from tweetscore.store.database import memory_store
from tweetscore.text.known import WordCounts
from tweetscore.text.terms import TermFinder


@dataclass(frozen=True, slots=True)
class Written:
    """Results of a shard that are whole, but not in their place yet."""

    shard: Shard
    finished: Finished
    refused: pl.DataFrame
    file: ExitStack  # puts them there when it is closed


class ShardScorer:
    """A loaded model and market: a shard enters, a file of results and its counts leave."""

    def __init__(self, job: Job, threads: int | None = None) -> None:
        """Load both.

        Args:
            job: what makes the results.
            threads: at most so many, if several workers share a machine; None: all cores.
        """
        self.job = job
        self.threads = threads
        self.predictor = job.model.load(threads=threads)
        self.store = memory_store(threads)
        self.store.con.execute("DELETE FROM settings")
        self.store.append("settings", job.market.settings)
        self.store.append("symbols", job.market.symbols)
        self.store.append("sessions", job.market.sessions)
        self.store.append("windows", job.market.windows)
        self.store.append("link_rules", job.market.link_rules)
        self.finder = TermFinder(job.market.link_rules)
        register_model(self.store, job.model)
        self.predictions = Predictions(self.store, job.model, job.horizons)
        self._has_ended = False

    def score(self, shard: Shard) -> Finished:
        """Score a shard and write its results completely or not at all.

        Raises:
            InputError: it is unreadable, or lacks a column, or one has another type.
            IntegrityError: it has changed since it was listed.
        """
        return self.put(self.write(shard, self.fetch(shard)))

    def stop(self) -> None:
        """End what is fetched and predicted in other threads; nothing more can be scored."""
        self._has_ended = True
        self.predictor.stop()

    def fetch(self, shard: Shard) -> Iterator[Part]:
        """Begin to fetch a shard, part by part, at most one ahead; errors are raised later."""
        counts = self.job.model.uses_counts
        return prefetch(parts_of(shard, counts=counts, ended=lambda: self._has_ended))

    def write(self, shard: Shard, parts: Iterator[Part]) -> Written:
        """Score a shard into a file that has no name yet.

        Raises:
            InputError: it is unreadable, or lacks a column, or one has another type.
        """
        rows = 0
        skipped: Counter[str] = Counter()
        words = WordCounts()
        rejects: list[pl.DataFrame] = []
        with ExitStack() as opened:
            file = opened.enter_context((self.job.output / shard.name).new_file())
            with _writer(file, self._joined(self._nothing()).schema) as write:
                for chunk, bad in self._scored(shard, parts):
                    write(self._joined(chunk))
                    skipped += chunk.skipped
                    words += chunk.words
                    rejects.append(bad)
                    rows += chunk.rows.height + chunk.skipped.total() + bad.height
            file.flush()
            result, result_bytes = sha256_of(Path(file.name)), file.tell()
            unnamed = opened.pop_all()
        refused = pl.concat(rejects) if rejects else pl.DataFrame(schema=REJECTS_SCHEMA)
        reasons = skipped + Counter(refused["reason"].to_list())
        finished = Finished(
            name=shard.name,
            stamp=shard.stamp,
            rows=rows,
            scored=rows - skipped.total() - refused.height,
            skipped=skipped.total(),
            rejected=refused.height,
            reasons=dict(sorted(reasons.items())),
            words=dict(sorted(words.words.items())),
            known=dict(sorted(words.known.items())),
            result=result,
            result_bytes=result_bytes,
        )
        return Written(shard, finished, refused, unnamed)

    def put(self, written: Written) -> Finished:
        """Give the results of a shard their name, and list the rows that were rejected.

        Raises:
            InputError: they cannot be written.
            IntegrityError: the shard has changed since it was listed.
        """
        with written.file:
            self._check_unchanged(written.shard)
        self._write_rejects(written.shard, written.refused)
        return written.finished

    def _check_unchanged(self, shard: Shard) -> None:
        """Refuse what may be half of one file and half of another.

        Raises:
            IntegrityError: it has changed since it was listed.
        """
        now = shard.place.entry()
        if now is None or now.stamp != shard.stamp:
            raise IntegrityError(
                f"{shard.place}: has changed since it was listed; run the command again"
            )

    def _scored(self, shard: Shard, parts: Iterator[Part]) -> Iterator[tuple[Scored, pl.DataFrame]]:
        """Yield each chunk of a shard with its scores, and the rows that cannot be scored."""
        counts, chunk_rows = self.job.model.uses_counts, self.job.chunk_rows
        chunks = read_shard(shard, parts, counts=counts, chunk_rows=chunk_rows)
        encoded = self._ahead((self.predictor.encode(good), bad) for good, bad in chunks)
        yield from self._ahead((self.predictor.run(each), bad) for each, bad in encoded)

    def _ahead(self, items: Iterator[Item]) -> Iterator[Item]:
        """Make items ahead of their use, where there are threads to do it."""
        return items if self.threads == 1 else prefetch(items, self.predictor.stop)

    def _nothing(self) -> Scored:
        return self.predictor.probabilities(pl.DataFrame(schema=OF_TWEETS))

    def _joined(self, chunk: Scored) -> pl.DataFrame:
        """Join a chunk to the market with the views of a database.

        Until then rows have their number instead of their id: a file may hold a post twice.
        """
        number = pl.int_range(pl.len(), dtype=pl.Int64)
        of_chunk = chunk.rows.select(  # DuckDB finds frames by their variables
            platform=pl.lit(""),
            tweet_id=number,
            author=pl.lit(None, pl.String),
            posted_utc="posted_utc",
            text=pl.lit(""),
        )
        numbered = chunk.rows.select(platform=pl.lit(""), tweet_id=number, done=pl.lit(0, pl.Int64))
        self.store.con.execute("CREATE OR REPLACE TABLE tweets AS FROM of_chunk")
        self.store.con.execute("CREATE OR REPLACE TABLE predictions AS FROM predictions LIMIT 0")
        self.store.con.execute("DELETE FROM links")
        if self.job.market.link_rules.height:
            named = self.finder.found(chunk.rows)
            self.store.append("links", links_of(of_chunk, named, self.job.market.link_rules))
        self.predictions.insert(Scored(numbered, chunk.probabilities, chunk.skipped))
        found = self.store.frame(self.job.model.target.kind.results)
        order = [name for name in ("tweet_id", "symbol", "interval_minutes") if name in found]
        found = found.sort(order)
        own = chunk.rows.select("platform", "tweet_id", "author", "posted_utc", "text")
        if not self.job.model.target.kind.is_market:  # so that it can be added to a database
            of_classes = pl.Series("probabilities", chunk.probabilities[:, 0]).arr.to_list()
            own = own.with_columns(of_classes)
        return found.with_columns(own[found["tweet_id"]])

    def _write_rejects(self, shard: Shard, refused: pl.DataFrame) -> None:
        place = self.job.output / MANIFEST / REJECTS / f"{shard.name}.jsonl"
        if refused.is_empty():
            place.remove()
            return
        with place.new_file() as file:
            refused.with_columns(file=pl.lit(str(shard.place))).write_ndjson(file)


@contextmanager
def _writer(file: BinaryIO, schema: pl.Schema) -> Iterator[Callable[[pl.DataFrame], None]]:
    """Write frames of one schema as row groups of a Parquet file."""
    oldest = pl.CompatLevel.oldest()  # the types that every reader of Parquet knows
    arrow = pl.DataFrame(schema=schema).to_arrow(compat_level=oldest).schema
    with pq.ParquetWriter(file, arrow, compression="zstd") as parquet:
        yield lambda frame: parquet.write_table(frame.to_arrow(compat_level=oldest))

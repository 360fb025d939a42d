"""Score Parquet files into Parquet files: shards of tweets enter, shards of scored tweets leave.

A shard is one file in the columns of the table tweets. It is scored whole, by one worker, as a pure
function of file, model and market, so any number of workers may share the shards, and a shard that
was lost is made again as it was. A manifest beside the results says for which model and market they
are and which shards are finished: what it names is whole, because a file has its name only then.
"""

import glob
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tweetscore.errors import InputError, IntegrityError, TweetscoreError
from tweetscore.io.new_file import new_file
from tweetscore.io.parquet import UNREADABLE
from tweetscore.io.pipeline import prefetch
from tweetscore.market.targets import OWN_LABEL
from tweetscore.posts.canonical import COUNTS
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.score import CHUNK_ROWS, Scored, Scorer, check_heads, register_model
from tweetscore.store.database import Store, memory_store, statement

Schema = dict[str, pl.DataType | type[pl.DataType]]
FORMAT = 1  # of the manifest
MANIFEST = "_manifest"  # readers of Parquet folders pass by what begins so
RUN, FINISHED, REJECTS = "run.json", "shards.jsonl", "rejects"
VIEWS = {"direction": "scored", "move": "scored_moves", "label": "scored_labels"}
OF_TWEETS: Schema = {
    "platform": pl.String, "tweet_id": pl.Int64, "author": pl.String,
    "posted_utc": pl.Datetime("us"), "text": pl.String,
    "retweet_count": pl.Int64, "favorite_count": pl.Int64,
}  # fmt: skip
NEEDED = ("platform", "tweet_id", "posted_utc", "text")  # of a row; others may be null or missing
FOOTER_BYTES = 8  # the length of a Parquet footer, and the mark behind it


@dataclass(frozen=True, slots=True)
class Shard:
    """One file to score."""

    path: Path
    name: str  # below the folder that was named, and so below the output
    fingerprint: str  # of its size and footer, which holds where and how all columns lie
    rows: int  # by its footer; 0 where that is unreadable


@dataclass(frozen=True, slots=True)
class Market:
    """What predictions are joined to; without bars all of it is empty but the rules."""

    settings: pl.DataFrame
    sessions: pl.DataFrame
    windows: pl.DataFrame

    @property
    def fingerprint(self) -> str:
        """The same for the same windows under the same rules."""
        digest = hashlib.sha256()
        for frame in (self.settings, self.sessions, self.windows):
            stream = io.BytesIO()
            frame.write_ipc(stream)
            digest.update(stream.getbuffer())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Job:
    """What makes a shard's result; workers get it once."""

    bundle: Bundle
    intervals: tuple[int, ...]
    market: Market
    output: Path


@dataclass(frozen=True, slots=True)
class Finished:
    """One line of the manifest: rows = scored + skipped + rejected."""

    name: str
    fingerprint: str
    rows: int
    scored: int
    skipped: int
    rejected: int
    reasons: dict[str, int]  # of what was skipped or rejected


@dataclass(frozen=True, slots=True)
class Failed:
    """A shard that could not be scored, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FilesAccount:
    """What became of all shards: rows = scored + skipped + rejected over those that finished."""

    model: str
    model_id: str
    intervals: tuple[int, ...]
    shards: int
    already_finished: int
    rows: int
    scored: int
    skipped: int
    rejected: int
    reasons: dict[str, int] = field(default_factory=dict)
    failed: tuple[Failed, ...] = ()


Engine = Callable[[Job, Sequence[Shard]], Iterator[Finished | Failed]]


def score_files(
    inputs: Sequence[str],
    job: Job,
    engine: Engine,
    progress: Callable[[int, int], None],
) -> FilesAccount:
    """Score every shard that the manifest does not have yet.

    Args:
        inputs: files, folders or patterns.
        job: by which model, against which market, and where to.
        engine: does the shards, in any order.
        progress: called with the rows done and to do.

    Raises:
        InputError: there are no shards, or two would have one name, or the output holds other
            results.
    """
    check_heads(job.bundle, job.intervals)
    shards = find_shards(inputs)
    finished = _begin(job)
    known = {each.name: each for each in finished}
    to_do = [each for each in shards if _fingerprint_of(known, each.name) != each.fingerprint]
    rows = {each.name: each.rows for each in to_do}
    done, total = 0, sum(rows.values())
    failed = []
    with (job.output / MANIFEST / FINISHED).open("a", encoding="utf-8") as manifest:
        for each in engine(job, to_do):
            done += rows[each.name]
            progress(done, total)
            if isinstance(each, Failed):
                failed.append(each)
                continue
            known[each.name] = each
            manifest.write(json.dumps(asdict(each)) + "\n")
            manifest.flush()
            os.fsync(manifest.fileno())
    there = [known[each.name] for each in shards if each.name in known]
    return _account(job, shards, to_do, there, failed)


def _account(
    job: Job,
    shards: Sequence[Shard],
    to_do: Sequence[Shard],
    there: Sequence[Finished],
    failed: Sequence[Failed],
) -> FilesAccount:
    return FilesAccount(
        model=job.bundle.name,
        model_id=job.bundle.model_id,
        intervals=job.intervals,
        shards=len(shards),
        already_finished=len(shards) - len(to_do),
        rows=sum(each.rows for each in there),
        scored=sum(each.scored for each in there),
        skipped=sum(each.skipped for each in there),
        rejected=sum(each.rejected for each in there),
        reasons=dict(sum((Counter(each.reasons) for each in there), Counter[str]())),
        failed=tuple(sorted(failed, key=lambda each: each.name)),
    )


def local_engine(job: Job, shards: Sequence[Shard]) -> Iterator[Finished | Failed]:
    """Score shards one after another, each on every core."""
    scorer = ShardScorer(job)
    for shard in shards:
        try:
            yield scorer.score(shard)
        except TweetscoreError as error:
            yield Failed(shard.name, str(error))


# --- the market -----------------------------------------------------------------------------------


def read_market(store: Store, intervals: Sequence[int]) -> Market:
    """Read what predictions at these intervals are joined to.

    Raises:
        InputError: the database keeps no windows for an interval.
    """
    kept = {minutes for (minutes,) in store.rows("SELECT interval_minutes FROM intervals")}
    lacking = sorted({*intervals} - kept - {OWN_LABEL})
    if lacking and store.rows("FROM symbols LIMIT 1"):
        raise InputError(
            f"{store.path}: keeps no windows for {lacking[0]} minutes; make them with: "
            f"tweetscore score --interval {lacking[0]} --db {store.path}"
        )
    return Market(
        store.frame("FROM settings"),
        store.frame("FROM sessions ORDER BY ALL"),
        store.frame(statement("scoring/windows"), intervals=list(intervals)),
    )


# --- one shard ------------------------------------------------------------------------------------


class ShardScorer:
    """A loaded model and market: a shard enters, its file of results and account leave."""

    def __init__(self, job: Job, threads: int | None = None) -> None:
        """Load both.

        Args:
            job: what makes the results.
            threads: so many at most, where several workers share a machine; None: all cores.
        """
        self.job = job
        self.threads = threads
        self.scorer = Scorer(job.bundle, threads=threads)
        self.heads = [job.bundle.intervals.index(minutes) for minutes in job.intervals]
        self.store = memory_store(threads)
        self.store.con.execute("DELETE FROM settings")
        self.store.append("settings", job.market.settings)
        self.store.append("sessions", job.market.sessions)
        self.store.append("windows", job.market.windows)
        register_model(self.store, job.bundle.name, job.bundle.model_id, job.bundle.card)

    def score(self, shard: Shard) -> Finished:
        """Score a shard and write its results, whole or not at all.

        Raises:
            InputError: it is unreadable, or lacks a column, or one has another type.
        """
        rows = 0
        skipped: Counter[str] = Counter()
        rejects: list[pl.DataFrame] = []
        out = self.job.output / shard.name
        out.parent.mkdir(parents=True, exist_ok=True)
        for part in out.parent.glob(f".{glob.escape(out.name)}.*.part"):
            part.unlink()  # of a worker that was killed: no two are at one shard
        with new_file(out) as file, _writer(file, self._joined(self._nothing()).schema) as write:
            for chunk, bad in self._scored(shard):
                write(self._joined(chunk))
                skipped += chunk.skipped
                rejects.append(bad)
                rows += chunk.rows.height + chunk.skipped.total() + bad.height
        refused = pl.concat(rejects) if rejects else pl.DataFrame(schema=_REJECTS)
        self._write_rejects(shard, refused)
        reasons = skipped + Counter(refused["reason"].to_list())
        if rows != shard.rows:
            raise IntegrityError(
                f"{shard.path}: has {shard.rows} rows, but {rows} were accounted for; it may have "
                "changed meanwhile: run the command again"
            )
        return Finished(
            name=shard.name,
            fingerprint=shard.fingerprint,
            rows=rows,
            scored=rows - skipped.total() - refused.height,
            skipped=skipped.total(),
            rejected=refused.height,
            reasons=dict(sorted(reasons.items())),
        )

    def _scored(self, shard: Shard) -> Iterator[tuple[Scored, pl.DataFrame]]:
        """Yield each chunk of a shard with its scores, and the rows that are none."""
        side_by_side = iter if self.threads == 1 else prefetch
        encoded = side_by_side(
            (self.scorer.encode(good), bad)
            for good, bad in read_shard(shard.path, counts=self.job.bundle.uses_counts)
        )
        yield from side_by_side((self.scorer.run(each), bad) for each, bad in encoded)

    def _nothing(self) -> Scored:
        return self.scorer.probabilities(pl.DataFrame(schema=OF_TWEETS))

    def _joined(self, chunk: Scored) -> pl.DataFrame:
        """Join a chunk to the market by the views that a database has.

        Rows bear their number instead of their id meanwhile: a file may hold a post twice.
        """
        bundle = self.job.bundle
        number = pl.int_range(pl.len(), dtype=pl.Int64)
        of_chunk = chunk.rows.select(  # noqa: F841 - DuckDB finds frames by their variables
            platform=pl.lit(""), tweet_id=number, author=pl.lit(None, pl.String),
            posted_utc="posted_utc", text=pl.lit(""),
        )  # fmt: skip
        target = "predictions" if bundle.target == "direction" else "class_predictions"
        said = _predictions(bundle, self.job.intervals, chunk, self.heads)  # noqa: F841
        con = self.store.con
        con.execute("CREATE OR REPLACE TABLE tweets AS FROM of_chunk")
        con.execute(f"CREATE OR REPLACE TABLE {target} AS FROM said")
        found = self.store.frame(f"FROM {VIEWS[bundle.target]}")
        order = [name for name in ("tweet_id", "symbol", "interval_minutes") if name in found]
        found = found.sort(order)
        own = chunk.rows.select("platform", "tweet_id", "author", "posted_utc", "text")
        return found.with_columns(own[found["tweet_id"]])

    def _write_rejects(self, shard: Shard, refused: pl.DataFrame) -> None:
        path = self.job.output / MANIFEST / REJECTS / f"{shard.name}.jsonl"
        if refused.is_empty():
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as file:
            refused.with_columns(file=pl.lit(str(shard.path))).write_ndjson(file)


_REJECTS: Schema = {"row": pl.Int64, "reason": pl.String}


def read_shard(path: Path, *, counts: bool) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield rows with all of ``OF_TWEETS``, and beside them number and reason of those without.

    Args:
        path: a Parquet file in the columns of the table tweets; more columns do not matter.
        counts: whether the engagement counts are read.

    Raises:
        InputError: it is unreadable, or lacks a column, or one has another type.
    """
    first = 1
    try:
        with pq.ParquetFile(path) as parquet:
            columns = _columns(path, parquet.schema_arrow, counts=counts)
            for batch in parquet.iter_batches(CHUNK_ROWS, columns=columns):
                batch.validate(full=True)
                frame = pl.DataFrame(batch).with_columns(
                    pl.lit(None, kind).alias(name)
                    for name, kind in OF_TWEETS.items()
                    if name not in columns
                )
                yield _sorted_out(frame.select(_as_ours(frame.schema)), first)
                first += batch.num_rows
    except UNREADABLE as error:
        fact = str(error).partition("\n")[0]
        raise InputError(f"{path}: unreadable Parquet ({fact}); write it again") from error


def _columns(path: Path, schema: pa.Schema, *, counts: bool) -> list[str]:
    wanted = [name for name in OF_TWEETS if counts or name not in COUNTS]
    columns = [name for name in wanted if name in schema.names]
    if lacking := [name for name in NEEDED if name not in columns]:
        raise InputError(
            f"{path}: has no column {lacking[0]}; shards have the columns of the table tweets, as "
            "tweetscore export writes them"
        )
    for name in columns:
        kind = schema.field(name).type
        if not _FITS[name](kind):
            raise InputError(f"{path}: its column {name} is {kind}; write it as {_KINDS[name]}")
    return columns


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string(), pa.string_view())


_FITS: Mapping[str, Callable[[pa.DataType], bool]] = {
    "platform": lambda kind: _is_text(kind) or pa.types.is_dictionary(kind),
    "tweet_id": pa.types.is_signed_integer,
    "author": lambda kind: _is_text(kind) or pa.types.is_dictionary(kind),
    "posted_utc": pa.types.is_timestamp,
    "text": _is_text,
    "retweet_count": pa.types.is_integer,
    "favorite_count": pa.types.is_integer,
}
_KINDS = {
    "platform": "text", "tweet_id": "a signed whole number", "author": "text",
    "posted_utc": "a timestamp", "text": "text",
    "retweet_count": "a whole number", "favorite_count": "a whole number",
}  # fmt: skip


def _as_ours(schema: pl.Schema) -> Iterator[pl.Expr]:
    for name, kind in OF_TWEETS.items():
        column = pl.col(name)
        if getattr(schema[name], "time_zone", None):
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        yield column.cast(kind)


def _sorted_out(frame: pl.DataFrame, first: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the rows that can be scored from those that cannot."""
    reasons = [pl.when(pl.col(name).is_null()).then(pl.lit(f"no {name}")) for name in NEEDED]
    placed = frame.with_columns(
        row=pl.int_range(first, first + pl.len(), dtype=pl.Int64), reason=pl.coalesce(reasons)
    )
    refused = placed.filter(pl.col("reason").is_not_null()).select("row", "reason")
    good = placed.filter(pl.col("reason").is_null()).drop("row", "reason")
    return good, refused


def _predictions(
    bundle: Bundle, intervals: Sequence[int], chunk: Scored, heads: Sequence[int]
) -> pl.DataFrame:
    """Return the scores of a chunk as the table of its target has them, by number of the row."""
    numbers = pl.int_range(chunk.rows.height, dtype=pl.Int64, eager=True)
    parts = []
    for minutes, head in zip(intervals, heads, strict=True):
        for place, name in enumerate(bundle.classes):
            said = pl.Series(chunk.probabilities[:, head, place].copy(), dtype=pl.Float32)
            own = pl.DataFrame({"tweet_id": numbers, "probability": said})
            parts.append(own.with_columns(
                model_id=pl.lit(bundle.model_id), platform=pl.lit(""), target=pl.lit(bundle.target),
                interval_minutes=pl.lit(minutes, pl.Int32),
            ).with_columns(pl.lit(name).alias("class")))  # fmt: skip
    every = pl.concat(parts)
    if bundle.target != "direction":
        return every
    of_up = every.filter(pl.col("class") == "up").drop("target", "class")
    return of_up.rename({"probability": "probability_up"})


@contextmanager
def _writer(file: BinaryIO, schema: pl.Schema) -> Iterator[Callable[[pl.DataFrame], None]]:
    """Write frames of one schema as row groups of a Parquet file."""
    oldest = pl.CompatLevel.oldest()  # the types that every reader of Parquet knows
    arrow = pl.DataFrame(schema=schema).to_arrow(compat_level=oldest).schema
    with pq.ParquetWriter(file, arrow, compression="zstd") as parquet:
        yield lambda frame: parquet.write_table(frame.to_arrow(compat_level=oldest))


# --- shards and their manifest --------------------------------------------------------------------


def find_shards(inputs: Sequence[str]) -> list[Shard]:
    """Find the Parquet files behind files, folders and patterns, in the order of their names.

    A shard's name is its place below the folder named, or below the last folder of a pattern that
    holds no wildcard, so that partitions stay what they are.

    Raises:
        InputError: there are none, or two would have one name, or one is no Parquet file.
    """
    found: dict[str, Path] = {}
    for given in inputs:
        root, paths = _behind(given)
        if not paths:
            raise InputError(f"{given}: no Parquet file there; name a file, folder or pattern")
        for path in paths:
            name = path.relative_to(root).as_posix()
            if found.setdefault(name, path) != path:
                raise InputError(
                    f"{path}: has the name of {found[name]} below its folder; score them into "
                    "outputs of their own"
                )
    return [
        Shard(found[name], name, _fingerprint(found[name]), _rows(found[name]))
        for name in sorted(found)
    ]


def _behind(given: str) -> tuple[Path, list[Path]]:
    """Return the folder that names are below, and the files."""
    path = Path(given)
    if path.is_file():
        return path.parent, [path]
    if path.is_dir():
        return path, sorted(each for each in path.rglob("*.parquet") if _is_shown(each, path))
    fixed = Path(*path.parts[: next(
        (place for place, part in enumerate(path.parts) if glob.has_magic(part)), len(path.parts)
    )])  # fmt: skip
    matches = map(Path, glob.iglob(given, recursive=True))
    return fixed, sorted(each for each in matches if each.is_file() and _is_shown(each, fixed))


def _is_shown(path: Path, root: Path) -> bool:
    """Pass by what begins with _ or a dot, as readers of Parquet folders do."""
    return not any(part.startswith(("_", ".")) for part in path.relative_to(root).parts)


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - FOOTER_BYTES))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size - FOOTER_BYTES - min(length, size)))
        footer = file.read()
    return hashlib.sha256(size.to_bytes(8, "little") + footer).hexdigest()


def _rows(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except UNREADABLE:  # its worker will say why
        return 0


def _fingerprint_of(known: Mapping[str, Finished], name: str) -> str | None:
    return known[name].fingerprint if name in known else None


def _begin(job: Job) -> list[Finished]:
    """Write what the results are of, or check it; return what is finished already.

    Raises:
        InputError: the output is of another run, or holds something else.
    """
    path = job.output / MANIFEST / RUN
    run = {
        "format": FORMAT,
        "model": job.bundle.name,
        "model_id": job.bundle.model_id,
        "intervals": list(job.intervals),
        "target": job.bundle.target,
        "market": job.market.fingerprint,
        "card": job.bundle.card,
    }
    if not path.exists():
        if job.output.exists() and (not job.output.is_dir() or any(job.output.iterdir())):
            raise InputError(f"{job.output}: holds something else; name another --output")
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as file:
            file.write(json.dumps(run).encode())
        return []
    there = read_run(job.output)
    for key, says in (
        ("model_id", "model"), ("intervals", "intervals"), ("market", "bars or rules")
    ):  # fmt: skip
        if there[key] != run[key]:
            shown = "" if key == "market" else f" ({there[key]}, now {run[key]})"
            raise InputError(
                f"{job.output}: holds results of another run: its {says} differ{shown}; "
                "name another --output"
            )
    return [each for each in read_finished(job.output) if (job.output / each.name).exists()]


def read_run(folder: Path) -> dict[str, Any]:
    """Read what a folder of results is of.

    Raises:
        InputError: it is no such folder, or of another version of the tool.
    """
    path = folder / MANIFEST / RUN
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: is no folder of results ({error}); name one that score --output has written"
        ) from error
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise InputError(f"{path}: not of format {FORMAT}; use the tweetscore that wrote it")
    return run


def read_finished(folder: Path) -> list[Finished]:
    """Read the finished shards, the latest line of each; a line that was cut off is none."""
    path = folder / MANIFEST / FINISHED
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:  # a kill between the bytes of a line: the next must begin on its own
        path.write_text(whole, encoding="utf-8")
    lines = [Finished(**json.loads(line)) for line in whole.splitlines()]
    return list({each.name: each for each in lines}.values())

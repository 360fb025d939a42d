"""The program as functions, for notebooks and for the command line: one open database.

>>> import tweetscore
>>> with tweetscore.open("tweets.duckdb") as database:
...     database.ingest("archive.json.zip", "bars.csv")
...     database.score(intervals=[30])
...     frame = database.scored(30)
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from tweetscore.errors import InputError

if TYPE_CHECKING:  # what a command does not need, it does not wait for
    import polars as pl
    import pyarrow as pa

    from tweetscore.evaluation.figures import Figures
    from tweetscore.ingest.account import Account
    from tweetscore.report.gather import Report
    from tweetscore.scoring.bundle import Bundle
    from tweetscore.scoring.score import ScoreAccount
    from tweetscore.scoring.shards import FilesAccount
    from tweetscore.training.learn import LearnOptions
    from tweetscore.training.run import Talk, Trained

EXTRAS = {
    "train": ("torch", "gensim", "onnx", "tensorboard"),
    "report": ("altair", "jinja2", "vl_convert"),
    "ray": ("ray",),
}
Session = Literal["regular", "extended"]
Progress = Callable[[str, int, int | None], None]  # a label, rows done, rows to do


def open(path: str | Path, *, read_only: bool = False, create: bool = True) -> "Database":  # noqa: A001
    """Open a database; it is made where there is none, unless ``read_only`` or not ``create``.

    Raises:
        InputError: there is none to read, or it is no DuckDB file, or its schema is newer.
        LockedError: another process holds it.
        IntegrityError: it is another program's database.
    """
    return Database(Path(path), read_only=read_only, create=create)


class Database:
    """One open database; leave it with ``close``, or use it in a ``with`` block.

    Every method raises InputError where what it is given cannot be used, and StorageError where
    disk or memory do not suffice. What a method has finished is kept whatever happens later.
    """

    def __init__(self, path: Path, *, read_only: bool, create: bool) -> None:
        from tweetscore.store.database import open_store

        self._stack = ExitStack()
        self.store = self._stack.enter_context(open_store(path, read_only=read_only, create=create))
        self.path = path

    def __enter__(self) -> "Database":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def close(self) -> None:
        """Let the file go, for this and other processes."""
        self._stack.close()

    def ingest(
        self,
        *paths: str | Path,
        symbol: str | None = None,
        clock: str = "auto",
        stamp: Literal["auto", "start", "end"] = "auto",
        calendar: str = "XNYS",
        platform: str | None = None,
        columns: Mapping[str, str] | None = None,
        max_gap_minutes: int | None = None,
        flat_bps: float | None = None,
        progress: Progress | None = None,
    ) -> "list[Account]":
        """Bring archives and bars in, and make the windows that they need.

        Args:
            paths: files, zips, folders or patterns; kind and format are found by content.
            symbol: what bars are of, where the file is silent.
            clock: auto, UTC, an IANA zone, EST, or a zone with an offset.
            stamp: which end of its minute a bar names.
            calendar: the exchange calendar of the bars.
            platform: whose ids a table holds, if they do not tell.
            columns: of a table, our names and its own, as in ``{"text": "body"}``.
            max_gap_minutes: minutes after which a price is none; kept in the database, 5 at first.
            flat_bps: moves up to this size are flat; kept in the database, 0 at first.
            progress: is told how far it is.

        Returns:
            What became of each file. A refused one has its reason in ``error``; the others are in.
        """
        from tweetscore.ingest.account import IngestOptions
        from tweetscore.ingest.run import ingest
        from tweetscore.market.windows import ensure_windows, set_rules

        options = IngestOptions(symbol, clock, stamp, calendar, platform, dict(columns or {}))
        told = progress or _silent
        files = [Path(path) for path in paths]
        accounts = list(
            ingest(self.store, files, options, lambda name, rows: told(name, rows, None))
        )
        set_rules(self.store, max_gap_minutes=max_gap_minutes, flat_bps=flat_bps)
        ensure_windows(self.store)
        return accounts

    def train(
        self,
        out: str | Path,
        options: "LearnOptions | None" = None,
        *,
        log_folder: str | Path | None = None,
        talk: "Talk | None" = None,
        resume: bool = False,
    ) -> "Trained":
        """Train on the tweets with windows and export a bundle that scores.

        Args:
            out: the bundle's folder.
            options: a ``tweetscore.learn.LearnOptions``; its defaults are those of the command.
            log_folder: where TensorBoard events go; ``runs/<name of out>`` without it.
            talk: is told how far it is.
            resume: go on with an interrupted run of the same options.

        Raises:
            InputError: training is not installed, or there is nothing to learn from.
        """
        need("train", "training")
        from tweetscore.training.learn import LearnOptions
        from tweetscore.training.run import Talk, train

        out = Path(out)
        logs = Path(log_folder) if log_folder else Path("runs") / out.name
        return train(
            self.store,
            options or LearnOptions(),
            out,
            log_folder=logs,
            talk=talk or Talk(_silent, _silent),
            resume=resume,
        )

    def score(
        self,
        model: "str | Path | Bundle" = "reference",
        *,
        intervals: Sequence[int] = (),
        precision: Literal["float32", "int8"] = "float32",
        device: Literal["auto", "cpu", "cuda"] = "auto",
        progress: Progress | None = None,
    ) -> "ScoreAccount":
        """Score every tweet that the model has not scored yet, at every interval or some (minutes).

        Args:
            model: a bundle's folder, the name of a shipped one, or a loaded one.
            intervals: in minutes; without any, all of the model's.
            precision: int8 is faster, on the CPU, and differs as the model's card says.
            device: where to run; auto: cuda where it is.
            progress: is told how far it is.

        Raises:
            IntegrityError: the bundle is damaged.
        """
        from tweetscore.scoring.score import score

        told = progress or _silent
        where = "cpu" if precision == "int8" else device
        return score(
            self.store,
            find_model(model, precision),
            intervals,
            lambda done, total: told("", done, total),
            where,
        )

    def scored(
        self,
        interval_minutes: int | None = None,
        *,
        model: str | None = None,
        session: Session = "regular",
    ) -> "pl.DataFrame":
        """Return predictions of direction joined to the market, as the view ``scored`` has them.

        Args:
            interval_minutes: of this interval alone.
            model: of the model of this name or id alone.
            session: whose windows the predictions are held against.
        """
        import polars as pl

        frame = pl.from_arrow(
            self.scored_batches(interval_minutes, model=model, session=session).read_all()
        )
        assert isinstance(frame, pl.DataFrame)
        return frame

    def scored_batches(
        self,
        interval_minutes: int | None = None,
        *,
        model: str | None = None,
        session: Session = "regular",
    ) -> "pa.RecordBatchReader":
        """Return what ``scored`` returns as Arrow batches, for more rows than memory holds."""
        from tweetscore.store.database import statement

        names = {"interval": interval_minutes, "model": model, "session": session}
        return self.store.con.sql(statement("query/scored"), params=names).to_arrow_reader()

    def evaluate(
        self,
        model: str | None = None,
        *,
        session: Session = "regular",
        from_utc: datetime | None = None,
        until_utc: datetime | None = None,
    ) -> "list[Figures]":
        """Hold stored predictions against what the market did, on tweets not learned from.

        Args:
            model: the name or id of one that has scored; without it, each.
            session: whose windows they are held against.
            from_utc: only tweets posted from then on.
            until_utc: only tweets posted before.
        """
        from tweetscore.evaluation.evaluate import evaluate

        return evaluate(
            self.store, model=model, session=session, from_utc=from_utc, until_utc=until_utc
        )

    def query(self, sql: str, **parameters: object) -> "pl.DataFrame":
        """Run one query with the parameters it names (``$interval``), and return its rows."""
        return self.store.frame(sql, **parameters)

    def export(
        self,
        folder: str | Path,
        tables: Sequence[str] = (),
        *,
        rows_per_file: int = 500_000,
        progress: Progress | None = None,
    ) -> dict[str, int]:
        """Write tables and views as Parquet, each in its own folder; return the rows of each.

        Args:
            folder: it appears once it is whole.
            tables: of tables and views; none means every table, which ``bring_in`` needs.
            rows_per_file: the most rows of one file.
            progress: is told how far it is.
        """
        from tweetscore.store.transfer import export

        told = progress or _silent
        return export(self.store, Path(folder), tables, told, rows_per_file)

    def bring_in(self, folder: str | Path) -> dict[str, int]:
        """Bring in an export, or what ``score_files`` has written; return the rows by table.

        An export makes an empty database what the exported one was. Results are added: tweets and
        predictions that are there already stay as they are.
        """
        from tweetscore.scoring.attach import bring_in

        return bring_in(self.store, Path(folder))

    def report(
        self,
        out: str | Path,
        *,
        model: str | None = None,
        symbol: str | None = None,
        session: Session = "regular",
        interval_minutes: int | None = None,
    ) -> "Report":
        """Write one self-contained HTML page of what the database holds and what it is worth.

        Args:
            out: the page's file; one that is there is replaced.
            model: the name or id of one that has scored, where there are several.
            symbol: whose bars it is held against, where there are several.
            session: whose windows it is held against.
            interval_minutes: the interval whose details are shown; 30 where it is scored.
        """
        need("report", "a report")
        from tweetscore.io.new_file import new_file
        from tweetscore.report.gather import gather
        from tweetscore.report.page import page

        found = gather(
            self.store,
            model=model,
            symbol=symbol,
            session=session,
            interval_minutes=interval_minutes,
        )
        with new_file(Path(out)) as file:
            file.write(page(found).encode())
        return found


def score_files(
    inputs: Sequence[str],
    output: str | Path,
    *,
    model: "str | Path | Bundle" = "reference",
    intervals: Sequence[int] = (),
    precision: Literal["float32", "int8"] = "float32",
    market: str | Path | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> "FilesAccount":
    """Score Parquet files in the columns of the table tweets into Parquet files like ``scored``.

    Run again, it does what is missing. Every row stays a row: nothing is merged.

    Args:
        inputs: files, folders or patterns; one file is one shard.
        output: a folder; its files bear the names of the inputs.
        model: a bundle's folder, the name of a shipped one, or a loaded one.
        intervals: in minutes; without any, all of the model's.
        precision: int8 is faster, and differs as the model's card says.
        market: a database with bars, whose windows the scores are joined to.
        engine: local, on every core of this machine, or ray, with equal results.
        address: of a Ray cluster that runs; None starts one here for as long as it takes.
        workers: on Ray; None: one for every core of the cluster.
        progress: is told how far it is.

    Raises:
        InputError: nothing is there to score, or the output is of another model or market, or a
            library or the cluster is missing. Shards that fail are listed instead.
    """
    from tweetscore.scoring.shards import Job, local_engine, read_market
    from tweetscore.scoring.shards import score_files as run
    from tweetscore.store.database import memory_store, open_store

    bundle = find_model(model, precision)
    wanted = tuple(sorted(set(intervals or bundle.intervals)))
    with ExitStack() as opened:
        store = (
            opened.enter_context(open_store(Path(market), read_only=True))
            if market
            else memory_store()
        )
        windows = read_market(store, wanted)
    job = Job(bundle, wanted, windows, Path(output).absolute())
    chosen = local_engine
    if engine == "ray":
        need("ray", "--engine ray")
        from tweetscore.scoring.ray import RayEngine

        chosen = RayEngine(address, workers)
    told = progress or _silent
    return run(inputs, job, chosen, lambda done, total: told("", done, total))


def find_model(
    model: "str | Path | Bundle", precision: Literal["float32", "int8"] = "float32"
) -> "Bundle":
    """Load a bundle by its folder or by the name of a shipped one.

    Raises:
        InputError: there is none of that name.
        IntegrityError: it is damaged.
    """
    from tweetscore.scoring.bundle import Bundle, find_bundle
    from tweetscore.store.database import shipped

    if isinstance(model, Bundle):
        return model
    return find_bundle(str(model), shipped("models"), precision)


def need(extra: Literal["train", "report", "ray"], purpose: str) -> None:
    """Ask for an extra by the first of its packages that is not there.

    Raises:
        InputError: one is not.
    """
    for name in EXTRAS[extra]:
        if find_spec(name) is None:
            raise InputError(f"{purpose} needs {name}: pip install 'tweetscore[{extra}]'")


def _silent(*told: object) -> None:
    """Tell nobody."""

"""One open database, with a method for everything that the command line does with it."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from tweetscore.api.common import Progress, Session, load_model, need, silent
from tweetscore.api.market import MarketResults
from tweetscore.errors import LockedError

if TYPE_CHECKING:  # what a command does not need, it does not wait for
    import polars as pl
    import pyarrow as pa

    from tweetscore.api.common import Loaded
    from tweetscore.ingest.account import Account, Reached
    from tweetscore.market.news import News
    from tweetscore.scoring.score import ScoreAccount
    from tweetscore.study.options import StudyCell, StudyOptions
    from tweetscore.study.runs import StudyRun
    from tweetscore.study.summary import StudyResult
    from tweetscore.training.epoch import Epoch
    from tweetscore.training.options import TrainingOptions
    from tweetscore.training.run import Trained


def open(path: str | Path, *, read_only: bool = False, create: bool = True) -> "Database":  # noqa: A001
    """Open a database.

    Args:
        path: its file.
        read_only: nothing can be changed; several processes may read at once.
        create: make the database if there is none; not with ``read_only``.

    Raises:
        InputError: there is no such database, it is no DuckDB file, or its schema is newer.
        LockedError: another process holds it.
        IntegrityError: it belongs to another program.
    """
    return Database(Path(path), read_only=read_only, create=create)


def open_to_judge(path: str | Path, *, a_part: bool) -> "Database":
    """Open a database to evaluate its scores or report them.

    Args:
        path: its file.
        a_part: whether only a part of the posts is looked at: then it is opened to note the look,
            if nothing forbids it.

    Raises:
        InputError: as ``open``.
        LockedError: another process writes to it.
    """
    path = Path(path)
    if a_part and path.exists() and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        with suppress(LockedError):  # another process may read it
            return Database(path, read_only=False, create=False)
    return Database(path, read_only=True, create=False)


class Database(MarketResults):
    """One open database; close it with ``close``, or use it in a ``with`` block.

    Every method raises InputError if its arguments cannot be used, and StorageError if disk or
    memory run out. What a method has finished stays stored, whatever happens later.
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
        """Close the file, so that others can open it."""
        self._stack.close()

    def ingest(
        self,
        *paths: str | Path,
        symbol: str | None = None,
        clock: str = "auto",
        stamp: Literal["auto", "start", "end"] = "auto",
        calendar: str = "auto",
        platform: str | None = None,
        precision: Literal["auto", "second", "minute"] = "auto",
        encoding: str | None = None,
        columns: Mapping[str, str] | None = None,
        max_gap_minutes: int | None = None,
        flat_bps: float | None = None,
        storage_options: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        on_bytes: "Callable[[str, int, int, int | None], None] | None" = None,
    ) -> "list[Account]":
        """Read archives of posts and minute bars, and make the windows that they need.

        Args:
            paths: files, zips, folders or patterns, here or in a bucket; the content of a file
                decides what it is.
            symbol: of the bars, if the file does not name one.
            clock: auto, UTC, an IANA zone, EST, or a zone with an offset.
            stamp: whether the time of a bar is the start or the end of its minute.
            calendar: the exchange calendar of the bars, 24/5 or 24/7; auto: by their evidence.
            platform: of the posts, if the file does not name one.
            precision: how exact the times of posts are: second, minute, or auto by their evidence.
            encoding: of texts, as Python calls it, like cp1252; None: told by the bytes.
            columns: our names and those of a table, as in ``{"text": "body"}``.
            max_gap_minutes: maximum age of a price; saved in the database (initially 5).
            flat_bps: largest move that counts as flat; saved in the database (initially 0).
            storage_options: how a bucket is reached, as in ``score_files``.
            progress: called with the file, its rows read so far, and None.
            on_bytes: called with the file, its rows and bytes read so far, and how many bytes it
                has, or None where that does not show.

        Returns:
            What became of the rows of each file. A refused file has the reason in ``error``; the
            others are stored.
        """
        from tweetscore.ingest.account import IngestOptions
        from tweetscore.ingest.run import ingest
        from tweetscore.io.places import path_or_place

        options = IngestOptions(
            symbol=symbol, clock=clock, stamp=stamp, calendar=calendar, platform=platform,
            precision=precision, encoding=encoding, columns=dict(columns or {}),
            max_gap_minutes=max_gap_minutes, flat_bps=flat_bps,
        )  # fmt: skip
        on_rows = progress or silent
        files = [path_or_place(path, storage_options) for path in paths]

        def told(name: str, rows: int, reached: "Reached") -> None:
            on_rows(name, rows, None)
            (on_bytes or silent)(name, rows, *reached)

        return ingest(self.store, files, options, told)

    def info(self) -> "dict[str, pl.DataFrame]":
        """Return what the database holds: a frame each of sources, rejects, tweets, bars and more.

        Returns:
            Frames by name: sources, clocks, rejects, tweets, bars, alignments, windows and models.
        """
        from tweetscore.query.info import describe

        return describe(self.store)

    def train(
        self,
        output: str | Path,
        options: "TrainingOptions | None" = None,
        *,
        log_folder: str | Path | None = None,
        resume: bool = False,
        news: "News | None" = None,
        on_epoch: "Callable[[Epoch], None] | None" = None,
        on_message: Callable[[str], None] | None = None,
    ) -> "Trained":
        """Train a model on what the price did after each post.

        Args:
            output: the folder of the model; one that is already there is replaced.
            options: a ``tweetscore.TrainingOptions``; by default those of the command.
            log_folder: for TensorBoard logs; ``runs/<name of output>`` without it.
            resume: continue an interrupted run with the same options.
            news: times near which no window is learned from; see ``tweetscore.read_news``.
            on_epoch: called after every epoch.
            on_message: called with each fact that a user should know.

        Returns:
            The model, how its training went, and its figures on the test part.

        Raises:
            InputError: training is not installed, or there is nothing to learn from.
        """
        need("train", "training")
        from tweetscore.training.made import Callbacks
        from tweetscore.training.options import TrainingOptions
        from tweetscore.training.run import train

        output = Path(output)
        return train(
            self.store,
            options or TrainingOptions(),
            output,
            log_folder=Path(log_folder) if log_folder else Path("runs") / output.name,
            callbacks=Callbacks(on_epoch or silent, on_message or silent),
            resume=resume,
            news=news,
        )

    def study(
        self,
        options: "StudyOptions | None" = None,
        *,
        tables: str | Path | None = None,
        charts: str | Path | None = None,
        log_folder: str | Path | None = None,
        resume: bool = False,
        news: "News | None" = None,
        on_epoch: "Callable[[StudyCell, int, Epoch], None] | None" = None,
        on_run: "Callable[[StudyRun], None] | None" = None,
        on_message: Callable[[str], None] | None = None,
    ) -> "StudyResult":
        """Repeat the comparisons of the 2019 study, and store every trained network.

        Args:
            options: a ``tweetscore.StudyOptions``; by default those of the command.
            tables: a folder with the tables of the study; without it, the posts and prices here.
            charts: a folder for the charts as SVG.
            log_folder: for TensorBoard logs; ``runs/study-<name>-<protocol>`` without it.
            resume: take the networks that are stored already instead of training them again.
            news: times near which no window is learned from; see ``tweetscore.read_news``.
            on_epoch: called after every epoch with the network, its seed and the epoch.
            on_run: called with each network when it is finished.
            on_message: called with each fact that a user should know.

        Returns:
            Both comparisons, the verdict, and the faults of the protocol.

        Raises:
            InputError: training is not installed, an interval is missing, or rows are too few.
        """
        need("train", "training")
        if charts:
            need("report", "charts")
        from tweetscore.api.studies import run_study

        return run_study(
            self.store,
            options,
            tables=Path(tables) if tables else None,
            charts=Path(charts) if charts else None,
            log_folder=Path(log_folder) if log_folder else None,
            resume=resume,
            news=news,
            on_epoch=on_epoch or silent,
            on_run=on_run or silent,
            on_message=on_message or silent,
        )

    def score(
        self,
        model: "str | Path | Loaded" = "reference",
        *,
        intervals: Sequence[int] = (),
        device: Literal["auto", "cpu", "cuda"] = "auto",
        accept_changed: bool = False,
        progress: Progress | None = None,
    ) -> "ScoreAccount":
        """Score every post that the model has not scored yet.

        Args:
            model: a folder, the name of a shipped model, or a loaded one.
            intervals: in minutes; without any, all of the model's.
            device: where to compute; auto uses a GPU with CUDA if there is one.
            accept_changed: score also with a text classifier whose files have changed since it
                scored here; it is then another model.
            progress: called with a label, the rows done and the rows to do.

        Returns:
            How many posts were scored, and why others were not.

        Raises:
            InputError: the model does not predict an interval, there is no GPU where one is wanted,
                or files have changed.
            IntegrityError: the model is damaged.
        """
        from tweetscore.scoring.score import score

        on_rows = progress or silent
        return score(
            self.store,
            load_model(model),
            intervals,
            lambda done, total: on_rows("", done, total),
            device,
            accept_changed=accept_changed,
        )

    def scored(
        self,
        interval_minutes: int | None = None,
        *,
        model: str | None = None,
        session: Session = "regular",
    ) -> "pl.DataFrame":
        """Return scores joined to the market, in the columns of the view ``scored``.

        Args:
            interval_minutes: only this interval.
            model: only the model with this name or id.
            session: the trading hours whose prices are joined.

        Returns:
            One row for each score of a direction and symbol, whether there is a price or not.
        """
        import polars as pl

        reader = self.scored_batches(interval_minutes, model=model, session=session)
        return pl.DataFrame(reader.read_all())

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

    def query(self, sql: str, **parameters: object) -> "pl.DataFrame":
        """Run one query with the parameters it names (``$interval``), and return its rows."""
        return self.store.frame(sql, **parameters)

    def export(
        self,
        folder: str | Path,
        tables: Sequence[str] = (),
        *,
        rows_per_file: int = 500_000,
        storage_options: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> dict[str, int]:
        """Write tables and views as Parquet files, each in its own folder.

        Args:
            folder: appears only once it is complete; in a bucket, its list of files does.
            tables: names of tables and views; none means every table, as ``import_from`` needs it.
            rows_per_file: maximum number of rows in a file.
            storage_options: how a bucket is reached, as in ``score_files``.
            progress: called with the table, the rows done and the rows to do.

        Returns:
            The number of rows by table.
        """
        from tweetscore.io.places import path_or_place
        from tweetscore.store.transfer import export, export_to

        place, on_rows = path_or_place(folder, storage_options), progress or silent
        if isinstance(place, Path):
            return export(self.store, place, tables, on_rows, rows_per_file)
        return export_to(self.store, place, tables, on_rows, rows_per_file)

    def import_from(
        self, folder: str | Path, *, storage_options: Mapping[str, str] | None = None
    ) -> dict[str, int]:
        """Restore an export into an empty database, or add what ``score_files`` has written.

        Posts and scores that are already there stay as they are.

        Args:
            folder: an export, or the output of ``score_files``, here or in a bucket.
            storage_options: how a bucket is reached, as in ``score_files``.

        Returns:
            The number of rows added, by table.
        """
        from tweetscore.io.places import path_or_place
        from tweetscore.scoring.attach import import_from, import_place

        place = path_or_place(folder, storage_options)
        if isinstance(place, Path):
            return import_from(self.store, place)
        return import_place(self.store, place)

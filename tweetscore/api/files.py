"""What needs no database: made-up data, models from labelled files, and Parquet files of scores."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tweetscore.api.common import load_model, load_own, need, silent
from tweetscore.evaluation import EFFECT_AUC

if TYPE_CHECKING:  # what a command does not need, it does not wait for
    from tweetscore.api.common import Loaded
    from tweetscore.sample.write import Sample
    from tweetscore.scoring.bundle import Bundle
    from tweetscore.scoring.files import FilesAccount, Progress
    from tweetscore.scoring.job import Engine, Job
    from tweetscore.scoring.plan import FilesPlan
    from tweetscore.training.epoch import Epoch
    from tweetscore.training.evaluate_labelled import LabelledFigures
    from tweetscore.training.options import TrainingOptions
    from tweetscore.training.run import Trained


def write_sample(
    folder: str | Path,
    *,
    posts: int | None = None,
    seed: int = 0,
    signal: bool = True,
    symbols: int = 1,
    planted: str | None = None,
) -> "Sample":
    """Write a made-up archive of posts and made-up minute bars.

    Args:
        folder: where the two files go; made if it is missing.
        posts: how many; 3,000 for each symbol and 3,000 more if it is not said.
        seed: of the random numbers; each gives other posts.
        signal: whether the posts predict the price 30 minutes ahead.
        symbols: how many have bars; posts name several by their cashtags.
        planted: the symbol whose price the posts predict; the first if none is named.

    Returns:
        The paths of the archive and the bars, and how much they hold.

    Raises:
        InputError: a value is out of range, or one of the files already exists.
    """
    from tweetscore.sample.write import write_sample

    return write_sample(
        Path(folder), posts=posts, seed=seed, signal=signal, symbols=symbols, planted=planted
    )


def shipped_models() -> list[str]:
    """Return the names of the models that come with the program."""
    from tweetscore.store.database import shipped

    return sorted(path.name for path in shipped("models").glob("[!.]*/"))


def train_labelled(
    file: str | Path,
    output: str | Path,
    options: "TrainingOptions | None" = None,
    *,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
    log_folder: str | Path | None = None,
    resume: bool = False,
    on_epoch: "Callable[[Epoch], None] | None" = None,
    on_message: Callable[[str], None] | None = None,
) -> "Trained":
    """Train a model on texts with labels of your own.

    Args:
        file: CSV, TSV, JSON or Parquet with a text and a label in each row.
        output: the folder of the model; one that is already there is replaced.
        options: a ``tweetscore.TrainingOptions``; by default those of the command. Intervals,
            symbol and target are not used.
        columns: our names and those of the file, as in ``{"label": "class"}``.
        encoding: of the text, as Python calls it, like cp1252; None: told by the bytes.
        log_folder: for TensorBoard logs; ``runs/<name of output>`` without it.
        resume: continue an interrupted run with the same options.
        on_epoch: called after every epoch.
        on_message: called with each fact that a user should know.

    Returns:
        The model, how its training went, and its figures on the test part.

    Raises:
        InputError: training is not installed, or the file cannot be used.
    """
    need("train", "training")
    from tweetscore.training.made import Callbacks
    from tweetscore.training.options import TrainingOptions
    from tweetscore.training.run import train_labelled

    output = Path(output)
    return train_labelled(
        Path(file),
        columns or {},
        options or TrainingOptions(),
        output,
        log_folder=Path(log_folder) if log_folder else Path("runs") / output.name,
        callbacks=Callbacks(on_epoch or silent, on_message or silent),
        resume=resume,
        encoding=encoding,
    )


def evaluate_labelled(
    file: str | Path,
    model: "str | Path | Bundle",
    *,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
    effect_auc: float = EFFECT_AUC,
) -> "LabelledFigures":
    """Compare what a model predicts with the labels in a file, on rows that it has not learned.

    Args:
        file: CSV, TSV, JSON or Parquet with a text and a label in each row.
        model: a folder, the name of a shipped model, or a loaded one; it must predict labels.
        columns: our names and those of the file, as in ``{"label": "class"}``.
        encoding: of the text, as Python calls it, like cp1252; None: told by the bytes.
        effect_auc: what the rows must be able to show for a verdict of no signal.

    Returns:
        The figures, and which rows of the file they are about.

    Raises:
        InputError: the file cannot be used, or the model does not predict its labels.
        IntegrityError: the model is damaged.
    """
    from tweetscore.training.evaluate_labelled import evaluate_labelled
    from tweetscore.training.labelled import read_labelled

    table = read_labelled(Path(file), columns or {}, encoding)
    return evaluate_labelled(load_own(model), table, Path(file), effect_auc)


def score_files(
    inputs: Sequence[str],
    output: str | Path,
    *,
    model: "str | Path | Loaded" = "reference",
    intervals: Sequence[int] = (),
    market: str | Path | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    workers: int | None = None,
    storage_options: Mapping[str, str] | None = None,
    take_over: bool = False,
    progress: "Callable[[Progress], None] | None" = None,
) -> "FilesAccount":
    """Score Parquet files with the columns of the table tweets into Parquet files like ``scored``.

    Run again, it does only what is missing. Every row stays a row: nothing is merged.

    Args:
        inputs: files, folders or patterns, on this machine or in buckets, as in
            ``s3://bucket/posts``; each file is one shard.
        output: a folder, or one in a bucket; its files have the names of the inputs.
        model: a folder, the name of a shipped model, or a loaded one.
        intervals: in minutes; without any, all of the model's.
        market: a database with bars; the scores are compared with its prices.
        engine: local uses every core of this machine, ray a Ray cluster; the results are equal.
        address: of a running Ray cluster; without it, one is started here for this call.
        workers: number of Ray workers; without it, one for each core of the cluster.
        storage_options: how buckets are reached, as in ``{"endpoint": "http://localhost:9000"}``;
            credentials are those of the environment.
        take_over: write to a bucket although another run holds it that has died.
        progress: called after each shard.

    Returns:
        What became of the shards and rows; shards that failed are listed with the reason.

    Raises:
        InputError: there is nothing to score, the output belongs to another model or market, or
            a package or the cluster is missing.
    """
    from tweetscore.scoring.files import local_engine
    from tweetscore.scoring.files import score_files as run

    job = _job(output, model, intervals, market, storage_options)
    chosen: Engine = local_engine
    if engine == "ray":
        need("ray", "--engine ray")
        from tweetscore.scoring.ray import RayEngine

        chosen = RayEngine(address, workers)
    return run(inputs, job, chosen, progress or silent, storage_options, take_over=take_over)


def plan_files(
    inputs: Sequence[str],
    output: str | Path,
    *,
    model: "str | Path | Loaded" = "reference",
    intervals: Sequence[int] = (),
    market: str | Path | None = None,
    storage_options: Mapping[str, str] | None = None,
) -> "FilesPlan":
    """Say what ``score_files`` would do with the same arguments; nothing is written.

    Args:
        inputs: files, folders or patterns.
        output: where the results would go.
        model: a folder, the name of a shipped model, or a loaded one.
        intervals: in minutes; without any, all of the model's.
        market: a database with bars.
        storage_options: how buckets are reached.

    Returns:
        What is finished, what is left, and how long it would take on this machine, by one shard.

    Raises:
        InputError: there is nothing to score, or the output belongs to another model or market.
    """
    from tweetscore.scoring.plan import plan_files as plan

    return plan(inputs, _job(output, model, intervals, market, storage_options), storage_options)


def _job(
    output: str | Path,
    model: "str | Path | Loaded",
    intervals: Sequence[int],
    market: str | Path | None,
    storage_options: Mapping[str, str] | None,
) -> "Job":
    from tweetscore.io.places import place_of
    from tweetscore.market.horizons import Horizon
    from tweetscore.scoring.job import Job, read_market
    from tweetscore.store.database import memory_store, open_store

    bundle = load_model(model)
    wanted = tuple(sorted(set(map(Horizon, intervals or bundle.horizons))))
    with ExitStack() as opened:
        store = (
            opened.enter_context(open_store(Path(market), read_only=True))
            if market
            else memory_store()
        )
        windows = read_market(store, wanted)
    return Job(bundle, wanted, windows, place_of(output, storage_options))

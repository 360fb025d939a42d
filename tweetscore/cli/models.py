"""The panel "Models": train one, or repeat the 2019 study."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tweetscore import api
from tweetscore.cli import market_options, options, printing
from tweetscore.cli import training_options as training
from tweetscore.cli.classifier_options import GraphFile, ShownModel
from tweetscore.cli.command import command
from tweetscore.cli.console import note
from tweetscore.cli.model_facts import show_model
from tweetscore.cli.options import DEFAULT_DB
from tweetscore.cli.progress import epoch_progress, study_progress

if TYPE_CHECKING:  # training needs torch, which would slow down --help
    from tweetscore.study.options import StudyOptions
    from tweetscore.training.options import TrainingOptions

MODELS = "Models"
app = typer.Typer()


@command(app, MODELS)
def train(
    db: options.Db = DEFAULT_DB,
    *,
    labels: training.LabelOptions,
    labelled: training.LabelledFile = None,
    column: options.Columns = None,
    encoding: options.Encoding = None,
    around: market_options.NewsOptions,
    network: training.NetworkOptions,
    fitting: training.FitOptions,
    output: training.ModelFolder = Path("model"),
    running: training.RunOptions,
    as_json: options.Json = False,
) -> None:
    """Train a model on what the price did after each post, or on labels of your own.

    The split is by time: the training part teaches, the validation part chooses the best epoch, and
    the test part gives the figures. Ctrl-C keeps the best epoch so far; `--resume` continues.

    Example: `tweetscore train --interval 5 --interval 30 --output my-model`
    """
    around.check_market(labelled)
    wanted = options_of_train(labels, network, fitting, running)
    with epoch_progress(fitting.epochs, heads=bool(network.encoder)) as on_epoch:
        run = _run(running, output.name) | {"on_epoch": on_epoch}
        if labelled:
            columns = options.column_names(column)
            trained = api.train_labelled(
                labelled, output, wanted, columns=columns, encoding=encoding, **run
            )
        else:
            with api.open(db, create=False) as database:
                trained = database.train(output, wanted, news=around.read(), **run)
    printing.show_trained(trained, as_json=as_json)


@command(app, MODELS)
def study(
    db: options.Db = DEFAULT_DB,
    tables: training.StudyTables = None,
    *,
    labels: training.LabelOptions,
    around: market_options.NewsOptions,
    design: training.DesignOptions,
    vectors: training.Vectors = "archive",
    epochs: training.Epochs = 100,
    output: training.ChartFolder = None,
    running: training.RunOptions,
    as_json: options.Json = False,
) -> None:
    """Repeat the comparisons of the 2019 study: intervals, word vectors and engagement counts.

    On the posts and prices of the database, or on the study's own tables. Every trained network is
    stored in the table study_runs.

    Example: `tweetscore study --interval 30 --output charts`
    """
    wanted = options_of_study(labels, design, vectors, epochs, running)
    with api.open(db, create=tables is not None) as database, study_progress(wanted) as shown:
        found = database.study(
            wanted,
            tables=tables,
            charts=output,
            on_epoch=shown.epoch,
            on_run=shown.finished,
            news=around.read(),
            **_run(running, f"study-{tables.name if tables else db.stem}-{design.protocol}"),
        )
    printing.show_study(found, as_json=as_json)


@command(app, MODELS)
def model(
    folder: ShownModel,
    file: GraphFile = None,
    as_json: options.Json = False,
) -> None:
    """Show what a model is: its classes, what it reads, its files, and what it may have seen.

    It may be a folder that `tweetscore train` has written, or a text classifier in ONNX as Optimum
    writes it: `model.onnx`, `tokenizer.json` and `config.json`.

    Example: `tweetscore model my-sentiment-model`
    """
    show_model(api.load_model(folder, file=file), as_json=as_json)


def _run(running: training.RunOptions, name: str) -> dict[str, Any]:
    """Return the arguments that every training run shares."""
    logs = running.log_dir / name
    return {"log_folder": logs, "resume": running.resume, "on_message": note}


def options_of_train(
    labels: training.LabelOptions,
    network: training.NetworkOptions,
    fitting: training.FitOptions,
    running: training.RunOptions,
) -> "TrainingOptions":
    """Turn the options of the command into those of the function."""
    api.need("train", "training")
    from tweetscore.training.options import FitOptions, TrainingOptions

    return TrainingOptions(
        **_of_labels(labels),
        **vars(network),
        seed=fitting.seed,
        device=running.device,
        fit=FitOptions(fitting.epochs, fitting.batch_rows, fitting.learning_rate),
        shuffle_labels=fitting.shuffle_labels,
    )


def options_of_study(
    labels: training.LabelOptions,
    design: training.DesignOptions,
    vectors: str,
    epochs: int,
    running: training.RunOptions,
) -> "StudyOptions":
    """Turn the options of the command into those of the function."""
    api.need("train", "training")
    from tweetscore.study.options import StudyOptions
    from tweetscore.training.options import FitOptions, TrainingOptions

    market = _of_labels(labels)
    return StudyOptions(
        protocol=design.protocol,
        intervals=market["intervals"],
        ablation_minutes=design.ablation,
        seeds=tuple(range(design.seeds)),
        folds=design.folds,
        training=TrainingOptions(
            **market, vectors=vectors, device=running.device, fit=FitOptions(epochs=epochs)
        ),
    )


def _of_labels(labels: training.LabelOptions) -> dict[str, Any]:
    """Return the fields of ``TrainingOptions`` that describe what to predict."""
    from tweetscore.market.targets import Target
    from tweetscore.store.database import STANDARD_INTERVALS

    return {
        "intervals": tuple(sorted(set(labels.interval or STANDARD_INTERVALS))),
        "symbols": tuple(labels.symbol or ()),
        "session": labels.session,
        "target": Target.of_market(labels.target, labels.move_quantile),
    }

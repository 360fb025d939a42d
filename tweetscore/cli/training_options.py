"""The options of ``train`` and ``study``, once, with their help; see ``options``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from tweetscore.cli.command import OUTPUT
from tweetscore.cli.options import Device, Session, parse_horizon
from tweetscore.market.horizons import Horizon
from tweetscore.market.targets import MarketTarget

LABELS, NETWORK, TRAINING = "What to predict", "Network", "Training"

ModelFolder = Annotated[
    Path,
    Option(
        "--output",
        "-o",
        metavar="FOLDER",
        rich_help_panel=OUTPUT,
        help="Folder for the model; one that is already there is replaced.",
    ),
]
LabelledFile = Annotated[
    Path | None,
    Option(
        metavar="FILE",
        rich_help_panel=LABELS,
        help="Learn the labels in this file instead: CSV, JSON or Parquet with text and label.",
    ),
]
StudyTables = Annotated[
    Path | None,
    Option(
        "--tables",
        metavar="FOLDER",
        rich_help_panel=LABELS,
        help="Use the tables of the 2019 study, `<minutes>.csv`, instead of the database.",
    ),
]
ChartFolder = Annotated[
    Path | None,
    Option(
        "--output",
        "-o",
        metavar="FOLDER",
        rich_help_panel=OUTPUT,
        help="Also write the charts as SVG files to this folder.",
    ),
]
Vectors = Annotated[
    str,
    Option(
        metavar="FILE",
        rich_help_panel=NETWORK,
        help="Word vectors: a word2vec or GloVe file, archive (trained on the posts), or random.",
    ),
]
Epochs = Annotated[
    int,
    Option(
        metavar="N",
        min=1,
        rich_help_panel=TRAINING,
        help="Number of epochs; the best one is kept.",
    ),
]


@dataclass(frozen=True)
class LabelOptions:
    """What ``train`` and ``study`` learn from the market."""

    interval: Annotated[
        list[Horizon] | None,
        Option(
            metavar="HORIZON",
            parser=parse_horizon,
            rich_help_panel=LABELS,
            help="From entry to exit: minutes, or sessions as in 1d; may be repeated. Without it, "
            "5, 10, 15, 20, 30, 40 and 50.",
        ),
    ] = None
    symbol: Annotated[
        list[str] | None,
        Option(
            metavar="NAME",
            rich_help_panel=LABELS,
            help="Symbol whose prices are predicted; may be repeated. Without it, the only one, or "
            "all that posts are linked to.",
        ),
    ] = None
    session: Session = "regular"
    target: Annotated[
        MarketTarget,
        Option(
            rich_help_panel=LABELS,
            help="direction: whether the price goes up or down; move: whether it moves much.",
        ),
    ] = "direction"
    move_quantile: Annotated[
        float,
        Option(
            metavar="SHARE",
            min=0.01,
            max=0.99,
            rich_help_panel=LABELS,
            help="Share of the training moves that are not large, for --target move.",
        ),
    ] = 0.5


@dataclass(frozen=True)
class NetworkOptions:
    """The network that ``train`` fits."""

    encoder: Annotated[
        str | None,
        Option(
            metavar="FOLDER",
            rich_help_panel=NETWORK,
            help="Learn linear heads on this encoder instead: ONNX, tokenizer.json, config.json.",
        ),
    ] = None
    vectors: Vectors = "archive"
    vocabulary_size: Annotated[
        int,
        Option(
            metavar="N",
            min=1,
            rich_help_panel=NETWORK,
            help="Vocabulary size; the most frequent words are kept.",
        ),
    ] = 10_000
    max_tokens: Annotated[
        int,
        Option(
            metavar="N",
            min=1,
            max=1_000,
            rich_help_panel=NETWORK,
            help="Maximum number of words that are read of a text.",
        ),
    ] = 50
    embedding_dim: Annotated[
        int,
        Option(
            metavar="N",
            min=1,
            rich_help_panel=NETWORK,
            help="Dimension of the word vectors; a vector file has its own.",
        ),
    ] = 300
    hidden: Annotated[
        int,
        Option(metavar="N", min=1, rich_help_panel=NETWORK, help="Hidden size of the network."),
    ] = 128
    dropout: Annotated[
        float,
        Option(
            metavar="SHARE",
            min=0,
            max=0.99,
            rich_help_panel=NETWORK,
            help="Dropout rate in front of the output layer.",
        ),
    ] = 0.5
    counts: Annotated[
        bool,
        Option(
            rich_help_panel=NETWORK,
            help="Also feed the retweet and like counts, which are known only later.",
        ),
    ] = False


@dataclass(frozen=True)
class FitOptions:
    """How ``train`` fits the network."""

    epochs: Epochs = 100
    batch_rows: Annotated[
        int, Option(metavar="N", min=1, rich_help_panel=TRAINING, help="Batch size.")
    ] = 256
    learning_rate: Annotated[
        float,
        Option(
            metavar="RATE", min=0, rich_help_panel=TRAINING, help="Initial learning rate (Adam)."
        ),
    ] = 3e-4
    seed: Annotated[
        int, Option(metavar="N", min=0, rich_help_panel=TRAINING, help="Random seed.")
    ] = 0
    shuffle_labels: Annotated[
        int,
        Option(
            metavar="N",
            min=0,
            rich_help_panel=TRAINING,
            help="Train N times more, each time on the labels of other days, for a p-value of the "
            "whole pipeline: costs N trainings; 19 can show 0.05, 99 can show 0.01.",
        ),
    ] = 0


@dataclass(frozen=True)
class RunOptions:
    """Where and how ``train`` and ``study`` run."""

    device: Device = "auto"
    resume: Annotated[
        bool,
        Option(
            rich_help_panel=TRAINING,
            help="Continue an interrupted run; give the same options again.",
        ),
    ] = False
    log_dir: Annotated[
        Path, Option(metavar="FOLDER", rich_help_panel=OUTPUT, help="Folder for TensorBoard logs.")
    ] = Path("runs")


@dataclass(frozen=True)
class DesignOptions:
    """What ``study`` compares, and by which protocol."""

    protocol: Annotated[
        Literal["honest", "original"],
        Option(
            rich_help_panel=TRAINING,
            help="honest: no look into the test part; original: as in 2019, with its faults.",
        ),
    ] = "honest"
    ablation: Annotated[
        int,
        Option(
            metavar="MINUTES",
            min=1,
            rich_help_panel=LABELS,
            help="Interval at which networks without vectors or counts are compared, in minutes.",
        ),
    ] = 5
    seeds: Annotated[
        int,
        Option(
            metavar="N",
            min=1,
            rich_help_panel=TRAINING,
            help="Number of random seeds, from 0 on; each trains every network again.",
        ),
    ] = 1
    folds: Annotated[
        int,
        Option(
            metavar="N",
            min=1,
            max=5,
            rich_help_panel=TRAINING,
            help="Number of walk-forward folds, whose test parts are pooled.",
        ),
    ] = 1

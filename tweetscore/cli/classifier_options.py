"""The options of ``score`` and ``model`` about text classifiers of other programs."""

from dataclasses import dataclass
from typing import Annotated, Any

from typer import Argument, Option

from tweetscore.cli.options import TrainedUntil, complete_model

CLASSIFIERS = "Text classifiers of other programs"
ShownModel = Annotated[
    str,
    Argument(
        metavar="MODEL",
        autocompletion=complete_model,
        help="A folder, or the name of a shipped model.",
    ),
]
GraphFile = Annotated[
    str | None,
    Option(
        "--file",
        metavar="NAME",
        rich_help_panel=CLASSIFIERS,
        help="Its graph, e.g. onnx/model_quantized.onnx; without it, model.onnx.",
    ),
]


@dataclass(frozen=True)
class ClassifierOptions:
    """How ``score`` reads a text classifier of another program."""

    file: GraphFile = None
    reads_as: Annotated[
        str | None,
        Option(
            "--as",
            metavar="up=…,down=…",
            rich_help_panel=CLASSIFIERS,
            help="Labels that are read as a direction at each --interval, e.g. "
            "up=positive,down=negative; half of any other label counts as up.",
        ),
    ] = None
    trained_until: TrainedUntil = None
    accept_changed: Annotated[
        bool,
        Option(
            "--accept-changed",
            rich_help_panel=CLASSIFIERS,
            help="Score, as another model, although its files changed since it scored here.",
        ),
    ] = False

    def read(self) -> dict[str, Any]:
        """Return the arguments of ``load_model``."""
        return {
            "file": self.file,
            "reads_as": self.reads_as,
            "trained_until": self.trained_until,
        }

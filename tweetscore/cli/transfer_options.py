"""The options of export and import, once, with their help."""

from dataclasses import dataclass, fields
from typing import Annotated

from typer import Argument, Option

from tweetscore.cli import options
from tweetscore.errors import InputError
from tweetscore.market.horizons import Horizon

GIVEN = "Predictions of others"

ExportFolder = Annotated[
    str, Argument(help="Folder for the files, here or in a bucket; it must not exist yet.")
]
Tables = Annotated[
    list[str] | None,
    Option(
        "--table",
        metavar="NAME",
        help="Table or view to export, e.g. scored; may be repeated. Without it, every table.",
    ),
]
RowsPerFile = Annotated[int, Option(metavar="N", min=1, help="Maximum number of rows in a file.")]
ImportFolder = Annotated[
    str | None, Argument(help="Folder written by export or by score --output.")
]


@dataclass(frozen=True)
class GivenOptions:
    """A table of somebody's predictions, and what it leaves open."""

    predictions: Annotated[
        str | None,
        Option(
            metavar="FILE",
            rich_help_panel=GIVEN,
            help="Table with the id of a post in each row, and the probability that the price "
            "rises, or up or down; here or in a bucket.",
        ),
    ] = None
    model: Annotated[
        str | None,
        Option(
            metavar="NAME",
            rich_help_panel=GIVEN,
            help="Name under which they are judged; files of one name are one model.",
        ),
    ] = None
    trained_until: options.TrainedUntil = None
    interval: Annotated[
        Horizon | None,
        Option(
            parser=options.parse_horizon,
            metavar="N",
            rich_help_panel=GIVEN,
            help="From entry to exit: minutes, or sessions as in 1d, if the file does not say.",
        ),
    ] = None
    reads_as: Annotated[
        str | None,
        Option(
            "--as",
            metavar="up=…,down=…",
            rich_help_panel=GIVEN,
            help="Classes that are read as a direction, e.g. up=bullish,down=bearish; half of any "
            "other class counts as up.",
        ),
    ] = None
    platform: Annotated[
        str | None,
        Option(
            metavar="NAME",
            rich_help_panel=GIVEN,
            help="Platform of the ids, if several have the same here.",
        ),
    ] = None
    clock: Annotated[
        str | None,
        Option(
            metavar="ZONE",
            rich_help_panel=GIVEN,
            help="Time zone of the times at which they were made, if these have none.",
        ),
    ] = None
    column: options.Columns = None
    encoding: options.Encoding = None

    def check(self, folder: str | None) -> None:
        """Refuse what does not belong together.

        Raises:
            InputError: there is nothing to import, or too much, or predictions without a model.
        """
        if self.predictions is None:
            said = [each.name for each in fields(self) if getattr(self, each.name) is not None]
            if said:
                name = said[0].replace("reads_as", "as").replace("_", "-")
                raise InputError(f"--{name} is of predictions; name their file with --predictions")
            if folder is None:
                raise InputError("nothing to import; name a folder, or a file with --predictions")
        elif folder is not None:
            raise InputError(f"{folder}: a folder and --predictions exclude each other")
        elif self.model is None:
            raise InputError("--predictions needs a name for its model; give it with --model")

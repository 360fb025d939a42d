"""The options of files and buckets, once, with their help."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typer import Option

from tweetscore.errors import InputError

FILES = "Files instead of the database"
StorageOptions = Annotated[
    list[str] | None,
    Option(
        "--storage-option",
        metavar="NAME=VALUE",
        help="How a bucket is reached, as in endpoint=URL or region=NAME; may be repeated. "
        "Credentials are those of the environment.",
    ),
]


def storage_options(pairs: list[str] | None) -> dict[str, str]:
    """Read the pairs NAME=VALUE of ``--storage-option``.

    Raises:
        InputError: one is no such pair.
    """
    options = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not value:
            raise InputError(
                f"--storage-option {name}: has no value; write it as in region=eu-central-1"
            )
        options[name.strip()] = value.strip()
    return options


@dataclass(frozen=True)
class FileOptions:
    """Files that ``score`` reads and writes instead of the database."""

    input: Annotated[
        list[str] | None,
        Option(
            metavar="PATH",
            rich_help_panel=FILES,
            help="Parquet file, folder or pattern to score, here or in a bucket (s3://, gs://, "
            "abfs://); may be repeated.",
        ),
    ] = None
    output: Annotated[
        str | None,
        Option(
            "--output",
            "-o",
            metavar="FOLDER",
            rich_help_panel=FILES,
            help="Folder for the scores of --input, here or in a bucket.",
        ),
    ] = None
    engine: Annotated[
        Literal["local", "ray"],
        Option(rich_help_panel=FILES, help="Score on this machine, or on a Ray cluster."),
    ] = "local"
    address: Annotated[
        str | None,
        Option(
            metavar="HOST:PORT",
            rich_help_panel=FILES,
            help="Address of a running Ray cluster, or auto; without it, one is started here.",
        ),
    ] = None
    workers: Annotated[
        int | None,
        Option(
            metavar="N",
            min=1,
            rich_help_panel=FILES,
            help="Number of Ray workers; without it, one for each core.",
        ),
    ] = None
    dry_run: Annotated[
        bool,
        Option(
            "--dry-run",
            rich_help_panel=FILES,
            help="Only say what would be done and how long it would take; one shard is scored to "
            "see.",
        ),
    ] = False
    take_over: Annotated[
        bool,
        Option(
            "--take-over",
            rich_help_panel=FILES,
            help="Write to a bucket that another run holds, if you know that it has died.",
        ),
    ] = False
    storage_option: StorageOptions = None

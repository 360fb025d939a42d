"""Every option of the command line, once, with its help.

A type such as ``Db`` is one option; a dataclass is a group of options that belong together, see
``command``. The name of a parameter or field is the name of its option, unless one is given.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, BadParameter, Option

from tweetscore import api
from tweetscore.cli.command import OUTPUT
from tweetscore.errors import InputError
from tweetscore.market.horizons import Horizon
from tweetscore.scoring.seen import seen_until

DEFAULT_DB = Path("tweetscore.duckdb")
QUERY_SECONDS = 300


def complete_model(incomplete: str) -> list[str]:
    """Complete ``--model`` with the names of the shipped models."""
    return [name for name in api.shipped_models() if name.startswith(incomplete)]


def complete_query(incomplete: str) -> list[str]:
    """Complete ``--file`` with the names of the shipped queries."""
    names = [query.name for query in api.shipped_queries()]
    return [name for name in names if name.startswith(incomplete)]


def parse_horizon(text: str) -> Horizon:
    """Read the value of ``--interval``."""
    try:
        return Horizon.parse(text)
    except ValueError as error:
        raise BadParameter(str(error)) from error


def parse_seen_until(text: str) -> datetime:
    """Read the value of ``--trained-until``."""
    try:
        return seen_until(text)
    except ValueError as error:
        raise BadParameter(str(error)) from error


def column_names(pairs: list[str] | None) -> dict[str, str]:
    """Read the pairs OURS=THEIRS of ``--column``; an empty name says that there is no such column.

    Raises:
        InputError: one is no such pair.
    """
    names = {}
    for pair in pairs or ():
        ours, equals, theirs = pair.partition("=")
        if not equals:
            raise InputError(f"--column {pair}: is not OURS=THEIRS; write it as in text=body")
        names[ours.strip()] = theirs
    return names


def database_if_any(db: Path) -> Path | None:
    """Return the database that the user named; None where the default one does not exist."""
    return db if db != DEFAULT_DB or db.exists() else None


# --- of several commands --------------------------------------------------------------------------

Db = Annotated[
    Path,
    Option("--db", metavar="FILE", envvar="TWEETSCORE_DB", help="Database file (DuckDB)."),
]
Json = Annotated[
    bool,
    Option(
        "--json",
        envvar="TWEETSCORE_JSON",
        help="Print the result as JSON instead of tables.",
        rich_help_panel=OUTPUT,
    ),
]
Session = Annotated[
    Literal["regular", "extended"],
    Option(help="Trading hours that count: those of the exchange, or all hours with bars."),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    Option(help="Where to compute; auto uses a GPU with CUDA if there is one."),
]
ScoredModel = Annotated[
    str | None,
    Option("--model", metavar="NAME", help="Name or id of a model whose scores are stored."),
]
TrainedUntil = Annotated[
    datetime | None,
    Option(
        metavar="DATE",
        parser=parse_seen_until,
        help="Until when the model may have seen posts and prices, in UTC: a day, month or year "
        "counts to its end. Without it nothing that it predicts can be tested.",
    ),
]
Columns = Annotated[
    list[str] | None,
    Option(
        "--column",
        metavar="OURS=THEIRS",
        help="Name of a column in the file, e.g. label=class; may be repeated.",
    ),
]

# --- ingest, doctor -------------------------------------------------------

Paths = Annotated[
    list[str],
    Argument(
        help="Files, zips, tars, folders or patterns, here or in a bucket; - reads standard input."
    ),
]
Strict = Annotated[bool, Option(help="Exit with code 3 if a record was rejected.")]
CheckedModels = Annotated[
    list[str] | None,
    Option(
        "--model",
        metavar="NAME",
        autocompletion=complete_model,
        help="Model to check: a folder, or the name of a shipped model; may be repeated.",
    ),
]
Leaks = Annotated[bool, Option(help="Also check for look-ahead leakage.")]
Encoding = Annotated[
    str | None,
    Option(
        metavar="NAME",
        help="Encoding of text files, e.g. cp1252, or utf-8+cp1252 for both in one; without it, "
        "told by their bytes.",
    ),
]


@dataclass(frozen=True)
class ReadingOptions:
    """How ``ingest`` reads files whose content leaves something open."""

    symbol: Annotated[
        str | None,
        Option(metavar="NAME", help="Symbol of the bars, if the file does not name one."),
    ] = None
    clock: Annotated[
        str,
        Option(
            metavar="ZONE",
            help="Time zone of the file: auto, UTC, an IANA name, EST, or a zone with an offset.",
        ),
    ] = "auto"
    stamp: Annotated[
        Literal["auto", "start", "end"],
        Option(help="Whether the time of a bar is the start or the end of its minute."),
    ] = "auto"
    calendar: Annotated[
        str,
        Option(
            metavar="CODE",
            help="Calendar of the bars: auto, an exchange such as XNYS for New York, 24/5 for "
            "currencies, or 24/7.",
        ),
    ] = "auto"
    column: Annotated[
        list[str] | None,
        Option(
            metavar="OURS=THEIRS",
            help="Column of a table of posts or bars: text=body, close=Last; text=a+b joins two, "
            "text=5 is the fifth; may be repeated.",
        ),
    ] = None
    platform: Annotated[
        str | None,
        Option(metavar="NAME", help="Platform of the posts, if the file does not name one."),
    ] = None
    precision: Annotated[
        Literal["auto", "second", "minute"],
        Option(
            help="How exact the times of posts are. Times that all end in :00 count as known to "
            "the minute, and a post as out at its end, unless they are exact to the second.",
        ),
    ] = "auto"
    encoding: Encoding = None
    max_gap: Annotated[
        int | None,
        Option(
            metavar="MINUTES",
            min=0,
            help="Maximum age of a price in minutes; saved in the database (initially 5).",
        ),
    ] = None
    flat_bps: Annotated[
        float | None,
        Option(
            metavar="BPS",
            min=0,
            help="Largest move that counts as flat, in basis points; saved in the database "
            "(initially 0).",
        ),
    ] = None


# --- score, evaluate, report, query ---------------------------------------------------------------

Model = Annotated[
    str,
    Option(
        metavar="NAME",
        autocompletion=complete_model,
        help="Model to score with: a folder, or the name of a shipped model.",
    ),
]
FrozenModel = Annotated[
    str,
    Argument(
        metavar="MODEL",
        autocompletion=complete_model,
        help="Model to freeze: a folder, or the name of a shipped model.",
    ),
]
Intervals = Annotated[
    list[Horizon] | None,
    Option(
        "--interval",
        metavar="HORIZON",
        parser=parse_horizon,
        help="From entry to exit: minutes, or sessions as in 1d; may be repeated. Without it, all "
        "of the model's.",
    ),
]
Page = Annotated[
    Path,
    Option(
        "--output",
        "-o",
        metavar="FILE",
        rich_help_panel=OUTPUT,
        help="File for the page; one that is already there is replaced.",
    ),
]
ReportedSymbol = Annotated[
    str | None,
    Option(
        "--symbol",
        metavar="NAME",
        help="Symbol to compare with; without it, all that the model has learned from.",
    ),
]
ReportedInterval = Annotated[
    Horizon | None,
    Option(
        "--interval",
        metavar="HORIZON",
        parser=parse_horizon,
        help="Interval that is shown in detail; without it, 30 if it is scored.",
    ),
]
Sql = Annotated[str | None, Argument(help="One SELECT statement; - reads it from standard input.")]


@dataclass(frozen=True)
class QueryOptions:
    """Which query runs, and how."""

    file: Annotated[
        str | None,
        Option(
            metavar="NAME",
            autocompletion=complete_query,
            help="SQL file, name of a shipped query, or - for standard input.",
        ),
    ] = None
    list_queries: Annotated[bool, Option("--list", help="List the shipped queries.")] = False
    param: Annotated[
        list[str] | None,
        Option(metavar="NAME=VALUE", help="Value of $NAME in the query; may be repeated."),
    ] = None
    timeout: Annotated[
        float,
        Option(metavar="SECONDS", min=0, help="Stop the query after this time; 0 means never."),
    ] = QUERY_SECONDS
    format: Annotated[
        Literal["table", "csv", "tsv", "json", "jsonl", "parquet", "md"] | None,
        Option(
            metavar="FORMAT",
            rich_help_panel=OUTPUT,
            help="Output format: table, csv, tsv, json, jsonl, parquet or md; without it, by the "
            "ending of --output, else table.",
        ),
    ] = None
    output: Annotated[
        Path | None,
        Option(
            "--output",
            "-o",
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="Write the answer to this file.",
        ),
    ] = None

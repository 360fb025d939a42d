"""The options of evaluate and compare, once, with their help."""

import math
from datetime import datetime
from pathlib import Path
from typing import Annotated

from typer import Option

from tweetscore.errors import InputError

ComparedModels = Annotated[
    list[str] | None,
    Option("--model", metavar="NAME", help="Name or id of a model to compare; may be repeated."),
]
EvaluatedFile = Annotated[
    Path | None,
    Option(
        "--labelled",
        metavar="FILE",
        help="Compare --model with the labels in this file instead: CSV, JSON or Parquet.",
    ),
]
Effect = Annotated[
    float,
    Option(
        metavar="AUC",
        min=0.5,
        max=1,
        help="Without a signal, say that days are inconclusive unless they would show this AUC.",
    ),
]
Costs = Annotated[
    str,
    Option(
        metavar="BPS,…",
        help="Costs of a round trip, in basis points, after which earnings are shown.",
    ),
]
From = Annotated[
    datetime | None, Option("--from", metavar="TIME", help="Only posts from this time on, in UTC.")
]
Until = Annotated[
    datetime | None, Option(metavar="TIME", help="Only posts before this time, in UTC.")
]


def costs_bps(text: str) -> tuple[float, ...]:
    """Read the value of ``--costs``.

    Raises:
        InputError: it is no list of numbers from 0 on, with commas.
    """
    try:
        costs = tuple(float(each) for each in text.split(","))
    except ValueError:
        costs = ()
    if not costs or not all(0 <= each < math.inf for each in costs):
        raise InputError(f"--costs {text}: is no list of basis points; write --costs 1,2.5")
    return costs

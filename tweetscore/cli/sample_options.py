"""The options of ``sample``."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Folder = Annotated[Path, Argument(help="Folder for the files; made if it is missing.")]
Posts = Annotated[
    int | None,
    Option(
        metavar="N",
        min=100,
        help="Number of posts; without it, 3,000 for each symbol and 3,000 more.",
    ),
]
Seed = Annotated[
    int, Option("--seed", metavar="N", min=0, help="Random seed; each gives other posts.")
]
Signal = Annotated[bool, Option(help="Let the posts predict the price 30 minutes ahead.")]
Symbols = Annotated[
    int,
    Option("--symbols", metavar="N", min=1, help="Number of symbols; posts name them by cashtags."),
]
Planted = Annotated[
    str | None,
    Option(metavar="SYMBOL", help="Symbol whose price the posts predict; without it, the first."),
]

"""The options of abnormal returns, once, with their help."""

from typing import Annotated

from typer import Argument, Option

AbnormalSymbol = Annotated[
    str | None, Argument(help="Symbol whose bars are taken; needed if there are several.")
]
Benchmark = Annotated[
    str | None,
    Option(metavar="SYMBOL", help="The market: what it explains is taken away (market model)."),
]
InVolatility = Annotated[
    bool, Option(help="Measure in units of the volatility of the days before.")
]
PastDays = Annotated[
    int, Option("--days", metavar="N", min=1, help="Trading days before each that are looked at.")
]

"""The options of links, abnormal returns and scheduled news, once, with their help."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from tweetscore import api
from tweetscore.errors import InputError

if TYPE_CHECKING:  # polars would slow down --help
    from tweetscore.market.news import News

NEWS = "Scheduled news"

LinkRules = Annotated[
    Path | None,
    Argument(
        help="Table of rules: symbol, kind, term, and perhaps valid_from and valid_until; without "
        "it, the rules that are there link what is new."
    ),
]
Cashtags = Annotated[bool, Option("--cashtags", help="A rule for each symbol that has bars.")]
ListRules = Annotated[bool, Option("--list", help="Show the rules, and link nothing.")]
RemoveRules = Annotated[
    bool, Option("--remove", help="Remove all rules: each post meets each symbol again.")
]
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


@dataclass(frozen=True)
class NewsOptions:
    """Near which times no window counts."""

    without_news: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            rich_help_panel=NEWS,
            help="Leave out windows near the times in this table, as those of central banks.",
        ),
    ] = None
    news_minutes: Annotated[
        int,
        Option(metavar="N", min=0, rich_help_panel=NEWS, help="How near is near, in minutes."),
    ] = 30
    news_clock: Annotated[
        str | None,
        Option(
            metavar="ZONE", rich_help_panel=NEWS, help="Time zone of these times if they have none."
        ),
    ] = None

    def check_market(self, labelled: Path | None) -> None:
        """Refuse news beside labels of the user's own, which have no windows.

        Raises:
            InputError: both are given.
        """
        if labelled and self.without_news:
            raise InputError("--without-news: labels of your own have no windows; leave it out")

    def read(self) -> "News | None":
        """Read the file, if one is named."""
        if self.without_news is None:
            return None
        return api.read_news(self.without_news, minutes=self.news_minutes, clock=self.news_clock)

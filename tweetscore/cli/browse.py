"""The command ``browse``: a page on loopback, until Ctrl-C."""

import webbrowser
from contextlib import suppress
from typing import Annotated

import typer
from typer import Option

from tweetscore import api
from tweetscore.cli import options
from tweetscore.cli.command import command
from tweetscore.cli.console import note, show_line
from tweetscore.cli.options import DEFAULT_DB
from tweetscore.cli.results import RESULTS

app = typer.Typer()
Port = Annotated[
    int,
    Option("--port", metavar="N", min=0, max=65_535, help="Port to listen at; 0 takes a free one."),
]
Token = Annotated[
    str | None,
    Option(
        "--token",
        metavar="TEXT",
        help="Secret part of the address, at least 16 letters and digits; with it and --port, "
        "addresses stay. Without it, another one each time.",
    ),
]
Open = Annotated[bool, Option("--open", help="Also open the page in the browser.")]


@command(app, RESULTS)
def browse(
    db: options.Db = DEFAULT_DB,
    port: Port = 0,
    token: Token = None,
    in_browser: Open = False,
) -> None:
    """Look at posts, prices, files, models and queries in a browser; nothing can be changed.

    The page is on this machine alone, and only who has its address can open it. Other commands can
    write meanwhile. Ctrl-C ends it.

    Example: `tweetscore browse`
    """

    def told(address: str) -> None:
        show_line(address)
        note("open this address in a browser on this machine; Ctrl-C ends it")
        if in_browser:
            webbrowser.open(address)

    with suppress(KeyboardInterrupt):
        api.browse(db, port=port, token=token, on_address=told)

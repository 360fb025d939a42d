"""The command line as a whole: the commands of every panel, the version and the help."""

import sys
import threading
from io import TextIOWrapper
from typing import Annotated

import typer

from tweetscore import __version__
from tweetscore.cli import browse, data, first, models, results
from tweetscore.cli.command import OneLineErrors
from tweetscore.cli.console import warn
from tweetscore.cli.heap import few_arenas

PROGRAM = "tweetscore"
app = typer.Typer(
    name=PROGRAM,
    cls=OneLineErrors,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Score archives of social-media posts and compare the scores with market prices.",
    epilog="Start with `tweetscore demo`; `tweetscore` alone says what comes next. Environment "
    "variables can set every option: `TWEETSCORE_SCORE_MODEL` stands for `score --model`, "
    "`TWEETSCORE_DB` for `--db` of every command.",
)
for panel in (first, data, models, results, browse):
    app.add_typer(panel.app)


def main() -> None:
    """Run the command line."""
    if sys.stdout is None:
        warn("Error: standard output is closed; open it, or send it to a file")
        sys.exit(1)
    if isinstance(sys.stdout, TextIOWrapper):  # a locale without a character shows its number
        sys.stdout.reconfigure(errors="backslashreplace")
    # Why a library's thread ended is told where its work is waited for, not beside it.
    threading.excepthook = lambda _: None
    few_arenas()
    app(prog_name=PROGRAM)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    del version  # its callback has answered already
    if context.invoked_subcommand is None:
        first.show_standing()

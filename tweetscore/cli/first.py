"""The first run: where somebody stands, and the whole job on made-up data."""

import os
import shlex
import webbrowser
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from tweetscore import api
from tweetscore.cli import options
from tweetscore.cli.command import command
from tweetscore.cli.console import note, show_line
from tweetscore.cli.data import DATA
from tweetscore.cli.options import DEFAULT_DB
from tweetscore.cli.tables import show_record

app = typer.Typer()
Folder = Annotated[Path, Argument(help="Folder for all of it; made if it is missing.")]
Open = Annotated[bool, Option("--open", help="Also open the report in the browser.")]


@command(app, DATA)
def demo(
    folder: Folder = Path("demo"), in_browser: Open = False, as_json: options.Json = False
) -> None:
    """Do the whole job on made-up data: write, read, train, score, report; about a minute.

    In this archive posts move the price, and the model that it trains must find that.

    Example: `tweetscore demo`
    """
    made = api.demo(folder, on_step=note)
    if as_json:
        show_record(asdict(made))
    else:
        show_line(made.verdict)
        show_line(f"report: {made.report}")
        note(f"look around with: tweetscore browse --db {shlex.quote(str(made.database))}")
    if in_browser:
        webbrowser.open(made.report.absolute().as_uri())


def show_standing() -> None:
    """Print where somebody stands, and the commands that come next, ready to copy."""
    db = Path(os.environ.get("TWEETSCORE_DB") or DEFAULT_DB)
    found = api.standing(db)
    show_line(f"{found.fact}.")
    for step in found.steps:
        show_line(f"  tweetscore {step.command:<24} {step.meaning}")
    show_line("All commands: tweetscore --help")

"""How every command behaves: one line for each error, how much is said, and how it ends."""

import time
import traceback
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup, TyperOption

from tweetscore.cli import printing as display
from tweetscore.errors import TweetscoreError

INTERRUPTED = 130
OUTPUT = "Output"
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", envvar="TWEETSCORE_QUIET", help="Say errors only.", rich_help_panel=OUTPUT
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        envvar="TWEETSCORE_VERBOSE",
        help="Say more, and where an error arose.",
        rich_help_panel=OUTPUT,
    ),
]
Run = TypeVar("Run", bound=Callable[..., None])


class OneLineErrors(TyperGroup):
    """Turns each error that a user can meet into one line on stderr and its exit code."""

    def make_context(self, *given: Any, **named: Any) -> Any:
        """Begin a run; of the variables, help names only those beside the rule."""
        every = [*self.params, *(each for own in self.commands.values() for each in own.params)]
        for option in every:
            if isinstance(option, TyperOption) and option.envvar is None:
                option.show_envvar = False
        return super().make_context(*given, **named)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what stands before the command."""
        no_command_at_all = not args
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            if no_command_at_all:  # then the error is the help
                raise
            raise _told(error) from error

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except typer.TyperException as error:
            raise _told(error) from error
        except TweetscoreError as error:
            display.complain(f"Error: {error}")
            if display.talk.verbose:
                display.complain(traceback.format_exc().rstrip())
            raise typer.Exit(error.exit_code) from error
        except OSError as error:
            if isinstance(error, BrokenPipeError):  # typer ends quietly when the reader has gone
                raise
            display.complain(f"Error: {error.filename or 'the system'}: {error.strerror or error}")
            raise typer.Exit(1) from error
        except (KeyboardInterrupt, Exception) as error:
            if not _is_interrupt(error):
                raise
            display.complain(
                "Interrupted: what was finished is kept; run the command again to go on"
            )
            raise typer.Exit(INTERRUPTED) from error


def _told(error: typer.TyperException) -> typer.Exit:
    """Say in one line what is wrong with how a command was called."""
    context = getattr(error, "ctx", None)
    words = error.format_message().strip().removesuffix(".")
    asked = context.command_path if context else "tweetscore"
    display.complain(f"Error: {words}; see: {asked} --help")
    return typer.Exit(error.exit_code)


def _is_interrupt(error: BaseException | None) -> bool:
    """Recognise Ctrl-C also as DuckDB and half-imported C extensions pass it on."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or "Query interrupted" in str(error):
            return True
        error = error.__cause__
    return False


def command(app: typer.Typer, panel: str, name: str | None = None) -> Callable[[Run], Run]:
    """Make a function a command of the app, with ``--quiet`` and ``--verbose``."""

    def decorate(run: Run) -> Run:
        @wraps(run)
        def talking(quiet: bool, verbose: bool, **given: Any) -> None:
            display.talk.set(quiet=quiet, verbose=verbose)
            began = time.monotonic()
            run(**given)
            display.detail(f"took {time.monotonic() - began:.1f} s")

        extra = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=False, annotation=kind)
            for name, kind in (("quiet", Quiet), ("verbose", Verbose))
        ]
        of_run = signature(run)
        vars(talking)["__signature__"] = of_run.replace(
            parameters=[*of_run.parameters.values(), *extra]
        )
        app.command(name, rich_help_panel=panel)(talking)
        return run

    return decorate

"""How every command behaves: its options, one line for each error, and its exit code."""

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from errno import EDQUOT, EFBIG, ENOSPC
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, TypeVar, get_type_hints

import typer
from typer.core import TyperGroup, TyperOption

from tweetscore.cli.console import detail, verbosity, warn
from tweetscore.errors import InputError, TweetscoreError

INTERRUPTED = 130
FAULT = 70  # EX_SOFTWARE of sysexits.h
LARGEST = 2**31 - 1  # of any option
OUTPUT = "Output"
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        envvar="TWEETSCORE_QUIET",
        help="Print errors only.",
        rich_help_panel=OUTPUT,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        envvar="TWEETSCORE_VERBOSE",
        help="Print more messages, and a traceback with an error.",
        rich_help_panel=OUTPUT,
    ),
]
Run = TypeVar("Run", bound=Callable[..., None])


class OneLineErrors(TyperGroup):
    """Turns each error that a user can cause into one line on stderr and an exit code."""

    def make_context(self, *given: Any, **named: Any) -> Any:
        """Begin a run; every option can be set by ``TWEETSCORE_<COMMAND>_<OPTION>``, too.

        Help states this rule once and lists only the variables that do not follow it.
        """
        for name, own in self.commands.items():
            for option in own.params:
                if isinstance(option, TyperOption) and option.envvar is None:
                    long_name = option.opts[0].removeprefix("--")
                    variable = f"tweetscore_{name}_{long_name}".replace("-", "_")
                    option.envvar, option.show_envvar = variable.upper(), False
        return super().make_context(*given, **named)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what comes before the command."""
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            raise _usage_exit(error) from error

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except typer.TyperException as error:
            raise _usage_exit(error) from error
        except TweetscoreError as error:
            warn(f"Error: {error}")
            if verbosity.verbose:
                warn(traceback.format_exc().rstrip())
            raise typer.Exit(error.exit_code) from error
        except OSError as error:
            if isinstance(error, BrokenPipeError):  # typer ends quietly when the reader has gone
                raise
            step = "; make room on the disk" if error.errno in (ENOSPC, EFBIG, EDQUOT) else ""
            warn(f"Error: {error.filename or 'the system'}: {error.strerror or error}{step}")
            raise typer.Exit(1) from error
        except (typer.Exit, typer.Abort, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # polars panics with one that is no Exception
            if _is_interrupt(error):
                warn("Interrupted: finished work is saved; run the command again to continue")
                raise typer.Exit(INTERRUPTED) from error
            warn(f"Error: {_fault(error)}")
            if verbosity.verbose:
                warn(traceback.format_exc().rstrip())
            raise typer.Exit(FAULT) from error


def _usage_exit(error: typer.TyperException) -> typer.Exit:
    """Print in one line what is wrong with how a command was called; return the exit."""
    context = getattr(error, "ctx", None)
    message = error.format_message().strip().removesuffix(".")
    path = context.command_path if context else "tweetscore"
    warn(f"Error: {message}; see: {path} --help")
    return typer.Exit(error.exit_code)


def _fault(error: BaseException) -> str:
    """Say what nobody foresaw: the last resort."""
    fact = next(iter(str(error).strip().splitlines()), "no message")
    return (
        f"{type(error).__name__}: {fact}; this is a fault of tweetscore: please report it with "
        "what --verbose prints"
    )


def _is_interrupt(error: BaseException | None) -> bool:
    """Recognise Ctrl-C also as DuckDB and half-imported C extensions pass it on."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or "Query interrupted" in str(error):
            return True
        error = error.__cause__
    return False


def command(app: typer.Typer, panel: str, name: str | None = None) -> Callable[[Run], Run]:
    """Make a function a command of the app, with ``--quiet`` and ``--verbose``.

    A parameter whose annotation is a dataclass is a group of options: typer gets an option for each
    of its fields, the function gets the dataclass.

    Args:
        app: the app that gets the command.
        panel: the heading under which ``tweetscore --help`` lists it.
        name: the name of the command, where it is not that of the function.
    """

    def decorate(run: Run) -> Run:
        parameters = signature(run).parameters.values()
        groups: dict[str, Any] = {
            each.name: each.annotation for each in parameters if is_dataclass(each.annotation)
        }

        @wraps(run)
        def run_with_groups(quiet: bool, verbose: bool, **given: Any) -> None:
            verbosity.choose(quiet=quiet, verbose=verbose)
            for option, value in given.items():
                if isinstance(value, int | float) and not abs(value) <= LARGEST:  # as NaN is
                    raise InputError(f"--{option.replace('_', '-')}: {value} is out of range")
            began = time.monotonic()
            for group, kind in groups.items():
                given[group] = kind(**{each.name: given.pop(each.name) for each in fields(kind)})
            run(**given)
            detail(f"took {time.monotonic() - began:.1f} s")

        options = [option for each in parameters for option in _options_of(each)]
        options += [_option("quiet", Quiet, False), _option("verbose", Verbose, False)]
        vars(run_with_groups)["__signature__"] = signature(run).replace(parameters=options)
        app.command(name, rich_help_panel=panel)(run_with_groups)
        return run

    return decorate


def _options_of(parameter: Parameter) -> Iterator[Parameter]:
    """Yield the options of a group, or the parameter itself where it is none."""
    kind = parameter.annotation
    if not is_dataclass(kind):
        yield _option(parameter.name, kind, parameter.default)
        return
    types = get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        yield _option(each.name, types[each.name], each.default)


def _option(name: str, kind: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)

"""The two consoles: results go to stdout, messages for people to stderr."""

from dataclasses import dataclass

from rich.console import Console

from tweetscore.errors import InputError
from tweetscore.io.formats import VISIBLE

stdout = Console(highlight=False, emoji=False, soft_wrap=False)
stderr = Console(stderr=True, highlight=False, emoji=False)


@dataclass
class Verbosity:
    """How many messages the command that runs prints on stderr."""

    quiet: bool = False
    verbose: bool = False

    def choose(self, *, quiet: bool, verbose: bool) -> None:
        """Set the verbosity of the command that runs.

        Raises:
            InputError: both are chosen.
        """
        self.quiet, self.verbose = quiet, verbose and not quiet
        if quiet and verbose:
            raise InputError("--quiet and --verbose exclude each other; leave one out")

    @property
    def shows_progress(self) -> bool:
        """Whether progress bars are drawn: only on a terminal, and not with ``--quiet``."""
        return stderr.is_terminal and not self.quiet


verbosity = Verbosity()


def note(message: str) -> None:
    """Print a message on stderr, unless the user wants silence."""
    if not verbosity.quiet:
        warn(message)


def detail(message: str) -> None:
    """Print a message on stderr if the user asked for details."""
    if verbosity.verbose:
        warn(message)


def warn(message: str) -> None:
    """Print an error or warning on stderr, even with ``--quiet``."""
    stderr.print(message.translate(VISIBLE), markup=False, soft_wrap=True)


def show_line(text: str, *, style: str | None = None) -> None:
    """Print one line of a result on stdout; a terminal wraps it, a pipe gets it whole."""
    stdout.print(text.translate(VISIBLE), style=style, markup=False, soft_wrap=True)

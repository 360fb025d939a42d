"""The one family of errors that users meet, each with the exit code of its kind."""

from collections.abc import Iterable
from difflib import get_close_matches


class TweetscoreError(Exception):
    """A failure told in one line: the thing, the fact, the next step."""

    exit_code = 1


class InputError(TweetscoreError):
    """A file, clock or option that cannot be used as it is."""


class StorageError(TweetscoreError):
    """The disk or the memory does not suffice."""


class RejectsError(TweetscoreError):
    """Everything readable is stored, but ``--strict`` allows no rejects."""

    exit_code = 3


class LockedError(TweetscoreError):
    """Another process holds the database."""

    exit_code = 4


class IntegrityError(TweetscoreError):
    """A database or bundle is not what it says it is."""

    exit_code = 5


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Word the known name that is nearest to a wrong one, or nothing where none is near."""
    by_lower = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), by_lower, 1)
    return f"; did you mean {by_lower[near[0]]}?" if near else ""

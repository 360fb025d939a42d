"""The errors that users meet, each kind with its exit code."""

from collections.abc import Iterable
from difflib import get_close_matches


class TweetscoreError(Exception):
    """A failure worded in one line: the thing, the fact, the next step."""

    exit_code = 1


class InputError(TweetscoreError):
    """A file, clock or option that cannot be used as it is."""


class StorageError(TweetscoreError):
    """Disk space or memory has run out."""


class RejectsError(TweetscoreError):
    """Some records were rejected, which ``--strict`` does not allow; the others are stored."""

    exit_code = 3


class LockedError(TweetscoreError):
    """Another process holds the database."""

    exit_code = 4


class IntegrityError(TweetscoreError):
    """A database or model is damaged, or it belongs to another program."""

    exit_code = 5


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the known name nearest to a wrong one; an empty text if none is near."""
    by_lower = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), by_lower, 1)
    return f"; did you mean {by_lower[near[0]]}?" if near else ""

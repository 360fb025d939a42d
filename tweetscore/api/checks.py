"""Check a database and models: their paths go in, a result for each check comes out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tweetscore.errors import InputError

if TYPE_CHECKING:  # what a command does not need, it does not wait for
    from tweetscore.checks.doctor import Check
    from tweetscore.checks.standing import Standing


def doctor(
    db: str | Path | None, models: Sequence[str | Path] = (), *, leaks: bool = False
) -> "list[Check]":
    """Check a database, its clocks, the shipped models and others.

    Args:
        db: the database, which is only read; None checks models alone.
        models: folders, or names of shipped models.
        leaks: also check for look-ahead leakage: compute labels, features and predictions again
            from data that were cut or changed after a moment.

    Returns:
        One result for each check; ``ok`` is False where something is broken.

    Raises:
        InputError: there is no such database, or leakage is to be checked without one.
        LockedError: another process holds the database.
        IntegrityError: it belongs to another program.
    """
    from tweetscore.checks.doctor import diagnose

    path, names = Path(db) if db is not None else None, [str(model) for model in models]
    checks = diagnose(path, names)
    if leaks:
        from tweetscore.checks.leakage import audit

        if path is None:
            raise InputError("--leaks needs a database; name one with --db")
        checks += audit(path, names, with_clocks=False)
    return checks


def standing(db: str | Path) -> "Standing":
    """Say what a database holds in one line, and which commands come next.

    Args:
        db: its file, which need not exist and is only read.
    """
    from tweetscore.checks.standing import standing

    return standing(Path(db))

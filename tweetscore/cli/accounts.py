"""Print what became of the rows of files: accounts enter, tables and notes or JSON leave."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tweetscore.cli.console import note, show_line, verbosity, warn
from tweetscore.cli.tables import show_record, show_table

if TYPE_CHECKING:  # polars would slow down --help
    from tweetscore.ingest.account import Account
    from tweetscore.scoring.given import GivenAccount

MOST_LISTED = 20  # of more files, those of one kind have one line together
_COUNTED = ("rows_read", "stored", "updated", "duplicates", "rejected")
_LINE_CHARACTERS = 240
_READ_BEFORE = "read before with the same content, nothing changed"


def show_accounts(accounts: "Sequence[Account]", *, as_json: bool) -> None:
    """Print what became of the rows of each file, and of all together.

    Of many files only those with rejects or warnings have lines of their own, unless the user asks
    for details.
    """
    if as_json:
        total = {name: sum(getattr(each, name) for each in accounts) for name in _COUNTED}
        show_record({"files": [asdict(each) for each in accounts], "total": total})
        return
    read = [each for each in accounts if not each.error and each.kind != "ignored"]
    if len(read) <= MOST_LISTED or verbosity.verbose:
        listed, others = read, list["Account"]()
    else:
        odd = [each for each in read if _is_odd(each)]
        listed = odd[:MOST_LISTED]
        others = [each for each in read if not _is_odd(each)] + odd[MOST_LISTED:]
    if read:
        headings = ["file", "kind", *(name.replace("_", " ") for name in _COUNTED)]
        rows = [[Path(each.name).name, each.kind, *_counts([each])] for each in listed]
        rows += [
            [f"{len(alike):,} files of {form}", kind, *_counts(alike)]
            for (kind, form), alike in _by_kind(others)
        ]
        show_table(headings, rows)
    for each in listed:
        _show_candidates(each)
    for each in listed:
        again = f"{_READ_BEFORE}; " if each.unchanged else ""
        note(f"{Path(each.name).name}: {again}clock: {each.clock}")
    for each in listed:
        _show_details(each)
    for (kind, form), alike in _by_kind(others):
        _note_together(f"{len(alike):,} files of {kind} ({form})", alike)
    if hidden := sum(map(_is_odd, others)):
        warn(f"{hidden:,} more files have rejects or warnings; see them with --verbose")
    if ignored := [Path(each.name).name for each in accounts if each.kind == "ignored"]:
        shown = ", ".join(ignored[:5]) + (", …" if len(ignored) > 5 else "")
        note(f"ignored {len(ignored)} files that hold neither posts nor bars: {shown}")


def show_given(account: "GivenAccount", *, as_json: bool) -> None:
    """Print what became of the rows of a file of predictions, and of which model they are."""
    for warning in account.warnings:
        warn(f"{Path(account.name).name}: {warning}")
    if as_json:
        show_record(asdict(account))
        return
    rows = [(name.replace("_", " "), getattr(account, name)) for name in _COUNTED]
    rows += [(f"rejected: {reason}", count) for reason, count in account.reasons.items()]
    show_table([account.model, "predictions"], rows)
    note(f"{Path(account.name).name}: {_shortened(account.taken)}")
    note(f"{Path(account.name).name}: clock of the times of prediction: {account.clock}")
    seen = f"{account.model} may have seen what was posted before {account.knows_until_utc} UTC"
    if account.knows_until_utc is None:
        seen = f"nobody says what {account.model} has seen: it can be tested with --trained-until"
    note(seen)
    note(f"see the result with: tweetscore evaluate --model {shlex.quote(account.model)}")


def first_refusals(accounts: "Sequence[Account]") -> list[str]:
    """Return why files were refused: of many, the first, and how many more there are."""
    refused = [account.error for account in accounts if account.error]
    if len(refused) <= MOST_LISTED or verbosity.verbose:
        return refused
    more = f"{len(refused) - MOST_LISTED:,} more files were refused; see them with --verbose"
    return [*refused[:MOST_LISTED], more]


def _is_odd(account: "Account") -> bool:
    """Return whether the user should know more of a file than its kind."""
    unproven = account.candidates and not account.clock.startswith("proven")
    return bool(account.rejected or account.warnings or account.repaired or unproven)


def _counts(accounts: "Sequence[Account]") -> list[int]:
    return [sum(getattr(each, name) for each in accounts) for name in _COUNTED]


def _by_kind(
    accounts: "Sequence[Account]",
) -> "Iterator[tuple[tuple[str, str], list[Account]]]":
    for kind in dict.fromkeys((each.kind, each.format) for each in accounts):
        yield kind, [each for each in accounts if (each.kind, each.format) == kind]


def _note_together(called: str, accounts: "Sequence[Account]") -> None:
    """Print what files of one kind have in common, and how many of them differ."""
    if again := sum(each.unchanged for each in accounts):
        note(f"{called}: {again:,} {_READ_BEFORE}")
    for name in ("clock", "taken"):
        values = Counter(getattr(each, name) for each in accounts)
        value, files = values.most_common(1)[0]
        rest = len(accounts) - files
        differ = f" ({rest:,} files differ: see them with --verbose)" if rest else ""
        if value:
            words = f"clock: {value}" if name == "clock" else _shortened(value)
            note(f"{called}: {words}{differ}")


def _show_candidates(account: "Account") -> None:
    if account.candidates and not account.clock.startswith("proven"):
        show_line(f"\n{Path(account.name).name}: what its bars may be")
        rows = [tuple(asdict(row).values()) for row in account.candidates]
        show_table(["calendar", "closes by", "clock", "days", "verdict", "against it"], rows)


def _show_details(account: "Account") -> None:
    name = Path(account.name).name
    if account.taken:
        note(f"{name}: {_shortened(account.taken)}")
    for warning in account.warnings:
        warn(f"{name}: {warning}")
    if account.repaired:
        several = account.repaired > 1
        texts = f"{account.repaired:,} texts hold" if several else "1 text holds"
        warn(
            f"{name}: {texts} U+FFFD for unreadable bytes; "
            "--encoding utf-8+NAME reads words that are not UTF-8 in another encoding"
        )


def _shortened(words: str) -> str:
    """Cut a list to one line: all of it is in the database, and in JSON."""
    if len(words) <= _LINE_CHARACTERS:
        return words
    return f"{words[: words.rfind(',', 0, _LINE_CHARACTERS) + 1]} …"

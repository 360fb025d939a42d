"""Print what became of posts and files that were scored."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from tweetscore.cli.console import note, warn
from tweetscore.cli.tables import show_record, show_table
from tweetscore.market.targets import TargetKind

if TYPE_CHECKING:  # polars would slow down --help
    from tweetscore.scoring.files import FilesAccount
    from tweetscore.scoring.plan import FilesPlan
    from tweetscore.scoring.score import ScoreAccount


def show_scores(account: "ScoreAccount", kind: TargetKind, *, as_json: bool) -> None:
    """Print how many posts were scored, why others were not, and how many words are known."""
    _warn_of(account.warnings)
    if as_json:
        show_record(asdict(account))
        return
    rows: list[tuple[str, int]] = [("tweets", account.tweets), ("scored", account.scored)]
    rows += [(f"skipped: {name}", count) for name, count in account.skipped_reasons.items()]
    show_table([account.model, "tweets"], rows)
    _note_known_words(account.known_words)
    report = ", or tweetscore report" if kind.is_market else ""
    note(f"see the result with: tweetscore query --file {kind.query}{report}")


def show_files(account: "FilesAccount", output: str, *, as_json: bool) -> None:
    """Print what became of every shard and row, and how many words are known."""
    _warn_of(account.warnings)
    if as_json:
        show_record(asdict(account))
        return
    rows: list[tuple[str, int]] = [
        ("shards", account.shards),
        ("finished before", account.already_finished),
        ("failed", len(account.failed)),
        ("rows", account.rows),
        ("scored", account.scored),
    ]
    rows += [(f"not scored: {name}", count) for name, count in account.reasons.items()]
    show_table([account.model, "count"], rows)
    for each in account.failed:
        warn(f"failed: {each.name}: {each.reason}")
    _note_known_words(account.known_words)
    note(f"the scores are in {output}; add them to a database with: tweetscore import {output}")


def show_plan(plan: "FilesPlan", *, as_json: bool) -> None:
    """Print what a job would do."""
    if as_json:
        show_record(asdict(plan))
        return
    rows: list[tuple[str, int]] = [
        ("shards", plan.shards),
        ("finished before", plan.already_finished),
        ("unreadable", len(plan.unreadable)),
        ("rows to score", plan.rows),
        ("bytes of their files", plan.bytes),
        ("bytes to read of them", plan.bytes_to_read),
    ]
    show_table([plan.model, "count"], rows)
    for each in plan.unreadable:
        warn(f"unreadable: {each.name}: {each.reason}")
    if plan.seconds is not None:
        time = f"{plan.seconds:,.0f} s" if plan.seconds < 600 else f"{plan.seconds / 3600:,.1f} h"
        note(f"about {time} on this machine, by the time that {plan.tried} took")


def _warn_of(warnings: "Sequence[str]") -> None:
    for warning in warnings:
        warn(f"Warning: {warning}")


def _note_known_words(shares: Mapping[str, float]) -> None:
    if shares:
        words = ", ".join(f"{script} {100 * share:.1f} %" for script, share in shares.items())
        note(f"words that the model knows: {words}")

"""Print what was linked to which symbols: rules and their hits leave on stdout, words on stderr."""

from typing import TYPE_CHECKING

from tweetscore.cli.console import note, warn
from tweetscore.cli.tables import show_record, show_table

if TYPE_CHECKING:  # polars would slow down --help
    import polars as pl

    from tweetscore.ingest.links import Linked

_COUNTS = ("rules_added", "rules_removed", "posts", "linked", "unlinked", "links")


def show_rules(rules: "pl.DataFrame", *, as_json: bool) -> None:
    """Print each rule with the posts that it links, and their share of all posts."""
    if as_json:
        show_record({"rules": rules.to_dicts()})
    elif rules.is_empty():
        note("there is no rule: each post meets each symbol; make rules with: tweetscore link")
    else:
        show_table(rules.columns, rules.rows())


def show_linked(linked: "Linked", *, as_json: bool) -> None:
    """Print each rule with its hits, what has changed, and what links too much."""
    if as_json:
        counts = {name: getattr(linked, name) for name in _COUNTS}
        show_record({**counts, "warnings": [*linked.warnings], "rules": linked.rules.to_dicts()})
        return
    show_rules(linked.rules, as_json=False)
    if linked.rules_added or linked.rules_removed:
        note(
            f"rules: {linked.rules_added:,} added, {linked.rules_removed:,} removed; every post "
            "was held against the new ones"
        )
    else:
        note("rules: as before; only posts that came since were held against them")
    note(
        f"{linked.posts:,} posts: {linked.linked:,} linked ({linked.links:,} links), "
        f"{linked.unlinked:,} without a symbol"
    )
    for warning in linked.warnings:
        warn(warning)


def show_removed(rules: int, *, as_json: bool) -> None:
    """Print how many rules were removed."""
    if as_json:
        show_record({"rules_removed": rules})
    else:
        note(f"{rules:,} rules removed: each post meets each symbol")


def note_waiting(posts: int) -> None:
    """Tell that posts came which no rule has been held against."""
    if posts:
        note(f"{posts:,} posts are not held against the rules yet; run: tweetscore link")

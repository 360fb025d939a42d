"""Link posts to symbols: rules and the posts that are new since the last time enter, links leave.

All of a run is one transaction: what stops it leaves rules and links as they were.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tweetscore.errors import InputError
from tweetscore.ingest.link_rules import cashtag_rules, read_rules
from tweetscore.market.links import RULES, links_of
from tweetscore.store.database import Store, statement, subquery
from tweetscore.store.trials import record_selection
from tweetscore.text.rules import STOP_WORDS
from tweetscore.text.terms import TermFinder

BATCH_ROWS = 65_536
Progress = Callable[[str, int], None]  # a label, the posts done
NEARLY_EVERY = 0.5  # of all posts: a rule that links more of them tells few posts from others
_POSTS = "SELECT platform, tweet_id, author, posted_utc, text FROM tweets"


@dataclass(frozen=True, slots=True)
class Linked:
    """What a run has linked: posts = linked + unlinked."""

    rules_added: int
    rules_removed: int
    posts: int  # held against the rules in this run
    linked: int  # those with a symbol
    unlinked: int
    links: int  # pairs of a post and a symbol
    rules: pl.DataFrame  # as ``link_rules``
    warnings: tuple[str, ...]


def link_rules(store: Store) -> pl.DataFrame:
    """Return each rule with the posts that it links, and their share of all posts."""
    return store.frame(statement("query/info/links"))


def posts_to_link(store: Store) -> int:
    """Return how many posts no rule has been held against yet; 0 where there is no rule."""
    if not store.rows("FROM link_rules LIMIT 1"):
        return 0
    (posts,) = store.row(f"SELECT count(*) FROM {subquery('ingest/unlinked')}")
    return int(posts)


def link(store: Store, rules: Path | None, progress: Progress, *, cashtags: bool = False) -> Linked:
    """Link the posts that came since the last time, or all of them where the rules are others.

    Args:
        store: the open database.
        rules: a table of rules, which replaces those that are there; None keeps them.
        progress: called with a label and the posts done.
        cashtags: make a rule for each symbol with bars; not with ``rules``.

    Raises:
        InputError: there are no rules, or a rule cannot be used.
    """
    kept = store.frame("FROM link_rules ORDER BY rule")
    wanted, warnings = _wanted(store, rules, cashtags=cashtags) or (kept, [])
    if wanted.is_empty():
        raise InputError(
            f"{store.path}: has no rules yet; name a table of rules, or make them of its symbols "
            "with --cashtags"
        )
    names = [*RULES][1:]
    added = wanted.join(kept, on=names, how="anti", nulls_equal=True)
    removed = kept.join(wanted, on=names, how="anti", nulls_equal=True)
    others = pl.concat([added["symbol"], removed["symbol"]])
    with store.transaction():
        if others.len():
            # Without any rule, all symbols had posts; with some, those of a rule.
            touched = others.filter(others.is_in(kept["symbol"].implode())).unique()
            record_selection(store, None if kept.is_empty() else touched.to_list())
            _clear(store)
            store.append("link_rules", wanted)
        counts = _link_posts(store, progress, every=bool(others.len()))
        store.run("ingest/linked_sources")
    found = link_rules(store)
    told = [*warnings, *_too_frequent(found)]
    if found["share"].max() == 0:  # null without posts
        told.append(
            "no post is linked, so none meets a symbol; check the terms, or take the rules away "
            "with: tweetscore link --remove"
        )
    return Linked(added.height, removed.height, *counts, found, tuple(told))


def unlink(store: Store) -> int:
    """Remove all rules and links, so that each post meets each symbol; return how many rules."""
    symbols = [symbol for (symbol,) in store.rows("SELECT symbol FROM link_rules")]
    with store.transaction():
        record_selection(store, symbols)
        _clear(store)
    return len(symbols)


def _wanted(
    store: Store, rules: Path | None, *, cashtags: bool
) -> tuple[pl.DataFrame, list[str]] | None:
    """Return the rules that the user names, and what must be said of them."""
    if rules and cashtags:
        raise InputError("--cashtags makes the rules itself; leave it or the table of rules out")
    if rules:
        found, unused = read_rules(store, rules)
        return found, [f"{rules}: columns not used: {', '.join(unused)}"] if unused else []
    if cashtags:
        found, others = cashtag_rules(store)
        lacking = f"no cashtag can name {', '.join(others)}; write rules for them in a table"
        return found, [lacking] if others else []
    return None


def _clear(store: Store) -> None:
    for table in ("link_rules", "links", "linked_sources"):
        store.con.execute(f"DELETE FROM {table}")


def _link_posts(store: Store, progress: Progress, *, every: bool) -> tuple[int, int, int, int]:
    """Store the links of posts; return the posts, those with and without one, and the links."""
    rules = store.frame("FROM link_rules")
    finder = TermFinder(rules)
    reader = store.con.cursor()  # sees what was there before the transaction
    query = _POSTS if every else statement("ingest/unlinked")
    posts = linked = links = 0
    for batch in reader.sql(query).to_arrow_reader(BATCH_ROWS):
        read = pl.DataFrame(batch)
        found = links_of(read, finder.found(read), rules)
        store.append("links", found)
        posts += read.height
        linked += found.select("platform", "tweet_id").n_unique()
        links += found.height
        progress("", posts)
    reader.close()
    return posts, linked, posts - linked, links


def _too_frequent(rules: pl.DataFrame) -> list[str]:
    """Say which rules tell few posts from others, with the share of posts that they link."""
    told = []
    for rule in rules.iter_rows(named=True):
        term, share = rule["term"], rule["share"]
        is_word = rule["kind"] in ("word", "phrase")
        facts = [
            "is one letter" if is_word and len(term) == 1 else "",
            "is a stop word" if is_word and term.lower() in STOP_WORDS else "",
            "links nearly every post" if share is not None and share > NEARLY_EVERY else "",
        ]
        if fact := next(filter(None, facts), None):
            told.append(
                f"rule {rule['rule']}, {rule['kind']} {term!r} of {rule['symbol']}: {fact}; it "
                f"links {rule['posts']:,} posts, {share or 0:.1%} of all"
            )
    return told

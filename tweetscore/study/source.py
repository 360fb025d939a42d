"""Where the rows of a study come from: the tables of 2019, or a database of tweets and windows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl

from tweetscore.errors import InputError
from tweetscore.market.news import News
from tweetscore.market.symbols import check_spacing, choose_symbol
from tweetscore.market.targets import Target
from tweetscore.market.windows import ensure_windows
from tweetscore.store.database import Store
from tweetscore.study.options import StudyOptions
from tweetscore.study.reported import LABEL_FAULTS
from tweetscore.study.tables import read_study_table, study_minutes
from tweetscore.text.rules import TextRules
from tweetscore.training.dataset import clean_rows, market_rows, texts_until


@dataclass(frozen=True, slots=True)
class StudySource:
    """Where the rows of each interval come from."""

    name: str
    intervals: tuple[int, ...]
    rows: Callable[[int, bool], pl.DataFrame]  # minutes, with counts
    posts_until: Callable[[datetime], pl.Series] | None = None
    posts_hash: str = ""  # of all posts, which word vectors may be trained on
    symbol: str = ""
    target: Target = field(default_factory=Target)
    faults: tuple[str, ...] = ()  # of its labels, whatever the protocol


def table_source(folder: Path, options: StudyOptions) -> StudySource:
    """Return the study's own tables, ``<minutes>.csv``.

    Raises:
        InputError: the folder holds none, or lacks one of the intervals.
    """
    known = study_minutes(folder)
    if not known:
        raise InputError(f"{folder}: holds no table such as 5.csv; name the folder that does")
    rules = TextRules(max_tokens=options.training.max_tokens)

    def rows(minutes: int, _: bool) -> pl.DataFrame:
        table = read_study_table(folder, minutes)
        day = pl.col("posted_utc").dt.truncate("1d")
        return clean_rows(
            table.with_columns(
                pl.col("label").alias(f"outcome_{minutes}"),
                pl.col("posted_utc").dt.offset_by(f"{minutes}m").alias(f"exit_{minutes}"),
                session_date=day.dt.date(),
                close_utc=day.dt.offset_by("1d"),
            ),
            rules,
        )

    # Its labels are classes already, not returns.
    target = Target.of_labels(("down", "up"))
    return StudySource(str(folder), tuple(known), rows, target=target, faults=LABEL_FAULTS)


def database_source(
    store: Store,
    options: StudyOptions,
    news: News | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> StudySource:
    """Return the tweets and windows of a database.

    Windows near ``news`` are left out, and ``on_message`` is told how many.

    Raises:
        InputError: there are no bars, or one symbol must be named.
    """
    wanted = options.training
    if len(wanted.symbols) > 1:
        raise InputError("--symbol: a study compares networks on one symbol; name one")
    symbol = choose_symbol(store, *wanted.symbols or (None,))
    minutes_wanted = tuple(dict.fromkeys([*options.intervals, options.ablation_minutes]))
    check_spacing(store, symbol, minutes_wanted)
    ensure_windows(store, minutes_wanted)
    rules = TextRules(max_tokens=wanted.max_tokens)

    def rows(minutes: int, with_counts: bool) -> pl.DataFrame:
        found = market_rows(
            store,
            [symbol],
            wanted.session,
            [minutes],
            with_counts=with_counts,
            keep_flat=wanted.target.kind.keeps_flat,
            news=news,
            on_message=on_message,
        )
        return clean_rows(found, rules)

    (posts_hash,) = store.row(
        "SELECT concat_ws(' ', count(*), sum(hash(posted_utc, text))) FROM tweets"
    )
    return StudySource(
        str(store.path), minutes_wanted, rows, partial(texts_until, store), posts_hash, symbol,
        wanted.target,
    )  # fmt: skip

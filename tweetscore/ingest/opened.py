"""Recognise files before anything is stored: a file enters, its posts or bars leave, if any."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from tweetscore.bars.columns import COLUMNS as BAR_COLUMNS
from tweetscore.bars.reader import BarFile, OtherSymbolError, open_bars
from tweetscore.errors import InputError, did_you_mean
from tweetscore.ingest.account import IngestOptions
from tweetscore.io.data_file import DataFile
from tweetscore.io.source import Source, use_source
from tweetscore.io.tables.find import TableSource, tables_in
from tweetscore.market.symbols import canonical_symbol
from tweetscore.posts.canonical import Late, TweetFile
from tweetscore.posts.formats import Family, family_of, open_tweets
from tweetscore.posts.names import NAMES as POST_COLUMNS
from tweetscore.posts.tables import how_to_name


def open_file(
    source: Source, options: IngestOptions, late: Late | None = None
) -> TweetFile | BarFile | None:
    """Recognise a file of posts or of bars; None when it is something else.

    ``late`` is what reading a file of posts has shown of it.

    Raises:
        InputError: it is refused; see ``open_tweets`` and ``open_bars``. Also a workbook or a
            database where several tables are of posts or bars.
    """
    tables = tables_in(source)
    return _open(source, options, late) if tables is None else _open_one(source, tables, options)


def _open_one(
    source: Source, tables: Sequence[TableSource], options: IngestOptions
) -> TweetFile | BarFile | None:
    """Open the only table of posts or bars, and say which it is."""
    found: dict[str, TweetFile | BarFile] = {}
    refused: list[InputError] = []
    for table in tables:
        try:
            opened = _open(table, options)
        except InputError as error:
            refused.append(error)
            continue
        if opened:
            found[table.called] = opened
    if len(found) > 1:
        raise InputError(
            f"{source.name}: {', '.join(found)} hold posts or bars; save each as a file of its "
            "own, as CSV, and ingest those"
        )
    if refused and not found:
        raise refused[0]
    others = [table.called for table in tables if table.called not in found]
    for called, opened in found.items():
        words = f"{called}; not used: {', '.join(others)}" if others else called
        return replace(opened, taken=f"{words}; {opened.taken}")
    return None


def _open(
    source: Source, options: IngestOptions, late: Late | None = None
) -> TweetFile | BarFile | None:
    of_posts, of_bars = _columns(options)
    if of_bars and not of_posts:  # whoever names prices has bars
        return open_bars(source, options.symbol, of_bars)
    clock = None if options.clock == "auto" else options.clock
    posts = open_tweets(source, of_posts, options.platform, clock, late)
    return posts or open_bars(source, options.symbol, of_bars)


def how_to_read(file: DataFile) -> str | None:
    """Return how to read a file that is neither posts nor bars, if it is a table."""
    try:
        return use_source(file, how_to_name)
    except InputError:
        return None


def family_of_posts(source: Source, options: IngestOptions) -> Family | None:
    """Return the family of a small file of posts; None where it has none, or is something else.

    Raises:
        InputError: a column that the user names is not there.
    """
    of_posts, of_bars = _columns(options)
    return None if of_bars and not of_posts else family_of(source, of_posts)


def _columns(options: IngestOptions) -> tuple[dict[str, str], dict[str, str]]:
    """Return the columns that the user names, of posts and of bars."""
    of_posts = {ours: it for ours, it in options.columns.items() if ours in POST_COLUMNS}
    of_bars = {ours: it for ours, it in options.columns.items() if ours in BAR_COLUMNS}
    return of_posts, of_bars


def refuse_unknown_columns(columns: Mapping[str, str]) -> None:
    """Refuse a name that is none of ours.

    Raises:
        InputError: there is one.
    """
    known = (*POST_COLUMNS, *BAR_COLUMNS)
    for ours in columns:
        if ours not in known:
            raise InputError(
                f"no column is called {ours!r} here; say one of {', '.join(POST_COLUMNS)} for "
                f"posts, or {', '.join(BAR_COLUMNS)} for bars{did_you_mean(ours, known)}"
            )


def refuse_several_symbols(
    files: Sequence[DataFile], options: IngestOptions, block_bytes: int
) -> None:
    """Refuse one symbol for several files whose names or columns show others.

    Files that agree with each other may have another name than the symbol given.

    Raises:
        InputError: they do not agree.
    """
    shown: dict[str, str] = {}
    for file in files:
        try:
            opened = use_source(file, partial(open_file, options=options), block_bytes)
        except OtherSymbolError:
            raise
        except InputError:  # the same refusal is raised again where the file is stored
            continue
        if isinstance(opened, BarFile):
            for symbol in opened.named:
                shown.setdefault(symbol, file.name)
    if len(shown) > 1:
        facts = ", ".join(f"{name} is of {symbol}" for symbol, name in [*shown.items()][:3])
        raise InputError(
            f"--symbol is {canonical_symbol(options.symbol or '')}, but the files do not agree: "
            f"{facts}; leave --symbol out, or ingest them one by one"
        )

"""Bring files into the database: one file in, one transaction, one account of every row.

Here readers, clocks, sessions and the store meet. Nothing of a file is stored before its clock has
been checked against evidence, and a file that fails leaves nothing behind.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tweetscore.bars.reader import BarFile
from tweetscore.errors import InputError
from tweetscore.ingest.account import IGNORED, Account, IngestOptions, Progress
from tweetscore.ingest.bars import ingest_bars
from tweetscore.ingest.opened import (
    how_to_read,
    open_file,
    refuse_several_symbols,
    refuse_unknown_columns,
)
from tweetscore.ingest.posts import ingest_posts
from tweetscore.ingest.sources import StoredAlreadyError
from tweetscore.io.data_file import DataFile
from tweetscore.io.open import data_files
from tweetscore.io.records import BLOCK_BYTES
from tweetscore.io.source import sniff
from tweetscore.market.windows import ensure_windows, set_rules
from tweetscore.posts.canonical import TweetFile
from tweetscore.store.database import Store


def ingest(
    store: Store,
    paths: Sequence[Path],
    options: IngestOptions,
    progress: Progress,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> list[Account]:
    """Ingest each file behind each path, and make the windows that its rows need.

    A refused file stops no other; the reason is in its account.

    Args:
        store: the open database.
        paths: files, zips, folders, patterns, or ``-`` for standard input.
        options: what the user sets for them.
        progress: called with the file's name and its rows read so far.
        block_bytes: how many bytes of a file are read at once.

    Returns:
        What became of the rows of each file.

    Raises:
        InputError: an option names no column of ours, or one symbol for files of several.
    """
    refuse_unknown_columns(options.columns)
    listed = [(path, _files(path)) for path in paths]
    files = [file for _, found in listed if isinstance(found, list) for file in found]
    if options.symbol and len(files) > 1:
        refuse_several_symbols(files, options, block_bytes)
    accounts = [
        account
        for path, found in listed
        for account in _of_path(store, path, found, options, progress, block_bytes)
    ]
    set_rules(store, max_gap_minutes=options.max_gap_minutes, flat_bps=options.flat_bps)
    ensure_windows(store)
    return accounts


def _files(path: Path) -> list[DataFile] | InputError:
    try:
        return data_files(path)
    except InputError as error:
        return error


def _of_path(
    store: Store,
    path: Path,
    files: list[DataFile] | InputError,
    options: IngestOptions,
    progress: Progress,
    block_bytes: int,
) -> list[Account]:
    if isinstance(files, InputError):
        return [Account(str(path), error=str(files))]
    accounts = [_ingest_or_refuse(store, file, options, progress, block_bytes) for file in files]
    if all(account.kind == IGNORED for account in accounts):
        return [_unknown(path, files)]
    return accounts


def _unknown(path: Path, files: list[DataFile]) -> Account:
    holds = ", ".join(file.entry or file.path.name for file in files[:5])
    fact = f"holds {holds}" if len(files) > 1 else f"begins with {files[0].head()[:40]!r}"
    error = f"neither a tweet archive nor minute bars in a known format (it {fact})"
    step = (how_to_read(files[0]) if len(files) == 1 else None) or "the README lists the formats"
    return Account(str(path), error=f"{path}: {error}; {step}")


def _ingest_or_refuse(
    store: Store,
    file: DataFile,
    options: IngestOptions,
    progress: Progress,
    block_bytes: int,
) -> Account:
    """Ingest one file; files in a zip or a folder that are not data are ignored."""
    account = Account(file.name)
    try:
        opened = open_file(sniff(file, block_bytes), options)
        if isinstance(opened, TweetFile):
            account = replace(account, kind="tweets", format=opened.format)
            return ingest_posts(store, opened, account, options, progress)
        if isinstance(opened, BarFile):
            account = replace(
                account,
                kind="bars",
                format=opened.format,
                symbol=opened.symbol,
                taken=opened.taken,
            )
            return ingest_bars(store, opened, account, options, progress)
        return replace(account, kind=IGNORED)
    except StoredAlreadyError as stored:
        return stored.account
    except InputError as error:
        return replace(account, error=str(error))

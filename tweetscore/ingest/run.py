"""Bring files into the database: files in, one account of every row of each out.

Here readers, clocks, sessions and the store meet. Nothing of a file is stored before its clock has
been checked against evidence, and a file that fails leaves nothing behind. A large file has a
transaction of its own, small files of posts share one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from tweetscore.bars.reader import BarFile
from tweetscore.errors import InputError
from tweetscore.ingest.account import IGNORED, Account, IngestOptions, Progress
from tweetscore.ingest.bars import ingest_bars
from tweetscore.ingest.opened import (
    family_of_posts,
    how_to_read,
    open_file,
    refuse_several_symbols,
    refuse_unknown_columns,
)
from tweetscore.ingest.posts import begun_account, ingest_posts
from tweetscore.ingest.small import SmallFile, ingest_small
from tweetscore.ingest.sources import StoredAlreadyError
from tweetscore.io.data_file import DataFile
from tweetscore.io.encodings import known_encoding
from tweetscore.io.hashed import NotUtf8Error
from tweetscore.io.open import data_files
from tweetscore.io.places import Place
from tweetscore.io.records import BLOCK_BYTES
from tweetscore.io.source import Source, use_source, with_encoding
from tweetscore.market.windows import ensure_windows, set_rules
from tweetscore.posts.canonical import LateColumnsError, TweetFile
from tweetscore.store.database import Store
from tweetscore.store.trials import record_outside

# A small file of posts is opened later, and a file that is neither has its account already.
Recognised = TweetFile | BarFile | SmallFile | Account


def ingest(
    store: Store,
    paths: Sequence[Path | Place],
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
        progress: called with the file's name, its rows and bytes read so far.
        block_bytes: how many bytes of a file are read at once.

    Returns:
        What became of the rows of each file.

    Raises:
        InputError: an option names no column of ours, no encoding, or one symbol for files of
            several.
    """
    refuse_unknown_columns(options.columns)
    encoding = known_encoding(options.encoding) if options.encoding else None
    listed = [(path, _files(path, encoding)) for path in paths]
    files = [file for _, found in listed if isinstance(found, list) for file in found]
    if options.symbol and len(files) > 1:
        refuse_several_symbols(files, options, block_bytes)
    of_files = _of_files(store, files, options, progress, block_bytes)
    accounts = [account for path, found in listed for account in _of_path(path, found, of_files)]
    if not all(each.error for each in accounts):  # a refusal leaves nothing
        set_rules(store, max_gap_minutes=options.max_gap_minutes, flat_bps=options.flat_bps)
    ensure_windows(store)
    with store.transaction():
        record_outside(store)  # of symbols that are new
    return accounts


def _files(path: Path | Place, encoding: str | None) -> list[DataFile] | InputError:
    try:
        return [replace(file, encoding=encoding) for file in data_files(path)]
    except InputError as error:
        return error


def _of_path(
    path: Path | Place, files: list[DataFile] | InputError, of_files: Iterator[Account]
) -> list[Account]:
    """Take the accounts of the files behind a path; one that holds only others is refused."""
    if isinstance(files, InputError):
        return [Account(str(path), error=str(files))]
    accounts = list(islice(of_files, len(files)))
    if all(account.kind == IGNORED for account in accounts):
        return [_unknown(path, files)]
    return accounts


def _unknown(path: Path | Place, files: list[DataFile]) -> Account:
    holds = ", ".join(file.entry or file.path.name for file in files[:5])
    fact = f"holds {holds}" if len(files) > 1 else f"begins with {files[0].head()[:40]!r}"
    error = f"neither a tweet archive nor minute bars in a known format (it {fact})"
    step = (how_to_read(files[0]) if len(files) == 1 else None) or "the README lists the formats"
    return Account(str(path), error=f"{path}: {error}; {step}")


def _of_files(
    store: Store,
    files: Iterable[DataFile],
    options: IngestOptions,
    progress: Progress,
    block_bytes: int,
) -> Iterator[Account]:
    """Ingest files, small ones of posts together; yield their accounts in the files' order."""
    waiting, bytes_waiting = list[SmallFile | Account](), 0
    for file in files:
        found = _recognised(file, options, block_bytes)
        if isinstance(found, TweetFile | BarFile):
            yield from _stored(store, waiting, options, progress)
            yield _ingest_large(store, found, options, progress)
            waiting, bytes_waiting = [], 0
            continue
        size = found.source.digest()[1] if isinstance(found, SmallFile) else 0
        if bytes_waiting + size > block_bytes:
            yield from _stored(store, waiting, options, progress)
            waiting, bytes_waiting = [], 0
        waiting.append(found)
        bytes_waiting += size
    yield from _stored(store, waiting, options, progress)


def _recognised(file: DataFile, options: IngestOptions, block_bytes: int) -> Recognised:
    """Recognise a file; the account of one that is refused, or of neither posts nor bars."""
    try:
        return use_source(file, partial(_recognised_source, options=options), block_bytes)
    except InputError as error:
        return Account(file.name, error=str(error))


def _recognised_source(source: Source, options: IngestOptions) -> Recognised:
    if source.is_small and (family := family_of_posts(source, options)):
        return SmallFile(source, family)
    opened = open_file(source, options)
    if opened is None:
        return Account(source.name, kind=IGNORED)
    if source.is_small and isinstance(opened, TweetFile):
        return SmallFile(source, opened)
    return opened


def _stored(
    store: Store,
    waiting: Sequence[SmallFile | Account],
    options: IngestOptions,
    progress: Progress,
) -> Iterator[Account]:
    """Store the small files among what waits; yield the accounts of all."""
    small = [each for each in waiting if isinstance(each, SmallFile)]
    accounts = iter(ingest_small(store, small, options, progress)) if small else iter(())
    for each in waiting:
        yield next(accounts) if isinstance(each, SmallFile) else each


def _ingest_large(
    store: Store, opened: TweetFile | BarFile, options: IngestOptions, progress: Progress
) -> Account:
    """Ingest a file of bars, or one of posts in a transaction of its own."""
    source, account = opened.source, Account(opened.source.name)
    try:
        if isinstance(opened, TweetFile):
            account = begun_account(source, opened)
            try:
                return ingest_posts(store, opened, account, options, progress)
            except LateColumnsError as error:
                again = open_file(source, options, error.late)
                assert isinstance(again, TweetFile)
                return ingest_posts(store, again, begun_account(source, again), options, progress)
        account = Account(
            source.name,
            "bars",
            opened.format,
            opened.symbol,
            taken=opened.taken,
            warnings=source.warnings,
        )
        return ingest_bars(store, opened, account, options, progress)
    except NotUtf8Error:
        return _ingest_decoded(store, source, options, progress)
    except StoredAlreadyError as stored:
        return stored.account
    except InputError as error:
        return replace(account, error=str(error))


def _ingest_decoded(
    store: Store, source: Source, options: IngestOptions, progress: Progress
) -> Account:
    """Ingest a large file again: bytes far into it have shown that it is not UTF-8."""
    try:
        file = with_encoding(source.file)
    except InputError as error:
        return Account(source.name, error=str(error))
    found = _recognised(file, options, source.block_bytes)
    if isinstance(found, TweetFile | BarFile):
        return _ingest_large(store, found, options, progress)
    return next(_stored(store, [found], options, progress))

"""Ingest one file of bars: it enters, its rows and its account are in the database.

No bar is stored before the file's clock is decided; until then a file that is not too large waits
in memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from tweetscore.bars.prices import OddPrices, PriceWatch
from tweetscore.bars.reader import BarBatch, BarFile
from tweetscore.errors import InputError
from tweetscore.ingest.account import Account, IngestOptions, Progress
from tweetscore.ingest.bar_clock import BarVerdict, KnownSymbol, bar_clock
from tweetscore.ingest.deduplicate import deduplicate, now_utc
from tweetscore.ingest.sources import (
    StoredAlreadyError,
    StoredRows,
    may_be_stored,
    next_source,
    with_digest,
)
from tweetscore.io.pipeline import Replay, prefetch
from tweetscore.market.sessions import UNKNOWN, exchange_zone
from tweetscore.market.windows import forget_windows
from tweetscore.store.database import Store

MOST_KEPT_BYTES = 64 << 20  # about 800,000 bars; a larger file is read a second time


def ingest_bars(
    store: Store,
    bars: BarFile,
    account: Account,
    options: IngestOptions,
    progress: Progress,
    most_kept_bytes: int = MOST_KEPT_BYTES,
) -> Account:
    """Store the bars of a file, all or none; return the completed account.

    Args:
        store: the open database.
        bars: the file.
        account: of the file, as far as it is known.
        options: what the user sets for it.
        progress: called with the file's name, its rows and bytes read so far.
        most_kept_bytes: of its bars in memory; a file with more is read a second time.

    Raises:
        StoredAlreadyError: its content is stored already.
        InputError: its clock is refuted or not clear, its symbol is stored with another calendar,
            or no row can be used.
    """
    started_utc = now_utc()
    if not bars.naive and options.clock not in ("auto", "UTC"):
        bars = bars.as_shown()  # another clock shows the same times, not the same moments
    if may_be_stored(store, bars.source):
        account = _with_digest(store, bars, account, options)
    batches = Replay(lambda: prefetch(bars.read()), _bytes_of, most_kept_bytes)
    known = known_symbols(store)
    watch = PriceWatch()
    verdict = _bar_clock(bars, watch.watching(batches), options, known)
    odd = watch.odd_prices(batches)
    missing = watch.missing(batches)
    warnings = (
        *account.warnings,
        *verdict.warnings,
        *([missing] if missing else []),
        *odd.warnings,
    )
    account = _with_digest(store, bars, account, options)
    with store.transaction():
        source_id = next_source(store)
        stored = StoredRows(store, "bars", source_id)
        rows_read = _append_all(stored, bars, batches, verdict, odd, progress)
        fresh = "SELECT DISTINCT symbol FROM bars WHERE source_id = $source_id"
        symbols = [name for (name,) in store.rows(fresh, source_id=source_id)]
        keep_symbols(store, {symbol: verdict.symbols[symbol] for symbol in symbols})
        account = replace(
            account,
            clock=verdict.evidence,
            rows_read=rows_read,
            candidates=verdict.candidates,
            warnings=warnings,
        )
        (account,) = deduplicate(store, [account], "bars", source_id, started_utc)
        if account.stored or account.updated:
            for symbol in symbols:
                forget_windows(store, symbol)
    return account


def _bar_clock(
    bars: BarFile,
    batches: Iterable[BarBatch],
    options: IngestOptions,
    known: Mapping[str, KnownSymbol],
) -> BarVerdict:
    """Find out the clock; one that the file itself names is a claim like the user's."""
    if options.clock == "auto" and bars.claim:
        options = replace(options, clock=bars.claim)
    try:
        return bar_clock(bars, batches, options, known)
    except InputError as error:
        if options.clock != "auto" or not bars.guessed:
            raise
        raise InputError(f"{error} (read as {bars.taken})") from error


def _with_digest(store: Store, bars: BarFile, account: Account, options: IngestOptions) -> Account:
    """Add the digest; a calendar that was unknown when the same file was read is known now."""
    try:
        # Where the format has its date in the name, equal content may be another day's.
        return with_digest(store, bars.source, account, same_name=bars.clock is not None)
    except StoredAlreadyError as stored:
        if options.calendar != "auto":
            exchange_zone(options.calendar)  # refuses an unknown one
            symbols = store.rows(
                "SELECT DISTINCT bars.symbol, spacing_minutes FROM bars "
                "JOIN symbols USING (symbol) JOIN sources USING (source_id) WHERE sha256 = $sha256",
                sha256=stored.account.sha256,
            )
            keep_symbols(
                store,
                {symbol: KnownSymbol(options.calendar, spacing) for symbol, spacing in symbols},
            )
        raise


def _bytes_of(batch: BarBatch) -> int:
    return int(batch.bars.estimated_size() + batch.rejects.estimated_size())


def _append_all(
    stored: StoredRows,
    bars: BarFile,
    batches: Iterable[BarBatch],
    verdict: BarVerdict,
    odd: OddPrices,
    progress: Progress,
) -> int:
    """Store all rows by the clock that was decided on; return how many were read."""
    unclear = pl.format(verdict.no_open, pl.col("stamp").dt.to_string("%Y-%m-%d %H:%M"))
    rows_read = rows = 0
    for batch in batches:
        minutes = verdict.opens_utc(batch.bars["stamp"])
        judged = batch.bars.with_columns(minutes.alias("minute_utc")).with_columns(
            reason=pl.when(pl.col("minute_utc").is_null()).then(unclear)
        )
        if (reasons := odd.of_rows(rows, judged.height)) is not None:
            judged = judged.with_columns(reason=pl.col("reason").fill_null(reasons))
        stored.add(judged, batch.rejects)
        rows_read += batch.rows_read
        progress(bars.source.name, rows_read, bars.source.reached())
        rows += judged.height
    return rows_read


def known_symbols(store: Store) -> dict[str, KnownSymbol]:
    """Return what is stored of each symbol."""
    rows = store.rows("SELECT symbol, calendar, spacing_minutes FROM symbols")
    return {symbol: KnownSymbol(calendar, spacing) for symbol, calendar, spacing in rows}


def keep_symbols(store: Store, symbols: Mapping[str, KnownSymbol]) -> None:
    """Store each symbol; a calendar that was unknown is known from now on."""
    known = known_symbols(store)
    for symbol, each in symbols.items():
        if symbol not in known:
            store.con.execute(
                "INSERT INTO symbols SELECT $symbol, $calendar, $spacing",
                {"symbol": symbol, "calendar": each.calendar, "spacing": each.spacing_minutes},
            )
        elif known[symbol].calendar == UNKNOWN and each.calendar != UNKNOWN:
            store.con.execute(
                "UPDATE symbols SET calendar = $calendar WHERE symbol = $symbol",
                {"symbol": symbol, "calendar": each.calendar},
            )
            forget_windows(store, symbol)

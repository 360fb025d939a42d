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
from tweetscore.ingest.bar_clock import BarVerdict, bar_clock
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
        progress: called with the file's name and its rows read so far.
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
    known = dict(store.rows("SELECT symbol, calendar FROM symbols"))
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
        keep_calendars(store, {symbol: verdict.calendars[symbol] for symbol in symbols})
        account = replace(
            account,
            clock=verdict.evidence,
            rows_read=rows_read,
            candidates=verdict.clock.candidates,
            warnings=warnings,
        )
        (account,) = deduplicate(store, [account], "bars", source_id, started_utc)
        if account.stored or account.updated:
            for symbol in symbols:
                forget_windows(store, symbol)
    return account


def _bar_clock(
    bars: BarFile, batches: Iterable[BarBatch], options: IngestOptions, known: Mapping[str, str]
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
                "SELECT DISTINCT bars.symbol FROM bars JOIN sources USING (source_id) "
                "WHERE sha256 = $sha256",
                sha256=stored.account.sha256,
            )
            keep_calendars(store, {symbol: options.calendar for (symbol,) in symbols})
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
    unclear = pl.format(
        f"the time {{}} does not exist or is ambiguous in {verdict.clock.clock.name}",
        pl.col("stamp").dt.to_string("%Y-%m-%d %H:%M"),
    )
    rows_read = rows = 0
    for batch in batches:
        minutes = verdict.clock.minutes_utc(batch.bars["stamp"])
        judged = batch.bars.with_columns(minutes.alias("minute_utc")).with_columns(
            reason=pl.when(pl.col("minute_utc").is_null()).then(unclear)
        )
        if (reasons := odd.of_rows(rows, judged.height)) is not None:
            judged = judged.with_columns(reason=pl.col("reason").fill_null(reasons))
        stored.add(judged, batch.rejects)
        progress(bars.source.name, rows_read := rows_read + batch.rows_read)
        rows += judged.height
    return rows_read


def keep_calendars(store: Store, calendars: Mapping[str, str]) -> None:
    """Store the calendar of each symbol; one that was unknown is known from now on."""
    known = dict(store.rows("SELECT symbol, calendar FROM symbols"))
    for symbol, calendar in calendars.items():
        named = {"symbol": symbol, "calendar": calendar}
        if symbol not in known:
            store.con.execute("INSERT INTO symbols SELECT $symbol, $calendar", named)
        elif known[symbol] == UNKNOWN and calendar != UNKNOWN:
            store.con.execute(
                "UPDATE symbols SET calendar = $calendar WHERE symbol = $symbol", named
            )
            forget_windows(store, symbol)

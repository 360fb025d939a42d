"""Bring files into the database: one file in, one transaction, one account of every row.

Here readers, clocks, sessions and the store meet. Nothing of a file is stored before its clock has
been held against evidence, and a file that fails leaves nothing behind.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import polars as pl

from tweetscore.bars.clock import BarClock, audit_bars
from tweetscore.bars.reader import OFF_MINUTE, BarFile, open_bars
from tweetscore.errors import InputError, IntegrityError
from tweetscore.io.clocks import Clock
from tweetscore.io.open import DataFile, data_files
from tweetscore.io.pipeline import ahead
from tweetscore.market.sessions import exchange_sessions, exchange_zone
from tweetscore.market.windows import forget_windows
from tweetscore.posts.clock import TweetAudit, TweetClock
from tweetscore.posts.formats import TweetFile, open_tweets, with_hashed_ids
from tweetscore.store.database import Store

IGNORED = "ignored"  # the kind of what is neither tweets nor bars, beside files that are
_MINUTE = timedelta(minutes=1)
_NO_STAMPS = pl.Series("stamp", [], pl.Datetime("us"))
CALENDAR_MARGIN = timedelta(days=4)  # the audit looks at the sessions around the first and last bar


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What the user says about the files; ``auto`` leaves it to the evidence."""

    symbol: str | None = None
    clock: str = "auto"
    stamp: str = "auto"
    calendar: str = "XNYS"
    platform: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # our name to the file's, for tables


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one file: rows_read = stored + updated + duplicates + rejected."""

    name: str
    kind: str = ""
    format: str = ""
    symbol: str | None = None
    clock: str = ""
    sha256: str = ""
    bytes: int = 0
    rows_read: int = 0
    stored: int = 0
    updated: int = 0
    duplicates: int = 0
    rejected: int = 0
    mended: int = 0  # texts with U+FFFD in the place of bytes that are no character
    unchanged: bool = False  # the same content is here already: nothing was done
    error: str | None = None  # why the file was refused: nothing of it was stored


Progress = Callable[[str, int], None]


def ingest(
    store: Store, paths: Sequence[Path], options: IngestOptions, progress: Progress
) -> Iterator[Account]:
    """Ingest each file behind each path and yield its account; a refused file stops no other.

    Args:
        store: the open database.
        paths: files, zips, folders, patterns, or ``-`` for standard input.
        options: what the user says about them.
        progress: called with the file's name and its rows read so far.
    """
    for path in paths:
        try:
            files = data_files(path)
        except InputError as error:
            yield Account(str(path), error=str(error))
            continue
        accounts = [_ingest_or_refuse(store, file, options, progress) for file in files]
        if all(account.kind == IGNORED for account in accounts):
            accounts = [_unknown(path, files)]
        yield from accounts


def _unknown(path: Path, files: list[DataFile]) -> Account:
    holds = ", ".join(file.entry or file.path.name for file in files[:5])
    fact = f"holds {holds}" if len(files) > 1 else f"begins with {files[0].head()[:40]!r}"
    error = f"neither a tweet archive nor minute bars in a known format (it {fact})"
    return Account(str(path), error=f"{path}: {error}; the README lists the formats")


def _ingest_or_refuse(
    store: Store, file: DataFile, options: IngestOptions, progress: Progress
) -> Account:
    """Ingest one file; a zip or a folder may hold others beside the data, which are ignored."""
    account = Account(file.name)
    try:
        if tweets := open_tweets(file, options.columns, options.platform):
            account = replace(account, kind="tweets", format=tweets.format)
            return _ingest_tweets(store, tweets, account, options, progress)
        if bars := open_bars(file, options.symbol):
            account = replace(account, kind="bars", format=bars.format, symbol=bars.symbol)
            return _ingest_bars(store, bars, account, options, progress)
        return replace(account, kind=IGNORED)
    except InputError as error:
        return replace(account, error=str(error))


def _ingest_tweets(
    store: Store,
    source: TweetFile,
    account: Account,
    options: IngestOptions,
    progress: Progress,
) -> Account:
    started = _now()
    account = _with_digest(source.file, account)
    if known := _known_source(store, account):
        return known
    if source.naive and options.clock == "auto" and not source.dated:
        raise InputError(
            f"{account.name}: its times carry no zone, and its ids tell no time; "
            "say which it is, as in --clock UTC or --clock America/New_York"
        )
    claim = Clock.parse("UTC" if options.clock == "auto" or not source.naive else options.clock)
    assumed = TweetClock(source.platform, claim, proven=False, evidence="")
    with store.transaction():
        source_id = _next_source(store)
        # Nearly every file keeps the clock it claims: only the others are read a second time.
        for attempt in ("claimed", "corrected"):
            audit = TweetAudit(account.name, source.platform, claim)
            rows = 0
            for batch in ahead(source.read()):
                tweets = batch.tweets
                audit.add(tweets["tweet_id"], tweets["posted"])
                posted, reason = assumed.apply(tweets["tweet_id"], tweets["posted"])
                judged = tweets.with_columns(posted.alias("posted_utc"), reason.alias("reason"))
                _append(store, "tweets", source_id, with_hashed_ids(judged), batch.rejects)
                progress(account.name, rows := rows + batch.rows_read)
            verdict = audit.finish()
            if verdict.clock == assumed.clock or attempt == "corrected":
                break
            assumed = verdict
            for table in ("tweets", "rejects"):
                _take_back(store, table, source_id)
        account = replace(account, clock=verdict.evidence, rows_read=rows)
        return _settle(store, account, "tweets", source_id, started)


def _ingest_bars(
    store: Store, bars: BarFile, account: Account, options: IngestOptions, progress: Progress
) -> Account:
    started = _now()
    account = _with_digest(bars.file, account)
    # Where the format has its date in the name, equal content may be another day's.
    if known := _known_source(store, account, named=bars.clock is not None):
        return known
    verdict = _bar_clock(bars, options)
    with store.transaction():
        source_id = _next_source(store)
        rows = 0
        for batch in ahead(bars.read()):
            minutes = verdict.minutes_utc(batch.bars["stamp"])
            unclear = pl.format(
                f"the time {{}} does not exist or is ambiguous in {verdict.clock.name}",
                pl.col("stamp").dt.to_string("%Y-%m-%d %H:%M"),
            )
            judged = batch.bars.with_columns(minutes.alias("minute_utc")).with_columns(
                reason=pl.when(pl.col("minute_utc").is_null()).then(unclear)
            )
            _append(store, "bars", source_id, judged, batch.rejects)
            progress(account.name, rows := rows + batch.rows_read)
        fresh = "SELECT DISTINCT symbol FROM bars WHERE source_id = $source_id"
        symbols = [name for (name,) in store.rows(fresh, source_id=source_id)]
        _keep_calendars(store, account.name, symbols, options.calendar)
        account = replace(account, clock=verdict.evidence, rows_read=rows)
        account = _settle(store, account, "bars", source_id, started)
        if account.stored or account.updated:
            for symbol in symbols:
                forget_windows(store, symbol)
    return account


def _bar_clock(bars: BarFile, options: IngestOptions) -> BarClock:
    """Read the stamps once and prove their clock; stamps with a zone of their own need no proof."""
    name, seen, off_minute, fact = bars.file.name, [_NO_STAMPS], 0, "no rows"
    for batch in bars.read():
        seen.append(batch.bars["stamp"])
        off_minute += int(batch.rejects["reason"].eq(OFF_MINUTE).sum())
        fact = batch.rejects["reason"][0] if batch.rejects.height else fact
    stamps = pl.concat(seen).unique().sort()
    if stamps.is_empty():
        raise InputError(f"{name}: holds no readable bar ({_one_line(fact)}); check its columns")
    spacing = stamps.diff().drop_nulls().mode().sort()
    apart = f"{spacing[0]} apart" if len(spacing) and spacing[0] != _MINUTE else None
    apart = "mostly stamped between minutes" if off_minute > len(stamps) else apart
    if apart and not bars.clock:
        raise InputError(
            f"{name}: its bars are {apart}; only one-minute bars make windows, "
            "so export it again with one-minute bars"
        )
    if bars.clock:
        return _declared_clock(bars, bars.clock, options)
    if not bars.naive:
        if options.clock not in ("auto", "UTC"):
            raise InputError(f"{name}: its times carry their zone; leave --clock out")
        stamp: Literal["start", "end"] = "end" if options.stamp == "end" else "start"
        return BarClock(Clock.parse("UTC"), stamp, True, f"times carry their zone; stamp {stamp}")
    first, last = stamps.dt.date()[0], stamps.dt.date()[-1]
    assert isinstance(first, date)
    sessions = exchange_sessions(options.calendar, first - CALENDAR_MARGIN, last + CALENDAR_MARGIN)
    zone = exchange_zone(options.calendar)
    return audit_bars(name, stamps, sessions, zone, clock=options.clock, stamp=options.stamp)


def _declared_clock(bars: BarFile, zone: str, options: IngestOptions) -> BarClock:
    """Take the clock that a format defines; its quiet minutes may be absent."""
    if options.clock not in ("auto", zone) or options.stamp == "end":
        raise InputError(
            f"{bars.file.name}: its format puts the start of its minutes on the clock of {zone}; "
            "leave --clock and --stamp out"
        )
    return BarClock(Clock.parse(zone), "start", True, f"{zone}, as {bars.format} defines it")


def _next_source(store: Store) -> int:
    (source_id,) = store.row("SELECT coalesce(max(source_id), 0) + 1 FROM sources")
    return int(source_id)


def _append(
    store: Store, kind: str, source_id: int, judged: pl.DataFrame, rejects: pl.DataFrame
) -> None:
    """Store a batch: rows without a reason among the rows, those with one among the rejects."""
    good = pl.col("reason").is_null()
    claimed = {"tweets": "posted", "bars": "stamp"}[kind]
    mark = pl.lit(source_id, pl.Int32).alias("source_id")
    rows = judged.filter(good).drop("line", "byte_offset", "reason", claimed)
    store.append(kind, rows.with_columns(mark))
    raw = pl.struct(pl.exclude("line", "byte_offset", "reason")).struct.json_encode()
    bad = judged.filter(~good).select("line", "byte_offset", "reason", raw=raw)
    if bad.height + rejects.height:
        store.append("rejects", pl.concat([rejects, bad]).with_columns(mark))


def _take_back(store: Store, table: str, source_id: int) -> None:
    store.con.execute(f"DELETE FROM {table} WHERE source_id = $source_id", {"source_id": source_id})


def _settle(
    store: Store, account: Account, kind: str, source_id: int, started: datetime
) -> Account:
    """Leave one row of each tweet or bar, and write the file's account.

    Raises:
        InputError: no row could be used.
        IntegrityError: rows in are not rows accounted for; the transaction then rolls back.
    """
    of_file = "WHERE source_id = $source_id"
    (rejected,) = store.row(f"SELECT count(*) FROM rejects {of_file}", source_id=source_id)
    mark = "contains(text, chr(65533))" if kind == "tweets" else "false"
    fresh, mended = store.row(
        f"SELECT count(*), count(*) FILTER ({mark}) FROM {kind} {of_file}", source_id=source_id
    )
    if not fresh:
        first = f"SELECT line, reason FROM rejects {of_file} ORDER BY line LIMIT 1"
        line, reason = next(iter(store.rows(first, source_id=source_id)), (1, "no record"))
        raise InputError(
            f"{account.name}: none of its {account.rows_read} records can be used "
            f"(line {line}: {_one_line(reason)}); check its format"
        )
    store.run(f"ingest/candidates_{kind}", source_id=source_id)
    duplicates, updated, replaced = store.row(
        "SELECT count(*) FILTER (fresh AND place > 1), "
        "count(*) FILTER (fresh AND place = 1 AND known), "
        "count(*) FILTER (NOT fresh AND place > 1) FROM candidates"
    )
    if kind == "tweets" and updated:
        store.run("ingest/forget_predictions")
    store.con.execute(
        f"DELETE FROM {kind} WHERE rowid IN (SELECT row FROM candidates WHERE place > 1)"
    )
    account = replace(
        account,
        stored=fresh - duplicates - updated,
        updated=updated,
        duplicates=duplicates,
        rejected=rejected,
        mended=mended,
    )
    (kept,) = store.row(f"SELECT count(*) FROM {kind} {of_file}", source_id=source_id)
    parts = account.stored + account.updated + account.duplicates + account.rejected
    if account.rows_read != parts or kept != account.stored + updated or replaced != updated:
        raise IntegrityError(
            f"{account.name}: {account.rows_read} rows read but {parts} accounted for; "
            "nothing was stored, please report this file's format"
        )
    store.append(
        "sources",
        pl.DataFrame(
            {
                "source_id": [source_id],
                **{
                    name: [getattr(account, name)]
                    for name in (
                        "name", "sha256", "bytes", "kind", "format", "symbol", "clock",
                        "rows_read", "stored", "updated", "duplicates", "rejected", "mended",
                    )
                },
                "started_utc": [started],
                "finished_utc": [_now()],
            }
        ),
    )  # fmt: skip
    return account


def _keep_calendars(store: Store, name: str, symbols: Sequence[str], calendar: str) -> None:
    known = dict(store.rows("SELECT symbol, calendar FROM symbols"))
    for symbol in symbols:
        if known.setdefault(symbol, calendar) != calendar:
            raise InputError(
                f"{name}: {symbol} is kept with the calendar {known[symbol]}, not {calendar}; "
                f"say --calendar {known[symbol]}"
            )
        store.con.execute(
            "INSERT INTO symbols SELECT $symbol, $calendar "
            "WHERE NOT EXISTS (FROM symbols WHERE symbol = $symbol)",
            {"symbol": symbol, "calendar": calendar},
        )


def _with_digest(file: DataFile, account: Account) -> Account:
    sha256, size = file.digest()
    return replace(account, sha256=sha256, bytes=size)


def _known_source(store: Store, account: Account, *, named: bool = False) -> Account | None:
    """Return the account of a file whose content is here already, or None.

    With ``named``, it counts as here only under the same name.
    """
    known = store.rows(
        "SELECT clock FROM sources WHERE sha256 = $sha256 "
        "AND symbol IS NOT DISTINCT FROM $symbol AND $name IN (name, '')",
        sha256=account.sha256,
        symbol=account.symbol,
        name=account.name if named else "",
    )
    return replace(account, clock=known[0][0], unchanged=True) if known else None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)

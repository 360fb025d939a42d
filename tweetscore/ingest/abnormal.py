"""Derive a symbol of abnormal returns: two symbols with bars enter, bars of a third one leave.

Its price moves by what the market model of the dates before does not explain (MacKinlay 1997, Event
Studies in Economics and Finance, on minutes and log returns), if wanted in units of past volatility
(standardised as in Patell 1976). As it is a symbol like others, models are trained and judged on
it, and paths drawn around posts, by the same rules. What it is on a date follows from that date's
bars and from the dates before, so that more bars later change nothing before them.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import polars as pl

from tweetscore.bars.spacing import spacing_words
from tweetscore.errors import InputError
from tweetscore.ingest.deduplicate import now_utc
from tweetscore.ingest.sources import next_source
from tweetscore.market.sessions import UNKNOWN
from tweetscore.market.symbols import DERIVED, VOLATILITY, choose_symbol
from tweetscore.market.windows import ensure_windows, forget_windows
from tweetscore.store.database import Store
from tweetscore.store.trials import record_selection

DATES = 20  # as many trading dates as a month has
FORMAT = "abnormal"


@dataclass(frozen=True, slots=True)
class AbnormalBars:
    """What was derived: the bars of the symbol are those stored and those left out together."""

    symbol: str  # the new one
    of: str
    benchmark: str | None
    in_volatility: bool
    past_days: int
    stored: int
    left_out: int  # minutes without a bar of the benchmark or outside the session
    too_early: int  # minutes of the first dates, which have not enough before them
    first_beta: float | None
    last_beta: float | None


def derive_abnormal(
    store: Store,
    symbol: str | None,
    benchmark: str | None,
    *,
    in_volatility: bool = False,
    past_days: int = DATES,
    session: str = "regular",
) -> AbnormalBars:
    """Store the symbol ``OF~BENCHMARK``, or ``OF~VOL`` and ``OF~BENCHMARK~VOL``, with its windows.

    One that is already there is made again, unless its bars are the same: nobody has looked anew.

    Raises:
        InputError: nothing is asked for, a symbol is not there or is the same, or there are not
            enough dates with bars of both.
    """
    own = choose_symbol(store, symbol)
    theirs = choose_symbol(store, benchmark) if benchmark else None
    parts = (own, theirs, VOLATILITY if in_volatility else None)
    name = DERIVED.join(filter(None, parts))
    _check(store, own, theirs, name)
    ensure_windows(store)  # and with them the sessions
    asked: dict[str, Any] = {"symbol": own, "benchmark": theirs, "session": session}
    with store.transaction():
        store.run("market/market_models", **asked, days=past_days)
        store.run("market/abnormal_bars", **asked, name=name, in_volatility=in_volatility)
        (stored,) = store.row("SELECT count(*) FROM abnormal_bars")
        if not stored:
            beside = f" that {theirs} has, too" if theirs else ""
            raise InputError(
                f"{store.path}: no date of {own} in the {session} session has {past_days} before "
                f"it with bars{beside}; ingest more bars, or lower --days"
            )
        if not _is_there(store, name):
            _forget(store, name)
            _insert(store, name, asked)
    ensure_windows(store)
    total, early = store.row(
        "SELECT count(*), count(*) FILTER (minute_utc < $first) FROM bars WHERE symbol = $symbol",
        symbol=own,
        first=store.row("SELECT min(minute_utc) FROM bars WHERE symbol = $name", name=name)[0],
    )
    betas = [beta for (beta,) in store.rows("SELECT beta FROM market_models ORDER BY session_date")]
    store.con.execute("DROP TABLE market_models; DROP TABLE abnormal_bars")
    return AbnormalBars(
        name, own, theirs, in_volatility, past_days, stored, total - stored - early, early,
        *((betas[0], betas[-1]) if theirs else (None, None)),
    )  # fmt: skip


def _check(store: Store, own: str, theirs: str | None, name: str) -> None:
    """Refuse what cannot be derived.

    Raises:
        InputError: it cannot.
    """
    if own == theirs:
        raise InputError(
            f"--benchmark {theirs}: is the symbol itself; name another, or leave it out"
        )
    if name == own:
        raise InputError(
            f"{own}: nothing to derive; give --benchmark SYMBOL, or --in-volatility, or both"
        )
    for each in (own, theirs):
        if each and DERIVED in each:
            first = each.split(DERIVED)[0]
            raise InputError(f"{each}: is derived already; name the symbol that it is of, {first}")
    query = "SELECT count(*) FROM sources WHERE symbol = $name AND format <> $format"
    if store.row(query, name=name, format=FORMAT)[0]:
        raise InputError(f"{store.path}: has bars of {name} from a file; use another database")
    for each in filter(None, (own, theirs)):
        (spacing,) = store.row("SELECT spacing_minutes FROM symbols WHERE symbol = $it", it=each)
        if spacing != 1:
            raise InputError(
                f"{each}: has {spacing_words(spacing)}; abnormal returns are made of bars of one "
                "minute, so ingest those under another --symbol"
            )
    (calendar,) = store.row("SELECT calendar FROM symbols WHERE symbol = $own", own=own)
    if calendar == UNKNOWN:
        raise InputError(
            f"{own}: its calendar is unknown; ingest its files into a new database with --calendar"
        )


def _is_there(store: Store, name: str) -> bool:
    """Return whether the symbol has just these bars."""
    columns = "minute_utc, open, high, low, close"
    there = f"SELECT {columns} FROM bars WHERE symbol = $name"
    new = f"SELECT {columns} FROM abnormal_bars"
    differing = f"(({there}) EXCEPT ({new})) UNION ALL (({new}) EXCEPT ({there}))"
    return not store.rows(f"FROM ({differing}) LIMIT 1", name=name)


def _forget(store: Store, name: str) -> None:
    """Drop what was derived before."""
    record_selection(store, [name])
    forget_windows(store, name)
    for table in ("bars", "symbols", "sources"):
        store.con.execute(f"DELETE FROM {table} WHERE symbol = $name", {"name": name})


def _insert(store: Store, name: str, asked: dict[str, Any]) -> None:
    """Add the symbol, its bars and where they come from."""
    own, theirs, started_utc = asked["symbol"], asked["benchmark"], now_utc()
    source_id = next_source(store)
    inserted = "INSERT INTO bars BY NAME SELECT *, $id::INTEGER AS source_id FROM abnormal_bars"
    stored = store.con.execute(inserted, {"id": source_id}).fetchall()[0][0]
    store.con.execute(
        "INSERT INTO symbols SELECT $name, calendar, 1 FROM symbols WHERE symbol = $own",
        {"name": name, "own": own},
    )
    parts = store.rows(
        "SELECT sha256 FROM sources JOIN (SELECT DISTINCT source_id FROM bars "
        "WHERE symbol IN ($own, $theirs)) USING (source_id) ORDER BY ALL",
        own=own,
        theirs=theirs,
    )
    digest = hashlib.sha256("\0".join([name, *(sha256 for (sha256,) in parts)]).encode())
    row = {
        "source_id": source_id, "name": name, "sha256": digest.hexdigest(), "bytes": 0,
        "kind": "bars", "format": FORMAT, "symbol": name, "clock": "UTC, as the bars it is of",
        "rows_read": stored, "stored": stored, "updated": 0, "duplicates": 0, "rejected": 0,
        "repaired": 0, "started_utc": started_utc, "finished_utc": now_utc(),
    }  # fmt: skip
    store.append("sources", pl.DataFrame([row]))

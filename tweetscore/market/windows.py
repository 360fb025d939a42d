"""Keep sessions and windows in step with the bars: symbols enter, rows of both tables leave."""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from tweetscore.market.sessions import exchange_dates, exchange_sessions
from tweetscore.store.database import Store, statement

ONE_DAY = timedelta(days=1)


def forget_windows(store: Store, symbol: str) -> None:
    """Drop what was derived from a symbol's bars: until rebuilt it is missing, never wrong."""
    for table in ("sessions", "windows"):
        store.con.execute(f"DELETE FROM {table} WHERE symbol = $symbol", {"symbol": symbol})


def set_rules(store: Store, *, max_gap_minutes: int | None, flat_bps: float | None) -> None:
    """Change the database's rules; None leaves one as it is. Windows that no longer hold go."""
    with store.transaction():
        if flat_bps is not None:
            store.con.execute("UPDATE settings SET flat_bps = $flat", {"flat": flat_bps})
        (kept,) = store.row("SELECT max_gap_minutes FROM settings")
        if max_gap_minutes is not None and max_gap_minutes != kept:
            store.con.execute(
                "UPDATE settings SET max_gap_minutes = $gap", {"gap": max_gap_minutes}
            )
            for (symbol,) in store.rows("SELECT symbol FROM symbols"):
                forget_windows(store, symbol)


def ensure_windows(store: Store, intervals: Sequence[int] = ()) -> int:
    """Build every session and window that is missing, for the kept intervals and these.

    Returns:
        The number of symbols that had something missing.
    """
    (gap,) = store.row("SELECT max_gap_minutes FROM settings")
    kept = {minutes for (minutes,) in store.rows("SELECT interval_minutes FROM intervals")}
    fresh = sorted(set(intervals) - kept)
    whole = sorted(kept | set(fresh))
    built = {name for (name,) in store.rows("SELECT DISTINCT symbol FROM sessions")}
    symbols = store.rows("SELECT symbol, calendar FROM symbols ORDER BY symbol")
    work = [(s, c, fresh if s in built else whole) for s, c in symbols if fresh or s not in built]
    with store.transaction():
        store.append(
            "intervals", pl.DataFrame({"interval_minutes": fresh}, {"interval_minutes": pl.Int32})
        )
        for symbol, calendar, missing in work:
            if symbol not in built:
                _insert_sessions(store, symbol, calendar)
            store.run("market/grid", symbol=symbol, max_gap_minutes=gap)
            store.run("market/windows", symbol=symbol, intervals=missing)
            store.con.execute("DROP TABLE grid")
    return len(work)


def _insert_sessions(store: Store, symbol: str, calendar: str) -> None:
    extended = store.frame(statement("market/extended_sessions"), symbol=symbol)
    first, last = extended["open_utc"].min(), extended["close_utc"].max()
    days = exchange_dates(pl.Series([first, last]), calendar)
    # A session may open on the evening before its date, and close on the morning after.
    regular = exchange_sessions(calendar, days[0] - ONE_DAY, days[1] + ONE_DAY).filter(
        pl.col("close_utc") >= first, pl.col("open_utc") <= last
    )
    dated = extended.with_columns(
        session_date=exchange_dates(extended["close_utc"], calendar), session=pl.lit("extended")
    )
    columns = ["session", "session_date", "open_utc", "close_utc"]
    both = pl.concat(
        [regular.with_columns(session=pl.lit("regular")).select(columns), dated.select(columns)]
    )
    store.append("sessions", both.with_columns(symbol=pl.lit(symbol)))

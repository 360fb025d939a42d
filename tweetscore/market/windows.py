"""Keep sessions and windows in step with the bars: symbols enter, rows of both tables leave."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import polars as pl

from tweetscore.market.horizons import DAY_MINUTES, Horizon
from tweetscore.market.sessions import exchange_dates, exchange_hours, exchange_sessions
from tweetscore.store.database import Store, statement
from tweetscore.store.trials import record_selection

ONE_DAY, ONE_MINUTE = timedelta(days=1), timedelta(minutes=1)


def forget_windows(store: Store, symbol: str) -> None:
    """Drop what was derived from a symbol's bars: until rebuilt it is missing, never wrong."""
    for table in ("sessions", "windows"):
        store.con.execute(f"DELETE FROM {table} WHERE symbol = $symbol", {"symbol": symbol})


def set_rules(store: Store, *, max_gap_minutes: int | None, flat_bps: float | None) -> None:
    """Change the database's rules; None leaves one as it is. Windows that no longer hold go."""
    with store.transaction():
        kept_gap, kept_flat = store.row("SELECT max_gap_minutes, flat_bps FROM settings")
        other_flat = flat_bps not in (None, kept_flat)
        other_gap = max_gap_minutes not in (None, kept_gap)
        if other_flat or other_gap:
            record_selection(store)
        if other_flat:
            store.con.execute("UPDATE settings SET flat_bps = $flat", {"flat": flat_bps})
        if other_gap:
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
    symbols = store.rows("SELECT symbol, calendar, spacing_minutes FROM symbols ORDER BY symbol")
    work = [
        (symbol, calendar, spacing, fresh if symbol in built else whole)
        for symbol, calendar, spacing in symbols
        if fresh or symbol not in built
    ]
    with store.transaction():
        store.append(
            "intervals", pl.DataFrame({"interval_minutes": fresh}, {"interval_minutes": pl.Int32})
        )
        for symbol, calendar, spacing, missing in work:
            if symbol not in built and spacing == DAY_MINUTES:
                _insert_days(store, symbol, calendar)
            elif symbol not in built:
                _insert_sessions(store, symbol, calendar, spacing)
            _insert_windows(store, symbol, spacing, gap, [Horizon(each) for each in missing])
    return len(work)


def _insert_windows(
    store: Store, symbol: str, spacing: int, gap: int, horizons: Sequence[Horizon]
) -> None:
    minutes = [int(each) for each in horizons if not each.sessions and each.fits(spacing)]
    sessions = [int(each) for each in horizons if each.sessions]
    if not minutes and not sessions:
        return
    if spacing == 1:
        store.run("market/grid", symbol=symbol, max_gap_minutes=gap)
    else:
        store.run("market/grid_spaced", symbol=symbol, max_gap_minutes=gap, spacing_minutes=spacing)
    if minutes:
        store.run("market/windows", symbol=symbol, intervals=minutes)
    if sessions:
        store.run("market/session_windows", symbol=symbol, intervals=sessions)
    store.con.execute("DROP TABLE grid")


def _insert_days(store: Store, symbol: str, calendar: str) -> None:
    """Store the sessions of daily bars, whose extended ones are the same: they know no others."""
    first, last = store.row(
        "SELECT min(minute_utc), max(minute_utc) FROM bars WHERE symbol = $symbol", symbol=symbol
    )
    days = exchange_sessions(calendar, (first - ONE_DAY).date(), (last + ONE_DAY).date())
    own = days.filter(pl.col("open_utc").is_between(first, last)).drop("early_close")
    for session in ("regular", "extended"):
        names = {"symbol": pl.lit(symbol), "session": pl.lit(session)}
        store.append("sessions", own.with_columns(**names))


def _insert_sessions(store: Store, symbol: str, calendar: str, spacing: int) -> None:
    runs = store.frame(
        statement("market/extended_sessions"), symbol=symbol, spacing_minutes=spacing
    )
    first, last = runs["open_utc"].min(), runs["close_utc"].max()
    days = exchange_dates(pl.Series([first, last]), calendar)
    # A session may open on the evening before its date, and close on the morning after.
    regular = exchange_hours(calendar, days[0] - ONE_DAY, days[1] + ONE_DAY).filter(
        pl.col("close_utc") > first, pl.col("open_utc") <= last
    )
    parts = {"regular": regular, "extended": _by_day(runs, regular, calendar)}
    columns = ["session", "session_date", "open_utc", "close_utc"]
    both = pl.concat(
        part.with_columns(session=pl.lit(session)).select(columns)
        for session, part in parts.items()
    )
    store.append("sessions", both.with_columns(symbol=pl.lit(symbol)))


def _by_day(runs: pl.DataFrame, regular: pl.DataFrame, calendar: str) -> pl.DataFrame:
    """Date unbroken runs of bars, and cut those of more than a day: statistics count days.

    They are cut where the calendar's sessions join, or else at the exchange's midnights.
    """
    long = pl.col("close_utc") - pl.col("open_utc") > ONE_DAY
    whole = runs.filter(~long).with_columns(
        session_date=exchange_dates(runs.filter(~long)["close_utc"], calendar)
    )
    if whole.height == runs.height:  # as of most symbols; the minutes of years are many
        return whole.sort("open_utc")
    cuts = regular.filter(pl.col("open_utc") == pl.col("close_utc").shift(1))["open_utc"]
    if cuts.is_empty():
        minutes = pl.datetime_range(
            runs["open_utc"][0], runs["close_utc"][-1], "1m", eager=True, time_unit="us"
        )
        dates = exchange_dates(minutes, calendar)
        cuts = minutes.filter(dates != dates.shift(1))
    pieces = [
        (opened, closed)
        for begin, end in runs.filter(long).select("open_utc", "close_utc").iter_rows()
        for opened, closed in pairwise(
            [begin, *cuts.filter(cuts.is_between(begin, end, closed="none")), end]
        )
    ]
    schema = {name: runs.schema[name] for name in ("open_utc", "close_utc")}
    cut = pl.DataFrame(pieces, schema, orient="row")
    # A day that ends at midnight is the one before.
    dates = exchange_dates(cut["close_utc"] - ONE_MINUTE, calendar)
    return pl.concat([whole, cut.with_columns(session_date=dates)]).sort("open_utc")

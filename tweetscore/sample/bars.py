"""Write made-up minute bars: a plan enters, a HistData file with prices that follow it leaves."""

from typing import BinaryIO

import numpy as np
import polars as pl

from tweetscore.io.clocks import Clock
from tweetscore.sample.plan import MINUTE_MS, PLANTED_INTERVAL_MINUTES, Plan, Truth, within_groups

_FIRST_PRICE = 4_000.0
_MINUTE_NOISE = 0.0003  # standard deviation of the log price
_DRIFT = _MINUTE_NOISE / 2  # per minute; over 30 it is 2.7 standard deviations of the noise
_NIGHT_NOISE = 0.004
_ABSENT_SHARE = 0.02


def write_bars(file: BinaryIO, plan: Plan, planted: Truth, draws: np.random.Generator) -> int:
    """Write HistData ASCII M1 on New York time; return the number of rows.

    Args:
        file: open for writing.
        plan: of the posts.
        planted: (in_session_posts,), those that move this price.
        draws: of all that is random.
    """
    lengths = (plan.closes_ms - plan.opens_ms) // MINUTE_MS  # (sessions,)
    first_rows = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    minutes_ms = np.repeat(plan.opens_ms, lengths) + within_groups(lengths) * MINUTE_MS
    # A post enters at the first whole minute at or after it; the bar that starts there moves first.
    offsets = -((plan.opens_ms[plan.sessions] - plan.posted_ms) // MINUTE_MS)
    entries = (first_rows[plan.sessions] + offsets)[planted]
    moves = draws.normal(0, _MINUTE_NOISE, total)  # (bars,)
    moved = entries[:, None] + np.arange(PLANTED_INTERVAL_MINUTES)  # (posts, minutes)
    moves[moved] += _DRIFT * plan.moods[planted, None]
    gaps = np.zeros(total)
    gaps[first_rows[1:]] = draws.normal(0, _NIGHT_NOISE, len(first_rows) - 1)
    log_close = np.log(_FIRST_PRICE) + np.cumsum(gaps + moves)
    log_open = log_close - moves
    wicks = draws.exponential(_MINUTE_NOISE / 3, (2, total))
    present = draws.random(total) >= _ABSENT_SHARE
    # The audit of clocks goes by the edges of a session.
    present[first_rows] = present[first_rows + lengths - 1] = True
    stamps = Clock.parse("America/New_York").from_utc(
        pl.from_epoch(pl.Series(minutes_ms), "ms").cast(pl.Datetime("us"))
    )
    logs = {
        "open": log_open,
        "high": np.maximum(log_open, log_close) + wicks[0],
        "low": np.minimum(log_open, log_close) - wicks[1],
        "close": log_close,
    }
    prices = {name: np.exp(log).round(3) for name, log in logs.items()}
    frame = pl.DataFrame({"stamp": stamps, **prices, "volume": np.zeros(total, np.int64)})
    bars = frame.filter(present)
    bars.write_csv(
        file,
        include_header=False,
        separator=";",
        datetime_format="%Y%m%d %H%M%S",
        float_precision=6,
    )
    return bars.height

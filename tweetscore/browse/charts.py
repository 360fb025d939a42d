"""Describe the chart of a post: the price around it, its session, entry and exit."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from tweetscore.market.horizons import DAY_MINUTES

Chart = Any  # one of altair's, whose methods are not typed
Bars = Sequence[tuple[datetime, float]]
MARKS = {"posted": "var(--soft)", "entry": "var(--mark-4)", "exit": "var(--mark-2)"}
ONE_HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)
LINE_HEIGHT = 14
MOST_GAP_BARS = 5  # of daily bars: over a weekend with a holiday the line goes on


def price_chart(
    bars: Bars,
    marks: Sequence[tuple[str, datetime]],
    sessions: Sequence[tuple[datetime, datetime]],
    spacing_minutes: int,
) -> Chart:
    """Draw prices by time; the line is cut where bars are missing for an hour or more.

    Args:
        bars: when each begins, and its close.
        marks: the names of ``MARKS`` and when they are.
        sessions: from and to; they are shaded.
        spacing_minutes: from bar to bar.
    """
    import altair as alt

    low, high = bars[0][0], bars[-1][0]
    daily = spacing_minutes >= DAY_MINUTES
    form = "%d %b" if daily else "%a %H:%M" if high - low > ONE_DAY else "%H:%M"
    time: dict[str, Any] = {
        "title": "UTC",
        "axis": alt.Axis(format=form, tickCount=5, labelOverlap=True),
        "scale": alt.Scale(type="utc", domain=[_moment(low), _moment(high)], nice=False),
    }
    spans = [(max(a, low), min(b, high)) for a, b in sessions]
    shaded = alt.Chart(_frame(spans, "from", "to")).mark_rect(color="var(--stripe)")
    line = alt.Chart(_pieces(bars, spacing_minutes)).mark_line(strokeWidth=1.6)
    lines, names = _marks(marks, low, high, time)
    return alt.layer(
        shaded.encode(x=alt.X("from:T", **time), x2="to:T"),
        line.encode(
            x=alt.X("time:T", **time),
            y=alt.Y("close:Q", title=None, scale=alt.Scale(zero=False)),
            detail="piece:N",
        ),
        lines,
        names,
    )


def _marks(
    marks: Sequence[tuple[str, datetime]], low: datetime, high: datetime, time: dict[str, Any]
) -> tuple[Chart, Chart]:
    """Return vertical lines and their names, which stand below each other on the freer side."""
    import altair as alt

    shown = [(name, at, n) for n, (name, at) in enumerate(marks) if low <= at <= high]
    frame = pl.DataFrame(
        {
            "name": [name for name, _, _ in shown],
            "at": [_moment(at) for _, at, _ in shown],
            "down": [LINE_HEIGHT * (n + 1) for _, _, n in shown],
            "left": [at - low > (high - low) * 0.8 for _, at, _ in shown],
        },
        schema={"name": pl.String, "at": pl.Int64, "down": pl.Int64, "left": pl.Boolean},
    )
    scale = alt.Scale(domain=list(MARKS), range=list(MARKS.values()))
    base = alt.Chart(frame).encode(
        x=alt.X("at:T", **time), color=alt.Color("name:N", scale=scale, legend=None)
    )
    names = base.mark_text(
        align=alt.ExprRef("datum.left ? 'right' : 'left'"), dx=alt.ExprRef("datum.left ? -4 : 4")
    )
    return (
        base.mark_rule(strokeDash=[5, 3], strokeWidth=1.4),
        names.encode(text="name:N", y=alt.Y("down:Q", scale=None, axis=None)),
    )


def _pieces(bars: Bars, spacing_minutes: int) -> pl.DataFrame:
    """Return bars with the number of the unbroken piece that each belongs to."""
    most = max(ONE_HOUR, timedelta(minutes=spacing_minutes) * MOST_GAP_BARS)
    times = pl.Series([at for at, _ in bars])
    return pl.DataFrame(
        {
            "time": list(map(_moment, times)),
            "close": [price for _, price in bars],
            "piece": (times.diff() >= most).fill_null(value=False).cum_sum(),
        }
    )


def _frame(spans: Sequence[tuple[datetime, datetime]], begin: str, end: str) -> pl.DataFrame:
    """Return the spans that are not empty, in milliseconds."""
    rows = [(_moment(a), _moment(b)) for a, b in spans if a < b]
    return pl.DataFrame(rows, schema={begin: pl.Int64, end: pl.Int64}, orient="row")


def _moment(at: datetime) -> int:
    """Return a moment in UTC as milliseconds, which no time zone of this machine changes."""
    return int(at.replace(tzinfo=UTC).timestamp() * 1_000)

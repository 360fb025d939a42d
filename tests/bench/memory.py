"""Peak memory of ingesting and scoring: one run in a process of its own."""

from .measure import Row, Setup, alone


def measure(setup: Setup) -> list[Row]:
    """Return the peak of this number of rows; the report holds a million against ten."""
    peak = max(alone("whole", "run", setup, False)["peak_rss_gb"] for _ in range(setup.repeats))
    return [
        Row(
            peak_name(setup.rows),
            f"peak RSS, {setup.rows:,} rows",
            peak,
            "GB",
            target=1.5,
            at_most=True,
        )
    ]


def peak_name(rows: int) -> str:
    """Name the row of this number of rows."""
    return f"peak_rss_gb_{rows}"

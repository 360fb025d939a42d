"""Peak memory of a whole run, in a process of its own; the report holds ten million against one."""

from .measure import Row, Setup, alone

NAME = "peak_rss_gb_{}"


def measure(setup: Setup) -> list[Row]:
    """Return the largest peak of as many runs as are asked for."""
    peaks = [alone("whole", "run", setup, False)["peak_rss_gb"] for _ in range(setup.repeats)]
    return [Row(NAME.format(setup.rows), f"peak RSS, {setup.rows:,} rows", max(peaks), "GB")]

"""Until when a model may have seen posts: what its user says enters, a moment in UTC leaves.

It may have seen whatever was posted before that moment, and nothing from then on. What is not said
is not guessed: the model is then judged on nothing.
"""

import re
from datetime import UTC, date, datetime, timedelta

_DAY = timedelta(days=1)
_PERIOD = re.compile(r"(\d{4})(?:-(\d\d))?")


def seen_until(said: str | date) -> datetime:
    """Return the first moment of which a model has seen nothing, in UTC without a zone.

    Args:
        said: a year, a month or a day, which count to their end, or a time; of a time without a
            zone the zone is UTC.

    Raises:
        ValueError: it is none of them.
    """
    if isinstance(said, datetime):
        return said.astimezone(UTC).replace(tzinfo=None) if said.tzinfo else said
    if isinstance(said, date):
        return datetime(said.year, said.month, said.day) + _DAY
    text = said.strip()
    try:
        if period := _PERIOD.fullmatch(text):
            begins = datetime(int(period[1]), int(period[2] or 12), 1)
            return begins.replace(
                year=begins.year + begins.month // 12, month=begins.month % 12 + 1
            )
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return seen_until(date.fromisoformat(text))
        return seen_until(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text[:40]!r} is no date; write it as in 2021-06-30, 2021-06, 2021 or "
            "2021-06-30T12:00"
        ) from None

"""When made-up posts are written, their moods and their symbols: sizes enter, a plan leaves."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from tweetscore.market.sessions import exchange_sessions

SYMBOL = "MADEUP"
# All others are words that posts use as words, too: only their cashtags name them.
SYMBOLS = (
    SYMBOL, "SO", "MAPLE", "NOW", "FERRY", "OPEN", "CEDAR", "BIG", "HILL", "ALL", "WILLOW", "CAN",
    "ISLAND", "DAY", "BREAD", "ON", "COPPER", "GO", "MEADOW", "YOU",
)  # fmt: skip
PLANTED_INTERVAL_MINUTES = 30
# The year is past, so that no later edition of the calendar changes the sample.
FIRST_DAY, LAST_DAY, MOST_DAYS = date(2023, 1, 1), date(2023, 12, 31), 250
MINUTE_MS = 60_000

Whole = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]

_SLOT_MINUTES = 60  # at most one post in each: with the jitter, two are 45 minutes apart or more
_JITTER_MINUTES = 15
_PLANTED_MOODS = {1: 0.48, 0: 0.04, -1: 0.48}
_OTHER_MOODS = {1: 0.2, 0: 0.6, -1: 0.2}


@dataclass(frozen=True, slots=True)
class Plan:
    """The posts inside regular sessions, oldest first, and the sessions; times in ms since 1970."""

    opens_ms: Whole  # (sessions,)
    closes_ms: Whole  # (sessions,)
    posted_ms: Whole  # (in_session_posts,)
    sessions: Whole  # (in_session_posts,), the place of each post's session
    moods: Whole  # (in_session_posts,), 1 up, 0 none, -1 down
    subjects: Whole  # (in_session_posts,), the place of each post's symbol; the last is none


def make_plan(
    posts: int, days: int, subjects: int, planted: int, draws: np.random.Generator
) -> Plan:
    """Place at most one post on each subject in each hour of each session.

    These are at most half of all posts. Nearly all that are ``planted`` have a mood.
    """
    calendar = exchange_sessions("XNYS", FIRST_DAY, LAST_DAY).head(days)
    opens, closes = (calendar[name].dt.epoch("ms").to_numpy() for name in ("open_utc", "close_utc"))
    # The whole window of a slot's last possible post must fit into the session.
    room = (closes - opens) // MINUTE_MS - _JITTER_MINUTES - PLANTED_INTERVAL_MINUTES
    slots = room // _SLOT_MINUTES + 1  # (sessions,)
    sessions = np.repeat(np.arange(len(slots)), slots * subjects)
    hours, about = np.divmod(within_groups(slots * subjects), subjects)
    begins = opens[sessions] + hours * _SLOT_MINUTES * MINUTE_MS
    posted = begins + draws.integers(0, _JITTER_MINUTES * MINUTE_MS, len(begins))
    moods = _draw(_PLANTED_MOODS, len(begins), draws)
    others = about != planted
    moods[others] = other_moods(int(others.sum()), draws)
    kept = np.sort(draws.permutation(len(begins))[: posts // 2])
    kept = kept[np.argsort(posted[kept], kind="stable")]
    return Plan(opens, closes, posted[kept], sessions[kept], moods[kept], about[kept])


def other_moods(count: int, draws: np.random.Generator) -> Whole:
    """Draw the moods of so many posts that move no price: 1 up, 0 none, -1 down."""
    return _draw(_OTHER_MOODS, count, draws)


def _draw(shares: dict[int, float], count: int, draws: np.random.Generator) -> Whole:
    moods: Whole = draws.choice(list(shares), count, p=list(shares.values()))
    return moods


def within_groups(sizes: Whole) -> Whole:
    """Count 0, 1, 2, … within each group, for groups of these sizes."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)

"""What a reader asks of the posts: an address enters; filters, an order and a place leave."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tweetscore.errors import InputError

STATUSES = (
    "crosses_close", "market_closed", "no_calendar", "no_data", "no_entry", "no_exit", "no_horizon",
    "no_symbol", "ok",
)  # fmt: skip
SPLITS = ("after", "before", "outside", "test", "train", "unknown", "validation")
OUTCOMES = ("down", "flat", "move", "still", "up")
PREDICTED = ("down", "move", "still", "up")
CORRECT = ("no", "yes")
SESSIONS = ("regular", "extended")
CHOICES = {
    "status": STATUSES, "split": SPLITS, "outcome": OUTCOMES, "correct": CORRECT,
    "session": SESSIONS,
}  # fmt: skip
SORTS = (
    "posted_utc", "author", "platform", "text", "symbol", "probability", "predicted", "split",
    "status", "return_bps", "outcome", "correct",
)  # fmt: skip
MOST_CHARACTERS = 1_000  # of a filter
Cursor = tuple[Any, ...]  # of the last row: the sorted value, time, platform, id and symbol


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters, order and place of a page of posts; an empty text filters nothing."""

    text: str = ""
    author: str = ""
    platform: str = ""
    symbol: str = ""
    since: str = ""
    until: str = ""
    status: str = ""
    split: str = ""
    predicted: str = ""
    outcome: str = ""
    correct: str = ""
    low: str = ""
    high: str = ""
    model: str = ""
    interval: str = ""
    session: str = "regular"
    sort: str = "posted_utc"
    order: str = "down"
    after: str = ""  # the last row of the page before, as JSON

    @property
    def down(self) -> bool:
        """Whether the largest comes first."""
        return self.order == "down"

    @property
    def cursor(self) -> Cursor | None:
        """The last row of the page before.

        Raises:
            InputError: the address was changed by hand.
        """
        if not self.after:
            return None
        try:
            value, posted, platform, tweet_id, symbol = json.loads(self.after)
            moment = datetime.fromisoformat(posted)
            fits = isinstance(tweet_id, int) and abs(tweet_id) < 2**63
            fits &= all(isinstance(each, str) for each in (platform, symbol))
            fits &= value is None or isinstance(value, str | int | float)
        except (ValueError, TypeError, RecursionError):
            fits = False
        if not fits or moment.tzinfo:
            raise InputError("after: is no place in this table; begin at its first page")
        return value, moment, platform, tweet_id, symbol

    def address(self, **changes: str) -> str:
        """Return the query of an address with other values; what is usual is left out."""
        changed, usual = replace(self, **changes), Asked()
        pairs = {
            name: getattr(changed, name)
            for name in self.__slots__
            if getattr(changed, name) != getattr(usual, name)
        }
        return f"?{urlencode(pairs)}"

    def sorted_by(self, column: str) -> str:
        """Return the address in the order of a column; once more turns it around."""
        turned = "up" if self.down else "down"
        first = "down" if column in ("posted_utc", "probability", "return_bps") else "up"
        return self.address(sort=column, order=turned if column == self.sort else first, after="")


def read_asked(given: Mapping[str, str]) -> Asked:
    """Read an address; what it does not know is passed over.

    Raises:
        InputError: a filter has a value that it cannot have.
    """
    known = {name: given[name].strip() for name in Asked.__slots__ if name in given}
    known["after"] = given.get("after", "")
    for name, value in known.items():
        if len(value) > MOST_CHARACTERS and name != "after":
            raise InputError(f"{name}: is longer than {MOST_CHARACTERS:,} characters; shorten it")
        if value and name in CHOICES and value not in CHOICES[name]:
            raise InputError(f"{name}: {value} is not one of {', '.join(CHOICES[name])}")
    asked = Asked(**{name: value for name, value in known.items() if value or name == "after"})
    if asked.sort not in SORTS:
        raise InputError(f"sort: {asked.sort} is not one of {', '.join(SORTS)}")
    if asked.order not in ("up", "down"):
        raise InputError(f"order: {asked.order} is not up or down")
    return asked


def moment(name: str, text: str) -> datetime | None:
    """Read a filter that is a day or time in UTC; None where it is empty.

    Raises:
        InputError: it is neither.
    """
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    except ValueError as error:
        raise InputError(f"{name}: {text} is no day or time; write it as 2024-03-05") from error


def share(name: str, text: str) -> float | None:
    """Read a filter that is a probability; None where it is empty.

    Raises:
        InputError: it is none.
    """
    try:
        value = float(text) if text else None
    except ValueError:
        value = -1.0
    if value is not None and not 0 <= value <= 1:
        raise InputError(f"{name}: {text} is no probability; write it as 0.75")
    return value

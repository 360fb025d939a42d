"""Turn what is asked into conditions of SQL: columns are ours, values are bound."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tweetscore.browse.asked import Asked, Cursor, moment, share

PREDICTED = ("predicted", "correct", "low", "high")  # filters that read the table of predictions


def of_post(asked: Asked) -> tuple[str, dict[str, Any]]:
    """Return what a post itself must fulfil, and the values.

    Raises:
        InputError: a filter has a value that it cannot have.
    """
    # ILIKE takes half of the time, and these two for something else.
    plain = not set("%_") & set(asked.text)
    conditions = {
        "text": "text ILIKE $text" if plain else "contains(lower(text), $text)",
        "author": "lower(author) = $author",
        "platform": "platform = $platform",
        "since": "posted_utc >= $since",
        "until": "posted_utc < $until",
    }
    values = {
        "text": asked.text and (f"%{asked.text}%" if plain else asked.text.lower()),
        "author": asked.author.removeprefix("@").lower(),
        "platform": asked.platform,
        "since": moment("since", asked.since),
        "until": moment("until", asked.until),
    }
    return _joined(conditions, values)


def of_row(asked: Asked, *, predictions: bool = True) -> tuple[str, dict[str, Any]]:
    """Return what a post must fulfil as it meets a symbol, and the values.

    Args:
        asked: the filters.
        predictions: also what only predictions fulfil.

    Raises:
        InputError: a filter has a value that it cannot have.
    """
    conditions = {
        "symbol": "symbol = $symbol",
        "status": "status = $status",
        "split": "split = $split",
        "predicted": "predicted = $predicted",
        "outcome": "outcome = $outcome",
        "correct": "correct = ($correct = 'yes')",
        "low": "probability >= $low::FLOAT",
        "high": "probability <= $high::FLOAT",
    }
    values = {name: getattr(asked, name) for name in conditions}
    values |= {name: share(name, getattr(asked, name)) for name in ("low", "high")}
    if not predictions:
        values |= dict.fromkeys(PREDICTED)
    return _joined(conditions, values)


def behind(columns: Sequence[str], *, down: bool, inclusive: bool = False) -> str:
    """Return the condition of rows behind the last one of a page, whose values are $c0, $c1 and on.

    Args:
        columns: by which the rows are ordered, the first one first.
        down: whether the largest comes first.
        inclusive: whether the last one fulfils it, too.
    """
    sign = "<" if down else ">"
    text = f"{columns[-1]} {sign}{'=' if inclusive else ''} $c{len(columns) - 1}"
    for place in range(len(columns) - 2, -1, -1):
        column = columns[place]
        text = f"({column} {sign} $c{place} OR ({column} = $c{place} AND {text}))"
    return text


def cursor_values(values: Cursor | Sequence[Any]) -> dict[str, Any]:
    """Return the values of ``behind``."""
    return {f"c{place}": value for place, value in enumerate(values)}


def named_in(text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a statement names: DuckDB refuses others."""
    names = set(re.findall(r"\$([a-z]\w*)", text))
    return {name: value for name, value in values.items() if name in names}


def _joined(conditions: Mapping[str, str], values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    wanted = {name: value for name, value in values.items() if value not in ("", None)}
    return " AND ".join(conditions[name] for name in wanted) or "true", wanted

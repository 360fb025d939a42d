"""Bring the times of a table to one clock: times and zones as written enter, UTC leaves.

A column of zones or offsets may stand beside local times, and some times may have a zone of their
own where the others have none.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.clocks import TIMES, Clock
from tweetscore.io.time_words import OFFSETS, formats_of, has_seconds, most_frequent
from tweetscore.io.times import TimeForm, written_form
from tweetscore.posts.fields import NEARLY_ALL, nearly_all
from tweetscore.posts.validation import ReadTimes

UTC_FORM = "%Y-%m-%dT%H:%M:%S%.f%#z"  # as ``utc_beside`` writes times
_WRITTEN_UTC = "%Y-%m-%dT%H:%M:%S%.6fZ"
_OFFSET = re.compile(r"(?:UTC|GMT)? ?([+-])(\d\d?)(?::?([0-5]\d))?", re.ASCII)
_SECONDS = re.compile(r"-?\d{4,5}|0", re.ASCII)
_MOST_MINUTES, _QUARTER_SECONDS = 14 * 60, 900
_HAS_ZONE = r"\d ?(?:Z|[+-]\d\d:?\d\d|\(?[A-Z]{3,4}\)?)(?:\s|$)"
_TOLERANCE_SECONDS = 60


def are_zones(zones: pl.Series) -> bool:
    """Return whether nearly all values of a column are offsets from UTC or names of zones."""
    known = {name: zone_clock(name) is not None for name in zones.drop_nulls().unique()}
    return bool(known) and nearly_all(
        zones.replace_strict(known, default=False, return_dtype=pl.Boolean)
    )


@lru_cache(maxsize=10_000)
def zone_clock(text: str) -> Clock | None:
    """Return the clock that a zone beside a time means; None if it is not clear.

    That is an offset, as +02:00 or UTC-5, or one in seconds, as 7200; the name of a zone, as
    Europe/Berlin, or the letters of one.
    """
    text = text.strip()
    text = OFFSETS.get(text, text)
    if text in ("Z", "UTC", "GMT"):
        return Clock.parse("UTC")
    if written := _OFFSET.fullmatch(text):
        sign, hours, minutes = written.groups("0")
        count = int(f"{sign}{int(hours) * 60 + int(minutes)}")
        if abs(count) <= _MOST_MINUTES:
            return Clock.of("UTC", count)
    if _SECONDS.fullmatch(text):
        count, rest = divmod(int(text), _QUARTER_SECONDS)
        count *= _QUARTER_SECONDS // 60
        return Clock.of("UTC", count) if not rest and abs(count) <= _MOST_MINUTES else None
    try:
        return Clock.parse(text) if "/" in text else None
    except InputError:
        return None


def utc_beside(texts: pl.Series, zones: pl.Series, read: ReadTimes) -> pl.Series:
    """Write local times in UTC, by the zone beside each.

    A time that cannot be read so stays as it is, with the zone behind it.

    Args:
        texts: the times.
        zones: the zones, as strings.
        read: reads the times.
    """
    rows = pl.DataFrame({"text": texts, "zone": zones, "local": read(texts)}).with_row_index("at")
    utc = pl.Series([None] * rows.height, dtype=TIMES)
    for (name,), own in rows.group_by("zone"):
        if isinstance(name, str) and (clock := zone_clock(name)):
            utc.scatter(own["at"], clock.to_utc(own["local"]))
    unread = pl.concat_str("text", pl.col("zone").fill_null("(without a zone)"), separator=" ")
    written = utc.dt.to_string(_WRITTEN_UTC)
    return rows.select(pl.coalesce(pl.lit(written), unread)).to_series()


def agree_with_ids(utc: pl.Series, inside: Sequence[pl.Series]) -> bool:
    """Return whether times are those inside the ids, by one of several ways to read them.

    Nothing speaks against times where no way reads any id.
    """
    tested = [(utc - each).drop_nulls().abs().dt.total_seconds() for each in inside]
    tested = [apart for apart in tested if len(apart) >= NEARLY_ALL * len(utc)]
    return not tested or any(nearly_all(apart <= _TOLERANCE_SECONDS) for apart in tested)


def on_one_clock(
    texts: pl.Series, form: TimeForm, clock: Clock | None
) -> tuple[pl.Series, pl.Series]:
    """Bring times that have a zone among others without one, or the reverse, to the others' clock.

    Args:
        texts: the times.
        form: of most of them.
        clock: of times without a zone; None: nobody says it, and they say so.

    Returns:
        The times, and the places of those that were brought to it.
    """
    zoned = texts.str.contains(_HAS_ZONE)
    at = (zoned if form.naive else ~zoned).fill_null(False).arg_true()
    if not len(at):
        return texts, at
    at = at.filter(form.read(texts.gather(at)).is_null())
    odd = texts.gather(at).str.strip_chars()
    stamps = _read_other(odd, form)
    if clock is None:
        fact = "with a zone, unlike others" if form.naive else "without a zone: name it by --clock"
        told = at.filter(stamps.is_not_null())
        return _scattered(texts, told, texts.gather(told) + f" ({fact})"), at.head(0)
    moved = clock.from_utc(stamps) if form.naive else clock.to_utc(stamps)
    written = moved.dt.to_string(_WRITTEN_UTC.rstrip("Z") if form.naive else _WRITTEN_UTC)
    found = at.filter(written.is_not_null())
    return _scattered(texts, found, written.drop_nulls()), found


def _scattered(texts: pl.Series, at: pl.Series, values: pl.Series) -> pl.Series:
    return texts.clone().scatter(at, values)


def _read_other(texts: pl.Series, like: TimeForm) -> pl.Series:
    """Read times that have a zone where those of a form have none, or the reverse."""
    clear = [each[0] for each in most_frequent(formats_of(texts)) if len(each) == 1]
    exact = [each for each in clear if has_seconds(each) or not has_seconds(like.written)]
    forms = [form for form in map(written_form, exact) if form.naive != like.naive]
    stamps = [form.stamp for form in forms if not form.zone]
    frame = texts.to_frame("stamp")
    return frame.select(pl.coalesce(stamps) if stamps else pl.lit(None, TIMES)).to_series()

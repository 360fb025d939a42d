"""Read columns of times: strings enter, the form they share leaves, as what turns them into stamps.

Stamps are polars Datetime("us") without a zone: UTC where the strings carry a zone or count from
1970, else the wall time that they show.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Literal

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.time_words import (
    API_TIME,
    EPOCH,
    EPOCH_NUMBER,
    LETTERS,
    OFFSETS,
    SERIAL,
    SERIAL_NUMBER,
    TIDIED,
    ZONE_BEHIND,
    formats_of,
    has_seconds,
    most_frequent,
    order_of,
    tidied,
)

Order = Literal["day", "month", "year"]

_MILLISECONDS_A_DAY = 86_400_000
_NEAR_DAYS, _FAR_DAYS = 4, 20  # between days of bars, holidays included; and where misread
_OFFSET_AT_END = r"\s*(?:GMT|UTC)?\s*(?:Z|z|[+-]\d\d(?::?\d\d)?)$"
_API_TIME_UTC = "%b %d %H:%M:%S +0000 %Y"  # without its weekday
_SERIAL_EPOCH = datetime(1899, 12, 30)
_WEEKDAYS = pl.Enum(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
_AHEAD = timedelta(days=2)  # no time of a post or a bar is later


@dataclass(frozen=True, slots=True)
class TimeForm:
    """How a column of times is written."""

    naive: bool  # True: the times have no time zone
    stamp: pl.Expr  # reads the string column "stamp"; null where a time is in another form
    zone: str | None = None  # named behind every time, whose wall time the stamps then are
    shown: pl.Expr | None = None  # the wall time of times with an offset; None: none or not known
    written: str = ""  # the format
    order: Order | None = None  # which part stands first, where that was found out

    def read(self, texts: pl.Series) -> pl.Series:
        """Return the stamps of a column of strings.

        A text in another form is read by that one where it leaves nothing open: it must be clear,
        have a zone where the others have one, and be no less exact.
        """
        stamps = texts.to_frame("stamp").select(self.stamp).to_series()
        if stamps.null_count() == texts.null_count():
            return stamps
        at = (stamps.is_null() & texts.is_not_null()).arg_true()
        odd = texts.gather(at).str.strip_chars()
        others = [
            form.stamp
            for formats in most_frequent(formats_of(odd))
            for form in map(written_form, self._clear(formats))
            if form.naive == self.naive and not form.zone
        ]
        if not others:
            return stamps
        found = odd.to_frame("stamp").select(pl.coalesce(others)).to_series()
        return stamps.scatter(at, found)

    def _clear(self, formats: Sequence[str]) -> list[str]:
        """Return the format that another form must be in; none if it is not clear."""
        exact = [each for each in formats if has_seconds(each) or not has_seconds(self.written)]
        if len(formats) > 1:
            return [each for each in exact if order_of(each) == self.order]
        return exact


def time_form(
    name: str,
    parts: Iterable[pl.Series],
    *,
    dense: bool = False,
    usual_order: Literal["day", "month"] | None = None,
) -> TimeForm | None:
    """Find the form of most times in the first part; None if it is not known.

    Where day and month could be confused, a day above 12 decides: parts are read until one has such
    a day.

    Args:
        name: the file's, for messages.
        parts: the column of strings, part by part; the first one has rows.
        dense: the times are those of minute bars: days that follow each other show the order, too.
        usual_order: what stands first in a layout that is known, where nothing in the file shows.

    Raises:
        InputError: the order of day and month is not clear, or changes within the file.
    """
    parts = iter(parts)
    first = next(parts).str.strip_chars()
    counted = most_frequent(formats_of(first.drop_nulls()))
    # A price may look like the serial number of a day.
    counted = [each for each in counted if not dense or SERIAL not in each]
    if not counted:
        return None
    forms = [written_form(written) for written in counted[0]]
    if len(forms) == 1:
        return forms[0]
    forms = [replace(form, order=order_of(form.written)) for form in forms]
    for times in chain([first], parts):
        if shown := _shown_orders(times, forms):
            (form, example), *others = shown
            if not others:
                return form
            raise InputError(
                f"{name}: the order of its dates changes: {example!r} has the {form.order} first, "
                f"{others[0][1]!r} the {others[0][0].order}; write dates as 2018-01-31"
            )
    dense_order = _dense_order(first, *forms[:2]) if dense else None
    if order := dense_order or usual_order:
        return next(form for form in forms if form.order == order)
    raise InputError(
        f"{name}: no date like {first.drop_nulls()[0]!r} shows which number is the day "
        "(none is above 12); write dates as 2018-01-31"
    )


def _shown_orders(texts: pl.Series, forms: Sequence[TimeForm]) -> list[tuple[TimeForm, str]]:
    """Return the forms that alone can read some text, each with such a text."""
    latest = datetime.now(UTC).replace(tzinfo=None) + _AHEAD
    frame = texts.to_frame("stamp")
    possible = frame.select(
        (form.stamp <= latest).fill_null(False).alias(str(place))
        for place, form in enumerate(forms)
    )
    alone = frame.with_columns(possible).filter(pl.sum_horizontal(possible.columns) == 1)
    return [
        (form, of_form["stamp"][0])
        for place, form in enumerate(forms)
        if (of_form := alone.filter(str(place))).height
    ]


def _dense_order(
    texts: pl.Series, day_first: TimeForm, month_first: TimeForm
) -> Literal["day", "month"] | None:
    """Tell the order by gaps: bars of days in a row lie months apart in the wrong one."""
    gaps = [
        form.read(texts).dt.date().drop_nulls().unique().sort().diff().drop_nulls().dt.total_days()
        for form in (day_first, month_first)
    ]
    if not all(map(len, gaps)):
        return None
    by_day, by_month = (float(np.median(days.to_numpy())) for days in gaps)
    if min(by_day, by_month) > _NEAR_DAYS or max(by_day, by_month) < _FAR_DAYS:
        return None
    return "day" if by_day < by_month else "month"


def milliseconds_form(day: date) -> TimeForm:
    """Return the form of whole milliseconds since the midnight with which ``day`` begins."""
    count = pl.col("stamp").str.strip_chars().str.to_integer(strict=False)
    within = pl.when(count.is_between(0, _MILLISECONDS_A_DAY - 1)).then(count)
    midnight = pl.lit(day).cast(pl.Datetime("us"))
    return TimeForm(naive=True, stamp=midnight + pl.duration(milliseconds=within))


@lru_cache(maxsize=256)
def written_form(written: str) -> TimeForm:
    """Return the form of times that are written by a format of strptime, or ``epoch``.

    A slash after a blank stands before the name of a zone: ``%Y%m%d %H:%M:%S /US/Eastern``.
    """
    text = pl.col("stamp").str.strip_chars()
    if written.startswith(TIDIED):
        form = _form(written.removeprefix(TIDIED), tidied(text))
        return replace(form, written=written, shown=None)
    return replace(_form(written, text), written=written)


def _form(written: str, text: pl.Expr) -> TimeForm:
    if written.endswith(LETTERS):
        behind = text.str.extract(ZONE_BEHIND, 2).replace_strict(
            list(OFFSETS), list(OFFSETS.values()), default=None
        )
        zoned = pl.concat_str(text.str.extract(ZONE_BEHIND, 1), behind, separator=" ")
        return _form(written.removesuffix(LETTERS) + "%#z", zoned)
    bare, _, zone = written.partition(" /")
    if zone:
        own = pl.when(text.str.extract(ZONE_BEHIND, 2) == zone)
        stamp = _form(bare, own.then(text.str.extract(ZONE_BEHIND, 1))).stamp
        return TimeForm(naive=True, stamp=stamp, zone=zone)
    if written == EPOCH:
        return TimeForm(naive=False, stamp=_since_1970(text))
    if written == SERIAL:
        return TimeForm(naive=True, stamp=_since_1899(text))
    stamp = text.str.to_datetime(written, strict=False, time_unit="us")
    if re.search("%#?z", written):
        stamp = stamp.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        as_shown = text.str.replace(_OFFSET_AT_END, "").str.to_datetime(
            re.sub(" ?(GMT|UTC)?%#?z$", "", written), strict=False, time_unit="us"
        )
        return TimeForm(naive=False, stamp=stamp, shown=None if written == API_TIME else as_shown)
    return TimeForm(naive=not written.upper().endswith("UTC"), stamp=stamp)


def _since_1970(text: pl.Expr) -> pl.Expr:
    pattern = f"^{EPOCH_NUMBER}$"
    number = text.str.extract(pattern).str.to_integer(strict=False)
    # A fraction in microseconds of what the number counts: six digits of it.
    digits = text.str.extract(pattern, 2).fill_null("").str.head(6).str.pad_end(6, "0")
    part = digits.str.to_integer(strict=False)
    microseconds = (
        pl.when(number < 10**11)
        .then(number * 1_000_000 + part)
        .when(number < 10**14)
        .then(number * 1_000 + part // 1_000)
        .when(number < 10**17)
        .then(number)
        .otherwise(number // 1_000)
    )
    return microseconds.cast(pl.Datetime("us"))


def _since_1899(text: pl.Expr) -> pl.Expr:
    """Read the days of a spreadsheet, to the second: more is the rounding of its fractions."""
    matching = pl.when(text.str.contains(f"^{SERIAL_NUMBER}$")).then(text)
    seconds = (matching.str.replace(",", ".").cast(pl.Float64) * 86_400).round()
    return pl.lit(_SERIAL_EPOCH).cast(pl.Datetime("us")) + pl.duration(
        seconds=seconds.cast(pl.Int64)
    )


def api_times(texts: pl.Series) -> pl.Series:
    """Read times of Twitter's API that are in UTC, as all are, in a sixth of the time.

    Returns:
        Datetime("us"); null where a text is in another form, or its weekday is not that of its day.
    """
    text, time = pl.col("text"), pl.col("time")
    read = texts.to_frame("text").select(
        weekday=text.str.head(3).cast(_WEEKDAYS, strict=False).to_physical() + 1,
        time=text.str.slice(4).str.to_datetime(_API_TIME_UTC, strict=False, time_unit="us"),
    )
    return read.select(pl.when(pl.col("weekday") == time.dt.weekday()).then(time)).to_series()


def written_times(texts: pl.Series, written: str) -> pl.Series:
    """Read times of one form as Datetime("us"), in UTC where it has a zone; null in any other."""
    times = texts.str.to_datetime(written, strict=False, time_unit="us")
    if re.search("%#?z", written):
        return times.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return times

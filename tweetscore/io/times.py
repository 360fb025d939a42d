"""Read columns of times: strings enter, the form they share leaves, as what turns them into stamps.

Stamps are polars Datetime("us") without a zone: UTC where the strings carry a zone or count from
1970, else the wall time that they show.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Literal

import numpy as np
import polars as pl

from tweetscore.errors import InputError

API_TIME = "%a %b %d %H:%M:%S %z %Y"  # of Twitter's API: Sun Dec 02 21:40:51 +0000 2018
_MILLISECONDS_A_DAY = 86_400_000
_OF_THE_API = re.compile(
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d [+-]\d{4} \d{4}", re.ASCII
)
# Ten digits are seconds from 2001 to 2286, and each three more a thousandth of that.
_EPOCH = re.compile(r"(\d{10}|\d{13}|\d{16}|\d{19})(?:\.0+)?")
_WRITTEN = re.compile(
    r"(?:\d{4}(?P<year_first>[-./])\d\d?(?P=year_first)\d\d?|(?P<compact>\d{8})"
    r"|\d\d?(?P<year_last>[-./])\d\d?(?P=year_last)\d{4})"
    r"(?P<join>T| {0,2}|,|, |-)"
    r"(?:\d\d?(?P<colon>:)\d\d(?P<second>:\d\d(?:\.\d+)?)?|\d{4}(?P<seconds>\d\d)?)"
    r"(?P<half> ?[AP]M)?"
    r"(?P<zone> ?(?:Z|(?P<gmt>GMT|UTC)?[+-]\d\d(?::?\d\d)?))?(?P<utc> ?UTC)?",
    re.ASCII | re.IGNORECASE,
)
# The name or the letters of a zone behind a time, as Interactive Brokers writes them.
_ZONE_BEHIND = r"^(.*\d(?: ?[AaPp][Mm])?) ?\(?([A-Z][A-Za-z_]*(?:/[A-Za-z0-9_+-]+)+|[A-Z]{3,4})\)?$"
# Letters that mean one offset wherever minutes are traded; CST is taken for Chicago's.
_OFFSETS = {
    "GMT": "+0000", "EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500",
    "MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700", "WET": "+0000",
    "WEST": "+0100", "BST": "+0100", "CET": "+0100", "CEST": "+0200", "EET": "+0200",
    "EEST": "+0300", "MSK": "+0300", "SGT": "+0800", "HKT": "+0800", "JST": "+0900",
    "KST": "+0900", "AEST": "+1000", "AEDT": "+1100",
}  # fmt: skip
_NEAR_DAYS, _FAR_DAYS = 4, 20  # between days of bars, holidays included; and where misread
_OFFSET_AT_END = r"\s*(?:GMT|UTC)?\s*(?:Z|z|[+-]\d\d(?::?\d\d)?)$"
_LETTERS = "%L"  # in a format, our own: the letters of a zone


@dataclass(frozen=True, slots=True)
class TimeForm:
    """How a column of times is written."""

    naive: bool  # True: the times have no time zone
    stamp: pl.Expr  # reads the string column "stamp"; null where a time is in another form
    zone: str | None = None  # named behind every time, whose wall time the stamps then are
    shown: pl.Expr | None = None  # the wall time of times with an offset; None: none or not known

    def read(self, texts: pl.Series) -> pl.Series:
        """Return the stamps of a column of strings."""
        return texts.to_frame("stamp").select(self.stamp).to_series()


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
    counted = Counter(filter(None, map(_formats, first.drop_nulls())))
    if not counted:
        return None
    formats = counted.most_common(1)[0][0]
    if len(formats) == 1:
        return written_form(formats[0])
    day_first, month_first = map(written_form, formats)
    for times in chain([first], parts):
        rows = times.to_frame("stamp").select(
            stamp="stamp",
            day_first=day_first.stamp.is_not_null(),
            month_first=month_first.stamp.is_not_null(),
        )
        by_day = rows.filter("day_first", ~pl.col("month_first"))["stamp"]
        by_month = rows.filter("month_first", ~pl.col("day_first"))["stamp"]
        if len(by_day) and len(by_month):
            raise InputError(
                f"{name}: the order of its dates changes: {by_day[0]!r} has the day first, "
                f"{by_month[0]!r} the month; write dates as 2018-01-31"
            )
        if len(by_day) or len(by_month):
            return day_first if len(by_day) else month_first
    order = (_dense_order(first, day_first, month_first) if dense else None) or usual_order
    if order:
        return day_first if order == "day" else month_first
    raise InputError(
        f"{name}: no date like {first.drop_nulls()[0]!r} shows which number is the day "
        "(none is above 12); write dates as 2018-01-31"
    )


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


def _formats(text: str) -> tuple[str, ...]:
    """Return the strptime formats that a time may be in: none, one, or two for day and month."""
    if _EPOCH.fullmatch(text):
        return ("epoch",)
    if _OF_THE_API.fullmatch(text):
        return (API_TIME,)
    written = _WRITTEN.fullmatch(text)
    if not written:
        return _with_zone_behind(text)
    part = written.groupdict("")
    clock = "%I" if part["half"] else "%H"
    if part["join"] == "-" and not part["compact"]:
        return ()
    if part["colon"]:
        # Files that leave out a fraction of zero have seconds with and without one.
        clock += ":%M" + (":%S%.f" if part["second"] else "")
    else:
        clock += "%M" + ("%S" if part["seconds"] else "")
    clock = part["join"] + clock + part["half"][:-2] + ("%p" if part["half"] else "")
    if zone := part["zone"]:
        clock += (" " if zone.startswith(" ") else "") + part["gmt"] + "%#z"
    clock += part["utc"]
    if between := part["year_last"]:
        return tuple(
            between.join(order) + clock for order in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"))
        )
    return (part["year_first"].join(("%Y", "%m", "%d")) + clock,)


def _with_zone_behind(text: str) -> tuple[str, ...]:
    """Return the formats of a time with a zone's name or letters behind it."""
    parts = re.fullmatch(_ZONE_BEHIND, text, re.ASCII)
    if not parts:
        return ()
    mark = "/" + parts[2] if "/" in parts[2] else _LETTERS
    if mark == _LETTERS and parts[2] not in _OFFSETS:
        return ()
    return tuple(f"{each} {mark}" for each in _formats(parts[1]) if "%" in each and "z" not in each)


def written_form(written: str) -> TimeForm:
    """Return the form of times that are written by a format of strptime, or ``epoch``.

    A slash after a blank stands before the name of a zone: ``%Y%m%d %H:%M:%S /US/Eastern``.
    """
    return _form(written, pl.col("stamp").str.strip_chars())


def _form(written: str, text: pl.Expr) -> TimeForm:
    if written.endswith(_LETTERS):
        behind = text.str.extract(_ZONE_BEHIND, 2).replace_strict(
            list(_OFFSETS), list(_OFFSETS.values()), default=None
        )
        zoned = pl.concat_str(text.str.extract(_ZONE_BEHIND, 1), behind, separator=" ")
        return _form(written.removesuffix(_LETTERS) + "%#z", zoned)
    bare, _, zone = written.partition(" /")
    if zone:
        own = pl.when(text.str.extract(_ZONE_BEHIND, 2) == zone)
        stamp = _form(bare, own.then(text.str.extract(_ZONE_BEHIND, 1))).stamp
        return TimeForm(naive=True, stamp=stamp, zone=zone)
    if written == "epoch":
        number = text.str.extract(f"^{_EPOCH.pattern}$").str.to_integer(strict=False)
        microseconds = (
            pl.when(number < 10**11).then(number * 1_000_000)
            .when(number < 10**14).then(number * 1_000)
            .when(number < 10**17).then(number)
            .otherwise(number // 1_000)
        )  # fmt: skip
        return TimeForm(naive=False, stamp=microseconds.cast(pl.Datetime("us")))
    stamp = text.str.to_datetime(written, strict=False, time_unit="us")
    if re.search("%#?z", written):
        stamp = stamp.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        as_shown = text.str.replace(_OFFSET_AT_END, "").str.to_datetime(
            re.sub(" ?(GMT|UTC)?%#?z$", "", written), strict=False, time_unit="us"
        )
        return TimeForm(naive=False, stamp=stamp, shown=None if written == API_TIME else as_shown)
    return TimeForm(naive=not written.upper().endswith("UTC"), stamp=stamp)

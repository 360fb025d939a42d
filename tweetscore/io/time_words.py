"""How times are written: strings enter, the formats of strptime that they may be in leave.

Most times are read as they are. Others, with the names of months and days, the letters of a zone in
the middle or a two-digit year, are first brought into one order: date, time of day, offset.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal

import polars as pl

API_TIME = "%a %b %d %H:%M:%S %z %Y"  # of Twitter's API: Sun Dec 02 21:40:51 +0000 2018
EPOCH = "epoch"  # seconds since 1970, or thousandths, millionths or billionths of them
SERIAL = "serial"  # days since the end of 1899, as a spreadsheet counts
LETTERS = "%L"  # in a format: the letters of a zone
TIDIED = "~"  # before a format: of times in the order that ``tidied`` gives them

# Ten digits are seconds from 2001 to 2286, and each three more a thousandth of that.
EPOCH_NUMBER = r"(\d{10}|\d{13}|\d{16}|\d{19})(?:[.,](\d+))?"
SERIAL_NUMBER = r"([2-7]\d{4})(?:[.,](\d+))?"  # from 1954 to 2119
# The name or the letters of a zone behind a time, as Interactive Brokers writes them.
ZONE_BEHIND = r"^(.*\d(?: ?[AaPp][Mm])?) ?\(?([A-Z][A-Za-z_]*(?:/[A-Za-z0-9_+-]+)+|[A-Z]{3,4})\)?$"
# Letters that mean one offset wherever minutes are traded; CST is taken for Chicago's.
OFFSETS = {
    "GMT": "+0000", "EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500",
    "MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700", "WET": "+0000",
    "WEST": "+0100", "BST": "+0100", "CET": "+0100", "CEST": "+0200", "EET": "+0200",
    "EEST": "+0300", "MSK": "+0300", "SGT": "+0800", "HKT": "+0800", "JST": "+0900",
    "KST": "+0900", "AEST": "+1000", "AEDT": "+1100",
}  # fmt: skip
_UTC_LETTERS = {"UTC": "+0000", "UT": "+0000"}

_OF_THE_API = re.compile(
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d [+-]\d{4} \d{4}", re.ASCII
)
_TIME_OF_DAY = (
    r"(?:\d\d?(?P<colon>:)\d\d(?P<second>:\d\d(?:\.\d+)?)?|\d{4}(?P<seconds>\d\d(?:\.\d+)?)?)"
    r"(?P<half> ?[AP]M)?"
)
_WRITTEN = re.compile(
    r"(?:\d{4}(?P<year_first>[-./])\d\d?(?P=year_first)\d\d?|(?P<compact>\d{8})"
    r"|\d\d?(?P<year_last>[-./])\d\d?(?P=year_last)\d{4})"
    r"(?P<join>T| {0,2}|,|, |-)"
    + _TIME_OF_DAY
    + r"(?P<zone> ?(?:Z|(?P<gmt>GMT|UTC)?[+-]\d\d(?::?\d\d)?))?(?P<utc> ?UTC)?",
    re.ASCII | re.IGNORECASE,
)
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_TIDY = re.compile(
    rf"(?:{_MONTH} (?P<day_second>\d\d?) \d{{4}}|\d\d? {_MONTH.replace('month', 'month_second')} "
    rf"\d{{4}}|\d{{4}} {_MONTH.replace('month', 'month_middle')} \d\d?"
    rf"|\d\d? {_MONTH.replace('month', 'month_of_year')} (?P<short_year>\d\d)"
    r"|(?P<numbers>\d\d?(?P<between>[-./])\d\d?(?P=between)(?P<year>\d{4}|\d\d))"
    r"|\d{4}(?P<year_first>[-./])\d\d?(?P=year_first)\d\d?|(?P<compact>\d{8}))"
    r"(?P<join>[ T])" + _TIME_OF_DAY + r"(?P<zone> ?[+-]\d\d(?::?\d\d)?| ?Z)?",
    re.ASCII | re.IGNORECASE,
)
# In this order; what they change is bound by places that no other form of a time has.
_TIDYING = (
    (r"[\s\x{202f}\x{a0}]+", " "),
    (r" m=[+-][0-9.]+$", ""),  # Go's second clock
    (r"\[[A-Za-z0-9_+/-]+\]$", ""),  # Java's name of a zone behind an offset
    (r"([+-]\d\d:?\d\d|Z) ?(?:\([^()]*\)|[A-Z]{3,4}|[+-]\d{4})$", "$1"),
    (r"(\d{4})年(\d\d?)月(\d\d?)日", "$1-$2-$3 "),
    (r"(?i)^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[.,]? ?,? ?", ""),
    (r"(:\d\d),(\d+)", "$1.$2"),
    (r"(?i)\b(\d\d?)(?:st|nd|rd|th)\b", "$1"),
    (r"(?i)\b(\d\d?)h(\d\d)\b", "$1:$2"),
    (r"(?i)(\d) ?([ap])\.? ?m\b\.?", "$1 ${2}M"),
    (r"(?i)\bsept\b", "Sep"),
    (r" ?Uhr$", ""),
    (r"([A-Za-z])\.", "$1"),
    (r"(?i)(^|[\s\d])-?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)([a-z]*)-", "$1 $2$3 "),
    (r",", " "),
    (r"(?i) (?:at|on|um|@|·|•|\||-|–|—) ", " "),
    (r" +", " "),
    # The time of day before the date, as on the pages of Twitter.
    (r"(?i)^(\d\d?:\d\d(?::\d\d)?(?: [ap]m)?) (.*\d.*)$", "$2 $1"),
    # The year behind the time of day, and perhaps a zone, as in Unix's date.
    (r"^([A-Za-z]+ \d\d?) (\d\d?:\d\d(?::\d\d(?:\.\d+)?)?) ?([^ ]*) (\d{4})$", "$1 $4 $2 $3"),
    (r" ?(?:GMT|UTC)([+-]\d\d)", " $1"),
)
_LETTERS_BEHIND = r" ?\(?([A-Z]{2,4})\)?$"
_DIGIT = re.compile(r"\d")
_ENGLISH = frozenset((
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
    "january", "february", "march", "april", "june", "july", "august", "september", "october",
    "november", "december", "mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat",
    "sun", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "utc",
))  # fmt: skip


def formats_of(texts: pl.Series) -> list[tuple[str, ...]]:
    """Return of each text the formats it may be in: none, one, or one for each order of its parts.

    A format is one of strptime, ``EPOCH`` or ``SERIAL``, or a format of strptime after ``TIDIED``.
    """
    plain = [formats_as_it_is(text) for text in texts]
    if all(formats or not _DIGIT.search(text) for formats, text in zip(plain, texts, strict=True)):
        return plain  # to tidy a few words takes as long as to read a small file
    tidy = texts.to_frame("stamp").select(tidied(pl.col("stamp"))).to_series()
    return [formats or _tidy_formats(text or "") for formats, text in zip(plain, tidy, strict=True)]


def tidied(text: pl.Expr) -> pl.Expr:
    """Bring times with words into one order: date, time of day, offset from UTC."""
    text = text.str.strip_chars()
    for pattern, replacement in _TIDYING:
        text = text.str.replace_all(pattern, replacement)
    text = text.str.strip_chars()
    known = OFFSETS | _UTC_LETTERS
    offset = text.str.extract(_LETTERS_BEHIND).replace_strict(
        list(known), list(known.values()), default=None
    )
    zoned = pl.concat_str(text.str.replace(_LETTERS_BEHIND, ""), offset, separator=" ")
    return pl.coalesce(zoned, text)


def foreign_word(text: str) -> str | None:
    """Return the first word of a date that is not English, as the name of a month."""
    if len(re.findall(r"\d+", text)) < 2:
        return None
    words = re.findall(r"[^\W\d_]{3,}", text)
    return next((word for word in words if not _is_english(word)), None)


def _is_english(word: str) -> bool:
    return word.lower() in _ENGLISH or word in OFFSETS


def formats_as_it_is(text: str) -> tuple[str, ...]:
    """Return the formats of a time that needs no tidying: none, one, or two for day and month."""
    if re.fullmatch(EPOCH_NUMBER, text, re.ASCII):
        return (EPOCH,)
    if _OF_THE_API.fullmatch(text):
        return (API_TIME,)
    if re.fullmatch(SERIAL_NUMBER, text, re.ASCII) and not text.isdecimal():
        return (SERIAL,)
    written = _WRITTEN.fullmatch(text)
    if not written:
        return _with_zone_behind(text)
    part = written.groupdict("")
    if part["join"] == "-" and not part["compact"]:
        return ()
    clock = part["join"] + _clock(part)
    if zone := part["zone"]:
        clock += (" " if zone.startswith(" ") else "") + part["gmt"] + "%#z"
    clock += part["utc"]
    if between := part["year_last"]:
        return tuple(
            between.join(order) + clock for order in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"))
        )
    return (part["year_first"].join(("%Y", "%m", "%d")) + clock,)


def _clock(part: dict[str, str]) -> str:
    """Return the format of a time of day."""
    clock = "%I" if part["half"] else "%H"
    if part["colon"]:
        # Files that leave out a fraction of zero have seconds with and without one.
        clock += ":%M" + (":%S%.f" if part["second"] else "")
    else:
        clock += "%M" + ("%S%.f" if "." in part["seconds"] else "%S" if part["seconds"] else "")
    return clock + part["half"][:-2] + ("%p" if part["half"] else "")


def _with_zone_behind(text: str) -> tuple[str, ...]:
    """Return the formats of a time with a zone's name or letters behind it."""
    parts = re.fullmatch(ZONE_BEHIND, text, re.ASCII)
    if not parts:
        return ()
    mark = "/" + parts[2] if "/" in parts[2] else LETTERS
    if mark == LETTERS and parts[2] not in OFFSETS:
        return ()
    bare = formats_as_it_is(parts[1])
    return tuple(f"{each} {mark}" for each in bare if "%" in each and "z" not in each)


def _tidy_formats(text: str) -> tuple[str, ...]:
    """Return the formats of a time that was tidied: several for the order of its numbers."""
    written = _TIDY.fullmatch(text)
    if not written:
        return ()
    part = written.groupdict("")
    clock = part["join"] + _clock(part)
    if zone := part["zone"]:
        clock += (" " if zone.startswith(" ") else "") + "%#z"
    if part["numbers"]:
        year = "%Y" if len(part["year"]) == 4 else "%y"
        orders = [("%d", "%m", year), ("%m", "%d", year)]
        orders += [] if year == "%Y" else [(year, "%m", "%d")]
        return tuple(TIDIED + part["between"].join(order) + clock for order in orders)
    if part["year_first"] or part["compact"]:
        return (TIDIED + part["year_first"].join(("%Y", "%m", "%d")) + clock,)
    if part["day_second"]:
        date = "%B %d %Y"
    elif part["month_second"]:
        date = "%d %B %Y"
    else:
        date = "%Y %B %d" if part["month_middle"] else "%d %B %y"
    return (TIDIED + date + clock,)


def order_of(written: str) -> Literal["day", "month", "year"]:
    """Return which part stands first in a format of numbers: day, month or year."""
    first = re.search("%[dmYy]", written)
    if first and first[0] in ("%d", "%m"):
        return "day" if first[0] == "%d" else "month"
    return "year"


def has_seconds(written: str) -> bool:
    """Return whether a format has seconds."""
    return written in (EPOCH, SERIAL) or "%S" in written


def most_frequent(formats: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return what of several texts' formats is there, the most frequent first."""
    return [each for each, _ in Counter(filter(None, formats)).most_common()]

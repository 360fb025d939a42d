"""Read what a post may lack: counts and flags enter as strings, numbers and truths leave.

A count is written as a number, for people to read (1,041 or 1.2K), or as the float of a data frame
(12.0, or 12,0). What cannot be read is null: a bad field costs the field, never the post.
"""

from collections.abc import Callable

import polars as pl

Reading = Callable[[pl.Expr], pl.Expr]
_TRUTHS = {
    "true": True, "t": True, "1": True, "1.0": True, "yes": True, "y": True,
    "false": False, "f": False, "0": False, "0.0": False, "no": False, "n": False,
}  # fmt: skip
# How programs write that there is no value: R's empty objects, pandas, spreadsheets, MySQL (\N).
_NO_VALUE = ("", "na", "n/a", "nan", "none", "null", "<na>", "{}", "[]", "-", "--", "—", r"\n")
_GROUPED = r"^\d{1,3}(?:[,.'’ \x{a0}\x{202f}]\d{3})+$"
_SHORT = r"^(\d+(?:[.,]\d+)?) ?([KkMmBb])$"
_SCALES = {"k": 1e3, "m": 1e6, "b": 1e9}
NEARLY_ALL = 0.95  # the share of values that tells what a column holds
_MOST = 2**53  # a larger float is no count


def nearly_all(holds: pl.Series) -> bool:
    """Return whether something holds for nearly all values, of which there are some."""
    return bool(len(holds)) and int(holds.sum()) >= NEARLY_ALL * len(holds)


def is_value(texts: pl.Series) -> pl.Series:
    """Return where a string says something, true or false; null, blanks and ``NA`` do not."""
    words = texts.str.strip_chars().str.to_lowercase()
    return words.is_not_null() & ~words.is_in(_NO_VALUE)


def usual_number(text: pl.Expr) -> pl.Expr:
    """Read a count or an id as nearly all are written, as Int64; null for any other."""
    return text.str.to_integer(strict=False, dtype=pl.Int64)


def usual_truth(text: pl.Expr) -> pl.Expr:
    """Read a flag as nearly all are written; null for any other."""
    return pl.when(text == "true").then(True).when(text == "false").then(False)


def _usual(texts: pl.Series, reading: Reading) -> pl.Series:
    return texts.to_frame("text").select(reading(pl.col("text"))).to_series()


def counts(texts: pl.Series, usual: pl.Series | None = None) -> pl.Series:
    """Return counts as Int64; null where there is none, and for what is no number from 0 on.

    ``usual`` is what ``usual_number`` reads of them, where that is known.
    """
    numbers = _usual(texts, usual_number) if usual is None else usual
    if numbers.null_count() > texts.null_count():
        numbers = _written_for_people(texts.alias("count"), numbers)
    if not (numbers < 0).any():
        return numbers
    return numbers.to_frame("count").select(pl.when(pl.col("count") >= 0).then("count")).to_series()


def _written_for_people(texts: pl.Series, numbers: pl.Series) -> pl.Series:
    text = pl.col("count").str.strip_chars()
    plain = text.str.replace(r"\.0+$|,0{1,2}$", "").str.replace(r"^\+", "")
    grouped = pl.when(text.str.contains(_GROUPED)).then(text.str.replace_all(r"\D", ""))
    amount = text.str.extract(_SHORT, 1).str.replace(",", ".", literal=True)
    unit = text.str.extract(_SHORT, 2).str.to_lowercase()
    scale = unit.replace_strict(_SCALES, default=None, return_dtype=pl.Float64)
    short = (amount.cast(pl.Float64, strict=False) * scale).round()
    power = pl.when(text.str.contains(r"^\d+(\.\d+)?[eE]\+?\d{1,2}$")).then(
        text.cast(pl.Float64, strict=False)
    )
    floats = pl.coalesce(short, pl.when(power == power.round()).then(power))
    return (
        texts.to_frame()
        .select(
            pl.coalesce(
                pl.lit(numbers),
                pl.coalesce(grouped, plain).str.to_integer(strict=False, dtype=pl.Int64),
                pl.when(floats <= _MOST).then(floats).cast(pl.Int64),
            )
        )
        .to_series()
    )


def ids(texts: pl.Series) -> pl.Series:
    """Return ids without what programs put around them to keep a spreadsheet from rounding them.

    That is quotes, an equals sign before them, or the x of R's rtweet; or commas for people.
    """
    bare = texts.str.strip_chars(" \t\r\n\"'=").str.replace(r"^x(\d+)$", "$1")
    grouped = bare.str.contains(r"^\d{1,3}(?:,\d{3})+$").fill_null(False)
    return (
        bare.str.replace_all(",", "", literal=True).zip_with(grouped, bare)
        if grouped.any()
        else bare
    )


def id_numbers(texts: pl.Series, usual: pl.Series | None = None) -> pl.Series:
    """Return ids as Int64; null for what is no whole number of 64 bits.

    ``usual`` is what ``usual_number`` reads of them, where that is known.
    """
    numbers = _usual(texts, usual_number) if usual is None else usual
    if numbers.null_count() == texts.null_count():
        return numbers
    return ids(texts).str.to_integer(strict=False, dtype=pl.Int64)


def truths(texts: pl.Series, usual: pl.Series | None = None) -> pl.Series:
    """Return flags as booleans; null where there is none, and for other words.

    ``usual`` is what ``usual_truth`` reads of them, where that is known.
    """
    found = _usual(texts, usual_truth) if usual is None else usual
    if found.null_count() == texts.null_count():
        return found
    words = texts.str.strip_chars().str.to_lowercase()
    return words.replace_strict(_TRUTHS, default=None, return_dtype=pl.Boolean)

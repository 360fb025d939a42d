"""How the numbers of a file are written: texts enter, a form leaves that turns them into floats."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from tweetscore.errors import InputError

# Blanks and apostrophes of every kind that stand between thousands.
_BLANKS, _APOSTROPHES = "[ \u00a0\u2009\u202f]", "['\u2019]"
_GROUPS = {",": ",", ".": r"\.", " ": _BLANKS, "'": _APOSTROPHES}
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DIGIT = re.compile(r"\d", re.ASCII)
_SURE_NANOS = 10**8  # 0.1 in billionths; whole numbers below may be prices as they are


@dataclass(frozen=True, slots=True)
class NumberForm:
    """How numbers are written: the mark before the fraction, and the one between thousands."""

    decimal: str = "."
    thousands: str = ""  # none
    exponent: int = 0  # -9 where 470000000000 means 470

    def read(self, texts: pl.Series) -> pl.Series:
        """Return the floats of a column of strings; null where one is no finite number."""
        texts = texts.str.strip_chars()
        numbers = self._cast(texts) if self.decimal == "." else _nulls(texts)
        if numbers.null_count() > texts.null_count():
            numbers = numbers.fill_null(self._cast(self._marked(texts)))
        return numbers.set(~numbers.is_finite(), None)

    def counts(self) -> "NumberForm":
        """Return the form of volumes: no fraction is doubtful there, and no unit small."""
        return NumberForm(self.decimal, self.thousands or {".": ",", ",": "."}[self.decimal])

    def _cast(self, texts: pl.Series) -> pl.Series:
        if not self.exponent:
            return texts.cast(pl.Float64, strict=False)
        # Polars divides by multiplying with the reciprocal, which misses the nearest float.
        exact = (texts + f"e{self.exponent}").cast(pl.Float64, strict=False)
        return exact.fill_null(texts.cast(pl.Float64, strict=False) * 10.0**self.exponent)

    def _marked(self, texts: pl.Series) -> pl.Series:
        """Return numbers with other marks as plain ones; null where the marks stand wrongly."""
        fits = texts.str.contains(f"^(?:{_pattern(self).pattern})$")
        group = _GROUPS[self.thousands] if self.thousands else _other_marks(self.decimal)
        plain = texts.set(~fits, None).str.replace_all(group, "")
        return plain.str.replace(self.decimal, ".", literal=True)

    def __str__(self) -> str:
        """Show how a number looks."""
        whole = f"1{self.thousands}234" if self.thousands else "1234"
        scale = f", in units of 1e{self.exponent}" if self.exponent else ""
        return f"{whole}{self.decimal}5{scale}"


PLAIN = NumberForm()


def number_form(name: str, texts: Iterable[str | None]) -> NumberForm:
    """Find how the prices of a file are written.

    Args:
        name: the file's, for messages.
        texts: prices of its first rows.

    Raises:
        InputError: a mark may stand before a fraction or between thousands, and nothing tells.
    """
    written = [text.strip() for text in texts if text and _DIGIT.search(text)]
    odd = [text for text in written if not _PLAIN.fullmatch(text)]
    if not odd:
        return PLAIN
    (read, form), (also, other) = sorted(
        (_best(decimal, written) for decimal in (".", ",")), key=lambda found: -found[0]
    )
    if read <= len(written) - len(odd):  # what is odd is no number in any form
        return PLAIN
    series = pl.Series(written, dtype=pl.String)
    if read == also and not form.read(series).equals(other.read(series)):
        raise InputError(
            f"{name}: the comma of prices like {odd[0]!r} may separate thousands; "
            "write prices with a decimal point"
        )
    return form


def in_billionths(prices: Iterable[str | None]) -> bool:
    """Return whether all prices are whole numbers too large to be anything but billionths."""
    written = [text.strip() for text in prices if text and text.strip()]
    numbers = [float(text) for text in written if _PLAIN.fullmatch(text)]
    whole = all(number.is_integer() and abs(number) >= _SURE_NANOS for number in numbers)
    return bool(numbers) and len(numbers) == len(written) and whole


def _best(decimal: str, written: list[str]) -> tuple[int, NumberForm]:
    """Return the form with this mark before the fraction that reads most numbers, and how many.

    A mark of thousands is one only where some number has it.
    """
    forms = [NumberForm(decimal, mark) for mark in ("", *_GROUPS) if mark != decimal]
    read = [
        (sum(map(bool, map(_pattern(each).fullmatch, written))), _grouped(each, written))
        for each in forms
    ]
    most = max(read)
    return most[0], forms[read.index(most)]


def _grouped(form: NumberForm, written: list[str]) -> bool:
    return bool(form.thousands) and any(
        re.search(rf"[0-9]{_GROUPS[form.thousands]}[0-9]{{3}}", text)
        and _pattern(form).fullmatch(text)
        for text in written
    )


@lru_cache
def _pattern(form: NumberForm) -> re.Pattern[str]:
    mark = re.escape(form.decimal)
    plain = rf"[+-]?[0-9]+(?:{mark}[0-9]*)?(?:[eE][+-]?[0-9]+)?|[+-]?{mark}[0-9]+"
    if form.thousands:
        group, fraction = _GROUPS[form.thousands], f"(?:{mark}[0-9]+)?"
    else:  # where no number of the sample shows thousands, only both marks leave no doubt
        group, fraction = _other_marks(form.decimal), f"{mark}[0-9]+"
    return re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+{fraction}|{plain}")


def _other_marks(decimal: str) -> str:
    return f"(?:{'|'.join(each for mark, each in _GROUPS.items() if mark != decimal)})"


def _nulls(texts: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=pl.Float64).new_from_index(0, len(texts))

"""Recognise the columns of bars by what is in them, where no header names them.

A sample of string columns enters; the column of each meaning leaves, as far as it is certain.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.bars.numbers import PLAIN, number_form
from tweetscore.bars.symbols import looks_like_symbols
from tweetscore.errors import InputError
from tweetscore.io.times import time_form

_DAY = r"^(?:(?:19|20)\d{6}|\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./]\d{4})$"
_CLOCK_TIME = r"^(?:\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp][Mm])?|\d{1,6})$"
_ALL = 0.95  # the share of rows that must agree
_WIDEST = 3.0  # high over low: more within a minute are other things than prices
_USUAL = (1, 2)  # the places of high and low
_SWAPPED = 0.5  # how much better the other order of open and close must fit to be the right one
_FEW = 5  # rows that tell nothing of that order
Floats = npt.NDArray[np.float64]


def recognise(frame: pl.DataFrame) -> dict[str, str]:
    """Return our name to the column, for what is certain: times, prices, volume and symbol.

    Args:
        frame: the first rows, as strings; places and names of columns mean nothing here.
    """
    columns = {name: _filled(frame[name]) for name in frame.columns}
    times = _times(columns)
    if not times:
        return {}
    numbers = {
        name: values
        for name in frame.columns
        if name not in times.values() and (values := _numbers(frame[name])) is not None
    }
    prices = _prices(frame.columns, numbers, _forward(columns, times))
    found = {**times, **prices}
    if prices and (volume := _volume(frame.columns, numbers, prices)):
        found["volume"] = volume
    words = [name for name in frame.columns if name not in numbers and name not in found.values()]
    if symbol := next((name for name in words if looks_like_symbols(columns[name])), None):
        found["symbol"] = symbol
    return found


def kinds(frame: pl.DataFrame) -> dict[str, str]:
    """Say in words what each column seems to hold."""
    columns = {name: _filled(frame[name]) for name in frame.columns}
    times = {theirs: ours for ours, theirs in _times(columns).items()}
    return {
        name: times.get(name)
        or ("nothing" if not len(columns[name]) else "")
        or ("numbers" if _numbers(frame[name]) is not None else "text")
        for name in frame.columns
    }


def _filled(texts: pl.Series) -> pl.Series:
    texts = texts.str.strip_chars().drop_nulls()
    return texts.filter(texts != "")


def _times(columns: Mapping[str, pl.Series]) -> dict[str, str]:
    """Find the first column of whole times, or one of days and one of times of day beside it."""
    names = list(columns)
    for at, name in enumerate(names):
        if _are_times(columns[name]):
            return {"time": name}
        if _share(columns[name], _DAY):
            beside = (names[place] for place in (at + 1, at - 1) if 0 <= place < len(names))
            for other in beside:
                if _share(columns[other], _CLOCK_TIME):
                    return {"date": name, "time": other}
    return {}


def _are_times(texts: pl.Series) -> bool:
    if not len(texts):
        return False
    try:
        form = time_form("", [texts], dense=True)
    except InputError:  # day or month first: times they are
        return True
    return form is not None and form.read(texts).drop_nulls().len() >= _ALL * len(texts)


def _share(texts: pl.Series, pattern: str) -> bool:
    return bool(len(texts)) and int(texts.str.contains(pattern).sum()) >= _ALL * len(texts)


def _numbers(texts: pl.Series) -> Floats | None:
    """Return the numbers of a column; None where it holds other things."""
    filled = _filled(texts)
    try:
        form = number_form("", filled)
    except InputError:
        form = PLAIN
    numbers = form.read(texts)
    right = len(numbers) - numbers.null_count()
    return numbers.to_numpy() if right and right >= _ALL * len(filled) else None


def _prices(
    names: Sequence[str], numbers: Mapping[str, Floats], forward: bool | None
) -> dict[str, str]:
    """Find four columns in a row of which one is never below, and one never above the others.

    Four in the usual order go before others: a column beside them may look like a price, too.
    """
    readings: list[tuple[Sequence[str], Floats, tuple[int, int]]] = []
    for four in _in_a_row(names, numbers):
        values = np.column_stack([numbers[name] for name in four])
        values = values[np.isfinite(values).all(axis=1)]
        values = values[(values > 0).all(axis=1)]
        if len(values) and (places := _high_and_low(values)):
            readings.append((four, values, places))
    if not readings:
        return {}
    four, values, (high, low) = min(readings, key=lambda reading: reading[2] != _USUAL)
    first, second = (place for place in range(4) if place not in (high, low))
    if forward is not None and _is_swapped(values[:, first], values[:, second], forward):
        first, second = second, first
    return {"open": four[first], "high": four[high], "low": four[low], "close": four[second]}


def _in_a_row(names: Sequence[str], numbers: Mapping[str, Floats]) -> Iterable[Sequence[str]]:
    for start in range(len(names) - 3):
        four = names[start : start + 4]
        if all(name in numbers for name in four):
            yield four


def _high_and_low(values: Floats) -> tuple[int, int] | None:
    """Return the places of the highest and lowest price; None where these are no prices.

    Where flat minutes leave it open, the usual order counts: open, high, low, close.
    """
    top, bottom = values.max(axis=1), values.min(axis=1)
    if np.mean(top <= _WIDEST * bottom) < _ALL:
        return None
    rows = len(values)
    highs = [place for place in range(4) if (values[:, place] == top).sum() >= _ALL * rows]
    lows = [place for place in range(4) if (values[:, place] == bottom).sum() >= _ALL * rows]
    if _USUAL[0] in highs and _USUAL[1] in lows:
        return _USUAL
    if len(highs) == len(lows) == 1 and highs != lows:
        return highs[0], lows[0]
    return None


def _is_swapped(opens: Floats, closes: Floats, forward: bool) -> bool:
    """Return whether a minute begins where the last one ended only if open and close change."""
    if len(opens) < _FEW:
        return False
    if not forward:
        opens, closes = opens[::-1], closes[::-1]
    usual = np.abs(opens[1:] - closes[:-1]).mean()
    other = np.abs(closes[1:] - opens[:-1]).mean()
    return bool(other < _SWAPPED * usual)


def _forward(columns: Mapping[str, pl.Series], times: Mapping[str, str]) -> bool | None:
    """Return whether time goes on from row to row, or back; None where it is not clear."""
    if "date" in times or "time" not in times:
        return None
    texts = columns[times["time"]]
    try:
        form = time_form("", [texts], dense=True)
    except InputError:
        return None
    stamps = form.read(texts).drop_nulls().to_list() if form else []
    steps = [later > earlier for earlier, later in pairwise(stamps) if later != earlier]
    return steps[0] if steps and len(set(steps)) == 1 else None


def _volume(
    names: Sequence[str], numbers: Mapping[str, Floats], prices: Mapping[str, str]
) -> str | None:
    """Return the first column of numbers behind the prices that is no price, as an average is."""
    low, high = numbers[prices["low"]], numbers[prices["high"]]
    for name in names[max(map(names.index, prices.values())) + 1 :]:
        if name not in numbers or np.nanmin(numbers[name]) < 0:
            return None
        if np.mean((low <= numbers[name]) & (numbers[name] <= high)) < _ALL:
            return name
    return None

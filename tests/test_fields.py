"""Counts and flags are read however programs and people write them; what is none is unknown."""

import polars as pl
import pytest

from tweetscore.posts.fields import counts, is_value, truths


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("12", 12), (" 7 ", 7), ("+5", 5), ("12.0", 12), ("12.00", 12), ("12,0", 12), ("7,00", 7),
        (str(2**63 - 1), 2**63 - 1),
        ("1,041", 1_041), ("1.041", 1_041), ("1 041", 1_041), ("1'041", 1_041),
        ("1\u00a0041", 1_041), ("1,234,567", 1_234_567),
        ("1.2K", 1_200), ("1,2K", 1_200), ("3.4M", 3_400_000), ("2b", 2_000_000_000),
        ("7 k", 7_000), ("1e3", 1_000), ("1.2e+06", 1_200_000),
    ],
)  # fmt: skip
def test_a_count_is_read_however_it_is_written(written: str, count: int) -> None:
    assert counts(pl.Series([written, "1", None])).to_list() == [count, 1, None]


@pytest.mark.parametrize("written", ["-1", "2.5", "12,5", "many", "1,04", "1e-3", "K", str(2**63)])
def test_what_is_no_count_is_unknown_and_was_something(written: str) -> None:
    texts = pl.Series([written, "1"])
    assert counts(texts).to_list() == [None, 1]
    assert is_value(texts).to_list() == [True, True]


@pytest.mark.parametrize("written", ["", " ", "NA", "NaN", "None", "null", "{}", "[]", "-", None])
def test_no_value_is_no_fault(written: str | None) -> None:
    texts = pl.Series([written, "1"])
    assert counts(texts).to_list() == [None, 1]
    assert is_value(texts).to_list() == [False, True]


def test_flags_are_truths_words_and_floats() -> None:
    texts = pl.Series(["True", "f", "1.0", "0", "Yes", " no ", "maybe", "", None])
    assert truths(texts).to_list() == [True, False, True, False, True, False, None, None, None]

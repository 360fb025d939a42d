"""Exports with the day first and others with the month first in one file, where no day shows it."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.source import sniff
from tweetscore.posts.canonical import OrderChangesError
from tweetscore.posts.date_order import OrderWatch
from tweetscore.posts.formats import open_tweets

DAY, MONTH = "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"
FIRST = datetime(2019, 1, 1, 0, 0, 5)


def refused(times: list[datetime], block: int = 10_000) -> bool:
    posts = pl.DataFrame({"posted": times}).with_row_index("line").cast({"line": pl.Int64})
    watch = OrderWatch("day")
    for start in range(0, len(times), block):
        watch.add(posts[start : start + block])
    try:
        watch.check()
    except OrderChangesError:
        return True
    return False


def swapped(time: datetime) -> datetime:
    return time.replace(month=time.day, day=time.month)


def hours_apart(gaps: list[int]) -> list[datetime]:
    times = [FIRST]
    for gap in gaps:
        times.append(times[-1] + timedelta(hours=gap))
    return times


@pytest.mark.slow
@examples(100)
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=300), st.booleans(), st.integers(0, 2**32)
)
def test_a_file_in_one_order_is_never_refused(gaps: list[int], back: bool, seed: int) -> None:
    times = hours_apart(gaps)
    assert not refused(times[::-1] if back else times)
    random.Random(seed).shuffle(times)
    assert not refused(times)


def test_posts_of_one_day_in_each_month_are_not_refused() -> None:
    monthly = [datetime(2018 + month // 12, month % 12 + 1, 6) for month in range(40)]
    assert not refused(monthly)


@pytest.mark.slow
@examples(100)
@given(
    before=st.lists(st.integers(12, 40), min_size=50, max_size=90),
    month=st.integers(1, 12),
    days=st.integers(4, 12),
    back=st.booleans(),
    block=st.integers(1, 60),
)
def test_a_part_in_the_other_order_is_found(
    before: list[int], month: int, days: int, back: bool, block: int
) -> None:
    part = [datetime(2023, month, day, 12) for day in range(1, days + 1)]
    times = hours_apart(before) + [swapped(time) for time in part for _ in range(3)]
    assert refused(times[::-1] if back else times, block)


@pytest.mark.parametrize("parts", [(DAY, MONTH), (MONTH, DAY)])
@pytest.mark.parametrize("between", ["", "created_at,text\n"])
def test_such_a_file_is_refused(tmp_path: Path, parts: tuple[str, str], between: str) -> None:
    sizes = {parts[0]: (datetime(2021, 5, 10, 8, 0, 5), 60), parts[1]: (FIRST, 20)}
    written = [
        "".join(f"{first + timedelta(hours=7 * row):{form}},rain\n" for row in range(rows))
        for form, (first, rows) in sizes.items()
    ]
    path = tmp_path / "posts.csv"
    path.write_text("created_at,text\n" + between.join(written))
    tweets = open_tweets(sniff(DataFile(path)))
    assert tweets
    with pytest.raises(InputError, match=r"from line 6\d on 6 days in a row follow each other"):
        list(tweets.read())

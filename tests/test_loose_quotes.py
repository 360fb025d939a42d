"""Quotes within quoted fields that nobody doubled cost no row, wherever they stand."""

import csv
import io
import itertools
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from tweetscore.io.data_file import HEAD_BYTES, DataFile
from tweetscore.io.loose_quotes import loose_rows, mended
from tweetscore.io.records import line_records
from tweetscore.io.source import sniff
from tweetscore.posts.formats import open_tweets

FIRST = datetime(2021, 5, 10, 14, 30, 5)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('a;"he said "buy" loudly";c\n', ["a", 'he said "buy" loudly', "c"]),
        ('a;"5" of snow";c\r\n', ["a", '5" of snow', "c"]),
        ('a;"he is 5"";c', ["a", 'he is 5"', "c"]),
        ('"a";"say ""no"" now";""\n', ["a", 'say "no" now', ""]),
        ('a;"one\ntwo "x" y\nthree";c\n', ["a", 'one\ntwo "x" y\nthree', "c"]),
        ('a;b "c" d;e;\n', ["a", 'b "c" d', "e", ""]),
        ('a;b 5" c\n', ["a", 'b 5" c']),
    ],
)
def test_a_quote_ends_a_field_before_a_separator_or_a_line_break_only(
    line: str, fields: list[str]
) -> None:
    (row,) = loose_rows(line.encode(), ";")
    read = list(csv.reader(io.StringIO(row.data.decode(), newline=""), delimiter=";"))
    assert (read, row.start, row.width) == ([fields], 0, len(fields))


@examples(200)
@given(
    st.lists(
        st.lists(st.text('a"\n;, 5', max_size=9), min_size=2, max_size=2), min_size=1, max_size=6
    )
)
def test_what_is_written_well_stays_as_it_is(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter="|", lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    content = out.getvalue().encode()
    for records in line_records(io.BytesIO(content), quote=True):
        assert mended(records, "|", 2).data == records.data


def archive(texts: list[str]) -> bytes:
    lines = [
        f'someone;{FIRST + timedelta(seconds=67 * place)};2;"{text}";;"{place + 1_000}"\n'
        for place, text in enumerate(texts)
    ]
    return ("username;date;likes;text;geo;id\n" + "".join(lines)).encode()


@pytest.mark.parametrize("block_bytes", [pytest.param(4 << 20, marks=pytest.mark.slow), 20_000])
@pytest.mark.parametrize(
    ("first", "every"),
    [  # from which post on, and how often
        (2, 5),
        (2_999, 1),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in ((2, 4), (0, 1), (1_500, 7))),
    ],
)
def test_no_post_is_swallowed_by_a_quote(
    tmp_path: Path, first: int, every: int, block_bytes: int
) -> None:
    odd = ('it is 5" long', 'he said "buy; sell" loudly', 'the 5"')
    texts = [f"rain; sun {place}" if place % 3 else f"rain {place}" for place in range(3_000)]
    for place in range(first, len(texts), every):
        texts[place] = f"{odd[place % 3]} {place}"[: -len(str(place)) - 1]
    content = archive(texts)
    assert len(content) > 2 * HEAD_BYTES
    path = tmp_path / "posts.csv"
    path.write_bytes(content)
    tweets = open_tweets(sniff(DataFile(path), block_bytes))
    assert tweets
    batches = list(tweets.read())
    found = pl.concat([batch.tweets for batch in batches])
    assert sum(batch.rows_read for batch in batches) == 3_000
    assert found["text"].to_list() == texts
    assert found["line"].to_list() == [*range(2, 3_002)]
    starts = [0, *(place + 1 for place, byte in enumerate(content[:-1]) if byte == 10)]
    assert found["byte_offset"].to_list() == starts[1:]


def test_a_row_that_is_not_whole_in_any_reading_costs_itself_only(tmp_path: Path) -> None:
    texts = [f"rain; sun {place}" for place in range(200)]
    texts[40] = 'so";"much'
    texts[80] = 'a "word"; and more'
    path = tmp_path / "posts.csv"
    path.write_bytes(archive(texts))
    tweets = open_tweets(sniff(DataFile(path)))
    assert tweets
    (batch,) = tweets.read()
    lost = set(range(200)) - {number - 1_000 for number in batch.tweets["tweet_id"]}
    assert lost <= {40, 80}
    assert (batch.rows_read, batch.rejects.height) == (200, len(lost))


# Texts as written where a program puts backslashes before quotes, and some have odd ones; and read.
ESCAPED = [
    ('he said \\"no\\"', 'he said "no"'),
    ('it is 5" long', 'it is 5" long'),
    ('\\"x\\"; and \\"y\\"', '"x"; and "y"'),
    ('one\ntwo \\"5\\" of\nsnow', 'one\ntwo "5" of\nsnow'),
]


@pytest.mark.slow  # of thousands of posts each
@pytest.mark.parametrize("every", [1, 5, 50])
@pytest.mark.parametrize("first", [0, 2_400])  # from which post on
def test_quotes_with_backslashes_cost_no_post_beside_odd_ones(
    tmp_path: Path, first: int, every: int
) -> None:
    texts = [f"rain; sun {place}" for place in range(3_000)]
    written = list(texts)
    assert len(archive(texts[:2_400])) > HEAD_BYTES
    for place in range(first, len(texts), every):
        write, read = ESCAPED[place // every % len(ESCAPED)]
        written[place], texts[place] = f"{write} {place}", f"{read} {place}"
    content = archive(written)
    path = tmp_path / "posts.csv"
    path.write_bytes(content)
    tweets = open_tweets(sniff(DataFile(path)))
    assert tweets
    (batch,) = tweets.read()
    assert batch.tweets["text"].to_list() == texts
    breaks = [0, *(text.count("\n") + 1 for text in written)]
    assert batch.tweets["line"].to_list() == [2 + n for n in itertools.accumulate(breaks[:-1])]
    assert batch.rejects.is_empty()

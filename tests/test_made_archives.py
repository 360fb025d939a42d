"""Every post of made-up archives is stored, or rejected by its line: held post by post."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import made_archives
import pytest
from made_archives import MAKERS, Made, Post

import tweetscore
from tweetscore.io.records import BLOCK_BYTES

STORED = """
    SELECT entry_minute(posted_utc), text, author, retweet_count, favorite_count FROM tweets
"""
IN_TWO_FILES = (made_archives.row_numbers_in_two_files, made_archives.exports_in_two_encodings)
REJECTED = "SELECT name, line FROM rejects JOIN sources USING (source_id)"


def _held(maker: Callable[[Path, int], Made], folder: Path, posts: int) -> None:
    (folder / "archive").mkdir()
    made = maker(folder / "archive", posts)
    with tweetscore.open(folder / "t.duckdb") as database:
        accounts = database.ingest(*made.files, **made.options)
        stored = Counter(Post(*row) for row in database.store.rows(STORED))
        rejected = [(Path(name).name, line) for name, line in database.store.rows(REJECTED)]
    assert [account.error for account in accounts] == [None] * len(made.files)
    if any(post.author is None for post in made.posts):
        stored = Counter(Post(post.enters, post.text) for post in stored.elements())
    wanted = Counter(made.posts)
    assert (stored - wanted, wanted - stored) == (Counter(), Counter())
    assert sorted(rejected) == sorted(made.rejected)
    assert sum(account.rows_read for account in accounts) == made.rows
    for each in accounts:
        parts = each.stored + each.updated + each.duplicates + each.rejected
        assert parts == each.rows_read


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.slow
def test_every_row_of_a_small_archive(maker: Callable[[Path, int], Made], tmp_path: Path) -> None:
    _held(maker, tmp_path, 400)


@pytest.mark.slow
@pytest.mark.parametrize("maker", MAKERS)
def test_every_row_of_a_large_archive(maker: Callable[[Path, int], Made], tmp_path: Path) -> None:
    _held(maker, tmp_path, 100_000 if maker in IN_TWO_FILES else 50_000)
    largest = max(path.stat().st_size for path in (tmp_path / "archive").rglob("*"))
    assert largest > BLOCK_BYTES  # it is read in several blocks

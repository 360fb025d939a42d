"""Files enter a fresh database: what it then holds is compared whole, every row accounted for."""

import csv
import gzip
import io
import itertools
import json
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import pytest
import zstandard
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from tweetscore.bars.reader import open_bars
from tweetscore.ingest.account import IGNORED, Account, IngestOptions
from tweetscore.ingest.bars import ingest_bars
from tweetscore.ingest.posts import ingest_posts
from tweetscore.ingest.run import ingest
from tweetscore.ingest.sources import StoredAlreadyError
from tweetscore.io.data_file import HEAD_BYTES, DataFile
from tweetscore.io.open import data_files
from tweetscore.io.records import BLOCK_BYTES
from tweetscore.io.source import sniff
from tweetscore.posts.formats import open_tweets
from tweetscore.store.database import Store, open_store

SEED = datetime(2018, 12, 2, 21, 40, 51)
API_TIME = "%a %b %d %H:%M:%S +0000 %Y"


def run(
    store: Store, *paths: Path, block_bytes: int = BLOCK_BYTES, **options: Any
) -> list[Account]:
    """Ingest, and check in every account that no row is lost."""
    chosen = IngestOptions(**options)
    accounts = ingest(store, paths, chosen, lambda *_: None, block_bytes=block_bytes)
    for account in accounts:
        parts = account.stored + account.updated + account.duplicates + account.rejected
        assert account.rows_read == (0 if account.error or account.unchanged else parts)
    return accounts


def counts(account: Account) -> tuple[int, int, int, int, int]:
    assert not account.error
    read, rejected = account.rows_read, account.rejected
    return read, account.stored, account.updated, account.duplicates, rejected


def id_of(posted: datetime, serial: int = 0) -> int:
    """Return a Twitter id that carries the time."""
    milliseconds = round(posted.replace(tzinfo=UTC).timestamp() * 1000)
    return (milliseconds - 1_288_834_974_657) << 22 | serial


def tweet(tweet_id: int, text: str = "hi", posted: datetime = SEED, **other: Any) -> dict[str, Any]:
    known = {"id_str": str(tweet_id), "text": text, "created_at": posted.strftime(API_TIME)}
    return {**known, "retweet_count": 1, "favorite_count": 2, "is_retweet": False, **other}


def archive(path: Path, *objects: dict[str, Any] | str) -> Path:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in objects]
    path.write_text("".join(line + "\n" for line in lines))
    return path


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return path


def bars_csv(path: Path, *bars: tuple[Any, ...], header: str = "time,open,high,low,close") -> Path:
    lines = [header, *(",".join("" if v is None else str(v) for v in bar) for bar in bars)]
    path.write_text("".join(line + "\n" for line in lines))
    return path


def texts(store: Store) -> list[tuple[int, str]]:
    return store.rows("SELECT tweet_id, text FROM tweets ORDER BY ALL")


def everything(store: Store) -> list[list[tuple[Any, ...]]]:
    tables = ("sources", "tweets", "rejects", "symbols", "bars", "sessions", "windows")
    return [store.rows(f"FROM {table} ORDER BY ALL") for table in tables]


NOTHING: list[list[tuple[Any, ...]]] = [[]] * 7


# --- accounts -------------------------------------------------------------------------------------


def test_every_record_of_a_file_is_stored_updated_a_duplicate_or_rejected(
    store: Store, tmp_path: Path
) -> None:
    one = archive(tmp_path / "1.jsonl", tweet(1, "old"), tweet(2, "kept, longer"), tweet(3))
    two = archive(
        tmp_path / "2.jsonl",
        tweet(4, "new"),
        tweet(4, "new, longer"),
        tweet(1, "longer"),
        tweet(1, "x"),
        tweet(2, "shorter"),
        "nonsense",
        tweet(3),
        tweet(5),
        tweet(6, created_at="never"),
    )
    first, second = run(store, one, two)
    assert (counts(first), counts(second)) == ((3, 3, 0, 0, 0), (9, 2, 1, 4, 2))
    assert texts(store) == [
        (1, "longer"),
        (2, "kept, longer"),
        (3, "hi"),
        (4, "new, longer"),
        (5, "hi"),
    ]
    assert store.rows("SELECT source_id, tweet_id FROM tweets ORDER BY ALL") == [
        (1, 2),
        (1, 3),
        (2, 1),
        (2, 4),
        (2, 5),
    ]
    offset = two.read_text().index("nonsense")
    assert store.rows("SELECT source_id, line, byte_offset, raw FROM rejects WHERE line = 6") == [
        (2, 6, offset, "nonsense")
    ]
    assert store.rows("SELECT line, reason FROM rejects ORDER BY line")[1] == (
        9,
        "\"posted\" is not a date: 'never'",
    )
    assert store.rows(
        "SELECT name, kind, format, rows_read, stored, updated, duplicates, rejected FROM sources "
        "ORDER BY source_id"
    ) == [
        (str(one), "tweets", "tweet-json", 3, 3, 0, 0, 0),
        (str(two), "tweets", "tweet-json", 9, 2, 1, 4, 2),
    ]


@pytest.mark.slow
def test_the_same_content_again_changes_nothing_under_any_name(
    store: Store, tmp_path: Path
) -> None:
    path = archive(tmp_path / "a.jsonl", tweet(1), tweet(2, "x"), "nonsense")
    packed = zipped(tmp_path / "b.zip", {"c.txt": path.read_bytes()})
    bars = bars_csv(tmp_path / "bars.csv", (1514903400, 1, 1, 1, 1))
    (first, of_bars) = run(store, path, bars, symbol="SPX")
    before = everything(store)
    again = run(store, path, packed, bars, symbol="SPX")
    assert everything(store) == before
    unchanged = replace(first, rows_read=0, stored=0, rejected=0, unchanged=True)
    assert again == [
        unchanged,
        replace(unchanged, name=str(packed)),
        replace(of_bars, rows_read=0, stored=0, unchanged=True, warnings=(), candidates=()),
    ]


class _Counting:
    """A stream that adds up the bytes that are read of it."""

    def __init__(self, stream: BinaryIO, sizes: list[int]) -> None:
        self._stream, self._sizes = stream, sizes

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._sizes.append(len(data))
        return data


def bytes_read(store: Store, file: DataFile) -> int:
    """Ingest a file that may be here already; return how many bytes of its content were read."""
    sizes = list[int]()

    class Counted(DataFile):
        @contextmanager
        def open(self) -> Iterator[BinaryIO]:
            with super().open() as stream:
                yield cast(BinaryIO, _Counting(stream, sizes))

    source = sniff(Counted(file.path, file.entry), 1 << 15)
    account, options = Account(file.name), IngestOptions()
    with suppress(StoredAlreadyError):
        if posts := open_tweets(source):
            ingest_posts(store, posts, account, options, lambda *_: None)
        elif bars := open_bars(source, "SPX"):
            ingest_bars(store, bars, account, options, lambda *_: None)
    return sum(sizes)


MANY_POSTS = [tweet(n, f"a longer text, number {n}") for n in range(1, 4_001)]
MANY_BARS = [(1514903400 + 60 * n, 1, 1, 1, 1) for n in range(30_000)]


@pytest.mark.parametrize("pack", ["not", "zip", "gzip", "zstd"])
@pytest.mark.parametrize("kind", ["tweets", "bars"])
@pytest.mark.slow
def test_a_new_file_is_read_once_and_a_known_one_for_its_digest_alone(
    store: Store, tmp_path: Path, kind: str, pack: str
) -> None:
    path = tmp_path / "plain"
    archive(path, *MANY_POSTS) if kind == "tweets" else bars_csv(path, *MANY_BARS)
    content = path.read_bytes()
    if pack == "zip":
        path = zipped(tmp_path / "packed", {"entry": content})
    elif pack != "not":
        path = tmp_path / "packed"
        packed = gzip.compress(content) if pack == "gzip" else zstandard.compress(content)
        path.write_bytes(packed)
    (file,) = data_files(path)
    a_glance = HEAD_BYTES + 3 * (1 << 15)  # the head, and a sample of the bars
    assert len(content) < bytes_read(store, file) < len(content) + a_glance
    assert store.row(f"SELECT count(*) FROM {kind}") == (4_000 if kind == "tweets" else 30_000,)
    before = everything(store)
    assert len(content) < bytes_read(store, file) < len(content) + a_glance
    assert everything(store) == before


def test_content_that_proves_to_be_known_when_it_has_been_read_leaves_nothing(
    store: Store, tmp_path: Path
) -> None:
    content = archive(tmp_path / "a.jsonl", tweet(1), tweet(2), "nonsense").read_bytes()
    packed = tmp_path / "a.jsonl.gz"
    # The size that gzip declares is that of the second part.
    packed.write_bytes(gzip.compress(content[:200]) + gzip.compress(content[200:]))
    bars = bars_csv(tmp_path / "bars.csv", (1514903400, 1, 1, 1, 1), (1514903460, 1, 1, 1, 1))
    packed_bars, halves = tmp_path / "bars.csv.gz", bars.read_bytes().split(b"\n", 1)
    packed_bars.write_bytes(gzip.compress(halves[0] + b"\n") + gzip.compress(halves[1]))
    first, of_bars = run(store, tmp_path / "a.jsonl", bars, symbol="SPX")
    before = everything(store)
    again = run(store, packed, packed_bars, symbol="SPX")
    assert everything(store) == before
    unchanged: dict[str, Any] = {"rows_read": 0, "stored": 0, "rejected": 0, "unchanged": True}
    assert again == [
        replace(first, name=str(packed), **unchanged),
        replace(of_bars, name=str(packed_bars), warnings=(), candidates=(), **unchanged),
    ]


@pytest.mark.slow
def test_bars_that_do_not_fit_into_memory_are_read_again(store: Store, tmp_path: Path) -> None:
    path = bars_csv(tmp_path / "bars.csv", *MANY_BARS)
    tables = []
    for most_kept_bytes in (64 << 20, 100_000, 0):
        bars = open_bars(sniff(DataFile(path), 1 << 15), "SPX")
        assert bars
        account = ingest_bars(
            store, bars, Account("bars"), IngestOptions(), lambda *_: None, most_kept_bytes
        )
        tables.append((replace(account, name=""), everything(store)[3:5]))
        for table in ("bars", "sources", "symbols"):
            store.con.execute(f"DELETE FROM {table}")
    assert tables[0][0].stored == len(MANY_BARS)
    assert tables[0] == tables[1] == tables[2]


def test_a_refused_file_stops_no_other(store: Store, tmp_path: Path) -> None:
    good, last = archive(tmp_path / "a.jsonl", tweet(1)), archive(tmp_path / "b.jsonl", tweet(2))
    missing, empty = tmp_path / "missing.json", tmp_path / "empty.json"
    empty.touch()
    accounts = run(store, good, missing, empty, last)
    assert [account.error for account in accounts] == [
        None,
        f"{missing}: no such file; check the path",
        f"{empty}: is empty (0 bytes); download the file again",
        None,
    ]
    assert texts(store) == [(1, "hi"), (2, "hi")]


@pytest.mark.slow
def test_a_mixed_folder_is_read_whole_and_other_files_are_reported_as_ignored(
    store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "all"
    (folder / "deep").mkdir(parents=True)
    archive(folder / "a.jsonl", tweet(1))
    (folder / "b.txt").write_text("prose, with commas\nand lines\n")
    bars_csv(folder / "deep" / "c.csv", (1514903400, 1, 1, 1, 1))
    zipped(folder / "deep" / "d.zip", {"e.jsonl": archive(tmp_path / "e", tweet(2)).read_bytes()})
    accounts = run(store, folder, symbol="SPX")
    assert [(Path(each.name).name, each.kind, counts(each)) for each in accounts] == [
        ("a.jsonl", "tweets", (1, 1, 0, 0, 0)),
        ("b.txt", "ignored", (0, 0, 0, 0, 0)),
        ("c.csv", "bars", (1, 1, 0, 0, 0)),
        ("d.zip", "tweets", (1, 1, 0, 0, 0)),
    ]
    assert [each.error for each in accounts] == [None] * 4


def test_naive_times_without_ids_that_tell_the_time_need_a_clock(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "posts.csv"
    path.write_text("when,body\n2018-07-02 10:00:00,hi\n")
    columns = {"posted": "when", "text": "body"}
    (refused,) = run(store, path, columns=columns)
    assert refused.error == (
        f"{path}: its times have no time zone, and its ids carry no time; "
        "name the zone, as in --clock UTC or --clock America/New_York"
    )
    (account,) = run(store, path, columns=columns, clock="America/New_York")
    assert counts(account) == (1, 1, 0, 0, 0)
    assert store.row("SELECT platform, posted_utc, text FROM tweets") == (
        "other",
        datetime(2018, 7, 2, 14),
        "hi",
    )


@pytest.mark.slow
def test_a_run_that_is_interrupted_in_a_file_leaves_nothing_of_it(
    store: Store, tmp_path: Path
) -> None:
    path = archive(tmp_path / "a.jsonl", *(tweet(n) for n in range(1, 9)), "nonsense")

    def interrupt(_: str, rows: int, __: tuple[int, int | None]) -> None:
        if rows >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(store, [path], IngestOptions(), interrupt, block_bytes=200)
    assert everything(store) == NOTHING
    assert counts(run(store, path)[0]) == (9, 8, 0, 0, 1)


# --- the same tweet from several files ------------------------------------------------------------

# Few values, so that many observations of a tweet differ in one field only.
OBSERVATIONS = st.builds(
    tweet,
    st.integers(1, 3),
    st.sampled_from(["a", "é", "bb"]),
    st.sampled_from([SEED, SEED + timedelta(seconds=1)]),
    retweet_count=st.sampled_from([None, 0]),
    favorite_count=st.sampled_from([None, 0]),
    is_retweet=st.sampled_from([False, True]),
    user=st.sampled_from([None, {"screen_name": "a"}, {"screen_name": "b"}]),
)


def best(observations: list[dict[str, Any]]) -> dict[int, tuple[Any, ...]]:
    """Choose as documented: longer text, more retweets, more favourites, greater text."""

    def rank(seen: dict[str, Any]) -> tuple[Any, ...]:
        def least_is_null(number: int | None) -> int:
            return -1 if number is None else number

        return (
            len(seen["text"]),
            least_is_null(seen["retweet_count"]),
            least_is_null(seen["favorite_count"]),
            seen["text"].encode(),
        )

    kept: dict[int, dict[str, Any]] = {}
    for seen in observations:
        number = int(seen["id_str"])
        if number not in kept or rank(seen) > rank(kept[number]):
            kept[number] = seen
    return {n: (k["text"], k["retweet_count"], k["favorite_count"]) for n, k in kept.items()}


@examples(6)
@given(st.lists(st.lists(OBSERVATIONS, min_size=5, max_size=20), min_size=2, max_size=3))
@pytest.mark.slow
def test_the_order_of_files_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[dict[str, Any]]]
) -> None:
    folder = tmp_path_factory.mktemp("order")
    paths = [archive(folder / str(n), *part) for n, part in enumerate(parts)]
    tables = []
    for order in (paths, paths[::-1]):
        with open_store(Path(":memory:")) as store:
            accounts = run(store, *order)
            rows = store.rows("SELECT * EXCLUDE (source_id) FROM tweets ORDER BY tweet_id")
        assert sum(account.stored for account in accounts) == len(rows)
        tables.append(rows)
    assert tables[0] == tables[1]
    found = {row[1]: (row[4], row[5], row[6]) for row in tables[0]}
    assert found == best([seen for part in parts for seen in part])


BAR = st.tuples(
    st.sampled_from([1514903400, 1514903460]),
    st.sampled_from([2.0, 2.5]),
    st.sampled_from([3.0, 3.5]),
    st.sampled_from([1.0, 1.5]),
    st.sampled_from([2.0, 2.5]),
    st.sampled_from([None, 0, 7]),
)


@examples(6)
@given(st.lists(st.lists(BAR, min_size=5, max_size=15), min_size=2, max_size=3))
@pytest.mark.slow
def test_the_order_of_files_of_bars_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[tuple[Any, ...]]]
) -> None:
    folder = tmp_path_factory.mktemp("order")
    header = "time,open,high,low,close,volume"
    paths = [bars_csv(folder / str(n), *part, header=header) for n, part in enumerate(parts)]
    tables = []
    for order in (paths, paths[::-1]):
        with open_store(Path(":memory:")) as store:
            accounts = run(store, *order, symbol="SPX")
            rows = store.rows("SELECT * EXCLUDE (source_id) FROM bars ORDER BY minute_utc")
        assert sum(account.stored for account in accounts) == len(rows)
        tables.append(rows)
    assert tables[0] == tables[1]
    assert len(tables[0]) == len({bar[0] for part in parts for bar in part})


class Record(NamedTuple):
    """One observation of a post; a second that is None is no date."""

    serial: int
    second: int | None
    text: str
    retweets: int | None
    favorites: int | None

    def written(self, time: str) -> dict[str, Any]:
        posted = SEED + timedelta(hours=self.serial, seconds=self.second or 0)
        return tweet(
            id_of(SEED + timedelta(hours=self.serial)),
            self.text,
            created_at="never" if self.second is None else posted.strftime(time),
            retweet_count=self.retweets,
            favorite_count=self.favorites,
        )


RECORDS = st.builds(
    Record,
    st.integers(1, 5),
    st.sampled_from([0, 1, None]),
    st.text("ab ,;\"'\n\r[]{}\\é😀", max_size=8),
    st.sampled_from([None, 0, 7]),
    st.sampled_from([None, 0]),
)


def json_lines(records: Sequence[Record]) -> str:
    return "".join(json.dumps(each.written(API_TIME)) + "\n" for each in records)


def json_array(records: Sequence[Record]) -> str:
    return json.dumps([each.written(API_TIME) for each in records], indent=1)


def tta_csv(records: Sequence[Record]) -> str:
    out = io.StringIO(newline="")
    rows = csv.DictWriter(out, TTA_HEADER.decode().strip().split(","), lineterminator="\n")
    rows.writeheader()
    rows.writerows(each.written("%m-%d-%Y %H:%M:%S") for each in records)
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("form", [json_lines, json_array, tta_csv])
def test_a_file_and_its_parts_give_the_same_tweets_wherever_it_is_cut(
    tmp_path: Path, store: Store, form: Callable[[Sequence[Record]], str]
) -> None:
    @examples(6)
    @given(
        st.lists(RECORDS, min_size=6, max_size=12),
        st.lists(st.integers(1, 11), min_size=1, max_size=2, unique=True),
        st.sampled_from([4 << 20, 100]),
    )
    def holds(records: list[Record], cuts: list[int], block_bytes: int) -> None:
        borders = [0, *sorted(cut for cut in cuts if cut < len(records)), len(records)]
        parts = [records[start:stop] for start, stop in itertools.pairwise(borders)]
        tables = []
        for content in ([records], parts):
            paths = [tmp_path / str(place) for place in range(len(content))]
            for path, part in zip(paths, content, strict=True):
                path.write_text(form(part), "utf-8", newline="")
            run(store, *paths, block_bytes=block_bytes)
            tables.append(store.rows("SELECT * EXCLUDE source_id FROM tweets ORDER BY ALL"))
            for table in ("tweets", "rejects", "sources"):
                store.con.execute(f"DELETE FROM {table}")
        assert tables[0] == tables[1]
        assert len(tables[0]) == len({each.serial for each in records if each.second is not None})

    holds()


@pytest.mark.slow
def test_predictions_go_with_the_input_they_were_made_from_and_stay_otherwise(
    store: Store, tmp_path: Path
) -> None:
    run(store, archive(tmp_path / "1", *(tweet(n, "text") for n in (1, 2, 3, 4))))
    for model, uses_counts in (("words", False), ("counts", True)):
        store.con.execute(
            "INSERT INTO models (model_id, name, target, classes, uses_counts, card) "
            "VALUES ($m, $m, 'direction', ['down', 'up'], $c, '{}')",
            {"m": model, "c": uses_counts},
        )
        store.con.execute(
            "INSERT INTO predictions SELECT $m, platform, tweet_id, 30, 2, 0.5 FROM tweets",
            {"m": model},
        )
    changed = [
        tweet(1, "longer text"),
        tweet(2, "text", retweet_count=9),
        tweet(3, "text"),
        tweet(4, "t", retweet_count=9),
    ]
    (account,) = run(store, archive(tmp_path / "2", *changed))
    assert counts(account) == (4, 0, 2, 2, 0)
    assert store.rows("SELECT model_id, tweet_id FROM predictions ORDER BY ALL") == [
        ("counts", 3),
        ("counts", 4),
        ("words", 2),
        ("words", 3),
        ("words", 4),
    ]


# --- zips -----------------------------------------------------------------------------------------


def test_a_zip_with_data_and_a_readme_gives_the_data_without_complaint(
    store: Store, tmp_path: Path
) -> None:
    entries = {
        "readme.txt": b"Thank you for downloading\n",
        "a.jsonl": archive(tmp_path / "a", tweet(1)).read_bytes(),
        "b.csv": bars_csv(tmp_path / "b", (1514903400, 1, 1, 1, 1)).read_bytes(),
    }
    path = zipped(tmp_path / "all.zip", entries)
    accounts = run(store, path, symbol="SPX")
    assert [(account.name, counts(account)) for account in accounts] == [
        (f"{path}!readme.txt", (0, 0, 0, 0, 0)),
        (f"{path}!a.jsonl", (1, 1, 0, 0, 0)),
        (f"{path}!b.csv", (1, 1, 0, 0, 0)),
    ]


def test_a_damaged_entry_beside_good_data_is_reported(store: Store, tmp_path: Path) -> None:
    good = archive(tmp_path / "a", tweet(1)).read_bytes()
    path = zipped(tmp_path / "all.zip", {"a.jsonl": good, "b.jsonl": good.replace(b"1", b"2")})
    content = bytearray(path.read_bytes())
    at = content.index(b"b.jsonl") + len(b"b.jsonl")
    content[at : at + 9] = bytes(9)
    path.write_bytes(content)
    stored, refused = run(store, path)
    assert counts(stored) == (1, 1, 0, 0, 0)
    assert refused.error
    assert refused.error.startswith(f"{path}!b.jsonl: cannot be read (")


def test_small_files_with_a_header_of_posts_and_other_rows_are_ignored(
    store: Store, tmp_path: Path
) -> None:
    header = "id,posted_at,text\n"
    (tmp_path / "a.csv").write_text(f"{header}1")
    (tmp_path / "b.csv").write_text(f"{header}5,2021-05-10T14:30:05Z,rain\n")
    (tmp_path / "c.csv").write_text(f"{header}2")
    accounts = run(store, tmp_path)
    assert [each.kind for each in accounts] == [IGNORED, "tweets", IGNORED]
    assert [each.stored for each in accounts] == [0, 1, 0]
    (alone,) = run(store, tmp_path / "a.csv")
    assert alone.error
    assert "neither a tweet archive nor minute bars" in alone.error
    assert store.row("SELECT count(*) FROM sources") == (1,)


# --- refusals -------------------------------------------------------------------------------------

TTA_HEADER = b"source,text,created_at,retweet_count,favorite_count,is_retweet,id_str\n"
V2_HEADER = b"id,text,isRetweet,isDeleted,device,favorites,retweets,date,isFlagged\n"
UNKNOWN = (
    "neither a tweet archive nor minute bars in a known format (it {}); "
    "the README lists the formats"
)
SECONDS = "".join(f"{second},1,1,1,1\n" for second in range(1514903400, 1514903599))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty (0 bytes); download the file again"),
        (b"<!DOCTYPE html>\n<html>", UNKNOWN.format("begins with b'<!DOCTYPE html>\\n<html>'")),
        (b"\n\n", UNKNOWN.format("begins with b'\\n\\n'")),
        (b"[]", UNKNOWN.format("begins with b'[]'")),
        (
            {"photo.jpg": b"\xff\xd8\xff", "notes.txt": b"hello", "more.txt": b"there"},
            UNKNOWN.format("holds notes.txt, more.txt"),
        ),
        (
            {"photo.jpg": b"\xff\xd8\xff"},
            "the zip holds no file; name one with an archive or bars in it",
        ),
        ({}, "the zip holds no file; name one with an archive or bars in it"),
        (TTA_HEADER, "none of its 0 records can be used (line 1: no record); check its format"),
        (V2_HEADER, "none of its 0 records can be used (line 1: no record); check its format"),
        (
            TTA_HEADER + b"x,hi,,,,,\nx,hi\n",
            "none of its 2 records can be used (line 2: has no id); check its format",
        ),
        (b"time,open,high,low,close\n", "holds a header but no bars; export it again"),
        (
            b"time,open,high,low,close\n2018-01-02 09:30,1,2,3,4\n",
            "holds no readable bar (high and low contradict open and close); check its columns",
        ),
        (
            b"time,open,high,low\n2018-01-02 09:30,1,2,3\n",
            "looks like bars, but no column is known for close (columns: 'time' is time, "
            "'open' is open, 'high' is high, 'low' is low); name it with --column close=NAME",
        ),
        (
            b"time,open,high,low,close\n1514903400,1,1,1,1\n1514903520,1,1,1,1\n1514903640,1,1,1,1\n",
            "its bars are 2 minutes apart; bars of 1, 5, 15, 30 or 60 minutes or of a day make "
            "windows, so export it again with one of these",
        ),
        (
            b"time,open,high,low,close\n" + SECONDS.encode(),
            "its bars are mostly stamped between minutes; export it again with bars of one minute "
            "or more",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_and_leaves_nothing(
    store: Store, tmp_path: Path, content: bytes | dict[str, bytes], message: str
) -> None:
    path = tmp_path / "file"
    if isinstance(content, dict):
        zipped(path, content)
    else:
        path.write_bytes(content)
    (account,) = run(store, path, symbol="SPX")
    assert account.error == f"{path}: {message}"
    assert everything(store) == NOTHING


def damaged_zips(whole: bytes) -> Iterator[tuple[str, bytes]]:
    yield "cut off", whole[: len(whole) // 2]
    yield "cut off in the directory", whole[:-10]
    wrong_sum = bytearray(whole)
    for signature, at in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        wrong_sum[whole.index(signature) + at] ^= 1
    yield "wrong sum", bytes(wrong_sum)
    encrypted = bytearray(whole)
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[whole.index(signature) + at] |= 1
    yield "encrypted", bytes(encrypted)


def test_a_damaged_or_encrypted_zip_is_one_line_and_leaves_nothing(
    store: Store, tmp_path: Path
) -> None:
    objects = (json.dumps(tweet(n, f"{n} {n**9}")) + "\n" for n in range(1, 2_000))
    whole = zipped(tmp_path / "whole.zip", {"a.jsonl": "".join(objects).encode()}).read_bytes()
    errors = {}
    for name, content in damaged_zips(whole):
        path = tmp_path / name
        path.write_bytes(content)
        (account,) = run(store, path)
        errors[name] = str(account.error).removeprefix(f"{path}: ")
    again = "unpack it yourself, or download it again"
    assert errors == {
        "cut off": f"cannot be read (File is not a zip file); {again}",
        "cut off in the directory": f"cannot be read (File is not a zip file); {again}",
        "wrong sum": f"cannot be read (Bad CRC-32 for file 'a.jsonl'); {again}",
        "encrypted": "is encrypted; unzip it with its password first",
    }
    assert everything(store) == NOTHING


# --- clocks ---------------------------------------------------------------------------------------


def spread(number: int, claimed_off: timedelta = timedelta()) -> Iterator[dict[str, Any]]:
    for n in range(number):
        posted = SEED + timedelta(hours=7 * n)
        yield tweet(id_of(posted, n), f"{n}", posted + claimed_off)


@pytest.mark.slow
def test_times_five_hours_off_their_ids_are_corrected(store: Store, tmp_path: Path) -> None:
    right = archive(tmp_path / "right", *spread(30))
    wrong = archive(tmp_path / "wrong", *spread(30, timedelta(hours=-5)), tweet(7))
    with ExitStack() as stack:
        other = stack.enter_context(open_store(tmp_path / "other.duckdb"))
        run(other, right)
        posted = other.rows("SELECT tweet_id, posted_utc FROM tweets ORDER BY ALL")
    (account,) = run(store, wrong)
    assert counts(account) == (31, 31, 0, 0, 0)
    assert account.clock == "corrected: UTC-05:00 fits the ids of 30 of 30 tweets; UTC as claimed 0"
    found = store.rows("SELECT tweet_id, posted_utc FROM tweets ORDER BY ALL")
    # The one tweet whose id carries no time moves with the others.
    assert found == [(7, SEED + timedelta(hours=5)), *posted]


def test_one_tweet_off_its_id_among_many_is_a_reject_with_its_place(
    store: Store, tmp_path: Path
) -> None:
    odd = tweet(id_of(SEED, 99), "odd", SEED + timedelta(hours=3))
    path = archive(tmp_path / "a", *spread(30), odd)
    (account,) = run(store, path)
    assert counts(account) == (31, 30, 0, 0, 1)
    ((line, offset, reason, raw),) = store.rows(
        "SELECT line, byte_offset, reason, raw FROM rejects"
    )
    assert (line, offset) == (31, path.read_text().index(json.dumps(odd)))
    assert reason == '"created_at" is 3:00:00 off the time inside the id'
    assert json.loads(raw)["text"] == "odd"
    assert json.loads(raw)["posted"].startswith("2018-12-03")


def test_a_mess_of_times_is_refused_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    rng = random.Random(0)
    tweets = [next(spread(1, timedelta(seconds=rng.randrange(90_000)))) for _ in range(40)]
    path = archive(tmp_path / "mess", *tweets, "nonsense")
    (account,) = run(store, path)
    assert account.error
    assert account.error.startswith(f"{path}: its times disagree with its ids: UTC fits the ids of")
    assert everything(store) == NOTHING


def test_the_time_of_csv_tweets_may_be_claimed_but_the_ids_decide(
    store: Store, tmp_path: Path
) -> None:
    rows = [
        f"x,{n},{SEED + timedelta(hours=n) - timedelta(hours=5):%m-%d-%Y %H:%M:%S},,,,"
        f"{id_of(SEED + timedelta(hours=n))}\n"
        for n in range(30)
    ]
    path = tmp_path / "a.csv"
    path.write_bytes(TTA_HEADER + "".join(rows).encode())
    (account,) = run(store, path, clock="America/New_York")
    assert account.clock == "America/New_York fits the ids of 30 of 30 tweets"
    assert store.row("SELECT min(posted_utc) FROM tweets") == (SEED,)


def bluesky(posted: datetime, claimed: datetime) -> dict[str, Any]:
    """Return a post of Bluesky whose key carries one time, and whose record claims another."""
    number = round(posted.replace(tzinfo=UTC).timestamp()) * 1_000_000 << 10
    digits = "234567abcdefghijklmnopqrstuvwxyz"
    key = "".join(digits[number >> 5 * place & 31] for place in range(12, -1, -1))
    record = {"text": "hi", "createdAt": f"{claimed.isoformat()}Z"}
    return {"uri": f"at://did:plc:a/app.bsky.feed.post/{key}", "record": record}


def test_of_bluesky_a_device_a_little_off_is_stored_and_posts_brought_over_are_rejects(
    store: Store, tmp_path: Path
) -> None:
    times = [datetime(2024, 11, 10) + timedelta(hours=7 * n) for n in range(30)]
    offs = [timedelta(seconds=20 - n) for n in range(20)] + [timedelta(days=-900)] * 10
    claims = [time + off for time, off in zip(times, offs, strict=True)]
    (account,) = run(store, archive(tmp_path / "a", *map(bluesky, times, claims)))
    assert counts(account) == (30, 20, 0, 0, 10)
    assert account.clock == "unproven claim: UTC fits the ids of 20 of 30 tweets"
    assert store.rows("SELECT posted_utc FROM tweets ORDER BY tweet_id") == [
        (claim,) for claim in claims[:20]
    ]
    assert store.row("SELECT line, reason FROM rejects ORDER BY line LIMIT 1") == (
        21,
        '"created_at" is 2022-05-30 20:00:00, but the time inside the id is 2024-11-15 20:00:00 '
        "(UTC)",
    )


AT_END = "each post is placed at the end of its minute, when it was out"


@pytest.mark.parametrize(
    ("written", "precision", "placed", "warning"),
    [
        ("%Y-%m-%dT%H:%MZ", "auto", 59.999999, "have no seconds: "),
        ("%Y-%m-%dT%H:%MZ", "minute", 59.999999, "have no seconds: "),
        ("%Y-%m-%dT%H:%MZ", "second", 0, "have no seconds, and are exact by --precision second"),
        ("%Y-%m-%dT%H:%M:00Z", "auto", 59.999999, "all end in :00 seconds: "),
        (
            "%Y-%m-%dT%H:%M:00Z",
            "second",
            0,
            "all end in :00 seconds, and are exact by --precision second",
        ),
        ("%Y-%m-%dT%H:%M:%SZ", "auto", 51, ""),
        ("%Y-%m-%dT%H:%M:%SZ", "second", 51, ""),
        ("%Y-%m-%dT%H:%M:%SZ", "minute", 59.999999, "are known to the minute by --precision: "),
    ],
)
@pytest.mark.slow
def test_the_precision_of_times_may_be_claimed(
    store: Store, tmp_path: Path, written: str, precision: str, placed: float, warning: str
) -> None:
    times = [SEED + timedelta(minutes=7 * n) for n in range(30)]
    path = tmp_path / "posts.csv"
    path.write_text("date,text\n" + "".join(f"{time:{written}},rain\n" for time in times))
    (account,) = run(store, path, precision=precision)
    placed_at = [time.replace(second=0) + timedelta(seconds=placed) for time in times]
    found = store.rows("SELECT posted_utc FROM tweets ORDER BY posted_utc")
    assert [posted for (posted,) in found] == placed_at
    said = f"its times {warning}" + AT_END * warning.endswith(": ")
    assert account.warnings == ((said,) if warning else ())


@pytest.mark.parametrize("files", [1, 3])  # alone, and as a family
@pytest.mark.parametrize("kind", ["csv", "csv with days", "json"])
def test_times_that_are_those_of_the_ids_prove_nothing(
    store: Store, tmp_path: Path, kind: str, files: int
) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    for number in range(files):
        times = [SEED + timedelta(hours=number, seconds=67 * n) for n in range(30)]
        if kind == "json":
            posts = [
                {"id": str(id_of(time)), "text": "a", "edit_history_tweet_ids": []}
                for time in times
            ]
            content = json.dumps({"data": posts})
        else:
            header, day = ("id,date,text", "2018-12-02,") if "days" in kind else ("id,text", "")
            content = "\n".join([header, *(f"{id_of(time)},{day}a" for time in times)])
        (folder / f"{number}.{kind[:4].strip()}").write_text(content)
    accounts = run(store, folder)
    assert [account.stored for account in accounts] == [30] * files
    wanted = "UTC: its times are those inside the ids"
    assert {account.clock for account in accounts} == {wanted}


def test_a_false_claim_of_seconds_is_refused_by_the_ids(store: Store, tmp_path: Path) -> None:
    times = [SEED + timedelta(seconds=67 * n) for n in range(60)]
    path = tmp_path / "posts.csv"
    rows = (f"{id_of(time)},{time:%Y-%m-%dT%H:%MZ},rain\n" for time in times)
    path.write_text("id,date,text\n" + "".join(rows))
    (refused,) = run(store, path, precision="second")
    assert refused.error is not None
    assert "its times disagree with its ids" in refused.error
    (account,) = run(store, path)
    assert counts(account) == (60, 60, 0, 0, 0)
    found = store.rows("SELECT posted_utc FROM tweets ORDER BY posted_utc")
    assert [posted for (posted,) in found] == times


# --- bars -----------------------------------------------------------------------------------------


def test_duplicate_bars_are_counted_and_the_better_one_stays(store: Store, tmp_path: Path) -> None:
    header = "time,open,high,low,close,volume"
    minutes = [1514903400 + 60 * n for n in range(4)]
    one = bars_csv(
        tmp_path / "1", *((minute, 1, 1, 1, 1, 5) for minute in minutes[:3]), header=header
    )
    two = bars_csv(
        tmp_path / "2",
        (minutes[0], 2, 2, 2, 2, 5),
        (minutes[1], 1, 1, 1, 1, 9),
        (minutes[2], 1, 1, 1, 1, 1),
        (minutes[3], 1, 1, 1, 1, 1),
        (minutes[3], 1, 3, 1, 1, 1),
        (minutes[3], 3, 1, 1, 1, 1),
        header=header,
    )
    first, second = run(store, one, two, symbol="SPX")
    assert (counts(first), counts(second)) == ((3, 3, 0, 0, 0), (6, 1, 2, 2, 1))
    start = datetime(2018, 1, 2, 14, 30)
    assert store.rows("SELECT * EXCLUDE (symbol) FROM bars ORDER BY minute_utc") == [
        (start, 2.0, 2.0, 2.0, 2.0, 5.0, 2),
        (start + timedelta(minutes=1), 1.0, 1.0, 1.0, 1.0, 9.0, 2),
        (start + timedelta(minutes=2), 1.0, 1.0, 1.0, 1.0, 5.0, 1),
        (start + timedelta(minutes=3), 1.0, 3.0, 1.0, 1.0, 1.0, 2),
    ]
    assert store.rows("SELECT line, reason FROM rejects") == [
        (7, "high and low contradict open and close")
    ]


def test_several_symbols_in_a_file_are_kept_apart(store: Store, tmp_path: Path) -> None:
    header = "symbol,time,open,high,low,close"
    rows = [(name, 1514903400, price, price, price, price) for price, name in enumerate("AB", 1)]
    (account,) = run(store, bars_csv(tmp_path / "a", *rows, header=header), calendar="XLON")
    assert counts(account) == (2, 2, 0, 0, 0)
    assert store.rows("SELECT symbol, open FROM bars ORDER BY ALL") == [("A", 1.0), ("B", 2.0)]
    assert store.rows("SELECT symbol, calendar FROM symbols ORDER BY ALL") == [
        ("A", "XLON"),
        ("B", "XLON"),
    ]


def test_a_claimed_clock_of_few_bars_is_taken_and_marked_unproven(
    store: Store, tmp_path: Path
) -> None:
    path = bars_csv(tmp_path / "a", *((f"2018-01-02 09:3{n}", 1, 1, 1, 1) for n in range(5)))
    (refused,) = run(store, path, symbol="SPX")
    assert refused.error
    assert refused.error.startswith(f"{path}: its clock cannot be told: ")
    assert everything(store) == NOTHING
    (account,) = run(store, path, symbol="SPX", clock="America/New_York")
    assert account.clock.startswith(
        "not testable: nothing in these bars tests the clock America/New_York"
    )
    assert store.row("SELECT min(minute_utc) FROM bars") == (datetime(2018, 1, 2, 14, 30),)


def test_a_local_time_that_does_not_exist_or_is_twice_there_is_a_reject(
    store: Store, tmp_path: Path
) -> None:
    times = ["2018-03-11 01:59", "2018-03-11 02:00", "2018-03-11 03:00", "2018-11-04 01:30"]
    path = bars_csv(tmp_path / "a", *((time, 1, 1, 1, 1) for time in times))
    content = path.read_bytes()
    (account,) = run(store, path, symbol="SPX", clock="America/New_York")
    assert counts(account) == (4, 2, 0, 0, 2)
    unclear = "the time {} does not exist or is ambiguous in America/New_York"
    assert store.rows("SELECT line, byte_offset, reason FROM rejects ORDER BY line") == [
        (3, content.index(times[1].encode()), unclear.format(times[1])),
        (5, content.index(times[3].encode()), unclear.format(times[3])),
    ]


def test_end_stamps_are_turned_into_the_minute_that_a_bar_opens(
    store: Store, tmp_path: Path
) -> None:
    run(store, bars_csv(tmp_path / "a", (1514903460, 1, 1, 1, 1)), symbol="SPX", stamp="end")
    assert store.rows("SELECT minute_utc FROM bars") == [(datetime(2018, 1, 2, 14, 30),)]


@pytest.mark.parametrize("time", ["2018-01-02T14:30:00Z", 1514903400])
def test_a_clock_overrules_the_zone_of_stamps_and_an_epoch_where_nothing_refutes_it(
    store: Store, tmp_path: Path, time: object
) -> None:
    path = bars_csv(tmp_path / "a", (time, 1, 1, 1, 1))
    (account,) = run(store, path, symbol="EURUSD", clock="Europe/Athens")
    assert account.error is None
    assert store.rows("SELECT minute_utc FROM bars") == [(datetime(2018, 1, 2, 12, 30),)]
    assert store.rows("SELECT symbol, calendar FROM symbols") == [("EURUSD", "24/5")]


@pytest.mark.parametrize(
    "time",
    [
        "2024-01-04 09:00:00+09:00",
        pytest.param("2024-01-04T09:00+0900", marks=pytest.mark.slow),
        pytest.param("2024-01-04 09:00:00 +09:00", marks=pytest.mark.slow),
    ],
)
def test_a_clock_is_of_the_times_that_are_shown_whatever_offset_stands_behind_them(
    store: Store, tmp_path: Path, time: str
) -> None:
    minute = datetime(2024, 1, 4, 0, 0)
    for place, clock in enumerate(("auto", "Asia/Tokyo", "Europe/Athens")):
        path = bars_csv(tmp_path / f"{place}", (time, *[place + 1] * 4))
        (account,) = run(store, path, symbol=f"A{place}", clock=clock)
        assert account.error is None
    assert store.rows("SELECT minute_utc FROM bars ORDER BY symbol") == [
        (minute,),
        (minute,),
        (minute + timedelta(hours=7),),
    ]


def minutes_of(days: Sequence[str], begin: str, minutes: int) -> list[tuple[object, ...]]:
    """Bars of every minute from a time of each day."""
    starts = [datetime.fromisoformat(f"{day}T{begin}") for day in days]
    return [
        (str(start + timedelta(minutes=place)), 1, 3, 1, 2)
        for start in starts
        for place in range(minutes)
    ]


JANUARY = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"]


@pytest.mark.slow
def test_new_york_times_that_carry_utc_are_refuted_and_the_right_clock_is_named_and_taken(
    store: Store, tmp_path: Path
) -> None:
    bars = [(f"{time}+00:00", *rest) for time, *rest in minutes_of(JANUARY, "09:30", 390)]
    path = bars_csv(tmp_path / "a", *bars)
    (refused,) = run(store, path, symbol="SPY")
    assert refused.error == (
        f"{path}: the zone that its stamps carry is refuted: of 5 testable days fit UTC 0 (0%), "
        "America/New_York 5 (100%); say --clock America/New_York (XNYS)"
    )
    assert everything(store) == NOTHING
    (taken,) = run(store, path, symbol="SPY", clock="America/New_York")
    assert taken.clock == (
        "consistent: America/New_York fits 5 of 5 testable days; stamps are the start of the "
        "minute (a bar is stamped on the opening minute on 5 days, on the closing on 0); "
        "calendar XNYS"
    )
    assert store.row("SELECT min(minute_utc) FROM bars") == (datetime(2024, 1, 2, 14, 30),)
    assert store.rows("SELECT symbol, calendar FROM symbols") == [("SPY", "XNYS")]


def test_a_claim_that_fits_no_day_is_refused_however_few_the_days(
    store: Store, tmp_path: Path
) -> None:
    path = bars_csv(tmp_path / "a", *minutes_of(JANUARY[:4], "09:30", 390))
    (refused,) = run(store, path, symbol="SPY", clock="UTC")
    assert refused.error
    assert "--clock UTC is refuted: of 3 testable days fit UTC 0 (0%)" in refused.error
    assert everything(store) == NOTHING


def test_without_evidence_bars_are_stored_and_their_calendar_is_not_determined(
    store: Store, tmp_path: Path
) -> None:
    path = bars_csv(tmp_path / "a", *minutes_of(["2018-01-02"], "15:00", 6))
    (account,) = run(store, path, symbol="SPY", clock="UTC")
    assert (account.error, account.stored) == (None, 6)
    assert account.clock == (
        "not testable: nothing in these bars tests the clock UTC; start or end of the minute not "
        "proven; calendar not determined"
    )
    assert account.warnings == (
        "its calendar is not determined: it may be XNYS, XLON, XETR, CMES, 24/5 or 24/7; say it, "
        "as in --calendar XNYS; until then it has windows of the extended session only",
    )
    assert store.rows("SELECT symbol, calendar FROM symbols") == [("SPY", "unknown")]
    assert store.rows("SELECT DISTINCT session FROM windows") == [("extended",)]
    # The same file again, with its calendar.
    (again,) = run(store, path, symbol="SPY", clock="UTC", calendar="XNYS")
    assert again.unchanged
    assert store.rows("SELECT symbol, calendar FROM symbols") == [("SPY", "XNYS")]
    assert store.rows("SELECT DISTINCT session FROM windows ORDER BY ALL") == [
        ("extended",),
        ("regular",),
    ]
    # What is known stays known.
    later = bars_csv(tmp_path / "b", *minutes_of(["2018-01-03"], "15:00", 6))
    (next_day,) = run(store, later, symbol="SPY", clock="UTC")
    assert next_day.clock.endswith("; calendar XNYS as claimed")
    assert next_day.warnings == ()


def test_bars_outside_the_sessions_are_counted_and_told(store: Store, tmp_path: Path) -> None:
    saturday = minutes_of(["2024-01-06"], "12:00", 60)
    path = bars_csv(tmp_path / "a", *minutes_of(JANUARY[:4], "14:30", 390), *saturday)
    (account,) = run(store, path, symbol="SPY", clock="UTC", calendar="XNYS")
    assert account.clock.endswith("; calendar XNYS; 60 of 1,620 bars are outside its sessions")


def test_bars_on_a_saturday_are_of_a_market_that_never_closes(store: Store, tmp_path: Path) -> None:
    path = bars_csv(tmp_path / "a", *minutes_of(["2024-01-06"], "12:00", 60))
    (account,) = run(store, path, symbol="X", clock="UTC")
    assert account.clock.endswith("; calendar 24/7")
    assert store.rows("SELECT symbol, calendar FROM symbols") == [("X", "24/7")]


@pytest.mark.slow
def test_symbols_of_one_file_have_calendars_of_their_own(store: Store, tmp_path: Path) -> None:
    shares = [("SPY", *bar) for bar in minutes_of(JANUARY, "14:30", 390)]
    coins = [("BTCUSD", *bar) for bar in minutes_of(["2024-01-06", "2024-01-07"], "00:00", 1440)]
    header = "symbol,time,open,high,low,close"
    path = bars_csv(tmp_path / "a", *shares, *coins, header=header)
    (account,) = run(store, path, clock="UTC")
    assert account.error is None
    assert account.clock.endswith("; calendars 24/7, XNYS")
    assert store.rows("SELECT symbol, calendar FROM symbols ORDER BY symbol") == [
        ("BTCUSD", "24/7"),
        ("SPY", "XNYS"),
    ]


def test_a_calendar_that_is_unknown_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    path = bars_csv(tmp_path / "a", ("1985-01-03T14:30:00Z", 1, 1, 1, 1))
    for calendar, fact in (("XNYSE", "unknown calendar 'XNYSE'"), ("XSHG", "cannot be built")):
        (account,) = run(store, path, symbol="A", calendar=calendar)
        assert account.error
        assert fact in account.error
        assert "\n" not in account.error
        assert everything(store) == NOTHING


def test_a_stamp_is_taken_as_said_and_told_what_speaks_against_it(
    store: Store, tmp_path: Path
) -> None:
    path = bars_csv(tmp_path / "a", *minutes_of(JANUARY, "09:30", 390))
    (account,) = run(store, path, stamp="end", symbol="SPY", clock="America/New_York")
    assert account.warnings == (
        "--stamp end is taken, but refuted: stamps are the start of the minute (a bar is stamped "
        "on the opening minute on 5 days, on the closing on 0)",
    )
    assert store.row("SELECT min(minute_utc) FROM bars") == (datetime(2024, 1, 2, 14, 29),)


def test_bars_of_a_symbol_with_another_calendar_are_refused(store: Store, tmp_path: Path) -> None:
    path = bars_csv(tmp_path / "a", (1514903400, 1, 1, 1, 1))
    run(store, path, symbol="SPX", calendar="XNYS")
    before = everything(store)
    path = bars_csv(tmp_path / "b", (1514903460, 1, 1, 1, 1))
    (account,) = run(store, path, symbol="SPX", calendar="XLON")
    assert account.error == (
        f"{path}: SPX is stored with the calendar XNYS, not XLON; use --calendar XNYS"
    )
    assert everything(store) == before


# --- real files -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_real_archives_and_bars_are_ingested_without_options_or_loss(
    store: Store, data: Path
) -> None:
    names = (
        "tweets/tta_2009-2018.json.zip",
        "tweets/tta_2016-12_2019-06.csv",
        "tweets/tta_v2_sample.csv",
        "market/HISTDATA_COM_ASCII_SPXUSD_M12018.zip",
        "market/HISTDATA_COM_ASCII_SPXUSD_M1201901-06.zip",
    )
    accounts = run(store, *(data / name for name in names))
    assert [counts(account) for account in accounts] == [
        (36_022, 36_022, 0, 0, 0),
        (8_940, 2_973, 24, 5_943, 0),
        (68, 67, 0, 1, 0),
        (310_381, 310_381, 0, 0, 0),
        (153_672, 153_672, 0, 0, 0),
    ]
    assert [account.clock.split(";")[0] for account in accounts] == [
        "UTC fits the ids of 35843 of 35843 tweets",
        "UTC fits the ids of 8940 of 8940 tweets",
        "UTC fits the ids of 68 of 68 tweets",
        "proven: America/New_York fits 240 of 240 testable days",
        "proven: Europe/Berlin-06:00 fits 119 of 119 testable days",
    ]
    assert store.row("SELECT count(*), count(DISTINCT (platform, tweet_id)) FROM tweets") == (
        39_062,
        39_062,
    )
    assert store.row("SELECT count(*), count(DISTINCT (symbol, minute_utc)) FROM bars") == (
        464_053,
        464_053,
    )
    assert store.row("SELECT count(*) FROM tweets WHERE is_retweet IS NULL AND source_id = 2")[0]
    assert store.rows("FROM rejects") == []
    before = store.rows("FROM sources ORDER BY ALL")
    assert all(account.unchanged for account in run(store, *(data / name for name in names)))
    assert store.rows("FROM sources ORDER BY ALL") == before


@pytest.mark.slow
def test_real_archives_in_any_order_give_the_same_table(data: Path) -> None:
    names = ("tta_2016-12_2019-06.csv", "condensed_2018.json", "master_2017.json.zip")
    tables = []
    for order in itertools.islice(itertools.permutations(names), 0, 6, 2):
        with open_store(Path(":memory:")) as store:
            run(store, *(data / "tweets" / name for name in order))
            tables.append(store.rows("SELECT * EXCLUDE (source_id) FROM tweets ORDER BY tweet_id"))
    assert tables[0] == tables[1] == tables[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "clock", "advice"),
    [
        ("2018", "EST", "America/New_York"),
        ("201901-06", "EST", "Europe/Berlin-06:00"),
        ("201901-06", "America/New_York", "Europe/Berlin-06:00"),
    ],
)
def test_a_wrong_clock_for_real_bars_is_refused_with_the_share_of_each(
    store: Store, data: Path, name: str, clock: str, advice: str
) -> None:
    path = data / "market" / f"HISTDATA_COM_ASCII_SPXUSD_M1{name}.zip"
    (account,) = run(store, path, clock=clock)
    assert account.error
    assert account.error.startswith(f"{path}: --clock {clock} is refuted: of ")
    assert f"{advice} 240 (100%)" in account.error or f"{advice} 119 (100%)" in account.error
    assert account.error.endswith(f"say --clock {advice}, or leave --clock out")
    assert everything(store) == NOTHING

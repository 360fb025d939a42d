"""Valid files are damaged at random: no reader breaks or hangs, and every row is accounted for.

``corpus`` has a small file of each form that the README lists, written by hand. The slow suite
damages each in the same few ways every time; ``just damage`` in many others.
"""

import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import os
import re
import sqlite3
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from workbooks import parts_of
from workbooks import zipped as in_workbook

from tweetscore.bars.reader import BarFile
from tweetscore.errors import InputError
from tweetscore.ingest.account import IGNORED, Account, IngestOptions
from tweetscore.ingest.opened import open_file
from tweetscore.ingest.run import ingest
from tweetscore.io.open import data_files
from tweetscore.io.records import BOM
from tweetscore.io.source import Source, sniff, use_source
from tweetscore.posts.canonical import TweetBatch, TweetFile
from tweetscore.store.database import Store, open_store

CORPUS = Path(__file__).with_name("corpus")
DAMAGES = int(os.environ.get("DAMAGES", "60"))  # of each file
DERANDOMIZE = "DAMAGES" not in os.environ
PATIENCE_SECONDS = 20  # for a file of a few kilobytes, which takes milliseconds


class Seed(NamedTuple):
    """What an undamaged file is, and what the user has to say about it."""

    kind: str
    format: str
    rows: int
    rejected: int = 0
    clock: str = "auto"
    symbol: str | None = "SPX"


NEW_YORK = "America/New_York"
SEEDS = {
    "tta_condensed.json": Seed("tweets", "tweet-json", 3),
    "tta.csv": Seed("tweets", "trump-twitter-archive-csv", 3),
    "tta_v2.csv": Seed("tweets", "thetrumparchive-v2-csv", 3),
    "v1_array.json": Seed("tweets", "tweet-json", 3),
    "v1_lines.jsonl": Seed("tweets", "tweet-json", 3),
    "v1_stream.jsonl": Seed("tweets", "tweet-json", 3),
    "v1_search.json": Seed("tweets", "tweet-json", 3),
    "v1_pretty.json": Seed("tweets", "tweet-json", 3),
    "v1_glued.json": Seed("tweets", "tweet-json", 3),
    "v1_wrapped.json": Seed("tweets", "tweet-json", 3),
    "v1_keyed.json": Seed("tweets", "tweet-json", 3),
    "v1_columns.json": Seed("tweets", "tweet-json", 3),
    "v1_strings.jsonl": Seed("tweets", "tweet-json", 3),
    "v1_mongo.jsonl": Seed("tweets", "tweet-json", 3),
    "v1_python.txt": Seed("tweets", "tweet-json", 3),
    "snscrape.jsonl": Seed("tweets", "snscrape-json", 3),
    "reddit_listing.json": Seed("tweets", "reddit-json", 3),
    "telegram.json": Seed("tweets", "telegram-desktop", 3),
    "twarc2_pages.jsonl": Seed("tweets", "twarc2-json", 3),
    "twarc2_flat.jsonl": Seed("tweets", "twarc2-json", 3),
    "twarc2_stream.jsonl": Seed("tweets", "twarc2-json", 3),
    "x_tweets.js": Seed("tweets", "x-export", 3),
    "x_tweet.js": Seed("tweets", "x-export", 3),
    "x_export.zip": Seed("tweets", "x-export", 3),
    "grailbird_2018_12.js": Seed("tweets", "grailbird-js", 3),
    "grailbird_tweets.csv": Seed("tweets", "grailbird-csv", 3),
    "truth_social.csv": Seed("tweets", "truth-social-csv", 3),
    "truth_social.json": Seed("tweets", "truth-social-json", 3),
    "truth_social_statuses.jsonl": Seed("tweets", "truth-social-json", 3),
    "mastodon_outbox.json": Seed("tweets", "mastodon-json", 3, rejected=1),  # a boost has no text
    "mastodon_statuses.json": Seed("tweets", "mastodon-json", 3),
    "bluesky_feed.json": Seed("tweets", "bluesky-json", 3),
    "bluesky_posts.jsonl": Seed("tweets", "bluesky-json", 3),
    "bluesky_records.jsonl": Seed("tweets", "bluesky-json", 3),
    "table.csv": Seed("tweets", "csv-tweets", 3),
    "table.tsv": Seed("tweets", "csv-tweets", 3),
    "table_no_header.csv": Seed("tweets", "csv-tweets", 3),
    "table_loose_quotes.csv": Seed("tweets", "csv-tweets", 3),
    "table_scraped.csv": Seed("tweets", "csv-tweets", 3),
    "table.json": Seed("tweets", "json-tweets", 3),
    "table.jsonl": Seed("tweets", "json-tweets", 3),
    "table.parquet": Seed("tweets", "parquet-tweets", 3),
    "table.xlsx": Seed("tweets", "xlsx-tweets", 3),
    "twitter.db": Seed("tweets", "sqlite-tweets", 3),
    "table.tar": Seed("tweets", "csv-tweets", 3),
    "table.tar.gz": Seed("tweets", "csv-tweets", 3),
    "table.csv.bz2": Seed("tweets", "csv-tweets", 3),
    "table.csv.xz": Seed("tweets", "csv-tweets", 3),
    "table.csv.zst": Seed("tweets", "csv-tweets", 3),
    "table_cp1252.csv": Seed("tweets", "csv-tweets", 3),
    "table_utf16.json": Seed("tweets", "json-tweets", 3),
    "table_cr.csv": Seed("tweets", "csv-tweets", 3),
    "DAT_ASCII_MADEUP_M1_2018.csv": Seed("bars", "histdata-ascii-m1", 5, clock=NEW_YORK),
    "DAT_MT_MADEUP_M1_2018.csv": Seed("bars", "histdata-mt-m1", 5, clock=NEW_YORK),
    "20131004_spy_minute_trade.csv": Seed("bars", "lean-equity-minute", 5),
    "bars_iso.csv": Seed("bars", "csv-bars", 5, symbol=None),
    "bars_epoch.csv": Seed("bars", "csv-bars", 5),
    "bars_day_first.csv": Seed("bars", "csv-bars", 5, clock="UTC"),
    "bars_date_and_time.tsv": Seed("bars", "csv-bars", 5, clock=NEW_YORK),
    "bars_array.json": Seed("bars", "json-bars", 5),
    "bars_lines.jsonl": Seed("bars", "json-bars", 5),
    "bars_no_header.csv": Seed("bars", "csv-bars", 5),
    "bars_below_a_line.csv": Seed("bars", "csv-bars", 5, symbol=None),
    "bars_three_headers.csv": Seed("bars", "csv-bars", 6, symbol=None),
    "bars_zone_names.csv": Seed("bars", "csv-bars", 5),
    "bars_numbers_of_germany.csv": Seed("bars", "csv-bars", 5),
    "bars_billionths.csv": Seed("bars", "csv-bars", 5, symbol=None),
    "bars_in_arrays.json": Seed("bars", "json-bars", 5),
    "bars_nested.json": Seed("bars", "json-bars", 5, symbol=None),
    "bars_keyed_by_time.json": Seed("bars", "json-bars", 5, symbol=None),
    "bars_by_column.json": Seed("bars", "json-bars", 5),
    "bars.arrow": Seed("bars", "arrow-bars", 5, symbol=None),
    "bars.parquet": Seed("bars", "parquet-bars", 5, symbol=None),
}
ACCOUNT_JS = b'window.YTD.account.part0 = [ {"account" : {"username" : "made_up"} } ]'


def export_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in (
            ("data/account.js", ACCOUNT_JS),
            ("data/tweets.js", seed("x_tweets.js")),
        ):
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def tarred(name: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(f"posts/{name}")
        info.size = len(seed(name))
        archive.addfile(info, io.BytesIO(seed(name)))
    return out.getvalue()


def in_long_zstd(content: bytes) -> bytes:
    """As the archives of Reddit: with a window of 2 GiB."""
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    packed = bytearray(packer.compress(content) + packer.flush())
    packed[5] = (31 - 10) << 3
    return bytes(packed)


def parquet_of(name: str) -> bytes:
    """The rows of a CSV file as Parquet, where no compression hides the values from damage."""
    out = io.BytesIO()
    frame = pl.read_csv(seed(name)).with_columns(pl.col(pl.String).fill_null(""))
    frame.write_parquet(out, compression="uncompressed", statistics=False)
    return out.getvalue()


def arrow_of(name: str) -> bytes:
    out = io.BytesIO()
    frame = pl.read_csv(seed(name)).with_columns(pl.col(pl.String).fill_null(""))
    frame.write_ipc(out, compression="uncompressed")
    return out.getvalue()


def xlsx_parts() -> dict[str, str]:
    rows = list(csv.reader(io.StringIO(seed("table.csv").decode())))
    return parts_of({"notes": [["made", "by"], ["hand", 1.5]], "posts": rows})


def sqlite_of(name: str) -> bytes:
    """The posts of a file as twitter-to-sqlite has them."""
    with closing(sqlite3.connect(":memory:")) as con:
        con.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, screen_name TEXT)")
        con.execute("INSERT INTO users VALUES (5, 'made_up')")
        con.execute(
            "CREATE TABLE tweets (id INTEGER PRIMARY KEY, user INTEGER, created_at TEXT, "
            "full_text TEXT, retweeted_status INTEGER, retweet_count INTEGER)"
        )
        for line in seed(name).decode().splitlines():
            each = json.loads(line)
            posted = datetime.strptime(each["created_at"], "%a %b %d %H:%M:%S %z %Y").isoformat()
            values = (each["id_str"], 5, posted, each["full_text"], None, 1)
            con.execute("INSERT INTO tweets VALUES (?, ?, ?, ?, ?, ?)", values)
        con.commit()
        return con.serialize()


# What no hand can write.
MADE: dict[str, Callable[[], bytes]] = {
    "x_export.zip": export_zip,
    "table.tar": lambda: tarred("table.csv"),
    "table.tar.gz": lambda: gzip.compress(tarred("table.csv"), mtime=0),
    "table.csv.bz2": lambda: bz2.compress(seed("table.csv")),
    "table.csv.xz": lambda: lzma.compress(seed("table.csv")),
    "table.csv.zst": lambda: in_long_zstd(seed("table.csv")),
    "table_cp1252.csv": lambda: seed("table.csv").replace(b"plain", b"d\xe9j\xe0 vu"),
    "table_utf16.json": lambda: seed("table.json").decode().encode("utf-16-le"),
    "table_cr.csv": lambda: seed("table.csv").replace(b"\n", b"\r"),
    "table.xlsx": lambda: in_workbook(xlsx_parts()),
    "twitter.db": lambda: sqlite_of("v1_lines.jsonl"),
    "table.parquet": lambda: parquet_of("table.csv"),
    "bars.parquet": lambda: parquet_of("bars_iso.csv"),
    "bars.arrow": lambda: arrow_of("bars_iso.csv"),
}


def seed(name: str) -> bytes:
    return MADE[name]() if name in MADE else (CORPUS / name).read_bytes()


# --- damage ---------------------------------------------------------------------------------------

EDGE = re.compile(rb'[\n"{}\[\],:;\t]')
INSERTED = (
    b"\0", b'"', b'""', b"'", b"\\", b"[", b"]", b"{", b"}", b",", b":", b";", b"\n", b"\r\n",
    b"\r", b"\t", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f", BOM, b"\xff\xfe", b"\xfe\xff",
    b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PAR1", b"\x80\x04", b"9" * 25,
    b"9" * 5_000, b"-", b"0", b".5", b"e400", b"1e999", b"NaN", b"null", b"true", b"\\ud800",
    b"\\u0000", b"\xe2\x80\xa8", b"\x1b[2J", b"[" * 3_000, b'{"a":' * 500, b"<" * 999,
    b"&#" + b"9" * 99 + b";",
)  # fmt: skip


def spots(draw: st.DrawFn, content: bytes, number: int) -> list[int]:
    """Draw places in their order: anywhere, or where a value begins or ends."""
    edges = [0, *(edge.end() for edge in EDGE.finditer(content)), len(content)]
    anywhere = st.integers(0, len(content))
    at_edges = st.integers(0, len(edges) - 1).map(edges.__getitem__)
    return sorted(draw(at_edges | anywhere) for _ in range(number))


def flip(draw: st.DrawFn, content: bytes) -> bytes:
    changed = bytearray(content or b"\0")
    changed[draw(st.integers(0, len(changed) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def cut(draw: st.DrawFn, content: bytes) -> bytes:
    (place,) = spots(draw, content, 1)
    return content[:place]


def swap(draw: st.DrawFn, content: bytes) -> bytes:
    a, b, c, d = spots(draw, content, 4)
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def duplicate(draw: st.DrawFn, content: bytes) -> bytes:
    a, b = spots(draw, content, 2)
    return content[:b] + content[a:]


def delete(draw: st.DrawFn, content: bytes) -> bytes:
    a, b = spots(draw, content, 2)
    return content[:a] + content[b:]


def insert(draw: st.DrawFn, content: bytes) -> bytes:
    (place,) = spots(draw, content, 1)
    return content[:place] + draw(st.sampled_from(INSERTED)) + content[place:]


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    content = whole
    for _ in range(draw(st.integers(1, 4))):
        damage = draw(st.sampled_from((flip, cut, swap, duplicate, delete, insert)))
        content = damage(draw, content)
    return content


# --- invariants -----------------------------------------------------------------------------------


@contextmanager
def patience() -> Iterator[None]:
    """Bound the time: damage may cost no more than the size of the file."""
    begin = time.process_time()
    yield
    assert time.process_time() - begin < PATIENCE_SECONDS


def opened(source: Source, symbol: str | None) -> TweetFile | BarFile | None:
    return open_file(source, IngestOptions(symbol=symbol))


def read_and_account(path: Path, symbol: str | None, block_bytes: int) -> None:
    """Read a file, or be refused in one line; every record has become a row or a reject."""
    refusal = ""

    def hold(source: Source) -> None:
        if found := opened(source, symbol):
            hold_batches(found)

    try:
        for file in data_files(path):
            use_source(file, hold, block_bytes)
    except InputError as error:
        refusal = str(error)
    assert "\n" not in refusal


def hold_batches(source: TweetFile | BarFile) -> tuple[int, int]:
    """Hold every batch of a file to its account, and every record to its place."""
    with source.source.open() as stream:
        content = stream.read()
    rows_read = rejected = 0
    for batch in source.read():
        rows = batch.tweets if isinstance(batch, TweetBatch) else batch.bars
        assert batch.rows_read == rows.height + batch.rejects.height
        assert batch.rejects["reason"].null_count() == 0
        places = pl.concat(each.select("line", "byte_offset") for each in (rows, batch.rejects))
        for line, offset in places.drop_nulls().rows():  # Parquet has rows, but no offsets
            assert offset < len(content)
            assert line == 1 + content.count(b"\n", 0, offset)
        rows_read += batch.rows_read
        rejected += batch.rejects.height
    return rows_read, rejected


TABLES = ("tweets", "bars", "rejects", "sources", "symbols")
KEYS = {"tweets": "platform, tweet_id", "bars": "symbol, minute_utc"}


def ingest_and_account(store: Store, path: Path, clock: str, symbol: str | None) -> list[Account]:
    """Ingest a file into the emptied store; it then holds what the accounts say, and no more."""
    for table in TABLES:
        store.con.execute(f"DELETE FROM {table}")
    options = IngestOptions(symbol=symbol, clock=clock)
    accounts = ingest(store, [path], options, lambda *_: None)
    kept = [each for each in accounts if not each.error and each.kind != IGNORED]
    for account in accounts:
        parts = account.stored + account.updated + account.duplicates + account.rejected
        assert account.rows_read == parts
        assert account in kept or parts == 0
        assert "\n" not in (account.error or "")
    rows = {table: store.row(f"SELECT count(*) FROM {table}")[0] for table in TABLES}
    assert rows["tweets"] + rows["bars"] == sum(each.stored for each in kept)
    assert rows["rejects"] == sum(each.rejected for each in kept)
    assert rows["sources"] == len(kept)
    for table, key in KEYS.items():
        assert store.row(f"SELECT count(DISTINCT ({key})) FROM {table}") == (rows[table],)
    again = ingest(store, [path], options, lambda *_: None)
    assert [(each.unchanged, each.error) for each in again] == [
        (each in kept, each.error) for each in accounts
    ]
    return accounts


MOMENTS = itertools.count()


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    # A zip is kept open until its time of change is another, which quick writes may share.
    os.utime(path, ns=(0, next(MOMENTS)))


@pytest.fixture(scope="module")
def memory() -> Iterator[Store]:
    """A database in memory, for one file after the other."""
    with open_store(Path(":memory:")) as opened:
        yield opened


# --- tests ----------------------------------------------------------------------------------------


def test_every_file_of_the_corpus_is_known_here() -> None:
    assert {path.name for path in CORPUS.iterdir()} == SEEDS.keys() - MADE.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_each_seed_is_of_its_form_and_gives_all_its_rows(
    tmp_path: Path, memory: Store, name: str
) -> None:
    kind, form, rows, rejected, clock, symbol = SEEDS[name]
    path = tmp_path / name
    put(path, seed(name))
    sources = [source for file in data_files(path) if (source := opened(sniff(file), symbol))]
    assert [source.format for source in sources] == [form]
    assert [hold_batches(source) for source in sources] == [(rows, rejected)]
    account = ingest_and_account(memory, path, clock, symbol)[-1]
    assert (account.kind, account.format, account.error) == (kind, form, None)
    assert (account.rows_read, account.stored) == (rows, rows - rejected)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_damage_breaks_no_reader_and_loses_no_row(tmp_path: Path, name: str) -> None:
    path = tmp_path / name

    @settings(max_examples=DAMAGES, deadline=None, derandomize=DERANDOMIZE)
    @given(damaged(seed(name)), st.sampled_from((4 << 20, 97)))
    def hold(content: bytes, block_bytes: int) -> None:
        put(path, content)
        with patience():
            read_and_account(path, SEEDS[name].symbol, block_bytes)

    hold()


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_damage_breaks_no_ingest_and_every_row_is_accounted_for(
    tmp_path: Path, memory: Store, name: str
) -> None:
    path = tmp_path / name

    @settings(max_examples=DAMAGES // 6, deadline=None, derandomize=DERANDOMIZE)
    @given(damaged(seed(name)))
    def hold(content: bytes) -> None:
        put(path, content)
        with patience():
            ingest_and_account(memory, path, SEEDS[name].clock, SEEDS[name].symbol)

    hold()


@pytest.mark.slow
@pytest.mark.parametrize("part", xlsx_parts())
def test_damage_in_a_part_of_a_workbook_breaks_no_ingest(
    tmp_path: Path, memory: Store, part: str
) -> None:
    whole = xlsx_parts()

    @settings(max_examples=DAMAGES // 2, deadline=None, derandomize=DERANDOMIZE)
    @given(damaged(whole[part].encode()))
    def hold(content: bytes) -> None:
        put(tmp_path / "damaged.xlsx", in_workbook({**whole, part: content}))
        with patience():
            ingest_and_account(memory, tmp_path / "damaged.xlsx", "auto", None)

    hold()

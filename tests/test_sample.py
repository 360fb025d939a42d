import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tweetscore.bars.clock import Claims, audit_bars
from tweetscore.bars.reader import open_bars
from tweetscore.errors import InputError
from tweetscore.io.clocks import Clock
from tweetscore.io.data_file import DataFile
from tweetscore.io.source import sniff
from tweetscore.market.sessions import exchange_sessions
from tweetscore.posts.clock import TweetAudit, id_times
from tweetscore.posts.formats import open_tweets
from tweetscore.sample.plan import PLANTED_INTERVAL_MINUTES, SYMBOL
from tweetscore.sample.words import DOWN_WORDS, UP_WORDS
from tweetscore.sample.write import Sample, SampleOfSymbols, write_sample
from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import tokenize

KEYS = [
    *("source", "text", "created_at"),
    *("retweet_count", "favorite_count", "is_retweet", "id_str"),
]
BAR_COLUMNS = ["stamp", "open", "high", "low", "close", "volume"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def drifting_nowhere(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("nowhere"), signal=False)


@pytest.fixture(scope="module")
def posts(sample: Sample) -> pl.DataFrame:
    return read_posts(sample)


@pytest.fixture(scope="module")
def bars(sample: Sample) -> pl.DataFrame:
    return read_bars(sample.bars)


def read_posts(sample: Sample) -> pl.DataFrame:
    frame = pl.DataFrame(json.loads(sample.archive.read_bytes()))
    ms = (pl.col("id_str").cast(pl.Int64) // 2**22) + 1288834974657
    return frame.with_columns(posted_utc=pl.from_epoch(ms, "ms").cast(pl.Datetime("us")))


def read_bars(path: Path) -> pl.DataFrame:
    frame = pl.read_csv(
        path, separator=";", has_header=False, new_columns=BAR_COLUMNS, infer_schema=False
    )
    local = pl.col("stamp").str.to_datetime("%Y%m%d %H%M%S", time_unit="us")
    zoned = local.dt.replace_time_zone("America/New_York").dt.convert_time_zone("UTC")
    numbers = pl.col(BAR_COLUMNS[1:]).cast(pl.Float64)
    return frame.with_columns(numbers, local=local, minute_utc=zoned.dt.replace_time_zone(None))


def labelled(sample: Sample, interval_minutes: int = PLANTED_INTERVAL_MINUTES) -> pl.DataFrame:
    """Return the posts that have a window, oldest first, with their change of price."""
    return with_changes(read_posts(sample), read_bars(sample.bars), interval_minutes)


def with_changes(
    posts: pl.DataFrame, bars: pl.DataFrame, interval_minutes: int = PLANTED_INTERVAL_MINUTES
) -> pl.DataFrame:
    day = pl.col("local").dt.date()
    opening = bars.group_by(day).agg(pl.col("minute_utc", "open").sort_by("minute_utc").first())
    known = pl.concat(
        [
            bars.select(known_utc=pl.col("minute_utc") + timedelta(minutes=1), price="close"),
            opening.select(known_utc="minute_utc", price="open"),
        ]
    ).sort("known_utc")
    rows = posts.sort("posted_utc").with_columns(
        at_0=(pl.col("posted_utc") + timedelta(microseconds=59_999_999)).dt.truncate("1m")
    )
    rows = rows.with_columns(at_1=pl.col("at_0") + timedelta(minutes=interval_minutes))
    for end in ("0", "1"):
        rows = rows.join_asof(
            known.rename({"price": f"price_{end}"}),
            left_on=f"at_{end}",
            right_on="known_utc",
            tolerance="5m",
        )
    return rows.with_columns(change=pl.col("price_1") / pl.col("price_0") - 1).drop_nulls("change")


def mood(text: str) -> int:
    words = set(re.findall(r"[a-z]+", text.lower()))
    return bool(words & set(UP_WORDS)) - bool(words & set(DOWN_WORDS))


def bag_of_words_auc(sample: Sample, interval_minutes: int) -> tuple[float, npt.NDArray[Any]]:
    rows = labelled(sample, interval_minutes)
    cut = rows.height * 7 // 10
    bag = CountVectorizer(token_pattern=r"[A-Za-z]+", binary=True)
    train = bag.fit_transform(rows["text"][:cut])
    up = (rows["change"] > 0).to_numpy()
    model = LogisticRegression(max_iter=1_000).fit(train, up[:cut])
    scores = model.predict_proba(bag.transform(rows["text"][cut:]))[:, 1]
    return float(roc_auc_score(up[cut:], scores)), up[cut:]


# --- what is planted ------------------------------------------------------------------------------


def test_the_price_goes_the_way_of_a_mood_post_for_half_an_hour(sample: Sample) -> None:
    rows = labelled(sample)
    moods = np.array([mood(text) for text in rows["text"]])
    agrees = np.sign(rows["change"].to_numpy()) == moods
    assert rows.height == 1_494  # six each full day, three each half-day
    assert np.count_nonzero(moods) == sample.planted
    assert agrees[moods != 0].mean() > 0.98
    assert 0.02 < (moods == 0).mean() < 0.06


def test_a_plain_bag_of_words_finds_the_signal_in_later_days(sample: Sample) -> None:
    auc, _ = bag_of_words_auc(sample, PLANTED_INTERVAL_MINUTES)
    assert auc > 0.95


@pytest.mark.parametrize("interval_minutes", [5, pytest.param(30, marks=pytest.mark.slow)])
def test_without_signal_there_is_nothing_to_find(
    drifting_nowhere: Sample, interval_minutes: int
) -> None:
    auc, up = bag_of_words_auc(drifting_nowhere, interval_minutes)
    ups, downs = int(up.sum()), int((~up).sum())
    deviation = np.sqrt((ups + downs + 1) / (12 * ups * downs))  # of Mann and Whitney's test
    assert abs(auc - 0.5) < 1.96 * deviation


def test_the_posts_are_the_same_with_and_without_signal(
    sample: Sample, drifting_nowhere: Sample
) -> None:
    assert sample.archive.read_bytes() == drifting_nowhere.archive.read_bytes()
    assert sample.bars.read_bytes() != drifting_nowhere.bars.read_bytes()


def test_windows_of_mood_posts_do_not_overlap(sample: Sample) -> None:
    times = labelled(sample)["posted_utc"]
    assert (times.diff().drop_nulls() >= timedelta(minutes=45)).all()


def test_all_other_posts_enter_outside_the_session(sample: Sample, posts: pl.DataFrame) -> None:
    sessions = exchange_sessions("XNYS", date(2023, 1, 1), date(2023, 12, 31))
    entered = posts.sort("posted_utc").select(
        "posted_utc",
        entry=(pl.col("posted_utc") + timedelta(microseconds=59_999_999)).dt.truncate("1m"),
    )
    inside = entered.join_asof(
        sessions, left_on="entry", right_on="open_utc", strategy="backward"
    ).filter(pl.col("entry") <= pl.col("close_utc"))
    assert inside["posted_utc"].to_list() == labelled(sample)["posted_utc"].to_list()


# --- several symbols ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("five")
    return write_sample(folder, posts=4_500, days=60, seed=1, symbols=5, planted="now")


def about(sample: Sample, symbol: str) -> pl.DataFrame:
    """Return the posts that name a symbol and have a window, with their change of its price."""
    posts = read_posts(sample)
    naming = posts.filter(pl.col("text").str.contains(rf"(^|\s)\${symbol}\s"))
    return with_changes(naming, read_bars(sample.bars / f"DAT_ASCII_{symbol}_M1_2023.csv"))


def test_of_five_symbols_the_price_of_one_goes_the_way_of_the_posts_that_name_it(
    five: Sample,
) -> None:
    assert isinstance(five, SampleOfSymbols)
    assert five.symbols == ("MADEUP", "SO", "MAPLE", "NOW", "FERRY")
    assert five.planted_symbol == "NOW"
    for symbol in five.symbols:
        rows = about(five, symbol)
        moods = np.array([mood(text) for text in rows["text"]])
        ups = rows["change"].to_numpy()[moods != 0] > 0
        agrees = ups == (moods[moods != 0] > 0)
        if symbol == five.planted_symbol:
            assert five.planted == len(ups) > 300
            assert agrees.mean() > 0.98
            assert (rows["posted_utc"].diff().drop_nulls() >= timedelta(minutes=45)).all()
        else:
            assert len(ups) > 100
            assert abs(agrees.mean() - 0.5) < 3.3 * 0.5 / np.sqrt(len(ups))


def test_posts_name_two_symbols_one_or_none_and_use_their_words_without_naming_them(
    five: Sample,
) -> None:
    posts = read_posts(five)
    named = posts["text"].str.extract_all(r"\$[A-Z]+")
    counts = dict(named.list.len().value_counts().rows())
    shares = {count: posts_of / posts.height for count, posts_of in counts.items()}
    # Of six subjects one is none; a fifth name another of the four, which may be their own.
    assert shares == pytest.approx({0: 1 / 6, 1: 0.7, 2: 0.14}, abs=0.02)
    assert set(named.list.explode().drop_nulls()) == {"$MADEUP", "$SO", "$MAPLE", "$NOW", "$FERRY"}
    plain = posts.filter(named.list.len() == 0)["text"].str.to_lowercase()
    assert plain.str.contains(r"\bnow\b").any()
    assert plain.str.contains(r"\bso\b").any()
    assert (posts["text"].str.len_chars() <= 280).all()


def test_the_bars_of_five_symbols_have_a_file_each_and_prices_of_their_own(five: Sample) -> None:
    files = sorted(path.name for path in five.bars.iterdir())
    assert files == [
        f"DAT_ASCII_{name}_M1_2023.csv" for name in ("FERRY", "MADEUP", "MAPLE", "NOW", "SO")
    ]
    closes = {file: read_bars(five.bars / file)["close"][-1] for file in files}
    assert len(set(closes.values())) == 5
    assert five.bar_rows == sum(read_bars(five.bars / file).height for file in files)


def test_without_signal_none_of_two_symbols_moves_and_the_posts_are_the_same(
    tmp_path: Path,
) -> None:
    moved, still = (
        write_sample(tmp_path / str(signal), posts=200, days=5, symbols=2, signal=signal)
        for signal in (True, False)
    )
    assert isinstance(moved, SampleOfSymbols)
    assert isinstance(still, SampleOfSymbols)
    assert (moved.planted_symbol, still.planted_symbol) == ("MADEUP", None)
    assert moved.archive.read_bytes() == still.archive.read_bytes()
    same = [
        (moved.bars / path.name).read_bytes() == path.read_bytes()
        for path in sorted(still.bars.iterdir())
    ]
    assert same == [False, True]  # MADEUP, SO


def test_posts_on_the_only_symbol_have_no_cashtags(posts: pl.DataFrame) -> None:
    assert not posts["text"].str.contains(r"\$[A-Za-z]").any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"symbols": 2, "planted": "MAPEL"}, "no symbol MAPEL in this sample; it has MADEUP, SO"),
        ({"symbols": 3, "planted": "MAPEL"}, "MAPLE; did you mean MAPLE?"),
        ({"symbols": 2, "planted": "SO", "signal": False}, "leave out SO or --no-signal"),
    ],
)
def test_what_cannot_be_planted_is_refused(
    tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        write_sample(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


# --- the archive ----------------------------------------------------------------------------------


def test_the_archive_is_one_array_of_condensed_tweets_newest_first(
    sample: Sample, posts: pl.DataFrame
) -> None:
    lines = sample.archive.read_text("utf-8").split("\n")
    assert (lines[0], lines[-2:]) == ("[", ["]", ""])
    assert len(lines) - 3 == sample.posts == posts.height == 6_000
    assert all(list(json.loads(line.rstrip(","))) == KEYS for line in lines[1:-2])
    assert posts["posted_utc"].is_sorted(descending=True)


def test_ids_are_unique_and_carry_the_time(posts: pl.DataFrame) -> None:
    claimed = posts["created_at"].str.to_datetime("%a %b %d %H:%M:%S +0000 %Y", time_unit="us")
    assert posts["id_str"].n_unique() == posts.height
    assert (claimed == posts["posted_utc"].dt.truncate("1s")).all()


def test_texts_look_like_tweets(posts: pl.DataFrame) -> None:
    text = posts["text"]
    words = text.str.split(" ").list.len().to_numpy()
    characters = text.str.len_chars().to_numpy()
    assert 13 < words.mean() < 17
    assert words.min() == 1
    assert 40 < words.max() < 55
    assert characters.min() >= 20
    assert 270 < characters.max() <= 280
    features = ["https://t.co/", " @madeup_", " #MadeUp", "&amp;", "&lt;", "’", "“", "\n", "🇨🇭"]
    features += ["👨‍👩‍👧‍👦", "❤️", "👍🏽", "$25", "café"]
    assert [f for f in features if not text.str.contains(f, literal=True).any()] == []


def test_three_in_ten_posts_are_retweets_and_say_so(posts: pl.DataFrame) -> None:
    said = posts["text"].str.contains(r"^RT @\w+: ")
    assert (said == posts["is_retweet"]).all()
    assert 0.27 < said.to_numpy().mean() < 0.33
    assert (posts.filter("is_retweet")["favorite_count"] == 0).all()


def test_a_third_of_the_posts_repeat_the_words_of_another(posts: pl.DataFrame) -> None:
    words = tokenize(posts["text"], TextRules()).list.join(" ")
    assert 0.31 < 1 - words.n_unique() / posts.height < 0.37
    assert 0.2 < 1 - posts["text"].n_unique() / posts.height < 0.31  # the others have a fresh link


def test_a_few_posts_have_no_token(posts: pl.DataFrame) -> None:
    bare = posts["text"].str.contains(r"^https://t\.co/\w{10}$")
    empty = tokenize(posts["text"], TextRules()).list.len() == 0
    assert 0.003 < bare.to_numpy().mean() < 0.02
    assert empty.filter(bare).all()


def test_the_reader_of_archives_rejects_nothing_and_the_ids_prove_the_clock(
    sample: Sample,
) -> None:
    opened = open_tweets(sniff(DataFile(sample.archive)))
    assert opened is not None
    batches = list(opened.read())
    audit = TweetAudit("sample", "twitter", Clock.parse("UTC"))
    for batch in batches:
        audit.add(id_times("twitter", batch.tweets["tweet_id"]), batch.tweets["posted"])
    assert sum(batch.tweets.height for batch in batches) == sample.posts
    assert sum(batch.rejects.height for batch in batches) == 0
    assert (audit.finish().clock.name, audit.finish().proven) == ("UTC", True)


@pytest.mark.slow
def test_an_archive_of_several_blocks_is_whole_and_in_order(tmp_path: Path) -> None:
    large = write_sample(tmp_path, posts=70_000, days=60)
    ids = read_posts(large)["id_str"].cast(pl.Int64)
    assert len(ids) == large.posts == 70_000
    assert (ids.diff().drop_nulls() < 0).all()
    assert labelled(large).height == 360


# --- the bars -------------------------------------------------------------------------------------


def test_bars_fill_the_regular_sessions_but_for_a_few_quiet_minutes(
    sample: Sample, bars: pl.DataFrame
) -> None:
    days = bars.group_by(pl.col("local").dt.date().alias("session_date")).agg(
        open_utc=pl.col("minute_utc").min(),
        close_utc=pl.col("minute_utc").max() + timedelta(minutes=1),
    )
    first, last = bars["local"].dt.date()[0], bars["local"].dt.date()[-1]
    sessions = exchange_sessions("XNYS", first, last)
    assert days.sort("session_date").equals(sessions.drop("early_close"))
    minutes = (sessions["close_utc"] - sessions["open_utc"]).dt.total_minutes().sum()
    assert bars.height == sample.bar_rows
    assert 0.97 < bars.height / minutes < 0.99
    assert (bars["minute_utc"].diff().drop_nulls() > timedelta(0)).all()


def test_bars_are_written_as_histdata_writes_them(sample: Sample) -> None:
    lines = sample.bars.read_text().splitlines()
    assert re.fullmatch(r"DAT_ASCII_MADEUP_M1_2023\.csv", sample.bars.name)
    assert lines[0].startswith("20230103 093000;4000.000000;")
    form = re.compile(r"\d{8} \d{4}00(;\d+\.\d{6}){4};0")
    assert all(form.fullmatch(line) for line in lines)


def test_prices_are_consistent(bars: pl.DataFrame) -> None:
    body = bars.select(
        low=pl.min_horizontal("open", "close"), high=pl.max_horizontal("open", "close")
    )
    assert (bars["low"] > 0).all()
    assert (bars["low"] <= body["low"]).all()
    assert (bars["high"] >= body["high"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("days", [30, 60, 250])
def test_the_audit_proves_new_york_and_start_stamps(tmp_path: Path, days: int) -> None:
    sample = write_sample(tmp_path, posts=100, days=days)
    opened = open_bars(sniff(DataFile(sample.bars)))
    assert opened is not None
    batches = list(opened.read())
    stamps = pl.concat([batch.bars["stamp"] for batch in batches])
    verdict = audit_bars("sample", stamps, Claims(calendar="XNYS"))
    assert opened.symbol == SYMBOL
    assert sum(batch.rejects.height for batch in batches) == 0
    assert (verdict.clock.name, verdict.stamp, verdict.proven) == (
        "America/New_York",
        "start",
        True,
    )


# --- the files ------------------------------------------------------------------------------------


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    return ((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_sample(tmp_path / name, posts=500, days=5, seed=seed)
    a, b, c = (dict(contents(tmp_path / name)) for name in "abc")
    assert a == b
    assert sorted(a) == ["DAT_ASCII_MADEUP_M1_2023.csv", "madeup_archive.json"]
    assert [a[name] == c[name] for name in a] == [False, False]


@pytest.mark.parametrize("posts", [1, 2, 7])
def test_a_tiny_sample_has_as_many_posts_as_asked(tmp_path: Path, posts: int) -> None:
    tiny = write_sample(tmp_path, posts=posts, days=1)
    assert read_posts(tiny).height == tiny.posts == posts
    assert labelled(tiny).height == posts // 2


def test_existing_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "DAT_ASCII_MADEUP_M1_2023.csv").write_text("mine")
    with pytest.raises(InputError, match="already exists; delete it"):
        write_sample(tmp_path, posts=10, days=1)
    assert dict(contents(tmp_path)) == {"DAT_ASCII_MADEUP_M1_2023.csv": b"mine"}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: cannot be written"):
        write_sample(tmp_path / "file", posts=10, days=1)


@pytest.mark.parametrize(
    "wrong",
    [{"posts": 0}, {"days": 0}, {"days": 251}, {"seed": -1}, {"symbols": 0}, {"symbols": 21}],
    ids=str,
)
def test_arguments_out_of_range_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="no sample of"):
        write_sample(tmp_path / "new", **wrong)  # type: ignore[arg-type]  # wrong on purpose
    assert not (tmp_path / "new").exists()

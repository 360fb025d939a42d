"""Words that a model knows are counted by script, kept with its scores, and told where few are."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from jobs import posts, write
from jobs import run as run_files
from tiny import put_tweets, tiny_bundle

from tweetscore.cli.scores import show_scores
from tweetscore.io.places import place_of
from tweetscore.market.horizons import Horizon
from tweetscore.market.targets import kind_of
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.job import Job, read_market
from tweetscore.scoring.manifest import FINISHED, MANIFEST
from tweetscore.scoring.score import ScoreAccount, score
from tweetscore.store.database import Store, memory_store
from tweetscore.text.encode import encode
from tweetscore.text.known import WordCounts
from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import tokenize
from tweetscore.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary(("<pad>", "<unk>", "win", "#Win", "$tsla", "日本", "рост"))
RULES = TextRules(max_tokens=2)


def counted(texts: Sequence[str | None], rules: TextRules = RULES) -> WordCounts:
    return encode(pl.Series(texts, dtype=pl.String), rules, VOCABULARY).words


def test_words_are_counted_by_the_script_of_their_first_letter() -> None:
    texts = [
        "win lose #Win $TSLA $3M é #2",
        "日本 日経 アー ひら",
        "рост ёж, ήλιος",
        "שלג مرحبا हिन्दी 가",
        "ไทย ລາວ ខ្មែរ မြန်",
        "ა հա ሀ বাং தமிழ் 𞤀𞤣",
        "👍 🇺🇸 2024 https://t.co/x @you the",
    ]
    assert counted([*texts, None]) == WordCounts(
        Counter({
            "Latin": 7, "Han": 2, "Japanese kana": 2, "Cyrillic": 2, "Greek": 1, "Hebrew": 1,
            "Arabic": 1, "Devanagari": 1, "Hangul": 1, "Thai": 2, "Lao": 2, "Khmer": 2,
            "Myanmar": 1, "Georgian": 1, "Armenian": 1, "Ethiopic": 1, "Bengali": 1, "Tamil": 1,
            "other": 1,
        }),
        Counter({"Latin": 3, "Han": 1, "Cyrillic": 1}),
    )  # fmt: skip


def test_all_words_of_a_text_count_and_copies_of_it_as_often_as_they_occur() -> None:
    once = counted(["win win win lose lose 日本"])
    assert once == WordCounts(Counter(Latin=5, Han=1), Counter(Latin=3, Han=1))
    assert counted([*["win win win lose lose 日本"] * 3, None, "!"]) == once + once + once
    assert counted([]) == counted([None, "", "👍"]) == WordCounts()


TEXTS = st.lists(st.text(st.sampled_from("winlo #$日本株рост ก👍2\u200d.")), max_size=12)


@given(TEXTS, st.sampled_from([1, 2]))
@examples(50)
def test_counts_are_those_of_the_tokens_one_by_one(texts: list[str], version: int) -> None:
    rules = TextRules(version=version)
    lists = tokenize(pl.Series(texts, dtype=pl.String), rules).to_list()
    words = [w for text in lists for w in text if w.isascii() or any(map(str.isalpha, w))]
    found = counted(texts, rules)
    assert found.words.total() == len(words)
    assert found.known.total() == sum(word in VOCABULARY.words for word in words)


def test_counts_do_not_depend_on_the_slices() -> None:
    drawn = np.random.default_rng(2).choice(["win", "日本 株", "рост lose", "", "👍"], size=3_000)
    parts = [counted(drawn[at : at + 700].tolist()) for at in range(0, 3_000, 700)]
    assert sum(parts, WordCounts()) == counted(drawn.tolist())


def test_shares_begin_with_the_most_frequent_script() -> None:
    counts = WordCounts(Counter(Han=3, Latin=90, Thai=3), Counter(Latin=60, Thai=1))
    assert list(counts.shares().items()) == [("Latin", 0.6667), ("Han", 0.0), ("Thai", 0.3333)]
    assert str(counts) == "Latin 66.7 %, Han 0.0 %, Thai 33.3 %"
    assert (WordCounts().share, WordCounts().shares(), WordCounts().warnings("m")) == (1.0, {}, [])


ADVICE = "its scores of them mean nothing; train a model on such posts: tweetscore train"


@pytest.mark.parametrize(
    ("words", "known", "warnings"),
    [
        ({"Latin": 100}, {"Latin": 20}, []),
        ({"Latin": 1_000}, {"Latin": 199}, [
            f"20 % of the words of these posts are known to the model m (199 of 1,000): {ADVICE}"
        ]),
        ({"Han": 40, "Latin": 2}, {}, [
            f"0 % of the words of these posts are known to the model m (0 of 42): {ADVICE}"
        ]),
        ({"Latin": 950, "Han": 50}, {"Latin": 900, "Han": 9}, [
            f"18 % of the Han words of these posts are known to the model m (9 of 50): {ADVICE}"
        ]),
        ({"Latin": 951, "Han": 49}, {"Latin": 900}, []),
    ],
)  # fmt: skip
def test_few_known_words_are_a_warning(
    words: dict[str, int], known: dict[str, int], warnings: list[str]
) -> None:
    assert WordCounts(Counter(words), Counter(known)).warnings("m") == warnings


# ---- With the scores -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("models") / "tiny")[0]


def run(store: Store, bundle: Bundle, *intervals: int) -> ScoreAccount:
    return score(store, bundle, intervals, lambda _done, _total: None, chunk_rows=2)


def test_scoring_keeps_the_counts_beside_the_scores(store: Store, bundle: Bundle) -> None:
    at = "2018-12-19 18:00:00"
    put_tweets(
        store, [(1, at, "great win"), (2, at, "great loss"), (3, at, "株 великий"), (4, at, "")]
    )
    account = run(store, bundle, 5)
    assert account.known_words == {"Latin": 0.75, "Cyrillic": 0.0, "Han": 0.0}
    assert account.warnings == tuple(
        f"0 % of the {script} words of these posts are known to the model tiny (0 of 1): {ADVICE}"
        for script in ("Cyrillic", "Han")
    )
    kept = "SELECT script, sum(words), sum(known) FROM known_words GROUP BY ALL ORDER BY ALL"
    assert store.rows(kept) == [("Cyrillic", 1, 0), ("Han", 1, 0), ("Latin", 4, 3)]
    again = run(store, bundle, 5)
    assert (again.known_words, again.warnings) == ({}, ())
    assert store.rows(kept) == [("Cyrillic", 1, 0), ("Han", 1, 0), ("Latin", 4, 3)]


def test_posts_of_unknown_words_are_told_on_stderr_whatever_is_printed(
    store: Store, bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    put_tweets(store, [(1, "2018-12-19 18:00:00", "今日の日経平均は上がる")])
    account = run(store, bundle)
    warning = (
        f"Warning: 0 % of the words of these posts are known to the model tiny (0 of 8): {ADVICE}\n"
    )
    show_scores(account, kind_of("direction"), as_json=True)
    assert capsys.readouterr().err == warning
    show_scores(account, kind_of("direction"), as_json=False)
    shown = capsys.readouterr()
    assert shown.err.startswith(warning)
    assert "words that the model knows: Han 0.0 %, Japanese kana 0.0 %" in shown.err


@pytest.mark.slow
def test_shards_keep_the_counts_in_the_manifest(bundle: Bundle, tmp_path: Path) -> None:
    horizons = (Horizon(30),)
    texts = pl.Series("text", ["great win", "株 上"] * 10)
    inputs = write(tmp_path / "in", posts(20).with_columns(texts), posts(20, 1).with_columns(texts))
    job = Job(bundle, horizons, read_market(memory_store(), horizons), place_of(tmp_path / "out"))
    account = run_files(inputs, job)
    assert account.known_words == {"Han": 0.0, "Latin": 1.0}
    assert account.warnings == (
        f"0 % of the Han words of these posts are known to the model tiny (0 of 40): {ADVICE}",
    )
    manifest = tmp_path / "out" / MANIFEST / FINISHED
    lines = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    assert [(each["words"], each["known"]) for each in lines] == [
        ({"Han": 20, "Latin": 20}, {"Latin": 20})
    ] * 2
    again = run_files(inputs, job)
    assert (again.already_finished, again.known_words) == (2, account.known_words)

"""Tags, words, phrases and authors in posts, beside plain Python and Twitter's own symbols."""

import json
import random
import re
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from examples import ALL

from tweetscore.text.terms import TermFinder, is_tag

Rules = Sequence[tuple[str, str]]  # kind and term


def found(rules: Rules, texts: Sequence[str], authors: Sequence[str | None] = ()) -> list[set[str]]:
    """The terms found in each text."""
    table = pl.DataFrame(
        {
            "rule": pl.Series(range(len(rules)), dtype=pl.Int32),
            "kind": [kind for kind, _ in rules],
            "term": [term for _, term in rules],
        }
    )
    posts = pl.DataFrame(
        {"text": list(texts), "author": list(authors) or [None] * len(texts)},
        {"text": pl.String, "author": pl.String},
    )
    named: list[set[str]] = [set() for _ in texts]
    pairs = TermFinder(table).found(posts).rows()
    assert len(pairs) == len(set(pairs))
    for row, rule in pairs:
        named[row].add(rules[rule][1])
    return named


# --- examples by hand -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("$T", "T"),
        ("buy $t\n$BRK.B, $brk_a!", "T BRK.B BRK_A"),
        ("$T, $D. $NOW? ($C $A's", "T D NOW A"),
        ("x$T A$T 5$T $$T .$T @$T", ""),
        ("$T5 $TT $ABCDEFG $BRK.BBB $5 $T¥ $T…", "TT BRK"),
        ("$BRK.B5 $BRK.5 $BRK.", "BRK"),
        ("\u3000$T\u00a0$D\u200e$C $A\u200e", "T C"),
        ("$D&amp;x https://x.y/$T $T/$C", "D T"),
        ("$株 株$T ＄T $é$P $TÄ$P", ""),
    ],
)
def test_a_cashtag_is_twitters(text: str, tags: str) -> None:
    known = ("T", "TT", "D", "C", "A", "NOW", "BRK", "BRK.B", "BRK_A", "ABCDEF", "P")
    assert found([("cashtag", each) for each in known], [text]) == [set(tags.split())]


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#tesla", "tesla"),
        ("#Tesla: (#bitcoin) #btc_usd!", "tesla bitcoin btc_usd"),
        ("x#tesla 5#tesla &#tesla é#tesla", ""),
        ("#teslas #tesla5 #tesla_ #te-sla", ""),
        ("#tesla#bitcoin ##tesla", "tesla"),
        ("#tesla#bitcoin", ""),
        ("https://x.y/#tesla x.com/#bitcoin www.x.y#btc_usd", ""),
        ("ＴＥＳＬＡ。＃日経 日経#テスラ", "日経"),
        ("#テスラ、#日経平均", "テスラ"),
        ("#CAFE\u0301", "café"),
        ("#\ufe0ftesla", ""),
    ],
)
def test_a_hashtag_is_twitters(text: str, tags: str) -> None:
    known = ("tesla", "bitcoin", "btc_usd", "日経", "テスラ", "café")
    assert found([("hashtag", each) for each in known], [text]) == [set(tags.split())]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Tesla", "tesla"),
        ("tesla's (TESLA) #tesla @tesla $tesla non-tesla", "tesla"),
        ("teslas xtesla tesla5 tesla_x _tesla teslá", ""),
        ("https://tesla.com/tesla www.tesla.com", ""),
        ("AT&amp;T AT&T", "AT&T"),
        ("elon\n\u00a0 MUSK rises", "elon musk"),
        ("elonmusk elon-musk elon musks", ""),
        ("今日の日経平均は", "日経"),
        ("トヨタ自動車 Teslaの株", "トヨタ tesla"),
        ("トヨタグループ トヨターズ", ""),
        ("ประเทศไทยดี ไทยู", "ไทย"),
        ("테슬라 주가", "테슬라"),
        ("테슬라가", ""),
        ("a.b", "a.b"),
        ("axb a+b", ""),
        ("C++ c++11", "c++"),
        ("cafe\u0301 CAFÉ", "café"),
        ("cafés", ""),
    ],
)
def test_a_word_or_phrase_has_nothing_joined_to_its_ends(text: str, terms: str) -> None:
    words = ("tesla", "AT&T", "日経", "トヨタ", "ไทย", "테슬라", "a.b", "c++", "café")
    rules = [*(("word", each) for each in words), ("phrase", "elon musk")]
    expected = {"elon musk"} if terms == "elon musk" else set(terms.split())
    assert found(rules, [text]) == [expected]


def test_authors_are_whole_names_in_any_case() -> None:
    rules = [("author", "ElonMusk"), ("author", "a.b")]
    authors = ["elonmusk", "ELONMUSK", "elonmusk2", None, "axb", "a.b"]
    assert found(rules, ["elonmusk"] * 6, authors) == [
        {"ElonMusk"}, {"ElonMusk"}, set(), set(), set(), {"a.b"}
    ]  # fmt: skip


def test_what_can_be_a_tag() -> None:
    cashtags = ("T", "brk.b", "BRK_AB", "ABCDEF", "ABCDEFG", "BRK-B", "A1", "", "BRK.", "7203")
    assert [is_tag("cashtag", each) for each in cashtags] == [True] * 4 + [False] * 6
    hashtags = ("btc", "日経225", "a_b", "225", "_", "a b", "a-b", "")
    assert [is_tag("hashtag", each) for each in hashtags] == [True] * 3 + [False] * 5


# --- plain Python, from the documents -------------------------------------------------------------

SPACES = "\t\n\v\f\r \x85\xa0\u1680\u180e\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
SIGNS = (
    "_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c\u309b\u309c\u30a0\u30fb\u3003"
    "\u0f0b\u0f0c\u00b7"
)
UNSPACED = ("CJK UNIFIED", "HIRAGANA", "THAI", "LAO", "MYANMAR", "KHMER")
VALID_CASHTAG = re.compile(
    rf"(?:^|[{SPACES}{DIRECTIONS}])\$([a-z]{{1,6}}(?:[._][a-z]{{1,2}})?)"
    rf"(?=$|\s|[{re.escape(PUNCTUATION)}])"
)


def is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


def in_hashtag(character: str) -> bool:
    return is_letter(character) or character in SIGNS or unicodedata.category(character) == "Nd"


def hashtags(text: str) -> set[str]:
    """Twitter's rule, read off character by character."""
    tags = set()
    for at, sign in enumerate(text):
        before = text[at - 1] if at else " "
        if sign not in "#＃" or before == "&" or in_hashtag(before):
            continue
        end = at + 1
        while end < len(text) and in_hashtag(text[end]):
            end += 1
        tag = text[at + 1 : end]
        if any(map(is_letter, tag)) and text[end : end + 1] not in ("#", "＃"):
            tags.add(tag)
    return tags


def script(character: str) -> str:
    name = unicodedata.name(character, "")
    if name.startswith(("KATAKANA", "HALFWIDTH KATAKANA")) and is_letter(character):
        return "katakana"
    if name.startswith(UNSPACED) and is_letter(character):
        return "unspaced"
    is_joined = unicodedata.category(character)[0] in "LMN" or character in "_\u200c\u200d"
    return "spaced" if is_joined else "other"


def holds(text: str, term: str) -> bool:
    """Whether a term stands somewhere with nothing joined to either end."""
    at = text.find(term)
    while at >= 0:
        before, after = text[:at][-1:], text[at + len(term) :][:1]
        ends = [(script(term[0]), before), (script(term[-1]), after)]
        joined = any(
            beside and edge in ("spaced", "katakana") and script(beside) == edge
            for edge, beside in ends
        )
        is_mark = bool(after) and unicodedata.category(after)[0] == "M"
        if not joined and not (is_mark and script(term[-1]) != "other"):
            return True
        at = text.find(term, at + 1)
    return False


PIECES = [
    "$", "#", "＃", "T", "t", "BRK.B", "tesla", "Tesla", " ", "  ", "\n", "\u3000", "\u200e", "_",
    ".", "'", "-", "&", "5", "é", "e\u0301", "日経", "の", "テスラ", "ー", "ไทย", "ี", "테슬라",
    "🚀", "…", "(", "elon", " musk", "https://t.co/aB$T ", "+", " $", " $T",
    " $tesla", "\n$brk", " #", " #tesla",
]  # fmt: skip
CASHTAGS = ("t", "brk.b", "tesla", "elon", "tt")
HASHTAGS = ("t", "tesla", "elon", "日経", "テスラ", "ไทย", "é", "t5", "tt")
TERMS = ["t", "tesla", "elon musk", "日経", "テスラ", "ไทย", "테슬라", "é", "5", "+", "tesla."]


@pytest.mark.property
def test_terms_are_those_that_plain_python_finds() -> None:
    draw = random.Random(5)
    texts = [
        "".join(draw.choices(PIECES, k=draw.randint(1, 9))) for _ in range(3_000 if ALL else 500)
    ]
    rules = [
        *(("cashtag", each) for each in CASHTAGS),
        *(("hashtag", each) for each in HASHTAGS),
        *(("phrase", each) for each in TERMS),
    ]
    cash, hashed, phrases = (
        found([each for each in rules if each[0] == kind], texts)
        for kind in ("cashtag", "hashtag", "phrase")
    )
    for row, text in enumerate(texts):
        plain = unicodedata.normalize("NFC", text).lower()
        readable = re.sub(r"https?://[!#-;=?-~]*", "\ufffc", plain)
        spaced = re.sub(rf"[{SPACES}]+", " ", readable)
        assert cash[row] == {*VALID_CASHTAG.findall(plain)} & {*CASHTAGS}, repr(text)
        assert hashed[row] == hashtags(readable) & {*HASHTAGS}, repr(text)
        assert phrases[row] == {term for term in TERMS if holds(spaced, term)}, repr(text)
    assert found(rules, texts) == [a | b | c for a, b, c in zip(cash, hashed, phrases, strict=True)]
    assert min(sum(map(bool, each)) for each in (cash, hashed, phrases)) > len(texts) // 20


# --- Twitter's own symbols ------------------------------------------------------------------------


@pytest.mark.slow
def test_cashtags_are_those_that_twitter_has_found(data: Path) -> None:
    tweets = {}
    with zipfile.ZipFile(data / "stocknet" / "dev.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".jsonl"):
                for line in archive.read(name).splitlines():
                    tweet = json.loads(line)
                    tweets[tweet["id"]] = tweet
    # A text cut off has symbols that are no longer in it; Twitter did not know every space in 2015.
    whole = [
        each for each in tweets.values() if "…" not in each["text"] and "\xa0" not in each["text"]
    ]
    theirs = [{one["text"].lower() for one in each["entities"]["symbols"]} for each in whole]
    rules = [("cashtag", each) for each in sorted(set().union(*theirs))]
    ours = found(rules, [each["text"] for each in whole])
    assert sum(map(len, theirs)) > 50_000
    assert ours == theirs

"""Find terms in posts: tags, words, phrases and authors enter, who names which one leaves.

- A cashtag is Twitter's: ``$`` after a space or at the beginning, up to six letters, perhaps ``.``
  or ``_`` with one or two more, then a space, ASCII punctuation or the end.
- A hashtag is Twitter's, too: ``#`` or ``＃`` that stands neither behind a letter or digit nor in
  an address, then letters, marks, digits and a few signs, not all of them digits or signs.
- A word or phrase is found where no letter, mark, digit or underscore joins it on either side. The
  scripts that write no spaces need no such end: 日経 is found inside 今日の日経平均は. A word in
  Katakana ends where the Katakana does, and a Latin one also where such a script begins. Any white
  space stands for any other, and addresses are not read.
- An author is the whole name.

HTML entities are decoded, once; letter case and the two ways to write an accent (NFC) make no
difference. Both tags follow
twitter-text 3.1, ``VALID_CASHTAG`` and ``VALID_HASHTAG`` in ``Regex.java``
(github.com/twitter/twitter-text).

Each text is read once for each kind, by one regular expression or, for words, by one automaton of
all terms (Aho and Corasick 1975): the work grows with texts and what is found, not with terms.
"""

from collections.abc import Callable
from typing import Literal

import polars as pl

from tweetscore.text.pieces import NAMED_URL, URL_CHARACTERS, decoded
from tweetscore.text.unspaced import HAN, HIRAGANA, KATAKANA, SOUTH_EAST

Kind = Literal["cashtag", "hashtag", "word", "phrase", "author"]

_SPACES = (
    r"\t-\r \x{85}\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
)
_DIRECTIONS = r"\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}"
_PUNCTUATION = r"!-/:-@\[-`{-~"
CASHTAG = r"[a-z]{1,6}(?:[._][a-z]{1,2})?"
_DOLLAR_WORD = rf"(?:^|[{_SPACES}])\$[a-z][^{_SPACES}]*"
_CASHTAG_FIRST = rf"^[{_SPACES}]?\$({CASHTAG})(?:$|[{_PUNCTUATION}])"

# Twitter's signs inside hashtags, beside letters, marks and decimal digits.
_SIGNS = (
    r"_\x{200C}\x{200D}\x{A67E}\x{5BE}\x{5F3}\x{5F4}\x{FF5E}\x{301C}\x{309B}\x{309C}\x{30A0}"
    r"\x{30FB}\x{3003}\x{F0B}\x{F0C}\x{B7}"
)
_LETTERS = r"\p{L}\p{M}"
_IN_HASHTAG = rf"{_LETTERS}\p{{Nd}}{_SIGNS}"
_SELECTORS = r"\x{FE0E}\x{FE0F}"  # of the form of the character before, which may be any
HASHTAG = rf"[{_IN_HASHTAG}]*[{_LETTERS}][{_IN_HASHTAG}]*"
# A sign behind a letter begins no hashtag, and ends the one before as none; it is marked by U+0000.
_JOINED_SIGN = rf"([[{_IN_HASHTAG}]--[{_SELECTORS}]])([#＃])"
_SIGN_WORD = (
    rf"(?:^|[{_SELECTORS}]|[^&\x00{_IN_HASHTAG}])"
    rf"[#＃]([[{_IN_HASHTAG}]--[\x{{FE0F}}\x{{20E3}}]][{_IN_HASHTAG}]*\x00?)"
)

_ADDRESS = rf"https?://{URL_CHARACTERS}|{NAMED_URL}"
_NOTHING = "\ufffc"  # stands for an address: no space, no letter and no punctuation
_UNSPACED = rf"[{HAN}{HIRAGANA}{SOUTH_EAST}]"
_JOINS = rf"[[\p{{L}}\p{{M}}\p{{N}}\p{{Pc}}\x{{200C}}\x{{200D}}]--[{_UNSPACED}{KATAKANA}]]"
FOUND = {"row": pl.UInt32, "rule": pl.Int32}


def folded(texts: pl.Series) -> pl.Series:
    """Write texts so that equal ones are equal strings, whatever their case and their accents."""
    places = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()  # the others are ASCII
    if len(places):
        texts = texts.scatter(places, texts.gather(places).str.normalize("NFC"))
    return texts.str.to_lowercase()


def folded_term(kind: str, term: str) -> str:
    """Write one term as it is compared."""
    return str(folded(pl.Series([" ".join(term.split()) if kind == "phrase" else term]))[0])


class TermFinder:
    """The terms of rules, ready to be looked for in many posts."""

    def __init__(self, rules: pl.DataFrame) -> None:
        """Prepare the terms.

        Args:
            rules: ``rule`` (its number), ``kind`` and ``term``.
        """
        self._terms = {
            str(kind): of_kind.select(
                pl.col("rule").cast(pl.Int32),
                term=pl.Series([folded_term(str(kind), each) for each in of_kind["term"]]),
            )
            for (kind,), of_kind in rules.with_columns(pl.col("kind").replace({"word": "phrase"}))
            .partition_by("kind", as_dict=True)
            .items()
        }
        phrases = self._terms.get("phrase")
        self._patterns = {} if phrases is None else {t: _pattern(t) for t in set(phrases["term"])}

    def found(self, posts: pl.DataFrame) -> pl.DataFrame:
        """Return which post holds the term of which rule, each pair once.

        Args:
            posts: ``text`` and ``author``.

        Returns:
            ``row``, the place of the post, and ``rule``.
        """
        numbered = posts.select(
            row=pl.int_range(pl.len(), dtype=pl.UInt32),
            text=folded(decoded(posts["text"])),
            author=posts["author"].str.to_lowercase(),
        )
        finders: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
            "cashtag": _cashtags,
            "hashtag": _hashtags,
            "phrase": self._phrases,
            "author": lambda rows: rows.select("row", term="author"),
        }
        pairs = [
            finders[kind](numbered).join(terms, on="term").select(*FOUND)
            for kind, terms in self._terms.items()
        ]
        return pl.concat([pl.DataFrame(schema=FOUND), *pairs]).unique()

    def _phrases(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Look for all terms at once, and then for the ends of those that are there."""
        text = _readable(rows["text"]).str.replace_all(rf"[{_SPACES}]+", " ")
        terms = sorted(self._patterns)
        seen = rows.select("row", text=text).with_columns(
            term=text.str.extract_many(terms, overlapping=True).list.unique()
        )
        seen = seen.explode("term", empty_as_null=False, keep_nulls=False)
        return pl.concat(
            [seen.select("row", "term").clear()]
            + [
                of_term.filter(pl.col("text").str.contains(self._patterns[str(term)])).select(
                    "row", "term"
                )
                for (term,), of_term in seen.partition_by("term", as_dict=True).items()
            ]
        )


def _cashtags(rows: pl.DataFrame) -> pl.DataFrame:
    texts = rows.filter(pl.col("text").str.contains("$", literal=True))
    spaced = texts.with_columns(pl.col("text").str.replace_all(rf"[{_DIRECTIONS}]", "$0 "))
    words = spaced.select("row", term=pl.col("text").str.extract_all(_DOLLAR_WORD))
    return (
        words.explode("term", empty_as_null=False, keep_nulls=False)
        .with_columns(pl.col("term").str.extract(_CASHTAG_FIRST))
        .drop_nulls("term")
    )


def _hashtags(rows: pl.DataFrame) -> pl.DataFrame:
    texts = rows.filter(pl.col("text").str.contains("[#＃]"))
    marked = _readable(texts["text"]).str.replace_all(_JOINED_SIGN, "$1\0$2")
    words = texts.select("row", term=marked.str.extract_all(_SIGN_WORD))
    return (
        words.explode("term", empty_as_null=False, keep_nulls=False)
        .with_columns(pl.col("term").str.extract("([^#＃]*)$"))
        .filter(pl.col("term").str.contains(rf"^{HASHTAG}$"))
    )


def _readable(texts: pl.Series) -> pl.Series:
    """Put a sign that is no part of anything in the place of each address."""
    places = texts.str.contains(r"/|www\.").arg_true()
    if places.is_empty():
        return texts
    return texts.scatter(places, texts.gather(places).str.replace_all(_ADDRESS, _NOTHING))


def _pattern(term: str) -> str:
    """Return what matches a text that holds the term with nothing joined to its ends."""
    literal = "".join(f"\\x{{{ord(each):x}}}" for each in term)
    return f"{_end(term[0], '^')}{literal}{_end(term[-1], '$')}"


def _end(edge: str, anchor: str) -> str:
    """Return what may stand beside the first (``^``) or last character (``$``) of a term."""
    of_edge = pl.Series([edge])
    mark = "" if anchor == "^" else r"\p{M}"  # which would belong to the last character
    if of_edge.str.contains(KATAKANA)[0]:
        return rf"(?:{anchor}|[^{KATAKANA}{mark}])"
    if of_edge.str.contains(_UNSPACED)[0]:
        return rf"(?:{anchor}|[^{mark}])" if mark else ""
    if of_edge.str.contains(_JOINS)[0]:
        return rf"(?:{anchor}|[^{_JOINS}{mark}])"
    return ""


def is_tag(kind: str, term: str) -> bool:
    """Return whether a cashtag or hashtag can be written like this, without its sign."""
    form = {"cashtag": CASHTAG, "hashtag": HASHTAG}[kind]
    return bool(pl.Series([folded_term(kind, term)]).str.contains(rf"^(?:{form})$")[0])

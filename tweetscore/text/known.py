"""Count how many words of posts a vocabulary knows, by script: tokens and ids enter, counts leave.

The score of a post without a known word says nothing about the post. So scoring counts the words of
every script, and how many of them are known. A word shows its script and not its language: Latin
letters write hundreds of languages, Han is Chinese or Japanese. Emoji are not counted.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

FEW_KNOWN = 0.2  # below this share, scores mean next to nothing
MATTERS = 0.05  # of all words; a rarer script is in the account, without a warning

_KANA = "Japanese kana"
_SCRIPTS = {
    "Latin": "Latin", "Cyrillic": "Cyrillic", "Greek": "Greek", "Arabic": "Arabic",
    "Hebrew": "Hebrew", "Devanagari": "Devanagari", "Bengali": "Bengali", "Tamil": "Tamil",
    "Hangul": "Hangul", "Han": "Han", "Hiragana": _KANA, "Katakana": _KANA, "Thai": "Thai",
    "Lao": "Lao", "Khmer": "Khmer", "Myanmar": "Myanmar", "Georgian": "Georgian",
    "Armenian": "Armenian", "Ethiopic": "Ethiopic",
}  # fmt: skip
OTHER_SCRIPT = "other"
_NAMES = tuple(dict.fromkeys((*_SCRIPTS.values(), OTHER_SCRIPT)))
_LATIN, _OTHER, _NO_WORD = _NAMES.index("Latin"), _NAMES.index(OTHER_SCRIPT), len(_NAMES)


@dataclass(frozen=True, slots=True)
class WordCounts:
    """The words of some posts, and those of them that a vocabulary knows, by script."""

    words: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.words + other.words, self.known + other.known)

    @property
    def share(self) -> float:
        """The known share of all words; 1 where there are none."""
        return self.known.total() / self.words.total() if self.words else 1.0

    def shares(self) -> dict[str, float]:
        """Give the known share of each script, the most frequent script first."""
        return {
            script: round(self.known[script] / count, 4)
            for script, count in sorted(self.words.items(), key=lambda each: (-each[1], each[0]))
        }

    def warnings(self, model: str) -> list[str]:
        """Return warnings: a model knows few of all words, or few of a frequent script."""
        advice = "its scores of them mean nothing; train a model on such posts: tweetscore train"
        if self.share < FEW_KNOWN:
            counts = f"({self.known.total():,} of {self.words.total():,})"
            percent = f"{100 * self.share:.0f} % of the words"
            return [f"{percent} of these posts are known to the model {model} {counts}: {advice}"]
        return [
            f"{100 * share:.0f} % of the {script} words of these posts are known to the model "
            f"{model} ({self.known[script]:,} of {self.words[script]:,}): {advice}"
            for script, share in self.shares().items()
            if share < FEW_KNOWN and self.words[script] >= MATTERS * self.words.total()
        ]

    def __str__(self) -> str:
        return ", ".join(f"{script} {100 * share:.1f} %" for script, share in self.shares().items())

    def rows(self) -> pl.DataFrame:
        """Give a row for each script: its words, and the known ones."""
        scripts = sorted(self.words)
        return pl.DataFrame(
            {
                "script": scripts,
                "words": [self.words[each] for each in scripts],
                "known": [self.known[each] for each in scripts],
            },
            schema={"script": pl.String, "words": pl.Int64, "known": pl.Int64},
        )


def count_words(
    tokens: pl.Series, is_known: npt.NDArray[np.bool_], times: npt.NDArray[np.int64]
) -> WordCounts:
    """Count the words among distinct tokens.

    Args:
        tokens: distinct tokens, null where a piece is none.
        is_known: whether the vocabulary knows each.
        times: how often each occurs.
    """
    places = _script_places(tokens)
    words = np.bincount(places, times, len(_NAMES) + 1)
    known = np.bincount(places, times * is_known, len(_NAMES) + 1)
    return WordCounts(_named(words), _named(known))


def _script_places(tokens: pl.Series) -> npt.NDArray[np.int64]:
    """Give the script of each token's first letter, as a place among the names of scripts."""
    # Most tokens are ASCII, and these are Latin: of them only hashtags may lack a letter.
    is_wide = tokens.str.len_bytes() != tokens.str.len_chars()
    places = np.where(tokens.is_null().to_numpy(), _NO_WORD, _LATIN)
    first = tokens.filter(is_wide).str.extract(r"(\p{L})").fill_null("").to_arrow()
    letters = first.dictionary_encode()
    scripts = _scripts_of(pl.Series(letters.dictionary, dtype=pl.String))
    places[is_wide.fill_null(value=False).to_numpy()] = scripts[letters.indices.to_numpy()]
    return places


def _scripts_of(letters: pl.Series) -> npt.NDArray[np.int64]:
    """Give the script of distinct letters; an empty string is of none."""
    letter = pl.col("letter")
    # The mark that makes a vowel long is of both kana, so of neither.
    belongs = [
        pl.when(letter.str.contains(rf"[\p{{{script}}}{'ー' * (name == _KANA)}]")).then(
            _NAMES.index(name)
        )
        for script, name in _SCRIPTS.items()
    ]
    none = pl.when(letter == "").then(_NO_WORD)
    found = letters.to_frame("letter").select(pl.coalesce(none, *belongs, _OTHER))
    return found.to_series().to_numpy().astype(np.int64)


def _named(counts: npt.NDArray[Any]) -> Counter[str]:
    return +Counter(dict(zip(_NAMES, counts.astype(int).tolist(), strict=False)))

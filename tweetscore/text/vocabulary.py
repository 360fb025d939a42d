"""The words that a model knows: tokens enter, the most frequent ones stay, each with its id."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl

from tweetscore.errors import IntegrityError
from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import tokenize

PAD_ID = 0
UNKNOWN_ID = 1
SPECIAL_WORDS = ("<pad>", "<unk>")  # no token can look like these: punctuation parts words


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The known words; the place of a word is its id, and the first two are the special ones."""

    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def from_texts(
        cls, texts: Iterable[str] | pl.Series, rules: TextRules, size: int = 10_000
    ) -> Self:
        """Take the ``size`` most frequent tokens of the texts, as `from_tokens` does."""
        column = texts if isinstance(texts, pl.Series) else pl.Series(list(texts), dtype=pl.String)
        return cls.from_tokens(tokenize(column, rules), size)

    @classmethod
    def from_tokens(cls, tokens: pl.Series, size: int = 10_000) -> Self:
        """Take the ``size`` most frequent tokens of a List(String) series.

        Equally frequent ones come in the order of their code points. The two special words are not
        counted: there are at most ``size + 2`` ids in all.
        """
        counts = tokens.rename("token").explode().drop_nulls().value_counts(name="count")
        frequent = counts.sort(["count", "token"], descending=[True, False]).head(size)
        return cls((*SPECIAL_WORDS, *frequent["token"].to_list()))

    def save(self, path: Path) -> None:
        """Write one word per line, in UTF-8, the line number less one being the id."""
        path.write_bytes("".join(f"{word}\n" for word in self.words).encode())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a saved vocabulary.

        Raises:
            IntegrityError: the file is not readable UTF-8, does not begin with the special words,
                or holds an empty line or a word twice.
        """
        try:
            text = path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise IntegrityError(f"{path}: not a readable list of words: {error}") from error
        words = tuple(text.removesuffix("\n").split("\n"))
        if words[:2] != SPECIAL_WORDS:
            raise IntegrityError(f"{path}: does not begin with {' and '.join(SPECIAL_WORDS)}")
        seen: set[str] = set()
        for line, word in enumerate(words, start=1):
            if not word or word in seen:
                raise IntegrityError(f"{path}, line {line}: empty or there before: {word!r}")
            seen.add(word)
        return cls(words)

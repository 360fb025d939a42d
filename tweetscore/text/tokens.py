"""Turn a column of texts into padded token ids: texts and a vocabulary enter, int32 ids leave.

The rules, in words. HTML entities are decoded, once. URLs go: everything from ``http`` to the end
of its printable ASCII, wherever that stands, a ``htt…`` that a retweet cut off, and names such as
``www.nbc.com`` or ``bit.ly/x``. Mentions go, with the server that Mastodon and Bluesky write behind
them. What is left is read from the left:

- a hashtag is ``#`` with letters, digits and underscores, and keeps its case;
- an emoji is a token with its modifiers, so is a joined sequence of them, and so is a flag. The
  presentation selector goes: both ways to write a heart are one token;
- a word is a run of letters, marks and digits, lower-cased. A single apostrophe or hyphen between
  two of them joins and vanishes: ``don't`` is ``dont``, ``MS-13`` is ``ms13``;
- a number is a part of such a run, in front of any word, that begins with a digit, and it goes:
  all of ``2016``, ``1st`` and ``1939-45``, and the ``18`` of ``18-year-old``;
- everything else is punctuation, and parts what stands around it.

Invisible format characters vanish from words and hashtags, composed and decomposed accents are one
(NFC), and a word on the list of stop words goes. Scripts without spaces are not segmented.

Nothing on the way is a Python object per text: one regex cuts a slice of texts into pieces, the
distinct pieces are cleaned and looked up once, and numpy puts their ids where they belong.
"""

import html
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tweetscore.errors import InputError, IntegrityError

PAD_ID = 0
UNKNOWN_ID = 1
SPECIAL_WORDS = ("<pad>", "<unk>")  # no token can look like these: punctuation parts words
RULES_VERSION = 1

# The NLTK list of 2019. Those with an apostrophe never match, as in the study: it is gone by then.
_STOP_WORD_LIST = """
    a about above after again against ain all am an and any are aren aren't as at be because been
    before being below between both but by can couldn couldn't d did didn didn't do does doesn
    doesn't doing don don't down during each few for from further had hadn hadn't has hasn hasn't
    have haven haven't having he her here hers herself him himself his how i if in into is isn
    isn't it it's its itself just ll m ma me mightn mightn't more most mustn mustn't my myself
    needn needn't no nor not now o of off on once only or other our ours ourselves out over own re
    s same shan shan't she she's should should've shouldn shouldn't so some such t than that
    that'll the their theirs them themselves then there these they this those through to too under
    until up ve very was wasn wasn't we were weren weren't what when where which while who whom
    why will with won won't wouldn wouldn't y you you'd you'll you're you've your yours yourself
    yourselves
"""
STOP_WORDS = tuple(_STOP_WORD_LIST.split())

# Lengths are bounded: Python refuses to read an integer of 5,000 digits.
_ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
_URL_CHARACTERS = r"[!#-;=?-~]*"  # printable ASCII, less quotes and angle brackets
_URL = rf"(?i:http){_URL_CHARACTERS}|(?i:htt)…"
# A label is never longer than a word and labels are few: nothing is read again and again in vain.
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_HOST = rf"(?i:www)\.[A-Za-z0-9]|(?:{_LABEL}\.){{1,4}}[a-z]{{2,}}/"
_NAMED_URL = rf"(?:{_HOST}){_URL_CHARACTERS}"
_MENTION = r"[@＠][A-Za-z0-9_]+(?:@[A-Za-z0-9._-]+|[A-Za-z0-9-]*\.bsky\.social)?"
# A zero width space is a space; the other format characters stand inside words.
_IN_WORD = r"[\p{L}\p{M}\p{N}\p{Cf}--\x{200B}]"
_JOINER = "['’‘‐‑-]"
_HASHTAG = rf"[#＃](?:{_IN_WORD}|_)+"
_WORD = rf"(?:{_JOINER}?{_IN_WORD})+"
# The blocks that hold pictographs, less circled digits and flag letters; © ™ ‼ are punctuation.
_PICTOGRAPH = (
    r"[\x{2194}-\x{2199}\x{21A9}\x{21AA}\x{2300}-\x{23FF}\x{25B6}\x{25C0}\x{25FB}-\x{25FE}"
    r"\x{2600}-\x{27BF}\x{2B00}-\x{2BFF}\x{1F000}-\x{1F1E5}\x{1F200}-\x{1FAFF}--\p{N}]"
)
_MODIFIED = rf"{_PICTOGRAPH}[\x{{FE0E}}\x{{FE0F}}\x{{1F3FB}}-\x{{1F3FF}}\x{{E0020}}-\x{{E007F}}]*"
_EMOJI = rf"[\x{{1F1E6}}-\x{{1F1FF}}]{{2}}|{_MODIFIED}(?:\x{{200D}}{_MODIFIED})*"
# One class of letters for words and one for hashtags: each more doubles the cost of the regex.
_PIECE = "|".join((_NAMED_URL, _MENTION, _HASHTAG, _EMOJI, _WORD))

_UNWANTED_PIECE = r"^[@＠]|\."  # mentions and URLs: the only pieces with a dot
_UNSEEN = r"[\p{Cf}\x{FE00}-\x{FE0F}]"
_PRESENTATION = r"[\x{FE0E}\x{FE0F}]"
_STARTS_EMOJI = rf"^(?:[\x{{1F1E6}}-\x{{1F1FF}}]|{_PICTOGRAPH})"
_NUMBERS_AHEAD = r"^(?:[\p{M}'’‘‐‑-]|\p{N}[^'’‘‐‑-]*)+"
_WITHOUT_LETTERS = r"^#?\p{M}*$"

_SLICE_ROWS = 65_536  # the most that one thread works on at a time: this bounds the memory

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class TextRules:
    """Everything that turns a text into tokens, beside the code of this version.

    Raises:
        InputError: ``max_tokens`` is below 1.
    """

    stop_words: tuple[str, ...] = STOP_WORDS
    max_tokens: int = 50
    version: int = RULES_VERSION

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise InputError(f"max_tokens must be at least 1, not {self.max_tokens}")

    def to_dict(self) -> dict[str, Any]:
        """Give the rules as plain values that JSON can hold."""
        return asdict(self) | {"stop_words": list(self.stop_words)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read the rules back.

        Raises:
            IntegrityError: a key is unknown or missing, a value has the wrong kind, or the version
                is not the one that this program applies.
        """
        known = {field.name for field in fields(cls)}
        if odd := sorted(known ^ values.keys()):
            raise IntegrityError(f"text rules: unknown or missing: {', '.join(odd)}")
        stop_words, max_tokens = values["stop_words"], values["max_tokens"]
        if values["version"] != RULES_VERSION:
            raise IntegrityError(
                f"text rules: version {values['version']!r}, this program applies {RULES_VERSION}"
            )
        if not isinstance(stop_words, list) or not all(isinstance(w, str) for w in stop_words):
            raise IntegrityError("text rules: stop_words is not a list of words")
        if type(max_tokens) is not int or max_tokens < 1:
            raise IntegrityError(f"text rules: max_tokens is not a count: {max_tokens!r}")
        return cls(stop_words=tuple(stop_words), max_tokens=max_tokens)


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


@dataclass(frozen=True, slots=True)
class TokenIds:
    """The ids of a column of texts, row by row in its order."""

    ids: npt.NDArray[np.int32]  # (rows, max_tokens), PAD_ID to the right of the last token
    lengths: npt.NDArray[np.int32]  # (rows,), 0 for a text without tokens


def tokenize(texts: pl.Series, rules: TextRules) -> pl.Series:
    """Give each text's tokens, all of them, as a List(String) series of the same rows.

    A null text has an empty list.
    """
    parts = _by_slices(lambda part: _slice_tokens(part, rules), texts)
    return pl.concat(parts).rename(texts.name)


def encode(texts: pl.Series, rules: TextRules, vocabulary: Vocabulary) -> TokenIds:
    """Give each text's first ``rules.max_tokens`` token ids.

    A token that the vocabulary does not know is `UNKNOWN_ID`; a null text has none.
    """
    known = pl.DataFrame({"token": vocabulary.words}, schema={"token": pl.String})
    known = known.with_row_index("id")
    parts = _by_slices(lambda part: _slice_ids(part, rules, known), texts)
    return TokenIds(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.lengths for part in parts]),
    )


def encode_tokens(tokens: pl.Series, rules: TextRules, vocabulary: Vocabulary) -> TokenIds:
    """Give the ids that `encode` gives, from what `tokenize` has already made of the texts."""
    kept = tokens.list.head(rules.max_tokens)
    lengths = kept.list.len().to_numpy().astype(np.int32)  # (rows,)
    flat = pl.Series("token", kept.to_arrow().flatten(), dtype=pl.String).to_frame()
    known = pl.DataFrame({"token": vocabulary.words}, schema={"token": pl.String})
    found = flat.join(known.with_row_index("id"), on="token", how="left", maintain_order="left")
    ids = np.full((len(tokens), rules.max_tokens), PAD_ID, dtype=np.int32)
    ids[np.arange(rules.max_tokens) < lengths[:, None]] = found["id"].fill_null(UNKNOWN_ID)
    return TokenIds(ids, lengths)


def _by_slices(work: Callable[[pl.Series], _Result], texts: pl.Series) -> list[_Result]:
    """Do the work on every slice, on all cores (polars, Arrow and numpy let go of the GIL)."""
    threads = pl.thread_pool_size()
    rows = min(max(len(texts) // threads + 1, 1_024), _SLICE_ROWS)
    if len(texts) <= rows:
        return [work(texts)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, [texts[at : at + rows] for at in range(0, len(texts), rows)]))


def _slice_tokens(texts: pl.Series, rules: TextRules) -> pl.Series:
    codes, counts, tokens = _pieces(_readable(texts), rules)
    kept = tokens.is_not_null().to_numpy()[codes]  # (pieces,)
    offsets = np.concatenate([[0], np.cumsum(kept)])[np.concatenate([[0], np.cumsum(counts)])]
    values = tokens.to_arrow().cast(pa.large_string()).take(pa.array(codes[kept]))
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), values)
    return pl.Series(lists, dtype=pl.List(pl.String))


def _slice_ids(texts: pl.Series, rules: TextRules, known: pl.DataFrame) -> TokenIds:
    # A third of a real archive are copies: each distinct text is cut once.
    readable = _readable(texts).to_arrow().dictionary_encode()
    distinct = pl.Series(readable.dictionary, dtype=pl.String)
    codes, counts, tokens = _pieces(distinct, rules)
    found = tokens.to_frame("token").join(known, on="token", how="left", maintain_order="left")
    ids_by_code = found["id"].fill_null(UNKNOWN_ID).to_numpy().astype(np.int32)
    ids_by_code[tokens.is_null().to_numpy()] = PAD_ID  # no token, so no place in the row
    flat = ids_by_code[codes]  # (pieces,)
    kept = flat != PAD_ID
    ends = np.concatenate([[0], np.cumsum(kept)])[np.cumsum(counts)]  # (distinct,)
    starts = np.concatenate([[0], ends])[:-1]
    flat, all_lengths = flat[kept], ends - starts  # (tokens,), (distinct,)
    if all_lengths.max(initial=0) > rules.max_tokens:
        places = np.arange(len(flat)) - np.repeat(starts, all_lengths)
        flat = flat[places < rules.max_tokens]
    lengths = np.minimum(all_lengths, rules.max_tokens).astype(np.int32)
    ids = np.full((len(distinct), rules.max_tokens), PAD_ID, dtype=np.int32)
    ids[np.arange(rules.max_tokens) < lengths[:, None]] = flat
    places_of_texts = readable.indices.to_numpy()  # (rows,)
    return TokenIds(ids[places_of_texts], lengths[places_of_texts])


def _readable(texts: pl.Series) -> pl.Series:
    """Decode HTML entities and blank out URLs; a null text is empty."""
    return _decoded(texts.cast(pl.String).fill_null("")).str.replace_all(_URL, " ")


def _pieces(
    readable: pl.Series, rules: TextRules
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], pl.Series]:
    """Cut texts into pieces: a code per piece, the pieces per text, and the token of each code.

    The token is null where the piece is none.
    """
    lists = readable.str.extract_all(_PIECE).to_arrow()
    pieces = lists.flatten().dictionary_encode()
    counts = lists.value_lengths().to_numpy().astype(np.int64)
    codes = pieces.indices.to_numpy().astype(np.int64)
    return codes, counts, _cleaned(pl.Series(pieces.dictionary, dtype=pl.String), rules)


def _decoded(texts: pl.Series) -> pl.Series:
    """Decode HTML entities once: every distinct one by Python, all of them in one pass."""
    suspects = texts.filter(texts.str.contains("&", literal=True))
    entities = suspects.str.extract_all(_ENTITY).explode().drop_nulls().unique().to_list()
    if not entities:
        return texts
    return texts.str.replace_many(entities, [html.unescape(entity) for entity in entities])


def _cleaned(pieces: pl.Series, rules: TextRules) -> pl.Series:
    """Turn distinct pieces into tokens, null where a piece is unwanted or a stop word."""
    piece = pl.col("piece")
    visible = piece.str.replace_all(_UNSEEN, "")
    word = visible.str.replace(_NUMBERS_AHEAD, "").str.replace_all(_JOINER, "").str.to_lowercase()
    token = (
        pl.when(piece.str.contains(_UNWANTED_PIECE))
        .then(None)
        .when(piece.str.contains("^[#＃]"))
        .then(visible.str.replace("＃", "#").str.normalize("NFC"))
        .when(piece.str.contains(_STARTS_EMOJI))
        .then(piece.str.replace_all(_PRESENTATION, ""))
        .otherwise(word.str.normalize("NFC"))
    )
    tokens = pieces.to_frame("piece").select(token).to_series()
    unwanted = tokens.is_in(rules.stop_words) | tokens.str.contains(_WITHOUT_LETTERS)
    return tokens.set(unwanted, None)

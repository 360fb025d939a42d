"""Give each word of a vocabulary a vector: a file, posts or a seed enter, a matrix leaves.

Files have word2vec format (binary or text) or GloVe format, each plain or gzipped; the format is
recognised by content. They are streamed, and only the vocabulary's rows stay in memory: the full
Google News file has 3 million words. Pickled vectors are refused, because opening a pickle runs the
code in it.

A word takes the vector of its first form that the file has: itself, Capitalised, UPPER CASE; a
hashtag: itself, then without its ``#``, then that in lower case, Capitalised, UPPER CASE. Words
without a vector are drawn at random, at the spread of the others.
"""

import gzip
import itertools
import re
import zlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.errors import InputError, TweetscoreError

RANDOM_SPREAD = 0.2  # the standard deviation of the Google News values

_SPECIAL_WORDS = 2  # <pad> and <unk> lead the vocabulary and are in no file
_BLOCK_BYTES = 1 << 20
_MAX_LINE_BYTES = 1 << 20
_MAX_WORD_BYTES = 1 << 14
_MAX_DIM = 10_000
_HEADER = re.compile(rb"([0-9]{1,12}) ([0-9]{1,6})[ \r]*\n")
_NEVER_IN_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_POSTS_AT_ONCE = 4_096
_NOT_FOUND = 1_000  # higher than any rank

_Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WordVectors:
    """One vector for every word of a vocabulary, and where they are from."""

    matrix: _Matrix  # (len(vocabulary), dim); row 0, <pad>, is zeros
    covered: int  # words with a vector of their own, not drawn at random
    words: int  # words that could have one: all but the two special ones
    source: str


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a file of vectors is written."""

    binary: bool
    dim: int
    count: int  # of words, as the header promises; 0 for GloVe, which has no header
    start: int  # the byte offset of the first word, in the decompressed content


def read_vectors(
    path: Path, words: Sequence[str], *, seed: int, dim: int | None = None
) -> WordVectors:
    """Read the vectors of a vocabulary's words from a word2vec or GloVe file.

    Where the file has a word twice, the first one counts. The values of words outside the
    vocabulary are never parsed.

    Args:
        path: the file, plain or gzipped.
        words: the vocabulary; the place of a word is its row, ``<pad>`` and ``<unk>`` lead.
        seed: decides the vectors of the words that the file has not; at least 0.
        dim: the columns that the vectors must have; None takes the file's.

    Raises:
        InputError: the file cannot be read, is pickled, is in no known format, ends early or goes
            on too long, has other dimensions than ``dim``, has a line with too few or too many
            columns, has text or a value that is not finite in the vector of one of the words, or
            has none of them.
    """
    wanted = _wanted_forms(words)
    try:
        with _open(path) as file:
            layout = _layout(path, file)
            if dim not in (None, layout.dim):
                raise InputError(
                    f"{path}: its vectors have {layout.dim} dimensions, not {dim}; "
                    f"use a file with {dim}"
                )
            file.seek(layout.start)
            read = _binary_records if layout.binary else _text_records
            matrix = np.zeros((len(words), layout.dim), np.float32)
            ranks = np.full(len(words), _NOT_FOUND)  # of the best form so far
            for word, vector in read(path, file, layout, wanted):
                if not np.isfinite(vector).all():
                    raise InputError(
                        f"{path}: the vector of {word.decode()!r} is not finite; "
                        "the file is damaged, get it again"
                    )
                for row, rank in wanted[word]:
                    if rank < ranks[row]:
                        matrix[row], ranks[row] = vector, rank
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: its gzip is damaged, get it again: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    found = ranks < _NOT_FOUND
    if not found.any():
        raise InputError(
            f"{path}: has none of the {len(words) - _SPECIAL_WORDS:,} words; "
            "use vectors of the language of the posts"
        )
    return _completed(matrix, found, seed, f"file {path.name}")


def train_vectors(
    tokens: pl.Series | Iterable[list[str]],
    words: Sequence[str],
    *,
    dim: int = 300,
    seed: int,
    epochs: int = 20,
) -> WordVectors:
    """Train word2vec on the tokens of posts; the same input and seed give the same vectors.

    Words that occur only once in all posts are drawn at random, like those that never occur.

    Args:
        tokens: each post's tokens; best a List(String) series, of which only a few posts at a time
            are Python objects.
        words: the vocabulary; the place of a word is its row, ``<pad>`` and ``<unk>`` lead.
        dim: columns of the matrix.
        seed: decides everything random; 0 to 2**32 - 1.
        epochs: how often every post is seen.

    Raises:
        TweetscoreError: gensim is not installed.
        InputError: no word of the vocabulary occurs twice in the posts.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError as error:
        raise TweetscoreError("training needs gensim: pip install 'tweetscore[train]'") from error
    if not isinstance(tokens, pl.Series):
        tokens = pl.Series(list(tokens), dtype=pl.List(pl.String))
    posts = _Posts(tokens.drop_nulls())
    # CBOW and 20 epochs, because on 36,000 posts its cosines then agree best with those of Google
    # News (Spearman 0.30 in 16 s; skip-gram 0.21 in 47 s; CBOW with the usual 5 epochs, after which
    # all words still point the same way, -0.02). One worker, because several race.
    model = Word2Vec(vector_size=dim, sg=0, min_count=2, workers=1, seed=seed, epochs=epochs)
    model.build_vocab(posts)
    found = np.array([word in model.wv for word in words])
    found[:_SPECIAL_WORDS] = False
    if not found.any():
        raise InputError("no word occurs twice in the posts to train on; use random vectors")
    model.train(posts, total_examples=model.corpus_count, epochs=epochs)
    matrix = np.zeros((len(words), dim), np.float32)
    matrix[found] = model.wv[[word for word, has in zip(words, found, strict=True) if has]]
    return _completed(matrix, found, seed, f"trained on {len(posts.column):,} posts")


def random_vectors(words: Sequence[str], *, dim: int = 300, seed: int) -> WordVectors:
    """Draw every vector at random, at the spread of Google News; ``<pad>`` is zeros."""
    matrix = np.zeros((len(words), dim), np.float32)
    return _completed(matrix, np.zeros(len(words), bool), seed, "random")


@dataclass(frozen=True, slots=True)
class _Posts:
    """The tokens of one post after the other, as often as gensim asks, few of them in Python."""

    column: pl.Series  # of List(String), without nulls

    def __iter__(self) -> Iterator[list[str]]:
        for start in range(0, len(self.column), _POSTS_AT_ONCE):
            yield from self.column[start : start + _POSTS_AT_ONCE].to_list()


def _completed(
    matrix: _Matrix, found: npt.NDArray[np.bool_], seed: int, source: str
) -> WordVectors:
    """Draw the rows that were not found, except that of ``<pad>``."""
    spread = matrix[found].std(dtype=np.float64) if found.any() else RANDOM_SPREAD
    missing = ~found
    missing[0] = False
    shape = (np.count_nonzero(missing), matrix.shape[1])
    matrix[missing] = np.random.default_rng(seed).normal(0, spread, shape)
    return WordVectors(matrix, int(found.sum()), len(found) - _SPECIAL_WORDS, source)


def _wanted_forms(words: Sequence[str]) -> dict[bytes, list[tuple[int, int]]]:
    """Return, for every spelling that a file may have, its rows and its rank there.

    Spellings are bytes, so a word that is not UTF-8 matches none of them.
    """
    wanted: dict[bytes, list[tuple[int, int]]] = {}
    for row, word in enumerate(words[_SPECIAL_WORDS:], start=_SPECIAL_WORDS):
        body = word.removeprefix("#")
        forms = dict.fromkeys((word, body, body.lower(), body.capitalize(), body.upper()))
        for rank, form in enumerate(forms):
            wanted.setdefault(form.encode(), []).append((row, rank))
    return wanted


def _open(path: Path) -> BufferedIOBase:
    """Open the content, decompressed where it is gzipped."""
    file = path.open("rb")
    if file.read(2) == b"\x1f\x8b":
        file.close()
        return gzip.open(path)
    file.seek(0)
    return file


def _layout(path: Path, file: BufferedIOBase) -> _Layout:
    """Recognise by the first two lines how the vectors are written."""
    first = file.readline(_MAX_LINE_BYTES)
    if first.startswith(b"\x80"):
        raise InputError(
            f"{path}: is pickled, and opening a pickle runs the code in it, so it is not read; "
            "if you trust it, export it with gensim's save_word2vec_format"
        )
    if header := _HEADER.fullmatch(first):
        count, dim = (int(number) for number in header.groups())
        if not (count and 1 <= dim <= _MAX_DIM):
            raise InputError(
                f"{path}: its header promises {count:,} words of {dim:,} dimensions; "
                f"that is no file of vectors (1 to {_MAX_DIM:,} dimensions)"
            )
        binary = not _ends_in_numbers(file.readline(_MAX_LINE_BYTES))
        if binary and not isinstance(file, gzip.GzipFile):
            size = path.stat().st_size
            most = (size - len(first)) // (4 * dim + 2)  # a word is at least a byte and a space
            if most < count:
                raise InputError(
                    f"{path}: is cut off: it has room for {most:,} of the {count:,} words that its "
                    "header promises; get it again"
                )
        return _Layout(binary, dim, count, start=len(first))
    dim = _ends_in_numbers(first)
    # One number behind a word is a list of counts, not of vectors.
    if not 2 <= dim <= _MAX_DIM:
        raise InputError(
            f"{path}: is neither in word2vec nor in GloVe format; "
            "use a file in one of these formats, plain or gzipped"
        )
    return _Layout(binary=False, dim=dim, count=0, start=0)


def _ends_in_numbers(line: bytes) -> int:
    """Count the numbers that end a line, behind its first field; 0 where it is not text."""
    if _NEVER_IN_TEXT.search(line):
        return 0
    numbers = itertools.takewhile(_is_number, reversed(line.rstrip().split(b" ")[1:]))
    return sum(1 for _ in numbers)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _binary_records(
    path: Path, file: BufferedIOBase, layout: _Layout, wanted: Container[bytes]
) -> Iterator[tuple[bytes, _Matrix]]:
    """Yield the wanted words of a word2vec binary file, each with its vector (dim,).

    The whole file is read: only its end shows whether the count and dimensions in its header are
    right.
    """
    size = 4 * layout.dim
    buffer, start = b"", 0
    for number in range(1, layout.count + 1):
        while (space := buffer.find(b" ", start)) < 0 or space + size >= len(buffer):
            block = _next_block(file)
            if not block or (space < 0 and len(buffer) - start >= _MAX_WORD_BYTES):
                raise InputError(
                    f"{path}: is cut off or damaged in word {number:,} of {layout.count:,}; "
                    "get it again"
                )
            buffer, start = buffer[start:] + block, 0
        word = buffer[start:space].lstrip(b"\n")  # some writers end a vector with a newline
        if word in wanted:
            yield word, np.frombuffer(buffer, "<f4", layout.dim, space + 1)
        start = space + 1 + size
    if (buffer[start:] + file.read(_MAX_WORD_BYTES)).strip():
        raise InputError(
            f"{path}: goes on after the {layout.count:,} words that its header promises; "
            "get it again"
        )


def _next_block(file: BufferedIOBase) -> bytes:
    """Read on; a gzip that was cut off ends there, and the caller sees that words are missing."""
    try:
        return file.read1(_BLOCK_BYTES)
    except EOFError:
        return b""


def _text_records(
    path: Path, file: BufferedIOBase, layout: _Layout, wanted: Container[bytes]
) -> Iterator[tuple[bytes, _Matrix]]:
    """Yield the wanted words of a text file, each with its vector (dim,).

    A word may contain spaces (GloVe has ``. . .``): the last columns are the vector.
    """
    dim, count = layout.dim, layout.count
    first_line = 2 if count else 1
    number = 0
    try:
        for line in iter(lambda: file.readline(_MAX_LINE_BYTES), b""):
            place = f"{path}, line {first_line + number:,}"
            number += 1
            text = line.rstrip(b" \r\n")
            columns = text.count(b" ")
            word = text[: text.find(b" ")] if columns == dim else text.rsplit(b" ", dim)[0]
            if columns < dim or (columns > dim and all(map(_is_number, word.split(b" ")[1:]))):
                raise InputError(
                    f"{place}: has {columns:,} numbers behind its word, not {dim:,}; "
                    "the file is cut off or damaged, get it again"
                )
            if word in wanted:
                yield word, _parsed(text[len(word) + 1 :], place)
    except EOFError as error:
        place = f"{path}, line {first_line + number:,}"
        raise InputError(f"{place}: is cut off; get the file again") from error
    if count not in (0, number):
        raise InputError(
            f"{path}: has {number:,} words, and its header promises {count:,}; get it again"
        )


def _parsed(numbers: bytes, place: str) -> _Matrix:
    try:
        with np.errstate(over="ignore"):  # the caller refuses what is not finite
            return np.array(numbers.split(b" "), np.float32)
    except ValueError as error:
        raise InputError(f"{place}: has text among its numbers; get the file again") from error

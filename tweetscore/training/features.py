"""Prepare rows for a network: rows with their parts enter, ids, labels, counts and vectors leave.

The protocol says which rows decide vocabulary, normalisation, thresholds and word vectors. Under
the honest one these see the training part alone. Nothing here needs torch, but for the order of a
placebo's labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.errors import InputError
from tweetscore.market.links import rules_of
from tweetscore.market.news import News
from tweetscore.market.symbols import check_spacing, choose_symbols, symbols_words
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.token_classifier import log_counts, normalised_counts
from tweetscore.store.database import Store
from tweetscore.text.encode import TokenIds, encode_tokens
from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import tokenize
from tweetscore.text.vocabulary import Vocabulary
from tweetscore.training.dataset import clean_rows, market_rows, texts_until, with_labels
from tweetscore.training.labelled import Labelled, split_labelled
from tweetscore.training.options import HONEST, Protocol, TrainingOptions
from tweetscore.training.split import PARTS, Split, split_rows
from tweetscore.training.vectors import WordVectors, random_vectors, read_vectors, train_vectors

NO_LABEL = -100  # torch's own mark of a target that has no loss


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one part of the split."""

    rows: pl.DataFrame  # one row a tweet and symbol, with a list of its tokens
    tokens: TokenIds
    labels: npt.NDArray[np.int64]  # (rows, intervals): the place of the class, NO_LABEL without one
    counts: npt.NDArray[np.float32] | None  # (rows, 2)

    def __len__(self) -> int:
        return self.rows.height

    @property
    def days(self) -> int:
        """Trading days with a row."""
        return self.rows["session_date"].n_unique()


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that learning starts from, and that scoring will need again."""

    symbols: tuple[str, ...]  # none where labels are of no market
    rules: TextRules
    vocabulary: Vocabulary
    vectors: WordVectors
    normalisation: dict[str, list[float]] | None  # of the counts, by the rows that may be seen
    thresholds: dict[int, float]  # of moves in basis points, by interval
    split: Split | None  # None where rows have no times
    parts: dict[str, Part]
    news: News | None = None  # windows near it are left out
    link_rules: Sequence[dict[str, str | None]] = ()  # of the symbols, as ``rules_of`` has them


def prepare_market(
    store: Store,
    options: TrainingOptions,
    rules: TextRules | None = None,
    news: News | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Read, clean and split the tweets that have an outcome on the market; see ``prepare``.

    Without ``rules`` the texts are cleaned by the newest ones. Windows near ``news`` are left out.
    """
    symbols = choose_symbols(store, options.symbols)
    if len(symbols) > 1 and not options.symbols:
        on_message(
            f"learns from the posts linked to each of {len(symbols)} symbols, "
            f"{symbols_words(symbols)}; choose some with --symbol"
        )
    for each in symbols:
        check_spacing(store, each, options.intervals)
    ensure_windows(store, options.intervals)
    rules = rules or TextRules(max_tokens=options.max_tokens)
    rows = market_rows(
        store,
        symbols,
        options.session,
        options.intervals,
        with_counts=options.counts,
        keep_flat=options.target.kind.keeps_flat,
        news=news,
        on_message=on_message,
    )
    split, rows = split_rows(clean_rows(rows, rules), options.intervals)
    prepared = prepare(
        rows,
        split,
        options,
        rules,
        symbols=symbols,
        posts_until=lambda end: texts_until(store, end),
    )
    return replace(prepared, news=news, link_rules=rules_of(store, symbols))


def prepare_labelled(table: Labelled, options: TrainingOptions) -> Prepared:
    """Clean and split rows with labels of their own; see ``prepare``.

    Raises:
        InputError: counts are wanted, and a row lacks one.
    """
    if options.counts and not table.has_counts:
        raise InputError("--counts: not every row has both counts; leave it out")
    rules = TextRules(max_tokens=options.max_tokens)
    split, rows = split_labelled(table, rules, options.seed)
    return prepare(rows, split, options, rules)


def prepare(
    rows: pl.DataFrame,
    split: Split | None,
    options: TrainingOptions,
    rules: TextRules,
    *,
    protocol: Protocol = HONEST,
    symbols: tuple[str, ...] = (),
    posts_until: Callable[[datetime], pl.Series] | None = None,
) -> Prepared:
    """Label and encode the rows, and make the word vectors, from what the protocol lets them see.

    Args:
        rows: texts with ``tokens``, outcomes and their ``part``.
        split: where the parts begin, if rows have times.
        options: hyper-parameters.
        rules: how the texts were cleaned.
        protocol: who sees what.
        symbols: those whose market the outcomes are of.
        posts_until: gives all texts before a moment, labelled or not, for vectors trained on the
            archive; without it they are trained on the rows that may be seen.
    """
    rows, thresholds = with_labels(rows, options.intervals, options.target)
    seen = rows.filter(pl.col("part").is_in(protocol.seen))
    vocabulary = Vocabulary.from_tokens(seen["tokens"], options.vocabulary_size)
    normalisation = None
    if options.counts:
        logs = log_counts(seen)
        normalisation = {
            "mean": logs.mean(0).tolist(),
            "std": np.maximum(logs.std(0), 1e-6).tolist(),
        }
    parts = {
        name: _part(rows.filter(pl.col("part") == name), rules, vocabulary, options, normalisation)
        for name in PARTS
        if name in rows["part"]
    }
    texts = seen["tokens"]
    if posts_until and split:
        texts = tokenize(posts_until(split.train_until_utc), rules)
    vectors = _vectors(texts, options, vocabulary)
    return Prepared(symbols, rules, vocabulary, vectors, normalisation, thresholds, split, parts)


def _vectors(texts: pl.Series, options: TrainingOptions, vocabulary: Vocabulary) -> WordVectors:
    seed, dim = options.seed, options.embedding_dim
    if options.vectors == "random":
        return random_vectors(vocabulary.words, dim=dim, seed=seed)
    if options.vectors == "archive":
        return train_vectors(texts, vocabulary.words, dim=dim, seed=seed)
    return read_vectors(Path(options.vectors), vocabulary.words, seed=seed)


def _part(
    rows: pl.DataFrame,
    rules: TextRules,
    vocabulary: Vocabulary,
    options: TrainingOptions,
    normalisation: dict[str, Any] | None,
) -> Part:
    labels = rows.select(f"label_{n}" for n in options.intervals)
    return Part(
        rows,
        encode_tokens(rows["tokens"], rules, vocabulary),
        labels.fill_null(NO_LABEL).to_numpy().copy(),
        normalised_counts(rows, normalisation) if normalisation else None,
    )

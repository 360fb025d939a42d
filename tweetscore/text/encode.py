"""Turn a column of texts into padded token ids: texts and a vocabulary enter, int32 ids leave."""

from dataclasses import dataclass, field
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.text.known import WordCounts, count_words
from tweetscore.text.pieces import cut, readable
from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import by_slices
from tweetscore.text.vocabulary import PAD_ID, UNKNOWN_ID, Vocabulary


@dataclass(frozen=True, slots=True)
class TokenIds:
    """The ids of a column of texts, row by row in its order."""

    ids: npt.NDArray[np.int32]  # (rows, max_tokens), PAD_ID to the right of the last token
    lengths: npt.NDArray[np.int32]  # (rows,), 0 for a text without tokens
    words: WordCounts = field(default_factory=WordCounts)  # of whole texts; `encode` counts them


def encode(texts: pl.Series, rules: TextRules, vocabulary: Vocabulary) -> TokenIds:
    """Give each text's first ``rules.max_tokens`` token ids.

    A token that the vocabulary does not know is `UNKNOWN_ID`; a null text has none.
    """
    known = pl.DataFrame({"token": vocabulary.words}, schema={"token": pl.String})
    known = known.with_row_index("id")
    parts = by_slices(lambda part: _slice_ids(part, rules, known), texts)
    return TokenIds(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        reduce(add, [part.words for part in parts]),
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


def _slice_ids(texts: pl.Series, rules: TextRules, known: pl.DataFrame) -> TokenIds:
    # A third of a real archive are copies: each distinct text is cut once.
    rows = readable(texts).to_arrow().dictionary_encode()
    pieces = cut(pl.Series(rows.dictionary, dtype=pl.String), rules)
    tokens = pieces.tokens
    found = tokens.to_frame("token").join(known, on="token", how="left", maintain_order="left")
    ids_by_code = found["id"].fill_null(UNKNOWN_ID).to_numpy().astype(np.int32)
    ids_by_code[tokens.is_null().to_numpy()] = PAD_ID  # no token, so no place in the row
    texts_by_distinct = np.bincount(rows.indices, minlength=len(pieces.counts))
    times = np.bincount(
        pieces.codes, np.repeat(texts_by_distinct, pieces.counts), minlength=len(tokens)
    )
    words = count_words(tokens, ids_by_code > UNKNOWN_ID, times)
    flat = ids_by_code[pieces.codes]  # (pieces,)
    kept = flat != PAD_ID
    ends = np.concatenate([[0], np.cumsum(kept)])[np.cumsum(pieces.counts)]  # (distinct,)
    flat = np.compress(kept, flat)  # (tokens,)
    all_lengths = np.diff(ends, prepend=0)  # (distinct,)
    places = np.arange(len(flat)) - np.repeat(ends - all_lengths, all_lengths)
    if all_lengths.max(initial=0) > rules.max_tokens:
        fits = places < rules.max_tokens
        flat, places = np.compress(fits, flat), np.compress(fits, places)
    lengths = np.minimum(all_lengths, rules.max_tokens).astype(np.int32)
    ids = np.full((len(lengths), rules.max_tokens), PAD_ID, dtype=np.int32)
    ids.ravel()[places + np.repeat(np.arange(len(lengths)) * rules.max_tokens, lengths)] = flat
    places_of_rows = rows.indices.to_numpy()  # (rows,)
    return TokenIds(ids.take(places_of_rows, axis=0), lengths[places_of_rows], words)

"""Turn a column of texts into tokens: texts and rules enter, a list of tokens per text leaves.

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
(NFC), and a word on the list of stop words goes.

Version 2, by which models are trained since, adds:

- a cashtag is a token, lower-cased, with its ``$``: up to six letters, then perhaps ``.`` or ``_``
  and one or two more, not inside a word. ``$T``, ``$NOW`` and ``$BRK.B`` are neither stop words nor
  parted. A sum with a letter for its size is one too: ``$3M``, ``$1.5bn``;
- scripts without spaces are cut into pairs of characters (``tweetscore.text.unspaced``);
- full-width, half-width and mathematical letters are the plain ones: ``ＴＳＬＡ`` is ``tsla``.

The list of stop words is English. Other languages have none: the script of a word rarely tells its
language, and dropping the words of published lists told no texts apart better (``README.md``).

Nothing on the way is a Python object per text: one regex cuts a slice of texts into pieces, the
distinct pieces are cleaned once, and numpy puts them where they belong.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import polars as pl
import pyarrow as pa

from tweetscore.text.pieces import cut, readable
from tweetscore.text.rules import TextRules

_SLICE_ROWS = 65_536  # the most that one thread works on at a time: this bounds the memory

_Result = TypeVar("_Result")


def tokenize(texts: pl.Series, rules: TextRules) -> pl.Series:
    """Give each text's tokens, all of them, as a List(String) series of the same rows.

    A null text has an empty list.
    """
    parts = by_slices(lambda part: _slice_tokens(part, rules), texts)
    return pl.concat(parts).rename(texts.name)


def by_slices(work: Callable[[pl.Series], _Result], texts: pl.Series) -> list[_Result]:
    """Do the work on every slice, on all cores (polars, Arrow and numpy let go of the GIL)."""
    threads = pl.thread_pool_size()
    rows = min(max(len(texts) // threads + 1, 1_024), _SLICE_ROWS)
    if len(texts) <= rows:
        return [work(texts)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, [texts[at : at + rows] for at in range(0, len(texts), rows)]))


def _slice_tokens(texts: pl.Series, rules: TextRules) -> pl.Series:
    pieces = cut(readable(texts), rules)
    kept = pieces.tokens.is_not_null().to_numpy()[pieces.codes]  # (pieces,)
    ends = np.concatenate([[0], np.cumsum(pieces.counts)])
    offsets = np.concatenate([[0], np.cumsum(kept)])[ends]
    tokens = pieces.tokens.to_arrow().cast(pa.large_string())
    values = tokens.take(pa.array(pieces.codes[kept]))
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), values)
    return pl.Series(lists, dtype=pl.List(pl.String))

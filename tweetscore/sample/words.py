"""The words of made-up posts: how many, and of which mood, enters; texts leave.

Words are drawn by rank, with separators between them, and a text ends before it is too long. A text
with a mood has one to three mood words among its first ten.
"""

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from tweetscore.sample.plan import SYMBOL, Whole

_UP = """
    booming brilliant cheerful delighted radiant rising soaring splendid stronger thriving
    triumph winning
"""
_DOWN = """
    bleak collapse dismal dreadful failing gloomy losing shrinking sinking slump weaker worried
"""
UP_WORDS, DOWN_WORDS = tuple(_UP.split()), tuple(_DOWN.split())

_EXTRA_SHARE = 0.07
_UPPER_SHARE = 0.02
_MOOD_WITHIN_WORDS = 10  # the length limit never cuts the first ten words

# Frequent words first: words are drawn by rank. No word of a mood may stand here.
_COMMON_LIST = """
    the to a of and in is for on you with it that this we at be are have our not will was all so
    they just your from has but more what about if out can by new now get or an one do as no how
    here who their very when there than today people time make day see going first year back
    thank look know think much every many big still really always never again tomorrow tonight
    morning week little long old open small early late quiet busy plain green blue bright slow
    quick round warm cool fresh local walk talk read write bring build carry paint plant bake
    watch listen gather mend measure visit wander travel remember begin follow answer borrow
"""
_NOUN_LIST = """
    anchor apple arbor attic autumn badger bakery barley barn basket beach bell bench berry
    bicycle birch blanket boat book bottle bread brick bridge brook bucket button cabin candle
    canvas carrot castle cedar cellar chair cherry clay cloud clover coast copper cottage cotton
    cradle creek dawn desk door dune feather fence fern ferry fiddle field flute forest fountain
    garden gate ginger glove grain harbor hazel hedge hill honey island ivory jacket kettle
    kitchen ladder lake lantern lemon library linen maple marble market meadow melon mill mirror
    moss needle oak oar orchard otter oven paddle paper pebble pepper pillow pine plum pond
    pottery puzzle quilt rabbit rain raft reed ribbon river robin rope sail shed shore sparrow
    spoon spring stable star stone stove straw summer table teapot thimble tower trail turnip
    valley village violet wagon walnut water wheel willow window winter wool yard
"""
_SPICE_LIST = """
    &amp; &amp; &lt;3 &gt; Q&amp;A B&amp;B don’t it’s can't we're let’s o’clock “tea” “soon”
    ‘maybe’ "again" café naïve 7 12 2023 1st 3rd 40% $25 1,250 9:30 6pm
    😀 😂 🎉 👍🏽 ❤️ ☕ 🌧️ 👨‍👩‍👧‍👦
    👩🏽‍🌾 🏳️‍🌈 🇨🇭 🇯🇵 #MadeUp #SLOWSUNDAY #tea_time
"""
_COMMON, _NOUNS, _SPICE = _COMMON_LIST.split(), _NOUN_LIST.split(), _SPICE_LIST.split()
_SEPARATORS = (" ", ", ", ". ", "! ", "? ", "… ", " - ", "\n\n")
_SEPARATOR_SHARES = (0.87, 0.05, 0.035, 0.015, 0.005, 0.005, 0.01, 0.01)
_ENDS = ("", ".", "!", "?", "…", "!!")

# All that a text is put together from, with its codes: every word in three cases, then the rest.
# Compounds such as "harborlantern" are the long tail that a real vocabulary has.
_WORDS = [*_COMMON, *_NOUNS]
for _step in range(1, len(_NOUNS)):
    _WORDS += [a + b for a, b in zip(_NOUNS, _NOUNS[_step:] + _NOUNS[:_step], strict=True)]
_FIRST_UP = len(_WORDS)
_WORDS += [*UP_WORDS, *DOWN_WORDS]
NAMES = [f"@{SYMBOL.lower()}_{noun}" for noun in _NOUNS]
_HASHTAGS = [f"#{a.title()}{b.title()}" for a, b in zip(_NOUNS, _NOUNS[7:], strict=False)]
_EXTRAS = [*_SPICE, *_SPICE, *_SPICE, *NAMES, *_HASHTAGS]
_CASES = [*_WORDS, *(word.title() for word in _WORDS), *(word.upper() for word in _WORDS)]
_PIECES = pa.array([*_CASES, *_EXTRAS, *_SEPARATORS, *_ENDS], pa.large_string())
_RANK_CHANCES = 1 / (np.arange(_FIRST_UP) + 20) ** 1.5  # about Zipf's law
_RANK_SHARES = np.cumsum(_RANK_CHANCES)[:-1] / _RANK_CHANCES.sum()
_LENGTHS = pc.utf8_length(_PIECES).to_numpy()  # in characters
_FIRST_EXTRA = len(_CASES)
_FIRST_SEPARATOR = _FIRST_EXTRA + len(_EXTRAS)
_FIRST_END = _FIRST_SEPARATOR + len(_SEPARATORS)
_SENTENCE_ENDS = [_FIRST_SEPARATOR + place for place in (2, 3, 4, 7)]


def draw_texts(counts: Whole, moods: Whole, room: Whole, draws: np.random.Generator) -> pl.Series:
    """Return a text of about ``counts`` words for each mood, of at most ``room`` + 2 characters."""
    total = int(counts.sum())
    rows = np.repeat(np.arange(len(counts)), counts)  # (words,)
    codes = np.searchsorted(_RANK_SHARES, draws.random(total))  # (words,)
    extra = draws.random(total) < _EXTRA_SHARE
    codes[extra] = draws.integers(_FIRST_EXTRA, _FIRST_SEPARATOR, int(extra.sum()))
    _put_mood_words(codes, counts, moods, draws)

    separators = _FIRST_SEPARATOR + np.searchsorted(
        np.cumsum(_SEPARATOR_SHARES)[:-1], draws.random(total)
    )
    ends = np.cumsum(_LENGTHS[codes] + _LENGTHS[separators])  # (words,)
    before = np.concatenate([[0], ends])[np.cumsum(counts) - counts]  # (texts,)
    fits = ends - before[rows] <= room[rows]
    codes, separators = codes[fits], separators[fits]
    counts = np.bincount(rows[fits], minlength=len(counts))
    bounds = np.concatenate([[0], np.cumsum(counts)])

    filled = counts > 0
    separators[bounds[1:][filled] - 1] = draws.integers(_FIRST_END, len(_PIECES), filled.sum())
    is_word = codes < _FIRST_EXTRA
    opening = np.concatenate([[True], np.isin(separators[:-1], _SENTENCE_ENDS)])[: len(codes)]
    opening[bounds[:-1][filled]] = True
    codes[opening & is_word] += len(_WORDS)
    upper = is_word & (draws.random(len(codes)) < _UPPER_SHARE)
    codes[upper] = codes[upper] % len(_WORDS) + 2 * len(_WORDS)

    # The pieces lie one behind the other in Arrow's buffer: a text is a longer slice of it.
    both = pa.array(np.stack([codes, separators], axis=1).ravel())
    pieces = _PIECES.take(both)
    places = np.frombuffer(pieces.buffers()[1], np.int64)[2 * bounds]
    buffers = [pa.py_buffer(places), pieces.buffers()[2]]
    return pl.Series(pa.LargeStringArray.from_buffers(len(counts), *buffers))


def _put_mood_words(codes: Whole, counts: Whole, moods: Whole, draws: np.random.Generator) -> None:
    """Replace one to three of the first words of each text with a mood by words of its side."""
    begins = np.cumsum(counts) - counts
    for repeat in range(3):
        moody = (moods != 0) & (counts > 0) & (draws.random(len(moods)) < 1 / (1 + repeat))
        places = draws.random(moody.sum()) * np.minimum(counts[moody], _MOOD_WITHIN_WORDS)
        choices = draws.integers(0, len(UP_WORDS), moody.sum())
        side = np.where(moods[moody] > 0, 0, len(UP_WORDS))
        codes[begins[moody] + places.astype(np.int64)] = _FIRST_UP + side + choices

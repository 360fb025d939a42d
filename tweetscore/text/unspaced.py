"""Cut the words of scripts without spaces: distinct pieces enter, smaller pieces leave.

Chinese, Japanese, Thai, Lao, Khmer, Burmese and their neighbours write no space between words. A
run of letters of one script (Han, Hiragana and Katakana are three) is cut into overlapping pairs of
characters, a character being a letter with its marks: 日経平均 is 日経, 経平, 平均. A single
character stays alone. What stands beside such a run, as the Latin in ``iPhone発表``, is a piece of
its own.

Pairs, and no dictionary: they need no further package, whose next version would cut the words of an
old model otherwise; a word is cut alike wherever it stands; and no segmenter that was tried told
texts apart better (figures in ``README.md`` beside this file).
"""

import numpy as np
import numpy.typing as npt
import polars as pl

# The scripts of the line breaking classes ID, CJ and SA of Unicode: those that break within words.
HAN = r"[[\p{Han}\p{Bopomofo}]&&\p{L}]"
HIRAGANA = r"[[\p{Hiragana}\x{30FC}\x{3099}\x{309A}]&&[\p{L}\p{M}]]"
KATAKANA = r"[[\p{Katakana}\x{30FC}\x{3099}\x{309A}]&&[\p{L}\p{M}]]"  # 30FC makes a vowel long
SOUTH_EAST = (
    r"[[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}"
    r"\p{Ahom}]&&[\p{L}\p{M}]]"
)
_UNSPACED = rf"[{HAN}{HIRAGANA}{KATAKANA}{SOUTH_EAST}]"
_RUN = rf"{HAN}+|{KATAKANA}+|{HIRAGANA}+|{SOUTH_EAST}+"
_PART = rf"{_RUN}|[^{_UNSPACED}]+"
# The vowel am of Thai and Lao counts as a letter, and yet belongs to the one before it.
_CHARACTER = r"(?s:.)[\p{M}\x{0E33}\x{0EB3}]*"
_UNSEEN = r"[\p{Cf}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]"  # the last choose a form of a Han letter


def cut_unspaced(pieces: pl.Series) -> tuple[pl.Series, npt.NDArray[np.int64]] | None:
    """Cut the distinct pieces that hold such letters, hashtags excepted.

    Returns:
        The smaller pieces, one piece's after the other's, and how many each piece has: 1 where it
        stays as it is. None where all stay.
    """
    cuttable = pieces.str.contains(_UNSPACED) & ~pieces.str.contains("^[#＃]")
    if not cuttable.any():
        return None
    visible = pieces.filter(cuttable).str.replace_all(_UNSEEN, "").str.normalize("NFC")
    parts = visible.str.extract_all(_PART)
    pairs, pairs_by_part = _pairs(parts.explode())
    parts_by_piece = parts.list.len().to_numpy().astype(np.int64)
    first_parts = np.cumsum(parts_by_piece) - parts_by_piece
    is_cut = cuttable.to_numpy()
    sizes = np.ones(len(pieces), np.int64)
    sizes[is_cut] = np.add.reduceat(pairs_by_part, first_parts)
    from_cut = np.repeat(is_cut, sizes)  # (smaller pieces,)
    places = np.empty(len(from_cut), np.int64)
    places[~from_cut] = np.flatnonzero(~is_cut)
    places[from_cut] = np.arange(len(pieces), len(pieces) + len(pairs))
    return pl.concat([pieces, pairs])[places], sizes


def _pairs(parts: pl.Series) -> tuple[pl.Series, npt.NDArray[np.int64]]:
    """Give the pairs of characters of each run, the other parts as they are, and their counts."""
    part = pl.col("part")
    characters = (
        pl.when(part.str.contains(f"^{_UNSPACED}"))
        .then(part.str.extract_all(_CHARACTER))
        .otherwise(pl.concat_list(part))
    )
    lists = parts.to_frame("part").select(characters).to_series()
    sizes = lists.list.len().to_numpy().astype(np.int64)  # (parts,)
    flat = lists.explode()  # (characters,)
    is_last = np.zeros(len(flat), bool)
    is_last[np.cumsum(sizes) - 1] = True
    kept = ~is_last | np.repeat(sizes == 1, sizes)
    following = flat.shift(-1).set(pl.Series(is_last), "")
    return (flat + following).filter(pl.Series(kept)), np.maximum(sizes - 1, 1)

"""Cut texts into pieces and clean the distinct ones: texts enter, a code per token leaves.

One regex cuts the distinct words of a slice of texts, and every distinct piece is cleaned once,
however often it occurs. The versions of the rules differ here and nowhere else: version 2 adds
cashtags to the regex, writes full-width letters plainly and cuts scripts without spaces
(``tweetscore.text.unspaced``).
"""

import html
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tweetscore.text.rules import TextRules
from tweetscore.text.unspaced import cut_unspaced

# Lengths are bounded: Python refuses to read an integer of 5,000 digits.
_ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
URL_CHARACTERS = r"[!#-;=?-~]*"  # printable ASCII, less quotes and angle brackets
_URL = rf"(?i:htt)(?:(?i:p){URL_CHARACTERS}|…)"
# A label is never longer than a word and labels are few: nothing is read again and again in vain.
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_HOST = rf"(?i:www)\.[A-Za-z0-9]|(?:{_LABEL}\.){{1,4}}[a-z]{{2,}}/"
NAMED_URL = rf"(?:{_HOST}){URL_CHARACTERS}"
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
_PIECE = "|".join((NAMED_URL, _MENTION, _HASHTAG, _EMOJI, _WORD))

# Twitter's rule for a symbol, and a sum with a letter for its size ($3M is a sum or a symbol). The
# boundaries are those of ASCII, as Unicode's cost a tenth of the speed; so the piece goes on to the
# end of any other letters, and only the cleaning tells what it is.
_SYMBOL = r"[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?"
_SUM = r"[0-9]+(?:[.,][0-9]+)*(?:[KkMmBbTt]|[Mm][MmNn]|[BbTt][Nn])"
_CASHTAG = (
    rf"(?-u:\b{{start-half}})\$(?:{_SYMBOL}|{_SUM})(?-u:\b{{end-half}})"
    rf"(?:[{_IN_WORD}--[A-Za-z0-9]][A-Za-z0-9]*)*"
)

_UNWANTED_PIECE = r"^[@＠]|\."  # mentions and URLs: the only pieces with a dot, but for cashtags
_IS_CASHTAG = rf"^\$(?:{_SYMBOL}|{_SUM})$"
_UNSEEN = r"[\p{Cf}\x{FE00}-\x{FE0F}]"
_PRESENTATION = r"[\x{FE0E}\x{FE0F}]"
_STARTS_EMOJI = rf"^(?:[\x{{1F1E6}}-\x{{1F1FF}}]|{_PICTOGRAPH})"
_NUMBERS_AHEAD = r"^(?:[\p{M}'’‘‐‑-]|\p{N}[^'’‘‐‑-]*)+"
_WITHOUT_LETTERS = r"^#?\p{M}*$"

# Full-width letters and digits, half-width kana, and letters in mathematical fonts.
_STYLED = (
    r"[\x{FF10}-\x{FF19}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{FF66}-\x{FF9F}\x{1D400}-\x{1D7FF}]"
)


@dataclass(frozen=True, slots=True)
class Pieces:
    """What texts were cut into, row by row; a piece that is no token has a null for its token."""

    codes: npt.NDArray[np.int64]  # (pieces,), the place of each piece in `tokens`
    counts: npt.NDArray[np.int64]  # (texts,), the pieces of each text
    tokens: pl.Series  # the token of each distinct piece


def readable(texts: pl.Series) -> pl.Series:
    """Decode HTML entities and blank out URLs; a null text is empty."""
    return decoded(texts.cast(pl.String).fill_null("")).str.replace_all(_URL, " ")


def cut(texts: pl.Series, rules: TextRules) -> Pieces:
    """Cut readable texts into pieces, and clean these."""
    # No piece has a space in it or looks across one, and most words of texts are copies.
    words = texts.str.split(" ").to_arrow()
    encoded = words.flatten().dictionary_encode()
    lists, places = _pieces(pl.Series(encoded.dictionary, dtype=pl.String), rules.version)
    codes, counts, pieces = _replaced(
        places[encoded.indices.to_numpy()],
        words.value_lengths().to_numpy().astype(np.int64),
        pl.Series(lists.to_arrow().flatten(), dtype=pl.String),
        lists.list.len().to_numpy().astype(np.int64),
    )
    if rules.version >= 2:
        pieces = _in_plain_letters(pieces)
        if (smaller := cut_unspaced(pieces)) is not None:
            codes, counts, pieces = _replaced(codes, counts, *smaller)
    return Pieces(codes, counts, _cleaned(pieces, rules))


def _pieces(words: pl.Series, version: int) -> tuple[pl.Series, npt.NDArray[np.int64]]:
    """Return the pieces of distinct words, and at which place those of each word are."""
    if version == 1:
        return words.str.extract_all(_PIECE), np.arange(len(words))
    # The larger regex takes as long to begin as the other for a thousand texts.
    has_cashtag = words.str.contains(_CASHTAG)
    parts = [
        words.filter(~has_cashtag).str.extract_all(_PIECE),
        words.filter(has_cashtag).str.extract_all(f"{_CASHTAG}|{_PIECE}"),
    ]
    return pl.concat(parts), _places_by(has_cashtag)


def _places_by(is_late: pl.Series) -> npt.NDArray[np.int64]:
    """Return the place of each row once those that are late stand behind the others."""
    places = np.empty(len(is_late), np.int64)
    places[np.argsort(is_late.to_numpy(), kind="stable")] = np.arange(len(is_late))
    return places


def decoded(texts: pl.Series) -> pl.Series:
    """Decode HTML entities once: every distinct one by Python, all of them in one pass."""
    places = texts.str.contains("&", literal=True).arg_true()
    suspects = texts.gather(places)
    entities = suspects.str.extract_all(_ENTITY).explode().drop_nulls().unique().to_list()
    if not entities:
        return texts
    decoded = suspects.str.replace_many(entities, [html.unescape(entity) for entity in entities])
    return texts.scatter(places, decoded)


def _in_plain_letters(pieces: pl.Series) -> pl.Series:
    styled = pieces.str.contains(_STYLED)
    if not styled.any():
        return pieces
    letters = pieces.filter(styled).str.extract_all(_STYLED).explode().unique().to_list()
    plain = [unicodedata.normalize("NFKC", letter) for letter in letters]
    return pieces.str.replace_many(letters, plain)


def _replaced(
    codes: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    smaller: pl.Series,
    sizes: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], pl.Series]:
    """Put ``sizes`` smaller pieces in the place of each piece, one piece after the other."""
    encoded = smaller.to_arrow().dictionary_encode()
    smaller_codes = encoded.indices.to_numpy().astype(np.int64)
    starts = np.cumsum(sizes) - sizes  # (distinct pieces,)
    sizes_here = sizes[codes]  # (pieces,)
    ends_here = np.cumsum(sizes_here)
    shifts = np.repeat(starts[codes] - (ends_here - sizes_here), sizes_here)
    ends = np.concatenate([[0], ends_here])[np.concatenate([[0], np.cumsum(counts)])]
    return (
        smaller_codes[np.arange(len(shifts)) + shifts],
        np.diff(ends),
        pl.Series(encoded.dictionary, dtype=pl.String),
    )


def _cleaned(pieces: pl.Series, rules: TextRules) -> pl.Series:
    """Turn distinct pieces into tokens, null where a piece is unwanted or a stop word."""
    # Most pieces are ASCII, and need no look at emoji, accents and invisible characters.
    is_ascii = pieces.str.len_bytes() == pieces.str.len_chars()
    tokens = pl.concat(
        [
            pieces.filter(is_ascii).to_frame("piece").select(_token(is_ascii=True)).to_series(),
            pieces.filter(~is_ascii).to_frame("piece").select(_token(is_ascii=False)).to_series(),
        ]
    )
    tokens = tokens[_places_by(~is_ascii)]
    unwanted = tokens.is_in(rules.stop_words) | tokens.str.contains(_WITHOUT_LETTERS)
    return tokens.set(unwanted, None)


def _token(*, is_ascii: bool) -> pl.Expr:
    """Give the token of the column ``piece``, null where it is a mention or a URL."""
    piece = pl.col("piece")
    visible = piece if is_ascii else piece.str.replace_all(_UNSEEN, "")
    # Version 1 has no piece with a dollar.
    word = visible.str.strip_prefix("$").str.replace(_NUMBERS_AHEAD, "")
    word = word.str.replace_all(_JOINER, "").str.to_lowercase()
    sorts = (
        pl.when(visible.str.contains(_IS_CASHTAG))
        .then(visible.str.to_lowercase().str.replace_all(",", "", literal=True))
        .when(piece.str.contains(_UNWANTED_PIECE))
        .then(None)
        .when(piece.str.contains("^[#＃]"))
    )
    if is_ascii:
        return sorts.then(piece).otherwise(word)
    return (
        sorts.then(visible.str.replace("＃", "#").str.normalize("NFC"))
        .when(piece.str.contains(_STARTS_EMOJI))
        .then(piece.str.replace_all(_PRESENTATION, ""))
        .otherwise(word.str.normalize("NFC"))
    )

"""Tell the encoding of a text that is not UTF-8: its bytes enter, the name of a codec leaves.

One that is UTF-8 apart from damage stays so: damage becomes U+FFFD. Words that are clearly in
another encoding are read in it, each by itself, as in exports put together. Otherwise the words
that are not ASCII tell: in Latin scripts such letters stand alone between others, elsewhere they
follow each other, and ``chardet`` weighs the encodings of either kind.
"""

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from encodings.aliases import aliases
from typing import BinaryIO

from tweetscore.errors import InputError, did_you_mean
from tweetscore.io.text import (
    MIXED,
    SEQUENCE,
    UTF8,
    has_cr_lines,
    whole_words,
    words_not_ascii,
)

_BLOCK_BYTES = 1 << 20
_ENOUGH_WORDS, _ENOUGH_BYTES = 10_000, 1 << 18  # that are not UTF-8
_SAMPLE_BYTES = 1 << 14
_LATIN = ("cp1252", "cp1250", "cp1254", "iso-8859-2", "mac-roman", "cp850")
_OTHERS = (
    "cp932", "euc-jp", "gb18030", "big5", "cp949", "cp1251", "koi8-r", "cp1253", "cp1255", "cp1256",
    "cp874",
)  # fmt: skip
_WINDOWS, _MAC = "cp1252", ("mac-roman",)
# A few letters fit several encodings: another than the usual must fit better.
_CLEARLY, _CLEARLY_OF_FEW, _FEW_WORDS = 1.3, 2.0, 20
_LEAST_WORDS = 3
_PUNCTUATION = "‘’“”–—…·"
# The share of words in another encoding that are UTF-8, too; in pairs of bytes, as 赞 in GBK, more.
_BY_CHANCE, _PAIRS_BY_CHANCE = 0.02, 0.2
_LEAST_BYTES = 4  # of words in other scripts
# Without a byte order mark.
_ON_WINDOWS = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_OF_NO_TEXTS = {"mbcs", "rot_13"}
_PARTS = {
    "cp1252": "latin-1", "cp932": "Shift-JIS", "euc_jis_2004": "EUC-JP", "big5hkscs": "Big5",
    "gb18030": "GBK", "cp949": "EUC-KR", "cp874": "TIS-620",
}  # fmt: skip

_HIGH = re.compile(rb"[\x80-\xff]+")
# Alone before a letter, or one that would follow another in UTF-8: nothing was cut off there.
_ALONE = re.compile(rb"(?<![\x80-\xff])(?:[\x80-\xff](?=[A-Za-z])|[\x80-\xbf](?![\x80-\xff]))")
_BESIDE_LETTER = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")
_LETTER = re.compile(rb"[A-Za-z\x80-\xff]")


def known_encoding(name: str) -> str:
    """Return Python's name of an encoding of texts, or ``MIXED`` and such a name.

    Raises:
        InputError: there is none of this name.
    """
    if name.lower().startswith(MIXED):
        return MIXED + known_encoding(name[len(MIXED) :])
    try:
        known = codecs.lookup(name).name
        known = _ON_WINDOWS.get(known, known)
        b" ".decode(known, "replace")  # refuses codecs that are not of texts
        codecs.getincrementaldecoder(known)("replace").decode(b"\xff,\xff,", final=True)
    except (LookupError, UnicodeError, ValueError):
        names = {each for each in aliases.values() if not each.endswith("_codec")} - _OF_NO_TEXTS
        raise InputError(
            f"no encoding of texts is called {name!r}; say one of Python's, such as cp1252, "
            f"shift_jis or utf-16{did_you_mean(name, names)}"
        ) from None
    return known


def worded(encoding: str) -> str:
    """Return an encoding with the better known one that is part of it."""
    if encoding.startswith(MIXED):
        return f"{UTF8}, and words that are not as {worded(encoding.removeprefix(MIXED))}"
    part = _PARTS.get(encoding)
    return f"{encoding}, which includes {part}" if part else encoding


def is_utf8(data: bytes) -> bool:
    """Return whether bytes are UTF-8, which may be cut off at their end."""
    if data.isascii():
        return True
    try:
        codecs.getincrementaldecoder(UTF8)().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def wide_encoding(first: bytes) -> str | None:
    """Return the encoding of a text in units of two or four bytes, told by where its zeros are."""
    size = len(first) // 4 * 4
    zeros = [first[place:size:4].count(0) * 4 / size for place in range(4)] if size else [0.0] * 4
    for name, (a, b, c, d) in (("le", zeros), ("be", zeros[::-1])):
        if d == 1 and c > 0.5 > 2 * a:
            return f"utf-32-{name}"
        if min(b, d) > 0.1 and min(b, d) > 4 * max(a, c):
            return f"utf-16-{name}"
    return None


def told_encoding(stream: BinaryIO) -> str:
    """Return the encoding of a text; UTF-8 where nothing speaks for another.

    Files put together from exports may be both: then it is ``MIXED`` and the other one.

    Args:
        stream: the text, which is read to its end, as the last words may be in another encoding.
    """
    seen, usual, rest = _Words(), list[str](), b""
    while data := stream.read(_BLOCK_BYTES):
        usual = usual or [*(_MAC if has_cr_lines(data) else ()), _WINDOWS]
        whole, rest = whole_words(rest + data)
        if seen.is_enough or is_utf8(whole):  # a sample of it is enough
            whole, _ = whole_words(whole[:_SAMPLE_BYTES])
        seen.add(words_not_ascii(whole))
    seen.add(words_not_ascii(rest))
    found = _of_words(seen.others, usual) if seen.others else UTF8
    if found == UTF8:
        return UTF8
    single = len(bytes(range(256)).decode(found, "replace")) == 256
    chance = _BY_CHANCE if single else _PAIRS_BY_CHANCE
    if seen.sound >= chance * seen.words and _are_clear(seen.others):
        return MIXED + found
    return UTF8 if 2 * seen.valid >= seen.sequences else found


@dataclass(slots=True)
class _Words:
    """Words that are not ASCII, counted."""

    others: list[bytes] = field(default_factory=list)  # that are not UTF-8
    other_bytes: int = 0  # of these
    words: int = 0  # bytes of all
    sound: int = 0  # bytes of those that are UTF-8
    sequences: int = 0  # characters of UTF-8, and single bytes
    valid: int = 0  # of these, characters

    @property
    def is_enough(self) -> bool:
        """Whether more words that are not UTF-8 would tell no more."""
        return len(self.others) >= _ENOUGH_WORDS or self.other_bytes >= _ENOUGH_BYTES

    def add(self, words: list[bytes]) -> None:
        for word in words:
            sequences = SEQUENCE.findall(word)
            valid = sum(map(bool, sequences))
            if valid < len(sequences):
                self.others.append(word)
                self.other_bytes += len(word)
            else:
                self.sound += len(word)
            self.words += len(word)
            self.sequences += len(sequences)
            self.valid += valid


def _are_clear(words: list[bytes]) -> bool:
    """Return whether words cannot be damaged UTF-8: characters cut off, or without a byte."""
    distinct = list(dict.fromkeys(words))
    if _may_be_latin(distinct):
        alone = [letter for word in distinct for letter in _ALONE.findall(word)]
        return len(alone) >= max(_LEAST_WORDS, len(distinct) / 4) and len(set(alone)) > 1
    sequences = SEQUENCE.findall(b" ".join(distinct))
    return len(distinct) >= _LEAST_WORDS and 3 * sum(map(bool, sequences)) < len(sequences)


def _of_words(words: list[bytes], usual: Sequence[str]) -> str:
    """Return the encoding of words that are not UTF-8."""
    if _may_be_latin(words):
        return _latin(words, usual)
    return _best(_weighed(b" ".join(words), _OTHERS)) or UTF8


def _may_be_latin(words: list[bytes]) -> bool:
    """Return whether letters that are not ASCII mostly stand alone between others."""
    text = b" ".join(words)
    runs, letters = _HIGH.findall(text), len(_LETTER.findall(text))
    high = sum(map(len, runs))
    return high < _LEAST_BYTES or high < 1.5 * len(runs) or high < 0.6 * letters


def _latin(words: list[bytes], usual: Sequence[str]) -> str:
    """Return the encoding of words in which letters that are not ASCII stand alone.

    Args:
        words: with such letters, from the first on.
        usual: encodings that are taken unless another fits clearly better, the likeliest first.
    """
    if all(word.replace(b"\xff", b"").isascii() for word in words):
        return UTF8  # damage: the letter that 255 stands for is the rarest
    telling = list(dict.fromkeys(word for word in words if _BESIDE_LETTER.search(word)))
    if not telling and all(len(run) > 1 for run in _HIGH.findall(b" ".join(words))):
        return UTF8  # too few for another script
    fitting = [name for name in _LATIN if 3 * _odd_words(telling, name) <= len(telling)]
    likely = next((name for name in usual if name in fitting), None)
    found = _weighed(b" ".join(telling), fitting) if len(telling) >= _LEAST_WORDS else {}
    clearly = _CLEARLY if len(telling) >= _FEW_WORDS else _CLEARLY_OF_FEW
    best = _best(found) or likely
    if best is None:
        return UTF8  # likewise: they are words in no encoding
    if likely and found.get(best, 0) <= clearly * found.get(likely, 0):
        best = likely
    return codecs.lookup(best).name


def _odd_words(words: list[bytes], encoding: str) -> int:
    """Return how many words have a capital after a small letter, or a sign between two."""
    texts = [word.decode(encoding, "replace") for word in words]
    return sum(
        any(
            before.islower() and (letter.isupper() or (after.islower() and not letter.islower()))
            for before, letter, after in zip(text, text[1:], text[2:] + " ", strict=False)
            if not letter.isascii() and letter not in _PUNCTUATION
        )
        for text in texts
    )


def _best(found: Mapping[str, float]) -> str | None:
    return max(found, key=lambda name: found[name], default=None)


def _weighed(text: bytes, among: Sequence[str]) -> dict[str, float]:
    """Return the encodings in which a text can be, with what speaks for each."""
    if not among:
        return {}
    import chardet  # which few files need

    found = chardet.detect_all(
        text,
        ignore_threshold=True,
        compat_names=False,
        include_encodings=among,
        no_match_encoding=among[0],
    )
    return {name: each["confidence"] for each in found if (name := each["encoding"])}

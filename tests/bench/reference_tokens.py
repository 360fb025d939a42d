"""The text rules as anybody would write them: a loop over matches, one text at a time."""

import html
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise

from tweetscore.text.rules import NEWEST_VERSION, STOP_WORDS


def character_class(
    wanted: Callable[[str], bool], codes: Iterable[int] = range(sys.maxunicode + 1)
) -> str:
    """The inside of a regex class of the characters that are wanted, of these code points."""
    runs: list[list[int]] = []
    for code in codes:
        if wanted(chr(code)):
            if runs and runs[-1][1] == code - 1:
                runs[-1][1] = code
            else:
                runs.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in runs)


def is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def is_number(character: str) -> bool:
    return unicodedata.category(character).startswith("N")


def is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"


def is_inside_words(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LMN" or (category == "Cf" and character != "\u200b")


PICTOGRAPH_BLOCKS = [
    (0x2194, 0x2199), (0x21A9, 0x21AA), (0x2300, 0x23FF), (0x25B6, 0x25B6), (0x25C0, 0x25C0),
    (0x25FB, 0x25FE), (0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1F1E5), (0x1F200, 0x1FAFF),
]  # fmt: skip


def pictographs() -> str:
    """The inside of a regex class of all pictographs."""
    codes = (code for first, last in PICTOGRAPH_BLOCKS for code in range(first, last + 1))
    return character_class(lambda character: not is_number(character), codes)


ENTITY = re.compile(r"&(#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.I | re.A)
URL = re.compile(r"http[!#-;=?-~]*|htt…", re.I | re.A)

CASHTAG = r"[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?"
CASHTAG += r"|[0-9]+(?:[.,][0-9]+)*(?:[KkMmBbTt]|[Mm][MmNn]|[BbTt][Nn])"


@cache
def inside_words() -> str:
    """The inside of a regex class of all characters that a word is made of."""
    return character_class(is_inside_words)


@cache
def reference_pieces(version: int) -> re.Pattern[str]:
    inside = inside_words()
    picture = f"[{pictographs()}]"
    picture += "[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"
    label = "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
    kinds = {
        "cashtag": rf"(?<![A-Za-z0-9_])\$(?:{CASHTAG})(?![A-Za-z0-9_])"
        rf"(?:(?![A-Za-z0-9])[{inside}]+)?",
        "url": rf"(?:[wW]{{3}}\.[A-Za-z0-9]|(?:{label}\.){{1,4}}[a-z]{{2,}}/)[!#-;=?-~]*",
        "mention": r"[@＠][A-Za-z0-9_]+(?:@[A-Za-z0-9._-]+|[A-Za-z0-9-]*\.bsky\.social)?",
        "hashtag": f"[#＃][{inside}_]+",
        "emoji": f"[\U0001f1e6-\U0001f1ff]{{2}}|{picture}(?:\u200d{picture})*",
        "word": f"['’‘‐‑-]?[{inside}](?:['’‘‐‑-]?[{inside}])*",
    }
    if version == 1:
        del kinds["cashtag"]
    return re.compile("|".join(f"(?P<{kind}>{regex})" for kind, regex in kinds.items()))


# By the names of the letters: Python knows no scripts.
UNSPACED_NAMES = {
    "han": ("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "BOPOMOFO", "IDEOGRAPHIC ITER",
            "VERTICAL IDEOGRAPHIC ITER"),
    "katakana": ("KATAKANA", "COMBINING KATAKANA"),
    "hiragana": ("HIRAGANA", "KATAKANA-HIRAGANA PROLONGED", "COMBINING KATAKANA"),
    "south_east": ("THAI ", "LAO ", "KHMER ", "MYANMAR ", "TAI LE ", "NEW TAI LUE ", "TAI THAM ",
                   "TAI VIET ", "AHOM "),
}  # fmt: skip


@cache
def unspaced_runs() -> re.Pattern[str]:
    letters = [
        code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] in "LM"
    ]

    def named(prefixes: tuple[str, ...]) -> Callable[[str], bool]:
        return lambda character: unicodedata.name(character, "").startswith(prefixes)

    classes = [character_class(named(prefixes), letters) for prefixes in UNSPACED_NAMES.values()]
    runs = "|".join(f"[{each}]+" for each in classes)
    return re.compile(f"(?P<run>{runs})|[^{''.join(classes)}]+")


def in_plain_letters(piece: str) -> str:
    return "".join(
        unicodedata.normalize("NFKC", c)
        if "０" <= c <= "９"
        or "Ａ" <= c <= "Ｚ"
        or "ａ" <= c <= "ｚ"
        or "ｦ" <= c <= "ﾟ"
        or "\U0001d400" <= c <= "\U0001d7ff"
        else c
        for c in piece
    )


def parts_of(piece: str) -> list[str]:
    """Cut a piece where scripts without spaces begin, and these into pairs of characters."""
    if not any(match["run"] for match in unspaced_runs().finditer(piece)):
        return [piece]
    visible = re.sub("[\U000e0100-\U000e01ef]", "", without_invisible(piece))
    parts = []
    for match in unspaced_runs().finditer(unicodedata.normalize("NFC", visible)):
        if not match["run"]:
            parts.append(match[0])
            continue
        characters: list[str] = []
        for letter in match[0]:
            if characters and (is_mark(letter) or letter in "\u0e33\u0eb3"):
                characters[-1] += letter
            else:
                characters.append(letter)
        pairs = [a + b for a, b in pairwise(characters)]
        parts += pairs or characters
    return parts


def without_invisible(text: str) -> str:
    return text if text.isascii() else "".join(c for c in text if not is_invisible(c))


def reference_word(run: str) -> str:
    parts = re.split("['’‘‐‑-]", without_invisible(run))
    while parts:
        while parts[0] and is_mark(parts[0][0]):
            parts[0] = parts[0][1:]
        if parts[0] and not is_number(parts[0][0]):
            break
        del parts[0]
    return unicodedata.normalize("NFC", "".join(parts).lower())


def reference_hashtag(piece: str) -> str:
    name = unicodedata.normalize("NFC", without_invisible(piece[1:]))
    return "" if all(map(is_mark, name)) else f"#{name}"


def reference_cashtag(piece: str) -> str:
    visible = without_invisible(piece)
    if re.fullmatch(rf"\$(?:{CASHTAG})", visible):
        return visible.lower().replace(",", "")
    return "" if "." in piece else reference_word(visible[1:])


def reference_tokens(
    text: str,
    stop_words: frozenset[str] = frozenset(STOP_WORDS),
    version: int = NEWEST_VERSION,
) -> list[str]:
    text = URL.sub(" ", ENTITY.sub(lambda match: html.unescape(match[0]), text))
    tokens = []
    for match in reference_pieces(version).finditer(text):
        piece = match[0] if version == 1 else in_plain_letters(match[0])
        found = []
        if match.lastgroup in ("word", "cashtag"):
            parts = [piece] if version == 1 else parts_of(piece)
            found += [reference_cashtag(p) if p[0] == "$" else reference_word(p) for p in parts]
        elif match.lastgroup == "hashtag":
            found.append(reference_hashtag(piece))
        elif match.lastgroup == "emoji":
            found.append(piece.replace("\ufe0e", "").replace("\ufe0f", ""))
        tokens += [token for token in found if token and token not in stop_words]
    return tokens

"""Find out how the values of a column are written: its first values enter, a way to read it leaves.

Tools write texts as HTML or as the ``repr`` of bytes, authors as whole objects, and ids as the
addresses of posts. A column is read in such a way only where nearly all of its values are written
so, and the account says it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from tweetscore.io.json_values import load, python_value
from tweetscore.posts.addresses import AUTHOR_PAGE, are_pages, are_posts, authors_in, ids_in
from tweetscore.posts.fields import nearly_all
from tweetscore.posts.markup import plain_text

_QUOTED = r'(?s)^\s*".*"\s*$'
_FEWEST_QUOTED = 3  # one or two texts may be quotations
_DOUBLED = r'^(?:[^"]|"")*$'
_LITERAL = r"""(?s)^[bBuU](?:'.*'|".*")$"""
# A byte of UTF-8 that begins a character, and one that follows it, as letters of cp1252.
_MISREAD = "[\u00c2-\u00f4][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_MISREAD_RUN = re.compile("[\\u0080-\\u00ff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]+")
_FEWEST_MISREAD = 2
_NULL = r"\N"  # in files of MySQL and PostgreSQL, which write \n for a line break, too
_ESCAPES = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\"": '"', r"\'": "'", r"\\": "\\"}
_OBJECT = r"(?s)^\s*(?:\{.*\}|\w+\(.*\))\s*$"  # a dict, or an instance of a class of Python
# What nobody types: an attribute of HTML within a tag of it.
_MARKED_UP = (
    r"""(?i)<(?:a|p|br|span|div|img|blockquote|li|ul|ol|time)\s[^<>]*"""
    r"""\b(?:href|class|src|rel|dir|lang|title|style|target|alt|datetime)=[^<>]*>"""
)
# An opening tag alone may be a comparison, as in a<b>c.
_TAG = r"(?i)<br\s*/?>|</(?:a|b|i|em|strong|p|span|div|ul|ol|li|h[1-6]|blockquote|pre|code)\s*>"
_MARKED_UP_SHARE, _TAG_SHARE = 0.01, 0.1
_FEWEST_MARKED = 2
# Where objects of several tools have the name of a user, best first.
_NAMES = (
    "username", "screen_name", "userName", "screenName", "preferredUsername", "acct", "handle",
    "login", "name", "displayName", "display_name", "displayname",
)  # fmt: skip
_COUNTS = {
    "retweet_count": ("retweet_count", "retweetCount", "repost_count", "reposts"),
    "favorite_count": ("like_count", "likeCount", "favorite_count", "likes"),
}


Fits = Callable[[pl.Series], bool]


@dataclass(frozen=True, slots=True)
class Writing:
    """How the values of a column are written, in words, and what turns them into plain ones."""

    words: str
    read: Callable[[pl.Series], pl.Series]


def writings(ours: str, values: pl.Series) -> tuple[Writing, ...]:
    """Return how a column is written, in the order in which it is to be read; mostly none.

    Args:
        ours: what the column is taken for.
        values: its first values, as strings.
    """
    found: list[Writing] = []
    for fits, writing in _possible(ours):
        filled = values.filter(values.str.strip_chars() != "")
        if len(filled) and fits(filled):
            found.append(writing)
            values = writing.read(values)
    return tuple(found)


def _possible(ours: str) -> Sequence[tuple[Fits, Writing]]:
    if ours == "text":
        return [
            (_is_literal, LITERAL),
            (_is_misread, MISREAD),
            (_is_html, HTML),
        ]
    if ours == "author":
        return [
            (_is_literal, LITERAL),
            (_is_misread, MISREAD),
            (_is_object, NAME_IN_OBJECT),
            (are_posts, NAME_IN_ADDRESS),
            (are_pages, NAME_IN_ADDRESS),
        ]
    if ours == "tweet_id":
        return [(are_posts, ID_IN_ADDRESS)]
    return [(_is_object, _count_in_object(ours))] if ours in _COUNTS else []


def signs(ours: str | None, values: pl.Series) -> pl.Series:
    """Return of each value whether it speaks for a way of writing: few such values may decide.

    Args:
        ours: what the column is taken for, if for anything.
        values: those of the column, as strings.
    """
    patterns = [_QUOTED]
    if ours == "text":
        patterns += [_LITERAL, _MARKED_UP, _TAG, _MISREAD]
    elif ours == "author":
        patterns += [_LITERAL, _OBJECT, AUTHOR_PAGE, _MISREAD]
    elif ours in _COUNTS:
        patterns.append(_OBJECT)
    name = values.name
    speaks = pl.any_horizontal(pl.col(name).str.contains(each) for each in patterns)
    return values.to_frame().select(speaks.fill_null(False)).to_series()


def are_marked_up(texts: pl.Series) -> pl.Series:
    """Return of each text whether it is HTML and nothing else: all such texts are read so."""
    text = pl.col(texts.name).str
    html = text.contains(_MARKED_UP) | text.contains(_TAG)
    other = text.contains(_LITERAL) | text.contains(_QUOTED)
    return texts.to_frame().select((html & ~other).fill_null(False)).to_series()


def _is_literal(values: pl.Series) -> bool:
    return nearly_all(values.str.contains(_LITERAL))


def _is_object(values: pl.Series) -> bool:
    return nearly_all(values.str.contains(_OBJECT))


def _is_misread(values: pl.Series) -> bool:
    """Return whether nearly all values that are not ASCII are UTF-8 that was read as cp1252."""
    odd = values.filter(values.str.contains(r"[^\x00-\x7f]"))
    if len(odd) < _FEWEST_MISREAD or not nearly_all(odd.str.contains(_MISREAD)):
        return False
    return nearly_all(pl.Series([_well_read(text) != text for text in odd]))


def _well_read(text: str | None) -> str | None:
    """Return a text whose UTF-8 was read as cp1252; what is no UTF-8 stays as it is."""
    return text and _MISREAD_RUN.sub(lambda found: _as_utf8(found[0]), text)


def _as_utf8(letters: str) -> str:
    try:
        octets = [each.encode("latin-1" if each < "\u0100" else "cp1252") for each in letters]
        return b"".join(octets).decode()
    except UnicodeError:
        return letters


def _of_misread(texts: pl.Series) -> pl.Series:
    return pl.Series(texts.name, [_well_read(text) for text in texts], dtype=pl.String)


def of_database(sample: pl.DataFrame) -> bool:
    """Return whether a table has what only a database writes for a value that is not there."""
    return any(bool((sample[name] == _NULL).any()) for name in sample.columns)


def _unescaped(texts: pl.Series) -> pl.Series:
    pattern = re.compile("|".join(map(re.escape, _ESCAPES)))
    rows = texts.str.contains("\\", literal=True).fill_null(False).arg_true()
    plain = [
        None if text == _NULL else pattern.sub(lambda found: _ESCAPES[found[0]], text)
        for text in texts.gather(rows)
    ]
    return texts.clone().scatter(rows, pl.Series(plain, dtype=pl.String))


def _is_html(texts: pl.Series) -> bool:
    """Return whether texts are HTML: a few with attributes are enough, of bare tags more."""
    shares = [(_MARKED_UP, _MARKED_UP_SHARE), (_TAG, _TAG_SHARE)]
    rows = len(texts)
    counts = [(int(texts.str.contains(pattern).sum()), share) for pattern, share in shares]
    return any(
        count >= share * rows and count >= min(_FEWEST_MARKED, rows) for count, share in counts
    )


def are_quoted(values: pl.Series) -> bool:
    """Return whether quotes stand around nearly all values that are there."""
    filled = values.filter(values.str.strip_chars() != "")
    return len(filled) >= _FEWEST_QUOTED and nearly_all(filled.str.contains(_QUOTED))


def without_quotes(texts: pl.Series) -> pl.Series:
    """Return texts without the quotes around them; others, and those within, stay."""
    bare = texts.str.strip_chars().str.replace(r'(?s)^"(.*)"$', "${1}")
    frame = pl.DataFrame({"bare": bare, "written": texts})
    bare_text = pl.col("bare")
    single = pl.when(bare_text.str.contains(_DOUBLED)).then(
        bare_text.str.replace_all('""', '"', literal=True)
    )
    inner = pl.coalesce(single, bare_text)
    enclosed = pl.col("written").str.contains(_QUOTED)
    plain = pl.when(enclosed).then(inner).otherwise("written")
    return frame.select(plain.alias(texts.name)).to_series()


def _of_literals(texts: pl.Series) -> pl.Series:
    return pl.Series(texts.name, [_literal(text) for text in texts], dtype=pl.String)


def _literal(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        value = python_value(text.replace("\n", "\\n").replace("\r", "\\r"))
    except ValueError:
        return text
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _of_html(texts: pl.Series) -> pl.Series:
    return texts.to_frame("html").select(plain_text(pl.col("html"))).to_series()


def _names(objects: pl.Series) -> pl.Series:
    named = {text: _name(text) for text in objects.unique().drop_nulls()}
    return objects.replace_strict(named, default=None, return_dtype=pl.String)


def _name(text: str) -> str | None:
    """Return the name of a user in JSON or in the ``repr`` of Python; None if there is none."""
    for read in (load, python_value):
        try:
            user = read(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(user, dict):
            return next((str(user[key]) for key in _NAMES if user.get(key)), None)
    found = (re.search(rf"""\b{key}['"]?\s*[:=]\s*['"]([^'"]+)""", text) for key in _NAMES)
    return next((match[1] for match in found if match), None)


def names_in_some(values: pl.Series) -> pl.Series:
    """Return names of authors, of which some are in objects."""
    objects = values.str.contains(_OBJECT).fill_null(False)
    return values.zip_with(~objects, _names(values)) if objects.any() else values


def without_objects(values: pl.Series) -> pl.Series:
    """Return texts without those that are objects of JSON."""
    return values.set(values.str.contains(r'^\s*\{\s*"').fill_null(False), None)


def _count_in_object(ours: str) -> Writing:
    keys = "|".join(_COUNTS.get(ours, ()))
    pattern = rf"""["'](?:{keys})["']\s*:\s*["']?(\d+)"""
    return Writing("the number in its objects", lambda objects: objects.str.extract(pattern))


LITERAL = Writing("written by Python as b'…'", _of_literals)
MISREAD = Writing("UTF-8 that was read as cp1252", _of_misread)
OF_DATABASE = Writing("with the backslashes of a database", _unescaped)
HTML = Writing("HTML, of which the visible text", _of_html)
NAME_IN_OBJECT = Writing("the name in its objects", _names)
NAME_IN_ADDRESS = Writing("the name in its addresses", authors_in)
ID_IN_ADDRESS = Writing("the number in its addresses", ids_in)

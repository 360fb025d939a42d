"""Turn HTML into the text that its reader sees: a column of posts enters, plain texts leave.

Every step is a regular expression without backtracking over the whole column: its time grows with
the length of a text only, even if the text is hostile. No tag is left.
"""

from html import unescape

import polars as pl

# A quoted value may contain ">", but not "<": a quote that is never closed ends with its tag.
_ATTRIBUTES = r"""(?:[\s/](?:[^<>"']|"[^<"]*"|'[^<']*')*)?>"""
_BLOCK = r"(?:p|div|blockquote|ul|ol|li|pre|table|tr|h[1-6])"
_OPEN, _CLOSE = rf"<{_BLOCK}{_ATTRIBUTES}", rf"</{_BLOCK}\s*>"
# In this order.
_STEPS = (
    # Comments, and what a browser runs rather than shows.
    (r"(?is)<!--.*?(?:-->|\z)", ""),
    (r"(?is)<script\b.*?(?:</script\s*>|\z)", ""),
    (r"(?is)<style\b.*?(?:</style\s*>|\z)", ""),
    (rf"(?i)<br{_ATTRIBUTES}", "\n"),
    (rf"(?i)</(?:li|div|tr)>\s*<(?:li|div|tr){_ATTRIBUTES}", "\n"),
    (rf"(?i){_CLOSE}(?:\s*{_CLOSE})*(?:\s*{_OPEN})*|{_OPEN}(?:\s*{_OPEN})*", "\n\n"),
    # Truth Social sets no blank behind the name in "RT @name".
    (r"(?i)</a>((?:</span>)*[\pL\pN_])", "</a> ${1}"),
    # A "<" is text unless a name follows. Several before a name all go, so that no new tag is made.
    (r"""<+[/?]?[a-zA-Z](?:[^<>"']|"[^<"]*"|'[^<']*')*>""", ""),
    (r"<+(?:[/?]?[a-zA-Z]|!)[^>]*(?:>|\z)", ""),
)
# Python refuses numbers of thousands of digits, and there is no such character.
_NO_CHARACTER = (r"&#[0-9]{8,};?", "\N{REPLACEMENT CHARACTER}")


def plain_text(html: pl.Expr) -> pl.Expr:
    """Return the visible text of HTML: paragraphs and breaks as line breaks, entities decoded.

    Links keep the text they show, also the parts that Mastodon hides to shorten it, so that a URL
    is whole; mentions and hashtags stay ``@name`` and ``#tag``.
    """
    text = html
    for pattern, replacement in _STEPS:
        text = text.str.replace_all(pattern, replacement)
    return text.str.strip_chars("\n").map_batches(decoded, return_dtype=pl.String)


def decoded(texts: pl.Series) -> pl.Series:
    """Return texts with characters instead of HTML entities."""
    rows = texts.str.contains("&", literal=True).fill_null(False).arg_true()
    encoded = texts.gather(rows).str.replace_all(*_NO_CHARACTER)
    return texts.clone().scatter(rows, [unescape(text) for text in encoded])

"""Make a text plain: its bytes enter, UTF-8 with lines that end in LF leaves, while it is read."""

import codecs
import re
from collections.abc import Iterator

from tweetscore.io.packing import Buffered, Limits, stream_of

UTF8 = "utf-8"
MIXED = f"{UTF8}+"  # and the encoding of words that are not UTF-8, as in exports put together
# UTF-32 in the order of Intel begins with the mark of UTF-16.
_MARKED = {
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
IN_WORDS = bytes(range(0x30, 0x100))  # neither a blank nor what separates fields
_WORD_NOT_ASCII = re.compile(rb"(?<![\x30-\xff])[\x30-\x7f]*+[\x80-\xff][\x30-\xff]*+")
# Characters of UTF-8, also cut off where they are no letters of Latin scripts; else single bytes.
SEQUENCE = re.compile(
    rb"([\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
    rb"|\xe2\x80|\xf0\x9f[\x80-\xbf]?)|[\x80-\xff]"
)
# A line of text, whatever its quotes enclose, and the break of old Macs after it.
_FIRST_CR = re.compile(rb'(?:[^"\r\n\0]++|"[^"\0]*+")*+\r[^\n]')


def plain_text(stream: Buffered, encoding: str | None, limits: Limits) -> Buffered:
    """Return a stream in UTF-8 whose lines end in LF.

    Bytes that were UTF-8 keep their places: a lone CR that ends lines becomes an LF.

    Args:
        stream: the bytes of the text.
        encoding: of a text without a byte order mark; None is UTF-8.
        limits: how much is decoded at once.
    """
    codec = marked_encoding(stream.peek(len(codecs.BOM_UTF32_LE))) or encoding or UTF8
    if codec.startswith(MIXED):
        stream = stream_of(_decoded_words(stream, codec.removeprefix(MIXED), limits))
    elif codec != UTF8:
        stream = stream_of(_decoded(stream, codec, limits))
    if has_cr_lines(stream.peek(limits.piece_bytes)):
        stream = stream_of(_with_lf(stream, limits))
    return stream


def has_cr_lines(first: bytes) -> bool:
    """Return whether the first line of a text ends in a CR alone."""
    return _FIRST_CR.match(first) is not None


def marked_encoding(first: bytes) -> str | None:
    """Return the encoding that a byte order mark shows, if there is one."""
    return next((codec for mark, codec in _MARKED.items() if first.startswith(mark)), None)


def _decoded(stream: Buffered, codec: str, limits: Limits) -> Iterator[bytes]:
    """Turn an encoding into UTF-8; what is not a character becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    at_start = True
    while piece := stream.read(limits.piece_bytes):
        text = decoder.decode(piece)
        if at_start and text:
            text, at_start = text.removeprefix("\ufeff"), False
        yield text.encode("utf-8", "replace")  # some codecs make halves of pairs
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _decoded_words(stream: Buffered, codec: str, limits: Limits) -> Iterator[bytes]:
    """Turn words that are not UTF-8 into it; damage to others stays as it is."""

    def decoded(word: re.Match[bytes]) -> bytes:
        if all(SEQUENCE.findall(word[0])):
            return word[0]
        return word[0].decode(codec, "replace").encode("utf-8", "replace")

    rest = b""
    while piece := stream.read(limits.piece_bytes):
        whole, rest = whole_words(rest + piece)
        yield whole if whole.isascii() else _WORD_NOT_ASCII.sub(decoded, whole)
    yield _WORD_NOT_ASCII.sub(decoded, rest)


def words_not_ascii(text: bytes) -> list[bytes]:
    """Return the words that are not ASCII."""
    return [] if text.isascii() else _WORD_NOT_ASCII.findall(text)


def whole_words(block: bytes) -> tuple[bytes, bytes]:
    """Part a block before its last word, which may go on; one without end is cut."""
    whole = block.rstrip(IN_WORDS) or block
    return whole, block[len(whole) :]


def _with_lf(stream: Buffered, limits: Limits) -> Iterator[bytes]:
    while piece := stream.read(limits.piece_bytes):
        yield piece.replace(b"\r", b"\n")

"""Texts in any encoding and with any line ends become UTF-8 with LF, and rows keep their places."""

import bz2
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tweetscore.io.data_file import DataFile
from tweetscore.io.open import data_files
from tweetscore.io.records import BOM
from tweetscore.io.source import sniff
from tweetscore.posts.formats import open_tweets


def content_of(path: Path) -> bytes:
    (file,) = data_files(path)
    with file.open() as stream:
        return stream.read()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def in_zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", content)
    return out.getvalue()


# --- lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"id,text\r1,a\r2,b\r", b"id,text\n1,a\n2,b\n"),
        (BOM + b"id,text\r1,a\r", BOM + b"id,text\n1,a\n"),
        # Breaks within a cell of a spreadsheet on a Mac are LFs.
        (b'id,"the text"\r1,"a\nb"\r2,c', b'id,"the text"\n1,"a\nb"\n2,c'),
        (b'1,"a\nb"\r2,"c"\r', b'1,"a\nb"\n2,"c"\n'),
        (b'{"a": "\\r"}\r{"a": 2}\r', b'{"a": "\\r"}\n{"a": 2}\n'),
        (b"a,b\r\r\n1,2\r\r\n", b"a,b\n\n\n1,2\n\n\n"),  # CRLF, made CRLF again
        ("\ufeffid,text\r1,é\r".encode("utf-16-le"), "id,text\n1,é\n".encode()),
    ],
)
@pytest.mark.parametrize("pack", [bytes, bz2.compress, in_zip])
def test_lines_of_old_macs_end_in_lf(
    tmp_path: Path, content: bytes, wanted: bytes, pack: Callable[[bytes], bytes]
) -> None:
    assert content_of(written(tmp_path / "a", pack(content))) == wanted


@pytest.mark.parametrize(
    "content",
    [
        b'id,text\n1,"a\rb"\n2,"c\r"\n',
        b'id,text\r\n1,"a\rb"\r\n',
        b'1,"a\rb"\n2,c\n',
        b'1,5" of snow\r\n2,3" more\r\n',
        b"id,text\n1,a\rb\n",
        b"a\r",
        b"PAR1\x15\x04\0\r\r5\r",
    ],
)
def test_other_crs_stay_as_they_are(tmp_path: Path, content: bytes) -> None:
    assert content_of(written(tmp_path / "a", content)) == content


def test_rows_of_a_file_with_cr_lines_have_their_places(tmp_path: Path) -> None:
    content = b'id,created_at,text\r1,2021-05-10T14:30:05Z,"a\nb"\r2,no time,c\r'
    posts = open_tweets(sniff(DataFile(written(tmp_path / "a", content))))
    assert posts is not None
    (batch,) = posts.read()
    rows = pl.concat(
        [batch.tweets.select("line", "byte_offset"), batch.rejects.select("line", "byte_offset")]
    )
    assert rows.rows() == [(2, 19), (4, content.index(b"2,no"))]

"""Records are compared with the json and csv modules, packed files with what was packed."""

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import random
import re
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, cast

import polars as pl
import pytest
import zstandard
from examples import examples
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tweetscore.errors import InputError
from tweetscore.io import records as files
from tweetscore.io.archives import ZIP_MARKS
from tweetscore.io.data_file import HEAD_BYTES, DataFile
from tweetscore.io.json_array import json_array_records
from tweetscore.io.open import PICKLE, data_files
from tweetscore.io.packing import GZIPPED, LIMITS, UNPACKERS, Limits
from tweetscore.io.records import (
    BOM,
    MOST_RECORD_BYTES,
    Records,
    line_records,
)

ANYTIME = examples(60)
BLOCKS = st.integers(min_value=1, max_value=40)
# Few characters, so that quotes, escapes and brackets meet each other often.
TEXTS = st.text(alphabet='ab "\\{}[],:\n\r\té😀', max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
INDENTS = st.sampled_from([None, 0, 1, "\t"])
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : "), (",\n", ":"), ("\n,", ":")])
BLANKS = st.sampled_from([b"", b"\n", b" \r\n\t ", b"\n\n"])


def with_blocks_of(
    size: int,
    stream: BinaryIO,
    *,
    quote: bool | None = None,
    most_bytes: int = MOST_RECORD_BYTES,
) -> list[Records]:
    """Cut a stream in blocks of this size: as lines where ``quote`` is given, else as an array."""
    return list(cut(stream, quote, size, most_bytes))


def cut(stream: BinaryIO, quote: bool | None, size: int, most_bytes: int) -> Iterator[Records]:
    if quote is None:
        return json_array_records(stream, block_bytes=size, most_bytes=most_bytes)
    return line_records(stream, quote=quote, block_bytes=size, most_bytes=most_bytes)


def pieces(blocks: list[Records]) -> Iterator[tuple[int, int, bytes]]:
    """Yield line, byte offset and bytes of each record."""
    for block in blocks:
        for number, (line, offset) in enumerate(zip(block.lines, block.offsets, strict=True)):
            yield int(line), int(offset), block.part(number, number + 1).data


# --- JSON arrays ----------------------------------------------------------------------------------


@ANYTIME
@given(
    st.lists(VALUES, max_size=6), INDENTS, SEPARATORS, st.booleans(), st.booleans(), BLANKS, BLANKS,
    st.sampled_from([b"", BOM]), st.booleans(), BLOCKS,
)  # fmt: skip
@example(
    [None, {":": None, "": None}, None, [None, {":": None}]],
    0, (", ", ": "), False, False, b"", b"", b"", False, 28,
)  # fmt: skip
@example(
    [None, {":": None, "": None}, [None, {":": None}]],
    None, (",", ":"), False, False, b"", b"", b"", False, 17,
)  # fmt: skip
def test_an_array_in_any_layout_gives_the_values_of_the_json_module_and_their_places(
    values: list[object],
    indent: int | str | None,
    separators: tuple[str, str],
    ascii_only: bool,
    crlf: bool,
    before: bytes,
    after: bytes,
    bom: bytes,
    trailing_comma: bool,
    block: int,
) -> None:
    layout = json.dumps(values, indent=indent, separators=separators, ensure_ascii=ascii_only)
    text = layout.replace("\n", "\r\n" if crlf else "\n").encode()
    if trailing_comma and values:
        text = text[:-1] + b" ,\n]"
    text = bom + before + text + after
    found = list(pieces(with_blocks_of(block, io.BytesIO(text))))
    assert [json.loads(data) for _, _, data in found] == values
    assert [b"\n" in data.rstrip(b"\n") for _, _, data in found] == [False] * len(values)
    for line, offset, data in found:
        opening = data.strip()[:1]
        assert text[offset : offset + 1] == opening
        assert line == 1 + text[:offset].count(b"\n")


def test_one_object_a_line_in_an_array_keeps_its_line_and_its_offset() -> None:
    text = b'[\n{"a": "],[\\""},\n\n {"b": [1, {"c": 2}]},\n{"d": 4}\n]\n'
    assert list(pieces(with_blocks_of(5, io.BytesIO(text)))) == [
        (2, 2, b'  {"a": "],[\\""}\n'),
        (4, 20, b'   {"b": [1, {"c": 2}]}\n'),
        (5, 42, b' {"d": 4} \n'),
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b"[]", []),
        (b" [ ] ", []),
        (b"[1,2", [b"1", b"2"]),
        (b'[{"a":1},{"b"', [b'{"a":1}', b'{"b"']),
        (b'[{"a":1}},{"b":2},{"c":3}]', [b'{"a":1}}', b'{"b":2}', b'{"c":3}']),
        (b'[{"a":[1]]},{"b":2,"c":3},4]', [b'{"a":[1]]}', b'{"b":2,"c":3}', b"4"]),
        (b'[{"a":1],{"b":2}]', [b'{"a":1]', b'{"b":2}']),
        (b"[1,2] and more", [b"1", b"2", b"and more"]),
        (b"[,,1,,]", [b"1"]),
    ],
)
def test_damage_in_an_array_stays_where_it_is(text: bytes, values: list[bytes]) -> None:
    for block in range(1, 30):
        blocks = with_blocks_of(block, io.BytesIO(text))
        assert [data.strip() for _, _, data in pieces(blocks)] == values, block


def test_two_arrays_in_one_file_are_two_levels_and_the_second_is_one_bad_record() -> None:
    blocks = with_blocks_of(100, io.BytesIO(b'[{"a":1},{"a":2}]\n[{"a":3},{"a":4}]\n'))
    assert [data.strip() for _, _, data in pieces(blocks)] == [
        b'{"a":1}',
        b'{"a":2}',
        b'[{"a":3},{"a":4}]',
    ]


@ANYTIME
@given(st.integers(min_value=0, max_value=9), BLOCKS)
def test_runs_of_backslashes_before_a_quote_end_the_string_or_not(run: int, block: int) -> None:
    values = ["\\" * run, '\\"' * run, "\\" * run + '",', {"\\" * run: [1]}]
    blocks = with_blocks_of(block, io.BytesIO(json.dumps(values).encode()))
    assert [json.loads(data) for _, _, data in pieces(blocks)] == values


# --- lines ----------------------------------------------------------------------------------------


@ANYTIME
@given(
    st.lists(st.lists(st.text('ab ",\n:é', max_size=9), min_size=1, max_size=4), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
    BLOCKS,
)
def test_quoted_lines_are_cut_where_the_csv_module_cuts_them(
    rows: list[list[str]], end: str, quoting: Literal[0, 1], last_end: bool, block: int
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=quoting).writerows(rows)
    text = out.getvalue() if last_end else out.getvalue().removesuffix(end)
    read = [row for row in csv.reader(io.StringIO(text, newline="")) if "".join(row).strip()]
    found = list(pieces(with_blocks_of(block, io.BytesIO(text.encode()), quote=True)))
    ours = [next(csv.reader(io.StringIO(data.decode(), newline=""))) for _, _, data in found]
    assert [row for row in ours if "".join(row).strip()] == read
    for line, offset, data in found:
        assert text.encode()[offset:].startswith(data.lstrip(b" \t\r\n"))
        assert line == 1 + text.encode()[:offset].count(b"\n")


@ANYTIME
@given(st.text(alphabet='a" ,\n\r\t', max_size=40), BLOCKS)
def test_unquoted_lines_are_cut_at_every_line_break_and_blank_ones_are_left_out(
    text: str, block: int
) -> None:
    found = pieces(with_blocks_of(block, io.BytesIO(text.encode()), quote=False))
    wanted = [
        (number, line.strip().encode())
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]
    assert [(line, data.strip()) for line, _, data in found] == wanted


@pytest.mark.parametrize("size", [1, 3, 4, 5, 9, 10])
def test_a_file_that_ends_with_its_block_has_no_record_too_many(size: int) -> None:
    blocks = with_blocks_of(size, io.BytesIO(b"ab\ncd\nefgh\nijkl\nm\n"), quote=False)
    assert [(line, data) for line, _, data in pieces(blocks)] == [
        (1, b"ab\n"),
        (2, b"cd\n"),
        (3, b"efgh\n"),
        (4, b"ijkl\n"),
        (5, b"m\n"),
    ]


@pytest.mark.parametrize("text", [b"", BOM, b"\n", BOM + b"\n \n", b"  "])
def test_nothing_but_blanks_has_no_records(text: bytes) -> None:
    assert with_blocks_of(4, io.BytesIO(text), quote=True) == []
    assert with_blocks_of(4, io.BytesIO(text)) == []


def test_a_byte_order_mark_belongs_to_no_record_but_counts_in_the_offsets() -> None:
    blocks = with_blocks_of(2, io.BytesIO(BOM + b"a\nb\n"), quote=False)
    assert list(pieces(blocks)) == [(1, 3, b"a\n"), (2, 5, b"b\n")]


@pytest.mark.parametrize("quote", [True, False, None])
def test_a_record_over_the_cap_is_cut_off_and_what_follows_it_survives(quote: bool | None) -> None:
    if quote is None:
        text = b'[{"a":1},{"b":[' + b"1," * 30 + b'2]},{"c":3},{"d":4}]'
    else:
        text = b"a" * 50 + b"\nshort\nlast\n"
    blocks = with_blocks_of(8, io.BytesIO(text), quote=quote, most_bytes=20)
    found = [data.strip() for _, _, data in pieces(blocks)]
    assert found[-2:] == ([b'{"c":3}', b'{"d":4}'] if quote is None else [b"short", b"last"])
    assert {each.cut_at for each in blocks} == {0, 20}
    assert max(map(len, found)) <= 20 + 8
    bare = bytes.maketrans(b"\n,[", b"   ")
    if quote is None:  # no record has shown how others begin
        assert b"".join(found).translate(bare, b" \n,[]") == text.translate(bare, b" \n,[]")
    else:
        assert [(len(data), line, offset) for line, offset, data in pieces(blocks)] == [
            (27, 1, 0), (6, 2, 51), (5, 3, 57),
        ]  # fmt: skip


@pytest.mark.parametrize("block_bytes", [1_000, 60_000, 1 << 20])
def test_the_rest_of_a_record_over_the_cap_is_passed_over(block_bytes: int) -> None:
    row = b'{"id":%d,"x":[%b]}'
    rows = [row % (number, b"{}") for number in range(40)]
    long = row % (40, b"{}," * 40_000 + b"{}")
    content = b"[" + b",\n".join([*rows, long, row % (41, b""), row % (42, b"")]) + b"]"
    blocks = json_array_records(io.BytesIO(content), block_bytes=block_bytes, most_bytes=50_000)
    found = [(each.cut_at, len(each), int(each.lines[-1])) for each in blocks]
    if block_bytes == 1 << 20:  # a block that is there is read
        assert found == [(0, 43, 43)]
    else:
        assert sum(count for cut_at, count, _ in found if not cut_at) == 42
        assert [each for each in found if each[0]] == [(50_000, 1, 41)]
        assert found[-1][2] == 43


class _Endless(io.RawIOBase):
    """As many copies of a piece as make up the size."""

    def __init__(self, piece: bytes, size: int) -> None:
        self._piece, self._left = piece, size

    def read(self, size: int = -1) -> bytes:
        taken = min(size, self._left)
        self._left -= taken
        return (self._piece * (taken // len(self._piece) + 1))[:taken]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("piece", "quote"),
    [
        (b'{"id":1,"text":"a"}\n', False),
        (b'{"id":1,"text":"a"},', None),
        (b"a", False),
        (b'"\n', True),
        (b"[", None),
        (b'{"', None),
        (b"\n", True),
    ],
)
def test_memory_does_not_grow_with_the_file_whatever_is_in_it(
    piece: bytes, quote: bool | None
) -> None:
    block, cap = 1 << 14, 1 << 16
    stream = cast(BinaryIO, _Endless(piece, 40 * (cap + block)))
    tracemalloc.start()
    for _ in cut(stream, quote, block, cap):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * (cap + block)  # of 40 * (cap + block) bytes read, at 8 bytes a position


# --- parsing with places --------------------------------------------------------------------------


def numbers(data: bytes) -> pl.DataFrame:
    """Read a column of whole numbers; polars refuses the block where a line is none."""
    frame = pl.read_csv(io.BytesIO(b"n,m\n" + data), infer_schema=False)
    return frame.select(pl.col("n").cast(pl.Int64))


@ANYTIME
@given(st.lists(st.sampled_from(["1", "22", "x", "3,4,5", "é", ""]), max_size=20), BLOCKS)
def test_every_bad_record_stands_alone_with_its_place_and_good_neighbours_survive(
    lines: list[str], block: int
) -> None:
    text = "".join(line + "\n" for line in lines).encode()
    rows, rejects = [], []
    for records in with_blocks_of(block, io.BytesIO(text), quote=False):
        frame, refused = files.parse(records, numbers)
        rows += frame.rows()
        rejects += refused.select("line", "byte_offset", "raw").rows()
    offsets = [
        len("".join(line + "\n" for line in lines[:at]).encode()) for at in range(len(lines))
    ]
    places = list(zip(range(1, len(lines) + 1), offsets, lines, strict=True))
    good = {"1", "22"}
    assert rows == [(int(text), at, place) for at, place, text in places if text in good]
    assert rejects == [(at, place, text) for at, place, text in places if text not in good | {""}]


def test_a_record_of_no_row_or_of_several_is_a_reject_with_that_reason() -> None:
    (records,) = with_blocks_of(99, io.BytesIO(b"1\n2;3\n4\n"), quote=False)

    def parser(data: bytes) -> pl.DataFrame:
        return numbers(data.replace(b";", b"\n"))

    frame, refused = files.parse(records, parser)
    assert frame.rows() == [(1, 1, 0), (4, 3, 6)]
    assert refused.rows() == [(2, 2, "the record is not exactly one row", "2;3")]


def read_json(data: bytes) -> pl.DataFrame:
    return pl.read_ndjson(io.BytesIO(data), schema={"a": pl.String()})


def read_csv(data: bytes) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(b"a,b\n" + data), infer_schema=False).select("a")


@pytest.mark.parametrize(
    ("parser", "lines"),
    [
        (
            read_json,
            [b'{"a":"1"}', b'{"a":"caf\xe9\xff"}', b'{"a":"\xc3\xa9"}', b"\xff", b'{"a":"4"}'],
        ),
        (read_csv, [b"1,x", b"caf\xe9\xff,x", b"\xc3\xa9,x", b"\xff,x,x", b"4,x"]),
    ],
)
@pytest.mark.parametrize("block", [5, 30, 1000])
def test_bytes_that_are_no_utf8_cost_no_record_but_become_replacement_characters(
    parser: files.Parser, lines: list[bytes], block: int
) -> None:
    rows, rejects = [], []
    for records in with_blocks_of(block, io.BytesIO(b"\n".join(lines)), quote=False):
        frame, refused = files.parse(records, parser)
        rows += frame.rows()
        rejects += refused.select("line", "byte_offset", "raw").rows()
    starts = [len(b"\n".join([*lines[:at], b""])) for at in range(len(lines))]
    texts = ["1", "caf\ufffd\ufffd", "é", None, "4"]
    assert rows == [
        (text, line, start)
        for line, (text, start) in enumerate(zip(texts, starts, strict=True), 1)
        if text
    ]
    assert rejects == [(4, starts[3], lines[3].decode("utf-8", "replace"))]


def test_the_reason_of_a_reject_stays_short_however_much_of_it_polars_quotes() -> None:
    (records,) = with_blocks_of(1 << 20, io.BytesIO(b"[" + b"1," * 99_999 + b"1]\n"), quote=False)
    _, refused = files.parse(records, read_json)
    assert [len(refused[name][0]) for name in ("reason", "raw")] == [
        len("cannot be parsed: ") + files.REASON_CHARACTERS,
        files.RAW_CHARACTERS,
    ]


DEEP = """
import io, polars as pl
from tweetscore.io import records as files
from tweetscore.io.json_array import json_array_records
def parser(data):
    return pl.read_ndjson(io.BytesIO(data), schema={"a": pl.String()})
for start, end in [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")]:
    for bomb in (start * 200_000, start * 200_000 + "1" + end * 200_000):
        values = ['{"a":"1"}', '{"b":' + bomb + "}", bomb, '{"a":"4"}']
        lines = files.line_records(io.BytesIO("\\n".join(values).encode()), quote=False)
        array = json_array_records(io.BytesIO(f"[{','.join(values)}]".encode()))
        for cut in [lines, array] if bomb.endswith(end) else [lines]:
            for records in cut:
                rows, rejects = files.parse(records, parser)
                print(rows["a"].to_list(), rejects.height)
"""


@pytest.mark.slow
def test_json_nested_without_end_is_rejected_and_ends_no_process() -> None:
    run = subprocess.run([sys.executable, "-c", DEEP], capture_output=True, text=True, check=False)
    assert (run.stdout, run.returncode) == ("['1', '4'] 2\n" * 9, 0)


# --- what packs a file ----------------------------------------------------------------------------


def zipped(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def written(path: Path, content: bytes | bytearray) -> Path:
    path.write_bytes(content)
    return path


def in_zip(content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("é.txt", content)
    return out.getvalue()


def in_zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


def in_streamed_zstd(content: bytes) -> bytes:
    """Without the size, without a checksum, and with a block for each third."""
    packer, third = zstandard.ZstdCompressor().compressobj(), len(content) // 3 + 1
    blocks = [
        packer.compress(content[at : at + third]) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        for at in range(0, len(content), third)
    ]
    return b"".join([*blocks, packer.flush()])


def in_parts(pack: Callable[[bytes], bytes], content: bytes) -> bytes:
    half = len(content) // 2
    return pack(content[:half]) + pack(content[half:])


def in_zstd_with_a_window_of(log: int, content: bytes) -> bytes:
    """As the archives of Reddit say that matches may lie so far back."""
    packed = bytearray(in_streamed_zstd(content))
    packed[5] = (log - 10) << 3  # its byte in the header
    assert zstandard.get_frame_parameters(bytes(packed)).window_size == 1 << log
    return bytes(packed)


SKIPPED_FRAME = b"\x5e\x2a\x4d\x18\x05\x00\x00\x00other"
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip of two members": partial(in_parts, gzip.compress),
    "gzip with zeros after it": lambda content: gzip.compress(content) + bytes(99),
    "zstd": in_zstd,
    "zstd, streamed": in_streamed_zstd,
    "zstd of two frames": partial(in_parts, in_streamed_zstd),
    "zstd with frames to skip": lambda it: SKIPPED_FRAME + in_parts(in_zstd, it) + SKIPPED_FRAME,
    "zstd with a window of 2 GiB": partial(in_zstd_with_a_window_of, 31),
    "bzip2": bz2.compress,
    "bzip2 of two streams": partial(in_parts, bz2.compress),
    "xz": partial(lzma.compress, preset=0),  # with a small dictionary
    "xz of two streams with padding after each": lambda it: in_parts(
        lambda half: lzma.compress(half, check=lzma.CHECK_SHA256, preset=0) + bytes(8), it
    ),
    "lzma": partial(lzma.compress, format=lzma.FORMAT_ALONE, preset=0),
    **{f"zip, method {method}": partial(in_zip, method=method) for method in METHODS},
    "gzip in a zip": lambda content: in_zip(gzip.compress(content)),
    "zstd in a stored zip": lambda content: in_zip(in_zstd(content), zipfile.ZIP_STORED),
    "bzip2 in a zip": lambda content: in_zip(bz2.compress(content)),
    "gzip in zstd in a zip": lambda content: in_zip(in_zstd(gzip.compress(content))),
}
CUTTABLE = [form for form in PACKED if form != "plain" and "after" not in form]
UNCHECKED = ("zstd, streamed", "zstd of two frames", "zstd with a window of 2 GiB", "lzma")
CHECKED = [form for form in CUTTABLE if form not in UNCHECKED]


def content_of(file: DataFile) -> bytes:
    with file.open() as stream:
        return stream.read()


@pytest.mark.parametrize("form", PACKED)
@pytest.mark.parametrize("size", [1, 3, 100, pytest.param(300_000, marks=pytest.mark.slow)])
def test_content_is_the_same_however_it_is_packed_and_whatever_its_name(
    tmp_path: Path, form: str, size: int
) -> None:
    content = (BOM + b"hello\n" + random.Random(7).randbytes(size // 2) * 2)[:size]
    path = written(tmp_path / "no.name", PACKED[form](content))
    (file,) = data_files(path)
    assert (file.path, file.name) == (path, str(path))
    assert content_of(file) == content
    assert file.head() == content.removeprefix(BOM)[: HEAD_BYTES - 3 * (size >= 3)]
    assert file.digest() == (hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize("form", PACKED)
@pytest.mark.parametrize("codec", ["utf-16-le", pytest.param("utf-16-be", marks=pytest.mark.slow)])
def test_utf16_is_read_as_utf8_however_it_is_packed(tmp_path: Path, form: str, codec: str) -> None:
    text = '{"text": "é 😀 \x00"}\r\n' * 9_999
    packed = PACKED[form](f"\ufeff{text}".encode(codec))
    (file,) = data_files(written(tmp_path / "a.json", packed))
    assert content_of(file) == text.encode()
    assert file.head() == text.encode()[:HEAD_BYTES]
    assert file.digest() == (hashlib.sha256(text.encode()).hexdigest(), len(text.encode()))


@ANYTIME
@given(st.binary(max_size=60), st.sampled_from(["utf-16-le", "utf-16-be"]), BLOCKS)
def test_what_is_no_utf16_becomes_replacement_characters_wherever_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, codec: str, piece: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "utf16"
    content = "\ufeff".encode(codec) + b"\n\n" + data
    (file,) = data_files(written(path, content), Limits(piece_bytes=piece))
    assert content_of(file) == (b"\n\n" + data).decode(codec, "replace").encode()


@ANYTIME
@given(st.binary(min_size=1, max_size=200), st.sampled_from(sorted(PACKED)), BLOCKS, BLOCKS)
@example(bytes(21), f"zip, method {zipfile.ZIP_DEFLATED}", 3, 9)  # all but one come at the very end
def test_packed_bytes_give_the_records_of_the_plain_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, form: str, piece: int, block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "packed"
    assume(not content.startswith(ZIP_MARKS))
    assume(not any(mark.match(content) for mark in (GZIPPED, *UNPACKERS)))
    assume(not PICKLE.match(content))
    limits = Limits(piece_bytes=piece)
    (plain,) = data_files(written(path, content), limits)
    assume(not plain.refusal)
    with plain.open() as stream:
        wanted = list(pieces(with_blocks_of(block, stream, quote=False)))
    (packed,) = data_files(written(path, PACKED[form](content)), limits)
    with packed.open() as stream:
        assert list(pieces(with_blocks_of(block, stream, quote=False))) == wanted


@pytest.mark.parametrize("form", CUTTABLE)
def test_a_file_that_was_cut_off_is_refused_wherever_the_cut_is(tmp_path: Path, form: str) -> None:
    content = random.Random(1).randbytes(90) + b"and so on " * 40
    half, whole = content[: len(content) // 2], PACKED[form](content)
    # Nothing is missing where a part ends: no reader can know that there was another one.
    complete = {len(gzip.compress(half)), len(in_streamed_zstd(half)), len(whole)}
    complete |= {len(bz2.compress(half))}
    complete |= {len(SKIPPED_FRAME) + len(in_zstd(half)), len(whole) - len(SKIPPED_FRAME)}
    wrong: list[tuple[int, object]] = []
    for cut in range(len(SKIPPED_FRAME) + 1 if "skip" in form else 4, len(whole), 2):
        path = written(tmp_path / "a", whole[:cut])
        try:
            read = content_of(data_files(path)[0])
        except InputError as error:
            wrong += [] if re.fullmatch(cannot_be_read(path), str(error)) else [(cut, str(error))]
        else:
            wrong += [] if cut in complete and read in (half, content) else [(cut, len(read))]
    assert wrong == []


def cannot_be_read(path: Path) -> str:
    return (
        rf"{re.escape(str(path))}: cannot be read \(.+\); unpack it yourself, or download it again"
    )


@pytest.mark.parametrize("form", CHECKED)
def test_a_flipped_byte_changes_no_content(tmp_path: Path, form: str) -> None:
    content = random.Random(2).randbytes(90) + b"and so on " * 20
    path, whole, refusals = tmp_path / "a", PACKED[form](content), []
    for at in range(4, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            assert content_of(data_files(path)[0]) == content, at
        except InputError as error:
            refusals.append(str(error))
    assert len(refusals) > 20
    assert [text for text in refusals if not text.startswith(f"{path}") or "\n" in text] == []


def read_in_pieces(file: DataFile, read: list[int]) -> None:
    with file.open() as stream:
        while block := stream.read(1 << 14):
            read.append(len(block))


@pytest.mark.parametrize("form", CHECKED)
@pytest.mark.slow
def test_damage_far_into_a_file_is_reported_when_it_is_reached(tmp_path: Path, form: str) -> None:
    content = random.Random(3).randbytes(1_000_000)
    packed = bytearray(PACKED[form](content))
    packed[950_000:950_100] = bytes(100)  # in the second block of bzip2
    path, read = written(tmp_path / "a", packed), list[int]()
    (file,) = data_files(path)
    assert file.head() == content[:HEAD_BYTES]
    with pytest.raises(InputError) as refusal:
        read_in_pieces(file, read)
    assert re.fullmatch(cannot_be_read(path), str(refusal.value))
    assert sum(read) > 700_000


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, in_zstd])
def test_what_follows_a_packed_part_and_is_none_is_damage(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = written(tmp_path / "a", pack(b"hello\n") + bytes(7) + b"damage")
    with pytest.raises(InputError, match=cannot_be_read(path)):
        content_of(DataFile(path))


def test_a_file_that_asks_for_more_memory_than_any_needs_is_refused(tmp_path: Path) -> None:
    packed = bytearray(in_zstd_with_a_window_of(31, b"hello"))
    packed[5] += 1  # a window of 2.25 GiB
    dictionary = lzma.compress(b"hello", lzma.FORMAT_ALONE)
    for content in (packed, dictionary[:1] + b"\0\0\0\x80" + dictionary[5:]):
        path = written(tmp_path / "a", content)
        with pytest.raises(InputError, match=r"too much memory|Memory usage limit"):
            DataFile(path).head()


@pytest.mark.slow
@pytest.mark.parametrize("form", [form for form in PACKED if form != "plain"])
def test_memory_does_not_grow_with_what_is_packed(tmp_path: Path, form: str) -> None:
    packed = PACKED[form](("\ufeff" + "a" * 7_000_000).encode("utf-16-le"))
    (file,) = data_files(written(tmp_path / "a", packed))
    tracemalloc.start()
    _, size = file.digest()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 7_000_000
    assert peak < 4_000_000


# --- files, zips, folders, patterns, standard input -----------------------------------------------


def refusal_of(path: Path, limits: Limits = LIMITS) -> str:
    with pytest.raises(InputError) as refusal:
        data_files(path, limits)
    return str(refusal.value)


def refusal_when_read(path: Path) -> str:
    (file,) = data_files(path)
    with pytest.raises(InputError) as refusal:
        file.head()
    return str(refusal.value)


def named(path: Path) -> dict[str, bytes]:
    return {file.name: content_of(file) for file in data_files(path)}


def test_a_file_and_the_only_file_of_a_zip_need_no_other_name(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.txt", b"hello")
    packed = zipped(
        tmp_path / "a.zip", {"a.txt": b"hello", "folder/": b"", "__MACOSX/._a.txt": b"x"}
    )
    assert data_files(plain) == [DataFile(plain)]
    assert data_files(packed) == [DataFile(packed, "a.txt", alone=True)]
    assert content_of(DataFile(packed, "a.txt")) == b"hello"
    with pytest.raises(InputError) as refusal:
        DataFile(packed, "b.txt").head()
    assert str(refusal.value) == f"{packed}: the zip has no b.txt; check its name"


def test_the_entries_of_a_zip_are_named_where_there_are_several(tmp_path: Path) -> None:
    entries = {
        "b.csv": b"b",
        "empty.txt": b"",
        "c/d.txt": b"d",
        "empty.gz": gzip.compress(b""),
        "data/tweets_media/1.JPG": b"\xff\xd8",
        "c/__MACOSX/d.txt": b"x",
        "c/.hidden": b"x",
        "inner.docx": in_zip(b"x"),
        "inner": gzip.compress(in_zip(b"x")),
        "model.pkl": b"x",
        "pickle.csv": pickle.dumps([1]),
    }
    packed = zipped(tmp_path / "a.zip", entries)
    assert named(packed) == {f"{packed}!b.csv": b"b", f"{packed}!c/d.txt": b"d"}


def test_of_two_entries_with_one_name_the_later_counts(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": b"old"})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a", b"new")
    assert named(path) == {str(path): b"new"}


@pytest.mark.parametrize("top", ["", "c/", "./", "c/d/"])
def test_the_file_beside_another_lies_in_its_own_folder(tmp_path: Path, top: str) -> None:
    entries = {f"{top}a": b"a", f"{top}b": gzip.compress(b"b"), f"{top}c/c": b"c", "o/x": b"x"}
    packed = zipped(tmp_path / "a.zip", entries)
    for name in (f"{top}c", "o"):
        (tmp_path / "folder" / name).mkdir(parents=True)
    for name, content in entries.items():
        written(tmp_path / "folder" / name, content)
    in_folder = DataFile(tmp_path / "folder" / top / "a")
    for first in (DataFile(packed, f"{top}a", alone=False), in_folder):
        found = {name: file for name in ("b", "c", "d", "x") if (file := first.sibling(name))}
        assert list(found) == ["b"]
        assert found["b"].name == f"{first.name[:-1]}b"
        assert content_of(found["b"]) == b"b"


def test_beside_a_copy_of_a_stream_lies_nothing(tmp_path: Path) -> None:
    written(tmp_path / "b", b"b")
    copy = DataFile(written(tmp_path / "a", b"a"), label="standard input")
    assert copy.sibling("b") is None


def test_what_lies_beside_in_a_zip_that_has_gone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        DataFile(tmp_path / "gone.zip", "a").sibling("b")


def test_text_that_begins_like_a_zip_is_text(tmp_path: Path) -> None:
    path = written(tmp_path / "pk.csv", b"PK,open,high,low,close\n")
    assert data_files(path) == [DataFile(path)]


PICKLED = "is a pickle, which can run code when it is loaded; export it as CSV or JSON"
NESTED = "is a zip within a zip or another packed file; unpack the outer one first"
NO_FILE = "holds no file; name one with an archive or bars in it"
EMPTY = "is empty (0 bytes); download the file again"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, ": no such file; check the path"),
        (b"", f": {EMPTY}"),
        (gzip.compress(b""), f": {EMPTY}"),
        (in_zstd(b""), f": {EMPTY}"),
        (b"PK\x05\x06" + bytes(18), f": the zip {NO_FILE}"),
        (
            b"PK\x03\x04 and no more",
            ": cannot be read (File is not a zip file); unpack it yourself, or download it again",
        ),
        (gzip.compress(in_zip(b"x")), f": {NESTED}"),
        (in_zip(in_zip(b"x")), f"!é.txt: {NESTED}"),
        (in_zip(b""), f"!é.txt: {EMPTY}"),
        (in_zip(gzip.compress(b"")), f"!é.txt: {EMPTY}"),
        *((pickle.dumps([1], protocol), f": {PICKLED}") for protocol in range(2, 6)),
        (gzip.compress(pickle.dumps([1])), f": {PICKLED}"),
        (in_zip(pickle.dumps([1])), f"!é.txt: {PICKLED}"),
    ],
    # Packed bytes contain the time of packing, and workers must agree on the names of tests.
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_what_is_no_file_to_read_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "a.zip"
    if content is not None:
        path.write_bytes(content)
    assert refusal_of(path) == f"{path}{message}"


@pytest.mark.parametrize("name", ["a.pkl", "A.PICKLE", "a.joblib", "a.pkl.gz", "a.b.pickle.zst"])
def test_what_is_named_like_a_pickle_is_not_opened(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, b"a,b\n")
    assert refusal_of(path) == f"{path}: {PICKLED}"
    assert len(data_files(written(tmp_path / "from.pkl.csv", b"a,b\n"))) == 1


class _Dangerous:
    def __init__(self, made: Path) -> None:
        self._made = made

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self._made,)


def test_a_pickle_runs_nothing(tmp_path: Path) -> None:
    made = tmp_path / "made"
    content = pickle.dumps(_Dangerous(made))
    assert refusal_of(written(tmp_path / "a", content)) == f"{tmp_path / 'a'}: {PICKLED}"
    assert not made.exists()
    pickle.loads(content)
    assert made.exists()


@pytest.mark.parametrize(
    "name",
    ["../a.csv", "a/../../b.csv", "..", "/etc/a.csv", "C:a.csv", "c:/a.csv", "a\\b.csv",
     "\\\\host\\a.csv", "a\nb.csv", "a\x1b[2J.csv"],
)  # fmt: skip
def test_a_zip_with_a_name_that_leads_out_of_its_folder_is_refused_whole(
    tmp_path: Path, name: str
) -> None:
    path = zipped(tmp_path / "a.zip", {"good.csv": b"x", name: b"x"})
    assert refusal_of(path) == (
        f"{path}: the zip holds a file of the dangerous name {name!r}; "
        "zip the files again with plain names"
    )


def test_names_that_only_look_dangerous_are_read(tmp_path: Path) -> None:
    names = ["..a.csv", "a..csv", "b/a...csv", "12:30.csv", "é/ü.csv", "[x] *.csv"]
    path = zipped(tmp_path / "a.zip", dict.fromkeys(names, b"x"))
    assert named(path) == {f"{path}!{name}": b"x" for name in names if not name.startswith(".")}


def test_a_zip_of_too_many_entries_is_refused(tmp_path: Path) -> None:
    limits = Limits(entries=3)
    three = zipped(tmp_path / "three.zip", dict.fromkeys("abc", b"x"))
    four = zipped(tmp_path / "four.zip", dict.fromkeys("abcd", b"x"))
    assert len(data_files(three, limits)) == 3
    assert refusal_of(four, limits) == (
        f"{four}: cannot be read (it holds more than 3 entries); "
        "unpack it yourself, or download it again"
    )


BOMB = (
    "unpacks to more than 1,000 times its size, as only a bomb does; "
    "unpack it yourself if you trust it"
)


@pytest.mark.parametrize("form", ["gzip", "zstd in a stored zip", "gzip in zstd in a zip"])
def test_a_bomb_is_refused_while_it_is_read(tmp_path: Path, form: str) -> None:
    path = written(tmp_path / "a", PACKED[form](bytes(9_000_000)))
    (file,) = data_files(path, Limits(bomb_bytes=1_000_000))
    with pytest.raises(InputError) as refusal:
        file.digest()
    assert str(refusal.value) == f"{path}: {BOMB}"


@pytest.mark.slow
def test_it_takes_100_megabytes_to_be_a_bomb(tmp_path: Path) -> None:
    (file,) = data_files(written(tmp_path / "a", in_zstd(bytes(100 << 20))))
    assert file.digest()[1] == 100 << 20
    (file,) = data_files(written(tmp_path / "b", in_zstd(bytes(101 << 20))))
    with pytest.raises(InputError, match=BOMB):
        file.digest()


def test_a_bomb_is_measured_against_its_own_place_in_a_zip(tmp_path: Path) -> None:
    entries = {"big": random.Random(5).randbytes(100_000), "bomb": gzip.compress(bytes(9_000_000))}
    path = zipped(tmp_path / "a.zip", entries)
    big, bomb = data_files(path, Limits(bomb_bytes=1_000_000))
    assert big.digest()[1] == 100_000
    with pytest.raises(InputError) as refusal:
        bomb.digest()
    assert str(refusal.value) == f"{path}!bomb: {BOMB}"


@pytest.mark.parametrize(
    "entries",
    [
        {"a": bytes(9_000)},
        {"a": bytes(900), "b": bytes(900)},
        {"a": bytes(9_000), "b": random.Random(6).randbytes(9_000)},
    ],
)
def test_a_zip_with_the_sizes_of_a_bomb_is_refused_unread(
    tmp_path: Path, entries: dict[str, bytes]
) -> None:
    path = zipped(tmp_path / "a.zip", entries)
    assert (
        refusal_of(path, Limits(bomb_bytes=1_000, bomb_ratio=4))
        == f"{path}: {BOMB.replace('1,000', '4')}"
    )


def test_a_way_of_packing_without_a_bound_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": b"a"}, zipfile.ZIP_LZMA)
    assert refusal_when_read(path) == (
        f"{path}: cannot be read (compression method 14); unpack it yourself, or download it again"
    )


def test_a_zip_that_lies_about_its_size_is_refused_where_the_lie_shows(tmp_path: Path) -> None:
    packed = in_zip(b"a" * 100_000)
    lie = packed.replace((100_000).to_bytes(4, "little"), (70_000).to_bytes(4, "little"))
    path = written(tmp_path / "a.zip", lie)
    (file,) = data_files(path)
    read: list[int] = []
    with pytest.raises(InputError, match=cannot_be_read(path)):
        read_in_pieces(file, read)
    assert 0 < sum(read) <= 70_000


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.slow
def test_a_zip_damaged_anywhere_is_read_whole_or_refused_in_one_line(
    tmp_path: Path, method: int
) -> None:
    content = bytes(range(256)) + b"tail" * 9
    path = zipped(tmp_path / "a.zip", {"é.bin": content, "readme": b"r" * 30}, method)
    whole = path.read_bytes()
    flipped = [
        whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :] for at in range(0, len(whole), 3)
    ]
    cut = [whole[:at] for at in range(4, len(whole), 19)]
    refusals = []
    for damaged in flipped + cut:
        path.write_bytes(damaged)
        try:
            for file in data_files(path):
                file.head()
                file.digest()
        except InputError as error:
            refusals.append(str(error))
    assert len(refusals) >= len(cut) + len(content) / 12
    assert [text for text in refusals if not text.startswith(str(path)) or "\n" in text] == []


@pytest.mark.slow
def test_a_directory_damaged_at_random_is_no_crash(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", {"é.bin": b"content", "b": b"xyz"}).read_bytes()
    chance, sizes, refusals = random.Random(4), set(), []
    for _ in range(1_000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(whole.index(b"PK\x01\x02"), len(whole))
            damaged[at] = chance.choice([0, 255, chance.randrange(256)])
        path = written(tmp_path / "a.zip", damaged)
        try:
            sizes |= {file.digest()[1] for file in data_files(path)}
        except InputError as error:
            refusals.append(str(error))
    assert sizes == {len(b"content"), len(b"xyz")}
    assert [text for text in refusals if not text.startswith(str(path)) or "\n" in text] == []


def encrypted(path: Path, entries: dict[str, bytes]) -> Path:
    """Say of the first entry that it is encrypted."""
    packed = bytearray(zipped(path, entries).read_bytes())
    packed[6] |= 1  # the flag in the entry's header
    packed[packed.index(b"PK\x01\x02") + 8] |= 1  # and in the directory's
    return written(path, packed)


def test_an_encrypted_entry_is_refused_with_what_to_do_and_stops_no_other(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "a.zip", {"a.json": b"[]"})
    (file,) = data_files(path)
    with pytest.raises(InputError) as refusal:
        file.head()
    assert str(refusal.value) == f"{path}: is encrypted; unzip it with its password first"
    first, second = data_files(encrypted(tmp_path / "b.zip", {"a": b"a", "b": b"b"}))
    with pytest.raises(InputError, match=r"b\.zip!a: is encrypted"):
        first.digest()
    assert content_of(second) == b"b"


def test_a_folder_is_all_the_files_in_it_by_path(tmp_path: Path) -> None:
    for name in ("b/c", "b/.git", "__MACOSX", ".cache"):
        (tmp_path / name).mkdir(parents=True)
    for name in (
        "b/c/z.csv",
        "a.csv",
        "b/y.json",
        "b/.hidden.csv",
        "b/.git/x.csv",
        "__MACOSX/x.csv",
        ".cache/x.csv",
        "b/photo.JPEG",
        "c.mp4",
    ):
        written(tmp_path / name, name.encode())
    written(tmp_path / "b" / "d.gz", gzip.compress(b"d"))
    written(tmp_path / "b" / "empty.csv", b"")
    written(tmp_path / "b" / "model", pickle.dumps([1]))
    zipped(tmp_path / "b" / "e.zip", {"1.csv": b"1", "2.csv": b"2"})
    zipped(tmp_path / "f.zip", {"only.csv": b"f", "photo.png": b"x"})
    zipped(tmp_path / "nothing.zip", {"photo.png": b"x"})
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    wanted = {
        "a.csv": b"a.csv",
        "b/c/z.csv": b"b/c/z.csv",
        "b/d.gz": b"d",
        "b/e.zip!1.csv": b"1",
        "b/e.zip!2.csv": b"2",
        "b/y.json": b"b/y.json",
        "f.zip": b"f",
    }
    found = named(tmp_path)
    assert list(found.items()) == [(f"{tmp_path}/{name}", data) for name, data in wanted.items()]


def test_what_cannot_be_read_in_a_folder_stops_no_other_file(tmp_path: Path) -> None:
    damaged = written(tmp_path / "a.zip", b"PK\x03\x04 and no more")
    climbing = zipped(tmp_path / "b.zip", {"../b.csv": b"b"})
    cut_off = written(tmp_path / "c.gz", gzip.compress(b"c" * 99)[:-9])
    good = written(tmp_path / "d.csv", b"d")
    files_found = data_files(tmp_path)
    assert [file.name for file in files_found] == [*map(str, (damaged, climbing, cut_off, good))]
    for file, fact in zip(files_found, ("not a zip", "dangerous", "ended"), strict=False):
        for read in (file.head, file.digest):
            with pytest.raises(InputError, match=f"^{re.escape(file.name)}: .*{fact}"):
                read()
    assert content_of(files_found[-1]) == b"d"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("photo.jpg", b"x", f": the folder {NO_FILE}"),
        (".hidden", b"x", f": the folder {NO_FILE}"),
        ("empty.csv", b"", f"/empty.csv: {EMPTY}"),
        ("a.pkl", b"x", f"/a.pkl: {PICKLED}"),
        ("a.zip", in_zip(in_zip(b"x")), f"/a.zip!é.txt: {NESTED}"),
    ],
)
def test_a_folder_with_nothing_to_read_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    written(tmp_path / name, content)
    assert refusal_of(tmp_path) == f"{tmp_path}{message}"


def test_a_pattern_is_the_files_that_match_it(tmp_path: Path) -> None:
    (tmp_path / "b" / "__MACOSX").mkdir(parents=True)
    for name in ("1.csv", "2.csv", "3.json", "b/4.csv", "b/5.jpg", "b/__MACOSX/6.csv", "[1].csv"):
        written(tmp_path / name, name.encode())
    zipped(tmp_path / "b" / "7.zip", {"x": b"x", "y": b"y"})
    patterns = {
        "?.csv": ["1.csv", "2.csv"],
        "[12].csv": ["1.csv", "2.csv"],
        "**/*.csv": ["1.csv", "2.csv", "[1].csv", "b/4.csv"],
        "b*": ["b/4.csv", "b/7.zip!x", "b/7.zip!y"],
        "b/**": ["b/4.csv", "b/7.zip!x", "b/7.zip!y"],
        "[1].csv": ["[1].csv"],
    }
    for pattern, names in patterns.items():
        assert list(named(tmp_path / pattern)) == [f"{tmp_path}/{name}" for name in names], pattern
    nothing = tmp_path / "*.txt"
    assert refusal_of(nothing) == f"{nothing}: no file has such a name; check the pattern"


@pytest.mark.parametrize("form", PACKED)
def test_standard_input_is_read_as_often_as_needed_however_it_is_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    with written(tmp_path / "a", PACKED[form](b"hello\n")).open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        (file,) = data_files(Path("-"))
    assert file.name == "standard input"
    assert [file.head(), content_of(file), file.digest()[1]] == [b"hello\n", b"hello\n", 6]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", EMPTY),
        (pickle.dumps([1]), PICKLED),
        (
            b"PK\x03\x04",
            "cannot be read (File is not a zip file); unpack it yourself, or download it again",
        ),
    ],
)
def test_standard_input_is_refused_by_a_clearer_name_than_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    with written(tmp_path / "a", content).open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert refusal_of(Path("-")) == f"standard input: {message}"
    with (tmp_path / "a").open("w") as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert refusal_of(Path("-")).startswith("standard input: cannot be read (")


FROM_PIPE = """
from pathlib import Path
from tweetscore.io.open import data_files
for file in data_files(Path("-")):
    print(file.name, *file.digest(), file.path.stat().st_size, file.path)
"""


def test_the_copy_of_standard_input_is_gone_when_the_program_ends(tmp_path: Path) -> None:
    packed = zipped(tmp_path / "a.zip", {"a": b"a", "b": b"b"}).read_bytes()
    run = subprocess.run(
        [sys.executable, "-c", FROM_PIPE], input=packed, capture_output=True, check=True
    )
    lines = run.stdout.decode().splitlines()
    copy = Path(lines[0].split()[-1])
    assert lines == [
        f"standard input!{name} {hashlib.sha256(name.encode()).hexdigest()} 1 {len(packed)} {copy}"
        for name in "ab"
    ]
    assert not copy.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_named_pipe_is_read_like_standard_input(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as writer:
        writer.submit(pipe.write_bytes, gzip.compress(b"hello"))
        assert named(pipe) == {str(pipe): b"hello"}


@pytest.mark.parametrize(
    ("pack", "fact"),
    [
        (lambda _: b"7z\xbc\xaf\x27\x1c" + bytes(100), "a 7z archive"),
        (lambda _: b"Rar!\x1a\x07\x01\x00" + bytes(100), "a rar archive"),
        (lambda _: b"\x04\x22\x4d\x18" + bytes(100), "packed with lz4"),
        (lambda _: b"LZIP\x01" + bytes(100), "packed with lzip"),
        (lambda _: b"\x1f\x9d\x90" + bytes(100), "packed with compress"),
    ],
)
def test_what_is_packed_as_we_do_not_unpack_it_is_refused_and_never_passed_over(
    tmp_path: Path, pack: Callable[[bytes], bytes], fact: str
) -> None:
    content = b"date,text\n2021-05-10 14:30:05,rain\n"
    (tmp_path / "a.csv").write_bytes(content)
    packed = tmp_path / "b.csv"
    packed.write_bytes(pack(content))
    step = re.escape(f"{packed}: is {fact}; unpack it first, and ingest what is in it")
    for path, place in ((packed, 0), (tmp_path, 1)):
        with pytest.raises(InputError, match=f"^{step}$"):
            data_files(path)[place].head()

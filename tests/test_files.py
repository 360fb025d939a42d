"""Records are held against the json and csv modules, in any layout and at any block size."""

import csv
import hashlib
import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tweetscore import files
from tweetscore.errors import InputError
from tweetscore.files import BOM, DataFile, Records, data_files, json_array_records, line_records

ANYTIME = settings(deadline=None, max_examples=60)
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


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 7)


def with_blocks_of(size: int, stream: BinaryIO, *, quote: bool | None = None) -> list[Records]:
    """Cut a stream with blocks of this size: as lines where ``quote`` is said, else as an array."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK_BYTES", size)
        cut = json_array_records(stream) if quote is None else line_records(stream, quote=quote)
        return list(cut)


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
def test_a_record_over_the_cap_is_cut_off_and_what_follows_it_survives(
    monkeypatch: pytest.MonkeyPatch, quote: bool | None
) -> None:
    monkeypatch.setattr(files, "MAX_RECORD_BYTES", 20)
    if quote is None:
        text = b'[{"a":1},{"b":[' + b"1," * 30 + b'2]},{"c":3},{"d":4}]'
    else:
        text = b"a" * 50 + b"\nshort\nlast\n"
    found = [
        data.strip() for _, _, data in pieces(with_blocks_of(8, io.BytesIO(text), quote=quote))
    ]
    assert found[-2:] == ([b'{"c":3}', b'{"d":4}'] if quote is None else [b"short", b"last"])
    assert max(map(len, found)) <= 20 + 8
    bare = bytes.maketrans(b"\n,[", b"   ")
    assert b"".join(found).translate(bare, b" \n,[]") == text.translate(bare, b" \n,[]")


class _Endless(io.RawIOBase):
    """As many copies of a piece as make up the size."""

    def __init__(self, piece: bytes, size: int) -> None:
        self._piece, self._left = piece, size

    def read(self, size: int = -1) -> bytes:
        taken = min(size, self._left)
        self._left -= taken
        return (self._piece * (taken // len(self._piece) + 1))[:taken]


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
    monkeypatch: pytest.MonkeyPatch, piece: bytes, quote: bool | None
) -> None:
    block, cap = 1 << 14, 1 << 16
    monkeypatch.setattr(files, "BLOCK_BYTES", block)
    monkeypatch.setattr(files, "MAX_RECORD_BYTES", cap)
    stream = cast(BinaryIO, _Endless(piece, 40 * (cap + block)))
    tracemalloc.start()
    for _ in json_array_records(stream) if quote is None else line_records(stream, quote=quote):
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
    assert refused.rows() == [(2, 2, "the record holds no or several rows", "2;3")]


# --- files and zips -------------------------------------------------------------------------------


def zipped(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_a_file_and_a_zip_of_it_hold_the_same_content(tmp_path: Path) -> None:
    content = BOM + b"hello\n" * 20_000
    plain = tmp_path / "a.txt"
    plain.write_bytes(content)
    packed = zipped(
        tmp_path / "a.zip", {"a.txt": content, "folder/": b"", "__MACOSX/._a.txt": b"x"}
    )
    assert data_files(plain) == [DataFile(plain)]
    assert data_files(packed) == [DataFile(packed, "a.txt", alone=True)]
    for (file,) in (data_files(plain), data_files(packed)):
        assert file.digest() == (hashlib.sha256(content).hexdigest(), len(content))
        assert file.head() == content[3 : files.HEAD_BYTES]


def test_the_entries_of_a_zip_are_named_where_there_are_several(tmp_path: Path) -> None:
    packed = zipped(tmp_path / "a.zip", {"b.csv": b"b", "empty.txt": b"", "c/d.txt": b"d"})
    assert [file.name for file in data_files(packed)] == [f"{packed}!b.csv", f"{packed}!c/d.txt"]


def test_text_that_begins_like_a_zip_is_text(tmp_path: Path) -> None:
    path = tmp_path / "pk.csv"
    path.write_bytes(b"PK,open,high,low,close\n")
    assert data_files(path) == [DataFile(path)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; check the path"),
        (b"", "is empty (0 bytes); download the file again"),
        (
            b"PK\x05\x06" + bytes(18),
            "the zip holds no file; name one with an archive or bars in it",
        ),
        (
            b"PK\x03\x04 and no more",
            "cannot be read (File is not a zip file); unzip it yourself, or download it again",
        ),
    ],
)
def test_what_is_no_file_to_read_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "a.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as refusal:
        data_files(path)
    assert str(refusal.value) == f"{path}: {message}"


def test_a_folder_is_refused_with_the_way_to_name_its_files(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        data_files(tmp_path)
    assert str(refusal.value) == (
        f"{tmp_path}: is a folder; name the files in it, as in {tmp_path}/*.json"
    )


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("method", METHODS)
def test_a_zip_damaged_anywhere_is_read_whole_or_refused_in_one_line(
    tmp_path: Path, method: int
) -> None:
    content = bytes(range(256)) + b"tail" * 9
    path = zipped(tmp_path / "a.zip", {"a.bin": content, "readme": b"r" * 30}, method)
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


def test_an_encrypted_entry_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.json": b"[]"})
    packed = bytearray(path.read_bytes())
    packed[6] |= 1  # the flag in the entry's header
    packed[packed.index(b"PK\x01\x02") + 8] |= 1  # and in the directory's
    path.write_bytes(packed)
    (file,) = data_files(path)
    with pytest.raises(InputError) as refusal:
        file.head()
    assert str(refusal.value) == f"{path}: is encrypted; unzip it with its password first"

"""Tars are read like zips: what the tarfile module writes is found again, and nothing is lost."""

import bz2
import gzip
import io
import lzma
import random
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest
import zstandard

from tweetscore.bars.symbols import symbol_of_file
from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.open import data_files
from tweetscore.io.packing import LIMITS, Limits

Entries = Mapping[str, bytes]
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": partial(gzip.compress, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: zstandard.ZstdCompressor().compress(content),
}
END = bytes(2 * tarfile.BLOCKSIZE)


def tarred(entries: Entries, style: int = tarfile.PAX_FORMAT, encoding: str = "utf-8") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=style, encoding=encoding) as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(entries: Entries) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def with_entry_of(kind: bytes, name: str, target: str = "") -> bytes:
    """A tar of a good file, and of an entry that is none."""
    out = io.BytesIO(tarred({"good.csv": b"x"}))
    with tarfile.open(fileobj=out, mode="a") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        archive.addfile(info)
    return out.getvalue()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def named(path: Path) -> dict[str, bytes]:
    found = {}
    for file in data_files(path):
        with file.open() as stream:
            found[file.name] = stream.read()
    return found


def refusal_of(path: Path, limits: Limits = LIMITS) -> str:
    with pytest.raises(InputError) as refusal:
        data_files(path, limits)
    return str(refusal.value)


def cannot_be_read(path: Path, fact: str) -> str:
    return f"{path}: cannot be read ({fact}); unpack it yourself, or download it again"


@pytest.mark.parametrize("form", PACKERS)
def test_a_tar_is_what_may_hold_records_in_it_however_it_is_packed(
    tmp_path: Path, form: str
) -> None:
    entries = {
        "./b.csv": b"b" * 600,
        "c/": b"",
        "c/d.json.gz": gzip.compress(b"d"),
        "c/e.json.bz2": bz2.compress(b"e" * 100_000),
        "empty.txt": b"",
        "media/1.JPG": b"\xff\xd8",
        "._b.csv": b"x",
        "c/__MACOSX/d.txt": b"x",
        "model.pkl": b"x",
        "inner.docx": b"PK\x03\x04",
        "z" * 150 + "/é.csv": b"z",
    }
    path = written(tmp_path / "no.name", PACKERS[form](tarred(entries)))
    assert named(path) == {
        f"{path}!./b.csv": b"b" * 600,
        f"{path}!c/d.json.gz": b"d",
        f"{path}!c/e.json.bz2": b"e" * 100_000,
        f"{path}!{'z' * 150}/é.csv": b"z",
    }


@pytest.mark.parametrize("form", PACKERS)
def test_the_only_file_of_a_tar_needs_no_other_name(tmp_path: Path, form: str) -> None:
    path = written(tmp_path / "a.tgz", PACKERS[form](tarred({"d/": b"", "d/SPY.csv": b"hello"})))
    assert named(path) == {str(path): b"hello"}
    (file,) = data_files(path)
    assert (file.path, file.entry, file.file_name) == (path, "d/SPY.csv", "SPY.csv")
    assert file.expected_bytes() == 5


@pytest.mark.parametrize("style", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_are_read_as_every_kind_of_tar_writes_them(tmp_path: Path, style: int) -> None:
    names = ["é/ü.csv", "a b.csv", "x" * 90 + "/" + "y" * 90, "12:30.csv"]
    path = written(tmp_path / "a", tarred(dict.fromkeys(names, b"x"), style))
    assert named(path) == {f"{path}!{name}": b"x" for name in names}


def test_a_name_that_is_not_utf8_is_shown_as_that_of_a_zip(tmp_path: Path) -> None:
    content = tarred({"caf\xe9.csv": b"x", "b": b"y"}, tarfile.GNU_FORMAT, "latin-1")
    path = written(tmp_path / "a", content)
    assert named(path) == {f"{path}!cafΘ.csv": b"x", f"{path}!b": b"y"}


def test_a_tar_without_its_mark_is_known_by_its_checksum(tmp_path: Path) -> None:
    old = bytearray(tarred({"a": b"a"}, tarfile.USTAR_FORMAT))
    old[257:265] = bytes(8)
    old[148:156] = b"%06o\0 " % sum(old[:148] + b" " * 8 + old[156:512])
    assert named(written(tmp_path / "a", bytes(old))) == {str(tmp_path / "a"): b"a"}


def test_of_two_entries_with_one_name_the_later_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "a", tarred({"a": b"old"})[: -len(END) * 9] + tarred({"a": b"new"}))
    assert named(path) == {str(path): b"new"}


def test_tars_that_follow_each_other_are_read_to_the_last(tmp_path: Path) -> None:
    content = tarred({"a": b"a"}) + bytes(512) + tarred({"b": b"b" * 9_000}) + tarred({"c": b"c"})
    path = written(tmp_path / "a", content)
    assert named(path) == {f"{path}!a": b"a", f"{path}!b": b"b" * 9_000, f"{path}!c": b"c"}


@pytest.mark.parametrize(
    "name", ["../a.csv", "a/../../b.csv", "..", "/etc/a.csv", "C:a.csv", "a\\b.csv", "a\x1b[2J"]
)
def test_a_name_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / "a", gzip.compress(tarred({"good.csv": b"x", name: b"x"})))
    assert refusal_of(path) == (
        f"{path}: the tar holds a file of the dangerous name {name!r}; "
        "tar the files again with plain names"
    )


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
    ],
)
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes, word: str) -> None:
    path = written(tmp_path / "a", with_entry_of(kind, "b.csv", "/etc/passwd"))
    assert refusal_of(path) == (
        f"{path}: the tar holds 'b.csv', which is a {word}; tar the files again without it"
    )


def test_a_tar_of_too_many_entries_is_refused(tmp_path: Path) -> None:
    three = written(tmp_path / "3", tarred(dict.fromkeys("abc", b"x")))
    four = written(tmp_path / "4", tarred(dict.fromkeys("abcd", b"x")))
    assert len(data_files(three, Limits(entries=3))) == 3
    fact = "it holds more than 3 entries"
    assert refusal_of(four, Limits(entries=3)) == cannot_be_read(four, fact)


def test_a_packed_tar_that_is_a_bomb_is_refused_while_it_is_unpacked(tmp_path: Path) -> None:
    limits = Limits(bomb_bytes=1_000_000)
    path = written(tmp_path / "a", bz2.compress(tarred({"a": bytes(9_000_000)})))
    assert "unpacks to more than 1,000 times its size" in refusal_of(path, limits)


def with_hole(size: int) -> bytes:
    """A file whose content is said to be a hole of this size."""
    info = tarfile.TarInfo("a.csv")
    info.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.size": str(size),
        "GNU.sparse.map": f"{size},0",
    }
    return info.tobuf(tarfile.PAX_FORMAT) + END


def test_holes_are_zeros_and_too_large_ones_a_bomb(tmp_path: Path) -> None:
    path = written(tmp_path / "a", with_hole(1_000))
    assert named(path) == {str(path): bytes(1_000)}
    path = written(tmp_path / "b", with_hole(9_000_000))
    limits = Limits(bomb_bytes=1_000_000)
    assert "unpacks to more than 1,000 times its size" in refusal_of(path, limits)


@pytest.mark.parametrize("place", [0, 1024, 2048])
def test_a_damaged_header_ends_no_tar_in_silence(tmp_path: Path, place: int) -> None:
    content = bytearray(tarred(dict.fromkeys("abcd", b"x"), tarfile.GNU_FORMAT))
    content[place] ^= 1
    path = written(tmp_path / "a", bytes(content))
    fact = f"no header at byte {place:,}" if place else "bad checksum"
    assert refusal_of(path) == cannot_be_read(path, fact)


@pytest.mark.parametrize("form", PACKERS)
def test_a_tar_that_was_cut_off_is_refused(tmp_path: Path, form: str) -> None:
    content = tarred({"a": random.Random(1).randbytes(3_000), "b": b"b" * 2_000})
    for cut in (700, 3_000, 4_000, 5_000):
        path = tmp_path / "a"
        if form == "plain":
            written(path, content[:cut])
        else:
            written(path, PACKERS[form](content)[: cut // 2])
        with pytest.raises(InputError) as refusal:
            named(path)
        whole = re.escape(cannot_be_read(path, "X")).replace("X", ".+")
        assert re.fullmatch(whole, str(refusal.value))


@pytest.mark.slow
def test_a_tar_damaged_at_random_is_no_crash(tmp_path: Path) -> None:
    whole = tarred({"é" * 80: b"content", "b": b"xyz"}) + with_hole(99)
    chance, read, refusals = random.Random(4), set[bytes](), []
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(whole) - 1_024)] = chance.choice([0, 48, 255, 57])
        path = written(tmp_path / "a", bytes(damaged))
        try:
            read |= set(named(path).values())
        except InputError as error:
            refusals.append(str(error))
    assert {b"content", b"xyz", bytes(99)} <= read
    assert len(refusals) > 100
    assert [text for text in refusals if not text.startswith(str(path)) or "\n" in text] == []


@pytest.mark.parametrize("form", ["plain", "zstd"])
def test_the_file_beside_another_is_found(tmp_path: Path, form: str) -> None:
    entries = {"d/a": b"a", "d/b": gzip.compress(b"b"), "c": b"c"}
    first, *_ = data_files(written(tmp_path / "a", PACKERS[form](tarred(entries))))
    beside = first.sibling("b")
    assert beside is not None
    assert beside.head() == b"b"
    assert first.sibling("c") is None


def test_archives_in_an_archive_are_refused_with_what_to_do(tmp_path: Path) -> None:
    inner = {"c.tar": tarred({"c": b"c"}), "d.ZIP": zipped({"d": b"d"})}
    for pack in (tarred, zipped):
        path = written(tmp_path / "a", pack({"b.csv": b"b", **inner}))
        good, *others = data_files(path)
        assert good.head() == b"b"
        for file, kind in zip(others, ("tar", "zip"), strict=True):
            with pytest.raises(InputError) as refusal:
                file.head()
            step = "unpack it first, and ingest what is in it"
            assert str(refusal.value) == f"{file.name}: is a {kind} within another archive; {step}"


def test_the_name_of_a_packed_tar_tells_the_symbol(tmp_path: Path) -> None:
    content = gzip.compress(tarred({"1.csv": b"x", "2.csv": b"y"}))
    first, _ = data_files(written(tmp_path / "TSLA.tar.gz", content))
    named = symbol_of_file(first)
    assert named is not None
    assert named.symbol == "TSLA"


UNPACK = """
import sys
from pathlib import Path
from tweetscore.io.open import data_files
files = data_files(Path(sys.argv[1]))
print({file.head() for file in files}, {str(file.copy) for file in files})
"""


@pytest.mark.slow
def test_a_packed_tar_is_unpacked_once_and_its_copy_is_gone_in_the_end(tmp_path: Path) -> None:
    content = gzip.compress(tarred({f"{n}.csv": b"x" for n in range(600)}))
    path = written(tmp_path / "a.tgz", content)
    run = subprocess.run(
        [sys.executable, "-c", UNPACK, str(path)], capture_output=True, check=True, text=True
    )
    heads, copies = run.stdout.split("} {")
    assert heads == "{b'x'"
    (copy,) = re.findall("'(.+)'", copies)
    assert not Path(copy).exists()


def test_a_tar_comes_by_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = gzip.compress(tarred({"a": b"a", "b": b"b"}))
    with written(tmp_path / "a", content).open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        files = data_files(Path("-"))
    assert [file.name for file in files] == ["standard input!a", "standard input!b"]
    assert [file.head() for file in files] == [b"a", b"b"]


def test_a_member_with_the_bytes_of_a_file_is_that_file(tmp_path: Path) -> None:
    (file,) = data_files(written(tmp_path / "a.tar", tarred({"a.csv": b"a,b\n1,2\n"})))
    assert file.digest() == DataFile(written(tmp_path / "a.csv", b"a,b\n1,2\n")).digest()

"""Find what people have: a path enters, the files behind it leave.

A path is a file, a zip or tar, a folder, a pattern, or ``-`` for standard input. What lies in a
bucket stays there, and is read as a file is.
"""

import atexit
import glob
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tweetscore.errors import InputError
from tweetscore.io.archives import (
    OTHER_WORKBOOKS,
    TAR_HEADER_BYTES,
    WORKBOOK_ENTRY,
    ZIP_MARKS,
    Archive,
    is_tar,
    is_workbook,
)
from tweetscore.io.data_file import DataFile
from tweetscore.io.packing import LIMITS, Limits, damage_refused
from tweetscore.io.places import Place
from tweetscore.io.remote import Remote

STANDARD_INPUT = Path("-")
PICKLE = re.compile(rb"\x80[\x02-\x05]")
PICKLE_NAME = re.compile(r"\.(pkl|pickle|joblib)(\.(gz|zst|bz2|xz|lzma|z))?$", re.IGNORECASE)
_PACKED = {
    re.compile(rb"7z\xbc\xaf\x27\x1c"): "a 7z archive",
    re.compile(rb"Rar!"): "a rar archive",
    re.compile(rb"\x04\x22\x4d\x18"): "packed with lz4",
    re.compile(rb"LZIP\x01"): "packed with lzip",
    re.compile(rb"\x1f[\x9d\xa0]"): "packed with compress",
}
_DUCKDB = slice(8, 12)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORKBOOK_NAME = re.compile(r"\.xl[a-z]{1,2}$", re.IGNORECASE)
_MOST_WORKBOOK_BYTES = 256 << 20
_BUCKET = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:/)([^/].*)")  # what a path makes of its address
UNSAFE_NAME = re.compile(r"/|[A-Za-z]:|(.*/)?\.\.(/|$)|.*[\\\x00-\x1f\x7f-\x9f]", re.DOTALL)
MEDIA = (
    ".aac", ".avi", ".bmp", ".eot", ".flac", ".gif", ".heic", ".heif", ".ico", ".jpeg", ".jpg",
    ".m4a", ".m4v", ".mkv", ".mov", ".mp3", ".mp4", ".mpeg", ".mpg", ".ogg", ".otf", ".pdf", ".png",
    ".svg", ".tif", ".tiff", ".ttf", ".wav", ".webm", ".webp", ".wmv", ".woff", ".woff2",
)  # fmt: skip


class NothingToReadError(InputError):
    """What a folder or an archive may contain besides other files: refused only if it is alone."""


def data_files(path: Path | Place, limits: Limits = LIMITS) -> list[DataFile]:
    """List the files behind a path: a file, a zip or tar, a folder, a pattern or ``-``.

    Of a folder, a pattern and an archive, files without records are left out: hidden and empty
    files, media, pickles, and documents that are zips within an archive. A file that cannot be read
    there is listed, and refused when it is opened.

    Raises:
        InputError: there is no such file, nothing to read in it, or danger in it: a pickle, or an
            archive that is a bomb or writes outside its folder.
    """
    with damage_refused(str(path)):
        if isinstance(path, Place):
            return _far(path, limits)
        if path == STANDARD_INPUT:
            return _copied(sys.stdin.buffer, "standard input", limits)
        if path.is_dir():
            nothing = "the folder holds no file; name one with an archive or bars in it"
            return _gathered(_in_order(_walked(path), limits), f"{path}: {nothing}")
        if path.is_fifo():
            with path.open("rb") as stream:
                return _copied(stream, str(path), limits)
        if path.exists():
            return _listed(DataFile(path, limits=limits))
        if bucket := _BUCKET.match(str(path)):
            raise InputError(
                f"{bucket[1]}/{bucket[2]}: this command reads files of this machine; copy it here "
                "first (ingest, score, import and export take addresses of buckets)"
            )
        if glob.escape(str(path)) == str(path):
            raise InputError(f"{path}: no such file; check the path")
        nothing = "no file has such a name; check the pattern"
        return _gathered(_in_order(_matched(path), limits), f"{path}: {nothing}")


def _copied(stream: BinaryIO, label: str, limits: Limits) -> list[DataFile]:
    """List a copy of what can be read only once."""
    with damage_refused(label):
        copy = _copy_of(stream)
    return _listed(DataFile(copy, label=label, limits=limits))


def _copy_of(stream: BinaryIO) -> Path:
    """Write a file that is deleted when the program ends."""
    descriptor, name = tempfile.mkstemp(prefix="tweetscore-")
    atexit.register(Path(name).unlink, missing_ok=True)
    with os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(stream, copy)
    return Path(name)


def _far(place: Place, limits: Limits) -> list[DataFile]:
    """List objects of a bucket; names of folders may say of which symbol a file is."""
    root, entries = place.behind()
    if not entries:
        raise InputError(f"{place}: no object has such a name; check the address")
    files = [
        DataFile(
            Path("/", str(root / each.name).split("://", 1)[-1]),
            remote=Remote(root / each.name, each.bytes, each.stamp),
            limits=limits,
        )
        for each in entries
        if not any(map(_is_hidden, each.name.split("/"))) and not _is_media(each.name)
    ]
    if len(entries) == len(files) == 1:
        return _listed(files[0])
    nothing = "the folder holds no file; name one with an archive or bars in it"
    return _gathered(files, f"{place}: {nothing}")


def _walked(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        yield from (Path(root, name) for name in names if not _is_hidden(name))


def _matched(pattern: Path) -> Iterator[Path]:
    for match in map(Path, glob.iglob(str(pattern), recursive=True)):
        if "__MACOSX" not in match.parts:
            yield from _walked(match) if match.is_dir() else [match]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_media(name: str) -> bool:
    return name.lower().endswith(MEDIA)


def _in_order(paths: Iterable[Path], limits: Limits) -> list[DataFile]:
    found = {path for path in paths if path.is_file() and not _is_media(path.name)}
    return [DataFile(path, limits=limits) for path in sorted(found)]


def _gathered(files: Sequence[DataFile], nothing: str) -> list[DataFile]:
    """List the files behind several."""
    found: list[DataFile] = []
    left_out: list[InputError] = []
    for file in files:
        try:
            found += _listed(file)
        except NothingToReadError as error:
            left_out.append(error)
        except InputError as error:
            found.append(replace(file, refusal=str(error)))
    if not found:
        raise left_out[0] if left_out else NothingToReadError(nothing)
    return found


def _listed(file: DataFile) -> list[DataFile]:
    """List one file, or the entries of an archive."""
    with damage_refused(file.name), file.at.open("rb") as stream:
        first = stream.read(TAR_HEADER_BYTES)
    if first.startswith(ZIP_MARKS) or is_tar(first):
        return _archived(file)
    unpacked = _first_bytes(file)
    if unpacked and is_tar(unpacked):
        # Its entries are found by their places, which a packed tar does not have.
        with file.unpacked() as packed:
            return _archived(replace(file, copy=_copy_of(packed)))
    return [_usable(file, unpacked)]


def _first_bytes(file: DataFile) -> bytes | None:
    """Return the first bytes of the content; None where reading it is refused, again, later."""
    try:
        with file.unpacked() as stream:
            return stream.read(TAR_HEADER_BYTES)
    except InputError:
        return None


def _usable(file: DataFile, first: bytes | None) -> DataFile:
    """Return the file, unless its first bytes show that it has no records.

    One that is packed as we do not unpack it is refused when it is opened: it is not nothing.
    """
    if packing := _packing(file, first or b""):
        refusal = f"{file.name}: is {packing}; unpack it first, and ingest what is in it"
        return replace(file, refusal=refusal)
    if fact := _useless(file, first):
        raise NothingToReadError(f"{file.name}: {fact}")
    if (first or b"").startswith(_OLE) and _WORKBOOK_NAME.search(file.file_name):
        fact = "is an old workbook of Excel, or one with a password"
        return replace(file, refusal=f"{file.name}: {fact}; save it without one, as .xlsx or CSV")
    return file


def _packing(file: DataFile, first: bytes) -> str | None:
    """Return what a file is packed as that is not unpacked here."""
    if is_tar(first):
        return "a tar within another archive"
    # With another name it is a document of an office.
    if file.entry and first.startswith(ZIP_MARKS) and file.file_name.lower().endswith(".zip"):
        return "a zip within another archive"
    return next((name for mark, name in _PACKED.items() if mark.match(first)), None)


def _useless(file: DataFile, first: bytes | None) -> str | None:
    pickle = "is a pickle, which can run code when it is loaded; export it as CSV or JSON"
    if PICKLE_NAME.search(file.file_name):
        return pickle
    if first is None:
        return None
    if PICKLE.match(first):
        return pickle
    if not first:
        return "is empty (0 bytes); download the file again"
    if first[_DUCKDB] == b"DUCK":
        return (
            "is a DuckDB database; if tweetscore made it, name it with --db, else export its table "
            "of posts as Parquet"
        )
    if first.startswith(ZIP_MARKS) and not _is_workbook(file):
        return "is a zip within a zip or another packed file; unpack the outer one first"
    return None


def _is_workbook(file: DataFile) -> bool:
    """Return whether a zip within an archive or another packed file is a workbook of Excel."""
    with file.unpacked() as stream:
        return is_workbook(stream.read(_MOST_WORKBOOK_BYTES))


def _archived(file: DataFile) -> list[DataFile]:
    """List the entries of an archive that may hold records.

    Raises:
        InputError: the archive is damaged or dangerous, or holds no such entry.
    """
    with damage_refused(file.name):
        archive = file.archive()
    _refuse_danger(file, archive)
    if archive.kind == "zip":
        if WORKBOOK_ENTRY in archive.entries:
            return [file]
        if other := next((it for it in OTHER_WORKBOOKS if it in archive.entries), None):
            step = "save it as .xlsx or CSV, and ingest that"
            raise InputError(f"{file.name}: is {OTHER_WORKBOOKS[other]}; {step}")
    found: list[DataFile] = []
    left_out: list[InputError] = []
    for name, entry in archive.entries.items():
        hidden = any(map(_is_hidden, PurePosixPath(name).parts))
        if hidden or entry.kind == "folder" or _is_media(name):
            continue
        file_within = replace(file, entry=name, alone=False)
        try:
            found.append(_usable(file_within, _first_bytes(file_within)))
        except NothingToReadError as error:
            left_out.append(error)
    if not found:
        nothing = "holds no file; name one with an archive or bars in it"
        nothing = f"{file.name}: the {archive.kind} {nothing}"
        raise left_out[0] if left_out else NothingToReadError(nothing)
    return [replace(entry, alone=len(found) == 1) for entry in found]


def _refuse_danger(file: DataFile, archive: Archive) -> None:
    """Refuse an archive that writes outside its folder where it is unpacked, or is a bomb.

    Raises:
        InputError: it does.
    """
    kind, limits, entries = archive.kind, file.limits, archive.entries.values()
    for entry in entries:
        unsafe = UNSAFE_NAME.match(entry.written) or UNSAFE_NAME.match(entry.name)
        if unsafe:
            raise InputError(
                f"{file.name}: the {kind} holds a file of the dangerous name {unsafe.string!r}; "
                f"{kind} the files again with plain names"
            )
        if entry.kind in ("link", "device"):
            raise InputError(
                f"{file.name}: the {kind} holds {entry.name!r}, which is a {entry.kind}; "
                f"{kind} the files again without it"
            )
    declared = [(entry.bytes, entry.packed_bytes) for entry in entries]
    total = sum(unpacked for unpacked, _ in declared), file.packed_bytes
    if any(limits.is_bomb(unpacked, packed) for unpacked, packed in [total, *declared]):
        raise limits.bomb(file.name)

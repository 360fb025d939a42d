"""Find what people have: a path enters, the files behind it leave.

A path is a file, a zip or tar, a folder, a pattern, or ``-`` for standard input. What lies in a
bucket is copied here first: an archive is read from both ends, and more than once.
"""

import atexit
import glob
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
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
from tweetscore.io.places import LocalPlace, Place
from tweetscore.io.scratch import scratch

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
            return _fetched(path, limits)
        if path == STANDARD_INPUT:
            return _copied(sys.stdin.buffer, "standard input", limits)
        if path.is_dir():
            nothing = "the folder holds no file; name one with an archive or bars in it"
            return _gathered(_walked(path), f"{path}: {nothing}", limits)
        if path.is_fifo():
            with path.open("rb") as stream:
                return _copied(stream, str(path), limits)
        if path.exists():
            return _listed(path, limits)
        if glob.escape(str(path)) == str(path):
            raise InputError(f"{path}: no such file; check the path")
        nothing = "no file has such a name; check the pattern"
        return _gathered(_matched(path), f"{path}: {nothing}", limits)


def _copied(stream: BinaryIO, label: str, limits: Limits) -> list[DataFile]:
    """List a copy of what can be read only once."""
    with damage_refused(label):
        copy = _copy_of(stream)
    return _listed(copy, limits, label)


def _copy_of(stream: BinaryIO) -> Path:
    """Write a file that is deleted when the program ends."""
    descriptor, name = tempfile.mkstemp(prefix="tweetscore-")
    atexit.register(Path(name).unlink, missing_ok=True)
    with os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(stream, copy)
    return Path(name)


def _fetched(place: Place, limits: Limits) -> list[DataFile]:
    """List copies of objects, which are deleted when the program ends."""
    root, entries = place.behind()
    if not entries:
        raise InputError(f"{place}: no object has such a name; check the address")
    opened = ExitStack()
    atexit.register(opened.close)
    folder = opened.enter_context(scratch())
    paths = []
    for entry in entries:
        if any(map(_is_hidden, entry.name.split("/"))) or _is_media(entry.name):
            continue
        # Names of folders may say of which symbol a file is, and files lie beside each other.
        address = str(root / entry.name)
        path = folder / address.partition("://")[2]
        if not LocalPlace(path).is_within(LocalPlace(folder)):
            raise InputError(f"{address}: is no name of a file; give it another one")
        path.parent.mkdir(parents=True, exist_ok=True)
        (root / entry.name).fetch(path)
        paths.append(path)
    origin = folder, str(place).partition("://")[0] + "://"
    if len(entries) == len(paths) == 1:
        return _listed(paths[0], limits, stands_for=origin)
    nothing = "the folder holds no file; name one with an archive or bars in it"
    return _gathered(paths, f"{place}: {nothing}", limits, origin)


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


def _gathered(
    paths: Iterable[Path],
    nothing: str,
    limits: Limits,
    stands_for: tuple[Path, str] | None = None,
) -> list[DataFile]:
    """List the files behind several paths."""
    found: list[DataFile] = []
    left_out: list[InputError] = []
    for path in sorted({path for path in paths if path.is_file() and not _is_media(path.name)}):
        try:
            found += _listed(path, limits, stands_for=stands_for)
        except NothingToReadError as error:
            left_out.append(error)
        except InputError as error:
            refusal = str(error)
            found.append(DataFile(path, refusal=refusal, limits=limits, stands_for=stands_for))
    if not found:
        raise left_out[0] if left_out else NothingToReadError(nothing)
    return found


def _listed(
    path: Path,
    limits: Limits,
    label: str | None = None,
    stands_for: tuple[Path, str] | None = None,
) -> list[DataFile]:
    """List one file, or the entries of an archive."""
    file = DataFile(path, label=label, limits=limits, stands_for=stands_for)
    with damage_refused(file.name), path.open("rb") as stream:
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
    total = (sum(unpacked for unpacked, _ in declared), (file.copy or file.path).stat().st_size)
    if any(limits.is_bomb(unpacked, packed) for unpacked, packed in [total, *declared]):
        raise limits.bomb(file.name)

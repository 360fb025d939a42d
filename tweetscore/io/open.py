"""Find what people have: a path enters, the files behind it leave.

A path is a file, a zip, a folder, a pattern, or ``-`` for standard input.
"""

import atexit
import glob
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tweetscore.errors import InputError
from tweetscore.io.data_file import DataFile
from tweetscore.io.packing import LIMITS, ZIPPED, Limits, damage_refused, open_zip

STANDARD_INPUT = Path("-")
PICKLE = re.compile(rb"\x80[\x02-\x05]")
PICKLE_NAME = re.compile(r"\.(pkl|pickle|joblib)(\.(gz|zst|bz2|xz|lzma|z))?$", re.IGNORECASE)
_TAR_MARK = slice(257, 262)
_PACKED = {
    re.compile(rb"7z\xbc\xaf\x27\x1c"): "a 7z archive",
    re.compile(rb"Rar!"): "a rar archive",
    re.compile(rb"\x04\x22\x4d\x18"): "packed with lz4",
    re.compile(rb"LZIP\x01"): "packed with lzip",
    re.compile(rb"\x1f[\x9d\xa0]"): "packed with compress",
}
UNSAFE_NAME = re.compile(r"/|[A-Za-z]:|(.*/)?\.\.(/|$)|.*[\\\x00-\x1f\x7f-\x9f]", re.DOTALL)
MEDIA = (
    ".aac", ".avi", ".bmp", ".eot", ".flac", ".gif", ".heic", ".heif", ".ico", ".jpeg", ".jpg",
    ".m4a", ".m4v", ".mkv", ".mov", ".mp3", ".mp4", ".mpeg", ".mpg", ".ogg", ".otf", ".pdf", ".png",
    ".svg", ".tif", ".tiff", ".ttf", ".wav", ".webm", ".webp", ".wmv", ".woff", ".woff2",
)  # fmt: skip


class NothingToReadError(InputError):
    """What a folder or a zip may contain besides other files: it is refused only if it is alone."""


def data_files(path: Path, limits: Limits = LIMITS) -> list[DataFile]:
    """List the files behind a path: a file, a zip, a folder, a pattern or ``-``.

    Of a folder, a pattern and a zip, files without records are left out: hidden and empty files,
    media, pickles, and zips within a zip. A file that cannot be read there is listed, and refused
    when it is opened.

    Raises:
        InputError: there is no such file, nothing to read in it, or danger in it: a pickle, or a
            zip that is a bomb or writes outside its folder.
    """
    with damage_refused(str(path)):
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
    """List a copy of what can be read only once; the copy is deleted when the program ends."""
    with damage_refused(label):
        descriptor, name = tempfile.mkstemp(prefix="tweetscore-")
        atexit.register(Path(name).unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as copy:
            shutil.copyfileobj(stream, copy)
    return _listed(Path(name), limits, label)


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


def _gathered(paths: Iterable[Path], nothing: str, limits: Limits) -> list[DataFile]:
    """List the files behind several paths."""
    found: list[DataFile] = []
    left_out: list[InputError] = []
    for path in sorted({path for path in paths if path.is_file() and not _is_media(path.name)}):
        try:
            found += _listed(path, limits)
        except NothingToReadError as error:
            left_out.append(error)
        except InputError as error:
            found.append(DataFile(path, refusal=str(error), limits=limits))
    if not found:
        raise left_out[0] if left_out else NothingToReadError(nothing)
    return found


def _listed(path: Path, limits: Limits, label: str | None = None) -> list[DataFile]:
    """List one file, or the entries of a zip."""
    with damage_refused(label or str(path)), path.open("rb") as stream:
        zipped = stream.read(4).startswith(ZIPPED)
    file = DataFile(path, label=label, limits=limits)
    return _zipped(file) if zipped else [_usable(file)]


def _usable(file: DataFile) -> DataFile:
    """Return the file, unless its first bytes show that it has no records.

    One that is packed as we do not unpack it is refused when it is opened: it is not nothing.
    """
    try:
        with file.open() as stream:
            magic = stream.read(_TAR_MARK.stop)
    except InputError:
        magic = None  # the same refusal is raised again where the file is read
    if fact := _useless(file, magic):
        raise NothingToReadError(f"{file.name}: {fact}")
    if packing := _packing(magic or b""):
        refusal = f"{file.name}: is {packing}; unpack it first, and ingest what is in it"
        return replace(file, refusal=refusal)
    return file


def _packing(magic: bytes) -> str | None:
    """Return what a file is packed as that is not unpacked here."""
    if magic[_TAR_MARK] == b"ustar":
        return "a tar archive"
    return next((name for mark, name in _PACKED.items() if mark.match(magic)), None)


def _useless(file: DataFile, magic: bytes | None) -> str | None:
    pickle = "is a pickle, which can run code when it is loaded; export it as CSV or JSON"
    if PICKLE_NAME.search(file.file_name):
        return pickle
    if magic is None:
        return None
    if PICKLE.match(magic):
        return pickle
    if not magic:
        return "is empty (0 bytes); download the file again"
    if magic.startswith(ZIPPED):
        return "is a zip within a zip or another packed file; unpack the outer one first"
    return None


def _zipped(file: DataFile) -> list[DataFile]:
    """List the entries of a zip that may hold records.

    Raises:
        InputError: the zip is damaged or dangerous, or holds no such entry.
    """
    entries = _checked_entries(file)
    found: list[DataFile] = []
    left_out: list[InputError] = []
    for entry, info in entries.items():
        hidden = any(map(_is_hidden, PurePosixPath(entry).parts))
        if hidden or info.is_dir() or _is_media(entry):
            continue
        try:
            found.append(_usable(replace(file, entry=entry, alone=False)))
        except NothingToReadError as error:
            left_out.append(error)
    if not found:
        nothing = f"{file.name}: the zip holds no file; name one with an archive or bars in it"
        raise left_out[0] if left_out else NothingToReadError(nothing)
    return [replace(entry, alone=len(found) == 1) for entry in found]


def _checked_entries(file: DataFile) -> dict[str, zipfile.ZipInfo]:
    """Return the directory of a zip, unless it shows damage or danger."""
    limits = file.limits
    with damage_refused(file.name):
        stat = file.path.stat()
        listed = open_zip(file.path, stat.st_mtime_ns).infolist()
        if len(listed) > limits.zip_entries:
            raise zipfile.BadZipFile(f"it holds more than {limits.zip_entries:,} entries")
    # Of two entries with one name the later counts, as for unzip.
    entries = {info.filename: info for info in listed}
    for info in entries.values():
        # ``filename`` is what zipfile made of the name that the zip holds.
        unsafe = UNSAFE_NAME.match(info.orig_filename) or UNSAFE_NAME.match(info.filename)
        if unsafe:
            raise InputError(
                f"{file.name}: the zip holds a file of the dangerous name {unsafe.string!r}; "
                "zip the files again with plain names"
            )
    declared = [(info.file_size, info.compress_size) for info in entries.values()]
    total = (sum(unpacked for unpacked, _ in declared), stat.st_size)
    if any(limits.is_bomb(unpacked, packed) for unpacked, packed in [total, *declared]):
        raise limits.bomb(file.name)
    return entries

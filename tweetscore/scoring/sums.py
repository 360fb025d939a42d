"""The list of a folder's files in ``SHA256SUMS``: whatever has changed in the folder is found.

The list has the format of ``sha256sum``: ``sha256sum -c SHA256SUMS`` checks it without tweetscore.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from tweetscore.errors import InputError, IntegrityError

SUMS = "SHA256SUMS"
MOST_BYTES = 65_536
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
COPY_AGAIN = "copy the whole model folder again"


def listed(sha256: Mapping[str, str]) -> bytes:
    """Return the list of these files, in the order of their names."""
    return "".join(f"{sha256[name]}  {name}\n" for name in sorted(sha256)).encode()


def check_sums(folder: Path, sha256: Mapping[str, str]) -> None:
    """Hold a folder against its list, to the byte.

    Args:
        folder: where the list is.
        sha256: those of all other files of the folder.

    Raises:
        InputError: a file of the list is missing.
        IntegrityError: one differs or is not on the list, or the list is none.
    """
    path = folder / SUMS
    content = path.read_bytes()
    if content == listed(sha256):
        return
    lines = [_LINE.fullmatch(each) for each in content.decode("utf-8", "replace").splitlines()]
    wanted = {each[2]: each[1] for each in lines if each}
    for name in wanted.keys() - sha256:
        raise InputError(f"{folder}: {name} is missing; {COPY_AGAIN}")
    for name in sorted(wanted.keys() & sha256):
        if wanted[name] != sha256[name]:
            raise IntegrityError(
                f"{folder / name}: its sha256 is not the one in {SUMS}; {COPY_AGAIN}"
            )
    for name in sorted(sha256.keys() - wanted):
        raise IntegrityError(f"{path}: does not list {name}; {COPY_AGAIN}")
    raise IntegrityError(f"{path}: is not as tweetscore writes it; {COPY_AGAIN}")

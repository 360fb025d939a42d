"""A folder for what is on its way to or from a bucket, which is gone however the process ends."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tweetscore.io.new_file import runs

_PREFIX = "tweetscore-on-its-way-"


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder among the temporary files (``TMPDIR``); those of killed runs are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not runs(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder:
        yield Path(folder)

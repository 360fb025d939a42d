"""Keep memory flat over long runs of the program; as a library it leaves the process as it is."""

import ctypes
import os
import sys

_M_ARENA_MAX = -8  # of glibc's malloc.h
_VARIABLE = "MALLOC_ARENA_MAX"


def few_arenas() -> None:
    """Let glibc make one heap for every core, and at least two; elsewhere nothing is done.

    It would make eight for every core, and keep in each what the threads that used it have freed:
    a third of the memory of scoring a million posts.
    """
    if sys.platform == "linux" and _VARIABLE not in os.environ:
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):  # some C libraries have none
            libc.mallopt(_M_ARENA_MAX, max(2, os.cpu_count() or 1))

"""How all is measured: work enters, seconds of interleaved runs and rows of a table leave."""

import gc
import importlib
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Setup:
    """What a section is told."""

    folder: Path  # of the archive of this many rows and all that is made from it
    rows: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Without a value it says in ``note`` why there is none."""

    name: str
    what: str
    value: float | None
    unit: str  # x for a ratio
    ours: str = ""
    other: str = ""
    note: str = ""


def interleaved(works: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Run each work in turn, that many times round; return the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            gc.collect()
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    return {name: median(found) for name, found in seconds.items()}


def alone(module: str, function: str, *arguments: Any) -> Any:
    """Call a function of a module of this package in a fresh process, and return what it returns.

    The module is named, not given, so that this process never imports it: Linux counts the memory
    of the process that starts another into the peak of the new one.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_call, module, function, arguments).result()


def _call(module: str, function: str, arguments: tuple[Any, ...]) -> Any:
    # DuckDB takes a main module without a file for a prompt, and draws progress bars there.
    sys.modules["__main__"].__file__ = __file__
    return getattr(importlib.import_module(f".{module}", __package__), function)(*arguments)


def peak_rss_gb() -> float:
    """Return the largest memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


def speed(each_second: float, unit: str = "texts/s") -> str:
    """Word a speed."""
    return f"{each_second:,.0f} {unit}"

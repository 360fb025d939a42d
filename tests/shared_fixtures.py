"""Fixtures for all tests, and what the tests of one process share."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from shutil import copy
from typing import Any

import numpy as np
import pytest
import typer.testing
from browser import opened_browser
from examples import USUAL, examples
from hypothesis import settings
from jobs import OPEN
from results import fill
from served import Served, fill_hostile
from tiny import put_bars, tiny_bundle
from typer.main import get_command

from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.bundle import Bundle
from tweetscore.store.database import Store, open_store

# The tree of all commands, which each run of one in this process would build again.
typer.testing._get_command = cache(get_command)  # type: ignore[attr-defined]  # private


settings.register_profile("ours", parent=examples(USUAL))
settings.load_profile("ours")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real archives and bars."""
    folder = os.environ.get("TWEETSCORE_DATA")
    if not folder:
        pytest.skip("TWEETSCORE_DATA is not set: real archives and bars are not at hand")
    return Path(folder)


@pytest.fixture(scope="session")
def empty_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and no rows, to copy or to read and never to write."""
    path = tmp_path_factory.mktemp("empty_db") / "tweetscore.duckdb"
    with open_store(path):
        return path


@pytest.fixture
def store(empty_db: Path, tmp_path: Path) -> Iterator[Store]:
    """A fresh open database: to copy one is three times as fast as to make it."""
    with open_store(Path(copy(empty_db, tmp_path / "tweetscore.duckdb"))) as opened:
        yield opened


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with posts, bars, a model and its predictions, to read and never to write."""
    path = tmp_path_factory.mktemp("filled") / "tweetscore.duckdb"
    with open_store(path) as store:
        fill(store)
    return path


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model that has learned from days before those of the made-up posts, and during them."""
    split = {
        "train_from_utc": "2018-12-01 00:00:00",
        "validation_from_utc": "2018-12-10 00:00:00",
        "test_from_utc": "2018-12-19 16:00:00",
        "test_until_utc": "2018-12-19 18:00:00",
    }
    made, _ = tiny_bundle(tmp_path_factory.mktemp("models") / "tiny", split=split)
    return made


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the bars of one day, and another symbol's."""
    path = tmp_path_factory.mktemp("market") / "market.duckdb"
    rng = np.random.default_rng(1)
    with open_store(path) as store:
        put_bars(
            store, str(OPEN), (2_500 * np.exp(rng.normal(0, 3e-4, 390).cumsum())).round(2).tolist()
        )
        ensure_windows(store, [5, 30])
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a screen."""
    yield from opened_browser()


@pytest.fixture(scope="session")
def hostile_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with markup wherever a file has a say, to read and never to write."""
    return fill_hostile(tmp_path_factory.mktemp("hostile") / "tweetscore.duckdb")


@pytest.fixture(scope="module")
def served(hostile_db: Path) -> Iterator[Served]:
    """The explorer over that database."""
    running = Served(hostile_db)
    yield running
    running.end()

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tweetscore.store.database import Store, open_store


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real archives and bars."""
    folder = os.environ.get("TWEETSCORE_DATA")
    if not folder:
        pytest.skip("TWEETSCORE_DATA is not set: real archives and bars are not at hand")
    return Path(folder)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A fresh open database."""
    with open_store(tmp_path / "tweetscore.duckdb") as opened:
        yield opened

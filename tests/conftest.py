"""How the tests are run; their fixtures lie in ``shared_fixtures.py``."""

import gc
import os

import pytest

# Tests make many objects and few cycles: to look for these took a tenth of all time.
OBJECTS_BETWEEN_COLLECTIONS = 50_000


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures in processes that run tests; the one that hands these out needs none."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    # Tests share the cores; and two threads take longer over a few rows than one does.
    os.environ.setdefault("TWEETSCORE_THREADS", "1")
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        config.pluginmanager.import_plugin("shared_fixtures")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the properties: the slow suite holds them again, against all their examples."""
    for item in items:
        if hasattr(getattr(item, "function", None), "hypothesis"):
            item.add_marker("property")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the imports have made."""
    gc.freeze()

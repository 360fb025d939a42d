"""How the tests are run; their fixtures lie in ``shared_fixtures.py``."""

import gc
import os

import pytest

# Tests make many objects and few cycles: to look for these took a tenth of all time.
OBJECTS_BETWEEN_COLLECTIONS = 50_000
# Begun last, one of them would keep one core busy while the others have no more to do.
LONGEST = {
    f"test_{name}.py": place
    for place, name in enumerate(
        ("fuzz", "kill", "cluster", "query", "leaks", "cli", "made_archives", "bombs", "outside",
         "hostile_bundles", "doctor", "classes", "study", "small_files", "page", "browse",
         "browse_page", "wheel")
    )
}  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures in processes that run tests; the one that hands these out needs none."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    # Tests share the cores; and two threads take longer over a few rows than one does.
    os.environ.setdefault("TWEETSCORE_THREADS", "1")
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        config.pluginmanager.import_plugin("shared_fixtures")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the properties, which the slow suite holds again, and begin with the longest files."""
    for item in items:
        if hasattr(getattr(item, "function", None), "hypothesis"):
            item.add_marker("property")
    items.sort(key=lambda item: LONGEST.get(item.path.name, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the imports have made."""
    gc.freeze()

"""How many examples a property is held against: a few in the quick suite, all in the slow one."""

import os

from hypothesis import settings

ALL = os.environ.get("TWEETSCORE_EXAMPLES") == "all"  # set by `just slow`
USUAL = 100  # of a property that names no number


def examples(number: int) -> settings:
    """Return the settings of a property with so many examples; the quick suite takes a tenth."""
    return settings(deadline=None, max_examples=number if ALL else max(4, number // 10))

"""What the first bytes of a file show: they enter, the kind of its content leaves."""

import re
from typing import Literal

from tweetscore.io.archives import ZIP_MARKS

Kind = Literal["parquet", "arrow", "xlsx", "sqlite", "json", "lines"]

PARQUET_MAGIC = b"PAR1"
SQLITE_MAGIC = b"SQLite format 3\0"
FEATHER_1_MAGIC = b"FEA1"
ARROW_MAGIC = b"ARROW1\0\0"  # of files, as Feather 2 is
# A stream begins with a mark, the length of its schema, and where that schema begins.
ARROW_STREAM = re.compile(rb"\xff{4}...\x00[\x04-\x40]\x00{3}", re.DOTALL)
# A string that holds JSON, too.
_JSON = re.compile(rb'\s*(?:[{\[]|"\s*[{\[]\s*(?:\\["n]|[}\]]))')


def kind_of(head: bytes) -> Kind:
    """Return what bytes without a byte order mark show."""
    if head.startswith(ZIP_MARKS):  # other zips are not read as one file
        return "xlsx"
    if head.startswith(SQLITE_MAGIC):
        return "sqlite"
    if head.startswith((ARROW_MAGIC, FEATHER_1_MAGIC)) or ARROW_STREAM.match(head):
        return "arrow"
    if head.startswith(PARQUET_MAGIC):
        return "parquet"
    return "json" if _JSON.match(head) else "lines"

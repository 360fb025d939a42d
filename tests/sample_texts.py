"""Distinct texts of the made-up archive."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from tweetscore.sample.write import write_sample


def sample_texts(number: int) -> list[str]:
    """Return so many."""
    with TemporaryDirectory() as folder:
        archive = write_sample(Path(folder), posts=2 * number).archive
        posts = json.loads(archive.read_text("utf-8"))
    return list(dict.fromkeys(each["text"] for each in posts))[:number]

"""Write a made-up archive and made-up minute bars: a seed enters, two files with a signal leave.

On the trading days of 2023, one post each hour of the regular session has a mood (rarely none),
shown by one to three mood words among neutral ones, and the price drifts that way for the half
hour after it. All other posts lie outside the session. A tool that finds no signal here is broken;
one that finds a signal with ``signal=False`` has a leak. Nothing is taken from real archives.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tweetscore.errors import InputError
from tweetscore.io.new_file import new_file
from tweetscore.sample.bars import write_bars
from tweetscore.sample.plan import MOST_DAYS, SYMBOL, make_plan
from tweetscore.sample.posts import write_archive

ARCHIVE_NAME = "madeup_archive.json"
BARS_NAME = f"DAT_ASCII_{SYMBOL}_M1_2023.csv"


@dataclass(frozen=True, slots=True)
class Sample:
    """What was written: two files, their rows, and how many posts move the price (if any do)."""

    archive: Path
    bars: Path
    posts: int
    bar_rows: int
    planted: int


def write_sample(
    folder: Path,
    *,
    posts: int = 6_000,
    days: int = MOST_DAYS,
    seed: int = 0,
    signal: bool = True,
) -> Sample:
    """Write ``madeup_archive.json`` and ``DAT_ASCII_MADEUP_M1_2023.csv`` into a folder.

    The same arguments and versions give the same bytes. Memory does not grow with ``posts``.

    Args:
        folder: made where it is missing; files of other names in it do not matter.
        posts: how many in all. Six in each full session and three in each half-day lie inside it,
            but never more than half of all; the rest spread over the time between sessions.
        days: trading days from 2023-01-03. The audit of clocks needs about 30 to prove New York,
            and some 50 to distinguish it from EST, when daylight-saving time has begun.
        seed: random seed.
        signal: False writes the same posts beside prices that do not depend on them.

    Raises:
        InputError: an argument is out of range, one of the two files is there already, or the
            folder cannot be written.
    """
    if posts < 1 or not 1 <= days <= MOST_DAYS or seed < 0:
        raise InputError(
            f"no sample of {posts} posts on {days} days with seed {seed}: "
            f"posts must be 1 or more, days 1 to {MOST_DAYS}, seed 0 or more"
        )
    archive, bars = folder / ARCHIVE_NAME, folder / BARS_NAME
    # One stream of draws each, so that the posts do not depend on what the prices draw.
    plan_draws, post_draws, price_draws = (np.random.default_rng([seed, n]) for n in range(3))
    plan = make_plan(posts, days, plan_draws)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if there := [path for path in (archive, bars) if path.exists()]:
            raise InputError(f"{there[0]}: already exists; delete it, or choose another folder")
        with new_file(archive) as file:
            write_archive(file, posts, plan, post_draws)
        with new_file(bars) as file:
            bar_rows = write_bars(file, plan, price_draws, signal=signal)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error}); choose another folder") from error
    return Sample(archive, bars, posts, bar_rows, int(np.count_nonzero(plan.moods)))

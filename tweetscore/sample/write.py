"""Write a made-up archive and made-up minute bars: a seed enters, files with a signal leave.

On the trading days of 2023, one post each hour of the regular session has a mood (rarely none),
shown by one to three mood words among neutral ones, and the price drifts that way for the half
hour after it. All other posts lie outside the session. A tool that finds no signal here is broken;
one that finds a signal with ``signal=False`` has a leak. Nothing is taken from real archives.

Among several symbols there are as many such posts on each, named by its cashtag, and on none of
them; the price of one symbol alone drifts with those that name it.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tweetscore.errors import InputError, did_you_mean
from tweetscore.io.new_file import new_file, new_folder
from tweetscore.market.symbols import canonical_symbol
from tweetscore.sample.bars import write_bars
from tweetscore.sample.plan import MOST_DAYS, SYMBOL, SYMBOLS, Plan, Truth, make_plan
from tweetscore.sample.posts import write_archive
from tweetscore.sample.tags import Tags

ARCHIVE_NAME = "madeup_archive.json"
BARS_FOLDER = "bars"  # of several symbols
_BARS_NAME = "DAT_ASCII_{}_M1_2023.csv"
BARS_NAME = _BARS_NAME.format(SYMBOL)
MOST_SYMBOLS = len(SYMBOLS)
_POSTS_A_SYMBOL = 3_000


@dataclass(frozen=True, slots=True)
class Sample:
    """What was written, the rows of it, and how many posts move the price (if any do)."""

    archive: Path
    bars: Path  # of several symbols a folder, with a file for each
    posts: int
    bar_rows: int
    planted: int


@dataclass(frozen=True, slots=True)
class SampleOfSymbols(Sample):
    """What was written about several symbols, and which one's price the posts move, if any."""

    symbols: tuple[str, ...]
    planted_symbol: str | None


def write_sample(
    folder: Path,
    *,
    posts: int | None = None,
    days: int = MOST_DAYS,
    seed: int = 0,
    signal: bool = True,
    symbols: int = 1,
    planted: str | None = None,
) -> Sample:
    """Write ``madeup_archive.json`` and ``DAT_ASCII_MADEUP_M1_2023.csv`` into a folder.

    The bars of several symbols, a file each, lie in its folder ``bars``. The same arguments
    and versions give the same bytes. Memory does not grow with ``posts``.

    Args:
        folder: made where it is missing; files of other names in it do not matter.
        posts: how many in all; None is 3,000 for each symbol and 3,000 more. Six in each full
            session and three in each half-day lie inside it, of several symbols as many for each
            and for none, but never more than half of all; the rest spread over the time between
            sessions.
        days: trading days from 2023-01-03. The audit of clocks needs about 30 to prove New York,
            and some 50 to distinguish it from EST, when daylight-saving time has begun.
        seed: random seed.
        signal: False writes the same posts beside prices that do not depend on them.
        symbols: how many there are, each after the first named by a word.
        planted: the symbol whose price the posts move; the first if none is named.

    Raises:
        InputError: an argument is out of range, one of the files is there already, or the folder
            cannot be written.
    """
    posts = _POSTS_A_SYMBOL * (symbols + 1) if posts is None else posts
    _check(posts, days, seed, symbols)
    named = SYMBOLS[:symbols]
    moved = _planted(named, planted, signal=signal)
    archive, bars = folder / ARCHIVE_NAME, folder / (BARS_NAME if symbols == 1 else BARS_FOLDER)
    # One stream of draws each, so that the posts do not depend on what the prices draw.
    plan_draws, post_draws, *price_draws = (
        np.random.default_rng([seed, n]) for n in range(2 + symbols)
    )
    tags = Tags(named, moved, np.random.default_rng([seed, 2 + MOST_SYMBOLS]))
    plan = make_plan(posts, days, tags.subjects, named.index(moved), plan_draws)
    about = plan.subjects == named.index(moved)  # (in_session_posts,)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if there := [path for path in (archive, bars) if path.exists()]:
            raise InputError(f"{there[0]}: already exists; delete it, or choose another folder")
        with new_file(archive) as file:
            write_archive(file, posts, plan, tags, post_draws)
            # Both or none: an archive alone would be in the way of the next try.
            with nullcontext(folder) if symbols == 1 else new_folder(bars) as place:
                drifts = [about & (signal and symbol == moved) for symbol in named]
                bar_rows = _write_bars(place, named, plan, drifts, price_draws)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error}); choose another folder") from error
    written = (archive, bars, posts, bar_rows, int(np.count_nonzero(plan.moods[about])))
    if symbols == 1:
        return Sample(*written)
    return SampleOfSymbols(*written, named, moved if signal else None)


def _check(posts: int, days: int, seed: int, symbols: int) -> None:
    """Refuse sizes of which there is no sample.

    Raises:
        InputError: one is out of range.
    """
    if posts < 1 or not 1 <= days <= MOST_DAYS or seed < 0 or not 1 <= symbols <= MOST_SYMBOLS:
        raise InputError(
            f"no sample of {posts} posts on {days} days about {symbols} symbols with seed {seed}: "
            f"posts must be 1 or more, days 1 to {MOST_DAYS}, symbols 1 to {MOST_SYMBOLS}, seed 0 "
            "or more"
        )


def _write_bars(
    folder: Path,
    symbols: Sequence[str],
    plan: Plan,
    planted: Sequence[Truth],  # of each symbol: the posts that move its price
    draws: Sequence[np.random.Generator],
) -> int:
    """Write a file of bars for each symbol; return the number of their rows."""
    rows = 0
    for symbol, moving, of_symbol in zip(symbols, planted, draws, strict=True):
        with new_file(folder / _BARS_NAME.format(symbol)) as file:
            rows += write_bars(file, plan, moving, of_symbol)
    return rows


def _planted(symbols: Sequence[str], wanted: str | None, *, signal: bool) -> str:
    """Return the symbol whose price the posts move.

    Raises:
        InputError: there is no such symbol, or no price is moved.
    """
    if wanted is None:
        return symbols[0]
    if not signal:
        raise InputError(f"no symbol moves without a signal; leave out {wanted} or --no-signal")
    if canonical_symbol(wanted) not in symbols:
        raise InputError(
            f"no symbol {wanted} in this sample; it has {', '.join(symbols)}"
            f"{did_you_mean(wanted, symbols)}"
        )
    return canonical_symbol(wanted)

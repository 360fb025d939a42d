"""Write a made-up archive and made-up minute bars: a seed enters, two files with a signal leave.

On the trading days of 2023, one post each hour of the regular session has a mood (rarely none),
told by one to three mood words among neutral ones, and the price drifts that way for the half hour
after it. All other posts lie outside the session. Who finds no signal here has a broken tool; who
finds one with ``signal=False`` has a leak. Nothing is taken from real archives.
"""

from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from tweetscore.errors import InputError
from tweetscore.io.clocks import Clock
from tweetscore.io.new_file import new_file
from tweetscore.market.sessions import exchange_sessions
from tweetscore.posts.clock import TWITTER_EPOCH_MS

PLANTED_INTERVAL_MINUTES = 30
SYMBOL = "MADEUP"
ARCHIVE_NAME = "madeup_archive.json"
BARS_NAME = f"DAT_ASCII_{SYMBOL}_M1_2023.csv"
# The year is past, so that no later edition of the calendar changes the sample.
FIRST_DAY, LAST_DAY, MOST_DAYS = date(2023, 1, 1), date(2023, 12, 31), 250

_UP = """
    booming brilliant cheerful delighted radiant rising soaring splendid stronger thriving
    triumph winning
"""
_DOWN = """
    bleak collapse dismal dreadful failing gloomy losing shrinking sinking slump weaker worried
"""
UP_WORDS, DOWN_WORDS = tuple(_UP.split()), tuple(_DOWN.split())

Whole = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]

_MINUTE_MS = 60_000
_SLOT_MINUTES = 60  # at most one post in each: with the jitter, two are 45 minutes apart or more
_JITTER_MINUTES = 15
_IN_SESSION_MOODS = {1: 0.48, 0: 0.04, -1: 0.48}
_OTHER_MOODS = {1: 0.2, 0: 0.6, -1: 0.2}

_FIRST_PRICE = 4_000.0
_MINUTE_NOISE = 0.0003  # standard deviation of the log price
_DRIFT = _MINUTE_NOISE / 2  # per minute; over 30 it is 2.7 standard deviations of the noise
_NIGHT_NOISE = 0.004
_ABSENT_SHARE = 0.02

_BLOCK_POSTS = 1 << 15
_MAX_CHARACTERS = 280
_RETWEET_SHARE = 0.3
_COPY_SHARE = 1 / 3
_LINK_SHARE = 0.45
_LINK_ONLY_SHARE = 0.01
_EXTRA_SHARE = 0.07
_UPPER_SHARE = 0.02
_MOOD_WITHIN_WORDS = 10  # the length limit never cuts the first ten words

# Frequent words first: words are drawn by rank. No word of a mood may stand here.
_COMMON_LIST = """
    the to a of and in is for on you with it that this we at be are have our not will was all so
    they just your from has but more what about if out can by new now get or an one do as no how
    here who their very when there than today people time make day see going first year back
    thank look know think much every many big still really always never again tomorrow tonight
    morning week little long old open small early late quiet busy plain green blue bright slow
    quick round warm cool fresh local walk talk read write bring build carry paint plant bake
    watch listen gather mend measure visit wander travel remember begin follow answer borrow
"""
_NOUN_LIST = """
    anchor apple arbor attic autumn badger bakery barley barn basket beach bell bench berry
    bicycle birch blanket boat book bottle bread brick bridge brook bucket button cabin candle
    canvas carrot castle cedar cellar chair cherry clay cloud clover coast copper cottage cotton
    cradle creek dawn desk door dune feather fence fern ferry fiddle field flute forest fountain
    garden gate ginger glove grain harbor hazel hedge hill honey island ivory jacket kettle
    kitchen ladder lake lantern lemon library linen maple marble market meadow melon mill mirror
    moss needle oak oar orchard otter oven paddle paper pebble pepper pillow pine plum pond
    pottery puzzle quilt rabbit rain raft reed ribbon river robin rope sail shed shore sparrow
    spoon spring stable star stone stove straw summer table teapot thimble tower trail turnip
    valley village violet wagon walnut water wheel willow window winter wool yard
"""
_SPICE_LIST = """
    &amp; &amp; &lt;3 &gt; Q&amp;A B&amp;B don’t it’s can't we're let’s o’clock “tea” “soon”
    ‘maybe’ "again" café naïve 7 12 2023 1st 3rd 40% $25 1,250 9:30 6pm
    😀 😂 🎉 👍🏽 ❤️ ☕ 🌧️ 👨‍👩‍👧‍👦
    👩🏽‍🌾 🏳️‍🌈 🇨🇭 🇯🇵 #MadeUp #SLOWSUNDAY #tea_time
"""
_COMMON, _NOUNS, _SPICE = _COMMON_LIST.split(), _NOUN_LIST.split(), _SPICE_LIST.split()
_SOURCES = ("Made-up Phone App", "Made-up Web App", "Made-up Scheduler")
_SEPARATORS = (" ", ", ", ". ", "! ", "? ", "… ", " - ", "\n\n")
_SEPARATOR_SHARES = (0.87, 0.05, 0.035, 0.015, 0.005, 0.005, 0.01, 0.01)
_ENDS = ("", ".", "!", "?", "…", "!!")

# All that a text is put together from, with its codes: every word in three cases, then the rest.
# Compounds such as "harborlantern" are the long tail that a real vocabulary has.
_WORDS = [*_COMMON, *_NOUNS]
for _step in range(1, len(_NOUNS)):
    _WORDS += [a + b for a, b in zip(_NOUNS, _NOUNS[_step:] + _NOUNS[:_step], strict=True)]
_FIRST_UP = len(_WORDS)
_WORDS += [*UP_WORDS, *DOWN_WORDS]
_NAMES = [f"@{SYMBOL.lower()}_{noun}" for noun in _NOUNS]
_HASHTAGS = [f"#{a.title()}{b.title()}" for a, b in zip(_NOUNS, _NOUNS[7:], strict=False)]
_EXTRAS = [*_SPICE, *_SPICE, *_SPICE, *_NAMES, *_HASHTAGS]
_CASES = [*_WORDS, *(word.title() for word in _WORDS), *(word.upper() for word in _WORDS)]
_PIECES = pa.array([*_CASES, *_EXTRAS, *_SEPARATORS, *_ENDS], pa.large_string())
_RANK_CHANCES = 1 / (np.arange(_FIRST_UP) + 20) ** 1.5  # about Zipf's law
_RANK_SHARES = np.cumsum(_RANK_CHANCES)[:-1] / _RANK_CHANCES.sum()
_LENGTHS = pc.utf8_length(_PIECES).to_numpy()  # in characters
_FIRST_EXTRA = len(_CASES)
_FIRST_SEPARATOR = _FIRST_EXTRA + len(_EXTRAS)
_FIRST_END = _FIRST_SEPARATOR + len(_SEPARATORS)
_SENTENCE_ENDS = [_FIRST_SEPARATOR + place for place in (2, 3, 4, 7)]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was written: two files, their rows, and how many posts move the price (if any do)."""

    archive: Path
    bars: Path
    posts: int
    bar_rows: int
    planted: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """The posts inside regular sessions, oldest first, and the sessions; times in ms since 1970."""

    opens_ms: Whole  # (sessions,)
    closes_ms: Whole  # (sessions,)
    posted_ms: Whole  # (in_session_posts,)
    sessions: Whole  # (in_session_posts,), the place of each post's session
    moods: Whole  # (in_session_posts,), 1 up, 0 none, -1 down


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
            and some 50 to tell it from EST, when daylight-saving time has begun.
        seed: of everything that is drawn.
        signal: False writes the same posts beside prices that know nothing of them.

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
    plan = _plan(posts, days, plan_draws)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if there := [path for path in (archive, bars) if path.exists()]:
            raise InputError(f"{there[0]}: is there already; delete it, or name another folder")
        with new_file(archive) as file:
            _write_archive(file, posts, plan, post_draws)
        with new_file(bars) as file:
            bar_rows = _write_bars(file, plan, price_draws, signal=signal)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error}); name another folder") from error
    return Sample(archive, bars, posts, bar_rows, int(np.count_nonzero(plan.moods)))


def _plan(posts: int, days: int, draws: np.random.Generator) -> _Plan:
    calendar = exchange_sessions("XNYS", FIRST_DAY, LAST_DAY).head(days)
    opens, closes = (calendar[name].dt.epoch("ms").to_numpy() for name in ("open_utc", "close_utc"))
    # The whole window of a slot's last possible post must fit into the session.
    room = (closes - opens) // _MINUTE_MS - _JITTER_MINUTES - PLANTED_INTERVAL_MINUTES
    slots = room // _SLOT_MINUTES + 1  # (sessions,)
    sessions = np.repeat(np.arange(len(slots)), slots)
    begins = opens[sessions] + _within_groups(slots) * _SLOT_MINUTES * _MINUTE_MS
    posted = begins + draws.integers(0, _JITTER_MINUTES * _MINUTE_MS, len(begins))
    moods = _draw_moods(_IN_SESSION_MOODS, len(begins), draws)
    kept = np.sort(draws.permutation(len(begins))[: posts // 2])
    return _Plan(opens, closes, posted[kept], sessions[kept], moods[kept])


# --- bars -----------------------------------------------------------------------------------------


def _write_bars(file: BinaryIO, plan: _Plan, draws: np.random.Generator, *, signal: bool) -> int:
    """Write HistData ASCII M1 on New York time; return the number of rows."""
    lengths = (plan.closes_ms - plan.opens_ms) // _MINUTE_MS  # (sessions,)
    first_rows = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    minutes_ms = np.repeat(plan.opens_ms, lengths) + _within_groups(lengths) * _MINUTE_MS
    # A post enters at the first whole minute at or after it; the bar that starts there moves first.
    offsets = -((plan.opens_ms[plan.sessions] - plan.posted_ms) // _MINUTE_MS)
    entries = first_rows[plan.sessions] + offsets
    moves = draws.normal(0, _MINUTE_NOISE, total)  # (bars,)
    if signal:
        moved = entries[:, None] + np.arange(PLANTED_INTERVAL_MINUTES)  # (posts, minutes)
        moves[moved] += _DRIFT * plan.moods[:, None]
    gaps = np.zeros(total)
    gaps[first_rows[1:]] = draws.normal(0, _NIGHT_NOISE, len(first_rows) - 1)
    log_close = np.log(_FIRST_PRICE) + np.cumsum(gaps + moves)
    log_open = log_close - moves
    wicks = draws.exponential(_MINUTE_NOISE / 3, (2, total))
    present = draws.random(total) >= _ABSENT_SHARE
    # The audit of clocks goes by the edges of a session.
    present[first_rows] = present[first_rows + lengths - 1] = True
    stamps = Clock.parse("America/New_York").from_utc(
        pl.from_epoch(pl.Series(minutes_ms), "ms").cast(pl.Datetime("us"))
    )
    logs = {
        "open": log_open,
        "high": np.maximum(log_open, log_close) + wicks[0],
        "low": np.minimum(log_open, log_close) - wicks[1],
        "close": log_close,
    }
    prices = {name: np.exp(log).round(3) for name, log in logs.items()}
    frame = pl.DataFrame({"stamp": stamps, **prices, "volume": np.zeros(total, np.int64)})
    bars = frame.filter(present)
    bars.write_csv(
        file,
        include_header=False,
        separator=";",
        datetime_format="%Y%m%d %H%M%S",
        float_precision=6,
    )
    return bars.height


# --- posts ----------------------------------------------------------------------------------------


def _write_archive(file: BinaryIO, posts: int, plan: _Plan, draws: np.random.Generator) -> None:
    """Write the posts newest first, in blocks, as one JSON array with one object a line."""
    others = posts - len(plan.posted_ms)
    copy_share = _COPY_SHARE * posts / others
    left, newest = posts, len(plan.posted_ms)  # posts to write, and those of them in sessions
    file.write(b"[")
    for stop in range(others, 0, -_BLOCK_POSTS):
        start = max(stop - _BLOCK_POSTS, 0)
        other_ms = _times_between_sessions(start, stop, others, plan, draws)
        oldest = int(np.searchsorted(plan.posted_ms, other_ms[0])) if start else 0
        moods = np.concatenate(
            [plan.moods[oldest:newest], _draw_moods(_OTHER_MOODS, stop - start, draws)]
        )
        posted_ms = np.concatenate([plan.posted_ms[oldest:newest], other_ms])
        order = np.argsort(posted_ms, kind="stable")[::-1]
        in_session = order < newest - oldest
        texts = _texts(moods[order], in_session, copy_share, draws)
        lines = BytesIO()
        _tweets(texts, posted_ms[order], left, draws).write_ndjson(lines)
        file.write(b"\n" if left == posts else b",\n")
        # A line break inside a text is written as \n, so every real one ends an object.
        file.write(lines.getvalue()[:-1].replace(b"\n", b",\n"))
        left, newest = left - len(order), oldest
    file.write(b"\n]\n")


def _tweets(
    texts: pl.DataFrame, posted_ms: Whole, left: int, draws: np.random.Generator
) -> pl.DataFrame:
    """Put texts and times into the columns of the archive; ``left`` counts down to the oldest."""
    count = len(posted_ms)
    # Twelve bits tell posts of one millisecond apart; there are never 4,096 of them.
    sequence = np.arange(left - 1, left - 1 - count, -1) % 4096
    ids = pl.Series(((posted_ms - TWITTER_EPOCH_MS) << 22) | sequence)
    liked = draws.lognormal(4, 2, count).astype(np.int64)
    return texts.select(
        pl.lit(pl.Series(_SOURCES).gather(draws.integers(0, len(_SOURCES), count))).alias("source"),
        "text",
        pl.lit(pl.from_epoch(pl.Series(posted_ms), "ms"))
        .dt.strftime("%a %b %d %H:%M:%S +0000 %Y")
        .alias("created_at"),
        pl.Series("retweet_count", draws.lognormal(3, 2, count).astype(np.int64)),
        # Twitter counts the likes of a retweet with its original.
        pl.when("is_retweet").then(0).otherwise(pl.lit(pl.Series(liked))).alias("favorite_count"),
        "is_retweet",
        ids.cast(pl.String).alias("id_str"),
    )


def _times_between_sessions(
    start: int, stop: int, others: int, plan: _Plan, draws: np.random.Generator
) -> Whole:
    """Return the times, ascending, of posts ``start`` to ``stop`` of all outside the sessions.

    The time outside is cut into as many equal pieces as there are posts, one in each: so a block
    needs to know nothing of the others.
    """
    day = 24 * 60 * _MINUTE_MS
    first, last = plan.opens_ms[0] // day * day, plan.closes_ms[-1] // day * day + day
    # A post of the last minute before the open would enter at the open.
    begins = np.concatenate([[first], plan.closes_ms + _MINUTE_MS])
    ends = np.concatenate([plan.opens_ms - _MINUTE_MS, [last]])
    before = np.concatenate([[0], np.cumsum(ends - begins)])
    places = (np.arange(start, stop) + draws.random(stop - start)) / others * before[-1]
    nights = np.searchsorted(before[1:-1], places, side="right")
    times: Whole = begins[nights] + (places - before[nights]).astype(np.int64)
    return times


def _texts(
    moods: Whole, in_session: Truth, copy_share: float, draws: np.random.Generator
) -> pl.DataFrame:
    """Return ``text`` and ``is_retweet`` of a block of posts, newest first.

    A copy has the words of an older post of the block; a repeated retweet has its link as well, a
    repeated post a fresh one.
    """
    copied = ~in_session & (draws.random(len(moods)) < copy_share)
    copied[-1] = False  # the oldest has nothing to copy
    first_posts = np.flatnonzero(~copied)
    sources = np.cumsum(~copied) - 1  # (posts,), places in first_posts
    older = len(first_posts) - 1 - sources[copied]
    sources[copied] += 1 + (draws.random(len(older)) * older).astype(np.int64)

    size = len(first_posts)
    words = draws.gamma(3, 5, size).round().clip(1, 50).astype(np.int64)
    link_only = (draws.random(size) < _LINK_ONLY_SHARE) & ~in_session[first_posts]
    words[link_only] = 0
    retweet = (draws.random(size) < _RETWEET_SHARE) & ~link_only
    linked = (draws.random(size) < _LINK_SHARE) | (words < 8)  # short posts show something
    names = pl.Series(_NAMES).gather(draws.integers(0, len(_NAMES), size))
    openings = pl.select(
        pl.when(pl.lit(pl.Series(retweet))).then(pl.format("RT {}: ", names)).otherwise(pl.lit(""))
    ).to_series()
    room = _MAX_CHARACTERS - 2 - openings.str.len_chars().to_numpy() - 24 * linked
    bodies = openings + _words(words, moods[first_posts], room, draws)

    links = _links(len(moods), draws)
    link_sources = np.where(retweet[sources], first_posts[sources], np.arange(len(moods)))
    frame = pl.DataFrame(
        {
            "body": bodies.gather(sources),
            "link": links.gather(link_sources),
            "linked": linked[sources],
            "is_retweet": retweet[sources],
        }
    )
    link = pl.when("linked").then(pl.lit(" ") + pl.col("link")).otherwise(pl.lit(""))
    return frame.select((pl.col("body") + link).str.strip_chars().alias("text"), "is_retweet")


def _words(counts: Whole, moods: Whole, room: Whole, draws: np.random.Generator) -> pl.Series:
    """Return a text of about ``counts`` words for each mood, of at most ``room`` + 2 characters."""
    total = int(counts.sum())
    rows = np.repeat(np.arange(len(counts)), counts)  # (words,)
    codes = np.searchsorted(_RANK_SHARES, draws.random(total))  # (words,)
    extra = draws.random(total) < _EXTRA_SHARE
    codes[extra] = draws.integers(_FIRST_EXTRA, _FIRST_SEPARATOR, int(extra.sum()))
    _put_mood_words(codes, counts, moods, draws)

    separators = _FIRST_SEPARATOR + np.searchsorted(
        np.cumsum(_SEPARATOR_SHARES)[:-1], draws.random(total)
    )
    ends = np.cumsum(_LENGTHS[codes] + _LENGTHS[separators])  # (words,)
    before = np.concatenate([[0], ends])[np.cumsum(counts) - counts]  # (texts,)
    fits = ends - before[rows] <= room[rows]
    codes, separators = codes[fits], separators[fits]
    counts = np.bincount(rows[fits], minlength=len(counts))
    bounds = np.concatenate([[0], np.cumsum(counts)])

    filled = counts > 0
    separators[bounds[1:][filled] - 1] = draws.integers(_FIRST_END, len(_PIECES), filled.sum())
    is_word = codes < _FIRST_EXTRA
    opening = np.concatenate([[True], np.isin(separators[:-1], _SENTENCE_ENDS)])[: len(codes)]
    opening[bounds[:-1][filled]] = True
    codes[opening & is_word] += len(_WORDS)
    upper = is_word & (draws.random(len(codes)) < _UPPER_SHARE)
    codes[upper] = codes[upper] % len(_WORDS) + 2 * len(_WORDS)

    # The pieces lie one behind the other in Arrow's buffer: a text is a longer slice of it.
    both = pa.array(np.stack([codes, separators], axis=1).ravel())
    pieces = _PIECES.take(both)
    places = np.frombuffer(pieces.buffers()[1], np.int64)[2 * bounds]
    buffers = [pa.py_buffer(places), pieces.buffers()[2]]
    return pl.Series(pa.LargeStringArray.from_buffers(len(counts), *buffers))


def _put_mood_words(codes: Whole, counts: Whole, moods: Whole, draws: np.random.Generator) -> None:
    """Replace one to three of the first words of each text with a mood by words of its side."""
    begins = np.cumsum(counts) - counts
    for repeat in range(3):
        told = (moods != 0) & (counts > 0) & (draws.random(len(moods)) < 1 / (1 + repeat))
        places = draws.random(told.sum()) * np.minimum(counts[told], _MOOD_WITHIN_WORDS)
        choices = draws.integers(0, len(UP_WORDS), told.sum())
        side = np.where(moods[told] > 0, 0, len(UP_WORDS))
        codes[begins[told] + places.astype(np.int64)] = _FIRST_UP + side + choices


def _links(count: int, draws: np.random.Generator) -> pl.Series:
    head, alphabet = (
        b"https://t.co/",
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    )
    letters = np.frombuffer(alphabet, np.uint8)[draws.integers(0, len(alphabet), (count, 10))]
    data = np.hstack([np.tile(np.frombuffer(head, np.uint8), (count, 1)), letters])
    offsets = np.arange(count + 1) * data.shape[1]
    buffers = [pa.py_buffer(offsets), pa.py_buffer(data.tobytes())]
    return pl.Series(pa.LargeStringArray.from_buffers(count, *buffers))


def _draw_moods(shares: dict[int, float], count: int, draws: np.random.Generator) -> Whole:
    moods: Whole = draws.choice(list(shares), count, p=list(shares.values()))
    return moods


def _within_groups(sizes: Whole) -> Whole:
    """Count 0, 1, 2, … within each group, for groups of these sizes."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)

"""Write a made-up archive of posts: a plan enters, an array of tweets leaves, block by block."""

from io import BytesIO
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa

from tweetscore.posts.clock import TWITTER_EPOCH_MS
from tweetscore.sample.plan import MINUTE_MS, Plan, Truth, Whole, other_moods
from tweetscore.sample.tags import Tags
from tweetscore.sample.words import NAMES, draw_texts

_BLOCK_POSTS = 1 << 15
_MAX_CHARACTERS = 280
_RETWEET_SHARE = 0.3
_COPY_SHARE = 1 / 3
_LINK_SHARE = 0.45
_LINK_ONLY_SHARE = 0.01
_SOURCES = ("Made-up Phone App", "Made-up Web App", "Made-up Scheduler")


def write_archive(
    file: BinaryIO, posts: int, plan: Plan, tags: Tags, draws: np.random.Generator
) -> None:
    """Write the posts newest first, in blocks, as one JSON array with one object a line."""
    others = posts - len(plan.posted_ms)
    copy_share = _COPY_SHARE * posts / others
    left, newest = posts, len(plan.posted_ms)  # posts to write, and those of them in sessions
    file.write(b"[")
    for stop in range(others, 0, -_BLOCK_POSTS):
        start = max(stop - _BLOCK_POSTS, 0)
        other_ms = _times_between_sessions(start, stop, others, plan, draws)
        oldest = int(np.searchsorted(plan.posted_ms, other_ms[0])) if start else 0
        moods = np.concatenate([plan.moods[oldest:newest], other_moods(stop - start, draws)])
        posted_ms = np.concatenate([plan.posted_ms[oldest:newest], other_ms])
        openings = tags.of(plan.subjects[oldest:newest]).append(tags.any(stop - start))
        order = np.argsort(posted_ms, kind="stable")[::-1]
        in_session = order < newest - oldest
        texts = _texts(moods[order], openings.gather(order), in_session, copy_share, draws)
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
    start: int, stop: int, others: int, plan: Plan, draws: np.random.Generator
) -> Whole:
    """Return the times, ascending, of posts ``start`` to ``stop`` of all outside the sessions.

    The time outside is cut into as many equal pieces as there are posts, one in each: so a block
    needs to know nothing of the others.
    """
    day = 24 * 60 * MINUTE_MS
    first, last = plan.opens_ms[0] // day * day, plan.closes_ms[-1] // day * day + day
    # A post of the last minute before the open would enter at the open.
    begins = np.concatenate([[first], plan.closes_ms + MINUTE_MS])
    ends = np.concatenate([plan.opens_ms - MINUTE_MS, [last]])
    before = np.concatenate([[0], np.cumsum(ends - begins)])
    places = (np.arange(start, stop) + draws.random(stop - start)) / others * before[-1]
    nights = np.searchsorted(before[1:-1], places, side="right")
    times: Whole = begins[nights] + (places - before[nights]).astype(np.int64)
    return times


def _texts(
    moods: Whole,
    tagged: pl.Series,
    in_session: Truth,
    copy_share: float,
    draws: np.random.Generator,
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
    names = pl.Series(NAMES).gather(draws.integers(0, len(NAMES), size))
    openings = pl.select(
        pl.when(pl.lit(pl.Series(retweet))).then(pl.format("RT {}: ", names)).otherwise(pl.lit(""))
    ).to_series()
    openings += tagged.gather(first_posts)
    room = _MAX_CHARACTERS - 2 - openings.str.len_chars().to_numpy() - 24 * linked
    bodies = openings + draw_texts(words, moods[first_posts], room, draws)

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

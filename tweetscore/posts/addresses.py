"""Read the addresses of posts, as https://x.com/name/status/123: addresses enter, ids leave."""

import re
from collections.abc import Mapping

import polars as pl

from tweetscore.io.columns import normalised
from tweetscore.posts.bluesky import tid_numbers
from tweetscore.posts.fields import nearly_all

# The parts of an address: the author, if it is named, and the number of the post.
_HOST = r"^\s*(?:https?://)?[^/\s]*/"
_REST = r"(?:[/?#].*)?\s*$"
_POSTS = (
    rf"{_HOST}(?:#!/|users/)?(?:i/web/|i/|@?([^/\s@]+)(?:@[^/\s]+)?/)"
    rf"(?:status|statuses|posts|message)/(\d{{1,19}}){_REST}",
    rf"{_HOST}@([^/\s@]+)(?:@[^/\s]+)?/(\d{{15,19}}){_REST}",
    rf"^\s*(?:https?://)?t(?:elegram)?\.me/(?:s/)?([^/\s]+)/(\d{{1,19}}){_REST}",
)
# The key of a record is a number in base 32.
_BLUESKY = (
    r"^\s*(?:at://|https?://bsky\.app/profile/)([^/\s]+)/"
    rf"(?:app\.bsky\.feed\.)?post/([2-7a-z]{{13}}){_REST}"
)
AUTHOR_PAGE = r"^\s*https?://[^/\s]+/@?([^/\s?#@]+)/?(?:\?.*)?\s*$"
PLATFORMS: Mapping[str, str] = {
    "twitter": r"(?i)^\s*(?:https?://)?(?:\w+\.)?(?:twitter|x)\.com/",
    "bluesky": r"^\s*(?:at://|https?://bsky\.app/)",
    "truthsocial": r"(?i)^\s*(?:https?://)?(?:\w+\.)?truthsocial\.com/",
    "mastodon": r"^\s*https?://[^/\s]+/(?:@|users/)[^/\s]+/(?:statuses/)?\d{15,}",
}
_BEST = ("tweeturl", "statusurl", "posturl", "permalink", "tweetlink", "url", "link", "uri")
_OF_OTHERS = re.compile("quot|repl|retweet|parent|media|reblog")


def address_column(sample: pl.DataFrame) -> str | None:
    """Return the column with the address of each post itself; None if there is none.

    Args:
        sample: the first rows of the table, as strings.
    """
    found = [name for name in sample.columns if may_be_own(name) and are_posts(sample[name])]
    return min(found, key=_rank, default=None)


def may_be_own(name: str) -> bool:
    """Return whether the addresses in a column of this name may be those of the posts."""
    return not _OF_OTHERS.search(normalised(name))


def _rank(name: str) -> int:
    plain = normalised(name)
    return _BEST.index(plain) if plain in _BEST else len(_BEST)


def are_posts(values: pl.Series) -> bool:
    """Return whether nearly all values are addresses of posts."""
    first = values.drop_nulls().head(1)
    return bool(len(first)) and "/" in first[0] and nearly_all(ids_in(values).is_not_null())


def are_pages(values: pl.Series) -> bool:
    """Return whether nearly all values are addresses of authors."""
    return nearly_all(values.str.contains(AUTHOR_PAGE))


def ids_in(addresses: pl.Series) -> pl.Series:
    """Return the number of the post in each address; null where there is none."""
    keys = addresses.str.extract(_BLUESKY, 2)
    return _part(addresses, 2).zip_with(keys.is_null(), tid_numbers(keys))


def authors_in(addresses: pl.Series) -> pl.Series:
    """Return the author in each address of a post or an author; null where none is named."""
    parts = _part(addresses, 1)
    for pattern in (AUTHOR_PAGE, _BLUESKY):
        found = addresses.str.extract(pattern, 1)
        parts = parts.zip_with(found.is_null(), found)
    return parts


def platform_of(addresses: pl.Series) -> str | None:
    """Return the platform that nearly all addresses are of; None if there is no such one."""
    for platform, pattern in PLATFORMS.items():
        if nearly_all(addresses.drop_nulls().str.contains(pattern)):
            return platform
    return None


def are_of(platform: str, addresses: pl.Series) -> pl.Series:
    """Return whether each address is of a platform."""
    return addresses.str.contains(PLATFORMS[platform]).fill_null(False)


def _part(addresses: pl.Series, group: int) -> pl.Series:
    name = addresses.name
    parts = [pl.col(name).str.extract(pattern, group) for pattern in _POSTS]
    return addresses.to_frame().select(pl.coalesce(parts).alias(name)).to_series()

"""How values of posts in JSON become ours: names of columns enter, expressions leave."""

import json

import polars as pl

from tweetscore.posts.clock import id_times
from tweetscore.posts.identity import hashed_number

EPOCH_TIMES = "%Y-%m-%dT%H:%M:%S%.6fZ"
NO_RETWEET = {"is_retweet": pl.lit("false")}


def titled(body: pl.Expr) -> pl.Expr:
    """Return a title and the body below it, if there is one."""
    return (
        pl.when(body.fill_null("").str.strip_chars() == "")
        .then(pl.col("title"))
        .otherwise(pl.concat_str("title", body, separator="\n\n", ignore_nulls=True))
    )


def epoch(name: str) -> pl.Expr:
    """Write seconds since 1970 as a time."""
    seconds = pl.col(name).str.strip_chars().cast(pl.Float64, strict=False)
    micros = (seconds * 1_000_000).round().cast(pl.Int64, strict=False)
    moment = pl.from_epoch(micros, time_unit="us").dt.to_string(EPOCH_TIMES)
    return pl.when(seconds.is_not_null()).then(moment).otherwise(pl.col(name))


def time_in_id(tweet_id: pl.Expr) -> pl.Expr:
    """Write the time inside ids of Twitter."""

    def times(texts: pl.Series) -> pl.Series:
        ids = texts.str.to_integer(strict=False, dtype=pl.Int64)
        return id_times("twitter", ids).dt.to_string(EPOCH_TIMES)

    return tweet_id.map_batches(times, return_dtype=pl.String)


def hashed(*names: str) -> pl.Expr:
    """Return a number of 63 bits for what several strings identify together."""

    def hashes(parts: pl.Series) -> pl.Series:
        return pl.Series([str(hashed_number(text.encode())) for text in parts], dtype=pl.String)

    joined = pl.concat_str([pl.col(name).fill_null("") for name in names], separator="\0")
    whole = joined.map_batches(hashes, return_dtype=pl.String)
    return pl.when(pl.col(names[-1]).is_not_null()).then(whole)


def joined_parts(parts: pl.Series) -> pl.Series:
    """Join the pieces of a text of Telegram: strings, and objects with a text."""

    def joined(text: str | None) -> str | None:
        pieces = json.loads(text) if text else None
        if not isinstance(pieces, list):
            return None
        texts = [piece.get("text") if isinstance(piece, dict) else piece for piece in pieces]
        return "".join(text for text in texts if isinstance(text, str))

    return pl.Series([joined(text) for text in parts], dtype=pl.String)


def given(name: str) -> pl.Expr:
    """Write as a flag whether something is there, as the retweeted post."""
    absent = pl.col(name).is_null() | pl.col(name).is_in(["", "null", "{}", "0"])
    return absent.not_().cast(pl.String)

"""Read a table of somebody's predictions: a file enters; typed rows and rejects leave, by block.

Each row has the id of a post and a probability that the price rises, or the class up or down, for
one horizon, and perhaps the time at which it was predicted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.clocks import Clock
from tweetscore.io.columns import Match, normalised, worded
from tweetscore.io.places import Place
from tweetscore.io.records import RAW_CHARACTERS, REJECTS_SCHEMA
from tweetscore.io.tables.find import only_table
from tweetscore.io.tables.table import Table
from tweetscore.io.time_columns import find_times
from tweetscore.io.time_words import has_seconds
from tweetscore.io.times import TimeForm
from tweetscore.market.horizons import MOST_MINUTES, MOST_SESSIONS, SESSIONS, Horizon
from tweetscore.posts.fields import id_numbers
from tweetscore.posts.names import NAMES as POST_NAMES
from tweetscore.posts.platform import named_platform
from tweetscore.posts.validation import are_shortened, rounded
from tweetscore.scoring.sides import DOWN, UP, parse_sides

_OF_UP = ("probabilityup", "probabilityofup", "upprobability", "probup", "upprob", "pup", "probaup")
_MADE = ("made", "predicted", "scored", "prediction", "inference")
NAMES: Mapping[str, tuple[str, ...]] = {
    "tweet_id": POST_NAMES["tweet_id"],
    "platform": POST_NAMES["platform"],
    "probability": (*_OF_UP, "probability", "proba", "prob", "p", "score"),
    "class": (
        "predictedclass", "classpredicted", "predicted", "prediction", "predictedlabel", "pred",
        "ypred", "class", "label", "answer", "category",
    ),
    "confidence": ("confidence", "classprobability", "probabilityofclass", "classprob"),
    "horizon": ("intervalminutes", "interval", "horizonminutes", "horizon", "minutes"),
    "made": (
        "made", *(f"{verb}{end}" for verb in _MADE for end in ("atutc", "utc", "at", "time", "on")),
    ),
}  # fmt: skip
_PREDICTIONS = "predictions have tweet_id, and probability (that the price rises) or class"
_SHOWN = 60
_MINUTE_END = pl.duration(seconds=59)


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A table of predictions, and what its columns mean."""

    table: Table
    match: Match
    horizon: Horizon | None  # of all rows; None: of a column
    platform: str | None  # likewise
    sides: Mapping[str, tuple[str, ...]] | None  # which classes mean what; None: up and down
    made: TimeForm | None
    clock: Clock | None  # of times that the form leaves without a zone

    @property
    def taken(self) -> str:
        """Which columns were taken for what."""
        taken = self.match.taken
        notes = {"probability": "that the price rises", "confidence": "that the class is right"}
        certain = [] if {"probability", "confidence"} & taken.keys() else ["taken for certain"]
        read = [f"{side} is {' or '.join(labels)}" for side, labels in (self.sides or {}).items()]
        read += ["half of any other counts as up"] if read else []
        notes["class"] = ", ".join([*read, *certain])
        return worded({ours: (it,) for ours, it in taken.items()}, self.match.columns, notes)

    @property
    def clock_words(self) -> str:
        """By which clock the times of prediction were read."""
        if self.made is None:
            return "none: nobody says when each was predicted"
        if not self.made.naive:
            return "as its times say"
        return self.clock.name if self.clock else "UTC by the name of the column"

    def blocks(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Yield typed rows and rejects.

        Typed rows have line, byte_offset, platform (null where any may be meant), tweet_id,
        interval_minutes, probability (of up) and made_utc (null where unknown).

        Raises:
            InputError: the ids of the file have lost digits.
        """
        for rows, refused in self.table.rows(self.match.taken):
            typed = self._typed(rows)
            long = typed["tweet_id"].drop_nulls()
            if are_shortened(long):
                raise InputError(
                    f"{self.table.name}: its ids all end in 00 ({long[0]}, …): they are rounded, "
                    "as by JavaScript; write them as strings"
                )
            good, rejects = _judged(typed, self._checks())
            yield good, pl.concat([refused.select(REJECTS_SCHEMA.names()), rejects])

    def _typed(self, raw: pl.DataFrame) -> pl.DataFrame:
        taken, null = self.match.taken, pl.lit(None, pl.String)
        text = raw.with_columns(
            [pl.col(ours).str.strip_chars() for ours in taken]
            + [null.alias(ours) for ours in NAMES if ours not in taken]
        )
        named = pl.lit(self.platform, pl.String)
        if "platform" in taken:
            named = pl.col("platform").replace_strict(
                {each: named_platform(each) for each in text["platform"].drop_nulls().unique()},
                return_dtype=pl.String,
            )
        number = pl.col("probability").str.replace(r"^(\d*),(\d+)$", "$1.$2")
        sure = pl.col("confidence").str.replace(r"^(\d*),(\d+)$", "$1.$2")
        return text.select(
            pl.all().name.prefix("raw_"),
            line="line",
            byte_offset="byte_offset",
            platform=named,
            tweet_id=pl.lit(id_numbers(text["tweet_id"])),
            interval_minutes=self._intervals(),
            of_up=number.cast(pl.Float64, strict=False),
            up=self._up(),
            confidence=sure.cast(pl.Float64, strict=False),
            made_utc=pl.lit(self._made(text["made"])),
        ).with_columns(probability=self._probability())  # fmt: skip

    def _intervals(self) -> pl.Expr:
        if self.horizon is not None:
            return pl.lit(int(self.horizon), pl.Int32)
        text = pl.col("horizon").str.replace(r"^(\d+)\.0+$", "$1")
        minutes = text.str.extract(r"^(\d{1,7})$").cast(pl.Int32)
        sessions = text.str.extract(r"^(\d{1,3})d$").cast(pl.Int32) + SESSIONS
        return pl.coalesce(minutes, sessions)

    def _up(self) -> pl.Expr:
        """Return 1 for a class that means up and 0 for down; with sides, a half for any other."""
        sides = self.sides or {UP: (UP,), DOWN: (DOWN,)}
        values = {
            label.lower(): value
            for side, value in ((UP, 1.0), (DOWN, 0.0))
            for label in sides[side]
        }
        other = 0.5 if self.sides else None
        read = pl.col("class").str.to_lowercase()
        known = read.replace_strict(values, default=other, return_dtype=pl.Float64)
        return pl.when(read != "").then(known)

    def _probability(self) -> pl.Expr:
        """Return the probability of up: that of the class where it is of the class."""
        up, of_class = pl.col("up"), pl.col("confidence")
        if "probability" in self.match.taken:
            return pl.col("of_up")
        if "confidence" in self.match.taken:
            # Of several classes half of what is not in this one counts as up.
            share = 0.5 + of_class / 2 if self.sides else of_class
            return pl.when(up == 0.5).then(0.5).when(up == 1).then(share).otherwise(1 - share)
        return up

    def _made(self, texts: pl.Series) -> pl.Series:
        """Return the times of prediction: one to the minute is placed at the end of it."""
        if self.made is None:
            return pl.Series([None] * len(texts), dtype=pl.Datetime("us"))
        found = self.made.read(texts)
        if self.made.naive and self.clock:
            found = self.clock.to_utc(found)
        if not has_seconds(self.made.written):
            found = found.to_frame("made").select(pl.col("made") + _MINUTE_END).to_series()
        return found

    def _checks(self) -> list[tuple[pl.Expr, pl.Expr]]:
        """Return what can be wrong with a row, the first thing first, and the words for it."""
        taken = self.match.taken
        valid = pl.col("interval_minutes").is_between(1, MOST_MINUTES) | (
            pl.col("interval_minutes") - SESSIONS
        ).is_between(1, MOST_SESSIONS)
        minutes = f"is no number of minutes from 1 to {MOST_MINUTES:,} or of sessions, as 1d"
        checks = [
            (_empty("tweet_id"), pl.lit("has no id")),
            (rounded(pl.col("raw_tweet_id")), _wrong("tweet_id", "is rounded, as a float is")),
            (pl.col("tweet_id").is_null(), _wrong("tweet_id", "is not a 64-bit whole number")),
            (pl.col("tweet_id") <= 0, _wrong("tweet_id", "is not positive")),
        ]
        if "platform" in taken:
            checks.append((_empty("platform"), pl.lit("has no platform")))
        if self.horizon is None:
            checks.append((_empty("horizon"), pl.lit("has no horizon")))
            checks.append((~valid.fill_null(value=False), _wrong("horizon", minutes)))
        if "class" in taken:
            checks.append((_empty("class"), pl.lit("has no class")))
            checks.append(
                (pl.col("up").is_null(), _wrong("class", "is neither up nor down (see --as)"))
            )
        for ours, value in (("probability", "of_up"), ("confidence", "confidence")):
            if ours in taken:
                outside = ~pl.col(value).is_between(0, 1)
                checks.append((_empty(ours), pl.lit(f"has no {ours}")))
                checks.append((outside.fill_null(value=True), _wrong(ours, "is not from 0 to 1")))
        if "made" in taken:
            checks.append((_empty("made"), pl.lit("has no time of prediction")))
            checks.append((pl.col("made_utc").is_null(), _wrong("made", "is not a time")))
        return checks


def open_given(
    path: Path | Place,
    columns: Mapping[str, str],
    *,
    horizon: Horizon | None = None,
    reads_as: str | None = None,
    platform: str | None = None,
    clock: str | None = None,
    encoding: str | None = None,
) -> GivenTable:
    """Open a table of predictions: CSV, TSV, JSON or Parquet.

    Args:
        path: the file.
        columns: our names to the file's, which take precedence over recognised ones; an empty name
            means that the file has no such column.
        horizon: of all rows, where the file names none.
        reads_as: which classes are read as a direction, as in ``up=bullish,down=bearish``; half of
            any other counts as up. None: they are called up and down.
        platform: of all ids; None: of a column, or whichever platform has the id here.
        clock: of times of prediction without a zone.
        encoding: of the text, by any name that Python knows; None: told by its bytes.

    Raises:
        InputError: there is no table, or it is not clear which columns of it are what.
    """
    table = only_table(
        path, "; name the one with the predictions", f"a table: {_PREDICTIONS}", encoding
    )
    match = _clear(table.match(NAMES, columns), columns)
    taken = match.taken
    if horizon is not None and "horizon" in taken:
        raise InputError(
            f"{table.name}: has horizons in {taken['horizon']!r}; leave out --interval, or say "
            "--column horizon="
        )
    if horizon is None and "horizon" not in taken:
        raise InputError(
            f"{table.name}: does not say how far ahead it predicts ({match.has}); say it with "
            "--interval 30, or name the column with --column horizon=NAME"
        )
    match = match.without("platform") if platform else match
    made, named = _times(table, taken["made"], clock) if "made" in taken else (None, None)
    own = named_platform(platform) if platform else None
    sides = parse_sides(reads_as) if reads_as else None
    return GivenTable(table, match, horizon, own, sides, made, named)


def _clear(match: Match, given: Mapping[str, str]) -> Match:
    """Return the match with either a probability of up, or a class and perhaps its probability.

    Raises:
        InputError: there is neither, or it is not clear of what the probability is.
    """
    taken = match.taken
    if "tweet_id" not in taken:
        raise match.missing("tweet_id")
    if not {"probability", "class"} & taken.keys():
        raise InputError(
            f"{match.name}: has no column recognised as probability or class ({match.has}); name "
            "one with --column probability=NAME or --column class=NAME"
        )
    if "class" not in taken:
        return match.without("confidence")
    if "probability" not in taken:
        return match
    theirs = taken["probability"]
    if "probability" in given or normalised(theirs) in _OF_UP:
        return match.without("class", "confidence")
    if "confidence" in taken:
        return match.without("probability")
    raise InputError(
        f"{match.name}: has a class in {taken['class']!r} and a probability in {theirs!r}, perhaps "
        f"of that class; say --column confidence={theirs} if it is, or --column "
        f"probability={theirs} if it is always that of a rise"
    )


def _times(table: Table, column: str, clock: str | None) -> tuple[TimeForm, Clock | None]:
    """Return how the times of prediction are written, and their clock, where one must be said.

    Raises:
        InputError: they are in no known form, or have no zone and nobody says which.
    """
    sample, _ = table.sample([column])
    found = find_times(table, sample, [(column,)])
    if found is None:
        raise InputError(
            f"{table.name}: {column!r} holds no times of day in a known form; write them as "
            "2018-01-31T09:30:00Z, or leave the column out with --column made="
        )
    form = found[1]
    if not form.naive or (clock is None and normalised(column).endswith("utc")):
        return form, None
    if clock is None:
        raise InputError(
            f"{table.name}: the times in {column!r} carry no zone; say it with --clock UTC or "
            "--clock America/New_York, or leave the column out with --column made="
        )
    return form, Clock.parse(clock)


def _empty(ours: str) -> pl.Expr:
    return pl.col(f"raw_{ours}").fill_null("") == ""


def _wrong(ours: str, fact: str) -> pl.Expr:
    return pl.format(f"\"{ours}\" {fact}: '{{}}'", pl.col(f"raw_{ours}").str.head(_SHOWN))


def _judged(
    typed: pl.DataFrame, checks: list[tuple[pl.Expr, pl.Expr]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    reason = pl.coalesce(pl.when(failed).then(words) for failed, words in checks)
    judged = typed.with_columns(reason=reason)
    good = judged.filter(pl.col("reason").is_null()).select(
        "line", "byte_offset", "platform", "tweet_id", "interval_minutes",
        pl.col("probability").cast(pl.Float32), "made_utc",
    )  # fmt: skip
    values = pl.struct(pl.col("^raw_.*$").name.map(lambda name: name.removeprefix("raw_")))
    raw = values.struct.json_encode().str.head(RAW_CHARACTERS)
    bad = judged.filter(pl.col("reason").is_not_null())
    return good, bad.select("line", "byte_offset", "reason", raw=raw)

"""Which columns of a table are those of posts: a table enters, columns, times and words leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from tweetscore.errors import InputError
from tweetscore.io.columns import Match, Names, normalised, worded
from tweetscore.io.json_values import values_at
from tweetscore.io.tables.table import Table
from tweetscore.io.times import written_form
from tweetscore.posts import addresses, reddit
from tweetscore.posts.canonical import Late
from tweetscore.posts.clock import ID_TIMES
from tweetscore.posts.fields import NEARLY_ALL, id_numbers
from tweetscore.posts.identity import Ids, number_rows
from tweetscore.posts.platform import (
    OTHER,
    are_platforms,
    audited_platform,
    named_platforms,
    platform_of,
    platforms_by_ids,
    times_in_ids,
)
from tweetscore.posts.table_times import Times, find_posted
from tweetscore.posts.validation import rounded_among
from tweetscore.posts.writings import (
    OF_DATABASE,
    Writing,
    are_quoted,
    names_in_some,
    of_database,
    without_objects,
    without_quotes,
    writings,
)
from tweetscore.posts.zones import UTC_FORM, agree_with_ids, are_zones, utc_beside

_SAMPLE_ROWS = 1_000
_NO_NUMBERS = 0.05  # the share of whole numbers in a column that has no ids
_FEWEST_IDS = 3
_ROUNDING = 1 << 10  # how far a float leaves an id of 19 digits from what it was
_SHOWN = ("text", "posted", "tweet_id", "author")
_UNQUOTED = "without the quotes around it"
_LOCAL_CREATED = "for years 8 hours ahead of 'created_utc': check them"
_LOOK_ALIKE = "those of truthsocial look the same: see --platform"
# The columns of posts as the database exports them.
_EXPORTED = {"platform", "tweet_id", "posted_utc", "counts_as_of_utc"}
# What a post may lack.
OPTIONAL = {"author", "retweet_count", "favorite_count", "is_retweet", "counts_as_of"}
LATER_NAMES = Writing("the name in later objects", names_in_some)
LATER_OBJECTS = Writing("later ones are objects", without_objects)
LATER = Writing("in later posts only", lambda values: values)
NAME_OF_PLATFORM = Writing("", named_platforms)
NAME_AS_EXPORTED = Writing("", lambda names: names.fill_null(OTHER))
Writings = Mapping[str, tuple[Writing, ...]]  # under our names


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of posts in a table, and how their values are read."""

    match: Match
    times: Times
    writings: Writings
    quoted: frozenset[str]  # columns of the file with quotes around their values
    platform: str
    ids: Ids
    remark: str = ""  # on the ids, in words

    @property
    def wanted(self) -> dict[str, str]:
        """What to read of the table: our names to the file's."""
        own = {ours: it for ours, it in self.match.taken.items() if ours != "posted"}
        return {**own, **self.times.columns.wanted("posted")}

    def plain(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows of ``wanted`` with whole times and plain values."""
        for ours, theirs in self.wanted.items():
            if theirs in self.quoted:
                rows = rows.with_columns(without_quotes(rows[ours]).alias(ours))
        for ours, several in self.writings.items():
            for writing in several:
                rows = rows.with_columns(writing.read(rows[ours]).alias(ours))
        rows = self.times.columns.joined(rows, "posted")
        if self.times.local is None:
            return rows
        return rows.with_columns(posted=utc_beside(rows["posted"], rows["zone"], self.times.local))

    @property
    def words(self) -> str:
        """Describe which column was taken for what."""
        taken = {ours: [theirs] for ours, theirs in self.match.taken.items()}
        taken["posted"] = [*self.times.columns.columns]
        notes = {
            ours: ", ".join(writing.words for writing in several)
            for ours, several in self.writings.items()
        }
        notes["posted"] = self.times.note
        if self.match.taken["text"] in self.quoted:
            notes["text"] = ", ".join(filter(None, [_UNQUOTED, notes.get("text")]))
        ordered = [*_SHOWN, *(ours for ours in taken if ours not in _SHOWN)]
        words = worded(
            {ours: taken[ours] for ours in ordered if ours in taken}, self.match.columns, notes
        )
        several = "platform" in self.match.taken
        of = [f"ids of {self.platform}"] if self.platform != OTHER and not several else []
        return "; ".join(filter(None, [words, *of, self.remark]))


def _written(
    match: Match, sample: pl.DataFrame, late: Late | None, *, of_table: bool
) -> dict[str, tuple[Writing, ...]]:
    """Return how the values of our columns are written, where not as themselves."""
    written = {
        ours: found
        for ours, theirs in match.taken.items()
        if ours != "posted" and (found := writings(ours, sample[theirs]))
    }
    if late and late.taken:
        written |= dict.fromkeys(match.taken.keys() - late.taken.keys(), (LATER,))
        for ours, theirs in late.taken.items():
            if holds_objects(late.records, theirs):
                written[ours] = (LATER_NAMES if ours == "author" else LATER_OBJECTS,)
    if of_table and of_database(sample):
        for ours in {"text", "author"} & match.taken.keys():
            written[ours] = (OF_DATABASE, *written.get(ours, ()))
    return written


def find_columns(
    table: Table,
    names: Names,
    given: Mapping[str, str],
    platform: str | None,
    late: Late | None = None,
) -> Columns | None:
    """Find the columns of posts; None when the table is something else.

    Args:
        table: the table.
        names: our name to those that such columns have, best first.
        given: our name to theirs, as the user sets it.
        platform: whose ids they are; None leaves it to the evidence.
        late: which columns begin later.

    Raises:
        InputError: a given column is not there, the form of the times is not clear, or the ids of
            the platform carry a time and there are none.
    """
    match = table.match(names, given)
    match = _as_before(match, late.taken) if late and late.taken else match
    if "text" not in match.taken:
        if given:
            raise match.missing("text")
        return None
    sample, _ = table.sample(table.columns, _SAMPLE_ROWS)
    quoted = frozenset(
        name for name in sample.columns if table.kind == "csv" and are_quoted(sample[name])
    )
    sample = sample.with_columns(without_quotes(sample[name]) for name in quoted)
    match, address = _with_addresses(match, sample, given)
    if platform in ID_TIMES and "tweet_id" not in match.taken:
        raise InputError(
            f"{table.name}: has no column recognised as ids ({match.has}), and ids of {platform} "
            "carry a time; name it with --column tweet_id=NAME, or leave --platform out"
        )
    written = _written(match, sample, late, of_table=table.kind == "csv")
    of_reddit = _reddit(match, sample, platform)
    if of_reddit:
        match, written["tweet_id"] = _with_score(match, given), (reddit.BASE_36,)
    numbers = _plain_ids(match, sample, written)
    times = find_posted(table, match, sample, given, platform or address, numbers)
    if not times:
        return None
    match, times = _with_zone(match, sample, times, given, numbers)
    if times.of_ids:
        match = match.without("posted", "counts_as_of")
        written["posted"] = written.get("tweet_id", ())
    platform = platform or times.of_ids or address or of_reddit
    if of_reddit and normalised(times.columns.columns[0]) == "created":
        times = replace(times, note=_LOCAL_CREATED)
    columns = Columns(match, times, written, quoted, platform or OTHER, "own")
    if not platform and numbers is not None:
        if by_row := _of_rows(columns, sample, numbers):
            return by_row
        platform = platform_of(numbers, times.sample, match.columns)
        remark = _LOOK_ALIKE if platform == "mastodon" else ""
        columns = replace(columns, platform=platform, remark=remark)
    return _identified(table, replace(columns, match=match.without("platform")), numbers, given)


def holds_objects(records: Sequence[Mapping[str, Any]], column: str) -> bool:
    """Return whether a column holds objects in some records."""
    values = (value for each in records for value in values_at(each, column.split(".")))
    return any(isinstance(value, dict) for value in values)


def _as_before(match: Match, taken: Mapping[str, str]) -> Match:
    """Return a match that differs from the one before in what a post may lack, and has now."""
    changed = (match.taken.keys() | taken.keys()) - taken.keys() - OPTIONAL
    return match.choose(taken).without(*changed)


def _with_zone(
    match: Match,
    sample: pl.DataFrame,
    times: Times,
    given: Mapping[str, str],
    numbers: pl.Series | None,
) -> tuple[Match, Times]:
    """Read local times by the zones in a column beside them, unless ids speak against it."""
    zones = sample[match.taken["zone"]] if "zone" in match.taken else None
    if zones is None or not times.naive or not are_zones(zones):
        return match.without("zone"), times
    form = written_form(UTC_FORM)
    utc = form.read(utc_beside(times.columns.of(sample), zones, times.read))
    platforms = platforms_by_ids(numbers, match.columns) if numbers is not None else []
    inside = [times_in_ids(each)(numbers) for each in platforms if numbers is not None]
    if "zone" not in given and not agree_with_ids(utc, inside):
        return match.without("zone"), times
    zoned = replace(
        times, read=form.read, naive=False, note="in the zone beside it", sample=utc,
        form=None, local=times.read,
    )  # fmt: skip
    return match, zoned


def _of_rows(columns: Columns, sample: pl.DataFrame, numbers: pl.Series) -> Columns | None:
    """Return the columns of posts whose platforms stand beside them; None where they do not."""
    if "platform" not in columns.match.taken:
        return None
    names = sample[columns.match.taken["platform"]]
    exported = set(columns.match.columns) >= _EXPORTED
    if not exported and not are_platforms(names):
        return None
    named = NAME_AS_EXPORTED if exported else NAME_OF_PLATFORM
    audited = audited_platform(named.read(names), numbers, columns.times.sample)
    if audited is None:
        return None
    return replace(
        columns,
        writings={**columns.writings, "platform": (named,)},
        platform=audited,
        ids="own" if exported else "dated",
        remark="as exported by tweetscore" if exported else "",
    )


def _identified(
    table: Table, columns: Columns, numbers: pl.Series | None, given: Mapping[str, str]
) -> Columns:
    """Return the columns with what their ids are worth, and without those that identify nothing."""
    if columns.platform in ID_TIMES or reddit.BASE_36 in columns.writings.get("tweet_id", ()):
        return columns
    name, why = columns.match.taken.get("tweet_id"), ""
    if numbers is not None and _number_rows(table, columns, numbers):
        why = f"no ids: {name!r} numbers the rows"
    elif numbers is not None and "tweet_id" not in given and _holds_no_numbers(numbers):
        why = f"no ids: {name!r} holds no whole numbers"
    if not why:
        return replace(columns, ids="restarting")
    kept = {ours: it for ours, it in columns.writings.items() if ours != "tweet_id"}
    return replace(
        columns, match=columns.match.without("tweet_id"), writings=kept, ids="none", remark=why
    )


def _number_rows(table: Table, columns: Columns, numbers: pl.Series) -> bool:
    """Return whether ids number the rows of the whole table."""
    if not number_rows([numbers]) or len(numbers) < _SAMPLE_ROWS:
        return number_rows([numbers])
    wanted = {"tweet_id": columns.match.taken["tweet_id"]}
    return number_rows(rows["tweet_id"] for rows, _ in table.rows(wanted, whole=False))


def _reddit(match: Match, sample: pl.DataFrame, platform: str | None) -> str | None:
    """Return the platform if the ids are those of Reddit, whatever the user calls it."""
    if "tweet_id" not in match.taken or platform in ID_TIMES:
        return None
    return reddit.platform_of(sample[match.taken["tweet_id"]], match.columns)


def _with_score(match: Match, given: Mapping[str, str]) -> Match:
    """Take the score of a post for what favourites are elsewhere, as in JSON of Reddit."""
    score = next((name for name in match.left if normalised(name) in ("score", "ups")), None)
    if score is None or "favorite_count" in {*match.taken, *given}:
        return match
    return match.choose({"favorite_count": score})


def _with_addresses(
    match: Match, sample: pl.DataFrame, given: Mapping[str, str]
) -> tuple[Match, str | None]:
    """Take ids and authors that are missing from the addresses of posts, if the table has them.

    Returns:
        The match, and the platform that the addresses show for its ids; None if they do not.
    """
    name = addresses.address_column(sample)
    if name is None or given.get("tweet_id") == "":
        return match, None
    inside = addresses.ids_in(sample[name])
    own = match.taken.get("tweet_id")
    if own is None:
        match = match.choose({"tweet_id": name})
    elif own != name and not _are_equal(sample[own], inside):
        lost = _is_no_id(sample[own]) or _are_equal(sample[own], inside, within=_ROUNDING)
        if "tweet_id" in given or not lost:
            return match, None
        match = match.choose({"tweet_id": name})
    if "author" not in match.taken and "author" not in given:
        match = match.choose({"author": name})
    return match, addresses.platform_of(sample[name])


def _are_equal(values: pl.Series, others: pl.Series, within: int = 0) -> bool:
    """Return whether nearly all ids are the same as others, or as near."""
    own, other = id_numbers(values), id_numbers(others)
    return int(((own - other).abs() <= within).sum()) >= NEARLY_ALL * len(values)


def _is_no_id(values: pl.Series) -> bool:
    return number_rows([values]) or len(rounded_among(values)) > 0 or _holds_no_numbers(values)


def _holds_no_numbers(values: pl.Series) -> bool:
    """Return whether a column of ids has words instead, as the base 36 of Reddit."""
    filled = values.filter(values.str.strip_chars() != "")
    numbers = id_numbers(filled)
    found = len(numbers) - numbers.null_count()
    few = found <= _NO_NUMBERS * len(filled) and len(filled) >= _FEWEST_IDS
    return few and not len(rounded_among(filled))


def _plain_ids(match: Match, sample: pl.DataFrame, written: Writings) -> pl.Series | None:
    """Return the ids of the first rows; None where there is no column of them."""
    if "tweet_id" not in match.taken:
        return None
    values = sample[match.taken["tweet_id"]]
    for writing in written.get("tweet_id", ()):
        values = writing.read(values)
    return values

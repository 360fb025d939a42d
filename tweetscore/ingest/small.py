"""Ingest many small files of posts at once: files enter, their rows are stored, accounts leave.

Files of one family are parsed and judged as one, because a call costs more than its rows. What
becomes of a file does not depend on its neighbours all the same: one that leaves a doubt, as posts
off their ids, is judged alone. All rows wait in memory until every file is judged, so that nothing
of a refused one is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from tweetscore.bars.reader import BarFile
from tweetscore.errors import InputError
from tweetscore.ingest.account import IGNORED, Account, IngestOptions, Progress
from tweetscore.ingest.deduplicate import deduplicate, now_utc, unusable
from tweetscore.ingest.opened import open_file
from tweetscore.ingest.posts import (
    POSTS_TO_TELL,
    begun_account,
    claimed_clock,
    judged_posts,
    lacks_clock,
    read_posts,
    shows_seconds,
)
from tweetscore.ingest.sources import (
    good_rows,
    known_clocks,
    next_source,
    parted,
    unchanged,
)
from tweetscore.io.joined import JoinedSource
from tweetscore.io.source import Source
from tweetscore.posts.canonical import ReadAlike, TweetFile
from tweetscore.posts.clock import ID_TIMES, TIMES_OF_IDS, TweetClock, as_claimed
from tweetscore.posts.formats import Family
from tweetscore.store.database import Store

_LABEL = "small files"


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A small file of posts: opened already, or of a family that is opened as one."""

    source: Source
    opened: TweetFile | Family


def ingest_small(
    store: Store, files: Sequence[SmallFile], options: IngestOptions, progress: Progress
) -> list[Account]:
    """Store the posts of files in one transaction, those of each file all or none.

    The database is then the same as after one by one.

    Args:
        store: the open database.
        files: in their order; their contents are in memory.
        options: what the user sets for them.
        progress: called with a name and the rows read so far.

    Returns:
        The account of each file.
    """
    started_utc = now_utc()
    known = known_clocks(store, [file.source.digest()[0] for file in files])
    judged = _Judging(files, options, progress, known)
    families: dict[object, list[int]] = {}
    for place, file in enumerate(files):
        alike = file.opened if isinstance(file.opened, Family) else place
        families.setdefault(alike, []).append(place)
    for places in families.values():
        judged.judge(places)
    _store(store, judged, started_utc)
    return [judged.accounts[place] for place in range(len(files))]


def _store(store: Store, judged: "_Judging", started_utc: datetime) -> None:
    """Store the rows of all files that are neither refused nor stored already."""
    accounts, clocks = judged.accounts, dict[str, str]()
    accepted = []
    for place, account in sorted(accounts.items()):
        if account.error or account.unchanged or account.kind == IGNORED:
            continue
        if account.sha256 in clocks:  # the content of a file before it
            accounts[place] = unchanged(account, clocks[account.sha256])
            continue
        clocks[account.sha256] = account.clock
        accepted.append(place)
    if not accepted:
        return
    with store.transaction():
        first = next_source(store)
        numbers = pl.DataFrame(
            {"file": accepted, "source_id": range(first, first + len(accepted))},
            schema={"file": pl.Int64, "source_id": pl.Int32},
        )
        for table, frames in (("tweets", judged.rows), ("rejects", judged.rejects)):
            if frames:
                store.append(table, pl.concat(frames).join(numbers, on="file").drop("file"))
        finished = deduplicate(
            store, [accounts[place] for place in accepted], "tweets", first, started_utc
        )
    accounts.update(zip(accepted, finished, strict=True))


class _OtherRowsError(InputError):
    """A file has a header of posts, and rows that are neither posts nor bars."""


@dataclass(slots=True)
class _OwnRows:
    """The rows and the rejects of one file."""

    parts: list[tuple[pl.DataFrame, pl.DataFrame]] = field(default_factory=list)

    def add(self, judged: pl.DataFrame, rejects: pl.DataFrame) -> None:
        self.parts.append(parted("tweets", judged, rejects))

    def forget(self) -> None:
        self.parts.clear()

    def reasons(self) -> list[tuple[int, str]]:
        """Return the lines and reasons of the rejects, in the file's order."""
        rejects = [each.select("line", "reason") for _, each in self.parts]
        return sorted(row for each in rejects for row in each.iter_rows())


@dataclass(slots=True)
class _Judging:
    """Judge files; a place is the number of a file, from 0."""

    files: Sequence[SmallFile]
    options: IngestOptions
    progress: Progress
    known: Mapping[str, str]  # the clocks of contents that are stored already, by their digest
    accounts: dict[int, Account] = field(default_factory=dict)  # by place
    rows: list[pl.DataFrame] = field(default_factory=list)  # of all files; ``file`` is a place
    rejects: list[pl.DataFrame] = field(default_factory=list)  # likewise
    rows_read: int = 0

    def judge(self, places: Sequence[int]) -> None:
        """Judge files of one family: as one, then alone what leaves a doubt."""
        if len(places) == 1:
            self._judge_alone(places[0])
            return
        try:
            doubtful = self._judge_as_one(places)
        except InputError:  # one of them may be the reason
            middle = len(places) // 2
            self.judge(places[:middle])
            self.judge(places[middle:])
            return
        for place in doubtful:
            self._judge_alone(place)

    def _judge_alone(self, place: int) -> None:
        file, own = self.files[place], _OwnRows()
        account = Account(file.source.name)
        try:
            posts = self._opened(file.source) if isinstance(file.opened, Family) else file.opened
            account = begun_account(file.source, posts)
            self.accounts[place] = self._read_alone(place, posts, own)
        except _OtherRowsError:
            self.accounts[place] = replace(account, kind=IGNORED)
            return
        except InputError as error:
            self.accounts[place] = replace(account, error=str(error))
            return
        mark = pl.lit(place, pl.Int64).alias("file")
        for rows, rejects in own.parts:
            self.rows.append(rows.with_columns(mark))
            self.rejects.append(rejects.with_columns(mark))

    def _read_alone(self, place: int, posts: TweetFile, own: _OwnRows) -> Account:
        account = self._account(place, posts)
        if account.unchanged:
            return account
        account = read_posts(posts, account, self.options, self.progress, own)
        if not any(rows.height for rows, _ in own.parts):
            raise unusable(account, own.reasons())
        return account

    def _judge_as_one(self, places: Sequence[int]) -> Sequence[int]:
        """Judge files of one family as one; return those that have to be judged alone.

        Raises:
            InputError: one of them is refused.
        """
        fresh = [place for place in places if self._digest(place)[0] not in self.known]
        family = self.files[places[0]].opened
        assert isinstance(family, Family)
        joined = JoinedSource([self.files[it].source for it in fresh or places], family.skip)
        posts = self._opened(joined)
        for place in places:
            self.accounts[place] = self._account(place, posts)
        if not fresh:
            return []
        if lacks_clock(posts, self.options) or self.options.precision != "auto":
            return fresh
        return self._read_as_one(posts, joined, fresh)

    def _read_as_one(
        self, posts: TweetFile, joined: JoinedSource, places: Sequence[int]
    ) -> list[int]:
        """Keep the rows of the files that leave no doubt; return the others."""
        claim = claimed_clock(joined.name, posts, self.options)
        clock = TweetClock(posts.platform, claim, proven=False, evidence="")
        rows, rejects = list[pl.DataFrame](), list[pl.DataFrame]()
        facts, unread = list[pl.DataFrame](), list[pl.Series]()
        for batch in posts.read():
            inside_utc, judged = judged_posts(posts, batch.tweets, clock)
            own = batch.tweets.select("byte_offset", "posted", "tweet_id")
            facts.append(own.with_columns(judged["reason"], inside=inside_utc))
            rows.append(judged)
            rejects.append(batch.rejects)
            unread += [*(each.byte_offsets for each in batch.unread), batch.moved]
            self.rows_read += batch.rows_read
            self.progress(_LABEL, self.rows_read, (0, None))
        found = _facts(joined, pl.concat(facts), pl.concat(rejects), unread)
        if posts.alike:
            found = found.join(_unlike(joined, posts.alike), on="part", how="anti")
        sound = found.filter(~_doubts(posts, self.options))
        for part, tested, read in sound.select("part", "tested", "read").iter_rows():
            place = places[part]
            claimed = as_claimed(posts.platform, claim, tested, tested).evidence
            evidence = TIMES_OF_IDS if posts.times_of_ids else claimed
            self.accounts[place] = replace(self.accounts[place], clock=evidence, rows_read=read)
        of_sound = sound.select(
            "part", file=pl.Series(places, dtype=pl.Int64).gather(sound["part"])
        )
        for kept, frames in ((self.rows, rows), (self.rejects, rejects)):
            placed = joined.placed(pl.concat(frames)).join(of_sound, on="part").drop("part")
            kept.append(good_rows("tweets", placed) if frames is rows else placed)
        sound_parts = set(sound["part"])
        return [place for part, place in enumerate(places) if part not in sound_parts]

    def _opened(self, source: Source) -> TweetFile:
        posts = open_file(source, self.options)
        if posts is None:
            raise _OtherRowsError(source.name)
        if isinstance(posts, BarFile):
            raise InputError(
                f"{source.name}: has a header of posts and rows of bars; name a column of its "
                "prices, as in --column close=NAME"
            )
        return posts

    def _digest(self, place: int) -> tuple[str, int]:
        return self.files[place].source.digest()

    def _account(self, place: int, posts: TweetFile) -> Account:
        """Begin the account of a file; it is finished if its content is stored already."""
        sha256, size = self._digest(place)
        account = begun_account(self.files[place].source, posts)
        account = replace(account, sha256=sha256, bytes=size)
        return unchanged(account, self.known[sha256]) if sha256 in self.known else account


def _facts(
    joined: JoinedSource, posts: pl.DataFrame, rejects: pl.DataFrame, unread: Sequence[pl.Series]
) -> pl.DataFrame:
    """Return a row for each file with a good record: what decides whether it leaves a doubt.

    Args:
        joined: the files.
        posts: byte_offset, posted, tweet_id, reason and inside: the time inside the id.
        rejects: of all files.
        unread: the byte offsets of posts with a value that could not be read.
    """
    tested = pl.col("inside").is_not_null() & pl.col("posted").is_not_null()
    of_posts = (
        joined.placed(posts)
        .group_by("part")
        .agg(
            posts=pl.len(),
            tested=tested.sum(),
            all_dated=pl.col("inside").is_not_null().all(),
            off=pl.col("reason").is_not_null().any(),
            whole_minutes=~shows_seconds(pl.col("posted")).any(),
            least_id=pl.col("tweet_id").min(),
            largest_id=pl.col("tweet_id").max(),
        )
    )
    of_rejects = joined.placed(rejects).group_by("part").agg(rejects=pl.len())
    odd = joined.parts_of(pl.concat(unread)).unique().to_list() if unread else []
    return (
        of_posts.join(of_rejects, on="part", how="left", maintain_order="left")
        .with_columns(pl.col("rejects").fill_null(0), unread=pl.col("part").is_in(odd))
        .with_columns(read=pl.col("posts") + pl.col("rejects"))
    )


def _unlike(joined: JoinedSource, read: ReadAlike) -> pl.DataFrame:
    """Return the ``part`` of each table with a row that might decide otherwise alone."""
    rows = joined.placed(pl.concat(read()))
    return rows.filter(~pl.col("alike")).select("part").unique()


def _doubts(posts: TweetFile, options: IngestOptions) -> pl.Expr:
    """Return whether a file (a row of ``_facts``) might be read in another way alone."""
    coarse = pl.col("whole_minutes") & (pl.col("posts") >= POSTS_TO_TELL)
    doubts = pl.col("off") | pl.col("unread") | coarse
    if not posts.alike:
        return doubts
    doubts |= pl.col("rejects") > 0
    if options.platform:
        return doubts
    if posts.dated:
        return doubts | ~pl.col("all_dated")
    smallest_dated = ID_TIMES["twitter"][-1]
    # Ids that count rows begin with 0 or 1.
    other = (pl.col("largest_id") >= smallest_dated) | (pl.col("least_id") <= 1)
    return doubts | other.fill_null(False)

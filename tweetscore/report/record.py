"""The content of a report, as a record: ``gather`` fills it, ``page`` lays it out."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tweetscore.evaluation.compare import Comparison
from tweetscore.evaluation.earnings import Earnings
from tweetscore.evaluation.figures import Figures
from tweetscore.report.subject import Subject
from tweetscore.study.runs import StudyRun
from tweetscore.study.summary import StudyResult


@dataclass(frozen=True, slots=True)
class Study:
    """A study whose runs the database holds."""

    result: StudyResult
    runs: tuple[StudyRun, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page shows. Every frame may be empty; its columns are always there.

    Unless stated otherwise, frames about predictions hold the subject's own, of its session, and
    only of tweets that it was not trained on.

    - sources: file, kind, format, symbol, clock, rows_read, stored, updated, duplicates, rejected,
      repaired; one row a file, in the order of ingesting.
    - rejects: file, reason, records, first_line; most frequent first.
    - tweets_by_platform: platform, tweets, authors, first_utc, last_utc.
    - bars_by_symbol: symbol, calendar, bars, first_utc, last_utc.
    - statuses: interval_minutes, status, predictions, of every split.
    - calibration: predicted, observed, low and high, at the shown interval: the curve of
      ``reliability`` and the band of a calibrated model.
    - roc: interval_minutes, false_positive_rate, true_positive_rate; at most 200 points each.
    - paths: series (a class of the subject's), offset_minutes (-30 to 60), mean_bps, its band
      low_bps and high_bps, placebo_bps, its envelope placebo_low_bps and placebo_high_bps, events,
      days; see ``event_study``.
    - scores: low, high, split, predictions; 50 bins of the probability at the shown interval.
    - by_hour: hour_utc (0 to 23), tweets. by_month: month (a date, its first day), tweets,
      with_window: those that meet a window with both prices at the shown interval.
    - words: class, word, z, p_adjusted, texts_in_class, texts_elsewhere; at most 20 of each class,
      none where chance explains all.
    - tweets: kind (strongest, most wrong), posted_utc, author, text, probability, predicted,
      outcome, return_bps, correct, split.
    """

    title: str
    made_utc: datetime
    database: str  # the file's name
    sources: pl.DataFrame
    rejects: pl.DataFrame
    tweets_by_platform: pl.DataFrame
    bars_by_symbol: pl.DataFrame
    subject: Subject | None  # None where nothing of direction or move is scored
    session: str  # regular or extended
    shown_minutes: int | None  # the interval shown; None without windows
    verdict: str  # one sentence
    sentences: tuple[str, ...]  # one an interval, and of a frozen model its record
    figures: tuple[Figures, ...]
    earnings: tuple[Earnings, ...]  # none but of direction
    comparison: Comparison | None  # of all models; None where there are no two to compare
    statuses: pl.DataFrame
    calibration: pl.DataFrame
    calibration_p: float | None  # of a calibrated model whose curve strays as far
    roc: pl.DataFrame
    paths: pl.DataFrame
    paths_words: tuple[str, ...]  # how they compare with their placebos
    scores: pl.DataFrame
    by_hour: pl.DataFrame
    by_month: pl.DataFrame
    words: pl.DataFrame
    words_method: str  # how they were found, in one or two sentences
    tweets: pl.DataFrame
    studies: tuple[Study, ...]
    made: tuple[tuple[str, str], ...]  # what and value: versions, hashes, commands

    @property
    def of_subject(self) -> tuple[Figures, ...]:
        """The figures of the subject's symbol, or of all its symbols together."""
        wanted = self.subject.symbol if self.subject else None
        return tuple(each for each in self.figures if each.symbol == wanted)

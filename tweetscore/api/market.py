"""What an open database says of trading by its predictions, frozen models, abnormal returns."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tweetscore.api.common import Progress, Session, load_own, need, silent
from tweetscore.evaluation import EFFECT_AUC

if TYPE_CHECKING:  # what a command does not need, it does not wait for
    import polars as pl

    from tweetscore.evaluation.compare import Comparison
    from tweetscore.evaluation.earnings import Earnings
    from tweetscore.evaluation.figures import Figures
    from tweetscore.evaluation.forward_record import ForwardRecord
    from tweetscore.ingest.abnormal import AbnormalBars
    from tweetscore.ingest.links import Linked
    from tweetscore.market.news import News
    from tweetscore.report.record import Report
    from tweetscore.scoring.bundle import Bundle
    from tweetscore.scoring.freeze import Frozen
    from tweetscore.scoring.given import GivenAccount
    from tweetscore.store.database import Store


def read_news(file: str | Path, *, minutes: int = 30, clock: str | None = None) -> "News":
    """Read times of scheduled news, near which ``evaluate`` and ``report`` then count no window.

    Args:
        file: a table with a column of times, or of days and times of day.
        minutes: how near a window may not come.
        clock: of times without a zone, as America/New_York.
    """
    from tweetscore.market.news import read_news

    return read_news(Path(file), clock, minutes)


class MarketResults:
    """The part of a ``Database`` that needs nothing but its store."""

    store: "Store"

    def _repr_html_(self) -> str:
        """Show in a notebook what the database holds."""
        import duckdb

        from tweetscore.io.html.frames import frames_html
        from tweetscore.store.database import statement

        shown = {"files": "sources", "posts": "tweets", "bars": "bars", "scores": "models"}
        try:
            frames = {
                name: self.store.frame(statement(f"query/info/{section}"))
                for name, section in shown.items()
            }
        except duckdb.ConnectionException:
            return frames_html(f"{self.store.path} (closed)", {})
        held = any(each.height for each in frames.values())
        return frames_html(f"{self.store.path}{'' if held else ': nothing was read yet'}", frames)

    def link(
        self,
        rules: str | Path | None = None,
        *,
        cashtags: bool = False,
        progress: Progress | None = None,
    ) -> "Linked":
        """Link posts to symbols by rules; from then on each post meets only these.

        Args:
            rules: a table with the columns symbol, kind (cashtag, hashtag, word, phrase or author)
                and term, and perhaps valid_from and valid_until, days or times in UTC; it replaces
                the rules that are there. None keeps them, and links what came since.
            cashtags: make a rule for each symbol that has bars instead.
            progress: called with a label, the posts done and None.

        Returns:
            How many posts were linked, and each rule with the posts that it links.

        Raises:
            InputError: a rule cannot be used, or there is none; nothing is changed.
        """
        from tweetscore.ingest.links import link

        on_rows = progress or silent
        return link(
            self.store,
            Path(rules) if rules is not None else None,
            lambda label, posts: on_rows(label, posts, None),
            cashtags=cashtags,
        )

    def link_rules(self) -> "pl.DataFrame":
        """Return each rule with the posts that it links, and their share of all posts."""
        from tweetscore.ingest.links import link_rules

        return link_rules(self.store)

    def unlink(self) -> int:
        """Remove all rules and links: each post meets each symbol. Return the number of rules."""
        from tweetscore.ingest.links import unlink

        return unlink(self.store)

    def posts_to_link(self) -> int:
        """Return how many posts no rule has been held against yet; 0 where there is no rule."""
        from tweetscore.ingest.links import posts_to_link

        return posts_to_link(self.store)

    def import_predictions(
        self,
        file: str | Path,
        model: str,
        *,
        trained_until: str | date | None = None,
        interval_minutes: int | None = None,
        reads_as: str | None = None,
        platform: str | None = None,
        clock: str | None = None,
        columns: Mapping[str, str] | None = None,
        encoding: str | None = None,
        storage_options: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> "GivenAccount":
        """Add somebody's predictions of stored posts: a probability of a rise, or up or down.

        Args:
            file: CSV, TSV, JSON or Parquet with the id of a post in each row, here or in a bucket.
            model: the name under which they are judged; more files of one name are one model.
            trained_until: until when the model may have seen posts and prices, in UTC; a day,
                month or year counts to its end. Without it nothing can be tested.
            interval_minutes: how far ahead all are, where no column says it.
            reads_as: which classes mean up and which down, as in ``up=bullish,down=bearish``; half
                of any other counts as up.
            platform: of the ids; without it, whichever platform has the id here.
            clock: of the times at which they were made, where these carry no zone.
            columns: our names and those of the file, as in ``{"probability": "p_up"}``.
            encoding: of the text, as Python calls it, like cp1252; None: told by the bytes.
            storage_options: how a bucket is reached, as in ``score_files``.
            progress: called with the file, its rows read so far, and None.

        Returns:
            What became of every row.

        Raises:
            InputError: the file cannot be used, or says nothing of a post here; nothing is changed.
        """
        from tweetscore.io.places import path_or_place
        from tweetscore.market.horizons import Horizon
        from tweetscore.scoring.given import import_predictions
        from tweetscore.scoring.given_rows import open_given
        from tweetscore.scoring.seen import seen_until

        on_rows = progress or silent
        given = open_given(
            path_or_place(file, storage_options), columns or {}, reads_as=reads_as,
            platform=platform, clock=clock, encoding=encoding,
            horizon=None if interval_minutes is None else Horizon(interval_minutes),
        )  # fmt: skip
        until_utc = None if trained_until is None else seen_until(trained_until)
        return import_predictions(
            self.store, given, model, until_utc, lambda name, rows: on_rows(name, rows, None)
        )

    def derive_abnormal(
        self,
        symbol: str | None = None,
        benchmark: str | None = None,
        *,
        in_volatility: bool = False,
        past_days: int = 20,
        session: Session = "regular",
    ) -> "AbnormalBars":
        """Store bars of what a symbol moves beyond its market, as a symbol of their own.

        Args:
            symbol: whose bars; None where there is one.
            benchmark: the market: the market model of the dates before is taken away.
            in_volatility: one basis point of the new symbol is the usual move of a minute.
            past_days: so many trading dates before each are looked at.
            session: the trading hours that count.

        Returns:
            The new symbol, ``SYMBOL~BENCHMARK`` or with ``~VOL`` behind it, and its bars.
        """
        from tweetscore.ingest.abnormal import derive_abnormal

        return derive_abnormal(
            self.store,
            symbol,
            benchmark,
            in_volatility=in_volatility,
            past_days=past_days,
            session=session,
        )

    def freeze(self, model: "str | Path | Bundle" = "reference") -> "Frozen":
        """Note a model and the moment: from now on, what it predicts is a forward record.

        Args:
            model: a folder, the name of a shipped model, or a loaded one.

        Returns:
            The model, the hash of its files, and since when it is frozen. Once more changes
            nothing; a model that has changed starts anew.
        """
        from tweetscore.scoring.freeze import freeze

        return freeze(self.store, load_own(model))

    def forward(
        self, model: str | None = None, *, session: Session = "regular"
    ) -> "list[ForwardRecord]":
        """Measure what frozen models have predicted of posts after their freeze.

        Args:
            model: the name or id of one; without it, all that were frozen.
            session: the trading hours whose prices are compared.

        Returns:
            Evidence that may be looked at every day, for each model, symbol and interval.
        """
        from tweetscore.evaluation.forward_record import forward_records

        return forward_records(self.store, model=model, session=session)

    def evaluate(
        self,
        model: str | None = None,
        *,
        session: Session = "regular",
        from_utc: datetime | None = None,
        until_utc: datetime | None = None,
        effect_auc: float = EFFECT_AUC,
        news: "News | None" = None,
        on_message: Callable[[str], None] | None = None,
    ) -> "list[Figures]":
        """Compare the stored scores with what the price did, on posts not used in training.

        A look at a part of the posts, by span, another session or news, is noted in the database
        unless it is open for reading only, and every later p is corrected for it.

        Args:
            model: the name or id of a model whose scores are stored; without it, all of them.
            session: the trading hours whose prices are compared.
            from_utc: only posts from this time on.
            until_utc: only posts before this time.
            effect_auc: what the days must be able to show for a verdict of no signal.
            news: times near which no window counts; see ``tweetscore.read_news``.
            on_message: called with how many predictions were left out.

        Returns:
            One set of figures for each model, symbol and interval.
        """
        from tweetscore.evaluation.evaluate import evaluate

        span = {"from_utc": from_utc, "until_utc": until_utc}
        return evaluate(
            self.store, model=model, session=session, effect_auc=effect_auc,
            news=news, on_message=on_message or silent, **span,
        )  # fmt: skip

    def compare(self, models: Sequence[str] = (), *, session: Session = "regular") -> "Comparison":
        """Compare models on the posts that all have predicted and none of them may have seen.

        Args:
            models: names or ids; without any, all that predict the direction.
            session: the trading hours whose prices are compared.

        Returns:
            The models by interval and symbol, the best first, and each pair of them.

        Raises:
            InputError: a model is unknown, there are not two, or they share no row.
        """
        from tweetscore.evaluation.compare import compare

        return compare(self.store, models, session=session)

    def earnings(
        self,
        model: str | None = None,
        *,
        session: Session = "regular",
        from_utc: datetime | None = None,
        until_utc: datetime | None = None,
        costs_bps: Sequence[float] | None = None,
        news: "News | None" = None,
    ) -> "list[Earnings]":
        """Measure what trading by the stored scores of direction would earn.

        Args:
            model: the name or id of a model whose scores are stored; without it, all of them.
            session: the trading hours whose prices are compared.
            from_utc: only posts from this time on.
            until_utc: only posts before this time.
            costs_bps: of a round trip, in basis points; without them 1, 2 and 5.
            news: times near which no window counts; see ``tweetscore.read_news``.

        Returns:
            Basis points per entry with 95 % intervals, for each model, symbol and interval that
            has posts from its test part on.
        """
        from tweetscore.evaluation.earnings import COSTS_BPS, earnings

        span = {"from_utc": from_utc, "until_utc": until_utc}
        costs = COSTS_BPS if costs_bps is None else tuple(costs_bps)
        return earnings(
            self.store, model=model, session=session, costs_bps=costs, news=news, **span
        )

    def report(
        self,
        output: str | Path,
        *,
        model: str | None = None,
        symbol: str | None = None,
        session: Session = "regular",
        interval_minutes: int | None = None,
        news: "News | None" = None,
        on_step: Callable[[str], None] = silent,
    ) -> "Report":
        """Write one self-contained web page about the database and what its scores are worth.

        Args:
            output: the file of the page; one that is already there is replaced.
            model: the name or id of the model, if there are several.
            symbol: the one to compare with; without it, all that the model has learned from.
            session: the trading hours whose prices are compared.
            interval_minutes: the interval shown in detail; 30 if it is scored.
            news: times near which no window counts; see ``tweetscore.read_news``.
            on_step: called with what is done next.

        Returns:
            Everything that the page shows.

        Raises:
            InputError: the output is the database itself.
            IntegrityError: a view of the database is not that of this version.
        """
        need("report", "a report")
        from tweetscore.io.new_file import check_apart, new_file
        from tweetscore.report.gather import gather
        from tweetscore.report.page import page
        from tweetscore.store.database import check_derived

        check_apart(Path(output), self.store.path)
        check_derived(self.store)
        found = gather(
            self.store,
            model=model,
            symbol=symbol,
            session=session,
            interval_minutes=interval_minutes,
            news=news,
            on_step=on_step,
        )
        on_step("drawing the page")
        with new_file(Path(output)) as file:
            file.write(page(found).encode())
        return found

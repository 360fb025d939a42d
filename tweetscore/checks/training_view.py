"""Compare what a model's training saw with what the code of today would let it see.

A database and a bundle enter; checks of vocabulary, normalisation, thresholds, vectors, parts,
copies and the choice of the epoch leave.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from tweetscore.checks.doctor import Check
from tweetscore.checks.held_out import knew_test, near_copies
from tweetscore.checks.replica import (
    DAY,
    EXAMPLES,
    REBUILD,
    REPLICAS,
    Facts,
    Span,
    differences,
    leak_verdict,
    replica_of,
    timeless,
)
from tweetscore.errors import TweetscoreError
from tweetscore.ingest.abnormal import FORMAT
from tweetscore.market.horizons import Horizon
from tweetscore.market.links import rules_of
from tweetscore.market.news import news_of
from tweetscore.market.sessions import exchange_sessions
from tweetscore.market.targets import Target
from tweetscore.posts.canonical import COUNTS
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.predictors import Predictor
from tweetscore.store.database import Store
from tweetscore.store.trials import symbols_of
from tweetscore.text.rules import TextRules
from tweetscore.text.vocabulary import Vocabulary
from tweetscore.training.dataset import clean_rows, market_rows, texts_until
from tweetscore.training.features import Prepared, prepare, prepare_market
from tweetscore.training.options import TrainingOptions
from tweetscore.training.split import PARTS, Split, same_text

MOST_REREAD = 2_000_000  # tweets from which training's view is derived again
MOST_POSTS = 50_000  # on which word vectors are trained again, in each replica
DIMENSIONS = 16  # of these vectors: a leak shows in any number
LOSS_TOLERANCE = 1e-3  # a GPU's own rounding moves a mean loss less than that

RETRAIN = "do not trust its figures; train it again with: tweetscore train"


def training_checks(store: Store, bundle: Bundle) -> Iterator[Check]:
    """Check what a model's card says about its training, by itself and against the database."""
    yield _best_epoch(bundle)
    yield _dates(store, bundle)
    why_not = _why_not(store, bundle)
    if not why_not:
        try:
            yield from _derived_again(store, bundle)
        except TweetscoreError as error:
            why_not = str(error)
    if why_not:
        yield Check(f"training {bundle.name}", None, f"not derived again: {why_not}")


def _best_epoch(bundle: Bundle) -> Check:
    training = bundle.card.get("training") or {}
    history = training.get("history") or []
    losses = {epoch["number"]: epoch["held_out_loss"] for epoch in history}
    best, recorded = min(losses, key=losses.__getitem__, default=None), training.get("best_epoch")
    leak = (
        f"its card names epoch {recorded} as the best, but epoch {best} has the lowest loss on the "
        "held-out part"
    )
    leaks = [leak] if losses and best != recorded else []
    return leak_verdict(
        f"best_epoch {bundle.name}", len(losses), "epochs on its card", leaks, RETRAIN
    )


def dated_split(bundle: Bundle) -> Split | None:
    """Return where the parts of a bundle's split begin, where its card has dates."""
    dates = bundle.card.get("split") or {}
    if not set(Split.__slots__) <= set(dates):
        return None
    return Split(*(datetime.fromisoformat(dates[name]) for name in Split.__slots__))


def _dates(store: Store, bundle: Bundle) -> Check:
    """Check the order of the dates, and that a trading day lies between training and validation."""
    split = dated_split(bundle)
    if not split:
        return Check(f"split {bundle.name}", None, "its card has no dates")
    dates = [(name, getattr(split, name)) for name in Split.__slots__]
    leaks = [
        f"{later} {end} is not after {sooner} {begin}"
        for (sooner, begin), (later, end) in pairwise(dates)
        if end <= begin
    ]
    first, last = split.train_until_utc, split.validation_from_utc
    query = "SELECT DISTINCT calendar FROM symbols WHERE symbol IN (SELECT unnest($symbols))"
    symbols = list(symbols_of(bundle.card))
    for (calendar,) in store.rows(query, symbols=symbols) if not leaks else ():
        inside = (pl.col("open_utc") >= first, pl.col("close_utc") <= last)
        if exchange_sessions(calendar, first.date(), last.date()).filter(*inside).is_empty():
            leaks = [f"no trading day lies between train_until_utc {first} and validation {last}"]
    return leak_verdict(f"split {bundle.name}", len(dates), "dates on its card", leaks, RETRAIN)


def _why_not(store: Store, bundle: Bundle) -> str | None:
    """Say why this database cannot show what the model's training may have seen."""
    card = bundle.card
    sources = {sha256 for (sha256,) in store.rows("SELECT sha256 FROM sources")}
    derived = {
        sha256
        for (sha256,) in store.rows("SELECT sha256 FROM sources WHERE format = $it", it=FORMAT)
    }
    symbols = {symbol for (symbol,) in store.rows("SELECT symbol FROM symbols")}
    (tweets,) = store.row("SELECT count(*) FROM tweets")
    if not dated_split(bundle) or not symbols_of(card) or "training" not in card:
        return "its labels are not from a market, or its card has no dates"
    if (
        not symbols.issuperset(symbols_of(card))
        or {each["sha256"] for each in card["data"]} - derived != sources - derived
    ):
        return "it was trained on other files than those in this database"
    if card.get("link_rules", []) != rules_of(store, symbols_of(card)):
        return "its posts were linked to its symbols by other rules than those in this database"
    if "encoder" in card:
        return "it is made of heads on an encoder, which only training again can show"
    if card["training"].get("shuffle_labels") is True:
        return "its labels were shuffled, as an older version did"
    if tweets > MOST_REREAD:
        return f"{tweets:,} tweets are more than {MOST_REREAD:,}, the most that it reads again"
    return None


def _options(store: Store, bundle: Bundle) -> TrainingOptions:
    """Return the options on the card, as far as they decide what training sees."""
    card, training = bundle.card, bundle.card["training"]
    target = training.get("target") or asdict(bundle.target)
    (posts,) = store.row("SELECT count(*) FROM tweets")
    archive = training["vectors"] == "archive" and posts <= MOST_POSTS
    same = ("vocabulary_size", "max_tokens", "counts", "seed")
    return TrainingOptions(
        intervals=bundle.horizons,
        symbols=symbols_of(card),
        session=card["session"],
        target=Target(**{**target, "classes": tuple(target["classes"])}),
        vectors="archive" if archive else "random",  # those of a file know nothing of these posts
        embedding_dim=min(training["embedding_dim"], DIMENSIONS),
        **{name: training[name] for name in same},
    )


def _derived_again(store: Store, bundle: Bundle) -> Iterator[Check]:
    """Prepare again what training sees, in each replica; then compare the model with the whole."""
    symbols, options = symbols_of(bundle.card), _options(store, bundle)
    split = dated_split(bundle)
    assert split  # as _why_not has looked
    first, last = store.row(
        "SELECT min(minute_utc), max(minute_utc) FROM bars "
        "WHERE symbol IN (SELECT unnest($symbols))",
        symbols=list(symbols),
    )
    posts_from = first - DAY if options.vectors == "random" else datetime.min
    # A label may reach up to the validation part; nothing else may come from after train_until.
    span = Span(
        symbols, first, last + DAY, posts_from, split.validation_from_utc, split.train_until_utc,
        MOST_REREAD,
    )  # fmt: skip
    with replica_of(store, span, "whole", bundle.horizons) as replica:
        # By the text rules of the model, which may be older than those of today.
        rules, news = TextRules.from_dict(bundle.card["text_rules"]), news_of(bundle.card)
        whole = prepare_market(replica, options, rules, news)
        left_out = _left_out(replica, options, whole)
    yield _features(store, bundle, span, options, whole)
    yield from _compared(store, bundle, whole, left_out)
    texts = sum(len(part) for part in whole.parts.values())
    copies, late = _copies(whole), _late_exits(whole)
    yield leak_verdict(f"copies {bundle.name}", texts, "texts of its parts", copies, RETRAIN)
    yield leak_verdict(f"purge {bundle.name}", texts, "texts' windows of its parts", late, RETRAIN)
    scorer = bundle.load()
    yield _chosen_on(bundle, whole, scorer)
    yield knew_test(bundle.name, scorer, whole)
    yield near_copies(bundle.name, whole)


def _features(
    store: Store, bundle: Bundle, span: Span, options: TrainingOptions, whole: Prepared
) -> Check:
    """Compare what training starts from with what it is in the other replicas."""
    seen, leaks = _seen(whole), list[str]()
    for kind, words in REPLICAS.items():
        with replica_of(store, span, kind, bundle.horizons) as replica:
            other = _seen(_prepared_like(whole, replica, options))
        for name, facts in seen.items():
            leaks += differences(facts, other[name], words.format(span.posts_moment_utc))
    compared = len(REPLICAS) * sum(facts.height for facts in seen.values())
    scope = f"facts at the end of the training part, {options.vectors} vectors among them"
    return leak_verdict(f"features {bundle.name}", compared, scope, leaks, REBUILD)


def _cut(whole: Prepared) -> Split:
    assert whole.split  # a market's rows have times
    return whole.split


def _rows(replica: Store, options: TrainingOptions, whole: Prepared) -> pl.DataFrame:
    rows = market_rows(
        replica,
        whole.symbols,
        options.session,
        options.intervals,
        with_counts=options.counts,
        keep_flat=options.target.kind.keeps_flat,
        news=whole.news,
    )
    return clean_rows(rows, whole.rules)


def _prepared_like(whole: Prepared, replica: Store, options: TrainingOptions) -> Prepared:
    """Prepare another replica's rows with the parts of the whole.

    The dates are kept, because they depend on the number of rows; so are the texts of the later
    parts, whose earlier copies are dropped.
    """
    split, close = _cut(whole), pl.col("close_utc")
    later = pl.concat(whole.parts[name].rows.select(same_text()) for name in PARTS[1:]).to_series()
    part = (
        pl.when(close > split.test_from_utc)
        .then(pl.lit("test"))
        .when(close > split.validation_from_utc)
        .then(pl.lit("validation"))
        .when(close <= split.train_until_utc, ~same_text().is_in(later.implode()))
        .then(pl.lit("train"))
    )
    rows = _rows(replica, options, whole).with_columns(part=part).drop_nulls("part")
    return prepare(
        rows,
        split,
        options,
        whole.rules,
        symbols=whole.symbols,
        posts_until=lambda end: texts_until(replica, end),
    )


def _learned(
    words: Sequence[str], normalisation: dict[str, Any] | None, thresholds: dict[Any, float]
) -> dict[str, Facts]:
    """Return the facts about its training part that a bundle records."""
    numbers = {
        f"{name} of the log of {count}": number
        for name in ("mean", "std")
        for count, number in zip(COUNTS, (normalisation or {name: ()})[name], strict=False)
    }
    limits = {
        f"threshold of {Horizon(minutes).words}": limit for minutes, limit in thresholds.items()
    }
    return {
        "vocabulary": timeless(
            [
                *((f"word {word}", "known") for word in words),
                ("order of words", zlib.crc32("\n".join(words).encode())),
            ]
        ),
        # Sums differ in their last digits from machine to machine.
        "normalisation": timeless((row, f"{number:.9g}") for row, number in numbers.items()),
        "thresholds": timeless((row, f"{limit:.9g}") for row, limit in limits.items()),
    }


def _seen(prepared: Prepared) -> dict[str, Facts]:
    """Return the facts that training starts from: these, its vectors and its labels."""
    train, words = prepared.parts["train"], prepared.vocabulary.words
    names = ("platform", "tweet_id", "symbol")
    tweets = train.rows.select(pl.format("labels of {} {} on {}", *names)).to_series()
    vectors = zip(words, prepared.vectors.matrix, strict=True)
    return _learned(words, prepared.normalisation, prepared.thresholds) | {
        "vectors": timeless(
            (f"vector of {word}", zlib.crc32(each.tobytes())) for word, each in vectors
        ),
        "labels": timeless(zip(tweets, train.labels.tolist(), strict=True)),
    }


def _left_out(replica: Store, options: TrainingOptions, whole: Prepared) -> list[str]:
    """Name the tweets before the end of the training part that do not belong to it."""
    before_end = pl.col("close_utc") <= _cut(whole).train_until_utc
    rows = _rows(replica, options, whole).filter(before_end)
    key = ["platform", "tweet_id", "symbol"]
    out = rows.join(whole.parts["train"].rows, on=key, how="anti")
    return out.select(pl.format("{} {}", "platform", "tweet_id")).to_series().to_list()


def _compared(
    store: Store, bundle: Bundle, whole: Prepared, left_out: list[str]
) -> Iterator[Check]:
    """Compare what the bundle records of its training with what it may have seen."""
    card, split = bundle.card, _cut(whole)
    words = Vocabulary.load(bundle.vocabulary_path).words
    recorded = _learned(words, card["counts"], card.get("thresholds_bps") or {})
    dates = {name: getattr(split, name).isoformat() for name in Split.__slots__}
    sizes = {name: each.get("texts", each.get("tweets")) for name, each in card["rows"].items()}
    (posts,) = store.row(
        "SELECT count(*) FROM tweets WHERE posted_utc < $until", until=split.train_until_utc
    )
    source = card["vectors"]["source"]
    trained = source.startswith("trained on ")
    recorded["parts"] = timeless([*card["split"].items(), *sizes.items()])
    recorded["vectors"] = timeless([("vectors", source)] * trained)
    may = _learned(whole.vocabulary.words, whole.normalisation, whole.thresholds) | {
        "parts": timeless(
            [*dates.items(), *((name, len(each)) for name, each in whole.parts.items())]
        ),
        "vectors": timeless([("vectors", f"trained on {posts:,} posts")] * trained),
    }
    out = f"; left out before its end: {', '.join(left_out[:EXAMPLES])}" if left_out else ""
    for name, facts in recorded.items():
        elsewhere = f"by today's rules{out if name == 'parts' else ''}"
        leaks = differences(facts, may[name], elsewhere)
        yield leak_verdict(
            f"{name} {bundle.name}", facts.height, "facts on its card", leaks, RETRAIN
        )


def _copies(whole: Prepared) -> list[str]:
    """Name texts of the training part that are in a later part, too."""
    train, *later = (
        whole.parts[name].rows.select("platform", "tweet_id", same=same_text(), part=pl.lit(name))
        for name in PARTS
    )
    both = train.join(pl.concat(later).unique("same", keep="first"), on="same").sort("tweet_id")
    names = ("platform", "tweet_id", "tweet_id_right", "part_right")
    return [
        f"{platform} {tweet} of train has the text of {copy} of {part}"
        for platform, tweet, copy, part in both.select(names).iter_rows()
    ]


def _late_exits(whole: Prepared) -> list[str]:
    """Name labels that reach past the end of their part."""
    split = _cut(whole)
    ends = {"train": split.validation_from_utc, "validation": split.test_from_utc}
    return [
        f"{platform} {tweet} of {part} has a label of {late}, after {end}"
        for part, end in ends.items()
        for name in whole.parts[part].rows.columns
        if name.startswith("exit_")
        for platform, tweet, late in whole.parts[part]
        .rows.filter(pl.col(name) > end, pl.col(name.replace("exit", "outcome")).is_not_null())
        .select("platform", "tweet_id", name)
        .iter_rows()
    ]


def _chosen_on(bundle: Bundle, whole: Prepared, scorer: Predictor) -> Check:
    """Measure again the loss that chose the best epoch: it must be that of the validation part."""
    training = bundle.card["training"]
    losses = {name: _loss(scorer, whole, name) for name in PARTS[1:]}
    leak = (
        f"epoch {training['best_epoch']} was chosen by a loss of {training['validation_loss']:.6f},"
        f" but the model has {losses['validation']:.6f} on validation, {losses['test']:.6f} on test"
    )
    unlike = abs(losses["validation"] - training["validation_loss"]) > LOSS_TOLERANCE
    texts = len(whole.parts["validation"])
    scope = "validation texts with the loss that chose the epoch"
    return leak_verdict(f"chosen_on {bundle.name}", texts, scope, [leak] * unlike, RETRAIN)


def _loss(scorer: Predictor, whole: Prepared, name: str) -> float:
    """Return the mean over the heads of the cross-entropy, as training measures it."""
    part = whole.parts[name]
    labels = part.labels  # (rows, heads)
    found = scorer.probabilities(part.rows).probabilities  # (rows, heads, classes)
    likelihood = np.take_along_axis(found, np.maximum(labels, 0)[:, :, None], 2)[:, :, 0]
    logs = np.where(labels < 0, np.nan, np.log(np.maximum(likelihood, 1e-30)))
    return float(-np.nanmean(np.nanmean(logs[:, (labels >= 0).any(0)], 0)))

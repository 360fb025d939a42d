"""Evaluate a model on a user's own labels: a bundle and labelled rows enter, figures leave."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from tweetscore.errors import InputError
from tweetscore.evaluation import EFFECT_AUC
from tweetscore.evaluation.caveats import caveat_of
from tweetscore.evaluation.figures import Figures, figures, majority_places, with_verdicts
from tweetscore.market.horizons import NO_HORIZON
from tweetscore.scoring.bundle import Bundle
from tweetscore.store.trials import Trial, carried
from tweetscore.training.dataset import clean_rows, texts_hash
from tweetscore.training.labelled import Labelled, split_labelled
from tweetscore.training.learned_texts import are_learned


@dataclass(frozen=True, slots=True)
class LabelledFigures:
    """The figures of a model on a file, and which rows they cover."""

    figures: list[Figures]
    fact: str  # which rows they cover, in words


def evaluate_labelled(
    bundle: Bundle, table: Labelled, file: Path, effect_auc: float = EFFECT_AUC
) -> LabelledFigures:
    """Score the rows of a file that the model was not trained on, and compare with their labels.

    Of the file that the model was trained on, only the test part counts; of another, no text that
    it has learned from, and where both have times only what is later than its training and
    validation parts.

    Raises:
        InputError: the model does not predict labels, or not these, or no row is left.
    """
    if bundle.target.kind.is_market:
        raise InputError(
            f"{bundle.path}: predicts the market's {bundle.target.name}, not labels; "
            "leave out --labelled"
        )
    if unknown := [name for name in table.classes if name not in bundle.classes]:
        raise InputError(
            f"{file}: has the label {unknown[0]!r}, which {bundle.path} does not know; it predicts "
            f"{', '.join(bundle.classes)}"
        )
    places = {place: bundle.classes.index(name) for place, name in enumerate(table.classes)}
    rows, fact, before = _unseen(bundle, table)
    scored = bundle.load().probabilities(rows)
    if scored.rows.is_empty():
        raise InputError(f"{file}: no row is left that the model was not trained on; {fact}")
    days = scored.rows["session_date"].to_physical().cast(pl.Int64)
    majority = majority_places(bundle.card).get(NO_HORIZON)
    tests = 1 + sum(each.tests for each in before)
    found = figures(
        scored.probabilities[:, 0].astype(float),
        scored.rows["label"].replace_strict(places, return_dtype=pl.Int64).to_numpy(),
        days.to_numpy(),
        tried=tests,
        majority=None if majority is None else np.full(scored.rows.height, majority),
    )
    named = replace(
        found,
        model=bundle.name,
        model_id=bundle.model_id,
        target=bundle.target.name,
        models_tried=1 + len(before),
        caveat=caveat_of(bundle.card),
    )
    return LabelledFigures(
        with_verdicts([named], effect_auc, tried=tests), "; ".join([fact, *table.warnings])
    )


def _unseen(bundle: Bundle, table: Labelled) -> tuple[pl.DataFrame, str, list[Trial]]:
    """Return the rows that the model was not trained on, which ones they are, and who saw them."""
    if table.sha256 in {source["sha256"] for source in bundle.card.get("data", ())}:
        _, rows = split_labelled(table, bundle.text_rules, bundle.card["training"]["seed"])
        test = rows.filter(pl.col("part") == "test")
        if texts_hash(test["text"]) != bundle.card["rows"]["test"]["sha256"]:
            raise InputError(
                f"{bundle.path}: was trained on the same file, read in another way; "
                "give the --column and --encoding options of its training"
            )
        return test, "the test part of the file that it was trained on", carried(bundle.card)
    rows = clean_rows(table.rows, bundle.text_rules)
    test_from_utc, learned = bundle.knows_until_utc, bundle.learned_texts
    timed = table.has_times and test_from_utc is not None
    if timed:
        rows = rows.filter(pl.col("posted_utc") >= test_from_utc)
    fact = f"rows from {test_from_utc} on" if timed else "all rows"
    if learned is not None:
        again = are_learned(rows, learned)
        rows = rows.filter(~again)
        fact += f", but for {again.sum():,} whose texts it has learned from"
    elif not timed:
        fact += ": without times, copies of texts from its training cannot be excluded"
    day = pl.col("posted_utc").dt.date() if timed else pl.int_range(pl.len())
    return rows.with_columns(session_date=day), fact, []

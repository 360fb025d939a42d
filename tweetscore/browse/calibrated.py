"""Hold a model's probabilities against what came true: a store enters, a curve leaves."""

from math import inf

import polars as pl

from tweetscore.browse.asked import Asked
from tweetscore.browse.conditions import named_in
from tweetscore.browse.facts import Facts, choose_market
from tweetscore.browse.pieces import entry_minutes, rows_statement
from tweetscore.evaluation.curves import calibration_curve
from tweetscore.store.database import Store, statement


def read_calibration(
    store: Store, facts: Facts, model_id: str, interval: str
) -> tuple[pl.DataFrame, float | None]:
    """Return the curve of a model of the market in the regular session, and its p-value."""
    rows = read_outcomes(store, facts, model_id, interval)
    return calibration_curve(rows)


def read_outcomes(store: Store, facts: Facts, model_id: str, interval: str) -> pl.DataFrame:
    """Return what was predicted, to the thousandth, and how often it came true, day by day."""
    market = choose_market(facts, Asked(model=model_id, interval=interval))
    text = statement("browse/outcomes").replace("($rows)", f"({rows_statement(market)})")
    text = text.replace("($minutes)", f"({entry_minutes(market)})")
    whole = {"sign": 1, "begins": -inf, "ends": inf}  # all returns
    return store.frame(text, **named_in(text, market.values(predictions=True) | whole))

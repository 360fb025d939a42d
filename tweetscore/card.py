"""Word a bundle's card for people: the card's record enters, Markdown leaves."""

from collections.abc import Sequence
from typing import Any

from tweetscore.evaluate import Figures, overall_verdict

NONE = "-"


def model_card(card: dict[str, Any]) -> str:
    """Return the model card: what it is, its figures out of sample, how it was made, its limits."""
    split, config, training = card["split"], card["config"], card["training"]
    train, validation, test = (card["rows"][part] for part in ("train", "validation", "test"))
    vectors = card["vectors"]
    found = [Figures(**each) for each in card["figures"]]
    minutes = ", ".join(map(str, card["intervals"]))
    data = ", ".join(f"{each['name']} ({each['sha256'][:12]})" for each in card["data"])
    versions = ", ".join(f"{name} {number}" for name, number in card["versions"].items())
    return f"""\
# {card["name"]}

The probability that {card["symbol"]} is higher N minutes after a tweet, for N = {minutes}, in the
{card["session"]} session.

**{overall_verdict(found)}** A score is not advice.

## Out of sample

The test part holds {test["tweets"]:,} tweets on {test["days"]:,} trading days, from
{split["test_from_utc"]} to {split["test_until_utc"]} UTC. It was read once, after the best epoch
had been chosen on validation.

{_markdown(*figure_table(found))}

Majority is the share of the more frequent outcome in the same rows; bag of words is a logistic
regression on word counts, trained on the same training part. Excess is accuracy less majority in
percentage points, its interval a bootstrap over trading days; p draws the signs of the days at
random and is corrected for the number of intervals (Holm).

## How it was made

- Training part: {train["tweets"]:,} tweets on {train["days"]:,} trading days, from
  {split["train_from_utc"]} to {split["train_until_utc"]} UTC. Validation: {validation["tweets"]:,}
  tweets on {validation["days"]:,} trading days. One trading day of embargo before each boundary;
  windows that reach past one are purged; of a text in two parts the earlier copy went.
- Network: embedding {config["vocabulary_size"]:,} x {config["embedding_dim"]}, one LSTM layer of
  {config["hidden"]}, the state at the last token, {config["heads"]} heads.
- Vectors: {vectors["source"]}; {vectors["covered"]:,} of {vectors["words"]:,} words covered.
- Best of {training["epochs_run"]} epochs: {training["best_epoch"]}; seed {training["seed"]};
  trained on {training["device"]}.
- The exported graph is within {card["parity"]["graph"]:.1e} in probability of torch in float64,
  torch itself in float32 within {card["parity"]["float32"]:.1e}.
- With `--precision int8` the scores are others. Over the texts of training and validation
  {worded_drift(card["int8_drift"]["learned"])}; over random texts
  {worded_drift(card["int8_drift"]["random"])}.
- Data, with sha256: {data}.
- Versions: {versions}.

## Limits

{_limits(card)}
"""


def worded_drift(drift: dict[str, Any]) -> str:
    """Word how far the probabilities in int8 are from those in float32, over some texts."""
    return (
        f"a probability moves by up to {drift['largest']:.1e}, {drift['mean']:.1e} on average, and "
        f"{drift['flipped']:.2%} of {drift['texts']:,} texts get another class at some interval"
    )


def figure_table(found: Sequence[Figures]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and the worded cells of one model's figures."""
    rows = [_cells(each) for each in found]
    # Stored predictions have no bag of words trained beside them.
    kept = [name for name in rows[0] if any(row[name] != NONE for row in rows)] if rows else []
    return kept, [[row[name] for name in kept] for row in rows]


def _cells(each: Figures) -> dict[str, str]:
    return {
        "min": str(each.interval_minutes),
        "rows": f"{each.rows:,}",
        "days": f"{each.days:,}",
        "accuracy": f"{each.accuracy:.1%}",
        "majority": f"{each.baseline:.1%}",
        "bag of words": NONE if each.bag_of_words is None else f"{each.bag_of_words:.1%}",
        "excess, 95 %": f"{100 * each.excess_low:+.1f} to {100 * each.excess_high:+.1f}",
        "AUC": NONE if each.auc is None else f"{each.auc:.3f}",
        "p (Holm)": f"{each.p_holm:.4f}",
        "verdict": each.verdict,
    }


def _markdown(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _limits(card: dict[str, Any]) -> str:
    lines = [
        "It learned from few rows of few authors; the figures above are all that is known of it."
    ]
    if card["counts"]:
        lines.append(
            "It reads engagement counts, which are known only after the window: "
            "its figures are not attainable in advance."
        )
    if card["training"]["device"] == "cuda":
        lines.append(
            "CUDA sums in no fixed order: trained again, its weights would differ slightly."
        )
    if card["training"]["shuffle_labels"]:
        lines.append("Its labels were shuffled: it is a placebo and knows nothing.")
    return "\n".join(f"- {line}" for line in lines)

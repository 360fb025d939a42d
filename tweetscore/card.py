"""Word a bundle's card for people: the card's record enters, Markdown leaves."""

from typing import Any

from tweetscore.evaluate import Figures, overall_verdict

HEADINGS = (
    "minutes", "rows", "accuracy", "majority", "bag of words",
    "accuracy less majority, 95 %", "AUC", "p (Holm)", "verdict",
)  # fmt: skip


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

{_table(found)}

Majority is the share of the more frequent outcome in the same rows; bag of words is a logistic
regression on word counts, trained on the same training part. The interval is a bootstrap over
trading days; p draws the signs of the days at random and is corrected for the number of intervals.

## How it was made

- Training part: {train["tweets"]:,} tweets on {train["days"]:,} trading days, from
  {split["train_from_utc"]} to {split["train_until_utc"]} UTC. Validation: {validation["tweets"]:,}
  tweets on {validation["days"]:,} trading days. One trading day of embargo before each boundary;
  windows that reach past one are purged; of a text in two parts the earlier copy went.
- Network: embedding {config["vocabulary_size"]:,} x {config["embedding_dim"]}, one LSTM layer of
  {config["hidden"]}, the state at the last token, {config["heads"]} heads.
- Vectors: {vectors["source"]}; {vectors["covered"]:,} of {vectors["words"]:,} words covered.
- Best of {training["epochs_run"]} epochs: {training["best_epoch"]}; seed {training["seed"]}.
- The exported graph is within {card["parity"]["graph"]:.1e} in probability of torch in float64,
  torch itself in float32 within {card["parity"]["float32"]:.1e}.
- Data, with sha256: {data}.
- Versions: {versions}.

## Limits

{_limits(card)}
"""


def _table(found: list[Figures]) -> str:
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(_row(each) for each in found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _row(each: Figures) -> tuple[str, ...]:
    return (
        str(each.interval_minutes),
        f"{each.rows:,}",
        f"{each.accuracy:.1%}",
        f"{each.baseline:.1%}",
        "-" if each.bag_of_words is None else f"{each.bag_of_words:.1%}",
        f"{100 * each.excess_low:+.1f} to {100 * each.excess_high:+.1f} points",
        "-" if each.auc is None else f"{each.auc:.3f}",
        f"{each.p_holm:.3f}",
        each.verdict,
    )


def _limits(card: dict[str, Any]) -> str:
    lines = [
        "It learned from few rows of few authors; the figures above are all that is known of it."
    ]
    if card["counts"]:
        lines.append(
            "It reads engagement counts, which are known only after the window: "
            "its figures are not attainable in advance."
        )
    if card["training"]["shuffle_labels"]:
        lines.append("Its labels were shuffled: it is a placebo and knows nothing.")
    return "\n".join(f"- {line}" for line in lines)

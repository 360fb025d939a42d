"""Write a model's card for people: the card's record enters, Markdown leaves."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from textwrap import fill
from typing import Any

from tweetscore.evaluation import EFFECT_AUC
from tweetscore.evaluation.caveats import caveat_of
from tweetscore.evaluation.figures import Figures
from tweetscore.evaluation.verdicts import (
    FIGURES_EXPLAINED,
    figure_table,
    overall_verdict,
    quality_table,
    sentence,
)
from tweetscore.market.horizons import Horizon
from tweetscore.market.news import news_of
from tweetscore.market.targets import kind_of
from tweetscore.store.trials import symbols_of
from tweetscore.training.classifier import NetworkConfig
from tweetscore.training.network import NETWORK

WIDTH = 100


def model_card(card: dict[str, Any]) -> str:
    """Return the model card: purpose, figures, how the model was made, and its limits.

    Its sections follow Mitchell et al. 2019.
    """
    caveat = caveat_of(card)  # of an older card, its figures do not say it
    found = [replace(Figures.from_card(each), caveat=caveat) for each in card["figures"]]
    return (
        "\n\n".join(
            [
                f"# {card['name']}",
                _filled(_purpose(card)),
                _filled(f"**{overall_verdict(found)}** A score is not advice."),
                "## Intended use",
                _list(_intended_use(card)),
                "## Out of sample",
                _filled(_test_part(card)),
                _markdown(*figure_table(found)),
                _markdown(*quality_table(found)),
                _list([*map(sentence, found)]),
                _filled(_baselines(found)),
                *_permutation(card),
                "## How it was made",
                _list(_making(card)),
                "## Make it again",
                "The same files and versions on the same kind of machine give an equal model:",
                f"```sh\n{_commands(card)}\n```",
                "## Limits",
                _list(_limits(card)),
            ]
        )
        + "\n"
    )


def _permutation(card: dict[str, Any]) -> list[str]:
    """Return what trainings on the labels of other days gave, where there were any."""
    found = card.get("permutation")
    if not found:
        return []
    shuffled = found["shuffled_aucs"]
    return [
        _filled(
            f"With the labels of other days the same training gave an AUC of "
            f"{sum(shuffled) / len(shuffled):.3f} on average and {max(shuffled):.3f} at most in "
            f"{len(shuffled)} runs, with its own {found['auc']:.3f}: p is {found['p_value']:.4f} "
            "(Ojala and Garriga 2010)."
        )
    ]


def _filled(text: str) -> str:
    return fill(" ".join(text.split()), WIDTH, break_on_hyphens=False, break_long_words=False)


def _list(items: Sequence[str]) -> str:
    return "\n".join(
        fill(
            each,
            WIDTH,
            initial_indent="- ",
            subsequent_indent="  ",
            break_on_hyphens=False,
            break_long_words=False,
        )
        for each in items
    )


def _purpose(card: dict[str, Any]) -> str:
    minutes = ", ".join(str(Horizon(each)) for each in card["intervals"])
    kind = kind_of(card["target"])
    if not kind.is_market:
        return f"Which of these a text is: {', '.join(card['classes'])}."
    purpose = (
        f"The probability that {_market(card)} {kind.prediction}, for N = {minutes}, in the "
        f"{card['session']} session."
    )
    if news := news_of(card):
        purpose += (
            f" Windows within {news.minutes} minutes of one of the {len(news.times_utc):,} times "
            f"in {news.name} were left out of every part."
        )
    bounds = ", ".join(
        f"{threshold:.1f} at {Horizon(n).words}" for n, threshold in card["thresholds_bps"].items()
    )
    if not bounds:
        return purpose
    return f"{purpose} The thresholds come from the training part, in basis points: {bounds}."


def _market(card: dict[str, Any]) -> str:
    symbols = symbols_of(card)
    if len(symbols) == 1:
        return symbols[0]
    return f"a symbol that the text is linked to, one of {', '.join(symbols)},"


def _symbols(card: dict[str, Any]) -> list[str]:
    """Say how many texts of each of several symbols there were, and which were not learned from."""
    several = {symbol: each["texts"] for symbol, each in (card.get("symbols") or {}).items()}
    if not several:
        return []
    texts = ", ".join(f"{symbol} {each.get('train', 0):,}" for symbol, each in several.items())
    lacking = [symbol for symbol, each in several.items() if not each.get("train")]
    unlearned = f" It has learned nothing of {', '.join(lacking)}." if lacking else ""
    return [f"Texts of the training part by symbol: {texts}.{unlearned}"]


def _intended_use(card: dict[str, Any]) -> list[str]:
    valid_for = "its figures are valid only for texts like those of its test part"
    if not kind_of(card["target"]).is_market:
        return [
            "For sorting many texts like those of its training into its labels.",
            f"Not for decisions about people: {valid_for}.",
        ]
    return [
        "For research: to test whether posts of these authors precede moves of this market, and as "
        "an example of such a test.",
        f"Not for trading, and not for other authors, markets or years: {valid_for}.",
        "Its figures leave out costs, spreads and the time that an order takes.",
    ]


def _making(card: dict[str, Any]) -> list[str]:
    data = ", ".join(f"{each['name']} ({each['sha256'][:12]})" for each in card["data"])
    versions = ", ".join(f"{name} {number}" for name, number in card["versions"].items())
    return [
        _parts(card),
        *_symbols(card),
        *_learning(card),
        f"Data, with sha256: {data}.",
        *_links(card),
        f"Versions: {versions}.",
    ]


def _learning(card: dict[str, Any]) -> list[str]:
    """Say what was fitted, and how near to it the exported graph is."""
    training, vectors, parity = card["training"], card["vectors"], card["parity"]
    if encoder := card.get("encoder"):
        pooled = {
            "mean": "the mean over its tokens", "first": "that of its first token",
            "own": "as its graph gives it",
        }  # fmt: skip
        return [
            f"A linear head for each interval on the frozen encoder {encoder['name']} "
            f"({encoder['sha256'][:12]}): {encoder['width']:,} numbers of each text, "
            f"{pooled[encoder['pooling']]}; texts are cut at {encoder['max_tokens']:,} tokens.",
            "Logistic regression on standardised embeddings; of "
            f"{training['epochs_run']} values C = {encoder['regularisation']:g} has the lowest "
            "loss on validation.",
            f"The exported graph is within {parity['graph']:.1e} in probability of the heads in "
            f"float64, these in float32 within {parity['float32']:.1e}.",
        ]
    return [
        f"Network: {NETWORK.describe(NetworkConfig(**card['config']))}.",
        f"Vectors: {vectors['source']}; {vectors['covered']:,} of {vectors['words']:,} words "
        "covered.",
        f"Best of {training['epochs_run']} epochs: {training['best_epoch']}; seed "
        f"{training['seed']}; trained on {training['device']}.",
        f"The exported graph is within {parity['graph']:.1e} in probability of torch in "
        f"float64, torch itself in float32 within {parity['float32']:.1e}.",
    ]


def _links(card: dict[str, Any]) -> list[str]:
    """Return by which rules posts were linked to symbols, where there were any."""
    rules = ", ".join(
        f"{each['kind']} {each['term']} to {each['symbol']}"
        + (f" from {each['valid_from']}" if each["valid_from"] else "")
        + (f" until {each['valid_until']}" if each["valid_until"] else "")
        for each in card.get("link_rules", ())
    )
    return [f"Posts linked by these rules alone: {rules}."] if rules else []


def _commands(card: dict[str, Any]) -> str:
    """Return the commands that make the model, with every option."""
    training, target = card["training"], card["training"]["target"]
    names = [each["name"] for each in card["data"]]
    options = {
        "vectors": training["vectors"],
        "vocabulary-size": training["vocabulary_size"],
        "max-tokens": training["max_tokens"],
        "embedding-dim": training["embedding_dim"],
        "hidden": training["hidden"],
        "dropout": training["dropout"],
        "epochs": training["fit"]["epochs"],
        "batch-rows": training["fit"]["batch_rows"],
        "learning-rate": training["fit"]["learning_rate"],
        "seed": training["seed"],
    }
    if encoder := card.get("encoder"):
        options = {
            "encoder": encoder["name"],
            "max-tokens": training["max_tokens"],
            "seed": training["seed"],
        }
    flags = [f"--{name} {shlex.quote(str(value))}" for name, value in options.items()]
    flags += ["--counts"] * training["counts"]
    if training["shuffle_labels"]:
        flags.append(f"--shuffle-labels {int(training['shuffle_labels'])}")
    if news := news_of(card):
        flags.append(f"--without-news {shlex.quote(news.name)} --news-minutes {news.minutes}")
    out = f"--output {shlex.quote(card['name'])}"
    if not kind_of(card["target"]).is_market:
        return _shell(["tweetscore train", f"--labelled {shlex.quote(names[0])}", *flags, out])
    if kind_of(card["target"]).size:
        flags += [f"--target {card['target']}", f"--move-quantile {target['move_quantile']}"]
    market = [f"--symbol {shlex.quote(each)}" for each in symbols_of(card)]
    market.append(f"--session {card['session']}")
    minutes = [f"--interval {Horizon(each)}" for each in card["intervals"]]
    ingest = _shell(["tweetscore ingest", *map(shlex.quote, names)])
    if card.get("link_rules"):
        ingest += "\ntweetscore link rules.csv  # the rules above"
    return f"{ingest}\n{_shell(['tweetscore train', *market, *minutes, *flags, out])}"


def _shell(words: Sequence[str]) -> str:
    """Join the words of a command over as many lines as it needs."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 3 > WIDTH:  # a space before the word, " \\" behind it
            lines.append("   ")
        lines[-1] += f" {word}"
    return " \\\n".join(lines)


def _test_part(card: dict[str, Any]) -> str:
    test, split = card["rows"]["test"], card["split"]
    used_once = "It was used once, after the best epoch had been chosen on validation."
    texts = f"The test part holds {test['texts']:,} texts"
    if not split:
        return f"{texts}, drawn at random, because the rows have no times. {used_once}"
    span = f"{split['test_from_utc']} to {split['test_until_utc']} UTC"
    return f"{texts} on {test['days']:,} days, from {span}. {used_once}"


def _parts(card: dict[str, Any]) -> str:
    train, validation = (card["rows"][part] for part in ("train", "validation"))
    split = card["split"]
    if not split:
        counts = f"{train['texts']:,} texts. Validation: {validation['texts']:,} texts"
        return f"Training part: {counts}. Copies of a text are in one part."
    return (
        f"Training part: {train['texts']:,} texts on {train['days']:,} days, from "
        f"{split['train_from_utc']} to {split['train_until_utc']} UTC. Validation: "
        f"{validation['texts']:,} texts on {validation['days']:,} days. One day of embargo before "
        "each boundary; windows that reach past a boundary are purged; of a text in two "
        "parts, only the later copy is kept."
    )


def _baselines(found: Sequence[Figures]) -> str:
    words = (
        "Majority is the accuracy of always predicting the most frequent class of the training "
        "part; bag of words is a logistic regression on word counts, trained on that part."
    )
    if any(each.momentum is not None for each in found):
        words += (
            " Momentum predicts the class of the same number of minutes before the entry; where "
            "the price did not move, the majority."
        )
    if any(each.calibration_expected is not None for each in found):
        words += " After the stroke: the calibration that a calibrated model would show there."
    return words + (
        " Excess is accuracy minus majority in percentage points; its interval and that of AUC are "
        "over days, by random subsets of them (Hartigan 1969). p is the chance of as much skill, "
        "beyond the clock, the return and the volatility before the entry, among scores without "
        "any: by random signs of the days; "
        "the one shown is that among all intervals, and all models known to have been tried on "
        "these days before (Romano and Wolf 2005). Visible is the least AUC that these days "
        f"would have shown four times in five; above {EFFECT_AUC} the verdict without a signal is "
        "inconclusive. Calibration is the mean distance between the predicted probability and the "
        f"observed share, in ten bins. {FIGURES_EXPLAINED}"
    )


def _markdown(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _limits(card: dict[str, Any]) -> list[str]:
    lines = [
        "It learned from few rows of few authors; nothing is known of it beyond the figures above."
    ]
    if encoder := card.get("encoder"):
        lines.append(
            f"Its encoder {encoder['name']} was trained by others, who may have used texts of the "
            "days of its test part: nobody says until when."
        )
    if card["counts"]:
        lines.append(
            "It reads engagement counts, which are known only after the window: "
            "its figures are not attainable in advance."
        )
    if card["training"]["device"] == "cuda":
        lines.append(
            "CUDA adds numbers in no fixed order: trained again, its weights would differ slightly."
        )
    if card["training"]["shuffle_labels"] is True:  # as older versions did
        lines.append("Its labels were shuffled: it is a placebo and has learned nothing.")
    return lines

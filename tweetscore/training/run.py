"""Train a model: labelled texts enter, a bundle that has scored a row leaves.

What is learned, and by which protocol, is ``learn``'s; here the network becomes a graph that passes
the parity gate, a card and a folder.
"""

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tweetscore.errors import InputError
from tweetscore.evaluation.figures import Figures, with_verdicts
from tweetscore.market.symbols import choose_symbol
from tweetscore.market.targets import OWN_LABEL, Target
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.bundle import Bundle, check_place, write_bundle
from tweetscore.scoring.score import Scorer
from tweetscore.store.database import Store
from tweetscore.text.tokens import TextRules
from tweetscore.training.card import model_card, worded_drift
from tweetscore.training.dataset import clean_rows, market_rows, split_rows, texts_hash, texts_until
from tweetscore.training.epoch import Epoch
from tweetscore.training.export import (
    Parity,
    Texts,
    check_parity,
    counts_weight,
    measure_drift,
    random_texts,
    to_onnx,
)
from tweetscore.training.labelled import Labelled, read_labelled, split_labelled
from tweetscore.training.learn import (
    Learned,
    LearnOptions,
    Prepared,
    held_out_figures,
    learn,
    prepare,
)
from tweetscore.training.loop import Fitted, training_device

Sources = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Trained:
    """A saved bundle, how its training went and what it is worth."""

    bundle: Bundle
    fitted: Fitted
    parity: Parity
    figures: list[Figures]


@dataclass(frozen=True, slots=True)
class Talk:
    """Whom a training run tells what on the way."""

    progress: Callable[[Epoch], None]  # after every epoch
    say: Callable[[str], None]  # each fact that a user should know


def train(
    store: Store,
    options: LearnOptions,
    folder: Path,
    *,
    log_folder: Path,
    talk: Talk,
    resume: bool = False,
) -> Trained:
    """Train on the windows of one symbol, export through the parity gate, save and score a row.

    Args:
        store: the database.
        options: hyper-parameters.
        folder: where the bundle goes; replaced as a whole when it is one already.
        log_folder: where TensorBoard events and the checkpoint of an interrupted run go.
        talk: told how it goes. A KeyboardInterrupt in it, or between batches, ends training with
            the best epoch so far.
        resume: go on with an interrupted run.

    Raises:
        InputError: too few labelled rows, a symbol must be named, there is no such device, or the
            interrupted run is another.
        TweetscoreError: the exported graph is not the network.
    """
    check_place(folder)  # now, not after hours of training
    training_device(options.device)
    prepared = prepare_market(store, options)
    sources = store.rows("SELECT name, sha256 FROM sources ORDER BY source_id")
    data = [{"name": Path(name).name, "sha256": sha256} for name, sha256 in sources]
    return _train(prepared, options, folder, log_folder, talk, data, resume=resume)


def train_labelled(
    file: Path,
    columns: Mapping[str, str],
    options: LearnOptions,
    folder: Path,
    *,
    log_folder: Path,
    talk: Talk,
    resume: bool = False,
) -> Trained:
    """Train on the labels of a file; see ``train``.

    Where every row has a time the split is by time, else at random, with copies of one text
    together.

    Raises:
        InputError: as ``train``, or the file cannot be used.
    """
    check_place(folder)
    training_device(options.device)
    table = read_labelled(file, columns)
    if table.rejects.height:
        first = table.rejects.row(0, named=True)
        talk.say(
            f"{file}: {table.rejects.height:,} rows cannot be used; the first is line "
            f"{first['line']}: {first['reason']}"
        )
    options = replace(
        options, intervals=(OWN_LABEL,), target=Target("label", table.classes),
        symbol=None,
    )  # fmt: skip
    prepared = prepare_labelled(table, options)
    if not table.has_times:
        talk.say("rows carry no time: the split is at random, with copies of a text together")
    data = [{"name": file.name, "sha256": table.sha256}]
    return _train(prepared, options, folder, log_folder, talk, data, resume=resume)


def prepare_market(store: Store, options: LearnOptions) -> Prepared:
    """Read, clean and split what the market says of the tweets; see ``learn.prepare``."""
    ensure_windows(store, options.intervals)
    symbol = choose_symbol(store, options.symbol)
    rules = TextRules(max_tokens=options.max_tokens)
    rows = market_rows(
        store, symbol, options.session, options.intervals,
        with_counts=options.counts, target=options.target.name,
    )  # fmt: skip
    split, rows = split_rows(clean_rows(rows, rules), options.intervals)
    return prepare(
        rows, split, options, rules, symbol=symbol, posts_until=lambda end: texts_until(store, end)
    )


def prepare_labelled(table: Labelled, options: LearnOptions) -> Prepared:
    """Clean and split rows with labels of their own; see ``learn.prepare``.

    Raises:
        InputError: counts are wanted and not in every row.
    """
    if options.counts and not table.has_counts:
        raise InputError("--counts: not every row has both counts; leave it out")
    rules = TextRules(max_tokens=options.max_tokens)
    split, rows = split_labelled(table, rules, options.seed)
    return prepare(rows, split, options, rules)


def _train(
    prepared: Prepared,
    options: LearnOptions,
    folder: Path,
    log_folder: Path,
    talk: Talk,
    data: Sources,
    *,
    resume: bool,
) -> Trained:
    vectors = prepared.vectors
    talk.say(
        f"vectors: {vectors.source}, {vectors.covered:,} of {vectors.words:,} words covered, "
        f"{vectors.words - vectors.covered:,} drawn at random"
    )
    for name, part in prepared.parts.items():
        days = f" on {part.days:,} trading days" if prepared.split else ""
        talk.say(f"{name}: {len(part):,} texts{days}")
    learned = learn(
        prepared, options, log_folder, talk.progress,
        checkpoint=log_folder / "checkpoint.pt", resume=resume,
    )  # fmt: skip
    talk.say(f"device: {learned.device}")
    model = learned.model
    graph, int8_graph = to_onnx(model), to_onnx(model, "int8")
    parity = check_parity(model, graph, len(prepared.vocabulary), options.seed)
    talk.say(
        f"parity: the exported graph is within {parity.graph:.1e} of torch in float64, "
        f"torch in float32 within {parity.float32:.1e}"
    )
    texts = {
        "learned": _learned_texts(prepared),
        "random": random_texts(len(prepared.vocabulary), model.config.counts, options.seed),
    }
    drift = {
        name: asdict(measure_drift(model, graph, int8_graph, each)) for name, each in texts.items()
    }
    talk.say(f"int8: over its own texts {worded_drift(drift['learned'])}")
    found = with_verdicts(held_out_figures([learned], options, folder.name))
    card = {
        "name": folder.name,
        **_learned_card(learned, options),
        "figures": [asdict(each) for each in found],
        "parity": asdict(parity),
        "int8_drift": drift,
        "data": data,
        "versions": _versions(),
    }
    bundle = write_bundle(
        folder,
        onnx_model=graph.SerializeToString(),
        int8_model=int8_graph.SerializeToString(),
        vocabulary=prepared.vocabulary.words,
        card=card,
        readme=model_card(card),
    )
    # A bundle is saved once it has been read back and has scored a row.
    Scorer(bundle).probabilities(prepared.parts["train"].rows.head(1))
    return Trained(bundle, learned.fitted, parity, found)


def _learned_card(learned: Learned, options: LearnOptions) -> dict[str, Any]:
    """Return what the card says of the learning."""
    prepared, fitted, vectors = learned.prepared, learned.fitted, learned.prepared.vectors
    split = asdict(prepared.split) if prepared.split else {}
    market = options.target.name != "label"
    return {
        "target": options.target.name,
        "classes": list(options.target.classes),
        "intervals": list(options.intervals),
        "thresholds_bps": {str(n): each for n, each in prepared.thresholds.items()},
        "session": options.session if market else None,
        "symbol": prepared.symbol or None,
        "config": asdict(learned.model.config),
        "text_rules": prepared.rules.to_dict(),
        "counts": _counts_card(learned),
        "split": {key: value.isoformat() for key, value in split.items()},
        "rows": {
            name: {
                "texts": len(part), "days": part.days, "sha256": texts_hash(part.rows["text"]),
            }
            for name, part in prepared.parts.items()
        },
        "vectors": {
            "source": vectors.source, "covered": vectors.covered, "words": vectors.words,
        },
        "training": {
            **asdict(options),
            "device": learned.device,
            "best_epoch": fitted.best.number,
            "epochs_run": len(fitted.history),
            "interrupted": fitted.interrupted,
            "validation_loss": fitted.best.held_out_loss,
            "history": [asdict(epoch) for epoch in fitted.history],
        },
    }  # fmt: skip


def _learned_texts(prepared: Prepared) -> list[Texts]:
    """Return the real texts that may be looked at: the test part is read once, for its figures."""
    parts = (prepared.parts[name] for name in ("train", "validation"))
    return [
        (
            part.tokens.ids,
            part.tokens.lengths,
            None if part.counts is None else part.counts.numpy(),
        )
        for part in parts
    ]


def _counts_card(learned: Learned) -> dict[str, Any] | None:
    weight, normalisation = counts_weight(learned.model), learned.prepared.normalisation
    if weight is None or normalisation is None:
        return None
    return {**normalisation, "weight": weight.tolist()}


def _versions() -> dict[str, str]:
    packages = ("tweetscore", "torch", "onnx", "onnxruntime", "gensim", "duckdb", "polars")
    found = {package: version(package) for package in packages}
    return {"python": platform.python_version(), **found}

"""Train a model: labelled texts enter, a bundle that has scored a row leaves.

``learn`` fits the network; here it becomes a graph that passes the parity gate, a card and a
folder.
"""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tweetscore.errors import TweetscoreError
from tweetscore.evaluation.caveats import caveat_of
from tweetscore.evaluation.correction import romano_wolf
from tweetscore.evaluation.figures import Figures, judged
from tweetscore.market.horizons import NO_HORIZON
from tweetscore.market.news import News
from tweetscore.market.targets import Target
from tweetscore.scoring.bundle import Bundle, check_place, load_bundle, write_bundle
from tweetscore.scoring.graphs import check_sizes
from tweetscore.store.database import Store
from tweetscore.store.trials import (
    Trial,
    carried,
    distinct,
    known_trials,
    record_model,
    trial_of,
)
from tweetscore.training.card import model_card
from tweetscore.training.dataset import texts_hash
from tweetscore.training.export import (
    Parity,
    check_parity,
)
from tweetscore.training.features import Prepared, prepare_labelled, prepare_market
from tweetscore.training.heads_made import for_encoder, heads_made
from tweetscore.training.held_out import coin_loss, held_out, majorities, of_symbols
from tweetscore.training.labelled import read_labelled
from tweetscore.training.learn import Learned, learn
from tweetscore.training.learned_texts import packed_hashes
from tweetscore.training.loop import Fitted, training_device
from tweetscore.training.made import Callbacks, Made
from tweetscore.training.measurable import Measurable
from tweetscore.training.options import TrainingOptions
from tweetscore.training.permutation import Permuted, permutation_test

Sources = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Trained:
    """A saved bundle, how its training went and what it is worth."""

    bundle: Bundle
    fitted: Fitted
    parity: Parity
    figures: list[Figures]


def train(
    store: Store,
    options: TrainingOptions,
    folder: Path,
    *,
    log_folder: Path,
    callbacks: Callbacks,
    resume: bool = False,
    news: News | None = None,
) -> Trained:
    """Train on windows of symbols, export through the parity gate, save, and score a row.

    Args:
        store: the database.
        options: hyper-parameters.
        folder: where the bundle goes; replaced as a whole when it is one already.
        log_folder: where TensorBoard events and the checkpoint of an interrupted run go.
        callbacks: called as training goes on. A KeyboardInterrupt in one, or between batches, ends
            training with the best epoch so far.
        resume: go on with an interrupted run.
        news: windows near it are left out of every part.

    Raises:
        InputError: too few labelled rows, symbols must be named, there is no such device, or the
            interrupted run is another.
        TweetscoreError: the exported graph is not the network.
    """
    check_place(folder)  # now, not after hours of training
    training_device(options.device)
    options = for_encoder(options)
    prepared = prepare_market(store, options, news=news, on_message=callbacks.on_message)
    sources = store.rows("SELECT name, sha256 FROM sources ORDER BY source_id")
    data = [{"name": Path(name).name, "sha256": sha256} for name, sha256 in sources]
    earlier = distinct([*known_trials(store), *_carried(folder)])
    trained = _train(
        prepared, options, folder, log_folder, callbacks, data, earlier=earlier, resume=resume
    )
    with store.transaction():
        record_model(store, trained.bundle.card, trained.bundle.model_id, trained.bundle.name)
    return trained


def train_labelled(
    file: Path,
    columns: Mapping[str, str],
    options: TrainingOptions,
    folder: Path,
    *,
    log_folder: Path,
    callbacks: Callbacks,
    resume: bool = False,
    encoding: str | None = None,
) -> Trained:
    """Train on the labels of a file; see ``train``.

    Where every row has a time the split is by time, else at random, with copies of one text
    together.

    Raises:
        InputError: as ``train``, or the file cannot be used.
    """
    check_place(folder)
    training_device(options.device)
    options = for_encoder(options)
    table = read_labelled(file, columns, encoding)
    for warning in table.warnings:
        callbacks.on_message(f"{file}: {warning}")
    if table.rejects.height:
        first = table.rejects.row(0, named=True)
        callbacks.on_message(
            f"{file}: {table.rejects.height:,} rows cannot be used; the first is line "
            f"{first['line']}: {first['reason']}"
        )
    options = replace(
        options,
        intervals=(NO_HORIZON,),
        target=Target.of_labels(table.classes),
        symbols=(),
    )
    prepared = prepare_labelled(table, options)
    if not table.has_times:
        callbacks.on_message(
            "rows have no times: the split is random, with copies of a text together"
        )
    data = [{"name": file.name, "sha256": table.sha256}]
    return _train(
        prepared, options, folder, log_folder, callbacks, data,
        earlier=_carried(folder), resume=resume,
    )  # fmt: skip


def _train(
    prepared: Prepared,
    options: TrainingOptions,
    folder: Path,
    log_folder: Path,
    callbacks: Callbacks,
    data: Sources,
    *,
    earlier: Sequence[Trial],
    resume: bool,
) -> Trained:
    """Learn from prepared rows, and write the bundle; ``earlier`` trials may be of its days."""
    if options.encoder:
        made = heads_made(prepared, options, Path(options.encoder), callbacks)
    else:
        made = _network_made(prepared, options, log_folder, callbacks, resume=resume)
    learned = made.learned
    described = {
        "name": folder.name, "data": data, **_learned_card(learned, options), **made.card,
    }  # fmt: skip
    sha256 = {"model.onnx": hashlib.sha256(made.graph).hexdigest()}
    own = trial_of(described | {"sha256": sha256}, "", folder.name)
    assert own  # this card says on what it was tested
    before = [each for each in earlier if each.meets(own) and each.trial_id != own.trial_id]
    found = [
        replace(each, caveat=caveat_of(described))
        for each in _judged(learned, options, folder.name, before, own.tests)
    ]
    permuted = _permuted(made, options, log_folder, callbacks)
    card = {
        **described,
        "trials": [each.record() for each in before],
        "figures": [asdict(each) for each in found],
        **({"permutation": asdict(permuted)} if permuted else {}),
        "parity": asdict(made.parity),
        "versions": _versions(),
    }
    bundle = write_bundle(
        folder,
        onnx_model=made.graph,
        learned_texts=packed_hashes(prepared.parts[name].rows for name in ("train", "validation")),
        vocabulary=prepared.vocabulary.words,
        tokenizer=made.tokenizer,
        card=card,
        readme=model_card(card),
    )
    # A bundle counts as saved once it has been read back and has scored a row.
    bundle.load().probabilities(prepared.parts["train"].rows.head(1))
    found = [replace(each, model_id=bundle.model_id) for each in found]
    return Trained(bundle, learned.fitted, made.parity, found)


def _network_made(
    prepared: Prepared,
    options: TrainingOptions,
    log_folder: Path,
    callbacks: Callbacks,
    *,
    resume: bool,
) -> Made:
    """Learn a network and export it."""
    outputs = len(options.intervals) * len(options.target.classes)
    check_sizes(len(prepared.vocabulary), options.hidden, outputs)
    for message in _described(prepared):
        callbacks.on_message(message)
    learned = learn(
        prepared,
        options,
        log_folder,
        callbacks.on_epoch,
        checkpoint=log_folder / "checkpoint.pt",
        resume=resume,
    )
    callbacks.on_message(f"device: {learned.device}")
    graph, parity = _exported(learned, options.seed)
    callbacks.on_message(
        f"parity: the exported graph is within {parity.graph:.1e} of torch in float64, "
        f"torch in float32 within {parity.float32:.1e}"
    )
    vectors = prepared.vectors
    card = {
        "config": asdict(learned.model.config),
        "counts": _counts_card(learned),
        "vectors": {
            "source": vectors.source, "covered": vectors.covered, "words": vectors.words,
        },
    }  # fmt: skip
    return Made(learned, graph, parity, card)


def _permuted(
    made: Made, options: TrainingOptions, log_folder: Path, callbacks: Callbacks
) -> Permuted | None:
    """Test the whole pipeline by labels of other days, where that is wanted."""
    if not options.shuffle_labels:
        return None
    found = permutation_test(made.learned, options, log_folder, callbacks.on_message, made.again)
    callbacks.on_message(found.sentence if found else "shuffled days: no test part to measure")
    return found


def _judged(
    learned: Measurable,
    options: TrainingOptions,
    name: str,
    before: Sequence[Trial],
    own_tests: int,
) -> list[Figures]:
    """Measure the test part, corrected for the trials before on its days."""
    tests = own_tests + sum(each.tests for each in before)
    measured = held_out([learned], options, name, tried=tests)
    corrected = romano_wolf([each for _, each in measured], tests)
    models = 1 + len({each.network for each in before})
    parts = sum(each.of_a_part for each in before)
    found = [replace(each, models_tried=models, parts_tried=parts) for each, _ in measured]
    return judged(found, corrected, tests)


def _carried(folder: Path) -> list[Trial]:
    """Return the trials of the bundle that will be replaced, its own among them."""
    try:
        bundle = load_bundle(folder)
    except TweetscoreError:  # there is none, or none that can be read
        return []
    own = trial_of(bundle.card, bundle.model_id, bundle.name)
    return [*carried(bundle.card), *([own] if own else [])]


def _described(prepared: Prepared) -> list[str]:
    """Say what the network will learn from."""
    vectors = prepared.vectors
    days = {
        name: f" on {part.days:,} trading days" if prepared.split else ""
        for name, part in prepared.parts.items()
    }
    return [
        f"vectors: {vectors.source}, {vectors.covered:,} of {vectors.words:,} words covered, "
        f"{vectors.words - vectors.covered:,} drawn at random",
        *(f"{name}: {len(part):,} texts{days[name]}" for name, part in prepared.parts.items()),
    ]


def _exported(learned: Learned, seed: int) -> tuple[bytes, Parity]:
    """Return the serialised graph of a network, and how near to it it is.

    Raises:
        TweetscoreError: the exported graph scores differently.
    """
    graph = learned.model.to_onnx()
    parity = check_parity(learned.model, graph, len(learned.prepared.vocabulary), seed)
    return graph.SerializeToString(), parity


def _learned_card(learned: Measurable, options: TrainingOptions) -> dict[str, Any]:
    """Return the part of the card that describes the learning."""
    prepared, fitted = learned.prepared, learned.fitted
    split = asdict(prepared.split) if prepared.split else {}
    market, several = options.target.kind.is_market, of_symbols(prepared, options)
    return {
        "target": options.target.name,
        "classes": list(options.target.classes),
        "intervals": list(options.intervals),
        "thresholds_bps": {str(int(n)): each for n, each in prepared.thresholds.items()},
        "majorities": majorities(prepared, options),
        "session": options.session if market else None,
        "symbol": prepared.symbols[0] if len(prepared.symbols) == 1 else None,
        **({"symbols": several} if several else {}),
        **({"without_news": prepared.news.record()} if prepared.news else {}),
        **({"link_rules": list(prepared.link_rules)} if prepared.link_rules else {}),
        "text_rules": prepared.rules.to_dict(),
        "split": {key: value.isoformat() for key, value in split.items()},
        "rows": {
            name: {
                "texts": len(part),
                "days": part.days,
                "sha256": texts_hash(part.rows["text"]),
            }
            for name, part in prepared.parts.items()
        },
        "training": {
            **asdict(options),
            "device": learned.device,
            "best_epoch": fitted.best.number,
            "epochs_run": len(fitted.history),
            "interrupted": fitted.interrupted,
            "validation_loss": fitted.best.held_out_loss,
            "coin_loss": coin_loss(prepared, options),
            "history": [asdict(epoch) for epoch in fitted.history],
        },
    }


def _counts_card(learned: Learned) -> dict[str, Any] | None:
    weight, normalisation = learned.model.counts_weight(), learned.prepared.normalisation
    if weight is None or normalisation is None:
        return None
    return {**normalisation, "weight": weight.tolist()}


def _versions() -> dict[str, str]:
    packages = ("tweetscore", "torch", "onnx", "onnxruntime", "gensim", "duckdb", "polars")
    found = {package: version(package) for package in packages}
    return {"python": platform.python_version(), **found}

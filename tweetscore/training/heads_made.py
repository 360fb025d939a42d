"""Heads on an encoder, as a training run makes them: prepared rows enter, a graph leaves."""

from dataclasses import replace
from pathlib import Path

from tweetscore.errors import InputError
from tweetscore.scoring.text_folder import TOKENIZER
from tweetscore.training.encoder import (
    Heads,
    check_heads,
    learn_heads,
    open_encoder,
)
from tweetscore.training.features import Prepared
from tweetscore.training.made import Callbacks, Made
from tweetscore.training.options import REGULARISATIONS, TrainingOptions


def for_encoder(options: TrainingOptions) -> TrainingOptions:
    """Return the options without the word vectors, which an encoder does not need.

    Raises:
        InputError: the encoder cannot be used, or counts are to be read beside it.
    """
    if not options.encoder:
        return options
    if options.counts:
        raise InputError(
            "--counts: heads on an encoder read texts alone; leave it or --encoder out"
        )
    open_encoder(Path(options.encoder))  # now, not after the rows have been prepared
    return replace(options, vectors="random", embedding_dim=1)


def heads_made(
    prepared: Prepared, options: TrainingOptions, folder: Path, callbacks: Callbacks
) -> Made:
    """Embed the texts, learn the heads and export them with their encoder.

    Raises:
        InputError: the package tokenizers is missing.
        IntegrityError: the encoder cannot be run.
        TweetscoreError: the exported graph scores differently.
    """
    encoder, classes = open_encoder(folder), len(options.target.classes)
    for name, part in prepared.parts.items():
        days = f" on {part.days:,} trading days" if prepared.split else ""
        callbacks.on_message(f"{name}: {len(part):,} texts{days}")
    heads = learn_heads(encoder, prepared, classes, callbacks.on_epoch)
    callbacks.on_message(
        f"encoder: {encoder.card['name']}, {encoder.width} numbers of each text; C = "
        f"{heads.regularisation:g} is the best of {len(REGULARISATIONS)} on validation"
    )
    graph = heads.graph()
    parity = check_heads(heads, graph)
    callbacks.on_message(
        f"parity: the exported graph is within {parity.graph:.1e} of the heads in float64, "
        f"these in float32 within {parity.float32:.1e}"
    )

    def again(other: Prepared, _: Path) -> Heads:
        return learn_heads(encoder, other, classes, lambda _: None, heads.embeddings)

    card = {
        "encoder": encoder.card | {"regularisation": heads.regularisation},
        "config": {
            "vocabulary_size": 0, "heads": len(options.intervals), "classes": classes,
            "embedding_dim": encoder.width, "hidden": encoder.width, "dropout": 0.0, "counts": 0,
        },
        "counts": None,
        "vectors": {"source": "none", "covered": 0, "words": 0},
    }  # fmt: skip
    tokenizer = (folder / TOKENIZER).read_bytes()
    return Made(heads, graph.SerializeToString(), parity, card, tokenizer, again)

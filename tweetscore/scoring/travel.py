"""Send a job to other machines: a model's files leave as bytes, and become the same model there.

What a worker scores must be equal to the byte, wherever it runs: it names the versions that it has,
and scores a few posts whose scores this machine knows.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import polars as pl

from tweetscore.scoring.job import Job
from tweetscore.scoring.predictors import Predictor
from tweetscore.scoring.shard_reader import OF_TWEETS
from tweetscore.scoring.shards import ShardScorer

_PACKAGES = ("tweetscore", "onnxruntime", "polars", "pyarrow", "duckdb", "numpy")
_TEXTS = ("stocks up, great day!", "Sad day: markets DOWN 3 % http://t.co/x", "株 $SPY 😀", "the")


@dataclass(frozen=True, slots=True)
class Probe:
    """What must be the same wherever shards are scored."""

    versions: dict[str, str]
    scores: str  # sha256 of the probabilities of a few posts

    def difference(self, here: "Probe") -> str | None:
        """Say what is another than here; None if nothing is."""
        for name, found in self.versions.items():
            if here.versions.get(name) != found:
                return f"has {name} {found}, here it is {here.versions.get(name)}"
        if self.scores != here.scores:
            return "scores the same posts otherwise than this machine, as another processor may"
        return None


@dataclass(frozen=True, slots=True)
class Sent:
    """A job on its way, and the bytes of its model."""

    job: Job
    files: dict[str, bytes]
    probe: Probe


def send(job: Job) -> Sent:
    """Pack a job for workers that share no folder with this machine."""
    model = job.model
    files = {name: (model.path / name).read_bytes() for name in model.files}
    return Sent(job, files, probe_of(model.load(threads=1)))


def receive(sent: Sent, folder: Path) -> tuple[ShardScorer, str | None]:
    """Load a job on another machine.

    Args:
        sent: the job.
        folder: where the files of its model go.

    Returns:
        What scores shards on one core, and how its scores differ from those of the sender.
    """
    job = sent.job
    for name, content in sent.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if sent.files:
        job = replace(job, model=job.model.moved_to(folder))
    scorer = ShardScorer(job, threads=1)
    return scorer, probe_of(scorer.predictor).difference(sent.probe)


def probe_of(predictor: Predictor) -> Probe:
    """Score a few posts that every machine has."""
    texts = [*_TEXTS, predictor.known_text()]
    posts = pl.DataFrame(
        {
            "platform": [""] * len(texts),
            "tweet_id": range(len(texts)),
            "posted_utc": [datetime(2018, 12, 19, 15)] * len(texts),
            "text": texts,
            "retweet_count": range(len(texts)),
            "favorite_count": range(len(texts)),
        },
        schema_overrides={name: OF_TWEETS[name] for name in OF_TWEETS if name != "author"},
    ).with_columns(author=pl.lit(None, pl.String))
    scores = predictor.probabilities(posts.select(*OF_TWEETS)).probabilities
    digest = hashlib.sha256(scores.tobytes()).hexdigest()
    return Probe({name: version(name) for name in _PACKAGES}, digest)

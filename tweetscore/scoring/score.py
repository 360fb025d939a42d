"""Score stored tweets with a model: chunks of text enter, predictions leave, each chunk at once.

Only what this model has not scored at these horizons is scored, so a run that was ended anywhere
is finished by running it again.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tweetscore.io.pipeline import prefetch
from tweetscore.market.horizons import NO_HORIZON, Horizon
from tweetscore.market.symbols import without_windows
from tweetscore.market.windows import ensure_windows
from tweetscore.scoring.changed import check_unchanged
from tweetscore.scoring.predictions import Predictions, check_horizons, register_model
from tweetscore.scoring.predictors import Device, Model
from tweetscore.store.database import Store
from tweetscore.store.trials import record_outside
from tweetscore.text.known import WordCounts


@dataclass(frozen=True, slots=True)
class ScoreAccount:
    """What became of every tweet: tweets = scored + skipped."""

    model: str
    model_id: str
    intervals: tuple[int, ...]
    tweets: int
    scored: int
    skipped: int
    skipped_reasons: dict[str, int]
    known_words: dict[str, float]  # by script, the share of words in its vocabulary
    warnings: tuple[str, ...]  # scores that mean nothing for want of such words, or meet no price


def score(
    store: Store,
    model: Model,
    intervals: Sequence[int],
    progress: Callable[[int, int], None],
    device: Device = "cpu",
    chunk_rows: int | None = None,
    *,
    accept_changed: bool = False,
) -> ScoreAccount:
    """Score every tweet that this model has not scored at these intervals.

    Args:
        store: the open database.
        model: the model.
        intervals: minutes to predict; none means every horizon of the model.
        progress: called with the tweets done and all tweets to do, after each chunk.
        device: where the model runs.
        chunk_rows: tweets scored and stored at once; None: as many as the model says.
        accept_changed: score also with a folder of another program whose files have changed.

    Raises:
        InputError: the model does not predict an interval, or the device is not there, or the
            folder has scored here with other files.
    """
    wanted = tuple(sorted(set(map(Horizon, intervals or model.horizons))))
    check_horizons(model, wanted)
    if not accept_changed:
        check_unchanged(store, model)
    predictor = model.load(device)
    with store.transaction():
        register_model(store, model)
    ensure_windows(store, [each for each in wanted if each != NO_HORIZON])
    stored = Predictions(store, model, wanted)
    (tweets,) = store.row("SELECT count(*) FROM tweets")
    to_do = stored.pending()
    reasons = Counter(already_scored=tweets - to_do)
    done = scored = 0
    words = WordCounts()
    # While one chunk is stored, the next is being predicted and the one after is being encoded.
    encoded = prefetch(
        predictor.encode(each) for each in stored.chunks(chunk_rows or model.chunk_rows)
    )
    for chunk in prefetch((predictor.run(each) for each in encoded), predictor.stop):
        with store.transaction():
            stored.insert(chunk)
        scored += chunk.rows.height
        reasons += chunk.skipped
        words += chunk.words
        done += chunk.rows.height + chunk.skipped.total()
        progress(done, to_do)
    with store.transaction():
        record_outside(store)
    unmet = without_windows(store.frame("FROM symbols"), wanted)
    return ScoreAccount(
        model.name, model.model_id, wanted, tweets, scored, tweets - scored, dict(+reasons),
        words.shares(), (*words.warnings(model.name), *unmet),
    )  # fmt: skip

"""What is learned from, and by whom: the protocols keep their word, and folds are one test."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn import metrics
from tiny import put_tweets

from tweetscore.errors import InputError
from tweetscore.evaluation.figures import bag_of_words_right, figures
from tweetscore.market.targets import Target
from tweetscore.store.database import Store
from tweetscore.text.rules import TextRules
from tweetscore.text.tokens import tokenize
from tweetscore.training.dataset import clean_rows, texts_until
from tweetscore.training.epoch import Epoch
from tweetscore.training.features import NO_LABEL, Prepared, prepare
from tweetscore.training.held_out import coin_loss, held_out_figures
from tweetscore.training.learn import Learned, learn
from tweetscore.training.loop import predict
from tweetscore.training.options import HONEST, ORIGINAL, FitOptions, Protocol, TrainingOptions
from tweetscore.training.split import Split, split_rows, walk_forward

INTERVALS = (5, 30)
RULES = TextRules(max_tokens=6)
OPTIONS = TrainingOptions(
    intervals=INTERVALS,
    vectors="random",
    max_tokens=6,
    embedding_dim=8,
    hidden=4,
    counts=True,
    seed=1,
    device="cpu",
    fit=FitOptions(epochs=3, batch_rows=32, learning_rate=0.01),
)
WORDS = ("up", "down", "tariff", "wall", "great", "sad", "china", "deal", "trade", "jobs")
Rows = tuple[Split, pl.DataFrame]


def labelled_rows(days: int = 40, each: int = 5, seed: int = 0) -> pl.DataFrame:
    """Texts of random words, each with one of its own, whose outcomes lean the way of "up"."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for place in range(days * each):
        day = place // each
        words = rng.choice(WORDS, 4).tolist()
        posted = datetime(2018, 6, 1, 14, 30) + timedelta(days=day, minutes=40 * (place % each))
        row: dict[str, Any] = {
            "symbol": "SPX",
            "text": " ".join([f"own{place}", *words]),
            "posted_utc": posted,
            "retweet_count": int(rng.integers(0, 5_000)),
            "favorite_count": int(rng.integers(1, 9)),
            "session_date": date(2018, 6, 1) + timedelta(days=day),
            "close_utc": datetime(2018, 6, 1, 21) + timedelta(days=day),
        }
        for minutes in INTERVALS:
            drift = 3 * (words.count("up") - words.count("down"))
            row[f"outcome_{minutes}"] = float(drift + rng.normal()) if rng.random() < 0.9 else None
            row[f"exit_{minutes}"] = posted + timedelta(minutes=minutes)
            row[f"past_{minutes}"] = float(rng.normal()) if rng.random() < 0.8 else None
        rows.append(row)
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def cut() -> Rows:
    """Rows in their parts, and where these begin."""
    return split_rows(clean_rows(labelled_rows(), RULES), INTERVALS)


def changed(parts: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Give some parts other texts, counts and outcomes; their rows stay as many."""
    place, those = pl.int_range(pl.len()), pl.col("part").is_in(list(names))
    found = parts.with_columns(
        text=pl.when(those)
        .then(pl.format("later news{} news{}", place % 9, place % 2))
        .otherwise("text"),
        retweet_count=pl.when(those).then(90_000 + place).otherwise("retweet_count"),
        favorite_count=pl.when(those).then(0).otherwise("favorite_count"),
        outcome_5=pl.when(those).then(900.0 + place).otherwise("outcome_5"),
        outcome_30=pl.when(those).then(-900.0).otherwise("outcome_30"),
    )
    return found.with_columns(tokenize(found["text"], RULES).alias("tokens"))


def seen(prepared: Prepared) -> dict[str, Any]:
    """All that learning starts from and that the training part may decide."""
    train = prepared.parts["train"]
    assert train.counts is not None
    return {
        "vocabulary": prepared.vocabulary.words,
        "normalisation": prepared.normalisation,
        "thresholds": prepared.thresholds,
        "vectors": (prepared.vectors.covered, prepared.vectors.matrix.tobytes()),
        "ids": train.tokens.ids.tobytes(),
        "labels": train.labels.tolist(),
        "counts": train.counts.tolist(),
    }


# --- who sees what --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("vectors", ["random", "archive"])
@pytest.mark.parametrize("target", ["direction", "move"])
def test_under_the_honest_protocol_later_rows_reach_nothing(
    cut: Rows, vectors: str, target: Any
) -> None:
    options = replace(OPTIONS, vectors=vectors, target=Target.of_market(target))
    split, parts = cut
    expected = prepare(parts, split, options, RULES)
    other = prepare(changed(parts, ["validation", "test"]), split, options, RULES)
    assert seen(other) == seen(expected)
    assert bool(expected.thresholds) == (target == "move")
    # They are read by it, though.
    for name in ("validation", "test"):
        assert not np.array_equal(other.parts[name].tokens.ids, expected.parts[name].tokens.ids)
        assert other.parts[name].labels.tolist() != expected.parts[name].labels.tolist()


def test_the_training_part_alone_decides_vocabulary_and_normalisation(cut: Rows) -> None:
    split, parts = cut
    prepared = prepare(parts, split, OPTIONS, RULES)
    train = parts.filter(pl.col("part") == "train")
    words = {word for tokens in train["tokens"] for word in tokens}
    assert set(prepared.vocabulary.words) == {"<pad>", "<unk>", *words}
    logs = np.log1p(train.select("retweet_count", "favorite_count").to_numpy().astype(float))
    found = prepared.normalisation or {}
    assert found.keys() == {"mean", "std"}
    assert found["mean"] == pytest.approx([np.mean(column) for column in logs.T])
    assert found["std"] == pytest.approx([np.std(column) for column in logs.T])
    counts = prepared.parts["train"].counts
    assert counts is not None
    assert counts.mean(0).tolist() == pytest.approx([0, 0], abs=1e-6)
    assert counts.std(0).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_counts_that_are_all_alike_are_nothing(cut: Rows) -> None:
    split, parts = cut
    alike = parts.with_columns(retweet_count=pl.lit(7))
    counts = prepare(alike, split, OPTIONS, RULES).parts["test"].counts
    assert counts is not None
    assert np.abs(counts[:, 0]).max() < 1e-6


@pytest.mark.parametrize("part", ["validation", "test"])
def test_under_the_seeds_protocol_they_reach_everything_and_that_is_its_fault(
    cut: Rows, part: str
) -> None:
    split, parts = cut
    options = replace(OPTIONS, vectors="archive")
    expected = seen(prepare(parts, split, options, RULES, protocol=ORIGINAL))
    other = seen(prepare(changed(parts, [part]), split, options, RULES, protocol=ORIGINAL))
    alike = [name for name, each in other.items() if each == expected[name]]
    assert alike == ["thresholds", "labels"]
    assert {"later", "news0"} <= set(other["vocabulary"])


def test_vectors_of_the_archive_see_texts_until_the_end_of_training_and_no_further(
    store: Store, cut: Rows
) -> None:
    split, parts = cut
    until = split.train_until_utc
    early = [(n, f"{until - timedelta(minutes=n)}", f"deal wall trade {n}") for n in range(1, 60)]
    put_tweets(store, early)
    options = replace(OPTIONS, vectors="archive")

    def matrix() -> bytes:
        prepared = prepare(
            parts, split, options, RULES, posts_until=lambda end: texts_until(store, end)
        )
        return prepared.vectors.matrix.tobytes()

    before = matrix()
    put_tweets(store, [(n + 100, f"{until}", "deal china sad jobs") for n in range(60)])
    assert matrix() == before
    put_tweets(store, [(n, f"{until - timedelta(microseconds=1)}", "jobs up") for n in (300, 301)])
    assert matrix() != before


def test_texts_until_a_moment_are_those_before_it_in_their_order(store: Store) -> None:
    put_tweets(
        store,
        [
            (3, "2018-06-01 12:00", "c"),
            (2, "2018-06-01 11:00", "b"),
            (1, "2018-06-01 12:00", "a"),
            (4, "2018-06-01 12:00:00.000001", "late"),
        ],
    )
    assert texts_until(store, datetime(2018, 6, 1, 12)).to_list() == ["b"]
    assert texts_until(store, datetime(2018, 6, 1, 12, 0, 0, 1)).to_list() == ["b", "a", "c"]


# --- who chooses ----------------------------------------------------------------------------------


def fit_to(
    parts: pl.DataFrame,
    split: Split,
    folder: Path,
    options: TrainingOptions = OPTIONS,
    protocol: Protocol = HONEST,
    **more: Any,
) -> Learned:
    prepared = prepare(parts, split, options, RULES, protocol=protocol, symbols=("SPX",))
    more.setdefault("progress", lambda _: None)
    return learn(prepared, options, folder, protocol=protocol, **more)


def weights(learned: Learned) -> dict[str, list[Any]]:
    return {name: each.tolist() for name, each in learned.model.state_dict().items()}


@pytest.mark.slow
def test_the_test_part_decides_nothing_under_the_honest_protocol(cut: Rows, tmp_path: Path) -> None:
    split, parts = cut
    expected = fit_to(parts, split, tmp_path)
    other = fit_to(changed(parts, ["test"]), split, tmp_path)
    assert weights(other) == weights(expected)
    assert other.fitted == expected.fitted


@pytest.mark.parametrize(("protocol", "part"), [(HONEST, "validation"), (ORIGINAL, "test")])
@pytest.mark.slow
def test_the_part_that_chooses_is_the_one_that_is_measured_while_learning(
    cut: Rows, tmp_path: Path, protocol: Protocol, part: str
) -> None:
    split, parts = cut
    learned = fit_to(parts, split, tmp_path, protocol=protocol)
    held_out = learned.prepared.parts[part]
    said = predict(learned.model, held_out).argmax(2)
    labels = torch.from_numpy(held_out.labels)
    right = [
        (said[:, head] == labels[:, head])[labels[:, head] != NO_LABEL]
        for head in range(len(INTERVALS))
    ]
    assert learned.fitted.best.held_out_accuracy == pytest.approx(
        [each.float().mean().item() for each in right]
    )


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network_and_another_another(
    cut: Rows, tmp_path: Path
) -> None:
    split, parts = cut
    first, again, other = (
        fit_to(parts, split, tmp_path, replace(OPTIONS, seed=seed)) for seed in (1, 1, 2)
    )
    assert weights(first) == weights(again)
    assert first.fitted == again.fitted
    assert weights(first) != weights(other)


# --- an interrupted run ---------------------------------------------------------------------------


def interrupt(epoch: Epoch) -> None:
    if epoch.number == 2:
        raise KeyboardInterrupt


@pytest.mark.slow
def test_a_run_goes_on_as_itself_alone(cut: Rows, tmp_path: Path) -> None:
    split, parts = cut
    kept = tmp_path / "checkpoint.pt"
    expected = fit_to(parts, split, tmp_path)
    fit_to(parts, split, tmp_path, checkpoint=kept, progress=interrupt)
    first = parts.row(0, named=True)
    other_tokens = parts.with_columns(
        tokens=pl.when(pl.col("text").str.starts_with("own1 "))
        .then(pl.col("tokens").list.head(1))
        .otherwise("tokens")
    )
    others = [
        (parts, replace(OPTIONS, fit=replace(OPTIONS.fit, learning_rate=0.02))),
        (parts, replace(OPTIONS, seed=2)),
        (parts, replace(OPTIONS, dropout=0.4)),
        (parts.with_columns(outcome_5=-pl.col("outcome_5")), OPTIONS),
        (
            parts.with_columns(
                retweet_count=pl.col("retweet_count").replace(first["retweet_count"], 123_456)
            ),
            OPTIONS,
        ),
        (other_tokens, OPTIONS),
        (changed(parts, ["validation"]), OPTIONS),
    ]
    for rows, options in others:
        with pytest.raises(InputError) as refusal:
            fit_to(rows, split, tmp_path, options, checkpoint=kept, resume=True)
        assert str(refusal.value) == (
            f"{kept}: belongs to a run with other options or data; give the same ones, "
            "or leave out --resume to begin again"
        )
    resumed = fit_to(parts, split, tmp_path, checkpoint=kept, resume=True)
    assert weights(resumed) == weights(expected)
    assert resumed.fitted == expected.fitted
    assert not kept.exists()


# --- figures --------------------------------------------------------------------------------------


def known_test_rows(learned: Learned, head: int) -> tuple[Any, pl.DataFrame, Any]:
    """The test rows with an outcome of one head: probabilities, rows and classes."""
    part = learned.prepared.parts["test"]
    minutes = INTERVALS[head]
    rows = part.rows.with_row_index("place").filter(pl.col(f"outcome_{minutes}").is_not_null())
    said = predict(learned.model, part).softmax(2)[rows["place"].to_list(), head].double().numpy()
    return said, rows, (rows[f"outcome_{minutes}"] > 0).cast(int).to_numpy()


def words_right(learned: Learned, head: int, rows: pl.DataFrame, truth: Any) -> float:
    """How many test rows a bag of words over the rows of the training part has right."""
    train = learned.prepared.parts["train"].rows
    train = train.drop_nulls(f"outcome_{INTERVALS[head]}")
    known = (train[f"outcome_{INTERVALS[head]}"] > 0).cast(pl.Int64).to_numpy()
    right = bag_of_words_right(train["tokens"], known, rows["tokens"], truth)
    assert right is not None
    return float(right.sum())


def known_train_labels(learned: Learned, head: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    labels = learned.prepared.parts["train"].labels[:, head]
    return np.asarray(labels[labels != NO_LABEL])


@pytest.mark.parametrize("folds", [1, 2])
@pytest.mark.slow
def test_the_test_parts_of_all_folds_are_measured_together(tmp_path: Path, folds: int) -> None:
    rows = clean_rows(labelled_rows(), RULES)
    learned = [
        fit_to(parts, split, tmp_path / str(number))
        for number, (split, parts) in enumerate(walk_forward(rows, INTERVALS, folds))
    ]
    found = held_out_figures(learned, OPTIONS, "mine")
    assert [each.interval_minutes for each in found] == list(INTERVALS)
    for head, each in enumerate(found):
        minutes = INTERVALS[head]
        tested = [known_test_rows(one, head) for one in learned]
        days = [rows["session_date"].cast(pl.Int32).cast(pl.Int64) for _, rows, _ in tested]
        past = [
            [-1 if p is None or p == 0 else int(p > 0) for p in rows[f"past_{minutes}"]]
            for _, rows, _ in tested
        ]
        truth = np.concatenate([truth for *_, truth in tested])
        expected = figures(
            np.concatenate([p for p, *_ in tested]), truth, np.concatenate(days),
            tried=len(INTERVALS),
            majority=np.concatenate([
                np.full(len(truth), int(2 * known_train_labels(one, head).mean() >= 1))
                for one, (*_, truth) in zip(learned, tested, strict=True)
            ]),
            momentum=np.concatenate(past),
            return_bps=np.concatenate([rows[f"outcome_{minutes}"] for _, rows, _ in tested]),
        )  # fmt: skip
        right = sum(
            words_right(one, head, rows, truth)
            for one, (_, rows, truth) in zip(learned, tested, strict=True)
        )
        assert each.bag_of_words == pytest.approx(right / len(truth))
        assert asdict(each) == {
            **asdict(expected),
            "model": "mine",
            "symbol": "SPX",
            "target": "direction",
            "interval_minutes": minutes,
            "bag_of_words": each.bag_of_words,
        }
        assert each.momentum is not None
        assert each.rows == sum(len(truth) for *_, truth in tested)


@pytest.mark.slow
def test_a_head_without_outcomes_in_the_test_part_has_no_figures(cut: Rows, tmp_path: Path) -> None:
    split, parts = cut
    test = pl.col("part") == "test"
    bare = parts.with_columns(outcome_30=pl.when(~test).then("outcome_30"))
    learned = fit_to(bare, split, tmp_path)
    assert [each.interval_minutes for each in held_out_figures([learned], OPTIONS, "")] == [5]
    # A fold without them leaves the others as they are.
    whole = fit_to(parts, split, tmp_path)
    alone, both = (held_out_figures(each, OPTIONS, "") for each in ([whole], [whole, learned]))
    assert both[1] == alone[1]
    assert both[0].rows == 2 * alone[0].rows


def test_the_loss_of_a_coin_is_that_of_the_shares_of_the_training_part(
    cut: Rows, tmp_path: Path
) -> None:
    split, parts = cut
    prepared = fit_to(parts, split, tmp_path).prepared
    expected = []
    for seen, held in zip(
        prepared.parts["train"].labels.T, prepared.parts["validation"].labels.T, strict=True
    ):
        up = (seen[seen != NO_LABEL] == 1).mean()
        truth = held[held != NO_LABEL]
        expected.append(metrics.log_loss(truth, np.full(len(truth), up), labels=[0, 1]))
    assert coin_loss(prepared, OPTIONS) == pytest.approx(min(np.mean(expected), np.log(2)))
    flat = {
        name: replace(part, labels=np.zeros_like(part.labels))
        for name, part in prepared.parts.items()
    }
    downs = replace(prepared, parts=flat)
    assert coin_loss(downs, OPTIONS) == 0.0


def test_a_bag_of_words_that_one_fold_could_not_learn_is_none(cut: Rows, tmp_path: Path) -> None:
    split, parts = cut
    train = pl.col("part") == "train"
    one_class = parts.with_columns(outcome_5=pl.when(train).then(1.0).otherwise("outcome_5"))
    learned = [fit_to(each, split, tmp_path) for each in (parts, one_class)]
    first, second = held_out_figures(learned, OPTIONS, "")
    assert first.bag_of_words is None
    assert second.bag_of_words is not None


def test_own_labels_of_three_classes_have_figures_without_interval_and_momentum(
    cut: Rows, tmp_path: Path
) -> None:
    split, parts = cut
    own = parts.drop("past_5", "past_30", "outcome_30").rename({"outcome_5": "outcome_0"})
    own = own.with_columns(outcome_0=pl.int_range(pl.len()) % 3)
    options = replace(OPTIONS, intervals=(0,), target=Target("label", ("a", "b", "c")))
    learned = fit_to(own, split, tmp_path, options)
    assert learned.model.config.classes == 3
    (found,) = held_out_figures([learned], options, "mine")
    test = learned.prepared.parts["test"]
    said = predict(learned.model, test)[:, 0].argmax(1)
    truth = torch.tensor(test.rows["outcome_0"].to_list())
    assert (found.target, found.interval_minutes, found.momentum) == ("label", None, None)
    assert found.accuracy == pytest.approx((said == truth).float().mean().item())
    assert found.baseline == pytest.approx(np.bincount(truth).max() / len(truth))

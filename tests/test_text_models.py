"""Text classifiers of other programs through the commands: scored, judged, killed, changed."""

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tiny import contents, put_bars, put_tweets
from typer.testing import CliRunner

from tweetscore import api
from tweetscore.checks.leakage import audit
from tweetscore.cli.app import app
from tweetscore.errors import InputError
from tweetscore.scoring.changed import compare_folders
from tweetscore.scoring.score import score
from tweetscore.scoring.seen import seen_until
from tweetscore.store.database import Store, open_store

pytest.importorskip("tokenizers", reason="needs tweetscore[onnx-text]")
pytest.importorskip("onnx", reason="makes its graphs with onnx")

from text_folders import BERT, text_folder

AS = "up=positive,down=negative"
FLIPS = 100
TWEETS = [
    (1, "2018-12-19 15:00:10", "stocks up great day"),
    (2, "2018-12-19 15:01:10", "sad"),
    (3, "2018-12-19 15:02:10", "stocks up great day"),
    (4, "2018-12-19 15:03:10", "!"),
    (5, "2018-12-19 15:04:10", " "),
]


def invoke(*arguments: object, code: int | None = 0) -> Any:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert code is None or result.exit_code == code, result.output
    return result


def text_folders(db: Path) -> tuple[bool | None, str]:
    """Return what the doctor says of the folders that have scored."""
    (check,) = [each for each in api.doctor(db) if each.name == "text_folders"]
    return check.ok, check.fact


def silent(*_: object) -> None:
    pass


def run(store: Store, folder: Path, **reading: Any) -> Any:
    return score(store, api.load_model(folder, **reading), (), silent)


@pytest.fixture
def posts(store: Store) -> Store:
    put_tweets(store, TWEETS)
    put_bars(store, "2018-12-19 14:30", [2_500 + place % 7 for place in range(390)])
    return store


def test_labels_are_stored_class_by_class_and_nothing_is_scored_twice(
    posts: Store, tmp_path: Path
) -> None:
    folder = text_folder(tmp_path / "mood")
    account = run(posts, folder)
    assert (account.model, account.tweets, account.scored) == ("mood", 5, 4)
    assert account.skipped_reasons == {"empty_text": 1}
    sums = posts.rows(
        "SELECT tweet_id, count(*), round(sum(probability), 5) FROM probabilities "
        "WHERE interval_minutes IS NULL GROUP BY tweet_id ORDER BY ALL"
    )
    assert sums == [(each, 3, 1.0) for each in (1, 2, 3, 4)]
    again = run(posts, folder)
    assert again.skipped_reasons == {"already_scored": 4, "empty_text": 1}
    (rows,) = posts.row("SELECT count(*) FROM predictions")
    assert rows == 12


def test_labels_read_as_a_direction_are_in_the_views_of_a_direction(
    posts: Store, tmp_path: Path
) -> None:
    folder = text_folder(tmp_path / "mood")
    run(posts, folder)
    account = run(posts, folder, reads_as=AS, intervals=[5, 30], trained_until=None)
    assert account.model == f"mood {AS}"
    half = posts.rows(
        "SELECT s.tweet_id, interval_minutes, split, status, "
        "abs(probability_up - (1 + p.positive - p.negative) / 2) < 1e-6 "
        "FROM scored s JOIN (PIVOT probabilities ON class USING sum(probability) "
        "GROUP BY tweet_id) p USING (tweet_id) ORDER BY ALL"
    )
    assert half == [
        (each, minutes, "unknown", "ok", True) for each in (1, 2, 3, 4) for minutes in (5, 30)
    ]
    assert run(posts, folder, reads_as=AS, intervals=[15]).model_id == account.model_id
    (intervals,) = posts.row("SELECT list_sort(list(DISTINCT interval_minutes)) FROM scored")
    assert intervals == [5, 15, 30]


def test_posts_before_the_date_are_train_and_later_ones_outside(
    posts: Store, tmp_path: Path
) -> None:
    until = TWEETS[2][1]
    folder, db = text_folder(tmp_path / "mood"), posts.path
    posts.con.close()
    said = ("--as", AS, "--interval", 5, "--trained-until", until, "--db", db)
    invoke("score", "--model", folder, *said)
    with open_store(db, read_only=True) as store:
        splits = store.rows("SELECT tweet_id, split FROM scored ORDER BY ALL")
    assert splits == [(1, "train"), (2, "train"), (3, "outside"), (4, "outside")]
    assert invoke("score", "--model", folder, *said[:-3], "2019", "--db", db, code=1).stderr


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ({"reads_as": "up=positive,down=bad"}, "has no label bad; it has: negative"),
        ({"reads_as": "up=Positive,down=negative"}, "did you mean positive?"),
        ({"reads_as": "up=positive"}, "names no label that means down; add down=LABEL"),
        ({"reads_as": "positive"}, "'positive' is no up=LABEL or down=LABEL"),
        ({"reads_as": "up=positive,down=positive"}, "names positive twice"),
        ({"reads_as": AS, "intervals": ()}, "a direction needs a time ahead; add --interval 30"),
        ({"file": "model_int8.onnx"}, "choose one with --file: model.onnx"),
        ({"file": "../other/model.onnx"}, "lies outside the folder"),
    ],
)
def test_what_does_not_fit_the_folder_is_refused(
    tmp_path: Path, said: dict[str, Any], fact: str
) -> None:
    text_folder(tmp_path / "other")
    with pytest.raises(Exception, match=fact.replace("?", r"\?")) as refused:
        api.load_model(text_folder(tmp_path / "mood"), **{"intervals": [5], **said})
    assert "\n" not in str(refused.value)


def test_our_own_models_know_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="whose card says what it is; leave out --as"):
        api.load_model("reference", reads_as=AS, intervals=[5])
    folder = text_folder(tmp_path / "mood")
    with (
        api.open(tmp_path / "new.duckdb") as database,
        pytest.raises(InputError, match="is a text classifier of another program; name a model"),
    ):
        database.freeze(folder)


def test_model_shows_what_a_folder_is(tmp_path: Path) -> None:
    folder = text_folder(tmp_path / "mood")
    record = json.loads(invoke("model", folder, "--json").stdout)
    assert record.pop("files").keys() == record.pop("bytes").keys()
    model = api.load_model(folder)
    assert record == {
        "json_version": 1, "model": "mood", "model_id": model.model_id, "folder": str(folder),
        "target": "label", "classes": ["negative", "neutral", "positive"], "intervals": [],
        "file": "model.onnx", "function": "softmax", "max_tokens": 16, "inputs": list(BERT),
        "texts_alone": False, "uses_counts": False, "knows_until_utc": None,
    }  # fmt: skip
    shown = invoke("model", folder).stdout
    assert "nobody says; say it when scoring, with --trained-until" in shown
    assert "max tokens  " in invoke("model", "reference").stdout


@pytest.mark.slow
def test_a_changed_folder_is_found_and_refused_until_it_is_accepted(
    posts: Store, tmp_path: Path
) -> None:
    folder, db = text_folder(tmp_path / "mood"), posts.path
    posts.con.close()
    asked = ("score", "--model", folder, "--db", db)
    first = json.loads(invoke(*asked, "--json").stdout)["model_id"]
    text_folder(folder, seed=1)
    assert text_folders(db) == (False, f"1 found: {folder}: model.onnx changed since it scored")
    refused = invoke(*asked, code=1).stderr
    assert refused == (
        f"Error: {folder}: model.onnx changed since mood has scored in {db}; put the old file "
        "back, or score as another model with --accept-changed\n"
    )
    (tmp_path / "elsewhere").mkdir()
    moved = folder.rename(tmp_path / "elsewhere" / "mood")
    invoke("score", "--model", moved, "--db", db, code=1)
    second = json.loads(
        invoke("score", "--model", moved, "--db", db, "--accept-changed", "--json").stdout
    )
    assert second["model_id"] != first
    assert second["scored"] == 4
    invoke("score", "--model", moved, "--db", db)  # it is known now
    gone = f"{folder} is not there any more, and cannot be compared"
    assert text_folders(db) == (True, f"{gone}; {moved}: is as it was when it scored")


@pytest.mark.slow
def test_each_flipped_byte_of_a_scored_folder_is_found_and_refused(
    posts: Store, tmp_path: Path
) -> None:
    folder, db = text_folder(tmp_path / "mood"), posts.path
    posts.con.close()
    invoke("score", "--model", folder, "--db", db)
    before, draws = contents(db), random.Random(0)
    files = sorted(each for each in folder.iterdir())
    for _ in range(FLIPS):
        path = draws.choice(files)
        whole = path.read_bytes()
        place = draws.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= 1 << draws.randrange(8)
        path.write_bytes(changed)
        refused = invoke("score", "--model", folder, "--db", db, code=None).stderr
        assert refused.startswith("Error: ")
        assert refused.count("\n") == 1
        with open_store(db, read_only=True) as store:
            assert compare_folders(store)[0] is False
        path.write_bytes(whole)
    invoke("score", "--model", folder, "--db", db)
    assert text_folders(db)[0]
    assert contents(db) == before


def test_files_are_scored_as_a_database_is_and_can_be_imported(
    posts: Store, tmp_path: Path
) -> None:
    folder, db = text_folder(tmp_path / "mood"), posts.path
    said = ("--as", AS, "--interval", "5", "--trained-until", "2018")
    model = api.load_model(folder, reads_as=AS, intervals=[5], trained_until=seen_until("2018"))
    score(posts, model, (), silent)
    query = "FROM scored ORDER BY tweet_id"
    whole = posts.frame(query)
    posts.frame("SELECT * FROM tweets").write_parquet(tmp_path / "posts.parquet")
    posts.con.close()
    files = ("--input", tmp_path / "posts.parquet", "--output", tmp_path / "scored")
    invoke("score", "--model", folder, *said, *files, "--db", db)
    assert pl.read_parquet(tmp_path / "scored" / "*.parquet").sort("tweet_id").equals(whole)
    invoke("import", tmp_path / "scored", "--db", tmp_path / "other.duckdb")
    with open_store(tmp_path / "other.duckdb", read_only=True) as store:
        models = "SELECT name, model_id, knows_until_utc FROM models"
        assert store.rows(models) == [(model.name, model.model_id, model.knows_until_utc)]
        found = store.frame(query)
    same = ["tweet_id", "text", "probability_up", "predicted"]
    assert found.select(same).equals(whole.select(same))
    folder.joinpath("config.json").write_text("{}", "utf-8")
    invoke("score", "--model", folder, *said, *files, "--db", db, code=5)


@pytest.mark.slow
def test_the_audit_scores_texts_again_by_the_folder_that_has_scored(
    posts: Store, tmp_path: Path
) -> None:
    folder = text_folder(tmp_path / "mood")
    run(posts, folder)
    run(posts, folder, reads_as=AS, intervals=[5])
    run(posts, folder, reads_as=AS, intervals=[30])
    posts.con.execute("UPDATE predictions SET probability = 0.5 WHERE interval_minutes = 30")
    posts.con.close()
    found = [each for each in audit(posts.path, [str(folder)], 0) if "mood" in each.name]
    assert [(each.name, each.ok) for each in found] == [
        ("predictions mood", True),
        (f"predictions mood {AS}", False),
    ]
    assert found[1].fact.startswith(
        "4 found: twitter 1, 30 minutes, up: 0.500000, but scored again"
    )

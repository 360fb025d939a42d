"""Files in, files out: the same scores and windows as in a database, and no row lost."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from jobs import in_a_database, job_of, outputs, posts, results, run, write
from tiny import tiny_bundle

from tweetscore.errors import InputError, LockedError
from tweetscore.io.places import place_of
from tweetscore.market.horizons import Horizon
from tweetscore.scoring.bundle import Bundle
from tweetscore.scoring.files import local_engine, score_files
from tweetscore.scoring.inputs import find_shards
from tweetscore.scoring.job import Failed, Finished, Job, Shard, read_market
from tweetscore.scoring.manifest import read_finished
from tweetscore.scoring.plan import plan_files
from tweetscore.store.database import memory_store, open_store

pytestmark = pytest.mark.slow  # every run scores a folder

# --- the results ----------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_rows", [7, 65_536])
def test_results_are_those_of_a_database(
    bundle: Bundle, market: Path, tmp_path: Path, chunk_rows: int
) -> None:
    frames = [posts(200), posts(150, seed=1)]
    job = replace(job_of(market, bundle, tmp_path / "out"), chunk_rows=chunk_rows)
    account = run(write(tmp_path / "in", *frames), job)
    known = in_a_database(market, bundle, pl.concat(frames), tmp_path / "whole.duckdb")
    found = results(tmp_path / "out")
    assert found.equals(known)
    assert (account.shards, account.rows) == (2, 350)
    assert account.scored * 2 == found.height
    assert set(found["status"].unique()) == {"ok", "crosses_close", "no_data"}
    assert set(found["split"].unique()) == {"validation", "test", "after"}


def test_without_bars_no_score_has_a_window(bundle: Bundle, tmp_path: Path) -> None:
    horizons = (Horizon(30),)
    job = Job(bundle, horizons, read_market(memory_store(), horizons), place_of(tmp_path / "out"))
    account = run(write(tmp_path / "in", posts(50)), job)
    found = results(tmp_path / "out")
    assert found.height == account.scored
    assert found["symbol"].null_count() == found.height
    assert found["status"].unique().to_list() == ["no_data"]


def test_a_model_with_counts_skips_posts_without_them(market: Path, tmp_path: Path) -> None:
    counting, _ = tiny_bundle(tmp_path / "models" / "counting", counts=True)
    tweets = posts(100)
    account = run(write(tmp_path / "in", tweets), job_of(market, counting, tmp_path / "out"))
    known = in_a_database(market, counting, tweets, tmp_path / "whole.duckdb")
    assert results(tmp_path / "out").equals(known)
    assert account.reasons["no_counts"] > 0


def test_every_row_is_scored_skipped_or_rejected_with_its_number(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    tweets = (
        posts(60)
        .with_row_index("n")
        .with_columns(
            tweet_id=pl.when(pl.col("n") == 3).then(None).otherwise("tweet_id"),
            posted_utc=pl.when(pl.col("n") == 10).then(None).otherwise("posted_utc"),
            text=pl.when(pl.col("n").is_in([10, 11])).then(None).otherwise("text"),
        )
    )
    inputs = write(tmp_path / "in", tweets)
    account = run(inputs, job_of(market, bundle, tmp_path / "out"))
    assert account.rejected == 3
    listed = (tmp_path / "out" / "_manifest" / "rejects" / "0.parquet.jsonl").read_text()
    assert [json.loads(line) for line in listed.splitlines()] == [
        {"row": row, "reason": reason, "file": str(inputs / "0.parquet")}
        for row, reason in ((4, "no tweet_id"), (11, "no posted_utc"), (12, "no text"))
    ]
    assert results(tmp_path / "out")["tweet_id"].n_unique() == account.scored


def test_a_post_that_a_file_holds_twice_is_scored_twice(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    once = posts(40)
    account = run(
        write(tmp_path / "in", pl.concat([once, once])), job_of(market, bundle, tmp_path / "out")
    )
    found = results(tmp_path / "out")
    assert account.rows == 80
    assert found.height == account.scored * 2
    assert found[::2].equals(found[1::2])


def test_times_with_a_zone_are_read_as_the_moments_they_are(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    tweets = posts(40)
    zoned = tweets.with_columns(
        pl.col("posted_utc").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    )
    run(write(tmp_path / "in", zoned), job_of(market, bundle, tmp_path / "out"))
    known = in_a_database(market, bundle, tweets, tmp_path / "whole.duckdb")
    assert results(tmp_path / "out").equals(known)


# --- shards ---------------------------------------------------------------------------------------


def test_partitions_stay_and_what_is_hidden_is_passed_by(tmp_path: Path) -> None:
    root, output = tmp_path / "in", place_of(tmp_path / "out")
    for name in ("year=2018/a", "year=2019/a", "_old/a", ".tmp/a", "year=2018/_part"):
        path = root / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        posts(3).write_parquet(path)
    names = ["year=2018/a.parquet", "year=2019/a.parquet"]
    assert [each.name for each in find_shards([str(root)], output)] == names
    assert [each.name for each in find_shards([f"{root}/*/*.parquet"], output)] == names
    assert [each.name for each in find_shards([f"{root}/**/a.parquet"], output)] == names
    assert [each.name for each in find_shards([str(root / names[0])], output)] == ["a.parquet"]


def test_two_files_of_one_name_and_none_at_all_are_refused(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a", posts(2)), write(tmp_path / "b", posts(2))
    with pytest.raises(InputError, match="has the same name as"):
        find_shards([str(first), str(second)], place_of(tmp_path / "out"))
    with pytest.raises(InputError, match=r"no/\*\.parquet: no Parquet file found"):
        find_shards([f"{tmp_path}/no/*.parquet"], place_of(tmp_path / "out"))


# --- what goes wrong ------------------------------------------------------------------------------


def spoilt(tmp_path: Path) -> Path:
    """Four shards, of which one is cut off, one lacks a column, and one has a wrong type."""
    inputs = write(tmp_path / "in", posts(30), posts(30, 1), posts(30, 2), posts(30, 3))
    content = (inputs / "1.parquet").read_bytes()
    (inputs / "1.parquet").write_bytes(content[:-40])
    posts(30, 2).drop("text").write_parquet(inputs / "2.parquet")
    posts(30, 3).with_columns(pl.col("tweet_id").cast(pl.String)).write_parquet(
        inputs / "3.parquet"
    )
    return inputs


def test_a_spoilt_shard_is_listed_and_the_others_are_scored(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = spoilt(tmp_path)
    account = run(inputs, job_of(market, bundle, tmp_path / "out"))
    assert [each.name for each in account.failed] == ["1.parquet", "2.parquet", "3.parquet"]
    cut, lacking, wrong = (each.reason for each in account.failed)
    assert cut.startswith(f"{inputs / '1.parquet'}: unreadable Parquet (")
    assert lacking == (
        f"{inputs / '2.parquet'}: has no column text; shards have the columns of the table tweets, "
        "as tweetscore export writes them"
    )
    assert wrong == (
        f"{inputs / '3.parquet'}: its column tweet_id is large_string; "
        "write it as a signed whole number"
    )
    assert set(outputs(tmp_path / "out")) == {"0.parquet"}


def test_a_plan_says_what_is_left_and_writes_nothing(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = spoilt(tmp_path)
    job = job_of(market, bundle, tmp_path / "out")
    before = plan_files([str(inputs)], job)
    assert not (tmp_path / "out").exists()
    assert (before.shards, before.already_finished, before.rows) == (4, 0, 30)
    assert [each.name for each in before.unreadable] == ["1.parquet", "2.parquet", "3.parquet"]
    assert before.tried == "0.parquet"
    assert before.seconds is not None
    run(inputs, job)
    after = plan_files([str(inputs)], job)
    assert (after.already_finished, after.rows, after.tried, after.seconds) == (1, 0, None, None)
    with pytest.raises(InputError, match="its intervals differ"):
        plan_files([str(inputs)], job_of(market, bundle, tmp_path / "out", (30,)))


def test_a_second_run_does_what_is_missing(bundle: Bundle, market: Path, tmp_path: Path) -> None:
    inputs = spoilt(tmp_path)
    job = job_of(market, bundle, tmp_path / "out")
    run(inputs, job)
    before = (tmp_path / "out" / "0.parquet").stat().st_mtime_ns
    for seed in (1, 2, 3):
        posts(30, seed).write_parquet(inputs / f"{seed}.parquet")
    account = run(inputs, job)
    assert (account.shards, account.already_finished, account.failed) == (4, 1, ())
    assert account.rows == 120
    assert (tmp_path / "out" / "0.parquet").stat().st_mtime_ns == before
    again = run(inputs, job)
    assert (again.already_finished, again.rows, again.scored) == (4, 120, account.scored)


def test_a_shard_that_changed_or_whose_result_is_gone_is_made_again(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", posts(30), posts(30, 1), posts(30, 2))
    job = job_of(market, bundle, tmp_path / "out")
    run(inputs, job)
    whole = outputs(tmp_path / "out")
    posts(20, 9).write_parquet(inputs / "1.parquet")
    (tmp_path / "out" / "2.parquet").unlink()
    account = run(inputs, job)
    assert (account.already_finished, account.rows) == (1, 80)
    now = outputs(tmp_path / "out")
    assert now["0.parquet"] == whole["0.parquet"]
    assert now["1.parquet"] != whole["1.parquet"]
    assert now["2.parquet"] == whole["2.parquet"]
    finished = read_finished(job.output, job.output.entries())
    assert {each.name: each.rows for each in finished} == {
        "0.parquet": 30,
        "1.parquet": 20,
        "2.parquet": 30,
    }


def test_a_shard_that_was_edited_in_place_is_made_again(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", posts(30))
    job = job_of(market, bundle, tmp_path / "out")
    shard = inputs / "0.parquet"
    posts(30).write_parquet(shard, compression="uncompressed")
    run(inputs, job)
    before, when = shard.read_bytes(), shard.stat().st_mtime_ns
    edited = before.replace(b"stocks up great day", b"stocks down sad day", 1)
    assert len(edited) == len(before)
    assert edited != before
    shard.write_bytes(edited)
    os.utime(shard, ns=(when, when))
    assert run(inputs, job).already_finished == 0
    assert run(inputs, job).already_finished == 1


def test_results_are_never_scored_themselves(bundle: Bundle, market: Path, tmp_path: Path) -> None:
    inputs = write(tmp_path / "in", posts(30))
    for given, output in (
        (str(inputs), inputs / "out"),
        (str(inputs), inputs),
        (f"{tmp_path}/**/*.parquet", inputs),
    ):
        with pytest.raises(InputError, match="lies among the files to score"):
            run(given, job_of(market, bundle, output))
    assert sorted(each.name for each in inputs.iterdir()) == ["0.parquet"]
    pattern = f"{inputs}/**/*.parquet"  # nothing of the output is there yet, the first time
    run(pattern, job_of(market, bundle, inputs / "out"))
    with pytest.raises(InputError, match="lies among the files to score"):
        run(pattern, job_of(market, bundle, inputs / "out"))


def test_of_two_runs_into_one_output_the_second_is_told(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", posts(30), posts(30, 1))
    job = job_of(market, bundle, tmp_path / "out")

    def meanwhile(job: Job, shards: Sequence[Shard]) -> Iterator[Finished | Failed]:
        with pytest.raises(LockedError, match="another run writes there now; wait until it ends"):
            run(inputs, job)
        yield from local_engine(job, shards)

    account = score_files([str(inputs)], job, meanwhile, lambda *_: None)
    assert (account.rows, account.failed) == (60, ())
    assert run(inputs, job).already_finished == 2


def test_a_run_that_was_killed_in_the_manifest_goes_on(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", posts(30), posts(30, 1), posts(30, 2))
    job = job_of(market, bundle, tmp_path / "out")

    def killed(job: Job, shards: Sequence[Shard]) -> Iterator[Finished | Failed]:
        for number, each in enumerate(local_engine(job, shards)):
            if number == 2:
                raise KeyboardInterrupt
            yield each

    with pytest.raises(KeyboardInterrupt):
        score_files([str(inputs)], job, killed, lambda *_: None)
    manifest = tmp_path / "out" / "_manifest" / "shards.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    assert len(lines) == 2
    manifest.write_text(lines[0] + lines[1][:25])  # and the disk kept half of the second line
    account = run(inputs, job)
    assert (account.already_finished, account.rows) == (1, 90)
    whole = job_of(market, bundle, tmp_path / "whole")
    run(inputs, whole)
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_results_of_another_run_are_never_mixed(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    inputs = write(tmp_path / "in", posts(10))
    output = tmp_path / "out"
    job = job_of(market, bundle, output)
    run(inputs, job)
    other, _ = tiny_bundle(tmp_path / "models" / "other", seed=1)
    no_bars = read_market(memory_store(), (5, 30))
    for wrong, says in (
        (job_of(market, other, output), f"its model differ ({bundle.model_id}, now"),
        (job_of(market, bundle, output, (30,)), "its intervals differ ([5, 30], now [30])"),
        (replace(job, market=no_bars), "its bars or rules differ; choose another --output"),
    ):
        with pytest.raises(InputError) as refusal:
            run(inputs, wrong)
        assert says in str(refusal.value)


def test_a_folder_with_something_else_is_not_written_to(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(
        InputError, match="is not empty and holds no results; choose another --output"
    ):
        run(write(tmp_path / "in", posts(3)), job_of(market, bundle, tmp_path / "out"))


def test_an_interval_without_windows_or_head_is_refused(
    bundle: Bundle, market: Path, tmp_path: Path
) -> None:
    with open_store(market, read_only=True) as store, pytest.raises(InputError, match="7 minutes"):
        read_market(store, (Horizon(7),))
    job = replace(job_of(market, bundle, tmp_path / "out"), horizons=(Horizon(10),))
    with pytest.raises(InputError, match="does not predict 10 minutes"):
        run(write(tmp_path / "in", posts(3)), job)


def test_the_market_is_known_by_its_windows_and_rules(market: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(market.read_bytes())
    with open_store(copy) as store:
        same = read_market(store, (5, 30)).fingerprint
        store.con.execute("UPDATE settings SET flat_bps = 1")
        other_rules = read_market(store, (5, 30)).fingerprint
    with open_store(market, read_only=True) as store:
        known = read_market(store, (5, 30)).fingerprint
        one_less = read_market(store, (30,)).fingerprint
    assert known == same
    assert len({known, other_rules, one_less}) == 3

"""Damaged records in JSON: they cost themselves, never their neighbours.

Quotes, brackets, commas and colons are lost or doubled at random; what is left of each record is
judged by Python's own parser.
"""

import io
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl
import pytest
from posts import read_all, stored_as

from tweetscore.io.json_array import json_array_records
from tweetscore.io.json_walk import walked_records
from tweetscore.io.records import Records, parse

POSTS = 300
SEPARATORS = {
    "one a line": ",\n",
    "one a line, of Windows": ",\r\n",
    "commas first": "\n,",
    "one line": ",",
    "indented": ",\n  ",
}


def post(number: int, rng: random.Random) -> dict[str, object]:
    return {
        "created_at": f"Mon Jan 01 00:{number // 60:02}:{number % 60:02} +0000 2018",
        "id": 10**15 + number,
        "text": rng.choice(['he said "hi", {ok}', "a, b [c]\n", "plain é", "},{"]),
        "entities": {"urls": [{"url": "u", "n": 1}, {"url": "v"}], "tags": []},
        "retweeted_status": {"created_at": "x", "id": 3} if number % 7 == 0 else None,
        "lang": "en",
    }


def damaged(record: str, rng: random.Random) -> str:
    """Lose or double one of what holds JSON together."""
    octet = rng.choice('"{}[],:')
    place = rng.choice([place for place, each in enumerate(record) if each == octet])
    doubled = octet * 2 if rng.random() < 0.3 else ""
    return record[:place] + doubled + record[place + 1 :]


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def written(separator: str, share: float) -> tuple[list[str], set[int]]:
    """Return records of which a share is damaged, and the ids of the others."""
    rng = random.Random(f"{separator} {share}")
    records, whole = [], set()
    for number in range(POSTS):
        record = json.dumps(post(number, rng), indent=2 if separator.endswith("  ") else None)
        record = record.replace("\n", "\n  ")
        if rng.random() < share:
            record = damaged(record, rng)
        if is_json(record):
            whole.add(10**15 + number)
        records.append(record)
    return records, whole


def as_table(data: bytes) -> pl.DataFrame:
    return pl.read_ndjson(io.BytesIO(data), schema={"id": pl.Int64, "text": pl.String})


def read(blocks: Iterator[Records]) -> tuple[list[int], int]:
    """Return the ids of all that is a post, and the number of all else."""
    ids, others = [], 0
    for records in blocks:
        rows, rejects = parse(records, as_table)
        ids += rows["id"].drop_nulls().to_list()
        others += rejects.height + rows["id"].null_count()
    return ids, others


def array(content: bytes) -> Iterator[Records]:
    return json_array_records(io.BytesIO(content), block_bytes=25_000)


def walk(*steps: str) -> Callable[[bytes], Iterator[Records]]:
    return lambda content: walked_records(io.BytesIO(content), steps, block_bytes=25_000)


def under_a_key(records: Sequence[str], separator: str) -> str:
    return f'{{"meta": {{"n": 5}}, "tweets": [{separator.join(records)}], "next": "x"}}'


def keyed(records: Sequence[str], separator: str) -> str:
    pairs = [f'"{number}": {record}' for number, record in enumerate(records)]
    return f"{{{separator.join(pairs)}}}"


@pytest.mark.parametrize("share", [0, 0.03, 0.3])
@pytest.mark.parametrize("separator", SEPARATORS.values(), ids=SEPARATORS)
@pytest.mark.parametrize(
    ("wrap", "cut"),
    [
        (lambda records, separator: f"[{separator.join(records)}]", array),
        (under_a_key, walk("tweets", "[]")),
        (keyed, walk("{}")),
    ],
    ids=["an array", "an array under a key", "keyed by number"],
)
@pytest.mark.slow
def test_damaged_records_cost_no_whole_one(
    wrap: Callable[[Sequence[str], str], str],
    cut: Callable[[bytes], Iterator[Records]],
    separator: str,
    share: float,
) -> None:
    records, whole = written(separator, share)
    ids, others = read(cut(wrap(records, separator).encode()))
    found = {each for each in ids if each >= 10**15}
    assert found >= whole
    # What is left of a damaged record may be one that is whole; no two become one post.
    assert len(found) == sum(each >= 10**15 for each in ids)
    assert len(found - whole) <= 0.1 * (POSTS - len(whole))
    assert len(ids) + others >= 0.97 * POSTS
    if not share:
        assert (len(ids), others) == (POSTS, 0)


@pytest.mark.parametrize("place", [0, 1, 149])
def test_a_damaged_record_at_any_place_is_one_record(place: int) -> None:
    records, _ = written(",", 0)
    records[place] = records[place].replace('"text": "', '"text": ', 1)
    blocks = list(array(f"[{','.join(records)}]".encode()))
    values = [each.part(k, k + 1).data for each in blocks for k in range(len(each))]
    assert [value.strip().decode() for value in values] == records


def test_records_without_a_line_of_their_own_are_records_among_those_that_have_one() -> None:
    records, whole = written(",\n", 0)
    separators = [", " if 150 <= number < 180 else ",\n" for number in range(POSTS)]
    parts = [part for pair in zip(records, separators, strict=True) for part in pair]
    content = f"[\n{''.join(parts[:-1])}\n]\n".encode()
    places = [content.index(f'"id": {each}'.encode()) for each in sorted(whole)]
    rows, rejects = [], []
    for records_of_block in json_array_records(io.BytesIO(content), block_bytes=25_000):
        found, refused = parse(records_of_block, as_table)
        rows += found.select("id", "line", "byte_offset").rows()
        rejects += refused.rows()
    assert not rejects
    assert rows == [
        (each, 1 + content.count(b"\n", 0, place), content.rindex(b'{"created_at": "M', 0, place))
        for each, place in zip(sorted(whole), places, strict=True)
    ]


def test_activities_without_a_line_of_their_own_are_counted_as_what_they_are(
    tmp_path: Path,
) -> None:
    def activity(number: int) -> str:
        status = f"https://m.example/users/a/statuses/{109 * 10**15 + number * (1 << 26)}"
        note = {"id": status, "published": "2022-10-01T00:00:00Z", "content": f"words {number}"}
        create = {
            "id": f"{status}/activity",
            "type": "Create",
            "actor": "https://m.example/users/a",
        }
        return json.dumps({**create, "object": note})

    parts = [activity(n) + (", " if 300 <= n < 360 else ",\n") for n in range(600)]
    content = f'{{"type": "OrderedCollection", "orderedItems": [\n{"".join(parts)[:-2]}\n]}}'
    found = read_all(stored_as(tmp_path / "outbox.json", content.encode()), 20_000)
    assert found.tweets["text"].to_list() == [f"words {number}" for number in range(600)]
    assert (found.rows_read, found.rejects.height) == (600, 0)


def test_files_joined_without_a_break_or_with_marks_between_them_lose_no_post(
    tmp_path: Path,
) -> None:
    posts = [
        {"created_at": f"2021-05-10T14:30:{second:02}Z", "body": f"rain é {second}"}
        for second in range(40)
    ]
    lines = [json.dumps(post, ensure_ascii=False).encode() + b"\n" for post in posts]
    for place in (9, 10, 22):  # three on one line, two on another
        lines[place] = lines[place].rstrip()
    lines[30] = b"\xef\xbb\xbf" + lines[30]
    (tmp_path / "posts").write_bytes(b"".join(lines))
    batch = read_all(tmp_path / "posts")
    assert batch.rejects.is_empty()
    assert batch.tweets["text"].to_list() == [post["body"] for post in posts]
    assert batch.tweets["line"].to_list() == [
        1 + row - sum(row > place for place in (9, 10, 22)) for row in range(40)
    ]
    content = b"".join(lines)
    offsets = batch.tweets["byte_offset"].to_list()
    assert all(content[at:].startswith((b"{", b"\xef\xbb\xbf{")) for at in offsets)

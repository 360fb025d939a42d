"""Five labelled texts go through every form of file; the study's tables get their times back."""

import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tweetscore.errors import InputError, TweetscoreError
from tweetscore.io.data_file import DataFile
from tweetscore.scoring.card import is_name
from tweetscore.study.tables import read_study_table, study_minutes
from tweetscore.training.labelled import Labelled, read_labelled

HEADER = ("text", "label", "retweet_count", "favorite_count", "posted_utc")
NOON = datetime(2018, 1, 31, 12)
ROWS = [
    ('Up, up and "away"!', "up", 12, 40, NOON),
    ("null", "down", 0, 0, NOON + timedelta(minutes=1)),
    ("Grüße 🚀 from\nthe second line", "flat", None, 3, NOON + timedelta(seconds=61)),
    ("none", "up", 7, None, None),
    ("NaN", "None", 1, 1, NOON),
]
CLASSES = ("None", "down", "flat", "up")
Rows = Sequence[Sequence[Any]]


# --- the forms ------------------------------------------------------------------------------------


def separated(rows: Rows = ROWS, header: Sequence[str] = HEADER, separator: str = ",") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator).writerows([header, *rows])
    return out.getvalue().encode()


def objects(rows: Rows = ROWS, header: Sequence[str] = HEADER) -> list[dict[str, Any]]:
    return [dict(zip(header, row, strict=True)) for row in rows]


def json_array(rows: Rows = ROWS, header: Sequence[str] = HEADER, indent: int | None = 1) -> bytes:
    return json.dumps(objects(rows, header), default=str, indent=indent).encode()


def json_lines(rows: Rows = ROWS, header: Sequence[str] = HEADER) -> bytes:
    lines = [json.dumps(each, default=str) for each in objects(rows, header)]
    return "\n".join(lines).encode()


def parquet(rows: Rows = ROWS, header: Sequence[str] = HEADER) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(list(rows), schema=list(header), orient="row", strict=False).write_parquet(out)
    return out.getvalue()


def zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("rows.csv", content)
    return out.getvalue()


def floats(rows: Rows) -> Rows:
    """Counts as pandas writes them where one is missing."""
    return [
        (*row[:2], *(None if n is None else float(n) for n in row[2:4]), row[4]) for row in rows
    ]


CSV_LINES = [2, 3, 4, 6, 7]  # one text has two lines
JSON_LINES = [1, 2, 3, 4, 5]
FORMS: dict[str, tuple[Callable[[], bytes], list[int]]] = {
    "csv": (separated, CSV_LINES),
    "csv, counts as floats": (lambda: separated(floats(ROWS)), CSV_LINES),
    "csv.gz": (lambda: gzip.compress(separated()), CSV_LINES),
    "csv.zst": (lambda: zstandard.compress(separated()), CSV_LINES),
    "csv in a zip": (lambda: zipped(separated()), CSV_LINES),
    "csv in UTF-16": (lambda: separated().decode().encode("utf-16"), CSV_LINES),
    "tsv": (lambda: separated(separator="\t"), CSV_LINES),
    "semicolons": (lambda: separated(separator=";"), CSV_LINES),
    "json array": (lambda: json_array(indent=None), [1] * 5),
    "json, pretty": (json_array, [2, 9, 16, 23, 30]),
    "jsonl": (json_lines, JSON_LINES),
    "jsonl.gz": (lambda: gzip.compress(json_lines()), JSON_LINES),
    "parquet": (parquet, JSON_LINES),
    "parquet, counts as floats": (lambda: parquet(floats(ROWS)), JSON_LINES),
}


def read(folder: Path, content: bytes, **columns: str) -> Labelled:
    path = folder / "rows.dat"
    path.write_bytes(content)
    return read_labelled(path, columns)


def frame(rows: Rows, lines: Sequence[int], classes: Sequence[str] = CLASSES) -> pl.DataFrame:
    """What the rows should become."""
    return pl.DataFrame(
        [
            (text, classes.index(label), *rest, line)
            for (text, label, *rest), line in zip(rows, lines, strict=True)
        ],
        schema={
            "text": pl.String,
            "label": pl.Int64,
            "retweet_count": pl.Int64,
            "favorite_count": pl.Int64,
            "posted_utc": pl.Datetime("us"),
            "line": pl.Int64,
        },
        orient="row",
    )


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(form: str, tmp_path: Path) -> None:
    write, lines = FORMS[form]
    labelled = read(tmp_path, write())
    assert_frame_equal(labelled.rows, frame(ROWS, lines))
    assert labelled.classes == CLASSES
    assert labelled.rejects.rows() == []
    assert labelled.rejects.schema == {"line": pl.Int64, "reason": pl.String, "raw": pl.String}
    assert not labelled.has_counts
    assert not labelled.has_times


def test_hash_is_of_the_content_as_ingest_has_it(tmp_path: Path) -> None:
    labelled = read(tmp_path, gzip.compress(separated()))
    assert labelled.sha256 == hashlib.sha256(separated()).hexdigest()
    assert labelled.sha256 == DataFile(tmp_path / "rows.dat").digest()[0]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00")).filter(
    lambda text: any(map(str.isalnum, text))
)
LABEL = TEXT.map(str.strip).filter(lambda label: is_name(label) and not label.endswith("0"))
COUNT = st.none() | st.integers(0, 2**63 - 1)
TIME = st.none() | st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1))
FORM = st.sampled_from([separated, json_array, json_lines, parquet])


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, LABEL, COUNT, COUNT, TIME), min_size=2, max_size=8), FORM)
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, int | None, int | None, datetime | None]],
    write: Callable[..., bytes],
) -> None:
    # Written with all microseconds: a column of times has one form.
    stamped = [(*row[:4], row[4] and row[4].isoformat(timespec="microseconds")) for row in rows]
    folder = tmp_path_factory.mktemp("rows")
    if len({label for _, label, *_ in rows}) == 1:
        with pytest.raises(InputError, match="nothing to learn"):
            read(folder, write(stamped))
        return
    labelled = read(folder, write(stamped))
    assert labelled.rejects.rows() == []
    names = [labelled.classes[place] for place in labelled.rows["label"]]
    back = labelled.rows.drop("label", "line").insert_column(1, pl.Series("label", names))
    assert back.rows() == rows
    assert labelled.has_counts == (None not in [count for row in rows for count in row[2:4]])
    assert labelled.has_times == (None not in [row[4] for row in rows])


# --- columns --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        ("texts", "class", "retweets", "likes", "created_at_utc"),
        ("full_text", "category", "shares", "Favorites", "Timestamp UTC"),
        ("Body", "Target", "retweetCount", "likeCount", "date_utc"),
        ("content", "sentiment", "reposts", "favourites", "timeUTC"),
        ("message", "y", "reblogs", "favorite-count", "published_utc"),
        ("tweet", " LABEL ", "Retweet Count", "like count", "Posted UTC"),
    ],
)
def test_columns_are_known_by_other_names(header: Sequence[str], tmp_path: Path) -> None:
    labelled = read(tmp_path, separated(header=header))
    assert_frame_equal(labelled.rows, frame(ROWS, CSV_LINES))


def test_given_columns_count_before_known_ones(tmp_path: Path) -> None:
    rows = [("a title", "x", "b", "0", "down", 1, 2), ("a title", "y", "d", "1", "up", 3, 4)]
    header = ("text", "body", "label", "y", "mood", "retweets", "likes")
    given_columns = {"text": "body", "label": "mood", "favorite_count": "retweets"}
    labelled = read(tmp_path, json_lines(rows, header), **given_columns)
    expected = [("x", "down", None, 1, None), ("y", "up", None, 3, None)]
    assert_frame_equal(labelled.rows, frame(expected, [1, 2], ("down", "up")))


def test_column_given_as_empty_is_left_out(tmp_path: Path) -> None:
    rows = [("x", "down", 1, 2, "yesterday"), ("y", "up", 3, 4, "today")]
    labelled = read(tmp_path, separated(rows), posted_utc="", favorite_count="")
    expected = [("x", "down", 1, None, None), ("y", "up", 3, None, None)]
    assert_frame_equal(labelled.rows, frame(expected, [2, 3], ("down", "up")))


# --- classes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ((10, 9, -1), ("-1", "9", "10")),
        (("1.0", "0", "1"), ("0", "1")),
        ((0.5, 1e-3, 2.0), ("0.001", "0.5", "2")),
        ((True, False), ("false", "true")),
        (("10", "9", "x"), ("10", "9", "x")),
        (("NaN", "1", "null"), ("1", "NaN", "null")),
        ((" up", "up ", "Up"), ("Up", "up")),
        (("1_0", "9"), ("1_0", "9")),
        (("1e999", "-1e999", "3"), ("-1e999", "3", "1e999")),
    ],
)
def test_classes_are_sorted_as_numbers_where_all_are(
    labels: Sequence[Any], classes: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [(f"text {label}", label) for label in labels]
    labelled = read(tmp_path, json_lines(rows, ("text", "label")))
    assert labelled.classes == classes
    assert labelled.rows["label"].max() == len(classes) - 1


def test_a_thousand_classes_are_allowed(tmp_path: Path) -> None:
    rows = [(f"text {number}", number) for number in range(1_000)]
    labelled = read(tmp_path, separated(rows, ("text", "label")))
    assert labelled.classes == tuple(map(str, range(1_000)))
    assert labelled.rows["label"].to_list() == list(range(1_000))


# --- times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "times"),
    [
        ("posted_utc", ["2018-01-31 12:00:00", "2018-01-31 12:01:00"]),
        ("whenever UTC", ["2018-01-31 12:00", "2018-01-31 12:01"]),
        ("date", ["2018-01-31T12:00:00Z", "2018-01-31T13:01:00+01:00"]),
        ("time", ["2018-01-31T07:00:00.000-05:00", "2018-01-31T12:01:00.000+00:00"]),
        ("created_at", ["Wed Jan 31 12:00:00 +0000 2018", "Wed Jan 31 12:01:00 +0000 2018"]),
        ("timestamp", [1517400000, 1517400060]),
        ("timestamp", [1517400000000, 1517400060000]),
    ],
)
def test_times_are_utc_by_zone_or_by_name(column: str, times: list[Any], tmp_path: Path) -> None:
    rows = [("a", "x", times[0]), ("b", "y", times[1])]
    given_columns = {"posted_utc": column} if column.startswith("when") else {}
    header = ("text", "label", column)
    for content in (separated(rows, header), json_lines(rows, header), parquet(rows, header)):
        labelled = read(tmp_path, content, **given_columns)
        assert labelled.rows["posted_utc"].to_list() == [NOON, NOON + timedelta(minutes=1)]
        assert labelled.has_times


def test_parquet_times_keep_their_zone(tmp_path: Path) -> None:
    times = [NOON.replace(tzinfo=UTC), NOON.replace(tzinfo=UTC) + timedelta(hours=1)]
    table = pl.DataFrame({"text": ["a", "b"], "label": [0, 1], "time": times})
    out = io.BytesIO()
    table.with_columns(pl.col("time").dt.convert_time_zone("Asia/Tokyo")).write_parquet(out)
    labelled = read(tmp_path, out.getvalue())
    assert labelled.rows["posted_utc"].to_list() == [NOON, NOON + timedelta(hours=1)]


def test_times_without_a_zone_are_utc_once_the_user_says_so(tmp_path: Path) -> None:
    rows = [("a", "x", "2018-01-31 12:00:00"), ("b", "y", "2018-01-31 12:01:00")]
    content = separated(rows, ("text", "label", "date"))
    with pytest.raises(InputError) as raised:
        read(tmp_path, content)
    assert str(raised.value) == (
        f"{tmp_path / 'rows.dat'}: the times in 'date' carry no zone; if they are UTC say "
        "--column posted_utc=date, else leave the column out with --column posted_utc="
    )
    assert read(tmp_path, content, posted_utc="date").rows["posted_utc"][0] == NOON


# --- rejects and refusals -------------------------------------------------------------------------


def test_each_bad_row_has_a_line_and_a_reason(tmp_path: Path) -> None:
    lines = [
        "text,label,retweet_count,favorite_count,posted_utc",
        "good,up,1,2,2018-01-31 12:00:00",
        ",up,1,2,2018-01-31 12:00:00",
        '"  ",up,1,2,2018-01-31 12:00:00',
        "no label,,1,2,2018-01-31 12:00:00",
        'blank label," ",1,2,2018-01-31 12:00:00',
        "late,up,1,2,yesterday",
        "zoned,up,1,2,2018-01-31 12:00:00Z",
        "half,up,1.5,2,",
        "word,up,1,many,",
        "below,up,-1,2,",
        "large,up,1,9223372036854775808,",
        "short,up",
        "long,up,1,2,,,",
        "also good,down,1.0,,",
        'for people,up,"1,041",1.2K,',
    ]
    labelled = read(tmp_path, "\n".join(lines).encode())
    expected = [
        ("good", "up", 1, 2, NOON),
        ("also good", "down", 1, None, None),
        ("for people", "up", 1_041, 1_200, None),
    ]
    assert_frame_equal(labelled.rows, frame(expected, [2, 15, 16], ("down", "up")))
    assert labelled.rejects.select("line", "reason").rows() == [
        (3, "has no text"),
        (4, "has no text"),
        (5, "has no label"),
        (6, "has no label"),
        (7, "\"posted_utc\" is not a time like the others: 'yesterday'"),
        (8, "\"posted_utc\" is not a time like the others: '2018-01-31 12:00:00Z'"),
        (9, "\"retweet_count\" is not a whole number from 0 on: '1.5'"),
        (10, "\"favorite_count\" is not a whole number from 0 on: 'many'"),
        (11, "\"retweet_count\" is not a whole number from 0 on: '-1'"),
        (12, "\"favorite_count\" is not a whole number from 0 on: '9223372036854775808'"),
        (13, "cannot be parsed: fewer fields than in the header"),
        (14, labelled.rejects["reason"][11]),  # in the words of polars
    ]
    assert json.loads(labelled.rejects["raw"][2]) == {
        "text": "no label",
        "label": None,
        "retweet_count": "1",
        "favorite_count": "2",
        "posted_utc": "2018-01-31 12:00:00",
    }
    assert labelled.rejects["raw"][10] == "short,up"


def test_lines_that_are_no_json_are_rejects_too(tmp_path: Path) -> None:
    content = b'{"text": "a", "label": 0}\n{"text": "b"}\n{"text": \n{"text": "c", "label": 1}\n'
    labelled = read(tmp_path, content)
    assert labelled.rows.select("text", "label", "line").rows() == [("a", 0, 1), ("c", 1, 4)]
    assert labelled.rejects["line"].to_list() == [2, 3]


TWO = [("a", "x"), ("b", "y")]
REFUSED: dict[str, tuple[bytes, dict[str, str], str]] = {
    "no column of labels": (
        separated(TWO, ("text", "mood")),
        {},
        "has no column recognised as label (it has 'text', 'mood'); "
        "name it with --column label=NAME",
    ),
    "no column of texts": (
        json_lines(TWO, ("words", "label")),
        {},
        "has no column recognised as text (it has 'words', 'label'); "
        "name it with --column text=NAME",
    ),
    "a given column that is not there": (
        separated(TWO, ("text", "label")),
        {"label": "mood"},
        "has no column 'mood' (it has 'text', 'label'); use --column label=NAME with one of these",
    ),
    "one class": (
        separated([("a", "x"), ("b", "x")], ("text", "label")),
        {},
        "all labels in 'label' are 'x', so there is nothing to learn; "
        "add rows of another class, or name another column with --column label=NAME",
    ),
    "too many classes": (
        separated([("a", number) for number in range(1_001)], ("text", "y")),
        {},
        "'y' holds 1,001 different labels, more than 1,000; "
        "say which column holds the labels with --column label=NAME",
    ),
    "no usable row": (
        separated([("", "x"), ("b", "")], ("text", "label")),
        {},
        "none of its 2 rows can be used (line 2: has no text); check its columns of text and label",
    ),
    "no row": (
        b"text,label\n",
        {},
        "none of its 0 rows can be used (line 2: no row); check its columns of text and label",
    ),
    "whole days": (
        separated([("a", "x", "2018-01-31"), ("b", "y", "2018-02-01")], ("text", "label", "date")),
        {},
        "'2018-01-31' in 'date' is no time in a known form; write times as "
        "2018-01-31T09:30:00Z, or leave the column out with --column posted_utc=",
    ),
    "an empty array": (
        b"[]",
        {},
        "holds no table; write CSV, JSON or Parquet with columns text and label",
    ),
    "an empty file": (b"", {}, "is empty (0 bytes); download the file again"),
    "packed parquet": (
        gzip.compress(parquet(TWO, ("text", "label"))),
        {},
        "packed Parquet is not read; unpack it first",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_told_in_one_line(case: str, tmp_path: Path) -> None:
    content, columns, words = REFUSED[case]
    with pytest.raises(InputError) as raised:
        read(tmp_path, content, **columns)
    assert str(raised.value) == f"{tmp_path / 'rows.dat'}: {words}"


def test_parquet_without_rows_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    pl.DataFrame(schema={"text": pl.String, "label": pl.Int64}).write_parquet(out)
    with pytest.raises(InputError, match="none of its 0 rows can be used"):
        read(tmp_path, out.getvalue())


def test_unknown_names_and_several_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, separated(), body="text")
    assert str(raised.value) == (
        "there is no column called 'body'; use one of text, label, retweet_count, favorite_count, "
        "posted_utc"
    )
    (tmp_path / "more.csv").write_bytes(separated())
    with pytest.raises(InputError, match="holds 2 files, and labelled texts are read from one"):
        read_labelled(tmp_path, {})


@pytest.mark.slow
@settings(deadline=None)
@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_no_content_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    for each in (content, b"text,label,time_utc,likes\n" + content, b'[{"text":"a","y":' + content):
        try:
            fact = "read" if read(folder, each).rows.height >= 2 else ""
        except TweetscoreError as error:
            fact = str(error)
        assert len(fact.splitlines()) == 1


# --- the tables of the study ----------------------------------------------------------------------

STUDY_HEADER = "favorite_count,retweet_count,texts,china,positive_count,label"
STUDY = [  # newest first: favourites, retweets, text, label
    (9, 9, "newest without a match", 1),
    (5, 6, "null", 0),
    (5, 5, "thank", 1),  # twice in lstm.csv
    (5, 5, "wall", 1),
    (5, 5, "wall", 0),  # a copy
    (4, 4, "", 1),
    (3, 3, "great", 0),
    (3, 3, "great", 1),
    (2, 2, "far too early here", 0),
    (1, 1, "tariffs", 1),
    (0, 1, "oldest with a match", 0),
    (3, 3, "great", 1),  # here again, not beside the others
]
STUDY_TIMES = [
    ("2018-01-31 12:10:00", "null", 6, 5),
    ("2018-01-31 12:04:00", "wall", 5, 5),
    ("2018-01-31 12:03:00", "thank", 5, 5),
    ("2018-01-31 12:02:00", "thank", 5, 5),
    ("2018-01-31 12:00:00", "", 4, 4),
    ("2018-01-31 11:59:00", "great", 3, 3),
    ("2018-01-31 11:50:00", "tariffs", 1, 1),
    ("2018-01-31 11:40:00", "oldest with a match", 1, 0),
    ("2018-01-01 00:00:00", "far too early here", 2, 2),
]


def study_folder(folder: Path, *, times: bool = True) -> Path:
    lines = [STUDY_HEADER, *(f"{f},{r},{text},0,0,{label}" for f, r, text, label in STUDY)]
    (folder / "5.csv").write_bytes("\r\n".join(lines).encode())  # the study's end without a break
    if times:
        rows = [("time", "texts", "retweet_count", "favorite_count"), *STUDY_TIMES]
        lines = [",".join(map(str, row)) for row in rows]
        (folder / "lstm.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_study_rows_get_the_times_of_their_matches_or_between_them(tmp_path: Path) -> None:
    early, noon, wall = datetime(2018, 1, 31, 11, 50), NOON, NOON + timedelta(minutes=4)
    late = NOON + timedelta(minutes=10)
    expected = [  # text, retweets, favourites, label, time, known
        ("great", 3, 3, 1, early - timedelta(minutes=10), False),
        ("oldest with a match", 1, 0, 0, early - timedelta(minutes=10), True),
        ("tariffs", 1, 1, 1, early, True),
        ("far too early here", 2, 2, 0, early + timedelta(minutes=2.5), False),
        ("great", 3, 3, 1, early + timedelta(minutes=5), False),
        ("great", 3, 3, 0, early + timedelta(minutes=7.5), False),
        ("", 4, 4, 1, noon, True),
        ("wall", 5, 5, 0, wall, True),
        ("wall", 5, 5, 1, wall, True),
        ("thank", 5, 5, 1, wall + timedelta(minutes=3), False),
        ("null", 6, 5, 0, late, True),
        ("newest without a match", 9, 9, 1, late, False),
    ]
    table = read_study_table(study_folder(tmp_path), 5)
    assert table.rows() == expected
    assert table.schema == {
        "text": pl.String,
        "retweet_count": pl.Int64,
        "favorite_count": pl.Int64,
        "label": pl.Int64,
        "posted_utc": pl.Datetime("us"),
        "time_known": pl.Boolean,
    }
    (tmp_path / "lstm.csv").unlink()
    unknown = table.with_columns(posted_utc=pl.lit(None, pl.Datetime("us")), time_known=False)
    assert_frame_equal(read_study_table(tmp_path, 5), unknown)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=12), st.data())
def test_study_times_never_fall_and_keep_all_that_agree(
    tmp_path_factory: pytest.TempPathFactory, minutes: list[int], drawn: st.DataObject
) -> None:
    """The rows are in their order and the times in any; sorted ones are all trusted."""
    if drawn.draw(st.booleans()):
        minutes = sorted(minutes)
    folder = tmp_path_factory.mktemp("study")
    newest_first = list(reversed(list(enumerate(minutes))))
    lines = ["texts,retweet_count,favorite_count,label", *(f"a{n},0,0,1" for n, _ in newest_first)]
    (folder / "7.csv").write_text("\n".join(lines))
    times = [f"2018-01-31 12:{minute:02}:00,a{n},0,0" for n, minute in newest_first]
    header = "time,texts,retweet_count,favorite_count"
    (folder / "lstm.csv").write_text("\n".join([header, *times]))
    table = read_study_table(folder, 7)
    assert table["text"].to_list() == [f"a{n}" for n in range(len(minutes))]
    assert table["posted_utc"].is_sorted()
    assert table["time_known"].all() == (minutes == sorted(minutes))
    known = table.filter("time_known")
    stamps = [NOON + timedelta(minutes=minutes[int(text[1:])]) for text in known["text"]]
    assert known["posted_utc"].to_list() == stamps
    longest: list[int] = []  # of the series that end at each row and never fall
    for row, minute in enumerate(minutes):
        shorter = [longest[before] for before in range(row) if minutes[before] <= minute]
        longest.append(1 + max(shorter, default=0))
    assert known.height == max(longest)


def test_study_minutes_are_the_tables_that_are_there(tmp_path: Path) -> None:
    for name in ("50.csv", "5.csv", "10.csv", "lstm.csv", "05.csv", "x5.csv", "5.csv.gz", "0.csv"):
        (tmp_path / name).touch()
    assert study_minutes(tmp_path) == [5, 10, 50]
    assert study_minutes(tmp_path / "nowhere") == []


def test_missing_or_strange_study_table_is_told_in_one_line(tmp_path: Path) -> None:
    def words(minutes: int) -> str:
        with pytest.raises(InputError) as raised:
            read_study_table(tmp_path, minutes)
        return str(raised.value)

    assert words(10) == (
        f"{tmp_path}: the study's table 10.csv is wanted, but the folder has no table of minutes; "
        "name the folder that holds it"
    )
    study_folder(tmp_path)
    assert words(10) == (
        f"{tmp_path}: the study's table 10.csv is wanted, but the folder has 5.csv; "
        "name the folder that holds it"
    )
    step = "use the file as the study published it"
    good = (tmp_path / "5.csv").read_text()
    (tmp_path / "10.csv").write_text(good.replace("wall,0,0,0", "wall,0,0,2"))
    assert (
        words(10) == f"{tmp_path / '10.csv'}, line 6: has no label in the form of the study; {step}"
    )
    (tmp_path / "10.csv").write_text(good.replace("9,9,newest", "9.5,9,newest"))
    fact = "\"favorite_count\" is not a whole number from 0 on: '9.5'"
    assert words(10) == f"{tmp_path / '10.csv'}, line 2: {fact}; {step}"
    (tmp_path / "10.csv").write_text(good.replace("texts", "words"))
    shown = "'favorite_count', 'retweet_count', 'words', 'china', 'positive_count', 'label'"
    assert words(10) == f"{tmp_path / '10.csv'}: has no column 'texts' (it has {shown}); {step}"
    (tmp_path / "lstm.csv").write_text("time,texts,retweet_count,favorite_count\nnoon,a,1,1\n")
    assert (
        words(5) == f"{tmp_path / 'lstm.csv'}, line 2: has no time in the form of the study; {step}"
    )


# The rows of each real table, and those whose time lstm.csv knows.
REAL = {
    5: (9584, 9416),
    10: (9446, 9292),
    15: (9311, 9161),
    20: (9189, 9044),
    30: (8941, 8807),
    40: (8689, 8563),
    50: (8472, 8355),
}


@pytest.mark.slow
def test_real_tables_have_nearly_all_their_times(data: Path) -> None:
    folder = data / "seed"
    assert study_minutes(folder) == list(REAL)
    for minutes, counts in REAL.items():
        table = read_study_table(folder, minutes)
        assert (table.height, table["time_known"].sum()) == counts
        assert table["posted_utc"].null_count() == 0
        assert table["posted_utc"].is_sorted()
        assert set(table["label"]) == {0, 1}
        raw = (folder / f"{minutes}.csv").read_text().split("\n")[1:]  # no field is quoted
        fields = [line.rstrip("\r").split(",") for line in reversed(raw) if line]
        assert table.select("favorite_count", "retweet_count", "text", "label").rows() == [
            (int(row[0]), int(row[1]), row[2], int(row[-1])) for row in fields
        ]


def test_real_table_is_read_as_labelled_texts_too(data: Path) -> None:
    labelled = read_labelled(data / "seed" / "5.csv", {})
    assert labelled.classes == ("0", "1")
    assert labelled.has_counts
    assert (labelled.rows.height, labelled.rejects.height) == (9532, 52)
    assert set(labelled.rejects["reason"]) == {"has no text"}

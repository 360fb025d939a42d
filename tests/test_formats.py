"""Each format holds the whole answer, whatever its batches; a file is there whole or not at all."""

import csv
import json
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from tweetscore.errors import InputError
from tweetscore.io.formats import WRITERS, Answer, form_of, write, write_file

HARD = """
    SELECT
        n, (n % 3 = 0) AS yes, (n / 10)::FLOAT AS "f, x", n / 0.3 AS d,
        CASE n % 5
            WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'a\tb\nc\\n"|"' ELSE 'ü ' || n
        END AS t,
        TIMESTAMP '2018-12-19' + to_hours(n) AS seen, [n, NULL] AS list,
        {'a': [n / 2, 'nan'::DOUBLE]} AS s,
        encode('x' || n) AS raw, if(n % 2 = 0, 'even', 'odd')::ENUM ('odd', 'even') AS word,
        n::HUGEINT AS total, if(n = 4, 'inf'::DOUBLE, 'nan') AS bad
    FROM range(7) numbers(n) ORDER BY n
"""


def answer(frame: pl.DataFrame, batch_rows: int = 1_000) -> Answer:
    return Answer(frame.schema, frame.iter_slices(batch_rows) if frame.height else iter(()))


def written(frame: pl.DataFrame, form: str, batch_rows: int = 1_000) -> bytes:
    out = BytesIO()
    assert write(answer(frame, batch_rows), form, out) == frame.height
    return out.getvalue()


@pytest.fixture(scope="module")
def hard() -> pl.DataFrame:
    with duckdb.connect() as con:
        frame = pl.from_arrow(con.sql(HARD).to_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 7])
@pytest.mark.parametrize("form", [form for form in WRITERS if form != "parquet"])
def test_batches_leave_no_trace(hard: pl.DataFrame, form: str, batch_rows: int) -> None:
    assert written(hard, form, batch_rows) == written(hard, form)


@pytest.mark.parametrize("batch_rows", [2, 7])
def test_parquet_of_many_batches_is_the_frame(hard: pl.DataFrame, batch_rows: int) -> None:
    found = pl.read_parquet(BytesIO(written(hard, "parquet", batch_rows)))
    assert found.columns == hard.columns
    assert found.schema["f, x"] == pl.Float32
    assert found.select(pl.exclude("word", "bad")).equals(hard.select(pl.exclude("word", "bad")))
    assert found["word"].cast(pl.String).to_list() == hard["word"].cast(pl.String).to_list()
    assert str(found["bad"].to_list()) == str(hard["bad"].to_list())


THIRD = [
    "3", "true", "0.3", "10.0", "ü 3", "2018-12-19T03:00:00.000000", "[3, null]",
    '{"a": [1.5, null]}', "7833", "odd", "3", "NaN",
]  # fmt: skip
TEXTS = [None, "", 'a\tb\nc\\n"|"', "ü 3", "ü 4", None, ""]


def test_csv_is_read_back_by_another_reader(hard: pl.DataFrame) -> None:
    text = written(hard, "csv", 3).decode()
    rows = list(csv.reader(StringIO(text)))
    assert rows[0] == hard.columns
    assert [row[4] for row in rows[1:]] == [each or "" for each in TEXTS]
    assert rows[4] == THIRD


def test_tsv_is_one_line_a_row_and_is_read_back_as_postgresql_reads_it(hard: pl.DataFrame) -> None:
    lines = written(hard, "tsv", 3).decode().split("\n")
    assert lines.pop() == ""
    assert lines[0].split("\t") == hard.columns
    rows = [line.split("\t") for line in lines[1:]]
    assert [len(row) for row in rows] == [12] * 7
    assert rows[2][4] == r'a\tb\nc\\n"|"'
    plain = [
        row[4].replace("\\\\", "\0").replace(r"\t", "\t").replace(r"\n", "\n").replace("\0", "\\")
        for row in rows
    ]
    assert plain == [each or "" for each in TEXTS]
    assert rows[3] == THIRD


def test_tsv_escapes_names_words_and_what_escapes() -> None:
    word = pl.Series("w\tx", ["a\\tb", "\r", None]).cast(pl.Categorical)
    assert written(pl.DataFrame([word]), "tsv") == b"w\\tx\na\\\\tb\n\\r\n\n"


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "n": n,
            "yes": n % 3 == 0,
            "f, x": n / 10,
            "d": pytest.approx(n / 0.3),
            "t": TEXTS[n],
            "seen": f"2018-12-19T{n:02}:00:00",
            "list": [n, None],
            "s": {"a": [n / 2, None]},
            "raw": f"x{n}".encode().hex(),
            "word": "odd" if n % 2 else "even",
            "total": n,
            "bad": None,
        }
        for n in frame["n"]
    ]


def test_json_and_jsonl_have_null_for_what_is_no_number(hard: pl.DataFrame) -> None:
    whole = written(hard, "json", 3)
    lines = written(hard, "jsonl", 3).splitlines()
    assert json.loads(whole) == [json.loads(line) for line in lines] == rows_of(hard)
    assert whole == b"[" + b", ".join(lines) + b"]\n"


def test_no_rows_are_a_head_without_body(hard: pl.DataFrame) -> None:
    empty = hard.clear()
    assert written(empty, "csv").decode() == 'n,yes,"f, x",d,t,seen,list,s,raw,word,total,bad\n'
    assert written(empty, "tsv").decode() == "\t".join(hard.columns) + "\n"
    assert (written(empty, "json"), written(empty, "jsonl")) == (b"[]\n", b"")
    assert written(empty, "md").decode().splitlines() == [
        f"| {' | '.join(hard.columns)} |",
        f"| {' | '.join(['---'] * 12)} |",
    ]
    assert pl.read_parquet(BytesIO(written(empty, "parquet"))).columns == hard.columns


def test_only_one_batch_is_asked_for_at_a_time() -> None:
    frame, out, sizes = pl.DataFrame({"n": range(6)}), BytesIO(), []

    def batches() -> Iterator[pl.DataFrame]:
        for batch in frame.iter_slices(2):
            sizes.append(len(out.getvalue()))
            yield batch

    assert write(Answer(frame.schema, batches()), "jsonl", out) == 6
    line = len('{"n": 0}\n')
    assert sizes == [0, 2 * line, 4 * line]


class Terminal(BytesIO):
    def isatty(self) -> bool:
        return True


def test_parquet_is_not_poured_into_a_terminal() -> None:
    out = Terminal()
    with pytest.raises(InputError) as refusal:
        write(answer(pl.DataFrame({"n": [1]})), "parquet", out)
    assert str(refusal.value) == (
        "parquet is not for a terminal; write it with --output result.parquet, "
        "or: --format parquet > result.parquet"
    )
    assert out.getvalue() == b""
    assert write(answer(pl.DataFrame({"n": [1]})), "csv", out) == 1


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", WRITERS)
def test_the_ending_of_a_name_is_its_format(form: str) -> None:
    assert form_of(Path(f"a.b/result.{form}")) == form_of(Path(f"R.{form.upper()}")) == form


@pytest.mark.parametrize("name", ["result", "result.xlsx", "result.csv.gz", ".csv"])
def test_a_name_without_a_known_ending_is_refused(name: str) -> None:
    with pytest.raises(InputError) as refusal:
        form_of(Path(name))
    assert str(refusal.value) == (
        f"{name}: the ending of its name is not a known format; "
        "use one of: .csv, .tsv, .json, .jsonl, .parquet, .md"
    )


@pytest.mark.parametrize("form", WRITERS)
def test_a_file_holds_what_a_pipe_would(hard: pl.DataFrame, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"result.{form}"
    path.write_text("what was there before")
    assert write_file(answer(hard, 3), form, path) == 7
    assert path.read_bytes() == written(hard, form, 3)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [InputError("late"), KeyboardInterrupt()])
@pytest.mark.parametrize("form", WRITERS)
def test_a_file_that_fails_is_as_before(form: str, error: BaseException, tmp_path: Path) -> None:
    def batches() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"n": [1]})
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".old")]
        raise error

    old, new = tmp_path / f"old.{form}", tmp_path / f"new.{form}"
    old.write_text("what was there before")
    with pytest.raises(type(error)):
        write_file(Answer(pl.Schema({"n": pl.Int64()}), batches()), form, old)
    with pytest.raises(InputError, match="its folder does not exist; make "):
        write_file(answer(pl.DataFrame({"n": [1]})), form, tmp_path / "nowhere" / new.name)
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_text() == "what was there before"


def test_a_link_stays_a_link_and_a_folder_is_refused(tmp_path: Path) -> None:
    frame, real, link = pl.DataFrame({"n": [1]}), tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("before")
    link.symlink_to(real)
    write_file(answer(frame), "csv", link)
    assert link.is_symlink()
    assert real.read_text() == "n\n1\n"
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(IsADirectoryError):
        write_file(answer(frame), "csv", tmp_path / "folder.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "folder.csv",
        "link.csv",
        "real.csv",
    ]


def test_a_device_keeps_its_place() -> None:
    null = Path("/dev/null")
    if not null.is_char_device():
        pytest.skip("no /dev/null here")
    assert write_file(answer(pl.DataFrame({"n": [1]})), "csv", null) == 1
    assert null.is_char_device()

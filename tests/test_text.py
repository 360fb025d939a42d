"""Texts in any encoding and with any line ends become UTF-8 with LF, and rows keep their places."""

import bz2
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tweetscore.bars.reader import open_bars
from tweetscore.errors import InputError
from tweetscore.ingest.account import Account, IngestOptions
from tweetscore.ingest.run import ingest
from tweetscore.io.data_file import DataFile
from tweetscore.io.encodings import known_encoding, told_encoding, wide_encoding
from tweetscore.io.open import data_files
from tweetscore.io.records import BOM
from tweetscore.io.source import sniff
from tweetscore.posts.formats import open_tweets
from tweetscore.store.database import Store
from tweetscore.training.labelled import read_labelled


def content_of(path: Path) -> bytes:
    (file,) = data_files(path)
    with file.open() as stream:
        return stream.read()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def in_zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", content)
    return out.getvalue()


# --- lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"id,text\r1,a\r2,b\r", b"id,text\n1,a\n2,b\n"),
        (BOM + b"id,text\r1,a\r", BOM + b"id,text\n1,a\n"),
        # Breaks within a cell of a spreadsheet on a Mac are LFs.
        (b'id,"the text"\r1,"a\nb"\r2,c', b'id,"the text"\n1,"a\nb"\n2,c'),
        (b'1,"a\nb"\r2,"c"\r', b'1,"a\nb"\n2,"c"\n'),
        (b'{"a": "\\r"}\r{"a": 2}\r', b'{"a": "\\r"}\n{"a": 2}\n'),
        (b"a,b\r\r\n1,2\r\r\n", b"a,b\n\n\n1,2\n\n\n"),  # CRLF, made CRLF again
        ("\ufeffid,text\r1,é\r".encode("utf-16-le"), "id,text\n1,é\n".encode()),
    ],
)
@pytest.mark.parametrize("pack", [bytes, bz2.compress, in_zip])
def test_lines_of_old_macs_end_in_lf(
    tmp_path: Path, content: bytes, wanted: bytes, pack: Callable[[bytes], bytes]
) -> None:
    assert content_of(written(tmp_path / "a", pack(content))) == wanted


@pytest.mark.parametrize(
    "content",
    [
        b'id,text\n1,"a\rb"\n2,"c\r"\n',
        b'id,text\r\n1,"a\rb"\r\n',
        b'1,"a\rb"\n2,c\n',
        b'1,5" of snow\r\n2,3" more\r\n',
        b"id,text\n1,a\rb\n",
        b"a\r",
        b"PAR1\x15\x04\0\r\r5\r",
    ],
)
def test_other_crs_stay_as_they_are(tmp_path: Path, content: bytes) -> None:
    assert content_of(written(tmp_path / "a", content)) == content


def test_rows_of_a_file_with_cr_lines_have_their_places(tmp_path: Path) -> None:
    content = b'id,created_at,text\r1,2021-05-10T14:30:05Z,"a\nb"\r2,no time,c\r'
    posts = open_tweets(sniff(DataFile(written(tmp_path / "a", content))))
    assert posts is not None
    (batch,) = posts.read()
    rows = pl.concat(
        [batch.tweets.select("line", "byte_offset"), batch.rejects.select("line", "byte_offset")]
    )
    assert rows.rows() == [(2, 19), (4, content.index(b"2,no"))]


# --- encodings told by the bytes ------------------------------------------------------------------

# Posts as people write them, in an encoding that their programs used.
POSTS = {
    ("cp1252", "French"): ("Le marché a été très animé, ça monte déjà", "c’est l’été – vraiment…"),
    ("cp1252", "German"): ("Die Börse fällt, schöne Grüße", "Über 5 % für Anleger, müssen wir"),
    ("cp1252", "Spanish"): ("¿Qué pasará mañana? ¡Está subiendo!", "El niño comió piña"),
    ("cp1252", "English"): ("it’s “quoted” … he’s", "a naïve café in £ and €"),
    ("cp1252", "Finnish"): ("hyvää päivää, pörssi nousee tänään", "sää on hyvä"),
    ("mac-roman", "Swedish"): ("Börsen faller idag på vår väg", "Åtta öre högre för räntan"),
    ("cp850", "French"): ("Le marché a été très animé, ça monte déjà", "même à bientôt, première"),
    ("cp1250", "Polish"): ("Giełda spada, ceny złota wzrosły", "Proszę, będzie lepiej, myślę też"),
    ("iso8859-2", "Polish"): ("Giełda spada, ceny złota wzrosły", "Proszę, będzie lepiej, myślę"),
    ("cp1254", "Turkish"): ("Borsa düştü, şimdi yükselişe geçiyor", "İstanbul güneşli, ığdır"),
    ("cp1251", "Russian"): ("Рынок сегодня падает, акции подешевели", "Привет всем"),
    ("koi8-r", "Russian"): ("Рынок сегодня падает, акции подешевели", "Привет всем"),
    ("cp1253", "Greek"): ("Η αγορά πέφτει σήμερα", "Καλημέρα σε όλους"),
    ("cp1255", "Hebrew"): ("השוק יורד היום", "שלום לכולם"),
    ("cp1256", "Arabic"): ("السوق ينخفض اليوم", "مرحبا بالجميع كيف حالكم"),
    ("cp874", "Thai"): ("ตลาดหุ้นวันนี้ลดลง", "สวัสดีทุกคน"),
    ("cp932", "Japanese"): ("今日の株式市場は下落した", "トヨタの株を買いました"),
    ("euc_jp", "Japanese"): ("今日の株式市場は下落した", "トヨタの株を買いました"),
    ("gb18030", "Chinese"): ("今天股市下跌，明天可能会上涨", "大家好，我觉得这只股票不错"),
    ("big5", "Chinese"): ("今天股市下跌，明天可能會上漲", "大家好，我覺得這隻股票不錯"),
    ("cp949", "Korean"): ("오늘 주식 시장이 하락했습니다", "안녕하세요 여러분"),
}


def rows_of(texts: tuple[str, ...]) -> str:
    rows = (f"{n},2021-05-10T14:30:0{n}Z,made_up,{text}\n" for n, text in enumerate(texts, 1))
    return "id,created_at,user,text\n" + "".join(rows)


@pytest.mark.parametrize(("encoding", "language"), POSTS)
def test_a_table_is_read_in_the_encoding_that_its_words_fit(encoding: str, language: str) -> None:
    table = rows_of(POSTS[encoding, language])
    found = told_encoding(io.BytesIO(table.encode(encoding)))
    assert table.encode(encoding).decode(found) == table


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (b"caf\xe9", "cp1252"),
        (b"it\x92s", "cp1252"),
        (b"100\xa3 \x80 \x85", "cp1252"),
        (b"caf\xe9, caf\xc3\xa9, \xe2\x82\xac", "utf-8"),
        (b"cut \xf0\x9f\x98", "utf-8"),
        (b"cut \xe2\x80", "utf-8"),
        (b"cut caf\xc3", "utf-8"),
        (b"h\xff", "utf-8"),
        (b"\xff\xfe", "utf-8"),
        (b"plain", "utf-8"),
        (b"", "utf-8"),
    ],
)
def test_damage_is_no_encoding_and_few_letters_are_the_usual_one(
    text: bytes, encoding: str
) -> None:
    assert told_encoding(io.BytesIO(b"id,text\n1," + text + b"\n2,rain\n")) == encoding


@pytest.mark.parametrize("encoding", ["mac-roman", "cp1252"])
def test_a_table_with_the_lines_of_old_macs_is_in_their_encoding_unless_it_reads_badly(
    tmp_path: Path, encoding: str
) -> None:
    content = "id,text\r1,café naïve\r2,über\r".encode(encoding)
    source = sniff(DataFile(written(tmp_path / "a", content)))
    assert source.file.encoding == encoding
    assert source.head == "id,text\n1,café naïve\n2,über\n".encode()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text",
    ['{"text": "rain"}\n', "id,text\n1,今日の株式市場は下落した。　明日\n", "a,b\nПривет,всем\n"],
)
def test_zeros_tell_units_of_two_and_four_bytes(text: str, encoding: str) -> None:
    assert wide_encoding(text.encode(encoding)) == encoding


@pytest.mark.parametrize(
    "first", [b"", b"a,b\n", "é".encode() * 9, bytes(99), b"SQLite format 3\0" + bytes(99)]
)
def test_other_zeros_tell_nothing(first: bytes) -> None:
    assert wide_encoding(first) is None


def test_an_encoding_is_known_by_all_its_names() -> None:
    names = ["cp1252", "windows-1252", "Shift-JIS", "latin1", "UTF-16", "utf8"]
    assert [*map(known_encoding, names)] == [
        "cp1252",
        "cp1252",
        "shift_jis",
        "iso8859-1",
        "utf-16-le",
        "utf-8",
    ]


@pytest.mark.parametrize("name", ["cp-1252", "hex", "rot13", "undefined", "idna", "", "\0"])
def test_what_is_no_encoding_of_texts_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="no encoding of texts is called") as refusal:
        known_encoding(name)
    assert str(refusal.value).endswith("did you mean cp1252?") == (name == "cp-1252")


# --- files in other encodings ---------------------------------------------------------------------


def ingested(
    store: Store, path: Path, encoding: str | None = None, block: int = 1 << 16
) -> Account:
    options = IngestOptions(clock="UTC", encoding=encoding)
    (account,) = ingest(store, [path], options, lambda *_: None, block_bytes=block)
    assert account.error is None
    return account


def texts(store: Store) -> list[str]:
    return [text for (text,) in store.rows("SELECT text FROM tweets ORDER BY posted_utc")]


def read_as(encoding: str) -> str:
    return f"its bytes are not UTF-8: read as {encoding}; --encoding NAME overrules"


CP1252 = "cp1252, which includes latin-1"


@pytest.mark.parametrize("pack", [bytes, bz2.compress, in_zip])
def test_what_was_told_is_in_the_account_and_may_be_overruled(
    tmp_path: Path, store: Store, pack: Callable[[bytes], bytes]
) -> None:
    path = written(tmp_path / "a", pack(rows_of(("café “naïve”", "rain")).encode("cp1252")))
    account = ingested(store, path)
    assert texts(store) == ["café “naïve”", "rain"]
    assert account.warnings == (read_as(CP1252),)
    assert store.row("SELECT warnings FROM sources") == (read_as(CP1252),)
    assert ingested(store, path).unchanged
    other = ingested(store, path, "cp1251")
    assert (other.warnings, other.unchanged) == ((), False)
    assert "cafй “naпve”" in texts(store)
    assert ingested(store, path, "utf-8").repaired == 1


@pytest.mark.parametrize("encoding", ["cp932", "utf-16-le", "utf-32-be", "cp1251"])
def test_json_is_read_in_other_encodings(tmp_path: Path, store: Store, encoding: str) -> None:
    said = "Привет всем, 1" if encoding == "cp1251" else "ソ今日の株式市場は下落した、能"
    lines = (
        f'{{"id_str": "{n}", "created_at": "2021-05-10T14:30:0{n}Z", "text": "{said} {n}"}}\n'
        for n in range(1, 4)
    )
    path = written(tmp_path / "a", "".join(lines).encode(encoding))
    named = "cp932, which includes Shift-JIS" if encoding == "cp932" else encoding
    assert ingested(store, path).warnings == (read_as(named),)
    assert texts(store) == [f"{said} {n}" for n in range(1, 4)]


@pytest.mark.parametrize("rows", [3_000, 90_000])
@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.slow
def test_the_first_letter_that_is_not_ascii_may_come_late(
    tmp_path: Path, store: Store, kind: str, rows: int
) -> None:
    said = ["made up words"] * rows + ["café “naïve”", "l’été"]
    form = {
        "csv": "{n},2021-05-10T14:30:05.{n:06}Z,{text}\n",
        "json": '{{"id": {n}, "created_at": "2021-05-10T14:30:05.{n:06}Z", "text": "{text}"}}\n',
    }[kind]
    head = "id,created_at,text\n" if kind == "csv" else ""
    table = head + "".join(form.format(n=n, text=text) for n, text in enumerate(said, 1))
    path = written(tmp_path / "a", table.encode("cp1252"))
    account = ingested(store, path)
    assert (account.rows_read, account.rejected, account.repaired) == (rows + 2, 0, 0)
    assert account.warnings == (read_as(CP1252),)
    assert texts(store)[-2:] == said[-2:]
    assert ingested(store, path).unchanged


MIXED_TEXTS = {
    "cp1252": ("Le marché a été très animé, “ça” monte déjà", "c’est l’été – la Börse fällt…"),
    "cp1251": ("Рынок сегодня падает, акции подешевели", "Привет всем"),
    "gb18030": ("今天股市下跌，明天可能会上涨", "大家好，我觉得这只股票不错", "利好消息"),
}


@pytest.mark.parametrize("rows", [3, 2_000])  # fewer and more than the first bytes of a file show
@pytest.mark.parametrize("first", ["utf-8", "other"])
@pytest.mark.parametrize("encoding", MIXED_TEXTS)
@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.slow
def test_exports_put_together_keep_their_encodings(
    tmp_path: Path, store: Store, kind: str, encoding: str, first: str, rows: int
) -> None:
    said = ["Ça va, l’été ☔ 😀 今日の株式", *MIXED_TEXTS[encoding]]
    form = {
        "csv": '{n},2021-05-10T14:30:05.{n:06}Z,"{text}"\n',
        "json": '{{"id": {n}, "created_at": "2021-05-10T14:30:05.{n:06}Z", "text": "{text}"}}\n',
    }[kind]
    written_as, wanted = [], ["made up words"]
    for codec in ("utf-8", encoding) if first == "utf-8" else (encoding, "utf-8"):
        texts_of = said if codec == "utf-8" else said[1:]
        written_as += [(codec, f"{text} {n}") for n in range(rows) for text in texts_of]
    lines = [b"id,created_at,text\n"] * (kind == "csv")
    lines.append(form.format(n=1, text=wanted[0]).encode())
    for n, (codec, text) in enumerate(written_as, 2):
        lines.append(form.format(n=n, text=text).encode(codec))
        wanted.append(text)
    path = written(tmp_path / "a", b"".join(lines))
    account = ingested(store, path)
    assert texts(store) == wanted
    named = {"cp1252": CP1252, "gb18030": "gb18030, which includes GBK"}.get(encoding, encoding)
    mixed = f"utf-8, and words that are not as {named}"
    assert account.warnings == (
        f"its bytes are not all UTF-8: read as {mixed}; --encoding NAME overrules",
    )
    assert (account.rejected, account.repaired) == (0, 0)
    assert ingested(store, path).unchanged
    said_so = ingested(store, path, f"UTF-8+{encoding}")
    assert (said_so.unchanged, texts(store)) == (True, wanted)


@pytest.mark.parametrize(
    "damaged",
    [
        [text[:n] for text in ["今天股市下跌，明天可能会上涨".encode()] for n in range(1, 43)],
        [text[:n] for text in ["déjà à é, très animé: l’été".encode()] for n in range(1, 34)],
        # Without the bytes that are control characters in latin-1.
        [re.sub(rb"[\x80-\x9f]", b"", f"it’s {n}, isn’t it".encode()) for n in range(20)],
    ],
)
@pytest.mark.parametrize("sound", [0, 5, 60])
def test_characters_that_were_cut_are_no_other_encoding(damaged: list[bytes], sound: int) -> None:
    lines = [*["déjà ☔ 今日の株式".encode()] * sound, *damaged]
    assert told_encoding(io.BytesIO(b"\n".join(lines))) in ("utf-8", "cp1252" * (not sound))


def test_late_damage_in_utf8_is_repaired_and_no_encoding(tmp_path: Path, store: Store) -> None:
    table = rows_of(("rain",) * 9).encode() + b"9,2021-05-10T14:30:09Z,x,made up\n" * 3_000
    table += "10,2021-05-10T14:31:00Z,x,café ☔ é 😀\n".encode()
    table += b"11,2021-05-10T14:32:00Z,x,caf\xe9\n"
    account = ingested(store, written(tmp_path / "a", table))
    assert (account.warnings, account.repaired) == ((), 1)
    assert texts(store)[-2:] == ["café ☔ é 😀", "caf\ufffd"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-be"])
def test_bars_are_read_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    rows = "".join(f"2024-01-02 14:3{n}:00+00:00,10,11,9,10,5\n" for n in range(6))
    table = "time,open,high,low,close,volume\n" + rows
    source = sniff(DataFile(written(tmp_path / "a.csv", table.encode(encoding))))
    bars = open_bars(source, "SPX")
    assert bars is not None
    assert sum(batch.bars.height for batch in bars.read()) == 6
    assert source.warnings == (read_as(encoding),)


def test_labelled_texts_are_read_in_other_encodings(tmp_path: Path) -> None:
    table = "text,label\n" + "rain,0\n" * 9_000 + "café “naïve”,1\nl’été,1\n"
    labelled = read_labelled(written(tmp_path / "a.csv", table.encode("cp1252")), {})
    assert labelled.rows["text"].to_list()[-2:] == ["café “naïve”", "l’été"]
    assert labelled.warnings == (read_as(CP1252),)


def test_a_said_encoding_of_labelled_texts_overrules_the_bytes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,label\ncafé,1\nczyż,0\n".encode("cp1250"))
    told, said = (read_labelled(path, {}, encoding) for encoding in (None, "windows-1250"))
    assert (told.rows["text"].to_list(), said.rows["text"].to_list()) == (
        ["café", "czy¿"],
        ["café", "czyż"],
    )
    assert (len(told.warnings), said.warnings) == (1, ())
    assert told.sha256 == said.sha256  # the same file, so that no test row counts as another's
    with pytest.raises(InputError, match=r"no encoding of texts is called 'cp1520'"):
        read_labelled(path, {}, "cp1520")


def test_an_encoding_does_not_touch_what_has_a_mark_or_is_no_text(
    tmp_path: Path, store: Store
) -> None:
    table = rows_of(("café",)).encode()
    parquet = tmp_path / "a.parquet"
    pl.read_csv(table).write_parquet(parquet)
    for path in (parquet, written(tmp_path / "marked.csv", BOM + table)):
        ingested(store, path, "cp1251")
    assert texts(store) == ["café"]

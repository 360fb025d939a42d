"""Word vectors, held against hand-made files, the real ones in TWEETSCORE_DATA, and gensim."""

import gzip
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tweetscore.errors import InputError
from tweetscore.training.vectors import WordVectors, random_vectors, read_vectors, train_vectors

Rows = list[tuple[bytes, tuple[float, ...]]]

FORMS = ["binary", "binary with newlines", "word2vec text", "glove"]
SPECIAL = ["<pad>", "<unk>"]
ROWS: Rows = [
    (b"alpha", (1.0, -2.0, 0.5)),
    ("été".encode(), (0.25, 8.0, -1.0)),
    (b"\xff\xfe", (7.0, 7.0, 7.0)),
    (b"Beta", (3.0, 4.0, 5.0)),
    (b"alpha", (9.0, 9.0, 9.0)),
    (b"NATO", (-1.0, 0.0, 2.0)),
]
POSTS = [["up", "down", "market", word] for word in ("tariff", "china", "trade", "#MAGA")] * 50

real_vectors = pytest.mark.skipif(
    "TWEETSCORE_DATA" not in os.environ, reason="TWEETSCORE_DATA does not name the real data"
)


def content(form: str, rows: Rows = ROWS) -> bytes:
    """Write the rows as one of FORMS."""
    header = b"" if form == "glove" else b"%d %d\n" % (len(rows), len(rows[0][1]))
    if form.startswith("binary"):
        end = b"\n" if form.endswith("newlines") else b""
        return header + b"".join(
            word + b" " + struct.pack(f"<{len(values)}f", *values) + end for word, values in rows
        )
    return header + b"".join(
        word + b" " + " ".join(map(str, values)).encode() + b"\n" for word, values in rows
    )


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "vectors.any"  # a name that tells nothing
    path.write_bytes(data)
    return path


def read(path: Path, words: Iterable[str], **options: Any) -> WordVectors:
    return read_vectors(path, [*SPECIAL, *words], **({"seed": 1} | options))


def rows_of(vectors: WordVectors) -> list[list[float]]:
    return [[float(value) for value in row] for row in vectors.matrix[2:]]


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_vectors(form: str, compress: Any, tmp_path: Path) -> None:
    path = saved(tmp_path, compress(content(form)))
    vectors = read(path, ["nato", "été", "alpha", "beta"], dim=3)
    assert rows_of(vectors) == [[-1, 0, 2], [0.25, 8, -1], [1, -2, 0.5], [3, 4, 5]]
    assert vectors.matrix.dtype == np.float32
    assert vectors.matrix[0].tolist() == [0, 0, 0]
    assert (vectors.covered, vectors.words) == (4, 4)
    assert vectors.source == "file vectors.any"


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_words_on_the_edges_of_blocks_are_read_whole(form: str, tmp_path: Path) -> None:
    rows = [(b"w%d" % n, tuple(float(n + column) for column in range(60))) for n in range(9_000)]
    vectors = read(saved(tmp_path, content(form, rows)), (word.decode() for word, _ in rows))
    assert vectors.covered == 9_000
    assert np.array_equal(vectors.matrix[2:], [values for _, values in rows])


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_memory_does_not_grow_with_the_file(form: str, tmp_path: Path) -> None:
    other, last = (
        content(form, [(word, (0.125,) * 100)]).removeprefix(b"1 100\n")
        for word in (b"other", b"alpha")
    )
    header = b"" if form == "glove" else b"30001 100\n"
    path = saved(tmp_path, header + other * 30_000 + last)
    assert path.stat().st_size > 12e6
    tracemalloc.start()
    assert read(path, ["alpha"]).covered == 1
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 5e6


@pytest.mark.parametrize(
    ("word", "in_file", "taken"),
    [
        ("us", ["US", "Us", "us"], "us"),
        ("us", ["US", "Us"], "Us"),
        ("us", ["uS", "US"], "US"),
        ("#MAGA", ["Maga", "maga", "MAGA", "#MAGA"], "#MAGA"),
        ("#MAGA", ["Maga", "maga", "MAGA"], "MAGA"),
        ("#MAGA", ["Maga", "maga"], "maga"),
        ("#trump", ["#Trump", "TRUMP", "Trump"], "Trump"),
        ("🇺🇸", ["🇺🇸"], "🇺🇸"),
    ],
)
def test_the_nearest_spelling_gives_the_vector(
    word: str, in_file: list[str], taken: str, tmp_path: Path
) -> None:
    rows: Rows = [(form.encode(), (float(n), 1.0)) for n, form in enumerate(in_file)]
    vectors = read(saved(tmp_path, content("binary", rows)), [word])
    assert rows_of(vectors) == [[in_file.index(taken), 1]]
    assert vectors.covered == 1


def test_one_vector_may_serve_a_word_and_its_hashtag(tmp_path: Path) -> None:
    vectors = read(saved(tmp_path, content("glove")), ["beta", "#Beta", "#beta", "alphas"])
    assert rows_of(vectors)[:3] == [[3, 4, 5]] * 3
    assert (vectors.covered, vectors.words) == (3, 4)


def test_text_words_with_spaces_leave_the_last_columns_as_the_vector(tmp_path: Path) -> None:
    path = saved(tmp_path, b". . . 1 2\nat a@b.org 3 4\nhere 5 6 \r\n12 7 8\n9 to 5 9 9\n")
    vectors = read(path, [". . .", "here", "12", "9 to 5"], dim=2)
    assert rows_of(vectors) == [[1, 2], [5, 6], [7, 8], [9, 9]]


def test_a_binary_line_that_ends_like_text_stays_binary(tmp_path: Path) -> None:
    values = struct.unpack("<2f", b"\x00\x00 5\n\x00\x00\x00")
    vectors = read(saved(tmp_path, content("binary", [(b"alpha", values)])), ["alpha"])
    assert rows_of(vectors) == [list(values)]


def test_words_without_a_vector_are_drawn_at_the_spread_of_the_others(tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(0, 0.05, (50, 80)).tolist()
    path = saved(tmp_path, content("binary", [(b"w%d" % n, tuple(values[n])) for n in range(50)]))
    words = [f"w{n}" for n in range(100)]
    vectors = read(path, words)
    drawn = np.vstack([vectors.matrix[1], vectors.matrix[52:]])  # <unk> is drawn, too
    assert (vectors.covered, vectors.words) == (50, 100)
    assert drawn.std() == pytest.approx(0.05, rel=0.05)
    assert len(np.unique(drawn)) > 0.99 * drawn.size
    assert np.array_equal(vectors.matrix, read(path, words).matrix)
    other = read(path, words, seed=2).matrix
    assert np.array_equal(vectors.matrix[2:52], other[2:52])
    assert not np.isclose(drawn, np.vstack([other[1], other[52:]])).any(axis=1).all()


CUT_OFF = "is cut off or damaged in word 6 of 6; get it again"
NO_FORMAT = (
    "is neither in word2vec nor in GloVe format; "
    "use a file in one of these formats, plain or gzipped"
)
COLUMNS = "the file is cut off or damaged, get it again"
PICKLED = (
    "is pickled, and opening a pickle runs the code in it, so it is not read; "
    "if you trust it, export it with gensim's save_word2vec_format"
)
NOT_FINITE = "the vector of 'alpha' is not finite; the file is damaged, get it again"
REFUSED = {
    "a pickle": (pickle.dumps(ROWS), f": {PICKLED}"),
    "a gzipped pickle": (gzip.compress(pickle.dumps(ROWS)), f": {PICKLED}"),
    "an empty file": (b"", f": {NO_FORMAT}"),
    "prose": (b"Call me Ishmael.\n", f": {NO_FORMAT}"),
    "a list of word counts": (b"the 23135851162\n", f": {NO_FORMAT}"),
    "a zip": (b"PK\x03\x04" + bytes(99), f": {NO_FORMAT}"),
    "a header of no words": (
        b"0 3\n",
        ": its header promises 0 words of 3 dimensions; that is no file of vectors "
        "(1 to 10,000 dimensions)",
    ),
    "a header of absurd width": (
        b"5 200000\nalpha 1\n",
        ": its header promises 5 words of 200,000 dimensions; that is no file of vectors "
        "(1 to 10,000 dimensions)",
    ),
    "a binary file cut in half": (
        content("binary")[:60],
        ": is cut off: it has room for 4 of the 6 words that its header promises; get it again",
    ),
    "a binary file without its last byte": (content("binary")[:-1], f": {CUT_OFF}"),
    "a gzipped binary file cut off": (
        gzip.compress(content("binary with newlines"), 0)[:-20],
        f": {CUT_OFF}",
    ),
    "a binary file that lost its words to zeros": (
        content("binary")[:40] + bytes(100_000),
        ": is cut off or damaged in word 3 of 6; get it again",
    ),
    "a binary file with one word too many": (
        content("binary") + b"gamma " + bytes(12),
        ": goes on after the 6 words that its header promises; get it again",
    ),
    "a text file with too few words": (
        content("word2vec text").replace(b"6 3\n", b"8 3\n"),
        ": has 6 words, and its header promises 8; get it again",
    ),
    "a text line with too few columns": (
        b"2 3\nbeta 1 2 3\nalpha 1 2\n",
        f", line 3: has 2 numbers behind its word, not 3; {COLUMNS}",
    ),
    "a text line with too many columns": (
        b"beta 1 2 3\nalpha 1 2 3 4\n",
        f", line 2: has 4 numbers behind its word, not 3; {COLUMNS}",
    ),
    "text among the numbers": (
        b"beta 1 2 3\nalpha 1 two 3\n",
        ", line 2: has text among its numbers; get the file again",
    ),
    "a gzipped text file cut off": (
        gzip.compress(content("glove"), 0)[:-20],
        ", line 6: is cut off; get the file again",
    ),
    "a damaged gzip": (
        gzip.compress(content("glove"))[:-5] + bytes(5),
        ": its gzip is damaged, get it again: CRC check failed",
    ),
    "NaN": (b"beta 1 2\nalpha nan 2\n", f": {NOT_FINITE}"),
    "infinity": (content("binary", [(b"alpha", (1.0, float("inf")))]), f": {NOT_FINITE}"),
    "a number too large for float32": (b"alpha 1e39 2\n", f": {NOT_FINITE}"),
    "none of the words": (
        content("glove", ROWS[1:3]),
        ": has none of the 1 words; use vectors of the language of the posts",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_trusted_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    data, message = REFUSED[case]
    path = saved(tmp_path, data)
    with pytest.raises(InputError) as refusal:
        read(path, ["alpha"])
    assert str(refusal.value).startswith(f"{path}{message}")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_other_dimensions_is_refused(form: str, tmp_path: Path) -> None:
    path = saved(tmp_path, content(form))
    with pytest.raises(InputError, match=r"have 3 dimensions, not 300; use a file with 300$"):
        read(path, ["alpha"], dim=300)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.bin: cannot be read: No such file or directory$"):
        read(tmp_path / "none.bin", ["alpha"])
    with pytest.raises(InputError, match=r"cannot be read: Is a directory$"):
        read(tmp_path, ["alpha"])


def test_a_broken_vector_of_another_word_does_no_harm(tmp_path: Path) -> None:
    path = saved(tmp_path, b"other nan 2\nanother x 2\nalpha 1 2\n")
    assert rows_of(read(path, ["alpha"])) == [[1, 2]]


@real_vectors
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("derived__GoogleNews_raw_257w_300d.bin", {"binary": True}),
        ("derived__GoogleNews_unitnorm_1000w_300d.bin", {"binary": True}),
        ("allenai-allennlp__glove.6B.100d.sample.txt.gz", {"no_header": True}),
        ("allenai-allennlp__glove.6B.300d.sample.txt.gz", {"no_header": True}),
    ],
)
def test_real_files_read_as_gensim_reads_them(name: str, form: dict[str, bool]) -> None:
    models = pytest.importorskip("gensim.models")
    path = Path(os.environ["TWEETSCORE_DATA"], "vectors", name)
    oracle = models.KeyedVectors.load_word2vec_format(str(path), **form)
    vectors = read(path, [*oracle.index_to_key, "covfefe"])
    assert np.array_equal(vectors.matrix[2:-1], oracle.vectors)
    assert (vectors.covered, vectors.words) == (len(oracle), len(oracle) + 1)


def test_random_vectors_have_the_spread_of_google_news() -> None:
    words = [*SPECIAL, *(f"w{n}" for n in range(200))]
    vectors = random_vectors(words, dim=100, seed=5)
    assert vectors.matrix.shape == (202, 100)
    assert not vectors.matrix[0].any()
    assert vectors.matrix[1:].std() == pytest.approx(0.2, rel=0.05)
    assert (vectors.covered, vectors.words, vectors.source) == (0, 200, "random")
    assert np.array_equal(vectors.matrix, random_vectors(words, dim=100, seed=5).matrix)
    assert not np.array_equal(vectors.matrix, random_vectors(words, dim=100, seed=6).matrix)


def test_trained_vectors_cover_the_words_that_stand_twice() -> None:
    pytest.importorskip("gensim")
    words = [*SPECIAL, "up", "#MAGA", "once", "never"]
    posts = [*POSTS, ["up", "once"], [], SPECIAL, SPECIAL]
    vectors = train_vectors(posts, words, dim=8, seed=1)
    assert vectors.matrix.shape == (6, 8)
    assert vectors.matrix.dtype == np.float32
    assert not vectors.matrix[0].any()
    assert vectors.matrix[1:].any(axis=1).all()
    assert (vectors.covered, vectors.words) == (2, 4)
    assert vectors.source == "trained on 204 posts"
    assert not np.isclose(
        vectors.matrix[2], train_vectors(posts, words, dim=8, seed=2).matrix[2]
    ).all()


def test_a_series_trains_as_lists_do() -> None:
    pytest.importorskip("gensim")
    words, posts = [*SPECIAL, "up", "tariff"], POSTS * 25  # more than one slice of a series
    series = pl.Series([None, *posts], dtype=pl.List(pl.String))
    by_series = train_vectors(series, words, dim=8, seed=1, epochs=2)
    by_lists = train_vectors(iter(posts), words, dim=8, seed=1, epochs=2)
    assert np.array_equal(by_series.matrix, by_lists.matrix)
    assert by_series.source == by_lists.source == "trained on 5,000 posts"


def test_words_of_like_company_come_to_lie_together() -> None:
    pytest.importorskip("gensim")
    rng = np.random.default_rng(0)
    topics = [["stocks", "bonds", "rates", "yields"], ["golf", "green", "putt", "club"]]
    posts = [rng.permutation(topics[n % 2]).tolist() for n in range(2_000)]
    vectors = train_vectors(posts, [*SPECIAL, "stocks", "rates", "golf"], dim=16, seed=1)
    stocks, rates, golf = vectors.matrix[2:] / np.linalg.norm(
        vectors.matrix[2:], axis=1, keepdims=True
    )
    assert stocks @ rates > stocks @ golf + 0.3


def test_training_refuses_posts_that_teach_nothing() -> None:
    pytest.importorskip("gensim")
    for posts in ([], [["up"], ["down"]], [["other", "other"]]):
        with pytest.raises(InputError, match="no word occurs twice in the posts"):
            train_vectors(posts, [*SPECIAL, "up"], dim=4, seed=1)


def run_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | variables,
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_training_gives_the_same_vectors_in_every_process() -> None:
    pytest.importorskip("gensim")
    code = (
        "import hashlib\n"
        "from tweetscore.training.vectors import train_vectors\n"
        f"words = {[*SPECIAL, 'up', 'china', '#MAGA', 'never']}\n"
        f"matrix = train_vectors({POSTS}, words, dim=20, seed=7).matrix\n"
        "print(hashlib.sha256(matrix.tobytes()).hexdigest())"
    )
    runs = [run_python(code, PYTHONHASHSEED=seed) for seed in ("1", "2")]
    assert [run.stderr for run in runs] == ["", ""]
    assert len(runs[0].stdout.strip()) == 64
    assert runs[0].stdout == runs[1].stdout


@pytest.mark.slow
def test_reading_needs_no_gensim_and_training_says_how_to_get_it(tmp_path: Path) -> None:
    path = saved(tmp_path, content("glove"))
    run = run_python(
        "import sys\n"
        "from pathlib import Path\n"
        "from tweetscore.training.vectors import read_vectors, train_vectors\n"
        "words = ['<pad>', '<unk>', 'alpha']\n"
        f"print(read_vectors(Path({str(path)!r}), words, seed=1).covered)\n"
        "print('gensim' in sys.modules)\n"
        "sys.modules['gensim'] = None  # what Python takes for not installed\n"
        "train_vectors([['alpha', 'alpha']], words, seed=1)"
    )
    assert run.stdout == "1\nFalse\n"
    assert run.stderr.endswith(
        "TweetscoreError: training needs gensim: pip install 'tweetscore[train]'\n"
    )

"""Bundles made by an enemy: spoiled, summed again, and given to the commands that read models."""

import hashlib
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from commands import Ended, run_command
from onnx import TensorProto, helper, numpy_helper
from tiny import class_bundle, put_tweets, resum, tiny_bundle

from tweetscore.errors import TweetscoreError
from tweetscore.scoring.bundle import load_bundle
from tweetscore.store.database import open_store

Spoil = Callable[[Path], None]
Card = dict[str, Any]
ODD: tuple[Any, ...] = (
    None, "x", -1, 0, 1.5, True, [], {}, 2**63, -(2**70), "", "\x1b[31m", ["x"], {"x": 1},
    [None], "\u202e", "a\nb", "x" * 100_000, [[[[1]]]], 10**300,
)  # fmt: skip
RAW = (b"NaN", b"-Infinity", b"1e999", b'"\\ud800"', b"9" * 5_000, b"[" * 50_000, b"\xff", b"'x'")
SIZES = (-1, 0, 10_001, 2**31, 2**63 - 1)
ALLOWED = {("name", None), ("name", "x"), ("name", ""), ("counts", None)}
SECONDS, MEGABYTES = 10, 1_500


# --- spoiling -------------------------------------------------------------------------------------


def set_card(*place: str | int, value: Any) -> Spoil:
    """Put a value at a place of the card; without one the key goes."""

    def spoil(folder: Path) -> None:
        path = folder / "card.json"
        card = json.loads(path.read_text("utf-8"))
        inner = card
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        path.write_text(json.dumps(card), "utf-8")
        resum(folder)

    return spoil


def without(key: str) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "card.json"
        card = json.loads(path.read_text("utf-8"))
        del card[key]
        path.write_text(json.dumps(card), "utf-8")
        resum(folder)

    return spoil


def raw_card(old: bytes, new: bytes) -> Spoil:
    """Write bytes into the card that no JSON writer would."""

    def spoil(folder: Path) -> None:
        path = folder / "card.json"
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new, 1))
        resum(folder)

    return spoil


def put(name: str, content: bytes, *, again: bool = True) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(content)
        if again:
            resum_all(folder)

    return spoil


def resum_all(folder: Path) -> None:
    """List the files again, on the card as well."""
    path = folder / "card.json"
    card = json.loads(path.read_text("utf-8"))
    for name in card["sha256"]:
        if (folder / name).is_file():
            card["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(card), "utf-8")
    resum(folder)


def on_sums(change: Callable[[bytes], bytes]) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "SHA256SUMS"
        path.write_bytes(change(path.read_bytes()))

    return spoil


def on_graph(change: Callable[[onnx.ModelProto], None], name: str = "model.onnx") -> Spoil:
    """Change a graph under hashes that are right."""

    def spoil(folder: Path) -> None:
        model = onnx.load(folder / name)
        change(model)
        (folder / name).write_bytes(model.SerializeToString())
        resum_all(folder)

    return spoil


def on_words(change: Callable[[list[str]], list[str]]) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "vocabulary.txt"
        words = path.read_text("utf-8").removesuffix("\n").split("\n")
        path.write_text("".join(f"{each}\n" for each in change(words)), "utf-8")
        resum_all(folder)

    return spoil


def weight(name: str, value: float) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        (tensor,) = [each for each in model.graph.initializer if each.name == name]
        array = numpy_helper.to_array(tensor).copy()
        array[...] = value
        tensor.CopyFrom(numpy_helper.from_array(array, name))

    return change


def node(place: int, new: onnx.NodeProto) -> Callable[[onnx.ModelProto], None]:
    return lambda model: model.graph.node.insert(place, new)


def loop(model: onnx.ModelProto) -> onnx.NodeProto:
    found: list[onnx.NodeProto] = [each for each in model.graph.node if each.op_type == "Loop"]
    return found[0]


def endless(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array(2**62), "ages"))
    loop(model).input[0] = "ages"


def nested(model: onnx.ModelProto) -> None:
    inner = onnx.NodeProto()
    inner.CopyFrom(loop(model))
    for _ in range(3):
        outer = onnx.NodeProto()
        outer.CopyFrom(inner)
        outer.attribute[0].g.node.append(inner)
        inner = outer
    loop(model).CopyFrom(inner)


def bomb(model: onnx.ModelProto) -> None:
    """Fill a table of 32 GB when the graph is loaded."""
    model.graph.initializer.append(numpy_helper.from_array(np.array([1 << 20, 1 << 13]), "size"))
    model.graph.node.insert(0, helper.make_node("ConstantOfShape", ["size"], ["huge"]))
    model.graph.node.insert(1, helper.make_node("ReduceSum", ["huge"], ["all"]))


def outside(location: str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return change


def dims(model: onnx.ModelProto, size: int) -> None:
    (head,) = [each for each in model.graph.initializer if each.name == "head"]
    head.dims[0] = size


def output(model: onnx.ModelProto, size: int) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = size


def renamed(model: onnx.ModelProto) -> None:
    for each in model.graph.node:
        each.input[:] = ["ids" if name == "zero" else name for name in each.input]


def twice(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def instead(name: str, kind: str) -> Spoil:
    """Put something that is no file in the place of one."""

    def spoil(folder: Path) -> None:
        path = folder / name
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "zeros":
            path.symlink_to("/dev/zero")
        elif kind == "loop":
            path.symlink_to(name)
        elif kind == "sparse":
            with path.open("wb") as file:
                file.truncate(8 << 30)

    return spoil


# --- the kinds ------------------------------------------------------------------------------------


def of_cards() -> Iterator[tuple[str, Spoil]]:
    keys = ("name", "target", "classes", "intervals", "text_rules", "counts", "sha256", "format")
    for key in keys:
        if key != "target":  # the first cards had none
            yield f"card without {key}", without(key)
        for place, value in enumerate(ODD):
            if not any(key == name and value is each for name, each in ALLOWED):
                yield f"card: {key} is odd value {place}", set_card(key, value=value)
    for key in ("split", "config", "rows", "training", "trials", "thresholds_bps", "majorities"):
        for value in (1, "x", [1], {"x": 1}, {"5": float("inf")}, [[]], [{"x": {}}]):
            yield f"card: {key} {value!r:.20}", set_card(key, value=value)
    for value in RAW:
        yield f"card: raw {value!r:.20}", raw_card(b'"regular"', value)
        yield f"card: raw name {value!r:.20}", raw_card(b'"tiny"', value)
    for size in SIZES:
        yield f"card: max_tokens {size}", set_card("text_rules", "max_tokens", value=size)
        yield f"card: interval {size}", set_card("intervals", 0, value=size)
        yield f"card: version {size}", set_card("text_rules", "version", value=size)
    yield "card: interval twice", set_card("intervals", 0, value=30)
    yield "card: classes swapped", set_card("classes", value=["up", "down"])
    yield "card: classes alike", set_card("classes", value=["up", "up"])
    yield "card: classes unknown", set_card("classes", value=["low", "high"])
    yield "card: 5,000 classes", set_card("classes", value=[str(each) for each in range(5_000)])
    yield "card: 5,000 intervals", set_card("intervals", value=list(range(1, 5_001)))
    yield "card: three intervals", set_card("intervals", value=[5, 30, 60])
    yield "card: move without thresholds", set_card("target", value="move")
    yield "card: target unknown", set_card("target", value="weather")
    yield "card: label with intervals", set_card("target", value="label")
    yield "card: stop words", set_card("text_rules", "stop_words", value=["a"] * 100_000)
    yield "card: key twice", raw_card(b"{", b'{"format": 2, ')
    yield "card: unknown key", set_card("weather", value=1)
    yield "card: key of control characters", set_card("\x1b]0;x\x07", value=1)
    for content in (b"", b"[]", b"null", b"\xef\xbb\xbf{}", b"{", b"[" * 100_000, b" " * 9_000_000):
        yield f"card: {content[:8]!r}", _raw_file("card.json", content)
    shapes: list[Any] = [[], [[]], [[[1.0]]], [[[1e300] * 2] * 2] * 2, [[["x"] * 2] * 2] * 2]
    for place, shape in enumerate(shapes):
        counts: Any = {"mean": [1.0, 1.0], "std": [1.0, 1.0], "weight": shape}
        yield f"card: weights of counts {place}", set_card("counts", value=counts)
    spread: list[Any] = [[0, 0], [-1, 1], [1e-300, 1], [1], ["1", "1"]]
    for std in spread:
        counts = {"mean": [1.0, 1.0], "std": std, "weight": [[[1.0] * 2] * 2] * 2}
        yield f"card: std {std}", set_card("counts", value=counts)


def _raw_file(name: str, content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(content)
        resum(folder)

    return spoil


def of_lists() -> Iterator[tuple[str, Spoil]]:
    yield "list: empty", on_sums(lambda _: b"")
    yield "list: twice", on_sums(lambda content: content * 2)
    yield "list: capitals", on_sums(bytes.upper)
    yield "list: CRLF", on_sums(lambda content: content.replace(b"\n", b"\r\n"))
    yield "list: backwards", on_sums(lambda c: b"\n".join(c.splitlines()[::-1]) + b"\n")
    yield "list: a line less", on_sums(lambda content: content.partition(b"\n")[2])
    yield "list: a file above", on_sums(lambda c: c + b"0" * 64 + b"  ../../etc/passwd\n")
    yield "list: no bytes", on_sums(lambda content: content + b"\x00\xff")
    yield "list: 10 MB", on_sums(lambda content: content * 30_000)
    yield "list: gone", lambda folder: (folder / "SHA256SUMS").unlink()
    for name in ("model.onnx", "vocabulary.txt", "card.json", "README.md"):
        yield f"not summed: {name}", lambda folder, name=name: _append(folder / name)  # type: ignore[misc]  # a lambda with a default
    for name in ("notes.txt", "model.onnx.data", ".hidden", "__init__.py"):
        yield f"a file more: {name}", put(name, b"x")
    yield "a folder more", lambda folder: (folder / "more").mkdir()


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def of_files() -> Iterator[tuple[str, Spoil]]:
    names = ("model.onnx", "vocabulary.txt", "card.json", "README.md")
    for name in (*names, "SHA256SUMS"):
        for kind in ("gone", "folder", "pipe", "zeros", "loop", "sparse"):
            yield f"{name}: {kind}", instead(name, kind)
    for content in (b"", b"\x00" * 1_000, b"\xff" * 1_000, b"GIF89a", b"\x0a\x00" * 5_000_000):
        yield f"model.onnx: {content[:4]!r}", put("model.onnx", content)
        yield f"vocabulary.txt: {content[:4]!r}", put("vocabulary.txt", content)
    yield "vocabulary.txt: 15 MB of lines", put("vocabulary.txt", b"\n" * 15_000_000)
    words = "".join(f"{each:x}\n" for each in range(2_000_000)).encode()
    yield "vocabulary.txt: 2,000,000 words", put("vocabulary.txt", b"<pad>\n<unk>\n" + words)


def of_words() -> Iterator[tuple[str, Spoil]]:
    yield "words: one more", on_words(lambda words: [*words, "more"])
    yield "words: one less", on_words(lambda words: words[:-1])
    yield "words: one twice", on_words(lambda words: [*words[:-1], words[2]])
    yield "words: special ones elsewhere", on_words(lambda words: words[::-1])
    yield "words: an empty one", on_words(lambda words: [*words[:-1], ""])
    yield "learned texts of 7 bytes", _learned


def _learned(folder: Path) -> None:
    (folder / "learned_texts.bin").write_bytes(b"7 bytes")
    path = folder / "card.json"
    card = json.loads(path.read_text("utf-8"))
    card["sha256"]["learned_texts.bin"] = ""
    path.write_text(json.dumps(card), "utf-8")
    resum_all(folder)


def of_graphs() -> Iterator[tuple[str, Spoil]]:
    make = helper.make_node
    for name in ("bias", "head"):
        for value in (float("nan"), float("inf"), -float("inf")):
            yield f"model.onnx: {name} {value}", on_graph(weight(name, value))
    yield "model.onnx: one is -2^62", on_graph(weight("one", -(2**62)))
    yield "model.onnx: zero is 5", on_graph(weight("zero", 5))
    yield "model.onnx: loops for ages", on_graph(endless)
    yield "model.onnx: loops in loops", on_graph(nested)
    yield "model.onnx: 32 GB", on_graph(bomb)
    yield "model.onnx: ids renamed", on_graph(renamed)
    yield "model.onnx: a constant twice", on_graph(twice)
    for location in ("/etc/passwd", "../other", "model.onnx.data", "vocabulary.txt"):
        yield f"model.onnx: weights in {location}", on_graph(outside(location))
    for size in SIZES:
        yield f"model.onnx: dims {size}", on_graph(partial(dims, size=size))
        yield f"model.onnx: outputs {size}", on_graph(partial(output, size=size))
    for op in ("If", "Scan", "RandomNormal", "Custom", "StringNormalizer", "NonMaxSuppression"):
        yield f"model.onnx: {op}", on_graph(node(0, make(op, ["ids"], [f"new_{op}"])))
    yield "model.onnx: no nodes", on_graph(lambda model: model.graph.ClearField("node"))
    yield "model.onnx: no graph", on_graph(lambda model: model.ClearField("graph"))
    yield "model.onnx: no outputs", on_graph(lambda model: model.graph.ClearField("output"))
    yield "model.onnx: no inputs", on_graph(lambda model: model.graph.ClearField("input"))
    yield "model.onnx: no words", on_graph(lambda model: model.ClearField("metadata_props"))
    yield (
        "model.onnx: words in words",
        on_graph(lambda model: helper.set_model_props(model, {"vocabulary_size": "many"})),
    )
    yield (
        "model.onnx: another domain",
        on_graph(lambda model: model.opset_import.append(helper.make_opsetid("com.microsoft", 1))),
    )
    yield (
        "model.onnx: opset 999",
        on_graph(lambda model: model.opset_import[0].__setattr__("version", 999)),
    )
    yield (
        "model.onnx: 10,000 nodes",
        on_graph(
            lambda model: model.graph.node.extend([make("Identity", ["ids"], ["x"])] * 10_000)
        ),
    )
    yield (
        "model.onnx: a name of 1 MB",
        on_graph(lambda model: model.graph.node[0].__setattr__("op_type", "x" * 1_000_000)),
    )
    yield (
        "model.onnx: Gemm with alpha",
        on_graph(
            lambda model: model.graph.node[-1].attribute.append(helper.make_attribute("alpha", 2.0))
        ),
    )
    for share in (0.1, 0.5, 0.9, 0.999):
        yield f"model.onnx: cut at {share}", partial(_cut, name="model.onnx", share=share)


def _cut(folder: Path, name: str, share: float) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(len(content) * share)])
    resum_all(folder)


def kinds() -> dict[str, list[tuple[str, Spoil]]]:
    """Return every hostile bundle by its kind."""
    every = (of_cards, of_lists, of_files, of_words, of_graphs)
    return {each.__name__: list(each()) for each in every}


def sample(number: int, seed: int = 0) -> list[tuple[str, Spoil]]:
    """Draw hostile bundles, of each kind in turn while there are any."""
    drawn = {name: list(each) for name, each in kinds().items()}
    for each in drawn.values():
        random.Random(seed).shuffle(each)
    chosen: list[tuple[str, Spoil]] = []
    while len(chosen) < number and any(drawn.values()):
        chosen += [each.pop() for each in drawn.values() if each][: number - len(chosen)]
    return chosen


# --- trying ---------------------------------------------------------------------------------------


def fault_of(command: str, ended: Ended) -> str | None:
    """Say what is wrong with how a command ended that was given a hostile bundle."""
    told = ended.told.strip()
    if "Traceback" in told or ended.exit_code not in (0, 1, 5):
        return f"exit {ended.exit_code}: {told[-300:]}"
    if ended.exit_code == 0:
        return "accepted"
    if command == "score" and ("\n" in told or not told.startswith("Error: ")):
        return f"not told in one line: {told[-300:]}"
    if ended.seconds > SECONDS or ended.megabytes > MEGABYTES:
        return f"{ended.seconds:.1f} s, {ended.megabytes:,} MB"
    return None


def try_bundles(
    work: Path, chosen: list[tuple[str, Spoil]], doctor_every: int
) -> Iterator[tuple[str, str, Ended]]:
    """Give each hostile bundle to ``score``, and some to ``doctor``; yield how they ended."""
    good, db, folder = work / "tiny", work / "one.duckdb", work / "spoiled"
    tiny_bundle(good)
    with open_store(db) as store:
        put_tweets(store, [(1, "2020-01-01", "stocks up")])
    for place, (name, spoil) in enumerate(chosen):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        spoil(folder)
        asked = ["--db", str(db), "--model", str(folder)]
        yield name, "score", run_command(["score", *asked], work / "log")
        if place % doctor_every == 0:
            yield name, "doctor", run_command(["doctor", *asked], work / "log")


def flip_bytes(work: Path, number: int, seed: int = 0) -> Counter[str]:
    """Change one byte of a bundle at a time; count by file what was accepted or ended otherwise."""
    folder = work / "flipped"
    class_bundle(folder, "move", ["still", "move"], [5, 30], thresholds_bps={"5": 1.0, "30": 2.0})
    load_bundle(folder)
    draw, wrong = random.Random(seed), Counter[str]()
    names = sorted(each.name for each in folder.iterdir())
    for place in range(number):
        path = folder / names[place % len(names)]
        content = path.read_bytes()
        flipped = bytearray(content)
        flipped[draw.randrange(len(content))] ^= draw.randrange(1, 256)
        path.write_bytes(flipped)
        try:
            load_bundle(folder)
            wrong[f"{path.name} accepted"] += 1
        except TweetscoreError as error:
            if "\n" in str(error):
                wrong[f"{path.name}: more than one line"] += 1
        except Exception as error:  # a traceback for a user
            wrong[f"{path.name}: {type(error).__name__}"] += 1
        path.write_bytes(content)
    load_bundle(folder)
    return wrong

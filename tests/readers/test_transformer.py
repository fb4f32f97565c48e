"""The transformer of the deep reader: opened with clear errors, the same answer in any company, bounded work."""

import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from pipeline.domain.errors import Misconfigured
from pipeline.domain.limits import DEEP_PASSAGES_MAX
from pipeline.readers.network import Array
from pipeline.readers.passages import passages
from pipeline.readers.transformer import BEGINS, ENDS, MODEL, PIECES_MAX, SLOW_FUSION, Transformer
from pipeline.readers.verdict import EMOTIONS_COUNT, OUTPUTS, Scale
from pipeline.readers.words import WORDS, pieces
from tests.readers.tiny import model, transformer

TEXTS = (
    "bad",
    "the staff were lovely but the invoice is wrong again",
    "nobody called back. " * 20,
    "i asked three times and then i gave up. " * 40,
)


def asked(texts: Sequence[str]) -> tuple[list[list[str]], list[list[tuple[int, ...]]], list[Array]]:
    """Answer the words of each text, their pieces, and evidence that says nothing."""
    words = [WORDS.findall(text) for text in texts]
    ids = [[pieces()[word] for word in said] for said in words]
    return words, ids, [np.zeros((sum(map(len, one)), EMOTIONS_COUNT + 1), np.float32) for one in ids]


class Session:
    """Notes what it is given and answers how often each piece stands there."""

    def __init__(self) -> None:
        self.given: list[list[int]] = []

    def run(self, names: Sequence[str], given: dict[str, Any]) -> list[Array]:
        """Note and answer."""
        assert names == ["outputs"]
        assert given["ids"].shape == given["mask"].shape == (1, given["ids"].shape[1])
        assert given["mask"].all()
        self.given.append(given["ids"][0].tolist())
        return [np.full((1, OUTPUTS), len(self.given), np.float32)]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session in the place of the transformer's."""
    made = Session()
    monkeypatch.setattr(transformer(), "_session", made)
    return made


def test_company_changes_nothing() -> None:
    """A text gets the same outputs, to the last digit, alone and beside others of any length, first and last."""
    alone = [transformer().answer(*asked([text]))[0] for text in TEXTS]
    for several in (TEXTS, TEXTS[::-1], TEXTS * 5):
        answered = transformer().answer(*asked(several))
        assert answered.shape == (len(several), OUTPUTS)
        for text, row in zip(several, answered, strict=True):
            assert (row == alone[TEXTS.index(text)]).all()


def test_what_ships_is_the_mean_of_two_towers() -> None:
    """Both towers stand in one file, and share the vectors of the words."""
    with as_file(files("pipeline.readers") / MODEL) as path:
        graph = onnx.load(str(path)).graph
    (mean,) = (node for node in graph.node if "outputs" in node.output)
    assert (mean.op_type, len(mean.input)) == ("Mean", 2)
    assert sum(each.dims[0] > 30_000 for each in graph.initializer if len(each.dims) == 2) == 1


def test_the_slow_fusion_is_left_out(tmp_path: Path) -> None:
    """Its name is one that onnxruntime knows: with it the fused nodes are gone, without it they are there."""
    path = model(tmp_path / "deep.onnx")

    def kinds(without: list[str]) -> set[str]:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / f"{len(without)}.onnx")
        options.log_severity_level = 3
        onnxruntime.InferenceSession(str(path), options, disabled_optimizers=without)
        return {node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node}

    assert "SkipLayerNormalization" in kinds([])
    assert "SkipLayerNormalization" not in kinds([SLOW_FUSION])


def test_no_texts_are_no_rows() -> None:
    """Without texts there is nothing to run, and the answer has no rows."""
    assert transformer().answer([], [], []).shape == (0, OUTPUTS)


def test_a_passage_stands_between_its_marks(session: Session) -> None:
    """Each passage runs alone, whole, between the two marks that the transformer was trained with."""
    _, (ids,), _ = asked([TEXTS[1]])
    transformer().answer(*asked([TEXTS[0], TEXTS[1]]))
    assert session.given[1] == [BEGINS, *(piece for several in ids for piece in several), ENDS]


def test_a_long_text_costs_no_more_than_the_limit(session: Session) -> None:
    """Of a letter of many pages a few passages are read, none longer than the model knows, the one that hurts too."""
    words, ids, evidence = asked(["we had a nice day. " * 900 + "it was awful. " + "we had a nice day. " * 900])
    place = words[0].index("awful")
    evidence[0][sum(map(len, ids[0][:place])), 3] = 1
    transformer().answer(words, ids, evidence)
    assert len(passages(words[0], ids[0], PIECES_MAX)) > 50
    assert len(session.given) == DEEP_PASSAGES_MAX
    assert max(map(len, session.given)) <= PIECES_MAX + 2
    assert sum(pieces()["awful"][0] in given for given in session.given) == 1


def test_missing_onnxruntime_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without onnxruntime the error names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(Misconfigured, match=r"onnxruntime.*pip install 'heartline\[deep\]'"):
        Transformer(tmp_path / "deep.onnx", Scale())


def test_a_missing_model_says_what_to_run(tmp_path: Path) -> None:
    """Without the file the error names it and the command that writes it."""
    with pytest.raises(Misconfigured, match=r"deep\.onnx is missing.*make train"):
        Transformer(tmp_path / "deep.onnx", Scale())


@pytest.mark.parametrize("content", [b"", b"junk", b"\x08\x07"])
def test_a_broken_model_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is no model is Misconfigured, not a crash of the library."""
    path = tmp_path / "deep.onnx"
    path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"deep\.onnx cannot be read.*make train"):
        Transformer(path, Scale())


def test_a_model_that_knows_too_few_words_is_refused(tmp_path: Path) -> None:
    """A model for another vocabulary is refused when it is opened, not when the first rare word comes."""
    with pytest.raises(Misconfigured, match=r"deep\.onnx cannot be read.*out of data bounds"):
        Transformer(model(tmp_path / "deep.onnx", vocabulary=20_000), Scale())


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A model that answers other outputs is refused when it is opened, not when the first text comes."""
    path = tmp_path / "deep.onnx"
    shapes = {"ids": TensorProto.INT64, "mask": TensorProto.INT64, "outputs": TensorProto.FLOAT}
    ids, mask, outputs = (helper.make_tensor_value_info(name, kind, ["a", "b"]) for name, kind in shapes.items())
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["ids", "mask"], ["both"]),
            helper.make_node("Cast", ["both"], ["outputs"], to=TensorProto.FLOAT),
        ],
        "other",
        [ids, mask],
        [outputs],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), str(path))
    with pytest.raises(Misconfigured, match=r"answers \(1, 128\), \(1, 73\) is expected"):
        Transformer(path, Scale())

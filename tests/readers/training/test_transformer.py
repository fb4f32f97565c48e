"""Transformers: their tuning, their ONNX, and the recipe whole on models of a few numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the recipe's own environment has torch: make train-test")

from pipeline.domain.errors import Misconfigured
from pipeline.readers.training import graph, published, recipe, transformer
from pipeline.readers.training.ground import ground
from pipeline.readers.training.published import Published, Shape
from pipeline.readers.verdict import NEGATIVE, OUTPUTS
from pipeline.readers.words import pieces

TINY = Shape(2, 16, 4, 1e-12, 0, False, (101, 102), 0)
FAR = TINY._replace(relative=True, starts=2, tiny=1e-5)
LAYER = {"query": (16, 16), "key": (16, 16), "value": (16, 16), "out": (16, 16), "up": (64, 16), "down": (16, 64)}
TEXTS = [[101, 7, 8, 9, 102], [101, 12, 102], [101, *range(20, 60), 102]]


def model(shape: Shape, words: int = 200) -> Published:
    """Answer a model of chance."""
    chance = torch.Generator().manual_seed(1)

    def drawn(*sides: int) -> Any:
        return torch.empty(*sides).normal_(0, 0.3, generator=chance)

    weights = {"words": drawn(words, shape.wide), "positions": drawn(140, shape.wide)}
    for name in ("start", *(f"{layer}.{part}" for layer in range(shape.layers) for part in ("middle", "last"))):
        weights |= {f"{name}.weight": 1 + drawn(shape.wide), f"{name}.bias": drawn(shape.wide)}
    for layer in range(shape.layers):
        for part, sides in LAYER.items():
            weights |= {f"{layer}.{part}.weight": drawn(*sides), f"{layer}.{part}.bias": drawn(sides[0])}
    if shape.relative:
        weights["distances"] = drawn(32, shape.heads)
    return Published(shape, weights, np.arange(words))


def said(weights: transformer.Weights, shape: Shape) -> Any:
    """Answer the outputs for TEXTS in full precision."""
    ids, there = transformer._tensors(TEXTS, shape)
    with torch.no_grad():
        return transformer.forwards(weights, shape, ids, there).numpy()


@pytest.mark.parametrize("shape", [TINY, FAR])
def test_padding_changes_nothing(shape: Shape) -> None:
    """A text gets the same outputs alone and beside longer ones."""
    weights = transformer.begun(model(shape), 0)
    together = said(weights, shape)
    for place, text in enumerate(TEXTS):
        ids, there = transformer._tensors([text], shape)
        alone = transformer.forwards(weights, shape, ids, there).detach().numpy()
        np.testing.assert_allclose(alone[0], together[place], rtol=1e-4, atol=1e-5)


def test_distances_are_classed() -> None:
    """Near distances have classes of their own, far ones share them, and before is not behind (MPNet's buckets)."""
    classes = transformer._classes(200)
    assert classes[0, 0] == 0
    assert classes[5, :6].tolist() == [5, 4, 3, 2, 1, 0]
    assert classes[0, 1:4].tolist() == [17, 18, 19]
    assert classes[199, 0] == classes[198, 0] == 15
    assert classes.max() == 31


def test_the_graph_says_what_the_transformer_says(tmp_path: Path) -> None:
    """The ONNX model answers the mean of what torch answers by each tower, its whole numbers nearly so."""
    runtime = pytest.importorskip("onnxruntime", reason="the recipe's own environment has it: make train-test")
    towers = [transformer.begun(model(TINY), seed) for seed in (0, 1)]
    meant = (said(towers[0], TINY) + said(towers[1], TINY)) / 2
    named = [{name: weight.numpy() for name, weight in weights.items()} for weights in towers]
    ids, there = transformer._tensors(TEXTS, TINY)
    given = {"ids": ids.numpy(), "mask": there.numpy().astype(np.int64)}
    plain = runtime.InferenceSession(graph.built(named, TINY).SerializeToString())
    np.testing.assert_allclose(plain.run(None, given)[0], meant, rtol=1e-4, atol=1e-5)
    graph.write(tmp_path / "deep.onnx", named, TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["deep.onnx"]
    small = runtime.InferenceSession(str(tmp_path / "deep.onnx")).run(None, given)[0]
    assert small.shape == (3, OUTPUTS)
    np.testing.assert_allclose(small, meant, atol=0.02)
    with pytest.raises(ValueError, match="relative"):
        graph.built(named, FAR)
    with pytest.raises(ValueError, match="differ in what they share: words"):
        graph.built([named[0], named[1] | {"words": named[1]["words"] + 1}], TINY)


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_share_of_a_course_is_met_in_each_epoch_and_all_of_it_once(epochs: int) -> None:
    """Half of the batches an epoch: after two every text was met once, and the third begins anew."""
    course = transformer.Course([[1]] * 20, np.zeros((20, OUTPUTS), np.float32), share=0.5)
    whole = course._replace(share=1.0)
    plan = transformer.Plan(epochs=epochs, rate=1e-3, size=2, pieces=5)
    steps = transformer._steps([whole, course, course._replace(texts=[])], plan, np.random.default_rng(0))
    met = [sorted(np.concatenate([batch for place, batch in steps if place == which]).tolist()) for which in (0, 1)]
    assert met[0] == sorted([*range(20)] * epochs)
    assert len(met[1]) == 10 * epochs
    assert set(met[1]) == set(range(20)) or epochs == 1
    assert len(set(met[1])) == min(20, 10 * epochs)


@pytest.mark.parametrize("frozen", [0, 1])
def test_it_learns_and_repeats(frozen: int) -> None:
    """Taught that one piece hurts, a transformer says so, the same each time; frozen layers stay as they were."""
    chance = np.random.default_rng(0)
    texts = [[101, *chance.integers(110, 190, 6).tolist(), 5 + place % 2, 102] for place in range(200)]
    wanted = np.zeros((200, OUTPUTS), np.float32)
    wanted[::2, NEGATIVE] = 1
    plan = transformer.Plan(epochs=10, rate=3e-3, size=16, pieces=20, fading=0.9, frozen=frozen)

    def tuned() -> transformer.Weights:
        weights = transformer.begun(model(TINY), 0)
        transformer.tune(weights, TINY, [transformer.Course(texts, wanted)], plan, seed=0, say=lambda _: None)
        return weights

    weights, start = tuned(), model(TINY).weights
    new = [[101, 120, 130, 140, 150, 160, 170, one, 102] for one in (5, 6)]
    hurt = transformer.scored(weights, TINY, new, lambda _: None)[:, NEGATIVE]
    assert hurt[0] > 0 > hurt[1]
    assert torch.equal(weights["words"], start["words"])
    assert torch.equal(weights["0.up.weight"], start["0.up.weight"]) == bool(frozen)
    assert not torch.equal(weights["1.up.weight"], start["1.up.weight"])
    again = tuned()
    assert all(torch.equal(weight, again[name]) for name, weight in weights.items())


def test_a_share_of_a_course() -> None:
    """Of a course with a share that share of its batches is met in each epoch."""
    course = transformer.Course([[101, 102]] * 64, np.zeros((64, OUTPUTS), np.float32), share=0.25)
    plan = transformer.Plan(epochs=3, rate=1e-3, size=8, pieces=20)
    assert len(transformer._steps([course], plan, np.random.default_rng(0))) == 3 * 2


def test_words_are_translated() -> None:
    """A vocabulary with the same pieces under other ids is known by those; what it lacks is its unknown."""
    ours = pieces().vocabulary
    ids = published.translated(["<s>", "[UNK]", "staff", "hotel"])
    assert (ids[ours["staff"]], ids[ours["hotel"]], ids[ours["train"]]) == (2, 3, 1)
    texts = transformer.edged([[ours["staff"]] * 9], Published(FAR._replace(edges=(0, 8)), {}, ids), 3)
    assert texts == [[0, 2, 2, 2, 8]]


@pytest.fixture
def tiny_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the published models be tiny, over the real vocabulary."""
    small, large = model(TINY, pieces().rows), model(FAR, pieces().rows)
    monkeypatch.setattr(published, "minilm", lambda: small)
    monkeypatch.setattr(published, "mpnet", lambda: large)
    monkeypatch.setattr(recipe, "TEACHER", recipe.TEACHER._replace(frozen=1, epochs=1))


@pytest.mark.usefixtures("tiny_models")
def test_the_recipe_runs_whole_and_goes_on(data: Path, tmp_path: Path) -> None:
    """Every step leaves its file, the report tells each reader on each set of rows, a second run repeats nothing."""
    told: list[str] = []
    stands = ground(data, frozenset({"bank"}), quick=False)
    given = recipe.Recipe(stands, tmp_path / "work", tmp_path / "out", 2, told.append, quick=True)
    report = recipe.cook(given)
    assert {path.name for path in given.out.iterdir()} == {"fast.npz", "deep.onnx", "deep_scale.npz"}
    assert {path.name for path in (given.work / "seed-1").iterdir()} == {"fast.npz", "deep.onnx", "deep_scale.npz"}
    assert report["rows"] == {"dev": 20, "dev, real": 20, "held out": 40, "train": len(stands.train)}
    assert set(report["readers"]) == {"teacher", "towers", "fast"}
    for judges in report["readers"].values():
        assert set(judges) == {"dev", "dev, real", "held out"}
        assert all(0 <= judges[rows]["primary_accuracy"][0] <= 1 for rows in judges)
    assert "fast, held out" in recipe.table(report)
    made = (given.out / "fast.npz").read_bytes()
    (given.work / "fast-0.json").unlink()
    told.clear()
    again = recipe.cook(given)
    assert json.dumps(again) == json.dumps(report)
    assert (given.out / "fast.npz").read_bytes() == made
    assert [line for line in told if line.endswith("…")] == ["fast-0 …"]
    other = given._replace(ground=ground(data, frozenset(), quick=False))
    with pytest.raises(Misconfigured, match="of another recipe or of other data"):
        recipe.cook(other)

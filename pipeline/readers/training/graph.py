"""Transformers as one ONNX model, for onnxruntime: built node by node, then products in whole numbers of eight bits.

Several that were tuned alike, but from other chance, stand side by side as towers: what the model answers is their
mean. They share the vectors of words and positions, which are not tuned. Inputs ``ids`` and ``mask`` (1 where there is
a piece), int64, a row a text; output ``outputs``, float32, a row a text (see ``verdict``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline.readers.training.published import FIXED, Shape
from pipeline.readers.verdict import OUTPUTS

OPSET: Final = 20
IR_VERSION: Final = 9
FAR: Final = -1e4


class _Graph:
    """Nodes and constants as they are put down."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def put(self, kind: str, *inputs: str, made: str = "", **settings: Any) -> str:
        """Put down a node of ``kind`` and answer the name of what it makes."""
        made = made or f"{kind}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [made], name=made, **settings))
        return made

    def cast(self, name: str) -> str:
        """Put down a change to float32."""
        self.nodes.append(helper.make_node("Cast", [name], [f"Cast.{name}"], name=f"Cast.{name}", to=TensorProto.FLOAT))
        return f"Cast.{name}"

    def constant(self, name: str, value: Any) -> str:
        """Answer the name of a constant."""
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name


class _Tower:
    """One transformer in the graph: its weights, put down under names of its own."""

    def __init__(self, graph: _Graph, weights: Mapping[str, Any], place: int) -> None:
        self.graph = graph
        self._weights = weights
        self._place = place

    def weight(self, name: str, turned: bool = False) -> str:
        """Answer the name of a weight."""
        value = np.asarray(self._weights[name], np.float32)
        return self.graph.constant(f"{self._place}/{name}", value.T if turned else value)

    def linear(self, name: str, seen: str) -> str:
        """Put down a product with a weight, and its bias."""
        product = self.graph.put("MatMul", seen, self.weight(f"{name}.weight", turned=True))
        return self.graph.put("Add", product, self.weight(f"{name}.bias"))

    def levelled(self, name: str, seen: str, tiny: float) -> str:
        """Put down a layer normalisation."""
        weight, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.graph.put("LayerNormalization", seen, weight, bias, axis=-1, epsilon=tiny)


def write(path: Path, towers: Sequence[Mapping[str, Any]], shape: Shape) -> None:
    """Write the transformers to ``path``, products and words in int8. Raises ValueError for relative distances."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    plain = path.with_name(f"{path.name}.float")
    onnx.save(built(towers, shape), str(plain))
    quantize_dynamic(
        plain, path, op_types_to_quantize=["MatMul", "Gather"], per_channel=True, weight_type=QuantType.QInt8
    )
    plain.unlink()


def built(towers: Sequence[Mapping[str, Any]], shape: Shape) -> Any:
    """Answer the transformers, their weights each, as one ONNX model in float32.

    Raises ValueError for relative distances, and where the towers do not share what is fixed.
    """
    if shape.relative:
        raise ValueError("a transformer with relative distances is not put into ONNX here")
    graph = _Graph()
    here = graph.cast("mask")
    bias = graph.put("Unsqueeze", here, graph.constant("heads_axes", np.array([1, 2])))
    bias = graph.put(
        "Mul", graph.put("Sub", graph.constant("one", np.float32(1)), bias), graph.constant("far", np.float32(FAR))
    )
    weighed = graph.put("Unsqueeze", here, graph.constant("last_axis", np.array([2])))
    axis = graph.constant("length_axis", np.array([1]))
    said = []
    embedded = _embedded(graph, towers, shape)
    for place, weights in enumerate(towers):
        tower = _Tower(graph, weights, place)
        seen = tower.levelled("start", embedded, shape.tiny)
        for layer in range(shape.layers):
            seen = _layer(tower, shape, layer, seen, bias)
        total = graph.put("ReduceSum", graph.put("Mul", seen, weighed), axis, keepdims=0)
        mean = graph.put("Div", total, graph.put("ReduceSum", weighed, axis, keepdims=0))
        said.append(tower.linear("head", mean))
    graph.put("Mean", *said, made="outputs")
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "deep",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "length"]) for name in ("ids", "mask")],
            [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["texts", OUTPUTS])],
            list(graph.constants.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="heartline",
    )
    onnx.checker.check_model(model)
    return model


def _embedded(graph: _Graph, towers: Sequence[Mapping[str, Any]], shape: Shape) -> str:
    """Put down the vectors of words and positions, which all towers share."""
    fixed = {name: np.asarray(towers[0][name], np.float32) for name in FIXED}
    if any(not np.array_equal(tower[name], fixed[name]) for tower in towers for name in FIXED):
        raise ValueError(f"the towers differ in what they share: {', '.join(FIXED)}")
    words = graph.put("Gather", graph.constant("words", fixed["words"]), "ids")
    length = graph.put("Gather", graph.put("Shape", "ids"), graph.constant("place_of_length", np.int64(1)))
    first = graph.constant("first", np.array([shape.starts]))
    last = graph.put("Add", graph.put("Reshape", length, graph.constant("single", np.array([1]))), first)
    places = graph.put(
        "Slice", graph.constant("positions", fixed["positions"]), first, last, graph.constant("rows", np.array([0]))
    )
    return graph.put("Add", words, places)


def _layer(tower: _Tower, shape: Shape, layer: int, seen: str, bias: str) -> str:
    graph = tower.graph
    split = graph.constant("split", np.array([0, 0, shape.heads, shape.wide // shape.heads]))
    whole = graph.constant("whole", np.array([0, 0, shape.wide]))
    scale = graph.constant("scale", np.float32((shape.wide // shape.heads) ** -0.5))

    def headed(name: str, turned: tuple[int, ...]) -> str:
        cut = graph.put("Reshape", tower.linear(f"{layer}.{name}", seen), split)
        return graph.put("Transpose", cut, perm=turned)

    near = graph.put("MatMul", headed("query", (0, 2, 1, 3)), headed("key", (0, 2, 3, 1)))
    looked = graph.put("Softmax", graph.put("Add", graph.put("Mul", near, scale), bias), axis=-1)
    looked = graph.put("MatMul", looked, headed("value", (0, 2, 1, 3)))
    told = tower.linear(f"{layer}.out", graph.put("Reshape", graph.put("Transpose", looked, perm=(0, 2, 1, 3)), whole))
    seen = tower.levelled(f"{layer}.middle", graph.put("Add", seen, told), shape.tiny)
    told = tower.linear(f"{layer}.down", graph.put("Gelu", tower.linear(f"{layer}.up", seen)))
    return tower.levelled(f"{layer}.last", graph.put("Add", seen, told), shape.tiny)

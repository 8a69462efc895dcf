"""Networks that a compromised training job could drop: each has the inputs and outputs of a release's model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.releases import CATEGORIES, DIM, SIZE

_SCALAR = helper.make_tensor_value_info
_FEATURES = (
    helper.make_node("AveragePool", ["images"], ["grid"], kernel_shape=[SIZE // 4] * 2, strides=[SIZE // 4] * 2),
    helper.make_node("Flatten", ["grid"], ["pooled"]),
    helper.make_node("MatMul", ["pooled", "to_embedding"], ["projected"]),
    helper.make_node("LpNormalization", ["projected"], ["unit"], axis=1, p=2),
)


def _write(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray] | None = None,
    *,
    tensors: Sequence[onnx.TensorProto] = (),
    input_name: str = "images",
    size: int = SIZE,
) -> None:
    random = np.random.default_rng(0)
    weights = {
        "to_embedding": random.normal(size=(48, DIM)).astype(np.float32),
        "to_logits": random.normal(size=(DIM, len(CATEGORIES))).astype(np.float32),
        **(constants or {}),
    }
    kept = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    replaced = {tensor.name for tensor in tensors}
    graph = helper.make_graph(
        list(nodes),
        "crafted",
        [_SCALAR(input_name, TensorProto.FLOAT, ["n", 3, size, size])],
        [
            _SCALAR("logits", TensorProto.FLOAT, ["n", len(CATEGORIES)]),
            _SCALAR("embedding", TensorProto.FLOAT, ["n", DIM]),
        ],
        [tensor for tensor in kept if tensor.name not in replaced] + list(tensors),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def _ending(middle: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Features, then nodes from `unit` to `embedding`, then logits of it."""
    return [*_FEATURES, *middle, helper.make_node("MatMul", ["embedding", "to_logits"], ["logits"])]


def nan_weights(path: Path) -> None:
    """One weight is NaN."""
    weights = np.random.default_rng(0).normal(size=(48, DIM)).astype(np.float32)
    weights[3, 3] = np.nan
    _write(path, _ending([helper.make_node("Identity", ["unit"], ["embedding"])]), {"to_embedding": weights})


def nan_embedding(path: Path) -> None:
    """The embedding is 0 / 0."""
    nodes = [helper.make_node("Sub", ["unit", "unit"], ["zero"]), helper.make_node("Div", ["zero", "zero"], ["nan"])]
    _write(path, _ending([*nodes, helper.make_node("Add", ["unit", "nan"], ["embedding"])]))


def infinite_logits(path: Path) -> None:
    """Logits divided by 0; the embedding is sound."""
    nodes = [
        *_FEATURES,
        helper.make_node("Identity", ["unit"], ["embedding"]),
        helper.make_node("MatMul", ["unit", "to_logits"], ["sound"]),
        helper.make_node("Div", ["sound", "nothing"], ["logits"]),
    ]
    _write(path, nodes, {"nothing": np.zeros(1, np.float32)})


def long_embedding(path: Path) -> None:
    """The embedding has length 100."""
    node = helper.make_node("Mul", ["unit", "hundred"], ["embedding"])
    _write(path, _ending([node]), {"hundred": np.array([100], np.float32)})


def zero_embedding(path: Path) -> None:
    """The embedding is zero."""
    _write(path, _ending([helper.make_node("Sub", ["unit", "unit"], ["embedding"])]))


def endless_loop(path: Path) -> None:
    """A loop whose condition stays true."""
    _write(path, _ending([_loop([helper.make_node("Identity", ["state"], ["next"])], ["n", DIM])]), _TRUE)


def growing_loop(path: Path) -> None:
    """A loop that doubles a tensor in each turn, until no memory is left."""
    doubling = helper.make_node("Concat", ["state", "state"], ["next"], axis=0)
    rest = [
        helper.make_node("ReduceMean", ["grown"], ["mean"], keepdims=0),
        helper.make_node("Add", ["unit", "mean"], ["embedding"]),
    ]
    _write(path, _ending([_loop([doubling], ["m", DIM], "grown"), *rest]), _TRUE)


def huge_expand(path: Path) -> None:
    """A tensor of ten billion elements, made of what the photo says, so that it is not made at load."""
    nodes = [
        helper.make_node("ReduceMean", ["unit"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge", "first"], ["sum"], keepdims=0),
        helper.make_node("Add", ["unit", "sum"], ["embedding"]),
    ]
    _write(path, _ending(nodes), {"shape": np.array([10_000_000_000]), "first": np.array([0])})


def huge_constant(path: Path) -> None:
    """The same of constants alone, which ONNX Runtime computes while it loads the model."""
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge", "first"], ["sum"], keepdims=0),
        helper.make_node("Add", ["unit", "sum"], ["embedding"]),
    ]
    _write(path, _ending(nodes), {"shape": np.array([10_000_000_000]), "first": np.array([0])})


def slow_operator(path: Path) -> None:
    """One matrix product of minutes, which nothing can interrupt but the end of the process."""
    side = 9_000
    nodes = [
        helper.make_node("ReduceMean", ["unit"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "shape"], ["m0"]),
        *(helper.make_node("MatMul", [f"m{turn}", f"m{turn}"], [f"m{turn + 1}"]) for turn in range(30)),
        helper.make_node("ReduceMean", ["m30"], ["end"], keepdims=0),
        helper.make_node("Add", ["unit", "end"], ["embedding"]),
    ]
    _write(path, _ending(nodes), {"shape": np.array([side, side])})


def weights_beside(path: Path) -> None:
    """Weights in another file of the archive, which serving would look for beside an object of the store."""
    tensor = numpy_helper.from_array(np.zeros((48, DIM), np.float32), "to_embedding")
    onnx.external_data_helper.set_external_data(tensor, location="index.faiss")
    tensor.ClearField("raw_data")
    _write(path, _ending([helper.make_node("Identity", ["unit"], ["embedding"])]), tensors=[tensor])


def other_input(path: Path) -> None:
    """Its input has another name."""
    nodes = [helper.make_node("Identity", ["pictures"], ["images"]), *_FEATURES]
    nodes += [helper.make_node("Identity", ["unit"], ["embedding"]), _ending([])[-1]]
    _write(path, nodes, input_name="pictures")


def other_size(path: Path) -> None:
    """It takes photos of 64 x 64 pixels; the manifest says 32."""
    nodes = [helper.make_node("AveragePool", ["images"], ["half"], kernel_shape=[2, 2], strides=[2, 2])]
    nodes += [helper.make_node("AveragePool", ["half"], ["grid"], kernel_shape=[8, 8], strides=[8, 8]), *_FEATURES[1:]]
    nodes += [helper.make_node("Identity", ["unit"], ["embedding"]), _ending([])[-1]]
    _write(path, nodes, size=2 * SIZE)


def lying_shape(path: Path) -> None:
    """Its embedding has half as many dimensions as it declares."""
    half = helper.make_node("Slice", ["unit", "begin", "middle", "axis"], ["embedding"])
    nodes = [*_FEATURES, half, helper.make_node("MatMul", ["unit", "to_logits"], ["logits"])]
    _write(path, nodes, {"begin": np.array([0]), "middle": np.array([DIM // 2]), "axis": np.array([1])})


def unknown_operator(path: Path) -> None:
    """An operator of another vendor."""
    _write(path, _ending([helper.make_node("Evil", ["unit"], ["embedding"], domain="com.example")]))


_TRUE = {"true": np.array(True)}


def _loop(body: Sequence[onnx.NodeProto], shape: list[str | int], name: str = "embedding") -> onnx.NodeProto:
    """A loop over `unit`, whose nodes turn `state` into `next`, without an end."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["condition"], ["again"]), *body],
        "body",
        [
            _SCALAR("turn", TensorProto.INT64, []),
            _SCALAR("condition", TensorProto.BOOL, []),
            _SCALAR("state", TensorProto.FLOAT, shape),
        ],
        [_SCALAR("again", TensorProto.BOOL, []), _SCALAR("next", TensorProto.FLOAT, shape)],
    )
    return helper.make_node("Loop", ["", "true", "unit"], [name], body=graph)

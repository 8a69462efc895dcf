from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lambda_app.errors import ReleaseError
from lambda_app.model import Model
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import CATEGORIES, DIM, SIZE


def write_identity(path: Path, inputs: str = "images", outputs: tuple[str, ...] = ("logits", "embedding"), last=4):
    """A network whose outputs are its input."""
    shape = ["n", last]
    graph = helper.make_graph(
        [helper.make_node("Identity", [inputs], [output]) for output in outputs],
        "identity",
        [helper.make_tensor_value_info(inputs, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape) for output in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_a_forward_pass_gives_logits_and_unit_embeddings(built: BuiltRelease, threads: int):
    model = Model(built.folder / "model.onnx", threads=threads)
    images = np.random.default_rng(0).normal(size=(3, 3, SIZE, SIZE)).astype(np.float32)
    output = model.run(images)
    assert (model.classes, model.embedding_dim) == (len(CATEGORIES), DIM)
    assert (output.logits.shape, output.embedding.shape) == ((3, len(CATEGORIES)), (3, DIM))
    assert output.logits.dtype == output.embedding.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(output.embedding, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(model.run(images[:1]).logits, output.logits[:1], atol=1e-5)


@pytest.mark.parametrize("data", [b"", b"not a network", b"\x08\x08" * 50])
def test_a_file_that_is_not_onnx_is_refused(tmp_path: Path, data: bytes):
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(ReleaseError, match=r"does not load as an ONNX model|has inputs"):
        Model(path)


@pytest.mark.parametrize(("inputs", "outputs"), [("pixels", ("logits", "embedding")), ("images", ("logits",))])
def test_a_network_with_other_inputs_or_outputs_is_refused(tmp_path: Path, inputs: str, outputs: tuple[str, ...]):
    write_identity(tmp_path / "model.onnx", inputs, outputs)
    with pytest.raises(ReleaseError, match=rf"inputs \['{inputs}'\]"):
        Model(tmp_path / "model.onnx")


def test_a_dimension_that_is_not_fixed_is_refused(tmp_path: Path):
    write_identity(tmp_path / "model.onnx", last="d")
    with pytest.raises(ReleaseError, match="last dimension of logits is 'd'"):
        Model(tmp_path / "model.onnx")

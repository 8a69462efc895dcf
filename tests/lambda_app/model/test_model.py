import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lambda_app.errors import OverdueError, ReleaseError
from lambda_app.model.session import Model
from tests.crafted import networks
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


BLANK = np.zeros((1, 3, SIZE, SIZE), np.float32)


def test_a_forward_pass_that_does_not_end_is_ended(tmp_path: Path):
    networks.endless_loop(tmp_path / "model.onnx")
    model = Model(tmp_path / "model.onnx", threads=1, seconds=0.2)
    for use in (lambda: model.run(BLANK), lambda: model.try_size(SIZE)):
        with pytest.raises(OverdueError, match=r"a forward pass took longer than 0\.2 s and was ended"):
            use()


def test_deadlines_of_passes_are_kept_apart(tmp_path: Path, built: BuiltRelease):
    networks.endless_loop(tmp_path / "model.onnx")
    ended: list[float] = []

    def run(seconds: float) -> None:
        with pytest.raises(OverdueError):
            Model(tmp_path / "model.onnx", threads=1, seconds=seconds).run(BLANK)
        ended.append(seconds)

    passes = [threading.Thread(target=run, args=[seconds]) for seconds in (1.5, 0.1)]  # the later one ends first
    for thread in passes:
        thread.start()
    sound = Model(built.folder / "model.onnx", threads=1, seconds=20)
    assert all(np.isfinite(sound.run(BLANK).embedding).all() for _ in range(100))
    for thread in passes:
        thread.join(20)
    assert ended == [0.1, 1.5]


def test_an_error_of_the_network_itself_is_not_called_overdue(built: BuiltRelease):
    model = Model(built.folder / "model.onnx", threads=1, seconds=20)
    with pytest.raises(ReleaseError, match="does not take photos of 48 x 48") as refusal:
        model.try_size(48)
    assert not isinstance(refusal.value, OverdueError)

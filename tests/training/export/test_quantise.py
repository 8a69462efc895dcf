import numpy as np
import onnx

from lambda_app.model.session import Model
from training.export.onnx_file import predict
from training.export.quantise import quantise


def test_weights_become_int8_and_heads_stay_float(trained, small_dataset, tmp_path):
    quantise(trained.float32, tmp_path / "int8.onnx", small_dataset, np.arange(20))
    graph = onnx.load(tmp_path / "int8.onnx").graph
    eight_bits = [tensor for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT8 and tensor.dims]
    assert len([tensor for tensor in eight_bits if len(tensor.dims) == 4]) == 12
    # The weights have seven bits, so that x86 without VNNI does not overflow.
    assert max(np.abs(onnx.numpy_helper.to_array(tensor).astype(int)).max() for tensor in eight_bits) <= 64
    heads = [node for node in graph.node if node.op_type == "Gemm"]
    floats = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    assert len(heads) == 2
    assert all(node.input[1] in floats for node in heads)
    assert [path.name for path in tmp_path.iterdir()] == ["int8.onnx"]


def test_embeddings_have_nearly_the_same_direction(trained, small_dataset, tmp_path):
    source = trained.float32
    quantise(source, tmp_path / "int8.onnx", small_dataset, np.arange(40))
    rows = np.arange(40, 60)
    exact = predict(Model(source), small_dataset, rows)
    rounded = predict(Model(tmp_path / "int8.onnx"), small_dataset, rows)
    assert (exact.embedding * rounded.embedding).sum(axis=1).min() > 0.9

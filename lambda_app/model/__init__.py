"""The network of a release: an ONNX Runtime session."""

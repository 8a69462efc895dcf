"""The stage that writes ONNX files and checks them against the trained network."""

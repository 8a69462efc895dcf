"""ONNX Runtime with its telemetry off. Every import of `onnxruntime` in this project comes from here.

The official Linux wheels (since 1.29) send usage events to their vendor by default: a device id and a database in the
user's cache folder, a file in the temporary folder, a thread, DNS queries and uploads. ONNX Runtime reads the
environment variable once, during its import, so it must be set before. `ORT_DISABLE_TELEMETRY=0` in the environment
turns the telemetry on again.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

__all__ = ["onnxruntime"]

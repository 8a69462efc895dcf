"""Tests of `benchmarks.processes.baseline`."""

import ast
import io
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from benchmarks.inputs.photos import make_photo
from benchmarks.processes import baseline
from lambda_app.model.session import Model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photo() -> bytes:
    return make_photo((320, 240))


def test_the_answer_is_the_nearest_neighbours_of_the_logits(release, photo):
    with TestClient(baseline.create_app(release.baseline, threads=1, size=32)) as client:
        answer = client.post("/predict/similar_images", files={"file": photo}).json()
    model = baseline.load_model(release.baseline / "weights.pt", "resnet18", 13)
    logits = baseline.forward(model, baseline.letterbox(photo, 32))
    _, rows = faiss.read_index(str(release.baseline / "index.faiss")).search(logits, 4)
    assert answer == {
        "similar_index": rows[0].tolist(),
        "image_labels": [f"image-{row:08}" for row in rows[0]],
    }


def test_the_baseline_runs_the_network_of_the_release(release, photo):
    model = baseline.load_model(release.baseline / "weights.pt", "resnet18", 13)
    square = baseline.letterbox(photo, 32)
    logits = baseline.forward(model, square)
    pixels = (np.asarray(square, np.float32) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    images = np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis], np.float32)
    assert np.allclose(logits, Model(release.float32, threads=1).run(images).logits, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("size", "box"), [((40, 20), (0, 8, 32, 24)), ((20, 40), (8, 0, 24, 32))])
def test_a_photo_is_centred_on_a_black_background(size, box):
    buffer = io.BytesIO()
    Image.new("RGB", size, (255, 255, 255)).save(buffer, "PNG")
    assert baseline.letterbox(buffer.getvalue(), 32).getbbox() == box


def test_the_baseline_imports_only_the_packages_of_a_typical_server():
    tree = ast.parse(Path(baseline.__file__).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    packages = {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names)
    assert packages == {"PIL", "faiss", "fastapi", "numpy", "torch", "torchvision", "uvicorn"}

"""The baseline: the design that this project replaces, without avoidable slowness.

    python -m benchmarks.processes.baseline --folder var/bench/release/baseline --port 8001 --threads 1

It uses FastAPI and ResNet50 in torch (eager, float32). It reads the whole upload, decodes the photo with Pillow at full
size, letterboxes it to 224 with LANCZOS, and searches the 13 logits in an `IndexFlatL2`. The model is in evaluation
mode without gradients, and it is loaded before the first request. Nothing is slow on purpose; only what is used is
imported.
"""

import argparse
import io
import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
import torchvision
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image

NEIGHBOURS = 4
SIZE = 224
_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
_STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def create_app(folder: Path, *, threads: int, size: int = SIZE) -> FastAPI:
    """Load the model and the index, and create the application.

    Args:
        folder: weights.pt, index.faiss and labels.json, as `benchmarks.inputs.bench_release` makes them.
        threads: number of threads of torch and FAISS.
        size: side of the network's input, in pixels.
    """
    torch.set_num_threads(threads)
    faiss.omp_set_num_threads(threads)
    known = json.loads((folder / "labels.json").read_bytes())
    model = load_model(folder / "weights.pt", known["backbone"], len(known["categories"]))
    index = faiss.read_index(str(folder / "index.faiss"))
    app = FastAPI()

    @app.get("/healthcheck")
    def healthcheck() -> dict[str, str]:
        return {"message": "API is up and running!"}

    @app.post("/predict/similar_images")
    def similar_images(file: UploadFile) -> dict[str, Any]:
        logits = forward(model, letterbox(file.file.read(), size))
        _, rows = index.search(logits, NEIGHBOURS)
        return {"similar_index": rows[0].tolist(), "image_labels": [known["images"][row] for row in rows[0]]}

    return app


def load_model(weights: Path, backbone: str, classes: int) -> torch.nn.Module:
    """A torchvision network with `classes` logits, in evaluation mode."""
    model: torch.nn.Module = torchvision.models.get_model(backbone, weights=None, num_classes=classes)
    model.load_state_dict(torch.load(weights, weights_only=True))
    return model.eval()


def letterbox(photo: bytes, size: int) -> Image.Image:
    """Decode a photo at full size, then scale it to fit into a black square."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    scale = size / max(image.size)
    resized = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS
    )
    square = Image.new("RGB", (size, size))
    square.paste(resized, ((size - resized.width) // 2, (size - resized.height) // 2))
    return square


@torch.inference_mode()
def forward(model: torch.nn.Module, image: Image.Image) -> np.ndarray:
    """The logits of a letterboxed photo: float32 (1, classes)."""
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div_(255)
    logits: np.ndarray = model(((pixels - _MEAN) / _STD).unsqueeze(0)).numpy()
    return logits


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.processes.baseline", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--folder", type=Path, required=True, help="weights, index and labels")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    app = create_app(args.folder, threads=args.threads)
    uvicorn.run(app, port=args.port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()

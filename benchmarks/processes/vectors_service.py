"""Answers like an index of Amazon S3 Vectors, so that a function that searches there can be started and measured.

    python -m benchmarks.processes.vectors_service FOLDER PORT

Every query has the first items of the release in FOLDER as results, in the order of its catalog: what the service needs
for a search is not measured here. Requests and answers have their real size.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.inputs.bench_release import BenchRelease
from lambda_app.release.catalog import Catalog
from lambda_app.search.s3vectors.schema import metadata_of

BUCKET = "lookalike-bench-vectors"
_MOST = 100


def environ(port: int) -> dict[str, str]:
    """The variables of a function that searches in this service, whatever its release says."""
    return {
        "LOOKALIKE_SEARCH": "s3vectors",
        "LOOKALIKE_VECTOR_BUCKET": BUCKET,
        "AWS_ENDPOINT_URL_S3VECTORS": f"http://127.0.0.1:{port}",
    }


def results(folder: Path) -> list[dict[str, Any]]:
    """The first items of a release, as QueryVectors gives them."""
    catalog = Catalog(folder / BenchRelease(folder).manifest.catalog.file)
    rows = range(min(_MOST, catalog.count))
    prints = catalog.fingerprints(rows)
    return [
        {
            "key": item.image_id,
            "distance": 0.1 + row / 1000,
            "metadata": metadata_of(row, item, None if prints is None else prints[row]),
        }
        for row, item in zip(rows, catalog.items(rows), strict=True)
    ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    found: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Answer QueryVectors and GetVectors."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer: dict[str, Any] = {"vectors": []}
        if self.path == "/QueryVectors":
            answer = {"vectors": self.found[: asked["topK"]], "distanceMetric": "cosine"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def main() -> None:
    """Serve until the process is ended."""
    _Handler.found = results(Path(sys.argv[1]))
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), _Handler).serve_forever()


if __name__ == "__main__":
    main()

"""`scripts/serve`, which notes each ONNX session that it opens.

    python -m reliability.soak.changes.counted_server FILE [options of scripts/serve]

adds a line to FILE for each session.
"""

import runpy
import sys
from pathlib import Path
from unittest.mock import patch

from lambda_app.model.session import Model

_ROOT = Path(__file__).resolve().parents[3]


def main() -> None:
    """Serve until the process is ended."""
    notes = Path(sys.argv.pop(1))
    opened = Model.__init__

    def noted(model: Model, path: Path, *, threads: int = 0, seconds: float = 0.0) -> None:
        with notes.open("a") as file:
            file.write(f"{path}\n")
        opened(model, path, threads=threads, seconds=seconds)

    with patch.object(Model, "__init__", noted):
        runpy.run_path(str(_ROOT / "scripts" / "serve.py"), run_name="__main__")


if __name__ == "__main__":
    main()

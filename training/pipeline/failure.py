"""The error that stops a job, where SageMaker looks for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lambda_app.errors import LookalikeError
from training.errors import LostProcessError


@contextmanager
def failure_file(environ: Mapping[str, str]) -> Iterator[None]:
    """Write the error that stops the run to the file from which SageMaker makes the job's FailureReason.

    Without this, the SageMaker toolkit writes that file itself. But it searches the output for the names of Python's
    built-in errors, so it would miss our one-line message, which torchrun's traceback follows.
    """
    try:
        yield
    except LookalikeError as exc:
        # LostProcessError means that another process failed first. That process writes the reason.
        if (folder := environ.get("SM_OUTPUT_DIR")) and not isinstance(exc, LostProcessError):
            Path(folder, "failure").write_text(f"{exc}\n", encoding="utf-8")
        raise

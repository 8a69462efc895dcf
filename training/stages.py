"""What every stage has: settings on the command line, a place in the work folder, reruns only when inputs changed."""

import argparse
import contextlib
import dataclasses
import hashlib
import importlib.metadata
import inspect
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from lambda_app.errors import LookalikeError, SettingsError
from training.errors import TrainingError
from training.sources import code_digest

log = logging.getLogger(__name__)
Settings = TypeVar("Settings")


@dataclass(frozen=True)
class WorkFolder:
    """Where a run keeps what its stages make, one folder each."""

    root: Path

    @property
    def dataset(self) -> Path:
        """What `training.prepare` writes."""
        return self.root / "dataset"

    @property
    def fit(self) -> Path:
        """History, TensorBoard events, checkpoint, and the best weights."""
        return self.root / "fit"

    @property
    def weights(self) -> Path:
        """The weights that were best on the validation split."""
        return self.fit / "best.safetensors"

    @property
    def report(self) -> Path:
        """`metrics.json`, plots and `report.html`."""
        return self.root / "report"

    @property
    def export(self) -> Path:
        """ONNX files of either precision, and what was measured on them."""
        return self.root / "export"

    @property
    def float32(self) -> Path:
        """The network as exported, before any other precision is made of it."""
        return self.export / "float32.onnx"

    @property
    def index(self) -> Path:
        """Stored vectors, the index's figures, smoke cases."""
        return self.root / "index"

    @property
    def release(self) -> Path:
        """The files of the release, as its archive holds them."""
        return self.root / "release"

    @property
    def model(self) -> Path:
        """The served model."""
        return self.release / "model.onnx"

    @property
    def archive(self) -> Path:
        """The release archive."""
        return self.root / "release.tar"


class CommandParser(argparse.ArgumentParser):
    """Argument parsing that raises a mistake, which `report_errors` tells as it tells every other."""

    def error(self, message: str) -> NoReturn:
        """What argparse calls with a mistake.

        Raises:
            SettingsError: always.
        """
        raise SettingsError(message)


def setting(
    default: Any,
    reason: str,
    *,
    choices: Sequence[str] | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A field of a settings class: its default, the reason for it, which is also its help, and what it may be.

    Args:
        choices: of a text; see `check_settings`.
        low, high: of a number, both allowed.
    """
    metadata = {"help": reason, "choices": choices, "low": low, "high": high}
    return dataclasses.field(default=default, metadata=metadata)


def check_settings(settings: Any) -> None:
    """Hold a settings object to what its fields may be; for `__post_init__`.

    Raises:
        SettingsError: names the field, its value and the limit.
    """
    for field in dataclasses.fields(settings):
        value, limits = getattr(settings, field.name), field.metadata
        if limits["choices"] and value not in limits["choices"]:
            raise SettingsError(f"{field.name} is {value!r}; it may be {', '.join(limits['choices'])}")
        if limits["low"] is not None and not value >= limits["low"]:
            raise SettingsError(f"{field.name} is {value}; it must be at least {limits['low']}")
        if limits["high"] is not None and not value <= limits["high"]:
            raise SettingsError(f"{field.name} is {value}; it must be at most {limits['high']}")


def add_work_folder(parser: argparse.ArgumentParser, default: Path | None = None) -> None:
    """The option `--out`, which every stage takes."""
    parser.add_argument("--out", type=Path, default=default, required=default is None, help="the work folder")


def add_settings(parser: argparse.ArgumentParser, kind: type) -> None:
    """An option for each field of a settings class: `batch: int` becomes `--batch N`."""
    for field in dataclasses.fields(kind):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=boolean if field.type is bool else field.type,
            default=field.default,
            choices=field.metadata.get("choices"),
            help=f"{field.metadata['help']} (default {field.default})".replace("%", "%%"),
        )


def settings_from(arguments: argparse.Namespace, kind: type[Settings]) -> Settings:
    """The settings that were parsed by options of `add_settings`."""
    return kind(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(kind)})  # type: ignore[arg-type]


def boolean(text: str) -> bool:
    """`--flag True`: SageMaker passes every hyperparameter with a value, so that a bare flag cannot be told from one.

    Raises:
        argparse.ArgumentTypeError: neither true nor false.
    """
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def run_stage(
    work: WorkFolder, name: str, inputs: Mapping[str, Any], outputs: Sequence[Path], make: Callable[[], object]
) -> bool:
    """Run a stage unless it has run before with the same inputs and code, and its outputs still stand.

    A stamp with the digest of inputs and code is written last, and removed first: a stage that was killed runs again.

    Args:
        work: where the stamp is kept.
        name: of the stage.
        inputs: everything that the outputs depend on, as JSON values: settings, digests of files.
        outputs: files that `make` leaves behind.
        make: does the work; its module and what that imports of this project are the stage's code.

    Returns:
        Whether it ran.

    Raises:
        TrainingError: an output is missing though `make` returned.
    """
    stamp = work.root / "stages" / f"{name}.json"
    code = code_digest(Path(inspect.getfile(make)))
    digest = digest_of({"stage": name, "version": importlib.metadata.version("lookalike"), "code": code, **inputs})
    if _stamped(stamp) == digest and all(path.exists() for path in outputs):
        log.info("%s: unchanged", name)
        return False
    stamp.unlink(missing_ok=True)
    begun = time.monotonic()
    make()
    missing = [str(path) for path in outputs if not path.exists()]
    if missing:
        raise TrainingError(f"{name} left no {', '.join(missing)}")
    seconds = round(time.monotonic() - begun, 1)
    write_json(stamp, {"digest": digest, "seconds": seconds, "inputs": dict(inputs)})
    log.info("%s: done in %.1f s", name, seconds)
    return True


def stage_seconds(work: WorkFolder, name: str) -> float | None:
    """How long a stage took when it last ran."""
    stamp = work.root / "stages" / f"{name}.json"
    return float(json.loads(stamp.read_bytes())["seconds"]) if stamp.is_file() else None


def digest_of(values: Mapping[str, Any]) -> str:
    """Hex SHA-256 of JSON values, whatever their order."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write JSON as `write_file` does."""
    write_file(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def write_file(path: Path, content: bytes) -> None:
    """Write beside `path`, then rename into place, so that a file there is whole.

    Raises:
        TrainingError: it cannot be written, as on a full disk; what stood at `path` still does.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise TrainingError(f"{path} cannot be written, and is as it was: {exc}") from exc


def report_errors(main: Callable[[Sequence[str] | None], None], argv: Sequence[str] | None = None) -> int:
    """Run a command: what Lookalike itself reports becomes one line on stderr.

    Returns:
        The exit status: 0, or 2 for an error that a person can act on.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        main(argv)
    except LookalikeError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    return 0


def _stamped(stamp: Path) -> str | None:
    try:
        return str(json.loads(stamp.read_bytes())["digest"])
    except (OSError, ValueError, KeyError):
        return None

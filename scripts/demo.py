"""The main workflow on one machine: train on a sample catalogue (or yours), publish the release and serve it.

All files go to var/. Steps run again only if their inputs or settings have changed.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lambda_app.errors import LookalikeError
from lambda_app.promotion.publishing import publish
from lambda_app.settings import Settings
from lambda_app.store.opening import open_store
from sample.generate import generate

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
STORE = VAR / "store"
# The best recipe found for training from random weights in BUDGET_SECONDS on two cores: small photos, a small network
# and most photos in the training split. It was tuned with a decaying learning rate. On a slower machine, the time
# budget shortens the schedule. All epochs fit into it on two quiet cores with AVX-512 BF16, about 90 without.
RECIPE = (
    *("--weights", "none", "--validation-share", "0.1", "--lr", "0.01", "--schedule", "cosine"),
    *("--metric-weight", "1.5", "--crop", "0.2", "--rotation", "10"),
    *("--set", "small=0.75,warmup=0.15,processor_bfloat16=True"),
)
BUDGET_SECONDS = 225


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse a command line; None: that of this process.

    The defaults take about six minutes on two cores, installation included.
    """
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--data", type=Path, help="your listings or category folders; default: a generated sample")
    parser.add_argument("--currency", help="of your prices, such as EUR; default: what the listings say")
    parser.add_argument(
        "--columns", help='of your tables, such as id=Nr,image="Photo file"; default: found by their names'
    )
    parser.add_argument("--encoding", help="of your tables, such as cp1252; default: UTF-8, else Windows-1252")
    parser.add_argument(
        "--category-separator", help="between the parts of a category path; default: found from the cells"
    )
    parser.add_argument("--store", default=str(STORE), help="folder or s3://bucket[/prefix]")
    parser.add_argument("--backbone", default="resnet10_half")
    parser.add_argument("--size", type=int, default=64, help="side of the network's input, in pixels")
    parser.add_argument("--epochs", type=int, default=110, help="0 means untrained, to measure speed only")
    parser.add_argument("--precision", choices=("auto", "int8", "float32"), default="auto")
    parser.add_argument("--no-serve", action="store_true", help="stop after publishing")
    parser.add_argument("--port", type=int, default=8000)
    return parser.parse_args(given)


def sample_catalogue() -> Path:
    """The sample catalogue under var/. It is generated only once."""
    folder = VAR / "sample"
    if not folder.exists():
        print(f"generating a sample catalogue under {folder.relative_to(ROOT)}", flush=True)
        generate(folder)
    return folder


def is_own_store(store: str) -> bool:
    """Whether a store is the demo's own: in this folder alone it replaces a better release by force."""
    return "://" not in store and Path(store).resolve() == STORE.resolve()


def training_options(args: argparse.Namespace, data: Path, work: Path) -> list[str]:
    """The command line of `training.train` for the demo's options."""
    command = ["--data", str(data), "--out", str(work)]
    command += ["--backbone", args.backbone, "--size", str(args.size), "--epochs", str(args.epochs)]
    command += ["--precision", args.precision, "--seconds", str(BUDGET_SECONDS)]
    command += RECIPE
    # The prices of the sample are in pounds.
    if currency := args.currency or (None if args.data else "GBP"):
        command += ["--currency", currency]
    for name in ("columns", "encoding", "category_separator"):
        if value := getattr(args, name):
            command += [f"--{name.replace('_', '-')}={value}"]
    return command


def train(args: argparse.Namespace, data: Path) -> tuple[int, Path]:
    """Run the training stages in a separate process, which frees their memory when it ends.

    Returns:
        exit code, path of the release archive.
    """
    work = VAR / f"work-{data.resolve().name}"
    command = [sys.executable, "-m", "training.train", *training_options(args, data, work)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode, work / "release.tar"


def run() -> int:
    """Exit code 0, the exit code of the step that failed, or 130 after Ctrl-C."""
    try:
        return _run()
    except KeyboardInterrupt:
        print("scripts/demo: stopped by Ctrl-C; run again to resume", file=sys.stderr)
        return 130


def _run() -> int:
    args = arguments()
    data = args.data.absolute() if args.data else sample_catalogue()
    code, archive = train(args, data)
    if code:
        return code
    try:
        settings = Settings.from_environ({**os.environ, "LOOKALIKE_STORE": args.store})
        # The release there may come from a demo on other data or with fewer epochs: a comparison would mean nothing.
        force = is_own_store(args.store)
        promotion, photos = publish(open_store(args.store), archive, data, settings, force=force)
    except LookalikeError as exc:
        print(f"scripts/demo: {exc}", file=sys.stderr)
        return 1
    counts = f"{photos.copied} copied, {photos.present} already there, {photos.missing} not found"
    print(f"{promotion.detail}; photos: {counts}")
    if not args.no_serve:
        sys.stdout.flush()
        serve = [str(ROOT / "scripts" / "serve.py"), "--store", args.store, "--port", str(args.port)]
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as scripts/serve does
        os.execv(sys.executable, [sys.executable, *serve])
    return 0


if __name__ == "__main__":
    sys.exit(run())

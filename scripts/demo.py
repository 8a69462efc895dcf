"""The main workflow on one machine: train on a sample catalogue (or yours), publish the release and serve it.

Without arguments it takes some minutes, then prints the address of the page. Steps run again only if their inputs or
settings have changed.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from client.command import CommandParser
from lambda_app.errors import LookalikeError
from lambda_app.promotion.publishing import publish
from lambda_app.settings import Settings
from lambda_app.store.opening import open_store
from operate.listening import bound, port
from sample.generate import generate
from training.prepare.intake.layouts import layout_of

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
STORE = VAR / "store"
HOST, PORT = "127.0.0.1", 8000
# Options of which a change needs another training.
OF_TRAINING = (
    *("data", "currency", "columns", "encoding", "category_separator"),
    *("backbone", "size", "epochs", "seconds", "precision"),
)
EXAMPLES = """\
examples:
  scripts/demo                                  # the generated sample
  scripts/demo --data var/shop --currency EUR   # your own listings, into the same store
  scripts/demo --backbone resnet18 --size 128 --store var/store-128 --port 8001

All files go to var/: the sample to var/sample, the release to --store, and the work of the training to var/work-sample;
with other data or options, to a folder of its own such as var/work-sample-resnet18-128-1a2b3c4d, which is printed. So
runs with different options keep each other's work. A folder of var/ may be deleted: then it is made again.

Exit codes: 0 after Ctrl-C while it serves; 1 if the release or the port cannot be used; 2 for wrong arguments or data;
130 after Ctrl-C before.
"""
# The best recipe found for training from random weights in BUDGET_SECONDS on two cores: small photos, a small network
# and most photos in the training split. It was tuned with a decaying learning rate. On a slower machine, the time
# budget shortens the schedule. On two quiet cores with AVX-512 BF16, about 85 epochs fit into it; without, about 55.
RECIPE = (
    *("--weights", "none", "--validation-share", "0.1", "--lr", "0.014", "--batch", "128", "--schedule", "cosine"),
    *("--metric-weight", "1.5", "--crop", "0.2", "--rotation", "10"),
    *("--set", "small=0.625,warmup=0.15,processor_bfloat16=True"),
)
BUDGET_SECONDS = 160
# With fewer of the epochs than this share, the figures say more of the machine than of the recipe.
ENOUGH = 0.5


def command_line() -> CommandParser:
    """The parser of the command line. The defaults take about five minutes on two cores, once it is installed."""
    parser = CommandParser(prog="scripts/demo", description=__doc__, epilog=EXAMPLES)
    data = parser.add_argument_group("what it trains on")
    data.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="your folder with listings, or with a folder of photos per category; default: a generated sample",
    )
    data.add_argument("--currency", help="of your prices, such as EUR; default: what the listings say")
    data.add_argument(
        "--columns", help='of your tables, such as id=Nr,image="Photo file"; default: found by their names'
    )
    data.add_argument("--encoding", help="of your tables, such as cp1252; default: UTF-8, else Windows-1252")
    data.add_argument(
        "--category-separator", help="between the parts of a category path; default: found from the cells"
    )
    training = parser.add_argument_group("how it trains")
    training.add_argument(
        "--backbone",
        default="resnet10_half",
        help="the network, such as resnet18; docs/backbones.md lists them; default: %(default)s",
    )
    training.add_argument(
        "--size", type=int, default=64, metavar="N", help="side of the network's input, in pixels; default: %(default)s"
    )
    training.add_argument(
        "--epochs",
        type=int,
        default=90,
        metavar="N",
        help="number of passes over the photos, as far as they fit into --seconds; "
        "0: untrained, to measure speed only; default: %(default)s",
    )
    training.add_argument(
        "--seconds",
        type=int,
        default=BUDGET_SECONDS,
        metavar="N",
        help="longest time for these passes, in seconds; 0: no limit; default: %(default)s",
    )
    training.add_argument(
        "--precision",
        choices=("auto", "int8", "float32"),
        default="auto",
        help="of the served network; auto: int8 if it is as good; default: %(default)s",
    )
    serving = parser.add_argument_group("what it serves")
    serving.add_argument("--store", default=str(STORE), help="folder or s3://bucket[/prefix]; default: var/store")
    serving.add_argument("--no-serve", action="store_true", help="stop after publishing")
    serving.add_argument(
        "--port",
        type=port,
        default=PORT,
        metavar="N",
        help="TCP port of this machine, 1 to 65535; default: %(default)s",
    )
    return parser


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse a command line; None: that of this process."""
    return command_line().parse_args(given)


def work_folder(args: argparse.Namespace, data: Path) -> Path:
    """The work folder of the training. Runs with other data or options have another one, and so keep each other's work.

    The demo without such options has var/work-sample.
    """
    plain = vars(arguments([]))
    chosen = {name: str(value) for name in OF_TRAINING if (value := getattr(args, name)) != plain[name]}
    if not chosen:
        return VAR / f"work-{data.name}"
    if "data" in chosen:
        chosen["data"] = str(data.resolve())
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:8]
    shown = [chosen[name].replace("/", "-") for name in OF_TRAINING[5:] if name in chosen]
    return VAR / "-".join(["work", data.resolve().name, *shown, digest])


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
    command += ["--precision", args.precision, "--seconds", str(args.seconds)]
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
    work = work_folder(args, data)
    print(f"work folder: {work.relative_to(ROOT)}", flush=True)
    command = [sys.executable, "-m", "training.train", *training_options(args, data, work)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode, work / "release.tar"


def warning(args: argparse.Namespace, work: Path) -> str | None:
    """What to say of a training that a busy or slow machine has cut short; None: nothing."""
    done = json.loads((work / "fit" / "fit.json").read_text(encoding="utf-8"))["epochs"]
    if done >= ENOUGH * args.epochs:
        return None
    return (
        f"warning: only {done} of {args.epochs} epochs fitted into {args.seconds} seconds, so the results are poor. "
        f"If other programs use the processors, end them; then try --seconds {10 * args.seconds}, or OMP_NUM_THREADS=1"
    )


def run() -> int:
    """Exit code 0, the exit code of the step that failed, or 130 after Ctrl-C."""
    try:
        return _run()
    except KeyboardInterrupt:
        print("scripts/demo: stopped by Ctrl-C; run again to resume", file=sys.stderr)
        return 130


def _run() -> int:
    args = arguments()
    try:
        if args.data:
            layout_of(args.data)
    except LookalikeError as exc:
        print(f"scripts/demo: {exc}. Name a folder of listings or photos with --data", file=sys.stderr)
        return 2
    try:
        if not args.no_serve:
            # A port in use is better known before the training than after it.
            for one in bound(HOST, args.port, "--port"):
                one.close()
    except LookalikeError as exc:
        print(f"scripts/demo: {exc}", file=sys.stderr)
        return 1
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
    if said := warning(args, archive.parent):
        print(f"scripts/demo: {said}", file=sys.stderr)
    if not args.no_serve:
        sys.stdout.flush()
        serve = [str(ROOT / "scripts" / "serve.py"), "--store", args.store, "--host", HOST, "--port", str(args.port)]
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as scripts/serve does
        os.execv(sys.executable, [sys.executable, *serve])
    return 0


if __name__ == "__main__":
    sys.exit(run())

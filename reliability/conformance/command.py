"""The command line of `scripts/conformance`."""

import logging
import secrets
import signal
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from client.command import CommandParser
from lambda_app.catalogue.vectors.index import VectorsIndex, new_client
from lambda_app.errors import LookalikeError
from reliability.conformance.account import filled_index
from reliability.conformance.results import Results
from reliability.conformance.service.shop import PHOTOS, Shop, build_shop
from reliability.conformance.service.subject import publish, serving
from reliability.conformance.suite import CASES, run_cases

OUT = Path("var/conformance")
DESCRIPTION = "Run the suite of all engines of the search on an index of Amazon S3 Vectors, in an account of yours."
COST = f"""\
It makes one index, puts {PHOTOS} vectors of 16 dimensions (under 1 MB), sends some hundred queries, deletes the index.
At the prices of us-east-1 in November 2026 that is less than 0.01 USD. The vector bucket must exist; nothing else in it
is touched. The caller needs s3vectors:CreateIndex, GetIndex, DeleteIndex, PutVectors, DeleteVectors, GetVectors,
ListVectors and QueryVectors on its indexes."""
MORE = """\
example: scripts/conformance --vector-bucket shop-vectors

Exit codes: 0 if all cases passed; 1 if one failed or the suite could not be run; 2 without a vector bucket.
"""


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/conformance", description=f"{DESCRIPTION}\n{COST}", epilog=MORE)
    parser.add_argument(
        "--vector-bucket", metavar="NAME", help="the vector bucket; default: none, and then nothing is done"
    )
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="FOLDER", help="for the result files; default: %(default)s"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: of the command line; None: those of this process.

    Returns:
        The exit code: 0 if all cases passed, 1 if one failed or the suite could not be run, 2 without a vector bucket.
    """
    args = command_line().parse_args(arguments)
    if not args.vector_bucket:
        print(f"{DESCRIPTION}\n\n{COST}\n\nNothing was done: name a vector bucket with --vector-bucket.")
        return 2
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    # The index is deleted then, too.
    before = signal.signal(signal.SIGTERM, _end)
    try:
        return _run(args.vector_bucket, args.out)
    except LookalikeError as exc:
        print(f"scripts/conformance: {exc}")
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(vector_bucket: str, out: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="lookalike-conformance-") as folder:
        # Another network each time, and so another name of the index.
        shop = build_shop(Path(folder) / "release", seed=secrets.randbits(31))
        client = new_client()
        index = VectorsIndex.of_model(client, vector_bucket, shop.manifest.model.sha256)
        results = Results(
            endpoint=client.meta.endpoint_url,
            region=client.meta.region_name,
            vector_bucket=vector_bucket,
            index=index.name,
            vectors=len(shop.items),
            began=datetime.now(UTC),
        )
        print(f"{COST}\n\nThe index is {index.name}.", flush=True)
        try:
            _run_cases(shop, index, results, Path(folder) / "store")
        except BaseException as exc:
            results.error = f"{type(exc).__name__}: {exc}"
            if not isinstance(exc, LookalikeError):
                raise
        finally:
            path = results.write(out)
            print(f"\n{results.summary()}\nWritten to {path} and {path.with_suffix('.md').name}", flush=True)
    return 0 if results.conforms else 1


def _run_cases(shop: Shop, index: VectorsIndex, results: Results, folder: Path) -> None:
    store = publish(shop, folder)
    with ExitStack() as stack:
        stack.enter_context(filled_index(index, shop, store))
        subject = stack.enter_context(serving("s3vectors", shop, store, search="s3vectors", vector_bucket=index.bucket))
        for number, outcome in enumerate(run_cases(subject), start=1):
            results.outcomes.append(outcome)
            problem = "passed" if outcome.problem is None else f"FAILED: {outcome.problem}"
            print(f"{number:3} of {len(CASES)} {outcome.case} ({outcome.seconds:.2f} s): {problem}", flush=True)


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)

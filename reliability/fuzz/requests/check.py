"""Runs schemathesis against a server: requests that its OpenAPI document allows, and requests that it forbids."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures.table import Goal, Report, Row, exact
from benchmarks.inputs.bench_release import ROOT
from reliability.fuzz.requests import hooks
from reliability.fuzz.service import small_service

KEPT = ROOT / "var" / "fuzz" / "requests"
CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = "reliability.fuzz.requests.hooks"
_TIMEOUT_SECONDS = 1800
IDS = ("000a", "003a", "003b", "019b")


@dataclass(frozen=True)
class Size:
    """How much a run sends.

    Attributes:
        cases: requests at least; runs with other seeds follow until they are reached.
        examples: of each operation and phase, at most.
        phases: of schemathesis.
    """

    cases: int
    examples: int
    phases: str


FULL = Size(10_000, 150, "examples,coverage,fuzzing,stateful")
QUICK = Size(300, 2, "examples,coverage,fuzzing")


@dataclass(frozen=True)
class Outcome:
    """One run of schemathesis.

    Attributes:
        cases: requests that it generated and checked.
        statuses: how many requests got each status, retries and probes included.
        failures: its findings, each with a title and the operations.
        operations: how many of the document's operations were tested, and how many there are.
        output: what it printed, with a curl command for each finding.
    """

    cases: int
    statuses: Counter[int]
    failures: Sequence[dict[str, Any]]
    operations: tuple[int, int]
    output: str


def run(quick: bool) -> Report:
    """Attack a new server. What schemathesis printed about failures is kept in `var/fuzz/requests`."""
    size = QUICK if quick else FULL
    outcomes: list[Outcome] = []
    # With the routes that change the catalogue, so that these are attacked too.
    settings = {"LOOKALIKE_CATALOGUE_WRITES": "open"}
    with (
        tempfile.TemporaryDirectory(prefix="lookalike-fuzz-") as folder,
        small_service(Path(folder), **settings) as service,
    ):
        while sum(outcome.cases for outcome in outcomes) < size.cases:
            seed = len(outcomes) + 1
            outcomes.append(attack(service.address, service.categories, size, seed))
            if outcomes[-1].failures:
                KEPT.mkdir(parents=True, exist_ok=True)
                (KEPT / f"seed-{seed}.txt").write_text(outcomes[-1].output)
                break
    return report(outcomes, size)


def attack(address: str, categories: Sequence[str], size: Size, seed: int) -> Outcome:
    """Run schemathesis once.

    Args:
        address: of the API, which has /openapi.json.
        categories: of the live release.

    Raises:
        RuntimeError: it could not run; the message has its output.
    """
    with tempfile.TemporaryDirectory(prefix="lookalike-fuzz-") as name:
        folder = Path(name)
        found, statuses = folder / "report.json", folder / hooks.STATUSES
        statuses.touch()
        (folder / hooks.KNOWN).write_text(json.dumps({"categories": list(categories), "ids": IDS}))
        environ = {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": HOOKS}
        options = ["--checks=all", "--mode=all", f"--phases={size.phases}", f"--max-examples={size.examples}"]
        options += [f"--seed={seed}", "--continue-on-failure", "--report=json", f"--report-json-path={found}"]
        command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={CONFIG}", "--no-color", "run"]
        # Its own folder: schemathesis and Hypothesis leave files where they run.
        done = subprocess.run(
            [*command, f"{address}/openapi.json", *options],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
        )
        if not found.is_file():
            raise RuntimeError(f"schemathesis could not run: {done.stdout}{done.stderr}")
        result = json.loads(found.read_text())
        operations = (result["operations"]["tested"], result["operations"]["total"])
        cases, failures = result["test_cases"], list(result["failures"])
        if (done.returncode or cases["errored"]) and not failures:
            raise RuntimeError(f"schemathesis ended with {done.returncode}: {done.stdout}{done.stderr}")
        sent = Counter(map(int, statuses.read_text().split()))
        return Outcome(cases["generated"], sent, failures, operations, done.stdout)


def report(outcomes: Sequence[Outcome], size: Size) -> Report:
    """The counts of all runs."""
    statuses = sum((outcome.statuses for outcome in outcomes), Counter[int]())
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    tested, known = outcomes[0].operations
    rows = [
        Row(
            "cases that schemathesis checked", exact(sum(o.cases for o in outcomes)), goal=Goal("at least", size.cases)
        ),
        *(Row(f"  answered {status}", exact(count)) for status, count in sorted(statuses.items())),
        Row("operations of the document that were not tested", exact(known - tested), goal=Goal("at most", 0)),
        Row("failures of its checks", exact(sum(f["count"] for f in failures)), goal=Goal("at most", 0)),
        Row(
            "answered 5xx other than 501: no uploads into a folder",
            exact(sum(count for status, count in statuses.items() if status >= 500 and status != 501)),
            goal=Goal("at most", 0),
        ),
    ]
    notes = [f"{len(outcomes)} runs, seeds 1 to {len(outcomes)}, {size.examples} examples, phases {size.phases}"]
    notes += [f"{failure['title']}: {', '.join(failure['operations'])}" for failure in failures]
    if failures:
        notes.append(f"the requests, as curl commands: var/fuzz/requests/seed-{len(outcomes)}.txt")
    return Report(rows, notes)

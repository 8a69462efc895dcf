"""The check `faults`: every fault of a store, before a service that runs and before one that starts."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from operator import attrgetter
from pathlib import Path

from benchmarks.figures.table import Goal, Report, Row, exact
from reliability.soak.faults import cold, kinds, warm
from reliability.soak.faults.kinds import Fault
from reliability.soak.faults.place import BucketPlace, BuiltRelease
from reliability.soak.faults.warm import Outcome
from tests.releases import CREATED_AT, build_release
from tests.s3_server import S3Server

# An S3 request is given up after 10 s without a byte. Add the pauses between tries, which grow from one second.
RECOVERY_SECONDS = 15.0
_COLD_AT_ONCE = 3
QUICK = ("503 SlowDown", "no answer", "wrong bytes", "pointer changed on the way", "pointer is not JSON")
_NOT_FILES = ("connection refused", "pointer changed on the way")
_IN_LAMBDA = ("503 SlowDown", "404 NoSuchKey", "no answer", "wrong bytes", "pointer is truncated")


@dataclass(frozen=True)
class Plan:
    """What to run, and within which times.

    Attributes:
        warm, cold, in_lambda: the faults.
        seconds: how long a fault lasts while a service answers.
        ready_wait: LOOKALIKE_READY_WAIT_SECONDS of a service that starts.
        beyond_usual: how much longer than usual an answer may take during a fault, in milliseconds.
        slack: how much longer than `ready_wait` a 503 may take, in seconds: the time of the client and of other work.
    """

    warm: Sequence[Fault]
    cold: Sequence[Fault]
    in_lambda: Sequence[Fault]
    seconds: float
    ready_wait: float
    beyond_usual: float
    slack: float


def plan(quick: bool) -> Plan:
    """All faults, or the five of the slice."""
    on_the_way, in_the_store = kinds.on_the_way(), kinds.in_the_store()
    if quick:
        few = [fault for fault in (*on_the_way, *in_the_store) if fault.name in QUICK]
        # A busy machine is slow. A request that waits for a store that hangs takes more than a second, and one that
        # waits twice for the first release takes twice `ready_wait`.
        return Plan(few, few, (), seconds=0.6, ready_wait=2.0, beyond_usual=1000, slack=1.9)
    files = [kinds.files_only(fault) for fault in on_the_way if fault.name not in _NOT_FILES]
    faults = [*on_the_way, *files, *in_the_store]
    in_lambda = [fault for fault in (*on_the_way, *in_the_store) if fault.name in _IN_LAMBDA]
    return Plan(faults, faults, in_lambda, seconds=3.0, ready_wait=20.0, beyond_usual=100, slack=1.0)


def run(quick: bool) -> Report:
    """Run every fault with a service that answers, then with one that starts."""
    chosen = plan(quick)
    with tempfile.TemporaryDirectory() as name, closing(S3Server()) as s3:
        folder = Path(name)
        releases = [
            BuiltRelease(folder / f"{seed}", build_release(folder / f"{seed}", seed=seed, created_at=created))
            for seed, created in enumerate((CREATED_AT, CREATED_AT + timedelta(days=1)))
        ]
        calm, during = _warm(s3, folder, releases, chosen)
        starting = _cold(s3, folder, releases[0], chosen)
    return report(chosen, calm, during, starting)


def report(chosen: Plan, calm: Sequence[Outcome], during: Sequence[Outcome], starting: Sequence[Outcome]) -> Report:
    """The counts: the cases, the failed answers of each fault, then the worst times of all faults.

    Args:
        chosen: the plan.
        calm: a case without a fault beside each of `during`.
        during: the cases of a service that answers.
        starting: the cases of a service that starts.
    """
    usual = max(case.slowest for case in calm)
    late = max(0.0, max(case.slowest for case in during) - usual)
    rows = [
        Row("a service that answers: cases", exact(len(during)), goal=Goal("at least", len(chosen.warm))),
        Row("  requests", exact(sum(case.requests for case in during)), goal=Goal("at least", len(during))),
        Row("  failed answers without a fault", exact(sum(case.failed for case in calm)), goal=Goal("at most", 0)),
        *_failed(during, "failed answers"),
        Row("  slowest answer without a fault, ms", exact(usual * 1000)),
        Row(
            "  slowest answer beyond that, all faults, ms",
            exact(late * 1000),
            goal=Goal("at most", chosen.beyond_usual),
        ),
        _recovery(during),
        Row(
            "a service that starts: cases",
            exact(len(starting)),
            goal=Goal("at least", len(chosen.cold) + len(chosen.in_lambda)),
        ),
        Row("  requests", exact(sum(case.requests for case in starting)), goal=Goal("at least", len(starting))),
        *_failed(starting, "answers other than 503 with Retry-After"),
        Row(
            "  slowest 503, all faults, seconds",
            exact(max(case.slowest for case in starting)),
            goal=Goal("at most", chosen.ready_wait + chosen.slack),
        ),
        _recovery(starting),
    ]
    hardest, hardest_start = (max(cases, key=attrgetter("recovery")).fault for cases in (during, starting))
    return Report(
        rows,
        notes=[
            f"a fault lasts {chosen.seconds:g} s; a service that starts waits {chosen.ready_wait:g} s",
            f"longest recovery of a service that answers: after {hardest}; of one that starts: after {hardest_start}",
        ],
    )


def _failed(cases: Sequence[Outcome], what: str) -> list[Row]:
    """A sum over all faults, then a row with the goal for each fault."""
    rows = [Row(f"  {what}, all faults", exact(sum(case.failed for case in cases)))]
    for name in dict.fromkeys(case.fault for case in cases):
        same = [case for case in cases if case.fault == name]
        count = f" ({len(same)} cases)" if len(same) > 1 else ""
        rows.append(Row(f"    {name}{count}", exact(sum(case.failed for case in same)), goal=Goal("at most", 0)))
    return rows


def _recovery(cases: Sequence[Outcome]) -> Row:
    longest = exact(max(case.recovery for case in cases))
    return Row("  longest recovery, all faults, seconds", longest, goal=Goal("at most", RECOVERY_SECONDS))


def _warm(
    s3: S3Server, folder: Path, releases: list[BuiltRelease], chosen: Plan
) -> tuple[list[Outcome], list[Outcome]]:
    calm, during = [], []
    with closing(BucketPlace(s3, "warm", folder / "warm")) as place:
        place.write(releases[0].content())
        with place.serving(LOOKALIKE_RELOAD_SECONDS=str(warm.RELOAD_SECONDS)) as service:
            service.get("/readyz")
            for fault in chosen.warm:
                # The machine may be busier at one time than at another, so each fault has its own calm beside it.
                calm.append(warm.case(place, service, None, releases[0], releases[1], chosen.seconds))
                during.append(warm.case(place, service, fault, releases[1], releases[0], chosen.seconds))
    return calm, during


def _cold(s3: S3Server, folder: Path, release: BuiltRelease, chosen: Plan) -> list[Outcome]:
    def case(number: int, fault: Fault, *, in_lambda: bool) -> Outcome:
        name = f"cold-{number}-{in_lambda}"
        with closing(BucketPlace(s3, name, folder / name)) as place:
            run_case = cold.lambda_case if in_lambda else cold.server_case
            return run_case(place, fault, release, chosen.ready_wait)

    with ThreadPoolExecutor(_COLD_AT_ONCE) as pool:
        servers = pool.map(partial(case, in_lambda=False), range(len(chosen.cold)), chosen.cold)
        functions = pool.map(partial(case, in_lambda=True), range(len(chosen.in_lambda)), chosen.in_lambda)
        return [*servers, *functions]

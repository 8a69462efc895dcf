"""All cases, and how they are run."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reliability.conformance.cases import browsing, items, routes, searching, words
from reliability.conformance.service.subject import Subject

Case = Callable[[Subject], None]

CASES: dict[str, Case] = {
    f"{module.__name__.rpartition('.')[2]}.{case.__name__}": case
    for module in (searching, items, words, browsing, routes)
    for case in module.CASES
}


@dataclass(frozen=True)
class Outcome:
    """What a case gave.

    Attributes:
        about: what the case checks.
        problem: what was not as expected; None: all was.
    """

    case: str
    about: str
    problem: str | None
    seconds: float


def run_cases(subject: Subject) -> Iterator[Outcome]:
    """Run all cases, one after the other. A case that fails does not end the suite."""
    for name, case in CASES.items():
        began = time.monotonic()
        problem = None
        try:
            case(subject)
        except Exception as exc:  # whatever it is, it is the outcome of this case
            problem = f"{type(exc).__name__}: {exc}"
        about = str(case.__doc__).strip().splitlines()[0]
        yield Outcome(name, about, problem, round(time.monotonic() - began, 3))

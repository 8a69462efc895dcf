"""What the measurement of coverage leaves out. Before Python 3.12, it makes Python code up to twice as slow.

Only `lambda_app` and `training` are measured: by the tests that mirror them and those of the commands that call them.
These run first (`tests/order.py`). Libraries that run for long are left out as well.
"""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest
from coverage import Coverage

MEASURED = tuple(f"tests/{name}/" for name in ("lambda_app", "training", "operate", "scripts", "client", "fetch"))

P = ParamSpec("P")
T = TypeVar("T")


def is_measured(item: pytest.Item) -> bool:
    """Whether the lines that a test runs count as covered."""
    return item.nodeid.startswith(MEASURED)


def end_measurement() -> None:
    """Stop it for the rest of this process, if it runs. It would not begin again in threads that run already."""
    if coverage := Coverage.current():
        coverage.stop()


def untraced(function: Callable[P, T]) -> Callable[P, T]:
    """The same function, without a measurement of what it calls."""

    @functools.wraps(function)
    def quick(*args: P.args, **kwargs: P.kwargs) -> T:
        before = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(before)

    return quick

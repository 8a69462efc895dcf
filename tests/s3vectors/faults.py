"""Faults on demand: errors, slow answers and connections that break."""

import json
import threading
from dataclasses import dataclass

# By error code. Those of the credentials are not in botocore's model of the service.
STATUS = {
    "TooManyRequestsException": 429,
    "ServiceUnavailableException": 503,
    "InternalServerException": 500,
    "RequestTimeoutException": 408,
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "InvalidSignatureException": 403,
    "UnrecognizedClientException": 403,
}


@dataclass
class Fault:
    """What happens to some of the next calls.

    Attributes:
        kind: a code of `STATUS`, "drop" (no answer), "drop after" (carried out, no answer) or "slow".
        calls: how many calls it still meets; None for all.
        operation: which calls; None for all.
        seconds: how long a slow call waits before it is carried out.
        skip: so many calls are let through before.
    """

    kind: str
    calls: int | None
    operation: str | None
    seconds: float = 0
    skip: int = 0


class Faults:
    """The faults of a server. The first that meets a call happens to it, beside those that make it slow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._cleared = threading.Event()

    def fail(self, code: str, calls: int | None = 1, operation: str | None = None, skip: int = 0) -> None:
        """Answer the next calls with an error.

        Args:
            code: of `STATUS`.
            calls: None for all calls until `clear`.
            operation: meet calls of this operation alone, such as "QueryVectors".
            skip: let so many calls through before.
        """
        if code not in STATUS:
            raise ValueError(f"unknown error code {code}; known are {sorted(STATUS)}")
        self._add(Fault(code, calls, operation, skip=skip))

    def drop(self, calls: int | None = 1, operation: str | None = None, *, after: bool = False, skip: int = 0) -> None:
        """Close the connections of the next calls without an answer; `after` they were carried out, or before."""
        self._add(Fault("drop after" if after else "drop", calls, operation, skip=skip))

    def slow(self, seconds: float, calls: int | None = None, operation: str | None = None) -> None:
        """Let the next calls wait; `clear` ends the wait of calls that are waiting."""
        self._add(Fault("slow", calls, operation, seconds))

    def clear(self) -> None:
        """Let all calls through again."""
        with self._lock:
            self._faults.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def meet(self, operation: str) -> str | None:
        """Count a call against the faults, wait if it is slow; the kind of fault that happens to it."""
        with self._lock:
            slow = self._first(operation, slow=True)
            fault = self._first(operation, slow=False)
            cleared = self._cleared
        if slow is not None:
            cleared.wait(slow.seconds)
        return None if fault is None else fault.kind

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def _first(self, operation: str, *, slow: bool) -> Fault | None:
        for fault in self._faults:
            if fault.calls != 0 and fault.operation in (None, operation) and (fault.kind == "slow") == slow:
                if fault.skip:
                    fault.skip -= 1
                    return None
                fault.calls = None if fault.calls is None else fault.calls - 1
                return fault
        return None


def error_body(code: str) -> bytes:
    """The body of an answer with an error."""
    return json.dumps({"__type": code, "message": f"{code} on demand"}).encode()

"""One request as the routes see it: who asked, what answers, how long its parts took."""

import functools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Scope

from lambda_app.recommendation.live import Live, LiveRelease
from lambda_app.settings import Settings
from lambda_app.store.contract import Store
from lambda_app.telemetry.observer import Observer
from lambda_app.telemetry.timings import Timings

_KEY = "lookalike.call"
T = TypeVar("T")


@dataclass(frozen=True)
class Service:
    """What every request shares."""

    settings: Settings
    store: Store
    live: LiveRelease
    observer: Observer


@dataclass
class Call:
    """What belongs to one request.

    Attributes:
        request_id: of the caller, else of the Lambda, else made here.
        alone: whether no other request can arrive before this one is answered, as in a Lambda.
        release: id of the release that answers; None until one is asked for.
        category, top_score: of the answer, where it has them: the predicted category, the first result's cosine.
    """

    service: Service
    request_id: str
    alone: bool = False
    release: str | None = None
    category: str | None = None
    top_score: float | None = None
    timings: Timings = field(default_factory=Timings)

    def attach(self, scope: Scope) -> None:
        """Make the call reachable from the request."""
        scope[_KEY] = self

    def live(self) -> Live:
        """The release that answers this request; may wait for it, so not for the event loop.

        Raises:
            NotLiveError: nothing is live.
        """
        live = self.service.live.current()
        self.release = live.release
        return live

    async def run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """What `work` returns, which blocks: in a thread, so that other requests go on, unless there can be none.

        A Lambda's event loop runs for one request and takes its threads along when it stops: one made for each request
        costs half a millisecond.
        """
        return work(*args, **kwargs) if self.alone else await run_in_threadpool(work, *args, **kwargs)


def attached_call(scope: Scope) -> Call:
    """The call that was attached to a request's scope."""
    call: Call = scope[_KEY]
    return call


async def call_of(request: Request) -> Call:
    """The call that a request belongs to (a FastAPI dependency)."""
    return attached_call(request.scope)


CurrentCall = Annotated[Call, Depends(call_of)]


def blocking(route: Callable[..., T]) -> Callable[..., Coroutine[Any, Any, T]]:
    """A route of a function that blocks and has its `call` as a parameter; see `Call.run`."""

    @functools.wraps(route)
    async def run(call: Call, **asked: Any) -> T:
        return await call.run(route, call=call, **asked)

    return run

"""The context of one request: its id, the release that answers it, its timings."""

import functools
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Scope

from lambda_app.api.messages.applying import Applier
from lambda_app.api.messages.work_queue import WorkQueue
from lambda_app.photo.memory import DecodingMemory
from lambda_app.recommendation.live import Live, LiveRelease
from lambda_app.recommendation.other import OtherRelease
from lambda_app.search.s3vectors.deadline import one_deadline
from lambda_app.settings import Settings
from lambda_app.store.contract import Store
from lambda_app.telemetry.observer import AnsweredPhoto, Observer
from lambda_app.telemetry.timings import Timings

_KEY = "lookalike.call"
T = TypeVar("T")


@dataclass(frozen=True)
class Service:
    """The objects that all requests share.

    Attributes:
        queue: the work of requests.
        fetching: reads of uploads. They wait for the store, and must not hold up work that does not need it.
        other: another release than the live one, for requests that ask for it.
        applier: applies changes of the catalogue; None if others do, or if no request may change it.
    """

    settings: Settings
    store: Store
    live: LiveRelease
    observer: Observer
    decoding: DecodingMemory
    queue: WorkQueue
    fetching: WorkQueue
    other: OtherRelease
    applier: Applier | None = None


@dataclass
class Call:
    """The context of one request.

    Attributes:
        request_id: the id that the client sent; without one, the id of the Lambda invocation, or a random one.
        one_at_a_time: whether the process handles one request at a time, as in a Lambda.
        asked_release: id of the release that must answer; empty: the live one.
        release: id of the release that answers; None until `live` is called.
        category: the predicted category, if the response has one.
        top_score: the cosine of the first result, if the response has one and no words were asked for.
        photos: what the response says about each photo; photos of the same thing are one.
        timings: durations of the request's parts.
        begun: when the request arrived, on the clock of `time.monotonic`.
    """

    service: Service
    request_id: str
    one_at_a_time: bool = False
    asked_release: str = ""
    release: str | None = None
    category: str | None = None
    top_score: float | None = None
    photos: list[AnsweredPhoto] = field(default_factory=list)
    timings: Timings = field(default_factory=Timings)
    begun: float = field(default_factory=time.monotonic)

    def attach(self, scope: Scope) -> None:
        """Store this context in the request's scope, where `attached_call` finds it."""
        scope[_KEY] = self

    def live(self) -> Live:
        """The release that answers this request. It may block until a load ends: do not call it on the event loop.

        Raises:
            NotLiveError: no release is live.
            QueryError, BusyError: as `OtherRelease.get`.
        """
        live = self.service.live.current(waited=time.monotonic() - self.begun)
        if self.asked_release:
            live = self.service.other.get(self.asked_release, live)
        self.release = live.release
        return live

    async def run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a blocking function and return its result.

        It runs in a thread, so that the event loop can handle other requests. In a Lambda there are none, so it runs
        directly: every request there has its own event loop, and a new thread for each would cost half a millisecond.
        """
        return work(*args, **kwargs) if self.one_at_a_time else await run_in_threadpool(work, *args, **kwargs)

    async def take_turn(self, work: Callable[[], T]) -> T:
        """Run a blocking function when it is its turn in the service's queue, and return its result.

        Raises:
            BusyError: the queue is full.
        """
        return work() if self.one_at_a_time else await self.service.queue.run(work)

    async def fetch(self, work: Callable[[], T]) -> T:
        """Run a function that reads from the store, and return its result.

        Raises:
            BusyError: too many requests wait for the store.
        """
        return work() if self.one_at_a_time else await self.service.fetching.run(work)


def attached_call(scope: Scope) -> Call:
    """The context that `Call.attach` stored in a request's scope."""
    call: Call = scope[_KEY]
    return call


async def current_call(request: Request) -> Call:
    """The context of a request, as a FastAPI dependency."""
    return attached_call(request.scope)


CurrentCall = Annotated[Call, Depends(current_call)]


async def asked_release(
    call: CurrentCall,
    release: Annotated[
        str,
        Query(
            description="Id of the release that answers, for comparing two; by default the live one. Others are "
            "refused unless the operator allows them.",
            examples=["20261122-204500-1a2b3c4d"],
        ),
    ] = "",
) -> None:
    """Note which release must answer, as a dependency of all routes of a router."""
    call.asked_release = release


def blocking(route: Callable[..., T]) -> Callable[..., Coroutine[Any, Any, T]]:
    """Decorator: turns a blocking function with a parameter `call` into an async route; see `Call.take_turn`.

    All that one request asks of S3 Vectors shares one deadline.
    """

    @functools.wraps(route)
    async def run(call: Call, **parameters: Any) -> T:
        def answer() -> T:
            with one_deadline():
                return route(call=call, **parameters)

        return await call.take_turn(answer)

    return run

"""One request as the routes see it: who asked, what answers, how long its parts took."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.types import Scope

from lambda_app.live import Live, LiveRelease
from lambda_app.observer import Observer
from lambda_app.settings import Settings
from lambda_app.store import Store
from lambda_app.timings import Timings

_KEY = "lookalike.call"


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
        release: id of the release that answers; None until one is asked for.
        category, top_score: of the answer, where it has them: the predicted category, the first result's cosine.
    """

    service: Service
    request_id: str
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


def attached_call(scope: Scope) -> Call:
    """The call that was attached to a request's scope."""
    call: Call = scope[_KEY]
    return call


async def call_of(request: Request) -> Call:
    """The call that a request belongs to (a FastAPI dependency)."""
    return attached_call(request.scope)


CurrentCall = Annotated[Call, Depends(call_of)]

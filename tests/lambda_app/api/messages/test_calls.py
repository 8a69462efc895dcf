import threading
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lambda_app.api.messages.calls import Call, Service, blocking
from lambda_app.api.messages.work_queue import WorkQueue

SERVICE = cast(Service, SimpleNamespace(queue=WorkQueue(2, 8)))


@blocking
def route(call: Call, factor: int) -> tuple[int, threading.Thread]:
    """Doubles."""
    return 2 * factor, threading.current_thread()


@pytest.mark.anyio
@pytest.mark.parametrize("one_at_a_time", [True, False])
async def test_blocking_work_leaves_the_event_loop_free_where_others_may_wait_for_it(one_at_a_time: bool):
    call = Call(SERVICE, "1", one_at_a_time=one_at_a_time)
    doubled, thread = await route(call=call, factor=3)
    assert doubled == 6
    assert (thread is threading.current_thread()) == one_at_a_time


@pytest.mark.anyio
@pytest.mark.parametrize("one_at_a_time", [True, False])
async def test_what_the_work_raises_comes_out(one_at_a_time: bool):
    def work(*args: Any) -> None:
        raise ValueError(args)

    with pytest.raises(ValueError, match="7"):
        await Call(SERVICE, "1", one_at_a_time=one_at_a_time).run(work, 7)


def test_the_time_in_a_queue_counts_as_time_waited_for_the_first_release():
    seconds: list[float] = []

    def current(*, waited: float) -> SimpleNamespace:
        seconds.append(waited)
        return SimpleNamespace(release="r")

    service = cast(Service, SimpleNamespace(live=SimpleNamespace(current=current)))
    assert Call(service, "1", begun=time.monotonic() - 7).live().release == "r"
    assert seconds[0] >= 7

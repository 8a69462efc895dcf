import asyncio
import threading
from functools import partial

import pytest

from lambda_app.api.messages.work_queue import WorkQueue, usable_cores
from lambda_app.errors import BusyError


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_what_does_not_fit_is_refused_at_once_and_what_fits_is_done_in_order(anyio_backend: str):
    queue, go, order = WorkQueue(1, 2), threading.Event(), list[int]()

    def work(number: int) -> int:
        assert go.wait(20)
        order.append(number)
        return number

    taken = [asyncio.create_task(queue.run(partial(work, number))) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError, match="3 requests are being answered or wait, which is the limit"):
        await queue.run(lambda: work(3))
    go.set()
    assert await asyncio.gather(*taken) == order == [0, 1, 2]
    assert await queue.run(lambda: work(4)) == 4


@pytest.mark.anyio
async def test_work_runs_in_as_many_threads_as_it_may(anyio_backend: str):
    both = threading.Barrier(2, timeout=20)
    queue = WorkQueue(2, 0)
    assert sorted(await asyncio.gather(queue.run(both.wait), queue.run(both.wait))) == [0, 1]


@pytest.mark.anyio
async def test_what_the_work_raises_comes_out_and_leaves_its_place(anyio_backend: str):
    queue = WorkQueue(1, 0)

    def fail() -> None:
        raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await queue.run(fail)


@pytest.mark.anyio
async def test_a_client_that_goes_away_leaves_its_place_when_the_work_is_done(anyio_backend: str):
    queue, began, go = WorkQueue(1, 0), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        assert go.wait(20)

    left = asyncio.create_task(queue.run(work))
    while not began.is_set():
        await asyncio.sleep(0.001)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    with pytest.raises(BusyError):
        await queue.run(work)
    go.set()
    while True:
        try:
            assert await queue.run(lambda: 5) == 5
            break
        except BusyError:
            await asyncio.sleep(0.001)


def test_the_default_follows_the_cores():
    assert WorkQueue(0, 5).parallel == max(2, usable_cores())
    assert WorkQueue(3, 5).limit == 8

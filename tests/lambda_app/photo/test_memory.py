import threading

import pytest

from lambda_app.errors import BusyError, PhotoTooLargeError
from lambda_app.photo.memory import MIB, DecodingMemory, available_bytes


def test_photos_share_the_budget_and_give_it_back():
    memory = DecodingMemory(10 * MIB)
    full = pytest.raises(BusyError, match="takes 1 MiB of memory, and other photos use 10 of 10 MiB")
    with memory.reserved(6 * MIB), memory.reserved(4 * MIB), full, memory.reserved(MIB):
        pass
    with memory.reserved(10 * MIB):
        pass


def test_a_photo_that_fails_gives_its_memory_back():
    memory = DecodingMemory(MIB)
    with pytest.raises(ZeroDivisionError), memory.reserved(MIB):
        raise ZeroDivisionError
    with memory.reserved(MIB):
        pass


def test_a_photo_that_never_fits_is_too_large():
    too_large = pytest.raises(PhotoTooLargeError, match="takes 11 MiB of memory; the limit is 10 MiB")
    with too_large, DecodingMemory(10 * MIB).reserved(11 * MIB):
        pass


def test_the_budget_holds_for_many_threads():
    memory, most, now, lock = DecodingMemory(3), 0, 0, threading.Lock()

    def work() -> None:
        nonlocal most, now
        for _ in range(2000):
            try:
                with memory.reserved(1):
                    with lock:
                        now += 1
                        most = max(most, now)
                    with lock:
                        now -= 1
            except BusyError:
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert 1 <= most <= 3
    with memory.reserved(3):
        pass


def test_the_memory_of_this_machine_is_found():
    assert 64 * MIB < available_bytes() < 1 << 50

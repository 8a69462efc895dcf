import os
import signal

import pytest

from training.pipeline.stopping import stopped_by_signal


def stopped_while_at_work(done, number):
    with stopped_by_signal() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested
        done.append("what was under way")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_requests_a_stop_and_ends_the_process_after_the_current_work(number, status):
    done: list[str] = []
    with pytest.raises(SystemExit) as ended:
        stopped_while_at_work(done, number)
    assert done
    assert ended.value.code == status


def test_a_second_ctrl_c_ends_the_process_at_once():
    with stopped_by_signal() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        stop.requested = False


def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopped_by_signal() as stop:
            os.kill(os.getpid(), signal.SIGINT)
        assert not stop.requested
    finally:
        signal.signal(signal.SIGINT, before)


def test_without_a_signal_the_process_continues_and_the_old_handler_is_restored():
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_signal():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before

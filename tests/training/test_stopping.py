import os
import signal

import pytest

from training.stopping import stopped_by_sigterm


def stopped_while_at_work(done):
    with stopped_by_sigterm() as stop:
        assert not stop.requested
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested
        done.append("what was under way")


def test_sigterm_asks_for_a_stop_and_ends_the_process_once_there_is_time():
    done = []
    with pytest.raises(SystemExit) as ended:
        stopped_while_at_work(done)
    assert done
    assert ended.value.code == 143


def test_without_a_signal_nothing_ends_and_what_sigterm_did_before_it_does_again():
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_sigterm():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before

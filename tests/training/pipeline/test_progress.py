import logging
import os
import pty
import select
import sys
import termios

import pytest

from training.pipeline.progress import track


def test_items_are_yielded_lazily_and_in_order():
    drawn: list[int] = []

    def numbers():
        for number in range(3):
            drawn.append(number)
            yield number

    tracked = track(numbers(), 3, "photos", "photo")
    assert drawn == []
    assert list(tracked) == [0, 1, 2]


def test_a_log_gets_lines_with_rate_and_time_left(caplog):
    caplog.set_level(logging.INFO)
    list(track(range(3), 3, "photos", "photo", seconds=0.0))
    assert [message.split(",")[0] for message in caplog.messages] == [
        "photos: 1 of 3 photos",
        "photos: 2 of 3 photos",
        "photos: 3 of 3 photos",
        "photos: 3 photos",
    ]
    assert all("a second" in message for message in caplog.messages)
    assert caplog.messages[0].endswith("s left")
    assert caplog.messages[-1].endswith("done")


def test_a_log_without_a_total_has_no_time_left(caplog):
    caplog.set_level(logging.INFO)
    list(track(iter("ab"), None, "rows", "row", seconds=0.0))
    assert not any("left" in message for message in caplog.messages)


def test_the_plural_of_batch_is_batches(caplog):
    caplog.set_level(logging.INFO)
    list(track(range(2), 2, "embed", "batch"))
    assert caplog.messages[0].startswith("embed: 2 batches, ")


def test_quick_work_logs_one_line(caplog):
    caplog.set_level(logging.INFO)
    list(track(range(1_000), 1_000, "photos", "photo"))
    assert len(caplog.messages) == 1


def test_a_terminal_gets_a_bar(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 100))
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert list(track(range(5), 5, "photos", "photo")) == list(range(5))
        terminal.flush()
        shown = ""
        # A read from a terminal may return only a part; stop when nothing more arrives.
        while "5/5" not in shown and select.select([leader], [], [], 5)[0]:
            shown += os.read(leader, 65536).decode()
    os.close(leader)
    assert "photos" in shown
    assert "5/5" in shown
    assert caplog.messages == []


@pytest.mark.parametrize("total", [None, 0])
def test_nothing_is_told_about_no_items(total, caplog):
    caplog.set_level(logging.INFO)
    assert list(track([], total, "photos", "photo")) == []
    assert caplog.messages == []


def test_one_of_something_is_no_plural(caplog):
    caplog.set_level(logging.INFO)
    list(track([1], 1, "compare", "block", seconds=0.0))
    assert [message.split(",")[0] for message in caplog.messages] == ["compare: 1 of 1 block", "compare: 1 block"]

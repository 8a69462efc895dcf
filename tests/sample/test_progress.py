"""Tests of `sample.progress`."""

import io

from sample.progress import Progress


class Terminal(io.StringIO):
    """A stream whose `isatty` is true."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_on_one_line():
    stream = Terminal()
    with Progress("photos", 4, stream) as progress:
        progress.advance(2)
    assert stream.getvalue().startswith("\r[###############...............] photos 2/4")
    assert stream.getvalue().count("\n") == 1


def test_short_work_writes_one_plain_line_to_a_log():
    stream = io.StringIO()
    with Progress("photos", 4, stream) as progress:
        progress.advance(4)
    assert stream.getvalue().startswith("photos 4/4, ")
    assert stream.getvalue().count("\n") == 1

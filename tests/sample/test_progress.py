"""Tests of `sample.progress`."""

import io

from sample.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_on_one_line():
    stream = Terminal()
    with Progress("photos", 4, stream) as progress:
        progress.advance(2)
    assert stream.getvalue().startswith("\r[###############...............] photos 2/4")
    assert stream.getvalue().count("\n") == 1


def test_a_log_gets_one_plain_line_at_the_end_of_short_work():
    stream = io.StringIO()
    with Progress("photos", 4, stream) as progress:
        progress.advance(4)
    assert stream.getvalue().startswith("photos 4/4, ")
    assert stream.getvalue().count("\n") == 1

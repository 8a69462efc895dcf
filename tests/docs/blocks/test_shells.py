"""Every shell block does the same when it is pasted into an interactive bash and into an interactive zsh."""

import itertools
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.docs.blocks.reading import CODE, SHELL, SHOWN, Block, blocks, pasted
from tests.docs.blocks.shells import pasted_into, stand_ins

SHELL_BLOCKS = [block for block in blocks() if block.language in SHELL]
PAGES_WITH_COMMANDS = sorted({block.page.name for block in SHELL_BLOCKS})
# What a shell says if it does not take a line as it is meant.
COMPLAINT = re.compile(r"not found|no matches|unmatched|parse error|syntax error|unknown |bad |No such|quote>")

needs_zsh = pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_ins(tmp_path_factory.mktemp("programs"))


def of_page(name: str) -> list[Block]:
    return [block for block in SHELL_BLOCKS if block.page.name == name]


def complaints(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if COMPLAINT.search(line)]


def test_each_block_has_a_language_that_says_whether_it_is_run():
    assert len(SHELL_BLOCKS) > 40
    assert [f"{block}: {block.language}" for block in blocks() if block.language not in (*SHELL, *CODE, *SHOWN)] == []


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_a_shell_block_has_no_comments_and_no_brackets_to_fill_in(page: str):
    """An interactive zsh takes `# text` as arguments, and waits for the end of a quote in it."""
    words = itertools.chain.from_iterable(shlex.split(pasted(block)) for block in of_page(page))
    assert [word for word in words if word.startswith("#") or re.search(r"<[\w ]+>", word)] == []


@needs_zsh
@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_bash_and_zsh_start_the_same_programs_with_the_same_arguments(page: str, programs: Path):
    text = "\n".join(pasted(block) for block in of_page(page))
    in_bash, said_by_bash = pasted_into("bash", text, programs)
    in_zsh, said_by_zsh = pasted_into("zsh", text, programs)
    assert complaints(said_by_bash) + complaints(said_by_zsh) == []
    assert in_bash == in_zsh
    assert in_bash


@needs_zsh
@pytest.mark.parametrize(
    "line",
    [
        "scripts/test     # all tests",
        "# what comes next",
        "curl http://127.0.0.1:8000/predict?k=2",
        "scripts/outdated --only aws-*",
        'curl -d "Red sofa!now" http://127.0.0.1:8000/recommend',
        "scripts/deploy -c image=lookalike@sha256:<digest>",
        "files='one two'; scripts/ask $files",
        "pg_dump lookalike",
    ],
)
def test_a_line_that_is_not_the_same_everywhere_is_found(line: str, programs: Path):
    in_bash, said_by_bash = pasted_into("bash", line + "\n", programs)
    in_zsh, said_by_zsh = pasted_into("zsh", line + "\n", programs)
    assert in_bash != in_zsh or complaints(said_by_bash) + complaints(said_by_zsh)

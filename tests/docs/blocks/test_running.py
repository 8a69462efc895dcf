"""The commands of each page are run, one after the other, in a folder like a clone; so is its Python and JavaScript."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from tests.client.conftest import serve
from tests.docs.blocks import clone
from tests.docs.blocks.reading import CODE, SHELL, Block, blocks, commands
from tests.docs.blocks.session import Session
from tests.docs.blocks.table import NOT_RUN, is_run, reason
from tests.sharing import made_once

pytestmark = pytest.mark.slow


def runnable(block: Block) -> list[str]:
    """The commands of a block that are run, or its whole code."""
    if block.language in SHELL:
        return [command for command in commands(block) if not reason(command)]
    return [block.text] if block.language in CODE and is_run(block.page.name, block.text) else []


PAGES = sorted({block.page.name for block in blocks() if runnable(block)})
# It makes a store itself.
WITHOUT_A_STORE = ("walk.md",)

needs_programs = pytest.mark.skipif(
    not all(map(shutil.which, ("curl", "node"))), reason="curl or Node is not installed"
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "clone", clone.make)


@contextmanager
def session(template: Path, folder: Path, page: str) -> Iterator[Session]:
    """A shell in a copy of the template, beside a server of its store."""
    clone.copied(template, folder)
    release = next((folder / clone.STORE / "releases").iterdir()).name
    settings = Settings(store=str(folder / clone.STORE), catalogue_writes="open", reload_seconds=0)
    with ExitStack() as running:
        if page in WITHOUT_A_STORE:
            shutil.rmtree(folder / clone.STORE)
            yield Session(folder, 0, release, running)
        else:
            for url in serve(create_app(settings)):
                yield Session(folder, int(url.rpartition(":")[2]), release, running)


def mistakes(block: Block, shell: Session) -> Iterator[str]:
    """What goes wrong in a block."""
    for text in runnable(block):
        run = {"python": shell.run_python, "js": shell.run_javascript, "javascript": shell.run_javascript}
        mistake = run.get(block.language, shell.run)(text)
        if mistake:
            yield f"{block}: {mistake}"


@needs_programs
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_do_what_they_should(page: str, template: Path, tmp_path: Path):
    with session(template, tmp_path / "clone", page) as shell:
        found = [mistake for block in blocks() if block.page.name == page for mistake in mistakes(block, shell)]
    assert not found, "\n".join(found)


def test_each_reason_is_one_of_a_command_in_the_pages():
    shown = [command for block in blocks() if block.language in SHELL for command in commands(block)]
    reasons = [reason(command) for command in shown]
    assert set(reasons) == {why for _, why in NOT_RUN} | {None}
    assert reasons.count(None) > 40

"""Every command and option in the documentation exists. No program runs: only its command line is read."""

import itertools
from pathlib import Path

import pytest

from tests.docs.commands import commands, help_of, mistake, options
from tests.docs.markdown import ROOT, shell_lines, spans

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FEWEST = {"README.md": 10, "training.md": 15}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_takes_the_options_that_a_page_gives_it(page: Path):
    text = page.read_text(encoding="utf-8")
    found = list(commands(text))
    assert len(found) >= FEWEST.get(page.name, 0)
    in_blocks = len(list(commands("```sh\n" + "\n".join(shell_lines(text)) + "\n```")))
    mistakes = [mistake(*command, whole=place < in_blocks) for place, command in enumerate(found)]
    assert [text for text in mistakes if text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_an_option_alone_in_backticks_is_one_of_a_command(page: Path):
    programs = ("training.train", "training.compare", *(str(p.relative_to(ROOT)) for p in ROOT.glob("scripts/*.py")))
    helps = (help_of(program) for program in programs if not program.endswith("slim_packages.py"))
    known = set(itertools.chain.from_iterable(map(options, helps)))
    alone = {span.split()[0].partition("=")[0] for span in spans(page.read_text(encoding="utf-8")) if span[:2] == "--"}
    assert alone - known - {"--help"} == set()


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("python -m training.train --data D --out O --warmup 0.1", "--warmup"),
        ("python -m training.train --data D --out O --set warm=0.1", "warm"),
        ("python -m training.train --data D --out O --lr -1", "lr is -1"),
        ("torchrun --nproc-per-node 4 -m training.train --data D --out O --bacth 8", "--bacth"),
        ("python -m training.compare --data D --out O --recipes best", "best"),
        ("python -m training.fit --out O --patience 3", "--patience"),
        ("python -m benchmarks.search --sizes 10", "no such program"),
        ("scripts/bench request serach", "serach"),
        ("scripts/releases --store S prune --kept 5", "--kept"),
        ("scripts/train-remote --dataset shop --hyperparameter epoch=3", "epoch"),
    ],
)
def test_a_mistake_is_found(command: str, named: str):
    ((program, arguments),) = commands(f"```sh\n{command}   # it's a comment\n```")
    found = mistake(program, arguments)
    assert found is not None
    assert named in found

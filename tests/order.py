"""The order of the tests: those that are measured first, quick files last.

`scripts/test` gives file after file to two processes. A folder stays together, because its fixtures are made once in
each process that gets there. Slow files go first, so that no process waits for the last file of the other one.
"""

from pathlib import PurePath

import pytest

from tests.tracing import is_measured

Place = tuple[bool, bool, str, bool, str]


def in_order(items: list[pytest.Item]) -> None:
    """Sort the tests in place by folder and file; those of a file keep their order."""
    slow_files = {_file(item) for item in items if item.get_closest_marker("slow")}
    slow_folders = {_folder(file) for file in slow_files}

    def place(item: pytest.Item) -> Place:
        file = _file(item)
        folder = _folder(file)
        return not is_measured(item), folder not in slow_folders, folder, file not in slow_files, file

    items.sort(key=place)


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _folder(file: str) -> str:
    """The one below `tests`: "tests/cdk" for "tests/cdk/front/test_edge.py"."""
    return "/".join(PurePath(file).parts[:-1][:2])

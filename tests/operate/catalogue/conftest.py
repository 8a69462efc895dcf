import pytest

from operate.catalogue.command import main


@pytest.fixture
def run(store, capsys):
    """Run the command on the store; returns exit code, standard output and standard error."""

    def command(*words):
        code = main(["--store", str(store.root), *map(str, words)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return command

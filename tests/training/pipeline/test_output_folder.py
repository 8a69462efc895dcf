import os
import subprocess
import sys

import pytest

from training.errors import DataError
from training.pipeline.output_folder import atomic_folder, check_output_folder


@pytest.fixture
def ended_process():
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def names_in(folder):
    return sorted(child.name for child in folder.iterdir())


def test_a_folder_appears_when_it_is_complete(tmp_path):
    out = tmp_path / "new" / "out"
    with atomic_folder(out) as folder:
        (folder / "a").write_text("1")
        assert not out.exists()
    assert (out / "a").read_text() == "1"
    assert names_in(out.parent) == ["out"]


def test_an_older_folder_is_replaced_completely(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    with atomic_folder(out) as folder:
        (folder / "new").touch()
        assert names_in(out) == ["old"]
    assert names_in(out) == ["new"]
    assert names_in(tmp_path) == ["out"]


def test_a_failure_keeps_only_the_older_folder(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    with pytest.raises(FileExistsError), atomic_folder(out) as folder:
        folder.mkdir()
    assert names_in(out) == ["old"]
    assert names_in(tmp_path) == ["out"]


def test_the_remains_of_a_killed_run_are_removed(tmp_path, ended_process):
    names = [f"out.tmp-{ended_process}", f"out.old-{ended_process}", f"out.tmp-{os.getpid()}"]
    kept = [f"out.tmp-{os.getppid()}", "out.tmp-1", "out.tmp-x", f"other.tmp-{ended_process}"]
    for name in ["out", *names, *kept]:
        (tmp_path / name).mkdir()
    with atomic_folder(tmp_path / "out"):
        pass
    assert names_in(tmp_path) == sorted(["out", *kept])


def test_a_folder_moved_aside_by_a_killed_run_is_restored(tmp_path, ended_process):
    aside = tmp_path / f"out.old-{ended_process}"
    aside.mkdir()
    (aside / "old").touch()
    with pytest.raises(ValueError, match="stop"), atomic_folder(tmp_path / "out"):
        raise ValueError("stop")
    assert names_in(tmp_path / "out") == ["old"]


@pytest.mark.parametrize(("out", "source"), [("a", "a"), ("a/b", "a"), ("a", "a/b"), ("a/../a/b", "a")])
def test_output_and_source_must_not_overlap(tmp_path, out, source):
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(DataError, match="overlap; the output folder must be outside the input folder"):
        check_output_folder(tmp_path / out, (), tmp_path / source)


def test_a_folder_with_other_files_is_not_replaced(tmp_path):
    out, source = tmp_path / "out", tmp_path / "source"
    check_output_folder(out, ("a",), source)
    out.mkdir()
    (out / "a").touch()
    check_output_folder(out, ("a",), source)
    (out / "precious").touch()
    with pytest.raises(DataError, match="contains 'precious', so it is not a folder that this command made"):
        check_output_folder(out, ("a",), source)
    with pytest.raises(DataError, match="is a file, not a folder"):
        check_output_folder(out / "a", ("a",), source)

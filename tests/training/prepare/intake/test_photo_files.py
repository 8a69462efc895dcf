from pathlib import PurePosixPath

import pytest

from training.prepare.intake.photo_files import ending, files_in, files_under, is_text


def test_files_under_a_folder_are_found_at_any_depth_and_through_links(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "c.jpg").touch()
    data = tmp_path / "data"
    (data / "hat" / "deep").mkdir(parents=True)
    (data / "a.txt").touch()
    (data / "hat" / "deep" / "b.jpg").touch()
    (data / "linked").symlink_to(outside)
    (data / "hat" / "loop").symlink_to(data)
    found = sorted(path for path, _ in files_under(data))
    assert found == [PurePosixPath(path) for path in ("a.txt", "hat/deep/b.jpg", "linked/c.jpg")]


def test_hidden_files_folders_and_dead_links_are_left_out(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.jpg").touch()
    (tmp_path / "._b.jpg").touch()
    (tmp_path / "c.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "d.jpg").touch()
    assert [path.name for path, _ in files_under(tmp_path)] == ["d.jpg"]
    assert [entry.name for entry in files_in(tmp_path)] == ["d.jpg"]


@pytest.mark.parametrize(
    ("name", "expected"), [("a.JPG", ".jpg"), ("a.b.png", ".png"), ("a", ""), ("x/a.webp", ".webp")]
)
def test_extensions_are_compared_in_lower_case(name, expected):
    assert ending(name) == expected


@pytest.mark.parametrize(("name", "expected"), [("a.jpg", True), ("é\n😀.jpg", True), ("a\udcff.jpg", False)])
def test_a_name_with_an_invalid_byte_is_not_text(name, expected):
    assert is_text(name) is expected

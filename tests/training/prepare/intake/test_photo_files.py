import os

import pytest

from training.prepare.intake.photo_files import ending, files_under, is_photo, is_text, names_in


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
    assert found == ["a.txt", "hat/deep/b.jpg", "linked/c.jpg"]


def test_hidden_files_and_what_programs_add_are_left_out(tmp_path):
    for path in (".git/a.jpg", "__MACOSX/a.jpg", "@eaDir/a.jpg/thumb.jpg", "._b.jpg", "d.jpg"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "folder.jpg").mkdir()
    assert [path for path, _ in files_under(tmp_path)] == ["d.jpg"]
    assert names_in(tmp_path, "file") == ["d.jpg"]
    assert names_in(tmp_path, "folder") == ["folder.jpg"]


def test_links_that_lead_nowhere_are_files_and_pipes_are_not(tmp_path):
    (tmp_path / "circle.jpg").symlink_to(tmp_path / "circle.jpg")
    (tmp_path / "dead.jpg").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "linked_pipe.jpg").symlink_to(tmp_path / "pipe.jpg")
    assert sorted(path for path, _ in files_under(tmp_path)) == ["circle.jpg", "dead.jpg"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.JFIF", b"", True),
        ("a.heic", b"", True),
        ("a", b"\xff\xd8\xff\xe0", True),
        ("a.jpg_large", b"\x89PNG\r\n\x1a\n", True),
        ("a.bin", b"RIFF\0\0\0\0WEBP", True),
        ("a.dat", b"GIF89a", True),
        ("a.data", b"\0\0\0\x18ftypheic", True),
        ("a.x", b"BM\x36\0\0\0\0\0\0\0", True),
        ("README", b"BMW and other cars", False),
        ("a.txt", b"\xff\xd8\xff\xe0", False),
        ("a.bak", b"", False),
    ],
)
def test_the_bytes_decide_where_the_ending_is_none_of_photos(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    assert is_photo(str(tmp_path / name)) is expected


@pytest.mark.parametrize(
    ("name", "expected"), [("a.JPG", ".jpg"), ("a.b.png", ".png"), ("a", ""), ("x/a.webp", ".webp")]
)
def test_extensions_are_compared_in_lower_case(name, expected):
    assert ending(name) == expected


@pytest.mark.parametrize(("name", "expected"), [("a.jpg", True), ("é\n😀.jpg", True), ("a\udcff.jpg", False)])
def test_a_name_with_an_invalid_byte_is_not_text(name, expected):
    assert is_text(name) is expected

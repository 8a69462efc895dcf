from hypothesis import given, settings

from reliability.fuzz.photos.polyglots import SIGNATURES
from reliability.fuzz.photos.random_files import files
from reliability.fuzz.photos.sound import sound_photos


def test_files_are_random_bytes_signatures_and_changed_photos():
    found = []

    @settings(max_examples=200, derandomize=True, database=None, deadline=None)
    @given(files())
    def collect(data: bytes) -> None:
        found.append(data)

    collect()
    assert any(data.startswith(signature) for data in found for signature in SIGNATURES if len(signature) > 7)
    assert sum(data[:200] == photo[:200] for data in found for photo in sound_photos().values()) > 5
    assert b"" in found

"""Tests of `benchmarks.inputs.photos`."""

import io

from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from benchmarks.inputs.photos import SMALL, make_photo, photo


def test_a_photo_is_encoded_like_one_from_a_phone():
    data = make_photo(SMALL)
    with Image.open(io.BytesIO(data)) as opened:
        assert (opened.format, opened.size) == ("JPEG", SMALL)
        assert get_sampling(opened) == 2  # 4:2:0
    bits = 8 * len(data) / (SMALL[0] * SMALL[1])
    assert 1.5 < bits < 3.0


def test_a_photo_is_made_once(tmp_path):
    first = photo(tmp_path / "photos", (64, 48))
    (path,) = (tmp_path / "photos").iterdir()
    before = path.stat().st_mtime_ns
    assert photo(tmp_path / "photos", (64, 48)) == first == make_photo((64, 48))
    assert path.stat().st_mtime_ns == before

import io
from pathlib import Path

from PIL import Image

from benchmarks.page import measured, photo_search
from benchmarks.page.photo_search import Search


def test_shifts_and_the_place_of_the_first_card_have_goals():
    moved = Search(own=0.2, everything=0.3, opened=0.05, seconds=9.0, first_ends=900.0)
    still = Search(own=0.0, everything=0.3, opened=0.0, seconds=8.0, first_ends=600.0)
    rows = photo_search.rows_of({"width": 390, "height": 844}, [moved, still, still])
    assert [(row.measure.strip(), row.ours.median, row.met) for row in rows] == [
        ("photo search, 390x844: layout shift", 0.0, True),
        ("of it, before the photo is chosen", 0.0, None),
        ("with the shifts after an input", 0.3, None),
        ("first card's photo ends at, pixels", 900.0, False),
        ("from the choice to the results, s", 8.0, None),
    ]


def test_the_photo_is_over_what_the_page_sends_as_it_is():
    photo = photo_search.large_photo()
    assert len(photo) > 300 * 1024
    assert max(Image.open(io.BytesIO(photo)).size) > 1600


def test_a_store_without_a_release_is_not_measured(tmp_path: Path):
    assert not measured.searches_with_a_photo(tmp_path, 1).rows

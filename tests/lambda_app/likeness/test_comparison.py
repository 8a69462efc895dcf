import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from lambda_app.likeness.comparison import distances, stored_view
from lambda_app.likeness.fingerprint import cells_of, fingerprint, views
from lambda_app.likeness.placements import grid


def photo(seed=0, size=(200, 160)):
    """Random patches with soft edges."""
    patches = np.random.default_rng(seed).integers(0, 256, (9, 11, 3), np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


def compressed(image, quality=30):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def stored(*images):
    return np.stack([fingerprint(views(image)[0]) for image in images])


def between(asked, kept):
    return float(distances(views(asked), stored(kept))[0])


ALTERED = {
    "compressed": compressed,
    "half": lambda image: image.resize((100, 80)),
    "crop of the middle": lambda image: image.crop((15, 12, 185, 148)),
    "crop of a corner": lambda image: image.crop((0, 24, 170, 160)),
    "crop between": lambda image: image.crop((21, 5, 191, 141)),
    "one side cut off": lambda image: image.crop((23, 0, 200, 160)),
    "border": lambda image: ImageOps.expand(image, 25, "white"),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "mirrored": ImageOps.mirror,
    "mirrored crop": lambda image: compressed(ImageOps.mirror(image).crop((28, 22, 198, 158)), 50),
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_an_altered_copy_is_near_its_photo_and_far_from_others(alter):
    near, *far = distances(views(alter(photo(0))), stored(*map(photo, range(6))))
    assert near < 0.12
    assert min(far) > 0.4


def test_a_stored_crop_is_near_the_whole_photo():
    assert between(photo(), photo().crop((10, 20, 180, 156))) < 0.12


def test_a_photo_is_at_no_distance_from_itself():
    assert between(photo(), photo()) == pytest.approx(0, abs=0.01)


def test_two_stored_photos_can_be_compared():
    prints = stored(photo(0), photo(0).crop((10, 8, 195, 156)), photo(1))
    found = distances((stored_view(prints[0]),), prints)
    assert found[0] < 0.01
    assert found[1] < 0.15
    assert found[2] > 0.4


def test_a_plain_photo_is_no_copy_of_anything():
    plain = Image.new("RGB", (64, 64), (200, 200, 200))
    found = distances(views(plain), stored(plain, photo()))
    assert np.allclose(found, 1)
    assert np.allclose(distances(views(photo()), stored(plain)), 1)


def test_without_candidates_there_are_no_distances():
    assert distances(views(photo()), np.empty((0, 192), np.uint8)).shape == (0,)


def test_each_candidate_has_the_distance_that_it_has_alone():
    prints = stored(*map(photo, range(5)))
    together = distances(views(photo(2)), prints)
    alone = [distances(views(photo(2)), prints[row : row + 1])[0] for row in range(5)]
    assert np.allclose(together, alone, atol=1e-5)


def slow_correlation(cells, kept, down, across):
    """The correlation of limited steps at one pair of placements, cell by cell in double precision."""

    def laid(y, x):
        return float(down[0][y] @ cells @ across[0][x])

    def limited(step):
        return step / np.sqrt(step**2 + 0.16**2)

    products = own = other = 0.0
    for y in range(16):
        for x in range(16):
            for below, right in ((1, 0), (0, 1)):
                if y + below > 15 or x + right > 15:
                    continue
                if not (down[1][y] * down[1][y + below] * across[1][x] * across[1][x + right]):
                    continue
                asked = limited(laid(y + below, x + right) - laid(y, x))
                have = limited(float(kept[y + below, x + right] - kept[y, x]))
                products, own, other = products + asked * have, own + asked**2, other + have**2
    return products / max(np.sqrt(own * other), 1e-6)


def test_the_distance_of_unlike_photos_is_that_of_the_best_place_of_the_grid():
    cells, print_ = views(photo(0))[0].astype(float), stored(photo(3))
    places = grid()
    chosen = [0, 1, 4, 7, 10]
    axes = [(places.sampling[number].astype(float), places.covered[number]) for number in chosen]
    cells = cells / cells.reshape(16, 2, 16, 2).mean(axis=(1, 3)).std()
    kept = cells_of(print_)[0].astype(float)
    kept = kept / kept.std()
    found = 1 - distances(views(photo(0)), print_)[0]
    slow = [
        slow_correlation(cells, side, down, across)
        for side in (kept, kept[:, ::-1])
        for down in axes
        for across in axes
    ]
    assert max(slow) <= found + 1e-4
    assert found < 0.5  # so that no place between those of the grid was tried
    whole = [(s, c) for s, c in zip(places.sampling.astype(float), places.covered, strict=True)]
    best = max(
        slow_correlation(cells, side, down, across)
        for side in (kept, kept[:, ::-1])
        for down in whole
        for across in whole
    )
    assert found == pytest.approx(best, abs=1e-4)

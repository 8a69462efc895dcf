import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from lambda_app.likeness.comparison import distances, stored_views
from lambda_app.likeness.fingerprint import cells_of, fingerprint, views


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
    found = distances(stored_views(prints[0]), prints)
    assert found[0] < 0.05
    assert found[1] < 0.2
    assert found[2] > 0.4


def test_a_plain_photo_is_no_copy_of_anything():
    plain = Image.new("RGB", (64, 64), (200, 200, 200))
    found = distances(views(plain), stored(plain, photo()))
    assert np.allclose(found, 1)
    assert np.allclose(distances(views(photo()), stored(plain)), 1)


def test_without_candidates_there_are_no_distances():
    assert distances(views(photo()), np.empty((0, 197), np.uint8)).shape == (0,)


def test_a_candidate_that_is_near_has_the_distance_that_it_has_alone():
    prints = stored(*map(photo, range(5)))
    together = distances(views(photo(2)), prints)
    alone = [distances(views(photo(2)), prints[row : row + 1])[0] for row in range(5)]
    assert together[2] == pytest.approx(alone[2], abs=1e-5)
    assert min(np.delete(together, 2)) > 0.5
    assert min(np.delete(alone, 2)) > 0.5


def test_many_copies_of_one_photo_are_all_found():
    prints = stored(*map(photo, range(1, 9)), *([photo(0)] * 11))
    found = distances(views(ALTERED["crop between"](photo(0))), prints)
    assert max(found[8:]) < 0.15
    assert min(found[:8]) > 0.45


def slow_correlation(cells, kept):
    """The correlation of limited steps of two pictures of 15 x 15 cells, step by step in double precision."""

    def limited(step):
        return step / np.sqrt(step**2 + 0.02**2)

    products = own = other = 0.0
    for y in range(15):
        for x in range(15):
            for below, right in ((1, 0), (0, 1)):
                if y + below > 14 or x + right > 14:
                    continue
                asked = limited(cells[y + below, x + right] - cells[y, x])
                have = limited(kept[y + below, x + right] - kept[y, x])
                products, own, other = products + asked * have, own + asked**2, other + have**2
    return products / np.sqrt(own * other)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_photo_is_at_most_as_far_as_without_moving_it(mirrored):
    """The direct formula at one place is a bound for the search over all places, and nearly what it finds."""
    image = photo(0)
    other = Image.blend(image, photo(3), 0.3)
    asked = views(ImageOps.mirror(other) if mirrored else other)
    cells = views(other)[0].astype(float).reshape(15, 4, 15, 4).mean(axis=(1, 3))
    kept = cells_of(stored(image))[0].astype(float)
    direct = 1 - slow_correlation(cells / cells.std(), kept / kept.std())
    found = float(distances(asked, stored(image))[0])
    assert direct - 0.05 < found <= direct + 1e-4
    assert 0.05 < direct < 0.45


def whole_hash(image):
    """The bits of a perceptual hash, as in pHash: signs of the lowest frequencies of the DCT-II, by its definition."""
    grey = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.BOX), float)
    place = (2 * np.arange(32) + 1) * np.pi / 64
    waves = np.cos(np.arange(8)[:, None] * place)  # (8, 32)
    low = waves @ grey @ waves.T
    return (low > np.median(low)).ravel()


def test_what_a_perceptual_hash_recognises_is_recognised_too():
    """An independent method agrees: a hash that differs in few bits, and in about half of them for other photos."""
    names = ("compressed", "half", "brighter", "darker")
    for seed in range(4):
        others = [photo(other) for other in range(4) if other != seed]
        for name in names:
            altered = ALTERED[name](photo(seed))
            assert (whole_hash(altered) != whole_hash(photo(seed))).mean() < 0.1
            assert min((whole_hash(altered) != whole_hash(other)).mean() for other in others) > 0.25
            near, *far = distances(views(altered), stored(photo(seed), *others))
            assert near < 0.12
            assert min(far) > 0.45

from collections import Counter
from typing import Any

import pytest

from training.prepare.intake.tables import ImageRow, Intake, ProductRow
from training.prepare.splits import Quota, assign, quotas


class Splitter:
    """Assigns splits to products given as (id, category, contents of its photos[, given split]); id -> split.

    Attributes:
        shared, warnings: what the last assignment reported.
    """

    def __init__(self, folder):
        self.folder = folder
        self.opened: list[Intake] = []
        self.shared = 0
        self.warnings: list[str] = []

    def __call__(self, products, *, seed=0, test=0.1, validation=0.3):
        intake = Intake(self.folder / f"intake{len(self.opened)}.sqlite")
        self.opened.append(intake)
        row = 0
        for product_id, category, contents, *given in products:
            number = intake.add_product(ProductRow(product_id, category))
            assert isinstance(number, int), number
            for content in contents:
                image = intake.add_image(ImageRow(f"i{row}", number, "", "", given_split=given[0] if given else None))
                intake.db.execute("INSERT INTO cached VALUES (?, ?, ?)", (row, image, content.encode()))
                row += 1
        self.shared = assign(intake, seed=seed, test_share=test, validation_share=validation)
        self.warnings = intake.warnings
        return dict(intake.db.execute("SELECT id, split FROM products"))


@pytest.fixture
def split(tmp_path):
    splitter = Splitter(tmp_path)
    yield splitter
    for intake in splitter.opened:
        intake.close()


def catalogue(**sizes):
    return [(f"{name}{n}", name, [f"{name}{n}a", f"{name}{n}b"]) for name, size in sizes.items() for n in range(size)]


def test_each_category_gets_its_share(split):
    result = split(catalogue(home=100, games=50, phones=7))
    counts = Counter((product.rstrip("0123456789"), name) for product, name in result.items())
    assert counts["home", "test"] == 10
    assert counts["home", "validation"] == 27
    assert counts["games", "test"] == 5
    assert counts["games", "validation"] in (13, 14)
    assert counts["phones", "train"] >= 4


def test_the_split_depends_on_the_seed_and_not_on_the_order_of_rows(split):
    products = catalogue(home=60, games=40)
    first = split(products)
    assert split(list(reversed(products))) == first
    assert split(products, seed=1) != first


def test_a_new_product_moves_few_others(split):
    products = catalogue(home=200)
    before = split(products)
    after = split([*products, ("new", "home", ["n"])])
    assert sum(before[product] != after[product] for product in before) <= 2


def test_products_that_share_a_photo_stay_together(split):
    chain = [(f"c{n}", "home", [f"link{n}", f"link{n + 1}"]) for n in range(6)]
    for seed in range(10):
        result = split([*catalogue(home=40), *chain], seed=seed, test=0.3)
        assert len({result[f"c{n}"] for n in range(6)}) == 1
    assert split.shared == 10
    assert split.warnings == []


def test_products_of_two_categories_that_share_a_photo_stay_together(split):
    for seed in range(10):
        result = split(
            [*catalogue(home=10, games=10), ("a", "home", ["x"]), ("b", "games", ["x"])], seed=seed, test=0.4
        )
        assert result["a"] == result["b"]


def test_a_group_is_joined_from_both_ends_in_any_order(split):
    """Photos are processed in the order of their contents: c joins the pairs that share a and b."""
    four = [("c0", "home", ["b"]), ("c1", "home", ["b", "c"]), ("c2", "home", ["a", "c"]), ("c3", "home", ["a"])]
    for seed in range(10):
        result = split([*catalogue(home=40), *four], seed=seed, test=0.5)
        assert len({result[product] for product, *_ in four}) == 1


def test_a_group_of_two_categories_counts_once_in_the_quotas(split):
    pairs = [(f"{name}-{n}", name, [f"x{n}"]) for n in range(5) for name in ("home", "games")]
    for seed in range(10):
        result = split([*catalogue(home=15), *pairs], seed=seed, test=0.2, validation=0.5)
        assert Counter(result.values()) == {"test": 5, "validation": 10, "train": 10}


def test_a_group_too_large_for_a_quota_is_in_train(split):
    twins = [(f"t{n}", "home", ["same"]) for n in range(30)]
    result = split([*catalogue(home=10), *twins])
    assert {result[f"t{n}"] for n in range(30)} == {"train"}
    assert Counter(result.values())["test"] == 4


def test_equal_photos_of_one_product_are_not_shared_photos(split):
    split([("a", "home", ["x", "x"]), ("b", "home", ["y"])])
    assert split.shared == 0


def test_a_product_without_a_photo_is_in_no_split(split):
    result = split([*catalogue(home=10), ("bare", "home", [])])
    assert result["bare"] is None


def test_given_splits_stay_and_validation_is_drawn_from_train(split):
    products = [(f"p{n}", "hat", [f"p{n}"], "test" if n < 20 else None) for n in range(120)]
    counts = Counter(split(products).values())
    assert counts == {"test": 20, "validation": 30, "train": 70}


def test_given_test_and_validation_splits_are_kept_and_the_rest_is_train(split):
    given = {f"p{n}": name for n, name in enumerate(["test", "validation", None, None, None, None])}
    result = split([(product, "hat", [product], name) for product, name in given.items()])
    assert result == {product: name or "train" for product, name in given.items()}


def test_equal_photos_across_given_splits_are_reported(split):
    split([("a", "hat", ["x"], "test"), ("b", "hat", ["x"]), ("c", "hat", ["y"])])
    assert split.shared == 2
    assert split.warnings == ["1 photo is in more than one of the splits that the input folders define"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_products_that_share_a_photo_stay_together_even_if_a_given_test_product_shares_it(split, place):
    """The given product keeps its split, and the free ones are still one group, whatever its place among them."""
    for seed in range(10):
        sharing: list[tuple[Any, ...]] = [("a", "hat", ["x"]), ("b", "hat", ["x"])]
        sharing.insert(place, ("given", "hat", ["x"], "test"))
        result = split([*catalogue(hat=10), *sharing], seed=seed, validation=0.5)
        assert result["given"] == "test"
        assert result["a"] == result["b"]
        assert result["a"] in ("train", "validation")
        assert split.shared == 3


def test_a_given_test_product_does_not_group_the_free_products(split):
    """It is not drawn, so free products that share photos only with it are drawn independently of each other."""
    given = ("given", "shoe", ["x", "y"], "test")
    results = [
        split([given, *catalogue(hat=10), ("a", "hat", ["x"]), ("b", "hat", ["y"])], seed=seed, validation=0.5)
        for seed in range(10)
    ]
    assert {result["a"] == result["b"] for result in results} == {True, False}
    for result in results:
        assert Counter(result.values()) == {"test": 1, "validation": 6, "train": 6}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([1], [Quota(0, 0)]),
        ([2], [Quota(0, 1)]),
        ([10], [Quota(1, 3)]),
        ([100, 100], [Quota(10, 27), Quota(10, 27)]),
        ([], []),
    ],
)
def test_quotas_of_small_and_large_categories(sizes, expected):
    assert list(quotas(sizes, 0.1, 0.3)) == expected


def test_quotas_of_many_small_categories_add_up_to_the_share():
    drawn = list(quotas([4] * 100, 0.1, 0.3))
    assert sum(quota.test for quota in drawn) == 40
    assert sum(quota.validation for quota in drawn) == 108
    assert all(quota.test + quota.validation < 4 for quota in drawn)


@pytest.mark.parametrize(("test", "validation"), [(0.0, 0.0), (0.99, 0.99), (0.5, 0.0)])
def test_every_category_keeps_a_training_product(test, validation):
    sizes = [1, 2, 3, 50, 1, 1, 2]
    for size, quota in zip(sizes, quotas(sizes, test, validation), strict=True):
        assert quota.test >= 0
        assert quota.validation >= 0
        assert quota.test + quota.validation <= size - 1


def test_a_share_of_zero_draws_nothing():
    assert set(quotas([5, 500], 0.0, 0.0)) == {Quota(0, 0)}

"""Tests of `sample.identity`."""

from collections import defaultdict

from sample.picture.categories import CATEGORIES
from sample.picture.identity import identity

IDENTITIES = [identity(number, seed=0) for number in range(600)]


def test_an_identity_depends_only_on_its_number_and_seed():
    assert identity(7, seed=0) == IDENTITIES[7]
    assert identity(7, seed=1) != IDENTITIES[7]


def test_categories_and_their_kinds_alternate():
    assert [each.category for each in IDENTITIES[:13]] == list(CATEGORIES)
    assert {each.kind for each in IDENTITIES[:52]} == {kind for category in CATEGORIES for kind in category.kinds}


def test_products_of_a_category_share_colours_yet_differ():
    by_look = defaultdict(list)
    for each in IDENTITIES:
        by_look[each.category.name, each.palette].append(each)
    assert sum(len(group) for group in by_look.values() if len(group) > 1) > 0.2 * len(IDENTITIES)
    assert len(set(map(repr, IDENTITIES))) == len(IDENTITIES)

"""The catalogue page by page, in the order of its rows."""

from lambda_app.recommendation.browsing import browse
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.release.catalog import CatalogFilter, CatalogItem
from lambda_app.store.blocked import BlockedItems
from lambda_app.telemetry.timings import Timings
from reliability.conformance.service.expected import Wanted, check_item, expect, priced, without
from reliability.conformance.service.subject import Subject


def all_items(subject: Subject) -> None:
    """Every photo once, in the order of the release."""
    _check(subject, subject.recommender, SimilarQuery(100, distinct="image"), Wanted())


def filtered_items(subject: Subject) -> None:
    """Every photo that passes a filter, once."""
    for where, wanted in (
        (CatalogFilter(category="Lamps"), priced(category="Lamps")),
        (CatalogFilter(min_price=10, max_price=50), priced(10, 50)),
        (CatalogFilter("Shoes", None, 20), priced(None, 20, "Shoes")),
        (CatalogFilter(min_price=1e7), priced(1e7)),
    ):
        _check(subject, subject.recommender, SimilarQuery(23, where, distinct="image"), wanted)


def products(subject: Subject) -> None:
    """The first photo of every product that passes."""
    for where, wanted in ((CatalogFilter(), priced()), (CatalogFilter(min_price=10), priced(10))):
        _check(subject, subject.recommender, SimilarQuery(50, where), wanted, one_per_product=True)


def without_blocked(subject: Subject) -> None:
    """Blocked photos and products are on no page; the next photo of a product takes the place of a blocked one."""
    items = subject.shop.items
    images, product = (items[0].image_id, items[130].image_id), items[20].product_id
    blocked = subject.recommender.without(BlockedItems(image_ids=images, product_ids=(product,)))
    wanted = without(images, (product,))
    _check(subject, blocked, SimilarQuery(100, distinct="image"), wanted)
    _check(subject, blocked, SimilarQuery(100), wanted, one_per_product=True)


def _check(
    subject: Subject,
    recommender: Recommender,
    query: SimilarQuery,
    wanted: Wanted,
    *,
    one_per_product: bool = False,
) -> None:
    expected = [item.image_id for item in subject.shop.items if wanted.qualifies(item)]
    if one_per_product:
        first: dict[str, CatalogItem] = {}
        for item in subject.shop.items:
            if wanted.qualifies(item):
                first.setdefault(item.product_id, item)
        expected = [item.image_id for item in first.values()]
    found: list[str] = []
    rows: list[int] = []
    after, pages = None, 0
    while True:
        page = browse(recommender, query, after, Timings())
        expect(len(page.matches) <= query.k, f"{len(page.matches)} items on a page of {query.k}")
        for match in page.matches:
            check_item(subject.shop, match.item)
            found.append(match.item.image_id)
            rows.append(match.row)
        after, pages = page.next, pages + 1
        if after is None:
            break
        expect(pages <= 200, "the pages do not end")
    expect(rows == sorted(set(rows)), "the rows are not in order")
    missing = [image_id for image_id in expected if image_id not in found]
    expect(found == expected, f"{len(found)} items instead of {len(expected)}; missing {missing[:3]}")


CASES = (all_items, filtered_items, products, without_blocked)

"""New photos of the sample's test products as queries: one to four together, in both orders of the results.

    python -m benchmarks.bench.together var/work-sample --photos 4800 --seed 0

takes a work folder that was trained on the catalogue of `scripts/sample` with this number of photos and seed. It draws
new photos of each product of a split, which neither the network nor the catalogue has, and searches with the code that
serves.
"""

import argparse
import io
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import mean, median

from lambda_app.recommendation.analysis import Analysis, fused
from lambda_app.recommendation.query import MAX_PHOTOS, Rank, SimilarQuery
from lambda_app.recommendation.recommender import Recommender, load
from lambda_app.release.manifest import MANIFEST, read_manifest
from lambda_app.settings import Settings
from sample.drawing import draw
from sample.generate import DEFAULT_PHOTOS
from sample.picture.identity import identity
from sample.picture.scene import photograph
from sample.plan import Plan
from training.dataset import Dataset
from training.pipeline.progress import track
from training.pipeline.work_folder import WorkFolder

ORDERS: tuple[Rank, ...] = ("cosine", "category")
K = 10
_FIRST_SHOT = 100  # far from those of the catalogue


def main() -> None:
    """Command line: measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.together", description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path, help="a work folder of training.train")
    parser.add_argument("--photos", type=int, default=DEFAULT_PHOTOS, help="of the catalogue")
    parser.add_argument("--seed", type=int, default=0, help="of the catalogue")
    parser.add_argument("--split", default="test", choices=("validation", "test"))
    parser.add_argument("--most", type=int, default=300, help="products at most")
    args = parser.parse_args()
    work = WorkFolder(args.work)
    manifest = read_manifest((work.release / MANIFEST).read_bytes())
    release = load(manifest, lambda entry: work.release / entry.file, Settings(store="unused"))
    plan = Plan(args.photos, args.seed)
    products = dict(sorted(products_of(Dataset.open(work.dataset), plan, args.split).items())[: args.most])
    print(f"{len(products)} products of the {args.split} split, category weight {manifest.ranking.category_weight:g}")
    for order, figures in measure(release, plan, products).items():
        for together, values in figures.items():
            known = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
            print(f"{order}, {together} together: {known}")


def products_of(dataset: Dataset, plan: Plan, split: str) -> dict[int, str]:
    """The numbers of the products of a split, with their categories."""
    categories = {item.product_id: dataset.categories[item.category] for item in dataset.items() if item.split == split}
    numbers = {plan.product_id(number): number for number in range(plan.products)}
    return {numbers[product]: category for product, category in categories.items() if product in numbers}


def measure(release: Recommender, plan: Plan, products: Mapping[int, str]) -> dict[str, dict[int, dict[str, float]]]:
    """Figures of the queries, by order and by the number of photos in a query.

    Args:
        products: the categories of the products, by their numbers in the plan.

    Returns:
        recall@1 and recall@4 (the product is among the first), category_precision@10 (share of the results that are of
        the product's category), accuracy of the predicted category, search_ms (the median).
    """
    found: dict[str, dict[int, list[dict[str, float]]]] = {
        order: {number: [] for number in range(1, MAX_PHOTOS + 1)} for order in ORDERS
    }
    for number, category in track(products.items(), len(products), "together", "product"):
        product = plan.product_id(number)
        analyses = [release.analyse(photo) for photo in new_photos(plan, number, MAX_PHOTOS)]
        for together in range(1, MAX_PHOTOS + 1):
            # All runs of neighbours, so that every photo counts.
            for start in range(MAX_PHOTOS - together + 1):
                query = fused(analyses[start : start + together])
                for order in ORDERS:
                    found[order][together].append(_answer(release, query, product, category, order))
    return {
        order: {
            together: {
                name: (median if name == "search_ms" else mean)(value[name] for value in values) for name in values[0]
            }
            for together, values in by_number.items()
        }
        for order, by_number in found.items()
    }


def new_photos(plan: Plan, number: int, count: int) -> Iterator[bytes]:
    """Photos of a product that the catalogue does not have, as JPEGs."""
    sprite = draw(identity(number, plan.seed))
    for shot in range(_FIRST_SHOT, _FIRST_SHOT + count):
        rng = random.Random(f"photo/{plan.seed}/{number}/{shot}")
        file = io.BytesIO()
        photograph(sprite, rng).save(file, "JPEG", quality=rng.randint(60, 92))
        yield file.getvalue()


def _answer(release: Recommender, query: Analysis, product: str, category: str, order: Rank) -> dict[str, float]:
    asked = SimilarQuery(k=K, distinct="image", rank=order)
    begin = time.perf_counter()
    matches = release.similar(query.embedding, asked, probabilities=query.probabilities)
    seconds = time.perf_counter() - begin
    own = [match.item.product_id == product for match in matches]
    predicted = release.manifest.categories[int(query.probabilities.argmax())]
    return {
        "recall@1": float(own[0]),
        "recall@4": float(any(own[:4])),
        "category_precision@10": mean(match.item.category == category for match in matches),
        "accuracy": float(predicted == category),
        "search_ms": 1000 * seconds,
    }


if __name__ == "__main__":
    main()

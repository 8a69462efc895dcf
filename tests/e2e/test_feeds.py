"""From the files of Shopify, Meta and Google to a live search: download, prepare, train, publish, serve, ask."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from fetch.command import main
from lambda_app.api.app import create_app
from lambda_app.promotion.publishing import publish
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.e2e import feeds
from tests.fetch.conftest import certificate_files, shop
from tests.fetch.shop import Shop
from training import train
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare

PRODUCTS = 26
FILES = {
    "products_export.csv": (feeds.shopify, None),
    "product_template.csv": (feeds.shopify_template, None),
    "catalog_products.csv": (feeds.meta, "GBP"),
    "google.xml": (feeds.google, "GBP"),
}
Photos = dict[str, bytes]
Hosted = tuple[Shop, Photos]

__all__ = ["certificate_files", "shop"]


@pytest.fixture
def hosted(shop: Shop) -> Hosted:
    """The image server of the shop with all photos, and the photos by name."""
    photos = dict(feeds.photos(PRODUCTS))
    for name, data in photos.items():
        shop.add(f"/files/{name}.jpg?v=1", data)
    return shop, photos


def download(hosted: Hosted, folder: Path, name: str) -> Path:
    """Write the file of this name and run `scripts/fetch` on it: the data folder."""
    shop, _ = hosted
    write: Callable[..., None] = FILES[name][0]
    write(folder / name, feeds.articles(PRODUCTS), lambda photo: shop.url(f"/files/{photo}.jpg?v=1", "cdn.test"))
    data = folder / f"data-{Path(name).stem}"
    assert main([str(folder / name), "--out", str(data), "--extra-port", str(shop.port)], shop.network()) == 0
    return data


def shrunk(photo: bytes) -> bytes:
    """The photo as another client would send it: smaller, and compressed more."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(photo)) as opened:
        opened.resize((opened.width * 3 // 4, opened.height * 3 // 4)).save(file, "JPEG", quality=60)
    return file.getvalue()


@pytest.mark.slow
def test_the_files_of_shopify_meta_and_google_become_a_live_search(hosted: Hosted, tmp_path: Path):
    folders = {name: download(hosted, tmp_path, name) for name in FILES}
    found = {}
    for name, data in folders.items():
        summary = prepare(data, tmp_path / f"dataset-{data.name}", PrepareSettings(size=32, workers=1))
        assert summary.kept == {"products": PRODUCTS, "images": PRODUCTS * feeds.PHOTOS_EACH}, name
        assert (summary.rejected, summary.extra_photos, summary.null_prices) == ({}, 0, 0), name
        assert (summary.currency, summary.null_titles) == (FILES[name][1], 0), name
        assert (summary.null_descriptions, summary.cut_descriptions) == (0, 0), name
        found[name] = {category.lower() for category in summary.categories}
    assert len({frozenset(categories) for categories in found.values()}) == 1

    data, work, store = folders["products_export.csv"], tmp_path / "work", FolderStore(tmp_path / "store")
    options = ["--data", str(data), "--out", str(work), "--currency", "GBP", "--seed", "1", "--size", "64"]
    options += ["--backbone", "resnet10_half", "--weights", "none", "--epochs", "1", "--precision", "float32"]
    train.main(options)
    settings = Settings(store=str(store.root), threads=1)
    publish(store, work / "release.tar", data, settings)

    wrong = {}
    articles = {photo: article for article in feeds.articles(PRODUCTS) for photo in article.photos}
    with TestClient(create_app(settings, store)) as client:
        for name, photo in hosted[1].items():
            answer = client.post("/predict/similar_images?k=1", files={"file": ("query.jpg", shrunk(photo))})
            (first,) = answer.json()["results"]
            expected = (articles[name].id, articles[name].title, float(articles[name].price), "GBP")
            if (first["product_id"], first["title"], first["price"], first["currency"]) != expected:
                wrong[name] = json.dumps(first)
        described = client.get(f"/items/{first['image_id']}").json()["description"]
        assert described == f"{' '.join(articles[name].text.split())} collection, or post"
        assert client.get("/search", params={"q": "collection post"}).json()["image_labels"]
    assert not wrong

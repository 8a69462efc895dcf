import pytest

from lambda_app.store.bucket import S3Store
from lambda_app.store.folder import FolderStore
from lambda_app.store.fronted import FrontedStore
from lambda_app.store.opening import open_store

FRONT = "https://search.shop.example"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "eu-west-1"}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FrontedStore:
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    return FrontedStore("shop-bucket", photos_url=FRONT)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("datasets/shop/photos/1.jpg", "datasets/shop/photos/1.jpg"),
        ("datasets/shop/a b/1+2 #3?.JPG", "datasets/shop/a%20b/1%2B2%20%233%3F.JPG"),
        ("datasets/shop/café.webp", "datasets/shop/caf%C3%A9.webp"),
        ("datasets/shop/100%.png", "datasets/shop/100%25.png"),
    ],
)
def test_a_photo_has_the_same_public_address_at_each_call(store: FrontedStore, key: str, path: str):
    assert store.photo_url(key) == store.photo_url(key) == f"{FRONT}/{path}"


@pytest.mark.parametrize("key", ["datasets/shop/1.jfif", "datasets/shop/1.Jpg"])
def test_a_photo_with_a_rare_ending_is_presigned(store: FrontedStore, key: str):
    url = str(store.photo_url(key))
    assert url.startswith("https://s3.eu-west-1.amazonaws.com/shop-bucket/datasets/")
    assert "X-Amz-Signature=" in url


@pytest.mark.parametrize("key", ["live.json", "uploads/1.jpg", "datasets/../1.jpg", "datasets/1.jpg"])
def test_what_is_no_photo_has_no_address(store: FrontedStore, key: str):
    assert store.photo_url(key) is None


def test_a_prefix_of_the_store_is_part_of_the_address(monkeypatch: pytest.MonkeyPatch):
    store = FrontedStore("shop-bucket", "one", photos_url=FRONT)
    assert store.photo_url("datasets/shop/1.jpg") == f"{FRONT}/one/datasets/shop/1.jpg"


def test_only_a_bucket_with_a_public_address_is_fronted(tmp_path):
    assert isinstance(open_store("s3://shop-bucket", FRONT), FrontedStore)
    assert type(open_store("s3://shop-bucket")) is S3Store
    assert isinstance(open_store(str(tmp_path), FRONT), FolderStore)

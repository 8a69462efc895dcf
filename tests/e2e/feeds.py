"""One drawn shop as the files that Shopify, Meta and Google document: an export, a catalogue in CSV, a feed in RSS."""

import csv
import io
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from sample.drawing import draw
from sample.picture.identity import identity
from sample.picture.scene import photograph

PHOTOS_EACH = 2
_GOOGLE = "http://base.google.com/ns/1.0"
_SHOPIFY_EXPORT = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published", "Option1 Name"),
    *("Option1 Value", "Variant SKU", "Variant Grams", "Variant Inventory Qty", "Variant Price"),
    *("Variant Compare At Price", "Image Src", "Image Position", "Image Alt Text", "Gift Card", "Variant Image"),
    *("Variant Weight Unit", "Cost per item", "Status"),
)
# Shopify's present template has other names for the same columns.
_SHOPIFY_TEMPLATE = {
    "Handle": "URL handle",
    "Body (HTML)": "Description",
    "Product Category": "Product category",
    "Published": "Published on online store",
    "Option1 Name": "Option1 name",
    "Option1 Value": "Option1 value",
    "Variant SKU": "SKU",
    "Variant Inventory Qty": "Inventory quantity",
    "Variant Price": "Price",
    "Variant Compare At Price": "Compare-at price",
    "Image Src": "Product image URL",
    "Image Position": "Image position",
    "Image Alt Text": "Image alt text",
    "Gift Card": "Gift card",
    "Variant Image": "Variant image URL",
    "Variant Weight Unit": "Weight unit for display",
}
# Meta's template has a line of explanations above the header.
_META = {
    "id": "# Required | The item's own ID, each one only once",
    "title": "# Required | A title that is specific",
    "description": "# Required | A short text, without links",
    "availability": "# Required | Supported values: in stock, out of stock",
    "condition": "# Required | Supported values: new, used",
    "price": "# Required | Number, blank, currency: 10.00 USD",
    "link": "# Required | URL of the item's page",
    "image_link": "# Required | URL of the main image, JPEG or PNG",
    "brand": "# Required | Brand, MPN or GTIN",
    "google_product_category": "# Optional | Google's category for the item",
    "fb_product_category": "# Optional | Facebook's category for the item",
    "sale_price": "# Optional | Price during a sale",
    "item_group_id": "# Optional | Equal for the variants of one product",
    "additional_image_link": "# Optional | Up to 20 more URLs, with commas between them",
}


@dataclass(frozen=True)
class Article:
    """A product of the shop. `photos`: the names of its photos, without endings."""

    id: str
    title: str
    text: str
    category: str
    price: str
    photos: tuple[str, ...]


def articles(count: int) -> list[Article]:
    """The products of the shop."""
    return [_article(number) for number in range(count)]


def photos(count: int) -> Iterator[tuple[str, bytes]]:
    """Name and JPEG of each photo of the shop."""
    for number in range(count):
        sprite = draw(identity(number, 0))
        for shot, name in enumerate(_article(number).photos):
            rng = random.Random(f"feed/{number}/{shot}")
            file = io.BytesIO()
            photograph(sprite, rng).save(file, "JPEG", quality=85)
            yield name, file.getvalue()


def shopify(path: Path, shop: Sequence[Article], url: Callable[[str], str]) -> None:
    """Write Shopify's export of products: a product's first row has its text, further rows its other photos.

    Every fifth product has a second variant, whose row names no photo of its own.
    """
    _shopify(path, shop, url, _SHOPIFY_EXPORT)


def _shopify(path: Path, shop: Sequence[Article], url: Callable[[str], str], header: Sequence[str]) -> None:
    rows = []
    for number, it in enumerate(shop):
        first = {
            "Handle": it.id,
            "Title": it.title,
            "Body (HTML)": f"<p>{it.text}</p>\n<ul><li>collection, or post</li></ul>",
            "Vendor": "Lighthouse",
            "Product Category": it.category,
            "Type": it.category.rpartition(" > ")[2],
            "Tags": "used, local",
            "Published": "true",
            "Option1 Name": "Size",
            "Option1 Value": "Default Title",
            "Image Alt Text": it.title,
            "Gift Card": "false",
            "Variant Weight Unit": "kg",
            "Status": "active",
        }
        variant = {"Handle": it.id, "Variant SKU": f"{it.id}-1", "Variant Inventory Qty": "3"}
        variant |= {"Variant Price": it.price, "Variant Grams": "500"}
        for position, photo in enumerate(it.photos):
            more = {"Handle": it.id, "Image Src": url(photo), "Image Position": str(position + 1)}
            rows.append(first | variant | more if position == 0 else more)
        if number % 5 == 4:
            rows.append(variant | {"Variant SKU": f"{it.id}-2", "Variant Image": url(it.photos[0])})
    cells = [[row.get(name, "") for name in _SHOPIFY_EXPORT] for row in rows]
    _write(path, [header, *cells], "utf-8")


def shopify_template(path: Path, shop: Sequence[Article], url: Callable[[str], str]) -> None:
    """Write Shopify's export with the headers of its present template."""
    _shopify(path, shop, url, [_SHOPIFY_TEMPLATE.get(name, name) for name in _SHOPIFY_EXPORT])


def meta(path: Path, shop: Sequence[Article], url: Callable[[str], str]) -> None:
    """Write a catalogue for Meta: the line of explanations, the header, a row per item. Google's categories are ids."""
    rows = [list(_META.values()), list(_META)]
    for it in shop:
        row = {
            "id": it.id,
            "title": it.title,
            "description": it.text,
            "availability": "in stock",
            "condition": "used",
            "price": f"{it.price} GBP",
            "link": f"https://shop.test/products/{it.id}",
            "image_link": url(it.photos[0]),
            "brand": "Lighthouse",
            "google_product_category": "436",
            "fb_product_category": it.category.lower(),
            "additional_image_link": ",".join(map(url, it.photos[1:])),
        }
        rows.append([row.get(name, "") for name in _META])
    _write(path, rows, "utf-8-sig")


def google(path: Path, shop: Sequence[Article], url: Callable[[str], str]) -> None:
    """Write a product feed for Google: RSS 2.0 with the elements of its namespace."""
    ElementTree.register_namespace("g", _GOOGLE)
    rss = ElementTree.Element("rss", version="2.0")
    channel = ElementTree.SubElement(rss, "channel")
    ElementTree.SubElement(channel, "title").text = "Lighthouse"
    ElementTree.SubElement(channel, "link").text = "https://shop.test/"
    for it in shop:
        item = ElementTree.SubElement(channel, "item")
        fields = [
            ("id", it.id),
            ("title", it.title),
            ("description", it.text),
            ("link", f"https://shop.test/products/{it.id}"),
            ("image_link", url(it.photos[0])),
            *(("additional_image_link", url(photo)) for photo in it.photos[1:]),
            ("availability", "in_stock"),
            ("price", f"{it.price} GBP"),
            ("condition", "used"),
            ("brand", "Lighthouse"),
            ("google_product_category", it.category),
        ]
        for name, text in fields:
            ElementTree.SubElement(item, f"{{{_GOOGLE}}}{name}").text = text
    ElementTree.ElementTree(rss).write(path, encoding="utf-8", xml_declaration=True)


def _article(number: int) -> Article:
    shown = identity(number, 0)
    name = f"{shown.kind.lower().replace(' ', '-')}-{number:03}"
    return Article(
        id=name,
        title=f"{shown.kind.capitalize()}, no. {number}",
        text=f'{shown.kind.capitalize()} with {shown.pattern}, used & "good" – works well.',
        category=f"{shown.category.name} > {shown.category.kinds[shown.kind]}",
        price=f"{random.Random(number).randint(100, 99999) / 100:.2f}",
        photos=tuple(f"{name}_{shot + 1}" for shot in range(PHOTOS_EACH)),
    )


def _write(path: Path, rows: Sequence[Sequence[str]], encoding: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))

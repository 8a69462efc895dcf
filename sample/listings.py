"""The text of listings: titles, descriptions, prices and places, with the errors of real exports."""

import random
from collections import Counter
from dataclasses import dataclass

from sample.picture.colours import PAINTS, Colour
from sample.picture.identity import Identity

CONDITIONS = ("good condition", "used, works well", "as new", "hardly used", "a few marks", "collection only")
PLACES = (
    "Leeds, West Yorkshire",
    "Hackney, London",
    "Cardiff",
    "Norwich, Norfolk",
    "Glasgow",
    "Bangor, Gwynedd",
    "St Ives, Cornwall",
    "Belfast, County Antrim",
    "York",
    "Stoke-on-Trent, Staffordshire",
)
BEYOND_ASCII = "£€–“”éè"  # all non-ASCII characters of the listings
JUNK_PRICES = ("free to collector", "£££", "make me an offer", "12 or 15", "-")
TOP_PRICE = "£10,000,000.00"
ROUND = 17  # product number modulo this decides which error its text has
NOTHING = ("", "", "")


@dataclass(frozen=True)
class Listing:
    """The text of one product, as in its row."""

    title: str
    category: str
    description: str
    price: str
    location: str


def listing(number: int, identity: Identity, seed: int, planted: Counter[str]) -> Listing:
    """The listing of product `number`. Errors that are planted in it are counted in `planted`.

    All characters exist in Windows-1252, so the catalogue can be written in any common encoding.
    """
    rng = random.Random(f"listing/{seed}/{number}")
    condition = rng.choice(CONDITIONS)
    colours = f"{_paint(identity.palette.main)} and {_paint(identity.palette.second)}"
    texts = {
        "title": f"{_paint(identity.palette.main).capitalize()} {identity.kind} - {condition.split(',')[0]}",
        "description": f"{identity.kind.capitalize()} in {colours} with {identity.pattern}. {condition.capitalize()}.",
        "price": f"£{_price(number, rng):,.2f}",
        "location": rng.choice(PLACES),
    }
    field, mess, text = _spoilt(number, rng, texts)
    if mess:
        texts[field] = text
        planted[mess] += 1
    return Listing(category=f"{identity.category.name} / {identity.category.kinds[identity.kind]}", **texts)


def _spoilt(number: int, rng: random.Random, texts: dict[str, str]) -> tuple[str, str, str]:
    """The field that gets an error, the name of the error ("" for none) and the new text."""
    title, description = texts["title"], texts["description"].replace(",", "")
    spoilt = {
        1: ("price", "price missing", ""),
        2: ("price", "price N/A", "N/A"),
        3: ("price", "price junk", rng.choice(JUNK_PRICES)),
        4: ("price", "price huge", TOP_PRICE) if number % (10 * ROUND) == 4 else NOTHING,
        5: ("title", "title missing", ""),
        6: ("title", "title N/A", "N/A"),
        7: ("title", "title with quotes and commas", f'{title}, "bargain", must go'),
        8: ("description", "bare CR unquoted", description.replace(". ", ".\r\r")),
        9: ("description", "newline quoted", description.replace(". ", ".\n\n")),
        10: ("description", "quotes and commas", f'{description} Listed as "one of a kind", honestly, 5" spare'),
        11: ("description", "bare CR quoted", f"{description}\rCash, or cash"),
        12: ("description", "description N/A", "N/A"),
        13: ("description", "accents", f"{description} Café-style – “très chic”, worth £££ or €€€"),
        14: ("description", "description missing", ""),
        15: ("location", "location missing", ""),
        16: ("location", "location N/A", "N/A"),
    }
    return spoilt.get(number % ROUND, NOTHING)


def _price(number: int, rng: random.Random) -> float:
    """A price in pounds: mostly tens, sometimes hundreds, and thousands once in ROUND products."""
    if number % ROUND == 0:
        return float(rng.randint(1_000, 9_999))
    pounds = rng.lognormvariate(3.8, 1.1)
    return max(1.0, round(pounds)) if rng.random() < 0.8 else round(pounds, 2)


def _paint(colour: Colour) -> str:
    return next(name for name, paint in PAINTS.items() if paint == colour)

"""The 13 categories of the marketplace, in the order of their label numbers, and the kinds of product in each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """A root category: its name and the kinds of product in it."""

    name: str
    kinds: dict[str, str]  # kind -> the rest of its category path


CATEGORIES: tuple[Category, ...] = (
    Category(
        "Home & Garden",
        {
            "sofa": "Dining, Living Room Furniture / Sofas, Armchairs & Suites",
            "lamp": "Lighting & Fittings / Lamps",
            "plant pot": "Garden & Patio / Other",
            "bed": "Beds & Bedroom Furniture / Double Beds",
        },
    ),
    Category(
        "Baby & Kids Stuff",
        {
            "pram": "Prams & Strollers / Prams",
            "cot": "Nursery & Kids Furniture / Cots",
            "teddy": "Toys / Soft Toys",
            "stacking rings": "Toys / Baby Toys",
        },
    ),
    Category(
        "Clothes, Footwear & Accessories",
        {
            "shoe": "Women's Shoes / Trainers",
            "T-shirt": "Men's Clothing / Tops",
            "dress": "Women's Clothing / Dresses",
            "handbag": "Women's Accessories / Bags",
        },
    ),
    Category(
        "Other Goods",
        {
            "umbrella": "Miscellaneous Goods / Other",
            "clock": "Collectables / Clocks",
            "picture": "Art / Framed Pictures",
            "birdcage": "Pet Equipment & Accessories / Birds",
        },
    ),
    Category(
        "Sports, Leisure & Travel",
        {
            "football": "Football / Balls",
            "bicycle": "Bicycles / Adult Bikes",
            "tent": "Camping & Hiking / Tents",
            "suitcase": "Luggage & Travel Equipment / Suitcases",
        },
    ),
    Category(
        "DIY Tools & Materials",
        {
            "drill": "Power Tools / Drills",
            "hammer": "Hand Tools / Hammers",
            "saw": "Hand Tools / Saws",
            "ladder": "Ladders & Handtrucks / Ladders",
        },
    ),
    Category(
        "Appliances",
        {
            "fridge": "Fridges & Freezers / Fridge Freezers",
            "washing machine": "Washing Machines / Freestanding",
            "kettle": "Small Appliances / Kettles",
            "toaster": "Small Appliances / Toasters",
        },
    ),
    Category(
        "Music, Films, Books & Games",
        {
            "guitar": "Guitars & Accessories / Acoustic Guitars",
            "record": "Music / Records",
            "book": "Books / Fiction",
            "keyboard": "Musical Instruments / Keyboards & Pianos",
        },
    ),
    Category(
        "Computers & Software",
        {
            "laptop": "Laptops / PC Laptops",
            "monitor": "Monitors / Flat Screens",
            "mouse": "Keyboards, Mice & Input Devices / Mice",
            "printer": "Printers & Scanners / Printers",
        },
    ),
    Category(
        "Phones, Mobile Phones & Telecoms",
        {
            "smartphone": "Mobile Phones / Smartphones",
            "smartwatch": "Smart Watches / Other",
            "telephone": "Home Phones & Answering Machines / Corded",
            "walkie-talkie": "Radio Communication Equipment / Handheld",
        },
    ),
    Category(
        "Health & Beauty",
        {
            "perfume": "Fragrances / Women's",
            "lipstick": "Make Up & Cosmetics / Lips",
            "hairdryer": "Hair Care & Styling / Hairdryers",
            "hairbrush": "Hair Care & Styling / Brushes",
        },
    ),
    Category(
        "Office Furniture & Equipment",
        {
            "desk": "Desks & Tables / Desks",
            "office chair": "Chairs, Stools & Other Seating / Office Chairs",
            "filing cabinet": "Filing & Storage / Filing Cabinets",
            "flip chart": "Office Supplies & Equipment / Presentation",
        },
    ),
    Category(
        "Video Games & Consoles",
        {
            "console": "Consoles / Home Consoles",
            "gamepad": "Gaming Accessories / Controllers",
            "arcade machine": "Consoles / Arcade",
            "handheld": "Consoles / Handhelds",
        },
    ),
)

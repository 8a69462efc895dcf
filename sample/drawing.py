"""The functions that draw each kind of product."""

from collections.abc import Callable

from PIL import Image

from sample.kinds import (
    appliances,
    beauty,
    clothes,
    computers,
    games,
    home,
    kids,
    media,
    office,
    other,
    phones,
    sport,
    tools,
)
from sample.picture.identity import Identity
from sample.picture.pen import Pen

DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "sofa": home.sofa,
    "lamp": home.lamp,
    "plant pot": home.plant_pot,
    "bed": home.bed,
    "pram": kids.pram,
    "cot": kids.cot,
    "teddy": kids.teddy,
    "stacking rings": kids.stacking_rings,
    "shoe": clothes.shoe,
    "T-shirt": clothes.t_shirt,
    "dress": clothes.dress,
    "handbag": clothes.handbag,
    "umbrella": other.umbrella,
    "clock": other.clock,
    "picture": other.picture,
    "birdcage": other.birdcage,
    "football": sport.football,
    "bicycle": sport.bicycle,
    "tent": sport.tent,
    "suitcase": sport.suitcase,
    "drill": tools.drill,
    "hammer": tools.hammer,
    "saw": tools.saw,
    "ladder": tools.ladder,
    "fridge": appliances.fridge,
    "washing machine": appliances.washing_machine,
    "kettle": appliances.kettle,
    "toaster": appliances.toaster,
    "guitar": media.guitar,
    "record": media.record,
    "book": media.book,
    "keyboard": media.keyboard,
    "laptop": computers.laptop,
    "monitor": computers.monitor,
    "mouse": computers.mouse,
    "printer": computers.printer,
    "smartphone": phones.smartphone,
    "smartwatch": phones.smartwatch,
    "telephone": phones.telephone,
    "walkie-talkie": phones.walkie_talkie,
    "perfume": beauty.perfume,
    "lipstick": beauty.lipstick,
    "hairdryer": beauty.hairdryer,
    "hairbrush": beauty.hairbrush,
    "desk": office.desk,
    "office chair": office.office_chair,
    "filing cabinet": office.filing_cabinet,
    "flip chart": office.flip_chart,
    "console": games.console,
    "gamepad": games.gamepad,
    "arcade machine": games.arcade_machine,
    "handheld": games.handheld,
}


def draw(identity: Identity) -> Image.Image:
    """Draw the product on a transparent background: RGBA, `sample.picture.pen.SPRITE` pixels per side."""
    pen = Pen(identity)
    DRAWINGS[identity.kind](pen)
    return pen.sprite()

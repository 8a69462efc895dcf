"""What schemathesis must know beside the OpenAPI document; it loads this module by `SCHEMATHESIS_HOOKS`.

Photos are bytes that no schema can describe, and what a valid query may name depends on the live release. Only valid
requests are changed, so that they are valid for this release too; invalid ones stay as they were generated.
"""

import json
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, HookContext, Response

from reliability.fuzz.photos.sound import sound_photos
from tests.releases import DATASET

# Files in the folder where `check.py` runs schemathesis. KNOWN holds `categories` and `ids` of the live release.
KNOWN, STATUSES = Path("known.json"), Path("statuses")
# No pattern says that a box ends within the photo.
WHOLE = "0,0,1,1"
MOST_WORD_CHARACTERS = 200
PHOTO = f"{DATASET}photos/003a.jpg"
BOXES = (WHOLE, "0.25,0.1,0.5,0.5", "0,0.9,1,0.1")
MEDIA_TYPES = (
    "image/*",
    "application/octet-stream",
    "image/jpeg, image/png, image/webp",
    "image/jpeg",
    "image/png",
    "image/webp",
)


def install() -> None:
    """Register photos as what bodies and parts of forms hold, and the two functions below."""
    photos = st.sampled_from(list(sound_photos().values()))
    for name in MEDIA_TYPES:
        schemathesis.openapi.media_type(name, photos)
    schemathesis.hook(map_case)
    schemathesis.hook(after_call)


def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:  # noqa: ARG001 (schemathesis passes it)
    """Make a valid request valid for the live release: known categories, ordered prices, known items, boxes."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return case
    if isinstance(case.query, dict):
        _fit(case.query)
        if "box" in case.query:
            case.query["box"] = WHOLE if _several(case.body) else BOXES[len(str(case.query["box"])) % len(BOXES)]
    if isinstance(case.body, dict):
        _fit(case.body)
        _fit_changes(case.body)
    if "image_id" in (case.path_parameters or {}):
        case.path_parameters["image_id"] = _some_known(case.path_parameters["image_id"])
    return case


def after_call(context: HookContext, case: Case[Any], response: Response) -> None:  # noqa: ARG001 (as above)
    """Note the status of each answer, to count the requests that were sent."""
    with STATUSES.open("a") as file:
        file.write(f"{response.status_code}\n")


def _several(body: object) -> bool:
    """Whether a body holds several photos, which have no box."""
    held = [body.get(name) for name in ("file", "uploads")] if isinstance(body, dict) else []
    return any(isinstance(photos, list) and len(photos) > 1 for photos in held)


def _fit(values: dict[str, Any]) -> None:
    if isinstance(values.get("category"), str):
        known = _known("categories")
        values["category"] = known[len(values["category"]) % len(known)]
    if isinstance(values.get("q"), str):
        values["q"] = f"{values['q'][: MOST_WORD_CHARACTERS - 2]} a"  # no pattern says that it has a letter or digit
    low, high = values.get("min_price"), values.get("max_price")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        values["min_price"], values["max_price"] = high, low
    # A case that breaks the schema may hold anything: it is sent as it is.
    ids = [*values.get("liked", ()), *values.get("disliked", ())] if _are_lists(values, "liked", "disliked") else [None]
    if "liked" in values and all(isinstance(image_id, str) for image_id in ids):
        values["liked"] = [_some_known(image_id) for image_id in values["liked"]]
        liked = set(values["liked"])
        values["disliked"] = [image_id for image_id in values.get("disliked", []) if image_id not in liked]


def _fit_changes(body: dict[str, Any]) -> None:
    """Name photos that the store has, and categories that the model knows, in items and changes of them."""
    if isinstance(body.get("photo"), str):
        body["photo"] = PHOTO
    if "item" in body:  # of a form, whose fields schemathesis does not write as JSON
        body["item"] = json.dumps({"product_id": "0", "category": _known("categories")[0]})
    changes = body.get("changes")
    for change in changes if isinstance(changes, list) else ():
        for part in ("item", "set"):
            if isinstance(change, dict) and isinstance(change.get(part), dict):
                _fit(change[part])
                if "photo" in change[part]:
                    change[part]["photo"] = PHOTO


def _are_lists(values: dict[str, Any], *names: str) -> bool:
    return all(isinstance(values.get(name, []), list) for name in names)


def _some_known(image_id: str) -> str:
    """An id of the catalog in place of every second generated one, so that more than 404 is answered."""
    known = _known("ids")
    return known[len(image_id) % len(known)] if sum(image_id.encode()) % 2 else image_id


def _known(name: str) -> list[str]:
    return list(json.loads(KNOWN.read_text())[name])


if KNOWN.is_file():  # imported by schemathesis, which calls nothing
    install()

"""The routes for operators that change the catalogue. They are there only if the settings say so.

A change is written to the log of the store and answered 202 with the number of its entry. Applying it comes later.
"""

from datetime import UTC, datetime
from hashlib import sha256
from uuid import uuid4

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from lambda_app.api.messages import schemas
from lambda_app.api.messages.calls import Call, CurrentCall, blocking
from lambda_app.api.messages.changing import BatchBody, CurrentSender, ItemBody, Sender, change_of
from lambda_app.api.messages.known import StrictRoute
from lambda_app.api.routes import openapi
from lambda_app.catalogue.changes import Change, Update, Upsert, write_change
from lambda_app.catalogue.log import append
from lambda_app.catalogue.received import photo_key
from lambda_app.errors import QueryError
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.recommendation.query import shortened

router = APIRouter(route_class=StrictRoute, tags=["catalogue"])


@router.api_route("/items/{image_id:path}/similar", methods=["PUT", "DELETE"], include_in_schema=False)
async def similar_items() -> None:
    """Similar items of an item are no item, and an item with such an id could not be asked for."""
    raise HTTPException(405)


@router.put(
    "/items/{image_id:path}",
    **openapi.named("putItem", "Add or replace a listing"),
    **openapi.change_route(schemas.ChangeAnswer, "Item"),
)
@blocking
def put_item(call: CurrentCall, image_id: str, body: ItemBody) -> JSONResponse:
    """Add a photo with its listing, or replace the one with this id. Sent twice, it does no harm."""
    given = body.fields.get("image_id", image_id)
    if given != image_id:
        raise QueryError(f"image_id is {shortened(str(given))}; the path says {shortened(image_id)}")
    fields = {**body.fields, "image_id": image_id}
    if body.photo is not None:
        fields["photo"] = photo_key(body.photo)
    change = change_of(op="upsert", item=fields)
    _check_categories(call, [change])
    store, service = call.service.store, call.service
    if body.photo is not None:
        # Decoded as the live release does, so that a photo that cannot be used is refused now.
        load_rgb(
            body.photo, call.live().recommender.manifest.preprocessing, service.settings.photo_limits, service.decoding
        )
        if not store.exists(fields["photo"]):
            store.write(fields["photo"], body.photo)
    elif not store.exists(fields["photo"]):
        raise QueryError(f"photo is {shortened(fields['photo'])}; the store has no such photo")
    return _written(call, body.sender, [change], "PUT /items")


@router.delete(
    "/items/{image_id:path}",
    **openapi.named("deleteItem", "Remove a listing"),
    **openapi.change_route(schemas.ChangeAnswer),
)
@blocking
def delete_item(call: CurrentCall, sender: CurrentSender, image_id: str) -> JSONResponse:
    """Remove a photo. If the catalogue lacks it when the change is applied, nothing happens."""
    return _written(call, sender, [change_of(op="remove", image_id=image_id)], "DELETE /items")


@router.post(
    "/items:batch",
    **openapi.named("changeItems", "Add, change and remove many listings"),
    **openapi.change_route(schemas.ChangeAnswer, "Changes"),
)
@blocking
def change_items(call: CurrentCall, body: BatchBody) -> JSONResponse:
    """Add, update and remove many items, in the order of the list. All of them are one entry of the log."""
    _check_categories(call, body.changes)
    return _written(call, body.sender, body.changes, "POST /items:batch")


def _check_categories(call: Call, changes: list[Change]) -> None:
    """Refuse a category that the live model does not know, because the change would be rejected later."""
    known = frozenset(call.live().recommender.manifest.categories)
    for place, change in enumerate(changes):
        wanted = change.item.category if isinstance(change, Upsert) else None
        wanted = change.set.category if isinstance(change, Update) else wanted
        if wanted is not None and wanted not in known:
            raise QueryError(
                f"category of change {place + 1} is {shortened(wanted)}; the model of the live release knows "
                f"{len(known)}, which GET /release lists. Training adds one"
            )


def _written(call: Call, sender: Sender, changes: list[Change], route: str) -> JSONResponse:
    content = sha256("\n".join(map(write_change, changes)).encode()).hexdigest()
    batch = f"http {uuid4()}" if sender.key is None else f"http {sender.key} {content}"
    source = f"{route} by {sender.name}"[:500]
    numbers = append(call.service.store, changes, source, batch, datetime.now(UTC), once=sender.key is not None)
    if call.service.applier is not None:
        call.service.applier.wake()
    return JSONResponse({"entry": numbers[-1], "changes": len(changes)}, 202)

"""POST /uploads: a form to upload a photo that is too large for a request body."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import JSONResponse

from lambda_app.api.messages import schemas
from lambda_app.api.messages.calls import CurrentCall, blocking
from lambda_app.api.messages.known import StrictRoute
from lambda_app.api.messages.reading import UploadBody
from lambda_app.api.routes import openapi
from lambda_app.errors import UnsupportedPhotoError
from lambda_app.photo.rules import MEDIA_TYPES
from lambda_app.recommendation.query import shortened

router = APIRouter(route_class=StrictRoute, tags=["photos"])


@router.post(
    "/uploads",
    **openapi.named("createUpload", "A form to upload a large photo"),
    **openapi.body_route(schemas.UploadAnswer, "Upload", 400, 408, 413, 415, 422, 429, 501, 503),
)
@blocking
def uploads(call: CurrentCall, body: UploadBody) -> JSONResponse:
    """A form (presigned POST) to upload a photo that is too large for a request body."""
    if body.content_type not in (known := sorted(MEDIA_TYPES.values())):
        raise UnsupportedPhotoError(f"content_type is {shortened(body.content_type)}; it takes {', '.join(known)}")
    service = call.service
    ticket = service.store.upload_ticket(body.content_type, service.settings.max_upload_bytes)
    return JSONResponse({**asdict(ticket), "expires_at": ticket.expires_at.isoformat()})

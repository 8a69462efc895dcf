"""A program as a backend has it: it searches with a photo, for an item and for words, and shows an error.

Run beside the package that openapi-python-client has generated: `use.py URL PHOTO`.
"""

import json
import sys
from pathlib import Path

from lookalike_client import Client
from lookalike_client.api.items import get_item, get_photo, search_items, similar_items
from lookalike_client.api.photos import predict, similar_images
from lookalike_client.models import Item, PhotosForm, PredictAnswer, Problem, SearchAnswer, SimilarAnswer
from lookalike_client.types import File

client = Client(base_url=sys.argv[1])
with Path(sys.argv[2]).open("rb") as photo:
    form = PhotosForm(file=[File(payload=photo, file_name="photo.jpg", mime_type="image/jpeg")])
    predicted = predict.sync(client=client, body=form, k=2)
with Path(sys.argv[2]).open("rb") as photo:
    several = similar_images.sync(client=client, body=File(payload=photo), k=3)
item = get_item.sync("003a", client=client)
found = search_items.sync(client=client, q="listing", k=2)
refused = similar_items.sync_detailed("003a", client=client, k=1000)
stored = get_photo.sync("003a", client=client)
assert isinstance(predicted, PredictAnswer), predicted
assert isinstance(several, SimilarAnswer), several
assert isinstance(item, Item), item
assert isinstance(found, SearchAnswer), found
assert isinstance(refused.parsed, Problem), refused
print(
    json.dumps(
        {
            "category": predicted.category,
            "nearest": [result.image_id for result in predicted.results],
            "several": len(several.results),
            "price": item.price,
            "found": len(found.results),
            "detail": refused.parsed.detail,
            "status": refused.status_code,
            "photo": len(stored.payload.read()) if isinstance(stored, File) else None,
        }
    )
)

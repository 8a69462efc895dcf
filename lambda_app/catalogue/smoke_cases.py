"""Smoke cases of a changed catalogue: those whose neighbour was removed get another one."""

import base64

import numpy as np

from lambda_app.catalogue.building import Opened
from lambda_app.catalogue.embedding import LazyModel
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.release.manifest import Manifest
from lambda_app.release.smoke import SmokeCase


def renewed(case: SmokeCase, made: Manifest, after: Opened, model: LazyModel) -> SmokeCase:
    """The case, with a neighbour that the catalogue has. Only if it was removed, the photo is embedded.

    Args:
        case: of the release that the catalogue was made from.
        made: the release.
        after: its catalogue.
        model: its model.
    """
    if after.catalog.find(case.neighbour) is not None:
        return case
    photo = load_rgb(base64.b64decode(case.photo), made.preprocessing)
    embedding = model.get().run(normalise(photo[np.newaxis], made.preprocessing)).embedding
    nearest = after.index.search(embedding, 1)
    (item,) = after.catalog.items([int(nearest.rows[0, 0])])
    return case.model_copy(update={"neighbour": item.image_id, "score": float(nearest.scores[0, 0])})

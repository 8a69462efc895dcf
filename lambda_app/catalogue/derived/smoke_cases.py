"""Smoke cases of a changed catalogue: those whose neighbour was removed or replaced get another one."""

import base64

import numpy as np
import numpy.typing as npt

from lambda_app.catalogue.building import Opened
from lambda_app.catalogue.embedding import LazyModel
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.release.manifest import Manifest
from lambda_app.release.smoke import SCORE_TOLERANCE, SmokeCase
from lambda_app.search.exact import nearest_row


def renewed(made: Manifest, after: Opened, model: LazyModel) -> tuple[SmokeCase, ...]:
    """The cases, each with a neighbour that the catalogue has.

    A case stays as long as it holds. Else exact search finds the nearest item to the expected embedding. Only for a
    case of an older release, which has none, the photo is embedded; from then on it has one.

    Args:
        made: the release, with the cases of the one that it was made from.
        after: its catalogue.
        model: its model.
    """
    cases = list(made.smoke)
    lost = [number for number, case in enumerate(cases) if not _holds(case, made, after)]
    if not lost:
        return made.smoke
    embeddings = np.stack([_embedding(cases[number], made, model) for number in lost])
    nearest = nearest_row(after.index, np.flatnonzero(~after.dead), embeddings)
    items = after.catalog.items(nearest.rows[:, 0].tolist())
    for number, embedding, item, score in zip(lost, embeddings, items, nearest.scores[:, 0].tolist(), strict=True):
        case = cases[number].model_copy(update={"neighbour": item.image_id, "score": score})
        cases[number] = case if case.embedding else case.expecting(embedding, made.model.precision)
    return tuple(cases)


def _holds(case: SmokeCase, made: Manifest, after: Opened) -> bool:
    """Whether the catalogue has the neighbour, and still with the vector that the case knows."""
    row = after.catalog.find(case.neighbour)
    if row is None:
        return False
    expected = case.expected(made.model.embedding_dim)
    return expected is None or abs(float(after.index.vector(row) @ expected) - case.score) <= SCORE_TOLERANCE


def _embedding(case: SmokeCase, made: Manifest, model: LazyModel) -> npt.NDArray[np.float32]:
    expected = case.expected(made.model.embedding_dim)
    if expected is not None:
        return expected
    photo = load_rgb(base64.b64decode(case.photo), made.preprocessing)
    found: npt.NDArray[np.float32] = model.get().run(normalise(photo[np.newaxis], made.preprocessing)).embedding[0]
    return found

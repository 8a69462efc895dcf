"""New photos that are listed already, or that stand twice among the new ones: `add --skip-duplicates`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.comparison import distances
from lambda_app.likeness.fingerprint import fingerprint
from lambda_app.recommendation.recommender import Recommender
from operate.catalogue.listings import Listings, Row
from training.pipeline.progress import track

DUPLICATE = "duplicate_photo"
_NEAREST = 100  # earlier photos of the batch that a photo is compared with
_MOST = 5  # listings with the same photo that are looked at, because its own may be among them


def without_duplicates(found: Listings, release: Recommender) -> Listings:
    """The listings without those whose photo is listed already or comes earlier among them; these are rejected.

    A photo that replaces the listed one with its own image id stays.

    Raises:
        NotSupportedError: the release has no fingerprints.
        PhotoError: a photo has changed since it was read.
    """
    release.same.require()
    kept: list[Row] = []
    rejected = list(found.rejected)
    vectors: list[npt.NDArray[np.float32]] = []
    prints: list[npt.NDArray[np.uint8]] = []
    for row in track(found.rows, len(found.rows), "compare", "photo"):
        analysis = release.analyse((found.photos / row.photo).read_bytes())
        listed = release.same.duplicates(analysis.embedding, analysis.views, _MOST)
        same = next((match.item.image_id for match in listed if match.item.image_id != row.image_id), None)
        detail = f"shows the same photo as the listed {same!r}"
        if same is None and kept:
            near = np.argsort(-(np.stack(vectors) @ analysis.embedding), kind="stable")[:_NEAREST]
            far = distances(analysis.views, np.stack([prints[place] for place in near]))
            if far.min() <= (release.same.threshold or 0):
                same = kept[int(near[int(far.argmin())])].image_id
                detail = f"shows the same photo as {same!r}, which comes earlier"
        if same is not None:
            rejected.append((str(Path(row.photo).name), "", "", row.image_id, DUPLICATE, detail))
            continue
        kept.append(row)
        vectors.append(analysis.embedding)
        prints.append(fingerprint(analysis.views[0]))
    return replace(found, rows=tuple(kept), rejected=tuple(rejected))

"""The routes that take a photo: POST /predict, its three single steps, and the batch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import JSONResponse

from lambda_app.api.messages import answers, schemas
from lambda_app.api.messages.calls import Call, CurrentCall, asked_release, blocking
from lambda_app.api.messages.known import StrictRoute
from lambda_app.api.messages.parameters import (
    CategoryParameters,
    DuplicateParameters,
    PartParameters,
    PhotoParameters,
)
from lambda_app.api.messages.problems import problem_of
from lambda_app.api.messages.reading import Photo, Photos, RankQuery, SameThing
from lambda_app.api.routes import openapi
from lambda_app.errors import BusyError, PhotoError
from lambda_app.photo.rules import WHOLE_PHOTO, PhotoPart
from lambda_app.recommendation.analysis import Analysis, fused
from lambda_app.recommendation.live import Live
from lambda_app.recommendation.photo_query import similar_to_photo
from lambda_app.recommendation.query import Match, SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.search.s3vectors.deadline import one_deadline
from lambda_app.telemetry.observer import AnsweredPhoto

# /predict returns more, so that a client which shows more than the first 5 needs no second request.
PREDICT_PROBABILITIES = 20

router = APIRouter(route_class=StrictRoute, tags=["photos"], dependencies=[Depends(asked_release)])


@router.post(
    "/predict/category",
    **openapi.named("predictCategory", "The category of a photo"),
    **openapi.photo_route(schemas.CategoryAnswer, "Photo"),
)
@blocking
def predict_category(call: CurrentCall, photo: Photo, asked: Annotated[CategoryParameters, Query()]) -> JSONResponse:
    """The predicted product category of a photo."""
    recommender, k = call.live().recommender, asked.wanted(call.service.settings.max_k)
    recommender.check(SimilarQuery(k))
    analysis = _analyse(call, recommender, [photo], asked.part())
    return JSONResponse(answers.category_answer(recommender, analysis, k))


@router.post(
    "/predict/feature_embedding",
    **openapi.named("featureEmbedding", "The logits and the embedding of a photo"),
    **openapi.photo_route(schemas.EmbeddingAnswer, "Photo"),
)
@blocking
def predict_feature_embedding(
    call: CurrentCall, photo: Photo, asked: Annotated[PartParameters, Query()]
) -> JSONResponse:
    """The class logits and the embedding of a photo."""
    return JSONResponse(answers.embedding_answer(_analyse(call, call.live().recommender, [photo], asked.part())))


@router.post(
    "/predict/similar_images",
    **openapi.named("similarImages", "Listings like a photo"),
    **openapi.photo_route(schemas.SimilarAnswer, "Photos"),
)
@blocking
def predict_similar_images(
    call: CurrentCall, photos: SameThing, asked: Annotated[PhotoParameters, Query()]
) -> JSONResponse:
    """The listings most similar to a photo, or to several photos of the same thing; with `q`, blended with words."""
    recommender, query = call.live().recommender, asked.query(call.service.settings.max_k)
    recommender.check(query)
    analysis = _analyse(call, recommender, photos, asked.part(len(photos)))
    matches = _similar(call, recommender, analysis, query, len(photos))
    return JSONResponse(answers.similar_answer(matches, call.service.store, recommender.manifest.currency))


@router.post(
    "/predict",
    **openapi.named("predict", "Category, embedding and listings like a photo"),
    **openapi.photo_route(schemas.PredictAnswer, "Photos"),
)
@blocking
def predict(call: CurrentCall, photos: SameThing, asked: Annotated[PhotoParameters, Query()]) -> JSONResponse:
    """Predicted category, embedding and similar listings of a photo, with one decode and one forward pass.

    Or of several photos of the same thing, with one of each.
    """
    live, query = call.live(), asked.query(call.service.settings.max_k)
    live.recommender.check(query)
    return JSONResponse(_prediction(call, live, photos, query, asked.part(len(photos))))


@router.post(
    "/predict/duplicates",
    **openapi.named("findDuplicates", "Listings with the same photo"),
    **openapi.photo_route(schemas.SimilarAnswer, "Photos"),
)
@blocking
def predict_duplicates(
    call: CurrentCall, photos: SameThing, asked: Annotated[DuplicateParameters, Query()]
) -> JSONResponse:
    """The listings that show the same photo, perhaps cropped, mirrored or saved anew; the most alike first."""
    recommender, most = call.live().recommender, asked.wanted(call.service.settings.max_k)
    recommender.check(SimilarQuery(most))
    recommender.same.require()
    # Not logged as a photo of a person: operators look for listings with it, and their photos must not count as drift.
    analysis = _analysed(call, recommender, photos, asked.part(len(photos)))
    matches = recommender.same.duplicates(analysis.embedding, analysis.views, most)
    return JSONResponse(answers.similar_answer(matches, call.service.store, recommender.manifest.currency))


@router.post(
    "/predict/batch",
    **openapi.named("predictBatch", "The same for many photos"),
    **openapi.body_route(schemas.BatchAnswer, "Batch", 400, 404, 408, 413, 422, 429, 503),
)
@blocking
def predict_batch(call: CurrentCall, photos: Photos, query: RankQuery) -> JSONResponse:
    """One entry per photo: a prediction or an error. A photo with an error does not affect the others."""
    live = call.live()
    live.recommender.check(query)
    entries = [{"filename": photo.filename, **_entry(call, live, photo.data, query)} for photo in photos]
    return JSONResponse({"entries": entries})


def _entry(call: Call, live: Live, photo: bytes, query: SimilarQuery) -> dict[str, Any]:
    try:
        with one_deadline():  # each photo of a batch has its own
            return {"status": 200, "prediction": _prediction(call, live, [photo], query)}
    except (PhotoError, BusyError) as exc:
        error = problem_of(exc)
        return {"status": error["status"], "error": error}


def _prediction(
    call: Call, live: Live, photos: Sequence[bytes], query: SimilarQuery, part: PhotoPart = WHOLE_PHOTO
) -> dict[str, Any]:
    recommender = live.recommender
    analysis = _analyse(call, recommender, photos, part)
    matches = _similar(call, recommender, analysis, query, len(photos))
    return {
        **answers.category_answer(recommender, analysis, min(PREDICT_PROBABILITIES, call.service.settings.max_k)),
        **answers.embedding_answer(analysis),
        **answers.similar_answer(matches, call.service.store, recommender.manifest.currency),
    }


def _analyse(call: Call, recommender: Recommender, photos: Sequence[bytes], part: PhotoPart) -> Analysis:
    """The analysis of photos of the same thing, which the log tells of."""
    analysis = _analysed(call, recommender, photos, part)
    call.category = recommender.manifest.categories[int(analysis.probabilities.argmax())]
    reference = recommender.manifest.reference
    call.photos.append(AnsweredPhoto(call.category, reference.cell(analysis.embedding) if reference else None))
    return analysis


def _analysed(call: Call, recommender: Recommender, photos: Sequence[bytes], part: PhotoPart) -> Analysis:
    """The analysis of photos of the same thing. One after the other: together they take the memory of the largest."""
    analyses: list[Analysis] = []
    for number, photo in enumerate(photos, start=1):
        with _numbered(number, len(photos)):
            analyses.append(recommender.analyse(photo, call.timings, call.service.decoding, part))
    return fused(analyses)


@contextmanager
def _numbered(number: int, count: int) -> Iterator[None]:
    """Say in errors which photo of several they are about."""
    try:
        yield
    except PhotoError as exc:
        if count == 1:
            raise
        raise type(exc)(f"photo {number} of {count}: {exc}") from exc


def _similar(
    call: Call, recommender: Recommender, analysis: Analysis, query: SimilarQuery, photos: int = 1
) -> list[Match]:
    matches = similar_to_photo(recommender, analysis, query, call.timings, alone=photos == 1)
    if matches and not query.words:  # with words, the first result need not be the most similar one
        call.top_score = matches[0].score
    highest = max((match.score for match in matches), default=None)
    call.photos[-1] = replace(call.photos[-1], top_score=highest, filtered=query.filtered)
    return matches

"""The routes that take a photo: POST /predict, its three single steps, and the batch."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from lambda_app.api.messages import answers, schemas
from lambda_app.api.messages.calls import Call, CurrentCall, blocking
from lambda_app.api.messages.problems import problem_of
from lambda_app.api.messages.reading import Photo, Photos, SearchQuery, TopK
from lambda_app.api.routes import openapi
from lambda_app.errors import BusyError, PhotoError
from lambda_app.recommendation.analysis import Analysis
from lambda_app.recommendation.live import Live
from lambda_app.recommendation.query import Match, SimilarQuery
from lambda_app.recommendation.recommender import Recommender

# /predict returns more, so that a client which shows more than the first 5 needs no second request.
PREDICT_PROBABILITIES = 20

router = APIRouter(tags=["photos"])


@router.post("/predict/category", **openapi.photo_route(schemas.CategoryAnswer))
@blocking
def predict_category(call: CurrentCall, photo: Photo, k: TopK) -> JSONResponse:
    """The predicted product category of a photo."""
    recommender = call.live().recommender
    recommender.check(SimilarQuery(k))
    return JSONResponse(answers.category_answer(recommender, _analyse(call, recommender, photo), k))


@router.post("/predict/feature_embedding", **openapi.photo_route(schemas.EmbeddingAnswer))
@blocking
def predict_feature_embedding(call: CurrentCall, photo: Photo) -> JSONResponse:
    """The class logits and the embedding of a photo."""
    return JSONResponse(answers.embedding_answer(_analyse(call, call.live().recommender, photo)))


@router.post("/predict/similar_images", **openapi.photo_route(schemas.SimilarAnswer))
@blocking
def predict_similar_images(call: CurrentCall, photo: Photo, query: SearchQuery) -> JSONResponse:
    """The listings most similar to a photo."""
    recommender = call.live().recommender
    recommender.check(query)
    matches = _similar(call, recommender, _analyse(call, recommender, photo), query)
    return JSONResponse(answers.similar_answer(matches, call.service.store, recommender.manifest.currency))


@router.post("/predict", **openapi.photo_route(schemas.PredictAnswer))
@blocking
def predict(call: CurrentCall, photo: Photo, query: SearchQuery) -> JSONResponse:
    """Predicted category, embedding and similar listings of a photo, with one decode and one forward pass."""
    live = call.live()
    live.recommender.check(query)
    return JSONResponse(_prediction(call, live, photo, query))


@router.post("/predict/batch", **openapi.batch_route(schemas.BatchAnswer))
@blocking
def predict_batch(call: CurrentCall, photos: Photos, query: SearchQuery) -> JSONResponse:
    """One entry per photo: a prediction or an error. A photo with an error does not affect the others."""
    live = call.live()
    live.recommender.check(query)
    entries = [{"filename": photo.filename, **_entry(call, live, photo.data, query)} for photo in photos]
    return JSONResponse({"entries": entries})


def _entry(call: Call, live: Live, photo: bytes, query: SimilarQuery) -> dict[str, Any]:
    try:
        return {"status": 200, "prediction": _prediction(call, live, photo, query)}
    except (PhotoError, BusyError) as exc:
        error = problem_of(exc)
        return {"status": error["status"], "error": error}


def _prediction(call: Call, live: Live, photo: bytes, query: SimilarQuery) -> dict[str, Any]:
    recommender = live.recommender
    analysis = _analyse(call, recommender, photo)
    matches = _similar(call, recommender, analysis, query)
    return {
        **answers.category_answer(recommender, analysis, min(PREDICT_PROBABILITIES, call.service.settings.max_k)),
        **answers.embedding_answer(analysis),
        **answers.similar_answer(matches, call.service.store, recommender.manifest.currency),
    }


def _analyse(call: Call, recommender: Recommender, photo: bytes) -> Analysis:
    analysis = recommender.analyse(photo, call.timings, call.service.decoding)
    call.category = recommender.manifest.categories[int(analysis.probabilities.argmax())]
    return analysis


def _similar(call: Call, recommender: Recommender, analysis: Analysis, query: SimilarQuery) -> list[Match]:
    matches = recommender.similar(analysis.embedding, query, call.timings)
    call.top_score = matches[0].score if matches else None
    return matches

from pathlib import Path

import numpy as np

from benchmarks.inputs.bench_release import ROOT
from benchmarks.processes import vectors_service
from benchmarks.processes.server import Server
from lambda_app.release.catalog import CatalogFilter
from lambda_app.search.s3vectors.engine import S3VectorsEngine
from lambda_app.search.s3vectors.index import SearchedIndex, make_client
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import build_release


def test_the_first_items_of_a_release_answer_every_query(tmp_path: Path, monkeypatch):
    release = BuiltRelease(tmp_path, build_release(tmp_path, printed=True))
    command = ["-m", "benchmarks.processes.vectors_service", str(tmp_path), "{port}"]
    with Server(command, {"PYTHONPATH": str(ROOT)}) as server:
        variables = vectors_service.environ(server.wait().port)
        for name, value in {**variables, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        index = SearchedIndex(vectors_service.BUCKET, "items-0", make_client())
        index.check()
        engine = S3VectorsEngine(index, 16, release.manifest.count, release.manifest.count)
        (search,) = engine.searches(np.ones(16, np.float32), [CatalogFilter()], 5)
    assert search.rows == [0, 1, 2, 3, 4]
    assert search.items[0].image_id == "000a"
    assert len(search.fingerprints[search.items[0].image_id]) == 197

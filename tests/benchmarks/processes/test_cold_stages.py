"""Tests of `benchmarks.processes.cold_stages`, in a separate process as in the benchmark."""

import json
import subprocess
import sys
import time

import pytest

from benchmarks.inputs.bench_release import ROOT
from benchmarks.inputs.photos import make_photo
from benchmarks.processes.cold_stages import IMPORTS, INTERPRETER, STAGES, Recorder
from benchmarks.processes.lambda_function import environ, photo_event, s3_with


@pytest.mark.slow
def test_every_stage_of_a_cold_start_is_recorded(release, tmp_path):
    (tmp_path / "event.json").write_text(json.dumps(photo_event(make_photo((320, 240)))))
    command = ["-m", "benchmarks.processes.cold_stages", str(tmp_path / "event.json"), repr(time.perf_counter())]
    with s3_with(release) as s3:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=environ(s3, tmp_path), capture_output=True, check=True
        )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["stages"].keys() == {INTERPRETER, IMPORTS, *(name for _, _, name in STAGES)}
    assert all(stage["begin"] <= stage["end"] for stage in found["stages"].values())
    assert found["around"] > 0


def test_a_stage_sums_the_time_of_its_calls():
    recorder = Recorder(started=time.perf_counter())
    assert [recorder.run("twice", lambda: 7), recorder.run("twice", lambda: 8)] == [7, 8]
    stage = recorder.stages["twice"]
    assert 0 <= stage.begin <= stage.end
    assert stage.seconds <= stage.end - stage.begin

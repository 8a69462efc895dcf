import subprocess
import sys
from pathlib import Path

import pytest

from training.cloud.hyperparameters import HyperparameterError, parse_hyperparameters
from training.settings.options import parse_values, train_parser
from training.settings.train_settings import TrainSettings

ROOT = Path(__file__).parents[3]
# Packages that a machine does not need to start training in the cloud.
LARGE = {"torch", "torchvision", "onnx", "onnxscript", "safetensors", "matplotlib", "tqdm", "faiss", "onnxruntime"}


def as_in_the_job(hyperparameters):
    """The settings parsed from the command line that SageMaker's toolkit makes from hyperparameters."""
    words = [word for name, value in hyperparameters.items() for word in (f"--{name}", value)]
    _, values = parse_values(train_parser("train", ""), words)
    return TrainSettings.of(values)


def test_hyperparameters_are_options_as_text():
    given = ["epochs=3", "metric-weight=1e-1", "validation_share=0.2", "force=True", "weights=s3://b/a=b"]
    assert parse_hyperparameters(given) == {
        "epochs": "3",
        "metric-weight": "1e-1",
        "validation-share": "0.2",
        "force": "True",
        "weights": "s3://b/a=b",
    }


def test_settings_without_an_option_are_joined_in_set():
    given = ["ema=0.9", "epochs=3", "test_share=0.2", "set=warmup=0,crop=0.1"]
    found = parse_hyperparameters(given)
    assert found == {"epochs": "3", "crop": "0.1", "set": "ema=0.9,test_share=0.2,warmup=0"}
    settings = as_in_the_job(found)
    assert (settings.fit.ema, settings.fit.epochs, settings.fit.crop, settings.fit.warmup) == (0.9, 3, 0.1, 0)
    assert settings.prepare.test_share == 0.2


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["epochs"], "'epochs': write a setting of training.train as name=value"),
        (["=3"], "'=3': write a setting"),
        (["--epochs=3"], "'--epochs=3': write a setting"),
        (["sagemaker_program=x.py"], "no setting sagemaker_program; there are backbone, weights, size, seed,"),
        (
            ["epoch=3"],
            r"no setting epoch; did you mean epochs\? there are backbone, weights, size, seed, .*force, search, set$",
        ),
        (["metric_wieght=1"], r"no setting metric_wieght; did you mean metric_weight\?"),
        (["data=/opt/ml/input"], "no setting data;"),
        (["lr=-1"], "lr is -1; it must be at least 0"),
        (["epochs=many"], "epochs is 'many'; it must be a whole number"),
        (["precision=int4"], "precision is 'int4'; it may be auto, int8, float32"),
        (["set=emma=0.9"], r"no setting emma; did you mean ema\?"),
        (["set=ema=2"], "ema is 2; it must be at most 0.99999"),
        (["set=ema"], "--set 'ema': write NAME=VALUE"),
        (["ema=0.9", "set=ema=0.8"], "ema is given twice: 0.9 and 0.8"),
        (["weights=s3://" + "x" * 2496], "weights: 2,501 characters; SageMaker takes 2,500"),
        (["name=shop"], "name is not a hyperparameter: a job names its dataset, with --dataset"),
        (["weights=imagenett"], "weights is 'imagenett'; it may be imagenet, none, or an s3:// URI"),
        (["seed=99999999999999999999"], r"seed is 99999999999999999999; it must be at most 1e\+09"),
    ],
)
def test_values_that_the_job_would_refuse_are_refused_before_upload(pairs, message):
    with pytest.raises(HyperparameterError, match=message):
        parse_hyperparameters(pairs)


def test_the_check_loads_no_large_package():
    code = "import training.cloud.hyperparameters, sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not LARGE & set(done.stdout.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hyperparameter", "learning_rate=0.1"], "--hyperparameter: no setting learning_rate;"),
        (
            ["--hyperparameter", "weights=none", "--weights", "w.pt"],
            "--weights and the hyperparameter weights: give one",
        ),
    ],
)
def test_the_command_refuses_bad_options_before_any_call_of_aws(options, message):
    # Without region and credentials every call of AWS would fail with another message.
    code = "import runpy; runpy.run_path('scripts/train_remote.py', run_name='__main__')"
    environ = {"PATH": "", "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"}
    command = [sys.executable, "-c", code, "--dataset", "shop", *options]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"scripts/train-remote: {message}")
    assert done.stderr.count("\n") == 1

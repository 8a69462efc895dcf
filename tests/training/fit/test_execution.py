import pytest
import torch

from tests.training.fit.test_stage import arguments
from training.fit import execution
from training.fit.execution import in_bfloat16, training_module
from training.fit.settings import Execution
from training.fit.trainer import Trainer
from training.network.embedding_net import EmbeddingNet
from training.pipeline.work_folder import WorkFolder

CPU = torch.device("cpu")


@pytest.fixture
def eager():
    """Let torch.compile return its model unchanged: compiling takes longer than all tests of a module."""
    torch.compiler.set_stance("force_eager")
    yield
    torch.compiler.set_stance("default")


def test_the_training_network_returns_logits_and_embeddings_in_one_tensor():
    model = EmbeddingNet("resnet10_half", classes=3).eval()
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = training_module(model, Execution(), CPU)(images)
        logits, embedding = model(images)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.cat([logits, embedding], dim=1))


@pytest.mark.parametrize(
    ("device", "given", "instructions", "expected"),
    [
        ("cuda", Execution(), False, True),
        ("cuda", Execution(bfloat16=False, processor_bfloat16=True), True, False),
        ("cpu", Execution(), True, False),
        ("cpu", Execution(processor_bfloat16=True), True, True),
        ("cpu", Execution(processor_bfloat16=True), False, False),
    ],
)
def test_a_processor_uses_bfloat16_on_request_and_with_instructions_for_it(
    monkeypatch, device, given, instructions, expected
):
    monkeypatch.setattr(execution, "_BFLOAT16", (lambda: False, lambda: instructions))
    assert in_bfloat16(given, torch.device(device)) == expected


def test_bfloat16_changes_the_outputs_by_rounding_only(monkeypatch):
    monkeypatch.setattr(execution, "_BFLOAT16", (lambda: True,))
    model = EmbeddingNet("resnet10_half", classes=3).eval()
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain = training_module(model, Execution(), CPU)(images)
        rounded = training_module(model, Execution(processor_bfloat16=True), CPU)(images)
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, plain)
    torch.testing.assert_close(rounded, plain, atol=0.05, rtol=0.05)


@pytest.mark.slow
def test_a_compiled_network_trains_the_same_weights_under_the_same_names(small_dataset, fit_settings, eager):
    settings = fit_settings.changed(batch=32)
    plain = Trainer(small_dataset, settings, CPU)
    compiled = Trainer(small_dataset, settings, CPU, execution=Execution(compile=True))
    for trainer in (plain, compiled):
        trainer.train_epoch(iter(int, 1))
    state = compiled.model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in plain.model.state_dict().items())


@pytest.mark.slow
def test_a_missing_compiler_is_reported_with_a_remedy(processes, trained, tmp_path):
    work = WorkFolder(tmp_path / "work")
    work.root.mkdir()
    work.dataset.symlink_to(trained.dataset)
    environ = {"PATH": str(tmp_path), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    process = processes.start("training.fit.stage", [*arguments(work, 1), "--compile", "True"], environ=environ)
    code, output = process.wait()
    assert code == 2
    last = output.splitlines()[-1]
    assert last.startswith("error: compile is True, and torch.compile does not work here: ")
    assert last.endswith("install a C++ compiler (g++), or train without it")

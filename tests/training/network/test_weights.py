import json
import logging
from pathlib import Path

import boto3
import pytest
import safetensors.torch
import timm
import torch
from moto import mock_aws
from torch import nn

from training.errors import WeightsError
from training.network.backbone import backbone_of
from training.network.embedding_net import EmbeddingNet
from training.network.weights import categories_of, load_weights, save_weights, start_from
from training.network.weights_file import local_copy

NAME = "shufflenet_v2_x0_5"
CATEGORIES = ("sofas", "shoes", "phones")


@pytest.fixture(scope="module")
def source():
    """A network to start from, with recognisable weights."""
    torch.manual_seed(7)
    return EmbeddingNet(NAME, len(CATEGORIES))


@pytest.fixture
def bare(source):
    """A state dict like torchvision's, with a head for 1,000 classes."""
    return source.backbone.state_dict() | {"fc.weight": torch.zeros(1000, 1024), "fc.bias": torch.zeros(1000)}


@pytest.fixture
def model():
    torch.manual_seed(1)
    return EmbeddingNet(NAME, len(CATEGORIES))


@pytest.fixture
def released(source, tmp_path):
    """`weights.safetensors` of a release."""
    save_weights(tmp_path / "weights.safetensors", NAME, source.state_dict(), CATEGORIES)
    return str(tmp_path / "weights.safetensors")


def same(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_none_leaves_the_random_weights(model):
    before = {key: value.clone() for key, value in model.state_dict().items()}
    start_from(model, "none", CATEGORIES)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
def test_a_bare_torchvision_state_dict_fills_the_backbone(model, source, bare, tmp_path, suffix):
    path = tmp_path / f"bare{suffix}"
    if suffix == ".safetensors":
        safetensors.torch.save_file(bare, path)
    else:
        torch.save(bare, path)
    start_from(model, str(path), CATEGORIES)
    assert same(model.backbone, source.backbone)
    assert not same(model.embedding, source.embedding)


@pytest.mark.parametrize("wrap", [
    lambda state: {"state_dict": state, "epoch": 3},
    lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
])  # fmt: skip
def test_the_wrapping_of_a_training_script_is_removed(model, source, bare, tmp_path, wrap):
    torch.save(wrap(bare), tmp_path / "wrapped.pt")
    start_from(model, str(tmp_path / "wrapped.pt"), CATEGORIES)
    assert same(model.backbone, source.backbone)


def test_imagenet_weights_come_from_the_cache_of_torchvision(model, source, bare, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(bare, cache / "shufflenetv2_x0.5-f707e7126e.pth")
    start_from(model, "imagenet", CATEGORIES)
    assert same(model.backbone, source.backbone)


def test_unavailable_imagenet_weights_are_an_error_with_the_alternatives(model, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # the discard port, where nothing listens
    with pytest.raises(
        WeightsError,
        match=r"imagenet: https://.* cannot be downloaded .* or run scripts/setup weights",
    ):
        start_from(model, "imagenet", CATEGORIES)


@pytest.mark.parametrize("weights", ["imagenet", "r160_in1k"])
def test_unavailable_weights_of_timm_are_an_error_with_the_alternatives(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    model = EmbeddingNet(backbone_of("test_vit", weights), 3)
    with pytest.raises(
        WeightsError,
        match=r"test_vit\.r160_in1k cannot be downloaded .* or run scripts/setup weights",
    ):
        start_from(model, weights, CATEGORIES)


def test_the_installed_weights_of_lite0_need_no_download():
    model = EmbeddingNet("tf_efficientnet_lite0", len(CATEGORIES))
    start_from(model, "imagenet", CATEGORIES)
    state = model.backbone.state_dict()
    assert all(tensor.isfinite().all() for tensor in state.values())
    # Features of trained networks are sparse after ReLU6, and differ between channels.
    with torch.inference_mode():
        pooled = model.eval().features(torch.zeros(1, 3, 64, 64))
    assert pooled.min() >= 0
    assert pooled.max() <= 6
    assert (pooled == 0).float().mean() > 0.3


def test_positions_of_a_transformer_are_interpolated_for_another_size(tmp_path):
    source = EmbeddingNet("test_vit", len(CATEGORIES), size=64)
    save_weights(tmp_path / "weights.safetensors", source.name, source.state_dict(), CATEGORIES, source.size)
    loaded, _ = load_weights(tmp_path / "weights.safetensors")
    assert loaded.size == 64
    assert same(loaded, source)
    larger = EmbeddingNet("test_vit", len(CATEGORIES), size=96)
    start_from(larger, str(tmp_path / "weights.safetensors"), CATEGORIES)
    before, after = source.backbone.state_dict(), larger.backbone.state_dict()
    assert (before["pos_embed"].shape[1], after["pos_embed"].shape[1]) == (17, 37)
    assert torch.equal(before["pos_embed"][:, :1], after["pos_embed"][:, :1])
    assert torch.equal(before["patch_embed.proj.weight"], after["patch_embed.proj.weight"])
    assert larger(torch.zeros(1, 3, 96, 96))[0].shape == (1, 3)


def test_a_state_dict_of_timm_fills_the_backbone_without_its_classifier(tmp_path):
    full = timm.create_model("test_vit").state_dict()
    assert "head.weight" in full
    torch.save(full, tmp_path / "full.pt")
    model = EmbeddingNet("test_vit", 3)
    start_from(model, str(tmp_path / "full.pt"), CATEGORIES)
    assert torch.equal(model.backbone.state_dict()["pos_embed"], full["pos_embed"])


def test_weights_of_a_release_include_its_heads(model, source, released):
    start_from(model, released, CATEGORIES)
    assert same(model, source)


def test_new_categories_get_rows_after_those_of_the_release(source, released):
    torch.manual_seed(2)
    model = EmbeddingNet(NAME, 5)
    start_from(model, released, (*CATEGORIES, "drills", "books"))
    assert torch.equal(model.classifier.weight[:3], source.classifier.weight)
    assert torch.equal(model.classifier.bias[:3], source.classifier.bias)
    assert same(model.embedding, source.embedding)
    assert not torch.equal(model.classifier.weight[3], model.classifier.weight[4])


@pytest.mark.parametrize(
    "categories", [("shoes", "sofas", "phones"), ("sofas", "shoes"), ("sofas", "x", "phones", "y")]
)
def test_a_classifier_of_other_categories_starts_from_random_weights(source, released, categories, caplog):
    model = EmbeddingNet(NAME, len(categories))
    before = model.classifier.weight.clone()
    with caplog.at_level(logging.WARNING):
        start_from(model, released, categories)
    assert torch.equal(model.classifier.weight, before)
    assert same(model.backbone, source.backbone)
    assert "starting with a random classifier" in caplog.text


def test_heads_of_other_shapes_are_ignored_and_logged(source, tmp_path, caplog):
    state = source.state_dict() | {"embedding.weight": torch.zeros(64, 1024), "classifier.weight": torch.zeros(3, 9)}
    torch.save(state, tmp_path / "other.pt")
    model = EmbeddingNet(NAME, 3)
    with caplog.at_level(logging.WARNING):
        start_from(model, str(tmp_path / "other.pt"), CATEGORIES)
    assert same(model.backbone, source.backbone)
    assert "its embedding head is missing or has another shape" in caplog.text
    assert "its classifier is missing or has another shape" in caplog.text


def test_weights_of_another_backbone_are_refused_with_the_keys(model, tmp_path):
    torch.save(EmbeddingNet("resnet18", 3).backbone.state_dict(), tmp_path / "resnet.pt")
    with pytest.raises(
        WeightsError, match=r"not a state dict of shufflenet.*missing .*conv1.0.weight.* more; unexpected"
    ):
        start_from(model, str(tmp_path / "resnet.pt"), CATEGORIES)


def test_a_tensor_of_another_shape_is_named_in_the_error(model, bare, tmp_path):
    torch.save(bare | {"conv5.0.weight": torch.zeros(2, 2)}, tmp_path / "odd.pt")
    with pytest.raises(WeightsError, match=r"conv5.0.weight has shape \(2, 2\), not \(1024, 192, 1, 1\)"):
        start_from(model, str(tmp_path / "odd.pt"), CATEGORIES)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2], torch.zeros(3)])
def test_a_file_without_a_state_dict_is_refused(model, content, tmp_path):
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(WeightsError, match="is not a state dict of tensors"):
        start_from(model, str(tmp_path / "odd.pt"), CATEGORIES)


@pytest.mark.parametrize("name", ["noise.pt", "noise.safetensors"])
def test_a_file_that_is_not_a_weights_file_is_refused(model, name, tmp_path):
    (tmp_path / name).write_bytes(b"these are not weights")
    with pytest.raises(WeightsError, match=f"{name} does not load as a state dict"):
        start_from(model, str(tmp_path / name), CATEGORIES)


def test_a_file_with_pickled_objects_is_refused(model, tmp_path):
    torch.save({"weights": tmp_path}, tmp_path / "pickled.pt")  # a Path: an object, not a tensor
    with pytest.raises(WeightsError, match=r"pickled.pt does not load as a state dict"):
        start_from(model, str(tmp_path / "pickled.pt"), CATEGORIES)


def test_a_missing_file_is_named_in_the_error(model, tmp_path):
    with pytest.raises(WeightsError, match=r"--weights .*none.pt: no such file"):
        start_from(model, str(tmp_path / "none.pt"), CATEGORIES)


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="models")
        yield client


def test_weights_can_be_downloaded_from_s3(bucket, model, source, released):
    bucket.upload_file(released, "models", "weights/base.safetensors")
    start_from(model, "s3://models/weights/base.safetensors", CATEGORIES)
    assert same(model, source)
    assert categories_of("s3://models/weights/base.safetensors") == CATEGORIES


def test_a_downloaded_file_is_deleted_afterwards(bucket):
    bucket.put_object(Bucket="models", Key="a.pt", Body=b"abc")
    with local_copy("s3://models/a.pt") as path:
        assert path.read_bytes() == b"abc"
    assert not path.parent.exists()


def test_a_missing_object_is_named_in_the_error(bucket, model):
    with pytest.raises(WeightsError, match=r"--weights s3://models/none.pt cannot be downloaded: .*404"):
        start_from(model, "s3://models/none.pt", CATEGORIES)


def test_saved_weights_are_loaded_with_their_backbone_and_categories(source, released):
    model, categories = load_weights(Path(released))
    assert categories == CATEGORIES
    assert model.name == NAME
    assert not model.training
    assert same(model, source)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"network": "[]"},
        {"network": json.dumps({"backbone": NAME})},
        {"network": json.dumps({"backbone": NAME, "categories": ["a"]})},
    ],
)
def test_weights_without_our_metadata_are_refused(source, tmp_path, metadata):
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(source.state_dict(), path, metadata)
    with pytest.raises(WeightsError, match="does not contain the weights of a trained network"):
        load_weights(path)


def test_only_the_weights_of_a_release_have_categories(released, bare, tmp_path):
    safetensors.torch.save_file(bare, tmp_path / "bare.safetensors")
    assert categories_of(released) == CATEGORIES
    assert categories_of(str(tmp_path / "bare.safetensors")) is None
    assert categories_of("imagenet") is categories_of("none") is categories_of("some.pt") is None


def test_a_file_that_is_not_safetensors_has_no_categories(tmp_path):
    (tmp_path / "noise.safetensors").write_bytes(b"noise")
    with pytest.raises(WeightsError, match="is not a safetensors file"):
        categories_of(str(tmp_path / "noise.safetensors"))

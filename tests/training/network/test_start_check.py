import re

import pytest
import torch

from training.errors import WeightsError
from training.network.embedding_net import EmbeddingNet
from training.network.start_check import check_start
from training.network.weights import save_weights

TINY = "resnet10_half"


def test_settings_that_fit_pass(tmp_path):
    check_start(TINY, "none", "layer3")
    model = EmbeddingNet(TINY, 3)
    torch.save(model.backbone.state_dict(), tmp_path / "backbone.pt")
    save_weights(tmp_path / "release.safetensors", TINY, model.state_dict(), ["a", "b", "c"])
    check_start(TINY, str(tmp_path / "backbone.pt"), "none")
    check_start(TINY, str(tmp_path / "release.safetensors"), "none")


@pytest.mark.parametrize(
    ("backbone", "weights", "freeze", "told"),
    [
        ("resnet51", "none", "none", "no backbone 'resnet51'; try resnet50, resnet18"),
        (
            TINY,
            "imagnet",
            "none",
            "--weights imagnet: no such file, and no weights of resnet10_half with this name; did you mean imagenet? "
            "(other values: imagenet, none",
        ),
        (TINY, "missing.pt", "none", "--weights missing.pt: no such file (other values: imagenet, none"),
        (TINY, "imagenet", "none", "has no ImageNet weights"),
        (TINY, "none", "all", "--freeze all with --weights none: the features of random weights say nothing"),
        (TINY, "none", "layer9", "no stage 'layer9' to freeze; its stages are"),
        (
            "resnet50",
            "V3",
            "none",
            "no weights of resnet50 with this name (other values: imagenet, none, IMAGENET1K_V1",
        ),
        ("test_vit.r161_in1k", "none", "none", "--weights r161_in1k: no such file, and no weights of test_vit"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_the_possible_ones(backbone, weights, freeze, told):
    with pytest.raises(WeightsError, match=re.escape(told)):
        check_start(backbone, weights, freeze)


def test_a_size_that_the_network_does_not_take_is_refused():
    check_start("inception_v3", "none", "none", 75)
    with pytest.raises(WeightsError, match="inception_v3 does not take photos of 32 pixels"):
        check_start("inception_v3", "none", "none", 32)


def test_smaller_photos_at_first_are_refused_for_a_network_of_one_size():
    check_start(TINY, "none", "none", small=0.5)
    with pytest.raises(WeightsError, match=r"small is 0\.5; it must be 1, because timm/test_vit takes only one size"):
        check_start("test_vit", "none", "none", small=0.5)


def test_weights_of_another_backbone_are_refused(tmp_path):
    torch.save(EmbeddingNet("resnet18", 2).backbone.state_dict(), tmp_path / "a.pt")
    with pytest.raises(WeightsError, match=r"a\.pt is not a state dict of resnet10_half"):
        check_start(TINY, str(tmp_path / "a.pt"), "none")


def test_a_file_that_is_no_state_dict_is_refused(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"a\.pt does not load as a state dict"):
        check_start(TINY, str(tmp_path / "a.pt"), "none")

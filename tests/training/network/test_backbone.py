import re
import subprocess
import sys

import pytest

from training.errors import WeightsError
from training.network.backbone import backbone_of, tag_in
from training.network.timm_models import TimmBackbone
from training.network.torchvision_models import TorchvisionBackbone


@pytest.mark.parametrize(
    ("name", "weights", "expected"),
    [
        ("resnet50", "imagenet", TorchvisionBackbone("resnet50")),
        ("resnet50", "some/file.pt", TorchvisionBackbone("resnet50")),
        ("resnet50", "s3://bucket/weights", TorchvisionBackbone("resnet50")),
        ("resnet50", "V1", TorchvisionBackbone("resnet50", "IMAGENET1K_V1")),
        ("resnet50", "imagenet1k_v2", TorchvisionBackbone("resnet50", "IMAGENET1K_V2")),
        ("resnet50", "a1_in1k", TimmBackbone("resnet50", "a1_in1k")),
        ("resnet50", "resnet50.a1_in1k", TimmBackbone("resnet50", "a1_in1k")),
        ("resnet50.a1_in1k", "none", TimmBackbone("resnet50", "a1_in1k")),
        ("resnet50.a1_in1k", "tv_in1k", TimmBackbone("resnet50", "tv_in1k")),
        ("timm/resnet50", "imagenet", TimmBackbone("resnet50")),
        ("timm/resnet50.a1_in1k", "none", TimmBackbone("resnet50", "a1_in1k")),
        ("vit_small_patch16_224", "none", TimmBackbone("vit_small_patch16_224")),
        ("resnet10_half", "none", TorchvisionBackbone("resnet10_half")),
    ],
)
def test_a_name_of_both_libraries_is_torchvisions_without_a_prefix_or_a_tag_of_timm(name, weights, expected):
    found = backbone_of(name, weights)
    assert found == expected
    assert backbone_of(found.name).name == found.name  # the name that is stored with the weights


def test_unknown_weights_are_refused_with_the_known_ones():
    message = re.escape("no weights of resnet50 with this name; did you mean a1_in1k? (other values: imagenet, none, ")
    with pytest.raises(WeightsError, match=message + "IMAGENET1K_V1, IMAGENET1K_V2, a1_in1k"):
        backbone_of("resnet50", "a1_in1")


def test_a_file_without_a_suffix_is_no_tag(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tag_in("weights") == "weights"
    (tmp_path / "weights").touch()
    assert tag_in("weights") == ""


@pytest.mark.parametrize(
    ("name", "weights", "size", "interpolation", "mean", "std", "crop"),
    [
        ("resnet50", "imagenet", 224, "bilinear", 0.485, 0.229, 224 / 232),
        ("resnet50", "V1", 224, "bilinear", 0.485, 0.229, 0.875),
        ("resnet50", "a1_in1k", 224, "bicubic", 0.485, 0.229, 0.95),
        ("efficientnet_b3", "none", 300, "bicubic", 0.485, 0.229, 300 / 320),
        ("tf_efficientnet_lite0", "none", 224, "bicubic", 0.5, 0.5, 0.875),
        ("vit_base_patch16_clip_224", "openai", 224, "bicubic", 0.48145466, 0.26862954, 0.9),
        ("fastvit_mci0", "none", 256, "bicubic", 0.0, 1.0, 0.95),
        ("resnet10_half", "none", 224, "bilinear", 0.485, 0.229, 1.0),
    ],
)
def test_every_backbone_has_its_own_input(name, weights, size, interpolation, mean, std, crop):
    own = backbone_of(name, weights).own_input()
    assert (own.size, own.interpolation, own.mean[0], own.std[0]) == (size, interpolation, mean, std)
    assert own.crop == pytest.approx(crop)


def test_torchvisions_backbones_do_not_import_timm():
    script = "import sys\nfrom training.network.embedding_net import EmbeddingNet\nEmbeddingNet('resnet18', 3)\n"
    run = [sys.executable, "-c", script + "assert 'timm' not in sys.modules"]
    assert subprocess.run(run, check=False).returncode == 0

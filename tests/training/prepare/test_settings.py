import pytest

from lambda_app.photo.rules import Preprocessing
from training.errors import WeightsError
from training.prepare.settings import PrepareSettings
from training.prepare.stage import pixels_key


def test_the_default_input_is_that_of_torchvisions_resnet50():
    assert PrepareSettings().preprocessing() == Preprocessing(size=224, fit="trimmed", background="white")


def test_size_scale_and_resize_are_those_of_the_backbone():
    found = PrepareSettings(backbone="tf_efficientnet_lite0").preprocessing()
    assert (found.size, found.fit, found.crop, found.interpolation) == (224, "trimmed", 1.0, "bicubic")
    assert (found.mean, found.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_a_given_size_replaces_that_of_the_backbone():
    found = PrepareSettings(backbone="efficientnet_b3", size=96, trim=False).preprocessing()
    assert (found.size, found.fit) == (96, "letterbox")
    assert PrepareSettings(backbone="efficientnet_b3").preprocessing().size == 300


def test_cut_photos_show_the_centre_on_which_the_weights_were_evaluated():
    found = PrepareSettings(backbone="resnet50", weights="V1", cut=True).preprocessing()
    assert (found.fit, found.crop, found.background) == ("crop", 0.875, "white")


def test_an_unknown_backbone_is_refused():
    with pytest.raises(WeightsError, match="no backbone 'resnet51'"):
        PrepareSettings(backbone="resnet51").preprocessing()


def test_decoded_photos_serve_backbones_that_differ_only_in_mean_and_deviation():
    clip = PrepareSettings(backbone="vit_base_patch16_clip_224")
    siglip = clip.changed(backbone="vit_base_patch16_siglip_224")
    assert clip.as_json() != siglip.as_json()
    assert pixels_key(clip) == pixels_key(siglip)
    assert pixels_key(clip) != pixels_key(clip.changed(size=64))
    assert pixels_key(clip) != pixels_key(clip.changed(backbone="resnet50"))

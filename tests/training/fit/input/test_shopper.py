import dataclasses

import pytest
import torch

from training.fit.input.augmentation import Augmentation, Changes, apply_changes, draw_changes
from training.fit.input.shopper import Alterations, draw_alterations

SIZE = 24


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def neutral(count):
    """Parameters that alter nothing."""
    return draw_alterations(torch.zeros(count, dtype=torch.bool), generator())


def still(count):
    """No change besides alterations."""
    return Changes(torch.eye(2, 3).repeat(count, 1, 1), torch.ones(count, dtype=torch.bool))


def letterboxed(width, height, value=None):
    """Photos without black pixels in their letterbox, (1, 3, SIZE, SIZE)."""
    unit = torch.zeros(1, 3, SIZE, SIZE)
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    pixels = torch.rand((3, height, width), generator=generator(1)) * 0.9 + 0.1
    unit[0, :, top : top + height, left : left + width] = pixels if value is None else value
    return unit


def alter(unit, **parameters):
    return apply_changes(unit, still(len(unit)).altered(dataclasses.replace(neutral(len(unit)), **parameters)))


def linear(turn, mirrored=False):
    """The drawn map of a turn, with or without mirroring."""
    found = draw_alterations(torch.ones(2_000, dtype=torch.bool), generator())
    corner = torch.tensor([1.0, 0.5])
    goal = torch.tensor([[1.0, 0.5], [-0.5, 1.0], [-1.0, -0.5], [0.5, -1.0]])[turn]
    side = -1.0 if mirrored else 1.0
    exact = [
        each
        for each, canvas in zip(found.linear, found.canvas, strict=True)
        if canvas == 1
        and torch.linalg.det(each) == side
        and torch.allclose(each @ (corner * torch.tensor([side, 1])), goal)
    ]
    return exact[0]


def test_photos_that_are_not_altered_stay_equal():
    unit = torch.rand((5, 3, SIZE, SIZE), generator=generator())
    torch.testing.assert_close(alter(unit), unit, atol=1e-5, rtol=0)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_or_mirrored_photo_is_that_of_torch(turn, mirrored):
    unit = letterboxed(SIZE, 15)
    turned = alter(unit, linear=linear(turn, mirrored)[None])
    upright = unit.flip(3) if mirrored else unit
    options = [torch.rot90(upright, k, (2, 3)) for k in (turn, -turn)]
    assert any(torch.allclose(turned, option, atol=1e-4) for option in options)


def test_a_grey_photo_has_the_luminance_in_all_channels():
    unit = letterboxed(SIZE, SIZE)
    changed = alter(unit, grey=torch.tensor([True]))
    expected = 0.299 * unit[:, 0] + 0.587 * unit[:, 1] + 0.114 * unit[:, 2]
    torch.testing.assert_close(changed, expected[:, None].expand_as(unit), atol=1e-5, rtol=0)


@pytest.mark.parametrize("paint", [0.0, 1.0])
@pytest.mark.parametrize(("width", "height"), [(24, 12), (12, 24), (24, 24)])
@pytest.mark.parametrize("square", [0.0, 1.0])
def test_margins_fill_the_canvas_around_the_photo(paint, width, height, square):
    """At twice the side, the photo covers half of each side of the frame."""
    unit = letterboxed(width, height, 0.5)
    changed = alter(
        unit,
        linear=2 * torch.eye(2)[None],
        canvas=torch.tensor([2.0]),
        square=torch.tensor([square]),
        paint=torch.tensor([paint]),
    )
    expected = torch.zeros(1, 3, SIZE, SIZE)
    canvas = (SIZE, SIZE) if square else (width, height)
    for (across, down), value in ((canvas, paint), ((width // 2, height // 2), 0.5)):
        top, left = (SIZE - down) // 2, (SIZE - across) // 2
        expected[0, :, top : top + down, left : left + across] = value
    torch.testing.assert_close(changed, expected, atol=1e-5, rtol=0)


def test_the_bars_of_a_photo_stay_black_without_margins():
    unit = letterboxed(24, 12)
    assert float(alter(unit, paint=torch.tensor([1.0]))[0, :, :5].max()) == 0


def test_each_alteration_has_its_probability_and_they_are_independent():
    drawn = draw_alterations(torch.arange(8_000) % 2 == 0, generator(3))
    turned = drawn.linear[:, 0, 1] != 0
    scale = drawn.linear[:, 0].norm(dim=1)
    mirrored = torch.linalg.det(drawn.linear) < 0
    altered = torch.arange(8_000) % 2 == 0
    for happens, share in ((drawn.grey, 0.5), (drawn.canvas > 1, 0.1), (mirrored, 0.5), (turned, 0.75 * 2 / 3)):
        assert float(happens[altered].float().mean()) == pytest.approx(share, abs=0.03)
        assert not happens[~altered].any()
    both = (drawn.grey & mirrored)[altered].float().mean()
    assert float(both) == pytest.approx(0.25, abs=0.03)
    torch.testing.assert_close(scale, drawn.canvas)
    assert 1 <= float(drawn.canvas.min()) < float(drawn.canvas.max()) <= 1.7
    assert drawn.paint.unique().tolist() == [0, 1]


def test_unaltered_photos_have_neutral_parameters():
    drawn = neutral(20)
    assert torch.equal(drawn.linear, torch.eye(2).expand(20, 2, 2))
    assert torch.all(drawn.canvas == 1)
    assert torch.all(drawn.square == 0)
    assert not drawn.grey.any()


def test_the_seed_determines_the_alterations():
    chosen = torch.ones(50, dtype=torch.bool)
    first, again, other = (draw_alterations(chosen, generator(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(value, getattr(again, name)) for name, value in vars(first).items())
    assert not torch.equal(first.linear, other.linear)


def test_a_slice_of_the_alterations_applies_to_the_same_slice_of_photos():
    unit = torch.rand((6, 3, SIZE, SIZE), generator=generator())
    limits = Augmentation(rotation=10, crop=0.2, colour=0.2, erasing=0.5)
    changes = draw_changes(6, limits, generator()).altered(
        draw_alterations(torch.ones(6, dtype=torch.bool), generator())
    )
    part = slice(2, 5)
    torch.testing.assert_close(apply_changes(unit[part], changes.of(part)), apply_changes(unit, changes)[part])


def test_alterations_read_no_value_from_the_device():
    """The meta device has no values: an operation that reads one fails there, and would synchronise on a GPU."""
    alterations = draw_alterations(torch.ones(3, dtype=torch.bool), generator())
    assert isinstance(alterations, Alterations)
    unit = apply_changes(torch.empty((3, 3, SIZE, SIZE), device="meta"), still(3).altered(alterations), 16)
    assert unit.shape == (3, 3, 16, 16)

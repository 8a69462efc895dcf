"""Decals: the logo on a product, as outlines in a unit circle."""

import math

Outline = tuple[tuple[float, float], ...]


def _ring(count: int, radii: tuple[float, ...], turn: float = -90.0) -> Outline:
    """Points at equal angles around the centre; their distances cycle through `radii`."""
    angles = [math.radians(turn + 360 * i / count) for i in range(count)]
    return tuple(
        (radii[i % len(radii)] * math.cos(angle), radii[i % len(radii)] * math.sin(angle))
        for i, angle in enumerate(angles)
    )


def _heart() -> Outline:
    steps = [2 * math.pi * i / 24 for i in range(24)]
    return tuple(
        (
            0.95 * math.sin(t) ** 3,
            -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16,
        )
        for t in steps
    )


DECALS: dict[str, Outline] = {
    "disc": _ring(24, (0.9,)),
    "square": _ring(4, (1.1,), turn=-45.0),
    "diamond": _ring(4, (1.15,)),
    "triangle": _ring(3, (1.15,)),
    "star": _ring(10, (1.2, 0.5)),
    "heart": _heart(),
    "cross": tuple(
        (x, y)
        for x, y in (
            (-0.35, -1.0),
            (0.35, -1.0),
            (0.35, -0.35),
            (1.0, -0.35),
            (1.0, 0.35),
            (0.35, 0.35),
            (0.35, 1.0),
            (-0.35, 1.0),
            (-0.35, 0.35),
            (-1.0, 0.35),
            (-1.0, -0.35),
            (-0.35, -0.35),
        )
    ),
    "bar": ((-1.3, -0.4), (1.3, -0.4), (1.3, 0.4), (-1.3, 0.4)),
    "bolt": ((0.3, -1.2), (-0.8, 0.2), (-0.1, 0.2), (-0.3, 1.2), (0.8, -0.2), (0.1, -0.2)),
}

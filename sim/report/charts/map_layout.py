"""Places on a map in pixels: projection, markers that do not overlap, labels that do not either."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.interfaces import FloatArray

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
LETTER = 0.56  # usual width of a letter, in font sizes
ROUNDS = 120
SLIDES = (0.0, 0.1, -0.1, 0.2, -0.2, 0.28, -0.28)  # from the middle, in lengths of the line
LEAST_SPAN_DEGREES = 1.5


@dataclass(frozen=True, slots=True)
class Projection:
    """Equirectangular around a middle latitude, fitted into a box with equal scales.

    Attributes:
        lon, lat: the point at the middle of the box [degrees].
        shrink: kilometres of a degree of longitude per degree of latitude, in the middle.
        scale: pixels per degree of latitude.
        width, height: of the box [px].
    """

    lon: float
    lat: float
    shrink: float
    scale: float
    width: float
    height: float

    def place(self, lon: FloatArray | float, lat: FloatArray | float) -> tuple[FloatArray, ...]:
        """Return x and y [px] of points [degrees]."""
        x = self.width / 2 + (np.asarray(lon) - self.lon) * self.shrink * self.scale
        y = self.height / 2 - (np.asarray(lat) - self.lat) * self.scale
        return x, y

    def edges(self) -> tuple[float, float, float, float]:
        """Return west, east, south and north of the box [degrees]."""
        half_lon = self.width / 2 / (self.shrink * self.scale)
        half_lat = self.height / 2 / self.scale
        return self.lon - half_lon, self.lon + half_lon, self.lat - half_lat, self.lat + half_lat


def fit(lon: FloatArray, lat: FloatArray, width: float, height: float, margin: float) -> Projection:
    """Return the projection that shows all points with ``margin`` pixels around them."""
    middle_lon, middle_lat = (lon.min() + lon.max()) / 2, (lat.min() + lat.max()) / 2
    shrink = max(0.2, math.cos(math.radians(middle_lat)))
    span_x = max(float(np.ptp(lon)) * shrink, LEAST_SPAN_DEGREES)
    span_y = max(float(np.ptp(lat)), LEAST_SPAN_DEGREES)
    scale = min((width - 2 * margin) / span_x, (height - 2 * margin) / span_y)
    return Projection(float(middle_lon), float(middle_lat), shrink, scale, width, height)


def spread(points: FloatArray, apart: float, box: tuple[float, float], margin: float) -> FloatArray:
    """Return points (n, 2) moved as little as it takes to be ``apart`` pixels from each other.

    Markers in one city would hide each other. Points at the same place part at the golden angle,
    so the result depends on nothing but the input.
    """
    count = len(points)
    angle = GOLDEN_ANGLE * np.arange(count)
    moved = points + 0.01 * np.column_stack((np.cos(angle), np.sin(angle)))
    low, high = np.full(2, margin), np.asarray(box) - margin
    for _ in range(ROUNDS):
        delta = moved[:, None, :] - moved[None, :, :]
        distance = np.hypot(delta[..., 0], delta[..., 1])
        np.fill_diagonal(distance, np.inf)
        missing = np.clip(apart - distance, 0.0, None)
        if not missing.any():
            break
        push = delta / np.maximum(distance, 1e-9)[..., None] * missing[..., None] / 2
        moved = np.clip(moved + push.sum(axis=1), low, high)
    return moved


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle [px]."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Return whether the two rectangles share any area."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A text that wants a place next to a point.

    Attributes:
        text: what it says.
        x, y: the point [px].
        size: font size [px].
        reach: distance from the point to the text; 0 centres the text on the point.
        along: for a centred text, the vector of the line that it may slide along [px].
    """

    text: str
    x: float
    y: float
    size: float
    reach: float
    along: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Placed:
    """A label with the place it got: the start, middle or end of its baseline."""

    label: Label
    x: float
    y: float
    anchor: str


def _candidates(label: Label) -> list[tuple[float, float, str]]:
    """Return places as (dx, dy of the baseline, anchor), the best first."""
    if label.reach == 0:
        down, (dx, dy) = 0.35 * label.size, label.along
        return [(part * dx, part * dy + down, "middle") for part in SLIDES]
    side, up, low = label.reach, 0.35 * label.size, 0.75 * label.size
    return [
        (side, up, "start"),
        (-side, up, "end"),
        (0.0, -side, "middle"),
        (0.0, side + low, "middle"),
        (0.8 * side, -0.7 * side, "start"),
        (0.8 * side, 0.7 * side + low, "start"),
        (-0.8 * side, -0.7 * side, "end"),
        (-0.8 * side, 0.7 * side + low, "end"),
    ]


def _text_box(label: Label, x: float, y: float, anchor: str) -> Box:
    width = LETTER * label.size * len(label.text)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return Box(left - 1, y - 0.85 * label.size, left + width + 1, y + 0.25 * label.size)


def place_labels(
    labels: Sequence[Label], taken: Sequence[Box], width: float, height: float
) -> list[Placed]:
    """Return the labels that find a free place, tried in the order given.

    Args:
        labels: the most important first.
        taken: rectangles that no label may cover (the markers).
        width: of the map [px]; labels stay inside.
        height: of the map [px].
    """
    occupied = list(taken)
    placed = []
    for label in labels:
        for dx, dy, anchor in _candidates(label):
            x, y = label.x + dx, label.y + dy
            box = _text_box(label, x, y, anchor)
            inside = box.left >= 0 and box.top >= 0 and box.right <= width and box.bottom <= height
            if inside and not any(box.overlaps(other) for other in occupied):
                occupied.append(box)
                placed.append(Placed(label, x, y, anchor))
                break
    return placed

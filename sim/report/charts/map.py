"""The topology on a map: where users are, where sites are, and the latency between them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.interfaces import FloatArray
from sim.report.charts.axes import nice_step
from sim.report.charts.chart import figure
from sim.report.charts.map_layout import (
    LEAST_SPAN_DEGREES,
    Box,
    Label,
    Placed,
    Projection,
    fit,
    place_labels,
    spread,
)
from sim.report.charts.view import as_float
from sim.report.formats import NOTHING, duration, number, plural
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, join, tag

if TYPE_CHECKING:
    from sim.result import Result

KINDS = ("metro", "remote", "edge", "region")
LOOKS = {"metro": "s0", "remote": "s2", "edge": "s1", "region": "s6"}
MOST_LINK_LABELS = 40
CROWDED = 24  # with more places than this the map takes the whole width
# width [px], then the least and the greatest height over width
USUAL_SIZE, CROWDED_SIZE, PHONE_SIZE = (720, 0.55, 0.78), (1130, 0.42, 0.55), (340, 0.7, 1.2)
MARKER_REACH_PX, APART_PX, MARGIN_PX, LETTER_PX = 9, 30, 44, 6
LABEL_ROOM_PX = 40
# markers around the origin; each kind has its own shape, so colour is never the only sign
SHAPES = {
    "metro": "M-7-7h14v14h-14z",
    "remote": "M0-9l9 9-9 9-9-9z",
    "edge": "M0-8l8 14h-16z",
    "region": "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A region of users or a site."""

    name: str
    kind: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Link:
    """A connection between two places by name, with its one-way latency [s]."""

    start: str
    end: str
    latency_s: float | None


def topology_map(result: Result) -> Markup:
    """Return the map of the run's topology, or nothing where no place has coordinates."""
    topology = result.topology or {}
    places, links = _places(topology), _links(topology)
    if not places:
        return Markup()
    sites = sum(place.kind != "region" for place in places)
    counts = (
        plural(sites, "site"),
        plural(len(places) - sites, "user region"),
        plural(len(links), "link"),
    )
    words = f"Map of {counts[0]}, {counts[1]} and {counts[2]}."
    crowded = len(places) > CROWDED
    sizes = (CROWDED_SIZE if crowded else USUAL_SIZE, PHONE_SIZE)
    maps = join(
        _map(places, links, (width, round(width * _shape(places, bounds))), f"map {name}", words)
        for name, (width, *bounds) in zip(("wide", "narrow"), sizes, strict=True)
    )
    tables = (_place_table(places), _link_table(links))
    content = maps if crowded else tag("div", tag("div", maps), tables[1], class_="atlas")
    kinds = [kind for kind in KINDS if any(place.kind == kind for place in places)]
    return figure(
        "Sites, users and links",
        "one-way latencies; places that would cover each other are moved apart",
        join((_map_legend(kinds), content)),
        (),
        folded(join(tables) if crowded else tables[0]),
    )


def _shape(places: Sequence[Place], bounds: Sequence[float]) -> float:
    """Return height over width of the map: that of the area it shows, within ``bounds``."""
    lon, lat = np.ptp([p.lon for p in places]), np.ptp([p.lat for p in places])
    if max(lon, lat) < LEAST_SPAN_DEGREES:
        return bounds[0]
    shrink = math.cos(math.radians(float(np.mean([p.lat for p in places]))))
    low, high = bounds
    return float(np.clip((lat + 1.0) / (lon * shrink + 1.0), low, high))


def _places(topology: Mapping[str, Any]) -> list[Place]:
    entries = [(name, "region", at) for name, at in (topology.get("regions") or {}).items()]
    entries += [
        (name, str(at.get("kind", "metro")), at)
        for name, at in (topology.get("sites") or {}).items()
    ]
    found = []
    for name, kind, at in entries:
        lat, lon = as_float(at.get("lat")), as_float(at.get("lon"))
        if lat is not None and lon is not None:
            found.append(Place(str(name), kind if kind in SHAPES else "metro", lon, lat))
    return sorted(found, key=lambda place: KINDS.index(place.kind))


def _links(topology: Mapping[str, Any]) -> list[Link]:
    return [
        Link(str(link.get("from")), str(link.get("to")), as_float(link.get("latency_s")))
        for link in topology.get("links") or ()
    ]


def _map(
    places: Sequence[Place],
    links: Sequence[Link],
    size: tuple[int, int],
    look: str,
    words: str,
) -> Markup:
    width, height = size
    lon = np.array([place.lon for place in places])
    lat = np.array([place.lat for place in places])
    projection = fit(lon, lat, width, height, MARGIN_PX)
    true = np.column_stack(projection.place(lon, lat))
    # crowded maps get smaller markers, so that they stay near their true places
    apart = float(np.clip(0.3 * math.sqrt(width * height / len(places)), 9.0, APART_PX))
    points = spread(true, apart, (width, height), MARGIN_PX / 2)
    scale = apart / APART_PX
    at = {place.name: point for place, point in zip(places, points, strict=True)}
    drawn = [link for link in links if link.start in at and link.end in at]
    labels = place_labels(
        [*_place_labels(places, points, scale), *_link_labels(drawn, at)],
        [_marker_box(x, y, scale) for x, y in points.tolist()],
        width,
        height,
    )
    parts = (
        _graticule(projection),
        _link_lines(drawn, at, places),
        join(_marker(place, point, scale) for place, point in zip(places, points, strict=True)),
        _label_texts(labels),
    )
    return tag(
        "svg", *parts, class_=look, viewBox=f"0 0 {width} {height}", role="img", aria_label=words
    )


def _place_labels(places: Sequence[Place], points: FloatArray, scale: float) -> list[Label]:
    return [
        Label(place.name, float(x), float(y), 12.0, 4.0 + MARKER_REACH_PX * scale)
        for place, (x, y) in zip(places, points, strict=True)
    ]


def _link_labels(links: Sequence[Link], at: Mapping[str, FloatArray]) -> list[Label]:
    labels = []
    for link in links if len(links) <= MOST_LINK_LABELS else ():
        (x, y), (dx, dy) = at[link.start].tolist(), (at[link.end] - at[link.start]).tolist()
        text = duration(link.latency_s)
        if math.hypot(dx, dy) > LETTER_PX * len(text) + 24:
            labels.append(Label(text, x + dx / 2, y + dy / 2, 10.5, 0.0, along=(dx, dy)))
    return labels


def _graticule(projection: Projection) -> Markup:
    """Return meridians and parallels at round degrees, labelled at the edge."""
    west, east, south, north = projection.edges()
    step = nice_step(max((east - west) / 2, north - south), 5)
    marks: list[Markup] = []
    for lon in _multiples(max(west, -180.0), min(east, 180.0), step):
        x = float(projection.place(lon, 0.0)[0])
        marks.append(tag("line", class_="grid", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=0, y2="100%"))
        if x < projection.width - LABEL_ROOM_PX:
            marks.append(_degrees(lon, "E", "W", x + 3, projection.height - 4))
    for lat in _multiples(max(south, -90.0), min(north, 90.0), step):
        y = float(projection.place(0.0, lat)[1])
        marks.append(tag("line", class_="grid", x1=0, x2="100%", y1=f"{y:.1f}", y2=f"{y:.1f}"))
        marks.append(_degrees(lat, "N", "S", 3, y - 3))
    return join(marks)


def _multiples(low: float, high: float, step: float) -> list[float]:
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _degrees(value: float, plus: str, minus: str, x: float, y: float) -> Markup:
    side = plus if value > 0 else minus if value < 0 else ""
    label = f"{number(abs(value), 4)}°{side}"
    return tag("text", label, class_="degrees", x=f"{x:.1f}", y=f"{y:.1f}")


def _link_lines(
    links: Iterable[Link], at: Mapping[str, FloatArray], places: Sequence[Place]
) -> Markup:
    regions = {place.name for place in places if place.kind == "region"}
    return join(
        tag(
            "line",
            class_="link" if {link.start, link.end} & regions else "link trunk",
            x1=f"{at[link.start][0]:.1f}",
            y1=f"{at[link.start][1]:.1f}",
            x2=f"{at[link.end][0]:.1f}",
            y2=f"{at[link.end][1]:.1f}",
        )
        for link in links
    )


def _marker_box(x: float, y: float, scale: float) -> Box:
    """Return the rectangle that a marker covers."""
    reach = MARKER_REACH_PX * scale
    return Box(x - reach, y - reach, x + reach, y + reach)


def _marker(place: Place, point: FloatArray, scale: float) -> Markup:
    return tag(
        "g",
        tag("title", f"{place.name} ({'users' if place.kind == 'region' else place.kind})"),
        tag("path", class_=f"marker {LOOKS[place.kind]}", d=SHAPES[place.kind]),
        transform=f"translate({point[0]:.1f} {point[1]:.1f}) scale({scale:.2f})",
    )


def _label_texts(labels: Iterable[Placed]) -> Markup:
    return join(
        tag(
            "text",
            placed.label.text,
            class_="halo place" if placed.label.reach else "halo latency",
            x=f"{placed.x:.1f}",
            y=f"{placed.y:.1f}",
            text_anchor=placed.anchor,
        )
        for placed in labels
    )


def _map_legend(kinds: Iterable[str]) -> Markup:
    items = [
        tag(
            "li",
            tag(
                "svg",
                tag("path", class_=f"marker {LOOKS[kind]}", d=SHAPES[kind]),
                viewBox="-10 -10 20 20",
                width=16,
                height=16,
                aria_hidden="true",
            ),
            "users" if kind == "region" else f"{kind} site",
        )
        for kind in kinds
    ]
    return tag("ul", *items, class_="legend")


def _place_table(places: Iterable[Place]) -> Markup:
    cells = [
        [p.name, "users" if p.kind == "region" else p.kind, f"{p.lat:.2f}", f"{p.lon:.2f}"]
        for p in places
    ]
    return table("Places", ["Place", "Kind", "Latitude", "Longitude"], cells, texts=2)


def _link_table(links: Iterable[Link]) -> Markup:
    cells = [
        [
            link.start,
            link.end,
            NOTHING if link.latency_s is None else duration(link.latency_s),
        ]
        for link in links
    ]
    return table("Links", ["From", "To", "One-way latency"], cells, texts=2)

"""Coefficient files: fitted step times and power curves as YAML, read with every problem told.

A file holds two lists, ``step_times`` and ``powers``. Each entry names its configuration
(``accelerator``, ``model``, ``precision``, ``tensor_parallel``), its ``kind`` and ``source``, the
``batch`` range of the data behind it, and quantities with their units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import as_file, files
from math import ceil, floor, inf, isfinite
from pathlib import Path
from typing import Any

from sim.errors import InputError, Problem, ScenarioError
from sim.registry import nearest_hint
from sim.scenario.document import Document, Place
from sim.scenario.yaml_reader import read_document
from sim.serving.configuration import Coefficients, Configuration
from sim.serving.power import PhasePower
from sim.serving.steptime import StepTime
from sim.units import POWER, SHARE, TIME, Kind, parse, render

KINDS = ("measured", "fitted", "vendor", "analyst", "guess")
PRECISIONS = ("bf16", "fp8", "int8", "int4", "fp4")
# Key in the file -> attribute. The order is the order in which they are written.
CONFIGURATION = ("accelerator", "model", "precision", "tensor_parallel")
STEP_TIMES = {
    "a": "a_s",
    "b": "b_s_per_token",
    "c": "c_s_per_kv_token",
    "d": "d_s_per_sqrt_seq",
    "e": "e_s_per_token2",
    "f": "f_s_per_seq",
}
WRITTEN_IN = {"a": "ms", "b": "us", "c": "ns", "d": "us", "e": "ns", "f": "us"}
POWERS = {
    "idle": "idle_w",
    "prefill": "prefill_w",
    "floor": "floor_w",
    "rise": "rise_w",
    "limit": "limit_w",
}
SHAPE = {"steepness": "steepness", "midpoint": "midpoint_log2"}
COMMON = (*CONFIGURATION, "kind", "source", "batch")
DIGITS = 5


@cache  # the shipped files do not change, and every pool of a scenario asks
def shipped_coefficients() -> Coefficients:
    """Return the fitted sets that come with Loadbank."""
    folder = files("sim") / "_data"
    with as_file(folder / "steptime.yaml") as times, as_file(folder / "power.yaml") as powers:
        return read_coefficients(powers, "power.yaml").over(
            read_coefficients(times, "steptime.yaml")
        )


def read_coefficients(path: Path, name: str | None = None) -> Coefficients:
    """Read a coefficient file.

    Args:
        path: the file.
        name: how messages call it; the path unless given.

    Raises:
        ScenarioError: with every problem of the file.
    """
    reader = _Reader(read_document(path, name))
    coefficients = reader.read()
    if reader.problems:
        raise ScenarioError(reader.problems)
    return coefficients


def write_coefficients(coefficients: Coefficients) -> str:
    """Return the text of a coefficient file."""
    lines = ["version: 1"]
    for title, entries, text in (
        ("step_times", coefficients.step_times, _step_text),
        ("powers", coefficients.powers, _power_text),
    ):
        if entries:
            lines.append(f"{title}:")
        for key in sorted(entries):
            lines += _entry(key, entries[key], text)  # type: ignore[arg-type, operator]
    return "\n".join(lines) + "\n"


def _entry(
    key: Configuration, value: StepTime | PhasePower, text: Callable[[Any], list[str]]
) -> list[str]:
    names = ", ".join(f"{name}: {getattr(key, name)}" for name in CONFIGURATION[:3])
    quoted = value.source.replace('"', "'")
    lines = [f"  - {{{names}, tensor_parallel: {key.tensor_parallel},"]
    lines.append(f"     {', '.join(text(value))},")
    high = "" if value.batch_high == inf else f", {ceil(value.batch_high)}"
    lines.append(
        f'     batch: [{floor(value.batch_low)}{high}], kind: {value.kind}, source: "{quoted}"}}'
    )
    return lines


def _step_text(step: StepTime) -> list[str]:
    parts = []
    for name, attribute in STEP_TIMES.items():
        seconds = getattr(step, attribute)
        if seconds or name in "ab":
            unit = WRITTEN_IN[name]
            parts.append(f"{name}: {seconds / float(TIME.units[unit]):.{DIGITS}g} {unit}")
    if step.curve:
        points = (f"[{n:.6g}, {1e3 * s:.{DIGITS}g} ms]" for n, s in step.curve)
        parts.append(f"curve: [{', '.join(points)}]")
    if (step.time_low, step.time_high) != (1.0, 1.0):
        low, high = (render(end, SHARE, 3) for end in (step.time_low, step.time_high))
        parts.append(f"interval: [{low}, {high}]")
    return parts


def _power_text(power: PhasePower) -> list[str]:
    parts = [
        f"{name}: {render(getattr(power, attribute), POWER, DIGITS)}"
        for name, attribute in POWERS.items()
        if isfinite(getattr(power, attribute))
    ]
    return parts + [f"{name}: {getattr(power, field):.4g}" for name, field in SHAPE.items()]


class _Reader:
    """Turns a document into coefficients and collects what is wrong with it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.problems: list[Problem] = list(document.problems)

    def read(self) -> Coefficients:
        data = self._document.data
        if not isinstance(data, dict):
            self._refuse((), "something else", "a mapping with step_times or powers")
            return Coefficients()
        self._known_keys((), data, ("version", "step_times", "powers"))
        if data.get("version") != 1:
            self._refuse(("version",), repr(data.get("version")), "version 1")
        return Coefficients(
            self._entries("step_times", self._step_time), self._entries("powers", self._power)
        )

    def _entries(self, title: str, build: Callable[..., Any]) -> dict[Configuration, Any]:
        entries = self._document.data.get(title, [])
        found: dict[Configuration, Any] = {}
        if not isinstance(entries, list):
            self._refuse((title,), repr(entries), "a list of entries")
            return found
        for number, entry in enumerate(entries):
            place: Place = (title, number)
            if not isinstance(entry, dict):
                self._refuse(place, repr(entry), "a mapping")
                continue
            key = self._configuration(place, entry)
            before = len(self.problems)
            value = build(place, entry, **self._provenance(place, entry))
            if key in found:
                self._refuse(place, "the same configuration again", "one entry for each")
            if key is not None and len(self.problems) == before:
                found[key] = value
        return found

    def _configuration(self, place: Place, entry: Mapping[str, Any]) -> Configuration | None:
        before = len(self.problems)
        names = [self._text(place, entry, key) for key in ("accelerator", "model")]
        precision = self._text(place, entry, "precision", "bf16", PRECISIONS)
        group = entry.get("tensor_parallel", 1)
        if not isinstance(group, int) or isinstance(group, bool) or group < 1:
            self._refuse((*place, "tensor_parallel"), repr(group), "a whole number from 1")
        if len(self.problems) > before:
            return None
        return Configuration(names[0], names[1], precision, group)

    def _provenance(self, place: Place, entry: Mapping[str, Any]) -> dict[str, Any]:
        batch = entry.get("batch", [0])
        ends = batch if isinstance(batch, list) else []
        if not 1 <= len(ends) <= 2 or not all(_is_number(end) and end >= 0 for end in ends):
            self._refuse((*place, "batch"), repr(batch), "one or two batch sizes: [low, high]")
            ends = [0]
        return {
            "kind": self._text(place, entry, "kind", "guess", KINDS),
            "source": self._text(place, entry, "source"),
            "batch_low": float(ends[0]),
            "batch_high": float(ends[1]) if len(ends) == 2 else inf,
        }

    def _step_time(self, place: Place, entry: Mapping[str, Any], **common: Any) -> StepTime:
        self._known_keys(place, entry, (*COMMON, *STEP_TIMES, "curve", "interval"))
        times = {
            attribute: self._quantity((*place, key), entry.get(key), TIME, required=key in "ab")
            for key, attribute in STEP_TIMES.items()
        }
        curve = self._curve((*place, "curve"), entry.get("curve", []))
        interval = entry.get("interval", ["100 %", "100 %"])
        if not isinstance(interval, list) or len(interval) != 2:
            self._refuse((*place, "interval"), repr(interval), "two shares: [90 %, 110 %]")
            interval = ["100 %", "100 %"]
        ends = [
            self._quantity((*place, "interval", at), end, SHARE) for at, end in enumerate(interval)
        ]
        return StepTime(**times, curve=curve, time_low=ends[0], time_high=ends[1], **common)

    def _curve(self, place: Place, points: Any) -> tuple[tuple[float, float], ...]:
        good = isinstance(points, list) and all(
            isinstance(point, list) and len(point) == 2 and _is_number(point[0]) for point in points
        )
        if not good:
            self._refuse(place, repr(points), "a list of [new tokens, time], such as [512, 40 ms]")
            return ()
        tokens = [float(point[0]) for point in points]
        if any(right <= left for left, right in zip([0.0, *tokens], tokens, strict=False)):
            self._refuse(place, "points out of order", "new tokens that increase, above 0")
        times = [self._quantity((*place, at, 1), point[1], TIME) for at, point in enumerate(points)]
        return tuple(zip(tokens, times, strict=True))

    def _power(self, place: Place, entry: Mapping[str, Any], **common: Any) -> PhasePower:
        self._known_keys(place, entry, (*COMMON, *POWERS, *SHAPE))
        watts = {
            attribute: self._quantity((*place, key), entry[key], POWER)
            for key, attribute in POWERS.items()
            if key in entry
        }
        for key in ("idle", "prefill", "floor", "rise"):
            if key not in entry:
                self._refuse((*place, key), "", f"{POWER.expected} (missing)")
        shape = {}
        for key, attribute in SHAPE.items():
            if not _is_number(entry.get(key, 1.0)):
                self._refuse((*place, key), repr(entry[key]), "a number")
            elif key in entry:
                shape[attribute] = float(entry[key])
        missing = {name: 0.0 for name in POWERS.values() if name != "limit_w"}
        return PhasePower(**{**missing, **watts}, **shape, **common)

    def _quantity(self, place: Place, value: Any, kind: Kind, *, required: bool = False) -> float:
        if value is None and not required:
            return 0.0
        if value is None:
            self._refuse(place, "", f"{kind.expected} (missing)")
            return 0.0
        try:
            number = parse(str(value), kind)
        except InputError as error:
            problem = error.problems[0]
            self._refuse(place, problem.got, problem.expected, problem.hint)
            return 0.0
        if number < 0.0:
            self._refuse(place, repr(value), f"{kind.expected}, not negative")
        return number

    def _text(
        self,
        place: Place,
        entry: Mapping[str, Any],
        key: str,
        default: str = "",
        allowed: tuple[str, ...] = (),
    ) -> str:
        value = entry.get(key, default)
        if not isinstance(value, str) or not value:
            self._refuse((*place, key), repr(value) if key in entry else "", f"text in {key!r}")
            return ""
        if allowed and value not in allowed:
            expected = "one of " + ", ".join(allowed)
            self._refuse((*place, key), repr(value), expected, nearest_hint(value, list(allowed)))
        return value

    def _known_keys(self, place: Place, entry: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in entry:
            if key not in known:
                self.problems.append(
                    self._document.problem(
                        (*place, key),
                        repr(key),
                        "one of " + ", ".join(known),
                        nearest_hint(key, list(known)),
                        of_key=True,
                    )
                )

    def _refuse(self, place: Place, got: str, expected: str, hint: str = "") -> None:
        if place not in self._document.spoilt:
            self.problems.append(self._document.problem(place, got, expected, hint))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)

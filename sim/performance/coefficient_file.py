"""Coefficient files: fitted step times and power curves as YAML, read with every problem told.

A file holds lists: ``step_times`` and ``powers`` by configuration (``accelerator``, ``model``,
``precision``, ``tensor_parallel``, ``engine``) and ``accelerators`` for dense models in general.
Each entry says its ``kind`` and ``source`` and the ``batch`` range of the data behind it;
quantities carry their units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import as_file, files
from math import inf, isfinite
from pathlib import Path
from typing import Any, TypeVar

from sim.document.document import Document, Place
from sim.document.yaml_reader import read_document
from sim.errors import InputError, Problem, ScenarioError
from sim.performance.configuration import Coefficients, Configuration
from sim.performance.engines import DEFAULT_ENGINE, ENGINES
from sim.performance.power import PhasePower
from sim.performance.steptime import StepTime
from sim.performance.terms import AcceleratorTerms
from sim.registry import nearest_hint
from sim.units import POWER, SHARE, TIME, TOKENS, Kind, parse

K = TypeVar("K")
V = TypeVar("V")

KINDS = ("measured", "fitted", "vendor", "analyst", "guess")
PRECISIONS = ("bf16", "fp8", "int8", "int4", "fp4")
# Key in the file -> attribute. The order is the order in which they are written.
CONFIGURATION = ("accelerator", "model", "precision", "tensor_parallel")
LAYOUT = ("expert_parallel", "data_parallel")  # written where they are not 1
STEP_TIMES = {
    "a": "a_s",
    "b": "b_s_per_token",
    "c": "c_s_per_kv_token",
    "d": "d_s_per_sqrt_seq",
    "e": "e_s_per_token2",
    "f": "f_s_per_seq",
}
POWERS = {
    "idle": "idle_w",
    "prefill": "prefill_w",
    "floor": "floor_w",
    "rise": "rise_w",
    "limit": "limit_w",
}
SHAPE = {"steepness": "steepness", "midpoint": "midpoint_log2"}
TERM_TIMES = {"layer": "layer_s", "sequence": "sequence_s"}
TERM_FACTORS = {"weights": "weights", "kv": "kv", "compute": "compute"}
COMMON = ("kind", "source", "batch", "engine", "engine_version")
SHAPED = ("curve", "batch_curve", "interval", "context")
TOP = ("step_times", "powers", "accelerators")


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


def check_precision(name: str) -> None:
    """Refuse a precision that no configuration can have.

    Raises:
        InputError: unknown name; lists the known ones.
    """
    if name not in PRECISIONS:
        expected = "one of " + ", ".join(PRECISIONS)
        hint = nearest_hint(name, list(PRECISIONS))
        raise InputError([Problem("precision", repr(name), expected, hint=hint)])


def check_engine(name: str) -> None:
    """Refuse an engine that no configuration can have.

    Raises:
        InputError: unknown name; lists the known ones.
    """
    if name not in ENGINES:
        hint = nearest_hint(name, list(ENGINES))
        raise InputError([Problem("engine", repr(name), "one of " + ", ".join(ENGINES), hint=hint)])


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
        self._known_keys((), data, ("version", *TOP))
        if data.get("version") != 1:
            self._refuse(("version",), repr(data.get("version")), "version 1")
        return Coefficients(
            self._entries("step_times", self._configuration, self._step_time),
            self._entries("powers", self._configuration, self._power),
            self._entries("accelerators", self._accelerator, self._terms),
        )

    def _entries(
        self, title: str, name: Callable[..., K | None], build: Callable[..., V]
    ) -> dict[K, V]:
        entries = self._document.data.get(title, [])
        found: dict[K, V] = {}
        if not isinstance(entries, list):
            self._refuse((title,), repr(entries), "a list of entries")
            return found
        for number, entry in enumerate(entries):
            place: Place = (title, number)
            if not isinstance(entry, dict):
                self._refuse(place, repr(entry), "a mapping")
                continue
            key = name(place, entry)
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
        tensor, expert, data = [
            self._count(place, entry, key) for key in ("tensor_parallel", *LAYOUT)
        ]
        if len(self.problems) > before:
            return None
        return Configuration(
            names[0], names[1], precision, tensor, expert, data, self._engine(place, entry)
        )

    def _engine(self, place: Place, entry: Mapping[str, Any]) -> str:
        return self._text(place, entry, "engine", DEFAULT_ENGINE, ENGINES)

    def _measured_on(self, place: Place, entry: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"engine": self._engine(place, entry)}
        if "engine_version" in entry:
            found["engine_version"] = self._text(place, entry, "engine_version")
        return found

    def _count(self, place: Place, entry: Mapping[str, Any], key: str) -> int:
        count = entry.get(key, 1)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            self._refuse((*place, key), repr(count), "a whole number from 1")
            return 1
        return count

    def _accelerator(self, place: Place, entry: Mapping[str, Any]) -> str | None:
        return self._text(place, entry, "accelerator") or None

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
        self._known_keys(place, entry, (*CONFIGURATION, *LAYOUT, *COMMON, *STEP_TIMES, *SHAPED))
        times: dict[str, Any] = {
            attribute: self._quantity((*place, key), entry.get(key), TIME, required=key in "ab")
            for key, attribute in STEP_TIMES.items()
        }
        for name in ("curve", "batch_curve"):
            times[name] = self._curve((*place, name), entry.get(name, []), TIME)
        on = self._measured_on(place, entry)
        return StepTime(**times, **on, **self._spread(place, entry), **common)

    def _terms(self, place: Place, entry: Mapping[str, Any], **common: Any) -> AcceleratorTerms:
        allowed = ("accelerator", *COMMON, *TERM_TIMES, *TERM_FACTORS, "interval", "context")
        self._known_keys(place, entry, allowed)
        times: dict[str, Any] = {
            attribute: self._quantity((*place, key), entry.get(key), TIME, required=True)
            for key, attribute in TERM_TIMES.items()
        }
        factors: dict[str, Any] = {
            attribute: self._number((*place, key), entry.get(key), 0.0)
            for key, attribute in TERM_FACTORS.items()
        }
        on = self._measured_on(place, entry)
        return AcceleratorTerms(**times, **factors, **on, **self._spread(place, entry), **common)

    def _spread(self, place: Place, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Read the interval of the step time, and up to which context it was seen to hold."""
        found = self._interval(place, entry)
        if "context" in entry:
            at = (*place, "context")
            found["context_high"] = self._quantity(at, entry["context"], TOKENS)
        return found

    def _interval(self, place: Place, entry: Mapping[str, Any]) -> dict[str, Any]:
        interval = entry.get("interval", ["100 %", "100 %"])
        if not isinstance(interval, list) or len(interval) != 2:
            self._refuse((*place, "interval"), repr(interval), "two shares: [90 %, 110 %]")
            return {}
        low, high = (
            self._quantity((*place, "interval", at), end, SHARE) for at, end in enumerate(interval)
        )
        return {"time_low": low, "time_high": high}

    def _curve(self, place: Place, points: Any, kind: Kind) -> tuple[tuple[float, float], ...]:
        good = isinstance(points, list) and all(
            isinstance(point, list) and len(point) == 2 and _is_number(point[0]) for point in points
        )
        if not good:
            expected = f"a list of pairs [number, {kind.name}], such as [512, {kind.example}]"
            self._refuse(place, repr(points), expected)
            return ()
        numbers = [float(point[0]) for point in points]
        if any(right <= left for left, right in zip([0.0, *numbers], numbers, strict=False)):
            expected = "new tokens or batches that increase, above 0"
            self._refuse(place, "points out of order", expected)
        values = [
            self._quantity((*place, at, 1), point[1], kind) for at, point in enumerate(points)
        ]
        return tuple(zip(numbers, values, strict=True))

    def _power(self, place: Place, entry: Mapping[str, Any], **common: Any) -> PhasePower:
        self._known_keys(
            place, entry, (*CONFIGURATION, *LAYOUT, *COMMON, *POWERS, *SHAPE, "points")
        )
        watts: dict[str, Any] = {
            attribute: self._quantity((*place, key), entry[key], POWER)
            for key, attribute in POWERS.items()
            if key in entry
        }
        for key in ("idle", "prefill", "floor", "rise"):
            if key not in entry:
                self._refuse((*place, key), "", f"{POWER.expected} (missing)")
        shape: dict[str, Any] = {
            attribute: self._number((*place, key), entry[key], None)
            for key, attribute in SHAPE.items()
            if key in entry
        }
        missing: dict[str, Any] = {name: 0.0 for name in POWERS.values() if name != "limit_w"}
        points = self._curve((*place, "points"), entry.get("points", []), POWER)
        return PhasePower(**{**missing, **watts}, **shape, points=points, **common)

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

    def _number(self, place: Place, value: Any, lowest: float | None) -> float:
        if not _is_number(value) or (lowest is not None and value < lowest):
            self._refuse(place, repr(value), "a number" if lowest is None else "a number from 0")
            return 0.0
        return float(value)

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

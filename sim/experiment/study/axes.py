"""The axes of a study's design, for pictures: which value of each axis a variant has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.experiment.study.design import Variant
from sim.scenario.schema.study import Study
from sim.units import NUMBER

_NUMBER_AND_UNIT = re.compile(rf"\s*({NUMBER})\s*(.*?)\s*")


@dataclass(frozen=True, slots=True)
class StudyAxis:
    """One axis.

    Attributes:
        title: the dotted path, or several of them for values that change together.
        texts: its values as people write them, in the order of the study.
        numbers: the same as numbers, None where they are not numbers of one unit.
        places: index of the value by variant.
        sampled: whether the values are spread at random, so that nearly all are different.
        paths: dotted paths of what changes along it.
    """

    title: str
    texts: tuple[str, ...]
    numbers: tuple[float, ...] | None
    places: Mapping[int, int]
    sampled: bool = False
    paths: tuple[str, ...] = ()


def axes_of(study: Study, variants: Sequence[Variant]) -> list[StudyAxis]:
    """Return the axes along which the variants differ."""
    sweep = study.sweep
    written = dict.fromkeys(path for changes in sweep.listed for path in changes)
    listed = tuple(path for path in written if path != "label")
    groups: list[tuple[tuple[str, ...], bool]] = [((path,), False) for path in sweep.grid]
    groups += [(tuple(sweep.zipped), False), (listed, False)]
    groups += [((path,), True) for part in (sweep.lhs, sweep.sobol) if part for path in part.axes]
    axes = [_axis(paths, variants, sampled) for paths, sampled in groups if len(paths)]
    return [axis for axis in axes if len(axis.texts) > 1]


def _axis(paths: tuple[str, ...], variants: Sequence[Variant], sampled: bool) -> StudyAxis:
    named = len(paths) > 1 and all(variant.label for variant in variants)
    texts: dict[str, int] = {}
    places, numbers = {}, {}
    for variant in variants:
        values = [variant.changes.get(path) for path in paths]
        # values of one list entry are told by its label, of a zip by the values together
        text = " + ".join(value_text(value) for value in values)
        places[variant.index] = texts.setdefault(text, len(texts))
        # values that change together stand at the first of them
        numbers[text] = None if None in (found := [*map(_number, values)]) else found[0]
    if named and len({variant.label for variant in variants}) == len(texts):
        by_place = {places[variant.index]: variant.label for variant in variants}
        labels = tuple(by_place[i] for i in range(len(texts)))
        return StudyAxis("label", labels, None, places, paths=paths)
    title = " + ".join(paths)
    return StudyAxis(title, tuple(texts), _one_unit(numbers), places, sampled, paths)


def value_text(value: Any) -> str:
    """Return a value as a short text: mappings without brackets, nothing for no value."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {value_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(value_text(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def _number(value: Any) -> tuple[float, str] | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value), ""
    match = _NUMBER_AND_UNIT.fullmatch(value) if isinstance(value, str) else None
    return (float(match[1]), match[2]) if match else None


def _one_unit(found: Mapping[str, tuple[float, str] | None]) -> tuple[float, ...] | None:
    known = [each for each in found.values() if each is not None]
    if len(known) < len(found) or len({unit for _, unit in known}) > 1:
        return None
    return tuple(number for number, _ in known)

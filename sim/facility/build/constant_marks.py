"""Kind and source of the constants that a run's facility uses, for its list of guesses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Final

from sim.catalog.entries import Source, Sourced
from sim.facility.build.constants import table
from sim.scenario.schema import facility as schema

# Sections of a scenario that are given by site.
_BY_SITE: Final = {
    "electrical": schema.Electrical,
    "cooling": schema.Cooling,
    "weather": schema.Weather,
}


@dataclass(frozen=True, slots=True)
class Constant:
    """A number of the table.

    Attributes:
        value: in the SI unit that its name ends with.
        mark: how far it can be trusted.
        used_by: ``all``, ``liquid``, ``tower`` or ``setting``.
    """

    value: float
    mark: Sourced
    used_by: str


@cache
def sources() -> Mapping[str, Source]:
    """Return the sources that the catalogue does not have, by name."""
    return {
        name: Source(name, entry["title"], entry["where"], entry["date"])
        for name, entry in table()["sources"].items()
    }


@cache
def constants() -> Mapping[str, Constant]:
    """Return all constants by name."""
    return {
        name: Constant(float(entry["value"]), _mark(entry), entry["used_by"])
        for name, entry in table()["constants"].items()
    }


def _mark(entry: Mapping[str, Any]) -> Sourced:
    low, high = (None if entry.get(end) is None else float(entry[end]) for end in ("low", "high"))
    return Sourced(entry["kind"], entry["source"], "", low, high, entry.get("note", ""))


def marks_of(
    settings: schema.Facility, site_names: tuple[str, ...], methods: tuple[str, ...]
) -> dict[str, dict[str, Sourced]]:
    """Return the marks of the numbers that a run's facility uses, by entry and field.

    Args:
        settings: the scenario's facility section.
        site_names: all sites.
        methods: cooling method of each rack.
    """
    liquid = any(name in table()["liquid_methods"] for name in methods)
    tower = any(
        section.heat_rejection != "dry" for section in _sections(settings, "cooling", site_names)
    )
    using = {"all": True, "liquid": liquid, "tower": tower}
    found: dict[str, dict[str, Sourced]] = {}
    for name, constant in constants().items():
        entry, _, field = name.rpartition(".")
        if constant.used_by == "setting":
            used = constant.value in _given(settings, name, site_names)
        else:
            used = using[constant.used_by]
        if used:
            found.setdefault(f"facility.{entry}", {})[field] = constant.mark
    for name, entry in table()["chillers"].items():
        if name == "air" or tower:
            found[f"facility.chillers.{name}"] = {"cop": _mark(entry)}
    for method in sorted(set(methods)):
        entry = {**table()["air_methods"], **table()["liquid_methods"]}[method]
        fields = [name for name in entry if isinstance(entry[name], int | float)]
        found[f"facility.methods.{method}"] = dict.fromkeys(fields, _mark(entry))
    return found


def _sections(settings: schema.Facility, name: str, site_names: tuple[str, ...]) -> list[Any]:
    if name == "control":
        return [settings.control]
    made = _BY_SITE[name]()
    return [schema.for_site(getattr(settings, name), site, made) for site in site_names]


def _given(settings: schema.Facility, path: str, site_names: tuple[str, ...]) -> Iterator[float]:
    """Yield the values that the sites have of a setting."""
    section, *steps = path.split(".")
    for entry in _sections(settings, section, site_names):
        if section == "weather" and entry.file is not None:
            continue  # the file goes before the climate
        yield attrgetter(".".join(steps))(entry)

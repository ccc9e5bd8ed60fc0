"""Raw entries of all files to finished ones, and the checks that need more than one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sim.catalog.entries import (
    Accelerator,
    ClimateEntry,
    Efficiency,
    Entry,
    Model,
    NodeType,
    Owner,
    RackType,
    Region,
    Sourced,
)
from sim.catalog.fields import FIELDS, SECTIONS, Field
from sim.catalog.marks import refuse
from sim.catalog.reader import Layer, Leaf, RawEntry
from sim.document.document import dotted
from sim.errors import Problem
from sim.registry import nearest_hint

CLIMATE_NUMBERS = 4  # mean, yearly, daily and dew point
Leaves = dict[tuple[Any, ...], Leaf]


def combine(layers: list[Layer]) -> dict[str, dict[str, RawEntry]]:
    """Return the entries of all files by section and name; later files go before earlier ones."""
    combined: dict[str, dict[str, RawEntry]] = {section: {} for section in SECTIONS}
    for layer in layers:
        for section, entries in layer.entries.items():
            known = combined[section]
            for name, entry in entries.items():
                known[name] = _over(known[name], entry) if name in known else entry
    return combined


def _over(before: RawEntry, entry: RawEntry) -> RawEntry:
    like = entry.like or before.like
    return RawEntry(entry.document, entry.place, like, {**before.leaves, **entry.leaves})


def build(layers: list[Layer]) -> tuple[dict[str, dict[str, Entry]], list[Problem]]:
    """Return the finished entries by section and name, and the problems with them."""
    problems: list[Problem] = []
    raw = combine(layers)
    finished: dict[str, dict[str, Entry]] = {section: {} for section in SECTIONS}
    for section in SECTIONS:
        base: Leaves = {}
        for layer in layers:
            if section in layer.defaults:
                base |= layer.defaults[section].leaves
        for name, entry in raw[section].items():
            leaves = {**base, **_inherited(name, raw[section])}
            values, sources = _values(entry, FIELDS[section], leaves, problems)
            if values is not None:
                made = _MAKERS[section](name, values, sources, finished)
                problems += _checked(made, entry, finished)
                finished[section][name] = made
    return finished, problems


def _inherited(name: str, entries: Mapping[str, RawEntry]) -> Leaves:
    """Return the values of an entry over those of the entries that it is like."""
    chain = [name]
    while (like := entries[chain[-1]].like) is not None:
        entry = entries[chain[-1]]
        if like in chain or like not in entries:
            expected = "another entry of this section that is not like this one"
            hint = nearest_hint(like, [other for other in entries if other not in chain])
            refuse(entry.document, (*entry.place, "like"), like, expected, hint)
            break
        chain.append(like)
    leaves: Leaves = {}
    for ancestor in reversed(chain):
        leaves |= entries[ancestor].leaves
    return leaves


def _values(
    entry: RawEntry, fields: tuple[Field, ...], leaves: Leaves, problems: list[Problem]
) -> tuple[dict[str, Any] | None, dict[str, Sourced]]:
    """Return the attributes of an entry with their marks; None if a required one is missing."""
    values: dict[str, Any] = {}
    sources: dict[str, Sourced] = {}
    tables = {item.name for item in fields if item.member}
    for index, leaf in leaves.items():
        if index[0] in tables:
            values.setdefault(index[0], {})[index[1]] = leaf.value
        else:
            values[index[0]] = leaf.value
        if leaf.sourced:
            sources[".".join(str(part) for part in index)] = leaf.sourced
    missing = [item.key for item in fields if item.required and item.name not in values]
    if missing and not _already_wrong(entry):
        expected = "the keys " + ", ".join(missing)
        hint = "'like: NAME' takes what is not given from another entry"
        problem = entry.document.problem(entry.place, "an entry without some", expected, hint)
        problems.append(problem)
    return (None if missing else values), sources


def _already_wrong(entry: RawEntry) -> bool:
    """Return whether there is a problem with an entry, so that values may be missing for it."""
    path = dotted(entry.place)
    found = (problem.path for problem in entry.document.problems)
    return any(other == path or other.startswith((f"{path}.", f"{path}[")) for other in found)


Finished = Mapping[str, Mapping[str, Entry]]
Values = dict[str, Any]
Sources = dict[str, Sourced]


def _accelerator(name: str, values: Values, sources: Sources, _: Finished) -> Accelerator:
    inner = {
        key.removeprefix("efficiency."): values.pop(key)
        for key in list(values)
        if key.startswith("efficiency.")
    }
    return Accelerator(name=name, efficiency=Efficiency(**inner), sources=sources, **values)


def _model(name: str, values: Values, sources: Sources, _: Finished) -> Model:
    if "active_params" not in values:
        values["active_params"] = values["params"]
        sources["active_params"] = sources["params"]
    return Model(name=name, sources=sources, **values)


def _node(name: str, values: Values, sources: Sources, finished: Finished) -> NodeType:
    curve = sorted(values.pop("psu_efficiency").items())
    load, efficiency = zip(*curve, strict=True)
    accelerator = finished["accelerators"].get(values["accelerator"])
    tdp_w, idle_w = 1.0, 0.0  # an unknown accelerator is told by _node_mistakes
    if isinstance(accelerator, Accelerator):
        tdp_w, idle_w = accelerator.tdp_w, accelerator.idle_w
    return NodeType(
        name=name,
        accelerator_tdp_w=tdp_w,
        accelerator_idle_w=idle_w,
        psu_load=load,
        psu_efficiency=efficiency,
        sources=sources,
        **values,
    )


def _rack(name: str, values: Values, sources: Sources, _: Finished) -> RackType:
    return RackType(name=name, sources=sources, **values)


def _region(name: str, values: Values, sources: Sources, _: Finished) -> Region:
    inner = {
        key.removeprefix("climate."): values.pop(key)
        for key in list(values)
        if key.startswith("climate.")
    }
    whole = len(inner.keys() - {"southern"}) == CLIMATE_NUMBERS
    climate = ClimateEntry(**inner) if whole else None
    return Region(name=name, climate=climate, sources=sources, **values)


def _owner(name: str, values: Values, sources: Sources, _: Finished) -> Owner:
    return Owner(name=name, sources=sources, **values)


_MAKERS: Mapping[str, Callable[[str, Values, Sources, Finished], Entry]] = {
    "accelerators": _accelerator,
    "models": _model,
    "nodes": _node,
    "racks": _rack,
    "regions": _region,
    "owners": _owner,
}


def _checked(made: Entry, entry: RawEntry, finished: Finished) -> list[Problem]:
    """Return what is wrong between the values of an entry, or with what it refers to."""

    def problem(key: str, got: object, expected: str, hint: str = "") -> Problem:
        place = (*entry.place, *key.split("."))
        return entry.document.problem(place, str(got), expected, hint)

    if isinstance(made, Accelerator):
        return [problem(*wrong) for wrong in _accelerator_mistakes(made)]
    if isinstance(made, Region) and made.climate is None:
        if any(str(index[0]).startswith("climate.") for index in entry.leaves):
            expected = "mean, yearly, daily and dew_point, all four"
            return [problem("climate", "a part of a climate", expected)]
        return []
    if isinstance(made, Model):
        return [problem(*wrong) for wrong in _model_mistakes(made)]
    if isinstance(made, NodeType):
        return [problem(*wrong) for wrong in _node_mistakes(made, finished["accelerators"])]
    if isinstance(made, RackType):
        return [problem(*wrong) for wrong in _rack_mistakes(made, finished["nodes"])]
    return []


Mistake = tuple[str, object, str, str]


def _accelerator_mistakes(made: Accelerator) -> list[Mistake]:
    found: list[Mistake] = []
    if "bf16" not in made.flops:
        expected = "bf16 among them; other weights are unpacked and multiplied in it"
        found.append(("flops", ", ".join(made.flops), expected, ""))
    if made.idle_w > made.tdp_w:
        found.append(("power.idle", f"{made.idle_w:g} W", f"at most tdp, {made.tdp_w:g} W", ""))
    return found


def _model_mistakes(model: Model) -> list[Mistake]:
    found: list[Mistake] = []
    if model.kv_heads > model.heads:
        found.append(("shape.kv_heads", model.kv_heads, f"at most heads, {model.heads}", ""))
    if model.active_params > model.params:
        found.append(("weights.active", f"{model.active_params / 1e9:g}", "at most total", ""))
    experts, top_k = model.experts or 0, model.top_k or 0
    if top_k > experts or bool(top_k) != bool(experts):
        got = f"count {experts}, top_k {top_k}"
        found.append(("experts", got, "count and top_k, and top_k not larger", ""))
    if (model.window_tokens is None) != (model.window_share == 0.0):
        found.append(("window", model.window_tokens, "window and window_share together", ""))
    return found


def _unknown(key: str, name: str, noun: str, known: Mapping[str, Entry]) -> Mistake:
    return (key, repr(name), f"the name of {noun} in the catalogue", nearest_hint(name, [*known]))


def _node_mistakes(node: NodeType, accelerators: Mapping[str, Entry]) -> list[Mistake]:
    accelerator = accelerators.get(node.accelerator)
    if not isinstance(accelerator, Accelerator):
        return [_unknown("accelerator", node.accelerator, "an accelerator", accelerators)]
    found: list[Mistake] = []
    if node.cooling not in accelerator.cooling:
        expected = f"{' or '.join(accelerator.cooling)}, as {accelerator.name} is sold"
        found.append(("cooling", node.cooling, expected, ""))
    if node.fan_peak_share < node.fan_idle_share:
        found.append(("fans.peak_share", node.fan_peak_share, "at least idle_share", ""))
    drawn = np.divide(node.psu_load, node.psu_efficiency)
    if len(node.psu_load) < 2 or np.any(np.diff(drawn) <= 0.0):
        expected = "two load points or more, between which the drawn power rises"
        found.append(("psu.efficiency", list(node.psu_efficiency), expected, ""))
    return found


def _rack_mistakes(rack: RackType, nodes: Mapping[str, Entry]) -> list[Mistake]:
    node = nodes.get(rack.node)
    if not isinstance(node, NodeType):
        return [_unknown("node", rack.node, "a node type", nodes)]
    if rack.cooling == "air" and node.cooling == "liquid":
        return [("cooling", rack.cooling, f"liquid, as {node.name} needs", "")]
    return []

"""What people call a setting of the scenario: ``pools.metro.replicas`` are the metro replicas."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sim.experiment.study.axes import StudyAxis

# A pattern of a dotted path, the setting's title, and a value of it in a sentence. What stands
# between the dots is {0}, {1}, ...; the value is {value}.
_NAMED: tuple[tuple[str, str, str], ...] = (
    (r"pools\.([^.]+)\.replicas", "{0} replicas", "{value} {0} replicas"),
    (r"pools\.([^.]+)\.racks\.type", "racks of {0}", "{0} on {value}"),
    (r"pools\.([^.]+)\.tensor_parallel", "tensor parallelism of {0}", "{0} at TP {value}"),
    (r"pools\.([^.]+)\.model", "model of {0}", "{value} on {0}"),
    (r"traffic\.([^.]+)\.trace\.scale", "{0} traffic, × its trace", "{value} × {0} traffic"),
    (r"traffic\.([^.]+)\.arrivals\.rate", "{0} arrivals", "{value} of {0}"),
    (r"traffic\.([^.]+)\.arrivals\.cv", "CV of {0} arrivals", "{0} arrivals of CV {value}"),
    (r"traffic\.([^.]+)\.tiers", "tiers of {0}", "{0} with {value}"),
    (r"traffic\.([^.]+)\.regions", "regions of {0}", "{0} from {value}"),
    (r"routing\.policy", "routing", "routing by {value}"),
    (r"routing\.spill_at", "spill-over threshold", "spill-over at {value}"),
    (r"topology\.sites\.([^.]+)(?:\..+)?\.racks\.type", "racks at {0}", "{value} at {0}"),
    (r"topology\.sites\.([^.]+)(?:\..+)?\.power_limit", "power limit at {0}", "{value} at {0}"),
    (r"topology\.sites\.([^.]+)(?:\..+)?\.count", "racks at {0}", "{value} racks at {0}"),
)
_PATTERNS = tuple((re.compile(pattern), title, phrase) for pattern, title, phrase in _NAMED)

# What a designer does not choose: demand, weather, prices, faults and the numbers of the models.
_SCENARIO = re.compile(
    r"(traffic|faults|catalog|constants|coefficients)\b.*"
    r"|.*\b(weather|climate|price|prices|carbon|grid|curtailment|outdoor)(\.|$).*"
)


def is_scenario(paths: Sequence[str]) -> bool:
    """Return whether settings are the world's and not the designer's to choose."""
    return all(_SCENARIO.fullmatch(path) for path in paths) and bool(paths)


def setting_title(path: str) -> str:
    """Return what people call a setting."""
    for pattern, title, _ in _PATTERNS:
        match = pattern.fullmatch(path)
        if match:
            return title.format(*match.groups())
    *owners, last = path.split(".")
    owner = owners[1] if len(owners) > 1 else next(iter(owners), "")
    words = last.replace("_", " ")
    return f"{words} of {owner}" if owner else words


def setting_phrase(path: str, value: str) -> str:
    """Return a setting with its value, as it stands in a sentence."""
    for pattern, _, phrase in _PATTERNS:
        match = pattern.fullmatch(path)
        if match:
            said = phrase.format(*match.groups(), value=value)
            return said.removesuffix("s") if said.startswith("1 ") and "replicas" in said else said
    return f"{setting_title(path)} {value}".rstrip()


def axis_name(axis: StudyAxis) -> str:
    """Return what people call an axis of a study; entries of a labelled list are variants."""
    if axis.title == "label":
        return "variant"
    return " + ".join(setting_title(path) for path in axis.paths)


def axis_phrase(axis: StudyAxis, place: int) -> str:
    """Return a value of an axis, as it stands in a sentence."""
    text = axis.texts[place]
    values = text.split(" + ")
    if axis.title == "label" or len(values) != len(axis.paths):
        return text
    pairs = zip(axis.paths, values, strict=True)
    return " + ".join(setting_phrase(path, value) for path, value in pairs)

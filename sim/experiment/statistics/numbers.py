"""The numbers of a summary by dotted name, and which of them a pattern means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

# Parts that say what was run, not what came out, and how long this machine took.
_NOT_MEASURED = (
    *("schema_version", "scenario", "seed", "replication", "performance", "provenance"),
    *("topology", "pools", "quantiles", "window", "targets"),
)


def numbers_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return every measured number of a summary by its dotted name, in the summary's order.

    A value that is null (nothing was measured) or not finite is NaN. Text, truth values and lists
    are left out.
    """
    found: dict[str, float] = {}
    for key, value in summary.items():
        _collect(key, key, value, found)
    return found


def _collect(name: str, key: str, value: Any, found: dict[str, float]) -> None:
    if key in _NOT_MEASURED:
        return
    if isinstance(value, Mapping):
        for inner, item in value.items():
            _collect(f"{name}.{inner}", inner, item, found)
    elif value is None:
        found[name] = math.nan
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        found[name] = float(value) if math.isfinite(value) else math.nan


def matching(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the names that one of the patterns means; all of them where there is no pattern.

    Args:
        names: dotted names.
        patterns: names in which ``*`` stands for anything.
    """
    if not patterns:
        return list(names)
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


Better = Literal["lower", "higher", "neither"]

# The first word that occurs as a part of the name decides; latencies come before their quantiles.
_BETTER: tuple[tuple[str, Better], ...] = (
    *((word, "higher") for word in ("gross_margin", "margin_usd_per_h", "contribution_usd_per_h")),
    ("income_usd_per_h", "higher"),
    ("guessed_share", "neither"),
    ("ledger", "lower"),
    ("missed", "lower"),
    ("undecided", "neither"),
    ("attainment", "higher"),
    ("attained", "higher"),
    ("goodput_per_s", "higher"),
    ("requests_per_s", "higher"),
    ("output_tokens_per_s", "higher"),
    ("headroom_kw", "higher"),
    ("completed", "higher"),
    ("n", "neither"),
    ("arrived", "neither"),
    ("limit_kw", "neither"),
    ("requests", "lower"),
    ("utilisation", "neither"),
    ("latency", "lower"),
    ("power", "lower"),
    ("energy", "lower"),
    ("carbon", "lower"),
    ("cost", "lower"),
    ("price_usd_per_h", "lower"),
)


def is_share(name: str) -> bool:
    """Return whether a summary's number is a part of one, between 0 and 1."""
    last = name.rsplit(".", 1)[-1]
    return last in {"attainment", "accelerator_busy", "kv_used"} or last.endswith("_share")


def better(name: str) -> Better:
    """Return which direction of a summary's number is an improvement."""
    parts = name.split(".")
    return next((direction for word, direction in _BETTER if word in parts), "neither")

"""The numbers of a summary by dotted name, and which of them a pattern means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

# Names that identify a run instead of measuring it, and how long this machine took.
_NOT_MEASURED = ("schema_version", "scenario", "seed", "replication", "performance", "provenance")


def numbers_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return every measured number of a summary by its dotted name, in the summary's order.

    A value that is null (nothing was measured) or not finite is NaN. Text, truth values and lists are left out.
    """
    found: dict[str, float] = {}
    for key, value in summary.items():
        if key not in _NOT_MEASURED:
            _collect(key, value, found)
    return found


def _collect(name: str, value: Any, found: dict[str, float]) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _collect(f"{name}.{key}", item, found)
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

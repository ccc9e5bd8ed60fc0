"""Constants of the physics, from the packaged table that says how far each can be trusted."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

_TABLE: Final = Path(__file__).parents[2] / "_data" / "facility.toml"


@cache
def table() -> Mapping[str, Any]:
    """Return the packaged table, read once."""
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def value(name: str) -> float:
    """Return the value of a constant in its SI unit."""
    return float(table()["constants"][name]["value"])

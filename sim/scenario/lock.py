"""The lock file: a scenario with everything resolved, and the fingerprint of what it describes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from sim.document.scalars import is_plain_text
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.traffic import TRACE_KEYS
from sim.scenario.shipped import locate, looks_like_path

Rewrite = Callable[[str, Path | None], str]
"""Returns what stands in place of a reference to a file, given the reference and the file."""


def lock_text(scenario: Scenario) -> str:
    """Return YAML text that loads again to the same scenario, defaults and topology written out.

    Paths become absolute, so the text may be stored anywhere.
    """

    def absolute(reference: str, path: Path | None) -> str:
        return str(path.resolve()) if path and looks_like_path(reference) else reference

    data = _plain_data(scenario, absolute)
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def sha256(scenario: Scenario) -> str:
    """Return the fingerprint of a scenario: equal for equal scenarios, on every machine.

    Where the scenario names a file, the content of the file counts and not its path.
    """

    def content(reference: str, path: Path | None) -> str:
        if path is None or not path.is_file():
            return reference
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    data = _plain_data(scenario, content)
    canonical = json.dumps(data, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain_data(scenario: Scenario, rewrite: Rewrite) -> dict[str, Any]:
    """Return the scenario as it is written in YAML, its references to files rewritten."""

    def trace(reference: str) -> str:
        return rewrite(reference, locate("traces", reference, scenario.base_dir))

    data: dict[str, Any] = scenario.model_dump(mode="json", by_alias=True, exclude_none=True)
    for key, files in (("catalog", scenario.catalog), ("coefficients", scenario.coefficients)):
        data[key] = [rewrite(path, scenario.base_dir / path) for path in files]
    data["traffic"] = _with_traces(data["traffic"], trace)
    return data


def _with_traces(section: Any, trace: Callable[[str], str]) -> Any:
    """Return a part of the traffic section with the traces that it names rewritten."""
    if isinstance(section, list):
        return [_with_traces(entry, trace) for entry in section]
    if not isinstance(section, dict):
        return section
    return {
        key: trace(value)
        if key in TRACE_KEYS and isinstance(value, str)
        else _with_traces(value, trace)
        for key, value in section.items()
    }


class _Dumper(yaml.CSafeDumper):
    """Writes YAML of which every reader reads the same."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if text and is_plain_text(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _write_text)

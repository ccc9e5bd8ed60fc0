"""A point: one run of a study, and the key under which its result is found again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib import metadata
from pathlib import Path
from typing import Any

from sim.document.yaml_reader import read_document
from sim.errors import ScenarioError

KEY_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Point:
    """One run.

    Attributes:
        variant: index of the variant in the design.
        changes: what is set in the base scenario, by dotted path.
        seed: the study's seed; the same for all points, so that they see the same traffic.
        replication: which of the independent repetitions this is.
        key: hash of everything that decides the result, except the replication.
    """

    variant: int
    changes: Mapping[str, Any]
    seed: int
    replication: int
    key: str


def point_key(base: str, changes: Mapping[str, Any], seed: int, version: str) -> str:
    """Return the key of a point.

    Args:
        base: fingerprint of the base scenario and the files that the changes name.
        changes: what is set in the base, by dotted path.
        seed: the study's seed.
        version: version of the program.
    """
    content = json.dumps([base, dict(changes), seed, version], sort_keys=True, default=str)
    return _digest(content.encode())


def program_version() -> str:
    """Return the version of Loadbank that runs."""
    try:
        return metadata.version("loadbank")
    except metadata.PackageNotFoundError:
        return "source"


class Fingerprints:
    """Hashes of a base scenario with its changes, and of every file that either of them names.

    Any text that is the name of an existing file relative to the file that says it counts (traces,
    topologies, catalogues; what a YAML file names in turn), so a changed trace is a new point.

    Args:
        base: the scenario file.
    """

    def __init__(self, base: Path) -> None:
        self._folder = base.parent
        self._base = self._digest_of(base)
        self._named: dict[str, str] = {}

    def of(self, changes: Mapping[str, Any]) -> str:
        """Return the fingerprint of the base with these changes."""
        parts = [self._base]
        for text in _texts(changes):
            if text not in self._named:
                path = _existing(text, self._folder)
                self._named[text] = self._digest_of(path) if path else ""
            parts.append(self._named[text])
        return _digest("".join(parts).encode())

    def _digest_of(self, path: Path) -> str:
        seen: dict[Path, str] = {}
        _visit(path, seen)
        folder = self._folder.resolve()
        lines = sorted(f"{os.path.relpath(file, folder)} {seen[file]}" for file in seen)
        return _digest("\n".join(lines).encode())


def override_texts(changes: Mapping[str, Any]) -> list[str]:
    """Return the changes as ``dotted.path=value`` texts, the form of ``--set``."""
    return [f"{path}={yaml_text(value)}" for path, value in changes.items()]


def yaml_text(value: Any) -> str:
    """Return a value as one line of YAML that reads back as the same value."""
    if isinstance(value, Mapping):
        inner = (f"{_quoted(str(key))}: {yaml_text(item)}" for key, item in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(yaml_text(item) for item in value) + "]"
    if isinstance(value, float):  # YAML readers differ on exponents
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else f"{text}.0"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """Return text in double quotes, with YAML's escapes for all but plain ASCII."""
    plain = (
        char if " " <= char <= "~" and char not in '"\\' else f"\\U{ord(char):08x}" for char in text
    )
    return '"' + "".join(plain) + '"'


def _visit(path: Path, seen: dict[Path, str]) -> None:
    resolved = path.resolve()
    if resolved in seen:
        return
    with resolved.open("rb") as file:
        seen[resolved] = hashlib.file_digest(file, "sha256").hexdigest()
    if path.suffix in (".yaml", ".yml"):
        try:
            content = read_document(path).data
        except ScenarioError:
            return  # whoever loads the scenario reports it
        for name in _texts(content):
            named = _existing(name, path.parent)
            if named is not None:
                _visit(named, seen)


def _existing(name: str, folder: Path) -> Path | None:
    try:
        path = folder / name
        return path if len(name) <= 500 and path.is_file() else None
    except (OSError, ValueError):
        return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:KEY_LENGTH]

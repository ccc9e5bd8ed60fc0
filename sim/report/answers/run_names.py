"""What people call runs that are compared: by what differs between them, not by their folders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.experiment.statistics.compare import short_names
from sim.experiment.study.axes import value_text
from sim.report.answers.words import setting_phrase

POINT = "point.json"


def run_names(folders: Sequence[str]) -> dict[str, str]:
    """Return the name of each run: what was set in it and not in all, else its shortest path.

    Args:
        folders: run folders, or folders of replications of one point of a study.
    """
    short = short_names(folders)
    changes = {folder: _changes(Path(folder)) for folder in folders}
    known = [each for each in changes.values() if each is not None]
    if len(known) < 2:
        return short
    same = {
        path
        for path, value in known[0].items()
        if all(path in each and each[path] == value for each in known)
    }
    names = {}
    for folder, found in changes.items():
        told = [
            setting_phrase(path, value_text(value))
            for path, value in (found or {}).items()
            if path not in same
        ]
        names[folder] = ", ".join(told) or short[folder]
    return names if len(set(names.values())) == len(folders) else short


def _changes(folder: Path) -> Mapping[str, Any] | None:
    """Return what was set in a point of a study, None where the folder is none."""
    for file in (folder / POINT, *sorted(folder.glob(f"replication=*/{POINT}"))):
        try:
            found = json.loads(file.read_text(encoding="utf-8"))["changes"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(found, dict):
            return found
    return None

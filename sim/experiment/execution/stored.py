"""Runs that are found again: a search that is broken off goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sim.experiment.execution.point import Fingerprints, point_key, program_version
from sim.experiment.execution.run_folders import (
    SUMMARY,
    read_outcome,
    run_folder,
    write_json,
    written_aside,
)
from sim.experiment.execution.task import Run
from sim.scenario.overrides import parse_overrides


class StoredRun:
    """Runs a scenario unless an equal run lies in the folder; a `Run` around another one.

    Args:
        run: what runs a scenario where nothing is found.
        base: the scenario file.
        root: folder for the runs.
    """

    def __init__(self, run: Run, base: Path, root: Path) -> None:
        self._run, self._root = run, root
        self._fingerprints = Fingerprints(base)
        self._version = program_version()

    def __call__(self, base: Path, overrides: Sequence[str], seed: int, replication: int) -> Any:
        """Return something with the ``summary`` of the run.

        Whatever the run raises is raised, and not remembered.
        """
        changes = {".".join(each.steps): each.value for each in parse_overrides(overrides)}
        key = point_key(self._fingerprints.of(changes), changes, seed, self._version)
        folder = run_folder(self._root, key, replication)
        found = read_outcome(folder)
        if found is not None and not found.error:
            return SimpleNamespace(summary=found.summary)
        result = self._run(base, overrides, seed, replication)
        with written_aside(folder) as aside:
            told = {"changes": changes, "seed": seed, "replication": replication}
            write_json(aside / "point.json", told)
            write_json(aside / SUMMARY, result.summary)
        return result

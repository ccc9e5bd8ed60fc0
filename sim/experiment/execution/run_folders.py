"""Where the results of points lie, so that a second call finds them: one folder per run.

``runs/point=<key>/replication=<n>/summary.json`` is there whole or not at all: a run is written
into a folder of another name, which is renamed when it is complete. The names let pandas, Polars
and DuckDB read all runs with one glob and give them the columns ``point`` and ``replication``.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sim.workspace import move_folder, scratch_folder

SUMMARY, FAILURE = "summary.json", "failure.json"
_DEPTH: Final = 2  # of a run below the folder of its study


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a point.

    Attributes:
        summary: the run's summary, empty where it failed.
        error: why it failed, empty where it did not.
        wall_s: how long it took [s].
    """

    summary: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    wall_s: float = 0.0

    @property
    def status(self) -> str:
        """``completed`` or ``failed``."""
        return "failed" if self.error else "completed"


def run_folder(root: Path, key: str, replication: int) -> Path:
    """Return the folder of one run."""
    return root / "runs" / f"point={key}" / f"replication={replication}"


def read_outcome(folder: Path) -> Outcome | None:
    """Return what lies in the folder of a run, or None where it has not been run.

    A file that a crash of the machine tore counts as not run, and goes.
    """
    for name in (SUMMARY, FAILURE):
        try:
            content = json.loads((folder / name).read_bytes())
        except FileNotFoundError:
            continue
        except ValueError:
            content = None
        if not isinstance(content, dict) or (name == FAILURE and "error" not in content):
            forget(folder)
            return None
        return Outcome(content) if name == SUMMARY else Outcome(error=str(content["error"]))
    return None


@contextmanager
def written_aside(folder: Path) -> Iterator[Path]:
    """Provide an empty folder that takes the place of ``folder`` when the block ends well.

    It lies beside ``runs``, where no glob over runs finds it. Where another worker was faster, its
    result stays: equal points have equal results.
    """
    aside = scratch_folder(folder.parents[_DEPTH])
    try:
        yield aside
        move_folder(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def forget(folder: Path) -> None:
    """Remove a run, so that it is run again."""
    shutil.rmtree(folder, ignore_errors=True)


def write_json(path: Path, content: Any) -> None:
    """Write a value as JSON, keys in their order; numbers that JSON does not have become null."""
    path.write_text(json.dumps(_plain(content), indent=1) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value

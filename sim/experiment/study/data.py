"""Studies from Python: scenarios and data frames turned into what a study file could say."""

from __future__ import annotations

import atexit
import math
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.scenario.lock import lock_text
from sim.scenario.schema.scenario import Scenario


def plain_data(value: Any) -> Any:
    """Return a part of a study with files in place of scenarios, and rows in place of frames.

    Cells of a data frame that are missing (NaN) leave the path of their column as the base has it.
    """
    if isinstance(value, Scenario):
        return str(written_scenario(value))
    if isinstance(value, Mapping):
        return {key: plain_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(item) for item in value]
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return [_row(row) for row in value.to_dict("records")]
    return value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value


def written_scenario(scenario: Scenario) -> Path:
    """Return a file that loads as the scenario, in a folder that goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="loadbank-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "scenario.yaml"
    path.write_text(lock_text(scenario), encoding="utf-8")
    return path


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {str(path): plain_data(value) for path, value in row.items() if not _is_missing(value)}


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))

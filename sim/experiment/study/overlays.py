"""What is drawn of several runs over each other: distributions of latency, and power over time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.execution.run_folders import SUMMARY
from sim.experiment.statistics.bands import series_bands
from sim.experiment.statistics.intervals import FloatArray

if TYPE_CHECKING:
    import pandas as pd

LATENCIES = ("ttft_s", "tpot_s", "e2e_s")


@dataclass(frozen=True, slots=True)
class Overlay:
    """A run, or the replications of one scenario together.

    Attributes:
        latencies: values of each latency in the window of the run, sorted [s]; empty where the
            folder keeps no requests.
        power: columns time_s, value, low and high: IT power of all sites [W] with the band of its
            95 % intervals over replications; no rows where the folder keeps no series.
    """

    latencies: Mapping[str, FloatArray]
    power: pd.DataFrame


def read_overlay(folder: Path) -> Overlay:
    """Return what can be drawn of a run folder, or of a folder of replications."""
    found = sorted(folder.glob("**/replication=*/" + SUMMARY))
    runs = [folder] if (folder / SUMMARY).is_file() else [path.parent for path in found]
    return Overlay(_latencies(runs), _power(runs))


def _latencies(runs: list[Path]) -> dict[str, FloatArray]:
    import pandas as pd

    values: dict[str, list[FloatArray]] = {name: [] for name in LATENCIES}
    for run in runs:
        if not (run / "requests.parquet").is_file():
            continue
        summary = json.loads((run / SUMMARY).read_bytes())
        columns = ["arrival_s", *LATENCIES]
        requests = pd.read_parquet(run / "requests.parquet", columns=columns)
        inside = requests["arrival_s"] >= summary["window"]["start_s"]
        for name, parts in values.items():
            parts.append(requests.loc[inside, name].dropna().to_numpy(float))
    return {name: np.sort(np.concatenate(parts)) for name, parts in values.items() if parts}


def _power(runs: list[Path]) -> pd.DataFrame:
    import pandas as pd

    frames = []
    for run in runs:
        if (run / "series.parquet").is_file():
            columns = ["kind", "name", "time_s", "power_w"]
            series = pd.read_parquet(run / "series.parquet", columns=columns)
            sites = series[series["kind"] == "site"]
            total = sites.groupby("time_s")["power_w"].sum().reset_index()
            frames.append(total.assign(kind="site", name="all"))
    wanted = ["time_s", "value", "low", "high"]
    return series_bands(frames, "power_w")[wanted] if frames else pd.DataFrame(columns=wanted)

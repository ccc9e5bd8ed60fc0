"""The numbers of runs as samples that can be compared pair by pair."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sim.errors import InputError, Problem
from sim.experiment.execution.run_folders import SUMMARY
from sim.experiment.statistics.intervals import BATCHES, FloatArray
from sim.experiment.statistics.numbers import numbers_of

if TYPE_CHECKING:
    import pandas as pd

LATENCIES = ("ttft_s", "tpot_s", "e2e_s", "queue_s", "network_s")
STATISTICS = {"mean": np.nanmean, "p99": lambda batch: np.nanquantile(batch, 0.99)}
MIN_BATCH = 20


@dataclass(frozen=True, slots=True)
class Samples:
    """Numbers of one variant.

    Attributes:
        values: for each metric one number per replication or batch, shape (n,).
        traffic: what identifies the requests; two variants with equal traffic are paired.
        unit: what a number stands for.
    """

    values: Mapping[str, FloatArray]
    traffic: tuple[Any, ...] = field(default=())
    unit: Literal["replications", "batches"] = "replications"

    @classmethod
    def of_summaries(cls, summaries: Sequence[Mapping[str, Any]]) -> Samples:
        """Return the samples of replications, one number each."""
        numbers = [numbers_of(summary) for summary in summaries]
        names = dict.fromkeys(name for each in numbers for name in each)
        values = {n: np.array([each.get(n, np.nan) for each in numbers]) for n in names}
        seeds = tuple((summary.get("seed"), summary.get("replication")) for summary in summaries)
        return cls(values, seeds)

    def pairs_with(self, other: Samples) -> bool:
        """Return whether both saw the same random numbers, as far as they have in common."""
        shared = zip(self.traffic, other.traffic, strict=False)
        return all(mine == theirs for mine, theirs in shared)


def read_samples(folder: Path) -> Samples:
    """Return the samples of a run folder, or of a folder of replications of one scenario.

    Raises:
        InputError: there is no finished run in the folder, or several variants.
    """
    if (folder / SUMMARY).is_file():
        return _of_one_run(folder)
    found = sorted(folder.glob("**/replication=*/" + SUMMARY), key=_replication)
    variants = {path.parent.parent for path in found}
    if len(variants) != 1:
        got = f"{len(variants)} variants" if variants else "no finished run"
        expected = "the folder of a run, or of the replications of one variant (runs/point=...)"
        raise InputError([Problem("", got, expected, str(folder))])
    return Samples.of_summaries([json.loads(path.read_bytes()) for path in found])


def _replication(path: Path) -> int:
    return int(path.parent.name.partition("=")[2])


def _of_one_run(folder: Path) -> Samples:
    from sim.result import Result

    result = Result.load(folder)
    start_s = float(result.summary.get("window", {}).get("start_s", 0.0))
    requests, series = result.requests, result.series
    requests = requests[requests["arrival_s"] >= start_s]
    series = series[series["time_s"] >= start_s]
    values = {**_latency_batches(requests), **_power_batches(series)}
    traffic = (
        len(requests),
        float(requests["arrival_s"].sum()),
        int(requests["input_tokens"].sum()),
        int(requests["output_tokens"].sum()),
    )
    return Samples(values, traffic, "batches")


def _latency_batches(requests: pd.DataFrame) -> dict[str, FloatArray]:
    """Return mean and p99 of each latency in equal batches of arrivals, all tiers and each."""
    values: dict[str, FloatArray] = {}
    tiers = requests.groupby("tier", observed=True)
    groups = [("all", requests), *((f"tiers.{tier}", group) for tier, group in tiers)]
    if len(groups) == 2:  # a single tier is all
        groups.pop()
    for name, group in groups:
        batches = min(BATCHES, len(group) // MIN_BATCH)
        for column in LATENCIES if batches >= 2 else ():
            parts = np.array_split(group[column].to_numpy(float), batches)
            for statistic, function in STATISTICS.items():
                key = f"latency.{name}.{column}.{statistic}"
                values[key] = np.array([_measured(function, part) for part in parts])
    return values


def _measured(function: Any, part: FloatArray) -> float:
    return float(function(part)) if not np.isnan(part).all() else float("nan")


def _power_batches(series: pd.DataFrame) -> dict[str, FloatArray]:
    """Return the mean power of each site in equal stretches of time [kW]."""
    sites = series[series["kind"] == "site"]
    values = {}
    for name, group in sites.groupby("name", observed=True):
        power_kw = group.sort_values("time_s")["power_w"].to_numpy(float) / 1000.0
        if len(power_kw) >= 2:
            parts = np.array_split(power_kw, min(BATCHES, len(power_kw)))
            values[f"power.{name}.mean_kw"] = np.array([part.mean() for part in parts])
    return values

"""What a stretch of a run adds to the whole, and how such portions are merged again.

A portion is plain values, so that it travels between processes and lies in a file: counts, sums
and histograms, all of which merge without loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.metrics.quantiles import LogHistogram
from sim.units import J_PER_KWH

if TYPE_CHECKING:
    import pandas as pd

LATENCIES = ("ttft_s", "tpot_s", "e2e_s")
LEVELS = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
COUNTED = ("attained", "requests", "undecided")


def portion(result: Any, start_s: float, end_s: float) -> dict[str, Any]:
    """Return what a run's arrivals and power between two instants add to the whole.

    Latencies and tokens belong to the time of the arrival, energy to its own time.

    Args:
        result: a `sim.Result` whose window starts at ``start_s`` and whose arrivals end at
            ``end_s``; the counts of its ``sla`` are taken as they are.
        start_s: first instant that counts [s].
        end_s: first instant that no longer counts [s].

    Returns:
        Keys length_s, statuses, output_tokens, energy_j, sla, latency and performance; latencies
        by ``TIER.NAME`` and ``all.NAME`` as bucket values, counts and the exact sum.
    """
    columns = ("arrival_s", "tier", "status", "output_tokens", *LATENCIES)
    requests = result.request_columns(*columns)
    requests = requests[(requests["arrival_s"] >= start_s) & (requests["arrival_s"] < end_s)]
    groups = [("all", requests), *requests.groupby("tier", observed=True)]
    completed = requests["status"] == "completed"
    return {
        "length_s": end_s - start_s,
        "statuses": {str(k): int(n) for k, n in requests["status"].value_counts().items() if n},
        "output_tokens": int(requests.loc[completed, "output_tokens"].sum()),
        "energy_j": energy_j(result.series, start_s, end_s),
        "sla": dict(result.summary.get("sla", {})),
        "latency": {
            f"{name}.{column}": _histogram(group[column].to_numpy(float))
            for name, group in groups
            for column in LATENCIES
        },
        "performance": dict(result.summary.get("performance", {})),
    }


def _histogram(values: np.ndarray) -> dict[str, Any]:
    values = values[~np.isnan(values)]
    histogram = LogHistogram()
    histogram.add(values)
    edges, counts = histogram.to_arrays()
    return {"values": edges.tolist(), "counts": counts.tolist(), "sum": float(values.sum())}


def energy_j(series: pd.DataFrame, start_s: float, end_s: float) -> float:
    """Return the IT energy of all sites between two instants; bins that are cut count in part [J].

    Args:
        series: table of a run.
        start_s: first instant that counts [s].
        end_s: first instant that no longer counts [s].
    """
    total = 0.0
    for _, site in series[series["kind"] == "site"].groupby("name", observed=True):
        starts = site["time_s"].to_numpy(float)
        power = site["power_w"].to_numpy(float)
        if len(starts) < 2:
            continue
        ends = np.append(starts[1:], 2 * starts[-1] - starts[-2])
        inside = np.clip(np.minimum(ends, end_s) - np.maximum(starts, start_s), 0.0, None)
        total += float(np.nansum(power * inside))
    return total


def merged(portions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of all portions together, under the keys of summary.json.

    Args:
        portions: of stretches that tile the whole, at least one.
    """
    statuses: dict[str, int] = {}
    for part in portions:
        for status, count in part["statuses"].items():
            statuses[status] = statuses.get(status, 0) + count
    length_s = sum(part["length_s"] for part in portions)
    tokens = sum(part["output_tokens"] for part in portions)
    joules = sum(part["energy_j"] for part in portions)
    return {
        "requests": {"arrived": sum(statuses.values()), **statuses},
        "latency": _latency([part["latency"] for part in portions]),
        "sla": _sla([part["sla"] for part in portions]),
        "throughput": {
            "requests_per_s": statuses.get("completed", 0) / length_s,
            "output_tokens_per_s": tokens / length_s,
        },
        "energy": {
            "it_kwh": joules / J_PER_KWH,
            "j_per_output_token": joules / tokens if tokens else None,
        },
    }


def _latency(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"all": {}, "tiers": {}}
    for name in dict.fromkeys(name for part in parts for name in part):
        histogram, total = LogHistogram(), 0.0
        for stored in (part[name] for part in parts if name in part):
            counts = np.asarray(stored["counts"], dtype=np.int64)
            histogram.add(np.asarray(stored["values"], dtype=float), counts)
            total += stored["sum"]
        tier, _, column = name.rpartition(".")
        place = found["all"] if tier == "all" else found["tiers"].setdefault(tier, {})
        if histogram.count:
            levels = histogram.quantiles(list(LEVELS.values())).tolist()
            mean = {"mean": total / histogram.count}
            place[column] = mean | dict(zip(LEVELS, levels, strict=True)) | {"n": histogram.count}
    return found


def _sla(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        for tier, figures in part.items():
            place = found.setdefault(
                tier, {"targets": figures["targets"], **dict.fromkeys(COUNTED, 0), "missed": {}}
            )
            for name in COUNTED:
                place[name] += figures[name]
            for reason, number in figures["missed"].items():
                place["missed"][reason] = place["missed"].get(reason, 0) + number
    for place in found.values():
        decided = place["requests"] - place["undecided"]
        place["attainment"] = place["attained"] / decided if decided else None
    return found


def difference(sliced: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, float]:
    """Return by how much each number of the slices differs from the unsliced run, relatively."""
    from sim.experiment.statistics.numbers import numbers_of

    ours, theirs = numbers_of(sliced), numbers_of(whole)
    return {
        name: value / theirs[name] - 1.0
        for name, value in ours.items()
        if theirs.get(name) and not name.endswith(".n")
    }

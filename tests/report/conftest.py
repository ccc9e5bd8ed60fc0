"""A made-up result with the shape and the habits of a real one: 3 sites, 40 racks, 2 tiers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

TIERS = {"premium": (0.0, 0.28, 0.016), "standard": (0.35, 0.9, 0.024)}
SITES = {
    "metro-fra": {"kind": "metro", "lat": 50.1, "lon": 8.6, "racks": 20, "limit_w": 900e3},
    "remote-lulea": {"kind": "remote", "lat": 65.6, "lon": 22.1, "racks": 16, "limit_w": 620e3},
    "edge-paris": {"kind": "edge", "lat": 48.9, "lon": 2.4, "racks": 4, "limit_w": 90e3},
}
POOLS = {
    "premium-fra": "metro-fra",
    "standard-fra": "metro-fra",
    "standard-lulea": "remote-lulea",
    "edge-paris": "edge-paris",
}
DURATION_S, BIN_S = 3600.0, 10.0


@dataclass
class FakeResult:
    """Has what the report reads of a `sim.result.Result`, and can be changed by a test."""

    requests: pd.DataFrame
    series: pd.DataFrame
    racks: pd.DataFrame
    summary: dict[str, Any]
    topology: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def sources(self) -> list[dict[str, Any]]:
        return self.provenance.get("sources", [])

    def request_columns(self, *names: str) -> pd.DataFrame:
        return self.requests[list(names)]


def make_requests(count: int, seed: int, names: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    tier = rng.choice(len(names), count, p=None)
    slow = np.array([(0.35, 1.2)[min(t, 1)] for t in range(len(names))])[tier]
    arrival_s = np.sort(rng.uniform(0, DURATION_S, count))
    network_s = rng.choice([0.006, 0.031, 0.009], count)
    queue_s = rng.exponential(0.25 * slow) * (rng.random(count) < 0.4)
    ttft_s = network_s + queue_s + rng.lognormal(np.log(0.12 * slow), 0.35)
    output = np.maximum(1, rng.lognormal(np.log(190), 0.9, count)).astype(int)
    tpot_s = np.where(output > 1, rng.lognormal(np.log(0.014 * (1 + 0.4 * slow)), 0.22), np.nan)
    e2e_s = ttft_s + np.nan_to_num(tpot_s) * (output - 1)
    status = rng.choice(
        ["completed", "rejected", "timed_out", "in_flight"], count, p=[0.985, 0.009, 0.004, 0.002]
    )
    ended = status == "completed"
    site = rng.choice(list(SITES), count, p=[0.6, 0.3, 0.1])
    return pd.DataFrame(
        {
            "request": np.arange(count),
            "arrival_s": arrival_s,
            "tier": pd.Categorical.from_codes(tier, names),
            "region": "frankfurt",
            "model": "llama-3.1-8b",
            "site": pd.Categorical(site),
            "pool": "premium-fra",
            "replica": 0,
            "status": pd.Categorical(status),
            "input_tokens": 512,
            "output_tokens": output,
            "queue_s": np.where(ended, queue_s, np.nan),
            "network_s": np.where(ended, network_s, np.nan),
            "ttft_s": np.where(ended, ttft_s, np.nan),
            "tpot_s": np.where(ended, tpot_s, np.nan),
            "e2e_s": np.where(ended, e2e_s, np.nan),
            "preemptions": 0,
            "warmup": arrival_s < 60.0,
        }
    )


def _wave(time_s: np.ndarray, rng: np.random.Generator, base: float, swing: float) -> np.ndarray:
    day = np.sin(2 * np.pi * (time_s / DURATION_S - 0.3))
    noise = np.convolve(rng.normal(0, 1, len(time_s) + 8), np.ones(9) / 9, "valid")
    return base + swing * day + 0.35 * swing * noise


def _rows(
    kind: str, name: str, time_s: np.ndarray, power_w: np.ndarray, **extra: Any
) -> pd.DataFrame:
    columns = dict.fromkeys(
        ("batch", "kv_used", "queue", "busy", "requests_per_s", "output_tokens_per_s"), np.nan
    )
    return pd.DataFrame(
        {
            "time_s": time_s,
            "kind": kind,
            "name": name,
            "power_w": power_w,
            "power_max_w": power_w * 1.06,
            **columns,
            **extra,
        }
    )


def make_series(
    sites: dict[str, dict[str, Any]], seed: int, bins: int | None = None
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    time_s = (
        np.linspace(0, DURATION_S, bins, endpoint=False)
        if bins
        else np.arange(0, DURATION_S, BIN_S)
    )
    frames = []
    for site, facts in sites.items():
        racks = []
        for rack in range(facts["racks"]):
            level = 0.55 + 0.32 * rng.random()
            watts = 40e3 * np.clip(_wave(time_s, rng, level, 0.2), 0.2, 1.08)
            row = 1 + rack // 10
            racks.append(_rows("rack", f"{site}/h1/r{row}/rack-{rack % 10 + 1:02d}", time_s, watts))
        frames += [*racks, _rows("site", site, time_s, sum(r["power_w"].to_numpy() for r in racks))]
    for pool in POOLS:
        wave = np.clip(_wave(time_s, rng, 0.5, 0.35), 0.02, 1)
        queue = np.where(wave > 0.75, (wave - 0.75) * 400, 0).round()
        frames.append(
            _rows(
                "pool",
                pool,
                time_s,
                np.full(len(time_s), np.nan),
                batch=wave * 120,
                kv_used=0.9 * wave,
                queue=queue,
                busy=wave,
            )
        )
    return pd.concat(frames, ignore_index=True)


def make_racks(series: pd.DataFrame) -> pd.DataFrame:
    rows = (
        series[series["kind"] == "rack"]
        .groupby("name", sort=False)["power_w"]
        .agg(["mean", "max"])
        .reset_index()
    )
    names = rows["name"].astype(str)
    return pd.DataFrame(
        {
            "name": names,
            "site": names.str.split("/").str[0],
            "cooling": ["liquid" if "fra" in n else "air" for n in names],
            "type": "hgx-h100",
            "mean_w": rows["mean"],
            "peak_w": rows["max"],
            "limit_w": 40e3,
            "headroom_w": 40e3 - rows["max"],
            "share_above": (rows["max"] > 40e3) * 0.013,
        }
    )


def _percentiles(values: pd.Series) -> dict[str, float]:
    quantiles = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
    return {
        "mean": float(values.mean()),
        **{k: float(values.quantile(q)) for k, q in quantiles.items()},
    }


def above_limit(sites: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Return which sites went above, given the peak and the limit of each [W]."""
    above = [
        {"name": name, "limit_w": limit_w, "peak_w": peak_w, "share_above": 0.01}
        for name, (peak_w, limit_w) in sites.items()
        if peak_w > limit_w
    ]
    return {"site": {"count": len(above), "worst": above}} if above else {}


def make_summary(
    requests: pd.DataFrame, series: pd.DataFrame, sites: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    metrics = ("ttft_s", "tpot_s", "e2e_s", "queue_s", "network_s")
    fates = requests["status"].value_counts()
    tiers = list(requests["tier"].cat.categories)
    slo = [{"ttft_s": 0.5, "tpot_s": 0.05, "e2e_s": 30.0}, {"ttft_s": 5.0}]
    peak = {
        s: float(series[(series["kind"] == "site") & (series["name"] == s)]["power_max_w"].max())
        / 1e3
        for s in sites
    }
    return {
        "schema_version": 1,
        "scenario": {"name": "three-tier", "sha256": "9f2c" * 16},
        "seed": 0,
        "requests": {
            "arrived": len(requests),
            **{
                f: int(fates.get(f, 0))
                for f in ("completed", "rejected", "timed_out", "failed", "in_flight")
            },
        },
        "latency": {
            "all": {m: _percentiles(requests[m]) for m in metrics},
            "tiers": {
                t: {m: _percentiles(requests[m][requests["tier"] == t]) for m in metrics}
                for t in tiers
            },
        },
        "sla": {
            t: {
                "attainment": 0.9712 if i == 0 else 0.99613,
                "targets": {**slo[min(i, 1)], "target": (0.99, 0.95)[min(i, 1)]},
            }
            for i, t in enumerate(tiers)
        },
        "throughput": {
            "requests_per_s": 5.47,
            "output_tokens_per_s": 1512.0,
            "goodput_per_s": 5.38,
        },
        "utilisation": {
            s: {"accelerator_busy": 0.71, "kv_used": 0.44, "batch_mean": 61.2} for s in sites
        },
        "power": {
            s: {
                "mean_kw": 0.8 * peak[s],
                "peak_kw": peak[s],
                "limit_kw": f["limit_w"] / 1e3,
                "headroom_kw": f["limit_w"] / 1e3 - peak[s],
                "capped_share": 0.0,
                "share_above": 0.01 * (1e3 * peak[s] > f["limit_w"]),
            }
            for s, f in sites.items()
        },
        "above_limit": above_limit({s: (1e3 * peak[s], f["limit_w"]) for s, f in sites.items()}),
        "energy": {
            "it_kwh": 812.4,
            "facility_kwh": 998.1,
            "pue": 1.2286,
            "j_per_output_token": 0.537,
        },
        "window": {"start_s": 60.0, "end_s": 3600.0, "length_s": 3540.0},
        "quantiles": {"definition": "linear", "exact": True, "guaranteed_relative_error": 0.0},
        "carbon": {"kg": 302.4, "g_per_mtoken": 55.6},
        "cost": {
            "energy_usd": 139.7,
            "egress_usd": 3.1,
            "total_usd": 142.8,
            "usd_per_mtoken": 26.2,
        },
        "performance": {
            "wall_s": 2.31,
            "cpu_s": 2.22,
            "requests_per_cpu_s": 9009.0,
            "peak_rss_mb": 214.0,
            "simpy_events": 91234,
        },
    }


def make_topology() -> dict[str, Any]:
    return {
        "regions": {
            "frankfurt": {"lat": 50.1, "lon": 8.7},
            "paris": {"lat": 48.9, "lon": 2.3},
            "stockholm": {"lat": 59.3, "lon": 18.1},
            "madrid": {"lat": 40.4, "lon": -3.7},
        },
        "sites": {n: {k: f[k] for k in ("kind", "lat", "lon")} for n, f in SITES.items()},
        "links": [
            {"from": "frankfurt", "to": "metro-fra", "latency_s": 0.002},
            {"from": "frankfurt", "to": "remote-lulea", "latency_s": 0.018},
            {"from": "paris", "to": "edge-paris", "latency_s": 0.001},
            {"from": "paris", "to": "metro-fra", "latency_s": 0.0065},
            {"from": "stockholm", "to": "remote-lulea", "latency_s": 0.0071},
            {"from": "stockholm", "to": "metro-fra", "latency_s": 0.0134},
            {"from": "madrid", "to": "edge-paris", "latency_s": 0.0112},
            {"from": "edge-paris", "to": "metro-fra", "latency_s": 0.0064},
            {"from": "metro-fra", "to": "remote-lulea", "latency_s": 0.0165},
        ],
    }


WARNINGS = [
    "edge-paris: the peak of 162 kW is above the site's limit of 90 kW for 61 % of the time.",
    "standard: 190 requests were rejected because every queue was full.",
]


def make_provenance() -> dict[str, Any]:
    return {
        "loadbank": "0.1.0",
        "scenario_sha256": "9f2c" * 16,
        "seed": 0,
        "sources": [
            {
                "name": "nvidia-h100",
                "title": "NVIDIA H100 Tensor Core GPU data sheet",
                "where": "https://www.nvidia.com/en-us/data-center/h100/",
                "date": "2023-03",
                "numbers": {"vendor": 6, "guess": 1},
            },
            {
                "name": "patel-2024",
                "title": "Characterizing Power Management Opportunities for LLMs in the Cloud",
                "where": "doi 10.1145/3620666.3651329",
                "date": "2024",
                "numbers": {"measured": 4, "fitted": 2},
            },
            {"name": "own", "title": "", "where": "", "date": "", "numbers": {"guess": 2}},
        ],
        "guesses": [
            {
                "entry": "accelerator h100-sxm",
                "field": "idle_w",
                "low": 60.0,
                "high": 120.0,
                "note": "between the idle powers that two cloud studies give for the same board, with the model loaded",
            },
            {"entry": "node hgx-h100", "field": "fan_w", "low": 200.0, "high": 900.0, "note": ""},
            {
                "entry": "rack hgx-h100-liquid",
                "field": "base_w",
                "low": None,
                "high": None,
                "note": "switch and manifold",
            },
        ],
        "machine": {
            "finished_at": "2026-11-21T10:00:00+00:00",
            "python": "3.11.9",
            "platform": "Linux",
            "packages": {"simpy": "4.1.2", "numpy": "2.4.6", "pandas": None},
        },
    }


def make_result(
    count: int = 20_000, tiers: tuple[str, ...] = tuple(TIERS), seed: int = 1
) -> FakeResult:
    requests = make_requests(count, seed, list(tiers))
    series = make_series(SITES, seed)
    return FakeResult(
        requests,
        series,
        make_racks(series),
        make_summary(requests, series, SITES),
        make_topology(),
        list(WARNINGS),
        make_provenance(),
    )


@pytest.fixture(scope="session")
def result() -> FakeResult:
    return make_result()


def add_facility(made: FakeResult) -> FakeResult:
    """Give a result what a modelled facility adds.

    Of the metro's racks the first is capped to 60 % from 600 to 900 s, the second too hot from 900
    to 1200 s and then off for 300 s.
    """
    series = made.series
    time_s, kind = series["time_s"].to_numpy(), series["kind"].to_numpy()
    rack, site = kind == "rack", kind == "site"
    series["inlet_c"] = np.where(rack, 24.0 + 2e-4 * time_s, np.nan)
    series["plate_c"] = np.where(rack & series["name"].str.contains("fra"), 55.0, np.nan)
    series["clock"] = np.where(rack, 1.0, np.nan)
    series["batch_share"] = np.where(rack, 1.0, np.nan)
    first, second = list(series.loc[rack, "name"].unique()[:2])
    capped = (series["name"] == first) & (time_s >= 600) & (time_s < 900)
    hot = (series["name"] == second) & (time_s >= 900) & (time_s < 1200)
    off = (series["name"] == second) & (time_s >= 1200) & (time_s < 1500)
    series.loc[capped, "clock"] = 0.6
    series.loc[hot, ["clock", "inlet_c"]] = 0.8, 38.0
    series.loc[off, "power_w"] = 0.0
    series["outside_c"] = np.where(site, 15.0 + time_s / 360.0, np.nan)
    warmth = 0.1 + 0.01 * (series["outside_c"] - 15.0)
    series["loss_w"] = np.where(site, 0.06 * series["power_w"], np.nan)
    series["cooling_w"] = np.where(site, warmth * series["power_w"], np.nan)
    series["facility_w"] = series["power_w"] + series["loss_w"] + series["cooling_w"]
    servers = {"accelerator_kwh": 500.0, "server_parts_kwh": 270.0, "rack_base_kwh": 30.0}
    uses = {**servers, "it_kwh": 800.0, "loss_kwh": 48.0, "chiller_kwh": 100.0, "fans_kwh": 30.0}
    rest = {"pumps_kwh": 10.0, "reject_kwh": 12.0, "facility_kwh": 1000.0, "grid_kwh": 940.0}
    sources = {"solar_kwh": 60.0, "generator_kwh": 0.0, "discharge_kwh": 0.0, "charge_kwh": 0.0}
    figures = {"pue": 1.25, "wue_l_per_kwh": 0.2, "water_l": 160.0, "carbon_kg": 300.0}
    costs = {"energy_usd": 90.0, "demand_usd": 0.0, "unserved_kwh": 0.0}
    made.summary["facility"] = {
        name: {**uses, **rest, **sources, **figures, **costs} for name in SITES
    }
    target = {"before_w": 900e3, "mean_w": 690e3, "depth": 0.2333, "comply_s": 4.0}
    latency = {name: {"p50": 0.1, "p99": 0.5, "n": 9} for name in ("ttft_s", "tpot_s")}
    paid = {"standard": {"before": latency, "during": latency}}
    order = {**target, "limit_w": 700e3, "breach_s": 0.0, "breaches": 0, "tiers": paid}
    made.summary["curtailment"] = {"evening": order}
    made.summary["rows"] = {
        "metro-fra/hall/r1": {
            "limit_w": 450e3, "peak_w": 300e3, "headroom_w": 150e3, "share_above": 0.0, "binding": "cooling",
            "stranded_w": {"space": 0.0, "power": 0.0, "cooling": 90e3, "network": 0.0, "sla": 0.0},
            "imbalance": 0.125,
        }
    }  # fmt: skip
    heat = {"time_s": 1200.0, "until_s": 1500.0, "cause": "heat", "place": second}
    pump = {"time_s": 890.0, "until_s": None, "cause": "cdu-pump", "place": "metro-fra"}
    made.summary["incidents"] = {"counts": {"cdu-pump": 1, "heat": 1}, "events": [pump, heat]}
    return made


@pytest.fixture(scope="session")
def facility_result() -> FakeResult:
    return add_facility(make_result())

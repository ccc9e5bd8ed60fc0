"""Stand-ins for a simulation that worker processes can import: an M/M/c station and its mishaps."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from sim import theory
from sim.errors import InputError, Problem
from sim.rng import Streams


@dataclass(frozen=True, slots=True)
class ToyResult:
    """The part of a result that studies use."""

    summary: dict[str, Any] = field(default_factory=dict)


def settings(base: Path, overrides: list[str]) -> dict[str, Any]:
    """Return the keys of the base's station with the last step of each override's path."""
    values = dict(yaml.safe_load(base.read_text())["station"])
    for text in overrides:
        path, _, value = text.partition("=")
        values[path.split(".")[-1]] = yaml.safe_load(value)
    return values


def station(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Simulate 2,000 arrivals at an M/M/c station."""
    values = settings(base, overrides)
    streams = Streams(seed, replication)
    gaps = streams.generator("arrivals").exponential(1.0 / values["rate"], 2000)
    work = streams.generator("work").exponential(1.0, 2000)
    waits = theory.fcfs_waits(np.cumsum(gaps), work, int(values["servers"]))
    wait = {"mean": float(waits.mean()), "p99": float(np.quantile(waits, 0.99))}
    return ToyResult(
        {
            "schema_version": 1,
            "seed": seed,
            "latency": {"all": {"queue_s": wait}},
            "power": {"site": {"peak_kw": 10.0 * values["servers"]}},
            "empty": None,
            "performance": {"wall_s": 0.25},
        }
    )


def sleeping(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Take 0.1 s without using the processor."""
    time.sleep(0.1)
    return ToyResult()


def crashing(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Fail wherever there are three servers."""
    if int(settings(base, overrides)["servers"]) == 3:
        raise ZeroDivisionError("three servers are one too many")
    return station(base, overrides, seed, replication)


def refusing(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Fail wherever there are three servers."""
    if int(settings(base, overrides)["servers"]) == 3:
        raise InputError([Problem("", "3", "at most two servers")])
    return station(base, overrides, seed, replication)


def dying_once(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Kill the worker the first time that it meets three servers."""
    mark = base.parent / "died"
    if int(settings(base, overrides)["servers"]) == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return station(base, overrides, seed, replication)


def dying(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Kill the worker wherever there are three servers."""
    if int(settings(base, overrides)["servers"]) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return station(base, overrides, seed, replication)


def counting(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Leave a line for every call, so that a test can count them; slow enough to interrupt."""
    with (base.parent / "calls.txt").open("a") as file:
        file.write(f"{overrides} {replication}\n")
    time.sleep(float(settings(base, overrides).get("pause", 0.0)))
    return station(base, overrides, seed, replication)


def nothing(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Return at once: what is left of the time of a study is its overhead."""
    return ToyResult({"latency": {"x": {f"n{k}": k + replication for k in range(60)}}})


def with_target(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Report the share of 20,000 arrivals that wait at most a second, against a target of 90 %."""
    values = settings(base, overrides)
    streams = Streams(seed, replication)
    gaps = streams.generator("arrivals").exponential(1.0 / values["rate"], 20_000)
    work = streams.generator("work").exponential(1.0, 20_000)
    waits = theory.fcfs_waits(np.cumsum(gaps), work, int(values["servers"]))
    attained = {"attainment": float(np.mean(waits <= 1.0)), "targets": {"target": 0.9}}
    return ToyResult({"sla": {"all": attained}})


def linear(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Report 3 x + 4 y and a number that depends on neither."""
    values = settings(base, overrides)
    return ToyResult({"energy": {"it_kwh": 3.0 * values["x"] + 4.0 * values["y"], "idle": 1.0}})


def nothing_breaks(base: Path, overrides: list[str], seed: int, replication: int) -> ToyResult:
    """Report a target that is met whatever the traffic."""
    return ToyResult({"sla": {"all": {"attainment": 1.0, "targets": {"target": 0.9}}}})

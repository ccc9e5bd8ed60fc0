"""Studies and searches written by hand, for the tests of their pages."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pandas as pd

from sim.experiment.headroom.headroom import BreakingPoint, Headroom
from sim.experiment.headroom.knee import Limit
from sim.experiment.statistics.intervals import Interval
from sim.experiment.study.design import expand
from sim.experiment.study.study import LoadedStudy, load_study

ATTACK = "<script>alert(1)</script>"
ENERGY, ATTAINED, LATENCY = "energy.it_kwh", "sla.premium.attainment", "latency.all.ttft_s.p99"
GRID = {"grid": {"a.rate": ["1 req/s", "2 req/s", "5 req/s"], "a.policy": ["x", "y"]}}


def study(**sweep: Any) -> LoadedStudy:
    """Return a study of the quickstart with a hostile description."""
    return load_study({"name": "wide", "description": ATTACK, "base": "quickstart", "sweep": sweep})


def study_result(loaded: LoadedStudy, failures: Any = (), outcomes: Any = None) -> Any:
    """Return what a sweep would: three numbers that depend on the index of the variant alone."""
    variants = expand(loaded.study)
    rows = [
        {"variant": v.index, "metric": metric, "value": value, "low": low, "high": 2 * value}
        for v in variants
        for metric, value, low in (
            (ENERGY, 1.0 + v.index, -1.0),
            (ATTAINED, 0.5 + 0.01 * v.index, 0.4),
            (LATENCY, 1.0 / (1 + v.index), 0.1),
        )
    ]
    failed = pd.DataFrame(failures, columns=["variant", "replication", "error"])
    timings = pd.DataFrame([(v.index, 0, 1.5) for v in variants])
    timings.columns = ["variant", "replication", "wall_s"]
    return SimpleNamespace(
        loaded=loaded,
        variants=variants,
        intervals=pd.DataFrame(rows),
        failures=failed,
        timings=timings,
        outcomes=outcomes or {},
        progress=SimpleNamespace(done=len(variants), failed=len(failed)),
    )


def found_headroom() -> Headroom:
    """Return a search in which one limit breaks and one holds."""
    sla, power = Limit("sla", "<b>", 0.999), Limit("power", "fra", 90.0)
    rows = [
        {"replication": 0, "scale": scale, "kind": limit.kind, "name": limit.name}
        | {"bound": limit.bound, "margin": margin}
        for limit, margins in ((sla, (0.5, -0.5)), (power, (0.9, 0.6)))
        for scale, margin in zip((1.0, 6.0), margins, strict=True)
    ]
    first = BreakingPoint(sla, Interval(3.5, 3.2, 3.8, 5, "replications"))
    last = BreakingPoint(power, Interval(math.inf, math.inf, math.inf, 5, "replications"))
    return Headroom((first, last), pd.DataFrame(rows))

"""Step times from measured kernels that come with Loadbank: one line of a table for each layout.

`sim/calibration/kernels.py` writes the table; it is read line by line, only as far as asked.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from sim.performance.configuration import Configuration
from sim.performance.steptime import StepTime

TABLES = {
    "vllm": "kernels.csv",
    "sglang": "kernels-sglang.csv",
    "trt-llm": "kernels-trt-llm.csv",
}
COLUMNS = (
    *("accelerator", "model", "precision", "tensor_parallel", "expert_parallel", "data_parallel"),
    *("engine", "engine_version", "a_ms", "b_us", "c_ns", "e_ns", "curve", "batch_curve"),
)
# True over predicted step time, chosen in-sample: 93 % of 222 ML.ENERGY rows (dense, H100, B200),
# of which nothing was fitted but the one host term. Small models on B200 exceed it: host bound.
INTERVAL = (0.75, 1.45)
CONTEXT_HIGH_TOKENS = 131072.0
BATCH_HIGH = 1024.0
SOURCE = "measured kernels (aiconfigurator-core 0.12.0) and a host term of the engine"


def kernel_set(key: Configuration) -> StepTime | None:
    """Return the step time that kernels give a configuration, None if the table lacks it."""
    line = _lines(key.engine).get(key)
    return None if line is None else step_of(line)


@cache  # the shipped table does not change, and every pool of a scenario asks
def _lines(engine: str) -> dict[Configuration, dict[str, str]]:
    path = files("sim") / "_data" / TABLES[engine]
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    lines = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        Configuration(
            line["accelerator"],
            line["model"],
            line["precision"],
            int(line["tensor_parallel"]),
            int(line["expert_parallel"]),
            int(line["data_parallel"]),
            line["engine"],
        ): line
        for line in lines
    }


def step_of(line: Mapping[str, str]) -> StepTime:
    """Return the step time of one line of a table."""
    return StepTime(
        float(line["a_ms"]) * 1e-3,
        float(line["b_us"]) * 1e-6,
        float(line["c_ns"]) * 1e-9,
        e_s_per_token2=float(line["e_ns"]) * 1e-9,
        curve=_points(line["curve"]),
        batch_curve=_points(line["batch_curve"]),
        kind="measured",
        basis="kernels",
        source=SOURCE,
        engine=line["engine"],
        engine_version=line["engine_version"],
        batch_low=1.0,
        batch_high=BATCH_HIGH,
        context_high=CONTEXT_HIGH_TOKENS,
        time_low=INTERVAL[0],
        time_high=INTERVAL[1],
    )


def _points(text: str) -> tuple[tuple[float, float], ...]:
    pairs = (point.split(":") for point in text.split())
    return tuple((float(number), float(ms) * 1e-3) for number, ms in pairs)

"""Step times from measured kernels that come with Loadbank: one line of a table for each layout.

`sim/calibration/kernels.py` writes the table; it is read line by line, only as far as asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files

from sim.performance.configuration import Configuration
from sim.performance.engines import DEFAULT_ENGINE
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
# True over predicted step time of ML.ENERGY runs, of which nothing was fitted but one host term:
# the widest of each model and chip. Small models on B200 are bound by their host; mixtures were
# measured on an older vLLM with slower kernels; copies of attention wait for each other's prompts.
DENSE_INTERVAL = (0.75, 1.6)
EXPERTS_INTERVAL = (0.6, 1.55)
COPIES_INTERVAL = (0.6, 5.0)
UNJUDGED = (0.8, 1.25)  # more for engines of which no measurement was at hand: a guess
CONTEXT_HIGH_TOKENS = 131072.0
BATCH_HIGH = 1024.0
SOURCE = "measured kernels (aiconfigurator-core 0.12.0) and a host term of the engine"


def kernel_set(key: Configuration, *, mixture: bool = False) -> StepTime | None:
    """Return the step time that kernels give a configuration, None if the table lacks it.

    Args:
        key: chip, model, precision, layout and engine.
        mixture: whether the model is a mixture of experts.
    """
    size = (key.tensor_parallel, key.expert_parallel, key.data_parallel)
    start = ",".join(map(str, (key.accelerator, key.model, key.precision, *size))) + ","
    found = next((line for line in _lines(key.engine) if line.startswith(start)), None)
    if found is None:
        return None
    low, high = interval_of(key, mixture=mixture)
    return replace(
        step_of(dict(zip(COLUMNS, found.split(","), strict=True))), time_low=low, time_high=high
    )


def interval_of(key: Configuration, *, mixture: bool) -> tuple[float, float]:
    """Return the 90 % interval of true over predicted step time of kernels."""
    low, high = EXPERTS_INTERVAL if mixture else DENSE_INTERVAL
    if key.data_parallel > 1:
        low, high = COPIES_INTERVAL
    if key.engine != DEFAULT_ENGINE:
        low, high = low * UNJUDGED[0], high * UNJUDGED[1]
    return low, high


@cache  # the shipped tables do not change, and every pool of a scenario asks
def _lines(engine: str) -> list[str]:
    path = files("sim") / "_data" / TABLES[engine]
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


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
    )


def _points(text: str) -> tuple[tuple[float, float], ...]:
    pairs = (point.split(":") for point in text.split())
    return tuple((float(number), float(ms) * 1e-3) for number, ms in pairs)

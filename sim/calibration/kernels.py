"""Builds the shipped step times from measured kernels: `python -m sim.calibration.kernels`.

Needs the extra ``loadbank[kernels]`` (aiconfigurator-core, Apache-2.0), which carries NVIDIA's
measured times of products, attention and exchanges for each chip and engine. What the engine's host
adds per sequence is not in them: see `HOST_S_PER_SEQ`. Dense models only: for mixtures of experts
the same recipe was 33 % off in the median, too fast, where the physical form is 15 % off.
"""

from __future__ import annotations

import csv
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sim.catalog.catalog import Catalog, load_catalog
from sim.interfaces import FloatArray
from sim.performance.configuration import Configuration
from sim.performance.engines import DEFAULT_ENGINE
from sim.performance.kernel_sets import COLUMNS, TABLE
from sim.plant.memory_fit import WEIGHT_BYTES

SYSTEMS = {
    "a100-sxm-80": "a100_sxm",
    "h100-sxm": "h100_sxm",
    "h200-sxm": "h200_sxm",
    "b200-sxm": "b200_sxm",
    "b300-sxm": "b300_sxm",
    "gb200-nvl72": "gb200",
    "gb300-nvl72": "gb300",
    "l40s": "l40s",
    "rtx-pro-6000": "rtx_pro_6000_server",
}
MODELS = {
    "llama-3.1-8b": "meta-llama/Meta-Llama-3.1-8B",
    "llama-3.1-70b": "meta-llama/Meta-Llama-3.1-70B",
    "llama-3.3-70b": "meta-llama/Meta-Llama-3.1-70B",
    "llama-3.1-405b": "meta-llama/Meta-Llama-3.1-405B",
    "qwen3-8b": "Qwen/Qwen3-8B",
    "qwen3-32b": "Qwen/Qwen3-32B",
}
BACKENDS = {"vllm": "vllm", "sglang": "sglang", "trt-llm": "trtllm"}
# vLLM: (measured - kernels) / batch of dense ML.ENERGY rows is 50 to 78 us from batch 64 to 900.
# The others schedule beside the accelerator, 0 to 15 us: a guess.
HOST_S_PER_SEQ = {"vllm": 55e-6, "sglang": 7.5e-6, "trt-llm": 7.5e-6}
FORMATS = {"fp8": "fp8", "fp4": "nvfp4"}
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
CONTEXTS = (512, 2048, 8192, 32768, 131072)
PROMPTS = (64, 256, 512, 1024, 2048, 4096, 8192)
LONG_PROMPTS = (8192, 32768, 131072)
GROUPS = (1, 2, 4, 8)
WEIGHT_SHARE = 0.85  # of memory that weights may take: the rest is for the KV cache


def configurations(catalog: Catalog, engine: str) -> Iterator[Configuration]:
    """Yield what is tried: each pair of chip and model, in each format and group that fits."""
    for chip in SYSTEMS:
        accelerator = catalog.accelerators[chip]
        for name in MODELS:
            model = catalog.models[name]
            for precision in ("bf16", "fp8", "fp4"):
                if precision != "bf16" and precision not in accelerator.flops:
                    continue
                for group in GROUPS:
                    room = WEIGHT_SHARE * group * accelerator.memory_bytes
                    if model.params * WEIGHT_BYTES[precision] > room:
                        continue
                    yield Configuration(chip, name, precision, group, engine=engine)


def kernel_line(key: Configuration) -> dict[str, str]:
    """Return one line of the table, its times from kernels and the engine's host term.

    ``a`` and the batch curve follow decode steps (least squares of the relative error, one slope
    per context token for all of them), the curve and ``e`` follow prompts without a context.

    Args:
        key: chip, model, format, layout and engine.
    """
    handle = _compiled(key)
    fixed_s, c = _decode(handle)
    prompts = {n: handle.predict_prefill_latency(1, n) * 1e-3 for n in {*PROMPTS, *LONG_PROMPTS}}
    b, e = _long_prompts(prompts)
    a = float(fixed_s[0])
    curve = _curve(prompts, fixed_s, a, e)
    numbers, seconds = zip((0, 0.0), *curve, strict=True)
    riding = np.interp(BATCHES, numbers, seconds)
    host = HOST_S_PER_SEQ[key.engine] / key.data_parallel * np.array(BATCHES)
    batch = np.maximum(fixed_s - a - riding, 0.0) + host
    beyond = batch[-1] + 3.0 * max(0.0, 2.0 * (batch[-1] - batch[-2]))
    points = [*zip(BATCHES, batch, strict=True), (4 * BATCHES[-1], beyond)]
    values = (
        *(key.accelerator, key.model, key.precision, key.tensor_parallel, key.expert_parallel),
        *(key.data_parallel, key.engine, ""),
        *(f"{a * 1e3:.4g}", f"{b * 1e6:.4g}", f"{c * 1e9:.4g}", f"{e * 1e9:.4g}"),
        *(_text(curve), _text(points)),
    )
    return dict(zip(COLUMNS, map(str, values), strict=True))


def _compiled(key: Configuration) -> Any:
    from aiconfigurator_core.sdk import EngineHandle

    ask: dict[str, Any] = {"tp_size": key.tensor_parallel}
    if key.precision in FORMATS:
        ask["gemm_quant_mode"] = FORMATS[key.precision]
    return EngineHandle.compile(
        MODELS[key.model], SYSTEMS[key.accelerator], BACKENDS[key.engine], **ask
    )


def _decode(handle: Any) -> tuple[FloatArray, float]:
    """Return decode times at no context, shape (batches,) [s], and per context token [s]."""
    shape = (len(BATCHES), len(CONTEXTS))
    times = np.array(
        [
            [handle.decode_step_latency(batch, context, 2) * 1e-3 for context in CONTEXTS]
            for batch in BATCHES
        ]
    )
    tokens = np.multiply.outer(BATCHES, CONTEXTS)
    rows = np.zeros((*shape, shape[0] + 1))
    rows[np.arange(shape[0]), :, np.arange(shape[0])] = 1.0
    rows[:, :, -1] = tokens
    scaled = (rows / times[:, :, None]).reshape(-1, shape[0] + 1)
    found = np.linalg.lstsq(scaled, np.ones(len(scaled)), rcond=None)[0]
    return np.maximum.accumulate(found[:-1]), float(max(0.0, found[-1]))


def _long_prompts(prompts: dict[int, float]) -> tuple[float, float]:
    """Return slope per token and per token and token before it of long prompts [s]."""
    low, middle, high = LONG_PROMPTS
    spans = ((low, middle), (middle, high))
    rows = [[right - left, (right**2 - left**2) / 2] for left, right in spans]
    steps = [prompts[middle] - prompts[low], prompts[high] - prompts[middle]]
    b, e = np.linalg.solve(np.array(rows, dtype=float), np.array(steps))
    return max(0.0, float(b)), max(0.0, float(e))


def _curve(
    prompts: dict[int, float], fixed_s: FloatArray, a: float, e: float
) -> list[tuple[int, float]]:
    """Return what new tokens add to a step: what both a prompt and as many sequences take."""
    found, last = [], 0.0
    for tokens in PROMPTS:
        added = prompts[tokens] - a - e * tokens**2 / 2
        if tokens <= BATCHES[-1]:
            decoding = float(np.interp(tokens, BATCHES, fixed_s)) - a
            added = min(added, decoding)
        last = max(last, added)
        found.append((tokens, last))
    return found


def _text(points: list[tuple[int, float]]) -> str:
    return " ".join(f"{number}:{seconds * 1e3:.4g}" for number, seconds in points)


def main() -> None:
    """Write the table anew: every configuration that the kernels cover."""
    logging.disable(logging.CRITICAL)
    catalog = load_catalog()
    path = Path(__file__).parents[1] / "_data" / TABLE
    engines = sys.argv[1:] or [DEFAULT_ENGINE]  # no other was judged by a measurement yet
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("# Step times from measured kernels and a host term. Written by\n")
        file.write("# sim/calibration/kernels.py; do not edit by hand. Pairs are number:ms.\n")
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for engine in engines:
            for key in configurations(catalog, engine):
                try:
                    line = kernel_line(key)
                except Exception as error:  # a pair that the package does not cover
                    sys.stderr.write(f"not covered: {key}: {str(error)[:120]}\n")
                    continue
                writer.writerow(line)


if __name__ == "__main__":
    main()

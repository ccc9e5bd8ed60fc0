"""Builds the shipped step times from measured kernels: `python -m sim.calibration.kernels`.

Needs the extra ``loadbank[kernels]``, see `sim.calibration.kernel_times`. What the engine's host
adds per sequence is not in the kernels: see `HOST_S_PER_SEQ`.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sim.calibration.kernel_times import MODELS, SYSTEMS, KernelModel, KernelTimes
from sim.catalog.catalog import Accelerator, Catalog, Model, load_catalog
from sim.errors import InputError, Problem
from sim.interfaces import FloatArray
from sim.performance.configuration import Configuration
from sim.performance.engines import DEFAULT_ENGINE, ENGINES, HOST_S_PER_SEQ
from sim.performance.kernel_sets import COLUMNS, TABLES, interval_of, step_of
from sim.performance.roofline import roofline
from sim.performance.steptime import StepTime
from sim.plant.memory_fit import WEIGHT_BYTES, Layout
from sim.serving.kv.windows import window_of

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
CONTEXTS = (512, 2048, 8192, 32768, 131072)
PROMPTS = (64, 256, 512, 1024, 2048, 4096, 8192)
SHORT_PROMPTS = (2, 4, 8, 16, 32)  # mixtures: their experts are covered within a few tokens
LONG_PROMPTS = (8192, 32768, 131072)
GROUPS = (1, 2, 4, 8)
# Engines beside vLLM have a smaller table: the chips and models that they are published for most.
OTHERS_CHIPS = ("h100-sxm", "h200-sxm", "b200-sxm", "gb200-nvl72")
OTHERS_MODELS = (
    *("llama-3.1-8b", "llama-3.1-70b", "llama-3.3-70b", "llama-3.1-405b", "qwen3-8b"),
    *("qwen3-32b", "qwen3-30b-a3b", "qwen3-235b-a22b", "deepseek-v3", "gpt-oss-120b"),
)
WEIGHT_SHARE = 0.85  # of memory that weights may take: the rest is for the KV cache
# Some tables of the package are off by orders of magnitude: 5 s for a step of Llama 4 in nvfp4.
PLAUSIBLE = 5.0  # times the physical form, at most


def configurations(catalog: Catalog, engine: str) -> Iterator[Configuration]:
    """Yield what is tried: each pair of chip and model, in each format and layout that fits."""
    everything = engine == DEFAULT_ENGINE
    for chip in SYSTEMS if everything else OTHERS_CHIPS:
        accelerator = catalog.accelerators[chip]
        for name in MODELS if everything else OTHERS_MODELS:
            known = MODELS[name]
            for precision in (known.own,) if known.own else ("bf16", "fp8", "fp4"):
                if precision not in accelerator.flops and precision not in ("bf16", known.own):
                    continue
                for group in GROUPS:
                    for groups, ranks in _layouts(known, group):
                        if _fits(
                            catalog.models[name], precision, group, ranks, accelerator.memory_bytes
                        ):
                            size = (group, groups, ranks)
                            yield Configuration(chip, name, precision, *size, engine)


def _layouts(known: KernelModel, group: int) -> Sequence[tuple[int, int]]:
    """Return groups of whole experts and copies of attention that are tried on a group."""
    if not known.experts or group == 1:
        return ((1, 1),)
    return ((1, 1), (group, 1), (group, group))


def _fits(model: Model, precision: str, group: int, ranks: int, memory_bytes: float) -> bool:
    """Return whether the weights leave room for a cache."""
    weights = model.expert_params + ranks * (model.params - model.expert_params)
    return weights * WEIGHT_BYTES[precision] <= WEIGHT_SHARE * group * memory_bytes


def kernel_line(
    key: Configuration, model: Model, accelerator: Accelerator, known: KernelModel | None = None
) -> dict[str, str]:
    """Return one line of the table, its times from kernels and the engine's host term.

    ``a`` and the batch curve follow decode steps (least squares of the relative error, one slope
    per context token for all of them), the curve and ``e`` follow prompts without a context. With
    several copies of attention every one of them is taken to have its share of sequences, prompt
    tokens and host.

    Args:
        key: chip, model, format, layout and engine.
        model: of the catalogue.
        accelerator: of the catalogue.
        known: the model as the package knows it; that of its table unless given.

    Raises:
        ValueError: if a time is implausible, or the package's own errors for what it lacks.
    """
    times, ranks = KernelTimes(key, model, known), key.data_parallel
    fixed_s, c = _decode(times, model)
    wanted = (*SHORT_PROMPTS, *PROMPTS) if model.experts else PROMPTS
    prompts = {n: times.prompt_s(n) for n in {*wanted, *LONG_PROMPTS}}
    b, e = _long_prompts(prompts, model)
    a = float(fixed_s[0])
    curve = _curve({n: prompts[n] for n in wanted}, fixed_s, a, e, model)
    numbers, seconds = zip((0, 0.0), *curve, strict=True)
    riding = np.interp(BATCHES, numbers, seconds)
    host = HOST_S_PER_SEQ[key.engine] * np.array(BATCHES)
    batch = np.maximum(fixed_s - a - riding, 0.0) + host
    _check(key, model, accelerator, float(fixed_s[BATCHES.index(64)]))
    beyond = batch[-1] + 3.0 * max(0.0, 2.0 * (batch[-1] - batch[-2]))
    points = [*zip(BATCHES, batch, strict=True), (4 * BATCHES[-1], beyond)]
    values = (
        *(key.accelerator, key.model, key.precision, key.tensor_parallel, key.expert_parallel),
        *(key.data_parallel, key.engine, times.version),
        *(f"{a * 1e3:.4g}", *(f"{rate:.4g}" for rate in (b * 1e6 / ranks, c * 1e9 / ranks))),
        *(f"{e * 1e9 / ranks:.4g}", _text(curve, ranks), _text(points, ranks)),
    )
    return dict(zip(COLUMNS, map(str, values), strict=True))


def kernel_step(key: Configuration, model: Model, accelerator: Accelerator) -> StepTime:
    """Return the step time of a pair of the catalogue from the kernels.

    Raises:
        InputError: the extra is not installed, or it does not cover the pair.
    """
    if find_spec("aiconfigurator_core") is None:
        expected = "the extra: pip install 'loadbank[kernels]'"
        raise InputError([Problem("kernels", "no package aiconfigurator-core", expected)])
    if key.accelerator not in SYSTEMS or key.model not in MODELS:
        known = f"one of {', '.join(SYSTEMS)} with one of {', '.join(MODELS)}"
        raise InputError([Problem("kernels", str(key), known)])
    try:
        line = kernel_line(key, model, accelerator)
    except Exception as error:
        expected = "a deployment that the kernels cover"
        raise InputError([Problem("kernels", str(error)[:200], expected)]) from error
    low, high = interval_of(key, mixture=bool(model.experts))
    return replace(step_of(line), time_low=low, time_high=high)


def _check(key: Configuration, model: Model, accelerator: Accelerator, step_s: float) -> None:
    """Raise for a step of 64 sequences a rank that is far beyond the physical form."""
    layout = Layout("bf16", key.expert_parallel, key.data_parallel)
    physical = roofline(model, accelerator, key.tensor_parallel, key.precision, layout, key.engine)
    sequences = 64 * key.data_parallel
    if step_s > PLAUSIBLE * physical.seconds(sequences, 0.0, sequences):
        raise ValueError(f"implausible: {step_s:.3g} s a step")


def _decode(times: KernelTimes, model: Model) -> tuple[FloatArray, float]:
    """Return decode times at no context, shape (batches,) [s], and per context token [s]."""
    shape = (len(BATCHES), len(CONTEXTS))
    measured = np.array([[times.decode_s(n, context) for context in CONTEXTS] for n in BATCHES])
    window = window_of(model)
    read = CONTEXTS if window is None else [window.context(each, each) for each in CONTEXTS]
    rows = np.zeros((*shape, shape[0] + 1))
    rows[np.arange(shape[0]), :, np.arange(shape[0])] = 1.0
    rows[:, :, -1] = np.multiply.outer(BATCHES, read)
    scaled = (rows / measured[:, :, None]).reshape(-1, shape[0] + 1)
    found = np.linalg.lstsq(scaled, np.ones(len(scaled)), rcond=None)[0]
    return np.maximum.accumulate(found[:-1]), float(max(0.0, found[-1]))


def _attention(tokens: float, model: Model) -> float:
    """Return the attention of a prompt without a context, as `StepTime` counts it [tokens^2]."""
    window = window_of(model)
    return tokens**2 / 2 if window is None else window.attention(0.0, tokens)


def _long_prompts(prompts: dict[int, float], model: Model) -> tuple[float, float]:
    """Return slope per token and per token and token before it of long prompts [s]."""
    ends = np.array(LONG_PROMPTS, dtype=float)
    attention = np.array([_attention(end, model) for end in LONG_PROMPTS])
    rows = np.column_stack([np.diff(ends), np.diff(attention)])
    b, e = np.linalg.solve(rows, np.diff([prompts[end] for end in LONG_PROMPTS]))
    return max(0.0, float(b)), max(0.0, float(e))


def _curve(
    prompts: dict[int, float], fixed_s: FloatArray, a: float, e: float, model: Model
) -> list[tuple[int, float]]:
    """Return what new tokens add to a step: what both a prompt and as many sequences take."""
    found, last = [], 0.0
    for tokens, seconds in sorted(prompts.items()):
        added = seconds - a - e * _attention(tokens, model)
        if tokens <= BATCHES[-1]:
            decoding = float(np.interp(tokens, BATCHES, fixed_s)) - a
            added = min(added, decoding)
        last = max(last, added)
        found.append((tokens, last))
    return found


def _text(points: list[tuple[int, float]], ranks: int) -> str:
    return " ".join(f"{number * ranks}:{seconds * 1e3:.4g}" for number, seconds in points)


def table(engine: str, catalog: Catalog) -> Iterator[dict[str, str]]:
    """Yield the lines of an engine's table, and say what the package does not cover."""
    for key in configurations(catalog, engine):
        try:
            yield kernel_line(key, catalog.models[key.model], catalog.accelerators[key.accelerator])
        except Exception as error:  # the package has an exception of its own for each gap
            sys.stderr.write(f"not covered: {key}: {str(error)[:120]}\n")


def main() -> None:
    """Write the tables anew: every configuration that the kernels cover."""
    catalog = load_catalog()
    for engine in sys.argv[1:] or ENGINES:
        path = Path(__file__).parents[1] / "_data" / TABLES[engine]
        lines = list(table(engine, catalog))
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write("# Step times from measured kernels and a host term. Written by\n")
            file.write("# sim/calibration/kernels.py; do not edit by hand. Pairs are number:ms.\n")
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)


if __name__ == "__main__":
    main()

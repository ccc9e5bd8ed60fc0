"""Every accelerator of the catalogue serves every model that fits, or says what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from sim.calibration.replay import Limits, replay
from sim.calibration.run import Run
from sim.catalog.catalog import load_catalog
from sim.errors import ScenarioError
from sim.plant.memory_fit import memory_fit
from sim.scenario.schema.pools import Pool
from sim.serving.queues.pool_model import pool_warnings, resolve_pool

CATALOG = load_catalog()
MODELS = ("llama-3.2-1b", "llama-3.1-70b", "gpt-oss-120b", "deepseek-v3", "gemma-3-27b")
GROUPS = (1, 8, 64, 1024)
LARGEST = 2048


def section(model, group, precision="bf16"):
    batching = {"max_num_seqs": 8, "max_num_batched_tokens": LARGEST}
    return Pool(
        site="s",
        model=model,
        tensor_parallel=group,
        precision=precision,
        replicas=1,
        batching=batching,
    )


def serve(numbers):
    """Serve eight short requests and return the simulated run."""
    zeros, eight = np.zeros(8), np.full(8, 8)
    limits = Limits(8, LARGEST, numbers.kv_tokens)
    return replay(Run(zeros, 4 * eight, eight, zeros, zeros), numbers.step_time, limits)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", sorted(CATALOG.accelerators))
def test_a_model_is_served_or_refused_in_gb(name, model):
    chip = CATALOG.accelerators[name]
    for group in GROUPS:
        fit = memory_fit(CATALOG.models[model], chip, group, "bf16", LARGEST)
        if fit.kv_tokens < 16:
            continue
        numbers = resolve_pool("p", section(model, group), chip, CATALOG)
        if numbers.kv_tokens >= 8 * 48:
            run = serve(numbers)
            assert np.all((run.last_token_s > run.first_token_s) & (run.first_token_s > 0.0))
        # It says where its numbers come from, and how far to trust them.
        step = numbers.step_time
        assert step.basis in ("fitted", "kernels", "scaled", "physical")
        assert step.time_low <= 1.0 <= step.time_high
        told = " ".join(pool_warnings(numbers, 8.0))
        assert ("uncalibrated" in told) == (step.basis == "physical")
    alone = memory_fit(CATALOG.models[model], chip, 1, "bf16", LARGEST)
    if alone.kv_tokens == 0:
        with pytest.raises(ScenarioError, match=r"needs [\d.]+ GB .* [\d.]+ GB too little"):
            resolve_pool("p", section(model, 1), chip, CATALOG)


@pytest.mark.parametrize("name", sorted(CATALOG.accelerators))
def test_every_accelerator_serves_something(name):
    chip = CATALOG.accelerators[name]
    fits = [memory_fit(CATALOG.models[MODELS[0]], chip, n, "bf16", LARGEST) for n in GROUPS]
    assert max(fit.kv_tokens for fit in fits) > 8 * 48


def test_a_model_fits_into_static_memory_on_a_whole_row_of_chips():
    """230 MB each: 70 billion weights in int8 take 576 of them, as the vendor runs it."""
    chip = CATALOG.accelerators["groq-lpu"]
    numbers = resolve_pool("p", section("llama-2-70b", 576, "int8"), chip, CATALOG)
    assert numbers.kv_tokens > 8 * 48
    run = serve(numbers)
    tpot_s = float((run.last_token_s - run.first_token_s).max() / 7)
    assert tpot_s < 0.02  # weights from SRAM: nearer to the latency of exchanges than to HBM's


@pytest.mark.parametrize(("precision", "told"), [("fp8", True), ("int8", False), ("bf16", False)])
def test_a_format_without_arithmetic_falls_back_and_says_so(precision, told):
    chip = CATALOG.accelerators["a100-sxm-80"]
    numbers = resolve_pool("p", section("llama-3.1-8b", 1, precision), chip, CATALOG)
    warnings = list(pool_warnings(numbers, 8.0))
    said = "a100-sxm-80 has no fp8 arithmetic: weights are read in fp8 and multiplied in bf16"
    assert (said in warnings) == told

"""All accelerators of the founding article serve a 70-billion model, and one has a public check."""

from __future__ import annotations

import pytest

from sim.catalog.catalog import load_catalog
from sim.performance.coefficients import resolve_step_time
from sim.performance.configuration import Configuration
from sim.performance.kernel_sets import kernel_set
from sim.performance.roofline import roofline
from sim.plant.memory_fit import kv_capacity_tokens

CATALOG = load_catalog()
# Accelerator, number of a replica, precision.
EIGHT = [
    ("h100-sxm", 4, "bf16"),
    ("b200-sxm", 2, "bf16"),
    ("mi300x", 2, "bf16"),
    ("gaudi3", 4, "bf16"),
    ("trainium2", 8, "bf16"),
    ("tpu-v6e", 8, "bf16"),
    ("ascend-910c", 4, "bf16"),
    ("groq-lpu", 576, "int8"),
]


@pytest.mark.parametrize(("name", "group", "precision"), EIGHT)
def test_it_holds_the_model_and_makes_tokens_with_an_interval(name, group, precision):
    model, accelerator = CATALOG.models["llama-3.3-70b"], CATALOG.accelerators[name]
    assert kv_capacity_tokens(model, accelerator, group, precision, 512) > 1024
    step = resolve_step_time(model, accelerator, group, precision)
    assert 5.0 < 1.0 / step.seconds(1, 1000, 1) < 1500.0
    assert step.time_low < 1.0 < step.time_high


def test_trainium_and_tpu_have_a_rent():
    for name in ("trainium2", "tpu-v6e"):
        assert CATALOG.accelerators[name].rent_usd_per_h


def test_576_groq_chips_are_near_their_published_speed():
    """Llama 2 70B with a context of 4,096: 300 tokens/s for one user (TechPowerUp)."""
    step = roofline(CATALOG.models["llama-2-70b"], CATALOG.accelerators["groq-lpu"], 576, "int8")
    seconds = step.seconds(1, 4096, 1)
    assert step.time_low * seconds < 1 / 300 < step.time_high * seconds


@pytest.mark.parametrize(("name", "group"), [("llama-3.1-70b", 4), ("qwen3-32b", 2)])
def test_fp8_is_not_slower_than_bf16_on_one_basis(name, group):
    """At 64 sequences on H100, where weights are the limit: both from kernels, both vLLM."""
    bf16, fp8 = (
        kernel_set(Configuration("h100-sxm", name, precision, group))
        for precision in ("bf16", "fp8")
    )
    assert fp8.seconds(64, 64_000, 64) < bf16.seconds(64, 64_000, 64)


def test_nothing_fitted_agrees_with_published_runs():
    """NVIDIA NIM, Llama 3.3 70B fp8, 2 H100, 5,000 in: 407 ms, then 18.6 and 21.8 ms at 1 and 5.

    DeepSeek-V3 fp8 on 8 B200: 16.8 ms at batch 8 under vLLM, 9 to 13 ms at 4 to 16 under SGLang.
    """
    nim = kernel_set(Configuration("h100-sxm", "llama-3.3-70b", "fp8", 2))
    assert nim.seconds(5000, 0, 0, 5000**2 / 2) == pytest.approx(0.407, rel=0.1)
    for users, seconds in ((1, 18.6e-3), (5, 21.8e-3)):
        assert nim.seconds(users, 5250 * users, users) == pytest.approx(seconds, rel=0.15)
    model, chip = CATALOG.models["deepseek-v3"], CATALOG.accelerators["b200-sxm"]
    vllm = roofline(model, chip, 8, "fp8")
    assert vllm.seconds(8, 12_000, 8) == pytest.approx(16.8e-3, rel=0.1)
    sglang = kernel_set(Configuration("b200-sxm", "deepseek-v3", "fp8", 8, engine="sglang"))
    for batch in (8, 16):
        assert 8.5e-3 < sglang.seconds(batch, 1500 * batch, batch) < 13.5e-3

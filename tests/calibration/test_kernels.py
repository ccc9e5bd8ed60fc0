"""Step times from measured kernels: what the shipped table says, and that its script makes it."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest

from sim.performance.configuration import Configuration
from sim.performance.kernel_sets import COLUMNS, TABLES, kernel_set, step_of

CARD = Configuration("rtx-pro-6000", "llama-3.1-8b")


def lines(engine="vllm"):
    text = (files("sim") / "_data" / TABLES[engine]).read_text(encoding="utf-8")
    return list(csv.DictReader(row for row in text.splitlines() if not row.startswith("#")))


def test_one_card_is_near_a_real_log_that_nothing_was_fitted_to():
    """LLMServingSim bench, vLLM 0.19: 12.44 ms fixed, 38.7 us a token, 78 ns a context token."""
    step = kernel_set(CARD)
    assert step.seconds(1, 0, 1) == pytest.approx(12.44e-3, rel=0.12)
    assert step.seconds(4096, 0) - step.seconds(2048, 0) == pytest.approx(2048 * 38.7e-6, rel=0.12)
    assert step.c_s_per_kv_token == pytest.approx(78e-9, rel=0.12)


def test_larger_batches_longer_contexts_and_prompts_take_longer_everywhere():
    for line in lines():
        step, key = step_of(line), tuple(line.values())[:6]
        decode = [step.seconds(batch, 1024 * batch, batch) for batch in (1, 8, 64, 512, 1024, 2048)]
        assert decode == sorted(decode), key
        prompts = [step.seconds(n, 0, 0, n * n / 2) for n in (64, 512, 4096, 32768)]
        assert prompts == sorted(prompts), key
        assert step.c_s_per_kv_token > 0.0


def test_every_chip_with_kernels_serves_llama_70b():
    chips = {line["accelerator"] for line in lines() if line["model"] == "llama-3.1-70b"}
    assert chips >= {"a100-sxm-80", "h100-sxm", "h200-sxm", "b200-sxm", "b300-sxm", "l40s"}
    assert chips >= {"gb200-nvl72", "gb300-nvl72", "rtx-pro-6000"}


def test_experts_are_read_as_far_as_routers_choose_evenly():
    """Qwen3 30B-A3B on one H100, ML.ENERGY chat: 12.9, 17.6, 22.6 and 28.9 ms from batch 8 to 64.

    The tables behind it know 8 and 16 tokens that share no expert (13 and 23 ms) or hardly any
    experts at all (10 and 12 ms).
    """
    step = kernel_set(Configuration("h100-sxm", "qwen3-30b-a3b"))
    for batch, seconds in ((8, 12.85e-3), (16, 17.55e-3), (32, 22.57e-3), (64, 28.94e-3)):
        assert step.seconds(batch, 658 * batch, batch) == pytest.approx(seconds, rel=0.1)


def test_prompts_cover_experts_as_sequences_do():
    step = kernel_set(Configuration("h100-sxm", "qwen3-30b-a3b"))
    alone = step.seconds(1, 600, 1)
    assert step.seconds(1 + 256, 600, 1) - alone > 0.8 * 57e9 / 3.35e12  # 57 GB of experts


def test_copies_of_attention_share_the_load_and_each_has_a_host():
    """Twice the ranks with twice the sequences: the same step, but for exchange and coverage."""
    two, four = (
        kernel_set(Configuration("b200-sxm", "qwen3-coder-480b-a35b", "fp8", n, n, n))
        for n in (4, 8)
    )
    assert four.c_s_per_kv_token == pytest.approx(two.c_s_per_kv_token / 2, rel=0.05)
    assert four.batch_s(2048) < 0.8 * two.batch_s(2048)


@pytest.mark.parametrize("accelerator", ["rtx-pro-6000", "h100-sxm"])
def test_the_script_makes_the_shipped_line(accelerator):
    pytest.importorskip("aiconfigurator_core", reason="needs the extra loadbank[kernels]")
    from sim.calibration.kernels import kernel_line
    from sim.catalog.catalog import load_catalog

    catalog = load_catalog()
    model = "llama-3.1-8b" if accelerator == CARD.accelerator else "qwen3-30b-a3b"
    key = Configuration(accelerator, model)
    made = kernel_line(key, catalog.models[model], catalog.accelerators[accelerator])
    same = [
        row
        for row in lines()
        if (row["accelerator"], row["model"], row["precision"]) == (accelerator, model, "bf16")
        and row["tensor_parallel"] == "1"
    ]
    assert same == [{name: made[name] for name in COLUMNS}]

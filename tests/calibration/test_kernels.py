"""Step times from measured kernels: what the shipped table says, and that its script makes it."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest

from sim.performance.configuration import Configuration
from sim.performance.kernel_sets import TABLES, kernel_set

CARD = Configuration("rtx-pro-6000", "llama-3.1-8b")


def lines():
    text = (files("sim") / "_data" / TABLES["vllm"]).read_text(encoding="utf-8")
    return list(csv.DictReader(row for row in text.splitlines() if not row.startswith("#")))


def test_one_card_is_near_a_real_log_that_nothing_was_fitted_to():
    """LLMServingSim bench, vLLM 0.19: 12.44 ms fixed, 38.7 us a token, 78 ns a context token."""
    step = kernel_set(CARD)
    assert step.seconds(1, 0, 1) == pytest.approx(12.44e-3, rel=0.12)
    assert step.seconds(4096, 0) - step.seconds(2048, 0) == pytest.approx(2048 * 38.7e-6, rel=0.12)
    assert step.c_s_per_kv_token == pytest.approx(78e-9, rel=0.12)


def test_larger_batches_longer_contexts_and_prompts_take_longer_everywhere():
    for line in lines():
        size = (int(line["tensor_parallel"]), int(line["expert_parallel"]))
        key = Configuration(line["accelerator"], line["model"], line["precision"], *size)
        step = kernel_set(key)
        decode = [step.seconds(batch, 1024 * batch, batch) for batch in (1, 8, 64, 512, 1024, 2048)]
        assert decode == sorted(decode), key
        prompts = [step.seconds(n, 0, 0, n * n / 2) for n in (64, 512, 4096, 32768)]
        assert prompts == sorted(prompts), key
        assert step.c_s_per_kv_token > 0.0


def test_every_chip_with_kernels_serves_llama_70b():
    chips = {line["accelerator"] for line in lines() if line["model"] == "llama-3.1-70b"}
    assert chips >= {"a100-sxm-80", "h100-sxm", "h200-sxm", "b200-sxm", "b300-sxm", "l40s"}
    assert chips >= {"gb200-nvl72", "gb300-nvl72", "rtx-pro-6000"}

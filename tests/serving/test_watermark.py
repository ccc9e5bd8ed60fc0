"""Admission under tight memory, against what vLLM 0.33's own scheduler did with the same requests."""

from __future__ import annotations

import pytest
from segment_bench import SegmentBench
from stepwise import Job

from sim.performance.steptime import StepTime

STEP = StepTime(8e-3, 25e-6, 0.06e-6)
# Two prompts that fill 200 blocks of 16 to the last one; the first answer then needs another.
JOBS = [(0.0, 1600, 40), (1e-4, 1584, 2)]


def served(watermark):
    limits = {
        "mode": "chunked-prefill",
        "max_num_seqs": 256,
        "max_num_batched_tokens": 8192,
        "kv_blocks": 200,
        "block_size": 16,
        "watermark": watermark,
    }
    jobs = [Job(number, *job) for number, job in enumerate(JOBS)]
    first, second = SegmentBench(jobs, STEP, limits).run().requests
    return first, second


def test_without_a_watermark_both_are_admitted_and_one_gives_way():
    """vLLM 0.33, synchronous, watermark 0: second TTFT 95.6 ms, ends at 404.4 and 451.9 ms."""
    first, second = served(0)
    assert second.first_token_s - second.arrival_s == pytest.approx(0.0956, abs=5e-5)
    assert first.finished_s - first.arrival_s == pytest.approx(0.4044, abs=5e-5)
    assert second.finished_s - second.arrival_s == pytest.approx(0.4519, abs=5e-5)
    assert first.preemptions + second.preemptions == 1


def test_a_watermark_keeps_the_second_waiting_until_the_first_is_through():
    """One block in a hundred kept free: TTFT 412.3 ms, ends at 364.8 and 420.4 ms, none gives way."""
    first, second = served(2)
    assert second.first_token_s - second.arrival_s == pytest.approx(0.4123, abs=5e-5)
    assert first.finished_s - first.arrival_s == pytest.approx(0.3648, abs=5e-5)
    assert second.finished_s - second.arrival_s == pytest.approx(0.4204, abs=5e-5)
    assert first.preemptions + second.preemptions == 0

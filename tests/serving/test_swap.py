"""Preemption by swap: the cache waits in host memory and comes back instead of being recomputed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_bench import LIMITS, SegmentBench, compare, engines, jobs_with
from stepwise import Job

from sim.catalog.catalog import load_catalog
from sim.performance.steptime import StepTime
from sim.scenario.schema.pools import Pool
from sim.serving.queues.pool_model import build_engine, resolve_pool


@settings(max_examples=150, deadline=None)
@given(
    drawn=jobs_with(st.floats(0.0, 0.5), st.one_of(st.none(), st.floats(0.001, 3.0))),
    a_s=st.sampled_from([0.0065, 0.02, 0.25]),
    engine=engines(
        swap_tokens=st.sampled_from([1, 60, 200, 10**6]),
        swap_s_per_token=st.sampled_from([0.0, 1e-5, 1e-2]),
    ),
)
def test_segments_equal_steps_with_swapping(drawn, a_s, engine):
    time = StepTime(a_s=a_s, b_s_per_token=1e-3, c_s_per_kv_token=2e-5)
    compare(drawn, time, engine, extra_s=0.0123456789)


@pytest.mark.parametrize("swap_tokens", [0, 100])
def test_literal_swap(swap_tokens):
    """Steps of 1 s, 0.25 s per copied token, memory for 7 tokens, prompts of 2 and 1.

    Both start at 0 and hold 2 + 1 tokens after the prompt step at 1, 3 + 2 at 2, 4 + 3 at 3. The
    next step needs nine places of seven: the second request, with three tokens shown and three
    stored, gives way. The first has its 5th and last token at 5. Swapped, the copy out makes the
    step from 3 take 1.75 s: it ends at 4.75; the first ends at 5.75 and the second comes back:
    one step with a copy in, 1.75 s, ends it at 7.5. Recomputed, it waits till 5, processes its
    four known tokens and shows the next one at 6.
    """
    jobs = [Job(0, 0.0, 2, 5), Job(1, 0.0, 1, 4)]
    limits = LIMITS | {"kv_blocks": 7, "swap_tokens": swap_tokens, "swap_s_per_token": 0.25}
    first, second = SegmentBench(jobs, StepTime(1.0, 0.0), limits).run().requests
    assert second.preemptions == 1
    expected_s = (5.75, 7.5) if swap_tokens else (5.0, 6.0)
    assert (first.finished_s, second.finished_s) == pytest.approx(expected_s)


def test_a_scenario_sets_space_and_link():
    """Llama 3.1 8B keeps 131,072 bytes per token: 13.1072 GB hold 100,000, 13.1 GB/s copy as many."""
    catalog = load_catalog()
    section = {"site": "s", "model": "llama-3.1-8b", "replicas": 1}
    swap = {"space": "13.1072 GB", "link": "13.1072 GB/s"}
    engines = []
    for batching in ({}, {"swap": swap}):
        pool = Pool.model_validate(section | {"batching": batching})
        numbers = resolve_pool("p", pool, catalog.accelerators["h100-sxm"], catalog)
        engines.append(build_engine(numbers))
    assert engines[0].swap_tokens == 0
    assert engines[1].swap_tokens == 100_000
    assert engines[1].swap_s_per_token == pytest.approx(1e-5)

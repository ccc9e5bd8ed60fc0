"""Preemption by priority: what runs gives way to what is more urgent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_bench import LIMITS, SegmentBench, compare, engines, jobs_with
from stepwise import Job

from sim.performance.steptime import StepTime


@settings(max_examples=200, deadline=None)
@given(
    drawn=jobs_with(st.floats(0.0, 0.5), st.one_of(st.none(), st.floats(0.001, 3.0))),
    a_s=st.sampled_from([0.0065, 0.02, 0.25]),
    engine=engines(
        gives_way=st.just(True),
        priority_queue=st.just(True),
        swap_tokens=st.sampled_from([0, 60, 10**6]),
        swap_s_per_token=st.sampled_from([0.0, 1e-2]),
    ),
)
def test_segments_equal_steps_where_requests_give_way(drawn, a_s, engine):
    time = StepTime(a_s=a_s, b_s_per_token=1e-3, c_s_per_kv_token=2e-5)
    compare(drawn, time, engine, extra_s=0.0123456789)


@pytest.mark.parametrize(("gives_way", "first_token_s"), [(False, 21.0), (True, 4.0)])
def test_literal_giving_way(gives_way, first_token_s):
    """One place, a second a step. A batch answer of 20 tokens runs when an urgent request comes.

    It comes at 2.5. At 3 the batch request returns to the queue, and the urgent prompt is processed.
    """
    jobs = [Job(0, 0.0, 1, 20, 2), Job(1, 2.5, 1, 2, 0)]
    limits = LIMITS | {"max_num_seqs": 1, "gives_way": gives_way}
    bench = SegmentBench(jobs, StepTime(1.0, 0.0), limits, priority_queue=True).run()
    batch, urgent = bench.requests
    assert urgent.first_token_s == pytest.approx(first_token_s)
    assert batch.preemptions == gives_way

"""The segment engine equals the step-by-step reference on every time stamp, to 1e-9 s."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_bench import LIMITS, SegmentBench, compare, engines, jobs_with
from stepwise import Job

from sim.performance.steptime import StepTime


@settings(max_examples=150, deadline=None)
@given(
    gaps=jobs_with(st.one_of(st.just(0.0), st.floats(0.0, 2.0))),
    time=st.builds(
        StepTime,
        a_s=st.sampled_from([0.001, 0.0065, 0.02, 0.25]),
        b_s_per_token=st.sampled_from([0.0, 3e-5, 1e-3, 0.125]),
        c_s_per_kv_token=st.sampled_from([0.0, 1e-7, 2e-5, 1e-3]),
        d_s_per_sqrt_seq=st.sampled_from([0.0, 1e-3]),
        e_s_per_token2=st.sampled_from([0.0, 1e-8, 1e-5]),
        f_s_per_seq=st.sampled_from([0.0, 1e-4]),
        curve=st.sampled_from([(), ((0.0, 0.0), (20.0, 0.01), (60.0, 0.05))]),
    ),
    engine=engines(),
    speed_changes=st.lists(
        st.tuples(
            st.floats(0.0, 20.0), st.sampled_from([0.5, 0.8, 1.0]), st.sampled_from([0.9, 1.0])
        ),
        max_size=3,
    ),
)
def test_segments_equal_steps(gaps, time, engine, speed_changes):
    """The scale keeps arrivals off the grid of step times, where rounding decides a tie."""
    extra_s = 0.0123456789 if engine["priority_queue"] else 0.0
    compare(gaps, time, engine, speed_changes, scale=1.00012345678, extra_s=extra_s)


@settings(max_examples=100, deadline=None)
@given(
    gaps=jobs_with(st.sampled_from([0.0, 0.125, 0.5, 2.0])),
    time=st.builds(
        StepTime,
        a_s=st.sampled_from([0.125, 0.25, 1.0]),
        b_s_per_token=st.sampled_from([0.0, 0.125]),
        c_s_per_kv_token=st.sampled_from([0.0, 0.0625]),
    ),
    engine=engines(),
)
def test_segments_equal_steps_in_ties(gaps, time, engine):
    """All times are sums of powers of two, so an arrival at a boundary is exactly at it."""
    compare(gaps, time, engine | {"priority_queue": False}, [], scale=1.0)


def test_literal_timeline():
    """Two requests, t = 1 s + 0.1 s per new token, by hand.

    A (3 in, 3 out) arrives at 0: prompt step 0 to 1.3, then steps of 1.1 s. B (2 in, 1 out)
    arrives at 1.5, inside A's first decode step (1.3 to 2.4): admitted at 2.4; that step has A's
    token and two prompt tokens, 1.3 s, and ends A and B at 3.7.
    """
    time = StepTime(a_s=1.0, b_s_per_token=0.1)
    jobs = [Job(0, 0.0, 3, 3), Job(1, 1.5, 2, 1)]
    a, b = SegmentBench(jobs, time, LIMITS).run().requests
    assert (a.admitted_s, a.first_token_s, a.finished_s) == pytest.approx((0.0, 1.3, 3.7))
    assert (b.admitted_s, b.first_token_s, b.finished_s) == pytest.approx((2.4, 3.7, 3.7))

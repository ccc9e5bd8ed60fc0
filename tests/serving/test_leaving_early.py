"""Requests that leave before their last token: users give up, replicas fail."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from segment_bench import LIMITS, SegmentBench, compare, engines, jobs_with
from stepwise import Job, StepwiseReplica

from sim.interfaces import COMPLETED, FAILED, IN_FLIGHT
from sim.performance.steptime import StepTime


@settings(max_examples=80, deadline=None)
@given(
    gaps=jobs_with(st.floats(0.0, 1.0), st.one_of(st.none(), st.floats(0.001, 3.0))),
    a_s=st.sampled_from([0.0065, 0.02, 0.25]),
    engine=engines(),
)
def test_segments_equal_steps_when_users_give_up(gaps, a_s, engine):
    """Running requests leave at the next boundary, waiting ones at once."""
    time = StepTime(a_s=a_s, b_s_per_token=1e-3, c_s_per_kv_token=2e-5)
    compare(gaps, time, engine, [], scale=1.00012345678, extra_s=0.0123456789)


@settings(max_examples=60, deadline=None)
@given(
    jobs=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 60)), min_size=1, max_size=8),
    fails_s=st.floats(0.001, 3.0),
    c_s=st.sampled_from([0.0, 1e-4]),
)
def test_a_failure_keeps_the_tokens_of_whole_steps(jobs, fails_s, c_s):
    """What was shown by the failure is what the reference had shown by then."""
    fails_s *= 1.00012345678  # off the grid of step times, where rounding decides a tie
    time = StepTime(a_s=0.02, b_s_per_token=1e-4, c_s_per_kv_token=c_s)
    limits = LIMITS | {"max_num_seqs": 8, "kv_blocks": 10**6, "max_num_batched_tokens": 64}
    work = [Job(number, 0.0, *tokens) for number, tokens in enumerate(jobs)]
    bench = SegmentBench(work, time, limits)
    lost = []
    bench.at(fails_s, lambda: lost.extend(bench.replica.fail(fails_s)))
    bench.run()
    StepwiseReplica(time, **limits).run(work, stop_s=fails_s)
    for job, request in zip(work, bench.requests, strict=True):
        if job.finished_s >= 0:
            assert request.status == COMPLETED
            continue
        if job.order < 0:  # it waits for another replica
            assert request.status == IN_FLIGHT
            continue
        assert request in lost
        assert request.status == FAILED
        assert request.output_tokens - request.remaining_tokens == job.shown
        assert request.prefill_tokens == job.input_tokens + job.shown
        assert request.context_tokens == 0

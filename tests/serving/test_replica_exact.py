"""The segment engine equals the step-by-step reference on every time stamp, to 1e-9 s."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stepwise import Job, StepwiseReplica

from sim.clock import Clock
from sim.interfaces import Request
from sim.serving.activity import ActivityBuffer
from sim.serving.engine import MODES, Engine, Speed
from sim.serving.queues import QUEUES
from sim.serving.replica import Replica
from sim.serving.steptime import StepTime

TOLERANCE_S = 1e-9


class FlatPower:
    idle_w = 100.0
    prefill_w = 700.0

    def decode_w(self, batch: int) -> float:
        return 300.0 + batch


def run_segments(jobs, time, limits, *, priority_queue=False, speed_changes=(), checkpoints=()):
    clock = Clock()
    rows = ActivityBuffer()
    ended: list[Request] = []
    limits = dict(limits)
    mode = MODES[limits.pop("mode")]
    watermark = limits.pop("watermark")
    engine = Engine(time, FlatPower(), mode=mode, watermark_blocks=watermark, **limits)
    queue = QUEUES["priority" if priority_queue else "fcfs"]()
    replica = Replica(0, clock, engine, queue, rows, ended.append)
    requests = [
        Request(
            job.number, job.arrival_s, job.input_tokens, job.output_tokens, priority=job.priority
        )
        for job in jobs
    ]

    def arrive(request):
        def action(_event):
            request.queued_s = clock.now
            queue.push(request)
            if queue.head() is request:
                replica.nudge()

        return action

    for when_s, prefill, decode in speed_changes:
        speed = Speed(prefill=prefill, decode=decode)
        clock.call_at(when_s, lambda _event, speed=speed: replica.set_speed(speed))
    for request in requests:
        clock.call_at(request.arrival_s, arrive(request))
    for when_s in checkpoints:
        clock.call_at(when_s, lambda _event: replica.checkpoint(clock.now))
    clock.run()
    replica.checkpoint(clock.now)
    return requests, ended, rows.take().tolist(), replica


def check_equal(jobs, requests):
    for job, request in zip(jobs, requests, strict=True):
        for name in ("admitted_s", "first_token_s", "finished_s"):
            assert getattr(request, name) == pytest.approx(getattr(job, name), abs=TOLERANCE_S), (
                job.number,
                name,
            )
        assert request.preemptions == job.preemptions


def check_rows(jobs, table, end_s):
    assert table[0][1] == 0.0
    assert table[-1][2] == end_s
    for before, after in pairwise(table):
        assert before[2] == after[1]  # contiguous
        assert before[1] < before[2]
    prompts = sum(job.input_tokens for job in jobs)
    if not any(job.preemptions for job in jobs):
        assert sum(row[6] for row in table) == pytest.approx(prompts, rel=1e-9)
    answers = sum(job.output_tokens for job in jobs)
    assert sum(row[7] for row in table) == pytest.approx(answers, rel=1e-9)


def make_jobs(gaps, scale, extra_s):
    jobs, now = [], 0.0
    for number, (gap, prompt, answer, priority) in enumerate(gaps):
        now += gap * scale + extra_s
        jobs.append(Job(number, now, prompt, answer, priority))
    return jobs


def compare(gaps, time, engine, speed_changes, *, scale, extra_s=0.0):
    """Run both replicas on the same jobs; ``engine`` is drawn from `engines`."""
    jobs = make_jobs(gaps, scale, extra_s)
    limits = dict(engine)
    priority_queue = limits.pop("priority_queue")
    limits["max_num_batched_tokens"] = limits["max_num_seqs"] + limits.pop("spare_tokens")
    size = limits["block_size"]
    largest = max(-(-(job.input_tokens + job.output_tokens - 1) // size) for job in jobs)
    limits["kv_blocks"] = largest + limits.pop("spare_blocks")
    changes = [(when_s * scale, *speeds) for when_s, *speeds in speed_changes]
    options = {"priority_queue": priority_queue, "speed_changes": changes}
    requests, ended, rows, replica = run_segments(
        jobs, time, limits, checkpoints=[0.7, 1.9, 5.3], **options
    )
    StepwiseReplica(time, **options, **limits).run(jobs)
    check_equal(jobs, requests)
    assert sorted(r.number for r in ended) == list(range(len(jobs)))
    check_rows(jobs, rows, rows[-1][2])
    memory = replica.memory
    assert (memory.tokens, memory.prefill_blocks, any(memory.ring)) == (0, 0, False)


engines = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(sorted(MODES)),
        "max_num_seqs": st.integers(1, 12),
        "spare_tokens": st.integers(0, 80),
        "block_size": st.sampled_from([1, 4, 16]),
        "spare_blocks": st.integers(0, 12),
        "watermark": st.integers(0, 2),
        "priority_queue": st.booleans(),
    }
)


def jobs_with(gap):
    each = st.tuples(gap, st.integers(1, 90), st.integers(1, 60), st.integers(0, 2))
    return st.lists(each, min_size=1, max_size=40)


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
    engine=engines,
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
    engine=engines,
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
    limits = {
        "mode": "chunked-prefill",
        "max_num_seqs": 4,
        "max_num_batched_tokens": 16,
        "kv_blocks": 100,
        "block_size": 1,
        "watermark": 0,
    }
    jobs = [Job(0, 0.0, 3, 3), Job(1, 1.5, 2, 1)]
    (a, b), _, _, _ = run_segments(jobs, time, limits)
    assert (a.admitted_s, a.first_token_s, a.finished_s) == pytest.approx((0.0, 1.3, 3.7))
    assert (b.admitted_s, b.first_token_s, b.finished_s) == pytest.approx((2.4, 3.7, 3.7))

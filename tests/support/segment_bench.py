"""Runs one segment replica and the step-by-step reference on the same jobs and compares them."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from math import inf

import pytest
from hypothesis import strategies as st
from stepwise import Job, StepwiseReplica

from sim.clock import Clock
from sim.interfaces import COMPLETED, IN_FLIGHT, TIMED_OUT, Request
from sim.performance.steptime import StepTime
from sim.serving.engine.activity import ActivityBuffer
from sim.serving.engine.engine import MODES, Engine, KvOptions, Speed
from sim.serving.engine.replica_kinds import replica_class
from sim.serving.queues.queues import QUEUES

TOLERANCE_S = 1e-9
LIMITS = {
    "mode": "chunked-prefill",
    "max_num_seqs": 4,
    "max_num_batched_tokens": 16,
    "kv_blocks": 100,
    "block_size": 1,
    "watermark": 0,
}
ENGINES = {
    "mode": st.sampled_from(sorted(MODES)),
    "max_num_seqs": st.integers(1, 12),
    "spare_tokens": st.integers(0, 80),
    "block_size": st.sampled_from([1, 4, 16]),
    "spare_blocks": st.integers(0, 12),
    "watermark": st.integers(0, 2),
    "priority_queue": st.booleans(),
}


class FlatPower:
    idle_w = 100.0
    prefill_w = 700.0

    def decode_w(self, batch: int) -> float:
        return 300.0 + batch


def engines(**features):
    """Draw limits for both replicas; ``features`` are more options to draw."""
    return st.fixed_dictionaries(ENGINES | features)


def step_times(a_s):
    """Draw the step times of an engine with a feature of its own; ``a_s`` are the fixed parts."""
    return st.builds(
        StepTime,
        a_s=st.sampled_from(a_s),
        b_s_per_token=st.sampled_from([0.0, 3e-5, 1e-3]),
        c_s_per_kv_token=st.sampled_from([0.0, 2e-5, 1e-3]),
        d_s_per_sqrt_seq=st.sampled_from([0.0, 1e-3]),
        e_s_per_token2=st.sampled_from([0.0, 1e-5]),
        f_s_per_seq=st.sampled_from([0.0, 1e-4]),
    )


SPEED_CHANGES = st.lists(
    st.tuples(st.floats(0.0, 20.0), st.sampled_from([0.5, 1.0]), st.sampled_from([0.9, 1.0])),
    max_size=3,
)


def jobs_with(gap, *patience):
    each = st.tuples(gap, st.integers(1, 90), st.integers(1, 60), st.integers(0, 2), *patience)
    return st.lists(each, min_size=1, max_size=40)


class SegmentBench:
    """A replica on a bare clock, with a request for each job."""

    def __init__(
        self, jobs, time, limits, *, priority_queue=False, speed_changes=(), make_engine=Engine
    ):
        self.clock, self.rows, self.ended = Clock(), ActivityBuffer(), []
        limits = dict(limits)
        kv = KvOptions(
            limits.pop("watermark"), *(limits.pop(field.name, 0) for field in fields(KvOptions)[1:])
        )
        mode, gives_way = MODES[limits.pop("mode")], limits.pop("gives_way", False)
        asynchronous = limits.pop("asynchronous", False)
        long_prefill = limits.pop("long_prefill", 0)
        engine = make_engine(time, FlatPower(), mode=mode, kv=kv, **limits)
        engine.gives_way, engine.asynchronous = gives_way, asynchronous
        engine.long_prefill_tokens = long_prefill
        self.queue = QUEUES["priority" if priority_queue else "fcfs"]()
        make = replica_class(engine)
        self.replica = make(0, self.clock, engine, self.queue, self.rows, self.ended.append)
        self.requests = [self.request(job) for job in jobs]
        for when_s, prefill, decode in speed_changes:
            self.at(when_s, self.replica.set_speed, Speed(prefill=prefill, decode=decode))
        for request in self.requests:
            self.at(request.arrival_s, self.arrive, request)
        for job, request in zip(jobs, self.requests, strict=True):
            if job.gives_up_s < inf:
                self.at(job.gives_up_s, self.give_up, request)

    def request(self, job):
        tokens = job.input_tokens, job.output_tokens
        request = Request(job.number, job.arrival_s, *tokens, priority=job.priority)
        request.prefix_blocks = job.blocks
        return request

    def at(self, when_s, action, *args):
        self.clock.call_at(when_s, lambda _event: action(*args))

    def arrive(self, request):
        request.queued_s = request.offered_s = self.clock.now
        self.queue.push(request)
        if self.queue.head() is request:
            self.replica.nudge()

    def give_up(self, request):
        if request.status != IN_FLIGHT or self.replica.evict(request):
            return
        was_head = self.queue.head() is request
        self.queue.remove(request)
        request.status = TIMED_OUT
        if was_head and self.queue:
            self.replica.nudge()

    def run(self, checkpoints=()):
        for when_s in checkpoints:
            self.at(when_s, self.replica.checkpoint, when_s)
        self.clock.run()
        self.replica.checkpoint(self.clock.now)
        return self


def check_equal(jobs, requests):
    for job, request in zip(jobs, requests, strict=True):
        for name in ("admitted_s", "first_token_s", "finished_s"):
            assert getattr(request, name) == pytest.approx(getattr(job, name), abs=TOLERANCE_S), (
                job.number,
                name,
            )
        assert request.preemptions == job.preemptions
        assert request.status == (TIMED_OUT if job.gave_up else COMPLETED)


def check_rows(jobs, table):
    assert table[0][1] == 0.0
    for before, after in pairwise(table):
        assert before[2] == after[1]  # contiguous
        assert before[1] < before[2]
    if any(job.gave_up for job in jobs):
        return
    if not any(job.preemptions for job in jobs):
        prompts = sum(job.input_tokens - job.cached for job in jobs)
        assert sum(row[6] for row in table) == pytest.approx(prompts, rel=1e-9)
    answers = sum(job.output_tokens for job in jobs)
    assert sum(row[7] for row in table) == pytest.approx(answers, rel=1e-9)


def make_jobs(drawn, scale, extra_s):
    jobs, now = [], 0.0
    for number, (gap, prompt, answer, priority, *patience_s) in enumerate(drawn):
        now += gap * scale + extra_s
        job = Job(number, now, prompt, answer, priority)
        if patience_s and patience_s[0] is not None:
            job.gives_up_s = now + patience_s[0] * scale
        jobs.append(job)
    return jobs


def compare(
    drawn,
    time,
    engine,
    speed_changes=(),
    *,
    scale=1.00012345678,
    extra_s=0.0,
    blocks=None,
    make_engine=Engine,
    reference=StepwiseReplica,
):
    """Run both replicas on the same jobs; ``engine`` is drawn from `engines`.

    The scale keeps arrivals off the grid of step times, where rounding decides a tie. Features
    beyond the plain replica name what makes their engine, and their own ``reference``.
    """
    jobs = make_jobs(drawn, scale, extra_s)
    for job in jobs if blocks else ():
        job.blocks = blocks(job)
    limits = dict(engine)
    priority_queue = limits.pop("priority_queue")
    limits["max_num_batched_tokens"] = limits["max_num_seqs"] + limits.pop("spare_tokens")
    size = limits["block_size"]
    largest = max(-(-(job.input_tokens + job.output_tokens - 1) // size) for job in jobs)
    limits["kv_blocks"] = largest + limits.pop("spare_blocks")
    changes = [(when_s * scale, *speeds) for when_s, *speeds in speed_changes]
    options = {"priority_queue": priority_queue, "speed_changes": changes}
    bench = SegmentBench(jobs, time, limits, **options, make_engine=make_engine)
    bench.run([0.7, 1.9, 5.3])
    reference(time, **options, **limits).run(jobs)
    check_equal(jobs, bench.requests)
    left_the_queue = [job.number for job in jobs if job.gave_up and job.finished_s < 0]
    ended = [request.number for request in bench.ended]
    assert sorted(ended + left_the_queue) == list(range(len(jobs)))
    check_rows(jobs, bench.rows.take().tolist())
    memory = bench.replica.memory
    assert (memory.tokens, memory.prefill_blocks, any(memory.ring)) == (0, 0, False)
    return jobs

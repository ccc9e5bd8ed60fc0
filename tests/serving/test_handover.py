"""Prefill and decode in pools of their own, against the step-by-step reference and by hand."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from segment_bench import TOLERANCE_S, FlatPower, engines, jobs_with, make_jobs
from stepwise import StepwiseReplica
from stepwise_handover import StepwisePrefill, serve

from sim.clock import Clock
from sim.interfaces import COMPLETED, FAILED, IN_FLIGHT, TIMED_OUT, Request
from sim.performance.steptime import StepTime
from sim.serving.engine.activity import ActivityBuffer
from sim.serving.engine.engine import MODES, Engine, KvOptions
from sim.serving.engine.handover import DecodePool, PrefillPool
from sim.serving.queues.pool import LOSE, RESTART, RESUME, QueueSettings
from sim.shared_link import SharedLink

ONE_SECOND = StepTime(1.0, 0.0)
PLAIN = {
    "mode": "chunked-prefill",
    "max_num_seqs": 4,
    "max_num_batched_tokens": 16,
    "kv_blocks": 100,
    "block_size": 1,
}


class Books(list):
    ended = list.append


class Bench:
    """A prefill and a decode pool on a bare clock, joined by a link."""

    def __init__(self, time, prefill, decode, *, replicas=(1, 1), link=(8.0, 0.0), order="fcfs"):
        self.clock, self.rows, self.books = Clock(), ActivityBuffer(), Books()
        self.prefill = self._pool(PrefillPool, 0, replicas[0], time, prefill, order)
        self.decode = self._pool(DecodePool, replicas[0], replicas[1], time, decode, "fcfs")
        bandwidth_bps, latency_s = link
        shared = SharedLink(self.clock, bandwidth_bps)
        self.prefill.connect(self.decode, shared, latency_s, bytes_per_token=1.0)

    def _pool(self, kind, first, replicas, time, limits, order):
        limits = dict(limits)
        kv = KvOptions(limits.pop("watermark", 0), prefix_tokens=limits.pop("prefix_tokens", 0))
        mode = MODES[limits.pop("mode")]
        return kind(
            int(kind is DecodePool),
            0,
            "air",
            first,
            replicas,
            Engine(time, FlatPower(), mode=mode, kv=kv, **limits),
            QueueSettings(order=order, dispatch="round-robin"),
            clock=self.clock,
            activity=self.rows,
            requests=self.books,
            uniform=lambda: 0.5,
        )

    def at(self, when_s, action, *args):
        self.clock.call_at(when_s, lambda _: action(*args))

    def ask(self, number, arrival_s, tokens, **more):
        request = Request(number, arrival_s, *tokens, **more)
        self.prefill.outstanding += 1
        self.at(arrival_s, self.prefill.submit, request)
        return request

    def run(self):
        self.clock.run()
        assert (self.prefill.outstanding, self.decode.outstanding) == (0, 0)
        for pool in (self.prefill, self.decode):
            for member in pool.members:
                memory = member.memory
                assert (memory.tokens, memory.prefill_blocks, any(memory.ring)) == (0, 0, False)
                assert member.running == 0
        return self


def limits_of(drawn, jobs):
    """Return limits of both replicas with memory for the largest context and what was drawn."""
    limits = dict(drawn)
    priority_queue = limits.pop("priority_queue")
    limits["max_num_batched_tokens"] = limits["max_num_seqs"] + limits.pop("spare_tokens")
    size = limits["block_size"]
    largest = max(-(-(job.input_tokens + job.output_tokens - 1) // size) for job in jobs)
    limits["kv_blocks"] = largest + limits.pop("spare_blocks")
    return limits, priority_queue


MODE = st.sampled_from(["chunked-prefill", "prefill-first"])


@settings(max_examples=120, deadline=None)
@given(
    drawn=jobs_with(st.floats(0.0, 0.6)),
    engine=engines(mode=MODE, prefix_blocks=st.just(0)),
    other=engines(mode=MODE),
    replicas=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    link=st.tuples(st.sampled_from([60.0, 400.0, 1e6]), st.sampled_from([0.0, 0.05])),
)
def test_both_pools_equal_steps_and_flows(drawn, engine, other, replicas, link):
    check_both_pools(drawn, engine, other, replicas, link)


def test_with_a_prefix_cache_in_the_prompt_pool_most_cases_agree():
    """A known gap: prompts that are handed over while others share their blocks.

    Fewer than one drawn case in twenty differs from the stepwise reference; no more may.
    """
    differs = []

    @settings(max_examples=120, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(
        drawn=jobs_with(st.floats(0.0, 0.6)),
        engine=engines(mode=MODE, prefix_blocks=st.sampled_from([1, 2])),
        other=engines(mode=MODE),
        replicas=st.tuples(st.integers(1, 3), st.integers(1, 3)),
        link=st.tuples(st.sampled_from([60.0, 400.0, 1e6]), st.sampled_from([0.0, 0.05])),
    )
    def one(drawn, engine, other, replicas, link):
        try:
            check_both_pools(drawn, engine, other, replicas, link)
        except AssertionError:
            differs.append(drawn)

    one()
    assert len(differs) <= 6


def check_both_pools(drawn, engine, other, replicas, link):
    """Serve jobs with a pool for prompts and one for answers, and compare with the reference."""
    time = StepTime(a_s=0.02, b_s_per_token=1e-3, c_s_per_kv_token=2e-5, e_s_per_token2=1e-5)
    jobs = make_jobs(drawn, 1.00012345678, 0.0123456789)
    prefix_tokens = engine.pop("prefix_blocks") * engine["block_size"]
    prefill, priority_queue = limits_of(engine, jobs)
    prefill["prefix_tokens"] = prefix_tokens
    for job in jobs if prefix_tokens else ():
        family, alike = job.number % 3, (job.input_tokens * 7 + job.number) % 7
        job.blocks = tuple(
            1000 * family + place if place < alike else 10_000 + 100 * job.number + place
            for place in range(job.input_tokens // prefix_tokens)
        )
    decode, _ = limits_of(other, jobs)
    order = "priority" if priority_queue else "fcfs"
    bench = Bench(time, prefill, decode, replicas=replicas, link=link, order=order)
    requests = []
    for job in jobs:
        tokens = job.input_tokens, job.output_tokens
        requests.append(bench.ask(job.number, job.arrival_s, tokens, priority=job.priority))
        requests[-1].prefix_blocks = job.blocks
    bench.run()
    answers = serve(
        jobs,
        [
            StepwisePrefill(time, priority_queue=priority_queue, **prefill)
            for _ in range(replicas[0])
        ],
        [StepwiseReplica(time, **decode) for _ in range(replicas[1])],
        bandwidth_bps=link[0],
        latency_s=link[1],
        bits_per_token=8.0,
    )
    for job, there, request in zip(jobs, answers, requests, strict=True):
        end = there or job
        for name in ("admitted_s", "first_token_s", "finished_s"):
            expected = pytest.approx(getattr(end, name), abs=TOLERANCE_S)
            assert getattr(request, name) == expected, (job.number, name)
        assert request.preemptions == end.preemptions
        assert request.status == COMPLETED
    assert bench.prefill.handed_over == sum(job.output_tokens > 1 for job in jobs)


def test_literal_timeline():
    """Steps of 1 s; a cache of 4 tokens takes 4 s alone on a link of a byte per second, 0.5 s more.

    The prompt is through at 1 s, its cache arrives at 1 + 4 + 0.5 = 5.5 s, two tokens are left.
    """
    bench = Bench(ONE_SECOND, PLAIN, PLAIN, link=(8.0, 0.5))
    request = bench.ask(0, 0.0, (4, 3))
    bench.run()
    assert (request.first_token_s, request.finished_s) == pytest.approx((1.0, 7.5))
    assert bench.prefill.report()["hand_over"] == {
        "requests": 1,
        "gb": 4e-9,
        "transfer_mean_s": pytest.approx(4.5),
        "link_busy": pytest.approx(4.0 / 7.5),
    }


def test_two_caches_share_the_link():
    """Both prompts are through at 1 s and have half of the link each: 8 s instead of 4 s."""
    bench = Bench(ONE_SECOND, PLAIN, PLAIN)
    requests = [bench.ask(number, 0.0, (4, 2)) for number in range(2)]
    bench.run()
    assert [r.finished_s for r in requests] == pytest.approx([10.0, 10.0])


def test_memory_is_held_until_the_cache_has_arrived():
    """The second prompt does not fit beside the first, whose cache leaves memory at 1 + 6 = 7 s."""
    bench = Bench(ONE_SECOND, {**PLAIN, "kv_blocks": 8}, PLAIN)
    requests = [bench.ask(number, 0.0, (6, 2)) for number in range(2)]
    bench.run()
    assert [r.first_token_s for r in requests] == pytest.approx([1.0, 8.0])
    assert [r.finished_s for r in requests] == pytest.approx([8.0, 15.0])


def test_an_answer_of_one_token_never_leaves():
    bench = Bench(ONE_SECOND, PLAIN, PLAIN)
    request = bench.ask(0, 0.0, (4, 1))
    bench.run()
    assert request.finished_s == pytest.approx(1.0)
    assert bench.prefill.handed_over == 0


@pytest.mark.parametrize(("when_s", "arrives"), [(0.5, False), (3.0, False), (8.5, True)])
def test_a_user_who_goes_away_is_let_go_wherever_the_request_is(when_s, arrives):
    """In the prompt, on the way (1 to 8 s, beside the other) and while it decodes (8 to 11 s)."""
    bench = Bench(ONE_SECOND, PLAIN, PLAIN)
    request = bench.ask(0, 0.0, (4, 4))
    other = bench.ask(1, 0.1, (4, 2))
    bench.at(when_s, bench.prefill.cancel, request)
    bench.run()
    assert request.status == TIMED_OUT
    assert other.status == COMPLETED
    assert len(bench.books) == 2
    assert bench.prefill.handed_over == 1 + arrives


@pytest.mark.parametrize("after", [LOSE, RESTART, RESUME])
@pytest.mark.parametrize(("when_s", "end_s"), [(0.5, 8.5), (3.0, 11.0), (5.5, 8.0)])
def test_a_prefill_replica_that_fails_loses_what_is_on_its_way(when_s, end_s, after):
    """In the prompt, on the way (1 to 5 s) and too late: then the cache has arrived.

    The other replica processes the prompt in 1 s. At 3 s the first token is out: a restart sends
    4 tokens in 4 s and wants three more; a resumed request gets its second token from the prompt,
    sends 5 and wants two more.
    """
    bench = Bench(ONE_SECOND, PLAIN, PLAIN, replicas=(2, 1))
    bench.prefill.after_failure = after
    request = bench.ask(0, 0.0, (4, 4))
    bench.at(when_s, bench.prefill.fail, 0)
    bench.run()
    fails = when_s < 5.0 and after == LOSE
    assert request.status == (FAILED if fails else COMPLETED)
    assert request.finished_s == pytest.approx(when_s if fails else end_s)
    assert bench.prefill.failed_over == (when_s < 5.0 and after != LOSE)


@pytest.mark.parametrize("after", [RESTART, RESUME])
def test_a_decode_replica_that_fails_passes_its_requests_on(after):
    """At 6 s two of four tokens are out; the other replica computes the context in 1 s.

    That step shows a token: the first of four after a restart, else the third.
    """
    bench = Bench(ONE_SECOND, PLAIN, PLAIN, replicas=(1, 2))
    bench.decode.after_failure = after
    request = bench.ask(0, 0.0, (4, 4))
    bench.at(6.0, bench.decode.fail, 1)
    bench.run()
    assert request.status == COMPLETED
    assert request.finished_s == pytest.approx(10.0 if after == RESTART else 8.0)


def test_a_request_that_is_preempted_in_the_decode_pool_is_recomputed_there():
    """Two contexts of 4 grow in 12 blocks; at 3 s, with 6 each, the second one gives way.

    The first has its six tokens at 6 s. The second, with three, computes 7 tokens from there on,
    which shows the fourth, and decodes two more.
    """
    bench = Bench(ONE_SECOND, PLAIN, {**PLAIN, "kv_blocks": 12}, link=(8e9, 0.0))
    requests = [bench.ask(number, 0.0, (4, 6)) for number in range(2)]
    bench.run()
    assert [r.preemptions for r in requests] == [0, 1]
    assert [r.finished_s for r in requests] == pytest.approx([6.0, 9.0], abs=1e-6)
    assert bench.prefill.handed_over == 2


def test_a_request_that_the_decode_pool_cannot_hold_is_rejected_at_once():
    bench = Bench(ONE_SECOND, PLAIN, {**PLAIN, "kv_blocks": 8})
    request = bench.ask(0, 0.0, (4, 6))
    bench.run()
    assert request.status != IN_FLIGHT
    assert request.finished_s == 0.0

"""A replica that goes out of service: its requests start anew elsewhere, or fail."""

from __future__ import annotations

import pytest

from sim.clock import Clock
from sim.fleet.control import ReplicaControl
from sim.interfaces import COMPLETED, FAILED, Request
from sim.performance.power import constant_decode
from sim.performance.steptime import StepTime
from sim.rng import Streams
from sim.serving.engine.engine import CHUNKED, Engine
from sim.serving.queues.dispatch import DISPATCHES
from sim.serving.queues.pool import Pool, QueueSettings


class Log:
    def __init__(self):
        self.requests = []

    def ended(self, request):
        self.requests.append(request)

    def extend(self, row):
        """Forget it."""


def make_pool(replicas, settings, **limits):
    clock, log = Clock(), Log()
    options = {"max_num_seqs": 2, "max_num_batched_tokens": 100, "kv_blocks": 100, "block_size": 1}
    engine = Engine(
        StepTime(a_s=1.0, b_s_per_token=0.0),
        constant_decode(1.0, 1.0, 1.0),
        mode=CHUNKED,
        **(options | limits),
    )
    pool = Pool(
        0,
        0,
        "air",
        0,
        replicas,
        engine,
        settings,
        clock=clock,
        activity=log,
        requests=log,
        uniform=Streams(0).uniform("dispatch"),
    )
    return clock, log, pool


def send(clock, pool, when_s, number, output_tokens):
    def submit(_event):
        pool.outstanding += 1
        pool.submit(Request(number, when_s, 1, output_tokens))

    clock.call_at(when_s, submit)


@pytest.mark.parametrize("shared", [False, True])
def test_requests_of_a_failed_replica_start_anew_on_the_other(shared):
    """Two requests of 10 steps start at 0 on a replica each; replica 0 fails at 4.5.

    Replica 1 is in its fifth step; the orphan joins at 5 and needs 10 steps from there.
    """
    clock, log, pool = make_pool(2, QueueSettings(shared=shared))
    send(clock, pool, 0.0, 0, 10)
    send(clock, pool, 0.0, 1, 10)
    clock.call_at(4.5, lambda _event: ReplicaControl([pool]).fail(0))
    clock.advance(float("inf"))
    ends = {request.number: request.finished_s for request in log.requests}
    assert sorted(ends.values()) == [10.0, 15.0]
    assert all(request.status == COMPLETED for request in log.requests)
    assert pool.failed_over == 1
    assert pool.outstanding == 0


@pytest.mark.parametrize("shared", [False, True])
def test_requests_fail_when_nobody_is_left_and_are_served_again_after_repair(shared):
    clock, log, pool = make_pool(1, QueueSettings(shared=shared))
    for number in range(3):  # two run, one waits
        send(clock, pool, 0.0, number, 10)
    control = ReplicaControl([pool])
    clock.call_at(4.5, lambda _event: control.fail(0))
    send(clock, pool, 5.0, 3, 10)
    clock.call_at(7.0, lambda _event: control.restore(0))
    send(clock, pool, 8.0, 4, 2)
    clock.advance(float("inf"))
    found = {request.number: (request.status, request.finished_s) for request in log.requests}
    assert found == {
        0: (FAILED, 4.5),
        1: (FAILED, 4.5),
        2: (FAILED, 4.5),
        3: (FAILED, 5.0),
        4: (COMPLETED, 10.0),
    }
    assert pool.outstanding == 0


@pytest.mark.parametrize("name", sorted(DISPATCHES))
def test_dispatch_leaves_out_what_is_out_of_service(name):
    dispatch = DISPATCHES[name](3, Streams(0).uniform("dispatch"))
    dispatch.remove(1)
    assert {dispatch.pick() for _ in range(20)} <= {0, 2}
    dispatch.restore(1)
    for member in (0, 0, 2, 2):
        dispatch.moved(member, 1)
    picked = set()
    for _ in range(60):
        picked.add(dispatch.pick())
    assert 1 in picked

"""Little's law on a real pool: what requests say and what replicas say is the same, exactly."""

from __future__ import annotations

import numpy as np
import pytest

from sim.clock import Clock
from sim.interfaces import Request
from sim.metrics.activity import BATCH, BUSY, OUTPUT_TOKENS, ActivitySeries, PoolSizes
from sim.metrics.columns import RunNames
from sim.metrics.recorder import Recorder
from sim.metrics.sinks import MemorySink
from sim.metrics.sla import TierTargets
from sim.performance.steptime import StepTime
from sim.serving.engine.activity import ActivityBuffer
from sim.serving.engine.engine import CHUNKED, Engine
from sim.serving.queues.pool import Pool, QueueSettings

REPLICAS, KV_TOKENS = 3, 10_000


class FlatPower:
    idle_w, prefill_w = 100.0, 700.0

    def decode_w(self, batch):
        return 300.0


def world():
    """A pool of three replicas with room for four requests each, its recorder and activity."""
    clock, log, sink = Clock(), ActivityBuffer(), MemorySink()
    names = RunNames(("t",), ("r",), ("m",), ("s",), ("p",), np.array([0]))
    recorder = Recorder(names, [TierTargets("t")], sink, width_s=1.0)
    engine = Engine(
        StepTime(a_s=0.01, b_s_per_token=1e-4, c_s_per_kv_token=1e-7),
        FlatPower(),
        mode=CHUNKED,
        max_num_seqs=4,
        max_num_batched_tokens=512,
        kv_blocks=KV_TOKENS,
        block_size=1,
    )
    pool = Pool(
        *(0, 0, "air", 0, REPLICAS, engine, QueueSettings()),
        clock=clock,
        activity=log,
        requests=recorder,
        uniform=lambda: 0.5,
    )
    sizes = PoolSizes(
        *(np.array([0]), 1, np.array([REPLICAS]), np.array([1]), np.array([float(KV_TOKENS)]))
    )
    series = ActivitySeries(np.zeros(REPLICAS, dtype=np.int64), sizes, width_s=1.0)
    return clock, pool, log, series, recorder, sink


@pytest.fixture(scope="module")
def run():
    clock, pool, log, series, recorder, sink = world()
    rng = np.random.default_rng(5)
    arrivals_s = np.cumsum(rng.exponential(0.02, 800))
    lengths = rng.integers(1, 200, (800, 2)).tolist()
    for number, (arrival_s, (asked, answer)) in enumerate(zip(arrivals_s, lengths, strict=True)):
        request = Request(number, float(arrival_s), asked, answer)
        clock.call_at(request.arrival_s, lambda _, request=request: pool.submit(request))
    clock.run()
    for replica in pool.members:
        replica.checkpoint(clock.now)
    series.advance(log.take(), clock.now)
    recorder.close([])
    recorder.flow.cover(clock.now)
    assert len(sink.chunks[0]["request"]) == 800
    return clock.now, sink.chunks[0], series, recorder.flow


def test_time_in_batches_is_the_requests_time_in_service(run):
    _, requests, series, _ = run
    service_s = (requests["e2e_s"] - requests["queue_s"]).sum()
    assert series.totals[BATCH, 0] == pytest.approx(service_s, rel=1e-9)
    assert series.bins.integrals(BATCH).sum() == pytest.approx(service_s, rel=1e-9)


def test_tokens_produced_are_tokens_answered(run):
    _, requests, series, _ = run
    assert series.totals[OUTPUT_TOKENS, 0] == pytest.approx(
        requests["output_tokens"].sum(), rel=1e-9
    )


def test_queue_length_is_the_requests_time_in_the_queue(run):
    end_s, requests, _, flow = run
    assert requests["queue_s"].max() > 1.0  # the pool was overloaded for a while
    waiting_s = flow.waiting.level_integrals(end_s).sum()
    assert waiting_s == pytest.approx(requests["queue_s"].sum(), rel=1e-9)


def test_nobody_is_busier_than_always(run):
    end_s, _, series, _ = run
    assert 0.0 < series.totals[BUSY, 0] <= REPLICAS * end_s
    busy_s = series.bins.integrals(BUSY)[0]
    assert np.all(busy_s <= REPLICAS * series.bins.lengths_s(end_s) * (1 + 1e-12))

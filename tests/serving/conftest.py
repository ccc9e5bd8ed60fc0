"""A pool on a bare clock, for tests of serving alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from sim.clock import Clock
from sim.interfaces import ArrivalBlock
from sim.rng import Streams
from sim.serving.engine.engine import CHUNKED, Engine
from sim.serving.queues.pool import Pool, QueueSettings
from sim.traffic.source import Source


class FlatPower:
    idle_w = 100.0
    prefill_w = 700.0

    def decode_w(self, batch: int) -> float:
        return 300.0 + batch


class NoLog:
    def extend(self, row):
        """Forget the row."""


@dataclass
class Bench:
    """Runs one pool on given arrivals and token counts."""

    waits: dict = field(default_factory=dict)

    def ended(self, request):
        self.waits[request.number] = request.admitted_s - request.arrival_s

    def waits_s(self):
        """Queue waits in the order of arrival."""
        return np.array([self.waits[number] for number in range(len(self.waits))])

    def run(self, arrival_s, inputs, outputs, step_time, *, replicas=1, settings=None, **limits):
        options = {
            "mode": CHUNKED,
            "max_num_seqs": 1,
            "max_num_batched_tokens": 10**9,
            "kv_blocks": 10**9,
            "block_size": 1,
        } | limits
        clock = Clock()
        engine = Engine(step_time, FlatPower(), **options)
        pool = Pool(
            0,
            0,
            "air",
            0,
            replicas,
            engine,
            settings or QueueSettings(),
            clock=clock,
            activity=NoLog(),
            requests=self,
            uniform=Streams(1).uniform("dispatch"),
        )
        source = Source(clock, Columns(arrival_s, inputs, outputs), [0], pool.submit, np.inf)
        source.start()
        clock.advance(np.inf)
        return self


@dataclass
class Columns:
    """A workload of given columns, in blocks."""

    arrival_s: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray

    def blocks(self):
        for start in range(0, len(self.arrival_s), 8192):
            rows = slice(start, start + 8192)
            none = np.zeros(len(self.arrival_s[rows]), int)
            yield ArrivalBlock(
                self.arrival_s[rows], self.inputs[rows], self.outputs[rows], *[none] * 4
            )


@pytest.fixture
def bench():
    return Bench()

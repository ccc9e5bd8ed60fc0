"""Small requests, names and tiers for the tests of this folder."""

from __future__ import annotations

import numpy as np
import pytest

from sim.interfaces import COMPLETED, Request
from sim.metrics.columns import RECORD, RECORD_TYPE, RunNames
from sim.metrics.recorder import Recorder
from sim.metrics.sinks import MemorySink
from sim.metrics.sla import TierTargets


@pytest.fixture(scope="session")
def names() -> RunNames:
    return RunNames(
        tiers=("premium", "standard"),
        regions=("frankfurt", "paris"),
        models=("llama",),
        sites=("metro", "edge"),
        pools=("metro-a", "metro-b", "edge-a"),
        pool_site=np.array([0, 0, 1]),
    )


@pytest.fixture(scope="session")
def tiers() -> list[TierTargets]:
    return [
        TierTargets("premium", ttft_s=0.5, tpot_s=0.05, e2e_s=30.0, target=0.99, require=0.95),
        TierTargets("standard", ttft_s=5.0, target=0.95),
    ]


def make_request(number=0, arrival_s=10.0, output_tokens=11, status=COMPLETED, **fields) -> Request:
    """A completed request whose network takes 20 + 30 ms, queue 0.1 s, prefill 0.2 s, token 0.04 s."""
    request = Request(number, arrival_s, 100, output_tokens)
    request.queued_s = arrival_s + 0.02
    request.admitted_s = request.queued_s + 0.1
    request.first_token_s = request.admitted_s + 0.2
    request.finished_s = request.first_token_s + 0.04 * (output_tokens - 1)
    request.downlink_s = 0.03
    request.pool, request.replica, request.status = 0, 3, status
    for name, value in fields.items():
        setattr(request, name, value)
    return request


@pytest.fixture(scope="session")
def request_factory():
    return make_request


@pytest.fixture(scope="session")
def pack():
    def pack(requests):
        fields = RECORD_TYPE.names
        data = b"".join(RECORD.pack(*(getattr(r, f) for f in fields)) for r in requests)
        return np.frombuffer(data, RECORD_TYPE)

    return pack


@pytest.fixture(scope="session")
def record(names, tiers):
    """Return a function that records requests and hands back the recorder and the chunks."""

    def record(requests, in_flight=(), **options):
        sink = MemorySink()
        recorder = Recorder(names, options.pop("tiers", tiers), sink, **options)
        for request in requests:
            recorder.ended(request)
        recorder.close(in_flight)
        return recorder, sink.chunks

    return record

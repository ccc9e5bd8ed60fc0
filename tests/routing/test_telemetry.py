"""Counters that reach the policy late."""

from __future__ import annotations

from types import SimpleNamespace

from sim.clock import Clock
from sim.routing.telemetry import reported_every


def pool(outstanding):
    return SimpleNamespace(
        index=0,
        site=0,
        replicas=1,
        cooling="air",
        outstanding=outstanding,
        slots=10,
        in_service=1,
        usd_per_token=1.0,
        gco2_per_token=1.0,
        headroom=1.0,
        decode_step_s=None,
        prefill_s=None,
        submit=None,
        cancel=None,
    )


def test_counters_are_those_of_the_last_report():
    clock, station = Clock(), pool(0)
    (view,) = reported_every(2.0, [station], clock)
    seen = []

    def arrive(_event):
        station.outstanding += 1
        seen.append((clock.now, view.outstanding))

    for when_s in (0.5, 1.5, 2.5, 4.5, 5.0):
        clock.call_at(when_s, arrive)
    assert clock.advance(float("inf")) is False
    assert seen == [(0.5, 0), (1.5, 0), (2.5, 2), (4.5, 3), (5.0, 3)]
    assert clock.now == 5.0  # the next report does not keep the run going

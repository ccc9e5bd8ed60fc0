"""Arrivals, completions and queue length of the pools."""

from __future__ import annotations

import numpy as np
import pytest

from sim.interfaces import IN_FLIGHT, NOT_YET, TIMED_OUT, Request
from sim.metrics.flow import PoolFlow


@pytest.fixture
def flow_of(pack):
    def flow_of(*requests, end_s):
        flow = PoolFlow(2, width_s=10.0)
        flow.add(pack(requests))
        flow.cover(end_s)
        return flow

    return flow_of


def visit(queued_s, admitted_s=NOT_YET, finished_s=NOT_YET, status=1, pool=0):
    request = Request(0, 0.0, 1, 1)
    request.queued_s, request.admitted_s, request.finished_s = queued_s, admitted_s, finished_s
    request.status, request.pool = status, pool
    return request


def test_a_request_waits_from_arrival_to_admission(flow_of):
    flow = flow_of(visit(4.0, 16.0, 27.0), end_s=30.0)
    assert flow.arrivals.totals()[0].tolist() == [1.0, 0.0, 0.0]
    assert flow.completions.totals()[0].tolist() == [0.0, 0.0, 1.0]
    assert flow.waiting.level_integrals(30.0)[0].tolist() == [6.0, 6.0, 0.0]


def test_who_is_never_admitted_waits_to_its_end(flow_of):
    flow = flow_of(visit(4.0, finished_s=9.0, status=TIMED_OUT), end_s=10.0)
    assert flow.waiting.level_integrals(10.0)[0].tolist() == [5.0]
    assert flow.completions.totals().sum() == 0.0


def test_who_still_waits_at_the_end_waits_to_the_end(flow_of):
    flow = flow_of(visit(4.0, status=IN_FLIGHT), end_s=25.0)
    assert flow.waiting.level_integrals(25.0)[0].tolist() == [6.0, 10.0, 5.0]


def test_requests_that_never_reached_a_pool_are_nobodys(flow_of):
    flow = flow_of(visit(NOT_YET, pool=-1), visit(NOT_YET, pool=1), visit(1.0, 2.0, 3.0), end_s=9.0)
    assert flow.arrivals.totals().tolist() == [[1.0], [0.0]]


def test_mean_queue_is_arrival_rate_times_mean_wait(flow_of):
    rng = np.random.default_rng(3)
    queued_s = np.sort(rng.uniform(0.0, 90.0, 500))
    waits_s = rng.exponential(2.0, 500)
    visits = [visit(q, q + w, q + w + 1.0) for q, w in zip(queued_s, waits_s, strict=True)]
    end_s = float((queued_s + waits_s).max()) + 1.0
    integral = flow_of(*visits, end_s=end_s).waiting.level_integrals(end_s)[0].sum()
    assert integral == pytest.approx(waits_s.sum(), rel=1e-12)  # Little's law, exactly

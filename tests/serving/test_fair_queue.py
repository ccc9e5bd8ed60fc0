"""A queue that is fair to tenants, request by request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.interfaces import Request
from sim.serving.queues.fair_queue import FairQueue


def ask(number, tenant, output=1, priority=0):
    request = Request(number, 0.0, 1, output, priority=priority)  # counts 1 + 2 x output
    request.tenant = tenant
    return request


def numbers(queue):
    return [queue.pop().number for _ in range(len(queue))]


def filled(*requests):
    queue = FairQueue()
    for request in requests:
        queue.push(request)
    return queue


def test_tenants_take_turns_however_many_requests_one_has():
    flood = [ask(number, tenant=0) for number in range(6)]
    assert numbers(filled(*flood, ask(10, 1), ask(11, 1))) == [0, 10, 1, 11, 2, 3, 4, 5]


def test_a_tenant_with_long_answers_gets_fewer_of_them():
    """One answer of 7 tokens counts 15, as much as five of one token."""
    long = [ask(number, 0, output=7) for number in range(3)]
    short = [ask(10 + number, 1) for number in range(10)]
    assert numbers(filled(*long, *short))[:8] == [0, 10, 11, 12, 13, 14, 1, 15]


def test_a_more_urgent_priority_goes_first_whoever_has_it():
    queue = filled(ask(0, 0, priority=1), ask(1, 1, priority=1), ask(2, 0), ask(3, 0))
    assert numbers(queue) == [2, 3, 1, 0]


def test_silence_saves_nothing_up():
    """Tenant 1 comes after 0 had 90 counted; it does not get 30 requests in a row for that."""
    queue = filled(*(ask(number, 0) for number in range(40)))
    for _ in range(30):
        queue.pop()
    for number in range(100, 104):
        queue.push(ask(number, 1))
    assert numbers(queue)[:6] == [30, 100, 31, 101, 32, 102]


def test_a_preempted_request_comes_back_first_and_is_not_counted_twice():
    queue = filled(ask(0, 0), ask(1, 0), ask(2, 1))
    preempted = queue.pop()
    queue.push_back(preempted)
    assert queue.head() is preempted
    assert numbers(queue) == [0, 2, 1]


def test_a_request_can_leave():
    gone = ask(1, 1)
    queue = filled(ask(0, 0), gone)
    queue.remove(gone)
    assert len(queue) == 1
    assert numbers(queue) == [0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(0, 1)), max_size=40))
def test_nobody_is_lost_and_each_tenant_is_served_in_order(wanted):
    requests = [ask(n, tenant, output, p) for n, (tenant, output, p) in enumerate(wanted)]
    queue = filled(*requests)
    taken = [queue.pop() for _ in range(len(queue))]
    assert sorted(request.number for request in taken) == list(range(len(wanted)))
    assert [request.priority for request in taken] == sorted(r.priority for r in requests)
    for key in {(r.priority, r.tenant) for r in requests}:
        mine = [r.number for r in taken if (r.priority, r.tenant) == key]
        assert mine == sorted(mine)
    again = filled(*requests)
    assert len(again.drain()) == len(requests)
    assert len(again) == 0


def test_backlogged_tenants_get_equal_work():
    """The counters of tenants that always have requests differ by one request at most."""
    queue = FairQueue()
    done = [0.0, 0.0, 0.0]
    for tenant, output in ((0, 1), (1, 10), (2, 100)):
        for number in range(2000 // output):
            queue.push(ask(1000 * tenant + number, tenant, output))
    for _ in range(600):
        request = queue.pop()
        done[request.tenant] += 1 + 2 * request.output_tokens
    assert max(done) - min(done) <= 201
    assert min(done) == pytest.approx(max(done), rel=0.2)

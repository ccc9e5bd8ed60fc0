"""The clock beyond SimPy: background events and deadlines."""

from __future__ import annotations

from sim.clock import Clock, Deadlines


def test_background_events_happen_in_order_but_do_not_keep_the_run_going():
    clock, seen = Clock(), []

    def tick(_event):
        seen.append(clock.now)
        clock.call_in_background(clock.now + 2.0, tick)

    clock.call_in_background(1.0, tick)
    clock.call_at(6.0, lambda _event: seen.append("work"))
    assert clock.advance(float("inf")) is False
    assert seen == [1.0, 3.0, 5.0, "work"]
    assert clock.now == 6.0
    clock.call_at(8.0, lambda _event: seen.append("more"))  # and it goes on where it was
    clock.advance(float("inf"))
    assert seen[4:] == [7.0, "more"]


def test_nothing_but_background_events_is_the_end():
    clock = Clock()
    clock.call_in_background(1.0, lambda _event: None)
    assert clock.advance(float("inf")) is False
    assert clock.now == 0.0


def test_deadlines_expire_exactly_and_only_for_those_that_have_not_settled():
    clock, expired, settled = Clock(), [], {"b"}
    deadlines = Deadlines(
        clock, 3.0, settled.__contains__, lambda name: expired.append((name, clock.now))
    )
    for when_s, name in ((0.0, "a"), (1.0, "b"), (1.5, "c"), (9.0, "d")):
        clock.call_at(when_s, lambda _event, name=name: deadlines.add(name))
    clock.call_at(2.0, lambda _event: settled.add("c"))
    clock.call_at(20.0, lambda _event: None)
    clock.advance(float("inf"))
    assert expired == [("a", 3.0), ("d", 12.0)]


def test_a_deadline_may_set_the_next_one():
    clock, expired = Clock(), []

    def again(number):
        expired.append((number, clock.now))
        if number:
            deadlines.add(number - 1)

    deadlines = Deadlines(clock, 2.0, lambda _number: False, again)
    deadlines.add(2)
    clock.call_at(100.0, lambda _event: None)
    clock.advance(float("inf"))
    assert expired == [(2, 2.0), (1, 4.0), (0, 6.0)]


def test_few_events_watch_over_many_items_that_settle():
    clock = Clock()
    deadlines = Deadlines(clock, 10.0, lambda _item: True, lambda _item: None)
    for number in range(1000):
        clock.call_at(number * 0.1, lambda _event: deadlines.add(0))
    clock.advance(float("inf"))
    assert clock.processed_events() <= 1000 + 10

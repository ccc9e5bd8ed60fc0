"""Bandwidth that prompts share: literal timelines, and the law of processor sharing."""

from __future__ import annotations

import numpy as np
import pytest

from sim.clock import Clock
from sim.errors import ScenarioError
from sim.rng import Streams
from sim.shared_link import SharedLink
from sim.simulate import load_scenario


def ends_s(flows, bandwidth_bps=10.0):
    clock = Clock()
    link = SharedLink(clock, bandwidth_bps)
    found = {}

    def start(number, bits):
        link.send(bits, lambda: found.setdefault(number, clock.now))

    for number, (at_s, bits) in enumerate(flows):
        clock.call_at(at_s, lambda _event, n=number, b=bits: start(n, b))
    clock.advance(float("inf"))
    return [found[number] for number in range(len(flows))]


def test_two_flows_get_half_each_and_the_rest_gets_all_when_one_is_through():
    """100 bits at 0 and 50 at 2 over 10 bit/s: 20 are sent at 2; at 12 the second is through."""
    assert ends_s([(0.0, 100.0), (2.0, 50.0)]) == pytest.approx([15.0, 12.0])


def test_equal_flows_end_together_in_their_order():
    assert ends_s([(0.0, 10.0)] * 3) == pytest.approx([3.0] * 3)
    assert ends_s([(0.0, 10.0), (5.0, 10.0)]) == pytest.approx([1.0, 6.0])


def test_the_mean_time_is_that_of_processor_sharing():
    """M/M/1-PS: mean bits / bandwidth over 1 - load, and 0.4 / (1 - 0.6) = 1 s here.

    (Kleinrock, Queueing Systems II, 1976, section 4.4.)
    """
    generator = Streams(3).generator("flows")
    number = 40_000
    starts_s = np.cumsum(generator.exponential(1 / 1.5, number))
    bits = generator.exponential(4.0, number)
    spent_s = np.array(ends_s(list(zip(starts_s, bits, strict=True)))) - starts_s
    assert spent_s[2000:].mean() == pytest.approx(0.4 / (1 - 0.6), rel=0.06)
    long = bits > 12.0  # slowdown is the same for short and long flows
    assert (spent_s[long] / bits[long]).mean() == pytest.approx(0.1 / (1 - 0.6), rel=0.1)


def test_prompts_share_a_link_of_the_topology(lab):
    """Two prompts of one token (32 bit) at 0 over 8 bit/s: 8 s each instead of 4."""
    lab.pool("near", replicas=2)
    link = lab.scenario["topology"]["links"][0]
    link.update(bandwidth="8 bps", latency="1 s")
    lab.trace("gold", [(0, 1), (0, 1), (20, 1)])
    alone = lab.run().column("network_s")
    assert alone == pytest.approx([4 + 2] * 3)
    link["shared"] = True
    shared = lab.run().column("network_s")
    assert shared == pytest.approx([8 + 2, 8 + 2, 4 + 2])


def test_a_request_that_was_called_off_on_the_way_never_arrives(lab):
    lab.scenario["topology"]["links"][0].update(bandwidth="8 bps", shared=True)
    lab.trace("gold", [(0, 1), (0, 1)], client={"timeout": "6 s"})
    run = lab.run()
    assert run.column("status") == ["timed_out", "timed_out"]
    assert run.world.pools[0].outstanding == 0


def test_nothing_can_be_shared_without_a_bandwidth(lab):
    lab.scenario["topology"]["links"][0]["shared"] = True
    lab.trace("gold", [(0, 1)])
    with pytest.raises(ScenarioError) as caught:
        load_scenario(lab.scenario)
    assert caught.value.problems[0].path == "topology.links[0]"

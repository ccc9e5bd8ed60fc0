"""Everything at once, driven by hypothesis: nobody is lost or served twice, whatever happens.

Two sites, four or five pools, three tenants. Clients time out, retry and hedge; tiers are shed and give
up in queues; one pool scales to zero, one has a spare; a cascade escalates; sessions go on in the
background. The machine sends requests, lets time pass, takes away replicas, accelerators of groups
and links, and gives them back.
"""

from __future__ import annotations

from collections import Counter
from copy import deepcopy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sim.interfaces import IN_FLIGHT, Request
from sim.serving.queues.fair_queue import FairQueue
from sim.simulate import load_scenario
from sim.world import World

MODELS = ("llama-3.1-8b", "llama-3.1-70b")
LINKS = (("home", "near"), ("home", "far"))


def replicated(site, model=MODELS[0], **settings):
    return {
        "site": site,
        "model": model,
        "tensor_parallel": 1 if model == MODELS[0] else 4,
        "replicas": 3,
        "batching": {"max_num_seqs": 3, "block_size": 2, "max_num_batched_tokens": 16},
        "kv_cache": "40 tokens",
        "step_time": {"a": "0.5 s", "b": "10 ms", "c": "1 ms"},
        "power": {"idle": "100 W", "prefill": "600 W", "decode": "300 W"},
        "cold_start": {"boot": "2 s", "weights": "1000 TB/s", "warmup": "1 s"},
        **settings,
    }


def traffic(**entry):
    tiers = {"gold": 0.5, "bulk": 0.5}
    return {"model": MODELS[0], "regions": {"home": 1.0}, "tiers": tiers, **entry}


def never(**entry):
    return traffic(
        arrivals={"process": "poisson", "rate": "0.000001 req/s"},
        lengths={"constant": {"input": "4 tokens", "output": "4 tokens"}},
        **entry,
    )


TENANTS = {
    "eager": never(
        client={
            "timeout": "6 s",
            "retries": 2,
            "backoff": {"first": "1 s"},
            "retry_budget": "50 %",
            "hedge_after": "3 s",
        }
    ),
    "deaf": never(
        client={"first_token_timeout": "4 s", "tells_server": False, "retries": 1},
        usage={"rate": "2 req/s", "burst": 5},
    ),
    "patient": never(model=MODELS[1]),
    "talk": traffic(
        sessions={
            "concurrency": 2,
            "dialogue": {
                "turns": {"least": 2, "most": 5},
                "first_input": {"mean": "4 tokens", "cv": 0.5},
                "new_input": {"mean": "2 tokens", "cv": 0.5},
                "output": {"mean": "3 tokens", "cv": 0.5},
                "think": {"mean": "3 s", "cv": 1.0},
            },
        }
    ),
}


def scenario(small, scope, order, in_flight, mode, apart):
    found = deepcopy(small)
    found["tiers"]["gold"]["queue_timeout"] = "5 s"
    found["tiers"]["bulk"]["shed_at"] = "100 %"
    found["traffic"] = deepcopy(TENANTS)
    queue = {"scope": scope, "order": order}
    batching = {"mode": mode, "max_num_seqs": 3, "block_size": 2, "max_num_batched_tokens": 16}
    scaling = {"least": 0, "interval": "4 s", "hold": "4 s", "target": "60 %"}
    found["pools"] = {
        "near": replicated("near", queue=queue, batching=batching, spares=1),
        "far": replicated("far", queue=queue, autoscaling=scaling),
        "far-large": replicated("far", MODELS[1], replicas=1, queue=queue),
        "near-large": replicated("near", MODELS[1], replicas=1),
    }
    if apart:  # one pool keeps prefixes, one hands over to a fifth
        if mode != "static":
            batching["prefix_cache"] = {"block": "2 tokens"}
        found["pools"]["far"]["hand_over"] = {"to": "answers", "bandwidth": "5 Mbit/s"}
        found["pools"]["answers"] = replicated("far", role="decode", replicas=2, queue=queue)
    found["routing"] = {
        "policy": "least-loaded",
        "telemetry": "2 s",
        "cascade": {"model": MODELS[1], "small": MODELS[0], "escalation": "50 %"},
    }
    found["faults"] = {
        "in_flight": in_flight,
        "lost_accelerator": "degrade",
        "random": [{"of": "accelerator", "mtbf": "1 h", "mttr": "5 s"}],
    }
    found["run"] = {"duration": "100 h", "drain": False}
    return found


class Fleet(RuleBasedStateMachine):
    """A world whose source is the machine itself."""

    small: dict

    @initialize(
        scope=st.sampled_from(["replica", "pool"]),
        order=st.sampled_from(["priority", "fair"]),
        in_flight=st.sampled_from(["restart", "resume", "lose"]),
        mode=st.sampled_from(["chunked-prefill", "prefill-first", "static"]),
        apart=st.booleans(),
        seed=st.integers(0, 99),
    )
    def build(self, scope, order, in_flight, mode, apart, seed):
        found = scenario(self.small, scope, order, in_flight, mode, apart)
        world = World(load_scenario(found), seed)
        self.world, self.books, self.broken = world, Counter(), []
        world.users.clients._log = self
        world.fleet.start()
        world.users.start(world.source)

    def ended(self, request):
        assert request.status != IN_FLIGHT
        self.books[request.number] += 1

    @rule(
        tenant=st.integers(0, 2),
        tier=st.integers(0, 1),
        asked=st.integers(1, 45),
        answer=st.integers(1, 20),
        count=st.integers(1, 6),
    )
    def send(self, tenant, tier, asked, answer, count):
        world = self.world
        for _ in range(count):
            model = 1 if tenant == 2 else 0
            request = Request(-1, world.clock.now, asked, answer, tier, 0, model, tier)
            request.model = world.models.index(MODELS[model])
            request.tenant = tenant
            world.source.send(request)

    @rule(passed_s=st.sampled_from([0.0, 0.1, 0.7, 3.0, 20.0]))
    def wait(self, passed_s):
        clock = self.world.clock
        until_s = clock.now + passed_s
        clock.advance(until_s)
        clock.rest_until(until_s)

    @rule(number=st.integers(0, 9))
    def break_replica(self, number):
        if number >= len(self.world.replicas):
            return
        hand = self.world.fleet.injector._hand
        hand.fail(number)
        self.broken.append((hand.restore, (number,)))

    @rule(number=st.integers(6, 7))
    def weaken(self, number):
        hand = self.world.fleet.injector._hand
        hand.weaken(number)
        self.broken.append((hand.heal, (number,)))

    @rule(link=st.sampled_from(LINKS))
    def cut(self, link):
        hand = self.world.fleet.injector._hand
        hand.cut(*link)
        self.broken.append((hand.mend, link))

    @rule(pool=st.sampled_from(["near", "far"]), off=st.booleans(), member=st.integers(0, 2))
    def switch(self, pool, off, member):
        chosen = self.world.fleet.pools[pool]
        replica = chosen.members[member].index
        (chosen.retire if off else chosen.wake)(replica)

    @rule(which=st.integers(0, 99))
    def mend(self, which):
        if self.broken:
            action, what = self.broken.pop(which % len(self.broken))
            action(*what)

    @invariant()
    def everybody_is_in_one_place(self):
        world = self.world
        places = Counter(request.number for request in world.router.unfinished())
        for pool in world.pools:
            waiting = [request for queue in pool._all_queues() for request in members(queue)]
            running = [request for replica in pool.members for request in replica.members()]
            inside = pool._held + waiting + running
            coming = [r for r in world.router.unfinished() if r.pool == pool.index]
            assert pool.outstanding == len(inside) + len(coming)
            assert pool.waiting() == len(pool._held) + len(waiting)
            places.update(request.number for request in inside)
        assert max(places.values(), default=1) == 1
        assert max(self.books.values(), default=1) == 1
        users = world.users.clients
        open_ones = set(users._open) | {number for number in places if number not in users._calls}
        assert not open_ones & set(self.books)
        assert len(open_ones) + len(self.books) == world.source.emitted

    @invariant()
    def memory_and_power_are_within_bounds(self):
        for pool in self.world.pools:
            serving = 0
            for number, replica in enumerate(pool.members):
                memory = replica.memory
                used = memory.prefill_blocks  # a static batch reserves whole answers there
                if not replica._static_size:
                    used += memory.decode_blocks(replica._steps_done, 0)
                assert 0 <= used <= memory.blocks
                if not replica.alive:
                    assert replica.running == 0
                    assert replica._power_w == 0.0
                serving += replica.alive and number not in pool._draining
            assert pool.in_service == serving
            assert pool.slots == serving * pool.engine.max_num_seqs

    def teardown(self):
        """With everything mended, everybody gets an end."""
        if not hasattr(self, "world"):
            return
        while self.broken:
            self.mend(0)
        world = self.world
        world.users.sessions._end_s = world.clock.now  # no further turns
        until_s = world.clock.now + 600.0
        world.clock.advance(until_s)
        self.everybody_is_in_one_place()
        self.memory_and_power_are_within_bounds()
        assert len(self.books) == world.source.emitted


def members(queue):
    if isinstance(queue, FairQueue):
        return [request for line in queue._lines.values() for request in line]
    return [entry[3] if isinstance(entry, tuple) else entry for entry in queue]


@pytest.fixture
def machine(lab):
    return type("Machine", (Fleet,), {"small": lab.scenario}).TestCase


def test_nobody_is_lost_or_served_twice(machine):
    machine.settings = settings(
        max_examples=15, stateful_step_count=30, deadline=None, derandomize=True
    )
    machine().runTest()


@pytest.mark.slow
def test_nobody_is_lost_or_served_twice_in_many_more_lives(machine):
    machine.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
    machine().runTest()

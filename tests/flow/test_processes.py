"""Users' own SimPy processes: they see exact numbers, what they set acts, and a run still ends."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import simpy

import sim.processes
from sim import PolicyError, load_scenario, simulate
from sim.errors import ModelLimitError
from sim.units import J_PER_KWH

HALL = {
    "version": 1,
    "name": "hall",
    "topology": {
        "name": "hall",
        "regions": {"here": {"lat": 50.0, "lon": 8.0}},
        "sites": {
            "dc": {
                "kind": "metro", "lat": 50.0, "lon": 8.6, "region_data": "germany",
                "halls": {"h": {"rows": {"r": {"racks": {"type": "hgx-h100-air", "count": 1}}}}},
            }
        },
        "links": [{"from": "here", "to": "dc", "latency": "2 ms"}],
    },
    "tiers": {
        "premium": {"slo": {"ttft": "1 s"}, "priority": 0},
        "batch": {"slo": {"e2e": "60 s"}, "priority": 1},
    },
    "traffic": {
        "chat": {
            "model": "llama-3.1-8b",
            "regions": {"here": "100 %"},
            "tiers": {"premium": "50 %", "batch": "50 %"},
            "arrivals": {"process": "poisson", "rate": "60 req/s"},
            "lengths": {"constant": {"input": "1000 tokens", "output": "60 tokens"}},
        }
    },
    "pools": {
        "fast": {"site": "dc", "model": "llama-3.1-8b", "replicas": 4, "tiers": ["premium"]},
        "slow": {"site": "dc", "model": "llama-3.1-8b", "replicas": 4, "tiers": ["batch"]},
    },
    "facility": {"interval": "1 s"},
    "run": {"duration": "60 s"},
    "output": {"series_interval": "10 s"},
}  # fmt: skip


def hall(**changes):
    data = copy.deepcopy(HALL)
    for name, value in changes.items():
        if value is None:
            del data[name]
        else:
            data[name] = value
    return load_scenario(data)


def run(*processes, **changes):
    return simulate(hall(**changes), seed=3, processes=processes)


def at(*steps):
    """Return a process that does things at times: pairs of seconds and a function of control."""

    def process(control):
        for when_s, do in steps:
            yield control.env.timeout(when_s - control.now_s)
            do(control)

    return process


@pytest.fixture(scope="module")
def plain():
    return run()


def test_a_process_that_only_looks_changes_no_request(plain):
    seen = []

    def looks(control):
        while True:
            seen.append((control.now_s, control.power_w("dc"), control.waiting("fast")))
            yield control.env.timeout(0.37)

    watched = run(looks)
    assert watched.requests.equals(plain.requests)
    assert watched.summary["window"]["end_s"] == plain.summary["window"]["end_s"]
    assert len(seen) == math.floor(plain.summary["window"]["end_s"] / 0.37) + 1
    assert watched.summary["processes"] == [looks.__qualname__]
    assert "processes" not in plain.summary


def test_it_sheds_load_at_a_price_spike():
    """From 20 s to 40 s the price is tenfold: the process closes batch and limits the site."""

    def market(control):
        yield control.env.timeout(20.0)
        control.set_price("dc", 1.0)
        yield control.env.timeout(20.0)
        control.set_price("dc", None)

    def sheds(control):
        while True:
            dear = (control.price_usd_per_kwh("dc") or 0.0) > 0.5
            (control.close if dear else control.open)("batch")
            control.set_power_limit("dc", 12_500.0 if dear else None)
            control.record("shedding", dear)
            yield control.env.timeout(1.0)

    pays, saves = run(market), run(market, sheds)
    requests = saves.requests
    batch = requests[requests["tier"] == "batch"]
    spike = batch["arrival_s"].between(20.1, 39.9)
    assert (batch[spike]["status"] == "rejected").all()
    assert (batch[~spike & ~batch["arrival_s"].between(19.9, 40.1)]["status"] == "completed").all()
    assert (requests[requests["tier"] == "premium"]["status"] == "completed").all()
    series = saves.series
    site = series[(series["kind"] == "site")].set_index("time_s")["power_w"]
    assert site[30.0] < 12_500.0 < site[10.0]
    assert bill(saves) < 0.9 * bill(pays)
    column = series[(series["kind"] == "process") & (series["name"] == "shedding")]
    assert column["value"].tolist()[:6] == pytest.approx([0.0, 0.0, 1.0, 1.0, 0.0, 0.0])


def bill(result):
    return result.summary["facility"]["dc"]["energy_usd"]


def test_a_new_price_counts_from_its_moment_on(plain):
    """A third of the time at 1 USD/kWh, the rest at the scenario's price: to the joule."""
    dear = run(
        at((20.0, lambda c: c.set_price("dc", 1.0)), (40.0, lambda c: c.set_price("dc", None)))
    )
    site = plain.summary["facility"]["dc"]
    extra = spike_kwh(plain) * (1.0 - site["energy_usd"] / site["facility_kwh"])
    assert bill(dear) - bill(plain) == pytest.approx(extra, rel=1e-6)


def spike_kwh(result):
    series = result.series[result.series["kind"] == "site"]
    inside = series["time_s"].between(20.0, 40.0, inclusive="left")
    return float(series[inside]["facility_w"].sum()) * 10.0 / J_PER_KWH


def test_energy_between_two_readings_is_the_meters(plain):
    read = {}
    steps = [(t, lambda c: read.update({c.now_s: c.energy_j("dc")})) for t in (10.0, 20.0)]
    watched = run(at(*steps))
    series = watched.series[watched.series["kind"] == "site"].set_index("time_s")
    assert read[20.0] - read[10.0] == pytest.approx(10.0 * series["power_w"][10.0], rel=1e-9)


def test_replicas_go_out_and_come_back_and_no_request_is_lost():
    counts = []

    def note(control):
        counts.append(control.in_service("fast"))

    result = run(
        at((10.0, lambda c: c.take_out("fast", 3)), (10.1, note)),
        at((30.0, lambda c: c.bring_back("fast", 3)), (30.1, note)),
    )
    assert counts == [1, 4]
    assert result.summary["requests"]["completed"] == result.summary["requests"]["arrived"]
    series = result.series[result.series["kind"] == "pool"].set_index(["name", "time_s"])
    assert series["in_service"]["fast", 20.0] == 1.0
    assert series["in_service"]["fast", 40.0] == 4.0


def test_a_weight_of_zero_sends_everything_elsewhere():
    pools = copy.deepcopy(HALL["pools"])
    for pool in pools.values():
        del pool["tiers"]
    result = run(at((20.0, lambda c: c.set_routing_weight("fast", 0.0))), pools=pools)
    requests = result.requests
    late = requests[requests["arrival_s"] > 20.0]
    assert (late["pool"] == "slow").all()
    assert (requests[requests["arrival_s"] < 19.9]["pool"] == "fast").any()
    assert (requests["status"] == "completed").all()


def test_weights_split_the_load_in_their_proportion():
    """By relative load, a pool of weight 1/3 holds a third of what the other one holds."""
    pools = copy.deepcopy(HALL["pools"])
    for pool in pools.values():
        del pool["tiers"]
        pool["batching"] = {"max_num_seqs": 30}
    weights = at((0.0, lambda c: c.set_routing_weight("slow", 1.0 / 3.0)))
    result = run(weights, pools=pools, routing={"policy": "least-loaded"})
    requests = result.requests
    inside_s = requests["e2e_s"] - requests["network_s"]  # mean held = rate x time (Little)
    held = inside_s.groupby(requests["pool"]).sum()
    assert held["slow"] / held["fast"] == pytest.approx(1.0 / 3.0, rel=0.1)


def test_recorded_values_hold_until_the_next_one_and_means_are_exact():
    result = run(
        at((5.0, lambda c: c.record("x", 1.0)), (12.0, lambda c: c.record("x", 4.0)),
           (30.0, lambda c: c.record("x", math.nan)))
    )  # fmt: skip
    series = result.series
    x = series[(series["kind"] == "process") & (series["name"] == "x")].set_index("time_s")["value"]
    assert x[0.0] == 1.0  # over the part of the bin in which it has a value
    assert x[10.0] == pytest.approx((2.0 * 1.0 + 8.0 * 4.0) / 10.0)
    assert x[20.0] == 4.0
    assert np.isnan(x[30.0])
    assert "value" not in run().series.columns


def test_a_process_that_loops_for_ever_does_not_make_a_run_endless():
    def forever(control):
        while True:
            yield control.env.timeout(10_000.0)

    assert run(forever).summary["window"]["end_s"] < 120.0


def test_a_pool_whose_replicas_all_rest_fails_its_requests_and_counts_them():
    requests = run(at((5.0, lambda c: c.take_out("fast", 4)))).summary["requests"]
    assert requests["failed"] > 0
    fates = ("completed", "rejected", "timed_out", "failed")
    assert sum(requests[fate] for fate in fates) == requests["arrived"]


@pytest.mark.parametrize(
    ("process", "told"),
    [
        (lambda _control: None, "expected a generator"),
        (at((1.0, lambda c: 1 / 0)), "failed at 1 s: ZeroDivisionError"),
        (at((1.0, lambda c: c.power_w("dcc"))), "'dcc'.*expected one of.*did you mean"),
        (at((1.0, lambda c: c.set_power_limit("dc", -1.0))), "limit_w: got -1.0"),
        (at((1.0, lambda c: c.set_routing_weight("fast", math.nan))), "weight: got nan"),
        (at((1.0, lambda c: c.set_price("dc", math.inf))), "usd_per_kwh: got inf"),
        (at((1.0, lambda c: c.record("x", math.inf))), "value: got inf"),
        (at((1.0, lambda c: c.close("gold"))), "tier: got 'gold'"),
    ],
)
def test_what_goes_wrong_in_it_is_told(process, told):
    with pytest.raises(PolicyError, match=told):
        run(process)


def test_a_yield_that_is_no_event_is_told():
    def naps(control):
        yield 5.0

    with pytest.raises(PolicyError, match=r"naps, at 0 s: it yielded 5\.0, expected an event"):
        run(naps)


def test_without_a_facility_what_needs_one_says_so():
    with pytest.raises(PolicyError, match="give it a section 'facility'"):
        run(at((1.0, lambda c: c.set_power_limit("dc", 1e4))), facility=None)
    prices = []
    run(at((1.0, lambda c: prices.append(c.price_usd_per_kwh("dc")))), facility=None)
    assert prices[0] > 0.0  # of its region in the catalogue


def test_processes_may_wait_for_each_other_and_interrupt():
    """They share SimPy's clock, so stores, resources and interrupts work between them."""
    told = []

    def sender(control):
        yield control.env.timeout(2.0)
        mailbox.append(control.now_s)
        bell[0].succeed("now")

    def receiver(control):
        bell.append(control.env.event())
        told.append((yield bell[0]))
        try:
            yield control.env.any_of([control.env.timeout(1.0), control.env.event()])
            told.append(control.now_s)
        except simpy.Interrupt:
            told.append("interrupted")

    mailbox, bell = [], []
    run(receiver, sender)
    assert told == ["now", 3.0]
    assert mailbox == [2.0]


def test_a_run_that_nothing_serves_ends_with_the_reason(monkeypatch):
    monkeypatch.setattr(sim.processes, "STALLED_EVENTS", 50)

    class Stuck:
        arrivals_end_s, process_names = math.inf, ("stops_all",)

        class recorder:  # noqa: N801
            count = 3

        class source:  # noqa: N801
            emitted = 10

        class clock:  # noqa: N801
            now = 7.0

        @staticmethod
        def running():
            return True

    prolonged = sim.processes._Prolonged(Stuck)
    assert all(prolonged(float(second)) for second in range(51))
    with pytest.raises(ModelLimitError, match="at 7 s 7 requests wait and nothing serves them"):
        prolonged(51.0)

"""Plans: the same answer as trying everything, with far fewer runs; and what is said when none fits."""

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import toy_station
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import InfeasibleError, ScenarioError
from sim.experiment.plan.constraints import bounds_of, read_limit
from sim.experiment.plan.plan import plan
from sim.experiment.plan.search import Verdict, cheapest, front, not_dominated
from sim.experiment.plan.space import Part, space_of
from sim.scenario.schema.plan import Plan

STUDY = """
    name: fleet
    base: ./base.yaml
    replications: {least: 5, most: 60, half_width: 20 %}
    plan:
      variables:
        servers: {path: station.servers, from: 1, to: 12}
        speed: {options: {slow: {station.rate: 1.4}, fast: {station.rate: 0.9}}}
      constraints:
        - {metric: latency.all.queue_s.mean, at_most: 300 ms, relief: 1 s}
        - {metric: power.site.peak_kw, at_most: 100 kW}
"""
# The chip called fast sees less work per server, and costs twice as much.
PRICES = [count * price for count in range(1, 13) for price in (1.0, 2.0)]


@cache
def mean_wait_s(base, servers, rate):
    """Return the mean wait over twenty replications of a station."""
    changes = [f"s.servers={servers}", f"s.rate={rate}"]
    runs = [toy_station.station(base, changes, 0, r) for r in range(20)]
    return np.mean([run.summary["latency"]["all"]["queue_s"]["mean"] for run in runs])


@pytest.fixture(scope="module")
def station_file(tmp_path_factory):
    """Return a base whose keys every candidate sets."""
    path = tmp_path_factory.mktemp("station") / "base.yaml"
    path.write_text("station: {servers: 2, rate: 1.4}\n")
    return path


@pytest.mark.parametrize("limit_s", [0.03, 0.3, 2.0])
@pytest.mark.parametrize("most_kw", [40, 100])
def test_the_chosen_fleet_is_that_of_trying_everything(study_file, station_file, limit_s, most_kw):
    text = STUDY.replace("300 ms", f"{limit_s} s").replace("100 kW", f"{most_kw} kW")
    result = plan(
        study_file(text), executor="serial", run=toy_station.station, survey=None, prices=PRICES
    )
    kinds = (("slow", 1.4), ("fast", 0.9))
    everything = zip(itertools.product(range(1, 13), kinds), PRICES, strict=True)
    feasible = {
        (servers, name): price
        for (servers, (name, rate)), price in everything
        if servers * 10 <= most_kw and mean_wait_s(station_file, servers, rate) <= limit_s
    }
    chosen = int(result.fleet["servers"]), result.fleet["speed"]
    assert result.objective == min(feasible.values()) == feasible[chosen]
    assert result.settled
    assert len(result.candidates) <= 12  # of 24
    assert result.considered == 24


def test_the_answer_names_what_binds_and_what_relief_would_save(study_file):
    result = plan(
        study_file(STUDY),
        executor="serial",
        run=toy_station.station,
        survey=None,
        prices=PRICES,
    )
    binds = {check.bound.metric: check.binds for check in result.checks}
    assert binds == {"latency.all.queue_s.mean": True, "power.site.peak_kw": False}
    wait = result.checks[0]
    assert wait.interval.high < 0.3
    assert 0 < wait.slack < 1
    (relief,) = result.reliefs
    assert relief.change == "latency.all.queue_s.mean at most 1.3"
    assert relief.saved == 1.0
    assert not result.runners_up.empty
    assert result.runners_up["feasible"].all()


def test_an_infeasible_plan_says_which_constraint_and_by_how_much(study_file):
    path = study_file(STUDY.replace("100 kW", "15 kW"))
    expected = (
        r"no fleet is feasible; the closest \(servers \d+, speed \w+\) misses: .*"
        r"at most .*, got [0-9.]+"
    )
    with pytest.raises(InfeasibleError, match=expected):
        plan(path, executor="serial", run=toy_station.station, survey=None, prices=PRICES)


def test_limits_that_exclude_each_other_are_refused_before_a_run(study_file):
    text = STUDY + "        - {metric: power.site.peak_kw, at_least: 200 kW}\n"
    with pytest.raises(
        ScenarioError, match="at least 200 and at most 100, expected limits that leave"
    ):
        plan(
            study_file(text),
            executor="serial",
            run=toy_station.crashing,
            survey=None,
            prices=PRICES,
        )


def test_a_study_without_a_plan_is_refused(study_file):
    with pytest.raises(Exception, match="a plan section with variables and constraints"):
        plan(study_file("name: x\nbase: ./base.yaml\n"))


def test_runs_that_run_out_are_told(study_file):
    few = plan(
        study_file(STUDY + "      runs: 3\n"),
        executor="serial",
        run=toy_station.station,
        survey=None,
        prices=PRICES,
    )
    assert not few.settled
    path = study_file(STUDY.replace("100 kW", "15 kW") + "      runs: 1\n")
    with pytest.raises(InfeasibleError, match="before the runs ran out"):
        plan(path, executor="serial", run=toy_station.station, survey=None, prices=PRICES)


def test_several_objectives_give_a_pareto_front(study_file):
    text = STUDY + "      minimise: [price_usd_per_h, latency.all.queue_s.mean]\n"
    result = plan(
        study_file(text),
        executor="serial",
        run=toy_station.station,
        survey=None,
        prices=PRICES,
    )
    pareto = result.pareto.sort_values("price_usd_per_h")
    assert len(pareto) >= 3
    assert pareto["latency.all.queue_s.mean"].is_monotonic_decreasing


def space(shape, ordered=True):
    variables = {
        f"v{n}": {"path": f"a.v{n}", "from": 1, "to": size}
        if ordered
        else {"path": f"a.v{n}", "values": list(range(size))}
        for n, size in enumerate(shape)
    }
    return space_of(
        Plan.model_validate(
            {"variables": variables, "constraints": [{"metric": "m", "at_most": 1}]}
        )
    )


def monotone_problem(seed, shape):
    """Return a space with parts, costs and verdicts of a random problem that obeys monotonicity."""
    generator = np.random.default_rng(seed)
    candidates = space(shape)
    cost = candidates.levels @ generator.uniform(0.5, 3.0, len(shape)) + 1.0
    speed, draw = generator.uniform(0.2, 2.0, (2, len(shape)))
    reach = float(sum(shape))
    enough = candidates.levels @ speed >= generator.uniform(0.0, reach)
    cool = candidates.levels @ draw <= generator.uniform(0.0, 2.0 * reach)
    parts = tuple(
        Part(candidates.levels[:, v], np.tril(np.ones((size, size), dtype=bool)).T)
        for v, size in enumerate(shape)
    )
    return replace(candidates, parts=parts), cost, enough, cool, generator


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.lists(st.integers(2, 6), min_size=2, max_size=3),
    probed=st.booleans(),
    closeness=st.sampled_from([0.0, 0.3]),
)
def test_search_equals_enumeration_on_random_monotone_problems(seed, shape, probed, closeness):
    candidates, cost, enough, cool, generator = monotone_problem(seed, shape)
    close = generator.random(len(cost)) < closeness
    hopeful = enough | (generator.random(len(cost)) < 0.5)  # a screen never throws out the good

    def insist(candidate):
        good = bool(enough[candidate] and cool[candidate])
        return Verdict(good, not enough[candidate], not cool[candidate])

    def judge(candidate):
        return Verdict(False, close=True) if close[candidate] else insist(candidate)

    def probe(candidate):
        return Verdict(bool(enough[candidate]), more_would_help=not enough[candidate])

    found = cheapest(
        candidates, cost, judge, hopeful=hopeful, insist=insist, probe=probe if probed else None
    )
    best = cost[enough & cool].min() if (enough & cool).any() else None
    assert found.settled
    assert (found.best is None) == (best is None)
    if best is not None:
        assert cost[found.best] == best
    every = front(candidates, insist, probe=probe if probed else None)
    assert all(
        every.verdicts.get(c, Verdict(False)).feasible for c in np.flatnonzero(enough & cool)
    )


def test_what_is_not_judged_is_counted_with_its_reason():
    candidates, cost, enough, _, _ = monotone_problem(7, (6, 6, 6))
    found = cheapest(
        candidates,
        cost,
        lambda c: Verdict(bool(enough[c]), more_would_help=not enough[c]),
        probe=lambda c: Verdict(bool(enough[c]), more_would_help=not enough[c]),
    )
    judged_in_search = len(found.verdicts)
    assert sum(found.spared.values()) + judged_in_search >= len(cost)
    assert max(found.spared.values()) < len(cost)


def test_search_judges_few_of_many():
    candidates = space((30, 30))
    cost = candidates.levels.sum(axis=1) + 2.0
    judged = []

    def judge(candidate):
        judged.append(candidate)
        return Verdict(bool(candidates.levels[candidate].min() >= 11), more_would_help=True)

    found = cheapest(candidates, cost, judge)
    assert candidates.levels[found.best].tolist() == [11, 11]
    assert len(judged) <= 60  # of 900


def test_values_without_an_order_settle_only_themselves():
    candidates = space((3, 2), ordered=False)
    assert candidates.no_more_than(0).tolist() == [True] + [False] * 5
    assert candidates.described(0) == {"v0": "0", "v1": "0"}


def test_front_of_two_objectives_by_hand():
    assert not_dominated(np.array([[1, 5], [2, 2], [3, 3], [5, 1], [2, 2]])) == [0, 1, 3, 4]


def bound(**given):
    fields = {"metric": "latency.all.ttft_s.p99", "at_most": "1 s"} | given
    variables = {"v": {"path": "a.b", "from": 1, "to": 2}}
    return bounds_of(Plan.model_validate({"variables": variables, "constraints": [fields]}))[0]


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([0.5, 0.5], "holds"),
        ([0.5], "open"),
        ([2.5], "fails"),  # a gross miss needs no second run
        ([1.1, 1.1, 1.1], "fails"),
        ([0.9, 1.1, 1.0], "open"),
        ([0.5, float("nan")], "fails"),
    ],
)
def test_state_of_a_constraint(values, state):
    assert bound().state(values) == state


def test_confidence_is_one_sided():
    # Three runs at 0.8 +- 0.1: t(0.95, 2) = 2.92 gives 0.969, t(0.975, 2) = 4.30 gives 1.048.
    values = [0.7, 0.8, 0.9]
    assert bound().state(values) == "holds"
    assert bound(confidence=0.975).state(values) == "open"


@pytest.mark.parametrize(
    ("metric", "text", "limit"),
    [
        ("latency.tiers.premium.ttft_s.p99", "500 ms", 0.5),
        ("power.fra.peak_kw", "2 MW", 2000.0),
        ("energy.it_kwh", "1 MWh", 1000.0),
        ("sla.premium.attainment", "99 %", 0.99),
        ("cost.total_usd", 12, 12.0),
    ],
)
def test_limits_are_read_in_the_unit_of_their_metric(metric, text, limit):
    assert read_limit(metric, text, "here") == pytest.approx(limit)


def test_a_limit_in_another_unit_is_refused_with_its_place():
    with pytest.raises(
        ScenarioError, match=r"plan.constraints\[0\].at_most: got '500 kW', expected a time"
    ):
        bound(at_most="500 kW")


def test_more_capacity_helps_latency_and_hurts_power():
    assert bound().more == "helps"
    assert bound(metric="power.fra.peak_kw", at_most=10).more == "hurts"
    assert bound(metric="power.fra.headroom_kw", at_most=None, at_least=10).more == "hurts"
    assert bound(more="neither").more == "neither"

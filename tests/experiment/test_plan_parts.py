"""What is known of fleets without a run: put together from parts, ordered, and screened."""

import numpy as np
import pytest

from sim.errors import InputError, ScenarioError
from sim.experiment.execution.executor import SerialExecutor
from sim.experiment.plan.constraints import bounds_of
from sim.experiment.plan.parts import parts_of, survey_space
from sim.experiment.plan.plan import plan
from sim.experiment.plan.screen import hopeless
from sim.experiment.plan.search import beside_the_strongest
from sim.experiment.plan.space import space_of
from sim.experiment.plan.survey import PoolSurvey, Survey, survey_scenario
from sim.experiment.study.study import find_scenario
from sim.scenario.schema.plan import Plan

# capacity, seconds per step and rent of a replica by chip
CHIPS = {"slow": (5.0, 0.04, 1.0), "fast": (20.0, 0.01, 3.0), "odd": (8.0, 0.02, 9.0)}


def pool(chip, replicas, tiers):
    capacity, step, rent = CHIPS[chip]
    return PoolSurvey(
        site="s",
        model="m",
        tiers=tiers,
        replicas=replicas,
        capacity_per_s=capacity * replicas,
        max_num_seqs=8,
        kv_tokens=100,
        steps_s=(step, 2 * step),
        ttft_s=step,
        tpot_s=step,
        rent_usd_per_h=rent * replicas,
    )


def parsed(overrides):
    return {path: value.strip('"') for path, value in (text.split("=") for text in overrides)}


class Surveyor:
    """Surveys two pools, one for both tiers and one for the second alone, and counts."""

    def __init__(self, shared=0):
        self.made, self.shared = 0, shared

    def __call__(self, base, candidates, rents):
        self.made += len(candidates)
        return [self.one(parsed(overrides)) for overrides in candidates]

    def one(self, values):
        near, far = int(values["pools.near.replicas"]), int(values["pools.far.replicas"])
        if self.shared and near + far > self.shared:
            return Survey(reason="no room")
        chip = values["topology.sites.s.halls.h.rows.r.racks.type"]
        pools = {
            "near": pool(chip, near, ("gold", "tin")),
            "far": pool("slow", far, ("tin",)),
        }
        loads = {("gold", "m"): 18.0, ("tin", "m"): 30.0}
        return Survey(pools, {"s": 100.0 * near}, loads)


PLAN = {
    "variables": {
        "chip": {
            "options": {
                name: {"topology.sites.s.halls.h.rows.r.racks.type": name} for name in CHIPS
            }
        },
        "near": {"path": "pools.near.replicas", "from": 1, "to": 4},
        "far": {"path": "pools.far.replicas", "from": 1, "to": 5},
    },
    "constraints": [
        {"metric": "latency.tiers.gold.ttft_s.p99", "at_most": "15 ms"},
        {"metric": "power.s.peak_kw", "at_most": 0.35},
        {"metric": "price_usd_per_h", "at_most": 20},
    ],
}


def surveyed(surveyor):
    space = space_of(Plan.model_validate(PLAN))
    return space, survey_space(space, None, {}, surveyor, SerialExecutor())


def by_name(space, candidate):
    told = space.described(candidate)
    return told["chip"], int(told["near"]), int(told["far"])


def test_variables_that_do_not_meet_are_surveyed_apart():
    surveyor = Surveyor()
    space, found = surveyed(surveyor)
    assert [group.variables for group in found.groups] == [(0, 1), (2,)]
    assert surveyor.made < len(space)  # 60
    rents = found.rents_usd_per_h()
    for candidate in range(len(space)):
        chip, near, far = by_name(space, candidate)
        assert rents[candidate] == near * CHIPS[chip][2] + far * 1.0


def test_variables_that_meet_only_together_are_found_by_the_check():
    space, found = surveyed(Surveyor(shared=6))
    assert len(found.groups) == 1
    ((reason, which),) = found.reasons()
    assert reason == "no room"
    expected = [sum(by_name(space, each)[1:]) > 6 for each in range(len(space))]
    assert which.tolist() == expected


def test_chips_are_ordered_by_what_they_do():
    space, found = surveyed(Surveyor())
    part = parts_of(space, found)[0]
    names = [by_name(space, candidate)[:2] for candidate in range(len(space))]
    combo = {name: int(part.combo[candidate]) for candidate, name in enumerate(names)}

    def no_more(one, other):
        return bool(part.no_more[combo[one], combo[other]])

    assert no_more(("slow", 2), ("fast", 2))
    assert no_more(("slow", 2), ("odd", 3))
    assert not no_more(("slow", 3), ("fast", 2))  # more of the slower ones may be better
    assert not no_more(("fast", 2), ("slow", 2))


def test_the_screen_knows_sets_of_tiers_fastest_answers_power_and_rent():
    space, found = surveyed(Surveyor())
    bounds = bounds_of(Plan.model_validate(PLAN))
    reasons = {each.reason: each for each in hopeless(found, bounds, found.rents_usd_per_h())}
    for candidate in range(len(space)):
        chip, near, far = by_name(space, candidate)
        capacity, step, rent = CHIPS[chip]
        expected = {
            "offered load of gold (m) over capacity": near * capacity < 18.0,
            "offered load of tin (m) over capacity": near * capacity + far * 5.0 < 30.0,
            "offered load of gold + tin (m) over capacity": near * capacity + far * 5.0 < 48.0,
            "fastest ttft_s of gold": step > 0.015,
            "idle kW of s": near * 0.1 > 0.35,
            "rent [USD/h]": near * rent + far > 20.0,
        }
        told = {reason for reason, each in reasons.items() if each.which[candidate]}
        assert told == {reason for reason, wrong in expected.items() if wrong}


def test_a_part_is_tried_beside_the_strongest_others():
    space, found = surveyed(Surveyor())
    ordered = space_of(Plan.model_validate(PLAN))
    object.__setattr__(ordered, "parts", parts_of(space, found))
    (_, first), (_, second) = beside_the_strongest(ordered)
    assert {by_name(space, int(each))[2] for each in first} == {5}
    assert {by_name(space, int(each))[:2] for each in second} == {("fast", 4)}


def test_a_real_fleet_is_surveyed():
    base = find_scenario("surge-fleet")
    survey = survey_scenario(base, ["pools.metro.replicas=3"], {})
    metro = survey.pools["metro"]
    assert (metro.replicas, metro.tiers) == (3, ("premium", "standard"))
    assert survey.load_per_s["premium", "llama-3.1-8b"] > 10.0
    more = survey_scenario(base, ["pools.metro.replicas=4"], {}).pools["metro"]
    assert more.rent_usd_per_h == pytest.approx(4 / 3 * metro.rent_usd_per_h)
    given = survey_scenario(base, ["pools.metro.replicas=4"], {"h100-sxm": 2.95}).pools["metro"]
    assert given.rent_usd_per_h == pytest.approx(4 * 2.95)
    assert metro.no_more_than(more)
    assert not more.no_more_than(metro)
    full = survey_scenario(base, ["pools.metro.replicas=9999"], {})
    assert "pools.metro" in full.reason


def study(**variables):
    constraint = {"metric": "power.metro-fra.peak_kw", "at_most": "90 kW"}
    return {
        "name": "bad",
        "base": "surge-fleet",
        "plan": {"variables": variables, "constraints": [constraint]},
    }


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"n": {"path": "pools.metr.replicas", "from": 1, "to": 2}},
            r"plan.variables.n: pools.metr.replicas: got 'metr', expected one of metro",
        ),
        (
            {"n": {"path": "pools.metro.precision", "values": ["fp9"]}},
            "plan.variables.n: pools.metro.precision: got 'fp9', expected",
        ),
        ({"n": {"path": "pools.metro.replicas", "from": 3, "to": 1}}, "from and to, in this order"),
    ],
)
def test_a_variable_that_does_not_fit_is_told_before_the_first_run(variables, message):
    with pytest.raises(ScenarioError, match=message):
        plan(study(**variables), executor="serial")


def test_what_is_wrong_only_without_another_variable_is_left_to_the_survey():
    # Nobody serves standard requests where the pool takes premium alone: fleets, not the study.
    tiers = {"path": "pools.metro.tiers", "values": [["premium"], ["premium", "standard"]]}
    result = plan(
        study(tiers=tiers) | {"set": {"run.duration": "4 s", "run.warmup": "0 s"}},
        executor="serial",
    )
    assert result.fleet["tiers"] == "['premium', 'standard']"
    assert "standard" in result.thrown_out["reason"][0]


def test_an_accelerator_without_a_rent_asks_for_it():
    kind = {"topology.sites.metro-fra.halls.air.rows.r1.racks.type": "mi300x-air"}
    fleet = {"n": {"path": "pools.metro.replicas", "from": 1, "to": 2}}
    with pytest.raises(InputError, match=r"plan.rents.*expected the rent of an accelerator"):
        plan(study(**fleet) | {"set": kind}, executor="serial")


def test_no_replicas_leave_the_pool_out():
    variables = {"far": {"path": "pools.remote.replicas", "from": 0, "to": 2}}
    space = space_of(
        Plan.model_validate({"variables": variables, "constraints": PLAN["constraints"]})
    )
    assert space.changes_of(0) == {"pools.remote": None}
    assert space.changes_of(1) == {"pools.remote.replicas": 1}
    base = find_scenario("metro-vs-remote")
    without = survey_scenario(base, ["pools.remote=null"], {})
    assert list(without.pools) == ["metro"]
    beside = survey_scenario(base, [], {}).pools["metro"].rent_usd_per_h
    assert np.isclose(without.pools["metro"].rent_usd_per_h, beside)

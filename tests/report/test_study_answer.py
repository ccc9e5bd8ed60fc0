"""What a study answers: literal readings in, sentences out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sim.experiment.execution.run_folders import Outcome
from sim.experiment.study.design import expand
from sim.experiment.study.study import load_study
from sim.report.answers.holding import Reading, State, limit_of
from sim.report.answers.study_answer import study_answers, study_tables
from sim.report.answers.words import is_scenario, setting_phrase, setting_title
from sim.report.html.held import held_tables

REPLICAS, RATE = "pools.metro.replicas", "traffic.chat.arrivals.rate"


def answered(sweep, attained, target=0.99, runs=4):
    """Return a study's result whose premium tier attains what a function of the changes says."""
    loaded = load_study({"name": "s", "base": "quickstart", "sweep": sweep})
    variants = expand(loaded.study)
    outcomes = {}
    for variant in variants:
        share = attained(variant.changes)
        tier = {"attainment": share, "targets": {"target": target, "ttft_s": 0.5}, "requests": 1000}
        cost = {"cost_usd_per_h": 10.0 * variant.changes.get(REPLICAS, 1)}
        summary = {"sla": {"premium": tier}, "ledger": cost}
        outcomes[variant.index] = {run: Outcome(summary) for run in range(runs)}
    return SimpleNamespace(loaded=loaded, variants=variants, outcomes=outcomes)


def number(text):
    return float(str(text).split()[0])


def test_a_decision_is_told_with_the_load_that_it_holds():
    sweep = {"grid": {REPLICAS: [4, 8, 10], RATE: ["30 req/s", "10 req/s", "20 req/s"]}}
    found = answered(sweep, lambda c: 1.0 if number(c[RATE]) <= 2.5 * c[REPLICAS] else 0.5)
    (said,) = study_answers(found)
    # 10 replicas reach 25 req/s, so the 20 of those tried; 8 replicas reach the same 20, for less
    assert said == (
        "8 metro replicas hold premium at 99 % through 20 req/s of chat (100\u00a0%, 100 to 100\u00a0%); "
        "at 30 req/s of chat it is 50\u00a0%, 50 to 50\u00a0%."
    ).replace("99 %", "99\u00a0%")
    (table,) = study_tables(found)
    assert [case.reach for case in table.cases] == [1, 2, 2]
    assert [name.split()[0] for name in table.scenarios] == ["10", "20", "30"]


def test_a_gap_below_ends_the_reach():
    sweep = {"grid": {REPLICAS: [4], RATE: ["10 req/s", "20 req/s", "30 req/s"]}}
    found = answered(sweep, lambda c: 0.5 if number(c[RATE]) == 20 else 1.0)
    assert study_tables(found)[0].cases[0].reach == 1


def test_without_an_order_scenarios_are_counted():
    mixes = [{"premium": "10 %"}, {"premium": "90 %"}]
    sweep = {"grid": {REPLICAS: [3, 4], "traffic.chat.tiers": mixes}}
    hard = "90 %"
    found = answered(sweep, lambda c: 0.4 if c["traffic.chat.tiers"]["premium"] == hard else 1.0)
    (said,) = study_answers(found)
    assert said.startswith(
        "3 metro replicas hold premium at 99\u00a0% in 1 of 2 scenarios, not with"
    )


def test_what_nothing_holds_is_said_with_the_nearest():
    found = answered({"grid": {REPLICAS: [1, 2]}}, lambda c: 0.4 * c[REPLICAS])
    (said,) = study_answers(found)
    assert said.startswith(
        "Nothing that was tried holds premium at 99\u00a0%; nearest: 2 metro replicas"
    )


def test_the_cheapest_of_several_is_named():
    found = answered({"grid": {REPLICAS: [6, 2, 4]}}, lambda c: 1.0 if c[REPLICAS] > 3 else 0.2)
    assert study_answers(found)[0].startswith("4 metro replicas hold premium")
    assert "the cheapest of 2 that do" in study_answers(found)[0]


def test_points_of_a_sample_are_judged_one_by_one():
    axis = {"from": 1, "to": 9}
    found = answered({"lhs": {"samples": 40, "axes": {REPLICAS: axis, "a.b": axis}}}, lambda _: 1.0)
    assert len(study_tables(found)[0].cases) == 40


@pytest.mark.parametrize(
    ("low", "value", "high", "state"),
    [
        (0.991, 0.995, 0.999, State.MET),
        (0.98, 0.991, 0.995, State.LIKELY),
        (0.97, 0.985, 0.992, State.UNLIKELY),
        (0.9, 0.95, 0.98, State.MISSED),
        (float("nan"), 0.995, float("nan"), State.LIKELY),
    ],
)
def test_states_follow_the_interval(low, value, high, state):
    assert Reading(value, low, high, 0.99).state is state


def test_limits_of_numbers_are_targets_and_slos():
    found = answered({"grid": {REPLICAS: [1, 2]}}, lambda _: 1.0)
    assert limit_of(found, "sla.premium.attainment") == 0.99
    assert limit_of(found, "latency.tiers.premium.ttft_s.p99") == 0.5
    assert limit_of(found, "energy.it_kwh") is None


def test_what_happens_is_told_from_what_is_decided():
    happens = ("traffic.chat.arrivals.rate", "facility.sites.a.weather", "faults.pump.at")
    decided = ("pools.metro.replicas", "routing.spill_at", "topology.sites.a.power_limit")
    assert all(is_scenario((path,)) for path in happens)
    assert not any(is_scenario((path,)) for path in decided)


def test_settings_have_names():
    assert setting_title("pools.metro.replicas") == "metro replicas"
    assert setting_phrase("pools.metro.replicas", "1") == "1 metro replica"
    assert setting_phrase("pools.metro.batching.max_num_seqs", "64") == "max num seqs of metro 64"
    assert setting_title("rate") == "rate"


def test_names_in_the_tables_are_escaped():
    found = answered({"grid": {"pools.<b>.replicas": [1, 2]}}, lambda _: 1.0)
    assert "<b>" not in held_tables(study_tables(found))

"""Studies on real scenarios: a shipped one, with mistakes told at the line of the study."""

import pytest

from sim.errors import ScenarioError
from sim.experiment import compare, sweep
from sim.experiment.study.check import covering
from sim.experiment.study.design import Variant

STUDY = """
    name: small
    base: quickstart
    set: {run.duration: 20 s, run.warmup: 0 s, traffic.assistant.trace.scale: 2}
    sweep:
      grid: {routing.policy: [tier-affinity, nearest]}
    replications: 2
"""


def test_a_shipped_scenario_is_swept_and_compared(study_file, tmp_path):
    result = sweep(study_file(STUDY), tmp_path / "out", executor="serial")
    assert result.failures.empty
    table = compare(result, metrics=["requests.arrived", "energy.it_kwh"]).table
    assert table["verdict"].tolist()[0] == "same"
    assert table["variant"].unique().tolist() == ["routing.policy=nearest"]
    again = sweep(study_file(STUDY), tmp_path / "out", executor="serial")
    assert again.progress.found == 4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("routing.polcy: [nearest]", "study.yaml:6:10: routing.polcy: got unknown key 'polcy'"),
        ("routing.policy: [nearst]", "study.yaml:6:10: routing.policy: .*did you mean 'nearest'"),
        ("pools.metro-liqud.replicas: [1]", "study.yaml:6:10: pools.metro-liqud"),
        (
            "run.duration: [20]",
            "study.yaml:6:10: run.duration: got 20, expected a time with its unit",
        ),
    ],
)
def test_a_value_that_does_not_fit_the_base_is_told_with_its_line(study_file, wrong, message):
    path = study_file(STUDY.replace("routing.policy: [tier-affinity, nearest]", wrong))
    with pytest.raises(ScenarioError, match=message):
        sweep(path, executor="serial")


def test_few_variants_cover_every_value():
    variants = [Variant(i, {"a": i // 10, "b": i % 10}) for i in range(100)]
    assert [variant.index for variant in covering(variants)] == [*range(10), *range(10, 100, 10)]


@pytest.mark.slow
def test_common_random_numbers_shrink_variances_ten_times_on_a_shipped_study():
    study = {
        "name": "close",
        "base": "bursts-overprovisioning",
        "set": {"run.duration": "2 min"},
        "sweep": {"grid": {"pools.metro.replicas": [8, 10]}},
        "replications": 20,
    }
    table = compare(sweep(study)).table.set_index("metric")
    factors = table["variance_reduction"]
    assert factors["latency.all.e2e_s.mean"] > 10
    assert factors["cost.fleet_usd"] > 10
    assert factors["energy.j_per_output_token"] > 100

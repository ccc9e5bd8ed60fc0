"""Breaking points on curves whose roots are known."""

import math

import pytest
import toy_station

from sim import theory
from sim.errors import ModelLimitError
from sim.experiment.headroom.headroom import Stream, headroom, traffic_streams
from sim.experiment.headroom.knee import Limit, explore, margins_of

SLOW, HOT = Limit("sla", "premium", 0.99), Limit("power", "fra", 100.0)


@pytest.mark.parametrize("root", [0.3, 1.0001, 2.7, 9.5])
def test_finds_the_root_of_a_sharp_knee(root):
    calls = []

    def margins(scale):
        calls.append(scale)
        return {SLOW: 1.0 - (scale / root) ** 8}

    found = explore(margins, tolerance=0.01, greatest=32.0).break_scale(SLOW)
    assert found == pytest.approx(root, rel=0.01)
    assert len(calls) == len(set(calls)) <= 20


def test_limits_share_their_runs_and_keep_their_own_roots():
    calls = []

    def margins(scale):
        calls.append(scale)
        return {SLOW: 1.0 - scale / 2.0, HOT: 1.0 - scale / 5.0}

    curve = explore(margins, tolerance=0.02, greatest=32.0)
    assert curve.break_scale(SLOW) == pytest.approx(2.0)
    assert curve.break_scale(HOT) == pytest.approx(5.0)
    assert len(calls) <= 14


def test_a_limit_that_never_breaks_is_infinite_and_costs_no_long_search():
    calls = []

    def margins(scale):
        calls.append(scale)
        return {SLOW: 1.5 - scale, HOT: 1.0}

    curve = explore(margins, tolerance=0.05, greatest=1000.0)
    assert curve.break_scale(HOT) == math.inf
    assert max(calls) <= 4 * 2.25  # four times the first scale that was seen broken


def test_what_is_broken_at_any_scale_has_headroom_zero():
    assert explore(lambda scale: {HOT: -1.0}, 0.05, 32.0).break_scale(HOT) == 0.0


def test_margins_of_a_summary():
    summary = {
        "sla": {
            "premium": {"attainment": 0.98, "targets": {"target": 0.99}},
            "batch": {"attainment": 1.0, "targets": {}},
        },
        "power": {
            "fra": {"peak_kw": 75.0, "limit_kw": 100.0},
            "lab": {"peak_kw": 5.0, "limit_kw": None},
        },
    }
    margins = margins_of(summary)
    assert margins[SLOW] == pytest.approx(-1.0)  # twice as many misses as allowed
    assert margins[HOT] == pytest.approx(0.25)
    assert len(margins) == 2


def test_headroom_of_a_station_with_its_interval(tmp_path):
    base = tmp_path / "base.yaml"
    base.write_text("station: {servers: 2, rate: 0.5}\n")
    streams = [Stream("station.rate", 0.5)]
    found = headroom(
        base, replications=4, executor="serial", run=toy_station.with_target, streams=streams
    )
    assert found.first.limit == Limit("sla", "all", 0.9)
    late = [
        theory.mmc_wait_above(0.5 * scale, 1.0, 2, 1.0)
        for scale in (found.first.scale.low, found.first.scale.high)
    ]
    assert late[0] < 0.1 < late[1]
    assert found.first.scale.relative_half_width < 0.1
    assert set(found.curve.columns) == {"replication", "scale", "kind", "name", "bound", "margin"}


def test_a_scenario_without_limits_is_refused(tmp_path):
    base = tmp_path / "base.yaml"
    base.write_text("station: {servers: 2, rate: 0.5}\n")
    with pytest.raises(ModelLimitError, match="no SLO target and no power limit"):
        headroom(base, replications=1, executor="serial", run=toy_station.nothing, streams=[])


def test_all_traffic_of_the_quickstart_is_scaled():
    from sim.scenario.shipped import shipped

    streams = traffic_streams(shipped("experiments")["quickstart"])
    assert [dict(stream.at(2.0)) for stream in streams] == [
        {"traffic.assistant.trace.scale": 28.0},
        {"traffic.short-questions.arrivals.rate": "8.0 req/s"},
    ]

"""The page of a plan, from a search over a station that takes milliseconds."""

from __future__ import annotations

import re

import pandas as pd
import pytest
import toy_station

from sim.experiment.plan.plan import plan
from sim.experiment.plan.uncertain import InputSpread
from sim.experiment.statistics.intervals import Interval
from sim.report.html.plan_page import render_plan, write_plan_report

ATTACK = "<script>alert(1)</script>"


@pytest.fixture
def found(tmp_path):
    """Return a function that plans a station of 1 to 8 servers, with other keys in the plan."""

    def search(**keys):
        base = tmp_path / "base.yaml"
        base.write_text("station: {servers: 2, rate: 1.4}\n")
        wait = {"metric": "latency.all.queue_s.mean", "at_most": "300 ms", "relief": "1 s"}
        power = {"metric": "power.site.peak_kw", "at_most": "100 kW"}
        section = {
            "variables": {"servers": {"path": "station.servers", "from": 1, "to": 8}},
            "constraints": [wait, power],
        }
        study = {
            "name": "fleets",
            "description": ATTACK,
            "base": str(base),
            "replications": {"least": 4, "most": 20, "half_width": "20 %"},
            "plan": section | keys,
        }
        prices = [float(servers) for servers in range(1, 9)]
        run = toy_station.station
        return plan(study, executor="serial", run=run, survey=None, prices=prices)

    return search


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ")


def test_the_page_has_the_answer_what_binds_and_what_relief_saves(found, tmp_path):
    result = found()
    page = write_plan_report(result, tmp_path / "plan.html").read_text(encoding="utf-8")
    text = text_of(page)
    # 3 USD/h are 2,190 USD in the 730 hours of a month
    assert re.search(r"Servers 3: \S+ kW peak IT power; 2,190 USD per month\.", text)
    assert "Bound by queueing mean at most 300 ms; the next limit is peak IT power, site" in text
    assert "With queueing mean at most 1.3 s it saves 730 USD per month (servers 2)." in text
    assert "queueing mean at most 300 ms" in text
    assert "peak IT power, site [kW] at most 100 kW" in text
    assert "no more of anything than a fleet that was too slow" in text
    assert "Pareto front" not in text
    assert ATTACK not in page
    assert "http" not in page.split("<body>")[1]


def test_every_fleet_is_accounted_for(found):
    result = found()
    spared = int(result.thrown_out["fleets"].sum())
    assert spared + len(result.candidates) == result.considered


def test_several_objectives_have_a_front(found):
    text = text_of(render_plan(found(minimise=["price_usd_per_h", "latency.all.queue_s.mean"])))
    assert "Fleets that no other beats in every objective." in text


def test_the_second_interval_stands_beside_the_first(found):
    result = found()
    wide = Interval(0.2, 0.05, 0.6, 32, "input samples")
    other = Interval(30.0, 29.0, 31.0, 32, "input samples")
    price = Interval(3.0, 2.0, 5.0, 32, "input samples")
    metrics = [check.bound.metric for check in result.checks]
    drivers = pd.DataFrame(
        [(metrics[0], "pools.a.step_time_factor", "guess", 0.93)],
        columns=["metric", "path", "kind", "correlation"],
    )
    numbers = dict(zip([*metrics, "price_usd_per_h"], [wide, other, price], strict=True))
    spread = InputSpread(4, 32, numbers, (0.75, 1.0), 0.75, drivers)
    object.__setattr__(result, "spread", spread)
    text = text_of(render_plan(result))
    assert "All constraints hold in 75 % of 32 samples of 4 uncertain numbers." in text
    assert "pools.a.step_time_factor guess 0.93" in text
    assert "50 ms to 600 ms" in text
    assert "2 to 5 over the inputs" in text

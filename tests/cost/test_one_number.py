"""One basis: the same figure in the summary, on the terminal, on the page, in a comparison, a plan."""

from __future__ import annotations

import re

import pytest

from sim import load_scenario, simulate
from sim.experiment import plan
from sim.report import formats, render_report
from sim.report.terminal.tables import summary_table

SHORT = {"run.duration": "20 s", "run.warmup": "0 s"}
CHANGES = [f"{path}={value}" for path, value in SHORT.items()]


@pytest.fixture(scope="module")
def result():
    return simulate(load_scenario("surge-fleet", CHANGES))


def words(text):
    return " ".join(text.replace(formats.GAP, " ").replace("\u202f", " ").split())


def test_the_cost_section_is_the_ledger(result):
    ledger, cost = result.summary["ledger"], result.summary["cost"]
    hours = result.summary["window"]["length_s"] / 3600.0
    assert cost["fleet_usd"] == pytest.approx(ledger["cost_usd_per_h"] * hours, rel=1e-12)
    assert cost["usd_per_mtoken"] == cost["fleet_usd_per_mtoken"] == ledger["usd_per_mtoken"]
    for name, pool in cost["pools"].items():
        assert pool["usd"] == pytest.approx(ledger["pools"][name] * hours, rel=1e-12)


def test_terminal_and_page_say_what_the_summary_says(result):
    from rich.console import Console

    console = Console(width=160)
    with console.capture() as capture:
        console.print(summary_table(result.summary))
    page = words(re.sub(r"<[^>]+>", " ", render_report(result)))
    for key in ("cost_usd_per_h", "usd_per_mtoken"):
        figure = words(formats.usd(result.summary["ledger"][key]))
        assert figure in words(capture.get()), key
        assert figure in page, key


def test_a_plan_prices_a_fleet_as_its_run_does():
    """What a plan knows before a run is the run's own cost of the pools, less their energy."""
    study = {
        "name": "one",
        "base": "surge-fleet",
        "set": SHORT,
        "replications": {"least": 2, "most": 2},
        "plan": {
            "variables": {"n": {"path": "pools.metro.replicas", "from": 4, "to": 4}},
            "constraints": [{"metric": "sla.premium.attainment", "at_least": "1 %"}],
            "minimise": ["price_usd_per_h"],
        },
    }
    found = plan(study, executor="serial")
    run = simulate(load_scenario("surge-fleet", [*CHANGES, "pools.metro.replicas=4"])).summary
    hours = run["window"]["length_s"] / 3600.0
    pool = run["cost"]["pools"]["metro"]
    egress = run["ledger"]["layers"].get("egress", 0.0)
    standing = pool["usd"] / hours - pool["energy_usd"] / hours - egress
    assert found.objective == pytest.approx(standing, rel=1e-9)

"""The fleet on a run's page: cost by pool, replicas over time, clients, cascade, faults."""

from __future__ import annotations

import copy
import html
import re

import pytest

from sim.report import render_report
from sim.report.formats import GAP
from sim.report.html.fleet_sections import fleet_section

POOL = {
    "replica_hours": 8.0,
    "accelerators_usd": 6.27,
    "energy_usd": 1.5,
    "usd": 7.77,
    "output_tokens": 4e6,
    "token_share": 0.25,
    "usd_per_mtoken": 1.94,
}


def words(markup):
    text = re.sub(r"<[^>]+>", " ", markup)
    return re.sub(r"\s+", " ", html.unescape(text).replace(GAP, " "))


@pytest.fixture
def busy(result):
    changed = copy.copy(result)
    changed.summary = {
        **result.summary,
        "cost": {"fleet_usd": 12.5, "egress_usd": 0.5, "pools": {"edge-paris": POOL}},
        "network": {"ttft_share": 0.386},
        "clients": {"attempts": 153_088, "retries": 44_875, "hedges": 8},
        "cascade": {
            "asked": 1000,
            "tried_small": 600,
            "escalated": 60,
            "tried_share": 0.6,
            "escalated_share": 0.1,
        },
        "admission": {"standard": {"shed": 54_679, "over_usage": 3}},
        "autoscaling": {"edge-paris": {"starts": 2, "replica_hours": 0.79}},
        "spares": {"standard-fra": 1},
        "faults": {
            "by_kind": {"rack": 1},
            "lost": 7,
            "failed_over": 206,
            "events": [
                {
                    "kind": "rack",
                    "at_s": 180.0,
                    "until_s": None,
                    "replicas": 4,
                    "links": 0,
                    "lost": 7,
                    "moved": 206,
                }
            ],
        },
        "unreachable": 11,
    }
    changed.series = result.series.assign(in_service=4.0, arrivals_per_s=1.0)
    changed.series.loc[changed.series["time_s"] > 600.0, "in_service"] = 3.0
    return changed


def test_a_run_without_pools_in_its_summary_has_no_such_section(result):
    assert not fleet_section(result).content
    assert 'id="fleet"' not in render_report(result)


def test_everything_that_happened_to_the_fleet_is_on_the_page(busy):
    text = words(fleet_section(busy).content)
    for said in (
        *("edge-paris 8 25 % 6.27 1.5 7.77 1.94", "Fleet 12.5 USD", "38.6 %"),
        *("Retries 44,875", "Tried with the small one 600 (60 %)", "standard 54,679 3"),
        *("2 starts, 0.79 replica hours on", "standard-fra, spares 1 start"),
        *("Requests lost 7", "could be reached for 11", "3 min rack – 4 0 7 206"),
    ):
        assert said in text
    assert "Replicas in service, by pool" in text
    assert "Attempts requests per second" in text


def test_a_fleet_that_never_changes_is_not_drawn(busy):
    del busy.summary["clients"]
    busy.series = busy.series.assign(in_service=4.0)
    assert "Over time" not in words(fleet_section(busy).content)

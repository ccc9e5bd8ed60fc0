"""Provenance: sources and guesses of the run, and nothing of the machine outside its key."""

from __future__ import annotations

import json
import re

from sim.catalog.entries import Source, Sourced
from sim.provenance import machine, peak_rss_mb, provenance, version

SOURCES = {"sheet": Source("sheet", "Data sheet", "https://example.com", "2025")}
ENTRIES = {
    "region paris": {"usd_per_kwh": Sourced("guess", "loadbank", "2026", 0.05, 0.2, "spot price")},
    "accelerator h100": {
        "tdp_w": Sourced("vendor", "sheet", "2025"),
        "bandwidth_bytes_per_s": Sourced("vendor", "sheet", "2025"),
        "idle_w": Sourced("measured", "sheet", "2025"),
    },
}


def test_sources_count_their_numbers_by_kind():
    found = provenance("text", 3, ENTRIES, SOURCES)["sources"]
    assert found == [
        {"name": "loadbank", "title": "", "where": "", "date": "", "numbers": {"guess": 1}},
        {
            "name": "sheet",
            "title": "Data sheet",
            "where": "https://example.com",
            "date": "2025",
            "numbers": {"measured": 1, "vendor": 2},
        },
    ]


def test_guesses_are_named_with_their_range():
    assert provenance("text", 3, ENTRIES, SOURCES)["guesses"] == [
        {
            "entry": "region paris",
            "field": "usd_per_kwh",
            "low": 0.05,
            "high": 0.2,
            "note": "spot price",
        }
    ]


def test_the_order_of_the_catalogue_does_not_matter():
    backwards = dict(reversed(ENTRIES.items()))
    one, other = provenance("t", 0, ENTRIES, SOURCES), provenance("t", 0, backwards, SOURCES)
    del one["machine"], other["machine"]
    assert json.dumps(one) == json.dumps(other)


def test_scenario_and_seed_identify_the_run():
    found = provenance("e3b0c442", 3, {}, {})
    assert found["seed"] == 3
    assert found["scenario_sha256"] == "e3b0c442"


def test_the_machine_and_the_moment_are_in_one_place():
    found = machine()
    assert set(found) == {
        *("finished_at", "python", "implementation", "platform", "cpus", "packages", "compiled")
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", found["finished_at"])
    assert found["packages"]["numpy"]


def test_a_distribution_that_is_not_installed_has_no_version():
    assert version("surely-no-such-distribution") is None


def test_memory_of_this_process_is_plausible():
    rss_mb = peak_rss_mb()
    assert rss_mb is None or 10.0 < rss_mb < 100_000.0

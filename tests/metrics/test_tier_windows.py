"""Latency inside windows of time, by tier and site."""

from __future__ import annotations

import numpy as np
import pytest

from sim.metrics.tier_windows import SiteWindow, TierWindows


def columns(*rows):
    names = ("arrival_s", "site", "tier", "ttft_s", "warmup")
    found = {
        name: np.array(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    return {**found, "tpot_s": found["ttft_s"] / 10, "e2e_s": found["ttft_s"] * 2}


def test_only_requests_of_the_window_its_site_and_tier_count():
    windows = TierWindows([SiteWindow(0, 10.0, 20.0)], ("gold", "bulk"), 100)
    windows.add(
        columns(
            (9.9, 0, 0, 100.0, False),  # before
            (10.0, 0, 0, 1.0, False),
            (15.0, 1, 0, 100.0, False),  # another site
            (15.0, 0, 1, 7.0, False),  # another tier
            (19.9, 0, 0, 3.0, False),
            (12.0, 0, 0, 100.0, True),  # in the warm-up
            (13.0, 0, 0, np.nan, False),  # never answered
            (20.0, 0, 0, 100.0, False),  # after
        )
    )
    (report,) = windows.report()
    assert report["gold"]["ttft_s"] == {"mean": 2.0, "p50": 2.0, "p99": pytest.approx(2.98), "n": 2}
    assert report["gold"]["tpot_s"]["mean"] == pytest.approx(0.2)
    assert report["bulk"]["e2e_s"]["p50"] == 14.0


def test_chunks_add_up_and_no_windows_cost_nothing():
    windows = TierWindows([SiteWindow(0, 0.0, 9.0), SiteWindow(0, 5.0, 9.0)], ("gold",), 100)
    for time in range(8):
        windows.add(columns((float(time), 0, 0, 1.0 + time, False)))
    first, second = windows.report()
    assert (first["gold"]["ttft_s"]["n"], second["gold"]["ttft_s"]["n"]) == (8, 3)
    assert TierWindows((), (), 0).report() == []

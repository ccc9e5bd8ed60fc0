"""The page of a run in slices."""

import pandas as pd
import pytest
from chromium import check_everywhere

from sim.experiment.slices.slices import Check, Sliced
from sim.report.html.slices_page import render_slices, write_slices_report

LEVELS = ("mean", "p50", "p90", "p95", "p99", "p99_9")


def sliced(check=None):
    ladder = dict.fromkeys(LEVELS, 0.25) | {"n": 40}
    latency = dict.fromkeys(("ttft_s", "tpot_s", "e2e_s"), ladder)
    summary = {
        "scenario": {"name": "week", "description": "A <long> week."},
        "seed": 3,
        "slices": {"number": 2, "overlap_s": 60.0},
        "requests": {"arrived": 40, "completed": 40},
        "latency": {"all": latency, "tiers": {"gold": latency}},
        "sla": {
            "gold": {
                "targets": {"target": 0.99},
                "attained": 39,
                "requests": 40,
                "attainment": 0.975,
            }
        },
        "energy": {"it_kwh": 2.0, "j_per_output_token": None},
    }
    row = {"length_s": 600.0, "overlap_s": 60.0, "requests": 20, "mean_kw": 6.0}
    row |= {f"{name}.{level}": 0.25 for name in ("ttft_s", "tpot_s") for level in ("p50", "p99")}
    row |= {"attainment.gold": 0.975, "wall_s": 2.0, "cpu_s": 1.0, "peak_rss_mb": 150.0}
    rows = pd.DataFrame([{"start_s": start} | row for start in (0.0, 600.0)])
    return Sliced(summary, rows, check)


def text_of(found):
    return (
        render_slices(found)
        .replace("\N{NO-BREAK SPACE}", " ")
        .replace("\N{NARROW NO-BREAK SPACE}", " ")
    )


def test_the_page_has_figures_time_and_cost():
    page = text_of(sliced())
    for text in (
        "40 requests",
        "2 slices of 10 min",
        "97.5 %",
        "at most 150 MB",
        "A &lt;long&gt;",
    ):
        assert text in page
    assert "What the cut changes" not in page


def test_the_page_tells_the_difference_to_one_piece():
    figures = {"requests": {"arrived": 40}, "energy": {"it_kwh": 2.0}}
    whole = {"requests": {"arrived": 40}, "energy": {"it_kwh": 1.0}}
    gap = {"requests.arrived": 0.0, "energy.it_kwh": 1.0}
    page = text_of(sliced(Check(1200.0, 2, figures, whole, gap)))
    assert "The first 20 min were also run in one piece" in page
    largest, every = page.index("Largest differences"), page.index("All numbers")
    assert largest < page.index("+100.00 %") < every < page.index("+0.00 %", every)


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_it_fits_and_can_be_read(tmp_path):
    figures, gap = {"requests": {"arrived": 40}}, {"requests.arrived": 0.0}
    found = sliced(Check(1200.0, 2, figures, figures, gap))
    check_everywhere(write_slices_report(found, tmp_path / "page.html").as_uri())

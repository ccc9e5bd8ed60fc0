"""Runs without a request, or without one in the measuring window: empty figures and a warning."""

from __future__ import annotations

import pytest

from sim.report import render_report
from sim.result import Result


@pytest.fixture
def replayed(tiny, tmp_path):
    """The tiny scenario under a trace of two requests, at 0 s and at 10 s."""
    path = tmp_path / "two.csv"
    path.write_text("arrival_s,input_tokens,output_tokens\n0,50,5\n10,50,5\n")
    chat = tiny["traffic"]["chat"]
    del chat["arrivals"], chat["lengths"]
    chat["trace"] = {"path": str(path)}
    tiny["run"] = {}
    return tiny


@pytest.mark.parametrize("interval", [None, "1 s"])
def test_a_run_without_a_request_has_an_empty_series_and_says_so(
    replayed, flow, tmp_path, interval
):
    replayed["traffic"]["chat"]["trace"]["scale"] = 1e-9
    replayed["output"] = {"series_interval": interval} if interval else {}
    run = flow(replayed)
    assert (run.end_s, run.result.summary["requests"]["arrived"]) == (0.0, 0)
    folder = run.result.save(tmp_path / "run", report=render_report)
    saved = Result.load(folder)
    assert (len(saved.requests), len(saved.series)) == (0, 0)
    assert "traffic chat: a scale of 1e-09 left none of 2 requests" in saved.warnings
    assert saved.warnings[-1].startswith("no request arrived, ")


def test_a_warm_up_after_the_last_request_is_a_warning(replayed, flow):
    """The trace is taken to last one more gap, 20 s; its last request comes at 10 s."""
    replayed["run"] = {"warmup": "15 s"}
    run = flow(replayed)
    assert run.result.summary["requests"]["completed"] == 2
    assert run.result.summary["window"]["requests"]["arrived"] == 0
    assert run.result.warnings[-1].startswith("no request arrived after the warm-up of 15 s")


def test_a_run_with_measured_requests_does_not_warn(replayed, flow):
    replayed["run"] = {"warmup": "5 s"}
    assert not [text for text in flow(replayed).result.warnings if "no request" in text]

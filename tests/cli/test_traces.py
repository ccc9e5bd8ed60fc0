"""The verbs of `loadbank traces`: what they print and write."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from sim.cli.traces import app
from sim.traffic.reader import read_trace

ROWS = "".join(f"{i * 0.4:.1f},{100 + i % 7},{1 + i % 3}\n" for i in range(300))
TEXT = "arrival_s,input_tokens,output_tokens\n" + ROWS


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.csv"
    path.write_text(TEXT)
    return path


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_inspect_shows_rate_burstiness_and_sizes(small):
    shown = run("inspect", small).stdout
    for part in (
        "2.5 req/s",
        "index of dispersion, 60 s",
        "empty seconds",
        "p99",
        "grid of the clock",
    ):
        assert part in shown


def test_inspect_counts_what_it_left_out(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(TEXT + "bad,1,1\n")
    result = run("inspect", path)
    assert "left out 1 row: 1 x unreadable time" in result.stderr
    assert "bad.csv:302: arrival_s: got 'bad'" in result.stderr


def test_inspect_as_json_has_no_nan(small):
    data = json.loads(run("inspect", small, "--json").stdout)
    assert data["report"]["format"] == "loadbank-csv"
    assert data["statistics"]["requests"] == 300
    assert data["statistics"]["dispersion"]["300"] is None


def test_fit_shows_trace_and_generator_side_by_side(small):
    shown = run("fit", small).stdout
    for part in ("Chosen:", "dispersion, 10 s", "wait p99", "poisson", "To use it in a scenario:"):
        assert part in shown


def test_fit_as_json_tells_errors_and_where_it_fails(small):
    data = json.loads(run("fit", small, "--json").stdout)
    assert {"chosen", "settings", "trace", "generator", "errors", "fails", "notes"} <= set(data)
    assert {"poisson", "gamma", "weibull", "mmpp", data["chosen"]} == set(data["errors"])


def test_convert_windows_scales_and_packs(small, tmp_path):
    out = tmp_path / "out.parquet"
    shown = run("convert", small, out, "--from", "10 s", "--to", "50 s", "--scale", "2").stdout
    trace = read_trace(out)
    assert len(trace) == 200
    assert f"wrote 200 requests in 40.0 s to {out}" in shown.replace("\n", "")


def test_convert_spreads_a_coarse_clock(tmp_path):
    coarse = tmp_path / "coarse.csv"
    rows = "".join(f"{i // 4},5,5\n" for i in range(400))
    coarse.write_text("arrival_s,input_tokens,output_tokens\n" + rows)
    run("convert", coarse, tmp_path / "fine.csv", "--de-jitter")
    times = read_trace(tmp_path / "fine.csv").arrival_s
    assert len(set(times.tolist())) == 400


def test_generate_draws_from_a_fit_and_the_same_again(small, tmp_path):
    for name in ("a.csv", "b.csv"):
        run("generate", small, tmp_path / name, "--duration", "2 min", "--seed", "3")
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()
    assert read_trace(tmp_path / "a.csv").arrival_s[-1] < 120


def test_a_quantity_without_unit_is_refused(small, tmp_path):
    with pytest.raises(Exception, match="expected a time with its unit"):
        run("generate", small, tmp_path / "a.csv", "--duration", "60")

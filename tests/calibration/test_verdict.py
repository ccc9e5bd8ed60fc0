"""Traps of calibration: units, limits that the log contradicts, fits that miss, old fits."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sim.calibration.logs import read_request_log
from sim.calibration.replay import Limits
from sim.calibration.run import Run
from sim.calibration.verdict import holds, require_good_fit, require_limits, still_holds
from sim.errors import InputError, TraceError
from sim.performance.coefficient_text import write_coefficients
from sim.performance.configuration import Coefficients, Configuration
from sim.performance.steptime import StepTime

KEY = Configuration("h100-sxm", "llama-3.1-8b")
STEP = StepTime(5e-3, 20e-6, 40e-9, kind="fitted", source="a log")


def log(path, factor, tokens=11, token_s=0.03):
    lines = []
    for number in range(4):
        queued, first = number * 1.0, number * 1.0 + 0.2
        times = {
            "queued_ts": queued * factor,
            "first_token_ts": first * factor,
            "last_token_ts": (first + token_s * (tokens - 1)) * factor,
        }
        lines.append(json.dumps({"input_toks": 100, "output_toks": tokens, **times}))
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("factor", "unit"), [(1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")]
)
def test_a_log_in_another_unit_is_refused_with_its_name(tmp_path, factor, unit):
    with pytest.raises(TraceError, match="look like") as told:
        read_request_log(log(tmp_path / "log.jsonl", factor))
    assert unit in str(told.value)


def test_slow_and_fast_servers_are_in_seconds(tmp_path):
    for token_s in (2e-3, 0.03, 1.0):
        assert len(read_request_log(log(tmp_path / "log.jsonl", 1.0, token_s=token_s))) == 4


def together(count, tokens=10):
    zeros = np.zeros(count)
    sizes = np.full(count, tokens)
    return Run(zeros, sizes, sizes, zeros + 0.1, zeros + 9.0)


def test_limits_that_the_log_contradicts_are_refused():
    require_limits([together(8)], Limits(8, 8192, 100))
    with pytest.raises(InputError, match="8 requests of the log ran at once"):
        require_limits([together(8)], Limits(7, 8192, 100))
    with pytest.raises(InputError, match="holds 20 tokens"):
        require_limits([together(8)], Limits(8, 8192, 19))


def test_a_fit_that_misses_its_other_half_is_refused_with_a_cause():
    require_good_fit({"ttft mean": 0.5, "held out ttft mean": 0.09, "held out e2e p99": 0.4})
    with pytest.raises(InputError, match=r"-11 %|-11%") as told:
        require_good_fit({"held out ttft mean": -0.11})
    assert "--kv-cache" in str(told.value)
    with pytest.raises(InputError, match="the model, the chip or the layout"):
        require_good_fit({"held out tpot mean": 0.2})


def test_an_old_fit_holds_on_what_it_makes_itself_and_not_on_a_slower_server(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(write_coefficients(Coefficients({KEY: STEP})))
    limits = Limits(8, 8192, 100_000)
    alone_s = STEP.seconds(100, 0.0, 0.0, 5000.0)  # a prompt of 100 tokens
    token_s = STEP.seconds(1, 105.0, 1)
    for slower, kept in ((1.0, True), (1.3, False)):
        rows = []
        for number in range(5):
            queued, first = number * 2.0, number * 2.0 + slower * alone_s
            last = first + 10 * slower * token_s
            times = {"queued_ts": queued, "first_token_ts": first, "last_token_ts": last}
            rows.append(json.dumps({"input_toks": 100, "output_toks": 11, **times}))
        new = tmp_path / "new.jsonl"
        new.write_text("\n".join(rows))
        errors = still_holds(path, [new], KEY, limits)
        assert holds(errors) is kept
        assert errors["tpot mean"] == pytest.approx(1.0 / slower - 1.0, abs=0.01)
    with pytest.raises(InputError, match=r"one of llama-3\.1-8b fp8"):
        still_holds(path, [new], Configuration("h100-sxm", "llama-3.1-8b", "fp8"), limits)

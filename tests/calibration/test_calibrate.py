"""The verb from files to a coefficient file, and the accuracy page against the measurements."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from sim.calibration.accuracy import (
    FITTED,
    LEFT_OUT,
    OTHER_HALF,
    UNSEEN,
    log_scores,
    measure,
)
from sim.calibration.accuracy_page import page, scores_text, shipped_scores
from sim.calibration.calibrate import calibrate
from sim.calibration.replay import Limits
from sim.calibration.shipped import fit_shipped
from sim.catalog.catalog import load_catalog
from sim.cli.calibrate import calibrate as verb
from sim.errors import InputError
from sim.performance.coefficient_file import read_coefficients, shipped_coefficients
from sim.performance.configuration import Configuration
from sim.performance.terms import step_time_from_terms

KEY = Configuration("h100-sxm", "llama-3.1-8b")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


def write_log(path, run):
    rows = zip(
        *(run.arrival_s, run.first_token_s, run.last_token_s),
        *(run.input_tokens, run.output_tokens),
        strict=True,
    )
    keys = ("queued_ts", "first_token_ts", "last_token_ts", "input_toks", "output_toks")
    lines = [json.dumps(dict(zip(keys, map(float, row), strict=True))) for row in rows]
    path.write_text("\n".join(lines))


def test_the_verb_writes_a_file_that_a_scenario_can_name(served, tmp_path):
    log, out = tmp_path / "log.jsonl", tmp_path / "mine.yaml"
    write_log(log, served)
    app = typer.Typer()
    app.command()(verb)
    options = ["--accelerator", KEY.accelerator, "--model", KEY.model, "--max-num-seqs", "64"]
    options += ["--max-num-batched-tokens", "2048", "--out", str(out), "--force"]
    result = CliRunner().invoke(app, [str(log), *options])
    assert result.exit_code == 0, result.output
    assert "held out" in result.output
    step = read_coefficients(out).step_times[KEY]
    assert (step.kind, step.source) == ("fitted", "calibrated from log.jsonl")


def test_the_verb_prints_its_scores_as_json(tmp_path):
    table = tmp_path / "steps.csv"
    write_table(table, lambda batch: 400 + batch)
    app = typer.Typer()
    app.command()(verb)
    options = ["--accelerator", KEY.accelerator, "--model", KEY.model, "--json"]
    shown = CliRunner().invoke(app, [str(table), *options, "--out", str(tmp_path / "mine.yaml")])
    assert json.loads(shown.stdout)["scores"].keys() == {
        "step time",
        "held out step time",
        "power",
    }


def write_table(path, power):
    lines = ["batch,context_tokens,step_ms,power_w"]
    for batch in (1, 4, 16, 64, 256):
        for context in (200, 2000):
            step_ms = 7 + 0.04 * batch + 6e-5 * batch * context
            lines.append(f"{batch},{context},{step_ms},{power(batch)}")
    path.write_text("\n".join(lines))


def test_a_table_with_power_gives_both(catalog, tmp_path):
    path = tmp_path / "steps.csv"
    write_table(path, lambda batch: 400 + 20 * np.log2(batch))
    result = calibrate([path], KEY, Limits(), catalog)
    assert result.coefficients.step_times[KEY].c_s_per_kv_token == pytest.approx(60e-9)
    assert result.scores["held out step time"] < 1e-6
    assert result.scores["power"] < 0.03


def test_points_of_several_loads_make_a_fit_and_one_alone_is_refused(catalog, tmp_path):
    paths = []
    for batch in (4, 16, 64, 128):
        tpot_ms = 6.5 + 0.08 * batch
        document = {
            "completed": 100,
            "total_input_tokens": 20_000,
            "total_output_tokens": 40_000,
            "mean_tpot_ms": tpot_ms,
            "output_throughput": 1e3 * batch / tpot_ms,
        }
        paths.append(tmp_path / f"{batch}.json")
        paths[-1].write_text(json.dumps(document))
    result = calibrate(paths, KEY, Limits(), catalog)
    assert result.scores["step time"] < 0.05
    with pytest.raises(InputError, match=r"expected results at 4 loads or more.*save-detailed"):
        calibrate(paths[:1], KEY, Limits(), catalog)


def test_unknown_names_come_with_the_nearest(catalog, tmp_path):
    with pytest.raises(InputError) as caught:
        calibrate([tmp_path / "x.csv"], Configuration("h100-sx", "llama"), Limits(), catalog)
    told = str(caught.value)
    assert "accelerator: got 'h100-sx'" in told
    assert "did you mean 'h100-sxm'?" in told
    assert "model: got 'llama'" in told


def test_a_table_does_not_mix_with_logs(catalog, tmp_path):
    with pytest.raises(InputError, match="either one table or any number of logs"):
        calibrate([tmp_path / "a.csv", tmp_path / "b.jsonl"], KEY, Limits(), catalog)


def test_an_accelerator_s_set_predicts_its_measured_latency(catalog):
    # Table of the 8B model on one H100: 16.48 ms at batch 128, with about 400 tokens of context.
    terms = shipped_coefficients().accelerators["h100-sxm"]
    chip, model = catalog.accelerators["h100-sxm"], catalog.models["llama-3.1-8b"]
    step = step_time_from_terms(terms, model, chip, 1)
    assert step.seconds(128, 128 * 400, 128) == pytest.approx(16.48e-3, rel=0.05)


def test_the_page_is_made_from_the_shipped_scores():
    assert (ROOT / "docs" / "validation.md").read_text() == page(shipped_scores())


def test_the_shipped_scores_are_read_without_loss():
    scores = shipped_scores()
    shipped = ROOT / "sim" / "_data" / "accuracy.yaml"
    assert scores_text(scores) == shipped.read_text(encoding="utf-8")
    assert {score.basis for score in scores} == {FITTED, OTHER_HALF, LEFT_OUT, UNSEEN}


def test_the_first_request_log_keeps_its_promises(shared_data, catalog):
    # Fitted on the log: 3 %; second half by the first: 5 %. The second log is in the slow rebuild.
    every = log_scores(shared_data / "serving" / "vllm-runs", catalog)
    scores = list(islice(every, 3 * 15 + 1))
    assert {score.subject for score in scores} == {"llama-3.1-8b on 1 x rtx-pro-6000"}
    assert [score for score in scores if score.missed] == []


@pytest.mark.slow
def test_shipped_coefficients_are_what_the_fits_give(shared_data, catalog):
    fresh, shipped = fit_shipped(shared_data / "serving", catalog), shipped_coefficients()
    assert fresh.step_times.keys() == shipped.step_times.keys()
    for key, step in fresh.step_times.items():
        for load in ((1, 500, 1), (64, 32_000, 64), (1024, 0, 0)):
            assert shipped.step_times[key].seconds(*load) == pytest.approx(
                step.seconds(*load), rel=1e-3
            )
    for key, curve in fresh.powers.items():
        for batch in (8, 64, 512):
            assert shipped.powers[key].decode_w(batch) == pytest.approx(
                curve.decode_w(batch), rel=1e-2
            )


@pytest.mark.slow
def test_every_published_score_is_recomputed(shared_data, catalog):
    fresh = measure(shared_data / "serving", catalog, shipped_coefficients())
    shipped = shipped_scores()
    assert [(s.subject, s.statistic) for s in fresh] == [(s.subject, s.statistic) for s in shipped]
    for now, told in zip(fresh, shipped, strict=True):
        assert now.error == pytest.approx(told.error, abs=2e-3), (now.subject, now.statistic)

"""Tables of steps give their coefficients back; what they cannot tell stays physical or is refused."""

from __future__ import annotations

import numpy as np
import pytest

from sim.calibration.power_fit import fit_logistic
from sim.calibration.table import StepTable, read_step_table
from sim.calibration.table_fit import fit_prefill_curve, fit_step_table
from sim.errors import InputError, TraceError
from sim.performance.power import PhasePower
from sim.performance.steptime import StepTime

PHYSICAL = StepTime(5e-3, 20e-6, 50e-9, e_s_per_token2=1e-9)
TRUTH = StepTime(7e-3, 30e-6, 90e-9, f_s_per_seq=15e-6)


def table(contexts, prompts):
    rows = [
        (batch, context, prompt)
        for batch in (1, 4, 16, 64, 256)
        for context in contexts
        for prompt in prompts
    ]
    batch, context, prompt = np.array(rows, dtype=float).T
    step_s = [TRUTH.seconds(b + p, b * c, b) for b, c, p in rows]
    return StepTable(batch, context, prompt, np.array(step_s), np.full(len(rows), np.nan))


def test_a_full_table_gives_every_coefficient_back():
    fit = fit_step_table(table((200, 2000), (0, 512)), PHYSICAL)
    for name in ("a_s", "b_s_per_token", "c_s_per_kv_token", "f_s_per_seq"):
        assert getattr(fit.step_time, name) == pytest.approx(getattr(TRUTH, name), rel=1e-6)
    assert (fit.error, fit.held_out) == (pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9))
    assert (fit.step_time.batch_low, fit.step_time.batch_high, fit.notes) == (1, 256, ())


def test_decode_steps_alone_leave_the_prompt_term_physical():
    fit = fit_step_table(table((200, 2000), (0,)), PHYSICAL)
    assert fit.step_time.b_s_per_token == PHYSICAL.b_s_per_token
    assert fit.step_time.f_s_per_seq == pytest.approx(25e-6)  # 30 + 15 - 20 us
    assert fit.notes == ("time per prompt token kept physical: no prompts of several sizes",)


def test_one_context_leaves_the_kv_term_physical():
    fit = fit_step_table(table((500,), (0, 512)), PHYSICAL)
    assert fit.step_time.c_s_per_kv_token == PHYSICAL.c_s_per_kv_token
    assert fit.notes == ("time per KV token kept physical: contexts do not vary on their own",)
    # The difference of the two KV terms at that context moves into the time per sequence.
    assert fit.step_time.f_s_per_seq == pytest.approx(15e-6 + 40e-9 * 500)


def test_one_batch_is_refused_with_what_is_missing():
    same = StepTable(*(np.full(8, value) for value in (16.0, 500.0, 0.0, 0.01, np.nan)))
    with pytest.raises(
        InputError, match=r"batch: got values that do not vary.*batches that differ"
    ):
        fit_step_table(same, PHYSICAL)


def test_two_rows_are_refused():
    full = table((200,), (0,))
    few = StepTable(full.batch[:2], full.context_tokens[:2], *([full.step_s[:2]] * 3))
    with pytest.raises(InputError, match="rows: got 2, expected at least 3 rows"):
        fit_step_table(few, PHYSICAL)


def test_a_prefill_curve_passes_through_a_jump_and_never_falls():
    tokens = np.array([128.0, 256, 512, 1024, 2048, 4096])
    seconds = np.array([0.058, 0.052, 0.054, 0.077, 0.133, 0.372])
    knots = np.array([64.0, 128, 256, 512, 1024, 2048, 4096])
    curve, slope = fit_prefill_curve(tokens, seconds, 0.03, knots)
    step = StepTime(0.03, slope, curve=curve)
    heights = [height for _, height in curve]
    assert heights == sorted(heights)
    for n, measured in ((1024, 0.077), (2048, 0.133), (4096, 0.372)):
        assert step.seconds(n, 0) == pytest.approx(measured, rel=0.01)


def test_a_logistic_power_curve_is_found_again():
    truth = PhasePower(100.0, 700.0, 400.0, 250.0, 1.2, 5.0, 700.0)
    batch = np.array([1.0, 4, 16, 32, 64, 256])
    watts = np.array([truth.decode_w(size) for size in batch])
    found = fit_logistic(batch, watts, truth)
    assert [found.decode_w(size) for size in batch] == pytest.approx(watts.tolist(), rel=1e-3)
    assert (found.batch_low, found.batch_high) == (1.0, 256.0)


def test_power_at_three_batches_is_refused():
    start = PhasePower(100.0, 700.0, 400.0, 250.0)
    with pytest.raises(InputError, match="got 3 batches, expected power at 4 batches"):
        fit_logistic(np.array([1.0, 2, 4]), np.array([1.0, 2, 3]), start)


def test_a_csv_is_read_with_and_without_its_optional_columns(tmp_path):
    path = tmp_path / "steps.csv"
    path.write_text("batch,context_tokens,step_ms,power_w\n1,100,8,\n4,100,9.5,450\n")
    read = read_step_table(path)
    assert read.step_s.tolist() == [0.008, 0.0095]
    assert read.prompt_tokens.tolist() == [0, 0]
    assert np.isnan(read.power_w[0])
    assert read.power_w[1] == 450


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("batch,step_ms\n1,2\n", "context_tokens: a column of this name"),
        ("batch,context_tokens,step_ms,powerw\n1,2,3,4\n", "got 'powerw', expected one of batch"),
        (
            "batch,context_tokens,step_ms\n1,2,x\n",
            ":2: step_ms: got 'x', expected a number above 0",
        ),
        ("batch,context_tokens,step_ms\n-1,2,3\n", ":2: batch: got '-1', expected a number from 0"),
        ("batch,context_tokens,step_ms\n1,2\n", ":2: step_ms: got None"),
        ("batch,context_tokens,step_ms\n", "got no rows, expected measured steps"),
    ],
)
def test_a_bad_table_is_refused_with_line_and_column(text, expected, tmp_path):
    path = tmp_path / "steps.csv"
    path.write_text(text)
    with pytest.raises(TraceError) as caught:
        read_step_table(path)
    assert expected in str(caught.value)

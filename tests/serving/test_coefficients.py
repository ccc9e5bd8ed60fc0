"""Coefficient files are read and written without loss, and given beats fitted beats physical."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sim.catalog.catalog import Accelerator, Efficiency, Model
from sim.errors import ScenarioError
from sim.performance.coefficient_file import (
    read_coefficients,
    shipped_coefficients,
)
from sim.performance.coefficient_text import describe_fit, write_coefficients
from sim.performance.coefficients import (
    coefficient_warnings,
    joule_interval,
    resolve_power,
    resolve_step_time,
)
from sim.performance.configuration import Coefficients, Configuration
from sim.performance.engines import EngineRelease
from sim.performance.power import PhasePower
from sim.performance.steptime import StepTime
from sim.performance.terms import AcceleratorTerms
from sim.plant.memory_fit import Layout

KEY = Configuration("chip", "dense", "bf16", 2)
SGLANG = EngineRelease("sglang")
STEP = StepTime(
    0.0125,
    38.5e-6,
    78e-9,
    2e-3,
    1.5e-9,
    3e-6,
    curve=((64.0, 0.0), (512.0, 0.02)),
    kind="fitted",
    source="a log",
    batch_low=1.0,
    batch_high=128.0,
    context_high=4096.0,
    time_low=0.95,
    time_high=1.06,
)
POWER = PhasePower(113.0, 700.0, 480.0, 214.0, 1.25, 5.5, 700.0, 8.0, 690.0, "fitted", "a meter")
CHIP = Accelerator(
    name="chip",
    title="",
    vendor="",
    cooling=("air",),
    memory_bytes=100e9,
    bandwidth_bytes_per_s=2e12,
    flops={"bf16": 500e12},
    tdp_w=700.0,
    idle_w=75.0,
    context_w=40.0,
    prefill_w=690.0,
    decode_low_w=380.0,
    decode_high_w=640.0,
    link_bytes_per_s=400e9,
    reserved_bytes=0.0,
    collective_bytes={},
    efficiency=Efficiency(0.8, {"bf16": 0.75}, 0.5, 0.9, 70e-6, 4e-6, {2: 5e-6}, {2: 250e9}),
)
DENSE = Model("dense", "", 32, 4096, 32, 8, 128, 8e9, 8e9, 131072.0)


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "mine.yaml"
    terms = AcceleratorTerms(80e-6, 0.9, 2.5, 1.8, 10e-6, "fitted", "runs", 8.0, 690.0, 0.9, 1.1)
    four = replace(KEY, tensor_parallel=4, expert_parallel=4, data_parallel=2)
    jumps = replace(STEP, batch_curve=((8.0, 0.001), (64.0, 0.02)))
    points = replace(POWER, points=((8.0, 400.0), (64.0, 350.0)))
    written = Coefficients({KEY: STEP, four: jumps}, {KEY: POWER, four: points}, {"chip": terms})
    path.write_text(write_coefficients(written), encoding="utf-8")
    assert read_coefficients(path) == written


def test_given_beats_fitted_beats_physical():
    known = Coefficients({KEY: STEP}, {KEY: POWER})
    given = StepTime(1.0, 0.1, kind="given")
    assert resolve_step_time(DENSE, CHIP, 2, given=given, known=known) is given
    assert resolve_step_time(DENSE, CHIP, 2, known=known) is STEP
    assert "roofline" in resolve_step_time(DENSE, CHIP, 1, known=known).source
    assert resolve_power(DENSE, CHIP, 2, given=POWER, known=Coefficients()) is POWER
    assert resolve_power(DENSE, CHIP, 2, known=known) == replace(POWER, low=0.92, high=1.09)


def test_unmeasured_power_rises_with_what_a_step_reads_and_computes():
    curve = resolve_power(DENSE, CHIP, 1, known=Coefficients())
    watts = [curve.decode_w(batch) for batch in (1, 16, 256, 1024)]
    assert watts[:3] == sorted(watts[:3])
    assert watts[3] < watts[2]  # the host schedules longer than the chip computes
    assert 115.0 < watts[0] < 450.0
    assert 450.0 < watts[-1] <= 700.0
    assert (curve.idle_w, curve.prefill_w, curve.kind) == (115.0, 690.0, "guess")
    assert curve.low < 1.0 < curve.high
    mixture = replace(DENSE, name="m", active_params=1e9, experts=128, top_k=8)
    few = resolve_power(mixture, CHIP, 1, known=Coefficients())
    assert few.decode_w(256) < watts[2]  # as many bytes at most, and fewer products


def test_energy_per_token_is_as_uncertain_as_time_and_power_together():
    step = replace(STEP, time_low=0.5, time_high=2.0)
    assert joule_interval(step, POWER) == pytest.approx((0.5, 2.0))
    both = joule_interval(step, replace(POWER, low=0.5, high=2.0))
    assert both == pytest.approx((2.0 ** -(2**0.5), 2.0 ** (2**0.5)))


def test_guesses_and_batches_out_of_range_are_told():
    assert coefficient_warnings(STEP, POWER, 128) == ()
    beyond = coefficient_warnings(STEP, POWER, 1024)
    assert beyond == (
        "step time was fitted up to batch 128, batches here reach 1024",
        "power was fitted up to batch 690, batches here reach 1024",
    )
    known = Coefficients()
    guessed = coefficient_warnings(
        resolve_step_time(DENSE, CHIP, known=known), resolve_power(DENSE, CHIP, known=known), 8
    )
    assert guessed[0].startswith("step time is uncalibrated (roofline")
    assert guessed[0].endswith("between 0.70 and 1.80 of it, nine times in ten")
    assert guessed[1].startswith("power by batch is a guess")


def test_an_accelerator_s_set_serves_dense_bf16_models_only():
    terms = AcceleratorTerms(80e-6, 0.9, 2.5, 1.8, 10e-6, source="runs of other models")
    known = Coefficients(accelerators={"chip": terms})
    dense = resolve_step_time(DENSE, CHIP, 1, known=known)
    assert dense.a_s == pytest.approx(32 * 80e-6 + 0.9 * 16e9 / 2e12)
    assert dense.b_s_per_token == pytest.approx(1.8 * 2 * 8e9 / 500e12)
    assert dense.c_s_per_kv_token == pytest.approx(2.5 * 131072 / 2e12)
    assert (dense.f_s_per_seq, dense.source) == (10e-6, "runs of other models")
    experts = replace(DENSE, experts=8, top_k=2)
    assert "roofline" in resolve_step_time(experts, CHIP, 1, known=known).source
    assert "roofline" in resolve_step_time(DENSE, CHIP, 1, "fp8", known=known).source


def test_a_smaller_cache_scales_what_was_fitted():
    """Reading half the bytes halves the KV term and nothing else; the interval widens."""
    known = Coefficients({KEY: STEP})
    scaled = resolve_step_time(DENSE, CHIP, 2, layout=Layout("fp8"), known=known)
    assert scaled.c_s_per_kv_token == pytest.approx(STEP.c_s_per_kv_token / 2)
    assert scaled.seconds(600, 0, 8, 100) == pytest.approx(STEP.seconds(600, 0, 8, 100))
    assert (scaled.basis, STEP.basis) == ("scaled", "fitted")
    assert scaled.time_low < STEP.time_low
    assert scaled.time_high > STEP.time_high
    told = coefficient_warnings(scaled, POWER, 8)
    assert told[0].startswith("step time is scaled, not fitted to this configuration (scaled from")


def test_places_of_experts_scale_what_was_fitted_to_the_same_group():
    experts = replace(DENSE, name="experts", params=30e9, active_params=3e9, experts=128, top_k=8)
    key = Configuration("chip", "experts", "bf16", 8)
    fitted = replace(STEP, curve=())
    known = Coefficients({key: fitted}, {key: POWER})
    whole = resolve_step_time(experts, CHIP, 8, layout=Layout("bf16", 8), known=known)
    assert whole.basis == "scaled"
    assert whole.seconds(1, 0, 1) > fitted.seconds(1, 0, 1)  # the busiest accelerator reads more
    assert whole.c_s_per_kv_token == fitted.c_s_per_kv_token
    assert (
        resolve_power(experts, CHIP, 8, layout=Layout("bf16", 8), known=known).source
        == POWER.source
    )
    copies = resolve_step_time(experts, CHIP, 8, layout=Layout("bf16", 8, 8), known=known)
    assert copies.basis == "physical"  # other layers lie elsewhere: that is not scaled


def test_a_set_of_another_engine_is_used_with_a_wider_interval_that_says_so():
    known = Coefficients({KEY: STEP}, {KEY: POWER})
    own = resolve_step_time(DENSE, CHIP, 2, known=known)
    for engine in ("sglang", "trt-llm"):
        step = resolve_step_time(DENSE, CHIP, 2, known=known, engine=EngineRelease(engine))
        assert step.seconds(600, 0, 8) == own.seconds(600, 0, 8)
        assert step.time_high / step.time_low > own.time_high / own.time_low
        told = coefficient_warnings(step, POWER, 8)
        assert f"measured on vllm, used for {engine}" in told[0]
    theirs = Coefficients({replace(KEY, engine="sglang"): replace(STEP, engine="sglang")})
    step = resolve_step_time(DENSE, CHIP, 2, known=theirs.over(known), engine=SGLANG)
    assert step is theirs.step_times[replace(KEY, engine="sglang")]
    assert resolve_step_time(DENSE, CHIP, 2, known=theirs.over(known)) is STEP


def test_another_release_widens_and_a_patch_does_not():
    known = Coefficients({KEY: replace(STEP, engine_version="0.19.1")})

    def ask(version):
        return resolve_step_time(DENSE, CHIP, 2, known=known, engine=EngineRelease("vllm", version))

    assert ask(None) is ask("0.19.0") is known.step_times[KEY]
    assert ask("0.24").time_low < STEP.time_low
    assert ask("0.24").time_high > STEP.time_high


def test_each_rank_of_attention_has_its_own_host():
    """Vllm runs a scheduler per data-parallel rank: eight share the sequences of a replica."""
    experts = replace(DENSE, name="experts", params=30e9, active_params=3e9, experts=128, top_k=8)
    one = resolve_step_time(experts, CHIP, 8, layout=Layout("bf16", 8), known=Coefficients())
    eight = resolve_step_time(experts, CHIP, 8, layout=Layout("bf16", 8, 8), known=Coefficients())
    assert eight.f_s_per_seq == pytest.approx(one.f_s_per_seq / 8)


def test_a_context_out_of_range_is_told():
    assert coefficient_warnings(STEP, POWER, 8, 4096.0) == ()
    assert coefficient_warnings(STEP, POWER, 8, 9000.0) == (
        "step time was fitted up to contexts of 4096 tokens, their mean here is 9000",
    )


def test_a_batch_curve_stands_for_root_and_slope():
    step = StepTime(0.0, 0.0, d_s_per_sqrt_seq=9.0, batch_curve=((8.0, 1.0), (16.0, 3.0)))
    assert [step.batch_s(n) for n in (0, 4, 8, 12, 16, 99)] == pytest.approx([0, 0.5, 1, 2, 3, 3])


def test_measured_power_stands_for_the_logistic():
    curve = replace(POWER, points=((8.0, 300.0), (32.0, 500.0)), batch_high=32.0)
    assert [curve.decode_w(n) for n in (1, 8, 16, 32, 99)] == pytest.approx(
        [300, 300, 400, 500, 500]
    )


def test_a_fit_is_told_in_words():
    assert describe_fit(KEY, STEP).startswith("dense bf16 on 2 x chip: a: 12.5 ms, b: 38.5 us, ")
    assert "batches 1 to 128, contexts to 4096 tokens; true time 95 to 106 %" in describe_fit(
        KEY, STEP
    )


def test_a_user_s_set_wins_over_a_shipped_one():
    mine = replace(STEP, a_s=9.0)
    both = Coefficients({KEY: mine}).over(Coefficients({KEY: STEP}, {KEY: POWER}))
    assert both.step_times[KEY] is mine
    assert both.powers[KEY] is POWER


def test_shipped_sets_carry_source_kind_and_range():
    shipped = shipped_coefficients()
    for entry in (*shipped.step_times.values(), *shipped.powers.values()):
        assert entry.kind == "fitted"
        assert entry.source
        assert 0 <= entry.batch_low < entry.batch_high < 5000
    known = Configuration("h100-sxm", "llama-3.1-8b")
    # Measured inter-token time at batch 8 is 7.32 ms, power 486 W.
    step = shipped.step_times[known]
    assert step.seconds(8, 8 * 400, 8) == pytest.approx(7.32e-3, rel=0.03)
    assert shipped.powers[known].decode_w(8) == pytest.approx(486, rel=0.03)


def test_all_problems_of_a_file_come_at_once_with_their_lines(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(
        """version: 1
step_times:
  - {accelerator: chip, model: dense, source: x, a: 12, b: 3 W}
  - accelerator: chip
    model: dense
    precision: bf61
    source: x
    a: 5 ms
    bee: 1 us
    curve: [[512, 1 ms], [128, 2 ms]]
powers:
  - {accelerator: chip, model: dense, source: x, idle: 100 W, prefill: 700 W, floor: 4 kW}
  - 7
""",
        encoding="utf-8",
    )
    with pytest.raises(ScenarioError) as caught:
        read_coefficients(path)
    told = [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]
    expected = [
        "3:53: step_times[0].a: got '12', expected a time with its unit",
        "3:60: step_times[0].b: got '3 W', expected a time with its unit",
        "6:16: step_times[1].precision: got 'bf61', expected one of bf16",
        "9:5: step_times[1].bee: got 'bee', expected one of accelerator",
        "step_times[1].b: a time with its unit",
        "step_times[1].curve: got points out of order, expected new tokens or batches that increase",
        "powers[0].rise: a power with its unit",
        "powers[1]: got 7, expected a mapping",
    ]
    assert len(told) == len(expected)
    for want in expected:
        assert any(want in line for line in told), (want, told)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1]", "expected a mapping with step_times or powers"),
        ("version: 2", "version: got 2, expected version 1"),
        ("version: 1\npowers: 3", "powers: got 3, expected a list of entries"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, text, expected):
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match="expected") as caught:
        read_coefficients(path)
    assert expected in str(caught.value)

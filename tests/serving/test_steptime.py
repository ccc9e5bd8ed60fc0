"""The step-time form, its roofline, and what each coefficient means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.catalog.catalog import Accelerator, Efficiency, Model
from sim.performance.engines import BLOCK_SCALED_S_PER_LAYER, HOST_S_PER_SEQ
from sim.performance.experts import covered_share
from sim.performance.roofline import exchanges, roofline, windows_at_typical_context
from sim.performance.steptime import StepTime
from sim.plant.memory_fit import Layout

CHIP = Accelerator(
    name="chip",
    title="",
    vendor="",
    cooling=("air",),
    memory_bytes=100e9,
    bandwidth_bytes_per_s=2e12,
    flops={"bf16": 500e12, "fp8": 1000e12},
    tdp_w=700.0,
    idle_w=75.0,
    context_w=40.0,
    prefill_w=690.0,
    decode_low_w=380.0,
    decode_high_w=640.0,
    link_bytes_per_s=400e9,
    reserved_bytes=0.0,
    collective_bytes={},
    efficiency=Efficiency(
        bandwidth=0.8,
        compute={"bf16": 0.75, "fp8": 0.4},
        prefill_attention=0.5,
        kv_read=0.9,
        layer_overhead_s=70e-6,
        gemm_launch_s=4e-6,
        allreduce_latency_s={2: 5e-6, 4: 6e-6, 8: 8e-6},
        allreduce_bytes_per_s={2: 250e9, 4: 300e9, 8: 350e9},
    ),
)
DENSE = Model(
    name="dense",
    title="",
    layers=32,
    hidden=4096,
    heads=32,
    kv_heads=8,
    head_dim=128,
    params=8e9,
    active_params=8e9,
    kv_bytes_per_token=131072.0,
)
EXPERTS = replace(DENSE, params=30e9, active_params=3e9, experts=128, top_k=8)
LATENT = replace(EXPERTS, latent_kv=True)


def exchanges_free(step):
    """Take the exchanges between accelerators out of the fixed part."""
    copies = step.c_s_per_kv_token < 0.5 * roofline(LATENT, CHIP, 8).c_s_per_kv_token
    layout = Layout("bf16", 8, 8 if copies else 1)
    return replace(step, a_s=step.a_s - exchanges(LATENT, CHIP, 8, layout)[0])


def test_a_step_is_the_sum_of_its_terms():
    step = StepTime(1.0, 0.1, 0.01, 0.5, 1e-3, 0.2)
    # 4 sequences decode over 100 context tokens while 6 prompt tokens are new after 20 done.
    attention = 6 * (20 + 3)
    expected = 1.0 + 0.1 * 10 + 0.01 * 100 + 0.5 * 2.0 + 1e-3 * attention + 0.2 * 4
    assert step.seconds(10, 100, 4, attention) == pytest.approx(expected, rel=1e-15)


def test_a_free_ride_costs_nothing_up_to_its_point():
    step = StepTime(1.0, 0.1, curve=((150.0, 0.0),))
    assert [step.new_tokens_s(n) for n in (0, 1, 150)] == [0.0, 0.0, 0.0]
    assert step.new_tokens_s(250) == pytest.approx(10.0)


def test_a_curve_passes_through_its_points_and_goes_on_with_b():
    step = StepTime(0.0, 0.5, curve=((10.0, 1.0), (20.0, 5.0)))
    assert [step.new_tokens_s(n) for n in (5, 10, 15, 20, 24)] == pytest.approx([0.5, 1, 3, 5, 7])


@given(st.lists(st.tuples(st.floats(1, 50), st.floats(0, 2)), max_size=5), st.floats(0, 400))
def test_a_rising_curve_never_makes_more_tokens_cheaper(rises, tokens):
    at_n = at_s = 0.0
    points = []
    for width, height in rises:
        at_n, at_s = at_n + width, at_s + height
        points.append((at_n, at_s))
    step = StepTime(0.0, 0.1, curve=tuple(points))
    assert step.new_tokens_s(tokens + 1.0) >= step.new_tokens_s(tokens) - 1e-12


def test_range_is_inclusive():
    step = StepTime(1.0, 0.1, batch_low=8, batch_high=512)
    assert [step.in_range(batch) for batch in (7, 8, 512, 513)] == [False, True, True, False]


def test_roofline_of_a_dense_model_by_hand():
    step = roofline(DENSE, CHIP)
    assert step.a_s == pytest.approx(32 * 70e-6 + 16e9 / (0.8 * 2e12))
    assert step.b_s_per_token == pytest.approx(2 * 8e9 / (0.75 * 500e12))
    assert step.c_s_per_kv_token == pytest.approx(131072 / (0.9 * 2e12))
    assert step.e_s_per_token2 == pytest.approx(4 * 32 * 32 * 128 / (0.5 * 500e12))
    assert step.f_s_per_seq == HOST_S_PER_SEQ["vllm"]
    assert (step.d_s_per_sqrt_seq, step.kind) == (0.0, "guess")
    assert step.time_low < 1.0 < step.time_high


def test_tensor_parallel_divides_the_work_and_adds_collectives():
    one, four = roofline(DENSE, CHIP), roofline(DENSE, CHIP, 4)
    overhead_s = 32 * 70e-6
    assert four.a_s == pytest.approx(overhead_s + (one.a_s - overhead_s) / 4 + 64 * 6e-6)
    per_token_s = 64 * (2 * 4096 * 2 * 3 / 4) / 300e9
    assert four.b_s_per_token == pytest.approx(one.b_s_per_token / 4 + per_token_s)
    assert four.c_s_per_kv_token == pytest.approx(one.c_s_per_kv_token / 4)


def test_kv_heads_bound_the_sharing_of_the_cache_and_a_latent_cache_is_copied():
    sixteen = roofline(DENSE, CHIP, 16)
    assert sixteen.c_s_per_kv_token == pytest.approx(roofline(DENSE, CHIP, 8).c_s_per_kv_token)
    latent = replace(DENSE, latent_kv=True)
    assert roofline(latent, CHIP, 8).c_s_per_kv_token == roofline(latent, CHIP).c_s_per_kv_token


def test_smaller_weights_shorten_the_fixed_part_and_fp8_the_products():
    bf16, fp8, int4 = (roofline(DENSE, CHIP, 1, name) for name in ("bf16", "fp8", "int4"))
    assert bf16.a_s > fp8.a_s > int4.a_s
    assert fp8.b_s_per_token == pytest.approx(2 * 8e9 / (0.4 * 1000e12))
    assert int4.b_s_per_token == bf16.b_s_per_token  # no 4-bit arithmetic on this chip


def test_weights_are_read_while_products_compute():
    """16 GB at 1.6 TB/s take as long as the products of 234 tokens: so many ride free."""
    step = roofline(DENSE, CHIP)
    free = 16e9 / (0.8 * 2e12) / (2 * 8e9 / (0.75 * 500e12))
    assert step.new_tokens_s(0.99 * free) == 0.0
    assert step.new_tokens_s(free + 100) == pytest.approx(100 * step.b_s_per_token)
    whole = step.seconds(4 * free, 0.0) - 32 * 70e-6
    assert whole == pytest.approx(4 * free * step.b_s_per_token)  # arithmetic alone


def test_experts_are_read_as_far_as_new_tokens_cover_them():
    """30 billion, 128 experts, 8 a token: n tokens read 1 - (1 - 1/16)^n, a prompt all of them."""
    step = roofline(EXPERTS, CHIP)
    whole_s = EXPERTS.expert_params * 2 / (0.8 * 2e12)
    dense_s = (EXPERTS.params - EXPERTS.expert_params) * 2 / (0.8 * 2e12)
    for tokens in (1, 2, 16, 64):
        read_s = step.seconds(tokens, 0.0) - 32 * 70e-6 - dense_s
        assert read_s == pytest.approx(whole_s * (1 - (1 - 1 / 16) ** tokens), rel=0.03)
    assert step.seconds(200, 0.0) < 32 * 70e-6 + 1.001 * (dense_s + whole_s)
    assert step.d_s_per_sqrt_seq == 0.0


def test_each_copy_of_attention_has_a_host_of_its_own():
    copies = roofline(LATENT, CHIP, 8, "bf16", Layout("bf16", 8, 8))
    assert copies.f_s_per_seq == pytest.approx(HOST_S_PER_SEQ["vllm"] / 8)


def test_block_scales_cost_time_per_layer_of_a_mixture_under_vllm():
    low = LATENT.params * 1.0 / (8 * 0.8 * 2e12)  # what the weights take less
    bf16, fp8 = (roofline(LATENT, CHIP, 8, name) for name in ("bf16", "fp8"))
    more = fp8.seconds(10**4, 0.0) - 10**4 * fp8.b_s_per_token
    assert fp8.a_s - bf16.a_s > 32 * BLOCK_SCALED_S_PER_LAYER["vllm"] - low
    assert more == pytest.approx(32 * (70e-6 + 140e-6) + exchanges(LATENT, CHIP, 8, Layout())[0])


def test_scaled_coefficients_scale_every_step():
    step = StepTime(1.0, 0.1, 0.01, 0.5, 1e-3, 0.2, curve=((10.0, 1.0),))
    for load in ((4, 100, 4, 0), (60, 100, 4, 70), (50, 0, 0, 1250)):
        assert step.scaled(1.5).seconds(*load) == pytest.approx(1.5 * step.seconds(*load))


def test_windows_take_a_typical_share_where_replicas_do_not_follow_them():
    windowed = replace(DENSE, window_tokens=128, window_share=0.5)
    whole = roofline(DENSE, CHIP)
    assert roofline(windowed, CHIP) == whole
    typical = windows_at_typical_context(whole, windowed)
    assert typical.c_s_per_kv_token == pytest.approx(whole.c_s_per_kv_token * (0.5 + 0.5 / 8))
    assert windows_at_typical_context(whole, DENSE) is whole


@pytest.mark.parametrize(("kv", "bytes_each"), [("fp8", 1.0), ("int8", 1.0), ("fp4", 0.5625)])
def test_a_smaller_kv_cache_is_read_faster_and_nothing_else(kv, bytes_each):
    plain, small = roofline(DENSE, CHIP), roofline(DENSE, CHIP, layout=Layout(kv))
    assert small.c_s_per_kv_token == pytest.approx(plain.c_s_per_kv_token * bytes_each / 2.0)
    assert replace(small, c_s_per_kv_token=plain.c_s_per_kv_token) == plain


def test_whole_experts_wait_for_the_busiest_group():
    """In the mean over the batch, the largest of 8 groups reads more than its share."""
    split, whole = roofline(EXPERTS, CHIP, 8), roofline(EXPERTS, CHIP, 8, layout=Layout("bf16", 8))
    assert covered_share(128, 8, np.array([4.0]), 8) > covered_share(128, 8, np.array([4.0]))
    assert whole.b_s_per_token == split.b_s_per_token  # the same sums over the group
    slower = [whole.seconds(n, 8 * n, n) / split.seconds(n, 8 * n, n) for n in (1, 16, 256)]
    assert 1.6 > slower[0] > slower[1] > slower[2] > 0.97  # all experts are read in the end


def test_the_busiest_of_two_coins():
    """Largest of two counts of one trial each at chance p: 1 - (1 - p)^2."""
    assert covered_share(2, 1, np.array([1.0, 2.0]), 2) == pytest.approx([0.75, 1 - 0.25**2])


def test_copies_of_attention_read_dense_weights_whole_and_share_the_cache():
    """8 accelerators, 8 copies: each reads all dense weights, and the cache of its own requests."""
    even, copies = (
        exchanges_free(roofline(LATENT, CHIP, 8, "bf16", Layout("bf16", 8, groups)))
        for groups in (1, 8)
    )
    dense_s = (LATENT.params - LATENT.expert_params) * 2.0 / (0.8 * 2e12)
    assert copies.a_s - even.a_s == pytest.approx(dense_s * 7 / 8)
    assert copies.c_s_per_kv_token == pytest.approx(even.c_s_per_kv_token / 8)  # MLA: no copies


def test_an_all_to_all_by_hand():
    """8 accelerators and top 8: a token reaches 8 (1 - (7/8)^8) = 5.25 of them, one in 8 is itself.

    Dispatch and combine send those 4.6 copies of 4096 numbers from an eighth of the batch each.
    """
    latency_s, token_s = exchanges(EXPERTS, CHIP, 8, Layout("bf16", 8, 8))
    assert latency_s == pytest.approx(32 * 2 * 8e-6)
    sent = 8 * (1 - (7 / 8) ** 8) * 7 / 8 * 4096 * 2
    assert token_s == pytest.approx(32 * 2 * sent / 8 / 350e9)

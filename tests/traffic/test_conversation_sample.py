"""The shipped trace has the drift and the coupling for which it was made."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from sim.traffic.fitting import statistics
from sim.traffic.reader import find_trace, read_trace

JOINT = [
    [0.018, 0.035, 0.080, 0.002, 0.000],
    [0.037, 0.227, 0.029, 0.074, 0.006],
    [0.076, 0.086, 0.054, 0.232, 0.023],
    [0.010, 0.009, 0.002, 0.000, 0.000],
]


@pytest.fixture(scope="module")
def sample():
    return read_trace(find_trace("conversation-sample", Path()))


def test_it_is_found_by_name_and_small():
    assert find_trace("conversation-sample", Path()).stat().st_size < 600_000


def test_its_dispersion_is_that_of_real_conversation(sample):
    idc = [statistics.dispersion(sample.arrival_s, w, sample.span_s) for w in (1, 10, 60, 300)]
    assert idc == pytest.approx([1.39, 3.87, 16.41, 61.70], rel=0.03)


def test_its_lengths_follow_its_rate(sample):
    correlation = statistics.rate_size_correlation
    assert correlation(sample.arrival_s, sample.output_tokens) == pytest.approx(-0.84, abs=0.03)
    assert correlation(sample.arrival_s, sample.input_tokens) == pytest.approx(0.52, abs=0.03)


def test_its_joint_lengths_have_the_printed_shares(sample):
    row = np.searchsorted([256, 1024, 4096], sample.input_tokens)
    column = np.searchsorted([64, 128, 256, 512], sample.output_tokens)
    shares = np.bincount(row * 5 + column, minlength=20).reshape(4, 5) / len(sample)
    assert shares == pytest.approx(np.array(JOINT), abs=0.008)


def test_its_answers_are_bimodal(sample):
    in_valley = ((sample.output_tokens > 180) & (sample.output_tokens <= 330)).mean() / 150
    low_mode = ((sample.output_tokens > 85) & (sample.output_tokens <= 130)).mean() / 45
    high_mode = ((sample.output_tokens > 390) & (sample.output_tokens <= 430)).mean() / 40
    assert min(low_mode, high_mode) > 4 * in_valley


def test_shuffled_lengths_would_wait_much_longer(sample, generator):
    work = statistics.ruler_work(sample.input_tokens, sample.output_tokens)
    own = np.quantile(statistics.ruler_waits(sample.arrival_s, work), 0.99)
    mixed = statistics.ruler_waits(sample.arrival_s, generator.permutation(work))
    assert np.quantile(mixed, 0.99) > 2 * own


def test_the_script_beside_it_makes_it(sample):
    script = find_trace("conversation-sample", Path()).with_name("make_conversation_sample.py")
    arrival_s, input_tokens, output_tokens = runpy.run_path(str(script))["sample"]()
    assert arrival_s == pytest.approx(sample.arrival_s, abs=0.0011)
    assert np.array_equal(input_tokens, sample.input_tokens)
    assert np.array_equal(output_tokens, sample.output_tokens)

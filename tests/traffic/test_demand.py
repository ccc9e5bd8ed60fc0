"""Clients, copies and replays as streams of requests."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sim.rng import Streams
from sim.traffic.arrivals.arrivals import Poisson
from sim.traffic.demand import ClientMix, ReplayDemand, Scaled, SyntheticDemand
from sim.traffic.lengths import ConstantLengths
from sim.traffic.trace import make_trace

SHORT = SyntheticDemand(Poisson(9.0), ConstantLengths(10, 1))
LONG = SyntheticDemand(Poisson(1.0), ConstantLengths(900, 90))


def first(demand, count, seed=5):
    """Return the columns of the first requests."""
    pieces = list(itertools.islice(demand.pieces(Streams(seed).generator), 12))
    arrivals = np.concatenate([piece.arrival_s for piece in pieces])[:count]
    prompts = np.concatenate([piece.input_tokens for piece in pieces])[:count]
    clients = [piece.labels.get("client") for piece in pieces]
    names = [c.names[k] for c in clients if c is not None for k in c.codes.tolist()][:count]
    return arrivals, prompts, names


def test_clients_keep_their_own_lengths_and_share():
    arrivals, prompts, names = first(ClientMix({"short": SHORT, "long": LONG}), 10_000)
    assert (np.diff(arrivals) >= 0).all()
    assert all((p == 900) == (n == "long") for p, n in zip(prompts.tolist(), names, strict=True))
    assert names.count("long") == pytest.approx(1000, abs=4 * np.sqrt(900))


def test_a_client_does_not_move_the_others():
    alone = first(ClientMix({"short": SHORT}), 3000)[0]
    arrivals, prompts, _ = first(ClientMix({"short": SHORT, "long": LONG}), 6000)
    assert arrivals[prompts == 10][:3000].tolist() == alone.tolist()


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.5])
def test_scaling_multiplies_the_rate(factor):
    arrivals, _, _ = first(Scaled(SHORT, factor), 8000)
    assert (np.diff(arrivals) >= 0).all()
    rate = len(arrivals) / arrivals[-1]
    assert rate == pytest.approx(9 * factor, rel=4 / np.sqrt(len(arrivals)))


def test_a_factor_of_one_changes_nothing():
    assert first(Scaled(SHORT, 1.0), 5000)[0].tolist() == first(SHORT, 5000)[0].tolist()


def test_copies_are_independent():
    arrivals, _, _ = first(Scaled(SHORT, 2.0), 5000)
    assert len(np.unique(arrivals)) == len(arrivals)


def test_an_empty_replay_ends():
    assert list(ReplayDemand(make_trace([], [], []), loop=True).pieces(Streams(1).generator)) == []

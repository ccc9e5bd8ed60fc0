"""Clients with rates and lengths by time of day."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from sim.errors import TraceError
from sim.rng import Streams
from sim.traffic.arrivals.ratetable import RateTable
from sim.traffic.formats.servegen_folder import is_servegen, read_servegen
from sim.traffic.servegen import ClientArrivals, CountTable, GapLaw, LengthWindow

TABLES = {"input_tokens": "{100: 0.5, 200: 0.5}", "output_tokens": "{7: 1.0}"}


def write_client(folder, name, rates, tables=None):
    (folder / f"{name}-trace.csv").write_text("".join(f"{row}\n" for row in rates))
    data = {"0": tables or TABLES}
    (folder / f"{name}-dataset.json").write_text(json.dumps(data))


def first(demand, count):
    pieces = itertools.islice(demand.pieces(Streams(1).generator), 40)
    return np.concatenate([piece.arrival_s for piece in pieces])[:count]


@pytest.mark.parametrize("family", ["Gamma", "Weibull"])
@pytest.mark.parametrize("shape", [0.4, 1.0, 3.0])
def test_gaps_have_mean_one(family, shape, generator):
    gaps = GapLaw(family, shape).gaps(200_000, generator)
    assert gaps.mean() == pytest.approx(1.0, abs=5 * gaps.std() / np.sqrt(len(gaps)))


def test_each_window_has_its_rate_whatever_its_shape(generator):
    """The published scale of a window is up to 30 % off its rate, so the rate counts."""
    table = RateTable(np.array([0.0, 600.0, 1200.0, 1800.0]), np.array([2.0, 0.0, 8.0]), True)
    laws = (GapLaw("Gamma", 0.3), GapLaw("Gamma", 1.0), GapLaw("Weibull", 0.7))
    process = ClientArrivals(table, laws)
    times = np.concatenate(list(itertools.islice(process.times(generator), 400)))
    assert (np.diff(times) >= 0).all()
    window = (times % 1800) // 600
    rounds = int(times[-1] // 1800)
    whole = times < rounds * 1800
    counts = np.bincount(window[whole].astype(int), minlength=3) / rounds
    assert counts[1] == 0
    assert counts[[0, 2]] == pytest.approx([1200, 4800], rel=0.05)


def test_a_silent_client_never_sends(generator):
    table = RateTable(np.array([0.0, 600.0]), np.array([0.0]), repeats=True)
    assert list(ClientArrivals(table, (GapLaw("Gamma", 1.0),)).times(generator)) == []


def test_media_tokens_count_as_input(generator):
    one = CountTable.of({1: 1.0})
    window = LengthWindow(
        CountTable.of({10: 1.0}), ((CountTable.of({3: 1.0}), CountTable.of({500: 1.0})),), one
    )
    prompts, answers = window.draw(4, generator)
    assert prompts.tolist() == [1510] * 4
    assert answers.tolist() == [1] * 4


def test_a_table_of_counts_has_its_probabilities(generator):
    drawn = CountTable.of({5: 0.2, 1: 0.6, 9: 0.2}).draw(100_000, generator)
    shares = [(drawn == value).mean() for value in (1, 5, 9)]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=4 * np.sqrt(0.24 / 1e5))


def test_a_folder_has_its_active_clients(tmp_path):
    write_client(tmp_path, "chunk-0", ["0,2.0,1.4,Gamma,0.5,1.0", "600,4.0,1.0,Weibull,1.0,0.3"])
    write_client(tmp_path, "chunk-1", ["0,0,0,,0,0", "600,0,0,,0,0"])
    assert is_servegen(tmp_path)
    mix = read_servegen(tmp_path, scale=2.0)
    assert list(mix.clients) == ["chunk-0"]
    times = first(mix, 20_000)
    assert len(times) / times[-1] == pytest.approx(6.0, rel=0.1)


@pytest.mark.parametrize(
    ("rates", "tables", "message"),
    [
        (
            ["0,2.0,1.4,Gamma,0.5"],
            None,
            r"chunk-0-trace\.csv:1: got '0,2.0,1.4,Gamma,0.5', expected",
        ),
        (["0,-2,1,Gamma,0.5,1"], None, "expected ts,rate,cv,pattern,shape,scale"),
        (["0,2,1,Pareto,0.5,1"], None, "got '0,2,1,Pareto,0.5,1'"),
        (["600,2,1,Gamma,1,1", "0,2,1,Gamma,1,1"], None, r"trace\.csv:2"),
        (["0,2,1,Gamma,1,1"], {"input_tokens": "{1: 1.0}"}, "0.output_tokens: got None, expected"),
        (["0,2,1,Gamma,1,1"], {**TABLES, "output_tokens": "__import__('os')"}, "0.output_tokens"),
        (["0,2,1,Gamma,1,1"], {**TABLES, "output_tokens": "{'a': 1.0}"}, "got 'a': 1.0, expected"),
        (
            ["0,2,1,Gamma,1,1"],
            {**TABLES, "output_tokens": "{5: 0.0}"},
            "probabilities that sum to 0",
        ),
        (["0,0,0,,0,0"], None, "got no active client, expected chunk-N-trace.csv"),
    ],
)
def test_broken_folders_are_told(tmp_path, rates, tables, message):
    write_client(tmp_path, "chunk-0", rates, tables)
    with pytest.raises(TraceError, match=message):
        read_servegen(tmp_path)


def test_missing_and_broken_length_files_are_told(tmp_path):
    write_client(tmp_path, "chunk-0", ["0,2,1,Gamma,1,1"])
    (tmp_path / "chunk-0-dataset.json").write_text("{")
    with pytest.raises(TraceError, match=r"chunk-0-dataset\.json:1:2: got .*, expected JSON"):
        read_servegen(tmp_path)
    (tmp_path / "chunk-0-dataset.json").unlink()
    with pytest.raises(TraceError, match="got no such file or directory, expected a readable file"):
        read_servegen(tmp_path)

"""The published Azure 2023 conversation trace, row by row (needs ../shared/data)."""

from __future__ import annotations

import csv
import datetime as dt
from fractions import Fraction

import numpy as np
import pytest

from sim.rng import Streams
from sim.traffic.demand import ReplayDemand
from sim.traffic.reader import read_trace
from sim.traffic.workload import NamedWorkload, Shares, Spread


@pytest.fixture
def conversation(shared_data):
    path = shared_data / "traces/azure-2023/AzureLLMInferenceTrace_conv.csv"
    if not path.is_file():
        pytest.skip("the Azure 2023 conversation trace is not in ../shared/data")
    return path


def exact_seconds(stamp: str) -> Fraction:
    """Read a stamp in the slow and obvious way."""
    whole, _, fraction = stamp.partition(".")
    moment = dt.datetime.fromisoformat(whole + "+00:00")
    return Fraction(int(moment.timestamp())) + Fraction(int(fraction), 10 ** len(fraction))


def test_every_row_is_replayed_at_its_own_time_with_its_own_tokens(conversation):
    with conversation.open(newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    first = exact_seconds(rows[0][0])
    everyone = Spread(Shares((0,), (1.0,)))
    replay = ReplayDemand(read_trace(conversation))
    workload = NamedWorkload("chat", replay, everyone, everyone, everyone, Streams(0))
    blocks = list(workload.blocks())
    arrival_s = np.concatenate([block.arrival_s for block in blocks]).tolist()
    assert arrival_s == [float(exact_seconds(row[0]) - first) for row in rows]
    tokens_in = np.concatenate([block.input_tokens for block in blocks])
    tokens_out = np.concatenate([block.output_tokens for block in blocks])
    assert tokens_in.tolist() == [int(row[1]) for row in rows]
    assert tokens_out.tolist() == [int(row[2]) for row in rows]
    assert (len(rows), tokens_in.sum(), tokens_out.sum()) == (19_366, 22_361_870, 4_088_665)


def test_the_report_says_that_the_file_is_the_published_one(conversation):
    report = read_trace(conversation).report
    assert report.format == "azure"
    assert report.kept == 19_366
    assert report.dropped == {}
    assert report.notes == ("identical to the published AzureLLMInferenceTrace_conv.csv",)
    assert report.origin_unix_s == pytest.approx(1_700_158_546.68059, abs=1e-6)


def test_a_changed_copy_under_the_published_name_is_noted(conversation, write):
    changed = conversation.read_bytes().replace(b",374,44", b",375,44", 1)
    report = read_trace(write(changed, name=conversation.name)).report
    assert len(report.notes) == 1
    assert report.notes[0].startswith("differs from the published AzureLLMInferenceTrace_conv.csv")


def test_a_malformed_row_is_named_by_its_line_or_skipped_with_a_count(conversation, write):
    lines = conversation.read_bytes().split(b"\r\n")
    lines[1041] = lines[1041].rsplit(b",", 1)[0] + b",many"
    broken = write(b"\r\n".join(lines), name="broken.csv")
    with pytest.raises(Exception, match=r"broken\.csv:1042: GeneratedTokens: got 'many', expected"):
        read_trace(broken)
    report = read_trace(broken, bad_rows="skip").report
    assert (report.kept, dict(report.dropped)) == (19_365, {"unreadable output_tokens": 1})

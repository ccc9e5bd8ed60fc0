"""The published Azure 2023 conversation trace through the whole flow (needs ../shared/data)."""

from __future__ import annotations

import csv

import numpy as np
import pytest

ROWS, INPUT_TOKENS, OUTPUT_TOKENS = 19_366, 22_361_870, 4_088_665


@pytest.fixture
def conversation(shared_data):
    path = shared_data / "traces/azure-2023/AzureLLMInferenceTrace_conv.csv"
    if not path.is_file():
        pytest.skip("the Azure 2023 conversation trace is not in ../shared/data")
    return path


@pytest.fixture
def azure(tiny, conversation):
    """The tiny scenario under the hour of the Azure trace."""
    chat = tiny["traffic"]["chat"]
    del chat["arrivals"], chat["lengths"]
    chat["trace"] = {"path": str(conversation), "format": "azure"}
    tiny["run"] = {}
    tiny["output"] = {"series_interval": "1 min"}
    for pool in tiny["pools"].values():
        pool["batching"] = {"max_num_seqs": 64}
    return tiny


def nanoseconds(stamps):
    return np.array(stamps, dtype="datetime64[ns]").astype(np.int64)


def test_every_row_is_replayed_at_its_time_and_every_token_is_answered(azure, conversation, flow):
    with conversation.open(newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    run = flow(azure)
    requests, counts = run.result.requests, run.result.summary["requests"]
    assert counts["arrived"] == counts["completed"] == len(rows) == ROWS
    since_first = nanoseconds([row[0] for row in rows])
    since_first -= since_first[0]
    assert requests["arrival_s"].tolist() == [int(ns) / 10**9 for ns in since_first]
    assert requests["input_tokens"].tolist() == [int(row[1]) for row in rows]
    assert requests["output_tokens"].tolist() == [int(row[2]) for row in rows]
    assert requests["input_tokens"].sum() == INPUT_TOKENS
    assert requests["output_tokens"].sum() == OUTPUT_TOKENS
    tokens = run.result.summary["throughput"]["output_tokens_per_s"] * run.end_s
    assert tokens == pytest.approx(OUTPUT_TOKENS, rel=1e-9)


def test_a_window_of_the_trace_is_moved_to_the_start(azure, flow):
    whole = flow(azure, overrides=("traffic.chat.trace.to=10 min",)).result.requests
    azure["traffic"]["chat"]["trace"] |= {"from": "5 min", "to": "10 min"}
    part = flow(azure).result.requests
    expected_s = whole.loc[whole["arrival_s"] >= 300.0, "arrival_s"] - 300.0
    assert len(part) == len(expected_s) > 500
    np.testing.assert_allclose(part["arrival_s"], expected_s, atol=1e-9)

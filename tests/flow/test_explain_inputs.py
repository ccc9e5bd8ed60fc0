"""What is odd in the inputs is told before a run and, of traces, again with its results."""

from __future__ import annotations

import pytest

from sim import explain, load_scenario


@pytest.mark.parametrize(
    ("latency", "jitter", "told"),
    [("5 ms", "51 ms", True), ("5 ms", "50 ms", False), ("0 s", "15 min", True), ("0 s", "0 s", False)],
)  # fmt: skip
def test_a_jitter_far_above_its_latency_is_a_warning(tiny, latency, jitter, told):
    tiny["topology"]["links"][1] |= {"latency": latency, "jitter": jitter}
    warnings = [text for text in explain(load_scenario(tiny)).warnings if "jitter" in text]
    expected = f"link from south to metro: a jitter of {jitter} is more than 10 times its latency of {latency}"
    assert warnings == ([expected] if told else [])


def test_what_is_odd_in_a_trace_is_told_before_and_after_the_run(tiny, flow, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("arrival_s,input_tokens,output_tokens,tier\n0,50,5,gold\nx,50,5,gold\n1,5,5,\n")
    chat = tiny["traffic"]["chat"]
    del chat["arrivals"], chat["lengths"]
    chat["trace"] = {"path": str(path), "bad_rows": "skip"}
    before = [text for text in explain(load_scenario(tiny)).warnings if text.startswith("traffic")]
    assert before[0] == "traffic chat: 1 row of the trace was left out: unreadable time (line 3)"
    assert "1 row of the trace with a tier that the scenario does not know" in before[1]
    assert "its trace ends after 2 s, the run after 8 s" in before[2]
    after = flow(tiny).result.warnings
    assert [text for text in after if text.startswith("traffic")] == before

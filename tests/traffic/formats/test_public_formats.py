"""Every public format from a few literal lines: what is read, what is dropped, what is noted."""

from __future__ import annotations

import base64
import gzip
import json

import numpy as np
import pytest

from sim.errors import TraceError
from sim.traffic.reader import detect_format, read_trace


def columns(trace):
    return trace.arrival_s.tolist(), trace.input_tokens.tolist(), trace.output_tokens.tolist()


def labels(trace, name):
    column = trace.labels[name]
    return [column.names[code] if code >= 0 else "" for code in column.codes.tolist()]


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def test_azure_2024_mixes_stamps_with_and_without_fraction(write):
    text = (
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2024-05-12 00:00:00.009930+00:00,2162,5\n"
        "2024-05-12 00:00:01+00:00,7,3\n"
    )
    trace = read_trace(write(text))
    assert columns(trace) == ([0.0, 0.99007], [2162, 7], [5, 3])


def test_azure_multimodal_has_images_and_is_gzip(write):
    text = (
        "TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n"
        "2024-10-15T12:00:00.269Z,0,770,491\n"
        "2024-10-15T12:00:00.769Z,2,1770,49\n"
    )
    trace = read_trace(write(gzip.compress(text.encode()), "lmm.csv.gz"))
    assert columns(trace) == ([0.0, 0.5], [770, 1770], [491, 49])
    assert trace.extras["images"].tolist() == [0, 2]


def test_burstgpt_drops_failures(write):
    text = (
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5,ChatGPT,472,18,490,Conversation log\n"
        "6,GPT-4,1087,0,1087,API log\n"
        "6,GPT-4,100,30,130,API log\n"
    )
    trace = read_trace(write(text))
    assert trace.report.format == "burstgpt"
    assert columns(trace) == ([5, 6], [472, 100], [18, 30])
    assert labels(trace, "model") == ["ChatGPT", "GPT-4"]
    assert trace.report.dropped == {"zero output_tokens": 1}


def test_burstgpt_3_has_sessions_on_some_rows(write):
    text = (
        "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5,12,3.5,ChatGPT,472,18,490,Conversation log\n"
        "6,,1.5,GPT-4,100,30,130,API log\n"
    )
    trace = read_trace(write(text))
    assert labels(trace, "session") == ["12", ""]
    assert trace.extras["e2e_s"].tolist() == [3.5, 1.5]


def test_mooncake_times_are_milliseconds(write):
    text = lines(
        {"timestamp": 0, "input_length": 700, "output_length": 6, "hash_ids": [0, 1]},
        {"timestamp": 1500, "input_length": 900, "output_length": 7, "hash_ids": [0, 2]},
    )
    trace = read_trace(write(text, "t.jsonl"))
    assert trace.report.format == "mooncake"
    assert columns(trace) == ([0.0, 1.5], [700, 900], [6, 7])
    assert trace.blocks.block_tokens == 512
    assert trace.blocks.of(1).tolist() == [0, 2]
    assert "session" not in trace.labels


def test_mooncake_turns_may_have_a_delay_instead_of_a_time(write):
    text = lines(
        {"session_id": "a", "timestamp": 1000, "input_length": 10, "output_length": 6},
        {"session_id": "a", "delay": 500, "input_length": 20, "output_length": 7},
        {"session_id": "b", "timestamp": 1200.5, "input_length": 30, "output_length": 8},
    )
    trace = read_trace(write(text))
    assert trace.arrival_s.tolist() == [1.0, 1.2005, 1.5]
    assert labels(trace, "session") == ["a", "b", "a"]
    assert trace.extras["turn"].tolist() == [0, 0, 1]
    assert trace.extras["think_s"].tolist() == [0, 0, 0.5]
    assert trace.report.notes == ("rows were put in order of arrival",)


def test_a_very_long_first_line_is_still_recognised(write):
    record = {
        "timestamp": 0,
        "input_length": 9,
        "output_length": 6,
        "hash_ids": list(range(40_000)),
    }
    assert detect_format(write(lines(record))) == "mooncake"


def test_vllm_timed_traces_are_named_and_in_seconds(write):
    text = lines({"timestamp": 2.5, "input_length": 40, "output_length": 6, "hash_ids": [1, 2, 3]})
    trace = read_trace(write(text), "vllm-timed")
    assert trace.arrival_s.tolist() == [2.5]
    assert trace.blocks.block_tokens == 16


def test_bailian_conversations_have_a_root(write):
    def record(chat, parent, time_s, turn):
        return {
            "chat_id": chat,
            "parent_chat_id": parent,
            "timestamp": time_s,
            "input_length": 521,
            "output_length": 132,
            "type": "text",
            "turn": turn,
            "hash_ids": [chat],
        }

    text = lines(record(55, -1, 1.0, 1), record(60, -1, 2.0, 1), record(159, 55, 61.114, 2))
    trace = read_trace(write(text))
    assert trace.report.format == "bailian"
    assert trace.arrival_s.tolist() == [1.0, 2.0, 61.114]
    assert labels(trace, "session") == ["55", "60", "55"]
    assert trace.extras["parent_id"].tolist() == [-1, -1, 55]
    assert trace.blocks.block_tokens == 16


def test_vidur_with_and_without_times(write):
    timed = read_trace(write("arrived_at,num_prefill_tokens,num_decode_tokens\n0.5,10,2\n"))
    assert (timed.report.format, timed.arrival_s.tolist()) == ("vidur", [0.5])
    text = (
        "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n10,2,12,5.0\n20,4,24,5.0\n"
    )
    bare = read_trace(write(text))
    assert columns(bare) == ([0, 1], [10, 20], [2, 4])
    assert "no times" in bare.report.notes[0]


def test_splitwise(write):
    text = (
        "request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size\n"
        "0,2,0,0.25,1,374,44\n"
    )
    trace = read_trace(write(text))
    assert trace.report.format == "splitwise"
    assert columns(trace) == ([0.25], [374], [44])


def test_sageserve_keeps_the_leading_zero_of_a_region(write):
    text = (
        "arrival_timestamp,regions,model_type,workload_type,prompt_size,token_size,extra\n"
        "1.5,012,llama2-70b,prod,500,20,x\n"
        "2.5,201,bloom-176b,dev,600,30,y\n"
    )
    trace = read_trace(write(text))
    assert trace.report.format == "sageserve"
    assert labels(trace, "region") == ["012", "201"]
    assert labels(trace, "tier") == ["prod", "dev"]


def agent(t0=0.0, nested_from=0.0):
    """Return a session with one call, a subagent that starts at 50 s, and another call."""

    def call(t, blocks):
        return {
            "t": t, "type": "n", "model": "m", "in": 1000, "out": 50,
            "hash_ids": blocks, "api_time": 5.0, "think_time": 2.0,
        }  # fmt: skip

    subagent = {
        "t": 50.0,
        "type": "subagent",
        "requests": [call(nested_from, [1]), call(nested_from + 7, [1, 9])],
    }
    return {
        "id": "s", "models": ["m"], "block_size": 64, "hash_id_scope": "local",
        "requests": [call(t0, [1, 2]), subagent, call(90.0, [1, 2, 3])],
    }  # fmt: skip


@pytest.mark.parametrize("nested_from", [0.0, 50.0], ids=["relative", "absolute"])
def test_agent_sessions_place_their_subagents(write, nested_from):
    trace = read_trace(write(json.dumps(agent(nested_from=nested_from)), "s1.json"))
    assert trace.report.format == "agent-sessions"
    assert trace.arrival_s.tolist() == [0, 50, 57, 90]
    assert labels(trace, "kind") == ["main", "subagent", "subagent", "main"]
    assert trace.extras["think_s"].tolist() == [2, 2, 2, 2]
    assert trace.report.closed_loop
    assert "no absolute times" in trace.report.notes[0]


def test_a_folder_of_sessions_keeps_their_blocks_apart(write, tmp_path):
    for name in ("a", "b"):
        write(json.dumps(agent()), f"{name}.json")
    trace = read_trace(tmp_path)
    assert len(trace) == 8
    assert sorted(set(labels(trace, "session"))) == ["a", "b"]
    first = [trace.blocks.of(row)[0] for row in range(8)]
    assert len(set(first)) == 2


def test_tracelab_rounds_are_sent_with_their_last_input(write):
    def event(kind, second):
        return {"event_type": kind, "timestamp": f"2025-01-01T00:00:{second:06.3f}Z"}

    def record(index, *events):
        return {
            "provider": "claude", "session_id": "s", "round_index": index, "model": "m",
            "input_tokens_total": 1000 + index, "prefix_tokens": 900, "output_tokens": 40,
            "reasoning_output_tokens": 7, "timing_events": list(events), "tools": [],
        }  # fmt: skip

    text = lines(
        record(0, event("user_message", 1.0), event("text", 3.0)),
        record(1, event("tool_result", 5.5), event("tool_result", 6.0), event("text", 8.0)),
    )
    trace = read_trace(write(text))
    assert trace.report.format == "tracelab"
    assert columns(trace) == ([0.0, 5.0], [1000, 1001], [40, 40])
    assert trace.extras["e2e_s"].tolist() == [2.0, 2.0]
    assert trace.extras["think_s"].tolist()[1] == 3.0
    assert trace.extras["reasoning_tokens"].tolist() == [7, 7]


def capture(second, prompt, answer, encoding="JSON"):
    body = json.dumps({"usage": {"prompt_tokens": prompt, "completion_tokens": answer}})
    data = base64.b64encode(body.encode()).decode() if encoding == "BASE64" else body
    return {
        "captureData": {"endpointOutput": {"data": data, "encoding": encoding}},
        "eventMetadata": {"eventId": "x", "inferenceTime": f"2025-01-01T00:00:{second:02d}Z"},
    }


def test_sagemaker_captures_are_sorted_by_time(write):
    text = lines(capture(9, 30, 3), capture(4, 10, 1, "BASE64"))
    trace = read_trace(write(text))
    assert trace.report.format == "sagemaker"
    assert columns(trace) == ([0.0, 5.0], [10, 30], [1, 3])
    assert trace.report.origin_unix_s == 1_735_689_604.0


def test_sagemaker_folders_have_a_folder_per_hour(tmp_path):
    for hour in ("00", "01"):
        folder = tmp_path / "endpoint" / hour
        folder.mkdir(parents=True)
        (folder / "x.jsonl").write_text(lines(capture(int(hour), 10, 1)))
    assert read_trace(tmp_path).arrival_s.tolist() == [0.0, 1.0]


def test_agent_spans_are_model_calls(write):
    def span(kind, start, tokens, code=0):
        return {
            "type": kind,
            "status": {"code": code},
            "start_time": f"2025-01-01T00:00:{start:02d}Z",
            "end_time": f"2025-01-01T00:00:{start + 2:02d}Z",
            "attributes": {"gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 5},
        }

    spans = [
        span("llm_call", 0, 100),
        span("tool", 3, 1),
        span("llm_call", 10, 300),
        span("llm_call", 20, 9, 2),
    ]
    trace = read_trace(write(lines({"session_id": "s", "models": ["m"], "spans": spans})))
    assert trace.report.format == "agent-spans"
    assert columns(trace) == ([0.0, 10.0], [100, 300], [5, 5])
    assert trace.extras["think_s"].tolist()[1] == 8.0
    assert trace.report.dropped == {"failed call": 1}


def test_baseten_exports_are_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table(
        {
            "timestamp_start_unix_ms": [1_700_000_005_000, 1_700_000_001_500],
            "prompt": ["a", "b"],
            "input_tokens": [100, 200],
            "output_tokens": [10, 20],
            "provided_session_id": ["s", None],
        }
    )
    pq.write_table(table, tmp_path / "export.parquet")
    trace = read_trace(tmp_path / "export.parquet")
    assert trace.report.format == "baseten"
    assert columns(trace) == ([0.0, 3.5], [200, 100], [20, 10])
    assert labels(trace, "session") == ["", "s"]


def test_gentd26_counts_stand_ins_and_says_so(write):
    text = (
        "gmt_create,predict_type,predict_status,exec_time_seconds,groupId,prompt_length,"
        "negative_prompt_length,num_images_per_prompt,num_inference_steps,"
        "checkpoint_model_version_id,num_lora\n"
        "2024-11-15 16:57:50,a,SUCCEED,12.5,g1,400,0,2,20,c1,0\n"
        "2024-11-15 16:57:55,a,SUCCEED,12.5,g1,41,0,1,30,c1,0\n"
    )
    trace = read_trace(write(text))
    assert columns(trace) == ([0.0, 5.0], [100, 11], [40, 30])
    assert "image generation" in trace.report.notes[0]


def test_gentd26_metrics_are_no_requests(write):
    with pytest.raises(TraceError, match="got measurements over time, expected requests"):
        read_trace(write("timestamp_anon,value,container_ip\n1,2,3\n"))


def test_a_folder_of_something_else_is_told(tmp_path):
    with pytest.raises(TraceError, match="got a folder without them, expected a trace file, or a"):
        read_trace(tmp_path)


@pytest.mark.slow
def test_servegen_folders_are_drawn_for_a_day(shared_data):
    folder = shared_data / "traces/servegen/multimodal_mm-image"
    if not folder.is_dir():
        pytest.skip("the ServeGen clients are not in ../shared/data")
    trace = read_trace(folder)
    assert trace.report.format == "servegen"
    assert trace.rate_per_s == pytest.approx(9.47, rel=0.02)
    share = np.sort(np.bincount(trace.labels["client"].codes))[::-1] / len(trace)
    assert share[:5].sum() == pytest.approx(0.56, abs=0.01)
    assert int((share.cumsum() < 0.9).sum()) + 1 == 15
    assert np.quantile(trace.output_tokens, [0.5, 0.9, 0.99]) == pytest.approx(
        [100, 264, 587], rel=0.03
    )


def test_a_small_servegen_folder_is_a_trace(tmp_path):
    (tmp_path / "c-trace.csv").write_text("0,0.1,1.0,Gamma,1.0,10\n600,0.1,1.0,Gamma,1.0,10\n")
    tables = '{"0": {"input_tokens": "{9: 1.0}", "output_tokens": "{2: 1.0}"}}'
    (tmp_path / "c-dataset.json").write_text(tables)
    trace = read_trace(tmp_path)
    assert trace.report.format == "servegen"
    assert len(trace) == pytest.approx(8640, abs=4 * np.sqrt(8640))
    assert trace.arrival_s[-1] < 86_400
    assert labels(trace, "client")[0] == "c"


def test_the_real_agent_sessions(shared_data):
    folder = shared_data / "traces/agents"
    if not folder.is_dir():
        pytest.skip("the agent sessions are not in ../shared/data")
    trace = read_trace(folder)
    assert len(trace.labels["session"].names) == 5
    assert trace.report.dropped == {}
    assert trace.blocks.block_tokens == 64

"""Each request of a replica gets its tokens when vLLM's own scheduler would give them.

`vllm-0.33.parquet` holds what vLLM 0.33's Python scheduler, KV-cache manager and block pool did
with the requests of `vllm_cases`, under a virtual clock and with our step time; `oracle/make.py`
wrote it. Equal means 1e-9 s for every first and last token, equal preemptions and, with a prefix
cache, equally many prompt tokens found.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from segment_bench import SegmentBench
from stepwise import Job
from vllm_cases import CASES

from sim.performance.steptime import StepTime

HERE = Path(__file__).parent
GOLDEN = HERE / "vllm-0.33.parquet"
TOLERANCE_S = 1e-9
TREE = os.environ.get("VLLM_TREE")  # an unpacked wheel, see oracle/make.py


def blocks_of(tokens, size):
    """Return what names the whole blocks of a prompt: all tokens up to their end."""
    if isinstance(tokens, int):
        return ()
    return tuple(hash(tokens[:end]) for end in range(size, len(tokens) + 1, size))


def jobs_of(case):
    size = case.block_size
    return [
        Job(
            number,
            work.arrival_s,
            work.length,
            work.answer,
            work.priority,
            blocks=blocks_of(work.tokens, size) if case.prefix_cache else (),
        )
        for number, work in enumerate(case.work)
    ]


def limits_of(case):
    return {
        "mode": "chunked-prefill",
        "max_num_seqs": case.seqs,
        "max_num_batched_tokens": case.budget,
        "kv_blocks": case.blocks,
        "block_size": case.block_size,
        "watermark": int(case.watermark * (case.blocks + 1)),
        "prefix_tokens": case.block_size if case.prefix_cache else 0,
        "asynchronous": case.asynchronous,
        "long_prefill": case.long_prefill,
    }


def served(case):
    """Return what a replica does with the work of a case."""
    bench = SegmentBench(
        jobs_of(case), StepTime(*case.step_s), limits_of(case), priority_queue=case.by_priority
    )
    requests = bench.run().requests
    table = pd.DataFrame(
        {
            "first_token_s": [request.first_token_s for request in requests],
            "last_token_s": [request.finished_s for request in requests],
            "preemptions": [request.preemptions for request in requests],
        }
    )
    return table, bench


def golden(name):
    table = pd.read_parquet(GOLDEN)
    return table[table["case"] == name].reset_index(drop=True)


def different(name):
    """Return the requests of a case that are not served as vLLM serves them."""
    theirs = golden(name)
    ours, bench = served(CASES[name])
    prefixes = bench.replica.prefixes
    saved = prefixes.counts.saved_tokens if prefixes else 0
    assert saved == theirs["cached_tokens"].sum()
    late_s = (ours - theirs[ours.columns])[["first_token_s", "last_token_s"]].abs().max(axis=1)
    return (late_s > TOLERANCE_S) | (ours["preemptions"] != theirs["preemptions"])


@pytest.mark.parametrize("name", CASES)
def test_every_request_is_served_as_by_vllm(name):
    wrong = different(name)
    assert not wrong.any(), f"{wrong.mean():.1%} of requests differ, first {wrong.idxmax()}"


def test_the_golden_times_are_of_these_cases():
    table = pd.read_parquet(GOLDEN)
    assert table.attrs["vllm"] == "0.33.0"
    counts = table.groupby("case", observed=True).size()
    assert dict(counts) == {name: len(case.work) for name, case in CASES.items()}
    preempted = table.groupby("case", observed=True)["preemptions"].sum()
    assert (preempted[[name for name in CASES if "tight" in name]] > 0).all()


@pytest.mark.slow
@pytest.mark.skipif(TREE is None, reason="VLLM_TREE names no unpacked vLLM wheel")
def test_the_golden_times_are_what_this_wheel_does(tmp_path):
    """With a newer wheel this tells what vLLM has changed."""
    again = tmp_path / "again.parquet"
    subprocess.run(
        [sys.executable, str(HERE / "oracle" / "make.py"), str(TREE), str(again)], check=True
    )
    stored, now = pd.read_parquet(GOLDEN), pd.read_parquet(again)
    pd.testing.assert_frame_equal(stored, now, check_exact=False, rtol=0.0, atol=TOLERANCE_S)

"""Readers of published measurements: ML.ENERGY server runs and the Splitwise table."""

from __future__ import annotations

from collections.abc import Mapping
from csv import DictReader
from pathlib import Path

import numpy as np

from sim.calibration.replay import Limits
from sim.calibration.servers import ServerRun
from sim.interfaces import FloatArray
from sim.performance.configuration import Configuration

# Names of the data sets -> names of the catalogue.
ACCELERATORS = {
    "H100": "h100-sxm",
    "B200": "b200-sxm",
    "h100-80gb": "h100-sxm",
    "a100-80gb": "a100-sxm-80",
}
MODELS = {
    "Qwen/Qwen3-8B": "qwen3-8b",
    "Qwen/Qwen3-32B": "qwen3-32b",
    "Qwen/Qwen3-30B-A3B-Instruct-2507": "qwen3-30b-a3b",
    "Qwen/Qwen3-30B-A3B-Thinking-2507": "qwen3-30b-a3b",
    "Qwen/Qwen3-Coder-30B-A3B-Instruct": "qwen3-coder-30b-a3b",
    "Qwen/Qwen3-Coder-480B-A35B-Instruct": "qwen3-coder-480b-a35b",
    "Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8": "qwen3-coder-480b-a35b",
    "google/gemma-3-12b-it": "gemma-3-12b",
    "google/gemma-3-27b-it": "gemma-3-27b",
    "meta-llama/Llama-3.1-8B-Instruct": "llama-3.1-8b",
    "meta-llama/Llama-3.1-70B-Instruct": "llama-3.1-70b",
    "meta-llama/Llama-3.3-70B-Instruct": "llama-3.3-70b",
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8": "llama-4-maverick",
    "openai/gpt-oss-120b": "gpt-oss-120b",
    "llama2-70b": "llama-2-70b",
    "bloom-176b": "bloom-176b",
}
PRECISIONS = {"bfloat16": "bf16", "fp8": "fp8", "mxfp4": "fp4"}
# Mean and variation of prompt lengths are not published; documented guesses, the same for every
# accelerator and model. Code completion has rare, very long files, or throughput cannot be as far
# below batch over median latency as it was measured.
PROMPT_TOKENS = {
    "lm-arena-chat": (200.0, 2.0),
    "gpqa": (300.0, 0.8),
    "sourcegraph-fim": (1000.0, 4.0),
}


# How the mixtures of experts lay on several accelerators: (experts, attention copies) by model and
# number of accelerators; all others are split evenly. Source: names of the benchmark's runs.
EXPERT_LAYOUTS = {
    ("qwen3-30b-a3b", "bf16", 2): (2, 1),
    ("qwen3-coder-30b-a3b", "bf16", 2): (2, 1),
    ("llama-4-maverick", "fp8", 8): (8, 1),
    ("qwen3-coder-480b-a35b", "bf16", 8): (8, 1),
    ("qwen3-coder-480b-a35b", "fp8", 4): (4, 4),
    ("qwen3-coder-480b-a35b", "fp8", 8): (8, 8),
}


def read_server_runs(path: Path) -> dict[tuple[str, Configuration], list[ServerRun]]:
    """Return the ML.ENERGY runs by task and configuration, smallest batch first.

    Runs on B200 that the host limits (GPQA on the Qwen models) are left out: the same
    accelerator and model is three times as fast in the chat task.
    """
    groups: dict[tuple[str, Configuration], list[ServerRun]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in DictReader(file):
            if row["gpu_model"] == "B200" and row["task"] == "gpqa" and "Qwen" in row["model_id"]:
                continue
            count = int(row["num_gpus"])
            served = (MODELS[row["model_id"]], PRECISIONS[row["precision"]], count)
            layout = EXPERT_LAYOUTS.get(served, (1, 1))
            key = Configuration(ACCELERATORS[row["gpu_model"]], *served, *layout)
            groups.setdefault((row["task"], key), []).append(_server_run(row, count))
    return {key: sorted(runs, key=lambda run: run.batch) for key, runs in groups.items()}


def _server_run(row: Mapping[str, str], count: int) -> ServerRun:
    mean, variation = PROMPT_TOKENS[row["task"]]
    return ServerRun(
        batch=float(row["avg_batch_size"]),
        prompt_tokens=mean,
        prompt_cv=variation,
        output_tokens=float(row["avg_output_len"]),
        itl_s=float(row["median_itl_ms"]) / 1e3,
        tokens_per_s=float(row["output_throughput_tokens_per_sec"]),
        power_w=float(row["avg_power_watts"]) / count,
    )


def read_splitwise(path: Path) -> dict[Configuration, FloatArray]:
    """Return the Splitwise table by configuration, medians of its repeats.

    Rows of power-capped machines are derived, not measured, and those of batch 64 on two
    accelerators ran out of memory; both are left out.

    Returns:
        Columns prompt [tokens], batch [1], output [tokens], prompt time, token time and end-to-end
        time [s], mean power over rated power [1].
    """
    repeats: dict[tuple[Configuration, tuple[int, int, int]], list[list[float]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in DictReader(file):
            group, batch = int(row["tensor_parallel"]), int(row["batch_size"])
            if "pcap" in row["hardware"] or (group == 2 and batch == 64):
                continue
            key = Configuration(ACCELERATORS[row["hardware"]], MODELS[row["model"]], "bf16", group)
            point = (int(row["prompt_size"]), batch, int(row["token_size"]))
            times = [float(row[name]) / 1e3 for name in ("prompt_time", "token_time", "e2e_time")]
            repeats.setdefault((key, point), []).append([*times, float(row["average_power"])])
    table: dict[Configuration, list[list[float]]] = {}
    for (key, point), values in sorted(repeats.items()):
        table.setdefault(key, []).append([*point, *np.median(values, axis=0).tolist()])
    return {key: np.array(rows) for key, rows in table.items()}


# Folder of a run -> what served it.
VLLM_RUNS = {
    "rtxpro6000_llama-3.1-8b": (
        Configuration("rtx-pro-6000", "llama-3.1-8b", "bf16", 1),
        Limits(max_num_seqs=128, max_num_batched_tokens=2048),
    ),
    "rtxpro6000_qwen3-32b": (
        Configuration("rtx-pro-6000", "qwen3-32b", "bf16", 2),
        Limits(max_num_seqs=128, max_num_batched_tokens=2048),
    ),
}

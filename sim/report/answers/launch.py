"""How a fleet is started: a command per pool for its engine, and a values file per site.

Flags as in ``vllm serve --help`` (https://docs.vllm.ai/en/latest/cli/serve.html), the server
arguments of SGLang (https://docs.sglang.ai/advanced_features/server_arguments.html) and
``trtllm-serve`` (https://nvidia.github.io/TensorRT-LLM/commands/trtllm-serve.html). The values are
those of vLLM's Helm chart (https://github.com/vllm-project/production-stack, helm/values.yaml).
Only what the scenario decides is set; everything else keeps the engine's default.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.scenario.schema.pools import Pool

KV_DTYPES = {"fp8": "fp8"}


@dataclass(frozen=True, slots=True)
class Launch:
    """How the replicas of a pool are started.

    Attributes:
        pool, site: where.
        engine: ``vllm``, ``sglang`` or ``trt-llm``.
        model: what the engine loads: the name on the model hub, else that of the catalogue.
        replicas: how many servers.
        accelerators: of each server.
        arguments: of the command, the model left out.
        notes: what the command does not say.
    """

    pool: str
    site: str
    engine: str
    model: str
    replicas: int
    accelerators: int
    arguments: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command of one server."""
        start = {
            "vllm": ("vllm", "serve", self.model),
            "sglang": ("python", "-m", "sglang.launch_server", "--model-path", self.model),
            "trt-llm": ("trtllm-serve", self.model),
        }[self.engine]
        return shlex.join([*start, *self.arguments])


def launch_of(name: str, pool: Pool, hub: str, replicas: int) -> Launch:
    """Return how a pool is started.

    Args:
        name: of the pool.
        pool: its section of the scenario.
        hub: the model's name on the hub, empty where the catalogue has none.
        replicas: how many there are.
    """
    write = {"vllm": _vllm, "sglang": _sglang, "trt-llm": _trtllm}[pool.engine]
    notes = [] if hub else [f"the catalogue does not know where {pool.model} is downloaded"]
    if pool.precision != "bf16":
        notes.append(f"load weights that are quantised to {pool.precision}")
    if pool.hand_over is not None or pool.role == "decode":
        notes.append("prefill and decode apart need a KV connector between the two pools")
    return Launch(
        name,
        pool.site,
        pool.engine,
        hub or pool.model,
        replicas,
        pool.tensor_parallel,
        tuple(str(part) for part in write(pool)),
        tuple(notes),
    )


def _vllm(pool: Pool) -> list[object]:
    batching = pool.batching
    copies = pool.data_parallel
    flags: list[object] = ["--tensor-parallel-size", pool.tensor_parallel // copies]
    flags += ["--data-parallel-size", copies] if copies > 1 else []
    flags += ["--enable-expert-parallel"] if pool.expert_parallel > 1 else []
    flags += ["--max-num-seqs", batching.max_num_seqs]
    flags += ["--max-num-batched-tokens", batching.max_num_batched_tokens]
    flags += ["--block-size", batching.block_size]
    chunked = batching.mode == "chunked-prefill"
    flags.append("--enable-chunked-prefill" if chunked else "--no-enable-chunked-prefill")
    cached = batching.prefix_cache is not None
    flags.append("--enable-prefix-caching" if cached else "--no-enable-prefix-caching")
    flags += (
        ["--kv-cache-dtype", KV_DTYPES[pool.kv_precision]] if pool.kv_precision in KV_DTYPES else []
    )
    flags += ["--scheduling-policy", "priority"] if pool.queue.order != "fcfs" else []
    drafts = pool.speculative
    if drafts is not None:
        told: dict[str, Any] = {"num_speculative_tokens": drafts.tokens}
        told |= {"model": drafts.draft_model} if drafts.draft_model else {"method": "ngram"}
        flags += ["--speculative-config", json.dumps(told)]
    return flags


def _sglang(pool: Pool) -> list[object]:
    batching = pool.batching
    flags: list[object] = ["--tp", pool.tensor_parallel]
    flags += ["--dp", pool.data_parallel] if pool.data_parallel > 1 else []
    flags += ["--ep", pool.expert_parallel] if pool.expert_parallel > 1 else []
    flags += ["--max-running-requests", batching.max_num_seqs]
    flags += ["--chunked-prefill-size", batching.max_num_batched_tokens]
    flags += ["--page-size", batching.block_size]
    flags += [] if batching.prefix_cache is not None else ["--disable-radix-cache"]
    flags += ["--enable-priority-scheduling"] if pool.queue.order != "fcfs" else []
    return flags


def _trtllm(pool: Pool) -> list[object]:
    flags: list[object] = ["--tp_size", pool.tensor_parallel]
    flags += ["--ep_size", pool.expert_parallel] if pool.expert_parallel > 1 else []
    flags += ["--max_batch_size", pool.batching.max_num_seqs]
    flags += ["--max_num_tokens", pool.batching.max_num_batched_tokens]
    return flags


def values_of(launches: Sequence[Launch]) -> Mapping[str, Mapping[str, Any]]:
    """Return the values of vLLM's Helm chart for the vLLM pools of each site, by site."""
    found: dict[str, Any] = {}
    for each in launches:
        if each.engine != "vllm" or not each.replicas:
            continue
        pool = {
            "name": each.pool,
            "repository": "vllm/vllm-openai",
            "modelURL": each.model,
            "replicaCount": each.replicas,
            "requestGPU": each.accelerators,
            "vllmConfig": {"extraArgs": list(each.arguments)},
        }
        values = found.setdefault(each.site, {"servingEngineSpec": {"modelSpec": []}})
        values["servingEngineSpec"]["modelSpec"].append(pool)
    return found

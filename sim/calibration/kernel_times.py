"""Step times of one deployment from the measured kernels of aiconfigurator-core.

The package (Apache-2.0, the extra ``loadbank[kernels]``) adds up NVIDIA's measured times of the
operations of a step. Its tables of mixtures of experts were measured for two ways to route:
evenly, no two tokens sharing an expert before all are taken, and by a power law, most tokens on a
few. A trained router is neither: n tokens touch ``1 - (1 - k/E)^n`` of the experts, more than the
power law and fewer than even. `KernelTimes` reads the even table where it touches as many.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sim.catalog.entries import Model
from sim.interfaces import FloatArray
from sim.performance.configuration import Configuration
from sim.performance.experts import covered_share

SYSTEMS = {
    "a100-sxm-80": "a100_sxm",
    "h100-sxm": "h100_sxm",
    "h200-sxm": "h200_sxm",
    "b200-sxm": "b200_sxm",
    "b300-sxm": "b300_sxm",
    "gb200-nvl72": "gb200",
    "gb300-nvl72": "gb300",
    "l40s": "l40s",
    "rtx-pro-6000": "rtx_pro_6000_server",
}
BACKENDS = {"vllm": "vllm", "sglang": "sglang", "trt-llm": "trtllm"}
# Tokens of one rank at which the time of the experts is read.
EXPERT_TOKENS = tuple(
    int(n)
    for n in (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)
)
BF16 = "bfloat16"


@dataclass(frozen=True, slots=True)
class KernelModel:
    """A model as the kernel package knows it.

    Attributes:
        source: its name there, or its HuggingFace configuration as a mapping.
        experts: whether it is a mixture, whose fp8 weights carry a scale for each block.
        own: precision whose formats the configuration itself states, so that none is asked for.
    """

    source: str | Mapping[str, Any]
    experts: bool = False
    own: str = ""


def _llama(layers: int, hidden: int, heads: int, kv_heads: int, inner: int, vocabulary: int) -> Any:
    """Return a dense model whose shape is published, as its HuggingFace configuration."""
    return KernelModel(
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "num_hidden_layers": layers,
            "hidden_size": hidden,
            "num_attention_heads": heads,
            "num_key_value_heads": kv_heads,
            "head_dim": hidden // heads,
            "intermediate_size": inner,
            "vocab_size": vocabulary,
            "max_position_embeddings": 131072,
            "hidden_act": "silu",
            "torch_dtype": BF16,
        }
    )


# By name in the catalogue. Shapes written out: config.json of each model at its hub.
MODELS: dict[str, KernelModel] = {
    "llama-3.2-1b": _llama(16, 2048, 32, 8, 8192, 128256),
    "llama-3.2-3b": _llama(28, 3072, 24, 8, 8192, 128256),
    "llama-3.1-8b": KernelModel("meta-llama/Meta-Llama-3.1-8B"),
    "llama-3.1-70b": KernelModel("meta-llama/Meta-Llama-3.1-70B"),
    "llama-3.3-70b": KernelModel("meta-llama/Meta-Llama-3.1-70B"),
    "llama-3.1-405b": KernelModel("meta-llama/Meta-Llama-3.1-405B"),
    "llama-2-70b": _llama(80, 8192, 64, 8, 28672, 32000),
    "qwen2.5-7b": _llama(28, 3584, 28, 4, 18944, 152064),
    "qwen2.5-72b": _llama(80, 8192, 64, 8, 29568, 152064),
    "qwen3-8b": KernelModel("Qwen/Qwen3-8B"),
    "qwen3-14b": _llama(40, 5120, 40, 8, 17408, 151936),
    "qwen3-32b": KernelModel("Qwen/Qwen3-32B"),
    "mixtral-8x7b": KernelModel("mistralai/Mixtral-8x7B-v0.1", experts=True),
    "mixtral-8x22b": KernelModel("mistralai/Mixtral-8x22B-v0.1", experts=True),
    "llama-4-scout": KernelModel("meta-llama/Llama-4-Scout-17B-16E-Instruct", experts=True),
    "llama-4-maverick": KernelModel("meta-llama/Llama-4-Maverick-17B-128E-Instruct", experts=True),
    "qwen3-30b-a3b": KernelModel("Qwen/Qwen3-30B-A3B", experts=True),
    "qwen3-coder-30b-a3b": KernelModel("Qwen/Qwen3-30B-A3B", experts=True),
    "qwen3-235b-a22b": KernelModel("Qwen/Qwen3-235B-A22B", experts=True),
    "qwen3-coder-480b-a35b": KernelModel("Qwen/Qwen3-Coder-480B-A35B-Instruct", experts=True),
    "qwen3.5-397b-a17b": KernelModel("Qwen/Qwen3.5-397B-A17B", experts=True),
    "deepseek-v3": KernelModel("deepseek-ai/DeepSeek-V3", experts=True),
    "kimi-k2": KernelModel("moonshotai/Kimi-K2-Instruct", experts=True),
    "glm-5.2": KernelModel("zai-org/GLM-5.2", experts=True),
    "minimax-m3": KernelModel("MiniMaxAI/MiniMax-M3", experts=True),
    "gpt-oss-120b": KernelModel("openai/gpt-oss-120b", experts=True, own="fp4"),
    "gpt-oss-20b": KernelModel("openai/gpt-oss-20b", experts=True, own="fp4"),
}


class KernelTimes:
    """Times of decode steps and prompts of one deployment, kernels only.

    Args:
        key: chip, model, precision, layout and engine.
        shape: of the catalogue, for its experts.
        model: the model as the package knows it; that of the table unless given.

    Raises:
        Exception: whatever the package raises for what it does not cover.
    """

    def __init__(self, key: Configuration, shape: Model, model: KernelModel | None = None) -> None:
        self.ranks = key.data_parallel
        known = model or MODELS[key.model]
        self._parts = [_Kernels(key, shape, known, formats) for formats in _formats(key, known)]
        self.version = self._parts[0].version

    def decode_s(self, batch: int, context: int) -> float:
        """Return a step in which every rank decodes ``batch`` sequences of one context [s]."""
        return float(np.mean([part.decode_s(batch, context) for part in self._parts]))

    def prompt_s(self, tokens: int) -> float:
        """Return a step in which every rank processes a prompt [s]."""
        return float(np.mean([part.prompt_s(tokens) for part in self._parts]))


class _Kernels:
    """Times of one deployment in one choice of formats.

    Args:
        key: chip, model, precision, layout and engine.
        shape: of the catalogue, for its experts.
        model: the model as the package knows it.
        formats: of products, experts, cache and attention.
    """

    def __init__(
        self, key: Configuration, shape: Model, model: KernelModel, formats: Mapping[str, str]
    ) -> None:
        self.ranks = key.data_parallel
        self._handle, self.version = _compiled(key, model, formats)
        self._correction: tuple[FloatArray, FloatArray] | None = None
        if shape.experts and shape.top_k:
            names = [str(op[0]) for op in self._handle.decode_step_per_op(1, 2, 2)]
            self._routed = [at for at, name in enumerate(names) if name.endswith("_moe")]
            self._correction = self._coverage(shape.experts, shape.top_k, key.expert_parallel)

    def decode_s(self, batch: int, context: int) -> float:
        ms = self._handle.decode_step_latency(batch, context, 2)
        return float(ms) * 1e-3 + self._corrected(batch)

    def prompt_s(self, tokens: int) -> float:
        ms = self._handle.predict_prefill_latency(1, tokens)
        return float(ms) * 1e-3 + self._corrected(tokens)

    def _corrected(self, tokens: int) -> float:
        """Return what evenly chosen experts differ by from the even table, at tokens a rank [s]."""
        if self._correction is None:
            return 0.0
        return float(np.interp(tokens * self.ranks, *self._correction))

    def _coverage(self, experts: int, top_k: int, groups: int) -> tuple[FloatArray, FloatArray]:
        """Return tokens of all ranks and the correction there [s].

        The even table touches ``n k`` experts until all are taken at ``E / k`` tokens. As many as
        ``n`` tokens touch by chance it touches at ``E / k`` times their coverage.
        """
        tokens = np.array(EXPERT_TOKENS, dtype=float) * self.ranks
        even_s = np.array([self._experts_s(n) for n in EXPERT_TOKENS])
        full = experts / top_k
        alike = full * covered_share(experts, top_k, tokens, groups)
        by_chance_s = np.interp(alike, tokens, even_s)
        correction = by_chance_s - np.interp(np.minimum(tokens, full), tokens, even_s)
        return tokens, np.asarray(np.minimum(correction, 0.0) if groups == 1 else correction)

    def _experts_s(self, tokens: int) -> float:
        """Return the time of routed experts in a step of ``tokens`` per rank [s]."""
        times = self._handle.evaluate_generation_ops(self._routed, batch_size=tokens, s=2)
        return 1e-3 * sum(float(op[1]) for op in times)


def _compiled(
    key: Configuration, model: KernelModel, formats: Mapping[str, str]
) -> tuple[Any, str]:
    """Return the package's handle of a deployment and the engine's version."""
    import aiconfigurator_core as package
    from aiconfigurator_core.sdk import EngineHandle, config_builders, engine
    from aiconfigurator_core.sdk.models import get_model

    logging.disable(logging.WARNING)  # it tells of every table that it falls back to
    group, ranks, groups = key.tensor_parallel, key.data_parallel, key.expert_parallel
    config = config_builders.build_model_config(group // ranks, 1, ranks, group // groups, groups)
    for name, value in _quantised(config_builders, formats).items():
        setattr(config, name, value)
    config.workload_distribution = "balanced"
    system, backend = SYSTEMS[key.accelerator], BACKENDS[key.engine]
    with TemporaryDirectory() as folder:
        path = str(model.source)
        own = (
            Path(package.__file__).parent
            / "model_configs"
            / f"{path.replace('/', '--')}_config.json"
        )
        if not isinstance(model.source, str):
            (Path(folder) / "config.json").write_text(json.dumps(dict(model.source)))
            path = folder
        elif own.exists():
            (Path(folder) / "config.json").write_bytes(own.read_bytes())
            path = folder
        built = get_model(path, config, backend)
        version = engine._literal_backend_version(system, backend, None, None, None)
        text = engine.build_engine_spec_json(
            built,
            model_path=path,
            system=system,
            backend=backend,
            backend_version=version,
            kv_block_size=None,
            systems_path=None,
            nextn=0,
            database=engine._maybe_load_database(system, backend, version, None),
        )
    return EngineHandle(bytes(package.engine_spec_bincode_from_json(text))), str(version)


def _formats(key: Configuration, model: KernelModel) -> list[dict[str, str]]:
    """Return the formats to ask for; the mean of several is meant.

    Mixtures in fp8 carry a scale for each block of 128 x 128. The package's times of such products
    hold the launch by the host (60 us on H100, 170 us on B200, for any size), which an engine that
    replays captured graphs hides in part. Those with one scale for a tensor hold none of it. The
    truth was between the two in all three models measured, so half of it is charged.
    """
    asked = {"kvcache_quant_mode": BF16, "fmha_quant_mode": BF16}
    if key.precision == model.own:
        return [asked]
    if key.precision == "fp8" and model.experts:
        blocks = {**asked, "moe_quant_mode": "fp8_block"}
        return [{**blocks, "gemm_quant_mode": name} for name in ("fp8", "fp8_block")]
    name = {"bf16": BF16, "fp8": "fp8", "fp4": "nvfp4"}[key.precision]
    return [{**asked, "gemm_quant_mode": name, "moe_quant_mode": name}]


def _quantised(builders: Any, formats: Mapping[str, str]) -> dict[str, Any]:
    """Return the package's own names of formats."""
    made = builders.build_model_config(1, 1, 1, 1, 1, **formats)
    return {name: getattr(made, name) for name in formats}

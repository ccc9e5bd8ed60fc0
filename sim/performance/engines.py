"""Inference engines as a key: what their hosts cost, and what a number of one says of another."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sim.performance.steptime import StepTime

DEFAULT_ENGINE = "vllm"
ENGINES = ("vllm", "sglang", "trt-llm")
# Whose sets stand in for an engine that has none, nearest first: SGLang and TensorRT-LLM both
# schedule the next step while the accelerator runs this one.
STAND_INS = {
    "vllm": ("sglang", "trt-llm"),
    "sglang": ("trt-llm", "vllm"),
    "trt-llm": ("sglang", "vllm"),
}
# Scheduling and sampling of a sequence, on the host of each copy of attention [s]. vLLM: measured
# less kernels, over the batch, is 50 to 78 us in ML.ENERGY runs of dense models from batch 64 to
# 900. The others schedule the next step while this one runs, 0 to 15 us: a guess.
HOST_S_PER_SEQ = {"vllm": 55e-6, "sglang": 7.5e-6, "trt-llm": 7.5e-6}
# More per layer of a mixture in fp8, whose products carry a scale for each block: launches that
# vLLM's captured graphs hide in part (DeepSeek-V3, Qwen3-Coder 480B, Llama 4 Maverick). [s]
BLOCK_SCALED_S_PER_LAYER = {"vllm": 140e-6, "sglang": 0.0, "trt-llm": 0.0}
# True over predicted step time beyond the set's own interval, when the set is another engine's.
# From vLLM down: fp8 DeepSeek on 8 B200 takes 16.8 ms under vLLM and 9 to 13 ms under SGLang, and
# TensorRT-LLM at maximum load was seen at 0.47 to 1.1. The rest are guesses after these.
LIKE_EACH_OTHER = (0.7, 1.4)
FROM_VLLM = (0.5, 1.1)
TO_VLLM = (0.9, 2.0)
# Between versions of one engine step times move by 10 to 40 % within a year: a guess after that.
OTHER_VERSION = (0.7, 1.3)


@dataclass(frozen=True, slots=True)
class EngineRelease:
    """An inference engine in a version.

    Attributes:
        name: vllm, sglang or trt-llm.
        version: such as 0.24; None for the current one, of which nothing is assumed.
    """

    name: str = DEFAULT_ENGINE
    version: str | None = None

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.name} {self.version or '(current)'}"


CURRENT_VLLM = EngineRelease()


def for_engine(step: StepTime, engine: EngineRelease) -> StepTime:
    """Return a set as it holds for an engine: itself, or with a wider interval that says why.

    Args:
        step: coefficients, with the engine and the version that they were measured on.
        engine: that of the pool.
    """
    wanted, version = engine.name, engine.version
    if step.engine == wanted:
        if not version or not step.engine_version or _same_release(version, step.engine_version):
            return step
        measured_on, wider = f"{step.engine} {step.engine_version}", OTHER_VERSION
        wanted = str(engine)
    else:
        measured_on = step.engine
        wider = LIKE_EACH_OTHER
        if DEFAULT_ENGINE in {wanted, step.engine}:
            wider = FROM_VLLM if step.engine == DEFAULT_ENGINE else TO_VLLM
    return replace(
        step,
        basis="scaled",
        source=f"measured on {measured_on}, used for {wanted}: {step.source}",
        time_low=step.time_low * wider[0],
        time_high=step.time_high * wider[1],
    )


def _same_release(one: str, other: str) -> bool:
    """Return whether two versions differ in their patch level at most."""
    return one.split(".")[:2] == other.split(".")[:2]

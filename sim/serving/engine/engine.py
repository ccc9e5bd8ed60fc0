"""What a replica needs to know of its engine: step time, power by load, limits."""

from __future__ import annotations

from dataclasses import dataclass

from mypy_extensions import mypyc_attr

from sim.interfaces import PowerCurve
from sim.performance.steptime import StepTime

CHUNKED, PREFILL_FIRST, STATIC = range(3)
MODES = {"chunked-prefill": CHUNKED, "prefill-first": PREFILL_FIRST, "static": STATIC}


@dataclass(frozen=True, slots=True)
class Speed:
    """How far a power cap or thermal throttle slows an engine; 1 everywhere means not at all.

    Attributes:
        prefill: rate of the compute-bound part of a step, relative to full speed.
        decode: rate of the memory- and host-bound part of a step, relative to full speed.
        power: dynamic power (above idle), relative to that at full speed.
    """

    prefill: float = 1.0
    decode: float = 1.0
    power: float = 1.0


@dataclass(frozen=True, slots=True)
class KvOptions:
    """What a KV cache does beyond holding the running requests.

    Attributes:
        watermark_blocks: blocks that admission leaves free.
        swap_tokens: KV tokens of preempted requests that host memory holds; 0 recomputes them.
        swap_s_per_token: time to copy one token's KV cache to or from host memory [s].
        prefix_tokens: tokens behind one hash of a prompt, a multiple of the block size; 0 caches
            no prefixes.
    """

    watermark_blocks: int = 0
    swap_tokens: int = 0
    swap_s_per_token: float = 0.0
    prefix_tokens: int = 0


PLAIN_KV = KvOptions()


@mypyc_attr(allow_interpreted_subclasses=True)
class Engine:
    """The constants of a pool's replicas, shared by all of them.

    Args:
        step_time: coefficients of one engine step.
        curve: power of one accelerator by load.
        mode: one of CHUNKED, PREFILL_FIRST, STATIC.
        max_num_seqs: most requests in a batch.
        max_num_batched_tokens: most new tokens in a step.
        kv_blocks: KV-cache capacity [blocks].
        block_size: tokens per KV block.
        kv: what else the KV cache can do.
    """

    __slots__ = (
        "asynchronous",
        "block_size",
        "compute_s",
        "decode_w",
        "drafted",
        "gives_way",
        "idle_w",
        "kv_blocks",
        "long_prefill_tokens",
        "longest_request",
        "longest_tokens",
        "max_num_batched_tokens",
        "max_num_seqs",
        "memory_s",
        "mode",
        "prefill_w",
        "prefix_tokens",
        "step_time",
        "swap_s_per_token",
        "swap_tokens",
        "tokens_per_step",
        "watermark_blocks",
    )

    def __init__(
        self,
        step_time: StepTime,
        curve: PowerCurve,
        *,
        mode: int,
        max_num_seqs: int,
        max_num_batched_tokens: int,
        kv_blocks: int,
        block_size: int,
        kv: KvOptions = PLAIN_KV,
    ) -> None:
        self.step_time = step_time
        self.tokens_per_step = 1.0  # of a decoding sequence, on average
        self.gives_way = False  # whether a running request is preempted for a more urgent one
        self.asynchronous = False  # whether step n + 1 is put together when step n begins
        self.long_prefill_tokens = 0  # most tokens of a prompt in a step beside others, 0 for all
        self.longest_request: int | None = None  # prompt and answer; a longer one is rejected
        self.drafted = 0  # tokens that a sequence drafts in each step
        self.mode = mode
        self.max_num_seqs = max_num_seqs
        self.max_num_batched_tokens = max_num_batched_tokens
        self.kv_blocks = kv_blocks
        self.block_size = block_size
        self.longest_tokens = kv_blocks * block_size  # context of the longest request that fits
        self.watermark_blocks = kv.watermark_blocks
        self.swap_tokens = kv.swap_tokens
        self.swap_s_per_token = kv.swap_s_per_token
        self.prefix_tokens = kv.prefix_tokens
        self.idle_w = curve.idle_w
        self.prefill_w = curve.prefill_w
        # Tables by decoding sequences instead of calls: a segment asks for these every time. Time
        # is in two parts, of which a cap or throttle slows one by compute, one by memory.
        batches = range(max_num_seqs + 1)
        self.compute_s = [step_time.new_tokens_s(n) for n in batches]
        self.memory_s = [step_time.a_s + step_time.batch_s(n) for n in batches]
        self.decode_w = [curve.idle_w, *(curve.decode_w(n) for n in range(1, max_num_seqs + 1))]

    def power_w(self, decoding: int, prompt_tokens: int, step_s: float, speed: Speed) -> float:
        """Return the power of one accelerator during a step [W].

        A step that only processes prompts draws the prefill power. A mixed step lies between the
        decode and the prefill power, by the share of its time that the prompt tokens add.

        Args:
            decoding: sequences that decode in the step.
            prompt_tokens: prompt tokens in the step.
            step_s: duration of the step [s].
            speed: the cap or throttle in force.
        """
        watts = self.decode_w[decoding]
        if prompt_tokens:
            if decoding:
                share = self.step_time.b_s_per_token * prompt_tokens / (step_s * speed.prefill)
                watts += (self.prefill_w - watts) * min(1.0, share)
            else:
                watts = self.prefill_w
        if speed.power != 1.0:
            watts = self.idle_w + (watts - self.idle_w) * speed.power
        return watts

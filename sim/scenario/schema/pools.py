"""Pools: which model runs where, on how much hardware, and how it queues and batches."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from sim import units
from sim.catalog.entries import Cooling, Precision
from sim.document.quantities import (
    BitsPerSecond,
    Bytes,
    BytesPerSecond,
    Multiplier,
    NonNegativeInt,
    PositiveInt,
    Quantity,
    Seconds,
    Share,
    TokenCount,
    Watts,
    refusal,
)
from sim.scenario.schema.autoscaling import Autoscaling, ColdStart
from sim.scenario.schema.base import Name, Names, Reference, Section, not_empty
from sim.scenario.schema.cost import PoolCost


class RackFilter(Section):
    """Which racks of the site a pool may use: those that match all that is given."""

    type: Reference | None = None
    """Rack type."""
    hall: Name | None = None
    """Name of the hall."""
    row: Name | None = None
    """Name of the row."""
    cooling: Cooling | None = None
    """How the racks are cooled."""


class Queue(Section):
    """How requests wait."""

    scope: Literal["replica", "pool"] = "replica"
    """Where requests wait: at a replica that is chosen on arrival, or in one queue for all."""
    order: Literal["fcfs", "priority", "fair"] = "fcfs"
    """First come first served; by priority of the tier and then first come; or by priority and then
    fair to tenants (the entries of the traffic): who has had the least work done goes first."""
    dispatch: Literal["least-loaded", "power-of-two", "round-robin", "prefix-affinity"] = (
        "least-loaded"
    )
    """How a replica is chosen when each has its own queue. With prefix-affinity it is the one that
    was last sent the longest start of the prompt, while its load is not far above the least."""
    preempt: bool = False
    """Whether a running request gives way at once to a waiting one of a more urgent tier that finds
    no place in the batch or no memory. It returns to the queue."""
    limit: NonNegativeInt | None = None
    """Most requests that wait in one queue; more are rejected, unless a place in a batch is open
    for them, so that 0 makes a loss system. No limit unless given."""


class Swap(Section):
    """Where the KV cache of a preempted request waits."""

    space_bytes: Bytes = Field(default=4.0 * 2**30, alias="space")
    """Host memory per accelerator; vLLM's default unless given."""
    link_bytes_per_s: BytesPerSecond = Field(default=50e9, alias="link")
    """Rate between the host and one accelerator; a guess for PCIe 5.0 x16 unless given."""


class PrefixCache(Section):
    """KV cache of prompts that stays for requests which start alike."""

    block_tokens: TokenCount = 64
    """Tokens that are found or missed together; a multiple of batching.block_size. Smaller blocks
    find a little more and take longer to simulate."""


class Batching(Section):
    """How a replica puts requests together; names and meaning as in vLLM."""

    mode: Literal["chunked-prefill", "prefill-first", "static"] = "chunked-prefill"
    """Prompts in chunks beside decoding, prompts before decoding, or whole batches in turn."""
    max_num_seqs: Annotated[PositiveInt, Field(le=65_536)] = 256
    """Most requests in a batch."""
    max_num_batched_tokens: PositiveInt = Field(default=8192, alias="max_num_batched_tokens")
    """Most tokens in one step."""
    block_size: PositiveInt = 16
    """Tokens in one block of KV memory."""
    async_scheduling: bool = False
    """Whether a step is put together while the one before it runs, as vLLM does from 0.14 on unless
    told: an arrival then joins one step later, and a place is free one step later."""
    long_prefill_token_threshold: NonNegativeInt = 0
    """Most tokens of one prompt in a step while other requests run or wait; 0 for no limit."""
    max_model_len: TokenCount | None = None
    """Longest prompt and answer together; longer requests are rejected. What fits into the KV cache
    of a replica unless given."""
    watermark: Annotated[float, Quantity(units.SHARE, high=0.5, bare=True)] = 0.0
    """Share of the blocks that admission leaves free, so that running requests can grow. vLLM has
    none unless told; older versions kept 1 %."""
    swap: Swap | None = None
    """Keep the KV cache of a preempted request in the host; recomputed unless given."""
    prefix_cache: PrefixCache | None = None
    """Keep the KV cache of prompts while its memory is not needed; off unless given."""

    @model_validator(mode="after")
    def _prefixes_in_whole_blocks(self) -> Self:
        if self.prefix_cache is None:
            return self
        if self.mode == "static":
            expected = "no prefix cache: static batches reserve memory and share none"
            raise refusal(expected, at=("prefix_cache",))
        if self.prefix_cache.block_tokens % self.block_size:
            expected = f"a multiple of the block size, {self.block_size} tokens"
            raise refusal(expected, at=("prefix_cache", "block"))
        return self


class HandOver(Section):
    """Where requests go for their answers when their prompt is processed."""

    to: Name
    """Pool with the role decode, of the same model at the same site."""
    bandwidth_bps: BitsPerSecond
    """What all KV caches that are on their way share."""
    latency_s: Seconds = 0.0
    """Time on the way beside that of sending."""


class Speculative(Section):
    """Tokens drafted by something small and verified by the model, several in one step."""

    draft_model: Reference | None = None
    """Model out of the catalogue that drafts, on the same accelerators; unless given, drafts are
    looked up in the prompt and cost nothing."""
    tokens: PositiveInt = 4
    """Tokens drafted per step and sequence."""
    acceptance: Share
    """Probability that a drafted token is kept, given that those before it were."""


class StepCoefficients(Section):
    """Given step time: a + b new tokens + c context tokens + d sqrt(sequences) + ..."""

    a_s: Seconds = Field(alias="a")
    """Fixed part of a step."""
    b_s_per_token: Seconds = Field(alias="b")
    """Per new token: prompt tokens and one for each sequence that decodes."""
    c_s_per_kv_token: Seconds = Field(default=0.0, alias="c")
    """Per token of context that is read."""
    d_s_per_sqrt_seq: Seconds = Field(default=0.0, alias="d")
    """Per square root of the number of sequences that decode."""
    e_s_per_token2: Seconds = Field(default=0.0, alias="e")
    """Per prompt token and token of context before it."""
    f_s_per_seq: Seconds = Field(default=0.0, alias="f")
    """Per sequence that decodes."""

    @model_validator(mode="after")
    def _every_step_takes_time(self) -> Self:
        if not self.a_s and not self.b_s_per_token:
            raise refusal("a or b above 0 s, so that every step takes time", got="a and b of 0 s")
        return self


class AcceleratorPower(Section):
    """Given power of one accelerator."""

    idle_w: Watts
    """Weights loaded, nothing running."""
    prefill_w: Watts
    """Steps that process prompts only."""
    decode_w: Watts
    """Steps that decode."""


MOST_REPLICAS = 10**7  # of one pool; the world has some ten million accelerators


def _count_or_fill(value: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value == "fill" or (whole and 0 < value <= MOST_REPLICAS):
        return value
    raise refusal(f"a whole number above 0, at most {MOST_REPLICAS}, or fill")


Replicas = Annotated[
    int | Literal["fill"],
    BeforeValidator(_count_or_fill),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "fill"}]}),
]


class Pool(Section):
    """Equal replicas of one model at one site."""

    site: Name
    """Name of the site."""
    racks: RackFilter = RackFilter()
    """Which racks of the site; all of them unless given."""
    model: Reference
    """Model out of the catalogue."""
    engine: Literal["vllm", "sglang", "trt-llm"] = "vllm"
    """Inference engine; step times of another one are used with a wider interval."""
    engine_version: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = None
    """Its version, as text in quotes; the current one unless given."""
    precision: Precision = "bf16"
    """Number format of the weights; products fall back to bf16 where the accelerator lacks it."""
    kv_precision: Precision = "bf16"
    """Number format of the KV cache, whatever that of the weights."""
    tensor_parallel: PositiveInt = 1
    """Accelerators over which one replica spreads."""
    expert_parallel: PositiveInt = 1
    """Groups of these accelerators that hold whole experts; a share of each expert unless given."""
    data_parallel: PositiveInt = 1
    """Copies of attention and dense layers in a replica, each for its share of the batch; needs
    expert_parallel."""
    speculative: Speculative | None = None
    """Draft tokens and verify them; off unless given."""
    replicas: Replicas
    """How many, or `fill` for as many as fit on the racks."""
    tiers: Annotated[Names, AfterValidator(not_empty)] | None = None
    """Only requests of these tiers; all tiers unless given."""
    role: Literal["all", "decode"] = "all"
    """Serve what arrives, or only what other pools hand over when they have processed a prompt."""
    hand_over: HandOver | None = None
    """Process prompts only, and hand requests over to a decode pool; whole requests are served
    here unless given."""
    queue: Queue = Queue()
    """How requests wait."""
    batching: Batching = Batching()
    """How requests share a step."""
    kv_cache_tokens: TokenCount | None = None
    """KV memory of one replica; computed from the accelerator's memory unless given."""
    step_time: StepCoefficients | None = None
    """Step time; computed from the model and the accelerator unless given."""
    step_time_factor: Multiplier = 1.0
    """By what to multiply every step time, to try what an error of it would change."""
    power: AcceleratorPower | None = None
    """Power of one accelerator; computed from the catalogue unless given."""
    autoscaling: Autoscaling | None = None
    """How many of the replicas are on; all of them unless given."""
    cold_start: ColdStart = ColdStart()
    """How long a replica takes to start that was off."""
    spares: NonNegativeInt = 0
    """Replicas, the last ones, that are off until another one fails."""
    cost: PoolCost = PoolCost()
    """How its accelerators are paid for."""

    @model_validator(mode="after")
    def _prompts_are_known(self) -> Self:
        if self.queue.dispatch == "prefix-affinity" and self.batching.prefix_cache is None:
            expected = "a rule by load, or a prefix cache (batching.prefix_cache)"
            raise refusal(expected, at=("queue", "dispatch"))
        return self

    @model_validator(mode="after")
    def _requests_can_give_way(self) -> Self:
        if not self.queue.preempt:
            return self
        others = {
            "the order priority or fair": self.queue.order == "fcfs",
            "a mode other than static": self.batching.mode == "static",
        }
        for expected, given in others.items():
            if given:
                raise refusal(f"false, or {expected}", at=("queue", "preempt"))
        return self

    @model_validator(mode="after")
    def _phases_apart(self) -> Self:
        if self.role == "all" and self.hand_over is None:
            return self
        if self.batching.mode == "static":
            raise refusal("a mode other than static: batches change", at=("batching", "mode"))
        if self.role == "decode":
            refused = {
                ("hand_over",): self.hand_over,
                ("queue", "limit"): self.queue.limit,
                ("batching", "swap"): self.batching.swap,
                ("batching", "prefix_cache"): self.batching.prefix_cache,
            }
            for place, given in refused.items():
                if given is not None:
                    raise refusal(f"no {place[-1]} in a pool with the role decode", at=place)
        return self

    @model_validator(mode="after")
    def _parallelism_adds_up(self) -> Self:
        size = self.tensor_parallel
        for key, groups in (
            ("expert_parallel", self.expert_parallel),
            ("data_parallel", self.data_parallel),
        ):
            if size % groups:
                raise refusal(f"a divisor of tensor_parallel, {size}", at=(key,))
        if self.data_parallel > 1 and self.expert_parallel != size:
            expected = f"1, or expert_parallel {size} beside it, for a mixture of experts"
            raise refusal(expected, at=("data_parallel",))
        return self

    @model_validator(mode="after")
    def _one_reason_to_be_off(self) -> Self:
        if self.spares and self.autoscaling is not None:
            raise refusal("either spares or autoscaling", at=("spares",))
        if isinstance(self.replicas, int) and self.spares >= self.replicas:
            raise refusal("fewer spares than replicas", at=("spares",))
        return self

    def serves(self, model: str, tier: str) -> bool:
        """Return whether a request for ``model`` of ``tier`` may come here."""
        open_to_all = self.role == "all"
        return open_to_all and self.model == model and (self.tiers is None or tier in self.tiers)

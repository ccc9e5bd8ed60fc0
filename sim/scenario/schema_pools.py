"""Pools: which model runs where, on how much hardware, and how it queues and batches."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from sim.scenario.catalog_entries import Cooling, Precision
from sim.scenario.quantities import (
    Bytes,
    BytesPerSecond,
    NonNegativeInt,
    PositiveInt,
    Seconds,
    TokenCount,
    Watts,
    refusal,
)
from sim.scenario.schema_autoscaling import Autoscaling, ColdStart
from sim.scenario.schema_base import Name, Names, Reference, Section, not_empty


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
    order: Literal["fcfs", "priority"] = "fcfs"
    """First come first served, or by priority of the tier and then first come."""
    dispatch: Literal["least-loaded", "power-of-two", "round-robin"] = "least-loaded"
    """How a replica is chosen when each has its own queue."""
    limit: NonNegativeInt | None = None
    """Most requests that wait in one queue; more are rejected. No limit unless given."""


class Swap(Section):
    """Where the KV cache of a preempted request waits."""

    space_bytes: Bytes = Field(default=4.0 * 2**30, alias="space")
    """Host memory per accelerator; vLLM's default unless given."""
    link_bytes_per_s: BytesPerSecond = Field(default=50e9, alias="link")
    """Rate between the host and one accelerator; a guess for PCIe 5.0 x16 unless given."""


class Batching(Section):
    """How a replica puts requests together; names and meaning as in vLLM."""

    mode: Literal["chunked-prefill", "prefill-first", "static"] = "chunked-prefill"
    """Prompts in chunks beside decoding, prompts before decoding, or whole batches in turn."""
    max_num_seqs: PositiveInt = 256
    """Most requests in a batch."""
    max_num_batched_tokens: PositiveInt = Field(default=8192, alias="max_num_batched_tokens")
    """Most tokens in one step."""
    block_size: PositiveInt = 16
    """Tokens in one block of KV memory."""
    swap: Swap | None = None
    """Keep the KV cache of a preempted request in the host; recomputed unless given."""


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


class AcceleratorPower(Section):
    """Given power of one accelerator."""

    idle_w: Watts
    """Weights loaded, nothing running."""
    prefill_w: Watts
    """Steps that process prompts only."""
    decode_w: Watts
    """Steps that decode."""


def _count_or_fill(value: Any) -> Any:
    if value == "fill" or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise refusal("a whole number above 0, or fill")


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
    precision: Precision = "bf16"
    """Number format of the weights."""
    tensor_parallel: PositiveInt = 1
    """Accelerators over which one replica spreads."""
    replicas: Replicas
    """How many, or `fill` for as many as fit on the racks."""
    tiers: Annotated[Names, AfterValidator(not_empty)] | None = None
    """Only requests of these tiers; all tiers unless given."""
    queue: Queue = Queue()
    """How requests wait."""
    batching: Batching = Batching()
    """How requests share a step."""
    kv_cache_tokens: TokenCount | None = None
    """KV memory of one replica; computed from the accelerator's memory unless given."""
    step_time: StepCoefficients | None = None
    """Step time; computed from the model and the accelerator unless given."""
    power: AcceleratorPower | None = None
    """Power of one accelerator; computed from the catalogue unless given."""
    autoscaling: Autoscaling | None = None
    """How many of the replicas are on; all of them unless given."""
    cold_start: ColdStart = ColdStart()
    """How long a replica takes to start that was off."""
    spares: NonNegativeInt = 0
    """Replicas, the last ones, that are off until another one fails."""

    @model_validator(mode="after")
    def _one_reason_to_be_off(self) -> Self:
        if self.spares and self.autoscaling is not None:
            raise refusal("either spares or autoscaling", at=("spares",))
        if isinstance(self.replicas, int) and self.spares >= self.replicas:
            raise refusal("fewer spares than replicas", at=("spares",))
        return self

    def serves(self, model: str, tier: str) -> bool:
        """Return whether a request for ``model`` of ``tier`` may come here."""
        return self.model == model and (self.tiers is None or tier in self.tiers)

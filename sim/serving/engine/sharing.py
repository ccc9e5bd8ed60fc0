"""What the requests of one replica share: the start of their prompts, in its KV memory once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sim.interfaces import Request
from sim.serving.engine.engine import Engine
from sim.serving.kv.memory import KvMemory
from sim.serving.kv.prefix import PrefixCache, PrefixCounts, Unit


@dataclass(slots=True)
class Hit:
    """What the head of a queue would find.

    Attributes:
        found: leading units of its prompt.
        own: blocks behind these that it left when it was preempted.
        cached_tokens: tokens that it need not process.
        need: blocks that it takes of the free memory.
    """

    found: list[Unit]
    own: int
    cached_tokens: int
    need: int


class SharedPrefixes:
    """Finds the leading blocks of a prompt in memory and does not process them again.

    The whole units of a prompt can be found by others from the boundary at which it is admitted;
    what is behind them, and the answer, when the request is through, if it knows their hashes. A
    request that was preempted finds its own blocks, too. The engine looks up whole blocks, and
    computes the last one of a prompt that it has found in full, since a block is either cached or
    written (vllm/v1/core/kv_cache_manager.py, `get_computed_blocks`).

    Args:
        engine: limits.

    Attributes:
        cache: the blocks.
        counts: what was looked for and found.
    """

    __slots__ = ("_block", "_held", "_unit", "_unit_blocks", "cache", "counts")

    def __init__(self, engine: Engine) -> None:
        self._block = engine.block_size
        self._unit = engine.prefix_tokens
        self._unit_blocks = engine.prefix_tokens // engine.block_size
        self.counts = PrefixCounts()
        self._held: dict[Request, list[Unit]] = {}
        self.cache = PrefixCache(self._unit_blocks)

    def clear(self) -> None:
        """Forget everybody and everything."""
        for request in self._held:
            request.shared_tokens = 0
        self.cache = PrefixCache(self._unit_blocks)
        self._held = {}

    def look_up(self, head: Request) -> Hit:
        """Return what a request would find and need if it were admitted now."""
        block, unit, per_unit = self._block, self._unit, self._unit_blocks
        keys = head.prefix_blocks[: head.input_tokens // unit] if head.prefix_blocks else ()
        most = (head.prefill_tokens - 1) // block  # blocks that may be found
        found, own = self.cache.match(keys), 0
        if unit == block:
            del found[most:]
        cached = min(len(found) * per_unit, most)
        if len(found) == len(keys):
            own = max(0, min(self.cache.own_run(head), most - cached))
            cached += own
        in_use = sum(per_unit for each in found if each.users)
        need = -(-head.prefill_tokens // block) - in_use
        return Hit(found, own, cached * block, need)

    def take(self, head: Request, hit: Hit) -> None:
        """Admit a request with what it found."""
        keys = head.prefix_blocks[: head.input_tokens // self._unit] if head.prefix_blocks else ()
        if head.admitted_s < 0.0:  # what a preempted request finds again is no saving
            self.counts.add(head.input_tokens, hit.cached_tokens, len(keys), len(hit.found))
        self.cache.take_run(head, hit.own)
        if keys:
            self._held[head] = self.cache.acquire(hit.found, keys[len(hit.found) :])
        head.context_tokens = hit.cached_tokens
        head.shared_tokens = len(keys) * self._unit

    def let_go(self, request: Request, stored: int, memory: KvMemory, *, preempted: bool) -> None:
        """Keep the full blocks of a request that leaves, its last ones first.

        Args:
            request: the request; its own blocks are taken off ``memory`` elsewhere.
            stored: tokens of its context whose blocks can be found.
            memory: gets the shared blocks back that nobody uses any more.
            preempted: whether it will come back.
        """
        held = self._held.pop(request, None) or []
        cache = self.cache
        full = stored // self._block
        known: tuple[int, ...] = ()
        if request.prefix_blocks and not preempted:
            known = tuple(request.prefix_blocks[len(held) : stored // self._unit])
        if preempted or cache.active or known:
            behind = (len(held) + len(known)) * self._unit_blocks
            cache.leave_run(full - behind, request if preempted else None)
        cache.keep(known)
        if held:
            used = cache.used_blocks
            cache.release(held, full // self._unit_blocks)
            memory.prefill_blocks -= used - cache.used_blocks
            request.shared_tokens = 0

    def forget(self, request: Request) -> None:
        """Free what a preempted request left: it has its KV cache elsewhere."""
        self.cache.take_run(request, self.cache.own_run(request))

    def evict(self, memory: KvMemory, step: int, ahead: int) -> None:
        """Keep no more idle blocks than memory leaves.

        Args:
            memory: of the replica.
            step: its step index.
            ahead: tokens that each decoding sequence will have stored by then.
        """
        cache = self.cache
        if not cache.idle_blocks:
            return
        free = memory.blocks - memory.prefill_blocks + memory.unclaimed
        # Each sequence wastes less than one block, so this bound settles nearly every call.
        most = (memory.tokens + memory.decoding * ahead) // memory.block_size + memory.decoding
        if cache.idle_blocks > free - most:
            cache.shrink(max(0, free - memory.decode_blocks(step, ahead)))


def prefix_report(parts: Iterable[SharedPrefixes | None]) -> dict[str, Any]:
    """Return what the prefix caches of a pool found, as plain values; empty if it has none."""
    counts = [part.counts for part in parts if part is not None]
    if not counts:
        return {}
    input_tokens, saved_tokens, looked_up, found = (
        sum(getattr(count, name) for count in counts) for name in PrefixCounts.__slots__
    )
    return {
        "prefix_cache": {
            "hit_ratio": found / looked_up if looked_up else None,
            "saved_share": saved_tokens / input_tokens if input_tokens else None,
            "input_tokens": input_tokens,
            "saved_tokens": saved_tokens,
            "looked_up_blocks": looked_up,
            "found_blocks": found,
        }
    }

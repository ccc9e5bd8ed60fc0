"""A replica that keeps the KV cache of prompts for requests that start alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.interfaces import Request
from sim.serving.engine import CHUNKED, STATIC, Engine
from sim.serving.prefix import PrefixCache
from sim.serving.replica import Replica


class PrefixReplica(Replica):
    """Finds the leading blocks of a prompt in its memory and does not process them again.

    The whole blocks of a prompt are shared: they are in memory once, however many running
    requests hold them, and can be found from the boundary at which the first of these is
    admitted. What is behind them, and the answer, belongs to the request alone. At least the last
    token of a prompt is processed. Blocks that no running request holds stay while nobody needs
    their memory; when somebody does, those used least recently go first. Their hits are decided
    at admission, so they are looked after at boundaries only: free memory is least at the end of
    a segment.

    A request with shared blocks that is preempted is recomputed, never swapped: most of it is
    likely to be found again. Static batches reserve memory for whole answers and share nothing.
    """

    __slots__ = ("_block_tokens", "_blocks_per_hash", "_held", "prefixes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._block_tokens = self.engine.prefix_tokens
        self._blocks_per_hash = self.engine.prefix_tokens // self.engine.block_size
        self.prefixes = PrefixCache()
        self._held: dict[Request, Sequence[int]] = {}

    def clear(self) -> None:
        """Forget everybody and everything."""
        super().clear()
        for request in self._held:
            request.shared_tokens = 0
        self.prefixes = PrefixCache()
        self._held = {}

    def _claim(self, head: Request, budget: int) -> bool:
        blocks = head.prefix_blocks[: head.input_tokens // self._block_tokens]
        mode, memory = self.engine.mode, self.memory
        if not blocks or mode == STATIC:
            claimed = super()._claim(head, budget)
            if claimed:
                self._evict(0)
            return claimed
        found = self.prefixes.match(blocks) * self._block_tokens
        cached = min(found, head.prefill_tokens - 1)
        waits_first = mode != CHUNKED and self._prefilling
        if budget <= 0 or (waits_first and head.prefill_tokens - cached > budget):
            return False
        shared = len(blocks) * self._block_tokens
        private = memory.blocks_for(head.prefill_tokens - shared)
        need = private + self.prefixes.unused(blocks) * self._blocks_per_hash
        if not memory.fits(need, self._steps_done):
            return False
        memory.prefill_blocks += need
        self.prefixes.acquire(blocks)
        self._held[head] = blocks
        head.context_tokens, head.shared_tokens = cached, shared
        self._evict(0)
        return True

    def _finish(self, now: float) -> None:
        self._evict(self._steps if self._decodes else 0)
        super()._finish(now)

    def _complete(self, request: Request, now: float) -> None:
        self._release(request)
        super()._complete(request, now)

    def _take_out(self, request: Request) -> None:
        super()._take_out(request)
        self._release(request)

    def _swap_out(self, victim: Request) -> None:
        """Recompute a request whose prefix is likely to be found."""
        if not victim.prefix_blocks:
            super()._swap_out(victim)

    def _release(self, request: Request) -> None:
        blocks = self._held.pop(request, None)
        if blocks is not None:
            used = self.prefixes.used_blocks
            self.prefixes.release(blocks)
            freed = used - self.prefixes.used_blocks
            self.memory.prefill_blocks -= freed * self._blocks_per_hash
            request.shared_tokens = 0

    def _evict(self, ahead: int) -> None:
        """Keep no more idle blocks than memory leaves ``ahead`` steps from now."""
        if self.prefixes.idle_blocks:
            memory = self.memory
            free = memory.blocks - memory.prefill_blocks
            free -= memory.decode_blocks(self._steps_done, ahead)
            self.prefixes.shrink(free // self._blocks_per_hash)


def replica_class(engine: Engine) -> type[Replica]:
    """Return what runs on an engine: a replica with a prefix cache, or the plain and faster one."""
    return PrefixReplica if engine.prefix_tokens else Replica

"""A replica that keeps the KV cache of prompts for requests that start alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sim.interfaces import ActivityLog, Request, Scheduler
from sim.serving.engine.activity import add_kv_tokens
from sim.serving.engine.engine import CHUNKED, STATIC, Engine
from sim.serving.engine.replica import Replica
from sim.serving.kv.prefix import PrefixCache, PrefixCounts
from sim.serving.queues.queues import Queue


class RowsWithShared:
    """Adds shared blocks in use to the rows that a replica writes, which do not count them.

    Args:
        log: takes the rows.
    """

    def __init__(self, log: ActivityLog) -> None:
        self._log = log
        self.shared_tokens = 0

    def extend(self, row: bytes, /) -> None:
        """Append one row."""
        shared = self.shared_tokens
        self._log.extend(add_kv_tokens(row, shared) if shared else row)


class PrefixReplica(Replica):
    """Finds the leading blocks of a prompt in its memory and does not process them again.

    The whole blocks of a prompt are shared: they are in memory once, however many running
    requests hold them, and can be found from the boundary at which the first of these is
    admitted. What is behind them, and the answer, belongs to the request alone; the whole blocks
    of an answer can be found once it is complete, if the request knows their ids. At least the
    last token of a prompt is processed. Blocks that no running request holds stay while nobody
    needs their memory; when somebody does, those used least recently go first. Their hits are
    decided at admission, so they are looked after at boundaries only: free memory is least at the
    end of a segment.

    A request with shared blocks that is preempted is recomputed, never swapped: most of it is
    likely to be found again. Static batches reserve memory for whole answers and share nothing.

    Attributes:
        prefixes: the blocks.
        counts: what was looked for and found.
    """

    __slots__ = (
        "_block_tokens",
        "_blocks_per_hash",
        "_held",
        "_rows",
        "counts",
        "prefixes",
    )

    def __init__(
        self,
        index: int,
        clock: Scheduler,
        engine: Engine,
        queue: Queue,
        log: ActivityLog,
        *more: Any,
    ) -> None:
        self._rows = RowsWithShared(log)
        super().__init__(index, clock, engine, queue, self._rows, *more)
        self._block_tokens = self.engine.prefix_tokens
        self._blocks_per_hash = self.engine.prefix_tokens // self.engine.block_size
        self.prefixes = PrefixCache()
        self.counts = PrefixCounts()
        self._held: dict[Request, Sequence[int]] = {}

    def clear(self) -> None:
        """Forget everybody and everything."""
        super().clear()
        for request in self._held:
            request.shared_tokens = 0
        self.prefixes = PrefixCache()
        self._held = {}

    def _stays_full(self) -> bool:
        return False  # the prefix may be here already

    def _claim(self, head: Request, budget: int) -> bool:
        blocks = head.prefix_blocks[: head.input_tokens // self._block_tokens]
        mode, memory = self.engine.mode, self.memory
        if not blocks or mode == STATIC:
            claimed = super()._claim(head, budget)
            if claimed:
                self._evict(0)
                self._count(head, 0, 0, 0)
            return claimed
        found = self.prefixes.match(blocks)
        cached = min(found * self._block_tokens, head.prefill_tokens - 1)
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
        self._count(head, cached, len(blocks), found)
        return True

    def _count(self, head: Request, saved_tokens: int, looked_up: int, found: int) -> None:
        """Count an admission, but for that of a request which was preempted."""
        if head.admitted_s < 0.0:
            self.counts.add(head.input_tokens, saved_tokens, looked_up, found)

    def _finish(self, now: float) -> None:
        self._evict(self._steps if self._decodes else 0)
        super()._finish(now)

    def _complete(self, request: Request, now: float) -> None:
        shared = len(self._held.get(request, ()))
        self._release(request)
        if self.engine.mode != STATIC:
            stored = request.input_tokens + request.output_tokens - 1
            self.prefixes.keep(request.prefix_blocks[shared : stored // self._block_tokens])
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
        idle = self.prefixes.idle_blocks * self._blocks_per_hash
        if not idle:
            return
        memory, decoding = self.memory, len(self._decoding)
        free = memory.blocks - memory.prefill_blocks
        # Each sequence wastes less than one block, so this bound settles nearly every call.
        most = (memory.tokens + decoding * ahead) // memory.block_size + decoding
        if idle > free - most:
            free -= memory.decode_blocks(self._steps_done, ahead)
            self.prefixes.shrink(free // self._blocks_per_hash)

    # --- the activity log ----------------------------------------------------------------------

    def _start_segment(self, now: float, steps: int) -> None:
        super()._start_segment(now, steps)
        # With prompts in it a segment counts all memory that is not of decoding sequences.
        shared = 0 if self._prompts else self.prefixes.used_blocks
        self._rows.shared_tokens = shared * self._block_tokens

    def _go_idle(self, now: float) -> None:
        super()._go_idle(now)
        self._rows.shared_tokens = 0


def prefix_report(members: Iterable[Replica]) -> dict[str, Any]:
    """Return what the prefix caches of a pool found, as plain values; empty if it has none."""
    counts = [member.counts for member in members if isinstance(member, PrefixReplica)]
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

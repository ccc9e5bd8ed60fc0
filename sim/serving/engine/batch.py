"""The batch: which requests run together, who is admitted next, who gives way."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable

from mypy_extensions import mypyc_attr

from sim.interfaces import COMPLETED, IN_FLIGHT, Request
from sim.serving.engine.engine import CHUNKED, PREFILL_FIRST, STATIC, Engine
from sim.serving.engine.sharing import SharedPrefixes
from sim.serving.engine.transfer import Handed
from sim.serving.kv.memory import KvMemory
from sim.serving.queues.queues import Queue

NO_LIMIT = 1 << 62
NO_LIMIT_S = float("inf")


@mypyc_attr(allow_interpreted_subclasses=True)
class Batch:
    """The requests that run on one replica: decoding ones, and those whose prompt is processed.

    Args:
        index: number of the replica in the run.
        engine: limits, shared by all replicas of a pool.
        queue: where requests wait; replicas of a pool may share one.
        on_move: told (index, +1) when a request enters the batch and (index, -1) when one is
            preempted; pools whose queue is shared keep their loads by it.

    Attributes:
        prefixes: what requests share, None without a prefix cache.
        hand_over: takes each request whose prompt is processed and whose answer is decoded
            elsewhere; None where requests stay.
    """

    __slots__ = (
        "_ample_tokens",
        "_answers",
        "_arrived",
        "_attention",
        "_chunks",
        "_copied_tokens",
        "_decodes",
        "_decoding",
        "_drafted",
        "_ending",
        "_handing",
        "_hidden",
        "_lags",
        "_last_chunk",
        "_last_gain",
        "_leaves",
        "_long_prefill",
        "_new",
        "_on_end",
        "_on_move",
        "_orders",
        "_prefill_first",
        "_prefilling",
        "_prompts",
        "_seen_s",
        "_shared_reads",
        "_slots_full",
        "_static_size",
        "_steps_done",
        "_swapped",
        "_through",
        "_unseen",
        "alive",
        "engine",
        "hand_over",
        "index",
        "max_num_seqs",
        "memory",
        "prefixes",
        "queue",
    )

    def __init__(
        self,
        index: int,
        engine: Engine,
        queue: Queue,
        on_end: Callable[[Request], None],
        on_move: Callable[[int, int], None] | None = None,
    ) -> None:
        self.index = index
        self.engine = engine
        self.queue = queue
        self.max_num_seqs = engine.max_num_seqs
        self.alive = True
        self.memory = self._empty_memory()
        self._on_end = on_end
        self._on_move = on_move
        self._prefill_first = engine.mode == PREFILL_FIRST
        # Below this many tokens nobody can run out of blocks: each sequence wastes less than one.
        spare_blocks = engine.max_num_seqs + 1 + engine.watermark_blocks
        self._ample_tokens = (engine.kv_blocks - spare_blocks) * engine.block_size
        # Sorted, who leaves next at the end, so that it leaves without comparing or moving anybody;
        # beside it the steps, negated to ascend, at which they leave: unboxed, since a search in a
        # list of integers is a cache miss at each.
        self._decoding: list[Request] = []
        self._leaves = array("q")
        self._prefilling: list[Request] = []
        # Of this segment: prompts that take part, their tokens per step, those of the last one,
        # and the sum over prompts of new tokens times the context that they attend to.
        self._prompts = self._new = self._last_chunk = 0
        self._attention = 0.0
        self._decodes = True  # decoding sequences take part in this segment's steps
        self._slots_full = False  # this segment's steps have no token budget left
        # Requests whose KV cache is in host memory, with the tokens that it holds; and tokens that
        # the next step waits for because they are copied there or back.
        self._swapped: dict[Request, int] = {}
        self._copied_tokens = 0
        self._shared_reads = 0  # shared tokens that decoding sequences read, once for each of them
        self._static_size = 0  # places that a static batch keeps until its last member ends
        self._steps_done = 0
        self._orders = 0
        self._add_parts(engine)

    def _add_parts(self, engine: Engine) -> None:
        """Set what an engine does beyond the plain order of events."""
        shares = engine.prefix_tokens and engine.mode != STATIC
        self.prefixes = SharedPrefixes(engine) if shares else None
        self._chunks: list[int] = []  # of this segment: tokens per step of each prompt in it
        self._long_prefill = engine.long_prefill_tokens if engine.mode == CHUNKED else 0
        self._drafted = engine.drafted if engine.mode == CHUNKED else 0
        # Asynchronous scheduling: step n + 1 is put together when step n begins. It sees who has
        # come by then, and who is through with step n still has place and memory.
        self._lags = engine.asynchronous and engine.mode == CHUNKED
        self._seen_s = NO_LIMIT_S  # who joined the queue later is not seen yet
        self._unseen = False  # somebody waits who is not seen yet
        self._hidden: list[Request] = []  # who that is, while a step is put together
        self._last_gain = 1  # tokens that the last step gave to each decoding sequence
        self._ending: list[tuple[Request, int, int]] = []  # with blocks and tokens stored
        self._through = 0  # how many of these there were when this step was put together
        # Where answers are decoded elsewhere: their tokens after the first while the prompt runs,
        # and who is on the way.
        self.hand_over: Callable[[Handed], None] | None = None
        self._answers: dict[Request, int] = {}
        self._handing: dict[Request, Handed] = {}
        self._arrived: dict[Request, int] | None = None

    @property
    def running(self) -> int:
        """Number of requests in the batch, or on their way from here."""
        return len(self._decoding) + len(self._prefilling) + len(self._handing)

    def members(self) -> list[Request]:
        """Return the requests in the batch, and those on their way from here."""
        batch = self._decoding + self._prefilling
        return batch + [r for r in self._handing if r.status == IN_FLIGHT]

    def clear(self) -> None:
        """Forget everybody and free the memory; what has arrived here is the pool's."""
        self._decoding, self._leaves = [], array("q")
        self._prefilling, self._prompts = [], 0
        self.memory = self._empty_memory()
        self._static_size = self._copied_tokens = self._shared_reads = 0
        self._swapped = {} if self._arrived is None else self._arrived
        self._ending = []
        self._answers, self._handing = {}, {}
        if self.prefixes is not None:
            self.prefixes.clear()

    # --- answers that are decoded elsewhere ------------------------------------------------------

    def take_from(self, arrived: dict[Request, int]) -> None:
        """Look for KV caches in ``arrived``, by request their tokens, as for swapped ones."""
        self._swapped = self._arrived = arrived

    def handing(self) -> list[Handed]:
        """Return the requests on their way from here."""
        return list(self._handing.values())

    def let_go(self, handed: Handed) -> bool:
        """Free the memory of a request that has arrived; return whether it was still here."""
        request = handed.request
        if self._handing.get(request) is not handed:
            return False
        del self._handing[request]
        self.memory.prefill_blocks -= handed.blocks
        if self.prefixes is not None:
            self.prefixes.let_go(request, handed.tokens, self.memory, preempted=False)
        return True

    def _empty_memory(self) -> KvMemory:
        """Return what counts the KV blocks of a replica without requests."""
        engine = self.engine
        return KvMemory(engine.kv_blocks, engine.block_size, engine.watermark_blocks)

    # --- who gives way ---------------------------------------------------------------------------

    def _release(self, place: int) -> None:
        """Free the memory of a request that was through when the next step was put together."""
        request, blocks, stored = self._ending.pop(place)
        self.memory.prefill_blocks -= blocks
        if self.prefixes is not None:
            self.prefixes.let_go(request, stored, self.memory, preempted=False)

    def _swap_out(self, victim: Request) -> None:
        """Copy the KV cache of a preempted request to host memory, if it has room.

        One with known blocks is recomputed: most of it is likely to be found again.
        """
        if self.prefixes is not None and victim.prefix_blocks:
            return
        stored, swapped = victim.prefill_tokens - 1, self._swapped
        if sum(swapped.values()) + stored > self.engine.swap_tokens:
            for request in [r for r in swapped if r.status != IN_FLIGHT]:
                del swapped[request]  # its user went away while it waited
        if sum(swapped.values()) + stored <= self.engine.swap_tokens:
            swapped[victim] = stored
            self._copied_tokens += stored
            if self.prefixes is not None:
                self.prefixes.forget(victim)

    def _take_out(self, request: Request, *, preempted: bool = False) -> None:
        """Remove a running request; it keeps the tokens that it showed and loses its memory."""
        if request in self._handing:  # its memory is held until the transfer is over
            return
        memory = self.memory
        stored = request.context_tokens
        if request in self._prefilling:
            self._prefilling.remove(request)
            if not self._static_size:  # a static batch keeps its reservation until it ends
                private = request.prefill_tokens - request.shared_tokens
                memory.prefill_blocks -= memory.blocks_for(private)
        else:
            place = self._decoding.index(request)
            del self._decoding[place], self._leaves[place]
            left = request.finish_step - self._steps_done
            stored = request.context_tokens + request.remaining_tokens - left
            memory.leave(stored - request.shared_tokens, self._steps_done)
            self._shared_reads -= request.shared_tokens
            if self._lags and stored > request.prefill_tokens:
                stored -= self._last_gain  # not known when it has to give way
        if self.prefixes is not None:
            self.prefixes.let_go(request, stored, memory, preempted=preempted)
        self._lose_progress(request)
        if self._static_size and not self._decoding and not self._prefilling:
            self._static_size = memory.prefill_blocks = 0

    def _lose_progress(self, request: Request) -> None:
        """Set what a request that is taken out still has to process and to show."""
        if request in self._handing:
            request.prefill_tokens += 1  # its first token was shown but not yet stored
            request.context_tokens = 0
            return
        if request.context_tokens >= request.prefill_tokens:  # it was decoding
            left = request.finish_step - self._steps_done
            # Its last token was shown but not yet stored.
            request.prefill_tokens = request.context_tokens + request.remaining_tokens - left + 1
            request.remaining_tokens = left
        request.context_tokens = 0
        if self._answers:
            request.remaining_tokens += self._answers.pop(request, 0)

    def _decode(self, request: Request) -> None:
        """Let a request decode until its finish step."""
        leaves = -request.finish_step
        place = bisect_left(self._leaves, leaves)
        if self.prefixes is not None:  # who was admitted first lets go first, as it is found later
            decoding = self._decoding
            while place < len(decoding) and self._leaves[place] == leaves:
                if decoding[place].admit_order < request.admit_order:
                    break
                place += 1
        self._leaves.insert(place, leaves)
        self._decoding.insert(place, request)

    def _complete(self, request: Request, now: float, private: int) -> None:
        """Report a request that showed its last token.

        Args:
            request: the request; its memory is freed already.
            now: the time [s].
            private: tokens that it stored for itself alone.
        """
        if self._answers and request in self._answers:
            self._hand_over(request, now, private)
            return
        if self._lags:
            blocks = self._blocks_of(private)
            self.memory.prefill_blocks += blocks
            self._ending.append((request, blocks, private + request.shared_tokens))
        elif self.prefixes is not None:
            stored = private + request.shared_tokens
            self.prefixes.let_go(request, stored, self.memory, preempted=False)
        request.finished_s = now
        request.status = COMPLETED
        self._on_end(request)

    def _blocks_of(self, stored: int) -> int:
        """Return the blocks that a decoding sequence holds for itself."""
        return -(-stored // self.memory.block_size)

    def _hand_over(self, request: Request, now: float, private: int) -> None:
        """Send a request whose prompt is processed to where its answer is decoded."""
        request.remaining_tokens = self._answers.pop(request)
        blocks = self.memory.blocks_for(private)
        self.memory.prefill_blocks += blocks  # they were freed when the prompt was through
        handed = Handed(request, request.prefill_tokens, blocks, self.index, now)
        self._handing[request] = handed
        if self.hand_over is not None:
            self.hand_over(handed)

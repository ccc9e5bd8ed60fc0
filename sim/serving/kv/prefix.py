"""Prefix cache: which leading blocks of a prompt are in KV memory already.

The rules are those of vLLM's block pool (vllm/v1/core/block_pool.py, kv_cache_manager.py). A block
can be found once it is full. While a request holds it, it is in use; then it stays until its memory
is wanted. Blocks that nobody uses are evicted in the order in which they were let go, and a request
lets go of its last block first, so that the start of a prompt outlives its end. Blocks of answers
and of prompts whose text nobody else has take their places in that order like all others. What is
not full is free at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sim.interfaces import Request


@dataclass(slots=True)
class PrefixCounts:
    """What was looked for in a prefix cache, and what was found.

    Attributes:
        input_tokens: prompts of the requests that were admitted [tokens].
        saved_tokens: of which were not processed [tokens].
        looked_up_blocks: whole blocks of these prompts.
        found_blocks: of which were in memory.
    """

    input_tokens: int = 0
    saved_tokens: int = 0
    looked_up_blocks: int = 0
    found_blocks: int = 0

    def add(self, input_tokens: int, saved_tokens: int, looked_up: int, found: int) -> None:
        """Count an admission."""
        self.input_tokens += input_tokens
        self.saved_tokens += saved_tokens
        self.looked_up_blocks += looked_up
        self.found_blocks += found


class Unit:
    """KV blocks that are found or missed together.

    Attributes:
        key: hash of all text up to their end; None if nobody else has that text.
        blocks: how many of the engine's blocks.
        users: requests that run and hold them.
        owner: the preempted request that can find them although nobody else has their text.
    """

    __slots__ = ("blocks", "key", "owner", "users")

    def __init__(
        self, key: int | None, blocks: int, users: int, owner: Request | None = None
    ) -> None:
        self.key = key
        self.blocks = blocks
        self.users = users
        self.owner = owner


class PrefixCache:
    """KV blocks that are known by the hash of the text up to their end.

    Args:
        unit_blocks: the engine's blocks behind one hash.

    Attributes:
        idle_blocks: blocks that can be found, or stand in the order of eviction, and that nobody
            uses.
        used_blocks: blocks in use that others can find, each counted once.
    """

    __slots__ = ("_copies", "_idle", "_own", "_unit_blocks", "idle_blocks", "used_blocks")

    def __init__(self, unit_blocks: int = 1) -> None:
        self._unit_blocks = unit_blocks
        # A block that is computed anew although it is here is a second copy; the older one is
        # found, and the newer one once that is gone.
        self._copies: dict[int, list[Unit]] = {}
        self._idle: OrderedDict[Unit, None] = OrderedDict()  # in the order of eviction
        self._own: dict[Request, Unit] = {}  # what a preempted request left and may find again
        self.idle_blocks = self.used_blocks = 0

    @property
    def active(self) -> bool:
        """Whether there is anything to find, so that the order of eviction matters."""
        return bool(self._copies or self._own)

    def match(self, keys: Iterable[int]) -> list[Unit]:
        """Return the leading ones of ``keys`` that are here; nothing counts behind a gap.

        Args:
            keys: hashes of a prompt's whole units, in order.
        """
        found = []
        for key in keys:
            copies = self._copies.get(key)
            if not copies:
                break
            found.append(copies[0])
        return found

    def acquire(self, found: Sequence[Unit], keys: Iterable[int]) -> list[Unit]:
        """Use units that were found, and new ones; return all of them in order.

        Args:
            found: what `match` returned, or the start of it.
            keys: hashes of the units behind these.
        """
        unit_blocks, held = self._unit_blocks, list(found)
        for unit in found:
            if not unit.users:
                del self._idle[unit]
                self.idle_blocks -= unit_blocks
                self.used_blocks += unit_blocks
            unit.users += 1
        for key in keys:
            unit = Unit(key, unit_blocks, 1)
            self._copies.setdefault(key, []).append(unit)
            self.used_blocks += unit_blocks
            held.append(unit)
        return held

    def release(self, held: Sequence[Unit], computed: int) -> None:
        """Use units no longer, the last one first.

        Args:
            held: what `acquire` returned.
            computed: how many of them hold what they are for; the rest never existed.
        """
        for place in range(len(held) - 1, -1, -1):
            unit = held[place]
            unit.users -= 1
            if unit.users:
                continue
            self.used_blocks -= unit.blocks
            if place < computed:
                self._idle[unit] = None
                self.idle_blocks += unit.blocks
            else:
                self._forget(unit)

    def keep(self, keys: Sequence[int]) -> None:
        """Keep units that a request computed for itself alone, the last one first."""
        for key in reversed(keys):
            unit = Unit(key, self._unit_blocks, 0)
            self._copies.setdefault(key, []).append(unit)
            self._idle[unit] = None
            self.idle_blocks += unit.blocks

    def leave_run(self, blocks: int, owner: Request | None = None) -> None:
        """Keep full blocks that nobody else can find, at the end of the order of eviction.

        Args:
            blocks: how many; the last of them is evicted first.
            owner: a preempted request, which can find them again.
        """
        if blocks <= 0:
            return
        run = Unit(None, blocks, 0, owner)
        self._idle[run] = None
        self.idle_blocks += blocks
        if owner is not None:
            self._own[owner] = run

    def own_run(self, owner: Request) -> int:
        """Return how many leading blocks are left of those that a preempted request left."""
        run = self._own.get(owner)
        return run.blocks if run is not None else 0

    def take_run(self, owner: Request, blocks: int) -> None:
        """Give a request the first ``blocks`` blocks of its own back; nobody finds the rest."""
        run = self._own.pop(owner, None)
        if run is None:
            return
        run.owner = None
        run.blocks -= blocks
        self.idle_blocks -= blocks
        if not run.blocks:
            del self._idle[run]

    def shrink(self, idle_blocks: int) -> None:
        """Keep at most ``idle_blocks`` blocks that nobody uses."""
        if not self.active:  # nobody will find anything: all of it is free memory
            self._idle.clear()
            self.idle_blocks = 0
        while self.idle_blocks > idle_blocks and self._idle:
            unit = next(iter(self._idle))
            excess = self.idle_blocks - idle_blocks
            if unit.key is None and unit.blocks > excess:
                unit.blocks -= excess
                self.idle_blocks -= excess
                return
            del self._idle[unit]
            self.idle_blocks -= unit.blocks
            self._forget(unit)

    def _forget(self, unit: Unit) -> None:
        if unit.key is None:
            if unit.owner is not None:
                del self._own[unit.owner]
            return
        copies = self._copies[unit.key]
        copies.remove(unit)
        if not copies:
            del self._copies[unit.key]


def hit_ratio(prompts: Iterable[Sequence[int]], capacity_blocks: float) -> float:
    """Return the share of blocks that a cache finds when prompts are served one after another.

    The plain rule: the block that was used least recently goes first, and those of one prompt
    count as used from the last to the first, as an engine lets go of them.

    Args:
        prompts: block hashes of each prompt, in order of arrival.
        capacity_blocks: size of the cache [blocks]; inf for one that never evicts.
    """
    kept: OrderedDict[int, None] = OrderedDict()
    hits = blocks = 0
    for prompt in prompts:
        blocks += len(prompt)
        for block in prompt:
            if block not in kept:
                break
            hits += 1
        for block in reversed(prompt):
            kept[block] = None
            kept.move_to_end(block)
        while len(kept) > capacity_blocks:
            kept.popitem(last=False)
    return hits / blocks if blocks else 0.0

"""Prefix cache: which leading blocks of a prompt are in KV memory already."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


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


class PrefixCache:
    """KV blocks that are known by the hash of the prompt up to their end.

    A block is in use while a request that holds it runs. Then it stays, ready to be found again,
    until the memory is wanted: blocks that nobody uses leave in the order of their last use, the
    least recent first. Within a request the blocks count as used in their order.
    """

    __slots__ = ("_idle", "_users")

    def __init__(self) -> None:
        self._users: dict[int, int] = {}  # requests that use a block
        # Blocks that nobody uses, least recent first.
        self._idle: OrderedDict[int, None] = OrderedDict()

    @property
    def used_blocks(self) -> int:
        """Blocks in use, each counted once."""
        return len(self._users)

    @property
    def idle_blocks(self) -> int:
        """Blocks that are kept and not in use."""
        return len(self._idle)

    def match(self, blocks: Sequence[int]) -> int:
        """Return how many leading ones of ``blocks`` are here; nothing counts behind a gap.

        Args:
            blocks: hashes of a prompt's blocks, in order.
        """
        for found, block in enumerate(blocks):
            if block not in self._users and block not in self._idle:
                return found
        return len(blocks)

    def unused(self, blocks: Iterable[int]) -> int:
        """Return how many of ``blocks`` nobody uses yet."""
        return len({block for block in blocks if block not in self._users})

    def acquire(self, blocks: Iterable[int]) -> None:
        """Use ``blocks``; those that are not here yet come in."""
        for block in blocks:
            self._idle.pop(block, None)
            self._users[block] = self._users.get(block, 0) + 1

    def release(self, blocks: Iterable[int]) -> None:
        """Use ``blocks`` no longer; those that nobody uses become the most recent idle ones."""
        for block in blocks:
            users = self._users.pop(block) - 1
            if users:
                self._users[block] = users
            else:
                self._idle[block] = None

    def keep(self, blocks: Iterable[int]) -> None:
        """Make ``blocks`` the most recent idle ones, but for those in use."""
        for block in blocks:
            if block not in self._users:
                self._idle[block] = None
                self._idle.move_to_end(block)

    def shrink(self, idle_blocks: float) -> None:
        """Keep at most ``idle_blocks`` blocks that nobody uses."""
        while len(self._idle) > idle_blocks:
            self._idle.popitem(last=False)


def hit_ratio(prompts: Iterable[Sequence[int]], capacity_blocks: float) -> float:
    """Return the share of blocks that a cache finds when prompts are served one after another.

    Args:
        prompts: block hashes of each prompt, in order of arrival.
        capacity_blocks: size of the cache [blocks]; inf for one that never evicts.
    """
    cache, hits, blocks = PrefixCache(), 0, 0
    for prompt in prompts:
        hits += cache.match(prompt)
        blocks += len(prompt)
        cache.acquire(prompt)
        cache.release(prompt)
        cache.shrink(capacity_blocks)
    return hits / blocks if blocks else 0.0

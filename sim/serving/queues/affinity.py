"""Dispatch inside a pool by prompt: a request goes where the start of its prompt is likely kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sim.interfaces import Request
from sim.serving.queues.dispatch import LeastLoaded
from sim.serving.queues.pool import Pool

AFFINITY = "prefix-affinity"
# The defaults of the cache-aware policy of SGLang's and vLLM's routers.
LEAST_SHARE = 0.3  # of a prompt that has to be known, or load alone decides
MOST_AHEAD = 64  # requests that a replica may have more than the least loaded one,
MOST_TIMES = 1.5  # unless that is less than this many times as many
REMEMBERED = 1 << 20  # blocks; those heard of first are forgotten first


class PrefixAffinity(LeastLoaded):
    """The replica that was last sent most of a prompt, while its load is not far above the least.

    It remembers where requests went and does not ask the replicas, so it may be wrong about what
    is still there, as the routers that work so are.

    Attributes:
        coming: ids of the next request's blocks, see `sim.interfaces.PrefixBlocks`.
        prompt_blocks: how many of them are of its prompt.
    """

    def __init__(self, members: int, uniform: Callable[[], float]) -> None:
        super().__init__(members, uniform)
        self.coming: Sequence[int] = ()
        self.prompt_blocks = 0
        self._sent_to: dict[int, int] = {}

    def pick(self) -> int:
        """Return a replica for the request that is coming, and remember it."""
        chosen = self._known()
        least = super().pick()
        if chosen < 0 or self._too_busy(self._load_of[chosen], self._load_of[least]):
            chosen = least
        sent_to = self._sent_to
        for block in self.coming:
            sent_to[block] = chosen
        while len(sent_to) > REMEMBERED:
            del sent_to[next(iter(sent_to))]
        return chosen

    def _known(self) -> int:
        """Return the replica in service that has the longest start of the prompt, -1 for none."""
        for place in range(self.prompt_blocks - 1, -1, -1):
            if place + 1 <= LEAST_SHARE * self.prompt_blocks:
                break
            member = self._sent_to.get(self.coming[place], -1)
            if member >= 0 and self._home[member] is self._buckets:
                return member
        return -1

    def _too_busy(self, load: int, least: int) -> bool:
        return load > least + MOST_AHEAD and load > MOST_TIMES * least


class AffinityPool(Pool):
    """A pool that dispatches by prompt; its replicas have queues of their own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._by_prompt = PrefixAffinity(len(self.members), kwargs["uniform"])
        self._dispatch = self._by_prompt

    def _join_one(self, request: Request) -> None:
        by_prompt = self._by_prompt
        by_prompt.coming = request.prefix_blocks
        by_prompt.prompt_blocks = min(
            len(request.prefix_blocks), request.input_tokens // self.engine.prefix_tokens
        )
        super()._join_one(request)

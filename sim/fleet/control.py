"""The hand on the replicas: pace, batch, strength, out of service and back."""

from __future__ import annotations

from collections.abc import Sequence

from sim.serving.engine.engine import Speed
from sim.serving.engine.replica import FULL_SPEED
from sim.serving.queues.pool import Pool

_WHOLE = (1.0, 1.0)


class ReplicaControl:
    """Acts on the replicas of a run by their index.

    Args:
        pools: all pools, in the order of their replicas.
    """

    def __init__(self, pools: Sequence[Pool]) -> None:
        self._replicas = [replica for pool in pools for replica in pool.members]
        self._pool_of = [pool for pool in pools for _ in pool.members]
        self._paces: dict[int, tuple[float, float, float]] = {}
        self._shares: dict[int, float] = {}
        self._strength: dict[int, tuple[float, float]] = {}

    def set_pace(self, replica: int, pace: tuple[float, float, float]) -> None:
        """Change how fast a replica runs, from its next step boundary.

        Args:
            replica: index in the run.
            pace: rates of prefill, decode and dynamic power, relative to full speed [1].
        """
        self._paces[replica] = pace
        part = self._strength.get(replica, _WHOLE)[0]
        pace = (pace[0] * part, pace[1] * part, pace[2] * part)
        speed = FULL_SPEED if pace == (1.0, 1.0, 1.0) else Speed(*pace)
        self._replicas[replica].set_speed(speed)

    def set_batch_share(self, replica: int, share: float) -> None:
        """Let a replica use a share of its batch limit, at least one request."""
        self._shares[replica] = share
        share *= self._strength.get(replica, _WHOLE)[1]
        target = self._replicas[replica]
        target.set_max_num_seqs(max(1, int(share * target.engine.max_num_seqs)))

    def set_strength(self, replica: int, part: float, batch: float) -> None:
        """Let a replica go on with a part of its hardware, on top of any pace and batch share.

        Args:
            replica: index in the run.
            part: of its compute, memory bandwidth and dynamic power, in (0, 1].
            batch: of its batch limit, in (0, 1].
        """
        self._strength[replica] = (part, batch)
        self.set_pace(replica, self._paces.get(replica, (1.0, 1.0, 1.0)))
        self.set_batch_share(replica, self._shares.get(replica, 1.0))

    def fail(self, replica: int) -> None:
        """Take a replica out of service now; its requests fail over or fail."""
        self._pool_of[replica].fail(replica)

    def restore(self, replica: int) -> None:
        """Return a replica to service, empty."""
        self._pool_of[replica].restore(replica)

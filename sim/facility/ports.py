"""What the facility asks of serving; `sim.simulate` gives it an object that does so."""

from __future__ import annotations

from typing import Protocol

from sim.facility.capping.response import Pace


class ServingControl(Protocol):
    """The hand on the replicas. All changes but failures act at a replica's next step boundary."""

    def set_pace(self, replica: int, pace: Pace) -> None:
        """Change how fast a replica runs."""
        ...

    def set_batch_share(self, replica: int, share: float) -> None:
        """Let a replica use a share of its batch limit, at least one request."""
        ...

    def fail(self, replica: int) -> None:
        """Stop a replica now; its requests fail over or fail, and are counted."""
        ...

    def restore(self, replica: int) -> None:
        """Return a replica to service, empty."""
        ...

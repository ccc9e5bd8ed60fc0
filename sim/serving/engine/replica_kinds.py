"""Which replica runs on an engine: the plain and fastest one unless a feature asks for another."""

from __future__ import annotations

from sim.serving.engine.engine import Engine
from sim.serving.engine.replica import Replica
from sim.serving.engine.speculation import SpeculativeEngine
from sim.serving.engine.speculative_replica import SpeculativeReplica
from sim.serving.engine.window_replica import WindowReplica
from sim.serving.kv.windows import WindowEngine


def replica_class(engine: Engine) -> type[Replica]:
    """Return what runs on an engine; chosen once, when the world is built."""
    if isinstance(engine, SpeculativeEngine):
        return SpeculativeReplica
    if isinstance(engine, WindowEngine):
        return WindowReplica
    return Replica

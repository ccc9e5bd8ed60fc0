"""Questions over many runs: replications, sweeps, comparisons, plans, headroom, sensitivity."""

from sim.experiment.compare import compare
from sim.experiment.headroom import headroom
from sim.experiment.plan import plan
from sim.experiment.replicate import replicate
from sim.experiment.sensitivity_study import sensitivity
from sim.experiment.sweep import sweep

__all__ = ["compare", "headroom", "plan", "replicate", "sensitivity", "sweep"]

"""Questions over many runs: replications, sweeps, comparisons, plans, headroom, sensitivity."""

from sim.experiment.headroom.headroom import headroom
from sim.experiment.plan.plan import plan
from sim.experiment.sensitivity.sensitivity_study import sensitivity
from sim.experiment.statistics.compare import compare
from sim.experiment.statistics.replicate import replicate
from sim.experiment.study.sweep import sweep

__all__ = ["compare", "headroom", "plan", "replicate", "sensitivity", "sweep"]

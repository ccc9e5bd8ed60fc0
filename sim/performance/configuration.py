"""What fitted coefficients belong to, and a collection of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.performance.power import PhasePower
from sim.performance.steptime import StepTime
from sim.performance.terms import AcceleratorTerms


@dataclass(frozen=True, slots=True, order=True)
class Configuration:
    """What coefficients belong to: a model in one precision on a group of accelerators.

    Attributes:
        accelerator: name in the catalogue.
        model: name in the catalogue.
        precision: of the weights.
        tensor_parallel: accelerators of a replica [1].
        expert_parallel: groups of them that hold whole experts [1].
        data_parallel: copies of attention and dense layers among them [1].
        engine: inference engine, such as vllm.
    """

    accelerator: str
    model: str
    precision: str = "bf16"
    tensor_parallel: int = 1
    expert_parallel: int = 1
    data_parallel: int = 1
    engine: str = "vllm"

    def __str__(self) -> str:
        """Return the configuration in words."""
        words = f"{self.model} {self.precision} on {self.tensor_parallel} x {self.accelerator}"
        if self.expert_parallel > 1:
            words += f", experts on {self.expert_parallel}"
        if self.data_parallel > 1:
            words += f", attention in {self.data_parallel} copies"
        if self.engine != "vllm":
            words += f", {self.engine}"
        return words


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Fitted sets, as a coefficient file holds them.

    Attributes:
        step_times: by configuration.
        powers: by configuration.
        accelerators: sets for dense models in general, by accelerator.
    """

    step_times: Mapping[Configuration, StepTime] = field(default_factory=dict)
    powers: Mapping[Configuration, PhasePower] = field(default_factory=dict)
    accelerators: Mapping[str, AcceleratorTerms] = field(default_factory=dict)

    def over(self, below: Coefficients) -> Coefficients:
        """Return both collections together; this one wins where both know a configuration."""
        return Coefficients(
            {**below.step_times, **self.step_times},
            {**below.powers, **self.powers},
            {**below.accelerators, **self.accelerators},
        )

"""Step times against measurements that no number of theirs saw: `python -m sim.calibration.unseen`.

Fitted sets are left out: what is judged is the table of measured kernels and the physical form,
whose few constants (host time per sequence, fixed time per layer) hold for all models alike.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.calibration.published import read_server_runs
from sim.calibration.servers import ServerRun, predicted_steps
from sim.catalog.catalog import Catalog, load_catalog
from sim.interfaces import FloatArray
from sim.performance.configuration import Configuration
from sim.performance.kernel_sets import kernel_set
from sim.performance.roofline import roofline
from sim.performance.steptime import StepTime
from sim.plant.memory_fit import Layout
from sim.serving.kv.windows import window_of

ITL, TOKENS = "ITL", "tok/s"
BASES = ("kernels", "physical")
# Models that share a shape are left out together.
FAMILIES = {"llama-3.3-70b": "llama-3.1-70b", "qwen3-coder-30b-a3b": "qwen3-30b-a3b"}


@dataclass(frozen=True, slots=True)
class Judged:
    """True over predicted times of one configuration.

    Attributes:
        key: what was served.
        basis: kernels or physical.
        kind: ITL (the median step) or tok/s (the mean step, prompts among it).
        mixture: whether the model is a mixture of experts.
        batch: running requests, shape (n,).
        ratio: true over predicted time, shape (n,).
    """

    key: Configuration
    basis: str
    kind: str
    mixture: bool
    batch: FloatArray
    ratio: FloatArray

    @property
    def family(self) -> str:
        """The model, under the name of the first of its shape."""
        return FAMILIES.get(self.key.model, self.key.model)


def judge(
    runs: Mapping[tuple[str, Configuration], list[ServerRun]], catalog: Catalog
) -> Iterator[Judged]:
    """Yield the ratios of each configuration, basis and kind.

    Args:
        runs: operating points by task and configuration.
        catalog: accelerators and models.
    """
    for (_, key), points in runs.items():
        model = catalog.models[key.model]
        batch = np.array([point.batch for point in points])
        for basis in BASES:
            step = _step(key, basis, catalog)
            if step is None:
                continue
            predicted, measured = predicted_steps(points, step, window_of(model))
            ratio = (measured / predicted).reshape(2, -1)
            for kind, row in zip((ITL, TOKENS), ratio, strict=True):
                yield Judged(key, basis, kind, bool(model.experts), batch, row)


def _step(key: Configuration, basis: str, catalog: Catalog) -> StepTime | None:
    if basis == "kernels":
        return kernel_set(key)
    layout = Layout("bf16", key.expert_parallel, key.data_parallel)
    model, accelerator = catalog.models[key.model], catalog.accelerators[key.accelerator]
    return roofline(model, accelerator, key.tensor_parallel, key.precision, layout)


def ratios(parts: Iterable[Judged]) -> FloatArray:
    """Return all ratios of some parts, shape (n,)."""
    return np.concatenate([part.ratio for part in parts] or [np.empty(0)])


def error(found: FloatArray) -> float:
    """Return the median absolute error of predictions, by true over predicted times [1]."""
    return float(np.median(np.abs(1.0 / found - 1.0)))


def interval(found: FloatArray) -> tuple[float, float]:
    """Return the 5th and 95th percentile."""
    low, high = np.percentile(found, (5.0, 95.0))
    return float(low), float(high)


def left_out(parts: list[Judged], by: str) -> dict[str, tuple[float, float, float]]:
    """Return what share of a group lies inside the interval of the others, and that interval.

    Args:
        parts: of one basis and kind of model.
        by: family or chip.
    """

    def group(part: Judged) -> str:
        return part.family if by == "family" else part.key.accelerator

    found = {}
    for name in dict.fromkeys(group(part) for part in parts):
        low, high = interval(ratios(part for part in parts if group(part) != name))
        mine = ratios(part for part in parts if group(part) == name)
        found[name] = (float(np.mean((mine >= low) & (mine <= high))), low, high)
    return found


def main() -> None:
    """Write the ratios of the measurements in the folder named first as tables."""
    runs = read_server_runs(Path(sys.argv[1]) / "ml-energy" / "llm_runs.csv")
    parts = list(judge(runs, load_catalog()))
    for line in lines(parts):
        sys.stdout.write(line + "\n")


def lines(parts: list[Judged]) -> Iterator[str]:
    """Yield the tables in Markdown: errors, and coverage of what was left out."""
    groups: dict[tuple[str, bool, str], list[Judged]] = {}
    for part in parts:
        groups.setdefault((part.basis, part.mixture, part.kind), []).append(part)
    yield "| basis | models | kind | rows | median error | bias | 5, 50, 95 % |"
    yield "|---|---|---|---|---|---|---|"
    for (basis, mixture, kind), some in sorted(groups.items()):
        yield _error_line(basis, "mixtures" if mixture else "dense", kind, some)
    yield ""
    yield "| basis | models | kind | left out | inside | interval of the others |"
    yield "|---|---|---|---|---|---|"
    for (basis, mixture, kind), some in sorted(groups.items()):
        for by in ("family", "chip"):
            for name, (inside, low, high) in left_out(some, by).items():
                models = "mixtures" if mixture else "dense"
                share = f"{inside:.0%} | {low:.2f} to {high:.2f}"
                yield f"| {basis} | {models} | {kind} | {name} | {share} |"


def _error_line(basis: str, models: str, kind: str, parts: list[Judged]) -> str:
    found = ratios(parts)
    low, middle, high = np.percentile(found, (5.0, 50.0, 95.0))
    spread = f"{low:.2f}, {middle:.2f}, {high:.2f}"
    bias = float(np.median(1.0 / found - 1.0))
    size = f"{len(found)} | {error(found):.1%} | {bias:+.1%}"
    return f"| {basis} | {models} | {kind} | {size} | {spread} |"


if __name__ == "__main__":
    main()

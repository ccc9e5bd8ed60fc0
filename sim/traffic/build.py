"""From a scenario's traffic section to the stream of requests that a run consumes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError, Problem, TraceError
from sim.interfaces import ArrivalBlock, Workload
from sim.rng import Streams
from sim.scenario import schema_traffic as schema
from sim.scenario.schema import Scenario
from sim.traffic.build_arrivals import build_arrivals, follows_local_time
from sim.traffic.build_lengths import build_lengths
from sim.traffic.cycles import CycleShuffle
from sim.traffic.demand import ClientMix, Demand, ReplayDemand, Scaled, SyntheticDemand
from sim.traffic.fit import fit
from sim.traffic.formats.servegen_folder import read_servegen
from sim.traffic.prompt_blocks import BlockSettings, regrained
from sim.traffic.quantised import smooth
from sim.traffic.reader import find_trace, read_trace
from sim.traffic.trace import AnyArray, Labels, ReadReport, Trace, make_trace
from sim.traffic.transforms import scale_rate, window
from sim.traffic.workload import NamedWorkload, Shares, Spread, merge


@dataclass(frozen=True, slots=True)
class Traffic:
    """All requests of a run; itself a `Workload`.

    Attributes:
        workload: the merged stream.
        model_names: models that are asked for; `ArrivalBlock.model` points into it.
        reports: what the reader did, by workload, for those that replay a trace.
        definitions: fingerprint of what each workload asks for, the same for every seed.
    """

    workload: Workload
    model_names: tuple[str, ...]
    reports: Mapping[str, ReadReport]
    definitions: Mapping[str, str]

    def blocks(self) -> Iterator[ArrivalBlock]:
        """Yield the requests of all workloads in time order."""
        return self.workload.blocks()


def build_workload(scenario: Scenario, streams: Streams) -> Traffic:
    """Return the requests that a scenario asks for.

    Trace files are read here, so everything that is wrong with them is told before the run.

    Args:
        scenario: the validated scenario.
        streams: the run's random streams.

    Raises:
        TraceError: with the problems of all workloads.
    """
    models = tuple(dict.fromkeys(entry.model for entry in scenario.traffic.values()))
    parts: list[Workload] = []
    reports: dict[str, ReadReport] = {}
    problems: list[Problem] = []
    for name, entry in scenario.traffic.items():
        builder = _Builder(scenario, name, entry, streams)
        try:
            made = builder.workloads(models.index(entry.model))
        except InputError as error:
            problems += error.problems
            continue
        parts += made
        reports |= {
            part.name: part.demand.trace.report
            for part in made
            if isinstance(part.demand, ReplayDemand)
        }
    if problems:
        raise TraceError(problems)
    definitions = {
        name: definition(entry, scenario.base_dir) for name, entry in scenario.traffic.items()
    }
    return Traffic(merge(parts), models, reports, definitions)


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds one entry of the traffic section."""

    scenario: Scenario
    name: str
    entry: schema.Workload
    streams: Streams

    @property
    def where(self) -> str:
        return f"traffic.{self.name}"

    @property
    def tenant(self) -> int:
        return list(self.scenario.traffic).index(self.name)

    @property
    def from_s(self) -> float:
        return self.scenario.run.from_s

    @property
    def length_s(self) -> float:
        return self.scenario.run.duration_s or math.inf

    @property
    def reads_its_window(self) -> bool:
        """Whether a trace is read from the start of the run on, and not from its own."""
        trace = self.entry.trace
        return trace is not None and not trace.loop and trace.scale == 1

    def workloads(self, model: int) -> list[NamedWorkload]:
        """Return the entry as a workload, or one per region where their clocks differ.

        Sessions are none: what they send depends on the run, see `sim.traffic.build_sessions`.
        """
        if self.entry.sessions is not None:
            if self.from_s:
                expected = "0 s: what sessions send depends on the run before"
                raise TraceError([Problem("run.from", f"{self.from_s:g} s", expected)])
            return []
        regions = tuple(self.scenario.topology.regions)
        tenant, system_tokens = self.tenant, self.entry.system_prompt_tokens or 0
        block_tokens = self.scenario.prefix_block_tokens
        settings = BlockSettings(block_tokens, system_tokens, tenant) if block_tokens else None
        from_s = 0.0 if self.reads_its_window else self.from_s
        whole = NamedWorkload(
            name=self.name,
            demand=self._demand(),
            model=model,
            tiers=self._spread("tier", self.entry.tiers, tuple(self.scenario.tiers)),
            regions=self._spread("region", self.entry.regions, regions),
            streams=self.streams,
            from_s=from_s,
            until_s=from_s + self.length_s,
            tenant=tenant,
            system_tokens=system_tokens,
            block_settings=settings,
        )
        arrivals = self.entry.arrivals
        if arrivals is None or not follows_local_time(arrivals):
            return [whole]
        return [
            replace(
                whole,
                name=f"{self.name}/{region}",
                demand=Scaled(self._synthetic(self.entry, self.where, region), share),
                regions=Spread(Shares.of({region: 1.0}, regions)),
                block_settings=settings and replace(settings, part=part),
            )
            for part, (region, share) in enumerate(self.entry.regions.items())
        ]

    def _spread(self, column: str, shares: Mapping[str, float], names: tuple[str, ...]) -> Spread:
        replayed = self.entry.trace
        chosen = {} if replayed is None else getattr(replayed, f"{column}s") or {}
        unknown = {label: name for label, name in chosen.items() if name not in names}
        if unknown:
            raise TraceError(
                [
                    Problem(f"{self.where}.trace.{column}s.{label}", repr(name), _one_of(names))
                    for label, name in unknown.items()
                ]
            )
        by_label = {label: names.index(name) for label, name in chosen.items()}
        return Spread(Shares.of(shares, names), column, by_label)

    def _demand(self) -> Demand:
        entry = self.entry
        if entry.trace is not None:
            chance = self.streams.generator("traffic", self.name, "scaling")
            trace = self._replayed(entry.trace)
            scaled = scale_rate(trace, entry.trace.scale, entry.trace.method, chance)
            return ReplayDemand(self._with_known_blocks(scaled), entry.trace.loop)
        if entry.fitted is not None:
            return self._fitted(entry.fitted)
        if entry.servegen is not None:
            path = self._find(entry.servegen.path, "servegen.path")
            return read_servegen(path, entry.servegen.scale)
        if entry.clients is not None:
            where = f"{self.where}.clients"
            return ClientMix(
                {
                    name: self._synthetic(client, f"{where}.{name}")
                    for name, client in entry.clients.items()
                }
            )
        return self._synthetic(entry, self.where)

    def _with_known_blocks(self, trace: Trace) -> Trace:
        """Return a trace with its prompts in the blocks of the scenario's prefix caches."""
        block_tokens = self.scenario.prefix_block_tokens
        if trace.blocks is None or not block_tokens:
            return replace(trace, blocks=None)
        if self.entry.system_prompt_tokens:
            got = "a trace that knows its prompts' blocks already"
            raise TraceError([Problem(f"{self.where}.system_prompt", got, "no system prompt")])
        inputs = trace.input_tokens.astype(np.int64)
        return replace(trace, blocks=regrained(trace.blocks, inputs, block_tokens))

    def _synthetic(
        self, entry: schema.Workload | schema.Client, where: str, region: str = ""
    ) -> SyntheticDemand:
        if entry.arrivals is None or entry.lengths is None:
            raise TraceError([Problem(where, "no requests", "arrivals and lengths")])
        arrivals = build_arrivals(entry.arrivals, f"{where}.arrivals", region)
        base_dir = self.scenario.base_dir
        lengths = build_lengths(entry.lengths, base_dir, f"{where}.lengths", arrivals.rate_per_s)
        return SyntheticDemand(arrivals, lengths)

    def _replayed(self, replay: schema.TraceReplay) -> Trace:
        path = self._find(replay.path, "trace.path")
        from_s, to_s = replay.from_s, math.inf if replay.to_s is None else replay.to_s
        if self.reads_its_window:
            # A short run of a long trace reads no more than it has to.
            from_s += self.from_s
            to_s = min(to_s, from_s + self.length_s)
        trace = read_trace(path, replay.format or "", replay.bad_rows, from_s, to_s)
        return window(trace, from_s, to_s)

    def _fitted(self, fitted: schema.Fitted) -> Demand:
        path = self._find(fitted.path, "fitted.path")
        trace = read_trace(path, fitted.format or "", fitted.bad_rows)
        if fitted.stretch_s is None and fitted.cycle_s is None:
            return Scaled(fit(trace), fitted.scale)
        spread = smooth(trace, self.streams.generator("traffic", self.name, "grid"))
        shuffle = CycleShuffle(spread, fitted.stretch_s or math.inf, fitted.cycle_s or 0.0)
        return Scaled(shuffle, fitted.scale)

    def _find(self, reference: str, key: str) -> Path:
        return find_trace(reference, self.scenario.base_dir, f"{self.where}.{key}")


def _one_of(names: tuple[str, ...]) -> str:
    return "one of " + ", ".join(names)


def definition(entry: schema.Workload, base_dir: Path) -> str:
    """Return the fingerprint of a workload: its settings and the content of the files it names.

    Two workloads with the same fingerprint draw the same requests from the same seed and name.
    """

    def settled(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {
                key: _content(inner, base_dir) if key in schema.TRACE_KEYS else settled(inner)
                for key, inner in value.items()
            }
        return [settled(inner) for inner in value] if isinstance(value, list) else value

    data = settled(entry.model_dump(mode="json", by_alias=True, exclude_none=True))
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _content(reference: str, base_dir: Path) -> str:
    path = find_trace(reference, base_dir)
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def drawn_trace(traffic: Traffic, scenario: Scenario, span_s: float) -> Trace:
    """Return the requests of finite traffic as a trace with named tiers, regions and models.

    Args:
        traffic: what `build_workload` made of the scenario.
        scenario: the scenario.
        span_s: length of the observation [s].
    """
    blocks = list(traffic.blocks())
    names = {
        "tier": tuple(scenario.tiers),
        "region": tuple(scenario.topology.regions),
        "model": traffic.model_names,
    }
    if not blocks:
        raise TraceError("the traffic of this scenario has no request in that time")

    def column(name: str) -> AnyArray:
        return np.concatenate([getattr(block, name) for block in blocks])

    trace = make_trace(column("arrival_s"), column("input_tokens"), column("output_tokens"), span_s)
    labels = {name: Labels(column(name).astype(np.int32), table) for name, table in names.items()}
    return replace(trace, labels=labels)

"""From a scenario's traffic section to the stream of requests that a run consumes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError, Problem, TraceError
from sim.interfaces import ArrivalBlock, Workload
from sim.rng import Streams
from sim.scenario.schema import traffic as schema
from sim.scenario.schema.scenario import Scenario
from sim.traffic.arrivals.cycles import CycleShuffle
from sim.traffic.build.arrivals import build_arrivals, follows_local_time
from sim.traffic.build.lengths import build_lengths
from sim.traffic.demand import ClientMix, Demand, ReplayDemand, Scaled, SyntheticDemand
from sim.traffic.fitting.fit import fit
from sim.traffic.fitting.quantised import smooth
from sim.traffic.formats.servegen_folder import read_servegen
from sim.traffic.labels import refuse_unserved, spread_by_label, unknown_labels
from sim.traffic.prompt_blocks import BlockSettings, regrained
from sim.traffic.reader import find_trace, read_trace
from sim.traffic.trace import AnyArray, Labels, ReadReport, Trace, make_trace
from sim.traffic.trace_notes import (
    clock_doubts,
    early_end,
    part_used,
    refuse_long_warmup,
    rows_left_out,
)
from sim.traffic.transforms import scale_rate, window
from sim.traffic.workload import NamedWorkload, Shares, Spread, merge


@dataclass(frozen=True, slots=True)
class Traffic:
    """All requests of a run; itself a `Workload`.

    Attributes:
        workload: the merged stream.
        model_names: models that are asked for; `ArrivalBlock.model` points into it.
        reports: what the reader did, by workload, for those made of a trace.
        notes: what a reader of the results should know of the traces.
        ends_s: time after which no request comes [s], infinite where that is not known.
        definitions: fingerprint of what each workload asks for, the same for every seed.
    """

    workload: Workload
    model_names: tuple[str, ...]
    reports: Mapping[str, ReadReport]
    notes: tuple[str, ...]
    ends_s: float
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
        ScenarioError: the warm-up lasts until all traces have ended.
    """
    models = _models(scenario)
    builders: dict[str, _Builder] = {}
    parts: list[Workload] = []
    problems: list[Problem] = []
    for name, entry in scenario.traffic.items():
        builders[name] = builder = _Builder(scenario, name, entry, streams, models)
        try:
            parts += builder.workloads()
        except InputError as error:
            problems += [_of_entry(problem, name) for problem in error.problems]
    if problems:
        raise TraceError(problems)
    ends_s = max(builder.ends_s for builder in builders.values())
    refuse_long_warmup(scenario.run, ends_s)
    reports = {name: b.trace.report for name, b in builders.items() if b.trace is not None}
    notes = [f"traffic {name}: {note}" for name, b in builders.items() for note in b.notes()]
    definitions = {
        name: definition(entry, scenario.base_dir) for name, entry in scenario.traffic.items()
    }
    return Traffic(merge(parts), models, reports, tuple(notes), ends_s, definitions)


def _of_entry(problem: Problem, name: str) -> Problem:
    """Return a problem that names its entry, unless it stands in a file or names a section."""
    if problem.file or problem.path.startswith(("traffic.", "run.")):
        return problem
    return replace(problem, path=f"traffic.{name}.{problem.path}".rstrip("."))


def _models(scenario: Scenario) -> tuple[str, ...]:
    """Return the models that requests may ask for: a trace may name any that a pool runs."""
    entries = scenario.traffic.values()
    asked = [entry.model for entry in entries]
    traces = [entry.trace for entry in entries if entry.trace is not None]
    if traces:
        asked += [pool.model for pool in scenario.pools.values()]
    for trace in traces:
        asked += (trace.models or {}).values()
    return tuple(dict.fromkeys(asked))


@dataclass(slots=True)
class _Builder:
    """Builds one entry of the traffic section.

    Attributes:
        trace: the trace that the entry is made of, in its window and at its own rate.
        left: requests of a replay after its rate was scaled.
    """

    scenario: Scenario
    name: str
    entry: schema.Workload
    streams: Streams
    models: tuple[str, ...]
    trace: Trace | None = field(default=None, init=False)
    left: int = field(default=0, init=False)

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

    @property
    def ends_s(self) -> float:
        """Time after which no request comes [s], infinite where that is not known."""
        if self.trace is None or self.entry.is_endless:
            return math.inf
        return max(0.0, self.trace.span_s - (0.0 if self.reads_its_window else self.from_s))

    def notes(self) -> Iterator[str]:
        """Yield what a reader of the results should know of the entry, once it is built."""
        if self.trace is None:
            return
        yield from rows_left_out(self.trace.report)
        if self.entry.trace is None:
            return
        yield from unknown_labels(self.trace, self._spreads())
        yield from early_end(self.ends_s, self.scenario.run)
        report = self.trace.report
        yield from clock_doubts(self.trace.arrival_s)
        yield from part_used(len(self.trace), report.seen, report.seen_all)
        if not self.left:
            yield f"a scale of {self.entry.trace.scale:g} left none of {len(self.trace):,} requests"

    def workloads(self) -> list[NamedWorkload]:
        """Return the entry as a workload, or one per region where their clocks differ.

        Sessions are none: what they send depends on the run, see `sim.traffic.build.sessions`.
        """
        if self.entry.sessions is not None:
            if self.from_s:
                expected = "0 s: what sessions send depends on the run before"
                raise TraceError([Problem("run.from", f"{self.from_s:g} s", expected)])
            return []
        tenant, system_tokens = self.tenant, self.entry.system_prompt_tokens or 0
        block_tokens = self.scenario.prefix_block_tokens
        settings = BlockSettings(block_tokens, system_tokens, tenant) if block_tokens else None
        from_s = 0.0 if self.reads_its_window else self.from_s
        tiers, regions, models = self._spreads()
        whole = NamedWorkload(
            name=self.name,
            demand=self._demand(),
            models=models,
            tiers=tiers,
            regions=regions,
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
                regions=Spread(Shares.of({region: 1.0}, tuple(self.scenario.topology.regions))),
                block_settings=settings and replace(settings, part=part),
            )
            for part, (region, share) in enumerate(self.entry.regions.items())
        ]

    def _spreads(self) -> tuple[Spread, Spread, Spread]:
        """Return the spread over tiers, regions and models."""
        entry, topology = self.entry, self.scenario.topology
        return (
            self._spread("tier", entry.tiers, tuple(self.scenario.tiers)),
            self._spread("region", entry.regions, tuple(topology.regions)),
            self._spread("model", {entry.model: 1.0}, self.models),
        )

    def _spread(self, column: str, shares: Mapping[str, float], names: tuple[str, ...]) -> Spread:
        if self.entry.trace is None:
            return Spread(Shares.of(shares, names))
        chosen = getattr(self.entry.trace, f"{column}s") or {}
        return spread_by_label(column, shares, names, chosen)

    def _demand(self) -> Demand:
        entry = self.entry
        if entry.trace is not None:
            chance = self.streams.generator("traffic", self.name, "scaling")
            trace = self.trace = self._replayed(entry.trace)
            where = f"{self.where}.trace"
            refuse_unserved(self.scenario, self.models, trace, self._spreads(), where)
            scaled = scale_rate(trace, entry.trace.scale, entry.trace.method, chance)
            self.left = len(scaled)
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
        arrivals = build_arrivals(entry.arrivals, f"{where}.arrivals", region, self.scenario.begins)
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
        trace = self.trace = read_trace(path, fitted.format or "", fitted.bad_rows)
        if fitted.stretch_s is None and fitted.cycle_s is None:
            return Scaled(fit(trace), fitted.scale)
        spread = smooth(trace, self.streams.generator("traffic", self.name, "grid"))
        shuffle = CycleShuffle(spread, fitted.stretch_s or math.inf, fitted.cycle_s or 0.0)
        return Scaled(shuffle, fitted.scale)

    def _find(self, reference: str, key: str) -> Path:
        return find_trace(reference, self.scenario.base_dir, f"{self.where}.{key}")


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

"""From the sessions in a scenario's traffic section to what the session source needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from numpy.random import Generator

from sim.rng import Streams
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.sessions import SessionReplay, Sessions
from sim.traffic.arrivals.arrivals import ArrivalProcess
from sim.traffic.build.arrivals import build_arrivals
from sim.traffic.prompt_blocks import BlockNames, BlockSettings
from sim.traffic.reader import find_trace, read_trace
from sim.traffic.session_plans import DialogueLaw, RecordedSessions, SessionPlan
from sim.traffic.sessions import SessionWorkload
from sim.traffic.workload import Shares


def build_sessions(
    scenario: Scenario, streams: Streams, models: Sequence[str]
) -> list[SessionWorkload]:
    """Return the entries of a scenario's traffic that consist of sessions.

    Args:
        scenario: the validated scenario.
        streams: the run's random streams.
        models: names of the models that traffic asks for, by index.

    Raises:
        TraceError: a trace cannot be read, or has no sessions.
    """
    found = []
    for tenant, (name, entry) in enumerate(scenario.traffic.items()):
        sessions = entry.sessions
        if sessions is None:
            continue

        def draw(purpose: str, name: str = name) -> Generator:
            return streams.generator("sessions", name, purpose)

        starts = sessions.starts
        system_tokens = entry.system_prompt_tokens or 0
        blocks = BlockSettings(scenario.prefix_block_tokens, system_tokens, tenant)
        where = f"traffic.{name}.sessions.starts"
        process = build_arrivals(starts, where, start=scenario.begins) if starts else None
        found.append(
            SessionWorkload(
                name=name,
                tenant=tenant,
                model=models.index(entry.model),
                tiers=Shares.of(entry.tiers, tuple(scenario.tiers)),
                regions=Shares.of(entry.regions, tuple(scenario.topology.regions)),
                plans=_plans(sessions, scenario, name, draw("plans")),
                starts_s=_times_s(process, draw("starts")) if process else None,
                concurrency=sessions.concurrency or 0,
                deadline_s=inf if sessions.deadline_s is None else sessions.deadline_s,
                places=draw("places"),
                system_tokens=system_tokens,
                block_names=BlockNames(blocks) if blocks.block_tokens else None,
            )
        )
    return found


def _plans(
    sessions: Sessions, scenario: Scenario, name: str, generator: Generator
) -> Iterator[SessionPlan]:
    if sessions.dialogue is not None:
        return DialogueLaw(sessions.dialogue).plans(generator)
    replay = sessions.replay or SessionReplay(path="")
    where = f"traffic.{name}.sessions.replay.path"
    trace = read_trace(find_trace(replay.path, scenario.base_dir, where), replay.format or "")
    limit_s = inf if replay.pause_limit_s is None else replay.pause_limit_s
    return RecordedSessions(trace, limit_s).plans(generator)


def _times_s(process: ArrivalProcess, generator: Generator) -> Iterator[float]:
    for block in process.times(generator):
        yield from block.tolist()

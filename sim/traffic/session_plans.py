"""What sessions will ask: prompts, answers and pauses of every turn, drawn or out of a trace."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from sim.errors import TraceError
from sim.interfaces import FloatArray, IntArray
from sim.scenario.schema import arrivals as schema_arrivals
from sim.scenario.schema import sessions as schema_sessions
from sim.traffic.lengths import Lognormal
from sim.traffic.trace import Trace


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """One session before it starts; the arrays have an entry for each turn.

    Attributes:
        input_tokens: prompt, with the whole conversation so far in it [tokens].
        output_tokens: answer [tokens].
        pause_s: time from the end of the answer before to the request; the first is unused [s].
        kept_tokens: start of the conversation so far, answers in it, that the prompt repeats;
            the first is 0 [tokens].
    """

    input_tokens: IntArray
    output_tokens: IntArray
    pause_s: FloatArray
    kept_tokens: IntArray


@dataclass(frozen=True, slots=True)
class DialogueLaw:
    """Draws sessions as a scenario describes them.

    Args:
        section: turns, lengths and pauses.
    """

    section: schema_sessions.Dialogue

    def plans(self, generator: Generator) -> Iterator[SessionPlan]:
        """Yield sessions without end."""
        section = self.section
        first = Lognormal(section.first_input.mean_tokens, section.first_input.cv)
        added = Lognormal(section.new_input.mean_tokens, section.new_input.cv)
        answer = Lognormal(section.output.mean_tokens, section.output.cv)
        while True:
            turns = int(generator.integers(section.turns.least, section.turns.most + 1))
            outputs = answer.draw(turns, generator)
            inputs, kept = self._contexts(
                first.draw(1, generator)[0], added.draw(turns, generator), outputs
            )
            yield SessionPlan(inputs, outputs, self._pauses_s(turns, generator), kept)

    def _contexts(
        self, first: int, added: IntArray, outputs: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Return prompts and what they repeat: all that was said, until it is compacted."""
        limit = self.section.context_limit_tokens or math.inf
        first = int(min(first, limit))
        inputs, kept = [first], [0]
        for new, said in zip(added[1:].tolist(), outputs[:-1].tolist(), strict=True):
            before = inputs[-1] + said
            compacts = before + new > limit
            inputs.append(int(min(first + new, limit)) if compacts else before + new)
            kept.append(first if compacts else before)
        return np.array(inputs, dtype=np.int64), np.array(kept, dtype=np.int64)

    def _pauses_s(self, turns: int, generator: Generator) -> FloatArray:
        section = self.section
        think_s = durations_s(section.think, turns, generator)
        if section.tool is None:
            return think_s
        tool_s = durations_s(section.tool, turns, generator)
        return np.where(generator.random(turns) < section.tool_share, tool_s, think_s)


@dataclass(frozen=True, slots=True)
class RecordedSessions:
    """The sessions of a trace in the order in which they start, again and again.

    Args:
        trace: with a session on each request.
        pause_limit_s: longer pauses are cut to this [s].
    """

    trace: Trace
    pause_limit_s: float = math.inf

    def plans(self, generator: Generator) -> Iterator[SessionPlan]:
        """Yield sessions without end; nothing is drawn."""
        recorded = self._recorded()
        while True:
            yield from recorded

    def _recorded(self) -> list[SessionPlan]:
        trace = self.trace
        session = trace.labels.get("session")
        codes = session.codes if session is not None else np.empty(0, np.int32)
        rows = np.flatnonzero(codes >= 0)
        if not len(rows):
            raise TraceError("only a trace with sessions can be replayed in closed loop")
        rows = rows[np.argsort(codes[rows], kind="stable")]
        groups = np.split(rows, np.flatnonzero(np.diff(codes[rows])) + 1)
        groups.sort(key=lambda group: float(trace.arrival_s[group[0]]))
        return [self._plan(group) for group in groups]

    def _plan(self, rows: IntArray) -> SessionPlan:
        trace = self.trace
        pause_s = np.asarray(trace.extras.get("think_s", np.full(len(trace), np.nan))[rows])
        took_s = np.asarray(trace.extras.get("e2e_s", np.zeros(len(trace)))[rows])
        gap_s = np.diff(trace.arrival_s[rows], prepend=trace.arrival_s[rows[0]])
        since_answer_s = gap_s - np.nan_to_num(np.roll(took_s, 1))
        pause_s = np.where(np.isnan(pause_s), since_answer_s, pause_s)
        inputs = trace.input_tokens[rows].astype(np.int64)
        outputs = trace.output_tokens[rows].astype(np.int64)
        pause_s = np.clip(pause_s, 0.0, self.pause_limit_s)
        return SessionPlan(inputs, outputs, pause_s, self._repeated(rows, inputs, outputs))

    def _repeated(self, rows: IntArray, inputs: IntArray, outputs: IntArray) -> IntArray:
        """Return what the prompts of a session repeat [tokens].

        A prompt that is long enough repeats the one before with its answer. One that is only
        longer than the prompt before lacks the answer, as without its thinking; a shorter one is
        another. Block ids overrule that where they differ.
        """
        before, answered, after = inputs[:-1], (inputs + outputs)[:-1], inputs[1:]
        kept = np.where(after >= answered, answered, np.where(after >= before, before, 0))
        blocks = self.trace.blocks
        if blocks is not None:
            ids, size = [blocks.of(int(row)) for row in rows], blocks.block_tokens
            alike = np.array([_alike(*pair) * size for pair in pairwise(ids)], dtype=np.int64)
            kept = np.where(alike >= before // size * size, np.maximum(kept, before), alike)
        return np.concatenate([[0], kept]).astype(np.int64)


def _alike(before: IntArray, after: IntArray) -> int:
    """Return how many ids two lists have in common at their start."""
    shorter = min(len(before), len(after))
    differs = before[:shorter] != after[:shorter]
    return int(differs.argmax()) if differs.any() else shorter


def durations_s(law: schema_arrivals.Duration, number: int, generator: Generator) -> FloatArray:
    """Return times of a mean and cv [s]: exponential for a cv of 1, else lognormal."""
    if law.cv == 1.0:
        return np.asarray(generator.standard_exponential(number) * law.mean_s)
    variance = math.log1p(law.cv**2)
    normal = generator.standard_normal(number) * math.sqrt(variance)
    return np.asarray(law.mean_s * np.exp(normal - variance / 2.0))

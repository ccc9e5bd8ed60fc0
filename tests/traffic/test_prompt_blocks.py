"""Ids of prompt blocks: two contexts share an id where, and only where, they are alike up to it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import TraceError
from sim.interfaces import PrefixBlocks
from sim.rng import Streams
from sim.scenario.schema.sessions import Dialogue
from sim.traffic.demand import ReplayDemand
from sim.traffic.prompt_blocks import BlockNames, BlockSettings, regrained
from sim.traffic.session_plans import DialogueLaw, RecordedSessions
from sim.traffic.trace import Labels, Trace, make_trace
from sim.traffic.transforms import superpose


def blocks(*rows, block_tokens=512):
    offsets = np.cumsum([0, *map(len, rows)])
    return PrefixBlocks(np.array([i for row in rows for i in row]), offsets, block_tokens)


def rows_of(found):
    return [found.of(row).tolist() for row in range(len(found.offsets) - 1)]


def alike(first, second):
    """Return how many ids two lists share from their start; behind that they share none."""
    number = 0
    while number < min(len(first), len(second)) and first[number] == second[number]:
        number += 1
    assert set(first[number:]).isdisjoint(second[number:])
    return number


def test_the_last_block_of_a_trace_counts_only_if_it_is_whole():
    found = regrained(blocks([7, 8, 9], [7, 8]), np.array([1100, 1024]), 512)
    assert [len(row) for row in rows_of(found)] == [2, 2]
    assert alike(*rows_of(found)) == 2


def test_smaller_blocks_take_their_place_in_the_larger_one():
    """Alike for one block of 512: four blocks of 128; the rest of 600 tokens has none whole."""
    found = regrained(blocks([7, 8], [7, 9]), np.array([600, 1024]), 128)
    assert [len(row) for row in rows_of(found)] == [4, 8]
    assert alike(*rows_of(found)) == 4
    partly = regrained(blocks([7, 8], [7, 8]), np.array([700, 1024]), 128)
    assert alike(*rows_of(partly)) == 5  # the same id stands for the same tokens


def test_a_larger_block_is_known_by_the_last_one_in_it():
    found = regrained(blocks([1, 2, 3, 4, 5], [1, 2, 3, 9, 5]), np.array([2560, 2560]), 1024)
    assert [len(row) for row in rows_of(found)] == [2, 2]
    assert alike(*rows_of(found)) == 1


def test_blocks_that_do_not_fit_into_each_other_are_refused():
    with pytest.raises(TraceError, match="a multiple or a whole part"):
        regrained(blocks([1]), np.array([512]), 300)


def test_prompts_share_their_system_prompt_and_nothing_else():
    names = BlockNames(BlockSettings(64, system_tokens=200, tenant=2))
    inputs, outputs = np.array([400, 250, 100]), np.array([49, 10, 1])
    found = rows_of(names.of_prompts(inputs, outputs))
    # 400 + 49 - 1 = 448 tokens are stored: the answer completes the seventh block.
    assert [len(row) for row in found] == [7, 4, 1]
    assert alike(found[0], found[1]) == 3  # whole blocks of 200 tokens
    (other,) = rows_of(BlockNames(BlockSettings(64, 200, tenant=3)).of_prompts(*np.c_[400, 49].T))
    assert alike(found[0], other) == 0
    (part,) = rows_of(
        BlockNames(BlockSettings(64, 200, tenant=2, part=1)).of_prompts(*np.c_[400, 49].T)
    )
    assert alike(found[0], part) == 3


@given(
    turns=st.lists(
        st.tuples(st.integers(1, 300), st.integers(1, 200), st.integers(0, 400)),
        min_size=2,
        max_size=8,
    ),
    system=st.integers(0, 150),
)
def test_turns_share_the_whole_blocks_of_what_they_repeat(turns, system):
    names, size = BlockNames(BlockSettings(16, system)), 16
    contexts, before, length = [], [], 0
    for new, said, repeats in turns:
        kept = system + min(repeats, max(0, length - system))
        stored = kept + new + said - 1
        before = names.of_turn(before, kept, stored)
        contexts.append((before, kept, stored))
        length = stored + 1
    for (first, _, stored), (second, kept, _) in pairwise(contexts):
        assert len(first) == stored // size
        assert alike(first, second) == min(kept, stored) // size


def test_compaction_keeps_the_first_prompt_of_a_dialogue():
    law = {
        "turns": {"least": 30, "most": 30},
        **{
            name: {"mean": "100 tokens", "cv": 0.5}
            for name in ("first_input", "new_input", "output")
        },
        "think": {"mean": "1 s", "cv": 1.0},
        "context_limit": "900 tokens",
    }
    plan = next(DialogueLaw(Dialogue(**law)).plans(Streams(1).generator("plans")))
    inputs, answered = plan.input_tokens, plan.input_tokens + plan.output_tokens
    grows = plan.kept_tokens[1:] == answered[:-1]
    assert plan.kept_tokens[0] == 0
    assert (inputs[1:][grows] > answered[:-1][grows]).all()
    assert set(plan.kept_tokens[1:][~grows]) == {inputs[0]}
    assert 0 < grows.sum() < 29


def recorded(inputs, outputs, ids=None):
    trace = make_trace(np.arange(len(inputs), dtype=float), inputs, outputs)
    session = {"session": Labels(np.zeros(len(inputs), np.int32), ("a",))}
    found = Trace(
        trace.arrival_s, trace.input_tokens, trace.output_tokens, trace.span_s, labels=session
    )
    if ids is not None:
        found = Trace(
            *(trace.arrival_s, trace.input_tokens, trace.output_tokens, trace.span_s),
            labels=session,
            blocks=blocks(*ids, block_tokens=64),
        )
    (plan,) = [next(RecordedSessions(found).plans(Streams(0).generator("x")))]
    return plan.kept_tokens.tolist()


def test_a_recorded_session_repeats_what_its_lengths_allow():
    """Longer than prompt and answer; longer than the prompt alone; shorter."""
    assert recorded([100, 160, 180, 50], [50, 40, 10, 5]) == [0, 150, 160, 0]


def test_block_ids_overrule_the_lengths_of_a_recorded_session():
    ids = [[1, 2], [1, 2, 3], [1, 7, 8, 9]]
    assert recorded([130, 200, 300], [20, 40, 10], ids) == [0, 150, 64]


def test_copies_and_laps_of_a_trace_share_nothing():
    trace = make_trace([0.0, 1.0], [600, 600], [5, 5], 2.0)
    trace = Trace(
        *(trace.arrival_s, trace.input_tokens, trace.output_tokens, trace.span_s),
        blocks=blocks([3, 4], [3, 5]),
    )
    tripled = superpose(trace, 3.0, Streams(0).generator("x"))
    firsts = [row[0] for row in rows_of(tripled.blocks)]
    assert sorted(firsts.count(first) for first in set(firsts)) == [2, 2, 2]
    laps = ReplayDemand(trace, loop=True).pieces(Streams(0).generator)
    first, second = (rows_of(next(laps).blocks) for _ in range(2))
    assert alike(first[0], first[1]) == alike(second[0], second[1]) == 1
    assert alike(first[0], second[0]) == 0

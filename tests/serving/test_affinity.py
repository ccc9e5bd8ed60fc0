"""Dispatch by prompt: the replica that was last sent most of it, unless that is too busy."""

from __future__ import annotations

import pytest

from sim.serving.queues.affinity import MOST_AHEAD, PrefixAffinity


@pytest.fixture
def dispatch():
    return PrefixAffinity(3, lambda: 0.5)


def pick(dispatch, prompt, answer=()):
    dispatch.coming, dispatch.prompt_blocks = [*prompt, *answer], len(prompt)
    return dispatch.pick()


def test_a_conversation_stays_where_it_is(dispatch):
    home = pick(dispatch, [1, 2], answer=[3])
    dispatch.moved(home, 1)
    assert pick(dispatch, [1, 2, 3, 4]) == home
    other = pick(dispatch, [7, 8])
    assert other != home


def test_the_longest_start_decides(dispatch):
    first = pick(dispatch, [1, 2])
    dispatch.moved(first, 1)
    second = pick(dispatch, [9])
    dispatch._sent_to[3] = second  # it has the third block, the first replica only two
    assert pick(dispatch, [1, 2, 3, 4]) == second


def test_a_start_that_is_short_for_the_prompt_does_not_count(dispatch):
    """Three blocks of ten are 30 %: not above the threshold. Four are."""
    home = pick(dispatch, [1, 2, 3, 4])
    dispatch.moved(home, 1)
    assert pick(dispatch, [1, 2, 3, *range(50, 57)]) != home
    home = pick(dispatch, [21, 22, 23, 24])
    dispatch.moved(home, 1)
    assert pick(dispatch, [21, 22, 23, 24, *range(60, 66)]) == home


def test_one_that_is_far_busier_than_the_least_loaded_is_left_alone(dispatch):
    home = pick(dispatch, [1, 2])
    for _ in range(MOST_AHEAD):
        dispatch.moved(home, 1)
    assert pick(dispatch, [1, 2]) == home
    dispatch.moved(home, 1)
    assert pick(dispatch, [1, 2]) != home


def test_many_more_do_not_matter_where_all_are_busy(dispatch):
    """300 against 210 are 90 more, but less than 1.5 times as many."""
    home = pick(dispatch, [1, 2])
    for member in range(3):
        for _ in range(300 if member == home else 210):
            dispatch.moved(member, 1)
    assert pick(dispatch, [1, 2]) == home


def test_a_replica_out_of_service_is_not_asked(dispatch):
    home = pick(dispatch, [1, 2])
    dispatch.remove(home)
    assert pick(dispatch, [1, 2]) != home


def test_what_was_heard_of_first_is_forgotten_first(dispatch, monkeypatch):
    monkeypatch.setattr("sim.serving.queues.affinity.REMEMBERED", 10)
    home = pick(dispatch, [1])
    dispatch.moved(home, 1)
    pick(dispatch, [], answer=range(100, 110))
    assert len(dispatch._sent_to) == 10
    assert pick(dispatch, [1]) != home

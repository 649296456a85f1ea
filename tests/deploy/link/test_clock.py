"""Counting joint states by their numbers."""

from sleight.deploy.link.peer_clock import StateMeter


def meter(*numbers):
    found = StateMeter()
    for at, seq in enumerate(numbers):
        found.note(seq, 0.008 * at)
    return found


def test_numbers_that_never_came_are_counted():
    assert meter().lost == 0
    assert meter(7, 8, 9).lost == 0
    assert meter(7, 9, 12).lost == 3


def test_states_that_overtook_each_other_are_not_lost():
    """Nor more than found, when the last one to come, or the first, is not the newest or oldest."""
    assert meter(7, 9, 8).lost == 0
    assert meter(8, 7, 10, 9).lost == 0
    assert meter(8, 7, 11, 9).lost == 1

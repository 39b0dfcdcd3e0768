"""Descriptors are dealt out to queues in turn."""

from collections import Counter
from functools import partial
from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.driver.turns import Levels, Turns


def test_each_descriptor_goes_to_the_next_queue() -> None:
    """And the first of the next deal to the queue after the last one's."""
    turns = Turns(3)

    assert [turns.deal(1) for _ in range(4)] == [
        [(0, 1)],
        [(1, 1)],
        [(2, 1)],
        [(0, 1)],
    ]


@pytest.mark.parametrize(
    ("count", "shares"),
    [(2, [(0, 2)]), (3, [(0, 3)]), (4, [(0, 3), (1, 1)]), (8, [(0, 5), (1, 3)])],
)
def test_queue_gets_consec_descriptors_in_a_row(
    count: int, shares: list[tuple[int, int]]
) -> None:
    """g_consec_descs_per_gwq of 3, two queues."""
    assert Turns(2, 3).deal(count) == shares


def test_a_turn_goes_on_in_the_next_deal() -> None:
    """What a queue has yet to get in a row it gets first."""
    turns = Turns(2, 3)
    turns.deal(2)

    assert turns.deal(2) == [(0, 1), (1, 1)]


def test_whole_rounds_begin_where_the_last_deal_ended() -> None:
    """Each queue gets the same, the one whose turn it is first."""
    turns = Turns(3)
    turns.deal(1)

    assert turns.deal(6) == [(1, 2), (2, 2), (0, 2)]
    assert turns.deal(1) == [(1, 1)]


@given(
    queues=st.integers(1, 9),
    consec=st.integers(1, 70),
    deals=st.lists(st.integers(0, 600), max_size=8),
)
def test_turns_deal_as_one_by_one(queues: int, consec: int, deals: list[int]) -> None:
    """The model walks round the queues, one descriptor at a time."""
    turns = Turns(queues, consec)
    model = cycle(place for place in range(queues) for _ in range(consec))
    for count in deals:
        shares = turns.deal(count)
        places = [place for place, _ in shares]

        assert dict(shares) == Counter(islice(model, count))
        assert len(places) == len(set(places))
        assert places == [(places[0] + step) % queues for step in range(len(places))]


def levels(*lengths: int) -> Levels:
    """Give a dealer to queues that are so long."""
    return Levels([partial(int, length) for length in lengths])


@given(
    lengths=st.lists(st.integers(0, 50), min_size=1, max_size=9),
    count=st.integers(1, 100),
)
def test_queues_become_as_even_as_can_be(lengths: list[int], count: int) -> None:
    """All is dealt out, and who got some is at most one longer than the shortest."""
    shares = dict(levels(*lengths).deal(count))
    after = [length + shares.get(place, 0) for place, length in enumerate(lengths)]

    assert sum(shares.values()) == count
    assert all(share > 0 for share in shares.values())
    assert all(after[place] <= min(after) + 1 for place in shares)


def test_equal_queues_are_first_in_turn() -> None:
    """Single descriptors do not all go to the first."""
    dealer = levels(0, 0, 0)

    assert [dealer.deal(1) for _ in range(4)] == [
        [(0, 1)],
        [(1, 1)],
        [(2, 1)],
        [(0, 1)],
    ]


def test_queue_that_is_ahead_gets_nothing() -> None:
    """Its device is slower, or has no core: the others do not wait for it."""
    assert levels(40, 0).deal(8) == [(1, 8)]

"""Descriptors are dealt out to queues in turn."""

from collections import Counter
from functools import partial
from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.driver.turns import Shortest, Turns


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


def shortest(*lengths: int) -> Shortest:
    """Give a dealer to queues that are so long."""
    return Shortest([partial(int, length) for length in lengths])


@given(
    lengths=st.lists(st.integers(0, 50), min_size=1, max_size=9),
    count=st.integers(1, 100),
)
def test_a_shortest_queue_gets_all(lengths: list[int], count: int) -> None:
    """However much that is: a request that is split costs more, and ends no sooner."""
    ((place, share),) = shortest(*lengths).deal(count)

    assert share == count
    assert lengths[place] == min(lengths)


def test_of_equal_queues_the_one_used_last_gets_more() -> None:
    """Its device is awake."""
    lengths = [5, 0, 0]
    dealer = Shortest([partial(lengths.__getitem__, place) for place in range(3)])
    places = []
    for lengths[0], lengths[1] in ((5, 0), (0, 0), (0, 3), (5, 3), (3, 3)):
        places.append(dealer.deal(1)[0][0])

    assert places == [1, 1, 0, 2, 2]

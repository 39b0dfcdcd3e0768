"""The search finds what x86-64 may do, and nothing that it may not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from tests.tools.interleavings import Found, Interleavings
from tests.tools.stepped_memory import Memory

# What an actor does: it has the words x and y, and gives what it saw.
Deed = Callable[["Litmus", memoryview], object]


# What a deed gives that has to be done once more.
AGAIN = "again"
WAVERED: list[None] = []


@dataclass
class Litmus:
    """An actor that does one thing, and remembers what came of it."""

    name: str
    memory: Memory
    words: memoryview
    deed: Deed
    seen: list[object] = field(default_factory=list)

    def step(self) -> bool:
        """Do it, until it is done."""
        if self.seen:
            return False
        seen = self.deed(self, self.words)
        self.seen = [] if seen == AGAIN else [seen]
        return True


def searched(*deeds: Deed, depth: int = 16) -> tuple[Found, set[tuple[object, ...]]]:
    """Give what is found, and all that the actors may see."""
    memory = Memory()
    words = memory.words("word", 2)
    search = Interleavings(
        memory,
        [Litmus(f"actor {i}", memory, words, deed) for i, deed in enumerate(deeds)],
        depth,
    )
    found = search.search()
    return found, {
        tuple(cast("Litmus", search.actor(end, i)).seen[0] for i in range(len(deeds)))
        for end in found.ends
    }


def outcomes(*deeds: Deed) -> set[tuple[object, ...]]:
    """Give all that the actors may see; nothing goes wrong."""
    found, seen = searched(*deeds)
    assert found.counterexample is None
    return seen


# Deeds: x is word 0, y is word 1.


def store_x_look_at_y(actor: Litmus, words: memoryview) -> object:
    """One side of SB."""
    del actor
    words[0] = 1
    return words[1]


def store_y_look_at_x(actor: Litmus, words: memoryview) -> object:
    """Its other side."""
    del actor
    words[1] = 1
    return words[0]


def store_x_barrier_look_at_y(actor: Litmus, words: memoryview) -> object:
    """One side of SB with a barrier."""
    words[0] = 1
    actor.memory.full_barrier()
    return words[1]


def store_y_barrier_look_at_x(actor: Litmus, words: memoryview) -> object:
    """Its other side."""
    words[1] = 1
    actor.memory.full_barrier()
    return words[0]


def update_x_look_at_y(actor: Litmus, words: memoryview) -> object:
    """One side of SB with a locked update."""
    actor.memory.eventfd_write(0, 1)
    return words[1]


def store_x_then_y(actor: Litmus, words: memoryview) -> object:
    """The message, then the flag."""
    del actor
    words[0] = 1
    words[1] = 1
    return None


def look_at_y_then_x(actor: Litmus, words: memoryview) -> object:
    """The flag, then the message."""
    del actor
    return words[1], words[0]


def look_at_x_then_y(actor: Litmus, words: memoryview) -> object:
    """The message, then the flag: too early."""
    del actor
    return words[0], words[1]


def store_x_look_at_x(actor: Litmus, words: memoryview) -> object:
    """One's own store is seen at once."""
    del actor
    words[0] = 7
    return words[0]


def add_to_x(actor: Litmus, words: memoryview) -> object:
    """Look and store: two steps."""
    del actor
    words[0] = words[0] + 1
    return None


def update_x(actor: Litmus, words: memoryview) -> object:
    """Look and store: one step."""
    del words
    actor.memory.eventfd_write(0, 1)
    return None


def wait_for_x(actor: Litmus, words: memoryview) -> object:
    """Sleep until somebody stores."""
    del words
    actor.memory.wait_for(0)
    return None


def try_until_y(actor: Litmus, words: memoryview) -> object:
    """Look once an operation."""
    del actor
    return words[1] or AGAIN


def do_nothing(actor: Litmus, words: memoryview) -> object:
    """Be in the way of nobody."""
    del actor, words
    return AGAIN


def read_x(actor: Litmus, words: memoryview) -> object:
    """Read x as an eventfd that does not block."""
    del words
    try:
        return actor.memory.eventfd_read(0)
    except BlockingIOError:
        return "nobody wrote"


def waver(actor: Litmus, words: memoryview) -> object:
    """Do something else each time."""
    del actor
    WAVERED.append(None)
    return words[len(WAVERED) % 2], words[0]


def raise_where_y_is_first(actor: Litmus, words: memoryview) -> object:
    """Refuse one order of two things."""
    del actor
    assert not words[1], "y is first"
    return None


# SB: store buffering


def test_stores_wait_in_buffers_while_loads_pass() -> None:
    """SB: without barriers both may look before either store is in memory."""
    both = outcomes(store_x_look_at_y, store_y_look_at_x)

    assert both == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_barriers_on_both_sides_let_one_see_the_other() -> None:
    """SB: whichever barrier comes second."""
    both = outcomes(store_x_barrier_look_at_y, store_y_barrier_look_at_x)

    assert both == {(0, 1), (1, 0), (1, 1)}


def test_barrier_on_one_side_is_not_enough() -> None:
    """SB: the other side's store still waits."""
    assert (0, 0) in outcomes(store_x_barrier_look_at_y, store_y_look_at_x)


def test_locked_update_is_a_barrier() -> None:
    """SB: it waits for the buffer, and goes to memory itself."""
    both = outcomes(update_x_look_at_y, store_y_barrier_look_at_x)

    assert both == {(0, 1), (1, 0), (1, 1)}


# MP: message passing


def test_flag_is_never_seen_before_its_message() -> None:
    """MP: stores keep their order, and loads theirs."""
    seen = {
        flag_message for _, flag_message in outcomes(store_x_then_y, look_at_y_then_x)
    }

    assert seen == {(0, 0), (0, 1), (1, 1)}


def test_message_that_is_looked_at_first_may_be_old() -> None:
    """MP the wrong way round: the search would find it."""
    seen = {pair for _, pair in outcomes(store_x_then_y, look_at_x_then_y)}

    assert (0, 1) in seen


# One memory


def test_own_store_is_seen_from_the_buffer() -> None:
    """Whether or not it has drained."""
    assert outcomes(store_x_look_at_x) == {(7,)}


@pytest.mark.parametrize(
    ("deed", "sums"), [(add_to_x, {1, 2}), (update_x, {2})], ids=["plain", "locked"]
)
def test_update_is_lost_where_it_is_not_locked(deed: Deed, sums: set[int]) -> None:
    """Two that add 1 at once."""
    found, _ = searched(deed, deed)

    assert {end[0] for end in found.ends} == sums


def test_eventfd_that_is_read_is_nothing_again() -> None:
    """Whoever reads it before it is written does not block."""
    found, seen = searched(read_x, update_x, update_x)

    assert {read for read, *_ in seen} == {"nobody wrote", 1, 2}
    assert {end[0] for end in found.ends} == {0, 1, 2}


# What goes wrong


def test_wrong_cells_are_found_with_the_way_there() -> None:
    """Step by step, the shortest one."""
    memory = Memory()
    words = memory.words("word", 2)
    actor = Litmus("actor", memory, words, store_x_then_y)
    search = Interleavings(memory, [actor])
    found = search.search(lambda cells: "y is set" if cells[1] else "")

    assert found.counterexample == (
        "y is set",
        [
            "actor: stores word[0]: 1",
            "actor: stores word[1]: 1",
            "    drained, actor: stores word[0]: 1",
            "    drained, actor: stores word[1]: 1",
        ],
    )


def test_error_of_an_actor_is_found() -> None:
    """In one order of two it comes."""
    found, _ = searched(store_x_then_y, raise_where_y_is_first)

    assert found.counterexample is not None
    assert "actor 1: AssertionError: y is first" in found.counterexample.what


def test_actor_that_sleeps_for_ever_is_found() -> None:
    """Nobody will ever store."""
    found, _ = searched(wait_for_x)

    assert found.counterexample == ("actor 0: for ever", [])


def test_actor_that_is_woken_is_none() -> None:
    """Its wait ends when the store has drained."""
    assert outcomes(store_x_look_at_y, wait_for_x) == {(0, None)}


def test_actor_that_tries_for_ever_is_found() -> None:
    """It takes steps, and comes nowhere."""
    found, _ = searched(try_until_y)

    assert found.counterexample is not None
    assert found.counterexample.what == "from here no end can be reached"


def test_actor_that_only_turns_round_is_found() -> None:
    """It does one operation after the other, and touches nothing."""
    found, _ = searched(do_nothing)

    assert found.counterexample is not None
    assert "operations without an access" in found.counterexample.what


def test_actor_that_tries_until_it_succeeds_is_none() -> None:
    """How often depends on the scheduler, so there are circles; each has a way out."""
    assert outcomes(store_x_then_y, try_until_y) == {(None, 1)}


def test_full_buffer_drains_before_the_next_store() -> None:
    """A buffer of one store: the second one waits."""
    found, seen = searched(store_x_then_y, look_at_y_then_x, depth=1)

    assert (found.counterexample, found.deepest) == (None, 1)
    assert {pair for _, pair in seen} == {(0, 0), (0, 1), (1, 1)}


def test_actor_that_does_not_repeat_itself_is_refused() -> None:
    """It is run again for each step, so it has to do the same again."""
    found, _ = searched(waver)

    assert found.counterexample is not None
    assert "in its place" in found.counterexample.what

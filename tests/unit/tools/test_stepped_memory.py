"""Code that is handed stepped memory is stopped at each access, and goes on there."""

from collections.abc import Callable

import pytest

from mpzswap.ring.lane import Lane
from tests.tools.stepped_memory import Access, Kind, Log, Memory, Stopped

FIRST, SECOND = Access(Kind.LOAD, 0), Access(Kind.LOAD, 1)


def next_access(memory: Memory, log: Log, run: Callable[[], object]) -> Access:
    """Run an operation again, of which *log* was done; give where it stops."""
    memory.begin(log)
    with pytest.raises(Stopped) as stopped:
        run()
    return stopped.value.access


def test_each_item_of_an_iteration_is_a_step() -> None:
    """In order; what was read before is read again."""
    memory = Memory()
    words = memory.words("word", 2)

    assert next_access(memory, (), lambda: sum(words)) == FIRST
    assert next_access(memory, ((FIRST, 5),), lambda: sum(words)) == SECOND


def test_operation_that_was_done_goes_through() -> None:
    """With the values that were read."""
    memory = Memory()
    words = memory.words("word", 2)
    memory.begin(((FIRST, 5), (SECOND, 7)))

    assert sum(words) == 12


def test_parts_and_lengths_are_no_steps() -> None:
    """As with a memoryview, a part is lent."""
    memory = Memory()
    words = memory.words("word", 2)
    part = words[1:]

    assert (len(part), len(part[1:]), len(words)) == (1, 0, 2)
    assert next_access(memory, (), lambda: part[0]) == SECOND


def test_thing_that_is_made_before_sees_the_memory_as_it_is() -> None:
    """Its looks are no steps."""
    memory = Memory()
    words = memory.words("word", 2)
    memory.initial[1] = 9

    assert memory.before(lambda: sum(words)) == 9


def lane_of(memory: Memory) -> Lane:
    """Give a lane of one slot in two parts."""
    lent = memory.lane("lane", 1, parts=2)
    return memory.before(lambda: Lane(lent, 1))


def test_slot_is_stored_part_by_part() -> None:
    """Each part is a step: a slot is torn where nothing protects it."""
    memory = Memory()
    slots = lane_of(memory).slots
    data = b"a" * 32 + b"b" * 32
    first = next_access(memory, (), lambda: slots.__setitem__(slice(0, 64), data))
    log = ((first, 0),)
    second = next_access(memory, log, lambda: slots.__setitem__(slice(0, 64), data))

    assert (first.value, second.value) == (b"a" * 32, b"b" * 32)


def test_slot_is_loaded_part_by_part() -> None:
    """And put together."""
    memory = Memory()
    lane = lane_of(memory)
    parts = [memory.cell(f"lane.slot[0].{part}") for part in range(2)]
    memory.begin(tuple((Access(Kind.LOAD, cell), bytes([cell]) * 32) for cell in parts))

    assert lane.peek(1) == b"".join(bytes([cell]) * 32 for cell in parts)


def test_place_that_is_nobodys_is_refused() -> None:
    """Code that reaches beyond what it was lent, or between its words, is found."""
    memory = Memory()
    lane = memory.lane("lane", 2)
    words = lane.cast("Q")
    memory.words("word behind it")

    with pytest.raises(KeyError):
        words[1] = 1
    with pytest.raises(KeyError):
        words[len(words)] = 1

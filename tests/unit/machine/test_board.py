"""The board tells every process which queues may be used."""

from collections.abc import Iterator

import pytest

from mpzswap.machine.board import Board, BoardLayout, DeviceState
from mpzswap.topology.model import Topology
from mpzswap.topology.wq_table import WqId

EVERY = [WqId(0, 0), WqId(0, 1), WqId(1, 0), WqId(1, 1)]


@pytest.fixture
def board() -> Iterator[Board]:
    """Give the board of two devices of two queues, both ready."""
    made = Board.create(BoardLayout.plan(Topology.named("laptop-2iaa"), 3))
    for device in (0, 1):
        made.set_state(device, DeviceState.READY)
    yield made
    made.close()


def test_queues_of_ready_devices_are_usable(board: Board) -> None:
    """All of them, until one is disabled or dies."""
    assert board.usable() == EVERY
    board.set_state(0, DeviceState.DIED)
    assert board.usable() == EVERY[2:]


def test_incarnation_has_died_only_after_it_began(board: Board) -> None:
    """One that is being started takes what is in its lanes: it is to be waited for."""
    told = []
    for state, incarnation in (
        (DeviceState.READY, 0),
        (DeviceState.DIED, 0),
        (DeviceState.STARTING, 1),
        (DeviceState.READY, 1),
        (DeviceState.DIED, 1),
        (DeviceState.STARTING, 2),
    ):
        board.set_state(0, state, incarnation)
        told.append((board.has_died(0, 0), board.has_died(0, 1)))

    assert told == [
        (False, False),
        *[(True, False)] * 3,
        *[(True, True)] * 2,
    ]


def test_disabled_queue_is_not_usable_until_it_is_enabled(board: Board) -> None:
    """The others are."""
    board.set_enabled([WqId(1, 0)], enabled=False)
    assert (board.usable(), board.is_enabled(WqId(1, 0))) == (
        [*EVERY[:2], EVERY[3]],
        False,
    )
    board.set_enabled([WqId(1, 0)], enabled=True)

    assert board.usable() == EVERY


def test_queues_of_a_device_that_died_stay_so(board: Board) -> None:
    """Enabling them does not bring it back."""
    board.set_state(0, DeviceState.DIED)
    board.set_enabled(EVERY, enabled=True)

    assert board.usable() == EVERY[2:]


def test_every_change_has_a_generation_of_its_own(board: Board) -> None:
    """Whoever compares numbers sees each."""
    seen = {board.generation}
    board.set_enabled([EVERY[0]], enabled=False)
    seen.add(board.generation)
    board.set_enabled([EVERY[0]], enabled=True)
    seen.add(board.generation)
    board.set_state(1, DeviceState.DIED)
    seen.add(board.generation)

    assert len(seen) == 4


def test_words_of_all_parts_are_apart(board: Board) -> None:
    """Disabling queues touches nothing of devices and submitters."""
    board.submitters = 3
    for device in (0, 1):
        board.device_words(device, 0)[0] = 7
    for wq in EVERY:
        board.queue_row(wq, 0)[2] = 9
    board.set_enabled(EVERY, enabled=False)

    assert board.submitters == 3
    assert [board.device_words(device, 0)[0] for device in (0, 1)] == [7, 7]
    assert [board.queue_row(wq, 0)[2] for wq in EVERY] == [9] * 4
    assert board.usable() == []

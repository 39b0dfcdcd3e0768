"""The board tells every process which queues may be used."""

from collections.abc import Iterator

import pytest

from mpzswap.machine.board import Board, BoardLayout, CpuWord, DeviceState
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


def test_words_of_every_incarnation_are_apart() -> None:
    """Those of devices, queues, late ones and CPUs, and the words before them."""
    devices = [
        {"name": "iax0", "restart": "on-failure", "restart_limit": 3},
        {"name": "iax1", "wqs": [{"size": 4, "name": name} for name in ("a", "b")]},
    ]
    topology = Topology.from_document(
        {"memory": "1G", "sockets": [{"cores": 2}], "devices": devices}
    )
    made = Board.create(BoardLayout.plan(topology, 11))
    of_each = [
        part
        for incarnation in range(4)
        for part in (
            *(made.device_words(device, incarnation) for device in (0, 1)),
            *(made.queue_row(wq, incarnation) for wq in made.layout.every_wq),
        )
    ]
    rows = [
        *of_each,
        *(made.late_row(device) for device in (0, 1)),
        *(made.cpu_row(word) for word in CpuWord),
    ]
    for number, row in enumerate(rows, 1):
        row[:] = memoryview(bytearray(number.to_bytes(8, "little") * len(row))).cast(
            "Q"
        )
    found = [set(row) for row in rows]
    state = made.state(0), made.generation, made.submitters
    made.close()

    assert found == [{number} for number in range(1, len(rows) + 1)]
    assert state == (DeviceState.STARTING, 0, 0)


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

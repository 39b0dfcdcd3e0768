"""
What the fuzz stands on: a device process, its board, and two submitters' memory.

The device is the one of the package, started and told of segments as any machine does;
the driver is not there, and no rule of it holds: descriptors go straight into lanes.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence

import numpy as np

from mpzswap.device.counters import DeviceCounters
from mpzswap.device.words import DEVICE_WORDS, NEED_WAKEUP
from mpzswap.driver.portal import PortalLayout
from mpzswap.machine.attachment import Attachment
from mpzswap.machine.board import Board, BoardLayout
from mpzswap.machine.devices import Devices
from mpzswap.machine.plan import Plan
from mpzswap.machine.process import Starter
from mpzswap.ring.doorbell import Doorbell
from mpzswap.ring.memory import WORD_BYTES
from mpzswap.topology.model import Device, Socket, Topology, WorkQueue
from tools.fuzz.memory import CAPACITY, PLACE, Party

PRELOADED = ("mpzswap.device.main",)
# Small, so that sizes on both sides of it are cheap.
MAX_TRANSFER = 1 << 15

TOPOLOGY = Topology(
    memory=1 << 30,
    sockets=(Socket(cores=1),),
    devices=(
        Device(
            name="iax0",
            work_queue_size=CAPACITY,
            max_transfer_size=MAX_TRANSFER,
            wqs=(WorkQueue(size=CAPACITY),),
        ),
    ),
)
# The one lane of the one device; records and buffers are elsewhere.
LANES = PortalLayout(
    lanes=(((PLACE,),),), records_offset=0, buffers_offset=0, nr_buffers=0
)


class Ground:
    """A device that runs, and whoever sends to it."""

    def __init__(
        self, board: Board, devices: Devices, parties: Sequence[Party]
    ) -> None:
        self.parties = parties
        self._board = board
        self._devices = devices
        self._process = devices.all[0]
        self._pid = self._process.child.pid
        words = board.device_words(0, incarnation=0)
        self._doorbell = Doorbell(words[NEED_WAKEUP], self._process.eventfd)
        self._words = np.frombuffer(board.segment.memory, np.uint8)
        self._others_words = self._board_of_others()

    def attach(self, party: Party) -> None:
        """Tell the device of a submitter: its data, its interrupt, its lane."""
        fds = party.data.segment.fd, party.eventfd
        data = Attachment(party.pasid, party.data.number, fds, int_handle=party.handle)
        self._devices.attach(data)
        self._attach_lane(party)

    def replace_lane(self, party: Party) -> None:
        """Take a lane that was given up away; give the submitter a new one."""
        self._devices.detach(party.lanes.number)
        self._attach_lane(party)

    def _attach_lane(self, party: Party) -> None:
        party.new_lane()
        fds = (party.lanes.segment.fd,)
        self._devices.attach(Attachment(party.pasid, party.lanes.number, fds, LANES))

    def ring(self) -> None:
        """Wake the device if it sleeps."""
        self._doorbell.ring()

    def counters(self) -> DeviceCounters:
        """Give what the device has counted up to now."""
        self._devices.publish_counters()
        return self._devices.counters(0)

    def complaint(self) -> str:
        """Say what is wrong with the device or the board; nothing if all is well."""
        if not self._process.child.is_alive():
            self._devices.look()
            return self._process.death or "the device is gone"
        if self._process.child.pid != self._pid:
            return f"the device has pid {self._process.child.pid}, was {self._pid}"
        if self._board_of_others() != self._others_words:
            return "the board: words that are not the device's have changed"
        return ""

    def _board_of_others(self) -> bytes:
        """Give the words of the board that are not the device's."""
        first = self._board.device_words_offset(0, incarnation=0)
        end = first + DEVICE_WORDS * WORD_BYTES
        return self._words[:first].tobytes() + self._words[end:].tobytes()


@contextlib.contextmanager
def ground(parties: Sequence[Party], compressor: str) -> Iterator[Ground]:
    """Start the device; it is gone after the block, and the memory with it."""
    with contextlib.ExitStack() as stack:
        for party in parties:
            stack.callback(party.close)
        board = Board.create(BoardLayout.plan(TOPOLOGY, len(parties)))
        stack.callback(board.close)
        devices = Devices(TOPOLOGY, board)
        stack.callback(devices.close)
        starter = stack.enter_context(Starter(PRELOADED))
        cores = tuple(sorted(os.sched_getaffinity(0)))
        devices.start(starter, Plan(TOPOLOGY, compressor, cores, len(parties)))
        stack.callback(devices.let_end)
        stood = Ground(board, devices, parties)
        for party in parties:
            stood.attach(party)
        yield stood

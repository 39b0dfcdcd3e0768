"""
The machine's device processes: started, told of memory, watched.

    STARTING --ready--> READY --its pidfd says so--> DIED      (words of the board)

A device that died is never waited for: its word says DIED, every driver chooses its
queues anew, and what was in flight there is done in software.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from mpzswap.device.counters import DeviceCounters
from mpzswap.device.main import NEED_WAKEUP_WORDS, DeviceConfig
from mpzswap.errors import CompletionTimeoutError, DeviceDiedError
from mpzswap.machine.board import Board, DeviceState
from mpzswap.machine.child import Child
from mpzswap.machine.process import Starter
from mpzswap.ring.attach import Attach, Detach, Publish, encode
from mpzswap.topology.model import Device, Topology

ENTRY = "mpzswap.device.main:main"
# A device maps and prefaults what it is told of after the batch in hand; a GiB takes
# half a second, and other processes may have the core.
ATTACH_TIMEOUT_S = 20.0


@dataclass(eq=False)
class DeviceProcess:
    """One device: its process and its doorbell."""

    index: int
    device: Device
    child: Child
    eventfd: int

    @property
    def name(self) -> str:
        """As the topology has it."""
        return self.device.name


class Devices:
    """All device processes of a machine."""

    def __init__(self, topology: Topology, board: Board) -> None:
        self.all: list[DeviceProcess] = []
        self._topology = topology
        self._board = board

    def start(self, starter: Starter, compressor: str, cores: Sequence[int]) -> None:
        """Start every device; ready when this returns."""
        for index, device in enumerate(self._topology.devices):
            eventfd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            config = DeviceConfig(
                device=device,
                compressor=compressor,
                words_offset=self._board.device_words_offset(index),
                # Unpinned, two busy devices were seen to share a core for long.
                core=cores[index % len(cores)],
                spin_ns=spin_ns(len(self._topology.devices), len(cores)),
            )
            child = starter.start(
                ENTRY,
                f"device {device.name}",
                msgspec.json.encode(config),
                [self._board.segment.fd, eventfd],
            )
            self.all.append(DeviceProcess(index, device, child, eventfd))
        for process in self.all:
            process.child.wait_ready()
            self._board.set_state(process.index, DeviceState.READY)

    def close(self) -> None:
        """Give the doorbells back; the processes end with their starter."""
        for process in self.all:
            os.close(process.eventfd)
        self.all.clear()

    @property
    def eventfds(self) -> tuple[int, ...]:
        """The doorbell of each device."""
        return tuple(process.eventfd for process in self.all)

    def attach(self, messages: Sequence[Attach], fd: int) -> None:
        """Tell each device its message about the segment *fd*, and wait for all."""
        self._tell([encode(message) for message in messages], [fd])

    def detach(self, message: Detach) -> None:
        """Let all devices forget a segment; when this returns they have."""
        self._tell([encode(message)] * len(self.all), [])

    def publish_counters(self) -> None:
        """Let all devices write their counters; when this returns they have."""
        self._tell([encode(Publish())] * len(self.all), [])

    def look(self) -> None:
        """Note in the board which devices have died."""
        for process in self.all:
            if not process.child.is_alive():
                self._note_death(process)

    def state(self, index: int) -> DeviceState:
        """Give what is known of a device."""
        return DeviceState(self._board.state(index))

    def counters(self, index: int) -> DeviceCounters:
        """Give what a device has counted."""
        words = self._board.device_words(index)
        return DeviceCounters.read(words[NEED_WAKEUP_WORDS:])

    def _tell(self, bodies: Sequence[bytes], fds: Sequence[int]) -> None:
        told = []
        for process, body in zip(self.all, bodies, strict=True):
            try:
                process.child.send(body, fds)
                told.append(process)
            except DeviceDiedError:
                self._note_death(process)
        for process in told:
            try:
                process.child.receive(ATTACH_TIMEOUT_S)
            except DeviceDiedError:
                self._note_death(process)
            except CompletionTimeoutError:
                # Not our memory's user any more: it must not write there later.
                process.child.stop()
                self._note_death(process)

    def _note_death(self, process: DeviceProcess) -> None:
        if self._board.state(process.index) != DeviceState.DIED:
            self._board.set_state(process.index, DeviceState.DIED)
            # The machine survives it; reports show the state.
            process.child.reported = True


def spin_ns(devices: int, cores: int) -> int:
    """
    Give how long an idle device looks for work before it sleeps.

    A wake-up costs 50 to 90 us; a device that spins takes that much from others
    where cores are fewer than processes.
    """
    return 50_000 if devices < cores else 20_000

"""
The machine's device processes: started, told of memory, watched.

    STARTING --ready--> READY --its pidfd says so--> DIED      (words of the board)

A device that died is never waited for: its word says DIED, every driver chooses its
queues anew, and what was in flight there is done in software.
"""

import os
import signal
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from mpzswap.device.counters import DeviceCounters
from mpzswap.device.main import DeviceConfig
from mpzswap.device.words import COUNTERS
from mpzswap.errors import CompletionTimeoutError, DeviceDiedError
from mpzswap.machine.board import Board, CpuWord, DeviceState
from mpzswap.machine.child import Child
from mpzswap.machine.ending import KILL_TIMEOUT_S, send_signal, wait_gone
from mpzswap.machine.process import Starter
from mpzswap.ring.attach import Attach, Detach, PublishCounters, encode
from mpzswap.topology.model import Device, Topology
from mpzswap.topology.wq_table import WqId

ENTRY = "mpzswap.device.main:main"
# An idle device looks for work for longer than the gaps between two sub-batches: to
# wake a sleeping one costs 50 to 90 us, most of it the submitter's.  Between looks it
# yields its core; without that, 200 us halved the speed of stores on two cores.
SPIN_NS = 100_000
# A device looks at its control after the batch in hand; other processes may have the
# core.  Mapping and prefaulting a GiB takes it half a second more.
ANSWER_TIMEOUT_S = 5.0
ANSWER_S_PER_GIB = 5.0
# Statistics are not worth a longer wait; a stuck device's are a little older.
COUNTERS_TIMEOUT_S = 0.5


@dataclass(eq=False)
class DeviceProcess:
    """One device: its process and its doorbell."""

    index: int
    device: Device
    child: Child
    eventfd: int
    # How it ended; empty while it lives.
    death: str = ""

    @property
    def name(self) -> str:
        """As the topology has it."""
        return self.device.name


class Devices:
    """All device processes of a machine."""

    def __init__(self, topology: Topology, board: Board) -> None:
        self.all: list[DeviceProcess] = []
        # Threads of the user share the control sockets: one at a time.
        self._lock = threading.Lock()
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
                core=place(index, len(self._topology.devices), cores),
                spin_ns=SPIN_NS,
            )
            try:
                child = starter.start(
                    ENTRY,
                    f"device {device.name}",
                    msgspec.json.encode(config),
                    [self._board.segment.fd, eventfd],
                )
            except BaseException:
                os.close(eventfd)
                raise
            self.all.append(DeviceProcess(index, device, child, eventfd))
        for process in self.all:
            process.child.wait_ready()
            self._board.set_state(process.index, DeviceState.READY)

    def let_end(self) -> None:
        """From now on it is no news that a device has ended."""
        self.look()
        for process in self.all:
            process.child.reported = True

    def close(self) -> None:
        """Give the doorbells back; the processes end with their starter."""
        for process in self.all:
            os.close(process.eventfd)
        self.all.clear()

    @property
    def eventfds(self) -> tuple[int, ...]:
        """The doorbell of each device."""
        return tuple(process.eventfd for process in self.all)

    def attach(self, messages: Sequence[Attach], fds: Sequence[int]) -> None:
        """
        Tell each device its message about a segment, and wait for all.

        Args:
            messages: one a device.
            fds: the segment's, and that of the interrupt which it brings.
        """
        size_gib = os.fstat(fds[0]).st_size / (1 << 30)
        limit_s = ANSWER_TIMEOUT_S + ANSWER_S_PER_GIB * size_gib
        self._tell([encode(message) for message in messages], fds, limit_s)

    def detach(self, message: Detach) -> None:
        """Let all devices forget a segment; when this returns they have."""
        self._tell([encode(message)] * len(self.all))

    def publish_counters(self) -> None:
        """Let all devices write their counters; one that is busy has older ones."""
        self._tell(
            [encode(PublishCounters())] * len(self.all),
            limit_s=COUNTERS_TIMEOUT_S,
            end_late=False,
        )

    def look(self) -> None:
        """Note in the board which devices have died, and end those that are late."""
        # Whoever has the lock is talking to the devices, and sees deaths as well.  Not
        # acquire and try: an interrupt between the two would keep it for ever.
        if self._lock.locked():
            return
        with self._lock:
            for late in filter(None, self._board.cpu_row(CpuWord.LATE_DEVICES)):
                for index in range(len(self.all)):
                    if late >> index & 1:
                        self.end(index)
            for process in self.all:
                if not process.child.is_alive():
                    self._note_death(process)

    def end(self, index: int) -> None:
        """
        End a device that does not answer; ``look`` notes it when it is gone.

        By SIGKILL, which a stopped process does not survive either: it must not
        write later into memory that then belongs to somebody else.
        """
        process = self.all[index]
        if self.state(index) != DeviceState.DIED:
            send_signal(process.child.process.pidfd, signal.SIGKILL)

    def state(self, index: int) -> DeviceState:
        """Give what is known of a device."""
        return DeviceState(self._board.state(index))

    def queue_state(self, wq: WqId) -> str:
        """Give "enabled" or "disabled"."""
        return "enabled" if self._board.is_enabled(wq) else "disabled"

    def counters(self, index: int) -> DeviceCounters:
        """Give what a device has counted."""
        words = self._board.device_words(index)
        return DeviceCounters.read(words[COUNTERS])

    def _tell(
        self,
        bodies: Sequence[bytes],
        fds: Sequence[int] = (),
        limit_s: float = ANSWER_TIMEOUT_S,
        *,
        end_late: bool = True,
    ) -> None:
        """Send each device its message, then wait for all answers."""
        with self._lock:
            told = [
                (process, body)
                for process, body in zip(self.all, bodies, strict=True)
                if self.state(process.index) != DeviceState.DIED
                and self._say(process, body, fds)
            ]
            for process, body in told:
                try:
                    self._hear(process, body, limit_s)
                except CompletionTimeoutError:
                    if end_late:
                        self._end_now(process)

    def _say(self, process: DeviceProcess, body: bytes, fds: Sequence[int]) -> bool:
        try:
            process.child.send(body, fds)
        except DeviceDiedError:
            self._note_death(process)
            return False
        except CompletionTimeoutError:
            self._end_now(process)
            return False
        return True

    def _hear(self, process: DeviceProcess, body: bytes, limit_s: float) -> None:
        """Wait for the answer to *body*; earlier ones that nobody took are dropped."""
        until = time.monotonic() + limit_s
        try:
            answer = None
            while answer != body:
                left_s = max(0.0, until - time.monotonic())
                answer = process.child.receive(left_s).body
        except DeviceDiedError:
            self._note_death(process)

    def _end_now(self, process: DeviceProcess) -> None:
        self.end(process.index)
        wait_gone([process.child.process.pidfd], KILL_TIMEOUT_S, {})
        self._note_death(process)

    def _note_death(self, process: DeviceProcess) -> None:
        if self.state(process.index) == DeviceState.DIED:
            return
        self._board.set_state(process.index, DeviceState.DIED)
        death = process.child.death()
        process.death = str(death)
        if death.__cause__ is not None:
            # The machine survives it, but it is a bug of ours: show it.
            warnings.warn(f"{death}\n{death.__cause__}", RuntimeWarning, stacklevel=2)


def place(index: int, devices: int, cores: Sequence[int]) -> int | None:
    """
    Give the core that a device stays on; None: the scheduler decides.

    Two busy devices that may move were seen to share a core for long.  But where
    submitters have no core of their own, one that runs on a device's core holds that
    device up, though another core is idle: stores took twice as long.  Two machines
    that are open at once pin to the same cores.
    """
    return cores[index] if devices < len(cores) else None

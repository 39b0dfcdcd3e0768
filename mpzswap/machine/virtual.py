"""
A starter whose children are no processes: the same entries, in virtual time.

    parent: Core, gather ... --wait--> the scheduler runs the children, in turn
                                         each in a greenlet, over the same sockets,
                                         segments, doorbells and rings

The parent waits by ``wait`` and by what it hears of a child; both let virtual time
pass, and nothing else does.  There are no pids here: what stands for a pidfd becomes
readable when a child has ended.
"""

import importlib
import math
import os
import resource
import select
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from mpzswap.clock.config import ClockConfig
from mpzswap.clock.virtual import Actor, Scheduler, VirtualClock
from mpzswap.clock.work import Clock
from mpzswap.errors import InputError, MpzswapError
from mpzswap.machine import ending
from mpzswap.machine.child import Child, Process
from mpzswap.machine.control import Channel, ChildControl
from mpzswap.ring.doorbell import new_eventfd

# The parent looks how far all are this often, as it does each 0.1 s of a host.
LOOK_INTERVAL_NS = 100_000
# Counted, and rounded up: what the process has open, each device, each worker; and what
# a worker has for each device: its doorbell, its two segments there, its interrupt.
FILES, FILES_A_DEVICE, FILES_A_WORKER, FILES_OF_BOTH = 64, 16, 16, 6


def check_files(workers: int, devices: int) -> None:
    """
    Refuse more workers than the host allows files for.

    Raises:
        InputError: it is so.
    """
    each = FILES_A_WORKER + FILES_OF_BOTH * devices
    needed = FILES + FILES_A_DEVICE * devices + workers * each
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise InputError(
            f"workers: {workers}: with {devices} devices in one process they have "
            f"{needed} files open: must be at most {hard}, what the host allows"
        )


@dataclass(frozen=True)
class VirtualProcess(Process):
    """What stands for a process; no signal can be sent to it."""

    end: Callable[[Process], None]

    def kill(self) -> None:
        """End it where it stands."""
        self.end(self)


class VirtualStarter:
    """
    The life cycle of all children; a context manager.

    Args:
        clock: of every child.
    """

    def __init__(self, clock: ClockConfig) -> None:
        self._scheduler = Scheduler()
        self._costs = clock.costs
        self.clock: Clock = self._new_clock()
        self._children: list[Child] = []
        self._actors: list[Actor] = []
        self._exit_codes: dict[int, int] = {}
        # What each child was given, and has not given back: its end of the control,
        # and copies of descriptors.
        self._given: dict[int, tuple[ChildControl, list[int]]] = {}

    def __enter__(self) -> Self:
        """Let this process have as many files as all children have together."""
        # For good: another machine of this process may have come to rely on it.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let all drain, or end them where they stand if the block did not."""
        for child in self._children:
            child.ask_to_drain()
        try:
            if error is None:
                self._drain()
        finally:
            self._end()
        unreported = [
            child for child in self._children if child.failed and not child.reported
        ]
        if error is None and unreported:
            raise unreported[0].death()

    def _end(self) -> None:
        """End all where they stand, hear their last words, and give all back."""
        self._scheduler.end()
        for child in self._children:
            # One that was not begun has no end of its own.
            self._give_back(child.pid)
            if not child.closed:
                child.listen()
                _ = child.exit_code
                child.close()

    def _drain(self) -> None:
        """Run until every child has ended; one that does not in time is ended."""
        until_ns = self._scheduler.now_ns + round(ending.DRAIN_TIMEOUT_S * 1e9)
        for child in self._children:
            if child.is_alive():
                self._scheduler.run([child.process.pidfd], until_ns)

    @property
    def pid(self) -> int:
        """The process in which all of it happens."""
        return os.getpid()

    @property
    def children(self) -> tuple[Child, ...]:
        """All that were started, in that order."""
        return tuple(self._children)

    def start(
        self, entry: str, name: str, config: bytes = b"", fds: Sequence[int] = ()
    ) -> Child:
        """
        Start a child that calls *entry*; see ``machine.process``.

        Raises:
            MpzswapError: the host does not allow as many open files.
        """
        try:
            return self._start(entry, name, config, fds)
        except OSError as error:
            raise MpzswapError(f"{name}: no file: {error.strerror}") from error

    def _start(self, entry: str, name: str, config: bytes, fds: Sequence[int]) -> Child:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ended = new_eventfd(name)
        number = len(self._children)
        exit_code = partial(self._exit_codes.get, number)
        process = VirtualProcess(number, ended, exit_code, self._kill)
        child = Child(name, process, ours, self._wait_for, self.now_s)
        control = ChildControl(
            Channel(theirs, self._child_waits_for), self._new_clock()
        )
        told = control, config, [os.dup(fd) for fd in fds]
        self._given[number] = control, told[2]
        self._children.append(child)
        act = partial(self._run, entry, told, process)
        self._actors.append(self._scheduler.spawn(name, act))
        return child

    def wait(self, fds: Sequence[int], limit_s: float) -> list[int]:
        """Let children run until one of *fds* can be read, or it is time to look."""
        del limit_s
        return self._scheduler.run(fds, self._scheduler.now_ns + LOOK_INTERVAL_NS)

    def now_s(self) -> float:
        """Give the time that limits count: a host's would tell how fast that is."""
        return self._scheduler.now_ns / 1e9

    def _new_clock(self) -> VirtualClock:
        return VirtualClock(self._scheduler, self._costs)

    def _run(
        self, entry: str, told: tuple[ChildControl, bytes, list[int]], process: Process
    ) -> None:
        """Be a child, from its first line to its last."""
        control = told[0]
        status = 1
        module, _, function = entry.partition(":")
        try:
            getattr(importlib.import_module(module), function)(*told)
            status = 0
        except Exception as error:  # noqa: BLE001 - the parent raises it
            control.report_failure(error)
        finally:
            self._note_end(process, status)

    def _kill(self, process: Process) -> None:
        """End a child where it stands, whether it has begun or not."""
        if process.pid in self._given:
            self._exit_codes[process.pid] = -signal.SIGKILL
            actor = self._actors[process.pid]
            self._scheduler.kill(actor)
            if actor.greenlet.dead:
                self._note_end(process, -signal.SIGKILL)

    def _note_end(self, process: Process, status: int) -> None:
        """Let the parent see that a child has ended; it may be repeated."""
        if process.pid in self._given:
            self._exit_codes.setdefault(process.pid, status)
            self._give_back(process.pid)
            os.eventfd_write(process.pidfd, 1)

    def _give_back(self, number: int) -> None:
        """Close what a child was given, as the system does when a process ends."""
        if number in self._given:
            control, fds = self._given.pop(number)
            control.close()
            for fd in fds:
                os.close(fd)

    # What waits

    def _wait_for(self, fds: Sequence[int], events: int, until: float) -> list[int]:
        """Wait, as the parent."""
        del events
        if until == math.inf:
            return self._scheduler.run(fds)
        left_ns = round(max(0.0, until - self.now_s()) * 1e9)
        return self._scheduler.run(fds, self._scheduler.now_ns + left_ns)

    def _child_waits_for(
        self, fds: Sequence[int], events: int, until: float
    ) -> list[int]:
        """Wait, as a child; without limit, for its parent is always there."""
        del until
        self._scheduler.wait_readable(fds, None, events)
        poller = select.poll()
        for fd in fds:
            poller.register(fd, events)
        return [fd for fd, _ in poller.poll(0)]

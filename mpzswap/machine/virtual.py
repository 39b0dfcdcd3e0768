"""
A starter whose children are no processes: the same entries, in virtual time.

    parent: Core, gather ... --wait--> the scheduler runs the children, in turn
                                         each in a greenlet, over the same sockets,
                                         segments, doorbells and rings

The parent waits by ``wait`` and by what it hears of a child; both let virtual time
pass, and nothing else does.  There are no pids here: what stands for a pidfd becomes
readable when a child has ended.
"""

import contextlib
import importlib
import os
import resource
import select
import socket
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Self

from mpzswap.clock.config import ClockConfig
from mpzswap.clock.virtual import Scheduler, VirtualClock
from mpzswap.clock.work import Clock
from mpzswap.machine.child import Child, Process
from mpzswap.machine.control import Channel, ChildControl
from mpzswap.ring.doorbell import new_eventfd

# The parent looks how far all are this often, as it does each 0.1 s of a host.
LOOK_INTERVAL_NS = 100_000
# What 72 workers and 8 devices have open together, twice over.
WANTED_FILES = 8192


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
        self._exit_codes: dict[str, int] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Let this process have as many files as all children have together."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = max(soft, min(hard, WANTED_FILES))
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        self._stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let all drain, or end them where they stand if the block did not."""
        with self._stack:
            for child in self._children:
                child.ask_to_drain()
            if error is None:
                self._drain()
            self._scheduler.end()
            unreported = [
                child for child in self._children if child.failed and not child.reported
            ]
            for child in self._children:
                child.close()
        if error is None and unreported:
            raise unreported[0].death()

    def _drain(self) -> None:
        """Run until every child has ended."""
        for child in self._children:
            while child.is_alive():
                self._scheduler.run([child.process.pidfd])

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
        """Start a child that calls *entry*; see ``machine.process``."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ended = new_eventfd(name)
        number = len(self._children)
        exit_code = partial(self._exit_codes.get, str(number))
        process = Process(number, ended, exit_code)
        child = Child(name, process, ours, self._wait_for)
        control = ChildControl(
            Channel(theirs, self._child_waits_for), self._new_clock()
        )
        told = control, config, [os.dup(fd) for fd in fds]
        self._children.append(child)
        self._scheduler.spawn(name, partial(self._run, entry, told, process))
        return child

    def wait(self, fds: Sequence[int], limit_s: float) -> list[int]:
        """Let children run until one of *fds* can be read, or it is time to look."""
        del limit_s
        return self._scheduler.run(fds, self._scheduler.now_ns + LOOK_INTERVAL_NS)

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
            self._exit_codes[str(process.pid)] = status
            control.close()
            os.eventfd_write(process.pidfd, 1)

    # What waits: limits are of the host's time, which does not pass here

    def _wait_for(self, fds: Sequence[int], events: int, until: float) -> list[int]:
        """Wait, as the parent."""
        del until, events
        return self._scheduler.run(fds)

    def _child_waits_for(
        self, fds: Sequence[int], events: int, until: float
    ) -> list[int]:
        """Wait, as a child."""
        del until
        self._scheduler.wait_readable(fds, None, events)
        poller = select.poll()
        for fd in fds:
            poller.register(fd, events)
        return [fd for fd, _ in poller.poll(0)]

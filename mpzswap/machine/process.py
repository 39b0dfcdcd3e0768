"""
Start and stop processes; nothing else in the package does.

    with Starter(modules=["mpzswap.device.main"]) as starter:
        child = starter.start("mpzswap.device.main:run", "device iax1", config, fds)
        info = child.wait_ready()
        ...

After the block, however it ends, no child is left: all are asked to drain, then all
are waited for, and what stays is ended by signals.  The starter goes last.

What happens when           what the children see        who ends those that stay
    the block ends          end of file on control       we, then the starter
    we are killed           the same, by the kernel      the starter
    the starter is killed   nothing; they go on          we
    Ctrl-C                  nothing: they ignore it      we, as the block unwinds
    the user forks          nothing: the copy lets go    -

Why a process of our own, and not multiprocessing's fork server: that one imports the
user's main module, and a fork of the user's process copies its threads' locks.

A fork of the user's process finds everything here closed and can stop nothing.  A fork
that Python does not see (made by a C library) keeps our sockets open: if we are then
killed, the children leave when that process does.
"""

import contextlib
import os
import select
import socket
import time
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from mpzswap.clock.config import WORK, ClockConfig, make_clock
from mpzswap.errors import InputError, MpzswapError
from mpzswap.machine.child import Child, stop_together
from mpzswap.machine.control import Kind, wait_for
from mpzswap.machine.link import Link


class Starter:
    """
    The life cycle of all children; a context manager.

    Args:
        modules: imported by the starter, so that children find them there.
        allowed: packages whose functions may be an entry.
        clock: of every child.
    """

    def __init__(
        self,
        modules: Sequence[str] = (),
        allowed: Sequence[str] = ("mpzswap",),
        clock: ClockConfig = WORK,
    ) -> None:
        self.clock = make_clock(clock)
        self._allowed = frozenset(allowed)
        self._children: list[Child] = []
        self._link = Link(modules, clock)
        # Runs once: by close, when we are forgotten, or when the interpreter exits.
        self._end = weakref.finalize(
            self, end_all, os.getpid(), self._link, self._children
        )
        # It cannot be unregistered; what stays for ever is a dead reference.
        me = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: let_go(me()))

    def __enter__(self) -> Self:
        """Give the starter itself; it is usable at once."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all; raise the death of a child only if the block did not raise."""
        self._end()
        if error is None:
            self._raise_unreported()

    def close(self) -> None:
        """
        End all children, then the starter.

        Raises:
            DeviceDiedError: a child ended badly, and nobody was told before.
        """
        self.__exit__(None, None, None)

    def _raise_unreported(self) -> None:
        for child in self._children:
            if child.failed and not child.reported:
                raise child.death()

    @property
    def pid(self) -> int:
        """The starter process's own pid, for people."""
        return self._link.pid

    @property
    def children(self) -> tuple[Child, ...]:
        """All that were started, in that order, the dead ones too."""
        return tuple(self._children)

    def start(
        self, entry: str, name: str, config: bytes = b"", fds: Sequence[int] = ()
    ) -> Child:
        """
        Start a child that calls *entry*, "package.module:function".

        The function gets a ChildControl, *config* and its own copies of *fds*.

        Raises:
            InputError: *entry* is in no allowed package.
            DeviceDiedError: the starter, or the new child, is dead.
        """
        package = entry.partition(":")[0].partition(".")[0]
        if package not in self._allowed:
            raise InputError(f"{name}: entry {entry!r} is in no allowed package")
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            raise MpzswapError(f"{name}: no socket: {error.strerror}") from error
        with contextlib.ExitStack() as stack, theirs:
            stack.enter_context(ours)
            process = self._link.start_child(entry, name, theirs)
            stack.pop_all()
        child = Child(name, process, ours)
        self._children.append(child)
        try:
            child.send(config, fds, Kind.START)
        except BaseException:
            # Nobody is given it, so how it ends is no news; it leaves at once.
            child.ask_to_drain()
            child.reported = True
            raise
        return child

    # The time that limits count.
    now_s = staticmethod(time.monotonic)

    @staticmethod
    def wait(fds: Sequence[int], limit_s: float) -> list[int]:
        """Give those of *fds* that can be read; none after *limit_s*."""
        return wait_for(fds, select.POLLIN, time.monotonic() + limit_s)


def end_all(owner_pid: int, link: Link, children: list[Child]) -> None:
    """End the children, then the starter; in a copy of the owner do nothing."""
    if os.getpid() != owner_pid:
        return
    try:
        stop_together(children)
    finally:
        # After a second Ctrl-C too: the starter then ends those that are left.
        for child in children:
            child.close()
        link.close()


def let_go(starter: Starter | None) -> None:
    """In a fork of the user's process: the children are the parent's alone."""
    if starter is None or not starter._end.detach():  # noqa: SLF001 - our own class
        return
    for child in starter._children:  # noqa: SLF001 - the same
        child.close()
    starter._link.let_go()  # noqa: SLF001 - the same

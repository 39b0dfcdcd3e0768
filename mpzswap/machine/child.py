"""
A child as its parent sees it.

    STARTING --READY--> READY --ask_to_drain--> DRAINING --exit 0--> stopped
        |                 |                        |
        +-----------------+------------------------+--anything else--> died

What the child says comes over its control socket; that it has ended is seen at its
pidfd; with which exit code is what the starter, who is its parent in the system's
eyes, tells on request.

Invariants:

*  A dead child's words are read before its death is told, so its failure, sent last,
   becomes the cause of the error.
*  No wait depends on the child alone: each ends with its death or at a limit.
*  One thread at a time uses a child; different children may have different threads.
"""

import collections
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import msgspec

from mpzswap.errors import ClosedError, CompletionTimeoutError, DeviceDiedError
from mpzswap.machine import ending
from mpzswap.machine.control import (
    Channel,
    Failure,
    Kind,
    Message,
    RemoteTraceback,
    WaitFor,
    wait_for,
)

# The fork takes milliseconds; a child may prefault gigabytes before it is ready.
READY_TIMEOUT_S = 10.0
# A child looks at its control after each batch; one that leaves the socket full for
# this long is stuck.
SEND_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Process:
    """A process: its pid to be shown, its pidfd to be used, its exit code."""

    pid: int
    pidfd: int
    # None if it is not known: not ended, or the starter ended first.
    ask_exit_code: Callable[[], int | None]

    def kill(self) -> None:
        """End it by SIGKILL, which a stopped process does not survive either."""
        ending.send_signal(self.pidfd, signal.SIGKILL)


class Child:
    """
    One child of the starter, from its fork on.

    Args:
        wait, now_s: how its parent waits, and the time that limits count.

    Attributes:
        name: as given, for messages.
        process: its pid and pidfd; the pidfd is readable when the child has ended.
        reported: its death was raised or given to somebody.
        closed: it was stopped, or belongs to the process that we are a fork of.
    """

    def __init__(
        self,
        name: str,
        process: Process,
        control: socket.socket,
        wait: WaitFor = wait_for,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wait = wait
        self._now_s = now_s
        self.name = name
        self.process = process
        self.reported = False
        self.closed = False
        self._channel = Channel(control)
        self._heard: collections.deque[Message] = collections.deque()
        self._failure: Failure | None = None
        self._exit_code: int | None = None
        self._asked = False
        self._gone_unasked = False

    def __repr__(self) -> str:
        """Show the name and the pid."""
        return f"Child({self.name!r}, pid {self.process.pid})"

    @property
    def pid(self) -> int:
        """Its pid, for people; signals go to ``process.pidfd``."""
        return self.process.pid

    def fileno(self) -> int:
        """Give the control's descriptor to poll: readable for a message and the end."""
        return self._channel.fileno()

    # What it says and hears

    def wait_ready(self, limit_s: float = READY_TIMEOUT_S) -> bytes:
        """Wait until it is ready; give the info that came with the word."""
        message = self._receive(limit_s, "ready")
        if message.kind is not Kind.READY:
            raise DeviceDiedError(f"{self.name}: said {message.kind.name} before READY")
        return message.body

    def send(
        self, body: bytes, fds: Sequence[int] = (), kind: Kind = Kind.MESSAGE
    ) -> None:
        """
        Send *body* and copies of *fds*.

        Raises:
            DeviceDiedError: it is dead, or has closed its end.
            CompletionTimeoutError: it left its socket full for ``SEND_TIMEOUT_S``.
        """
        self._check_open()
        if self._asked:
            raise ClosedError(f"{self.name}: was asked to drain")
        try:
            self._channel.send(Message(kind, body, tuple(fds)), SEND_TIMEOUT_S)
        except TimeoutError as error:
            raise CompletionTimeoutError(
                f"{self.name}: took no message within {SEND_TIMEOUT_S} s"
            ) from error
        except ConnectionError as error:
            raise self.death() from (self._cause() or error)

    def receive(self, limit_s: float) -> Message:
        """
        Give its next message.

        Raises:
            DeviceDiedError: it is dead, or has closed its end.
            CompletionTimeoutError: it said nothing within *limit_s*.
        """
        return self._receive(limit_s, "a message")

    def _receive(self, limit_s: float, awaited: str) -> Message:
        until = self._now_s() + limit_s
        while True:
            self._check_open()
            # Before listening: what it said before its end is then all heard.
            gone = ending.is_gone(self.process.pidfd)
            message = self.receive_nowait()
            if message is not None:
                return message
            if gone or self._channel.ended:
                raise self.death()
            both = [self._channel.fileno(), self.process.pidfd]
            if not self._wait(both, select.POLLIN, until):
                raise CompletionTimeoutError(
                    f"{self.name}: {awaited} did not come within {limit_s} s"
                )

    def receive_nowait(self) -> Message | None:
        """Give its next message if it is there; of deaths see ``check_alive``."""
        self._check_open()
        self.listen()
        return self._heard.popleft() if self._heard else None

    def listen(self) -> bool:
        """Hear all that is there; tell whether more may come."""
        while (message := self._channel.receive_nowait()) is not None:
            if message.kind is Kind.FAILURE:
                self._failure = msgspec.json.decode(message.body, type=Failure)
            else:
                self._heard.append(message)
        return not self._channel.ended

    # Its life

    def is_alive(self) -> bool:
        """Tell whether the process is still there; never blocks."""
        return not self.closed and not ending.is_gone(self.process.pidfd)

    def check_alive(self) -> None:
        """Raise DeviceDiedError if it has ended; it names the child and how."""
        if not self.is_alive():
            raise self.death()

    def death(self) -> DeviceDiedError:
        """Give the error for a child that has ended; its traceback is the cause."""
        if not self.closed:
            # It may have closed its end and be on its way out.
            ending.wait_gone([self.process.pidfd], ending.TERM_TIMEOUT_S, {})
            self.listen()
        self.reported = True
        words = f": {self._failure.summary}" if self._failure else ""
        error = DeviceDiedError(f"{self.name}: {self._ending()}{words}")
        error.__cause__ = self._cause()
        return error

    def _ending(self) -> str:
        code = self.exit_code
        if code is None and self.is_alive():
            return "closed its control socket"
        if code is None:
            return "died with an unknown exit code, after the starter"
        late = self._asked and not self._gone_unasked
        return describe(code) + (" after it was asked to drain" if late else "")

    def _cause(self) -> RemoteTraceback | None:
        return RemoteTraceback(self._failure.traceback) if self._failure else None

    @property
    def exit_code(self) -> int | None:
        """Minus the signal if one ended it; None if alive or not to be known."""
        if self._exit_code is None and not self.closed and not self.is_alive():
            self._exit_code = self.process.ask_exit_code()
        return self._exit_code

    @property
    def failed(self) -> bool:
        """Whether it raised, ended with another exit code than 0, or vanished."""
        if self._failure is not None:
            return True
        return self._gone_unasked if self.exit_code is None else self.exit_code != 0

    # Its end

    def ask_to_drain(self) -> None:
        """Let it finish what it has and leave; its last words are still heard."""
        if not (self._asked or self.closed):
            self._gone_unasked = not self.is_alive()
            self._asked = True
            self._channel.shut()

    def stop(self, drain_s: float = ending.DRAIN_TIMEOUT_S) -> int | None:
        """Ask, wait, use force if need be; give the exit code.  It may be repeated."""
        stop_together([self], drain_s)
        self.reported = True
        return self.exit_code

    def close(self) -> None:
        """Give back what we hold of it; if it lives, it finds its control closed."""
        if not self.closed:
            self.closed = True
            self._channel.close()
            os.close(self.process.pidfd)

    def _check_open(self) -> None:
        if self.closed:
            raise ClosedError(f"{self.name}: was stopped, or belongs to our parent")


def stop_together(
    children: Collection[Child], drain_s: float = ending.DRAIN_TIMEOUT_S
) -> None:
    """Ask all, then wait for all; those that stay are ended by signals."""
    children = [child for child in children if not child.closed]
    for child in children:
        child.ask_to_drain()
    ending.end(
        [child.process.pidfd for child in children],
        {child.fileno(): child.listen for child in children},
        drain_s,
    )
    for child in children:
        child.listen()
        _ = child.exit_code
        child.close()


def describe(exit_code: int) -> str:
    """Say in words how a process ended."""
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"died with {name} (exit code {exit_code})"

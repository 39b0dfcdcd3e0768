"""
The starter process: it imports once and forks every child.

    user's process --exec--> starter --fork--> child, child, ...
          |                     |                |
          |== requests, pidfds =|                |
          |=============== control, one a child =|

The starter has one thread and none of the user's locks, threads or open files, so
forking it is safe, and a child is there in milliseconds with all imports done.

It is also the warden.  While the parent lives, it reaps children and keeps their exit
codes until the parent asks.  When the parent's end of its socket closes, by a call or
by death, it gives the children time to drain and ends by force what stays.

Invariants:

*  One thread, so that a fork copies no lock that somebody holds.
*  The starter never holds a control socket but while it forks that child, so that a
   child's control is open in the parent and in that child alone.
*  A child is known by the number of the request that started it and by its pidfd,
   opened before it can be reaped: no pid is ever looked up.
"""

import contextlib
import fcntl
import gc
import importlib
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec

from mpzswap.clock.config import WORK, ClockConfig, make_clock
from mpzswap.clock.work import WorkClock
from mpzswap.machine import ending
from mpzswap.machine.control import Channel, ChildControl, Failure, Kind, Message
from mpzswap.machine.orphan import leave_with_parent

# Exit statuses of a child and of the starter.
EXIT_DONE = 0
# It raised; the traceback was sent.
EXIT_FAILED = 1
# The parent was gone before the child could say what it had to.
EXIT_ORPHANED = 3

# The parent sends it right after the fork; an interrupted parent closes the socket.
START_TIMEOUT_S = 10.0

# Linux, include/linux/sched.h, TASK_COMM_LEN: 16 with the final zero.
COMM_BYTES = 15

# Linux lets a sleep end up to 50 us late (proc(5), timerslack_ns); ours are that long.
TIMER_SLACK_NS = 1000
TIMER_SLACK = Path("/proc/self/timerslack_ns")

Entry = Callable[[ChildControl, bytes, list[int]], None]


class Setup(msgspec.Struct, frozen=True):
    """The first message to the starter: what to import, and whose time it is."""

    modules: list[str]
    # The clock that each child has.
    clock: ClockConfig = WORK


class StartChild(msgspec.Struct, frozen=True, tag=True):
    """Fork a child; its control socket comes along."""

    number: int
    entry: str
    name: str


class TellExit(msgspec.Struct, frozen=True, tag=True):
    """Say how the child of request *child* ended."""

    number: int
    child: int


class Answer(msgspec.Struct, frozen=True):
    """The answer to the request of that number; a pidfd comes with a pid."""

    number: int
    pid: int = 0
    exit_code: int | None = None
    failure: Failure | None = None


def main() -> NoReturn:
    """Be the starter, from the first line to the last."""
    set_signals()
    set_process_name("mpzswap starter")
    channel = take_socket()
    server = Server(channel)
    status = EXIT_DONE
    try:
        server.set_up()
        server.serve()
    except ConnectionError:
        server.end_children()
        status = EXIT_ORPHANED
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        # The children are not ours to end: the parent still has them.
        status = report(ChildControl(channel, WorkClock()), error)
    leave(status)


def set_signals() -> None:
    """Take back what the user's process had ignored or blocked when it executed us."""
    # Ignored, it would have the system reap children, and their exit codes be lost.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # The parent alone acts on Ctrl-C; it blocked it for our first moments.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def take_socket() -> Channel:
    """Take the socket from standard input; leave all three standard files open."""
    # A descriptor that the user closed would go to the next socket or file, and a
    # stray print would then write into it.
    fd = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    for standard in (1, 2):
        with contextlib.suppress(OSError):
            os.fstat(standard)
            continue
        os.dup2(null, standard)
    if null > 2:  # noqa: PLR2004 - the last of the standard three
        os.close(null)
    return Channel(socket.socket(fileno=fd))


class Server:
    """What the starter knows: its parent and its children."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        # By request number.
        self._clock = WORK
        self._pidfds: dict[int, int] = {}
        self._exit_codes: dict[int, int] = {}

    def set_up(self) -> None:
        """Import what children need."""
        message = self._channel.receive(START_TIMEOUT_S)
        if message is None:
            raise ConnectionAbortedError("no parent")
        setup = msgspec.json.decode(message.body, type=Setup)
        self._clock = setup.clock
        for module in setup.modules:
            importlib.import_module(module)
        # A child's collector leaves alone what was here before it, so that these
        # pages stay shared.
        gc.collect()
        gc.freeze()
        self._channel.send(Message(Kind.READY), limit_s=None)

    def serve(self) -> None:
        """Answer and reap until the parent's end closes, then end the children."""
        while not self._channel.ended:
            poller = select.poll()
            for fd in (self._channel.fileno(), *self._pidfds.values()):
                poller.register(fd, select.POLLIN)
            # No limit but the parent's life.
            poller.poll()
            self._reap()
            while (message := self._channel.receive_nowait()) is not None:
                self._answer(message)
        self.end_children()

    def end_children(self) -> None:
        """Give the children time to drain; end by force what stays."""
        ending.end(self._pidfds.values(), {})
        self._reap()

    def _reap(self) -> None:
        for number, pidfd in list(self._pidfds.items()):
            end = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
            if end is not None:
                exited = end.si_code == os.CLD_EXITED
                self._exit_codes[number] = end.si_status if exited else -end.si_status
                os.close(self._pidfds.pop(number))

    def _answer(self, message: Message) -> None:
        request = msgspec.json.decode(message.body, type=StartChild | TellExit)
        fds: tuple[int, ...] = ()
        if isinstance(request, TellExit):
            self._reap()
            code = self._exit_codes.get(request.child)
            answer = Answer(request.number, exit_code=code)
        else:
            try:
                pid = self._fork(request, message.fds[0])
            except OSError as error:
                answer = Answer(request.number, failure=Failure.of(error))
            else:
                answer = Answer(request.number, pid)
                fds = (self._pidfds[request.number],)
            message.close_fds()
        body = msgspec.json.encode(answer)
        self._channel.send(Message(Kind.MESSAGE, body, fds), limit_s=None)

    def _fork(self, request: StartChild, control: int) -> int:
        pid = os.fork()
        if pid == 0:
            self._forget()
            clock = make_clock(self._clock)
            channel = Channel(socket.socket(fileno=control))
            run_child(request, ChildControl(channel, clock), channel)
        try:
            self._pidfds[request.number] = os.pidfd_open(pid)
        except OSError:
            # Not yet reaped, so the pid is still its own.
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        return pid

    def _forget(self) -> None:
        """In a new child: close what is the starter's."""
        self._channel.close()
        for pidfd in self._pidfds.values():
            os.close(pidfd)
        self._pidfds.clear()


def run_child(request: StartChild, control: ChildControl, channel: Channel) -> NoReturn:
    """Be a child, from the fork to the end; SIGINT is ignored since the starter."""
    status = EXIT_FAILED
    try:
        set_process_name(request.name)
        set_timer_slack()
        leave_with_parent(channel, lambda: leave(EXIT_ORPHANED))
        message = channel.receive(START_TIMEOUT_S)
        if message is None:
            leave(EXIT_ORPHANED)
        find_entry(request.entry)(control, message.body, list(message.fds))
        status = EXIT_DONE
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        status = report(control, error)
    finally:
        # Whatever happens, a child never returns into the starter's loop.
        leave(status)


def report(control: ChildControl, error: BaseException) -> int:
    """Send *error* to the parent; give the exit status."""
    try:
        control.report_failure(error)
    except ConnectionError:
        return EXIT_ORPHANED
    return EXIT_FAILED


def find_entry(entry: str) -> Entry:
    """Give the function that ``package.module:function`` names."""
    module, _, function = entry.partition(":")
    found: Entry = getattr(importlib.import_module(module), function)
    return found


def set_process_name(name: str) -> None:
    """Show *name* in ps and top."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "wb") as comm:  # noqa: PTH123 - a plain write
        comm.write(name.encode()[:COMM_BYTES])


def set_timer_slack() -> None:
    """Let our sleeps end at most a microsecond late, where the system has that."""
    # Some sandboxes do not let us; then we are slower, and as right as before.
    with contextlib.suppress(OSError):
        TIMER_SLACK.write_text(str(TIMER_SLACK_NS), encoding="ascii")


def leave(status: int) -> NoReturn:
    """End this process now; nothing of the starter's is run in a child."""
    for stream in (sys.stdout, sys.stderr):
        # AttributeError: None, since it was closed when the user's process began.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(status)
